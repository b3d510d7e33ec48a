/* The hidden model behind `data gen`: what a row looks like, and the true probability of a click.
 *
 * A row has 13 counts (log-logistic, so heavy-tailed like real counters) and 26 categories (bounded Zipf, from 4 to a million values), all
 * drawn independently, each missing with its own rate. The truth is a factorisation machine (Rendle 2010) over them:
 *
 *   logit = bias + sum_f w_f(v_f) + sum_{f<g} <u_f(v_f), u_g(v_g)>       u of DATAGEN_LATENT numbers
 *
 * and, on request, a third sum over triples of fields, sum_{f<g<h} sum_k t_fk(v_f) t_gk(v_g) t_hk(v_h) with DATAGEN_TRIPLE numbers t, between the
 * fields that have pairs and of a standard deviation that the caller names: what no model of pairs can learn.
 *
 * So a linear model can learn the first sum only. The sums are scaled to fixed standard deviations, and their parts are centred a field, so
 * that every seed gives about the same optimum and the pairs say nothing to a linear model. A count acts through the bucket that the criteo
 * format puts it in (floor(ln(x)^2) above 2), a category through its rank: effects shrink to nothing at rank DATAGEN_HEAD, because what
 * a model has seen three times cannot be learned, and a yardstick must be reachable. A missing value has no effect.
 *
 * Everything is a function of (seed, row); a model is read-only once made, so threads share it. */
#ifndef TRAINYARD_CLI_DATAGEN_MODEL_H
#define TRAINYARD_CLI_DATAGEN_MODEL_H

#include <stdint.h>

#include "base/error.h"

enum {
    DATAGEN_COUNTS = 13,
    DATAGEN_CATEGORIES = 26,
    DATAGEN_FIELDS = DATAGEN_COUNTS + DATAGEN_CATEGORIES,
    DATAGEN_LATENT = 3,
    DATAGEN_TRIPLE = 2,
    DATAGEN_HEAD = 64, /* values of a field that have an effect, at most */
    DATAGEN_MISSING = INT32_MIN,
};

struct datagen_row {
    int32_t counts[DATAGEN_COUNTS];     /* DATAGEN_MISSING: empty */
    uint32_t ranks[DATAGEN_CATEGORIES]; /* 1 = most frequent; 0: empty */
    double logit, probability;          /* the truth */
    double linear, pairs;               /* what of the logit its linear terms are, and those of pairs */
    int label;                          /* 0 or 1, drawn with that probability */
};

struct datagen_model;
/* datagen_model_new: NULL: ERROR_NOMEM. third_sd >= 0: standard deviation of the third-order sum; 0: none. The fields of a row do not
 * depend on it. */
struct datagen_model *datagen_model_new(uint64_t seed, double third_sd, struct error *err);
void datagen_model_free(struct datagen_model *model); /* NULL is fine */

void datagen_model_row(const struct datagen_model *model, uint64_t row, struct datagen_row *out);

/* datagen_token: the category's 32 bits; no two ranks of a field share one. */
uint32_t datagen_token(const struct datagen_model *model, unsigned category, uint32_t rank);

#endif
