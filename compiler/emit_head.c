/* emit_head.c -- strings and comments: the only ways by which the user's text reaches the emitted C. */
#include "emit.h"

/* Octal escapes of three digits, which cannot run into what follows; ? escaped because of trigraphs. */
void put_string(Buf *b, const char *text)
{
    buf_add(b, "\"");
    for (const unsigned char *c = (const unsigned char *) text; *c; c++)
        if (*c < 32 || *c > 126 || *c == '"' || *c == '\\' || *c == '?')
            buf_add(b, "\\%03o", *c);
        else
            buf_put(b, (const char *) c, 1);
    buf_add(b, "\"");
}

/* Printable ASCII; no end of the comment, no start of another, no escaped line, no trigraph. */
void put_comment(Buf *b, Str text)
{
    char last = ' ';
    for (const char *c = text ? text : ""; *c; c++) {
        char now = *c >= 32 && *c <= 126 && *c != '\\' ? *c : *c == '\n' || *c == '\t' ? ' ' : '.';
        if (now == ' ' && last == ' ')
            continue;
        if ((last == '*' && now == '/') || (last == '/' && now == '*') || (last == '?' && now == '?'))
            buf_add(b, " ");
        buf_put(b, &now, 1);
        last = now;
    }
}

static Str file_name(const Source *s)
{
    const char *slash = s && s->name ? strrchr(s->name, '/') : NULL;
    return slash ? slash + 1 : s && s->name ? s->name : "model.ae";
}

Str place_name(Place p)
{
    return format("%s:%d", file_name(p.source), p.line);
}

static void pad_to(Buf *b, size_t line, size_t column)
{
    while (b->n - line < column)
        buf_add(b, " ");
}

/* ---- above a function ------------------------------------------------------------------------- */
static void use_line(Func *f, Buf *b, Use *u, bool first)
{
    const size_t line = b->n;
    buf_add(b, first ? "/* " : "\n * ");
    if (u->place.source)
        buf_add(b, "%s  ", place_name(u->place));
    if (u->place.source)
        pad_to(b, line, 16);
    put_comment(b, u->words ? u->words : u->path);
    if (f->backward)
        buf_add(b, "  backward");
    if (f->update)
        buf_add(b, "  update");
}

/* The places and words of a function on one line. */
void func_words(Func *f, Buf *b)
{
    for (int k = 0; k < f->uses.n; k++) {
        Use *u = f->uses.at[k];
        buf_add(b, k ? "; " : "");
        if (u->place.source && (!k || u->place.line != f->uses.at[k - 1]->place.line))
            buf_add(b, "%s:%d  ", file_name(u->place.source), u->place.line);
        buf_add(b, "%s", u->words ? u->words : u->path);
    }
    buf_add(b, f->backward ? "  backward" : f->update ? "  update" : "");
}

/* The user's formulas of this use that the function computes, each once. */
static void formula_lines(Func *f, Buf *b, Use *u, size_t line)
{
    VEC(Str) done = { 0 };
    for (int k = 0; k < f->stmts.n; k++) {
        Str formula = f->stmts.at[k]->formula;
        bool had = !formula || (f->stmts.at[k]->use && f->stmts.at[k]->use != u);
        for (int j = 0; j < done.n && !had; j++)
            had = done.at[j] == formula;
        if (had)
            continue;
        PUSH(done, formula);
        if (b->n - line > 44 || done.n > 1) {
            buf_add(b, "\n *");
            line = b->n - 2;
        }
        buf_add(b, "  ");
        pad_to(b, line, 40);
        Buf words = { 0 };
        put_comment(&words, formula);
        if (words.at)
            wrap_words(b, words.at, line, 40);
    }
}

void func_head(Emit *e, Func *f)
{
    (void) e;
    Buf *b = &f->head;
    for (int k = 0; k < f->uses.n; k++) {
        const size_t line = b->n;
        use_line(f, b, f->uses.at[k], k == 0);
        formula_lines(f, b, f->uses.at[k], line + (k > 0));
    }
    buf_add(b, f->uses.n ? " */\n" : "");
}

/* ---- above the file --------------------------------------------------------------------------- */
/* Where a layer's result is: the last temporary that its statements set, before those of another. */
static Tensor *result_of(StmtList *body, int first, Use *u)
{
    Tensor *t = NULL;
    for (int k = first; k < body->n && !body->at[k]->backward && body->at[k]->use == u; k++)
        if (body->at[k]->target && body->at[k]->target->role == ROLE_temp)
            t = body->at[k]->target;
    return t;
}

static void put_dims(Buf *b, Tensor *t)
{
    bool any = false;
    for (int k = 0; k < t->rank; k++)
        if (!t->axis[k].example) {
            buf_add(b, any ? "x%d" : "[%d", t->axis[k].size);
            any = true;
        }
    buf_add(b, any ? "]" : "");
}

static void put_chain(Emit *e, Buf *b)
{
    Module *m = e->m;
    StmtList *body = &e->programs.at[0]->body;
    size_t line = b->n;
    Use *last = NULL;
    buf_add(b, " *   ");
    for (int k = 0; k < m->inputs.n; k++)
        if (!m->inputs.at[k].label) {
            buf_add(b, b->n - line > 5 ? " " : "");
            put_comment(b, m->inputs.at[k].name);
            put_dims(b, m->inputs.at[k].tensor);
        }
    for (int k = 0; k < body->n && !body->at[k]->backward; k++) {
        Use *u = body->at[k]->use;
        if (!u || u == last)
            continue;
        last = u;
        Buf next = { 0 };
        buf_add(&next, " -> ");
        put_comment(&next, u->words ? u->words : u->path);
        Tensor *t = result_of(body, k, u);
        if (t)
            put_dims(&next, t);
        if (b->n - line + next.n > 96) {
            buf_add(b, "\n *      ");
            line = b->n - 8;
        }
        buf_add(b, "%s", next.at);
    }
    buf_add(b, "\n");
}

static void put_count(Buf *b, double n, const char *what)
{
    if (n >= 1e9)
        buf_add(b, "%.1f G%s", n / 1e9, what);
    else if (n >= 1e6)
        buf_add(b, "%.1f M%s", n / 1e6, what);
    else if (n >= 1e3)
        buf_add(b, "%.1f k%s", n / 1e3, what);
    else
        buf_add(b, "%.0f%s", n, what);
}

void file_head(Emit *e, Buf *b)
{
    Str file = file_name(e->m->source);
    buf_add(b, "/* ");
    put_comment(b, e->m->name);
    buf_add(b, " -- written by aec from ");
    put_comment(b, file);
    buf_add(b, ", %s schedule.  Edit the model, not this file.\n *\n", e->how.fast ? "fast" : "plain");
    if (e->programs.n)
        put_chain(e, b);
    buf_add(b, " *\n * %ld parameters", e->m->nparams);
    const double flops = flops_of(e);
    if (flops > 0) {
        buf_add(b, "; ");
        put_count(b, flops / 2, " multiply-adds");
        buf_add(b, " in a step of %d examples", e->m->batch_max);
    }
    buf_add(b, ". */\n");
    buf_add(b, "#include \"ae.h\"\n%s%s\n", e->how.fast && !e->how.f64 ? "#include \"vmath.h\"\n" : "",
            e->blas ? "#include <cblas.h>\n" : "");
    if (e->how.f64)
        buf_add(b, "#ifndef AE_DOUBLE\n#error \"compile with -DAE_DOUBLE: this file is in double precision\"\n"
                "#endif\n\n");
}
