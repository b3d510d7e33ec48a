#include "cli/evaluation.h"

#include "base/str.h"
#include "cli/print.h"
#include "cli/terminal.h"

enum { FOLD_METRICS = 3 };

/* sd: a number over several folds, or NULL. */
static int metric_row(struct table *table, const char *name, const json_t *value, const json_t *interval, const json_t *sd, struct error *err)
{
    int rc = table_cell(table, err, "%s", name);
    if (rc == 0) rc = json_is_number(value) ? table_cell(table, err, "%.6f", json_number_value(value)) : table_cell(table, err, "undefined");
    if (rc < 0) return rc;
    if (json_is_number(sd)) return table_cell(table, err, "%.6f", json_number_value(sd));
    const json_t *low = json_array_get(interval, 0), *high = json_array_get(interval, 1);
    if (!json_is_number(low) || !json_is_number(high)) return table_cell(table, err, "%s", "");
    return table_cell(table, err, "%.6f .. %.6f", json_number_value(low), json_number_value(high));
}

/* A line a fold of a job that has several. */
static int folds_print(FILE *out, const json_t *evaluation, struct error *err)
{
    static const char *const wished[] = {"auc", "logloss", "calibration", "deviance", "accuracy", "macro_auc", "rmse", "mae", "r2"};
    const char *shown[FOLD_METRICS] = {"", "", ""}; /* the first of those that its labels have */
    json_t *folds = json_object_get(evaluation, "folds"), *fold;
    size_t i;
    struct table table;
    int rc = 0;
    if (json_array_size(folds) == 0) return 0;
    for (size_t w = 0, n = 0; w < sizeof wished / sizeof *wished && n < FOLD_METRICS; w++)
        if (json_object_get(json_object_get(evaluation, "metrics"), wished[w])) shown[n++] = wished[w];
    table_init(&table, "rrrrr");
    const char *header[] = {"fold", "rows", shown[0], shown[1], shown[2]};
    for (i = 0; rc == 0 && i < 5; i++) rc = table_cell(&table, err, "%s", header[i]);
    json_array_foreach (folds, i, fold) {
        if (rc == 0) rc = table_cell(&table, err, "%lld", (long long)field_int(fold, "fold", -1));
        if (rc == 0) rc = table_cell(&table, err, "%lld", (long long)field_int(fold, "rows", 0));
        for (size_t m = 0; rc == 0 && m < sizeof shown / sizeof *shown; m++) {
            const json_t *value = json_object_get(json_object_get(fold, "metrics"), shown[m]);
            rc = json_is_number(value) ? table_cell(&table, err, "%.6f", json_number_value(value)) : table_cell(&table, err, "undefined");
        }
    }
    if (rc == 0) table_print(&table, out);
    table_close(&table);
    return rc;
}

/* A line a class, where labels are classes. */
static int classes_print(FILE *out, const json_t *evaluation, struct error *err)
{
    static const char *const shown[] = {"share", "prediction", "recall", "auc"};
    json_t *classes = json_object_get(evaluation, "classes"), *class;
    size_t i;
    struct table table;
    int rc = 0;
    if (json_array_size(classes) == 0) return 0;
    table_init(&table, "rrrrrr");
    const char *header[] = {"class", "rows", shown[0], shown[1], shown[2], shown[3]};
    for (i = 0; rc == 0 && i < 6; i++) rc = table_cell(&table, err, "%s", header[i]);
    json_array_foreach (classes, i, class) {
        if (rc == 0) rc = table_cell(&table, err, "%lld", (long long)field_int(class, "class", -1));
        if (rc == 0) rc = table_cell(&table, err, "%lld", (long long)field_int(class, "rows", 0));
        for (size_t m = 0; rc == 0 && m < sizeof shown / sizeof *shown; m++) {
            const json_t *value = json_object_get(class, shown[m]);
            rc = json_is_number(value) ? table_cell(&table, err, "%.6f", json_number_value(value)) : table_cell(&table, err, "undefined");
        }
    }
    if (rc == 0) table_print(&table, out);
    table_close(&table);
    return rc;
}

int evaluation_print(FILE *out, const json_t *evaluation, struct error *err)
{
    const json_t *intervals = json_object_get(evaluation, "intervals");
    json_t *metrics = json_object_get(evaluation, "metrics"), *value;
    int64_t rows = field_int(evaluation, "rows", -1), positives = field_int(evaluation, "positives", -1);
    const char *name, *split = field_text(evaluation, "split");
    struct table table;
    int rc = 0;
    table_init(&table, "lrl");
    const json_t *sd = json_object_get(evaluation, "sd");
    const char *header[] = {"metric", sd ? "mean of folds" : *split ? split : "value", sd ? "sd over folds" : "95 % interval"};
    for (size_t i = 0; rc == 0 && i < 3; i++) rc = table_cell(&table, err, "%s", header[i]);
    json_object_foreach (metrics, name, value)
        if (rc == 0) rc = metric_row(&table, name, value, json_object_get(intervals, name), json_object_get(sd, name), err);
    if (rc == 0 && json_object_size(metrics) > 0) table_print(&table, out);
    table_close(&table);
    if (rc == 0) rc = folds_print(out, evaluation, err);
    const json_t *mean = json_object_get(evaluation, "mean_label");
    if (rc == 0) rc = classes_print(out, evaluation, err);
    if (rc == 0 && rows >= 0 && json_is_number(mean))
        fprintf(out, "%lld row%s, mean label %.6g, mean prediction %.6g\n", (long long)rows, str_s((uint64_t)rows), json_number_value(mean),
                json_number_value(json_object_get(evaluation, "mean_prediction")));
    if (rc == 0 && rows >= 0 && positives >= 0)
        fprintf(out, "%lld row%s, %lld positive%s (base rate %.4f)\n", (long long)rows, str_s((uint64_t)rows), (long long)positives,
                str_s((uint64_t)positives), rows ? (double)positives / (double)rows : 0.0);
    return rc;
}
