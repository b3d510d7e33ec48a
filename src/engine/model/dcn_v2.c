/* DCN-v2: cross layers x_{l+1} = x_0 * (W_l x_l + b_l) + x_l on the embeddings x_0 (d floats), elementwise product, and a stack of hidden layers
 * behind them (stacked) or beside them (parallel). Low rank: W = U V with U (d, r), V (r, d).
 *
 * Backward, G = dL/dx_{l+1}, u = W x_l + b: du = G * x_0, dW = du x_l^T, db = du, dL/dx_l = G + W^T du, and x_0 gathers G * u of every layer, beside
 * what layer 0 hands it as its x_l. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/model/bag_layer.h"
#include "engine/model/linear.h"
#include "engine/model/stack.h"

enum { DCN_BIAS, DCN_EMBEDDING, DCN_CROSS, CROSS_LAYERS_MAX = 4 };
enum structure { STRUCTURE_STACKED, STRUCTURE_PARALLEL };
static const char *const structure_names[] = {[STRUCTURE_STACKED] = "stacked", [STRUCTURE_PARALLEL] = "parallel", NULL};

struct dcn_params {
    struct bags_options bags;
    int64_t cross_layers, rank;
    int structure; /* enum structure */
    struct stack_options stack;
};

static const struct option dcn_options[] = {
    BAGS_OPTIONS(dcn_params, bags),
    {"cross_layers", OPT_INT, offsetof(struct dcn_params, cross_layers), 3, 1, CROSS_LAYERS_MAX, "cross layers", NULL, 0, NULL},
    {"rank", OPT_INT, offsetof(struct dcn_params, rank), 0, 0, 16384, "r of the cross layers' matrices, W = U V; 0: full ones", NULL, 0, NULL},
    {"structure", OPT_NAME, offsetof(struct dcn_params, structure), 0, 0, 0, "the hidden layers behind the cross layers, or beside them",
     structure_names, 0, NULL},
    STACK_OPTIONS(dcn_params, stack, "[400, 400]"),
    {0}};

KERNEL_DECLARE(void, cross_forward, (size_t n, const float *x0, const float *u, const float *x, float *y));
KERNEL_DECLARE(void, cross_backward, (size_t n, const float *g, const float *x0, const float *u, float *du, float *g0));

static void (*const forward_table[])(size_t, const float *, const float *, const float *, float *) = KERNEL_TABLE(cross_forward);
static void (*const backward_table[])(size_t, const float *, const float *, const float *, float *, float *) = KERNEL_TABLE(cross_backward);

struct dcn { /* planned from options and shape */
    const struct dcn_params *params;
    size_t width, layers, rank; /* of x_0; cross layers; 0: full */
    size_t step;                /* tensors a cross layer: W, b or V, U, b */
    bool parallel;
    struct stack stack;
    size_t head, tensors; /* the head; with parallel, the cross layers' head follows */
};

static struct dcn dcn_plan(const void *params, struct model_shape shape)
{
    const struct dcn_params *p = params;
    struct dcn d = {.params = p,
                    .width = bags_width(&p->bags, shape),
                    .layers = (size_t)p->cross_layers,
                    .rank = (size_t)p->rank,
                    .step = p->rank > 0 ? 3 : 2,
                    .parallel = p->structure == STRUCTURE_PARALLEL};
    stack_plan(&d.stack, &p->stack, d.width, DCN_CROSS + d.layers * d.step);
    d.head = d.stack.first + stack_tensors(&d.stack);
    d.tensors = d.head + 1 + d.parallel;
    return d;
}

static int dcn_check(const void *params, struct model_shape shape, struct error *err)
{
    return bags_check("dcn_v2", &((const struct dcn_params *)params)->bags, shape, err);
}

static void cross_describe(struct param_desc *out, unsigned layer, const char *name, size_t rows, size_t width)
{
    *out = (struct param_desc){.rows = (uint32_t)rows,
                               .width = (uint32_t)width,
                               .group = GROUP_DEEP,
                               .init = INIT_NORMAL,
                               .init_scale = sqrtf(2.0f / (float)(rows + width))};
    snprintf(out->name, sizeof out->name, "cross.%u.%s", layer, name);
}

