/* Criteo display advertising log: label TAB I1..I13 TAB C1..C26, no header (Kaggle 2014; data/INDEX.md, criteo_8k).
 *
 * Every row has 39 features of value 1, less the columns that are its weight, group or time (dataset.weight and so on), which may be any. An empty
 * cell is a value of its own. An integer v <= 2 is the category "SP" + v, a larger one the category floor(ln(v)^2). Keys of integers come from tables
 * made once, those of categories from hashing their text. */
#include <math.h>
#include <stdio.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/data/format/criteo.h"
#include "engine/data/format/feature.h"
#include "engine/data/format/formats.h"
#include "engine/data/format/text.h"

uint32_t criteo_integer_key(const struct criteo *state, size_t c, int64_t value)
{
    char text[32];
    int n = value <= 2 ? snprintf(text, sizeof text, "SP%lld", (long long)value)
                       : snprintf(text, sizeof text, "%u", square_log_exact((uint64_t)value));
    return feature_key(text, (size_t)n, state->seeds[c]);
}

static int role_column_find(const struct criteo *s, const char *name)
{
    for (int c = 0; c < CRITEO_FIELDS; c++)
        if (strcmp(s->names[c], name) == 0) return c;
    return -1;
}

static int criteo_roles_prepare(struct criteo *s, const struct format_context *context, struct error *err)
{
    for (int r = 0; r < ROLES; r++) {
        const char *name = role_column(context, (enum role)r);
        s->role[r] = *name ? role_column_find(s, name) : -1;
        if (*name && s->role[r] < 0)
            return error_set(err, ERROR_DATA, roles[r].pointer,
                             "format criteo has no column \"%.60s\" for the %s of a row; its columns are I1 to I13 and C1 to C26", name,
                             roles[r].name);
        if (*name) s->played |= (uint64_t)1 << s->role[r];
        if (!role_reads(context, (enum role)r)) s->role[r] = -1;
    }
    for (size_t c = 0; c < CRITEO_FIELDS; c++)
        if (!(s->played >> c & 1)) s->columns[s->kept++] = (uint8_t)c;
    return 0;
}

static void *criteo_prepare(const void *params, const struct format_context *context, struct error *err)
{
    struct criteo *s = mem_zero(sizeof *s, err);
    char text[16];
    (void)params;
    if (!s) return NULL;
    square_log_init(&s->log);
    s->no_labels = context->no_labels;
    s->labels = context->labels;
    for (size_t c = 0; c < CRITEO_FIELDS; c++) {
        snprintf(s->names[c], sizeof s->names[c], "%c%zu", c < CRITEO_INTEGERS ? 'I' : 'C', c < CRITEO_INTEGERS ? c + 1 : c + 1 - CRITEO_INTEGERS);
        s->seeds[c] = feature_seed(s->names[c], context->hash_seed);
        s->flips[c] = hash64_flip(s->seeds[c]);
        s->layout[c] = (uint16_t)c;
        s->missing[c] = feature_key("", 0, s->seeds[c]);
    }
    for (size_t c = 0; c < CRITEO_INTEGERS; c++) {
        for (int v = -CRITEO_SMALL; v <= 2; v++) s->slots[c][v + CRITEO_SMALL] = criteo_integer_key(s, c, v);
        for (unsigned class = 0; class < SQUARE_LOG_CLASSES; class ++) {
            int n = snprintf(text, sizeof text, "%u", class);
            s->slots[c][CRITEO_CLASS_0 + class] = feature_key(text, (size_t)n, s->seeds[c]);
        }
        s->slots[c][CRITEO_MISSING] = s->missing[c];
    }
    if (criteo_roles_prepare(s, context, err) == 0) return s;
    mem_free(s);
    return NULL;
}

static const char *cell_end(const char *text, const uint32_t *m, size_t c)
{
    const char *end = text + m[c + 1];
    return end - (c == CRITEO_FIELDS - 1 && m[c + 1] > m[c] + 1 && end[-1] == '\r');
}

bool criteo_roles(const struct criteo *state, const char *text, const uint32_t *m, struct rows *rows)
{
    uint32_t *keys = rows->keys + rows->features;
    for (int r = 0; r < ROLES; r++) {
        size_t c = (size_t)state->role[r];
        if (state->role[r] >= 0 && roles[r].take(text + (m[c] + 1), cell_end(text, m, c), rows, rows->count)) return false;
    }
    for (size_t f = 0; f < state->kept; f++) keys[f] = keys[state->columns[f]];
    return true;
}

