/* DLRM: vectors of D floats, one a field and one for all numeric fields, meet pairwise; a stack of hidden layers reads the dots.
 *
 *   numeric fields' values -> bottom layers -> vector 0 --+--> [vector 0, <v_i, v_j> for j < i] -> top layers -> logit
 *   other fields -> embedding bags -> vectors 1, 2, ... --+
 *
 * `numeric_fields` says how many of the first fields are numbers, read by their values: columns of a table that its schema calls numeric or
 * normalised. (Format criteo makes categories of its integers, whose values are all 1: with those there is no number to read, and the run refuses.)
 * With none of them there is no bottom and no vector 0. */
#include <inttypes.h>
#include <string.h>

#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/model/bags.h"
#include "engine/model/linear.h"
#include "engine/model/stack.h"

enum { DLRM_BIAS, DLRM_EMBEDDING, DLRM_BOTTOM, PAIRS_MAX = 1 << 16 };

struct dlrm_params {
    struct bags_options bags;
    int64_t numeric_fields;
    struct option_ints bottom;
    struct stack_options stack;
};

static const struct option dlrm_options[] = {
    BAGS_OPTIONS(dlrm_params, bags),
    {"numeric_fields", OPT_INT, offsetof(struct dlrm_params, numeric_fields), 0, 0, FIELD_MAX,
     "fields 0 .. N-1 are numbers (columns numeric or normalised in dataset.schema) and go to the bottom layers by their values; 0: every field has "
     "embeddings",
     NULL, 0, NULL},
    {"bottom", OPT_INTS, offsetof(struct dlrm_params, bottom), 0, 1, 16384, "widths of the bottom's hidden layers, before the one of embedding_dim",
     NULL, 0, "[64]"},
    STACK_OPTIONS(dlrm_params, stack, "[400, 400]"),
    {0}};

KERNEL_DECLARE(void, dlrm_dots, (size_t rows, size_t vectors, size_t dim, size_t lead, const float *v, float *p));
KERNEL_DECLARE(void, dlrm_dots_back, (size_t rows, size_t vectors, size_t dim, size_t lead, const float *v, const float *dp, float *dv));

static void (*const dots_table[])(size_t, size_t, size_t, size_t, const float *, float *) = KERNEL_TABLE(dlrm_dots);
static void (*const back_table[])(size_t, size_t, size_t, size_t, const float *, const float *, float *) = KERNEL_TABLE(dlrm_dots_back);

struct dlrm { /* planned from options and shape */
    const struct dlrm_params *params;
    size_t dim, numeric, bags;    /* D; numeric fields; floats of the bags, of all fields */
    size_t vectors, lead, inputs; /* lead: floats of vector 0 that the top sees, D or 0; inputs: of the top */
    struct stack bottom, top;
    size_t head;
};

static struct dlrm dlrm_plan(const void *params, struct model_shape shape)
{
    const struct dlrm_params *p = params;
    struct dlrm d = {.params = p, .dim = (size_t)p->bags.dim, .numeric = (size_t)p->numeric_fields, .bags = bags_width(&p->bags, shape)};
    struct stack_options plain = {.hidden = p->bottom, .activation = p->stack.activation};
    d.lead = d.numeric > 0 ? d.dim : 0;
    d.vectors = shape.fields - d.numeric + (d.numeric > 0);
    d.inputs = d.lead + d.vectors * (d.vectors - 1) / 2;
    if (d.numeric > 0) {
        stack_plan(&d.bottom, &plain, d.numeric, DLRM_BOTTOM);
        d.bottom.width[d.bottom.layers++] = d.dim;
    }
    stack_plan(&d.top, &p->stack, d.inputs, DLRM_BOTTOM + stack_tensors(&d.bottom));
    d.head = d.top.first + stack_tensors(&d.top);
    return d;
}

