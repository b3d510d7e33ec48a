/* Instruction sets: a *.inc.c file is compiled once for each (cmake/kernels.cmake), and a table of pointers picks one at run time.
 * All variants give the same bits (no contraction, fixed order of addition), so the pick never changes a model. */
#ifndef TRAINYARD_ENGINE_CORE_ISA_H
#define TRAINYARD_ENGINE_CORE_ISA_H

enum isa {
    ISA_BASE,
#if defined(__x86_64__)
    ISA_AVX2,
    ISA_AVX512,
#endif
    ISA_COUNT
};

/* Declares the variants of a kernel and the rows of its table: ISA_DECLARE(float, dot, (const float *, const float *, size_t)); then
 * static float (*const dot_table[])(...) = ISA_TABLE(dot); and dot_table[isa_best()](...). */
#if defined(__x86_64__)
#define ISA_DECLARE(type, name, args) type name##_base args; type name##_avx2 args; type name##_avx512 args
#define ISA_TABLE(name) {name##_base, name##_avx2, name##_avx512}
#else
#define ISA_DECLARE(type, name, args) type name##_base args
#define ISA_TABLE(name) {name##_base}
#endif

/* isa_best: the widest set of this CPU, or what TRAINYARD_ISA=base|avx2|avx512 allows; fixed at the first call. */
enum isa isa_best(void);
const char *isa_name(enum isa isa);

/* float_flush_denormals: set FTZ and DAZ in this thread; each pool item does it first (algorithms.md §0). */
void float_flush_denormals(void);

#endif