static size_t dcn_describe(const void *params, struct model_shape shape, struct param_desc *out)
{
    struct dcn d = dcn_plan(params, shape);
    out[DCN_BIAS] = bias_describe();
    out[DCN_EMBEDDING] = bags_describe(&d.params->bags);
    for (unsigned l = 0; l < d.layers; l++) {
        struct param_desc *t = out + DCN_CROSS + l * d.step;
        if (d.rank > 0) cross_describe(t++, l, "v", d.rank, d.width), cross_describe(t++, l, "u", d.width, d.rank);
        else cross_describe(t++, l, "weight", d.width, d.width);
        *t = (struct param_desc){.width = (uint32_t)d.width, .group = GROUP_DEEP, .no_penalty = true};
        snprintf(t->name, sizeof t->name, "cross.%u.bias", l);
    }
    stack_describe(&d.stack, "deep", out);
    out[d.head] = head_describe("head", stack_outputs(&d.stack));
    if (d.parallel) out[d.head + 1] = head_describe("head.cross", d.width);
    return d.tensors;
}

struct dcn_memory { /* all (rows, width), but v, dv (rows, rank), top (rows, outputs), counts (fields); product: of x_0 (bag_layer.h) */
    float *x[CROSS_LAYERS_MAX + 1], *u[CROSS_LAYERS_MAX], *v[CROSS_LAYERS_MAX], *g, *g0, *du, *dv, *top, *counts, *product, *stack;
};

static size_t dcn_memory(const struct dcn *d, struct model_shape shape, struct model_size size, float *at, struct dcn_memory *m)
{
    size_t rows = size.rows, wide = rows * d->width, low = rows * d->rank, used = 0;
    *m = (struct dcn_memory){0};
#define TAKE(pointer, floats) ((pointer) = at ? at + used : NULL, used += (floats))
    for (size_t l = 0; l <= d->layers; l++) TAKE(m->x[l], wide);
    for (size_t l = 0; l < d->layers; l++) TAKE(m->u[l], wide), TAKE(m->v[l], low);
    TAKE(m->g, wide), TAKE(m->g0, wide), TAKE(m->du, wide), TAKE(m->dv, low);
    TAKE(m->top, rows * stack_outputs(&d->stack)), TAKE(m->counts, shape.fields);
    TAKE(m->product, bag_layer_scratch(&d->params->bags, shape, size));
    TAKE(m->stack, stack_scratch(&d->stack, rows));
#undef TAKE
    return used;
}

static size_t dcn_scratch(const void *params, struct model_shape shape, struct model_size size)
{
    struct dcn d = dcn_plan(params, shape);
    struct dcn_memory m;
    return dcn_memory(&d, shape, size, NULL, &m);
}

static const float *deep_input(const struct dcn *d, const struct dcn_memory *m) { return d->parallel ? m->x[0] : m->x[d->layers]; }

/* The product of cross layer 0, whose input is the bags themselves. */
static struct bag_layer cross_first(const struct dcn *d, const struct model_call *c)
{
    const float *const *t = c->tensor + DCN_CROSS;
    return (struct bag_layer){.bags = &d->params->bags,
                              .outputs = d->rank > 0 ? d->rank : d->width,
                              .embedding = c->tensor[DCN_EMBEDDING],
                              .w = t[0],
                              .bias = d->rank > 0 ? NULL : t[1]};
}

