#include "lib/fake_place.h"

#include "cli/registries.h"
#include "lib/fake_run.h"
#include "lib/test.h"

struct sched_config fake_place_make(struct fake_place *place)
{
    char file[PATH_SIZE];
    struct error err = {0};
    *place = (struct fake_place){.roots = {place->data}};
    test_dir(place->dir);
    path_join(place->state, place->dir, "state", NULL);
    path_join(place->data, place->dir, "data", NULL);
    assert_ok(path_mkdirs(&world_real, place->data, &err), &err);
    path_join(file, place->data, "clicks.tsv", NULL);
    test_write_file(file, "1\t2\n", 4);
    return (struct sched_config){.world = &world_real,
                                 .registry = &registry_all,
                                 .state_dir = place->state,
                                 .data_roots = place->roots,
                                 .executable = fake_run_write(place->dir, place->executable),
                                 .slots = 2,
                                 .stop_grace_ms = 300,
                                 .backoff_ms = 20,
                                 .disk_low_bytes = -1};
}
