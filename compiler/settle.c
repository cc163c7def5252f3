/* settle.c -- what can be said of a statement once all of it is read.
 *
 * Takes a nest whose indices have their sizes. Leaves it with the subscripts checked that may lie outside and
 * no others, tensors with fewer samples read at index / samples, and the draws' keys with their sizes. */
#include "elab.h"
#include <math.h>

typedef struct { double lo, hi; } Range;

static Range range_of(Expr *e)
{
    const Range any = { -INFINITY, INFINITY };
    switch (e->kind) {
    case EXPR_num:
        return (Range) { e->num, e->num };
    case EXPR_index:
        return (Range) { 0, e->index->size - 1 };
    case EXPR_inside:
        return (Range) { 0, 1 };
    case EXPR_read: {
        if (e->tensor->of == 0 || e->check)
            return any;
        return (Range) { e->tensor->role == ROLE_input ? 0 : -1, e->tensor->of - 1 };
    }
    case EXPR_op: {
        if (e->op == OP_select) {
            const Range a = range_of(e->arg[1]), b = range_of(e->arg[2]);
            return (Range) { fmin(a.lo, b.lo), fmax(a.hi, b.hi) };
        }
        if (e->op >= OP_lt && e->op <= OP_not)
            return (Range) { 0, 1 };
        if (!e->whole)
            return any;
        const Range a = range_of(e->arg[0]), b = e->arg[1] ? range_of(e->arg[1]) : a;
        switch (e->op) {
        case OP_add:    return (Range) { a.lo + b.lo, a.hi + b.hi };
        case OP_sub:    return (Range) { a.lo - b.hi, a.hi - b.lo };
        case OP_neg:    return (Range) { -a.hi, -a.lo };
        case OP_max:    return (Range) { fmax(a.lo, b.lo), fmax(a.hi, b.hi) };
        case OP_min:    return (Range) { fmin(a.lo, b.lo), fmin(a.hi, b.hi) };
        case OP_mul: {
            const double p = a.lo * b.lo, q = a.lo * b.hi, r = a.hi * b.lo, s = a.hi * b.hi;
            const Range m = { fmin(fmin(p, q), fmin(r, s)), fmax(fmax(p, q), fmax(r, s)) };
            return m.lo == m.lo && m.hi == m.hi ? m : any;
        }
        case OP_idiv:
            return b.lo == b.hi && b.lo > 0 ? (Range) { floor(a.lo / b.lo), floor(a.hi / b.lo) } : any;
        case OP_mod:
            return b.lo == b.hi && b.lo != 0 ? (Range) { 0, fabs(b.lo) - 1 } : any;
        default:
            return any;
        }
    }
    default:
        return any;
    }
}

/* The largest value that a whole-number expression is known not to pass, where that is a size; or -1. */
int most_of(Expr *e)
{
    const double most = e->whole ? range_of(e).hi : INFINITY;
    return most >= 0 && most < 1 << 30 ? (int) most : -1;
}

/* where holds  sub < length  as one of its conditions */
static bool conceded(Expr *where, Expr *sub, const Tensor *length)
{
    if (!where || where->kind != EXPR_op)
        return false;
    if (where->op == OP_and)
        return conceded(where->arg[0], sub, length) || conceded(where->arg[1], sub, length);
    return where->op == OP_lt && where->arg[1]->kind == EXPR_read && where->arg[1]->tensor == length
        && expr_same(where->arg[0], sub);
}

static bool within_length(Expr *sub, const Axis *axis, Expr *where)
{
    if (!axis->length)
        return true;
    Expr *base = sub;
    if (base->kind == EXPR_op && base->op == OP_idiv && axis->example && base->arg[0]->kind == EXPR_index)
        base = base->arg[0];
    if (base->kind == EXPR_op && base->op == OP_sub && base->arg[1]->kind == EXPR_num && base->arg[1]->num >= 0)
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
        if (axis->example && sub[k]->kind == EXPR_index && sub[k]->index->example && sub[k]->index->size > axis->size)
            sub[k] = OP2(idiv, sub[k], expr_num(sub[k]->index->size / axis->size));
        const Range r = range_of(sub[k]);
        if (r.lo < 0 || r.hi >= axis->size || !within_length(sub[k], axis, where))
            check |= 1u << k;
    }
    return check;
}

static void settle_expr(Expr *e, Expr *where)
{
    if (!e)
        return;
    if (e->kind == EXPR_read) {
        for (int k = 0; k < e->tensor->rank; k++)
            settle_expr(e->sub[k], where);
        settle_expr(e->other, where);
        e->check = checks(e->tensor, e->sub, where);
        if (!e->check)
            e->other = NULL;
    } else if (e->kind == EXPR_draw)
        for (int k = 0; k < e->nkey; k++)
            e->key_size[k] = e->key[k]->kind == EXPR_index ? e->key[k]->index->size : 1;
    for (int k = 0; e->kind == EXPR_reduce && k < e->nindex; k++)
        settle_expr(e->bound[k]->limit, where);
    settle_expr(e->where, where);
    for (int k = 0; k < 3; k++)
        settle_expr(e->arg[k], where);
}

void settle(Stmt *st)
{
    settle_expr(st->where, st->where);
    for (int k = 0; k < st->nindex; k++)
        settle_expr(st->index[k]->limit, st->where);
    for (int k = 0; k < st->target->rank; k++)
        settle_expr(st->sub[k], st->where);
    settle_expr(st->value, st->where);
    settle_expr(st->draw, st->where);
    st->check = checks(st->target, st->sub, st->where);
}
