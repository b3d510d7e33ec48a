/* See static.h. */
#include "service/http/static.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "service/http/gzip.h"
#include "service/http/route.h"
#include "service/http/service.h"

/* Scripts, styles, fonts and requests come from us alone; nothing inline; nobody frames us. */
static const char csp[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
                          "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const struct {
    const char *suffix, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".webmanifest", "application/manifest+json"},
    {".txt", "text/plain; charset=utf-8"},
};

struct static_file {
    const struct embedded *file;
    const char *type;
    char etag[72];
    bool immutable;
    struct bytes packed; /* empty: packing does not pay */
};

struct statics {
    struct static_file *files;
    size_t count;
};

static const char *type_of(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_ends(name, types[i].suffix)) return types[i].type;
    return "application/octet-stream";
}

/* "app-3F2A9C1B.js": eight letters and digits in capitals between - and . as esbuild writes its hashes. */
static bool name_is_hashed(const char *name)
{
    const char *dash = strrchr(name, '-');
    size_t length = 0;
    if (!dash) return false;
    while (isupper((unsigned char)dash[1 + length]) || isdigit((unsigned char)dash[1 + length])) length++;
    return length == 8 && dash[1 + length] == '.';
}

static int static_file_init(struct static_file *f, const struct embedded *file, struct error *err)
{
    uint8_t digest[SHA256_SIZE];
    char hex[SHA256_HEX];
    size_t size = (size_t)(file->end - file->data);
    f->file = file;
    f->type = type_of(file->name);
    f->immutable = name_is_hashed(file->name);
    sha256_of(file->data, size, digest);
    hex_encode(digest, sizeof digest, hex);
    hex[32] = 0;
    snprintf(f->etag, sizeof f->etag, "W/\"%s\"", hex);
    bytes_init(&f->packed, size + 1024);
    if (size < REPLY_GZIP_MIN || str_starts(f->type, "image/png") || str_starts(f->type, "font/")) return 0;
    int rc = gzip_pack(file->data, size, &f->packed, err);
    if (f->packed.size >= size) bytes_close(&f->packed);
    return rc;
}

int statics_new(struct statics **out, const struct embedded *files, struct error *err)
{
    struct statics *s = mem_zero(sizeof *s, err);
    size_t count = 0;
    int rc = 0;
    if (!s) return -ERROR_NOMEM;
    *out = s;
    while (files && files[count].name) count++;
    if (!(s->files = mem_array(count + 1, 1, sizeof *s->files, err))) return -ERROR_NOMEM;
    for (; rc == 0 && s->count < count; s->count++) rc = static_file_init(&s->files[s->count], &files[s->count], err);
    return rc;
}

void statics_free(struct statics *s)
{
    if (!s) return;
    for (size_t i = 0; i < s->count; i++) bytes_close(&s->files[i].packed);
    mem_free(s->files);
    mem_free(s);
}

static const struct static_file *statics_find(const struct statics *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (!strcmp(s->files[i].file->name, name)) return &s->files[i];
    return NULL;
}

static int static_get(struct request *rq, struct reply *rp, struct error *err)
{
    const struct statics *s = rq->service->statics;
    char name[512] = "";
    size_t used = 0;
    for (size_t i = 0; i < rq->segment_count && used < sizeof name; i++)
        used += (size_t)snprintf(name + used, sizeof name - used, "%s%s", i ? "/" : "", rq->segments[i]);
    const struct static_file *f = used < sizeof name ? statics_find(s, name) : NULL;
    bool page = rq->segment_count == 0 || !strchr(rq->segments[rq->segment_count - 1], '.');
    bool ours = rq->segment_count > 0 && (!strcmp(rq->segments[0], "v1") || str_starts(rq->segments[0], "v1:"));
    if (!f && page && !ours && (rq->segment_count == 0 || header_list_has(request_header(rq, HEADER_ACCEPT), "text/html")))
        f = statics_find(s, "index.html");
    if (!f && rq->segment_count == 0)
        return error_set(err, ERROR_NOTFOUND, NULL,
                         "this binary was built without the dashboard (script/build makes it); the API is at /v1, described by /openapi.json");
    if (!f) return error_set(err, ERROR_NOTFOUND, NULL, "nothing lies at %.200s; GET /openapi.json lists every path", rq->path);

    bool gzip = f->packed.size > 0 && header_list_has(request_header(rq, HEADER_ACCEPT_ENCODING), "gzip");
    const void *data = gzip ? f->packed.data : f->file->data;
    int rc = reply_bytes(rp, 200, f->type, data, gzip ? f->packed.size : (size_t)(f->file->end - f->file->data), err);
    if (rc == 0 && gzip) rc = reply_header(rp, "Content-Encoding", err, "gzip");
    if (rc == 0) rc = reply_header(rp, "Vary", err, "Accept-Encoding");
    if (rc == 0) rc = reply_header(rp, "ETag", err, "%s", f->etag);
    if (rc == 0) rc = reply_header(rp, "Cache-Control", err, f->immutable ? "public, max-age=31536000, immutable" : "no-cache");
    if (rc == 0) rc = reply_header(rp, "Content-Security-Policy", err, csp);
    if (rc == 0) rc = reply_header(rp, "Referrer-Policy", err, "same-origin");
    if (rc == 0) rc = reply_header(rp, "Cross-Origin-Opener-Policy", err, "same-origin");
    if (rc == 0) rc = reply_header(rp, "Cross-Origin-Resource-Policy", err, "same-origin");
    rp->flags |= REPLY_GZIPPED | REPLY_ETAGGED;
    return rc;
}

const struct route static_routes[] = {
    {"GET", "/{*}", ROLE_PUBLIC, ROUTE_INLINE | ROUTE_ANY_QUERY, 0, NULL, static_get, "The dashboard's files and pages"},
    {0},
};
