#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* When memory runs out inside a string, Jansson's parser reports a mistake in the text, or none at all and leaves characters out (2.14,
 * measured). So its allocations come through here: they note the want of memory, and count for mem_fail_after(). */
static _Thread_local bool starved;

static void *json_alloc(size_t size)
{
    void *p = mem_zero(size, NULL);
    if (!p) starved = true;
    return p;
}

__attribute__((constructor)) static void json_alloc_install(void) { json_set_alloc_funcs(json_alloc, mem_free); }

/* Jansson recurses up to 2,048 levels; a scan for depth first keeps hostile nesting off the stack and gives a clear message. */
static int json_depth_check(const char *text, size_t size, const char *name, struct error *err)
{
    size_t depth = 0, line = 1;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '\n') line++;
        if (quoted) {
            if (c == '\\') i++;
            else if (c == '"') quoted = false;
        } else if (c == '"') quoted = true;
        else if (c == '{' || c == '[') {
            if (++depth > JSON_DEPTH_MAX)
                return error_set(err, ERROR_MALFORMED, NULL, "%s: line %zu: nested deeper than %d levels", name, line, JSON_DEPTH_MAX);
        } else if ((c == '}' || c == ']') && depth > 0) depth--;
    }
    return 0;
}

json_t *json_read(const void *text, size_t size, const char *name, struct error *err)
{
    json_error_t why;
    starved = false;
    if (size == 0) {
        error_set(err, ERROR_MALFORMED, NULL, "%s is empty; a JSON value is needed", name);
        return NULL;
    }
    if (json_depth_check(text, size, name, err) < 0) return NULL;
    json_t *value = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (starved) {
        json_decref(value);
        value = NULL;
        error_set(err, ERROR_NOMEM, NULL, "%s: not enough memory to read %zu bytes of JSON", name, size);
    } else if (!value) {
        char shown[256];
        bool nul = json_error_code(&why) == json_error_null_character || json_error_code(&why) == json_error_null_byte_in_key;
        const char *text_of = nul ? "a text may not hold \\u0000" : why.text; /* the library would name a flag of its own */
        error_set(err, ERROR_MALFORMED, NULL, "%s is not valid JSON: line %d, column %d: %s", name, why.line, why.column,
                  str_shown(shown, sizeof shown, text_of, strlen(text_of), 200));
    }
    return value;
}

static int json_write_real(double value, struct bytes *out, struct error *err)
{
    char text[40];
    if (!isfinite(value)) return bytes_add_text(out, "null", err);
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    int rc = bytes_add_text(out, text, err);
    if (rc < 0 || strpbrk(text, ".e")) return rc;
    return bytes_add_text(out, ".0", err); /* stays a real when read back */
}

static int json_write_string(const json_t *value, struct bytes *out, struct error *err)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    if (!text) return error_set(err, ERROR_NOMEM, NULL, "cannot write a JSON string");
    int rc = bytes_add_text(out, text, err);
    mem_free(text);
    return rc;
}

static int key_order(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static int json_write_at(const json_t *value, struct bytes *out, int indent, struct error *err);

static int json_newline(struct bytes *out, int indent, struct error *err)
{
    int rc = indent < 0 ? 0 : bytes_add_text(out, "\n", err);
    for (int i = 0; rc == 0 && i < indent; i++) rc = bytes_add_text(out, "  ", err);
    return rc;
}

static int json_write_object(const json_t *value, struct bytes *out, int indent, struct error *err)
{
    size_t n = 0, count = json_object_size(value);
    const char **keys = mem_array(count, 1, sizeof *keys, err);
    if (!keys) return -ERROR_NOMEM;
    const char *key;
    json_t *item;
    json_object_foreach ((json_t *)value, key, item) keys[n++] = key;
    qsort(keys, n, sizeof *keys, key_order);
    int rc = bytes_add_text(out, "{", err), inner = indent < 0 ? indent : indent + 1;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        json_t *name = json_string(keys[i]);
        if (i > 0) rc = bytes_add_text(out, indent < 0 ? ", " : ",", err);
        if (rc == 0) rc = json_newline(out, inner, err);
        if (rc == 0) rc = name ? json_write_string(name, out, err) : error_set(err, ERROR_NOMEM, NULL, "cannot write a JSON key");
        if (rc == 0) rc = bytes_add_text(out, ": ", err);
        if (rc == 0) rc = json_write_at(json_object_get(value, keys[i]), out, inner, err);
        json_decref(name);
    }
    if (rc == 0 && n > 0) rc = json_newline(out, indent, err);
    mem_free(keys);
    return rc < 0 ? rc : bytes_add_text(out, "}", err);
}

static int json_write_array(const json_t *value, struct bytes *out, int indent, struct error *err)
{
    int rc = bytes_add_text(out, "[", err);
    for (size_t i = 0; rc == 0 && i < json_array_size(value); i++) {
        if (i > 0) rc = bytes_add_text(out, ", ", err);
        if (rc == 0) rc = json_write_at(json_array_get(value, i), out, indent, err);
    }
    return rc < 0 ? rc : bytes_add_text(out, "]", err);
}

