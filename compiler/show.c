/* show.c -- a program as text, in the language's notation: one statement a line, scans indented.
 *
 * What the notation has no word for is printed all the same: `where` behind a
 * statement, `inside(x[i])`. */
#include "program.h"
#include <math.h>

enum { MAX_NAMES = 8 * MAX_RANK };

typedef struct {
    TensorList tensors;             /* in order of mention */
    Index *index[MAX_NAMES];        /* of the statement at hand */
    Str name[MAX_NAMES];
    int nindex, nscan;              /* the first nscan stay from statement to statement */
} Show;

/* ---- names ---------------------------------------------------------------------------------- */
static Str tensor_name(Show *s, Tensor *t)
{
    if (!t->name)
        return t->cname;
    return FIND(other, s->tensors, other != t && other->name == t->name) ? t->cname : t->name;
}

static Str index_name(Show *s, Index *i)
{
    const int at = FIRST(k, s->nindex, s->index[k] == i);
    if (at >= 0)
        return s->name[at];
    Str name = i->name ? i->name : intern("i"), fresh = name;
    for (int k = 2; ANY(j, s->nindex, s->name[j] == fresh); k++)
        fresh = format("%s%d", name, k);
    if (s->nindex < MAX_NAMES) {
        s->index[s->nindex] = i;
        s->name[s->nindex++] = fresh;
    }
    return fresh;
}

/* ---- expressions ---------------------------------------------------------------------------- */
static Str show(Show *s, Expr *e, int least);

static int level_of(const Expr *e)
{
    if (e->kind == EXPR_num)
        return signbit(e->num) ? LEVEL_SIGN : LEVEL_ATOM;
    return e->kind == EXPR_op ? op_info[e->op].binds
        : e->kind == EXPR_reduce ? LEVEL_REDUCE : LEVEL_ATOM;
}

/* How tightly an argument must bind to need no parentheses. */
static int needed(const Expr *e, int arg)
{
    const int own = op_info[e->op].binds;
    switch (own) {
    case LEVEL_ATOM:    return 0;
    case LEVEL_SELECT:  return arg == 0 ? LEVEL_OR : LEVEL_SELECT;
    case LEVEL_POWER:   return arg == 0 ? LEVEL_ATOM : LEVEL_SIGN;
    case LEVEL_SIGN: case LEVEL_NOT:    return own;
    default:            return own + arg;
    }
}

/* Text in which %1, %2, %3 stand for the arguments of e. */
static Str show_args(Show *s, const char *text, const Expr *e)
{
    Buf b = { 0 };
    for (const char *c = text; *c; c++) {
        if (*c != '%' || c[1] < '1' || c[1] > '3') {
            buf_put(&b, c, 1);
            continue;
        }
        const int k = *++c - '1';
        buf_add(&b, "%s", show(s, e->arg[k], e->kind == EXPR_op ? needed(e, k) : 0));
    }
    return b.at;
}

/* A tensor's name and its subscripts. */
static Str show_place(Show *s, Tensor *t, Expr *const *sub, Expr *other)
{
    Buf b = { 0 };
    buf_add(&b, "%s", tensor_name(s, t));
    for (int k = 0; k < t->rank; k++)
        buf_add(&b, "%s%s", k ? ", " : "[", show(s, sub[k], 0));
    if (other && t->rank)
        buf_add(&b, " else %s", show(s, other, 0));
    buf_add(&b, t->rank ? "]" : "");
    return b.at;
}

static Str show_indices(Show *s, Index **list, int n)
{
    Buf b = { 0 };
    for (int k = 0; k < n; k++)
        buf_add(&b, "%s%s", k ? ", " : "", index_name(s, list[k]));
    return n ? b.at : "";
}

/* Text before e; nothing where there is no e. */
static Str show_after(Show *s, const char *before, Expr *e)
{
    return e ? format("%s%s", before, show(s, e, 0)) : "";
}

/* Indices get their names in the order of mention. */
static Str show_reduce(Show *s, Expr *e)
{
    const Str over = show_indices(s, e->bound, e->nindex);
    const Str where = show_after(s, " where ", e->where);
    return format("%s(%s%s) %s", reduce_names[e->reduce], over, where,
                  show(s, e->arg[0], LEVEL_PRODUCT));
}

static Str show_bare(Show *s, Expr *e)
{
    switch (e->kind) {
    case EXPR_num:      return number_text(e->num);
    case EXPR_index:    return index_name(s, e->index);
    case EXPR_read:     return show_place(s, e->tensor, e->sub, e->other);
    case EXPR_op:       return show_args(s, op_info[e->op].written, e);
    case EXPR_draw:     return e->normal ? "normal()" : "uniform()";
    case EXPR_inside:   return show_args(s, "inside(%1)", e);
    case EXPR_stop:     return show_args(s, "stop(%1)", e);
    case EXPR_byhand:   return show_args(s, "(%1 grad %3)", e);
    case EXPR_reduce:   return show_reduce(s, e);
    }
    return "";
}

