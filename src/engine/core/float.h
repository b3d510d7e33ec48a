/* The float environment of a thread. Denormals are flushed (FTZ, DAZ live in the per-thread MXCSR), so each pool item calls this first:
 * bits must not depend on which thread computed them (algorithms.md §0). */
#ifndef TRAINYARD_ENGINE_CORE_FLOAT_H
#define TRAINYARD_ENGINE_CORE_FLOAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void float_flush_denormals(void);

/* float_all_finite: no NaN and no infinity among x (n). */
bool float_all_finite(const float *x, size_t n);

/* float_power: base^n by squaring in double: a function of n alone, without drift, the same with every libm. */
double float_power(double base, uint64_t n);

/* float_cos_pi: cos(pi x) for x in [0, 1], to 1e-15, by its series: the same with every libm. */
double float_cos_pi(double x);

#endif
