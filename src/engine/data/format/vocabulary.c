#include "engine/data/format/vocabulary.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "engine/data/format/text.h"
#include "engine/data/source/source.h"

struct vocabulary {
    uint64_t *slots; /* (mask + 1), open addressing; 0: free */
    uint64_t mask;
    size_t count;
};

static uint64_t value_hash(const char *text, size_t size)
{
    uint64_t hash = hash64(text, size, 0);
    return hash ? hash : 1;
}

/* Where the hash is, or the free slot where it would be. */
static uint64_t *slot_of(const struct vocabulary *v, uint64_t hash)
{
    uint64_t at = hash & v->mask;
    while (v->slots[at] && v->slots[at] != hash) at = (at + 1) & v->mask;
    return &v->slots[at];
}

/* The next line at *p without its end; *p moves behind it. */
static size_t line_next(const char **p, const char *end, const char **line)
{
    const char *newline = memchr(*p, '\n', (size_t)(end - *p)), *stop = newline ? newline : end;
    *line = *p;
    *p = newline ? newline + 1 : end;
    return (size_t)(stop - *line) - (stop > *line && stop[-1] == '\r');
}

static int vocabulary_fill(struct vocabulary *v, const struct bytes *text, struct error *err)
{
    const char *end = bytes_text(text) + text->size, *line;
    uint64_t lines = 1;
    for (const char *p = bytes_text(text); p < end; lines++) line_next(&p, end, &line);
    for (v->mask = 15; v->mask < 2 * lines; v->mask = 2 * v->mask + 1) {}
    if (!(v->slots = mem_array(v->mask + 1, 1, sizeof *v->slots, err))) return -ERROR_NOMEM;
    for (const char *p = bytes_text(text); p < end;) {
        size_t size = line_next(&p, end, &line);
        uint64_t hash = value_hash(line, size), *slot = slot_of(v, hash);
        if (size == 0) continue;
        v->count += *slot == 0;
        *slot = hash;
    }
    return 0;
}

int vocabulary_text(const struct world *world, const char *path, struct bytes *out, struct error *err)
{
    int rc = source_slurp(world, path, out, err);
    if (rc < 0) return rc;
    size_t mark = text_mark(bytes_text(out), out->size);
    out->size -= mark;
    if (mark > 0) memmove(out->data, out->data + mark, out->size);
    return 0;
}

struct vocabulary *vocabulary_read(const struct world *world, const char *path, struct error *err)
{
    struct bytes text;
    struct error why = {0};
    struct vocabulary *v = mem_zero(sizeof *v, err);
    if (!v) return NULL;
    bytes_init(&text, VOCABULARY_MAX_BYTES);
    int rc = world ? vocabulary_text(world, path, &text, &why) : error_set(&why, ERROR_DATA, NULL, "no file can be read here");
    if (rc == 0) rc = vocabulary_fill(v, &text, &why);
    if (rc == 0 && v->count == 0) rc = error_set(&why, ERROR_DATA, NULL, "%s holds no value", path);
    bytes_close(&text);
    if (rc == 0) return v;
    vocabulary_free(v);
    error_set(err, why.code == ERROR_NOMEM ? ERROR_NOMEM : ERROR_DATA, NULL, "%s; vocab(FILE) wants a file of one value a line", why.msg);
    return NULL;
}

void vocabulary_free(struct vocabulary *v)
{
    if (!v) return;
    mem_free(v->slots);
    mem_free(v);
}

bool vocabulary_has(const struct vocabulary *v, const char *text, size_t size) { return *slot_of(v, value_hash(text, size)) != 0; }

size_t vocabulary_count(const struct vocabulary *v) { return v->count; }
