#include "engine/train/learner.h"

#include <string.h>

#include "base/mem.h"
#include "engine/optim/learn.h"
#include "engine/train/groups.h"

enum { BIAS, LINEAR, WORD = 64 }; /* the tensors of a model of the first order (model.h) */

struct learner {
    struct fold *fold;
    size_t slots, stride;
    float *table; /* (slots, stride): a weight, then its states */
    float bias[LEARN_STRIDE_MAX], initial[LEARN_STRIDE_MAX];
};

uint64_t learner_bytes(uint32_t hash_bits, size_t states) { return (learn_stride(states) * sizeof(float)) << hash_bits; }

static struct param *tensor_of(struct learner *l, size_t t) { return &l->fold->params.tensor[t]; }

static size_t row_bytes(struct learner *l) { return (1 + tensor_of(l, LINEAR)->states.count) * sizeof(float); }

/* Slot `slot` of the tensor as a row: its weight and states. */
static void row_load(const struct param *p, size_t slot, float *row)
{
    row[0] = p->w[slot];
    for (size_t k = 0; k < p->states.count; k++) row[1 + k] = p->state[k][slot];
}

static void row_store(struct param *p, size_t slot, const float *row)
{
    p->w[slot] = row[0];
    for (size_t k = 0; k < p->states.count; k++) p->state[k][slot] = row[1 + k];
}

static bool is_live(const struct params *p, size_t slot) { return p->live[slot / WORD] >> (slot % WORD) & 1; }

struct slots {
    size_t from, to;
};

static struct slots slice_slots(const struct learner *l, unsigned q)
{
    uint32_t slices = l->fold->params.slices;
    return (struct slots){l->slots * q / slices, l->slots * (q + 1) / slices};
}

static int load_slice(void *context, unsigned q, struct error *err)
{
    struct learner *l = context;
    struct slots range = slice_slots(l, q);
    (void)err;
    for (size_t s = range.from; s < range.to; s++) {
        float *row = l->table + s * l->stride;
        if (is_live(&l->fold->params, s)) row_load(tensor_of(l, LINEAR), s, row);
        else memcpy(row, l->initial, l->stride * sizeof *row);
    }
    return 0;
}

/* Floats are compared by their bits: what has moved at all, and NaN. */
static int settle_slice(void *context, unsigned q, struct error *err)
{
    struct learner *l = context;
    struct params *p = &l->fold->params;
    struct slots range = slice_slots(l, q);
    const size_t bytes = row_bytes(l);
    (void)err;
    for (size_t word = range.from; word < range.to; word += WORD) {
        uint32_t moved[WORD];
        size_t count = 0, end = word + WORD < range.to ? word + WORD : range.to;
        for (size_t s = word; s < end; s++) {
            float was[LEARN_STRIDE_MAX] = {0};
            if (is_live(p, s)) row_load(tensor_of(l, LINEAR), s, was);
            else memcpy(was, l->initial, bytes);
            if (memcmp(l->table + s * l->stride, was, bytes) != 0) moved[count++] = (uint32_t)s;
        }
        params_wake(p, moved, count);
        for (size_t i = 0; i < count; i++) row_store(tensor_of(l, LINEAR), moved[i], l->table + moved[i] * l->stride);
    }
    return 0;
}

static int by_slices(struct learner *l, parallel_task task, struct error *err)
{
    const struct parallel *parallel = &l->fold->job->team.parallel;
    return parallel->run(parallel->impl, task, l, l->fold->params.slices, err);
}

struct learner *learner_new(struct fold *fold, struct error *err)
{
    struct learner *l = mem_zero(sizeof *l, err);
    if (!l) return NULL;
    l->fold = fold;
    const struct param *linear = tensor_of(l, LINEAR);
    l->slots = (size_t)fold->params.slots;
    l->stride = learn_stride(linear->states.count);
    param_initial(&fold->params, LINEAR, 0, l->initial); /* of width 1, and the same for every row */
    memcpy(l->initial + 1, linear->states.initial, linear->states.count * sizeof(float));
    row_load(tensor_of(l, BIAS), 0, l->bias);
    l->table = mem_huge(l->slots, l->stride * sizeof(float), err);
    if (l->table && by_slices(l, load_slice, err) == 0) return l;
    learner_free(l);
    return NULL;
}

void learner_free(struct learner *l)
{
    if (!l) return;
    if (l->table) mem_huge_free(l->table, l->slots, l->stride * sizeof(float));
    mem_free(l);
}

void learner_learn(struct learner *l, const struct batch *batch, size_t from, size_t to, const float *weights, uint64_t step, float *logits)
{
    const struct job *job = l->fold->job;
    const struct optim_use *use = &job->optim[GROUP_WIDE];
    const struct spec_penalty *penalty = optim_penalty(&job->spec, GROUP_WIDE);
    const float l1 = (float)penalty->l1, l2 = (float)penalty->l2;
    const struct learn_rows rows = {.rows = to - from,
                                    .offsets = batch->offsets + from,
                                    .keys = batch->keys,
                                    .values = batch->values,
                                    .labels = batch->labels + from,
                                    .weights = weights,
                                    .rows_there = batch->rows - from,
                                    .shift = 32 - l->fold->params.hash_bits,
                                    .table = l->table,
                                    .bias = l->bias,
                                    .delta = job->model.loss == &loss_logistic ? NULL : job->model.loss->delta,
                                    .smoothing = (float)job->spec.train.label_smoothing,
                                    .lr = (float)fold_rate(l->fold, GROUP_WIDE, step),
                                    .l1 = l1,
                                    .l2 = l2,
                                    .bias_l1 = penalty->bias ? l1 : 0,
                                    .bias_l2 = penalty->bias ? l2 : 0,
                                    .logits = logits};
    use->optimizer->learn(use->params, &rows);
}

int learner_settle(struct learner *l, struct error *err)
{
    row_store(tensor_of(l, BIAS), 0, l->bias);
    return by_slices(l, settle_slice, err);
}
