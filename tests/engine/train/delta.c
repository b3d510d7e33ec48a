/* test: threads */
/* Incremental checkpoints of whole jobs: each comes to the file that would have been written whole, a resume from one gives the same model, and none
 * of it leaves a trace in what is published. */
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "contract/chain.h"
#include "contract/rundir.h"
#include "lib/run_kit.h"
#include "lib/world_fault.h"

enum { ROWS = 6000, IDS = 3000, WARM = 250, FEATURES = 3 };

/* The first rows bring all ids; the rest a few of them each, by a power law: what a delta is made for. */
static void wide_data(void)
{
    char path[PATH_SIZE];
    struct bytes text;
    bytes_init(&text, 16 << 20);
    for (uint32_t row = 0; row < ROWS; row++) {
        struct rng rng = rng_at(21, RNG_TEST, 0, row);
        assert_int_equal(bytes_printf(&text, NULL, "%d", rng_unit(&rng) < 0.4), 0);
        for (uint32_t f = 0; row < WARM && f < IDS / WARM; f++) assert_int_equal(bytes_printf(&text, NULL, " %u:1", 1 + row * (IDS / WARM) + f), 0);
        for (uint32_t f = 0; row >= WARM && f < FEATURES; f++) {
            double u = rng_unit(&rng);
            assert_int_equal(bytes_printf(&text, NULL, " %u:1", 1 + f * (IDS / FEATURES) + (uint32_t)(u * u * u * (IDS / FEATURES))), 0);
        }
        assert_int_equal(bytes_add_text(&text, "\n", NULL), 0);
    }
    snprintf(path, sizeof path, "%.*s/wide.svm", 3000, run_kit_root);
    test_write_file(path, text.data, text.size);
    bytes_close(&text);
}

/* A validation after each step gives the disk time: a periodic checkpoint is left out while the one before is being written. */
#define WIDE_JUDGED(model, train, every, rest) \
    RUN_KIT_SPEC("wide.svm", "'split': {'kind': 'holdout', 'test_fraction': 0.1, 'validation_fraction': 0.5}, 'model': {" model "}, " \
                             "'evaluate': {'every_steps': " every "}, " \
                             "'train': {'batch_size': 12, 'shards': 3, 'epochs': 2, 'shuffle': false, 'log_every_steps': 50" train "}, " rest)
#define WIDE(model, train, rest) WIDE_JUDGED(model, ", 'max_rows': 3600" train, "1", rest)
#define FM "'kind': 'fm', 'hash_bits': 14, 'embedding_dim': 4"
#define EVERY(steps, keep, rest) "'checkpoint': {'every_steps': " #steps ", 'every_ms': 0, 'keep': " #keep rest "}"

static const struct kind_row {
    const char *name, *incremental, *whole;
} kinds[] = {
#define ROW(name, model, rest) \
    { \
        name, WIDE(model, "", rest EVERY(2, 10000, "")), WIDE(model, "", rest EVERY(2, 10000, ", 'incremental': false")) \
    }
    ROW("fm-adagrad", FM, "'optimizer': {'kind': 'adagrad', 'lr': 0.05}, "),
    ROW("lr-lasso", "'kind': 'lr', 'hash_bits': 14", "'optimizer': {'kind': 'adam', 'lr': 0.02, 'group_lasso': 0.05}, "),
    ROW("fm-topk-rare", FM,
        "'features': {'min_count': 2}, 'compression': {'codec': 'topk', 'retention': 0.5, 'residual_rows_max': 20}, "
        "'optimizer': {'kind': 'ftrl'}, "),
    ROW("fm-vocabulary", FM ", 'embedding': 'vocabulary'", "'optimizer': {'kind': 'adagrad', 'lr': 0.05}, 'features': {'min_count': 2}, "),
};

static void dir_path(const char *dir, char out[PATH_SIZE]) { snprintf(out, PATH_SIZE, "%.*s/%s", 3000, run_kit_root, dir); }

