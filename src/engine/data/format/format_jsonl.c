/* JSON lines: one flat object a line (json_line.h). Keys are columns: those of the schema's names and those of the first record; what they are the
 * schema says (schema.h). A key that is not there and null are missing values; an array is a list for type multi. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/data/format/columns.h"
#include "engine/data/format/formats.h"
#include "engine/data/format/json_line.h"
#include "engine/data/format/text.h"

static const char *const unknown_names[] = {"error", "ignore", NULL};

struct jsonl_params {
    struct columns_params table; /* first */
    int unknown;                 /* index in unknown_names */
};

static const struct option jsonl_options[] = {
    COLUMNS_OPTIONS,
    {"unknown", OPT_NAME, offsetof(struct jsonl_params, unknown), .choices = unknown_names,
     .help = "a key that neither the first record nor the schema names makes its row a bad one, or is passed over"},
    {0},
};

struct jsonl {
    struct columns table;
    bool ignore_unknown;
    const json_t *fields; /* of the format's context */
    bool crossed;         /* names with an asterisk are those of crosses */
    uint32_t *slots;      /* (mask + 1): column + 1 by the hash of its name, open addressing; 0: free */
    uint64_t mask;
};

static void jsonl_release(void *state)
{
    struct jsonl *s = state;
    if (!s) return;
    columns_close(&s->table);
    mem_free(s->slots);
    mem_free(s);
}

static void *jsonl_prepare(const void *params, const struct format_context *context, struct error *err)
{
    const struct jsonl_params *p = params;
    struct jsonl *s = mem_zero(sizeof *s, err);
    if (!s) return NULL;
    s->ignore_unknown = p->unknown == 1;
    s->fields = context->fields;
    s->crossed = context->crosses && *context->crosses;
    if (columns_open(&s->table, &p->table, context, err) == 0) return s;
    jsonl_release(s);
    return NULL;
}

static bool name_is(const char *name, const struct cell *key) { return strlen(name) == key->size && memcmp(name, key->text, key->size) == 0; }

/* The column of that key, or count. guess: the one that came next last time. */
static size_t column_of(const struct jsonl *s, const struct cell *key, size_t guess)
{
    const struct columns *t = &s->table;
    if (guess < t->count && name_is(t->columns[guess].name, key)) return guess;
    for (uint64_t at = hash64(key->text, key->size, 0) & s->mask; s->slots[at]; at = (at + 1) & s->mask)
        if (name_is(t->columns[s->slots[at] - 1].name, key)) return s->slots[at] - 1;
    return t->count;
}

static int slots_make(struct jsonl *s, struct error *err)
{
    const struct columns *t = &s->table;
    for (s->mask = 15; s->mask < 2 * t->count; s->mask = 2 * s->mask + 1) {}
    if (!(s->slots = mem_array(s->mask + 1, 1, sizeof *s->slots, err))) return -ERROR_NOMEM;
    for (size_t i = 0; i < t->count; i++) {
        uint64_t at = hash64(t->columns[i].name, strlen(t->columns[i].name), 0) & s->mask;
        while (s->slots[at]) at = (at + 1) & s->mask;
        s->slots[at] = (uint32_t)i + 1;
    }
    return 0;
}

/* False: it is there already. */
static bool name_add(struct cell *names, size_t *count, const char *name)
{
    for (size_t n = 0; n < *count; n++)
        if (name_is(name, &names[n])) return false;
    if (*count < COLUMNS_MAX) names[(*count)++] = (struct cell){name, (uint32_t)strlen(name), false};
    return true;
}

/* The names of the columns: keys of the record (count of them are there), then those of the schema, then a label and roles that need not be there. */
static size_t names_complete(const struct jsonl *s, struct cell *names, size_t count)
{
    const struct columns *t = &s->table;
    size_t schema = t->schema.count;
    for (size_t i = 0; i <= schema; i++) {
        const char *label = *t->params.label ? t->params.label : "label", *name = i < schema ? t->schema.items[i].column : label;
        if (i < schema ? !schema_is_name(&t->schema.items[i]) : !t->no_labels) continue;
        name_add(names, &count, name);
    }
    for (int r = 0; r < ROLES; r++)
        if (*t->role_name[r] && !t->role_read[r]) name_add(names, &count, t->role_name[r]);
    return count;
}

/* Those that a model was trained on and the first record lacks: a key that is not there is a missing value, in this record as in any. */
static size_t names_expected(const struct jsonl *s, struct cell *names, size_t count)
{
    char lacking[300] = "", shown[160];
    size_t i, used = 0;
    bool more = false;
    json_t *field;
    json_array_foreach (s->fields, i, field) {
        const char *name = json_string_value(field);
        if (!name || (s->crossed && strchr(name, '*')) || !name_add(names, &count, name)) continue;
        if (used + 80 < sizeof lacking)
            used += (size_t)snprintf(lacking + used, sizeof lacking - used, "%s\"%s\"", used ? ", " : "",
                                     str_shown(shown, sizeof shown, name, strlen(name), 30));
        else more = true;
    }
    if (used > 0)
        log_warn("the first record has no key %s%s, which the model was trained on: where one is not there it is read as missing", lacking,
                 more ? ", ..." : "");
    return count;
}

