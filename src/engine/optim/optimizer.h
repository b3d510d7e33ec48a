/* An optimiser: an update of weights from their mean gradient, with up to STATES_MAX states beside them. One file each, one row in optimizers[].
 * Only rows with a gradient are touched (algorithms.md §4, "lazy" semantics); duplicates were merged before.
 *
 * Some look at a whole tensor before any of it moves (lamb's norms, adafactor's columns). They measure first: each slice of the tensor is given to
 * measure(), which adds to sums of its own; the slices' sums are folded by a canonical tree, and conclude(), called once, says what the next pass
 * needs to know. Slices follow from the sizes alone, so whoever worked leaves no trace.
 *
 *   measure(0) on all slices -> conclude(0) -> ... -> measure(n-1) -> conclude(n-1) -> update on all slices */
#ifndef TRAINYARD_ENGINE_OPTIM_OPTIMIZER_H
#define TRAINYARD_ENGINE_OPTIM_OPTIMIZER_H

#include "base/kind.h"
#include "engine/core/params.h"
#include "engine/optim/rows.h"
#include "engine/optim/schedule.h"

enum { OPTIM_FOUND = 2 };

struct learn_rows;

struct optim_step {           /* what is the same for every coordinate of a tensor in a step */
    uint64_t t;               /* 1 for the first step */
    size_t rows;              /* of the batch */
    bool decays;              /* penalties hold for this tensor: so does a decay of weights */
    float found[OPTIM_FOUND]; /* conclude's, for the passes after it */
};

struct optimizer {
    struct kind kind;                                           /* first; its params start with struct optim_common */
    struct state_desc state[STATES_MAX];                        /* ends before the first without a name */
    size_t (*states)(const void *params);                       /* how many of them are kept; NULL: all */
    unsigned workspace;                                         /* floats a weight that training needs besides, in no checkpoint */
    bool whole;                                                 /* learns from the whole training side at once: a strategy's work (lbfgs.h) */
    void (*initial)(const void *params, float out[STATES_MAX]); /* state of a row that never had a gradient; NULL: zeros */
    bool owns_weights;                                          /* weights are a function of state alone: what else moves them would be forgotten */
    const char *features_only;                                  /* why it is not for dense layers; NULL: it is for all weights */
    unsigned measures;                                          /* passes before the update */
    bool by_features;                                           /* they see no gradient but, of tables alone, the features' values */
    size_t sums;                                                /* how many a slice has; sums_by_column: and one a column of its tensor */
    bool sums_by_column;
    /* measure: may move state, not weights; adds to sums, which start as zeros. by_features: rows->g is (count, 2): of the features that a row has in
     * the batch the greatest |x|, and the sum of (x / that)^2; rows->w is NULL. */
    void (*measure)(const void *params, const struct optim_step *step, unsigned pass, const struct update_rows *rows, double *sums);
    /* conclude: from the folded sums to step->found, and to states that are not a row's. */
    void (*conclude)(const void *params, struct optim_step *step, unsigned pass, const double *sums, float *const *state, size_t width);
    void (*update)(const void *params, const struct optim_step *step, const struct update_rows *rows);
    /* learn: row by row (learn.h), for tables of width 1; its states are all of STATE_WEIGHT, at most two. NULL: it cannot. */
    void (*learn)(const void *params, const struct learn_rows *rows);
};

struct optim_common { /* what whoever calls an optimiser reads of its options */
    double lr;
    struct schedule schedule;
    double group_lasso, clip_row;
};
#define OPTIM_COMMON_OPTIONS(type, lr_default) \
    {"lr", OPT_REAL, offsetof(type, common.lr), (lr_default), 0, 1e6, "learning rate (alpha for ftrl)", NULL, OPTION_ABOVE_MIN, NULL}, \
        SCHEDULE_OPTIONS(type, common.schedule), \
        {"group_lasso", \
         OPT_REAL, \
         offsetof(type, common.group_lasso), \
         0, \
         0, \
         1e6, \
         .help = "after each step a touched row of a table shrinks by lr times this times the root of its width, to exact zeros"}, \
    { \
        "clip_row", OPT_REAL, offsetof(type, common.clip_row), 0, 0, 1e6, .help = "greatest norm of a row's mean gradient; 0: none" \
    }

/* optim_rate: eta at step t (from 1) of `planned`. */
static inline double optim_rate(const void *params, uint64_t t, uint64_t planned)
{
    const struct optim_common *c = params;
    return c->lr * schedule_factor(&c->schedule, t, planned);
}

struct optim_use { /* a chosen optimiser */
    const struct optimizer *optimizer;
    const void *params;
};

static inline size_t optimizer_sums(const struct optimizer *o, size_t width) { return o->sums + (o->sums_by_column ? width : 0); }

/* optimizer_states: what params_init() is to keep beside the weights that o learns. */
struct param_states optimizer_states(const struct optimizer *o, const void *params);

extern const struct optimizer *const optimizers[]; /* NULL-terminated */
extern const struct optimizer optimizer_adafactor, optimizer_adagrad, optimizer_adam, optimizer_adamw, optimizer_ftrl, optimizer_lamb,
    optimizer_lbfgs, optimizer_momentum, optimizer_nag, optimizer_nesterov, optimizer_rmsprop, optimizer_rowwise_adagrad, optimizer_sgd;

#endif
