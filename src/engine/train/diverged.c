#include "engine/train/diverged.h"

#include <inttypes.h>
#include <math.h>

#include "engine/train/evaluate.h"

/* The mean loss of a score of 0 for every row. Of bits and classes it is the same for all labels. */
static double blank_loss(const struct fold *fold, enum split_side side)
{
    static const float zeros[LABEL_CLASSES_MAX];
    const struct loss *loss = fold->job->model.loss;
    if (loss->labels == LABELS_BINARY || loss->labels == LABELS_CLASS) return loss->row(zeros, 0, model_outputs(&fold->job->model));
    return fmax(fmax(fold->sides.blank[SIDE_TRAIN], fold->sides.blank[side]), DIVERGED_FLOOR);
}

int diverged_check(const struct fold *fold, enum split_side side, const struct evaluation *e, struct error *err)
{
    static const char cure[] = "lower optimizer.lr, set train.clip_norm, or look for outliers in the data";
    double loss = e->labels == LABELS_BINARY ? evaluation_measure(e, "logloss")->value : e->loss, blank = blank_loss(fold, side);
    char bad[BAD_SCORES_SIZE];
    if (e->bad_scores > 0)
        return error_set(err, ERROR_DIVERGED, NULL, "the model of step %" PRIu64 " is of no use: on the %s side %s; %s", fold->cursor.step,
                         side_names[side], evaluation_bad_scores(e, bad), cure);
    if (loss > DIVERGED_FACTOR * blank)
        return error_set(err, ERROR_DIVERGED, NULL,
                         "the model of step %" PRIu64 " is of no use: its loss on the %s side is %.4g, above %g times the %.4g of one that has "
                         "learnt nothing; %s",
                         fold->cursor.step, side_names[side], loss, DIVERGED_FACTOR, blank, cure);
    return 0;
}
