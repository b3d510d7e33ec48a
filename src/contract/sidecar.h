/* The file beside a checkpoint, <name>.json beside <name>.safetensors: step, time, size and SHA-256 of what has that name.
 *
 *   safetensors_draft(...); sidecar_write(...); draft_publish(...)
 *
 * It is durable before the checkpoint has its name, so whenever a kill or the power comes, no checkpoint is without one; a sidecar whose file never
 * came says nothing, and sidecar_tidy() takes it away. Where a file of that name is there already (a step is written anew, with what validation
 * decided) the sidecar names both for the time between the two, in `replaces`: each is whole, and whichever is there is known. */
#ifndef TRAINYARD_CONTRACT_SIDECAR_H
#define TRAINYARD_CONTRACT_SIDECAR_H

#include "base/hash.h"
#include "base/world.h"

struct sidecar {
    uint64_t step, size_bytes;
    const char *sha256;
    bool best, delta;
};

/* sidecar_path: of the checkpoint at `file`, whose name ends in ".safetensors"; ERROR_INVALID: it does not. */
int sidecar_path(const char *file, char out[PATH_SIZE], struct error *err);

/* sidecar_write: beside `file`, durable. What is there of a file of that name that is to be replaced is kept in mind. */
int sidecar_write(const struct world *w, const char *file, const struct sidecar *s, struct error *err);

/* sidecar_compare: is sha256 what stands beside `file`? 1: yes; 0: nothing stands there; ERROR_DATA: it is another one, or what stands there cannot
 * be read. */
int sidecar_compare(const struct world *w, const char *file, const char *sha256, struct error *err);

/* sidecar_tidy: of a folder of checkpoints that nobody writes to now, what a kill has left: sidecars without their file, and drafts. */
void sidecar_tidy(const struct world *w, const char *folder);

#endif
