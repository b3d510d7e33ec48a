/* L-BFGS (Liu and Nocedal 1989): the minimum of  sum_r w_r L_r / sum_r w_r + 1/2 l2 |w|^2  over the whole training side, for models whose outputs are
 * linear in their weights, under which every loss here is convex. A step is an iteration: two-loop recursion over the last moves, then a line search,
 * each try of which is a pass over the rows in shards as in any other strategy, in file order. Passes are pure in the weights and vectors are summed
 * by trees that follow from sizes alone, so the bits depend on the spec alone.
 *
 * The history is the optimiser's state (optim/lbfgs.h) and in every checkpoint: iteration k writes slot (k - 1) mod m. Gradient and loss at the
 * weights are not: a resume computes them by the pass that made them. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "engine/optim/lbfgs.h"
#include "engine/train/between.h"
#include "engine/train/groups.h"
#include "engine/train/line_search.h"
#include "engine/train/report.h"
#include "engine/train/round.h"
#include "engine/train/stop.h"
#include "engine/train/update.h"
#include "engine/train/vectors.h"

struct lbfgs {
    struct fold *fold;
    const struct lbfgs_params *params;
    struct round round;
    struct updater *updaters; /* (workers) */
    double *sum[TENSORS_MAX]; /* of the rows' gradients in the present pass */
    struct vector weights;    /* of the fold */
    struct vector base, grad; /* where the iteration starts, and the gradient there */
    struct vector trial, dir; /* the gradient at the weights that are tried; where to */
    double (*sums)[VECTOR_SUMS];
    struct tally tally; /* of the last pass */
    struct point {
        double loss, grad_squared, weights_squared; /* loss: with the penalty */
        double slope;                               /* along dir */
    } at;                                           /* base, then what was tried */
};

/* ---- work on vectors ---- */

struct work {
    struct vector_run run; /* first */
    const struct lbfgs *l;
};

/* The pass' sums become the mean gradient with its penalty in l->trial. */
static int gradient_slice(void *context, unsigned q, struct error *err)
{
    const struct work *w = context;
    const struct lbfgs *l = w->l;
    const struct spec_penalty *penalty = &l->fold->job->spec.penalty;
    double *sums = w->run.sums[q];
    (void)err;
    EACH_SPAN(s, w->run.p, q)
    {
        double l2 = w->run.p->tensor[s.t].desc.no_penalty && !penalty->bias ? 0 : penalty->l2;
        for (size_t i = s.from; i < s.to; i++) {
            double x = (double)l->weights.data[s.t][i], g = l->sum[s.t][i] / l->tally.weight + l2 * x;
            l->trial.data[s.t][i] = (float)g;
            sums[0] += g * g;
            sums[1] += x * x;
            sums[2] += l2 * x * x;
        }
    }
    return 0;
}

static int clear_slice(void *context, unsigned q, struct error *err)
{
    const struct work *w = context;
    (void)err;
    EACH_SPAN(s, w->run.p, q)
    memset(w->l->sum[s.t] + s.from, 0, (s.to - s.from) * sizeof(double));
    return 0;
}

static int work_run(struct lbfgs *l, parallel_task task, struct error *err)
{
    struct work w = {.run = {&l->fold->params, l->sums}, .l = l};
    return vector_run(&w.run, &l->fold->job->team.parallel, task, err);
}

static struct vector_space space(const struct lbfgs *l) { return (struct vector_space){{&l->fold->params, l->sums}, &l->fold->job->team.parallel}; }

static int dot(struct lbfgs *l, const struct vector *a, const struct vector *b, double *out, struct error *err)
{
    const struct vector_space in = space(l);
    return vector_dot(&in, a, b, out, err);
}

static int add(struct lbfgs *l, const struct vector *out, const struct vector *a, double c, const struct vector *b, struct error *err)
{
    const struct vector_space in = space(l);
    return vector_add(&in, out, a, c, b, err);
}

static int scale(struct lbfgs *l, const struct vector *out, double c, const struct vector *a, struct error *err)
{
    const struct vector_space in = space(l);
    return vector_scale(&in, out, c, a, err);
}

/* ---- a pass: loss and gradient at the present weights ---- */

static int sum_slice(struct lbfgs *l, struct updater *u, size_t t, uint32_t q, struct error *err)
{
    struct param *tensor = &l->fold->params.tensor[t];
    const struct merged *m;
    int rc = updater_merge(u, l->fold, t, q, &m, err);
    if (rc < 0 || !m) return rc;
    aggregate_mean.combine(NULL, m, 1, u->mean.data);
    if (tensor->desc.table) params_wake(&l->fold->params, m->ids, m->count);
    for (size_t i = 0; i < m->count; i++)
        for (size_t j = 0; j < m->width; j++) l->sum[t][(size_t)m->ids[i] * m->width + j] += (double)u->mean.data[i * m->width + j];
    return 0;
}

