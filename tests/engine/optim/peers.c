/* Optimisers and schedules against PyTorch's own figures (fixtures/make.py says which version and how). */
#include "lib/test.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "engine/optim/optimizer.h"

enum { SIZE = 8 };

static json_t *fixture(void)
{
    size_t size;
    struct error err = {0};
    char *text = test_read_file("tests/engine/optim/fixtures/torch.json", &size);
    json_t *json = json_read(text, size, "torch.json", &err);
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

static void numbers(const json_t *array, float out[SIZE])
{
    assert_int_equal(json_array_size(array), SIZE);
    for (size_t i = 0; i < SIZE; i++) out[i] = (float)json_number_value(json_array_get(array, i));
}

static void follow(const struct optimizer *o, const json_t *row, const json_t *all)
{
    struct faults faults = {0};
    void *params = mem_zero(o->kind.params_size, NULL);
    const struct option_set set = {o->kind.options, params};
    options_read(&set, 1, json_object_get(row, "options"), "", NULL, &faults);
    assert_int_equal(faults.count, 0);
    struct param_states states = optimizer_states(o, params);
    float w[SIZE], store[STATES_MAX][SIZE], *state[STATES_MAX] = {store[0], store[1], store[2]}, g[SIZE];
    for (size_t k = 0; k < STATES_MAX; k++)
        for (size_t i = 0; i < SIZE; i++) store[k][i] = states.initial[k];
    numbers(json_object_get(all, "start"), w);
    const json_t *gradients = json_object_get(all, "gradients"), *wanted = json_object_get(row, "weights");
    size_t compared = 0;
    for (size_t t = 1; t <= json_array_size(gradients); t++) {
        char key[24];
        struct optim_step step = {.t = t, .decays = true};
        struct update_rows rows = {w, state, NULL, 1, SIZE, g, (float)optim_rate(params, t, 0), 0, 0};
        numbers(json_array_get(gradients, t - 1), g);
        o->update(params, &step, &rows);
        snprintf(key, sizeof key, "%zu", t);
        const json_t *want = json_object_get(wanted, key);
        for (size_t i = 0; want && i < SIZE; i++) {
            double theirs = json_number_value(json_array_get(want, i));
            if (fabs((double)w[i] - theirs) > 2e-5 * fabs(theirs) + 2e-6)
                fail_msg("%s: weight %zu after step %zu is %.9g, PyTorch has %.9g", o->kind.name, i, t, (double)w[i], theirs);
        }
        compared += want != NULL;
    }
    assert_int_equal(compared, 3);
    mem_free(params);
}

static void optimizers_come_where_pytorch_does(void **state)
{
    (void)state;
    json_t *all = fixture(), *row;
    size_t i;
    assert_int_equal(json_array_size(json_object_get(all, "optimizers")), 7);
    json_array_foreach (json_object_get(all, "optimizers"), i, row)
        follow(optimizer_named(json_string_value(json_object_get(row, "kind"))), row, all);
    json_decref(all);
}

struct holder {
    struct schedule s;
};

static void schedules_fall_as_pytorch_does(void **state)
{
    (void)state;
    static const struct option options[] = {SCHEDULE_OPTIONS(struct holder, s), {0}};
    json_t *all = fixture(), *row;
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

static const struct CMUnitTest tests[] = {cmocka_unit_test(optimizers_come_where_pytorch_does), cmocka_unit_test(schedules_fall_as_pytorch_does)};
TEST_MAIN(tests)
