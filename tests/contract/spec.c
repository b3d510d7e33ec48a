#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "contract/spec.h"
#include "lib/toy_kinds.h"

#define LEAST "\"dataset\": {\"uri\": \"file:clicks.tsv\", \"format\": \"criteo\"}, \"model\": {\"kind\": \"lr\"}"

static json_t *parse(const char *text)
{
    struct error err = {0};
    json_t *json = json_read(text, strlen(text), "test", &err);
    if (!json) fail_msg("%s", err.msg);
    return json;
}

static void read_ok(struct spec *spec, const char *text)
{
    static struct faults faults;
    struct error err = {0};
    faults.count = 0;
    json_t *json = parse(text);
    assert_ok(spec_read(spec, json, &toy_registry, &faults, &err), &err);
    json_decref(json);
}

/* Reads text, which must be refused, and returns the faults. */
static const struct faults *read_faults(const char *text)
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

static void assert_fault(const struct faults *faults, const char *pointer, const char *part)
{
    for (size_t i = 0; i < faults->count && i < FAULTS_MAX; i++)
        if (strcmp(faults->list[i].pointer, pointer) == 0 && strstr(faults->list[i].detail, part)) return;
    for (size_t i = 0; i < faults->count && i < FAULTS_MAX; i++) print_error("%s %s\n", faults->list[i].pointer, faults->list[i].detail);
    fail_msg("no fault at \"%s\" that says \"%s\"", pointer, part);
}

static char *written(const struct spec *spec)
{
    struct error err = {0};
    struct bytes text;
    bytes_init(&text, 1 << 20);
    json_t *json = spec_write(spec, &err);
    assert_ok(json ? json_write_pretty(json, &text, &err) : -1, &err);
    json_decref(json);
    return bytes_take(&text, NULL);
}

static void spec_fills_every_default(void **state)
{
    (void)state;
    struct spec spec;
    read_ok(&spec, "{" LEAST "}");
    assert_string_equal(spec.name, "");
    assert_int_equal(spec.dataset.uri.count, 1);
    assert_string_equal(spec.dataset.uri.list[0], "file:clicks.tsv");
    assert_null(spec.dataset.uri.list[1]);
    assert_int_equal(spec.model.hash_bits, 22);
    assert_int_equal(spec.train.shards, 8);
    assert_int_equal(spec.train.workers, 0);
    assert_int_equal(spec.train.batch_size, 4096);
    assert_int_equal(spec.train.epochs, 1);
    assert_int_equal(spec.train.seed, 1);
    assert_int_equal(spec.train.log_every_steps, 10);
    assert_true(spec.train.shuffle);
    assert_int_equal(spec.train.early_stopping_patience, 0);
    assert_true(spec.compression.error_feedback);
    assert_close(spec.compression.residual_decay, 1, 0, 0);
    assert_int_equal(spec.compression.residual_rows_max, 262144);
    assert_int_equal(spec.checkpoint.every_ms, 60000);
    assert_int_equal(spec.checkpoint.keep, 3);
    static const char *const kinds[SECTIONS] = {"criteo", "holdout", "lr", "adagrad", NULL, NULL, "sync", "auto", "none", "mean", "none", "none"};
    for (int s = 0; s < SECTIONS; s++)
        if (kinds[s]) assert_string_equal(spec.chosen[s].kind->name, kinds[s]);
        else assert_null(spec.chosen[s].kind);
    assert_close(((struct toy_adagrad *)spec.chosen[SECTION_OPTIMIZER].params)->lr, 0.05, 0, 0);
    assert_int_equal(json_object_size(spec.labels), 0);
    spec_close(&spec);
    spec_close(&spec);
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

static void spec_reads_every_section(void **state)
{
    (void)state;
    struct spec spec;
    read_ok(&spec, full);
    const struct toy_topk *topk = spec.chosen[SECTION_CODEC].params;
    assert_close(topk->start, 0.25, 0, 0);
    assert_int_equal(topk->per, 1);
    assert_int_equal(spec.dataset.uri.count, 2);
    assert_int_equal(spec.split.test_uri.count, 1);
    assert_string_equal(spec.split.test_uri.list[0], "file:t.csv");
    assert_int_equal(spec.split.validation_uri.count, 2);
    assert_string_equal(spec.split.validation_uri.list[1], "w.csv");
    assert_int_equal(spec.train.epochs, 10);
    assert_string_equal(spec_metrics[spec.train.early_stopping_metric], "auc");
    assert_int_equal(spec.train.early_stopping_patience, 3);
    assert_close(spec.penalty.l2, 1e-6, 0, 0);
    assert_false(((struct toy_csv *)spec.chosen[SECTION_FORMAT].params)->header);
    assert_string_equal(json_string_value(json_object_get(spec.labels, "git")), "3f2a9c1");
    spec_close(&spec);
}

static void spec_short_forms(void **state)
{
    (void)state;
    struct spec spec;
    read_ok(&spec, "{" LEAST ", \"compression\": {\"codec\": \"topk\", \"retention\": 0.5}, \"train\": {\"early_stopping\": 2}}");
    assert_close(((struct toy_topk *)spec.chosen[SECTION_CODEC].params)->start, 0.5, 0, 0);
    assert_int_equal(spec.train.early_stopping_patience, 2);
    spec_close(&spec);
}

static void spec_write_then_read_changes_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {full, "{" LEAST "}", "{" LEAST ", \"optimizer\": {\"kind\": \"ftrl\", \"l1\": 0.5, \"l2\": 0.25}}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct spec first, second;
        char digest1[SHA256_HEX], digest2[SHA256_HEX];
        struct error err = {0};
        read_ok(&first, texts[i]);
        char *once = written(&first);
        read_ok(&second, once);
        char *twice = written(&second);
        assert_string_equal(once, twice);
        assert_ok(spec_digest(&first, digest1, &err), &err);
        assert_ok(spec_digest(&second, digest2, &err), &err);
        assert_string_equal(digest1, digest2);
        mem_free(once), mem_free(twice);
        spec_close(&first), spec_close(&second);
    }
}

