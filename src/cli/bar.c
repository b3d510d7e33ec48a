#include "cli/bar.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "cli/terminal.h"

enum { REDRAW_MS = 100, BAR_COLUMNS = 16, PART_SIZE = 64, LINE_SIZE = 512 };

static const char *const phases[PROGRESS_PHASES] = {"reading", "training", "evaluating", "writing", "scoring"};

void bar_init(struct bar *bar, const struct world *w, bool quiet, int64_t plain_every_ms)
{
    *bar = (struct bar){.world = w, .terminal = terminal_is(stderr), .quiet = quiet, .plain_every_ms = plain_every_ms, .phase = PROGRESS_PHASES};
}

static void add(char *buf, size_t size, size_t *used, size_t width, const char *part)
{
    size_t length = strlen(part), gap = *used ? 2 : 0;
    if (length == 0 || *used + gap + length > width || *used + gap + length >= size) return;
    memcpy(buf + *used, "  ", gap);
    memcpy(buf + *used + gap, part, length + 1);
    *used += gap + length;
}

static void draw(char part[PART_SIZE], double share)
{
    int full = (int)(share * BAR_COLUMNS);
    part[0] = '[';
    for (int i = 0; i < BAR_COLUMNS; i++) part[1 + i] = i < full ? '=' : i == full ? '>' : ' ';
    memcpy(part + 1 + BAR_COLUMNS, "]", 2);
}

size_t bar_text(char *buf, size_t size, const struct progress *p, bool with_bar, size_t width)
{
    char part[PART_SIZE], number[32];
    size_t used = 0;
    double share = p->total ? fmin(1, (double)p->done / (double)p->total) : NAN;
    buf[0] = 0;
    if (isnan(share)) snprintf(part, sizeof part, with_bar ? "%-10s" : "%s", phases[p->phase]);
    else snprintf(part, sizeof part, with_bar ? "%-10s %3.0f%%" : "%s %.0f%%", phases[p->phase], floor(share * 100));
    add(buf, size, &used, width, part);
    if (with_bar && !isnan(share)) draw(part, share), add(buf, size, &used, width, part);
    /* what matters most comes first: it still fits 80 columns */
    if (p->rows_per_s > 0)
        snprintf(part, sizeof part, "%s rows/s", str_count(number, sizeof number, p->rows_per_s)), add(buf, size, &used, width, part);
    if (!isnan(p->loss)) snprintf(part, sizeof part, "loss %.4f", p->loss), add(buf, size, &used, width, part);
    if (p->eta_ms >= 0 && !(p->total && p->done >= p->total))
        snprintf(part, sizeof part, "ETA %s", human_duration(number, sizeof number, p->eta_ms)), add(buf, size, &used, width, part);
    if (!isnan(p->auc)) snprintf(part, sizeof part, "auc %.4f", p->auc), add(buf, size, &used, width, part);
    if (p->epochs > 0) snprintf(part, sizeof part, "epoch %u/%u", p->epoch, p->epochs), add(buf, size, &used, width, part);
    if (p->rows > 0) snprintf(part, sizeof part, "%s rows", str_count(number, sizeof number, (double)p->rows)), add(buf, size, &used, width, part);
    return used;
}

static void draw_terminal(struct bar *bar, const struct progress *p)
{
    char line[LINE_SIZE];
    bar_text(line, sizeof line, p, true, terminal_width(stderr) - 1);
    fprintf(stderr, "\r\x1b[K%s", line);
    fflush(stderr);
    bar->drawn = true;
}

static void plain_line(struct bar *bar, const struct progress *p)
{
    char line[LINE_SIZE];
    bar_text(line, sizeof line, p, false, sizeof line - 1);
    log_info("%s", line);
    bar->ended = p->total && p->done >= p->total;
}

/* What a phase said last stays to be read, also when it ended between two drawings. */
static void end_phase(struct bar *bar)
{
    if (bar->drawn) fputc('\n', stderr);
    else if (!bar->terminal && bar->phase != PROGRESS_PHASES && !bar->ended && bar->latest.done > 0) plain_line(bar, &bar->latest);
    bar->drawn = bar->ended = false;
}

void bar_progress(void *context, const struct progress *p)
{
    struct bar *bar = context;
    if (bar->quiet || p->phase >= PROGRESS_PHASES) return;
    int64_t now = world_mono_ms(bar->world);
    bool full = p->total && p->done >= p->total;
    if (p->phase != bar->phase) {
        end_phase(bar);
        bar->phase = p->phase;
        bar->last_ms = bar->terminal ? 0 : now;
    }
    bar->latest = *p;
    int64_t every = bar->terminal ? REDRAW_MS : bar->plain_every_ms;
    if (bar->ended || (!full && bar->last_ms && now - bar->last_ms < every)) return;
    bar->last_ms = now;
    bar->ended = full;
    if (bar->terminal) draw_terminal(bar, p);
    else plain_line(bar, p);
}

void bar_note(void *context, enum progress_level level, const char *text)
{
    static const enum log_level levels[] = {[PROGRESS_INFO] = LOG_INFO, [PROGRESS_WARN] = LOG_WARN, [PROGRESS_ERROR] = LOG_ERROR};
    struct bar *bar = context;
    if (bar->quiet && level == PROGRESS_INFO) return;
    if (!bar->terminal) {
        log_write(levels[level], "%s", text);
        return;
    }
    fprintf(stderr, "\r\x1b[K%s", level == PROGRESS_INFO ? "" : level == PROGRESS_WARN ? "warning: " : "error: ");
    print_clean(stderr, text, strlen(text));
    fputc('\n', stderr);
    bar->drawn = false;
}

void bar_end(struct bar *bar)
{
    end_phase(bar);
    bar->phase = PROGRESS_PHASES;
    fflush(stderr);
}
