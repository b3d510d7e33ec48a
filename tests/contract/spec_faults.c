/* The specification: what is wrong with one, all of it and where. */
#include "contract/spec_fixture.h"

static void spec_reports_all_faults_at_once(void **state)
{
    (void)state;
    const struct faults *faults = read_faults(
        "{\"nmae\": \"x\", \"labels\": {\"n\": 1}, \"dataset\": {\"uri\": [], \"format\": \"criteoo\", \"max_bad_rows\": -1}, \"model\": "
        "{\"hash_bits\": 31},"
        " \"optimizer\": {\"lr\": -1}, \"train\": {\"shards\": 1099511627776, \"workers\": \"many\", \"batchsize\": 7, \"early_stopping\": "
        "{\"metric\": \"los\"}},"
        " \"compression\": {\"codec\": \"topkk\", \"retention\": 3, \"residual_decay\": 0}, \"checkpoint\": {\"keep\": 0}, \"resources\": 5}");
    assert_fault(faults, "/nmae", "is unknown; did you mean \"name\"?");
    assert_fault(faults, "/labels/n", "must be a string, got 1");
    assert_fault(faults, "/dataset/uri", "1 to 4096 files");
    assert_fault(faults, "/dataset/format", "\"criteoo\" is not known; did you mean \"criteo\"? one of criteo, csv");
    assert_fault(faults, "/dataset/max_bad_rows", "must be >= 0, got -1");
    assert_fault(faults, "/model/kind", "is missing; for example {\"model\": {\"kind\": \"lr\"}}; one of lr, fm");
    assert_fault(faults, "/model/hash_bits", "must be >= 1 and <= 30, got 31: the hashed table");
    assert_fault(faults, "/optimizer/lr", "must be > 0 and <= 1000, got -1");
    assert_fault(faults, "/train/shards", "<= 1024, got 1099511627776: logical shards");
    assert_fault(faults, "/train/workers", "\"auto\" or an integer, got \"many\"");
    assert_fault(faults, "/train/batchsize", "did you mean \"batch_size\"?");
    assert_fault(faults, "/train/early_stopping/metric", "\"los\" is not known; one of auto, logloss, auc, rmse");
    assert_fault(faults, "/compression/codec", "did you mean \"topk\"? one of none, sign, topk");
    assert_fault(faults, "/compression/residual_decay", "must be > 0 and <= 1, got 0");
    assert_fault(faults, "/checkpoint/keep", "must be >= 1 and <= 10000, got 0: newest checkpoints");
    assert_fault(faults, "/resources", "must be an object, got 5");
    assert_int_equal(faults->count, 16); /* and nothing about the options of a codec that nobody knows */
}

static void spec_says_what_is_missing(void **state)
{
    (void)state;
    const struct faults *faults = read_faults("{}");
    assert_fault(faults, "/dataset", "is missing; for example {\"uri\": \"file:clicks.tsv\"");
    assert_fault(faults, "/model/kind", "is missing");
    assert_int_equal(faults->count, 2);
    assert_fault(read_faults("{\"dataset\": {}, \"model\": {\"kind\": \"lr\"}}"), "/dataset/uri", "is missing; a file, a glob");
    assert_fault(read_faults("{\"dataset\": {}, \"model\": {\"kind\": \"lr\"}}"), "/dataset/format", "one of criteo, csv");
    assert_fault(read_faults("[1]"), "", "the spec must be an object");
    assert_fault(read_faults("{" LEAST ", \"model2\": 1}"), "/model2", "did you mean \"model\"?");
}

static void spec_checks_fields_against_each_other(void **state)
{
    (void)state;
    assert_fault(read_faults("{" LEAST ", \"train\": {\"shards\": 2, \"workers\": 4}}"), "/train/workers", "must be <= train.shards (2), got 4");
    assert_fault(read_faults("{" LEAST ", \"resources\": {\"max_memory_bytes\": 1000}}"), "/resources/max_memory_bytes", "64 MiB");
#define FACTORS(more) "{\"dataset\": {\"uri\": \"x\", \"format\": \"csv\"}, \"model\": {\"kind\": \"lr\", \"hash_bits\": 8, \"embedding\": " more "}"
    assert_fault(read_faults(FACTORS("{\"kind\": \"qr\", \"remainder_bits\": 8}}")), "/model/embedding/remainder_bits",
                 "must be below model.hash_bits (8), got 8");
    assert_fault(read_faults(FACTORS("\"qr\"}, \"features\": {\"min_count\": 2}")), "/model/embedding/kind",
                 "cannot stand beside features.min_count");
    assert_fault(read_faults("{" LEAST ", \"split\": {\"test_fraction\": 0.7, \"validation_fraction\": 0.3}}"), "/split",
                 "test_fraction + validation_fraction must be < 1, got 1: nothing would be left");
    struct spec spec;
    read_ok(&spec, "{" LEAST ", \"train\": {\"shards\": 8, \"batch_size\": 2}}"); /* some shards stay empty, which is fine */
    spec_close(&spec);
}

