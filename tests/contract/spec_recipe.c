/* The specification: the part that decides the bits, as a digest and as a recipe. */
#include "contract/spec_fixture.h"

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

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(spec_digest_covers_the_bits_and_nothing_else),
    cmocka_unit_test(spec_recipe_gives_back_what_decides_the_bits),
    cmocka_unit_test(spec_recipe_refuses_what_it_does_not_know),
};
TEST_MAIN(tests)
