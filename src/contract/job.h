/* Job and attempt states as data. queued -> starting -> running -> (stopping) -> succeeded | failed | cancelled; a paused job
 * resumes into the queue; a lost, preempted or retried attempt returns there; a queue time-out fails a queued job. */
#ifndef TRAINYARD_CONTRACT_JOB_H
#define TRAINYARD_CONTRACT_JOB_H

#include <stdbool.h>
#include <stddef.h>

enum job_state { JOB_QUEUED, JOB_STARTING, JOB_RUNNING, JOB_STOPPING, JOB_PAUSED, JOB_SUCCEEDED, JOB_FAILED, JOB_CANCELLED, JOB_STATES };

const char *job_state_name(enum job_state state);
bool job_state_parse(const char *name, enum job_state *out);
bool job_state_may(enum job_state from, enum job_state to);
bool job_state_final(enum job_state state);
const char *job_state_moves(enum job_state from, char *buf, size_t size); /* "starting, paused, cancelled"; for messages */

enum job_cause {
    CAUSE_NONE,
    CAUSE_INVALID_DATA,
    CAUSE_INVALID_SPEC,
    CAUSE_OUT_OF_MEMORY,
    CAUSE_DIVERGED,
    CAUSE_WORKER_LOST,
    CAUSE_DISK_FULL,
    CAUSE_SOURCE_UNAVAILABLE, /* a remote source of the data does not answer */
    CAUSE_TIMEOUT,
    CAUSE_INTERNAL,
    CAUSES
};
const char *job_cause_name(enum job_cause cause); /* "invalid_data"; CAUSE_NONE is "" */
bool job_cause_parse(const char *name, enum job_cause *out);
bool job_cause_retryable(enum job_cause cause);  /* would the same job, tried again, have a chance? */
enum job_cause job_cause_of_exit(int exit_code); /* of `trainyard run`: 65 invalid_data, 71 out_of_memory, ... */

#endif