static void spec_own_option_hides_the_common_one(void **state)
{
    (void)state;
    struct spec spec;
    read_ok(&spec, "{" LEAST ", \"optimizer\": {\"kind\": \"ftrl\", \"l1\": 0.5}}");
    assert_close(spec.penalty.l1, 0, 0, 0);
    assert_close(((struct toy_ftrl *)spec.chosen[SECTION_OPTIMIZER].params)->l1, 0.5, 0, 0);
    spec_close(&spec);
}

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

static void digest_of_text(const char *text, char out[SHA256_HEX])
{
    struct spec spec;
    struct error err = {0};
    read_ok(&spec, text);
    assert_ok(spec_digest(&spec, out, &err), &err);
    spec_close(&spec);
}

static void digest_of(const char *extra, char out[SHA256_HEX])
{
    char text[1024];
    if (strstr(extra, "dataset")) snprintf(text, sizeof text, "{\"model\": {\"kind\": \"lr\"}%s}", extra);
    else snprintf(text, sizeof text, "{" LEAST "%s}", extra);
    digest_of_text(text, out);
}

static void spec_digest_covers_the_bits_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *extra;
        bool same;
    } rows[] = {
        {"", true},
        {", \"name\": \"n\", \"experiment\": \"e\", \"priority\": 9, \"labels\": {\"a\": \"b\"}", true},
        {", \"train\": {\"workers\": 3, \"log_every_steps\": 1}", true},
        {", \"checkpoint\": {\"every_steps\": 9, \"every_ms\": 1, \"keep\": 9}", true},
        {", \"evaluate\": {\"every_steps\": 9, \"scores\": true}", true},
        {", \"resources\": {\"timeout_ms\": 9}", true},
        {", \"dataset\": {\"uri\": \"/elsewhere/clicks.tsv\", \"format\": \"criteo\"}", true},
        {", \"dataset\": {\"uri\": \"file:clicks.tsv\", \"format\": \"csv\"}", false},
        {", \"train\": {\"shards\": 9}", false},
        {", \"train\": {\"seed\": 9}", false},
        {", \"optimizer\": {\"lr\": 0.06}", false},
        {", \"optimizer\": {\"l2\": 0.06}", false},
        {", \"features\": {\"hash_seed\": 1}", false},
        {", \"compression\": {\"codec\": \"sign\"}", false},
        {", \"split\": {\"test_fraction\": 0.5}", false},
    };
    char base[SHA256_HEX], other[SHA256_HEX];
    digest_of("", base);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        digest_of(rows[i].extra, other);
        if ((strcmp(base, other) == 0) != rows[i].same) fail_msg("digest with \"%s\" must %s", rows[i].extra, rows[i].same ? "stay" : "change");
    }
    digest_of(", \"train\": {\"early_stopping\": 2}", base);
    digest_of(", \"train\": {\"early_stopping\": 2}, \"evaluate\": {\"every_steps\": 9}", other);
    assert_string_not_equal(base, other); /* then it decides where training ends */
    digest_of_text("{\"dataset\": {\"uri\": \"file:here/a\", \"format\": \"criteo\"}, \"model\": {\"kind\": \"lr\"}}", base);
    digest_of_text("{\"dataset\": {\"uri\": [\"file:/there/b\"], \"format\": \"criteo\"}, \"model\": {\"kind\": \"lr\"}}", other);
    assert_string_equal(base, other); /* data may move: their own digest is in the checkpoint */
}

