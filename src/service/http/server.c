/* Start and stop. See server.h for what it is, exchange.h for its threads.
 *
 * The order of stopping matters, since the library may not be stopped while a connection is suspended: no new request is taken on
 * (stopping), the hub wakes everybody who waits and ends every stream, the pool works off what is queued, each of these resumes its
 * connection, and only then is the network thread stopped. */
#include "service/http/server.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "service/http/exchange.h"
#include "service/http/listen.h"
#include "service/http/static.h"

enum {
    CONNECTION_MEMORY = 32 << 10, /* bytes of a request's head; beyond it the library answers 431 */
    STOP_GRACE_MS = 2000,
};

/* ---- connections, and those that are too slow ---- */

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context, enum MHD_ConnectionNotificationCode what)
{
    struct http_server *server = context;
    struct connection *c = *socket_context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (!info || !(c = mem_zero(sizeof *c, NULL))) return; /* then only the library's own time-out watches it */
        *c = (struct connection){.fd = info->connect_fd, .since_ms = world_mono_ms(server->service.world)};
        *socket_context = c;
        atomic_fetch_add(&server->stats.connections, 1);
        pthread_mutex_lock(&server->connections_lock);
        c->next = server->connections;
        if (c->next) c->next->prev = c;
        server->connections = c;
        pthread_mutex_unlock(&server->connections_lock);
    } else if (c) {
        pthread_mutex_lock(&server->connections_lock);
        if (c->prev) c->prev->next = c->next;
        else server->connections = c->next;
        if (c->next) c->next->prev = c->prev;
        pthread_mutex_unlock(&server->connections_lock);
        atomic_fetch_sub(&server->stats.connections, 1);
        mem_free(c);
        *socket_context = NULL;
    }
}

/* A client that sends a byte a second keeps the library's time-out at bay for ever, so a whole request has a deadline. Shutting the
 * socket makes the network thread see its end. The descriptor is valid: it is closed only after on_connection() was told. */
static void sweep_connections(void *context)
{
    struct http_server *server = context;
    int64_t now = world_mono_ms(server->service.world);
    pthread_mutex_lock(&server->connections_lock);
    for (struct connection *c = server->connections; c; c = c->next) {
        if (c->busy || now - c->since_ms < server->config.request_timeout_ms) continue;
        shutdown(c->fd, SHUT_RDWR);
        c->busy = true; /* once is enough */
        atomic_fetch_add(&server->stats.cut, 1);
    }
    pthread_mutex_unlock(&server->connections_lock);
}

/* ---- start ---- */

static void on_log(void *context, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
static void on_log(void *context, const char *fmt, va_list ap)
{
    char line[300];
    (void)context;
    vsnprintf(line, sizeof line, fmt, ap);
    line[strcspn(line, "\n")] = 0;
    log_debug("libmicrohttpd: %s", line);
}

static int guard_init(struct http_server *server, const struct listen_address *address, struct error *err)
{
    const struct http_config *config = &server->config;
    struct guard *guard = &server->guard;
    bool loopback = host_is_loopback(address->host);
    if (config->token && !str_copy(guard->token, sizeof guard->token, config->token))
        return error_set(err, ERROR_USAGE, NULL, "the token is longer than %zu bytes", sizeof guard->token - 1);
    if (!loopback && !guard->token[0])
        return error_set(
            err, ERROR_USAGE, NULL,
            "refusing to listen on %s without a token, since whoever reaches it could run jobs: set a token (--token-file FILE, or TRAINYARD_TOKEN), "
            "or listen on 127.0.0.1",
            address->host);
    str_copy(guard->host, sizeof guard->host, address->host);
    guard->any_host = !loopback && !(config->hosts && config->hosts[0]);
    if (!config->hosts) return 0;
    while (config->hosts[guard->host_count]) guard->host_count++;
    if (guard->host_count > 0 && !(guard->hosts = mem_array(guard->host_count, 1, sizeof *guard->hosts, err))) return -ERROR_NOMEM;
    for (size_t i = 0; i < guard->host_count; i++) str_copy(guard->hosts[i], sizeof guard->hosts[i], config->hosts[i]);
    return 0;
}

static void config_defaults(struct http_config *c)
{
    if (!c->connections_max) c->connections_max = 1024;
    if (!c->workers) c->workers = 4;
    if (!c->request_timeout_ms) c->request_timeout_ms = 30000;
    if (!c->write_timeout_ms) c->write_timeout_ms = 60000;
    if (!c->heartbeat_ms) c->heartbeat_ms = 15000;
}

static struct MHD_Daemon *daemon_start(struct http_server *server, int fd)
{
    const struct http_config *c = &server->config;
    /* clang-format off */
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, exchange_on_request, server,
                            MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, /* first: it hears what the others say */
                            MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_URI_LOG_CALLBACK, exchange_on_target, server,
                            MHD_OPTION_NOTIFY_COMPLETED, exchange_on_completed, server,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
                            MHD_OPTION_CONNECTION_LIMIT, c->connections_max,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)((c->write_timeout_ms + 999) / 1000),
                            MHD_OPTION_END);
    /* clang-format on */
}

