/* What every split must hold, in a loop over the table: each row on one side, sizes as asked, sides that are a function of the row and not of how the
 * rows come, groups that stay together, folds that test each row once, and choices that never change from version to version. */
#include "engine/data/split/splits.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "lib/test.h"

enum { ROWS = 50021, GROUPS = 3001 };

/* A log: a quarter positive, groups of very different sizes, times that mostly grow. */
static struct log {
    float labels[ROWS];
    uint64_t groups[ROWS];
    int64_t times[ROWS];
    uint64_t positives;
} rows_log;

static void set_up(void)
{
    for (uint64_t i = 0; i < ROWS; i++) {
        struct rng rng = rng_at(5, RNG_TEST, 0, i);
        double u = rng_unit(&rng);
        rows_log.labels[i] = rng_unit(&rng) < 0.25;
        rows_log.groups[i] = hash_mix((uint64_t)(u * u * GROUPS)); /* small numbers are frequent */
        rows_log.times[i] = (int64_t)(i * 10 + rng_below(&rng, 100));
        rows_log.positives += rows_log.labels[i] > 0;
    }
}

/* A kind under some options, and what is known of its sides. shares[side] < 0: not said. */
enum {
    EXACT = 1,   /* sizes to within a row or two, else five sigma */
    ORDINAL = 2, /* the order of the files matters */
};
static const struct example {
    const char *kind, *options;
    uint64_t golden; /* hash64 of the sides (of fold 0) of all rows */
    unsigned how;
    double shares[SIDES];
} examples[] = {
    {"none", "{}", 0x8dcde0532c33b46a, EXACT, {1, 0, 0, 0}},
    {"holdout", "{\"test_fraction\": 0.2, \"validation_fraction\": 0.1}", 0x9e27e3d9bb82ccba, ORDINAL, {0.7, 0.1, 0.2, 0}},
    {"stratified", "{\"test_fraction\": 0.2, \"validation_fraction\": 0.1}", 0xac10e6f368d97432, EXACT | ORDINAL, {0.7, 0.1, 0.2, 0}},
    {"stratified", "{\"test_fraction\": 0.003, \"seed\": 8}", 0x9414460e36df34ce, EXACT | ORDINAL, {0.997, 0, 0.003, 0}},
    {"kfold", "{\"k\": 4, \"validation_fraction\": 0.1}", 0x978d912b5037ae91, ORDINAL, {0.675, 0.075, 0.25, 0}},
    {"kfold", "{\"k\": 3, \"test_fraction\": 0.1, \"seed\": 1}", 0xfe2a0a90c8fb0f6a, ORDINAL, {0.6, 0, 0.3, 0.1}},
    {"kfold",
     "{\"k\": 4, \"by\": \"label\", \"validation_fraction\": 0.2, \"test_fraction\": 0.2}",
     0x0a513529191f214a,
     EXACT | ORDINAL,
     {0.48, 0.12, 0.2, 0.2}},
    {"kfold", "{\"k\": 5, \"by\": \"group\", \"validation_fraction\": 0.1}", 0x806169cbe336b0fe, 0, {-1, -1, -1, 0}},
    {"round_robin", "{\"k\": 7, \"test_side\": 6, \"validation_side\": 0}", 0x13ec1194c286605b, EXACT | ORDINAL, {5. / 7, 1. / 7, 1. / 7, 0}},
    {"sequential",
     "{\"validation_from\": 30000, \"test_from\": 40000}",
     0xc15f8d1bab7b32a7,
     EXACT | ORDINAL,
     {30000. / ROWS, 10000. / ROWS, 10021. / ROWS, 0}},
    {"sequential", "{\"validation_fraction\": 0.1, \"test_fraction\": 0.25}", 0xf3f8d657b9fac7e0, EXACT | ORDINAL, {0.65, 0.1, 0.25, 0}},
    {"sequential", "{\"validation_fraction\": 0.1}", 0x5ef667d29bbb1650, EXACT | ORDINAL, {0.9, 0.1, 0, 0}},
    {"group", "{\"test_fraction\": 0.2, \"validation_fraction\": 0.1, \"column\": \"user\"}", 0x21e953e428f397ba, 0, {-1, -1, -1, 0}},
    {"time", "{\"validation_from\": 300000, \"test_from\": \"400100\", \"gap\": 10000}", 0x783cd48d81206062, 0, {-1, -1, -1, -1}},
    {"time", "{\"test_from\": \"1970-01-05T00:00:00Z\", \"column\": \"when\"}", 0xb1786607f290c917, 0, {-1, 0, -1, 0}},
    {"predefined", "{}", 0x9f13e2cd16b0f1a6, EXACT | ORDINAL, {30000. / ROWS, 15000. / ROWS, 5021. / ROWS, 0}},
};
enum { EXAMPLES = sizeof examples / sizeof *examples };

