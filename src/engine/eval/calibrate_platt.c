/* Platt scaling: p' = sigmoid(a z + b), by maximum likelihood with Platt's smoothed targets, (n+ + 1) / (n+ + 2) for positives and 1 / (n- + 2) for
 * negatives, which keep a separable set from an infinite slope (Platt 1999). Newton's method with halved steps (Lin, Lin, Weng 2007); the loss is
 * convex in two parameters, so a dozen steps reach rounding. */
#include <math.h>

#include "base/error.h"
#include "engine/eval/calibrate.h"

enum { STEPS_MAX = 100, HALVINGS_MAX = 30 };

struct fit {
    const struct calibrate_bins *bins;
    double high, low;                     /* targets */
    double loss, gradient[2], hessian[3]; /* of (slope, intercept); hessian: aa, ab, bb */
};

static void evaluate(struct fit *f, double slope, double intercept)
{
    f->loss = f->gradient[0] = f->gradient[1] = f->hessian[0] = f->hessian[1] = f->hessian[2] = 0;
    for (size_t i = 0; i < f->bins->count; i++) {
        double x = f->bins->logit[i], positive = f->bins->positive[i], weight = positive + f->bins->negative[i];
        double target = positive * f->high + f->bins->negative[i] * f->low, z = slope * x + intercept;
        double e = exp(-fabs(z)), p = z >= 0 ? 1 / (1 + e) : e / (1 + e), g = weight * p - target, h = weight * e / ((1 + e) * (1 + e));
        f->loss += weight * (fmax(z, 0) + log1p(e)) - target * z;
        f->gradient[0] += g * x, f->gradient[1] += g;
        f->hessian[0] += h * x * x, f->hessian[1] += h * x, f->hessian[2] += h;
    }
}

static int platt_fit(const struct calibrate_bins *bins, struct calibration *out, struct error *err)
{
    double positive = 0, negative = 0, slope = 1, intercept = 0;
    (void)err;
    for (size_t i = 0; i < bins->count; i++) positive += bins->positive[i], negative += bins->negative[i];
    struct fit f = {.bins = bins, .high = (positive + 1) / (positive + 2), .low = 1 / (negative + 2)};
    evaluate(&f, slope, intercept);
    for (int step = 0; step < STEPS_MAX; step++) {
        const double ridge = 1e-12; /* one bin only: slope and intercept are one parameter */
        double aa = f.hessian[0] + ridge, ab = f.hessian[1], bb = f.hessian[2] + ridge, det = aa * bb - ab * ab, before = f.loss;
        double da = -(bb * f.gradient[0] - ab * f.gradient[1]) / det, db = -(aa * f.gradient[1] - ab * f.gradient[0]) / det, size = 1;
        double decrease = f.gradient[0] * da + f.gradient[1] * db; /* < 0 unless rounding rules */
        if (!(det > 0) || !(decrease < -1e-14 * fabs(before))) break;
        for (int i = 0; i < HALVINGS_MAX; i++, size /= 2) {
            evaluate(&f, slope + size * da, intercept + size * db);
            if (f.loss <= before + 1e-4 * size * decrease) break;
        }
        if (!(f.loss < before)) break;
        slope += size * da, intercept += size * db;
    }
    bool rises = slope > 0 && isfinite(slope) && isfinite(intercept); /* a model whose order is wrong gets the base rate */
    out->slope = rises ? slope : 0;
    out->intercept = rises ? intercept : log((positive + 1) / (negative + 1));
    return 0;
}

const struct calibrator calibrator_platt = {.kind = {.name = "platt",
                                                     .summary = "a slope and an intercept of the logit, fitted to the validation side",
                                                     .source = "Platt 1999; Lin, Lin, Weng 2007"},
                                            .fit = platt_fit};
