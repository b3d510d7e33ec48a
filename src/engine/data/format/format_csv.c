/* CSV by RFC 4180: a header, or columns by number; any one-byte delimiter; quotes, doubled quotes and newlines inside quotes. What the columns are
 * the schema says (schema.h). */
#include "engine/data/format/csv.h"
#include "engine/data/format/formats.h"

static const struct option csv_options[] = {
    COLUMNS_OPTIONS,
    {"delimiter", OPT_TEXT, offsetof(struct csv_params, delimiter), .help = "one byte between columns, or the word tab", .def_text = ","},
    {"header", OPT_BOOL, offsetof(struct csv_params, header), 1, .help = "the first line of each file holds the names of the columns"},
    {"quotes", OPT_BOOL, offsetof(struct csv_params, quotes), 1,
     .help = "a cell may stand in quotes, a quote inside doubled; it may hold delimiters and newlines then"},
    {0},
};

const struct format format_csv = {
    .kind = {"csv", "comma- or otherwise separated columns with a header or a declared schema", "RFC 4180", sizeof(struct csv_params), csv_options},
    .files = columns_files,
    .prepare = csv_prepare,
    .release = csv_release,
    .header = csv_header,
    .record_end = csv_record_end,
    .whole = csv_whole,
    .parse = csv_parse,
    .field_name = csv_field_name,
    .field_kind = csv_field_kind};
