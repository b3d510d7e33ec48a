/* The block cache against what happens to files: damage, full disks, kills, two jobs at once. */
#include "engine/data/cache/cache.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/data/cache/shelf.h"
#include "lib/data_kit.h"
#include "lib/test.h"
#include "lib/world_sim.h"

static char dir[PATH_SIZE], source[PATH_SIZE + 16], cache[PATH_SIZE + 16];

static void source_write(size_t rows, uint64_t seed)
{
    struct bytes text;
    bytes_init(&text, 1 << 28);
    kit_criteo(&text, rows, seed);
    test_write_file(source, text.data, text.size);
    bytes_close(&text);
}

/* Give the source times of long ago, so that its identity is trusted. */
static void source_age(long ago_s)
{
    struct timespec t[2] = {{time(NULL) - ago_s, 0}, {time(NULL) - ago_s, 0}};
    utimensat(AT_FDCWD, source, t, 0);
}

static int set_up(void **state)
{
    (void)state;
    test_dir(dir);
    snprintf(source, sizeof source, "%s/log", dir);
    snprintf(cache, sizeof cache, "%s/cache", dir);
    source_write(3 * BLOCK_ROWS + 5, 1);
    return 0;
}

static struct dataset *opened(bool want_from_cache)
{
    struct error err = {0};
    struct kit kit = {.path = source, .cache = cache};
    struct dataset *d = kit_open(&kit, &err);
    assert_ok(d ? 0 : -1, &err);
    assert_int_equal(dataset_info(d)->from_cache, want_from_cache);
    return d;
}

static void rows_of(struct dataset *d, struct kit_rows *rows)
{
    struct error err = {0};
    assert_ok(kit_read(d, rows, &err), &err);
}

static void flip(const char *path, size_t at)
{
    size_t size;
    char *data = test_read_file(path, &size);
    data[at < size ? at : size - 1] ^= 1;
    struct error err = {0};
    struct file *f; /* in place: the inode that a reader has open */
    assert_ok(file_open(&world_real, path, FILE_REPLACE, &f, &err), &err);
    assert_ok(file_write(f, data, size, &err), &err);
    assert_ok(file_close(f, &err), &err);
    mem_free(data);
}

struct seen {
    unsigned entries, builds;
};
static int see(void *context, const char *name)
{
    struct seen *s = context;
    if (strncmp(name, "build-", 6) == 0) s->builds++;
    else if (strlen(name) == 49) s->entries++;
    return 0;
}
static struct seen look(void)
{
    struct seen s = {0};
    path_list(&world_real, cache, see, &s, NULL);
    return s;
}

static void the_next_job_parses_nothing(void **state)
{
    (void)state;
    struct kit_rows a, b;
    struct dataset *d = opened(false);
    rows_of(d, &a);
    dataset_free(d);
    d = opened(true); /* the times are too fresh to be trusted: the text is hashed, and known */
    rows_of(d, &b);
    dataset_free(d);
    assert_true(kit_rows_equal(&a, &b));
    kit_rows_close(&b);

    char copy[PATH_SIZE + 32]; /* a copy elsewhere has the same content */
    size_t size;
    char *text = test_read_file(source, &size);
    snprintf(copy, sizeof copy, "%s.copy", source);
    test_write_file(copy, text, size);
    struct kit kit = {.path = copy, .cache = cache};
    struct error err = {0};
    d = kit_open(&kit, &err);
    assert_true(d && dataset_info(d)->from_cache);
    dataset_free(d);
    text[0] ^= 1; /* the other label: same size, other content */
    test_write_file(copy, text, size);
    d = kit_open(&kit, &err);
    assert_true(d && !dataset_info(d)->from_cache);
    dataset_free(d);
    mem_free(text);
    kit_rows_close(&a);
    assert_int_equal(look().entries, 2);
    assert_int_equal(look().builds, 0);
}

