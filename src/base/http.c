/* One easy handle on one multi handle an exchange: the multi interface only so that `stop` is asked while nothing moves. The handle
 * lives for one call; connections are not kept, which costs a loopback round trip and saves all shared state. */
#include "base/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/world.h"

#define SHA256_OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

enum { POLL_MS = 200, CONNECT_TIMEOUT_MS = 10000, URL_MAX = 8192 };

struct http_stream;

struct exchange {
    const struct http_request *request;
    struct http_stream *stream; /* that takes a 2xx body; NULL: none */
    struct http_response *response;
    struct error *err; /* of on_data and of full buffers; the first one stands */
    CURL *easy;
    CURLM *multi;
    struct curl_slist *headers;
    bool head_ended; /* of the final answer */
    char why[CURL_ERROR_SIZE];
};

enum { STREAM_BYTES = 256 << 10 }; /* what curl hands over at once, and so what waits for the caller at most */

struct http_stream {
    struct exchange x;
    const struct world *world;
    int64_t heard_ms; /* when something came, or the caller began to wait */
    bool done, paused;
    int rc; /* of the end */
    struct error err;
    size_t at, size; /* buf[at .. size - 1] has not been taken */
    char buf[STREAM_BYTES];
};

static size_t stream_take(struct http_stream *s, const char *data, size_t size);

static void global_init(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

/* curl: called for each header line, status lines of interim and final answers included. */
static size_t take_header(char *data, size_t one, size_t size, void *context)
{
    struct exchange *x = context;
    struct bytes *headers = &x->response->headers;
    (void)one;
    if (size >= 5 && memcmp(data, "HTTP/", 5) == 0) { /* an interim answer (100) may have come before */
        bytes_clear(headers);
        x->head_ended = false;
        return size;
    }
    size_t length = size;
    while (length > 0 && (data[length - 1] == '\r' || data[length - 1] == '\n')) length--;
    if (length == 0) {
        long status = 0;
        curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
        x->head_ended = status >= 200;
        return size;
    }
    if (bytes_add(headers, data, length, x->err) < 0 || bytes_add_text(headers, "\n", x->err) < 0) return 0;
    return size;
}

static size_t take_body(char *data, size_t one, size_t size, void *context)
{
    struct exchange *x = context;
    long status = 0;
    (void)one;
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    bool good = status >= 200 && status < 300;
    if (good && x->stream) return stream_take(x->stream, data, size);
    int rc = x->request->on_data && good ? x->request->on_data(x->request->context, data, size, x->err)
                                         : bytes_add(&x->response->body, data, size, x->err);
    return rc < 0 ? 0 : size;
}

static int check_text(const char *what, const char *text, struct error *err)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) return error_set(err, ERROR_USAGE, NULL, "%s contains a control character (byte %d)", what, *c);
    return 0;
}

static bool is_loopback(CURLU *parts)
{
    char *host = NULL;
    if (curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK) return false;
    bool loopback = strcasecmp(host, "localhost") == 0 || str_starts(host, "127.") || strcmp(host, "[::1]") == 0;
    curl_free(host);
    return loopback;
}

/* The address, checked before anything is sent. *loopback: no proxy may come between. */
static int check_url(const struct http_request *request, bool *loopback, struct error *err)
{
    const char *url = request->url, *told = request->shown ? request->shown : url;
    char *scheme = NULL, shown[256];
    int rc = 0;
    str_shown(shown, sizeof shown, told, strlen(told), 200);
    if (strlen(url) > URL_MAX) return error_set(err, ERROR_USAGE, NULL, "the address %s is longer than %d bytes", shown, URL_MAX);
    if ((rc = check_text("the address", url, err)) < 0) return rc;
    CURLU *parts = curl_url();
    if (!parts) return error_set(err, ERROR_NOMEM, NULL, "cannot parse the address %s", shown);
    CURLUcode code = curl_url_set(parts, CURLUPART_URL, url, 0);
    if (code == CURLUE_OK) code = curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0);
    if (code != CURLUE_OK)
        rc = error_set(err, ERROR_USAGE, NULL, "\"%s\" is no address (%s); it looks like http://127.0.0.1:8080", shown, curl_url_strerror(code));
    else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        rc = error_set(err, ERROR_USAGE, NULL, "\"%s\": only http and https are spoken, not %s", shown, scheme);
    else *loopback = is_loopback(parts);
    curl_free(scheme);
    curl_url_cleanup(parts);
    return rc;
}

