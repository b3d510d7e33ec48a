/* The Criteo format's hot loop: marks of tabs and newlines first (scan.h), then a row at a time, without branches that the data could
 * make unpredictable. Whatever is not a plain good row is handed to criteo_refuse(), which is slow and explains. Compiled once an
 * instruction set; every copy gives the same rows. */
#include "base/kernel.h"
#include "engine/data/format/criteo.h"
#include "engine/data/format/digits.h"
#include "engine/data/format/feature.h"
#include "engine/data/format/scan.h"
#include "engine/data/format/text.h"

#if defined(__AVX512DQ__) && defined(__AVX512VL__)

struct cells { /* eight fields of a row, one a lane */
    __m256i size;
    __m512i words; /* their first eight bytes */
};

static inline struct cells cells_load(const char *text, const uint32_t *m)
{
    __m256i start = _mm256_add_epi32(_mm256_loadu_si256((const __m256i *)m), _mm256_set1_epi32(1));
    __m256i size = _mm256_sub_epi32(_mm256_loadu_si256((const __m256i *)(m + 1)), start);
    return (struct cells){size, _mm512_i64gather_epi64(_mm512_cvtepu32_epi64(start), text, 1)};
}

/* digits_value of eight lanes, of which each has up to 8 digits. *bad: lanes with something else in them. */
static inline __m512i digits_lanes(__m512i words, __m512i digits, __mmask8 *bad)
{
    const __m512i zeros = _mm512_set1_epi8('0');
    __m512i bits = _mm512_slli_epi64(digits, 3);
    words = _mm512_sllv_epi64(words, _mm512_sub_epi64(_mm512_set1_epi64(64), bits)); /* a shift by 64 gives 0 here */
    words = _mm512_xor_si512(_mm512_or_si512(words, _mm512_srlv_epi64(zeros, bits)), zeros);
    *bad = _mm512_test_epi64_mask(_mm512_or_si512(words, _mm512_add_epi8(words, _mm512_set1_epi8(0x76))), _mm512_set1_epi8(-128)); /* > 9 */
    words = _mm512_maddubs_epi16(words, _mm512_set1_epi16(1 << 8 | 10));
    words = _mm512_madd_epi16(words, _mm512_set1_epi32(1 << 16 | 100));
    return _mm512_add_epi64(_mm512_mul_epu32(words, _mm512_set1_epi64(10000)), _mm512_srli_epi64(words, 32));
}

/* Keys of integer columns c to c + 7 but for the lanes in the result, which want field_key. The other half of this file says the same
 * in plain C. */
static inline __mmask8 integer_lanes(const struct criteo *state, const char *text, size_t c, const uint32_t *m, __m256i *keys)
{
    struct cells f = cells_load(text, m + c);
    __mmask8 bad, minus = _mm512_cmpeq_epi64_mask(_mm512_and_si512(f.words, _mm512_set1_epi64(0xFF)), _mm512_set1_epi64('-'));
    __mmask8 none = _mm256_testn_epi32_mask(f.size, f.size), wide = _mm256_cmpgt_epu32_mask(f.size, _mm256_set1_epi32(8));
    __m512i digits = _mm512_cvtepu32_epi64(_mm256_mask_sub_epi32(f.size, minus, f.size, _mm256_set1_epi32(1)));
    __m512i value = digits_lanes(_mm512_mask_srli_epi64(f.words, minus, f.words, 8), digits, &bad);

    __m512i exponent = _mm512_srli_epi64(_mm512_castpd_si512(_mm512_cvtepi64_pd(value)), 52); /* biased; 0 of 0 */
    __m512i shift = _mm512_max_epi64(_mm512_sub_epi64(exponent, _mm512_set1_epi64(1023 + 6)), _mm512_setzero_si512());
    __m512i cell = _mm512_add_epi64(_mm512_slli_epi64(shift, 6), _mm512_srlv_epi64(value, shift));
    cell = _mm512_i64gather_epi64(cell, state->log.cells, 8);
    __mmask8 next = _mm512_cmpge_epu64_mask(value, _mm512_srli_epi64(cell, 16));
    __m512i class = _mm512_and_si512(cell, _mm512_set1_epi64(0xFFFF)), one = _mm512_set1_epi64(1);
    class = _mm512_mask_add_epi64(class, next, class, one);

    __m512i small = _mm512_set1_epi64(CRITEO_SMALL), slot = _mm512_add_epi64(class, _mm512_set1_epi64(CRITEO_CLASS_0));
    slot = _mm512_mask_add_epi64(slot, _mm512_cmple_epi64_mask(value, _mm512_set1_epi64(2)), small, value);
    slot = _mm512_mask_sub_epi64(slot, minus, small, value);
    slot = _mm512_mask_mov_epi64(slot, none, _mm512_set1_epi64(CRITEO_MISSING));
    __mmask8 rare = minus & (_mm512_cmpgt_epi64_mask(value, small) | _mm512_testn_epi64_mask(digits, digits));
    rare = (__mmask8)((bad | wide | rare) & ~none);
    slot = _mm512_mask_mov_epi64(slot, rare, small);
    const __m512i columns = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
    __m512i row = _mm512_min_epi64(_mm512_add_epi64(columns, _mm512_set1_epi64((long long)c)), _mm512_set1_epi64(CRITEO_INTEGERS - 1));
    *keys = _mm512_i64gather_epi32(_mm512_add_epi64(_mm512_mullo_epi64(row, _mm512_set1_epi64(CRITEO_SLOTS)), slot), state->slots, 4);
    return rare;
}

