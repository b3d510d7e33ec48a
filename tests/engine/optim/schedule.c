/* Every schedule in schedule_names[] against its formula with libm, at its ends, and where nothing is planned. */
#include "engine/optim/schedule.h"

#include <math.h>
#include <string.h>

#include "engine/core/float.h"
#include "lib/test.h"

struct row {
    struct schedule s;
};
static const struct option options[] = {SCHEDULE_OPTIONS(struct row, s), {0}};

enum { WARMUP = 10, PLANNED = 110, SPAN = PLANNED - WARMUP };

static double constant_exact(double done) { return done < 0 ? NAN : 1; }
static double step_exact(double done) { return pow(0.5, floor(done / 40)); }
static double poly_exact(double done) { return 0.1 + 0.9 * pow(1 - done / SPAN, 2); }
static double cosine_exact(double done) { return 0.1 + 0.9 * (1 + cos(acos(-1) * done / SPAN)) / 2; }
static double inverse_sqrt_exact(double done) { return sqrt(40 / (40 + done)); }

static const struct {
    const char *name;
    double (*exact)(double done);
} references[] = {
    {"constant", constant_exact}, {"step", step_exact}, {"poly", poly_exact}, {"cosine", cosine_exact}, {"inverse_sqrt", inverse_sqrt_exact}};

static void schedules_follow_their_formulas(void **state)
{
    (void)state;
    for (int k = 0; schedule_names[k]; k++) {
        size_t r = 0;
        while (r < 5 && strcmp(references[r].name, schedule_names[k]) != 0) r++;
        if (r == 5) fail_msg("schedule %s has no reference in this test; write one", schedule_names[k]);
        const struct schedule s = {.kind = k, .warmup_steps = WARMUP, .every_steps = 40, .power = 2, .gamma = 0.5, .final = 0.1};
        for (uint64_t t = 1; t <= PLANNED; t++) {
            double want = t < WARMUP ? (double)t / WARMUP : references[r].exact((double)t - WARMUP);
            assert_close(schedule_factor(&s, t, PLANNED), want, 1e-13, 1e-15);
        }
        double after = schedule_factor(&s, 2 * PLANNED, PLANNED); /* more steps than were planned: the end stays the end */
        assert_true(after >= 0 && after <= 1 && after <= schedule_factor(&s, PLANNED, PLANNED) + 1e-15);
        assert_close(schedule_factor(&s, 1, 0), 0.1, 1e-15, 0);
        assert_true(isfinite(schedule_factor(&s, UINT64_MAX, 0)));
    }
}

static void defaults_leave_the_rate_alone(void **state)
{
    (void)state;
    struct row row;
    options_default(options, &row);
    for (uint64_t t = 1; t <= 1000000; t *= 10) assert_close(schedule_factor(&row.s, t, 50), 1, 0, 0);
    row.s.kind = 2; /* poly, one step: warm-up and end at once */
    assert_close(schedule_factor(&row.s, 1, 1), 1, 0, 0);
    assert_close(schedule_factor(&row.s, 2, 2), 0, 0, 0);
}

static void cosine_needs_no_libm(void **state)
{
    (void)state;
    for (int i = 0; i <= 10000; i++) assert_close(float_cos_pi(i / 1e4), cos(acos(-1) * (i / 1e4)), 0, 1e-15);
    assert_true(float_cos_pi(0.5) == 0);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(schedules_follow_their_formulas), cmocka_unit_test(defaults_leave_the_rate_alone),
                                          cmocka_unit_test(cosine_needs_no_libm)};
TEST_MAIN(tests)
