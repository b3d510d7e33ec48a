/* Which rows to read, and how: what scoring and exporting have in common. Text goes from its source through the parser straight to the caller, as
 * the checkpoint's recipe says (or another format); nothing is stored, no block cache is made, and memory is bounded by the pieces in hand. */
#ifndef TRAINYARD_ENGINE_PREDICT_READING_H
#define TRAINYARD_ENGINE_PREDICT_READING_H

#include "engine/data/dataset.h"
#include "engine/data/format/format.h"
#include "engine/predict/predictor.h"

struct reading {
    char *const *uris;
    size_t uri_count;
    const struct kind *format; /* of another format than training's, with its params; NULL: as the recipe says */
    const void *format_params;
    bool no_labels; /* the text has none */
    bool judged;    /* weights and groups are wanted, too; else these columns may be missing, as that of the time may always be */
    const struct parallel *parallel;
    struct dataset_progress progress;
    int64_t max_bad_rows;
    size_t line_bytes_max, chunk_bytes; /* 0: as dataset_open */
};

struct reading_result {
    uint64_t rows, bad_rows, text_bytes;
    char first_bad[512];   /* "FILE:LINE: what" of the first bad row that was tolerated, or "" */
    json_t *extra_columns; /* of predict_run: names of columns that the model was not trained on, the caller's to free; NULL: none */
};

struct reading_format { /* the format and its state, for whoever wants names or explanations; borrowed for the run */
    const struct format *format;
    const void *state;
    size_t crosses; /* crosses_numbered(): whose fields are to be settled */
};

/* reading_field_name: the name of a field, for struct field_names; context: a struct reading_format. */
const char *reading_field_name(const void *reading_format, size_t field);

struct reading_calls { /* work, rows: as in ingest_config */
    void *context;
    int (*begin)(void *context, const struct reading_format *format, struct error *err); /* before the first row; NULL: nothing */
    int (*work)(void *context, unsigned worker, const struct chunk *chunk, const struct rows *rows, struct error *err);
    int (*rows)(void *context, unsigned worker, struct rows *rows, struct error *err);
};

int reading_run(const struct reading *reading, const struct predictor *predictor, const struct reading_calls *calls, struct reading_result *result,
                struct error *err);

#endif
