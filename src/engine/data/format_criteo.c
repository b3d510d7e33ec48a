/* Criteo display advertising log: label TAB I1..I13 TAB C1..C26, no header (Kaggle 2014; data/INDEX.md, criteo_8k).
 *
 * Every row has 39 features of value 1. An empty cell is a value of its own. An integer v <= 2 is the category "SP" + v, a larger one
 * the category floor(ln(v)^2). Keys of integers come from tables made once, those of categories from hashing their text. */
#include <stdio.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "engine/data/criteo.h"
#include "engine/data/feature.h"
#include "engine/data/formats.h"
#include "engine/data/text.h"

uint32_t criteo_integer_key(const struct criteo *state, size_t c, int64_t value)
{
    char text[32];
    int n = value <= 2 ? snprintf(text, sizeof text, "SP%lld", (long long)value)
                       : snprintf(text, sizeof text, "%u", square_log_exact((uint64_t)value));
    return feature_key(text, (size_t)n, state->seeds[c]);
}

static void *criteo_prepare(const void *params, const struct format_context *context, struct error *err)
{
    struct criteo *s = mem_zero(sizeof *s, err);
    char text[16];
    (void)params;
    if (!s) return NULL;
    square_log_init(&s->log);
    for (size_t c = 0; c < CRITEO_FIELDS; c++) {
        snprintf(s->names[c], sizeof s->names[c], "%c%zu", c < CRITEO_INTEGERS ? 'I' : 'C', c < CRITEO_INTEGERS ? c + 1 : c + 1 - CRITEO_INTEGERS);
        s->seeds[c] = feature_seed(s->names[c], context->hash_seed);
        s->flips[c] = hash64_flip(s->seeds[c]);
        s->layout[c] = (uint16_t)c;
        s->missing[c] = feature_key("", 0, s->seeds[c]);
    }
    for (size_t c = 0; c < CRITEO_INTEGERS; c++) {
        for (int v = -CRITEO_SMALL; v <= 2; v++) s->slots[c][v + CRITEO_SMALL] = criteo_integer_key(s, c, v);
        for (unsigned class = 0; class < SQUARE_LOG_CLASSES; class ++) {
            int n = snprintf(text, sizeof text, "%u", class);
            s->slots[c][CRITEO_CLASS_0 + class] = feature_key(text, (size_t)n, s->seeds[c]);
        }
        s->slots[c][CRITEO_MISSING] = s->missing[c];
    }
    return s;
}

void criteo_refuse(const char *p, const char *end, const struct chunk *chunk, uint64_t line, struct bad_rows *bad)
{
    size_t columns = 1;
    int64_t value;
    if (!line_check(p, end, chunk, line, bad)) return;
    for (const char *t = p; (t = memchr(t, '\t', (size_t)(end - t))); t++) columns++;
    if (columns != CRITEO_FIELDS + 1) {
        bad_row(bad, line, "%zu column%s, want 40 (label, 13 integers, 26 categories, separated by tabs)", columns, columns == 1 ? "" : "s");
        return;
    }
    for (size_t c = 0; c <= CRITEO_INTEGERS; c++) {
        const char *stop = memchr(p, '\t', (size_t)(end - p));
        size_t size = (size_t)(stop - p);
        if (c == 0 && text_label(p, stop) < 0) {
            bad_field(bad, line, 1, p, size, "is not a label; it must be 0 or 1");
            return;
        }
        if (c > 0 && size > 0 && !text_i64(p, stop, &value)) {
            bad_field(bad, line, c + 1, p, size, "is not a number; columns 2 to 14 are integers or empty");
            return;
        }
        p = stop + 1;
    }
}

static int criteo_parse(const void *state, const struct chunk *chunk, struct parsed *out, struct error *err)
{
    static int (*const kernels[])(const struct criteo *, const struct chunk *, struct parsed *, uint32_t *,
                                  struct error *) = KERNEL_TABLE(criteo_parse);
    int rc;
    bytes_clear(&out->marks);
    if ((rc = bytes_reserve(&out->marks, 2 * (chunk->size + 64) * sizeof(uint32_t), err)) < 0) return rc;
    const struct criteo *criteo = state;
    rows_clear(&out->rows, 0);
    out->rows.layout = criteo->layout;
    out->rows.layout_size = CRITEO_FIELDS;
    return kernels[cpu_level()](state, chunk, out, (uint32_t *)out->marks.data, err);
}

static const char *criteo_field_name(const void *state, size_t field)
{
    const struct criteo *s = state;
    return field < CRITEO_FIELDS ? s->names[field] : NULL;
}

const struct format format_criteo = {.kind = {"criteo", "label, 13 integers, 26 categories, separated by tabs; no header",
                                              "Criteo display advertising challenge, Kaggle 2014", 0, NULL},
                                     .prepare = criteo_prepare,
                                     .release = mem_free,
                                     .parse = criteo_parse,
                                     .field_name = criteo_field_name};
