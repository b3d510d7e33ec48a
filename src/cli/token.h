/* Bearer tokens from a file or the environment: one word of visible ASCII; blanks and the newline at its end do not count. */
#ifndef TRAINYARD_CLI_TOKEN_H
#define TRAINYARD_CLI_TOKEN_H

#include "base/error.h"

enum { TOKEN_SIZE = 1025 };

/* token_read: from `path`, or, when that is NULL, from $TRAINYARD_TOKEN; "" when neither says anything. ERROR_USAGE for an empty file
 * or a token that could not travel in a header; else what reading said. */
int token_read(char token[TOKEN_SIZE], const char *path, struct error *err);

#endif