/* The SHA-256 of a checkpoint, written whole. */
static void whole_sha256(const char *dir, struct rundir_checkpoint file, char sha256[SHA256_HEX])
{
    char path[PATH_SIZE], out[PATH_SIZE];
    struct chain c;
    struct error err = {0};
    uint64_t size;
    assert_ok(rundir_checkpoint_path(dir, file, "safetensors", path, &err), &err);
    snprintf(out, sizeof out, "%.*s/whole", 3000, run_kit_root);
    assert_ok(chain_open(&c, &world_real, path, &err), &err);
    json_t *metadata = chain_metadata(&c, &err);
    assert_ok(chain_write(&c, &world_real, out, NULL, NULL, metadata, sha256, &size, &err), &err);
    json_decref(metadata);
    chain_close(&c);
}

/* At 20 random steps, of each kind where the disk was quick enough, base and deltas come to the very file that a run without deltas wrote there; and
 * both runs end with one model. */
static void deltas_equal_whole_checkpoints(void **state)
{
    (void)state;
    size_t compared = 0;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct run_result one, other;
        struct error err;
        char deltas[PATH_SIZE], wholes[PATH_SIZE], name[64], want[SHA256_HEX], got[SHA256_HEX], path[PATH_SIZE];
        struct rundir_checkpoint at, before, *last = NULL, common[1024];
        size_t count = 0;
        assert_ok(run_kit_run(&world_real, kinds[k].incremental, kinds[k].name, 2, &one, &err), &err);
        snprintf(name, sizeof name, "%s-whole", kinds[k].name);
        assert_ok(run_kit_run(&world_real, kinds[k].whole, name, 1, &other, &err), &err);
        assert_string_equal(one.sha256, other.sha256);
        dir_path(kinds[k].name, deltas), dir_path(name, wholes);
        /* Which steps have one depends on how fast the disk is: those that both runs have, deltas in one of them. */
        for (; rundir_latest_checkpoint(&world_real, deltas, last, &at, &err) == 0; before = at, last = &before) {
            assert_ok(rundir_checkpoint_path(wholes, (struct rundir_checkpoint){.step = at.step}, "safetensors", path, NULL), NULL);
            if (at.delta && path_exists(&world_real, path) && count < 1024) common[count++] = at;
        }
        struct rng rng = rng_at(22, RNG_TEST, (uint32_t)k, 0);
        if (count < 5) fail_msg("%s: only %zu steps to compare", kinds[k].name, count);
        size_t picks = count < 20 ? count : 20;
        compared += picks;
        for (size_t i = 0; i < picks; i++) {
            size_t pick = i + (size_t)rng_below(&rng, count - i);
            struct rundir_checkpoint file = common[pick];
            common[pick] = common[i];
            whole_sha256(wholes, (struct rundir_checkpoint){.step = file.step}, want);
            whole_sha256(deltas, file, got);
            if (strcmp(want, got) != 0) fail_msg("%s: step %llu: the delta comes to another file", kinds[k].name, (unsigned long long)file.step);
        }
        assert_ok(path_remove_tree(&world_real, deltas, NULL), NULL);
        assert_ok(path_remove_tree(&world_real, wholes, NULL), NULL);
    }
    assert_true(compared >= 20);
}

/* Steps of the newest delta that stands on another, and of that one. */
static void newest_deltas(const char *path, uint64_t *step, uint64_t *earlier)
{
    struct rundir_checkpoint at, before = {0}, *last = NULL;
    for (; rundir_latest_checkpoint(&world_real, path, last, &at, NULL) == 0; before = at, last = &before) {
        if (!at.delta || !before.delta) continue;
        *step = before.step, *earlier = at.step;
        return;
    }
    fail_msg("%s: no delta that stands on another", path);
}

