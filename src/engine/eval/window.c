/* Progressive AUC over a window of training rows: integer counts by logit bin, mergeable in any order. See eval.h. */
#include <math.h>
#include <string.h>

#include "engine/eval/parts.h"

static const float window_range = 16, weight_max = 0x1p20f;
static const double weight_unit = 0x1p20; /* counts for a weight of 1; 2^24 rows of the greatest weight fit */

void auc_window_clear(struct auc_window *w) { memset(w, 0, sizeof *w); }

void auc_window_add(struct auc_window *w, const float *logits, const float *labels, const float *weights, size_t n)
{
    const float scale = AUC_WINDOW_BINS / (2 * window_range);
    for (size_t i = 0; i < n; i++) {
        float at = (logits[i] + window_range) * scale;
        at = at > 0 ? at : 0; /* NaN, too */
        at = at < AUC_WINDOW_BINS - 1 ? at : AUC_WINDOW_BINS - 1;
        w->counts[(unsigned)at][labels[i] > 0.5f] += weights ? (uint64_t)((double)fminf(fmaxf(weights[i], 0), weight_max) * weight_unit + 0.5) : 1;
    }
}

void auc_window_merge(struct auc_window *into, const struct auc_window *from)
{
    for (size_t b = 0; b < AUC_WINDOW_BINS; b++)
        for (int y = 0; y < 2; y++) into->counts[b][y] += from->counts[b][y];
}

double auc_window_value(const struct auc_window *w)
{
    struct rank_groups ranks = {.bins = w->counts, .bin_count = AUC_WINDOW_BINS};
    struct measure m;
    for (size_t b = 0; b < AUC_WINDOW_BINS; b++) ranks.negatives += w->counts[b][0], ranks.positives += w->counts[b][1];
    if (!ranks.positives || !ranks.negatives) return NAN;
    metric_auc.compute(&(struct metric_input){.ranks = &ranks}, &m);
    return m.value;
}
