#include "lib/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/registries.h"

const char job_body[] = "{\"name\": \"%s\", \"dataset\": {\"uri\": \"file:clicks.tsv\", \"format\": \"criteo\"}, \"model\": {\"kind\": \"lr\"}, "
                        "\"train\": {\"workers\": 1}}";

/* ---- the service ---- */

void server_prepare(struct server *s)
{
    static const struct embedded no_files[] = {{0}};
    memset(s, 0, sizeof *s);
    s->sched_config = fake_place_make(&s->place);
    s->config = (struct http_config){.listen = "127.0.0.1:0", .world = &world_real, .registry = &registry_all, .web = no_files, .api = embedded_api};
}

void server_up(struct server *s)
{
    s->store = store_open(&world_real, s->place.state, &s->err);
    assert_ok(s->store ? 0 : -1, &s->err);
    s->sched_config.store = s->config.store = s->store;
    s->sched = s->config.sched = sched_start(&s->sched_config, &s->err);
    assert_ok(s->sched ? 0 : -1, &s->err);
    assert_ok(http_server_start(&s->http, &s->config, &s->err), &s->err);
    s->port = atoi(strrchr(http_server_url(s->http), ':') + 1);
}

void server_down(struct server *s)
{
    http_server_stop(s->http);
    sched_stop(s->sched);
    store_close(s->store);
    s->http = NULL, s->sched = NULL, s->store = NULL;
}

/* A run outlives its server, by design; a test must not leave one. */
void server_done(struct server *s)
{
    struct job_list list = {0};
    assert_ok(store_jobs_active(s->store, &list, &s->err), &s->err);
    for (size_t i = 0; i < list.count; i++) {
        struct job job = {0};
        if (sched_cancel(s->sched, "", list.items[i].id, &job, NULL) == 0) job_close(&job);
        job_await(s, list.items[i].id, NULL);
    }
    job_list_close(&list);
    server_down(s);
}

/* ---- sockets ---- */

