/* Where a training step's processor time goes: `trainyard run` in this process, with a clock around the calls from room to room. The linker puts the
 * __wrap_ functions below in the calls' way (bench/CMakeLists.txt), so nothing of it is in the product. A call's time is its own: what it calls is
 * taken off, and only what a step calls is looked at, not validation or evaluation.
 *
 *   gather     rows of the shuffle window into a batch         lookup     distinct slots of the batch
 *   compact    rows of tables that the batch touches           gemm       dense products, all three of a layer
 *   forward    the rest of scoring                             backward   gradient rows cleared, and the rest of the gradient
 *   loss       loss, its slope, progressive AUC                exchange   shards' rows merged, and their mean; codecs
 *   update     the optimiser's kernel                          wait       at the barriers: spinning
 *   stream     blocks read, verified and shuffled, beside the step
 *   score      all phases that are not a step: evaluation, and cutting and parsing where the cache is cold
 *
 * usage: stages SPEC.json FOLDER WORKERS [SKIP]   SKIP: rows of training that are not looked at: the first touch of a table is the kernel's time.
 * Prints `NAME VALUE` lines: the above in ns a training row, summed over threads; `steps-cpu`, their sum without wait, stream and score; `critical`,
 * ns a row of the slowest worker in each phase, which is what a row takes on as many idle cores; `rows`; `features` and `slots` a row (slots are
 * distinct in their shard); `lines` a row: cache lines of tables that scoring reads; `flop` a row in gemm. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/registries.h"
#include "engine/comm/barrier.h"
#include "engine/comm/merge.h"
#include "engine/core/float.h"
#include "engine/core/logistic.h"
#include "engine/model/gemm.h"
#include "engine/train/fold.h"
#include "engine/train/run.h"
#include "engine/train/update.h"

#define PLACES(X) X(gather) X(lookup) X(compact) X(gemm) X(forward) X(backward) X(loss) X(exchange) X(update) X(wait) X(stream) X(score) X(none)
enum place {
#define X(name) PLACE_##name,
    PLACES(X)
#undef X
        PLACE_COUNT
};
static const char *const place_names[] = {
#define X(name) #name,
    PLACES(X)
#undef X
};

static _Atomic int64_t spent_ns[PLACE_COUNT], rows, features, slots, lines, critical_ns;
static _Atomic double flop;
static _Thread_local enum place current = PLACE_none;
static _Thread_local int64_t since;
static int64_t clock_ns; /* what a look at the clock costs */

/* Of the phase that runs: each worker's share. */
static _Atomic int64_t slowest_ns;
static _Atomic int stepping;

static int64_t thread_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The thread is in `place` from now on; returns where it was. */
static enum place enter(enum place place)
{
    enum place was = current;
    int64_t now = thread_ns();
    if (was != PLACE_none) spent_ns[was] += now - since - clock_ns;
    since = now;
    current = place;
    return was;
}

static bool in_step(void) { return current != PLACE_none && current != PLACE_score && current != PLACE_stream; }

/* WRAP(type, name, parameters, arguments, stage): calls of name() inside a step are of that stage. */
#define WRAP(type, name, parameters, arguments, stage) \
    type __real_##name parameters; \
    type __wrap_##name parameters; \
    type __wrap_##name parameters \
    { \
        if (!in_step()) return __real_##name arguments; \
        enum place was = enter(stage); \
        type result = __real_##name arguments; \
        enter(was); \
        return result; \
    }
#define WRAP_VOID(name, parameters, arguments, stage) \
    void __real_##name parameters; \
    void __wrap_##name parameters; \
    void __wrap_##name parameters \
    { \
        if (!in_step()) { \
            __real_##name arguments; \
            return; \
        } \
        enum place was = enter(stage); \
        __real_##name arguments; \
        enter(was); \
    }

WRAP(int, batch_gather, (struct batch_buffer * out, const struct row_ref *refs, size_t count, struct error *err), (out, refs, count, err),
     PLACE_gather)
WRAP(int, scorer_forward,
     (struct scorer * s, const struct model_use *use, const struct params *p, const struct batch *b, const struct scorer_mode *mode,
      struct error *err),
     (s, use, p, b, mode, err), PLACE_forward)
