/* test: threads */
/* L-BFGS as an oracle: it stands where Newton's method in double stands, other optimisers come near it, its bits depend on the spec alone, and what
 * it cannot do is refused. */
#include "lib/test.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract/rundir.h"
#include "engine/model/model.h"
#include "engine/train/run.h"
#include "lib/run_kit.h"

/* ---- Newton's method on the rows of a.svm, in double ---- */

enum { COLUMNS = 80, BIAS = 0, NEWTON_STEPS = 30 }; /* column 0 is the bias; features count from 1 */

static struct {
    size_t rows;
    double x[RUN_KIT_ROWS][COLUMNS], y[RUN_KIT_ROWS];
} table;

static void table_read(void)
{
    char path[PATH_SIZE], *line = NULL, *rest;
    size_t room = 0;
    snprintf(path, sizeof path, "%.*s/a.svm", 3000, run_kit_root);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    for (; getline(&line, &room, f) > 0; table.rows++) {
        assert_true(table.rows < RUN_KIT_ROWS);
        double *x = table.x[table.rows];
        table.y[table.rows] = atof(strtok_r(line, " \n", &rest));
        x[BIAS] = 1;
        for (char *part; (part = strtok_r(NULL, " \n", &rest));) {
            unsigned long column = strtoul(part, &part, 10);
            assert_true(column > BIAS && column < COLUMNS && *part == ':');
            x[column] = atof(part + 1);
        }
    }
    free(line), fclose(f);
}

/* a (n, n) symmetric and positive: a x = b by Cholesky, into b. */
static void solve(double a[COLUMNS][COLUMNS], double b[COLUMNS])
{
    for (size_t i = 0; i < COLUMNS; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = a[i][j];
            for (size_t k = 0; k < j; k++) sum -= a[i][k] * a[j][k];
            a[i][j] = i == j ? sqrt(sum) : sum / a[j][j];
        }
    for (size_t i = 0; i < COLUMNS; i++) {
        for (size_t k = 0; k < i; k++) b[i] -= a[i][k] * b[k];
        b[i] /= a[i][i];
    }
    for (size_t i = COLUMNS; i-- > 0;) {
        for (size_t k = i + 1; k < COLUMNS; k++) b[i] -= a[k][i] * b[k];
        b[i] /= a[i][i];
    }
}

/* The mean loss, penalty not counted, at the minimum of mean loss + 1/2 l2 |w|^2. */
static double newton(double l2, bool bias, double positive_weight)
{
    static double w[COLUMNS], gradient[COLUMNS], hessian[COLUMNS][COLUMNS];
    double loss = 0;
    memset(w, 0, sizeof w);
    for (int step = 0; step <= NEWTON_STEPS; step++) {
        double weights = 0;
        loss = 0;
        memset(gradient, 0, sizeof gradient), memset(hessian, 0, sizeof hessian);
        for (size_t r = 0; r < table.rows; r++) weights += table.y[r] > 0 ? positive_weight : 1;
        for (size_t r = 0; r < table.rows; r++) {
            const double *x = table.x[r], y = table.y[r] > 0, weight = (y > 0 ? positive_weight : 1) / weights;
            double z = 0;
            for (size_t i = 0; i < COLUMNS; i++) z += w[i] * x[i];
            double p = 1 / (1 + exp(-z));
            loss += weight * (fmax(z, 0) - z * y + log1p(exp(-fabs(z))));
            for (size_t i = 0; i < COLUMNS; i++) {
                if (x[i] == 0) continue;
                gradient[i] += weight * (p - y) * x[i];
                for (size_t j = 0; j < COLUMNS; j++) hessian[i][j] += weight * p * (1 - p) * x[i] * x[j];
            }
        }
        for (size_t i = 0; i < COLUMNS; i++) {
            double own = i == BIAS && !bias ? 0 : l2;
            gradient[i] += own * w[i];
            hessian[i][i] += own + 1e-13; /* columns without values have no curvature */
        }
        solve(hessian, gradient);
        for (size_t i = 0; i < COLUMNS && step < NEWTON_STEPS; i++) w[i] -= gradient[i];
    }
    return loss;
}

/* ---- runs ---- */

