/* What the parts of a spec must agree on: the columns and files of a split. */
#include "engine/train/settle.h"

#include <stdio.h>
#include <string.h>

#include "cli/registries.h"
#include "lib/test.h"

static const char *model_of_spec = "lr";

/* Reads a spec with that dataset's rest and that split (single quotes for double ones); 0, or 1 and the first fault. */
static int read_spec(struct spec *spec, const char *dataset, const char *split, struct fault *fault)
{
    char text[1024];
    struct faults faults = {0};
    struct error err = {0};
    int n = snprintf(text, sizeof text, "{'dataset': {'uri': 'a', 'format': 'csv'%s}, 'model': {'kind': '%s'}, 'split': {%s}}", dataset,
                     model_of_spec, split);
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

/* What the format can tell is told beside all else, to whoever reads a spec: run, validate and the service alike. */
static void the_data_is_checked_beside_all_else(void **state)
{
    (void)state;
    static const char text[] = "{\"dataset\": {\"uri\": \"a\", \"format\": \"csv\", \"delimiter\": \"||\", \"schema\": {\"x\": \"numerik\", \"y\": "
                               "\"quantile(1)\"}}, \"features\": {\"crosses\": [[\"tags\", \"tags\"]]}, \"model\": {\"kind\": \"lr\"}, "
                               "\"optimizer\": {\"lr\": -1}, \"evaluate\": {\"slices\": [\"a\", \"a\"]}}";
    static const char *const want[] = {"/optimizer/lr",     "/dataset/delimiter",  "/dataset/schema/x",
                                       "/dataset/schema/y", "/features/crosses/0", "/evaluate/slices/1"};
    struct spec spec;
    struct faults faults = {0};
    struct error err = {0};
    json_t *json = json_read(text, sizeof text - 1, "spec", &err);
    assert_true(spec_read(&spec, json, &registry_all, &faults, &err) < 0);
    json_decref(json);
    assert_int_equal(faults.count, sizeof want / sizeof *want);
    for (size_t i = 0; i < faults.count; i++) assert_string_equal(faults.list[i].pointer, want[i]);
}

/* A loss that is none is a fault as any other, also beside a model that has one of its own. */
static void a_loss_that_is_unknown_is_a_fault(void **state)
{
    (void)state;
    static const char *const losses[] = {"\"nosuch\"", "{\"kind\": \"huber\"}", "7"};
    for (size_t i = 0; i < 6; i++) {
        struct spec spec;
        struct faults faults = {0};
        struct error err = {0};
        char text[256];
        int n = snprintf(text, sizeof text,
                         "{\"dataset\": {\"uri\": \"a\", \"format\": \"csv\"}, \"model\": {\"kind\": \"%s\"}, \"train\": {\"loss\": %s}}",
                         i < 3 ? "lr" : "linear", losses[i % 3]);
        json_t *json = json_read(text, (size_t)n, "spec", &err);
        assert_true(spec_read(&spec, json, &registry_all, &faults, &err) < 0);
        json_decref(json);
        assert_true(faults.count >= 1);
        assert_true(strncmp(faults.list[0].pointer, "/train/loss", 11) == 0);
    }
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

/* The loss that a model names is written down; what is for labels 0 and 1 alone is refused beside another. */
static void the_loss_decides_what_may_stand_beside_it(void **state)
{
    (void)state;
    static const char *const own[][3] = {{"lr", "logistic", "logloss"},
                                         {"fm", "logistic", "logloss"},
                                         {"linear", "squared", "rmse"},
                                         {"poisson", "poisson", "deviance"},
                                         {"softmax", "softmax", "logloss"}};
    static const char *const bad[][3] = {
        {"'kind': 'stratified'", "/split/kind", "is not for loss \"squared\": it keeps the shares of labels 0 and 1"},
        {"'kind': 'kfold', 'by': 'label'", "/split/kind", "keeps the shares"},
        {"'kind': 'none'}, 'train': {'positive_weight': 2", "/train/positive_weight", "weighs rows of label 1"},
        {"'kind': 'none'}, 'train': {'negative_rate': 0.5", "/train/negative_rate", "passes over rows of label 0"},
        {"'kind': 'none'}, 'train': {'label_smoothing': 0.1", "/train/label_smoothing", "spreads labels"},
        {"'validation_fraction': 0.1}, 'calibration': {'kind': 'platt'", "/calibration/kind", "maps probabilities"},
        {"'kind': 'none'}, 'evaluate': {'slices': ['a']", "/evaluate/slices", "gives AUC"},
        {"'kind': 'none'}, 'evaluate': {'bootstrap': 20", "/evaluate/bootstrap", "draws rows"},
        {"'kind': 'none'}, 'train': {'early_stopping': {'metric': 'auc'}", "/train/early_stopping/metric",
         "\"auc\" does not judge labels of loss \"squared\""},
        {"'kind': 'none'}, 'train': {'loss': 'softmax'", "/train/loss",
         "wants an output a class, and model \"linear\" has one a row; use model \"softmax\""}};
    struct spec spec;
    struct fault fault;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        model_of_spec = own[i][0];
        assert_int_equal(read_spec(&spec, "", "'kind': 'none'", &fault), 0);
        assert_string_equal(spec.chosen[SECTION_LOSS].kind->name, own[i][1]);
        assert_string_equal(spec_metrics[spec.train.early_stopping_metric], own[i][2]);
        spec_close(&spec);
    }
    model_of_spec = "linear";
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) refused("", bad[i][0], bad[i][1], bad[i][2]);
    model_of_spec = "softmax";
    refused("", "'kind': 'none'}, 'train': {'loss': 'logistic'", "/train/loss", "is of one output a row, and model \"softmax\" has one a class");
    model_of_spec = "fm";
    assert_int_equal(read_spec(&spec, "", "'kind': 'none'}, 'train': {'loss': 'squared'", &fault), 0);
    spec_close(&spec);
    model_of_spec = "lr";
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
    refused("", "'kind': 'kfold'}, 'ensemble': {'kind': 'mean'", "/split/test_fraction", "must be > 0: ensemble \"mean\"");
    model_of_spec = "lr', 'embedding': 'vocabulary";
    refused("", "'kind': 'kfold'}, 'ensemble': {'kind': 'weight_average'", "/ensemble/kind", "averages rows of one number");
    model_of_spec = "lr";
    assert_int_equal(read_spec(&spec, "", "'kind': 'kfold'}, 'ensemble': {'kind': 'weight_average'", &fault), 0);
    spec_close(&spec);
    const char *good =
        "'kind': 'kfold', 'test_fraction': 0.1, 'validation_fraction': 0.1}, 'calibration': {'kind': 'platt'}, 'ensemble': {'kind': 'mean'";
    assert_int_equal(read_spec(&spec, "", good, &fault), 0);
    spec_close(&spec);
}

