#include "lib/world_sim.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { SIM_FILE_MAX = 1 << 26 };

static const struct fs sim_fs;

struct sim_file {
    struct file base;
    struct world_sim *sim;
    int node;
    uint64_t at; /* of a stream read, or of a write without append */
    bool append, holds_lock;
    char path[SIM_NAME_SIZE];
};

static struct sim_file *sim_file(struct file *f) { return (struct sim_file *)f; }
static struct sim_node *sim_node(struct file *f) { return &sim_file(f)->sim->nodes[sim_file(f)->node]; }

/* Counts a call; true when it must fail. */
static bool sim_fault(struct world_sim *sim)
{
    sim->calls++;
    if (sim->fail_at == 0 || sim->calls < sim->fail_at || (sim->calls > sim->fail_at && !sim->fail_rest)) return false;
    sim->failed = true;
    return true;
}

static int sim_fail(struct world_sim *sim, struct error *err, const char *what, const char *path)
{
    return error_set(err, sim->fail_code, NULL, "cannot %s %s: simulated failure of call %u", what, path, sim->calls);
}

static int name_find(const struct sim_name *names, const char *path)
{
    for (int i = 0; i < SIM_NAMES; i++)
        if (*path && strcmp(names[i].path, path) == 0) return i;
    return -1;
}

static void name_set(struct sim_name *names, const char *path, int node)
{
    int at = name_find(names, path);
    for (int i = 0; at < 0 && i < SIM_NAMES; i++)
        if (!names[i].path[0]) at = i;
    if (at < 0 || !str_copy(names[at].path, SIM_NAME_SIZE, path)) {
        fprintf(stderr, "world_sim: too many names, or too long a one: %s\n", path);
        __builtin_trap();
    }
    names[at].node = node;
}

static bool dir_known(const struct world_sim *sim, const char *path)
{
    for (int i = 0; i < SIM_NAMES; i++)
        if (strcmp(sim->dirs[i], path) == 0) return *path != 0;
    return strcmp(path, ".") == 0 || strcmp(path, "/") == 0;
}

static void nodes_sweep(struct world_sim *sim);

static int node_new(struct world_sim *sim)
{
    int taken = 0;
    for (int i = 0; i < SIM_NODES; i++) taken += sim->nodes[i].used;
    if (taken == SIM_NODES) nodes_sweep(sim);
    for (int i = 0; i < SIM_NODES; i++)
        if (!sim->nodes[i].used) {
            sim->nodes[i] = (struct sim_node){.used = true};
            bytes_init(&sim->nodes[i].now, SIM_FILE_MAX);
            bytes_init(&sim->nodes[i].durable, SIM_FILE_MAX);
            return i;
        }
    fprintf(stderr, "world_sim: too many files\n");
    __builtin_trap();
}

/* Frees nodes that neither the program nor the disk can reach. */
static void nodes_sweep(struct world_sim *sim)
{
    for (int i = 0; i < SIM_NODES; i++) {
        bool named = !sim->nodes[i].used || sim->nodes[i].open > 0;
        for (int n = 0; n < SIM_NAMES; n++)
            named |= (sim->names[n].path[0] && sim->names[n].node == i) || (sim->durable_names[n].path[0] && sim->durable_names[n].node == i);
        if (named) continue;
        bytes_close(&sim->nodes[i].now);
        bytes_close(&sim->nodes[i].durable);
        sim->nodes[i].used = false;
    }
}

static int sim_open(void *impl, const char *path, enum file_mode mode, struct file **out, struct error *err)
{
    struct world_sim *sim = impl;
    char dir[PATH_SIZE];
    if (sim_fault(sim)) return sim_fail(sim, err, "open", path);
    int at = name_find(sim->names, path);
    path_dir(path, dir);
    if (at >= 0 && mode == FILE_NEW) return error_set(err, ERROR_CONFLICT, NULL, "%s exists already", path);
    if ((at < 0 && mode == FILE_READ) || !dir_known(sim, dir)) return error_set(err, ERROR_NOTFOUND, NULL, "cannot open %s: no such file", path);
    struct sim_file *f = mem_zero(sizeof *f, err);
    if (!f) return -ERROR_NOMEM;
    f->base.fs = &sim_fs;
    f->sim = sim;
    f->append = mode == FILE_APPEND;
    f->node = at >= 0 ? sim->names[at].node : node_new(sim);
    str_copy(f->path, sizeof f->path, path);
    sim->nodes[f->node].open++;
    if (at < 0) name_set(sim->names, path, f->node);
    else if (mode == FILE_REPLACE) bytes_clear(&sim->nodes[f->node].now);
    *out = &f->base;
    return 0;
}