struct cut { /* an example, ready to use */
    const struct example *example;
    void *params;
    struct splitter splitter;
};

static struct cut cut_of(const struct example *example)
{
    const struct kind *kind = kind_find((const struct kind *const *)splits, example->kind);
    struct faults *faults = mem_zero(sizeof *faults, NULL);
    struct error err = {0};
    assert_non_null(kind);
    struct cut cut = {.example = example, .params = mem_zero(kind->params_size + 1, NULL)};
    json_t *json = json_read(example->options, strlen(example->options), "options", &err);
    assert_non_null(json);
    options_read(&(struct option_set){kind->options, cut.params}, 1, json, "/split", NULL, faults);
    assert_int_equal(faults->count, 0);
    mem_free(faults);
    json_decref(json);
    cut.splitter = (struct splitter){.split = (const struct split *)kind,
                                     .params = cut.params,
                                     .context = {.rows = ROWS, .positives = rows_log.positives, .validation_from = 30000, .test_from = 45000}};
    if (cut.splitter.split->check) assert_ok(cut.splitter.split->check(cut.params, &cut.splitter.context, &err), &err);
    return cut;
}

/* Sides of all rows, which come in pieces of at most `piece` rows. */
static void cut_sides(const struct cut *cut, const struct log *log, size_t piece, uint8_t *sides)
{
    uint64_t positives = 0;
    unsigned needs = splitter_needs(&cut->splitter);
    memset(sides, 0xee, ROWS);
    for (size_t first = 0, n; first < ROWS; first += n) {
        n = piece > ROWS - first ? ROWS - first : piece;
        struct split_rows rows = {.first = first,
                                  .count = n,
                                  .positives_before = needs & SPLIT_LABELS ? positives : 0,
                                  .labels = needs & SPLIT_LABELS ? log->labels + first : NULL,
                                  .groups = needs & SPLIT_GROUPS ? log->groups + first : NULL,
                                  .times = needs & SPLIT_TIMES ? log->times + first : NULL};
        splitter_sides(&cut->splitter, &rows, sides + first);
        for (size_t i = 0; i < n; i++) positives += log->labels[first + i] > 0;
    }
}

/* The one fault of the example's options; pointer NULL: there is none. */
static void check_faults(const struct example *example, const char *pointer, const char *part)
{
    struct cut cut = cut_of(example);
    struct faults *faults = mem_zero(sizeof *faults, NULL);
    if (cut.splitter.split->faults) cut.splitter.split->faults(cut.params, faults);
    assert_int_equal(faults->count, pointer ? 1 : 0);
    if (pointer) assert_string_equal(faults->list[0].pointer, pointer);
    if (pointer && !strstr(faults->list[0].detail, part)) fail_msg("%s is not in: %s", part, faults->list[0].detail);
    mem_free(faults);
    mem_free(cut.params);
}

