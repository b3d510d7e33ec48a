/* The first half of fast parsing (Langdale and Lemire 2019, "Parsing gigabytes of JSON per second", stage 1): positions of all
 * separators, 64 bytes at a time, so that the second half sees fields and searches nothing. For kernels: included by *.inc.c
 * only, compiled for the instruction set of the copy. */
#ifndef TRAINYARD_ENGINE_DATA_SCAN_H
#define TRAINYARD_ENGINE_DATA_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Bit i of the result: text[i] is c; 64 bytes are read. */
static inline uint64_t scan_64(const char *text, char c)
{
#if defined(__AVX512BW__)
    return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(text), _mm512_set1_epi8(c));
#elif defined(__AVX2__)
    uint64_t mask = 0;
    for (int i = 0; i < 2; i++) {
        __m256i hit = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(text + 32 * i)), _mm256_set1_epi8(c));
        mask |= (uint64_t)(uint32_t)_mm256_movemask_epi8(hit) << (32 * i);
    }
    return mask;
#elif defined(__SSE2__)
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++) {
        __m128i hit = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(text + 16 * i)), _mm_set1_epi8(c));
        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(hit) << (16 * i);
    }
    return mask;
#else
    uint64_t mask = 0;
    for (int i = 0; i < 64; i++) mask |= (uint64_t)(text[i] == c) << i;
    return mask;
#endif
}

/* scan_emit: at + the number of each bit of mask that is set, ascending, into out, where room for 64 is. Returns their number. */
static inline size_t scan_emit(uint64_t mask, uint32_t at, uint32_t *out)
{
    size_t count = (size_t)__builtin_popcountll(mask);
#if defined(__AVX512F__)
    __m512i place = _mm512_add_epi32(_mm512_set1_epi32((int)at), _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    for (int i = 0; i < 4; i++) { /* to a register, then stored whole: what is too many is overwritten */
        __mmask16 part = (__mmask16)(mask >> (16 * i));
        _mm512_storeu_si512(out, _mm512_maskz_compress_epi32(part, place));
        out += __builtin_popcount(part);
        place = _mm512_add_epi32(place, _mm512_set1_epi32(16));
    }
#else
    for (size_t done = 0; done < count; done += 8) /* eight at a time without a test: what is too many is overwritten */
        for (int i = 0; i < 8; i++) {
            *out++ = at + (uint32_t)__builtin_ctzll(mask | (uint64_t)1 << 63);
            mask &= mask - 1;
        }
#endif
    return count;
}

/* The 64 bits of a scan that lie before `size` bytes from `at` on. */
static inline uint64_t scan_within(size_t at, size_t size) { return size - at < 64 ? ((uint64_t)1 << (size - at)) - 1 : UINT64_MAX; }

/* scan_marks: positions of a and b in text, ascending, into marks, which has room for size + 64. Returns their number. The 64 bytes
 * behind text are read (CHUNK_SLACK). */
static inline size_t scan_marks(const char *text, size_t size, char a, char b, uint32_t *marks)
{
    size_t count = 0;
    for (size_t at = 0; at < size; at += 64) {
        uint64_t mask = (scan_64(text + at, a) | scan_64(text + at, b)) & scan_within(at, size);
        count += scan_emit(mask, (uint32_t)at, marks + count);
    }
    return count;
}

/* A scan of lines in windows that the nearest cache holds: marks of the delimiters and newlines from the first line on that was not used yet, and
 * which of the marks are newlines. */
#ifdef TRAINYARD_HOSTILE
enum { SCAN_WINDOW = 64 };
#else
enum { SCAN_WINDOW = 16 << 10 };
#endif

struct scan_lines {
    const char *text;
    size_t size, at;        /* at: scanned so far */
    uint32_t *marks, *ends; /* (size + 64) each; ends: numbers of the marks that are newlines */
    size_t mark_count, end_count;
};

/* scan_window: forget the first `used` marks and all ends, then scan on until there is an end or the text is over. False: no end is left. */
static inline bool scan_window(struct scan_lines *s, char delimiter, size_t used)
{
    s->mark_count -= used;
    s->end_count = 0;
    if (used > 0) memmove(s->marks, s->marks + used, s->mark_count * sizeof *s->marks);
    while (s->end_count == 0 && s->at < s->size) {
        size_t stop = s->size - s->at < SCAN_WINDOW ? s->size : s->at + SCAN_WINDOW, marks = s->mark_count, ends = 0;
        for (size_t at = s->at; at < stop; at += 64) {
            uint64_t within = scan_within(at, s->size), newlines = scan_64(s->text + at, '\n') & within;
            uint64_t mask = newlines | (scan_64(s->text + at, delimiter) & within);
            for (uint64_t n = newlines;;) { /* without a branch for the first, of which there is seldom more than one */
                s->ends[ends] = (uint32_t)marks + (uint32_t)__builtin_popcountll(mask & ((n & -n) - 1));
                ends += n != 0;
                if (!(n &= n - 1)) break;
            }
            marks += scan_emit(mask, (uint32_t)at, s->marks + marks);
        }
        s->at = stop;
        s->mark_count = marks, s->end_count = ends;
    }
    return s->end_count > 0;
}

#endif
