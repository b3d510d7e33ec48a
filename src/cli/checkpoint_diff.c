/* trainyard checkpoint diff: what differs between two checkpoints: metadata, tensors, rows, and how far. Rows of tables are matched by their slot. */
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

enum { DIFFERS = 1, SHOWN_MAX = 48 };

struct diff_params {
    bool json;
};
static const struct arg diff_args[] = {ARG_JSON(offsetof(struct diff_params, json), "one JSON object"), {0}};

struct side {
    struct checkpoint_file file;
    uint32_t *slots; /* (live) */
    uint64_t live;
};

struct difference { /* of a tensor */
    const char *name;
    const char *other; /* what makes them incomparable; NULL: the figures say */
    uint64_t only[2], rows, values;
    double largest;
};

struct diff {
    struct side side[2];
    struct checkpoint_model model; /* of A; no tensors: it has no recipe */
    struct difference *list;       /* those that differ */
    size_t count, same;
    json_t *metadata; /* {key: [A, B]}, null where a file has none */
};

struct rows { /* a tensor, read row by row, upwards */
    const struct checkpoint_file *file;
    const struct tensor *tensor;
    uint64_t width, from, count; /* rows in block */
    double *block;
};

static int rows_open(struct rows *r, const struct checkpoint_file *f, const struct tensor *t, struct error *err)
{
    uint64_t rows = t->dims > 0 ? t->shape[0] : 1;
    *r = (struct rows){.file = f, .tensor = t, .width = rows ? tensor_count(t) / rows : 0};
    r->block = mem_array(r->width > VALUES_BLOCK ? (size_t)r->width : VALUES_BLOCK, 1, sizeof *r->block, err);
    return r->block ? 0 : -ERROR_NOMEM;
}

static int rows_at(struct rows *r, uint64_t row, const double **out, struct error *err)
{
    if (row < r->from || row >= r->from + r->count) {
        uint64_t all = r->tensor->dims > 0 ? r->tensor->shape[0] : 1, room = r->width < VALUES_BLOCK ? VALUES_BLOCK / (r->width ? r->width : 1) : 1;
        r->from = row;
        r->count = all - row < room ? all - row : room;
        int rc = tensor_values(&r->file->file, r->tensor, row * r->width, (size_t)(r->count * r->width), r->block, err);
        if (rc < 0) return rc;
    }
    *out = r->block + (row - r->from) * r->width;
    return 0;
}

static void row_compare(struct difference *d, const double *a, const double *b, uint64_t width)
{
    uint64_t before = d->values;
    for (uint64_t j = 0; j < width; j++) {
        if (a[j] == b[j] || (isnan(a[j]) && isnan(b[j]))) continue;
        double apart = fabs(a[j] - b[j]);
        d->values++;
        if (!(apart <= d->largest)) d->largest = apart;
    }
    d->rows += d->values > before;
}

/* keyed: rows of one slot are compared, else those of one number. */
static int rows_compare(struct difference *d, struct rows r[2], const struct side *sides, bool keyed, struct error *err)
{
    uint64_t n[2] = {r[0].tensor->dims ? r[0].tensor->shape[0] : 1, r[1].tensor->dims ? r[1].tensor->shape[0] : 1}, i = 0, j = 0;
    const double *a, *b;
    int rc = 0;
    while (rc == 0 && (i < n[0] || j < n[1])) {
        uint64_t x = i == n[0] ? UINT64_MAX : keyed ? sides[0].slots[i] : i, y = j == n[1] ? UINT64_MAX : keyed ? sides[1].slots[j] : j;
        if (x < y) d->only[0]++, i++;
        else if (y < x) d->only[1]++, j++;
        else if ((rc = rows_at(&r[0], i++, &a, err)) == 0 && (rc = rows_at(&r[1], j++, &b, err)) == 0) row_compare(d, a, b, r[0].width);
    }
    return rc;
}

/* Is it a table of the model, or a state of one: a row a slot? */
static bool is_keyed(const struct diff *diff, const struct tensor *a, const struct tensor *b)
{
    if (strcmp(a->name, "slots") == 0) return true;
    for (size_t t = 0; t < diff->model.count; t++) {
        const struct param_desc *desc = &diff->model.descs[t];
        size_t n = strlen(desc->name);
        if (desc->table && strncmp(a->name, desc->name, n) == 0 && (a->name[n] == 0 || a->name[n] == '.'))
            return a->dims == 2 && a->shape[0] == diff->side[0].live && b->shape[0] == diff->side[1].live;
    }
    return false;
}

static bool same_shape(const struct tensor *a, const struct tensor *b, bool keyed)
{
    bool same = a->dtype == b->dtype && a->dims == b->dims;
    for (size_t d = keyed ? 1 : 0; same && d < a->dims; d++) same = a->shape[d] == b->shape[d];
    return same;
}

