/* For *.inc.c files (cmake/kernels.cmake): KERNEL(name) is name_base, name_avx2 or name_avx512, by the copy that is being compiled. And for their
 * users: KERNEL_DECLARE declares all copies, KERNEL_TABLE lists them in the order of cpu_level(). */
#ifndef TRAINYARD_BASE_KERNEL_H
#define TRAINYARD_BASE_KERNEL_H

#ifdef KERNEL_VARIANT
#define KERNEL_JOIN_(name, variant) name##_##variant
#define KERNEL_JOIN(name, variant) KERNEL_JOIN_(name, variant)
#define KERNEL(name) KERNEL_JOIN(name, KERNEL_VARIANT)
#endif

#if defined(__x86_64__)
#define KERNEL_DECLARE(type, name, args) \
    type name##_base args; \
    type name##_avx2 args; \
    type name##_avx512 args
#define KERNEL_TABLE(name) \
    { \
        name##_base, name##_avx2, name##_avx512 \
    }
#else
#define KERNEL_DECLARE(type, name, args) type name##_base args
#define KERNEL_TABLE(name) \
    { \
        name##_base \
    }
#endif

#endif
