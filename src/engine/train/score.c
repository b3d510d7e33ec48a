/* Blocks are scored in rounds, some blocks a worker, so that files can be written in row order with bounded memory; whoever is free takes the next.
 * An evaluator does not care about order. */
#include "engine/train/score.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/draft.h"
#include "base/mem.h"
#include "engine/core/scores.h"
#include "engine/train/passing.h"
#include "engine/train/stop.h"

enum { TEXT_MAX_BYTES = 64 << 20, BLOCKS_A_WORKER = 4 };

struct score_lane { /* a worker's own */
    struct workspace space;
    struct block block;
    struct row_ref *refs;
    uint8_t *sides;
    size_t refs_max;
    struct floats mapped; /* (SCORE_CHUNK_ROWS, outputs) */
    uint64_t rows[SCORE_CHUNK_ROWS];
    struct {
        uint32_t *keys, ends[SCORE_CHUNK_ROWS * EVALUATION_SLICES_MAX]; /* as in struct eval_rows */
        size_t max;
    } slices;
};

struct score_task { /* of the round */
    uint64_t block; /* to be read; or, where rows pass by: */
    struct passing_rows rows;
    uint64_t first; /* rows of the side before it */
    struct bytes text[SCORE_STREAMS_MAX];
};

struct scoring {
    struct fold *fold;
    const struct sides *sides;
    enum split_side side;
    const struct score_stream *streams;
    size_t count;
    struct draft drafts[SCORE_STREAMS_MAX];
    size_t row_bytes;         /* of a row in all files, at most */
    struct score_lane *lanes; /* (workers) */
    struct score_task *tasks;
    size_t tasks_max, tasks_count;
    _Atomic size_t next; /* of the tasks: the first that nobody has begun with */
};

static int lane_reserve(struct score_lane *w, size_t rows, struct error *err)
{
    void *refs = w->refs;
    if (rows <= w->refs_max) return 0;
    int rc = mem_grow(&refs, rows, sizeof *w->refs, err);
    if (rc < 0) return rc;
    w->refs = refs;
    if ((rc = mem_grow((void **)&w->sides, rows, sizeof *w->sides, err)) < 0) return rc;
    w->refs_max = rows;
    return 0;
}

/* The rows of the side in the task's block. */
static int lane_block(struct score_lane *w, const struct scoring *scoring, uint64_t index, size_t *count, struct error *err)
{
    struct dataset *dataset = scoring->fold->job->dataset;
    int rc = dataset_read_block(dataset, index, &w->block, err);
    const size_t rows = w->block.batch.rows;
    if (rc == 0) rc = lane_reserve(w, rows, err);
    if (rc < 0) return rc;
    sides_of(&scoring->sides->splitter, dataset, index, &w->block, w->sides);
    for (size_t r = 0; r < rows; r++)
        if (w->sides[r] == scoring->side) w->refs[(*count)++] = (struct row_ref){&w->block.batch, (uint32_t)r};
    return 0;
}

/* Rows that pass by. */
static int lane_passing(struct score_lane *w, const struct passing_rows *rows, size_t *count, struct error *err)
{
    int rc = lane_reserve(w, rows->to - rows->from, err);
    for (size_t r = rows->from; rc == 0 && r < rows->to; r++) w->refs[(*count)++] = (struct row_ref){rows->batch, (uint32_t)r};
    return rc;
}

static struct scores_style style_of(const struct job *job)
{
    return (struct scores_style){SCORES_LABEL, job->model.loss, model_outputs(&job->model)};
}

static int lane_lines(struct bytes *text, const struct job *job, const struct scored *rows, const float *logits, struct error *err)
{
    const struct scores_style style = style_of(job);
    const size_t most = scores_line_max(&style);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < rows->n; i++) {
        if ((rc = bytes_reserve(text, most, err)) < 0) break;
        text->size += scores_line((char *)text->data + text->size, &style, rows->rows[i], rows->labels[i], logits + i * style.outputs);
    }
    return rc;
}

