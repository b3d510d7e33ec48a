#include "base/kernel.h"
#include "engine/data/format/csv_scan.h"
#include "engine/data/format/scan.h"

bool KERNEL(csv_scan_window)(struct csv_scan *s, size_t used);
void KERNEL(csv_scan_records)(struct csv_scan *s);

/* Bit i: the number of set bits up to and with i is odd. */
static inline uint64_t prefix_xor(uint64_t x)
{
    for (int shift = 1; shift < 64; shift *= 2) x ^= x << shift;
    return x;
}

/* Of the bytes in `after`, which follow closing quotes and are no separators: those that are no \r before a newline either. */
static uint64_t not_cr(const char *text, uint64_t after)
{
    uint64_t bad = 0;
    for (; after; after &= after - 1) {
        int i = __builtin_ctzll(after);
        if (text[i] != '\r' || text[i + 1] != '\n') bad |= after & -after;
    }
    return bad;
}

/* The next 64 bytes. Returns the separators outside quotes, and in *newlines those of them that end a record. */
static inline uint64_t csv_step(struct csv_scan *s, uint64_t *newlines)
{
    const char *text = s->text + s->at;
    uint64_t within = scan_within(s->at, s->size);
    uint64_t quotes = scan_64(text, '"') & within & ((uint64_t)s->no_quotes - 1), lines = scan_64(text, '\n') & within,
             separators = (scan_64(text, s->delimiter) & within) | lines;
    uint64_t inside = prefix_xor(quotes) ^ s->inside; /* an opening quote is, a closing one is not */
    uint64_t open = quotes & inside, close = quotes & ~inside;
    s->newlines_inside |= (lines & inside) != 0;
    separators &= ~inside, lines &= ~inside;

    uint64_t after_close = close << 1 | s->after_close, after_separator = separators << 1 | s->after_separator;
    s->doubled |= (open & after_close) != 0;
    uint64_t bad = open & ~(after_close | after_separator), other = after_close & within & ~(separators | open);
    if (__builtin_expect(other != 0, 0)) bad |= not_cr(text, other);
    if (__builtin_expect(bad != 0, 0)) {
        s->broken = true;
        lines &= (bad & -bad) - 1, separators &= (bad & -bad) - 1;
    }
    s->inside = (uint64_t)((int64_t)inside >> 63);
    s->after_close = close >> 63;
    s->after_separator = separators >> 63;
    *newlines = lines;
    return separators;
}

/* Note where each record ends; the first that is too long breaks the scan. Returns how many lines are good. */
static inline uint64_t csv_records(struct csv_scan *s, uint64_t newlines)
{
    for (uint64_t left = newlines; left; left &= left - 1) {
        size_t newline = s->at + (size_t)__builtin_ctzll(left);
        if (__builtin_expect(newline - s->record > s->line_bytes_max, 0)) {
            s->broken = true;
            return newlines & ((left & -left) - 1);
        }
        s->record = newline + 1;
    }
    return newlines;
}

bool KERNEL(csv_scan_window)(struct csv_scan *scan, size_t used)
{
    struct csv_scan s = *scan; /* in registers */
    s.mark_count -= used;
    s.end_count = 0;
    if (used > 0) memmove(s.marks, s.marks + used, s.mark_count * sizeof *s.marks);
    while (s.end_count == 0 && s.at < s.size && !s.broken) {
        size_t stop = s.size - s.at < SCAN_WINDOW ? s.size : s.at + SCAN_WINDOW;
        for (; s.at < stop && !s.broken; s.at += 64) {
            uint64_t newlines, separators = csv_step(&s, &newlines);
            for (uint64_t left = csv_records(&s, newlines); left; left &= left - 1)
                s.ends[s.end_count++] = (uint32_t)s.mark_count + (uint32_t)__builtin_popcountll(separators & ((left & -left) - 1));
            s.mark_count += scan_emit(separators, (uint32_t)s.at, s.marks + s.mark_count);
        }
        if (s.end_count == 0 && s.at < s.size && s.at - s.record > s.line_bytes_max) s.broken = true;
    }
    if (s.at > s.size) s.at = s.size;
    *scan = s;
    return s.end_count > 0;
}

void KERNEL(csv_scan_records)(struct csv_scan *scan)
{
    struct csv_scan s = *scan;
    uint64_t newlines;
    for (; s.at < s.size && !s.broken; s.at += 64) {
        csv_step(&s, &newlines);
        csv_records(&s, newlines);
    }
    if (s.at > s.size) s.at = s.size;
    *scan = s;
}
