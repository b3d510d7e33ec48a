/* What the parts of a spec must agree on: the columns and files of a split. */
#include "engine/train/settle.h"

#include <stdio.h>
#include <string.h>

#include "cli/registries.h"
#include "lib/test.h"

/* Reads a spec with that dataset's rest and that split (single quotes for double ones); 0, or 1 and the first fault. */
static int read_spec(struct spec *spec, const char *dataset, const char *split, struct fault *fault)
{
    char text[1024];
    struct faults faults = {0};
    struct error err = {0};
    int n = snprintf(text, sizeof text, "{'dataset': {'uri': 'a', 'format': 'libsvm'%s}, 'model': {'kind': 'lr'}, 'split': {%s}}", dataset, split);
    for (char *c = text; *c; c++)
        if (*c == '\'') *c = '"';
    json_t *json = json_read(text, (size_t)n, "spec", &err);
    assert_non_null(json);
    int rc = spec_read(spec, json, &registry_all, &faults, &err);
    json_decref(json);
    if (rc == 0) return 0;
    *fault = faults.list[0];
    return 1;
}

static void refused(const char *dataset, const char *split, const char *pointer, const char *part)
{
    struct spec spec;
    struct fault fault;
    assert_int_equal(read_spec(&spec, dataset, split, &fault), 1);
    assert_string_equal(fault.pointer, pointer);
    if (!strstr(fault.detail, part)) fail_msg("%s is not in: %s", part, fault.detail);
}

static void a_split_may_name_the_column_itself(void **state)
{
    (void)state;
    struct spec spec;
    struct fault fault;
    assert_int_equal(read_spec(&spec, "", "'kind': 'group', 'column': 'user'", &fault), 0);
    assert_string_equal(spec.dataset.group, "user");
    spec_close(&spec);
    assert_int_equal(read_spec(&spec, ", 'group': 'user'", "'kind': 'group', 'column': 'user'", &fault), 0);
    spec_close(&spec);
    assert_int_equal(read_spec(&spec, ", 'group': 'user'", "'kind': 'kfold', 'by': 'group'", &fault), 0);
    spec_close(&spec);
    refused(", 'group': 'session'", "'kind': 'group', 'column': 'user'", "/split/column", "names \"user\", but dataset.group names \"session\"");
    refused("", "'kind': 'group'", "/dataset/group", "is missing: split.kind \"group\" cuts by group");
    refused("", "'kind': 'kfold', 'by': 'group'", "/dataset/group", "split.kind \"kfold\"");
    assert_int_equal(read_spec(&spec, "", "'kind': 'kfold'", &fault), 0);
    assert_string_equal(spec.dataset.group, "");
    spec_close(&spec);
}

static void files_go_with_the_kind_that_takes_them(void **state)
{
    (void)state;
    struct spec spec;
    struct fault fault;
    assert_int_equal(read_spec(&spec, "", "'kind': 'predefined', 'test_uri': ['b', 'c']", &fault), 0);
    spec_close(&spec);
    assert_int_equal(read_spec(&spec, "", "'kind': 'predefined', 'validation_uri': 'b'", &fault), 0);
    spec_close(&spec);
    refused("", "'kind': 'predefined'", "/split/test_uri", "is missing: split.kind \"predefined\"");
    refused("", "'kind': 'holdout', 'test_uri': 'b'", "/split/test_uri", "is not for split.kind \"holdout\"");
    refused("", "'validation_uri': 'b'", "/split/validation_uri", "is not for split.kind");
}

static void a_split_refuses_its_own_contradictions(void **state)
{
    (void)state;
    refused("", "'kind': 'sequential', 'test_from': 3, 'test_fraction': 0.1", "/split/test_fraction", "cannot stand beside");
}

/* Told at once, by `validate` and the service too, and not when the data have been read. */
static void an_ensemble_wants_folds_that_fit_together(void **state)
{
    (void)state;
    struct spec spec;
    struct fault fault;
    refused("", "'kind': 'holdout'}, 'ensemble': {'kind': 'mean'", "/ensemble/kind", "split.kind \"holdout\" trains one");
    refused("", "'kind': 'kfold', 'validation_fraction': 0.1}, 'calibration': {'kind': 'platt'}, 'ensemble': {'kind': 'weight_average'",
            "/calibration/kind", "cannot be \"platt\" beside ensemble \"weight_average\"");
    const char *good =
        "'kind': 'kfold', 'test_fraction': 0.1, 'validation_fraction': 0.1}, 'calibration': {'kind': 'platt'}, 'ensemble': {'kind': 'mean'";
    assert_int_equal(read_spec(&spec, "", good, &fault), 0);
    spec_close(&spec);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_split_may_name_the_column_itself),
    cmocka_unit_test(files_go_with_the_kind_that_takes_them),
    cmocka_unit_test(a_split_refuses_its_own_contradictions),
    cmocka_unit_test(an_ensemble_wants_folds_that_fit_together),
};
TEST_MAIN(tests)
