#include "cli/terminal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_MIN = 40, WIDTH_MAX = 200, WIDTH_DEFAULT = 100, CELL_MAX = 512, TABLE_MAX_BYTES = 16 << 20 };

bool terminal_is(FILE *stream) { return isatty(fileno(stream)) == 1; }

size_t terminal_width(FILE *stream)
{
    struct winsize size = {0};
    if (!terminal_is(stream) || ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return WIDTH_DEFAULT;
    if (size.ws_col < WIDTH_MIN) return WIDTH_MIN;
    return size.ws_col > WIDTH_MAX ? WIDTH_MAX : size.ws_col;
}

void table_init(struct table *t, const char *align)
{
    *t = (struct table){.columns = strlen(align), .align = align};
    bytes_init(&t->text, TABLE_MAX_BYTES);
}

void table_close(struct table *t) { bytes_close(&t->text); }

int table_cell(struct table *t, struct error *err, const char *fmt, ...)
{
    char cell[CELL_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(cell, sizeof cell, fmt, args);
    va_end(args);
    for (char *c = cell; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
    t->cells++;
    return bytes_add(&t->text, cell, strlen(cell) + 1, err);
}

/* Columns of UTF-8 text: bytes that do not continue a character. Wide characters count as one; tables may then lean. */
static size_t columns_of(const char *text)
{
    size_t n = 0;
    for (; *text; text++) n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

void table_print(const struct table *t, FILE *out)
{
    size_t width[TABLE_COLUMNS_MAX] = {0};
    const char *cell = bytes_text(&t->text);
    for (size_t i = 0; i < t->cells; i++, cell += strlen(cell) + 1) {
        size_t columns = columns_of(cell), c = i % t->columns;
        if (c < TABLE_COLUMNS_MAX && columns > width[c]) width[c] = columns;
    }
    cell = bytes_text(&t->text);
    for (size_t i = 0; i < t->cells; i++, cell += strlen(cell) + 1) {
        size_t c = i % t->columns, pad = c < TABLE_COLUMNS_MAX ? width[c] - columns_of(cell) : 0;
        bool last = c + 1 == t->columns;
        if (t->align[c] == 'r') fprintf(out, "%*s%s", (int)pad, "", cell);
        else fprintf(out, "%s%*s", cell, last ? 0 : (int)pad, "");
        fputs(last ? "\n" : "  ", out);
    }
}

const char *human_duration(char *buf, size_t size, int64_t ms)
{
    int64_t s = ms / 1000;
    if (ms < 0) snprintf(buf, size, "-");
    else if (ms < 1000) snprintf(buf, size, "%" PRId64 " ms", ms);
    else if (s < 60) snprintf(buf, size, "%.1f s", (double)ms / 1000);
    else if (s < 3600) snprintf(buf, size, "%" PRId64 " min %02" PRId64 " s", s / 60, s % 60);
    else if (s < 86400) snprintf(buf, size, "%" PRId64 " h %02" PRId64 " min", s / 3600, s / 60 % 60);
    else snprintf(buf, size, "%" PRId64 " d %" PRId64 " h", s / 86400, s / 3600 % 24);
    return buf;
}

const char *human_age(char *buf, size_t size, int64_t ms)
{
    int64_t s = ms / 1000;
    if (s < 1) snprintf(buf, size, "just now");
    else if (s < 60) snprintf(buf, size, "%" PRId64 " s ago", s);
    else if (s < 3600) snprintf(buf, size, "%" PRId64 " min ago", s / 60);
    else if (s < 86400) snprintf(buf, size, "%" PRId64 " h ago", s / 3600);
    else snprintf(buf, size, "%" PRId64 " d ago", s / 86400);
    return buf;
}

void print_clean(FILE *out, const char *text, size_t size)
{
    size_t from = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t') continue;
        fwrite(text + from, 1, i - from, out);
        fprintf(out, "\\x%02x", c);
        from = i + 1;
    }
    fwrite(text + from, 1, size - from, out);
}