/* As a kill right after the delta of step `step` leaves it: nothing later is there. */
static void kill_after(const char *path, uint64_t step)
{
    char file[PATH_SIZE];
    struct rundir_checkpoint at;
    while (rundir_latest_checkpoint(&world_real, path, NULL, &at, NULL) == 0 && at.step > step) {
        assert_ok(rundir_checkpoint_path(path, at, "safetensors", file, NULL), NULL);
        assert_ok(path_unlink(&world_real, file, NULL), NULL);
        assert_ok(rundir_checkpoint_path(path, at, "json", file, NULL), NULL);
        assert_ok(path_unlink(&world_real, file, NULL), NULL);
    }
    assert_ok(path_join(file, path, RUNDIR_FINAL, NULL), NULL);
    assert_ok(path_unlink(&world_real, file, NULL), NULL);
}

static size_t log_count(const char *path, const char *text)
{
    char file[PATH_SIZE];
    size_t size, count = 0;
    assert_ok(path_join(file, path, RUNDIR_EVENTS, NULL), NULL);
    char *events = test_read_file(file, &size);
    for (const char *at = events; (at = strstr(at, text)); at++) count++;
    mem_free(events);
    return count;
}

static bool log_has(const char *path, const char *text) { return log_count(path, text) > 0; }

static void delta_path(const char *path, uint64_t step, char out[PATH_SIZE])
{
    assert_ok(rundir_checkpoint_path(path, (struct rundir_checkpoint){step, true}, "safetensors", out, NULL), NULL);
}

/* From a delta; from the one before where the newest is damaged, or where one between is missing or has another's name: always the same model. */
static void resume_from_deltas(void **state)
{
    (void)state;
    static const char spec[] = WIDE(FM, "", EVERY(6, 3, ""));
    struct run_result want, got;
    struct error err;
    char path[PATH_SIZE], file[PATH_SIZE], other[PATH_SIZE], text[128];
    assert_ok(run_kit_run(&world_real, spec, "resumed", 2, &want, &err), &err);
    dir_path("resumed", path);
    for (int harm = 0; harm < 4; harm++) {
        uint64_t step = 0, earlier = 0;
        newest_deltas(path, &step, &earlier);
        kill_after(path, step);
        delta_path(path, step, file);
        delta_path(path, earlier, other);
        if (harm == 1) { /* the newest, cut short */
            size_t size;
            char *data = test_read_file(file, &size);
            test_write_file(file, data, size - 8);
            mem_free(data);
        } else if (harm == 2) assert_ok(path_unlink(&world_real, other, NULL), NULL);
        else if (harm == 3) {
            char between[PATH_SIZE];
            snprintf(between, sizeof between, "%.*s/between", 3000, run_kit_root);
            assert_ok(path_rename(&world_real, file, between, NULL), NULL);
            assert_ok(path_rename(&world_real, other, file, NULL), NULL);
            assert_ok(path_rename(&world_real, between, other, NULL), NULL);
        }
        assert_ok(run_kit_run(&world_real, spec, "resumed", 1, &got, &err), &err);
        assert_string_equal(got.sha256, want.sha256);
        snprintf(text, sizeof text, "resumed from the checkpoint of step %llu", (unsigned long long)step);
        assert_int_equal(log_has(path, text), harm == 0);
        if (harm == 1) assert_true(log_has(path, "as the file beside it says; trying the one before"));
        if (harm == 2) assert_true(log_has(path, "which is missing: a delta means nothing without all that it stands on"));
        assert_ok(path_remove_tree(&world_real, path, NULL), NULL);
        assert_ok(run_kit_run(&world_real, spec, "resumed", 2, &got, &err), &err);
    }
}

/* The newest deltas that stand on one whole file, newest first; how many. */
static size_t newest_chain(const char *path, struct rundir_checkpoint *deltas, size_t max)
{
    struct rundir_checkpoint *last = NULL;
    size_t n = 0;
    while (n < max && rundir_latest_checkpoint(&world_real, path, last, &deltas[n], NULL) == 0) {
        if (deltas[n].delta) last = &deltas[n++];
        else if (n > 0) break;
        else kill_after(path, deltas[n].step - 1);
    }
    return n;
}

