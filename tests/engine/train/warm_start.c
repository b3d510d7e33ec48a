/* test: threads */
/* Warm start: a model that goes on from another one's parameters. With the state taken over it is as if training had not been interrupted; what is
 * frozen keeps its bytes; what was hashed otherwise, damaged or of no use is refused with the difference. */
#include "engine/train/warm_start.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "contract/rundir.h"
#include "lib/job_kit.h"
#include "lib/run_kit.h"
#include "lib/test.h"

static const struct job_kit kit = {.root = run_kit_root, .world = &world_real, .workers = 2};

#define FM "'model': {'kind': 'fm', 'hash_bits': 10, 'embedding_dim': 4}"
#define NO_STEP "'lr_scale': 1e-9" /* the model as it came, to judge it */
#define WARM(parent, rest) "'warm_start': {'checkpoint': '%1$s/" parent "/final.safetensors'" rest "}"

/* A run over a.svm: what the spec says beside dataset. Fails by aborting. */
static void train(const char *dir, const char *rest)
{
    char spec[2048];
    struct run_result result;
    struct error err;
    snprintf(spec, sizeof spec, "{'dataset': {'uri': '%%1$s/a.svm', 'format': 'libsvm'}, %s}", rest);
    assert_ok(job_kit_run(&kit, spec, dir, &result, &err), &err);
}

static void refused(const char *dataset, const char *rest, enum error_code code, const char *part)
{
    char spec[2048];
    struct run_result result;
    struct error err;
    static int tries;
    char dir[32];
    snprintf(dir, sizeof dir, "refused%d", tries++);
    snprintf(spec, sizeof spec, "{'dataset': {%s}, %s}", dataset, rest);
    if (job_kit_run(&kit, spec, dir, &result, &err) == 0) fail_msg("taken: %s", spec);
    assert_error(&err, code, part);
}
#define A "'uri': '%1$s/a.svm', 'format': 'libsvm'"

static char *log_of(const char *dir)
{
    char path[PATH_SIZE];
    size_t size;
    snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_EVENTS, 3000, run_kit_root, dir);
    return test_read_file(path, &size);
}

static void log_has(const char *dir, const char *part)
{
    char *log = log_of(dir);
    const char *line = strstr(log, "warm start from");
    if (!strstr(log, part)) fail_msg("no \"%s\" in: %.600s", part, line ? line : log);
    mem_free(log);
}

/* The tensors of two models that must be the same, and are of the first one's names but for `except`. */
static void same_tensors(const char *one, const char *other, const char *except)
{
    struct safetensors a, b;
    job_kit_final(&kit, one, &a);
    job_kit_final(&kit, other, &b);
    for (size_t i = 0; i < a.count; i++) {
        uint64_t rows[2];
        if (strcmp(a.tensors[i].name, except) == 0) continue;
        char *was = job_kit_tensor(&a, a.tensors[i].name, &rows[0]), *is = job_kit_tensor(&b, a.tensors[i].name, &rows[1]);
        if (rows[0] != rows[1] || memcmp(was, is, (size_t)a.tensors[i].size_bytes) != 0)
            fail_msg("%s: %s is not as in %s", other, a.tensors[i].name, one);
        mem_free(was);
        mem_free(is);
    }
    safetensors_close(&a);
    safetensors_close(&b);
}

