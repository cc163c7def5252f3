/* emit_head.c -- strings and comments: the only ways by which the user's text
 * reaches the emitted C. */
#include "emit.h"

/* Printable ASCII; no end of the comment, no start of another, no escaped line, no trigraph. */
Str comment_text(Str text)
{
    Buf b = { 0 };
    char last = ' ';
    for (const char *c = text ? text : ""; *c; c++) {
        char now = *c >= 32 && *c <= 126 && *c != '\\' ? *c : *c == '\n' || *c == '\t' ? ' ' : '.';
        if (now == ' ' && last == ' ')
            continue;
        if ((last == '*' && now == '/') || (last == '/' && now == '*')
            || (last == '?' && now == '?'))
            buf_add(&b, " ");
        buf_put(&b, &now, 1);
        last = now;
    }
    return b.n ? b.at : "";
}

void put_lines(Buf *b, const char *text)
{
    do {
        const size_t n = strcspn(text, "\n"), all = n + (text[n] == '\n');
        buf_add(b, "\n    %s", c_string(intern_n(text, all)));
        text += all;
    } while (*text);
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

static Str words_of_use(const Use *u)
{
    return u->words ? u->words : u->path;
}

/* ---- above a function ----------------------------------------------------------------------- */
static void use_line(Func *f, Buf *b, Use *u, bool first)
{
    const size_t line = b->n;
    buf_add(b, first ? "/* " : "\n * ");
    if (u->place.source) {
        buf_add(b, "%s  ", place_name(u->place));
        pad_to(b, line, 16);
    }
    buf_add(b, "%s%s%s", comment_text(words_of_use(u)), f->backward ? "  backward" : "",
            f->update ? "  update" : "");
}

/* The places and words of a function on one line. */
Str func_words(Func *f)
{
    Buf b = { 0 };
    const Use *last = NULL;
    EACH(u, f->uses) {
        const bool told = last && u->place.line == last->place.line;
        buf_add(&b, "%s%s%s", last ? "; " : "",
                u->place.source && !told ? format("%s  ", place_name(u->place)) : "",
                words_of_use(u));
        last = u;
    }
    buf_add(&b, f->backward ? "  backward" : f->update ? "  update" : "");
    return b.at;
}

/* The user's formulas of this use that the function computes, each once. */
static void formula_lines(Func *f, Buf *b, Use *u, size_t line)
{
    StrList done = { 0 };
    EACH(s, f->stmts) {
        if (!s->formula || (s->use && s->use != u) || HAS(done, s->formula))
            continue;
        PUSH(done, s->formula);
        if (b->n - line > 44 || done.n > 1) {
            buf_add(b, "\n *");
            line = b->n - 2;
        }
        buf_add(b, "  ");
        pad_to(b, line, 40);
        wrap_words(b, comment_text(s->formula), line, 40);
    }
}

void func_head(Func *f)
{
    Buf *b = &f->head;
    for (int k = 0; k < f->uses.n; k++) {
        const size_t line = b->n;
        use_line(f, b, f->uses.at[k], k == 0);
        formula_lines(f, b, f->uses.at[k], line + (k > 0));
    }
    buf_add(b, f->uses.n ? " */\n" : "");
}

/* ---- above the file ------------------------------------------------------------------------- */
/* Where a layer's result is: the last temporary that its statements set,
 * before those of another. */
static Tensor *result_of(StmtList *body, int first, Use *u)
{
    Tensor *t = NULL;
    for (int k = first; k < body->n && !body->at[k]->backward && body->at[k]->use == u; k++)
        if (body->at[k]->target && body->at[k]->target->role == ROLE_temp)
            t = body->at[k]->target;
    return t;
}

static Str dims_text(const Tensor *t)
{
    Buf b = { 0 };
    for (int k = 0; t && k < t->rank; k++)
        if (!t->axis[k].example)
            buf_add(&b, b.n ? "x%d" : "[%d", t->axis[k].size);
    return b.n ? format("%s]", b.at) : "";
}

static void put_chain(Emit *e, Buf *b)
{
    StmtList *body = &e->programs.at[0]->body;
    size_t line = b->n;
    Use *last = NULL;
    buf_add(b, " *   ");
    EACH_AT(in, e->m->inputs)
        if (!in->label)
            buf_add(b, "%s%s%s", b->n - line > 5 ? " " : "", comment_text(in->name),
                    dims_text(in->tensor));
    for (int k = 0; k < body->n && !body->at[k]->backward; k++) {
        Use *u = body->at[k]->use;
        if (!u || u == last)
            continue;
        last = u;
        Str next = format(" -> %s%s", comment_text(words_of_use(u)),
                          dims_text(result_of(body, k, u)));
        if (b->n - line + strlen(next) > 96) {
            buf_add(b, "\n *      ");
            line = b->n - 8;
        }
        buf_add(b, "%s", next);
    }
    buf_add(b, "\n");
}

static Str count_text(double n, const char *what)
{
    static const struct { double from; const char *how; } units[] = {
        { 1e9, "%.1f G%s" }, { 1e6, "%.1f M%s" }, { 1e3, "%.1f k%s" },
    };
    for (int k = 0; k < COUNT(units); k++)
        if (n >= units[k].from)
            return format(units[k].how, n / units[k].from, what);
    return format("%.0f%s", n, what);
}

void file_head(Emit *e, Buf *b)
{
    buf_add(b,
            "/* %s -- written by aec from %s, %s schedule.  Edit the model, not this file.\n *\n",
            comment_text(e->m->name), comment_text(file_name(e->m->source)),
            e->how.fast ? "fast" : "plain");
    if (e->programs.n)
        put_chain(e, b);
    buf_add(b, " *\n * %ld parameters", e->m->nparams);
    const double flops = flops_of(e);
    if (flops > 0)
        buf_add(b, "; %s in a step of %d examples", count_text(flops / 2, " multiply-adds"),
                e->m->batch_max);
    buf_add(b, ". */\n");
    buf_add(b, "#include \"ae.h\"\n%s%s\n",
            e->how.fast && !e->how.f64 ? "#include \"vmath.h\"\n" : "",
            e->blas ? "#include <cblas.h>\n" : "");
    if (e->how.f64)
        buf_add(b, "#ifndef AE_DOUBLE\n"
                   "#error \"compile with -DAE_DOUBLE: this file is in double precision\"\n"
                   "#endif\n\n");
}