/* Many deltas on a file that is missing, or damaged: one warning, not one each. */
static void a_broken_chain_is_told_once(void **state)
{
    (void)state;
    static const char spec[] = WIDE(FM, ", 'nonfinite': 'rollback'", EVERY(2, 3, "")); /* under which no checkpoint is left out */
    struct run_result want, got;
    struct rundir_checkpoint deltas[64];
    struct error err;
    char path[PATH_SIZE], file[PATH_SIZE];
    for (int damaged = 0; damaged < 2; damaged++) {
        assert_ok(run_kit_run(&world_real, spec, "broken", 2, &want, &err), &err);
        dir_path("broken", path);
        size_t n = newest_chain(path, deltas, 64), size;
        assert_true(n >= 3);
        delta_path(path, deltas[n - 1].step, file);
        char *data = test_read_file(file, &size);
        if (damaged) test_write_file(file, data, size - 8);
        else assert_ok(path_unlink(&world_real, file, NULL), NULL);
        mem_free(data);
        assert_ok(run_kit_run(&world_real, spec, "broken", 2, &got, &err), &err);
        assert_string_equal(got.sha256, want.sha256);
        assert_int_equal(log_count(path, "trying the one before"), 1);
        assert_ok(path_remove_tree(&world_real, path, NULL), NULL);
    }
}

/* A checkpoint whose side file is not there, or says nothing, may be damaged: it is passed over, and that is told. Where none can be used, too, and
 * nothing is trained over what is there. */
