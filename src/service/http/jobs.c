/* /v1/jobs: submit, list, read, delete; and the check of a specification without submitting it. */
#include <ctype.h>
#include <string.h>

#include "base/str.h"
#include "contract/spec.h"
#include "service/http/render.h"
#include "service/http/route.h"

enum { LIST_WAITS_MAX = 50 }; /* queued jobs of a page whose reason for waiting is looked up */

/* ---- POST /v1/jobs ---- */

static int check_key(const char *key, struct error *err)
{
    size_t length = key ? strlen(key) : 1;
    if (length < 1 || length > IDEMPOTENCY_KEY_MAX)
        return error_set(err, ERROR_MALFORMED, NULL, "Idempotency-Key must have 1 to %d characters, got %zu", IDEMPOTENCY_KEY_MAX, length);
    for (const char *c = key; c && *c; c++)
        if (!isgraph((unsigned char)*c)) return error_set(err, ERROR_MALFORMED, NULL, "Idempotency-Key may hold visible ASCII characters only");
    return 0;
}

static int job_accept(struct request *rq, struct error *err)
{
    struct submission submission = {.owner = "", .idempotency_key = request_header(rq, HEADER_IDEMPOTENCY_KEY)};
    struct faults *faults = request_faults(rq, err);
    struct job job = {0};
    int rc = faults ? check_key(submission.idempotency_key, err) : -ERROR_NOMEM;
    if (rc < 0) return rc;
    json_t *body = request_json(rq, err);
    if (!body) return -(int)err->code;
    submission.body = body;
    rc = sched_submit(rq->service->sched, &submission, &job, &rq->replayed, faults, err);
    if (rc == 0) str_copy(rq->job, sizeof rq->job, job.id);
    job_close(&job);
    json_decref(body);
    return rc;
}

static int job_submit(struct request *rq, struct reply *rp, struct error *err)
{
    struct job job = {0};
    int rc = rq->job[0] ? 0 : job_accept(rq, err); /* a long poll comes back with the job that it made */
    if (rc == 0) rc = store_job_get(rq->service->store, rq->job, &job, err);
    if (rc < 0) return rc;
    if (!job_state_final(job.state) && request_may_wait(rq, job.id)) rp->flags |= REPLY_WAIT;
    else {
        rc = reply_json(rp, 201, render_job(rq->service, &job, RENDER_SPEC | RENDER_WAIT), err);
        if (rc == 0) rc = reply_header(rp, "Location", err, "/v1/jobs/%s", job.id);
        if (rc == 0 && rq->replayed) rc = reply_header(rp, "Idempotency-Replayed", err, "true");
    }
    job_close(&job);
    return rc;
}

/* What a run of this resolved spec takes at most, or null where the build cannot say. New reference. */
static json_t *memory_estimate(const struct registry *registry, const json_t *resolved)
{
    struct spec spec;
    struct faults faults = {0};
    if (!registry->memory_bytes || spec_read(&spec, resolved, registry, &faults, NULL) < 0) return json_null();
    json_t *bytes = json_integer((json_int_t)registry->memory_bytes(&spec));
    spec_close(&spec);
    return bytes;
}

static int job_validate(struct request *rq, struct reply *rp, struct error *err)
{
    struct faults *faults = request_faults(rq, err);
    json_t *body = faults ? request_json(rq, err) : NULL, *resolved = NULL;
    if (!body) return -(int)err->code;
    int rc = sched_check(rq->service->sched, body, &resolved, faults, err);
    json_decref(body);
    json_t *memory = rc < 0 ? NULL : memory_estimate(rq->service->registry, resolved);
    return rc < 0 ? rc : reply_json(rp, 200, json_pack("{s:b, s:o, s:o}", "valid", 1, "spec", resolved, "memory_bytes", memory), err);
}

/* ---- GET /v1/jobs ---- */

/* The next page as a link, for clients that follow those: the same query with the token in place. */
static int link_next(const struct request *rq, struct reply *rp, const char *token, struct error *err)
{
    const char *limit = request_query(rq, "limit");
    if (request_query(rq, "filter") || request_query(rq, "order_by")) return 0; /* would need escaping; the token in the body does as well */
    return reply_header(rp, "Link", err, "</v1/jobs?%s%s%spage_token=%s>; rel=\"next\"", limit ? "limit=" : "", limit ? limit : "", limit ? "&" : "",
                        token);
}

static int job_list(struct request *rq, struct reply *rp, struct error *err)
{
    struct job_list list = {0};
    int64_t limit;
    size_t waits = 0;
    int rc = request_query_int(rq, "limit", LIST_LIMIT_DEFAULT, 1, LIST_LIMIT_MAX, &limit, err);
    if (rc < 0) return rc;
    rc = store_job_list(rq->service->store, request_query(rq, "filter"), request_query(rq, "order_by"), limit, request_query(rq, "page_token"), &list,
                        err);
    if (rc < 0) return rc;
    json_t *items = json_array();
    bool ok = items != NULL;
    for (size_t i = 0; ok && i < list.count; i++) {
        bool wait = list.items[i].state == JOB_QUEUED && waits++ < LIST_WAITS_MAX;
        ok = json_array_append_new(items, render_job(rq->service, &list.items[i], wait ? RENDER_WAIT : RENDER_BRIEF)) == 0;
    }
    json_t *page = ok ? json_pack("{s:o, s:s}", "items", items, "next_page_token", list.next_page_token) : (json_decref(items), NULL);
    rc = reply_json(rp, 200, page, err);
    if (rc == 0 && list.next_page_token[0]) rc = link_next(rq, rp, list.next_page_token, err);
    job_list_close(&list);
    return rc;
}

/* ---- /v1/jobs/{id} ---- */

static int job_get(struct request *rq, struct reply *rp, struct error *err)
{
    struct job job = {0};
    int rc = store_job_get(rq->service->store, request_path(rq, "id"), &job, err);
    if (rc < 0) return rc;
    if (!job_state_final(job.state) && request_may_wait(rq, job.id)) rp->flags |= REPLY_WAIT;
    else rc = reply_json(rp, 200, render_job(rq->service, &job, RENDER_SPEC | RENDER_WAIT), err);
    job_close(&job);
    return rc;
}

static int job_delete(struct request *rq, struct reply *rp, struct error *err)
{
    int rc = sched_delete(rq->service->sched, request_path(rq, "id"), err);
    rp->status = 204;
    return rc;
}

static const char *const list_query[] = {"limit", "page_token", "order_by", "filter", NULL};

const struct route job_routes[] = {
    {"POST", "/v1/jobs", ROLE_SUBMITTER, ROUTE_CREATES | ROUTE_WAITS, SPEC_MAX_BYTES, NULL, job_submit, "Submit a job"},
    {"GET", "/v1/jobs", ROLE_VIEWER, 0, 0, list_query, job_list, "List and search jobs"},
    {"POST", "/v1/jobs:validate", ROLE_VIEWER, 0, SPEC_MAX_BYTES, NULL, job_validate, "Check a specification: the resolved form, or all faults"},
    {"GET", "/v1/jobs/{id}", ROLE_VIEWER, ROUTE_WAITS, 0, NULL, job_get, "Read a job"},
    {"DELETE", "/v1/jobs/{id}", ROLE_SUBMITTER, 0, 0, NULL, job_delete, "Delete a job that is over, with its files"},
    {0},
};