/* Keys of columns 0 to 38 but for those in the result, bit by bit, which want field_key. m as in row_parse. */
static inline uint64_t row_keys(const struct criteo *state, const char *text, const uint32_t *m, uint32_t *keys)
{
    __m256i key;
    uint64_t left = integer_lanes(state, text, 0, m, &key);
    _mm256_storeu_si256((__m256i *)keys, key);
    left |= (uint64_t)integer_lanes(state, text, 8, m, &key) << 8 & ((1 << CRITEO_INTEGERS) - 1);
    _mm256_storeu_si256((__m256i *)(keys + 8), key); /* three categories too many, and below one column twice: what comes later is right */
    for (size_t c = CRITEO_INTEGERS; c < CRITEO_FIELDS; c += c == CRITEO_INTEGERS ? 2 : 8) {
        struct cells f = cells_load(text, m + c);
        __m512i hash = hash64_words(f.words, _mm512_cvtepu32_epi64(f.size), _mm512_loadu_si512(state->flips + c));
        __mmask8 none = _mm256_testn_epi32_mask(f.size, f.size);
        __mmask8 other = _mm256_cmpgt_epu32_mask(_mm256_sub_epi32(f.size, _mm256_set1_epi32(4)), _mm256_set1_epi32(4));
        key = _mm256_mask_loadu_epi32(_mm512_cvtepi64_epi32(_mm512_srli_epi64(hash, 32)), none, state->missing + c);
        _mm256_storeu_si256((__m256i *)(keys + c), key);
        left |= (uint64_t)(other & ~none) << c;
    }
    return left;
}

#else

/* The key of integer column c with the text [p, p + size); true: it wants field_key. */
static inline bool integer_key(const struct criteo *state, size_t c, const char *p, size_t size, uint32_t *key)
{
    bool minus = *p == '-';
    size_t digits = size - minus; /* an empty cell: p is a tab, digits are 0, their value is not used */
    uint64_t word = digits_load(p + minus), value = digits_value(word, ((digits - 1) & 7) + 1);
    uint32_t sign = -(uint32_t)minus, low = -(uint32_t)(minus | (value <= 2)), none = -(uint32_t)(size == 0);
    uint32_t slot = CRITEO_CLASS_0 + square_log_small(&state->log, value & UINT32_MAX);
    slot = (slot & ~low) | ((CRITEO_SMALL + (((uint32_t)value ^ sign) - sign)) & low);
    slot = (slot & ~none) | (CRITEO_MISSING & none);
    bool rare = (size != 0) & ((digits - 1 >= 8) | (digits_count(word) < digits) | (minus & (value > CRITEO_SMALL))); /* no branches */
    if (!rare) *key = state->slots[c][slot];
    return rare;
}

static inline uint64_t row_keys(const struct criteo *state, const char *text, const uint32_t *m, uint32_t *keys)
{
    uint64_t left = 0;
    for (size_t c = 0; c < CRITEO_INTEGERS; c++) left |= (uint64_t)integer_key(state, c, text + (m[c] + 1), m[c + 1] - m[c] - 1, keys + c) << c;
    for (size_t c = CRITEO_INTEGERS; c < CRITEO_FIELDS; c++) {
        size_t size = m[c + 1] - m[c] - 1;
        uint32_t key = hash64_word(digits_load(text + (m[c] + 1)), size, state->flips[c]) >> 32, none = -(uint32_t)(size == 0);
        keys[c] = (state->missing[c] & none) | (key & ~none);
        left |= (uint64_t)((size != 0) & (size - 4 > 4)) << c;
    }
    return left;
}

