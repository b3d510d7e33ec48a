/* CSV by RFC 4180: a header, or columns by number; any one-byte delimiter; quotes, doubled quotes and newlines inside quotes. What the columns are
 * the schema says (schema.h). */
#include "engine/data/format/csv.h"
#include "engine/data/format/formats.h"

static const struct option csv_options[] = {
    CSV_OPTIONS(",", 1),
    {0},
};

const struct format format_csv = {
    .kind = {"csv", "comma- or otherwise separated columns with a header or a declared schema", "RFC 4180", sizeof(struct csv_params), csv_options},
    CSV_HOOKS};