int talk_open_port(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

int talk_open(const struct server *s)
{
    int fd = talk_open_port(s->port);
    assert_true(fd >= 0);
    return fd;
}

bool talk_write(int fd, const void *data, size_t size)
{
    for (const char *at = data; size > 0;) {
        ssize_t n = send(fd, at, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        at += n, size -= (size_t)n;
    }
    return true;
}

/* Appends what comes next. 0: the end, -1: too late. A reset is an end. */
static int read_some(int fd, struct bytes *out, int64_t until_ms)
{
    char buf[16384];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int ready;
    do { /* a run that ends under us interrupts the wait (SIGCHLD) */
        int64_t left = until_ms - world_mono_ms(&world_real);
        ready = left <= 0 ? 0 : poll(&p, 1, (int)left);
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) return -1;
    ssize_t n = recv(fd, buf, sizeof buf, 0);
    if (n <= 0) return 0;
    return bytes_add(out, buf, (size_t)n, NULL) == 0 ? (int)n : -1;
}

bool talk_until(int fd, struct bytes *seen, const char *text, int64_t deadline_ms)
{
    int64_t until = world_mono_ms(&world_real) + deadline_ms;
    while (!strstr(bytes_text(seen), text))
        if (read_some(fd, seen, until) <= 0) return strstr(bytes_text(seen), text) != NULL;
    return true;
}

bool talk_closed(int fd, int64_t deadline_ms)
{
    struct bytes dropped;
    int64_t until = world_mono_ms(&world_real) + deadline_ms;
    int n;
    bytes_init(&dropped, 64 << 20);
    while ((n = read_some(fd, &dropped, until)) > 0) bytes_clear(&dropped);
    bytes_close(&dropped);
    return n == 0;
}

/* ---- answers ---- */

void answer_close(struct answer *a)
{
    bytes_close(&a->head), bytes_close(&a->body);
    json_decref(a->json);
    *a = (struct answer){0};
}

const char *answer_header(const struct answer *a, const char *name, char *buf, size_t size)
{
    size_t length = strlen(name);
    buf[0] = 0;
    for (const char *line = strstr(bytes_text(&a->head), "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, length) != 0 || line[length] != ':') continue;
        line += length + 1 + strspn(line + length + 1, " ");
        snprintf(buf, size, "%.*s", (int)strcspn(line, "\r"), line);
        break;
    }
    return buf;
}

const char *answer_text(const struct answer *a, const char *field)
{
    const char *text = json_string_value(json_object_get(a->json, field));
    if (!text) fail_msg("no field %s in %s", field, bytes_text(&a->body));
    return text;
}

/* unchunk: raw holds a chunked body from `at`. 1: whole, in out; 0: more is to come; -1: broken. */
static int unchunk(const struct bytes *raw, size_t at, struct bytes *out)
{
    bytes_clear(out);
    for (;;) {
        char *line = (char *)raw->data + at, *end;
        char *eol = memmem(line, raw->size - at, "\r\n", 2);
        if (!eol) return 0;
        size_t size = strtoul(line, &end, 16);
        if (end == line) return -1;
        at = (size_t)(eol - (char *)raw->data) + 2;
        if (size == 0) return raw->size >= at + 2;
        if (raw->size < at + size + 2) return 0;
        bytes_add(out, raw->data + at, size, NULL);
        at += size + 2;
    }
}

int talk_read(int fd, struct answer *a, bool head, int64_t deadline_ms)
{
    struct bytes raw;
    char text[64];
    char *split = NULL;
    int64_t until = world_mono_ms(&world_real) + deadline_ms;
    int status = -1, n = 1;
    answer_close(a);
    bytes_init(&raw, 512 << 20), bytes_init(&a->head, 1 << 20), bytes_init(&a->body, 512 << 20);
    while (!(split = raw.size ? memmem(raw.data, raw.size, "\r\n\r\n", 4) : NULL) && (n = read_some(fd, &raw, until)) > 0) {}
    if (!split) goto out;
    size_t start = (size_t)(split - (char *)raw.data) + 4;
    bytes_add(&a->head, raw.data, start, NULL);
    a->status = atoi(bytes_text(&a->head) + strlen("HTTP/1.1 "));
    bool chunked = !strcasecmp(answer_header(a, "Transfer-Encoding", text, sizeof text), "chunked");
    bool has_length = answer_header(a, "Content-Length", text, sizeof text)[0] != 0;
    size_t length = strtoul(text, NULL, 10);
    if (head || a->status == 204 || a->status == 304) n = 1;
    else if (chunked) {
        int whole;
        while ((whole = unchunk(&raw, start, &a->body)) == 0 && (n = read_some(fd, &raw, until)) > 0) {}
        if (whole < 0) n = -1;
    } else {
        while ((!has_length || raw.size - start < length) && (n = read_some(fd, &raw, until)) > 0) {}
        if (!has_length && n == 0) length = raw.size - start, n = 1;
        if (n > 0) bytes_add(&a->body, raw.data + start, length, NULL);
    }
    if (n <= 0) goto out;
    status = a->status;
    if (strstr(answer_header(a, "Content-Type", text, sizeof text), "json") && !*answer_header(a, "Content-Encoding", text, sizeof text))
        a->json = json_read(a->body.data, a->body.size, "answer", NULL);
out:
    bytes_close(&raw);
    return status;
}

int talk_try(int port, struct answer *a, const char *text, size_t size)
{
    int fd = talk_open_port(port);
    if (fd < 0) return -1;
    talk_write(fd, text, size); /* the server may answer and close before it has read all */
    int status = talk_read(fd, a, !strncmp(text, "HEAD", 4), TALK_DEADLINE_MS);
    close(fd);
    return status;
}

void talk(const struct server *s, struct answer *a, const char *method, const char *target, const char *headers, const char *body)
{
    struct bytes text;
    bytes_init(&text, 64 << 20);
    bool host = headers && strcasestr(headers, "Host:");
    bytes_printf(&text, NULL, "%s %s HTTP/1.1\r\n%sConnection: close\r\n%s", method, target, host ? "" : "Host: localhost\r\n",
                 headers ? headers : "");
    if (body) bytes_printf(&text, NULL, "Content-Length: %zu\r\n", strlen(body));
    bytes_printf(&text, NULL, "\r\n%s", body ? body : "");
    int status = talk_try(s->port, a, bytes_text(&text), text.size);
    bytes_close(&text);
    if (status < 0) fail_msg("no whole answer to %s %s: head \"%s\"", method, target, bytes_text(&a->head));
}

void talk_json(const struct server *s, struct answer *a, const char *method, const char *target, const char *body)
{
    talk(s, a, method, target, "Content-Type: application/json\r\n", body);
}

/* ---- jobs ---- */

void job_submit(const struct server *s, const char *name, char id[ID_SIZE])
{
    struct answer a = {0};
    char body[512];
    snprintf(body, sizeof body, job_body, name);
    talk_json(s, &a, "POST", "/v1/jobs", body);
    if (a.status != 201) fail_msg("submit of %s: %d %s", name, a.status, bytes_text(&a.body));
    snprintf(id, ID_SIZE, "%s", answer_text(&a, "id"));
    answer_close(&a);
}

void job_await(const struct server *s, const char *id, const char *state)
{
    int64_t until = world_mono_ms(&world_real) + TALK_DEADLINE_MS;
    for (;;) {
        struct job job = {0};
        struct error err = {0};
        assert_ok(store_job_get(s->store, id, &job, &err), &err);
        enum job_state now = job.state;
        job_close(&job);
        if (state ? !strcmp(job_state_name(now), state) : job_state_final(now)) return;
        if (world_mono_ms(&world_real) > until) fail_msg("%s is %s, not %s", id, job_state_name(now), state ? state : "over");
        poll(NULL, 0, 5);
    }
}

void job_go(const struct server *s, const char *id)
{
    char path[PATH_SIZE];
    struct error err = {0};
    char dir[PATH_SIZE];
    assert_ok(sched_run_path(s->sched, id, NULL, dir, &err), &err);
    assert_ok(path_join(path, dir, "go", &err), &err);
    test_write_file(path, "", 0);
}
