/* Memory: checked products, zeroed, and a fault countdown so that a test can fail the k-th allocation.
 * Everything from here is freed with mem_free() (NULL is fine), mem_huge() with mem_huge_free(). */
#ifndef TRAINYARD_BASE_MEM_H
#define TRAINYARD_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* mem_zero: size zeroed bytes, or NULL and ERROR_NOMEM. size 0 gives a valid pointer. */
void *mem_zero(size_t size, struct error *err);

/* mem_array: n*k elements of `size` bytes, zeroed; the product is checked. */
void *mem_array(size_t n, size_t k, size_t size, struct error *err);

/* mem_grow: resize *p (n elements of `size`) in place; on failure *p stands. New bytes are not zeroed. */
int mem_grow(void **p, size_t n, size_t size, struct error *err);

char *mem_text(const char *text, struct error *err); /* a copy of the string */
void mem_free(void *p);

/* mem_huge: a zeroed, 2 MiB aligned mapping advised to huge pages; for tables and big reused buffers. */
void *mem_huge(size_t n, size_t size, struct error *err);
void mem_huge_free(void *p, size_t n, size_t size);

/* mem_product: n*size into *out, false on overflow. */
bool mem_product(size_t n, size_t size, size_t *out);

/* mem_fail_after: the n-th allocation from now fails, once (0: never). Test-only; per thread. Returns whether an earlier countdown fired. */
bool mem_fail_after(unsigned n);

#endif
