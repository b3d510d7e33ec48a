/* libFFM text: "label field:feature:value ...". The field is in the key, as the name of a column is elsewhere: feature 7 of field 1 and
 * feature 7 of field 2 are two features. Fields are whole numbers up to FIELD_MAX; with crosses the last CROSSES_MAX of these are the
 * crosses'. */
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "engine/data/format/crosses.h"
#include "engine/data/format/feature.h"
#include "engine/data/format/formats.h"
#include "engine/data/format/roles.h"
#include "engine/data/format/sparse_line.h"
#include "engine/data/format/text.h"

enum { FIELDS_TABLED = 1024 }; /* seeds of the first fields are made once; a larger number costs a hash each time */

struct libffm {
    struct sparse_lines lines; /* first */
    uint64_t field_max;
    uint64_t hash_seed, seeds[FIELDS_TABLED], flips[FIELDS_TABLED]; /* hash64_flip of each seed */
};

static uint64_t field_seed(uint64_t field, uint64_t hash_seed)
{
    char name[24];
    snprintf(name, sizeof name, "%" PRIu64, field);
    return feature_seed(name, hash_seed);
}

static void *libffm_prepare(const void *params, const struct format_context *context, struct error *err)
{
    (void)params;
    if (roles_refuse(context, 0, "libffm", "csv and jsonl have columns for it", err) < 0) return NULL;
    struct libffm *s = mem_zero(sizeof *s, err);
    if (!s) return NULL;
    s->lines = (struct sparse_lines){.with = ROWS_FIELDS, .labels = context->labels, .no_labels = context->no_labels};
    s->field_max = context->crosses && *context->crosses ? FIELD_MAX - CROSSES_MAX : FIELD_MAX;
    s->hash_seed = context->hash_seed;
    for (uint64_t field = 0; field < FIELDS_TABLED; field++) {
        s->seeds[field] = field_seed(field, s->hash_seed);
        s->flips[field] = hash64_flip(s->seeds[field]);
    }
    return s;
}

static const char field_too_high[] = "has a field beyond 65534, the highest there can be; number the fields from 0";
static const char field_too_high_crossed[] = "has a field beyond 65278, the highest there can be with features.crosses; number the fields from 0";
_Static_assert(FIELD_MAX == 65534 && FIELD_MAX - CROSSES_MAX == 65278, "the messages say so");

static const char *libffm_token(const void *state, const char *p, const char *end, struct sparse_feature *out)
{
    const struct libffm *s = state;
    const char *first = memchr(p, ':', (size_t)(end - p)), *second = first ? memchr(first + 1, ':', (size_t)(end - first - 1)) : NULL;
    uint64_t field, feature;
    if (!second) return "is not field:feature:value";
    if (!text_u64(p, first, &field)) return "has no valid field; it must be a whole number >= 0";
    if (!text_u64(first + 1, second, &feature)) return "has no valid feature; it must be a whole number >= 0";
    if (field > s->field_max) return s->field_max == FIELD_MAX ? field_too_high : field_too_high_crossed;
    out->field = (uint16_t)field;
    out->key = feature_key_number(feature, field < FIELDS_TABLED ? s->seeds[field] : field_seed(field, s->hash_seed));
    return sparse_value(second + 1, end, &out->value);
}

static inline const char *libffm_fast(const void *state, const char *p, struct sparse_feature *out)
{
    const struct libffm *s = state;
    uint64_t field, feature;
    if (!(p = digits_u64(p, &field)) || *p != ':' || field >= FIELDS_TABLED) return NULL;
    if (!(p = digits_u64(p + 1, &feature)) || *p != ':') return NULL;
    out->field = (uint16_t)field;
    out->key = hash64_word(feature, 8, s->flips[field]) >> 32;
    return sparse_fast_value(p + 1, &out->value);
}

static const char *libffm_line(const void *state, const char *p, size_t line_bytes_max, struct rows *rows)
{
    return sparse_line(state, libffm_fast, libffm_token, p, line_bytes_max, rows);
}

static int libffm_parse(const void *state, const struct chunk *chunk, struct parsed *out, struct error *err)
{
    return sparse_parse(state, libffm_line, libffm_token, chunk, out, err);
}

const struct format format_libffm = {.kind = {"libffm", "label field:feature:value ...; comments after #", "libFFM, Juan et al. 2016", 0, NULL},
                                     .tokens = true,
                                     .prepare = libffm_prepare,
                                     .release = mem_free,
                                     .parse = libffm_parse};
