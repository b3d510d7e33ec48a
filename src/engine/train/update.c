#include "engine/train/update.h"

#include <inttypes.h>

#include "base/mem.h"
#include "engine/core/float.h"
#include "engine/train/fold.h"

int updater_init(struct updater *u, const struct fold *fold, struct error *err)
{
    u->sources = mem_array((size_t)fold->job->spec.train.shards, 1, sizeof *u->sources, err);
    return u->sources ? 0 : -ERROR_NOMEM;
}

void updater_close(struct updater *u)
{
    merge_close(&u->merge);
    mem_free(u->sources);
    mem_free(u->mean.data);
    *u = (struct updater){0};
}

static void statistic_move(struct param *tensor, const struct merged *m, const float *mean)
{
    float rate = tensor->desc.statistic_rate;
    for (size_t i = 0; i < m->count; i++)
        for (size_t j = 0; j < m->width; j++) {
            float *w = &tensor->w[(size_t)m->ids[i] * m->width + j];
            *w += rate * (mean[i * m->width + j] - *w);
        }
}

static int update_tensor(struct updater *u, struct fold *fold, size_t t, uint32_t q, const struct optim_step *step, double examples,
                         struct error *err)
{
    struct param *tensor = &fold->params.tensor[t];
    uint32_t width = tensor->desc.width;
    size_t shards = (size_t)fold->job->spec.train.shards;
    for (size_t s = 0; s < shards; s++) {
        const struct grad_rows *sent = fold->shards[s].sent[t];
        uint32_t from = sent->slice_start[q], to = sent->slice_start[q + 1];
        u->sources[s] = (struct merge_source){sent->ids + from, sent->values + (size_t)from * width, to - from};
    }
    int rc = merge_rows(&u->merge, u->sources, shards, width, err);
    if (rc < 0) return rc;
    const struct merged *m = &u->merge.merged;
    if (m->count == 0) return 0;
    if ((rc = floats_reserve(&u->mean, m->count * width, err)) < 0) return rc;
    if (tensor->desc.statistic_rate > 0) {
        aggregate_mean.combine(NULL, m, examples, u->mean.data);
        statistic_move(tensor, m, u->mean.data);
        return 0;
    }
    fold->job->aggregate->combine(fold->job->aggregate_params, m, examples, u->mean.data);
    if (tensor->desc.table) params_wake(&fold->params, m->ids, m->count);
    fold->job->optimizer->update(fold->job->optimizer_params, step, tensor->w, tensor->state, m->ids, m->count, width, u->mean.data);
    return 0;
}

int update_slice(struct updater *u, struct fold *fold, uint32_t q, uint64_t step, double examples, struct error *err)
{
    const struct spec_model *model = &fold->job->spec.model;
    for (size_t t = 0; t < fold->params.count; t++) {
        const struct param_desc *desc = &fold->params.tensor[t].desc;
        bool penalty = !desc->no_penalty || model->penalise_bias;
        if (q >= fold->params.tensor[t].slices) continue;
        struct optim_step s = {.t = step,
                               .lr = (float)optim_lr(fold->job->optimizer, fold->job->optimizer_params, step),
                               .l1 = penalty ? (float)model->l1 : 0,
                               .l2 = penalty ? (float)model->l2 : 0};
        int rc = update_tensor(u, fold, t, q, &s, examples, err);
        if (rc < 0) return rc;
    }
    return 0;
}
