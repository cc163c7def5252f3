/* toolchain.c -- from emitted C to a binary: files, the C compiler, the cache.
 *
 * The C compiler is started with a vector of arguments, never through a shell. The runtime is
 * compiled once for each set of flags, together with the first model that wants it, and kept
 * beside the cached trainers; both schedules share it. */
#define _GNU_SOURCE
#include "driver.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
typedef VEC(char *) Argv;
typedef VEC(Argv) Jobs;

/* ---- files ---------------------------------------------------------------------------------- */
static bool failed(const char *path)
{
    return refuse(false, "%s: %s", path, strerror(errno));
}

/* Whole or not at all: a temporary in the same folder takes the name when it is complete. */
bool write_file(const char *path, const char *text, size_t length)
{
    const Str temporary = format("%s.%ld.part", path, (long) getpid());
    FILE *f = fopen(temporary, "wb");
    if (!f)
        return failed(path);
    bool good = fwrite(text, 1, length, f) == length;
    good &= fflush(f) == 0;
    good &= fclose(f) == 0;
    if (good && rename(temporary, path) == 0)
        return true;
    failed(path);
    unlink(temporary);
    return false;
}

static bool make_folder(const char *path)
{
    char part[4096];
    if (strlen(path) >= sizeof part)
        return errno = ENAMETOOLONG, failed(path);
    strcpy(part, path);
    for (char *p = part + 1; *p; p++)
        if (*p == '/') {
            *p = 0;
            if (mkdir(part, 0777) && errno != EEXIST)
                return failed(part);
            *p = '/';
        }
    return (mkdir(part, 0777) == 0 || errno == EEXIST) ? true : failed(part);
}

static const char *base_name(const Source *s)
{
    return strrchr(s->name, '/') + 1;
}

static bool is_runtime(const Source *s, const char *ending)
{
    const size_t n = strlen(s->name), k = strlen(ending);
    return !strncmp(s->name, "runtime/", 8) && n > k && !strcmp(s->name + n - k, ending);
}

static bool write_runtime(const char *folder)
{
    for (const Source *s = embedded; s->name; s++)
        if (is_runtime(s, "")
            && !write_file(format("%s/%s", folder, base_name(s)), s->text, s->length))
            return false;
    return true;
}

/* ---- the C compiler ------------------------------------------------------------------------- */
static void add(Argv *argv, const char *word)
{
    PUSH(*argv, (char *) word);
}

#define ADD(argv, ...) add_words(argv, (const char *const []) { __VA_ARGS__, NULL })
static void add_words(Argv *argv, const char *const *words)
{
    for (; *words; words++)
        add(argv, *words);
}

static const char mpi[] = "-DAE_MPI";

static bool start(Argv argv, bool verbose)
{
    for (int k = 0; verbose && k < argv.n; k++)
        fprintf(stderr, k + 1 < argv.n ? "%s " : "%s\n", argv.at[k]);
    add(&argv, NULL);
    pid_t child;
    static const char no_mpi[] = "; --mpi needs an MPI library:\n\n"
        "    apt-get install libopenmpi-dev openmpi-bin\n";
    const int error = posix_spawnp(&child, argv.at[0], NULL, NULL, argv.at, environ);
    if (error)
        refuse(4, "the C compiler `%s` cannot be started: %s%s", argv.at[0], strerror(error),
               error == ENOENT && HAS(argv, mpi) ? no_mpi : "");
    return !error;
}

/* Runs the commands, as many at a time as there are cores; after one that fails no other
 * is started. 0 or 4. */
static int run_all(const Jobs *jobs, bool verbose)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int next = 0, running = 0, status = 0;
    while (running || (!status && next < jobs->n)) {
        if (!status && next < jobs->n && (running < cores || !running)) {
            running += start(jobs->at[next++], verbose) ? 1 : (status = 4, 0);
            continue;
        }
        int ended;
        if (wait(&ended) < 0 && errno != EINTR)
            return 4;
        running--;
        if (!WIFEXITED(ended) || WEXITSTATUS(ended))
            status = 4;
    }
    return status;
}

static int run_one(const Argv *argv, bool verbose)
{
    Jobs one = { 0 };
    PUSH(one, *argv);
    return run_all(&one, verbose);
}

static void flags(Argv *argv, const BuildOptions *how)
{
    static const struct { const char *name, *flag; } targets[] = {
        { "native", "-march=native" }, { "v4", "-march=x86-64-v4" }, { "v3", "-march=x86-64-v3" },
        { "v2", "-march=x86-64-v2" },
    };
    ADD(argv, "-std=gnu11", how->sanitize ? "-O1" : how->emit.fast ? "-O3" : "-O2");
    EACH_ROW(target, targets)
        if (!strcmp(target->name, how->target))
            add(argv, target->flag);
    ADD(argv, "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math");
    if (how->emit.fast)
        add(argv, "-fopenmp");
    if (how->emit.mpi)
        add(argv, mpi);
    if (how->sanitize)
        ADD(argv, "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined");
}