static void what_needs_a_validation_side_is_refused_without_one(void **state)
{
    (void)state;
    static const char *const without[][2] = {
        {"'kind': 'holdout'", "/split/validation_fraction"},
        {"'kind': 'stratified'", "/split/validation_fraction"},
        {"'kind': 'group', 'column': 'user'", "/split/validation_fraction"},
        {"'kind': 'kfold'", "/split/validation_fraction"},
        {"'kind': 'sequential', 'test_fraction': 0.1", "/split/validation_fraction"},
        {"'kind': 'time', 'column': 't', 'test_from': '7'", "/split/validation_from"},
        {"'kind': 'round_robin'", "/split/validation_side"},
        {"'kind': 'predefined', 'test_uri': 'b'", "/split/validation_uri"},
        {"'kind': 'none'", "/split/kind"},
    };
    static const char *const with[] = {
        "'kind': 'holdout', 'validation_fraction': 0.1",
        "'kind': 'stratified', 'validation_fraction': 0.1",
        "'kind': 'group', 'column': 'user', 'validation_fraction': 0.1",
        "'kind': 'kfold', 'validation_fraction': 0.1",
        "'kind': 'sequential', 'validation_fraction': 0.1",
        "'kind': 'sequential', 'validation_from': 9",
        "'kind': 'time', 'column': 't', 'validation_from': '7'",
        "'kind': 'round_robin', 'validation_side': 1",
        "'kind': 'predefined', 'validation_uri': 'b'",
    };
    static const char *const wants[][2] = {{"'calibration': {'kind': 'platt'", "calibration \"platt\""},
                                           {"'train': {'early_stopping': {'patience': 2}", "early stopping needs a validation side"}};
    struct spec spec;
    struct fault fault;
    char text[512];
    for (size_t w = 0; w < 2; w++) {
        for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
            snprintf(text, sizeof text, "%s}, %s", without[i][0], wants[w][0]);
            refused("", text, without[i][1], wants[w][1]);
        }
        for (size_t i = 0; i < sizeof with / sizeof *with; i++) {
            snprintf(text, sizeof text, "%s}, %s", with[i], wants[w][0]);
            if (read_spec(&spec, "", text, &fault) != 0) fail_msg("%s: %s %s", text, fault.pointer, fault.detail);
            spec_close(&spec);
        }
    }
}

