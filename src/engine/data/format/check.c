/* What can be told of a job's data before any of it is read (format_check): so that a specification has all its faults told at once, and no job
 * waits, starts and reads only to fail on a name. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/kind.h"
#include "base/str.h"
#include "engine/data/format/columns.h"
#include "engine/data/format/crosses.h"
#include "engine/data/format/text.h"

struct fields { /* what is known of their names */
    const struct format *format;
    const struct format_context *context;
    void *state;          /* of a format that has them before any text */
    bool table;           /* schema and label say more */
    struct schema schema; /* what of it can be read */
    const char *label;
};

static int fields_init(struct fields *f, const struct format *format, const void *params, const struct format_context *context, struct error *err)
{
    struct faults told = {0}; /* by check() */
    struct error why = {0};
    *f = (struct fields){.format = format, .context = context, .table = format->files == columns_files};
    if (f->table) {
        const struct columns_params *p = params;
        f->label = p->label;
        return schema_read_all(&f->schema, p->schema, &told, err);
    }
    if (!format->field_name || format->header) return 0;
    struct format_context plain = *context; /* a wrong role is check_roles()' to tell; fields are looked up behind the roles */
    plain.weight = plain.group = plain.time = "";
    f->state = format->prepare(params, &plain, &why);
    return why.code == ERROR_NOMEM ? error_set(err, ERROR_NOMEM, NULL, "%s", why.msg) : 0;
}

static void fields_close(struct fields *f)
{
    schema_close(&f->schema);
    if (f->state) f->format->release(f->state);
}

/* Why the format, whose fields have names before any text, has none of that name, or NULL. */
static const char *no_name(const struct fields *f, const char *name, char *out, size_t size)
{
    const char *known;
    size_t used = (size_t)snprintf(out, size, "is no field; those of format %s are ", f->format->kind.name);
    for (size_t i = 0, told = 0; (known = f->format->field_name(f->state, i)); i++) {
        if (strcmp(known, name) == 0) return NULL;
        if (*known == '\\' || used + 40 > size) continue; /* of vw: a byte that nobody writes */
        used += (size_t)snprintf(out + used, size - used, "%s%.20s", told++ ? ", " : "", known);
    }
    return out;
}

/* Why no row can have a field of that name, or NULL. member: of a cross. */
static const char *no_field(const struct fields *f, const char *name, bool member, char out[400])
{
    const struct role_row *role = f->table ? NULL : role_of(f->context, name);
    uint64_t number;
    if (f->table) return columns_no_field(&f->schema, f->label, f->context, name, member, out);
    if (role) return snprintf(out, 400, "is the %s of a row (dataset.%s), so it is no feature", role->name, role->name), out;
    if (f->state) return no_name(f, name, out, 400);
    if (f->format->field_name || (text_u64(name, strchr(name, 0), &number) && number <= FIELD_MAX - (member ? CROSSES_MAX : 0))) return NULL;
    return snprintf(out, 400, "is no field; fields of format %s are numbers from 0 to %d", f->format->kind.name,
                    FIELD_MAX - (member ? CROSSES_MAX : 0)),
           out;
}

static bool has(const json_t *tuple, const char *name)
{
    size_t i;
    const json_t *member;
    json_array_foreach (tuple, i, member)
        if (strcmp(json_string_value(member), name) == 0) return true;
    return false;
}

static bool same_members(const json_t *a, const json_t *b)
{
    size_t i;
    const json_t *member;
    json_array_foreach (a, i, member)
        if (!has(b, json_string_value(member))) return false;
    return json_array_size(a) == json_array_size(b);
}

/* "C1*C2" */
static const char *cross_name(const json_t *tuple, char out[OPTION_TUPLES_SIZE])
{
    size_t i, used = 0;
    const json_t *member;
    json_array_foreach (tuple, i, member)
        used += (size_t)snprintf(out + used, OPTION_TUPLES_SIZE - used, "%s%s", i ? "*" : "", json_string_value(member));
    return out;
}

