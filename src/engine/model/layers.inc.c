/* Kernels of layers.c: loops whose lanes are columns, so any vector width adds in the same order. */
#include <math.h>

#include "base/hash.h"
#include "base/kernel.h"
#include "engine/core/exp_inline.h"
#include "engine/model/layers.h"

void KERNEL(layer_logit)(size_t rows, size_t inputs, const float *x, const float *w, float *z);
void KERNEL(layer_logit_back)(size_t rows, size_t inputs, const float *x, const float *w, const float *delta, float *grad_w, float *dx);
void KERNEL(layer_column_sums)(size_t rows, size_t width, const float *d, float *sums);
void KERNEL(layer_norm_train)(size_t rows, size_t width, const struct norm *n, struct norm_kept kept, float *x);
void KERNEL(layer_norm_apply)(size_t rows, size_t width, const struct norm *n, float *x);
void KERNEL(layer_norm_back)(size_t rows, size_t width, const struct norm *n, struct norm_kept kept, float *d, float *grad_scale, float *grad_shift);
void KERNEL(layer_activation)(enum activation f, size_t n, const float *z, float *y);
void KERNEL(layer_activation_back)(enum activation f, size_t n, const float *z, float *d);
void KERNEL(layer_drop)(uint64_t stream, uint64_t threshold, float scale, size_t width, float *x);

void KERNEL(layer_logit)(size_t rows, size_t inputs, const float *x, const float *w, float *z)
{
    for (size_t r = 0; r < rows; r++, x += inputs) {
        float lane[16] = {0};
        size_t i = 0;
        for (; i + 16 <= inputs; i += 16)
            for (size_t l = 0; l < 16; l++) lane[l] += x[i + l] * w[i + l];
        for (size_t l = 0; i + l < inputs; l++) lane[l] += x[i + l] * w[i + l];
        for (size_t half = 8; half > 0; half /= 2)
            for (size_t l = 0; l < half; l++) lane[l] += lane[l + half];
        z[r] += lane[0];
    }
}

void KERNEL(layer_logit_back)(size_t rows, size_t inputs, const float *x, const float *w, const float *delta, float *grad_w, float *restrict dx)
{
    for (size_t r = 0; r < rows; r++, x += inputs, dx += inputs) {
        float d = delta[r];
        for (size_t i = 0; i < inputs; i++) grad_w[i] += d * x[i];
        for (size_t i = 0; i < inputs; i++) dx[i] = d * w[i];
    }
}

void KERNEL(layer_column_sums)(size_t rows, size_t width, const float *d, float *sums)
{
    for (size_t r = 0; r < rows; r++, d += width)
        for (size_t j = 0; j < width; j++) sums[j] += d[j];
}

void KERNEL(layer_norm_train)(size_t rows, size_t width, const struct norm *n, struct norm_kept kept, float *x)
{
    float share = rows > 0 ? 1.0f / (float)rows : 0;
    for (size_t j = 0; j < width; j++) kept.mean[j] = kept.variance[j] = 0;
    KERNEL(layer_column_sums)(rows, width, x, kept.mean);
    for (size_t j = 0; j < width; j++) kept.mean[j] *= share;
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < width; j++) {
            float apart = x[r * width + j] - kept.mean[j];
            kept.standard[r * width + j] = apart;
            kept.variance[j] += apart * apart;
        }
    for (size_t j = 0; j < width; j++) {
        kept.variance[j] *= share;
        kept.inverse[j] = 1.0f / sqrtf(kept.variance[j] + NORM_EPSILON);
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < width; j++) {
            float standard = kept.standard[r * width + j] * kept.inverse[j];
            kept.standard[r * width + j] = standard;
            x[r * width + j] = standard * n->scale[j] + n->shift[j];
        }
}

void KERNEL(layer_norm_apply)(size_t rows, size_t width, const struct norm *n, float *x)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < width; j++) {
            float *at = &x[r * width + j];
            *at = (*at - n->mean[j]) / sqrtf(n->variance[j] + NORM_EPSILON) * n->scale[j] + n->shift[j];
        }
}

void KERNEL(layer_norm_back)(size_t rows, size_t width, const struct norm *n, struct norm_kept kept, float *d, float *grad_scale, float *grad_shift)
{
    enum { BLOCK = 64 };
    float share = rows > 0 ? 1.0f / (float)rows : 0;
    for (size_t from = 0; from < width; from += BLOCK) { /* sums of some columns at a time: no memory of the layer's width */
        size_t count = width - from < BLOCK ? width - from : BLOCK;
        float sum[BLOCK] = {0}, product[BLOCK] = {0};
        for (size_t r = 0; r < rows; r++) {
            const float *row = d + r * width + from, *standard = kept.standard + r * width + from;
            for (size_t j = 0; j < count; j++) {
                sum[j] += row[j];
                product[j] += row[j] * standard[j];
            }
        }
        for (size_t j = 0; j < count; j++) {
            grad_shift[from + j] += sum[j];
            grad_scale[from + j] += product[j];
            sum[j] *= share;
            product[j] *= share;
        }
        for (size_t r = 0; r < rows; r++) {
            float *row = d + r * width + from;
            const float *standard = kept.standard + r * width + from;
            for (size_t j = 0; j < count; j++) row[j] = n->scale[from + j] * kept.inverse[from + j] * (row[j] - sum[j] - standard[j] * product[j]);
        }
    }
}

/* 2 sqrt(2/pi) (z + 0.044715 z^3) and its derivative. */
static inline float gelu_inner(float z) { return 1.5957691216f * (z + 0.044715f * (z * z * z)); }
static inline float gelu_inner_slope(float z) { return 1.5957691216f * (1.0f + 0.134145f * (z * z)); }

void KERNEL(layer_activation)(enum activation f, size_t n, const float *z, float *y)
{
    if (f == ACTIVATION_RELU)
        for (size_t i = 0; i < n; i++) y[i] = z[i] > 0 ? z[i] : z[i] * 0; /* NaN stays NaN */
    else
        for (size_t i = 0; i < n; i++) y[i] = z[i] * sigmoid(gelu_inner(z[i]));
}

void KERNEL(layer_activation_back)(enum activation f, size_t n, const float *z, float *d)
{
    if (f == ACTIVATION_RELU)
        for (size_t i = 0; i < n; i++) d[i] = z[i] > 0 ? d[i] : 0;
    else
        for (size_t i = 0; i < n; i++) {
            float s = sigmoid(gelu_inner(z[i]));
            d[i] *= s + z[i] * (s * (1.0f - s)) * gelu_inner_slope(z[i]);
        }
}

/* One draw of 32 bits a unit, two units a hash; a unit is dropped when its draw is below the threshold. */
void KERNEL(layer_drop)(uint64_t stream, uint64_t threshold, float scale, size_t width, float *x)
{
    for (size_t u = 0; u < width; u++) {
        uint64_t draw = hash_mix(stream + u / 2) >> (u % 2 * 32) & 0xffffffffu;
        x[u] *= draw < threshold ? 0 : scale;
    }
}
