/* test: threads */
/* What is fitted on the training side: exactly its rows count, whatever validation and test rows hold; the bits are those of the specification for
 * every number of workers and across stops. Each comparison is made with all rows, too, which is what a leak would give: there it must fail. */
#include "lib/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "engine/core/admission.h"
#include "engine/data/split/sides.h"
#include "engine/data/split/splits.h"
#include "lib/data_kit.h"
#include "lib/job_kit.h"

enum { ROWS = 20000, BITS = 14, MIN_COUNT = 4 };

static char root[PATH_SIZE];
static struct job_kit kit = {.root = root, .world = &world_real, .workers = 2};

/* The options of the hold-out split in the specifications below. */
static const struct {
    double test_fraction, validation_fraction;
    int64_t seed;
} holdout = {0.3, 0.2, 7};
#define SPLIT "'split': {'kind': 'holdout', 'test_fraction': 0.3, 'validation_fraction': 0.2, 'seed': 7}"

/* Numbers of the table below: rows outside the training side carry values a thousand times as large, so a leak moves every statistic. NaN: missing.
 */
static float numbers[2][ROWS];

static void sides_of_rows(uint8_t sides[ROWS])
{
    const struct split_context context = {.rows = ROWS, .validation_from = ROWS, .test_from = ROWS};
    split_holdout.sides(&holdout, &context, &(struct split_rows){.count = ROWS}, sides);
}

/* A table: label, price (long-tailed, every tenth one missing), age (few values, negative ones among them), kind. */
static void write_table(void)
{
    struct bytes text;
    char path[PATH_SIZE], cell[2][32];
    uint8_t sides[ROWS];
    sides_of_rows(sides);
    bytes_init(&text, 1 << 20);
    assert_int_equal(bytes_add_text(&text, "label,price,kind,age\n", NULL), 0);
    for (uint64_t row = 0; row < ROWS; row++) {
        struct rng rng = rng_at(4, RNG_TEST, 0, row);
        double far = sides[row] == SIDE_TRAIN ? 1 : 1000;
        snprintf(cell[0], sizeof cell[0], "%.3f", far * exp(2 * rng_normal(&rng)));
        snprintf(cell[1], sizeof cell[1], "%.0f", far * ((double)rng_below(&rng, 40) - 5));
        bool missing = rng_below(&rng, 10) == 0;
        numbers[0][row] = missing ? NAN : strtof(cell[0], NULL);
        numbers[1][row] = strtof(cell[1], NULL);
        bool label = rng_unit(&rng) < 1 / (1 + exp(-log(fabs((double)strtof(cell[0], NULL)) + 0.01)));
        assert_int_equal(bytes_printf(&text, NULL, "%d,%s,k%u,%s\n", label, missing ? "" : cell[0], (unsigned)rng_below(&rng, 5), cell[1]), 0);
    }
    snprintf(path, sizeof path, "%.*s/table.csv", 3000, root);
    test_write_file(path, text.data, text.size);
    bytes_close(&text);
}

/* libffm rows whose features follow a long tail: many are seen once or twice. */
static int setup(void **state)
{
    struct bytes text;
    char path[PATH_SIZE];
    (void)state;
    test_dir(root);
    bytes_init(&text, 1 << 20);
    for (uint64_t row = 0; row < ROWS; row++) {
        struct rng rng = rng_at(3, RNG_TEST, 0, row);
        bool label = rng_unit(&rng) < 0.4;
        assert_int_equal(bytes_printf(&text, NULL, "%d", label), 0);
        for (unsigned f = 0; f < 4; f++) {
            uint64_t tail = rng_below(&rng, 1 + rng_below(&rng, 1 + rng_below(&rng, 30000)));
            assert_int_equal(bytes_printf(&text, NULL, " %u:%u:1", f, (unsigned)tail), 0);
        }
        assert_int_equal(bytes_add_text(&text, "\n", NULL), 0);
    }
    snprintf(path, sizeof path, "%.*s/tail.ffm", 3000, root);
    test_write_file(path, text.data, text.size);
    bytes_close(&text);
    write_table();
    return 0;
}

