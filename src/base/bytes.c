#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void bytes_init(struct bytes *b, size_t max) { *b = (struct bytes){.max = max}; }

void bytes_close(struct bytes *b)
{
    mem_free(b->data);
    *b = (struct bytes){.max = b->max};
}

void bytes_clear(struct bytes *b) { b->size = 0; }

int bytes_reserve(struct bytes *b, size_t more, struct error *err)
{
    if (more > b->max || b->size > b->max - more) return error_set(err, ERROR_TOOLARGE, NULL, "buffer would exceed its limit of %zu bytes", b->max);
    size_t need = b->size + more + 1;
    if (need <= b->capacity) return 0;
    size_t capacity = b->capacity ? b->capacity : 64;
    while (capacity < need) capacity += capacity / 2 + 1;
    void *data = b->data;
    int rc = mem_grow(&data, capacity, 1, err);
    if (rc < 0) return rc;
    b->data = data;
    b->capacity = capacity;
    return 0;
}

int bytes_add(struct bytes *b, const void *data, size_t size, struct error *err)
{
    int rc = bytes_reserve(b, size, err);
    if (rc < 0) return rc;
    if (size > 0) memcpy(b->data + b->size, data, size);
    b->size += size;
    b->data[b->size] = 0;
    return 0;
}

int bytes_add_text(struct bytes *b, const char *text, struct error *err) { return bytes_add(b, text, strlen(text), err); }

int bytes_printf(struct bytes *b, struct error *err, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    int rc = n < 0 ? error_set(err, ERROR_INTERNAL, NULL, "cannot format") : bytes_reserve(b, (size_t)n, err);
    if (rc == 0) {
        vsnprintf((char *)b->data + b->size, (size_t)n + 1, fmt, again);
        b->size += (size_t)n;
    }
    va_end(again);
    return rc;
}

const char *bytes_text(const struct bytes *b)
{
    if (!b->data) return "";
    b->data[b->size] = 0;
    return (const char *)b->data;
}

char *bytes_take(struct bytes *b, size_t *size_bytes)
{
    char *data = (char *)b->data;
    if (data) data[b->size] = 0;
    if (size_bytes) *size_bytes = b->size;
    *b = (struct bytes){.max = b->max};
    return data;
}

int bytes_add_varint(struct bytes *b, uint64_t value, struct error *err)
{
    uint8_t buf[10];
    size_t n = 0;
    do {
        buf[n++] = (uint8_t)((value & 127) | (value > 127 ? 128 : 0));
        value >>= 7;
    } while (value);
    return bytes_add(b, buf, n, err);
}

int varint_read(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (*at == end) return -1;
        uint8_t byte = *(*at)++;
        if (shift == 63 && byte > 1) return -1;
        v |= (uint64_t)(byte & 127) << shift;
        if (!(byte & 128)) {
            *value = v;
            return 0;
        }
    }
    return -1;
}
