/* test: threads */
/* Export against the parameters themselves: each key once, in order of first appearance, whatever the pieces and workers; odd texts; limits. */
#include "engine/predict/export.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/registries.h"
#include "engine/data/format/feature.h"
#include "lib/checkpoint_kit.h"
#include "lib/test.h"
#include "lib/threads.h"
#include "lib/world_sim.h"

static const char spec[] = "{\"dataset\": {\"uri\": \"x\", \"format\": \"csv\", \"label\": \"y\", \"schema\": \"n:numeric\"}, "
                           "\"model\": {\"kind\": \"fm\", \"hash_bits\": 10, \"embedding_dim\": 3}, \"features\": {\"hash_seed\": 5}}";

static struct world_sim sim;
static struct checkpoint_kit kit;
static struct predictor predictor;

static void scene_of(const char *recipe, const char *text)
{
    struct error err = {0};
    world_sim_init(&sim);
    checkpoint_kit_open(&kit, recipe);
    checkpoint_kit_write(&kit, &sim.world, "m");
    assert_ok(predictor_open(&predictor, &sim.world, "m", &registry_all, &err), &err);
    assert_ok(file_publish(&sim.world, "rows", text, strlen(text), &err), &err);
}

static void scene(const char *text) { scene_of(spec, text); }

static void scene_close(void)
{
    predictor_close(&predictor);
    checkpoint_kit_close(&kit);
    world_sim_close(&sim);
}

static int take(void *context, const void *data, size_t size, struct error *err) { return bytes_add(context, data, size, err); }

static int run(struct bytes *out, unsigned workers, size_t chunk_bytes, uint64_t values_max, struct export_result *result, struct error *err)
{
    char *uris[] = {(char *)"rows"};
    struct parallel parallel = threads_parallel(workers);
    struct export_config config = {.predictor = &predictor,
                                   .reading = {.uris = uris, .uri_count = 1, .parallel = &parallel, .chunk_bytes = chunk_bytes},
                                   .values_max = values_max,
                                   .write = take,
                                   .context = out};
    bytes_init(out, 1 << 20);
    return export_run(&config, result, err);
}

/* The line that a value of a column must have. */
static void line_of(struct bytes *out, const char *column, const char *value, const char *shown, bool numeric)
{
    const char *hashed = numeric ? "" : value;
    float row[3];
    uint32_t key = feature_key(hashed, strlen(hashed), feature_seed(column, 5)), slot = key >> 22;
    bytes_printf(out, NULL, "%s\t%s", column, shown);
    param_gather(&kit.params, 1, &slot, 1, row);
    bytes_printf(out, NULL, "\t%.9g", (double)row[0]);
    param_gather(&kit.params, 2, &slot, 1, row);
    bytes_printf(out, NULL, "\t%.9g\t%.9g\t%.9g\t%u\t%d\n", (double)row[0], (double)row[1], (double)row[2], slot, params_live(&kit.params, slot));
}

static void lines_are_the_parameters(void **state)
{
    (void)state;
    static const char text[] = "y,a,b,n\n1,red,x,0.5\n0,blue,x,0.5\n1,red,\"a\tb\\\nc\",7\n0,red,\x01,7\n1,x,\"\",7\n";
    static const size_t chunks[] = {1, 20, 1 << 16};
    struct bytes want, got;
    struct export_result result;
    scene(text);
    for (int i = 0; i < 9; i++) {
        struct error err = {0};
        assert_ok(run(&got, 1 + (unsigned)i % 3, chunks[i / 3], 0, &result, &err), &err);
        assert_int_equal(result.read.rows, 5);
        if (i == 0) want = got; /* compared with the parameters below, and with the others here */
        else {
            assert_string_equal(bytes_text(&got), bytes_text(&want));
            bytes_close(&got);
        }
    }
    bytes_init(&got, 1 << 20);
    bytes_printf(&got, NULL, "field\tvalue\tlinear\tembedding.1\tembedding.2\tembedding.3\tslot\ttrained\n");
    line_of(&got, "a", "red", "red", false);
    line_of(&got, "b", "x", "x", false);
    const char *third = strstr(bytes_text(&want), "n\t(any number)\t"); /* one row of the tables for all numbers of a column */
    assert_non_null(third);
    assert_memory_equal(bytes_text(&want), bytes_text(&got), got.size);
    assert_ptr_equal(third, bytes_text(&want) + got.size);
    bytes_clear(&got);
    line_of(&got, "a", "blue", "blue", false);
    line_of(&got, "b", "a\tb\\\nc", "a\\tb\\\\\\nc", false);
    line_of(&got, "b", "\x01", "\\x01", false);
    line_of(&got, "a", "x", "x", false); /* the same text in another column is another value */
    line_of(&got, "b", "", "", false);
    const char *rest = third + strcspn(third, "\n") + 1;
    assert_string_equal(rest, bytes_text(&got));
    assert_int_equal(result.values, 8);
    bytes_close(&got);
    bytes_close(&want);
    scene_close();
}

/* Columns of classes have the names that predict's scores have. */
static void classes_have_one_name(void **state)
{
    (void)state;
    static const char classes[] =
        "{\"dataset\": {\"uri\": \"x\", \"format\": \"csv\", \"label\": \"y\"}, \"model\": {\"kind\": \"softmax\", \"classes\": 3, "
        "\"hash_bits\": 10}}";
    struct bytes got;
    struct export_result result;
    struct error err = {0};
    scene_of(classes, "y,a\n1,red\n2,blue\n");
    assert_ok(run(&got, 1, 100, 0, &result, &err), &err);
    const char head[] = "field\tvalue\tlinear.p0\tlinear.p1\tlinear.p2\tslot\ttrained\n";
    assert_memory_equal(got.data, head, sizeof head - 1);
    bytes_close(&got);
    scene_close();
}

static void limits_and_bad_rows(void **state)
{
    (void)state;
    struct bytes got;
    struct export_result result;
    struct error err = {0};
    scene("y,a,b,n\n1,red,x,0.5\n0,blue,y,0.5\n");
    assert_ok(run(&got, 2, 1, 5, &result, &err), &err);
    bytes_close(&got);
    assert_int_equal(run(&got, 2, 1, 4, &result, &err), -ERROR_TOOLARGE);
    assert_error(&err, ERROR_TOOLARGE, "more than 4 different values");
    bytes_close(&got);
    scene_close();
    error_clear(&err);
    scene("y,a,b,n\n1,red,x,0.5\n0,blue,y,many\n");
    assert_int_equal(run(&got, 2, 1, 0, &result, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "rows:3: ");
    bytes_close(&got);
    scene_close();
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(lines_are_the_parameters), cmocka_unit_test(classes_have_one_name),
                                          cmocka_unit_test(limits_and_bad_rows)};
TEST_MAIN(tests)
