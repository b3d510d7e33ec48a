#include "base/hash.h"

#include <assert.h>
#include <inttypes.h>
#include <nettle/base64.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#undef sha256_init /* nettle calls its own one by our name */

uint64_t hash64(const void *data, size_t size, uint64_t seed) { return XXH3_64bits_withSeed(data, size, seed); }

struct hash128 hash128(const void *data, size_t size)
{
    XXH128_hash_t h = XXH3_128bits(data, size);
    return (struct hash128){h.low64, h.high64};
}

void hash128_hex(struct hash128 h, char out[33]) { snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, h.high, h.low); }

struct hash_stream *hash_stream_new(struct error *err)
{
    XXH3_state_t *state = XXH3_createState(); /* wants 64-byte alignment, so it allocates for itself */
    if (state) XXH3_128bits_reset(state);
    else error_set(err, ERROR_NOMEM, NULL, "cannot allocate %zu bytes", sizeof *state);
    return (struct hash_stream *)state;
}

void hash_stream_free(struct hash_stream *stream) { XXH3_freeState((XXH3_state_t *)stream); }

void hash_stream_add(struct hash_stream *stream, const void *data, size_t size) { XXH3_128bits_update((XXH3_state_t *)stream, data, size); }

struct hash128 hash_stream_peek(const struct hash_stream *stream)
{
    XXH128_hash_t h = XXH3_128bits_digest((const XXH3_state_t *)stream);
    return (struct hash128){h.low64, h.high64};
}

struct hash128 hash_stream_end(struct hash_stream *stream)
{
    struct hash128 h = hash_stream_peek(stream);
    XXH3_128bits_reset((XXH3_state_t *)stream);
    return h;
}

_Static_assert(sizeof(struct sha256_ctx) <= sizeof(struct sha256), "struct sha256 is too small");

void sha256_init(struct sha256 *h) { nettle_sha256_init((struct sha256_ctx *)h->state); }

void sha256_add(struct sha256 *h, const void *data, size_t size) { sha256_update((struct sha256_ctx *)h->state, size, data); }

void sha256_end(struct sha256 *h, uint8_t out[SHA256_SIZE]) { sha256_digest((struct sha256_ctx *)h->state, SHA256_SIZE, out); }

void sha256_of(const void *data, size_t size, uint8_t out[SHA256_SIZE])
{
    struct sha256 h;
    sha256_init(&h);
    sha256_add(&h, data, size);
    sha256_end(&h, out);
}

void hex_encode(const uint8_t *data, size_t size, char *out)
{
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = "0123456789abcdef"[data[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[data[i] & 15];
    }
    out[2 * size] = 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool hex_decode(const char *hex, uint8_t *out, size_t size)
{
    if (strlen(hex) != 2 * size) return false;
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void base64_encode(const uint8_t *data, size_t size, char *out, size_t out_size)
{
    size_t length = BASE64_ENCODE_RAW_LENGTH(size);
    assert(length < out_size);
    base64_encode_raw(out, size, data);
    out[length] = 0;
}

bool secret_equal(const char *a, const char *b)
{
    uint8_t x[SHA256_SIZE], y[SHA256_SIZE];
    sha256_of(a, strlen(a), x);
    sha256_of(b, strlen(b), y);
    return memeql_sec(x, y, sizeof x) != 0;
}
