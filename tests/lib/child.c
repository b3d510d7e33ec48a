#include "lib/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

enum { POLL_MS = 5 };

static void pause_ms(void) { nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL); }

/* Between fork and exec: only async-signal-safe calls. */
static void become(const char *binary, char *const *argv, char *const *env, const char *in, const char *out, const char *err)
{
    int fd[3] = {open(in, O_RDONLY), open(out, O_WRONLY | O_CREAT | O_APPEND, 0600), open(err, O_WRONLY | O_CREAT | O_APPEND, 0600)};
    for (int i = 0; i < 3; i++)
        if (fd[i] < 0 || dup2(fd[i], i) < 0) _exit(126);
    signal(SIGPIPE, SIG_DFL);
    execve(binary, argv, env);
    _exit(127);
}

/* Ours without the names that would steer the child, and the test's on top. */
static char **environment(const char *const *more)
{
    extern char **environ;
    static const char *const dropped[] = {"TRAINYARD_SERVER=", "TRAINYARD_TOKEN=", "TRAINYARD_CACHE=", "GITHUB_ACTIONS=", "GITHUB_OUTPUT="};
    size_t count = 0, n = 0;
    while (environ[count]) count++;
    for (const char *const *m = more; m && *m; m++) count++;
    char **env = mem_array(count + 1, 1, sizeof *env, NULL);
    assert_non_null(env);
    for (char **e = environ; *e; e++) {
        bool drop = false;
        for (size_t d = 0; d < sizeof dropped / sizeof *dropped; d++) drop |= strncmp(*e, dropped[d], strlen(dropped[d])) == 0;
        if (!drop) env[n++] = *e;
    }
    for (; more && *more; more++) env[n++] = (char *)*more;
    return env;
}

void child_start(struct child *c, const struct child_options *options, const char *const *args)
{
    static const struct child_options none;
    const char *binary = getenv("TRAINYARD");
    char *argv[CHILD_ARGS_MAX + 2];
    size_t n = 1;
    if (!binary) fail_msg("TRAINYARD names no binary; run by ctest, or set it to build/trainyard");
    if (!options) options = &none;
    *c = (struct child){0};
    test_dir(c->dir);
    snprintf(c->err_path, sizeof c->err_path, "%.4000s/err", c->dir);
    if (options->output) snprintf(c->out_path, sizeof c->out_path, "%s", options->output);
    else snprintf(c->out_path, sizeof c->out_path, "%.4000s/out", c->dir);
    argv[0] = (char *)binary;
    for (; *args; args++) {
        assert_true(n <= CHILD_ARGS_MAX);
        argv[n++] = (char *)*args;
    }
    argv[n] = NULL;
    char **env = environment(options->env);
    c->pid = fork();
    if (c->pid == 0) become(binary, argv, env, options->input ? options->input : "/dev/null", c->out_path, c->err_path);
    mem_free(env);
    if (c->pid < 0) fail_msg("fork: %s", strerror(errno));
}

static char *slurp(const char *path)
{
    size_t size;
    return access(path, R_OK) == 0 && strncmp(path, "/dev/", 5) != 0 ? test_read_file(path, &size) : mem_text("", NULL);
}

static void reread(struct child *c)
{
    mem_free(c->out);
    mem_free(c->err);
    c->out = slurp(c->out_path);
    c->err = slurp(c->err_path);
}

int child_wait(struct child *c)
{
    int64_t until = world_mono_ms(&world_real) + CHILD_DEADLINE_MS;
    int status = 0;
    pid_t pid;
    while ((pid = waitpid(c->pid, &status, WNOHANG)) == 0 && world_mono_ms(&world_real) < until) pause_ms();
    if (pid == 0) {
        kill(c->pid, SIGKILL);
        waitpid(c->pid, &status, 0);
        reread(c);
        fail_msg("still running after %d s; out: %s err: %s", CHILD_DEADLINE_MS / 1000, c->out, c->err);
    }
    c->pid = 0;
    c->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    reread(c);
    return c->code;
}

void child_signal(struct child *c, int signal_number) { assert_int_equal(kill(c->pid, signal_number), 0); }

void child_until(struct child *c, bool in_err, const char *text)
{
    int64_t until = world_mono_ms(&world_real) + CHILD_DEADLINE_MS;
    for (;;) {
        reread(c);
        if (strstr(in_err ? c->err : c->out, text)) return;
        int status = 0;
        bool gone = c->pid == 0 || waitpid(c->pid, &status, WNOHANG) == c->pid;
        if (gone) c->pid = 0;
        reread(c);
        if (strstr(in_err ? c->err : c->out, text)) return;
        if (gone || world_mono_ms(&world_real) >= until)
            fail_msg("never printed \"%s\" (%s); out: %s err: %s", text, gone ? "it ended" : "too late", c->out, c->err);
        pause_ms();
    }
}

void child_close(struct child *c)
{
    if (c->pid > 0) {
        kill(c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
    }
    c->pid = 0;
    mem_free(c->out);
    mem_free(c->err);
    c->out = c->err = NULL;
}

int child_run(struct child *c, const struct child_options *options, const char *const *args)
{
    child_start(c, options, args);
    return child_wait(c);
}

void child_assert_has(const char *text, const char *part, bool want, const char *file, int line)
{
    if ((strstr(text, part) != NULL) == want) return;
    print_error("%s \"%s\" in: %s\n", want ? "no" : "unwanted", part, text);
    _fail(file, line);
}
