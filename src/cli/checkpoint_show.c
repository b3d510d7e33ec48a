/* trainyard checkpoint show: what stands in a checkpoint: where it comes from, which model it is, its tensors and how large their values are. */
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

struct show_params {
    bool json;
};
static const struct arg show_args[] = {ARG_JSON(offsetof(struct show_params, json), "one JSON object"), {0}};

struct sizes { /* of a tensor's values; NaN: they are no floats */
    double norm, largest;
};

static int measure(const struct checkpoint_file *f, const struct tensor *t, double *block, struct sizes *out, struct error *err)
{
    uint64_t count = tensor_count(t);
    double sum = 0, largest = 0;
    *out = (struct sizes){NAN, NAN};
    if (!tensor_is_float(t)) return 0;
    for (uint64_t at = 0; at < count; at += VALUES_BLOCK) {
        size_t n = count - at < VALUES_BLOCK ? (size_t)(count - at) : VALUES_BLOCK;
        int rc = tensor_values(&f->file, t, at, n, block, err);
        if (rc < 0) return rc;
        for (size_t i = 0; i < n; i++) {
            sum += block[i] * block[i];
            if (!(fabs(block[i]) <= largest)) largest = fabs(block[i]); /* NaN stays */
        }
    }
    *out = (struct sizes){sqrt(sum), largest};
    return 0;
}

static uint64_t live_rows(const struct checkpoint_file *f)
{
    const struct tensor *slots = f->file.find(f->file.impl, "slots");
    return slots && slots->dims == 1 ? slots->shape[0] : 0;
}

static int show_json(const struct checkpoint_file *f, const struct sizes *sizes, struct error *err)
{
    json_t *metadata = chain_metadata(&f->chain, err), *tensors = json_array(), *files = json_array();
    for (size_t i = 0; i < f->chain.tensor_count; i++) {
        const struct tensor *t = &f->chain.tensors[i];
        json_t *shape = json_array();
        for (size_t d = 0; d < t->dims; d++) json_array_append_new(shape, json_integer((json_int_t)t->shape[d]));
        json_array_append_new(tensors, json_pack("{s:s, s:s, s:o, s:I, s:o, s:o}", "name", t->name, "dtype", tensor_dtype_name(t->dtype), "shape",
                                                 shape, "size_bytes", (json_int_t)t->size_bytes, "norm", json_real_or_null(sizes[i].norm), "largest",
                                                 json_real_or_null(sizes[i].largest)));
    }
    for (size_t i = 0; i < f->chain.count; i++) {
        char path[PATH_SIZE];
        if (checkpoint_file_link(f, i, path, NULL) == 0) json_array_append_new(files, json_string(path));
    }
    json_t *all = json_pack("{s:o, s:o, s:o, s:I, s:b}", "metadata", metadata, "tensors", tensors, "files", files, "live_rows",
                            (json_int_t)live_rows(f), "delta", f->chain.count > 1);
    int rc = all ? print_json(stdout, all, err) : error_set(err, ERROR_NOMEM, NULL, "cannot show %s", f->path);
    json_decref(all);
    return rc;
}

static int facts_fill(struct table *facts, const struct checkpoint_file *f, struct error *err)
{
    json_t *metadata = chain_metadata(&f->chain, err), *value;
    const char *key;
    char path[PATH_SIZE];
    int rc = metadata ? 0 : -ERROR_NOMEM;
    for (size_t i = 0; rc == 0 && i < f->chain.count; i++) {
        if ((rc = checkpoint_file_link(f, i, path, err)) == 0)
            rc = table_cell(facts, err, "%s", i > 0 ? "and the delta" : f->chain.count > 1 ? "whole file" : "file");
        if (rc == 0) rc = table_cell(facts, err, "%s", path);
    }
    json_object_foreach (metadata, key, value) {
        if (rc == 0) rc = table_cell(facts, err, "%s", key);
        if (rc == 0) rc = table_cell(facts, err, "%s", json_string_value(value) ? json_string_value(value) : "");
    }
    if (rc == 0 && (rc = table_cell(facts, err, "live rows")) == 0) rc = table_cell(facts, err, "%" PRIu64, live_rows(f));
    json_decref(metadata);
    return rc;
}

static int tensor_row(struct table *tensors, const struct tensor *t, const struct sizes *sizes, struct error *err)
{
    char text[96];
    int rc = table_cell(tensors, err, "%s", t->name);
    if (rc == 0) rc = table_cell(tensors, err, "%s", tensor_dtype_name(t->dtype));
    if (rc == 0) rc = table_cell(tensors, err, "%s", tensor_shape(text, sizeof text, t));
    if (rc == 0) rc = table_cell(tensors, err, "%s", str_bytes(text, sizeof text, t->size_bytes));
    for (int i = 0; rc == 0 && i < 2; i++)
        rc = tensor_is_float(t) ? table_cell(tensors, err, "%.4g", i ? sizes->largest : sizes->norm) : table_cell(tensors, err, "%s", "");
    return rc;
}

static int show_tables(const struct checkpoint_file *f, const struct sizes *sizes, struct error *err)
{
    static const char *const header[] = {"TENSOR", "TYPE", "SHAPE", "BYTES", "NORM", "LARGEST"};
    struct table facts, tensors;
    table_init(&facts, "ll");
    table_init(&tensors, "lllrrr");
    int rc = facts_fill(&facts, f, err);
    for (size_t i = 0; rc == 0 && i < sizeof header / sizeof *header; i++) rc = table_cell(&tensors, err, "%s", header[i]);
    for (size_t i = 0; rc == 0 && i < f->chain.tensor_count; i++) rc = tensor_row(&tensors, &f->chain.tensors[i], &sizes[i], err);
    if (rc == 0) {
        table_print(&facts, stdout);
        putchar('\n');
        table_print(&tensors, stdout);
    }
    table_close(&facts);
    table_close(&tensors);
    return rc;
}

static int show_run(const struct call *call, struct error *err)
{
    const struct show_params *params = call->params;
    struct checkpoint_file *f = mem_zero(sizeof *f, err);
    double *block = mem_array(VALUES_BLOCK, 1, sizeof *block, err);
    struct sizes *sizes = NULL;
    int rc = f && block ? checkpoint_file_open(f, call->operands[0], err) : -ERROR_NOMEM;
    if (rc == 0 && !(sizes = mem_array(f->chain.tensor_count, 1, sizeof *sizes, err))) rc = -ERROR_NOMEM;
    for (size_t i = 0; rc == 0 && i < f->chain.tensor_count; i++) rc = measure(f, &f->chain.tensors[i], block, &sizes[i], err);
    if (rc == 0) rc = params->json ? show_json(f, sizes, err) : show_tables(f, sizes, err);
    if (f) checkpoint_file_close(f);
    mem_free(sizes);
    mem_free(block);
    mem_free(f);
    return rc;
}

const struct command command_checkpoint_show = {
    .name = "checkpoint show",
    .summary = "Show what stands in a checkpoint: metadata, tensors, rows, norms.",
    .details =
        "FILE is a checkpoint, or a run directory: its final.safetensors, or its newest checkpoint. A delta is shown as the whole file that it "
        "comes to with those that it stands on. NORM is the root of the sum of squares, LARGEST the largest magnitude.",
    .operands = "FILE",
    .operands_min = 1,
    .operands_max = 1,
    .args = show_args,
    .params_size = sizeof(struct show_params),
    .usage_exit = 64,
    .example = "trainyard checkpoint show runs/ctr/final.safetensors",
    .run = show_run};
