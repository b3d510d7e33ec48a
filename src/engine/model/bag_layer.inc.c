/* Kernels of bag_layer.c: lanes are columns, so any vector width adds in the same order. */
#include <string.h>

#include "base/kernel.h"
#include "engine/model/bag_layer.h"
#include "engine/model/lanes.h"

/* y (rows, y_row): columns 0 .. n - 1 become bias (n; NULL: 0) + sums of products (pairs, n). */
void KERNEL(bag_gather)(const struct bag_rows *b, size_t n, const float *products, const float *bias, float *y, size_t y_row);

/* slopes (pairs, n) += columns 0 .. n - 1 of dy (rows, dy_row). */
void KERNEL(bag_scatter)(const struct bag_rows *b, size_t n, const float *dy, size_t dy_row, float *slopes);

/* A row's 16 or 64 columns in registers. */
static inline __attribute__((always_inline)) void gather_lanes(const struct bag_rows *b, size_t r, size_t vectors, size_t n, const float *products,
                                                               const float *bias, float *y)
{
    lanes16 sum[4] = {{0}}, product;
    for (size_t v = 0; bias && v < vectors; v++) memcpy(&sum[v], bias + 16 * v, sizeof product);
    for (size_t i = b->start[r]; i < b->start[r + 1]; i++)
        for (size_t v = 0; v < vectors; v++) {
            memcpy(&product, products + b->pair[i] * n + 16 * v, sizeof product);
            sum[v] += b->value ? product * b->value[i] : product;
        }
    for (size_t v = 0; v < vectors; v++) memcpy(y + 16 * v, &sum[v], sizeof product);
}

void KERNEL(bag_gather)(const struct bag_rows *b, size_t n, const float *products, const float *bias, float *y, size_t y_row)
{
    for (size_t r = 0; r < b->rows; r++, y += y_row) {
        size_t j = 0;
        for (; j + 64 <= n; j += 64) gather_lanes(b, r, 4, n, products + j, bias ? bias + j : NULL, y + j);
        for (; j + 16 <= n; j += 16) gather_lanes(b, r, 1, n, products + j, bias ? bias + j : NULL, y + j);
        for (; j < n; j++) {
            float sum = bias ? bias[j] : 0;
            for (size_t i = b->start[r]; i < b->start[r + 1]; i++) sum += products[b->pair[i] * n + j] * (b->value ? b->value[i] : 1);
            y[j] = sum;
        }
    }
}

/* 16 to 64 columns of dy in registers. */
static inline __attribute__((always_inline)) void scatter_lanes(const struct bag_rows *b, size_t r, size_t vectors, size_t n, const float *dy,
                                                                float *slopes)
{
    lanes16 slope[4], sum;
    for (size_t v = 0; v < vectors; v++) memcpy(&slope[v], dy + 16 * v, sizeof sum);
    for (size_t i = b->start[r]; i < b->start[r + 1]; i++)
        for (size_t v = 0; v < vectors; v++) {
            float *at = slopes + b->pair[i] * n + 16 * v;
            memcpy(&sum, at, sizeof sum);
            sum += b->value ? slope[v] * b->value[i] : slope[v];
            memcpy(at, &sum, sizeof sum);
        }
}

void KERNEL(bag_scatter)(const struct bag_rows *b, size_t n, const float *dy, size_t dy_row, float *slopes)
{
    for (size_t r = 0; r < b->rows; r++, dy += dy_row) {
        size_t j = 0;
        for (; j + 64 <= n; j += 64) scatter_lanes(b, r, 4, n, dy + j, slopes + j);
        for (; j + 16 <= n; j += 16) scatter_lanes(b, r, 1, n, dy + j, slopes + j);
        for (; j < n; j++)
            for (size_t i = b->start[r]; i < b->start[r + 1]; i++) slopes[b->pair[i] * n + j] += dy[j] * (b->value ? b->value[i] : 1);
    }
}
