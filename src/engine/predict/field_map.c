#include "engine/predict/field_map.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/data/format/crosses.h"

enum { NAME_SHOWN = 60, LACKING_SIZE = 600 };

const char *field_names_shown(const json_t *names, char *buf, size_t size)
{
    char shown[4 * NAME_SHOWN + 8];
    size_t at, used = 0;
    json_t *value;
    *buf = 0;
    json_array_foreach (names, at, value) {
        str_shown(shown, sizeof shown, json_string_value(value), json_string_length(value), NAME_SHOWN);
        if (used + strlen(shown) + 12 > size) {
            snprintf(buf + used, size - used, ", ...");
            break;
        }
        used += (size_t)snprintf(buf + used, size - used, "%s\"%s\"", at ? ", " : "", shown);
    }
    return buf;
}

static bool name_add(json_t **names, const char *name)
{
    if (!*names) *names = json_array();
    return *names && json_array_append_new(*names, json_string_nocheck(name)) == 0;
}

/* {name: number} of the model's fields. New reference. */
static json_t *numbers_of(const json_t *known)
{
    json_t *numbers = json_object(), *value;
    size_t at;
    json_array_foreach (known, at, value)
        if (numbers && json_is_string(value)) json_object_set_new_nocheck(numbers, json_string_value(value), json_integer((json_int_t)at));
    return numbers;
}

static int map_fill(struct field_map *m, const json_t *known, json_t *numbers, const struct field_names *names, struct error *err)
{
    bool same = m->count == json_array_size(known);
    for (size_t f = 0; f < m->count; f++) {
        const char *name = names->name(names->context, f);
        const json_t *number = json_object_get(numbers, name);
        m->to[f] = number ? (uint16_t)json_integer_value(number) : FIELD_UNKNOWN;
        same &= m->to[f] == f;
        if (!number && !name_add(&m->extra, name)) return error_set(err, ERROR_NOMEM, NULL, "cannot compare the fields: out of memory");
        json_object_del(numbers, name);
    }
    if (!same) return 0;
    mem_free(m->to);
    m->to = NULL;
    return 0;
}

/* What is left in `numbers` the text has not. */
static int lacking_tell(const json_t *known, const json_t *numbers, const char *model, struct error *err)
{
    char shown[LACKING_SIZE];
    json_t *lacking = NULL, *value;
    size_t at;
    if (json_object_size(numbers) == 0) return 0;
    json_array_foreach (known, at, value)
        if (json_is_string(value) && json_object_get(numbers, json_string_value(value))) name_add(&lacking, json_string_value(value));
    error_set(err, ERROR_DATA, NULL, "the rows have no column %s, on which %s was trained; a row without it would get another score",
              field_names_shown(lacking, shown, sizeof shown), model);
    json_decref(lacking);
    return -ERROR_DATA;
}

int field_map_init(struct field_map *m, const json_t *known, const struct field_names *names, const char *model, struct error *err)
{
    *m = (struct field_map){0};
    if (!known) return 0;
    while (names->name(names->context, m->count)) m->count++;
    json_t *numbers = numbers_of(known);
    m->to = mem_array(m->count + 1, 1, sizeof *m->to, err);
    int rc = numbers && m->to ? map_fill(m, known, numbers, names, err) : error_set(err, ERROR_NOMEM, NULL, "cannot compare the fields");
    if (rc == 0) rc = lacking_tell(known, numbers, model, err);
    json_decref(numbers);
    if (rc < 0) field_map_close(m);
    return rc;
}

void field_map_close(struct field_map *m)
{
    mem_free(m->to);
    json_decref(m->extra);
    *m = (struct field_map){0};
}

static int mapped_reserve(struct field_mapped *m, const struct batch *from, struct error *err)
{
    int rc = 0;
    size_t features = from->features + 1;
    if (m->rows_max < from->rows + 1) {
        if ((rc = mem_grow((void **)&m->offsets, from->rows + 1, sizeof *m->offsets, err)) < 0) return rc;
        m->rows_max = from->rows + 1;
    }
    if (m->features_max >= features) return 0;
    rc = mem_grow((void **)&m->keys, features, sizeof *m->keys, err);
    if (rc == 0) rc = mem_grow((void **)&m->values, features, sizeof *m->values, err);
    if (rc == 0) rc = mem_grow((void **)&m->fields, features, sizeof *m->fields, err);
    if (rc == 0) m->features_max = features;
    return rc;
}

/* Row r behind the `at` features that are there already, in the order of the model's fields; those of one field stay in theirs. Returns how many
 * there are then. */
static uint32_t row_map(const struct field_map *m, const struct batch *from, size_t r, struct field_mapped *to, uint32_t at)
{
    const uint16_t *fields = batch_fields(from, r);
    const uint32_t start = at;
    for (uint32_t f = 0, n = from->offsets[r + 1] - from->offsets[r]; f < n; f++) {
        uint16_t field = fields[f] < m->count ? m->to[fields[f]] : FIELD_UNKNOWN;
        if (field == FIELD_UNKNOWN) continue;
        uint32_t i = at++, source = from->offsets[r] + f;
        for (; i > start && to->fields[i - 1] > field; i--) {
            to->fields[i] = to->fields[i - 1], to->keys[i] = to->keys[i - 1];
            if (from->values) to->values[i] = to->values[i - 1];
        }
        to->fields[i] = field, to->keys[i] = from->keys[source];
        if (from->values) to->values[i] = from->values[source];
    }
    return at;
}

int field_map_apply(const struct field_map *m, const struct batch *from, struct field_mapped *to, struct error *err)
{
    uint32_t features = 0;
    to->batch = *from;
    if ((!m->to && m->crosses == 0) || !from->fields) return 0;
    int rc = mapped_reserve(to, from, err);
    if (rc < 0) return rc;
    if (m->crosses > 0) {
        crosses_settle(m->fields, m->crosses, from->fields, from->features, to->fields);
        to->batch.fields = to->fields;
        return 0;
    }
    for (size_t r = 0; r < from->rows; r++) {
        to->offsets[r] = features;
        features = row_map(m, from, r, to, features);
    }
    to->offsets[from->rows] = features;
    to->batch.features = features;
    to->batch.offsets = to->offsets, to->batch.keys = to->keys, to->batch.fields = to->fields;
    to->batch.values = from->values ? to->values : NULL;
    return 0; /* where all rows have the same fields, those of the first one stand for all still */
}

void field_mapped_close(struct field_mapped *m)
{
    mem_free(m->offsets);
    mem_free(m->keys);
    mem_free(m->values);
    mem_free(m->fields);
    *m = (struct field_mapped){0};
}