static int server_open(struct http_server *server, struct error *err)
{
    struct service *service = &server->service;
    const struct http_config *c = &server->config;
    struct listen_address address;
    int rc;

    if ((rc = listen_parse(&address, c->listen, err)) < 0) return rc;
    if ((rc = guard_init(server, &address, err)) < 0) return rc;
    if ((rc = http_stats_init(&server->stats, err)) < 0) return rc;
    if ((rc = statics_new(&service->statics, c->web, err)) < 0) return rc;
    if ((rc = pool_start(&server->pool, c->workers, err)) < 0) return rc;
    struct hub_config hub = {.world = c->world,
                             .store = c->store,
                             .pool = server->pool,
                             .heartbeat_ms = c->heartbeat_ms,
                             .sweep = sweep_connections,
                             .sweep_context = server};
    if ((rc = hub_start(&service->hub, &hub, err)) < 0) return rc;
    int fd = listen_open(&address, server->url, err);
    if (fd < 0) return fd;
    if ((server->daemon = daemon_start(server, fd))) return 0;
    close(fd);
    return error_set(err, ERROR_INTERNAL, NULL, "libmicrohttpd did not start on %s (out of memory, threads or descriptors?)", server->url);
}

int http_server_start(struct http_server **out, const struct http_config *config, struct error *err)
{
    struct http_server *server = mem_zero(sizeof *server, err);
    if (!server) return -ERROR_NOMEM;
    server->config = *config;
    config_defaults(&server->config);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* the clock of world_mono_ms() */
    pthread_cond_init(&server->done, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&server->connections_lock, NULL);
    server->service = (struct service){.world = config->world,
                                       .store = config->store,
                                       .sched = config->sched,
                                       .registry = config->registry,
                                       .api = config->api,
                                       .guard = &server->guard,
                                       .stats = &server->stats,
                                       .started_ms = world_utc_ms(config->world)};
    int rc = server_open(server, err);
    if (rc < 0) {
        http_server_stop(server);
        return rc;
    }
    *out = server;
    return 0;
}

/* Replies that are ready get a moment to leave; a long download does not hold up the stop. */
static void wait_answered(struct http_server *server)
{
    int64_t until = world_mono_ms(server->service.world) + STOP_GRACE_MS;
    struct timespec at = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
    pthread_mutex_lock(&server->connections_lock);
    while (atomic_load(&server->stats.in_flight) > 0)
        if (pthread_cond_timedwait(&server->done, &server->connections_lock, &at) != 0) break;
    pthread_mutex_unlock(&server->connections_lock);
}

void http_server_stop(struct http_server *server)
{
    if (!server) return;
    atomic_store(&server->stopping, true);
    hub_stop(server->service.hub);
    pool_stop(server->pool);
    if (server->daemon) {
        wait_answered(server);
        MHD_stop_daemon(server->daemon); /* closes the listening socket too */
    }
    hub_free(server->service.hub);
    statics_free(server->service.statics);
    http_stats_close(&server->stats);
    mem_free(server->guard.hosts);
    pthread_cond_destroy(&server->done);
    pthread_mutex_destroy(&server->connections_lock);
    mem_free(server);
}

const char *http_server_url(const struct http_server *server) { return server->url; }
