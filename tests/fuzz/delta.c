/* Any bytes as a delta beside a sound whole checkpoint. The first byte chooses how: as a whole file, or as one part of a sound one (which tensors it
 * says to have rows of, its numbers, those that rest, its predecessor's name, rows). What opens is written whole and reads as itself again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/registries.h"
#include "contract/chain.h"
#include "engine/predict/predictor.h"
#include "lib/checkpoint_kit.h"
#include "lib/world_sim.h"

#define MUST(condition) \
    do { \
        if (!(condition)) abort(); \
    } while (0)
#define BASE "000000000012.safetensors"
#define DELTA "000000000020.delta.safetensors"

static const char spec[] =
    "{\"dataset\": {\"uri\": \"x\", \"format\": \"libsvm\"}, \"model\": {\"kind\": \"fm\", \"hash_bits\": 9, \"embedding_dim\": 2}}";

static void set_text(json_t *metadata, const char *key, const char *text, size_t size)
{
    json_t *value = json_stringn(text, size); /* NULL: no UTF-8 */
    if (value) json_object_set_new(metadata, key, value);
}

/* The kit's own rows as the delta's, but for the part that the input is. */
static void part_write(struct checkpoint_kit *kit, const struct world *world, uint8_t how, const uint8_t *data, size_t size)
{
    static const char rows[] = "{\"slots\": [\"embedding\", \"linear\"]}";
    uint32_t rests[64] = {3};
    char sha256[SHA256_HEX];
    size_t resting = 1;
    MUST(file_sha256(world, BASE, sha256, NULL) == 0);
    set_text(kit->metadata, "step", "20", 2);
    set_text(kit->metadata, CHAIN_PREVIOUS, BASE, strlen(BASE));
    set_text(kit->metadata, CHAIN_SHA256, sha256, strlen(sha256));
    set_text(kit->metadata, CHAIN_ROWS, rows, strlen(rows));
    if (how == 1) set_text(kit->metadata, CHAIN_ROWS, (const char *)data, size);
    if (how == 2) set_text(kit->metadata, CHAIN_PREVIOUS, (const char *)data, size);
    if (how == 3) {
        size_t count = size / sizeof(uint32_t) < CHECKPOINT_KIT_LIVE ? size / sizeof(uint32_t) : CHECKPOINT_KIT_LIVE;
        memcpy(kit->slots, data, count * sizeof(uint32_t));
        checkpoint_kit_find(kit, "slots")->shape[0] = count;
        checkpoint_kit_find(kit, "linear")->shape[0] = count;
        checkpoint_kit_find(kit, "embedding")->shape[0] = count;
    }
    if (how == 4) {
        resting = size / sizeof(uint32_t) < 64 ? size / sizeof(uint32_t) : 64;
        memcpy(rests, data, resting * sizeof(uint32_t));
    }
    if (how == 5) memcpy(kit->rows[2], data, size < CHECKPOINT_KIT_LIVE * 2 * sizeof(float) ? size : CHECKPOINT_KIT_LIVE * 2 * sizeof(float));
    struct tensor *t = &kit->tensors[kit->count++];
    *t = (struct tensor){.dtype = TENSOR_U32, .dims = 1, .shape = {resting}, .data = rests};
    snprintf(t->name, sizeof t->name, "slots" CHAIN_RESTS);
    checkpoint_kit_write(kit, world, DELTA);
}

static void whole_again(const struct chain *c, const struct world *world)
{
    char sha256[SHA256_HEX], again[SHA256_HEX];
    uint64_t size;
    struct chain whole;
    struct error err = {0};
    json_t *metadata = chain_metadata(c, &err);
    MUST(metadata && chain_write(c, world, "whole", NULL, NULL, metadata, sha256, &size, &err) == 0);
    MUST(chain_open(&whole, world, "whole", &err) == 0 && whole.count == 1 && whole.tensor_count == c->tensor_count);
    MUST(chain_write(&whole, world, "again", NULL, NULL, metadata, again, &size, &err) == 0 && strcmp(sha256, again) == 0);
    json_decref(metadata);
    chain_close(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world_sim sim;
    static struct checkpoint_kit kit;
    struct error err = {0}, other = {0};
    struct chain c;
    struct predictor p;
    if (size == 0) return 0;
    world_sim_init(&sim);
    checkpoint_kit_open(&kit, spec);
    checkpoint_kit_write(&kit, &sim.world, BASE);
    uint8_t how = data[0] % 6;
    if (how == 0) MUST(file_publish(&sim.world, DELTA, data + 1, size - 1, &err) == 0);
    else part_write(&kit, &sim.world, how, data + 1, size - 1);
    checkpoint_kit_close(&kit);
    int rc = chain_open(&c, &sim.world, DELTA, &err);
    MUST(rc == 0 || rc == -ERROR_DATA || rc == -ERROR_NOMEM);
    if (rc == 0) whole_again(&c, &sim.world);
    chain_close(&c);
    rc = predictor_open(&p, &sim.world, DELTA, &registry_all, &other);
    MUST(rc == 0 || rc == -ERROR_DATA || rc == -ERROR_NOMEM);
    if (rc == 0) predictor_close(&p);
    world_sim_close(&sim);
    return 0;
}
