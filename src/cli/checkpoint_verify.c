/* trainyard checkpoint verify: is a checkpoint whole? Structure, the chain of a delta, each file's SHA-256 against the one that was written down, and
 * that every tensor of its recipe's model is there, in its shape and finite. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/checkpoint_file.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/terminal.h"
#include "contract/sidecar.h"

struct verify_params {
    const char *sha256;
    bool json;
};
static const struct arg verify_args[] = {{.name = "sha256",
                                          .type = ARG_TEXT,
                                          .offset = offsetof(struct verify_params, sha256),
                                          .value = "HEX",
                                          .help = "what it must be; default: what the .json of its name beside it says"},
                                         ARG_JSON(offsetof(struct verify_params, json), "one JSON object"),
                                         {0}};

struct link_found { /* a file of the chain */
    char path[PATH_SIZE], sha256[SHA256_HEX];
    uint64_t size_bytes;
    bool compared; /* with what was written down */
};

struct found {
    struct link_found *links; /* (chain.count) */
    bool modelled;
    uint64_t live;
    const char *kind;
};

static int check_link(const struct checkpoint_file *f, size_t index, const char *given, struct link_found *link, struct error *err)
{
    struct file_stat stat = {0};
    int rc = checkpoint_file_link(f, index, link->path, err);
    if (rc == 0) rc = path_stat(&world_real, link->path, &stat, err);
    if (rc == 0 && given && strlen(given) >= SHA256_HEX) rc = error_set(err, ERROR_USAGE, NULL, "--sha256 has more than 64 digits");
    if (rc == 0) rc = file_sha256(&world_real, link->path, link->sha256, err);
    if (rc < 0) return rc;
    link->size_bytes = stat.size_bytes;
    if (given && strcmp(given, link->sha256) != 0)
        return error_set(err, ERROR_DATA, NULL, "%s is damaged: its SHA-256 is %s, not %s", link->path, link->sha256, given);
    if (!given && (rc = sidecar_compare(&world_real, link->path, link->sha256, err)) < 0) return rc;
    link->compared = given || rc == 1 || index + 1 < f->chain.count; /* the digest that the next file states was compared when the chain was opened */
    return 0;
}

static int check_finite(const struct checkpoint_file *f, const struct tensor *t, double *block, struct error *err)
{
    uint64_t count = tensor_count(t);
    for (uint64_t at = 0; tensor_is_float(t) && at < count; at += VALUES_BLOCK) {
        size_t n = count - at < VALUES_BLOCK ? (size_t)(count - at) : VALUES_BLOCK;
        int rc = tensor_values(&f->file, t, at, n, block, err);
        if (rc < 0) return rc;
        for (size_t i = 0; i < n; i++)
            if (!isfinite(block[i]))
                return error_set(err, ERROR_DATA, NULL, "%s: tensor %s: element %" PRIu64 " is not finite", f->file.path, t->name, at + i);
    }
    return 0;
}

/* A file without a recipe may still be a whole one of another program. */
static int check_model(const struct checkpoint_file *f, struct checkpoint_model *m, struct found *found, struct error *err)
{
    if (!f->file.metadata(f->file.impl, "recipe")) return 0;
    int rc = checkpoint_model_read(m, f, err);
    if (rc < 0) return rc;
    found->modelled = true;
    found->kind = m->kind;
    return checkpoint_model_check(m, f, &found->live, err);
}

