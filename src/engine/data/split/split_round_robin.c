/* Round-robin: row number mod K; one of the K turns tests, another may validate, the others train. The same at every scale of the file, so its sides
 * drift with it; but what comes every K rows (a page of K slots) is all on one side. Depends on the order of the files. */
#include "engine/data/split/splits.h"

struct round_robin_params {
    int64_t k, test_side, validation_side;
};

enum { TURNS_MAX = 1 << 20 };

static const struct option round_robin_options[] = {
    {"k", OPT_INT, offsetof(struct round_robin_params, k), 10, 2, TURNS_MAX, "turns: row number mod k says which one a row has", NULL, 0, NULL},
    {"test_side", OPT_INT, offsetof(struct round_robin_params, test_side), 0, 0, TURNS_MAX - 1, "the turn that tests, below k", NULL, 0, NULL},
    {"validation_side", OPT_INT, offsetof(struct round_robin_params, validation_side), -1, -1, TURNS_MAX - 1,
     "the turn that validates, below k; -1: none", NULL, 0, NULL},
    {0},
};

static void round_robin_faults(const void *params, struct faults *faults)
{
    const struct round_robin_params *p = params;
    if (p->test_side >= p->k) faults_add(faults, "/split/test_side", "must be < split.k (%lld), got %lld", (long long)p->k, (long long)p->test_side);
    if (p->validation_side >= p->k)
        faults_add(faults, "/split/validation_side", "must be < split.k (%lld), got %lld", (long long)p->k, (long long)p->validation_side);
    if (p->validation_side == p->test_side)
        faults_add(faults, "/split/validation_side", "must differ from split.test_side (%lld); -1: none", (long long)p->test_side);
}

static unsigned round_robin_gives(const void *params)
{
    return ((const struct round_robin_params *)params)->validation_side >= 0 ? SPLIT_VALIDATES : 0;
}

static void round_robin_sides(const void *params, const struct split_context *context, const struct split_rows *rows, uint8_t *sides)
{
    const struct round_robin_params *p = params;
    (void)context;
    for (size_t i = 0; i < rows->count; i++) {
        int64_t turn = (int64_t)((rows->first + i) % (uint64_t)p->k);
        sides[i] = turn == p->test_side ? SIDE_TEST : turn == p->validation_side ? SIDE_VALIDATION : SIDE_TRAIN;
    }
}

const struct split split_round_robin = {
    .kind = {"round_robin", "one row of every k tests, in turn; another may validate", "", sizeof(struct round_robin_params), round_robin_options},
    .faults = round_robin_faults,
    .gives = round_robin_gives,
    .sides = round_robin_sides};
