/* What callers ask for: checking and accepting a job, wishes, deletion, and why a job waits. Runs on the caller's thread. */
#include "service/sched/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "contract/spec.h"
#include "service/sched/remotes.h"
#include "service/sched/roots.h"

#define DELETED_PREFIX ".deleted-"
enum { WISH_TRIES = 8 };

/* ---- accepting ---- */

/* The slots of a job: its workers, `auto` as many as are useful, never more than there are. */
static int64_t slots_of(const struct sched *s, const struct spec *spec)
{
    int64_t workers = spec->train.workers > 0 ? spec->train.workers : s->cores;
    if (workers > spec->train.shards) workers = spec->train.shards;
    if (workers > s->config.slots) workers = s->config.slots;
    return workers < 1 ? 1 : workers;
}

/* The files of one place where the spec names data, as absolute paths, into run_spec. */
static int place_resolve(struct sched *s, struct spec *spec, const struct spec_place *place, const json_t *body, json_t *resolved, json_t *run_spec,
                         struct faults *faults, struct error *err)
{
    bool parent = strcmp(place->object, "warm_start") == 0;
    bool many = json_is_array(json_object_get(json_object_get(body, place->object), place->key));
    const struct spec_uris *uris = spec_place_uris(spec, place);
    json_t *paths = json_array();
    int rc = paths ? 0 : error_set(err, ERROR_NOMEM, NULL, "resolving the data");
    for (size_t i = 0; rc == 0 && i < uris->count; i++) {
        char pointer[64];
        snprintf(pointer, sizeof pointer, "/%s/%s", place->object, place->key);
        if (many) snprintf(pointer, sizeof pointer, "/%s/%s/%zu", place->object, place->key, i);
        const char *uri = uris->list[i];
        if (parent && parent_has_id(spec)) rc = parent_resolve(s, spec, paths, resolved, run_spec, faults, err);
        else if (remotes_is(uri)) rc = remotes_resolve(s->config.sources, uri, paths, pointer, faults, err);
        else rc = roots_resolve(s->config.data_roots, uri, paths, pointer, faults, err);
    }
    if (rc == 0 && parent && uris->count > 0 && json_array_size(paths) > 1)
        faults_add(faults, "/warm_start/checkpoint", "must be one file, and \"%.200s\" is a folder", uris->list[0]);
    if (rc == 0 && uris->count > 0 && json_object_set(json_object_get(run_spec, place->object), place->key, paths) < 0)
        rc = error_set(err, ERROR_NOMEM, NULL, "cannot build the spec of the run");
    json_decref(paths);
    return rc;
}

struct schema_files {
    const struct sched *sched;
    struct faults *faults;
};

/* A file that the schema names must lie below a data root, as the data must; absolute, since a run has its own folder. */
static int schema_file(void *context, const char *path, struct error *err)
{
    struct schema_files *f = context;
    const char *pointer = "/dataset/schema";
    char shown[300];
    str_shown(shown, sizeof shown, path, strlen(path), 200);
    if (*path != '/' || strpbrk(path, "*?[")) {
        faults_add(f->faults, pointer, "names the file \"%s\"; under a server it must be an absolute path below a data root, without *, ? or [",
                   shown);
        return 0;
    }
    json_t *found = json_array();
    int rc = found ? roots_resolve(f->sched->config.data_roots, path, found, pointer, f->faults, err)
                   : error_set(err, ERROR_NOMEM, NULL, "resolving the data");
    json_decref(found);
    return rc;
}

static int schema_check(struct sched *s, const struct spec *spec, struct faults *faults, struct error *err)
{
    const struct registry *registry = s->config.registry;
    const struct spec_kind *format = &spec->chosen[SECTION_FORMAT];
    struct schema_files files = {s, faults};
    if (!registry->dataset_files || !format->params) return 0;
    return registry->dataset_files(format->kind, format->params, schema_file, &files, err);
}

