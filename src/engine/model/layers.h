/* The pieces of a dense network, each forward and backward over a micro-batch: linear, batch norm, activation, dropout, and a last row of weights
 * that ends in a logit. All matrices are (rows, width) without gaps. A backward piece adds to gradients of parameters and overwrites those of its
 * input; sums over rows run in row order, so bits depend on the batch alone. */
#ifndef TRAINYARD_ENGINE_MODEL_LAYERS_H
#define TRAINYARD_ENGINE_MODEL_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/core/batch.h"

enum activation { ACTIVATION_RELU, ACTIVATION_GELU };

/* linear: y (rows, outputs) = x (rows, inputs) w^T + bias. w (outputs, inputs); bias (outputs), NULL: none. */
void linear_layer(size_t rows, size_t inputs, size_t outputs, const float *x, const float *w, const float *bias, float *y);

/* grad_w += dy^T x, grad_bias (NULL: none) += column sums of dy, dx (NULL: not wanted) = dy w, or += where `add`. */
void linear_layer_back(size_t rows, size_t inputs, size_t outputs, const float *x, const float *w, const float *dy, float *grad_w, float *grad_bias,
                       float *dx, bool add);

/* column_sums: sums (width) += the columns of d (rows, width). */
void column_sums(size_t rows, size_t width, const float *d, float *sums);

/* logit: z[r] += <x_r, w>, in 16 lanes (input i to lane i mod 16, folded by halves). w (inputs). */
void logit_layer(size_t rows, size_t inputs, const float *x, const float *w, float *z);
void logit_layer_back(size_t rows, size_t inputs, const float *x, const float *w, const float *delta, float *grad_w, float *dx);

/* Batch norm (Ioffe, Szegedy 2015) over the micro-batch that a shard sees ("ghost" batches: Hoffer et al. 2017), so that no statistic crosses shards.
 * x^ = (x - mean) / sqrt(variance + 1e-5), y = scale x^ + shift. All parameters (width). A micro-batch of one row, as an epoch's last step may
 * leave, has no variance: mean and variance are then the running ones, constants to its gradient. */
#define NORM_EPSILON 1e-5f

struct norm {
    const float *scale, *shift, *mean, *variance; /* mean, variance: the running ones */
};
struct norm_kept {                    /* what forward leaves for backward */
    float *mean, *variance, *inverse; /* (width): of the batch; 1 / sqrt(variance + 1e-5) */
    float *standard;                  /* (rows, width): x^ */
};
void norm_layer_train(size_t rows, size_t width, const struct norm *n, struct norm_kept kept, float *x); /* x becomes y */
void norm_layer_apply(size_t rows, size_t width, const struct norm *n, float *x);                        /* by the running statistics */

/* d becomes the gradient of the input: scale / sqrt(variance + 1e-5) (d - mean d - x^ mean(d x^)). */
void norm_layer_back(size_t rows, size_t width, const struct norm *n, struct norm_kept kept, float *d, float *grad_scale, float *grad_shift);

/* activation: y = f(z); y may be z. ReLU, or GELU (Hendrycks, Gimpel 2016) in its tanh form z sigma(2 sqrt(2/pi) (z + 0.044715 z^3)). */
void activation_layer(enum activation f, size_t n, const float *z, float *y);

/* d *= f'(z). For ReLU z may be f(z) or a positive multiple of it. */
void activation_layer_back(enum activation f, size_t n, const float *z, float *d);

struct dropout { /* inverted (Srivastava et al. 2014): kept units are scaled by 1 / (1 - rate) */
    float rate;
    uint64_t seed, step;
    uint32_t layer;
};

/* dropout: x *= mask / (1 - rate). The mask is a function of (seed, step, the row's ordinal, layer, unit). Its own backward. */
void dropout_layer(const struct dropout *p, const struct batch *b, size_t width, float *x);

#endif