static int record_refuse(const char *start, const struct json_line *line, struct error *err)
{
    char shown[160];
    return error_set(err, ERROR_DATA, "/dataset/uri", "byte %zu: \"%s\" %s", (size_t)(line->p - start) + 1,
                     str_shown(shown, sizeof shown, line->p, (size_t)(line->end - line->p), 30), line->why);
}

/* The first record names the columns; it is a row, too. */
static int jsonl_header(void *state, const char *text, size_t size, size_t *used, struct error *err)
{
    struct jsonl *s = state;
    const char *end;
    struct cell value;
    size_t count = 0;
    int rc = 0, got = 1;
    *used = 0;
    if (s->table.planned) return 0;
    text_line(text, text + size, &end);
    if (memchr(text, 0, (size_t)(end - text)))
        return error_set(err, ERROR_DATA, "/dataset/uri", "a NUL byte in the first line; is this a text file?");
    struct cell *names = mem_array(COLUMNS_MAX + 1, 1, sizeof *names, err);
    char *scratch = mem_zero(size + 1, err);
    struct json_line line = {.p = text, .end = end, .scratch = scratch};
    if (!names || !scratch) rc = -ERROR_NOMEM;
    while (rc == 0 && count <= COLUMNS_MAX && (got = json_line_next(&line, &names[count], &value)) > 0)
        if (++count > COLUMNS_MAX) rc = error_set(err, ERROR_DATA, "/dataset/uri", "more than %d keys", COLUMNS_MAX);
    if (rc == 0 && got < 0) rc = record_refuse(text, &line, err);
    if (rc == 0) count = names_expected(s, names, names_complete(s, names, count));
    if (rc == 0) rc = columns_plan(&s->table, names, count, NAMES_KEYS, err);
    if (rc == 0) rc = slots_make(s, err);
    mem_free(names);
    mem_free(scratch);
    return rc;
}

/* The cells of the line in the order of the columns. False: told. */
static bool line_cells(const struct jsonl *s, struct json_line *line, const char *start, struct cell *cells, struct parsed *out)
{
    const size_t count = s->table.count;
    struct cell key, value;
    char shown[160];
    int got;
    for (size_t i = 0; i < count; i++) cells[i] = (struct cell){NULL, 0, false};
    for (size_t next = 0; (got = json_line_next(line, &key, &value)) > 0;) {
        size_t i = column_of(s, &key, next);
        if (i == count && s->ignore_unknown) continue;
        if (i == count || cells[i].text) {
            bad_row(&out->bad, out->lines, "key \"%s\" %s", str_shown(shown, sizeof shown, key.text, key.size, 30),
                    i < count
                        ? "stands twice in the record"
                        : "is named neither by the first record nor by the schema; add it to dataset.schema, or set dataset.unknown to \"ignore\"");
            return false;
        }
        cells[i] = value;
        next = i + 1;
    }
    if (got < 0)
        bad_row(&out->bad, out->lines, "byte %zu: \"%s\" %s", (size_t)(line->p - start) + 1,
                str_shown(shown, sizeof shown, line->p, (size_t)(line->end - line->p), 30), line->why);
    for (size_t i = 0; i < count; i++)
        if (!cells[i].text) cells[i].text = cell_absent;
    return got == 0;
}

static int jsonl_parse(const void *state, const struct chunk *chunk, struct parsed *out, struct error *err)
{
    const struct jsonl *s = state;
    const char *end = chunk->text + chunk->size, *stop;
    const size_t cells_size = (s->table.count + 1) * sizeof(struct cell);
    columns_begin(&s->table, &out->rows);
    for (const char *p = chunk->text, *next; p < end; p = next, out->lines++) {
        next = text_line(p, end, &stop);
        if (!line_check(p, stop, chunk, out->lines, &out->bad)) continue;
        bytes_clear(&out->text);
        int rc = bytes_reserve(&out->text, cells_size + (size_t)(stop - p) + 1, err);
        if (rc < 0) return rc;
        struct cell *cells = (struct cell *)out->text.data;
        struct json_line line = {.p = p, .end = stop, .scratch = (char *)out->text.data + cells_size};
        if (line_cells(s, &line, p, cells, out) && (rc = columns_row(&s->table, cells, out, err)) < 0) return rc;
    }
    return 0;
}

static const char *jsonl_field_name(const void *state, size_t field) { return columns_field_name(&((const struct jsonl *)state)->table, field); }

static struct field_kind jsonl_field_kind(const void *state, size_t field)
{
    return columns_field_kind(&((const struct jsonl *)state)->table, field);
}

static bool jsonl_value_name(const void *state, size_t field, const char *text, size_t size, char *name, size_t room)
{
    return columns_value_name(&((const struct jsonl *)state)->table, field, text, size, name, room);
}

const struct format format_jsonl = {.kind = {"jsonl", "one flat JSON object a line; keys are columns, arrays lists", "JSON Lines; RFC 8259",
                                             sizeof(struct jsonl_params), jsonl_options},
                                    .files = columns_files,
                                    .check = columns_check,
                                    .prepare = jsonl_prepare,
                                    .release = jsonl_release,
                                    .header = jsonl_header,
                                    .parse = jsonl_parse,
                                    .field_name = jsonl_field_name,
                                    .field_kind = jsonl_field_kind,
                                    .value_name = jsonl_value_name};
