/* Job rows: accept, read, move between states, delete. */
#include "service/store/internal.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { DELETE_CHUNK = 20000 };

void job_close(struct job *job)
{
    json_decref(job->labels);
    json_decref(job->asked);
    json_decref(job->spec);
    json_decref(job->latest);
    json_decref(job->evaluated);
    job->labels = job->asked = job->spec = job->latest = job->evaluated = NULL;
}

int job_num(struct conn *c, const char *id, int64_t *num, enum job_state *state, struct error *err)
{
    struct query q = query_begin(c, STATEMENT_JOB_NUM);
    query_text(&q, 1, id);
    int rc = query_step(&q, err);
    if (rc > 0) {
        *num = query_int_at(&q, 0);
        if (!job_state_parse(query_text_at(&q, 1), state)) rc = error_set(err, ERROR_INTERNAL, NULL, "database: job %s has an unknown state", id);
    } else if (rc == 0) rc = error_set(err, ERROR_NOTFOUND, NULL, "no job %.64s", id);
    return query_end(&q, rc < 0 ? rc : 0, err);
}

int job_read(struct query *q, struct job *job, int64_t *num, struct error *err)
{
    struct error why = {0};
    int c = 0;
    memset(job, 0, sizeof *job);
    int64_t row = query_int_at(q, c++);
    if (num) *num = row;
    str_copy(job->id, sizeof job->id, query_text_at(q, c++));
    str_copy(job->name, sizeof job->name, query_text_at(q, c++));
    str_copy(job->experiment, sizeof job->experiment, query_text_at(q, c++));
    str_copy(job->owner, sizeof job->owner, query_text_at(q, c++));
    if (!job_state_parse(query_text_at(q, c++), &job->state)) error_set(&why, ERROR_INTERNAL, NULL, "database: job %s has an unknown state", job->id);
    job->wish = (enum job_wish)query_int_at(q, c++);
    if (!job_cause_parse(query_text_at(q, c++), &job->cause)) job->cause = CAUSE_NONE;
    str_copy(job->reason, sizeof job->reason, query_text_at(q, c++));
    str_copy(job->message, sizeof job->message, query_text_at(q, c++));
    int64_t *const numbers[] = {&job->priority, &job->slots,         &job->created_ms,    &job->queued_ms,  &job->started_ms,
                                &job->ended_ms, &job->changed_ms,    &job->not_before_ms, &job->attempt,    &job->launches,
                                &job->losses,   &job->progress_step, &job->event_id,      &job->tail_offset};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) *numbers[i] = query_int_at(q, c++);
    json_t **const values[] = {&job->labels, &job->spec, &job->latest, &job->evaluated};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) *values[i] = query_json_at(q, c++, &why);
    if (why.code == ERROR_NONE) return 0;
    job_close(job);
    return error_set(err, why.code, NULL, "%s", why.msg);
}

/* ---- accepting ---- */

static int key_find(struct conn *c, const char *key, const char *hash, char existing[ID_SIZE], struct error *err)
{
    existing[0] = 0;
    struct query q = query_begin(c, STATEMENT_KEY_FIND);
    query_text(&q, 1, key);
    int rc = query_step(&q, err);
    if (rc > 0 && strcmp(query_text_at(&q, 0), hash) != 0)
        rc = error_set(err, ERROR_CONFLICT, NULL, "this Idempotency-Key was used with another request, which made %s; use a new key",
                       query_text_at(&q, 1));
    else if (rc > 0) str_copy(existing, ID_SIZE, query_text_at(&q, 1));
    return query_end(&q, rc < 0 ? rc : 0, err);
}

int store_key_find(struct store *s, const char *key, const char *request_hash, char existing[ID_SIZE], struct error *err)
{
    struct conn *c;
    int rc = reader_take(s, &c, err);
    if (rc < 0) return rc;
    rc = key_find(c, key, request_hash, existing, err);
    reader_give(s, c);
    return rc;
}

static int key_insert(struct store *s, const struct job_new *job, struct error *err)
{
    struct query q = query_begin(&s->writer, STATEMENT_KEY_INSERT);
    query_text(&q, 1, job->idempotency_key);
    query_text(&q, 2, job->request_hash);
    query_text(&q, 3, job->id);
    query_int(&q, 4, world_utc_ms(s->world));
    return query_end_changed(&q, 1, err);
}

int store_keys_expire(struct store *s, int64_t before_ms, struct error *err)
{
    int rc = txn_enter(s, err);
    if (rc < 0) return rc;
    struct query q = query_begin(&s->writer, STATEMENT_KEY_EXPIRE);
    query_int(&q, 1, before_ms);
    return txn_leave(s, query_end_done(&q, err), err);
}