static void recipe_of(const struct spec *spec, struct bytes *text)
{
    struct error err = {0};
    bytes_clear(text);
    assert_ok(spec_recipe_write(spec, text, &err), &err);
}

static void spec_recipe_gives_back_what_decides_the_bits(void **state)
{
    (void)state;
    struct spec spec, back;
    struct bytes text, again;
    struct error err = {0};
    char digest1[SHA256_HEX], digest2[SHA256_HEX];
    bytes_init(&text, 1 << 20);
    bytes_init(&again, 1 << 20);
    read_ok(&spec, full);
    recipe_of(&spec, &text);
    assert_ok(spec_recipe_read(&back, bytes_text(&text), "test", &toy_registry, &err), &err);
    recipe_of(&back, &again);
    assert_string_equal(bytes_text(&text), bytes_text(&again));
    for (int s = 0; s < SECTIONS; s++) assert_ptr_equal(spec.chosen[s].kind, back.chosen[s].kind);
    assert_int_equal(spec.features.hash_seed, back.features.hash_seed);
    assert_int_equal(spec.model.hash_bits, back.model.hash_bits);
    assert_int_equal(spec.train.seed, back.train.seed);
    assert_int_equal(back.dataset.uri.count, 0);
    back.evaluate.every_steps = spec.evaluate.every_steps; /* of the digest only: where training ended */
    assert_ok(spec_digest(&spec, digest1, &err), &err);
    assert_ok(spec_digest(&back, digest2, &err), &err);
    assert_string_equal(digest1, digest2);
    spec_close(&back), spec_close(&spec);

    read_ok(&spec, "{\"name\": \"SECRET\", \"labels\": {\"SECRET\": \"SECRET\"}, \"dataset\": {\"uri\": \"file:SECRET\", \"format\": \"criteo\"}, "
                   "\"train\": {\"workers\": 3}, \"model\": {\"kind\": \"lr\"}}");
    recipe_of(&spec, &text);
    assert_null(strstr(bytes_text(&text), "SECRET"));
    assert_null(strstr(bytes_text(&text), "workers"));
    assert_null(strchr(bytes_text(&text), '\n'));
    spec_close(&spec);
    bytes_close(&text), bytes_close(&again);
}

static void spec_recipe_refuses_what_it_does_not_know(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"", "recipe"},
        {"[]", "must be an object"},
        {"{\"dataset\": {\"format\": \"criteo\"}}", "/model/kind is missing"},
        {"{\"dataset\": {\"format\": \"parquet\"}, \"model\": {\"kind\": \"lr\"}}", "/dataset/format \"parquet\" is not known"},
        {"{\"dataset\": {\"format\": \"criteo\", \"uri\": \"file:x\", \"magic\": 1}, \"model\": {\"kind\": \"lr\"}}", "/dataset/magic"},
        {"{\"dataset\": {\"format\": \"criteo\"}, \"model\": {\"kind\": \"lr\", \"hash_bits\": 99}}", "/model/hash_bits"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct spec spec;
        struct error err = {0};
        assert_int_equal(spec_recipe_read(&spec, rows[i].text, "a.safetensors", &toy_registry, &err), -ERROR_DATA);
        assert_error(&err, ERROR_DATA, "a.safetensors: ");
        assert_error(&err, ERROR_DATA, rows[i].part);
        assert_null(spec.labels);
    }
}

