/* Rows of the store as the JSON of the API: snake_case, RFC 3339 times, null for what is not (yet) there. */
#ifndef TRAINYARD_SERVICE_HTTP_RENDER_H
#define TRAINYARD_SERVICE_HTTP_RENDER_H

#include "base/json.h"
#include "service/http/service.h"
#include "service/sched/sched.h"
#include "service/store/store.h"

/* Each gives a new reference, or NULL when memory is short. */
json_t *render_time(int64_t utc_ms);   /* null for 0 */
json_t *render_text(const char *text); /* null for "" */

enum render_job {
    RENDER_BRIEF = 0, /* a line of a list */
    RENDER_SPEC = 1,  /* with the resolved spec */
    RENDER_WAIT = 2,  /* with the reason why a queued job waits: asks the scheduler */
};
json_t *render_job(const struct service *service, const struct job *job, unsigned what);
json_t *render_checkpoint(const struct checkpoint *checkpoint);
bool render_is_delta(const struct checkpoint *checkpoint); /* rows that changed since the one before: listed, but no file to download */
json_t *render_attempt(const struct attempt *attempt);
json_t *render_series(const struct metric_series *series);

#endif
