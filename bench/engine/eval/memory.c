/* Is an evaluation's memory flat in the rows? engine.eval.memory [MILLIONS]: streams so many drawn rows through an evaluator with groups and two
 * slice fields, which sort on disk ($TMPDIR; 48 bytes a row there), and prints its own peak: "rss KiB rows". Run it with 5 and with 50. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/rng.h"
#include "base/world.h"
#include "engine/eval/eval.h"

enum { CHUNK = 4096 };

int main(int argc, char **argv)
{
    static float logits[CHUNK], labels[CHUNK];
    static uint64_t groups[CHUNK];
    static uint32_t slices[CHUNK * 2];
    static struct evaluation out;
    struct error err = {0};
    struct rusage usage;
    const char *const names[2] = {"few", "many"};
    uint64_t rows = (uint64_t)((argc > 1 ? atof(argv[1]) : 5) * 1e6);
    struct evaluator *e = evaluator_new(&(struct evaluator_config){.lanes = 1,
                                                                   .groups.wanted = true,
                                                                   .slice_count = 2,
                                                                   .slice_names = names,
                                                                   .world = &world_real,
                                                                   .folder = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp"},
                                        &err);
    struct rng rng = rng_at(1, RNG_TEST, 1, 0);
    int rc = e ? 0 : -1;
    for (uint64_t at = 0; rc == 0 && at < rows; at += CHUNK) {
        size_t n = rows - at < CHUNK ? (size_t)(rows - at) : CHUNK;
        for (size_t i = 0; i < n; i++) {
            logits[i] = (float)(-1.3 + 4.0 * (rng_unit(&rng) - 0.5)), labels[i] = rng_unit(&rng) < 1 / (1 + exp(-(double)logits[i]));
            groups[i] = rng_below(&rng, rows / 20 + 1);
            slices[2 * i] = (uint32_t)(rng_below(&rng, 1 + rng_below(&rng, 4))), slices[2 * i + 1] = (uint32_t)rng_below(&rng, rows / 3 + 1);
        }
        rc = evaluator_add(e, 0, &(struct eval_rows){.n = n, .logits = logits, .labels = labels, .groups = groups, .slices = slices}, &err);
    }
    if (rc == 0) rc = evaluator_finish(e, &out, &err);
    evaluator_free(e);
    if (rc < 0) return fprintf(stderr, "bench: %s\n", err.msg), 1;
    getrusage(RUSAGE_SELF, &usage);
    printf("rss %ld %llu # gauc %.6f, %llu groups, %llu and %llu values\n", usage.ru_maxrss, (unsigned long long)rows,
           evaluation_measure(&out, "gauc")->value, (unsigned long long)out.groups.count, (unsigned long long)out.slices[0].values,
           (unsigned long long)out.slices[1].values);
    return 0;
}