static void spec_refuses_bad_uris_and_labels(void **state)
{
    (void)state;
    static const struct {
        const char *uri, *pointer, *part;
    } rows[] = {
        {"\"\"", "/dataset/uri", "names no file"},
        {"\"file:\"", "/dataset/uri", "names no file"},
        {"5", "/dataset/uri", "must be a string, got 5"},
        {"[\"a\", null]", "/dataset/uri/1", "must be a string, got null"},
        {"\"s3://b/k\"", "/dataset/uri", "has the scheme \"s3:\""},
        {"\"a\\nb\"", "/dataset/uri", "control characters"},
        {"\"-\"", "/dataset/uri", "would be standard input"},
        {"{}", "/dataset/uri", "must be a string, got {}"},
        {"[\"a\", \"b\", \"file:a\"]", "/dataset/uri/2", "names \"file:a\" a second time"},
    };
    char text[512];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text, "{\"dataset\": {\"format\": \"criteo\", \"uri\": %s}, \"model\": {\"kind\": \"lr\"}}", rows[i].uri);
        assert_fault(read_faults(text), rows[i].pointer, rows[i].part);
    }
    assert_fault(read_faults("{" LEAST ", \"labels\": []}"), "/labels", "must be an object of strings, got []");
    assert_fault(read_faults("{" LEAST ", \"labels\": {\"a/b~\": 1}}"), "/labels/a~1b~0", "must be a string");
    assert_fault(read_faults("{" LEAST ", \"labels\": {\"\": \"x\"}}"), "/labels/", "needs a name");
}

/* Every place that names data is read by the same rules. */
static void spec_refuses_odd_uris_in_every_place(void **state)
{
    (void)state;
    assert_fault(read_faults("{" LEAST ", \"split\": {\"test_uri\": 5}}"), "/split/test_uri", "must be a string, got 5");
    assert_fault(read_faults("{" LEAST ", \"split\": {\"kind\": \"predefined\", \"validation_uri\": \"v\", \"test_uri\": [\"t\", \"v\"]}}"),
                 "/split/test_uri/1", "names \"v\" a second time");
    assert_fault(read_faults("{" LEAST ", \"split\": {\"validation_uri\": [\"a\", \"\"]}}"), "/split/validation_uri/1", "names no file");
    assert_fault(read_faults("{" LEAST ", \"split\": {\"test_uri\": []}}"), "/split/test_uri", "must name 1 to");
    assert_fault(read_faults("{" LEAST ", \"split\": {\"test_url\": \"a\"}}"), "/split/test_url", "is unknown");
}

static void forbid_lr(struct spec *spec, struct faults *faults)
{
    spec->train.epochs = 77;
    faults_add(faults, "/model/kind", "is not wanted with %zu test files", spec->split.test_uri.count);
}

/* The rooms' own word comes last, and only on a spec that can be read. */
static void spec_is_settled_by_the_registry(void **state)
{
    (void)state;
    struct registry registry = toy_registry;
    registry.settle = forbid_lr;
    static const char *const texts[] = {"{" LEAST "}", "{" LEAST ", \"priority\": 1e9}"};
    static const char *const pointers[] = {"/model/kind", "/priority"};
    for (int i = 0; i < 2; i++) {
        struct faults faults = {0};
        struct error err = {0};
        struct spec spec;
        json_t *json = json_read(texts[i], strlen(texts[i]), "spec", &err);
        assert_int_equal(spec_read(&spec, json, &registry, &faults, &err), -ERROR_INVALID);
        json_decref(json);
        assert_int_equal(faults.count, 1);
        assert_string_equal(faults.list[0].pointer, pointers[i]);
    }
}

/* With the schemes of a program, as the registry has them. */
static void spec_knows_the_schemes_of_its_sources(void **state)
{
    (void)state;
    static const struct kind file = {.name = "file"}, input = {.name = "-"}, web = {.name = "https"};
    static const struct kind *const sources[] = {&file, &input, &web, NULL};
    static const struct {
        const char *uri, *part;
    } rows[] = {
        {"https://h/a?b", NULL},
        {"-", NULL},
        {"./-", NULL},
        {"file:x", NULL},
        {"ftp://user:secret@h/a", "has the scheme \"ftp:\", which no source reads; there are file:, - (standard input), https:, and a plain path"},
        {"https:", "names nothing: after \"https:\" comes \"//\""},
        {"https://", "names nothing"},
        {"https:/h/a", "names nothing"},
        {"http://h/a", "has the scheme \"http:\""},
        {"HTTPS://h/a", "has the scheme \"HTTPS:\""},
    };
    struct registry registry = toy_registry;
    registry.sources = sources;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct faults faults = {0};
        struct error err = {0};
        struct spec spec;
        json_t *json = json_pack("{s:{s:s, s:s}, s:{s:s}}", "dataset", "format", "criteo", "uri", rows[i].uri, "model", "kind", "lr");
        int rc = spec_read(&spec, json, &registry, &faults, &err);
        json_decref(json);
        if (rc == 0) spec_close(&spec);
        assert_int_equal(rc == 0, rows[i].part == NULL);
        if (!rows[i].part) continue;
        assert_fault(&faults, "/dataset/uri", rows[i].part);
        assert_null(strstr(faults.list[0].detail, "secret"));
    }
}

static void spec_uri_paths(void **state)
{
    (void)state;
    assert_string_equal(spec_uri_path("file:a/b"), "a/b");
    assert_string_equal(spec_uri_path("file:/a"), "/a");
    assert_string_equal(spec_uri_path("file:///a"), "/a");
    assert_string_equal(spec_uri_path("a/b"), "a/b");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(spec_reports_all_faults_at_once),       cmocka_unit_test(spec_says_what_is_missing),
    cmocka_unit_test(spec_checks_fields_against_each_other), cmocka_unit_test(spec_refuses_bad_uris_and_labels),
    cmocka_unit_test(spec_knows_the_schemes_of_its_sources), cmocka_unit_test(spec_refuses_odd_uris_in_every_place),
    cmocka_unit_test(spec_is_settled_by_the_registry),       cmocka_unit_test(spec_uri_paths),
};
TEST_MAIN(tests)
