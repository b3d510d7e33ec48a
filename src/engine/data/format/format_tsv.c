/* TSV: a header, or columns by number; a tab ends a cell and a newline a row, whatever the quotes. What the columns are the schema says (schema.h).
 */
#include "engine/data/format/csv.h"
#include "engine/data/format/formats.h"

static const struct option tsv_options[] = {
    COLUMNS_OPTIONS,
    {"delimiter", OPT_TEXT, offsetof(struct csv_params, delimiter), .help = "one byte between columns, or the word tab", .def_text = "tab"},
    {"header", OPT_BOOL, offsetof(struct csv_params, header), 1, .help = "the first line of each file holds the names of the columns"},
    {"quotes", OPT_BOOL, offsetof(struct csv_params, quotes), 0,
     .help = "a cell may stand in quotes, a quote inside doubled; it may hold delimiters and newlines then"},
    {0},
};

const struct format format_tsv = {.kind = {"tsv", "tab-separated columns with a header or a declared schema; quotes are bytes like others",
                                           "IANA text/tab-separated-values", sizeof(struct csv_params), tsv_options},
                                  .files = columns_files,
                                  .prepare = csv_prepare,
                                  .release = csv_release,
                                  .header = csv_header,
                                  .record_end = csv_record_end,
                                  .whole = csv_whole,
                                  .parse = csv_parse,
                                  .field_name = csv_field_name,
                                  .field_kind = csv_field_kind};
