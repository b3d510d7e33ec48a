/* test: threads */
/* Crosses where fields are numbers of the text: they are fields like any others, behind the highest of the data, for every family, and alike in
 * training, in a resumed run and in prediction. The label is the exclusive or of two fields, which a cross gives even to a linear model. */
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "cli/registries.h"
#include "contract/rundir.h"
#include "engine/core/scores.h"
#include "engine/predict/predict.h"
#include "lib/job_kit.h"
#include "lib/run_kit.h"

static struct job_kit kit = {.world = &world_real, .workers = 2};
static char data[PATH_SIZE];

/* Fields 0, 1 and 4, the last one not in every row, and first in some. */
static void setup(void)
{
    char text[1 << 14] = "";
    size_t n = 0;
    test_dir(run_kit_root);
    kit.root = run_kit_root;
    for (unsigned r = 0; r < 400; r++) {
        struct rng rng = rng_at(5, RNG_TEST, 0, r);
        unsigned a = (unsigned)rng_below(&rng, 4), b = (unsigned)rng_below(&rng, 4), c = (unsigned)rng_below(&rng, 3);
        n += (size_t)snprintf(text + n, sizeof text - n, "%u", (a ^ b) & 1);
        if (c == 1) n += (size_t)snprintf(text + n, sizeof text - n, " 4:%u:0.5", r % 7);
        n += (size_t)snprintf(text + n, sizeof text - n, " 0:%u:1 1:%u:1", a, 10 + b);
        if (c == 2) n += (size_t)snprintf(text + n, sizeof text - n, " 4:%u:0.25", r % 5);
        text[n++] = '\n';
    }
    assert_ok(path_join(data, run_kit_root, "pairs.ffm", NULL), NULL);
    test_write_file(data, text, n);
}

#define SPEC(model, more) \
    "{'dataset': {'uri': '%s/pairs.ffm', 'format': 'libffm'}, 'features': {'crosses': [['0', '1'], ['1', '4']]" more "}, " \
    "'split': {'kind': 'holdout', 'test_fraction': 0.5}, 'evaluate': {'scores': true}, 'checkpoint': {'every_steps': 3}, " \
    "'model': {'hash_bits': 10, 'kind': " model "}, 'optimizer': {'lr': 0.05}, 'train': {'batch_size': 32, 'epochs': 20}}"
#define DEEP ", 'embedding_dim': 4, 'hidden': [8]"

static const char *const specs[] = {SPEC("'lr'", ""),
                                    SPEC("'ffm', 'embedding_dim': 2", ", 'min_count': 2"),
                                    SPEC("'fwfm', 'embedding_dim': 2", ""),
                                    SPEC("'mlp'" DEEP, ""),
                                    SPEC("'deepfm'" DEEP, ""),
                                    SPEC("'wide_deep'" DEEP, ""),
                                    SPEC("'dcn_v2'" DEEP, ""),
                                    SPEC("'dlrm'" DEEP, "")};
enum { SPECS = sizeof specs / sizeof *specs };

static int take(void *context, const void *bytes, size_t size, struct error *err) { return bytes_add(context, bytes, size, err); }

/* Every line of scores.tsv is one of those that predict makes of the text. */
static void scores_compare(const char *dir, const char *model)
{
    struct predictor predictor;
    struct reading_result result;
    struct bytes lines;
    struct error err = {0};
    char path[PATH_SIZE], *uris[] = {data};
    size_t size, compared = 0;
    bytes_init(&lines, 1 << 20);
    assert_ok(predictor_open(&predictor, &world_real, model, &registry_all, &err), &err);
    assert_int_equal(predictor.use.shape.fields, 7); /* 0 to 4, and two crosses */
    const struct predict_config config = {.predictors = &predictor,
                                          .predictor_count = 1,
                                          .reading = {.uris = uris, .uri_count = 1, .parallel = &parallel_inline},
                                          .form = SCORES_LABEL,
                                          .write = take,
                                          .context = &lines};
    assert_ok(predict_run(&config, &result, &err), &err);
    assert_int_equal(result.rows, 400);
    snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_SCORES, 3000, run_kit_root, dir);
    char *scores = test_read_file(path, &size);
    for (char *line = strchr(scores, '\n'), *end; line[1]; line = end, compared++) {
        char wanted[128];
        end = strchr(line + 1, '\n');
        assert_in_range(end - line, 1, sizeof wanted - 2);
        snprintf(wanted, sizeof wanted, "%.*s\n", (int)(end - line), line);
        assert_non_null(strstr(bytes_text(&lines), wanted));
    }
    assert_in_range(compared, 150, 250);
    mem_free(scores);
    bytes_close(&lines);
    predictor_close(&predictor);
}

static void crosses_are_fields_to_every_family(void **state)
{
    (void)state;
    for (size_t s = 0; s < SPECS; s++) {
        struct run_result result;
        struct error err;
        char dir[32];
        snprintf(dir, sizeof dir, "family-%zu", s);
        assert_ok(job_kit_run(&kit, specs[s], dir, &result, &err), &err);
        assert_true(run_kit_metric(dir, "auc") > 0.95);
        scores_compare(dir, result.final_path);
    }
}

static void the_bits_are_the_same(void **state)
{
    (void)state;
    job_kit_same_bits(&kit, specs[1], "bits-1");
    job_kit_same_bits(&kit, specs[4], "bits-4");
}

/* What reads fields by their numbers goes on only from the same crosses, whose numbers are the last ones. */
static void other_crosses_are_other_fields(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    assert_ok(job_kit_run(&kit, SPEC("'deepfm'" DEEP, ""), "parent", &result, &err), &err);
    assert_true(job_kit_run(&kit,
                            "{'dataset': {'uri': '%1$s/pairs.ffm', 'format': 'libffm'}, 'features': {'crosses': [['0', '4'], ['1', '4']]}, "
                            "'model': {'hash_bits': 10, 'kind': 'deepfm'" DEEP "}, "
                            "'warm_start': {'checkpoint': '%1$s/parent/final.safetensors'}}",
                            "child", &result, &err) < 0);
    assert_error(&err, ERROR_INVALID, "features.crosses were [[\"0\"");
    assert_string_equal(err.field, "/features/crosses");
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(crosses_are_fields_to_every_family), cmocka_unit_test(the_bits_are_the_same),
                                          cmocka_unit_test(other_crosses_are_other_fields)};

int main(int argc, char **argv)
{
    setup();
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
