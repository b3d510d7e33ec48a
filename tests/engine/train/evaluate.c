/* test: threads */
/* What a run's evaluation says of sides, slices, groups and calibration, against the same figures computed by hand from its scores.tsv; and the same
 * bytes for every number of workers. */
#include "lib/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "contract/rundir.h"
#include "contract/safetensors.h"
#include "engine/train/run.h"
#include "lib/run_kit.h"

enum { ROWS = 3000, USERS = 120, SITES = 30 };

static struct row {
    bool label;
    unsigned user, site; /* site SITES: the cell is empty */
    double score;
    bool judged;
} rows[ROWS];

/* click,user,site,x: sites are Zipf-like, so that the most frequent ones are clear. */
static int setup(void **state)
{
    char path[PATH_SIZE];
    struct bytes text;
    (void)state;
    test_dir(run_kit_root);
    run_kit_data("a.svm", false, false);
    snprintf(path, sizeof path, "%.*s/gap.ffm", 3000, run_kit_root);
    test_write_file(path, "1 0:1:1 3:2:1\n0 0:2:1\n", 22);
    bytes_init(&text, 4 << 20);
    assert_ok(bytes_printf(&text, NULL, "click,user,site,x\n"), NULL);
    for (unsigned r = 0; r < ROWS; r++) {
        struct rng rng = rng_at(5, RNG_TEST, 0, r);
        unsigned site = (unsigned)(SITES * pow(rng_unit(&rng), 2)), user = (unsigned)rng_below(&rng, USERS), x = (unsigned)rng_below(&rng, 7);
        if (r % 20 == 0) site = SITES;
        bool label = rng_unit(&rng) < 1 / (1 + exp(2.5 - 0.4 * x - 0.5 * (site % 3)));
        rows[r] = (struct row){.label = label, .user = user, .site = site};
        char cell[16] = "";
        if (site < SITES) snprintf(cell, sizeof cell, "\"s\xc3\xa9%u\"", site);
        assert_ok(bytes_printf(&text, NULL, "%d,u%u,%s,%u\n", label, user, cell, x), NULL);
    }
    snprintf(path, sizeof path, "%.*s/clicks.csv", 3000, run_kit_root);
    test_write_file(path, text.data, text.size);
    bytes_close(&text);
    return 0;
}

#define SPEC(rest) \
    "{'dataset': {'uri': '%s/clicks.csv', 'format': 'csv', 'label': 'click', 'group': 'user'}, 'model': {'kind': 'lr', 'hash_bits': 14}, " \
    "'split': {'kind': 'holdout', 'test_fraction': 0.4, 'validation_fraction': 0.2}, 'optimizer': {'lr': 0.3}, " \
    "'train': {'epochs': 4, 'batch_size': 128}" rest "}"

static void scores_read(const char *dir)
{
    char path[PATH_SIZE], *end;
    size_t size;
    snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_SCORES, 3000, run_kit_root, dir);
    char *text = test_read_file(path, &size);
    for (unsigned r = 0; r < ROWS; r++) rows[r].judged = false;
    for (char *line = strchr(text, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
        unsigned long r = strtoul(line, &end, 10);
        assert_true(r < ROWS);
        assert_int_equal(strtol(end, &end, 10), rows[r].label);
        rows[r].score = strtod(end, NULL);
        rows[r].judged = true;
    }
    mem_free(text);
}

static double row_loss(const struct row *r) { return r->label ? -log(r->score) : -log1p(-r->score); }

static const json_t *in(const json_t *object, const char *outer, const char *name) { return json_object_get(json_object_get(object, outer), name); }

static const char judged[] = SPEC(", 'evaluate': {'scores': true, 'sides': true, 'slices': ['site'], 'bootstrap': 30, 'ndcg_k': 3}");

