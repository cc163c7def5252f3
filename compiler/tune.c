/* tune.c -- `aec tune`: the choices that `auto` leaves open, measured for one file on one machine.
 *
 * Each contestant is built and trains for a moment, in turns, several times over; the median
 * counts. What won is kept beside the file, as FILE.ae.tune, with the processor it holds for. It
 * is not used on another one, nor when the file has been changed since. */
#define _GNU_SOURCE
#include "commands.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 5 };

static const char *const choices[] = { "generated", "openblas" };
enum { NCHOICES = sizeof choices / sizeof *choices };

static Str tune_file(const char *file)
{
    return format("%s.tune", file);
}

/* The name that the kernel has for the processor. */
static Str processor(void)
{
    char line[512];
    Str name = intern("this machine");
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "model name", 10) && strchr(line, ':')) {
            char *from = strchr(line, ':') + 1;
            from += strspn(from, " \t");
            name = intern_n(from, strcspn(from, "\n"));
            break;
        }
    if (f)
        fclose(f);
    return name;
}

/* ---- measuring ------------------------------------------------------------------------------ */
/* What a child does comes back as its exit status. */
static int in_child(int (*run)(Options *), Options *o)
{
    int ended;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0)
        _exit(run(o));
    while (child > 0 && waitpid(child, &ended, 0) < 0)
        if (errno != EINTR)
            return 1;
    return child > 0 && WIFEXITED(ended) ? WEXITSTATUS(ended) : 1;
}

/* Samples a second of a moment's training; 0 after a message of the trainer. */
static double rate_of(const char *binary)
{
    int ended, ends[2];
    char text[4096];
    size_t n = 0;
    if (pipe2(ends, O_CLOEXEC))
        return 0;
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execl(binary, binary, "bench", "--json", "--seconds", "0.5", (char *) NULL);
        _exit(127);
    }
    close(ends[1]);
    for (ssize_t got;
         n + 1 < sizeof text && (got = read(ends[0], text + n, sizeof text - 1 - n)) > 0;)
        n += (size_t) got;
    text[n] = 0;
    close(ends[0]);
    if (child < 0 || waitpid(child, &ended, 0) < 0 || ended)
        return 0;
    const char *at = strstr(text, "\"samples_per_s\": ");
    return at ? strtod(at + strlen("\"samples_per_s\": "), NULL) : 0;
}

static int by_rate(const void *a, const void *b)
{
    const double u = *(const double *) a, v = *(const double *) b;
    return (u > v) - (u < v);
}

static int measure(Options *o, const char *folder)
{
    double rate[NCHOICES][ROUNDS] = { 0 };
    Str binary[NCHOICES];
    int status, best = 0;
    for (int k = 0; k < NCHOICES; k++) {
        o->gemm = choices[k];
        o->out = binary[k] = format("%s/%s", folder, choices[k]);
        status = in_child(command_build, o);
        if (status && (k == 0 || status != 4))
            return status;
        if (status)
            binary[k] = NULL;       /* there is no OpenBLAS to link with */
    }
    for (int r = 0; r < ROUNDS; r++)
        for (int k = 0; k < NCHOICES; k++)
            if (binary[k] && !(rate[k][r] = rate_of(binary[k])))
                return 1;
    printf("products     samples/s\n");
    for (int k = 0; k < NCHOICES; k++) {
        qsort(rate[k], ROUNDS, sizeof rate[k][0], by_rate);
        if (binary[k])
            printf("%-10s %11s\n", choices[k], number_grouped(rate[k][ROUNDS / 2]));
        if (rate[k][ROUNDS / 2] > rate[best][ROUNDS / 2])
            best = k;
    }
    const Str kept = tune_file(o->file);
    const Str text = format("# measured by `aec tune`; `--gemm auto` follows it on this "
                            "processor\nprocessor = %s\ngemm = %s\n",
                            processor(), choices[best]);
    if (!write_file(kept, text, strlen(text)))
        return 1;
    printf("kept in %s: gemm = %s\n", kept, choices[best]);
    return 0;
}

int command_tune(Options *o)
{
    char folder[] = "/tmp/aec-tune-XXXXXX";
    if (!o->file)
        return refuse(2, "which file? name a .ae");
    if (!mkdtemp(folder))
        return refuse(1, "%s: %s", folder, strerror(errno));
    const int status = measure(o, folder);
    for (int k = 0; k < NCHOICES; k++)
        unlink(format("%s/%s", folder, choices[k]));
    rmdir(folder);
    return status;
}

/* ---- what was measured ---------------------------------------------------------------------- */
static bool line_value(const char *text, const char *key, Str *value)
{
    const size_t n = strlen(key);
    for (const char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
        if (!strncmp(at, key, n) && !strncmp(at + n, " = ", 3)) {
            *value = intern_n(at + n + 3, strcspn(at + n + 3, "\n"));
            return true;
        }
    return false;
}

Str tuned_gemm(const char *file, Str otherwise)
{
    struct stat model, measured;
    const Str name = tune_file(file);
    if (stat(name, &measured) || stat(file, &model))
        return otherwise;
    const Source *s = source_read(name);
    Str made_for, gemm;
    if (!s)
        return NULL;
    if (!line_value(s->text, "processor", &made_for) || !line_value(s->text, "gemm", &gemm)
        || (gemm != intern(choices[0]) && gemm != intern(choices[1])))
        return refuse(0, "%s: not what `aec tune` writes; run it again, or delete the file", name),
               NULL;
    const bool elsewhere = made_for != processor();
    if (!elsewhere && model.st_mtime <= measured.st_mtime)
        return gemm;
    refuse(0, "%s: measured %s, so not used; `aec tune` measures again", name,
           elsewhere ? "on another processor" : "before the file was changed");
    return otherwise;
}
