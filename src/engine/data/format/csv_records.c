/* The records of a chunk of CSV: the scanner's (csv_scan.h) as far as it knows them, one at a time where it does not. */
#include <string.h>

#include "base/str.h"
#include "engine/data/format/csv.h"
#include "engine/data/format/csv_scan.h"
#include "engine/data/format/text.h"

struct records {
    const struct csv *csv;
    const struct chunk *chunk;
    struct parsed *out;
    csv_record_fn *record;
    void *context;
};

static void bad_count(const struct records *r, size_t count)
{
    bad_row(&r->out->bad, r->out->lines, "%zu column%s, want %zu as the first line has", count, str_s(count), r->csv->count);
}

/* Room for the fields of a record in out->text, with scratch_size bytes behind them, behind which some more can be read. */
static int records_reserve(const struct records *r, size_t scratch_size, struct cell **fields, char **scratch, struct error *err)
{
    size_t size = r->csv->count * sizeof **fields;
    bytes_clear(&r->out->text);
    int rc = bytes_reserve(&r->out->text, size + scratch_size + CHUNK_SLACK, err);
    *fields = (struct cell *)r->out->text.data;
    *scratch = (char *)r->out->text.data + size;
    return rc;
}

/* The record at p, whatever it is. */
static int record_slow(const struct records *r, const char *p, const char **next, struct error *err)
{
    const struct chunk *chunk = r->chunk;
    const char *end = chunk->text + chunk->size, *why, *where;
    struct parsed *out = r->out;
    struct cell *fields;
    size_t column;
    char *scratch;
    *next = csv_record_end(r->csv, p, end, chunk->line_bytes_max, true);
    const char *stop = *next > p && (*next)[-1] == '\n' ? *next - 1 : *next;
    stop -= stop > p && stop[-1] == '\r';
    int rc = 0;
    if (line_check(p, stop, chunk, out->lines, &out->bad)) {
        if ((rc = records_reserve(r, (size_t)(stop - p), &fields, &scratch, err)) < 0) return rc;
        size_t count = csv_fields(r->csv->delimiter, !r->csv->no_quotes, p, stop, fields, r->csv->count, scratch, &why, &column, &where);
        if (count == r->csv->count) rc = r->record(r->context, fields, out, err);
        else if (count > 0) bad_count(r, count);
        else csv_bad_fields(out, chunk, column, where, stop, why);
    }
    for (const char *n = p; (n = memchr(n, '\n', (size_t)(*next - n))); n++) out->lines++;
    return rc;
}

/* The fields between the marks of a proper record that begins at `start`. */
static void record_fields(const struct records *r, const struct csv_scan *scan, size_t start, const uint32_t *marks, bool cr, struct cell *fields,
                          char *scratch)
{
    const char *text = scan->text;
    for (size_t i = 0, from = start; i < r->csv->count; from = marks[i++] + 1) {
        bool quoted = text[from] == '"' && !scan->no_quotes; /* an empty field has a separator there */
        fields[i] = (struct cell){text + from + quoted, (uint32_t)(marks[i] - from - 2 * quoted), false};
    }
    fields[r->csv->count - 1].size -= cr;
    if (!scan->doubled) return;
    for (size_t i = 0; i < r->csv->count; i++) {
        const char *p = fields[i].text, *end = p + fields[i].size;
        if (!memchr(p, '"', fields[i].size)) continue;
        fields[i].text = scratch;
        for (; p < end; p++) {
            *scratch++ = *p;
            p += *p == '"'; /* they come in pairs */
        }
        fields[i].size = (uint32_t)(scratch - fields[i].text);
    }
}

/* All records of the scan's window. *used: marks; *start: behind the last record. */
static int records_window(const struct records *r, const struct csv_scan *scan, size_t *start, size_t *used, struct error *err)
{
    struct parsed *out = r->out;
    int rc = 0;
    *used = 0;
    for (size_t i = 0; i < scan->end_count && rc == 0; i++) {
        const uint32_t *marks = scan->marks + *used;
        size_t columns = scan->ends[i] + 1 - *used, newline = scan->marks[scan->ends[i]];
        const char *line = scan->text + *start, *stop = scan->text + newline;
        bool cr = stop > line && stop[-1] == '\r';
        struct cell *fields;
        char *scratch;
        if (line_check(line, stop - cr, r->chunk, out->lines, &out->bad)) {
            if (columns != r->csv->count) bad_count(r, columns);
            else if ((rc = records_reserve(r, scan->doubled ? newline - *start : 0, &fields, &scratch, err)) == 0) {
                record_fields(r, scan, *start, marks, cr, fields, scratch);
                rc = r->record(r->context, fields, out, err);
            }
        }
        out->lines++;
        if (scan->newlines_inside)
            for (const char *n = line; (n = memchr(n, '\n', (size_t)(stop - n))); n++) out->lines++;
        *start = newline + 1;
        *used += columns;
    }
    return rc;
}

int csv_records(const struct csv *csv, const struct chunk *chunk, struct parsed *out, csv_record_fn *record, void *context, struct error *err)
{
    const struct records r = {csv, chunk, out, record, context};
    size_t start = 0, used = 0;
    int rc;
    bytes_clear(&out->marks);
    if ((rc = bytes_reserve(&out->marks, 2 * (chunk->size + 64) * sizeof(uint32_t), err)) < 0) return rc;
    uint32_t *marks = (uint32_t *)out->marks.data;
    struct csv_scan scan = {.text = chunk->text,
                            .size = chunk->size,
                            .line_bytes_max = chunk->line_bytes_max,
                            .delimiter = csv->delimiter,
                            .no_quotes = csv->no_quotes,
                            .marks = marks,
                            .ends = marks + chunk->size + 64};
    csv_scan_restart(&scan, 0);
    for (;;) {
        const char *next;
        if (csv_scan_window(&scan, used)) {
            if ((rc = records_window(&r, &scan, &start, &used, err)) < 0) return rc;
            continue;
        }
        if (start == chunk->size) return 0;
        if ((rc = record_slow(&r, chunk->text + start, &next, err)) < 0) return rc;
        start = (size_t)(next - chunk->text);
        used = 0;
        csv_scan_restart(&scan, start);
    }
}

size_t csv_whole(const void *state, const char *text, size_t size, size_t line_bytes_max)
{
    const struct csv *csv = state;
    struct csv_scan scan = {.text = text, .size = size, .line_bytes_max = line_bytes_max, .delimiter = csv->delimiter, .no_quotes = csv->no_quotes};
    csv_scan_restart(&scan, 0);
    for (;;) {
        csv_scan_records(&scan);
        if (!scan.broken && size - scan.record <= line_bytes_max) return scan.record;
        const char *next = csv_record_end(csv, text + scan.record, text + size, line_bytes_max, false);
        if (!next) return scan.record;
        csv_scan_restart(&scan, (size_t)(next - text));
    }
}
