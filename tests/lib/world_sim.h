/* The other world: time is a variable, files live in memory, a countdown breaks any call, and a crash forgets what was not synced.
 *
 * What a disk keeps, at its worst: the content of a file is what its last fsync saw; a name in a folder is what the folder's last
 * sync_dir saw. After a crash a file may also have kept any part of what was appended since; world_sim_crash(sim, true) leaves all
 * of it and (sim, false) none, and a test that passes under both and under a torn half (sim->crash_keep) has seen the ends.
 * Folders themselves are durable at once: the code under test syncs what it makes names in.
 *
 * Each call through world->fs counts. sim->fail_at = k makes the k-th call from sim->calls = 0 fail with sim->fail_code; a write
 * that fails has written sim->fail_short bytes of its data before (a full disk). sim->fail_rest makes all later calls fail too,
 * as on a machine that is going down. One thread. */
#ifndef TRAINYARD_TESTS_LIB_WORLD_SIM_H
#define TRAINYARD_TESTS_LIB_WORLD_SIM_H

#include "base/world.h"

enum { SIM_NODES = 64, SIM_NAMES = 64, SIM_NAME_SIZE = 256 };

struct sim_node { /* an inode */
    bool used;
    struct bytes now, durable; /* content as the program sees it, and as of the last fsync */
    bool lost;                 /* an fsync failed: what was not durable then never will be */
    bool locked;
    int open; /* files that hold it */
};
struct sim_name { /* an entry of a folder: a full path */
    char path[SIM_NAME_SIZE];
    int node;
};

struct world_sim {
    struct world world; /* give &sim->world to the code under test */
    int64_t mono_ns, utc_ms;
    uint64_t entropy; /* counts up: "random" bytes that repeat on every run */
    unsigned calls;   /* file calls so far */
    unsigned fail_at; /* 0: never */
    enum error_code fail_code;
    size_t fail_short;
    bool fail_rest, failed; /* failed: the countdown fired */
    size_t crash_keep;      /* crash: bytes of each file's unsynced appended tail that survive */
    struct sim_node nodes[SIM_NODES];
    struct sim_name names[SIM_NAMES], durable_names[SIM_NAMES]; /* path "" = free */
    char dirs[SIM_NAMES][SIM_NAME_SIZE];
};

void world_sim_init(struct world_sim *sim);
void world_sim_close(struct world_sim *sim);

/* world_sim_crash: power fails. Open files of the old life are dead: close them first or never use them again; locks are free. */
void world_sim_crash(struct world_sim *sim, bool keep_all);

/* world_sim_fail: arm the countdown from here: the k-th file call from now fails. */
void world_sim_fail(struct world_sim *sim, unsigned k, enum error_code code, size_t short_bytes, bool rest);

#endif
