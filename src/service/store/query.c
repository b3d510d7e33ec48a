/* The query helper; see query.h. The only caller of sqlite3_prepare, bind and step. */
#include "service/store/query.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { BUSY_WAIT_MS = 10000 };

const struct statement_row statement_rows[STATEMENT_COUNT] = {
#define X(name, scan, sql) [STATEMENT_##name] = {#name, sql, scan},
    STATEMENTS(X)
#undef X
};

int conn_error(struct conn *c, int rc, const char *what, struct error *err)
{
    const char *why = c->db ? sqlite3_errmsg(c->db) : sqlite3_errstr(rc);
    int os = c->db ? sqlite3_system_errno(c->db) : 0;
    switch (rc & 0xff) {
    case SQLITE_FULL: return error_set(err, ERROR_NOSPACE, NULL, "database, %s: the disk is full; free space in the state directory", what);
    case SQLITE_NOMEM: return error_set(err, ERROR_NOMEM, NULL, "database, %s: out of memory", what);
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return error_set(err, ERROR_UNAVAILABLE, NULL, "database, %s: busy for %d s; try again", what, BUSY_WAIT_MS / 1000);
    case SQLITE_IOERR:
        if (os == ENOSPC || os == EDQUOT) return error_set(err, ERROR_NOSPACE, NULL, "database, %s: the disk is full", what);
        return error_set(err, ERROR_IO, NULL, "database, %s: %s (%s)", what, why, os ? strerror(os) : "input or output failed");
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM: return error_set(err, ERROR_IO, NULL, "database, %s: %s; check the permissions of the state directory", what, why);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return error_set(err, ERROR_INTERNAL, NULL, "database, %s: %s; restore the state directory from a backup", what, why);
    default: return error_set(err, ERROR_INTERNAL, NULL, "database, %s: %s", what, why);
    }
}

int conn_run(struct conn *c, const char *sql, struct error *err)
{
    int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : conn_error(c, rc, "setting up", err);
}

/* auto_vacuum must be chosen before the first table; on an older file the pragma does nothing. */
static const char writer_pragmas[] =
    "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
    "PRAGMA journal_size_limit = 67108864; PRAGMA trusted_schema = OFF";
static const char reader_pragmas[] = "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF";

int conn_open(struct conn *c, const char *path, bool writer, struct error *err)
{
    memset(c, 0, sizeof *c);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | (writer ? SQLITE_OPEN_CREATE : 0);
    int rc = sqlite3_open_v2(path, &c->db, flags, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_busy_timeout(c->db, BUSY_WAIT_MS);
    int failed = rc == SQLITE_OK ? conn_run(c, writer ? writer_pragmas : reader_pragmas, err) : conn_error(c, rc, "opening", err);
    if (failed < 0) {
        conn_close(c);
        return error_wrap(err, "%s", path);
    }
    return 0;
}

void conn_close(struct conn *c)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++) sqlite3_finalize(c->kept[i]);
    sqlite3_close(c->db);
    memset(c, 0, sizeof *c);
}

struct query query_begin(struct conn *c, enum statement which)
{
    struct query q = {.conn = c, .name = statement_rows[which].name, .rc = SQLITE_OK, .kept = true};
    if (!c->kept[which]) q.rc = sqlite3_prepare_v3(c->db, statement_rows[which].sql, -1, SQLITE_PREPARE_PERSISTENT, &c->kept[which], NULL);
    q.stmt = c->kept[which];
    return q;
}

struct query query_begin_text(struct conn *c, const char *name, const char *sql)
{
    struct query q = {.conn = c, .name = name, .kept = false};
    q.rc = sqlite3_prepare_v2(c->db, sql, -1, &q.stmt, NULL);
    return q;
}

void query_int(struct query *q, int at, int64_t value)
{
    if (q->rc == SQLITE_OK) q->rc = sqlite3_bind_int64(q->stmt, at, value);
}

void query_real(struct query *q, int at, double value)
{
    if (q->rc == SQLITE_OK) q->rc = isnan(value) ? sqlite3_bind_null(q->stmt, at) : sqlite3_bind_double(q->stmt, at, value);
}

void query_text(struct query *q, int at, const char *text)
{
    if (q->rc == SQLITE_OK) q->rc = text ? sqlite3_bind_text(q->stmt, at, text, -1, SQLITE_STATIC) : sqlite3_bind_null(q->stmt, at);
}

int query_step(struct query *q, struct error *err)
{
    if (q->rc == SQLITE_OK || q->rc == SQLITE_ROW) q->rc = sqlite3_step(q->stmt);
    if (q->rc == SQLITE_ROW) return 1;
    return q->rc == SQLITE_DONE ? 0 : conn_error(q->conn, q->rc, q->name, err);
}

int64_t query_int_at(struct query *q, int column) { return sqlite3_column_int64(q->stmt, column); }

double query_real_at(struct query *q, int column)
{
    return sqlite3_column_type(q->stmt, column) == SQLITE_NULL ? NAN : sqlite3_column_double(q->stmt, column);
}

const char *query_text_at(struct query *q, int column)
{
    const char *text = (const char *)sqlite3_column_text(q->stmt, column);
    return text ? text : "";
}

json_t *query_json_at(struct query *q, int column, struct error *err)
{
    if (sqlite3_column_type(q->stmt, column) == SQLITE_NULL) return NULL;
    const char *text = query_text_at(q, column);
    struct error why = {0};
    json_t *value = json_read(text, strlen(text), q->name, &why);
    if (!value) error_set(err, why.code == ERROR_NOMEM ? ERROR_NOMEM : ERROR_INTERNAL, NULL, "database, %s", why.msg);
    return value;
}

int query_end(struct query *q, int rc, struct error *err)
{
    if (rc == 0 && q->rc != SQLITE_OK && q->rc != SQLITE_ROW && q->rc != SQLITE_DONE) rc = conn_error(q->conn, q->rc, q->name, err);
    if (q->kept && q->stmt) sqlite3_reset(q->stmt), sqlite3_clear_bindings(q->stmt);
    else sqlite3_finalize(q->stmt);
    q->stmt = NULL;
    return rc;
}

int query_end_done(struct query *q, struct error *err)
{
    int rc;
    while ((rc = query_step(q, err)) > 0) continue;
    return query_end(q, rc, err);
}

int query_end_changed(struct query *q, int64_t want, struct error *err)
{
    struct conn *c = q->conn;
    const char *name = q->name;
    int rc = query_end_done(q, err);
    if (rc == 0 && sqlite3_changes64(c->db) != want)
        return error_set(err, ERROR_CONFLICT, NULL, "database, %s: changed %lld rows, want %lld", name, (long long)sqlite3_changes64(c->db),
                         (long long)want);
    return rc;
}