static int tensor_compare(struct diff *diff, const char *name, struct error *err)
{
    const struct tensor_file *files[2] = {&diff->side[0].file.file, &diff->side[1].file.file};
    const struct tensor *t[2] = {files[0]->find(files[0]->impl, name), files[1]->find(files[1]->impl, name)};
    struct difference d = {.name = name};
    struct rows r[2] = {{0}, {0}};
    int rc = 0;
    bool keyed = t[0] && t[1] && is_keyed(diff, t[0], t[1]);
    if (!t[0] || !t[1]) d.other = t[0] ? "only in A" : "only in B";
    else if (!same_shape(t[0], t[1], keyed)) d.other = "another shape or type";
    else {
        for (int i = 0; rc == 0 && i < 2; i++) rc = rows_open(&r[i], &diff->side[i].file, t[i], err);
        if (rc == 0) rc = rows_compare(&d, r, diff->side, keyed, err);
        mem_free(r[0].block);
        mem_free(r[1].block);
    }
    if (d.other || d.only[0] || d.only[1] || d.values) diff->list[diff->count++] = d;
    else diff->same++;
    return rc;
}

static int tensors_compare(struct diff *diff, struct error *err)
{
    const struct chain *a = &diff->side[0].file.chain, *b = &diff->side[1].file.chain;
    int rc = (diff->list = mem_array(a->tensor_count + b->tensor_count, 1, sizeof *diff->list, err)) ? 0 : -ERROR_NOMEM;
    for (size_t i = 0; rc == 0 && i < a->tensor_count; i++) rc = tensor_compare(diff, a->tensors[i].name, err);
    for (size_t i = 0; rc == 0 && i < b->tensor_count; i++)
        if (!diff->side[0].file.file.find(a, b->tensors[i].name)) rc = tensor_compare(diff, b->tensors[i].name, err);
    return rc;
}

static int metadata_compare(struct diff *diff, struct error *err)
{
    json_t *m[2] = {chain_metadata(&diff->side[0].file.chain, err), chain_metadata(&diff->side[1].file.chain, err)}, *value;
    const char *key;
    diff->metadata = json_object();
    for (int i = 0; m[0] && m[1] && i < 2; i++)
        json_object_foreach (m[i], key, value) {
            json_t *a = json_object_get(m[0], key), *b = json_object_get(m[1], key);
            if (json_equal(a, b)) continue;
            json_object_set_new(diff->metadata, key, json_pack("[o, o]", a ? json_incref(a) : json_null(), b ? json_incref(b) : json_null()));
        }
    int rc = m[0] && m[1] && diff->metadata ? 0 : error_set(err, ERROR_NOMEM, NULL, "cannot compare the metadata");
    json_decref(m[0]);
    json_decref(m[1]);
    return rc;
}

static int side_open(struct side *s, const char *operand, struct error *err)
{
    int rc = checkpoint_file_open(&s->file, operand, err);
    if (rc < 0) return rc;
    const struct tensor_file *file = &s->file.file;
    const struct tensor *slots = file->find(file->impl, "slots");
    if (!slots || slots->dtype != TENSOR_U32 || slots->dims != 1) return 0;
    s->live = slots->shape[0];
    if (!(s->slots = mem_array((size_t)s->live, 1, sizeof *s->slots, err))) return -ERROR_NOMEM;
    if ((rc = file->read(file->impl, slots, 0, s->slots, (size_t)slots->size_bytes, err)) < 0) return rc;
    for (uint64_t i = 1; i < s->live; i++)
        if (s->slots[i] <= s->slots[i - 1]) return error_set(err, ERROR_DATA, NULL, "%s: its slots do not ascend", file->path);
    return 0;
}

static int tell_json(const struct diff *diff, struct error *err)
{
    json_t *tensors = json_array();
    for (size_t i = 0; i < diff->count; i++) {
        const struct difference *d = &diff->list[i];
        json_array_append_new(tensors, json_pack("{s:s, s:s?, s:I, s:I, s:I, s:I, s:o}", "name", d->name, "reason", d->other, "rows_only_in_a",
                                                 (json_int_t)d->only[0], "rows_only_in_b", (json_int_t)d->only[1], "rows", (json_int_t)d->rows,
                                                 "values", (json_int_t)d->values, "largest", json_real_or_null(d->largest)));
    }
    json_t *all = json_pack("{s:b, s:O, s:o, s:I}", "equal", diff->count == 0 && json_object_size(diff->metadata) == 0, "metadata", diff->metadata,
                            "tensors", tensors, "tensors_equal", (json_int_t)diff->same);
    int rc = all ? print_json(stdout, all, err) : error_set(err, ERROR_NOMEM, NULL, "cannot tell the difference");
    json_decref(all);
    return rc;
}