static int sum_slices(void *context, unsigned worker, struct error *err)
{
    struct lbfgs *l = context;
    const struct params *p = &l->fold->params;
    uint32_t workers = l->fold->job->team.workers;
    for (uint32_t q = p->slices * worker / workers; q < p->slices * (worker + 1) / workers; q++) {
        updater_slice(&l->updaters[worker]);
        for (size_t t = 0; t < p->count; t++) {
            int rc = q < p->tensor[t].slices ? sum_slice(l, &l->updaters[worker], t, q, err) : 0;
            if (rc < 0) return rc;
        }
    }
    return 0;
}

static int pass_rounds(struct lbfgs *l, int *stop, struct error *err)
{
    struct fold *fold = l->fold;
    size_t batch = (size_t)fold->job->spec.train.batch_size;
    int rc = round_seek(&l->round, 0, 0, err);
    while (rc == 0 && !(*stop = job_stop_asked(fold->job))) {
        if ((rc = round_next(&l->round, batch, err)) < 0 || l->round.rows == 0) break;
        if ((rc = round_shards(&l->round, fold->cursor.step + 1, err)) < 0) break;
        tally_add(&l->tally, &l->round.tally);
        report_pass(fold->report, l->tally.rows);
        rc = team_run(&fold->job->team, sum_slices, l, err);
    }
    return rc;
}

/* What shards counted in a pass that is no iteration's is told to nobody. */
static void windows_clear(struct lbfgs *l)
{
    for (int64_t s = 0; s < l->fold->job->spec.train.shards; s++) auc_window_clear(&l->fold->shards[s].window);
}

/* l->at but for the slope, and l->trial. A loss that is not finite is one more value. *stop: a stop was asked for before the pass was through. */
static int pass(struct lbfgs *l, int *stop, struct error *err)
{
    struct error bad = {0};
    windows_clear(l);
    l->tally = (struct tally){0};
    int rc = work_run(l, clear_slice, err);
    if (rc == 0) rc = pass_rounds(l, stop, &bad);
    l->at.loss = INFINITY;
    if (rc == -ERROR_DIVERGED) return 0;
    if (rc < 0) return bad.code != ERROR_NONE ? error_set(err, bad.code, bad.field, "%s", bad.msg) : rc;
    if (*stop) return 0;
    if (!(l->tally.weight > 0)) return error_set(err, ERROR_DATA, "/dataset/weight", "all training rows weigh nothing");
    rc = work_run(l, gradient_slice, err);
    l->at = (struct point){
        .loss = l->tally.loss / l->tally.weight + l->sums[0][2] / 2, .grad_squared = l->sums[0][0], .weights_squared = l->sums[0][1]};
    return rc;
}

/* ---- an iteration ---- */

static struct vector history(const struct lbfgs *l, uint64_t k, unsigned which)
{
    return vector_state(&l->fold->params, 2 * (k % (uint64_t)l->params->history) + which);
}
enum { MOVE, CHANGE };

/* l->dir = - H grad by the two loops; without history the gradient itself. *pairs: how many there were. */
static int direction(struct lbfgs *l, unsigned *pairs, struct error *err)
{
    uint64_t m = (uint64_t)l->params->history, step = l->fold->cursor.step, first = step > m ? step - m : 0;
    double alpha[LBFGS_HISTORY_MAX] = {0}, curvature[LBFGS_HISTORY_MAX] = {0}, square = 0, along = 0, gamma = 0;
    int rc = scale(l, &l->dir, -1, &l->grad, err);
    *pairs = 0;
    for (uint64_t k = step; rc == 0 && k-- > first;) {
        struct vector s = history(l, k, MOVE), y = history(l, k, CHANGE);
        double *ys = &curvature[k % m];
        if ((rc = dot(l, &s, &y, ys, err)) < 0 || *ys <= 0) continue;
        if ((*pairs)++ == 0 && (rc = dot(l, &y, &y, &square, err)) == 0) gamma = *ys / square;
        if (rc == 0) rc = dot(l, &s, &l->dir, &along, err);
        if (rc < 0) break;
        alpha[k % m] = along / *ys;
        rc = add(l, &l->dir, &l->dir, -alpha[k % m], &y, err);
    }
    if (rc == 0 && *pairs > 0) rc = scale(l, &l->dir, gamma, &l->dir, err);
    for (uint64_t k = first; rc == 0 && k < step; k++) {
        if (curvature[k % m] <= 0) continue;
        struct vector s = history(l, k, MOVE), y = history(l, k, CHANGE);
        if ((rc = dot(l, &y, &l->dir, &along, err)) == 0) rc = add(l, &l->dir, &l->dir, alpha[k % m] - along / curvature[k % m], &s, err);
    }
    return rc;
}

