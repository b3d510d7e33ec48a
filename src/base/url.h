/* Addresses of the web: taken apart strictly, so that what is checked, shown and fetched is one and the same.
 *
 * scheme://[user[:password]@]host[:port][/path][?query][#fragment]. Scheme and host become lower case, a port that is the scheme's own goes,
 * the fragment goes. A host is letters, digits, '-', '.' and '_', or an IPv6 address in brackets; the path may hold no blank, control
 * character or backslash. */
#ifndef TRAINYARD_BASE_URL_H
#define TRAINYARD_BASE_URL_H

#include <stdbool.h>

#include "base/error.h"

enum { URL_SIZE = 4096 };

struct url {
    char scheme[16];      /* "https" */
    char user[512];       /* "name:password" as it stood, percent-encoded; "" none */
    char host[256];       /* "data.example", "[::1]" */
    unsigned port;        /* 0: the scheme's own */
    char path[URL_SIZE];  /* at least "/", percent-encoded */
    char query[URL_SIZE]; /* with its '?'; "" none */
};

/* url_parse: ERROR_USAGE says what is wrong and repeats neither user nor query. */
int url_parse(struct url *url, const char *text, struct error *err);

/* url_text: to be fetched: everything but the user. false: does not fit. */
bool url_text(const struct url *url, char *buf, size_t size);

/* url_show: for people: no user, and for a query just "?...", since it may be a signature. Returns buf. */
const char *url_show(const struct url *url, char *buf, size_t size);

/* url_has_dots: does the path have a segment . or .., plain or percent-encoded, or an encoded slash, backslash or percent sign? What it names is then
 * another question than how it begins. */
bool url_has_dots(const struct url *url);

/* url_decode: percent codes to bytes, in place; plus: '+' is a blank. false: a code that is none, or a NUL. */
bool url_decode(char *text, bool plus);

#endif
