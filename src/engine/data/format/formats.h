/* Inside the data room: the formats that formats.c puts into its table. */
#ifndef TRAINYARD_ENGINE_DATA_FORMATS_H
#define TRAINYARD_ENGINE_DATA_FORMATS_H

#include "engine/data/format/format.h"

extern const struct format format_criteo, format_csv, format_tsv, format_jsonl, format_libsvm, format_libffm, format_vw;

#endif
