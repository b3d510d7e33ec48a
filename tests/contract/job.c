#include "contract/job.h"
#include "lib/test.h"

#include <string.h>

#include "base/error.h"

/* The machine of api.md, arrow by arrow. */
static const struct {
    enum job_state from, to;
} arrows[] = {
    {JOB_QUEUED, JOB_STARTING},    {JOB_QUEUED, JOB_PAUSED},      {JOB_QUEUED, JOB_CANCELLED},  {JOB_QUEUED, JOB_FAILED},
    {JOB_STARTING, JOB_RUNNING},   {JOB_STARTING, JOB_STOPPING},  {JOB_STARTING, JOB_QUEUED},   {JOB_STARTING, JOB_FAILED},
    {JOB_STARTING, JOB_CANCELLED}, {JOB_RUNNING, JOB_STOPPING},   {JOB_RUNNING, JOB_SUCCEEDED}, {JOB_RUNNING, JOB_QUEUED},
    {JOB_RUNNING, JOB_FAILED},     {JOB_STOPPING, JOB_PAUSED},    {JOB_STOPPING, JOB_QUEUED},   {JOB_STOPPING, JOB_SUCCEEDED},
    {JOB_STOPPING, JOB_FAILED},    {JOB_STOPPING, JOB_CANCELLED}, {JOB_PAUSED, JOB_QUEUED},     {JOB_PAUSED, JOB_CANCELLED},
};

static void job_moves_are_those_of_the_drawing(void **state)
{
    (void)state;
    for (int from = 0; from < JOB_STATES; from++)
        for (int to = 0; to < JOB_STATES; to++) {
            bool want = false;
            for (size_t i = 0; i < sizeof arrows / sizeof *arrows; i++) want |= (int)arrows[i].from == from && (int)arrows[i].to == to;
            if (job_state_may((enum job_state)from, (enum job_state)to) != want)
                fail_msg("%s -> %s must %sbe allowed", job_state_name((enum job_state)from), job_state_name((enum job_state)to), want ? "" : "not ");
        }
}

static void job_every_state_reaches_an_end(void **state)
{
    (void)state;
    for (int start = 0; start < JOB_STATES; start++) {
        unsigned seen = 1u << start, grown = seen;
        do {
            seen = grown;
            for (int from = 0; from < JOB_STATES; from++)
                for (int to = 0; to < JOB_STATES; to++)
                    if (seen >> from & 1 && job_state_may((enum job_state)from, (enum job_state)to)) grown |= 1u << to;
        } while (grown != seen);
        bool ends = false;
        for (int s = 0; s < JOB_STATES; s++) ends |= (seen >> s & 1) && job_state_final((enum job_state)s);
        assert_true(ends);
    }
    assert_true(job_state_final(JOB_SUCCEEDED) && job_state_final(JOB_FAILED) && job_state_final(JOB_CANCELLED) && !job_state_final(JOB_PAUSED));
}

static void job_names_go_both_ways(void **state)
{
    (void)state;
    enum job_state s;
    enum job_cause c;
    for (int i = 0; i < JOB_STATES; i++) assert_true(job_state_parse(job_state_name((enum job_state)i), &s) && (int)s == i);
    for (int i = 0; i < CAUSES; i++) assert_true(job_cause_parse(job_cause_name((enum job_cause)i), &c) && (int)c == i);
    assert_false(job_state_parse("Queued", &s) || job_state_parse("", &s) || job_state_parse(NULL, &s));
    assert_false(job_cause_parse("oom", &c));
    assert_false(job_state_may((enum job_state)99, JOB_QUEUED) || job_state_may(JOB_QUEUED, (enum job_state)99));
}

static void job_moves_read_as_text(void **state)
{
    (void)state;
    char buf[128], small[12];
    assert_string_equal(job_state_moves(JOB_PAUSED, buf, sizeof buf), "queued, cancelled");
    assert_string_equal(job_state_moves(JOB_FAILED, buf, sizeof buf), "none");
    assert_string_equal(job_state_moves(JOB_PAUSED, small, sizeof small), "queued, can");
}

static void job_every_exit_of_a_run_has_a_cause(void **state)
{
    (void)state;
    static const struct {
        int exit_code;
        enum job_cause cause;
    } rows[] = {{0, CAUSE_NONE},       {65, CAUSE_INVALID_DATA}, {70, CAUSE_INTERNAL},    {71, CAUSE_OUT_OF_MEMORY},
                {73, CAUSE_DISK_FULL}, {1, CAUSE_INTERNAL},      {137, CAUSE_WORKER_LOST}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) assert_int_equal(job_cause_of_exit(rows[i].exit_code), rows[i].cause);
    for (int code = 1; code < ERROR_CODES; code++) assert_int_not_equal(job_cause_of_exit(error_exit_code((enum error_code)code)), CAUSE_NONE);
    assert_true(job_cause_retryable(CAUSE_WORKER_LOST) && job_cause_retryable(CAUSE_DISK_FULL));
    assert_false(job_cause_retryable(CAUSE_INVALID_DATA) || job_cause_retryable(CAUSE_DIVERGED));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(job_moves_are_those_of_the_drawing),
    cmocka_unit_test(job_every_state_reaches_an_end),
    cmocka_unit_test(job_names_go_both_ways),
    cmocka_unit_test(job_moves_read_as_text),
    cmocka_unit_test(job_every_exit_of_a_run_has_a_cause),
};
TEST_MAIN(tests)
