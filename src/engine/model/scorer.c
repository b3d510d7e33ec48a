#include "engine/model/scorer.h"

void scorer_close(struct scorer *s)
{
    transformed_close(&s->transformed);
    admitted_close(&s->admitted);
    lookup_close(&s->lookup);
    floats_close(&s->scratch);
    floats_close(&s->logits);
    for (size_t t = 0; t < TENSORS_MAX; t++) floats_close(&s->compact[t]);
}

int scorer_forward(struct scorer *s, const struct model_use *use, const struct params *p, const struct batch *b, const struct scorer_mode *mode,
                   struct error *err)
{
    const struct model *model = use->model;
    int rc;
    if (p->transforms.count > 0) {
        if ((rc = transform_apply(s->map, b, &s->transformed, err)) < 0) return rc;
        b = &s->transformed.batch;
    }
    if (p->admission.min_count > 1) {
        if ((rc = admission_apply(&p->admission, s->rare, b, &s->admitted, err)) < 0) return rc;
        b = &s->admitted.batch;
    }
    if ((rc = lookup_build(&s->lookup, b, p, mode->ascending, err)) < 0) return rc;
    if ((rc = floats_reserve(&s->logits, b->rows * model_outputs(use), err)) < 0) return rc;
    if ((rc = floats_reserve(&s->scratch, model->scratch(use->params, use->shape, b->rows), err)) < 0) return rc;
    struct model_call *c = &s->call;
    *c = (struct model_call){.params = use->params,
                             .shape = use->shape,
                             .batch = b,
                             .local = s->lookup.local,
                             .scratch = s->scratch.data,
                             .training = mode->training,
                             .seed = mode->seed,
                             .step = mode->step};
    for (size_t t = 0; t < p->count; t++) {
        const struct param *tensor = &p->tensor[t];
        c->tensor[t] = tensor->w;
        if (!tensor->desc.table) continue;
        if ((rc = floats_reserve(&s->compact[t], s->lookup.count * tensor->desc.width, err)) < 0) return rc;
        param_gather(p, t, s->lookup.slots, s->lookup.count, s->compact[t].data);
        c->tensor[t] = s->compact[t].data;
    }
    model->forward(c, s->logits.data);
    return 0;
}
