#include "base/mem.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20 };

static _Thread_local unsigned fail_countdown;
static _Thread_local bool fail_fired;

bool mem_fail_after(unsigned n)
{
    bool fired = fail_fired;
    fail_countdown = n;
    fail_fired = false;
    return fired;
}

static bool mem_fault(void)
{
    if (fail_countdown == 0 || --fail_countdown > 0) return false;
    fail_fired = true;
    return true;
}

bool mem_product(size_t n, size_t size, size_t *out) { return !__builtin_mul_overflow(n, size, out); }

void *mem_zero(size_t size, struct error *err)
{
    void *p = mem_fault() ? NULL : calloc(1, size ? size : 1);
    if (!p) error_set(err, ERROR_NOMEM, NULL, "cannot allocate %zu bytes", size);
    return p;
}

void *mem_array(size_t n, size_t k, size_t size, struct error *err)
{
    size_t count, total;
    if (!mem_product(n, k, &count) || !mem_product(count, size, &total)) {
        error_set(err, ERROR_NOMEM, NULL, "cannot allocate %zu x %zu elements of %zu bytes: the product overflows", n, k, size);
        return NULL;
    }
    return mem_zero(total, err);
}

int mem_grow(void **p, size_t n, size_t size, struct error *err)
{
    size_t total;
    if (!mem_product(n, size, &total)) return error_set(err, ERROR_NOMEM, NULL, "cannot grow to %zu x %zu bytes: the product overflows", n, size);
    void *grown = mem_fault() ? NULL : realloc(*p, total ? total : 1);
    if (!grown) return error_set(err, ERROR_NOMEM, NULL, "cannot grow to %zu bytes", total);
    *p = grown;
    return 0;
}

char *mem_text(const char *text, struct error *err)
{
    size_t size = strlen(text) + 1;
    char *copy = mem_zero(size, err);
    if (copy) memcpy(copy, text, size);
    return copy;
}

void mem_free(void *p) { free(p); }

static size_t mem_huge_size(size_t n, size_t size)
{
    size_t total;
    if (!mem_product(n, size, &total) || total > SIZE_MAX - HUGE_PAGE) return 0;
    return total ? (total + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE : HUGE_PAGE;
}

void *mem_huge(size_t n, size_t size, struct error *err)
{
    size_t total = mem_huge_size(n, size);
    void *p = total == 0 || mem_fault() ? MAP_FAILED
                                        : mmap(NULL, total + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        error_set(err, ERROR_NOMEM, NULL, "cannot map %zu x %zu bytes", n, size);
        return NULL;
    }
    char *base = p, *aligned = (char *)(((uintptr_t)base + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE);
    size_t head = (size_t)(aligned - base);
    if (head > 0) munmap(base, head);
    if (HUGE_PAGE - head > 0) munmap(aligned + total, HUGE_PAGE - head);
    madvise(aligned, total, MADV_HUGEPAGE); /* advice only: a refusal costs speed, not correctness */
    return aligned;
}

void mem_huge_free(void *p, size_t n, size_t size)
{
    if (p) munmap(p, mem_huge_size(n, size));
}
