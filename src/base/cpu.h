/* The instruction sets that vector kernels (*.inc.c, cmake/kernels.cmake) are compiled for; a table of pointers indexed by
 * cpu_level() picks one. TRAINYARD_CPU=base|avx2|avx512 in the environment lowers it, so that tests can force each variant. */
#ifndef TRAINYARD_BASE_CPU_H
#define TRAINYARD_BASE_CPU_H

enum cpu_level { CPU_BASE, CPU_AVX2, CPU_AVX512, CPU_LEVELS };

enum cpu_level cpu_level(void); /* the best that this machine has and the environment allows */
const char *cpu_level_name(enum cpu_level level);

#endif
