/* Standard input as data: whatever way the pipe hands its bytes over, packed or not, the rows and the digest are those of the file; a later
 * attempt finds the entry by its name; what came by once cannot be read again, and every message says so. */
/* test: threads */
#include "lib/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/data/dataset.h"
#include "engine/data/source/source.h"
#include "lib/data_kit.h"
#include "lib/threads.h"

static char dir[PATH_SIZE], cache[PATH_SIZE], file[PATH_SIZE];
static struct bytes text;
static int saved_input;

static int set_up(void **state)
{
    (void)state;
    path_join(cache, test_dir(dir), "cache", NULL);
    path_join(file, dir, "clicks.tsv", NULL);
    bytes_init(&text, 1 << 26);
    kit_criteo(&text, 20000, 5);
    test_write_file(file, text.data, text.size);
    saved_input = dup(STDIN_FILENO);
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dup2(saved_input, STDIN_FILENO);
    close(saved_input);
    bytes_close(&text);
    return 0;
}

struct piped { /* a thread that writes into the process's standard input */
    const struct bytes *data;
    size_t step; /* bytes a write; 0: all at once */
    int fd;
    pthread_t thread;
};

static void *pipe_write(void *arg)
{
    struct piped *p = arg;
    for (size_t at = 0; at < p->data->size;) {
        size_t left = p->data->size - at, want = p->step && p->step < left ? p->step : left;
        ssize_t n = write(p->fd, p->data->data + at, want);
        if (n <= 0) break;
        at += (size_t)n;
    }
    close(p->fd);
    return NULL;
}

static void pipe_begin(struct piped *p, const struct bytes *data, size_t step)
{
    int ends[2];
    assert_return_code(pipe2(ends, O_CLOEXEC), 0);
    assert_return_code(dup2(ends[0], STDIN_FILENO), 0);
    close(ends[0]);
    *p = (struct piped){.data = data, .step = step, .fd = ends[1]};
    assert_int_equal(pthread_create(&p->thread, NULL, pipe_write, p), 0);
}

static void pipe_end(struct piped *p)
{
    int none = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(none, STDIN_FILENO); /* the read end is gone, so the writer ends */
    close(none);
    pthread_join(p->thread, NULL);
}

/* Like kit_load of "-", with an entry to recall. */
static int load(const char *cache_dir, const char *entry, const struct parallel *parallel, struct kit_rows *rows, struct dataset_info *info,
                struct error *err)
{
    struct kit kit = {.path = "-", .cache = cache_dir, .parallel = parallel, .chunk_bytes = 5000, .entry = entry};
    return kit_load(&kit, rows, info, err);
}

static void a_pipe_gives_the_rows_of_the_file(void **state)
{
    (void)state;
    struct parallel two = threads_parallel(2);
    const struct parallel *const ways[] = {&two, &parallel_inline};
    const size_t steps[] = {0, 777, 1 << 16};
    struct kit kit = {.path = file, .cache = cache};
    struct dataset_info want, got;
    struct kit_rows rows, again;
    struct bytes packed[3];
    struct error err = {0};
    assert_ok(kit_load(&kit, &rows, &want, &err), &err);
    assert_false(want.once);
    for (size_t i = 0; i < 3; i++) bytes_init(&packed[i], 1 << 26);
    assert_ok(bytes_add(&packed[0], text.data, text.size, &err), &err);
    kit_gzip(&packed[1], text.data, text.size);
    kit_zstd(&packed[2], text.data, text.size);
    for (size_t i = 0; i < 12; i++) {
        char other[PATH_SIZE];
        struct piped p;
        snprintf(other, sizeof other, "%.2000s/cache-%zu", dir, i);
        pipe_begin(&p, &packed[i % 3], steps[i / 3 % 3]);
        assert_ok(load(other, NULL, ways[i % 2], &again, &got, &err), &err);
        pipe_end(&p);
        assert_true(kit_rows_equal(&rows, &again));
        assert_string_equal(got.digest, want.digest);
        assert_true(got.once && !got.from_cache && got.source_bytes == text.size);
        kit_rows_close(&again);
    }
    for (size_t i = 0; i < 3; i++) bytes_close(&packed[i]);
    kit_rows_close(&rows);
}

