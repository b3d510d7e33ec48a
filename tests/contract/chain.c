/* Deltas: what they come to, and every way in which one is refused. */
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "contract/chain.h"
#include "lib/world_sim.h"

static struct world_sim sim;

static struct tensor tensor(const char *name, enum tensor_dtype dtype, uint64_t rows, uint64_t width, const void *data)
{
    struct tensor t = {.dtype = dtype, .dims = width ? 2 : 1, .shape = {rows, width}, .data = data};
    snprintf(t.name, sizeof t.name, "%s", name);
    return t;
}

struct state { /* of a small model: 2 columns a slot, one state a slot, counts of their own, a dense tensor */
    uint64_t step;
    size_t live, seen, rests;
    uint32_t slots[8], seen_slots[8], rest[8];
    float rows[8][2], n[8], dense[2];
    uint8_t counts[8];
};

#define GROUPS_TEXT "{\"admission.slots\": [\"admission.seen\"], \"slots\": [\"w\", \"w.n\"]}"

static const char *name_of(uint64_t step, bool delta)
{
    static char name[64];
    snprintf(name, sizeof name, "%012llu%s.safetensors", (unsigned long long)step, delta ? ".delta" : "");
    return name;
}

/* previous NULL: whole. groups NULL: as they should be. */
static void state_write(const struct state *s, const char *path, const char *previous, const char *groups, char sha256[SHA256_HEX])
{
    struct tensor t[] = {tensor("slots", TENSOR_U32, s->live, 0, s->slots),
                         tensor("w", TENSOR_F32, s->live, 2, s->rows),
                         tensor("w.n", TENSOR_F32, s->live, 1, s->n),
                         tensor("dense", TENSOR_F32, 2, 0, s->dense),
                         tensor("admission.slots", TENSOR_U32, s->seen, 0, s->seen_slots),
                         tensor("admission.seen", TENSOR_U8, s->seen, 0, s->counts),
                         tensor("slots.rests", TENSOR_U32, s->rests, 0, s->rest)};
    char step[24], before[SHA256_HEX];
    uint64_t size;
    struct error err = {0};
    snprintf(step, sizeof step, "%llu", (unsigned long long)s->step);
    json_t *m = json_pack("{s:s}", "step", step);
    if (previous) {
        assert_ok(file_sha256(&sim.world, previous, before, &err), &err);
        json_object_set_new(m, CHAIN_PREVIOUS, json_string(previous));
        json_object_set_new(m, CHAIN_SHA256, json_string(before));
        json_object_set_new(m, CHAIN_ROWS, json_string(groups ? groups : GROUPS_TEXT));
    }
    assert_ok(safetensors_write(&sim.world, path, t, previous ? 7 : 6, m, sha256, &size, &err), &err);
    json_decref(m);
}

static const struct state base = {.step = 10,
                                  .live = 3,
                                  .slots = {1, 5, 9},
                                  .rows = {{1, 2}, {3, 4}, {5, 6}},
                                  .n = {7, 8, 9},
                                  .dense = {1, 1},
                                  .seen = 2,
                                  .seen_slots = {2, 4},
                                  .counts = {1, 1}};
/* 5 changes, 7 is new, 9 rests; 4 is counted again, 6 for the first time. */
static const struct state first = {.step = 12,
                                   .live = 2,
                                   .slots = {5, 7},
                                   .rows = {{30, 40}, {70, 71}},
                                   .n = {80, 81},
                                   .dense = {2, 2},
                                   .seen = 2,
                                   .seen_slots = {4, 6},
                                   .counts = {2, 1},
                                   .rests = 1,
                                   .rest = {9}};
/* 9 is back, 5 rests, and so does 100, which never lived. */
static const struct state second = {
    .step = 15, .live = 1, .slots = {9}, .rows = {{50, 60}}, .n = {90}, .dense = {3, 3}, .rests = 2, .rest = {5, 100}};
static const struct state after_first = {.step = 12,
                                         .live = 3,
                                         .slots = {1, 5, 7},
                                         .rows = {{1, 2}, {30, 40}, {70, 71}},
                                         .n = {7, 80, 81},
                                         .dense = {2, 2},
                                         .seen = 3,
                                         .seen_slots = {2, 4, 6},
                                         .counts = {1, 2, 1}};
