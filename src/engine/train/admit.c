/* Will the model fit? Said before it starts. */
#include "engine/train/admit.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/str.h"
#include "engine/model/model.h"
#include "engine/train/ensemble.h"
#include "engine/train/groups.h"
#include "engine/train/run.h"

enum { FIELDS_GUESSED = 40 }; /* before the data is open; afterwards model_admit() knows */

static size_t descs_of(const struct spec *spec, struct model_shape shape, struct param_desc descs[TENSORS_MAX])
{
    size_t count = ((const struct model *)spec->chosen[SECTION_MODEL].kind)->describe(spec->chosen[SECTION_MODEL].params, shape, descs);
    param_descs_store(descs, count, (enum table_dtype)spec->model.table_dtype);
    return count;
}

static uint64_t memory_bytes(const struct spec *spec, struct model_shape shape)
{
    struct param_desc descs[TENSORS_MAX];
    struct param_states states[GROUPS];
    optim_states(spec, states);
    size_t count = descs_of(spec, shape, descs);
    uint32_t bits = (uint32_t)spec->model.hash_bits;
    const struct ensemble *ensemble = (const struct ensemble *)spec->chosen[SECTION_ENSEMBLE].kind;
    uint64_t tables = params_bytes(descs, count, bits, states);
    if (ensemble && ensemble->wants_model) tables += params_bytes(descs, count, bits, NULL) / 2;
    tables += 3 * admission_bytes((unsigned)spec->features.min_count, bits); /* a byte a slot, and five in the snapshot */
    return 2 * tables + (256ull << 20);                                      /* parameters, their snapshot, and the windows and buffers of a run */
}

uint64_t run_memory_bytes(const struct spec *spec) { return memory_bytes(spec, (struct model_shape){.fields = FIELDS_GUESSED}); }

static uint64_t memory_limit(const struct spec *spec)
{
    uint64_t limit = (uint64_t)spec->resources.max_memory_bytes;
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t machine = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX;
    return limit == 0 || limit > machine ? machine : limit;
}

int spec_admit(const struct spec *spec, struct error *err)
{
    char need[32], have[32];
    uint64_t bytes = memory_bytes(spec, (struct model_shape){.fields = 1}), limit = memory_limit(spec);
    if (bytes <= limit) return 0;
    return error_set(err, ERROR_NOMEM, "/model/hash_bits",
                     "the model needs up to %s (2^%" PRId64 " slots with optimiser state and a snapshot), there are %s; lower model.hash_bits",
                     str_bytes(need, sizeof need, bytes), spec->model.hash_bits, str_bytes(have, sizeof have, limit));
}

int model_admit(const struct spec *spec, struct model_shape shape, struct error *err)
{
    char need[32], have[32];
    uint64_t bytes = memory_bytes(spec, shape), limit = memory_limit(spec);
    if (bytes <= limit) return 0;
    struct param_desc descs[TENSORS_MAX], tables[TENSORS_MAX];
    struct param_states states[GROUPS];
    optim_states(spec, states);
    size_t kept = 0, count = descs_of(spec, shape, descs);
    for (size_t t = 0; t < count; t++)
        if (descs[t].table) tables[kept++] = descs[t];
    uint64_t slot = (params_bytes(tables, kept, 10, states) - (1 << 10) / 8) >> 10; /* one out of many */
    return error_set(err, ERROR_NOMEM, "/model/hash_bits",
                     "the model needs up to %s, there are %s: 2^%" PRId64 " slots x %" PRIu64
                     " bytes (weights and optimiser state, for the data's %" PRIu32
                     " fields) x 2 (a snapshot), and 256 MiB; lower model.hash_bits or the model's width",
                     str_bytes(need, sizeof need, bytes), str_bytes(have, sizeof have, limit), spec->model.hash_bits, slot, shape.fields);
}
