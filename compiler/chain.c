/* chain.c -- the chain rule within one expression: its derivative by each of its reads.
 *
 * A conditional stays outermost in a derivative: the branch not taken gives 0 even where
 * its slope is infinite. */
#include "differentiate.h"
#include <math.h>

typedef struct {                /* one active read: d/d read = where guard: seed * coef */
    Expr *read, *seed, *coef, *guard;
} Part;

typedef struct {
    Diff *d;
    Expr *root, *again;  /* the whole expression, and where its value can be read; NULL: nowhere */
    VEC(Part) parts;
} Chain;

/* ---- which expressions a gradient passes ---------------------------------------------------- */
bool active(Diff *d, Expr *e)
{
    if (!e || e->whole)
        return false;
    switch (e->kind) {
    case EXPR_read:
        return known_of(d, e->tensor)->active || active(d, e->other);
    case EXPR_op:
        if (e->op == OP_sign)
            return false;
        return (e->op != OP_select && active(d, e->arg[0])) || active(d, e->arg[1])
            || active(d, e->arg[2]);
    case EXPR_byhand:
        return active(d, e->arg[1]);
    default:
        return false;
    }
}

void active_reads(Diff *d, Expr *e, ExprList *list)
{
    if (!active(d, e))
        return;
    if (e->kind == EXPR_read) {
        active_reads(d, e->other, list);
        if (known_of(d, e->tensor)->active && !expr_among(list, e))
            PUSH(*list, e);
    } else if (e->kind == EXPR_byhand) {
        active_reads(d, e->arg[1], list);
    } else {
        for (int k = e->op == OP_select; k < 3; k++)
            active_reads(d, e->arg[k], list);
    }
}

/* ---- slopes of scalars ---------------------------------------------------------------------- */
#define K(v)        expr_num(v)
#define DO(op, a)   OP1(op, a)
#define ADD(a, b)   OP2(add, a, b)
#define SUB(a, b)   OP2(sub, a, b)
#define MUL(a, b)   OP2(mul, a, b)
#define DIV(a, b)   OP2(div, a, b)
#define POW(a, b)   OP2(pow, a, b)
#define NE(a, b)    OP2(ne, a, b)
#define LT(a, b)    OP2(lt, a, b)

/* The slope of e by its k-th argument, or NULL where the table has no row. */
static Expr *slope(Chain *c, Expr *e, int k, Expr **where)
{
    Expr *u = e->arg[0], *v = e->arg[1], *y = e == c->root && c->again ? c->again : e;
    *where = NULL;
    switch (e->op * 2 + k) {
#define SLOPE(name, arg, rule, cond) case OP_##name * 2 + arg: *where = cond; return rule;
#include "slopes.def"
#undef SLOPE
    default:
        return NULL;
    }
}

/* Where argument k of max or min is the winner: a tie with a constant goes to the
   constant, others to the first. */
static Expr *wins(Chain *c, Expr *e, int k)
{
    Expr *mine = e->arg[k], *other = e->arg[1 - k];
    const bool either = active(c->d, other);
    if (!either && other->kind == EXPR_num && e == c->root && c->again)
        mine = c->again;    /* relu: the result tells as well, and is at hand */
    Expr *low = e->op == OP_max ? other : mine, *high = e->op == OP_max ? mine : other;
    if (!either)
        return LT(low, high);
    return k == 0 ? OP2(le, low, high) : DO(not, OP2(le, high, low));
}

/* Products of slopes keep divisions outermost: c * (1 / v) is c / v. */
static Expr *times(Expr *c, Expr *s)
{
    if (expr_is(c, 1))
        return s;
    if (expr_is(s, 1))
        return c;
    if (is_op(s, OP_div))
        return DIV(times(c, s->arg[0]), s->arg[1]);
    if (is_op(s, OP_neg))
        return DO(neg, times(c, s->arg[0]));
    if (is_op(s, OP_mul) && !s->whole)
        return times(times(c, s->arg[0]), s->arg[1]);
    if (is_op(c, OP_div))
        return DIV(times(c->arg[0], s), c->arg[1]);
    return MUL(c, s);
}

/* ---- several reads behind one product ------------------------------------------------------- */
static int cost(Expr *e)
{
    int sum = 0;
    EACH_EXPR(x, e)
        if (x->kind == EXPR_op)
            sum += x->whole || (x->op == OP_pow && expr_is(x->arg[1], 2))
                ? 1 : op_info[x->op].cost;
    return sum;
}

/* Whether a tensor over all points of the statement is no burden beside those
   that it reads and writes. */
static bool affordable(Diff *d, const ExprList *reads)
{
    double n = 1, most = tensor_count(d->of->target);
    int rank = d->nlead + d->of->nindex + d->depth;
    for (int k = 0; k < d->of->nindex; k++)
        n *= d->of->index[k]->size;
    for (int k = 0; k < d->depth; k++)
        n *= d->scan[k].of->step->size;
    EACH(read, *reads)
        most = fmax(most, tensor_count(read->tensor));
    return rank <= MAX_RANK && n <= 4 * most;
}

