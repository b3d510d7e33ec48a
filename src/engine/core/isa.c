#include "engine/core/isa.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

static const char *const isa_names[] = {"base", "avx2", "avx512"};

const char *isa_name(enum isa isa) { return isa_names[isa]; }

static enum isa isa_detect(void)
{
    enum isa best = ISA_BASE;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")) best = ISA_AVX2;
    if (best == ISA_AVX2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) best = ISA_AVX512;
    const char *wish = getenv("TRAINYARD_ISA");
    for (int i = 0; wish && i < (int)best; i++)
        if (strcmp(wish, isa_names[i]) == 0) best = (enum isa)i;
#endif
    return best;
}

enum isa isa_best(void)
{
    static _Atomic int known = -1; /* every thread would find the same */
    int isa = known;
    if (isa < 0) known = isa = (int)isa_detect();
    return (enum isa)isa;
}

void float_flush_denormals(void)
{
#if defined(__x86_64__)
    _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
}
