/* trainyard cancel, pause, resume: one wish for one or more jobs. Each job is asked for in turn; the first refusal is told after all
 * were tried, so that one job that is over does not save the others. */
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/print.h"

struct moves_params {
    struct client_options client; /* first */
};

static int move(const struct client *client, const char *id, const char *wish, bool json, struct error *err)
{
    char path[256], tail[32];
    json_t *job = NULL;
    snprintf(tail, sizeof tail, "/%s", wish);
    int rc = client_job_path(path, sizeof path, id, tail, err);
    if (rc == 0) rc = client_json(client, &(struct client_call){.method = "POST", .path = path}, &job, err);
    if (rc == 0 && json) rc = print_json_line(stdout, job, err);
    else if (rc == 0) printf("%s %.32s\n", field_text(job, "id"), field_text(job, "state"));
    json_decref(job);
    return rc < 0 ? error_wrap(err, "%.64s", id) : 0;
}

static int moves_run(const struct call *call, struct error *err)
{
    const struct moves_params *params = call->params;
    struct client client;
    int rc = client_open(&client, &params->client, err);
    if (rc < 0) return rc;
    for (size_t i = 0; i < call->operand_count; i++) {
        struct error why = {0};
        if (move(&client, call->operands[i], call->command->name, params->client.json, &why) < 0) rc = error_set(err, why.code, NULL, "%s", why.msg);
    }
    return rc;
}

#define MOVE(verb, text, more) \
    { \
        .name = verb, .summary = text, .details = more, .operands = "ID...", .operands_min = 1, .operands_max = OPERANDS_MAX, \
        .common_args = client_args, .params_size = sizeof(struct moves_params), .usage_exit = 64, \
        .example = "trainyard " verb " job_01JDEXAMPLE0000000000000000", .run = moves_run \
    }
const struct command command_cancel = MOVE("cancel", "Stop jobs for good; their checkpoints stay.",
                                           "A queued job is cancelled at once, a running one writes a checkpoint first.");
const struct command command_pause = MOVE("pause", "Stop jobs for now: checkpoint, then wait for `resume`.", NULL);
const struct command command_resume = MOVE("resume", "Put paused jobs back into the queue; they go on from their checkpoints.", NULL);
