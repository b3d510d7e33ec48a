/* trainyard validate: check a specification without a server and without data; the checks are those of run and of the service. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/print.h"
#include "cli/registries.h"
#include "contract/spec.h"

struct validate_params {
    bool json;
};

static const struct arg validate_args[] = {{.name = "json",
                                            .type = ARG_FLAG,
                                            .offset = offsetof(struct validate_params, json),
                                            .help = "print the resolved specification, every default filled in"},
                                           {0}};

static int validate_run(const struct call *call, struct error *err)
{
    const struct validate_params *params = call->params;
    struct spec spec;
    char digest[SHA256_HEX];
    int rc = spec_load(&spec, &world_real, call->operands[0], &registry_all, err);
    if (rc < 0) return rc;
    if (params->json) {
        json_t *resolved = spec_write(&spec, err);
        rc = resolved ? print_json(stdout, resolved, err) : -(int)err->code;
        json_decref(resolved);
    } else if ((rc = spec_digest(&spec, digest, err)) == 0) {
        printf("%s is valid; digest %s\n", call->operands[0], digest);
    }
    spec_close(&spec);
    return rc;
}

static const struct exit_row validate_exits[] = {
    {0, "valid"}, {65, "faults in the specification, each with file and line"}, {66, "no such file"}, {0}};

const struct command command_validate = {
    .name = "validate",
    .summary = "Check a job specification; all faults at once, with file and line.",
    .details = "Reads no data and needs no server. The digest names what determines the model's bits; two specifications with equal digests and "
               "equal data give equal checkpoints.",
    .operands = "SPEC.json",
    .operands_min = 1,
    .operands_max = 1,
    .args = validate_args,
    .params_size = sizeof(struct validate_params),
    .usage_exit = 64,
    .exits = validate_exits,
    .example = "trainyard validate jobs/ctr.json --json",
    .run = validate_run};
