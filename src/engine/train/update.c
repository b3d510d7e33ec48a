#include "engine/train/update.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "engine/core/float.h"
#include "engine/train/fold.h"
#include "engine/train/groups.h"
#include "engine/train/peaks.h"

int updater_init(struct updater *u, const struct fold *fold, struct error *err)
{
    struct merge_source **const lists[] = {&u->sources[0], &u->sources[1], &u->peak_sources};
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
        if (!(*lists[k] = mem_array((size_t)fold->job->spec.train.shards, 1, sizeof **lists[k], err))) return -ERROR_NOMEM;
    return 0;
}

void updater_close(struct updater *u)
{
    merge_close(&u->merge);
    merge_close(&u->peaks);
    for (size_t k = 0; k < 2; k++) mem_free(u->sources[k]);
    mem_free(u->peak_sources);
    floats_close(&u->mean);
    row_window_close(&u->window);
    *u = (struct updater){0};
}

/* full: an epoch's last batch may have a row or two, whose mean and variance say little. */
static void statistic_move(struct param *tensor, const struct merged *m, const float *mean, float full)
{
    float rate = full * tensor->desc.statistic_rate;
    for (size_t i = 0; i < m->count; i++)
        for (size_t j = 0; j < m->width; j++) {
            float *w = &tensor->w[(size_t)m->ids[i] * m->width + j];
            *w += rate * (mean[i * m->width + j] - *w);
        }
}

int update_init(struct update *u, const struct fold *fold, struct error *err)
{
    const struct params *p = &fold->params;
    bool clips = fold->job->spec.train.clip_norm > 0;
    unsigned measures = 0;
    *u = (struct update){.tensors = p->count};
    if (clips && !(u->norms = mem_array(p->count, SLICES_MAX, sizeof *u->norms, err))) return -ERROR_NOMEM;
    for (size_t t = 0; t < p->count; t++) {
        const struct optimizer *o = fold->job->optim[p->tensor[t].desc.group].optimizer;
        if (o->measures == 0 || !param_learns(&p->tensor[t].desc)) continue;
        u->tensor[t].count = optimizer_sums(o, p->tensor[t].desc.width);
        u->tensor[t].sums = mem_array(p->tensor[t].slices, u->tensor[t].count, sizeof *u->tensor[t].sums, err);
        if (!u->tensor[t].sums) {
            update_close(u);
            return -ERROR_NOMEM;
        }
        if (o->measures > measures) measures = o->measures;
    }
    u->passes = clips + measures + 1;
    return 0;
}

void update_close(struct update *u)
{
    mem_free(u->norms);
    for (size_t t = 0; t < u->tensors; t++) mem_free(u->tensor[t].sums);
    *u = (struct update){0};
}

static void sums_clear(struct update *u, const struct fold *fold)
{
    for (size_t t = 0; t < u->tensors; t++)
        if (u->tensor[t].sums) memset(u->tensor[t].sums, 0, fold->params.tensor[t].slices * u->tensor[t].count * sizeof(double));
}

void update_begin(struct update *u, const struct fold *fold, uint64_t step, size_t rows, double examples)
{
    u->examples = examples;
    u->full = (float)rows / (float)fold->job->spec.train.batch_size;
    u->clip = 1;
    if (u->norms) memset(u->norms, 0, u->tensors * SLICES_MAX * sizeof *u->norms);
    sums_clear(u, fold);
    for (size_t t = 0; t < u->tensors; t++) {
        const struct param_desc *desc = &fold->params.tensor[t].desc;
        const struct spec_penalty *penalty = optim_penalty(&fold->job->spec, desc->group);
        const struct optim_common *common = fold->job->optim[desc->group].params;
        struct update_tensor *tensor = &u->tensor[t];
        bool penalised = !desc->no_penalty || penalty->bias;
        double lr = fold_rate(fold, desc->group, step);
        tensor->step = (struct optim_step){.t = step + fold->optim_steps[t], .rows = rows, .decays = penalised};
        tensor->lr = (float)lr;
        tensor->l1 = penalised ? (float)penalty->l1 : 0;
        tensor->l2 = penalised ? (float)penalty->l2 : 0;
        tensor->clip_row = (float)common->clip_row;
        tensor->lasso = desc->table && penalised ? (float)(lr * common->group_lasso * sqrt((double)desc->width)) : 0;
    }
}

void sums_fold(double *a, size_t n, size_t width)
{
    for (size_t half = 1; half < n; half *= 2)
        for (size_t i = 0; i + half < n; i += 2 * half)
            for (size_t j = 0; j < width; j++) a[i * width + j] += a[(i + half) * width + j];
}

