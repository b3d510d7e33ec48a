/* trainyard validate: check a specification without a server and without data; the checks are those of run and of the service. */
#include <stdio.h>

#include "base/str.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/registries.h"
#include "cli/specfile.h"
#include "contract/spec.h"

struct validate_params {
    bool json;
};

static const struct arg validate_args[] = {
    ARG_JSON(offsetof(struct validate_params, json), "print the resolved specification, every default filled in"), {0}};

static int tell_faults(const struct specfile *file, const struct faults *faults, struct error *err)
{
    size_t kept = faults->count < FAULTS_MAX ? faults->count : FAULTS_MAX;
    for (size_t i = 0; i < kept; i++) specfile_fault(file, faults->list[i].pointer, faults->list[i].detail);
    return error_set(err, ERROR_INVALID, NULL, "%zu fault%s in %s", faults->count, str_s(faults->count), file->path);
}

static int tell_valid(const struct specfile *file, const struct spec *spec, bool json, struct error *err)
{
    char digest[SHA256_HEX];
    int rc = spec_digest(spec, digest, err);
    if (rc < 0) return rc;
    if (!json) {
        printf("%s is valid; digest %s\n", file->path, digest);
        return 0;
    }
    json_t *resolved = spec_write(spec, err);
    rc = resolved ? print_json(stdout, resolved, err) : -(int)err->code;
    json_decref(resolved);
    return rc;
}

static int validate_run(const struct call *call, struct error *err)
{
    const struct validate_params *params = call->params;
    struct specfile file;
    struct spec spec;
    struct faults faults = {0};
    struct error why = {0};
    int rc = specfile_read(&file, call->operands[0], err);
    if (rc < 0) return rc;
    rc = spec_read(&spec, file.json, &registry_all, &faults, &why);
    if (rc < 0 && faults.count > 0) rc = tell_faults(&file, &faults, err);
    else if (rc < 0) rc = error_set(err, why.code, NULL, "%s: %s", file.path, why.msg);
    else {
        rc = tell_valid(&file, &spec, params->json, err);
        spec_close(&spec);
    }
    specfile_close(&file);
    return rc;
}

static const struct exit_row validate_exits[] = {
    {0, "valid"}, {65, "faults in the specification, each with file and line"}, {66, "no such file"}, {0}};

const struct command command_validate = {
    .name = "validate",
    .summary = "Check a job specification; all faults at once, with file and line.",
    .details = "Reads no data and needs no server; a SPEC.json of - is standard input. The digest names what determines the model's bits: equal "
               "digests and equal data give equal checkpoints.",
    .operands = "SPEC.json",
    .operands_min = 1,
    .operands_max = 1,
    .args = validate_args,
    .params_size = sizeof(struct validate_params),
    .usage_exit = 64,
    .exits = validate_exits,
    .example = "trainyard validate jobs/ctr.json --json",
    .run = validate_run};
