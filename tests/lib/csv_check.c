#include "lib/csv_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "engine/data/format/csv.h"
#include "engine/data/format/text.h"

struct told { /* all that a way of parsing says */
    struct parsed out;
    uint64_t records, hash;
};

static int tell(void *context, const struct cell *fields, struct parsed *out, struct error *err)
{
    struct told *t = context;
    (void)err;
    t->records++;
    t->hash = hash64(&out->lines, sizeof out->lines, t->hash);
    for (size_t i = 0; fields && fields[i].text; i++) t->hash = hash64(fields[i].text, fields[i].size, t->hash + i);
    return 0;
}

struct exact { /* hands over exactly `columns` fields, with an end behind them */
    struct told *told;
    size_t columns;
    struct cell *fields;
};

static int tell_exact(void *context, const struct cell *fields, struct parsed *out, struct error *err)
{
    struct exact *e = context;
    memcpy(e->fields, fields, e->columns * sizeof *fields);
    e->fields[e->columns] = (struct cell){0};
    return tell(e->told, e->fields, out, err);
}

/* What csv_records() is held to: one record after another by csv_record_end() and csv_fields(). */
static void plain_way(const struct csv *csv, const struct chunk *chunk, struct exact *e)
{
    const char *end = chunk->text + chunk->size, *why, *where;
    struct parsed *out = &e->told->out;
    char *scratch = malloc(chunk->size + 1);
    struct cell *fields = malloc((csv->count + 1) * sizeof *fields);
    size_t column;
    for (const char *p = chunk->text, *next; scratch && fields && p < end; p = next) {
        next = csv_record_end(csv, p, end, chunk->line_bytes_max, true);
        const char *stop = next[-1] == '\n' ? next - 1 : next;
        stop -= stop > p && stop[-1] == '\r';
        if (line_check(p, stop, chunk, out->lines, &out->bad)) {
            size_t count = csv_fields(csv->delimiter, !csv->no_quotes, p, stop, fields, csv->count, scratch, &why, &column, &where);
            if (count == csv->count) tell_exact(e, fields, out, NULL);
            else if (count > 0)
                bad_row(&out->bad, out->lines, "%zu column%s, want %zu as the first line has", count, count == 1 ? "" : "s", csv->count);
            else csv_bad_fields(out, chunk, column, where, stop, why);
        }
        for (const char *n = p; n < next; n++) out->lines += *n == '\n';
    }
    free(scratch), free(fields);
}

static const char *compare(const struct told *got, const struct told *want)
{
    if (got->out.lines != want->out.lines) return "the number of lines";
    if (got->out.bad.count != want->out.bad.count) return "the number of bad records";
    if (got->out.bad.line != want->out.bad.line) return "the first bad record's line";
    if (strcmp(got->out.bad.text, want->out.bad.text) != 0) return "the first bad record's words";
    if (got->records != want->records) return "the number of records";
    return got->hash != want->hash ? "a field" : NULL;
}

/* Every start of the text: where do its whole records end? */
static const char *compare_whole(const struct csv *csv, char *text, size_t size, size_t line_bytes_max)
{
    size_t step = 1 + size / 40; /* long ones at some places only */
    for (size_t n = 0; n <= size; n += step) {
        const char *p = text;
        for (const char *next; p < text + n && (next = csv_record_end(csv, p, text + n, line_bytes_max, false)); p = next) {}
        if (csv_whole(csv, text, n, line_bytes_max) != (size_t)(p - text)) return "the end of the whole records";
    }
    return NULL;
}

const char *csv_check(const char *text, size_t size, size_t columns, char delimiter, size_t line_bytes_max)
{
    struct csv csv = {.count = columns, .delimiter = delimiter};
    char *copy = calloc(1, size + 1 + CHUNK_SLACK);
    struct told got = {.records = 0}, want = {.records = 0};
    struct exact fast = {&got, columns, calloc(columns + 1, sizeof *fast.fields)}, plain = {&want, columns, calloc(columns + 1, sizeof *fast.fields)};
    struct error err = {0};
    const char *differs = "memory";
    if (copy && fast.fields && plain.fields) {
        memcpy(copy, text, size);
        if (size == 0 || copy[size - 1] != '\n') copy[size++] = '\n';
        struct chunk chunk = {.text = copy, .size = size, .line_bytes_max = line_bytes_max, .has_nul = memchr(copy, 0, size) != NULL};
        bytes_init(&got.out.marks, SIZE_MAX), bytes_init(&got.out.text, SIZE_MAX);
        plain_way(&csv, &chunk, &plain);
        differs = csv_records(&csv, &chunk, &got.out, tell_exact, &fast, &err) < 0 ? "an error" : compare(&got, &want);
        if (!differs) differs = compare_whole(&csv, copy, size, line_bytes_max);
        bytes_close(&got.out.marks), bytes_close(&got.out.text);
    }
    free(copy), free(fast.fields), free(plain.fields);
    return differs;
}
