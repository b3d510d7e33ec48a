/* Isotonic regression: the rising step function of the score that is nearest to the labels, by pooling adjacent violators (Zadrozny, Elkan 2002).
 *
 * Each pooled block gives two knots, the edges of its first and its last bin, with the block's click rate as a logit; between blocks the logit is
 * interpolated, beyond the ends it is held. More than 512 blocks are bundled to 512 of equal weight, which keeps them rising. A block without clicks
 * (or with nothing else) would be an infinite logit: it takes (clicks + 1/2) / (rows + 1), but never past the half of its neighbour. */
#include <math.h>

#include "base/mem.h"
#include "engine/eval/calibrate.h"

enum { BLOCKS_MAX = CALIBRATE_KNOTS_MAX / 2 };

struct block {
    double first, last, positive, weight;
};

static double rate(const struct block *b) { return b->positive / b->weight; }

static void join(struct block *into, const struct block *next)
{
    into->last = next->last;
    into->positive += next->positive, into->weight += next->weight;
}

static size_t pool(const struct calibrate_bins *bins, struct block *blocks)
{
    size_t n = 0;
    for (size_t i = 0; i < bins->count; i++) {
        blocks[n++] = (struct block){bins->logit[i], bins->logit[i], bins->positive[i], bins->positive[i] + bins->negative[i]};
        while (n > 1 && rate(&blocks[n - 2]) >= rate(&blocks[n - 1])) {
            join(&blocks[n - 2], &blocks[n - 1]);
            n--;
        }
    }
    return n;
}

/* Neighbours joined until BLOCKS_MAX are left, each about as heavy. */
static size_t bundle(struct block *blocks, size_t n)
{
    double total = 0, below = 0;
    size_t out = 0, last = SIZE_MAX;
    for (size_t i = 0; i < n; i++) total += blocks[i].weight;
    for (size_t i = 0; i < n; i++) {
        struct block next = blocks[i];
        size_t at = (size_t)((below + next.weight / 2) / total * BLOCKS_MAX);
        below += next.weight;
        if (out && at == last) join(&blocks[out - 1], &next);
        else blocks[out++] = next;
        last = at;
    }
    return out;
}

static double block_rate(const struct block *blocks, size_t n, size_t i)
{
    const struct block *b = &blocks[i];
    double p = rate(b), smooth = (b->positive + 0.5) / (b->weight + 1);
    if (p <= 0) return n > 1 ? fmin(smooth, rate(&blocks[i + 1]) / 2) : smooth; /* only the first can be 0, only the last 1 */
    if (p >= 1) return n > 1 ? fmax(smooth, 1 - (1 - rate(&blocks[i - 1])) / 2) : smooth;
    return p;
}

static int isotonic_fit(const struct calibrate_bins *bins, struct calibration *out, struct error *err)
{
    struct block *blocks = mem_array(bins->count, 1, sizeof *blocks, err);
    out->from = blocks ? mem_array(CALIBRATE_KNOTS_MAX, 1, sizeof *out->from, err) : NULL;
    out->to = out->from ? mem_array(CALIBRATE_KNOTS_MAX, 1, sizeof *out->to, err) : NULL;
    size_t n = out->to ? pool(bins, blocks) : 0;
    if (n > BLOCKS_MAX) n = bundle(blocks, n);
    for (size_t i = 0; i < n; i++) {
        const double ends[2] = {blocks[i].first, blocks[i].last}, p = block_rate(blocks, n, i);
        for (int end = 0; end < 2; end++) {
            float edge = (float)(ends[end] + (end ? CALIBRATE_BIN_WIDTH / 2 : -CALIBRATE_BIN_WIDTH / 2));
            out->from[out->count] = end ? nextafterf(edge, -INFINITY) : edge; /* the next block may begin at this very edge */
            out->to[out->count++] = (float)log(p / (1 - p));
        }
    }
    mem_free(blocks);
    if (n > 0) return 0;
    calibration_close(out);
    return -ERROR_NOMEM;
}

const struct calibrator calibrator_isotonic = {
    .kind = {.name = "isotonic", .summary = "a rising step function of the logit, fitted to the validation side", .source = "Zadrozny, Elkan 2002"},
    .fit = isotonic_fit};
