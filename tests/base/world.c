#include "base/world.h"
#include "lib/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "lib/world_sim.h"

static struct world_sim sim;

/* Both worlds answer alike: what is proved in the simulated one says something about the real one. */
static void each_world(void (*scenario)(const struct world *w, const char *dir))
{
    char dir[PATH_SIZE];
    struct error err = {0};
    scenario(&world_real, test_dir(dir));
    world_sim_init(&sim);
    assert_ok(path_mkdirs(&sim.world, "d", &err), &err);
    scenario(&sim.world, "d");
    world_sim_close(&sim);
}

static const char *below(const char *dir, const char *name)
{
    static char paths[4][PATH_SIZE];
    static unsigned next;
    char *path = paths[next++ % 4];
    assert_int_equal(path_join(path, dir, name, NULL), 0);
    return path;
}

static void assert_content(const struct world *w, const char *path, const char *want)
{
    struct error err = {0};
    struct bytes all;
    bytes_init(&all, 1 << 20);
    assert_ok(file_slurp(w, path, &all, &err), &err);
    assert_string_equal(bytes_text(&all), want);
    bytes_close(&all);
}

static void modes(const struct world *w, const char *dir)
{
    struct error err = {0};
    struct file *f;
    struct file_stat st;
    char buf[16];
    const char *path = below(dir, "a");
    assert_int_equal(file_open(w, path, FILE_READ, &f, &err), -ERROR_NOTFOUND);
    assert_error(&err, ERROR_NOTFOUND, path);
    assert_null(f);
    assert_int_equal(file_open(w, below(dir, "none/a"), FILE_NEW, &f, NULL), -ERROR_NOTFOUND);
    error_clear(&err);
    assert_ok(file_open(w, path, FILE_NEW, &f, &err), &err);
    assert_ok(file_write(f, "hello", 5, &err), &err);
    assert_ok(file_close(f, &err), &err);
    assert_int_equal(file_open(w, path, FILE_NEW, &f, NULL), -ERROR_CONFLICT);
    assert_ok(file_open(w, path, FILE_APPEND, &f, &err), &err);
    assert_ok(file_write(f, " world", 6, &err), &err);
    assert_int_equal(file_read_at(f, buf, 5, 6, &err), 5);
    assert_memory_equal(buf, "world", 5);
    assert_int_equal(file_read_at(f, buf, sizeof buf, 9, &err), 2); /* short only at the end */
    assert_int_equal(file_read_at(f, buf, sizeof buf, 99, &err), 0);
    assert_ok(file_truncate(f, 5, &err), &err);
    assert_ok(file_write(f, "!", 1, &err), &err);
    assert_ok(file_sync(f, &err), &err);
    assert_ok(file_stat(f, &st, &err), &err);
    assert_true(st.size_bytes == 6 && st.is_regular && !st.is_dir);
    assert_ok(file_close(f, &err), &err);
    assert_content(w, path, "hello!");
    assert_ok(file_open(w, path, FILE_REPLACE, &f, &err), &err);
    assert_ok(file_close(f, &err), &err);
    assert_content(w, path, "");
    assert_ok(path_stat(w, dir, &st, &err), &err);
    assert_true(st.is_dir);
}

static void world_modes(void **state) { (void)state, each_world(modes); }

static void names(const struct world *w, const char *dir)
{
    struct error err = {0};
    assert_ok(file_publish(w, below(dir, "a"), "A", 1, &err), &err);
    assert_ok(file_publish(w, below(dir, "b"), "B", 1, &err), &err);
    assert_ok(path_rename(w, below(dir, "a"), below(dir, "b"), &err), &err); /* over an old one */
    assert_content(w, below(dir, "b"), "A");
    assert_false(path_exists(w, below(dir, "a")));
    assert_int_equal(path_rename(w, below(dir, "a"), below(dir, "b"), NULL), -ERROR_NOTFOUND);
    assert_ok(file_publish(w, below(dir, "old"), "O", 1, &err), &err);
    assert_ok(path_link(w, below(dir, "b"), below(dir, "old"), &err), &err); /* replaces, too */
    assert_ok(path_link(w, below(dir, "b"), below(dir, "old"), &err), &err); /* and again, onto itself */
    assert_ok(path_unlink(w, below(dir, "b"), &err), &err);
    assert_ok(path_unlink(w, below(dir, "b"), &err), &err); /* a missing one is no error */
    assert_content(w, below(dir, "old"), "A");
    assert_int_equal(path_link(w, below(dir, "b"), below(dir, "c"), NULL), -ERROR_NOTFOUND);
    assert_ok(path_mkdirs(w, below(dir, "x/y/z"), &err), &err);
    assert_ok(path_mkdirs(w, below(dir, "x/y/z"), &err), &err);
    assert_true(path_exists(w, below(dir, "x/y")));
}

