#include "engine/core/calibration.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "engine/core/float.h"
#include "engine/core/params_load.h"

static const char from_name[] = "calibration.from", to_name[] = "calibration.to";

static const struct number {
    const char *key;
    size_t offset;
    double neutral, min;
} numbers[] = {{"logit_offset", offsetof(struct calibration, logit_offset), 0, -HUGE_VAL},
               {"calibration_slope", offsetof(struct calibration, slope), 1, 0},
               {"calibration_intercept", offsetof(struct calibration, intercept), 0, -HUGE_VAL}};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static double *number_at(struct calibration *c, size_t i) { return (double *)(void *)((char *)c + numbers[i].offset); }
static double number_of(const struct calibration *c, size_t i) { return *(const double *)(const void *)((const char *)c + numbers[i].offset); }

void calibration_init(struct calibration *c)
{
    *c = (struct calibration){0};
    for (size_t i = 0; i < NUMBERS; i++) *number_at(c, i) = numbers[i].neutral;
}

void calibration_close(struct calibration *c)
{
    mem_free(c->from);
    mem_free(c->to);
    calibration_init(c);
}

bool calibration_neutral(const struct calibration *c)
{
    bool neutral = c->count == 0;
    for (size_t i = 0; i < NUMBERS; i++) neutral = neutral && number_of(c, i) == numbers[i].neutral;
    return neutral;
}

static double knots_at(const struct calibration *c, double z)
{
    size_t low = 0, high = c->count - 1; /* from[low] <= z < from[high] once the ends are dealt with */
    if (!(z > c->from[low])) return isnan(z) ? z : c->to[low];
    if (z >= c->from[high]) return c->to[high];
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (c->from[middle] <= z) low = middle;
        else high = middle;
    }
    double share = (z - c->from[low]) / ((double)c->from[high] - c->from[low]);
    return c->to[low] + share * ((double)c->to[high] - c->to[low]);
}

void calibration_apply(const struct calibration *c, float *logits, size_t n)
{
    if (calibration_neutral(c)) return;
    for (size_t i = 0; i < n; i++) {
        double z = c->slope * (logits[i] + c->logit_offset) + c->intercept;
        logits[i] = (float)(c->count > 0 ? knots_at(c, z) : z);
    }
}

int calibration_write(const struct calibration *c, json_t *metadata, struct tensor *tensors, size_t *count, struct error *err)
{
    char text[48];
    for (size_t i = 0; i < NUMBERS; i++) {
        if (number_of(c, i) == numbers[i].neutral) continue;
        snprintf(text, sizeof text, "%a", number_of(c, i));
        if (json_object_set_new(metadata, numbers[i].key, json_string(text)) < 0)
            return error_set(err, ERROR_NOMEM, NULL, "cannot write the checkpoint's calibration");
    }
    for (int i = 0; c->count > 0 && i < CALIBRATION_TENSORS; i++) {
        struct tensor *t = &tensors[(*count)++];
        *t = (struct tensor){.dtype = TENSOR_F32, .dims = 1, .shape = {c->count}, .data = i ? c->to : c->from};
        snprintf(t->name, sizeof t->name, "%s", i ? to_name : from_name);
    }
    return 0;
}

static int load_number(struct calibration *c, size_t i, const struct tensor_file *file, struct error *err)
{
    const char *text = file->metadata(file->impl, numbers[i].key);
    char *end;
    if (!text) return 0;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value) || value < numbers[i].min)
        return error_set(err, ERROR_DATA, NULL, "%s: metadata \"%s\" is no number that can be applied", file->path, numbers[i].key);
    *number_at(c, i) = value;
    return 0;
}

static int load_floats(const struct tensor_file *file, const char *name, size_t count, float **out, struct error *err)
{
    const struct tensor *t = NULL;
    int rc = tensor_want(file, name, TENSOR_F32, count, 0, &t, err);
    if (rc < 0) return rc;
    if (!(*out = mem_array(count, 1, sizeof **out, err))) return -ERROR_NOMEM;
    if ((rc = file->read(file->impl, t, 0, *out, count * sizeof **out, err)) < 0) return rc;
    return float_all_finite(*out, count) ? 0 : error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" has a value that is not finite", file->path, name);
}

static int load_knots(struct calibration *c, const struct tensor_file *file, struct error *err)
{
    const struct tensor *t = file->find(file->impl, from_name);
    if (!t && !file->find(file->impl, to_name)) return 0;
    if (!t || t->dims != 1 || t->shape[0] == 0 || t->shape[0] > CALIBRATION_KNOTS_MAX)
        return error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" is missing, empty or too large", file->path, from_name);
    size_t count = (size_t)t->shape[0];
    int rc = load_floats(file, from_name, count, &c->from, err);
    if (rc == 0) rc = load_floats(file, to_name, count, &c->to, err);
    for (size_t i = 1; rc == 0 && i < count; i++)
        if (!(c->from[i] > c->from[i - 1] && c->to[i] >= c->to[i - 1]))
            rc = error_set(err, ERROR_DATA, NULL, "%s: the knots of its calibration do not ascend at number %zu", file->path, i);
    if (rc == 0) c->count = count;
    return rc;
}

int calibration_load(struct calibration *c, const struct tensor_file *file, struct error *err)
{
    int rc = 0;
    calibration_init(c);
    for (size_t i = 0; rc == 0 && i < NUMBERS; i++) rc = load_number(c, i, file, err);
    if (rc == 0) rc = load_knots(c, file, err);
    if (rc < 0) calibration_close(c);
    return rc;
}
