/* Checkpoints, the evaluation and attempts of a job: plain rows. */
#include "service/store/internal.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* rows_grow: room for one more of `size` bytes in *items, which holds count; doubles at powers of two. */
static int rows_grow(void **items, size_t count, size_t size, struct error *err)
{
    if (count != 0 && (count & (count - 1)) != 0) return 0;
    return mem_grow(items, count == 0 ? 1 : count * 2, size, err);
}

/* ---- checkpoints ---- */

void checkpoint_close(struct checkpoint *c)
{
    json_decref(c->metrics);
    c->metrics = NULL;
}

void checkpoint_list_close(struct checkpoint_list *list)
{
    for (size_t i = 0; i < list->count; i++) checkpoint_close(&list->items[i]);
    mem_free(list->items);
    memset(list, 0, sizeof *list);
}

static int checkpoint_read(struct query *q, struct checkpoint *out, struct error *err)
{
    struct error why = {0};
    memset(out, 0, sizeof *out);
    str_copy(out->id, sizeof out->id, query_text_at(q, 0));
    str_copy(out->job, sizeof out->job, query_text_at(q, 1));
    out->step = query_int_at(q, 2);
    out->attempt = query_int_at(q, 3);
    out->size_bytes = query_int_at(q, 4);
    out->utc_ms = query_int_at(q, 5);
    str_copy(out->sha256, sizeof out->sha256, query_text_at(q, 6));
    str_copy(out->path, sizeof out->path, query_text_at(q, 7));
    out->best = query_int_at(q, 8) != 0;
    out->metrics = query_json_at(q, 9, &why);
    return why.code == ERROR_NONE ? 0 : error_set(err, why.code, NULL, "%s", why.msg);
}

int store_checkpoints(struct store *s, const char *job, struct checkpoint_list *out, struct error *err)
{
    struct conn *c;
    int64_t num;
    enum job_state state;
    memset(out, 0, sizeof *out);
    int rc = reader_take(s, &c, err);
    if (rc < 0) return rc;
    rc = job_num(c, job, &num, &state, err);
    if (rc == 0) {
        struct query q = query_begin(c, STATEMENT_CHECKPOINTS);
        query_text(&q, 1, job);
        while ((rc = query_step(&q, err)) > 0) {
            if ((rc = rows_grow((void **)&out->items, out->count, sizeof *out->items, err)) < 0) break;
            if ((rc = checkpoint_read(&q, &out->items[out->count], err)) < 0) break;
            out->count++;
        }
        rc = query_end(&q, rc, err);
    }
    reader_give(s, c);
    if (rc < 0) checkpoint_list_close(out);
    return rc;
}

int store_checkpoint_get(struct store *s, const char *id, struct checkpoint *out, struct error *err)
{
    struct conn *c;
    memset(out, 0, sizeof *out);
    int rc = reader_take(s, &c, err);
    if (rc < 0) return rc;
    struct query q = query_begin(c, STATEMENT_CHECKPOINT_GET);
    query_text(&q, 1, id);
    rc = query_step(&q, err);
    if (rc > 0) rc = checkpoint_read(&q, out, err);
    else if (rc == 0) rc = error_set(err, ERROR_NOTFOUND, NULL, "no checkpoint %.64s", id);
    rc = query_end(&q, rc, err);
    reader_give(s, c);
    return rc;
}

/* ---- evaluation ---- */

int store_evaluation(struct store *s, const char *id, json_t **out, struct error *err)
{
    struct conn *c;
    int64_t num;
    enum job_state state;
    struct error why = {0};
    *out = NULL;
    int rc = reader_take(s, &c, err);
    if (rc < 0) return rc;
    rc = job_num(c, id, &num, &state, err);
    if (rc == 0) {
        struct query q = query_begin(c, STATEMENT_EVALUATION_GET);
        query_text(&q, 1, id);
        rc = query_step(&q, err);
        if (rc > 0) {
            rc = 0;
            if (!(*out = query_json_at(&q, 0, &why))) rc = error_set(err, why.code, NULL, "%s", why.msg);
        } else if (rc == 0) rc = error_set(err, ERROR_NOTFOUND, NULL, "job %s has no evaluation yet; it is %s", id, job_state_name(state));
        rc = query_end(&q, rc, err);
    }
    reader_give(s, c);
    return rc;
}

