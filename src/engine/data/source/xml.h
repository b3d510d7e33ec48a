/* A small strict reader of XML 1.0, as much of it as object stores answer with: elements, text, the five named entities and numbered ones.
 *
 * Attributes are passed over. No DOCTYPE, so nothing can expand; no comment, CDATA or processing instruction but the first line; names and depth are
 * bounded; what opens must close. Works on the text where it lies; any bytes may come. */
#ifndef TRAINYARD_ENGINE_DATA_XML_H
#define TRAINYARD_ENGINE_DATA_XML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { XML_DEPTH_MAX = 16, XML_NAME_SIZE = 64 };

enum xml_event { XML_END, XML_OPEN, XML_CLOSE, XML_TEXT };

struct xml {
    const char *at, *start, *end;
    int depth; /* elements that are open */
    char names[XML_DEPTH_MAX][XML_NAME_SIZE];
    bool closing, seen;       /* private: <a/> closes next; a root was there */
    char name[XML_NAME_SIZE]; /* of XML_OPEN and XML_CLOSE, without a prefix like "s3:" */
    const char *text;         /* of XML_TEXT: raw, entities and all */
    size_t text_size;
};

void xml_begin(struct xml *x, const char *text, size_t size);

/* xml_next: the next event, or a negative code: ERROR_DATA says what is wrong at which byte. Blank text between elements is left out. */
int xml_next(struct xml *x, struct error *err);

/* xml_text: the raw text with its entities resolved, NUL-terminated into buf; ERROR_DATA: unknown entity, NUL or too long. */
int xml_text(const struct xml *x, char *buf, size_t size, struct error *err);

#endif
