/* An HTTP client: one request, one answer, over libcurl, whose home this room is.
 *
 * The body of a good answer (2xx) is collected up to a ceiling, or handed on as it comes (on_data), for streams and files; the body of any
 * other answer is always collected, since it says why. Only http and https; no redirect is followed (a token must not travel to a
 * host that nobody named); a proxy of the environment is never used for loopback. Certificates are checked.
 *
 * Errors say which address and what to do. ERROR_UNAVAILABLE: not reached, or cut while talking: trying again may help. ERROR_STOPPED:
 * `stop` asked for it. An answer with a status of 400 or more is no error here: look at response->status. */
#ifndef TRAINYARD_BASE_HTTP_H
#define TRAINYARD_BASE_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

enum { HTTP_HEADERS_MAX_BYTES = 64 << 10, HTTP_BODY_MAX_BYTES = 64 << 20 };

struct http_request {
    const char *method; /* "GET"; NULL: GET, or POST when there is a body */
    const char *url;
    const char *const *headers; /* "Name: value"; NULL-terminated, or NULL; no line breaks */
    const void *body;           /* NULL: none */
    size_t body_size;
    int64_t connect_timeout_ms; /* 0: 10 s */
    int64_t timeout_ms;         /* for the whole exchange; 0: none */
    int64_t idle_timeout_ms;    /* without a single byte from there; 0: none; whole seconds */
    size_t response_max;        /* ceiling of a collected body; 0: HTTP_BODY_MAX_BYTES */
    void *context;
    /* on_data: the next bytes of a 2xx body; a negative code ends the exchange with *err. NULL: collect. */
    int (*on_data)(void *context, const void *data, size_t size, struct error *err);
    /* stop: asked several times a second, with or without traffic; true ends the exchange with ERROR_STOPPED. NULL: never. */
    bool (*stop)(void *context);
};

struct http_response {
    int status;           /* 200, 404, ...; 0: none came */
    struct bytes headers; /* "Name: value\n" lines of the final answer */
    struct bytes body;
};

/* http_send: perform. Whatever it returns, http_response_close() the response (status and what had come stand in it). Thread-safe. */
int http_send(const struct http_request *request, struct http_response *response, struct error *err);
void http_response_close(struct http_response *response);

/* http_header: the value of that header, case-insensitively, into buf; "" when it is missing or does not fit. Returns buf. */
const char *http_header(const struct http_response *response, const char *name, char *buf, size_t size);

/* http_url_escape: text for use as one path segment or query value; false when it does not fit. */
bool http_url_escape(char *buf, size_t size, const char *text);

#endif
