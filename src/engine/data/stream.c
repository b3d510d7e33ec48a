#include "engine/data/stream.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "engine/data/cache/block.h"
#include "engine/data/permute.h"

/* Two windows live: the one being used and the one after it. A call that spans both keeps both until the next call. */
#ifdef TRAINYARD_HOSTILE
enum { SLOTS = 2, WINDOW_ROWS_SHUFFLED = 50, WINDOW_ROWS_PLAIN = 10, BLOCKS_A_ROW_SHARE = 4 };
#else
enum { SLOTS = 2, WINDOW_ROWS_SHUFFLED = 1 << 17, WINDOW_ROWS_PLAIN = 1 << 14, BLOCKS_A_ROW_SHARE = 4 };
#endif
enum { WINDOW_FEATURES_MAX = 1 << 25 }; /* 128 MiB of keys: wide rows make smaller windows */

struct window_place {             /* where a window lies in its epoch */
    uint64_t first_block, blocks; /* positions in the epoch's order of blocks */
    uint64_t first_row, rows;     /* positions in the epoch's sequence of the side's rows */
};

struct plan { /* of one epoch */
    bool made;
    uint32_t epoch;
    struct permutation order;
    struct window_place *windows;
    size_t count, max;
    uint32_t *side_rows; /* (blocks): rows of each that the epoch visits */
    uint64_t rows;       /* of all blocks */
};

enum slot_state { SLOT_EMPTY, SLOT_LOADING, SLOT_READY };

struct slot {
    enum slot_state state;
    bool pinned; /* refs into it are with the consumer */
    uint32_t epoch;
    size_t window;
    struct block *blocks;
    size_t blocks_max;
    struct row_ref *refs; /* in the order of the epoch */
    size_t count, refs_max;
};

struct stream {
    struct stream_config config;
    uint64_t blocks;
    pthread_mutex_t lock; /* guards all below; a slot that is LOADING belongs to its loader */
    pthread_cond_t changed;
    struct plan plans[2]; /* of the current epoch and the next: [epoch % 2] */
    struct slot slots[SLOTS];
    uint32_t epoch; /* the cursor */
    size_t window;
    uint64_t offset;        /* rows of the window that were given */
    struct row_ref *joined; /* a result that spans two windows */
    size_t joined_max;
    bool prefetching, stop;
};

uint64_t stream_rows(const struct stream *s) { return s->plans[s->epoch % 2].rows; }

/* keep[r] = 1: the epoch visits row r of the block. Returns how many. */
static uint32_t stream_keep(const struct stream *s, uint32_t epoch, uint64_t index, const struct block *block, uint8_t *keep)
{
    const struct stream_config *c = &s->config;
    size_t rows = block->batch.rows;
    uint32_t count = 0;
    sides_of(&c->sides->splitter, c->dataset, index, block, keep);
    for (size_t r = 0; r < rows; r++) keep[r] = keep[r] == c->side;
    if (c->filter.keep) {
        struct split_rows view = split_rows_of(c->dataset, index, block);
        c->filter.keep(c->filter.context, epoch, &view, keep);
    }
    for (size_t r = 0; r < rows; r++) count += keep[r];
    return count;
}

/* Rows of each block that the epoch visits. */
static int plan_count(const struct stream *s, struct plan *p, uint32_t epoch, struct error *err)
{
    const struct stream_config *c = &s->config;
    struct block block = {0};
    uint8_t keep[BLOCK_ROWS];
    int rc = 0;
    p->rows = 0;
    if (!p->side_rows && !(p->side_rows = mem_array(s->blocks, 1, sizeof *p->side_rows, err))) return -ERROR_NOMEM;
    for (uint64_t b = 0; rc == 0 && b < s->blocks; b++) {
        p->side_rows[b] = c->sides->rows[b][c->side];
        if (c->filter.keep && p->side_rows[b] > 0 && (rc = dataset_read_head(c->dataset, b, &block, err)) == 0)
            p->side_rows[b] = stream_keep(s, epoch, b, &block, keep);
        p->rows += p->side_rows[b];
    }
    block_close(&block);
    return rc;
}

static int plan_add(struct plan *p, struct window_place place, struct error *err)
{
    int rc;
    if (place.rows == 0) return 0; /* nothing of the side is in these blocks */
    if (p->count == p->max) {
        size_t max = p->max * 2 + 16;
        if ((rc = mem_grow((void **)&p->windows, max, sizeof *p->windows, err)) < 0) return rc;
        p->max = max;
    }
    p->windows[p->count++] = place;
    return 0;
}

