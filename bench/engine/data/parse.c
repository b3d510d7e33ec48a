/* Parse and hash: FILE (Criteo form) into a fresh block cache on one core, as the first epoch of a first job does, beside a plain
 * read of the same bytes. Both with the file in the page cache. Prints lines `NAME VALUE UNIT`. Usage: parse FILE SCRATCH-FOLDER */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "engine/data/dataset.h"
#include "engine/data/format.h"

enum { ROUNDS = 3, READ_BYTES = 1 << 20 };

static double seconds_since(int64_t from_ns) { return (double)(world_mono_ns(&world_real) - from_ns) * 1e-9; }

static int read_plain(const char *path, double *mb_per_s, struct error *err)
{
    struct file *f;
    char *buffer = mem_array(READ_BYTES, 1, 1, err);
    int64_t got = 0, from;
    uint64_t total = 0;
    int rc = buffer ? file_open(&world_real, path, FILE_READ, &f, err) : -(int)ERROR_NOMEM;
    if (rc < 0) return mem_free(buffer), rc;
    from = world_mono_ns(&world_real);
    while ((got = file_read(f, buffer, READ_BYTES, err)) > 0) total += (uint64_t)got;
    *mb_per_s = (double)total / 1e6 / seconds_since(from);
    mem_free(buffer);
    rc = file_close(f, err);
    return got < 0 ? (int)got : rc;
}

static int parse(const char *path, const char *scratch, const struct kind *format, void *params, double *mb_per_s, double *rows_per_s,
                 struct error *err)
{
    char *uris[] = {mem_text(path, err), NULL};
    struct dataset_config config = {.world = &world_real,
                                    .uris = uris,
                                    .uri_count = 1,
                                    .format = format,
                                    .format_params = params,
                                    .cache_dir = scratch,
                                    .parallel = &parallel_inline};
    int rc = path_remove_tree(&world_real, scratch, err);
    if (rc < 0 || !uris[0]) return rc < 0 ? rc : -(int)ERROR_NOMEM;
    int64_t from = world_mono_ns(&world_real);
    struct dataset *dataset = dataset_open(&config, err);
    double seconds = seconds_since(from);
    if (dataset) {
        const struct dataset_info *info = dataset_info(dataset);
        *mb_per_s = (double)info->source_bytes / 1e6 / seconds;
        *rows_per_s = (double)info->rows / seconds;
    }
    rc = dataset ? 0 : -(int)err->code;
    dataset_free(dataset);
    mem_free(uris[0]);
    return rc;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    const struct kind *format = kind_find((const struct kind *const *)formats, "criteo");
    double read = 0, parsed = 0, rows = 0;
    int rc = 0;
    if (argc != 3) return fprintf(stderr, "usage: parse FILE SCRATCH-FOLDER\n"), 64;
    void *params = mem_zero(format->params_size ? format->params_size : 1, &err);
    if (!params) return 71;
    options_default(format->options, params);
    for (int round = 0; rc == 0 && round < ROUNDS; round++) { /* the best of the rounds: the machine is shared */
        double mb = 0, r = 0, plain = 0;
        if ((rc = read_plain(argv[1], &plain, &err)) < 0) break;
        if ((rc = parse(argv[1], argv[2], format, params, &mb, &r, &err)) < 0) break;
        if (plain > read) read = plain;
        if (mb > parsed) parsed = mb, rows = r;
    }
    path_remove_tree(&world_real, argv[2], NULL);
    mem_free(params);
    if (rc < 0) return fprintf(stderr, "parse: %s\n", err.msg), 1;
    printf("file-read %.0f MB/s\nparse %.0f MB/s\nparse-rows %.0f rows/s\n", read, parsed, rows);
    return 0;
}
