/* test: threads */
/* Sides of real files: a row stays on its side however the files are packed, cut or read, for every kind of split; the counts are those of the rows.
 */
#include "engine/data/split/sides.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "lib/data_kit.h"
#include "lib/test.h"
#include "lib/threads.h"

enum { ROWS = 20011, FILES = 3 };
enum { WHOLE, GZIP, ZSTD, FIRST }; /* paths: the whole text, packed, and in three files */
static char dir[PATH_SIZE], paths[FIRST + FILES][PATH_SIZE + 16];
static const char header[] = "label,user,when,weight,x\n";

static void add_row(struct bytes *text, uint64_t row)
{
    struct error err = {0};
    struct rng rng = rng_at(3, RNG_TEST, 0, row);
    unsigned label = rng_below(&rng, 5) == 0, user = (unsigned)rng_below(&rng, 700), when = (unsigned)row * 3 + (unsigned)rng_below(&rng, 50);
    unsigned weight = 1 + (unsigned)rng_below(&rng, 3), x = (unsigned)rng_below(&rng, 1000);
    assert_ok(bytes_printf(text, &err, "%u,u%u,%u,%u,%u\n", label, user, when, weight, x), &err);
}

static void write_files(void)
{
    static const uint64_t bounds[FILES + 1] = {0, 15000, 15001, ROWS}; /* files of very different lengths */
    struct bytes text, packed;
    test_dir(dir);
    for (int i = 0; i < FIRST + FILES; i++) snprintf(paths[i], sizeof paths[i], "%s/%d", dir, i);
    bytes_init(&text, 1 << 24);
    bytes_init(&packed, 1 << 24);
    for (int f = 0; f <= FILES; f++) { /* the last one: all */
        bytes_clear(&text);
        bytes_add(&text, header, strlen(header), NULL);
        for (uint64_t row = f < FILES ? bounds[f] : 0; row < (f < FILES ? bounds[f + 1] : ROWS); row++) add_row(&text, row);
        test_write_file(paths[f < FILES ? FIRST + f : WHOLE], text.data, text.size);
    }
    kit_gzip(&packed, text.data, text.size);
    test_write_file(paths[GZIP], packed.data, packed.size);
    bytes_clear(&packed);
    kit_zstd(&packed, text.data, text.size);
    test_write_file(paths[ZSTD], packed.data, packed.size);
    bytes_close(&packed);
    bytes_close(&text);
}

static struct kit kit_of(int path)
{
    static char *files[] = {paths[FIRST], paths[FIRST + 1], paths[FIRST + 2]};
    struct kit kit = {.format = "csv", .path = paths[path], .cache = dir, .group = "user", .time = "when", .weight = "weight"};
    if (path == FIRST) kit.uris = files, kit.uri_count = FILES;
    return kit;
}

static struct dataset *open_kit(const struct kit *kit)
{
    struct error err = {0};
    struct dataset *data = kit_open(kit, &err);
    assert_ok(data ? 0 : -1, &err);
    return data;
}

struct cut { /* a split under options of its own */
    void *params;
    struct splitter splitter;
};

/* Defaults, but for kinds that need to be told something. */
static struct cut cut_of(const char *kind)
{
    static const struct {
        const char *kind, *options;
    } told[] = {{"time", "{\"test_from\": \"40000\", \"validation_from\": \"30000\", \"gap\": 500}"}, {"sequential", "{\"test_fraction\": 0.3}"}};
    const struct split *split = (const struct split *)kind_find((const struct kind *const *)splits, kind);
    struct cut cut = {.params = mem_zero(split->kind.params_size + 1, NULL)};
    struct faults *faults = mem_zero(sizeof *faults, NULL);
    struct error err = {0};
    const char *options = "{}";
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (strcmp(told[i].kind, kind) == 0) options = told[i].options;
    json_t *json = json_read(options, strlen(options), "options", &err);
    options_read(&(struct option_set){split->kind.options, cut.params}, 1, json, "/split", NULL, faults);
    assert_int_equal(faults->count, 0);
    mem_free(faults);
    json_decref(json);
    cut.splitter = (struct splitter){.split = split, .params = cut.params};
    return cut;
}

/* The side of each row, each of which is in one block, and what sides_count says of them. */
static void read_sides(struct dataset *data, const struct splitter *splitter, uint8_t *out)
{
    struct sides sides;
    struct block block = {0};
    struct error err = {0};
    uint64_t totals[SIDES] = {0}, positives[SIDES] = {0}, weightless[SIDES] = {0}, rows = 0;
    double squares[SIDES] = {0}, weights[SIDES] = {0};
    struct parallel three = threads_parallel(3);
    assert_ok(sides_count(&sides, data, splitter, &loss_squared, &three, &err), &err);
    for (uint64_t i = 0; i < sides.blocks; i++) {
        uint64_t counts[SIDES] = {0};
        assert_ok(dataset_read_block(data, i, &block, &err), &err); /* the whole block says what its head said */
        assert_int_equal(block.first_row, rows);
        sides_of(&sides.splitter, data, i, &block, out + rows);
        for (size_t r = 0; r < block.batch.rows; r++) {
            uint8_t side = out[rows + r];
            double w = block.batch.weights ? (double)block.batch.weights[r] : 1, y = (double)block.batch.labels[r];
            squares[side] += w * y * y, weights[side] += w;
            counts[side]++, totals[side]++, positives[side] += block.batch.labels[r] > 0;
            weightless[side] += block.batch.weights && block.batch.weights[r] == 0;
        }
        for (int side = 0; side < SIDES; side++) assert_int_equal(sides.rows[i][side], counts[side]);
        rows += block.batch.rows;
    }
    assert_int_equal(rows, dataset_info(data)->rows);
    assert_memory_equal(sides.totals, totals, sizeof totals);
    assert_memory_equal(sides.positives, positives, sizeof positives);
    assert_memory_equal(sides.weightless, weightless, sizeof weightless);
    for (int side = 0; side < SIDES; side++) assert_close(sides.blank[side], weights[side] > 0 ? squares[side] / weights[side] / 2 : 0, 1e-12, 0);
    block_close(&block);
    sides_close(&sides);
}

