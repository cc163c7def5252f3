/* driver.c -- reading sources and running the passes in order: the table of
   contents of the compiler. */
#include "driver.h"
#include <errno.h>
#include <stdlib.h>

int refuse(int status, const char *how, ...)
{
    va_list args;
    va_start(args, how);
    fprintf(stderr, "aec: %s\n", format_v(how, args));
    va_end(args);
    return status;
}

int refuse_word(const char *word, const StrList *names, const char *said, const char *otherwise)
{
    Str near = nearest(intern(word), names->at, names->n);
    return refuse(2, "%s%s", said, near ? format("; did you mean `%s`?", near) : otherwise);
}

const Source *source_read(const char *name)
{
    FILE *f = fopen(name, "rb");
    if (!f)
        return refuse(1, "%s: %s", name, strerror(errno)), NULL;
    Buf b = { 0 };
    char part[65536];
    for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0; )
        buf_put(&b, part, n);
    const bool failed = ferror(f);
    fclose(f);
    if (failed)
        return refuse(1, "%s: cannot be read: %s", name, strerror(errno)), NULL;
    buf_put(&b, "", 0);
    return COPY(&((Source) { .name = intern(name), .text = b.at, .length = b.n }));
}

const Source *embedded_file(const char *name)
{
    for (const Source *s = embedded; s->name; s++)
        if (!strcmp(s->name, name))
            return s;
    return NULL;
}

typedef VEC(const Source *) SourceList;

static bool used_file(Decl *d, const Source *from, SourceList *out)
{
    const char *slash = strrchr(from->name, '/');
    const Str path = *d->name == '/' || !slash
        ? d->name : format("%.*s/%s", (int) (slash - from->name), from->name, d->name);
    if (FIND(known, *out, known->name == path))
        return true;
    const Source *s = source_read(path);
    if (!s) {
        report(d->place, DIAG_use_file, d->name);
        return false;
    }
    PUSH(*out, s);
    return true;
}

/* All of the prelude and what the file uses. */
static bool libraries_of(File *file, SourceList *out)
{
    bool good = true;
    EACH(d, file->decls)
        if (d->kind == DECL_use)
            good &= used_file(d, file->source, out);
    for (const Source *s = embedded; s->name; s++)
        if (s->prelude)
            PUSH(*out, s);
    return good;
}

/* ---- passes --------------------------------------------------------------------------------- */
typedef void Pass(Module *, Program *);

typedef enum { ALWAYS, IF_CHECK, IF_MPI, IF_FAST, IF_FAST_ALONE } When;

static const struct { const char *name; Pass *run; When when; } passes[] = {
    { "elaborate",      NULL,           ALWAYS },
    { "split",          split,          ALWAYS },
    { "search",         search,         ALWAYS },
    { "hold",           hold,           IF_CHECK },
    { "differentiate",  differentiate,  ALWAYS },
    { "simplify",       simplify,       ALWAYS },
    { "onnx",           onnx_program,   ALWAYS },    /* changes nothing; nor does the next */
    { "couples",        couples,        IF_MPI },
    { "factor",         factor,         IF_FAST },
    /* Of several ranks others touch other rows. */
    { "rows",           rows,           IF_FAST_ALONE },
    { "order",          order_axes,     IF_FAST },
    { "once",           once,           IF_FAST },
};

const char *const stage_names[] = {
    "elaborate", "split", "search", "hold", "differentiate", "simplify", "factor", "rows", "order",
    "once", "plan", NULL,
};

bool stage_is_fast(Str stage)
{
    return ANY(k, COUNT(passes), passes[k].when >= IF_FAST && stage == intern(passes[k].name));
}

static bool is_wanted(When when, EmitOptions how)
{
    const bool wanted[] = { true, how.check, how.mpi, how.fast, how.fast && !how.mpi };
    return wanted[when];
}

/* In the order in which passes see them. */
static ProgramList programs_of(Module *m)
{
    ProgramList all = { 0 };
    EACH(p, m->phases) {
        PUSH(all, p->gradient);
        PUSH_ALL(all, p->sweeps);
        if (p->start)
            PUSH(all, p->start);
        PUSH(all, p->evaluate);
    }
    PUSH_ALL(all, m->programs);
    return all;
}

Module *compile(const Source *source, const SettingList *defines, Str stage, EmitOptions how)
{
    File *file = parse(source, false);
    SourceList use = { 0 };
    if (!libraries_of(file, &use) || diag_errors())
        return NULL;
    Module *m = elaborate(file, use.at, use.n, defines->at, defines->n);
    if (!m)
        return NULL;
    EACH_ROW(pass, passes) {
        if (!is_wanted(pass->when, how))
            continue;
        EACH(p, programs_of(m)) {
            if (pass->run)
                pass->run(m, p);
            verify(p, intern(pass->name));
        }
        if (diag_errors())
            return NULL;
        if (stage == intern(pass->name))
            break;
    }
    return m;
}

void module_print(Buf *b, Module *m)
{
    EACH(p, programs_of(m))
        program_print(b, p);
}
