/* The types of columns. */
#include "engine/data/format/column.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/data/format/feature.h"
#include "engine/data/format/text.h"
#include "engine/data/format/vocabulary.h"

static const char *const no_number = "is not a number", *const no_float = "is beyond the range of a 32-bit float";

static const char *number(const char *text, size_t size, double *real)
{
    if (!text_real(text, text + size, real)) return no_number;
    return isfinite((float)*real) ? NULL : no_float;
}

static const char *make_categorical(const struct column *c, const char *text, size_t size, uint32_t *key, float *value)
{
    (void)value;
    *key = feature_key(text, size, c->seed);
    return NULL;
}

static const char *make_numeric(const struct column *c, const char *text, size_t size, uint32_t *key, float *value)
{
    double real;
    const char *why = number(text, size, &real);
    *key = c->value_key;
    if (!why) *value = (float)real;
    return why;
}

/* A column's numbers have one feature. */
static bool number_name(const struct column *c, const char *text, size_t size, char *name, size_t room)
{
    (void)c, (void)text, (void)size;
    return str_copy(name, room, "(any number)");
}

/* log: keys of "SP-64" .. "SP2" and of the classes "0" .. "491"; others are hashed. */
enum { LOG_SMALL = 64, LOG_CLASS_0 = LOG_SMALL + 3, LOG_KEYS = LOG_CLASS_0 + SQUARE_LOG_CLASSES };

static uint32_t log_key(const struct column *c, int64_t whole)
{
    char text[32];
    int n = whole > 2 ? snprintf(text, sizeof text, "%u", square_log_exact((uint64_t)whole)) : snprintf(text, sizeof text, "SP%" PRId64, whole);
    return feature_key(text, (size_t)n, c->seed);
}

static int column_log(struct column *c, struct error *err)
{
    char text[32];
    if (!(c->keys = mem_array(LOG_KEYS, 1, sizeof *c->keys, err))) return -ERROR_NOMEM;
    for (int v = -LOG_SMALL; v <= 2; v++) c->keys[v + LOG_SMALL] = log_key(c, v);
    for (unsigned class = 0; class < SQUARE_LOG_CLASSES; class ++) {
        int n = snprintf(text, sizeof text, "%u", class);
        c->keys[LOG_CLASS_0 + class] = feature_key(text, (size_t)n, c->seed);
    }
    return 0;
}

/* The number, rounded down. Why the text is none, or NULL. */
static const char *log_whole(const char *text, size_t size, int64_t *whole)
{
    double real;
    const char *why = number(text, size, &real);
    if (why) return why;
    real = floor(real);
    *whole = real >= 0x1p63 ? INT64_MAX : real <= -0x1p53 ? -((int64_t)1 << 53) : (int64_t)real;
    return NULL;
}

static bool log_name(const struct column *c, const char *text, size_t size, char *name, size_t room)
{
    int64_t whole;
    (void)c;
    if (log_whole(text, size, &whole)) return false;
    square_log_name(whole, name, room);
    return true;
}

static const char *make_log(const struct column *c, const char *text, size_t size, uint32_t *key, float *value)
{
    int64_t whole;
    const char *why = log_whole(text, size, &whole);
    (void)value;
    if (why) return why;
    if (whole < -LOG_SMALL || whole > UINT32_MAX) *key = log_key(c, whole);
    else *key = c->keys[whole > 2 ? LOG_CLASS_0 + (int64_t)square_log_small(c->log, (uint64_t)whole) : LOG_SMALL + whole];
    return NULL;
}

static int item_quantile(struct item_data *data, const char *argument, const struct world *world, struct error *err)
{
    uint64_t n;
    (void)world;
    if (!text_u64(argument, argument + strlen(argument), &n) || n < 2 || n > QUANTILES_MAX)
        return error_set(err, ERROR_DATA, NULL, "quantile(n) wants the number of bins, 2 to %d, got \"%.40s\"", QUANTILES_MAX, argument);
    data->quantiles = (uint32_t)n;
    return 0;
}

/* buckets: the key of bin b, the number of edges that are <= the number, is that of the text "B" + b. */
static int item_buckets(struct item_data *data, const char *argument, const struct world *world, struct error *err)
{
    (void)world;
    if (!(data->edges = mem_array(BUCKET_EDGES_MAX, 1, sizeof *data->edges, err))) return -ERROR_NOMEM;
    for (const char *p = argument, *stop;; p = stop + 1) {
        while (*p == ' ') p++;
        stop = strchr(p, ';') ? strchr(p, ';') : strchr(p, 0);
        const char *end = stop;
        while (end > p && end[-1] == ' ') end--;
        double edge;
        if (data->edge_count == BUCKET_EDGES_MAX) return error_set(err, ERROR_DATA, NULL, "buckets takes at most %d edges", BUCKET_EDGES_MAX);
        if (!text_real(p, end, &edge) || !isfinite(edge) || (data->edge_count > 0 && edge <= data->edges[data->edge_count - 1]))
            return error_set(err, ERROR_DATA, NULL, "buckets wants ascending numbers like buckets(0;10;100), got \"%.*s\"",
                             (int)(end - p < 40 ? end - p : 40), p);
        data->edges[data->edge_count++] = edge;
        if (!*stop) return 0;
    }
}

