#include "engine/train/vectors.h"

#include <string.h>

#include "base/mem.h"
#include "engine/train/update.h"

struct vector vector_weights(const struct params *p)
{
    struct vector v = {{0}};
    for (size_t t = 0; t < p->count; t++) v.data[t] = p->tensor[t].w;
    return v;
}

struct vector vector_state(const struct params *p, size_t k)
{
    struct vector v = {{0}};
    for (size_t t = 0; t < p->count; t++) v.data[t] = p->tensor[t].state[k];
    return v;
}

int vector_new(struct vector *v, const struct params *p, struct error *err)
{
    *v = (struct vector){{0}};
    for (size_t t = 0; t < p->count; t++)
        if (!(v->data[t] = mem_huge((size_t)param_rows(p, &p->tensor[t]), p->tensor[t].desc.width * sizeof(float), err))) return -ERROR_NOMEM;
    return 0;
}

void vector_free(struct vector *v, const struct params *p)
{
    for (size_t t = 0; t < p->count; t++) mem_huge_free(v->data[t], (size_t)param_rows(p, &p->tensor[t]), p->tensor[t].desc.width * sizeof(float));
    *v = (struct vector){{0}};
}

static bool lives(const struct span *s) { return !s->p->tensor[s->t].desc.table || params_live(s->p, (uint32_t)s->row); }

/* The rows of slice q in tensor s->t. */
static void span_tensor(struct span *s)
{
    const struct param *tensor = &s->p->tensor[s->t];
    uint64_t rows = param_rows(s->p, tensor);
    s->row = (uint64_t)s->q << tensor->slice_bits;
    s->end = (uint64_t)(s->q + 1) << tensor->slice_bits;
    if (s->end > rows) s->end = rows;
    if (s->row > s->end || !param_learns(&tensor->desc)) s->row = s->end;
}

/* Over sleeping rows, whole words of them at a time. */
static void span_skip(struct span *s)
{
    bool table = s->p->tensor[s->t].desc.table;
    while (s->row < s->end && !lives(s)) s->row += table && s->row % 64 == 0 && s->p->live[s->row >> 6] == 0 ? 64 : 1;
}

void span_next(struct span *s)
{
    for (span_skip(s); s->row >= s->end; span_skip(s)) {
        if (++s->t >= s->p->count) {
            s->from = s->to = 0;
            return;
        }
        span_tensor(s);
    }
    size_t width = s->p->tensor[s->t].desc.width;
    s->from = (size_t)s->row * width;
    while (s->row < s->end && lives(s)) s->row++;
    s->to = (size_t)s->row * width;
}

struct span span_first(const struct params *p, uint32_t q)
{
    struct span s = {.p = p, .q = q};
    span_tensor(&s);
    span_next(&s);
    return s;
}

int vector_run(struct vector_run *run, const struct parallel *parallel, parallel_task task, struct error *err)
{
    memset(run->sums, 0, run->p->slices * sizeof *run->sums);
    int rc = parallel->run(parallel->impl, task, run, run->p->slices, err);
    sums_fold(run->sums[0], run->p->slices, VECTOR_SUMS);
    return rc;
}

struct arithmetic {
    struct vector_run run; /* first */
    const struct vector *a, *b, *out;
    double c;
};

static int dot_slice(void *context, unsigned q, struct error *err)
{
    const struct arithmetic *x = context;
    double total = 0;
    (void)err;
    EACH_SPAN(s, x->run.p, q)
    for (size_t i = s.from; i < s.to; i++) total += (double)x->a->data[s.t][i] * (double)x->b->data[s.t][i];
    x->run.sums[q][0] = total;
    return 0;
}

static int add_slice(void *context, unsigned q, struct error *err)
{
    const struct arithmetic *x = context;
    (void)err;
    EACH_SPAN(s, x->run.p, q)
    for (size_t i = s.from; i < s.to; i++) x->out->data[s.t][i] = (float)((double)x->a->data[s.t][i] + x->c * (double)x->b->data[s.t][i]);
    return 0;
}

static int scale_slice(void *context, unsigned q, struct error *err)
{
    const struct arithmetic *x = context;
    (void)err;
    EACH_SPAN(s, x->run.p, q)
    for (size_t i = s.from; i < s.to; i++) x->out->data[s.t][i] = (float)(x->c * (double)x->a->data[s.t][i]);
    return 0;
}

int vector_dot(const struct vector_space *in, const struct vector *a, const struct vector *b, double *out, struct error *err)
{
    struct arithmetic x = {.run = in->run, .a = a, .b = b};
    int rc = vector_run(&x.run, in->parallel, dot_slice, err);
    *out = in->run.sums[0][0];
    return rc;
}

int vector_add(const struct vector_space *in, const struct vector *out, const struct vector *a, double c, const struct vector *b, struct error *err)
{
    struct arithmetic x = {.run = in->run, .a = a, .b = b, .out = out, .c = c};
    return vector_run(&x.run, in->parallel, add_slice, err);
}

int vector_scale(const struct vector_space *in, const struct vector *out, double c, const struct vector *a, struct error *err)
{
    struct arithmetic x = {.run = in->run, .a = a, .out = out, .c = c};
    return vector_run(&x.run, in->parallel, scale_slice, err);
}
