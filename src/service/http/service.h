/* What all handlers share: the rooms behind them, and the server's own parts. Constant from start to stop. */
#ifndef TRAINYARD_SERVICE_HTTP_SERVICE_H
#define TRAINYARD_SERVICE_HTTP_SERVICE_H

#include "service/http/server.h"

struct guard;
struct hub;
struct http_stats;
struct statics;

struct service {
    const struct world *world;
    struct store *store;
    struct sched *sched;
    const struct registry *registry;
    const struct embedded *api;
    const struct guard *guard;
    struct hub *hub;
    struct http_stats *stats;
    struct statics *statics;
    int64_t started_ms; /* UTC */
};

#endif
