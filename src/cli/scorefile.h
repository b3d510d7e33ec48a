/* Reading scores: the file that a run leaves (scores.tsv) or prediction writes, row by row. The file is hostile: whatever is wrong is one error with
 * its line. Forms: core/scores.h, with labels; probabilities come back as logits. */
#ifndef TRAINYARD_CLI_SCOREFILE_H
#define TRAINYARD_CLI_SCOREFILE_H

#include "base/world.h"

enum { SCOREFILE_BUFFER = 1 << 18 };

struct scorefile {
    const char *path; /* borrowed */
    struct file *file;
    bool logits;        /* the last column is a logit */
    uint64_t line, row; /* of the row that was read last */
    float label, logit;
    uint64_t saturated; /* rows whose score was 0 or 1 as written: their logit is the last that 12 digits tell from that */
    size_t at, size;
    char *buffer;
};

int scorefile_open(struct scorefile *s, const struct world *w, const char *path, struct error *err); /* reads the header */
void scorefile_close(struct scorefile *s);                                                           /* safe on a zeroed struct, and twice */

/* scorefile_next: 1 and the next row, 0 at the end. ERROR_DATA names the line: rows must rise. */
int scorefile_next(struct scorefile *s, struct error *err);

/* scorefile_path: PATH itself when it is a file, its scores.tsv when it is a run directory; ERROR_NOTFOUND says how to get one. */
int scorefile_path(char out[PATH_SIZE], const struct world *w, const char *path, struct error *err);

#endif
