/* Routes as rows: method, path, who may, what it takes, which function. The router, the Allow header of a 405, the check of query
 * parameters, the metrics' labels, openapi.json and the tests all loop over these rows; nothing else lists paths.
 *
 * A new resource is one file with a table of rows and one word in routes.c. */
#ifndef TRAINYARD_SERVICE_HTTP_ROUTE_H
#define TRAINYARD_SERVICE_HTTP_ROUTE_H

#include <stddef.h>

#include "service/http/reply.h"
#include "service/http/request.h"

enum role { /* what a caller must be; a row that says nothing is closed to all */
            ROLE_NOBODY,
            ROLE_PUBLIC,    /* no token needed: probes, the dashboard's files, the API's description */
            ROLE_VIEWER,    /* reads */
            ROLE_SUBMITTER, /* changes */
};

enum route_flags {
    ROUTE_INLINE = 1,     /* answers from memory: runs on the network thread, so that it works while every worker is busy */
    ROUTE_ANY_QUERY = 2,  /* the query is not ours to judge (the dashboard's own) */
    ROUTE_CREATES = 4,    /* takes Idempotency-Key */
    ROUTE_WAITS = 8,      /* takes Prefer: wait */
    ROUTE_BARE_BODY = 16, /* a POST whose body may be missing */
};

/* A handler parses, calls, renders; it returns 0 with the reply filled, or a negative code with err set, of which the router makes
 * a problem. reply_wait() in the reply: run me again later. */
typedef int (*route_handler)(struct request *rq, struct reply *rp, struct error *err);

struct route {
    const char *method, *path; /* "GET", "/v1/jobs/{id}"; a last segment {*} takes the rest of the path */
    enum role role;
    unsigned flags;
    size_t body_max;          /* bytes; 0: takes no body */
    const char *const *query; /* NULL-terminated names; NULL: none */
    route_handler handler;
    const char *summary;
};

extern const struct route *const route_tables[]; /* routes.c; each table ends with a {0} row, the list with NULL */

/* route_find: the row for the request's method and path; fills its params. HEAD finds GET. ERROR_NOTFOUND, or ERROR_METHOD with the
 * methods that the path has in allow ("GET, HEAD, DELETE"). */
const struct route *route_find(struct request *rq, char *allow, size_t allow_size, struct error *err);

/* route_check_query: every parameter given is one of the row's. ERROR_MALFORMED names the valid ones. */
int route_check_query(const struct route *route, const struct request *rq, struct error *err);

/* route_index: a row's number over all tables, for counters; routes_count(): how many there are. */
size_t route_index(const struct route *route);
size_t routes_count(void);
const struct route *route_at(size_t index);

#endif
