#include "engine/train/line_search.h"

#include <math.h>

static const double c1 = 1e-4, c2 = 0.9, noise = 1e-8, edge = 0.1, stretch_least = 2, stretch_most = 10;

void line_begin(struct line_search *s, double f0, double slope0, double t)
{
    *s = (struct line_search){.t = t, .f0 = f0, .slope0 = slope0, .slope_lo = slope0, .width = INFINITY};
}

/* Beyond what was tried: where the slope would be zero if it went on rising as from 0 to t. */
static double line_beyond(const struct line_search *s, double slope)
{
    double guess = slope > s->slope0 ? s->t * s->slope0 / (s->slope0 - slope) : INFINITY;
    return fmin(fmax(guess, stretch_least * s->t), stretch_most * s->t);
}

/* Inside the bracket: the secant's root, or the middle where the last try has not halved it. */
static double line_between(struct line_search *s)
{
    double width = s->hi - s->lo, guess = s->lo + width / 2;
    if (!(width > s->width / 2) && s->slope_hi > s->slope_lo) guess = s->lo - s->slope_lo * width / (s->slope_hi - s->slope_lo);
    s->width = width;
    return fmin(fmax(guess, s->lo + edge * width), s->hi - edge * width);
}

enum line_verdict line_judge(struct line_search *s, double f, double slope)
{
    bool finite = isfinite(f) && isfinite(slope);
    bool high = !finite || f > s->f0 + c1 * s->t * s->slope0 + noise * fabs(s->f0);
    if (!high && fabs(slope) <= c2 * -s->slope0) return LINE_ACCEPT;
    if (++s->tries >= LINE_TRIES) return LINE_FAIL;
    if (high || slope > 0) s->hi = s->t, s->slope_hi = finite ? slope : NAN, s->bounded = true;
    else s->lo = s->t, s->slope_lo = slope;
    s->t = s->bounded ? line_between(s) : line_beyond(s, slope);
    return LINE_AGAIN;
}