/* The resolved spec as the user sees it, and as the run gets it: the same with the files' absolute paths. */
static int specs_make(struct sched *s, struct spec *spec, const json_t *body, json_t **resolved, json_t **run_spec, struct faults *faults,
                      struct error *err)
{
    int rc = 0;
    *run_spec = NULL;
    if (!(*resolved = spec_write(spec, err))) return -ERROR_NOMEM;
    if (!(*run_spec = json_deep_copy(*resolved))) rc = error_set(err, ERROR_NOMEM, NULL, "cannot build the spec of the run");
    for (const struct spec_place *place = spec_places; rc == 0 && place->object; place++)
        rc = place_resolve(s, spec, place, body, *resolved, *run_spec, faults, err);
    if (rc == 0 && faults->count > 0) rc = faults_error(faults, err);
    if (rc == 0) return 0;
    json_decref(*resolved);
    json_decref(*run_spec);
    *resolved = *run_spec = NULL;
    return rc;
}

/* The run reads its spec under the same limit as everybody; many files with long names can make it longer than the request was. */
static int size_check(const json_t *spec, json_t **resolved, json_t **run_spec, struct faults *faults, struct error *err)
{
    struct bytes text;
    bytes_init(&text, SPEC_MAX_BYTES - 1);
    int rc = json_write_pretty(spec, &text, NULL);
    bytes_close(&text);
    if (rc == 0) return 0;
    json_decref(*resolved);
    json_decref(*run_spec);
    *resolved = *run_spec = NULL;
    if (rc != -ERROR_TOOLARGE) return error_set(err, ERROR_NOMEM, NULL, "measuring the spec of the run");
    faults_add(faults, "/dataset/uri", "names so many files that their paths exceed %d bytes; put them into fewer files", SPEC_MAX_BYTES);
    return faults_error(faults, err);
}

/* spec (spec_close), *resolved and *run_spec (json_decref) on success. */
static int check(struct sched *s, const json_t *body, struct spec *spec, json_t **resolved, json_t **run_spec, struct faults *faults,
                 struct error *err)
{
    *resolved = *run_spec = NULL;
    int rc = spec_read(spec, body, s->config.registry, faults, err);
    if (rc < 0) return rc;
    rc = schema_check(s, spec, faults, err);
    if (rc == 0) rc = specs_make(s, spec, body, resolved, run_spec, faults, err);
    if (rc == 0) rc = size_check(*run_spec, resolved, run_spec, faults, err);
    if (rc < 0) spec_close(spec);
    return rc;
}

int sched_check(struct sched *s, const json_t *body, json_t **resolved, struct faults *faults, struct error *err)
{
    struct spec spec;
    json_t *run_spec;
    int rc = check(s, body, &spec, resolved, &run_spec, faults, err);
    if (rc < 0) return rc;
    json_decref(run_spec);
    spec_close(&spec);
    return 0;
}

static int disk_check(struct sched *s, struct error *err)
{
    char free_text[32], low_text[32];
    int64_t left = disk_free(s->config.state_dir, NULL);
    if (left < 0 || left >= s->config.disk_low_bytes) return 0;
    return error_set(err, ERROR_NOSPACE, NULL, "only %s are free in the state directory, new jobs need %s; delete old jobs or free space",
                     str_bytes(free_text, sizeof free_text, (uint64_t)left),
                     str_bytes(low_text, sizeof low_text, (uint64_t)s->config.disk_low_bytes));
}

/* Digest of the request as JSON, so that blanks and key order do not matter. */
static int request_digest(const json_t *body, char hex[SHA256_HEX], struct error *err)
{
    struct bytes text;
    uint8_t digest[SHA256_SIZE];
    bytes_init(&text, 8 << 20);
    int rc = json_write(body, &text, err);
    if (rc == 0) sha256_of(text.data, text.size, digest), hex_encode(digest, sizeof digest, hex);
    bytes_close(&text);
    return rc;
}

