/* /v1/jobs/{id}/logs: run.log as text. The last lines by default; with from=OFFSET what was written since, which is how a client
 * follows: the next offset is Log-Offset + the length of the body. Log-Size is the size of the whole log. */
#include <inttypes.h>
#include <string.h>

#include "service/http/route.h"
#include "service/http/service.h"
#include "service/sched/sched.h"

enum { LOG_LINES_DEFAULT = 1000, LOG_LINES_MAX = 1000000, LOG_BYTES_MAX = 4 << 20 };

/* log_from: bytes from an offset to the last whole line, at most LOG_BYTES_MAX. A log that is not there yet is empty. */
static int log_from(struct request *rq, uint64_t from, struct bytes *out, uint64_t *total, struct error *err)
{
    char path[PATH_SIZE];
    struct file_stat st = {0};
    struct file *file = NULL;
    struct error why = {0};
    const struct world *world = rq->service->world;
    int rc = sched_run_path(rq->service->sched, request_path(rq, "id"), RUNDIR_LOG, path, &why);
    *total = 0;
    if (rc == 0) rc = file_open(world, path, FILE_READ, &file, &why);
    if (rc < 0) return why.code == ERROR_NOTFOUND ? 0 : error_set(err, why.code, NULL, "%s", why.msg);
    if ((rc = file_stat(file, &st, err)) < 0) goto out;
    *total = st.size_bytes;
    if (from >= st.size_bytes) goto out;
    size_t size = st.size_bytes - from < LOG_BYTES_MAX ? (size_t)(st.size_bytes - from) : LOG_BYTES_MAX;
    if ((rc = bytes_reserve(out, size, err)) < 0) goto out;
    int64_t n = file_read_at(file, out->data, size, from, err);
    if (n < 0) rc = (int)n;
    else out->size = (size_t)n;
    while (rc == 0 && out->size > 0 && out->size < LOG_BYTES_MAX && out->data[out->size - 1] != '\n') out->size--;
out:
    file_close(file, NULL);
    return rc;
}

static int job_logs(struct request *rq, struct reply *rp, struct error *err)
{
    struct bytes text;
    struct job job = {0};
    int64_t lines = 0, offset = -1;
    uint64_t from = 0, total = 0;
    int rc = request_query_int(rq, "tail", LOG_LINES_DEFAULT, 0, LOG_LINES_MAX, &lines, err);
    if (rc == 0) rc = request_query_int(rq, "from", -1, 0, INT64_MAX, &offset, err);
    if (rc < 0) return rc;
    if (offset >= 0 && request_query(rq, "tail")) return error_set(err, ERROR_MALFORMED, NULL, "query parameters tail and from exclude each other");
    rc = store_job_get(rq->service->store, request_path(rq, "id"), &job, err);
    job_close(&job);
    if (rc < 0) return rc;
    bytes_init(&text, LOG_BYTES_MAX);
    if (offset >= 0) from = (uint64_t)offset, rc = log_from(rq, from, &text, &total, err);
    else rc = sched_log_tail(rq->service->sched, request_path(rq, "id"), lines, LOG_BYTES_MAX, &text, &from, &total, err);
    if (rc == 0) rc = reply_bytes(rp, 200, "text/plain; charset=utf-8", text.data, text.size, err);
    if (rc == 0) rc = reply_header(rp, "Log-Offset", err, "%" PRIu64, from);
    if (rc == 0) rc = reply_header(rp, "Log-Size", err, "%" PRIu64, total);
    bytes_close(&text);
    return rc;
}

static const char *const log_query[] = {"tail", "from", NULL};

const struct route job_log_routes[] = {
    {"GET", "/v1/jobs/{id}/logs", ROLE_VIEWER, 0, 0, log_query, job_logs, "The run's log as text"},
    {0},
};
