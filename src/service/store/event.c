/* Events in and out: the tailer's batches, the server's own, and reading by number. */
#include "service/store/internal.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { EVENTS_LIMIT = 1000, EVENT_JOBS_MAX = 200 };

static void touch(struct store *s, const char *job_id, int64_t event)
{
    if (event > s->touched_last) s->touched_last = event;
    for (size_t i = 0; i < s->touched_count && i < TOUCHED_MAX; i++)
        if (strcmp(s->touched[i].job, job_id) == 0) {
            s->touched[i].event = event;
            return;
        }
    if (s->touched_count < TOUCHED_MAX) {
        str_copy(s->touched[s->touched_count].job, ID_SIZE, job_id);
        s->touched[s->touched_count].event = event;
    }
    if (s->touched_count <= TOUCHED_MAX) s->touched_count++;
}

int event_insert(struct store *s, const char *job_id, const struct event_new *event, int64_t *id, struct error *err)
{
    struct bytes body;
    bytes_init(&body, 2 * EVENT_LINE_MAX);
    *id = 0;
    int rc = json_write(event->body, &body, err);
    if (rc == 0) {
        struct query q = query_begin(&s->writer, STATEMENT_EVENT_INSERT);
        const int64_t numbers[] = {event->job, event->seq, event->attempt, event->step, event->utc_ms, event->type};
        for (int i = 0; i < 6; i++) query_int(&q, i + 1, numbers[i]);
        query_text(&q, 7, bytes_text(&body));
        rc = query_end_done(&q, err);
    }
    bytes_close(&body);
    if (rc < 0 || sqlite3_changes64(s->writer.db) == 0) return rc;
    *id = sqlite3_last_insert_rowid(s->writer.db);
    struct query q = query_begin(&s->writer, STATEMENT_JOB_EVENT);
    query_int(&q, 1, event->job);
    query_int(&q, 2, *id);
    query_int(&q, 3, world_utc_ms(s->world));
    rc = query_end_changed(&q, 1, err);
    if (rc == 0) touch(s, job_id, *id);
    return rc;
}

/* ---- in ---- */

static int event_take(struct store *s, const char *id, int64_t num, enum job_state *state, const struct event *event, struct error *err)
{
    int64_t row;
    if (event->seq < 1 || event->seq > INT64_MAX || event->attempt > INT64_MAX || event->step > INT64_MAX)
        return error_set(err, ERROR_DATA, NULL, "event %llu of job %s: a number is out of range", (unsigned long long)event->seq, id);
    struct event_new fresh = {.job = num,
                              .seq = (int64_t)event->seq,
                              .attempt = (int64_t)event->attempt,
                              .step = (int64_t)event->step,
                              .utc_ms = event->utc_ms,
                              .type = event->type,
                              .body = event->body};
    int rc = event_insert(s, id, &fresh, &row, err);
    if (rc < 0 || row == 0) return rc;
    rc = event_apply(s, id, num, state, event, row, err);
    return rc < 0 ? error_wrap(err, "event %llu of job %s", (unsigned long long)event->seq, id) : 0;
}

static int tail_set(struct store *s, int64_t num, int64_t offset, int64_t attempt, struct error *err)
{
    struct query q = query_begin(&s->writer, STATEMENT_JOB_TAIL);
    query_int(&q, 1, num);
    query_int(&q, 2, offset);
    query_int(&q, 3, attempt);
    int rc = query_end_changed(&q, 1, err);
    if (rc < 0 || attempt == 0) return rc;
    q = query_begin(&s->writer, STATEMENT_ATTEMPT_NUMBER);
    query_int(&q, 1, num);
    query_int(&q, 2, attempt);
    return query_end_done(&q, err);
}

int store_events_add(struct store *s, const char *id, struct event *events, size_t count, int64_t offset, struct error *err)
{
    int64_t num, attempt = 0;
    enum job_state state;
    int rc = txn_enter(s, err);
    if (rc < 0) return rc;
    rc = job_num(&s->writer, id, &num, &state, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = event_take(s, id, num, &state, &events[i], err);
        if ((int64_t)events[i].attempt > attempt) attempt = (int64_t)events[i].attempt;
    }
    if (rc == 0) rc = tail_set(s, num, offset, attempt, err);
    return txn_leave(s, rc, err);
}

/* ---- out ---- */

/* One job has a statement of its own that walks the job's index; several share the walk over all events. */
static bool job_wanted(const struct event_query *query, const char *job)
{
    if (!query->jobs) return true;
    for (size_t i = 0; i < query->job_count; i++)
        if (strcmp(query->jobs[i], job) == 0) return true;
    return false;
}

static void row_read(struct query *q, struct event_row *row)
{
    row->id = query_int_at(q, 0);
    row->job = query_text_at(q, 1);
    row->seq = query_int_at(q, 2);
    row->attempt = query_int_at(q, 3);
    row->step = query_int_at(q, 4);
    row->utc_ms = query_int_at(q, 5);
    row->type = (enum event_type)query_int_at(q, 6);
    row->body = query_text_at(q, 7);
    row->body_size = strlen(row->body);
}

int store_events(struct store *s, const struct event_query *query, int (*each)(void *context, const struct event_row *row), void *context,
                 struct error *err)
{
    struct conn *c;
    struct event_row row;
    size_t limit = query->limit ? query->limit : EVENTS_LIMIT, given = 0;
    bool one = query->jobs && query->job_count == 1;
    int rc = reader_take(s, &c, err);
    if (rc < 0) return rc;
    struct query q = query_begin(c, one ? STATEMENT_EVENTS_JOB : STATEMENT_EVENTS_ALL);
    query_int(&q, 1, query->after);
    query_int(&q, 2, query->types ? query->types : (1u << EVENT_TYPES) - 1);
    query_int(&q, 3, query->jobs && !one ? -1 : (int64_t)limit);
    if (one) query_text(&q, 4, query->jobs[0]);
    while (given < limit && (rc = query_step(&q, err)) > 0) {
        row_read(&q, &row);
        if (!job_wanted(query, row.job)) continue;
        given++;
        if (each(context, &row) != 0) break;
    }
    rc = query_end(&q, rc < 0 ? rc : 0, err);
    reader_give(s, c);
    return rc;
}
