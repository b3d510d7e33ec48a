/* /v1/jobs/{id}/metrics, evaluation, checkpoints, attempts: what a job left in the store. */
#include <string.h>

#include "base/str.h"
#include "service/http/render.h"
#include "service/http/route.h"

enum { METRIC_NAMES_MAX = 32, METRIC_POINTS_DEFAULT = 1000, METRIC_POINTS_MAX = 100000 };

static int job_exists(struct request *rq, struct error *err)
{
    struct job job = {0};
    int rc = store_job_get(rq->service->store, request_path(rq, "id"), &job, err);
    job_close(&job);
    return rc;
}

/* metric_names: "loss,auc" cut in place at its commas. Returns how many, or a negative code. */
static int metric_names(char *text, const char **names, struct error *err)
{
    int count = 0;
    for (char *at = text; at;) {
        char *name = at;
        if ((at = strchr(at, ','))) *at++ = 0;
        if (count == METRIC_NAMES_MAX) return error_set(err, ERROR_MALFORMED, NULL, "query parameter names: at most %d names", METRIC_NAMES_MAX);
        if (*name) names[count++] = name;
    }
    return count;
}

static int job_metrics(struct request *rq, struct reply *rp, struct error *err)
{
    const char *names[METRIC_NAMES_MAX];
    char text[1024];
    struct metric_query query = {0};
    struct metric_set set = {0};
    int64_t points;
    int rc = request_query_int(rq, "points", METRIC_POINTS_DEFAULT, 0, METRIC_POINTS_MAX, &points, err);
    if (rc == 0) rc = request_query_int(rq, "from_step", 0, 0, INT64_MAX, &query.from_step, err);
    if (rc == 0) rc = request_query_int(rq, "to_step", 0, 0, INT64_MAX, &query.to_step, err);
    if (rc < 0) return rc;
    query.max_points = (size_t)points;
    if (request_query(rq, "names")) {
        if (!str_copy(text, sizeof text, request_query(rq, "names")))
            return error_set(err, ERROR_MALFORMED, NULL, "query parameter names is too long");
        if ((rc = metric_names(text, names, err)) < 0) return rc;
        if (rc > 0) query.names = names, query.name_count = (size_t)rc;
    }
    if ((rc = job_exists(rq, err)) < 0) return rc;
    if ((rc = store_metrics(rq->service->store, request_path(rq, "id"), &query, &set, err)) < 0) return rc;
    json_t *series = json_array();
    bool ok = series != NULL;
    for (size_t i = 0; ok && i < set.count; i++) ok = json_array_append_new(series, render_series(&set.series[i])) == 0;
    json_t *body = ok ? json_pack("{s:s, s:o}", "job", request_path(rq, "id"), "series", series) : (json_decref(series), NULL);
    metric_set_close(&set);
    return reply_json(rp, 200, body, err);
}

static int job_evaluation(struct request *rq, struct reply *rp, struct error *err)
{
    json_t *evaluation = NULL;
    int rc = store_evaluation(rq->service->store, request_path(rq, "id"), &evaluation, err);
    return rc < 0 ? rc : reply_json(rp, 200, evaluation, err);
}

static int job_checkpoints(struct request *rq, struct reply *rp, struct error *err)
{
    struct checkpoint_list list = {0};
    int rc = job_exists(rq, err);
    if (rc == 0) rc = store_checkpoints(rq->service->store, request_path(rq, "id"), &list, err);
    if (rc < 0) return rc;
    json_t *items = json_array();
    bool ok = items != NULL;
    for (size_t i = 0; ok && i < list.count; i++) ok = json_array_append_new(items, render_checkpoint(&list.items[i])) == 0;
    checkpoint_list_close(&list);
    return reply_json(rp, 200, ok ? json_pack("{s:o, s:s}", "items", items, "next_page_token", "") : (json_decref(items), NULL), err);
}

static int job_attempts(struct request *rq, struct reply *rp, struct error *err)
{
    struct attempt_list list = {0};
    int rc = store_attempts(rq->service->store, request_path(rq, "id"), &list, err);
    if (rc < 0) return rc;
    json_t *items = json_array();
    bool ok = items != NULL;
    for (size_t i = 0; ok && i < list.count; i++) ok = json_array_append_new(items, render_attempt(&list.items[i])) == 0;
    attempt_list_close(&list);
    return reply_json(rp, 200, ok ? json_pack("{s:o, s:s}", "items", items, "next_page_token", "") : (json_decref(items), NULL), err);
}

static const char *const metrics_query[] = {"names", "points", "from_step", "to_step", NULL};

const struct route job_result_routes[] = {
    {"GET", "/v1/jobs/{id}/metrics", ROLE_VIEWER, 0, 0, metrics_query, job_metrics, "Metric series, thinned without losing extremes"},
    {"GET", "/v1/jobs/{id}/evaluation", ROLE_VIEWER, 0, 0, NULL, job_evaluation, "The evaluation on held-out rows"},
    {"GET", "/v1/jobs/{id}/checkpoints", ROLE_VIEWER, 0, 0, NULL, job_checkpoints, "The job's checkpoints, by step"},
    {"GET", "/v1/jobs/{id}/attempts", ROLE_VIEWER, 0, 0, NULL, job_attempts, "Every process that tried, with its end in words"},
    {0},
};