static int tell_json(const struct checkpoint_file *f, const struct found *found, struct error *err)
{
    json_t *files = json_array();
    for (size_t i = 0; i < f->chain.count; i++) {
        const struct link_found *l = &found->links[i];
        json_array_append_new(files, json_pack("{s:s, s:s, s:I, s:b}", "path", l->path, "sha256", l->sha256, "size_bytes", (json_int_t)l->size_bytes,
                                               "compared", l->compared));
    }
    json_t *all = json_pack("{s:b, s:o, s:I, s:o, s:o}", "whole", true, "files", files, "tensors", (json_int_t)f->chain.tensor_count, "model",
                            found->kind ? json_string(found->kind) : json_null(), "live_rows",
                            found->modelled ? json_integer((json_int_t)found->live) : json_null());
    int rc = all ? print_json(stdout, all, err) : error_set(err, ERROR_NOMEM, NULL, "cannot tell of %s", f->path);
    json_decref(all);
    return rc;
}

static int tell(const struct checkpoint_file *f, const struct found *found, struct error *err)
{
    struct table t;
    char bytes[32];
    int rc = 0;
    bool compared = true;
    table_init(&t, "llr");
    for (size_t i = 0; rc == 0 && i < f->chain.count; i++) {
        const struct link_found *l = &found->links[i];
        compared &= l->compared;
        rc = table_cell(&t, err, "%s", l->sha256);
        if (rc == 0) rc = table_cell(&t, err, "%s", l->path);
        if (rc == 0) rc = table_cell(&t, err, "%s", str_bytes(bytes, sizeof bytes, l->size_bytes));
    }
    if (rc == 0) table_print(&t, stdout);
    table_close(&t);
    if (rc < 0) return rc;
    printf("whole: %zu tensors, all finite", f->chain.tensor_count);
    if (found->modelled) printf(", as its recipe has them (%s, %" PRIu64 " live rows)", found->kind, found->live);
    else printf("; it has no recipe to compare their shapes with");
    printf("%s\n", compared ? "" : "; nothing to compare the SHA-256 with");
    return 0;
}

static int verify_run(const struct call *call, struct error *err)
{
    const struct verify_params *params = call->params;
    struct found found = {0};
    struct checkpoint_file *f = mem_zero(sizeof *f, err);
    struct checkpoint_model *m = mem_zero(sizeof *m, err);
    double *block = mem_array(VALUES_BLOCK, 1, sizeof *block, err);
    int rc = f && m && block ? checkpoint_file_open(f, call->operands[0], err) : -ERROR_NOMEM;
    size_t files = rc == 0 ? f->chain.count : 0;
    if (rc == 0 && !(found.links = mem_array(files, 1, sizeof *found.links, err))) rc = -ERROR_NOMEM;
    for (size_t i = 0; rc == 0 && i < files; i++) rc = check_link(f, i, i + 1 == files ? params->sha256 : NULL, &found.links[i], err);
    for (size_t i = 0; rc == 0 && i < f->chain.tensor_count; i++) rc = check_finite(f, &f->chain.tensors[i], block, err);
    if (rc == 0) rc = check_model(f, m, &found, err);
    if (rc == 0) rc = params->json ? tell_json(f, &found, err) : tell(f, &found, err);
    if (m) checkpoint_model_close(m);
    if (f) checkpoint_file_close(f);
    mem_free(found.links);
    mem_free(block);
    mem_free(m);
    mem_free(f);
    return rc;
}

static const struct exit_row verify_exits[] = {{0, "whole"}, {65, "damaged: the message says where"}, {66, "no such file"}, {0}};

const struct command command_checkpoint_verify = {.name = "checkpoint verify",
                                                  .summary = "Check that a checkpoint is whole: chain, SHA-256, shapes, finite numbers.",
                                                  .details = "FILE is a checkpoint, or a run directory: its final.safetensors, or its newest "
                                                             "checkpoint. Of a delta all files that it stands on are checked.",
                                                  .operands = "FILE",
                                                  .operands_min = 1,
                                                  .operands_max = 1,
                                                  .args = verify_args,
                                                  .params_size = sizeof(struct verify_params),
                                                  .usage_exit = 64,
                                                  .exits = verify_exits,
                                                  .example = "trainyard checkpoint verify runs/ctr/checkpoints/000000001000.safetensors",
                                                  .run = verify_run};