static void slices_are_those_of_the_scores(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    assert_ok(run_kit_run(&world_real, judged, "judged", 2, &result, &err), &err);
    scores_read("judged");
    json_t *e = run_kit_evaluation("judged");
    const json_t *table = json_array_get(json_object_get(e, "slices"), 0), *top = json_object_get(table, "top");
    assert_string_equal(json_string_value(json_object_get(table, "field")), "site");
    assert_int_equal(json_array_size(top), 20);
    uint64_t told = 0, total = 0, empty = 0;
    for (size_t i = 0; i < json_array_size(top); i++) {
        const json_t *s = json_array_get(top, i);
        const char *text = json_string_value(json_object_get(s, "text"));
        assert_non_null(text);
        unsigned site = strcmp(text, "(empty)") == 0 ? SITES : (unsigned)strtoul(text + strlen("s\xc3\xa9"), NULL, 10), n = 0;
        double loss = 0;
        if (site < SITES) assert_memory_equal(text, "s\xc3\xa9", 3);
        for (unsigned r = 0; r < ROWS; r++)
            if (rows[r].judged && rows[r].site == site) loss += row_loss(&rows[r]), n++;
        assert_int_equal(json_integer_value(json_object_get(s, "rows")), n);
        assert_close(json_number_value(json_object_get(s, "logloss")), loss / n, 1e-6, 0);
        told += n;
        empty += site == SITES;
    }
    for (unsigned r = 0; r < ROWS; r++) total += rows[r].judged;
    assert_int_equal(empty, 1);
    assert_int_equal(told + (uint64_t)json_integer_value(in(table, "other", "rows")), total);
    json_decref(e);
}

enum { TAGGED = 600, TAGS = 5 };
static struct tagged {
    unsigned tags; /* bit by bit */
    float price;   /* NAN: empty */
    bool judged;
} tagged[TAGGED];

/* click,tags,price,band,x: lists of tags, of which one may stand twice. */
static void tags_write(void)
{
    char path[PATH_SIZE], cell[64];
    struct bytes text;
    bytes_init(&text, 1 << 20);
    assert_ok(bytes_printf(&text, NULL, "click,tags,price,band,x\n"), NULL);
    for (unsigned r = 0; r < TAGGED; r++) {
        struct rng rng = rng_at(6, RNG_TEST, 0, r);
        unsigned n = (unsigned)rng_below(&rng, 4);
        tagged[r] = (struct tagged){.price = r % 9 == 0 ? NAN : (float)rng_below(&rng, 100) / 2};
        *cell = 0;
        for (unsigned i = 0; i < n; i++) {
            unsigned tag = (unsigned)rng_below(&rng, TAGS);
            tagged[r].tags |= 1u << tag;
            snprintf(cell + strlen(cell), sizeof cell - strlen(cell), "%st%u", i ? "|" : "", tag);
        }
        assert_ok(bytes_printf(&text, NULL, "%d,%s,", rng_below(&rng, 3) == 0, cell), NULL);
        if (!isnan(tagged[r].price)) assert_ok(bytes_printf(&text, NULL, "%g", (double)tagged[r].price), NULL);
        assert_ok(bytes_printf(&text, NULL, ",%u,%g\n", (unsigned)rng_below(&rng, 20), rng_unit(&rng)), NULL);
    }
    snprintf(path, sizeof path, "%.*s/tags.csv", 3000, run_kit_root);
    test_write_file(path, text.data, text.size);
    bytes_close(&text);
}

#define TAGS_SPEC(x, rest) \
    "{'dataset': {'uri': '%s/tags.csv', 'format': 'csv', 'label': 'click', 'schema': {'tags': 'multi(|) missing=skip', 'price': 'quantile(4)', " \
    "'band': 'buckets(5;10)', 'x': '" x "'}}, 'model': {'kind': 'lr', 'hash_bits': 14}" rest "}"

static void judged_read(const char *dir)
{
    char path[PATH_SIZE];
    size_t size;
    snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_SCORES, 3000, run_kit_root, dir);
    char *text = test_read_file(path, &size);
    for (unsigned r = 0; r < TAGGED; r++) tagged[r].judged = false;
    for (char *line = strchr(text, '\n') + 1; *line; line = strchr(line, '\n') + 1) tagged[strtoul(line, NULL, 10)].judged = true;
    mem_free(text);
}

