/* The first walk counts rows a value and keeps the most frequent ones; the second measures them, and gathers all further values in a histogram of
 * 2^16 logit bins, whose AUC is exact but for scores that share a bin (2^-10 of a logit). Any number of values, flat memory. */
#include "engine/eval/slices.h"

#include <math.h>

#include "base/mem.h"

enum { OTHER_BINS = 1 << 16 };
static const double other_range = 32;

struct counting {
    struct slice_table *out;
    uint64_t rows;
};

struct part { /* what a slice is measured from */
    struct eval_sums sums;
    struct auc_sums auc;
};

struct measuring {
    struct slice_table *out;
    struct part part, other;
    struct rank_group *bins; /* (OTHER_BINS) of the other values */
};

static bool slice_before(const struct slice *a, uint64_t rows, uint32_t key) { return a->rows != rows ? a->rows > rows : a->key < key; }

static void count_tie(void *context, uint64_t group, const struct rank_group *tie)
{
    (void)group;
    ((struct counting *)context)->rows += tie->rows[0] + tie->rows[1];
}

static void count_end(void *context, uint64_t group)
{
    struct counting *c = context;
    struct slice_table *t = c->out;
    unsigned at = t->count;
    uint64_t rows = c->rows;
    c->rows = 0;
    t->values++;
    while (at > 0 && !slice_before(&t->slices[at - 1], rows, (uint32_t)group)) at--;
    if (at == SLICE_VALUES_MAX) return;
    if (t->count < SLICE_VALUES_MAX) t->count++;
    for (unsigned i = t->count - 1; i > at; i--) t->slices[i] = t->slices[i - 1];
    t->slices[at] = (struct slice){.key = (uint32_t)group, .rows = rows};
}

static struct slice *slice_of(struct slice_table *t, uint64_t group)
{
    for (unsigned i = 0; i < t->count; i++)
        if (t->slices[i].key == group) return &t->slices[i];
    return NULL;
}

static void measure_tie(void *context, uint64_t group, const struct rank_group *tie)
{
    struct measuring *m = context;
    if (slice_of(m->out, group)) {
        eval_sums_add(&m->part.sums, tie);
        auc_sums_add(&m->part.auc, tie);
        return;
    }
    double at = (other_range - tie->logit) * (OTHER_BINS / (2 * other_range)); /* falling, as a slice's rows come */
    struct rank_group *bin = &m->bins[at > 0 ? at < OTHER_BINS - 1 ? (size_t)at : OTHER_BINS - 1 : 0];
    eval_sums_add(&m->other.sums, tie);
    for (int y = 0; y < 2; y++) bin->rows[y] += tie->rows[y], bin->weight[y] += tie->weight[y], bin->square[y] += tie->square[y];
}

static void slice_fill(struct slice *slice, const struct part *part)
{
    struct measure m;
    const struct metric_input in = {.sums = &part->sums};
    slice->rows = part->sums.rows, slice->positives = part->sums.positives, slice->weight = part->sums.weight;
    slice->auc = (struct figure){1 - auc_sums_value(&part->auc), auc_sums_se(&part->auc)};
    metric_logloss.compute(&in, &m);
    slice->logloss = (struct figure){m.value, m.se};
    slice->calibration = (struct figure){NAN, NAN};
    if (!part->sums.positives) return;
    metric_calibration.compute(&in, &m);
    slice->calibration = (struct figure){m.value, m.se};
}

static void measure_end(void *context, uint64_t group)
{
    struct measuring *m = context;
    struct slice *slice = slice_of(m->out, group);
    if (slice) slice_fill(slice, &m->part);
    m->part = (struct part){0};
}

int slices_table(struct sorter *rows, struct slice_table *out, struct error *err)
{
    struct counting counting = {.out = out};
    struct measuring measuring = {.out = out};
    out->values = 0, out->count = 0;
    int rc = sorter_walk(rows, &(struct sort_visitor){&counting, count_tie, count_end}, err);
    if (rc < 0) return rc;
    if (!(measuring.bins = mem_array(OTHER_BINS, 1, sizeof *measuring.bins, err))) return -ERROR_NOMEM;
    rc = sorter_walk(rows, &(struct sort_visitor){&measuring, measure_tie, measure_end}, err);
    out->has_other = out->values > out->count;
    if (rc == 0 && out->has_other) {
        for (size_t b = 0; b < OTHER_BINS; b++) auc_sums_add(&measuring.other.auc, &measuring.bins[b]);
        slice_fill(&out->other, &measuring.other);
    }
    mem_free(measuring.bins);
    return rc;
}
