/* trainyard checkpoint show, verify: what stands in a checkpoint file, and whether it is whole. Both open it as hostile input
 * (contract/safetensors.h); verify also reads every byte: the SHA-256 against the one that was written down beside it, or given, and no
 * tensor of numbers may hold a NaN or an infinity. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/terminal.h"
#include "contract/safetensors.h"
#include "engine/core/half.h"

enum { BLOCK_BYTES = 1 << 20, SIDECAR_MAX_BYTES = 1 << 20 };

struct show_params {
    bool json;
};
struct verify_params {
    const char *sha256;
};

static const struct arg show_args[] = {ARG_JSON(offsetof(struct show_params, json), "one JSON object"), {0}};
static const struct arg verify_args[] = {{.name = "sha256",
                                          .type = ARG_TEXT,
                                          .offset = offsetof(struct verify_params, sha256),
                                          .value = "HEX",
                                          .help = "what it must be; default: what the file <step>.json beside it says"},
                                         {0}};

static void shape_text(char *buf, size_t size, const struct tensor *t)
{
    size_t used = 0;
    buf[0] = 0;
    for (size_t d = 0; d < t->dims && used < size; d++) used += (size_t)snprintf(buf + used, size - used, "%s%" PRIu64, d ? " x " : "", t->shape[d]);
}

static int show_json(const struct safetensors *st, struct error *err)
{
    json_t *tensors = json_array(), *all = json_pack("{s:O, s:O}", "metadata", st->metadata, "tensors", tensors);
    for (size_t i = 0; i < st->count; i++) {
        const struct tensor *t = &st->tensors[i];
        json_t *shape = json_array();
        for (size_t d = 0; d < t->dims; d++) json_array_append_new(shape, json_integer((json_int_t)t->shape[d]));
        json_array_append_new(tensors, json_pack("{s:s, s:s, s:o, s:I}", "name", t->name, "dtype", tensor_dtype_name(t->dtype), "shape", shape,
                                                 "size_bytes", (json_int_t)t->size_bytes));
    }
    int rc = print_json(stdout, all, err);
    json_decref(tensors);
    json_decref(all);
    return rc;
}

static int show_tables(const struct safetensors *st, struct error *err)
{
    struct table facts, tensors;
    const char *key;
    json_t *value;
    char shape[96], bytes[32];
    int rc = 0;
    table_init(&facts, "ll");
    table_init(&tensors, "lllr");
    json_object_foreach (st->metadata, key, value) {
        if (rc == 0) rc = table_cell(&facts, err, "%s", key);
        if (rc == 0) rc = table_cell(&facts, err, "%s", json_string_value(value) ? json_string_value(value) : "");
    }
    static const char *const header[] = {"TENSOR", "TYPE", "SHAPE", "BYTES"};
    for (size_t i = 0; rc == 0 && i < 4; i++) rc = table_cell(&tensors, err, "%s", header[i]);
    for (size_t i = 0; rc == 0 && i < st->count; i++) {
        const struct tensor *t = &st->tensors[i];
        shape_text(shape, sizeof shape, t);
        if ((rc = table_cell(&tensors, err, "%s", t->name)) == 0 && (rc = table_cell(&tensors, err, "%s", tensor_dtype_name(t->dtype))) == 0 &&
            (rc = table_cell(&tensors, err, "%s", shape)) == 0)
            rc = table_cell(&tensors, err, "%s", str_bytes(bytes, sizeof bytes, t->size_bytes));
    }
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
    struct safetensors st;
    int rc = safetensors_open(&st, &world_real, call->operands[0], err);
    if (rc < 0) return rc;
    rc = params->json ? show_json(&st, err) : show_tables(&st, err);
    safetensors_close(&st);
    return rc;
}

/* The SHA-256 that <step>.json beside <step>.safetensors states; "" when there is no such file (final.safetensors has none). */
static int read_sidecar(const char *path, char sha256[SHA256_HEX], struct error *err)
{
    static const char extension[] = ".safetensors";
    char sidecar[PATH_SIZE];
    struct bytes text;
    sha256[0] = 0;
    if (!str_ends(path, extension) || strlen(path) >= PATH_SIZE) return 0;
    snprintf(sidecar, sizeof sidecar, "%.*s.json", (int)(strlen(path) - strlen(extension)), path);
    if (!path_exists(&world_real, sidecar)) return 0;
    bytes_init(&text, SIDECAR_MAX_BYTES);
    int rc = file_slurp(&world_real, sidecar, &text, err);
    json_t *json = rc == 0 ? json_read(text.data, text.size, sidecar, err) : NULL;
    if (rc == 0 && !json) rc = -(int)err->code;
    if (rc == 0 && strlen(field_text(json, "sha256")) != SHA256_HEX - 1) rc = error_set(err, ERROR_DATA, NULL, "%s states no SHA-256", sidecar);
    if (rc == 0) str_copy(sha256, SHA256_HEX, field_text(json, "sha256"));
    json_decref(json);
    bytes_close(&text);
    return rc;
}