/* A gzip file whose first bytes trickle in one by one is still seen to be gzip. */
static void a_slow_start_does_not_hide_what_packs_it(void **state)
{
    (void)state;
    struct bytes packed, small;
    struct kit_rows rows;
    struct dataset_info info;
    struct error err = {0};
    struct piped p;
    bytes_init(&packed, 1 << 20);
    bytes_init(&small, 1 << 20);
    kit_criteo(&small, 10, 1);
    kit_gzip(&packed, small.data, small.size);
    pipe_begin(&p, &packed, 1);
    assert_ok(load(cache, NULL, &parallel_inline, &rows, &info, &err), &err);
    pipe_end(&p);
    assert_int_equal(info.rows, 10);
    kit_rows_close(&rows);
    bytes_close(&packed);
    bytes_close(&small);
}

static void a_later_attempt_recalls_the_entry(void **state)
{
    (void)state;
    struct dataset_info first, info;
    struct kit_rows rows;
    struct error err = {0};
    struct piped p;
    struct bytes other;
    char name[PATH_SIZE];
    bytes_init(&other, 1 << 20);
    kit_criteo(&other, 10, 9);
    pipe_begin(&p, &text, 0);
    assert_ok(load(cache, NULL, &parallel_inline, &rows, &first, &err), &err);
    pipe_end(&p);
    kit_rows_close(&rows);

    assert_ok(load(cache, first.digest, &parallel_inline, &rows, &info, &err), &err); /* stdin is /dev/null now */
    assert_true(info.from_cache && info.once);
    assert_int_equal(info.rows, 20000);
    kit_rows_close(&rows);

    path_join(name, cache, first.digest, NULL);
    assert_ok(path_remove_tree(&world_real, name, &err), &err);
    assert_true(load(cache, first.digest, &parallel_inline, &rows, &info, &err) < 0); /* gone, and nothing to read */
    assert_error(&err, ERROR_DATA, "that this run read is not usable");
    assert_non_null(strstr(err.msg, first.digest));
    assert_non_null(strstr(err.msg, "standard input is empty"));

    err = (struct error){0};
    pipe_begin(&p, &other, 0);
    assert_true(load(cache, first.digest, &parallel_inline, &rows, &info, &err) < 0);
    pipe_end(&p);
    assert_error(&err, ERROR_DATA, "other data than the run began with");

    err = (struct error){0};
    pipe_begin(&p, &text, 0); /* the same again: fine */
    assert_ok(load(cache, first.digest, &parallel_inline, &rows, &info, &err), &err);
    pipe_end(&p);
    assert_string_equal(info.digest, first.digest);
    kit_rows_close(&rows);
    assert_true(load(cache, "0123456789abcdef-0123456789abcdef0123456789abcdef", &parallel_inline, &rows, &info, &err) < 0);
    assert_error(&err, ERROR_DATA, "made by another version or for other options");
    bytes_close(&other);
}

static void a_damaged_entry_cannot_be_made_anew(void **state)
{
    (void)state;
    struct error err = {0};
    struct block block = {0};
    struct piped p;
    char path[PATH_SIZE];
    size_t size;
    struct kit kit = {.path = "-", .cache = cache};
    pipe_begin(&p, &text, 0);
    struct dataset *dataset = kit_open(&kit, &err);
    assert_ok(dataset ? 0 : -1, &err);
    pipe_end(&p);
    snprintf(path, sizeof path, "%.2000s/%s/blocks", cache, dataset_info(dataset)->digest);
    char *blocks = test_read_file(path, &size);
    blocks[size / 2] ^= 1;
    struct file *f;
    assert_ok(file_open(&world_real, path, FILE_REPLACE, &f, &err), &err); /* in place: the entry is open */
    assert_ok(file_write(f, blocks, size, &err), &err);
    assert_ok(file_close(f, &err), &err);
    mem_free(blocks);
    int rc = 0;
    for (uint64_t i = 0; rc == 0 && i < dataset_info(dataset)->blocks; i++) rc = dataset_read_block(dataset, i, &block, &err);
    assert_true(rc < 0);
    assert_error(&err, ERROR_DATA, "cannot be made anew");
    assert_non_null(strstr(err.msg, "standard input came by once and is gone; pipe the data in again"));
    block_close(&block);
    dataset_free(dataset);
}