static int dlrm_check(const void *params, struct model_shape shape, struct error *err)
{
    const struct dlrm_params *p = params;
    int rc = bags_check("dlrm", &p->bags, shape, err);
    if (rc < 0) return rc;
    if ((uint64_t)p->numeric_fields >= shape.fields)
        return error_set(err, ERROR_INVALID, "/model/numeric_fields", "must be below the data's number of fields, %" PRIu32 ", got %" PRId64,
                         shape.fields, p->numeric_fields);
    struct dlrm d = dlrm_plan(params, shape);
    if (d.vectors < 2)
        return error_set(err, ERROR_INVALID, "/model/kind", "dlrm works on pairs of fields, and the data has one; choose lr, or more columns");
    if (d.inputs - d.lead > PAIRS_MAX)
        return error_set(err, ERROR_INVALID, "/model/kind",
                         "%zu vectors make %zu pairs, and dlrm takes %d at most; choose deepfm, or fewer fields (at most 362)", d.vectors,
                         d.inputs - d.lead, PAIRS_MAX);
    return 0;
}

static size_t dlrm_numbers(const void *params) { return (size_t)((const struct dlrm_params *)params)->numeric_fields; }

static size_t dlrm_describe(const void *params, struct model_shape shape, struct param_desc *out)
{
    struct dlrm d = dlrm_plan(params, shape);
    out[DLRM_BIAS] = bias_describe();
    out[DLRM_EMBEDDING] = bags_describe(&d.params->bags);
    if (d.numeric > 0) stack_describe(&d.bottom, "bottom", out);
    stack_describe(&d.top, "deep", out);
    out[d.head] = head_describe("head", stack_outputs(&d.top));
    return d.head + 1;
}

struct dlrm_memory {
    float *x, *dx;                   /* (rows, bags) */
    float *numbers, *dnumbers;       /* (rows, numeric) */
    float *vectors, *dvectors;       /* (rows, vectors, dim); without numeric fields they are x and dx */
    float *inputs, *dinputs;         /* (rows, inputs) */
    float *top, *low, *counts;       /* (rows, outputs), (rows, dim), (fields) */
    float *bottom_stack, *top_stack; /* of the stacks */
};

static size_t dlrm_memory(const struct dlrm *d, uint32_t fields, size_t rows, float *at, struct dlrm_memory *m)
{
    size_t used = 0;
#define TAKE(pointer, floats) ((pointer) = at ? at + used : NULL, used += (floats))
    TAKE(m->x, rows * d->bags), TAKE(m->dx, rows * d->bags);
    TAKE(m->numbers, rows * d->numeric), TAKE(m->dnumbers, rows * d->numeric);
    m->vectors = m->x, m->dvectors = m->dx;
    if (d->numeric > 0) TAKE(m->vectors, rows * d->vectors * d->dim), TAKE(m->dvectors, rows * d->vectors * d->dim);
    TAKE(m->inputs, rows * d->inputs), TAKE(m->dinputs, rows * d->inputs);
    TAKE(m->top, rows * stack_outputs(&d->top)), TAKE(m->low, rows * d->dim), TAKE(m->counts, fields);
    TAKE(m->bottom_stack, d->numeric > 0 ? stack_scratch(&d->bottom, rows) : 0);
    TAKE(m->top_stack, stack_scratch(&d->top, rows));
#undef TAKE
    return used;
}

static size_t dlrm_scratch(const void *params, struct model_shape shape, struct model_size size)
{
    struct dlrm d = dlrm_plan(params, shape);
    struct dlrm_memory m;
    return dlrm_memory(&d, shape.fields, size.rows, NULL, &m);
}

/* numbers (rows, numeric): the sum of the values of each numeric field's features; none is 0. */
static void numbers_of(const struct model_call *c, size_t numeric, float *numbers)
{
    const struct batch *b = c->batch;
    memset(numbers, 0, b->rows * numeric * sizeof *numbers);
    for (size_t r = 0; r < b->rows; r++) {
        const uint16_t *field = batch_fields(b, r);
        size_t start = b->offsets[r];
        for (size_t i = start; field && i < b->offsets[r + 1]; i++)
            if (field[i - start] < numeric) numbers[r * numeric + field[i - start]] += b->values ? b->values[i] : 1;
    }
}

