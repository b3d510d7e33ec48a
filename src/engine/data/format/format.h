/* Formats: how a text becomes rows. One file a format, one row in formats[]; nothing else knows their names.
 *
 * The pipeline (ingest.h) cuts the text into chunks of whole records and hands each to parse(), from any number of threads at once;
 * what comes out of a chunk may depend on its bytes and the prepared state alone, so chunking and workers never show. A row that is
 * wrong is not an error of parse(): it is reported to `bad` and leaves nothing in `rows`; whether the job bears it is the pipeline's
 * business. Every byte is hostile. */
#ifndef TRAINYARD_ENGINE_DATA_FORMAT_H
#define TRAINYARD_ENGINE_DATA_FORMAT_H

#include <stdbool.h>

#include "base/kind.h"
#include "base/world.h"
#include "engine/data/dataset.h"
#include "engine/data/rows.h"

enum { CHUNK_SLACK = 64 }; /* bytes behind a chunk's text that may be read (not used): whole-word loads need no end check */

struct chunk {
    const char *text; /* whole records, each with its newline; CHUNK_SLACK readable bytes follow */
    size_t size;
    size_t line_bytes_max;
    bool has_nul; /* some byte is 0: no line of text holds one */
};

struct bad_rows { /* of one chunk */
    uint64_t count;
    uint64_t line;  /* of the first one: lines before it in the chunk */
    char text[320]; /* of the first one: "column 3: \"abc\" is not a number; ..." */
};

struct note { /* what a feature was made of; the text lies in the chunk, or in the parser's scratch until its next record */
    const char *text;
    size_t size;
    bool missing;
};
struct notes {
    struct note *list; /* (max): of each feature of the record's row */
    size_t max;
    struct bytes texts; /* made for notes: those that stand nowhere in the chunk */
};

struct parsed { /* one chunk's yield; the memory is reused from chunk to chunk */
    struct rows rows;
    struct bad_rows bad;
    uint64_t lines;      /* newlines in the chunk */
    struct bytes marks;  /* scratch of the tokenisers */
    struct bytes text;   /* scratch: unquoted fields */
    struct notes *notes; /* NULL; else the chunk is one record, and parse() notes each feature of its row with note_feature() */
};

/* What a format is told besides its own options. Part of the schema: other words here are another cache entry. */
struct format_context {
    const struct world *world; /* for files that options name (vocabularies); NULL: there are none */
    uint64_t hash_seed;
    /* Columns with a part to play besides the label; they are no features. "" or NULL: none. A format without such columns refuses with
     * ERROR_DATA, /dataset/weight (group, time) and what it can do instead. */
    const char *weight, *group, *time;
    const char *crosses;      /* features.crosses as JSON, for crosses_prepare(); "" or NULL: none. A format itself knows nothing of it */
    struct label_rule labels; /* what they may be. Where they are no bits, parse() keeps ROWS_REALS (label.h) */
    bool no_labels;           /* the text has none (rows to be scored): labels are 0, and no column is searched for them */
    bool scoring;             /* rows to be scored, as a model was trained: columns that are ignored may be missing */
    unsigned unread;          /* bits of 1 << enum role: columns that nobody asks for. They are no features, are not read and may be missing */
    /* Names of fields that rows may have though the first one lacks them (those that a model was trained on), as a JSON array, borrowed as long as
     * the format is; NULL: not known. For formats whose records need not have all columns; names of crosses are passed over. */
    const json_t *fields;
    bool ignored_too; /* for whoever looks at a log: columns that give no feature are told like the others, as FIT_IGNORED */
};

/* One feature as people see it; explain_rows() tells them. Texts are borrowed for the call. */
struct explained {
    uint64_t row;     /* counted from 0 in the chunk */
    uint16_t field;   /* FIELD_UNKNOWN: the format knows no fields */
    const char *name; /* the field's name, or its number as text */
    const char *text; /* the cell, or the token without its value; not terminated; what the key was made of before bucketing */
    size_t size;
    uint32_t key;
    float value;
    bool missing;
};

struct explainer {
    void *context;
    int (*feature)(void *context, const struct explained *feature, struct error *err);
    /* row: after the features of a good row. */
    int (*row)(void *context, float label, struct error *err);
};

typedef int format_file_fn(void *context, const char *path, struct error *err);

