/* test: threads */
/* The bits of a model depend on its specification alone: model x optimiser x codec x aggregate, as the tables list them, each run on one worker, on
 * four, and on two until it is stopped at some step and resumed by three. The data have rows that come twice, features that come twice in a row, and
 * a last batch of fewer rows than shards; deep families have dropout and batch norm. One combination of SAMEBITS_EVERY is taken (23 unless it says
 * otherwise; script/test --all takes 1, all of them). Prints what was compared. tests/e2e/samebits.sh kills processes. */
#include "lib/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "engine/compress/aggregate.h"
#include "engine/compress/codec.h"
#include "engine/model/model.h"
#include "engine/optim/optimizer.h"
#include "lib/job_kit.h"

enum { ROWS = 363, BATCH = 60, SHARDS = 7, EPOCHS = 2, STEPS = 14, EVERY = 23, NAMES_MAX = 32, DIGESTS_MAX = 4096 };

static char root[PATH_SIZE];

/* libffm text: a tenth of the rows come twice, and of these rows features do. */
static void data_make(void)
{
    char path[PATH_SIZE], line[256];
    snprintf(path, sizeof path, "%.*s/rows.ffm", 3000, root);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (uint64_t row = 0; row < ROWS; row++) {
        struct rng rng = rng_at(5, RNG_TEST, 0, row - (row % 10 == 9));
        int used = snprintf(line, sizeof line, "%d", rng_unit(&rng) < 0.4);
        uint64_t feature = 0;
        for (unsigned i = 0; i < 6; i++) {
            if (i < 5 || row % 10 < 8) feature = rng_below(&rng, 60);
            used += snprintf(line + used, sizeof line - (size_t)used, " %u:%u:%g", (unsigned)feature % 4, (unsigned)feature,
                             i % 2 ? 1 : 0.25 * (double)(1 + rng_below(&rng, 4)));
        }
        fprintf(f, "%s\n", line);
    }
    assert_int_equal(fclose(f), 0);
}

static bool has_option(const struct kind *kind, const char *name)
{
    for (const struct option *o = kind->options; o && o->name; o++)
        if (strcmp(o->name, name) == 0) return true;
    return false;
}

/* No two combinations with one text. false: the two do not go together, which the reader of specifications says, too. */
static bool spec_make(char *out, size_t size, const struct model *m, const struct optimizer *o, const struct codec *c, const struct aggregate *a)
{
    bool deep = has_option(&m->kind, "batch_norm"), apart = deep && o->features_only;
    const char *model = deep                                    ? ", 'embedding_dim': 4, 'hidden': [12, 8], 'dropout': 0.2, 'batch_norm': true"
                        : has_option(&m->kind, "embedding_dim") ? ", 'embedding_dim': 4"
                                                                : "";
    if (o->whole && (!m->linear || c->encode || a != &aggregate_mean)) return false;
    int n = snprintf(
        out, size,
        "{'dataset': {'uri': '%%s/rows.ffm', 'format': 'libffm'}, 'split': {'kind': 'none'}, 'model': {'kind': '%s', 'hash_bits': 10%s}, "
        "%s'kind': '%s', 'l2': 1e-4%s}, 'train': {'shards': %d, 'batch_size': %d, 'epochs': %d, 'log_every_steps': 1}, "
        "'compression': {'codec': '%s', 'aggregate': '%s'%s}}",
        m->kind.name, model, apart ? "'optimizer': {'kind': 'adam'}, 'optimizer_wide': {" : "'optimizer': {", o->kind.name,
        has_option(&o->kind, "lr") ? ", 'lr': 0.01" : "", SHARDS, BATCH, o->whole ? 6 : EPOCHS, c->kind.name, a->kind.name,
        has_option(&c->kind, "retention.start") ? ", 'retention': 0.3" : "");
    return n > 0 && (size_t)n < size;
}

/* ---- runs that stop ---- */

static uint64_t stop_at; /* step; 0: never */
static unsigned runs, stopped;

static void stop_there(void *context, const struct progress *p)
{
    (void)context;
    if (p->phase != PROGRESS_TRAINING || stop_at == 0 || p->step < stop_at) return;
    stop_at = 0;
    raise(SIGTERM);
}

/* Time runs, so that progress is told at every step; and no disk is waited for. */
static int64_t eager_ns(void *impl)
{
    static int64_t now; /* one thread tells */
    (void)impl;
    return now += 200000000;
}

