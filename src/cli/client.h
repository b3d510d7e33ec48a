/* The service's API as seen by the client commands: address and token from options, environment or default; requests that answer with
 * JSON; problems (RFC 9457) turned into errors in the server's own words. */
#ifndef TRAINYARD_CLI_CLIENT_H
#define TRAINYARD_CLI_CLIENT_H

#include "base/http.h"
#include "base/json.h"
#include "cli/args.h"

enum { CLIENT_URL_SIZE = 2048, CLIENT_HEADERS_MAX = 8 };

struct client_options { /* the START of the params of each client command */
    const char *server, *token_file;
    bool json;
};
extern const struct arg client_args[]; /* --server, --token-file, --json */

struct client {
    char server[1024];           /* without a final slash */
    char authorization[1100];    /* "Authorization: Bearer ...", or "" */
    bool (*stop)(void *context); /* as http_request.stop; NULL: never */
};

/* client_open: ERROR_USAGE: no such address or an unusable token; ERROR_NOTFOUND, ...: the token file. */
int client_open(struct client *client, const struct client_options *options, struct error *err);

struct client_call {
    const char *method, *path; /* path with query: "/v1/jobs?limit=10" */
    const void *body;          /* JSON text, or NULL */
    size_t body_size;
    const char *headers[CLIENT_HEADERS_MAX]; /* more of them; NULL-terminated */
    int64_t timeout_ms;                      /* 0: 30 s */
};

/* client_json: *answer gets the answer's JSON (new reference; NULL for an empty body). A status of 400 or more becomes an error with
 * the problem's words; *answer is then the problem's own object, or NULL. Decref *answer in any case. */
int client_json(const struct client *client, const struct client_call *call, json_t **answer, struct error *err);

/* client_request: fill a request for http_send(): address into url, headers into headers (max of CLIENT_HEADERS_MAX + 4). */
int client_request(const struct client *client, const struct client_call *call, struct http_request *request, char url[CLIENT_URL_SIZE],
                   const char *headers[CLIENT_HEADERS_MAX + 4], struct error *err);

/* client_problem: the error that an answer of 400 or more stands for. Returns its negative code; *problem as in client_json (may be NULL). */
int client_problem(const struct http_response *response, json_t **problem, struct error *err);

/* client_job_path: "/v1/jobs/ID" + tail, the id escaped. ERROR_USAGE when it cannot be an id. */
int client_job_path(char *path, size_t size, const char *id, const char *tail, struct error *err);

#endif