static const struct state after_second = {.step = 15,
                                          .live = 3,
                                          .slots = {1, 7, 9},
                                          .rows = {{1, 2}, {70, 71}, {50, 60}},
                                          .n = {7, 81, 90},
                                          .dense = {3, 3},
                                          .seen = 3,
                                          .seen_slots = {2, 4, 6},
                                          .counts = {1, 2, 1}};

static void chain_write_all(void)
{
    char sha256[SHA256_HEX], before[64];
    world_sim_init(&sim);
    state_write(&base, name_of(10, false), NULL, NULL, sha256);
    strcpy(before, name_of(10, false));
    state_write(&first, name_of(12, true), before, NULL, sha256);
    strcpy(before, name_of(12, true));
    state_write(&second, name_of(15, true), before, NULL, sha256);
}

static int written_again(const char *path, char sha256[SHA256_HEX], struct error *err)
{
    struct chain c;
    uint64_t size;
    int rc = chain_open(&c, &sim.world, path, err);
    if (rc < 0) return rc;
    json_t *metadata = chain_metadata(&c, err);
    rc = chain_write(&c, &sim.world, "again", NULL, NULL, metadata, sha256, &size, err);
    json_decref(metadata);
    chain_close(&c);
    return rc;
}

static void deltas_come_to_the_whole_file(void **state)
{
    (void)state;
    static const struct state *const want[] = {&base, &after_first, &after_second};
    char whole[SHA256_HEX], again[SHA256_HEX];
    struct error err = {0};
    chain_write_all();
    for (size_t i = 0; i < 3; i++) {
        state_write(want[i], "whole", NULL, NULL, whole);
        assert_ok(written_again(name_of(want[i]->step, i > 0), again, &err), &err);
        assert_string_equal(whole, again);
    }
    world_sim_close(&sim);
}

/* Each piece of a tensor, at any place and of any size, is what the whole file has there. */
static void reads_anywhere(void **state)
{
    (void)state;
    struct chain c;
    struct error err = {0};
    char got[64];
    chain_write_all();
    assert_ok(chain_open(&c, &sim.world, name_of(15, true), &err), &err);
    assert_int_equal(c.count, 3);
    struct tensor_file file = chain_file(&c);
    const struct tensor *w = file.find(file.impl, "w");
    assert_int_equal(w->size_bytes, 24);
    assert_null(file.find(file.impl, "slots.rests"));
    for (size_t at = 0; at <= 24; at++)
        for (size_t size = 0; size + at <= 24; size++) {
            assert_ok(file.read(file.impl, w, at, got, size, &err), &err);
            assert_memory_equal(got, (const char *)after_second.rows + at, size);
        }
    assert_int_equal(file.read(file.impl, w, 20, got, 8, &err), -ERROR_DATA);
    chain_close(&c);
    world_sim_close(&sim);
}

static void each_delta_names_what_it_stands_on(void **state)
{
    (void)state;
    char previous[PATH_SIZE], want[64];
    struct error err = {0};
    chain_write_all();
    assert_int_equal(chain_previous(&sim.world, name_of(15, true), previous, &err), 1);
    strcpy(want, name_of(12, true));
    assert_string_equal(previous, want);
    assert_int_equal(chain_previous(&sim.world, want, previous, &err), 1);
    assert_string_equal(previous, name_of(10, false));
    assert_int_equal(chain_previous(&sim.world, name_of(10, false), previous, &err), 0);
    assert_int_equal(chain_previous(&sim.world, "none", previous, &err), -ERROR_NOTFOUND);
    world_sim_close(&sim);
}