WRAP(double, logistic_loss, (const float *logits, const float *labels, const float *weights, size_t n), (logits, labels, weights, n), PLACE_loss)
WRAP_VOID(logistic_delta, (const float *logits, const float *labels, float *delta, size_t n), (logits, labels, delta, n), PLACE_loss)
WRAP_VOID(auc_window_add, (struct auc_window * w, const float *logits, const float *labels, const float *weights, size_t n),
          (w, logits, labels, weights, n), PLACE_loss)
WRAP(bool, float_all_finite, (const float *x, size_t n), (x, n), PLACE_exchange)
WRAP(int, merge_rows, (struct merge * m, const struct merge_source *sources, size_t shards, uint32_t width, struct error *err),
     (m, sources, shards, width, err), PLACE_exchange)
WRAP_VOID(adagrad_rows_avx512, (const struct update_rows *r, float epsilon), (r, epsilon), PLACE_update)
WRAP_VOID(adagrad_rows_avx2, (const struct update_rows *r, float epsilon), (r, epsilon), PLACE_update)
WRAP_VOID(adagrad_rows_base, (const struct update_rows *r, float epsilon), (r, epsilon), PLACE_update)

int __real_lookup_build(struct lookup *l, const struct batch *b, const struct params *p, enum lookup_order order, struct error *err);
int __wrap_lookup_build(struct lookup *l, const struct batch *b, const struct params *p, enum lookup_order order, struct error *err);
int __wrap_lookup_build(struct lookup *l, const struct batch *b, const struct params *p, enum lookup_order order, struct error *err)
{
    if (!in_step()) return __real_lookup_build(l, b, p, order, err);
    enum place was = enter(PLACE_lookup);
    int rc = __real_lookup_build(l, b, p, order, err);
    features += (int64_t)b->features;
    slots += (int64_t)l->count;
    enter(was);
    return rc;
}

static int64_t lines_of(size_t count, size_t width) { return (int64_t)(count * ((width * sizeof(float) + 63) / 64)); }

void __real_param_gather(const struct params *p, size_t t, const uint32_t *ids, size_t count, float *out);
void __wrap_param_gather(const struct params *p, size_t t, const uint32_t *ids, size_t count, float *out);
void __wrap_param_gather(const struct params *p, size_t t, const uint32_t *ids, size_t count, float *out)
{
    if (in_step()) {
        enum place was = enter(PLACE_compact);
        __real_param_gather(p, t, ids, count, out);
        lines += lines_of(count, p->tensor[t].desc.width);
        enter(was);
    } else {
        __real_param_gather(p, t, ids, count, out);
    }
}

void __real_params_wake(struct params *p, const uint32_t *ids, size_t count);
void __wrap_params_wake(struct params *p, const uint32_t *ids, size_t count);
void __wrap_params_wake(struct params *p, const uint32_t *ids, size_t count) /* once a table and slice that moves */
{
    enum place was = enter(PLACE_update);
    __real_params_wake(p, ids, count);
    enter(was);
}

void __real_gemm(size_t m, size_t n, size_t k, struct matrix a, struct matrix b, float *c, size_t c_row, bool add);
void __wrap_gemm(size_t m, size_t n, size_t k, struct matrix a, struct matrix b, float *c, size_t c_row, bool add);
void __wrap_gemm(size_t m, size_t n, size_t k, struct matrix a, struct matrix b, float *c, size_t c_row, bool add)
{
    if (in_step()) {
        enum place was = enter(PLACE_gemm);
        __real_gemm(m, n, k, a, b, c, c_row, add);
        double before = flop;
        while (!atomic_compare_exchange_weak(&flop, &before, before + 2.0 * (double)(m * n * k))) continue;
        enter(was);
    } else {
        __real_gemm(m, n, k, a, b, c, c_row, add);
    }
}

int __real_shard_step(struct shard *s, struct workspace *w, unsigned index, const struct fold *fold, const struct row_ref *refs, size_t count,
                      uint64_t step, struct error *err);
int __wrap_shard_step(struct shard *s, struct workspace *w, unsigned index, const struct fold *fold, const struct row_ref *refs, size_t count,
                      uint64_t step, struct error *err);
int __wrap_shard_step(struct shard *s, struct workspace *w, unsigned index, const struct fold *fold, const struct row_ref *refs, size_t count,
                      uint64_t step, struct error *err)
{
    enum place was = enter(PLACE_backward);
    int rc = __real_shard_step(s, w, index, fold, refs, count, step, err);
    rows += (int64_t)count;
    stepping = 1;
    enter(was);
    return rc;
}

