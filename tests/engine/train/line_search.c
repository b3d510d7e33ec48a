/* The line search on functions whose minimum is known: it accepts points that satisfy both conditions, and none where there is none. */
#include "lib/test.h"

#include <math.h>

#include "engine/train/line_search.h"

static double parabola(double t, double *slope) { return *slope = 2 * (t - 3), (t - 3) * (t - 3); }
static double logistic(double t, double *slope) { return *slope = 0.1 - 1 / (1 + exp(t)), 0.1 * t + log1p(exp(-t)); }
static double wall(double t, double *slope) { return *slope = t < 2 ? 1 / (2 - t) - 2 : INFINITY, t < 2 ? -log(2 - t) - 2 * t : INFINITY; }
static double steep(double t, double *slope) { return *slope = 1e6 * expm1(1e3 * t - 1), 1e3 * (exp(1e3 * t - 1) - 1e3 * t); }
static double falls(double t, double *slope) { return *slope = -1, -t; }
static double rises(double t, double *slope) { return *slope = t > 0 ? 1 : -1, fabs(t) + (t > 0); }

static enum line_verdict search(double (*f)(double, double *), double t, struct line_search *s, double *value, double *slope)
{
    double slope0, f0 = f(0, &slope0);
    enum line_verdict verdict = LINE_AGAIN;
    line_begin(s, f0, slope0, t);
    for (int i = 0; verdict == LINE_AGAIN; i++) {
        assert_true(i < LINE_TRIES && s->t > 0 && isfinite(s->t));
        *value = f(s->t, slope);
        verdict = line_judge(s, *value, *slope);
    }
    return verdict;
}

static void accepts_what_satisfies_both_conditions(void **state)
{
    (void)state;
    double (*const functions[])(double, double *) = {parabola, logistic, wall, steep};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        for (double t = 1e-4; t < 1e5; t *= 10) {
            struct line_search s;
            double slope0, f0 = functions[i](0, &slope0), value, slope;
            if (!(slope0 < 0)) continue;
            if (search(functions[i], t, &s, &value, &slope) != LINE_ACCEPT) fail_msg("function %zu from %g: nothing found", i, t);
            if (!(value <= f0 + 1e-4 * s.t * slope0 + 1e-8 * fabs(f0)) || !(fabs(slope) <= 0.9 * fabs(slope0)))
                fail_msg("function %zu from %g: t %g with value %g, slope %g", i, t, s.t, value, slope);
        }
}

static void gives_up_where_nothing_is_good(void **state)
{
    (void)state;
    struct line_search s;
    double value, slope;
    assert_int_equal(search(falls, 1, &s, &value, &slope), LINE_FAIL);
    assert_int_equal(search(rises, 1, &s, &value, &slope), LINE_FAIL);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(accepts_what_satisfies_both_conditions), cmocka_unit_test(gives_up_where_nothing_is_good)};
TEST_MAIN(tests)
