/* divisors.c -- what is the same at all points of a loop, computed before it, and so the rows that
 * it is about; and one division before it in place of one at each point.
 *
 *     for (j ..)
 *         y[n][j] = (x[n][j] - mu[n]) / sqrtf(var[n] + eps)
 *
 * becomes
 *
 *     const float inverse = 1 / sqrtf(var[n] + eps);
 *     for (j ..)
 *         y[n][j] = (x[n][j] - mu[n]) * inverse;
 *
 * The inverse rounds once more, so it is done to real numbers only, and never on the way to a
 * whole one: a third of 9 stays 3. What costs no more than a few additions stays where it is: the
 * compiler moves that, but not all that it would have to see through. */
#include "emit.h"
#include <math.h>

enum { WORTH = 8 };         /* additions */

static bool is_candidate(Expr *x)
{
    return is_op(x, OP_div) && !x->whole && !x->arg[0]->whole && x->arg[0]->kind != EXPR_num;
}

typedef struct { Emit *e; Node *loop; } Within;

/* Not the same at all points of the loop, or not to be computed when in doubt. */
static bool varies(const Within *w, const Expr *x)
{
    if (is_index(x, w->loop->index) || x->kind == EXPR_draw || x->kind == EXPR_inside)
        return true;
    if (x->kind != EXPR_read)
        return false;
    if (x->check)
        return true;
    if (x->tensor->role == ROLE_clock)
        return false;
    const Access read = { x->tensor, (Expr **) x->sub, NULL, false, -1 };
    return FIND(n, w->loop->body,
                n->stmt->target == x->tensor
                    || conflict(w->e, &read,
                                &(Access) { n->stmt->target, n->stmt->sub, n->stmt, true, -1 }));
}

static bool any_varies(const Within *w, Expr *x)
{
    return ANY_EXPR(part, x, varies(w, part));
}

static int cost(const Expr *x)
{
    int sum = x->kind == EXPR_op ? op_info[x->op].cost : 0;
    for (int k = 0; k < 3 && x->kind == EXPR_op; k++)
        sum += x->arg[k] ? cost(x->arg[k]) : 0;
    return sum;
}

/* The largest parts of x that are the same at all points and worth a place of their own. */
static void gather_same(const Within *w, Expr *x, ExprList *out)
{
    if (!x || x->kind != EXPR_op || x->whole || x->op == OP_select)
        return;
    if (any_varies(w, x)) {
        for (int k = 0; k < 3; k++)
            gather_same(w, x->arg[k], out);
        return;
    }
    if (cost(x) >= WORTH && !expr_among(out, x))
        PUSH(*out, x);
}

static void gather(const Within *w, Expr *x, ExprList *out)
{
    if (!x || x->kind != EXPR_op || x->whole || x->op == OP_select || local_of(w->e, x))
        return;
    Expr *by = is_candidate(x) ? x->arg[1] : NULL;
    if (by && by->kind != EXPR_num && !any_varies(w, by) && !expr_among(out, by))
        PUSH(*out, by);
    for (int k = 0; k < 3; k++)
        gather(w, x->arg[k], out);
}

/* Whole numbers that subscripts read, the same at all points: C does not
 * always see that they are. */
static void gather_rows(const Within *w, Tensor *t, Expr **sub, ExprList *out)
{
    for (int k = 0; k < t->rank; k++)
        EACH_EXPR(x, sub[k])
            if (x->kind == EXPR_read && x->whole && x->tensor->rank > 0 && lies_inside(x)
                && !any_varies(w, x) && !local_of(w->e, x) && !expr_among(out, x))
                PUSH(*out, x);
}

static ExprList found_in(Emit *e, Node *loop, void (*look)(const Within *, Expr *, ExprList *))
{
    ExprList out = { 0 };
    const Within w = { e, loop };
    if (!e->how.fast || loop->kind != NODE_loop)
        return out;
    if (FIND(n, loop->body, n->kind != NODE_point || n->stmt->set >= SET_argmax))
        return out;
    EACH(n, loop->body) {
        Stmt *s = n->stmt;
        if (look) {
            look(&w, s->value, &out);
            continue;
        }
        if (!info_of(e, s->target)->local)
            gather_rows(&w, s->target, s->sub, &out);
        EACH_EXPR(x, s->value)
            if (x->kind == EXPR_read)
                gather_rows(&w, x->tensor, x->sub, &out);
    }
    return out;
}

void local_print(Emit *e, Buf *b, const char *type, Str wish, Expr *x, int depth)
{
    Str name = scope_enter(e, wish);
    buf_line(b, depth, "const %s %s = %s;", type, name, expr_text(e, x, BINDS_comma));
    PUSH(e->locals, ((Local) { x, name }));
}

void divisors_print(Emit *e, Buf *b, Node *loop, int depth)
{
    const ExprList same = found_in(e, loop, gather_same), rows = found_in(e, loop, NULL);
    EACH(x, rows)
        local_print(e, b, "int32_t", "row", x, depth);
    EACH(x, same)
        local_print(e, b, e->real, "same", x, depth);
    EACH(x, found_in(e, loop, gather)) {            /* where none of these stands */
        Str name = scope_enter(e, "inverse");
        buf_line(b, depth, "const %s %s = %s / %s;", e->real, name, real_text(e, 1),
                 expr_text(e, x, BINDS_unary));
        PUSH(e->inverses, ((Local) { x, name }));
    }
}

Str local_of(Emit *e, Expr *x)
{
    const Local *local = FIND_AT(l, e->locals, expr_same(l->is, x));
    return local ? local->name : NULL;
}

/* What x, a division, multiplies by instead; NULL: it stays one. */
Str inverse_of(Emit *e, Expr *x)
{
    if (!e->how.fast || e->exact || !is_candidate(x))
        return NULL;
    Expr *by = x->arg[1];
    int exponent;
    if (by->kind == EXPR_num) {
        const bool known = fabs(frexp(by->num, &exponent)) == 0.5;    /* of a power of 2 by gcc */
        return by->num == 0 || !isfinite(by->num) || known ? NULL : real_text(e, 1 / by->num);
    }
    const Local *inverse = FIND_AT(l, e->inverses, expr_same(l->is, by));
    return inverse ? inverse->name : NULL;
}
