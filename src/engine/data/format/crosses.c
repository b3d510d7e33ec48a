#include "engine/data/format/crosses.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/data/format/feature.h"
#include "engine/data/format/roles.h"
#include "engine/data/format/text.h"

struct cross {
    char *name; /* "C1*C2" */
    char *members[CROSS_MEMBERS_MAX];
    size_t count; /* members */
    uint64_t seed;
    uint16_t fields[CROSS_MEMBERS_MAX], field; /* of the members, once bound; of the cross */
};

struct crossed { /* the state of the format around the format */
    const struct format *inner;
    void *state;
    struct cross *crosses; /* (count) */
    size_t count;
    size_t own;                         /* fields of the inner format; cross c is own + c, or FIELD_MAX - c where they are not known */
    bool bound;                         /* the members' fields are known */
    bool numbers;                       /* fields are numbers of the text */
    char role[ROLES][OPTION_TEXT_SIZE]; /* columns that are no fields, for the message; "": none */
};

extern const struct format format_crossed;

static void crossed_release(void *state)
{
    struct crossed *x = state;
    if (!x) return;
    for (size_t c = 0; x->crosses && c < x->count; c++) {
        mem_free(x->crosses[c].name);
        for (size_t m = 0; m < CROSS_MEMBERS_MAX; m++) mem_free(x->crosses[c].members[m]);
    }
    mem_free(x->crosses);
    x->inner->release(x->state);
    mem_free(x);
}

size_t crosses_numbered(const struct format *format, const char *crosses)
{
    if (format->no_fields || format->field_name || !crosses || !*crosses) return 0;
    json_t *list = json_read(crosses, strlen(crosses), "features.crosses", NULL);
    size_t count = json_array_size(list);
    json_decref(list);
    return count;
}

void crosses_settle(uint32_t fields, size_t crosses, const uint16_t *from, size_t count, uint16_t *to)
{
    const uint32_t own = fields > crosses ? fields - (uint32_t)crosses : 0, first = FIELD_UNKNOWN - (uint32_t)crosses, down = FIELD_UNKNOWN - fields;
    for (size_t i = 0; i < count; i++) {
        uint32_t field = from[i];
        to[i] = (uint16_t)(field < own ? field : field < first || field == FIELD_UNKNOWN ? FIELD_UNKNOWN : field - down);
    }
}

/* "C1*C2" in buf, cut to fit; how long it is. */
static size_t name_join(const json_t *tuple, char *buf, size_t size)
{
    json_t *member;
    size_t m, used = 0;
    *buf = 0;
    json_array_foreach (tuple, m, member) {
        const char *name = json_is_string(member) ? json_string_value(member) : "";
        size_t at = used < size ? used : size - 1;
        used += (size_t)snprintf(buf + at, size - at, "%s%s", m ? "*" : "", name);
    }
    return used;
}

const char *crosses_name(const char *crosses, size_t c, char *buf, size_t size)
{
    json_t *list = json_read(crosses, strlen(crosses), "features.crosses", NULL);
    name_join(json_array_get(list, c), buf, size);
    json_decref(list);
    return buf;
}

int crosses_find(const char *crosses, const char *name)
{
    json_t *list = json_read(crosses, strlen(crosses), "features.crosses", NULL), *tuple;
    char joined[OPTION_TEXT_SIZE];
    size_t c;
    int found = -1;
    json_array_foreach (list, c, tuple)
        if (found < 0 && name_join(tuple, joined, sizeof joined) < sizeof joined && strcmp(joined, name) == 0) found = (int)c;
    json_decref(list);
    return found;
}

static int crosses_error(struct error *err, const char *name, const char *why)
{
    return error_set(err, ERROR_DATA, "/features/crosses", "%.80s %s", name, why);
}