static void spec_load_names_file_and_line(void **state)
{
    (void)state;
    char dir[PATH_SIZE], path[PATH_SIZE], want[PATH_SIZE + 64];
    static const char text[] =
        "{\n  \"dataset\": {\"uri\": \"x\", \"format\": \"csv\"},\n  \"model\": {\n    \"kind\": \"lr\",\n    \"hash_bits\": 99\n  },\n"
        "  \"optimizer\": {\"lr\": -1}\n}\n";
    struct error err = {0};
    struct spec spec;
    assert_ok(path_join(path, test_dir(dir), "spec.json", &err), &err);
    test_write_file(path, text, sizeof text - 1);
    assert_int_equal(spec_load(&spec, &world_real, path, &toy_registry, &err), -ERROR_INVALID);
    snprintf(want, sizeof want, "%s:5: /model/hash_bits must be", path);
    assert_error(&err, ERROR_INVALID, want);
    snprintf(want, sizeof want, "\n%s:7: /optimizer/lr must be > 0", path);
    assert_error(&err, ERROR_INVALID, want);
    assert_string_equal(err.field, "/model/hash_bits");
    test_write_file(path, "{\"a\": 1,}", 9);
    error_clear(&err);
    assert_int_equal(spec_load(&spec, &world_real, path, &toy_registry, &err), -ERROR_MALFORMED);
    assert_error(&err, ERROR_MALFORMED, "line 1");
    error_clear(&err);
    assert_int_equal(spec_load(&spec, &world_real, dir, &toy_registry, &err), -ERROR_IO);
}

static int torture_read(const json_t *json)
{
    static struct faults faults;
    struct spec spec;
    struct error err = {0};
    faults.count = 0;
    int rc = spec_read(&spec, json, &toy_registry, &faults, &err);
    assert_true(rc == 0 || (!spec.labels && !spec.dataset.uri.list)); /* nothing to close */
    spec_close(&spec);
    return rc;
}

static int torture_write(const struct spec *spec)
{
    struct error err = {0};
    char digest[SHA256_HEX];
    json_t *json = spec_write(spec, &err);
    int rc = json ? spec_digest(spec, digest, &err) : -(int)err.code;
    json_decref(json);
    return rc;
}

static int torture_describe(void)
{
    json_t *kinds = registry_describe(&toy_registry), *schema = kinds ? spec_schema() : NULL;
    int rc = kinds && schema ? 0 : -ERROR_NOMEM;
    json_decref(kinds), json_decref(schema);
    return rc;
}

static void spec_survives_every_failed_allocation(void **state)
{
    (void)state;
    json_t *json = parse(full);
    struct spec spec;
    read_ok(&spec, full);
    for (int what = 0; what < 3; what++)
        for (unsigned k = 1;; k++) {
            mem_fail_after(k);
            int rc = what == 0 ? torture_read(json) : what == 1 ? torture_write(&spec) : torture_describe();
            bool fired = mem_fail_after(0);
            if (!fired) {
                assert_int_equal(rc, 0);
                assert_true(k > 10);
                break;
            }
            if (rc != -ERROR_NOMEM) fail_msg("scenario %d, allocation %u fails: got %d", what, k, rc);
        }
    spec_close(&spec);
    json_decref(json);
}

