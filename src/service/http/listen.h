/* The address that the server listens on: "127.0.0.1:8080", "[::1]:0", "localhost:8080", "0.0.0.0:80". */
#ifndef TRAINYARD_SERVICE_HTTP_LISTEN_H
#define TRAINYARD_SERVICE_HTTP_LISTEN_H

#include <stdbool.h>

#include "base/error.h"

enum { LISTEN_HOST_SIZE = 256, LISTEN_URL_SIZE = 300 };

struct listen_address {
    char host[LISTEN_HOST_SIZE]; /* without brackets */
    int port;                    /* 0: any free one */
    bool v6;
};

int listen_parse(struct listen_address *out, const char *text, struct error *err); /* ERROR_USAGE */

/* listen_open: a bound, listening, non-blocking socket that no child process inherits; url gets its address with the port that was taken.
 * Returns the descriptor, or -ERROR_CONFLICT (in use), -ERROR_USAGE (not an address of this machine), ... */
int listen_open(const struct listen_address *address, char url[LISTEN_URL_SIZE], struct error *err);

#endif
