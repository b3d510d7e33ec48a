/* A registry of toy kinds with one option of each type, so that tests of the spec do not move when the engine's tables do. */
#ifndef TRAINYARD_TESTS_LIB_TOY_KINDS_H
#define TRAINYARD_TESTS_LIB_TOY_KINDS_H

#include "contract/registry.h"

extern const struct registry toy_registry;

struct toy_adagrad {
    double lr, epsilon;
};
struct toy_ftrl {
    double alpha, l1;
};
struct toy_topk {
    double start, decay, min;
    int per;
};
struct toy_fm {
    int64_t dim;
};
struct toy_holdout {
    double test_fraction, validation_fraction;
    int64_t seed;
};
struct toy_csv {
    bool header;
    char separator[OPTION_TEXT_SIZE];
};

#endif
