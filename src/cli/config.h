/* The configuration of `trainyard serve`: a JSON object in a file, in which // comments are allowed (config/trainyard.json is the
 * commented example), under what the command line says. */
#ifndef TRAINYARD_CLI_CONFIG_H
#define TRAINYARD_CLI_CONFIG_H

#include "base/kind.h"
#include "base/world.h"

enum { CONFIG_LIST_MAX = 64, CONFIG_MAX_BYTES = 1 << 20 };

struct config {
    char listen[OPTION_TEXT_SIZE], state[OPTION_TEXT_SIZE], token_file[OPTION_TEXT_SIZE];
    int64_t slots; /* 0: cores */
    int64_t stop_grace_ms, connections, disk_low_bytes;
    int log_level;
    const char *data_roots[CONFIG_LIST_MAX + 1]; /* NULL-terminated; borrowed from json or the command line */
    const char *hosts[CONFIG_LIST_MAX + 1];
    const char *sources[CONFIG_LIST_MAX + 1];
    size_t data_root_count, host_count, source_count;
    json_t *json; /* the file, or NULL; owned */
};
extern const struct option config_options[]; /* of everything but the lists */

/* config_read: defaults, then the file at path (NULL: none). All faults of the file are told in err, each with its line. config_close()
 * only after success. */
int config_read(struct config *config, const struct world *w, const char *path, struct error *err);
void config_close(struct config *config);

/* config_add: one more entry of a list; ERROR_USAGE when it is full or empty. text is borrowed. */
int config_add(const char **list, size_t *count, const char *text, const char *name, struct error *err);

#endif
