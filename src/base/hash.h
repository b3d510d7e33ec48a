/* Hashes: XXH3 for speed (features, checksums), SHA-256 for identity (checkpoints, digests). Home of xxhash and nettle. */
#ifndef TRAINYARD_BASE_HASH_H
#define TRAINYARD_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

uint64_t hash64(const void *data, size_t size, uint64_t seed); /* XXH3 64 */

struct hash128 {
    uint64_t low, high;
};
struct hash128 hash128(const void *data, size_t size);
void hash128_hex(struct hash128 h, char out[33]);

/* hash_stream: hash128 of bytes that come in pieces of any size. hash_stream_end gives the hash and starts anew; hash_stream_peek: that of the bytes
 * so far, to which more may come. */
struct hash_stream;
struct hash_stream *hash_stream_new(struct error *err);
void hash_stream_free(struct hash_stream *stream); /* NULL is fine */
void hash_stream_add(struct hash_stream *stream, const void *data, size_t size);
struct hash128 hash_stream_peek(const struct hash_stream *stream);
struct hash128 hash_stream_end(struct hash_stream *stream);

/* hash_mix: a cheap 64-bit finaliser of integers (splitmix64); for row-keyed decisions and tables. */
static inline uint64_t hash_mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

enum { SHA256_SIZE = 32, SHA256_HEX = 65 };
struct sha256 {
    _Alignas(16) unsigned char state[128]; /* nettle's; checked at compile time */
};
void sha256_init(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *data, size_t size);
void sha256_end(struct sha256 *h, uint8_t out[SHA256_SIZE]);
void sha256_of(const void *data, size_t size, uint8_t out[SHA256_SIZE]);
void hex_encode(const uint8_t *data, size_t size, char *out);                     /* out: 2*size + 1 */
bool hex_decode(const char *hex, uint8_t *out, size_t size);                      /* exactly 2*size digits */
void base64_encode(const uint8_t *data, size_t size, char *out, size_t out_size); /* out_size: more than 4 * ((size + 2) / 3) */

/* secret_equal: constant-time compare of two strings (tokens). */
bool secret_equal(const char *a, const char *b);

#endif