/* An optimizer of a group of tensors is there only when it is named, reads back as itself, and its faults point into its own object. */
static void groups_have_optimizers_on_request(void **state)
{
    (void)state;
    struct spec spec, back;
    struct error err = {0};
    struct faults faults = {0};
    json_t *json = json_loads("{\"dataset\": {\"uri\": \"a\", \"format\": \"criteo\"}, \"model\": {\"kind\": \"lr\"}, "
                              "\"optimizer\": {\"l2\": 0.25}, \"optimizer_wide\": {\"kind\": \"ftrl\", \"l1\": 0.5}}",
                              0, NULL);
    assert_ok(spec_read(&spec, json, &toy_registry, &faults, &err), &err);
    assert_string_equal(spec.chosen[SECTION_OPTIMIZER_WIDE].kind->name, "ftrl");
    assert_null(spec.chosen[SECTION_OPTIMIZER_DEEP].kind);
    assert_true(spec.penalty.l2 == 0.25 && spec.penalty_wide.l2 == 0);
    json_t *written = spec_write(&spec, &err);
    assert_non_null(json_object_get(written, "optimizer_wide"));
    assert_null(json_object_get(written, "optimizer_deep"));
    assert_ok(spec_read(&back, written, &toy_registry, &faults, &err), &err);
    assert_close(((struct toy_ftrl *)back.chosen[SECTION_OPTIMIZER_WIDE].params)->l1, 0.5, 0, 0);
    char with[SHA256_HEX], without[SHA256_HEX];
    assert_ok(spec_digest(&spec, with, &err), &err);
    spec_close(&spec), spec_close(&back);
    json_object_del(json, "optimizer_wide");
    assert_ok(spec_read(&spec, json, &toy_registry, &faults, &err), &err);
    assert_ok(spec_digest(&spec, without, &err), &err);
    assert_string_not_equal(with, without);
    spec_close(&spec);
    json_object_set_new(json, "optimizer_deep", json_pack("{s:s}", "kind", "adamm"));
    assert_true(spec_read(&spec, json, &toy_registry, &faults, &err) < 0);
    assert_error(&err, ERROR_INVALID, "/optimizer_deep/kind");
    json_object_set_new(json, "optimizer_deep", json_object());
    faults = (struct faults){0}, err = (struct error){0};
    assert_true(spec_read(&spec, json, &toy_registry, &faults, &err) < 0);
    assert_error(&err, ERROR_INVALID, "/optimizer_deep/kind is missing");
    json_decref(json), json_decref(written);
}

static void registry_and_schema_describe_everything(void **state)
{
    (void)state;
    json_t *kinds = registry_describe(&toy_registry), *schema = spec_schema();
    size_t named = 0;
    for (int s = 0; s < SECTIONS; s++) named += !sections[s].optional;
    assert_int_equal(json_object_size(kinds), named);
    for (int s = 0; s < SECTIONS; s++) {
        if (sections[s].optional) continue;
        const json_t *list = json_object_get(kinds, sections[s].name);
        size_t count = 0;
        while (toy_registry.kinds[s][count]) count++;
        assert_int_equal(json_array_size(list), count);
        for (size_t i = 0; i < count; i++)
            assert_string_equal(json_string_value(json_object_get(json_array_get(list, i), "name")), toy_registry.kinds[s][i]->name);
    }
    size_t options = 0;
    for (size_t i = 0; i < json_array_size(schema); i++) options += json_array_size(json_object_get(json_array_get(schema, i), "options"));
    assert_true(options > 25);
    json_decref(kinds), json_decref(schema);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(spec_fills_every_default),
    cmocka_unit_test(spec_reads_every_section),
    cmocka_unit_test(spec_short_forms),
    cmocka_unit_test(spec_write_then_read_changes_nothing),
    cmocka_unit_test(spec_own_option_hides_the_common_one),
    cmocka_unit_test(spec_reports_all_faults_at_once),
    cmocka_unit_test(spec_says_what_is_missing),
    cmocka_unit_test(spec_checks_fields_against_each_other),
    cmocka_unit_test(spec_refuses_bad_uris_and_labels),
    cmocka_unit_test(spec_knows_the_schemes_of_its_sources),
    cmocka_unit_test(spec_refuses_odd_uris_in_every_place),
    cmocka_unit_test(spec_is_settled_by_the_registry),
    cmocka_unit_test(spec_uri_paths),
    cmocka_unit_test(spec_digest_covers_the_bits_and_nothing_else),
    cmocka_unit_test(spec_recipe_gives_back_what_decides_the_bits),
    cmocka_unit_test(spec_recipe_refuses_what_it_does_not_know),
    cmocka_unit_test(spec_load_names_file_and_line),
    cmocka_unit_test(spec_survives_every_failed_allocation),
    cmocka_unit_test(groups_have_optimizers_on_request),
    cmocka_unit_test(registry_and_schema_describe_everything),
};
TEST_MAIN(tests)