/* Occurrences of each slot in the rows of one side, or of all rows (SIDES), up to MIN_COUNT. */
static void count_slots(unsigned side, uint8_t *seen)
{
    char path[PATH_SIZE], cache[PATH_SIZE];
    struct kit_rows rows;
    struct error err = {0};
    uint8_t sides[ROWS];
    snprintf(path, sizeof path, "%.*s/tail.ffm", 3000, root);
    snprintf(cache, sizeof cache, "%.*s/cache-count", 3000, root);
    const struct kit data = {.format = "libffm", .path = path, .cache = cache};
    assert_ok(kit_load(&data, &rows, NULL, &err), &err);
    assert_int_equal(rows.count, ROWS);
    sides_of_rows(sides);
    memset(seen, 0, 1 << BITS);
    for (size_t r = 0; r < ROWS; r++)
        for (uint32_t i = r ? rows.ends[r - 1] : 0; i < rows.ends[r]; i++) {
            uint8_t *at = &seen[rows.keys[i] >> (32 - BITS)];
            if ((side == SIDES || sides[r] == side) && *at < MIN_COUNT) ++*at;
        }
    kit_rows_close(&rows);
}

#define MODEL(more) "{'dataset': {'uri': '%s/tail.ffm', 'format': 'libffm'}, " SPLIT ", 'model': {'kind': 'lr', 'hash_bits': 14}" more "}"
static const char admission_spec[] = MODEL(", 'features': {'min_count': 4}, 'train': {'batch_size': 640, 'shards': 5, 'epochs': 2}, "
                                           "'evaluate': {'every_steps': 3}, 'checkpoint': {'every_steps': 4}");

static void admission_of(const char *dir, uint8_t *seen)
{
    struct safetensors st;
    uint64_t count, same;
    job_kit_final(&kit, dir, &st);
    uint32_t *slots = job_kit_tensor(&st, "admission.slots", &count);
    uint8_t *counts = job_kit_tensor(&st, "admission.seen", &same);
    assert_int_equal(count, same);
    memset(seen, 0, 1 << BITS);
    for (uint64_t i = 0; i < count; i++) seen[slots[i]] = counts[i];
    mem_free(slots);
    mem_free(counts);
    safetensors_close(&st);
}

static void only_training_rows_are_counted(void **state)
{
    static uint8_t got[1 << BITS], want[1 << BITS];
    struct run_result result;
    struct error err;
    (void)state;
    assert_ok(job_kit_run(&kit, admission_spec, "counts", &result, &err), &err);
    admission_of("counts", got);
    count_slots(SIDE_TRAIN, want);
    assert_memory_equal(got, want, sizeof got);
    count_slots(SIDES, want); /* what a leak gives is told apart */
    assert_memory_not_equal(got, want, sizeof got);
}

static void unadmitted_slots_stay_asleep(void **state)
{
    static uint8_t seen[1 << BITS];
    struct run_result result;
    struct safetensors st;
    struct error err;
    uint64_t count, asleep = 0, rare = 0, admitted = 0;
    (void)state;
    assert_ok(job_kit_run(&kit, admission_spec, "asleep", &result, &err), &err);
    admission_of("asleep", seen);
    job_kit_final(&kit, "asleep", &st);
    uint32_t *live = job_kit_tensor(&st, "slots", &count);
    for (uint64_t i = 0; i < count; i++)
        if (seen[live[i]] < MIN_COUNT) rare++; /* only the rare slots of the four fields */
    assert_true(rare <= 4 && rare > 0);
    for (uint32_t s = 0; s < 1 << BITS; s++) asleep += seen[s] > 0 && seen[s] < MIN_COUNT, admitted += seen[s] == MIN_COUNT;
    assert_true(asleep > 1000 && admitted > 50 && count <= admitted + 4);
    mem_free(live);
    safetensors_close(&st);
}

static void same_bits(const char *spec, const char *name) { job_kit_same_bits(&kit, spec, name); }

static const char vocabulary_spec[] = "{'dataset': {'uri': '%s/tail.ffm', 'format': 'libffm'}, " SPLIT ", 'model': {'kind': 'lr', "
                                      "'hash_bits': 16, 'embedding': 'vocabulary'}, 'train': {'batch_size': 640, 'shards': 5, 'epochs': 2}, "
                                      "'evaluate': {'every_steps': 3}, 'checkpoint': {'every_steps': 4}}";

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static size_t distinct(uint32_t *keys, size_t count)
{
    size_t n = 0;
    qsort(keys, count, sizeof *keys, by_number);
    for (size_t i = 0; i < count; i++)
        if (n == 0 || keys[i] != keys[n - 1]) keys[n++] = keys[i];
    return n;
}

