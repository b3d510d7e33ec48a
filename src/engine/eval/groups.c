/* A group's AUC, NDCG@k and hit rate@k from its rows in falling order of score, ties as a whole.
 *
 * Ties are averaged over all orders, so no figure depends on how equal scores happened to stand (McSherry, Najork 2008): a tied set of t rows with p
 * positives gives p / t of a gain to each place that it fills. The chance that none of its m places within k holds a positive is
 * C(t - p, m) / C(t, m). DCG with binary gains and discount 1 / log2(place + 1) (Jarvelin, Kekalainen 2002), over the best that the group's positives
 * could give. Every group counts once in NDCG and hit rate, whatever the weights of its rows; in GAUC it counts with their sum. */
#include "engine/eval/groups.h"

#include <math.h>

#include "base/mem.h"
#include "engine/eval/bootstrap.h"

struct groups {
    unsigned k;
    double *discounts; /* (k + 1): sum of the first i */
    const struct group_draws *draws;
    struct group_sums *out;
    struct auc_sums auc; /* of the present group */
    uint64_t place;      /* rows seen */
    double dcg, miss;    /* miss: chance of no positive so far within k */
};

static void groups_tie(void *context, uint64_t group, const struct rank_group *tie)
{
    struct groups *g = context;
    (void)group;
    uint64_t size = tie->rows[0] + tie->rows[1];
    auc_sums_add(&g->auc, tie);
    if (g->place < g->k) {
        uint64_t places = g->k - g->place < size ? g->k - g->place : size;
        g->dcg += (double)tie->rows[1] / (double)size * (g->discounts[g->place + places] - g->discounts[g->place]);
        for (uint64_t i = 0; i < places && g->miss > 0; i++) g->miss *= i < tie->rows[0] ? (double)(tie->rows[0] - i) / (double)(size - i) : 0;
    }
    g->place += size;
}

/* What a group adds, once or as often as a replicate counts it. */
static void sums_add(struct group_sums *out, double times, double weight, double auc, double ndcg, double hit)
{
    if (!isnan(auc)) out->both_classes += (uint64_t)times, out->weight_both += times * weight, out->auc += times * weight * auc;
    if (!isnan(ndcg)) out->judged += (uint64_t)times, out->ndcg[0] += times * ndcg, out->hit[0] += times * hit;
}

static void draws_add(const struct group_draws *draws, uint64_t group, double weight, double auc, double ndcg, double hit)
{
    uint32_t times[BOOTSTRAP_STRIDE];
    if (isnan(auc) && isnan(ndcg)) return;
    for (unsigned r = 0; r < draws->count; r++) {
        if (r % BOOTSTRAP_STRIDE == 0) bootstrap_times(draws->seed, r, group, times);
        sums_add(&draws->list[r], times[r % BOOTSTRAP_STRIDE], weight, auc, ndcg, hit);
    }
}

static void groups_end(void *context, uint64_t group)
{
    struct groups *g = context;
    struct group_sums *out = g->out;
    double weight = g->auc.weight[0] + g->auc.weight[1], auc = NAN, ndcg = NAN, hit = NAN;
    out->count++;
    out->weight += weight;
    if (g->auc.rows[0] > 0 && g->auc.rows[1] > 0) {
        auc = 1 - auc_sums_value(&g->auc); /* it saw the scores falling */
        out->auc_square[0] += weight * weight * auc * auc, out->auc_square[1] += weight * weight * auc, out->auc_square[2] += weight * weight;
    }
    if (g->auc.rows[1] > 0) {
        unsigned ideal = g->auc.rows[1] < g->k ? (unsigned)g->auc.rows[1] : g->k;
        ndcg = g->dcg / g->discounts[ideal], hit = 1 - g->miss;
        out->ndcg[1] += ndcg * ndcg;
        out->hit[1] += hit * hit;
    }
    sums_add(out, 1, weight, auc, ndcg, hit);
    if (g->draws->count) draws_add(g->draws, group, weight, auc, ndcg, hit);
    g->auc = (struct auc_sums){0};
    g->place = 0, g->dcg = 0, g->miss = 1;
}

int groups_sum(struct sorter *rows, unsigned k, const struct group_draws *draws, struct group_sums *out, struct error *err)
{
    struct groups g = {.k = k, .draws = draws, .out = out, .miss = 1};
    *out = (struct group_sums){0};
    if (!(g.discounts = mem_array((size_t)k + 1, 1, sizeof *g.discounts, err))) return -ERROR_NOMEM;
    for (unsigned i = 0; i < k; i++) g.discounts[i + 1] = g.discounts[i] + 1 / log2(i + 2.0);
    int rc = sorter_walk(rows, &(struct sort_visitor){&g, groups_tie, groups_end}, err);
    mem_free(g.discounts);
    return rc;
}
