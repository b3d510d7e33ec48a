#include "engine/data/source/s3_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/url.h"
#include "engine/data/source/xml.h"

static int read_size(const char *text, struct s3_object *o, struct error *err)
{
    char *end;
    if (*text < '0' || *text > '9' || strlen(text) > 19) return error_set(err, ERROR_DATA, NULL, "a size that is no number");
    o->size_bytes = strtoull(text, &end, 10);
    o->size_known = true;
    return *end == 0 ? 0 : error_set(err, ERROR_DATA, NULL, "a size that is no number");
}

/* The text of the element that is open, "" when it has none, up to and with its end. */
static int take_text(struct xml *x, char *buf, size_t size, struct error *err)
{
    int depth = x->depth, event;
    buf[0] = 0;
    while ((event = xml_next(x, err)) > 0 && !(event == XML_CLOSE && x->depth < depth)) {
        if (event != XML_TEXT) return error_set(err, ERROR_DATA, NULL, "elements where a text should be");
        int rc = xml_text(x, buf, size, err);
        if (rc < 0) return rc;
    }
    return event < 0 ? event : 0;
}

static int skip(struct xml *x, struct error *err)
{
    int depth = x->depth, event;
    while ((event = xml_next(x, err)) > 0 && !(event == XML_CLOSE && x->depth < depth)) {}
    return event < 0 ? event : 0;
}

/* <Contents> is open. */
static int take_object(struct xml *x, struct s3_object *o, struct error *err)
{
    char number[64];
    int event, rc = 0, depth = x->depth;
    *o = (struct s3_object){.size_known = false};
    while (rc == 0 && (event = xml_next(x, err)) > 0 && !(event == XML_CLOSE && x->depth < depth)) {
        if (event != XML_OPEN) rc = error_set(err, ERROR_DATA, NULL, "a text where elements should be");
        else if (strcmp(x->name, "Key") == 0) {
            if ((rc = take_text(x, o->key, sizeof o->key, err)) == 0 && !url_decode(o->key, true))
                rc = error_set(err, ERROR_DATA, NULL, "a key that is not percent-encoded");
        } else if (strcmp(x->name, "ETag") == 0) rc = take_text(x, o->etag, sizeof o->etag, err);
        else if (strcmp(x->name, "LastModified") == 0) rc = take_text(x, o->modified, sizeof o->modified, err);
        else if (strcmp(x->name, "Size") == 0) {
            if ((rc = take_text(x, number, sizeof number, err)) == 0) rc = read_size(number, o, err);
        } else rc = skip(x, err);
    }
    if (rc < 0 || event < 0) return rc < 0 ? rc : event;
    return *o->key && o->size_known ? 0 : error_set(err, ERROR_DATA, NULL, "an object without a key or a size");
}

/* Any element of the page but the root; it is open. */
static int take_part(struct xml *x, struct s3_page *page, int (*each)(void *context, const struct s3_object *object, struct error *err),
                     void *context, struct error *err)
{
    struct s3_object object;
    char flag[16];
    int rc;
    if (strcmp(x->name, "Contents") == 0) {
        if ((rc = take_object(x, &object, err)) < 0) return rc;
        return each(context, &object, err);
    }
    if (strcmp(x->name, "NextContinuationToken") == 0) return take_text(x, page->token, sizeof page->token, err);
    if (strcmp(x->name, "IsTruncated") != 0) return skip(x, err);
    if ((rc = take_text(x, flag, sizeof flag, err)) < 0) return rc;
    page->truncated = strcmp(flag, "true") == 0;
    return page->truncated || strcmp(flag, "false") == 0 ? 0 : error_set(err, ERROR_DATA, NULL, "IsTruncated is neither true nor false");
}

int s3_page_read(const char *text, size_t size, struct s3_page *page, int (*each)(void *context, const struct s3_object *object, struct error *err),
                 void *context, struct error *err)
{
    struct xml x;
    int event, rc = 0;
    *page = (struct s3_page){.truncated = false};
    xml_begin(&x, text, size);
    if ((event = xml_next(&x, err)) < 0) return event;
    if (event != XML_OPEN || strcmp(x.name, "ListBucketResult") != 0) return error_set(err, ERROR_DATA, NULL, "no ListBucketResult but %s", x.name);
    while (rc == 0 && (event = xml_next(&x, err)) > 0 && event != XML_CLOSE)
        rc = event == XML_OPEN ? take_part(&x, page, each, context, err) : error_set(err, ERROR_DATA, NULL, "a text where elements should be");
    if (rc == 0 && event > 0) event = xml_next(&x, err); /* nothing may follow */
    if (rc < 0 || event < 0) return rc < 0 ? rc : event;
    return page->truncated && !*page->token ? error_set(err, ERROR_DATA, NULL, "a page that goes on, without a token for the next") : 0;
}

void s3_refusal_read(const char *text, size_t text_size, char *buf, size_t size)
{
    struct xml x;
    char code[S3_TEXT_SIZE] = "", message[S3_TEXT_SIZE] = "", clean[S3_TEXT_SIZE];
    int event;
    buf[0] = 0;
    xml_begin(&x, text, text_size);
    if (xml_next(&x, NULL) != XML_OPEN || strcmp(x.name, "Error") != 0) return;
    while ((event = xml_next(&x, NULL)) == XML_OPEN)
        if (strcmp(x.name, "Code") == 0      ? take_text(&x, code, sizeof code, NULL) < 0
            : strcmp(x.name, "Message") == 0 ? take_text(&x, message, sizeof message, NULL) < 0
                                             : skip(&x, NULL) < 0)
            break;
    str_shown(clean, sizeof clean, message, strlen(message), 180);
    if (*code && strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") == strlen(code))
        snprintf(buf, size, "%.60s%s%s", code, *clean ? ": " : "", clean);
}