static int cross_read(struct cross *cross, const json_t *tuple, uint64_t hash_seed, struct error *err)
{
    struct bytes name;
    int rc = 0;
    bytes_init(&name, OPTION_TUPLES_SIZE);
    cross->count = json_array_size(tuple);
    if (cross->count < 2 || cross->count > CROSS_MEMBERS_MAX) return crosses_error(err, "a cross", "has two or three fields");
    for (size_t m = 0; rc == 0 && m < cross->count; m++) {
        const char *member = json_string_value(json_array_get(tuple, m));
        if (!member) {
            rc = crosses_error(err, "a cross", "is a list of names");
            break;
        }
        if (!(cross->members[m] = mem_text(member, err))) rc = -ERROR_NOMEM;
        else rc = bytes_printf(&name, err, "%s%s", m ? "*" : "", member);
        for (size_t other = 0; rc == 0 && other < m; other++)
            if (strcmp(cross->members[other], member) == 0) rc = crosses_error(err, member, "is crossed with itself");
    }
    if (rc == 0) cross->seed = feature_seed(bytes_text(&name), hash_seed);
    if (rc == 0 && !(cross->name = bytes_take(&name, NULL))) rc = -ERROR_NOMEM;
    bytes_close(&name);
    return rc;
}

static int crosses_read(struct crossed *x, const struct format_context *context, struct error *err)
{
    json_t *list = json_read(context->crosses, strlen(context->crosses), "features.crosses", err);
    int rc = list ? 0 : -ERROR_DATA;
    size_t count = json_array_size(list);
    if (rc == 0 && (count == 0 || count > CROSSES_MAX)) rc = crosses_error(err, "the list", "must have 1 to 256 crosses");
    if (rc == 0 && !(x->crosses = mem_array(count, 1, sizeof *x->crosses, err))) rc = -ERROR_NOMEM;
    for (; rc == 0 && x->count < count; x->count++) {
        struct cross *cross = &x->crosses[x->count];
        rc = cross_read(cross, json_array_get(list, x->count), context->hash_seed, err);
        for (size_t c = 0; rc == 0 && c < x->count; c++)
            if (strcmp(x->crosses[c].name, cross->name) == 0) rc = crosses_error(err, cross->name, "stands twice in the list");
    }
    if (rc < 0 && x->crosses) x->count = count; /* what was begun is zero or to be freed */
    json_decref(list);
    return rc;
}

/* The field that a member means. */
static int member_bind(const struct crossed *x, const char *name, uint16_t *field, struct error *err)
{
    char names[300] = "", shown[60];
    const char *known;
    uint64_t number;
    size_t used = 0;
    if (x->numbers) {
        if (!text_u64(name, name + strlen(name), &number) || number > FIELD_MAX - CROSSES_MAX)
            return crosses_error(err, name, "is no field; fields of this format are numbers");
        *field = (uint16_t)number;
        return 0;
    }
    for (size_t f = 0; (known = x->inner->field_name(x->state, f)); f++) {
        if (strcmp(known, name) == 0) {
            struct field_kind kind = x->inner->field_kind ? x->inner->field_kind(x->state, f) : (struct field_kind){FIT_NONE, 0};
            *field = (uint16_t)f;
            return kind.fit == FIT_NONE ? 0 : crosses_error(err, name, FITTED_IS_NO_MEMBER);
        }
        if (used + 60 < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "",
                                     str_shown(shown, sizeof shown, known, strlen(known), 20));
    }
    for (int r = 0; r < ROLES; r++)
        if (*name && strcmp(x->role[r], name) == 0)
            return error_set(err, ERROR_DATA, "/features/crosses", "%.60s is the %s of a row (dataset.%s), so it is no feature and cannot be crossed",
                             name, roles[r].name, roles[r].name);
    return error_set(err, ERROR_DATA, "/features/crosses", "no field \"%.60s\"; the fields are %s%s", name, names,
                     used + 60 < sizeof names ? "" : ", ...");
}

