/* Strata: the rows of each class put into an order in which any share can be taken exactly. For splits that keep the classes' shares.
 *
 * Row number j of its class lies in run j / STRATA_RUN; inside a run, the last and shorter one too, a keyed permutation mixes the rows. So a row has
 * a rank in its class that is a pure function of (seed, class, ordinal in the class, rows of the class), and taking ranks at even distances takes a
 * random sample whose size is exact for the class and nearly so for every stretch of the file. (Systematic sampling: Madow and Madow 1944.) */
#ifndef TRAINYARD_ENGINE_DATA_STRATA_H
#define TRAINYARD_ENGINE_DATA_STRATA_H

#include "engine/data/permute.h"
#include "engine/data/split/split.h"

enum { STRATA_RUN = 1024, CLASSES = 2 };

struct strata { /* walks rows in order */
    int64_t seed;
    struct stratum {
        uint64_t rows;    /* of the class */
        uint64_t ordinal; /* of its next row */
        uint64_t run;
        struct permutation mixed; /* of that run; n = 0: not made yet */
    } classes[CLASSES];
};

/* strata_at: before the first of rows. */
struct strata strata_at(int64_t seed, const struct split_context *context, const struct split_rows *rows);

/* strata_rank: the rank of the next row, of that label, in its class: each of 0 .. rows of the class - 1 once. */
uint64_t strata_rank(struct strata *s, bool positive);

/* systematic_before: how many of the ranks before `rank` are in a sample of that share; systematic_takes: is this one? Never off by more than 1/2. */
static inline uint64_t systematic_before(double share, uint64_t rank) { return (uint64_t)(int64_t)(share * (double)rank + 0.5); }
static inline bool systematic_takes(double share, uint64_t rank) { return systematic_before(share, rank + 1) > systematic_before(share, rank); }

#endif
