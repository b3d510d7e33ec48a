/* test: threads */
/* A model that reads fields by their values is given no categories, whose values are all 1, of whatever format they come. */
#include "lib/test.h"

#include <stdio.h>

#include "base/bytes.h"
#include "lib/job_kit.h"

static char root[PATH_SIZE];

enum { ROWS = 400 };

static void write_log(const char *name, const char *head, const char *format) /* of label, three numbers and a word */
{
    char path[PATH_SIZE];
    struct bytes text;
    bytes_init(&text, 1 << 20);
    assert_int_equal(bytes_printf(&text, NULL, "%s", head), 0);
    for (int i = 0; i < ROWS; i++) {
        char line[256];
        snprintf(line, sizeof line, format, i % 3 == 0, i % 7, i % 2, (i * 5) % 11, i % 4);
        assert_int_equal(bytes_printf(&text, NULL, "%s\n", line), 0);
    }
    snprintf(path, sizeof path, "%.*s/%s", 3000, root, name);
    test_write_file(path, text.data, text.size);
    bytes_close(&text);
}

/* NULL: it runs. */
static void run(const char *dataset, int numbers, const char *part)
{
    static int runs;
    char spec[1024], dir[16];
    const struct job_kit kit = {.root = root, .world = &world_real, .workers = 1};
    struct run_result result;
    struct error err;
    snprintf(dir, sizeof dir, "run%d", runs++);
    snprintf(spec, sizeof spec,
             "{'dataset': {%s}, 'model': {'kind': 'dlrm', 'hash_bits': 10, 'embedding_dim': 4, 'hidden': [4], 'bottom': [4], 'numeric_fields': %d}}",
             dataset, numbers);
    int rc = job_kit_run(&kit, spec, dir, &result, &err);
    if (!part) {
        assert_ok(rc, &err);
        return;
    }
    assert_int_equal(rc, -ERROR_INVALID);
    assert_string_equal(err.field, "/model/numeric_fields");
    assert_error(&err, ERROR_INVALID, part);
}

#define CSV(schema) "'uri': '%s/log.csv', 'format': 'csv', 'schema': {" schema "}"

static void categories_are_no_numbers(void **state)
{
    (void)state;
    write_log("log.csv", "label,a,b,c,word\n", "%d,%d,%d,%d,w%d");
    run(CSV("'a': 'numeric', 'b': 'numeric', 'c': 'normalised'"), 3, NULL);
    run(CSV("'a': 'numeric', 'b': 'numeric'"), 2, NULL);
    run(CSV("'a': 'numeric'"), 3, "3 of the first fields are to be numbers, but field \"b\" holds categories");
    run(CSV("'a': 'numeric'"), 3, "set model.numeric_fields to 1 (the fields before it)");
    run(CSV("'word': 'categorical'"), 2, "field \"a\" holds categories, whose values are all 1");
    run(CSV("'a': 'numeric', 'b': 'numeric', 'c': 'quantile(4)'"), 3, "field \"c\" holds categories");
    run(CSV("'a': 'numeric', 'b': 'numeric', 'c': 'log'"), 3, "field \"c\" holds categories");
    run(CSV("'a': 'numeric'"), 0, NULL);
}

static void integers_of_criteo_are_categories(void **state)
{
    (void)state;
    write_log("log.tsv", "",
              "%d\t%d\t%d\t%d"
              "\t3\t4\t5\t6\t7\t8\t9\t10\t11\t12"
              "\tw%d"
              "\ta\ta\ta\ta\ta\ta\ta\ta\ta\ta\ta\ta\ta\ta\ta\ta\ta\ta\ta\ta\ta\ta\ta\ta\ta");
    run("'uri': '%s/log.tsv', 'format': 'criteo'", 13, "field \"I1\" holds categories");
    run("'uri': '%s/log.tsv', 'format': 'criteo'", 13, "criteo makes categories of its integers");
    run("'uri': '%s/log.tsv', 'format': 'criteo'", 0, NULL);
    run("'uri': '%s/log.tsv', 'format': 'tsv', 'header': false, 'schema': {'1-13': 'numeric'}", 13, NULL);
}

static void values_of_other_formats_tell(void **state)
{
    (void)state;
    write_log("log.ffm", "", "%d 0:1:%d 1:2:%d 2:3:%d 3:%d:1");
    run("'uri': '%s/log.ffm', 'format': 'libffm'", 3, NULL);
    run("'uri': '%s/log.ffm', 'format': 'libffm'", 2, NULL);
    write_log("words.ffm", "", "%d 0:1:%d 1:%d:1 2:3:%d 3:%d:1");
    run("'uri': '%s/words.ffm', 'format': 'libffm'", 3, "field \"1\" holds categories");
}

static int make_root(void **state)
{
    (void)state;
    test_dir(root);
    return 0;
}

static const struct CMUnitTest tests[] = {cmocka_unit_test_setup(categories_are_no_numbers, make_root),
                                          cmocka_unit_test_setup(integers_of_criteo_are_categories, make_root),
                                          cmocka_unit_test_setup(values_of_other_formats_tell, make_root)};
TEST_MAIN(tests)
