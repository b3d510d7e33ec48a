#include "cli/specfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/world.h"
#include "cli/terminal.h"
#include "contract/spec.h"

static int read_input(struct bytes *text, struct error *err)
{
    char block[65536];
    size_t got;
    int rc = 0;
    while (rc == 0 && (got = fread(block, 1, sizeof block, stdin)) > 0) rc = bytes_add(text, block, got, err);
    if (rc == 0 && ferror(stdin)) rc = error_set(err, ERROR_IO, NULL, "cannot read standard input");
    return rc;
}

int specfile_read(struct specfile *file, const char *path, struct error *err)
{
    bool is_input = strcmp(path, "-") == 0;
    *file = (struct specfile){.path = is_input ? "standard input" : path};
    bytes_init(&file->text, SPEC_MAX_BYTES);
    int rc = is_input ? read_input(&file->text, err) : file_slurp(&world_real, path, &file->text, err);
    if (rc == 0 && !(file->json = json_read(file->text.data, file->text.size, file->path, err))) rc = -(int)err->code;
    if (rc < 0) specfile_close(file);
    return rc;
}

void specfile_close(struct specfile *file)
{
    json_decref(file->json);
    file->json = NULL;
    bytes_close(&file->text);
}

/* A workflow command's escapes: '%' and line breaks everywhere, ':' and ',' in properties. */
static void annotate(const char *text, bool property)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '%' || c < 0x20 || (property && (c == ':' || c == ','))) fprintf(stderr, "%%%02X", c);
        else fputc(c, stderr);
    }
}

void specfile_fault(const struct specfile *file, const char *pointer, const char *detail)
{
    const char *actions = getenv("GITHUB_ACTIONS");
    size_t line = json_line_of(bytes_text(&file->text), file->text.size, pointer);
    fprintf(stderr, "%s:%zu: ", file->path, line);
    print_clean(stderr, pointer, strlen(pointer));
    fputs(*pointer ? " " : "", stderr);
    print_clean(stderr, detail, strlen(detail));
    fputc('\n', stderr);
    if (!actions || strcmp(actions, "true") != 0) return;
    fputs("::error file=", stderr);
    annotate(file->path, true);
    fprintf(stderr, ",line=%zu,title=", line);
    annotate(pointer, true);
    fputs("::", stderr);
    annotate(detail, false);
    fputc('\n', stderr);
}
