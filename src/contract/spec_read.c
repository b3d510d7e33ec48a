/* JSON to struct spec. Nothing stops at the first mistake: each part is read, faults are collected, and only then is the verdict
 * given. A kind whose name is unknown silences the options that might be its own, since nobody can tell which they are. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "contract/spec.h"
#include "contract/spec_parts.h"

enum { PLACES_MAX = 4, URIS_MAX = 4096, LABELS_MAX = 64, KIND_NAMES_MAX = 64, TEXT_MAX = 400 };

struct reading { /* one call of spec_read */
    struct spec *spec;
    const struct registry *registry;
    struct faults *faults;
    struct error *err;
    bool recipe; /* no data set is named */
};

/* Chooses the kind of section s in its object (NULL: the object is missing). Returns false when it stays unknown; that is a fault already. */
static bool read_kind(struct reading *r, enum spec_section s, const json_t *object)
{
    static const struct kind *const none[] = {NULL};
    const struct section_row *row = &sections[s];
    enum spec_section of = s;
    while (sections[of].optional) of--;
    const struct kind *const *kinds = r->registry->kinds[of] ? r->registry->kinds[of] : none;
    const json_t *value = json_object_get(object, row->key);
    const char *names[KIND_NAMES_MAX], *name = value ? json_string_value(value) : row->def;
    char base[JSON_POINTER_SIZE], pointer[JSON_POINTER_SIZE], text[TEXT_MAX], brief[80];
    json_pointer_add(pointer, json_pointer_add(base, "", row->object), row->key);
    kind_names(kinds, names, KIND_NAMES_MAX);
    const struct kind *kind = name ? kind_find(kinds, name) : NULL;
    r->spec->chosen[s].kind = kind;
    if (kind) return true;
    if (!names[0]) faults_add(r->faults, pointer, "cannot be chosen: this program was built without %s", row->name);
    else if (!value && !name)
        faults_add(r->faults, pointer, "is missing; for example {\"%s\": {\"%s\": \"%s\"}}; %s", row->object, row->key, names[0],
                   str_choices(text, sizeof text, "", names));
    else
        faults_add(r->faults, pointer, "%s is not known; %s", value ? json_brief(brief, sizeof brief, value) : name,
                   str_choices(text, sizeof text, name ? name : "", names));
    return false;
}

/* A shallow copy of object with only the keys that some option of the sets reads. */
static json_t *known_keys(const json_t *object, const struct option_set *sets, size_t count)
{
    json_t *known = json_object();
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value) {
        size_t n = strlen(key);
        bool wanted = false;
        for (size_t i = 0; i < count; i++)
            for (const struct option *o = sets[i].options; o && o->name; o++)
                wanted |= strncmp(o->name, key, n) == 0 && (o->name[n] == 0 || o->name[n] == '.');
        if (known && wanted && json_object_set(known, key, value) < 0) {
            json_decref(known);
            return NULL;
        }
    }
    return known;
}

/* One object of the spec: its kinds, then its own and their options over the same keys. */
static int read_part(struct reading *r, const struct spec_part *part, const json_t *object)
{
    struct option_set sets[SECTIONS + 1];
    const char *skip[SECTIONS + PLACES_MAX + 1];
    size_t set_count = 0, skip_count = 0;
    bool kinds_known = true;
    char pointer[JSON_POINTER_SIZE];
    for (const struct spec_place *place = spec_places; place->object; place++)
        if (strcmp(place->object, part->name) == 0) skip[skip_count++] = place->key;
    for (int s = 0; s < SECTIONS; s++) {
        if (strcmp(sections[s].object, part->name) != 0) continue;
        skip[skip_count++] = sections[s].key;
        struct spec_kind *chosen = &r->spec->chosen[s];
        if (!read_kind(r, (enum spec_section)s, object)) kinds_known = false;
        else if (chosen->kind->params_size > 0) {
            if (!(chosen->params = mem_zero(chosen->kind->params_size, r->err))) return -ERROR_NOMEM;
            sets[set_count++] = (struct option_set){chosen->kind->options, chosen->params}; /* first: its names hide common ones */
        }
    }
    skip[skip_count] = NULL;
    sets[set_count++] = (struct option_set){part->options, r->spec};
    json_pointer_add(pointer, "", part->name);
    if (kinds_known || !json_is_object(object)) {
        options_read(sets, set_count, object, pointer, skip, r->faults);
        return 0;
    }
    json_t *known = known_keys(object, sets, set_count);
    if (!known) return error_set(r->err, ERROR_NOMEM, NULL, "cannot read the spec's %s", part->name);
    options_read(sets, set_count, known, pointer, NULL, r->faults);
    json_decref(known);
    return 0;
}