static int column_buckets(struct column *c, struct error *err)
{
    char text[24];
    if (!(c->keys = mem_array(c->data->edge_count + 1, 1, sizeof *c->keys, err))) return -ERROR_NOMEM;
    for (size_t b = 0; b <= c->data->edge_count; b++) {
        int n = snprintf(text, sizeof text, "B%zu", b);
        c->keys[b] = feature_key(text, (size_t)n, c->seed);
    }
    return 0;
}

static size_t bucket_of(const struct item_data *data, double number)
{
    size_t low = 0, high = data->edge_count; /* the answer is within low..high */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (data->edges[middle] <= number) low = middle + 1;
        else high = middle;
    }
    return low;
}

static const char *make_bucket(const struct column *c, const char *text, size_t size, uint32_t *key, float *value)
{
    double real;
    (void)value;
    if (!text_real(text, text + size, &real)) return no_number;
    *key = c->keys[bucket_of(c->data, real)];
    return NULL;
}

static bool bucket_name(const struct column *c, const char *text, size_t size, char *name, size_t room)
{
    const double *edges = c->data->edges;
    double real;
    if (!text_real(text, text + size, &real)) return false;
    size_t b = bucket_of(c->data, real);
    if (b == 0) snprintf(name, room, "< %.10g", edges[0]);
    else if (b == c->data->edge_count) snprintf(name, room, ">= %.10g", edges[b - 1]);
    else snprintf(name, room, ">= %.10g, < %.10g", edges[b - 1], edges[b]);
    return true;
}

static int item_vocab(struct item_data *data, const char *argument, const struct world *world, struct error *err)
{
    if (!(data->vocabulary = vocabulary_read(world, argument, err))) return err && err->code ? -(int)err->code : -ERROR_DATA;
    return 0;
}

/* What no text can be, so that "other" is no value's key by definition: it holds a NUL byte. */
static int column_vocab(struct column *c, struct error *err)
{
    if (!(c->keys = mem_array(1, 1, sizeof *c->keys, err))) return -ERROR_NOMEM;
    c->keys[0] = feature_key("\0other", 6, c->seed);
    return 0;
}

static const char *make_vocab(const struct column *c, const char *text, size_t size, uint32_t *key, float *value)
{
    (void)value;
    *key = vocabulary_has(c->data->vocabulary, text, size) ? feature_key(text, size, c->seed) : c->keys[0];
    return NULL;
}

static bool vocab_name(const struct column *c, const char *text, size_t size, char *name, size_t room)
{
    return !vocabulary_has(c->data->vocabulary, text, size) && str_copy(name, room, "(other)");
}

static int item_multi(struct item_data *data, const char *argument, const struct world *world, struct error *err)
{
    (void)world;
    data->separator = strcmp(argument, "tab") == 0 ? '\t' : *argument;
    if (data->separator != '\t' && (strlen(argument) != 1 || strchr("\r\n", *argument)))
        return error_set(err, ERROR_DATA, NULL, "multi(s) wants one byte between values, or the word tab, got \"%.40s\"", argument);
    return 0;
}

const struct column_type column_types[] = {
    {"categorical", NULL, "each text is a value", .feature = true, .text = true, .make = make_categorical},
    {"numeric", NULL, "one feature whose value is the number", .feature = true, .trims = true, .values = true, .make = make_numeric,
     .name_of = number_name},
    {"log", NULL, "the class floor(ln(v)^2) of the number", .feature = true, .trims = true, .column = column_log, .make = make_log,
     .name_of = log_name},
    {"ignore", NULL, "no feature", .feature = false, .fit = FIT_IGNORED, .make = make_categorical},
    {"multi", "separator", "a list of values", .feature = true, .splits = true, .item = item_multi, .make = make_categorical},
    {"buckets", "e1;e2;...", "the bin of the number between these edges", .feature = true, .trims = true, .item = item_buckets,
     .column = column_buckets, .make = make_bucket, .name_of = bucket_name},
    {"quantile", "n", "the bin of the number between n quantiles of the training rows", .feature = true, .trims = true, .values = true,
     .fit = FIT_QUANTILE, .item = item_quantile, .make = make_numeric, .name_of = number_name},
    {"normalised", NULL, "the number less the mean of the training rows, over their deviation", .feature = true, .trims = true, .values = true,
     .fit = FIT_NORMALISED, .make = make_numeric, .name_of = number_name},
    {"vocab", "file", "the texts in this file, and one value for all others", .feature = true, .names_file = true, .item = item_vocab,
     .column = column_vocab, .make = make_vocab, .name_of = vocab_name},
    {0},
};

const struct column_type *column_type_find(const char *name)
{
    for (const struct column_type *t = column_types; t->name; t++)
        if (strcmp(t->name, name) == 0) return t;
    return NULL;
}

const char *column_type_names(const char *names[], size_t max)
{
    size_t n = 0;
    for (const struct column_type *t = column_types; t->name && n + 1 < max; t++) names[n++] = t->name;
    names[n] = NULL;
    return names[0];
}

void item_data_close(struct item_data *data)
{
    mem_free(data->edges);
    vocabulary_free(data->vocabulary);
    *data = (struct item_data){0};
}