/* cc FLAGS, for the machine that aec runs on. */
static Argv command(const BuildOptions *how)
{
    Argv argv = { 0 };
    add(&argv, how->cc);
    flags(&argv, how);
    ADD(&argv, "-DAE_HAVE_PNG", "-DAE_HAVE_ZLIB");
    if (how->emit.f64)
        add(&argv, "-DAE_DOUBLE");
    return argv;
}

/* Where the model's file stands, from which its data are named. */
static Str folder_flag(const Module *m)
{
    const char *slash = strrchr(m->source->name, '/');
    const int length = slash ? (int) (slash - m->source->name) + 1 : 0;
    char *folder = realpath(slash ? format("%.*s", length, m->source->name) : ".", NULL);
    Str flag = format("-DAE_FOLDER=%s", c_string(folder ? folder : "."));
    free(folder);
    return flag;
}

/* ---- the cache ------------------------------------------------------------------------------ */
static Str cache_folder(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    const Str folder = cache && *cache ? format("%s/aec", cache)
        : home && *home ? format("%s/.cache/aec", home) : format("/tmp/aec-%ld", (long) getuid());
    if (make_folder(folder))
        return folder;
    refuse(0, "builds are kept in %s; XDG_CACHE_HOME=DIR keeps them in DIR/aec", folder);
    return NULL;
}

static uint64_t hash_argv(uint64_t h, const Argv *argv)
{
    for (int k = 0; k < argv->n; k++)
        h = hash_more(h, argv->at[k], strlen(argv->at[k]) + 1);
    return h;
}

static uint64_t hash_runtime(const BuildOptions *how)
{
    const Argv argv = command(how);
    uint64_t h = hash_argv(HASH_NONE, &argv);
    for (const Source *s = embedded; s->name; s++)
        if (is_runtime(s, ""))
            h = hash_more(h, s->text, s->length);
    return h;
}

/* ---- building ------------------------------------------------------------------------------- */
static void add_job(Jobs *jobs, const BuildOptions *how, const char *from, const char *to)
{
    Argv argv = command(how);
    ADD(&argv, "-c", from, "-o", to);
    PUSH(*jobs, argv);
}

/* Adds what has to be compiled for the runtime to the jobs; *link: the command that makes one
 * object of it, as `made`. */
static bool want_runtime(const BuildOptions *how, const char *folder, const char *made, Jobs *jobs,
                         Argv *link)
{
    /* mpicc would add its library. */
    ADD(link, how->emit.mpi ? "ld" : how->cc, "-r", "-nostdlib", "-o", made);
    if (!make_folder(folder) || !write_runtime(folder))
        return false;
    for (const Source *s = embedded; s->name; s++)
        if (is_runtime(s, ".c")) {
            Str object = format("%s/%s.%ld.o", folder, base_name(s), (long) getpid());
            add_job(jobs, how, format("%s/%s", folder, base_name(s)), object);
            add(link, object);
        }
    return true;
}

static bool rename_file(const char *from, const char *to)
{
    return rename(from, to) == 0 || failed(to);
}

/* The model as folder/model.c, then the binary. */
static int compile_model(const Module *m, const BuildOptions *how, const Buf *c,
                         const char *folder, const char *binary)
{
    const Str cache = cache_folder(), model = format("%s/model.c", folder);
    const Str object = format("%s/model.o", folder);
    if (!cache || !write_file(model, c->at, c->n))
        return 1;
    BuildOptions shared = *how;
    shared.emit.fast = true;
    const Str runtime = format("%s/runtime-%016llx", cache,
                               (unsigned long long) hash_runtime(&shared));
    const Str all = format("%s/runtime.o", runtime);
    const Str made = format("%s/%ld.o", runtime, (long) getpid());
    Jobs jobs = { 0 };
    Argv join = { 0 }, link = command(&shared);
    add_job(&jobs, how, model, object);
    ADD(&jobs.at[0], format("-I%s", runtime), folder_flag(m));
    /* -O3 gains a few per cent at most, and takes two to four times as long */
    if (how->emit.fast && !how->sanitize)
        ADD(&jobs.at[0], "-O2", "-ftree-vectorize", "-fvect-cost-model=dynamic");
    if (access(all, R_OK) && !want_runtime(&shared, runtime, made, &jobs, &join))
        return 1;
    int status = run_all(&jobs, how->verbose);
    if (!status && join.n)
        status = run_one(&join, how->verbose);
    for (int k = 1; k < jobs.n; k++)
        unlink(jobs.at[k].at[jobs.at[k].n - 1]);
    if (!status && join.n && !rename_file(made, all))
        return 1;
    ADD(&link, object, all, "-o", *binary == '/' ? binary : format("./%s", binary), "-lpng", "-lz",
        how->library ? "-lopenblas" : "-lm", "-lm");
    return status ? status : run_one(&link, how->verbose);
}

