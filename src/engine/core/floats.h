/* A buffer of floats that grows and is reused; growing loses its content. A zeroed struct is an empty one. */
#ifndef TRAINYARD_ENGINE_CORE_FLOATS_H
#define TRAINYARD_ENGINE_CORE_FLOATS_H

#include <stddef.h>

#include "base/error.h"

struct floats {
    float *data;
    size_t max;
};

int floats_reserve(struct floats *f, size_t n, struct error *err); /* room for n */
void floats_close(struct floats *f);                               /* safe on a zeroed struct, and twice */

#endif
