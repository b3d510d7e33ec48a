/* trainyard job: all about one job on one screen: state and reason, figures, evaluation, checkpoints, attempts. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/bar.h"
#include "cli/commands.h"
#include "cli/evaluation.h"
#include "cli/jobview.h"
#include "cli/print.h"
#include "cli/terminal.h"

struct job_params {
    struct client_options client; /* first */
};

static const char *took(char *buf, size_t size, const json_t *job)
{
    int64_t from, to;
    if (!time_parse(field_text(job, "started_at"), &from)) return "-";
    if (!time_parse(field_text(job, "ended_at"), &to)) to = world_utc_ms(&world_real);
    return human_duration(buf, size, to - from);
}

static int row(struct table *table, const char *name, const char *value, struct error *err)
{
    if (!*value) return 0;
    int rc = table_cell(table, err, "%s", name);
    return rc < 0 ? rc : table_cell(table, err, "%s", value);
}

static int print_head(const json_t *job, struct error *err)
{
    char text[1024], figures[256] = "";
    struct progress latest;
    struct table table;
    jobview_metric(json_object_get(job, "latest"), &latest);
    if (latest.step > 0) bar_text(figures, sizeof figures, &latest, false, 200);
    table_init(&table, "ll");
    int rc = row(&table, "id", field_text(job, "id"), err);
    if (rc == 0) rc = row(&table, "name", field_text(job, "name"), err);
    if (rc == 0) rc = row(&table, "experiment", field_text(job, "experiment"), err);
    if (rc == 0) rc = row(&table, "state", field_text(job, "state"), err);
    if (rc == 0) rc = row(&table, "why", jobview_why(text, sizeof text, job), err);
    if (rc == 0) rc = row(&table, "created", jobview_age(text, sizeof text, &world_real, job, "created_at"), err);
    if (rc == 0) rc = row(&table, "took", took(text, sizeof text, job), err);
    if (rc == 0) rc = row(&table, "progress", figures, err);
    if (rc == 0) table_print(&table, stdout);
    table_close(&table);
    return rc;
}

/* A list below the job, as a table of these fields; nothing when it is empty. */
static int print_list(const struct client *client, const char *id, const char *tail, const char *const *fields, const char *align, struct error *err)
{
    char path[256];
    json_t *page = NULL, *item;
    struct table table;
    size_t i, f;
    int rc = client_job_path(path, sizeof path, id, tail, err);
    if (rc == 0) rc = client_json(client, &(struct client_call){.method = "GET", .path = path}, &page, err);
    table_init(&table, align);
    for (f = 0; rc == 0 && fields[f]; f++) rc = table_cell(&table, err, "%s", fields[f]);
    json_array_foreach (json_object_get(page, "items"), i, item) {
        for (f = 0; rc == 0 && fields[f]; f++) {
            const json_t *value = json_object_get(item, fields[f]);
            char brief[256];
            rc = json_is_string(value)                         ? table_cell(&table, err, "%.200s", json_string_value(value))
                 : json_is_null(value) || json_is_false(value) ? table_cell(&table, err, "-")
                                                               : table_cell(&table, err, "%s", json_brief(brief, sizeof brief, value));
        }
    }
    if (rc == 0 && json_array_size(json_object_get(page, "items")) > 0) {
        printf("\n%s\n", tail + 1);
        table_print(&table, stdout);
    }
    table_close(&table);
    json_decref(page);
    return rc;
}

static int print_all(const struct client *client, const char *id, const json_t *job, struct error *err)
{
    static const char *const checkpoint_fields[] = {"id", "step", "size_bytes", "best", "delta", "sha256", NULL};
    static const char *const attempt_fields[] = {"launch", "state", "started_at", "ended_at", "exit_code", "cause", "message", NULL};
    json_t *evaluation = NULL;
    int rc = print_head(job, err);
    if (rc == 0) rc = jobview_evaluation(client, id, &evaluation, err);
    if (rc == 0 && evaluation) {
        putchar('\n');
        rc = evaluation_print(stdout, evaluation, err);
    }
    json_decref(evaluation);
    if (rc == 0) rc = print_list(client, id, "/checkpoints", checkpoint_fields, "lrrlll", err);
    if (rc == 0) rc = print_list(client, id, "/attempts", attempt_fields, "rlllrll", err);
    return rc;
}

static int job_run(const struct call *call, struct error *err)
{
    const struct job_params *params = call->params;
    const char *id = call->operands[0];
    struct client client;
    json_t *job = NULL;
    int rc = client_open(&client, &params->client, err);
    if (rc == 0) rc = jobview_get(&client, id, &job, err);
    if (rc == 0) rc = params->client.json ? print_json(stdout, job, err) : print_all(&client, id, job, err);
    json_decref(job);
    return rc;
}

const struct command command_job = {.name = "job",
                                    .summary = "Show one job: state and reason, figures, evaluation, checkpoints, attempts.",
                                    .operands = "ID",
                                    .operands_min = 1,
                                    .operands_max = 1,
                                    .common_args = client_args,
                                    .params_size = sizeof(struct job_params),
                                    .usage_exit = 64,
                                    .example = "trainyard job job_01JDEXAMPLE0000000000000000 --json",
                                    .run = job_run};
