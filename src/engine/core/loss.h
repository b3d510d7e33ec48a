/* Losses: what a label means. A loss says which labels there may be, what a row's outputs z cost against its label and how that changes with them,
 * and what they predict. One file a loss, one row in losses[]; training, evaluation, prediction and parsing ask here and know no loss by name.
 *
 * A model has one output a row but where the labels are classes, which take one each: arrays of outputs are (rows, outputs). Training sums in
 * float kernels of our own, so that neither libm nor the vector width changes a bit; judging is in double. */
#ifndef TRAINYARD_ENGINE_CORE_LOSS_H
#define TRAINYARD_ENGINE_CORE_LOSS_H

#include "base/kind.h"
#include "engine/core/label.h"
#include "engine/core/opinion.h"

struct loss {
    struct kind kind;        /* first */
    enum label_range labels; /* LABELS_CLASS: an output a class; else one a row */
    const char *metric;      /* of early stopping, where none is named: a row of eval's metrics[] */
    /* sum: of w L(z, y) over n rows; w NULL: all 1. Terms are added in double, in a fixed order. A z that is not finite gives a sum that is not. */
    double (*sum)(const float *z, const float *y, const float *w, size_t n, size_t outputs);
    /* delta: (n, outputs): dL/dz of each row, unweighted. */
    void (*delta)(const float *z, const float *y, float *delta, size_t n, size_t outputs);
    /* row: L of one row, for judging. predict: its prediction (outputs): the mean of the label, or the chance of each class. */
    double (*row)(const float *z, float y, size_t outputs);
    void (*predict)(const float *z, double *prediction, size_t outputs);
    /* pool, pooled: the mean of several models' predictions of one row, as outputs; pools (outputs). */
    void (*pool)(struct opinion *pools, const float *z, size_t outputs);
    void (*pooled)(const struct opinion *pools, float *z, size_t outputs);
};

extern const struct loss *const losses[]; /* NULL-terminated: auto, logistic, squared, poisson, softmax */
/* loss_auto: no loss but the wish for the model's own (model.h's model_loss). */
extern const struct loss loss_auto, loss_logistic, loss_squared, loss_poisson, loss_softmax;

/* loss_lanes: the sum of w term in double: row i goes to lane i mod 16, lanes fold by halves. For sum() of the losses without kernels. */
struct loss_lanes { /* zeroed: nothing yet */
    double lane[16];
};
static inline void loss_lanes_add(struct loss_lanes *l, size_t i, const float *w, double term) { l->lane[i % 16] += w ? (double)w[i] * term : term; }
double loss_lanes_sum(struct loss_lanes *l);

#endif