static int compile_in_folder(const Module *m, const BuildOptions *how, const Buf *c,
                             const char *binary)
{
    char folder[] = "/tmp/aec-XXXXXX";
    if (!mkdtemp(folder))
        return failed(folder), 1;
    const int status = compile_model(m, how, c, folder, binary);
    unlink(format("%s/model.o", folder));
    if (how->keep || status == 4)
        refuse(status, "the C is in %s", folder);
    else {
        unlink(format("%s/model.c", folder));
        rmdir(folder);
    }
    return status;
}

static int reported(void)
{
    diag_flush(stderr, false);
    return 3;
}

Str cached_trainer(Module *m, const BuildOptions *how, int *status)
{
    Buf c = { 0 };
    if (!emit(&c, m, how->emit)) {
        *status = reported();
        return NULL;
    }
    exports_print(&c, m, how->emit);
    const Str cache = cache_folder();
    *status = 1;
    if (!cache)
        return NULL;
    const Str where = format("%s %d", folder_flag(m), how->library);
    const uint64_t h = hash_more(hash_more(hash_runtime(how), c.at, c.n), where, strlen(where));
    const Str binary = format("%s/%s-%016llx", cache, m->name, (unsigned long long) h);
    *status = 0;
    if (!how->keep && access(binary, X_OK) == 0)
        return binary;
    const Str made = format("%s.%ld", binary, (long) getpid());
    *status = compile_in_folder(m, how, &c, made);
    if (!*status && !rename_file(made, binary))
        *status = 1;
    return *status ? NULL : binary;
}

int build_trainer(Module *m, const BuildOptions *how, const char *binary)
{
    int status;
    const Str made = cached_trainer(m, how, &status);
    if (!made)
        return status;
    const Source *whole = source_read(made);
    struct stat is;
    if (!whole || !write_file(binary, whole->text, whole->length))
        return 1;
    return stat(made, &is) == 0 && chmod(binary, is.st_mode) == 0 ? 0 : (failed(binary), 1);
}

/* ---- a program to take away ----------------------------------------------------------------- */
int write_program(Module *m, const BuildOptions *how, const char *folder)
{
    Buf c = { 0 }, exports = { 0 }, make = { 0 };
    if (!emit(&c, m, how->emit))
        return reported();
    exports_print(&exports, m, how->emit);
    buf_add(&make, "# Builds the trainer `%s`; `make lib%s.a` a library. `make PNG=1 ZLIB=1` "
                   "reads PNG and .gz too.\n", m->name, m->name);
    Argv words = { 0 };
    flags(&words, how);
    buf_add(&make, how->emit.mpi ? "CC = %s\nCFLAGS ?=" : "CC ?= gcc\nCFLAGS ?=", how->cc);
    for (int k = 0; k < words.n; k++)
        buf_add(&make, " %s", words.at[k]);
    buf_add(&make, "\n");
    buf_add(&make, "LDLIBS = %s-lm\n", how->emit.openblas ? "-lopenblas " : "");
    if (how->emit.f64)
        buf_add(&make, "CFLAGS += -DAE_DOUBLE\n");
    buf_add(&make, "ifdef PNG\nCFLAGS += -DAE_HAVE_PNG\nLDLIBS += -lpng\nendif\n");
    buf_add(&make, "ifdef ZLIB\nCFLAGS += -DAE_HAVE_ZLIB\nLDLIBS += -lz\nendif\n\n");
    buf_add(&make, "%s: $(wildcard *.c) $(wildcard *.h)\n"
                   "\t$(CC) $(CFLAGS) -o $@ $(wildcard *.c) $(LDLIBS)\n\n", m->name);
    buf_add(&make, "# All but main(), to be linked with a C program of one's own; ae.h says what "
                   "there is.\n"
                   "lib%s.a: $(patsubst %%.c,%%.o,$(filter-out main.c,$(wildcard *.c)))\n"
                   "\t$(AR) rcs $@ $^\n\n", m->name);
    buf_add(&make, "clean:\n\trm -f %s lib%s.a *.o\n", m->name, m->name);
    if (!make_folder(folder) || !write_runtime(folder)
        || !write_file(format("%s/model.c", folder), c.at, c.n)
        || !write_file(format("%s/exports.c", folder), exports.at, exports.n)
        || !write_file(format("%s/Makefile", folder), make.at, make.n))
        return 1;
    return 0;
}
