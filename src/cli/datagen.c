/* `data gen`: rows of the hidden model written as text, block by block.
 *
 * A round makes one block of BLOCK_ROWS rows a task, in parallel, each into its own buffers; then the caller's thread writes the blocks in
 * order. Rows depend on (seed, row) only, so neither the round's width nor the worker count shows in the bytes. Files are drafts until
 * they are whole: a log that was cut short never looks like a log. The optimum comes from the room's own evaluator, fed with the true logits. */
#include "cli/datagen.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/draft.h"
#include "base/mem.h"
#include "cli/datagen_model.h"
#include "engine/eval/eval.h"

enum { BLOCK_ROWS = 2048, BLOCKS_MAX = 128, ROW_BYTES_MAX = 512, TRUTH_BYTES_MAX = 96 };
static const uint64_t row_limit = (uint64_t)1 << 53;

/* What of the truth scores the rows. */
enum order { LINEAR, PAIRS, WHOLE, ORDERS };

struct scored { /* rows of a block, with each order's scores */
    size_t n;
    float logits[BLOCK_ROWS * DATAGEN_CLASSES_MAX], part[WHOLE][BLOCK_ROWS], labels[BLOCK_ROWS];
};

struct block {
    struct bytes log, truth;
    struct scored all, test;
    uint64_t missing;
};

struct judges {
    struct evaluator *by[ORDERS]; /* of labels that are no clicks WHOLE alone */
};

struct sink { /* one of these; none of them: nothing open */
    struct draft draft;
    struct file *direct; /* a device or a pipe, which no file must replace */
    bool is_stdout;
};

struct job {
    const struct datagen_config *config;
    struct datagen_labels labels;
    struct datagen_model *model;
    struct judges all, test;
    struct block *blocks;
    unsigned block_count;
    uint64_t round_start, rows_end;
    struct sink log, truth;
};

static char *put_number(char *at, int64_t number)
{
    char digits[24];
    int n = 0;
    uint64_t x = number < 0 ? (uint64_t)-number : (uint64_t)number;
    if (number < 0) *at++ = '-';
    do digits[n++] = (char)('0' + x % 10);
    while (x /= 10);
    while (n) *at++ = digits[--n];
    return at;
}

static char *put_hex8(char *at, uint32_t word)
{
    for (int shift = 28; shift >= 0; shift -= 4) *at++ = "0123456789abcdef"[word >> shift & 15];
    return at;
}

/* One line into the block's log, which has room. */
static void put_row(struct block *block, const struct datagen_model *model, const struct datagen_row *row, const char *label, size_t label_size)
{
    char *start = (char *)block->log.data + block->log.size, *at = start;
    memcpy(at, label, label_size);
    at += label_size;
    for (unsigned i = 0; i < DATAGEN_COUNTS; i++) {
        *at++ = '\t';
        if (row->counts[i] != DATAGEN_MISSING) at = put_number(at, row->counts[i]);
        else block->missing++;
    }
    for (unsigned i = 0; i < DATAGEN_CATEGORIES; i++) {
        *at++ = '\t';
        if (row->ranks[i]) at = put_hex8(at, datagen_token(model, i, row->ranks[i]));
        else block->missing++;
    }
    *at++ = '\n';
    block->log.size += (size_t)(at - start);
}

static void scored_add(struct scored *to, const struct datagen_row *row, const float *outputs, size_t count, float label)
{
    memcpy(to->logits + to->n * count, outputs, count * sizeof *outputs);
    to->part[LINEAR][to->n] = (float)row->linear;
    to->part[PAIRS][to->n] = (float)(row->linear + row->pairs);
    to->labels[to->n++] = label;
}

static int judges_add(struct judges *judges, unsigned lane, const struct scored *rows, struct error *err)
{
    int rc = 0;
    for (int o = 0; o < ORDERS && rc == 0; o++) {
        const float *logits = o == WHOLE ? rows->logits : rows->part[o];
        if (judges->by[o]) rc = evaluator_add(judges->by[o], lane, &(struct eval_rows){.n = rows->n, .logits = logits, .labels = rows->labels}, err);
    }
    return rc;
}