static int crosses_bind(struct crossed *x, struct error *err)
{
    if (x->bound) return 0;
    while (!x->numbers && x->inner->field_name(x->state, x->own)) x->own++;
    if (x->own + x->count > FIELD_MAX - CROSSES_MAX)
        return error_set(err, ERROR_DATA, "/features/crosses", "%zu fields leave no numbers for %zu crosses", x->own, x->count);
    for (size_t c = 0; c < x->count; c++) {
        struct cross *cross = &x->crosses[c];
        cross->field = (uint16_t)(x->numbers ? FIELD_MAX - c : x->own + c);
        for (size_t m = 0; m < cross->count; m++) {
            int rc = member_bind(x, cross->members[m], &cross->fields[m], err);
            if (rc < 0) return rc;
        }
    }
    x->bound = true;
    return 0;
}

static int crossed_header(void *state, const char *text, size_t size, size_t *used, struct error *err)
{
    struct crossed *x = state;
    int rc = 0;
    *used = 0;
    if (x->inner->header) rc = x->inner->header(x->state, text, size, used, err);
    return rc < 0 ? rc : crosses_bind(x, err);
}

static const char *crossed_record_end(const void *state, const char *p, const char *end, size_t line_bytes_max, bool final)
{
    const struct crossed *x = state;
    if (x->inner->record_end) return x->inner->record_end(x->state, p, end, line_bytes_max, final);
    const char *newline = memchr(p, '\n', (size_t)(end - p));
    return newline ? newline + 1 : final ? end : NULL;
}

static size_t crossed_whole(const void *state, const char *text, size_t size, size_t line_bytes_max)
{
    const struct crossed *x = state;
    if (x->inner->whole) return x->inner->whole(x->state, text, size, line_bytes_max);
    const char *newline = memrchr(text, '\n', size);
    return newline ? (size_t)(newline - text) + 1 : 0;
}

/* Where a cross's members are in a row: numbers of its features. */
struct places {
    uint32_t at[CROSS_MEMBERS_MAX][CROSS_ROW_MAX];
    size_t counts[CROSS_MEMBERS_MAX], combinations; /* combinations: CROSS_ROW_MAX + 1 means more than that */
};

static void places_find(const struct cross *cross, const uint16_t *fields, size_t features, struct places *p)
{
    const size_t members = cross->count < CROSS_MEMBERS_MAX ? cross->count : CROSS_MEMBERS_MAX;
    for (size_t m = 0; m < CROSS_MEMBERS_MAX; m++) p->counts[m] = 0;
    for (size_t f = 0; f < features; f++)
        for (size_t m = 0; m < members; m++) {
            if (fields[f] != cross->fields[m]) continue;
            if (p->counts[m] < CROSS_ROW_MAX) p->at[m][p->counts[m]] = (uint32_t)f;
            p->counts[m]++;
        }
    p->combinations = 1;
    for (size_t m = 0; m < cross->count; m++) {
        size_t n = p->counts[m] > CROSS_ROW_MAX ? CROSS_ROW_MAX + 1 : p->counts[m];
        p->combinations *= n; /* three factors of 4097 fit */
    }
    if (p->combinations > CROSS_ROW_MAX) p->combinations = CROSS_ROW_MAX + 1;
}

/* Combination i: which feature of each member. The last member changes fastest. */
static void combination(const struct cross *cross, const struct places *p, size_t i, uint32_t at[CROSS_MEMBERS_MAX])
{
    for (size_t m = cross->count; m-- > 0; i /= p->counts[m]) at[m] = p->at[m][i % p->counts[m]];
}

static uint32_t cross_key(const struct cross *cross, const uint32_t *keys, const uint32_t *at)
{
    uint32_t members[CROSS_MEMBERS_MAX];
    for (size_t m = 0; m < cross->count; m++) members[m] = keys[at[m]];
    return feature_key(members, cross->count * sizeof *members, cross->seed);
}

static float cross_value(const struct cross *cross, const float *values, const uint32_t *at)
{
    double product = 1; /* three floats: within its range */
    for (size_t m = 0; m < cross->count; m++) product *= (double)values[at[m]];
    return product > FLT_MAX ? FLT_MAX : product < -FLT_MAX ? -FLT_MAX : (float)product;
}