static bool is_finite(enum tensor_dtype dtype, const unsigned char *at)
{
    float f32;
    double f64;
    uint16_t half;
    if (dtype == TENSOR_F16 || dtype == TENSOR_BF16)
        return memcpy(&half, at, sizeof half), half_all_finite(dtype == TENSOR_F16 ? TABLE_FP16 : TABLE_BF16, &half, 1);
    if (dtype == TENSOR_F32) return memcpy(&f32, at, sizeof f32), isfinite(f32);
    return memcpy(&f64, at, sizeof f64), isfinite(f64);
}

static int check_tensor(const struct safetensors *st, const struct tensor *t, unsigned char *block, struct error *err)
{
    size_t width = tensor_dtype_size(t->dtype);
    if (t->dtype != TENSOR_F32 && t->dtype != TENSOR_F64 && t->dtype != TENSOR_F16 && t->dtype != TENSOR_BF16) return 0;
    for (uint64_t at = 0; at < t->size_bytes; at += BLOCK_BYTES) {
        size_t size = t->size_bytes - at < BLOCK_BYTES ? (size_t)(t->size_bytes - at) : BLOCK_BYTES;
        int rc = safetensors_read(st, t, at, block, size, err);
        if (rc < 0) return rc;
        for (size_t i = 0; i + width <= size; i += width)
            if (!is_finite(t->dtype, block + i))
                return error_set(err, ERROR_DATA, NULL, "%s: tensor %s: element %" PRIu64 " is not finite", st->path, t->name, (at + i) / width);
    }
    return 0;
}

static int verify_run(const struct call *call, struct error *err)
{
    const struct verify_params *params = call->params;
    const char *path = call->operands[0];
    char want[SHA256_HEX], got[SHA256_HEX];
    struct safetensors st;
    int rc = safetensors_open(&st, &world_real, path, err);
    if (rc < 0) return rc;
    unsigned char *block = mem_zero(BLOCK_BYTES, err);
    if (!block) rc = -ERROR_NOMEM;
    if (rc == 0) rc = read_sidecar(path, want, err);
    if (rc == 0 && params->sha256 && !str_copy(want, sizeof want, params->sha256))
        rc = error_set(err, ERROR_USAGE, NULL, "--sha256 has more than 64 digits");
    if (rc == 0) rc = file_sha256(&world_real, path, got, err);
    if (rc == 0 && *want && strcmp(want, got) != 0)
        rc = error_set(err, ERROR_DATA, NULL, "%s is damaged: its SHA-256 is %s, not %s", path, got, want);
    for (size_t i = 0; rc == 0 && i < st.count; i++) rc = check_tensor(&st, &st.tensors[i], block, err);
    if (rc == 0) printf("%s  %s  %zu tensors, all finite%s\n", got, path, st.count, *want ? "" : "; nothing to compare the SHA-256 with");
    mem_free(block);
    safetensors_close(&st);
    return rc;
}

const struct command command_checkpoint_show = {.name = "checkpoint show",
                                                .summary = "Show what stands in a checkpoint: metadata and tensors.",
                                                .operands = "FILE",
                                                .operands_min = 1,
                                                .operands_max = 1,
                                                .args = show_args,
                                                .params_size = sizeof(struct show_params),
                                                .usage_exit = 64,
                                                .example = "trainyard checkpoint show runs/ctr/final.safetensors",
                                                .run = show_run};

static const struct exit_row verify_exits[] = {{0, "whole"}, {65, "damaged: the message says where"}, {66, "no such file"}, {0}};

const struct command command_checkpoint_verify = {.name = "checkpoint verify",
                                                  .summary = "Check that a checkpoint is whole: structure, SHA-256, finite numbers.",
                                                  .operands = "FILE",
                                                  .operands_min = 1,
                                                  .operands_max = 1,
                                                  .args = verify_args,
                                                  .params_size = sizeof(struct verify_params),
                                                  .usage_exit = 64,
                                                  .exits = verify_exits,
                                                  .example = "trainyard checkpoint verify runs/ctr/checkpoints/000000001000.safetensors",
                                                  .run = verify_run};
