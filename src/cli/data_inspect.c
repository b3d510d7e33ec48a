/* trainyard data inspect: what is in a log, before anybody trains on it. The pass over the data is engine/data/inspect/inspect.h's, the guess at
 * format and schema engine/data/inspect/infer.h's; here they become a table for people, or JSON. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/bar.h"
#include "cli/commands.h"
#include "cli/formatarg.h"
#include "cli/interrupt.h"
#include "cli/print.h"
#include "cli/terminal.h"
#include "engine/data/inspect/infer.h"
#include "engine/data/inspect/inspect.h"
#include "engine/train/team.h"

enum { PLAIN_EVERY_MS = 10000, TOP_JSON = 10, TOP_SHOWN = 3, TEXT_SHOWN = 24 };

struct data_inspect_params {
    const char *format, *labels;
    int64_t rows, hash_bits, hash_seed;
    bool json, quiet;
};

#define AT(field) offsetof(struct data_inspect_params, field)
static const struct arg data_inspect_args[] = {
    {.name = "format",
     .type = ARG_TEXT,
     .offset = AT(format),
     .value = "KIND|JSON",
     .help = "how rows are written: a name, or an object like the specification's dataset: '{\"format\": \"csv\", \"label\": \"click\"}'. Default: "
             "guessed "
             "from the first rows, and so are the options of a table"},
    {.name = "labels",
     .type = ARG_TEXT,
     .offset = AT(labels),
     .value = "KIND",
     .help = "what labels are: binary (0 and 1), real, count or class:C, for models linear, poisson and softmax"},
    {.name = "rows",
     .letter = 'n',
     .type = ARG_INT,
     .offset = AT(rows),
     .value = "N",
     .min = 0,
     .max = 0x1p53,
     .help = "look at the first N rows; 0: all"},
    {.name = "hash-bits",
     .type = ARG_INT,
     .offset = AT(hash_bits),
     .value = "B",
     .def = 22,
     .min = 1,
     .max = 30,
     .help = "tell the load and the collisions of a table of 2^B slots (model.hash_bits)"},
    {.name = "hash-seed", .type = ARG_INT, .offset = AT(hash_seed), .value = "S", .min = 0, .max = 0x1p53, .help = "features.hash_seed"},
    ARG_JSON(AT(json), "print one JSON object; its \"dataset\" fits a specification"),
    ARG_QUIET(AT(quiet), "no progress"),
    {0}};

struct looking {
    const struct data_inspect_params *params;
    char **uris;
    size_t uri_count;
    struct label_rule labels;
    struct format_arg format;
    struct inferred inferred; /* format NULL: it was given */
    json_t *dataset;
    struct inspection seen;
    struct team team;
    struct bar bar;
    int64_t began_ms, took_ms;
};

static bool cancelled(void *context) { return (void)context, interrupt_count() > 0; }

static void progress(void *context, uint64_t done, uint64_t total, uint64_t rows)
{
    struct looking *l = context;
    struct progress p = {
        .phase = PROGRESS_READING, .done = done, .total = total, .rows = rows, .rows_per_s = NAN, .loss = NAN, .auc = NAN, .eta_ms = -1};
    bar_progress(&l->bar, &p);
}

static json_t *uri_json(const struct looking *l)
{
    if (l->uri_count == 1) return json_string(l->uris[0]);
    json_t *list = json_array();
    for (size_t i = 0; i < l->uri_count; i++) json_array_append_new(list, json_string(l->uris[i]));
    return list;
}

