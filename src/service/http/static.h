/* The dashboard's files, embedded in the binary: types, tags and packed forms are made once at start, so that serving one is a look-up.
 *
 * Files whose name carries a hash of their content (app-3F2A9C1B.js) may be kept for ever; all others are asked for again by ETag.
 * Paths of pages (/, /jobs/job_...) all get index.html: which page it is, the script reads from the address. */
#ifndef TRAINYARD_SERVICE_HTTP_STATIC_H
#define TRAINYARD_SERVICE_HTTP_STATIC_H

#include "base/embedded.h"
#include "base/error.h"

struct statics;

int statics_new(struct statics **out, const struct embedded *files, struct error *err); /* files: borrowed; NULL: none */
void statics_free(struct statics *statics);                                             /* NULL is fine */

#endif
