/* A whole service in the test's process: a real store and scheduler over a temporary folder, the HTTP server on a free loopback port,
 * and runs that only pretend to train (fake_run.h). And a client that says exactly what it is told, over a plain socket.
 *
 * Everything that fails fails the test, with a message. Main thread only, but for talk_try(). */
#ifndef TRAINYARD_TESTS_LIB_SERVER_H
#define TRAINYARD_TESTS_LIB_SERVER_H

#include "lib/test.h"

#include "lib/fake_place.h"
#include "service/http/server.h"
#include "service/sched/sched.h"
#include "service/store/store.h"

enum { TALK_DEADLINE_MS = 20000 };

struct server {
    struct fake_place place;
    struct sched_config sched_config;
    struct http_config config; /* change it between server_prepare() and server_up() */
    struct store *store;
    struct sched *sched;
    struct http_server *http;
    int port;
    struct error err;
};

void server_prepare(struct server *s);
void server_up(struct server *s);   /* store, scheduler, HTTP */
void server_down(struct server *s); /* in the order of `trainyard serve`; can come up again */
void server_done(struct server *s); /* ends what runs, and down */

struct answer {
    int status;
    struct bytes head, body; /* head: status line and headers; body without the chunks' frames */
    json_t *json;            /* of a JSON body, else NULL */
};
void answer_close(struct answer *a);
const char *answer_header(const struct answer *a, const char *name, char *buf, size_t size); /* "" when missing; returns buf */
const char *answer_text(const struct answer *a, const char *field);                          /* a string field of the JSON; fails when missing */

/* talk: one request on a connection of its own. headers: lines that end with \r\n, or NULL; Host, Connection: close and (with a body)
 * Content-Length come by themselves. body: NULL for none. Replaces what was in *a. */
void talk(const struct server *s, struct answer *a, const char *method, const char *target, const char *headers, const char *body);
void talk_json(const struct server *s, struct answer *a, const char *method, const char *target, const char *body); /* with application/json */

/* talk_try: the same without assertions, for other threads. Returns the status, or -1. */
int talk_try(int port, struct answer *a, const char *text, size_t size);

int talk_open(const struct server *s);                                   /* a connected socket */
int talk_open_port(int port);                                            /* -1: refused */
bool talk_write(int fd, const void *data, size_t size);                  /* false: the server closed */
int talk_read(int fd, struct answer *a, bool head, int64_t deadline_ms); /* one reply; the status, or -1: closed or too late */

/* talk_until: read raw bytes into *seen until it holds `text` (true), or the connection ends or the deadline comes (false). */
bool talk_until(int fd, struct bytes *seen, const char *text, int64_t deadline_ms);
bool talk_closed(int fd, int64_t deadline_ms); /* does the server close within that time? Bytes before are dropped */

/* job_submit: POST a job whose name tells the fake run what to do. id gets its id. */
void job_submit(const struct server *s, const char *name, char id[ID_SIZE]);
void job_await(const struct server *s, const char *id, const char *state); /* polls the store */
void job_go(const struct server *s, const char *id);                       /* lets a `hold` run end */
extern const char job_body[];                                              /* printf: name */

#endif
