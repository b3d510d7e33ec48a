/* A line search for the strong Wolfe conditions along a direction of descent: f(t) <= f(0) + c1 t f'(0) and |f'(t)| <= c2 |f'(0)| with c1 = 1e-4,
 * c2 = 0.9 (Nocedal and Wright 2006, s. 3.1). The second one makes the curvature that L-BFGS learns positive. Steps follow the secant of the slopes,
 * held inside the bracket: on convex functions slopes rise, so their root is the minimum. Near the optimum differences of f drown in the rounding of
 * single precision while slopes are still right: f may rise by 1e-8 of itself (as in Hager and Zhang 2005). Pure: no evaluation, no memory. */
#ifndef TRAINYARD_ENGINE_TRAIN_LINE_SEARCH_H
#define TRAINYARD_ENGINE_TRAIN_LINE_SEARCH_H

#include <stdbool.h>

enum { LINE_TRIES = 20 };
enum line_verdict { LINE_ACCEPT, LINE_AGAIN, LINE_FAIL };

struct line_search {
    double t; /* evaluate here */
    /* private */
    double f0, slope0, lo, slope_lo, hi, slope_hi, width;
    bool bounded; /* hi holds */
    unsigned tries;
};

/* line_begin: f and slope (< 0) at 0, and the first step to try (> 0). */
void line_begin(struct line_search *s, double f0, double slope0, double t);

/* line_judge: of f and slope at s->t; either may be infinite or NaN. AGAIN: s->t is the next step to try. FAIL: none was good in LINE_TRIES. */
enum line_verdict line_judge(struct line_search *s, double f, double slope);

#endif
