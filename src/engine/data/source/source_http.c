/* The web: one address, one file (RFC 9110). A user in the address is sent as basic authentication and never shown; a query is sent, and shown
 * as "?...", since it may be a signature. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/url.h"
#include "engine/data/source/remote.h"
#include "engine/data/source/source_kind.h"

enum { SETTLED_S = 60 }; /* RFC 9110, 8.8.2.2: a date that old when it was told cannot hide a second change */

struct web {
    struct remote_place place;
    struct remote_object object;
    char url[REMOTE_URL_SIZE], shown[URL_SIZE + 512], user[512];
};

/* The address as an identity: parameters of a signature differ each time and name nothing. */
static struct hash128 web_identity(const struct url *url, struct error *err)
{
    struct url same = *url;
    char text[REMOTE_URL_SIZE];
    struct hash128 none = {0};
    size_t kept = 0;
    for (const char *p = url->query; *p;) {
        size_t n = 1 + strcspn(p + 1, "&");
        if (!str_starts(p + 1, "X-Amz-") && !str_starts(p + 1, "X-Goog-")) {
            memcpy(same.query + kept, p, n);
            kept += n;
        }
        p += n;
    }
    same.query[kept] = 0;
    if (!url_text(&same, text, sizeof text)) return none;
    struct hash_stream *hash = hash_stream_new(err);
    if (!hash) return none;
    hash_stream_add(hash, text, strlen(text));
    struct hash128 place = hash_stream_end(hash);
    hash_stream_free(hash);
    return place;
}

static int web_identify(struct source_file *file, const struct url *url, const struct remote_object *o, struct error *err)
{
    file->place = web_identity(url, err);
    file->size_bytes = o->size_known ? o->size_bytes : 0;
    bool settled = o->modified_s >= 0 && o->date_s >= 0 && o->date_s - o->modified_s >= SETTLED_S;
    file->lasting = o->size_known && (*o->etag || settled);
    struct hash_stream *hash = hash_stream_new(err);
    if (!hash) return -ERROR_NOMEM;
    hash_stream_add(hash, o->etag, sizeof o->etag);
    hash_stream_add(hash, o->modified, sizeof o->modified);
    struct hash128 content = hash_stream_end(hash);
    hash_stream_free(hash);
    memcpy(file->id, (uint64_t[]){file->place.low, file->place.high, file->size_bytes, content.low, content.high}, sizeof file->id);
    return 0;
}

static int web_list(struct source_list *list, const char *uri, struct error *err)
{
    struct error cause = {0};
    struct url url;
    struct source_file file = {.kind = NULL};
    struct web *web;
    if (url_parse(&url, uri, &cause) < 0) return error_set(err, ERROR_DATA, SOURCE_FIELD, "%s", cause.msg);
    if (!(web = mem_zero(sizeof *web, err))) return -ERROR_NOMEM;
    int rc = 0;
    if (!url_text(&url, web->url, sizeof web->url)) rc = error_set(err, ERROR_DATA, SOURCE_FIELD, "an address is too long");
    url_show(&url, web->shown, sizeof web->shown);
    str_copy(web->user, sizeof web->user, url.user);
    if (rc == 0 && !url_decode(web->user, false)) rc = error_set(err, ERROR_DATA, SOURCE_FIELD, "%s: the user is not percent-encoded", web->shown);
    web->place = (struct remote_place){.url = web->url, .shown = web->shown, .user = *web->user ? web->user : NULL};
    if (rc == 0) rc = remote_look(&list->options, &web->place, &web->object, err);
    if (rc == 0 && web->object.size_known && web->object.size_bytes == 0)
        rc = error_set(err, ERROR_DATA, SOURCE_FIELD, "%s is empty (0 bytes); a data file needs at least one row", web->shown);
    if (rc == 0) rc = web_identify(&file, &url, &web->object, err);
    if (rc == 0 && !(file.path = mem_text(web->shown, err))) rc = -ERROR_NOMEM;
    if (rc < 0) {
        mem_free(web);
        return rc;
    }
    file.kind = strcmp(url.scheme, "https") == 0 ? &source_https : &source_http;
    file.object = web;
    return source_list_add(list, &file, err);
}

static struct raw *web_open(const struct source_list *list, const struct source_file *file, struct error *err)
{
    const struct web *web = file->object;
    return (struct raw *)remote_open(&list->options, &web->place, &web->object, err);
}

static int64_t web_read(struct raw *raw, void *buf, size_t size, struct error *err) { return remote_read((struct remote *)raw, buf, size, err); }

static void web_close(struct raw *raw) { remote_close((struct remote *)raw); }

const struct source_kind source_http = {.kind = {"http", "a file of the web", "RFC 9110", 0, NULL},
                                        .far = true,
                                        .list = web_list,
                                        .open = web_open,
                                        .read = web_read,
                                        .close = web_close};
const struct source_kind source_https = {.kind = {"https", "a file of the web, over TLS", "RFC 9110", 0, NULL},
                                         .far = true,
                                         .list = web_list,
                                         .open = web_open,
                                         .read = web_read,
                                         .close = web_close};