/* Two passes at once, or one and a warm start with the state for the second: every tensor and state has the same bits, for each optimiser. */
static void with_its_state_it_is_as_if_training_went_on(void **state)
{
    (void)state;
    for (const struct optimizer *const *o = optimizers; *o; o++) {
        if ((*o)->whole) continue;
        char rest[1024], whole[40], first[40], second[40];
#define PASSES "'split': {'kind': 'none'}, " FM ", 'optimizer': {'kind': '%s'}, 'train': {'shuffle': false, 'batch_size': 100, 'epochs': %d}"
        snprintf(whole, sizeof whole, "whole-%s", (*o)->kind.name);
        snprintf(first, sizeof first, "first-%s", (*o)->kind.name);
        snprintf(second, sizeof second, "second-%s", (*o)->kind.name);
        snprintf(rest, sizeof rest, PASSES, (*o)->kind.name, 2);
        train(whole, rest);
        snprintf(rest, sizeof rest, PASSES, (*o)->kind.name, 1);
        train(first, rest);
        snprintf(rest, sizeof rest, PASSES ", 'warm_start': {'checkpoint': '%%1$s/%s/final.safetensors', 'optimizer_state': true}", (*o)->kind.name,
                 1, first);
        train(second, rest);
        same_tensors(whole, second, "");
    }
    /* And again from a model that had a warm start itself: its optimiser's steps count from the first one on. */
    char rest[1024];
    snprintf(rest, sizeof rest, PASSES, "adam", 3);
    train("three", rest);
    snprintf(rest, sizeof rest, PASSES ", %s", "adam", 1, WARM("second-adam", ", 'optimizer_state': true"));
    train("third", rest);
    same_tensors("three", "third", "");
    /* And where features were given rows: the same ones go on, and new ones get the next. */
#define GIVEN \
    "'split': {'kind': 'none'}, 'model': {'kind': 'fm', 'hash_bits': 7, 'embedding_dim': 4, 'embedding': 'vocabulary'}, 'train': {'shuffle': " \
    "false, 'batch_size': 100, 'epochs': %d}"
    snprintf(rest, sizeof rest, GIVEN, 2);
    train("given-twice", rest);
    snprintf(rest, sizeof rest, GIVEN, 1);
    train("given", rest);
    snprintf(rest, sizeof rest, GIVEN ", %s", 1, WARM("given", ", 'optimizer_state': true"));
    train("given-again", rest);
    same_tensors("given-twice", "given-again", "");
    refused(A, "'model': {'kind': 'fm', 'hash_bits': 7, 'embedding_dim': 4}, " WARM("given", ""), ERROR_INVALID,
            "model.embedding.kind was vocabulary and is hashed now");
    refused(A, "'model': {'kind': 'fm', 'hash_bits': 7, 'embedding_dim': 4, 'embedding': 'vocabulary'}, " WARM("first-sgd", ""), ERROR_INVALID,
            "model.embedding.kind was hashed and is vocabulary now");
}

static void it_begins_where_the_other_one_ended(void **state)
{
    (void)state;
#define JUDGED "'split': {'kind': 'holdout', 'test_fraction': 0.3, 'seed': 5}, " FM
    train("parent", JUDGED ", 'optimizer': {'kind': 'ftrl', 'lr': 0.3}, 'train': {'epochs': 3, 'batch_size': 100}");
    train("child", JUDGED ", 'optimizer': {'kind': 'adam'}, " WARM("parent", ", " NO_STEP));
    assert_close(run_kit_metric("child", "logloss"), run_kit_metric("parent", "logloss"), 1e-5, 0);
    log_has("child", "taken: bias, linear, embedding\"");
    train("cold", JUDGED ", 'optimizer': {'kind': 'adam', 'lr': 1e-9}");
    assert_true(run_kit_metric("cold", "logloss") > run_kit_metric("child", "logloss") + 0.05);
    struct safetensors st;
    char sha256[SHA256_HEX], path[PATH_SIZE];
    struct error err = {0};
    snprintf(path, sizeof path, "%.*s/parent/" RUNDIR_FINAL, 3000, run_kit_root);
    assert_ok(file_sha256(&world_real, path, sha256, &err), &err);
    job_kit_final(&kit, "child", &st);
    assert_string_equal(json_string_value(json_object_get(st.metadata, "parent")), sha256);
    safetensors_close(&st);
}

/* Sampling shifts a model's logits by a constant that its file tells; a child that samples otherwise takes it into its bias. */
static void another_sampling_moves_the_bias(void **state)
{
    (void)state;
    train("sampled", JUDGED ", 'train': {'epochs': 3, 'batch_size': 100, 'negative_rate': 0.3}");
    train("unsampled", JUDGED ", " WARM("sampled", ", " NO_STEP));
    assert_close(run_kit_metric("unsampled", "logloss"), run_kit_metric("sampled", "logloss"), 1e-4, 0);
    refused(A, JUDGED ", " WARM("sampled", ", 'freeze': ['bias']"), ERROR_INVALID, "bias cannot stay as it is");
}