void update_conclude(struct update *u, struct fold *fold, unsigned pass)
{
    if (pass + 1 == u->passes) return;
    if (u->norms && pass == 0) {
        double most = fold->job->spec.train.clip_norm;
        sums_fold(u->norms, u->tensors * SLICES_MAX, 1);
        fold->grad_norm = sqrt(u->norms[0]);
        if (fold->grad_norm > most) u->clip = (float)(most / fold->grad_norm);
        return;
    }
    unsigned measure = pass - (u->norms != NULL);
    for (size_t t = 0; t < u->tensors; t++) {
        const struct param *tensor = &fold->params.tensor[t];
        const struct optim_use *use = &fold->job->optim[tensor->desc.group];
        if (!u->tensor[t].sums || measure >= use->optimizer->measures) continue;
        sums_fold(u->tensor[t].sums, tensor->slices, u->tensor[t].count);
        use->optimizer->conclude(use->params, &u->tensor[t].step, measure, u->tensor[t].sums, tensor->state, tensor->desc.width);
    }
    sums_clear(u, fold);
}

static double norm_squared(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

/* The mean gradient as the optimiser gets it: within the norm of all rows, then each row within its own. */
static void clip_rows(const struct update *u, const struct update_tensor *tensor, float *mean, size_t rows, size_t width)
{
    for (size_t i = 0; u->clip != 1 && i < rows * width; i++) mean[i] *= u->clip;
    for (size_t i = 0; tensor->clip_row > 0 && i < rows; i++) {
        double norm = sqrt(norm_squared(mean + i * width, width));
        if (norm <= (double)tensor->clip_row) continue;
        float scale = (float)((double)tensor->clip_row / norm);
        for (size_t j = 0; j < width; j++) mean[i * width + j] *= scale;
    }
}

/* Group lasso's proximal step on the rows that moved: w_r *= max(0, 1 - eta lambda sqrt(D) / |w_r|). */
static void shrink_rows(const struct update_rows *rows, float threshold)
{
    for (size_t i = 0; i < rows->count; i++) {
        float *w = rows->w + update_at(rows, i, rows->width);
        double norm = sqrt(norm_squared(w, rows->width));
        float keep = norm > (double)threshold ? (float)(1 - (double)threshold / norm) : 0;
        for (size_t j = 0; j < rows->width; j++) w[j] = keep > 0 ? w[j] * keep : 0;
    }
}

/* A slot that has nothing left sleeps again, once its last table has been seen. */
static void rest_rows(struct params *p, size_t t, const struct merged *m)
{
    for (size_t later = t + 1; later < p->count; later++)
        if (p->tensor[later].desc.table && !p->tensor[later].desc.frozen) return;
    for (size_t i = 0; i < m->count; i++) params_rest(p, m->ids[i]);
}

/* One pass of the optimiser over rows: it measures, or (pass: the last) moves them. */
static void rows_pass(const struct optim_use *use, struct update_tensor *own, const struct update_rows *rows, bool moves, unsigned measure,
                      double *sums)
{
    if (!moves) {
        use->optimizer->measure(use->params, &own->step, measure, rows, sums);
        return;
    }
    use->optimizer->update(use->params, &own->step, rows);
    if (own->lasso > 0) shrink_rows(rows, own->lasso);
}

/* The rows of slice q. */
static struct merge_source source_of(const struct grad_rows *rows, uint32_t q)
{
    uint32_t from = rows->slice_start[q], count = rows->slice_start[q + 1] - from;
    if (count == 0) return (struct merge_source){0};
    const float *values = rows->place ? rows->values : rows->values + (size_t)from * rows->width;
    return (struct merge_source){rows->ids + from, values, count, rows->place ? rows->place + from : NULL};
}

int updater_merge(struct updater *w, struct fold *fold, size_t t, uint32_t q, const struct merged **rows, struct error *err)
{
    uint32_t width = fold->params.tensor[t].desc.width;
    size_t shards = (size_t)fold->job->spec.train.shards;
    struct merge_source *before = w->sources[0], *now = w->sources[1];
    int rc = 0;
    *rows = NULL;
    for (size_t s = 0; s < shards; s++) now[s] = source_of(fold->shards[s].sent[t], q);
    if (!w->merged || !merge_again(&w->merge, before, now, shards, width)) {
        rc = merge_rows(&w->merge, now, shards, width, err);
        w->awake = false;
    }
    w->sources[0] = now, w->sources[1] = before;
    w->merged = rc == 0;
    const struct merged *m = &w->merge.merged;
    if (rc < 0 || m->count == 0) return rc;
    if ((rc = floats_reserve(&w->mean, m->count * width, err)) < 0) return rc;
    *rows = m;
    return 0;
}

/* The merged rows of tensor t in slice q, and their mean gradient in w->mean. *rows NULL: there are none. */
static int merge_tensor(struct updater *w, const struct update *u, struct fold *fold, size_t t, uint32_t q, const struct merged **rows,
                        struct error *err)
{
    int rc = updater_merge(w, fold, t, q, rows, err);
    if (rc < 0 || !*rows) return rc;
    if (fold->params.tensor[t].desc.statistic_rate > 0) aggregate_mean.combine(NULL, *rows, u->examples, w->mean.data);
    else fold->job->aggregate->combine(fold->job->aggregate_params, *rows, u->examples, w->mean.data);
    return 0;
}

/* What an optimiser measures of the features of a table's rows, in slice q. */
static int measure_features(struct updater *w, struct update *u, struct fold *fold, size_t t, uint32_t q, unsigned measure, struct error *err)
{
    struct param *tensor = &fold->params.tensor[t];
    struct update_tensor *own = &u->tensor[t];
    const struct optim_use *use = &fold->job->optim[tensor->desc.group];
    const struct merged *m = &w->peaks.merged;
    size_t shards = (size_t)fold->job->spec.train.shards;
    if (!tensor->desc.table || !own->sums) return 0;
    for (size_t s = 0; s < shards; s++) w->peak_sources[s] = source_of(&fold->shards[s].peaks.rows, q);
    int rc = merge_rows(&w->peaks, w->peak_sources, shards, PEAK_WIDTH, err);
    if (rc == 0) rc = floats_reserve(&w->mean, m->count * PEAK_WIDTH, err);
    if (rc < 0 || m->count == 0) return rc;
    peaks_combine(m, w->mean.data);
    params_wake(&fold->params, m->ids, m->count);
    const struct update_rows rows = {.state = tensor->state, .ids = m->ids, .count = m->count, .width = tensor->desc.width, .g = w->mean.data};
    use->optimizer->measure(use->params, &own->step, measure, &rows, own->sums + q * own->count);
    return 0;
}

static int update_tensor(struct updater *w, struct update *u, struct fold *fold, size_t t, uint32_t q, unsigned pass, struct error *err)
{
    struct param *tensor = &fold->params.tensor[t];
    struct update_tensor *own = &u->tensor[t];
    const struct optim_use *use = &fold->job->optim[tensor->desc.group];
    bool norms = u->norms && pass == 0, moves = pass + 1 == u->passes, statistic = tensor->desc.statistic_rate > 0;
    unsigned measure = pass - (u->norms != NULL);
    if (!moves && (statistic || (!norms && measure >= use->optimizer->measures))) return 0;
    if (!moves && !norms && use->optimizer->by_features) return measure_features(w, u, fold, t, q, measure, err);
    const struct merged *m;
    int rc = merge_tensor(w, u, fold, t, q, &m, err);
    if (rc < 0 || !m) return rc;
    if (statistic) statistic_move(tensor, m, w->mean.data, u->full);
    else if (norms) u->norms[t * SLICES_MAX + q] = norm_squared(w->mean.data, m->count * m->width);
    if (statistic || norms) return 0;
    clip_rows(u, own, w->mean.data, m->count, m->width);
    if (tensor->desc.table && !w->awake) params_wake(&fold->params, m->ids, m->count);
    w->awake |= tensor->desc.table;
    struct update_rows rows = {tensor->w, tensor->state, m->ids, m->count, m->width, w->mean.data, own->lr, own->l1, own->l2};
    double *sums = own->sums ? own->sums + q * own->count : NULL;
    size_t each = tensor->half ? row_window_rows(rows.width) : 0;
    if (!tensor->half) rows_pass(use, own, &rows, moves, measure, sums);
    for (size_t from = 0, count; tensor->half && from < rows.count; from += count) {
        struct update_rows some;
        count = rows.count - from < each ? rows.count - from : each;
        if ((rc = row_window_open(&w->window, &fold->params, t, &rows, from, count, &some, err)) < 0) return rc;
        rows_pass(use, own, &some, moves, measure, sums);
        row_window_store(&w->window, &fold->params, t, &rows, from, count, moves, own->step.t);
    }
    if (moves && own->lasso > 0) rest_rows(&fold->params, t, m);
    return 0;
}

int update_slice(struct updater *w, struct update *u, struct fold *fold, uint32_t q, unsigned pass, struct error *err)
{
    updater_slice(w);
    for (size_t t = 0; t < u->tensors; t++) {
        if (q >= fold->params.tensor[t].slices) continue;
        int rc = update_tensor(w, u, fold, t, q, pass, err);
        if (rc < 0) return rc;
    }
    return 0;
}