static double last_loss(const char *dir, const char *type, const char *name)
{
    char path[PATH_SIZE], *line = NULL;
    size_t room = 0;
    double value = NAN;
    snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_EVENTS, 3000, run_kit_root, dir);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (getline(&line, &room, f) > 0) {
        json_t *event = json_loads(line, 0, NULL);
        const char *is = json_string_value(json_object_get(event, "type"));
        if (is && strcmp(is, type) == 0 && json_object_get(event, name)) value = json_number_value(json_object_get(event, name));
        json_decref(event);
    }
    free(line), fclose(f);
    return value;
}

#define LR "'split': {'kind': 'none'}, 'model': {'kind': 'lr', 'hash_bits': 18}, "

static void stands_where_newton_stands(void **state)
{
    (void)state;
    static const struct {
        double l2;
        bool bias;
        double positive_weight;
    } cases[] = {{0, false, 1}, {0.01, false, 1}, {0.01, true, 1}, {0.1, true, 1}, {0.001, true, 5}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char spec[1024], dir[24];
        struct run_result result;
        struct error err = {0};
        snprintf(spec, sizeof spec,
                 RUN_KIT_SPEC("a.svm",
                              LR "'optimizer': {'kind': 'lbfgs', 'l2': %g, 'penalise_bias': %s}, 'train': {'epochs': 300, 'batch_size': 700, "
                                 "'shards': 3, 'log_every_steps': 1, 'positive_weight': %g}"),
                 "%s", cases[i].l2, cases[i].bias ? "true" : "false", cases[i].positive_weight);
        snprintf(dir, sizeof dir, "newton%zu", i);
        assert_ok(run_kit_run(&world_real, spec, dir, 2, &result, &err), &err);
        double want = newton(cases[i].l2, cases[i].bias, cases[i].positive_weight), got = last_loss(dir, "metric", "loss");
        if (!(fabs(got / want - 1) < 1e-5)) fail_msg("case %zu: loss %.9g, Newton's is %.9g", i, got, want);
        if (!(last_loss(dir, "metric", "grad_norm") < 1e-4)) fail_msg("case %zu: gradient norm %g", i, last_loss(dir, "metric", "grad_norm"));
        assert_true(isnan(last_loss(dir, "metric", "lr")));
    }
}

/* Whatever their loss: models that say they are linear come to where the gradient ends, and two classes cost what one output does. */
static void every_linear_model_has_its_optimum(void **state)
{
    (void)state;
    unsigned models_seen = 0;
    for (const struct model *const *m = models; *m; m++) {
        char spec[1024], dir[24];
        struct run_result result;
        struct error err = {0};
        if (!(*m)->linear) continue;
        snprintf(spec, sizeof spec,
                 RUN_KIT_SPEC("a.svm", "'split': {'kind': 'none'}, 'model': {'kind': '%s', 'hash_bits': 18}, 'optimizer': {'kind': 'lbfgs'}, "
                                       "'train': {'epochs': 300, 'batch_size': 700, 'log_every_steps': 1}"),
                 "%s", (*m)->kind.name);
        snprintf(dir, sizeof dir, "linear-%s", (*m)->kind.name);
        assert_ok(run_kit_run(&world_real, spec, dir, 2, &result, &err), &err);
        double norm = last_loss(dir, "metric", "grad_norm");
        if (!(norm < 1e-4)) fail_msg("%s: gradient norm %g", (*m)->kind.name, norm);
        models_seen++;
    }
    assert_true(models_seen >= 4);
    assert_close(last_loss("linear-softmax", "metric", "loss"), newton(0, false, 1), 1e-5, 0);
}

