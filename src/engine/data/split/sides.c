#include "engine/data/split/sides.h"

#include "base/mem.h"
#include "engine/data/cache/block.h"

struct blank { /* sums over a block's rows */
    double loss[SIDES], weight[SIDES];
};

struct counting {
    struct sides *sides;
    struct dataset *dataset;
    const struct loss *loss;
    struct blank *blanks; /* (blocks), NULL without loss: added up in their order, so that the workers leave no trace */
    struct counter {      /* a worker's own */
        struct block block;
        uint64_t positives[SIDES], weightless[SIDES], replayed;
        float label_max;
    } * counters;
    unsigned workers;
};

struct split_rows split_rows_of(const struct dataset *dataset, uint64_t index, const struct block *block)
{
    const struct batch *b = &block->batch;
    return (struct split_rows){.first = block->first_row,
                               .count = b->rows,
                               .positives_before = dataset_block_positives_before(dataset, index),
                               .labels = b->labels,
                               .groups = b->groups,
                               .times = b->times};
}

/* Which rows of a block (rows first .. first + count - 1) come before `row`: so many. */
static size_t rows_before(uint64_t row, uint64_t first, size_t count)
{
    uint64_t before = row > first ? row - first : 0;
    return before < count ? (size_t)before : count;
}

void sides_of(const struct splitter *splitter, const struct dataset *dataset, uint64_t index, const struct block *block, uint8_t *out)
{
    const struct split_context *c = &splitter->context;
    struct split_rows rows = split_rows_of(dataset, index, block);
    size_t from = rows_before(c->replay_from, rows.first, rows.count), to = rows_before(c->validation_from, rows.first, rows.count);
    bool judged = splitter_needs(splitter) & (SPLIT_GROUPS | SPLIT_TIMES); /* by what stands in them, so older rows as well */
    if (from < to && !judged && !splitter->split->files) rows.count = from;
    if (rows.count > 0) splitter_sides(splitter, &rows, out);
    for (size_t r = from; r < to; r++) out[r] = judged && out[r] != SIDE_TRAIN ? SIDE_NONE : SIDE_TRAIN;
}

static void blank_add(struct blank *blank, const struct loss *loss, const struct batch *b, const uint8_t *side)
{
    static const float score = 0;
    for (size_t r = 0; r < b->rows; r++) {
        double w = b->weights ? (double)b->weights[r] : 1;
        blank->loss[side[r]] += w * loss->row(&score, b->labels[r], 1);
        blank->weight[side[r]] += w;
    }
}

static void blank_sum(struct sides *s, const struct blank *blanks)
{
    for (int side = 0; side < SIDES; side++) {
        double loss = 0, weight = 0;
        for (uint64_t i = 0; i < s->blocks; i++) loss += blanks[i].loss[side], weight += blanks[i].weight[side];
        s->blank[side] = weight > 0 ? loss / weight : 0;
    }
}

/* Worker w counts the blocks w, w + workers, ... */
static int sides_worker(void *context, unsigned worker, struct error *err)
{
    struct counting *counting = context;
    struct counter *c = &counting->counters[worker];
    struct sides *s = counting->sides;
    uint8_t side[BLOCK_ROWS] = {0};
    const bool bits = dataset_info(counting->dataset)->labels.range == LABELS_BINARY;
    for (uint64_t i = worker; i < s->blocks; i += counting->workers) {
        int rc = dataset_read_head(counting->dataset, i, &c->block, err);
        if (rc < 0) return rc;
        const struct batch *b = &c->block.batch;
        const struct split_context *judged = &s->splitter.context;
        size_t from = rows_before(judged->replay_from, c->block.first_row, b->rows);
        size_t to = rows_before(judged->validation_from, c->block.first_row, b->rows);
        sides_of(&s->splitter, counting->dataset, i, &c->block, side);
        for (size_t r = from; r < to; r++) c->replayed += side[r] == SIDE_TRAIN;
        if (counting->blanks) blank_add(&counting->blanks[i], counting->loss, b, side);
        for (size_t r = 0; r < b->rows; r++) {
            s->rows[i][side[r]]++;
            c->positives[side[r]] += bits && b->labels[r] > 0;
            c->weightless[side[r]] += b->weights && b->weights[r] == 0;
            if (b->labels[r] > c->label_max) c->label_max = b->labels[r];
        }
    }
    return 0;
}