/* Options that contradict each other are told at once, by the spec's reader. */
static void contradictions_are_faults(void **state)
{
    (void)state;
    static const struct {
        struct example example;
        const char *pointer, *part;
    } rows[] = {
        {{.kind = "sequential", .options = "{\"test_from\": 10, \"test_fraction\": 0.1}"},
         "/split/test_fraction",
         "cannot stand beside split.test_from"},
        {{.kind = "sequential", .options = "{\"test_from\": 10, \"validation_fraction\": 0.1}"}, "/split/validation_fraction", "cannot stand beside"},
        {{.kind = "sequential", .options = "{\"test_from\": 10, \"validation_from\": 10}"},
         "/split/validation_from",
         "must be < split.test_from (10), got 10"},
        {{.kind = "round_robin", .options = "{\"k\": 5, \"test_side\": 5}"}, "/split/test_side", "must be < split.k (5), got 5"},
        {{.kind = "round_robin", .options = "{\"k\": 5, \"validation_side\": 7}"}, "/split/validation_side", "must be < split.k (5), got 7"},
        {{.kind = "time", .options = "{\"test_from\": \"soon\"}"}, "/split/test_from", "is not a time"},
        {{.kind = "time", .options = "{\"test_from\": \"2026-02-30\"}"}, "/split/test_from", "got \"2026-02-30\""},
        {{.kind = "time", .options = "{}"}, "/split/test_from", "is missing"},
        {{.kind = "time", .options = "{\"test_from\": \"2026-01-01\", \"validation_from\": \"2026-01-01\"}"},
         "/split/validation_from",
         "must be earlier"},
        {{.kind = "round_robin", .options = "{\"validation_side\": 0}"}, "/split/validation_side", "must differ from split.test_side (0)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) check_faults(&rows[i].example, rows[i].pointer, rows[i].part);
    for (size_t i = 0; i < EXAMPLES; i++) check_faults(&examples[i], NULL, NULL);
}

static uint8_t sides[ROWS], others[ROWS];

static void every_kind_is_tested(void **state)
{
    (void)state;
    for (const struct split *const *split = splits; *split; split++) {
        size_t found = 0;
        for (size_t i = 0; i < EXAMPLES; i++) found += strcmp(examples[i].kind, (*split)->kind.name) == 0;
        if (found == 0) fail_msg("split %s has no example", (*split)->kind.name);
    }
}

/* Of each class, where the split promises that. */
static void check_sizes(const struct cut *cut, int label)
{
    double counts[SIDES] = {0}, n = 0;
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(sides[i] < SIDES);
        if (label >= 0 && rows_log.labels[i] != (float)label) continue;
        counts[sides[i]]++, n++;
    }
    for (int side = 0; side < SIDES; side++) {
        double f = cut->example->shares[side], slack = cut->example->how & EXACT ? 2 : 5 * sqrt(f * (1 - f) * n);
        if (f >= 0) assert_close(counts[side], f * n, 0, slack);
    }
}

static void sizes_are_as_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXAMPLES; i++) {
        struct cut cut = cut_of(&examples[i]);
        bool classes = splitter_needs(&cut.splitter) & SPLIT_LABELS;
        for (unsigned f = 0; f < splitter_folds(&cut.splitter); f++) {
            cut.splitter.context.fold = f;
            cut_sides(&cut, &rows_log, 8192, sides);
            check_sizes(&cut, -1);
            for (int label = 0; classes && label < 2; label++) check_sizes(&cut, label);
        }
        mem_free(cut.params);
    }
}

static void pieces_do_not_matter(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 7, 1000, 8192, 8193};
    for (size_t i = 0; i < EXAMPLES; i++) {
        struct cut cut = cut_of(&examples[i]);
        cut_sides(&cut, &rows_log, ROWS, sides);
        for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
            cut_sides(&cut, &rows_log, pieces[p], others);
            assert_memory_equal(sides, others, ROWS);
        }
        mem_free(cut.params);
    }
}

/* The same rows in the order of another list of files: sides that hang on what a row says move with it; the others change, which its file says. */
static void order_matters_only_where_said(void **state)
{
    static struct log turned;
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        size_t from = (i + 12345) % ROWS;
        turned.labels[i] = rows_log.labels[from], turned.groups[i] = rows_log.groups[from], turned.times[i] = rows_log.times[from];
    }
    for (size_t i = 0; i < EXAMPLES; i++) {
        struct cut cut = cut_of(&examples[i]);
        size_t moved = 0;
        cut_sides(&cut, &rows_log, 8192, sides);
        cut_sides(&cut, &turned, 8192, others);
        for (size_t r = 0; r < ROWS; r++) moved += others[r] != sides[(r + 12345) % ROWS];
        if (examples[i].how & ORDINAL) assert_true(moved > 0);
        else assert_int_equal(moved, 0);
        mem_free(cut.params);
    }
}

