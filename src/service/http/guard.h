/* The guard: what is asked of every request before its handler, by rows of the route table. Deny by default.
 *
 *   Host    DNS rebinding: a page of another site that made its name point at us must not reach us. Loopback names, any IP address
 *           (which nobody can rebind), the listen host and configured names pass.
 *   Origin  a page of another site must not make a browser change anything: on methods that change, Origin, when sent, is our Host.
 *   Token   when one is set: `Authorization: Bearer`, compared in constant time. Nothing but a header: a token in an address ends in logs.
 *   Body    its size against the row, its type application/json. */
#ifndef TRAINYARD_SERVICE_HTTP_GUARD_H
#define TRAINYARD_SERVICE_HTTP_GUARD_H

#include "service/http/route.h"

struct guard {
    char token[256];    /* "": none is needed */
    char host[256];     /* the listen host, without port */
    bool any_host;      /* open to the network, with a token and no names configured: a Host of any name passes */
    char (*hosts)[256]; /* more names */
    size_t host_count;
};

enum { BODY_SWALLOW_MAX = 16 << 20 }; /* bytes of a refused body that are read, so that the client sees the answer */

int guard_host(const struct guard *guard, const struct request *rq, struct error *err);
int guard_token(const struct guard *guard, const struct request *rq, enum role role, struct error *err);
int guard_origin(const struct request *rq, struct error *err);
int guard_body(const struct request *rq, const struct route *route, struct error *err);

bool host_is_loopback(const char *host); /* "localhost", "127.0.0.1", "::1", without port and brackets */

#endif
