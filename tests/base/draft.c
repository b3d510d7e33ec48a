/* A stream's publishing, piece by piece: whatever call fails, and the power too, the old or the new content is there; a dropped one leaves nothing.
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

static const struct CMUnitTest tests[] = {cmocka_unit_test(old_or_new_whatever_fails), cmocka_unit_test(dropped_leaves_nothing),
                                          cmocka_unit_test(too_long_a_path_is_refused)};
TEST_MAIN(tests)
