#include "engine/data/inspect/inspect.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/data/ingest.h"
#include "engine/data/format/text.h"

const char *const text_kinds[] = {"empty", "integer", "real", "date", "text"};

struct inspecting {
    const struct inspect_config *config;
    struct inspection *out;
    const struct format *format;
    const void *state;
    uint16_t *place; /* (65536): 1 + index in out->fields of a field's number; 0: none yet */
    size_t max;
    uint64_t row_features; /* of the present row */
};

double hash_collisions(double features, unsigned hash_bits) { return -expm1(-features / ldexp(1, (int)hash_bits)); }

unsigned hash_bits_wanted(double features)
{
    unsigned bits = 10;
    while (bits < 30 && hash_collisions(features, bits) > 0.1) bits++;
    return bits;
}

static bool digits(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] < '0' || p[i] > '9') return false;
    return true;
}

/* 2026-11-27, and whatever follows a blank or a T. */
static bool text_date(const char *p, size_t n)
{
    return n >= 10 && p[4] == '-' && p[7] == '-' && digits(p, 4) && digits(p + 5, 2) && digits(p + 8, 2) && (n == 10 || p[10] == 'T' || p[10] == ' ');
}

enum text_kind text_kind_of(const char *text, size_t size, double *number)
{
    int64_t whole;
    if (size == 0) return TEXT_NONE;
    if (*text > '9' || *text < '+') return TEXT_OTHER; /* most texts that are no numbers end here */
    if (text_i64(text, text + size, &whole)) {
        *number = (double)whole;
        return TEXT_INTEGER;
    }
    if (text_real(text, text + size, number) && isfinite((float)*number)) return TEXT_REAL;
    return text_date(text, size) ? TEXT_DATE : TEXT_OTHER;
}

enum text_kind inspected_kind(const struct inspected *f)
{
    const uint64_t *n = f->of_kind;
    if (n[TEXT_OTHER] || (n[TEXT_DATE] && (n[TEXT_INTEGER] || n[TEXT_REAL]))) return TEXT_OTHER;
    return n[TEXT_DATE] ? TEXT_DATE : n[TEXT_REAL] ? TEXT_REAL : n[TEXT_INTEGER] ? TEXT_INTEGER : TEXT_NONE;
}

/* A column that gives no feature. */
static bool ignored(const struct inspecting *in, uint16_t field)
{
    return in->format->field_kind && field != FIELD_UNKNOWN && in->format->field_kind(in->state, field).fit == FIT_IGNORED;
}

static int field_add(struct inspecting *in, const struct explained *e, struct error *err)
{
    struct inspection *out = in->out;
    if (out->count == in->max) {
        size_t max = in->max * 2 + 64;
        int rc = mem_grow((void **)&out->fields, max, sizeof(struct inspected *), err);
        if (rc < 0) return rc;
        in->max = max;
    }
    struct inspected *f = mem_zero(sizeof *f, err);
    if (!f) return -ERROR_NOMEM;
    f->number = e->field;
    f->ignored = ignored(in, e->field);
    f->row = UINT64_MAX;
    if (!(f->name = mem_text(e->name, err))) {
        mem_free(f);
        return -ERROR_NOMEM;
    }
    out->fields[out->count++] = f;
    in->place[e->field] = (uint16_t)out->count;
    return 0;
}

static int field_number(struct inspected *f, double number, struct error *err)
{
    float x = (float)number;
    if (f->numbers == 0 || x < f->min) f->min = x;
    if (f->numbers == 0 || x > f->max) f->max = x;
    f->numbers++;
    f->sum += number;
    return magnitudes_add(&f->magnitudes, x, err);
}

static bool enough(const struct inspecting *in) { return in->config->rows_max > 0 && in->out->rows >= in->config->rows_max; }

/* What the text looks like; the sketches know it then. A field's key is made of the text, so a text that was seen brings no new key. */
static const struct inspected_text *text_look(struct inspecting *in, struct inspected *f, const struct explained *e, uint64_t hash)
{
    struct inspected_text *t = &f->seen[hash >> 32 & (TEXTS_SEEN - 1)];
    if (t->known && t->hash == hash) return t;
    *t = (struct inspected_text){.hash = hash, .kind = TEXT_OTHER, .known = 1};
    if (!in->format->tokens) t->kind = text_kind_of(e->text, e->size, &t->number);
    if (!f->ignored) cardinality_add_key(&in->out->keys, e->key);
    cardinality_add(&f->distinct, hash);
    return t;
}

/* One more feature of the present row. */
static void feature_count(struct inspecting *in)
{
    in->out->features++;
    in->row_features++;
}

/* A field beyond those that are told. */
static void field_untold(struct inspecting *in, const struct explained *e)
{
    if (ignored(in, e->field)) return;
    feature_count(in);
    in->out->fields_untold++;
    cardinality_add_key(&in->out->keys, e->key);
}

static int see_feature(void *context, const struct explained *e, struct error *err)
{
    struct inspecting *in = context;
    struct inspection *out = in->out;
    if (enough(in)) return 0;
    if (!in->place[e->field]) {
        if (out->count == FIELDS_TOLD) return field_untold(in, e), 0;
        int rc = field_add(in, e, err);
        if (rc < 0) return rc;
    }
    struct inspected *f = out->fields[in->place[e->field] - 1];
    f->count++;
    if (!f->ignored) feature_count(in);
    if (e->missing && !f->ignored) cardinality_add_key(&out->keys, e->key);
    if (e->missing) return 0;
    f->rows += f->row != out->rows;
    f->row = out->rows;
    uint64_t hash = hash64(e->text, e->size, 0);
    const struct inspected_text *t = text_look(in, f, e, hash);
    frequent_add(&f->frequent, hash, e->text, e->size);
    f->of_kind[t->kind]++;
    if (in->format->tokens) return field_number(f, (double)e->value, err); /* tokens: the text names the feature, the number stands beside it */
    return t->kind == TEXT_INTEGER || t->kind == TEXT_REAL ? field_number(f, t->number, err) : 0;
}

