/* One event as a line: the names of the types, and the parser that the reader, the writer's recovery and the fuzzer share. */
#include "contract/event.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

static const struct event_row {
    const char *name;
    bool durable;
} event_rows[EVENT_TYPES] = {
    [EVENT_STATE] = {"state", true},           [EVENT_METRIC] = {"metric", false},        [EVENT_LOG] = {"log", false},
    [EVENT_CHECKPOINT] = {"checkpoint", true}, [EVENT_EVALUATION] = {"evaluation", true},
};

const char *event_type_name(enum event_type type) { return (unsigned)type < EVENT_TYPES ? event_rows[type].name : "unknown"; }

bool event_type_parse(const char *name, enum event_type *out)
{
    for (int type = 0; name && type < EVENT_TYPES; type++)
        if (strcmp(event_rows[type].name, name) == 0) {
            *out = (enum event_type)type;
            return true;
        }
    return false;
}

bool event_type_durable(enum event_type type) { return (unsigned)type < EVENT_TYPES && event_rows[type].durable; }

/* A whole number from `least` to EVENT_COUNT_MAX under `key`; fallback when the key is missing and may be (fallback >= 0). */
static int event_count(const json_t *body, const char *key, int64_t least, int64_t fallback, uint64_t *out, struct error *err)
{
    const json_t *value = json_object_get(body, key);
    char brief[80];
    if (!value && fallback >= 0) {
        *out = (uint64_t)fallback;
        return 0;
    }
    if (!json_is_integer(value) || json_integer_value(value) < least || json_integer_value(value) > EVENT_COUNT_MAX)
        return error_set(err, ERROR_DATA, NULL, "event's \"%s\" must be an integer from %" PRId64 " to 2^53, got %s", key, least,
                         json_brief(brief, sizeof brief, value));
    *out = (uint64_t)json_integer_value(value);
    return 0;
}

static int event_fill(struct event *event, struct error *err)
{
    const json_t *body = event->body, *type = json_object_get(body, "type"), *time = json_object_get(body, "t");
    char brief[80];
    int rc;
    if (!json_is_object(body)) return error_set(err, ERROR_DATA, NULL, "event must be an object, got %s", json_brief(brief, sizeof brief, body));
    if ((rc = event_count(body, "seq", 1, -1, &event->seq, err)) < 0) return rc;
    if ((rc = event_count(body, "attempt", 1, -1, &event->attempt, err)) < 0) return rc;
    if ((rc = event_count(body, "step", 0, 0, &event->step, err)) < 0) return rc;
    if (!json_is_string(time) || !time_parse(json_string_value(time), &event->utc_ms))
        return error_set(err, ERROR_DATA, NULL, "event's \"t\" must be a UTC time like 2026-11-24T18:34:35.123Z, got %s",
                         json_brief(brief, sizeof brief, time));
    if (!json_is_string(type) || !event_type_parse(json_string_value(type), &event->type))
        return error_set(err, ERROR_DATA, NULL, "event's \"type\" must be one of state, metric, log, checkpoint, evaluation; got %s",
                         json_brief(brief, sizeof brief, type));
    return 0;
}

int event_parse(struct event *event, const char *line, size_t size, struct error *err)
{
    struct error why = {0};
    *event = (struct event){0};
    if (size > EVENT_LINE_MAX) return error_set(err, ERROR_DATA, NULL, "event line has %zu bytes, more than %d", size, EVENT_LINE_MAX);
    event->body = json_read(line, size, "event line", &why);
    if (!event->body) return error_set(err, why.code == ERROR_NOMEM ? ERROR_NOMEM : ERROR_DATA, NULL, "%s", why.msg);
    int rc = event_fill(event, err);
    if (rc < 0) event_close(event);
    return rc;
}

void event_close(struct event *event)
{
    json_decref(event->body);
    *event = (struct event){0};
}