/* Keys of the features of one side, or of all rows (SIDES), and of the rare slots of the four fields; ascending. */
static size_t keys_of_rows(unsigned side, uint32_t *keys)
{
    char path[PATH_SIZE], cache[PATH_SIZE];
    struct kit_rows rows;
    struct rare_keys rare;
    struct error err = {0};
    uint8_t sides[ROWS];
    size_t n = 0;
    snprintf(path, sizeof path, "%.*s/tail.ffm", 3000, root);
    snprintf(cache, sizeof cache, "%.*s/cache-count", 3000, root);
    const struct kit data = {.format = "libffm", .path = path, .cache = cache};
    assert_ok(kit_load(&data, &rows, NULL, &err), &err);
    assert_ok(rare_keys_init(&rare, 0, &(struct field_names){NULL, NULL}, &err), &err);
    sides_of_rows(sides);
    for (size_t r = 0; r < ROWS; r++)
        for (uint32_t i = r ? rows.ends[r - 1] : 0; i < rows.ends[r]; i++)
            if (side == SIDES || sides[r] == side) keys[n++] = rows.keys[i];
    for (size_t f = 0; f < 4; f++) keys[n++] = rare.keys[f];
    rare_keys_close(&rare);
    kit_rows_close(&rows);
    return distinct(keys, n);
}

static void only_training_rows_give_rows(void **state)
{
    static uint32_t want[4 * ROWS + 4];
    struct run_result result;
    struct safetensors st;
    struct error err;
    uint64_t count;
    (void)state;
    assert_ok(job_kit_run(&kit, vocabulary_spec, "given", &result, &err), &err);
    job_kit_final(&kit, "given", &st);
    uint32_t *keys = job_kit_tensor(&st, "vocabulary.keys", &count);
    assert_int_equal(distinct(keys, (size_t)count), count); /* no feature has two */
    assert_int_equal(keys_of_rows(SIDE_TRAIN, want), count);
    assert_memory_equal(keys, want, count * sizeof *keys);
    assert_true(keys_of_rows(SIDES, want) > count); /* what a leak gives is told apart */
    mem_free(keys);
    safetensors_close(&st);
}

static void a_vocabulary_keeps_the_bits(void **state)
{
    (void)state;
    same_bits(vocabulary_spec, "vocabulary");
}

/* ... also when it is full, with rare features and a codec. */
static void a_full_vocabulary_keeps_the_bits(void **state)
{
    (void)state;
    same_bits("{'dataset': {'uri': '%s/tail.ffm', 'format': 'libffm'}, " SPLIT ", 'model': {'kind': 'ffm', 'hash_bits': 11, 'embedding_dim': 2, "
              "'embedding': 'vocabulary'}, 'features': {'min_count': 2}, 'compression': {'codec': 'topk', 'retention': 0.3}, "
              "'train': {'batch_size': 1000, 'shards': 3, 'epochs': 2}}",
              "full");
}

static void admission_keeps_the_bits(void **state)
{
    (void)state;
    same_bits(admission_spec, "admission");
}

static void admission_with_a_codec_keeps_the_bits(void **state)
{
    (void)state;
    same_bits(
        "{'dataset': {'uri': '%s/tail.ffm', 'format': 'libffm'}, " SPLIT ", 'model': {'kind': 'fm', 'hash_bits': 12, 'embedding_dim': 2}, "
        "'features': {'min_count': 2}, 'compression': {'codec': 'topk', 'retention': 0.3}, 'train': {'batch_size': 1000, 'shards': 3, 'epochs': 2}}",
        "codec");
}

#define TABLE(schema, more) \
    "{'dataset': {'uri': '%s/table.csv', 'format': 'csv', 'schema': {" schema "}}, " SPLIT ", 'model': {'kind': 'lr', 'hash_bits': 14}, " \
    "'train': {'batch_size': 640, 'shards': 5, 'epochs': 2}" more "}"
#define BINS 16
static const char table_spec[] = TABLE("'price': 'quantile(16)', 'age': 'normalised'", "");

static int float_compare(const void *a, const void *b) { return (*(const float *)a > *(const float *)b) - (*(const float *)a < *(const float *)b); }

