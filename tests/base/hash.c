#include "base/hash.h"
#include "lib/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void sha256_known_answers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hex;
    } rows[] = {/* FIPS 180-4's examples */
                {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
                {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
                {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t digest[SHA256_SIZE], pieces[SHA256_SIZE];
        char hex[SHA256_HEX];
        struct sha256 h;
        sha256_of(rows[i].text, strlen(rows[i].text), digest);
        hex_encode(digest, sizeof digest, hex);
        assert_string_equal(hex, rows[i].hex);
        sha256_init(&h);
        for (const char *c = rows[i].text; *c; c++) sha256_add(&h, c, 1);
        sha256_end(&h, pieces);
        assert_memory_equal(pieces, digest, sizeof digest);
    }
}

/* As FIPS 180-4 has it, too: long enough for whatever takes many blocks at a time. */
static void sha256_of_a_million_letters(void **state)
{
    (void)state;
    enum { MILLION = 1000000 };
    uint8_t digest[SHA256_SIZE];
    char hex[SHA256_HEX], *letters = malloc(MILLION);
    assert_non_null(letters);
    memset(letters, 'a', MILLION);
    sha256_of(letters, MILLION, digest);
    hex_encode(digest, sizeof digest, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    struct sha256 h;
    sha256_init(&h);
    for (size_t at = 0, n; at < MILLION; at += n) {
        n = at % 997 + 1 < MILLION - at ? at % 997 + 1 : MILLION - at;
        sha256_add(&h, letters + at, n);
    }
    uint8_t pieces[SHA256_SIZE];
    sha256_end(&h, pieces);
    assert_memory_equal(pieces, digest, sizeof digest);
    free(letters);
}

static void hash64_known_answers(void **state)
{
    (void)state;
    assert_true(hash64("", 0, 0) == UINT64_C(0x2d06800538d394c2)); /* XXH3_64bits of nothing, from xxHash's own tests */
    assert_true(hash64("a", 1, 0) != hash64("a", 1, 1) && hash64("a", 1, 0) != hash64("b", 1, 0));
    char hex[33];
    hash128_hex(hash128("", 0), hex);
    assert_string_equal(hex, "99aa06d3014798d86001c324468d497f"); /* XXH3_128bits of nothing */
}

static void hash_stream_is_hash128_of_the_whole(void **state)
{
    (void)state;
    struct error err = {0};
    char data[1000];
    struct hash_stream *stream = hash_stream_new(&err);
    assert_ok(stream ? 0 : -1, &err);
    for (size_t i = 0; i < sizeof data; i++) data[i] = (char)(i * 7);
    for (size_t piece = 1; piece <= sizeof data; piece += 37) {
        for (size_t at = 0; at < sizeof data; at += piece) hash_stream_add(stream, data + at, sizeof data - at < piece ? sizeof data - at : piece);
        struct hash128 whole = hash128(data, sizeof data), parts = hash_stream_end(stream);
        assert_true(whole.low == parts.low && whole.high == parts.high);
    }
    hash_stream_free(stream);
    hash_stream_free(NULL);
}

static void hash_mix_has_no_collisions_nearby(void **state)
{
    (void)state;
    assert_true(hash_mix(0) == UINT64_C(0xe220a8397b1dcdaf)); /* splitmix64's first output for seed 0 */
    for (uint64_t bit = 0; bit < 64; bit++) assert_true(__builtin_popcountll(hash_mix(1) ^ hash_mix(1 ^ UINT64_C(1) << bit)) > 10);
}

static void hex_goes_both_ways(void **state)
{
    (void)state;
    uint8_t bytes[3] = {0, 0x7f, 0xff}, back[3];
    char hex[7], base64[8];
    hex_encode(bytes, 3, hex);
    assert_string_equal(hex, "007fff");
    assert_true(hex_decode("007FfF", back, 3));
    assert_memory_equal(bytes, back, 3);
    assert_false(hex_decode("007ff", back, 3) || hex_decode("007fff0", back, 3) || hex_decode("00 fff", back, 3) || hex_decode("g07fff", back, 3));
    base64_encode(bytes, 3, base64, sizeof base64);
    assert_string_equal(base64, "AH//");
}

static void secrets_compare(void **state)
{
    (void)state;
    assert_true(secret_equal("token", "token") && secret_equal("", ""));
    assert_false(secret_equal("token", "tokem") || secret_equal("token", "toke") || secret_equal("", "t"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(sha256_known_answers),
    cmocka_unit_test(sha256_of_a_million_letters),
    cmocka_unit_test(hash64_known_answers),
    cmocka_unit_test(hash_stream_is_hash128_of_the_whole),
    cmocka_unit_test(hash_mix_has_no_collisions_nearby),
    cmocka_unit_test(hex_goes_both_ways),
    cmocka_unit_test(secrets_compare),
};
TEST_MAIN(tests)
