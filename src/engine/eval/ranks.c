/* Rows in score order: sortable keys, a radix sort, and a walk over tie groups that exact scores and histograms share.
 *
 * Every rank metric (AUC, its DeLong variance, average precision) needs no more than the sequence of (positives, negatives) that share a score,
 * in ascending order; two sorted arrays of keys give it by merging, a histogram gives it bin by bin. */
#include <math.h>
#include <string.h>

#include "engine/eval/parts.h"

uint32_t rank_key(float score)
{
    uint32_t bits;
    score += 0.0f; /* -0 becomes +0: they are one score */
    memcpy(&bits, &score, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

float rank_unkey(uint32_t key)
{
    uint32_t bits = key & 0x80000000u ? key & 0x7FFFFFFFu : ~key;
    float score;
    memcpy(&score, &bits, sizeof score);
    return score;
}

/* One radix sort for two widths of key: a pass that would find one digit only is skipped, and the last pass that ran decides where the keys are. */
enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };
#define RANK_SORT(name, type, passes) \
    void name(type *keys, type *scratch, size_t n) \
    { \
        size_t counts[passes][DIGITS] = {{0}}; \
        type *from = keys, *to = scratch; \
        for (size_t i = 0; i < n; i++) \
            for (int pass = 0; pass < (passes); pass++) counts[pass][keys[i] >> pass * DIGIT_BITS & (DIGITS - 1)]++; \
        for (int pass = 0; n && pass < (passes); pass++) { \
            size_t at = 0, *starts = counts[pass]; \
            if (starts[from[0] >> pass * DIGIT_BITS & (DIGITS - 1)] == n) continue; \
            for (int d = 0; d < DIGITS; d++) { \
                size_t count = starts[d]; \
                starts[d] = at; \
                at += count; \
            } \
            for (size_t i = 0; i < n; i++) to[starts[from[i] >> pass * DIGIT_BITS & (DIGITS - 1)]++] = from[i]; \
            type *swap = from; \
            from = to, to = swap; \
        } \
        if (from != keys && n) memcpy(keys, from, n * sizeof *keys); \
    }
RANK_SORT(rank_sort, uint32_t, 3)
RANK_SORT(rank_sort_weighted, uint64_t, 6)

static double wide_value(struct wide w, int bits) { return ldexp((double)((unsigned __int128)w.high << 64 | w.low), -bits); }

static bool bin_next(const struct rank_groups *r, struct rank_cursor *c, struct rank_group *out)
{
    while (c->bin < r->bin_count) {
        size_t b = c->bin++;
        const uint64_t *bin = r->bins[b];
        if (!(bin[0] | bin[1])) continue;
        *out = (struct rank_group){.rows = {bin[0], bin[1]}, .logit = (double)r->bin_first + ((double)b + 0.5) * (double)r->bin_width};
        for (int y = 0; y < 2; y++) {
            out->weight[y] = r->weight_bins ? wide_value(r->weight_bins[b].weight[y], WEIGHT_BITS) : (double)bin[y];
            out->square[y] = r->weight_bins ? wide_value(r->weight_bins[b].square[y], SQUARE_BITS) : (double)bin[y];
        }
        return true;
    }
    return false;
}

static bool key_next(const struct rank_groups *r, struct rank_cursor *c, struct rank_group *out)
{
    bool positive = c->at[1] < r->positives, negative = c->at[0] < r->negatives;
    if (!positive && !negative) return false;
    uint32_t key = positive ? r->positive_keys[c->at[1]] : r->negative_keys[c->at[0]];
    if (positive && negative && r->negative_keys[c->at[0]] < key) key = r->negative_keys[c->at[0]];
    uint64_t p = c->at[1], n = c->at[0];
    while (p < r->positives && r->positive_keys[p] == key) p++;
    while (n < r->negatives && r->negative_keys[n] == key) n++;
    uint64_t rows[2] = {n - c->at[0], p - c->at[1]};
    double w0 = (double)rows[0], w1 = (double)rows[1];
    *out = (struct rank_group){.rows = {rows[0], rows[1]}, .weight = {w0, w1}, .square = {w0, w1}, .logit = (double)rank_unkey(key)};
    c->at[1] = p, c->at[0] = n;
    return true;
}

static bool weighted_next(const struct rank_groups *r, struct rank_cursor *c, struct rank_group *out)
{
    const uint64_t *keys[2] = {r->negative_weighted, r->positive_weighted}, ends[2] = {r->negatives, r->positives};
    uint64_t key = UINT64_MAX;
    for (int y = 0; y < 2; y++)
        if (keys[y] && c->at[y] < ends[y] && keys[y][c->at[y]] >> 32 < key) key = keys[y][c->at[y]] >> 32;
    if (key == UINT64_MAX) return false;
    *out = (struct rank_group){.logit = (double)rank_unkey((uint32_t)key)};
    for (int y = 0; y < 2; y++)
        for (; keys[y] && c->at[y] < ends[y] && keys[y][c->at[y]] >> 32 == key; c->at[y]++) {
            uint32_t bits = (uint32_t)keys[y][c->at[y]];
            float weight;
            memcpy(&weight, &bits, sizeof weight);
            out->rows[y]++;
            out->weight[y] += (double)weight;
            out->square[y] += (double)weight * (double)weight;
        }
    return true;
}

bool rank_weighted(const struct rank_groups *r) { return r->weight_bins || r->positive_weighted || r->negative_weighted; }

bool rank_next(const struct rank_groups *r, struct rank_cursor *c, struct rank_group *out)
{
    if (r->bins) return bin_next(r, c, out);
    return r->positive_weighted || r->negative_weighted ? weighted_next(r, c, out) : key_next(r, c, out);
}
