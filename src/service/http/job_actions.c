/* /v1/jobs/{id}/cancel, pause, resume: wishes. The scheduler says whether they are possible in the job's state. */
#include "service/http/render.h"
#include "service/http/route.h"

typedef int (*wish_function)(struct sched *s, const char *who, const char *id, struct job *out, struct error *err);

static int job_wish(struct request *rq, struct reply *rp, wish_function wish, struct error *err)
{
    struct job job = {0};
    int rc = wish(rq->service->sched, "", request_path(rq, "id"), &job, err);
    if (rc == 0) rc = reply_json(rp, 202, render_job(rq->service, &job, RENDER_SPEC | RENDER_WAIT), err);
    job_close(&job);
    return rc;
}

static int job_cancel(struct request *rq, struct reply *rp, struct error *err) { return job_wish(rq, rp, sched_cancel, err); }
static int job_pause(struct request *rq, struct reply *rp, struct error *err) { return job_wish(rq, rp, sched_pause, err); }
static int job_resume(struct request *rq, struct reply *rp, struct error *err) { return job_wish(rq, rp, sched_resume, err); }

const struct route job_action_routes[] = {
    {"POST", "/v1/jobs/{id}/cancel", ROLE_SUBMITTER, 0, 0, NULL, job_cancel, "Stop a job; its checkpoints stay"},
    {"POST", "/v1/jobs/{id}/pause", ROLE_SUBMITTER, 0, 0, NULL, job_pause, "Checkpoint and stop a job, to go on later"},
    {"POST", "/v1/jobs/{id}/resume", ROLE_SUBMITTER, 0, 0, NULL, job_resume, "Put a paused job back into the queue"},
    {0},
};