static void it_can_be_named_once(void **state)
{
    (void)state;
    struct source_list list;
    struct error err = {0};
    assert_true(source_list_open(&list, &world_real, (char *[]){(char *)"-", (char *)"-"}, 2, &err) < 0);
    assert_error(&err, ERROR_DATA, "are the same file");
    err = (struct error){0};
    assert_ok(source_list_open(&list, &world_real, (char *[]){(char *)"-"}, 1, &err), &err);
    struct source *s = source_open(&list, 0, &err);
    assert_ok(s ? 0 : -1, &err);
    source_close(s);
    assert_null(source_open(&list, 0, &err));
    assert_error(&err, ERROR_DATA, "was read already and is gone");
    source_list_close(&list);
}

static bool at_once(void *context) { return (void)context, true; }

/* A producer that says nothing does not keep a run from being stopped. Nothing stays but the shelf's own files. */
static void a_silent_pipe_can_be_left(void **state)
{
    (void)state;
    struct error err = {0};
    int ends[2];
    assert_return_code(pipe2(ends, O_CLOEXEC), 0);
    dup2(ends[0], STDIN_FILENO);
    struct parallel two = threads_parallel(2);
    for (int helper = 0; helper < 2; helper++) {
        struct kit kit = {.path = "-", .cache = cache, .progress = {.cancelled = at_once}, .parallel = helper ? &two : NULL};
        err = (struct error){0};
        assert_null(kit_open(&kit, &err));
        assert_error(&err, ERROR_STOPPED, "stopped while");
    }
    close(ends[0]);
    close(ends[1]);
}

/* A pipe that is cut in the middle of a gzip member is an error, and leaves nothing half in the cache. */
static int count_names(void *context, const char *name)
{
    unsigned *others = context;
    if (!str_starts(name, "lock-") && strcmp(name, "seen") != 0 && name[0] != '.') ++*others;
    return 0;
}

static void a_cut_pipe_leaves_nothing(void **state)
{
    (void)state;
    struct error err = {0};
    struct bytes packed;
    struct piped p;
    unsigned others = 0;
    struct parallel two = threads_parallel(2);
    bytes_init(&packed, 1 << 26);
    kit_gzip(&packed, text.data, text.size);
    packed.size = packed.size * 3 / 4;
    for (int helper = 0; helper < 2; helper++) {
        struct kit kit = {.path = "-", .cache = cache, .chunk_bytes = 5000, .parallel = helper ? &two : NULL};
        pipe_begin(&p, &packed, 0);
        err = (struct error){0};
        assert_null(kit_open(&kit, &err));
        pipe_end(&p);
        assert_error(&err, ERROR_DATA, "standard input: gzip data ends in the middle");
    }
    assert_ok(path_list(&world_real, cache, count_names, &others, &err), &err);
    assert_int_equal(others, 0);
    bytes_close(&packed);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(a_pipe_gives_the_rows_of_the_file, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_slow_start_does_not_hide_what_packs_it, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_later_attempt_recalls_the_entry, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_damaged_entry_cannot_be_made_anew, set_up, tear_down),
    cmocka_unit_test_setup_teardown(it_can_be_named_once, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_silent_pipe_can_be_left, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_cut_pipe_leaves_nothing, set_up, tear_down),
};
TEST_MAIN(tests)
