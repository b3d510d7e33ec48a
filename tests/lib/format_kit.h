/* For tests of formats: a text parsed in one piece, without files, cache or workers, and texts that every format can read. */
#ifndef TRAINYARD_TESTS_LIB_FORMAT_KIT_H
#define TRAINYARD_TESTS_LIB_FORMAT_KIT_H

#include "engine/data/format/format.h"

struct format_sample { /* a good text, perhaps with some bad rows in it */
    const char *format, *options, *weight, *group, *time;
    bool no_labels;
    const char *crosses; /* features.crosses */
    const char *text;    /* ends with a newline */
};
extern const struct format_sample format_samples[]; /* every format once at least; ends with a NULL format */

struct format_kit { /* zero it, fill the first part, open, close */
    const char *format, *options;
    struct format_context context; /* world: NULL */

    const struct format *kind; /* around it, if context.crosses names some */
    void *params, *state;
    struct parsed out;
    char *text; /* a copy with slack */
    struct chunk chunk;
};

/* format_kit_open: prepare, header, parse. A failure is that of prepare or header. */
int format_kit_open(struct format_kit *kit, const char *text, size_t size, struct error *err);
int format_kit_sample(struct format_kit *kit, const struct format_sample *sample, struct error *err); /* with hash seed 5 */
void format_kit_close(struct format_kit *kit);

/* The key of a feature by feature.h's definition, with hash seed 5 and the plain hash. */
uint32_t kit_key(const char *field, const char *value);
uint32_t kit_key_number(const char *field, uint64_t value);

#endif
