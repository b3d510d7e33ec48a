/* Field-aware factorisation machine (Juan, Zhuang, Chin, Lin 2016): a feature has K factors for each field that it may meet,
 *   z (B) = [b + sum_i w_i x_i] + c sum_{i<j} <v_{i,f(j)}, v_{j,f(i)}> x_i x_j          v (distinct, F, K)
 *   dL/dv_{i,f(j)} += delta c x_i x_j v_{j,f(i)},  and the other way round
 * Pairs within a field take part; features without a field do not. c is 1, or with `normalise` 1 / sum_i x_i^2 over the features that take part,
 * which is libffm's scaling of a row to length 1. The term in brackets is optional: libffm has none.
 *
 * libffm starts at uniform factors of mean 1/(2 sqrt K); ours start small around 0, where no pair has an opinion yet. */
#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/model/fields.h"
#include "engine/model/linear.h"
#include "engine/model/model.h"

struct ffm_params {
    int64_t embedding_dim;
    double init_scale;
    bool linear, normalise;
};

static const struct option ffm_options[] = {
    {"embedding_dim", OPT_INT, offsetof(struct ffm_params, embedding_dim), 4, 1, 256,
     "K: factors a feature and field; a row of the table holds F times as many", NULL, 0, NULL},
    {"init_scale", OPT_REAL, offsetof(struct ffm_params, init_scale), 0.01, 0, 1, "standard deviation of the factors' initial values", NULL, 0, NULL},
    {"linear", OPT_BOOL, offsetof(struct ffm_params, linear), 1, 0, 0, "a weight a feature and a bias beside the pairs; libffm has neither", NULL, 0,
     NULL},
    {"normalise", OPT_BOOL, offsetof(struct ffm_params, normalise), 0, 0, 0,
     "divide the pairs' sum by the row's sum of squared values, as libffm does", NULL, 0, NULL},
    {0}};

KERNEL_DECLARE(void, ffm_forward,
               (const struct batch *b, const uint32_t *local, const float *v, uint32_t fields, size_t k, bool normalise, float *logits));
KERNEL_DECLARE(void, ffm_backward,
               (const struct batch *b, const uint32_t *local, const float *v, uint32_t fields, size_t k, bool normalise, const float *delta,
                float *grad));

static void (*const forward_table[])(const struct batch *, const uint32_t *, const float *, uint32_t, size_t, bool,
                                     float *) = KERNEL_TABLE(ffm_forward);
static void (*const backward_table[])(const struct batch *, const uint32_t *, const float *, uint32_t, size_t, bool, const float *,
                                      float *) = KERNEL_TABLE(ffm_backward);

enum { FFM_EMBEDDING, FFM_BIAS, FFM_LINEAR };

static int ffm_check(const void *params, struct model_shape shape, struct error *err) { return (void)params, fields_check("ffm", shape, 0, err); }

static size_t ffm_describe(const void *params, struct model_shape shape, struct param_desc *out)
{
    const struct ffm_params *p = params;
    out[FFM_EMBEDDING] = (struct param_desc){.name = "embedding",
                                             .table = true,
                                             .width = (uint32_t)p->embedding_dim * (shape.fields ? shape.fields : 1),
                                             .init = INIT_NORMAL,
                                             .init_scale = (float)p->init_scale};
    if (!p->linear) return 1;
    out[FFM_BIAS] = (struct param_desc){.name = "bias", .width = 1, .no_penalty = true};
    out[FFM_LINEAR] = (struct param_desc){.name = "linear", .table = true, .width = 1};
    return 3;
}

static size_t ffm_scratch(const void *params, struct model_shape shape, struct model_size size) { return (void)params, (void)shape, (void)size, 0; }

static void ffm_forward(const struct model_call *c, float *logits)
{
    const struct ffm_params *p = c->params;
    if (p->linear) linear_forward(c->batch, c->local, c->tensor[FFM_LINEAR], c->tensor[FFM_BIAS][0], logits);
    else
        for (size_t r = 0; r < c->batch->rows; r++) logits[r] = 0;
    forward_table[cpu_level()](c->batch, c->local, c->tensor[FFM_EMBEDDING], c->shape.fields, (size_t)p->embedding_dim, p->normalise, logits);
}

static void ffm_backward(const struct model_call *c, const float *delta, float *const grad[TENSORS_MAX])
{
    const struct ffm_params *p = c->params;
    if (p->linear) linear_backward(c->batch, c->local, delta, grad[FFM_LINEAR], grad[FFM_BIAS]);
    backward_table[cpu_level()](c->batch, c->local, c->tensor[FFM_EMBEDDING], c->shape.fields, (size_t)p->embedding_dim, p->normalise, delta,
                                grad[FFM_EMBEDDING]);
}

const struct model model_ffm = {
    .kind = {"ffm", "field-aware factorisation machine: K factors for each pair of a feature and a field that it may meet",
             "Juan, Zhuang, Chin, Lin 2016, Field-aware Factorization Machines for CTR Prediction", sizeof(struct ffm_params), ffm_options},
    .wants_fields = true,
    .check = ffm_check,
    .describe = ffm_describe,
    .scratch = ffm_scratch,
    .forward = ffm_forward,
    .backward = ffm_backward};
