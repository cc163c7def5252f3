/* loads.c -- loads out of conditions.
 *
 *     dh[n][j] = 0 < a[n][j] ? da[n][j] : 0        becomes        const float v = da[n][j]; ...
 *
 * so that the loop has nothing to mask. That is faster; and gcc 12 gets masked loads of
 * short unrolled loops wrong. Only what lies inside its tensor for every value of the
 * indices may be read in vain. */
#include "emit.h"

typedef struct { Emit *e; ExprList always, now_and_then; } Loads;

bool lies_inside(const Expr *read)
{
    bool all = true;
    for (int k = 0; k < read->tensor->rank; k++) {
        long lo, hi;
        all &= bounds(read->sub[k], &lo, &hi) && lo >= 0 && hi < read->tensor->axis[k].size;
    }
    return all;
}

static bool is_safe(Emit *e, Expr *x)
{
    Info *info = info_of(e, x->tensor);
    return x->tensor->rank > 0 && x->tensor->role != ROLE_clock && !info->local && !info->scalar
        && lies_inside(x);
}

static void gather(Loads *l, Expr *x, bool maybe)
{
    if (!x || local_of(l->e, x))
        return;
    if (x->kind == EXPR_read) {
        if (x->check)
            return;
        if (!maybe)
            PUSH(l->always, x);
        else if (is_safe(l->e, x) && !expr_among(&l->now_and_then, x))
            PUSH(l->now_and_then, x);
        return;
    }
    if (x->kind != EXPR_op)
        return;
    if (x->op == OP_div && inverse_of(l->e, x)) {       /* its divisor is at hand */
        gather(l, x->arg[0], maybe);
        return;
    }
    const bool parts = x->op == OP_select || x->op == OP_and || x->op == OP_or;
    gather(l, x->arg[0], maybe);
    gather(l, x->arg[1], maybe || parts);
    gather(l, x->arg[2], maybe || parts);
}

ExprList loads_of(Emit *e, Stmt *s)
{
    Loads l = { .e = e };
    ExprList out = { 0 };
    if (!e->how.fast || s->kind != STMT_nest || s->where || s->check || s->nindex == 0)
        return out;
    gather(&l, s->value, false);
    EACH(x, l.now_and_then)
        if (!expr_among(&l.always, x))
            PUSH(out, x);
    return out;
}

void loads_print(Emit *e, Buf *b, Stmt *s, int depth)
{
    EACH(x, loads_of(e, s))
        local_print(e, b, x->whole ? "int32_t" : e->real, last_word(x->tensor->name), x, depth);
}
