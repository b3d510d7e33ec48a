/* C = A B, or C += A B, in single precision: the one matrix product of the dense layers, both ways.
 *
 * THE order: each element of C is one chain of fused multiply-adds over k = 0, 1, 2, ..., from zero or from what C holds. So it depends on its own
 * row of A and column of B alone: not on how many rows are multiplied at once, nor on the position among them, blocking or instruction set, all of
 * which a BLAS lets show. That is what makes a row score the same in training, evaluation and prediction and the same bits come out on every CPU (one
 * without FMA gets them from fmaf, slowly). |error| <= g(k) sum |a b|, g(k) = k u / (1 - k u), Higham 2002, s. 3.1.
 *
 * The calling thread does the work; workers are as many as the shards allow. */
#ifndef TRAINYARD_ENGINE_MODEL_GEMM_H
#define TRAINYARD_ENGINE_MODEL_GEMM_H

#include <stdbool.h>
#include <stddef.h>

struct matrix { /* borrowed; element (i, j) is at data[i * row + j * column], so swapping the two transposes */
    const float *data;
    size_t row, column;
};

/* gemm: c (m, n), rows c_row floats apart, = or += a (m, k) b (k, n). c overlaps neither. Any size may be 0; k = 0 is a sum of nothing. */
void gemm(size_t m, size_t n, size_t k, struct matrix a, struct matrix b, float *c, size_t c_row, bool add);

#endif
