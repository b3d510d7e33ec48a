/* A stream's publishing, piece by piece: whatever call fails, and the power too, the old or the new content is there; a dropped one leaves nothing;
 * and of two writers one is refused.
 * (tests/base/world.c does the same to file_publish, which goes through here.) */
#include "base/draft.h"

#include <string.h>

#include "lib/test.h"
#include "lib/world_sim.h"

static int write_both(const struct world *w, struct error *err)
{
    struct draft d = {0};
    int rc = draft_open(&d, w, "d/f", err);
    if (rc == 0) rc = file_write(d.file, "new", 3, err);
    if (rc == 0) rc = file_write(d.file, "er", 2, err);
    if (rc == 0) rc = draft_publish(&d, err);
    draft_drop(&d);
    return rc;
}

static void old_or_new_whatever_fails(void **state)
{
    (void)state;
    static struct world_sim sim;
    for (int keep = 0; keep < 2; keep++)
        for (unsigned k = 1;; k++) {
            struct error err = {0};
            struct bytes found;
            bytes_init(&found, 64);
            world_sim_init(&sim);
            assert_ok(path_mkdirs(&sim.world, "d", &err), &err);
            assert_ok(file_publish(&sim.world, "d/f", "old", 3, &err), &err);
            world_sim_fail(&sim, k, ERROR_NOSPACE, 1, false);
            int rc = write_both(&sim.world, &err);
            bool failed = sim.failed;
            world_sim_fail(&sim, 0, ERROR_IO, 0, false);
            assert_false(path_exists(&sim.world, "d/f.tmp"));
            assert_true(rc == (failed ? -ERROR_NOSPACE : 0));
            world_sim_crash(&sim, keep);
            error_clear(&err);
            assert_ok(file_slurp(&sim.world, "d/f", &found, &err), &err);
            bool newer = strcmp(bytes_text(&found), "newer") == 0;
            assert_true(newer || (failed && strcmp(bytes_text(&found), "old") == 0));
            bytes_close(&found);
            world_sim_close(&sim);
            if (!failed) {
                assert_true(k > 6);
                break;
            }
        }
}

static void dropped_leaves_nothing(void **state)
{
    (void)state;
    static struct world_sim sim;
    struct draft d = {0};
    struct error err = {0};
    world_sim_init(&sim);
    draft_drop(&d); /* never opened */
    assert_ok(draft_open(&d, &sim.world, "f", &err), &err);
    assert_ok(file_write(d.file, "half", 4, &err), &err);
    assert_true(path_exists(&sim.world, "f.tmp"));
    draft_drop(&d);
    draft_drop(&d);
    assert_false(path_exists(&sim.world, "f.tmp"));
    assert_ok(draft_open(&d, &sim.world, "f", &err), &err);
    assert_ok(draft_settle(&d, &err), &err);
    assert_true(path_exists(&sim.world, "f.tmp"));
    draft_drop(&d);
    assert_false(path_exists(&sim.world, "f.tmp"));
    assert_false(path_exists(&sim.world, "f"));
    world_sim_close(&sim);
}

static void assert_content(const struct world *w, const char *path, const char *want)
{
    struct error err = {0};
    struct bytes found;
    bytes_init(&found, 64);
    assert_ok(file_slurp(w, path, &found, &err), &err);
    assert_string_equal(bytes_text(&found), want);
    bytes_close(&found);
}

static void refused(const struct world *w, const char *path)
{
    struct draft d = {0};
    struct error err = {0};
    assert_int_equal(draft_open(&d, w, path, &err), -ERROR_CONFLICT);
    assert_error(&err, ERROR_CONFLICT, "another command is writing");
    draft_drop(&d); /* takes nothing of the other's away */
}

static void one_writer(const struct world *w, const char *path)
{
    struct draft d = {0};
    struct error err = {0};
    for (int published = 0; published < 2; published++) {
        assert_ok(draft_open(&d, w, path, &err), &err);
        assert_ok(file_write(d.file, "first", 5, &err), &err);
        refused(w, path);
        assert_ok(draft_settle(&d, &err), &err);
        refused(w, path);
        if (published) assert_ok(draft_publish(&d, &err), &err);
        draft_drop(&d);
        assert_int_equal(path_exists(w, path), published);
    }
    assert_content(w, path, "first");
    assert_ok(file_publish(w, path, "next", 4, &err), &err);
    assert_content(w, path, "next");
}

