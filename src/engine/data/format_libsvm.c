/* LIBSVM text: "label index:value index:value ... # comment". Labels 1, +1, -1, 0; indices 0 .. 2^64-1 in any order, each once a row is
 * the writer's business; values are finite numbers. The index is the feature, its value is kept. */
#include <math.h>

#include "base/mem.h"
#include "engine/data/feature.h"
#include "engine/data/formats.h"
#include "engine/data/text.h"

struct libsvm {
    uint64_t seed;
};

static void *libsvm_prepare(const void *params, uint64_t hash_seed, struct error *err)
{
    struct libsvm *s = mem_zero(sizeof *s, err);
    (void)params;
    if (s) s->seed = feature_seed("", hash_seed);
    return s;
}

static bool blank(char c) { return c == ' ' || c == '\t'; }

static const char *token_end(const char *p, const char *end)
{
    while (p < end && !blank(*p)) p++;
    return p;
}

/* "index:value" in [p, end) as token number `column`. false: reported. */
static bool libsvm_feature(const struct libsvm *s, const char *p, const char *end, uint64_t line, size_t column, uint32_t *key, float *value,
                           struct bad_rows *bad)
{
    const char *colon = memchr(p, ':', (size_t)(end - p));
    uint64_t index;
    double real;
    if (!colon) bad_field(bad, line, column, p, (size_t)(end - p), "has no colon; a feature is index:value");
    else if (!text_u64(p, colon, &index)) bad_field(bad, line, column, p, (size_t)(end - p), "has no valid index; it must be a whole number >= 0");
    else if (!text_real(colon + 1, end, &real)) bad_field(bad, line, column, p, (size_t)(end - p), "has a value that is not a number");
    else if (!isfinite((float)real)) bad_field(bad, line, column, p, (size_t)(end - p), "has a value beyond the range of a 32-bit float");
    else {
        *key = feature_key_number(index, s->seed);
        *value = (float)real;
        return true;
    }
    return false;
}

static int libsvm_line(const struct libsvm *s, const char *p, const char *end, uint64_t line, struct parsed *out, struct error *err)
{
    struct rows *rows = &out->rows;
    const char *stop = token_end(p, end);
    int label = text_label(p, stop), rc;
    size_t features = 0;
    if (label < 0) {
        bad_field(&out->bad, line, 1, p, (size_t)(stop - p), "is not a label; it must be 0 or 1 (or -1 and 1)");
        return 0;
    }
    if ((rc = rows_reserve(rows, 1, (size_t)(end - p) / 2 + 1, err)) < 0) return rc; /* a feature has two bytes at least, and a blank */
    for (size_t column = 2;; column++) {
        for (p = stop; p < end && blank(*p);) p++;
        if (p == end) break;
        stop = token_end(p, end);
        size_t at = rows->features + features++;
        if (!libsvm_feature(s, p, stop, line, column, rows->keys + at, rows->values + at, &out->bad)) return 0;
    }
    rows_end_row(rows, features, (uint8_t)label);
    return 0;
}

static int libsvm_parse(const void *state, const struct chunk *chunk, struct parsed *out, struct error *err)
{
    const char *end = chunk->text + chunk->size, *stop;
    rows_clear(&out->rows, true);
    for (const char *p = chunk->text, *next; p < end; p = next, out->lines++) {
        next = text_line(p, end, &stop);
        if (!line_check(p, stop, chunk, out->lines, &out->bad)) continue;
        const char *comment = memchr(p, '#', (size_t)(stop - p));
        if (comment) stop = comment;
        while (p < stop && blank(*p)) p++;
        int rc = p == stop ? 0 : libsvm_line(state, p, stop, out->lines, out, err);
        if (rc < 0) return rc;
    }
    return 0;
}

const struct format format_libsvm = {.kind = {"libsvm", "label index:value ...; comments after #", "LIBSVM, Chang and Lin 2011", 0, NULL},
                                     .prepare = libsvm_prepare,
                                     .release = mem_free,
                                     .parse = libsvm_parse};
