/* A pass: the text of a dataset once through, as rows in their order, with no block cache. Parsers work ahead, side by side, while the one reader
 * takes piece after piece; how many they are shows nowhere. For whoever learns from each row as it comes by. Nothing is known of the data as a whole:
 * what it has shows when it is through.
 *
 *   pass_new -> [aside: pass_run] + pass_next* -> pass_stop -> (pass_run has returned) -> pass_free */
#ifndef TRAINYARD_ENGINE_DATA_PASS_H
#define TRAINYARD_ENGINE_DATA_PASS_H

#include "engine/data/cut.h"
#include "engine/data/dataset.h"

/* PASS_SLOTS: pieces that are parsed and not yet learnt, or being learnt, beside the one that each parser is at. */
#define PASS_SLOTS(parsers) ((parsers) + 4)

struct pass;

struct pass_rows {      /* of one piece of text; borrowed until the next call */
    struct batch batch; /* at least a row; fields are not kept */
    size_t uri;         /* index of the URI whose file they are in */
    struct text_mark mark;
    uint64_t packed_bytes; /* of all files, that had been read then */
};

/* pass_new: of a dataset_open_text(), which it borrows. parsers: for pass_run() alone, borrowed as well. */
struct pass *pass_new(struct dataset *dataset, const struct parallel *parsers, struct error *err);
void pass_free(struct pass *pass); /* NULL is fine */

/* pass_run: reads and parses until all is through, something fails or pass_stop(). By one thread, while another takes the rows. What fails is
 * told by pass_next(), behind the rows in front of it. */
void pass_run(struct pass *pass);

/* pass_next: the next piece's rows: 1; 0: there are no more, and the dataset's info says how many rows and bad rows there were. From the first 1 on
 * the dataset knows its fields. ERROR_STOPPED: the configuration's progress.cancelled said so while more of the text was waited for; who takes rows
 * looks for a stop of its own. */
int pass_next(struct pass *pass, struct pass_rows *rows, struct error *err);

/* pass_stop: no more rows are wanted, and those taken last are done with; pass_run() returns soon. Safe twice. */
void pass_stop(struct pass *pass);

#endif
