/* A place for a scheduler under test: a temporary folder with the state's and a data root with one small log, and runs that only pretend
 * to train (fake_run.h). */
#ifndef TRAINYARD_TESTS_LIB_FAKE_PLACE_H
#define TRAINYARD_TESTS_LIB_FAKE_PLACE_H

#include "service/sched/sched.h"

struct fake_place {
    char dir[PATH_SIZE], state[PATH_SIZE], data[PATH_SIZE], executable[PATH_SIZE];
    const char *roots[2];
};

/* fake_place_make: the folders, and a configuration that points into *place, which stays where it is; two slots, short waits, no store yet. */
struct sched_config fake_place_make(struct fake_place *place);

#endif