static int make_block(void *context, unsigned index, struct error *err)
{
    struct job *job = context;
    struct block *block = &job->blocks[index];
    uint64_t first = job->round_start + (uint64_t)index * BLOCK_ROWS;
    size_t count = first >= job->rows_end ? 0 : job->rows_end - first < BLOCK_ROWS ? (size_t)(job->rows_end - first) : BLOCK_ROWS;
    const struct splitter *split = job->config->split;
    const struct datagen_labels *labels = &job->labels;

    bytes_clear(&block->log);
    bytes_clear(&block->truth);
    block->missing = block->all.n = block->test.n = 0;
    for (size_t i = 0; i < count; i++) {
        struct datagen_row row;
        datagen_model_row(job->model, first + i, &row);
        char text[DATAGEN_LABEL_SIZE];
        float outputs[DATAGEN_CLASSES_MAX], label;
        size_t text_size = datagen_label(labels, job->config->seed, first + i, &row, outputs, &label, text);
        put_row(block, job->model, &row, text, text_size);
        if (job->config->truth_path &&
            bytes_printf(&block->truth, err, "%" PRIu64 "\t%d\t%.9g\t%.9g\n", first + i, row.label, row.probability, (double)outputs[0]) < 0)
            return -(int)ERROR_NOMEM;
        scored_add(&block->all, &row, outputs, labels->outputs, label);
        if (split && splitter_side(split, first + i) == SIDE_TEST) scored_add(&block->test, &row, outputs, labels->outputs, label);
    }
    int rc = judges_add(&job->all, index, &block->all, err);
    return rc < 0 ? rc : judges_add(&job->test, index, &block->test, err);
}

static int sink_open(struct sink *s, const struct world *w, const char *path, struct error *err)
{
    struct file_stat stat;
    s->is_stdout = !strcmp(path, "-");
    if (s->is_stdout) return 0;
    if (path_stat(w, path, &stat, NULL) == 0 && !stat.is_regular) return file_open(w, path, FILE_APPEND, &s->direct, err);
    return draft_open(&s->draft, w, path, err);
}

static int sink_write(struct sink *s, const void *text, size_t size, struct error *err)
{
    if (size == 0) return 0;
    if (!s->is_stdout) return file_write(s->direct ? s->direct : s->draft.file, text, size, err);
    if (fwrite(text, 1, size, stdout) != size) return error_set_errno(err, errno, NULL, "standard output");
    return 0;
}

static int sink_commit(struct sink *s, struct error *err)
{
    if (s->is_stdout) return fflush(stdout) == 0 ? 0 : error_set_errno(err, errno, NULL, "standard output");
    if (s->draft.file) return draft_publish(&s->draft, err);
    int rc = file_close(s->direct, err);
    s->direct = NULL;
    return rc;
}

static void sink_abandon(struct sink *s)
{
    draft_drop(&s->draft);
    file_close(s->direct, NULL);
}

static int job_check(const struct datagen_config *c, struct error *err)
{
    if (c->rows < 1 || c->rows > row_limit) return error_set(err, ERROR_USAGE, NULL, "rows must be 1 to 2^53, got %" PRIu64, c->rows);
    if (c->first_row > row_limit - c->rows) return error_set(err, ERROR_USAGE, NULL, "first row %" PRIu64 " is beyond 2^53", c->first_row);
    if (!c->path || !c->path[0]) return error_set(err, ERROR_USAGE, NULL, "name a file for the log, or - for standard output");
    if (!c->truth_path) return 0;
    if (c->labels.loss && c->labels.loss->labels != LABELS_BINARY)
        return error_set(err, ERROR_USAGE, NULL, "the truth is written of clicks alone: leave out --truth, or --labels");
    if (!c->truth_path[0] || !strcmp(c->truth_path, "-")) return error_set(err, ERROR_USAGE, NULL, "the truth needs a file of its own");
    if (!strcmp(c->truth_path, c->path)) return error_set(err, ERROR_USAGE, NULL, "log and truth are both %s; name two files", c->path);
    return 0;
}

static int judges_open(struct judges *judges, const struct evaluator_config *config, struct error *err)
{
    for (int o = config->loss->labels == LABELS_BINARY ? LINEAR : WHOLE; o < ORDERS; o++)
        if (!(judges->by[o] = evaluator_new(config, err))) return -(int)ERROR_NOMEM;
    return 0;
}

static int job_open(struct job *job, struct error *err)
{
    const struct datagen_config *c = job->config;
    static const char header[] = "row\tlabel\tprobability\tlogit\n";
    unsigned workers = c->parallel ? c->parallel->workers : 1;
    int rc;
    job->block_count = workers * 2 < BLOCKS_MAX ? workers * 2 : BLOCKS_MAX;
    struct evaluator_config lanes = {.lanes = job->block_count, .loss = job->labels.loss, .outputs = job->labels.outputs};
    if (!(job->model = datagen_model_new(c->seed, c->third_sd, err))) return -(int)ERROR_NOMEM;
    if ((rc = judges_open(&job->all, &lanes, err)) < 0 || (rc = judges_open(&job->test, &lanes, err)) < 0) return rc;
    if (!(job->blocks = mem_array(job->block_count, 1, sizeof *job->blocks, err))) return -(int)ERROR_NOMEM;
    for (unsigned i = 0; i < job->block_count; i++) {
        bytes_init(&job->blocks[i].log, BLOCK_ROWS * ROW_BYTES_MAX);
        bytes_init(&job->blocks[i].truth, BLOCK_ROWS * TRUTH_BYTES_MAX);
        if ((rc = bytes_reserve(&job->blocks[i].log, BLOCK_ROWS * ROW_BYTES_MAX, err)) < 0) return rc;
    }
    if ((rc = sink_open(&job->log, c->world, c->path, err)) < 0) return rc;
    if (!c->truth_path) return 0;
    if ((rc = sink_open(&job->truth, c->world, c->truth_path, err)) < 0) return rc;
    return sink_write(&job->truth, header, sizeof header - 1, err);
}

