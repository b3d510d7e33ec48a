/* y += a x over short vectors, for kernels (*.inc.c): groups of 16, then 4, then one by one. Each element is its own sum, so no width shows. */
#ifndef TRAINYARD_ENGINE_MODEL_LANES_H
#define TRAINYARD_ENGINE_MODEL_LANES_H

#include <stddef.h>
#include <string.h>

typedef float lanes16 __attribute__((vector_size(64)));
typedef float lanes4 __attribute__((vector_size(16)));

static inline void lanes_add(size_t n, float a, const float *x, float *y)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        lanes16 from, to;
        memcpy(&from, x + i, sizeof from);
        memcpy(&to, y + i, sizeof to);
        to += from * a;
        memcpy(y + i, &to, sizeof to);
    }
    for (; i + 4 <= n; i += 4) {
        lanes4 from, to;
        memcpy(&from, x + i, sizeof from);
        memcpy(&to, y + i, sizeof to);
        to += from * a;
        memcpy(y + i, &to, sizeof to);
    }
    for (; i < n; i++) y[i] += x[i] * a;
}

/* <x, y>: element i goes to lane i mod 16, lanes fold by halves. */
static inline float lanes_dot(size_t n, const float *x, const float *y)
{
    lanes16 sum = {0};
    float lane[16];
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        lanes16 a, b;
        memcpy(&a, x + i, sizeof a);
        memcpy(&b, y + i, sizeof b);
        sum += a * b;
    }
    memcpy(lane, &sum, sizeof lane);
    for (size_t l = 0; i + l < n; l++) lane[l] += x[i + l] * y[i + l];
    for (size_t half = 8; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

#endif
