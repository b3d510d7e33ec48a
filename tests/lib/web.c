#include "lib/web.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "base/url.h"
#include "lib/sigv4.h"

#define MUST(condition) \
    if (!(condition)) __builtin_trap()

enum { REQUEST_MAX = 16384, PARTS = 16384 };

struct answering {
    struct web *web;
    int fd;
    char request[REQUEST_MAX];
    char path[2048], query[4096]; /* path: decoded */
};

static bool say(int fd, const void *data, size_t size)
{
    for (const char *p = data; size > 0;) {
        ssize_t n = send(fd, p, size < PARTS ? size : PARTS, MSG_NOSIGNAL);
        if (n <= 0) return false;
        p += n;
        size -= (size_t)n;
    }
    return true;
}

/* Until the other side goes, or the test ends. */
static void stay_silent(struct answering *a)
{
    for (;;) {
        struct pollfd p = {.fd = a->fd, .events = POLLIN};
        pthread_mutex_lock(&a->web->lock);
        bool stop = a->web->stop;
        pthread_mutex_unlock(&a->web->lock);
        char byte;
        if (stop || (poll(&p, 1, 20) > 0 && recv(a->fd, &byte, 1, 0) <= 0)) return;
    }
}

static void say_status(struct answering *a, int status, const char *headers, const char *body)
{
    char text[4096];
    int n = snprintf(text, sizeof text, "HTTP/1.1 %d Status\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status, headers, strlen(body),
                     body);
    say(a->fd, text, (size_t)n);
}

static void say_error(struct answering *a, int status, const char *code, const char *message)
{
    char body[1024];
    snprintf(body, sizeof body,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s</Message><RequestId>1</RequestId></Error>", code,
             message);
    say_status(a, status, "Content-Type: application/xml\r\n", body);
}

/* ---- objects ---- */

static void say_object(struct answering *a, const struct web_object *o, const struct web_faults *f)
{
    char range[128], match[256], head[2048], etag[300] = "", modified[128] = "", length[64] = "", content_range[128] = "";
    size_t first = 0, last = o->size ? o->size - 1 : 0;
    const char *sent = o->etag ? o->etag : "";
    char weak[280];
    if (f->weak) sent = (snprintf(weak, sizeof weak, "W/%s", o->etag), weak);
    bool part = false;
    sigv4_header(a->request, "If-Match", match, sizeof match);
    if (*match && strcmp(match, sent) != 0) return say_status(a, 412, "", "");
    sigv4_header(a->request, "Range", range, sizeof range);
    if (str_starts(range, "bytes=") && !f->no_range) {
        char *dash = NULL;
        first = strtoull(range + 6, &dash, 10);
        if (dash && dash[1]) last = strtoull(dash + 1, NULL, 10);
        if (last >= o->size) last = o->size ? o->size - 1 : 0;
        sigv4_header(a->request, "If-Range", match, sizeof match);
        part = !*match || strcmp(match, sent) == 0 || (o->modified && strcmp(match, o->modified) == 0);
        if (!part) first = 0, last = o->size - 1;
        if (part && first >= o->size) {
            snprintf(content_range, sizeof content_range, "Content-Range: bytes */%zu\r\n", o->size);
            return say_status(a, 416, content_range, "");
        }
    }
    size_t size = o->size ? last - first + 1 : 0;
    if (o->etag && !f->no_validators) snprintf(etag, sizeof etag, "ETag: %s\r\n", sent);
    if (o->modified && !f->no_validators) snprintf(modified, sizeof modified, "Last-Modified: %s\r\n", o->modified);
    if (!f->no_length) snprintf(length, sizeof length, "Content-Length: %zu\r\n", size + (part ? 0 : f->grows_by));
    if (part) snprintf(content_range, sizeof content_range, "Content-Range: bytes %zu-%zu/%zu\r\n", first, last, o->size + f->grows_by);
    if (part && f->content_range) snprintf(content_range, sizeof content_range, "Content-Range: %s\r\n", f->content_range);
    int n = snprintf(head, sizeof head, "HTTP/1.1 %d OK\r\nDate: Fri, 02 Jan 2026 00:00:00 GMT\r\n%s%s%s%sConnection: close\r\n\r\n",
                     part ? 206 : 200, etag, modified, length, content_range);
    bool silent = f->silences > 0 && size > 1, cut = f->cuts > 0 && size > 1; /* not the look, which asks for one byte */
    if (silent && f->silent_after == (size_t)-1) return stay_silent(a);
    size_t upto = cut && f->cut_after < size ? f->cut_after : silent && f->silent_after < size ? f->silent_after : size;
    if (say(a->fd, head, (size_t)n) && say(a->fd, (const char *)o->data + first, upto) && silent) stay_silent(a);
}

/* ---- lists ---- */

static void parameter(const char *query, const char *name, char *buf, size_t size)
{
    size_t n = strlen(name);
    buf[0] = 0;
    for (const char *p = query; *p; p += strcspn(p, "&"), p += *p == '&') {
        if (strncmp(p, name, n) != 0 || p[n] != '=') continue;
        snprintf(buf, size, "%.*s", (int)strcspn(p + n + 1, "&"), p + n + 1);
        MUST(url_decode(buf, false));
        return;
    }
}