struct format {
    struct kind kind; /* first */
    bool no_fields;   /* its features have no fields */
    bool tokens;      /* a feature's text is its name, and a value stands beside it; else the text is the value of its field */
    /* files: call `each` for every local file that the options name besides the data; NULL: they name none. ERROR_DATA: an option cannot be read. */
    int (*files)(const void *params, format_file_fn *each, void *context, struct error *err);
    /* check: all that is wrong with params and context and shows before any text is there; NULL: prepare() alone tells, and reads
     * no file. A negative code: out of memory. */
    int (*check)(const void *params, const struct format_context *context, struct faults *faults, struct error *err);
    /* prepare: what params and context determine, shared read-only by the parsers. NULL on failure. release takes it back; NULL is fine. */
    void *(*prepare)(const void *params, const struct format_context *context, struct error *err);
    void (*release)(void *state);
    /* header: called with the first record of each file (its newline included) before any of the file is parsed; NULL: the format has none. *used:
     * bytes that belong to the header and are not parsed (0: the record is a row). ERROR_DATA: a message without the file's name. */
    int (*header)(void *state, const char *text, size_t size, size_t *used, struct error *err);
    /* record_end: just behind the newline that ends the record at p, or NULL when that newline is not before end. final: no text
     * follows end. NULL function: every newline ends a record. */
    const char *(*record_end)(const void *state, const char *p, const char *end, size_t line_bytes_max, bool final);
    /* whole: bytes of whole records at the start of the text, from which record_end would find the same ones; CHUNK_SLACK readable bytes
     * follow. NULL exactly when record_end is. */
    size_t (*whole)(const void *state, const char *text, size_t size, size_t line_bytes_max);
    int (*parse)(const void *state, const struct chunk *chunk, struct parsed *out, struct error *err);
    /* field_name: of field 0, 1, ... as parse() numbers them in rows->fields or rows->layout, once the headers have been read; NULL beyond the last.
     * NULL function: fields have no names but their numbers, or there are none. */
    const char *(*field_name)(const void *state, size_t field);
    /* field_kind: what is left to do with field 0, 1, ... ; NULL function: nothing with any. */
    struct field_kind (*field_kind)(const void *state, size_t field);
    /* value_name: what a feature of field 0, 1, ... is called whose text is one of many that give it, as a number of a class, into name (room >= 48);
     * false: by its text. An empty text is that of a missing cell. NULL function: all are called by their texts. */
    bool (*value_name)(const void *state, size_t field, const char *text, size_t size, char *name, size_t room);
};
extern const struct format *const formats[]; /* NULL-terminated */

/* format_check: all that can be told of a job's data before any of it is read: the format's options, the columns with a part to play, the crosses,
 * and slices (evaluate.slices, the text of an OPT_LIST), as faults with their pointers into the specification. A negative code: out of memory. */
int format_check(const struct kind *format, const void *params, const struct format_context *context, const char *slices, struct faults *faults,
                 struct error *err);

/* What is said of a slice by a column whose values are numbers. */
#define NUMBER_IS_NO_SLICE \
    "is one number a row, so there are no values to slice by; give it type buckets(e1;e2;...) or quantile(n) in dataset.schema, or leave it out"

/* format_files: files() of the row of formats[] that this kind is. */
int format_files(const struct kind *format, const void *params, format_file_fn *each, void *context, struct error *err);

/* The content of a file that the options name decides what rows become, so whoever keeps what came of rows keeps its hash (32 hex digits).
 * format_file_hash: of one file. format_files_hashes: of all of them as a JSON array of texts, in the order of files(); new reference. NULL or a
 * negative code: ERROR_DATA, a file cannot be read. */
enum { FORMAT_FILE_HASH = 33 };
int format_file_hash(const struct world *world, const char *path, char hex[FORMAT_FILE_HASH], struct error *err);
json_t *format_files_hashes(const struct world *world, const struct kind *format, const void *params, struct error *err);

/* note_feature: feature number `at` of the row was made of that text. For parse(), while out->notes is there. */
int note_feature(struct notes *notes, size_t at, const char *text, size_t size, bool missing, struct error *err);

/* explain_rows: walk the chunk's good rows feature by feature, in parse()'s order and with its keys, each record parsed alone; bad rows are passed
 * over. Slow. out: gets the count of rows, the bad ones and the lines, as parse() would have told them, but no rows; NULL: not wanted. */
int explain_rows(const struct format *format, const void *state, const struct chunk *chunk, const struct explainer *tell, struct parsed *out,
                 struct error *err);

/* explained_name: what people call the feature e: its text, or the name that is made in room, NUL-terminated; *size without the NUL. */
enum { EXPLAINED_ROOM = 64 };
const char *explained_name(const struct format *format, const void *state, const struct explained *e, char room[EXPLAINED_ROOM], size_t *size);

/* bad_row: count a wrong row; the first one's line and message stay. */
void bad_row(struct bad_rows *bad, uint64_t line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* bad_line_long, bad_nul: a line beyond the limit; a NUL byte in the line [p, end), counted from `line_start`. */
void bad_line_long(struct bad_rows *bad, uint64_t line, const char *p, size_t limit);
void bad_nul(struct bad_rows *bad, uint64_t line, const char *line_start, const char *nul);

/* bad_field: bad_row with `column N: "text" why`. Control bytes of the text are shown as \xNN, long texts cut. */
void bad_field(struct bad_rows *bad, uint64_t line, size_t column, const char *text, size_t size, const char *why);

#endif
