/* All sources; the one place that lists them. */
#include "engine/data/source/source_kind.h"

const struct source_kind *const sources[] = {&source_local, &source_input, &source_http, &source_https, &source_s3, NULL};
