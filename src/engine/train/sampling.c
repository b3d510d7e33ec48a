#include "engine/train/sampling.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "engine/data/cache/block.h"

double sampling_share(const struct spec_train *train, uint32_t epoch)
{
    double share = train->curriculum_start;
    for (uint32_t e = 0; e < epoch && share < 1; e++) share *= train->curriculum_growth;
    return share < 1 ? share : 1;
}

double sampling_epochs(const struct spec_train *train)
{
    double growths = -log(train->curriculum_start) / log(train->curriculum_growth);
    return growths > 0 ? ceil(growths - 1e-9) + 1 : 1; /* a root that is a whole number may come out a little above */
}

double sampling_logit_offset(const struct spec_train *train) { return (float)(log(train->negative_rate) - log(train->positive_weight)); }

void sampling_init(struct sampling *s, const struct spec *spec, const struct sides *sides)
{
    const struct split_context *c = &sides->splitter.context;
    double own = (double)(sides->totals[SIDE_TRAIN] - sides->replayed), older = (double)sides->replayed, fraction = spec->replay.fraction;
    *s = (struct sampling){.train = &spec->train, .replay_from = c->replay_from, .replay_to = c->validation_from, .replay_rate = 1};
    if (spec->replay.given && own * fraction < older * (1 - fraction)) s->replay_rate = own * fraction / (older * (1 - fraction));
}

static bool sampling_all(const struct sampling *s)
{
    return s->train->negative_rate >= 1 && s->train->curriculum_start >= 1 && (s->replay_from >= s->replay_to || s->replay_rate >= 1);
}

/* An older row that is not drawn. */
static bool passed_over(const struct sampling *s, uint64_t row)
{
    if (row < s->replay_from || row >= s->replay_to) return false;
    return !(rng_unit_of((uint64_t)s->train->seed, RNG_REPLAY, row) < s->replay_rate);
}

static bool keeps_negative(const struct spec_train *train, uint64_t row)
{
    return rng_unit_of((uint64_t)train->seed, RNG_NEGATIVES, row) < train->negative_rate;
}

static double curriculum_unit(const struct spec_train *train, uint64_t row) { return rng_unit_of((uint64_t)train->seed, RNG_CURRICULUM, row); }

static void sampling_keep(const void *context, uint32_t epoch, const struct split_rows *rows, uint8_t *keep)
{
    const struct sampling *s = context;
    const struct spec_train *train = s->train;
    double share = sampling_share(train, epoch);
    for (size_t i = 0; i < rows->count; i++) {
        uint64_t row = rows->first + i;
        if (!(rows->labels[i] > 0) && !keeps_negative(train, row)) keep[i] = 0;
        if (passed_over(s, row)) keep[i] = 0;
        if (share < 1 && !(curriculum_unit(train, row) < share)) keep[i] = 0;
    }
}

struct row_filter sampling_filter(const struct sampling *s)
{
    if (sampling_all(s)) return (struct row_filter){.keep = NULL};
    return (struct row_filter){.context = s, .keep = sampling_keep};
}

struct counting {
    const struct sampling *sampling;
    struct dataset *dataset;
    const struct sides *sides;
    const double *shares; /* (count) of the stages, ascending; the last may be below 1 */
    uint32_t count;
    unsigned workers;
    struct lane { /* a worker's own */
        struct block block;
        struct stage *first_in; /* (count): rows that a stage is the first to visit */
    } * lanes;
};

/* The first stage that visits a row, count: none does. */
static uint32_t stage_of(const struct counting *c, uint64_t row, bool positive)
{
    const struct spec_train *train = c->sampling->train;
    if ((!positive && !keeps_negative(train, row)) || passed_over(c->sampling, row)) return c->count;
    double u = curriculum_unit(train, row);
    uint32_t low = 0, high = c->count; /* the first whose share is above u */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (u < c->shares[middle]) high = middle;
        else low = middle + 1;
    }
    return low;
}