static void groups_stay_together(void **state)
{
    (void)state;
    static uint8_t side_of[GROUPS + 1];
    for (size_t i = 0; i < EXAMPLES; i++) {
        struct cut cut = cut_of(&examples[i]);
        size_t seen[SIDES] = {0};
        memset(side_of, 0xff, sizeof side_of);
        if (splitter_needs(&cut.splitter) & SPLIT_GROUPS) {
            cut_sides(&cut, &rows_log, 8192, sides);
            for (size_t r = 0; r < ROWS; r++) {
                struct rng rng = rng_at(5, RNG_TEST, 0, r);
                double u = rng_unit(&rng);
                uint8_t *known = &side_of[(size_t)(u * u * GROUPS)];
                if (*known == 0xff) *known = sides[r], seen[sides[r]]++;
                assert_int_equal(*known, sides[r]);
            }
            assert_true(seen[SIDE_TEST] > GROUPS / 20 && seen[SIDE_TRAIN] > GROUPS / 2);
        }
        mem_free(cut.params);
    }
}

/* Each bound is the first moment of its side; the gaps before them are on none, and the ends of time do not overflow. */
static void times_fall_where_the_bounds_say(void **state)
{
    (void)state;
    const struct example example = {.kind = "time",
                                    .options = "{\"validation_from\": \"1970-01-01T01:00:00Z\", \"test_from\": \"7200\", \"gap\": 60}"};
    static const struct {
        int64_t time;
        enum split_side side;
    } rows[] = {{INT64_MIN, SIDE_TRAIN}, {0, SIDE_TRAIN},   {3539, SIDE_TRAIN}, {3540, SIDE_NONE}, {3599, SIDE_NONE},     {3600, SIDE_VALIDATION},
                {7139, SIDE_VALIDATION}, {7140, SIDE_NONE}, {7199, SIDE_NONE},  {7200, SIDE_TEST}, {INT64_MAX, SIDE_TEST}};
    struct cut cut = cut_of(&example);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t side = 99;
        splitter_sides(&cut.splitter, &(struct split_rows){.first = i, .count = 1, .times = &rows[i].time}, &side);
        assert_int_equal(side, rows[i].side);
    }
    mem_free(cut.params);
}

/* Over the folds each row tests once, or is held back from all; the view of the whole tests what was held back. */
static void folds_test_each_row_once(void **state)
{
    (void)state;
    static uint8_t tests_of[ROWS], held[ROWS];
    size_t tried = 0;
    for (size_t i = 0; i < EXAMPLES; i++) {
        struct cut cut = cut_of(&examples[i]);
        unsigned folds = splitter_folds(&cut.splitter);
        memset(tests_of, 0, sizeof tests_of);
        memset(held, 0, sizeof held);
        for (unsigned f = 0; folds > 1 && f <= folds; f++) {
            cut.splitter.context.fold = f;
            cut_sides(&cut, &rows_log, 8192, sides);
            for (size_t r = 0; r < ROWS; r++) {
                if (f < folds) tests_of[r] += sides[r] == SIDE_TEST, held[r] += sides[r] == SIDE_NONE;
                else assert_int_equal(sides[r], held[r] ? SIDE_TEST : SIDE_TRAIN);
            }
        }
        for (size_t r = 0; folds > 1 && r < ROWS; r++) {
            assert_int_equal(tests_of[r], held[r] ? 0 : 1);
            assert_true(held[r] == 0 || held[r] == folds);
        }
        tried += folds > 1;
        mem_free(cut.params);
    }
    assert_true(tried >= 4);
}

/* The choices are part of every published result: these hashes never change. */
static void choices_never_change(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < EXAMPLES; i++) {
        struct cut cut = cut_of(&examples[i]);
        cut_sides(&cut, &rows_log, 8192, sides);
        uint64_t got = hash64(sides, ROWS, 0);
        if (got != examples[i].golden) {
            print_message("%s %s: 0x%016llx, not 0x%016llx\n", examples[i].kind, examples[i].options, (unsigned long long)got,
                          (unsigned long long)examples[i].golden);
            wrong++;
        }
        mem_free(cut.params);
    }
    assert_int_equal(wrong, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_kind_is_tested),
    cmocka_unit_test(sizes_are_as_asked),
    cmocka_unit_test(pieces_do_not_matter),
    cmocka_unit_test(order_matters_only_where_said),
    cmocka_unit_test(groups_stay_together),
    cmocka_unit_test(folds_test_each_row_once),
    cmocka_unit_test(times_fall_where_the_bounds_say),
    cmocka_unit_test(choices_never_change),
    cmocka_unit_test(contradictions_are_faults),
};
int main(int argc, char **argv)
{
    set_up();
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
