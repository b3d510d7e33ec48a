/* The filter language of job lists, compiled to SQL with bound values (never spliced).
 *
 *   filter := clause ( AND clause )*
 *   clause := field op value | field [NOT] IN ( value, ... )
 *   field  := state | name | experiment | owner | reason | priority | created | labels.KEY
 *   op     := = != ~ !~ > >= < <=         ~ is "contains"; order only for numbers and times
 *   value  := word | "quoted text" | 'quoted text'
 *
 * `created` takes an RFC 3339 time. A job without the label matches no clause about it but != and !~. */
#include "service/store/internal.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

enum field_type { FIELD_TEXT, FIELD_STATE, FIELD_NUMBER, FIELD_TIME };

static const struct field {
    const char *name, *column;
    enum field_type type;
} fields[] = {
    {"state", "state", FIELD_STATE},       {"name", "name", FIELD_TEXT},     {"experiment", "experiment", FIELD_TEXT},
    {"owner", "owner", FIELD_TEXT},        {"reason", "reason", FIELD_TEXT}, {"priority", "priority", FIELD_NUMBER},
    {"created", "created_ms", FIELD_TIME},
};
static const struct field label_field = {"labels.KEY", NULL, FIELD_TEXT};

struct scan {
    struct filter *f;
    const char *start, *at;
    char token[512]; /* of the last token */
    bool quoted;
};

static int fault(struct scan *s, struct error *err, const char *why)
{
    return error_set(err, ERROR_INVALID, NULL, "filter, at character %zu: %s", (size_t)(s->at - s->start) + 1, why);
}

static void blanks(struct scan *s)
{
    while (isspace((unsigned char)*s->at)) s->at++;
}

static bool word_char(char c) { return isalnum((unsigned char)c) || strchr("_-.:/+@%", c) != NULL; }

/* The next word or quoted text into s->token. */
static int token(struct scan *s, struct error *err)
{
    size_t n = 0;
    blanks(s);
    char quote = *s->at == '"' || *s->at == '\'' ? *s->at : 0;
    s->quoted = quote != 0;
    if (quote) s->at++;
    for (; *s->at && (quote ? *s->at != quote : word_char(*s->at)); s->at++) {
        if (n + 1 >= sizeof s->token) return fault(s, err, "a word is too long");
        s->token[n++] = *s->at;
    }
    s->token[n] = 0;
    if (quote && *s->at++ != quote) return s->at--, fault(s, err, "the quote is not closed");
    if (!quote && n == 0) return fault(s, err, *s->at ? "a word or quoted text is needed here" : "it ends too early");
    return 0;
}

static bool keyword(struct scan *s, const char *word)
{
    blanks(s);
    size_t n = strlen(word);
    if (strncasecmp(s->at, word, n) != 0 || word_char(s->at[n])) return false;
    s->at += n;
    return true;
}

static int value_add(struct scan *s, const struct field *field, struct error *err)
{
    struct filter *f = s->f;
    char text[32];
    const char *value = s->token;
    int64_t number;
    enum job_state state;
    if (f->count == FILTER_VALUES_MAX) return fault(s, err, "more than 32 values");
    if (field->type == FIELD_STATE && !job_state_parse(value, &state)) {
        char choices[256];
        const char *names[JOB_STATES + 1] = {NULL};
        for (int i = 0; i < JOB_STATES; i++) names[i] = job_state_name((enum job_state)i);
        return error_set(err, ERROR_INVALID, NULL, "filter: no state \"%.40s\"; %s", value, str_choices(choices, sizeof choices, value, names));
    }
    if (field->type == FIELD_NUMBER && !str_to_int64(value, &number))
        return error_set(err, ERROR_INVALID, NULL, "filter: %s needs a whole number, got \"%.40s\"", field->name, value);
    if (field->type == FIELD_TIME) {
        if (!time_parse(value, &number))
            return error_set(err, ERROR_INVALID, NULL, "filter: %s needs a time like 2026-01-31T12:00:00Z, got \"%.40s\"", field->name, value);
        snprintf(text, sizeof text, "%lld", (long long)number);
        value = text;
    }
    f->is_number[f->count] = field->type == FIELD_NUMBER || field->type == FIELD_TIME;
    if (!(f->values[f->count] = mem_text(value, err))) return -ERROR_NOMEM;
    f->count++;
    return bytes_printf(&f->sql, err, "?%zu", f->count);
}

static int values_in(struct scan *s, const struct field *field, struct error *err)
{
    int rc = bytes_add_text(&s->f->sql, " IN (", err);
    blanks(s);
    if (rc == 0 && *s->at != '(') rc = fault(s, err, "IN needs a list in parentheses");
    while (rc == 0) {
        s->at++; /* "(" or "," */
        if ((rc = token(s, err)) == 0) rc = value_add(s, field, err);
        blanks(s);
        if (rc < 0 || *s->at == ')') break;
        if (*s->at != ',') rc = fault(s, err, "a comma or a closing parenthesis is needed here");
        if (rc == 0) rc = bytes_add_text(&s->f->sql, ", ", err);
    }
    if (rc == 0) s->at++;
    return rc < 0 ? rc : bytes_add_text(&s->f->sql, ")", err);
}

