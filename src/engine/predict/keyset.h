/* A set of 64-bit keys that grows: open addressing, at most half full, 8 bytes an entry. */
#ifndef TRAINYARD_ENGINE_PREDICT_KEYSET_H
#define TRAINYARD_ENGINE_PREDICT_KEYSET_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct keyset { /* zeroed: empty */
    size_t count;
    /* private */
    uint64_t *table; /* key + 1, or 0: vacant */
    unsigned bits;
};

/* keyset_add: 1 when key (below 2^64 - 1) was not in it, 0 when it was, or ERROR_NOMEM. */
int keyset_add(struct keyset *set, uint64_t key, struct error *err);
void keyset_clear(struct keyset *set); /* empty; keeps the memory */
void keyset_close(struct keyset *set); /* safe on a zeroed struct, and twice */

#endif
