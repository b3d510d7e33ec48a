/* The external sort: the order of qsort, whatever fits in memory; every failing call of the disk; nothing left behind. */
#include "engine/eval/sorter.h"
#include "lib/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "lib/world_sim.h"

enum { MAX = 400000 };
static struct sort_row rows[MAX];

struct walked { /* what a walk saw, as one line a tie and one a group, hashed in order; and counts */
    uint64_t hash, ties, groups, seen, group, open;
    double logit;
    bool ordered;
};

static uint64_t mix(uint64_t h, const void *data, size_t size)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < size; i++) h = (h ^ p[i]) * 1099511628211u;
    return h;
}

static void walked_tie(void *context, uint64_t group, const struct rank_group *tie)
{
    struct walked *w = context;
    if (w->open ? group != w->group || !(tie->logit < w->logit) : w->groups && group <= w->group) w->ordered = false;
    w->group = group, w->logit = tie->logit, w->open = 1;
    w->hash = mix(mix(w->hash, &group, sizeof group), tie, sizeof *tie);
    w->ties++;
    w->seen += tie->rows[0] + tie->rows[1];
}

static void walked_end(void *context, uint64_t group)
{
    struct walked *w = context;
    if (!w->open || group != w->group) w->ordered = false;
    w->open = 0;
    w->groups++;
}

static int walk(struct sorter *s, struct walked *out, struct error *err)
{
    *out = (struct walked){.ordered = true};
    return sorter_walk(s, &(struct sort_visitor){out, walked_tie, walked_end}, err);
}

static void draw(size_t n, uint64_t groups, unsigned set)
{
    struct rng rng = rng_at(5, RNG_TEST, 1, set);
    for (size_t i = 0; i < n; i++) {
        float logit = (float)(floor(rng_normal(&rng) * 20) / 8), weight = set % 2 ? (float)rng_unit(&rng) + 0.01f : 1;
        rows[i] = sort_row_of(rng_below(&rng, groups) * (set % 3 ? 1 : 0x9E3779B97F4A7C15u), logit, rng_u32(&rng) % 4 == 0, weight);
    }
}

static int compare(const void *a, const void *b)
{
    const struct sort_row *x = a, *y = b;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* The walk over rows that qsort ordered. */
static struct walked expected(size_t n)
{
    struct walked w = {.ordered = true};
    struct rank_group tie = {0};
    qsort(rows, n, sizeof *rows, compare);
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = rows[i].row & 0x7FFFFFFF;
        int y = rows[i].row >> 31;
        float weight;
        memcpy(&weight, &bits, sizeof weight);
        if (i == 0 || rows[i].group != rows[i - 1].group || rows[i].key != rows[i - 1].key)
            tie = (struct rank_group){.logit = (double)rank_unkey(~rows[i].key)};
        tie.rows[y]++, tie.weight[y] += (double)weight, tie.square[y] += (double)weight * (double)weight;
        bool ends = i + 1 == n || rows[i + 1].group != rows[i].group;
        if (ends || rows[i + 1].key != rows[i].key) walked_tie(&w, rows[i].group, &tie);
        if (ends) walked_end(&w, rows[i].group);
    }
    return w;
}

static void order_is_that_of_qsort(void **state)
{
    (void)state;
    char dir[PATH_SIZE], file[PATH_SIZE];
    struct error err = {0};
    test_dir(dir);
    const struct {
        size_t n, chunk, memory;
        uint64_t groups;
    } cases[] = {{0, 1, 1, 1},           {1, 1, 1, 1},           {5000, 37, 1 << 20, 50}, {5000, 5000, 1, 5000},
                 {8192, 4096, 1, 3},     {MAX, 1000, 1, 100000}, /* 98 runs of 4,096 rows, more than 64: they are merged on the way */
                 {MAX, 777, 1 << 20, 1}, {MAX, 256, 1 << 20, 7}};
    for (unsigned c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct walked got, again, want;
        draw(cases[c].n, cases[c].groups, c);
        struct sorter *s = sorter_new(&(struct sorter_config){.world = &world_real, .folder = dir, .name = "test", .memory_bytes = cases[c].memory},
                                      &err);
        assert_ok(s ? 0 : -1, &err);
        for (size_t at = 0; at < cases[c].n; at += cases[c].chunk)
            assert_ok(sorter_add(s, rows + at, cases[c].n - at < cases[c].chunk ? cases[c].n - at : cases[c].chunk, &err), &err);
        assert_ok(walk(s, &got, &err), &err);
        assert_ok(walk(s, &again, &err), &err);
        want = expected(cases[c].n);
        assert_true(got.ordered && got.seen == cases[c].n && !sorter_overflowed(s));
        assert_true(got.hash == want.hash && got.ties == want.ties && got.groups == want.groups);
        assert_true(again.hash == want.hash);
        sorter_free(s);
        for (int i = 0; i < 2; i++) {
            assert_ok(path_join(file, dir, i ? "test.sort2" : "test.sort", &err), &err);
            assert_false(path_exists(&world_real, file));
        }
    }
}