static int metadata_table(const struct diff *diff, struct error *err)
{
    struct table t;
    const char *key;
    json_t *pair;
    int rc = 0;
    table_init(&t, "lll");
    if (json_object_size(diff->metadata) > 0)
        for (int i = 0; rc == 0 && i < 3; i++) rc = table_cell(&t, err, "%s", i == 0 ? "METADATA" : i == 1 ? "A" : "B");
    json_object_foreach (diff->metadata, key, pair) {
        if (rc == 0) rc = table_cell(&t, err, "%s", key);
        for (size_t i = 0; rc == 0 && i < 2; i++) {
            const char *text = json_string_value(json_array_get(pair, i));
            rc = table_cell(&t, err, "%.*s%s", SHOWN_MAX, text ? text : "-", text && strlen(text) > SHOWN_MAX ? "..." : "");
        }
    }
    if (rc == 0 && json_object_size(diff->metadata) > 0) table_print(&t, stdout), putchar('\n');
    table_close(&t);
    return rc;
}

static int tensor_table(const struct diff *diff, struct error *err)
{
    static const char *const header[] = {"TENSOR", "ROWS ONLY IN A", "ONLY IN B", "ROWS DIFFER", "VALUES DIFFER", "LARGEST"};
    struct table t;
    int rc = 0;
    table_init(&t, "lrrrrr");
    for (size_t i = 0; rc == 0 && i < 6; i++) rc = table_cell(&t, err, "%s", header[i]);
    for (size_t i = 0; rc == 0 && i < diff->count; i++) {
        const struct difference *d = &diff->list[i];
        rc = d->other ? table_cell(&t, err, "%s: %s", d->name, d->other) : table_cell(&t, err, "%s", d->name);
        const uint64_t figures[] = {d->only[0], d->only[1], d->rows, d->values};
        for (size_t j = 0; rc == 0 && j < 4; j++) rc = d->other ? table_cell(&t, err, "%s", "") : table_cell(&t, err, "%" PRIu64, figures[j]);
        if (rc == 0) rc = d->other ? table_cell(&t, err, "%s", "") : table_cell(&t, err, "%.6g", d->largest);
    }
    if (rc == 0 && diff->count > 0) table_print(&t, stdout), putchar('\n');
    table_close(&t);
    return rc;
}

static int tell(const struct diff *diff, struct error *err)
{
    int rc = metadata_table(diff, err);
    if (rc == 0) rc = tensor_table(diff, err);
    if (rc < 0) return rc;
    if (diff->count == 0 && json_object_size(diff->metadata) == 0) printf("equal: %zu tensors and all metadata\n", diff->same);
    else printf("%zu tensors and %zu metadata differ; %zu tensors are equal\n", diff->count, json_object_size(diff->metadata), diff->same);
    return 0;
}

static int diff_all(struct diff *diff, const struct call *call, struct error *err)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < 2; i++) rc = side_open(&diff->side[i], call->operands[i], err);
    const struct tensor_file *a = &diff->side[0].file.file;
    if (rc == 0 && a->metadata(a->impl, "recipe")) rc = checkpoint_model_read(&diff->model, &diff->side[0].file, err);
    if (rc == 0) rc = metadata_compare(diff, err);
    if (rc == 0) rc = tensors_compare(diff, err);
    if (rc == 0) rc = ((const struct diff_params *)call->params)->json ? tell_json(diff, err) : tell(diff, err);
    return rc < 0 ? rc : diff->count > 0 || json_object_size(diff->metadata) > 0 ? DIFFERS : 0;
}

static int diff_run(const struct call *call, struct error *err)
{
    struct diff *diff = mem_zero(sizeof *diff, err);
    if (!diff) return -ERROR_NOMEM;
    int rc = diff_all(diff, call, err);
    checkpoint_model_close(&diff->model);
    for (int i = 0; i < 2; i++) {
        checkpoint_file_close(&diff->side[i].file);
        mem_free(diff->side[i].slots);
    }
    json_decref(diff->metadata);
    mem_free(diff->list);
    mem_free(diff);
    return rc;
}

static const struct exit_row diff_exits[] = {
    {0, "equal"}, {DIFFERS, "they differ"}, {65, "one is damaged: the message says where"}, {66, "no such file"}, {0}};

const struct command command_checkpoint_diff = {
    .name = "checkpoint diff",
    .summary = "Tell what differs between two checkpoints: metadata, tensors, rows.",
    .details =
        "A and B are checkpoints, whole or deltas, or run directories: their final.safetensors, or newest checkpoints. Rows of tables are matched by "
        "their slot; LARGEST is the largest difference of two values.",
    .operands = "A B",
    .operands_min = 2,
    .operands_max = 2,
    .args = diff_args,
    .params_size = sizeof(struct diff_params),
    .usage_exit = 64,
    .exits = diff_exits,
    .example = "trainyard checkpoint diff runs/monday runs/tuesday",
    .run = diff_run};
