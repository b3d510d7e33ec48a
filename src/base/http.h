/* An HTTP client: one request, one answer, over libcurl, whose home this room is.
 *
 * The body of a good answer (2xx) is collected up to a ceiling, or handed on as it comes (on_data), for streams and files; the body of any
 * other answer is always collected, since it says why. Only http and https; no redirect is followed (a token must not travel to a
 * host that nobody named); a proxy of the environment is never used for loopback. Certificates are checked against the system's authorities, or those
 * in the file that CURL_CA_BUNDLE or SSL_CERT_FILE names.
 *
 * Errors say which address and what to do. ERROR_UNAVAILABLE: not reached, or cut while talking: trying again may help. ERROR_FORBIDDEN: its
 * certificate is not trusted. ERROR_STOPPED: `stop` asked for it. An answer with a status of 400 or more is no error here: look at response->status.
 */
#ifndef TRAINYARD_BASE_HTTP_H
#define TRAINYARD_BASE_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

enum { HTTP_HEADERS_MAX_BYTES = 64 << 10, HTTP_BODY_MAX_BYTES = 64 << 20 };

struct http_sign { /* AWS Signature Version 4 of requests without a body, for S3 and what speaks like it */
    const char *key, *secret;
    const char *region;  /* "eu-central-1" */
    const char *service; /* "s3" */
};

struct http_request {
    const char *method; /* "GET"; NULL: GET, or POST when there is a body */
    const char *url;
    const char *shown;            /* how messages call the address; NULL: url */
    const char *user;             /* "name:password" for HTTP basic authentication; NULL: none */
    const struct http_sign *sign; /* NULL: not signed */
    const char *const *headers;   /* "Name: value"; NULL-terminated, or NULL; no line breaks */
    const void *body;             /* NULL: none */
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

/* A stream is the same exchange, but the caller takes a 2xx body piece by piece, when it likes to: what was not taken yet holds the sender
 * back. open returns when the head of the answer has come; any other body than that of a 2xx is collected in response->body by then. `on_data` is
 * not used; idle_timeout_ms is kept to the millisecond, by world's clock, and only while the caller waits. request (and what it points to)
 * and response must live until http_stream_close(). */
struct http_stream;
struct world;
int http_stream_open(struct http_stream **out, const struct http_request *request, const struct world *world, struct http_response *response,
                     struct error *err);
/* http_stream_read: some of the next bytes; 0 = the end, which was announced as such. ERROR_UNAVAILABLE: cut, or silent for too long. */
int64_t http_stream_read(struct http_stream *stream, void *buf, size_t size, struct error *err);
void http_stream_close(struct http_stream *stream); /* NULL is fine */

/* http_date: seconds since 1970 of an HTTP date; -1: none. */
int64_t http_date(const char *text);

/* http_header: the value of that header, case-insensitively, into buf; "" when it is missing or does not fit. Returns buf. */
const char *http_header(const struct http_response *response, const char *name, char *buf, size_t size);

/* http_url_escape: text for use as one path segment or query value; false when it does not fit. */
bool http_url_escape(char *buf, size_t size, const char *text);

#endif
