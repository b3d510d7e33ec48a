/* The memory that a run may take, on machines that are only told of. */
#include "engine/train/memory_limit.h"

#include <malloc.h>
#include <string.h>

#include "base/mem.h"
#include "lib/test.h"
#include "lib/world_sim.h"

static struct world_sim *sim_new(void)
{
    struct world_sim *sim = mem_zero(sizeof *sim, NULL);
    assert_non_null(sim);
    world_sim_init(sim);
    return sim;
}

static void sim_free(struct world_sim *sim)
{
    world_sim_close(sim);
    mem_free(sim);
}

static void put(struct world_sim *sim, const char *path, const char *text)
{
    struct error err = {0};
    char folder[PATH_SIZE];
    path_dir(path, folder);
    assert_ok(path_mkdirs(&sim->world, folder, &err), &err);
    assert_ok(file_publish(&sim->world, path, text, strlen(text), &err), &err);
}

static struct memory_limit found(struct world_sim *sim, uint64_t asked) { return memory_limit_find(&sim->world, asked); }

static void the_least_limit_holds(void **state)
{
    (void)state;
    struct world_sim *sim = sim_new();
    uint64_t machine = found(sim, 0).bytes; /* there are no groups */
    assert_string_equal(found(sim, 0).who, "the machine has");
    assert_true(machine > 0);
    assert_true(found(sim, 5000).bytes == 5000);
    assert_string_equal(found(sim, 5000).who, "resources.max_memory_bytes allows");
    put(sim, "/proc/self/cgroup", "0::/jobs.slice/run-7\n");
    assert_true(found(sim, 0).bytes == machine);
    put(sim, "/sys/fs/cgroup/jobs.slice/run-7/memory.max", "max\n");
    assert_true(found(sim, 0).bytes == machine);
    put(sim, "/sys/fs/cgroup/jobs.slice/memory.max", "7000\n"); /* a group above counts as well */
    assert_true(found(sim, 0).bytes == 7000);
    assert_string_equal(found(sim, 0).who, "its control group allows");
    put(sim, "/sys/fs/cgroup/jobs.slice/run-7/memory.max", "6000\n");
    assert_true(found(sim, 0).bytes == 6000);
    assert_true(found(sim, 5000).bytes == 5000);
    assert_true(found(sim, 9000).bytes == 6000);
    sim_free(sim);
}

/* Nothing ends the text but the file's end: what the memory behind it held before is no part of it. */
static void a_last_line_may_lack_its_end(void **state)
{
    (void)state;
    mallopt(M_PERTURB, 'a');
    struct world_sim *sim = sim_new();
    put(sim, "/proc/self/cgroup", "0::/jobs");
    put(sim, "/sys/fs/cgroup/jobs/memory.max", "7000");
    assert_true(found(sim, 0).bytes == 7000);
    sim_free(sim);
    mallopt(M_PERTURB, 0);
}

static void containers_and_the_first_version_are_known(void **state)
{
    (void)state;
    struct world_sim *sim = sim_new();
    put(sim, "/proc/self/cgroup", "0::/\n");
    put(sim, "/sys/fs/cgroup/memory.max", "4000\n");
    assert_true(found(sim, 0).bytes == 4000);
    put(sim, "/proc/self/cgroup", "12:cpu,cpuacct:/a\n9:memory:/docker/f00\nno line at all\n1:\n");
    put(sim, "/sys/fs/cgroup/memory/docker/f00/memory.limit_in_bytes", "3000\n");
    assert_true(found(sim, 0).bytes == 3000);
    sim_free(sim);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(the_least_limit_holds), cmocka_unit_test(a_last_line_may_lack_its_end),
                                          cmocka_unit_test(containers_and_the_first_version_are_known)};
TEST_MAIN(tests)