/* What is compared, then the operator and value(s): "state = ?1", "instr(name, ?2) > 0", "priority IN (?3, ?4)". */
static int comparison(struct scan *s, const struct field *field, const char *column, bool *negated, struct error *err)
{
    static const char *const ops[] = {"!~", "!=", ">=", "<=", "=", "~", ">", "<"};
    *negated = false;
    if (keyword(s, "NOT")) *negated = true;
    if (keyword(s, "IN")) {
        int rc = bytes_add_text(&s->f->sql, column, err);
        return rc < 0 ? rc : values_in(s, field, err);
    }
    blanks(s);
    size_t i = 0;
    while (i < sizeof ops / sizeof *ops && strncmp(s->at, ops[i], strlen(ops[i])) != 0) i++;
    if (*negated || i == sizeof ops / sizeof *ops) return fault(s, err, "one of = != ~ !~ > >= < <= IN or NOT IN is needed here");
    const char *op = ops[i];
    bool contains = strchr(op, '~') != NULL, order = op[0] == '>' || op[0] == '<';
    if (contains && field->type != FIELD_TEXT) return fault(s, err, "~ is for texts only");
    if (order && field->type != FIELD_NUMBER && field->type != FIELD_TIME) return fault(s, err, "order is for numbers and times only");
    s->at += strlen(op);
    *negated = op[0] == '!';
    int rc = token(s, err);
    if (rc == 0)
        rc = contains ? bytes_printf(&s->f->sql, err, "instr(%s, ", column) : bytes_printf(&s->f->sql, err, "%s %s ", column, order ? op : "=");
    if (rc == 0) rc = value_add(s, field, err);
    return rc == 0 && contains ? bytes_add_text(&s->f->sql, ") > 0", err) : rc;
}

/* The clause is written behind a NOT (...) or a plain (...): which one is known only at its end, so it is put in front then. */
static int clause(struct scan *s, struct error *err)
{
    struct filter *f = s->f;
    const struct field *field = NULL;
    const char *names[sizeof fields / sizeof *fields + 2] = {NULL};
    bool negated;
    int rc = token(s, err);
    if (rc < 0) return rc;
    bool label = str_starts(s->token, "labels.") && s->token[7];
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        names[i] = fields[i].name;
        if (strcmp(s->token, fields[i].name) == 0) field = &fields[i];
    }
    names[sizeof fields / sizeof *fields] = label_field.name;
    if (!field && !label) {
        char choices[256];
        return error_set(err, ERROR_INVALID, NULL, "filter: no field \"%.40s\"; %s", s->token, str_choices(choices, sizeof choices, s->token, names));
    }
    size_t start = f->sql.size;
    if (label) {
        memmove(s->token, s->token + 7, strlen(s->token + 7) + 1);
        rc = bytes_add_text(&f->sql, "    (EXISTS (SELECT 1 FROM label WHERE label.job = job.num AND label.key = ", err);
        if (rc == 0) rc = value_add(s, &label_field, err);
        if (rc == 0) rc = bytes_add_text(&f->sql, " AND ", err);
    } else rc = bytes_add_text(&f->sql, "    (", err);
    if (rc == 0) rc = comparison(s, label ? &label_field : field, label ? "label.value" : field->column, &negated, err);
    if (rc == 0) rc = bytes_add_text(&f->sql, label ? "))" : ")", err);
    if (rc == 0 && negated) memcpy(f->sql.data + start, "NOT ", 4);
    return rc;
}

int filter_compile(struct filter *f, const char *text, struct error *err)
{
    struct scan s = {.f = f, .start = text, .at = text};
    memset(f, 0, sizeof *f);
    bytes_init(&f->sql, 64 << 10);
    int rc = 0;
    blanks(&s);
    if (!*s.at) return bytes_add_text(&f->sql, "1", err);
    for (;;) {
        if ((rc = clause(&s, err)) < 0) break;
        blanks(&s);
        if (!*s.at) break;
        if (!keyword(&s, "AND")) rc = fault(&s, err, "AND or the end is needed here");
        if (rc == 0) rc = bytes_add_text(&f->sql, " AND ", err);
        if (rc < 0) break;
    }
    if (rc < 0) filter_close(f);
    return rc;
}

void filter_close(struct filter *f)
{
    for (size_t i = 0; i < f->count; i++) mem_free(f->values[i]);
    f->count = 0;
    bytes_close(&f->sql);
}
