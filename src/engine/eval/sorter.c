#include "engine/eval/sorter.h"

#include <pthread.h>
#include <string.h>

#include "base/mem.h"

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, WORD_PASSES = 6, PASSES = 2 * WORD_PASSES };
enum { READ_ROWS_MIN = 64, READ_ROWS_MAX = 1 << 14, CAPACITY_MIN = 4096 };

struct run { /* sorted rows in the file, in rows from its start */
    uint64_t first, count;
};

struct sorter {
    const struct world *world;
    char paths[2][PATH_SIZE]; /* the file, and the one that a compaction writes */
    int current;              /* which of the two is open */
    struct file *file;
    uint64_t written; /* rows in the file */
    struct sort_row *rows;
    size_t count, allocated, capacity;
    struct run *runs;
    size_t run_count, run_max;
    bool overflowed;
    pthread_mutex_t lock;
};

struct reader { /* of one run */
    struct sort_row *rows;
    size_t at, count;
    struct run rest;
};
struct merge {
    struct file *file;
    struct reader *readers; /* a heap, the first row of readers[0] is the lowest; one reader without a file: memory */
    size_t count, each;
    struct sort_row *rows; /* of all readers */
};

struct sort_row sort_row_of(uint64_t group, float logit, bool positive, float weight)
{
    struct sort_row row = {.group = group, .key = ~rank_key(logit)};
    memcpy(&row.row, &weight, sizeof row.row);
    row.row |= (uint32_t)positive << 31;
    return row;
}

struct sorter *sorter_new(const struct sorter_config *config, struct error *err)
{
    struct sorter *s = mem_zero(sizeof *s, err);
    if (!s) return NULL;
    pthread_mutex_init(&s->lock, NULL);
    s->capacity = config->memory_bytes / 2 / sizeof *s->rows; /* the other half: scratch of a sort, buffers of a merge */
    if (s->capacity < CAPACITY_MIN) s->capacity = CAPACITY_MIN;
    s->run_max = s->capacity / READ_ROWS_MIN;
    for (int i = 0; config->folder && i < 2; i++) {
        char name[128];
        snprintf(name, sizeof name, "%.100s.sort%s", config->name, i ? "2" : "");
        if (path_join(s->paths[i], config->folder, name, err) < 0) {
            sorter_free(s);
            return NULL;
        }
    }
    s->world = config->folder ? config->world : NULL;
    return s;
}

