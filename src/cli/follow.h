/* Following a job's events: one stream of server-sent events, taken up again by id after every loss, until its end. */
#ifndef TRAINYARD_CLI_FOLLOW_H
#define TRAINYARD_CLI_FOLLOW_H

#include "base/world.h"
#include "cli/client.h"

struct follow {
    const struct client *client;
    const struct world *world;
    const char *job;
    int64_t after;      /* only events with greater numbers; 0: from the start */
    int64_t give_up_ms; /* without a connection; 0: 10 minutes */
    void *context;
    /* event: name ("metric", "state", ...), number and JSON object (borrowed). A negative code ends the following with *err. */
    int (*event)(void *context, const char *name, const char *id, const json_t *body, struct error *err);
    bool (*stop)(void *context);                  /* true: end with ERROR_STOPPED; NULL: never */
    void (*lost)(void *context, const char *why); /* the connection was lost and is tried again; NULL: not wanted */
};

/* follow_run: returns 0 when the stream's `end` came: the job is in a final state. ERROR_UNAVAILABLE: given up; ERROR_NOTFOUND, ERROR_UNAUTHORIZED,
 * ...: the server will not tell. */
int follow_run(const struct follow *follow, struct error *err);

#endif
