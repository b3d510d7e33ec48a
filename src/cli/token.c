#include "cli/token.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/world.h"

static int check(const char *token, size_t size, const char *source, struct error *err)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)token[i] <= 0x20 || (unsigned char)token[i] >= 0x7f)
            return error_set(err, ERROR_USAGE, NULL, "%s: a token is one word of visible ASCII; byte %zu is not", source, i + 1);
    if (size >= TOKEN_SIZE) return error_set(err, ERROR_USAGE, NULL, "%s: the token is longer than %d bytes", source, TOKEN_SIZE - 1);
    return 0;
}

int token_read(char token[TOKEN_SIZE], const char *path, struct error *err)
{
    const char *environment = getenv("TRAINYARD_TOKEN");
    struct bytes text;
    token[0] = 0;
    bytes_init(&text, 2 * TOKEN_SIZE);
    int rc = path ? file_slurp(&world_real, path, &text, err) : bytes_add_text(&text, environment ? environment : "", err);
    while (rc == 0 && text.size > 0 && strchr(" \t\r\n", text.data[text.size - 1])) text.data[--text.size] = 0;
    if (rc == 0 && path && text.size == 0) rc = error_set(err, ERROR_USAGE, NULL, "%s is empty; it must hold the token", path);
    if (rc == 0) rc = check(bytes_text(&text), text.size, path ? path : "$TRAINYARD_TOKEN", err);
    if (rc == 0) str_copy(token, TOKEN_SIZE, bytes_text(&text));
    bytes_close(&text);
    return rc < 0 ? error_wrap(err, "token") : 0;
}
