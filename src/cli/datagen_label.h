/* `data gen --labels`: other labels than clicks, drawn from the same hidden model, so that their best possible figures are known, too. */
#ifndef TRAINYARD_CLI_DATAGEN_LABEL_H
#define TRAINYARD_CLI_DATAGEN_LABEL_H

#include "cli/datagen_model.h"
#include "engine/core/loss.h"

enum { DATAGEN_CLASSES_MAX = 16, DATAGEN_LABEL_SIZE = 24 };

struct datagen_labels {
    const struct loss *loss; /* what the labels are for */
    size_t outputs;          /* true ones of a row */
};

/* datagen_labels_read: "binary", "real", "count" or "class:C". ERROR_USAGE says so. */
int datagen_labels_read(struct datagen_labels *out, const char *text, struct error *err);

/* datagen_label: the row's true outputs (outputs), and its label as text, of which *label is the number. Labels that are clicks are the row's own; of
 * others a real label is the hidden logit with noise of deviation 1, a count is Poisson of mean e^(logit / 3), a class is drawn by softmax from the
 * logit times -1 .. 1. A pure function of (seed, row). Returns the text's size, no NUL. */
size_t datagen_label(const struct datagen_labels *labels, uint64_t seed, uint64_t number, const struct datagen_row *row, float *outputs, float *label,
                     char text[DATAGEN_LABEL_SIZE]);

#endif