/* The dataset object of a specification: of what was given, or of what the first rows look like. */
static int choose_format(struct looking *l, struct error *err)
{
    bool piped = false;
    const struct source_options from = {.world = &world_real, .stop = cancelled};
    struct source_list files;
    struct bytes text;
    const char *given = l->params->format;
    int rc = format_arg_read(&l->format, given, err);
    if (rc < 0) return rc;
    for (size_t i = 0; i < l->uri_count; i++) piped |= strcmp(l->uris[i], "-") == 0;
    if (piped && !given) return error_set(err, ERROR_USAGE, NULL, "standard input can be read only once; say what it holds with --format");
    bool guess = !piped && (!given || (*given != '{' && strcmp(l->format.kind->name, "criteo") != 0));
    l->dataset = given && *given == '{' ? json_loads(given, 0, NULL) : json_object();
    if (guess) {
        if ((rc = source_list_open_with(&files, &from, l->uris, l->uri_count, err)) < 0) return rc;
        rc = infer_format(&files, (const struct format *)l->format.kind, &l->labels, &l->inferred, err);
        source_list_close(&files);
        if (rc == 0 && json_object_update(l->dataset, l->inferred.options) < 0) rc = error_set(err, ERROR_NOMEM, NULL, "cannot write the data set");
    }
    if (rc < 0) return rc;
    const char *name = l->inferred.format ? l->inferred.format->kind.name : l->format.kind->name;
    json_object_set_new(l->dataset, "format", json_string(name));
    if (guess) {
        format_arg_close(&l->format);
        bytes_init(&text, 16 << 20);
        if ((rc = json_write(l->dataset, &text, err)) == 0) rc = format_arg_read(&l->format, bytes_text(&text), err);
        bytes_close(&text);
    }
    return rc < 0 ? rc : json_object_set_new(l->dataset, "uri", uri_json(l)) < 0 ? error_set(err, ERROR_NOMEM, NULL, "cannot write the data set") : 0;
}

static double share(uint64_t part, uint64_t whole) { return whole > 0 ? (double)part / (double)whole : NAN; }

static uint64_t count_of(double estimate) { return (uint64_t)llround(estimate); }

/* Distinct texts of a field: exact while all of them have a counter. */
static double distinct_of(const struct inspected *f) { return f->frequent.lowered ? cardinality_count(&f->distinct) : (double)f->frequent.used; }

/* Every text is a number, or each feature has one beside it. */
static bool all_numbers(const struct inspected *f) { return f->numbers > 0 && f->numbers == f->frequent.added; }

static json_t *text_json(const struct frequent_cell *cell)
{
    char shown[4 * FREQUENT_TEXT + 8];
    json_t *text = json_stringn(cell->text, cell->size);
    if (text) return text; /* NULL: not UTF-8 */
    return json_string(str_shown(shown, sizeof shown, cell->text, cell->size, FREQUENT_TEXT));
}

/* A class's middle can lie beyond the numbers that are in it. */
static double quantile_of(const struct inspected *f, double q)
{
    double middle = (double)magnitudes_quantile(&f->magnitudes, q), low = (double)f->min, high = (double)f->max;
    return middle < low ? low : middle > high ? high : middle;
}

/* Why the column's cells are no features, or NULL: they are. */
static const char *ignored_why(const struct looking *l, const struct inspected *f)
{
    const char *why = f->ignored ? json_string_value(json_object_get(l->inferred.ignored, f->name)) : NULL;
    return why ? why : f->ignored ? "the schema says so" : NULL;
}

static json_t *field_json(const struct looking *l, const struct inspected *f)
{
    static const struct {
        const char *name;
        double q;
    } quantiles[] = {{"p01", 0.01}, {"p05", 0.05}, {"p25", 0.25}, {"p50", 0.5}, {"p75", 0.75}, {"p95", 0.95}, {"p99", 0.99}};
    const struct frequent_cell *top[TOP_JSON];
    json_t *list = json_array(), *numbers = NULL;
    size_t n = frequent_top(&f->frequent, top, TOP_JSON);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list,
                              json_pack("{s:o, s:I, s:b}", "text", text_json(top[i]), "count", (json_int_t)top[i]->count, "whole", top[i]->whole));
    if (f->numbers > 0) {
        numbers = json_pack("{s:I, s:f, s:f, s:f}", "count", (json_int_t)f->numbers, "min", (double)f->min, "max", (double)f->max, "mean",
                            f->sum / (double)f->numbers);
        for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
            json_object_set_new(numbers, quantiles[i].name, json_real(quantile_of(f, quantiles[i].q)));
    }
    return json_pack("{s:s, s:I, s:s, s:s?, s:I, s:o, s:I, s:o, s:o, s:I, s:o?}", "name", f->name, "number",
                     (json_int_t)(f->number == FIELD_UNKNOWN ? -1 : f->number), "holds", text_kinds[inspected_kind(f)], "ignored", ignored_why(l, f),
                     "count", (json_int_t)f->count, "missing_rate", json_real_or_null(1 - share(f->rows, l->seen.rows)), "distinct",
                     (json_int_t)count_of(distinct_of(f)), "distinct_error", json_real(f->frequent.lowered ? CARDINALITY_ERROR : 0), "top", list,
                     "top_count_error", (json_int_t)f->frequent.lowered, "numbers", numbers);
}

