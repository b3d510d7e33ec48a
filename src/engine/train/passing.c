#include "engine/train/passing.h"

#include <inttypes.h>
#include <math.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/train/report.h"

struct passing {
    struct job *job;
    struct splitter splitter;
    size_t test_uri;      /* index of the first that split.test_uri names; SIZE_MAX: none */
    uint64_t test_row;    /* the first that tests by its number alone; UINT64_MAX: none */
    uint64_t train_bytes; /* of the files that train, packed; 0: not known */
    uint64_t piece_bytes;
    struct pass *pass;
    struct team parsers;
    bool started;
    struct background reading;
    struct pass_rows piece;
    bool ended;
    size_t at;     /* rows of the piece that were given */
    uint8_t *side; /* (piece.batch.rows) */
    size_t side_max;
    struct sides seen; /* totals, positives, weightless, label_max; blank: sums of losses */
    double blank_weight[SIDES];
};

static int read_aside(void *context, struct error *err)
{
    (void)err;
    pass_run(((struct passing *)context)->pass);
    return 0;
}

static bool numbers(const struct loss *loss) { return loss->labels == LABELS_REAL || loss->labels == LABELS_COUNT; }

static void sides_add(struct passing *p)
{
    static const float score = 0;
    const struct batch *b = &p->piece.batch;
    const struct loss *loss = p->job->model.loss;
    struct sides *s = &p->seen;
    const bool bits = loss->labels == LABELS_BINARY, blank = numbers(loss);
    for (size_t r = 0; r < b->rows; r++) {
        const uint8_t side = p->side[r];
        s->totals[side]++;
        s->positives[side] += bits && b->labels[r] > 0;
        s->weightless[side] += b->weights && b->weights[r] == 0;
        if (b->labels[r] > s->label_max) s->label_max = b->labels[r];
        if (!blank) continue;
        const double w = b->weights ? (double)b->weights[r] : 1;
        s->blank[side] += w * loss->row(&score, b->labels[r], 1);
        p->blank_weight[side] += w;
    }
}

static int piece_next(struct passing *p, struct error *err)
{
    const struct batch *b = &p->piece.batch;
    int rc = pass_next(p->pass, &p->piece, err);
    p->at = 0;
    p->ended = rc <= 0;
    if (rc <= 0) return rc;
    if (b->rows > p->side_max) {
        if ((rc = mem_grow((void **)&p->side, b->rows, sizeof *p->side, err)) < 0) return rc;
        p->side_max = b->rows;
    }
    struct split_context *context = &p->splitter.context;
    if (p->piece.uri >= p->test_uri && context->test_from == UINT64_MAX) context->test_from = b->first_row;
    const struct split_rows rows = {.first = b->first_row, .count = b->rows, .labels = b->labels};
    splitter_sides(&p->splitter, &rows, p->side);
    sides_add(p);
    return 1;
}

unsigned passing_threads(unsigned workers) { return workers + 1; } /* the first of the parsers reads aside; and a team's aside */

unsigned passing_pieces(unsigned workers) { return workers + PASS_SLOTS(workers); }

/* The first row that tests, whatever its text: sides are in order, so the bits of the last row before it are found one by one. */
static uint64_t test_row(const struct splitter *splitter)
{
    uint64_t before = 0; /* trains; row 0 does in any split that leaves rows to train on */
    for (uint64_t bit = 1ull << 53; bit > 0; bit >>= 1)
        if (splitter_side(splitter, before + bit) < SIDE_TEST) before += bit;
    return before < (1ull << 53) ? before + 1 : UINT64_MAX;
}

/* Parsed rows and their parts: a key, a value and a field a feature; offsets, labels, weight, group and time a row. */
static uint64_t bytes_of(const struct batch *b) { return (10 * (uint64_t)b->features + 40 * (uint64_t)b->rows) * 3 / 2; }

