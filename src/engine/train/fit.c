#include "engine/train/fit.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "engine/data/format/feature.h"
#include "engine/data/inspect/magnitudes.h"
#include "engine/train/report.h"
#include "engine/train/stop.h"
#include "engine/train/team.h"

struct moments {
    uint64_t count;
    double mean, m2; /* m2: sum of squared distances from the mean */
};

/* Joins two groups of numbers. Chan, Golub and LeVeque 1983, eq. 2.1. */
static void moments_join(struct moments *a, const struct moments *b)
{
    if (b->count == 0) return;
    double n = (double)(a->count + b->count), delta = b->mean - a->mean;
    a->mean += delta * ((double)b->count / n);
    a->m2 += b->m2 + delta * delta * ((double)a->count * (double)b->count / n);
    a->count += b->count;
}

/* A rank that is wanted of a field's numbers, and how much of the number with that rank is known. */
struct wanted {
    uint64_t rank;   /* among those with the known prefix */
    uint32_t prefix; /* the high bits of magnitude_order() */
    size_t counts;   /* which histogram of 256 counts its numbers go to: equal prefixes share one */
};

struct fitting_field {
    struct transform *transform;
    uint32_t value_key;
    struct wanted *wanted; /* (bins - 1), ascending */
    size_t histograms;     /* of the present pass */
};

struct lane { /* a worker's own */
    struct block block;
    uint8_t *sides;
    size_t sides_max;
    struct moments *moments;       /* (fields): of its block of the round */
    struct magnitudes *magnitudes; /* (fields): first pass */
    uint64_t **counts;             /* (fields): 256 a histogram, later passes */
    float *numbers;                /* of a field in the block */
    size_t numbers_max;
};

struct fitting {
    struct fold *fold;
    struct fitting_field *fields;
    size_t count;
    uint16_t *of_field; /* (65536): 1 + index in fields, 0: none */
    struct lane *lanes;
    uint64_t first_block; /* of the round */
    unsigned known;       /* bits of the wanted numbers that are known: 0, 16, 24, 32 */
};

static const char *field_name(const void *dataset, size_t field) { return dataset_field_name(dataset, field); }

/* One transform a field of the data set that wants it, not fitted. */
static int fit_plan(struct fold *fold, struct error *err)
{
    const struct dataset *d = fold->job->dataset;
    int rc = 0;
    for (size_t f = 0; rc == 0 && dataset_field_name(d, f); f++) {
        struct field_kind kind = dataset_field_kind(d, f);
        if (kind.fit == FIT_NONE) continue;
        enum transform_kind to = kind.fit == FIT_QUANTILE ? TRANSFORM_QUANTILE : TRANSFORM_NORMALISED;
        rc = transforms_add(&fold->params.transforms, dataset_field_name(d, f), to, kind.quantiles, err);
    }
    return rc;
}

int fit_map(struct fold *fold, struct error *err)
{
    const struct dataset *d = fold->job->dataset;
    const struct field_names names = {d, field_name};
    size_t wanted = 0;
    for (size_t f = 0; dataset_field_name(d, f); f++) wanted += dataset_field_kind(d, f).fit != FIT_NONE;
    if (wanted != fold->params.transforms.count)
        return error_set(err, ERROR_DATA, NULL, "a checkpoint has statistics of %zu fields, the schema wants them for %zu",
                         fold->params.transforms.count, wanted);
    transform_map_close(&fold->map);
    return transform_map_init(&fold->map, &fold->params.transforms, (uint64_t)fold->job->spec.features.hash_seed, &names, err);
}

static int lane_reserve(struct lane *l, struct error *err)
{
    size_t rows = l->block.batch.rows, features = l->block.batch.features;
    int rc = 0;
    if (rows > l->sides_max) {
        if ((rc = mem_grow((void **)&l->sides, rows, sizeof *l->sides, err)) < 0) return rc;
        l->sides_max = rows;
    }
    if (features > l->numbers_max) {
        if ((rc = mem_grow((void **)&l->numbers, features, sizeof *l->numbers, err)) < 0) return rc;
        l->numbers_max = features;
    }
    return rc;
}

