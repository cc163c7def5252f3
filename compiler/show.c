/* show.c -- a program as text, in the language's notation: one statement a line, scans indented.
 *
 * What the notation has no word for is printed all the same: `where` behind a statement, `inside(x[i])`. */
#include "program.h"
#include <math.h>

enum { MAX_NAMES = 8 * MAX_RANK };

enum { SELECT = 1, OR, AND, NOT, COMPARE, SUM, REDUCE, PRODUCT, SIGN, POWER, ATOM };     /* how tightly each binds */

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
    for (int k = 0; k < s->tensors.n; k++)
        if (s->tensors.at[k] != t && s->tensors.at[k]->name == t->name)
            return t->cname;
    return t->name;
}

static bool name_taken(Show *s, Str name)
{
    for (int k = 0; k < s->nindex; k++)
        if (s->name[k] == name)
            return true;
    return false;
}

static Str index_name(Show *s, Index *i)
{
    for (int k = 0; k < s->nindex; k++)
        if (s->index[k] == i)
            return s->name[k];
    Str name = i->name ? i->name : intern("i"), fresh = name;
    for (int k = 2; name_taken(s, fresh); k++)
        fresh = format("%s%d", name, k);
    if (s->nindex < MAX_NAMES) {
        s->index[s->nindex] = i;
        s->name[s->nindex++] = fresh;
    }
    return fresh;
}

/* ---- expressions --------------------------------------------------------------------------------- */
static const char *const op_written[OP_COUNT] = {
#define SCALAR(name, n, written, ...) [OP_##name] = written,
#include "scalars.def"
#undef SCALAR
};

static const char *const reduce_name[] = { "sum", "mean", "prod", "max", "min", "argmax", "argmin", "any", "all", "rank", "choice" };

static int op_level(Op op)
{
    switch (op) {
    case OP_add: case OP_sub:   return SUM;
    case OP_mul: case OP_div: case OP_idiv: return PRODUCT;
    case OP_mod:    return PRODUCT;
    case OP_pow:    return POWER;
    case OP_neg:    return SIGN;
    case OP_lt: case OP_le: case OP_eq: case OP_ne: return COMPARE;
    case OP_and:    return AND;
    case OP_or:     return OR;
    case OP_not:    return NOT;
    case OP_select: return SELECT;
    default:        return ATOM;
    }
}

static int level_of(const Expr *e)
{
    if (e->kind == EXPR_num)
        return signbit(e->num) ? SIGN : ATOM;
    if (e->kind == EXPR_op)
        return op_level(e->op);
    return e->kind == EXPR_reduce ? REDUCE : ATOM;
}

/* How tightly an argument must bind to need no parentheses. */
static int needed(const Expr *e, int arg)
{
    const int own = op_level(e->op);
    switch (own) {
    case ATOM:      return 0;
    case SELECT:    return arg == 0 ? OR : SELECT;
    case POWER:     return arg == 0 ? ATOM : SIGN;
    case SIGN: case NOT:    return own;
    default:        return own + arg;
    }
}

static void show(Show *s, Expr *e, int least);

static void show_op(Show *s, Expr *e)
{
    for (const char *c = op_written[e->op]; *c; c++) {
        if (*c == '%' && c[1] >= '1' && c[1] <= '3') {
            show(s, e->arg[c[1] - '1'], needed(e, c[1] - '1'));
            c++;
        } else {
            buf_put(s->b, c, 1);
        }
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
    buf_add(s->b, "%s(", reduce_name[e->reduce]);
    show_indices(s, e->bound, e->nindex);
    if (e->where) {
        buf_add(s->b, " where ");
        show(s, e->where, 0);
    }
    buf_add(s->b, ") ");
    show(s, e->arg[0], PRODUCT);
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
    case EXPR_inside:
        buf_add(s->b, "inside(");
        show(s, e->arg[0], 0);
        buf_add(s->b, ")");
        break;
    case EXPR_op:
        show_op(s, e);
        break;
    case EXPR_draw:
        buf_add(s->b, e->normal ? "normal()" : "uniform()");
        break;
    case EXPR_stop:
        buf_add(s->b, "stop(");
        show(s, e->arg[0], 0);
        buf_add(s->b, ")");
        break;
    case EXPR_byhand:
        buf_add(s->b, "(");
        show(s, e->arg[0], 0);
        buf_add(s->b, " grad ");
        show(s, e->arg[2], 0);
        buf_add(s->b, ")");
        break;
    case EXPR_reduce:
        show_reduce(s, e);
        break;
    }
}

static void show(Show *s, Expr *e, int least)
{
    const bool wrap = level_of(e) < least;
    if (wrap)
        buf_add(s->b, "(");
    show_bare(s, e);
    if (wrap)
        buf_add(s->b, ")");
}

/* ---- statements ---------------------------------------------------------------------------------- */
static void show_value(Show *s, Stmt *st)
{
    static const char *const sets[] = { "=", "+=", "*=", "max=", "min=", "= argmax", "= argmin", "= choice", "= search", "= rank" };
    buf_add(s->b, " %s%s", st->update ? ":" : "", sets[st->set]);
    if (st->set >= SET_argmax) {
        buf_add(s->b, "(");
        show_indices(s, st->index + st->nouter, st->nindex - st->nouter);
        buf_add(s->b, ")");
    }
    buf_add(s->b, " ");
    show(s, st->value, st->set >= SET_argmax ? PRODUCT : 0);
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
    for (int k = 0; k < list->n; k++)
        show_stmt(s, list->at[k], depth);
}

/* ---- declarations -------------------------------------------------------------------------------- */
static void mention(Show *s, Tensor *t)
{
    if (!t)
        return;
    for (int k = 0; k < s->tensors.n; k++)
        if (s->tensors.at[k] == t)
            return;
    PUSH(s->tensors, t);
}

static void see_expr(Expr *e, void *with)
{
    if (e->kind == EXPR_read)
        mention(with, e->tensor);
}

static void see_stmt(Stmt *st, void *with)
{
    Show *s = with;
    mention(s, st->target);
    mention(s, st->source);
    mention(s, st->wrt);
    mention(s, st->stop);
    if (st->kind != STMT_nest)
        return;
    for (int k = 0; k < st->nindex; k++)
        expr_walk(st->index[k]->limit, see_expr, s);
    for (int k = 0; k < st->target->rank; k++)
        expr_walk(st->sub[k], see_expr, s);
    expr_walk(st->value, see_expr, s);
    expr_walk(st->where, see_expr, s);
    expr_walk(st->draw, see_expr, s);
}

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

static void show_part(Show *s, const char *title, StmtList *list)
{
    if (list->n == 0)
        return;
    buf_add(s->b, "\n");
    if (title)
        buf_add(s->b, "# %s\n", title);
    show_list(s, list, 0);
}

void program_print(Buf *b, Module *m, Program *p)
{
    (void) m;
    Show s = { .b = b };
    StmtList *const part[] = { &p->begin, &p->body, &p->end, &p->update };
    for (int k = 0; k < 4; k++)
        each_stmt(part[k], see_stmt, &s);
    buf_add(b, "# program %s\n", p->name ? p->name : "");
    for (int k = 0; k < s.tensors.n; k++)
        show_tensor(&s, s.tensors.at[k]);
    show_part(&s, "before the first batch", &p->begin);
    show_part(&s, NULL, &p->body);
    show_part(&s, "after the last batch", &p->end);
    show_part(&s, "updates", &p->update);
}

void stmt_print(Buf *b, Stmt *st)
{
    Show s = { .b = b };
    show_stmt(&s, st, 0);
}
