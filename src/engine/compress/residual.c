/* The map: chained hash over entry numbers, and a doubly linked list from the oldest to the newest entry. See residual.h. */
#include "engine/compress/residual.h"

#include <string.h>

#include "base/mem.h"

void residual_init(struct residual *r, uint32_t width, size_t max, double beta)
{
    *r = (struct residual){.width = width, .max = max, .beta = (float)beta};
}

void residual_close(struct residual *r)
{
    mem_free(r->ids);
    mem_free(r->older);
    mem_free(r->newer);
    mem_free(r->chain);
    mem_free(r->eta);
    mem_free(r->values);
    mem_free(r->bucket);
    mem_free(r->forced);
    *r = (struct residual){0};
}

void residual_reset(struct residual *r)
{
    struct residual fresh = {.width = r->width, .max = r->max, .beta = r->beta};
    residual_close(r);
    *r = fresh;
}

size_t residual_rows(const struct residual *r) { return r->count; }

/* Arrays grow by doubling; a row has values, a rate, four links and its part of the buckets. */
uint64_t residual_bytes(uint64_t rows, uint32_t width) { return rows * ((uint64_t)width * sizeof(float) + sizeof(float) + 6 * sizeof(uint32_t)); }

static uint32_t *bucket_of(const struct residual *r, uint32_t id) { return &r->bucket[id * 0x9E3779B1u >> (32 - r->bucket_bits)]; }

static int grow_array(void *array, size_t n, size_t size, struct error *err)
{
    void **p = array;
    return mem_grow(p, n, size, err);
}

/* Room for `more` entries; entry 0 is not used. */
static int residual_reserve(struct residual *r, size_t more, struct error *err)
{
    size_t need = r->count + more + 1;
    if (need <= r->room) return 0;
    size_t room = need + need / 2 + 64;
    int rc = 0;
    if (room > UINT32_MAX / 2) return error_set(err, ERROR_TOOLARGE, NULL, "a residual of %zu rows is too large", room);
    if ((rc = grow_array(&r->ids, room, sizeof *r->ids, err)) < 0) return rc;
    if ((rc = grow_array(&r->older, room, sizeof *r->older, err)) < 0) return rc;
    if ((rc = grow_array(&r->newer, room, sizeof *r->newer, err)) < 0) return rc;
    if ((rc = grow_array(&r->chain, room, sizeof *r->chain, err)) < 0) return rc;
    if ((rc = grow_array(&r->eta, room, sizeof *r->eta, err)) < 0) return rc;
    if ((rc = grow_array(&r->values, room * r->width, sizeof *r->values, err)) < 0) return rc;
    uint32_t bits = 6;
    while ((1ull << bits) < room) bits++;
    if (bits != r->bucket_bits) {
        uint32_t *bucket = mem_array(1ull << bits, 1, sizeof *bucket, err);
        if (!bucket) return -ERROR_NOMEM;
        mem_free(r->bucket);
        r->bucket = bucket;
        r->bucket_bits = bits;
        for (uint32_t e = r->oldest; e; e = r->newer[e]) {
            uint32_t *head = bucket_of(r, r->ids[e]);
            r->chain[e] = *head;
            *head = e;
        }
    }
    for (size_t e = r->room ? r->room : 1; e < room; e++) { /* new entries onto the free list */
        r->chain[e] = r->unused;
        r->unused = (uint32_t)e;
    }
    r->room = room;
    return 0;
}

static uint32_t residual_find(const struct residual *r, uint32_t id)
{
    if (!r->bucket) return 0;
    uint32_t e = *bucket_of(r, id);
    while (e && r->ids[e] != id) e = r->chain[e];
    return e;
}

static void residual_remove(struct residual *r, uint32_t e)
{
    uint32_t *link = bucket_of(r, r->ids[e]);
    while (*link != e) link = &r->chain[*link];
    *link = r->chain[e];
    *(r->older[e] ? &r->newer[r->older[e]] : &r->oldest) = r->newer[e];
    *(r->newer[e] ? &r->older[r->newer[e]] : &r->newest) = r->older[e];
    r->chain[e] = r->unused;
    r->unused = e;
    r->count--;
}

/* A new newest entry; room is reserved. */
static float *residual_put(struct residual *r, uint32_t id, float eta)
{
    uint32_t e = r->unused, *head = bucket_of(r, id);
    r->unused = r->chain[e];
    r->ids[e] = id;
    r->eta[e] = eta;
    r->chain[e] = *head;
    *head = e;
    r->older[e] = r->newest;
    r->newer[e] = 0;
    *(r->newest ? &r->newer[r->newest] : &r->oldest) = e;
    r->newest = e;
    r->count++;
    return r->values + (size_t)e * r->width;
}

/* e joins the gradient row at the present rate; a rate of 0 on either side does not scale. */
static void residual_join(const struct residual *r, uint32_t e, float eta, float *row)
{
    float scale = r->beta * (eta > 0 && r->eta[e] > 0 ? r->eta[e] / eta : 1.0f);
    const float *values = r->values + (size_t)e * r->width;
    for (uint32_t j = 0; j < r->width; j++) row[j] += scale * values[j];
}

