/* Counters of the server itself, for /metrics: atomics in memory, one set a route, so that a scrape waits for nobody and labels stay
 * bounded by the route table. */
#ifndef TRAINYARD_SERVICE_HTTP_STATS_H
#define TRAINYARD_SERVICE_HTTP_STATS_H

#include <stdatomic.h>
#include <stdint.h>

#include "service/http/route.h"

enum { HTTP_BUCKETS = 13, HTTP_CLASSES = 6 };
extern const double http_bounds[HTTP_BUCKETS]; /* seconds: .001 ... 10 */

struct route_stats {
    _Atomic uint64_t classes[HTTP_CLASSES];     /* by first digit of the status */
    _Atomic uint64_t buckets[HTTP_BUCKETS + 1]; /* not cumulative; last: beyond all bounds */
    _Atomic uint64_t total_us;
};

struct http_stats {
    _Atomic int64_t in_flight, connections, streams;
    _Atomic uint64_t cut;       /* connections that were too slow */
    struct route_stats *routes; /* routes_count() + 1; the last: requests that found no route */
};

int http_stats_init(struct http_stats *stats, struct error *err);
void http_stats_close(struct http_stats *stats);
void http_stats_count(struct http_stats *stats, const struct route *route, int status, int64_t took_us); /* route NULL: none found */

#endif
