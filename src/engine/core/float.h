/* The float environment of a thread. Denormals are flushed (FTZ, DAZ live in the per-thread MXCSR), so each pool item calls this first:
 * bits must not depend on which thread computed them (algorithms.md §0). */
#ifndef TRAINYARD_ENGINE_CORE_FLOAT_H
#define TRAINYARD_ENGINE_CORE_FLOAT_H

#include <stdbool.h>
#include <stddef.h>

void float_flush_denormals(void);

/* float_all_finite: no NaN and no infinity among x (n). */
bool float_all_finite(const float *x, size_t n);

#endif