static int64_t sim_read_at(struct file *f, void *buf, size_t size, uint64_t offset, struct error *err)
{
    struct sim_file *sf = sim_file(f);
    const struct bytes *now = &sim_node(f)->now;
    if (sim_fault(sf->sim)) return sim_fail(sf->sim, err, "read", sf->path);
    size_t n = offset >= now->size ? 0 : now->size - (size_t)offset;
    if (n > size) n = size;
    if (n > 0) memcpy(buf, now->data + offset, n);
    return (int64_t)n;
}

static int64_t sim_read(struct file *f, void *buf, size_t size, struct error *err)
{
    int64_t n = sim_read_at(f, buf, size, sim_file(f)->at, err);
    if (n > 0) sim_file(f)->at += (uint64_t)n;
    return n;
}

static int sim_write(struct file *f, const void *buf, size_t size, struct error *err)
{
    struct sim_file *sf = sim_file(f);
    struct bytes *now = &sim_node(f)->now;
    bool fault = sim_fault(sf->sim);
    size_t at = sf->append ? now->size : (size_t)sf->at;
    if (fault && size > sf->sim->fail_short) size = sf->sim->fail_short;
    if (size > 0) {
        size_t more = at + size > now->size ? at + size - now->size : 0, old = now->size;
        int rc = bytes_reserve(now, more, err);
        if (rc < 0) return rc;
        if (at > old) memset(now->data + old, 0, at - old);
        memcpy(now->data + at, buf, size);
        now->size += more;
        sf->at = at + size;
    }
    return fault ? sim_fail(sf->sim, err, "write", sf->path) : 0;
}

static int sim_truncate(struct file *f, uint64_t size, struct error *err)
{
    struct sim_file *sf = sim_file(f);
    struct bytes *now = &sim_node(f)->now;
    if (sim_fault(sf->sim)) return sim_fail(sf->sim, err, "truncate", sf->path);
    if (size > now->size) return error_set(err, ERROR_INTERNAL, NULL, "%s: the simulated world does not grow files by truncation", sf->path);
    now->size = (size_t)size;
    return 0;
}

static int sim_sync(struct file *f, struct error *err)
{
    struct sim_file *sf = sim_file(f);
    struct sim_node *node = sim_node(f);
    if (sim_fault(sf->sim)) {
        node->lost = true;
        return sim_fail(sf->sim, err, "sync", sf->path);
    }
    if (node->lost) return 0; /* the cruel part: the next fsync says that all is well */
    bytes_clear(&node->durable);
    return bytes_add(&node->durable, node->now.data, node->now.size, err);
}

static void stat_out(const struct world_sim *sim, int node, struct file_stat *out)
{
    *out = (struct file_stat){.size_bytes = sim->nodes[node].now.size, .inode = (uint64_t)node + 1, .device = 1, .is_regular = true};
}

static int sim_stat(struct file *f, struct file_stat *out, struct error *err)
{
    if (sim_fault(sim_file(f)->sim)) return sim_fail(sim_file(f)->sim, err, "stat", sim_file(f)->path);
    stat_out(sim_file(f)->sim, sim_file(f)->node, out);
    return 0;
}

static int sim_lock(struct file *f, bool wait, struct error *err)
{
    (void)wait;
    if (sim_fault(sim_file(f)->sim)) return sim_fail(sim_file(f)->sim, err, "lock", sim_file(f)->path);
    if (sim_node(f)->locked && !sim_file(f)->holds_lock) return error_set(err, ERROR_CONFLICT, NULL, "%s is locked", sim_file(f)->path);
    sim_node(f)->locked = sim_file(f)->holds_lock = true;
    return 0;
}

static int sim_close(struct file *f, struct error *err)
{
    struct world_sim *sim = sim_file(f)->sim;
    int rc = sim_fault(sim) ? sim_fail(sim, err, "close", sim_file(f)->path) : 0;
    if (sim_file(f)->holds_lock) sim_node(f)->locked = false;
    if (sim_node(f)->open > 0) sim_node(f)->open--;
    mem_free(f);
    return rc;
}

static int sim_stat_path(void *impl, const char *path, struct file_stat *out, struct error *err)
{
    struct world_sim *sim = impl;
    if (sim_fault(sim)) return sim_fail(sim, err, "stat", path);
    int at = name_find(sim->names, path);
    if (at < 0 && !dir_known(sim, path)) return error_set(err, ERROR_NOTFOUND, NULL, "cannot stat %s: no such file", path);
    if (at >= 0) stat_out(sim, sim->names[at].node, out);
    else *out = (struct file_stat){.device = 1, .is_dir = true};
    return 0;
}

