/* show.c -- a program as text, in the language's notation: one statement a line, scans indented.
 *
 * What the notation has no word for is printed all the same: `where` behind a statement, `inside(x[i])`. */
#include "program.h"
#include <math.h>

enum { MAX_NAMES = 8 * MAX_RANK };

typedef struct {
    Buf *b;
    TensorList tensors;             /* in order of mention */
    Index *index[MAX_NAMES];        /* of the statement at hand */
    Str name[MAX_NAMES];
    int nindex, nscan;              /* the first nscan stay from statement to statement */
} Show;

/* ---- names --------------------------------------------------------------------------------------- */
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

/* ---- expressions --------------------------------------------------------------------------------- */
static void show(Show *s, Expr *e, int least);

static int level_of(const Expr *e)
{
    if (e->kind == EXPR_num)
        return signbit(e->num) ? LEVEL_SIGN : LEVEL_ATOM;
    return e->kind == EXPR_op ? op_info[e->op].binds : e->kind == EXPR_reduce ? LEVEL_REDUCE : LEVEL_ATOM;
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
static void show_args(Show *s, const char *text, const Expr *e)
{
    for (const char *c = text; *c; c++) {
        if (*c != '%' || c[1] < '1' || c[1] > '3') {
            buf_put(s->b, c, 1);
            continue;
        }
        const int k = *++c - '1';
        show(s, e->arg[k], e->kind == EXPR_op ? needed(e, k) : 0);
    }
}

static void show_subs(Show *s, Tensor *t, Expr *const *sub, Expr *other)
{
    if (t->rank == 0)
        return;
    for (int k = 0; k < t->rank; k++) {
        buf_add(s->b, k ? ", " : "[");
        show(s, sub[k], 0);
    }
    if (other) {
        buf_add(s->b, " else ");
        show(s, other, 0);
    }
    buf_add(s->b, "]");
}

static void show_indices(Show *s, Index **list, int n)
{
    for (int k = 0; k < n; k++)
        buf_add(s->b, "%s%s", k ? ", " : "", index_name(s, list[k]));
}

static void show_reduce(Show *s, Expr *e)
{
    buf_add(s->b, "%s(", reduce_names[e->reduce]);
    show_indices(s, e->bound, e->nindex);
    if (e->where) {
        buf_add(s->b, " where ");
        show(s, e->where, 0);
    }
    buf_add(s->b, ") ");
    show(s, e->arg[0], LEVEL_PRODUCT);
}

static void show_bare(Show *s, Expr *e)
{
    switch (e->kind) {
    case EXPR_num:
        buf_add(s->b, "%s", number_text(e->num));
        break;
    case EXPR_index:
        buf_add(s->b, "%s", index_name(s, e->index));
        break;
    case EXPR_read:
        buf_add(s->b, "%s", tensor_name(s, e->tensor));
        show_subs(s, e->tensor, e->sub, e->other);
        break;
    case EXPR_op:
        show_args(s, op_info[e->op].written, e);
        break;
    case EXPR_draw:
        buf_add(s->b, e->normal ? "normal()" : "uniform()");
        break;
    case EXPR_inside: case EXPR_stop: case EXPR_byhand:
        show_args(s, e->kind == EXPR_inside ? "inside(%1)" : e->kind == EXPR_stop ? "stop(%1)" : "(%1 grad %3)", e);
        break;
    case EXPR_reduce:
        show_reduce(s, e);
        break;
    }
}

static void show(Show *s, Expr *e, int least)
{
    const bool wrap = level_of(e) < least;
    buf_add(s->b, wrap ? "(" : "");
    show_bare(s, e);
    buf_add(s->b, wrap ? ")" : "");
}

/* ---- statements ---------------------------------------------------------------------------------- */
static void show_value(Show *s, Stmt *st)
{
    static const char *const sets[] = { "=", "+=", "*=", "max=", "min=", "joins", "= argmax", "= argmin", "= choice", "= search", "= rank" };
    buf_add(s->b, " %s%s", st->update ? ":" : "", sets[st->set]);
    if (st->set >= SET_argmax) {
        buf_add(s->b, "(");
        show_indices(s, st->index + st->nouter, st->nindex - st->nouter);
        buf_add(s->b, ")");
    }
    buf_add(s->b, " ");
    show(s, st->value, st->set >= SET_argmax ? LEVEL_PRODUCT : 0);
    if (st->draw) {
        buf_add(s->b, " by ");
        show(s, st->draw, 0);
    }
    if (st->where) {
        buf_add(s->b, "  where ");
        show(s, st->where, 0);
    }
}

static void show_origin(Show *s, const Stmt *st, size_t start)
{
    const Place p = st->use ? st->use->place : st->place;
    if (!p.source && !st->use)
        return;
    size_t width = s->b->n - start;
    do
        buf_add(s->b, " ");
    while (++width < 56);
    buf_add(s->b, " #");
    if (p.source)
        buf_add(s->b, " %s:%d", p.source->name, p.line);
    if (st->use && st->use->words)
        buf_add(s->b, " %s", st->use->words);
    if (st->backward)
        buf_add(s->b, ", backward");
}

static void show_list(Show *s, StmtList *list, int depth);

static void show_scan(Show *s, Stmt *st, int depth)
{
    buf_add(s->b, "scan %s < %d%s {\n", index_name(s, st->step), st->step->size, st->down ? " down" : "");
    const int was = s->nscan;
    s->nscan = s->nindex;
    show_list(s, &st->body, depth + 1);
    s->nscan = was;
    buf_add(s->b, "%*s}", 4 * depth, "");
    if (st->stop)
        buf_add(s->b, " until %s <= %s + 1", tensor_name(s, st->stop), index_name(s, st->step));
}

static void show_stmt(Show *s, Stmt *st, int depth)
{
    s->nindex = s->nscan;
    buf_add(s->b, "%*s", 4 * depth, "");
    const size_t start = s->b->n;
    if (st->kind == STMT_scan) {
        show_scan(s, st, depth);
        buf_add(s->b, "\n");
        return;
    }
    for (int k = 0; k < st->nindex; k++)
        index_name(s, st->index[k]);
    buf_add(s->b, "%s", tensor_name(s, st->target));
    switch (st->kind) {
    case STMT_gradient:
        buf_add(s->b, " = gradient(%s, %s)", tensor_name(s, st->source), tensor_name(s, st->wrt));
        break;
    case STMT_orthogonal:
        buf_add(s->b, " = orthogonal");
        break;
    case STMT_reshape:
        buf_add(s->b, " = reshape(%s)", tensor_name(s, st->source));
        break;
    default:
        show_subs(s, st->target, st->sub, NULL);
        show_value(s, st);
    }
    show_origin(s, st, start);
    buf_add(s->b, "\n");
}

static void show_list(Show *s, StmtList *list, int depth)
{
    EACH(st, *list)
        show_stmt(s, st, depth);
}

/* ---- declarations -------------------------------------------------------------------------------- */
static void show_tensor(Show *s, Tensor *t)
{
    static const char *const role[] = { "in", "length", "clock", "param", "grad", "state", "temp" };
    buf_add(s->b, "%-6s %s", role[t->role], tensor_name(s, t));
    for (int k = 0; k < t->rank; k++)
        buf_add(s->b, "%s%s%d", k ? ", " : "[", t->axis[k].length ? ".." : "", t->axis[k].size);
    buf_add(s->b, t->rank ? "]" : "");
    if (t->of)
        buf_add(s->b, " of %d", t->of);
    else if (t->elem == ELEM_int)
        buf_add(s->b, " whole");
    buf_add(s->b, "\n");
}

void program_print(Buf *b, Program *p)
{
    Show s = { .b = b };
    static const char *const title[] = { "after states have changed", "before the first batch", NULL, "updates",
                                         "gradients that the updates do without", "after the last batch" };
    EACH_STMT_OF(st, p)
        EACH(t, stmt_tensors(st))
            PUSH_NEW(s.tensors, t);
    buf_add(b, "# program %s\n", p->name ? p->name : "");
    EACH(t, s.tensors)
        show_tensor(&s, t);
    for (int k = 0; program_part(p, k); k++) {
        if (program_part(p, k)->n)
            buf_add(b, title[k] ? "\n# %s\n" : "\n", title[k]);
        show_list(&s, program_part(p, k), 0);
    }
}

void stmt_print(Buf *b, Stmt *st)
{
    Show s = { .b = b };
    show_stmt(&s, st, 0);
}
