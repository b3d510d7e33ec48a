/* What libsvm and libffm share: lines of "label [qid:N] token token ... # comment", tokens separated by blanks. */
#ifndef TRAINYARD_ENGINE_DATA_SPARSE_H
#define TRAINYARD_ENGINE_DATA_SPARSE_H

#include "engine/data/format/format.h"
#include "engine/data/format/label.h"

struct sparse_feature {
    uint32_t key;
    float value;
    uint16_t field; /* of a format with ROWS_FIELDS */
};

/* What lines may hold besides features. The first member of the state of every format here. */
struct sparse_lines {
    unsigned with; /* rows_part that the format fills besides values */
    struct label_rule labels;
    bool no_labels; /* the label may be missing, and is not used */
    bool qid;       /* "qid:N" may follow the label; with ROWS_GROUPS it must, and is the row's group */
};

/* Why the token [p, end) is no feature, or NULL and what it is. */
typedef const char *sparse_token_fn(const void *state, const char *p, const char *end, struct sparse_feature *out);

/* The same for a token at p that is of the usual kind: what follows it, which is a blank, a \r or a newline; NULL: another kind, out is rubbish. */
typedef const char *sparse_fast_fn(const void *state, const char *p, struct sparse_feature *out);

/* The line at p at once, by sparse_line() (sparse_line.h) with the format's two token functions. */
typedef const char *sparse_line_fn(const void *state, const char *p, size_t line_bytes_max, struct rows *rows);

/* sparse_parse: format.parse for such lines. state starts with struct sparse_lines. */
int sparse_parse(const void *state, sparse_line_fn *line, sparse_token_fn *token, const struct chunk *chunk, struct parsed *out, struct error *err);

/* sparse_value: the finite 32-bit float in [p, end), or why it is none. */
const char *sparse_value(const char *p, const char *end, float *value);

#endif
