/* trainyard checkpoint export: one whole safetensors file of a checkpoint, a delta with what it stands on among them; on request the weights alone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/checkpoint_file.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/terminal.h"

struct export_params {
    const char *out;
    bool weights, json;
};
static const struct arg export_args[] = {
    {.name = "out",
     .letter = 'o',
     .type = ARG_TEXT,
     .offset = offsetof(struct export_params, out),
     .value = "FILE",
     .help = "the file to write",
     .required = true},
    {.name = "weights-only",
     .type = ARG_FLAG,
     .offset = offsetof(struct export_params, weights),
     .help = "leave out optimiser state, residuals and what else only a resume needs; predict reads the file as before"},
    ARG_JSON(offsetof(struct export_params, json), "one JSON object"),
    {0}};

/* What scoring needs: the model's own tensors, and which rows, features and corrections they go by. */
static bool scores_with(void *context, const struct tensor *t)
{
    static const char *const also[] = {"admission.", "vocabulary.", "transform.", "calibration."};
    const struct checkpoint_model *m = context;
    if (strcmp(t->name, "slots") == 0) return true;
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(t->name, m->descs[i].name) == 0) return true;
    for (size_t i = 0; i < sizeof also / sizeof *also; i++)
        if (str_starts(t->name, also[i])) return true;
    return false;
}

static int write_out(const struct checkpoint_file *f, const struct export_params *params, char sha256[SHA256_HEX], uint64_t *size, struct error *err)
{
    struct checkpoint_model *m = mem_zero(sizeof *m, err);
    json_t *metadata = chain_metadata(&f->chain, err);
    int rc = m && metadata ? 0 : -ERROR_NOMEM;
    if (rc == 0 && params->weights) rc = checkpoint_model_read(m, f, err);
    if (rc == 0 && params->weights && json_object_set_new(metadata, "contents", json_string("weights")) < 0)
        rc = error_set(err, ERROR_NOMEM, NULL, "cannot write the metadata");
    if (rc == 0) rc = chain_write(&f->chain, &world_real, params->out, params->weights ? scores_with : NULL, m, metadata, sha256, size, err);
    if (m) checkpoint_model_close(m);
    json_decref(metadata);
    mem_free(m);
    return rc;
}

/* --out in the place of what is read, by any name, would break the chain that stands on it. */
static int out_is_no_link(const struct checkpoint_file *f, const char *out, struct error *err)
{
    struct file_stat there, link;
    char path[PATH_SIZE];
    if (path_stat(&world_real, out, &there, NULL) < 0) return 0;
    for (size_t i = 0; i < f->chain.count; i++) {
        int rc = checkpoint_file_link(f, i, path, err);
        if (rc < 0) return rc;
        if (path_stat(&world_real, path, &link, NULL) == 0 && link.inode == there.inode && link.device == there.device)
            return error_set(err, ERROR_USAGE, NULL, "--out %s is a file that is read, which it would replace; name another", out);
    }
    return 0;
}

static int export_run(const struct call *call, struct error *err)
{
    const struct export_params *params = call->params;
    char sha256[SHA256_HEX], bytes[32];
    uint64_t size = 0;
    struct checkpoint_file *f = mem_zero(sizeof *f, err);
    int rc = f ? checkpoint_file_open(f, call->operands[0], err) : -ERROR_NOMEM;
    if (rc == 0) rc = out_is_no_link(f, params->out, err);
    if (rc == 0) rc = write_out(f, params, sha256, &size, err);
    if (rc == 0 && params->json) {
        json_t *told = json_pack("{s:s, s:s, s:I, s:I}", "path", params->out, "sha256", sha256, "size_bytes", (json_int_t)size, "files",
                                 (json_int_t)f->chain.count);
        rc = print_json(stdout, told, err);
        json_decref(told);
    } else if (rc == 0) {
        printf("%s  ", sha256);
        print_clean(stdout, params->out, strlen(params->out));
        printf("  %s out of %zu file%s\n", str_bytes(bytes, sizeof bytes, size), f->chain.count, f->chain.count > 1 ? "s" : "");
    }
    if (f) checkpoint_file_close(f);
    mem_free(f);
    return rc;
}

static const struct exit_row export_exits[] = {{0, "written"},
                                               {64, "wrong usage"},
                                               {65, "damaged: the message says where"},
                                               {66, "no such file"},
                                               {73, "disk full"},
                                               {75, "another command writes --out"},
                                               {0}};

const struct command command_checkpoint_export = {
    .name = "checkpoint export",
    .summary = "Write a checkpoint or a delta as one whole file, or its weights alone.",
    .details =
        "FILE is a checkpoint, or a run directory: its final.safetensors, or its newest checkpoint. Of a delta comes, byte for byte, the whole "
        "checkpoint of its step. --out appears when it is whole.",
    .operands = "FILE",
    .operands_min = 1,
    .operands_max = 1,
    .args = export_args,
    .params_size = sizeof(struct export_params),
    .usage_exit = 64,
    .exits = export_exits,
    .example = "trainyard checkpoint export runs/ctr/checkpoints/000000001200.delta.safetensors --out step1200.safetensors",
    .run = export_run};