#endif

/* The key of column c with the text [p, p + size), the slow way; false: no integer. */
static bool field_key(const struct criteo *state, size_t c, const char *p, size_t size, uint32_t *key)
{
    int64_t value;
    if (size == 0) *key = state->missing[c];
    else if (c >= CRITEO_INTEGERS) *key = feature_key(p, size, state->seeds[c]);
    else if (text_i64(p, p + size, &value)) *key = criteo_integer_key(state, c, value);
    else return false;
    return true;
}

/* One row of the right number of columns: [text + start, ...), m[0..38] its tabs, m[39] its newline. false: something is wrong. */
static inline bool row_parse(const struct criteo *state, const char *text, uint32_t start, const uint32_t *m, struct rows *rows, uint8_t *label)
{
    bool good = true;
    uint32_t *keys = rows->keys + rows->features;
    if (rows->with & ROWS_REALS) {
        *label = 0;
        rows->reals[rows->count] = 0;
        if (!state->no_labels && label_read(&state->labels, text + start, text + m[0], rows)) return false;
    } else if (state->no_labels) *label = 0;
    else if (m[0] == start + 1 && (text[start] | 1) == '1') *label = text[start] & 1;
    else {
        int slow = text_label(text + start, text + m[0]);
        if (slow < 0) return false;
        *label = (uint8_t)slow;
    }
    for (uint64_t left = row_keys(state, text, m, keys); left; left &= left - 1) {
        unsigned c = (unsigned)__builtin_ctzll(left);
        good &= field_key(state, c, text + (m[c] + 1), m[c + 1] - m[c] - 1, keys + c) | (state->played >> c & 1);
    }
    uint32_t last = m[CRITEO_FIELDS - 1] + 1, end = m[CRITEO_FIELDS];
    if (end > last && text[end - 1] == '\r') field_key(state, CRITEO_FIELDS - 1, text + last, end - last - 1, keys + CRITEO_FIELDS - 1);
    return good;
}

/* The marks of a line without a label: in front of I1, which begins at `start`, stands none. */
static inline const uint32_t *marks_without_label(const uint32_t *m, uint32_t start, uint32_t own[CRITEO_FIELDS + 1])
{
    own[0] = start - 1; /* wraps at the text's start; only own[0] + 1 is used */
    memcpy(own + 1, m, CRITEO_FIELDS * sizeof *m);
    return own;
}

int KERNEL(criteo_parse)(const struct criteo *state, const struct chunk *chunk, struct parsed *out, uint32_t *marks, struct error *err)
{
    const char *text = chunk->text;
    struct rows *rows = &out->rows;
    struct scan_lines scan = {.text = text, .size = chunk->size, .marks = marks, .ends = marks + chunk->size + 64};
    uint32_t start = 0, own[CRITEO_FIELDS + 1], separators = CRITEO_FIELDS - state->no_labels; /* before the newline */
    int rc;
    for (size_t k = 0; scan_window(&scan, '\t', k);) {
        if ((rc = rows_reserve(rows, scan.end_count, scan.end_count * CRITEO_FIELDS, err)) < 0) return rc;
        k = 0;
        for (size_t i = 0; i < scan.end_count; i++, out->lines++) {
            uint32_t last = scan.ends[i], newline = scan.marks[last];
            uint8_t label;
            bool whole = last - k == separators && newline - start <= chunk->line_bytes_max && !chunk->has_nul;
            if (!whole) { /* the \r does not count; and which line has the NUL? */
                bool cr = newline > start && text[newline - 1] == '\r';
                whole = last - k == separators && newline - start - cr <= chunk->line_bytes_max &&
                        !(chunk->has_nul && memchr(text + start, 0, newline - start));
            }
            const uint32_t *m = state->no_labels && whole ? marks_without_label(scan.marks + k, start, own) : scan.marks + k;
            if (whole && row_parse(state, text, start, m, rows, &label) && (!state->played || criteo_roles(state, text, m, rows)))
                rows_end_row(rows, state->kept, label);
            else {
                const char *stop = text + newline - (newline > start && text[newline - 1] == '\r');
                criteo_refuse(state, text + start, stop, chunk, out->lines, &out->bad);
            }
            start = newline + 1;
            k = last + 1;
        }
    }
    return 0;
}
