/* trainyard serve: store, scheduler and HTTP in one process, started in that order and stopped in the other. It never trains: runs are
 * processes of their own, which outlive it. SIGTERM and Ctrl-C end it cleanly; kill -9 loses nothing that was accepted. */
#include <stdio.h>
#include <string.h>

#include "base/embedded.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/interrupt.h"
#include "cli/registries.h"
#include "cli/token.h"
#include "service/http/server.h"
#include "service/sched/remotes.h"
#include "service/sched/sched.h"
#include "service/store/store.h"

struct serve_params {
    const char *config, *listen, *state, *token_file;
    struct arg_list data_roots, sources, hosts;
    int64_t slots;
};

#define AT(field) offsetof(struct serve_params, field)
static const struct arg serve_args[] = {
    {.name = "config",
     .letter = 'c',
     .type = ARG_TEXT,
     .offset = AT(config),
     .value = "FILE",
     .help = "JSON with // comments; see config/trainyard.json"},
    {.name = "listen",
     .letter = 'l',
     .type = ARG_TEXT,
     .offset = AT(listen),
     .value = "HOST:PORT",
     .help = "default 127.0.0.1:8080; port 0 takes a free one; beyond loopback a token is needed"},
    {.name = "state",
     .letter = 's',
     .type = ARG_TEXT,
     .offset = AT(state),
     .value = "DIR",
     .help = "folder of database and runs, made when missing; default trainyard-state"},
    {.name = "data-root",
     .letter = 'd',
     .type = ARG_LIST,
     .offset = AT(data_roots),
     .value = "DIR",
     .help = "jobs may read files below it, and no others"},
    {.name = "source",
     .type = ARG_LIST,
     .offset = AT(sources),
     .value = "PREFIX",
     .help = "jobs may read what lies below s3://BUCKET/... or https://HOST/..., and nothing else that is remote; AWS_ variables of the server's "
             "environment say who asks"},
    {.name = "token-file",
     .type = ARG_TEXT,
     .offset = AT(token_file),
     .value = "FILE",
     .help = "file that holds the bearer token that every request must carry; default: $TRAINYARD_TOKEN, else none"},
    {.name = "host",
     .type = ARG_LIST,
     .offset = AT(hosts),
     .value = "NAME",
     .help = "name besides the address under which browsers may reach the service"},
    {.name = "slots", .type = ARG_INT, .offset = AT(slots), .value = "N", .max = 4096, .help = "CPU slots for runs; 0: one a core"},
    {0}};

struct service {
    struct config config;
    char token[TOKEN_SIZE];
    struct store *store;
    struct sched *sched;
    struct http_server *http;
};

static int override(char out[OPTION_TEXT_SIZE], const char *value, const char *name, struct error *err)
{
    if (value && !str_copy(out, OPTION_TEXT_SIZE, value))
        return error_set(err, ERROR_USAGE, NULL, "--%s is longer than %d bytes", name, OPTION_TEXT_SIZE - 1);
    return 0;
}

/* The command line over the file. Lists add up. */
static int configure(struct config *config, const struct serve_params *params, struct error *err)
{
    int rc = override(config->listen, params->listen, "listen", err);
    if (rc == 0) rc = override(config->state, params->state, "state", err);
    if (rc == 0) rc = override(config->token_file, params->token_file, "token-file", err);
    if (params->slots > 0) config->slots = params->slots;
    for (size_t i = 0; rc == 0 && i < params->data_roots.count; i++)
        rc = config_add(config->data_roots, &config->data_root_count, params->data_roots.items[i], "--data-root", err);
    for (size_t i = 0; rc == 0 && i < params->sources.count; i++)
        rc = config_add(config->sources, &config->source_count, params->sources.items[i], "--source", err);
    for (size_t i = 0; rc == 0 && i < params->hosts.count; i++)
        rc = config_add(config->hosts, &config->host_count, params->hosts.items[i], "--host", err);
    return rc;
}

static int check_roots(const struct config *config, struct error *err)
{
    struct file_stat stat;
    for (const char *const *root = config->data_roots; *root; root++) {
        int rc = path_stat(&world_real, *root, &stat, err);
        if (rc < 0) return error_wrap(err, "data root");
        if (!stat.is_dir) return error_set(err, ERROR_USAGE, NULL, "data root %s is no folder", *root);
    }
    if (config->data_root_count == 0) log_warn("no --data-root: jobs cannot read any file");
    return 0;
}

static void stop(struct service *service)
{
    http_server_stop(service->http);
    sched_stop(service->sched);
    store_close(service->store);
}

/* Prepares everything; what was started is stopped again on failure. */
static int start(struct service *service, struct error *err)
{
    const struct config *config = &service->config;
    struct sched_config sched = {.world = &world_real,
                                 .registry = &registry_all,
                                 .state_dir = config->state,
                                 .data_roots = config->data_roots,
                                 .sources = config->sources,
                                 .slots = config->slots,
                                 .stop_grace_ms = config->stop_grace_ms,
                                 .disk_low_bytes = config->disk_low_bytes ? config->disk_low_bytes : -1};
    struct http_config http = {.listen = config->listen,
                               .token = service->token,
                               .hosts = config->hosts,
                               .world = &world_real,
                               .registry = &registry_all,
                               .web = embedded_web,
                               .api = embedded_api,
                               .connections_max = (unsigned)config->connections};
    int rc = token_read(service->token, *config->token_file ? config->token_file : NULL, err);
    if (rc == 0) rc = check_roots(config, err);
    if (rc == 0) rc = remotes_check(config->sources, err);
    if (rc == 0) rc = path_mkdirs(&world_real, config->state, err);
    if (rc < 0) return rc;
    service->store = store_open(&world_real, config->state, err);
    sched.store = http.store = service->store;
    if (service->store) service->sched = sched_start(&sched, err);
    http.sched = service->sched;
    rc = service->sched ? http_server_start(&service->http, &http, err) : -(int)err->code;
    if (rc < 0) stop(service);
    return rc;
}

static int serve_run(const struct call *call, struct error *err)
{
    const struct serve_params *params = call->params;
    struct service service = {0};
    int rc = config_read(&service.config, &world_real, params->config, err);
    if (rc < 0) return rc;
    log_level_set((enum log_level)service.config.log_level);
    rc = configure(&service.config, params, err);
    if (rc == 0) rc = start(&service, err);
    if (rc == 0) {
        interrupt_watch();
        printf("Trainyard %s: dashboard and API at %s, state in %s\n", TRAINYARD_VERSION, http_server_url(service.http), service.config.state);
        fflush(stdout);
        interrupt_wait(-1, 0);
        log_info("stopping; runs go on, the next start takes them up again");
        stop(&service);
    }
    config_close(&service.config);
    return rc;
}

static const struct exit_row serve_exits[] = {{0, "stopped by SIGTERM or Ctrl-C"},
                                              {64, "wrong usage, or an address beyond loopback without a token"},
                                              {65, "faults in the configuration, each with file and line"},
                                              {66, "a file or folder is not there"},
                                              {75, "the state folder or the address is in use"},
                                              {0}};

const struct command command_serve = {
    .name = "serve",
    .summary = "Start the service: HTTP API, queue and dashboard.",
    .details = "Runs are processes of their own: a server that stops, or is killed, leaves them alone, and the next one takes them up again. "
               "Options override the configuration file; --data-root, --source and --host add to it.",
    .operands = "",
    .args = serve_args,
    .params_size = sizeof(struct serve_params),
    .usage_exit = 64,
    .exits = serve_exits,
    .example = "trainyard serve --data-root data --state trainyard-state",
    .run = serve_run};
