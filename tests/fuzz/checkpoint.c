/* Any bytes as a checkpoint that somebody wants to score with. The first byte chooses how: as a whole file, or as one part of a sound one (its
 * metadata's recipe, calibration, the values behind its header, or a vocabulary), which gets deeper than a file's first check. What opens scores a
 * row. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/registries.h"
#include "engine/predict/predictor.h"
#include "lib/checkpoint_kit.h"
#include "lib/world_sim.h"

#define MUST(condition) \
    if (!(condition)) abort()

static const char spec[] =
    "{\"dataset\": {\"uri\": \"x\", \"format\": \"libsvm\"}, \"model\": {\"kind\": \"fm\", \"hash_bits\": 9, \"embedding_dim\": 2}}";
static const char vocabulary_spec[] =
    "{\"dataset\": {\"uri\": \"x\", \"format\": \"libsvm\"}, \"model\": {\"kind\": \"fm\", \"hash_bits\": 9, \"embedding_dim\": 2, "
    "\"embedding\": \"vocabulary\"}}";

static void score(const struct predictor *p)
{
    static const uint32_t offsets[] = {0, 3}, keys[] = {0, 0x80000000u, 0xffffffffu};
    static const float labels[1];
    struct batch b = {.rows = 1, .features = 3, .offsets = offsets, .keys = keys, .labels = labels};
    const struct rare_keys rare = {.unknown = 1}; /* as of a reader that knows no fields */
    struct scorer scorer = {.rare = &rare};
    MUST(predictor_score(p, &scorer, &b, NULL) == 0);
    scorer_close(&scorer);
}

static void text_into(struct checkpoint_kit *kit, const char *key, const uint8_t *data, size_t size)
{
    json_t *value = json_stringn((const char *)data, size); /* NULL: no UTF-8 */
    if (value) json_object_set_new(kit->metadata, key, value);
}

/* The rows that a vocabulary says it has given, and to which features. */
static void vocabulary_into(struct checkpoint_kit *kit, uint32_t halves[2][64], const uint8_t *data, size_t size)
{
    size_t count = size / 8 < 64 ? size / 8 : 64;
    for (int i = 0; i < 2; i++) {
        memcpy(halves[i], data + (size_t)i * count * 4, count * 4);
        struct tensor *t = &kit->tensors[kit->count++];
        *t = (struct tensor){.dtype = TENSOR_U32, .dims = 1, .shape = {count}, .data = halves[i]};
        snprintf(t->name, sizeof t->name, "vocabulary.%s", i ? "keys" : "slots");
    }
}

/* A sound file, one part of which is the input. */
static void part_write(uint8_t how, const uint8_t *data, size_t size, const struct world *world)
{
    static const char *const keys[] = {"recipe", "logit_offset", "calibration_slope", "calibration_intercept", "model"};
    static struct checkpoint_kit kit;
    float knots[2][64] = {{0}};
    uint32_t halves[2][64];
    checkpoint_kit_open(&kit, how == 9 ? vocabulary_spec : spec);
    if (how < 5) text_into(&kit, keys[how], data, size);
    else if (how == 9) vocabulary_into(&kit, halves, data, size);
    else if (how == 5) {
        size_t count = size / (2 * sizeof(float)) < 64 ? size / (2 * sizeof(float)) : 64;
        for (int i = 0; i < 2; i++) {
            memcpy(knots[i], data + (size_t)i * count * sizeof(float), count * sizeof(float));
            struct tensor *t = &kit.tensors[kit.count++];
            *t = (struct tensor){.dtype = TENSOR_F32, .dims = 1, .shape = {count}, .data = knots[i]};
            snprintf(t->name, sizeof t->name, "calibration.%s", i ? "to" : "from");
        }
    } else if (how == 6) memcpy(kit.slots, data, size < sizeof kit.slots ? size : sizeof kit.slots);
    else memcpy(kit.rows[2], data, size < CHECKPOINT_KIT_LIVE * 2 * sizeof(float) ? size : CHECKPOINT_KIT_LIVE * 2 * sizeof(float));
    checkpoint_kit_write(&kit, world, "f");
    checkpoint_kit_close(&kit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world_sim sim;
    struct error err = {0};
    struct predictor p;
    if (size == 0) return 0;
    uint8_t how = data[0] % 10;
    world_sim_init(&sim);
    if (how == 8) {
        MUST(file_publish(&sim.world, "f", data + 1, size - 1, &err) == 0);
    } else part_write(how, data + 1, size - 1, &sim.world);
    int rc = predictor_open(&p, &sim.world, "f", &registry_all, &err);
    MUST(rc == 0 || rc == -ERROR_DATA || rc == -ERROR_NOMEM);
    if (rc == 0) score(&p);
    else {
        json_t *message = json_string(err.msg);
        MUST(message);
        json_decref(message);
    }
    if (rc == 0) predictor_close(&p);
    world_sim_close(&sim);
    return 0;
}