/* The crosses of the row whose `features` features begin at `from`, behind `to`. */
static void row_cross(const struct crossed *x, struct rows *rows, const uint16_t *fields, size_t from, size_t features, size_t to, struct places *p)
{
    uint32_t at[CROSS_MEMBERS_MAX];
    for (size_t c = 0; c < x->count; c++) {
        const struct cross *cross = &x->crosses[c];
        places_find(cross, fields, features, p);
        for (size_t i = 0; i < p->combinations; i++, to++) {
            combination(cross, p, i, at);
            rows->keys[to] = cross_key(cross, rows->keys + from, at);
            if (rows->with & ROWS_VALUES) rows->values[to] = cross_value(cross, rows->values + from, at);
            if (rows->with & ROWS_FIELDS) rows->fields[to] = cross->field;
        }
    }
}

/* How many features the crosses add to a row; *bad: the cross that has too many, or NULL. */
static size_t row_more(const struct crossed *x, const uint16_t *fields, size_t features, struct places *p, const struct cross **bad)
{
    size_t more = 0;
    *bad = NULL;
    for (size_t c = 0; c < x->count && !*bad; c++) {
        places_find(&x->crosses[c], fields, features, p);
        if (p->combinations > CROSS_ROW_MAX) *bad = &x->crosses[c];
        more += p->combinations;
    }
    return more;
}

/* The line of row number `row` of the chunk: its records are parsed again, one by one. */
static int line_of_row(const struct crossed *x, const struct chunk *chunk, size_t row, uint64_t *line, struct error *err)
{
    const char *end = chunk->text + chunk->size;
    struct parsed p = {.lines = 0};
    size_t rows = 0;
    int rc = 0;
    bytes_init(&p.marks, SIZE_MAX), bytes_init(&p.text, SIZE_MAX);
    *line = 0;
    for (const char *at = chunk->text, *next; rc == 0 && at < end; at = next) {
        next = crossed_record_end(x, at, end, chunk->line_bytes_max, true);
        const struct chunk record = {at, (size_t)(next - at), chunk->line_bytes_max, chunk->has_nul};
        p.bad.count = 0, p.lines = 0;
        rc = x->inner->parse(x->state, &record, &p, err);
        rows += p.rows.count;
        if (rows > row) break;
        *line += p.lines;
    }
    rows_close(&p.rows);
    bytes_close(&p.marks), bytes_close(&p.text);
    return rc;
}

/* Row `row` is a bad one. The first one in the chunk is told, whether the format found it or a cross did. */
static int row_refuse(const struct crossed *x, const struct chunk *chunk, size_t row, const struct cross *cross, struct parsed *out, bool *told,
                      struct error *err)
{
    uint64_t line = UINT64_MAX;
    if (!*told) {
        int rc = line_of_row(x, chunk, row, &line, err);
        if (rc < 0) return rc;
        *told = true;
    }
    uint64_t count = out->bad.count + 1;
    if (line != UINT64_MAX && (out->bad.count == 0 || line < out->bad.line)) {
        out->bad.count = 0;
        bad_row(&out->bad, line, "cross %s would make more than %d features of the row; drop it from features.crosses, or shorten the lists",
                cross->name, CROSS_ROW_MAX);
    }
    out->bad.count = count;
    return 0;
}

