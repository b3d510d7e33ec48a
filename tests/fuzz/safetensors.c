/* Any bytes as a checkpoint file. What opens can be read to the last byte, and written again it holds the same tensors. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "contract/safetensors.h"
#include "lib/world_sim.h"

#define MUST(condition) \
    if (!(condition)) abort()

struct source {
    const struct safetensors *st;
    struct tensor tensor;
};

static int fill_from(void *context, uint64_t at, void *buf, size_t size, struct error *err)
{
    const struct source *source = context;
    return safetensors_read(source->st, &source->tensor, at, buf, size, err);
}

static void same_again(struct world_sim *sim, const struct safetensors *st)
{
    char sha[SHA256_HEX], sha_again[SHA256_HEX];
    uint64_t size;
    struct safetensors again;
    struct error err = {0};
    struct source *sources = mem_array(st->count, 1, sizeof *sources, NULL);
    struct tensor *tensors = mem_array(st->count, 1, sizeof *tensors, NULL);
    MUST(sources && tensors);
    for (size_t i = 0; i < st->count; i++) {
        sources[i] = (struct source){st, st->tensors[i]};
        tensors[i] = st->tensors[i];
        tensors[i].fill = fill_from;
        tensors[i].context = &sources[i];
    }
    int rc = safetensors_write(&sim->world, "g", tensors, st->count, st->metadata, sha, &size, &err);
    MUST(rc == 0);
    MUST(file_sha256(&sim->world, "g", sha_again, &err) == 0 && strcmp(sha, sha_again) == 0);
    MUST(safetensors_open(&again, &sim->world, "g", &err) == 0 && again.count == st->count);
    for (size_t i = 0; i < st->count; i++) {
        const struct tensor *t = safetensors_find(&again, st->tensors[i].name);
        MUST(t && t->dtype == st->tensors[i].dtype && t->size_bytes == st->tensors[i].size_bytes);
    }
    safetensors_close(&again);
    mem_free(sources);
    mem_free(tensors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world_sim sim;
    struct error err = {0};
    struct safetensors st;
    world_sim_init(&sim);
    MUST(file_publish(&sim.world, "f", data, size, &err) == 0);
    int rc = safetensors_open(&st, &sim.world, "f", &err);
    MUST(rc == 0 || rc == -ERROR_DATA);
    if (rc == 0) same_again(&sim, &st);
    else {
        json_t *message = json_string(err.msg);
        MUST(message);
        json_decref(message);
    }
    safetensors_close(&st);
    world_sim_close(&sim);
    return 0;
}
