#include "engine/data/inspect/infer.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/data/cut.h"
#include "engine/data/inspect/infer_column.h"

#define NO_COLUMN "16384" /* a label that no column is, so that all are looked at, and numbered as they stand */
enum { SAMPLE_BYTES = 1 << 20, LINE_BYTES = 1 << 20 };

struct sample { /* the first whole lines of the first file that has text */
    const char *path;
    char *text;
    size_t size;
    bool has_nul;
    const struct label_rule *labels; /* what those of its rows may be */
};

static int sample_read(struct sample *s, const struct source_list *files, struct error *err)
{
    int64_t got = 0;
    if (!(s->text = mem_zero(SAMPLE_BYTES + CHUNK_SLACK + 1, err))) return -ERROR_NOMEM;
    for (size_t f = 0; f < files->count && s->size == 0; f++) {
        s->path = files->files[f].path;
        struct source *source = source_open(files, f, err);
        if (!source) return -(int)err->code;
        while (s->size < SAMPLE_BYTES && (got = source_read(source, s->text + s->size, SAMPLE_BYTES - s->size, err)) > 0) s->size += (size_t)got;
        source_close(source);
        if (got < 0) return (int)got;
    }
    if (s->size >= 3 && memcmp(s->text, "\xef\xbb\xbf", 3) == 0) memmove(s->text, s->text + 3, s->size -= 3); /* as cut.c does */
    int rc = text_check_ends(s->path, s->text, s->size, s->size < SAMPLE_BYTES, err);
    if (rc < 0) return rc;
    const char *last = s->size > 0 ? memrchr(s->text, '\n', s->size) : NULL;
    if (s->size == SAMPLE_BYTES && last) s->size = (size_t)(last - s->text) + 1;
    else if (s->size > 0 && s->text[s->size - 1] != '\n') s->text[s->size++] = '\n';
    s->has_nul = s->size > 0 && memchr(s->text, 0, s->size);
    return 0;
}

struct trial { /* a format with options, and how much of the sample it can read */
    const struct format *format;
    void *params, *state;
    struct chunk chunk;
    struct error why;
    uint64_t good, bad, features;
};

static void trial_close(struct trial *t)
{
    if (t->state) t->format->release(t->state);
    mem_free(t->params);
    *t = (struct trial){0};
}

/* options: an object, borrowed; NULL: defaults. no_labels: no column is a label, so that all can be looked at. Whatever does not fit makes good 0. */
static int trial_open(struct trial *t, const struct sample *s, const struct format *format, const json_t *options, bool no_labels, struct error *err)
{
    struct parsed parsed = {0};
    const struct format_context context = {.labels = *s->labels, .no_labels = no_labels};
    const struct option *rows = format->kind.options;
    *t = (struct trial){.format = format, .chunk = {s->text, s->size, LINE_BYTES, s->has_nul}};
    struct faults *faults = mem_zero(sizeof *faults, err);
    t->params = mem_zero(format->kind.params_size + 1, err);
    int rc = faults && t->params ? 0 : -ERROR_NOMEM;
    if (rc == 0 && rows) options_read(&(struct option_set){rows, t->params}, 1, options, "", NULL, faults);
    for (const struct option *o = rows; rc == 0 && no_labels && o && o->name;
         o++) /* a column that is not there: else the label's would be passed over */
        if (strcmp(o->name, "label") == 0) str_copy((char *)t->params + o->offset, OPTION_TEXT_SIZE, "999999999");
    mem_free(faults);
    if (rc < 0) return rc;
    if (!(t->state = format->prepare(t->params, &context, &t->why))) return t->why.code == ERROR_NOMEM ? -ERROR_NOMEM : 0;
    const char *newline = memchr(s->text, '\n', s->size), *first = newline ? newline + 1 : s->text + s->size;
    if (format->record_end) first = format->record_end(t->state, s->text, s->text + s->size, LINE_BYTES, true);
    size_t used = 0;
    if (format->header && first && format->header(t->state, s->text, (size_t)(first - s->text), &used, &t->why) < 0)
        return t->why.code == ERROR_NOMEM ? -ERROR_NOMEM : 0;
    t->chunk.text += used, t->chunk.size -= used;
    bytes_init(&parsed.marks, SIZE_MAX);
    bytes_init(&parsed.text, SIZE_MAX);
    rc = format->parse(t->state, &t->chunk, &parsed, err);
    t->good = parsed.rows.count, t->bad = parsed.bad.count, t->features = parsed.rows.features;
    rows_close(&parsed.rows);
    bytes_close(&parsed.marks);
    bytes_close(&parsed.text);
    return rc;
}

