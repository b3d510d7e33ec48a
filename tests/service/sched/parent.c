/* test: threads */
/* The scheduler: a job that begins from a checkpoint keeps it, whatever becomes of that one's own job. */
#include "service/sched/fixture.h"

#include "contract/safetensors.h"

#define WHOLE "checkpoints/000000000010.safetensors"
#define DELTA "checkpoints/000000000012.delta.safetensors"

static void path_of(const struct fixture *f, const char *id, const char *name, char out[PATH_SIZE])
{
    snprintf(out, PATH_SIZE, "%.2000s/runs/%s/%s", f->place.state, id, name);
}

static void checkpoint_file(const struct fixture *f, const char *id, const char *name, json_t *metadata, char sha256[SHA256_HEX])
{
    char path[PATH_SIZE];
    float value[2] = {1, 2};
    uint64_t size;
    struct error err = {0};
    struct tensor t = {.name = "bias", .dtype = TENSOR_F32, .dims = 1, .shape = {2}, .data = value};
    path_of(f, id, name, path);
    assert_ok(safetensors_write(&world_real, path, &t, 1, metadata, sha256, &size, &err), &err);
    json_decref(metadata);
}

/* A job that has ended and left a whole checkpoint and a delta on it; the id of that one. */
static void source_make(struct fixture *f, char id[ID_SIZE], char checkpoint[ID_SIZE])
{
    char sha256[SHA256_HEX];
    struct checkpoint_list list;
    submit(f, "ok", id);
    struct job job = wait_state(f, id, JOB_SUCCEEDED);
    wait_runs(f, 0);
    checkpoint_file(f, id, WHOLE, json_pack("{s:s}", "step", "10"), sha256);
    checkpoint_file(f, id, DELTA,
                    json_pack("{s:s, s:s, s:s}", "step", "12", "delta_previous", &WHOLE[strlen("checkpoints/")], "delta_sha256", sha256), sha256);
    struct event event = {.seq = 1000, .attempt = 1, .step = 12, .utc_ms = 1767323045678, .type = EVENT_CHECKPOINT};
    event.body = json_pack("{s:i, s:i, s:s, s:s, s:i, s:s, s:s, s:i, s:b, s:b, s:{}}", "seq", 1000, "attempt", 1, "t", "2026-01-02T03:04:05.678Z",
                           "type", "checkpoint", "step", 12, "path", DELTA, "sha256", sha256, "size_bytes", 1000, "best", 0, "delta", 1, "metrics");
    assert_ok(store_events_add(f->store, id, &event, 1, job.tail_offset, &f->err), &f->err);
    event_close(&event);
    job_close(&job);
    assert_ok(store_checkpoints(f->store, id, &list, &f->err), &f->err);
    strcpy(checkpoint, list.items[list.count - 1].id);
    assert_string_equal(list.items[list.count - 1].path, DELTA);
    checkpoint_list_close(&list);
}

static json_t *warm_body(const char *checkpoint)
{
    json_t *body = body_of("ok", 1, 0);
    json_object_set_new(body, "warm_start", json_pack("{s:s}", "checkpoint", checkpoint));
    return body;
}

static bool there(const struct fixture *f, const char *id, const char *name)
{
    char path[PATH_SIZE];
    path_of(f, id, name, path);
    return path_exists(&world_real, path);
}

static void what_is_accepted_outlives_its_source(void **state)
{
    (void)state;
    struct fixture f;
    char busy[ID_SIZE], source[ID_SIZE], checkpoint[ID_SIZE], id[ID_SIZE], held[PATH_SIZE];
    json_t *spec;
    up(&f);
    source_make(&f, source, checkpoint);
    submit_body(&f, body_of("hold", 2, 0), busy);
    wait_done(&f, busy, JOB_RUNNING);
    submit_body(&f, warm_body(checkpoint), id);
    assert_ok(sched_delete(f.sched, source, &f.err), &f.err);
    assert_false(there(&f, source, ""));
    assert_true(there(&f, id, "warm_start/000000000010.safetensors"));
    assert_ok(store_job_run_spec(f.store, id, &spec, &f.err), &f.err);
    path_of(&f, id, "warm_start/000000000012.delta.safetensors", held);
    const json_t *paths = json_object_get(json_object_get(spec, "warm_start"), "checkpoint");
    assert_string_equal(json_string_value(json_array_get(paths, 0)), held);
    assert_true(path_exists(&world_real, held));
    json_decref(spec);
    touch(&f, busy, "go");
    wait_done(&f, id, JOB_SUCCEEDED);
    wait_runs(&f, 0);
    assert_ok(sched_delete(f.sched, id, &f.err), &f.err);
    assert_false(there(&f, id, ""));
    server_down(&f);
}

static int count_name(void *context, const char *name)
{
    *(size_t *)context += *name != 0;
    return 0;
}

/* The links of a job that was not accepted: none are left, whether it was refused or a kill came between. */
static void what_is_not_accepted_holds_nothing(void **state)
{
    (void)state;
    struct fixture f;
    char source[ID_SIZE], checkpoint[ID_SIZE], path[PATH_SIZE], half[ID_SIZE], run[ID_SIZE];
    struct job job;
    bool replayed;
    up(&f);
    source_make(&f, source, checkpoint);
    path_of(&f, source, WHOLE, path);
    assert_int_equal(unlink(path), 0);
    json_t *body = warm_body(checkpoint);
    struct faults *faults = mem_zero(sizeof *faults, &f.err);
    struct submission sub = {.body = body, .owner = ""};
    assert_int_equal(sched_submit(f.sched, &sub, &job, &replayed, faults, &f.err), -ERROR_CONFLICT);
    assert_error(&f.err, ERROR_CONFLICT, "is gone");
    error_clear(&f.err);
    mem_free(faults);
    json_decref(body);
    server_down(&f);
    id_make(&world_real, "job_", half);
    id_make(&world_real, "job_", run);
    path_of(&f, half, "warm_start", path);
    assert_ok(path_mkdirs(&world_real, path, &f.err), &f.err);
    path_of(&f, run, "warm_start", path);
    assert_ok(path_mkdirs(&world_real, path, &f.err), &f.err);
    touch(&f, run, "spec.json");
    server_up(&f);
    assert_false(there(&f, half, ""));
    assert_true(there(&f, run, "warm_start")); /* somebody's run, if not of this database */
    snprintf(path, sizeof path, "%.2000s/runs", f.place.state);
    size_t left = 0;
    assert_ok(path_list(&world_real, path, count_name, &left, &f.err), &f.err);
    assert_int_equal(left, 2); /* the source and that one */
    server_down(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_accepted_outlives_its_source),
    cmocka_unit_test(what_is_not_accepted_holds_nothing),
};
TEST_MAIN(tests)
