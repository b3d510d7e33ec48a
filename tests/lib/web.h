/* A web server and object store for tests, on loopback, on a thread of its own: serves bytes from memory with ETag, Last-Modified and Range, lists
 * them as ListObjectsV2 does, and misbehaves as it is told: cuts, silence, changed ETags, refusals. One connection at a time.
 *
 * What stands before "private" is set between web_begin() and the first request; the faults by web_misbehave() at any time. */
#ifndef TRAINYARD_TESTS_LIB_WEB_H
#define TRAINYARD_TESTS_LIB_WEB_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

enum { WEB_OBJECTS_MAX = 64 };

struct web_object {
    char path[600]; /* decoded, with its slash; of a store: /BUCKET/KEY */
    const void *data;
    size_t size;
    const char *etag, *modified; /* NULL: none; an ETag with its quotes */
};

struct web_faults {      /* each counts down; 0: none */
    unsigned cuts;       /* that many bodies end after cut_after bytes, as if the line broke */
    size_t cut_after;    /* bytes of that body */
    unsigned silences;   /* that many bodies stop after silent_after bytes, and nothing more comes */
    size_t silent_after; /* (size_t)-1: before the head */
    unsigned refusals;   /* that many answers are refusal_status */
    int refusal_status;
    unsigned changes_in; /* at the n-th request from here the object gets etag "changed" */
    size_t grows_by;     /* Content-Length says so much more than there is, and Content-Range, too */
    bool no_range, no_validators, no_length, weak;
    const char *redirect;      /* Location of a 302 */
    const char *content_range; /* instead of the right one */
};

struct web {
    int port;
    char url[64];                              /* http://127.0.0.1:PORT */
    const char *key, *secret, *region, *token; /* key: requests must be signed */
    size_t page_max;                           /* keys of a list's page; 0: 1000 */
    const char *list_body;                     /* instead of the right list */
    /* private */
    struct web_faults faults;
    unsigned requests;
    struct bytes log; /* a request a line: its line, Range, If-Range, If-Match, Authorization */
    char wrong[200];  /* what was wrong with a signature; to be read in a debugger */
    struct web_object objects[WEB_OBJECTS_MAX];
    size_t count, kept_count;
    void *kept[WEB_OBJECTS_MAX * 4]; /* every copy until the end: an answer may still be sent from an old one */
    int listener;
    bool stop;
    pthread_mutex_t lock;
    pthread_t thread;
};

void web_begin(struct web *w);
void web_end(struct web *w);

/* web_misbehave: from here on; requests and log begin anew. */
void web_misbehave(struct web *w, const struct web_faults *faults);
unsigned web_requests(struct web *w);            /* since then */
bool web_heard(struct web *w, const char *text); /* was that in a request since then? */

/* web_put: data is copied. The same path again replaces. modified is "Thu, 01 Jan 2026 00:00:00 GMT". */
struct web_object *web_put(struct web *w, const char *path, const void *data, size_t size, const char *etag);

#endif