/* Move the row at `from` down to its place among the ascending rows before it. */
static void rows_insert(struct grad_rows *g, uint8_t *forced, size_t from, float *row, size_t width)
{
    uint32_t id = g->ids[from];
    uint8_t force = forced[from];
    size_t to = from;
    memcpy(row, g->values + from * width, width * sizeof *row);
    while (to > 0 && g->ids[to - 1] > id) to--;
    memmove(g->ids + to + 1, g->ids + to, (from - to) * sizeof *g->ids);
    memmove(g->values + (to + 1) * width, g->values + to * width, (from - to) * width * sizeof *g->values);
    memmove(forced + to + 1, forced + to, from - to);
    g->ids[to] = id;
    forced[to] = force;
    memcpy(g->values + to * width, row, width * sizeof *row);
}

static void rows_slice(struct grad_rows *g, const struct codec_call *call)
{
    size_t at = 0;
    for (uint32_t q = 0; q < SLICES_MAX; q++) {
        g->slice_start[q] = (uint32_t)at;
        if (q >= call->slices) continue;
        while (at < g->count && (call->slices == 1 || g->ids[at] >> call->slice_bits == q)) at++;
    }
    g->slice_start[SLICES_MAX] = (uint32_t)g->count;
    for (uint32_t q = call->slices; q < SLICES_MAX; q++) g->slice_start[q] = (uint32_t)g->count;
}

/* The waiting rows beyond the bound, oldest first, into g. */
static int residual_evict(struct residual *r, struct grad_buffer *g, float eta, const struct codec_call *call, const uint8_t **forced,
                          struct error *err)
{
    size_t excess = r->count - r->max, before = g->rows.count;
    int rc = grad_buffer_reserve(g, before + excess + 1, r->width, true, err); /* one row of scratch at the end */
    if (rc < 0) return rc;
    if (before + excess > r->forced_max) {
        void *flags = r->forced;
        if ((rc = mem_grow(&flags, 2 * (before + excess), 1, err)) < 0) return rc;
        r->forced = flags;
        r->forced_max = 2 * (before + excess);
    }
    memset(r->forced, 0, before);
    for (size_t i = before; i < before + excess; i++) {
        uint32_t e = r->oldest;
        float *row = g->rows.values + i * r->width;
        g->rows.ids[i] = r->ids[e];
        r->forced[i] = 1;
        memset(row, 0, r->width * sizeof *row);
        residual_join(r, e, eta, row);
        residual_remove(r, e);
        rows_insert(&g->rows, r->forced, i, g->rows.values + (before + excess) * r->width, r->width);
    }
    g->rows.count = before + excess;
    rows_slice(&g->rows, call);
    *forced = r->forced;
    return 0;
}

int residual_add(struct residual *r, struct grad_buffer *g, float eta, const struct codec_call *call, const uint8_t **forced, struct error *err)
{
    *forced = NULL;
    for (size_t i = 0; i < g->rows.count && r->count > 0; i++) {
        uint32_t e = residual_find(r, g->rows.ids[i]);
        if (!e) continue;
        residual_join(r, e, eta, g->rows.values + i * r->width);
        residual_remove(r, e);
    }
    return r->count > r->max ? residual_evict(r, g, eta, call, forced, err) : 0;
}

int residual_keep(struct residual *r, const struct grad_rows *a, const struct grad_rows *d, float eta, struct error *err)
{
    int rc = residual_reserve(r, a->count, err);
    if (rc < 0) return rc;
    size_t width = r->width, k = 0;
    for (size_t i = 0; i < a->count; i++) {
        const float *row = a->values + i * width, *sent = NULL;
        while (k < d->count && d->ids[k] < a->ids[i]) k++;
        if (k < d->count && d->ids[k] == a->ids[i]) sent = d->values + k * width;
        bool rest = false;
        for (size_t j = 0; j < width; j++) rest |= row[j] != (sent ? sent[j] : 0.0f);
        if (!rest) continue;
        float *e = residual_put(r, a->ids[i], eta);
        for (size_t j = 0; j < width; j++) e[j] = row[j] - (sent ? sent[j] : 0.0f);
    }
    return 0;
}

size_t residual_save(const struct residual *r, size_t max, uint32_t *ids, float *eta, float *values)
{
    size_t n = 0;
    for (uint32_t e = r->oldest; e && n < max; e = r->newer[e], n++) {
        ids[n] = r->ids[e];
        eta[n] = r->eta[e];
        memcpy(values + n * r->width, r->values + (size_t)e * r->width, r->width * sizeof *values);
    }
    return n;
}

int residual_load(struct residual *r, uint32_t id, float eta, const float *values, struct error *err)
{
    int rc = residual_reserve(r, 1, err);
    if (rc < 0) return rc;
    if (residual_find(r, id)) return error_set(err, ERROR_DATA, NULL, "residual row %u appears twice", id);
    memcpy(residual_put(r, id, eta), values, r->width * sizeof *values);
    return 0;
}
