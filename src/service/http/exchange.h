/* Between libmicrohttpd and the handlers: one exchange is one request and its reply. This header is for server.c and exchange.c only,
 * the two files that see the library.
 *
 * Threads. One network thread (the library's, over epoll) reads requests, sends replies and runs the few handlers that answer from
 * memory; a small pool runs all others, which may wait for SQLite or a disk; the hub's thread wakes whoever waits. While a worker or
 * the hub has an exchange, its connection is suspended, and the network thread does not touch either; it is handed back by resuming.
 * That is all the locking that an exchange needs.
 *
 * A thread a connection would be simpler still, but a thousand followers of event streams would be a thousand threads; a pool of
 * network threads would let one slow query stop the connections that share its thread.
 *
 *   HEAD     the request line is there; headers are read and judged on the first call
 *   BODY     the body comes in; of a refused request it is swallowed, so that the client gets to read the answer
 *   RUNNING  a worker has it, or the hub (long poll)           suspended
 *   READY    the reply is complete; the library may have it
 *   SENT */
#ifndef TRAINYARD_SERVICE_HTTP_EXCHANGE_H
#define TRAINYARD_SERVICE_HTTP_EXCHANGE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "service/http/guard.h"
#include "service/http/hub.h"
#include "service/http/route.h"
#include "service/http/service.h"
#include "service/http/stats.h"

struct connection { /* one open socket, so that the sweep can find slow ones */
    int fd;
    int64_t since_ms; /* monotonic: when it was accepted, or its last reply was done */
    bool busy;        /* a whole request is there and its reply is not done */
    struct connection *prev, *next;
};

struct http_server {
    struct service service;
    struct guard guard;
    struct http_stats stats;
    struct pool *pool;
    struct MHD_Daemon *daemon;
    struct http_config config;
    char url[300];
    pthread_mutex_t connections_lock;
    pthread_cond_t done; /* while stopping: a request was answered to its end */
    struct connection *connections;
    atomic_bool stopping;
};

/* The library's callbacks; context: the http_server. */
void *exchange_on_target(void *context, const char *target, struct MHD_Connection *connection);
enum MHD_Result exchange_on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                                    const char *data, size_t *data_size, void **exchange);
void exchange_on_completed(void *context, struct MHD_Connection *connection, void **exchange, enum MHD_RequestTerminationCode why);

#endif