static int labels_insert(struct store *s, int64_t num, const json_t *labels, struct error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)labels, key, value) {
        struct query q = query_begin(&s->writer, STATEMENT_LABEL_INSERT);
        query_int(&q, 1, num);
        query_text(&q, 2, key);
        query_text(&q, 3, json_string_value(value));
        int rc = query_end_changed(&q, 1, err);
        if (rc < 0) return rc;
    }
    return 0;
}

static int job_state_event(struct store *s, const char *id, int64_t num, const struct job_move *move, const char *from, int64_t attempt,
                           struct error *err)
{
    int64_t event, now = world_utc_ms(s->world);
    char at[TIME_TEXT_SIZE];
    time_text(now, at);
    json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:I}", "t", at, "type", "state", "state", job_state_name(move->to), "reason", move->reason,
                             "message", move->message[0] ? move->message : NULL, "attempt", (json_int_t)attempt);
    if (!body || (from && json_object_set_new(body, "from", json_string(from)) < 0) ||
        (move->cause != CAUSE_NONE && (json_object_set_new(body, "cause", json_string(job_cause_name(move->cause))) < 0 ||
                                       json_object_set_new(body, "retryable", json_boolean(job_cause_retryable(move->cause))) < 0))) {
        json_decref(body);
        return error_set(err, ERROR_NOMEM, NULL, "cannot build a state event (or its text is not UTF-8)");
    }
    struct event_new row = {.job = num, .attempt = attempt, .utc_ms = now, .type = EVENT_STATE, .body = body};
    int rc = event_insert(s, id, &row, &event, err);
    json_decref(body);
    return rc;
}

static int job_row_insert(struct store *s, const struct job_new *job, const char *reason, const char *message, int64_t *num, struct error *err)
{
    const json_t *const values[] = {job->labels, job->asked, job->spec, job->run_spec};
    struct bytes texts[4];
    int rc = 0;
    for (size_t i = 0; i < 4; i++) bytes_init(&texts[i], 8 << 20);
    for (size_t i = 0; rc == 0 && i < 4; i++) rc = json_write(values[i], &texts[i], err);
    if (rc == 0) {
        struct query q = query_begin(&s->writer, STATEMENT_JOB_INSERT);
        const char *const head[] = {job->id, job->name, job->experiment, job->owner, reason, message};
        for (int i = 0; i < 6; i++) query_text(&q, i + 1, head[i]);
        query_int(&q, 7, job->priority);
        query_int(&q, 8, job->slots);
        query_int(&q, 9, world_utc_ms(s->world));
        for (int i = 0; i < 4; i++) query_text(&q, i + 10, bytes_text(&texts[i]));
        rc = query_end_changed(&q, 1, err);
        *num = sqlite3_last_insert_rowid(s->writer.db);
    }
    for (size_t i = 0; i < 4; i++) bytes_close(&texts[i]);
    return rc;
}

int store_job_insert(struct store *s, const struct job_new *job, char existing[ID_SIZE], struct error *err)
{
    static const struct job_move accepted = {.to = JOB_QUEUED, .reason = "submitted", .message = ""};
    int64_t num = 0;
    existing[0] = 0;
    int rc = txn_enter(s, err);
    if (rc < 0) return rc;
    if (job->idempotency_key) rc = key_find(&s->writer, job->idempotency_key, job->request_hash, existing, err);
    if (rc < 0 || existing[0]) return txn_leave(s, rc, err);
    rc = job_row_insert(s, job, accepted.reason, accepted.message, &num, err);
    if (rc == 0 && job->idempotency_key) rc = key_insert(s, job, err);
    if (rc == 0) rc = labels_insert(s, num, job->labels, err);
    if (rc == 0) rc = job_state_event(s, job->id, num, &accepted, NULL, 0, err);
    return txn_leave(s, rc, err);
}

/* ---- reading ---- */

int store_job_get(struct store *s, const char *id, struct job *out, struct error *err)
{
    struct conn *c;
    memset(out, 0, sizeof *out);
    int rc = reader_take(s, &c, err);
    if (rc < 0) return rc;
    struct query q = query_begin(c, STATEMENT_JOB_GET);
    query_text(&q, 1, id);
    rc = query_step(&q, err);
    if (rc > 0) {
        rc = job_read(&q, out, NULL, err);
        struct error why = {0};
        if (rc == 0) out->asked = query_json_at(&q, 28, &why); /* after JOB_COLUMNS */
        if (why.code != ERROR_NONE) {
            job_close(out);
            rc = error_set(err, why.code, NULL, "%s", why.msg);
        }
    } else if (rc == 0) rc = error_set(err, ERROR_NOTFOUND, NULL, "no job %.64s", id);
    rc = query_end(&q, rc, err);
    reader_give(s, c);
    return rc;
}

