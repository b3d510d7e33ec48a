#include "engine/model/layers.h"

#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "base/kernel.h"
#include "base/rng.h"
#include "engine/model/gemm.h"

KERNEL_DECLARE(void, layer_logit, (size_t rows, size_t inputs, const float *x, const float *w, float *z));
KERNEL_DECLARE(void, layer_logit_back, (size_t rows, size_t inputs, const float *x, const float *w, const float *delta, float *grad_w, float *dx));
KERNEL_DECLARE(void, layer_column_sums, (size_t rows, size_t width, const float *d, float *sums));
KERNEL_DECLARE(void, layer_norm_train, (size_t rows, size_t width, const struct norm *n, struct norm_kept kept, float *x));
KERNEL_DECLARE(void, layer_norm_apply, (size_t rows, size_t width, const struct norm *n, float *x));
KERNEL_DECLARE(void, layer_norm_back,
               (size_t rows, size_t width, const struct norm *n, struct norm_kept kept, float *d, float *grad_scale, float *grad_shift));
KERNEL_DECLARE(void, layer_activation, (enum activation f, size_t n, const float *z, float *y));
KERNEL_DECLARE(void, layer_activation_back, (enum activation f, size_t n, const float *z, float *d));
KERNEL_DECLARE(void, layer_drop, (uint64_t stream, uint64_t threshold, float scale, size_t width, float *x));

static void (*const logit_table[])(size_t, size_t, const float *, const float *, float *) = KERNEL_TABLE(layer_logit);
static void (*const logit_back_table[])(size_t, size_t, const float *, const float *, const float *, float *,
                                        float *) = KERNEL_TABLE(layer_logit_back);
static void (*const column_sums_table[])(size_t, size_t, const float *, float *) = KERNEL_TABLE(layer_column_sums);
static void (*const train_table[])(size_t, size_t, const struct norm *, struct norm_kept, float *) = KERNEL_TABLE(layer_norm_train);
static void (*const apply_table[])(size_t, size_t, const struct norm *, float *) = KERNEL_TABLE(layer_norm_apply);
static void (*const norm_back_table[])(size_t, size_t, const struct norm *, struct norm_kept, float *, float *,
                                       float *) = KERNEL_TABLE(layer_norm_back);
static void (*const activation_table[])(enum activation, size_t, const float *, float *) = KERNEL_TABLE(layer_activation);
static void (*const activation_back_table[])(enum activation, size_t, const float *, float *) = KERNEL_TABLE(layer_activation_back);
static void (*const drop_table[])(uint64_t, uint64_t, float, size_t, float *) = KERNEL_TABLE(layer_drop);

void linear_layer(size_t rows, size_t inputs, size_t outputs, const float *x, const float *w, const float *bias, float *y)
{
    for (size_t r = 0; bias && r < rows; r++) memcpy(y + r * outputs, bias, outputs * sizeof *y);
    gemm(rows, outputs, inputs, (struct matrix){x, inputs, 1}, (struct matrix){w, 1, inputs}, y, outputs, bias);
}

void linear_layer_back(size_t rows, size_t inputs, size_t outputs, const float *x, const float *w, const float *dy, float *grad_w, float *grad_bias,
                       float *dx, bool add)
{
    gemm(outputs, inputs, rows, (struct matrix){dy, 1, outputs}, (struct matrix){x, inputs, 1}, grad_w, inputs, true);
    if (grad_bias) column_sums(rows, outputs, dy, grad_bias);
    if (dx) gemm(rows, inputs, outputs, (struct matrix){dy, outputs, 1}, (struct matrix){w, inputs, 1}, dx, inputs, add);
}

void column_sums(size_t rows, size_t width, const float *d, float *sums) { column_sums_table[cpu_level()](rows, width, d, sums); }

void logit_layer(size_t rows, size_t inputs, const float *x, const float *w, float *z) { logit_table[cpu_level()](rows, inputs, x, w, z); }

void logit_layer_back(size_t rows, size_t inputs, const float *x, const float *w, const float *delta, float *grad_w, float *dx)
{
    logit_back_table[cpu_level()](rows, inputs, x, w, delta, grad_w, dx);
}

/* One row has no variance: it is seen by the running statistics, which it says again, so that they do not move. */
static void norm_lone(size_t width, const struct norm *n, struct norm_kept kept, float *x)
{
    for (size_t j = 0; j < width; j++) {
        kept.mean[j] = n->mean[j], kept.variance[j] = n->variance[j];
        kept.inverse[j] = 1.0f / sqrtf(n->variance[j] + NORM_EPSILON);
        kept.standard[j] = (x[j] - n->mean[j]) * kept.inverse[j];
        x[j] = kept.standard[j] * n->scale[j] + n->shift[j];
    }
}

static void norm_lone_back(size_t width, const struct norm *n, struct norm_kept kept, float *d, float *grad_scale, float *grad_shift)
{
    for (size_t j = 0; j < width; j++) {
        grad_shift[j] += d[j];
        grad_scale[j] += d[j] * kept.standard[j];
        d[j] *= n->scale[j] * kept.inverse[j];
    }
}

void norm_layer_train(size_t rows, size_t width, const struct norm *n, struct norm_kept kept, float *x)
{
    if (rows == 1) {
        norm_lone(width, n, kept, x);
        return;
    }
    train_table[cpu_level()](rows, width, n, kept, x);
}

void norm_layer_apply(size_t rows, size_t width, const struct norm *n, float *x) { apply_table[cpu_level()](rows, width, n, x); }

void norm_layer_back(size_t rows, size_t width, const struct norm *n, struct norm_kept kept, float *d, float *grad_scale, float *grad_shift)
{
    if (rows == 1) {
        norm_lone_back(width, n, kept, d, grad_scale, grad_shift);
        return;
    }
    norm_back_table[cpu_level()](rows, width, n, kept, d, grad_scale, grad_shift);
}

void activation_layer(enum activation f, size_t n, const float *z, float *y) { activation_table[cpu_level()](f, n, z, y); }

void activation_layer_back(enum activation f, size_t n, const float *z, float *d) { activation_back_table[cpu_level()](f, n, z, d); }

void dropout_layer(const struct dropout *p, const struct batch *b, size_t width, float *x)
{
    if (p->rate <= 0) return;
    enum cpu_level level = cpu_level();
    uint64_t stream = hash_mix(hash_mix(hash_mix(p->seed ^ (uint64_t)RNG_DROPOUT << 56) ^ p->step) ^ p->layer);
    uint64_t threshold = (uint64_t)((double)p->rate * 0x1p32);
    for (size_t r = 0; r < b->rows; r++)
        drop_table[level](hash_mix(stream ^ batch_ordinal(b, r)), threshold, 1 / (1 - p->rate), width, x + r * width);
}