static int no_sync(struct file *f, struct error *err) { return (void)f, (void)err, 0; }
static int no_sync_dir(void *impl, const char *path, struct error *err) { return (void)impl, (void)path, (void)err, 0; }

static struct fs lax;
static int lax_open(void *impl, const char *path, enum file_mode mode, struct file **out, struct error *err)
{
    int rc = world_real.fs->open(impl, path, mode, out, err);
    if (rc == 0) (*out)->fs = &lax;
    return rc;
}

static int run(const char *spec, const char *dir, unsigned workers, struct run_result *result, struct error *err)
{
    struct world world = world_real;
    world.mono_ns = eager_ns, world.fs = &lax;
    const struct job_kit kit = {.root = root, .world = &world, .workers = workers, .cache = "cache", .progress.progress = stop_there};
    runs++;
    return job_kit_run(&kit, spec, dir, result, err);
}

static void forget(const char *dir)
{
    char command[PATH_SIZE + 16];
    snprintf(command, sizeof command, "rm -rf '%.*s/%s'", 3000, root, dir);
    assert_int_equal(system(command), 0);
}

/* false: told why. */
static bool same(const char *name, const char *spec, uint64_t number, char digest[SHA256_HEX])
{
    struct run_result one, other;
    struct error err = {0};
    if (run(spec, "one", 1, &one, &err) < 0 || run(spec, "four", 4, &other, &err) < 0) {
        print_message("%s: %s\n", name, err.msg);
        return false;
    }
    memcpy(digest, one.sha256, SHA256_HEX);
    bool ok = strcmp(one.sha256, other.sha256) == 0;
    if (!ok) print_message("%s: 4 workers give other bits than 1\n", name);
    stop_at = 1 + number % (STEPS - 1);
    int rc = run(spec, "stopped", 2, &other, &err);
    stop_at = 0;
    stopped += rc == -ERROR_STOPPED;
    if (rc == -ERROR_STOPPED) rc = run(spec, "stopped", 3, &other, &err);
    if (rc < 0) print_message("%s: %s\n", name, err.msg);
    else if (strcmp(one.sha256, other.sha256) != 0) print_message("%s: a stop and a resume give other bits\n", name);
    ok = ok && rc == 0 && strcmp(one.sha256, other.sha256) == 0;
    forget("one"), forget("four"), forget("stopped");
    return ok;
}

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

static void bits_depend_on_the_spec_alone(void **state)
{
    static char digests[DIGESTS_MAX][SHA256_HEX];
    const char *every_text = getenv("SAMEBITS_EVERY");
    unsigned long every = every_text ? strtoul(every_text, NULL, 10) : EVERY;
    unsigned all = 0, taken = 0, failed = 0, different = 0;
    clock_t from = clock();
    (void)state;
    assert_true(every > 0);
    for (const struct model *const *m = models; *m; m++)
        for (const struct optimizer *const *o = optimizers; *o; o++)
            for (const struct codec *const *c = codecs; *c; c++)
                for (const struct aggregate *const *a = aggregates; *a; a++) {
                    char spec[1024], name[128];
                    if (!spec_make(spec, sizeof spec, *m, *o, *c, *a) || all++ % every != 0) continue;
                    snprintf(name, sizeof name, "%s %s %s %s", (*m)->kind.name, (*o)->kind.name, (*c)->kind.name, (*a)->kind.name);
                    assert_true(taken < DIGESTS_MAX);
                    failed += !same(name, spec, all, digests[taken++]);
                }
    qsort(digests, taken, SHA256_HEX, by_text);
    for (unsigned i = 0; i < taken; i++) different += i == 0 || strcmp(digests[i], digests[i - 1]) != 0;
    print_message("%u of %u combinations, %u runs of which %u stopped and resumed: %u with other bits, %u different models, %.0f s of processor\n",
                  taken, all, runs, stopped, failed, different, (double)(clock() - from) / CLOCKS_PER_SEC);
    assert_int_equal(failed, 0);
    assert_int_equal(different, taken); /* else the comparison says little */
    assert_true(stopped >= taken * 3 / 4);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(bits_depend_on_the_spec_alone)};

int main(int argc, char **argv)
{
    lax = *world_real.fs;
    lax.open = lax_open, lax.sync = no_sync, lax.sync_dir = no_sync_dir;
    test_dir(root);
    data_make();
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
