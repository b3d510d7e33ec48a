#include "engine/model/stack.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const activation_names[] = {[ACTIVATION_RELU] = "relu", [ACTIVATION_GELU] = "gelu", NULL};

/* A layer's tensors, after its weight. */
enum { WEIGHT, BIAS, PLAIN_TENSORS, SCALE = 1, SHIFT, MEAN, VARIANCE, NORM_TENSORS };
static const float running_rate = 0.1f; /* of the running statistics, per step */

void stack_plan(struct stack *s, const struct stack_options *o, size_t inputs, size_t first)
{
    *s = (struct stack){.layers = o->hidden.count,
                        .inputs = inputs,
                        .first = first,
                        .activation = (enum activation)o->activation,
                        .dropout = (float)o->dropout,
                        .batch_norm = o->batch_norm};
    for (size_t l = 0; l < s->layers; l++) s->width[l] = (size_t)o->hidden.item[l];
}

static size_t layer_inputs(const struct stack *s, size_t l) { return l == 0 ? s->inputs : s->width[l - 1]; }
static size_t layer_tensors(const struct stack *s) { return s->batch_norm ? NORM_TENSORS : PLAIN_TENSORS; }
static size_t layer_first(const struct stack *s, size_t l) { return s->first + l * layer_tensors(s); }

size_t stack_tensors(const struct stack *s) { return s->layers * layer_tensors(s); }

struct param_desc head_describe(const char *name, size_t inputs)
{
    struct param_desc desc = {.width = (uint32_t)inputs, .group = GROUP_DEEP, .init = INIT_NORMAL, .init_scale = sqrtf(1.0f / (float)inputs)};
    snprintf(desc.name, sizeof desc.name, "%s", name);
    return desc;
}

static void name_it(struct param_desc *desc, const char *prefix, size_t layer, const char *name)
{
    snprintf(desc->name, sizeof desc->name, "%s.%zu.%s", prefix, layer, name);
}

size_t stack_describe(const struct stack *s, const char *prefix, struct param_desc *out)
{
    for (size_t l = 0; l < s->layers; l++) {
        struct param_desc *t = out + layer_first(s, l);
        uint32_t inputs = (uint32_t)layer_inputs(s, l), outputs = (uint32_t)s->width[l];
        t[WEIGHT] = (struct param_desc){
            .rows = outputs, .width = inputs, .group = GROUP_DEEP, .init = INIT_NORMAL, .init_scale = sqrtf(2.0f / (float)inputs)};
        name_it(&t[WEIGHT], prefix, l, "weight");
        if (!s->batch_norm) {
            t[BIAS] = (struct param_desc){.width = outputs, .group = GROUP_DEEP, .no_penalty = true};
            name_it(&t[BIAS], prefix, l, "bias");
            continue;
        }
        t[SCALE] = (struct param_desc){.width = outputs, .group = GROUP_DEEP, .init = INIT_ONE, .no_penalty = true};
        t[SHIFT] = (struct param_desc){.width = outputs, .group = GROUP_DEEP, .no_penalty = true};
        t[MEAN] = (struct param_desc){.width = outputs, .group = GROUP_DEEP, .no_penalty = true, .statistic_rate = running_rate};
        t[VARIANCE] = (struct param_desc){
            .width = outputs, .group = GROUP_DEEP, .init = INIT_ONE, .no_penalty = true, .statistic_rate = running_rate};
        name_it(&t[SCALE], prefix, l, "scale");
        name_it(&t[SHIFT], prefix, l, "shift");
        name_it(&t[MEAN], prefix, l, "mean");
        name_it(&t[VARIANCE], prefix, l, "variance");
    }
    return stack_tensors(s);
}

/* A layer's part of the scratch memory. pre: what goes into the activation; where ReLU allows, the activation overwrites it. */
struct layer_memory {
    float *pre, *out;
    struct norm_kept norm;
};

static bool keeps_pre(const struct stack *s) { return s->activation != ACTIVATION_RELU; }

static size_t layer_floats(const struct stack *s, size_t l, size_t rows)
{
    return s->width[l] * (rows * (1 + keeps_pre(s) + s->batch_norm) + (s->batch_norm ? 3 : 0));
}

static float *layer_memory(const struct stack *s, size_t l, size_t rows, float *at, struct layer_memory *m)
{
    size_t width = s->width[l], floats = width * rows;
    *m = (struct layer_memory){.out = at};
    at += floats;
    m->pre = keeps_pre(s) ? at : m->out;
    if (keeps_pre(s)) at += floats;
    if (!s->batch_norm) return at;
    m->norm = (struct norm_kept){.mean = at, .variance = at + width, .inverse = at + 2 * width, .standard = at + 3 * width};
    return at + 3 * width + floats;
}

static size_t widest(const struct stack *s)
{
    size_t width = 0;
    for (size_t l = 0; l < s->layers; l++) width = s->width[l] > width ? s->width[l] : width;
    return width;
}

size_t stack_scratch(const struct stack *s, size_t rows)
{
    size_t floats = 2 * rows * widest(s); /* gradients going down */
    for (size_t l = 0; l < s->layers; l++) floats += layer_floats(s, l, rows);
    return floats;
}

static struct norm layer_norm(const struct stack *s, const struct model_call *c, size_t l)
{
    const float *const *t = c->tensor + layer_first(s, l);
    return (struct norm){.scale = t[SCALE], .shift = t[SHIFT], .mean = t[MEAN], .variance = t[VARIANCE]};
}

