/* Remote objects: what an address names, and its bytes from start to end over a network that fails.
 *
 * A look (remote_look) asks for one byte, so that it also works with addresses that are signed for GET alone, and learns size, ETag,
 * Last-Modified and whether parts can be asked for. Reading then takes one answer for as long as it lasts; a cut or silent one goes on where it
 * stopped with Range, under If-Range with the ETag, after a pause that doubles; tries are bounded, and begin anew when a good piece came. Each
 * answer must have the size, ETag and Last-Modified of the look: an object that changed is an error, never a mixture. A server without
 * Range is asked from the start again only if nothing was handed on. Redirects are not followed: credentials must not travel, and what
 * may be read was decided by the address. ERROR_DATA: not there, refused, changed; ERROR_UNAVAILABLE: given up; ERROR_STOPPED. */
#ifndef TRAINYARD_ENGINE_DATA_REMOTE_H
#define TRAINYARD_ENGINE_DATA_REMOTE_H

#include "base/http.h"
#include "engine/data/source/source.h"

enum { REMOTE_TEXT_SIZE = 256, REMOTE_URL_SIZE = 8192 };

struct remote_place {             /* how to get there */
    const char *url;              /* without a user */
    const char *shown;            /* for messages */
    const char *user;             /* "name:password", or NULL */
    const struct http_sign *sign; /* or NULL */
    const char *token;            /* x-amz-security-token, or NULL */
    /* explain: words for an answer that is no success, from its body; NULL or an empty text: the status alone. */
    void (*explain)(const struct http_response *response, char *buf, size_t size);
};

struct remote_object { /* what is there */
    uint64_t size_bytes;
    bool size_known, ranges;
    char etag[REMOTE_TEXT_SIZE], modified[REMOTE_TEXT_SIZE]; /* as the server wrote them; "" none */
    int64_t modified_s, date_s;                              /* since 1970; -1 none: Last-Modified, and when it was said */
};

/* remote_look: fill *object. */
int remote_look(const struct source_options *options, const struct remote_place *place, struct remote_object *object, struct error *err);

/* remote_get: a small answer as a whole, tried again as above; response is to be closed whatever is returned. Any status that is no success is
 * an error. */
int remote_get(const struct source_options *options, const struct remote_place *place, size_t max, struct http_response *response, struct error *err);

struct remote; /* an object that is being read; options, place and object are borrowed */
struct remote *remote_open(const struct source_options *options, const struct remote_place *place, const struct remote_object *object,
                           struct error *err);
int64_t remote_read(struct remote *remote, void *buf, size_t size, struct error *err); /* some of the next bytes; 0 = end */
void remote_close(struct remote *remote);                                              /* NULL is fine */

#endif
