/* Whole jobs in this process, on small generated data below one temporary folder: for tests of engine/train. */
#ifndef TRAINYARD_TESTS_LIB_RUN_KIT_H
#define TRAINYARD_TESTS_LIB_RUN_KIT_H

#include "base/json.h"
#include "base/world.h"
#include "engine/train/run.h"

enum { RUN_KIT_ROWS = 3000 };

extern char run_kit_root[PATH_SIZE];                                      /* test_dir() of the caller */
extern void (*run_kit_progress)(void *context, const struct progress *p); /* what the runs report to; NULL: nothing */

/* run_kit_data: libsvm text: 8 of 60 features a row, some with values; the label follows a hidden linear model, or a coin when `shuffled`; sorted:
 * all positives last. */
void run_kit_data(const char *name, bool shuffled, bool sorted);

/* run_kit_fields: a.ffm = the rows of a.svm with fields, as some models want them: feature i is of field i mod `fields`. */
void run_kit_fields(unsigned fields);

/* run_kit_run: a run of `spec` (single quotes for double ones; %s = the data folder) in folder `dir` below the root. */
int run_kit_run(const struct world *world, const char *spec, const char *dir, unsigned workers, struct run_result *result, struct error *err);

json_t *run_kit_evaluation(const char *dir); /* evaluation.json of that folder; must be there. New reference */
double run_kit_metric(const char *dir, const char *name);

#define RUN_KIT_DATA(file) "'dataset': {'uri': '%s/" file "', 'format': 'libsvm'}"
#define RUN_KIT_SPEC(file, rest) "{" RUN_KIT_DATA(file) ", " rest "}"

#endif
