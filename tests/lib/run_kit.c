#include "lib/run_kit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "contract/rundir.h"
#include "lib/job_kit.h"
#include "lib/test.h"

char run_kit_root[PATH_SIZE];
void (*run_kit_progress)(void *context, const struct progress *p);

void run_kit_data(const char *name, bool shuffled, bool sorted)
{
    char path[PATH_SIZE], line[256];
    struct bytes text[2];
    for (int i = 0; i < 2; i++) bytes_init(&text[i], 16 << 20);
    for (uint64_t row = 0; row < RUN_KIT_ROWS; row++) {
        struct rng rng = rng_at(11, RNG_TEST, 0, row);
        double z = 0;
        int used = 0;
        for (uint32_t f = 0, at = 1; f < 8; f++, at += 1 + (uint32_t)rng_below(&rng, 6)) {
            double value = f % 2 ? 1 : 0.25 * (double)(1 + rng_below(&rng, 4));
            struct rng weight = rng_at(12, RNG_TEST, 1, at);
            z += 1.5 * rng_normal(&weight) * value;
            used += snprintf(line + used, sizeof line - (size_t)used, " %u:%g", at, value);
            at += 1;
        }
        bool label = rng_unit(&rng) < (shuffled ? 0.3 : 1 / (1 + exp(-z)));
        assert_int_equal(bytes_printf(&text[sorted && label], NULL, "%d%s\n", label, line), 0);
    }
    assert_int_equal(bytes_add(&text[0], text[1].data, text[1].size, NULL), 0);
    snprintf(path, sizeof path, "%.*s/%s", 3000, run_kit_root, name);
    test_write_file(path, text[0].data, text[0].size);
    bytes_close(&text[0]);
    bytes_close(&text[1]);
}

void run_kit_fields(unsigned fields)
{
    char from[PATH_SIZE], to[PATH_SIZE], *line = NULL, *rest;
    size_t room = 0;
    snprintf(from, sizeof from, "%.*s/a.svm", 3000, run_kit_root);
    snprintf(to, sizeof to, "%.*s/a.ffm", 3000, run_kit_root);
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    assert_true(in && out);
    while (getline(&line, &room, in) > 0) {
        char *part = strtok_r(line, " \n", &rest);
        fputs(part, out);
        while ((part = strtok_r(NULL, " \n", &rest)))
            fprintf(out, " %lu:%s%s", strtoul(part, NULL, 10) % fields, part, strchr(part, ':') ? "" : ":1");
        fputc('\n', out);
    }
    free(line);
    fclose(in), assert_int_equal(fclose(out), 0);
}

int run_kit_run(const struct world *world, const char *spec, const char *dir, unsigned workers, struct run_result *result, struct error *err)
{
    const struct job_kit kit = {.root = run_kit_root, .world = world, .workers = workers, .progress.progress = run_kit_progress};
    return job_kit_run(&kit, spec, dir, result, err);
}

json_t *run_kit_evaluation(const char *dir)
{
    char path[PATH_SIZE];
    size_t size;
    struct error err = {0};
    snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_EVALUATION, 3000, run_kit_root, dir);
    char *text = test_read_file(path, &size);
    json_t *json = json_read(text, size, path, &err);
    mem_free(text);
    assert_non_null(json);
    return json;
}

double run_kit_metric(const char *dir, const char *name)
{
    json_t *json = run_kit_evaluation(dir);
    double value = json_number_value(json_object_get(json_object_get(json, "metrics"), name));
    json_decref(json);
    return value;
}
