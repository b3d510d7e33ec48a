#include "engine/data/format/cell_keys.h"
#include "engine/data/format/digits.h"
#include "engine/data/format/feature.h"

void KERNEL(cell_keys)(const struct cell_keys *k, size_t first, const struct cell *cells, size_t n, uint32_t *keys);

static inline uint32_t cell_key(const struct cell_keys *k, size_t i, const struct cell *cell)
{
    if (cell->size == 8) return hash64_word(digits_load(cell->text), 8, k->flips[i]) >> 32; /* a constant size folds the hash */
    return cell->size == 0 ? k->missing[i] : feature_key(cell->text, cell->size, k->seeds[i]);
}

#if defined(__AVX512DQ__) && defined(__AVX512VL__)

_Static_assert(sizeof(struct cell) == 16 && offsetof(struct cell, size) == 8, "cells are loaded as pairs of words");

/* Eight cells; the rare ones by cell_key(). */
static inline void eight_keys(const struct cell_keys *k, size_t i, const struct cell *cells, uint32_t *keys)
{
    const __m512i even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14), odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
    __m512i low = _mm512_loadu_si512(cells), high = _mm512_loadu_si512(cells + 4);
    __m512i text = _mm512_permutex2var_epi64(low, even, high);
    __m512i size = _mm512_and_si512(_mm512_permutex2var_epi64(low, odd, high), _mm512_set1_epi64(0xFFFFFFFF));
    __m512i hash = hash64_words(_mm512_i64gather_epi64(text, NULL, 1), size, _mm512_loadu_si512(k->flips + i));
    __mmask8 none = _mm512_testn_epi64_mask(size, size);
    __mmask8 other = _mm512_cmpgt_epu64_mask(_mm512_sub_epi64(size, _mm512_set1_epi64(4)), _mm512_set1_epi64(4)) & ~none;
    _mm256_storeu_si256((__m256i *)keys, _mm256_mask_loadu_epi32(_mm512_cvtepi64_epi32(_mm512_srli_epi64(hash, 32)), none, k->missing + i));
    for (unsigned left = other; left; left &= left - 1) {
        unsigned lane = (unsigned)__builtin_ctz(left);
        keys[lane] = cell_key(k, i + lane, &cells[lane]);
    }
}

void KERNEL(cell_keys)(const struct cell_keys *k, size_t first, const struct cell *cells, size_t n, uint32_t *keys)
{
    for (size_t i = 0; i < n; i += 8)
        if (n - i >= 8) eight_keys(k, first + i, cells + i, keys + i);
        else if (n >= 8) eight_keys(k, first + n - 8, cells + n - 8, keys + n - 8); /* some of them again */
        else
            for (; i < n; i++) keys[i] = cell_key(k, first + i, &cells[i]);
}

#else

void KERNEL(cell_keys)(const struct cell_keys *k, size_t first, const struct cell *cells, size_t n, uint32_t *keys)
{
    for (size_t i = 0; i < n; i++) keys[i] = cell_key(k, first + i, &cells[i]);
}

#endif
