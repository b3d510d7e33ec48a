/* A small checkpoint as training would have left it, made from a spec's text without any training: for tests of whatever opens one. */
#ifndef TRAINYARD_TESTS_LIB_CHECKPOINT_KIT_H
#define TRAINYARD_TESTS_LIB_CHECKPOINT_KIT_H

#include "contract/safetensors.h"
#include "contract/spec.h"
#include "engine/core/params.h"

enum { CHECKPOINT_KIT_TENSORS = 16, CHECKPOINT_KIT_LIVE = 40 };

struct checkpoint_kit {
    struct spec spec;
    struct params params; /* what the file holds: CHECKPOINT_KIT_LIVE slots are live, weights are drawn */
    json_t *metadata;
    struct tensor tensors[CHECKPOINT_KIT_TENSORS];
    size_t count;
    uint32_t slots[CHECKPOINT_KIT_LIVE];
    float *rows[TENSORS_MAX];
};

/* checkpoint_kit_open: of this spec (JSON); fails by aborting. hash_bits from 8 to 20. Change metadata and tensors as you like, then write. */
void checkpoint_kit_open(struct checkpoint_kit *kit, const char *spec);
void checkpoint_kit_close(struct checkpoint_kit *kit);
struct tensor *checkpoint_kit_find(struct checkpoint_kit *kit, const char *name);
void checkpoint_kit_write(struct checkpoint_kit *kit, const struct world *world, const char *path);

#endif
