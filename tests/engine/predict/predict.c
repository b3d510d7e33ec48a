/* test: threads */
/* The pipeline: the lines of a naive row by row scoring, whatever the pieces and workers; bad rows, failing writers, and a wish to stop. */
#include "engine/predict/predict.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "cli/registries.h"
#include "engine/core/scores.h"
#include "engine/data/format/feature.h"
#include "engine/data/format/formats.h"
#include "lib/checkpoint_kit.h"
#include "lib/test.h"
#include "lib/threads.h"
#include "lib/world_sim.h"

static const char spec[] =
    "{\"dataset\": {\"uri\": \"x\", \"format\": \"libsvm\"}, \"model\": {\"kind\": \"fm\", \"hash_bits\": 12, \"embedding_dim\": 4}, "
    "\"features\": {\"hash_seed\": 5}}";
enum { ROWS = 700 };

static struct world_sim sim;
static struct checkpoint_kit kit;
static struct predictor predictor;
static struct bytes text;

static void scene(void)
{
    struct error err = {0};
    world_sim_init(&sim);
    checkpoint_kit_open(&kit, spec);
    checkpoint_kit_write(&kit, &sim.world, "m");
    assert_ok(predictor_open(&predictor, &sim.world, "m", &registry_all, &err), &err);
    bytes_init(&text, 1 << 20);
    for (int r = 0; r < ROWS; r++) bytes_printf(&text, NULL, "%d %d:1 %d:0.%d%s\n", r % 3 == 0, r % 17, 20 + r % 41, 1 + r % 9, r % 5 ? "" : " 99:2");
    assert_ok(file_publish(&sim.world, "rows", text.data, text.size, &err), &err);
}

static void scene_close(void)
{
    bytes_close(&text);
    predictor_close(&predictor);
    checkpoint_kit_close(&kit);
    world_sim_close(&sim);
}

struct sink {
    struct bytes out;
    uint64_t fail_after; /* calls of write; 0: never */
    uint64_t calls;
    atomic_ullong scored, positives;
    bool stop;
};

static int take(void *context, const void *data, size_t size, struct error *err)
{
    struct sink *s = context;
    if (++s->calls == s->fail_after) return error_set(err, ERROR_NOSPACE, NULL, "the sink is full");
    return bytes_add(&s->out, data, size, err);
}

static int count(void *context, unsigned worker, const struct batch *rows, const float *logits, struct error *err)
{
    struct sink *s = context;
    (void)worker, (void)err, (void)logits;
    s->scored += rows->rows;
    for (size_t r = 0; r < rows->rows; r++) s->positives += rows->labels[r] == 1;
    return 0;
}

static bool asked(void *context) { return ((struct sink *)context)->stop; }

static int run(struct sink *s, unsigned workers, size_t chunk_bytes, int64_t max_bad_rows, struct reading_result *result, struct error *err)
{
    char *uris[] = {(char *)"rows"};
    struct parallel parallel = threads_parallel(workers);
    struct predict_config config = {.predictors = &predictor,
                                    .predictor_count = 1,
                                    .reading = {.uris = uris,
                                                .uri_count = 1,
                                                .parallel = workers == 1 ? &parallel_inline : &parallel,
                                                .progress = {.context = s, .cancelled = asked},
                                                .max_bad_rows = max_bad_rows,
                                                .chunk_bytes = chunk_bytes},
                                    .form = SCORES_LABEL,
                                    .scored = count,
                                    .write = take,
                                    .context = s};
    bytes_init(&s->out, 1 << 20);
    return predict_run(&config, result, err);
}

/* Where rows are judged, weights and groups come with them; else nobody reads them, and their columns need not be there. */
static int see_roles(void *context, unsigned worker, const struct batch *rows, const float *logits, struct error *err)
{
    (void)worker, (void)logits, (void)err;
    *(unsigned *)context |= (rows->weights ? 1U : 0) | (rows->groups ? 2U : 0) | (rows->times ? 4U : 0);
    return 0;
}

static int drop(void *context, const void *data, size_t size, struct error *err) { return (void)context, (void)data, (void)size, (void)err, 0; }

