/* An optimiser: a per-coordinate update with up to STATES_MAX state values beside each weight. One file each, one row in optimizers[].
 * Only rows with a gradient are touched (algorithms.md §4, "lazy" semantics); duplicates were merged before. */
#ifndef TRAINYARD_ENGINE_OPTIM_OPTIMIZER_H
#define TRAINYARD_ENGINE_OPTIM_OPTIMIZER_H

#include "base/kind.h"
#include "engine/core/params.h"

struct optim_step { /* what is the same for every coordinate of a step */
    uint64_t t;     /* 1 for the first step */
    float lr;       /* eta_t */
    float l1, l2;   /* penalty added to the mean gradient: + l1 sign(w) + l2 w; 0 for tensors without penalty */
};

struct optimizer {
    struct kind kind; /* first; its params start with struct optim_common */
    size_t states;
    const char *state_names[STATES_MAX];                        /* suffix in the checkpoint: "n", "m", "v", "z" */
    void (*initial)(const void *params, float out[STATES_MAX]); /* state of a row that never had a gradient; NULL: zeros */
    /* update: rows ids[0..count) (ids NULL: 0 .. count-1) of w and state, each `width` wide; g (count, width) is the mean gradient. */
    void (*update)(const void *params, const struct optim_step *step, float *w, float *const *state, const uint32_t *ids, size_t count, size_t width,
                   const float *g);
};

struct optim_common {
    double lr;
};
#define OPTIM_COMMON_OPTIONS(type, lr_default) \
    { \
        "lr", OPT_REAL, offsetof(type, common.lr), (lr_default), 0, 1e6, "learning rate (alpha for ftrl)", NULL, OPTION_ABOVE_MIN, NULL \
    }

/* optim_lr: eta at step t (from 1). Constant for now; a schedule is a function of t alone. */
double optim_lr(const struct optimizer *o, const void *params, uint64_t t);

extern const struct optimizer *const optimizers[]; /* NULL-terminated: sgd, adagrad, ftrl, adam */
extern const struct optimizer optimizer_sgd, optimizer_adagrad, optimizer_ftrl, optimizer_adam;

#endif
