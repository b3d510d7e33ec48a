#include "base/kind.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { NAMES_MAX = 96 };

static void *option_at(const struct option *o, void *params) { return (char *)params + o->offset; }

static void ints_default(const struct option *o, struct option_ints *ints)
{
    json_t *list = json_loads(o->def_text ? o->def_text : "[]", 0, NULL);
    *ints = (struct option_ints){.count = json_array_size(list)};
    for (size_t i = 0; i < ints->count && i < OPTION_INTS_MAX; i++) ints->item[i] = json_integer_value(json_array_get(list, i));
    json_decref(list);
}

static json_t *ints_json(const struct option_ints *ints)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < ints->count; i++)
        if (json_array_append_new(list, json_integer(ints->item[i])) < 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

void options_default(const struct option *options, void *params)
{
    for (const struct option *o = options; o && o->name; o++) {
        void *at = option_at(o, params);
        switch (o->type) {
        case OPT_INT:
        case OPT_AUTO: *(int64_t *)at = (int64_t)o->def; break;
        case OPT_REAL: *(double *)at = o->def; break;
        case OPT_BOOL: *(bool *)at = o->def != 0; break;
        case OPT_NAME: *(int *)at = (int)o->def; break;
        case OPT_LIST:
        case OPT_TEXT: str_copy(at, OPTION_TEXT_SIZE, o->def_text ? o->def_text : ""); break;
        case OPT_MAP:
        case OPT_TUPLES: *(char *)at = 0; break;
        case OPT_INTS: ints_default(o, at); break;
        case OPT_END: break;
        }
    }
}

/* A limit as text: integers in full, other numbers as short as 15 digits allow. */
static const char *limit_text(char *buf, size_t size, const char *sign, double limit)
{
    snprintf(buf, size, limit == floor(limit) && fabs(limit) <= 0x1p53 ? "%s %.0f" : "%s %.15g", sign, limit);
    return buf;
}

/* "must be > 0 and <= 1, got 7"; the end of what is exact, 2^53, is named only to who went beyond it. */
static void fault_range(const struct option *o, double value, const json_t *json, const char *pointer, struct faults *faults)
{
    char low[64] = "", high[64] = "", brief[80];
    bool above = o->flags & OPTION_ABOVE_MIN, below = o->flags & OPTION_BELOW_MAX;
    bool low_ok = above ? value > o->min : value >= o->min, high_ok = below ? value < o->max : value <= o->max;
    if (isfinite(value) && low_ok && high_ok) return;
    if (o->min > -INFINITY && (o->min > -0x1p53 || !low_ok)) limit_text(low, sizeof low, above ? ">" : ">=", o->min);
    if (o->max < INFINITY && (o->max < 0x1p53 || !high_ok)) limit_text(high, sizeof high, below ? "<" : "<=", o->max);
    bool why = o->flags & OPTION_SAY_WHY;
    faults_add(faults, pointer, "must be %s%s%s, got %s%s%s", low, *low && *high ? " and " : "", high, json_brief(brief, sizeof brief, json),
               why ? ": " : "", why ? o->help : "");
}

static void fault_type(const char *want, const json_t *value, const char *pointer, struct faults *faults)
{
    char brief[80];
    faults_add(faults, pointer, "must be %s, got %s", want, json_brief(brief, sizeof brief, value));
}

static bool has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f) return true;
    return false;
}

/* A text without surprises into at, which has `room` bytes. */
static void text_read(char *at, size_t room, const json_t *value, const char *pointer, struct faults *faults)
{
    if (!json_is_string(value)) fault_type("a string", value, pointer, faults);
    else if (strlen(json_string_value(value)) != json_string_length(value)) faults_add(faults, pointer, "must not contain a NUL character");
    else if (has_control(json_string_value(value))) faults_add(faults, pointer, "must not contain control characters");
    else if (!str_copy(at, room, json_string_value(value)))
        faults_add(faults, pointer, "must be shorter than %zu bytes, got %zu", room, json_string_length(value));
}

/* A text, or a number as JSON writes it. */
static void text_or_number_read(char *at, const json_t *value, const char *pointer, struct faults *faults)
{
    if (json_is_string(value)) text_read(at, OPTION_TEXT_SIZE, value, pointer, faults);
    else if (!json_is_number(value)) fault_type("a string or a number", value, pointer, faults);
    else at[json_dumpb(value, at, OPTION_TEXT_SIZE - 1, JSON_ENCODE_ANY)] = 0; /* no number's text is as long */
}