/* Worker w counts the blocks w, w + workers, ... */
static int count_blocks(void *context, unsigned worker, struct error *err)
{
    struct counting *c = context;
    struct lane *lane = &c->lanes[worker];
    uint8_t side[BLOCK_ROWS];
    for (uint64_t i = worker; i < c->sides->blocks; i += c->workers) {
        if (c->sides->rows[i][SIDE_TRAIN] == 0) continue;
        int rc = dataset_read_head(c->dataset, i, &lane->block, err);
        if (rc < 0) return rc;
        const struct batch *b = &lane->block.batch;
        sides_of(&c->sides->splitter, c->dataset, i, &lane->block, side);
        for (size_t r = 0; r < b->rows; r++) {
            if (side[r] != SIDE_TRAIN) continue;
            bool positive = b->labels[r] > 0;
            uint32_t stage = stage_of(c, lane->block.first_row + r, positive);
            if (stage == c->count) continue;
            lane->first_in[stage].rows++;
            lane->first_in[stage].positives += positive;
        }
    }
    return 0;
}

static int counting_run(struct counting *c, struct stages *stages, const struct parallel *parallel, struct error *err)
{
    int rc = 0;
    if (!(c->lanes = mem_array(c->workers, 1, sizeof *c->lanes, err))) return -ERROR_NOMEM;
    for (unsigned w = 0; rc == 0 && w < c->workers; w++)
        if (!(c->lanes[w].first_in = mem_array(c->count, 1, sizeof *c->lanes[w].first_in, err))) rc = -ERROR_NOMEM;
    if (rc == 0) rc = parallel->run(parallel->impl, count_blocks, c, c->workers, err);
    for (unsigned w = 0; w < c->workers; w++) {
        for (uint32_t s = 0; rc == 0 && s < c->count; s++) {
            stages->stage[s].rows += c->lanes[w].first_in[s].rows;
            stages->stage[s].positives += c->lanes[w].first_in[s].positives;
        }
        block_close(&c->lanes[w].block);
        mem_free(c->lanes[w].first_in);
    }
    mem_free(c->lanes);
    for (uint32_t s = 1; s < c->count; s++) {
        stages->stage[s].rows += stages->stage[s - 1].rows;
        stages->stage[s].positives += stages->stage[s - 1].positives;
    }
    return rc;
}

int stages_count(struct stages *stages, const struct sampling *sampling, struct dataset *dataset, const struct sides *sides,
                 const struct parallel *parallel, struct error *err)
{
    const struct spec_train *train = sampling->train;
    uint32_t epochs = (uint32_t)train->epochs, count = 1;
    while (count < epochs && sampling_share(train, count - 1) < 1) count++;
    double *shares = mem_array(count, 1, sizeof *shares, err);
    *stages = (struct stages){.count = count, .stage = mem_array(count, 1, sizeof *stages->stage, err)};
    int rc = shares && stages->stage ? 0 : -ERROR_NOMEM;
    for (uint32_t s = 0; rc == 0 && s < count; s++) shares[s] = sampling_share(train, s);
    struct counting c = {.sampling = sampling, .dataset = dataset, .sides = sides, .shares = shares, .count = count, .workers = parallel->workers};
    if (rc == 0 && sampling_all(sampling)) stages->stage[0] = (struct stage){sides->totals[SIDE_TRAIN], sides->positives[SIDE_TRAIN]};
    else if (rc == 0) rc = counting_run(&c, stages, parallel, err);
    mem_free(shares);
    if (rc < 0) stages_close(stages);
    return rc;
}

void stages_close(struct stages *stages)
{
    mem_free(stages->stage);
    *stages = (struct stages){0};
}

struct stage stages_at(const struct stages *stages, uint32_t epoch) { return stages->stage[epoch < stages->count ? epoch : stages->count - 1]; }

uint64_t stages_rows(const struct stages *stages, uint32_t epochs)
{
    uint64_t rows = 0;
    for (uint32_t e = 0; e < epochs && e < stages->count; e++) rows += stages->stage[e].rows;
    return epochs > stages->count ? rows + (uint64_t)(epochs - stages->count) * stages_at(stages, epochs).rows : rows;
}

uint64_t stages_steps(const struct stages *stages, const struct spec_train *train)
{
    uint64_t steps = 0, left = train->max_rows > 0 ? (uint64_t)train->max_rows : UINT64_MAX, batch = (uint64_t)train->batch_size;
    for (int64_t e = 0; e < train->epochs && left > 0; e++) {
        uint64_t rows = stages_at(stages, (uint32_t)e).rows;
        if (rows > left) rows = left;
        left -= rows;
        steps += (rows + batch - 1) / batch;
    }
    return steps;
}
