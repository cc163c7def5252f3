/* settle.c -- what can be said of a statement once all of it is read.
 *
 * Takes a nest whose indices have their sizes. Leaves it with the subscripts checked that may
 * lie outside and no others, tensors with fewer samples read at index / samples, and the draws'
 * keys with their sizes. */
#include "elab.h"
#include <math.h>

/* The largest value that a whole-number expression is known not to pass, where
 * that is a size; or -1. */
int most_of(Expr *e)
{
    const double most = e->whole ? expr_range(e).hi : INFINITY;
    return most >= 0 && most < 1 << 30 ? (int) most : -1;
}

/* where holds  sub < length  as one of its conditions */
static bool conceded(Expr *where, Expr *sub, const Tensor *length)
{
    if (!where || where->kind != EXPR_op)
        return false;
    if (where->op == OP_and)
        return conceded(where->arg[0], sub, length) || conceded(where->arg[1], sub, length);
    return where->op == OP_lt && where->arg[1]->kind == EXPR_read
        && where->arg[1]->tensor == length && expr_same(where->arg[0], sub);
}

static bool within_length(Expr *sub, const Axis *axis, Expr *where)
{
    if (!axis->length)
        return true;
    Expr *base = sub;
    if (base->kind == EXPR_op && base->op == OP_idiv && axis->example
        && base->arg[0]->kind == EXPR_index)
        base = base->arg[0];
    if (base->kind == EXPR_op && base->op == OP_sub && base->arg[1]->kind == EXPR_num
        && base->arg[1]->num >= 0)
        base = base->arg[0];        /* what is below something inside */
    if (base->kind == EXPR_index) {
        if (axis->example && base->index->example)
            return true;
        const Expr *limit = base->index->limit;
        if (limit && limit->kind == EXPR_read && limit->tensor == axis->length)
            return true;
    }
    return conceded(where, base, axis->length);
}

static unsigned checks(Tensor *t, Expr **sub, Expr *where)
{
    unsigned check = 0;
    for (int k = 0; k < t->rank; k++) {
        Axis *axis = &t->axis[k];
        if (axis->example && sub[k]->kind == EXPR_index && sub[k]->index->example
            && sub[k]->index->size > axis->size)
            sub[k] = OP2(idiv, sub[k], expr_num(sub[k]->index->size / axis->size));
        const Span r = expr_range(sub[k]);
        if (r.lo < 0 || r.hi >= axis->size || !within_length(sub[k], axis, where))
            check |= 1u << k;
    }
    return check;
}

static void settle_expr(Expr *e, Expr *where)
{
    if (!e)
        return;
    for (int k = 0; k < e->nindex; k++)
        settle_expr(e->bound[k]->limit, where);
    for (int k = 0; expr_part(e, k); k++)
        settle_expr(*expr_part(e, k), where);
    for (int k = 0; k < e->nkey; k++)
        e->key_size[k] = e->key[k]->kind == EXPR_index ? e->key[k]->index->size : 1;
    e->row = FIRST(k, e->nkey, e->key[k]->kind == EXPR_index && e->key[k]->index->example);
    if (e->kind != EXPR_read)
        return;
    e->check = checks(e->tensor, e->sub, where);
    if (!e->check)
        e->other = NULL;
}

void settle(Stmt *st)
{
    settle_expr(st->where, st->where);
    for (int k = 0; k < st->nindex; k++)
        settle_expr(st->index[k]->limit, st->where);
    for (int k = 0; stmt_part(st, k); k++)
        settle_expr(*stmt_part(st, k), st->where);
    st->check = checks(st->target, st->sub, st->where);
}
