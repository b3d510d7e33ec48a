/* test: threads */
/* Nothing but the training side shows in a model: whatever the rows of the other sides hold, every tensor of it has the same bytes. Held for each
 * kind of split and each thing that is fitted to data; a new statistic (bins, vocabularies, counts) is a row of recipes[]. That the test would see a
 * leak is shown by planting one: as soon as one row of those is let into training, bytes change. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "cli/registries.h"
#include "contract/rundir.h"
#include "contract/safetensors.h"
#include "contract/spec.h"
#include "engine/data/split/sides.h"
#include "lib/data_kit.h"
#include "lib/job_kit.h"
#include "lib/test.h"

enum { ROWS = 1500 };

static char root[PATH_SIZE];
static struct job_kit kit = {.root = root, .workers = 2};

/* Which rows the model trains on (fold 0), by the split that the specification chooses. */
static void training_rows(const char *split, uint8_t sides[ROWS])
{
    char path[PATH_SIZE], text[1024];
    struct faults faults = {0};
    struct error err = {0};
    struct spec spec;
    struct sides counted;
    struct block block = {0};
    snprintf(path, sizeof path, "%.*s/clean.csv", 3000, root);
    int n = snprintf(text, sizeof text, "{'dataset': {'uri': 'a', 'format': 'csv', 'group': 'user', 'time': 'when'}, 'model': {'kind': 'lr'}, %s}",
                     split);
    for (char *c = text; *c; c++)
        if (*c == '\'') *c = '"';
    json_t *json = json_read(text, (size_t)n, "spec", &err);
    assert_ok(spec_read(&spec, json, &registry_all, &faults, &err), &err);
    json_decref(json);
    struct dataset *data = kit_open(&(struct kit){.format = "csv", .path = path, .cache = root, .group = "user", .time = "when"}, &err);
    assert_ok(data ? 0 : -1, &err);
    struct splitter splitter = {.split = (const struct split *)spec.chosen[SECTION_SPLIT].kind, .params = spec.chosen[SECTION_SPLIT].params};
    assert_ok(sides_count(&counted, data, &splitter, NULL, &parallel_inline, &err), &err);
    assert_int_equal(dataset_info(data)->rows, ROWS);
    for (uint64_t i = 0; i < counted.blocks; i++) {
        assert_ok(dataset_read_block(data, i, &block, &err), &err);
        sides_of(&counted.splitter, data, i, &block, sides + block.first_row);
    }
    block_close(&block);
    sides_close(&counted);
    dataset_free(data);
    spec_close(&spec);
}

/* The log, with other features in the rows that `strange` says: values that training never sees, and far more of the frequent ones. What splits judge
 * by stays. */
static void write_log(const char *name, const uint8_t *strange)
{
    struct bytes text;
    char path[PATH_SIZE];
    bytes_init(&text, 1 << 20);
    assert_int_equal(bytes_printf(&text, NULL, "label,user,when,n,c,d\n"), 0);
    for (uint64_t row = 0; row < ROWS; row++) {
        struct rng rng = rng_at(31, RNG_TEST, 0, row);
        unsigned user = (unsigned)rng_below(&rng, 90), c = (unsigned)rng_below(&rng, 1 + rng_below(&rng, 300)), d = (unsigned)rng_below(&rng, 8);
        double n = rng_normal(&rng) * 10;
        bool label = rng_unit(&rng) < 0.2 + 0.05 * d;
        if (strange && strange[row]) n = 1000 + n * n, c = row % 2 ? 1 : 5000 + c, d = 99;
        assert_int_equal(bytes_printf(&text, NULL, "%d,u%u,%u,%.3f,c%u,d%u\n", label, user, (unsigned)row, n, c, d), 0);
    }
    snprintf(path, sizeof path, "%.*s/%s.csv", 3000, root, name);
    test_write_file(path, text.data, text.size);
    bytes_close(&text);
}

