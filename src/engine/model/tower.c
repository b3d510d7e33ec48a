#include "engine/model/tower.h"

#include "engine/model/bag_layer.h"

const struct option tower_options[] = {BAGS_OPTIONS(tower_options, bags), STACK_OPTIONS(tower_options, stack, "[400, 400]"), {0}};

/* Planned from options and shape. */
struct tower {
    const struct tower_options *options;
    struct stack stack;
    size_t width, head; /* of x; the head's tensor */
};

static struct tower tower_plan(const void *params, struct model_shape shape, size_t first)
{
    struct tower t = {.options = params};
    t.width = bags_width(&t.options->bags, shape);
    stack_plan(&t.stack, &t.options->stack, t.width, first + 1);
    t.head = first + 1 + stack_tensors(&t.stack);
    return t;
}

int tower_check(const char *family, const void *params, struct model_shape shape, struct error *err)
{
    return bags_check(family, &((const struct tower_options *)params)->bags, shape, err);
}

size_t tower_describe(const void *params, struct model_shape shape, size_t first, struct param_desc *out)
{
    struct tower t = tower_plan(params, shape, first);
    out[first] = bags_describe(&t.options->bags);
    stack_describe(&t.stack, "deep", out);
    out[t.head] = head_describe("head", stack_outputs(&t.stack));
    return t.head + 1 - first;
}

/* Bags are made only where there is no hidden layer that could do without. */
struct tower_memory {
    float *x, *top, *counts, *layer, *stack;
};

static size_t tower_memory(const struct tower *t, struct model_shape shape, struct model_size size, float *at, struct tower_memory *m)
{
    size_t used = 0, bags = t->stack.layers == 0 ? size.rows * t->width : 0;
#define TAKE(pointer, floats) ((pointer) = at ? at + used : NULL, used += (floats))
    TAKE(m->x, bags), TAKE(m->counts, bags > 0 ? shape.fields : 0);
    TAKE(m->layer, bags > 0 ? 0 : bag_layer_scratch(&t->options->bags, shape, size));
    TAKE(m->top, size.rows * stack_outputs(&t->stack)), TAKE(m->stack, stack_scratch(&t->stack, size.rows));
#undef TAKE
    return used;
}

size_t tower_scratch(const void *params, struct model_shape shape, struct model_size size)
{
    struct tower t = tower_plan(params, shape, 0);
    struct tower_memory m;
    return tower_memory(&t, shape, size, NULL, &m);
}

static struct tower_memory memory_of(const struct tower *t, const struct model_call *c, float *scratch)
{
    struct tower_memory m;
    tower_memory(t, c->shape, model_size(c), scratch, &m);
    return m;
}

static struct bag_layer first_layer(const struct tower *t, const struct model_call *c, size_t table)
{
    size_t bias = stack_bias(&t->stack);
    return (struct bag_layer){.bags = &t->options->bags,
                              .outputs = t->stack.width[0],
                              .embedding = c->tensor[table],
                              .w = c->tensor[t->stack.first],
                              .bias = bias ? c->tensor[bias] : NULL};
}

void tower_forward(const struct model_call *c, size_t first, float *scratch, float *logits)
{
    struct tower t = tower_plan(c->params, c->shape, first);
    struct tower_memory m = memory_of(&t, c, scratch);
    const float *top = m.x;
    if (t.stack.layers == 0) bags_forward(&t.options->bags, c, first, m.counts, m.x);
    else {
        struct bag_layer layer = first_layer(&t, c, first);
        bag_layer_forward(&layer, c, m.layer, stack_input(&t.stack, c, m.stack));
        top = stack_forward_rest(&t.stack, c, m.stack);
    }
    logit_layer(c->batch->rows, stack_outputs(&t.stack), top, c->tensor[t.head], logits);
}

void tower_backward(const struct model_call *c, size_t first, float *scratch, const float *delta, float *const grad[TENSORS_MAX])
{
    struct tower t = tower_plan(c->params, c->shape, first);
    struct tower_memory m = memory_of(&t, c, scratch);
    const float *top = stack_top(&t.stack, c, m.x, m.stack);
    logit_layer_back(c->batch->rows, stack_outputs(&t.stack), top, c->tensor[t.head], delta, grad[t.head], m.top);
    if (t.stack.layers == 0) {
        bags_backward(&t.options->bags, c, m.top, m.counts, grad[first]);
        return;
    }
    struct bag_layer layer = first_layer(&t, c, first);
    size_t bias = stack_bias(&t.stack);
    const float *dy = stack_backward_rest(&t.stack, c, m.stack, m.top, grad);
    bag_layer_backward(&layer, c, m.layer, dy, grad[t.stack.first], bias ? grad[bias] : NULL, grad[first]);
}
