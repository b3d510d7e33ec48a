/* Migrations: the embedded files migrations/NNNN_name.sql, applied in order, each in one transaction with its row in `migration`.
 * A file that was applied may never change (its digest is kept), and a database of a newer program is refused, not guessed at. */
#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/store/internal.h"

static const char migration_table[] = "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL,"
                                      " applied_ms INTEGER NOT NULL) STRICT";

static void file_digest(const struct embedded *file, char hex[SHA256_HEX])
{
    uint8_t digest[SHA256_SIZE];
    sha256_of(file->data, (size_t)(file->end - file->data), digest);
    hex_encode(digest, sizeof digest, hex);
}

/* Compares what was applied with what we have; *count: files already applied. */
static int migrations_match(struct conn *c, size_t *count, struct error *err)
{
    int rc;
    size_t n = 0;
    char hex[SHA256_HEX];
    struct query q = query_begin(c, STATEMENT_MIGRATIONS);
    while ((rc = query_step(&q, err)) > 0) {
        const struct embedded *file = &embedded_migrations[n];
        const char *name = query_text_at(&q, 1);
        if (!file->name) {
            rc = error_set(err, ERROR_INTERNAL, NULL, "the database was made by a newer trainyard (it has migration %s); use that program", name);
            break;
        }
        file_digest(file, hex);
        if (strcmp(name, file->name) != 0 || strcmp(query_text_at(&q, 2), hex) != 0) {
            rc = error_set(err, ERROR_INTERNAL, NULL,
                           "migration %s of the database is not the one this program has (%s); use the program that made it", name, file->name);
            break;
        }
        n++;
    }
    *count = n;
    return query_end(&q, rc, err);
}

static int migration_apply(struct conn *c, const struct world *w, const struct embedded *file, struct error *err)
{
    char hex[SHA256_HEX];
    file_digest(file, hex);
    int rc = conn_run(c, "BEGIN IMMEDIATE", err);
    if (rc < 0) return rc;
    rc = conn_run(c, (const char *)file->data, err); /* a NUL follows the file's last byte */
    if (rc == 0) {
        struct query q = query_begin(c, STATEMENT_MIGRATION_INSERT);
        query_int(&q, 1, strtol(file->name, NULL, 10));
        query_text(&q, 2, file->name);
        query_text(&q, 3, hex);
        query_int(&q, 4, world_utc_ms(w));
        rc = query_end_changed(&q, 1, err);
    }
    if (rc == 0) rc = conn_run(c, "COMMIT", err);
    if (rc < 0) conn_run(c, "ROLLBACK", NULL);
    else log_info("database: applied migration %s", file->name);
    return rc < 0 ? error_wrap(err, "migration %s", file->name) : 0;
}

int store_migrate(struct conn *c, const struct world *w, struct error *err)
{
    size_t applied = 0;
    int rc = conn_run(c, migration_table, err);
    if (rc == 0) rc = migrations_match(c, &applied, err);
    for (const struct embedded *file = embedded_migrations + applied; rc == 0 && file->name; file++) rc = migration_apply(c, w, file, err);
    return rc;
}