/* What algorithms.md asks of the others: their loss on the training rows is at most the oracle's times 1.001. */
static void others_come_near_it(void **state)
{
    (void)state;
    static const char *const others[] = {"'kind': 'sgd', 'lr': 6, 'schedule': 'poly'", "'kind': 'adagrad', 'lr': 1, 'schedule': 'poly'",
                                         "'kind': 'adam', 'lr': 0.05, 'schedule': 'poly'", "'kind': 'ftrl', 'lr': 5, 'schedule': 'poly'"};
    double oracle = newton(0, false, 1);
    unsigned far = 0;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char spec[1024], dir[24];
        struct run_result result;
        struct error err = {0};
        snprintf(spec, sizeof spec, RUN_KIT_SPEC("a.svm", LR "'optimizer': {%s}, 'train': {'epochs': 100, 'batch_size': 100, 'shards': 2}"), "%s",
                 others[i]);
        snprintf(dir, sizeof dir, "near%zu", i);
        assert_ok(run_kit_run(&world_real, spec, dir, 2, &result, &err), &err);
        double got = run_kit_metric(dir, "logloss");
        print_message("{%s}: logloss %.6f, the optimum is %.6f\n", others[i], got, oracle);
        far += !(got <= oracle * 1.001 && got > oracle * (1 - 1e-6));
    }
    assert_int_equal(far, 0);
}

static unsigned stops;
static uint64_t told_step;

/* Asks for a stop at each of the first iterations. */
static void stop_now_and_then(void *context, const struct progress *p)
{
    (void)context;
    if (p->phase != PROGRESS_TRAINING || stops == 0 || p->step == told_step) return;
    told_step = p->step;
    stops--;
    raise(SIGTERM);
}

static struct progress first_told;

static void keep_the_first(void *context, const struct progress *p)
{
    (void)context;
    if (p->phase == PROGRESS_TRAINING && first_told.total == 0) first_told = *p;
}

/* The bar moves within a pass, long before the first iteration is through. */
static void a_pass_shows_its_rows(void **state)
{
    (void)state;
    struct run_result result;
    struct error err = {0};
    first_told = (struct progress){0};
    run_kit_progress = keep_the_first;
    int rc = run_kit_run(&world_real,
                         RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr'}, 'split': {'kind': 'none'}, 'optimizer': {'kind': 'lbfgs'}, 'train': "
                                               "{'epochs': 5, 'batch_size': 100}"),
                         "bar", 1, &result, &err);
    run_kit_progress = NULL;
    assert_ok(rc, &err);
    assert_int_equal(first_told.done, 100);
    assert_int_equal(first_told.rows, 100);
    assert_int_equal(first_told.step, 0);
    assert_int_equal(first_told.total, 5 * RUN_KIT_ROWS);
}

