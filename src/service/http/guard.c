/* See guard.h. */
#include "service/http/guard.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/str.h"

/* host_name: "Example.org:8080" -> "Example.org", "[::1]:80" -> "::1". False: no such form. */
static bool host_name(const char *value, char *out, size_t size)
{
    size_t length;
    const char *rest;
    if (*value == '[') {
        value++;
        length = strcspn(value, "]");
        if (value[length] != ']') return false;
        rest = value + length + 1;
    } else {
        length = strcspn(value, ":");
        rest = value + length;
    }
    if (length == 0 || length >= size || strcspn(value, "/\\@?# \t,") < length) return false;
    if (*rest == ':' && strspn(rest + 1, "0123456789") != strlen(rest + 1)) return false;
    if (*rest && *rest != ':') return false;
    memcpy(out, value, length);
    out[length] = 0;
    return true;
}

bool host_is_loopback(const char *host)
{
    struct in_addr v4;
    if (!strcasecmp(host, "localhost") || !strcmp(host, "::1")) return true;
    return inet_pton(AF_INET, host, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}

static bool host_is_address(const char *host)
{
    unsigned char address[16];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

int guard_host(const struct guard *guard, const struct request *rq, struct error *err)
{
    char host[256], shown[100];
    const char *value = request_header(rq, HEADER_HOST);
    if (!value) return error_set(err, ERROR_MALFORMED, NULL, "the request has no Host header");
    if (!host_name(value, host, sizeof host))
        return error_set(err, ERROR_MALFORMED, NULL, "Host is no host name: \"%s\"", str_shown(shown, sizeof shown, value, strlen(value), 80));
    if (guard->any_host || host_is_loopback(host) || host_is_address(host) || !strcasecmp(host, guard->host)) return 0;
    for (size_t i = 0; i < guard->host_count; i++)
        if (!strcasecmp(host, guard->hosts[i])) return 0;
    return error_set(err, ERROR_FORBIDDEN, NULL, "this server does not go by the name \"%s\"; start it with that name among its hosts to allow it",
                     str_shown(shown, sizeof shown, host, strlen(host), 80));
}

int guard_token(const struct guard *guard, const struct request *rq, enum role role, struct error *err)
{
    const char *value = request_header(rq, HEADER_AUTHORIZATION);
    if (role == ROLE_PUBLIC) return 0;
    if (role == ROLE_NOBODY) return error_set(err, ERROR_FORBIDDEN, NULL, "%.200s is open to nobody", rq->path);
    if (!guard->token[0]) return 0;
    if (!value || strncasecmp(value, "Bearer ", 7) != 0)
        return error_set(err, ERROR_UNAUTHORIZED, NULL, "this server needs a token: send \"Authorization: Bearer TOKEN\"");
    if (!secret_equal(guard->token, value + 7 + strspn(value + 7, " ")))
        return error_set(err, ERROR_UNAUTHORIZED, NULL, "the token is not this server's");
    return 0;
}

int guard_origin(const struct request *rq, struct error *err)
{
    char shown[100];
    const char *origin = request_header(rq, HEADER_ORIGIN), *host = request_header(rq, HEADER_HOST);
    if (!origin || rq->head || !strcmp(rq->method, "GET")) return 0;
    const char *at = strstr(origin, "://");
    if (at && host && !strcasecmp(at + 3, host)) return 0;
    return error_set(err, ERROR_FORBIDDEN, NULL, "a page of another site (%s) may not change anything here",
                     str_shown(shown, sizeof shown, origin, strlen(origin), 80));
}

static bool is_json(const char *type)
{
    size_t length = strlen("application/json");
    return type && !strncasecmp(type, "application/json", length) && strchr(" \t;", type[length]);
}

int guard_body(const struct request *rq, const struct route *route, struct error *err)
{
    const char *length = request_header(rq, HEADER_CONTENT_LENGTH), *type = request_header(rq, HEADER_CONTENT_TYPE);
    const char *chunked = request_header(rq, HEADER_TRANSFER_ENCODING), *packed = request_header(rq, HEADER_CONTENT_ENCODING);
    int64_t size = 0;
    char shown[100];
    if (chunked && strcasecmp(chunked, "chunked") != 0) /* the body's end would be unknown: it would be waited for until the time-out */
        return error_set(err, ERROR_MALFORMED, NULL, "Transfer-Encoding must be chunked, or not sent, got \"%s\"",
                         str_shown(shown, sizeof shown, chunked, strlen(chunked), 40));
    if (length && (!str_to_int64(length, &size) || size < 0))
        return error_set(err, ERROR_MALFORMED, NULL, "Content-Length is no length: \"%s\"",
                         str_shown(shown, sizeof shown, length, strlen(length), 40));
    if (size == 0 && !chunked) return 0;
    if (route->body_max == 0) return error_set(err, ERROR_MALFORMED, NULL, "%s %s takes no body", rq->method, route->path);
    if ((uint64_t)size > route->body_max)
        return error_set(err, ERROR_TOOLARGE, NULL, "the body has %lld bytes; %s takes at most %zu", (long long)size, route->path, route->body_max);
    if (packed && strcasecmp(packed, "identity") != 0)
        return error_set(err, ERROR_MEDIATYPE, NULL, "the body must be application/json as it is, not packed with Content-Encoding: %s",
                         str_shown(shown, sizeof shown, packed, strlen(packed), 40));
    if (!is_json(type))
        return error_set(err, ERROR_MEDIATYPE, NULL, "the body must be JSON, sent with \"Content-Type: application/json\", got %s%s",
                         type ? "" : "no Content-Type", type ? str_shown(shown, sizeof shown, type, strlen(type), 80) : "");
    return 0;
}
