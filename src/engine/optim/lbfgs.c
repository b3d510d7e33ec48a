/* Limited-memory BFGS: not a rule for a step over a batch but a method over the whole training side, which is a strategy of its own (train/lbfgs.c).
 * Here are its name, its options and what it remembers: the last `history` moves s and changes of the gradient y, so that a checkpoint holds them and
 * a resume goes on as if nothing had happened. */
#include "engine/optim/lbfgs.h"

static const struct option lbfgs_options[] = {
    {"history", OPT_INT, offsetof(struct lbfgs_params, history), LBFGS_HISTORY_MAX, 1, LBFGS_HISTORY_MAX,
     "moves that the curvature is told from; each takes two floats a weight", NULL, 0, NULL},
    {"tolerance", OPT_REAL, offsetof(struct lbfgs_params, tolerance), 1e-6, 0, 1,
     "training ends where the norm of the gradient is at most this times the norm of the weights, or times 1 if that is smaller", NULL, 0, NULL},
    {0}};

static size_t lbfgs_states(const void *params) { return 2 * (size_t)((const struct lbfgs_params *)params)->history; }

#define PAIR(i) \
    {"s" #i, STATE_WEIGHT}, { "y" #i, STATE_WEIGHT }
const struct optimizer optimizer_lbfgs = {
    .kind = {"lbfgs", "the optimum of a convex problem, by full passes: each epoch is an iteration; for models that are linear in their weights",
             "Liu and Nocedal 1989, On the limited memory BFGS method; Agarwal et al. 2014, A reliable effective terascale linear learning system",
             sizeof(struct lbfgs_params), lbfgs_options},
    .state = {PAIR(0), PAIR(1), PAIR(2), PAIR(3), PAIR(4), PAIR(5), PAIR(6), PAIR(7), PAIR(8), PAIR(9)},
    .states = lbfgs_states,
    .workspace = 6, /* four vectors, and sums in double */
    .whole = true};
