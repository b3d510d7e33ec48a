/* The states of a job and the causes of its failure: the two tables that the service, the engine and the tests loop over.
 *
 *            ┌────────────────── lost, preempted, retried ─────────────────┐
 *            v                                                             │
 *         queued ──> starting ──> running ──> stopping ──> succeeded | failed | cancelled
 *          │  ^                                  │
 *          v  │ resume                           │
 *         paused <───────────────────────────────┘
 *
 * Nobody else compares state names or decides which move is legal: store/ swaps one state for another in a single statement after
 * asking job_state_may(). */
#include "contract/job.h"

#include <stdio.h>
#include <string.h>

#define TO(state) (1u << JOB_##state)

static const struct job_state_row {
    const char *name;
    unsigned next; /* bit s: may move to state s */
} job_states[JOB_STATES] = {
    [JOB_QUEUED] = {"queued", TO(STARTING) | TO(PAUSED) | TO(CANCELLED) | TO(FAILED)},
    [JOB_STARTING] = {"starting", TO(RUNNING) | TO(STOPPING) | TO(QUEUED) | TO(FAILED) | TO(CANCELLED)},
    [JOB_RUNNING] = {"running", TO(STOPPING) | TO(SUCCEEDED) | TO(QUEUED) | TO(FAILED)},
    [JOB_STOPPING] = {"stopping", TO(PAUSED) | TO(QUEUED) | TO(SUCCEEDED) | TO(FAILED) | TO(CANCELLED)},
    [JOB_PAUSED] = {"paused", TO(QUEUED) | TO(CANCELLED)},
    [JOB_SUCCEEDED] = {"succeeded", 0},
    [JOB_FAILED] = {"failed", 0},
    [JOB_CANCELLED] = {"cancelled", 0},
};

static const struct job_cause_row {
    const char *name;
    bool retryable;    /* by the same spec on the same machine, with nothing mended in between */
    int exit_codes[4]; /* of `trainyard run` (base/error.h's table); 0 ends the list */
} job_causes[CAUSES] = {
    [CAUSE_NONE] = {"", false, {0}},
    [CAUSE_INVALID_DATA] = {"invalid_data", false, {65, 66}},
    [CAUSE_INVALID_SPEC] = {"invalid_spec", false, {64}},
    [CAUSE_OUT_OF_MEMORY] = {"out_of_memory", true, {71}},
    [CAUSE_DIVERGED] = {"diverged", false, {0}},
    [CAUSE_WORKER_LOST] = {"worker_lost", true, {0}},
    [CAUSE_DISK_FULL] = {"disk_full", true, {73}},
    [CAUSE_SOURCE_UNAVAILABLE] = {"source_unavailable", true, {69}},
    [CAUSE_TIMEOUT] = {"timeout", false, {0}},
    [CAUSE_INTERNAL] = {"internal", false, {70, 74, 77}},
};

const char *job_state_name(enum job_state state) { return (unsigned)state < JOB_STATES ? job_states[state].name : "unknown"; }

bool job_state_parse(const char *name, enum job_state *out)
{
    for (int state = 0; name && state < JOB_STATES; state++)
        if (strcmp(job_states[state].name, name) == 0) {
            *out = (enum job_state)state;
            return true;
        }
    return false;
}

bool job_state_may(enum job_state from, enum job_state to)
{
    return (unsigned)from < JOB_STATES && (unsigned)to < JOB_STATES && (job_states[from].next >> to & 1);
}

bool job_state_final(enum job_state state) { return (unsigned)state < JOB_STATES && job_states[state].next == 0; }

const char *job_state_moves(enum job_state from, char *buf, size_t size)
{
    size_t used = 0;
    if (size > 0) buf[0] = 0;
    for (int to = 0; to < JOB_STATES && used < size; to++)
        if (job_state_may(from, (enum job_state)to)) used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "", job_states[to].name);
    if (used == 0) snprintf(buf, size, "none");
    return buf;
}

const char *job_cause_name(enum job_cause cause) { return (unsigned)cause < CAUSES ? job_causes[cause].name : "unknown"; }

bool job_cause_parse(const char *name, enum job_cause *out)
{
    for (int cause = 0; name && cause < CAUSES; cause++)
        if (strcmp(job_causes[cause].name, name) == 0) {
            *out = (enum job_cause)cause;
            return true;
        }
    return false;
}

bool job_cause_retryable(enum job_cause cause) { return (unsigned)cause < CAUSES && job_causes[cause].retryable; }

enum job_cause job_cause_of_exit(int exit_code)
{
    if (exit_code == 0) return CAUSE_NONE;
    for (int cause = 0; cause < CAUSES; cause++)
        for (size_t i = 0; i < sizeof job_causes[cause].exit_codes / sizeof(int) && job_causes[cause].exit_codes[i]; i++)
            if (job_causes[cause].exit_codes[i] == exit_code) return (enum job_cause)cause;
    return exit_code > 128 ? CAUSE_WORKER_LOST : CAUSE_INTERNAL; /* a shell's way to say: killed by a signal */
}
