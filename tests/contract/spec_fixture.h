/* Specifications of toy kinds, read and refused. */
#ifndef TRAINYARD_TESTS_SPEC_FIXTURE_H
#define TRAINYARD_TESTS_SPEC_FIXTURE_H

#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "contract/spec.h"
#include "lib/toy_kinds.h"

#define LEAST "\"dataset\": {\"uri\": \"file:clicks.tsv\", \"format\": \"criteo\"}, \"model\": {\"kind\": \"lr\"}"

static inline json_t *parse(const char *text)
{
    struct error err = {0};
    json_t *json = json_read(text, strlen(text), "test", &err);
    if (!json) fail_msg("%s", err.msg);
    return json;
}

static inline void read_ok(struct spec *spec, const char *text)
{
    static struct faults faults;
    struct error err = {0};
    faults.count = 0;
    json_t *json = parse(text);
    assert_ok(spec_read(spec, json, &toy_registry, &faults, &err), &err);
    json_decref(json);
}

/* Reads text, which must be refused, and returns the faults. */
static inline const struct faults *read_faults(const char *text)
{
    static struct faults faults;
    struct spec spec;
    struct error err = {0};
    faults.count = 0;
    json_t *json = parse(text);
    assert_int_equal(spec_read(&spec, json, &toy_registry, &faults, &err), -ERROR_INVALID);
    json_decref(json);
    assert_true(faults.count > 0);
    assert_null(spec.labels);
    return &faults;
}

static inline void assert_fault(const struct faults *faults, const char *pointer, const char *part)
{
    for (size_t i = 0; i < faults->count && i < FAULTS_MAX; i++)
        if (strcmp(faults->list[i].pointer, pointer) == 0 && strstr(faults->list[i].detail, part)) return;
    for (size_t i = 0; i < faults->count && i < FAULTS_MAX; i++) print_error("%s %s\n", faults->list[i].pointer, faults->list[i].detail);
    fail_msg("no fault at \"%s\" that says \"%s\"", pointer, part);
}

static inline char *written(const struct spec *spec)
{
    struct error err = {0};
    struct bytes text;
    bytes_init(&text, 1 << 20);
    json_t *json = spec_write(spec, &err);
    assert_ok(json ? json_write_pretty(json, &text, &err) : -1, &err);
    json_decref(json);
    return bytes_take(&text, NULL);
}

static const char full[] =
    "{\"name\": \"ctr-nightly\", \"experiment\": \"ctr\", \"labels\": {\"git\": \"3f2a9c1\"}, \"priority\": -3,"
    " \"dataset\": {\"uri\": [\"file:a.csv\", \"/data/b-*.csv\"], \"format\": \"csv\", \"header\": false, \"max_bad_rows\": 5},"
    " \"split\": {\"kind\": \"holdout\", \"test_fraction\": 0.3, \"seed\": 9, \"test_uri\": \"file:t.csv\","
    "  \"validation_uri\": [\"v.csv\", \"w.csv\"]}, \"features\": {\"hash_seed\": 4},"
    " \"model\": {\"kind\": \"fm\", \"hash_bits\": 12, \"embedding_dim\": 4}, \"optimizer\": {\"kind\": \"adagrad\", \"lr\": 0.1, \"l2\": 1e-6},"
    " \"train\": {\"strategy\": \"sync\", \"shards\": 4, \"workers\": 2, \"batch_size\": 2, \"epochs\": 1e1, \"max_rows\": 1000, \"seed\": 5,"
    "  \"log_every_steps\": 1, \"shuffle\": false, \"early_stopping\": {\"metric\": \"auc\", \"patience\": 3}},"
    " \"compression\": {\"codec\": \"topk\", \"retention\": {\"start\": 0.25, \"decay\": 0.5, \"min\": 0.01, \"per\": \"step\"},"
    "  \"error_feedback\": false, \"residual_decay\": 0.5, \"residual_rows_max\": 10, \"aggregate\": \"vote\"},"
    " \"checkpoint\": {\"every_steps\": 7, \"every_ms\": 0, \"keep\": 1}, \"evaluate\": {\"every_steps\": 3, \"scores\": true},"
    " \"resources\": {\"launcher\": \"local\", \"max_memory_bytes\": 4294967296, \"timeout_ms\": 1000}}";

#endif