static int forget(struct lbfgs *l, struct error *err)
{
    int rc = 0;
    for (uint64_t k = 0; rc == 0 && k < 2 * (uint64_t)l->params->history; k++) {
        struct vector v = vector_state(&l->fold->params, k);
        rc = scale(l, &v, 0, &v, err);
    }
    return rc;
}

/* Along l->dir from l->base to a point that the line search likes: then weights and trial are there. *found false: none, or a stop. */
static int search(struct lbfgs *l, bool steepest, int *stop, bool *found, struct error *err)
{
    const struct point from = l->at;
    struct line_search line;
    double slope = 0, length = 1;
    int rc = dot(l, &l->dir, &l->grad, &slope, err);
    if (rc == 0) rc = dot(l, &l->dir, &l->dir, &length, err);
    *found = false;
    if (rc < 0 || !(slope < 0)) return rc;
    line_begin(&line, from.loss, slope, steepest ? fmin(1, 1 / sqrt(length)) : 1);
    for (enum line_verdict verdict = LINE_AGAIN; rc == 0 && verdict == LINE_AGAIN;) {
        if ((rc = add(l, &l->weights, &l->base, line.t, &l->dir, err)) < 0 || (rc = pass(l, stop, err)) < 0 || *stop) break;
        if (isfinite(l->at.loss)) rc = dot(l, &l->dir, &l->trial, &l->at.slope, err);
        verdict = line_judge(&line, l->at.loss, l->at.slope);
        *found = verdict == LINE_ACCEPT;
    }
    if (rc < 0 || *found) return rc;
    l->at = from;
    windows_clear(l);
    return scale(l, &l->weights, 1, &l->base, err);
}

/* The pair of this iteration; one that would bend the wrong way is left out as zeros. */
static int remember(struct lbfgs *l, struct error *err)
{
    struct vector s = history(l, l->fold->cursor.step, MOVE), y = history(l, l->fold->cursor.step, CHANGE);
    double curvature = 0;
    int rc = add(l, &s, &l->weights, -1, &l->base, err);
    if (rc == 0) rc = add(l, &y, &l->trial, -1, &l->grad, err);
    if (rc == 0) rc = dot(l, &s, &y, &curvature, err);
    if (rc == 0 && !(curvature > 0)) rc = scale(l, &y, 0, &y, err);
    return rc == 0 ? scale(l, &l->grad, 1, &l->trial, err) : rc;
}

static bool converged(const struct lbfgs *l) { return sqrt(l->at.grad_squared) <= l->params->tolerance * fmax(1, sqrt(l->at.weights_squared)); }

static int conclude(struct lbfgs *l, struct error *err)
{
    struct fold *fold = l->fold;
    const struct spec *spec = &fold->job->spec;
    fold->cursor.step++;
    fold->cursor.rows += l->tally.rows;
    fold->grad_norm = sqrt(l->at.grad_squared);
    fold->progressive = (struct progressive){0};
    int rc = report_step(fold->report, &l->tally, err);
    bool last = converged(l) || fold->cursor.step >= (uint64_t)spec->train.epochs;
    if (rc == 0 && (spec->evaluate.every_steps == 0 || last)) rc = between_validate(fold, err);
    fold->cursor.epoch = (uint32_t)fold->cursor.step;
    return rc < 0 ? rc : between_steps(fold, err);
}

static int iterate(struct lbfgs *l, struct error *err)
{
    struct fold *fold = l->fold;
    unsigned pairs;
    int stop = 0;
    bool found = false;
    int rc = scale(l, &l->base, 1, &l->weights, err);
    if (rc == 0) rc = direction(l, &pairs, err);
    if (rc == 0) rc = search(l, pairs == 0, &stop, &found, err);
    if (rc == 0 && stop) return between_stop(fold, stop, err);
    if (rc == 0 && !found && pairs > 0) {
        if ((rc = forget(l, err)) == 0) rc = scale(l, &l->dir, -1, &l->grad, err);
        if (rc == 0) rc = search(l, true, &stop, &found, err);
        if (rc == 0 && stop) return between_stop(fold, stop, err);
    }
    if (rc < 0) return rc;
    if (found) return (rc = remember(l, err)) < 0 ? rc : conclude(l, err);
    report_log(fold->job, PROGRESS_INFO, "iteration %" PRIu64 ": no step lowers the loss in single precision any more; gradient norm %.3g",
               fold->cursor.step + 1, sqrt(l->at.grad_squared));
    fold->cursor.ended = true;
    return 0;
}

