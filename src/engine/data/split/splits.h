/* Inside the data room: the splits that splits.c puts into its table, and what several of them share. */
#ifndef TRAINYARD_ENGINE_DATA_SPLITS_H
#define TRAINYARD_ENGINE_DATA_SPLITS_H

#include "base/rng.h"
#include "engine/data/split/split.h"

extern const struct split split_none, split_holdout, split_stratified, split_kfold, split_group, split_time, split_sequential, split_round_robin,
    split_predefined;

/* split_unit: the uniform number by which a random split judges a row or a group. */
static inline double split_unit(int64_t seed, uint64_t key) { return rng_unit_of((uint64_t)seed, RNG_SPLIT, key); }

/* A share for the test side, a share for validation, the rest trains: params and options of the kinds that are asked for no more. */
struct split_shares {
    double test_fraction, validation_fraction;
    int64_t seed;
};
#define SPLIT_SHARE_OPTIONS(what) \
    {"test_fraction", \
     OPT_REAL, \
     offsetof(struct split_shares, test_fraction), \
     0.1, \
     0, \
     1, \
     "share of " what " kept for the test side", \
     NULL, \
     OPTION_BELOW_MAX | OPTION_SHARE, \
     NULL}, \
        {"validation_fraction", \
         OPT_REAL, \
         offsetof(struct split_shares, validation_fraction), \
         0, \
         0, \
         1, \
         "share of " what " kept for validation (curves, early stopping)", \
         NULL, \
         OPTION_BELOW_MAX | OPTION_SHARE, \
         NULL}, \
    { \
        "seed", OPT_INT, offsetof(struct split_shares, seed), 7, 0, 0x1p53, "of the choice of " what, NULL, 0, NULL \
    }

/* split_share_gives: `gives` of a kind whose params begin with struct split_shares. */
static inline unsigned split_share_gives(const void *params)
{
    return ((const struct split_shares *)params)->validation_fraction > 0 ? SPLIT_VALIDATES : 0;
}

/* split_share_side: by the key's unit, which does not depend on the shares: a larger test side contains a smaller one. */
static inline enum split_side split_share_side(const struct split_shares *p, uint64_t key)
{
    double u = split_unit(p->seed, key);
    return u < p->test_fraction ? SIDE_TEST : u < p->test_fraction + p->validation_fraction ? SIDE_VALIDATION : SIDE_TRAIN;
}

#endif
