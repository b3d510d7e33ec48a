/* Exact AUC and what an evaluation costs: engine.eval.auc [MILLIONS]. Lines: name, seconds of CPU (best of three), rows. By part: adding rows (one
 * lane), sorting the scores, the walk of AUC alone, the whole finish with all metrics; and adding with groups, a slice field, weights, a bootstrap.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/world.h"
#include "engine/eval/parts.h"

enum { ROUNDS = 3, CHUNK = 4096 };

static float *logits, *labels, *weights;
static uint64_t *groups, *ordinals;
static uint32_t *slices;
static size_t rows;

/* CPU time of the process, which is one thread here: the wall clock of a shared machine would tell of its other work. */
static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const struct error *err)
{
    fprintf(stderr, "bench: %s\n", err->msg);
    exit(1);
}

static void draw(void)
{
    struct error err = {0};
    logits = mem_array(rows, 1, sizeof *logits, &err), labels = mem_array(rows, 1, sizeof *labels, &err);
    weights = mem_array(rows, 1, sizeof *weights, &err), groups = mem_array(rows, 1, sizeof *groups, &err);
    ordinals = mem_array(rows, 1, sizeof *ordinals, &err), slices = mem_array(rows, 1, sizeof *slices, &err);
    if (!logits || !labels || !weights || !groups || !ordinals || !slices) fail(&err);
    struct rng rng = rng_at(1, RNG_TEST, 1, 0);
    for (size_t i = 0; i < rows; i++) {
        double z = -1.3 + 1.2 * rng_normal(&rng);
        logits[i] = (float)z, labels[i] = rng_unit(&rng) < 1 / (1 + exp(-z));
        weights[i] = (float)(0.5 + rng_unit(&rng)), groups[i] = rng_below(&rng, rows / 20 + 1), ordinals[i] = i;
        slices[i] = (uint32_t)rng_below(&rng, 1 + rng_below(&rng, 1000));
    }
}

/* Sort and walk, as a finish does: seconds of each. */
static void bench_ranks(void)
{
    double best_sort = INFINITY, best_walk = INFINITY, auc = NAN;
    for (int round = 0; round < ROUNDS; round++) {
        struct error err = {0};
        uint32_t *keys[2], *scratch;
        size_t counts[2] = {0, 0};
        for (int y = 0; y < 2; y++)
            if (!(keys[y] = mem_array(rows, 1, sizeof **keys, &err))) fail(&err);
        if (!(scratch = mem_array(rows, 1, sizeof *scratch, &err))) fail(&err);
        for (size_t i = 0; i < rows; i++) {
            int y = labels[i] == 1;
            keys[y][counts[y]++] = rank_key(logits[i]);
        }
        double t = now_s();
        for (int y = 0; y < 2; y++) rank_sort(keys[y], scratch, counts[y]);
        best_sort = fmin(best_sort, now_s() - t);
        struct rank_groups ranks = {.positives = counts[1], .negatives = counts[0], .positive_keys = keys[1], .negative_keys = keys[0]};
        struct measure m;
        t = now_s();
        metric_auc.compute(&(struct metric_input){.ranks = &ranks}, &m);
        best_walk = fmin(best_walk, now_s() - t);
        auc = m.value;
        for (int y = 0; y < 2; y++) mem_free(keys[y]);
        mem_free(scratch);
    }
    printf("sort %.3f %zu\nwalk %.3f %zu\nauc %.3f %zu # %.9f\n", best_sort, rows, best_walk, rows, best_sort + best_walk, rows, auc);
}

static void bench_evaluator(const char *name, const struct evaluator_config *config, size_t n, int rounds)
{
    double best_add = INFINITY, best_finish = INFINITY;
    for (int round = 0; round < rounds; round++) {
        struct error err = {0};
        static struct evaluation out;
        struct evaluator *e = evaluator_new(config, &err);
        double t = now_s();
        for (size_t at = 0; e && at < n; at += CHUNK) {
            size_t size = n - at < CHUNK ? n - at : CHUNK;
            if (evaluator_add(e, 0,
                              &(struct eval_rows){size, logits + at, labels + at, config->weighted ? weights + at : NULL, groups + at, ordinals + at,
                                                  slices + at, NULL},
                              &err) < 0)
                fail(&err);
        }
        best_add = fmin(best_add, now_s() - t);
        t = now_s();
        if (!e || evaluator_finish(e, &out, &err) < 0) fail(&err);
        best_finish = fmin(best_finish, now_s() - t);
        evaluator_free(e);
    }
    printf("%s-add %.3f %zu\n%s-finish %.3f %zu\n", name, best_add, n, name, best_finish, n);
}

int main(int argc, char **argv)
{
    const char *folder = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    rows = (size_t)((argc > 1 ? atof(argv[1]) : 10) * 1e6);
    if (rows < 1000) return fprintf(stderr, "usage: %s [MILLIONS]\n", argv[0]), 64;
    draw();
    bench_ranks();
    bench_evaluator("exact", &(struct evaluator_config){.lanes = 1, .exact_rows_max = rows}, rows, ROUNDS);
    bench_evaluator("binned", &(struct evaluator_config){.lanes = 1, .exact_rows_max = 1}, rows, ROUNDS);
    bench_evaluator("weighted", &(struct evaluator_config){.lanes = 1, .exact_rows_max = rows, .weighted = true}, rows, 1);
    bench_evaluator("groups", &(struct evaluator_config){.lanes = 1, .groups.wanted = true, .world = &world_real, .folder = folder}, rows, 1);
    bench_evaluator("slices", &(struct evaluator_config){.lanes = 1, .slice_count = 1, .world = &world_real, .folder = folder}, rows, 1);
    bench_evaluator("bootstrap", &(struct evaluator_config){.lanes = 1, .bootstrap = {.replicates = 200, .seed = 1}}, rows / 10, 1);
    return 0;
}
