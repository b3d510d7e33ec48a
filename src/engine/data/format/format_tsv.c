/* TSV: a header, or columns by number; a tab ends a cell and a newline a row, whatever the quotes. What the columns are the schema says (schema.h).
 */
#include "engine/data/format/csv.h"
#include "engine/data/format/formats.h"

static const struct option tsv_options[] = {
    CSV_OPTIONS("tab", 0),
    {0},
};

const struct format format_tsv = {.kind = {"tsv", "tab-separated columns with a header or a declared schema; quotes are bytes like others",
                                           "IANA text/tab-separated-values", sizeof(struct csv_params), tsv_options},
                                  CSV_HOOKS};
