#include "engine/model/scorer.h"

#include "engine/model/linear.h"

void scorer_close(struct scorer *s)
{
    transformed_close(&s->transformed);
    admitted_close(&s->admitted);
    admitted_close(&s->given);
    factors_close(&s->factors);
    lookup_close(&s->lookup);
    floats_close(&s->scratch);
    floats_close(&s->logits);
    for (size_t t = 0; t < TENSORS_MAX; t++) {
        floats_close(&s->rows[t]);
        floats_close(&s->compact[t]);
    }
}

/* Table t as the model sees it: a row a distinct slot. */
static int table_gather(struct scorer *s, const struct params *p, size_t t, const float **out, struct error *err)
{
    size_t width = p->tensor[t].desc.width;
    int rc = floats_reserve(&s->rows[t], s->lookup.count * width, err);
    if (rc < 0) return rc;
    param_gather(p, t, s->lookup.slots, s->lookup.count, s->rows[t].data);
    *out = s->rows[t].data;
    if (p->remainder_bits == 0) return 0;
    if ((rc = floats_reserve(&s->compact[t], s->factors.slots.count * width, err)) < 0) return rc;
    factors_compose(&s->factors, &s->lookup, width, s->rows[t].data, s->compact[t].data);
    *out = s->compact[t].data;
    return 0;
}

int scorer_keys(struct scorer *s, const struct params *p, const struct batch *b, const struct batch **out, struct error *err)
{
    int rc = 0;
    if (p->admission.min_count > 1) {
        rc = admission_apply(&p->admission, s->rare, b, &s->admitted, err);
        b = &s->admitted.batch;
    }
    if (rc == 0 && key_rows_on(&p->key_rows)) {
        rc = key_rows_apply(&p->key_rows, s->rare, b, &s->given, err);
        b = &s->given.batch;
    }
    *out = b;
    return rc;
}

int scorer_batch(struct scorer *s, const struct params *p, const struct batch *b, const struct batch **out, struct error *err)
{
    if (p->transforms.count > 0) {
        int rc = transform_apply(s->map, b, &s->transformed, err);
        if (rc < 0) return rc;
        b = &s->transformed.batch;
    }
    return scorer_keys(s, p, b, out, err);
}

/* Rows of more than a cache line. */
static bool rows_wide(const struct params *p)
{
    for (size_t t = 0; t < p->count; t++)
        if (p->tensor[t].desc.table && p->tensor[t].desc.width > 16) return true;
    return false;
}

/* A score that needs no more than a sum of weights, and no gradient after it: they are read where they are, and nothing is looked up. */
static bool reads_table(const struct model_use *use, const struct params *p, const struct scorer_mode *mode)
{
    return use->model->first_order && !mode->training && p->remainder_bits == 0 && p->tensor[1].w;
}

int scorer_forward(struct scorer *s, const struct model_use *use, const struct params *p, const struct batch *b, const struct scorer_mode *mode,
                   struct error *err)
{
    const struct model *model = use->model;
    int rc;
    if ((rc = scorer_batch(s, p, b, &b, err)) < 0) return rc;
    if ((rc = floats_reserve(&s->logits, b->rows * model_outputs(use), err)) < 0) return rc;
    if (reads_table(use, p, mode)) {
        linear_forward_table(b, 32 - p->row_bits, p->tensor[1].w, p->tensor[0].w[0], s->logits.data);
        return 0;
    }
    bool factors = p->remainder_bits > 0;
    enum lookup_order order = mode->ascending ? LOOKUP_ASCENDING : rows_wide(p) ? LOOKUP_SLICES : LOOKUP_OCCURRENCE;
    rc = factors ? factors_lookup(&s->factors, &s->lookup, b, p, order, err) : lookup_build(&s->lookup, b, p, order, err);
    if (rc < 0) return rc;
    const struct model_size size = {b->rows, b->features, factors ? s->factors.slots.count : s->lookup.count};
    if ((rc = floats_reserve(&s->scratch, model->scratch(use->params, use->shape, size), err)) < 0) return rc;
    struct model_call *c = &s->call;
    *c = (struct model_call){.params = use->params,
                             .shape = use->shape,
                             .batch = b,
                             .local = factors ? s->factors.slots.local : s->lookup.local,
                             .distinct = size.distinct,
                             .scratch = s->scratch.data,
                             .training = mode->training,
                             .seed = mode->seed,
                             .step = mode->step};
    for (size_t t = 0; t < p->count; t++) {
        c->tensor[t] = p->tensor[t].w;
        if (p->tensor[t].desc.table && (rc = table_gather(s, p, t, &c->tensor[t], err)) < 0) return rc;
    }
    model->forward(c, s->logits.data);
    return 0;
}
