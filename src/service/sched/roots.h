/* Data roots: the only folders that a job's data may come from.
 *
 * A `file:` URI (or a plain path) is relative to the roots, tried in order, or absolute below one of them; the last part or any other may
 * be a glob; a folder means its regular files that are not hidden. Each file that it names is resolved through all symbolic links and must then still
 * lie below the root. What comes back are those resolved paths: nothing that changes on the way (a link, the server's folder) can move a run to other
 * data. */
#ifndef TRAINYARD_SERVICE_SCHED_ROOTS_H
#define TRAINYARD_SERVICE_SCHED_ROOTS_H

#include "base/faults.h"
#include "base/json.h"

enum { ROOTS_FILES_MAX = 4096 };

/* roots_resolve: append the absolute paths that uri names to `out` (a JSON array of strings, sorted by name). A mistake becomes a fault at
 * `pointer` that names the roots. Returns 0, also after a fault; -ERROR_NOMEM. */
int roots_resolve(const char *const *roots, const char *uri, json_t *out, const char *pointer, struct faults *faults, struct error *err);

#endif