/* The numbers of field `index` in the training rows of the lane's block, in their order. */
static size_t lane_numbers(struct lane *l, const struct fitting *fit, size_t index)
{
    const struct batch *b = &l->block.batch;
    const uint32_t key = fit->fields[index].value_key;
    size_t n = 0;
    for (size_t r = 0; r < b->rows; r++) {
        const uint16_t *fields = batch_fields(b, r);
        if (l->sides[r] != SIDE_TRAIN || !fields) continue;
        for (size_t i = b->offsets[r]; i < b->offsets[r + 1]; i++)
            if (b->keys[i] == key && fit->of_field[fields[i - b->offsets[r]]] == index + 1) l->numbers[n++] = b->values ? b->values[i] : 1;
    }
    return n;
}

static struct moments moments_of(const float *x, size_t n)
{
    struct moments m = {.count = n};
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i];
    if (n > 0) m.mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) m.m2 += ((double)x[i] - m.mean) * ((double)x[i] - m.mean);
    return m;
}

/* Counts by the next 8 bits, of the numbers that share their known bits with a wanted one. */
static void count_prefixes(const struct fitting_field *f, unsigned known, const float *x, size_t n, uint64_t *counts)
{
    size_t wants = f->transform->bins - 1;
    for (size_t i = 0; i < n; i++) {
        uint32_t order = magnitude_order(x[i]), prefix = order >> (32 - known);
        size_t low = 0, high = wants;
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (f->wanted[middle].prefix < prefix) low = middle + 1;
            else high = middle;
        }
        if (low < wants && f->wanted[low].prefix == prefix) counts[f->wanted[low].counts * 256 + (order >> (24 - known) & 255)]++;
    }
}

static int fit_block(void *context, unsigned worker, struct error *err)
{
    struct fitting *fit = context;
    struct lane *l = &fit->lanes[worker];
    struct fold *fold = fit->fold;
    uint64_t index = fit->first_block + worker;
    memset(l->moments, 0, fit->count * sizeof *l->moments);
    if (index >= dataset_info(fold->job->dataset)->blocks) return 0;
    int rc = dataset_read_block(fold->job->dataset, index, &l->block, err);
    if (rc == 0) rc = lane_reserve(l, err);
    if (rc == 0) sides_of(&fold->sides.splitter, fold->job->dataset, index, &l->block, l->sides);
    for (size_t f = 0; rc == 0 && f < fit->count; f++) {
        const struct fitting_field *field = &fit->fields[f];
        bool quantile = field->transform->kind == TRANSFORM_QUANTILE;
        if (!quantile && fit->known > 0) continue;
        size_t n = lane_numbers(l, fit, f);
        if (!quantile) l->moments[f] = moments_of(l->numbers, n);
        else if (fit->known > 0) count_prefixes(field, fit->known, l->numbers, n, l->counts[f]);
        else
            for (size_t i = 0; rc == 0 && i < n; i++) rc = magnitudes_add(&l->magnitudes[f], l->numbers[i], err);
    }
    return rc;
}

/* Every block once. total (fields): moments in the order of the blocks; NULL: not wanted. */
static int fit_pass(struct fitting *fit, struct moments *total, struct error *err)
{
    struct job *job = fit->fold->job;
    uint64_t blocks = dataset_info(job->dataset)->blocks;
    int rc = 0;
    for (uint64_t at = 0; rc == 0 && at < blocks; at += job->team.workers) {
        if (job_stop_asked(job)) return error_set(err, ERROR_STOPPED, NULL, "stopped before the first step");
        fit->first_block = at;
        rc = team_run(&job->team, fit_block, fit, err);
        for (unsigned w = 0; rc == 0 && total && w < job->team.workers; w++)
            for (size_t f = 0; f < fit->count; f++) moments_join(&total[f], &fit->lanes[w].moments[f]);
    }
    return rc;
}

