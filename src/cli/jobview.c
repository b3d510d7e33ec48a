#include "cli/jobview.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/bar.h"
#include "cli/print.h"
#include "cli/terminal.h"

enum { SHARE_UNITS = 1000000 };

int jobview_get(const struct client *client, const char *id, json_t **job, struct error *err)
{
    char path[256];
    *job = NULL;
    int rc = client_job_path(path, sizeof path, id, "", err);
    return rc < 0 ? rc : client_json(client, &(struct client_call){.method = "GET", .path = path}, job, err);
}

int jobview_evaluation(const struct client *client, const char *id, json_t **evaluation, struct error *err)
{
    char path[256];
    struct error why = {0};
    *evaluation = NULL;
    int rc = client_job_path(path, sizeof path, id, "/evaluation", err);
    if (rc == 0) rc = client_json(client, &(struct client_call){.method = "GET", .path = path}, evaluation, &why);
    if (why.code == ERROR_NONE) return rc;
    json_decref(*evaluation);
    *evaluation = NULL;
    return why.code == ERROR_NOTFOUND ? 0 : error_set(err, why.code, NULL, "%s", why.msg);
}

const char *jobview_why(char *buf, size_t size, const json_t *job)
{
    const char *waits = field_text(json_object_get(job, "wait"), "message"), *cause = field_text(job, "cause"), *message = field_text(job, "message");
    if (*waits) snprintf(buf, size, "%s", waits);
    else if (*cause) snprintf(buf, size, "%s: %s", cause, message);
    else snprintf(buf, size, "%s", message);
    return buf;
}

const char *jobview_age(char *buf, size_t size, const struct world *w, const json_t *job, const char *field)
{
    int64_t at;
    if (!time_parse(field_text(job, field), &at)) snprintf(buf, size, "-");
    else human_age(buf, size, world_utc_ms(w) - at);
    return buf;
}

void jobview_metric(const json_t *body, struct progress *out)
{
    double share = field_number(body, "progress", NAN);
    *out = (struct progress){.phase = PROGRESS_TRAINING,
                             .step = (uint64_t)field_int(body, "step", 0),
                             .rows = (uint64_t)fmax(0, field_number(body, "rows", 0)),
                             .rows_per_s = field_number(body, "rows_per_s", NAN),
                             .loss = field_number(body, "loss", NAN),
                             .auc = field_number(body, "auc", NAN),
                             .eta_ms = field_int(body, "eta_ms", -1)};
    if (share >= 0 && share <= 1) {
        out->total = SHARE_UNITS;
        out->done = (uint64_t)(share * SHARE_UNITS);
    }
}

bool jobview_validates(const json_t *body) { return json_object_get(body, "val_rows") && !json_is_number(json_object_get(body, "progress")); }

/* "logloss 0.3810, auc 0.8612": the first two of the metrics that the object has. names: NULL-terminated, each behind the prefix. */
static void figures(char *buf, size_t size, const json_t *object, const char *prefix, const char *const *names)
{
    size_t used = 0, shown = 0;
    for (; *names && shown < 2 && used < size; names++) {
        char key[64];
        snprintf(key, sizeof key, "%s%s", prefix, *names);
        if (!json_object_get(object, key)) continue;
        used += (size_t)snprintf(buf + used, size - used, "%s%s %.4f", shown++ ? ", " : "", *names, field_number(object, key, NAN));
    }
}

static void validation_line(char *buf, size_t size, const json_t *body)
{
    static const char *const names[] = {"logloss", "auc", "deviance", "accuracy", "rmse", "r2", NULL};
    char text[128] = "";
    figures(text, sizeof text, body, "val_", names);
    snprintf(buf, size, "validation after step %" PRId64 ": %s", field_int(body, "step", 0), text);
}

static void state_line(char *buf, size_t size, const json_t *body)
{
    const char *message = field_text(body, "message"), *cause = field_text(body, "cause");
    snprintf(buf, size, "%s%s%s%s%s", field_text(body, "state"), *cause ? ", " : "", cause, *message ? ": " : "", message);
}

static void checkpoint_line(char *buf, size_t size, const json_t *body)
{
    char bytes[32];
    int64_t size_bytes = field_int(body, "size_bytes", 0);
    snprintf(buf, size, "checkpoint of step %" PRId64 ", %s%s", field_int(body, "step", 0),
             str_bytes(bytes, sizeof bytes, (uint64_t)(size_bytes < 0 ? 0 : size_bytes)),
             json_is_true(json_object_get(body, "best")) ? ", the best so far" : "");
}

static void evaluation_line(char *buf, size_t size, const json_t *body)
{
    static const char *const names[] = {"auc", "logloss", "deviance", "accuracy", "rmse", "r2", NULL};
    char text[128] = "";
    figures(text, sizeof text, json_object_get(body, "metrics"), "", names);
    snprintf(buf, size, "evaluation on %s: %s", field_text(body, "split"), text);
}

const char *jobview_event(char *buf, size_t size, const char *type, const json_t *body)
{
    struct progress p;
    buf[0] = 0;
    if (strcmp(type, "state") == 0) state_line(buf, size, body);
    else if (strcmp(type, "log") == 0) snprintf(buf, size, "%s: %s", field_text(body, "level"), field_text(body, "message"));
    else if (strcmp(type, "checkpoint") == 0) checkpoint_line(buf, size, body);
    else if (strcmp(type, "evaluation") == 0) evaluation_line(buf, size, body);
    else if (strcmp(type, "metric") == 0 && jobview_validates(body)) validation_line(buf, size, body);
    else if (strcmp(type, "metric") == 0) {
        jobview_metric(body, &p);
        int used = snprintf(buf, size, "step %" PRIu64 "  ", p.step);
        if (used > 0 && (size_t)used < size) bar_text(buf + used, size - (size_t)used, &p, false, 200);
    }
    return buf;
}