/* Rows that a slice should have by its name. */
static unsigned tag_rows(const char *text)
{
    unsigned n = 0;
    for (unsigned r = 0; r < TAGGED; r++)
        n += tagged[r].judged && (*text == 't' ? tagged[r].tags >> (text[1] - '0') & 1 : strcmp(text, "(none)") == 0 && !tagged[r].tags);
    return n;
}

static unsigned price_rows(const char *text)
{
    double above = -INFINITY, most = INFINITY;
    unsigned n = 0;
    bool empty = strcmp(text, "(empty)") == 0;
    if (sscanf(text, "> %lf, <= %lf", &above, &most) == 0 && sscanf(text, "<= %lf", &most) == 0) assert_true(empty);
    for (unsigned r = 0; r < TAGGED; r++)
        n += tagged[r].judged && (empty ? isnan(tagged[r].price) : (double)tagged[r].price > above && (double)tagged[r].price <= most);
    return n;
}

/* A row with several values is in the slice of each; a bin of quantiles is a slice, and so is one of buckets. */
static void every_value_of_a_row_counts(void **state)
{
    (void)state;
    static const unsigned values[] = {TAGS + 1, 5, 3};
    struct run_result result;
    struct error err;
    tags_write();
    static const char spec[] = TAGS_SPEC("numeric", ", 'split': {'kind': 'holdout', 'test_fraction': 0.5}, "
                                                    "'evaluate': {'scores': true, 'slices': ['tags', 'price', 'band']}");
    for (unsigned workers = 1; workers <= 2; workers++) {
        char dir[16];
        snprintf(dir, sizeof dir, "tags-%u", workers);
        assert_ok(run_kit_run(&world_real, spec, dir, workers, &result, &err), &err);
        judged_read(dir);
        json_t *e = run_kit_evaluation(dir);
        for (size_t f = 0; f < 3; f++) {
            const json_t *table = json_array_get(json_object_get(e, "slices"), f), *top = json_object_get(table, "top");
            assert_int_equal(json_array_size(top), values[f]);
            for (size_t i = 0; f < 2 && i < json_array_size(top); i++) {
                const json_t *s = json_array_get(top, i);
                const char *text = json_string_value(json_object_get(s, "text"));
                assert_non_null(text);
                assert_int_equal(json_integer_value(json_object_get(s, "rows")), f ? price_rows(text) : tag_rows(text));
            }
        }
        json_decref(e);
    }
}

/* GAUC: users with both classes, weighted by rows, pairs by hand. */
static void groups_are_those_of_the_data(void **state)
{
    (void)state;
    double sum = 0, weight = 0;
    unsigned both = 0;
    for (unsigned u = 0; u < USERS; u++) {
        double wins = 0, pairs = 0, n = 0;
        for (unsigned i = 0; i < ROWS; i++) {
            if (!rows[i].judged || rows[i].user != u) continue;
            n++;
            for (unsigned j = 0; rows[i].label && j < ROWS; j++) {
                if (!rows[j].judged || rows[j].user != u || rows[j].label) continue;
                wins += rows[i].score > rows[j].score ? 1 : rows[i].score == rows[j].score ? 0.5 : 0;
                pairs++;
            }
        }
        if (pairs > 0) sum += n * wins / pairs, weight += n, both++;
    }
    json_t *e = run_kit_evaluation("judged");
    assert_close(json_number_value(in(e, "metrics", "gauc")), sum / weight, 1e-6, 0);
    assert_int_equal(json_integer_value(in(e, "groups", "both_classes")), both);
    assert_int_equal(json_integer_value(in(e, "groups", "k")), 3);
    assert_int_equal(json_integer_value(in(e, "bootstrap", "replicates")), 30);
    json_decref(e);
}

/* The three sides together are the data; the training side's figures are those of a run that judges every row. */
static void sides_are_judged_too(void **state)
{
    (void)state;
    json_t *e = run_kit_evaluation("judged"), *sides = json_object_get(e, "sides");
    json_int_t train = json_integer_value(in(sides, "train", "rows")), validation = json_integer_value(in(sides, "validation", "rows"));
    assert_int_equal(train + validation + json_integer_value(json_object_get(e, "rows")), ROWS);
    assert_true(train > ROWS / 4 && validation > ROWS / 10);
    assert_string_equal(json_string_value(in(sides, "train", "split")), "train");
    assert_true(json_number_value(json_object_get(in(sides, "train", "metrics"), "logloss")) <
                json_number_value(in(e, "metrics", "logloss"))); /* what it has learned from, it knows better */
    json_decref(e);
}

