/* The window over a packed file, and the plain unpacker, which hands bytes through. */
#include "engine/data/source/unpack.h"

#include <string.h>

#include "base/mem.h"

enum { WINDOW_BYTES = 256 << 10 };

int packed_peek(struct packed *p, const uint8_t **bytes, size_t *size, struct error *err)
{
    if (p->at == p->size && !p->ended) {
        if (!p->buf && !(p->buf = mem_zero(WINDOW_BYTES, err))) return -ERROR_NOMEM;
        int64_t n = p->kind->read(p->raw, p->buf, WINDOW_BYTES, err);
        if (n < 0) return (int)n;
        p->at = 0;
        p->size = (size_t)n;
        p->taken += (size_t)n;
        p->ended = n == 0;
    }
    *bytes = p->buf + p->at;
    *size = p->size - p->at;
    return 0;
}

int packed_head(struct packed *p, size_t want, const uint8_t **bytes, size_t *size, struct error *err)
{
    int rc = packed_peek(p, bytes, size, err);
    while (rc == 0 && p->size < want && !p->ended) {
        int64_t n = p->kind->read(p->raw, p->buf + p->size, WINDOW_BYTES - p->size, err);
        if (n < 0) return (int)n;
        p->size += (size_t)n;
        p->taken += (size_t)n;
        p->ended = n == 0;
    }
    *size = p->size;
    return rc;
}

static struct unpack *plain_open(struct packed *packed, struct error *err) { return (void)err, (struct unpack *)packed; }

/* Bytes that the sniffing read first, then straight from the file into the caller's memory. */
static int64_t plain_read(struct unpack *u, void *buf, size_t size, struct error *err)
{
    struct packed *p = (struct packed *)u;
    size_t left = p->size - p->at;
    if (left > 0) {
        size_t n = left < size ? left : size;
        memcpy(buf, p->buf + p->at, n);
        p->at += n;
        return (int64_t)n;
    }
    int64_t n = p->ended ? 0 : p->kind->read(p->raw, buf, size, err);
    if (n > 0) p->taken += (uint64_t)n;
    return n;
}

static void plain_close(struct unpack *u) { (void)u; }

const struct unpacker unpacker_plain = {"plain", NULL, plain_open, plain_read, plain_close};

const struct unpacker *const unpackers[] = {&unpacker_gzip, &unpacker_zstd, &unpacker_plain};