int __real_update_slice(struct updater *w, struct update *u, struct fold *fold, uint32_t q, unsigned pass, struct error *err);
int __wrap_update_slice(struct updater *w, struct update *u, struct fold *fold, uint32_t q, unsigned pass, struct error *err);
int __wrap_update_slice(struct updater *w, struct update *u, struct fold *fold, uint32_t q, unsigned pass, struct error *err)
{
    enum place was = enter(PLACE_exchange);
    int rc = __real_update_slice(w, u, fold, q, pass, err);
    stepping = 1;
    enter(was);
    return rc;
}

void __real_barrier_wait(struct barrier *b);
void __wrap_barrier_wait(struct barrier *b);
void __wrap_barrier_wait(struct barrier *b)
{
    enum place was = enter(PLACE_wait);
    __real_barrier_wait(b);
    enter(was);
}

static int64_t skip;

/* Between phases: no other thread looks. */
static void forget(void)
{
    skip = 0;
    for (int p = 0; p < PLACE_COUNT; p++) spent_ns[p] = 0;
    rows = features = slots = lines = critical_ns = 0;
    flop = 0;
}

struct shim {
    team_phase phase;
    void *context;
};

static int shim_phase(void *context, unsigned worker, struct error *err)
{
    const struct shim *shim = context;
    int64_t from = thread_ns();
    enum place was = enter(PLACE_score);
    int rc = shim->phase(shim->context, worker, err);
    enter(was);
    int64_t took = thread_ns() - from, most = slowest_ns;
    while (took > most && !atomic_compare_exchange_weak(&slowest_ns, &most, took)) continue;
    return rc;
}

int __real_team_run(struct team *team, team_phase phase, void *context, struct error *err);
int __wrap_team_run(struct team *team, team_phase phase, void *context, struct error *err);
int __wrap_team_run(struct team *team, team_phase phase, void *context, struct error *err)
{
    struct shim shim = {phase, context};
    slowest_ns = 0;
    stepping = 0;
    enum place was = enter(PLACE_none);
    if (skip > 0 && rows >= skip) forget();
    int rc = __real_team_run(team, shim_phase, &shim, err);
    if (stepping) critical_ns += slowest_ns;
    enter(was);
    return rc;
}

int __real_stream_prefetch(struct stream *s, struct error *err);
int __wrap_stream_prefetch(struct stream *s, struct error *err);
int __wrap_stream_prefetch(struct stream *s, struct error *err)
{
    enum place was = enter(PLACE_stream);
    int rc = __real_stream_prefetch(s, err);
    enter(was);
    return rc;
}

static int64_t clock_cost(void)
{
    enum { LOOKS = 100000 };
    int64_t from = thread_ns();
    for (int i = 0; i < LOOKS; i++) thread_ns();
    return (thread_ns() - from) / LOOKS;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    struct run_result result = {0};
    if (argc < 4) return fprintf(stderr, "usage: stages SPEC.json FOLDER WORKERS [SKIP]\n"), 64;
    skip = argc > 4 ? strtoll(argv[4], NULL, 10) : 0;
    clock_ns = clock_cost();
    struct run_options options = {
        .world = &world_real, .registry = &registry_all, .spec_path = argv[1], .dir = argv[2], .workers = (unsigned)strtoul(argv[3], NULL, 10)};
    if (run_job(&options, &result, &err) < 0) return fprintf(stderr, "stages: %s\n", err.msg), 1;
    double a_row = rows > 0 ? 1 / (double)rows : 0;
    int64_t total = 0;
    for (int s = 0; s < PLACE_none; s++) {
        printf("%s %.1f\n", place_names[s], (double)spent_ns[s] * a_row);
        if (s < PLACE_wait) total += spent_ns[s];
    }
    printf("steps-cpu %.1f\ncritical %.1f\nrows %" PRId64 "\n", (double)total * a_row, (double)critical_ns * a_row, (int64_t)rows);
    printf("features %.2f\nslots %.2f\nlines %.2f\nflop %.0f\n", (double)features * a_row, (double)slots * a_row, (double)lines * a_row,
           flop * a_row);
    return 0;
}