static int job_write(struct job *job, struct datagen_summary *summary, struct error *err)
{
    const struct datagen_config *c = job->config;
    const struct parallel *parallel = c->parallel ? c->parallel : &parallel_inline;
    int rc;
    job->rows_end = c->first_row + c->rows;
    for (job->round_start = c->first_row; job->round_start < job->rows_end; job->round_start += (uint64_t)job->block_count * BLOCK_ROWS) {
        if ((rc = parallel->run(parallel->impl, make_block, job, job->block_count, err)) < 0) return rc;
        for (unsigned i = 0; i < job->block_count; i++) {
            struct block *block = &job->blocks[i];
            if ((rc = sink_write(&job->log, block->log.data, block->log.size, err)) < 0) return rc;
            if (c->truth_path && (rc = sink_write(&job->truth, block->truth.data, block->truth.size, err)) < 0) return rc;
            summary->bytes += block->log.size;
            summary->missing += block->missing;
        }
        uint64_t done = job->round_start + (uint64_t)job->block_count * BLOCK_ROWS;
        if (c->progress) c->progress(c->progress_context, (done < job->rows_end ? done : job->rows_end) - c->first_row, c->rows);
    }
    return 0;
}

/* auc_of: NaN: that judge is not there. */
static int auc_of(struct evaluator *evaluator, double *out, struct error *err)
{
    struct evaluation e;
    *out = NAN;
    int rc = evaluator ? evaluator_finish(evaluator, &e, err) : 0;
    if (evaluator && rc == 0) *out = evaluation_measure(&e, "auc")->value;
    return rc;
}

static int optimum(const struct judges *judges, const struct loss *loss, struct datagen_optimum *out, struct error *err)
{
    struct evaluation e;
    int rc = evaluator_finish(judges->by[WHOLE], &e, err);
    if (rc < 0) return rc;
    const struct measure *auc = evaluation_measure(&e, "auc"), *logloss = evaluation_measure(&e, "logloss");
    *out = (struct datagen_optimum){.rows = e.rows,
                                    .positives = e.positives,
                                    .mean_label = e.mean_label,
                                    .value = evaluation_measure(&e, loss->metric)->value,
                                    .auc = auc->value,
                                    .logloss = logloss->value,
                                    .auc_error = auc->error_bound};
    rc = auc_of(judges->by[LINEAR], &out->auc_linear, err);
    return rc < 0 ? rc : auc_of(judges->by[PAIRS], &out->auc_pairs, err);
}

static void job_close(struct job *job)
{
    sink_abandon(&job->log);
    sink_abandon(&job->truth);
    for (unsigned i = 0; job->blocks && i < job->block_count; i++) {
        bytes_close(&job->blocks[i].log);
        bytes_close(&job->blocks[i].truth);
    }
    mem_free(job->blocks);
    for (int o = 0; o < ORDERS; o++) {
        evaluator_free(job->all.by[o]);
        evaluator_free(job->test.by[o]);
    }
    datagen_model_free(job->model);
}

int datagen_run(const struct datagen_config *config, struct datagen_summary *summary, struct error *err)
{
    struct job job = {.config = config, .labels = config->labels.loss ? config->labels : (struct datagen_labels){&loss_logistic, 1}};
    int64_t start_ms = world_mono_ms(config->world);
    int rc;
    *summary = (struct datagen_summary){.rows = config->rows};
    if ((rc = job_check(config, err)) < 0) goto out;
    if ((rc = job_open(&job, err)) < 0) goto out;
    if ((rc = job_write(&job, summary, err)) < 0) goto out;
    if ((rc = optimum(&job.all, job.labels.loss, &summary->all, err)) < 0) goto out;
    if ((rc = optimum(&job.test, job.labels.loss, &summary->test, err)) < 0) goto out;
    if ((rc = sink_commit(&job.truth, err)) < 0) goto out;
    if ((rc = sink_commit(&job.log, err)) < 0) goto out;
    summary->positives = summary->all.positives;
    summary->elapsed_ms = world_mono_ms(config->world) - start_ms;
out:
    job_close(&job);
    return rc < 0 ? error_wrap(err, "data gen") : 0;
}