/* Why the cell [p, stop) of column c is none, or NULL. */
static const char *cell_refuse(const struct criteo *state, int c, const char *p, const char *stop)
{
    float weight;
    int64_t value;
    const char *why = state->role[ROLE_WEIGHT] == c ? role_weight(p, stop, &weight) : NULL;
    if (!why && state->role[ROLE_TIME] == c) why = role_time(p, stop, &value);
    if (!why && !(state->played >> c & 1) && c < CRITEO_INTEGERS && p < stop && !text_i64(p, stop, &value))
        why = state->no_labels ? "is not a number; columns 1 to 13 are integers or empty" : "is not a number; columns 2 to 14 are integers or empty";
    return why;
}

static const char *label_cell_refuse(const struct criteo *state, const char *p, const char *stop)
{
    double number;
    if (label_bits(&state->labels)) return text_label(p, stop) < 0 ? label_no_bit : NULL;
    return label_refuse(&state->labels, text_real(p, stop, &number) ? number : NAN);
}

void criteo_refuse(const struct criteo *state, const char *p, const char *end, const struct chunk *chunk, uint64_t line, struct bad_rows *bad)
{
    size_t columns = 1, want = CRITEO_FIELDS + !state->no_labels;
    if (!line_check(p, end, chunk, line, bad)) return;
    for (const char *t = p; (t = memchr(t, '\t', (size_t)(end - t))); t++) columns++;
    if (columns != want) {
        bad_row(bad, line, "%zu column%s, want %zu (%s13 integers, 26 categories, separated by tabs)", columns, str_s(columns), want,
                state->no_labels ? "no label, " : "label, ");
        return;
    }
    for (size_t i = 0; i < columns; i++) {
        int c = (int)i - !state->no_labels; /* -1: the label */
        const char *tab = memchr(p, '\t', (size_t)(end - p)), *stop = tab ? tab : end;
        const char *why = c >= 0 ? cell_refuse(state, c, p, stop) : label_cell_refuse(state, p, stop);
        if (why) {
            bad_field(bad, line, i + 1, p, (size_t)(stop - p), why);
            return;
        }
        p = stop + 1;
    }
}

/* The cells of the one row in the chunk, which is one record. */
static int criteo_note(const struct criteo *state, const struct chunk *chunk, struct parsed *out, struct error *err)
{
    const char *p = chunk->text, *end;
    size_t at = 0;
    text_line(p, p + chunk->size, &end);
    for (int c = -!state->no_labels; c < CRITEO_FIELDS; c++) {
        const char *tab = memchr(p, '\t', (size_t)(end - p)), *stop = tab ? tab : end;
        if (c >= 0 && !(state->played >> c & 1)) {
            int rc = note_feature(out->notes, at++, p, (size_t)(stop - p), p == stop, err);
            if (rc < 0) return rc;
        }
        p = stop + 1;
    }
    return 0;
}

static int criteo_parse(const void *state, const struct chunk *chunk, struct parsed *out, struct error *err)
{
    static int (*const kernels[])(const struct criteo *, const struct chunk *, struct parsed *, uint32_t *,
                                  struct error *) = KERNEL_TABLE(criteo_parse);
    int rc;
    bytes_clear(&out->marks);
    if ((rc = bytes_reserve(&out->marks, 2 * (chunk->size + 64) * sizeof(uint32_t), err)) < 0) return rc;
    const struct criteo *criteo = state;
    unsigned with = label_part(&criteo->labels);
    for (int r = 0; r < ROLES; r++) with |= criteo->role[r] >= 0 ? roles[r].part : 0;
    rows_clear(&out->rows, with);
    out->rows.layout = criteo->layout;
    out->rows.layout_size = criteo->kept;
    rc = kernels[cpu_level()](state, chunk, out, (uint32_t *)out->marks.data, err);
    return rc == 0 && out->notes && out->rows.count > 0 ? criteo_note(criteo, chunk, out, err) : rc;
}

static const char *criteo_field_name(const void *state, size_t field)
{
    const struct criteo *s = state;
    return field < s->kept ? s->names[s->columns[field]] : NULL;
}

static bool criteo_value_name(const void *state, size_t field, const char *text, size_t size, char *name, size_t room)
{
    const struct criteo *s = state;
    int64_t value;
    if (field >= s->kept || s->columns[field] >= CRITEO_INTEGERS || !text_i64(text, text + size, &value)) return false;
    square_log_name(value, name, room);
    return true;
}

const struct format format_criteo = {.kind = {"criteo", "label, 13 integers, 26 categories, separated by tabs; no header",
                                              "Criteo display advertising challenge, Kaggle 2014", 0, NULL},
                                     .prepare = criteo_prepare,
                                     .release = mem_free,
                                     .parse = criteo_parse,
                                     .field_name = criteo_field_name,
                                     .value_name = criteo_value_name};
