/* Will the model fit? Said before it starts. */
#include "engine/train/admit.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "engine/compress/residual.h"
#include "engine/recipe/recipe.h"
#include "engine/train/ensemble.h"
#include "engine/train/groups.h"
#include "engine/train/memory_limit.h"
#include "engine/train/run.h"
#include "engine/train/warm_start.h"

enum { FIELDS_GUESSED = 40, HASH_BITS_LEAST = 10 }; /* before the data is open; afterwards model_admit() knows */

static size_t descs_of(const struct spec *spec, struct model_shape shape, struct param_desc descs[TENSORS_MAX])
{
    size_t count = recipe_tensors(spec, shape, descs);
    warm_start_freeze(spec, descs, count);
    return count;
}

struct memory {             /* what a run takes at most, in bytes */
    uint64_t tables, dense; /* weights and optimiser state */
    uint64_t slot;          /* of all tables, of one slot */
    uint64_t counts;        /* of features.min_count */
    uint64_t residuals;     /* of all shards */
    uint64_t work;          /* what an optimiser of all weights at once needs beside its state */
    uint64_t member;        /* an ensemble's model beside the fold's */
    uint64_t snapshot;      /* the same once more, for a checkpoint */
    uint64_t buffers;       /* windows and buffers */
};

static uint64_t memory_sum(const struct memory *m)
{
    return m->tables + m->dense + m->counts + m->residuals + m->work + m->member + m->snapshot + m->buffers;
}

/* What the shards keep of what a codec left out: of a table no more rows than residual_rows_max, of a dense tensor all. */
static uint64_t residuals_of(const struct spec *spec, const struct param_desc *descs, size_t count, uint64_t slots)
{
    const struct codec *codec = (const struct codec *)spec->chosen[SECTION_CODEC].kind;
    uint64_t bytes = 0, most = (uint64_t)spec->compression.residual_rows_max;
    if (!codec->encode || !spec->compression.error_feedback) return 0;
    for (size_t t = 0; t < count; t++) {
        uint64_t rows = descs[t].table ? slots : descs[t].rows ? descs[t].rows : 1;
        if (param_learns(&descs[t])) bytes += residual_bytes(rows < most ? rows : most, descs[t].width);
    }
    return bytes * (uint64_t)spec->train.shards;
}

static struct memory memory_of(const struct spec *spec, struct model_shape shape, uint32_t bits)
{
    struct param_desc descs[TENSORS_MAX], dense[TENSORS_MAX];
    struct param_states states[GROUPS];
    optim_states(spec, states);
    size_t kept = 0, count = descs_of(spec, shape, descs);
    for (size_t t = 0; t < count; t++)
        if (!descs[t].table) dense[kept++] = descs[t];
    const struct ensemble *ensemble = (const struct ensemble *)spec->chosen[SECTION_ENSEMBLE].kind;
    uint64_t slots = 1ull << bits, live = slots / 8;
    struct memory m = {.dense = params_bytes(dense, kept, bits, states) - live, .buffers = 256ull << 20};
    m.tables = params_bytes(descs, count, bits, states) - m.dense;
    m.slot = m.tables >> bits;
    m.counts = admission_bytes((unsigned)spec->features.min_count, params_counter_bits(bits, spec->model.embedding == EMBEDDING_VOCABULARY));
    m.residuals = residuals_of(spec, descs, count, slots);
    m.snapshot = m.tables + m.dense + 5 * m.counts + m.residuals; /* a slot and its count */
    m.work = params_bytes(descs, count, bits, NULL) * ((const struct optimizer *)spec->chosen[SECTION_OPTIMIZER].kind)->workspace;
    if (ensemble && ensemble->wants_model) m.member = params_bytes(descs, count, bits, NULL);
    return m;
}

uint64_t run_memory_bytes(const struct spec *spec)
{
    const struct memory m = memory_of(spec, (struct model_shape){.fields = FIELDS_GUESSED}, (uint32_t)spec->model.hash_bits);
    return memory_sum(&m);
}

/* ", residuals 1.2 GiB", where they count. */
static void part_tell(char *out, size_t size, const char *name, uint64_t bytes)
{
    char text[32];
    if (bytes >> 20) snprintf(out, size, ", %s %s", name, str_bytes(text, sizeof text, bytes));
    else *out = 0;
}

/* The way out: the largest table that would fit. */
static void remedy_tell(char *out, size_t size, const struct spec *spec, struct model_shape shape, uint64_t limit)
{
    char text[32];
    for (uint32_t bits = (uint32_t)spec->model.hash_bits; bits-- > HASH_BITS_LEAST;) {
        struct memory m = memory_of(spec, shape, bits);
        if (memory_sum(&m) > limit) continue;
        snprintf(out, size, "lower model.hash_bits: with %" PRIu32 " it would need %s", bits, str_bytes(text, sizeof text, memory_sum(&m)));
        return;
    }
    snprintf(out, size, "lower model.hash_bits and the model's width%s",
             memory_of(spec, shape, HASH_BITS_LEAST).residuals > limit / 4 ? ", or train.shards" : "");
}

static int admit(const struct spec *spec, const struct world *world, struct model_shape shape, bool known, struct error *err)
{
    struct memory m = memory_of(spec, shape, (uint32_t)spec->model.hash_bits);
    struct memory_limit limit = memory_limit_find(world, (uint64_t)spec->resources.max_memory_bytes);
    char need[32], have[32], tables[32], snapshot[32], dense[64], counts[64], residuals[64], work[64], member[64], fields[48] = "", remedy[128];
    if (memory_sum(&m) <= limit.bytes) return 0;
    part_tell(dense, sizeof dense, "dense layers", m.dense);
    part_tell(counts, sizeof counts, "counts of features", m.counts);
    part_tell(residuals, sizeof residuals, "residuals of the shards", m.residuals);
    part_tell(work, sizeof work, "the optimizer's vectors", m.work);
    part_tell(member, sizeof member, "the ensemble's model", m.member);
    if (known) snprintf(fields, sizeof fields, ", for the data's %" PRIu32 " fields", shape.fields);
    remedy_tell(remedy, sizeof remedy, spec, shape, limit.bytes);
    return error_set(err, ERROR_NOMEM, "/model/hash_bits",
                     "the model needs up to %s, and %s %s: 2^%" PRId64 " slots x %" PRIu64 " bytes (weights and optimiser state%s) = %s%s%s%s, "
                     "%s for a checkpoint's snapshot of these%s%s, 256 MiB of buffers; %s",
                     str_bytes(need, sizeof need, memory_sum(&m)), limit.who, str_bytes(have, sizeof have, limit.bytes), spec->model.hash_bits,
                     m.slot, fields, str_bytes(tables, sizeof tables, m.tables), dense, counts, residuals,
                     str_bytes(snapshot, sizeof snapshot, m.snapshot), work, member, remedy);
}

int spec_admit(const struct spec *spec, const struct world *world, struct error *err)
{
    return admit(spec, world, (struct model_shape){.fields = 1}, false, err);
}

int model_admit(const struct spec *spec, const struct world *world, struct model_shape shape, struct error *err)
{
    return admit(spec, world, shape, true, err);
}