static void judged_rows_bring_weights_and_groups(void **state)
{
    (void)state;
    static const char csv[] = "{\"dataset\": {\"uri\": \"x\", \"format\": \"csv\", \"weight\": \"w\", \"group\": \"u\", \"time\": \"t\"}, \"model\": "
                              "{\"kind\": \"lr\", \"hash_bits\": 12}}";
    static const struct {
        const char *rows;
        bool judged;
        unsigned seen;
        const char *says;
    } cases[] = {
        {"label,a,w,u\n1,x,2,7\n", true, 3, NULL},
        {"label,a,w,u,t\n1,x,2,7,no time\n", true, 3, NULL},
        {"label,a\n1,x\n", false, 0, NULL},
        {"label,a,w\n1,x,none\n", false, 0, NULL},
        {"label,a,u\n1,x,7\n", true, 0, "no column \"w\""},
        {"label,a,w\n1,x,2\n", true, 0, "no column \"u\""},
    };
    struct error err = {0};
    world_sim_init(&sim);
    checkpoint_kit_open(&kit, csv);
    checkpoint_kit_write(&kit, &sim.world, "m");
    assert_ok(predictor_open(&predictor, &sim.world, "m", &registry_all, &err), &err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *uris[] = {(char *)"rows"};
        unsigned seen = 0;
        struct reading_result result;
        struct predict_config config = {.predictors = &predictor,
                                        .predictor_count = 1,
                                        .reading = {.uris = uris, .uri_count = 1, .parallel = &parallel_inline, .judged = cases[i].judged},
                                        .scored = see_roles,
                                        .write = drop,
                                        .context = &seen};
        err = (struct error){0};
        assert_ok(file_publish(&sim.world, "rows", cases[i].rows, strlen(cases[i].rows), &err), &err);
        int rc = predict_run(&config, &result, &err);
        if (cases[i].says) assert_error(&err, ERROR_DATA, cases[i].says);
        else assert_ok(rc, &err);
        assert_int_equal(seen, cases[i].seen);
        if (rc == 0) json_decref(result.extra_columns);
    }
    predictor_close(&predictor);
    checkpoint_kit_close(&kit);
    world_sim_close(&sim);
}

/* Each row by hand: parse its line alone, score it alone. */
static void naive(struct bytes *want)
{
    const struct format_context context = {.hash_seed = 5};
    struct error err = {0};
    struct scorer scorer = {0};
    struct parsed parsed = {0};
    void *state = format_libsvm.prepare(NULL, &context, &err);
    bytes_init(&parsed.marks, 1 << 20), bytes_init(&parsed.text, 1 << 20), bytes_init(want, 1 << 20);
    assert_ok(bytes_add_text(want, scores_headers[SCORES_LABEL], &err), &err);
    const char *at = bytes_text(&text);
    for (uint64_t r = 0; *at; r++) {
        static char line[512];
        char out[SCORES_LINE_MAX];
        size_t size = strcspn(at, "\n") + 1;
        memset(line, 0, sizeof line);
        memcpy(line, at, size);
        struct chunk chunk = {.text = line, .size = size, .line_bytes_max = 300};
        assert_ok(format_libsvm.parse(state, &chunk, &parsed, &err), &err);
        assert_int_equal(parsed.rows.count, 1);
        uint32_t offsets[2] = {0, parsed.rows.ends[0]};
        struct batch b = {.rows = 1, .features = offsets[1], .offsets = offsets, .keys = parsed.rows.keys, .values = parsed.rows.values};
        assert_ok(predictor_score(&predictor, &scorer, &b, &err), &err);
        size_t written = scores_line(out, &(struct scores_style){SCORES_LABEL, &loss_logistic, 1}, r, parsed.rows.labels[0], scorer.logits.data);
        assert_ok(bytes_add(want, out, written, &err), &err);
        at += size;
    }
    format_libsvm.release(state);
    scorer_close(&scorer);
    rows_close(&parsed.rows);
    bytes_close(&parsed.marks), bytes_close(&parsed.text);
}

static void lines_are_those_of_each_row_alone(void **state)
{
    (void)state;
    static const size_t chunks[] = {1, 50, 333, 0};
    struct bytes want;
    scene();
    naive(&want);
    for (unsigned i = 0; i < 4 * 4; i++) {
        struct sink s = {.calls = 0};
        struct reading_result result;
        struct error err = {0};
        assert_ok(run(&s, 1 + i % 4, chunks[i / 4], 0, &result, &err), &err);
        assert_string_equal(bytes_text(&s.out), bytes_text(&want));
        assert_int_equal(result.rows, ROWS);
        assert_int_equal(result.bad_rows, 0);
        assert_int_equal(result.text_bytes, text.size);
        assert_int_equal(s.scored, ROWS);
        assert_int_equal(s.positives, (ROWS + 2) / 3);
        bytes_close(&s.out);
    }
    bytes_close(&want);
    scene_close();
}

