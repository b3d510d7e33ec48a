/* Merge and aggregation: equal to the canonical tree written as its recursive definition, bit for bit, for any presence of shards. */
#include "lib/test.h"

#include <string.h>

#include "base/rng.h"
#include "engine/comm/merge.h"
#include "engine/compress/aggregate.h"

enum { SHARDS = 11, IDS = 40 };

struct shard_rows {
    size_t count;
    uint32_t ids[IDS];
    float values[IDS * 20];
};

/* sum(lo, hi) = sum(lo, mid) + sum(mid, hi), mid = lo + 2^(ceil(log2(hi - lo)) - 1); an absent shard is a skipped leaf. */
static bool tree(const float *leaf, const bool *here, size_t lo, size_t hi, float *out)
{
    if (hi - lo == 1) {
        *out = leaf[lo];
        return here[lo];
    }
    size_t half = 1;
    while (2 * half < hi - lo) half *= 2;
    float left, right;
    bool l = tree(leaf, here, lo, lo + half, &left), r = tree(leaf, here, lo + half, hi, &right);
    *out = l && r ? left + right : l ? left : right;
    return l || r;
}

static void fill(struct shard_rows *rows, struct merge_source *sources, size_t shards, uint32_t width, uint64_t seed)
{
    struct rng rng = rng_at(seed, RNG_TEST, width, shards);
    for (size_t s = 0; s < shards; s++) {
        rows[s].count = 0;
        for (uint32_t id = 0; id < IDS; id++) {
            if (rng_unit(&rng) < 0.5) continue;
            bool zero = rng_unit(&rng) < 0.2; /* of either sign */
            for (uint32_t j = 0; j < width; j++)
                rows[s].values[rows[s].count * width + j] = (float)(rng_normal(&rng) * (zero ? 0 : j % 3 ? 1e-3 : 1e3));
            rows[s].ids[rows[s].count++] = id * 7;
        }
        sources[s] = (struct merge_source){.ids = rows[s].ids, .values = rows[s].values, .count = rows[s].count};
    }
}

static const float *row_of(const struct shard_rows *rows, uint32_t id, uint32_t width)
{
    for (size_t i = 0; i < rows->count; i++)
        if (rows->ids[i] == id) return rows->values + i * width;
    return NULL;
}

static void mean_is_the_canonical_tree(void **state)
{
    (void)state;
    static struct shard_rows rows[SHARDS];
    static float out[IDS * 20];
    struct merge_source sources[SHARDS];
    struct merge m = {0};
    struct error err = {0};
    for (size_t shards = 1; shards <= SHARDS; shards++)
        for (uint32_t width = 1; width <= 20; width += width == 1 ? 3 : 16) /* 1, 4, 20 */
            for (uint64_t seed = 1; seed <= 20; seed++) {
                fill(rows, sources, shards, width, seed);
                assert_ok(merge_rows(&m, sources, shards, width, &err), &err);
                aggregate_mean.combine(NULL, &m.merged, 8, out);
                for (size_t i = 0; i < m.merged.count; i++)
                    for (uint32_t j = 0; j < width; j++) {
                        float leaf[SHARDS], want;
                        bool here[SHARDS];
                        for (size_t s = 0; s < shards; s++) {
                            const float *row = row_of(&rows[s], m.merged.ids[i], width);
                            here[s] = row;
                            leaf[s] = row ? row[j] : 0;
                        }
                        assert_true(tree(leaf, here, 0, shards, &want));
                        want *= 0.125f;
                        assert_memory_equal(&out[i * width + j], &want, sizeof want);
                    }
            }
    merge_close(&m);
}

/* A second table of the same rows is merged without a look-up; other rows are not. */
static void merge_again_wants_the_same_rows(void **state)
{
    (void)state;
    static struct shard_rows rows[3], wide[3];
    static float out[IDS * 20], want[IDS * 20];
    struct merge_source sources[3], again[3];
    struct merge m = {0}, alone = {0};
    struct error err = {0};
    fill(rows, sources, 3, 1, 1);
    memcpy(wide, rows, sizeof wide);
    for (size_t s = 0; s < 3; s++) {
        for (size_t i = 0; i < wide[s].count * 20; i++) wide[s].values[i] = (float)(s + i);
        again[s] = (struct merge_source){.ids = wide[s].ids, .values = wide[s].values, .count = wide[s].count};
    }
    assert_ok(merge_rows(&m, sources, 3, 1, &err), &err);
    assert_true(merge_again(&m, sources, again, 3, 20));
    assert_ok(merge_rows(&alone, again, 3, 20, &err), &err);
    assert_int_equal(m.merged.count, alone.merged.count);
    aggregate_mean.combine(NULL, &m.merged, 8, out);
    aggregate_mean.combine(NULL, &alone.merged, 8, want);
    assert_memory_equal(out, want, m.merged.count * 20 * sizeof *out);
    wide[2].ids[wide[2].count - 1]++;
    assert_false(merge_again(&m, sources, again, 3, 20));
    wide[2].ids[wide[2].count - 1]--;
    again[0].count--;
    assert_false(merge_again(&m, sources, again, 3, 20));
    merge_close(&m);
    merge_close(&alone);
}