/* Whatever else moves, under each optimiser's measures, decays, clips and codecs: frozen tensors have the bytes that they came with. */
static void frozen_tensors_keep_their_bytes(void **state)
{
    (void)state;
#define DEEP(optimizer, more) \
    "'split': {'kind': 'none'}, 'model': {'kind': 'wide_deep', 'hash_bits': 10, 'embedding_dim': 3, 'hidden': [6, 5], 'batch_norm': true, " \
    "'dropout': 0.1}, 'optimizer': {'kind': '" optimizer "', 'l2': 0.01}, 'train': {'epochs': 2, 'batch_size': 200, 'clip_norm': 1" more "}"
#define FFM_DATA "{'dataset': {'uri': '%1$s/a.ffm', 'format': 'libffm'}, "
    static const char *const frozen[][3] = {{"'embedding', 'linear'", "embedding", "linear"},
                                            {"'deep'", "deep.0.weight", "deep.1.mean"},
                                            {"'deep.0.variance', 'wide'", "deep.0.variance", "bias"},
                                            {"'embedding', 'wide', 'deep.0.scale'", "embedding", "deep.0.scale"}};
    static const char *const ways[] = {DEEP("lamb", ""), DEEP("adafactor", ", 'nonfinite': 'skip'"), DEEP("adamw", "")};
    struct run_result result;
    struct error err;
    char spec[2048], dir[40];
    assert_ok(job_kit_run(&kit, FFM_DATA DEEP("adam", "") "}", "deep", &result, &err), &err);
    for (size_t i = 0; i < sizeof frozen / sizeof *frozen; i++)
        for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
            snprintf(spec, sizeof spec,
                     "%s%s, 'compression': {'codec': '%s'}, 'warm_start': {'checkpoint': '%%1$s/deep/final.safetensors', 'freeze': [%s]}}", FFM_DATA,
                     ways[w], i % 2 ? "topk" : "none", frozen[i][0]);
            snprintf(dir, sizeof dir, "frozen-%zu-%zu", i, w);
            assert_ok(job_kit_run(&kit, spec, dir, &result, &err), &err);
            struct safetensors was, is;
            job_kit_final(&kit, "deep", &was);
            job_kit_final(&kit, dir, &is);
            char name[TENSOR_NAME_SIZE];
            for (size_t n = 1; n < 3; n++) {
                uint64_t rows[2];
                char *a = job_kit_tensor(&was, frozen[i][n], &rows[0]), *b = job_kit_tensor(&is, frozen[i][n], &rows[1]);
                if (rows[0] != rows[1] || memcmp(a, b, (size_t)safetensors_find(&was, frozen[i][n])->size_bytes) != 0)
                    fail_msg("%s: %s has moved", dir, frozen[i][n]);
                mem_free(a);
                mem_free(b);
                static const char *const states[] = {"m", "v", "r", "c"};
                for (size_t k = 0; k < 4; k++) {
                    snprintf(name, sizeof name, "%s.%s", frozen[i][n], states[k]);
                    assert_null(safetensors_find(&is, name));
                }
                snprintf(name, sizeof name, "residual.%s.0.ids", frozen[i][n]);
                assert_null(safetensors_find(&is, name));
            }
            uint64_t rows[2]; /* and others did move */
            const char *moving = i == 1 ? "linear" : "head";
            char *a = job_kit_tensor(&was, moving, &rows[0]), *b = job_kit_tensor(&is, moving, &rows[1]);
            assert_true(memcmp(a, b, 16) != 0);
            mem_free(a);
            mem_free(b);
            safetensors_close(&was);
            safetensors_close(&is);
        }
}

