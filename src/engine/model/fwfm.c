/* Field-weighted factorisation machine (Pan, Xu, Ruiz, Zhao, Pan, Sun, Lu 2018): a factorisation machine whose pairs count as much as their two
 * fields say, at 1 / F of the field-aware one's memory: z (B) = b + sum_i w_i x_i + sum_{i<j} r_{f(i),f(j)} <v_i, v_j> x_i x_j              v
 * (distinct, K), r (F, F), its upper triangle, from 1 With E_f (F, K) = sum of v_i x_i over a row's features of field f, and Q_f the sum of their
 * squares, this is sum_{f<g} r_fg <E_f, E_g>  +  1/2 sum_f r_ff (<E_f, E_f> - sum Q_f) and with G_f = sum_{g != f} r_fg E_g: dL/dv_i = delta x_i [G_f
 * + r_ff (E_f - v_i x_i)],  dL/dr_fg = delta <E_f, E_g>,  dL/dr_ff = delta/2 (<E_f, E_f> - sum Q_f) Features without a field take no part in pairs.
 */
#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/model/fields.h"
#include "engine/model/linear.h"
#include "engine/model/fwfm.h"

enum { FWFM_BIAS, FWFM_LINEAR, FWFM_EMBEDDING, FWFM_WEIGHTS };

struct fwfm_params {
    int64_t embedding_dim;
    double init_scale;
};

static const struct option fwfm_options[] = {
    {"embedding_dim", OPT_INT, offsetof(struct fwfm_params, embedding_dim), 16, 1, 256, "K: factors a feature", NULL, 0, NULL},
    {"init_scale", OPT_REAL, offsetof(struct fwfm_params, init_scale), 0.01, 0, 1, "standard deviation of the factors' initial values", NULL, 0,
     NULL},
    {0}};

KERNEL_DECLARE(void, fwfm_forward, (const struct fwfm_call *c, float *logits));
KERNEL_DECLARE(void, fwfm_backward, (const struct fwfm_call *c, const float *delta, float *grad_v, float *grad_weights));

static void (*const forward_table[])(const struct fwfm_call *, float *) = KERNEL_TABLE(fwfm_forward);
static void (*const backward_table[])(const struct fwfm_call *, const float *, float *, float *) = KERNEL_TABLE(fwfm_backward);

static int fwfm_check(const void *params, struct model_shape shape, struct error *err)
{
    return (void)params, fields_check("fwfm", shape, FWFM_FIELDS_MAX, err);
}

static size_t fwfm_describe(const void *params, struct model_shape shape, struct param_desc *out)
{
    const struct fwfm_params *p = params;
    uint32_t fields = shape.fields ? shape.fields : 1;
    out[FWFM_BIAS] = (struct param_desc){.name = "bias", .width = 1, .no_penalty = true};
    out[FWFM_LINEAR] = (struct param_desc){.name = "linear", .table = true, .width = 1};
    out[FWFM_EMBEDDING] = (struct param_desc){
        .name = "embedding", .table = true, .width = (uint32_t)p->embedding_dim, .init = INIT_NORMAL, .init_scale = (float)p->init_scale};
    out[FWFM_WEIGHTS] = (struct param_desc){.name = "field_weights", .rows = fields, .width = fields, .init = INIT_ONE, .no_penalty = true};
    return 4;
}

static size_t fwfm_scratch(const void *params, struct model_shape shape, struct model_size size)
{
    (void)size;
    return fwfm_scratch_floats(shape.fields, (size_t)((const struct fwfm_params *)params)->embedding_dim);
}

static struct fwfm_call fwfm_call_of(const struct model_call *c)
{
    return (struct fwfm_call){.batch = c->batch,
                              .local = c->local,
                              .v = c->tensor[FWFM_EMBEDDING],
                              .weights = c->tensor[FWFM_WEIGHTS],
                              .fields = c->shape.fields,
                              .k = (size_t)((const struct fwfm_params *)c->params)->embedding_dim,
                              .scratch = c->scratch};
}

static void fwfm_forward(const struct model_call *c, float *logits)
{
    const struct fwfm_call call = fwfm_call_of(c);
    linear_forward(c->batch, c->local, c->tensor[FWFM_LINEAR], c->tensor[FWFM_BIAS][0], logits);
    forward_table[cpu_level()](&call, logits);
}

static void fwfm_backward(const struct model_call *c, const float *delta, float *const grad[TENSORS_MAX])
{
    const struct fwfm_call call = fwfm_call_of(c);
    linear_backward(c->batch, c->local, delta, grad[FWFM_LINEAR], grad[FWFM_BIAS]);
    backward_table[cpu_level()](&call, delta, grad[FWFM_EMBEDDING], grad[FWFM_WEIGHTS]);
}

const struct model model_fwfm = {
    .kind = {"fwfm", "factorisation machine whose pairs count as much as their two fields say",
             "Pan et al. 2018, Field-weighted Factorization Machines for Click-Through Rate Prediction in Display Advertising",
             sizeof(struct fwfm_params), fwfm_options},
    .wants_fields = true,
    .check = fwfm_check,
    .describe = fwfm_describe,
    .scratch = fwfm_scratch,
    .forward = fwfm_forward,
    .backward = fwfm_backward};
