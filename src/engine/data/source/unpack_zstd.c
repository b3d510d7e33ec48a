/* zstd (RFC 8878): frames one after another are one text; skippable frames are passed over by the library. A frame that ends early, a
 * wrong checksum and a window beyond 128 MiB are errors. */
#include <zstd.h>

#include "base/mem.h"
#include "engine/data/source/unpack.h"

enum { WINDOW_LOG_MAX = 27 }; /* what plain `zstd` and `zstd -19` write; a hostile header cannot ask for gigabytes */

struct zstd {
    struct packed *packed;
    ZSTD_DStream *stream;
    bool inside; /* a frame is open */
};

static bool zstd_matches(const uint8_t *head, size_t size)
{
    if (size < 4) return false;
    bool frame = head[0] == 0x28 && head[1] == 0xB5, skippable = (head[0] & 0xF0) == 0x50 && head[1] == 0x2A;
    return (frame && head[2] == 0x2F && head[3] == 0xFD) || (skippable && head[2] == 0x4D && head[3] == 0x18);
}

static void zstd_close(struct unpack *u)
{
    struct zstd *s = (struct zstd *)u;
    ZSTD_freeDStream(s->stream);
    mem_free(s);
}

static struct unpack *zstd_open(struct packed *packed, struct error *err)
{
    struct zstd *s = mem_zero(sizeof *s, err);
    if (!s) return NULL;
    s->packed = packed;
    s->stream = ZSTD_createDStream();
    if (s->stream && !ZSTD_isError(ZSTD_DCtx_setParameter(s->stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) return (struct unpack *)s;
    error_set(err, ERROR_NOMEM, NULL, "cannot allocate zstd state for %s", packed->path);
    zstd_close((struct unpack *)s);
    return NULL;
}

static int64_t zstd_read(struct unpack *u, void *buf, size_t size, struct error *err)
{
    struct zstd *s = (struct zstd *)u;
    ZSTD_outBuffer out = {buf, size, 0};
    while (out.pos == 0) {
        const uint8_t *bytes;
        size_t n;
        int rc = packed_peek(s->packed, &bytes, &n, err);
        if (rc < 0) return rc;
        if (n == 0 && !s->inside) return 0;
        ZSTD_inBuffer in = {bytes, n, 0};
        size_t hint = ZSTD_decompressStream(s->stream, &out, &in);
        s->packed->at += in.pos;
        if (ZSTD_isError(hint))
            return error_set(err, ERROR_DATA, "/dataset/uri",
                             "%s: zstd data is damaged near byte %llu (%s); copy the file again and check it with zstd -t", s->packed->path,
                             (unsigned long long)(s->packed->taken - (s->packed->size - s->packed->at)), ZSTD_getErrorName(hint));
        s->inside = hint != 0;
        if (n == 0 && out.pos == 0 && s->inside)
            return error_set(err, ERROR_DATA, "/dataset/uri",
                             "%s: zstd data ends in the middle after %llu bytes; the file is truncated, copy it again", s->packed->path,
                             (unsigned long long)s->packed->taken);
    }
    return (int64_t)out.pos;
}

const struct unpacker unpacker_zstd = {"zstd", zstd_matches, zstd_open, zstd_read, zstd_close};
