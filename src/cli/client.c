#include "cli/client.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/print.h"
#include "cli/token.h"

enum { TIMEOUT_MS = 30000, PROBLEM_FAULTS_SHOWN = 8 };
#define DEFAULT_SERVER "http://127.0.0.1:8080"

const struct arg client_args[] = {{.name = "server",
                                   .type = ARG_TEXT,
                                   .offset = offsetof(struct client_options, server),
                                   .value = "URL",
                                   .help = "address of the service; default $TRAINYARD_SERVER, else " DEFAULT_SERVER},
                                  {.name = "token-file",
                                   .type = ARG_TEXT,
                                   .offset = offsetof(struct client_options, token_file),
                                   .value = "FILE",
                                   .help = "file that holds the bearer token; default: the token itself in $TRAINYARD_TOKEN"},
                                  ARG_JSON(offsetof(struct client_options, json), "print JSON for programs"),
                                  {0}};

int client_open(struct client *client, const struct client_options *options, struct error *err)
{
    const char *server = options->server ? options->server : getenv("TRAINYARD_SERVER");
    char shown[160], token[TOKEN_SIZE];
    if (!server || !*server) server = DEFAULT_SERVER;
    *client = (struct client){0};
    int length = snprintf(client->server, sizeof client->server, "%s%s", strstr(server, "://") ? "" : "http://", server);
    if (length < 0 || (size_t)length >= sizeof client->server || strpbrk(client->server, "?# "))
        return error_set(err, ERROR_USAGE, NULL, "\"%s\" is no address of a server; it looks like " DEFAULT_SERVER,
                         str_shown(shown, sizeof shown, server, strlen(server), 120));
    while (length > 0 && client->server[length - 1] == '/') client->server[--length] = 0;
    int rc = token_read(token, options->token_file, err);
    if (*token) snprintf(client->authorization, sizeof client->authorization, "Authorization: Bearer %s", token);
    return rc;
}

int client_request(const struct client *client, const struct client_call *call, struct http_request *request, char url[CLIENT_URL_SIZE],
                   const char *headers[CLIENT_HEADERS_MAX + 4], struct error *err)
{
    size_t n = 0;
    int length = snprintf(url, CLIENT_URL_SIZE, "%s%s", client->server, call->path);
    if (length < 0 || length >= CLIENT_URL_SIZE)
        return error_set(err, ERROR_USAGE, NULL, "the address of this request is longer than %d bytes", CLIENT_URL_SIZE);
    if (*client->authorization) headers[n++] = client->authorization;
    if (call->body) headers[n++] = "Content-Type: application/json";
    for (size_t i = 0; i < CLIENT_HEADERS_MAX && call->headers[i]; i++) headers[n++] = call->headers[i];
    headers[n] = NULL;
    *request = (struct http_request){.method = call->method,
                                     .url = url,
                                     .headers = headers,
                                     .body = call->body,
                                     .body_size = call->body_size,
                                     .timeout_ms = call->timeout_ms ? call->timeout_ms : TIMEOUT_MS,
                                     .stop = client->stop};
    return 0;
}

static enum error_code code_of_status(int status)
{
    static const enum error_code codes[] = {ERROR_MALFORMED, ERROR_UNAUTHORIZED, ERROR_FORBIDDEN, ERROR_NOTFOUND, ERROR_METHOD,
                                            ERROR_CONFLICT,  ERROR_TOOLARGE,     ERROR_MEDIATYPE, ERROR_RANGE,    ERROR_INVALID,
                                            ERROR_BUSY,      ERROR_INTERNAL,     ERROR_NOSPACE};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (error_http_status(codes[i]) == status) return codes[i];
    return status >= 500 ? ERROR_UNAVAILABLE : ERROR_MALFORMED;
}

/* "spec is invalid: /optimizer/lr must be > 0, got -1; ..." */
static int problem_text(const json_t *problem, struct bytes *text, struct error *err)
{
    json_t *faults = json_object_get(problem, "errors"), *fault;
    size_t i;
    const char *detail = field_text(problem, "detail");
    int rc = bytes_add_text(text, *detail ? detail : field_text(problem, "title"), err);
    if (!json_is_array(faults) || strstr(detail, field_text(json_array_get(faults, 0), "pointer"))) return rc; /* said already */
    json_array_foreach (faults, i, fault) {
        if (rc < 0 || i == PROBLEM_FAULTS_SHOWN) break;
        rc = bytes_printf(text, err, "%s%s %s", i ? "; " : ": ", field_text(fault, "pointer"), field_text(fault, "detail"));
    }
    return rc;
}

int client_problem(const struct http_response *response, json_t **problem, struct error *err)
{
    enum error_code code = code_of_status(response->status);
    struct error ignored = {0};
    struct bytes text;
    json_t *body = response->body.size ? json_read(response->body.data, response->body.size, "the server's answer", &ignored) : NULL;
    bytes_init(&text, 8192);
    if (json_is_object(body)) problem_text(body, &text, &ignored); /* too long for the buffer: what fits is enough */
    if (text.size > 0) error_set(err, code, NULL, "%s", bytes_text(&text));
    else if (response->status < 400)
        error_set(err, ERROR_MALFORMED, NULL, "the server answers with status %d; is this the address of Trainyard?", response->status);
    else error_set(err, code, NULL, "the server answers with status %d (%s) and no reason", response->status, error_title(code));
    if (response->status == 401) error_wrap(err, "the server wants a token (--token-file FILE or $TRAINYARD_TOKEN)");
    bytes_close(&text);
    if (problem) *problem = body;
    else json_decref(body);
    return -(int)err->code;
}

int client_json(const struct client *client, const struct client_call *call, json_t **answer, struct error *err)
{
    struct http_request request;
    struct http_response response;
    char url[CLIENT_URL_SIZE];
    const char *headers[CLIENT_HEADERS_MAX + 4];
    *answer = NULL;
    int rc = client_request(client, call, &request, url, headers, err);
    if (rc < 0) return rc;
    rc = http_send(&request, &response, err);
    if (rc == 0 && (response.status < 200 || response.status > 299)) rc = client_problem(&response, answer, err);
    else if (rc == 0 && response.body.size > 0) {
        *answer = json_read(response.body.data, response.body.size, "the server's answer", err);
        if (!*answer) rc = error_wrap(err, "%s", client->server);
    }
    http_response_close(&response);
    return rc;
}

int client_job_path(char *path, size_t size, const char *id, const char *tail, struct error *err)
{
    char escaped[256], shown[96];
    if (!*id || strlen(id) > 80 || !http_url_escape(escaped, sizeof escaped, id))
        return error_set(err, ERROR_USAGE, NULL, "\"%s\" is no job id; `trainyard jobs` lists them",
                         str_shown(shown, sizeof shown, id, strlen(id), 60));
    int length = snprintf(path, size, "/v1/jobs/%s%s", escaped, tail);
    return length < 0 || (size_t)length >= size ? error_set(err, ERROR_INTERNAL, NULL, "a path is too long") : 0;
}
