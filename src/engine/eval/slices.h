/* The table of a field's most frequent values, each row once a value that it has: two walks over its sorted rows. Private to the room. */
#ifndef TRAINYARD_ENGINE_EVAL_SLICES_H
#define TRAINYARD_ENGINE_EVAL_SLICES_H

#include "engine/eval/sorter.h"

int slices_table(struct sorter *rows, struct slice_table *out, struct error *err); /* fills all but out->field */

#endif
