/* Every family's score as its paper writes it: in double, row by row, feature by feature, from descriptions alone and without a line of the engine's.
 * A family without one fails the tests of all. */
#ifndef TRAINYARD_TESTS_LIB_TEXTBOOK_H
#define TRAINYARD_TESTS_LIB_TEXTBOOK_H

#include "engine/model/model.h"

enum { ROWS = 7, DISTINCT = 9, FEATURES_MAX = ROWS * 6, FIELDS = 3 };

struct variant { /* options of a family, and what the names of its tensors do not tell */
    const char *options;
    bool gelu, mean, parallel;
    size_t numeric;
    float dropout;
};

struct ffm_options { /* as ffm.c has them */
    int64_t embedding_dim;
    double init_scale;
    bool linear, normalise;
};

/* A random micro-batch: duplicates within a row, an empty row, values of both signs; several features of one field, and some of none. And the family
 * that is to score it. */
struct textbook {
    struct batch batch;
    uint32_t offsets[ROWS + 1], keys[FEATURES_MAX], local[FEATURES_MAX];
    float values[FEATURES_MAX], labels[ROWS];
    uint16_t fields[FEATURES_MAX];
    struct model_shape shape;
    const struct variant *variant;
    struct param_desc descs[TENSORS_MAX];         /* of the family and options at hand */
    size_t tensors, output;                       /* output: which one of a row is asked for */
    uint64_t mask_seed;                           /* of dropout */
    double statistics[TENSORS_MAX][FEATURES_MAX]; /* set by scoring: what a statistic's gradient must be */
};

void textbook_batch(struct textbook *s, uint64_t seed, bool with_values, bool with_fields);

/* The score of a row; all rows are looked at, since batch norm mixes them. */
typedef double textbook_score(const void *params, struct textbook *s, size_t row, double *const tensor[]);
textbook_score *textbook_of(const char *family);

/* textbook_variants: the options to try with a family; the last has none. */
const struct variant *textbook_variants(const char *family);

#endif
