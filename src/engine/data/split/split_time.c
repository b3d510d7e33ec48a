/* Time: rows before a moment train, rows from it on test, as a model in service meets them. Between the sides a gap can be left out, as long as it
 * takes until a label is known, or so that no session lies on both sides. A moment is a number as the time column has it, or a date (roles.h).
 * Independent of the order of the files. */
#include <stdio.h>
#include <string.h>

#include "engine/data/format/roles.h"
#include "engine/data/split/splits.h"

struct time_params {
    char test_from[OPTION_TEXT_SIZE], validation_from[OPTION_TEXT_SIZE], column[OPTION_TEXT_SIZE];
    int64_t gap;
};

static const struct option time_options[] = {
    {"test_from", OPT_TEXT, offsetof(struct time_params, test_from), 0, 0, 0,
     "rows of this time and later are the test side: a number, or a date like 2026-11-27 or 2026-11-27T08:00:00Z; empty: none", NULL, OPTION_NUMBERS,
     NULL},
    {"validation_from", OPT_TEXT, offsetof(struct time_params, validation_from), 0, 0, 0,
     "rows of this time and later, up to test_from, are for validation; empty: none", NULL, OPTION_NUMBERS, NULL},
    {"gap", OPT_INT, offsetof(struct time_params, gap), 0, 0, 0x1p53,
     "rows of so long a time before validation_from and before test_from are on no side: seconds, or the unit of the time column", NULL, 0, NULL},
    {"column", OPT_TEXT, offsetof(struct time_params, column), 0, 0, 0, "the column that tells the time; empty: that of dataset.time", NULL, 0, NULL},
    {0},
};

static unsigned time_needs(const void *params)
{
    (void)params;
    return SPLIT_TIMES;
}

static const char *time_column(const void *params) { return ((const struct time_params *)params)->column; }

static unsigned time_gives(const void *params) { return *((const struct time_params *)params)->validation_from ? SPLIT_VALIDATES : 0; }

/* The moment that a text says; without one, the end of time. Why not, or NULL. */
static const char *moment(const char *text, int64_t *out)
{
    *out = INT64_MAX;
    return *text ? role_time(text, text + strlen(text), out) : NULL;
}

static void time_faults(const void *params, struct faults *faults)
{
    const struct time_params *p = params;
    const char *why;
    int64_t test, validation;
    size_t before = faults->count;
    if ((why = moment(p->test_from, &test))) faults_add(faults, "/split/test_from", "%s, got \"%s\"", why, p->test_from);
    if ((why = moment(p->validation_from, &validation))) faults_add(faults, "/split/validation_from", "%s, got \"%s\"", why, p->validation_from);
    if (faults->count > before) return;
    if (!*p->test_from && !*p->validation_from)
        faults_add(faults, "/split/test_from", "is missing: split.kind \"time\" wants the moment from which rows test (or split.validation_from)");
    if (*p->test_from && *p->validation_from && validation >= test)
        faults_add(faults, "/split/validation_from", "must be earlier than split.test_from (%s), got %s", p->test_from, p->validation_from);
}

/* a - b without overflow, b >= 0. */
static int64_t earlier(int64_t a, int64_t b) { return a < INT64_MIN + b ? INT64_MIN : a - b; }

static void time_sides(const void *params, const struct split_context *context, const struct split_rows *rows, uint8_t *sides)
{
    const struct time_params *p = params;
    int64_t test, validation;
    (void)context;
    moment(p->test_from, &test);
    moment(p->validation_from, &validation);
    int64_t test_gap = *p->test_from ? earlier(test, p->gap) : test, validation_gap = *p->validation_from ? earlier(validation, p->gap) : validation;
    for (size_t i = 0; i < rows->count; i++) {
        int64_t t = rows->times[i];
        if (*p->test_from && t >= test) sides[i] = SIDE_TEST;
        else if (*p->test_from && t >= test_gap) sides[i] = SIDE_NONE;
        else if (*p->validation_from && t >= validation) sides[i] = SIDE_VALIDATION;
        else sides[i] = *p->validation_from && t >= validation_gap ? SIDE_NONE : SIDE_TRAIN;
    }
}

const struct split split_time = {.kind = {"time", "earlier rows train, later ones validate and test; a gap between them is left out", "",
                                          sizeof(struct time_params), time_options},
                                 .needs = time_needs,
                                 .column = time_column,
                                 .faults = time_faults,
                                 .gives = time_gives,
                                 .sides = time_sides};