/* n of rows that no step touches afterwards is the decayed one. */
static void taken_sums_decay(void **state)
{
    (void)state;
    uint64_t rows[2];
    struct safetensors was, is;
#define GOES_ON(more) "'split': {'kind': 'none'}, " FM ", 'optimizer': {'kind': 'adagrad'}, 'train': {'shuffle': false, 'batch_size': 100" more "}"
    train("summed", GOES_ON(""));
    train("decayed", GOES_ON(", 'max_rows': 2") ", " WARM("summed", ", 'optimizer_state': true, 'state_decay': 0.25"));
    job_kit_final(&kit, "summed", &was);
    job_kit_final(&kit, "decayed", &is);
    float *a = job_kit_tensor(&was, "linear.n", &rows[0]), *b = job_kit_tensor(&is, "linear.n", &rows[1]);
    assert_int_equal(rows[0], rows[1]);
    size_t exact = 0;
    for (uint64_t i = 0; i < rows[0]; i++) exact += b[i] == 0.25f * a[i];
    assert_true(exact + 16 >= rows[0] && exact < rows[0]);
    mem_free(a);
    mem_free(b);
    safetensors_close(&was);
    safetensors_close(&is);
    refused(A, GOES_ON("") ", " WARM("summed", ", 'state_decay': 0.25"), ERROR_INVALID, "set warm_start.optimizer_state");
    /* ftrl's weights are told by themselves: neither a decay nor another rate moves them */
    train("decayed-ftrl",
          JUDGED ", 'optimizer': {'kind': 'ftrl', 'lr': 0.1}, " WARM("parent", ", 'optimizer_state': true, 'state_decay': 0.25, " NO_STEP));
    assert_close(run_kit_metric("decayed-ftrl", "logloss"), run_kit_metric("parent", "logloss"), 1e-5, 0);
    log_has("decayed-ftrl", "embedding (with state)");
}

/* Another family, or another width: what has the same name and shape is taken, the rest is told. */
static void what_does_not_fit_is_told(void **state)
{
    (void)state;
    train("wider", "'model': {'kind': 'fm', 'hash_bits': 10, 'embedding_dim': 6}, " WARM("parent", ""));
    log_has("wider", "taken: bias, linear; not taken: embedding (4 a slot there, 6 a slot here)");
    train("other",
          "'model': {'kind': 'lr', 'hash_bits': 10}, 'optimizer': {'kind': 'adam', 'lr': 0.01}, " WARM("parent", ", 'optimizer_state': true"));
    log_has("other", "which begins afresh for bias, linear\"");
    train("linear", "'model': {'kind': 'lr', 'hash_bits': 10}, " WARM("parent", ""));
    log_has("linear", "taken: bias, linear\"");
    refused(A, "'model': {'kind': 'fm', 'hash_bits': 10, 'embedding_dim': 6}, " WARM("parent", ", 'freeze': 'embedding'"), ERROR_INVALID,
            "embedding is to stay as it is");
    struct run_result result;
    struct error err;
    assert_ok(job_kit_run(&kit, FFM_DATA "'model': {'kind': 'ffm', 'hash_bits': 10, 'linear': false}}", "pairs", &result, &err), &err);
    refused("'uri': '%1$s/a.ffm', 'format': 'libffm'", "'model': {'kind': 'lr', 'hash_bits': 10}, " WARM("pairs", ""), ERROR_INVALID,
            "(a model \"ffm\") fits: bias (not in the file), linear (not in the file)");
}

static void what_was_hashed_otherwise_is_refused(void **state)
{
    (void)state;
    refused(A, FM ", 'features': {'hash_seed': 3}, " WARM("parent", ""), ERROR_INVALID, "was 0 and is 3 now");
    refused(A, "'model': {'kind': 'fm', 'hash_bits': 11}, " WARM("parent", ""), ERROR_INVALID, "set model.hash_bits to 10");
    refused("'uri': '%1$s/a.ffm', 'format': 'libffm'", FM ", " WARM("parent", ""), ERROR_INVALID, "was libsvm and is libffm now");
}