static uint64_t plan_block(const struct stream *s, const struct plan *p, uint64_t position)
{
    return s->config.shuffle ? permutation_at(&p->order, position) : position;
}

/* Cut the epoch's order of blocks into windows: never fewer rows of the side than a batch; beyond that enough to mix well, but not too many blocks or
 * features. */
static int plan_make(struct stream *s, struct plan *p, uint32_t epoch, struct error *err)
{
    struct window_place w = {0};
    uint64_t features = 0, all_rows = 0, all_rows_max = BLOCKS_A_ROW_SHARE * (uint64_t)s->config.window_rows;
    int rc;
    if (p->made && p->epoch == epoch) return 0;
    p->made = false;
    p->count = 0;
    p->epoch = epoch;
    p->order = permutation_of(s->blocks, s->config.seed, epoch);
    if ((rc = plan_count(s, p, epoch, err)) < 0) return rc;
    for (uint64_t i = 0; i < s->blocks; i++) {
        uint64_t block = plan_block(s, p, i);
        w.blocks++;
        w.rows += p->side_rows[block];
        features += dataset_block_features(s->config.dataset, block);
        all_rows += dataset_block_rows(s->config.dataset, block);
        bool small = w.rows < s->config.batch_rows;
        bool roomy = w.rows < s->config.window_rows && features < WINDOW_FEATURES_MAX && all_rows < all_rows_max;
        if ((small || roomy) && i + 1 < s->blocks) continue;
        if ((rc = plan_add(p, w, err)) < 0) return rc;
        w = (struct window_place){.first_block = i + 1, .first_row = w.first_row + w.rows};
        features = all_rows = 0;
    }
    p->made = true;
    return 0;
}

struct stream *stream_new(const struct stream_config *config, struct error *err)
{
    struct stream *s = mem_zero(sizeof *s, err);
    if (!s) return NULL;
    s->config = *config;
    if (s->config.window_rows == 0) s->config.window_rows = config->shuffle ? WINDOW_ROWS_SHUFFLED : WINDOW_ROWS_PLAIN;
    s->blocks = dataset_info(config->dataset)->blocks;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    if (stream_seek(s, 0, 0, err) == 0) return s;
    stream_free(s);
    return NULL;
}

void stream_free(struct stream *s)
{
    if (!s) return;
    for (size_t i = 0; i < SLOTS; i++) {
        for (size_t b = 0; b < s->slots[i].blocks_max; b++) block_close(&s->slots[i].blocks[b]);
        mem_free(s->slots[i].blocks);
        mem_free(s->slots[i].refs);
        mem_free(s->plans[i].windows);
        mem_free(s->plans[i].side_rows);
    }
    mem_free(s->joined);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    mem_free(s);
}

/* Fisher-Yates (Durstenfeld 1964); n < 2^32, one 32-bit draw a row, multiply-high with rejection (Lemire 2019). */
static void refs_shuffle(struct row_ref *refs, size_t n, struct rng rng)
{
    for (uint32_t left = (uint32_t)n; left > 1; left--) {
        uint64_t product = (uint64_t)rng_u32(&rng) * left;
        if ((uint32_t)product < left) {
            uint32_t floor = -left % left;
            while ((uint32_t)product < floor) product = (uint64_t)rng_u32(&rng) * left;
        }
        uint32_t pick = (uint32_t)(product >> 32);
        struct row_ref last = refs[left - 1];
        refs[left - 1] = refs[pick];
        refs[pick] = last;
    }
}

static int slot_reserve(struct slot *slot, const struct window_place *w, struct error *err)
{
    int rc;
    if (w->blocks > slot->blocks_max) {
        if ((rc = mem_grow((void **)&slot->blocks, w->blocks, sizeof *slot->blocks, err)) < 0) return rc;
        memset(slot->blocks + slot->blocks_max, 0, (w->blocks - slot->blocks_max) * sizeof *slot->blocks);
        slot->blocks_max = w->blocks;
    }
    if (w->rows > slot->refs_max) {
        if ((rc = mem_grow((void **)&slot->refs, w->rows, sizeof *slot->refs, err)) < 0) return rc;
        slot->refs_max = w->rows;
    }
    return 0;
}

