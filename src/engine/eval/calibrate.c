#include "engine/eval/calibrate.h"

#include <math.h>
#include <stdatomic.h>

#include "base/mem.h"

static const float bin_range = 32;
static const double weight_one = 0x1p20; /* weights count in multiples of 2^-20 */

struct calibrate_counts {
    atomic_uint_fast64_t (*bins)[2]; /* (CALIBRATE_BINS) */
};

const struct calibrator *const calibrators[] = {&calibrator_none, &calibrator_platt, &calibrator_isotonic, NULL};

const struct calibrator *calibrator_find(const char *name)
{
    return (const struct calibrator *)kind_find((const struct kind *const *)calibrators, name);
}

struct calibrate_counts *calibrate_counts_new(struct error *err)
{
    struct calibrate_counts *c = mem_zero(sizeof *c, err);
    if (c && (c->bins = mem_huge(CALIBRATE_BINS, sizeof *c->bins, err))) return c;
    mem_free(c);
    return NULL;
}

void calibrate_counts_free(struct calibrate_counts *c)
{
    if (!c) return;
    mem_huge_free(c->bins, CALIBRATE_BINS, sizeof *c->bins);
    mem_free(c);
}

void calibrate_counts_add(struct calibrate_counts *c, const float *logits, const float *labels, const float *weights, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float at = (logits[i] + bin_range) * (CALIBRATE_BINS / (2 * bin_range)), weight = weights ? weights[i] : 1;
        if (!isfinite(logits[i]) || !(weight > 0)) continue;
        size_t bin = at > 0 ? at < CALIBRATE_BINS - 1 ? (size_t)at : CALIBRATE_BINS - 1 : 0;
        atomic_fetch_add_explicit(&c->bins[bin][labels[i] > 0.5f], (uint64_t)((double)weight * weight_one + 0.5), memory_order_relaxed);
    }
}

static void bins_close(struct calibrate_bins *v)
{
    mem_free(v->logit);
    mem_free(v->positive);
    mem_free(v->negative);
}

static int bins_open(struct calibrate_bins *v, const struct calibrate_counts *c, struct error *err)
{
    size_t n = 0;
    *v = (struct calibrate_bins){0};
    for (size_t b = 0; b < CALIBRATE_BINS; b++) n += (c->bins[b][0] | c->bins[b][1]) != 0;
    v->logit = mem_array(n, 1, sizeof *v->logit, err);
    v->positive = mem_array(n, 1, sizeof *v->positive, err);
    v->negative = mem_array(n, 1, sizeof *v->negative, err);
    if (!v->logit || !v->positive || !v->negative) {
        bins_close(v);
        return -ERROR_NOMEM;
    }
    for (size_t b = 0; b < CALIBRATE_BINS; b++) {
        uint64_t negative = c->bins[b][0], positive = c->bins[b][1];
        if (!(negative | positive)) continue;
        v->logit[v->count] = -(double)bin_range + ((double)b + 0.5) * CALIBRATE_BIN_WIDTH;
        v->positive[v->count] = (double)positive / weight_one;
        v->negative[v->count++] = (double)negative / weight_one;
    }
    return 0;
}

int calibrate_fit(const struct calibrator *kind, const struct calibrate_counts *counts, struct calibration *out, struct error *err)
{
    struct calibrate_bins bins;
    double positive = 0, negative = 0, offset = out->logit_offset;
    calibration_close(out);
    out->logit_offset = offset;
    if (!kind->fit) return 0;
    int rc = bins_open(&bins, counts, err);
    if (rc < 0) return rc;
    for (size_t i = 0; i < bins.count; i++) positive += bins.positive[i], negative += bins.negative[i];
    if (positive > 0 && negative > 0) rc = kind->fit(&bins, out, err);
    else
        rc = error_set(err, ERROR_DATA, NULL, "calibration %s: the rows to fit it to %s; it needs both classes", kind->kind.name,
                       positive > 0   ? "have label 1 only"
                       : negative > 0 ? "have label 0 only"
                                      : "are none");
    bins_close(&bins);
    return rc;
}

const struct calibrator calibrator_none = {.kind = {.name = "none", .summary = "scores as the model gives them", .source = ""}};
