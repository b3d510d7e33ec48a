/* The progress bar: one line redrawn in place on a terminal, one plain line now and then elsewhere (logs, CI). Both go to standard
 * error, since standard output is for results. */
#ifndef TRAINYARD_CLI_BAR_H
#define TRAINYARD_CLI_BAR_H

#include "base/world.h"
#include "engine/train/progress.h"

struct bar {
    const struct world *world;
    bool terminal, quiet;
    int64_t plain_every_ms; /* between plain lines of a phase */
    int64_t last_ms;        /* when something was drawn; 0: nothing yet in this phase */
    enum progress_phase phase;
    bool drawn;             /* the bar stands on the terminal's current line */
    bool ended;             /* the phase's last line is out */
    struct progress latest; /* what the phase said last; not on a terminal */
};

void bar_init(struct bar *bar, const struct world *w, bool quiet, int64_t plain_every_ms);
void bar_progress(void *bar, const struct progress *p);                /* fits struct progress_sink */
void bar_note(void *bar, enum progress_level level, const char *text); /* a line of its own above the bar; fits struct progress_sink */
void bar_end(struct bar *bar);                                         /* the last phase's last line */

/* bar_text: the figures of p as one line of at most `width` columns: "training 43%  1.81 M rows/s  loss 0.4471  ETA 12.0 s".
 * with_bar adds the drawn bar. What does not fit is left out from the right. Returns its length. */
size_t bar_text(char *buf, size_t size, const struct progress *p, bool with_bar, size_t width);

#endif