static int key_check(const char *key, struct error *err)
{
    size_t n = strlen(key);
    if (n == 0 || n > IDEMPOTENCY_KEY_MAX)
        return error_set(err, ERROR_MALFORMED, NULL, "Idempotency-Key must have 1 to %d characters, got %zu", IDEMPOTENCY_KEY_MAX, n);
    for (size_t i = 0; i < n; i++)
        if (key[i] < 32 || key[i] > 126) return error_set(err, ERROR_MALFORMED, NULL, "Idempotency-Key must be printable ASCII");
    return 0;
}

static int replay(struct sched *s, const char *id, struct job *out, struct error *err)
{
    struct error why = {0};
    int rc = store_job_get(s->config.store, id, out, &why);
    if (rc == -ERROR_NOTFOUND)
        return error_set(err, ERROR_CONFLICT, NULL, "this Idempotency-Key made job %s, which was deleted since; use a new key to train again", id);
    return rc < 0 ? error_set(err, why.code, NULL, "%s", why.msg) : 0;
}

static int accept_job(struct sched *s, const struct submission *sub, const char *key, const char *digest, const struct spec *spec,
                      const json_t *resolved, json_t *run_spec, char id[ID_SIZE], char existing[ID_SIZE], struct error *err)
{
    id_make(s->config.world, "job_", id);
    struct job_new row = {.id = id,
                          .name = spec->name,
                          .experiment = spec->experiment,
                          .owner = sub->owner ? sub->owner : "",
                          .priority = spec->priority,
                          .slots = slots_of(s, spec),
                          .labels = spec->labels,
                          .asked = sub->body,
                          .spec = resolved,
                          .run_spec = run_spec,
                          .idempotency_key = key,
                          .request_hash = digest};
    int rc = parent_hold(s, spec, id, run_spec, err);
    if (rc < 0) return rc;
    rc = store_job_insert(s->config.store, &row, existing, err);
    if (parent_has_id(spec) && (rc < 0 || existing[0])) parent_let_go(s, id);
    return rc;
}

int sched_submit(struct sched *s, const struct submission *sub, struct job *out, bool *replayed, struct faults *faults, struct error *err)
{
    char digest[SHA256_HEX], id[ID_SIZE], existing[ID_SIZE] = "", key[IDEMPOTENCY_KEY_MAX + 80];
    struct spec spec;
    json_t *resolved, *run_spec;
    *replayed = false;
    memset(out, 0, sizeof *out);
    int rc = request_digest(sub->body, digest, err);
    if (rc == 0 && sub->idempotency_key && (rc = key_check(sub->idempotency_key, err)) == 0) {
        snprintf(key, sizeof key, "%.64s\n%s", sub->owner ? sub->owner : "", sub->idempotency_key); /* a key belongs to who used it */
        rc = store_key_find(s->config.store, key, digest, existing, err);
    }
    if (rc < 0) return rc;
    if (!existing[0]) {
        if ((rc = disk_check(s, err)) < 0 || (rc = check(s, sub->body, &spec, &resolved, &run_spec, faults, err)) < 0) return rc;
        rc = accept_job(s, sub, sub->idempotency_key ? key : NULL, digest, &spec, resolved, run_spec, id, existing, err);
        json_decref(resolved);
        json_decref(run_spec);
        spec_close(&spec);
        if (rc < 0) return rc;
    }
    if (existing[0]) {
        *replayed = true;
        return replay(s, existing, out, err);
    }
    sched_poke(s);
    return store_job_get(s->config.store, id, out, err);
}

/* ---- wishes ---- */

struct wish_rule { /* what a wish does to a job in some state; to == from: nothing to do */
    enum job_state from, to;
    enum job_wish wish;
    const char *reason, *message;
};

