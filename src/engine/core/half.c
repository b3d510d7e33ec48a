#include "engine/core/half.h"

#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/core/half_inline.h"

KERNEL_DECLARE(void, bf16_gather, (const struct half_rows *r, float *out));
KERNEL_DECLARE(void, fp16_gather, (const struct half_rows *r, float *out));
KERNEL_DECLARE(void, bf16_scatter, (const struct half_rows *r, const float *from, uint64_t stream));
KERNEL_DECLARE(void, fp16_scatter, (const struct half_rows *r, const float *from, uint64_t stream));

void half_gather(enum table_dtype dtype, const struct half_rows *rows, float *out)
{
    static void (*const bf16[])(const struct half_rows *, float *) = KERNEL_TABLE(bf16_gather);
    static void (*const fp16[])(const struct half_rows *, float *) = KERNEL_TABLE(fp16_gather);
    (dtype == TABLE_BF16 ? bf16 : fp16)[cpu_level()](rows, out);
}

void half_scatter(enum table_dtype dtype, const struct half_rows *rows, const float *from, uint64_t stream)
{
    static void (*const bf16[])(const struct half_rows *, const float *, uint64_t) = KERNEL_TABLE(bf16_scatter);
    static void (*const fp16[])(const struct half_rows *, const float *, uint64_t) = KERNEL_TABLE(fp16_scatter);
    (dtype == TABLE_BF16 ? bf16 : fp16)[cpu_level()](rows, from, stream);
}

uint16_t half_nearest(enum table_dtype dtype, float x) { return dtype == TABLE_BF16 ? bf16_round(x, HALF_EVEN_ODDS) : fp16_round(x, HALF_EVEN_ODDS); }

float half_float(enum table_dtype dtype, uint16_t h) { return dtype == TABLE_BF16 ? bf16_widen(h) : fp16_widen(h); }

bool half_all_finite(enum table_dtype dtype, const uint16_t *h, size_t n)
{
    uint16_t exponent = dtype == TABLE_BF16 ? 0x7f80 : 0x7c00;
    int bad = 0;
    for (size_t i = 0; i < n; i++) bad |= (h[i] & exponent) == exponent;
    return !bad;
}