/* What is wrong with a log that has nothing to learn from, or NULL. */
static const char *fields_warning(const struct looking *l)
{
    const struct inspection *s = &l->seen;
    return s->rows > 0 && s->features == 0 ? "there are none, nothing can be learned" : NULL;
}

/* What is wrong with labels that are all the same, or NULL. */
static const char *labels_warning(const struct looking *l)
{
    const struct inspection *s = &l->seen;
    if (s->rows == 0) return NULL;
    if (l->labels.range != LABELS_BINARY) return s->label_min == s->label_max ? "all equal, nothing can be learned" : NULL;
    return s->positives == 0 || s->positives == s->rows ? "one class only, nothing can be learned" : NULL;
}

static void warning_add(json_t *list, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void warning_add(json_t *list, const char *fmt, ...)
{
    char text[700];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    json_array_append_new(list, json_string(text));
}

/* What people read between the lines of the report, for whoever reads JSON. */
static json_t *warnings_json(const struct looking *l)
{
    const struct inspection *s = &l->seen;
    const char *labels = labels_warning(l);
    double features = cardinality_of_keys(&s->keys);
    unsigned bits = (unsigned)l->params->hash_bits, wanted = hash_bits_wanted(features);
    json_t *list = json_array();
    if (labels) warning_add(list, "labels: %s", labels);
    if (fields_warning(l)) warning_add(list, "features: %s", fields_warning(l));
    if (s->bad_rows > 0) warning_add(list, "bad rows: %" PRIu64 "; the first: %s", s->bad_rows, s->first_bad);
    if (s->fields_untold > 0) warning_add(list, "%" PRIu64 " feature%s of further fields not told", s->fields_untold, str_s(s->fields_untold));
    if (wanted > bits)
        warning_add(list, "hash: in 2^%u slots about %.2g of the features share a slot; model.hash_bits %u keeps it below 0.1", bits,
                    hash_collisions(features, bits), wanted);
    return list;
}

static json_t *seen_json(const struct looking *l)
{
    const struct inspection *s = &l->seen;
    double features = cardinality_of_keys(&s->keys);
    unsigned bits = (unsigned)l->params->hash_bits;
    json_t *fields = json_array();
    for (size_t i = 0; i < s->count; i++) json_array_append_new(fields, field_json(l, s->fields[i]));
    json_t *hash = json_pack("{s:i, s:o, s:o, s:i}", "hash_bits", (int)bits, "load", json_real_or_null(features / ldexp(1, (int)bits)), "collisions",
                             json_real_or_null(hash_collisions(features, bits)), "hash_bits_wanted", (int)hash_bits_wanted(features));
    json_t *all = json_pack("{s:I, s:b, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:o, s:I, s:b, s:O, s:I}", "rows",
                            (json_int_t)s->rows, "whole", s->whole, "positives", (json_int_t)s->positives, "label_rate",
                            json_real_or_null(share(s->positives, s->rows)), "bad_rows", (json_int_t)s->bad_rows, "files", (json_int_t)s->files,
                            "text_bytes", (json_int_t)s->text_bytes, "packed_bytes", (json_int_t)s->packed_bytes, "features", (json_int_t)s->features,
                            "row_features_min", (json_int_t)s->row_features_min, "row_features_max", (json_int_t)s->row_features_max,
                            "distinct_features", (json_int_t)(isfinite(features) ? count_of(features) : 0), "distinct_features_error",
                            CARDINALITY_ERROR, "hash", hash, "fields", fields, "features_of_fields_untold", (json_int_t)s->fields_untold, "guessed",
                            l->inferred.format != NULL, "dataset", l->dataset, "took_ms", (json_int_t)l->took_ms);
    if (l->labels.range != LABELS_BINARY)
        json_object_set_new(all, "labels",
                            json_pack("{s:s, s:f, s:f, s:f}", "kind", label_range_names[l->labels.range], "min", (double)s->label_min, "max",
                                      (double)s->label_max, "mean", s->label_sum / (double)s->rows));
    json_object_set_new(all, "warnings", warnings_json(l));
    if (s->bad_rows > 0) json_object_set_new(all, "first_bad", json_string(s->first_bad));
    if (l->inferred.format) json_object_set(all, "candidates", l->inferred.candidates), json_object_set(all, "notes", l->inferred.notes);
    return all;
}

static const char *percent(char buf[16], double x)
{
    if (isnan(x)) return "-";
    if (x == 0) return "0";
    snprintf(buf, 16, x < 0.001 ? "%.2g %%" : x < 0.1 ? "%.2f %%" : "%.1f %%", 100 * x);
    return buf;
}

static const char *figure(char buf[24], double x)
{
    snprintf(buf, 24, "%.4g", x);
    return buf;
}

/* "a 43%, b 12%, ...", within `width` columns. */
static void top_shown(char *buf, size_t size, const struct inspected *f, size_t width)
{
    const struct frequent_cell *top[TOP_SHOWN];
    size_t n = frequent_top(&f->frequent, top, TOP_SHOWN), at = 0;
    uint64_t present = f->frequent.added;
    buf[0] = 0;
    for (size_t i = 0; i < n; i++) {
        char text[4 * FREQUENT_TEXT + 8], item[4 * FREQUENT_TEXT + 32];
        str_shown(text, sizeof text, top[i]->text, top[i]->size, TEXT_SHOWN);
        int more = snprintf(item, sizeof item, "%s%s %.0f%%", i ? ", " : "", *text ? text : "\"\"", 100 * share(top[i]->count, present));
        if (at + (size_t)more > width || at + (size_t)more >= size) break;
        memcpy(buf + at, item, (size_t)more + 1);
        at += (size_t)more;
    }
}

static int print_fields(const struct looking *l, FILE *out, struct error *err)
{
    const struct inspection *s = &l->seen;
    struct table table;
    char missing[16], distinct[32], low[24], middle[24], high[24], mean[24], top[256];
    size_t width = terminal_width(out), names = 5;
    for (size_t i = 0; i < s->count; i++)
        if (strlen(s->fields[i]->name) > names) names = strlen(s->fields[i]->name) < 24 ? strlen(s->fields[i]->name) : 24;
    bool wide = width >= names + 90, some_ignored = false;
    for (size_t i = 0; i < s->count; i++) some_ignored |= s->fields[i]->ignored;
    size_t used = names + 2 + 7 + 2 * some_ignored + 2 + 7 + 2 + 9 + 2 + (wide ? 4 * 11 : 0), rest = width > used + 12 ? width - used : 12;
    table_init(&table, wide ? "llrrrrrrl" : "llrrl");
    int rc = table_cell(&table, err, "field");
    static const char *const heads[] = {"holds", "missing", "distinct", "min", "median", "mean", "max", "most frequent"};
    for (size_t h = 0; rc == 0 && h < 8; h++)
        if (wide || h < 3 || h == 7) rc = table_cell(&table, err, "%s", heads[h]);
    for (size_t i = 0; rc == 0 && i < s->count; i++) {
        const struct inspected *f = s->fields[i];
        char name[96];
        bool numbers = all_numbers(f), whole = inspected_kind(f) == TEXT_INTEGER;
        double median = quantile_of(f, 0.5);
        str_shown(name, sizeof name, *f->name ? f->name : "(all)", strlen(*f->name ? f->name : "(all)"), 24);
        str_count(distinct + 1, sizeof distinct - 1, distinct_of(f));
        distinct[0] = '~';
        top_shown(top, sizeof top, f, rest);
        rc = table_cell(&table, err, "%s", name);
        if (rc == 0) rc = table_cell(&table, err, f->ignored ? "(%s)" : "%s", text_kinds[inspected_kind(f)]);
        if (rc == 0) rc = table_cell(&table, err, "%s", percent(missing, 1 - share(f->rows, s->rows)));
        if (rc == 0) rc = table_cell(&table, err, "%s", f->frequent.lowered ? distinct : distinct + 1);
        if (rc == 0 && wide) rc = table_cell(&table, err, "%s", numbers ? figure(low, (double)f->min) : "");
        if (rc == 0 && wide) rc = table_cell(&table, err, "%s", numbers ? figure(middle, whole ? round(median) : median) : "");
        if (rc == 0 && wide) rc = table_cell(&table, err, "%s", numbers ? figure(mean, f->sum / (double)f->numbers) : "");
        if (rc == 0 && wide) rc = table_cell(&table, err, "%s", numbers ? figure(high, (double)f->max) : "");
        if (rc == 0) rc = table_cell(&table, err, "%s", top);
    }
    if (rc == 0) table_print(&table, out);
    if (rc == 0 && some_ignored) fprintf(out, "in brackets: ignored, these columns give no feature\n");
    table_close(&table);
    return rc;
}

static void print_summary(const struct looking *l, FILE *out)
{
    const struct inspection *s = &l->seen;
    const char *warning = labels_warning(l);
    char rows[32], bytes[32], features[32], distinct[32], took[32], rate[16], collisions[16];
    double known = cardinality_of_keys(&s->keys);
    unsigned bits = (unsigned)l->params->hash_bits;
    fprintf(out, "format: %s%s\n", json_string_value(json_object_get(l->dataset, "format")),
            l->inferred.format && !l->params->format ? " (guessed)" : "");
    fprintf(out, "rows: %s%s, %s of text in %" PRIu64 " file%s, read in %s\n", str_count(rows, sizeof rows, (double)s->rows),
            s->whole ? "" : " (the first ones)", str_bytes(bytes, sizeof bytes, s->text_bytes), s->files, str_s(s->files),
            human_duration(took, sizeof took, l->took_ms));
    if (l->labels.range != LABELS_BINARY)
        fprintf(out, "labels: %s, %.6g to %.6g, mean %.6g%s%s\n", label_range_names[l->labels.range], (double)s->label_min, (double)s->label_max,
                s->label_sum / (double)s->rows, warning ? ": " : "", warning ? warning : "");
    else
        fprintf(out, "labels: %" PRIu64 " positive (%s)%s%s\n", s->positives, percent(rate, share(s->positives, s->rows)), warning ? ": " : "",
                warning ? warning : "");
    if (s->bad_rows > 0) {
        fprintf(out, "bad rows: %" PRIu64 "; the first: ", s->bad_rows);
        print_clean(out, s->first_bad, strlen(s->first_bad));
        fputc('\n', out);
    }
    fprintf(out, "features: %s in all, ", str_count(features, sizeof features, (double)s->features));
    if (s->row_features_min == s->row_features_max) fprintf(out, "%" PRIu64 " a row", s->row_features_max);
    else fprintf(out, "%" PRIu64 " to %" PRIu64 " a row", s->row_features_min, s->row_features_max);
    fprintf(out, "; ~%s distinct (standard error %.1f %%)\n", str_count(distinct, sizeof distinct, known), 100 * CARDINALITY_ERROR);
    if (fields_warning(l)) fprintf(out, "          %s\n", fields_warning(l));
    fprintf(out, "hash: 2^%u slots, load %.3g: about %s of the features share a slot", bits, known / ldexp(1, (int)bits),
            percent(collisions, hash_collisions(known, bits)));
    if (hash_bits_wanted(known) != bits) fprintf(out, "\n      model.hash_bits %u keeps it below 10 %%", hash_bits_wanted(known));
    fputc('\n', out);
}

static int print_report(const struct looking *l, FILE *out, struct error *err)
{
    size_t i;
    json_t *note;
    struct bytes text;
    for (size_t u = 0; u < l->uri_count; u++) print_clean(out, l->uris[u], strlen(l->uris[u])), fputc('\n', out);
    print_summary(l, out);
    fputc('\n', out);
    int rc = print_fields(l, out, err);
    if (rc < 0) return rc;
    if (l->seen.fields_untold > 0)
        fprintf(out, "... and %" PRIu64 " feature%s of further fields\n", l->seen.fields_untold, str_s(l->seen.fields_untold));
    if (!l->inferred.format) return 0;
    fprintf(out, "\nGuessed from the first rows; look it over, then paste it into a specification:\n");
    bytes_init(&text, 16 << 20);
    if ((rc = json_write_pretty(l->dataset, &text, err)) == 0) fprintf(out, "\"dataset\": "), print_clean(out, bytes_text(&text), text.size);
    bytes_close(&text);
    json_array_foreach (l->inferred.notes, i, note)
        fprintf(out, "%s", i ? "" : "\n"), print_clean(out, json_string_value(note), strlen(json_string_value(note))), fputc('\n', out);
    static const char *const parts[] = {"group", "time"};
    for (size_t p = 0; p < 2; p++)
        json_array_foreach (json_object_get(l->inferred.candidates, parts[p]), i, note) {
            fprintf(out, "%s%s", i ? ", " : p ? "may be the time of a row: " : "may say which rows belong together (group): ", "");
            print_clean(out, json_string_value(note), strlen(json_string_value(note)));
            if (i + 1 == json_array_size(json_object_get(l->inferred.candidates, parts[p]))) fputc('\n', out);
        }
    return 0;
}

static int look(struct looking *l, struct error *err)
{
    int rc = 0;
    if (l->params->labels && !label_rule_read(l->params->labels, &l->labels))
        rc = error_set(err, ERROR_USAGE, NULL, "--labels must be binary, real, count or class:C with 2 to %d classes, got \"%.40s\"",
                       LABEL_CLASSES_MAX, l->params->labels);
    if (rc == 0) rc = choose_format(l, err);
    if (rc == 0) rc = team_start(&l->team, 1, 0, err);
    if (rc < 0) return rc;
    struct inspect_config config = {.world = &world_real,
                                    .uris = l->uris,
                                    .uri_count = l->uri_count,
                                    .format = l->format.kind,
                                    .format_params = l->format.params,
                                    .hash_seed = (uint64_t)l->params->hash_seed,
                                    .labels = l->labels,
                                    .rows_max = (uint64_t)l->params->rows,
                                    .parallel = &l->team.parallel,
                                    .progress = {l, progress, cancelled}};
    l->began_ms = world_mono_ms(&world_real);
    rc = inspect_run(&config, &l->seen, err);
    l->took_ms = world_mono_ms(&world_real) - l->began_ms;
    bar_end(&l->bar);
    team_stop(&l->team);
    if (rc < 0) return rc;
    if (!l->params->json) return print_report(l, stdout, err);
    json_t *all = seen_json(l);
    rc = all ? print_json(stdout, all, err) : error_set(err, ERROR_NOMEM, NULL, "cannot write what was seen");
    json_decref(all);
    return rc;
}

static int data_inspect_run(const struct call *call, struct error *err)
{
    struct looking *l = mem_zero(sizeof *l, err);
    if (!l) return -ERROR_NOMEM;
    l->params = call->params;
    l->uris = (char **)call->operands;
    l->uri_count = call->operand_count;
    interrupt_watch();
    bar_init(&l->bar, &world_real, l->params->quiet, PLAIN_EVERY_MS);
    int rc = look(l, err);
    bar_end(&l->bar);
    inspection_close(&l->seen);
    inferred_close(&l->inferred);
    json_decref(l->dataset);
    format_arg_close(&l->format);
    mem_free(l);
    return rc;
}

const struct command command_data_inspect = {
    .name = "data inspect",
    .summary = "Tell what is in a log, and guess its format and schema.",
    .details =
        "One pass in flat memory. Counts are exact; distinct values beyond 256 a field are estimates (standard error 0.8 %), and so are the counts "
        "of frequent ones then. For a table (csv, tsv, jsonl) whose options are not given, label, header, delimiter and the types of the columns are "
        "guessed from the first rows and printed as the dataset object of a specification. Columns that give no feature are described like the "
        "others, as ignored.",
    .operands = "URI...",
    .operands_min = 1,
    .operands_max = OPERANDS_MAX,
    .args = data_inspect_args,
    .params_size = sizeof(struct data_inspect_params),
    .usage_exit = 64,
    .example = "trainyard data inspect clicks.csv\n  trainyard data inspect --json --format criteo day-*.tsv.gz | jq .hash",
    .run = data_inspect_run};
