/* Kernels of half.c, compiled once an instruction set. */
#if defined(__F16C__)
#include <immintrin.h>
#endif

#include "base/hash.h"
#include "base/kernel.h"
#include "engine/core/half.h"
#include "engine/core/half_inline.h"

enum { AHEAD = 24 };

void KERNEL(bf16_gather)(const struct half_rows *r, float *out);
void KERNEL(fp16_gather)(const struct half_rows *r, float *out);
void KERNEL(bf16_scatter)(const struct half_rows *r, const float *from, uint64_t stream);
void KERNEL(fp16_scatter)(const struct half_rows *r, const float *from, uint64_t stream);

static inline void fetch(const struct half_rows *r, size_t i, size_t width)
{
    if (i + AHEAD >= r->count) return;
    const uint16_t *row = r->table + r->ids[i + AHEAD] * width;
    for (size_t j = 0; j < width; j += 32) __builtin_prefetch(row + j);
}

static inline void bf16_widen_row(const uint16_t *restrict row, float *restrict out, size_t width)
{
    for (size_t j = 0; j < width; j++) out[j] = bf16_widen(row[j]);
}

static inline void fp16_widen_row(const uint16_t *restrict row, float *restrict out, size_t width)
{
    size_t j = 0;
#if defined(__F16C__)
    for (; j + 8 <= width; j += 8) _mm256_storeu_ps(out + j, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(row + j))));
#endif
    for (; j < width; j++) out[j] = fp16_widen(row[j]);
}

static inline void bf16_round_row(const float *restrict from, uint16_t *restrict row, size_t width, uint64_t key)
{
    for (size_t j = 0; j < width; j++) row[j] = bf16_round(from[j], half_draw(key, (uint32_t)j));
}

static inline void fp16_round_row(const float *restrict from, uint16_t *restrict row, size_t width, uint64_t key)
{
    for (size_t j = 0; j < width; j++) row[j] = fp16_round(from[j], half_draw(key, (uint32_t)j));
}

/* Constant widths unroll. */
#define GATHER(widen_row, r, out, width) \
    for (size_t i = 0; i < (r)->count; i++) { \
        fetch(r, i, width); \
        widen_row((r)->table + (r)->ids[i] * (size_t)(width), (out) + i * (width), width); \
    }
#define SCATTER(round_row, r, from, stream, width) \
    for (size_t i = 0; i < (r)->count; i++) \
        round_row((from) + i * (width), (r)->table + (r)->ids[i] * (size_t)(width), width, hash_mix((stream) ^ (r)->ids[i]));
#define BY_WIDTH(loop, ...) \
    do { \
        if (r->width == 1) loop(__VA_ARGS__, 1) else if (r->width == 16) loop(__VA_ARGS__, 16) else loop(__VA_ARGS__, r->width) \
    } while (0)

void KERNEL(bf16_gather)(const struct half_rows *r, float *out) { BY_WIDTH(GATHER, bf16_widen_row, r, out); }
void KERNEL(fp16_gather)(const struct half_rows *r, float *out) { BY_WIDTH(GATHER, fp16_widen_row, r, out); }
void KERNEL(bf16_scatter)(const struct half_rows *r, const float *from, uint64_t stream) { BY_WIDTH(SCATTER, bf16_round_row, r, from, stream); }
void KERNEL(fp16_scatter)(const struct half_rows *r, const float *from, uint64_t stream) { BY_WIDTH(SCATTER, fp16_round_row, r, from, stream); }