static void world_names(void **state) { (void)state, each_world(names); }

/* What /proc holds lies on a file system of its own everywhere. */
static void link_between_file_systems_is_a_copy(void **state)
{
    (void)state;
    char dir[PATH_SIZE], want[1000] = "", got[1000] = "";
    struct error err = {0};
    struct file *f;
    test_dir(dir);
    assert_ok(file_publish(&world_real, below(dir, "to"), "old", 3, &err), &err);
    assert_int_equal(path_link(&world_real, "/proc/self/mem", below(dir, "to"), NULL), -ERROR_IO); /* opens, and cannot be read at 0 */
    assert_content(&world_real, below(dir, "to"), "old");
    assert_false(path_exists(&world_real, below(dir, "to.link")));
    assert_ok(file_open(&world_real, "/proc/version", FILE_READ, &f, &err), &err);
    assert_true(file_read(f, want, sizeof want - 1, &err) > 0);
    assert_ok(file_close(f, &err), &err);
    assert_ok(path_link(&world_real, "/proc/version", below(dir, "to"), &err), &err);
    assert_ok(file_open(&world_real, below(dir, "to"), FILE_READ, &f, &err), &err);
    assert_true(file_read(f, got, sizeof got - 1, &err) > 0);
    assert_ok(file_close(f, &err), &err);
    assert_string_equal(got, want);
    assert_false(path_exists(&world_real, below(dir, "to.link")));
}

static int list_one(void *context, const char *name)
{
    strcat(strcat(context, name), ";");
    return 0;
}

static int list_stop(void *context, const char *name)
{
    (void)name;
    ++*(int *)context;
    return 1;
}

static void lists(const struct world *w, const char *dir)
{
    struct error err = {0};
    char all[256] = "";
    int calls = 0;
    assert_ok(path_mkdirs(w, below(dir, "sub"), &err), &err);
    assert_ok(file_publish(w, below(dir, "f"), "", 0, &err), &err);
    assert_ok(file_publish(w, below(dir, "sub/g"), "", 0, &err), &err);
    assert_ok(path_list(w, dir, list_one, all, &err), &err);
    assert_true(strstr(all, "f;") && strstr(all, "sub;") && strlen(all) == 6);
    assert_ok(path_list(w, dir, list_stop, &calls, &err), &err);
    assert_int_equal(calls, 1);
    assert_int_equal(path_list(w, below(dir, "none"), list_one, all, NULL), -ERROR_NOTFOUND);
}

static void world_lists(void **state) { (void)state, each_world(lists); }

static void locks(const struct world *w, const char *dir)
{
    struct error err = {0};
    struct file *first, *second;
    assert_ok(file_open(w, below(dir, "lock"), FILE_APPEND, &first, &err), &err);
    assert_ok(file_open(w, below(dir, "lock"), FILE_APPEND, &second, &err), &err);
    assert_ok(file_lock(first, false, &err), &err);
    assert_int_equal(file_lock(second, false, &err), -ERROR_CONFLICT);
    error_clear(&err);
    assert_ok(file_close(first, &err), &err);
    assert_ok(file_lock(second, false, &err), &err);
    assert_ok(file_close(second, &err), &err);
}

static void world_locks(void **state) { (void)state, each_world(locks); }

static void slurps(const struct world *w, const char *dir)
{
    struct error err = {0};
    struct bytes all;
    assert_ok(file_publish(w, below(dir, "ten"), "0123456789", 10, &err), &err);
    for (size_t max = 0; max <= 11; max++) {
        error_clear(&err);
        bytes_init(&all, max);
        int rc = file_slurp(w, below(dir, "ten"), &all, &err);
        if (max < 10) assert_error(&err, ERROR_TOOLARGE, "larger than the limit");
        else assert_ok(rc, &err);
        assert_true(all.size <= max);
        bytes_close(&all);
    }
    error_clear(&err);
    bytes_init(&all, 16);
    assert_ok(bytes_add_text(&all, "ahead:", &err), &err); /* it appends */
    assert_ok(file_slurp(w, below(dir, "ten"), &all, &err), &err);
    assert_string_equal(bytes_text(&all), "ahead:0123456789");
    bytes_close(&all);
    bytes_init(&all, 16);
    assert_int_equal(file_slurp(w, below(dir, "none"), &all, NULL), -ERROR_NOTFOUND);
}

