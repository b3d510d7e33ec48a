#include "service/sched/remotes.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/url.h"

#define S3 "s3://"

struct remote_text {         /* one address, taken apart for comparing */
    char site[300];          /* scheme, host and port, or bucket: equal as a whole */
    char path[URL_SIZE + 1]; /* from its '/' on */
    char written[2 * URL_SIZE + 400], shown[URL_SIZE + 400];
    bool user, query, dots;
};

bool remotes_is(const char *uri)
{
    size_t n = strspn(uri, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    return n > 0 && str_starts(uri + n, "://") && !str_starts(uri, "file:");
}

static bool key_has_dots(const char *key)
{
    for (const char *part = key; part; part = strchr(part, '/'), part = part ? part + 1 : NULL) {
        size_t n = strcspn(part, "/");
        if ((n == 1 && *part == '.') || (n == 2 && strncmp(part, "..", 2) == 0)) return true;
    }
    return false;
}

/* A key is what stands there, byte by byte; nothing in it is encoded. */
static int take_s3(struct remote_text *t, const char *text, struct error *err)
{
    const char *bucket = text + strlen(S3);
    size_t n = strcspn(bucket, "/");
    if (n < 3 || n > 63 || strspn(bucket, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") != n)
        return error_set(err, ERROR_USAGE, NULL, "names no bucket; it looks like s3://BUCKET/KEY");
    snprintf(t->site, sizeof t->site, S3 "%.*s", (int)n, bucket);
    if (!str_copy(t->path, sizeof t->path, bucket[n] ? bucket + n : "/")) return error_set(err, ERROR_USAGE, NULL, "is too long");
    t->dots = key_has_dots(t->path + 1);
    str_copy(t->written, sizeof t->written, text);
    str_shown(t->shown, sizeof t->shown, text, strlen(text), 200);
    return 0;
}

static int take(struct remote_text *t, const char *text, struct error *err)
{
    struct url url;
    *t = (struct remote_text){.user = false};
    if (str_starts(text, S3)) return take_s3(t, text, err);
    int rc = url_parse(&url, text, err);
    if (rc < 0) return rc;
    if (strcmp(url.scheme, "http") != 0 && strcmp(url.scheme, "https") != 0)
        return error_set(err, ERROR_USAGE, NULL, "has the scheme \"%s:\"; there are http:, https: and s3:", url.scheme);
    if (url.port) snprintf(t->site, sizeof t->site, "%s://%s:%u", url.scheme, url.host, url.port);
    else snprintf(t->site, sizeof t->site, "%s://%s", url.scheme, url.host);
    str_copy(t->path, sizeof t->path, url.path);
    t->user = *url.user != 0, t->query = *url.query != 0, t->dots = url_has_dots(&url);
    if (!url_text(&url, t->written, sizeof t->written)) return error_set(err, ERROR_USAGE, NULL, "is too long");
    url_show(&url, t->shown, sizeof t->shown);
    return 0;
}

static bool below(const struct remote_text *prefix, const struct remote_text *t)
{
    size_t n = strlen(prefix->path);
    if (strcmp(prefix->site, t->site) != 0 || strncmp(prefix->path, t->path, n) != 0) return false;
    return prefix->path[n - 1] == '/' || t->path[n] == 0 || t->path[n] == '/';
}

int remotes_check(const char *const *prefixes, struct error *err)
{
    for (; prefixes && *prefixes; prefixes++) {
        struct remote_text t;
        struct error why = {0};
        const char *wrong = take(&t, *prefixes, &why) < 0                      ? why.msg
                            : t.user                                           ? "must not name a user"
                            : t.query                                          ? "must not have a query"
                            : t.dots                                           ? "must not have . or .. in its path, nor encoded slashes"
                            : str_starts(t.site, S3) && strpbrk(t.path, "*?[") ? "must be plain, without *, ? and ["
                                                                               : NULL;
        if (wrong)
            return error_set(err, ERROR_USAGE, NULL, "--source \"%.100s\": %s; for example s3://clicks/ or https://data.example/logs/",
                             t.shown[0] ? t.shown : "...", wrong);
    }
    return 0;
}

static const char *prefixes_text(const char *const *prefixes, char *buf, size_t size)
{
    size_t n = 0;
    buf[0] = 0;
    for (size_t i = 0; prefixes && prefixes[i] && n < size; i++) n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? ", " : "", prefixes[i]);
    if (n == 0) str_copy(buf, size, "none; start the server with --source PREFIX, like --source s3://clicks/");
    return buf;
}

int remotes_resolve(const char *const *prefixes, const char *uri, json_t *out, const char *pointer, struct faults *faults, struct error *err)
{
    struct remote_text t, prefix;
    struct error why = {0};
    char list[600];
    prefixes_text(prefixes, list, sizeof list);
    if (take(&t, uri, &why) < 0) return faults_add(faults, pointer, "is no address that can be read: %s", why.msg), 0;
    if (t.user) return faults_add(faults, pointer, "must not carry a user or a password: \"%.300s\"", t.shown), 0;
    if (t.dots)
        return faults_add(faults, pointer, "must not have . or .. in its path, nor encoded slashes, got \"%.300s\"; sources (--source): %s", t.shown,
                          list),
               0;
    for (size_t i = 0; prefixes && prefixes[i]; i++) {
        if (take(&prefix, prefixes[i], NULL) < 0 || !below(&prefix, &t)) continue;
        json_t *text = json_string(t.written);
        if (!text) return faults_add(faults, pointer, "is not UTF-8"), 0;
        return json_array_append_new(out, text) == 0 ? 0 : error_set(err, ERROR_NOMEM, NULL, "resolving %s", t.shown);
    }
    faults_add(faults, pointer, "\"%.300s\" is not below the remote sources that this server reads (--source: %s)", t.shown, list);
    return 0;
}
