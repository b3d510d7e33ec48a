/* Frequent texts against exact counts: exact while few, within the stated bound when many. */
#include "engine/data/inspect/frequent.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "lib/test.h"

static void add(struct frequent *f, const char *text, size_t size) { frequent_add(f, hash64(text, size, 3), text, size); }

static uint64_t number_of(const struct frequent_cell *cell)
{
    uint64_t n = 0;
    for (size_t i = 0; i < cell->size; i++) n = n * 10 + (uint64_t)(cell->text[i] - '0');
    return n;
}

static void few_texts_are_counted_exactly(void **state)
{
    struct frequent *f = mem_zero(sizeof *f, NULL);
    const struct frequent_cell *top[FREQUENT_MAX + 1];
    char text[16];
    (void)state;
    for (unsigned i = 0; i < FREQUENT_MAX; i++)
        for (unsigned n = 0; n <= i; n++) add(f, text, (size_t)snprintf(text, sizeof text, "%u", i));
    assert_int_equal(f->lowered, 0);
    assert_int_equal(frequent_top(f, top, FREQUENT_MAX + 1), FREQUENT_MAX);
    for (unsigned i = 0; i < FREQUENT_MAX; i++) {
        assert_int_equal(top[i]->count, FREQUENT_MAX - i);
        assert_int_equal(number_of(top[i]), FREQUENT_MAX - 1 - i);
    }
    assert_int_equal(frequent_top(f, top, 3), 3);
    assert_int_equal(top[2]->count, FREQUENT_MAX - 2);
    assert_int_equal(frequent_top(f, top, 0), 0);
    mem_free(f);
}

/* Three in ten additions are of ten heavy texts, the others of 20,000 light ones; orders: mixed, heavy last. */
static void many_texts_keep_the_bound(void **state)
{
    enum { ADDED = 200000, LIGHT = 20000 };
    (void)state;
    for (int heavy_last = 0; heavy_last < 2; heavy_last++) {
        struct frequent *f = mem_zero(sizeof *f, NULL);
        uint64_t *exact = mem_array(LIGHT + 10, 1, sizeof *exact, NULL);
        const struct frequent_cell *top[FREQUENT_MAX];
        char text[16];
        for (uint64_t i = 0; i < ADDED; i++) {
            struct rng rng = rng_at(5, RNG_TEST, 0, i);
            bool heavy = heavy_last ? i >= ADDED * 7 / 10 : rng_below(&rng, 10) < 3;
            uint64_t which = heavy ? rng_below(&rng, 10) : 10 + rng_below(&rng, LIGHT);
            exact[which]++;
            add(f, text, (size_t)snprintf(text, sizeof text, "%u", (unsigned)which));
        }
        assert_int_equal(f->added, ADDED);
        assert_in_range(f->lowered, 1, 2 * ADDED / FREQUENT_MAX);
        size_t n = frequent_top(f, top, FREQUENT_MAX);
        for (size_t i = 0; i < n; i++) {
            uint64_t truth = exact[number_of(top[i])];
            assert_in_range(truth, top[i]->count, top[i]->count + f->lowered);
            exact[number_of(top[i])] = 0;
            if (i < 10) assert_true(number_of(top[i]) < 10);
        }
        for (size_t i = 0; i < LIGHT + 10; i++) assert_true(exact[i] <= f->lowered); /* what has no counter */
        mem_free(exact);
        mem_free(f);
    }
}

static void long_and_empty_texts(void **state)
{
    struct frequent *f = mem_zero(sizeof *f, NULL);
    const struct frequent_cell *top[4];
    char a[200], b[200];
    (void)state;
    memset(a, 'x', sizeof a);
    memset(b, 'x', sizeof b);
    b[199] = 'y'; /* differs beyond what is kept */
    add(f, a, sizeof a);
    add(f, b, sizeof b);
    add(f, b, sizeof b);
    add(f, "", 0);
    assert_int_equal(frequent_top(f, top, 4), 3);
    assert_int_equal(top[0]->count, 2);
    assert_int_equal(top[0]->size, FREQUENT_TEXT);
    assert_false(top[0]->whole);
    assert_int_equal(top[1]->size, 0);
    assert_true(top[1]->whole);
    mem_free(f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(few_texts_are_counted_exactly),
    cmocka_unit_test(many_texts_keep_the_bound),
    cmocka_unit_test(long_and_empty_texts),
};
TEST_MAIN(tests)