/* The numbers of one side, or of all rows (SIDES), that are not missing, ascending. */
static size_t numbers_of(const float *all, unsigned side, float *out)
{
    uint8_t sides[ROWS];
    size_t n = 0;
    sides_of_rows(sides);
    for (size_t r = 0; r < ROWS; r++)
        if (!isnan(all[r]) && (side == SIDES || sides[r] == side)) out[n++] = all[r];
    qsort(out, n, sizeof *out, float_compare);
    return n;
}

/* By sorting: edge k is the number of rank floor(k n / bins) - 1; equal ones are one. */
static size_t edges_of(const float *all, unsigned side, unsigned bins, float *edges)
{
    static float sorted[ROWS];
    size_t n = numbers_of(all, side, sorted), count = 0;
    for (size_t k = 1; k < bins; k++) {
        float edge = sorted[k * n / bins > 0 ? k * n / bins - 1 : 0];
        if (count == 0 || edge > edges[count - 1]) edges[count++] = edge;
    }
    return count;
}

static void moments_of(const float *all, unsigned side, double *mean, double *deviation)
{
    static float sorted[ROWS];
    size_t n = numbers_of(all, side, sorted);
    long double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += sorted[i];
    *mean = (double)(sum / n);
    for (size_t i = 0; i < n; i++) squares += (sorted[i] - sum / n) * (sorted[i] - sum / n);
    *deviation = (double)sqrtl(squares / n);
}

static void statistics_are_those_of_the_training_rows(void **state)
{
    struct run_result result;
    struct safetensors st;
    struct error err;
    uint64_t count;
    float want[BINS];
    double mean, deviation;
    (void)state;
    assert_ok(job_kit_run(&kit, table_spec, "table", &result, &err), &err);
    job_kit_final(&kit, "table", &st);
    float *edges = job_kit_tensor(&st, "transform.edges", &count);
    assert_int_equal(count, edges_of(numbers[0], SIDE_TRAIN, BINS, want));
    assert_int_equal(count, BINS - 1);
    assert_memory_equal(edges, want, count * sizeof *edges);
    edges_of(numbers[0], SIDES, BINS, want); /* what a leak gives is told apart */
    for (size_t k = BINS / 2; k < BINS - 1; k++) assert_true(edges[k] != want[k]);
    uint64_t moments_count;
    double *moments = job_kit_tensor(&st, "transform.moments", &moments_count);
    assert_int_equal(moments_count, 4);
    moments_of(numbers[1], SIDE_TRAIN, &mean, &deviation);
    assert_close(moments[2], mean, 1e-12, 0);
    assert_close(moments[3], deviation, 1e-12, 0);
    moments_of(numbers[1], SIDES, &mean, &deviation);
    assert_true(fabs(moments[3] / deviation - 1) > 0.5);
    mem_free(edges);
    mem_free(moments);
    safetensors_close(&st);
}

/* Many bins of few values, and more bins than rows have numbers. */
static void repeated_numbers_are_one_edge(void **state)
{
    struct run_result result;
    struct safetensors st;
    struct error err;
    uint64_t count;
    static float want[1024];
    (void)state;
    assert_ok(job_kit_run(&kit, TABLE("'price': 'quantile(1024)', 'age': 'quantile(300)'", ""), "few", &result, &err), &err);
    job_kit_final(&kit, "few", &st);
    float *edges = job_kit_tensor(&st, "transform.edges", &count);
    uint32_t *counts = job_kit_tensor(&st, "transform.edge_counts", &count);
    assert_int_equal(counts[0], edges_of(numbers[0], SIDE_TRAIN, 1024, want));
    assert_memory_equal(edges, want, counts[0] * sizeof *edges);
    assert_int_equal(counts[1], edges_of(numbers[1], SIDE_TRAIN, 300, want));
    assert_memory_equal(edges + counts[0], want, counts[1] * sizeof *edges);
    assert_int_equal(counts[1], 40);
    mem_free(edges);
    mem_free(counts);
    safetensors_close(&st);
}

static void transforms_keep_the_bits(void **state)
{
    (void)state;
    same_bits(table_spec, "transforms");
    same_bits(TABLE("'price': 'quantile(16)', 'age': 'normalised'", ", 'features': {'min_count': 3}"), "both");
}

