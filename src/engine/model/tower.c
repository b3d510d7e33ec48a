#include "engine/model/tower.h"

#include <math.h>

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

size_t tower_scratch(const void *params, struct model_shape shape, size_t rows)
{
    struct tower t = tower_plan(params, shape, 0);
    return rows * (2 * t.width + stack_outputs(&t.stack)) + shape.fields + stack_scratch(&t.stack, rows);
}

struct tower_memory {
    float *x, *dx, *top, *counts, *stack;
};

static struct tower_memory memory_of(const struct tower *t, const struct model_call *c, float *scratch)
{
    size_t rows = c->batch->rows;
    struct tower_memory m = {.x = scratch, .dx = scratch + rows * t->width};
    m.top = m.dx + rows * t->width;
    m.counts = m.top + rows * stack_outputs(&t->stack);
    m.stack = m.counts + c->shape.fields;
    return m;
}

void tower_forward(const struct model_call *c, size_t first, float *scratch, float *logits)
{
    struct tower t = tower_plan(c->params, c->shape, first);
    struct tower_memory m = memory_of(&t, c, scratch);
    bags_forward(&t.options->bags, c, first, m.counts, m.x);
    const float *top = stack_forward(&t.stack, c, m.x, m.stack);
    logit_layer(c->batch->rows, stack_outputs(&t.stack), top, c->tensor[t.head], logits);
}

void tower_backward(const struct model_call *c, size_t first, float *scratch, const float *delta, float *const grad[TENSORS_MAX])
{
    struct tower t = tower_plan(c->params, c->shape, first);
    struct tower_memory m = memory_of(&t, c, scratch);
    const float *top = stack_top(&t.stack, c, m.x, m.stack);
    logit_layer_back(c->batch->rows, stack_outputs(&t.stack), top, c->tensor[t.head], delta, grad[t.head], m.top);
    stack_backward(&t.stack, c, m.x, m.stack, m.top, grad, m.dx);
    bags_backward(&t.options->bags, c, m.dx, m.counts, grad[first]);
}