/* Values may lie in another order than ids: the places say where. */
static void places_say_where_the_values_are(void **state)
{
    (void)state;
    static struct shard_rows rows[3];
    static float moved[3][IDS * 4], out[IDS * 4], want[IDS * 4];
    static uint32_t places[3][IDS];
    struct merge_source sources[3], placed[3];
    struct merge m = {0}, plain = {0};
    struct error err = {0};
    fill(rows, sources, 3, 4, 7);
    for (size_t s = 0; s < 3; s++) {
        placed[s] = sources[s];
        placed[s].values = moved[s], placed[s].place = places[s];
        for (size_t i = 0; i < sources[s].count; i++) {
            places[s][i] = (uint32_t)(sources[s].count - 1 - i);
            memcpy(moved[s] + places[s][i] * 4, sources[s].values + i * 4, 4 * sizeof(float));
        }
    }
    assert_ok(merge_rows(&plain, sources, 3, 4, &err), &err);
    assert_ok(merge_rows(&m, placed, 3, 4, &err), &err);
    assert_int_equal(m.merged.count, plain.merged.count);
    assert_memory_equal(m.merged.ids, plain.merged.ids, m.merged.count * sizeof *m.merged.ids);
    aggregate_mean.combine(NULL, &m.merged, 8, out);
    aggregate_mean.combine(NULL, &plain.merged, 8, want);
    assert_memory_equal(out, want, m.merged.count * 4 * sizeof *out);
    assert_true(merge_again(&m, placed, placed, 3, 4));
    assert_false(merge_again(&m, placed, sources, 3, 4));
    uint32_t other[IDS];
    memcpy(other, places[1], sizeof other);
    other[0]++;
    struct merge_source again[3] = {placed[0], placed[1], placed[2]};
    again[1].place = other;
    assert_false(merge_again(&m, placed, again, 3, 4));
    merge_close(&m);
    merge_close(&plain);
}

/* What an earlier merge left in the table is nobody's row of the next, which may have fewer. */
static void each_merge_begins_anew(void **state)
{
    (void)state;
    static struct shard_rows rows[2];
    struct merge_source sources[2];
    struct merge m = {0};
    struct error err = {0};
    for (uint64_t round = 0; round < 200; round++) {
        fill(rows, sources, 2, 1, 1 + round % 5);
        assert_ok(merge_rows(&m, sources, 2, 1, &err), &err);
        size_t distinct = 0;
        for (uint32_t id = 0; id < IDS * 7; id++) distinct += row_of(&rows[0], id, 1) || row_of(&rows[1], id, 1);
        assert_int_equal(m.merged.count, distinct);
    }
    merge_close(&m);
}

static void vote_counts_signs(void **state)
{
    (void)state;
    const uint32_t ids[] = {5};
    const float up[] = {2, 0, -1}, down[] = {-3, 0, -1}, more[] = {0.5f, 1, 4};
    struct merge_source sources[4] = {{ids, up, 1, NULL}, {ids, down, 1, NULL}, {ids, more, 1, NULL}, {ids, more, 0, NULL}};
    struct merge m = {0};
    struct error err = {0};
    int none = 0, mean_abs = 1;
    float out[3];
    assert_ok(merge_rows(&m, sources, 4, 3, &err), &err);
    aggregate_vote.combine(&none, &m.merged, 4, out);
    assert_true(out[0] == 1 && out[1] == 1 && out[2] == -1);
    aggregate_vote.combine(&mean_abs, &m.merged, 4, out);
    assert_close(out[0], 5.5 / 4, 1e-6, 0);
    assert_close(out[2], -6.0 / 4, 1e-6, 0);
    merge_close(&m);
    sources[2].count = 0; /* a tie gives 0 */
    assert_ok(merge_rows(&m, sources, 4, 3, &err), &err);
    aggregate_vote.combine(&none, &m.merged, 4, out);
    assert_true(out[0] == 0 && out[1] == 0 && out[2] == -1);
    merge_close(&m);
}

/* One shard sends -100 g: the mean turns round, the vote does not. */
static void vote_withstands_a_liar(void **state)
{
    (void)state;
    const uint32_t ids[] = {1};
    const float honest[] = {1}, liar[] = {-100};
    struct merge_source sources[5] = {
        {ids, honest, 1, NULL}, {ids, honest, 1, NULL}, {ids, liar, 1, NULL}, {ids, honest, 1, NULL}, {ids, honest, 1, NULL}};
    struct merge m = {0};
    struct error err = {0};
    int none = 0;
    float mean, vote;
    assert_ok(merge_rows(&m, sources, 5, 1, &err), &err);
    aggregate_mean.combine(NULL, &m.merged, 5, &mean);
    aggregate_vote.combine(&none, &m.merged, 5, &vote);
    assert_true(mean < 0 && vote == 1);
    merge_close(&m);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(mean_is_the_canonical_tree), cmocka_unit_test(places_say_where_the_values_are),
                                          cmocka_unit_test(each_merge_begins_anew),     cmocka_unit_test(merge_again_wants_the_same_rows),
                                          cmocka_unit_test(vote_counts_signs),          cmocka_unit_test(vote_withstands_a_liar)};
TEST_MAIN(tests)
