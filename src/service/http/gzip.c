/* See gzip.h. Level 5: JSON shrinks to a tenth at some 100 MB/s; the higher levels take twice the time for two per cent. */
#include "service/http/gzip.h"

#include <zlib.h>

int gzip_pack(const void *data, size_t size, struct bytes *out, struct error *err)
{
    z_stream z = {0};
    if (size > UINT32_MAX) return error_set(err, ERROR_TOOLARGE, NULL, "%zu bytes are too many to pack at once", size);
    if (deflateInit2(&z, 5, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return error_set(err, ERROR_NOMEM, NULL, "no memory to pack a reply");
    size_t bound = deflateBound(&z, (uLong)size);
    int rc = bytes_reserve(out, bound, err);
    if (rc == 0) {
        z.next_in = (Bytef *)(uintptr_t)data, z.avail_in = (uInt)size;
        z.next_out = out->data + out->size, z.avail_out = (uInt)bound;
        if (deflate(&z, Z_FINISH) != Z_STREAM_END) rc = error_set(err, ERROR_INTERNAL, NULL, "zlib did not finish a reply of %zu bytes", size);
        else out->size += bound - z.avail_out;
    }
    deflateEnd(&z);
    return rc;
}