static void check_cross(const struct fields *f, const json_t *list, size_t at, struct faults *faults)
{
    static const size_t shown_max = 40;
    const json_t *tuple = json_array_get(list, at), *member;
    char pointer[JSON_POINTER_SIZE], why[400], shown[160], name[OPTION_TUPLES_SIZE], other[OPTION_TUPLES_SIZE];
    size_t m;
    snprintf(pointer, sizeof pointer, "/features/crosses/%zu", at);
    json_array_foreach (tuple, m, member) {
        const char *text = json_string_value(member);
        const char *wrong = no_field(f, text, true, why);
        str_shown(shown, sizeof shown, text, strlen(text), shown_max);
        if (wrong) faults_add(faults, pointer, "\"%s\" %s", shown, wrong);
        for (size_t before = 0; before < m; before++)
            if (strcmp(json_string_value(json_array_get(tuple, before)), text) == 0)
                faults_add(faults, pointer, "\"%s\" is crossed with itself", shown);
    }
    cross_name(tuple, name);
    str_shown(shown, sizeof shown, name, strlen(name), shown_max);
    for (size_t before = 0; before < at; before++) {
        const json_t *earlier = json_array_get(list, before);
        bool same = same_members(tuple, earlier);
        if (same) faults_add(faults, pointer, "%s crosses the fields of cross %zu again; leave one out", shown, before);
        else if (strcmp(cross_name(earlier, other), name) == 0) faults_add(faults, pointer, "would be called %s, as cross %zu is", shown, before);
        if (same) return;
    }
}

static int check_crosses(const struct fields *f, struct faults *faults, struct error *err)
{
    const char *text = f->context->crosses;
    if (!text || !*text) return 0;
    json_t *list = json_read(text, strlen(text), "features.crosses", err);
    if (!list) return -(int)err->code;
    size_t count = json_array_size(list);
    if (f->format->no_fields) faults_add(faults, "/features/crosses", NO_FIELDS_TO_CROSS, f->format->kind.name);
    else if (count > CROSSES_MAX) faults_add(faults, "/features/crosses", "must have at most %d crosses, got %zu", CROSSES_MAX, count);
    else
        for (size_t i = 0; i < count; i++) check_cross(f, list, i, faults);
    json_decref(list);
    return 0;
}

static void check_slices(const struct fields *f, const char *slices, struct faults *faults)
{
    char name[OPTION_TEXT_SIZE], other[OPTION_TEXT_SIZE], pointer[64], why[400];
    const char *at = slices;
    for (size_t i = 0; option_list_next(&at, name); i++) {
        const char *before = slices, *wrong = strchr(name, '*') ? NULL : no_field(f, name, false, why); /* an asterisk: perhaps of a cross */
        snprintf(pointer, sizeof pointer, "/evaluate/slices/%zu", i);
        if (f->format->no_fields) faults_add(faults, pointer, "no field \"%s\"; rows of format %s have none", name, f->format->kind.name);
        else if (wrong) faults_add(faults, pointer, "\"%s\" %s", name, wrong);
        for (size_t k = 0; k < i && option_list_next(&before, other); k++) {
            if (strcmp(name, other) != 0) continue;
            faults_add(faults, pointer, "names \"%s\" a second time; leave one out", name);
            break;
        }
    }
}

/* Each role by itself, since prepare() stops at the first one that the format has no column for. */
static int check_roles(const struct format *format, const void *params, const struct format_context *context, struct faults *faults,
                       struct error *err)
{
    for (int r = 0; r < ROLES; r++) {
        struct format_context one = *context;
        struct error why = {0};
        one.weight = r == ROLE_WEIGHT ? context->weight : "", one.group = r == ROLE_GROUP ? context->group : "";
        one.time = r == ROLE_TIME ? context->time : "";
        if (!*role_column(&one, (enum role)r)) continue;
        void *state = format->prepare(params, &one, &why);
        if (state) format->release(state);
        else if (why.code == ERROR_NOMEM) return error_set(err, ERROR_NOMEM, NULL, "%s", why.msg);
        else faults_add(faults, why.field, "%s", why.msg);
    }
    return 0;
}

int format_check(const struct kind *kind, const void *params, const struct format_context *context, const char *slices, struct faults *faults,
                 struct error *err)
{
    const struct format *format = (const struct format *)kind;
    struct fields fields;
    int rc = format->check ? format->check(params, context, faults, err) : check_roles(format, params, context, faults, err);
    if (rc < 0 || (rc = fields_init(&fields, format, params, context, err)) < 0) return rc;
    rc = check_crosses(&fields, faults, err);
    if (rc == 0) check_slices(&fields, slices, faults);
    fields_close(&fields);
    return rc;
}