/* With trusted times the source is not even opened: here it cannot be, its bytes are replaced under the same size and times. */
static void known_files_are_not_read_again(void **state)
{
    (void)state;
    struct error err = {0};
    static struct world_sim sim;
    world_sim_init(&sim);
    assert_ok(path_mkdirs(&sim.world, "d", &err), &err);
    assert_ok(file_publish(&sim.world, "d/log", "1 1:1\n0 2:1\n", 12, &err), &err);
    sim.utc_ms += 3600000; /* the sim's files have times of 0 or of their making: either way, an hour ago */
    struct kit kit = {.world = &sim.world, .format = "libsvm", .path = "d/log", .cache = "d/cache"};
    struct dataset *d = kit_open(&kit, &err);
    assert_ok(d ? 0 : -1, &err);
    dataset_free(d);
    unsigned calls = sim.calls;
    d = kit_open(&kit, &err);
    assert_ok(d ? 0 : -1, &err);
    assert_true(dataset_info(d)->from_cache);
    assert_true(sim.calls - calls < 20);
    dataset_free(d);
    world_sim_close(&sim);
}

static void options_and_seed_make_other_entries(void **state)
{
    (void)state;
    struct error err = {0};
    dataset_free(opened(false));
    struct kit kit = {.path = source, .cache = cache, .hash_seed = 9};
    struct dataset *d = kit_open(&kit, &err);
    assert_true(d && !dataset_info(d)->from_cache);
    dataset_free(d);
    assert_int_equal(look().entries, 2);
}

static void a_damaged_block_is_made_anew(void **state)
{
    (void)state;
    struct kit_rows want, got;
    char blocks[PATH_SIZE + 128];
    struct dataset *d = opened(false);
    rows_of(d, &want);
    snprintf(blocks, sizeof blocks, "%s/%s/blocks", cache, dataset_info(d)->digest);
    flip(blocks, 5000);
    rows_of(d, &got); /* while the dataset is open */
    assert_true(kit_rows_equal(&got, &want));
    kit_rows_close(&got);
    dataset_free(d);
    flip(blocks, 300);
    d = opened(true); /* the index is sound, so the damage shows at the first read */
    rows_of(d, &got);
    assert_true(kit_rows_equal(&got, &want));
    kit_rows_close(&got);
    dataset_free(d);
    d = opened(true);
    rows_of(d, &got);
    kit_rows_close(&got);
    dataset_free(d);
    kit_rows_close(&want);
    assert_int_equal(look().entries, 1);
    assert_int_equal(look().builds, 0);
}

static void damage_without_a_source_is_told(void **state)
{
    (void)state;
    char blocks[PATH_SIZE + 128];
    struct error err = {0};
    struct block block = {0};
    struct dataset *d = opened(false);
    snprintf(blocks, sizeof blocks, "%s/%s/blocks", cache, dataset_info(d)->digest);
    flip(blocks, 100);
    unlink(source);
    assert_true(dataset_read_block(d, 0, &block, &err) < 0);
    assert_error(&err, ERROR_DATA, "block cache is damaged (block 0 is damaged: its checksum is wrong) and cannot be made anew");
    block_close(&block);
    dataset_free(d);
}

static void a_damaged_index_is_made_anew(void **state)
{
    (void)state;
    char index[PATH_SIZE + 128];
    struct kit_rows want, got;
    struct dataset *d = opened(false);
    rows_of(d, &want);
    snprintf(index, sizeof index, "%s/%s/index", cache, dataset_info(d)->digest);
    dataset_free(d);
    for (size_t at = 0; at < 700; at += 61) {
        flip(index, at);
        d = opened(false);
        rows_of(d, &got);
        assert_true(kit_rows_equal(&got, &want));
        kit_rows_close(&got);
        dataset_free(d);
    }
    truncate(index, 100);
    dataset_free(opened(false));
    unlink(index);
    dataset_free(opened(false));
    kit_rows_close(&want);
    assert_int_equal(look().entries, 1);
}

static void a_changed_source_has_another_entry(void **state)
{
    (void)state;
    struct dataset *d = opened(false);
    char first[65];
    memcpy(first, dataset_info(d)->digest, sizeof first);
    dataset_free(d);
    source_write(3 * BLOCK_ROWS + 5, 2);
    source_age(-1); /* one second in the future: certainly another time */
    d = opened(false);
    assert_string_not_equal(dataset_info(d)->digest, first);
    dataset_free(d);
}

