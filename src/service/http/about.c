/* What the server says of itself: /v1/kinds, /openapi.json, /problems/{name}, and the probes /healthz and /readyz. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "contract/spec.h"
#include "service/http/openapi.h"
#include "service/http/route.h"
#include "service/http/service.h"
#include "service/sched/sched.h"

enum { READY_LOOP_MS = 10000 }; /* a scheduler's loop that has not turned for so long is stuck */

static int kinds_get(struct request *rq, struct reply *rp, struct error *err)
{
    return reply_json(rp, 200, registry_describe(rq->service->registry), err);
}

static int openapi_get(struct request *rq, struct reply *rp, struct error *err)
{
    return reply_json(rp, 200, openapi_document(rq->service->api, rq->service->registry, err), err);
}

/* ---- probes ---- */

static int healthz(struct request *rq, struct reply *rp, struct error *err)
{
    (void)rq;
    rp->flags |= REPLY_NO_STORE;
    return reply_json(rp, 200, json_pack("{s:s, s:s}", "status", "ok", "version", TRAINYARD_VERSION), err);
}

/* readyz: can a job be accepted and run? Says of each part whether it can. */
static int readyz(struct request *rq, struct reply *rp, struct error *err)
{
    struct store_stats store = {0};
    struct sched_stats sched = {0};
    struct error why = {0};
    char loop[128] = "ok", disk[128] = "ok";
    int database = store_stats(rq->service->store, &store, &why);
    sched_stats(rq->service->sched, &sched);
    if (sched.loop_age_ms > READY_LOOP_MS) snprintf(loop, sizeof loop, "has not turned for %" PRId64 " ms", sched.loop_age_ms);
    bool low = sched.disk_low_bytes > 0 && sched.disk_free_bytes < sched.disk_low_bytes;
    if (low) snprintf(disk, sizeof disk, "low: %" PRId64 " bytes free, new jobs need %" PRId64, sched.disk_free_bytes, sched.disk_low_bytes);
    bool ready = database == 0 && sched.loop_age_ms <= READY_LOOP_MS && !low;
    rp->flags |= REPLY_NO_STORE;
    return reply_json(
        rp, ready ? 200 : 503,
        json_pack("{s:b, s:{s:s, s:s, s:s}}", "ready", ready, "checks", "database", database == 0 ? "ok" : why.msg, "scheduler", loop, "disk", disk),
        err);
}

/* ---- problems ---- */

static const struct problem_row {
    const char *cause, *fix;
} problems[ERROR_CODES] = {
    [ERROR_USAGE] = {"The call does not make sense as it stands.", "Read the detail; GET /openapi.json describes each call."},
    [ERROR_MALFORMED] = {"The request could not be read: broken JSON, an unknown query parameter, a bad header or escape.",
                         "Mend what the detail names."},
    [ERROR_UNAUTHORIZED] = {"The server was started with a token and the request carried none, or another.", "Send \"Authorization: Bearer TOKEN\"."},
    [ERROR_FORBIDDEN] =
        {"The name in Host is not the server's, another site's page sent the request, or a file may not be read.",
         "Use an address that the server goes by, or add the name to its hosts; for files, see their permissions and the data roots."},
    [ERROR_NOTFOUND] = {"There is no such path, job, checkpoint or file, or not yet.", "Look at the list that it should be in: GET /v1/jobs."},
    [ERROR_METHOD] = {"The path exists, but not with this method.", "Use one of those in the Allow header."},
    [ERROR_CONFLICT] = {"The job is in a state that does not allow this, an Idempotency-Key was used again with another body, or a checkpoint is a "
                        "delta, which is no file to download.",
                        "The detail names the state and what is possible; for keys, take a new one."},
    [ERROR_TOOLARGE] = {"The body is larger than the call takes.", "Data does not travel in the body: name it by dataset.uri."},
    [ERROR_MEDIATYPE] = {"Bodies are JSON, not packed.", "Send \"Content-Type: application/json\", and no Content-Encoding."},
    [ERROR_RANGE] = {"The range of bytes that was asked for lies beyond the end of the file.", "See Content-Range for its size."},
    [ERROR_INVALID] = {"The specification has faults.",
                       "`errors` lists all of them, with the place of each; POST /v1/jobs:validate checks without submitting."},
    [ERROR_DATA] = {"The data is not as declared.", "The detail names file, line and field."},
    [ERROR_BUSY] = {"Too many requests at once.", "Wait as long as Retry-After says."},
    [ERROR_INTERNAL] = {"Something happened that should not.", "The server's log holds the request id that `instance` names."},
    [ERROR_DIVERGED] = {"The loss became infinite or not a number, or the model that came out is absurdly worse than one that has learnt nothing.",
                        "Lower optimizer.lr, set train.clip_norm, or look at the data for outliers."},
    [ERROR_IO] = {"A file could not be read or written.", "See the detail and the server's log; look after the disk."},
    [ERROR_NOMEM] = {"Memory is short.", "Try again later; run fewer jobs at once."},
    [ERROR_UNAVAILABLE] = {"The server is stopping or starting.", "Try again in a moment."},
    [ERROR_NOSPACE] = {"The disk is full, or nearly.", "Delete old jobs (DELETE /v1/jobs/{id}); reading, cancelling and deleting always work."},
    [ERROR_STOPPED] = {"The run was stopped and can go on.", "Resume it."},
};

static int problem_get(struct request *rq, struct reply *rp, struct error *err)
{
    const char *name = request_path(rq, "id");
    char row[32];
    int rc = 0;
    for (int code = 1; code < ERROR_CODES; code++) {
        str_copy(row, sizeof row, error_name((enum error_code)code));
        for (char *c = row; *c; c++) *c = (char)tolower((unsigned char)*c);
        if (strcmp(row, name) != 0) continue;
        rc = reply_text(rp, 200, "", err);
        return rc < 0 ? rc
                      : bytes_printf(&rp->body, err, "%s\n\nStatus:  %d\nCause:   %s\nFix:     %s\n", error_title((enum error_code)code),
                                     error_http_status((enum error_code)code), problems[code].cause, problems[code].fix);
    }
    return error_set(err, ERROR_NOTFOUND, NULL, "no problem type is called \"%.64s\"", name);
}

const struct route about_routes[] = {
    {"GET", "/v1/kinds", ROLE_VIEWER, 0, 0, NULL, kinds_get, "Every model, optimizer, codec, strategy and format, with its options"},
    {"GET", "/openapi.json", ROLE_PUBLIC, 0, 0, NULL, openapi_get, "This API as OpenAPI 3.1"},
    {"GET", "/problems/{id}", ROLE_PUBLIC, ROUTE_INLINE, 0, NULL, problem_get, "What a problem type means, and what to do"},
    {"GET", "/healthz", ROLE_PUBLIC, ROUTE_INLINE, 0, NULL, healthz, "Is the process alive?"},
    {"GET", "/readyz", ROLE_PUBLIC, 0, 0, NULL, readyz, "Can a job be accepted and run?"},
    {0},
};