static void list_read(char *at, const json_t *value, const char *pointer, struct faults *faults)
{
    size_t count = json_is_array(value) ? json_array_size(value) : 1, before = faults->count;
    char inner[JSON_POINTER_SIZE], index[24];
    at[0] = 0;
    if (!json_is_array(value) && !json_is_string(value)) {
        fault_type("an array of strings", value, pointer, faults);
        return;
    }
    for (size_t i = 0, used = 0; i < count && faults->count == before; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        snprintf(index, sizeof index, "%zu", i);
        json_pointer_add(inner, pointer, index);
        const char *where = json_is_array(value) ? inner : pointer;
        if (used + 1 >= OPTION_TEXT_SIZE) {
            faults_add(faults, where, "is too much: all items together must be shorter than %d bytes", OPTION_TEXT_SIZE);
            return;
        }
        if (used > 0) at[used++] = '\n';
        text_read(at + used, OPTION_TEXT_SIZE - used, item, where, faults);
        if (faults->count == before && at[used] == 0) faults_add(faults, where, "must not be empty");
        used = strlen(at);
    }
}

bool option_list_next(const char **at, char item[OPTION_TEXT_SIZE])
{
    size_t n = strcspn(*at, "\n");
    if (n == 0) return false;
    memcpy(item, *at, n);
    item[n] = 0;
    *at += n + ((*at)[n] == '\n');
    return true;
}