/* Take the rows out that have too many combinations; how many features the crosses add to all others. */
static int rows_count(const struct crossed *x, const struct chunk *chunk, struct parsed *out, struct places *p, size_t *more, struct error *err)
{
    struct rows *rows = &out->rows;
    size_t kept = 0, features = 0, start = 0;
    bool told = false;
    *more = 0;
    for (size_t r = 0; r < rows->count; r++) {
        size_t end = rows->ends[r], n = end - start;
        const struct cross *bad;
        size_t added = row_more(x, rows->layout ? rows->layout : rows->fields + start, n, p, &bad);
        if (bad) {
            int rc = row_refuse(x, chunk, r, bad, out, &told, err);
            if (rc < 0) return rc;
        } else {
            if (kept < r) {
                memmove(rows->keys + features, rows->keys + start, n * sizeof *rows->keys);
                if (rows->with & ROWS_VALUES) memmove(rows->values + features, rows->values + start, n * sizeof *rows->values);
                if (rows->with & ROWS_FIELDS) memmove(rows->fields + features, rows->fields + start, n * sizeof *rows->fields);
                rows->labels[kept] = rows->labels[r];
                if (rows->with & ROWS_WEIGHTS) rows->weights[kept] = rows->weights[r];
                if (rows->with & ROWS_GROUPS) rows->groups[kept] = rows->groups[r];
                if (rows->with & ROWS_REALS) rows->reals[kept] = rows->reals[r];
                if (rows->with & ROWS_TIMES) rows->times[kept] = rows->times[r];
            }
            features += n;
            rows->ends[kept++] = (uint32_t)features;
            *more += added;
        }
        start = end;
    }
    rows->count = kept;
    rows->features = features;
    return 0;
}

/* The layout of rows that all have the same fields, with the crosses' behind; in out->marks, which the inner format does not need any more. */
static int layout_extend(const struct crossed *x, struct parsed *out, size_t more, struct places *p, struct error *err)
{
    struct rows *rows = &out->rows;
    size_t own = rows->layout_size, n = own;
    bytes_clear(&out->marks);
    int rc = bytes_reserve(&out->marks, (own + more) * sizeof *rows->layout, err);
    if (rc < 0) return rc;
    uint16_t *layout = (uint16_t *)out->marks.data;
    memcpy(layout, rows->layout, own * sizeof *layout);
    for (size_t c = 0; c < x->count; c++) {
        places_find(&x->crosses[c], rows->layout, own, p);
        for (size_t i = 0; i < p->combinations; i++) layout[n++] = x->crosses[c].field;
    }
    rows->layout = layout;
    rows->layout_size = n;
    return 0;
}

/* Notes of the one row's crosses: what the members are called, joined; in out->text behind what the inner format left there. */
static int notes_cross(const struct crossed *x, struct parsed *out, const uint16_t *fields, size_t features, struct places *p, struct bytes *texts,
                       struct error *err)
{
    char room[EXPLAINED_ROOM];
    uint32_t at[CROSS_MEMBERS_MAX];
    size_t to = features, size = 0, name_size;
    int rc = 0;
    for (int write = 0; rc == 0 && write < 2; write++) { /* how much at most, then written, so that the texts stay where they are */
        if (write && (rc = bytes_reserve(texts, size + 1, err)) < 0) return rc;
        for (size_t c = 0; c < x->count; c++) {
            const struct cross *cross = &x->crosses[c];
            places_find(cross, fields, features, p);
            for (size_t i = 0; rc == 0 && i < p->combinations; i++) {
                size_t start = texts->size;
                bool missing = true;
                combination(cross, p, i, at);
                for (size_t m = 0; m < cross->count; m++) {
                    const struct note *note = &out->notes->list[at[m]];
                    const struct explained member = {.field = fields[at[m]], .text = note->text, .size = note->size, .missing = note->missing};
                    missing &= note->missing;
                    size += 1 + (note->size > sizeof room ? note->size : sizeof room);
                    if (!write) continue;
                    const char *name = explained_name(x->inner, x->state, &member, room, &name_size);
                    if (m > 0 && rc == 0) rc = bytes_add(texts, "*", 1, err);
                    if (rc == 0 && name_size) rc = bytes_add(texts, name, name_size, err);
                }
                if (write && rc == 0)
                    rc = note_feature(out->notes, to++, (const char *)texts->data + start, missing ? 0 : texts->size - start, missing, err);
            }
        }
    }
    return rc;
}

