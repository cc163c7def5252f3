/* commands.c -- what `aec run`, `build`, `emit`, `check`, `show` and `fmt` do. */
#define _GNU_SOURCE
#include "commands.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int no_file(void)
{
    return refuse(2, "which file? name a .ae");
}

static bool one_of(const char *flag, const char *value, const char *const *among)
{
    Buf all = { 0 };
    for (; value && *among; among++) {
        if (!strcmp(*among, value))
            return true;
        buf_add(&all, "%s %s", all.n ? "," : "", *among);
    }
    return !value || refuse(false, "`%s` is no value of %s; it takes%s", value, flag, all.at);
}

static bool is_fast(const Options *o)
{
    return !o->check && !(o->schedule && !strcmp(o->schedule, "plain"));
}

static bool build_options(Options *o, BuildOptions *b)
{
    static const char *const schedules[] = { "fast", "plain", NULL };
    static const char *const reals[] = { "f32", "f64", NULL };
    static const char *const targets[] = { "native", "v4", "v3", "v2", "generic", NULL };
    static const char *const gemms[] = { "auto", "generated", "openblas", NULL };
    if (!one_of("--schedule", o->schedule, schedules) || !one_of("--real", o->real, reals)
        || !one_of("--target", o->target, targets) || !one_of("--gemm", o->gemm, gemms))
        return false;
    *b = (BuildOptions) {
        .emit = {
            .fast = is_fast(o),
            .f64 = o->check || (o->real && !strcmp(o->real, "f64")),
            .check = o->check,
            .profile = o->profile,
            .mpi = o->mpi,
        },
        .target = o->target ? o->target : "native",
        .cc = o->cc ? o->cc : o->mpi ? "mpicc" : "gcc",
        .sanitize = o->sanitize, .keep = o->keep, .verbose = o->verbose,
    };
    Str gemm = o->gemm ? intern(o->gemm) : intern("auto");
    if (gemm == intern("auto") && b->emit.fast && o->file)
        gemm = tuned_gemm(o->file, gemm);
    if (!gemm)
        return false;
    b->emit.openblas = b->emit.fast && gemm == intern("openblas");
    b->library = b->emit.fast && !(o->gemm && !strcmp(o->gemm, "generated"));
    return true;
}

/* The module after a stage (NULL: all of them), with nothing printed yet; with how = NULL it is
 * not for building. NULL after a message. */
static Module *compiled(Options *o, Str stage, BuildOptions *how, int *status)
{
    *status = 2;
    if ((how && !build_options(o, how)) || (!o->file && no_file()))
        return NULL;
    const Source *source = source_read(o->file);
    *status = 1;
    if (!source)
        return NULL;
    const EmitOptions as = {
        .check = o->check, .fast = stage ? stage_is_fast(stage) : is_fast(o), .mpi = o->mpi,
    };
    Module *m = compile(source, &o->defines, stage, as);
    *status = diag_errors() ? 3 : 0;
    return *status ? NULL : m;
}

static Module *module_of(Options *o, Str stage, BuildOptions *how, int *status)
{
    Module *m = compiled(o, stage, how, status);
    diag_flush(o->json ? stdout : stderr, o->json);
    return m;
}

/* All but the C compiler. */
int command_check(Options *o)
{
    BuildOptions how;
    Buf c = { 0 };
    int status;
    Module *m = compiled(o, NULL, &how, &status);
    if (m && !emit(&c, m, how.emit))
        status = 3;
    diag_flush(o->json ? stdout : stderr, o->json);
    return status;
}

int command_build(Options *o)
{
    BuildOptions how;
    int status;
    Module *m = module_of(o, NULL, &how, &status);
    return m ? build_trainer(m, &how, o->out ? o->out : m->name) : status;
}

int command_emit(Options *o)
{
    BuildOptions how;
    int status;
    if (!o->out)
        return refuse(2, "where to? add `-o DIR`");
    Module *m = module_of(o, NULL, &how, &status);
    return m ? write_program(m, &how, o->out) : status;
}

int command_run(Options *o)
{
    BuildOptions how;
    int status;
    o->check |= o->nrest > 0 && !strcmp(o->rest[0], "gradcheck");       /* its twin in double */
    for (int k = 1; k < o->nrest && !strcmp(o->rest[0], "bench"); k++)
        o->profile |= !strcmp(o->rest[k], "--profile");
    Module *m = module_of(o, NULL, &how, &status);
    Str binary = m ? cached_trainer(m, &how, &status) : NULL;
    if (!binary)
        return status;
    VEC(char *) argv = { 0 };
    PUSH(argv, (char *) binary);
    if (!o->nrest)
        PUSH(argv, "train");
    for (int k = 0; k < o->nrest; k++)
        PUSH(argv, o->rest[k]);
    PUSH(argv, NULL);
    execv(binary, argv.at);
    return refuse(1, "%s: %s", binary, strerror(errno));
}

/* How the fast schedule shares memory. */
static int show_plan(Options *o)
{
    BuildOptions how;
    Buf c = { 0 }, drawn = { 0 };
    int status;
    o->schedule = NULL;
    Module *m = module_of(o, NULL, &how, &status);
    if (!m)
        return status;
    how.emit.plan = &drawn;
    if (!emit(&c, m, how.emit)) {
        diag_flush(stderr, o->json);
        return 3;
    }
    fwrite(drawn.at, 1, drawn.n, stdout);
    return 0;
}

int command_show(Options *o)
{
    int status;
    if (o->stage && !one_of("--ir", o->stage, stage_names))
        return 2;
    if (o->stage && !strcmp(o->stage, "plan"))
        return show_plan(o);
    Module *m = module_of(o, o->stage ? intern(o->stage) : intern("split"), NULL, &status);
    if (!m)
        return status;
    Buf b = { 0 };
    if (o->graph) {
        graph_print(&b, m);
        return write_file(o->graph, b.at, b.n) ? 0 : 1;
    }
    if (o->stage)
        module_print(&b, m);
    else
        summary_print(&b, m);
    fwrite(b.at, 1, b.n, stdout);
    return 0;
}

int command_fmt(Options *o)
{
    if (!o->file)
        return no_file();
    const Source *source = source_read(o->file);
    if (!source)
        return 1;
    parse(source, false);
    const int errors = diag_errors();
    diag_flush(o->json ? stdout : stderr, o->json);
    if (errors)
        return 3;
    Buf b = { 0 };
    format_file(&b, source);
    const bool same = b.n == source->length && !memcmp(b.at, source->text, b.n);
    if (o->only_check) {
        if (!same)
            printf("%s: not in the one layout; `aec fmt %s` mends it\n", o->file, o->file);
        return same ? 0 : 1;
    }
    return same || write_file(o->file, b.at, b.n) ? 0 : 1;
}
