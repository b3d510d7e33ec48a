/* What this machine can do, measured in the same run as Trainyard's own numbers, so that a rate can be read as a share of a limit:
 *
 *   read       sequential read of memory far larger than the caches, GB/s (a parser cannot beat it; nor can an epoch over mapped blocks)
 *   gather     random cache lines of a table a second, with prefetch 32 ahead: what an embedding look-up costs at best. `small` is a
 *              table of 2^22 floats (16 MiB, what LR of 22 hash bits touches), `big` one of 1 GiB
 *
 * Each with 1 and 2 threads, in processor time, the median of 5 rounds. Prints lines `NAME THREADS VALUE UNIT`, which script/bench reads. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { ROUNDS = 5, THREADS_MAX = 2, AHEAD = 32, LINE = 64 };

struct work {
    const char *table;
    size_t size_bytes; /* a power of two for gather */
    uint64_t begin, count;
    uint64_t sum; /* so that the compiler keeps the loads */
    void (*run)(struct work *);
    double seconds;
    pthread_barrier_t *start;
};

/* Of this thread: another program's use of the core does not count. */
static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t mix(uint64_t x) /* splitmix64's finaliser: line number of the x-th look-up */
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static void read_sequential(struct work *w)
{
    const uint64_t *p = (const uint64_t *)(const void *)(w->table + w->begin);
    uint64_t lane[8] = {0};
    for (uint64_t i = 0; i + 8 <= w->count / sizeof *p; i += 8)
        for (int l = 0; l < 8; l++) lane[l] += p[i + (uint64_t)l];
    for (int l = 0; l < 8; l++) w->sum += lane[l];
}

static void gather(struct work *w)
{
    uint64_t mask = w->size_bytes / LINE - 1;
    for (uint64_t i = w->begin; i < w->begin + w->count; i++) {
        __builtin_prefetch(w->table + LINE * (mix(i + AHEAD) & mask));
        w->sum += (unsigned char)w->table[LINE * (mix(i) & mask)];
    }
}

static void *thread_main(void *arg)
{
    struct work *w = arg;
    pthread_barrier_wait(w->start);
    double from = now_s();
    w->run(w);
    w->seconds = now_s() - from;
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Seconds that `threads` threads need together for their shares of `total` (bytes or look-ups), of processor time of the slowest: the median round.
 */
static double measure(void (*run)(struct work *), const char *table, size_t size_bytes, uint64_t total, unsigned threads)
{
    double seconds[ROUNDS];
    static volatile uint64_t keep;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t id[THREADS_MAX];
        struct work work[THREADS_MAX];
        pthread_barrier_t start;
        pthread_barrier_init(&start, NULL, threads);
        seconds[round] = 0;
        for (unsigned t = 0; t < threads; t++) {
            work[t] = (struct work){
                .table = table, .size_bytes = size_bytes, .begin = total / threads * t, .count = total / threads, .run = run, .start = &start};
            if (pthread_create(&id[t], NULL, thread_main, &work[t]) != 0) abort();
        }
        for (unsigned t = 0; t < threads; t++) {
            pthread_join(id[t], NULL);
            keep += work[t].sum;
            if (work[t].seconds > seconds[round]) seconds[round] = work[t].seconds;
        }
        pthread_barrier_destroy(&start);
    }
    (void)keep;
    qsort(seconds, ROUNDS, sizeof *seconds, by_value);
    return seconds[ROUNDS / 2];
}

int main(void)
{
    const size_t big = (size_t)1 << 30, small = (size_t)1 << 24;
    const uint64_t lookups = 20000000;
    char *table = mmap(NULL, big, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (table == MAP_FAILED) return fprintf(stderr, "limits: no memory for a table of %zu bytes\n", big), 1;
    madvise(table, big, MADV_HUGEPAGE);
    memset(table, 1, big);
    for (unsigned threads = 1; threads <= THREADS_MAX; threads++) {
        printf("read %u %.2f GB/s\n", threads, (double)big / measure(read_sequential, table, big, big, threads) / 1e9);
        printf("gather-small %u %.1f M/s\n", threads, (double)lookups / measure(gather, table, small, lookups, threads) / 1e6);
        printf("gather-big %u %.1f M/s\n", threads, (double)lookups / measure(gather, table, big, lookups, threads) / 1e6);
    }
    munmap(table, big);
    return 0;
}
