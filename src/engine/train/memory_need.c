#include "engine/train/memory_need.h"

#include <math.h>

#include "engine/compress/codec.h"
#include "engine/compress/residual.h"
#include "engine/core/scores.h"
#include "engine/recipe/recipe.h"
#include "engine/train/ensemble.h"
#include "engine/train/groups.h"
#include "engine/train/learner.h"
#include "engine/train/passing.h"
#include "engine/train/score.h"
#include "engine/train/warm_start.h"

/* Buffers: of any run; of rows, in windows of that many and in evaluation, which writes lines of so many at a time. */
enum { FIXED = 64 << 20, ROWS_MOST = 192 << 20, WINDOW_ROWS = 1 << 17, BLOCK = 1 << 13 };

/* Bytes of a micro-batch: a row's offset, label, weight and number; a feature's key, value, field, and its places in the lookup and where keys are
 * replaced; a distinct row's entries in the lookup's sparse table; a row of a window with its features'. */
enum { ROW_BYTES = 40, FEATURE_BYTES = 48, DISTINCT_BYTES = 72, WINDOW_ROW_BYTES = 48, WINDOW_FEATURE_BYTES = 10, EVALUATION_ROW_BYTES = 48 };

struct recipe { /* what memory_need() asks all the time */
    const struct spec *spec;
    const struct memory_sizes *sizes;
    struct param_desc descs[TENSORS_MAX];
    size_t count;
    uint64_t slots, used; /* rows of tables; of them that the data touches, at most */
};

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

static uint64_t dense_rows(const struct param_desc *desc) { return desc->rows ? desc->rows : 1; }

static uint64_t batch_rows(const struct memory_sizes *s) { return least(s->batch, s->rows); }

uint64_t memory_shard_rows(const struct memory_sizes *s) { return (batch_rows(s) + s->shards - 1) / s->shards; }

static uint64_t features_of(const struct memory_sizes *s, uint64_t rows)
{
    return least((uint64_t)ceil((double)rows * s->row_features) + s->features_max, rows * s->features_max);
}

/* Rows of a table that a micro-batch touches; a feature of quotient and remainder has two. counted: TOUCHED_UNKNOWN: it was not. */
static uint64_t distinct_of(const struct recipe *r, uint64_t rows, uint64_t counted)
{
    uint64_t each = r->spec->model.embedding == EMBEDDING_QR ? 2 : 1;
    return least(least(features_of(r->sizes, rows) * each, r->used), counted);
}

/* What the shards keep of what a codec left out: of a table no more rows than residual_rows_max, of a dense tensor all. */
static uint64_t residuals_of(const struct recipe *r)
{
    const struct codec *codec = (const struct codec *)r->spec->chosen[SECTION_CODEC].kind;
    uint64_t bytes = 0, most = (uint64_t)r->spec->compression.residual_rows_max;
    if (!codec->encode || !r->spec->compression.error_feedback) return 0;
    for (size_t t = 0; t < r->count; t++) {
        uint64_t rows = r->descs[t].table ? r->slots : dense_rows(&r->descs[t]);
        if (param_learns(&r->descs[t])) bytes += residual_bytes(least(rows, most), r->descs[t].width);
    }
    return bytes * r->sizes->shards;
}

/* A shard's rows, and with a codec the message (made in two pieces) and what it decodes to. A table's rows may all be sent: those that waited too
 * long are. */
static uint64_t shard_bytes(const struct recipe *r, uint64_t distinct)
{
    const struct spec_kind *chosen = &r->spec->chosen[SECTION_CODEC];
    const struct codec *codec = (const struct codec *)chosen->kind;
    struct codec_share share = codec->share ? codec->share(chosen->params) : (struct codec_share){0};
    double bytes = 0;
    for (size_t t = 0; t < r->count; t++) {
        const struct param_desc *desc = &r->descs[t];
        double rows = (double)(desc->table ? distinct : dense_rows(desc)), all = rows * (desc->width + 2.0) * sizeof(float);
        bytes += all;
        if (!codec->encode || !param_learns(desc)) continue;
        bytes += rows * 4 * sizeof(uint32_t);
        bytes += desc->table ? 3 * all : (2 * share.message + share.decoded) * all;
    }
    return (uint64_t)bytes;
}

/* A worker's scorer (engine/model/scorer.h) on so many rows. */
static uint64_t scorer_bytes(const struct recipe *r, uint64_t rows, uint64_t counted)
{
    const struct spec_kind *chosen = &r->spec->chosen[SECTION_MODEL];
    const struct model *model = (const struct model *)chosen->kind;
    const struct model_use use = {.model = model, .params = chosen->params, .shape = r->sizes->shape};
    bool factors = r->spec->model.embedding == EMBEDDING_QR;
    uint64_t features = features_of(r->sizes, rows), distinct = distinct_of(r, rows, counted);
    uint64_t composed = factors ? least(features, 1ull << r->sizes->hash_bits) : distinct, width = 0;
    for (size_t t = 0; t < r->count; t++) width += r->descs[t].table ? r->descs[t].width : 0;
    uint64_t floats = distinct * width + (factors ? 2 * composed * width : 0) + 3 * rows * model_outputs(&use);
    floats += model->scratch(chosen->params, r->sizes->shape, (struct model_size){rows, features, composed});
    return floats * sizeof(float) + rows * ROW_BYTES + features * FEATURE_BYTES + distinct * DISTINCT_BYTES;
}