/* Does the data have what the split judges by? One head tells, since a format has it always or never. */
static int sides_needs(const struct splitter *splitter, struct dataset *dataset, struct error *err)
{
    const char *name = splitter->split->kind.name;
    unsigned needs = splitter_needs(splitter);
    struct block block = {0};
    int rc = needs ? dataset_read_head(dataset, 0, &block, err) : 0;
    if (rc == 0 && needs & SPLIT_GROUPS && !block.batch.groups)
        rc = error_set(err, ERROR_INVALID, "/dataset/group", "split.kind \"%s\" needs groups: name the column (a user, a session) in dataset.group",
                       name);
    if (rc == 0 && needs & SPLIT_TIMES && !block.batch.times)
        rc = error_set(err, ERROR_INVALID, "/dataset/time", "split.kind \"%s\" needs times: name the column in dataset.time", name);
    block_close(&block);
    return rc;
}

/* Rows whose label is 1 in front of `row`. */
static int positives_before(struct dataset *dataset, uint64_t row, uint64_t *out, struct error *err)
{
    struct block block = {0};
    uint64_t i = dataset_info(dataset)->blocks;
    while (i > 0 && dataset_block_first_row(dataset, i - 1) >= row) i--;
    *out = 0;
    int rc = i > 0 ? dataset_read_head(dataset, i - 1, &block, err) : 0;
    if (rc == 0 && i > 0) {
        *out = dataset_block_positives_before(dataset, i - 1);
        for (size_t r = 0; r < rows_before(row, block.first_row, block.batch.rows); r++) *out += block.batch.labels[r] > 0;
    }
    block_close(&block);
    return rc;
}

/* What the split may judge: all rows, or those before the older ones that are replayed. */
static int context_fill(struct split_context *c, struct dataset *dataset, bool files, struct error *err)
{
    const struct dataset_info *info = dataset_info(dataset);
    c->rows = info->rows;
    c->positives = info->positives;
    c->replay_from = info->replay_from;
    c->validation_from = info->validation_from;
    c->test_from = info->test_from;
    if (files || c->replay_from == c->validation_from) return 0;
    c->rows = c->replay_from;
    return positives_before(dataset, c->rows, &c->positives, err);
}

int sides_count(struct sides *s, struct dataset *dataset, const struct splitter *splitter, const struct loss *loss, const struct parallel *parallel,
                struct error *err)
{
    const struct dataset_info *info = dataset_info(dataset);
    struct counting counting = {.sides = s, .dataset = dataset, .loss = loss, .workers = parallel->workers};
    *s = (struct sides){.splitter = *splitter, .blocks = info->blocks};
    int rc = sides_needs(splitter, dataset, err);
    if (rc == 0) rc = context_fill(&s->splitter.context, dataset, splitter->split->files, err);
    if (rc == 0 && splitter->split->check) rc = splitter->split->check(splitter->params, &s->splitter.context, err);
    if (rc < 0) return rc;
    s->rows = mem_array(s->blocks, 1, sizeof *s->rows, err);
    counting.counters = mem_array(counting.workers, 1, sizeof *counting.counters, err);
    if (loss) counting.blanks = mem_array(s->blocks, 1, sizeof *counting.blanks, err);
    rc = s->rows && counting.counters && (!loss || counting.blanks) ? parallel->run(parallel->impl, sides_worker, &counting, counting.workers, err)
                                                                    : -ERROR_NOMEM;
    for (unsigned w = 0; counting.counters && w < counting.workers; w++) {
        for (int side = 0; side < SIDES; side++) {
            s->positives[side] += counting.counters[w].positives[side];
            s->weightless[side] += counting.counters[w].weightless[side];
        }
        s->replayed += counting.counters[w].replayed;
        if (counting.counters[w].label_max > s->label_max) s->label_max = counting.counters[w].label_max;
        block_close(&counting.counters[w].block);
    }
    mem_free(counting.counters);
    if (rc == 0 && loss) blank_sum(s, counting.blanks);
    mem_free(counting.blanks);
    for (uint64_t i = 0; rc == 0 && i < s->blocks; i++)
        for (int side = 0; side < SIDES; side++) s->totals[side] += s->rows[i][side];
    if (rc < 0) sides_close(s);
    return rc;
}

void sides_close(struct sides *s)
{
    mem_free(s->rows);
    *s = (struct sides){0};
}