/* indent < 0: one line. Depth is bounded by what json_read accepted or our own code built. */
static int json_write_at(const json_t *value, struct bytes *out, int indent, struct error *err)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: return json_write_object(value, out, indent, err);
    case JSON_ARRAY: return json_write_array(value, out, indent, err);
    case JSON_STRING: return json_write_string(value, out, err);
    case JSON_INTEGER: return bytes_printf(out, err, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL: return json_write_real(json_real_value(value), out, err);
    case JSON_TRUE: return bytes_add_text(out, "true", err);
    case JSON_FALSE: return bytes_add_text(out, "false", err);
    default: return bytes_add_text(out, "null", err);
    }
}

int json_write(const json_t *value, struct bytes *out, struct error *err)
{
    if (!value) return error_set(err, ERROR_NOMEM, NULL, "cannot build a JSON value");
    return json_write_at(value, out, -1, err);
}

int json_write_pretty(const json_t *value, struct bytes *out, struct error *err)
{
    if (!value) return error_set(err, ERROR_NOMEM, NULL, "cannot build a JSON value");
    int rc = json_write_at(value, out, 0, err);
    return rc < 0 ? rc : bytes_add_text(out, "\n", err);
}

const char *json_type_name(const json_t *value)
{
    if (!value) return "nothing";
    switch (json_typeof(value)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "an integer";
    case JSON_REAL: return "a number";
    case JSON_TRUE: return "true";
    case JSON_FALSE: return "false";
    default: return "null";
    }
}

const char *json_brief(char *buf, size_t size, const json_t *value)
{
    struct bytes text;
    bytes_init(&text, 1 << 20);
    if (!value || json_write(value, &text, NULL) < 0) snprintf(buf, size, "%s", json_type_name(value));
    else str_shown(buf, size, bytes_text(&text), text.size, size > 72 ? 60 : size - 12);
    bytes_close(&text);
    return buf;
}

const char *json_pointer_add(char out[JSON_POINTER_SIZE], const char *base, const char *key)
{
    int wrote = snprintf(out, JSON_POINTER_SIZE, "%s/", base);
    size_t n = wrote < JSON_POINTER_SIZE ? (size_t)wrote : JSON_POINTER_SIZE - 1;
    for (; *key && n + 3 < JSON_POINTER_SIZE; key++) {
        if (*key == '~' || *key == '/') n += (size_t)snprintf(out + n, JSON_POINTER_SIZE - n, "~%c", *key == '~' ? '0' : '1');
        else out[n++] = *key, out[n] = 0;
    }
    return out;
}

json_t *json_real_or_null(double value) { return isfinite(value) ? json_real(value) : json_null(); }

/* A cursor over text that is known to be valid JSON. */
struct locator {
    const char *at, *end;
    size_t line;
};

static void locator_blank(struct locator *l)
{
    for (; l->at < l->end && strchr(" \t\r\n", *l->at); l->at++) l->line += *l->at == '\n';
}

static void locator_string(struct locator *l, char *out, size_t size)
{
    size_t n = 0;
    for (l->at++; l->at < l->end && *l->at != '"'; l->at++) {
        if (*l->at == '\\') l->at++;
        if (l->at < l->end && n + 1 < size) out[n++] = *l->at;
    }
    out[n] = 0;
    if (l->at < l->end) l->at++;
}

static void locator_skip(struct locator *l) /* past one value */
{
    size_t depth = 0;
    do {
        locator_blank(l);
        if (l->at >= l->end) return;
        char c = *l->at, ignored[8];
        if (c == '"') locator_string(l, ignored, sizeof ignored);
        else {
            if (c == '{' || c == '[') depth++;
            else if (c == '}' || c == ']') depth--;
            l->at++;
            if (!strchr("{}[],:", c))
                while (l->at < l->end && !strchr("{}[],: \t\r\n\"", *l->at)) l->at++;
        }
    } while (depth > 0);
}

/* Enters the member `key` of the object or array at the cursor; false leaves line where it was. */
static bool locator_enter(struct locator *l, const char *key)
{
    struct locator probe = *l;
    locator_blank(&probe);
    if (probe.at >= probe.end || (*probe.at != '{' && *probe.at != '[')) return false;
    bool object = *probe.at++ == '{';
    char name[128];
    for (size_t index = 0;; index++) {
        locator_blank(&probe);
        if (probe.at >= probe.end || *probe.at == '}' || *probe.at == ']') return false;
        if (object) {
            if (*probe.at != '"') return false;
            locator_string(&probe, name, sizeof name);
            locator_blank(&probe);
            if (probe.at < probe.end) probe.at++; /* ':' */
            locator_blank(&probe);
        } else snprintf(name, sizeof name, "%zu", index);
        if (strcmp(name, key) == 0) {
            *l = probe;
            return true;
        }
        locator_skip(&probe);
        locator_blank(&probe);
        if (probe.at < probe.end && *probe.at == ',') probe.at++;
    }
}

size_t json_line_of(const char *text, size_t size, const char *pointer)
{
    struct locator l = {text, text + size, 1};
    char key[128];
    locator_blank(&l);
    while (*pointer == '/') {
        size_t n = 0;
        for (pointer++; *pointer && *pointer != '/' && n + 1 < sizeof key; pointer++) {
            key[n++] = *pointer;
            if (*pointer == '~' && (pointer[1] == '0' || pointer[1] == '1')) key[n - 1] = *++pointer == '0' ? '~' : '/';
        }
        key[n] = 0;
        if (!locator_enter(&l, key)) break;
    }
    return l.line;
}
