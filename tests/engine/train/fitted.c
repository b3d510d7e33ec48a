/* test: threads */
/* What is fitted on the training side: exactly its rows count, whatever validation and test rows hold; the bits are those of the specification for
 * every number of workers and across stops. Each comparison is made with all rows, too, which is what a leak would give: there it must fail. */
#include "lib/test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "engine/data/sides.h"
#include "engine/data/splits.h"
#include "lib/data_kit.h"
#include "lib/job_kit.h"

enum { ROWS = 2000, BITS = 14, MIN_COUNT = 4 };

static char root[PATH_SIZE];
static struct job_kit kit = {.root = root, .world = &world_real, .workers = 2};

/* The options of the hold-out split in the specifications below. */
static const struct {
    double test_fraction, validation_fraction;
    int64_t seed;
} holdout = {0.3, 0.2, 7};
#define SPLIT "'split': {'kind': 'holdout', 'test_fraction': 0.3, 'validation_fraction': 0.2, 'seed': 7}"

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
            uint64_t tail = rng_below(&rng, 1 + rng_below(&rng, 1 + rng_below(&rng, 4000)));
            assert_int_equal(bytes_printf(&text, NULL, " %u:%u:1", f, (unsigned)tail), 0);
        }
        assert_int_equal(bytes_add_text(&text, "\n", NULL), 0);
    }
    snprintf(path, sizeof path, "%.*s/tail.ffm", 3000, root);
    test_write_file(path, text.data, text.size);
    bytes_close(&text);
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
    const struct split_context context = {.rows = ROWS, .validation_from = ROWS, .test_from = ROWS};
    split_holdout.sides(&holdout, &context, &(struct split_rows){.count = ROWS}, sides);
    memset(seen, 0, 1 << BITS);
    for (size_t r = 0; r < ROWS; r++)
        for (uint32_t i = r ? rows.ends[r - 1] : 0; i < rows.ends[r]; i++) {
            uint8_t *at = &seen[rows.keys[i] >> (32 - BITS)];
            if ((side == SIDES || sides[r] == side) && *at < MIN_COUNT) ++*at;
        }
    kit_rows_close(&rows);
}

#define MODEL(more) "{'dataset': {'uri': '%s/tail.ffm', 'format': 'libffm'}, " SPLIT ", 'model': {'kind': 'lr', 'hash_bits': 14}" more "}"
static const char admission_spec[] = MODEL(", 'features': {'min_count': 4}, 'train': {'batch_size': 64, 'shards': 5, 'epochs': 2}, "
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

static unsigned stops_left;

static void stop_at_once(void *context, const struct progress *p)
{
    (void)context;
    if (p->phase != PROGRESS_TRAINING || stops_left == 0) return;
    stops_left--;
    raise(SIGTERM);
}

/* The same model from 1, 2 and 4 workers, and from a run that was stopped again and again. */
static void same_bits(const char *spec, const char *name)
{
    struct run_result want, got;
    struct error err;
    char dir[64];
    for (unsigned workers = 1; workers <= 4; workers *= 2) {
        kit.workers = workers;
        snprintf(dir, sizeof dir, "%s-%u", name, workers);
        assert_ok(job_kit_run(&kit, spec, dir, workers == 1 ? &want : &got, &err), &err);
        if (workers > 1) assert_string_equal(want.sha256, got.sha256);
    }
    kit.progress.progress = stop_at_once;
    snprintf(dir, sizeof dir, "%s-stops", name);
    for (unsigned stop = 0; stop < 5; stop++) {
        stops_left = 1;
        kit.workers = 1 + stop % 2;
        assert_int_equal(job_kit_run(&kit, spec, dir, &got, &err), -ERROR_STOPPED);
    }
    assert_ok(job_kit_run(&kit, spec, dir, &got, &err), &err);
    assert_string_equal(want.sha256, got.sha256);
    kit.progress.progress = NULL;
    kit.workers = 2;
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
        "'features': {'min_count': 2}, 'compression': {'codec': 'topk', 'retention': 0.3}, 'train': {'batch_size': 100, 'shards': 3, 'epochs': 2}}",
        "codec");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(only_training_rows_are_counted),
    cmocka_unit_test(unadmitted_slots_stay_asleep),
    cmocka_unit_test(admission_keeps_the_bits),
    cmocka_unit_test(admission_with_a_codec_keeps_the_bits),
};
int main(int argc, char **argv)
{
    setup(NULL);
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