/* Each call to the file system fails once, with a full disk or a broken one: the error is that one, and nothing half-made is left. */
static void each_file_call_fails_once(void **state)
{
    (void)state;
    static struct world_sim sim;
    for (int full = 0; full < 2; full++)
        for (unsigned k = 1;; k++) {
            struct error err = {0};
            struct kit_rows rows;
            world_sim_init(&sim);
            assert_ok(path_mkdirs(&sim.world, "d", &err), &err);
            assert_ok(file_publish(&sim.world, "d/log", "1 1:1 2:0.5\n0 3:1\n1 1:1\n", 24, &err), &err);
            struct kit kit = {.world = &sim.world, .format = "libsvm", .path = "d/log", .cache = "d/cache"};
            world_sim_fail(&sim, k, full ? ERROR_NOSPACE : ERROR_IO, 3, full);
            int rc = kit_load(&kit, &rows, NULL, &err);
            bool failed = sim.failed;
            if (rc == 0) kit_rows_close(&rows);
            else if (failed && err.code != (full ? ERROR_NOSPACE : ERROR_IO) && err.code != ERROR_DATA)
                fail_msg("call %u: %s %s", k, error_name(err.code), err.msg);
            sim.fail_at = 0, sim.fail_rest = false;
            err = (struct error){0};
            assert_ok(kit_load(&kit, &rows, NULL, &err), &err); /* the next job goes as if nothing had been */
            assert_int_equal(rows.count, 3);
            kit_rows_close(&rows);
            for (int i = 0; i < SIM_NAMES; i++)
                if (strstr(sim.names[i].path, "build-")) fail_msg("call %u left %s behind", k, sim.names[i].path);
            world_sim_close(&sim);
            if (!failed) break;
        }
}

/* Power fails after each call: what is found afterwards is whole or nothing. */
static void a_crash_at_any_call_leaves_whole_entries(void **state)
{
    (void)state;
    static struct world_sim sim;
    for (unsigned k = 1;; k++) {
        struct error err = {0};
        struct kit_rows rows;
        world_sim_init(&sim);
        assert_ok(path_mkdirs(&sim.world, "d", &err), &err);
        assert_ok(file_publish(&sim.world, "d/log", "1 1:1 2:0.5\n0 3:1\n1 1:1\n", 24, &err), &err);
        struct kit kit = {.world = &sim.world, .format = "libsvm", .path = "d/log", .cache = "d/cache"};
        world_sim_fail(&sim, k, ERROR_IO, 0, true);
        if (kit_load(&kit, &rows, NULL, &err) == 0) kit_rows_close(&rows);
        bool failed = sim.failed;
        sim.fail_at = 0, sim.fail_rest = false;
        world_sim_crash(&sim, k % 2);
        err = (struct error){0};
        assert_ok(kit_load(&kit, &rows, NULL, &err), &err);
        assert_int_equal(rows.count, 3);
        assert_int_equal(rows.features, 4);
        kit_rows_close(&rows);
        world_sim_close(&sim);
        if (!failed) break;
    }
}

static void each_allocation_fails_once(void **state)
{
    (void)state;
    for (unsigned k = 1;; k++) {
        struct error err = {0};
        struct kit_rows rows;
        path_remove_tree(&world_real, cache, NULL);
        test_write_file(source, "1 1:1 2:0.5\n0 3:1\n", 18);
        struct kit kit = {.format = "libsvm", .path = source, .cache = cache};
        mem_fail_after(k);
        int rc = kit_load(&kit, &rows, NULL, &err);
        bool fired = mem_fail_after(0);
        if (rc == 0) kit_rows_close(&rows);
        else if (err.code != ERROR_NOMEM) fail_msg("allocation %u: %s %s", k, error_name(err.code), err.msg);
        assert_int_equal(look().builds, 0);
        if (!fired) {
            assert_int_equal(rc, 0);
            break;
        }
    }
}

static void child_builds(int ready)
{
    struct error err = {0};
    struct kit kit = {.path = source, .cache = cache, .chunk_bytes = 1000};
    if (ready >= 0 && write(ready, "x", 1) != 1) _exit(3);
    struct dataset *d = kit_open(&kit, &err);
    struct kit_rows rows = {0};
    int rc = d ? kit_read(d, &rows, &err) : -1;
    if (rc < 0) fprintf(stderr, "child: %s\n", err.msg);
    kit_rows_close(&rows);
    dataset_free(d);
    _exit(rc < 0);
}

