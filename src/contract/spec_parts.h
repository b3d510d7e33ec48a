/* The spec's own sections as rows, for the files spec*.c alone. Offsets of all options are into struct spec itself. A row whose
 * section also chooses kinds (contract/registry.c) shares its object with the options of the chosen kinds; a kind's own option
 * hides a common one of the same name (ftrl's l1 is not the penalty of the others). */
#ifndef TRAINYARD_CONTRACT_SPEC_PARTS_H
#define TRAINYARD_CONTRACT_SPEC_PARTS_H

#include "contract/spec.h"

struct spec_part {
    const char *name;             /* key of the object in the spec; "" is the top level */
    const struct option *options; /* NULL: only those of its kinds */
    size_t given;                 /* of a bool in struct spec that says whether the object is there; then it may be missing. 0: none */
};
extern const struct spec_part spec_parts[]; /* the top level first; ends with a NULL name */

/* spec_part_optional: nothing is chosen, and no default holds, where the object is missing. */
bool spec_part_optional(const struct spec_part *part);

/* spec_check: what no single option can tell (workers and shards, the sum of ...). Adds to faults. */
void spec_check(const struct spec *spec, struct faults *faults);

#endif