/* The lanes' first counts as those of one; which ranks are wanted, and the first 16 bits of their numbers. */
static int want_ranks(struct fitting *fit, size_t f, struct error *err)
{
    struct fitting_field *field = &fit->fields[f];
    struct magnitudes *all = &fit->lanes[0].magnitudes[f];
    uint32_t bins = field->transform->bins;
    for (unsigned w = 1; w < fit->fold->job->team.workers; w++) {
        int rc = magnitudes_join(all, &fit->lanes[w].magnitudes[f], err);
        if (rc < 0) return rc;
    }
    if (all->count == 0) { /* no training row has a number: one bin */
        field->transform->bins = 1;
        return 0;
    }
    if (!(field->wanted = mem_array(bins, 1, sizeof *field->wanted, err))) return -ERROR_NOMEM;
    for (uint32_t k = 1; k < bins; k++) {
        struct wanted *w = &field->wanted[k - 1];
        uint64_t before = 0, share = all->count / bins * k + all->count % bins * k / bins;
        uint64_t rank = share > 0 ? share - 1 : 0; /* a k-th of the numbers, rounded down, are not above the edge */
        w->prefix = magnitudes_class(all, rank, &before);
        w->rank = rank - before;
    }
    return 0;
}

static int counts_reserve(struct fitting *fit, size_t f, struct error *err)
{
    struct fitting_field *field = &fit->fields[f];
    field->histograms = 0;
    for (size_t k = 0; k + 1 < field->transform->bins; k++) {
        bool same = k > 0 && field->wanted[k - 1].prefix == field->wanted[k].prefix;
        field->wanted[k].counts = same ? field->histograms - 1 : field->histograms++;
    }
    for (unsigned w = 0; w < fit->fold->job->team.workers; w++) {
        mem_free(fit->lanes[w].counts[f]);
        fit->lanes[w].counts[f] = mem_array(field->histograms + 1, 256, sizeof(uint64_t), err);
        if (!fit->lanes[w].counts[f]) return -ERROR_NOMEM;
    }
    return 0;
}

/* Eight more bits of each wanted number. */
static void refine(struct fitting *fit, size_t f)
{
    struct fitting_field *field = &fit->fields[f];
    uint64_t *all = fit->lanes[0].counts[f];
    for (unsigned w = 1; w < fit->fold->job->team.workers; w++)
        for (size_t i = 0; i < field->histograms * 256; i++) all[i] += fit->lanes[w].counts[f][i];
    for (size_t k = 0; k + 1 < field->transform->bins; k++) {
        struct wanted *w = &field->wanted[k];
        const uint64_t *counts = all + w->counts * 256;
        uint32_t digit = 0;
        while (digit < 255 && counts[digit] <= w->rank) w->rank -= counts[digit++];
        w->prefix = w->prefix << 8 | digit;
    }
}

static int take_edges(struct fitting_field *field, struct error *err)
{
    struct transform *t = field->transform;
    if (!(t->edges = mem_array(t->bins, 1, sizeof *t->edges, err))) return -ERROR_NOMEM;
    for (size_t k = 0; k + 1 < t->bins; k++) {
        float edge = magnitude_number(field->wanted[k].prefix);
        if (t->edge_count == 0 || t->edges[t->edge_count - 1] < edge) t->edges[t->edge_count++] = edge; /* a number that repeats is one edge */
    }
    return 0;
}