static void write_csv(const char *name, const char *header, unsigned from)
{
    char path[PATH_SIZE];
    struct bytes text;
    bytes_init(&text, 1 << 20);
    assert_int_equal(bytes_printf(&text, NULL, "%s\n", header), 0);
    for (unsigned i = from; i < from + 600; i++)
        assert_int_equal(bytes_printf(&text, NULL, "%d,%u,c%u,%u\n", i * 7919 % 11 < 4, i * i % 997 + from, i % 13, i % 5), 0);
    snprintf(path, sizeof path, "%.*s/%s", 3000, run_kit_root, name);
    test_write_file(path, text.data, text.size);
    bytes_close(&text);
}

/* Tables: columns may come and go, those that stay must be read as they were; fitted bins are the source's, whatever the new rows are. */
static void columns_keep_their_meaning(void **state)
{
    (void)state;
#define TABLE(file, schema) "'uri': '%1$s/" file "', 'format': 'csv', 'schema': {" schema "}"
#define LR "'model': {'kind': 'lr', 'hash_bits': 10}, 'split': {'kind': 'none'}"
    struct run_result result;
    struct error err;
    uint64_t n[2];
    struct safetensors was, is;
    write_csv("old.csv", "label,price,kind,hour", 0);
    write_csv("new.csv", "label,price,kind,minute", 5000);
    write_csv("turned.csv", "label,kind,price,hour", 5000);
    assert_ok(job_kit_run(&kit, "{'dataset': {" TABLE("old.csv", "'price': 'quantile(8)', 'hour': 'log'") "}, " LR "}", "table", &result, &err),
              &err);
    assert_ok(job_kit_run(&kit, "{'dataset': {" TABLE("new.csv", "'price': 'quantile(8)', 'minute': 'numeric'") "}, " LR ", " WARM("table", "") "}",
                          "table2", &result, &err),
              &err);
    job_kit_final(&kit, "table", &was);
    job_kit_final(&kit, "table2", &is);
    float *a = job_kit_tensor(&was, "transform.edges", &n[0]), *b = job_kit_tensor(&is, "transform.edges", &n[1]);
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(a, b, n[0] * sizeof(float));
    mem_free(a);
    mem_free(b);
    safetensors_close(&was);
    safetensors_close(&is);
    assert_ok(job_kit_run(&kit, "{'dataset': {" TABLE("new.csv", "'price': 'quantile(8)', 'kind': 'categorical'") "}, " LR ", " WARM("table", "") "}",
                          "table3", &result, &err),
              &err); /* the default, in so many words */
    assert_ok(
        job_kit_run(&kit, "{'dataset': {" TABLE("new.csv", "'price': 'quantile(8)'") "}, " LR ", " WARM("table3", "") "}", "table4", &result, &err),
        &err); /* and unsaid again */
    refused(TABLE("new.csv", "'price': 'quantile(8)', 'kind': 'categorical missing=skip'"), LR ", " WARM("table", ""), ERROR_INVALID,
            "column kind was read as the type of dataset.columns and would now be read as categorical with another missing");
    refused(TABLE("new.csv", "'price': 'quantile(9)'"), LR ", " WARM("table", ""), ERROR_INVALID,
            "column price was read as quantile(8) and would now be read as quantile(9)");
    refused(TABLE("new.csv", ""), LR ", " WARM("table", ""), ERROR_INVALID,
            "column price was read as quantile(8) and would now be read as the type of");
    refused(TABLE("old.csv", "'price': 'quantile(8)', 'hour': 'log', 'kind': 'ignore'"), LR ", " WARM("table", ""), ERROR_INVALID, "column kind");
    refused(TABLE("old.csv", "'price': 'quantile(8)', 'hour': 'log'") ", 'columns': 'ignore'", LR ", " WARM("table", ""), ERROR_INVALID,
            "was \"categorical\" and is \"ignore\" now");
#define MLP "'model': {'kind': 'mlp', 'hash_bits': 10, 'embedding_dim': 2, 'hidden': [4]}"
    assert_ok(job_kit_run(&kit, "{'dataset': {" TABLE("old.csv", "") "}, " MLP "}", "fields", &result, &err), &err);
    refused(TABLE("turned.csv", ""), MLP ", " WARM("fields", ""), ERROR_INVALID, "field 0 was \"price\" and is \"kind\" now");
}

