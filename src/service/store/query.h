/* One connection and the small helper that all statements go through.
 *
 *   struct query q = query_begin(c, STATEMENT_JOB_DELETE);
 *   query_int(&q, 1, num);
 *   return query_end_changed(&q, 1, err);
 *
 * A failed prepare or bind waits in q until the step or the end: the first failure wins. Prepared statements are kept with the
 * connection. Texts are borrowed until query_end...(): they must live that long. */
#ifndef TRAINYARD_SERVICE_STORE_QUERY_H
#define TRAINYARD_SERVICE_STORE_QUERY_H

#include <sqlite3.h>

#include "base/json.h"
#include "service/store/statements.h"

struct conn {
    sqlite3 *db;
    sqlite3_stmt *kept[STATEMENT_COUNT];
};

struct statement_row {
    const char *name, *sql;
    bool scan_wanted;
};
extern const struct statement_row statement_rows[STATEMENT_COUNT];

int conn_open(struct conn *c, const char *path, bool writer, struct error *err); /* if it fails there is nothing to close */
void conn_close(struct conn *c);
int conn_run(struct conn *c, const char *sql, struct error *err);            /* several statements without results: pragmas, migrations */
int conn_error(struct conn *c, int rc, const char *what, struct error *err); /* a SQLite code as ours: FULL -> NOSPACE, ... */

struct query {
    struct conn *conn;
    sqlite3_stmt *stmt;
    const char *name;
    int rc;
    bool kept; /* else finalised at the end */
};

struct query query_begin(struct conn *c, enum statement which);
struct query query_begin_text(struct conn *c, const char *name, const char *sql); /* dynamic SQL; not kept */
void query_int(struct query *q, int at, int64_t value);
void query_real(struct query *q, int at, double value);     /* NaN is NULL */
void query_text(struct query *q, int at, const char *text); /* NULL is NULL */

int query_step(struct query *q, struct error *err); /* 1: a row, 0: done, else a negative code */
int64_t query_int_at(struct query *q, int column);
double query_real_at(struct query *q, int column);      /* NULL is NaN */
const char *query_text_at(struct query *q, int column); /* NULL is ""; until the next step */
json_t *query_json_at(struct query *q, int column,
                      struct error *err); /* new reference; NULL for NULL, or with ERROR_INTERNAL in err for damaged JSON */

int query_end(struct query *q, int rc, struct error *err);               /* releases; returns rc, or q's own failure when rc is 0 */
int query_end_done(struct query *q, struct error *err);                  /* runs to the end and releases */
int query_end_changed(struct query *q, int64_t want, struct error *err); /* the same; ERROR_CONFLICT when it did not change `want` rows */

#endif