struct passing *passing_open(struct job *job, struct error *err)
{
    const struct spec *spec = &job->spec;
    struct passing *p = mem_zero(sizeof *p, err);
    if (!p) return NULL;
    p->job = job;
    p->splitter = job->splitter;
    p->splitter.context = (struct split_context){
        .rows = UINT64_MAX, .replay_from = UINT64_MAX, .validation_from = UINT64_MAX, .test_from = UINT64_MAX};
    p->test_uri = spec->split.test_uri.count > 0 ? spec->dataset.uri.count : SIZE_MAX;
    int rc = team_start(&p->parsers, job->team.workers, 0, err);
    if (rc == 0 && !(p->pass = pass_new(job->dataset, &p->parsers.parallel, err))) rc = -(int)err->code;
    if (rc == 0 && (rc = background_start(&job->team, &p->reading, read_aside, p, err)) == 0) p->started = true;
    if (rc == 0) rc = piece_next(p, err);
    if (rc > 0) {
        p->test_row = test_row(&p->splitter);
        p->train_bytes = dataset_bytes(job->dataset, p->test_uri);
        p->piece_bytes = bytes_of(&p->piece.batch);
        return p;
    }
    passing_close(p);
    return NULL;
}

void passing_close(struct passing *p)
{
    if (!p) return;
    if (p->started) {
        atomic_store(&p->job->abandoned, true); /* the reader may be waiting for more of the text */
        pass_stop(p->pass);
        background_wait(&p->reading, NULL);
    }
    team_stop(&p->parsers);
    pass_free(p->pass);
    mem_free(p->side);
    mem_free(p);
}

int passing_next(struct passing *p, enum split_side side, struct passing_rows *out, struct error *err)
{
    for (;;) {
        if (p->ended) return 0;
        const size_t rows = p->piece.batch.rows;
        while (p->at < rows && p->side[p->at] < side) p->at++;
        if (p->at < rows) break;
        int rc = piece_next(p, err);
        if (rc < 0) return rc;
    }
    size_t from = p->at;
    while (p->at < p->piece.batch.rows && p->side[p->at] == side) p->at++;
    *out = (struct passing_rows){&p->piece.batch, from, p->at};
    return p->at > from;
}

static bool marks_equal(const struct text_mark *a, const struct text_mark *b)
{
    return a->file == b->file && a->bytes == b->bytes && a->digest.low == b->digest.low && a->digest.high == b->digest.high;
}

int passing_skip(struct passing *p, uint64_t rows, const struct text_mark *mark, struct error *err)
{
    struct passing_rows some = {0};
    uint64_t left = rows;
    while (left > 0) {
        int rc = passing_next(p, SIDE_TRAIN, &some, err);
        if (rc < 0) return rc;
        if (rc == 0) break;
        size_t count = some.to - some.from;
        if (count > left) p->at = some.from + (size_t)left, count = (size_t)left;
        left -= count;
    }
    if (left == 0 && (rows == 0 || marks_equal(&p->piece.mark, mark))) return 0;
    return error_set(err, ERROR_INVALID, "/dataset/uri",
                     "the text of dataset.uri is not what it was: its first %" PRIu64
                     " row%s, or the text up to a MiB behind them, are not those that "
                     "the checkpoint has seen; bring it back, or train anew: submit a new job, or use a new run directory",
                     rows, str_s(rows));
}

struct text_mark passing_mark(const struct passing *p) { return p->piece.mark; }

uint64_t passing_expected(const struct passing *p)
{
    const uint64_t rows = p->piece.batch.first_row + p->piece.batch.rows, bytes = p->piece.packed_bytes;
    if (p->train_bytes == 0) return p->test_row < UINT64_MAX ? p->test_row : 0;
    uint64_t all = bytes > 0 ? (uint64_t)((double)rows * fmax(1, (double)p->train_bytes / (double)bytes)) : 0;
    return all < p->test_row ? all : p->test_row;
}

uint64_t passing_piece_bytes(const struct passing *p) { return p->piece_bytes; }

void passing_sides(const struct passing *p, struct sides *sides)
{
    *sides = p->seen;
    sides->splitter = p->splitter;
    for (int side = 0; side < SIDES; side++) sides->blank[side] = p->blank_weight[side] > 0 ? p->seen.blank[side] / p->blank_weight[side] : 0;
}
