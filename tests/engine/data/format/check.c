/* What is told of a job's data before any of it is read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/data/format/format.h"
#include "lib/test.h"

struct job { /* options: as dataset's, single quotes for double ones */
    const char *format, *options, *weight, *group, *crosses, *slices;
    struct label_rule labels;
};

/* "POINTER detail" of each fault, a line each. */
static void told(const struct job *job, char *out, size_t size)
{
    struct faults faults = {0};
    struct error err = {0};
    char text[600], crosses[300];
    const struct kind *format = kind_find((const struct kind *const *)formats, job->format);
    snprintf(text, sizeof text, "{%s}", job->options ? job->options : "");
    snprintf(crosses, sizeof crosses, "%s", job->crosses ? job->crosses : "");
    for (char *c = text; *c; c++) *c = *c == '\'' ? '"' : *c;
    for (char *c = crosses; *c; c++) *c = *c == '\'' ? '"' : *c;
    void *params = calloc(1, format->params_size + 1);
    json_t *options = json_read(text, strlen(text), "options", &err);
    assert_non_null(options);
    if (format->options) options_read(&(struct option_set){format->options, params}, 1, options, "/dataset", NULL, &faults);
    assert_int_equal(faults.count, 0);
    const struct format_context context = {.weight = job->weight, .group = job->group, .crosses = crosses, .labels = job->labels};
    assert_ok(format_check(format, params, &context, job->slices ? job->slices : "", &faults, &err), &err);
    out[0] = 0;
    for (size_t i = 0, used = 0; i < faults.count; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s %s", i ? "\n" : "", faults.list[i].pointer, faults.list[i].detail);
    json_decref(options);
    free(params);
}

static void faults_show_without_data(void **state)
{
    (void)state;
    static const struct {
        struct job job;
        const char *want[4]; /* each fault's pointer and the first words */
    } cases[] = {
        {{.format = "csv"}, {NULL}},
        {{.format = "criteo", .weight = "I1", .crosses = "[['C1', 'C2']]", .slices = "C1\nC1*C2"}, {NULL}},
        {{.format = "csv", .options = "'schema': 'x:numerik, y:multi, b:buckets(3;1)'"},
         {"/dataset/schema column x: no type \"numerik\"; did you mean", "/dataset/schema column y: type multi wants an argument",
          "/dataset/schema column b: buckets wants ascending numbers"}},
        {{.format = "jsonl", .options = "'schema': {'x': 'quantile(1)', 'y': 'numeric missing='}"},
         {"/dataset/schema/y column y: missing= wants", "/dataset/schema/x column x: quantile(n) wants"}},
        {{.format = "csv", .options = "'schema': 'x'"}, {"/dataset/schema \"x\" has no type; write it as COLUMN:TYPE"}},
        {{.format = "tsv", .options = "'schema': 'w:vocab(/no/such/file) missing=x, x:log missing=ten'"},
         {"/dataset/schema column x: missing=ten is not a number, as type log wants"}},
        {{.format = "csv", .options = "'schema': 'a:ignore, b:log, a:numeric'"}, {"/dataset/schema column a stands twice, as ignore and as numeric"}},
        {{.format = "csv", .options = "'schema': '0-3:ignore, 4-9:log, 3-6:numeric, 9:log, 9-9:numeric'"},
         {"/dataset/schema columns 9 and 9-9 are as many and both mean column 9",
          "/dataset/schema columns 0-3 and 3-6 are as many and both mean column 3"}},
        {{.format = "csv", .options = "'schema': '9-3:ignore'"}, {"/dataset/schema column 9-3: a range goes from the lower number"}},
        {{.format = "csv", .options = "'schema': 'click:numeric, u:log, label:log, g:ignore', 'label': 'click'", .weight = "u", .group = "g"},
         {"/dataset/schema column click is the label, so it is no feature", "/dataset/schema column u is the weight of a row (dataset.weight)"}},
        {{.format = "csv", .options = "'schema': 'label:numeric'"}, {"/dataset/schema column label is the label"}},
        {{.format = "csv", .weight = "label"}, {"/dataset/weight column \"label\" is the label"}},
        {{.format = "csv", .options = "'positive': 'yes'", .labels = {LABELS_REAL, 0}}, {"/dataset/positive it is for labels 0 and 1"}},
        {{.format = "csv", .options = "'delimiter': '||'"}, {"/dataset/delimiter must be one byte other than a quote or a newline"}},
        {{.format = "tsv", .options = "'delimiter': ''"}, {"/dataset/delimiter must be one byte"}},
        {{.format = "csv", .options = "'delimiter': '\u00e9'"}, {"/dataset/delimiter must be one byte"}},
        {{.format = "csv", .crosses = "[['tags', 'tags'], ['user', 'ad'], ['ad', 'user']]"},
         {"/features/crosses/0 \"tags\" is crossed with itself", "/features/crosses/2 ad*user crosses the fields of cross 1 again"}},
        {{.format = "csv", .crosses = "[['a*b', 'c'], ['a', 'b*c'], ['a', 'b'], ['a', 'b', 'c']]"},
         {"/features/crosses/1 would be called a*b*c, as cross 0 is", "/features/crosses/3 would be called a*b*c, as cross 0 is",
          "/features/crosses/3 would be called a*b*c, as cross 1 is"}},
        {{.format = "csv", .options = "'schema': 'q:quantile(4), i:ignore'", .group = "g", .crosses = "[['q', 'a'], ['i', 'a'], ['g', 'label']]"},
         {"/features/crosses/0 \"q\" is made of the training rows' statistics", "/features/crosses/1 \"i\" is a column of type ignore",
          "/features/crosses/2 \"g\" is the group of a row (dataset.group)", "/features/crosses/2 \"label\" is the label"}},
        {{.format = "csv", .options = "'schema': 'q:quantile(4), i:ignore'", .slices = "q\ni\nq"},
         {"/evaluate/slices/1 \"i\" is a column of type ignore", "/evaluate/slices/2 names \"q\" a second time"}},
        {{.format = "csv", .options = "'schema': 'n:numeric, z:normalised, q:quantile(3), b:buckets(1), l:log'", .slices = "n\nz\nq\nb\nl"},
         {"/evaluate/slices/0 \"n\" is one number a row, so there are no values to slice by", "/evaluate/slices/1 \"z\" is one number a row"}},
        {{.format = "criteo", .weight = "w", .group = "I1", .crosses = "[['C1', 'I1'], ['C1', 'C27']]", .slices = "C0"},
         {"/dataset/weight format criteo has no column \"w\"", "/features/crosses/0 \"I1\" is the group of a row",
          "/features/crosses/1 \"C27\" is no field; those of format criteo are I1, I2", "/evaluate/slices/0 \"C0\" is no field"}},
        {{.format = "libsvm", .weight = "w", .group = "g", .crosses = "[['1', '2']]", .slices = "1"},
         {"/dataset/weight format libsvm has no column \"w\"", "/dataset/group format libsvm has no column \"g\"",
          "/features/crosses format libsvm knows no fields", "/evaluate/slices/0 no field \"1\"; rows of format libsvm have none"}},
        {{.format = "libffm", .crosses = "[['1', 'x']]"},
         {"/features/crosses/0 \"x\" is no field; fields of format libffm are numbers from 0 to 65278"}},
        {{.format = "vw", .group = "tag", .crosses = "[['u', 'user']]"}, {"/features/crosses/0 \"user\" is no field; those of format vw are  , !"}},
    };
    char got[3000];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t faults = 0;
        told(&cases[i].job, got, sizeof got);
        const char *at = got;
        for (; faults < 4 && cases[i].want[faults]; faults++) {
            if (strncmp(at, cases[i].want[faults], strlen(cases[i].want[faults])) != 0)
                fail_msg("case %zu: %s is not in:\n%s", i, cases[i].want[faults], got);
            at = strchr(at, '\n') ? strchr(at, '\n') + 1 : strchr(at, 0);
        }
        if (*at) fail_msg("case %zu: more than is wanted:\n%s", i, got);
    }
}

/* Wherever memory ends, that is said; nothing is taken for right. */
static void memory_may_end_anywhere(void **state)
{
    (void)state;
    const struct kind *format = kind_find((const struct kind *const *)formats, "csv");
    char *params = calloc(1, format->params_size + 1);
    struct faults none = {0};
    json_t *options = json_pack("{s:s}", "schema", "a:buckets(1;2), b:log missing=3, c:multi('x'), d:numerik");
    options_read(&(struct option_set){format->options, params}, 1, options, "/dataset", NULL, &none);
    const struct format_context context = {.crosses = "[[\"a\", \"b\"]]"};
    for (unsigned k = 1;; k++) {
        struct faults faults = {0};
        struct error err = {0};
        mem_fail_after(k);
        int rc = format_check(format, params, &context, "a", &faults, &err);
        if (!mem_fail_after(0)) {
            assert_ok(rc, &err);
            assert_int_equal(faults.count, 1);
            break;
        }
        assert_error(&err, ERROR_NOMEM, "");
        assert_int_equal(rc, -ERROR_NOMEM);
    }
    json_decref(options);
    free(params);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(faults_show_without_data),
    cmocka_unit_test(memory_may_end_anywhere),
};
TEST_MAIN(tests)