static int key_compare(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Each key once. Returns how many there are then. */
static size_t keys_unique(uint32_t *keys, size_t count)
{
    size_t n = 0;
    if (count > 1) qsort(keys, count, sizeof *keys, key_compare);
    for (size_t i = 0; i < count; i++)
        if (n == 0 || keys[i] != keys[n - 1]) keys[n++] = keys[i];
    return n;
}

/* The keys of a field's features in each row, as the model sees them, for slices: 0 where the row has none. */
static int lane_slices(struct score_lane *w, const struct fold *fold, size_t n, struct error *err)
{
    const struct batch *b = &w->space.batch.batch;
    const struct job *job = fold->job;
    const unsigned wanted = job->slices.count;
    size_t used = 0;
    for (size_t r = 0; r < n; r++) {
        const uint16_t *fields = batch_fields(b, r);
        const uint32_t start = b->offsets[r], features = fields ? b->offsets[r + 1] - start : 0;
        for (unsigned s = 0; s < wanted; s++) {
            const uint16_t field = job->slices.fields[s];
            const size_t from = used;
            if (w->slices.max - used < features + 1) {
                size_t max = 2 * w->slices.max + features + SCORE_CHUNK_ROWS;
                int rc = mem_grow((void **)&w->slices.keys, max, sizeof *w->slices.keys, err);
                if (rc < 0) return rc;
                w->slices.max = max;
            }
            for (uint32_t i = 0; i < features; i++) {
                if (fields[i] != field) continue;
                uint32_t *key = &w->slices.keys[used++];
                float value = b->values ? b->values[start + i] : 1;
                *key = b->keys[start + i];
                transform_feature(&fold->map, field, key, &value); /* a number of a quantile column is its bin */
            }
            if (used == from) w->slices.keys[used++] = 0;
            used = from + keys_unique(w->slices.keys + from, used - from);
            w->slices.ends[r * wanted + s] = (uint32_t)used;
        }
    }
    return 0;
}

static int lane_stream(struct score_lane *w, const struct job *job, const struct score_stream *stream, struct bytes *text, const struct scored *rows,
                       struct error *err)
{
    const struct batch *b = &w->space.batch.batch;
    const float *logits = w->space.scorer.logits.data;
    int rc = 0;
    if (stream->map) {
        size_t count = rows->n * model_outputs(&job->model);
        if ((rc = floats_reserve(&w->mapped, count, err)) < 0) return rc;
        memcpy(w->mapped.data, logits, count * sizeof *logits);
        logits = w->mapped.data;
        rc = stream->map(stream->context, rows, w->mapped.data, text, err);
    }
    struct eval_rows seen = {.n = rows->n,
                             .logits = logits,
                             .labels = rows->labels,
                             .weights = rows->weights,
                             .groups = b->groups,
                             .rows = rows->rows,
                             .slices = job->slices.count ? w->slices.keys : NULL,
                             .slice_ends = w->slices.ends};
    for (size_t e = 0; rc == 0 && e < SCORE_EVALUATORS; e++)
        if (stream->evaluators[e]) rc = evaluator_add(stream->evaluators[e], rows->lane, &seen, err);
    return rc == 0 && stream->lines ? lane_lines(text, job, rows, logits, err) : rc;
}

static int lane_chunk(struct score_lane *w, const struct scoring *scoring, struct score_task *task, unsigned lane, size_t from, size_t n,
                      struct error *err)
{
    const struct job *job = scoring->fold->job;
    const struct batch *b = &w->space.batch.batch;
    const struct scorer_mode judge = {.ascending = false};
    int rc = score_rows(&w->space, scoring->fold, w->refs + from, n, &judge, err);
    if (rc < 0) return rc;
    for (size_t i = 0; i < n; i++) w->rows[i] = batch_ordinal(w->refs[from + i].block, w->refs[from + i].row);
    if (job->slices.count && (rc = lane_slices(w, scoring->fold, n, err)) < 0) return rc;
    struct scored rows = {.lane = lane, .first = task->first + from, .n = n, .rows = w->rows, .labels = b->labels, .weights = b->weights};
    for (size_t s = 0; rc == 0 && s < scoring->count; s++) rc = lane_stream(w, job, &scoring->streams[s], &task->text[s], &rows, err);
    return rc;
}

static int score_task(struct score_lane *w, const struct scoring *scoring, struct score_task *task, unsigned lane, struct error *err)
{
    size_t count = 0;
    int rc = task->rows.batch ? lane_passing(w, &task->rows, &count, err) : lane_block(w, scoring, task->block, &count, err);
    for (size_t at = 0; rc == 0 && at < count; at += SCORE_CHUNK_ROWS)
        rc = lane_chunk(w, scoring, task, lane, at, count - at < SCORE_CHUNK_ROWS ? count - at : SCORE_CHUNK_ROWS, err);
    return rc;
}

static int score_tasks(void *context, unsigned worker, struct error *err)
{
    struct scoring *scoring = context;
    int rc = 0;
    for (size_t i; rc == 0 && (i = atomic_fetch_add(&scoring->next, 1)) < scoring->tasks_count;) {
        if (job_stop_asked(scoring->fold->job) == 2) return error_set(err, ERROR_STOPPED, NULL, "stopped while evaluating");
        rc = score_task(&scoring->lanes[worker], scoring, &scoring->tasks[i], worker, err);
    }
    return rc;
}

static int write_texts(struct scoring *scoring, struct error *err)
{
    int rc = 0;
    for (size_t s = 0; s < scoring->count; s++)
        for (size_t i = 0; rc == 0 && scoring->drafts[s].file && i < scoring->tasks_count; i++)
            rc = file_write(scoring->drafts[s].file, scoring->tasks[i].text[s].data, scoring->tasks[i].text[s].size, err);
    return rc;
}

static struct score_task *task_begin(struct scoring *scoring, uint64_t first)
{
    struct score_task *task = &scoring->tasks[scoring->tasks_count++];
    task->first = first;
    for (size_t s = 0; s < scoring->count; s++) bytes_clear(&task->text[s]);
    return task;
}

/* The next blocks with rows of the side, from *block and from the side's row *first on: one a worker, and more while their lines are few. */
static void round_fill(struct scoring *scoring, uint64_t *block, uint64_t *first)
{
    const struct sides *sides = scoring->sides;
    uint64_t bytes = 0;
    scoring->tasks_count = 0;
    scoring->next = 0;
    for (; *block < sides->blocks && scoring->tasks_count < scoring->tasks_max; ++*block) {
        if (sides->rows[*block][scoring->side] == 0) continue;
        bytes += (uint64_t)sides->rows[*block][scoring->side] * scoring->row_bytes;
        if (bytes > SCORE_ROUND_BYTES && scoring->tasks_count >= scoring->fold->job->team.workers) break;
        task_begin(scoring, *first)->block = *block;
        *first += sides->rows[*block][scoring->side];
    }
}

/* Rows that pass by: what one piece has of the side, cut for the workers. 1, or 0: there are no more. */
static int round_take(struct scoring *scoring, uint64_t *first, struct error *err)
{
    struct passing_rows some;
    int rc = passing_next(scoring->fold->job->passing, scoring->side, &some, err);
    scoring->tasks_count = 0;
    scoring->next = 0;
    if (rc <= 0) return rc;
    const size_t rows = some.to - some.from, chunks = (rows + SCORE_CHUNK_ROWS - 1) / SCORE_CHUNK_ROWS;
    const size_t tasks = chunks < scoring->tasks_max ? chunks : scoring->tasks_max;
    for (size_t i = 0; i < tasks; i++) {
        size_t from = rows * i / tasks, to = rows * (i + 1) / tasks;
        task_begin(scoring, *first + from)->rows = (struct passing_rows){some.batch, some.from + from, some.from + to};
    }
    *first += rows;
    return 1;
}

static int score_passing(struct scoring *scoring, struct error *err)
{
    struct job *job = scoring->fold->job;
    uint64_t first = 0;
    int rc;
    while ((rc = round_take(scoring, &first, err)) > 0) {
        rc = team_run(&job->team, score_tasks, scoring, err);
        if (rc == 0) rc = write_texts(scoring, err);
        if (rc < 0) break;
        progress_tell(&job->progress, &(struct progress){.phase = PROGRESS_EVALUATING,
                                                         .done = first,
                                                         .rows = first,
                                                         .step = job->steps_before + scoring->fold->cursor.step,
                                                         .rows_per_s = NAN,
                                                         .loss = NAN,
                                                         .auc = NAN,
                                                         .eta_ms = -1});
    }
    return rc;
}

static int score_rounds(struct scoring *scoring, struct error *err)
{
    struct job *job = scoring->fold->job;
    struct progress progress = {.phase = PROGRESS_EVALUATING,
                                .total = dataset_info(job->dataset)->rows,
                                .step = job->steps_before + scoring->fold->cursor.step,
                                .rows_per_s = NAN,
                                .loss = NAN,
                                .auc = NAN,
                                .eta_ms = -1};
    uint64_t block = 0, first = 0;
    int rc = 0;
    while (rc == 0 && block < scoring->sides->blocks) {
        progress.done = progress.rows = dataset_block_first_row(job->dataset, block);
        round_fill(scoring, &block, &first);
        rc = team_run(&job->team, score_tasks, scoring, err);
        if (rc == 0) rc = write_texts(scoring, err);
        progress_tell(&job->progress, &progress);
    }
    return rc;
}

static int scoring_open(struct scoring *scoring, struct error *err)
{
    const struct job *job = scoring->fold->job;
    const struct scores_style style = style_of(job);
    struct bytes header;
    int rc = 0;
    size_t tasks = BLOCKS_A_WORKER * (size_t)job->team.workers;
    if (!(scoring->lanes = mem_array(job->team.workers, 1, sizeof *scoring->lanes, err))) return -ERROR_NOMEM;
    if (!(scoring->tasks = mem_array(tasks, 1, sizeof *scoring->tasks, err))) return -ERROR_NOMEM;
    scoring->tasks_max = tasks;
    for (size_t i = 0; i < tasks; i++)
        for (size_t s = 0; s < SCORE_STREAMS_MAX; s++) bytes_init(&scoring->tasks[i].text[s], TEXT_MAX_BYTES);
    for (unsigned w = 0; w < job->team.workers; w++) {
        struct score_lane *lane = &scoring->lanes[w];
        lane->space.batch.want_groups = *job->spec.dataset.group;
        lane->space.batch.want_fields = job->slices.count > 0;
    }
    bytes_init(&header, TEXT_MAX_BYTES);
    rc = bytes_reserve(&header, scores_line_max(&style), err);
    if (rc == 0) header.size = scores_header((char *)header.data, &style);
    for (size_t s = 0; rc == 0 && s < scoring->count; s++) {
        const struct score_stream *stream = &scoring->streams[s];
        if (!stream->path) continue;
        scoring->row_bytes += scores_line_max(&style);
        rc = draft_open(&scoring->drafts[s], job->world, stream->path, err);
        if (rc == 0 && stream->lines) rc = file_write(scoring->drafts[s].file, header.data, header.size, err);
    }
    bytes_close(&header);
    return rc;
}

static void scoring_close(struct scoring *scoring)
{
    for (size_t s = 0; s < scoring->count; s++) draft_drop(&scoring->drafts[s]);
    for (unsigned w = 0; scoring->lanes && w < scoring->fold->job->team.workers; w++) {
        struct score_lane *lane = &scoring->lanes[w];
        workspace_close(&lane->space);
        block_close(&lane->block);
        floats_close(&lane->mapped);
        mem_free(lane->refs);
        mem_free(lane->sides);
        mem_free(lane->slices.keys);
    }
    for (size_t i = 0; i < scoring->tasks_max; i++)
        for (size_t s = 0; s < SCORE_STREAMS_MAX; s++) bytes_close(&scoring->tasks[i].text[s]);
    mem_free(scoring->tasks);
    mem_free(scoring->lanes);
}

int score_side(struct fold *fold, const struct sides *sides, enum split_side side, const struct score_stream *streams, size_t count,
               struct error *err)
{
    struct scoring scoring = {.fold = fold, .sides = sides, .side = side, .streams = streams, .count = count};
    int rc = scoring_open(&scoring, err);
    if (rc == 0) rc = fold->job->passing ? score_passing(&scoring, err) : score_rounds(&scoring, err);
    for (size_t s = 0; rc == 0 && s < count; s++)
        if (streams[s].path) rc = draft_publish(&scoring.drafts[s], err);
    scoring_close(&scoring);
    return rc;
}

int map_calibrated(void *context, const struct scored *rows, float *logits, struct bytes *text, struct error *err)
{
    (void)text, (void)err;
    calibration_apply(context, logits, rows->n); /* only of one output is there anything to apply */
    return 0;
}