static int fit_all(struct fitting *fit, struct error *err)
{
    struct moments *total = mem_array(fit->count, 1, sizeof *total, err);
    bool quantiles = false;
    int rc = total ? fit_pass(fit, total, err) : -ERROR_NOMEM;
    for (size_t f = 0; rc == 0 && f < fit->count; f++) {
        struct transform *t = fit->fields[f].transform;
        double deviation = total[f].count > 0 ? sqrt(total[f].m2 / (double)total[f].count) : 0;
        if (t->kind == TRANSFORM_QUANTILE) quantiles = true, rc = want_ranks(fit, f, err);
        else t->mean = total[f].mean, t->deviation = deviation > 0 ? deviation : 1;
    }
    mem_free(total);
    for (fit->known = 16; rc == 0 && quantiles && fit->known < 32; fit->known += 8) {
        for (size_t f = 0; rc == 0 && f < fit->count; f++)
            if (fit->fields[f].transform->kind == TRANSFORM_QUANTILE) rc = counts_reserve(fit, f, err);
        if (rc == 0) rc = fit_pass(fit, NULL, err);
        for (size_t f = 0; rc == 0 && f < fit->count; f++)
            if (fit->fields[f].transform->kind == TRANSFORM_QUANTILE) refine(fit, f);
    }
    for (size_t f = 0; rc == 0 && f < fit->count; f++)
        if (fit->fields[f].transform->kind == TRANSFORM_QUANTILE) rc = take_edges(&fit->fields[f], err);
    return rc;
}

static int fitting_open(struct fitting *fit, struct error *err)
{
    struct fold *fold = fit->fold;
    const struct dataset *d = fold->job->dataset;
    unsigned workers = fold->job->team.workers;
    uint64_t seed = (uint64_t)fold->job->spec.features.hash_seed;
    size_t at = 0;
    fit->count = fold->params.transforms.count;
    fit->fields = mem_array(fit->count, 1, sizeof *fit->fields, err);
    fit->of_field = mem_array(1 << 16, 1, sizeof *fit->of_field, err);
    fit->lanes = mem_array(workers, 1, sizeof *fit->lanes, err);
    if (!fit->fields || !fit->of_field || !fit->lanes) return -ERROR_NOMEM;
    for (size_t f = 0; at < fit->count && dataset_field_name(d, f); f++) {
        if (dataset_field_kind(d, f).fit == FIT_NONE) continue;
        struct transform *t = &fold->params.transforms.list[at];
        fit->fields[at] = (struct fitting_field){.transform = t, .value_key = feature_key_value(feature_seed(t->name, seed))};
        fit->of_field[f] = (uint16_t)++at;
    }
    for (unsigned w = 0; w < workers; w++) {
        struct lane *l = &fit->lanes[w];
        l->moments = mem_array(fit->count, 1, sizeof *l->moments, err);
        l->magnitudes = mem_array(fit->count, 1, sizeof *l->magnitudes, err);
        l->counts = mem_array(fit->count, 1, sizeof *l->counts, err);
        if (!l->moments || !l->magnitudes || !l->counts) return -ERROR_NOMEM;
    }
    return 0;
}

static void fitting_close(struct fitting *fit)
{
    for (unsigned w = 0; fit->lanes && w < fit->fold->job->team.workers; w++) {
        struct lane *l = &fit->lanes[w];
        block_close(&l->block);
        for (size_t f = 0; f < fit->count; f++) {
            if (l->magnitudes) magnitudes_close(&l->magnitudes[f]);
            if (l->counts) mem_free(l->counts[f]);
        }
        mem_free(l->sides);
        mem_free(l->numbers);
        mem_free(l->moments);
        mem_free(l->magnitudes);
        mem_free(l->counts);
    }
    for (size_t f = 0; fit->fields && f < fit->count; f++) mem_free(fit->fields[f].wanted);
    mem_free(fit->fields);
    mem_free(fit->of_field);
    mem_free(fit->lanes);
}

int fit_training_side(struct fold *fold, struct error *err)
{
    struct fitting fit = {.fold = fold};
    int rc = fit_plan(fold, err);
    if (rc < 0 || fold->params.transforms.count == 0) return rc;
    rc = fitting_open(&fit, err);
    if (rc == 0) rc = fit_all(&fit, err);
    fitting_close(&fit);
    if (rc == 0) rc = fit_map(fold, err);
    if (rc == 0)
        report_log(fold->job, PROGRESS_INFO, "quantiles and means of %zu fields, from the %" PRIu64 " rows of the training side", fit.count,
                   fold->sides.totals[SIDE_TRAIN]);
    return rc;
}
