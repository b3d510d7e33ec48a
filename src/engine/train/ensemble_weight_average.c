/* The average of the folds' parameters: one model of the usual size, which becomes the job's final.safetensors. For linear models it is the mean of
 * the logits; for others it is what averaging in weight space gives (the folds start from the same initial values, without which it would mean
 * nothing).
 *
 * A running mean, m += (w - m) / k, in double and rounded to float, over the rows that live in any fold: a row that sleeps in a fold counts there
 * with its initial value, as it does when that fold scores. */
#include "base/mem.h"
#include "engine/train/checkpoint.h"
#include "engine/train/ensemble.h"
#include "engine/train/judge.h"

enum { ROW_FLOATS_MAX = 1024 };

struct averaging {
    struct ensembling *e;
    const struct params *from;
    struct params *to;
};

/* Weights for one fold's bins say nothing about another fold's. */
static int weight_average_open(struct ensembling *e, struct error *err)
{
    const struct dataset *d = e->job->dataset;
    for (size_t f = 0; dataset_field_name(d, f); f++)
        if (dataset_field_kind(d, f).fit != FIT_NONE)
            return error_set(
                err, ERROR_INVALID, "/ensemble/kind",
                "weight_average cannot average models that see column \"%.80s\" each by its own fold's statistics (quantile, normalised); use mean",
                dataset_field_name(d, f));
    return 0;
}

static void average(float *mean, const float *w, size_t n, unsigned before)
{
    for (size_t i = 0; i < n; i++) mean[i] = before == 0 ? w[i] : (float)((double)mean[i] + ((double)w[i] - (double)mean[i]) / (before + 1.0));
}

static void average_row(const struct averaging *a, uint32_t slot)
{
    float w[ROW_FLOATS_MAX], mean[ROW_FLOATS_MAX];
    if (!params_live(a->to, slot)) params_wake(a->to, &slot, 1);
    for (size_t t = 0; t < a->to->count; t++) {
        const struct param_desc *desc = &a->to->tensor[t].desc;
        if (!desc->table) continue;
        param_gather(a->from, t, &slot, 1, w);
        param_gather(a->to, t, &slot, 1, mean);
        average(mean, w, desc->width, a->e->added);
        param_scatter(a->to, t, &slot, 1, mean, a->e->added);
    }
}

static int average_slice(void *context, unsigned q, struct error *err)
{
    const struct averaging *a = context;
    const struct params *p = a->to;
    uint64_t words = p->slots < 64 ? 1 : p->slots >> 6, each = words / p->slices;
    (void)err;
    for (uint64_t w = q * each; w < (q + 1) * each; w++)
        for (uint64_t bits = a->from->live[w] | p->live[w]; bits; bits &= bits - 1)
            average_row(a, (uint32_t)(w << 6 | (uint64_t)__builtin_ctzll(bits)));
    const uint8_t *seen = a->from->admission.seen;
    for (uint64_t slot = p->slots * q / p->slices; seen && slot < p->slots * (q + 1) / p->slices; slot++)
        if (seen[slot] > p->admission.seen[slot]) p->admission.seen[slot] = seen[slot];
    return 0;
}

static int weight_average_add(struct ensembling *e, struct fold *fold, struct error *err)
{
    struct averaging a = {e, &fold->params, &e->whole.params};
    const struct parallel *parallel = &e->job->team.parallel;
    for (size_t t = 0; t < a.to->count; t++) {
        struct param *to = &a.to->tensor[t];
        if (to->desc.width > ROW_FLOATS_MAX && to->desc.table)
            return error_set(err, ERROR_INVALID, "/ensemble/kind", "weight_average knows rows of at most %d floats, %s has %u", ROW_FLOATS_MAX,
                             to->desc.name, to->desc.width);
        if (!to->desc.table) average(to->w, a.from->tensor[t].w, (size_t)param_rows(a.to, to) * to->desc.width, e->added);
    }
    e->whole.calibration.logit_offset = fold->calibration.logit_offset; /* the same in all folds: the spec decides it */
    return parallel->run(parallel->impl, average_slice, &a, a.to->slices, err);
}

static int weight_average_finish(struct ensembling *e, struct error *err)
{
    struct score_stream stream = {.map = map_calibrated,
                                  .context = &e->whole.calibration,
                                  .evaluators = {e->judge},
                                  .path = *e->scores ? e->scores : NULL,
                                  .lines = *e->scores};
    e->whole.cursor.step = e->job->steps_before;
    int rc = path_join(e->model.path, e->job->dir.path, RUNDIR_FINAL, err);
    if (rc == 0) rc = checkpoint_publish(&e->whole, e->model.path, e->model.sha256, err);
    return rc < 0 || !e->judge ? rc : score_side(&e->whole, &e->whole.sides, SIDE_TEST, &stream, 1, err);
}

const struct ensemble ensemble_weight_average = {
    .kind = {"weight_average", "average of the folds' parameters: one model, final.safetensors of the job", "Izmailov et al. 2018, s. 3", 0, NULL},
    .wants_model = true,
    .open = weight_average_open,
    .add = weight_average_add,
    .finish = weight_average_finish};
