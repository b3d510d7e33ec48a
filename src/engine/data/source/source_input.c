/* Standard input, "-": a pipe from whatever makes the data, read once, straight into the block cache; the text is never stored. So it can be
 * neither known beforehand nor read again: a run remembers the entry that came of it (dataset_config.entry). */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/data/source/source_kind.h"

enum { POLL_MS = 200 }; /* how long a wish to stop may go unheard */

struct raw { /* lives in the list, so that a second opening is noticed */
    const struct source_list *list;
    bool taken;
};

static int input_list(struct source_list *list, const char *uri, struct error *err)
{
    struct source_file file = {.kind = &source_input, .place = {1, 0}};
    (void)uri;
    file.path = mem_text("standard input", err);
    file.object = mem_zero(sizeof(struct raw), err);
    if (file.path && file.object) return source_list_add(list, &file, err);
    mem_free(file.path);
    mem_free(file.object);
    return -ERROR_NOMEM;
}

static struct raw *input_open(const struct source_list *list, const struct source_file *file, struct error *err)
{
    struct raw *raw = file->object;
    raw->list = list;
    if (raw->taken) error_set(err, ERROR_DATA, SOURCE_FIELD, "standard input was read already and is gone; pipe the data in again");
    else if (isatty(STDIN_FILENO))
        error_set(err, ERROR_DATA, SOURCE_FIELD,
                  "standard input is a terminal; pipe the data in (`zcat clicks.gz | trainyard run ...`) or name a file");
    else return raw->taken = true, raw;
    return NULL;
}

static int64_t input_read(struct raw *raw, void *buf, size_t size, struct error *err)
{
    for (;;) {
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        if (source_stopped(raw->list)) return error_set(err, ERROR_STOPPED, NULL, "stopped while standard input was read");
        int ready = poll(&input, 1, POLL_MS);
        if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
        ssize_t n = read(STDIN_FILENO, buf, size);
        if (n >= 0) return n;
        if (errno != EINTR && errno != EAGAIN) return error_set(err, ERROR_IO, SOURCE_FIELD, "standard input: %s", strerror(errno));
    }
}

static void input_close(struct raw *raw) { (void)raw; /* the descriptor is the process's */ }

const struct source_kind source_input = {.kind = {"-", "standard input, read once into the block cache", "", 0, NULL},
                                         .once = true,
                                         .list = input_list,
                                         .open = input_open,
                                         .read = input_read,
                                         .close = input_close};