static void read_root(struct reading *r, const json_t *json)
{
    const char *skip[24] = {"labels"};
    size_t n = 1;
    struct option_set set = {spec_parts[0].options, r->spec};
    for (const struct spec_part *part = spec_parts + 1; part->name && n + 1 < sizeof skip / sizeof *skip; part++) skip[n++] = part->name;
    options_read(&set, 1, json, "", skip, r->faults);
}

static bool has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f) return true;
    return false;
}

static bool source_known(const struct registry *registry, const char *name, size_t size)
{
    for (const struct kind *const *row = registry->sources; row && *row; row++)
        if (strlen((*row)->name) == size && memcmp((*row)->name, name, size) == 0) return true;
    return !registry->sources && size == 4 && memcmp(name, "file", 4) == 0;
}

/* "file:, http:, s3: or \"-\"" */
static const char *source_names(const struct registry *registry, char *buf, size_t size)
{
    size_t n = (size_t)snprintf(buf, size, "%s", registry->sources ? "" : "file:");
    for (const struct kind *const *row = registry->sources; row && *row && n < size; row++)
        n += (size_t)snprintf(buf + n, size - n, "%s%s%s", n ? ", " : "", (*row)->name, (*row)->name[0] == '-' ? " (standard input)" : ":");
    return buf;
}

/* A fault of one URI at `pointer`, if there is one. Whether the file exists is the run's to find out, where it runs. What has a
 * scheme may hold a password and is not repeated. */
static bool uri_faulty(struct reading *r, const json_t *value, const char *pointer)
{
    const char *uri = json_string_value(value), *why = NULL;
    char brief[80], names[TEXT_MAX];
    size_t letters = uri ? strspn(uri, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-") : 0;
    bool scheme = letters > 0 && uri[letters] == ':', file = !scheme || str_starts(uri, "file:");
    if (!uri) why = "must be a string";
    else if (strlen(uri) >= PATH_SIZE) why = "is too long for a path";
    else if (has_control(uri)) why = "must not contain control characters";
    else if (scheme && !source_known(r->registry, uri, letters)) {
        faults_add(r->faults, pointer, "has the scheme \"%.*s:\", which no source reads; there are %s, and a plain path",
                   (int)(letters < 40 ? letters : 40), uri, source_names(r->registry, names, sizeof names));
        return true;
    } else if (!file && (!str_starts(uri + letters, "://") || !uri[letters + 3])) {
        faults_add(r->faults, pointer, "names nothing: after \"%.*s:\" comes \"//\" and what to read there", (int)letters, uri);
        return true;
    } else if (strcmp(uri, "-") == 0 && !source_known(r->registry, "-", 1)) why = "would be standard input, which is not read here";
    else if (file && !*spec_uri_path(uri)) why = "names no file; a path, a glob or a folder is needed";
    if (why) faults_add(r->faults, pointer, "%s, got %s", why, json_brief(brief, sizeof brief, value));
    return why != NULL;
}

const char *spec_uri_path(const char *uri)
{
    if (str_starts(uri, "file:")) uri += 5;
    return str_starts(uri, "///") ? uri + 2 : uri;
}

/* Has a place before this one, or this one, that text already? A row that comes twice may be learned from and judged by. */
static bool uri_known(struct reading *r, const struct spec_place *place, const char *uri)
{
    for (size_t p = 0; spec_places[p].object; p++) {
        const struct spec_uris *uris = spec_place_uris(r->spec, &spec_places[p]);
        bool same_part = (strcmp(spec_places[p].object, "warm_start") == 0) == (strcmp(place->object, "warm_start") == 0);
        for (size_t i = 0; same_part && i < uris->count; i++)
            if (strcmp(spec_uri_path(uris->list[i]), spec_uri_path(uri)) == 0) return true;
    }
    return false;
}

static int read_uris(struct reading *r, const struct spec_place *place, const json_t *value)
{
    struct spec_uris *uris = spec_place_uris(r->spec, place);
    char object[JSON_POINTER_SIZE], at[JSON_POINTER_SIZE], pointer[JSON_POINTER_SIZE], index[24], brief[80];
    json_pointer_add(at, json_pointer_add(object, "", place->object), place->key);
    if (!value) {
        if (place->required) faults_add(r->faults, at, "is missing; a file, a glob or an array of them, for example \"file:clicks/day-*.tsv.gz\"");
        return 0;
    }
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    if (count == 0 || count > URIS_MAX) {
        faults_add(r->faults, at, "must name 1 to %d files or globs, got %zu; a glob can name many", URIS_MAX, count);
        return 0;
    }
    if (!(uris->list = mem_array(count + 1, 1, sizeof *uris->list, r->err))) return -ERROR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        snprintf(index, sizeof index, "%zu", i);
        const char *where = json_is_array(value) ? json_pointer_add(pointer, at, index) : at;
        if (uri_faulty(r, item, where)) continue;
        if (uri_known(r, place, json_string_value(item))) {
            faults_add(r->faults, where, "names %s a second time; its rows can be read but once", json_brief(brief, sizeof brief, item));
            continue;
        }
        if (!(uris->list[uris->count] = mem_text(json_string_value(item), r->err))) return -ERROR_NOMEM;
        uris->count++;
    }
    return 0;
}