static void rows_may_follow_a_walk(void **state)
{
    (void)state;
    char dir[PATH_SIZE];
    struct error err = {0};
    struct walked got;
    enum { N = 30000 };
    test_dir(dir);
    for (int folder = 0; folder < 2; folder++) {
        draw(N, 100, 3);
        struct sorter *s = sorter_new(
            &(struct sorter_config){
                .world = folder ? &world_real : NULL, .folder = folder ? dir : NULL, .name = "test", .memory_bytes = folder ? 1 : 1 << 20},
            &err);
        for (size_t at = 0; at < N; at += N / 3) {
            assert_ok(sorter_add(s, rows + at, N / 3, &err), &err);
            assert_ok(walk(s, &got, &err), &err);
            assert_int_equal(got.seen, at + N / 3);
        }
        assert_true(got.hash == expected(N).hash);
        sorter_free(s);
    }
}

static void memory_alone_overflows(void **state)
{
    (void)state;
    struct error err = {0};
    struct walked got;
    draw(4097, 100, 3);
    struct sorter *s = sorter_new(&(struct sorter_config){.name = "test", .memory_bytes = 1}, &err);
    assert_ok(sorter_add(s, rows, 4096, &err), &err);
    assert_false(sorter_overflowed(s));
    assert_ok(walk(s, &got, &err), &err);
    assert_int_equal(got.seen, 4096);
    assert_ok(sorter_add(s, rows, 1, &err), &err);
    assert_true(sorter_overflowed(s));
    assert_ok(sorter_add(s, rows, 4096, &err), &err);
    sorter_free(s);
    sorter_free(NULL);
}

/* The k-th call of the disk fails, for every k: an error that says what, no file left, no leak. */
static void every_call_of_the_disk_may_fail(void **state)
{
    (void)state;
    enum { N = 4096 * 3 + 5 };
    static struct world_sim sim;
    bool failed = true;
    unsigned k;
    draw(N, 100, 3);
    for (k = 1; failed && k < 200; k++) {
        struct error err = {0};
        struct walked got;
        world_sim_init(&sim);
        assert_ok(path_mkdirs(&sim.world, "sort", &err), &err);
        sim.calls = 0, sim.fail_at = k, sim.fail_code = k % 2 ? ERROR_NOSPACE : ERROR_IO, sim.failed = false;
        struct sorter *s = sorter_new(&(struct sorter_config){.world = &sim.world, .folder = "sort", .name = "test", .memory_bytes = 1}, &err);
        int rc = sorter_add(s, rows, N, &err);
        if (rc == 0) rc = walk(s, &got, &err);
        failed = sim.failed;
        if (failed) {
            assert_true(rc == -(int)sim.fail_code && err.code == sim.fail_code);
        } else assert_true(rc == 0 && got.seen == N);
        sorter_free(s);
        assert_false(path_exists(&sim.world, "sort/test.sort"));
        world_sim_close(&sim);
    }
    assert_true(!failed && k > 8);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(order_is_that_of_qsort),
    cmocka_unit_test(rows_may_follow_a_walk),
    cmocka_unit_test(memory_alone_overflows),
    cmocka_unit_test(every_call_of_the_disk_may_fail),
};
TEST_MAIN(tests)