static int add_headers(struct exchange *x, struct error *err)
{
    for (const char *const *header = x->request->headers; header && *header; header++) {
        if (check_text("a request header", *header, err) < 0) return -(int)ERROR_USAGE;
        struct curl_slist *more = curl_slist_append(x->headers, *header);
        if (!more) return error_set(err, ERROR_NOMEM, NULL, "cannot build the request's headers");
        x->headers = more;
    }
    /* Bodies are small: no round trip for 100-continue. S3 wants the body's hash as a header, which curl's signature counts in but only later
     * versions send by themselves; nothing that is not sent may be signed. */
    const char *own = x->request->body ? "Expect:" : x->request->sign ? "x-amz-content-sha256: " SHA256_OF_NOTHING : NULL;
    struct curl_slist *more = own ? curl_slist_append(x->headers, own) : x->headers;
    if (own && !more) return error_set(err, ERROR_NOMEM, NULL, "cannot build the request's headers");
    x->headers = more;
    return 0;
}

static void set_up_sign(CURL *easy, const struct http_sign *sign)
{
    char what[128];
    snprintf(what, sizeof what, "aws:amz:%s:%s", sign->region, sign->service);
    curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, what); /* curl copies texts */
    curl_easy_setopt(easy, CURLOPT_USERNAME, sign->key);
    curl_easy_setopt(easy, CURLOPT_PASSWORD, sign->secret);
}

/* The file of trusted authorities, where the environment names one by the words that curl and OpenSSL know; NULL: the system's. */
static const char *authorities(void)
{
    const char *file = getenv("CURL_CA_BUNDLE");
    if (!file || !*file) file = getenv("SSL_CERT_FILE");
    return file && *file ? file : NULL;
}

static void set_up(struct exchange *x, bool loopback)
{
    const struct http_request *r = x->request;
    CURL *easy = x->easy;
    curl_easy_setopt(easy, CURLOPT_URL, r->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, x->headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "trainyard/" TRAINYARD_VERSION);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->why);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(r->connect_timeout_ms > 0 ? r->connect_timeout_ms : CONNECT_TIMEOUT_MS));
    if (r->timeout_ms > 0) curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
    if (x->stream) curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)STREAM_BYTES);
    else if (r->idle_timeout_ms > 0) {
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)((r->idle_timeout_ms + 999) / 1000));
    }
    if (loopback) curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (authorities()) curl_easy_setopt(easy, CURLOPT_CAINFO, authorities());
    if (r->user) curl_easy_setopt(easy, CURLOPT_USERPWD, r->user);
    if (r->sign) set_up_sign(easy, r->sign);
    if (r->body) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_size);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->body);
    }
    if (r->method) curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
    if (r->method && strcmp(r->method, "HEAD") == 0) curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
}

/* Turns curl's result into our words. */
static int judge(const struct exchange *x, CURLcode code, struct error *err)
{
    char url[256];
    const char *why = *x->why ? x->why : curl_easy_strerror(code);
    if (err->code != ERROR_NONE) return -(int)err->code; /* on_data's own failure, or a full buffer */
    const char *shown = x->request->shown ? x->request->shown : x->request->url;
    str_shown(url, sizeof url, shown, strlen(shown), 200);
    switch (code) {
    case CURLE_OK: return 0;
    case CURLE_OUT_OF_MEMORY: return error_set(err, ERROR_NOMEM, NULL, "%s: out of memory", url);
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST: return error_set(err, ERROR_UNAVAILABLE, NULL, "cannot reach %s: %s; is the server running there?", url, why);
    case CURLE_OPERATION_TIMEDOUT: return error_set(err, ERROR_UNAVAILABLE, NULL, "%s did not answer in time: %s", url, why);
    case CURLE_PEER_FAILED_VERIFICATION:
        return error_set(err, ERROR_FORBIDDEN, NULL, "%s: its certificate is not trusted: %s; SSL_CERT_FILE may name a file of authorities", url,
                         why);
    case CURLE_SSL_CACERT_BADFILE:
        return error_set(err, ERROR_FORBIDDEN, NULL, "%s: the file of authorities %s cannot be used: %s", url,
                         authorities() ? authorities() : "of the system", why);
    default: return error_set(err, ERROR_UNAVAILABLE, NULL, "talking to %s failed: %s", url, why);
    }
}