/* The value in a tensor of its own. */
static Expr *shared(Diff *d, Expr *value)
{
    Stmt *of = d->of;
    Tensor *t = adjoint_in(d, of);
    Stmt *s = adjoint_stmt(d, t, SET_is, value);
    s->where = of->where;
    for (int k = 0; k < d->nlead; k++)
        nest_axis(s, d->lead[k], axis_along(d->lead[k], of, value), true);
    take_points(d, s, of, true);
    PUSH(*d->out, s);
    return expr_read(t, s->sub, 0, NULL);
}

/* ---- down the expression -------------------------------------------------------------------- */
static void pass(Chain *c, Expr *e, Part at);

static void pass_op(Chain *c, Expr *e, Part at)
{
    for (int k = 0; k < (e->op == OP_select ? 3 : 2); k++) {
        if (!active(c->d, e->arg[k]))
            continue;
        Part in = at;
        if (e->op == OP_select) {
            if (k == 0)
                continue;
            in.guard = expr_both(at.guard, k == 1 ? e->arg[0] : DO(not, e->arg[0]));
        } else if (e->op == OP_max || e->op == OP_min) {
            in.guard = expr_both(at.guard, wins(c, e, k));
        } else {
            Expr *where, *s = slope(c, e, k, &where);
            if (!s)
                report(c->d->of->place, DIAG_no_slope, op_info[e->op].name);
            if (!s || expr_is(where, 0))
                continue;
            in.guard = expr_both(at.guard, where && where->kind == EXPR_num ? NULL : where);
            in.coef = times(at.coef, s);
        }
        pass(c, e->arg[k], in);
    }
}

static void pass(Chain *c, Expr *e, Part at)
{
    Diff *d = c->d;
    if (!active(d, e) || expr_is(at.coef, 0))
        return;
    if (e->kind != EXPR_read && cost(at.coef) >= (d->of->set == SET_is ? 2 : 10)) {
        ExprList reads = { 0 };
        active_reads(d, e, &reads);
        if (reads.n > 1 && affordable(d, &reads)) {
            at.seed = shared(d, guarded(at.guard, times(at.seed, at.coef)));
            at.coef = K(1);
        }
    }
    if (e->kind == EXPR_op) {
        pass_op(c, e, at);
    } else if (e->kind == EXPR_byhand) {
        at.coef = times(at.coef, e->arg[2]);
        pass(c, e->arg[1], at);
    } else {
        Part other = at;
        at.read = e;
        if (known_of(d, e->tensor)->active)
            PUSH(c->parts, at);
        if (e->check && active(d, e->other)) {
            Expr *inside = expr_inside(expr_read(e->tensor, e->sub, e->check, NULL));
            other.guard = expr_both(other.guard, DO(not, inside));
            pass(c, e->other, other);
        }
    }
}

/* ---- all parts of one read ------------------------------------------------------------------ */
static bool same_place(Expr *a, Expr *b)
{
    return a->tensor == b->tensor && a->check == b->check
        && same_subs(a->sub, b->sub, a->tensor->rank);
}

Expr *guarded(Expr *guard, Expr *value)
{
    return guard ? expr_op(OP_select, guard, value, expr_num(0)) : value;
}

/* A part with all later ones of its read and condition, or of its opposite, added in: slopes
   before they meet the seed. */
static Expr *joined(Chain *c, int at)
{
    Part p = c->parts.at[at];
    Expr *opposite = NULL;
    for (int k = at + 1; k < c->parts.n; k++) {
        Part *q = &c->parts.at[k];
        if (!q->read || !same_place(q->read, p.read))
            continue;
        if (expr_same(q->seed, p.seed) && expr_same(q->guard, p.guard))
            p.coef = ADD(p.coef, q->coef);
        else if (!opposite && p.guard && q->guard && expr_same(DO(not, p.guard), q->guard))
            opposite = times(q->seed, q->coef);
        else
            continue;
        q->read = NULL;
    }
    Expr *value = times(p.seed, p.coef);
    return opposite ? expr_op(OP_select, p.guard, value, opposite) : guarded(p.guard, value);
}

SlopeList chain(Diff *d, Expr *e, Expr *seed, Expr *coef, Expr *again)
{
    Chain c = { .d = d, .root = e, .again = again };
    SlopeList list = { 0 };
    pass(&c, e, (Part) { .seed = seed, .coef = coef });
    for (int first = 0; first < c.parts.n; first++) {
        Expr *read = c.parts.at[first].read, *sum = NULL;
        for (int k = first; read && k < c.parts.n; k++)
            if (c.parts.at[k].read && same_place(c.parts.at[k].read, read)) {
                Expr *value = joined(&c, k);
                sum = sum ? ADD(sum, value) : value;
                c.parts.at[k].read = NULL;
            }
        if (read && !expr_is(sum, 0))
            PUSH(list, ((Slope) { read, sum }));
    }
    return list;
}
