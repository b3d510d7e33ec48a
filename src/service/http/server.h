/* The HTTP server: what `trainyard serve` starts and stops. Home of libmicrohttpd, which nothing outside this room sees.
 *
 * Loopback is open by default; any other address needs a token, and a server without one refuses to listen there and says how to
 * go on. All the server knows comes in through the config: it opens no database, starts no job by itself and reads no environment.
 *
 * The service behind it (store, scheduler) must live from start to stop. http_server_start() returns with the port open;
 * http_server_stop() answers what is in progress, ends every event stream and long poll, and returns when the last thread is gone. */
#ifndef TRAINYARD_SERVICE_HTTP_SERVER_H
#define TRAINYARD_SERVICE_HTTP_SERVER_H

#include <stdint.h>

#include "base/embedded.h"
#include "base/error.h"
#include "base/world.h"
#include "contract/registry.h"

struct store;
struct sched;

struct http_config {
    const char *listen;              /* "127.0.0.1:8080", "[::1]:8080", "localhost:0"; port 0 takes a free one */
    const char *token;               /* the bearer token that every request must carry; NULL or "": none */
    const char *const *hosts;        /* names besides the listen address and loopback that Host may hold; NULL-terminated, or NULL */
    const struct world *world;       /* clocks, ids, files */
    struct store *store;             /* borrowed */
    struct sched *sched;             /* borrowed */
    const struct registry *registry; /* borrowed */
    const struct embedded *web;      /* the dashboard's files: embedded_web */
    const struct embedded *api;      /* holds openapi.json: embedded_api */

    /* Limits; 0 takes the default. */
    unsigned connections_max;   /* open at once; default 1024 */
    unsigned workers;           /* threads that run handlers; default 4 */
    int64_t request_timeout_ms; /* for a whole request to arrive, and for an idle connection; default 30 000 */
    int64_t write_timeout_ms;   /* a client that takes no byte for so long is cut; default 60 000; whole seconds */
    int64_t heartbeat_ms;       /* of an idle event stream; default 15 000 */
};

struct http_server;

/* http_server_start: ERROR_USAGE (address, missing token), ERROR_CONFLICT (address in use), ERROR_NOMEM, ERROR_IO. Copies what it
 * keeps of listen, token and hosts. */
int http_server_start(struct http_server **out, const struct http_config *config, struct error *err);
void http_server_stop(struct http_server *server); /* frees; NULL is fine */

const char *http_server_url(const struct http_server *server); /* "http://127.0.0.1:43211", with the port that was taken */

#endif