void sorter_free(struct sorter *s)
{
    if (!s) return;
    if (s->file) {
        file_close(s->file, NULL);
        path_unlink(s->world, s->paths[s->current], NULL);
    }
    mem_free(s->rows);
    mem_free(s->runs);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

bool sorter_overflowed(const struct sorter *s) { return s->overflowed; }

static uint64_t low_word(const struct sort_row *r) { return (uint64_t)r->key << 32 | r->row; }

static bool row_less(const struct sort_row *a, const struct sort_row *b)
{
    return a->group != b->group ? a->group < b->group : low_word(a) < low_word(b);
}

static unsigned row_digit(const struct sort_row *r, int pass)
{
    return (pass < WORD_PASSES ? low_word(r) >> pass * DIGIT_BITS : r->group >> (pass - WORD_PASSES) * DIGIT_BITS) & (DIGITS - 1);
}

/* LSD radix sort of the buffer; digits that all rows share cost no pass. */
static int buffer_sort(struct sorter *s, struct error *err)
{
    size_t n = s->count;
    uint32_t(*counts)[DIGITS] = mem_array(PASSES, DIGITS, sizeof **counts, err);
    struct sort_row *from = s->rows, *to = counts ? mem_array(n, 1, sizeof *to, err) : NULL, *scratch = to;
    if (!to) {
        mem_free(counts);
        return -ERROR_NOMEM;
    }
    for (size_t i = 0; i < n; i++)
        for (int pass = 0; pass < PASSES; pass++) counts[pass][row_digit(&from[i], pass)]++;
    for (int pass = 0; n && pass < PASSES; pass++) {
        uint32_t *starts = counts[pass], at = 0;
        if (starts[row_digit(&from[0], pass)] == n) continue;
        for (int d = 0; d < DIGITS; d++) {
            uint32_t count = starts[d];
            starts[d] = at;
            at += count;
        }
        for (size_t i = 0; i < n; i++) to[starts[row_digit(&from[i], pass)]++] = from[i];
        struct sort_row *swap = from;
        from = to, to = swap;
    }
    if (from != s->rows) memcpy(s->rows, from, n * sizeof *from);
    mem_free(scratch);
    mem_free(counts);
    return 0;
}

static int reader_fill(struct merge *m, struct reader *r, struct error *err)
{
    size_t n = r->rest.count < m->each ? (size_t)r->rest.count : m->each;
    int64_t got = n ? file_read_at(m->file, r->rows, n * sizeof *r->rows, r->rest.first * sizeof *r->rows, err) : 0;
    if (got < 0) return (int)got;
    if ((size_t)got != n * sizeof *r->rows) return error_set(err, ERROR_IO, NULL, "evaluation: the sort file became shorter");
    r->at = 0, r->count = n;
    r->rest.first += n, r->rest.count -= n;
    return 0;
}

static void heap_sink(struct merge *m, size_t at)
{
    for (;;) {
        size_t child = 2 * at + 1, least = at;
        for (size_t c = child; c < child + 2 && c < m->count; c++)
            if (row_less(&m->readers[c].rows[m->readers[c].at], &m->readers[least].rows[m->readers[least].at])) least = c;
        if (least == at) return;
        struct reader swap = m->readers[at];
        m->readers[at] = m->readers[least], m->readers[least] = swap;
        at = least;
    }
}

static void merge_close(struct merge *m)
{
    mem_free(m->readers);
    mem_free(m->rows);
}

static int merge_open(struct merge *m, struct sorter *s, struct error *err)
{
    size_t runs = s->run_count ? s->run_count : 1;
    int rc = 0;
    *m = (struct merge){.file = s->file, .count = runs, .each = s->capacity / runs};
    if (m->each > READ_ROWS_MAX) m->each = READ_ROWS_MAX;
    if (!(m->readers = mem_array(runs, 1, sizeof *m->readers, err))) return -ERROR_NOMEM;
    if (s->run_count == 0) { /* all of it is in memory, and stays there */
        m->readers[0] = (struct reader){.rows = s->rows, .count = s->count};
        m->count = s->count > 0;
        return 0;
    }
    if (!(m->rows = mem_array(runs, m->each, sizeof *m->rows, err))) rc = -ERROR_NOMEM;
    for (size_t i = 0; rc == 0 && i < runs; i++) {
        m->readers[i] = (struct reader){.rows = m->rows + i * m->each, .rest = s->runs[i]};
        rc = reader_fill(m, &m->readers[i], err);
    }
    for (size_t i = m->count; rc == 0 && i-- > 0;) heap_sink(m, i);
    if (rc < 0) merge_close(m);
    return rc;
}

/* merge_next: 1 and the lowest row, 0 at the end. */
static int merge_next(struct merge *m, struct sort_row *out, struct error *err)
{
    if (m->count == 0) return 0;
    struct reader *r = &m->readers[0];
    *out = r->rows[r->at++];
    if (r->at == r->count) {
        int rc = reader_fill(m, r, err);
        if (rc < 0) return rc;
        if (r->count == 0) *r = m->readers[--m->count];
    }
    heap_sink(m, 0);
    return 1;
}

static int run_add(struct sorter *s, struct run run, struct error *err)
{
    int rc = mem_grow((void **)&s->runs, s->run_count + 1, sizeof *s->runs, err);
    if (rc == 0) s->runs[s->run_count++] = run;
    return rc;
}

/* All runs become one, in the other file: so that a merge never has more readers than its memory feeds. */
static int compact(struct sorter *s, struct error *err)
{
    struct merge m;
    struct file *file = NULL;
    struct sort_row row = {0};
    int rc, more = 0, other = !s->current;
    if ((rc = merge_open(&m, s, err)) < 0) return rc;
    size_t n = 0, max = s->capacity < READ_ROWS_MAX ? s->capacity : READ_ROWS_MAX;
    struct sort_row *out = mem_array(max, 1, sizeof *out, err);
    rc = out ? file_open(s->world, s->paths[other], FILE_REPLACE, &file, err) : -ERROR_NOMEM;
    while (rc == 0 && (more = merge_next(&m, &row, err)) > 0) {
        out[n++] = row;
        if (n < max) continue;
        rc = file_write(file, out, n * sizeof *out, err);
        n = 0;
    }
    if (rc == 0) rc = more < 0 ? more : file_write(file, out, n * sizeof *out, err);
    merge_close(&m);
    mem_free(out);
    if (rc < 0) {
        file_close(file, NULL);
        if (file) path_unlink(s->world, s->paths[other], NULL);
        return rc;
    }
    file_close(s->file, NULL);
    path_unlink(s->world, s->paths[s->current], NULL);
    s->file = file, s->current = other;
    s->runs[0] = (struct run){0, s->written};
    s->run_count = 1;
    return 0;
}

static int spill(struct sorter *s, struct error *err)
{
    int rc = 0;
    if (!s->file) rc = file_open(s->world, s->paths[s->current], FILE_REPLACE, &s->file, err);
    if (rc == 0) rc = buffer_sort(s, err);
    if (rc == 0) rc = file_write(s->file, s->rows, s->count * sizeof *s->rows, err);
    if (rc == 0) rc = run_add(s, (struct run){s->written, s->count}, err);
    if (rc < 0) return error_wrap(err, "evaluation: sorting rows");
    s->written += s->count;
    s->count = 0;
    return s->run_count < s->run_max ? 0 : compact(s, err);
}

static int add_locked(struct sorter *s, const struct sort_row *rows, size_t n, struct error *err)
{
    int rc = 0;
    while (rc == 0 && n > 0 && !s->overflowed) {
        size_t take = s->capacity - s->count < n ? s->capacity - s->count : n;
        if (s->count + take > s->allocated) {
            size_t more = 2 * s->allocated > s->count + take ? 2 * s->allocated : s->count + take;
            if (more > s->capacity) more = s->capacity;
            if ((rc = mem_grow((void **)&s->rows, more, sizeof *s->rows, err)) < 0) return rc;
            s->allocated = more;
        }
        memcpy(s->rows + s->count, rows, take * sizeof *rows);
        s->count += take, rows += take, n -= take;
        if (n == 0) return 0; /* a buffer that is just full waits: perhaps nothing more comes */
        if (s->world) rc = spill(s, err);
        else s->overflowed = true;
    }
    return rc;
}

int sorter_add(struct sorter *s, const struct sort_row *rows, size_t n, struct error *err)
{
    pthread_mutex_lock(&s->lock);
    int rc = add_locked(s, rows, n, err);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

static void tie_add(struct rank_group *tie, const struct sort_row *row)
{
    uint32_t bits = row->row & 0x7FFFFFFF;
    int y = row->row >> 31;
    float weight;
    memcpy(&weight, &bits, sizeof weight);
    tie->rows[y]++;
    tie->weight[y] += (double)weight;
    tie->square[y] += (double)weight * (double)weight;
}

static int merge_walk(struct merge *m, const struct sort_visitor *v, struct error *err)
{
    struct rank_group tie = {0};
    struct sort_row row = {0}, last = {0};
    bool open = false;
    for (;;) {
        int more = merge_next(m, &row, err);
        if (more < 0) return more;
        bool group_ends = open && (!more || row.group != last.group);
        if (group_ends || (open && row.key != last.key)) v->tie(v->context, last.group, &tie);
        if (group_ends) v->end(v->context, last.group);
        if (!more) return 0;
        if (group_ends || !open || row.key != last.key) tie = (struct rank_group){.logit = (double)rank_unkey(~row.key)};
        tie_add(&tie, &row);
        last = row;
        open = true;
    }
}

int sorter_walk(struct sorter *s, const struct sort_visitor *visitor, struct error *err)
{
    struct merge m;
    int rc = s->run_count == 0 ? buffer_sort(s, err) : s->count > 0 ? spill(s, err) : 0;
    if (rc < 0 || (rc = merge_open(&m, s, err)) < 0) return rc;
    rc = merge_walk(&m, visitor, err);
    merge_close(&m);
    return rc;
}