/* A feature that the source has learnt is let in at once; others wait for what they still lack. */
static void what_was_learnt_is_let_in(void **state)
{
    (void)state;
    struct safetensors st;
    uint64_t n;
    train("counted", "'split': {'kind': 'none'}, " FM ", 'features': {'min_count': 3}, 'train': {'max_rows': 200}");
    train("recounted", "'split': {'kind': 'none'}, " FM ", 'features': {'min_count': 200}, 'train': {'max_rows': 1}, " WARM("counted", ""));
    job_kit_final(&kit, "counted", &st);
    uint32_t *live = job_kit_tensor(&st, "slots", &n);
    safetensors_close(&st);
    job_kit_final(&kit, "recounted", &st);
    uint64_t m, in = 0;
    uint32_t *slots = job_kit_tensor(&st, "admission.slots", &m);
    uint8_t *seen = job_kit_tensor(&st, "admission.seen", &m);
    for (uint64_t i = 0, j = 0; i < n; i++) {
        while (j < m && slots[j] < live[i]) j++;
        in += j < m && slots[j] == live[i] && seen[j] == 200;
    }
    assert_int_equal(in, n);
    assert_true(m > n);
    mem_free(live);
    mem_free(slots);
    mem_free(seen);
    safetensors_close(&st);
    /* A vocabulary says by its keys who has learnt something. */
    train("recounted-given", "'split': {'kind': 'none'}, 'model': {'kind': 'fm', 'hash_bits': 7, 'embedding_dim': 4, 'embedding': 'vocabulary'}, "
                             "'features': {'min_count': 200}, 'train': {'max_rows': 1}, " WARM("given", ""));
    job_kit_final(&kit, "recounted-given", &st);
    uint32_t *keys = job_kit_tensor(&st, "vocabulary.keys", &n);
    slots = job_kit_tensor(&st, "admission.slots", &m);
    seen = job_kit_tensor(&st, "admission.seen", &m);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t j = 0;
        while (j < m && slots[j] != keys[i] >> 22) j++;
        assert_true(j < m && seen[j] == 200);
    }
    mem_free(keys);
    mem_free(slots);
    mem_free(seen);
    safetensors_close(&st);
}

static void copy_with(const char *from, const char *to, size_t at_end, const void *bytes, size_t size)
{
    char path[PATH_SIZE];
    size_t total;
    snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_FINAL, 3000, run_kit_root, from);
    char *data = test_read_file(path, &total);
    if (size > 0) memcpy(data + total - at_end, bytes, size);
    snprintf(path, sizeof path, "%.*s/%s", 3000, run_kit_root, to);
    test_write_file(path, data, total);
    mem_free(data);
}
#define FILE_WARM(file, rest) "'warm_start': {'checkpoint': '%1$s/" file "'" rest "}"

static void damage_is_refused_by_name(void **state)
{
    (void)state;
    const float nan = NAN, inf = -INFINITY;
    copy_with("parent", "nan.safetensors", 200000, "", 0);
    struct safetensors st;
    job_kit_final(&kit, "parent", &st);
    const struct tensor *t = safetensors_find(&st, "linear");
    uint64_t size = 0;
    for (size_t i = 0; i < st.count; i++)
        if (st.tensors[i].offset + st.tensors[i].size_bytes > size) size = st.tensors[i].offset + st.tensors[i].size_bytes;
    size_t at = (size_t)(size - t->offset);
    safetensors_close(&st);
    copy_with("parent", "nan.safetensors", at, &nan, sizeof nan);
    copy_with("parent", "inf.safetensors", at - 8, &inf, sizeof inf);
    refused(A, FM ", " FILE_WARM("nan.safetensors", ""), ERROR_DATA, "nan.safetensors: tensor \"linear\" has a value that is not finite");
    refused(A, FM ", " FILE_WARM("inf.safetensors", ""), ERROR_DATA, "inf.safetensors: tensor \"linear\" has a value that is not finite");
    refused(A, FM ", " FILE_WARM("a.svm", ""), ERROR_DATA, "a.svm");
    refused(A, FM ", " FILE_WARM("nothing", ""), ERROR_NOTFOUND, "nothing");
    refused(A, FM ", 'warm_start': {'checkpoint': '%1$s/parent'}", ERROR_INVALID, "parent is a folder; name a file in it");
    refused(A, FM ", 'warm_start': {'checkpoint': 'ckpt_01ARZ3NDEKTSV4RRFFQ69G5FAV'}", ERROR_NOTFOUND, "is for a job that goes through the server");
}

