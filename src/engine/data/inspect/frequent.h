/* The most frequent texts of a stream in bounded memory: Misra and Gries 1982, with many counters lowered at once (Anderson et al. 2017, "A high-
 * performance algorithm for identifying frequent items in data streams"), so that an addition costs a hash probe on average.
 *
 * FREQUENT_MAX texts have a counter. When one more is needed, the median of the counters is taken off all of them, and those that fall to nothing go.
 * So a text's true count lies between `count` and `count` + frequent.lowered, one that has no counter occurred at most `lowered` times, and lowered
 * <= 2 additions / FREQUENT_MAX. While no more than FREQUENT_MAX texts came by, all counts are exact (lowered 0). A function of the stream's order
 * alone. */
#ifndef TRAINYARD_ENGINE_DATA_FREQUENT_H
#define TRAINYARD_ENGINE_DATA_FREQUENT_H

#include <stddef.h>
#include <stdint.h>

enum { FREQUENT_MAX = 256, FREQUENT_CELLS = 512, FREQUENT_TEXT = 46 };

struct frequent_cell {
    uint64_t hash;  /* of the whole text: that is what tells texts apart */
    uint64_t count; /* 0: vacant */
    uint8_t size;   /* bytes of text that are kept */
    uint8_t whole;  /* the text is no longer than that */
    char text[FREQUENT_TEXT];
};

struct frequent { /* zeroed: empty */
    struct frequent_cell cells[FREQUENT_CELLS];
    uint64_t added, lowered;
    size_t used;
};

/* frequent_add: text (size) of hash64(text, size, any seed) `hash`, once. */
void frequent_add(struct frequent *f, uint64_t hash, const char *text, size_t size);

/* frequent_top: the `max` texts with the highest counters, highest first, equal ones by text, into out. Borrowed until f changes. Returns how many.
 */
size_t frequent_top(const struct frequent *f, const struct frequent_cell **out, size_t max);

#endif
