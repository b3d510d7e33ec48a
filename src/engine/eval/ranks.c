/* Rows in score order: sortable keys, a radix sort, and a walk over tie groups that exact scores and histograms share.
 *
 * Every rank metric (AUC, its DeLong variance, average precision) needs no more than the sequence of (positives, negatives) that share a score,
 * in ascending order; two sorted arrays of 4-byte keys give it by merging, a histogram gives it bin by bin. */
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

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, PASSES = 3 };

void rank_sort(uint32_t *keys, uint32_t *scratch, size_t n)
{
    size_t counts[PASSES][DIGITS] = {{0}};
    for (size_t i = 0; i < n; i++)
        for (int pass = 0; pass < PASSES; pass++) counts[pass][keys[i] >> pass * DIGIT_BITS & (DIGITS - 1)]++;
    uint32_t *from = keys, *to = scratch;
    for (int pass = 0; pass < PASSES; pass++) {
        size_t at = 0;
        for (int d = 0; d < DIGITS; d++) {
            size_t count = counts[pass][d];
            counts[pass][d] = at;
            at += count;
        }
        for (size_t i = 0; i < n; i++) to[counts[pass][from[i] >> pass * DIGIT_BITS & (DIGITS - 1)]++] = from[i];
        uint32_t *swap = from;
        from = to, to = swap;
    }
    if (n) memcpy(keys, scratch, n * sizeof *keys); /* an odd number of passes ends in scratch */
}

static bool bin_next(const struct rank_groups *r, struct rank_cursor *c, struct rank_group *out)
{
    while (c->bin < r->bin_count) {
        const uint64_t *bin = r->bins[c->bin++];
        if (!(bin[0] | bin[1])) continue;
        *out = (struct rank_group){.positives = bin[1], .negatives = bin[0]};
        return true;
    }
    return false;
}

bool rank_next(const struct rank_groups *r, struct rank_cursor *c, struct rank_group *out)
{
    if (r->bins) return bin_next(r, c, out);
    bool positive = c->positive < r->positives, negative = c->negative < r->negatives;
    if (!positive && !negative) return false;
    uint32_t key = positive ? r->positive_keys[c->positive] : r->negative_keys[c->negative];
    if (positive && negative && r->negative_keys[c->negative] < key) key = r->negative_keys[c->negative];
    uint64_t p = c->positive, n = c->negative;
    while (p < r->positives && r->positive_keys[p] == key) p++;
    while (n < r->negatives && r->negative_keys[n] == key) n++;
    *out = (struct rank_group){.positives = p - c->positive, .negatives = n - c->negative};
    c->positive = p, c->negative = n;
    return true;
}
