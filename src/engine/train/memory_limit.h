/* How much memory a run may take: what its spec, its control groups and the machine allow, whichever is least. */
#ifndef TRAINYARD_ENGINE_TRAIN_MEMORY_LIMIT_H
#define TRAINYARD_ENGINE_TRAIN_MEMORY_LIMIT_H

#include "base/world.h"

struct memory_limit {
    uint64_t bytes;
    const char *who; /* for a sentence: "the machine has"; static */
};

/* memory_limit_find: asked: resources.max_memory_bytes; 0: none. The control groups are those of /proc/self/cgroup, each up to the root (version 2),
 * or of version 1's memory controller; what cannot be read limits nothing. */
struct memory_limit memory_limit_find(const struct world *world, uint64_t asked);

#endif