/* nag is for weights of features: hidden layers are refused to it, whichever section names it, and frozen ones do not matter. */
static void an_optimizer_of_features_learns_no_layers(void **state)
{
    (void)state;
    struct spec spec;
    struct fault fault;
#define NAG "'kind': 'holdout'}, 'optimizer': {'kind': 'nag'"
    model_of_spec = "fm";
    assert_int_equal(read_spec(&spec, "", NAG, &fault), 0);
    spec_close(&spec);
    model_of_spec = "deepfm";
    refused("", NAG, "/optimizer_deep", "is missing: optimizer nag divides a gradient by the greatest value of its feature so far");
    refused("", "'kind': 'holdout'}, 'optimizer_deep': {'kind': 'nag'", "/optimizer_deep/kind", "cannot be nag, which divides");
    assert_int_equal(read_spec(&spec, "", NAG "}, 'optimizer_deep': {'kind': 'adam'", &fault), 0);
    spec_close(&spec);
    assert_int_equal(read_spec(&spec, "", NAG "}, 'warm_start': {'checkpoint': 'a', 'freeze': 'deep'", &fault), 0);
    spec_close(&spec);
    model_of_spec = "lr";
}

/* One row has no variance: where batch norm is, a shard has two. */
static void batch_norm_wants_two_rows_a_shard(void **state)
{
    (void)state;
    struct spec spec;
    struct fault fault;
#define SHARDED(rows, shards) "'kind': 'holdout'}, 'train': {'batch_size': " rows ", 'shards': " shards
    static const char *const families[] = {"mlp", "wide_deep", "deepfm", "dcn_v2", "dlrm"};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        char model[64];
        snprintf(model, sizeof model, "%s', 'batch_norm': true, 'activation': 'relu", families[i]);
        model_of_spec = model;
        refused("", SHARDED("8", "8"), "/train/batch_size", "of 8 rows over 8 shards leaves shards of one row");
        refused("", SHARDED("15", "8"), "/train/batch_size", "set it to 16 or more, or lower train.shards");
        assert_int_equal(read_spec(&spec, "", SHARDED("16", "8"), &fault), 0);
        spec_close(&spec);
    }
    model_of_spec = "mlp";
    assert_int_equal(read_spec(&spec, "", SHARDED("8", "8"), &fault), 0);
    spec_close(&spec);
    model_of_spec = "lr";
}

/* What would have no effect is no wish. */
static void options_without_effect_are_refused(void **state)
{
    (void)state;
    struct spec spec;
    struct fault fault;
#define DEEP_ADAM "'kind': 'holdout'}, 'optimizer_deep': {'kind': 'adam'"
    refused("", DEEP_ADAM, "/optimizer_deep", "is for dense layers, and model \"lr\" has none; leave it out");
    model_of_spec = "mlp";
    assert_int_equal(read_spec(&spec, "", DEEP_ADAM, &fault), 0);
    spec_close(&spec);
    static const char *const embeddings[] = {"hashed", "vocabulary", "qr"};
    for (size_t i = 0; i < 3; i++) {
        char model[96];
        snprintf(model, sizeof model, "fm', 'embedding': {'kind': '%s', 'remainder_bits': 3}, 'table_dtype': 'fp32", embeddings[i]);
        model_of_spec = model;
        if (i < 2) refused("", "'kind': 'holdout'", "/model/embedding/remainder_bits", "is of embedding \"qr\" alone");
        else {
            assert_int_equal(read_spec(&spec, "", "'kind': 'holdout'", &fault), 0);
            spec_close(&spec);
        }
    }
    model_of_spec = "fm', 'embedding': {'kind': 'hashed', 'remainder_bits': 2}, 'table_dtype': 'fp32"; /* as the resolved form has it */
    assert_int_equal(read_spec(&spec, "", "'kind': 'holdout'", &fault), 0);
    spec_close(&spec);
    model_of_spec = "lr";
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_split_may_name_the_column_itself),        cmocka_unit_test(a_loss_that_is_unknown_is_a_fault),
    cmocka_unit_test(the_data_is_checked_beside_all_else),       cmocka_unit_test(files_go_with_the_kind_that_takes_them),
    cmocka_unit_test(the_loss_decides_what_may_stand_beside_it), cmocka_unit_test(a_split_refuses_its_own_contradictions),
    cmocka_unit_test(an_ensemble_wants_folds_that_fit_together), cmocka_unit_test(what_needs_a_validation_side_is_refused_without_one),
    cmocka_unit_test(an_optimizer_of_features_learns_no_layers), cmocka_unit_test(batch_norm_wants_two_rows_a_shard),
    cmocka_unit_test(options_without_effect_are_refused),
};
TEST_MAIN(tests)
