/* toolchain.c -- from emitted C to a binary: files, the C compiler, the cache.
 *
 * The C compiler is started with a vector of arguments, never through a shell, in a folder of our own.
 * The runtime is compiled once per set of flags and kept beside the cached trainers. */
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

/* ---- files --------------------------------------------------------------------------------------------- */
static bool failed(const char *path)
{
    fprintf(stderr, "aec: %s: %s\n", path, strerror(errno));
    return false;
}

/* Whole or not at all: a temporary in the same folder takes the name when it is complete. */
bool write_file(const char *path, const char *text, size_t length)
{
    const Str temporary = format("%s.%ld.part", path, (long) getpid());
    FILE *f = fopen(temporary, "wb");
    if (!f)
        return failed(temporary);
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

static void remove_folder(const char *folder)
{
    for (const Source *e = embedded; e->name; e++) {
        const char *base = strrchr(e->name, '/');
        unlink(format("%s%s", folder, base));
    }
    unlink(format("%s/model.c", folder));
    rmdir(folder);
}

static bool write_runtime(const char *folder, bool headers_only)
{
    for (const Source *e = embedded; e->name; e++) {
        const char *base = strrchr(e->name, '/'), *dot = strrchr(e->name, '.');
        if (strncmp(e->name, "runtime/", 8) || (headers_only && strcmp(dot, ".h")))
            continue;
        if (!write_file(format("%s%s", folder, base), e->text, e->length))
            return false;
    }
    return true;
}

/* ---- the C compiler ---------------------------------------------------------------------------------- */
static int start(char **argv, bool verbose)
{
    if (verbose) {
        for (int k = 0; argv[k]; k++)
            fprintf(stderr, "%s%s", k ? " " : "", argv[k]);
        fprintf(stderr, "\n");
    }
    pid_t child;
    const int error = posix_spawnp(&child, argv[0], NULL, NULL, argv, environ);
    if (error) {
        fprintf(stderr, "aec: the C compiler `%s` cannot be started: %s\n", argv[0], strerror(error));
        return 4;
    }
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return 4;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 4;
}

static void add(Argv *argv, const char *word)
{
    PUSH(*argv, (char *) word);
}

static Str c_string(const char *text)
{
    Buf b = { 0 };
    buf_add(&b, "\"");
    for (const unsigned char *p = (const unsigned char *) text; *p; p++)
        if (*p < 32 || *p > 126 || strchr("\"\\?", *p))
            buf_add(&b, "\\%03o", *p);
        else
            buf_add(&b, "%c", *p);
    buf_add(&b, "\"");
    return intern(b.at);
}

static void flags(Argv *argv, const BuildOptions *how, Module *m)
{
    static const struct { const char *name, *flag; } targets[] = {
        { "native", "-march=native" }, { "v4", "-march=x86-64-v4" }, { "v3", "-march=x86-64-v3" }, { "v2", "-march=x86-64-v2" },
    };
    add(argv, "-std=gnu11");
    add(argv, how->sanitize ? "-O1" : how->emit.fast ? "-O3" : "-O2");
    for (size_t k = 0; k < sizeof targets / sizeof *targets; k++)
        if (!strcmp(targets[k].name, how->target))
            add(argv, targets[k].flag);
    add(argv, "-ffp-contract=fast");
    add(argv, "-fno-math-errno");
    add(argv, "-fno-trapping-math");
    if (how->emit.fast)
        add(argv, "-fopenmp");
    if (how->emit.f64)
        add(argv, "-DAE_DOUBLE");
    if (how->sanitize) {
        add(argv, "-g");
        add(argv, "-fsanitize=address,undefined");
        add(argv, "-fno-sanitize-recover=undefined");
    }
    add(argv, "-DAE_HAVE_PNG");
    add(argv, "-DAE_HAVE_ZLIB");
    if (m) {
        const char *slash = strrchr(m->source->name, '/');
        char *folder = realpath(slash ? format("%.*s", (int) (slash - m->source->name) + 1, m->source->name) : ".", NULL);
        add(argv, format("-DAE_FOLDER=%s", c_string(folder ? folder : ".")));
        free(folder);
    }
}

static void libraries(Argv *argv, const BuildOptions *how)
{
    if (how->emit.openblas)
        add(argv, "-lopenblas");
    add(argv, "-lpng");
    add(argv, "-lz");
    add(argv, "-lm");
    add(argv, NULL);
}

/* ---- the cache ------------------------------------------------------------------------------------------- */
static uint64_t hash_build(const BuildOptions *how, Module *m)
{
    uint64_t h = HASH_NONE;
    Argv argv = { 0 };
    add(&argv, how->cc);
    flags(&argv, how, m);
    for (int k = 0; k < argv.n; k++)
        h = hash_more(h, argv.at[k], strlen(argv.at[k]) + 1);
    for (const Source *e = embedded; e->name; e++)
        if (!strncmp(e->name, "runtime/", 8))
            h = hash_more(h, e->text, e->length);
    return h;
}

static Str cache_folder(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    const Str folder = cache && *cache ? format("%s/aec", cache) : home && *home ? format("%s/.cache/aec", home)
                     : format("/tmp/aec-%ld", (long) getuid());
    return make_folder(folder) ? folder : NULL;
}

/* The runtime as an archive of one object, compiled when it is first wanted with these flags. */
static Str runtime_object(const BuildOptions *how, int *status)
{
    const Str cache = cache_folder();
    *status = 1;
    if (!cache)
        return NULL;
    const Str folder = format("%s/runtime-%016llx", cache, (unsigned long long) hash_build(how, NULL));
    const Str object = format("%s/runtime.o", folder);
    if (access(object, R_OK) == 0)
        return object;
    if (!make_folder(folder) || !write_runtime(folder, false))
        return NULL;
    VEC(Str) objects = { 0 };
    Argv link = { 0 };
    add(&link, how->cc);
    add(&link, "-r");
    add(&link, "-nostdlib");
    add(&link, "-o");
    const Str made = format("%s/%ld.o", folder, (long) getpid());
    add(&link, made);
    for (const Source *e = embedded; e->name; e++) {
        const char *base = strrchr(e->name, '/') + 1, *dot = strrchr(e->name, '.');
        if (strncmp(e->name, "runtime/", 8) || strcmp(dot, ".c"))
            continue;
        Argv argv = { 0 };
        add(&argv, how->cc);
        flags(&argv, how, NULL);
        add(&argv, "-c");
        add(&argv, format("%s/%s", folder, base));
        add(&argv, "-o");
        const Str one = format("%s/%s.%ld.o", folder, base, (long) getpid());
        add(&argv, one);
        add(&argv, NULL);
        *status = start(argv.at, how->verbose);
        if (*status)
            return NULL;
        PUSH(objects, one);
        add(&link, one);
    }
    add(&link, NULL);
    *status = start(link.at, how->verbose);
    for (int k = 0; k < objects.n; k++)
        unlink(objects.at[k]);
    if (!*status && rename(made, object)) {
        failed(object);
        *status = 1;
    }
    return *status ? NULL : object;
}

/* ---- building -------------------------------------------------------------------------------------------- */
static int compile_model(Module *m, const BuildOptions *how, const Buf *c, const char *binary)
{
    int status;
    const Str runtime = runtime_object(how, &status);
    if (!runtime)
        return status;
    char folder[] = "/tmp/aec-XXXXXX";
    if (!mkdtemp(folder))
        return failed(folder), 1;
    const Str model = format("%s/model.c", folder);
    if (!write_runtime(folder, true) || !write_file(model, c->at, c->n)) {
        remove_folder(folder);
        return 1;
    }
    Argv argv = { 0 };
    add(&argv, how->cc);
    flags(&argv, how, m);
    add(&argv, model);
    add(&argv, runtime);
    add(&argv, "-o");
    add(&argv, *binary == '/' ? binary : format("./%s", binary));
    libraries(&argv, how);
    status = start(argv.at, how->verbose);
    if (how->keep || status)
        fprintf(stderr, "aec: the C is in %s\n", folder);
    else
        remove_folder(folder);
    return status;
}

int build_trainer(Module *m, const BuildOptions *how, const char *binary)
{
    Buf c = { 0 };
    emit(&c, m, how->emit);
    return compile_model(m, how, &c, binary);
}

Str cached_trainer(Module *m, const BuildOptions *how, int *status)
{
    Buf c = { 0 };
    emit(&c, m, how->emit);
    const Str cache = cache_folder();
    *status = 1;
    if (!cache)
        return NULL;
    uint64_t h = hash_more(hash_build(how, m), c.at, c.n);
    h = hash_more(h, "", (size_t) how->emit.openblas);
    const Str binary = format("%s/%s-%016llx", cache, m->name, (unsigned long long) h);
    *status = 0;
    if (access(binary, X_OK) == 0)
        return binary;
    const Str made = format("%s.%ld", binary, (long) getpid());
    *status = compile_model(m, how, &c, made);
    if (!*status && rename(made, binary)) {
        failed(binary);
        *status = 1;
    }
    return *status ? NULL : binary;
}

/* ---- a program to take away -------------------------------------------------------------------------------- */
int write_program(Module *m, const BuildOptions *how, const char *folder)
{
    Buf c = { 0 }, make = { 0 };
    emit(&c, m, how->emit);
    buf_add(&make, "# Builds the trainer `%s`. `make PNG=1 ZLIB=1` reads PNG and .gz too.\n", m->name);
    buf_add(&make, "CC ?= gcc\nCFLAGS ?= -std=gnu11 %s -march=native -ffp-contract=fast -fno-math-errno -fno-trapping-math%s\n",
            how->emit.fast ? "-O3" : "-O2", how->emit.fast ? " -fopenmp" : "");
    buf_add(&make, "LDLIBS = %s-lm\n", how->emit.openblas ? "-lopenblas " : "");
    if (how->emit.f64)
        buf_add(&make, "CFLAGS += -DAE_DOUBLE\n");
    buf_add(&make, "ifdef PNG\nCFLAGS += -DAE_HAVE_PNG\nLDLIBS += -lpng\nendif\n");
    buf_add(&make, "ifdef ZLIB\nCFLAGS += -DAE_HAVE_ZLIB\nLDLIBS += -lz\nendif\n\n");
    buf_add(&make, "%s: $(wildcard *.c) $(wildcard *.h)\n\t$(CC) $(CFLAGS) -o $@ $(wildcard *.c) $(LDLIBS)\n\n", m->name);
    buf_add(&make, "clean:\n\trm -f %s\n", m->name);
    if (!make_folder(folder) || !write_runtime(folder, false)
        || !write_file(format("%s/model.c", folder), c.at, c.n) || !write_file(format("%s/Makefile", folder), make.at, make.n))
        return 1;
    return 0;
}