static Str show(Show *s, Expr *e, int least)
{
    const Str text = show_bare(s, e);
    return level_of(e) < least ? format("(%s)", text) : text;
}

/* ---- statements ----------------------------------------------------------------------------- */
static Str show_nest(Show *s, Stmt *st)
{
    static const char *const sets[] = {
        "=", "+=", "*=", "max=", "min=", "joins",
        "= argmax", "= argmin", "= choice", "= search", "= rank",
    };
    const bool whole = st->set >= SET_argmax;
    const Str place = show_place(s, st->target, st->sub, NULL);
    const Str over = whole
        ? format("(%s)", show_indices(s, st->index + st->nouter, st->nindex - st->nouter))
        : "";
    const Str value = show(s, st->value, whole ? LEVEL_PRODUCT : 0);
    const Str draw = show_after(s, " by ", st->draw);
    return format("%s %s%s%s %s%s%s", place, st->update ? ":" : "", sets[st->set], over, value,
                  draw, show_after(s, "  where ", st->where));
}

static Str show_origin(const Stmt *st)
{
    const Place p = st->use ? st->use->place : st->place;
    const Str words = st->use && st->use->words ? format(" %s", st->use->words) : "";
    return format("%s%s%s", p.source ? format(" %s:%d", p.source->name, p.line) : "", words,
                  st->backward ? ", backward" : "");
}

static void show_list(Show *s, Buf *b, StmtList *list, int depth);

static void show_scan(Show *s, Buf *b, Stmt *st, int depth)
{
    buf_line(b, depth, "scan %s < %d%s {", index_name(s, st->step), st->step->size,
             st->down ? " down" : "");
    const int was = s->nscan;
    s->nscan = s->nindex;
    show_list(s, b, &st->body, depth + 1);
    s->nscan = was;
    if (st->stop)
        buf_line(b, depth, "} until %s <= %s + 1", tensor_name(s, st->stop),
                 index_name(s, st->step));
    else
        buf_line(b, depth, "}");
}

static void show_stmt(Show *s, Buf *b, Stmt *st, int depth)
{
    s->nindex = s->nscan;
    if (st->kind == STMT_scan) {
        show_scan(s, b, st, depth);
        return;
    }
    for (int k = 0; k < st->nindex; k++)
        index_name(s, st->index[k]);
    const Str to = tensor_name(s, st->target);
    const Str text = st->kind == STMT_gradient
        ? format("%s = gradient(%s, %s)", to, tensor_name(s, st->source), tensor_name(s, st->wrt))
        : st->kind == STMT_orthogonal ? format("%s = orthogonal", to)
        : st->kind == STMT_reshape ? format("%s = reshape(%s)", to, tensor_name(s, st->source))
        : show_nest(s, st);
    if (st->use || st->place.source)
        buf_line(b, depth, "%-55s  #%s", text, show_origin(st));
    else
        buf_line(b, depth, "%s", text);
}

static void show_list(Show *s, Buf *b, StmtList *list, int depth)
{
    EACH(st, *list)
        show_stmt(s, b, st, depth);
}

/* ---- declarations --------------------------------------------------------------------------- */
static void show_tensor(Show *s, Buf *b, Tensor *t)
{
    static const char *const role[] = {
        "in", "length", "clock", "param", "grad", "state", "temp",
    };
    buf_add(b, "%-6s %s", role[t->role], tensor_name(s, t));
    for (int k = 0; k < t->rank; k++)
        buf_add(b, "%s%s%d", k ? ", " : "[", t->axis[k].length ? ".." : "", t->axis[k].size);
    const Str kind = t->of ? format(" of %d", t->of) : t->elem == ELEM_int ? " whole" : "";
    buf_add(b, "%s%s\n", t->rank ? "]" : "", kind);
}

void program_print(Buf *b, Program *p)
{
    Show s = { .nscan = 0 };
    static const char *const title[] = {
        "after states have changed", "before the first batch", NULL, "updates",
        "gradients that the updates do without", "after the last batch",
    };
    EACH_STMT_OF(st, p)
        EACH(t, stmt_tensors(st))
            PUSH_NEW(s.tensors, t);
    buf_add(b, "# program %s\n", p->name ? p->name : "");
    EACH(t, s.tensors)
        show_tensor(&s, b, t);
    for (int k = 0; program_part(p, k); k++) {
        if (program_part(p, k)->n)
            buf_add(b, title[k] ? "\n# %s\n" : "\n", title[k]);
        show_list(&s, b, program_part(p, k), 0);
    }
}

void stmt_print(Buf *b, Stmt *st)
{
    Show s = { .nscan = 0 };
    show_stmt(&s, b, st, 0);
}
