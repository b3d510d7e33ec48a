/* test: threads */
#include "contract/event.h"
#include "lib/test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "lib/world_sim.h"

#define FILE_PATH "run/events.ndjson"

static struct world_sim sim;

static void sim_start(void)
{
    struct error err = {0};
    world_sim_init(&sim);
    assert_ok(path_mkdirs(&sim.world, "run", &err), &err);
}

/* What a reader found in the file. */
struct found {
    size_t count;
    uint64_t last_seq, attempts[64];
    int64_t values[64]; /* the "value" of each event */
    bool gaps;
};

static int found_each(void *context, struct event *event, struct error *err)
{
    struct found *found = context;
    (void)err;
    found->gaps |= event->seq != found->last_seq + 1;
    found->last_seq = event->seq;
    if (found->count < 64) {
        found->attempts[found->count] = event->attempt;
        found->values[found->count] = json_integer_value(json_object_get(event->body, "value"));
    }
    found->count++;
    return 0;
}

static struct found read_all(const struct world *w, const char *path)
{
    struct found found = {0};
    struct error err = {0};
    struct bytes all;
    struct event_reader reader;
    bytes_init(&all, 1 << 24);
    event_reader_init(&reader, 0);
    assert_ok(file_slurp(w, path, &all, &err), &err);
    assert_ok(event_reader_feed(&reader, bytes_text(&all), all.size, found_each, &found, &err), &err);
    event_reader_close(&reader);
    bytes_close(&all);
    return found;
}

static int write_value(struct event_writer *writer, enum event_type type, int value, struct error *err)
{
    return event_write(writer, type, (uint64_t)value, json_pack("{s:i}", "value", value), err);
}

static void event_written_then_read_is_the_same(void **state)
{
    (void)state;
    struct error err = {0};
    struct bytes all;
    struct event event;
    sim_start();
    struct event_writer *writer = event_writer_open(&sim.world, FILE_PATH, &err);
    assert_ok(writer ? 0 : -1, &err);
    assert_int_equal(event_writer_attempt(writer), 1);
    assert_ok(event_write(writer, EVENT_METRIC, 300, json_pack("{s:f, s:o}", "loss", 0.1, "auc", json_real_or_null(0.0 / 0.0)), &err), &err);
    assert_ok(event_writer_close(writer, &err), &err);
    bytes_init(&all, 4096);
    assert_ok(file_slurp(&sim.world, FILE_PATH, &all, &err), &err);
    assert_string_equal(bytes_text(&all),
                        "{\"attempt\": 1, \"auc\": null, \"loss\": 0.1, \"seq\": 1, \"step\": 300, \"t\": \"2025-11-24T18:34:35.123Z\", "
                        "\"type\": \"metric\"}\n");
    assert_ok(event_parse(&event, bytes_text(&all), all.size - 1, &err), &err);
    assert_int_equal(event.seq, 1);
    assert_int_equal(event.step, 300);
    assert_int_equal(event.type, EVENT_METRIC);
    assert_int_equal(event.utc_ms, sim.utc_ms);
    event_close(&event);
    bytes_close(&all);
    world_sim_close(&sim);
}

static void event_types_go_both_ways(void **state)
{
    (void)state;
    enum event_type type;
    for (int i = 0; i < EVENT_TYPES; i++) assert_true(event_type_parse(event_type_name((enum event_type)i), &type) && (int)type == i);
    assert_false(event_type_parse("end", &type) || event_type_parse(NULL, &type));
    assert_true(event_type_durable(EVENT_STATE) && event_type_durable(EVENT_CHECKPOINT) && event_type_durable(EVENT_EVALUATION));
    assert_false(event_type_durable(EVENT_METRIC) || event_type_durable(EVENT_LOG));
}

static void event_parse_names_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *line, *part;
    } rows[] = {
        {"", "is empty"},
        {"{\"seq\": 1", "not valid JSON"},
        {"[]", "must be an object, got []"},
        {"{}", "\"seq\" must be an integer from 1 to 2^53, got nothing"},
        {"{\"seq\": 0}", "got 0"},
        {"{\"seq\": 1.5}", "got 1.5"},
        {"{\"seq\": 1, \"attempt\": -1}", "\"attempt\" must be"},
        {"{\"seq\": 1, \"attempt\": 1, \"step\": \"3\"}", "\"step\" must be"},
        {"{\"seq\": 1, \"attempt\": 1, \"t\": \"yesterday\"}", "\"t\" must be a UTC time"},
        {"{\"seq\": 1, \"attempt\": 1, \"t\": \"2026-11-24T18:34:35.123Z\", \"type\": \"metrics\"}", "must be one of state, metric"},
        {"{\"seq\": 1, \"seq\": 2}", "duplicate"},
        {"{\"seq\": 18446744073709551616}", "not valid JSON"},
        {"{\"seq\": 9223372036854775807}", "to 2^53, got 9223372036854775807"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct event event;
        struct error err = {0};
        assert_int_equal(event_parse(&event, rows[i].line, strlen(rows[i].line), &err), -ERROR_DATA);
        assert_error(&err, ERROR_DATA, rows[i].part);
        assert_null(event.body);
    }
}

