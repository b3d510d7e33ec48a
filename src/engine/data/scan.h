/* The first half of fast parsing (Langdale and Lemire 2019, "Parsing gigabytes of JSON per second", stage 1): positions of all
 * separators of a chunk, 64 bytes at a time, so that the second half sees fields and searches nothing. For kernels: included by *.inc.c
 * only, compiled for the instruction set of the copy. */
#ifndef TRAINYARD_ENGINE_DATA_SCAN_H
#define TRAINYARD_ENGINE_DATA_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Bit i of the result: text[i] is a or b; 64 bytes are read. */
static inline uint64_t scan_64(const char *text, char a, char b)
{
#if defined(__AVX512BW__)
    __m512i v = _mm512_loadu_si512(text);
    return _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(a)) | _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(b));
#elif defined(__AVX2__)
    uint64_t mask = 0;
    for (int i = 0; i < 2; i++) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(text + 32 * i));
        __m256i hit = _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8(a)), _mm256_cmpeq_epi8(v, _mm256_set1_epi8(b)));
        mask |= (uint64_t)(uint32_t)_mm256_movemask_epi8(hit) << (32 * i);
    }
    return mask;
#elif defined(__SSE2__)
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++) {
        __m128i v = _mm_loadu_si128((const __m128i *)(text + 16 * i));
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(a)), _mm_cmpeq_epi8(v, _mm_set1_epi8(b)));
        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(hit) << (16 * i);
    }
    return mask;
#else
    uint64_t mask = 0;
    for (int i = 0; i < 64; i++) mask |= (uint64_t)(text[i] == a || text[i] == b) << i;
    return mask;
#endif
}

/* scan_marks: positions of a and b in text, ascending, into marks, which has room for size + 64. Returns their number. The 64 bytes
 * behind text are read (CHUNK_SLACK). */
static inline size_t scan_marks(const char *text, size_t size, char a, char b, uint32_t *marks)
{
    uint32_t *out = marks;
    for (size_t at = 0; at < size; at += 64) {
        uint64_t mask = scan_64(text + at, a, b);
        if (size - at < 64) mask &= ((uint64_t)1 << (size - at)) - 1;
        size_t count = (size_t)__builtin_popcountll(mask);
        uint32_t *to = out;
        for (size_t done = 0; done < count; done += 8) /* eight at a time without a test: what is too many is overwritten */
            for (int i = 0; i < 8; i++) {
                *to++ = (uint32_t)at + (uint32_t)__builtin_ctzll(mask | (uint64_t)1 << 63);
                mask &= mask - 1;
            }
        out += count;
    }
    return (size_t)(out - marks);
}

#endif
