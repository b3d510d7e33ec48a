/* A file in the making: written piece by piece beside its name, and there, whole and durable, or not at all. The stream's form of file_publish().
 *
 *   draft_open(&d, w, path, err); file_write(d.file, ...) ...; draft_publish(&d, err);   and draft_drop(&d) when something failed before
 *
 * draft_settle() comes between where something that speaks of the file must be durable before the file has its name. The draft is path + ".tmp",
 * locked until it has its name: of two writers at a time the second is refused, and what a kill leaves there the next draft replaces. */
#ifndef TRAINYARD_BASE_DRAFT_H
#define TRAINYARD_BASE_DRAFT_H

#include "base/world.h"

struct draft { /* zeroed: nothing open */
    const struct world *world;
    struct file *file; /* to be written to until it is settled, and locked while it is open: until it has its name */
    bool settled;      /* durable */
    char path[PATH_SIZE], tmp[PATH_SIZE];
};

/* draft_open: ERROR_CONFLICT: there is another draft of path, of this process or another. */
int draft_open(struct draft *d, const struct world *w, const char *path, struct error *err);
/* draft_settle: fsync. draft_publish: that, if it was not done, then rename over path, close, and fsync of the folder. After a failure nothing of
 * the draft is left, but for what follows the rename. */
int draft_settle(struct draft *d, struct error *err);
int draft_publish(struct draft *d, struct error *err);
void draft_drop(struct draft *d); /* safe on a zeroed struct, and after draft_publish */

#endif
