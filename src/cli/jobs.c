/* trainyard jobs: the newest jobs of a server, one line each, with the reason for waiting or failing. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/commands.h"
#include "cli/jobview.h"
#include "cli/print.h"
#include "cli/terminal.h"

enum { LIMIT_MAX = 1000, WHY_COLUMNS = 60 };

struct jobs_params {
    struct client_options client; /* first */
    int64_t limit;
    const char *filter, *order_by, *page_token;
};

#define AT(field) offsetof(struct jobs_params, field)
static const struct arg jobs_args[] = {
    {.name = "limit",
     .letter = 'n',
     .type = ARG_INT,
     .offset = AT(limit),
     .value = "N",
     .def = 20,
     .min = 1,
     .max = LIMIT_MAX,
     .help = "at most so many"},
    {.name = "filter",
     .type = ARG_TEXT,
     .offset = AT(filter),
     .value = "TEXT",
     .help = "clauses joined by AND: 'state IN (queued, running)', 'experiment = \"ctr\"', 'labels.git = 3f2a9c1', 'name ~ night'"},
    {.name = "order-by",
     .type = ARG_TEXT,
     .offset = AT(order_by),
     .value = "TEXT",
     .help = "created, changed, name or priority, then asc or desc; default: created desc"},
    {.name = "page-token", .type = ARG_TEXT, .offset = AT(page_token), .value = "TOKEN", .help = "go on after an earlier page"},
    {0}};

static int add_query(char *path, size_t size, const char *name, const char *value, struct error *err)
{
    char escaped[1024];
    size_t used = strlen(path);
    if (!value) return 0;
    if (!http_url_escape(escaped, sizeof escaped, value)) return error_set(err, ERROR_USAGE, NULL, "the value of %s is too long", name);
    int length = snprintf(path + used, size - used, "&%s=%s", name, escaped);
    return length < 0 || (size_t)length >= size - used ? error_set(err, ERROR_USAGE, NULL, "the value of %s is too long", name) : 0;
}

static int job_row(struct table *table, const json_t *job, struct error *err)
{
    char age[32], why[1024], text[64] = "-";
    const json_t *evaluated = json_object_get(job, "evaluated");
    double progress = field_number(job, "progress", NAN), auc = field_number(evaluated, "auc", NAN);
    int rc = table_cell(table, err, "%s", field_text(job, "id"));
    if (rc == 0) rc = table_cell(table, err, "%s", field_text(job, "name"));
    if (rc == 0) rc = table_cell(table, err, "%s", field_text(job, "state"));
    if (!isnan(progress)) snprintf(text, sizeof text, "%.0f%%", floor(progress * 100));
    if (rc == 0) rc = table_cell(table, err, "%s", text);
    snprintf(text, sizeof text, isnan(auc) ? "-" : "%.4f", auc);
    if (rc == 0) rc = table_cell(table, err, "%s", text);
    if (rc == 0) rc = table_cell(table, err, "%s", jobview_age(age, sizeof age, &world_real, job, "created_at"));
    jobview_why(why, sizeof why, job);
    if (rc == 0) rc = table_cell(table, err, strlen(why) > WHY_COLUMNS ? "%.57s..." : "%s", why);
    return rc;
}

static int print_page(const json_t *page, struct error *err)
{
    static const char *const header[] = {"ID", "NAME", "STATE", "DONE", "AUC", "CREATED", "WHY"};
    json_t *items = json_object_get(page, "items"), *job;
    const char *next = field_text(page, "next_page_token");
    struct table table;
    size_t i;
    int rc = 0;
    if (json_array_size(items) == 0) {
        fputs("no jobs; submit one: trainyard submit FILE\n", stderr);
        return 0;
    }
    table_init(&table, "lllrrll");
    for (i = 0; rc == 0 && i < sizeof header / sizeof *header; i++) rc = table_cell(&table, err, "%s", header[i]);
    json_array_foreach (items, i, job)
        if (rc == 0) rc = job_row(&table, job, err);
    if (rc == 0) table_print(&table, stdout);
    table_close(&table);
    if (rc == 0 && *next) fprintf(stderr, "more: --page-token %s\n", next);
    return rc;
}

static int jobs_run(const struct call *call, struct error *err)
{
    const struct jobs_params *params = call->params;
    struct client client;
    char path[CLIENT_URL_SIZE];
    json_t *page = NULL;
    int rc = client_open(&client, &params->client, err);
    snprintf(path, sizeof path, "/v1/jobs?limit=%lld", (long long)params->limit);
    if (rc == 0) rc = add_query(path, sizeof path, "filter", params->filter, err);
    if (rc == 0) rc = add_query(path, sizeof path, "order_by", params->order_by, err);
    if (rc == 0) rc = add_query(path, sizeof path, "page_token", params->page_token, err);
    if (rc == 0) rc = client_json(&client, &(struct client_call){.method = "GET", .path = path}, &page, err);
    if (rc == 0) rc = params->client.json ? print_json(stdout, page, err) : print_page(page, err);
    json_decref(page);
    return rc;
}

const struct command command_jobs = {.name = "jobs",
                                     .summary = "List the jobs of a server, newest first, with the reason for their state.",
                                     .operands = "",
                                     .args = jobs_args,
                                     .common_args = client_args,
                                     .params_size = sizeof(struct jobs_params),
                                     .usage_exit = 64,
                                     .example = "trainyard jobs --filter 'state IN (queued, running)'",
                                     .run = jobs_run};