static void packing_and_cutting_do_not_matter(void **state)
{
    (void)state;
    static uint8_t sides[ROWS];
    static uint64_t hashes[32];
    struct parallel three = threads_parallel(3);
    struct kit kits[] = {kit_of(WHOLE), kit_of(GZIP), kit_of(ZSTD), kit_of(FIRST), kit_of(WHOLE)};
    kits[4].chunk_bytes = 777, kits[4].parallel = &three;
    for (size_t k = 0; k < sizeof kits / sizeof *kits; k++) {
        char cache[PATH_SIZE];
        kits[k].cache = test_dir(cache); /* each is read anew */
        struct dataset *data = open_kit(&kits[k]);
        for (size_t s = 0; splits[s]; s++) {
            struct cut cut = cut_of(splits[s]->kind.name);
            read_sides(data, &cut.splitter, sides);
            uint64_t hash = hash64(sides, ROWS, 0);
            if (k == 0) hashes[s] = hash;
            if (hash != hashes[s]) fail_msg("split %s moved rows of text number %zu", splits[s]->kind.name, k);
            mem_free(cut.params);
        }
        dataset_free(data);
    }
}

static void held_out_files_are_their_sides(void **state)
{
    (void)state;
    static uint8_t sides[ROWS];
    struct kit kit = kit_of(FIRST);
    kit.held_out_validation = kit.held_out_test = 1;
    struct dataset *data = open_kit(&kit);
    struct cut cut = cut_of("predefined");
    read_sides(data, &cut.splitter, sides);
    for (size_t r = 0; r < ROWS; r++) assert_int_equal(sides[r], r < 15000 ? SIDE_TRAIN : r < 15001 ? SIDE_VALIDATION : SIDE_TEST);
    mem_free(cut.params);
    dataset_free(data);
}

/* Older rows behind the others: these stay where they are without them, and those train, but where a split judges by group or time: what it would
 * test or validate by is left out. */
static void older_rows_train_and_move_no_other(void **state)
{
    (void)state;
    static uint8_t whole[ROWS], alone[ROWS], sides[ROWS];
    struct kit kit = kit_of(FIRST), half = kit_of(FIRST), all = kit_of(FIRST);
    half.uri_count = 2;
    kit.replayed = 1;
    struct dataset *data = open_kit(&kit), *without = open_kit(&half), *plain = open_kit(&all);
    assert_int_equal(dataset_info(data)->replay_from, 15001);
    for (size_t s = 0; splits[s]; s++) {
        struct cut cut = cut_of(splits[s]->kind.name);
        bool judged = splitter_needs(&cut.splitter) & (SPLIT_GROUPS | SPLIT_TIMES);
        uint64_t train = 0;
        read_sides(without, &cut.splitter, alone);
        read_sides(plain, &cut.splitter, whole);
        read_sides(data, &cut.splitter, sides);
        if (memcmp(sides, alone, 15001) != 0) fail_msg("split %s: older rows move the others", splits[s]->kind.name);
        for (size_t r = 15001; r < ROWS; r++) {
            enum split_side want = !judged || whole[r] == SIDE_TRAIN ? SIDE_TRAIN : SIDE_NONE;
            if (sides[r] != want) fail_msg("split %s: row %zu is on side %d", splits[s]->kind.name, r, sides[r]);
            train += want == SIDE_TRAIN;
        }
        struct sides counted;
        struct error err = {0};
        assert_ok(sides_count(&counted, data, &cut.splitter, NULL, &parallel_inline, &err), &err);
        assert_int_equal(counted.replayed, train);
        sides_close(&counted);
        mem_free(cut.params);
    }
    dataset_free(data), dataset_free(without), dataset_free(plain);
}

static void data_without_what_the_split_needs_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *field, *part;
    } rows[] = {{"group", "/dataset/group", "needs groups"}, {"time", "/dataset/time", "needs times"}};
    struct kit kit = kit_of(WHOLE);
    kit.group = kit.time = NULL;
    struct dataset *data = open_kit(&kit);
    for (size_t i = 0; i < 2; i++) {
        struct error err = {0};
        struct sides sides;
        struct cut cut = cut_of(rows[i].kind);
        assert_int_equal(sides_count(&sides, data, &cut.splitter, NULL, &parallel_inline, &err), -ERROR_INVALID);
        assert_error(&err, ERROR_INVALID, rows[i].part);
        assert_string_equal(err.field, rows[i].field);
        mem_free(cut.params);
    }
    dataset_free(data);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(packing_and_cutting_do_not_matter),
    cmocka_unit_test(held_out_files_are_their_sides),
    cmocka_unit_test(older_rows_train_and_move_no_other),
    cmocka_unit_test(data_without_what_the_split_needs_is_refused),
};
int main(int argc, char **argv)
{
    write_files();
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