int store_job_run_spec(struct store *s, const char *id, json_t **out, struct error *err)
{
    struct conn *c;
    struct error why = {0};
    *out = NULL;
    int rc = reader_take(s, &c, err);
    if (rc < 0) return rc;
    struct query q = query_begin(c, STATEMENT_JOB_RUN_SPEC);
    query_text(&q, 1, id);
    rc = query_step(&q, err);
    if (rc > 0) {
        rc = 0;
        if (!(*out = query_json_at(&q, 0, &why))) rc = error_set(err, why.code, NULL, "%s", why.msg);
    } else if (rc == 0) rc = error_set(err, ERROR_NOTFOUND, NULL, "no job %.64s", id);
    rc = query_end(&q, rc, err);
    reader_give(s, c);
    return rc;
}

/* All rows of q, which is released, into out. */
static int jobs_read(struct query *q, struct job_list *out, struct error *err)
{
    size_t capacity = 0;
    int rc;
    while ((rc = query_step(q, err)) > 0) {
        if (out->count == capacity) {
            capacity = capacity ? capacity * 2 : 16;
            if ((rc = mem_grow((void **)&out->items, capacity, sizeof *out->items, err)) < 0) break;
        }
        if ((rc = job_read(q, &out->items[out->count], NULL, err)) < 0) break;
        out->count++;
    }
    rc = query_end(q, rc, err);
    if (rc < 0) job_list_close(out);
    return rc;
}

int store_jobs_active(struct store *s, struct job_list *out, struct error *err)
{
    struct conn *c;
    memset(out, 0, sizeof *out);
    int rc = reader_take(s, &c, err);
    if (rc < 0) return rc;
    struct query q = query_begin(c, STATEMENT_JOBS_ACTIVE);
    rc = jobs_read(&q, out, err);
    reader_give(s, c);
    return rc;
}

int store_jobs_next(struct store *s, int64_t now_ms, size_t limit, struct job_list *out, struct error *err)
{
    struct conn *c;
    memset(out, 0, sizeof *out);
    int rc = reader_take(s, &c, err);
    if (rc < 0) return rc;
    struct query q = query_begin(c, STATEMENT_JOBS_NEXT);
    query_int(&q, 1, now_ms);
    query_int(&q, 2, (int64_t)limit);
    rc = jobs_read(&q, out, err);
    reader_give(s, c);
    return rc;
}

int store_queue_ahead(struct store *s, const char *id, int64_t now_ms, int64_t *ahead, char first[ID_SIZE], struct error *err)
{
    struct conn *c;
    struct job job;
    *ahead = 0;
    first[0] = 0;
    int rc = reader_take(s, &c, err);
    if (rc < 0) return rc;
    struct query q = query_begin(c, STATEMENT_QUEUE_AHEAD);
    query_text(&q, 1, id);
    query_int(&q, 2, now_ms);
    rc = query_step(&q, err);
    if (rc > 0) *ahead = query_int_at(&q, 0);
    rc = query_end(&q, rc < 0 ? rc : 0, err);
    if (rc == 0 && *ahead > 0) {
        q = query_begin(c, STATEMENT_JOBS_NEXT);
        query_int(&q, 1, now_ms);
        query_int(&q, 2, 1);
        rc = query_step(&q, err);
        if (rc > 0 && (rc = job_read(&q, &job, NULL, err)) == 0) str_copy(first, ID_SIZE, job.id);
        rc = query_end(&q, rc, err);
    }
    reader_give(s, c);
    return rc;
}

void job_list_close(struct job_list *list)
{
    for (size_t i = 0; i < list->count; i++) job_close(&list->items[i]);
    mem_free(list->items);
    memset(list, 0, sizeof *list);
}

/* ---- moving ---- */

