/* Answers of S3 read: a page of ListObjectsV2, and why a request was refused. Any bytes may come. */
#ifndef TRAINYARD_ENGINE_DATA_S3_LIST_H
#define TRAINYARD_ENGINE_DATA_S3_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { S3_KEY_SIZE = 1025, S3_TEXT_SIZE = 256, S3_TOKEN_SIZE = 2048 };

struct s3_object {
    char key[S3_KEY_SIZE]; /* decoded */
    char etag[S3_TEXT_SIZE], modified[S3_TEXT_SIZE];
    uint64_t size_bytes;
    bool size_known;
};

struct s3_page {
    bool truncated;
    char token[S3_TOKEN_SIZE]; /* of the next page, when truncated */
};

/* s3_page_read: each object of a page that was asked for with encoding-type=url. each may return a negative code, which ends the reading. ERROR_DATA
 * says what is wrong with the page. */
int s3_page_read(const char *text, size_t size, struct s3_page *page, int (*each)(void *context, const struct s3_object *object, struct error *err),
                 void *context, struct error *err);

/* s3_refusal_read: "Code: Message" of an error's body into buf; "" when it is none. */
void s3_refusal_read(const char *text, size_t text_size, char *buf, size_t size);

#endif
