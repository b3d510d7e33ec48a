#include "base/url.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

static bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool digit(char c) { return c >= '0' && c <= '9'; }
static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

static int wrong(const struct url *url, const char *why, struct error *err)
{
    return error_set(err, ERROR_USAGE, NULL, "the address %s%s%s... %s", url->scheme, *url->scheme ? "://" : "", url->host, why);
}

/* text, size bytes, into buf; false: too long. */
static bool take(char *buf, size_t buf_size, const char *text, size_t size)
{
    if (size >= buf_size) return false;
    memcpy(buf, text, size);
    buf[size] = 0;
    return true;
}

static bool host_is_good(const char *host)
{
    size_t n = strlen(host);
    if (host[0] == '[') {
        if (n < 4 || host[n - 1] != ']') return false;
        return strspn(host + 1, "0123456789abcdef:.") == n - 2;
    }
    for (size_t i = 0; i < n; i++)
        if (!letter(host[i]) && !digit(host[i]) && !strchr("-._", host[i])) return false;
    return n > 0 && host[0] != '.' && host[0] != '-';
}

/* host[:port] */
static int parse_host(struct url *url, const char *text, size_t size, struct error *err)
{
    const char *bracket = size > 0 && text[0] == '[' ? memchr(text, ']', size) : NULL;
    size_t host = bracket ? (size_t)(bracket - text) + 1 : size > 0 ? strcspn(text, ":") : 0;
    if (host > size) host = size;
    if (!take(url->host, sizeof url->host, text, host)) return wrong(url, "has a host that is too long", err);
    for (char *c = url->host; *c; c++) *c = lower(*c);
    if (!host_is_good(url->host)) {
        url->host[0] = 0;
        return wrong(url, "has no host that is a name or an IP address", err);
    }
    if (host == size) return 0;
    if (text[host] != ':' || size - host < 2 || size - host > 6) return wrong(url, "has a port that is no number", err);
    for (size_t i = host + 1; i < size; i++) {
        if (!digit(text[i])) return wrong(url, "has a port that is no number", err);
        url->port = url->port * 10 + (unsigned)(text[i] - '0');
    }
    if (url->port == 0 || url->port > 65535) return wrong(url, "has a port out of 1..65535", err);
    if (url->port == (strcmp(url->scheme, "https") == 0 ? 443u : strcmp(url->scheme, "http") == 0 ? 80u : 0u)) url->port = 0;
    return 0;
}

int url_parse(struct url *url, const char *text, struct error *err)
{
    memset(url, 0, sizeof *url);
    size_t n = 0;
    while (letter(text[n]) || (n > 0 && (digit(text[n]) || strchr("+-.", text[n])) && text[n])) n++;
    if (n == 0 || !str_starts(text + n, "://") || !take(url->scheme, sizeof url->scheme, text, n)) {
        url->scheme[0] = 0;
        return wrong(url, "has no scheme; it looks like https://data.example/clicks.tsv", err);
    }
    for (char *c = url->scheme; *c; c++) *c = lower(*c);
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '\\' || *c == '"' || *c == '<' || *c == '>')
            return wrong(url, "holds a character that must be percent-encoded", err);

    const char *authority = text + n + 3;
    size_t size = strcspn(authority, "/?#");
    const char *at = size > 0 ? memrchr(authority, '@', size) : NULL, *host = at ? at + 1 : authority;
    if (at && !take(url->user, sizeof url->user, authority, (size_t)(at - authority))) return wrong(url, "has a user that is too long", err);
    int rc = parse_host(url, host, size - (size_t)(host - authority), err);
    if (rc < 0) return rc;

    const char *path = authority + size, *rest = path + strcspn(path, "?#");
    if (!take(url->path, sizeof url->path, path, (size_t)(rest - path))) return wrong(url, "has a path that is too long", err);
    if (!*url->path) str_copy(url->path, sizeof url->path, "/");
    if (*rest == '?' && !take(url->query, sizeof url->query, rest, strcspn(rest, "#"))) return wrong(url, "has a query that is too long", err);
    return 0;
}

static size_t print(const struct url *url, const char *query, char *buf, size_t size)
{
    char port[16] = "";
    if (url->port) snprintf(port, sizeof port, ":%u", url->port);
    return (size_t)snprintf(buf, size, "%s://%s%s%s%s", url->scheme, url->host, port, url->path, query);
}

bool url_text(const struct url *url, char *buf, size_t size) { return print(url, url->query, buf, size) < size; }

const char *url_show(const struct url *url, char *buf, size_t size)
{
    print(url, *url->query ? "?..." : "", buf, size);
    return buf;
}

/* Length of a dot at p, plain or encoded; 0: none. */
static size_t dot(const char *p) { return *p == '.' ? 1 : strncasecmp(p, "%2e", 3) == 0 ? 3 : 0; }

bool url_has_dots(const struct url *url)
{
    for (const char *p = url->path; *p; p++) {
        if (strncasecmp(p, "%2f", 3) == 0 || strncasecmp(p, "%5c", 3) == 0 || strncmp(p, "%25", 3) == 0) return true;
        if (*p != '/') continue;
        const char *after = p + 1;
        size_t first = dot(after), second = first ? dot(after + first) : 0;
        after += first + second;
        if (first && (*after == '/' || *after == ';' || *after == 0)) return true; /* some servers cut ;parameters off */
    }
    return false;
}

static int hex_of(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }

bool url_decode(char *text, bool plus)
{
    char *to = text;
    for (const char *p = text; *p; p++) {
        int high = *p == '%' ? hex_of(p[1]) : -1, low = high >= 0 ? hex_of(p[2]) : -1;
        if (*p == '%' && (low < 0 || (high == 0 && low == 0))) return false;
        *to++ = low >= 0 ? (char)(high << 4 | low) : plus && *p == '+' ? ' ' : *p;
        if (low >= 0) p += 2;
    }
    *to = 0;
    return true;
}
