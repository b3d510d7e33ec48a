/* What a log looks like, from its first rows: the format, and for tables the options and the schema that training would want, as the `dataset` object
 * of a specification. A guess for people to look over: it is told as one, and nothing but `data inspect` makes it.
 *
 * The formats' own parsers judge: a text is criteo, libffm or libsvm when all of its first rows are; else lines that begin with a brace are JSON and
 * lines with a bar behind the label Vowpal Wabbit's; else it is a table, with the delimiter under which most rows have the same number of columns. */
#ifndef TRAINYARD_ENGINE_DATA_INFER_H
#define TRAINYARD_ENGINE_DATA_INFER_H

#include "base/json.h"
#include "engine/data/format/format.h"
#include "engine/data/source/source.h"

struct inferred {
    const struct format *format;
    json_t *options;    /* of the format, without "format": what is not its default */
    json_t *candidates; /* {"group": [...], "time": [...]}: columns that may play these parts; names or numbers */
    json_t *notes;      /* strings: why, column by column */
    json_t *ignored;    /* {column: why} of those that the schema ignores */
    uint64_t rows;      /* that were looked at */
};

/* infer_format: from the first file of the list that has text. format: known already, or NULL. labels: what they are said to be. ERROR_DATA: nothing
 * fits, or no row is there. inferred_close() it in any case. */
int infer_format(const struct source_list *files, const struct format *format, const struct label_rule *labels, struct inferred *out,
                 struct error *err);
void inferred_close(struct inferred *i); /* safe on a zeroed struct, and twice */

#endif
