/* The specification: defaults, every section, writing, files, descriptions. */
#include "contract/spec_fixture.h"

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
    cmocka_unit_test(spec_load_names_file_and_line),
    cmocka_unit_test(spec_survives_every_failed_allocation),
    cmocka_unit_test(groups_have_optimizers_on_request),
    cmocka_unit_test(registry_and_schema_describe_everything),
};
TEST_MAIN(tests)