static int crossed_parse(const void *state, const struct chunk *chunk, struct parsed *out, struct error *err)
{
    const struct crossed *x = state;
    struct rows *rows = &out->rows;
    struct places places;
    size_t more;
    int rc = x->inner->parse(x->state, chunk, out, err);
    if (rc < 0) return rc;
    const uint16_t *layout = rows->layout;
    if ((rc = rows_count(x, chunk, out, &places, &more, err)) < 0) return rc;
    if (out->notes && rows->count > 0 &&
        (rc = notes_cross(x, out, layout ? layout : rows->fields, rows->features, &places, &out->notes->texts, err)) < 0)
        return rc;
    if ((rc = rows_reserve(rows, 0, more, err)) < 0) return rc;
    size_t from = rows->features, to = rows->features + more;
    for (size_t r = rows->count; r-- > 0;) { /* from the last row on, since rows only move up */
        size_t start = r ? rows->ends[r - 1] : 0, n = rows->ends[r] - start;
        const struct cross *bad;
        size_t added = row_more(x, layout ? layout : rows->fields + start, n, &places, &bad);
        from -= n, to -= n + added;
        memmove(rows->keys + to, rows->keys + from, n * sizeof *rows->keys);
        if (rows->with & ROWS_VALUES) memmove(rows->values + to, rows->values + from, n * sizeof *rows->values);
        if (rows->with & ROWS_FIELDS) memmove(rows->fields + to, rows->fields + from, n * sizeof *rows->fields);
        row_cross(x, rows, layout ? layout : rows->fields + to, to, n, to + n, &places);
        rows->ends[r] = (uint32_t)(to + n + added);
    }
    rows->features += more;
    return layout ? layout_extend(x, out, rows->count ? more / rows->count : x->count * CROSS_ROW_MAX, &places, err) : 0;
}

static const char *crossed_field_name(const void *state, size_t field)
{
    const struct crossed *x = state;
    size_t c = x->numbers ? FIELD_MAX - field : field - x->own;
    if (x->bound && (x->numbers || field >= x->own) && c < x->count) return x->crosses[c].name;
    return x->inner->field_name ? x->inner->field_name(x->state, field) : NULL;
}

static struct field_kind crossed_field_kind(const void *state, size_t field)
{
    const struct crossed *x = state;
    return x->inner->field_kind && field < x->own ? x->inner->field_kind(x->state, field) : (struct field_kind){FIT_NONE, 0};
}

static bool crossed_value_name(const void *state, size_t field, const char *text, size_t size, char *name, size_t room)
{
    const struct crossed *x = state;
    return x->inner->value_name && field < x->own && x->inner->value_name(x->state, field, text, size, name, room);
}

const struct format format_crossed = {.kind = {"crossed", "another format with crosses of its fields", "", 0, NULL},
                                      .release = crossed_release,
                                      .header = crossed_header,
                                      .record_end = crossed_record_end,
                                      .whole = crossed_whole,
                                      .parse = crossed_parse,
                                      .field_name = crossed_field_name,
                                      .field_kind = crossed_field_kind,
                                      .value_name = crossed_value_name};

void *crosses_prepare(const struct format **format, const void *params, const struct format_context *context, struct error *err)
{
    const struct format *inner = *format;
    if (!context->crosses || !*context->crosses) return inner->prepare(params, context, err);
    if (inner->no_fields) return error_set(err, ERROR_DATA, "/features/crosses", NO_FIELDS_TO_CROSS, inner->kind.name), NULL;
    struct crossed *x = mem_zero(sizeof *x, err);
    if (!x) return NULL;
    for (int r = 0; r < ROLES; r++) str_copy(x->role[r], sizeof x->role[r], role_column(context, (enum role)r));
    x->inner = inner;
    x->numbers = !inner->field_name;
    if ((x->state = inner->prepare(params, context, err)) && crosses_read(x, context, err) == 0) {
        *format = &format_crossed;
        return x;
    }
    crossed_release(x);
    return NULL;
}