static void jobs_that_build_at_once_share_one_entry(void **state)
{
    (void)state;
    pid_t children[4];
    for (int i = 0; i < 4; i++)
        if ((children[i] = fork()) == 0) child_builds(-1);
    for (int i = 0; i < 4; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(look().entries, 1);
    assert_int_equal(look().builds, 0);
    dataset_free(opened(true));
}

/* kill -9 at many moments of a build: the next job finds all or nothing, and sweeps. */
static void killed_builders_leave_nothing_that_stays(void **state)
{
    (void)state;
    struct kit_rows want, got;
    struct dataset *d = opened(false);
    rows_of(d, &want);
    dataset_free(d);
    for (int i = 0; i < 12; i++) {
        int pipes[2], status;
        char byte;
        path_remove_tree(&world_real, cache, NULL);
        assert_int_equal(pipe(pipes), 0);
        pid_t child = fork();
        if (child == 0) child_builds(pipes[1]);
        assert_int_equal(read(pipes[0], &byte, 1), 1);
        for (int64_t until = world_mono_ns(&world_real) + i * 3000000; world_mono_ns(&world_real) < until;) /* let it get somewhere */
            ;
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        close(pipes[0]), close(pipes[1]);
        struct error err = {0};
        struct kit kit = {.path = source, .cache = cache};
        assert_ok(kit_load(&kit, &got, NULL, &err), &err);
        assert_true(kit_rows_equal(&got, &want));
        kit_rows_close(&got);
        assert_int_equal(look().entries, 1);
        assert_int_equal(look().builds, 0);
    }
    kit_rows_close(&want);
}

static void a_folder_that_cannot_be_written_is_named(void **state)
{
    (void)state;
    struct error err = {0};
    struct kit kit = {.path = source, .cache = source}; /* a file where the folder should be */
    assert_null(kit_open(&kit, &err));
    assert_non_null(strstr(err.msg, "block cache: cannot make folder"));
}

static bool cancelled(void *context) { return ++*(unsigned *)context > 2; }

static void waiting_for_another_job_can_be_cancelled(void **state)
{
    (void)state;
    static const struct dataset_progress silent = {0};
    struct source_list files;
    struct error err = {0};
    struct shelf shelf;
    unsigned asked = 0;
    struct dataset_config how = {.format = &formats[0]->kind, .line_bytes_max = 1 << 20};
    assert_ok(source_list_open(&files, &world_real, (char *[]){source}, 1, &err), &err);
    assert_ok(shelf_open(&shelf, &world_real, cache, &how, &files, &err), &err);
    assert_ok(shelf_lock(&shelf, &silent, &err), &err);
    struct kit kit = {.path = source, .cache = cache, .progress = {&asked, NULL, cancelled}};
    assert_null(kit_open(&kit, &err));
    assert_error(&err, ERROR_STOPPED, "another job");
    assert_int_equal(asked, 3);
    shelf_unlock(&shelf);
    asked = 2; /* at the first question: a small source may be asked about only once */
    err = (struct error){0};
    assert_null(kit_open(&kit, &err));
    assert_error(&err, ERROR_STOPPED, "while the data was read");
    assert_int_equal(look().builds, 0);
    source_list_close(&files);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup(the_next_job_parses_nothing, set_up),
    cmocka_unit_test_setup(known_files_are_not_read_again, set_up),
    cmocka_unit_test_setup(options_and_seed_make_other_entries, set_up),
    cmocka_unit_test_setup(a_damaged_block_is_made_anew, set_up),
    cmocka_unit_test_setup(damage_without_a_source_is_told, set_up),
    cmocka_unit_test_setup(a_damaged_index_is_made_anew, set_up),
    cmocka_unit_test_setup(a_changed_source_has_another_entry, set_up),
    cmocka_unit_test_setup(each_file_call_fails_once, set_up),
    cmocka_unit_test_setup(a_crash_at_any_call_leaves_whole_entries, set_up),
    cmocka_unit_test_setup(each_allocation_fails_once, set_up),
    cmocka_unit_test_setup(jobs_that_build_at_once_share_one_entry, set_up),
    cmocka_unit_test_setup(killed_builders_leave_nothing_that_stays, set_up),
    cmocka_unit_test_setup(waiting_for_another_job_can_be_cancelled, set_up),
    cmocka_unit_test_setup(a_folder_that_cannot_be_written_is_named, set_up),
};
TEST_MAIN(tests)
