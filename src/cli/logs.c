/* trainyard logs: a job's run.log; -f goes on until the job is over. The server tells the offset of what it sent (Log-Offset), so
 * following asks for what was written since: nothing is printed twice or left out, also over a lost connection. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/world.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/jobview.h"
#include "cli/print.h"
#include "cli/terminal.h"
#include "contract/job.h"

enum { POLL_MS = 700, GIVE_UP_MS = 600000 };

struct logs_params {
    struct client_options client; /* first */
    bool follow;
    int64_t tail;
};

#define AT(field) offsetof(struct logs_params, field)
static const struct arg logs_args[] = {
    {.name = "follow", .letter = 'f', .type = ARG_FLAG, .offset = AT(follow), .help = "go on until the job is over"},
    {.name = "tail",
     .letter = 'n',
     .type = ARG_INT,
     .offset = AT(tail),
     .value = "N",
     .def = 1000,
     .max = 1e6,
     .help = "the last so many lines; 0: all"},
    {0}};

struct reading {
    struct client client;
    const char *id;
    int64_t next; /* offset of the next byte; -1: the tail was not read yet */
};

/* Prints what the server has; *got: whether there was something. */
static int read_more(struct reading *r, int64_t tail, bool *got, struct error *err)
{
    char query[96], path[256], url[CLIENT_URL_SIZE], offset[32];
    const char *headers[CLIENT_HEADERS_MAX + 4];
    struct http_request request;
    struct http_response response;
    struct client_call call = {.method = "GET", .path = path};
    int64_t from = 0;
    if (r->next < 0) snprintf(query, sizeof query, "/logs?tail=%" PRId64, tail);
    else snprintf(query, sizeof query, "/logs?from=%" PRId64, r->next);
    int rc = client_job_path(path, sizeof path, r->id, query, err);
    if (rc == 0) rc = client_request(&r->client, &call, &request, url, headers, err);
    if (rc < 0) return rc;
    rc = http_send(&request, &response, err);
    if (rc == 0 && response.status != 200) rc = client_problem(&response, NULL, err);
    if (rc == 0) {
        if (!str_to_int64(http_header(&response, "Log-Offset", offset, sizeof offset), &from) || from < 0) from = r->next < 0 ? 0 : r->next;
        *got = response.body.size > 0;
        r->next = from + (int64_t)response.body.size;
        print_clean(stdout, bytes_text(&response.body), response.body.size);
        fflush(stdout);
    }
    http_response_close(&response);
    return rc;
}

static int is_over(const struct reading *r, bool *over, struct error *err)
{
    json_t *job = NULL;
    enum job_state state;
    int rc = jobview_get(&r->client, r->id, &job, err);
    *over = rc == 0 && job_state_parse(field_text(job, "state"), &state) && job_state_final(state);
    json_decref(job);
    return rc;
}

static int follow(struct reading *r, struct error *err)
{
    int64_t lost_ms = -1;
    bool over = false, got = false;
    while (!ferror(stdout)) {
        struct error why = {0};
        int rc = is_over(r, &over, &why); /* asked first: what it wrote before its end is read after */
        if (rc == 0) rc = read_more(r, 0, &got, &why);
        int64_t now = world_mono_ms(&world_real);
        if (rc == 0) lost_ms = -1;
        else if (lost_ms < 0) lost_ms = now;
        bool again = rc == -ERROR_UNAVAILABLE || rc == -ERROR_BUSY;
        if (rc < 0 && (!again || now - lost_ms > GIVE_UP_MS)) return error_set(err, why.code, NULL, "%s", why.msg);
        if (rc == 0 && over && !got) return 0;
        if ((rc < 0 || !got) && interrupt_wait(POLL_MS, 0)) return 0;
        if (interrupt_count() > 0) return 0;
    }
    return 0;
}

static int logs_run(const struct call *call, struct error *err)
{
    const struct logs_params *params = call->params;
    struct reading r = {.id = call->operands[0], .next = -1};
    bool got = false;
    int rc = client_open(&r.client, &params->client, err);
    if (rc == 0) rc = read_more(&r, params->tail, &got, err);
    if (rc < 0 || !params->follow) return rc;
    interrupt_watch();
    return follow(&r, err);
}

const struct command command_logs = {.name = "logs",
                                     .summary = "Print a job's log; -f goes on until the job is over.",
                                     .details = "Control characters in the log are printed as \\xNN.",
                                     .operands = "ID",
                                     .operands_min = 1,
                                     .operands_max = 1,
                                     .args = logs_args,
                                     .common_args = client_args,
                                     .params_size = sizeof(struct logs_params),
                                     .usage_exit = 64,
                                     .example = "trainyard logs -f job_01JDEXAMPLE0000000000000000",
                                     .run = logs_run};
