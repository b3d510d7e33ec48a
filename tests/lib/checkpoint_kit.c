#include "lib/checkpoint_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "cli/registries.h"
#include "engine/model/model.h"

#define MUST(condition) \
    if (!(condition)) (fprintf(stderr, "checkpoint_kit: %s (%s)\n", #condition, err.msg), abort())

static void tensor_add(struct checkpoint_kit *kit, const char *name, enum tensor_dtype dtype, uint64_t rows, uint64_t width, const void *data)
{
    struct tensor *t = &kit->tensors[kit->count++];
    *t = (struct tensor){.dtype = dtype, .dims = width ? 2 : 1, .shape = {rows, width}, .data = data};
    snprintf(t->name, sizeof t->name, "%s", name);
}

static void weights_draw(struct checkpoint_kit *kit)
{
    struct rng rng = rng_at(11, RNG_TEST, 0, 0);
    struct params *p = &kit->params;
    for (uint32_t i = 0; i < CHECKPOINT_KIT_LIVE; i++) kit->slots[i] = (uint32_t)(p->slots * i / CHECKPOINT_KIT_LIVE);
    params_wake(p, kit->slots, CHECKPOINT_KIT_LIVE);
    tensor_add(kit, "slots", TENSOR_U32, CHECKPOINT_KIT_LIVE, 0, kit->slots);
    for (size_t t = 0; t < p->count; t++) {
        const struct param *tensor = &p->tensor[t];
        size_t width = tensor->desc.width, rows = tensor->desc.table ? CHECKPOINT_KIT_LIVE : 1;
        kit->rows[t] = calloc(rows * width, sizeof(float));
        for (size_t i = 0; i < rows * width; i++) kit->rows[t][i] = (float)rng_unit(&rng) - 0.5f;
        for (size_t i = 0; i < rows; i++)
            memcpy(tensor->w + (tensor->desc.table ? kit->slots[i] : i) * width, kit->rows[t] + i * width, width * sizeof(float));
        tensor_add(kit, tensor->desc.name, TENSOR_F32, tensor->desc.table ? rows : width, tensor->desc.table ? width : 0, kit->rows[t]);
    }
}

void checkpoint_kit_open(struct checkpoint_kit *kit, const char *text)
{
    static struct faults faults;
    struct error err = {0};
    struct bytes recipe;
    struct param_desc descs[TENSORS_MAX];
    char bits[24];
    *kit = (struct checkpoint_kit){.metadata = json_object()};
    faults.count = 0;
    json_t *json = json_read(text, strlen(text), "spec", &err);
    MUST(json && spec_read(&kit->spec, json, &registry_all, &faults, &err) == 0);
    json_decref(json);
    bytes_init(&recipe, SPEC_MAX_BYTES);
    MUST(spec_recipe_write(&kit->spec, &recipe, &err) == 0);
    const struct spec_kind *chosen = &kit->spec.chosen[SECTION_MODEL];
    const struct model *model = (const struct model *)chosen->kind;
    snprintf(bits, sizeof bits, "%d", (int)kit->spec.model.hash_bits);
    json_object_set_new(kit->metadata, "format", json_string("trainyard-1"));
    json_object_set_new(kit->metadata, "model", json_string(model->kind.name));
    json_object_set_new(kit->metadata, "hash_bits", json_string(bits));
    json_object_set_new(kit->metadata, "recipe", json_string(bytes_text(&recipe)));
    json_object_set_new(kit->metadata, "step", json_string("12"));
    bytes_close(&recipe);
    size_t count = model->describe(chosen->params, (struct model_shape){0}, descs);
    param_descs_form(descs, count,
                     (struct table_form){(enum table_dtype)kit->spec.model.table_dtype, spec_remainder_bits(&kit->spec),
                                         kit->spec.model.embedding == EMBEDDING_VOCABULARY});
    MUST(params_init(&kit->params, descs, count, (uint32_t)kit->spec.model.hash_bits, NULL, (uint64_t)kit->spec.train.seed, &err) == 0);
    weights_draw(kit);
}

void checkpoint_kit_close(struct checkpoint_kit *kit)
{
    json_decref(kit->metadata);
    for (size_t t = 0; t < TENSORS_MAX; t++) free(kit->rows[t]);
    params_close(&kit->params);
    spec_close(&kit->spec);
    *kit = (struct checkpoint_kit){0};
}

struct tensor *checkpoint_kit_find(struct checkpoint_kit *kit, const char *name)
{
    for (size_t i = 0; i < kit->count; i++)
        if (strcmp(kit->tensors[i].name, name) == 0) return &kit->tensors[i];
    abort();
}

void checkpoint_kit_write(struct checkpoint_kit *kit, const struct world *world, const char *path)
{
    struct tensor tensors[CHECKPOINT_KIT_TENSORS]; /* a copy: the writer sorts them */
    char sha256[SHA256_HEX];
    uint64_t size;
    struct error err = {0};
    memcpy(tensors, kit->tensors, sizeof tensors);
    MUST(safetensors_write(world, path, tensors, kit->count, kit->metadata, sha256, &size, &err) == 0);
}
