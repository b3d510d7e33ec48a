/* Replays a fuzz target's corpus as a plain test: every file of the folders and files in argv goes through
 * LLVMFuzzerTestOneInput once, then the same bytes cut short at each of the first 256 lengths (torn input is the commonest
 * hostile input). Each input is copied to a block of exactly its size, so that a sanitizer sees one byte read too many.
 * Fails when it replayed nothing. Ends with cmocka's summary line, which script/test adds up. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 24, CUTS = 256 };

static void replay_bytes(const char *bytes, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact) abort();
    memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static size_t replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) return perror(path), 0;
    char *bytes = malloc(INPUT_MAX);
    if (!bytes) abort();
    size_t size = fread(bytes, 1, INPUT_MAX, f);
    fclose(f);
    replay_bytes(bytes, size);
    for (size_t cut = 0; cut < CUTS && cut < size; cut++) replay_bytes(bytes, cut);
    free(bytes);
    return 1;
}

static size_t replay_path(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir) return replay_file(path);
    size_t files = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char inner[4096];
        struct stat st;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && stat(inner, &st) == 0 && S_ISREG(st.st_mode)) files += replay_file(inner);
    }
    closedir(dir);
    return files;
}

int main(int argc, char **argv)
{
    size_t files = 0;
    for (int i = 1; i < argc; i++) files += replay_path(argv[i]);
    printf("[  %s  ] %zu test(s).\n", files ? "PASSED" : "FAILED", files);
    return files ? 0 : 1;
}
