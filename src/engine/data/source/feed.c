#include "engine/data/source/feed.h"

#include <pthread.h>
#include <string.h>

#include "base/mem.h"

#ifdef TRAINYARD_HOSTILE
enum { SLOTS = 2, SLOT_BYTES = 61 };
#else
enum { SLOTS = 4, SLOT_BYTES = 1 << 20 };
#endif

struct slot {
    char *buf;
    size_t size;
    uint64_t packed_bytes; /* of all files, once this slot was filled */
    bool last;             /* of its file */
    int rc;                /* < 0: error, and nothing comes after it */
    struct error error;
};

struct feed {
    const struct source_list *files;
    const struct parallel *helper; /* NULL: read here */
    struct source *source;         /* without a helper: the open file */
    uint64_t packed_bytes, packed_before;
    bool begun;
    pthread_mutex_t lock; /* guards filled, used and stop */
    pthread_cond_t changed;
    uint64_t filled, used; /* slots so far: slot i is slots[i % SLOTS] */
    bool stop;
    size_t at; /* in the slot that is being used */
    bool ended;
    struct slot slots[SLOTS];
};

static int failure(const struct error *err) { return err->code ? -(int)err->code : -ERROR_IO; }

/* ---- the helper ---- */

/* A slot to fill, or NULL: stop. */
static struct slot *slot_free(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    while (!f->stop && f->filled - f->used == SLOTS) pthread_cond_wait(&f->changed, &f->lock);
    struct slot *slot = f->stop ? NULL : &f->slots[f->filled % SLOTS];
    pthread_mutex_unlock(&f->lock);
    return slot;
}

static void slot_hand_over(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    f->filled++;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

/* All of one file. false: no more is wanted, or it failed. */
static bool fill_file(struct feed *f, size_t index, uint64_t *before)
{
    struct source *source = NULL;
    for (bool last = false; !last;) {
        struct slot *slot = slot_free(f);
        int64_t n = 0;
        if (!slot) break;
        slot->error = (struct error){0};
        slot->rc = 0;
        if (!source && !(source = source_open(f->files, index, &slot->error))) slot->rc = failure(&slot->error);
        if (slot->rc == 0 && (n = source_read(source, slot->buf, SLOT_BYTES, &slot->error)) < 0) slot->rc = (int)n;
        last = slot->last = slot->rc < 0 || n < SLOT_BYTES;
        slot->size = slot->rc < 0 ? 0 : (size_t)n;
        slot->packed_bytes = *before + (source ? source_packed_bytes(source) : 0);
        if (last) *before = slot->packed_bytes;
        bool failed = slot->rc < 0;
        slot_hand_over(f);
        if (!last) continue;
        source_close(source);
        return !failed;
    }
    source_close(source);
    return false;
}

static int fill(void *context, struct error *err)
{
    struct feed *f = context;
    uint64_t before = 0;
    (void)err; /* failures travel in the slots, to be told in their turn */
    for (size_t i = 0; i < f->files->count && fill_file(f, i, &before); i++) {}
    return 0;
}

/* ---- the consumer ---- */

struct feed *feed_new(const struct source_list *files, const struct parallel *helper, struct error *err)
{
    struct feed *f = mem_zero(sizeof *f, err);
    int rc = f ? 0 : -ERROR_NOMEM;
    if (!f) return NULL;
    f->files = files;
    f->helper = helper && helper->begin ? helper : NULL;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    for (size_t i = 0; i < SLOTS && f->helper && rc == 0; i++)
        if (!(f->slots[i].buf = mem_zero(SLOT_BYTES, err))) rc = -ERROR_NOMEM;
    if (rc == 0 && f->helper) rc = f->helper->begin(f->helper->impl, fill, f, err);
    f->begun = rc == 0 && f->helper;
    if (rc == 0) return f;
    feed_free(f);
    return NULL;
}

void feed_free(struct feed *f)
{
    if (!f) return;
    if (f->begun) {
        pthread_mutex_lock(&f->lock);
        f->stop = true;
        pthread_cond_broadcast(&f->changed);
        pthread_mutex_unlock(&f->lock);
        f->helper->end(f->helper->impl, NULL);
    }
    source_close(f->source);
    for (size_t i = 0; i < SLOTS; i++) mem_free(f->slots[i].buf);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->changed);
    mem_free(f);
}

int feed_open(struct feed *f, size_t index, struct error *err)
{
    f->ended = false;
    if (f->helper) return 0; /* the helper takes the files in the same order */
    source_close(f->source);
    f->packed_before = f->packed_bytes;
    if (!(f->source = source_open(f->files, index, err))) return err && err->code ? failure(err) : -ERROR_IO;
    f->packed_bytes = f->packed_before + source_packed_bytes(f->source);
    return 0;
}

/* The slot that is next, once it is filled. */
static struct slot *slot_wait(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    while (f->filled == f->used) pthread_cond_wait(&f->changed, &f->lock);
    pthread_mutex_unlock(&f->lock);
    return &f->slots[f->used % SLOTS];
}

static void slot_give_back(struct feed *f)
{
    f->at = 0;
    pthread_mutex_lock(&f->lock);
    f->used++;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static int64_t read_ahead(struct feed *f, char *buf, size_t size, struct error *err)
{
    size_t done = 0;
    while (done < size && !f->ended) {
        const struct slot *slot = slot_wait(f);
        if (slot->rc < 0) return error_set(err, (enum error_code) - slot->rc, slot->error.field, "%s", slot->error.msg); /* stays: told each time */
        size_t n = slot->size - f->at < size - done ? slot->size - f->at : size - done;
        if (n > 0) memcpy(buf + done, slot->buf + f->at, n);
        f->at += n;
        done += n;
        f->packed_bytes = slot->packed_bytes;
        if (f->at < slot->size) break;
        f->ended = slot->last;
        slot_give_back(f);
    }
    return (int64_t)done;
}

int64_t feed_read(struct feed *f, void *buf, size_t size, struct error *err)
{
    if (f->helper) return read_ahead(f, buf, size, err);
    int64_t n = source_read(f->source, buf, size, err);
    f->packed_bytes = f->packed_before + source_packed_bytes(f->source);
    return n;
}

uint64_t feed_packed_bytes(const struct feed *f) { return f->packed_bytes; }
