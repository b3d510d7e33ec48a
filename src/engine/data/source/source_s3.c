/* S3 and stores that speak like it: s3://BUCKET/KEY. In the key, *, ? and [...] match names, not across '/'; a key that ends in '/', or none,
 * means all objects below, in folders, too. Hidden ones (a name that begins with a dot) are passed over like local ones, and so are the empty
 * objects that stand for folders. Found by ListObjectsV2, sorted by bytes.
 *
 * Where and who comes from the environment, as for Amazon's own tools: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN (none: requests
 * are not signed), AWS_REGION or AWS_DEFAULT_REGION (us-east-1), AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL (then the bucket stands in the path).
 * Signature Version 4 is curl's. Source: Amazon S3 API Reference, 2006-03-01. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/url.h"
#include "engine/data/source/remote.h"
#include "engine/data/source/s3_list.h"
#include "engine/data/source/source_kind.h"

enum { PAGE_MAX_BYTES = 32 << 20, PAGES_MAX = 100000, BUCKET_SIZE = 64, TOKEN_MAX = 4000 };

#define SCHEME "s3://"

struct account { /* of the environment */
    struct http_sign sign;
    const char *token;
    char endpoint[REMOTE_URL_SIZE]; /* without a slash at its end; "": Amazon's */
};

struct address {
    char bucket[BUCKET_SIZE];
    const char *key;
};

/* ---- where and who ---- */

static const char *env(const char *first, const char *second)
{
    const char *value = getenv(first);
    if ((!value || !*value) && second) value = getenv(second);
    return value && *value ? value : NULL;
}

