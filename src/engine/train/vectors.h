/* Vectors as long as a model has learnt weights that live, for strategies that look at all of them at once: in slices by the team, sums in double by
 * a canonical tree over slices, which follow from the sizes of the tensors alone. So the bits do not depend on who worked. */
#ifndef TRAINYARD_ENGINE_TRAIN_VECTORS_H
#define TRAINYARD_ENGINE_TRAIN_VECTORS_H

#include "base/parallel.h"
#include "engine/core/params.h"

struct vector { /* by tensor, rows as the tensor has them */
    float *data[TENSORS_MAX];
};

/* The weights of p, and their state k (of shape STATE_WEIGHT). */
struct vector vector_weights(const struct params *p);
struct vector vector_state(const struct params *p, size_t k);

/* vector_new: zeros; vector_free() it. ERROR_NOMEM. */
int vector_new(struct vector *v, const struct params *p, struct error *err);
void vector_free(struct vector *v, const struct params *p); /* safe on a zeroed struct */

/* What follows is of elements from .. to - 1 of tensor t, one run of neighbours in a slice after another. */
struct span {
    size_t t, from, to;
    /* private */
    const struct params *p;
    uint64_t row, end;
    uint32_t q;
};
struct span span_first(const struct params *p, uint32_t q); /* .from == .to: none */
void span_next(struct span *s);

#define EACH_SPAN(s, p, q) for (struct span s = span_first(p, q); s.from < s.to; span_next(&s))

enum { VECTOR_SUMS = 3 };
struct vector_run { /* first in what a task of yours gets */
    const struct params *p;
    double (*sums)[VECTOR_SUMS]; /* (slices): add to your slice's; folded into [0] */
};
/* vector_run: task(run, q) for each slice q; run->sums starts as zeros. */
int vector_run(struct vector_run *run, const struct parallel *parallel, parallel_task task, struct error *err);

struct vector_space { /* where the vectors are of, and who works on them */
    struct vector_run run;
    const struct parallel *parallel;
};
/* vector_dot: *out = a . b, in double. vector_add: out = a + c b; out may be either. vector_scale: out = c a; out may be a. Each element is computed
 * in double and rounded once. */
int vector_dot(const struct vector_space *in, const struct vector *a, const struct vector *b, double *out, struct error *err);
int vector_add(const struct vector_space *in, const struct vector *out, const struct vector *a, double c, const struct vector *b, struct error *err);
int vector_scale(const struct vector_space *in, const struct vector *out, double c, const struct vector *a, struct error *err);

#endif
