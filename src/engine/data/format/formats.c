/* The table of formats: a new one is one file and one word here. */
#include "engine/data/format/formats.h"

const struct format *const formats[] = {&format_criteo, &format_csv, &format_tsv, &format_jsonl, &format_libsvm, &format_libffm, &format_vw, NULL};
