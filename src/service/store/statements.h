/* All SQL of the program but two dynamic pieces (the filter of a job list, see list.c, and the jobs of an event query, see event.c) and the
 * connection's pragmas. A row: name, whether a scan of an index or table is what we want, SQL. tests/service/store/statements.c
 * prepares each against the migrated schema and refuses unwanted scans in its EXPLAIN QUERY PLAN. */
#ifndef TRAINYARD_SERVICE_STORE_STATEMENTS_H
#define TRAINYARD_SERVICE_STORE_STATEMENTS_H

#define JOB_NUMBERS \
    "num, id, name, experiment, owner, state, wish, cause, reason, message, priority, slots, created_ms, queued_ms, started_ms, ended_ms, " \
    "changed_ms, not_before_ms, attempt, launches, losses, progress_step, event_id, tail_offset, "
#define JOB_COLUMNS JOB_NUMBERS "labels, spec, latest, evaluated" /* what job_read() reads */
#define JOB_SCALARS JOB_NUMBERS "NULL, NULL, NULL, NULL"          /* the same without JSON */

#define JOB_ACTIVE "state IN ('queued', 'starting', 'running', 'stopping', 'paused')"

/* clang-format off */
#define STATEMENTS(X) \
    X(BEGIN, false, "BEGIN") \
    X(BEGIN_IMMEDIATE, false, "BEGIN IMMEDIATE") \
    X(COMMIT, false, "COMMIT") \
    X(ROLLBACK, false, "ROLLBACK") \
    X(KEY_FIND, false, "SELECT request_hash, job_id FROM idempotency WHERE key = ?1") \
    X(KEY_INSERT, false, "INSERT INTO idempotency (key, request_hash, job_id, created_ms) VALUES (?1, ?2, ?3, ?4)") \
    X(KEY_EXPIRE, false, "DELETE FROM idempotency WHERE created_ms < ?1") \
    X(JOB_INSERT, false, \
      "INSERT INTO job (id, name, experiment, owner, state, reason, message, priority, slots, created_ms, queued_ms, changed_ms, labels, asked, spec, run_spec)" \
      " VALUES (?1, ?2, ?3, ?4, 'queued', ?5, ?6, ?7, ?8, ?9, ?9, ?9, ?10, ?11, ?12, ?13)") \
    X(LABEL_INSERT, false, "INSERT INTO label (job, key, value) VALUES (?1, ?2, ?3)") \
    X(JOB_NUM, false, "SELECT num, state FROM job WHERE id = ?1") \
    X(JOB_GET, false, "SELECT " JOB_COLUMNS ", asked FROM job WHERE id = ?1") \
    X(JOB_ATTEMPT, false, "SELECT attempt FROM job WHERE num = ?1") \
    X(JOB_RUN_SPEC, false, "SELECT run_spec FROM job WHERE id = ?1") \
    X(JOBS_ACTIVE, true, "SELECT " JOB_SCALARS " FROM job WHERE " JOB_ACTIVE " ORDER BY priority DESC, num") \
    X(JOBS_NEXT, true, \
      "SELECT " JOB_SCALARS " FROM job WHERE " JOB_ACTIVE " AND state = 'queued' AND not_before_ms <= ?1 ORDER BY priority DESC, num LIMIT ?2") \
    X(QUEUE_AHEAD, false, \
      "SELECT count(*) FROM job a JOIN job b ON b.id = ?1 WHERE a." JOB_ACTIVE " AND a.state = 'queued' AND a.not_before_ms <= ?2" \
      " AND (a.priority > b.priority OR (a.priority = b.priority AND a.num < b.num))") \
    X(JOB_WISH, false, "UPDATE job SET wish = ?2 WHERE id = ?1 AND state = 'stopping'") \
    X(JOB_MOVE, false, \
      "UPDATE job SET state = ?3, wish = ?4, cause = ?5, reason = ?6, message = ?7, not_before_ms = ?8, changed_ms = ?9," \
      " queued_ms = iif(?3 = 'queued', ?9, queued_ms), started_ms = iif(?3 = 'running' AND started_ms = 0, ?9, started_ms)," \
      " ended_ms = iif(?10, ?9, 0) WHERE num = ?1 AND state = ?2") \
    X(JOB_EVENT, false, "UPDATE job SET event_id = ?2, changed_ms = ?3 WHERE num = ?1") \
    X(JOB_TAIL, false, "UPDATE job SET tail_offset = ?2, attempt = max(attempt, ?3) WHERE num = ?1") \
    X(JOB_LATEST, false, "SELECT latest FROM job WHERE num = ?1") \
    X(JOB_LATEST_SET, false, "UPDATE job SET latest = ?2 WHERE num = ?1") \
    X(JOB_EVALUATED_SET, false, "UPDATE job SET evaluated = ?2 WHERE num = ?1") \
    X(JOB_PROGRESS, false, "UPDATE job SET progress_step = ?2, losses = 0 WHERE num = ?1 AND progress_step < ?2") \
    X(JOB_LOST, false, "UPDATE job SET losses = ?2 WHERE id = ?1") \
    X(JOB_LAUNCH, false, "UPDATE job SET launches = launches + 1 WHERE num = ?1 RETURNING launches") \
    X(JOB_DELETE, false, "DELETE FROM job WHERE num = ?1") \
    X(METRICS_DELETE, false, \
      "DELETE FROM metric WHERE job = ?1 AND (name, step) IN (SELECT name, step FROM metric WHERE job = ?1 LIMIT ?2)") \
    X(EVENTS_DELETE, false, "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE job = ?1 LIMIT ?2)") \
    X(EVENT_INSERT, false, \
      "INSERT INTO event (job, seq, attempt, step, utc_ms, type, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING") \
    X(EVENT_LAST, false, "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0)") \
    X(EVENTS_ALL, false, \
      "SELECT event.id, job.id, seq, event.attempt, step, utc_ms, type, body FROM event JOIN job ON job.num = event.job" \
      " WHERE event.id > ?1 AND (?2 >> type & 1) ORDER BY event.id LIMIT ?3") \
    X(EVENTS_JOB, false, \
      "SELECT id, ?4, seq, attempt, step, utc_ms, type, body FROM event" \
      " WHERE job = (SELECT num FROM job WHERE job.id = ?4) AND id > ?1 AND (?2 >> type & 1) ORDER BY id LIMIT ?3") \
    X(METRIC_NAME, false, "SELECT num FROM metric_name WHERE name = ?1") \
    X(METRIC_NAME_INSERT, false, "INSERT INTO metric_name (name) VALUES (?1)") \
    X(METRIC_INSERT, false, \
      "INSERT INTO metric (job, name, step, attempt, utc_ms, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)" \
      " ON CONFLICT DO UPDATE SET utc_ms = excluded.utc_ms, value = excluded.value") \
    X(METRIC_NAMES, true, \
      "SELECT num, name FROM metric_name WHERE EXISTS (SELECT 1 FROM metric WHERE metric.job = ?1 AND metric.name = metric_name.num) ORDER BY name") \
    X(METRIC_COUNT, false, "SELECT count(DISTINCT step) FROM metric WHERE job = ?1 AND name = ?2 AND step BETWEEN ?3 AND ?4") \
    X(METRIC_POINTS, false, \
      "SELECT step, attempt, utc_ms, value FROM metric WHERE job = ?1 AND name = ?2 AND step BETWEEN ?3 AND ?4 ORDER BY step, attempt") \
    X(CHECKPOINT_PUT, false, \
      "INSERT INTO checkpoint (id, job, path, step, attempt, size_bytes, utc_ms, sha256, best, metrics)" \
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)" \
      " ON CONFLICT (job, path) DO UPDATE SET step = excluded.step, attempt = excluded.attempt, size_bytes = excluded.size_bytes," \
      " utc_ms = excluded.utc_ms, sha256 = excluded.sha256, best = excluded.best, metrics = excluded.metrics") \
    X(CHECKPOINTS, false, \
      "SELECT c.id, ?1, step, c.attempt, size_bytes, utc_ms, sha256, path, best, metrics FROM checkpoint c" \
      " WHERE job = (SELECT num FROM job WHERE job.id = ?1) ORDER BY step, path") \
    X(CHECKPOINT_GET, false, \
      "SELECT c.id, job.id, step, c.attempt, size_bytes, utc_ms, sha256, path, best, metrics FROM checkpoint c JOIN job ON job.num = c.job WHERE c.id = ?1") \
    X(EVALUATION_PUT, false, \
      "INSERT INTO evaluation (job, event, body) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET event = excluded.event, body = excluded.body") \
    X(EVALUATION_GET, false, "SELECT body FROM evaluation WHERE job = (SELECT num FROM job WHERE id = ?1)") \
    X(ATTEMPT_INSERT, false, "INSERT INTO attempt (job, launch, started_ms, log_from) VALUES (?1, ?2, ?3, ?4)") \
    X(ATTEMPT_PID, false, \
      "UPDATE attempt SET pid = ?3, pid_start = ?4 WHERE job = (SELECT num FROM job WHERE id = ?1) AND launch = ?2") \
    X(ATTEMPT_NUMBER, false, \
      "UPDATE attempt SET attempt = ?2 WHERE job = ?1 AND launch = (SELECT launches FROM job WHERE num = ?1) AND attempt < ?2") \
    X(ATTEMPT_END, false, \
      "UPDATE attempt SET ended_ms = ?3, exit_code = ?4, signal = ?5, cause = ?6, message = ?7" \
      " WHERE job = (SELECT num FROM job WHERE id = ?1) AND launch = ?2 AND ended_ms = 0") \
    X(ATTEMPTS, false, \
      "SELECT launch, attempt, pid, pid_start, started_ms, ended_ms, exit_code, signal, cause, message, log_from FROM attempt" \
      " WHERE job = (SELECT num FROM job WHERE id = ?1) ORDER BY launch") \
    X(STATES_COUNT, true, "SELECT state, cause, count(*), min(queued_ms) FROM job GROUP BY state, cause") \
    X(PAGES, false, "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()") \
    X(MIGRATIONS, true, "SELECT number, name, sha256 FROM migration ORDER BY number") \
    X(MIGRATION_INSERT, false, "INSERT INTO migration (number, name, sha256, applied_ms) VALUES (?1, ?2, ?3, ?4)")
/* clang-format on */

enum statement {
#define X(name, scan, sql) STATEMENT_##name,
    STATEMENTS(X)
#undef X
        STATEMENT_COUNT
};

#endif
