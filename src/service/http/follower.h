/* An event stream (SSE) of one follower, as a pull: it has a cursor, the number of the last event that it was given, and whenever its
 * bytes are sent and there is news, a worker reads the next events after the cursor from the store and renders them. So there is no
 * gap between replay and live, no event twice, and nothing to buffer for a slow reader: its memory is one batch, whatever it misses.
 *
 * Who has a stream:
 *
 *   READING  the network thread: bytes are being sent         (connection active)
 *   FILLING  a worker: reads the store, renders               (connection suspended)
 *   IDLE     nobody: the hub wakes it for news or a heartbeat (connection suspended)
 *
 *   READING -> FILLING when all is sent; FILLING -> READING with bytes, FILLING -> IDLE without; IDLE -> FILLING on news,
 *   IDLE -> READING on a heartbeat or at the end.
 *
 * The state changes under the hub's lock. A client that takes nothing for write_timeout_ms is cut by the server; it resumes by id. */
#ifndef TRAINYARD_SERVICE_HTTP_FOLLOWER_H
#define TRAINYARD_SERVICE_HTTP_FOLLOWER_H

#include <sys/types.h>

#include "base/clock.h"
#include "service/http/pool.h"
#include "service/http/request.h"

enum {
    FOLLOWER_JOBS_MAX = 200,
    FOLLOWER_BATCH = 256,           /* events read at once */
    FOLLOWER_BATCH_BYTES = 1 << 18, /* a batch ends when it is so long; one event may be longer */
    FOLLOWER_BODY_MAX = 4 << 20,    /* an event line is at most 1 MiB */
    FOLLOWER_RETRY_MS = 2000,       /* after which a browser connects again */
};

enum follower_state { FOLLOWER_READING, FOLLOWER_FILLING, FOLLOWER_IDLE };

struct follower_job {
    char id[ID_SIZE];
    bool ended; /* its `end` was sent */
};

struct follower {
    struct task task; /* first: a task is a stream */
    const struct service *service;
    enum follower_state state;
    bool listed, ended, news; /* ended: after these bytes nothing comes; news: something changed while it was being filled */
    struct bytes out;
    size_t out_at;             /* bytes of out that were sent */
    int64_t after;             /* the cursor: a server-wide event number */
    int64_t sent_ms;           /* monotonic: when bytes were last rendered; for the heartbeat */
    struct follower_job *jobs; /* followed ones; NULL with job_count 0: all */
    size_t job_count;
    void (*suspend)(void *connection); /* how to stop and restart the connection; set by the server */
    void (*resume)(void *connection);
    void *connection;
    struct follower *prev, *next; /* the hub's */
};

/* follower_new: of these jobs (copied), from the events after `after`. NULL + ERROR_NOMEM. */
struct follower *follower_new(const struct service *service, const char *const *jobs, size_t job_count, int64_t after, struct error *err);
void follower_free(struct follower *follower); /* unlists it; only while READING. NULL is fine */

/* follower_read, on the network thread: up to max bytes into buf; 0: none now, the connection was suspended; -1: the end. */
ssize_t follower_read(struct follower *follower, char *buf, size_t max);

/* follower_tick, by the hub with its lock held: see that an idle stream is filled (changed), beats, or ends (stopping). */
void follower_tick(struct follower *follower, bool changed, bool stopping, int64_t now_ms);

/* follower_fill: append the next events after the cursor to out, and `end` for jobs that are over. Any thread that has the stream. err must
 * not be NULL. */
int follower_fill(struct follower *follower, struct error *err);

#endif
