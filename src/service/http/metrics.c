/* /metrics: the server in figures. From memory and one cheap read; labels are route templates, methods, states and causes, never an id
 * or a name that a user gave. A job's loss is not here but in /v1/jobs/{id}/metrics. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "service/http/exposition.h"
#include "service/http/hub.h"
#include "service/http/service.h"
#include "service/http/stats.h"
#include "service/sched/sched.h"
#include "service/store/store.h"
#include "version.h"

static void gauge(struct exposition *e, const char *name, const char *help, double value)
{
    exposition_family(e, name, FAMILY_GAUGE, help);
    exposition_sample(e, NULL, value);
}

static void counter(struct exposition *e, const char *name, const char *help, double value)
{
    exposition_family(e, name, FAMILY_COUNTER, help);
    exposition_sample(e, NULL, value);
}

/* ---- jobs, queue, database ---- */

static void write_store(struct exposition *e, const struct store_stats *s)
{
    char labels[128];
    exposition_family(e, "trainyard_jobs", FAMILY_GAUGE, "Jobs in the database by state.");
    for (int i = 0; i < JOB_STATES; i++)
        exposition_sample(e, exposition_labels(labels, sizeof labels, "state", job_state_name((enum job_state)i), (char *)NULL), (double)s->jobs[i]);
    exposition_family(e, "trainyard_jobs_failed", FAMILY_GAUGE, "Failed jobs in the database by cause.");
    for (int i = CAUSE_NONE + 1; i < CAUSES; i++)
        exposition_sample(e, exposition_labels(labels, sizeof labels, "cause", job_cause_name((enum job_cause)i), (char *)NULL),
                          (double)s->failed_by_cause[i]);
    gauge(e, "trainyard_queue_oldest_age_seconds", "How long the job that waits longest has waited.", (double)s->oldest_queued_ms / 1000);
    counter(e, "trainyard_events", "Events stored since the database was made.", (double)s->events);
    gauge(e, "trainyard_db_wal_bytes", "Size of the database's write-ahead log.", (double)s->wal_bytes);
    gauge(e, "trainyard_db_bytes", "Size of the database file.", (double)s->db_bytes);
    exposition_family(e, "trainyard_db_transaction_seconds", FAMILY_HISTOGRAM, "Time of a write transaction, with its commit.");
    exposition_histogram(e, NULL, store_txn_bounds, s->txn_buckets, STORE_TXN_BUCKETS, s->txn_seconds);
}

static void write_sched(struct exposition *e, const struct sched_stats *s)
{
    gauge(e, "trainyard_slots", "CPU slots for runs.", (double)s->slots_total);
    gauge(e, "trainyard_slots_used", "CPU slots that runs hold.", (double)s->slots_used);
    gauge(e, "trainyard_runs", "Training processes alive.", (double)s->runs);
    counter(e, "trainyard_launches", "Training processes started since this server started.", (double)s->launches);
    counter(e, "trainyard_losses", "Training processes that vanished since this server started.", (double)s->losses);
    gauge(e, "trainyard_event_tail_lag_bytes", "Bytes of run events not read yet, the worst run.", (double)s->tail_lag_bytes);
    gauge(e, "trainyard_event_tail_lag_seconds", "Age of the oldest unread run event, the worst run.", (double)s->tail_lag_ms / 1000);
    gauge(e, "trainyard_disk_free_bytes", "Free bytes of the state directory's disk.", (double)s->disk_free_bytes);
    gauge(e, "trainyard_disk_size_bytes", "Size of the state directory's disk.", (double)s->disk_total_bytes);
    gauge(e, "trainyard_scheduler_loop_age_seconds", "Time since the scheduler's loop last turned.", (double)s->loop_age_ms / 1000);
}

/* ---- HTTP ---- */

static const char *route_labels(char *buf, size_t size, size_t index, const char *class)
{
    const struct route *route = route_at(index);
    const char *path = route ? route->path : "none", *method = route ? route->method : "any";
    return class ? exposition_labels(buf, size, "route", path, "method", method, "status", class, (char *)NULL)
                 : exposition_labels(buf, size, "route", path, "method", method, (char *)NULL);
}

