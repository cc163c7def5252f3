/* inside.c -- range checks as loop bounds.
 *
 * for v: if (0 <= by * v + rest < size) ...
 * becomes
 * for v from -rest / by to (size - rest) / by: ...
 *
 * where v is the innermost loop that the subscript uses and has nothing else in it. */
#include "emit.h"

typedef struct { Emit *e; Node *loop; Str *from, *to; } Range;

static Expr *sum(Expr *a, long c)
{
    return OP2(add, a, expr_num((double) c));
}

static Expr *divided(Expr *x, long by)
{
    return by == 1 ? x : expr_op(OP_idiv, x, expr_num((double) by), NULL);
}

/* One subscript; false: it is not for this loop. */
static bool narrow(Range *r, Expr *sub, long size)
{
    long by, lo, hi;
    Index *v = r->loop->index;
    if (!affine(sub, v, &by) || by <= 0 || loops_use(r->loop->body.at[0], sub)
        || !bounds(sub, &lo, &hi))
        return false;
    Expr *zero = expr_num(0), *rest = expr_replace(sub, &v, &zero, 1);
    Expr *minus = expr_op(OP_neg, rest, NULL, NULL);
    if (lo < 0)
        *r->from = format("ae_imax(%s, %s)", *r->from,
                          expr_text(r->e, divided(sum(minus, by - 1), by), BINDS_comma));
    if (hi >= size)
        *r->to = format("ae_imin(%s, %s)", *r->to,
                        expr_text(r->e, divided(sum(minus, size + by - 1), by), BINDS_comma));
    return true;
}

static unsigned narrow_all(Range *r, Tensor *t, Expr **sub, unsigned check)
{
    for (int k = 0; k < t->rank; k++)
        if ((check >> k & 1) && !t->axis[k].length && narrow(r, sub[k], t->axis[k].size))
            check &= ~(1u << k);
    return check;
}

static Expr *narrow_where(Range *r, Expr *x)
{
    if (x->kind == EXPR_op && x->op == OP_and) {
        Expr *a = narrow_where(r, x->arg[0]), *b = narrow_where(r, x->arg[1]);
        return a && b ? expr_op(OP_and, a, b, NULL) : a ? a : b;
    }
    if (x->kind != EXPR_inside)
        return x;
    Expr *read = x->arg[0];
    const unsigned needed = checks_needed(read->tensor, read->sub, read->check);
    const unsigned check = narrow_all(r, read->tensor, read->sub, needed);
    return check ? expr_inside(expr_read(read->tensor, read->sub, check, NULL)) : NULL;
}

void bounds_of_loop(Emit *e, Node *loop, Str *from, Str *to)
{
    Stmt *s = e->how.fast ? only_point(loop) : NULL;
    if (!s || s->nouter != s->nindex || (!s->where && !s->check))
        return;
    Range r = { e, loop, from, to };
    s->check = narrow_all(&r, s->target, s->sub, s->check);
    if (s->where)
        s->where = narrow_where(&r, s->where);
}
