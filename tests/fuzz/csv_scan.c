/* The fast scanner of CSV against the plain way. The first byte: columns (low 3 bits), delimiter (1 bit), limit of a record's length. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/csv_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    size_t columns = 1 + (data[0] & 7), limit = (size_t)3 << (data[0] >> 4);
    const char *differs = csv_check((const char *)data + 1, size - 1, columns, data[0] & 8 ? '\t' : ',', limit);
    if (!differs) return 0;
    fprintf(stderr, "csv_scan: %s differs\n", differs);
    abort();
}