static int account_read(struct account *a, struct error *err)
{
    struct error cause = {0};
    struct url url;
    const char *endpoint = env("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"), *region = env("AWS_REGION", "AWS_DEFAULT_REGION");
    *a = (struct account){.sign = {env("AWS_ACCESS_KEY_ID", NULL), env("AWS_SECRET_ACCESS_KEY", NULL), region ? region : "us-east-1", "s3"},
                          .token = env("AWS_SESSION_TOKEN", NULL)};
    if (!a->sign.key != !a->sign.secret)
        return error_set(err, ERROR_DATA, SOURCE_FIELD, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together: only %s is set",
                         a->sign.key ? "the first" : "the second");
    size_t n = strlen(a->sign.region);
    if (n > 64 || strspn(a->sign.region, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != n)
        return error_set(err, ERROR_DATA, SOURCE_FIELD, "AWS_REGION is no name of a region; one looks like eu-central-1");
    if (a->token && strlen(a->token) > TOKEN_MAX)
        return error_set(err, ERROR_DATA, SOURCE_FIELD, "AWS_SESSION_TOKEN is longer than %d bytes", TOKEN_MAX);
    if (!endpoint) return 0;
    if (url_parse(&url, endpoint, &cause) < 0) return error_set(err, ERROR_DATA, SOURCE_FIELD, "AWS_ENDPOINT_URL: %s", cause.msg);
    if (*url.user || *url.query || (strcmp(url.scheme, "http") != 0 && strcmp(url.scheme, "https") != 0))
        return error_set(err, ERROR_DATA, SOURCE_FIELD, "AWS_ENDPOINT_URL must be http(s)://HOST[:PORT] without user and query");
    if (!url_text(&url, a->endpoint, sizeof a->endpoint)) return error_set(err, ERROR_DATA, SOURCE_FIELD, "AWS_ENDPOINT_URL is too long");
    for (n = strlen(a->endpoint); n > 0 && a->endpoint[n - 1] == '/'; n--) a->endpoint[n - 1] = 0;
    return 0;
}

static int address_parse(struct address *a, const char *uri, struct error *err)
{
    const char *bucket = uri + strlen(SCHEME);
    size_t n = strcspn(bucket, "/");
    if (n < 3 || n >= BUCKET_SIZE || strspn(bucket, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") != n || *bucket == '.')
        return error_set(err, ERROR_DATA, SOURCE_FIELD, "\"%.*s\" is no name of a bucket; an object is s3://BUCKET/KEY", (int)(n < 80 ? n : 80),
                         bucket);
    memcpy(a->bucket, bucket, n);
    a->bucket[n] = 0;
    a->key = bucket[n] == '/' ? bucket + n + 1 : "";
    return 0;
}

/* key, or (slashes false) a query value, in percent codes; false: does not fit. */
static bool escape(char *buf, size_t size, const char *key, bool slashes)
{
    char one[2] = "", code[4];
    size_t used = 0;
    for (; *key; key++) {
        one[0] = *key;
        if (*key == '/' && slashes) str_copy(code, sizeof code, "/");
        else if (!http_url_escape(code, sizeof code, one)) return false;
        size_t n = strlen(code);
        if (used + n >= size) return false;
        memcpy(buf + used, code, n + 1);
        used += n;
    }
    buf[used] = 0;
    return true;
}

/* The bucket's address with its slash; then `rest`, which is encoded. */
static int place_url(const struct account *account, const char *bucket, const char *rest, char *buf, size_t size, struct error *err)
{
    int n;
    if (*account->endpoint) n = snprintf(buf, size, "%s/%s/%s", account->endpoint, bucket, rest);
    else if (strpbrk(bucket, "._")) /* no host that a certificate covers */
        n = snprintf(buf, size, "https://s3.%s.amazonaws.com/%s/%s", account->sign.region, bucket, rest);
    else n = snprintf(buf, size, "https://%s.s3.%s.amazonaws.com/%s", bucket, account->sign.region, rest);
    return n > 0 && (size_t)n < size ? 0 : error_set(err, ERROR_DATA, SOURCE_FIELD, "the address of an object is too long");
}

static void explain(const struct http_response *response, char *buf, size_t size)
{
    char region[REMOTE_TEXT_SIZE];
    s3_refusal_read(bytes_text(&response->body), response->body.size, buf, size);
    http_header(response, "x-amz-bucket-region", region, sizeof region);
    size_t n = strlen(buf);
    if (*region && (response->status == 301 || response->status == 307 || response->status == 400) && strlen(region) < 40)
        snprintf(buf + n, size - n, "%sthe bucket is in %s: set AWS_REGION", n ? "; " : "", region);
}

static struct remote_place place_of(const struct account *account, const char *url, const char *shown)
{
    return (struct remote_place){.url = url,
                                 .shown = shown,
                                 .sign = account->sign.key ? &account->sign : NULL,
                                 .token = account->sign.key ? account->token : NULL,
                                 .explain = explain};
}

/* ---- which objects ---- */

static struct hash128 text_hash(const char *a, const char *b, const char *c, struct error *err)
{
    struct hash128 sum = {0};
    struct hash_stream *hash = hash_stream_new(err);
    if (!hash) return sum;
    hash_stream_add(hash, a, strlen(a) + 1);
    hash_stream_add(hash, b, strlen(b) + 1);
    hash_stream_add(hash, c, strlen(c) + 1);
    sum = hash_stream_end(hash);
    hash_stream_free(hash);
    return sum;
}

struct listing {
    struct source_list *list;
    const struct account *account;
    const struct address *address;
    bool glob;
};

/* The list's object: ETag and key, each with its NUL. */
static int add_object(const struct listing *l, const struct s3_object *o, struct error *err)
{
    struct source_file file = {.kind = &source_s3, .size_bytes = o->size_bytes, .lasting = *o->etag != 0};
    const char *endpoint = *l->account->endpoint ? l->account->endpoint : l->account->sign.region;
    char etag[S3_TEXT_SIZE + 2], shown[PATH_SIZE];
    bool quoted = !*o->etag || *o->etag == '"' || str_starts(o->etag, "W/");
    size_t n = (size_t)snprintf(etag, sizeof etag, quoted ? "%s" : "\"%s\"", o->etag), key = strlen(o->key);
    str_shown(shown, sizeof shown, o->key, key, S3_KEY_SIZE);
    if (o->size_bytes == 0)
        return error_set(err, ERROR_DATA, SOURCE_FIELD, "s3://%s/%s is empty (0 bytes); a data file needs at least one row", l->address->bucket,
                         shown);
    file.place = text_hash(endpoint, l->address->bucket, o->key, err);
    struct hash128 content = text_hash(etag, "", "", err);
    memcpy(file.id, (uint64_t[]){file.place.low, file.place.high, file.size_bytes, content.low, content.high}, sizeof file.id);
    char path[PATH_SIZE + BUCKET_SIZE + 8], *object = mem_zero(n + 1 + key + 1, err);
    snprintf(path, sizeof path, SCHEME "%s/%s", l->address->bucket, shown);
    file.path = mem_text(path, err);
    file.object = object;
    if (!file.path || !object) {
        mem_free(file.path);
        mem_free(object);
        return -ERROR_NOMEM;
    }
    memcpy(object, etag, n + 1);
    memcpy(object + n + 1, o->key, key + 1);
    return source_list_add(l->list, &file, err);
}

static int each_object(void *context, const struct s3_object *o, struct error *err)
{
    const struct listing *l = context;
    const char *slash = strrchr(o->key, '/'), *name = slash ? slash + 1 : o->key;
    if (!*name && o->size_bytes == 0) return 0; /* stands for a folder */
    if (l->glob && fnmatch(l->address->key, o->key, FNM_PATHNAME | FNM_NOESCAPE) != 0) return 0;
    if (path_hidden(l->address->key, o->key)) return 0;
    if (o->size_bytes == 0) return l->list->empty++, 0;
    return add_object(l, o, err);
}

static int path_compare(const void *a, const void *b) { return strcmp(((const struct source_file *)a)->path, ((const struct source_file *)b)->path); }

/* Query values in the order of their names, which the signature wants. */
static int page_url(const struct listing *l, const char *prefix, bool flat, const char *token, char *buf, size_t size, struct error *err)
{
    char query[REMOTE_URL_SIZE], text[3 * S3_TOKEN_SIZE], start[3 * S3_KEY_SIZE];
    if (!escape(text, sizeof text, token, false) || !escape(start, sizeof start, prefix, false))
        return error_set(err, ERROR_DATA, SOURCE_FIELD, "the list of s3://%s is cut at a token that is too long", l->address->bucket);
    int n = snprintf(query, sizeof query, "?%s%s%s%sencoding-type=url&list-type=2&prefix=%s", *token ? "continuation-token=" : "", text,
                     *token ? "&" : "", flat ? "delimiter=%2F&" : "", start);
    if (n < 0 || (size_t)n >= sizeof query) return error_set(err, ERROR_DATA, SOURCE_FIELD, "a pattern is too long");
    return place_url(l->account, l->address->bucket, query, buf, size, err);
}

static int list_objects(struct listing *l, const char *uri, struct error *err)
{
    char prefix[S3_KEY_SIZE], url[REMOTE_URL_SIZE], token[S3_TOKEN_SIZE] = "", shown[PATH_SIZE];
    size_t literal = l->glob ? strcspn(l->address->key, "*?[") : strlen(l->address->key), before = l->list->count, empty = l->list->empty;
    bool flat = l->glob && !strchr(l->address->key + literal, '/');
    struct s3_page page = {.truncated = true};
    int rc = 0;
    memcpy(prefix, l->address->key, literal);
    prefix[literal] = 0;
    str_shown(shown, sizeof shown, uri, strlen(uri), 300);
    struct remote_place place = place_of(l->account, url, shown);
    for (unsigned pages = 0; rc == 0 && page.truncated; pages++) {
        struct http_response response;
        struct error why = {0};
        if (pages == PAGES_MAX) return error_set(err, ERROR_DATA, SOURCE_FIELD, "%s: the list does not end; use a narrower pattern", shown);
        if ((rc = page_url(l, prefix, flat, token, url, sizeof url, err)) < 0) break;
        if ((rc = remote_get(&l->list->options, &place, PAGE_MAX_BYTES, &response, err)) == 0) {
            rc = s3_page_read(bytes_text(&response.body), response.body.size, &page, each_object, l, &why);
            if (rc < 0 && *why.field) error_set(err, why.code, why.field, "%s", why.msg);
            else if (rc < 0) error_set(err, why.code, SOURCE_FIELD, "%s: the store's list cannot be read: %s", shown, why.msg);
        }
        http_response_close(&response);
        if (rc == 0 && page.truncated && strcmp(page.token, token) == 0)
            rc = error_set(err, ERROR_DATA, SOURCE_FIELD, "%s: the store's list goes round in circles", shown);
        str_copy(token, sizeof token, page.token);
    }
    if (rc < 0) return rc;
    if (l->list->count == before)
        return error_set(err, ERROR_DATA, SOURCE_FIELD, "%s matches %s", shown,
                         l->list->empty > empty ? "only empty objects (0 bytes); a data file needs at least one row"
                                                : "no object (names that begin with . or _ do not count)");
    qsort(l->list->files + before, l->list->count - before, sizeof *l->list->files, path_compare);
    return 0;
}

static int list_one(const struct listing *l, const char *uri, struct error *err)
{
    char key[3 * S3_KEY_SIZE], url[REMOTE_URL_SIZE], shown[PATH_SIZE];
    struct remote_object there;
    struct s3_object o = {.size_known = true};
    str_shown(shown, sizeof shown, uri, strlen(uri), S3_KEY_SIZE);
    if (!escape(key, sizeof key, l->address->key, true)) return error_set(err, ERROR_DATA, SOURCE_FIELD, "a key is too long");
    int rc = place_url(l->account, l->address->bucket, key, url, sizeof url, err);
    if (rc < 0) return rc;
    struct remote_place place = place_of(l->account, url, shown);
    if ((rc = remote_look(&l->list->options, &place, &there, err)) < 0) return rc;
    if (!there.size_known) return error_set(err, ERROR_DATA, SOURCE_FIELD, "%s: the store does not say how long it is", shown);
    str_copy(o.key, sizeof o.key, l->address->key);
    str_copy(o.etag, sizeof o.etag, there.etag);
    o.size_bytes = there.size_bytes;
    return add_object(l, &o, err);
}

static int s3_list(struct source_list *list, const char *uri, struct error *err)
{
    struct account account;
    struct address address;
    int rc = account_read(&account, err);
    if (rc == 0) rc = address_parse(&address, uri, err);
    if (rc != 0) return rc;
    struct listing l = {.list = list, .account = &account, .address = &address, .glob = strpbrk(address.key, "*?[") != NULL};
    size_t n = strlen(address.key);
    if (n >= S3_KEY_SIZE) return error_set(err, ERROR_DATA, SOURCE_FIELD, "a key is longer than %d bytes", S3_KEY_SIZE - 1);
    return l.glob || n == 0 || address.key[n - 1] == '/' ? list_objects(&l, uri, err) : list_one(&l, uri, err);
}

/* ---- one object ---- */

struct raw {
    struct account account;
    struct remote_place place;
    struct remote_object object;
    struct remote *remote;
    char url[REMOTE_URL_SIZE];
};

static struct raw *s3_open(const struct source_list *list, const struct source_file *file, struct error *err)
{
    const char *etag = file->object, *key = etag + strlen(etag) + 1;
    char escaped[3 * S3_KEY_SIZE];
    struct address address;
    struct raw *raw = mem_zero(sizeof *raw, err);
    int rc = raw ? account_read(&raw->account, err) : -ERROR_NOMEM;
    if (!raw) return NULL;
    if (rc == 0) rc = address_parse(&address, file->path, err);
    if (rc == 0 && !escape(escaped, sizeof escaped, key, true)) rc = error_set(err, ERROR_DATA, SOURCE_FIELD, "a key is too long");
    if (rc == 0) rc = place_url(&raw->account, address.bucket, escaped, raw->url, sizeof raw->url, err);
    raw->place = place_of(&raw->account, raw->url, file->path);
    raw->object = (struct remote_object){.size_bytes = file->size_bytes, .size_known = true, .ranges = true};
    str_copy(raw->object.etag, sizeof raw->object.etag, etag);
    if (rc == 0 && (raw->remote = remote_open(&list->options, &raw->place, &raw->object, err))) return raw;
    mem_free(raw);
    return NULL;
}

static int64_t s3_read(struct raw *raw, void *buf, size_t size, struct error *err) { return remote_read(raw->remote, buf, size, err); }

static void s3_close(struct raw *raw)
{
    remote_close(raw->remote);
    mem_free(raw);
}

const struct source_kind source_s3 = {.kind = {"s3", "an object, a pattern or a prefix of S3", "Amazon S3 API 2006-03-01", 0, NULL},
                                      .far = true,
                                      .list = s3_list,
                                      .open = s3_open,
                                      .read = s3_read,
                                      .close = s3_close};
