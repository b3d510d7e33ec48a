/* /v1/jobs/{id}/events and /v1/events?jobs=: event streams (SSE). Both resume by the same number, the id of the last event seen, as
 * Last-Event-ID or ?after=. How a stream lives: follower.h. */
#include <string.h>

#include "base/str.h"
#include "service/http/route.h"
#include "service/http/service.h"
#include "service/http/follower.h"
#include "service/store/store.h"

/* The event after which to go on. One beyond the newest (the server's state was made anew) is taken for the newest. */
static int read_cursor(struct request *rq, int64_t *after, struct error *err)
{
    const char *last = request_header(rq, HEADER_LAST_EVENT_ID);
    char shown[64];
    int rc = request_query_int(rq, "after", 0, 0, INT64_MAX, after, err);
    if (rc < 0) return rc;
    if (last && *last && (!str_to_int64(last, after) || *after < 0))
        return error_set(err, ERROR_MALFORMED, NULL, "Last-Event-ID must be the number of an event, got \"%s\"",
                         str_shown(shown, sizeof shown, last, strlen(last), 40));
    int64_t newest = store_last_event(rq->service->store);
    if (*after > newest) *after = newest;
    return 0;
}

static int any_event(void *context, const struct event_row *row)
{
    (void)row;
    *(bool *)context = true;
    return 1;
}

/* A client that comes back when nothing more can come gets 204, which is how EventSource is told to stay away. */
static int all_said(struct request *rq, const char *const *jobs, size_t count, int64_t after, bool *said, struct error *err)
{
    bool more = false;
    *said = false;
    for (size_t i = 0; i < count; i++) {
        struct job job = {0};
        int rc = store_job_get(rq->service->store, jobs[i], &job, err);
        bool over = rc == 0 && job_state_final(job.state);
        job_close(&job);
        if (rc < 0) return rc;
        more = more || !over;
    }
    if (more || count == 0 || !request_header(rq, HEADER_LAST_EVENT_ID)) return 0;
    struct event_query query = {.jobs = jobs, .job_count = count, .after = after, .limit = 1};
    int rc = store_events(rq->service->store, &query, any_event, &more, err);
    *said = rc == 0 && !more;
    return rc;
}

static int stream_open(struct request *rq, struct reply *rp, const char *const *jobs, size_t count, struct error *err)
{
    int64_t after = 0;
    bool said = false;
    int rc = read_cursor(rq, &after, err);
    if (rc == 0) rc = all_said(rq, jobs, count, after, &said, err);
    if (rc < 0) return rc;
    rp->flags |= REPLY_NO_STORE;
    rp->status = said ? 204 : 200;
    if (said) return 0;
    if (!(rp->follower = follower_new(rq->service, jobs, count, after, err))) return -(int)err->code;
    rc = reply_header(rp, "Content-Type", err, "text/event-stream");
    if (rc == 0) rc = reply_header(rp, "Cache-Control", err, "no-store");
    return rc < 0 ? rc : reply_header(rp, "X-Accel-Buffering", err, "no");
}

static int job_events(struct request *rq, struct reply *rp, struct error *err)
{
    const char *job = request_path(rq, "id");
    return stream_open(rq, rp, &job, 1, err);
}

static int all_events(struct request *rq, struct reply *rp, struct error *err)
{
    const char *jobs[FOLLOWER_JOBS_MAX];
    char text[REQUEST_TARGET_MAX];
    size_t count = 0;
    const char *given = request_query(rq, "jobs");
    if (given && !str_copy(text, sizeof text, given)) return error_set(err, ERROR_MALFORMED, NULL, "query parameter jobs is too long");
    for (char *at = given ? text : NULL; at;) {
        char *id = at;
        if ((at = strchr(at, ','))) *at++ = 0;
        if (!*id) continue;
        if (count == FOLLOWER_JOBS_MAX)
            return error_set(err, ERROR_MALFORMED, NULL, "query parameter jobs: at most %d ids; without it, all jobs", FOLLOWER_JOBS_MAX);
        jobs[count++] = id;
    }
    if (given && count == 0) return error_set(err, ERROR_MALFORMED, NULL, "query parameter jobs is empty; leave it out to follow all jobs");
    return stream_open(rq, rp, jobs, count, err);
}

static const char *const job_query[] = {"after", NULL};
static const char *const all_query[] = {"after", "jobs", NULL};

const struct route event_routes[] = {
    {"GET", "/v1/jobs/{id}/events", ROLE_VIEWER, 0, 0, job_query, job_events, "Follow a job: its events from the beginning or the last seen"},
    {"GET", "/v1/events", ROLE_VIEWER, 0, 0, all_query, all_events, "Follow several jobs, or all, on one connection"},
    {0},
};
