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

int scorer_forward(struct scorer *s, const struct model *model, const void *model_params, const struct params *p, const struct batch *b,
                   bool ascending, struct error *err)
{
    int rc;
    if (p->transforms.count > 0) {
        if ((rc = transform_apply(s->map, b, &s->transformed, err)) < 0) return rc;
        b = &s->transformed.batch;
    }
    if (p->admission.min_count > 1) {
        if ((rc = admission_apply(&p->admission, s->rare, b, &s->admitted, err)) < 0) return rc;
        b = &s->admitted.batch;
    }
    s->batch = b;
    if ((rc = lookup_build(&s->lookup, b, p, ascending, err)) < 0) return rc;
    if ((rc = floats_reserve(&s->logits, b->rows, err)) < 0) return rc;
    if ((rc = floats_reserve(&s->scratch, b->rows * model->scratch(model_params), err)) < 0) return rc;
    s->view.local = s->lookup.local;
    for (size_t t = 0; t < p->count; t++) {
        const struct param *tensor = &p->tensor[t];
        s->view.tensor[t] = tensor->w;
        if (!tensor->desc.table) continue;
        if ((rc = floats_reserve(&s->compact[t], s->lookup.count * tensor->desc.width, err)) < 0) return rc;
        param_gather(p, t, s->lookup.slots, s->lookup.count, s->compact[t].data);
        s->view.tensor[t] = s->compact[t].data;
    }
    model->forward(model_params, b, &s->view, s->scratch.data, s->logits.data);
    return 0;
}