static int perform(struct exchange *x, struct error *err)
{
    int running = 1;
    CURLMcode rc = curl_multi_add_handle(x->multi, x->easy);
    while (rc == CURLM_OK && (rc = curl_multi_perform(x->multi, &running)) == CURLM_OK && running) {
        if (x->request->stop && x->request->stop(x->request->context)) return error_set(err, ERROR_STOPPED, NULL, "interrupted");
        rc = curl_multi_poll(x->multi, NULL, 0, POLL_MS, NULL);
    }
    if (rc != CURLM_OK) return error_set(err, ERROR_INTERNAL, NULL, "the HTTP client failed: %s", curl_multi_strerror(rc));
    int left;
    const CURLMsg *message = curl_multi_info_read(x->multi, &left);
    return judge(x, message && message->msg == CURLMSG_DONE ? message->data.result : CURLE_GOT_NOTHING, err);
}

/* Everything up to the first byte on the wire. Whatever it returns, exchange_close(). */
static int exchange_open(struct exchange *x, struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const struct http_request *request = x->request;
    bool loopback = false;
    int rc;
    *x->response = (struct http_response){0};
    bytes_init(&x->response->headers, HTTP_HEADERS_MAX_BYTES);
    bytes_init(&x->response->body, request->response_max ? request->response_max : HTTP_BODY_MAX_BYTES);
    pthread_once(&once, global_init);
    if ((rc = check_url(request, &loopback, err)) < 0) return rc;
    x->easy = curl_easy_init();
    x->multi = curl_multi_init();
    if (!x->easy || !x->multi) return error_set(err, ERROR_NOMEM, NULL, "cannot start the HTTP client");
    if ((rc = add_headers(x, err)) < 0) return rc;
    set_up(x, loopback);
    return 0;
}

static void exchange_status(struct exchange *x)
{
    long status = 0;
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    x->response->status = (int)status;
}

static void exchange_close(struct exchange *x)
{
    if (x->multi && x->easy) curl_multi_remove_handle(x->multi, x->easy);
    curl_easy_cleanup(x->easy);
    curl_multi_cleanup(x->multi);
    curl_slist_free_all(x->headers);
}

int http_send(const struct http_request *request, struct http_response *response, struct error *err)
{
    struct error local = {0};
    struct exchange x = {.request = request, .response = response, .err = err ? err : &local};
    int rc = exchange_open(&x, x.err);
    if (rc == 0) {
        rc = perform(&x, x.err);
        exchange_status(&x);
    }
    exchange_close(&x);
    return rc;
}

/* ---- streams ---- */

