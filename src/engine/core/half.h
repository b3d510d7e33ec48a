/* Weights of tables in two bytes: IEEE binary16 ("fp16") or bfloat16 ("bf16"), computed with as floats.
 *
 * A float becomes one of its two neighbours at random, the nearer one more often, so that its expectation is the float itself (stochastic rounding:
 * Gupta et al. 2015, "Deep learning with limited numerical precision"). Rounded to nearest, a step of less than half a unit in the last place would
 * vanish each time, and learning stall. What falls is a pure function of (stream, row, column), where a stream stands for seed, step and table: no
 * state, and the same bits on any worker and instruction set.
 *
 * A finite value beyond the largest one that fits becomes that one, never an infinity; what is not finite becomes NaN, so that it is found. */
#ifndef TRAINYARD_ENGINE_CORE_HALF_H
#define TRAINYARD_ENGINE_CORE_HALF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum table_dtype { TABLE_FP32, TABLE_FP16, TABLE_BF16, TABLE_DTYPES }; /* in the order of the spec's model.table_dtype */

struct half_rows { /* rows of a table of two-byte weights; all borrowed */
    uint16_t *table;
    const uint32_t *ids; /* (count) */
    size_t count, width;
};

/* half_gather: rows into out (count, width), exactly. half_scatter: rounded from `from` (count, width). dtype: not TABLE_FP32. */
void half_gather(enum table_dtype dtype, const struct half_rows *rows, float *out);
void half_scatter(enum table_dtype dtype, const struct half_rows *rows, const float *from, uint64_t stream);

/* half_nearest: x rounded to the nearest, without a draw. half_float: exactly what h stands for. */
uint16_t half_nearest(enum table_dtype dtype, float x);
float half_float(enum table_dtype dtype, uint16_t h);

/* half_all_finite: no NaN and no infinity among h (n). */
bool half_all_finite(enum table_dtype dtype, const uint16_t *h, size_t n);

#endif
