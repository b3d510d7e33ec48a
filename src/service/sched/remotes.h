/* Remote sources: the addresses that a job's data may come from, beside the data roots. None, unless the operator names them.
 *
 * A prefix is `s3://BUCKET/KEY...` or `http(s)://HOST[:PORT]/PATH...`. It allows what it names and what lies below it: the scheme, the host with
 * its port, or the bucket, must be equal as a whole, and the path or key must go on at a '/'. An address that names a user, or whose
 * path has dots, encoded slashes or encoded percent signs (so that where it leads is another question than how it begins), is refused. What
 * comes back is the address as it was compared, written anew, so that nobody reads it in another way. Redirects are not followed by a run. */
#ifndef TRAINYARD_SERVICE_SCHED_REMOTES_H
#define TRAINYARD_SERVICE_SCHED_REMOTES_H

#include <stdbool.h>

#include "base/faults.h"
#include "base/json.h"

/* remotes_is: does the URI name a scheme with "://", other than file:? */
bool remotes_is(const char *uri);

/* remotes_check: each prefix makes sense; ERROR_USAGE names the first that does not. */
int remotes_check(const char *const *prefixes, struct error *err);

/* remotes_resolve: append the address to `out` when a prefix allows it. A mistake becomes a fault at `pointer` that names the prefixes and the
 * option; it repeats neither user nor query. Returns 0, also after a fault; -ERROR_NOMEM. */
int remotes_resolve(const char *const *prefixes, const char *uri, json_t *out, const char *pointer, struct faults *faults, struct error *err);

#endif
