/* Factorisation machine (Rendle 2010, eq. 1 and lemma 3.1):
 *   z (B) = b + sum_i w_i x_i + 1/2 sum_f [ S_f^2 - sum_i (v_if x_i)^2 ],  S_f = sum_i v_if x_i,  v (distinct, K)
 *   dL/dw_i = delta x_i,  dL/dv_if = delta x_i (S_f - v_if x_i)
 * S (B, K) is kept for backward, so both passes are O(features K). */
#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/model/fm.h"
#include "engine/model/linear.h"
#include "engine/model/model.h"

enum { FM_BIAS, FM_LINEAR, FM_EMBEDDING };

struct fm_params {
    int64_t embedding_dim;
    double init_scale;
};

static const struct option fm_options[] = {
    {"embedding_dim", OPT_INT, offsetof(struct fm_params, embedding_dim), 16, 1, 256, "K: factors a feature", NULL, 0, NULL},
    {"init_scale", OPT_REAL, offsetof(struct fm_params, init_scale), 0.01, 0, 1, "standard deviation of the factors' initial values", NULL, 0, NULL},
    {0}};

KERNEL_DECLARE(void, fm_forward, (const struct batch *b, const uint32_t *local, const float *v, size_t k, float *sums, float *logits));
KERNEL_DECLARE(void, fm_backward,
               (const struct batch *b, const uint32_t *local, const float *v, size_t k, const float *sums, const float *delta, float *grad));

static void (*const forward_table[])(const struct batch *, const uint32_t *, const float *, size_t, float *, float *) = KERNEL_TABLE(fm_forward);
static void (*const backward_table[])(const struct batch *, const uint32_t *, const float *, size_t, const float *, const float *,
                                      float *) = KERNEL_TABLE(fm_backward);

void fm_pairs_forward(const struct batch *b, const uint32_t *local, const float *v, size_t k, float *sums, float *logits)
{
    forward_table[cpu_level()](b, local, v, k, sums, logits);
}

void fm_pairs_backward(const struct batch *b, const uint32_t *local, const float *v, size_t k, const float *sums, const float *delta, float *grad)
{
    backward_table[cpu_level()](b, local, v, k, sums, delta, grad);
}

static size_t fm_describe(const void *params, struct model_shape shape, struct param_desc *out)
{
    const struct fm_params *p = params;
    (void)shape;
    out[FM_BIAS] = bias_describe();
    out[FM_LINEAR] = linear_describe();
    out[FM_EMBEDDING] = (struct param_desc){
        .name = "embedding", .table = true, .width = (uint32_t)p->embedding_dim, .init = INIT_NORMAL, .init_scale = (float)p->init_scale};
    return 3;
}

static size_t fm_factors(const void *params) { return (size_t)((const struct fm_params *)params)->embedding_dim; }

static size_t fm_scratch(const void *params, struct model_shape shape, struct model_size size) { return (void)shape, size.rows * fm_factors(params); }

static void fm_forward(const struct model_call *c, float *logits)
{
    linear_forward(c->batch, c->local, c->tensor[FM_LINEAR], c->tensor[FM_BIAS][0], logits);
    fm_pairs_forward(c->batch, c->local, c->tensor[FM_EMBEDDING], fm_factors(c->params), c->scratch, logits);
}

static void fm_backward(const struct model_call *c, const float *delta, float *const grad[TENSORS_MAX])
{
    linear_backward(c->batch, c->local, delta, grad[FM_LINEAR], grad[FM_BIAS]);
    fm_pairs_backward(c->batch, c->local, c->tensor[FM_EMBEDDING], fm_factors(c->params), c->scratch, delta, grad[FM_EMBEDDING]);
}

const struct model model_fm = {.kind = {"fm", "factorisation machine: pairwise interactions through K factors a feature",
                                        "Rendle 2010, Factorization Machines", sizeof(struct fm_params), fm_options},
                               .describe = fm_describe,
                               .scratch = fm_scratch,
                               .forward = fm_forward,
                               .backward = fm_backward};