static void one_writer_at_a_time(void **state)
{
    (void)state;
    static struct world_sim sim;
    char dir[PATH_SIZE], path[PATH_SIZE];
    world_sim_init(&sim);
    one_writer(&sim.world, "f");
    world_sim_close(&sim);
    assert_int_equal(path_join(path, test_dir(dir), "f", NULL), 0);
    one_writer(&world_real, path);
}

static void what_a_kill_left_is_replaced(void **state)
{
    (void)state;
    char dir[PATH_SIZE], path[PATH_SIZE], left[PATH_SIZE];
    struct error err = {0};
    assert_int_equal(path_join(path, test_dir(dir), "f", NULL), 0);
    assert_int_equal(path_join(left, dir, "f.tmp", NULL), 0);
    test_write_file(left, "much that was left", 18);
    assert_ok(file_publish(&world_real, path, "new", 3, &err), &err);
    assert_content(&world_real, path, "new");
    assert_false(path_exists(&world_real, left));
}

static const struct fs *sim_fs;
static bool third_came;

/* Between this writer's open and its lock the other one has published, and a third one may have begun. */
static int open_too_late(void *impl, const char *path, enum file_mode mode, struct file **out, struct error *err)
{
    struct file *third = NULL;
    int rc = sim_fs->open(impl, path, mode, out, err);
    if (rc == 0) rc = sim_fs->rename(impl, path, "f", err);
    if (rc == 0 && third_came) rc = sim_fs->open(impl, path, FILE_NEW, &third, err);
    file_close(third, NULL);
    return rc;
}

static void a_published_file_is_not_written_to(void **state)
{
    (void)state;
    static struct world_sim sim;
    struct error err = {0};
    world_sim_init(&sim);
    struct world late = sim.world;
    struct fs fs = *(sim_fs = sim.world.fs);
    fs.open = open_too_late;
    late.fs = &fs;
    for (int third = 0; third < 2; third++) {
        struct file *f;
        assert_ok(file_open(&sim.world, "f.tmp", FILE_NEW, &f, &err), &err);
        assert_ok(file_write(f, "whole", 5, &err), &err);
        assert_ok(file_close(f, &err), &err);
        third_came = third;
        refused(&late, "f");
        assert_content(&sim.world, "f", "whole");
        assert_int_equal(path_exists(&sim.world, "f.tmp"), third);
    }
    world_sim_close(&sim);
}

static void goes_on_where_there_are_no_locks(void **state)
{
    (void)state;
    static struct world_sim sim;
    struct error err = {0};
    world_sim_init(&sim);
    world_sim_fail(&sim, 2, ERROR_IO, 0, false); /* the lock, after the open */
    assert_ok(file_publish(&sim.world, "f", "new", 3, &err), &err);
    assert_true(sim.failed);
    assert_content(&sim.world, "f", "new");
    world_sim_close(&sim);
}

static void too_long_a_path_is_refused(void **state)
{
    (void)state;
    static char path[PATH_SIZE];
    struct draft d = {0};
    struct error err = {0};
    memset(path, 'a', sizeof path - 2);
    assert_int_equal(draft_open(&d, &world_real, path, &err), -ERROR_TOOLARGE);
    assert_error(&err, ERROR_TOOLARGE, "too long");
    draft_drop(&d);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(old_or_new_whatever_fails),
                                          cmocka_unit_test(dropped_leaves_nothing),
                                          cmocka_unit_test(one_writer_at_a_time),
                                          cmocka_unit_test(what_a_kill_left_is_replaced),
                                          cmocka_unit_test(a_published_file_is_not_written_to),
                                          cmocka_unit_test(goes_on_where_there_are_no_locks),
                                          cmocka_unit_test(too_long_a_path_is_refused)};
TEST_MAIN(tests)
