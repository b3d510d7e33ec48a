/* explain_rows: the chunk is parsed record by record, with notes of what each feature was made of, so that what
 * is told is what parse() did and nothing else. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "engine/data/format/format.h"

int note_feature(struct notes *notes, size_t at, const char *text, size_t size, bool missing, struct error *err)
{
    if (at >= notes->max) {
        size_t max = at + at / 2 + 64;
        int rc = mem_grow((void **)&notes->list, max, sizeof *notes->list, err);
        if (rc < 0) return rc;
        notes->max = max;
    }
    notes->list[at] = (struct note){text, size, missing};
    return 0;
}

/* The one row that a record gave. */
static int tell_row(const struct format *format, const void *state, uint64_t number, const struct parsed *p, const struct explainer *tell,
                    struct error *err)
{
    const struct rows *rows = &p->rows;
    const uint16_t *fields = rows->layout ? rows->layout : rows->with & ROWS_FIELDS ? rows->fields : NULL;
    for (size_t f = 0; f < rows->ends[0]; f++) {
        const struct note *note = &p->notes->list[f];
        struct explained e = {.row = number, .field = fields ? fields[f] : FIELD_UNKNOWN, .text = note->text, .size = note->size};
        char digits[8] = "";
        if (format->field_name && e.field != FIELD_UNKNOWN) e.name = format->field_name(state, e.field);
        if (!e.name) {
            if (e.field != FIELD_UNKNOWN) snprintf(digits, sizeof digits, "%u", e.field);
            e.name = digits;
        }
        e.key = rows->keys[f];
        e.value = rows->with & ROWS_VALUES ? rows->values[f] : 1;
        e.missing = note->missing;
        int rc = tell->feature ? tell->feature(tell->context, &e, err) : 0;
        if (rc < 0) return rc;
    }
    return tell->row ? tell->row(tell->context, rows_label(rows, 0), err) : 0;
}

/* A record's part of what the chunk gave. */
static void record_count(struct parsed *out, const struct parsed *p)
{
    out->rows.count += p->rows.count;
    if (p->bad.count > 0 && out->bad.count == 0) {
        out->bad = p->bad;
        out->bad.line += out->lines;
    } else out->bad.count += p->bad.count;
    out->lines += p->lines;
}

const char *explained_name(const struct format *format, const void *state, const struct explained *e, char room[EXPLAINED_ROOM], size_t *size)
{
    bool named = format->value_name && e->field != FIELD_UNKNOWN && format->value_name(state, e->field, e->text, e->size, room, EXPLAINED_ROOM);
    *size = named ? strlen(room) : e->size;
    return named ? room : e->text;
}

int explain_rows(const struct format *format, const void *state, const struct chunk *chunk, const struct explainer *tell, struct parsed *out,
                 struct error *err)
{
    const char *end = chunk->text + chunk->size;
    struct notes notes = {0};
    struct parsed p = {.notes = &notes};
    uint64_t number = 0;
    int rc = 0;
    bytes_init(&p.marks, SIZE_MAX);
    bytes_init(&p.text, SIZE_MAX);
    bytes_init(&notes.texts, SIZE_MAX);
    for (const char *at = chunk->text, *next; rc == 0 && at < end; at = next) {
        const char *newline = format->record_end ? NULL : memchr(at, '\n', (size_t)(end - at));
        next = format->record_end ? format->record_end(state, at, end, chunk->line_bytes_max, true) : newline ? newline + 1 : end;
        const struct chunk record = {at, (size_t)(next - at), chunk->line_bytes_max, chunk->has_nul};
        p.bad.count = 0, p.lines = 0;
        bytes_clear(&notes.texts);
        rc = format->parse(state, &record, &p, err);
        if (rc == 0 && out) record_count(out, &p);
        if (rc == 0 && p.rows.count > 0) rc = tell_row(format, state, number++, &p, tell, err);
    }
    rows_close(&p.rows);
    bytes_close(&p.marks);
    bytes_close(&p.text);
    bytes_close(&notes.texts);
    mem_free(notes.list);
    return rc;
}