/* The hash of all tensors of the model (of fold 0), their names and shapes. The metadata names the data, so it may differ. */
static uint64_t model_of(const char *log, const char *split, const char *recipe, bool folds)
{
    static unsigned runs;
    char spec[2048], dir[32], model[48];
    struct run_result result;
    struct safetensors st;
    struct error err = {0};
    uint64_t hash = 0;
    snprintf(dir, sizeof dir, "run%u", runs++);
    snprintf(model, sizeof model, "%s%s", dir, folds ? "/" RUNDIR_FOLDS "/0" : "");
    snprintf(spec, sizeof spec, "{'dataset': {'uri': '%%s/%s.csv', 'format': 'csv', 'group': 'user', 'time': 'when'}, %s, %s}", log, split, recipe);
    assert_ok(job_kit_run(&kit, spec, dir, &result, &err), &err);
    job_kit_final(&kit, model, &st);
    for (size_t t = 0; t < st.count; t++) {
        const struct tensor *tensor = &st.tensors[t];
        void *data = mem_zero((size_t)tensor->size_bytes + 1, &err);
        assert_ok(safetensors_read(&st, tensor, 0, data, (size_t)tensor->size_bytes, &err), &err);
        hash = hash64(tensor->name, strlen(tensor->name), hash);
        hash = hash64(tensor->shape, sizeof tensor->shape, hash);
        hash = hash64(data, (size_t)tensor->size_bytes, hash);
        mem_free(data);
    }
    assert_true(st.count > 1);
    safetensors_close(&st);
    return hash;
}

static const char *const cuts[] = {
    "'split': {'kind': 'holdout', 'test_fraction': 0.3, 'validation_fraction': 0.1}",
    "'split': {'kind': 'stratified', 'test_fraction': 0.3, 'validation_fraction': 0.1}",
    "'split': {'kind': 'kfold', 'k': 2, 'validation_fraction': 0.1, 'test_fraction': 0.1}",
    "'split': {'kind': 'kfold', 'k': 2, 'by': 'group'}",
    "'split': {'kind': 'round_robin', 'k': 3}",
    "'split': {'kind': 'sequential', 'test_fraction': 0.3, 'validation_fraction': 0.1}",
    "'split': {'kind': 'group', 'test_fraction': 0.3}",
    "'split': {'kind': 'time', 'test_from': '1000', 'validation_from': '900', 'gap': 50}",
};

#define TRAIN "'train': {'batch_size': 64, 'shards': 3, 'epochs': 2"
static const char *const recipes[] = {
    "'model': {'kind': 'lr', 'hash_bits': 12}, " TRAIN "}",
    "'model': {'kind': 'fm', 'hash_bits': 12, 'embedding_dim': 4}, 'features': {'min_count': 3}, " TRAIN "}",
    "'model': {'kind': 'fm', 'hash_bits': 12, 'embedding_dim': 4, 'embedding': 'vocabulary'}, " TRAIN "}",
    "'model': {'kind': 'lr', 'hash_bits': 12}, 'compression': {'codec': 'topk', 'retention': 0.2}, " TRAIN
    ", 'negative_rate': 0.5, 'curriculum': 0.4, 'positive_weight': 2}",
};

static void only_the_training_side_shows(void **state)
{
    (void)state;
    static uint8_t sides[ROWS], strange[ROWS];
    write_log("clean", NULL);
    for (size_t s = 0; s < sizeof cuts / sizeof *cuts; s++) {
        bool folds = strstr(cuts[s], "kfold");
        size_t held = 0, last = 0;
        training_rows(cuts[s], sides);
        for (size_t r = 0; r < ROWS; r++) strange[r] = sides[r] != SIDE_TRAIN, held += strange[r], last = strange[r] ? last : r;
        assert_true(held > ROWS / 5 && held < ROWS * 3 / 4);
        write_log("strange", strange);
        for (size_t r = 0; r < sizeof recipes / sizeof *recipes; r++) {
            uint64_t clean = model_of("clean", cuts[s], recipes[r], folds), other = model_of("strange", cuts[s], recipes[r], folds);
            if (clean != other) fail_msg("rows that are not for training show in the model: %s, %s", cuts[s], recipes[r]);
        }
        strange[last] = 1; /* the plant */
        write_log("strange", strange);
        for (size_t r = 0; r < 3; r++) { /* a sampled recipe may pass the row over */
            uint64_t clean = model_of("clean", cuts[s], recipes[r], folds), other = model_of("strange", cuts[s], recipes[r], folds);
            if (clean == other) fail_msg("a training row does not show in the model: %s, %s", cuts[s], recipes[r]);
        }
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(only_the_training_side_shows),
};
int main(int argc, char **argv)
{
    test_dir(root);
    kit.world = kit_world(); /* many small runs: none waits for the disk */
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
