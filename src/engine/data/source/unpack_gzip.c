/* gzip (RFC 1952): members one after another are one text, as `cat a.gz b.gz` makes them. A member that ends early, a wrong checksum
 * and rubbish behind the last member are errors; zero bytes behind it (tape padding) are not. */
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "engine/data/source/unpack.h"

struct gzip {
    struct packed *packed;
    z_stream z;
    bool inside; /* a member is open */
};

static bool gzip_matches(const uint8_t *head, size_t size) { return size >= 2 && head[0] == 0x1F && head[1] == 0x8B; }

static struct unpack *gzip_open(struct packed *packed, struct error *err)
{
    struct gzip *g = mem_zero(sizeof *g, err);
    if (!g) return NULL;
    g->packed = packed;
    if (inflateInit2(&g->z, 16 + MAX_WBITS) != Z_OK) {
        mem_free(g);
        error_set(err, ERROR_NOMEM, NULL, "cannot allocate gzip state for %s", packed->path);
        return NULL;
    }
    return (struct unpack *)g;
}

static int gzip_damaged(struct gzip *g, const char *why, struct error *err)
{
    return error_set(err, ERROR_DATA, "/dataset/uri", "%s: gzip data is damaged near byte %llu (%s); copy the file again and check it with gzip -t",
                     g->packed->path, (unsigned long long)(g->packed->taken - (g->packed->size - g->packed->at)), why ? why : "invalid data");
}

static int64_t gzip_read(struct unpack *u, void *buf, size_t size, struct error *err)
{
    struct gzip *g = (struct gzip *)u;
    if (size > 1u << 30) size = 1u << 30;
    g->z.next_out = buf;
    g->z.avail_out = (uInt)size;
    while (g->z.avail_out == (uInt)size) {
        const uint8_t *in;
        size_t n;
        int rc = packed_peek(g->packed, &in, &n, err);
        if (rc < 0) return rc;
        if (!g->inside) { /* between members: another one, padding, or the end */
            while (n > 0 && g->packed->taken > n && *in == 0) in++, n--, g->packed->at++;
            if (n == 0 && g->packed->ended) return 0;
            if (n == 0) continue;
            inflateReset(&g->z);
            g->inside = true;
        }
        if (n == 0)
            return error_set(err, ERROR_DATA, "/dataset/uri",
                             "%s: gzip data ends in the middle after %llu bytes; the file is truncated, copy it again", g->packed->path,
                             (unsigned long long)g->packed->taken);
        g->z.next_in = (Bytef *)in;
        g->z.avail_in = (uInt)n;
        int z = inflate(&g->z, Z_NO_FLUSH);
        g->packed->at += n - g->z.avail_in;
        if (z == Z_STREAM_END) g->inside = false;
        else if (z == Z_MEM_ERROR) return error_set(err, ERROR_NOMEM, NULL, "cannot allocate memory to unpack %s", g->packed->path);
        else if (z != Z_OK && z != Z_BUF_ERROR) return gzip_damaged(g, g->z.msg, err);
    }
    return (int64_t)(size - g->z.avail_out);
}

static void gzip_close(struct unpack *u)
{
    struct gzip *g = (struct gzip *)u;
    inflateEnd(&g->z);
    mem_free(g);
}

const struct unpacker unpacker_gzip = {"gzip", gzip_matches, gzip_open, gzip_read, gzip_close};