static void unreadable_ones_are_told(void **state)
{
    (void)state;
    static const char spec[] = WIDE(FM, "", EVERY(6, 3, ""));
    struct run_result want, got;
    struct error err;
    char path[PATH_SIZE], file[PATH_SIZE], text[128];
    struct rundir_checkpoint at, before, *last = NULL;
    uint64_t step = 0, earlier = 0;
    assert_ok(run_kit_run(&world_real, spec, "unread", 2, &want, &err), &err);
    dir_path("unread", path);
    newest_deltas(path, &step, &earlier);
    kill_after(path, step);
    assert_ok(rundir_checkpoint_path(path, (struct rundir_checkpoint){step, true}, "json", file, NULL), NULL);
    assert_ok(path_unlink(&world_real, file, NULL), NULL);
    assert_ok(rundir_checkpoint_path(path, (struct rundir_checkpoint){earlier, true}, "json", file, NULL), NULL);
    test_write_file(file, "", 0);
    assert_ok(run_kit_run(&world_real, spec, "unread", 2, &got, &err), &err);
    assert_string_equal(got.sha256, want.sha256);
    assert_true(log_has(path, "has no .json beside it that states its SHA-256, so nothing tells whether it is whole; trying the one before"));
    assert_true(log_has(path, "states no SHA-256, so nothing tells whether"));
    assert_true(log_has(path, "resumed from the checkpoint of step"));
    snprintf(text, sizeof text, "resumed from the checkpoint of step %llu", (unsigned long long)step);
    assert_false(log_has(path, text));
    snprintf(text, sizeof text, "resumed from the checkpoint of step %llu", (unsigned long long)earlier);
    assert_false(log_has(path, text));
    for (last = NULL; rundir_latest_checkpoint(&world_real, path, last, &at, NULL) == 0; before = at, last = &before) {
        assert_ok(rundir_checkpoint_path(path, at, "safetensors", file, NULL), NULL);
        test_write_file(file, "", 0);
    }
    assert_int_equal(run_kit_run(&world_real, spec, "unread", 2, &got, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "can be used: bring a good one back");
    assert_true(path_exists(&world_real, file));
}

/* keep counts whole files; their deltas stay, and no file is of a step behind the newest. A delta is never what is published. */
static void old_ones_go(void **state)
{
    (void)state;
    static const char spec[] = WIDE(FM, "", EVERY(4, 3, ""));
    struct run_result result;
    struct error err;
    char path[PATH_SIZE], file[PATH_SIZE], sha256[SHA256_HEX];
    struct rundir_checkpoint at, before, *last = NULL;
    size_t wholes = 0, deltas = 0;
    assert_ok(run_kit_run(&world_real, spec, "kept", 2, &result, &err), &err);
    dir_path("kept", path);
    for (; rundir_latest_checkpoint(&world_real, path, last, &at, NULL) == 0; before = at, last = &before) {
        if (at.delta) deltas++, whole_sha256(path, at, sha256); /* all that it stands on is there */
        else wholes++;
        assert_ok(rundir_checkpoint_path(path, at, "json", file, NULL), NULL);
        assert_true(path_exists(&world_real, file));
    }
    assert_int_equal(wholes, 3);
    assert_true(deltas > 0);
    /* A file of a future that was given up is gone once a newer one is durable. */
    uint64_t step = 0, earlier = 0;
    newest_deltas(path, &step, &earlier);
    kill_after(path, step);
    delta_path(path, 100000, file);
    test_write_file(file, "x", 1);
    assert_ok(run_kit_run(&world_real, spec, "kept", 2, &result, &err), &err);
    assert_false(path_exists(&world_real, file));
}

/* Early stopping publishes the best model, whatever was a delta around it. */
static void the_best_is_whole(void **state)
{
    (void)state;
    struct run_result one, other;
    struct error err;
#define STOPPING(rest) WIDE_JUDGED(FM, ", 'early_stopping': {'patience': 4}", "15", rest)
    assert_ok(run_kit_run(&world_real, STOPPING(EVERY(2, 1, "")), "best", 2, &one, &err), &err);
    assert_ok(run_kit_run(&world_real, STOPPING(EVERY(0, 1, "")), "best-only", 1, &other, &err), &err);
    assert_string_equal(one.sha256, other.sha256);
}

/* The disk is full at the k-th change to it, for each k of a run that writes deltas: it ends well or with ERROR_NOSPACE, and running again gives the
 * model. */
static void disk_may_be_full_at_any_write(void **state)
{
    (void)state;
    static const char spec[] = WIDE_JUDGED(FM, ", 'max_rows': 300", "1", EVERY(8, 3, ""));
    struct run_result want, got;
    struct error err;
    char path[PATH_SIZE];
    unsigned k = 0;
    assert_ok(run_kit_run(&world_real, spec, "disk", 2, &want, &err), &err);
    dir_path("disk", path);
    assert_true(log_has(path, "\"delta\": true"));
    for (bool fired = true; fired; k += FAULT_STRIDE) {
        char dir[64];
        snprintf(dir, sizeof dir, "disk%u", k);
        int rc = run_kit_run(world_fault(k + 1, ERROR_NOSPACE, false), spec, dir, 2, &got, &err);
        fired = world_fault_fired();
        if (rc < 0 && err.code != ERROR_NOSPACE) fail_msg("call %u: %s", k + 1, err.msg);
        if (rc == 0) assert_string_equal(got.sha256, want.sha256);
        assert_ok(run_kit_run(&world_real, spec, dir, 2, &got, &err), &err);
        assert_string_equal(got.sha256, want.sha256);
    }
    assert_true(k > 40);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(deltas_equal_whole_checkpoints), cmocka_unit_test(resume_from_deltas), cmocka_unit_test(a_broken_chain_is_told_once),
    cmocka_unit_test(unreadable_ones_are_told),       cmocka_unit_test(old_ones_go),        cmocka_unit_test(the_best_is_whole),
    cmocka_unit_test(disk_may_be_full_at_any_write),
};

int main(int argc, char **argv)
{
    if (path_exists(&world_real, "/dev/shm")) setenv("TMPDIR", "/dev/shm", 0);
    test_dir(run_kit_root);
    wide_data();
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