static char *text_of(const char *dir)
{
    char path[PATH_SIZE];
    size_t size;
    snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_EVALUATION, 3000, run_kit_root, dir);
    return test_read_file(path, &size);
}

static void workers_leave_no_trace(void **state)
{
    (void)state;
    static const char *const specs[] = {judged,
                                        SPEC(", 'calibration': {'kind': 'isotonic'}, 'evaluate': {'slices': ['x', 'site'], 'exact_rows_max': 100}"),
                                        SPEC(", 'calibration': {'kind': 'platt'}")};
    for (size_t s = 0; s < sizeof specs / sizeof *specs; s++) {
        char *one = NULL, sha256[65];
        for (unsigned workers = 1; workers <= 4; workers *= 2) {
            struct run_result result;
            struct error err;
            char dir[32];
            snprintf(dir, sizeof dir, "bits%zu-%u", s, workers);
            assert_ok(run_kit_run(&world_real, specs[s], dir, workers, &result, &err), &err);
            char *text = text_of(dir);
            if (one) {
                assert_string_equal(text, one);
                assert_string_equal(result.sha256, sha256);
                mem_free(text);
            } else one = text, memcpy(sha256, result.sha256, sizeof sha256);
        }
        mem_free(one);
    }
}

static double logit(double p) { return log(p) - log1p(-p); }

/* The same training with and without a fit: Platt's scores are the line through the raw logits that evaluation.json names; isotonic ones rise with
 * them; before and after are what the two runs say; and the map is in final.safetensors, not in the checkpoint. */
static void calibration_is_a_map_of_the_same_scores(void **state)
{
    (void)state;
    static const char *const kinds[] = {"platt", "isotonic"};
    static struct row raw[ROWS];
    struct run_result plain, result;
    struct error err;
    char spec[2048];
    assert_ok(run_kit_run(&world_real, SPEC(", 'evaluate': {'scores': true}"), "raw", 2, &plain, &err), &err);
    scores_read("raw");
    memcpy(raw, rows, sizeof raw);
    json_t *before = run_kit_evaluation("raw");
    assert_null(json_object_get(before, "calibration"));
    for (size_t k = 0; k < 2; k++) {
        snprintf(spec, sizeof spec, SPEC(", 'evaluate': {'scores': true}, 'calibration': {'kind': '%s'}"), "%s", kinds[k]);
        assert_ok(run_kit_run(&world_real, spec, kinds[k], 2, &result, &err), &err);
        scores_read(kinds[k]);
        json_t *e = run_kit_evaluation(kinds[k]), *about = json_object_get(e, "calibration");
        double slope = json_number_value(json_object_get(about, "slope")), intercept = json_number_value(json_object_get(about, "intercept"));
        for (unsigned r = 0; k == 0 && r < ROWS; r++)
            if (rows[r].judged) assert_close(logit(rows[r].score), slope * logit(raw[r].score) + intercept, 1e-5, 1e-5);
        for (unsigned i = 0; k == 1 && i < ROWS; i++)
            for (unsigned j = 0; rows[i].judged && j < ROWS; j++)
                if (rows[j].judged && raw[i].score < raw[j].score) assert_true(rows[i].score <= rows[j].score);
        assert_close(json_number_value(in(about, "raw", "logloss")), json_number_value(in(before, "metrics", "logloss")), 0, 0);
        assert_close(json_number_value(in(about, "calibrated", "logloss")), json_number_value(in(e, "metrics", "logloss")), 0, 0);
        assert_true(k == 0 ? slope > 0 && slope != 1 : json_integer_value(json_object_get(about, "knots")) > 1);
        assert_string_not_equal(result.sha256, plain.sha256);
        json_decref(e);

        struct safetensors st;
        assert_ok(safetensors_open(&st, &world_real, result.final_path, &err), &err);
        if (k == 0) assert_close(strtod(json_string_value(json_object_get(st.metadata, "calibration_slope")), NULL), slope, 1e-12, 0);
        else assert_non_null(safetensors_find(&st, "calibration.to"));
        safetensors_close(&st);
        assert_ok(run_kit_run(&world_real, spec, kinds[k], 1, &plain, &err), &err); /* again: nothing to train, the same file */
        assert_string_equal(result.sha256, plain.sha256);
    }
    json_decref(before);
}