static float *weights_of(const char *schema, const char *more, const char *dir, uint64_t *count)
{
    char spec[2048];
    struct run_result result;
    struct safetensors st;
    struct error err;
    snprintf(spec, sizeof spec,
             "{'dataset': {'uri': '%%s/table.csv', 'format': 'csv', 'schema': {'price': 'quantile(16)', 'age': 'normalised', %s}}, " SPLIT ", %s}",
             schema, more);
    assert_ok(job_kit_run(&kit, spec, dir, &result, &err), &err);
    job_kit_final(&kit, dir, &st);
    float *weights = job_kit_tensor(&st, "linear", count);
    safetensors_close(&st);
    return weights;
}

/* Rows of a schema with lists may differ in length; here they do not, and a list of one value is that value: the weights are the same. */
static void lists_beside_numbers_change_nothing(void **state)
{
    static const char *const kinds[] = {
        "'model': {'kind': 'lr', 'hash_bits': 14}",
        "'model': {'kind': 'lr', 'hash_bits': 14}, 'optimizer': {'kind': 'lbfgs', 'l2': 0.01}, 'train': {'epochs': 20}",
        "'model': {'kind': 'lr', 'hash_bits': 14}, 'features': {'min_count': 3}", "'model': {'kind': 'fm', 'hash_bits': 14, 'embedding_dim': 2}"};
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        uint64_t count, same;
        char dir[2][32];
        for (unsigned d = 0; d < 2; d++) snprintf(dir[d], sizeof dir[d], "list-%zu-%u", k, d);
        float *one = weights_of("'kind': 'categorical'", kinds[k], dir[0], &count);
        float *list = weights_of("'kind': 'multi(|)'", kinds[k], dir[1], &same);
        assert_int_equal(count, same);
        assert_memory_equal(one, list, count * sizeof *one);
        mem_free(one);
        mem_free(list);
    }
}

static void each_fold_has_its_own(void **state)
{
    struct run_result result;
    struct safetensors st;
    struct error err;
    uint64_t count;
    float *edges[3];
    static const char spec[] = "{'dataset': {'uri': '%s/table.csv', 'format': 'csv', 'schema': {'price': 'quantile(16)'}}, "
                               "'split': {'kind': 'kfold', 'k': 3}, 'model': {'kind': 'lr', 'hash_bits': 12}}";
    (void)state;
    assert_ok(job_kit_run(&kit, spec, "folds", &result, &err), &err);
    for (unsigned f = 0; f < 3; f++) {
        char dir[32];
        snprintf(dir, sizeof dir, "folds/folds/%u", f);
        job_kit_final(&kit, dir, &st);
        edges[f] = job_kit_tensor(&st, "transform.edges", &count);
        assert_int_equal(count, BINS - 1);
        safetensors_close(&st);
    }
    assert_memory_not_equal(edges[0], edges[1], (BINS - 1) * sizeof(float));
    assert_memory_not_equal(edges[1], edges[2], (BINS - 1) * sizeof(float));
    for (unsigned f = 0; f < 3; f++) mem_free(edges[f]);
    static const char averaged[] =
        "{'dataset': {'uri': '%s/table.csv', 'format': 'csv', 'schema': {'price': 'quantile(16)'}}, "
        "'split': {'kind': 'kfold', 'k': 3}, 'model': {'kind': 'lr', 'hash_bits': 12}, 'ensemble': {'kind': 'weight_average'}}";
    assert_true(job_kit_run(&kit, averaged, "averaged", &result, &err) < 0);
    assert_error(&err, ERROR_INVALID, "weight_average cannot average models that see column \"price\"");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(only_training_rows_are_counted),        cmocka_unit_test(unadmitted_slots_stay_asleep),
    cmocka_unit_test(only_training_rows_give_rows),          cmocka_unit_test(a_vocabulary_keeps_the_bits),
    cmocka_unit_test(a_full_vocabulary_keeps_the_bits),      cmocka_unit_test(admission_keeps_the_bits),
    cmocka_unit_test(admission_with_a_codec_keeps_the_bits), cmocka_unit_test(statistics_are_those_of_the_training_rows),
    cmocka_unit_test(repeated_numbers_are_one_edge),         cmocka_unit_test(transforms_keep_the_bits),
    cmocka_unit_test(lists_beside_numbers_change_nothing),   cmocka_unit_test(each_fold_has_its_own),
};
int main(int argc, char **argv)
{
    setup(NULL);
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
