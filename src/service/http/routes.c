/* Every table of routes: the one place that knows all resources. The dashboard's comes last, since it takes any path. */
#include "service/http/route.h"

extern const struct route job_routes[], job_action_routes[], job_result_routes[], job_log_routes[], event_routes[], checkpoint_routes[],
    about_routes[], metrics_routes[], static_routes[];

const struct route *const route_tables[] = {job_routes,        job_action_routes, job_result_routes, job_log_routes, event_routes,
                                            checkpoint_routes, about_routes,      metrics_routes,    static_routes,  NULL};