/* Read the slot's window and put its rows in order. The slot is LOADING and so the caller's; no lock is held. */
static int slot_load(const struct stream *s, struct slot *slot, const struct plan *plan, struct error *err)
{
    const struct stream_config *c = &s->config;
    struct window_place w = plan->windows[slot->window];
    uint8_t keep[BLOCK_ROWS];
    int rc = slot_reserve(slot, &w, err);
    if (rc < 0) return rc;
    slot->count = 0;
    for (uint64_t i = 0; i < w.blocks; i++) {
        struct block *b = &slot->blocks[i];
        uint64_t number = plan_block(s, plan, w.first_block + i);
        if (plan->side_rows[number] == 0) continue;
        if ((rc = dataset_read_block(c->dataset, number, b, err)) < 0) return rc;
        stream_keep(s, slot->epoch, number, b, keep);
        for (uint32_t r = 0; r < b->batch.rows; r++) {
            if (!keep[r]) continue;
            assert(slot->count < w.rows); /* the split is pure, so it says what it said to stream_new */
            slot->refs[slot->count++] = (struct row_ref){&b->batch, r};
        }
    }
    if (c->shuffle) refs_shuffle(slot->refs, slot->count, rng_at(c->seed, RNG_SHUFFLE_ROWS, slot->epoch, slot->window));
    return 0;
}

struct target { /* a window that will be wanted */
    uint32_t epoch;
    size_t window;
};

/* The window k after the cursor's (k = 0, 1), into the next epoch when rows are shuffled, which means training. Lock held. 1, 0: none. */
static int stream_target(struct stream *s, size_t k, struct target *target, struct error *err)
{
    size_t count = s->plans[s->epoch % 2].count;
    *target = (struct target){s->epoch, s->window + k};
    if (target->window < count) return 1;
    if (!s->config.shuffle || count == 0) return 0;
    int rc = plan_make(s, &s->plans[(s->epoch + 1) % 2], s->epoch + 1, err);
    *target = (struct target){s->epoch + 1, target->window - count};
    return rc < 0 ? rc : target->window < s->plans[(s->epoch + 1) % 2].count;
}

static bool slot_holds(const struct slot *slot, const struct target *t)
{
    return slot->state != SLOT_EMPTY && slot->epoch == t->epoch && slot->window == t->window;
}

static struct slot *stream_slot(struct stream *s, const struct target *t)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (slot_holds(&s->slots[i], t)) return &s->slots[i];
    return NULL;
}

/* A slot that nobody uses and that holds none of the wanted windows, now LOADING for `t`; or NULL. Lock held. */
static struct slot *stream_claim(struct stream *s, const struct target *t, const struct target *wanted, size_t wanted_count)
{
    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *slot = &s->slots[i];
        bool busy = slot->pinned || slot->state == SLOT_LOADING;
        for (size_t k = 0; k < wanted_count; k++) busy |= slot_holds(slot, &wanted[k]);
        if (busy) continue;
        slot->state = SLOT_LOADING;
        slot->epoch = t->epoch;
        slot->window = t->window;
        return slot;
    }
    return NULL;
}

/* Load a claimed slot; the lock is let go meanwhile. */
static int stream_load(struct stream *s, struct slot *slot, struct error *err)
{
    pthread_mutex_unlock(&s->lock);
    int rc = slot_load(s, slot, &s->plans[slot->epoch % 2], err);
    pthread_mutex_lock(&s->lock);
    slot->state = rc < 0 ? SLOT_EMPTY : SLOT_READY;
    pthread_cond_broadcast(&s->changed);
    return rc;
}

/* The slot with window k after the cursor's, loaded and pinned, or NULL and *rc < 0. Lock held. */
static struct slot *stream_window(struct stream *s, size_t k, int *rc, struct error *err)
{
    struct target t = {s->epoch, s->window + k};
    for (;;) {
        struct slot *slot = stream_slot(s, &t);
        if (slot && slot->state == SLOT_READY) {
            slot->pinned = true;
            return slot;
        }
        if (slot || s->prefetching) {
            pthread_cond_wait(&s->changed, &s->lock);
            continue;
        }
        struct slot *claimed = stream_claim(s, &t, NULL, 0);
        assert(claimed); /* at most the other one is pinned */
        if ((*rc = stream_load(s, claimed, err)) < 0) return NULL;
    }
}