static bool in_dir(const char *path, const char *dir)
{
    char of[PATH_SIZE];
    path_dir(path, of);
    return *path && strcmp(of, dir) == 0;
}

/* from/x -> to/x in one table of names. */
static void names_move(struct sim_name *names, const char *from, const char *to)
{
    size_t n = strlen(from);
    char moved[PATH_SIZE];
    for (int i = 0; i < SIM_NAMES; i++) {
        if (strncmp(names[i].path, from, n) != 0 || names[i].path[n] != '/') continue;
        snprintf(moved, sizeof moved, "%s%s", to, names[i].path + n);
        if (!str_copy(names[i].path, SIM_NAME_SIZE, moved)) __builtin_trap();
    }
}

/* A folder takes what is in it along, durable names too: folders are durable at once. */
static int sim_rename_dir(struct world_sim *sim, const char *from, const char *to, struct error *err)
{
    for (int i = 0; i < SIM_NAMES; i++)
        if (in_dir(sim->names[i].path, to)) return error_set(err, ERROR_IO, NULL, "cannot rename %s to %s: folder not empty", from, to);
    for (int i = 0; i < SIM_NAMES; i++) {
        if (strcmp(sim->dirs[i], to) == 0) sim->dirs[i][0] = 0;
        if (strcmp(sim->dirs[i], from) == 0 && !str_copy(sim->dirs[i], SIM_NAME_SIZE, to)) __builtin_trap();
    }
    names_move(sim->names, from, to);
    names_move(sim->durable_names, from, to);
    return 0;
}

static int sim_rename(void *impl, const char *from, const char *to, struct error *err)
{
    struct world_sim *sim = impl;
    if (sim_fault(sim)) return sim_fail(sim, err, "rename", from);
    if (dir_known(sim, from)) return sim_rename_dir(sim, from, to, err);
    int at = name_find(sim->names, from);
    if (at < 0) return error_set(err, ERROR_NOTFOUND, NULL, "cannot rename %s: no such file", from);
    int node = sim->names[at].node;
    sim->names[at].path[0] = 0;
    name_set(sim->names, to, node);
    return 0;
}

static int sim_link(void *impl, const char *from, const char *to, struct error *err)
{
    struct world_sim *sim = impl;
    if (sim_fault(sim)) return sim_fail(sim, err, "link", from);
    int at = name_find(sim->names, from);
    if (at < 0) return error_set(err, ERROR_NOTFOUND, NULL, "cannot link %s: no such file", from);
    name_set(sim->names, to, sim->names[at].node);
    return 0;
}

static int sim_unlink(void *impl, const char *path, struct error *err)
{
    struct world_sim *sim = impl;
    if (sim_fault(sim)) return sim_fail(sim, err, "delete", path);
    if (dir_known(sim, path)) return error_set(err, ERROR_IO, NULL, "cannot delete %s: is a folder", path);
    int at = name_find(sim->names, path);
    if (at >= 0) sim->names[at].path[0] = 0;
    return 0;
}

static int sim_rmdir(void *impl, const char *path, struct error *err)
{
    struct world_sim *sim = impl;
    if (sim_fault(sim)) return sim_fail(sim, err, "delete", path);
    for (int i = 0; i < SIM_NAMES; i++)
        if (strcmp(sim->dirs[i], path) == 0) sim->dirs[i][0] = 0;
    return 0;
}

static int sim_mkdirs(void *impl, const char *path, struct error *err)
{
    struct world_sim *sim = impl;
    char parent[PATH_SIZE];
    if (sim_fault(sim)) return sim_fail(sim, err, "make folder", path);
    for (str_copy(parent, sizeof parent, path); !dir_known(sim, parent);) {
        char up[PATH_SIZE];
        int free_at = 0;
        while (free_at < SIM_NAMES && sim->dirs[free_at][0]) free_at++;
        if (free_at == SIM_NAMES || !str_copy(sim->dirs[free_at], SIM_NAME_SIZE, parent)) __builtin_trap();
        path_dir(parent, up);
        str_copy(parent, sizeof parent, up);
    }
    return 0;
}

static int sim_sync_dir(void *impl, const char *path, struct error *err)
{
    struct world_sim *sim = impl;
    if (sim_fault(sim)) return sim_fail(sim, err, "sync folder", path);
    for (int i = 0; i < SIM_NAMES; i++)
        if (in_dir(sim->durable_names[i].path, path)) sim->durable_names[i].path[0] = 0;
    for (int i = 0; i < SIM_NAMES; i++)
        if (in_dir(sim->names[i].path, path)) name_set(sim->durable_names, sim->names[i].path, sim->names[i].node);
    return 0;
}

