/* See stats.h. */
#include "service/http/stats.h"

#include "base/mem.h"

const double http_bounds[HTTP_BUCKETS] = {.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};

int http_stats_init(struct http_stats *stats, struct error *err)
{
    stats->routes = mem_array(routes_count() + 1, 1, sizeof *stats->routes, err);
    return stats->routes ? 0 : -ERROR_NOMEM;
}

void http_stats_close(struct http_stats *stats)
{
    mem_free(stats->routes);
    stats->routes = NULL;
}

void http_stats_count(struct http_stats *stats, const struct route *route, int status, int64_t took_us)
{
    struct route_stats *r = &stats->routes[route_index(route)];
    size_t bucket = 0, class = status >= 100 && status < 600 ? (size_t)(status / 100) : 0;
    while (bucket < HTTP_BUCKETS && (double)took_us > http_bounds[bucket] * 1e6) bucket++;
    atomic_fetch_add_explicit(&r->classes[class], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&r->buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&r->total_us, (uint64_t)took_us, memory_order_relaxed);
}