static void stream_unpin(struct stream *s)
{
    for (size_t i = 0; i < SLOTS; i++) s->slots[i].pinned = false;
    pthread_cond_broadcast(&s->changed);
}

static bool stream_loading(const struct stream *s)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (s->slots[i].state == SLOT_LOADING) return true;
    return false;
}

int stream_seek(struct stream *s, uint32_t epoch, uint64_t position, struct error *err)
{
    pthread_mutex_lock(&s->lock);
    while (stream_loading(s)) pthread_cond_wait(&s->changed, &s->lock); /* a loader reads the plans */
    struct plan *plan = &s->plans[epoch % 2];
    int rc = plan_make(s, plan, epoch, err);
    if (rc == 0 && position > plan->rows)
        rc = error_set(err, ERROR_INTERNAL, NULL, "position %llu of an epoch of %llu rows", (unsigned long long)position,
                       (unsigned long long)plan->rows);
    if (rc == 0) {
        s->epoch = epoch;
        s->stop = false;
        for (s->window = 0; s->window < plan->count; s->window++)
            if (position < plan->windows[s->window].first_row + plan->windows[s->window].rows) break;
        s->offset = s->window < plan->count ? position - plan->windows[s->window].first_row : 0;
    }
    stream_unpin(s);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

/* The last `have` rows of one window and the first `more` of the next, side by side. */
static int stream_join(struct stream *s, const struct row_ref *a, size_t have, const struct row_ref *b, size_t more, struct error *err)
{
    if (have + more > s->joined_max) {
        int rc = mem_grow((void **)&s->joined, have + more, sizeof *s->joined, err);
        if (rc < 0) return rc;
        s->joined_max = have + more;
    }
    memcpy(s->joined, a, have * sizeof *a);
    memcpy(s->joined + have, b, more * sizeof *b);
    return 0;
}

static int stream_next_locked(struct stream *s, size_t want, const struct row_ref **refs, size_t *got, struct error *err)
{
    size_t windows = s->plans[s->epoch % 2].count;
    int rc = 0;
    *got = 0;
    *refs = NULL;
    if (want == 0 || s->window == windows) return 0;
    struct slot *first = stream_window(s, 0, &rc, err);
    if (!first) return rc;
    const struct row_ref *from = first->refs + s->offset;
    size_t have = first->count - s->offset;
    if (have >= want || s->window + 1 == windows) {
        *got = have < want ? have : want;
        *refs = from;
        s->offset += *got;
    } else {
        struct slot *second = stream_window(s, 1, &rc, err);
        if (!second) return rc;
        size_t more = want - have < second->count ? want - have : second->count;
        if ((rc = stream_join(s, from, have, second->refs, more, err)) < 0) return rc;
        *got = have + more;
        *refs = s->joined;
        s->window++;
        s->offset = more;
    }
    if (s->offset == s->plans[s->epoch % 2].windows[s->window].rows) s->window++, s->offset = 0;
    return 0;
}

int stream_next(struct stream *s, size_t want, const struct row_ref **refs, size_t *got, struct error *err)
{
    pthread_mutex_lock(&s->lock);
    stream_unpin(s);
    int rc = stream_next_locked(s, want, refs, got, err);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

/* One window ahead, if there is one to load and a slot to load it into. Lock held. 1: loaded, 0: nothing to do. */
static int stream_ahead(struct stream *s, struct error *err)
{
    struct target wanted[2];
    size_t count = 0;
    int rc = 0;
    while (count < 2 && (rc = stream_target(s, count, &wanted[count], err)) > 0) count++;
    if (rc < 0) return rc;
    for (size_t k = 0; k < count; k++) {
        if (stream_slot(s, &wanted[k])) continue;
        struct slot *slot = stream_claim(s, &wanted[k], wanted, count);
        if (!slot) return 0;
        rc = stream_load(s, slot, err);
        return rc < 0 ? rc : 1;
    }
    return 0;
}

int stream_prefetch(struct stream *s, struct error *err)
{
    int rc = 0;
    pthread_mutex_lock(&s->lock);
    s->prefetching = !s->stop;
    while (!s->stop && rc >= 0)
        if ((rc = stream_ahead(s, err)) == 0 && !s->stop) pthread_cond_wait(&s->changed, &s->lock);
    s->prefetching = false; /* after a failure the consumer loads for itself, and meets it */
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return rc < 0 ? rc : 0;
}

void stream_prefetch_stop(struct stream *s)
{
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}
