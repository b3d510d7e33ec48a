/* CSV by two ways: the fast scanner (csv_records, csv_whole) against the plain one, record by record. */
#ifndef TRAINYARD_TESTS_LIB_CSV_CHECK_H
#define TRAINYARD_TESTS_LIB_CSV_CHECK_H

#include <stddef.h>

/* csv_check: NULL, or what differs between the two, of a text (which a newline ends: one is added) cut into `columns` columns by `delimiter`, with
 * that limit of a record's length. */
const char *csv_check(const char *text, size_t size, size_t columns, char delimiter, size_t line_bytes_max);

#endif
