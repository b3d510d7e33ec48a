/* Any bytes as a store's answer: read or refused, never beyond its end; what was read is within its bounds, and the same when read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/data/source/s3_list.h"

#define MUST(condition) \
    if (!(condition)) abort()

static int each(void *context, const struct s3_object *o, struct error *err)
{
    size_t *count = context;
    (void)err;
    MUST(*o->key && memchr(o->key, 0, sizeof o->key) && memchr(o->etag, 0, sizeof o->etag) && o->size_known);
    ++*count;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct s3_page page, again;
    struct error err = {0};
    size_t count = 0, twice = 0;
    char words[300];
    char *copy = malloc(size ? size : 1); /* of exactly that size, for the sanitizer to watch */
    MUST(copy);
    if (size) memcpy(copy, data, size);
    int rc = s3_page_read(copy, size, &page, each, &count, &err);
    MUST(rc == 0 || (err.code == ERROR_DATA && *err.msg));
    MUST(s3_page_read(copy, size, &again, each, &twice, NULL) == rc && count == twice);
    if (rc == 0) MUST(page.truncated == again.truncated && strcmp(page.token, again.token) == 0 && (!page.truncated || *page.token));
    s3_refusal_read(copy, size, words, sizeof words);
    MUST(memchr(words, 0, sizeof words));
    free(copy);
    return 0;
}