static void world_slurps(void **state) { (void)state, each_world(slurps); }

static void paths_join_and_split(void **state)
{
    (void)state;
    char out[PATH_SIZE], big[PATH_SIZE];
    struct error err = {0};
    assert_ok(path_join(out, "a", "b", &err), &err);
    assert_string_equal(out, "a/b");
    assert_ok(path_join(out, "/", "b", &err), &err);
    assert_string_equal(out, "/b");
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    assert_int_equal(path_join(out, big, "b", &err), -ERROR_TOOLARGE);
    static const char *const rows[][2] = {{"a/b", "a"}, {"b", "."}, {"/b", "/"}, {"/a/b/c", "/a/b"}};
    for (size_t i = 0; i < 4; i++) {
        path_dir(rows[i][0], out);
        assert_string_equal(out, rows[i][1]);
    }
}

static void names_that_are_hidden(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *path;
        bool hidden;
    } rows[] = {{"*", "a", false},           {"*", "_SUCCESS", true},    {"*", ".crc", true},      {"_*", "_x", false},    {"_*", ".x", true},
                {"?x", "_x", true},          {"", "a_b/c.d", false},     {"", "a/_b/c", true},     {"a/", "a/b/.c", true}, {"a/_b/", "a/_b/c", false},
                {"/r/*/*", "/r/a/_b", true}, {"/r//_b", "/r/_b", false}, {"/_r/x", "/_r/x", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (path_hidden(rows[i].pattern, rows[i].path) != rows[i].hidden) fail_msg("%s as %s", rows[i].path, rows[i].pattern);
}

static void publish_leaves_old_or_new_whatever_fails(void **state)
{
    (void)state;
    for (int rest = 0; rest < 2; rest++)
        for (int keep = 0; keep < 2; keep++)
            for (unsigned k = 1;; k++) {
                struct error err = {0};
                struct bytes found;
                world_sim_init(&sim);
                assert_ok(path_mkdirs(&sim.world, "d", &err), &err);
                assert_ok(file_publish(&sim.world, "d/f", "old", 3, &err), &err);
                world_sim_fail(&sim, k, ERROR_NOSPACE, 2, rest);
                int rc = file_publish(&sim.world, "d/f", "newer", 5, &err);
                bool failed = sim.failed;
                world_sim_fail(&sim, 0, ERROR_IO, 0, false);
                if (failed && !rest) assert_true(rc == -ERROR_NOSPACE && !path_exists(&sim.world, "d/f.tmp"));
                world_sim_crash(&sim, keep);
                bytes_init(&found, 100);
                error_clear(&err);
                assert_ok(file_slurp(&sim.world, "d/f", &found, &err), &err);
                bool old = strcmp(bytes_text(&found), "old") == 0, newer = strcmp(bytes_text(&found), "newer") == 0;
                if (rc == 0 ? !newer : !old && !newer) fail_msg("call %u of publish fails, power too: found \"%s\"", k, bytes_text(&found));
                bytes_close(&found);
                world_sim_close(&sim);
                if (!failed) {
                    assert_true(rc == 0 && k > 5);
                    break;
                }
            }
}

/* The simulated disk is as cruel as it says: what nobody synced is gone. */
static void sim_forgets_what_was_not_synced(void **state)
{
    (void)state;
    struct error err = {0};
    struct file *f;
    world_sim_init(&sim);
    assert_ok(path_mkdirs(&sim.world, "d", &err), &err);
    assert_ok(file_open(&sim.world, "d/f", FILE_NEW, &f, &err), &err);
    assert_ok(file_write(f, "one", 3, &err), &err);
    assert_ok(file_sync(f, &err), &err);
    assert_ok(file_close(f, &err), &err);
    world_sim_crash(&sim, false);
    assert_false(path_exists(&sim.world, "d/f")); /* its content was synced, its name was not */
    assert_ok(file_publish(&sim.world, "d/f", "one", 3, &err), &err);
    assert_ok(file_open(&sim.world, "d/f", FILE_APPEND, &f, &err), &err);
    assert_ok(file_write(f, "-two", 4, &err), &err);
    assert_ok(file_close(f, &err), &err);
    sim.crash_keep = 2;
    world_sim_crash(&sim, false);
    assert_content(&sim.world, "d/f", "one-t"); /* torn */
    world_sim_close(&sim);
}

static void remove_tree_stays_inside(void **state)
{
    (void)state;
    char dir[PATH_SIZE];
    struct error err = {0};
    test_dir(dir);
    assert_ok(path_mkdirs(&world_real, below(dir, "tree/a/b"), &err), &err);
    assert_ok(path_mkdirs(&world_real, below(dir, "outside"), &err), &err);
    test_write_file(below(dir, "outside/kept"), "k", 1);
    test_write_file(below(dir, "tree/a/b/f"), "x", 1);
    assert_int_equal(symlink(below(dir, "outside"), below(dir, "tree/link")), 0);
    assert_int_equal(symlink("nowhere", below(dir, "tree/a/dangling")), 0);
    assert_ok(path_remove_tree(&world_real, below(dir, "tree"), &err), &err);
    assert_false(path_exists(&world_real, below(dir, "tree")));
    assert_content(&world_real, below(dir, "outside/kept"), "k");
    assert_ok(path_remove_tree(&world_real, below(dir, "tree"), &err), &err);
}

static void real_errors_name_path_and_reason(void **state)
{
    (void)state;
    char dir[PATH_SIZE];
    struct error err = {0};
    struct file *f;
    test_dir(dir);
    if (path_exists(&world_real, "/dev/full")) { /* the one full disk that every Linux has */
        assert_ok(file_open(&world_real, "/dev/full", FILE_APPEND, &f, &err), &err);
        assert_int_equal(file_write(f, "x", 1, &err), -ERROR_NOSPACE);
        assert_error(&err, ERROR_NOSPACE, "cannot write /dev/full: No space left");
        file_close(f, NULL);
    }
    error_clear(&err);
    assert_int_equal(path_mkdirs(&world_real, "", &err), -ERROR_TOOLARGE);
    test_write_file(below(dir, "file"), "", 0);
    error_clear(&err);
    assert_int_equal(path_mkdirs(&world_real, below(dir, "file"), &err), -ERROR_IO);
    assert_error(&err, ERROR_IO, "is not a folder");
}

static void log_lines_cannot_be_forged(void **state)
{
    (void)state;
    int pipes[2], saved = dup(STDERR_FILENO);
    char line[4096];
    assert_int_equal(pipe(pipes), 0);
    dup2(pipes[1], STDERR_FILENO);
    log_debug("not shown");
    log_warn("bad\n2026-11-24T18:34:35.123Z info  forged\x1b[2J");
    dup2(saved, STDERR_FILENO);
    close(pipes[1]), close(saved);
    ssize_t n = read(pipes[0], line, sizeof line - 1);
    close(pipes[0]);
    assert_true(n > 0);
    line[n] = 0;
    assert_ptr_equal(strchr(line, '\n'), line + n - 1);
    assert_null(strchr(line, '\x1b'));
    assert_non_null(strstr(line, "Z warn  bad 2026"));
}

static void clocks_run(void **state)
{
    (void)state;
    int64_t before = world_mono_ns(&world_real), utc = world_utc_ms(&world_real);
    assert_true(world_mono_ns(&world_real) >= before && world_mono_ms(&world_real) >= before / 1000000);
    assert_true(utc > INT64_C(1600000000000));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(world_modes),
    cmocka_unit_test(world_names),
    cmocka_unit_test(link_between_file_systems_is_a_copy),
    cmocka_unit_test(world_lists),
    cmocka_unit_test(world_locks),
    cmocka_unit_test(world_slurps),
    cmocka_unit_test(paths_join_and_split),
    cmocka_unit_test(names_that_are_hidden),
    cmocka_unit_test(publish_leaves_old_or_new_whatever_fails),
    cmocka_unit_test(sim_forgets_what_was_not_synced),
    cmocka_unit_test(remove_tree_stays_inside),
    cmocka_unit_test(real_errors_name_path_and_reason),
    cmocka_unit_test(log_lines_cannot_be_forged),
    cmocka_unit_test(clocks_run),
};
TEST_MAIN(tests)
