#include "cli/config.h"

#include <string.h>

#include "base/log.h"

static const char *const log_levels[] = {[LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error", NULL};

#define AT(field) offsetof(struct config, field)
const struct option config_options[] = {
    {.name = "listen", .type = OPT_TEXT, .offset = AT(listen), .def_text = "127.0.0.1:8080", .help = "address and port; port 0 takes a free one"},
    {.name = "state", .type = OPT_TEXT, .offset = AT(state), .def_text = "trainyard-state", .help = "folder of the database and the runs"},
    {.name = "token_file", .type = OPT_TEXT, .offset = AT(token_file), .help = "file that holds the bearer token; needed beyond loopback"},
    {.name = "slots", .type = OPT_AUTO, .offset = AT(slots), .min = 0, .max = 4096, .help = "CPU slots for runs; auto: one a core"},
    {.name = "stop_grace_ms",
     .type = OPT_INT,
     .offset = AT(stop_grace_ms),
     .def = 30000,
     .min = 100,
     .max = 3600000,
     .help = "time that a stopped run has for its checkpoint before SIGTERM, then SIGKILL"},
    {.name = "connections", .type = OPT_INT, .offset = AT(connections), .def = 1024, .min = 4, .max = 65536, .help = "HTTP connections at once"},
    {.name = "disk_low_bytes",
     .type = OPT_INT,
     .offset = AT(disk_low_bytes),
     .def = 256 << 20,
     .min = 0,
     .max = 0x1p53,
     .help = "new jobs are refused when less is free in the state folder; 0: never"},
    {.name = "log_level", .type = OPT_NAME, .offset = AT(log_level), .def = LOG_INFO, .choices = log_levels, .help = "least level that is logged"},
    {0}};
static const char *const lists[] = {"data_roots", "hosts", "sources", NULL};

/* Blanks // comments out, outside of strings, so that lines and columns stay what they are. */
static void blank_comments(char *text, size_t size)
{
    bool quoted = false, comment = false;
    for (size_t i = 0; i < size; i++) {
        if (comment && text[i] != '\n') text[i] = ' ';
        else if (comment) comment = false;
        else if (quoted && text[i] == '\\') i++;
        else if (text[i] == '"') quoted = !quoted;
        else if (!quoted && text[i] == '/' && i + 1 < size && text[i + 1] == '/') {
            comment = true;
            text[i] = ' ';
        }
    }
}

int config_add(const char **list, size_t *count, const char *text, const char *name, struct error *err)
{
    if (!*text) return error_set(err, ERROR_USAGE, NULL, "%s: an empty text", name);
    if (*count == CONFIG_LIST_MAX) return error_set(err, ERROR_USAGE, NULL, "%s: more than %d", name, CONFIG_LIST_MAX);
    list[(*count)++] = text;
    list[*count] = NULL;
    return 0;
}

static void read_list(const char **list, size_t *count, const json_t *object, const char *name, struct faults *faults)
{
    json_t *array = json_object_get(object, name), *item;
    struct error err = {0};
    char pointer[64], brief[80];
    size_t i;
    snprintf(pointer, sizeof pointer, "/%s", name);
    if (array && !json_is_array(array)) faults_add(faults, pointer, "must be a list of texts, got %s", json_brief(brief, sizeof brief, array));
    json_array_foreach (array, i, item) {
        snprintf(pointer, sizeof pointer, "/%s/%zu", name, i);
        if (!json_is_string(item)) faults_add(faults, pointer, "must be a text, got %s", json_brief(brief, sizeof brief, item));
        else if (config_add(list, count, json_string_value(item), name, &err) < 0) faults_add(faults, pointer, "%s", err.msg);
    }
}

static int tell_faults(const struct faults *faults, const char *path, const struct bytes *text, struct error *err)
{
    char lines[sizeof err->msg] = "";
    size_t used = 0, kept = faults->count < FAULTS_MAX ? faults->count : FAULTS_MAX;
    for (size_t i = 0; i < kept && used < sizeof lines; i++) {
        const struct fault *f = &faults->list[i];
        used += (size_t)snprintf(lines + used, sizeof lines - used, "%s%s:%zu: %s %s", i ? "\n" : "", path,
                                 json_line_of(bytes_text(text), text->size, f->pointer), f->pointer, f->detail);
    }
    return error_set(err, ERROR_INVALID, NULL, "%s", lines);
}

int config_read(struct config *config, const struct world *w, const char *path, struct error *err)
{
    struct faults faults = {0};
    struct bytes text;
    *config = (struct config){0};
    options_default(config_options, config);
    if (!path) return 0;
    bytes_init(&text, CONFIG_MAX_BYTES);
    int rc = file_slurp(w, path, &text, err);
    if (rc == 0) {
        blank_comments((char *)text.data, text.size);
        if (!(config->json = json_read(text.data, text.size, path, err))) rc = -(int)err->code;
    }
    if (rc == 0) {
        options_read(&(struct option_set){config_options, config}, 1, config->json, "", lists, &faults);
        read_list(config->data_roots, &config->data_root_count, config->json, "data_roots", &faults);
        read_list(config->hosts, &config->host_count, config->json, "hosts", &faults);
        read_list(config->sources, &config->source_count, config->json, "sources", &faults);
        if (faults.count > 0) rc = tell_faults(&faults, path, &text, err);
    }
    bytes_close(&text);
    if (rc < 0) config_close(config);
    return rc;
}

void config_close(struct config *config)
{
    json_decref(config->json);
    config->json = NULL;
}
