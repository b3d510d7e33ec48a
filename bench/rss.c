/* Runs COMMAND and prints, on standard error, `rss KIB SECONDS CPU`: its peak resident memory, its wall time, and
 * the processor time of all its threads in seconds. Exits as it did. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct timespec from, to;
    struct rusage usage;
    int status;
    if (argc < 2) return fprintf(stderr, "usage: rss COMMAND...\n"), 64;
    clock_gettime(CLOCK_MONOTONIC, &from);
    pid_t pid = fork();
    if (pid < 0) return perror("rss: fork"), 71;
    if (pid == 0) {
        execvp(argv[1], argv + 1);
        perror(argv[1]);
        _exit(127);
    }
    if (wait4(pid, &status, 0, &usage) < 0) return perror("rss: wait"), 71;
    clock_gettime(CLOCK_MONOTONIC, &to);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + 1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    fprintf(stderr, "rss %ld %.2f %.2f\n", usage.ru_maxrss, (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec), cpu);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
