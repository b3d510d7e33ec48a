/* Metric histories: reading a range, thinned so that a curve of N points shows every spike (Jugel et al. 2014, "M4: a
 * visualization-oriented time series data aggregation": first, last, least and greatest of each bucket).
 *
 * A step that was trained twice (a resume re-emits what lies behind its checkpoint) counts once, with the latest attempt's value. */
#include "service/store/internal.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { BUCKET_POINTS = 4 };

struct bucket {
    size_t count; /* points seen */
    struct metric_point first, last, least, greatest;
    bool finite; /* least and greatest are set */
};

static void bucket_add(struct bucket *b, const struct metric_point *p)
{
    bool odd = isnan(p->value) && !isnan(b->first.value); /* the first point that is not finite is worth showing */
    if (b->count++ == 0 || odd) b->first = *p;
    b->last = *p;
    if (isnan(p->value)) return;
    if (!b->finite || p->value < b->least.value) b->least = *p;
    if (!b->finite || p->value > b->greatest.value) b->greatest = *p;
    b->finite = true;
}

static void points_add(struct metric_series *series, const struct metric_point *p)
{
    if (series->count > 0 && series->points[series->count - 1].step >= p->step) return; /* chosen twice */
    series->points[series->count++] = *p;
}

static void bucket_flush(struct bucket *b, struct metric_series *series)
{
    if (b->count > 0) {
        struct metric_point *chosen[BUCKET_POINTS] = {&b->first, b->finite ? &b->least : &b->first, b->finite ? &b->greatest : &b->first, &b->last};
        for (size_t i = 1; i < BUCKET_POINTS; i++) /* insertion sort by step */
            for (size_t j = i; j > 0 && chosen[j - 1]->step > chosen[j]->step; j--) {
                struct metric_point *swap = chosen[j];
                chosen[j] = chosen[j - 1], chosen[j - 1] = swap;
            }
        for (size_t i = 0; i < BUCKET_POINTS; i++) points_add(series, chosen[i]);
    }
    memset(b, 0, sizeof *b);
}

static void range_bind(struct query *q, int64_t job, int64_t name, const struct metric_query *query)
{
    query_int(q, 1, job);
    query_int(q, 2, name);
    query_int(q, 3, query->from_step);
    query_int(q, 4, query->to_step ? query->to_step : INT64_MAX);
}

static int series_count(struct conn *c, int64_t job, int64_t name, const struct metric_query *query, size_t *total, struct error *err)
{
    struct query q = query_begin(c, STATEMENT_METRIC_COUNT);
    range_bind(&q, job, name, query);
    int rc = query_step(&q, err);
    *total = rc > 0 ? (size_t)query_int_at(&q, 0) : 0;
    return query_end(&q, rc < 0 ? rc : 0, err);
}

struct thinning {
    struct metric_series *series;
    struct bucket bucket;
    size_t buckets, done; /* buckets 0: keep all; done: distinct steps so far */
};

static void thinning_add(struct thinning *t, const struct metric_point *p)
{
    if (t->buckets == 0) {
        points_add(t->series, p);
        return;
    }
    bucket_add(&t->bucket, p);
    t->done++;
    size_t here = (t->done - 1) * t->buckets / t->series->total, next = t->done * t->buckets / t->series->total;
    if (next != here) bucket_flush(&t->bucket, t->series);
}

static int series_read(struct conn *c, int64_t job, int64_t name, const struct metric_query *query, struct metric_series *series, struct error *err)
{
    struct thinning t = {.series = series};
    struct metric_point held = {0};
    bool holding = false;
    int rc = series_count(c, job, name, query, &series->total, err);
    if (rc < 0 || series->total == 0) return rc;
    if (query->max_points > 0 && series->total > query->max_points)
        t.buckets = query->max_points < BUCKET_POINTS ? 1 : query->max_points / BUCKET_POINTS;
    if (!(series->points = mem_array(t.buckets ? t.buckets * BUCKET_POINTS : series->total, 1, sizeof *series->points, err))) return -ERROR_NOMEM;
    struct query q = query_begin(c, STATEMENT_METRIC_POINTS);
    range_bind(&q, job, name, query);
    while ((rc = query_step(&q, err)) > 0) {
        struct metric_point p = {query_int_at(&q, 0), query_int_at(&q, 1), query_int_at(&q, 2), query_real_at(&q, 3)};
        if (holding && p.step != held.step) thinning_add(&t, &held);
        held = p; /* of equal steps the last one, since attempts ascend */
        holding = true;
    }
    if (holding) thinning_add(&t, &held);
    bucket_flush(&t.bucket, series);
    return query_end(&q, rc, err);
}

struct name_list {
    struct {
        int64_t num;
        char name[64];
    } * items;
    size_t count;
};

static int names_read(struct conn *c, int64_t job, const struct metric_query *query, struct name_list *list, struct error *err)
{
    int rc;
    struct query q = query_begin(c, STATEMENT_METRIC_NAMES);
    query_int(&q, 1, job);
    while ((rc = query_step(&q, err)) > 0) {
        const char *name = query_text_at(&q, 1);
        bool wanted = !query->names;
        for (size_t i = 0; query->names && i < query->name_count; i++) wanted |= strcmp(query->names[i], name) == 0;
        if (!wanted) continue;
        if ((rc = mem_grow((void **)&list->items, list->count + 1, sizeof *list->items, err)) < 0) break;
        list->items[list->count].num = query_int_at(&q, 0);
        str_copy(list->items[list->count].name, sizeof list->items->name, name);
        list->count++;
    }
    return query_end(&q, rc, err);
}

int store_metrics(struct store *s, const char *id, const struct metric_query *query, struct metric_set *out, struct error *err)
{
    struct conn *c;
    struct name_list names = {0};
    int64_t num;
    enum job_state state;
    memset(out, 0, sizeof *out);
    int rc = reader_take(s, &c, err);
    if (rc < 0) return rc;
    rc = job_num(c, id, &num, &state, err);
    if (rc == 0) rc = names_read(c, num, query, &names, err);
    if (rc == 0 && !(out->series = mem_array(names.count, 1, sizeof *out->series, err))) rc = -ERROR_NOMEM;
    for (size_t i = 0; rc == 0 && i < names.count; i++) {
        struct metric_series *series = &out->series[out->count++];
        str_copy(series->name, sizeof series->name, names.items[i].name);
        rc = series_read(c, num, names.items[i].num, query, series, err);
    }
    reader_give(s, c);
    mem_free(names.items);
    if (rc < 0) metric_set_close(out);
    return rc;
}

void metric_set_close(struct metric_set *set)
{
    for (size_t i = 0; set->series && i < set->count; i++) mem_free(set->series[i].points);
    mem_free(set->series);
    memset(set, 0, sizeof *set);
}