#define FIELDS_SPEC(slices) \
    "{'dataset': {'uri': '%s/gap.ffm', 'format': 'libffm'}, 'model': {'kind': 'lr', 'hash_bits': 10}, 'split': {'kind': 'none'}, " \
    "'evaluate': {'slices': " slices "}}"

/* Fields of libffm are numbers, and some below the highest no row may have. */
static void a_field_that_no_row_has_is_told(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    char path[PATH_SIZE];
    size_t size;
    assert_ok(run_kit_run(&world_real, FIELDS_SPEC("['0', '1']"), "gap", 1, &result, &err), &err);
    snprintf(path, sizeof path, "%.*s/gap/" RUNDIR_EVENTS, 3000, run_kit_root);
    char *events = test_read_file(path, &size);
    assert_non_null(strstr(events, "no row that was judged has a feature of field \\\"1\\\""));
    assert_null(strstr(events, "has a feature of field \\\"0\\\""));
    mem_free(events);
}

static void what_cannot_be_judged_says_so(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *field, *part;
    } cases[] = {
        {SPEC(", 'evaluate': {'slices': ['site', 'city']}"), "/evaluate/slices/1", "no field \"city\"; one of"},
        {SPEC(", 'evaluate': {'slices': ['site', 'user']}"), "/evaluate/slices/1",
         "\"user\" is the group of a row (dataset.group), so it is no feature"},
        {TAGS_SPEC("numeric", ", 'evaluate': {'slices': ['band', 'x']}"), "/evaluate/slices/1",
         "\"x\" is one number a row, so there are no values to slice by; give it type buckets(e1;e2;...) or quantile(n)"},
        {TAGS_SPEC("normalised", ", 'evaluate': {'slices': ['x']}"), "/evaluate/slices/0", "\"x\" is one number a row"},
        {RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr'}, 'evaluate': {'slices': ['1']}"), "/evaluate/slices/0",
         "no field \"1\"; rows of format libsvm have none"},
        {FIELDS_SPEC("['0', '4']"), "/evaluate/slices/1", "no field \"4\"; fields of format libffm are numbers, up to the highest of its rows"},
        {SPEC(", 'evaluate': {'bootstrap': 5}"), "/evaluate/bootstrap", "must be 0 (none) or >= 20, got 5"},
        {SPEC(", 'evaluate': {'slices': ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']}"), "/evaluate/slices", "at most 8 fields, got 9"},
        {RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr'}, 'calibration': {'kind': 'platt'}"), "/split/validation_fraction",
         "leaves no row to validate, but calibration"},
        {RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr'}, 'split': {'kind': 'kfold', 'validation_fraction': 0.1}, 'calibration': {'kind': 'platt'}, "
                               "'ensemble': {'kind': 'weight_average'}"),
         "/calibration/kind", "no fold's calibration"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run_result result;
        struct error err;
        char dir[32];
        snprintf(dir, sizeof dir, "bad%zu", i);
        assert_true(run_kit_run(&world_real, cases[i].spec, dir, 1, &result, &err) < 0);
        assert_error(&err, ERROR_INVALID, cases[i].part);
        assert_string_equal(err.field, cases[i].field);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(slices_are_those_of_the_scores),  cmocka_unit_test(every_value_of_a_row_counts),
    cmocka_unit_test(groups_are_those_of_the_data),    cmocka_unit_test(sides_are_judged_too),
    cmocka_unit_test(workers_leave_no_trace),          cmocka_unit_test(calibration_is_a_map_of_the_same_scores),
    cmocka_unit_test(a_field_that_no_row_has_is_told), cmocka_unit_test(what_cannot_be_judged_says_so)};

int main(int argc, char **argv)
{
    setup(NULL);
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