static int sim_list(void *impl, const char *path, int (*each)(void *context, const char *name), void *context, struct error *err)
{
    struct world_sim *sim = impl;
    if (sim_fault(sim)) return sim_fail(sim, err, "list", path);
    if (!dir_known(sim, path)) return error_set(err, ERROR_NOTFOUND, NULL, "cannot open folder %s: no such folder", path);
    for (int i = 0; i < SIM_NAMES; i++)
        if (in_dir(sim->names[i].path, path) && each(context, strrchr(sim->names[i].path, '/') + 1) != 0) return 0;
    for (int i = 0; i < SIM_NAMES; i++)
        if (in_dir(sim->dirs[i], path) && strrchr(sim->dirs[i], '/') && each(context, strrchr(sim->dirs[i], '/') + 1) != 0) return 0;
    return 0;
}

static const struct fs sim_fs = {
    .open = sim_open,
    .read_at = sim_read_at,
    .read = sim_read,
    .write = sim_write,
    .truncate = sim_truncate,
    .sync = sim_sync,
    .stat = sim_stat,
    .lock = sim_lock,
    .close = sim_close,
    .stat_path = sim_stat_path,
    .rename = sim_rename,
    .link = sim_link,
    .unlink = sim_unlink,
    .rmdir = sim_rmdir,
    .mkdirs = sim_mkdirs,
    .sync_dir = sim_sync_dir,
    .list = sim_list,
};

static int64_t sim_mono_ns(void *impl) { return ((struct world_sim *)impl)->mono_ns; }
static int64_t sim_mono_ms(void *impl) { return ((struct world_sim *)impl)->mono_ns / 1000000; }
static int64_t sim_utc_ms(void *impl) { return ((struct world_sim *)impl)->utc_ms; }

static void sim_entropy(void *impl, void *buf, size_t size)
{
    for (size_t i = 0; i < size; i++) ((uint8_t *)buf)[i] = (uint8_t)(((struct world_sim *)impl)->entropy++ * 0x9Du);
}

void world_sim_init(struct world_sim *sim)
{
    memset(sim, 0, sizeof *sim);
    sim->utc_ms = 1764009275123; /* 2025-11-24T18:34:35.123Z */
    sim->fail_code = ERROR_IO;
    sim->world = (struct world){
        .impl = sim, .mono_ms = sim_mono_ms, .mono_ns = sim_mono_ns, .utc_ms = sim_utc_ms, .entropy = sim_entropy, .fs = &sim_fs};
}

void world_sim_close(struct world_sim *sim)
{
    memset(sim->names, 0, sizeof sim->names);
    memset(sim->durable_names, 0, sizeof sim->durable_names);
    for (int i = 0; i < SIM_NODES; i++) sim->nodes[i].open = 0;
    nodes_sweep(sim);
}

void world_sim_crash(struct world_sim *sim, bool keep_all)
{
    memcpy(sim->names, sim->durable_names, sizeof sim->names);
    for (int i = 0; i < SIM_NODES; i++) {
        struct sim_node *node = &sim->nodes[i];
        node->locked = false;
        node->open = 0;
        if (!node->used || (keep_all && !node->lost)) continue;
        size_t keep = node->durable.size, tail = node->now.size > keep ? node->now.size - keep : 0;
        bool appended = tail > 0 && (keep == 0 || memcmp(node->now.data, node->durable.data, keep) == 0);
        if (tail > sim->crash_keep) tail = sim->crash_keep;
        if (node->lost || !appended) tail = 0;
        if (tail > 0) bytes_add(&node->durable, node->now.data + keep, tail, NULL);
        bytes_clear(&node->now);
        bytes_add(&node->now, node->durable.data, node->durable.size, NULL);
    }
    for (int i = 0; i < SIM_NODES; i++) {
        bytes_clear(&sim->nodes[i].durable);
        if (sim->nodes[i].used) bytes_add(&sim->nodes[i].durable, sim->nodes[i].now.data, sim->nodes[i].now.size, NULL);
        sim->nodes[i].lost = false;
    }
    nodes_sweep(sim);
    world_sim_fail(sim, 0, ERROR_IO, 0, false);
}

void world_sim_fail(struct world_sim *sim, unsigned k, enum error_code code, size_t short_bytes, bool rest)
{
    sim->calls = 0;
    sim->fail_at = k;
    sim->fail_code = code;
    sim->fail_short = short_bytes;
    sim->fail_rest = rest;
    sim->failed = false;
}
