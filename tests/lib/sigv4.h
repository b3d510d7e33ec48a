/* AWS Signature Version 4 as the far side computes it, from the published description: HMAC-SHA256 over a canonical form of the request. */
#ifndef TRAINYARD_TESTS_LIB_SIGV4_H
#define TRAINYARD_TESTS_LIB_SIGV4_H

#include <stddef.h>

/* sigv4_check: request: line and headers as they came over the wire ("GET /a HTTP/1.1\r\nHost: b\r\n...\r\n\r\n"). NULL: it is signed with that
 * secret and region for s3; else what is wrong. */
const char *sigv4_check(const char *request, const char *key, const char *secret, const char *region);

/* sigv4_header: the value of a header, into buf; "" when missing. Returns buf. */
const char *sigv4_header(const char *request, const char *name, char *buf, size_t size);

#endif