static void refused(const char *path, const char *why)
{
    char sha256[SHA256_HEX];
    struct error err = {0};
    assert_int_equal(written_again(path, sha256, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, why);
}

static void missing_damaged_and_swapped_are_refused(void **state)
{
    (void)state;
    struct error err = {0};
    struct bytes text;
    char first_name[64], other[SHA256_HEX];
    strcpy(first_name, name_of(12, true));
    for (int gone = 0; gone < 2; gone++) { /* the delta between, the whole one */
        chain_write_all();
        assert_ok(path_unlink(&sim.world, gone ? name_of(10, false) : first_name, &err), &err);
        refused(name_of(15, true), gone ? "000000000010.safetensors, which is missing" : "000000000012.delta.safetensors, which is missing");
        world_sim_close(&sim);
    }
    for (size_t bit = 0;; bit += 997) { /* damage anywhere in the delta between */
        bytes_init(&text, 1 << 20);
        chain_write_all();
        assert_ok(file_slurp(&sim.world, first_name, &text, &err), &err);
        bool inside = bit / 8 < text.size;
        if (inside) text.data[bit / 8] ^= (char)(1 << bit % 8);
        assert_ok(file_publish(&sim.world, first_name, text.data, text.size, &err), &err);
        bytes_close(&text);
        if (inside) refused(name_of(15, true), "is a delta on another 000000000012.delta.safetensors than is there");
        world_sim_close(&sim);
        if (!inside) break;
    }
    chain_write_all(); /* two deltas change names */
    assert_ok(path_rename(&sim.world, first_name, "t", &err), &err);
    assert_ok(path_rename(&sim.world, name_of(15, true), first_name, &err), &err);
    assert_ok(path_rename(&sim.world, "t", name_of(15, true), &err), &err);
    refused(name_of(15, true), "is a delta of step 12, which is not what its name says");
    refused(first_name, "is a delta of step 15, which is not what its name says");
    world_sim_close(&sim);
    chain_write_all(); /* another run's file under the right name */
    state_write(&after_first, name_of(10, false), NULL, NULL, other);
    refused(first_name, "is a delta on another 000000000010.safetensors than is there");
    world_sim_close(&sim);
}

static void hostile_deltas_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *groups, *why;
    } bad[] = {{"", "has no delta_rows"},
               {"[]", "has no delta_rows"},
               {"{}", "has no delta_rows"},
               {"{\"slots\": 1}", "must be an object"},
               {"{\"slots\": [1]}", "tensor \"\" is missing"},
               {"{\"slots\": [\"v\"]}", "tensor \"v\" is missing"},
               {"{\"dense\": [\"w\"]}", "tensor \"dense\" is missing or of another type"},
               {"{\"slots\": [\"w\", \"w\"]}", "in two groups"},
               {"{\"slots\": [\"dense\"]}", "another shape"},
               {"{\"slots\": [\"slots.rests\"]}", "another shape"},
               {"{\"slots\": [\"admission.seen\"]}", "another shape"}};
    static const struct state unordered = {.step = 12, .live = 2, .slots = {7, 5}},
                              torn = {.step = 12, .live = 1, .slots = {5}, .rests = 1, .rest = {5}}, twice = {.step = 12, .live = 2, .slots = {5, 5}},
                              early = {.step = 10, .live = 0};
    char before[64], sha256[SHA256_HEX];
    chain_write_all();
    strcpy(before, name_of(10, false));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        state_write(&first, "d", before, bad[i].groups, sha256);
        refused("d", bad[i].why);
    }
    state_write(&unordered, "d", before, NULL, sha256);
    refused("d", "does not ascend");
    state_write(&twice, "d", before, NULL, sha256);
    refused("d", "does not ascend");
    state_write(&torn, "d", before, NULL, sha256);
    refused("d", "number 5 both changes and is gone");
    state_write(&early, "d", before, NULL, sha256);
    refused("d", "is no earlier checkpoint");
    world_sim_close(&sim);
}

static void survives_every_failed_call(void **state)
{
    (void)state;
    char sha256[SHA256_HEX];
    for (unsigned k = 1;; k++) {
        struct error err = {0};
        chain_write_all();
        world_sim_fail(&sim, k, ERROR_IO, 0, false);
        int rc = written_again(name_of(15, true), sha256, &err);
        bool failed = sim.failed;
        world_sim_fail(&sim, 0, ERROR_IO, 0, false);
        if (rc < 0) assert_true(failed && *err.msg);
        world_sim_close(&sim);
        if (!failed) break;
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(deltas_come_to_the_whole_file),      cmocka_unit_test(reads_anywhere),
    cmocka_unit_test(each_delta_names_what_it_stands_on), cmocka_unit_test(missing_damaged_and_swapped_are_refused),
    cmocka_unit_test(hostile_deltas_are_refused),         cmocka_unit_test(survives_every_failed_call),
};
TEST_MAIN(tests)
