/* An evaluation for people: the table that run and submit --wait end with. */
#ifndef TRAINYARD_CLI_EVALUATION_H
#define TRAINYARD_CLI_EVALUATION_H

#include <stdio.h>

#include "base/json.h"

/* evaluation_print: the content of evaluation.json as a table with intervals. Fields that are missing are left out. */
int evaluation_print(FILE *out, const json_t *evaluation, struct error *err);

#endif