#define LINE(seq) "{\"seq\": " #seq ", \"attempt\": 1, \"t\": \"2026-11-24T18:34:35Z\", \"type\": \"log\", \"value\": " #seq "}\n"

static void event_reader_takes_any_pieces(void **state)
{
    (void)state;
    static const char text[] = LINE(1) LINE(2) LINE(3);
    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct event_reader reader;
        struct found found = {0};
        struct error err = {0};
        event_reader_init(&reader, 0);
        for (size_t at = 0; at < sizeof text - 1; at += piece) {
            size_t n = sizeof text - 1 - at < piece ? sizeof text - 1 - at : piece;
            assert_ok(event_reader_feed(&reader, text + at, n, found_each, &found, &err), &err);
        }
        assert_int_equal(found.count, 3);
        assert_false(found.gaps);
        assert_int_equal(reader.offset, sizeof text - 1);
        event_reader_close(&reader);
    }
}

static int refuse_second(void *context, struct event *event, struct error *err)
{
    (void)context;
    return event->seq == 2 ? error_set(err, ERROR_BUSY, NULL, "not now") : 0;
}

static void event_reader_offset_stops_before_what_was_not_taken(void **state)
{
    (void)state;
    static const char text[] = LINE(1) LINE(2) LINE(3);
    struct event_reader reader;
    struct error err = {0};
    struct found found = {.last_seq = 1};
    event_reader_init(&reader, 100);
    assert_int_equal(event_reader_feed(&reader, text, sizeof text - 1, refuse_second, NULL, &err), -ERROR_BUSY);
    assert_int_equal(reader.offset, 100 + strlen(LINE(1)));
    error_clear(&err);
    event_reader_restart(&reader);
    assert_ok(event_reader_feed(&reader, text + strlen(LINE(1)), sizeof text - 1 - strlen(LINE(1)), found_each, &found, &err), &err);
    assert_int_equal(found.count, 2);
    event_reader_close(&reader);
}