static int iterations(struct lbfgs *l, struct error *err)
{
    struct fold *fold = l->fold;
    int stop = 0, rc = pass(l, &stop, err);
    windows_clear(l);
    if (rc == 0 && stop) return between_stop(fold, stop, err);
    if (rc == 0 && !isfinite(l->at.loss)) return error_set(err, ERROR_DIVERGED, NULL, "the loss is not finite at the first weights; check the data");
    if (rc == 0) rc = scale(l, &l->grad, 1, &l->trial, err);
    while (rc == 0 && !fold->cursor.ended && fold->cursor.step < (uint64_t)fold->job->spec.train.epochs) {
        if (!converged(l)) {
            rc = iterate(l, err);
            continue;
        }
        report_log(fold->job, PROGRESS_INFO, "converged after %" PRIu64 " iterations: gradient norm %.3g, objective %.9g", fold->cursor.step,
                   sqrt(l->at.grad_squared), l->at.loss);
        fold->cursor.ended = true;
    }
    if (rc == 0 && !fold->cursor.ended)
        report_log(fold->job, PROGRESS_WARN, "train.epochs %" PRId64 " iterations are over before the optimum: gradient norm %.3g, objective %.9g",
                   fold->job->spec.train.epochs, sqrt(l->at.grad_squared), l->at.loss);
    if (rc == 0) fold->cursor.ended = true;
    return rc < 0 ? rc : report_flush(fold->report, err);
}

/* ---- memory ---- */

enum { OWN_VECTORS = 4 };

static size_t elements(const struct params *p, size_t t) { return (size_t)param_rows(p, &p->tensor[t]) * p->tensor[t].desc.width; }

static int lbfgs_open(struct lbfgs *l, struct error *err)
{
    const struct params *p = &l->fold->params;
    unsigned workers = l->fold->job->team.workers;
    l->weights = vector_weights(p);
    struct vector *const own[OWN_VECTORS] = {&l->base, &l->grad, &l->trial, &l->dir};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < OWN_VECTORS; i++) rc = vector_new(own[i], p, err);
    for (size_t t = 0; rc == 0 && t < p->count; t++)
        if (!(l->sum[t] = mem_huge(elements(p, t), sizeof(double), err))) rc = -ERROR_NOMEM;
    if (rc == 0 && !(l->sums = mem_array(p->slices, 1, sizeof *l->sums, err))) rc = -ERROR_NOMEM;
    if (rc == 0 && !(l->updaters = mem_array(workers, 1, sizeof *l->updaters, err))) rc = -ERROR_NOMEM;
    for (unsigned w = 0; rc == 0 && w < workers; w++) rc = updater_init(&l->updaters[w], l->fold, err);
    return rc;
}

static void lbfgs_close(struct lbfgs *l)
{
    const struct params *p = &l->fold->params;
    struct vector *const own[OWN_VECTORS] = {&l->base, &l->grad, &l->trial, &l->dir};
    for (size_t i = 0; i < OWN_VECTORS; i++) vector_free(own[i], p);
    for (size_t t = 0; t < p->count; t++) mem_huge_free(l->sum[t], elements(p, t), sizeof(double));
    for (unsigned w = 0; l->updaters && w < l->fold->job->team.workers; w++) updater_close(&l->updaters[w]);
    mem_free(l->updaters);
    mem_free(l->sums);
}

static int lbfgs_train(struct fold *fold, struct error *err)
{
    if (fold->cursor.ended) return 0;
    struct lbfgs *l = mem_zero(sizeof *l, err);
    if (!l) return -ERROR_NOMEM;
    l->fold = fold;
    l->params = fold->job->optim[GROUP_EMBEDDING].params;
    int rc = lbfgs_open(l, err);
    if (rc == 0) {
        rc = round_open(&l->round, fold, false, err);
        if (rc == 0) rc = iterations(l, err);
        rc = round_close(&l->round, rc, err);
    }
    lbfgs_close(l);
    mem_free(l);
    return rc;
}

const struct strategy strategy_lbfgs = {
    .kind = {"lbfgs", "full passes and line searches: what optimizer.kind \"lbfgs\" is trained by", "Liu and Nocedal 1989", 0, NULL},
    .reproducible = true,
    .moves_all = true,
    .train = lbfgs_train};
