/* One easy handle on one multi handle an exchange: the multi interface only so that `stop` is asked while nothing moves. The handle
 * lives for one call; connections are not kept, which costs a loopback round trip and saves all shared state. */
#include "base/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

enum { POLL_MS = 200, CONNECT_TIMEOUT_MS = 10000, URL_MAX = 8192 };

struct exchange {
    const struct http_request *request;
    struct http_response *response;
    struct error *err; /* of on_data and of full buffers; the first one stands */
    CURL *easy;
    CURLM *multi;
    struct curl_slist *headers;
    char why[CURL_ERROR_SIZE];
};

static void global_init(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

/* curl: called for each header line, status lines of interim and final answers included. */
static size_t take_header(char *data, size_t one, size_t size, void *context)
{
    struct exchange *x = context;
    struct bytes *headers = &x->response->headers;
    (void)one;
    if (size >= 5 && memcmp(data, "HTTP/", 5) == 0) { /* an interim answer (100) may have come before */
        bytes_clear(headers);
        return size;
    }
    size_t length = size;
    while (length > 0 && (data[length - 1] == '\r' || data[length - 1] == '\n')) length--;
    if (length == 0) return size;
    if (bytes_add(headers, data, length, x->err) < 0 || bytes_add_text(headers, "\n", x->err) < 0) return 0;
    return size;
}

static size_t take_body(char *data, size_t one, size_t size, void *context)
{
    struct exchange *x = context;
    long status = 0;
    (void)one;
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    int rc = x->request->on_data && status >= 200 && status < 300 ? x->request->on_data(x->request->context, data, size, x->err)
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
static int check_url(const char *url, bool *loopback, struct error *err)
{
    char *scheme = NULL, shown[256];
    int rc = 0;
    str_shown(shown, sizeof shown, url, strlen(url), 200);
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
    struct curl_slist *more = curl_slist_append(x->headers, "Expect:"); /* bodies are small; no round trip for 100-continue */
    if (!more) return error_set(err, ERROR_NOMEM, NULL, "cannot build the request's headers");
    x->headers = more;
    return 0;
}

static void set_up(struct exchange *x, bool loopback)
{
    const struct http_request *r = x->request;
    CURL *easy = x->easy;
    curl_easy_setopt(easy, CURLOPT_URL, r->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
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
    if (r->idle_timeout_ms > 0) {
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)((r->idle_timeout_ms + 999) / 1000));
    }
    if (loopback) curl_easy_setopt(easy, CURLOPT_PROXY, "");
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
    str_shown(url, sizeof url, x->request->url, strlen(x->request->url), 200);
    switch (code) {
    case CURLE_OK: return 0;
    case CURLE_OUT_OF_MEMORY: return error_set(err, ERROR_NOMEM, NULL, "%s: out of memory", url);
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST: return error_set(err, ERROR_UNAVAILABLE, NULL, "cannot reach %s: %s; is the server running there?", url, why);
    case CURLE_OPERATION_TIMEDOUT: return error_set(err, ERROR_UNAVAILABLE, NULL, "%s did not answer in time: %s", url, why);
    case CURLE_PEER_FAILED_VERIFICATION: return error_set(err, ERROR_UNAVAILABLE, NULL, "%s: its certificate is not trusted: %s", url, why);
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

int http_send(const struct http_request *request, struct http_response *response, struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct error local = {0};
    struct exchange x = {.request = request, .response = response, .err = err ? err : &local};
    bool loopback = false;
    long status = 0;
    int rc;

    *response = (struct http_response){0};
    bytes_init(&response->headers, HTTP_HEADERS_MAX_BYTES);
    bytes_init(&response->body, request->response_max ? request->response_max : HTTP_BODY_MAX_BYTES);
    pthread_once(&once, global_init);
    if ((rc = check_url(request->url, &loopback, x.err)) < 0) return rc;
    x.easy = curl_easy_init();
    x.multi = curl_multi_init();
    if (!x.easy || !x.multi) rc = error_set(x.err, ERROR_NOMEM, NULL, "cannot start the HTTP client");
    if (rc == 0) rc = add_headers(&x, x.err);
    if (rc == 0) {
        set_up(&x, loopback);
        rc = perform(&x, x.err);
        curl_easy_getinfo(x.easy, CURLINFO_RESPONSE_CODE, &status);
        response->status = (int)status;
    }
    if (x.multi && x.easy) curl_multi_remove_handle(x.multi, x.easy);
    curl_easy_cleanup(x.easy);
    curl_multi_cleanup(x.multi);
    curl_slist_free_all(x.headers);
    return rc;
}

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
