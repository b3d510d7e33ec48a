/* The real world with one call that fails: a countdown over the calls that change the disk (open for writing, write, truncate, sync, rename, link,
 * mkdirs, sync_dir). Thread-safe. A failing write leaves half of its bytes, as a full disk does. */
#ifndef TRAINYARD_TESTS_LIB_WORLD_FAULT_H
#define TRAINYARD_TESTS_LIB_WORLD_FAULT_H

#include "base/world.h"

/* world_fault: the k-th such call from now (k >= 1), and all later ones when `rest`, fail with that code. One such world at a time. */
const struct world *world_fault(unsigned k, enum error_code code, bool rest);

/* world_fault_fired: did the countdown reach its call? */
bool world_fault_fired(void);

/* Whole jobs try each k; in the hostile build, where a job takes a hundred times as long, each 23rd. */
#ifdef TRAINYARD_HOSTILE
enum { FAULT_STRIDE = 23 };
#else
enum { FAULT_STRIDE = 1 };
#endif

#endif