/* curl: the whole of the data or nothing; what does not fit is offered again after the pause. */
static size_t stream_take(struct http_stream *s, const char *data, size_t size)
{
    if (s->at == s->size) s->at = s->size = 0;
    if (size > sizeof s->buf - s->size) {
        s->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    memcpy(s->buf + s->size, data, size);
    s->size += size;
    return size;
}

static int stream_end(struct http_stream *s, int rc)
{
    s->done = true;
    return s->rc = rc;
}

/* One turn: what curl can do now; then, when nothing came, a short wait. */
static int stream_turn(struct http_stream *s)
{
    struct exchange *x = &s->x;
    size_t heads = x->response->headers.size, bodies = x->response->body.size;
    int running = 1, left;
    if (s->paused) {
        s->paused = false;
        curl_easy_pause(x->easy, CURLPAUSE_CONT); /* may hand data over at once */
    }
    CURLMcode code = curl_multi_perform(x->multi, &running);
    if (code != CURLM_OK) return stream_end(s, error_set(&s->err, ERROR_INTERNAL, NULL, "the HTTP client failed: %s", curl_multi_strerror(code)));
    if (!running) {
        const CURLMsg *message = curl_multi_info_read(x->multi, &left);
        return stream_end(s, judge(x, message && message->msg == CURLMSG_DONE ? message->data.result : CURLE_GOT_NOTHING, &s->err));
    }
    int64_t now = world_mono_ms(s->world);
    if (s->size > s->at || x->response->headers.size != heads || x->response->body.size != bodies) return s->heard_ms = now, 0;
    if (x->request->stop && x->request->stop(x->request->context)) return stream_end(s, error_set(&s->err, ERROR_STOPPED, NULL, "interrupted"));
    if (x->request->idle_timeout_ms > 0 && now - s->heard_ms >= x->request->idle_timeout_ms) {
        const char *shown = x->request->shown ? x->request->shown : x->request->url;
        return stream_end(
            s, error_set(&s->err, ERROR_UNAVAILABLE, NULL, "%.200s said nothing for %.3g s", shown, (double)x->request->idle_timeout_ms / 1000));
    }
    int64_t wait = POLL_MS;
    if (x->request->idle_timeout_ms > 0 && x->request->idle_timeout_ms < wait) wait = x->request->idle_timeout_ms;
    curl_multi_poll(x->multi, NULL, 0, (int)wait, NULL);
    return 0;
}

int http_stream_open(struct http_stream **out, const struct http_request *request, const struct world *world, struct http_response *response,
                     struct error *err)
{
    struct http_stream *s = mem_zero(sizeof *s, err);
    *out = NULL;
    *response = (struct http_response){0};
    if (!s) return -ERROR_NOMEM;
    s->x = (struct exchange){.request = request, .stream = s, .response = response, .err = &s->err};
    s->world = world;
    int rc = exchange_open(&s->x, &s->err);
    if (rc == 0 && curl_multi_add_handle(s->x.multi, s->x.easy) != CURLM_OK) rc = error_set(&s->err, ERROR_INTERNAL, NULL, "the HTTP client failed");
    s->heard_ms = world_mono_ms(world);
    bool good = false;
    while (rc == 0 && !s->done && !good) {
        rc = stream_turn(s);
        if (s->x.head_ended) exchange_status(&s->x);
        good = s->x.head_ended && response->status >= 200 && response->status < 300;
        if (good) rc = 0; /* a cut that came with the first bytes is told after them */
    }
    if (rc < 0) {
        error_set(err, s->err.code, NULL, "%s", s->err.msg);
        http_stream_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

int64_t http_stream_read(struct http_stream *s, void *buf, size_t size, struct error *err)
{
    s->heard_ms = world_mono_ms(s->world);
    while (s->at == s->size && !s->done) stream_turn(s);
    size_t n = s->size - s->at < size ? s->size - s->at : size;
    if (n == 0) return s->rc < 0 ? error_set(err, s->err.code, NULL, "%s", s->err.msg) : 0;
    memcpy(buf, s->buf + s->at, n);
    s->at += n;
    return (int64_t)n;
}

void http_stream_close(struct http_stream *s)
{
    if (!s) return;
    exchange_close(&s->x);
    mem_free(s);
}

int64_t http_date(const char *text) { return (int64_t)curl_getdate(text, NULL); }

void http_response_close(struct http_response *response)
{
    bytes_close(&response->headers);
    bytes_close(&response->body);
}

const char *http_header(const struct http_response *response, const char *name, char *buf, size_t size)
{
    size_t length = strlen(name);
    buf[0] = 0;
    for (const char *line = bytes_text(&response->headers); *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strncasecmp(line, name, length) != 0 || line[length] != ':') continue;
        const char *value = line + length + 1;
        value += strspn(value, " \t");
        size_t n = strcspn(value, "\n");
        if (n >= size) break;
        memcpy(buf, value, n);
        buf[n] = 0;
        break;
    }
    return buf;
}

bool http_url_escape(char *buf, size_t size, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t used = 0;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c);
        if (used + (plain ? 1 : 3) >= size) return false;
        if (plain) buf[used++] = (char)c;
        else buf[used++] = '%', buf[used++] = hex[c >> 4], buf[used++] = hex[c & 15];
    }
    buf[used] = 0;
    return true;
}
