/* K-fold cross-validation: each row is in one of K folds; model f trains on the other folds and is tested on fold f, so that every row tests once.
 *
 * By row or by group the fold is floor(K u) of the key's uniform number u (splits.h); by label the rows of each class are dealt out by their rank
 * (strata.h), so that folds have the same size and label rate to within a row. Before that, test_fraction of the rows is held back from all folds:
 * unseen rows on which the models can be judged together; and within each fold a validation_fraction of rows validates while the fold trains.
 * Whether a row would validate does not depend on the fold that tests. By group the choice does not depend on the order of the files. */
#include "engine/data/split/splits.h"
#include "engine/data/split/strata.h"

enum kfold_by { BY_ROW, BY_GROUP, BY_LABEL };
static const char *const by_names[] = {"row", "group", "label", NULL};

enum { FOLDS_MAX = 64 };

struct kfold_params {
    int64_t k, seed;
    double validation_fraction, test_fraction;
    int by;
};

static const struct option kfold_options[] = {
    {"k", OPT_INT, offsetof(struct kfold_params, k), 5, 2, FOLDS_MAX, "folds: so many models are trained and evaluated", NULL, 0, NULL},
    {"by", OPT_NAME, offsetof(struct kfold_params, by), BY_ROW, 0, 0,
     "what is dealt out to the folds: rows, whole groups (dataset.group), or the rows of each label, so that all folds have the same label rate",
     by_names, 0, NULL},
    {"validation_fraction", OPT_REAL, offsetof(struct kfold_params, validation_fraction), 0, 0, 1,
     "share of the training folds' rows kept for validation (curves, early stopping)", NULL, OPTION_BELOW_MAX, NULL},
    {"test_fraction", OPT_REAL, offsetof(struct kfold_params, test_fraction), 0, 0, 1,
     "share of all rows held back from every fold, on which the folds' models are judged together", NULL, OPTION_BELOW_MAX, NULL},
    {"seed", OPT_INT, offsetof(struct kfold_params, seed), 7, 0, 0x1p53, "of the choice of rows", NULL, 0, NULL},
    {0},
};

static unsigned kfold_folds(const void *params) { return (unsigned)((const struct kfold_params *)params)->k; }

static unsigned kfold_needs(const void *params)
{
    static const unsigned needs[] = {[BY_ROW] = 0, [BY_GROUP] = SPLIT_GROUPS, [BY_LABEL] = SPLIT_LABELS};
    return needs[((const struct kfold_params *)params)->by];
}

static unsigned kfold_gives(const void *params)
{
    const struct kfold_params *p = params;
    return (p->validation_fraction > 0 ? SPLIT_VALIDATES : 0) | (p->test_fraction > 0 ? SPLIT_UNSEEN : 0);
}

struct place { /* of a row, the same for every fold */
    bool held, validates;
    unsigned fold;
};

static struct place place_by_unit(const struct kfold_params *p, uint64_t key)
{
    double u = split_unit(p->seed, key), kept = (u - p->test_fraction) / (1 - p->test_fraction) * (double)p->k;
    if (u < p->test_fraction) return (struct place){.held = true};
    unsigned fold = kept < (double)p->k ? (unsigned)kept : (unsigned)p->k - 1; /* rounding can reach k */
    return (struct place){.fold = fold, .validates = kept - fold < p->validation_fraction};
}

static struct place place_by_rank(const struct kfold_params *p, uint64_t rank)
{
    if (systematic_takes(p->test_fraction, rank)) return (struct place){.held = true};
    uint64_t kept = rank - systematic_before(p->test_fraction, rank);
    return (struct place){.fold = (unsigned)(kept % (uint64_t)p->k), .validates = systematic_takes(p->validation_fraction, kept / (uint64_t)p->k)};
}

static enum split_side place_side(struct place place, unsigned fold, unsigned folds)
{
    if (place.held) return fold == folds ? SIDE_TEST : SIDE_NONE;
    if (fold == folds) return SIDE_TRAIN;
    return place.fold == fold ? SIDE_TEST : place.validates ? SIDE_VALIDATION : SIDE_TRAIN;
}

static void kfold_sides(const void *params, const struct split_context *context, const struct split_rows *rows, uint8_t *sides)
{
    const struct kfold_params *p = params;
    struct strata strata = strata_at(p->seed, context, rows);
    for (size_t i = 0; i < rows->count; i++) {
        struct place place = p->by == BY_LABEL ? place_by_rank(p, strata_rank(&strata, rows->labels[i] > 0))
                                               : place_by_unit(p, p->by == BY_GROUP ? rows->groups[i] : rows->first + i);
        sides[i] = (uint8_t)place_side(place, context->fold, (unsigned)p->k);
    }
}

const struct split split_kfold = {
    .kind = {"kfold", "K models, each tested on the fold of rows that it has not seen", "Stone 1974", sizeof(struct kfold_params), kfold_options},
    .needs = kfold_needs,
    .folds = kfold_folds,
    .gives = kfold_gives,
    .sides = kfold_sides};