static void dcn_forward(const struct model_call *c, float *logits)
{
    struct dcn d = dcn_plan(c->params, c->shape);
    struct dcn_memory m;
    size_t rows = c->batch->rows;
    dcn_memory(&d, c->shape, model_size(c), c->scratch, &m);
    bias_forward(rows, c->tensor[DCN_BIAS][0], logits);
    bags_forward(&d.params->bags, c, DCN_EMBEDDING, m.counts, m.x[0]);
    for (size_t l = 0; l < d.layers; l++) {
        const float *const *t = c->tensor + DCN_CROSS + l * d.step;
        size_t outputs = d.rank > 0 ? d.rank : d.width;
        const float *bias = d.rank > 0 ? NULL : t[1];
        float *product = d.rank > 0 ? m.v[l] : m.u[l];
        struct bag_layer first = cross_first(&d, c);
        if (l == 0) bag_layer_forward(&first, c, m.product, product);
        else linear_layer(rows, d.width, outputs, m.x[l], t[0], bias, product);
        if (d.rank > 0) linear_layer(rows, d.rank, d.width, product, t[1], t[2], m.u[l]);
        forward_table[cpu_level()](rows * d.width, m.x[0], m.u[l], m.x[l], m.x[l + 1]);
    }
    const float *top = stack_forward(&d.stack, c, deep_input(&d, &m), m.stack);
    logit_layer(rows, stack_outputs(&d.stack), top, c->tensor[d.head], logits);
    if (d.parallel) logit_layer(rows, d.width, m.x[d.layers], c->tensor[d.head + 1], logits);
}

/* g (dL/dx_{l+1}) becomes dL/dx_l; g0 gathers. What passes through layer 0's product goes to the embedding at once. */
static void cross_back(const struct dcn *d, const struct model_call *c, size_t l, const struct dcn_memory *m, float *const grad[TENSORS_MAX])
{
    const float *const *t = c->tensor + DCN_CROSS + l * d->step;
    float *const *to = grad + DCN_CROSS + l * d->step;
    size_t rows = c->batch->rows;
    backward_table[cpu_level()](rows * d->width, m->g, m->x[0], m->u[l], m->du, m->g0);
    size_t outputs = d->rank > 0 ? d->rank : d->width;
    const float *dy = d->rank > 0 ? m->dv : m->du;
    float *grad_bias = d->rank > 0 ? NULL : to[1];
    struct bag_layer first = cross_first(d, c);
    if (d->rank > 0) linear_layer_back(rows, d->rank, d->width, m->v[l], t[1], m->du, to[1], to[2], m->dv, false);
    if (l == 0) bag_layer_backward(&first, c, m->product, dy, to[0], grad_bias, grad[DCN_EMBEDDING]);
    else linear_layer_back(rows, d->width, outputs, m->x[l], t[0], dy, to[0], grad_bias, m->g, true);
}

static void dcn_backward(const struct model_call *c, const float *delta, float *const grad[TENSORS_MAX])
{
    struct dcn d = dcn_plan(c->params, c->shape);
    struct dcn_memory m;
    size_t rows = c->batch->rows;
    dcn_memory(&d, c->shape, model_size(c), c->scratch, &m);
    bias_backward(rows, delta, grad[DCN_BIAS]);
    const float *input = deep_input(&d, &m), *top = stack_top(&d.stack, c, input, m.stack);
    logit_layer_back(rows, stack_outputs(&d.stack), top, c->tensor[d.head], delta, grad[d.head], m.top);
    stack_backward(&d.stack, c, input, m.stack, m.top, grad, d.parallel ? m.g0 : m.g);
    if (d.parallel) logit_layer_back(rows, d.width, m.x[d.layers], c->tensor[d.head + 1], delta, grad[d.head + 1], m.g);
    else memset(m.g0, 0, rows * d.width * sizeof *m.g0);
    for (size_t l = d.layers; l-- > 0;) cross_back(&d, c, l, &m, grad);
    for (size_t i = 0; i < rows * d.width; i++) m.g0[i] += m.g[i];
    bags_backward(&d.params->bags, c, m.g0, m.counts, grad[DCN_EMBEDDING]);
}

const struct model model_dcn_v2 = {.kind = {"dcn_v2", "DCN-v2: cross layers of full or low rank, with hidden layers behind or beside them",
                                            "Wang et al. 2021, DCN V2: Improved Deep & Cross Network", sizeof(struct dcn_params), dcn_options},
                                   .wants_fields = true,
                                   .check = dcn_check,
                                   .describe = dcn_describe,
                                   .scratch = dcn_scratch,
                                   .forward = dcn_forward,
                                   .backward = dcn_backward};
