/* What dlrm refuses; its scores and gradients are gradient.c's matter. */
#include <string.h>

#include "base/kind.h"
#include "base/mem.h"
#include "engine/model/model.h"
#include "lib/test.h"

static void refuse(const char *options, uint32_t fields, const char *field, const char *part)
{
    static struct faults faults;
    struct error err = {0};
    void *params = mem_zero(model_dlrm.kind.params_size, NULL);
    struct option_set set = {model_dlrm.kind.options, params};
    json_t *json = json_read(options, strlen(options), "test", NULL);
    faults.count = 0;
    options_read(&set, 1, json, "/model", NULL, &faults);
    assert_int_equal(faults.count, 0);
    int rc = model_dlrm.check(params, (struct model_shape){.fields = fields}, &err);
    if (field) {
        assert_int_equal(rc, -ERROR_INVALID);
        assert_string_equal(err.field, field);
        assert_non_null(strstr(err.msg, part));
    } else assert_ok(rc, &err);
    json_decref(json);
    mem_free(params);
}

static void pairs_need_fields(void **state)
{
    (void)state;
    refuse("{}", 39, NULL, NULL);
    refuse("{\"numeric_fields\": 13}", 39, NULL, NULL);
    refuse("{}", 0, "/model/kind", "formats with fields");
    refuse("{}", 1, "/model/kind", "the data has one");
    refuse("{\"numeric_fields\": 1}", 2, NULL, NULL);
    refuse("{\"numeric_fields\": 39}", 39, "/model/numeric_fields", "39, got 39");
    refuse("{}", 362, NULL, NULL);
    refuse("{}", 363, "/model/kind", "65703 pairs");
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(pairs_need_fields)};
TEST_MAIN(tests)
