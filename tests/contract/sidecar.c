/* A sidecar and its checkpoint: whatever call fails, and the power then, a checkpoint that is there has one that knows it. */
#include "contract/sidecar.h"
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "contract/safetensors.h"
#include "lib/world_sim.h"

#define FILE_NAME "c/000000000007.safetensors"
#define SIDECAR "c/000000000007.json"

/* As a checkpoint is published: a file of one number. */
static int publish(const struct world *w, float value, char sha256[SHA256_HEX], struct error *err)
{
    struct tensor t = {.name = "w", .dtype = TENSOR_F32, .dims = 1, .shape = {1}, .data = &value};
    struct draft draft;
    struct sidecar s = {.step = 7, .sha256 = sha256};
    int rc = safetensors_draft(w, FILE_NAME, &t, 1, NULL, &draft, sha256, &s.size_bytes, err);
    if (rc < 0) return rc;
    assert_true(draft.settled);
    if ((rc = sidecar_write(w, FILE_NAME, &s, err)) == 0) return draft_publish(&draft, err);
    draft_drop(&draft);
    return rc;
}

static bool known(const struct world *w)
{
    char sha256[SHA256_HEX];
    struct error err = {0};
    assert_ok(file_sha256(w, FILE_NAME, sha256, &err), &err);
    return sidecar_compare(w, FILE_NAME, sha256, &err) == 1;
}

static void no_checkpoint_is_without_one(void **state)
{
    (void)state;
    static struct world_sim sim;
    char first[SHA256_HEX], second[SHA256_HEX], third[SHA256_HEX];
    for (int written = 0; written < 3; written++) /* before: no file; one; one that has taken another's place */
        for (int keep = 0; keep < 4; keep++)
            for (unsigned k = 1;; k++) {
                struct error err = {0};
                world_sim_init(&sim);
                assert_ok(path_mkdirs(&sim.world, "c", &err), &err);
                if (written > 0) assert_ok(publish(&sim.world, 1, first, &err), &err);
                if (written > 1) assert_ok(publish(&sim.world, 2, second, &err), &err);
                world_sim_fail(&sim, k, ERROR_IO, 1, keep & 2);
                int rc = publish(&sim.world, 3, third, &err);
                bool failed = sim.failed;
                world_sim_fail(&sim, 0, ERROR_IO, 0, false);
                assert_true(failed || rc == 0);
                assert_true(written > 0 || rc < 0 || path_exists(&sim.world, FILE_NAME));
                if (path_exists(&sim.world, FILE_NAME)) assert_true(known(&sim.world));
                world_sim_crash(&sim, keep & 1);
                if (written > 0) assert_true(path_exists(&sim.world, FILE_NAME));
                if (path_exists(&sim.world, FILE_NAME)) assert_true(known(&sim.world));
                error_clear(&err);
                sidecar_tidy(&sim.world, "c");
                assert_int_equal(path_exists(&sim.world, SIDECAR), path_exists(&sim.world, FILE_NAME));
                assert_false(path_exists(&sim.world, FILE_NAME ".tmp") || path_exists(&sim.world, SIDECAR ".tmp"));
                assert_ok(publish(&sim.world, 4, third, &err), &err);
                assert_true(known(&sim.world));
                world_sim_close(&sim);
                if (!failed) {
                    assert_true(k > 8);
                    break;
                }
            }
}

static void damage_is_seen(void **state)
{
    (void)state;
    static struct world_sim sim;
    struct error err = {0};
    char sha256[SHA256_HEX], path[PATH_SIZE];
    world_sim_init(&sim);
    assert_ok(path_mkdirs(&sim.world, "c", &err), &err);
    assert_ok(publish(&sim.world, 1, sha256, &err), &err);
    assert_int_equal(sidecar_compare(&sim.world, FILE_NAME, sha256, &err), 1);
    assert_int_equal(sidecar_compare(&sim.world, "c/000000000008.safetensors", sha256, &err), 0);
    assert_int_equal(sidecar_compare(&sim.world, "c/model", sha256, &err), 0);
    sha256[3] ^= 1;
    assert_int_equal(sidecar_compare(&sim.world, FILE_NAME, sha256, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, FILE_NAME " is damaged: its SHA-256 is");
    error_clear(&err);
    static char vast[100000];
    memset(vast, ' ', sizeof vast);
    memcpy(vast, "{\"sha256\": 3}", 13);
    for (int much = 0; much < 2; much++) {
        assert_ok(file_publish(&sim.world, SIDECAR, vast, much ? sizeof vast : 13, &err), &err);
        assert_int_equal(sidecar_compare(&sim.world, FILE_NAME, sha256, &err), -ERROR_DATA);
        assert_error(&err, ERROR_DATA, SIDECAR " states no SHA-256");
        error_clear(&err);
    }
    assert_int_equal(sidecar_path("c/model", path, &err), -ERROR_INVALID);
    sidecar_tidy(&sim.world, "c");
    assert_true(path_exists(&sim.world, SIDECAR) && path_exists(&sim.world, FILE_NAME));
    world_sim_close(&sim);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(no_checkpoint_is_without_one), cmocka_unit_test(damage_is_seen)};
TEST_MAIN(tests)