static void write_http(struct exposition *e, struct http_stats *s, struct hub *hub)
{
    char labels[256], class[4] = "0xx";
    size_t count = routes_count() + 1;
    exposition_family(e, "trainyard_http_requests", FAMILY_COUNTER, "Requests answered.");
    for (size_t i = 0; i < count; i++)
        for (int c = 0; c < HTTP_CLASSES; c++) {
            uint64_t n = atomic_load_explicit(&s->routes[i].classes[c], memory_order_relaxed);
            class[0] = (char)('0' + c);
            if (n > 0) exposition_sample(e, route_labels(labels, sizeof labels, i, class), (double)n);
        }
    exposition_family(e, "trainyard_http_request_seconds", FAMILY_HISTOGRAM, "Time from a request's first line to its reply's.");
    for (size_t i = 0; i < count; i++) {
        uint64_t buckets[HTTP_BUCKETS + 1], any = 0;
        for (size_t b = 0; b <= HTTP_BUCKETS; b++) any |= buckets[b] = atomic_load_explicit(&s->routes[i].buckets[b], memory_order_relaxed);
        double seconds = (double)atomic_load_explicit(&s->routes[i].total_us, memory_order_relaxed) / 1e6;
        if (any) exposition_histogram(e, route_labels(labels, sizeof labels, i, NULL), http_bounds, buckets, HTTP_BUCKETS, seconds);
    }
    gauge(e, "trainyard_http_requests_in_flight", "Requests begun and not yet answered to their end, event streams among them.",
          (double)atomic_load(&s->in_flight));
    gauge(e, "trainyard_http_connections", "Open connections.", (double)atomic_load(&s->connections));
    gauge(e, "trainyard_sse_clients", "Open event streams.", (double)atomic_load(&s->streams));
    gauge(e, "trainyard_sse_waiting", "Event streams that wait for news.", (double)hub_followers(hub));
    counter(e, "trainyard_http_slow_connections", "Connections cut because a whole request did not come in time.", (double)atomic_load(&s->cut));
}

/* ---- the process ---- */

static int count_entry(void *context, const char *name)
{
    (void)name;
    ++*(size_t *)context;
    return 0;
}

static void write_process(struct exposition *e, const struct service *service)
{
    struct rusage use = {0};
    struct bytes text;
    char labels[128];
    size_t fds = 0;
    unsigned long long pages = 0;
    getrusage(RUSAGE_SELF, &use);
    bytes_init(&text, 4096);
    if (file_slurp(service->world, "/proc/self/statm", &text, NULL) == 0) sscanf(bytes_text(&text), "%*u %llu", &pages);
    bytes_close(&text);
    counter(e, "process_cpu_seconds", "CPU time used, user and system.",
            (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) + (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
    gauge(e, "process_resident_memory_bytes", "Resident memory.", (double)pages * (double)sysconf(_SC_PAGESIZE));
    if (path_list(service->world, "/proc/self/fd", count_entry, &fds, NULL) == 0) gauge(e, "process_open_fds", "Open file descriptors.", (double)fds);
    gauge(e, "process_start_time_seconds", "When the server started, in seconds since 1970.", (double)service->started_ms / 1000);
    exposition_family(e, "trainyard_build_info", FAMILY_GAUGE, "Always 1; the labels say what is running.");
    exposition_sample(e, exposition_labels(labels, sizeof labels, "version", TRAINYARD_VERSION, "commit", TRAINYARD_COMMIT, (char *)NULL), 1);
}

static int metrics_get(struct request *rq, struct reply *rp, struct error *err)
{
    struct store_stats store = {0};
    struct sched_stats sched = {0};
    bool open = header_list_has(request_header(rq, HEADER_ACCEPT), "application/openmetrics-text");
    const char *type = open ? "application/openmetrics-text; version=1.0.0; charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8";
    int rc = reply_bytes(rp, 200, type, "", 0, err);
    if (rc == 0) rc = store_stats(rq->service->store, &store, err);
    if (rc < 0) return rc;
    sched_stats(rq->service->sched, &sched);
    struct exposition e = {.out = &rp->body, .open_metrics = open};
    write_store(&e, &store);
    write_sched(&e, &sched);
    write_http(&e, rq->service->stats, rq->service->hub);
    write_process(&e, rq->service);
    rp->flags |= REPLY_NO_STORE;
    return exposition_end(&e, err);
}

const struct route metrics_routes[] = {
    {"GET", "/metrics", ROLE_VIEWER, 0, 0, NULL, metrics_get, "The server in figures (Prometheus, OpenMetrics)"},
    {0},
};
