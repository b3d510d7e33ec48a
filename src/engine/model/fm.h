/* The second-order part of a factorisation machine, which deepfm shares. */
#ifndef TRAINYARD_ENGINE_MODEL_FM_H
#define TRAINYARD_ENGINE_MODEL_FM_H

#include "engine/core/batch.h"

/* fm_pairs_forward: logits[r] += 1/2 sum_f [(sum_i v_if x_i)^2 - sum_i v_if^2 x_i^2]. v (distinct, k), k <= 256; sums (rows, k) keeps the first sums.
 */
void fm_pairs_forward(const struct batch *b, const uint32_t *local, const float *v, size_t k, float *sums, float *logits);

/* fm_pairs_backward: grad (distinct, k) += delta x_i (sum_f - v_if x_i), in the batch's order. */
void fm_pairs_backward(const struct batch *b, const uint32_t *local, const float *v, size_t k, const float *sums, const float *delta, float *grad);

#endif
