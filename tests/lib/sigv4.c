#include "lib/sigv4.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/hash.h"

enum { BLOCK = 64, TEXT = 16384 };

static void hmac(const void *key, size_t key_size, const char *text, size_t size, uint8_t out[SHA256_SIZE])
{
    uint8_t pad[BLOCK] = {0}, inner[BLOCK + TEXT], outer[BLOCK + SHA256_SIZE];
    if (size > TEXT) __builtin_trap();
    if (key_size > BLOCK) sha256_of(key, key_size, pad);
    else memcpy(pad, key, key_size);
    for (int i = 0; i < BLOCK; i++) inner[i] = pad[i] ^ 0x36, outer[i] = pad[i] ^ 0x5c;
    memcpy(inner + BLOCK, text, size);
    sha256_of(inner, BLOCK + size, outer + BLOCK);
    sha256_of(outer, sizeof outer, out);
}

const char *sigv4_header(const char *request, const char *name, char *buf, size_t size)
{
    size_t length = strlen(name);
    buf[0] = 0;
    for (const char *line = strstr(request, "\r\n"); line && strncmp(line, "\r\n\r\n", 4) != 0; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, length) != 0 || line[2 + length] != ':') continue;
        const char *value = line + 2 + length + 1;
        value += strspn(value, " ");
        snprintf(buf, size, "%.*s", (int)strcspn(value, "\r"), value);
        break;
    }
    return buf;
}

/* "name=value" out of the Authorization header. */
static bool part(const char *authorization, const char *name, char *buf, size_t size)
{
    const char *at = strstr(authorization, name);
    if (!at) return false;
    at += strlen(name);
    return (size_t)snprintf(buf, size, "%.*s", (int)strcspn(at, ","), at) < size;
}

const char *sigv4_check(const char *request, const char *key, const char *secret, const char *region)
{
    char authorization[1024], credential[256], signed_names[512], signature[128], date[64], sum[128], value[4096], scope[256], day[9],
        hex[SHA256_HEX];
    char method[16], target[8192], canonical[TEXT], to_sign[1024], start[300];
    uint8_t digest[SHA256_SIZE], k[SHA256_SIZE];
    if (sscanf(request, "%15s %8191s", method, target) != 2) return "no request line";
    sigv4_header(request, "Authorization", authorization, sizeof authorization);
    if (!*authorization) return "not signed";
    if (strncmp(authorization, "AWS4-HMAC-SHA256 ", 17) != 0) return "another algorithm";
    if (!part(authorization, "Credential=", credential, sizeof credential) ||
        !part(authorization, "SignedHeaders=", signed_names, sizeof signed_names) || !part(authorization, "Signature=", signature, sizeof signature))
        return "a header that lacks a part";
    sigv4_header(request, "x-amz-date", date, sizeof date);
    sigv4_header(request, "x-amz-content-sha256", sum, sizeof sum);
    if (strlen(date) != 16) return "no x-amz-date";
    if (!*sum) return "no x-amz-content-sha256";
    snprintf(day, sizeof day, "%.8s", date);
    snprintf(scope, sizeof scope, "%s/%s/s3/aws4_request", day, region);
    snprintf(value, sizeof value, "%s/%s", key, scope);
    if (strcmp(credential, value) != 0) return "another credential or scope";

    char *query = strchr(target, '?');
    if (query) *query++ = 0;
    size_t n = (size_t)snprintf(canonical, sizeof canonical, "%s\n%s\n%s\n", method, target, query ? query : "");
    char names[512], *save = NULL;
    bool host = false;
    snprintf(names, sizeof names, "%s", signed_names);
    for (char *name = strtok_r(names, ";", &save); name; name = strtok_r(NULL, ";", &save)) {
        sigv4_header(request, name, value, sizeof value);
        host |= strcmp(name, "host") == 0;
        n += (size_t)snprintf(canonical + n, sizeof canonical - n, "%s:%s\n", name, value);
    }
    if (!host) return "Host is not signed";
    n += (size_t)snprintf(canonical + n, sizeof canonical - n, "\n%s\n%s", signed_names, sum);
    if (n >= sizeof canonical) return "too long";
    sha256_of(canonical, n, digest);
    hex_encode(digest, sizeof digest, hex);
    n = (size_t)snprintf(to_sign, sizeof to_sign, "AWS4-HMAC-SHA256\n%s\n%s\n%s", date, scope, hex);

    size_t start_size = (size_t)snprintf(start, sizeof start, "AWS4%s", secret);
    hmac(start, start_size, day, strlen(day), k);
    hmac(k, sizeof k, region, strlen(region), k);
    hmac(k, sizeof k, "s3", 2, k);
    hmac(k, sizeof k, "aws4_request", 12, k);
    hmac(k, sizeof k, to_sign, n, digest);
    hex_encode(digest, sizeof digest, hex);
    return strcmp(hex, signature) == 0 ? NULL : "SignatureDoesNotMatch";
}