static void event_reader_names_the_byte_of_garbage(void **state)
{
    (void)state;
    static const char text[] = LINE(1) "rubbish\n";
    struct event_reader reader;
    struct error err = {0};
    struct found found = {0};
    char want[32];
    event_reader_init(&reader, 0);
    assert_int_equal(event_reader_feed(&reader, text, sizeof text - 1, found_each, &found, &err), -ERROR_DATA);
    snprintf(want, sizeof want, "byte %zu: ", strlen(LINE(1)));
    assert_error(&err, ERROR_DATA, want);
    event_reader_close(&reader);
    error_clear(&err);

    static char big[EVENT_LINE_MAX / 2 + 1];
    memset(big, ' ', sizeof big);
    event_reader_init(&reader, 0);
    assert_ok(event_reader_feed(&reader, big, sizeof big, found_each, &found, &err), &err);
    assert_int_equal(event_reader_feed(&reader, big, sizeof big, found_each, &found, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "longer than");
    event_reader_close(&reader);
}

static void put_file(const char *text)
{
    struct error err = {0};
    assert_ok(file_publish(&sim.world, FILE_PATH, text, strlen(text), &err), &err);
}

static void event_writer_drops_a_torn_line(void **state)
{
    (void)state;
    static const char *const torn[] = {"{", "{\"seq\": 3, \"attempt\": 1", LINE(3)};
    for (size_t i = 0; i < sizeof torn / sizeof *torn; i++) {
        char text[512];
        struct error err = {0};
        sim_start();
        snprintf(text, sizeof text, "%s%s", LINE(1) LINE(2), torn[i]);
        if (text[strlen(text) - 1] == '\n') text[strlen(text) - 1] = 0; /* all but its newline is torn, too */
        put_file(text);
        struct event_writer *writer = event_writer_open(&sim.world, FILE_PATH, &err);
        assert_ok(writer ? 0 : -1, &err);
        assert_int_equal(event_writer_attempt(writer), 2);
        assert_ok(write_value(writer, EVENT_STATE, 33, &err), &err);
        assert_ok(event_writer_close(writer, &err), &err);
        struct found found = read_all(&sim.world, FILE_PATH);
        assert_int_equal(found.count, 3);
        assert_false(found.gaps);
        assert_int_equal(found.values[2], 33);
        assert_int_equal(found.attempts[2], 2);
        world_sim_close(&sim);
    }
}

static void event_writer_refuses_a_damaged_file(void **state)
{
    (void)state;
    struct error err = {0};
    sim_start();
    put_file(LINE(1) "rubbish\n");
    assert_null(event_writer_open(&sim.world, FILE_PATH, &err));
    assert_error(&err, ERROR_DATA, FILE_PATH ": byte 81: ");
    error_clear(&err);
    char *big = mem_zero(3 * EVENT_LINE_MAX, &err);
    memset(big, 'x', 3 * EVENT_LINE_MAX - 1);
    put_file(big);
    assert_null(event_writer_open(&sim.world, FILE_PATH, &err));
    assert_error(&err, ERROR_DATA, "without a newline");
    mem_free(big);
    world_sim_close(&sim);
}

static void event_write_refuses_what_is_too_long(void **state)
{
    (void)state;
    struct error err = {0};
    sim_start();
    struct event_writer *writer = event_writer_open(&sim.world, FILE_PATH, &err);
    char *big = mem_zero(EVENT_LINE_MAX, &err);
    memset(big, 'x', EVENT_LINE_MAX - 1);
    assert_int_equal(event_write(writer, EVENT_LOG, 0, json_pack("{s:s}", "message", big), &err), -ERROR_TOOLARGE);
    error_clear(&err);
    assert_int_equal(event_write(writer, EVENT_LOG, 0, NULL, &err), -ERROR_NOMEM);
    error_clear(&err);
    assert_ok(write_value(writer, EVENT_LOG, 1, &err), &err);
    assert_ok(event_writer_close(writer, &err), &err);
    assert_int_equal(read_all(&sim.world, FILE_PATH).count, 1);
    mem_free(big);
    world_sim_close(&sim);
}

/* Six events of a run, the k-th file call of which fails; then the power fails. */
enum { EVENTS = 6 };
static const enum event_type plan[EVENTS] = {EVENT_STATE, EVENT_METRIC, EVENT_METRIC, EVENT_CHECKPOINT, EVENT_METRIC, EVENT_STATE};

struct outcome {
    size_t acked, durable; /* events that event_write took; how many of them lie before or at the last that was to be durable */
    int values[EVENTS];    /* of those taken, in order */
};

static void run_plan(struct outcome *out)
{
    *out = (struct outcome){0};
    struct event_writer *writer = event_writer_open(&sim.world, FILE_PATH, NULL);
    for (int i = 0; writer && i < EVENTS; i++) {
        struct error err = {0};
        if (write_value(writer, plan[i], i + 1, &err) < 0) {
            assert_true(err.code == ERROR_NOSPACE);
            continue;
        }
        out->values[out->acked++] = i + 1;
        if (event_type_durable(plan[i])) out->durable = out->acked;
    }
    event_writer_close(writer, NULL);
}

/* The file starts with the first `least` events that were taken and goes on without a gap. */
static void assert_holds(const struct outcome *out, size_t least, unsigned k)
{
    struct found found = read_all(&sim.world, FILE_PATH);
    if (found.gaps || found.count < least) fail_msg("call %u: %zu events, want %zu; gaps: %d", k, found.count, least, found.gaps);
    for (size_t i = 0; i < least; i++) assert_int_equal(found.values[i], out->values[i]);
}

static void event_nothing_durable_is_ever_lost(void **state)
{
    (void)state;
    static const struct {
        size_t short_bytes;
        bool rest, keep_all;
        size_t crash_keep;
    } worlds[] = {{0, false, false, 0}, {9, false, false, 0}, {9, true, false, 0}, {9, false, false, 50}, {9, true, true, 0}, {200, false, true, 0}};
    for (size_t i = 0; i < sizeof worlds / sizeof *worlds; i++)
        for (unsigned k = 1;; k++) {
            struct outcome out;
            sim_start();
            world_sim_fail(&sim, k, ERROR_NOSPACE, worlds[i].short_bytes, worlds[i].rest);
            run_plan(&out);
            bool failed = sim.failed;
            world_sim_fail(&sim, 0, ERROR_IO, 0, false);
            if (path_exists(&sim.world, FILE_PATH)) assert_holds(&out, out.acked, k);
            sim.crash_keep = worlds[i].crash_keep;
            world_sim_crash(&sim, worlds[i].keep_all);
            if (out.durable > 0) assert_holds(&out, out.durable, k);

            struct error err = {0};
            struct event_writer *writer = event_writer_open(&sim.world, FILE_PATH, &err);
            assert_ok(writer ? 0 : -1, &err);
            assert_ok(write_value(writer, EVENT_STATE, 99, &err), &err);
            assert_ok(event_writer_close(writer, &err), &err);
            assert_holds(&out, out.durable, k);
            struct found found = read_all(&sim.world, FILE_PATH);
            assert_int_equal(found.values[found.count - 1], 99);
            world_sim_close(&sim);
            if (!failed) {
                assert_int_equal(out.acked, EVENTS);
                assert_true(k > EVENTS + 3);
                break;
            }
        }
}

static void event_writer_says_why_it_is_broken(void **state)
{
    (void)state;
    struct error err = {0};
    sim_start();
    struct event_writer *writer = event_writer_open(&sim.world, FILE_PATH, &err);
    world_sim_fail(&sim, 2, ERROR_IO, 0, false); /* the fsync */
    assert_int_equal(write_value(writer, EVENT_STATE, 1, &err), -ERROR_IO);
    error_clear(&err);
    assert_int_equal(write_value(writer, EVENT_METRIC, 2, &err), -ERROR_IO);
    assert_error(&err, ERROR_IO, "no event can be written any more");
    event_writer_close(writer, NULL);
    world_sim_close(&sim);
}

static void event_writer_survives_every_failed_allocation(void **state)
{
    (void)state;
    for (unsigned k = 1;; k++) {
        int taken = 0, rc = 0;
        struct error err = {0};
        sim_start();
        put_file(LINE(1) LINE(2));
        mem_fail_after(k);
        struct event_writer *writer = event_writer_open(&sim.world, FILE_PATH, &err);
        for (int i = 0; writer && i < 3; i++) { /* what fails for want of memory leaves no trace, and the next one goes on */
            struct error why = {0};
            rc = write_value(writer, EVENT_METRIC, 3 + i, &why);
            taken += rc == 0;
            assert_true(rc == 0 || rc == -ERROR_NOMEM);
        }
        bool fired = mem_fail_after(0);
        if (!writer && err.code != ERROR_NOMEM) fail_msg("allocation %u fails: %s", k, err.msg);
        event_writer_close(writer, NULL);
        struct found found = read_all(&sim.world, FILE_PATH);
        assert_false(found.gaps);
        assert_int_equal(found.count, 2 + taken);
        world_sim_close(&sim);
        if (!fired) {
            assert_int_equal(taken, 3);
            break;
        }
        assert_true(taken == 2 || (taken == 0 && !writer));
    }
}

enum { THREADS = 4, EACH = 200 };

static void *write_many(void *context)
{
    for (int i = 0; i < EACH; i++)
        if (write_value(context, EVENT_METRIC, i, NULL) < 0) return context;
    return NULL;
}

static void event_writer_is_for_all_threads(void **state)
{
    (void)state;
    char dir[PATH_SIZE], path[PATH_SIZE];
    struct error err = {0};
    pthread_t threads[THREADS];
    assert_ok(path_join(path, test_dir(dir), "events.ndjson", &err), &err);
    struct event_writer *writer = event_writer_open(&world_real, path, &err);
    assert_ok(writer ? 0 : -1, &err);
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, write_many, writer), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_ok(event_writer_close(writer, &err), &err);
    struct found found = read_all(&world_real, path);
    assert_int_equal(found.count, THREADS * EACH);
    assert_false(found.gaps);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(event_written_then_read_is_the_same),
    cmocka_unit_test(event_types_go_both_ways),
    cmocka_unit_test(event_parse_names_what_is_wrong),
    cmocka_unit_test(event_reader_takes_any_pieces),
    cmocka_unit_test(event_reader_offset_stops_before_what_was_not_taken),
    cmocka_unit_test(event_reader_names_the_byte_of_garbage),
    cmocka_unit_test(event_writer_drops_a_torn_line),
    cmocka_unit_test(event_writer_refuses_a_damaged_file),
    cmocka_unit_test(event_write_refuses_what_is_too_long),
    cmocka_unit_test(event_nothing_durable_is_ever_lost),
    cmocka_unit_test(event_writer_says_why_it_is_broken),
    cmocka_unit_test(event_writer_survives_every_failed_allocation),
    cmocka_unit_test(event_writer_is_for_all_threads),
};
TEST_MAIN(tests)