static int path_compare(const void *a, const void *b) { return strcmp(((const struct web_object *)a)->path, ((const struct web_object *)b)->path); }

/* As a store writes keys under encoding-type=url. */
static void key_escape(const char *key, char *buf, size_t size)
{
    size_t n = 0;
    for (; *key && n + 4 < size; key++)
        if (*key == ' ') buf[n++] = '+';
        else if ((unsigned char)*key > 0x20 && (unsigned char)*key < 0x7f && !strchr("%+&<>\"'*[]?", *key)) buf[n++] = *key;
        else n += (size_t)snprintf(buf + n, size - n, "%%%02X", (unsigned char)*key);
    buf[n] = 0;
}

static void say_list(struct answering *a, const char *bucket)
{
    struct web *w = a->web;
    struct bytes body;
    char prefix[1200], delimiter[8], token[1200], type[8], encoding[8], last[600] = "", key[2000];
    size_t bucket_size = strlen(bucket), listed = 0, most = w->page_max ? w->page_max : 1000;
    bool more = false;
    parameter(a->query, "prefix", prefix, sizeof prefix);
    parameter(a->query, "delimiter", delimiter, sizeof delimiter);
    parameter(a->query, "continuation-token", token, sizeof token);
    parameter(a->query, "list-type", type, sizeof type);
    parameter(a->query, "encoding-type", encoding, sizeof encoding);
    if (strcmp(type, "2") != 0 || strcmp(encoding, "url") != 0) return say_error(a, 400, "InvalidArgument", "list-type=2, encoding-type=url");
    if (w->list_body) return say_status(a, 200, "", w->list_body);
    struct web_object *sorted = malloc(sizeof w->objects);
    MUST(sorted);
    memcpy(sorted, w->objects, sizeof w->objects);
    qsort(sorted, w->count, sizeof *sorted, path_compare);
    bytes_init(&body, 1 << 22);
    MUST(bytes_add_text(&body,
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                        "<Name>b</Name><MaxKeys>1000</MaxKeys>",
                        NULL) == 0);
    for (size_t i = 0; i < w->count; i++) {
        const char *name = sorted[i].path;
        if (strncmp(name, bucket, bucket_size) != 0 || name[bucket_size] != '/') continue;
        name += bucket_size + 1;
        if (!str_starts(name, prefix) || (*delimiter && strchr(name + strlen(prefix), '/')) || strcmp(name, token) <= 0) continue;
        if ((more = listed == most)) break;
        key_escape(name, key, sizeof key);
        MUST(bytes_printf(&body, NULL,
                          "<Contents><Key>%s</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;%.*s&quot;</ETag>"
                          "<Size>%zu</Size><Owner><ID>x</ID></Owner><StorageClass>STANDARD</StorageClass></Contents>\n",
                          key, (int)strlen(sorted[i].etag) - 2, sorted[i].etag + 1, sorted[i].size) == 0);
        snprintf(last, sizeof last, "%s", name);
        listed++;
    }
    key_escape(last, key, sizeof key);
    MUST(url_decode(key, true));
    MUST(bytes_printf(&body, NULL, "<IsTruncated>%s</IsTruncated>", more ? "true" : "false") == 0);
    if (more) MUST(bytes_printf(&body, NULL, "<NextContinuationToken>%s</NextContinuationToken>", key) == 0);
    MUST(bytes_add_text(&body, "</ListBucketResult>", NULL) == 0);
    char head[200];
    int n = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                     body.size);
    if (say(a->fd, head, (size_t)n)) say(a->fd, body.data, body.size);
    bytes_close(&body);
    free(sorted);
}

/* ---- requests ---- */

void web_misbehave(struct web *w, const struct web_faults *faults)
{
    pthread_mutex_lock(&w->lock);
    w->faults = *faults;
    w->requests = 0;
    bytes_clear(&w->log);
    pthread_mutex_unlock(&w->lock);
}

unsigned web_requests(struct web *w)
{
    pthread_mutex_lock(&w->lock);
    unsigned requests = w->requests;
    pthread_mutex_unlock(&w->lock);
    return requests;
}

bool web_heard(struct web *w, const char *text)
{
    pthread_mutex_lock(&w->lock);
    bool heard = strstr(bytes_text(&w->log), text) != NULL;
    pthread_mutex_unlock(&w->lock);
    return heard;
}

static bool hear(struct answering *a)
{
    size_t used = 0;
    char method[16], target[8192];
    a->request[0] = 0;
    while (!strstr(a->request, "\r\n\r\n")) {
        ssize_t n = used + 1 < sizeof a->request ? recv(a->fd, a->request + used, sizeof a->request - 1 - used, 0) : 0;
        if (n <= 0) return false;
        used += (size_t)n;
        a->request[used] = 0;
    }
    if (sscanf(a->request, "%15s %8191s", method, target) != 2) return false;
    char *query = strchr(target, '?');
    if (query) *query++ = 0;
    snprintf(a->path, sizeof a->path, "%.2040s", target);
    snprintf(a->query, sizeof a->query, "%.4090s", query ? query : "");
    return url_decode(a->path, false);
}

