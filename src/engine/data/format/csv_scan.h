/* The scanner of CSV: fields and records of a text, 64 bytes at a time, quotes and all (the in-quote mask as a prefix xor over the quotes
 * is Langdale and Lemire 2019, "Parsing gigabytes of JSON per second", 3.1.1).
 *
 * It knows proper CSV only: every quote opens a field, closes one, or is one of a doubled pair; no record is longer than the limit. Where
 * that ends, it says so (`broken`), and the caller takes that one record by csv_record_end() and csv_fields(), which know what any
 * text means, and starts anew behind it. So the scanner adds speed and no meaning: with and without it a text gives the same records.
 * Compiled once an instruction set (csv_scan.inc.c); every copy finds the same. */
#ifndef TRAINYARD_ENGINE_DATA_CSV_SCAN_H
#define TRAINYARD_ENGINE_DATA_CSV_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct csv_scan {
    const char *text; /* 64 readable bytes follow it (CHUNK_SLACK) */
    size_t size, line_bytes_max;
    char delimiter;
    bool no_quotes;         /* a quote is a byte like any other */
    uint32_t *marks, *ends; /* (size + 64) each: positions of delimiters and newlines outside quotes; numbers of the marks that are newlines */
    size_t mark_count, end_count;

    size_t at;            /* scanned so far */
    size_t record;        /* start of the record that the scan is in: behind the last newline that it found */
    bool broken;          /* that record is none that the scanner knows, and the scan stands still */
    bool doubled;         /* since the last restart: some field holds a doubled quote */
    bool newlines_inside; /* ... or a newline */

    uint64_t inside, after_close, after_separator; /* of the byte before `at`: in quotes (all bits), a closing quote, a separator (bit 0) */
};

/* csv_scan_restart: go on at text + at, where a record begins. Marks and ends are forgotten. */
static inline void csv_scan_restart(struct csv_scan *s, size_t at)
{
    s->at = s->record = at;
    s->mark_count = s->end_count = 0;
    s->broken = s->doubled = s->newlines_inside = false;
    s->inside = s->after_close = 0;
    s->after_separator = 1;
}

/* csv_scan_window: forget all ends and the first `used` marks, then scan on until there are ends or nothing is left to scan. False: there
 * are no ends, and the scan is broken or at the end of the text (record < size: in the middle of a record). A broken scan may
 * have ends before the broken record. */
bool csv_scan_window(struct csv_scan *s, size_t used);

/* csv_scan_records: the same without marks and ends, of all the text: s->record is behind the last whole record, or the broken one. */
void csv_scan_records(struct csv_scan *s);

#endif