static void bits_depend_on_the_spec_alone(void **state)
{
    (void)state;
    static const char *const specs[] = {"'optimizer': {'kind': 'lbfgs', 'l2': 1e-3}, 'train': {'epochs': 40, 'batch_size': 700, 'shards': 5}",
                                        "'optimizer': {'kind': 'lbfgs', 'history': 3}, 'train': {'epochs': 25, 'batch_size': 64, 'shards': 8, "
                                        "'negative_rate': 0.7, 'positive_weight': 2}"};
    for (size_t i = 0; i < 2; i++) {
        char spec[1024], dir[24];
        struct run_result one, other;
        struct error err = {0};
        snprintf(spec, sizeof spec, RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr', 'hash_bits': 18}, %s"), "%s", specs[i]);
        snprintf(dir, sizeof dir, "bits%zu-1", i);
        assert_ok(run_kit_run(&world_real, spec, dir, 1, &one, &err), &err);
        for (unsigned workers = 2; workers <= 4; workers *= 2) {
            snprintf(dir, sizeof dir, "bits%zu-%u", i, workers);
            assert_ok(run_kit_run(&world_real, spec, dir, workers, &other, &err), &err);
            assert_string_equal(one.sha256, other.sha256);
        }
        snprintf(dir, sizeof dir, "bits%zu-stopped", i);
        stops = 4, told_step = 0;
        run_kit_progress = stop_now_and_then;
        unsigned stopped = 0;
        for (int rc = -ERROR_STOPPED; rc == -ERROR_STOPPED; stopped += rc != 0) {
            memset(&err, 0, sizeof err);
            rc = run_kit_run(&world_real, spec, dir, 1 + stopped % 3, &other, &err);
        }
        run_kit_progress = NULL;
        assert_ok(-(int)err.code, &err);
        assert_true(stopped >= 2);
        assert_string_equal(one.sha256, other.sha256);
    }
}

static void what_it_cannot_do_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *want;
    } cases[] = {
        {"'model': {'kind': 'fm'}, 'train': {'epochs': 9}", "/optimizer/kind lbfgs is for models that are linear in their weights"},
        {"'model': {'kind': 'lr'}", "/train/epochs under optimizer.kind \"lbfgs\" is the most iterations"},
        {"'model': {'kind': 'lr'}, 'train': {'epochs': 9, 'max_rows': 10}", "/train/max_rows under"},
        {"'model': {'kind': 'lr'}, 'train': {'epochs': 9, 'curriculum': 0.5}", "/train/curriculum under"},
        {"'model': {'kind': 'lr'}, 'train': {'epochs': 9, 'label_smoothing': 0.5}", "/train/label_smoothing under"},
        {"'model': {'kind': 'lr'}, 'train': {'epochs': 9, 'clip_norm': 1}", "/train/clip_norm under"},
        {"'model': {'kind': 'lr'}, 'train': {'epochs': 9, 'nonfinite': 'skip'}", "/train/nonfinite under"},
        {"'model': {'kind': 'lr'}, 'train': {'epochs': 9, 'spike_factor': 3}", "/train/spike_factor under"},
        {"'model': {'kind': 'lr', 'table_dtype': 'bf16'}, 'train': {'epochs': 9}", "/model/table_dtype under"},
        {"'model': {'kind': 'lr'}, 'train': {'epochs': 9}, 'features': {'min_count': 2}", "/features/min_count under"},
        {"'model': {'kind': 'lr', 'embedding': 'vocabulary'}, 'train': {'epochs': 9}", "/model/embedding/kind under"},
        {"'model': {'kind': 'lr', 'embedding': 'qr'}, 'train': {'epochs': 9}", "makes a weight the product of two"},
        {"'model': {'kind': 'lr'}, 'train': {'epochs': 9}, 'compression': {'codec': 'topk'}", "/compression/codec under"},
        {"'model': {'kind': 'lr'}, 'train': {'epochs': 9}, 'compression': {'codec': 'sign', 'aggregate': 'vote'}", "/compression/aggregate under"},
        {"'model': {'kind': 'lr'}, 'train': {'epochs': 9}, 'warm_start': {'checkpoint': 'x', 'lr_scale': {'wide': 0.5}}",
         "/warm_start/lr_scale under"},
        {"'model': {'kind': 'lr'}, 'train': {'epochs': 9}, 'warm_start': {'checkpoint': 'x', 'optimizer_state': true}",
         "/warm_start/optimizer_state under"},
        {"'model': {'kind': 'lr'}, 'train': {'epochs': 9}, 'optimizer_wide': {'kind': 'sgd'}", "/optimizer_wide/kind cannot stand beside"},
    };
    struct run_result result;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char spec[1024];
        struct error err = {0};
        snprintf(spec, sizeof spec, RUN_KIT_SPEC("a.svm", "'optimizer': {'kind': 'lbfgs'}, %s"), "%s", cases[i].spec);
        assert_true(run_kit_run(&world_real, spec, "no", 1, &result, &err) < 0);
        assert_error(&err, ERROR_INVALID, cases[i].want);
    }
    struct error err = {0};
    assert_true(
        run_kit_run(&world_real, RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr'}, 'optimizer_wide': {'kind': 'lbfgs'}"), "no", 1, &result, &err) < 0);
    assert_error(&err, ERROR_INVALID, "/optimizer_wide/kind lbfgs moves all weights at once");
    memset(&err, 0, sizeof err);
    assert_true(run_kit_run(&world_real,
                            RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr'}, 'optimizer': {'kind': 'lbfgs', 'l1': 1}, 'train': {'epochs': 9}"), "no",
                            1, &result, &err) < 0);
    assert_error(&err, ERROR_INVALID, "/optimizer/l1 under");
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(stands_where_newton_stands), cmocka_unit_test(every_linear_model_has_its_optimum),
                                          cmocka_unit_test(others_come_near_it),        cmocka_unit_test(bits_depend_on_the_spec_alone),
                                          cmocka_unit_test(a_pass_shows_its_rows),      cmocka_unit_test(what_it_cannot_do_is_refused)};

int main(int argc, char **argv)
{
    test_dir(run_kit_root);
    run_kit_data("a.svm", false, false);
    table_read();
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
