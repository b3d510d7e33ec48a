/* LIBSVM text: "label [qid:N] index:value index:value ... # comment". Labels 1, +1, -1, 0; indices 0 .. 2^64-1 in any order; values are finite
 * numbers. The index is the feature, its value is kept. qid (SVMrank, Joachims 2006) is the row's group when dataset.group is "qid"; else it is
 * passed over. */
#include "base/mem.h"
#include "engine/data/format/feature.h"
#include "engine/data/format/formats.h"
#include "engine/data/format/roles.h"
#include "engine/data/format/sparse_line.h"
#include "engine/data/format/text.h"

struct libsvm {
    struct sparse_lines lines; /* first */
    uint64_t seed, flip;       /* hash64_flip */
};

static void *libsvm_prepare(const void *params, const struct format_context *context, struct error *err)
{
    const char *group = role_column(context, ROLE_GROUP);
    bool qid = strcmp(group, "qid") == 0;
    (void)params;
    if (roles_refuse(context, qid ? 1 << ROLE_GROUP : 0, "libsvm",
                     "it can tell groups by qid:N after the label (dataset.group: \"qid\"); csv has columns", err) < 0)
        return NULL;
    struct libsvm *s = mem_zero(sizeof *s, err);
    if (!s) return NULL;
    s->lines = (struct sparse_lines){
        .with = qid && role_reads(context, ROLE_GROUP) ? ROWS_GROUPS : 0, .labels = context->labels, .no_labels = context->no_labels, .qid = true};
    s->seed = feature_seed("", context->hash_seed);
    s->flip = hash64_flip(s->seed);
    return s;
}

static const char *libsvm_token(const void *state, const char *p, const char *end, struct sparse_feature *out)
{
    const struct libsvm *s = state;
    const char *colon = memchr(p, ':', (size_t)(end - p));
    uint64_t index;
    if (!colon) return "has no colon; a feature is index:value";
    if (!text_u64(p, colon, &index)) return "has no valid index; it must be a whole number >= 0";
    out->key = feature_key_number(index, s->seed);
    return sparse_value(colon + 1, end, &out->value);
}

static inline const char *libsvm_fast(const void *state, const char *p, struct sparse_feature *out)
{
    const struct libsvm *s = state;
    uint64_t index;
    if (!(p = digits_u64(p, &index)) || *p != ':') return NULL;
    out->key = hash64_word(index, 8, s->flip) >> 32;
    return sparse_fast_value(p + 1, &out->value);
}

static const char *libsvm_line(const void *state, const char *p, size_t line_bytes_max, struct rows *rows)
{
    return sparse_line(state, libsvm_fast, libsvm_token, p, line_bytes_max, rows);
}

static int libsvm_parse(const void *state, const struct chunk *chunk, struct parsed *out, struct error *err)
{
    return sparse_parse(state, libsvm_line, libsvm_token, chunk, out, err);
}

const struct format format_libsvm = {.kind = {"libsvm", "label [qid:N] index:value ...; comments after #", "LIBSVM, Chang and Lin 2011", 0, NULL},
                                     .no_fields = true,
                                     .tokens = true,
                                     .prepare = libsvm_prepare,
                                     .release = mem_free,
                                     .parse = libsvm_parse};