static const struct format *format_named(const char *name) { return (const struct format *)kind_find((const struct kind *const *)formats, name); }

/* The next run of other bytes than blanks before `end`; false: there is none. */
static bool word_next(const char **p, const char *end, const char **word, size_t *size)
{
    while (*p < end && **p == ' ') ++*p;
    for (*word = *p; *p < end && **p != ' ';) ++*p;
    return (*size = (size_t)(*p - *word)) > 0;
}

static bool word_number(const char *word, size_t size, double *value)
{
    char text[32];
    snprintf(text, sizeof text, "%.*s", (int)(size < sizeof text ? size : 0), word);
    return size < sizeof text && str_to_double(*text == '+' ? text + 1 : text, value);
}

/* Does the first line read "label [weight] [tag]|..." or "label ['tag] |..."? Without a blank behind the label the bars are rather delimiters. */
static bool vw_line(const struct sample *s)
{
    const char *end = memchr(s->text, '\n', s->size), *bar = memchr(s->text, '|', (size_t)((end ? end : s->text + s->size) - s->text));
    const char *p = s->text, *word;
    double value;
    size_t size;
    if (!bar || !word_next(&p, bar, &word, &size) || p == bar || !word_number(word, size, &value)) return false;
    if (s->labels->range == LABELS_BINARY && value != 0 && value != 1 && value != -1) return false;
    for (int words = 0; word_next(&p, bar, &word, &size); words++)
        if (words > 1 || (!word_number(word, size, &value) && *word != '\'' && p < bar)) return false;
    return true;
}

/* The strict formats, by whether they can read all of it. */
static int guess_strict(struct inferred *out, const struct sample *s, struct error *err)
{
    static const char *const strict[] = {"criteo", "libffm", "libsvm"};
    for (size_t i = 0; !out->format && i < sizeof strict / sizeof *strict; i++) {
        struct trial t;
        const struct format *format = format_named(strict[i]);
        int rc = format ? trial_open(&t, s, format, NULL, false, err) : 0;
        if (format && rc == 0 && t.good > 0 && t.bad == 0 && t.features > 0) out->format = format, out->rows = t.good;
        if (format) trial_close(&t);
        if (rc < 0) return rc;
    }
    return 0;
}

static int guess_delimiter(struct inferred *out, const struct sample *s, char delimiter[8], struct error *err)
{
    static const char *const delimiters[] = {",", "tab", ";", "|"};
    double best = 0;
    for (size_t i = 0; i < sizeof delimiters / sizeof *delimiters; i++) {
        struct trial t;
        const struct format *format = format_named("csv");
        json_t *options = json_pack("{s:s, s:b}", "delimiter", delimiters[i], "header", 0);
        int rc = options ? trial_open(&t, s, format, options, true, err) : -ERROR_NOMEM;
        if (rc == 0 && t.good > 0 && t.features > t.good) { /* more than one column */
            double share = (double)t.good / (double)(t.good + t.bad);
            if (share > best + 0.01) best = share, str_copy(delimiter, 8, delimiters[i]), out->format = format;
        }
        if (options) trial_close(&t);
        json_decref(options);
        if (rc < 0) return rc;
    }
    if (strcmp(delimiter, "tab") == 0 && format_named("tsv")) out->format = format_named("tsv");
    return 0;
}