static int read_labels(struct reading *r, const json_t *value)
{
    const char *key;
    json_t *label;
    char pointer[JSON_POINTER_SIZE], brief[80];
    if (!(r->spec->labels = json_object())) return error_set(r->err, ERROR_NOMEM, NULL, "cannot read the spec's labels");
    if (value && !json_is_object(value))
        faults_add(r->faults, "/labels", "must be an object of strings, got %s", json_brief(brief, sizeof brief, value));
    if (json_object_size(value) > LABELS_MAX) {
        faults_add(r->faults, "/labels", "must have at most %d entries, got %zu", LABELS_MAX, json_object_size(value));
        return 0;
    }
    json_object_foreach ((json_t *)value, key, label) {
        json_pointer_add(pointer, "/labels", key);
        if (!json_is_string(label)) faults_add(r->faults, pointer, "must be a string, got %s", json_brief(brief, sizeof brief, label));
        else if (!*key || strlen(key) >= 64 || has_control(key))
            faults_add(r->faults, pointer, "needs a name of 1 to 63 bytes without control characters");
        else if (json_string_length(label) >= OPTION_TEXT_SIZE || has_control(json_string_value(label)))
            faults_add(r->faults, pointer, "must be shorter than %d bytes, without control characters", OPTION_TEXT_SIZE);
        else if (json_object_set_new(r->spec->labels, key, json_string(json_string_value(label))) < 0)
            return error_set(r->err, ERROR_NOMEM, NULL, "cannot read the spec's labels");
    }
    return 0;
}

static int read_parts(struct reading *r, const json_t *json)
{
    read_root(r, json);
    int rc = read_labels(r, json_object_get(json, "labels"));
    for (const struct spec_part *part = spec_parts + 1; rc == 0 && part->name; part++) {
        const json_t *object = json_object_get(json, part->name);
        if (part->given) *(bool *)((char *)r->spec + part->given) = object != NULL;
        bool dataset = strcmp(part->name, "dataset") == 0;
        if (dataset && !object) faults_add(r->faults, "/dataset", "is missing; for example {\"uri\": \"file:clicks.tsv\", \"format\": \"criteo\"}");
        else if (object || !spec_part_optional(part)) rc = read_part(r, part, object);
        for (const struct spec_place *place = spec_places; rc == 0 && place->object && !r->recipe && json_is_object(object); place++)
            if (strcmp(place->object, part->name) == 0) rc = read_uris(r, place, json_object_get(object, place->key));
    }
    if (rc == 0) spec_check(r->spec, r->faults);
    if (rc == 0 && r->faults->count == 0 && r->registry->settle && !r->recipe) r->registry->settle(r->spec, r->faults);
    if (rc == 0 && r->registry->check && r->spec->chosen[SECTION_FORMAT].kind && !r->recipe) rc = r->registry->check(r->spec, r->faults, r->err);
    return rc;
}

static int read_all(struct reading *r, const json_t *json)
{
    char brief[80];
    int rc = 0;
    *r->spec = (struct spec){0};
    if (!json_is_object(json))
        faults_add(r->faults, "", "the spec must be an object like {\"dataset\": {...}, \"model\": {\"kind\": \"lr\"}}, got %s",
                   json_brief(brief, sizeof brief, json));
    else rc = read_parts(r, json);
    if (rc == 0) rc = faults_error(r->faults, r->err);
    if (rc < 0) spec_close(r->spec);
    return rc;
}

int spec_read(struct spec *spec, const json_t *json, const struct registry *registry, struct faults *faults, struct error *err)
{
    struct reading r = {.spec = spec, .registry = registry, .faults = faults, .err = err};
    return read_all(&r, json);
}

int spec_recipe_read(struct spec *spec, const char *text, const char *name, const struct registry *registry, struct error *err)
{
    struct faults faults = {0};
    struct error why = {0};
    struct reading r = {.spec = spec, .registry = registry, .faults = &faults, .err = &why, .recipe = true};
    *spec = (struct spec){0};
    json_t *json = json_read(text, strlen(text), "its recipe", &why);
    int rc = json ? read_all(&r, json) : -(int)why.code;
    json_decref(json);
    if (rc == 0) return 0;
    return error_set(err, why.code == ERROR_NOMEM ? ERROR_NOMEM : ERROR_DATA, NULL, "%s: %s%s", name,
                     faults.count ? "its recipe is none that this program knows: " : "", why.msg);
}