/* ---- attempts ---- */

void attempt_list_close(struct attempt_list *list)
{
    mem_free(list->items);
    memset(list, 0, sizeof *list);
}

static void attempt_read(struct query *q, struct attempt *out)
{
    memset(out, 0, sizeof *out);
    int64_t *const numbers[] = {&out->launch,     &out->attempt,  &out->pid,       &out->pid_start,
                                &out->started_ms, &out->ended_ms, &out->exit_code, &out->signal};
    int column = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) *numbers[i] = query_int_at(q, column++);
    if (!job_cause_parse(query_text_at(q, column++), &out->cause)) out->cause = CAUSE_NONE;
    str_copy(out->message, sizeof out->message, query_text_at(q, column++));
    out->log_from = query_int_at(q, column);
}

int store_attempts(struct store *s, const char *job, struct attempt_list *out, struct error *err)
{
    struct conn *c;
    int64_t num;
    enum job_state state;
    memset(out, 0, sizeof *out);
    int rc = reader_take(s, &c, err);
    if (rc < 0) return rc;
    rc = job_num(c, job, &num, &state, err);
    if (rc == 0) {
        struct query q = query_begin(c, STATEMENT_ATTEMPTS);
        query_text(&q, 1, job);
        while ((rc = query_step(&q, err)) > 0) {
            if ((rc = rows_grow((void **)&out->items, out->count, sizeof *out->items, err)) < 0) break;
            attempt_read(&q, &out->items[out->count++]);
        }
        rc = query_end(&q, rc, err);
    }
    reader_give(s, c);
    if (rc < 0) attempt_list_close(out);
    return rc;
}

int store_attempt_start(struct store *s, const char *job, int64_t log_from, int64_t *launch, struct error *err)
{
    int64_t num;
    enum job_state state;
    int rc = txn_enter(s, err);
    if (rc < 0) return rc;
    rc = job_num(&s->writer, job, &num, &state, err);
    if (rc == 0) {
        struct query q = query_begin(&s->writer, STATEMENT_JOB_LAUNCH);
        query_int(&q, 1, num);
        rc = query_step(&q, err);
        *launch = rc > 0 ? query_int_at(&q, 0) : 0;
        while (rc > 0) rc = query_step(&q, err);
        rc = query_end(&q, rc, err);
    }
    if (rc == 0) {
        struct query q = query_begin(&s->writer, STATEMENT_ATTEMPT_INSERT);
        query_int(&q, 1, num);
        query_int(&q, 2, *launch);
        query_int(&q, 3, world_utc_ms(s->world));
        query_int(&q, 4, log_from);
        rc = query_end_changed(&q, 1, err);
    }
    return txn_leave(s, rc, err);
}

int store_attempt_pid(struct store *s, const char *job, int64_t launch, int64_t pid, int64_t pid_start, struct error *err)
{
    int rc = txn_enter(s, err);
    if (rc < 0) return rc;
    struct query q = query_begin(&s->writer, STATEMENT_ATTEMPT_PID);
    query_text(&q, 1, job);
    query_int(&q, 2, launch);
    query_int(&q, 3, pid);
    query_int(&q, 4, pid_start);
    return txn_leave(s, query_end_changed(&q, 1, err), err);
}

int store_attempt_end(struct store *s, const char *job, const struct attempt *end, struct error *err)
{
    int rc = txn_enter(s, err);
    if (rc < 0) return rc;
    struct query q = query_begin(&s->writer, STATEMENT_ATTEMPT_END);
    query_text(&q, 1, job);
    query_int(&q, 2, end->launch);
    query_int(&q, 3, world_utc_ms(s->world));
    query_int(&q, 4, end->exit_code);
    query_int(&q, 5, end->signal);
    query_text(&q, 6, job_cause_name(end->cause));
    query_text(&q, 7, end->message);
    return txn_leave(s, query_end_done(&q, err), err);
}
