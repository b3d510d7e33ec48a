#include "contract/rundir.h"
#include "lib/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/world_sim.h"

static void rundir_is_one_runs_own(void **state)
{
    (void)state;
    char base[PATH_SIZE], path[PATH_SIZE];
    struct error err = {0};
    struct rundir dir, second;
    assert_ok(path_join(path, test_dir(base), "runs/1", &err), &err);
    assert_int_equal(rundir_alive(&world_real, path, &err), 0);
    assert_ok(rundir_open(&dir, &world_real, path, &err), &err);
    assert_int_equal(rundir_alive(&world_real, path, &err), 1);
    assert_int_equal(rundir_open(&second, &world_real, path, &err), -ERROR_CONFLICT);
    assert_error(&err, ERROR_CONFLICT, "another run lives in this directory");
    assert_null(second.lock);
    error_clear(&err);
    rundir_close(&dir);
    rundir_close(&dir);
    assert_int_equal(rundir_alive(&world_real, path, &err), 0);
    assert_ok(rundir_open(&dir, &world_real, path, &err), &err);
    rundir_close(&dir);
}

/* A run that dies without a word lets the lock go: the kernel does it. */
static void rundir_lock_dies_with_its_process(void **state)
{
    (void)state;
    char path[PATH_SIZE];
    struct error err = {0};
    int ready[2], hold[2];
    char c;
    test_dir(path);
    assert_int_equal(pipe(ready) | pipe(hold), 0);
    pid_t child = fork();
    if (child == 0) {
        struct rundir dir;
        int rc = rundir_open(&dir, &world_real, path, NULL);
        (void)!write(ready[1], rc == 0 ? "y" : "n", 1);
        (void)!read(hold[0], &c, 1);
        _exit(9);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(c, 'y');
    assert_int_equal(rundir_alive(&world_real, path, &err), 1);
    assert_int_equal(write(hold[1], "x", 1), 1);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(rundir_alive(&world_real, path, &err), 0);
    close(ready[0]), close(ready[1]), close(hold[0]), close(hold[1]);
}

static void rundir_stop_is_asked_and_cleared(void **state)
{
    (void)state;
    static struct world_sim sim;
    struct error err = {0};
    struct rundir dir;
    world_sim_init(&sim);
    assert_ok(rundir_open(&dir, &sim.world, "runs/1", &err), &err);
    assert_int_equal(rundir_stop_asked(&sim.world, "runs/1"), 0);
    assert_ok(rundir_ask_stop(&sim.world, "runs/1", false, &err), &err);
    world_sim_crash(&sim, false); /* the wish was durable */
    assert_int_equal(rundir_stop_asked(&sim.world, "runs/1"), 1);
    assert_ok(rundir_ask_stop(&sim.world, "runs/1", true, &err), &err);
    assert_int_equal(rundir_stop_asked(&sim.world, "runs/1"), 2);
    assert_ok(rundir_clear_stop(&sim.world, "runs/1", &err), &err);
    assert_ok(rundir_clear_stop(&sim.world, "runs/1", &err), &err);
    world_sim_crash(&sim, false);
    assert_int_equal(rundir_stop_asked(&sim.world, "runs/1"), 0);
    assert_int_equal(rundir_stop_asked(&sim.world, "runs/none"), 0);
    rundir_close(&dir);
    world_sim_close(&sim);
}

/* Newest first: by step; of one step the whole one before the delta. What has another name is none. */
static void rundir_finds_checkpoints_newest_first(void **state)
{
    (void)state;
    static struct world_sim sim;
    struct error err = {0};
    struct rundir dir;
    char path[PATH_SIZE];
    struct rundir_checkpoint at, before, *last = NULL;
    static const char *const names[] = {"000000000300.safetensors",
                                        "000000000200.safetensors",
                                        "000000000400.safetensors.tmp",
                                        "000000000500.json",
                                        "999.safetensors",
                                        "latest.safetensors",
                                        "1000000000000.safetensors",
                                        "000000000300.delta.safetensors",
                                        "000000000250.delta.safetensors",
                                        "000000000900.delta.safetensors.tmp",
                                        "000000000900.delta.json",
                                        "000000000900delta.safetensors"};
    static const struct rundir_checkpoint want[] = {{1000000000000, false}, {300, false}, {300, true}, {250, true}, {200, false}};
    world_sim_init(&sim);
    assert_ok(rundir_open(&dir, &sim.world, "r", &err), &err);
    assert_int_equal(rundir_latest_checkpoint(&sim.world, "r", NULL, &at, &err), -ERROR_NOTFOUND);
    error_clear(&err);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "r/checkpoints/%s", names[i]);
        assert_ok(file_publish(&sim.world, path, "", 0, &err), &err);
    }
    for (size_t i = 0; i < sizeof want / sizeof *want; i++, before = at, last = &before) {
        assert_ok(rundir_latest_checkpoint(&sim.world, "r", last, &at, &err), &err);
        assert_int_equal(at.step, want[i].step);
        assert_int_equal(at.delta, want[i].delta);
    }
    assert_int_equal(rundir_latest_checkpoint(&sim.world, "r", last, &at, &err), -ERROR_NOTFOUND);
    error_clear(&err);
    assert_ok(rundir_checkpoint_path("r", want[1], "safetensors", path, &err), &err);
    assert_string_equal(path, "r/checkpoints/000000000300.safetensors");
    assert_ok(rundir_checkpoint_path("r", want[2], "json", path, &err), &err);
    assert_string_equal(path, "r/checkpoints/000000000300.delta.json");
    rundir_close(&dir);
    world_sim_close(&sim);
}

static void rundir_open_fails_cleanly_whatever_fails(void **state)
{
    (void)state;
    static struct world_sim sim;
    for (unsigned k = 1;; k++) {
        struct error err = {0};
        struct rundir dir;
        world_sim_init(&sim);
        world_sim_fail(&sim, k, ERROR_NOSPACE, 0, false);
        int rc = rundir_open(&dir, &sim.world, "runs/1", &err);
        bool failed = sim.failed;
        world_sim_fail(&sim, 0, ERROR_IO, 0, false);
        if (failed) {
            assert_int_equal(rc, -ERROR_NOSPACE);
            assert_null(dir.lock);
            error_clear(&err);
            assert_ok(rundir_open(&dir, &sim.world, "runs/1", &err), &err); /* and the lock is free */
        } else assert_ok(rc, &err);
        rundir_close(&dir);
        world_sim_close(&sim);
        if (!failed) break;
    }
}

static void rundir_without_permission_says_so(void **state)
{
    (void)state;
    char base[PATH_SIZE], path[PATH_SIZE];
    struct error err = {0};
    struct rundir dir;
    assert_ok(path_join(path, test_dir(base), "file", &err), &err);
    test_write_file(path, "", 0);
    assert_true(rundir_open(&dir, &world_real, path, &err) < 0); /* a file stands where the folder should be */
    assert_true(strstr(err.msg, path) != NULL);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(rundir_is_one_runs_own),
    cmocka_unit_test(rundir_lock_dies_with_its_process),
    cmocka_unit_test(rundir_stop_is_asked_and_cleared),
    cmocka_unit_test(rundir_finds_checkpoints_newest_first),
    cmocka_unit_test(rundir_open_fails_cleanly_whatever_fails),
    cmocka_unit_test(rundir_without_permission_says_so),
};
TEST_MAIN(tests)