/* A job that stops already changes its wish without a move: cancel outdoes pause. */
static const struct wish_rule cancel_rules[] = {
    {JOB_QUEUED, JOB_CANCELLED, WISH_NONE, "cancelled", "cancelled by %s before it ran"},
    {JOB_PAUSED, JOB_CANCELLED, WISH_NONE, "cancelled", "cancelled by %s while it was paused"},
    {JOB_STARTING, JOB_STOPPING, WISH_CANCEL, "cancel", "%s cancelled it; it stops"},
    {JOB_RUNNING, JOB_STOPPING, WISH_CANCEL, "cancel", "%s cancelled it; it stops"},
    {JOB_STOPPING, JOB_STOPPING, WISH_CANCEL, "cancel", "%s cancelled it; it stops"},
    {JOB_CANCELLED, JOB_CANCELLED, WISH_NONE, "", ""},
    {0},
};
static const struct wish_rule pause_rules[] = {
    {JOB_QUEUED, JOB_PAUSED, WISH_NONE, "paused", "held by %s"},
    {JOB_STARTING, JOB_STOPPING, WISH_PAUSE, "pause", "%s paused it; it saves a checkpoint and stops"},
    {JOB_RUNNING, JOB_STOPPING, WISH_PAUSE, "pause", "%s paused it; it saves a checkpoint and stops"},
    {JOB_PAUSED, JOB_PAUSED, WISH_NONE, "", ""},
    {0},
};
static const struct wish_rule resume_rules[] = {
    {JOB_PAUSED, JOB_QUEUED, WISH_NONE, "resumed", "resumed by %s"},
    {0},
};

static const struct wish_rule *rule_find(const struct wish_rule *rules, enum job_state from)
{
    for (; rules->message; rules++)
        if (rules->from == from) return rules;
    return NULL;
}

static int wish(struct sched *s, const char *who, const char *id, const char *verb, const struct wish_rule *rules, struct job *out, struct error *err)
{
    char message[200], possible[200] = "";
    for (int tries = 0;; tries++) {
        struct error why = {0};
        int rc = store_job_get(s->config.store, id, out, err);
        if (rc < 0) return rc;
        const struct wish_rule *rule = rule_find(rules, out->state);
        enum job_state from = out->state;
        if (rule && rule->to == from && (rule->wish == WISH_NONE || rule->wish == out->wish)) return 0;
        if (!rule) {
            for (; rules->message; rules++)
                snprintf(possible + strlen(possible), sizeof possible - strlen(possible), "%s%s", possible[0] ? ", " : "",
                         job_state_name(rules->from));
            job_close(out);
            return error_set(err, ERROR_CONFLICT, NULL, "job %s is %s; %s is possible while it is one of: %s", id, job_state_name(from), verb,
                             possible);
        }
        job_close(out);
        snprintf(message, sizeof message, rule->message, who && who[0] ? who : "a user");
        struct job_move move = {.from = from, .to = rule->to, .wish = rule->wish, .reason = rule->reason, .message = message};
        rc = rule->to == from ? store_job_wish(s->config.store, id, rule->wish, &why) : store_job_move(s->config.store, id, &move, &why);
        if (rc == 0) break;
        if (rc != -ERROR_CONFLICT || tries == WISH_TRIES) return error_set(err, why.code, NULL, "%s", why.msg);
    }
    sched_poke(s);
    return store_job_get(s->config.store, id, out, err);
}

int sched_cancel(struct sched *s, const char *who, const char *id, struct job *out, struct error *err)
{
    return wish(s, who, id, "cancel", cancel_rules, out, err);
}

int sched_pause(struct sched *s, const char *who, const char *id, struct job *out, struct error *err)
{
    return wish(s, who, id, "pause", pause_rules, out, err);
}

int sched_resume(struct sched *s, const char *who, const char *id, struct job *out, struct error *err)
{
    return wish(s, who, id, "resume", resume_rules, out, err);
}

/* ---- deletion: files aside, row, files away; recover() undoes or ends what a kill cuts short ---- */

