#include "engine/train/update.h"

#include <inttypes.h>

#include "base/mem.h"
#include "engine/core/float.h"
#include "engine/train/job.h"

int updater_init(struct updater *u, const struct job *job, struct error *err)
{
    u->sources = mem_array((size_t)job->spec.train.shards, 1, sizeof *u->sources, err);
    return u->sources ? 0 : -ERROR_NOMEM;
}

void updater_close(struct updater *u)
{
    merge_close(&u->merge);
    mem_free(u->sources);
    mem_free(u->mean.data);
    *u = (struct updater){0};
}

static int update_tensor(struct updater *u, struct job *job, size_t t, uint32_t q, const struct optim_step *step, double examples, struct error *err)
{
    struct param *tensor = &job->params.tensor[t];
    bool table = tensor->desc.table;
    uint32_t width = table ? tensor->desc.width : 1;
    size_t shards = (size_t)job->spec.train.shards;
    for (size_t s = 0; s < shards; s++) {
        const struct grad_rows *sent = job->shards[s].sent[t];
        uint32_t from = sent->slice_start[q], to = sent->slice_start[q + 1];
        u->sources[s] = (struct merge_source){sent->ids + from, sent->values + (size_t)from * width, to - from};
    }
    int rc = merge_rows(&u->merge, u->sources, shards, width, err);
    if (rc < 0) return rc;
    const struct merged *m = &u->merge.merged;
    if (m->count == 0) return 0;
    if ((rc = floats_reserve(&u->mean, m->count * width, err)) < 0) return rc;
    job->aggregate->combine(job->aggregate_params, m, examples, u->mean.data);
    if (table) params_wake(&job->params, m->ids, m->count);
    job->optimizer->update(job->optimizer_params, step, tensor->w, tensor->state, m->ids, m->count, width, u->mean.data);
    return 0;
}

int update_slice(struct updater *u, struct job *job, uint32_t q, uint64_t step, double examples, struct error *err)
{
    for (size_t t = 0; t < job->params.count; t++) {
        const struct param_desc *desc = &job->params.tensor[t].desc;
        bool penalty = !desc->no_penalty || job->spec.model.penalise_bias;
        if (!desc->table && q > 0) continue;
        struct optim_step s = {.t = step,
                               .lr = (float)optim_lr(job->optimizer, job->optimizer_params, step),
                               .l1 = penalty ? (float)job->spec.model.l1 : 0,
                               .l2 = penalty ? (float)job->spec.model.l2 : 0};
        int rc = update_tensor(u, job, t, q, &s, examples, err);
        if (rc < 0) return rc;
    }
    return 0;
}
