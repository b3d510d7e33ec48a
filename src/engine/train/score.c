/* Blocks are scored in rounds, one block a worker, so that scores.tsv can be written in row order with bounded memory; the evaluator itself does not
 * care about order. */
#include "engine/train/score.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/draft.h"
#include "base/mem.h"
#include "engine/core/scores.h"
#include "engine/train/stop.h"

enum { CHUNK_ROWS = 1024, SCORES_MAX_BYTES = 64 << 20 };

struct score_lane { /* a worker's own */
    struct workspace space;
    struct block block;
    struct row_ref *refs;
    uint8_t *sides;
    size_t refs_max;
    struct bytes lines;
};

struct scoring {
    struct fold *fold;
    enum split_side side;
    struct evaluator *evaluator;
    struct score_lane *lanes;
    uint64_t first_block; /* of the round */
    bool lines;
    uint64_t rows;
};

static int lane_refs(struct score_lane *w, const struct scoring *scoring, uint64_t index, size_t *count, struct error *err)
{
    size_t rows = w->block.batch.rows;
    if (rows > w->refs_max) {
        void *refs = w->refs;
        int rc = mem_grow(&refs, rows, sizeof *w->refs, err);
        if (rc < 0) return rc;
        w->refs = refs;
        if ((rc = mem_grow((void **)&w->sides, rows, sizeof *w->sides, err)) < 0) return rc;
        w->refs_max = rows;
    }
    *count = 0;
    sides_of(&scoring->fold->sides.splitter, scoring->fold->job->dataset, index, &w->block, w->sides);
    for (size_t r = 0; r < rows; r++)
        if (w->sides[r] == scoring->side) w->refs[(*count)++] = (struct row_ref){&w->block.batch, (uint32_t)r};
    return 0;
}

static int lane_lines(struct score_lane *w, size_t from, size_t count, struct error *err)
{
    char line[SCORES_LINE_MAX];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        size_t size = scores_line(line, SCORES_LABEL, w->block.first_row + w->refs[from + i].row, w->space.batch.batch.labels[i],
                                  w->space.scorer.logits.data[i]);
        rc = bytes_add(&w->lines, line, size, err);
    }
    return rc;
}

static int score_block(void *context, unsigned worker, struct error *err)
{
    struct scoring *scoring = context;
    struct score_lane *w = &scoring->lanes[worker];
    uint64_t index = scoring->first_block + worker;
    size_t count;
    bytes_clear(&w->lines);
    if (index >= dataset_info(scoring->fold->job->dataset)->blocks) return 0;
    int rc = dataset_read_block(scoring->fold->job->dataset, index, &w->block, err);
    if (rc == 0) rc = lane_refs(w, scoring, index, &count, err);
    for (size_t at = 0; rc == 0 && at < count; at += CHUNK_ROWS) {
        size_t n = count - at < CHUNK_ROWS ? count - at : CHUNK_ROWS;
        rc = score_rows(&w->space, scoring->fold, w->refs + at, n, false, err);
        struct eval_rows rows = {.n = n, .logits = w->space.scorer.logits.data, .labels = w->space.batch.batch.labels};
        if (rc == 0) rc = evaluator_add(scoring->evaluator, worker, &rows, err);
        if (rc == 0 && scoring->lines) rc = lane_lines(w, at, n, err);
    }
    return rc;
}

static int write_lines(struct scoring *scoring, struct file *file, struct error *err)
{
    int rc = 0;
    for (unsigned w = 0; rc == 0 && file && w < scoring->fold->job->team.workers; w++)
        rc = file_write(file, scoring->lanes[w].lines.data, scoring->lanes[w].lines.size, err);
    return rc;
}

static int score_rounds(struct scoring *scoring, struct file *file, struct error *err)
{
    struct fold *fold = scoring->fold;
    uint64_t blocks = dataset_info(fold->job->dataset)->blocks;
    struct progress progress = {.phase = PROGRESS_EVALUATING,
                                .total = dataset_info(fold->job->dataset)->rows,
                                .step = fold->cursor.step,
                                .rows_per_s = NAN,
                                .loss = NAN,
                                .auc = NAN,
                                .eta_ms = -1};
    const char *header = scores_headers[SCORES_LABEL];
    int rc = file ? file_write(file, header, strlen(header), err) : 0;
    for (uint64_t at = 0; rc == 0 && at < blocks; at += fold->job->team.workers) {
        if (job_stop_asked(fold->job) == 2) return error_set(err, ERROR_STOPPED, NULL, "stopped while evaluating");
        scoring->first_block = at;
        rc = team_run(&fold->job->team, score_block, scoring, err);
        if (rc == 0) rc = write_lines(scoring, file, err);
        progress.done = progress.rows = dataset_block_first_row(fold->job->dataset, at);
        progress_tell(&fold->job->progress, &progress);
    }
    return rc;
}

static void scoring_close(struct scoring *scoring)
{
    for (unsigned w = 0; scoring->lanes && w < scoring->fold->job->team.workers; w++) {
        workspace_close(&scoring->lanes[w].space);
        block_close(&scoring->lanes[w].block);
        mem_free(scoring->lanes[w].refs);
        mem_free(scoring->lanes[w].sides);
        bytes_close(&scoring->lanes[w].lines);
    }
    mem_free(scoring->lanes);
    evaluator_free(scoring->evaluator);
}

int score_side(struct fold *fold, enum split_side side, const char *scores_path, struct evaluation *out, struct error *err)
{
    struct scoring scoring = {.fold = fold, .side = side, .lines = scores_path};
    struct evaluator_config config = {.lanes = fold->job->team.workers};
    struct draft draft = {0};
    int rc = -ERROR_NOMEM;
    scoring.evaluator = evaluator_new(&config, err);
    scoring.lanes = mem_array(fold->job->team.workers, 1, sizeof *scoring.lanes, err);
    if (!scoring.evaluator || !scoring.lanes) goto out;
    for (unsigned w = 0; w < fold->job->team.workers; w++) bytes_init(&scoring.lanes[w].lines, SCORES_MAX_BYTES);
    if (scores_path && (rc = draft_open(&draft, fold->job->world, scores_path, err)) < 0) goto out;
    if ((rc = score_rounds(&scoring, draft.file, err)) < 0) goto out;
    if (scores_path && (rc = draft_publish(&draft, err)) < 0) goto out;
    rc = evaluator_finish(scoring.evaluator, out, err);
out:
    draft_drop(&draft);
    scoring_close(&scoring);
    return rc;
}