int sched_delete(struct sched *s, const char *id, struct error *err)
{
    char dir[PATH_SIZE], aside[PATH_SIZE], name[ID_SIZE + sizeof DELETED_PREFIX];
    struct job job = {0};
    const struct world *w = s->config.world;
    int rc = run_directory(s, id, dir, err);
    if (rc == 0) rc = store_job_get(s->config.store, id, &job, err);
    if (rc < 0) return rc;
    bool final = job_state_final(job.state);
    enum job_state state = job.state;
    job_close(&job);
    if (!final)
        return error_set(err, ERROR_CONFLICT, NULL, "job %s is %s; only a job that has ended can be deleted: cancel it first", id,
                         job_state_name(state));
    if (rundir_alive(w, dir, NULL) == 1)
        return error_set(err, ERROR_CONFLICT, NULL, "the process of job %s is still ending; try again in a moment", id);
    snprintf(name, sizeof name, DELETED_PREFIX "%s", id);
    if ((rc = path_join(aside, s->runs_dir, name, err)) < 0) return rc;
    bool files = path_exists(w, dir);
    if (files && ((rc = path_rename(w, dir, aside, err)) < 0 || (rc = path_sync_dir(w, s->runs_dir, err)) < 0)) return rc;
    if ((rc = store_job_delete(s->config.store, id, err)) < 0) {
        if (files) path_rename(w, aside, dir, NULL);
        return rc;
    }
    struct error why = {0};
    if (files && path_remove_tree(w, aside, &why) < 0) log_warn("job %s is deleted, but some of its files are not: %s", id, why.msg);
    return 0;
}

/* ---- why a job waits ---- */

static void wait_slots(struct sched *s, const struct job *job, struct job_wait *out)
{
    int64_t used = 0;
    size_t biggest = 0;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->live_count; i++) {
        used += s->live[i].slots;
        if (s->live[i].slots > s->live[biggest].slots) biggest = i;
    }
    if (s->live_count > 0) str_copy(out->blocked_by, sizeof out->blocked_by, s->live[biggest].id);
    pthread_mutex_unlock(&s->lock);
    str_copy(out->reason, sizeof out->reason, "slots");
    snprintf(out->message, sizeof out->message, "next in line: needs %lld of %lld slots, %lld are free%s%s", (long long)job->slots,
             (long long)s->config.slots, (long long)(s->config.slots - used), out->blocked_by[0] ? "; waits for " : "", out->blocked_by);
}

static bool wait_local(struct sched *s, const struct job *job, struct job_wait *out)
{
    int64_t now = world_utc_ms(s->config.world);
    char when[TIME_TEXT_SIZE];
    bool ending = false;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->live_count; i++) ending |= strcmp(s->live[i].id, job->id) == 0;
    if (!ending && s->hold[0]) {
        str_copy(out->reason, sizeof out->reason, s->hold_reason);
        str_copy(out->message, sizeof out->message, s->hold);
    }
    pthread_mutex_unlock(&s->lock);
    if (ending) {
        str_copy(out->reason, sizeof out->reason, "ending");
        str_copy(out->message, sizeof out->message, "its former process has not ended yet");
    } else if (job->not_before_ms > now) {
        time_text(job->not_before_ms, when);
        str_copy(out->reason, sizeof out->reason, "retry");
        snprintf(out->message, sizeof out->message, "its last process was lost; the next one starts at %s or later", when);
    }
    return out->reason[0] != 0;
}

int sched_wait_of(struct sched *s, const struct job *job, struct job_wait *out, struct error *err)
{
    memset(out, 0, sizeof *out);
    if (job->state != JOB_QUEUED) return 0;
    int rc = store_queue_ahead(s->config.store, job->id, world_utc_ms(s->config.world), &out->ahead, out->blocked_by, err);
    if (rc < 0 || wait_local(s, job, out)) return rc;
    if (out->ahead == 0) {
        wait_slots(s, job, out);
        return 0;
    }
    str_copy(out->reason, sizeof out->reason, "priority");
    snprintf(out->message, sizeof out->message, "%lld job%s of higher priority or age first; the first in line is %s", (long long)out->ahead,
             str_s((uint64_t)out->ahead), out->blocked_by);
    return 0;
}
