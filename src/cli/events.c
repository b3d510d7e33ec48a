/* trainyard events: what happened to a job, from its first event; -f goes on until the job is over. --json prints the events as they
 * are, one object a line, each exactly once, whatever the connection does. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/interrupt.h"
#include "cli/jobview.h"
#include "cli/print.h"
#include "cli/terminal.h"

struct events_params {
    struct client_options client; /* first */
    bool follow;
    int64_t after;
};

#define AT(field) offsetof(struct events_params, field)
static const struct arg events_args[] = {
    {.name = "follow", .letter = 'f', .type = ARG_FLAG, .offset = AT(follow), .help = "go on until the job is over"},
    {.name = "after", .type = ARG_INT, .offset = AT(after), .value = "ID", .max = 0x1p53, .help = "only events with greater numbers; 0: all"},
    {0}};

struct printing {
    bool json, done;
    int64_t last; /* without --follow: number of the job's newest event when we came */
};

static int print_event(void *context, const char *name, const char *id, const json_t *body, struct error *err)
{
    struct printing *p = context;
    char line[1280];
    int64_t number = 0;
    int rc = 0;
    if (strcmp(name, "end") == 0) return 0;
    str_to_int64(id, &number);
    if (p->json) rc = print_json_line(stdout, body, err);
    else if (*jobview_event(line, sizeof line, name, body)) {
        printf("%s  %-10s  ", field_text(body, "t"), name);
        print_clean(stdout, line, strlen(line));
        putchar('\n');
    }
    fflush(stdout);
    p->done = p->last > 0 && number >= p->last;
    return rc < 0 ? rc : p->done ? error_set(err, ERROR_STOPPED, NULL, "the newest event") : 0;
}

static bool stop(void *context)
{
    const struct printing *p = context;
    return p->done || interrupt_count() > 0 || ferror(stdout);
}

static int events_run(const struct call *call, struct error *err)
{
    const struct events_params *params = call->params;
    struct printing printing = {.json = params->client.json};
    struct client client;
    json_t *job = NULL;
    int rc = client_open(&client, &params->client, err);
    if (rc == 0) rc = jobview_get(&client, call->operands[0], &job, err);
    if (rc == 0 && !params->follow) printing.last = field_int(job, "event_id", 0);
    json_decref(job);
    if (rc < 0 || (printing.last > 0 && printing.last <= params->after)) return rc;
    interrupt_watch();
    struct follow follow = {.client = &client,
                            .world = &world_real,
                            .job = call->operands[0],
                            .after = params->after,
                            .context = &printing,
                            .event = print_event,
                            .stop = stop};
    rc = follow_run(&follow, err);
    return rc == -ERROR_STOPPED ? 0 : rc;
}

const struct command command_events = {.name = "events",
                                       .summary = "Print a job's events; -f goes on until the job is over.",
                                       .operands = "ID",
                                       .operands_min = 1,
                                       .operands_max = 1,
                                       .args = events_args,
                                       .common_args = client_args,
                                       .params_size = sizeof(struct events_params),
                                       .usage_exit = 64,
                                       .example = "trainyard events -f job_01JDEXAMPLE0000000000000000 --json",
                                       .run = events_run};