static void note(struct answering *a)
{
    static const char *const names[] = {"Range", "If-Range", "If-Match", "Authorization"};
    char value[300];
    struct bytes *log = &a->web->log;
    MUST(bytes_printf(log, NULL, "%.*s", (int)strcspn(a->request, "\r"), a->request) == 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (*sigv4_header(a->request, names[i], value, sizeof value)) MUST(bytes_printf(log, NULL, "; %s: %.60s", names[i], value) == 0);
    MUST(bytes_add_text(log, "\n", NULL) == 0);
}

/* What stands against answering: said already. */
static bool refuse(struct answering *a, struct web_faults *f)
{
    struct web *w = a->web;
    char token[4096];
    if (w->key) {
        const char *wrong = sigv4_check(a->request, w->key, w->secret, w->region);
        sigv4_header(a->request, "x-amz-security-token", token, sizeof token);
        if (!wrong && strcmp(token, w->token ? w->token : "") != 0) wrong = "InvalidToken";
        if (wrong) {
            snprintf(w->wrong, sizeof w->wrong, "%s", wrong);
            say_error(a, 403, "SignatureDoesNotMatch", "The request signature we calculated does not match");
            return true;
        }
    }
    if (f->refusals > 0) {
        f->refusals--;
        say_error(a, f->refusal_status, "SlowDown", "Please reduce your request rate");
        return true;
    }
    if (f->redirect) {
        char location[512];
        snprintf(location, sizeof location, "Location: %s\r\n", f->redirect);
        say_status(a, 302, location, "");
        return true;
    }
    return false;
}

static void answer(struct answering *a)
{
    struct web *w = a->web;
    pthread_mutex_lock(&w->lock);
    w->requests++;
    note(a);
    struct web_object *found = NULL, copy;
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->objects[i].path, a->path) == 0) found = &w->objects[i];
    if (w->faults.changes_in > 0 && --w->faults.changes_in == 0 && found) found->etag = "\"changed\"";
    struct web_faults now = w->faults;
    bool refused = refuse(a, &w->faults);
    bool body = !refused && found && !strstr(a->request, "Range: bytes=0-0");
    if (body && w->faults.cuts > 0) w->faults.cuts--;
    if (body && w->faults.silences > 0) w->faults.silences--;
    size_t n = strlen(a->path);
    bool list = !refused && !found && strstr(a->query, "list-type=");
    if (list && n > 1 && a->path[n - 1] == '/') a->path[n - 1] = 0;
    if (list) say_list(a, a->path);
    if (found) copy = *found;
    pthread_mutex_unlock(&w->lock);
    if (refused || list) return;
    if (found) say_object(a, &copy, &now);
    else say_error(a, 404, "NoSuchKey", "The specified key does not exist.");
}

static void *serve(void *context)
{
    struct web *w = context;
    struct answering *a = malloc(sizeof *a);
    MUST(a);
    a->web = w;
    while ((a->fd = accept(w->listener, NULL, NULL)) >= 0) {
        if (hear(a)) answer(a);
        shutdown(a->fd, SHUT_WR);
        close(a->fd);
    }
    free(a);
    return NULL;
}

void web_begin(struct web *w)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *w = (struct web){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    bytes_init(&w->log, 1 << 22);
    pthread_mutex_init(&w->lock, NULL);
    MUST(bind(w->listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(w->listener, 16) == 0);
    MUST(getsockname(w->listener, (struct sockaddr *)&address, &size) == 0);
    w->port = ntohs(address.sin_port);
    snprintf(w->url, sizeof w->url, "http://127.0.0.1:%d", w->port);
    MUST(pthread_create(&w->thread, NULL, serve, w) == 0);
}

void web_end(struct web *w)
{
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_mutex_unlock(&w->lock);
    shutdown(w->listener, SHUT_RDWR);
    pthread_join(w->thread, NULL);
    close(w->listener);
    for (size_t i = 0; i < w->kept_count; i++) free(w->kept[i]);
    bytes_close(&w->log);
    pthread_mutex_destroy(&w->lock);
}

struct web_object *web_put(struct web *w, const char *path, const void *data, size_t size, const char *etag)
{
    struct web_object *o = NULL;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->objects[i].path, path) == 0) o = &w->objects[i];
    if (!o) {
        MUST(w->count < WEB_OBJECTS_MAX);
        o = &w->objects[w->count++];
    }
    void *copy = malloc(size + 1);
    MUST(copy && w->kept_count < sizeof w->kept / sizeof *w->kept);
    memcpy(copy, data, size);
    w->kept[w->kept_count++] = copy;
    *o = (struct web_object){.data = copy, .size = size, .etag = etag, .modified = "Thu, 01 Jan 2026 00:00:00 GMT"};
    snprintf(o->path, sizeof o->path, "%s", path);
    pthread_mutex_unlock(&w->lock);
    return o;
}
