/* The first-order part z = b + sum_i w_i x_i that several families share. */
#ifndef TRAINYARD_ENGINE_MODEL_LINEAR_H
#define TRAINYARD_ENGINE_MODEL_LINEAR_H

#include "engine/core/batch.h"
#include "engine/core/params.h"

/* The tensors "bias" and "linear", as families list them. */
struct param_desc bias_describe(void);
struct param_desc linear_describe(void);

/* Of families without a first-order part: logits (rows) = bias; *grad_bias += sum of delta (in row order). */
void bias_forward(size_t rows, float bias, float *logits);
void bias_backward(size_t rows, const float *delta, float *grad_bias);

/* linear_forward: logits (rows) = bias + sum over the row's features of w[local] * value. Order: feature i of a row goes to lane i mod 4,
 * lanes fold 2, 1, then the bias is added. w (distinct). */
void linear_forward(const struct batch *b, const uint32_t *local, const float *w, float bias, float *logits);

/* linear_forward_table: the same, to the bit, with the weights where they lie in their table: feature i has that of slot keys[i] >> shift. */
void linear_forward_table(const struct batch *b, uint32_t shift, const float *table, float bias, float *logits);

/* linear_backward: grad_w[local] += delta * value in the batch's order; *grad_bias += sum of delta (in row order). */
void linear_backward(const struct batch *b, const uint32_t *local, const float *delta, float *grad_w, float *grad_bias);

#endif