/* A worker's merged slice: its rows, their mean, and where each shard has them. */
static uint64_t merge_bytes(const struct recipe *r, uint64_t distinct)
{
    uint64_t most = 0, shards = r->sizes->shards, slices = params_slices(r->descs, r->count, r->sizes->hash_bits);
    for (size_t t = 0; t < r->count; t++) {
        const struct param_desc *desc = &r->descs[t];
        uint64_t rows = desc->table ? least(r->used, distinct * shards) : dense_rows(desc);
        uint64_t bytes = (rows / slices + 1) * (desc->width * sizeof(float) + (shards + 4) * sizeof(uint32_t));
        if (bytes > most) most = bytes;
    }
    return 2 * most;
}

/* Lines that wait to be written: of a block a worker, or a round's. */
static uint64_t lines_of(const struct recipe *r)
{
    const struct spec_kind *chosen = &r->spec->chosen[SECTION_MODEL];
    const struct model_use use = {.model = (const struct model *)chosen->kind, .params = chosen->params, .shape = r->sizes->shape};
    uint64_t bytes = r->sizes->workers * least(r->sizes->rows, BLOCK) * scores_line_max(&(struct scores_style){.outputs = model_outputs(&use)});
    return !r->spec->evaluate.scores ? 0 : bytes > SCORE_ROUND_BYTES ? bytes : SCORE_ROUND_BYTES;
}

/* Two windows of rows are in memory, and no window is smaller than a batch; evaluation keeps a few numbers a row. */
static uint64_t buffers_of(const struct memory_sizes *s)
{
    uint64_t batch = batch_rows(s), more = batch > WINDOW_ROWS ? batch - WINDOW_ROWS : 0;
    double row = 2 * (WINDOW_ROW_BYTES + s->row_features * WINDOW_FEATURE_BYTES), rows = (double)s->rows * (row + EVALUATION_ROW_BYTES);
    return FIXED + (rows < ROWS_MOST ? (uint64_t)rows : ROWS_MOST) + (uint64_t)((double)more * row);
}

struct memory_need memory_need(const struct spec *spec, const struct memory_sizes *s)
{
    struct recipe r = {.spec = spec, .sizes = s, .slots = 1ull << s->hash_bits};
    struct param_desc dense[TENSORS_MAX];
    struct param_states states[GROUPS];
    size_t kept = 0;
    optim_states(spec, states);
    r.count = recipe_tensors(spec, s->shape, r.descs);
    warm_start_freeze(spec, r.descs, r.count);
    r.used = least(r.slots, s->touched.all);
    for (size_t t = 0; t < r.count; t++)
        if (!r.descs[t].table) dense[kept++] = r.descs[t];
    const struct ensemble *ensemble = (const struct ensemble *)spec->chosen[SECTION_ENSEMBLE].kind;
    uint64_t live = r.slots / 8, rows = memory_shard_rows(s), counted = rows <= s->touched.shard_rows ? s->touched.shard : TOUCHED_UNKNOWN;
    struct memory_need m = {.dense = params_bytes(dense, kept, s->hash_bits, states) - live, .buffers = buffers_of(s)};
    m.tables = params_bytes(r.descs, r.count, s->hash_bits, states) - m.dense;
    m.slot = m.tables >> s->hash_bits;
    m.counts = admission_bytes((unsigned)spec->features.min_count, params_counter_bits(s->hash_bits, spec->model.embedding == EMBEDDING_VOCABULARY));
    m.residuals = residuals_of(&r);
    m.gradients = least(s->shards, batch_rows(s)) * shard_bytes(&r, distinct_of(&r, rows, counted));
    m.workspace = least(s->workers, s->shards) * (scorer_bytes(&r, rows, counted) + merge_bytes(&r, distinct_of(&r, rows, counted)));
    m.workspace += s->workers * scorer_bytes(&r, SCORE_CHUNK_ROWS, s->touched.chunk);
    m.workspace += lines_of(&r);
    m.snapshot = (r.used < r.slots ? r.used * (m.slot + sizeof(uint32_t)) : m.tables) + m.dense + 5 * m.counts +
                 m.residuals; /* a slot and its count */
    m.work = params_bytes(r.descs, r.count, s->hash_bits, NULL) * ((const struct optimizer *)spec->chosen[SECTION_OPTIMIZER].kind)->workspace;
    if (((const struct strategy *)spec->chosen[SECTION_STRATEGY].kind)->passes) m.work += learner_bytes(s->hash_bits, states[GROUP_WIDE].count);
    m.buffers += passing_pieces(s->workers) * s->piece_bytes;
    if (ensemble && ensemble->wants_model) m.member = params_bytes(r.descs, r.count, s->hash_bits, NULL);
    return m;
}

uint64_t memory_need_sum(const struct memory_need *m)
{
    return m->tables + m->dense + m->counts + m->residuals + m->gradients + m->workspace + m->work + m->member + m->snapshot + m->buffers;
}