static void bad_rows_are_refused_or_skipped(void **state)
{
    (void)state;
    struct bytes want;
    scene();
    naive(&want);
    bytes_clear(&text);
    bytes_printf(&text, NULL, "1 3:1 20:0.1 99:2\n0 x\n0 1:1 21:0.2\nno row\n"); /* rows 0 and 1 of before are now around a bad one */
    struct error err = {0};
    assert_ok(file_publish(&sim.world, "rows", text.data, text.size, &err), &err);
    for (unsigned workers = 1; workers <= 3; workers++) {
        struct sink s = {.calls = 0};
        struct reading_result result;
        error_clear(&err);
        assert_int_equal(run(&s, workers, 1, 0, &result, &err), -ERROR_DATA);
        assert_error(&err, ERROR_DATA, "rows:2: ");
        assert_error(&err, ERROR_DATA, "--max-bad-rows");
        bytes_close(&s.out);
        error_clear(&err);
        assert_int_equal(run(&s, workers, 1, 1, &result, &err), -ERROR_DATA);
        assert_error(&err, ERROR_DATA, "more than 1 bad row (--max-bad-rows)");
        bytes_close(&s.out);
        error_clear(&err);
        assert_ok(run(&s, workers, 1, 2, &result, &err), &err);
        assert_int_equal(result.rows, 2);
        assert_int_equal(result.bad_rows, 2);
        assert_non_null(strstr(result.first_bad, "rows:2: "));
        assert_non_null(strstr(bytes_text(&s.out), "\n0\t1\t"));
        assert_non_null(strstr(bytes_text(&s.out), "\n1\t0\t")); /* the next good row has the next number */
        bytes_close(&s.out);
    }
    bytes_close(&want);
    scene_close();
}

static void failures_end_it(void **state)
{
    (void)state;
    scene();
    for (unsigned workers = 1; workers <= 3; workers++) {
        struct reading_result result;
        for (uint64_t at = 1; at < 4; at++) {
            struct error err = {0};
            struct sink s = {.fail_after = at};
            assert_int_equal(run(&s, workers, 50, 0, &result, &err), -ERROR_NOSPACE);
            assert_int_equal(s.calls, at); /* nothing is written after a failure */
            bytes_close(&s.out);
        }
        struct error err = {0};
        struct sink s = {.stop = true};
        assert_int_equal(run(&s, workers, 50, 0, &result, &err), -ERROR_STOPPED);
        bytes_close(&s.out);
    }
    scene_close();
}

/* Rows that another format reads have other keys: scores of these would mean nothing. */
static void another_format_must_make_the_same_keys(void **state)
{
    (void)state;
    char *uris[] = {(char *)"rows"};
    struct sink s = {.calls = 0};
    struct predict_config config = {.predictors = &predictor,
                                    .predictor_count = 1,
                                    .reading = {.uris = uris, .uri_count = 1, .format = &format_libffm.kind, .parallel = &parallel_inline},
                                    .form = SCORES_LABEL,
                                    .write = take,
                                    .context = &s};
    struct reading_result result;
    struct error err = {0};
    scene();
    bytes_init(&s.out, 1 << 20);
    assert_int_equal(predict_run(&config, &result, &err), -ERROR_INVALID);
    assert_error(&err, ERROR_INVALID, "--format: not as m was trained: dataset.format was libsvm and is libffm now");
    config.reading.format = &format_libsvm.kind;
    memset(&err, 0, sizeof err);
    assert_ok(predict_run(&config, &result, &err), &err);
    assert_int_equal(result.rows, ROWS);
    bytes_close(&s.out);
    scene_close();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(judged_rows_bring_weights_and_groups), cmocka_unit_test(another_format_must_make_the_same_keys),
    cmocka_unit_test(lines_are_those_of_each_row_alone), cmocka_unit_test(bad_rows_are_refused_or_skipped), cmocka_unit_test(failures_end_it)};
TEST_MAIN(tests)
