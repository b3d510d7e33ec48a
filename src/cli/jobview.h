/* A job as the API tells it, in words for people; shared by submit, jobs and job. */
#ifndef TRAINYARD_CLI_JOBVIEW_H
#define TRAINYARD_CLI_JOBVIEW_H

#include "base/world.h"
#include "cli/client.h"
#include "engine/train/progress.h"

/* jobview_get: the job's JSON; new reference in *job. */
int jobview_get(const struct client *client, const char *id, json_t **job, struct error *err);

/* jobview_evaluation: its evaluation, or *evaluation = NULL when there is none (yet). */
int jobview_evaluation(const struct client *client, const char *id, json_t **evaluation, struct error *err);

/* jobview_why: what a person wants to know besides the state: why it waits, why it failed. In buf; "" when there is nothing. Returns buf. */
const char *jobview_why(char *buf, size_t size, const json_t *job);

/* jobview_age: "4 min ago" of a time field such as "created_at"; "-" when it is null. Returns buf. */
const char *jobview_age(char *buf, size_t size, const struct world *w, const json_t *job, const char *field);

/* jobview_metric: the figures of a metric event (or of a job's "latest") as progress. */
void jobview_metric(const json_t *body, struct progress *out);

/* jobview_validates: is this metric event the validation side's, which has no progress of its own? */
bool jobview_validates(const json_t *body);

/* jobview_event: one line for an event of any type, without time; "" for those not worth a line. Returns buf. */
const char *jobview_event(char *buf, size_t size, const char *type, const json_t *body);

#endif