static void wishes_that_cannot_be_are_told_at_once(void **state)
{
    (void)state;
    refused(A, FM ", 'warm_start': {'freeze': 'wide'}", ERROR_INVALID, "/warm_start/checkpoint is missing: the file");
    refused(A, FM ", " WARM("parent", ", 'freeze': ['embeding']"), ERROR_INVALID, "did you mean \"embedding\"");
}

/* The source is part of what decides the bits: a run that was stopped does not go on from another file. */
static void a_resume_meets_the_same_source(void **state)
{
    (void)state;
    struct run_result result, whole;
    struct error err;
    copy_with("parent", "source.safetensors", 0, "", 0);
#define RESUMED \
    "{'dataset': {" A "}, " FM ", 'optimizer': {'kind': 'adam'}, 'train': {'epochs': 5, 'batch_size': 50, 'log_every_steps': 1}, " FILE_WARM( \
        "source.safetensors", ", 'freeze': 'linear', 'lr_scale': {'embedding': 0.5}") "}"
    assert_ok(job_kit_run(&kit, RESUMED, "uninterrupted", &whole, &err), &err);
    for (int changed = 0; changed < 2; changed++) {
        job_kit_stops = 1;
        run_kit_progress = job_kit_stop;
        assert_int_equal(run_kit_run(&world_real, RESUMED, changed ? "stopped1" : "stopped0", 2, &result, &err), -ERROR_STOPPED);
        run_kit_progress = NULL;
        if (changed) {
            const float other = 0.5f;
            copy_with("parent", "source.safetensors", 4, &other, sizeof other);
            assert_int_equal(run_kit_run(&world_real, RESUMED, "stopped1", 2, &result, &err), -ERROR_INVALID);
            assert_error(&err, ERROR_INVALID, "bring that file back");
        } else {
            assert_ok(run_kit_run(&world_real, RESUMED, "stopped0", 1, &result, &err), &err);
            assert_string_equal(result.sha256, whole.sha256);
        }
    }
    char sha256[SHA256_HEX], spec[2048];
    memset(sha256, 'a', 64), sha256[64] = 0;
    snprintf(spec, sizeof spec, FM ", 'warm_start': {'checkpoint': '%%1$s/source.safetensors', 'sha256': '%s'}", sha256);
    refused(A, spec, ERROR_INVALID, "it is another file");
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(it_begins_where_the_other_one_ended),
                                          cmocka_unit_test(with_its_state_it_is_as_if_training_went_on),
                                          cmocka_unit_test(another_sampling_moves_the_bias),
                                          cmocka_unit_test(frozen_tensors_keep_their_bytes),
                                          cmocka_unit_test(taken_sums_decay),
                                          cmocka_unit_test(what_does_not_fit_is_told),
                                          cmocka_unit_test(what_was_hashed_otherwise_is_refused),
                                          cmocka_unit_test(columns_keep_their_meaning),
                                          cmocka_unit_test(what_was_learnt_is_let_in),
                                          cmocka_unit_test(damage_is_refused_by_name),
                                          cmocka_unit_test(wishes_that_cannot_be_are_told_at_once),
                                          cmocka_unit_test(a_resume_meets_the_same_source)};

int main(int argc, char **argv)
{
    test_dir(run_kit_root);
    run_kit_data("a.svm", false, false);
    run_kit_fields(5);
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
