/* The states of an event stream, moved by hand: what the hub's tick does in each. */
#include "lib/test.h"

#include <string.h>

#include "service/http/follower.h"

static int resumed;
static void count_resume(void *connection)
{
    (void)connection;
    resumed++;
}

static struct follower follower_in(enum follower_state state)
{
    resumed = 0;
    return (struct follower){.state = state, .resume = count_resume};
}

/* A worker that has read the store already must look again: without this the last event could lie unsent until the next heartbeat. */
static void news_while_it_is_filled_is_remembered(void **state)
{
    (void)state;
    struct follower f = follower_in(FOLLOWER_FILLING);
    follower_tick(&f, false, false, 0);
    assert_false(f.news);
    follower_tick(&f, true, false, 0);
    assert_true(f.news);
    assert_int_equal(f.state, FOLLOWER_FILLING);
    assert_int_equal(resumed, 0);
}

static void a_stream_that_is_being_sent_is_left_alone(void **state)
{
    (void)state;
    struct follower f = follower_in(FOLLOWER_READING);
    follower_tick(&f, true, true, INT64_MAX);
    assert_int_equal(f.state, FOLLOWER_READING);
    assert_false(f.ended);
    assert_int_equal(resumed, 0);
}

static void an_idle_stream_ends_with_the_server(void **state)
{
    (void)state;
    struct follower f = follower_in(FOLLOWER_IDLE);
    follower_tick(&f, true, true, 0);
    assert_int_equal(f.state, FOLLOWER_READING);
    assert_true(f.ended);
    assert_int_equal(resumed, 1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(news_while_it_is_filled_is_remembered),
    cmocka_unit_test(a_stream_that_is_being_sent_is_left_alone),
    cmocka_unit_test(an_idle_stream_ends_with_the_server),
};
TEST_MAIN(tests)
