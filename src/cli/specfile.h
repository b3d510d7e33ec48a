/* A specification file as a person wrote it: its text is kept, so that a fault can be told with the line it stands on. */
#ifndef TRAINYARD_CLI_SPECFILE_H
#define TRAINYARD_CLI_SPECFILE_H

#include "base/json.h"

struct specfile {
    const char *path; /* borrowed; "-" is standard input */
    struct bytes text;
    json_t *json;
};

/* specfile_read: ERROR_MALFORMED names file, line and column. After a failure there is nothing to close. */
int specfile_read(struct specfile *file, const char *path, struct error *err);
void specfile_close(struct specfile *file);

/* specfile_fault: one line "jobs/ctr.json:12: /optimizer/lr must be > 0, got -1" to standard error; under GitHub Actions an annotation
 * as well. */
void specfile_fault(const struct specfile *file, const char *pointer, const char *detail);

#endif
