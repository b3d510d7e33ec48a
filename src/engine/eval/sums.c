/* A row's terms, and sums of them over a tie group. */
#include <math.h>

#include "engine/eval/parts.h"

struct row_terms row_terms(double z, int y)
{
    double e = exp(-fabs(z)), small = e / (1 + e), large = 1 / (1 + e); /* the two probabilities, neither through 1 - p */
    double prob = z >= 0 ? large : small, other = z >= 0 ? small : large, absolute = y ? other : prob;
    return (struct row_terms){.loss = fmax(z, 0) - z * y + log1p(e), .prob = prob, .brier = absolute * absolute, .absolute = absolute};
}

void eval_sums_add(struct eval_sums *s, const struct rank_group *g)
{
    for (int y = 0; y < 2; y++) {
        if (!g->rows[y]) continue;
        struct row_terms t = row_terms(g->logit, y);
        double w = g->weight[y], ww = g->square[y];
        bool correct = (g->logit >= 0) == (y == 1);
        s->rows += g->rows[y];
        s->weight += w, s->loss += w * t.loss, s->prob += w * t.prob, s->brier += w * t.brier, s->absolute += w * t.absolute;
        s->square.weight += ww, s->square.loss += ww * t.loss, s->square.loss_loss += ww * t.loss * t.loss;
        s->square.prob_prob += ww * t.prob * t.prob;
        s->square.brier += ww * t.brier, s->square.brier_brier += ww * t.brier * t.brier, s->square.absolute += ww * t.absolute;
        if (correct) s->correct += w, s->square.correct += ww;
        if (!y) continue;
        s->positives += g->rows[y];
        s->positive += w, s->square.positive += ww;
        s->square.loss_positive += ww * t.loss, s->square.prob_positive += ww * t.prob;
    }
}
