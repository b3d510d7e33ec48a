/* Range of RFC 9110 section 14: one range of bytes of a file. */
#ifndef TRAINYARD_SERVICE_HTTP_RANGE_H
#define TRAINYARD_SERVICE_HTTP_RANGE_H

#include <stdint.h>

enum range_kind {
    RANGE_WHOLE,         /* none asked, or in a form that we do not serve (several ranges, another unit): send it all */
    RANGE_PART,          /* offset and size are set */
    RANGE_UNSATISFIABLE, /* well-formed, but beyond the end */
};

/* range_parse: value: the header or NULL; total: the file's bytes. */
enum range_kind range_parse(const char *value, uint64_t total, uint64_t *offset, uint64_t *size);

#endif
