/* gzip of a whole reply body (RFC 1952), through zlib. */
#ifndef TRAINYARD_SERVICE_HTTP_GZIP_H
#define TRAINYARD_SERVICE_HTTP_GZIP_H

#include "base/bytes.h"

/* gzip_pack: size bytes of data, packed and appended to out. The same bytes for the same data: no clock and no name inside. */
int gzip_pack(const void *data, size_t size, struct bytes *out, struct error *err);

#endif