int job_move_row(struct store *s, const char *id, int64_t num, const struct job_move *move, int64_t now_ms, struct error *err)
{
    char moves[128];
    if (!job_state_may(move->from, move->to))
        return error_set(err, ERROR_CONFLICT, NULL, "job %s is %s; from there it can become %s", id, job_state_name(move->from),
                         job_state_moves(move->from, moves, sizeof moves));
    struct query q = query_begin(&s->writer, STATEMENT_JOB_MOVE);
    query_int(&q, 1, num);
    query_text(&q, 2, job_state_name(move->from));
    query_text(&q, 3, job_state_name(move->to));
    query_int(&q, 4, move->wish);
    query_text(&q, 5, job_cause_name(move->cause));
    query_text(&q, 6, move->reason);
    query_text(&q, 7, move->message);
    query_int(&q, 8, move->not_before_ms);
    query_int(&q, 9, now_ms);
    query_int(&q, 10, job_state_final(move->to));
    return query_end_changed(&q, 1, err);
}

int store_job_move(struct store *s, const char *id, const struct job_move *move, struct error *err)
{
    int64_t num = 0;
    enum job_state now = JOB_STATES;
    int rc = txn_enter(s, err);
    if (rc < 0) return rc;
    rc = job_num(&s->writer, id, &num, &now, err);
    if (rc == 0 && now != move->from)
        rc = error_set(err, ERROR_CONFLICT, NULL, "job %s is %s now, no longer %s", id, job_state_name(now), job_state_name(move->from));
    if (rc == 0) rc = job_move_row(s, id, num, move, world_utc_ms(s->world), err);
    if (rc == 0) {
        struct query q = query_begin(&s->writer, STATEMENT_JOB_ATTEMPT);
        query_int(&q, 1, num);
        rc = query_step(&q, err);
        int64_t attempt = rc > 0 ? query_int_at(&q, 0) : 0;
        rc = query_end(&q, rc < 0 ? rc : 0, err);
        if (rc == 0) rc = job_state_event(s, id, num, move, job_state_name(move->from), attempt, err);
    }
    return txn_leave(s, rc, err);
}

int store_job_lost(struct store *s, const char *id, int64_t losses, struct error *err)
{
    int rc = txn_enter(s, err);
    if (rc < 0) return rc;
    struct query q = query_begin(&s->writer, STATEMENT_JOB_LOST);
    query_text(&q, 1, id);
    query_int(&q, 2, losses);
    return txn_leave(s, query_end_changed(&q, 1, err), err);
}

int store_job_wish(struct store *s, const char *id, enum job_wish wish, struct error *err)
{
    int rc = txn_enter(s, err);
    if (rc < 0) return rc;
    struct query q = query_begin(&s->writer, STATEMENT_JOB_WISH);
    query_text(&q, 1, id);
    query_int(&q, 2, wish);
    return txn_leave(s, query_end_changed(&q, 1, err), err);
}

/* ---- deleting ---- */

/* One transaction a chunk, so that a job with millions of rows does not hold the writer for seconds. *more: there may be some left. */
static int delete_chunk(struct store *s, enum statement which, int64_t num, bool *more, struct error *err)
{
    int rc = txn_enter(s, err);
    if (rc < 0) return rc;
    struct query q = query_begin(&s->writer, which);
    query_int(&q, 1, num);
    query_int(&q, 2, DELETE_CHUNK);
    rc = query_end_done(&q, err);
    *more = rc == 0 && sqlite3_changes64(s->writer.db) > 0;
    return txn_leave(s, rc, err);
}

static int delete_check(struct store *s, const char *id, int64_t *num, struct error *err)
{
    enum job_state state = JOB_STATES;
    int rc = txn_enter(s, err);
    if (rc < 0) return rc;
    rc = job_num(&s->writer, id, num, &state, err);
    if (rc == 0 && !job_state_final(state))
        rc = error_set(err, ERROR_CONFLICT, NULL, "job %s is %s; only a job that has ended can be deleted: cancel it first", id,
                       job_state_name(state));
    return txn_leave(s, rc, err);
}

int store_job_delete(struct store *s, const char *id, struct error *err)
{
    static const enum statement chunks[] = {STATEMENT_METRICS_DELETE, STATEMENT_EVENTS_DELETE};
    int64_t num = 0;
    int rc = delete_check(s, id, &num, err);
    for (size_t i = 0; rc == 0 && i < sizeof chunks / sizeof *chunks; i++)
        for (bool more = true; rc == 0 && more;) rc = delete_chunk(s, chunks[i], num, &more, err);
    if (rc == 0) rc = txn_enter(s, err);
    if (rc < 0) return rc;
    struct query q = query_begin(&s->writer, STATEMENT_JOB_DELETE);
    query_int(&q, 1, num);
    rc = query_end_done(&q, err);
    if (rc == 0) rc = conn_run(&s->writer, "PRAGMA incremental_vacuum(1000)", err);
    return txn_leave(s, rc, err);
}
