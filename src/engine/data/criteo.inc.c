/* The Criteo format's hot loop: marks of tabs and newlines first (scan.h), then a row at a time. Whatever is not a plain good row is
 * handed to criteo_refuse(), which is slow and explains. Compiled once an instruction set; every copy gives the same rows. */
#include "base/kernel.h"
#include "engine/data/criteo.h"
#include "engine/data/feature.h"
#include "engine/data/scan.h"
#include "engine/data/text.h"

/* The decimal number in the 1 to 8 bytes at p; 8 are read. *good: all of them are digits. (Bytes as lanes of one word; Lemire 2018,
 * "Quickly parsing eight digits".) */
static inline uint64_t digits8(const char *p, size_t size, bool *good)
{
    uint64_t word;
    memcpy(&word, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    word <<= 64 - 8 * size;
    word |= 0x3030303030303030u >> 4 * size >> 4 * size; /* leading zeros; in two steps, since size may be 8 */
    *good = ((word & 0xF0F0F0F0F0F0F0F0u) | ((word + 0x0606060606060606u) & 0xF0F0F0F0F0F0F0F0u) >> 4) == 0x3333333333333333u;
    word -= 0x3030303030303030u;
    word = word * 10 + (word >> 8);
    return ((word & 0x000000FF000000FFu) * 0x000F424000000064u + ((word >> 16 & 0x000000FF000000FFu) * 0x0000271000000001u)) >> 32;
}

/* The key of integer column c with the text [p, p + size); false: no integer. */
static inline bool integer_key(const struct criteo *state, size_t c, const char *p, size_t size, uint32_t *key)
{
    if (size == 0) {
        *key = state->missing[c];
        return true;
    }
    bool minus = *p == '-', good = false;
    uint64_t value = 0;
    if (size - minus - 1 < 8) value = digits8(p + minus, size - minus, &good);
    if (!good) {
        int64_t wide;
        if (!text_i64(p, p + size, &wide)) return false;
        *key = criteo_integer_key(state, c, wide);
        return true;
    }
    if (!minus && value > 2) *key = state->classes[c][square_log(&state->log, value)];
    else if (value <= CRITEO_SMALL) *key = state->small[c][CRITEO_SMALL + (minus ? -(int64_t)value : (int64_t)value)];
    else *key = criteo_integer_key(state, c, -(int64_t)value);
    return true;
}

/* One row: m[-1] + 1 is its start (as a position, start), m[0..38] its tabs, m[39] its newline. false: something is wrong. */
static inline bool row_parse(const struct criteo *state, const char *text, uint32_t start, const uint32_t *m, uint32_t *keys, uint8_t *label)
{
    bool good = true;
    if (m[0] == start + 1 && (text[start] | 1) == '1') *label = text[start] & 1;
    else {
        int slow = text_label(text + start, text + m[0]);
        if (slow < 0) return false;
        *label = (uint8_t)slow;
    }
    for (size_t c = 0; c < CRITEO_FIELDS; c++) good &= text[m[c]] == '\t';
    if (!good || text[m[CRITEO_FIELDS]] != '\n') return false;
    for (size_t c = 0; c < CRITEO_INTEGERS; c++) good &= integer_key(state, c, text + m[c] + 1, m[c + 1] - m[c] - 1, keys + c);
    uint32_t end = m[CRITEO_FIELDS];
    for (size_t c = CRITEO_INTEGERS; c < CRITEO_FIELDS; c++) {
        const char *p = text + m[c] + 1;
        size_t size = m[c + 1] - m[c] - 1;
        if (c == CRITEO_FIELDS - 1 && size > 0 && text[end - 1] == '\r') size--;
        if (size == 8) keys[c] = feature_key(p, 8, state->seeds[c]); /* the usual eight hex digits: a constant size folds the hash */
        else keys[c] = size == 0 ? state->missing[c] : feature_key(p, size, state->seeds[c]);
    }
    return good;
}

int KERNEL(criteo_parse)(const struct criteo *state, const struct chunk *chunk, struct parsed *out, uint32_t *marks, struct error *err)
{
    const char *text = chunk->text, *end = text + chunk->size;
    struct rows *rows = &out->rows;
    size_t count = scan_marks(text, chunk->size, '\t', '\n', marks), k = 0;
    int rc = rows_reserve(rows, count / (CRITEO_FIELDS + 1) + 1, (count / (CRITEO_FIELDS + 1) + 1) * CRITEO_FIELDS, err);
    uint32_t start = 0;
    if (rc < 0) return rc;
    while (k < count) {
        const uint32_t *m = marks + k;
        uint8_t label;
        bool whole = k + CRITEO_FIELDS < count && m[CRITEO_FIELDS] - start <= chunk->line_bytes_max && !chunk->has_nul;
        if (whole && row_parse(state, text, start, m, rows->keys + rows->features, &label)) {
            rows_end_row(rows, CRITEO_FIELDS, label);
            start = m[CRITEO_FIELDS] + 1;
            k += CRITEO_FIELDS + 1;
        } else {
            const char *stop, *next = text_line(text + start, end, &stop);
            size_t tabs = 0;
            while (k + tabs < count && marks[k + tabs] < (uint32_t)(next - text)) tabs++;
            bool good = chunk->has_nul && tabs == CRITEO_FIELDS + 1 && (size_t)(stop - text) - start <= chunk->line_bytes_max &&
                        !memchr(text + start, 0, (size_t)(stop - text) - start) &&
                        row_parse(state, text, start, m, rows->keys + rows->features, &label);
            if (good) rows_end_row(rows, CRITEO_FIELDS, label);
            else criteo_refuse(text + start, stop, chunk, out->lines, &out->bad);
            start = (uint32_t)(next - text);
            k += tabs;
        }
        out->lines++;
    }
    return 0;
}
