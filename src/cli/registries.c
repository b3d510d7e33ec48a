#include "cli/registries.h"

static const struct kind *const nothing[] = {NULL};

const struct registry registry_all = {.kinds = {
                                          [SECTION_FORMAT] = nothing,
                                          [SECTION_SPLIT] = nothing,
                                          [SECTION_MODEL] = nothing,
                                          [SECTION_OPTIMIZER] = nothing,
                                          [SECTION_STRATEGY] = nothing,
                                          [SECTION_CODEC] = nothing,
                                          [SECTION_AGGREGATE] = nothing,
                                      }};