static json_t *list_json(const char *text)
{
    json_t *list = json_array();
    char item[OPTION_TEXT_SIZE];
    while (list && option_list_next(&text, item))
        if (json_array_append_new(list, json_string(item)) < 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

/* An object of strings as its JSON text. */
static void map_read(char *at, const json_t *value, const char *pointer, struct faults *faults)
{
    char inner[JSON_POINTER_SIZE];
    const char *key;
    json_t *text;
    struct bytes json;
    size_t before = faults->count;
    json_object_foreach ((json_t *)value, key, text) {
        json_pointer_add(inner, pointer, key);
        if (!json_is_string(text)) fault_type("a string", text, inner, faults);
        else if (!*key || has_control(key) || has_control(json_string_value(text)) || strlen(json_string_value(text)) != json_string_length(text))
            faults_add(faults, inner, "must have a name and a text without control characters");
        if (faults->count > before + 8) return;
    }
    bytes_init(&json, OPTION_MAP_SIZE - 1);
    if (faults->count > before) return;
    if (json_object_size(value) == 0) *at = 0;
    else if (json_write(value, &json, NULL) < 0) faults_add(faults, pointer, "must be shorter than %d bytes", OPTION_MAP_SIZE);
    else memcpy(at, bytes_text(&json), json.size + 1);
    bytes_close(&json);
}

/* An array of arrays of strings as its JSON text. */
static void tuples_read(const struct option *o, char *at, const json_t *value, const char *pointer, struct faults *faults)
{
    char inner[JSON_POINTER_SIZE], index[24];
    struct bytes json;
    size_t before = faults->count;
    if (!json_is_array(value)) {
        fault_type("an array of arrays of strings", value, pointer, faults);
        return;
    }
    for (size_t i = 0; i < json_array_size(value) && faults->count < before + 8; i++) {
        const json_t *tuple = json_array_get(value, i);
        size_t count = json_is_array(tuple) ? json_array_size(tuple) : 0;
        snprintf(index, sizeof index, "%zu", i);
        json_pointer_add(inner, pointer, index);
        if ((double)count < o->min || (double)count > o->max) {
            char want[64];
            snprintf(want, sizeof want, "an array of %.0f to %.0f strings", o->min, o->max);
            fault_type(want, tuple, inner, faults);
        }
        for (size_t j = 0; j < count && faults->count == before; j++) {
            const json_t *text = json_array_get(tuple, j);
            if (!json_is_string(text)) fault_type("a string", text, inner, faults);
            else if (json_string_length(text) == 0 || has_control(json_string_value(text)) ||
                     strlen(json_string_value(text)) != json_string_length(text))
                faults_add(faults, inner, "must hold names without control characters");
        }
    }
    if (faults->count > before) return;
    bytes_init(&json, OPTION_TUPLES_SIZE - 1);
    if (json_array_size(value) == 0) *at = 0;
    else if (json_write(value, &json, NULL) < 0) faults_add(faults, pointer, "must be shorter than %d bytes", OPTION_TUPLES_SIZE);
    else memcpy(at, bytes_text(&json), json.size + 1);
    bytes_close(&json);
}

/* 1e6 is an integer to a person. */
static bool integer_of(const json_t *value, int64_t *out)
{
    if (json_is_real(value) && json_real_value(value) == floor(json_real_value(value)) && fabs(json_real_value(value)) <= 0x1p53)
        *out = (int64_t)json_real_value(value);
    else if (json_is_integer(value)) *out = json_integer_value(value);
    else return false;
    return true;
}

static void ints_read(const struct option *o, struct option_ints *ints, const json_t *value, const char *pointer, struct faults *faults)
{
    char inner[JSON_POINTER_SIZE], index[24];
    bool array = json_is_array(value);
    size_t count = array ? json_array_size(value) : 1;
    *ints = (struct option_ints){0};
    if (!array && !json_is_number(value)) {
        fault_type("an array of integers", value, pointer, faults);
        return;
    }
    if (count > OPTION_INTS_MAX) {
        faults_add(faults, pointer, "must have at most %d items, got %zu", OPTION_INTS_MAX, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *item = array ? json_array_get(value, i) : value;
        snprintf(index, sizeof index, "%zu", i);
        json_pointer_add(inner, pointer, index);
        if (integer_of(item, &ints->item[i])) fault_range(o, (double)ints->item[i], item, array ? inner : pointer, faults);
        else fault_type("an integer", item, array ? inner : pointer, faults);
    }
    ints->count = count;
}

static void option_read(const struct option *o, void *params, const json_t *value, const char *pointer, struct faults *faults)
{
    void *at = option_at(o, params);
    char text[512], brief[80];
    switch (o->type) {
    case OPT_AUTO:
        if (json_is_string(value) && strcmp(json_string_value(value), "auto") == 0) {
            *(int64_t *)at = 0;
            return;
        }
        if (!json_is_integer(value)) {
            fault_type("\"auto\" or an integer", value, pointer, faults);
            return;
        }
        /* fall through */
    case OPT_INT:
        if (!integer_of(value, at)) {
            fault_type("an integer", value, pointer, faults);
            return;
        }
        fault_range(o, (double)*(int64_t *)at, value, pointer, faults);
        return;
    case OPT_REAL:
        if (!json_is_number(value)) {
            fault_type("a number", value, pointer, faults);
            return;
        }
        *(double *)at = json_number_value(value);
        fault_range(o, *(double *)at, value, pointer, faults);
        return;
    case OPT_BOOL:
        if (!json_is_boolean(value)) fault_type("true or false", value, pointer, faults);
        else *(bool *)at = json_is_true(value);
        return;
    case OPT_NAME:
        for (int i = 0; json_is_string(value) && o->choices[i]; i++)
            if (strcmp(o->choices[i], json_string_value(value)) == 0) {
                *(int *)at = i;
                return;
            }
        str_choices(text, sizeof text, json_is_string(value) ? json_string_value(value) : "", o->choices);
        faults_add(faults, pointer, "%s is not known; %s", json_brief(brief, sizeof brief, value), text);
        return;
    case OPT_TEXT:
        if (o->flags & OPTION_NUMBERS) text_or_number_read(at, value, pointer, faults);
        else text_read(at, OPTION_TEXT_SIZE, value, pointer, faults);
        return;
    case OPT_LIST: list_read(at, value, pointer, faults); return;
    case OPT_TUPLES: tuples_read(o, at, value, pointer, faults); return;
    case OPT_INTS: ints_read(o, at, value, pointer, faults); return;
    case OPT_MAP:
        if (json_is_object(value)) map_read(at, value, pointer, faults);
        else if (!json_is_string(value)) fault_type("a string or an object of strings", value, pointer, faults);
        else if (json_string_value(value)[0] == '{') faults_add(faults, pointer, "must not begin with a brace; write an object instead of a string");
        else text_read(at, OPTION_MAP_SIZE, value, pointer, faults);
        return;
    case OPT_END: return;
    }
}

/* The option called group + name in any set; its params in *params. group is "" or "retention." */
static const struct option *option_find(const struct option_set *sets, size_t count, const char *group, const char *name, void **params)
{
    size_t skip = strlen(group);
    for (size_t s = 0; s < count; s++)
        for (const struct option *o = sets[s].options; o && o->name; o++)
            if (strncmp(o->name, group, skip) == 0 && strcmp(o->name + skip, name) == 0) {
                *params = sets[s].params;
                return o;
            }
    return NULL;
}

static const struct option *option_first_of_group(const struct option_set *sets, size_t count, const char *group, void **params)
{
    for (size_t s = 0; s < count; s++)
        for (const struct option *o = sets[s].options; o && o->name; o++)
            if (str_starts(o->name, group)) {
                *params = sets[s].params;
                return o;
            }
    return NULL;
}

/* Top-level key names valid inside `group`, for "did you mean". storage holds the names of groups ("retention" of "retention.start"). */
static void option_names(const struct option_set *sets, size_t count, const char *group, const char *const *skip_keys, char storage[NAMES_MAX][64],
                         const char *names[NAMES_MAX + 1])
{
    size_t n = 0, skip = strlen(group);
    for (; skip_keys && *skip_keys && *group == 0 && n < NAMES_MAX; skip_keys++) names[n++] = *skip_keys;
    for (size_t s = 0; s < count; s++)
        for (const struct option *o = sets[s].options; o && o->name && n < NAMES_MAX; o++) {
            if (strncmp(o->name, group, skip) != 0) continue;
            str_copy(storage[n], sizeof storage[n], o->name + skip);
            storage[n][strcspn(storage[n], ".")] = 0;
            bool known = false;
            for (size_t i = 0; i < n; i++) known |= strcmp(names[i], storage[n]) == 0;
            if (!known) names[n] = storage[n], n++;
        }
    names[n] = NULL;
}

static void options_read_group(const struct option_set *sets, size_t count, const json_t *object, const char *pointer, const char *group,
                               const char *const *skip, struct faults *faults)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value) {
        bool handled = false;
        for (const char *const *s = skip; s && *s && *group == 0; s++) handled |= strcmp(*s, key) == 0;
        if (handled) continue;
        char inner[JSON_POINTER_SIZE], subgroup[96];
        void *params;
        if (faults->count >= FAULTS_MAX) { /* enough to show; the rest of a hostile object costs nothing more */
            faults->count++;
            continue;
        }
        json_pointer_add(inner, pointer, key);
        const struct option *o = strchr(key, '.') ? NULL : option_find(sets, count, group, key, &params);
        if (o) {
            option_read(o, params, value, inner, faults);
            continue;
        }
        snprintf(subgroup, sizeof subgroup, "%s%s.", group, key);
        o = strchr(key, '.') ? NULL : option_first_of_group(sets, count, subgroup, &params);
        if (o && json_is_object(value)) options_read_group(sets, count, value, inner, subgroup, skip, faults);
        else if (o) option_read(o, params, value, inner, faults);
        else {
            char storage[NAMES_MAX][64], text[400];
            const char *names[NAMES_MAX + 1];
            option_names(sets, count, group, skip, storage, names);
            faults_add(faults, inner, "is unknown; %s", names[0] ? str_choices(text, sizeof text, key, names) : "no options are known here");
        }
    }
}

/* Shares of one whole that leave nothing: one fault at the object, which names them all. */
static void shares_check(const struct option_set *set, const char *pointer, struct faults *faults)
{
    char names[256] = "";
    double sum = 0;
    for (const struct option *o = set->options; o && o->name; o++) {
        if (!(o->flags & OPTION_SHARE)) continue;
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", used ? " + " : "", o->name);
        sum += *(const double *)option_at(o, set->params);
    }
    if (*names && strchr(names, '+') && sum >= 1) faults_add(faults, pointer, "%s must be < 1, got %.15g: nothing would be left", names, sum);
}

void options_read(const struct option_set *sets, size_t count, const json_t *object, const char *pointer, const char *const *skip,
                  struct faults *faults)
{
    for (size_t s = 0; s < count; s++) options_default(sets[s].options, sets[s].params);
    if (!object) return;
    if (!json_is_object(object)) fault_type("an object", object, pointer, faults);
    else {
        size_t before = faults->count;
        options_read_group(sets, count, object, pointer, "", skip, faults);
        for (size_t s = 0; s < count && faults->count == before; s++) shares_check(&sets[s], pointer, faults);
    }
}

static json_t *option_value(const struct option *o, const void *params)
{
    const void *at = (const char *)params + o->offset;
    switch (o->type) {
    case OPT_AUTO:
        if (*(const int64_t *)at == 0) return json_string("auto");
        return json_integer(*(const int64_t *)at);
    case OPT_INT: return json_integer(*(const int64_t *)at);
    case OPT_REAL: return json_real_or_null(*(const double *)at);
    case OPT_BOOL: return json_boolean(*(const bool *)at);
    case OPT_NAME: return json_string(o->choices[*(const int *)at]);
    case OPT_TEXT: return json_string(at);
    case OPT_LIST: return list_json(at);
    case OPT_TUPLES: return *(const char *)at ? json_loads(at, 0, NULL) : json_array();
    case OPT_INTS: return ints_json(at);
    case OPT_MAP: return *(const char *)at == '{' ? json_loads(at, 0, NULL) : json_string(at);
    case OPT_END: break;
    }
    return NULL;
}

int options_write(const struct option *options, const void *params, json_t *object, bool digest_only, struct error *err)
{
    for (const struct option *o = options; o && o->name; o++) {
        if (digest_only && o->flags & OPTION_RUNTIME) continue;
        json_t *into = object;
        const char *name = o->name, *dot;
        while ((dot = strchr(name, '.'))) {
            char group[64];
            snprintf(group, sizeof group, "%.*s", (int)(dot - name), name);
            json_t *inner = json_object_get(into, group);
            if (!inner && (json_object_set_new(into, group, json_object()) < 0 || !(inner = json_object_get(into, group))))
                return error_set(err, ERROR_NOMEM, NULL, "cannot write option %s", o->name);
            into = inner;
            name = dot + 1;
        }
        if (json_object_set_new(into, name, option_value(o, params)) < 0) return error_set(err, ERROR_NOMEM, NULL, "cannot write option %s", o->name);
    }
    return 0;
}

static json_t *option_default_json(const struct option *o)
{
    switch (o->type) {
    case OPT_AUTO: return o->def == 0 ? json_string("auto") : json_integer((json_int_t)o->def);
    case OPT_INT: return json_integer((json_int_t)o->def);
    case OPT_REAL: return json_real_or_null(o->def);
    case OPT_BOOL: return json_boolean(o->def != 0);
    case OPT_NAME: return json_string(o->choices[(int)o->def]);
    case OPT_TEXT: return json_string(o->def_text ? o->def_text : "");
    case OPT_LIST: return list_json(o->def_text ? o->def_text : "");
    case OPT_TUPLES: return json_array();
    case OPT_INTS: return json_loads(o->def_text ? o->def_text : "[]", 0, NULL);
    case OPT_MAP: return json_string("");
    case OPT_END: break;
    }
    return NULL;
}

static json_t *option_describe(const struct option *o)
{
    static const char *const types[] = {"",
                                        "integer",
                                        "integer or \"auto\"",
                                        "number",
                                        "boolean",
                                        "name",
                                        "string",
                                        "array of strings",
                                        "string or object of strings",
                                        "array of arrays of strings",
                                        "array of integers"};
    json_t *row = json_pack("{s:s, s:s, s:s, s:o}", "name", o->name, "type",
                            o->type == OPT_TEXT && o->flags & OPTION_NUMBERS ? "string or number" : types[o->type], "help", o->help ? o->help : "",
                            "default", option_default_json(o));
    bool number = o->type == OPT_INT || o->type == OPT_AUTO || o->type == OPT_REAL || o->type == OPT_INTS, ok = row != NULL;
    if (ok && o->type == OPT_NAME) {
        json_t *choices = json_array();
        for (size_t i = 0; choices && ok && o->choices[i]; i++) ok = json_array_append_new(choices, json_string(o->choices[i])) == 0;
        ok = json_object_set_new(row, "choices", choices) == 0 && ok;
    }
    if (ok && number && o->min > -INFINITY)
        ok = json_object_set_new(row, o->flags & OPTION_ABOVE_MIN ? "exclusive_minimum" : "minimum", json_real(o->min)) == 0;
    if (ok && number && o->max < INFINITY)
        ok = json_object_set_new(row, o->flags & OPTION_BELOW_MAX ? "exclusive_maximum" : "maximum", json_real(o->max)) == 0;
    if (ok) return row;
    json_decref(row);
    return NULL;
}

json_t *options_describe(const struct option *options)
{
    json_t *rows = json_array();
    for (const struct option *o = options; rows && o && o->name; o++)
        if (json_array_append_new(rows, option_describe(o)) < 0) {
            json_decref(rows);
            return NULL;
        }
    return rows;
}

const struct kind *kind_find(const struct kind *const *kinds, const char *name)
{
    for (; *kinds; kinds++)
        if (strcmp((*kinds)->name, name) == 0) return *kinds;
    return NULL;
}

void kind_names(const struct kind *const *kinds, const char **names, size_t max)
{
    size_t n = 0;
    for (; *kinds && n + 1 < max; kinds++) names[n++] = (*kinds)->name;
    names[n] = NULL;
}