/* Vector 0 and the bags of the other fields, together. */
static void vectors_join(const struct dlrm *d, size_t rows, const float *low, const struct dlrm_memory *m)
{
    size_t rest = (d->vectors - 1) * d->dim;
    for (size_t r = 0; r < rows; r++) {
        float *to = m->vectors + r * (d->dim + rest);
        memcpy(to, low + r * d->dim, d->dim * sizeof *to);
        memcpy(to + d->dim, m->x + r * d->bags + d->numeric * d->dim, rest * sizeof *to);
    }
}

/* The reverse, of gradients; numeric fields' embeddings have none. */
static void vectors_part(const struct dlrm *d, size_t rows, const struct dlrm_memory *m)
{
    size_t rest = (d->vectors - 1) * d->dim;
    for (size_t r = 0; r < rows; r++) {
        const float *from = m->dvectors + r * (d->dim + rest);
        memcpy(m->low + r * d->dim, from, d->dim * sizeof *from);
        memset(m->dx + r * d->bags, 0, d->numeric * d->dim * sizeof *from);
        memcpy(m->dx + r * d->bags + d->numeric * d->dim, from + d->dim, rest * sizeof *from);
    }
}

static void dlrm_forward(const struct model_call *c, float *logits)
{
    struct dlrm d = dlrm_plan(c->params, c->shape);
    struct dlrm_memory m;
    size_t rows = c->batch->rows;
    dlrm_memory(&d, c->shape.fields, rows, c->scratch, &m);
    bias_forward(rows, c->tensor[DLRM_BIAS][0], logits);
    bags_forward(&d.params->bags, c, DLRM_EMBEDDING, m.counts, m.x);
    if (d.numeric > 0) {
        numbers_of(c, d.numeric, m.numbers);
        vectors_join(&d, rows, stack_forward(&d.bottom, c, m.numbers, m.bottom_stack), &m);
    }
    dots_table[cpu_level()](rows, d.vectors, d.dim, d.lead, m.vectors, m.inputs);
    const float *top = stack_forward(&d.top, c, m.inputs, m.top_stack);
    logit_layer(rows, stack_outputs(&d.top), top, c->tensor[d.head], logits);
}

static void dlrm_backward(const struct model_call *c, const float *delta, float *const grad[TENSORS_MAX])
{
    struct dlrm d = dlrm_plan(c->params, c->shape);
    struct dlrm_memory m;
    size_t rows = c->batch->rows;
    dlrm_memory(&d, c->shape.fields, rows, c->scratch, &m);
    bias_backward(rows, delta, grad[DLRM_BIAS]);
    const float *top = stack_top(&d.top, c, m.inputs, m.top_stack);
    logit_layer_back(rows, stack_outputs(&d.top), top, c->tensor[d.head], delta, grad[d.head], m.top);
    stack_backward(&d.top, c, m.inputs, m.top_stack, m.top, grad, m.dinputs);
    back_table[cpu_level()](rows, d.vectors, d.dim, d.lead, m.vectors, m.dinputs, m.dvectors);
    if (d.numeric > 0) {
        vectors_part(&d, rows, &m);
        stack_backward(&d.bottom, c, m.numbers, m.bottom_stack, m.low, grad, m.dnumbers);
    }
    bags_backward(&d.params->bags, c, m.dx, m.counts, grad[DLRM_EMBEDDING]);
}

const struct model model_dlrm = {.kind = {"dlrm", "DLRM: dots of all pairs of the fields' vectors, and hidden layers on them",
                                          "Naumov et al. 2019, Deep Learning Recommendation Model for Personalization and Recommendation Systems",
                                          sizeof(struct dlrm_params), dlrm_options},
                                 .wants_fields = true,
                                 .check = dlrm_check,
                                 .numbers = dlrm_numbers,
                                 .describe = dlrm_describe,
                                 .scratch = dlrm_scratch,
                                 .forward = dlrm_forward,
                                 .backward = dlrm_backward};
