#include "base/cpu.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[CPU_LEVELS] = {"base", "avx2", "avx512"};

const char *cpu_level_name(enum cpu_level level) { return names[level]; }

static enum cpu_level cpu_best(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("fma")) return CPU_BASE;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return CPU_AVX512;
    return CPU_AVX2;
#else
    return CPU_BASE;
#endif
}

enum cpu_level cpu_level(void)
{
    enum cpu_level best = cpu_best();
    const char *wish = getenv("TRAINYARD_CPU");
    for (int i = 0; wish && i < (int)best; i++)
        if (strcmp(wish, names[i]) == 0) return (enum cpu_level)i;
    return best;
}