/* Cells between delimiters, with or without a header. */
static bool is_text(const struct format *format) { return strcmp(format->kind.name, "csv") == 0 || strcmp(format->kind.name, "tsv") == 0; }

static int infer_table(struct inferred *out, const struct sample *s, const char *delimiter, struct error *err)
{
    struct trial t = {0};
    struct table_guess guess = {.labels = *s->labels};
    json_t *options = json_pack("{s:s}", "label", NO_COLUMN);
    bool text = is_text(out->format);
    if (text) json_object_set_new(options, "header", json_false());
    if (text && *delimiter && strcmp(delimiter, strcmp(out->format->kind.name, "tsv") == 0 ? "tab" : ",") != 0)
        json_object_set_new(options, "delimiter", json_string(delimiter));
    else if (!text) { /* an array is a list, which only this type can hold */
        json_object_set_new(options, "schema", json_pack("{s:s}", "*", "multi(tab)"));
        json_object_set_new(options, "unknown", json_string("ignore"));
    }
    int rc = options ? trial_open(&t, s, out->format, options, true, err) : -ERROR_NOMEM;
    if (rc == 0 && t.good == 0)
        rc = error_set(err, ERROR_DATA, "/dataset/format", "the first rows are not %s: %s", out->format->kind.name,
                       t.why.code ? t.why.msg : "no row can be read");
    if (rc == 0) {
        const struct explainer tell = {&guess, table_guess_feature, table_guess_row};
        json_object_del(options, "label");
        json_object_del(options, "schema");
        json_object_del(options, "unknown");
        guess.header_wanted = text;
        rc = explain_rows(t.format, t.state, &t.chunk, &tell, NULL, err);
    }
    if (rc == 0 && text && guess.rows == 0)
        rc = error_set(err, ERROR_DATA, "/dataset/uri", "%s has one line and no rows behind it: a header alone says nothing of its columns", s->path);
    if (rc == 0) rc = table_guess_end(&guess, options, out, err);
    out->rows = guess.rows;
    table_guess_close(&guess);
    if (t.format) trial_close(&t);
    if (rc < 0) json_decref(options);
    else out->options = options;
    return rc;
}

int infer_format(const struct source_list *files, const struct format *format, const struct label_rule *labels, struct inferred *out,
                 struct error *err)
{
    struct sample s = {.labels = labels};
    char delimiter[8] = "";
    *out = (struct inferred){.format = format};
    int rc = sample_read(&s, files, err);
    if (rc == 0 && s.size == 0) rc = error_set(err, ERROR_DATA, "/dataset/uri", "%s is empty", s.path);
    if (rc == 0 && !out->format) rc = guess_strict(out, &s, err);
    if (rc == 0 && !out->format && *s.text == '{') out->format = format_named("jsonl");
    if (rc == 0 && !out->format && vw_line(&s)) out->format = format_named("vw");
    if (rc == 0 && (!out->format || is_text(out->format))) {
        rc = guess_delimiter(out, &s, delimiter, err);
        if (format) out->format = format;
    }
    if (rc == 0 && !out->format)
        rc = error_set(err, ERROR_DATA, "/dataset/format", "%s: the first rows are of no known format; give --format", s.path);
    else if (rc == 0 && (is_text(out->format) || strcmp(out->format->kind.name, "jsonl") == 0)) rc = infer_table(out, &s, delimiter, err);
    mem_free(s.text);
    if (rc == 0 && !out->options) out->options = json_object();
    if (rc == 0 && !out->candidates) out->candidates = json_object();
    if (rc == 0 && !out->notes) out->notes = json_array();
    if (rc == 0 && !out->ignored) out->ignored = json_object();
    return rc;
}

void inferred_close(struct inferred *i)
{
    json_decref(i->options);
    json_decref(i->candidates);
    json_decref(i->notes);
    json_decref(i->ignored);
    *i = (struct inferred){0};
}
