/* Optimisers and schedules against other implementations' own figures: PyTorch's, Optax's, Keras' and DGL-KE's (fixtures/make*.py say which
 * versions, how, and where definitions differ). */
#include "lib/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "engine/optim/optimizer.h"

enum { CELLS = 24 };

static json_t *fixture(const char *name)
{
    char path[128];
    size_t size;
    struct error err = {0};
    snprintf(path, sizeof path, "tests/engine/optim/fixtures/%s", name);
    char *text = test_read_file(path, &size);
    json_t *json = json_read(text, size, name, &err);
    assert_non_null(json);
    mem_free(text);
    return json;
}

static const struct optimizer *optimizer_named(const char *name)
{
    for (const struct optimizer *const *o = optimizers; *o; o++)
        if (strcmp((*o)->kind.name, name) == 0) return *o;
    fail_msg("there is no optimizer %s", name);
    return NULL;
}

static size_t numbers(const json_t *array, float out[CELLS])
{
    size_t n = json_array_size(array);
    assert_true(n > 0 && n <= CELLS);
    for (size_t i = 0; i < n; i++) out[i] = (float)json_number_value(json_array_get(array, i));
    return n;
}

static void move(const struct optimizer *o, const void *params, uint64_t t, const struct update_rows *rows)
{
    struct optim_step step = {.t = t, .decays = true};
    for (unsigned pass = 0; pass < o->measures; pass++) {
        double sums[CELLS + 1] = {0};
        o->measure(params, &step, pass, rows, sums);
        o->conclude(params, &step, pass, sums, rows->state, rows->width);
    }
    o->update(params, &step, rows);
}

static bool near(float ours, double theirs) { return fabs((double)ours - theirs) <= 2e-5 * fabs(theirs) + 2e-6; }

static void follow(const struct optimizer *o, const json_t *row, const json_t *all)
{
    struct faults faults = {0};
    void *params = mem_zero(o->kind.params_size, NULL);
    const struct option_set set = {o->kind.options, params};
    options_read(&set, 1, json_object_get(row, "options"), "", NULL, &faults);
    assert_int_equal(faults.count, 0);
    struct param_states states = optimizer_states(o, params);
    float w[CELLS], store[STATES_MAX][CELLS], *state[STATES_MAX] = {store[0], store[1], store[2]}, g[CELLS];
    for (size_t k = 0; k < STATES_MAX; k++)
        for (size_t i = 0; i < CELLS; i++) store[k][i] = states.initial[k];
    const json_t *own = json_object_get(row, "start"), *gradients = json_object_get(all, "gradients"), *wanted = json_object_get(row, "weights");
    size_t cells = numbers(own ? own : json_object_get(all, "start"), w), compared = 0;
    size_t count = json_object_get(all, "rows") ? (size_t)json_integer_value(json_object_get(all, "rows")) : 1;
    for (size_t t = 1; t <= json_array_size(gradients); t++) {
        char key[24];
        struct update_rows rows = {w, state, NULL, count, cells / count, g, (float)optim_rate(params, t, 0), 0, 0};
        assert_int_equal(numbers(json_array_get(gradients, t - 1), g), cells);
        move(o, params, t, &rows);
        snprintf(key, sizeof key, "%zu", t);
        const json_t *want = json_object_get(wanted, key);
        for (size_t i = 0; want && i < cells; i++) {
            double theirs = json_number_value(json_array_get(want, i));
            if (!near(w[i], theirs)) fail_msg("%s: weight %zu after step %zu is %.9g, theirs %.9g", o->kind.name, i, t, (double)w[i], theirs);
        }
        compared += want != NULL;
    }
    assert_int_equal(compared, 3);
    mem_free(params);
}

static void follow_all(const char *name, size_t cases)
{
    json_t *all = fixture(name), *row;
    size_t i;
    assert_int_equal(json_array_size(json_object_get(all, "optimizers")), cases);
    json_array_foreach (json_object_get(all, "optimizers"), i, row)
        follow(optimizer_named(json_string_value(json_object_get(row, "kind"))), row, all);
    json_decref(all);
}

static void optimizers_come_where_pytorch_does(void **state) { (void)state, follow_all("torch.json", 7); }
static void optimizers_come_where_optax_and_keras_do(void **state) { (void)state, follow_all("jax.json", 6); }
static void rows_come_where_dglke_does(void **state) { (void)state, follow_all("dglke.json", 1); }

struct holder {
    struct schedule s;
};

static void schedules_fall_as_pytorch_does(void **state)
{
    (void)state;
    static const struct option options[] = {SCHEDULE_OPTIONS(struct holder, s), {0}};
    json_t *all = fixture("torch.json"), *row;
    size_t i;
    uint64_t planned = (uint64_t)json_integer_value(json_object_get(all, "planned"));
    assert_int_equal(json_array_size(json_object_get(all, "schedules")), 4);
    json_array_foreach (json_object_get(all, "schedules"), i, row) {
        struct holder p = {0};
        struct faults faults = {0};
        const struct option_set set = {options, &p};
        json_t *object = json_pack("{s:O}", "schedule", json_object_get(row, "options"));
        const json_t *factors = json_object_get(row, "factors");
        options_read(&set, 1, object, "", NULL, &faults);
        assert_int_equal(faults.count, 0);
        assert_int_equal(json_array_size(factors), planned);
        for (uint64_t t = 1; t <= planned; t++)
            assert_close(schedule_factor(&p.s, t, planned), json_number_value(json_array_get(factors, t - 1)), 1e-9, 1e-12);
        json_decref(object);
    }
    json_decref(all);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(optimizers_come_where_pytorch_does),
                                          cmocka_unit_test(optimizers_come_where_optax_and_keras_do), cmocka_unit_test(rows_come_where_dglke_does),
                                          cmocka_unit_test(schedules_fall_as_pytorch_does)};
TEST_MAIN(tests)
