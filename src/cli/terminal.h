/* The terminal: its width, tables with aligned columns, figures for people. */
#ifndef TRAINYARD_CLI_TERMINAL_H
#define TRAINYARD_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/bytes.h"

bool terminal_is(FILE *stream);
size_t terminal_width(FILE *stream); /* columns, 40..200; 100 when it is no terminal */

/* A table: cells row by row, columns aligned to their widest cell when printed. The first row is the header. */
enum { TABLE_COLUMNS_MAX = 12 };
struct table {
    size_t columns, cells;
    const char *align; /* one letter a column: 'l' or 'r'; borrowed */
    struct bytes text; /* all cells, each with its NUL */
};

void table_init(struct table *t, const char *align);
void table_close(struct table *t);
/* table_cell: the next cell, left to right, row by row. Control bytes become '?', so that no name can move the cursor. */
int table_cell(struct table *t, struct error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void table_print(const struct table *t, FILE *out);

const char *human_duration(char *buf, size_t size, int64_t ms); /* "850 ms", "12.3 s", "4 min 05 s", "3 h 12 min", "2 d 4 h" */
const char *human_age(char *buf, size_t size, int64_t ms);      /* "just now", "12 s ago", "4 min ago", "3 h ago", "2 d ago" */

/* print_clean: text to out with control bytes but newline and tab as \xNN, so that hostile logs cannot drive the terminal. */
void print_clean(FILE *out, const char *text, size_t size);

#endif