static struct dropout layer_dropout(const struct stack *s, const struct model_call *c, size_t l)
{
    return (struct dropout){.rate = c->training ? s->dropout : 0, .seed = c->seed, .step = c->step, .layer = (uint32_t)layer_first(s, l)};
}

/* The batch's statistics, as sums over its rows. */
static void add_statistics(size_t rows, size_t width, struct norm_kept kept, float *mean, float *variance)
{
    for (size_t j = 0; j < width; j++) {
        mean[j] += (float)rows * kept.mean[j];
        variance[j] += (float)rows * kept.variance[j];
    }
}

static const float *layer_bias(const struct stack *s, const struct model_call *c, size_t l)
{
    return s->batch_norm ? NULL : c->tensor[layer_first(s, l) + BIAS];
}

/* All of layer l but its product, which lies in m->pre. */
static void layer_forward(const struct stack *s, const struct model_call *c, size_t l, const struct layer_memory *m)
{
    size_t rows = c->batch->rows, width = s->width[l];
    struct dropout dropout = layer_dropout(s, c, l);
    if (s->batch_norm) {
        struct norm norm = layer_norm(s, c, l);
        if (c->training) norm_layer_train(rows, width, &norm, m->norm, m->pre);
        else norm_layer_apply(rows, width, &norm, m->pre);
    }
    activation_layer(s->activation, rows * width, m->pre, m->out);
    dropout_layer(&dropout, c->batch, width, m->out);
}

static void layer_backward(const struct stack *s, const struct model_call *c, size_t l, const struct layer_memory *m, float *d,
                           float *const grad[TENSORS_MAX])
{
    size_t rows = c->batch->rows, width = s->width[l], first = layer_first(s, l);
    struct dropout dropout = layer_dropout(s, c, l);
    dropout_layer(&dropout, c->batch, width, d);
    activation_layer_back(s->activation, rows * width, m->pre, d);
    if (!s->batch_norm) return;
    struct norm norm = layer_norm(s, c, l);
    norm_layer_back(rows, width, &norm, m->norm, d, grad[first + SCALE], grad[first + SHIFT]);
    add_statistics(rows, width, m->norm, grad[first + MEAN], grad[first + VARIANCE]);
}

float *stack_input(const struct stack *s, const struct model_call *c, float *scratch)
{
    struct layer_memory m;
    layer_memory(s, 0, c->batch->rows, scratch, &m);
    return m.pre;
}

size_t stack_bias(const struct stack *s) { return s->batch_norm ? 0 : s->first + BIAS; }

const float *stack_forward_rest(const struct stack *s, const struct model_call *c, float *scratch)
{
    size_t rows = c->batch->rows;
    const float *x = NULL;
    for (size_t l = 0; l < s->layers; l++) {
        struct layer_memory m;
        scratch = layer_memory(s, l, rows, scratch, &m);
        if (l > 0) linear_layer(rows, layer_inputs(s, l), s->width[l], x, c->tensor[layer_first(s, l) + WEIGHT], layer_bias(s, c, l), m.pre);
        layer_forward(s, c, l, &m);
        x = m.out;
    }
    return x;
}

const float *stack_forward(const struct stack *s, const struct model_call *c, const float *x, float *scratch)
{
    if (s->layers == 0) return x;
    linear_layer(c->batch->rows, s->inputs, s->width[0], x, c->tensor[s->first + WEIGHT], layer_bias(s, c, 0), stack_input(s, c, scratch));
    return stack_forward_rest(s, c, scratch);
}

const float *stack_top(const struct stack *s, const struct model_call *c, const float *x, float *scratch)
{
    struct layer_memory m = {.out = NULL};
    for (size_t l = 0; l < s->layers; l++) scratch = layer_memory(s, l, c->batch->rows, scratch, &m);
    return s->layers > 0 ? m.out : x;
}

const float *stack_backward_rest(const struct stack *s, const struct model_call *c, float *scratch, float *d, float *const grad[TENSORS_MAX])
{
    size_t rows = c->batch->rows;
    struct layer_memory m[STACK_LAYERS_MAX];
    for (size_t l = 0; l < s->layers; l++) scratch = layer_memory(s, l, rows, scratch, &m[l]);
    float *const down[2] = {scratch, scratch + rows * widest(s)};
    for (size_t l = s->layers; l-- > 0;) {
        size_t first = layer_first(s, l);
        layer_backward(s, c, l, &m[l], d, grad);
        if (l == 0) break;
        linear_layer_back(rows, layer_inputs(s, l), s->width[l], m[l - 1].out, c->tensor[first + WEIGHT], d, grad[first + WEIGHT],
                          s->batch_norm ? NULL : grad[first + BIAS], down[l % 2], false);
        d = down[l % 2];
    }
    return d;
}

void stack_backward(const struct stack *s, const struct model_call *c, const float *x, float *scratch, float *d, float *const grad[TENSORS_MAX],
                    float *dx)
{
    size_t rows = c->batch->rows;
    if (s->layers == 0) {
        memcpy(dx, d, rows * s->inputs * sizeof *dx);
        return;
    }
    const float *dy = stack_backward_rest(s, c, scratch, d, grad);
    linear_layer_back(rows, s->inputs, s->width[0], x, c->tensor[s->first + WEIGHT], dy, grad[s->first + WEIGHT],
                      s->batch_norm ? NULL : grad[s->first + BIAS], dx, false);
}
