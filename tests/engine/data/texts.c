/* Keys back to texts: every value of every format's samples is found again, within the bytes that may be read, and a source that has gone is said so.
 */
#include "engine/data/texts.h"
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "lib/data_kit.h"

static char root[PATH_SIZE], path[PATH_SIZE], cache[PATH_SIZE];

#define LONG_NAME "a site's name that is much longer" /* 33 bytes */
static const char text[] = "click,site,n\n1,alpha,3\n0,\"be,ta\",4\nbroken\n0,,3\n1,\"tab\there\",5\n0,alpha,6\n"
                           "1," LONG_NAME ",7\n0," LONG_NAME LONG_NAME ",8\n";

static int setup(void **state)
{
    (void)state;
    test_dir(root);
    snprintf(path, sizeof path, "%.*s/clicks.csv", 3000, root);
    snprintf(cache, sizeof cache, "%.*s/cache", 3000, root);
    test_write_file(path, text, sizeof text - 1);
    return 0;
}

/* The csv format with click as its label, on the file of this test; the caller frees config.format_params. */
static struct dataset_config config_of(char **uri)
{
    const struct kind *csv = kind_find((const struct kind *const *)formats, "csv");
    void *params = mem_zero(csv->params_size, NULL);
    static struct faults faults;
    struct error err = {0};
    json_t *options = json_read("{\"label\": \"click\"}", 18, "options", &err);
    options_read(&(struct option_set){csv->options, params}, 1, options, "", NULL, &faults);
    json_decref(options);
    *uri = path;
    return (struct dataset_config){.world = kit_world(), .uris = uri, .uri_count = 1, .format = csv, .format_params = params, .hash_seed = 9};
}

/* The key of row `row`'s feature of a field, as the cache has it. */
static uint32_t key_at(size_t row, size_t field)
{
    struct error err = {0};
    struct kit kit = {.format = "csv", .options = "{\"label\": \"click\"}", .path = path, .cache = cache, .hash_seed = 9, .max_bad_rows = 1};
    struct dataset *d = kit_open(&kit, &err);
    struct block block = {0};
    assert_non_null(d);
    assert_ok(dataset_read_block(d, 0, &block, &err), &err);
    uint32_t key = block.batch.keys[block.batch.offsets[row] + field];
    block_close(&block);
    dataset_free(d);
    return key;
}

static void values_have_their_texts(void **state)
{
    (void)state;
    struct error err = {0};
    char *uri;
    struct dataset_config config = config_of(&uri);
    struct value_text wanted[] = {{.field = 0, .key = key_at(0, 0)}, {.field = 0, .key = key_at(1, 0)}, {.field = 0, .key = key_at(2, 0)},
                                  {.field = 0, .key = key_at(3, 0)}, {.field = 1, .key = key_at(4, 1)}, {.field = 0, .key = key_at(0, 0) ^ 1},
                                  {.field = 1, .key = key_at(0, 0)}, {.field = 0, .key = key_at(5, 0)}, {.field = 0, .key = key_at(6, 0)}};
    static const char *const want[] = {"alpha", "be,ta", "", "tab\\x09here", "6"};
    assert_ok(texts_find(&config, 2, wanted, 9, UINT64_MAX, &err), &err);
    for (size_t i = 0; i < 5; i++) {
        assert_true(wanted[i].found);
        assert_string_equal(wanted[i].text, want[i]);
    }
    assert_false(wanted[5].found); /* no such key */
    assert_false(wanted[6].found); /* another field's */
    assert_string_equal(wanted[7].text, LONG_NAME);
    assert_memory_equal(wanted[8].text, LONG_NAME LONG_NAME, 56);
    assert_string_equal(wanted[8].text + strlen(wanted[8].text) - 3, "...");
    mem_free((void *)(uintptr_t)config.format_params);
}

/* What lies behind the limit stays unknown; what is known already is not looked for again. */
static void reading_ends_at_its_limit(void **state)
{
    (void)state;
    struct error err = {0};
    char *uri;
    struct dataset_config config = config_of(&uri);
    struct value_text wanted[] = {{.field = 0, .key = key_at(0, 0)}, {.field = 1, .key = key_at(4, 1)}};
    config.chunk_bytes = 16;
    config.line_bytes_max = 64;
    assert_ok(texts_find(&config, 2, wanted, 2, 30, &err), &err);
    assert_true(wanted[0].found);
    assert_false(wanted[1].found);
    assert_ok(texts_find(&config, 2, wanted, 2, UINT64_MAX, &err), &err);
    assert_true(wanted[1].found);
    mem_free((void *)(uintptr_t)config.format_params);
}

static void source_that_is_gone_is_said(void **state)
{
    (void)state;
    struct error err = {0};
    char *uri, missing[] = "/nowhere/clicks.csv", *gone = missing;
    struct dataset_config config = config_of(&uri);
    struct value_text wanted[] = {{.field = 0, .key = 1}};
    config.uris = &gone;
    assert_true(texts_find(&config, 2, wanted, 1, UINT64_MAX, &err) < 0);
    assert_error(&err, ERROR_DATA, "/nowhere/clicks.csv");
    mem_free((void *)(uintptr_t)config.format_params);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(values_have_their_texts), cmocka_unit_test(reading_ends_at_its_limit),
                                          cmocka_unit_test(source_that_is_gone_is_said)};

int main(int argc, char **argv)
{
    setup(NULL);
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