static int see_row(void *context, float label, struct error *err)
{
    struct inspecting *in = context;
    struct inspection *out = in->out;
    (void)err;
    if (enough(in)) return 0;
    if (out->rows == 0 || in->row_features < out->row_features_min) out->row_features_min = in->row_features;
    if (in->row_features > out->row_features_max) out->row_features_max = in->row_features;
    in->row_features = 0;
    if (out->rows == 0 || label < out->label_min) out->label_min = label;
    if (out->rows == 0 || label > out->label_max) out->label_max = label;
    out->rows++;
    out->label_sum += (double)label;
    out->positives += in->config->labels.range == LABELS_BINARY && label > 0;
    return 0;
}

static int see_piece(void *context, const struct chunk *chunk, struct parsed *out, struct error *err)
{
    struct inspecting *in = context;
    const struct explainer tell = {in, see_feature, see_row};
    return explain_rows(in->format, in->state, chunk, &tell, out, err);
}

static int rows_done(void *context, unsigned worker, struct rows *rows, struct error *err)
{
    struct inspecting *in = context;
    (void)worker, (void)rows;
    in->out->whole = !enough(in);
    return in->out->whole ? 0 : error_set(err, ERROR_STOPPED, NULL, "enough rows");
}

static int field_compare(const void *a, const void *b)
{
    const struct inspected *x = *(struct inspected *const *)a, *y = *(struct inspected *const *)b;
    return (x->number > y->number) - (x->number < y->number);
}

static int inspect_files(struct inspecting *in, const struct source_list *files, struct error *err)
{
    const struct inspect_config *c = in->config;
    struct inspection *out = in->out;
    struct ingest_result result = {0};
    struct error why = {0};
    const struct format_context context = {.world = c->world, .hash_seed = c->hash_seed, .labels = c->labels, .ignored_too = true};
    /* One worker, so that rows are looked at in their order; the aside thread may still read ahead. */
    struct parallel one = parallel_inline;
    if (c->parallel) one.impl = c->parallel->impl, one.begin = c->parallel->begin, one.end = c->parallel->end;
    void *state = in->format->prepare(c->format_params, &context, err);
    if (!state) return err && err->code ? -(int)err->code : -ERROR_NOMEM;
    in->state = state;
    uint64_t *file_first_row = mem_array(files->count, 1, sizeof *file_first_row, err);
    struct ingest_config ingest = {.files = files,
                                   .format = in->format,
                                   .state = state,
                                   .parallel = &one,
                                   .progress = c->progress,
                                   .line_bytes_max = c->line_bytes_max ? c->line_bytes_max : INGEST_LINE_BYTES,
                                   .chunk_bytes = c->chunk_bytes ? c->chunk_bytes : INGEST_CHUNK_BYTES,
                                   .max_bad_rows = INT64_MAX,
                                   .file_first_row = file_first_row,
                                   .parse = see_piece,
                                   .rows = rows_done,
                                   .context = in};
    int rc = file_first_row ? ingest_run(&ingest, &result, &why) : -ERROR_NOMEM;
    bool cancelled = c->progress.cancelled && c->progress.cancelled(c->progress.context);
    if (rc == -ERROR_STOPPED && !out->whole && !cancelled) rc = 0;
    else if (rc < 0 && file_first_row) error_set(err, why.code, why.field, "%s", why.msg);
    out->bad_rows = result.bad_rows;
    out->text_bytes = result.text_bytes;
    out->packed_bytes = files->size_bytes;
    out->files = files->count;
    if (result.bad_rows > 0) first_bad_show(out->first_bad, sizeof out->first_bad, &result.first_bad, files);
    in->format->release(state);
    mem_free(file_first_row);
    return rc;
}

int inspect_run(const struct inspect_config *config, struct inspection *out, struct error *err)
{
    struct inspecting in = {.config = config, .out = out, .format = (const struct format *)config->format}; /* struct kind is its first member */
    struct source_options from = {.world = config->world, .stop = config->progress.cancelled, .context = config->progress.context};
    struct source_list files;
    *out = (struct inspection){.whole = true};
    int rc = source_list_open_with(&files, &from, config->uris, config->uri_count, err);
    if (rc < 0) return rc;
    in.place = mem_array(FIELD_UNKNOWN + 1u, 1, sizeof *in.place, err);
    rc = in.place ? inspect_files(&in, &files, err) : -ERROR_NOMEM;
    if (out->count > 0) qsort(out->fields, out->count, sizeof(struct inspected *), field_compare);
    mem_free(in.place);
    source_list_close(&files);
    return rc;
}

void inspection_close(struct inspection *i)
{
    for (size_t f = 0; f < i->count; f++) {
        magnitudes_close(&i->fields[f]->magnitudes);
        mem_free(i->fields[f]->name);
        mem_free(i->fields[f]);
    }
    mem_free(i->fields);
    *i = (struct inspection){0};
}
