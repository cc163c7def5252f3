/* expr.c -- making expressions, comparing them, walking through them.
 *
 * They are folded as they are made: what is constant becomes a number, and identities that
 * hold for every real, NaN and infinities included, are used. x * 0 is no such identity, so it
 * stays unless x is whole. */
#include "program.h"
#include <math.h>

/* ---- leaves --------------------------------------------------------------------------------- */
static Expr *node(ExprKind kind, bool whole)
{
    Expr *e = NEW(Expr);
    e->kind = kind;
    e->whole = whole;
    return e;
}

static bool fits_int(double v)
{
    return v == floor(v) && fabs(v) < 2147483648.0 && !(v == 0 && signbit(v));
}

Expr *expr_num(double v)
{
    Expr *e = node(EXPR_num, fits_int(v));
    e->num = v;
    return e;
}

Expr *expr_real(double v)
{
    Expr *e = node(EXPR_num, false);
    e->num = v;
    return e;
}

Expr *expr_index(Index *i)
{
    Expr *e = node(EXPR_index, true);
    e->index = i;
    return e;
}

Expr *expr_read(Tensor *t, Expr **sub, unsigned check, Expr *other)
{
    Expr *e = node(EXPR_read, t->elem == ELEM_int && (!other || other->whole));
    e->tensor = t;
    for (int k = 0; k < t->rank; k++)
        e->sub[k] = sub[k];
    e->check = check;
    e->other = check ? other : NULL;
    return e;
}

Expr *expr_scalar(Tensor *t)
{
    return expr_read(t, NULL, 0, NULL);
}

Expr *expr_stop(Expr *e)
{
    if (e->whole || e->kind == EXPR_stop || e->kind == EXPR_num || e->kind == EXPR_draw)
        return e;
    Expr *s = node(EXPR_stop, false);
    s->arg[0] = e;
    return s;
}

Expr *expr_inside(Expr *read)
{
    if (!read->check)
        return expr_num(1);
    Expr *e = node(EXPR_inside, true);
    e->arg[0] = read;
    return e;
}

Expr *expr_byhand(Expr *value, Expr *by, Expr *slope)
{
    Expr *e = node(EXPR_byhand, false);
    e->arg[0] = value;
    e->arg[1] = by;
    e->arg[2] = slope;
    return e;
}

const char *const reduce_names[REDUCE_COUNT] = {
    "sum", "mean", "prod", "max", "min", "argmax", "argmin", "any", "all", "rank", "choice",
};

Expr *expr_reduce(Reduce by, Index *const *index, int n, Expr *body)
{
    Expr *r = node(EXPR_reduce, false);
    r->reduce = by;
    r->nindex = n;
    for (int k = 0; k < n; k++)
        r->bound[k] = index[k];
    r->arg[0] = body;
    return r;
}

/* ---- folding -------------------------------------------------------------------------------- */
const OpInfo op_info[OP_COUNT] = {
#define SCALAR(name, n, written, whole, f32, f64, binds, cost, value) \
    { #name, written, n, LEVEL_##binds, cost, #whole[0] },
#include "scalars.def"
#undef SCALAR
};

bool expr_is(const Expr *e, double v)
{
    return e && e->kind == EXPR_num && e->num == v;
}

bool is_op(const Expr *e, Op op)
{
    return e->kind == EXPR_op && e->op == op;
}

static bool is_num(const Expr *e)
{
    return e->kind == EXPR_num;
}

/* Never anything but 0 or 1. */
static bool is_truth(const Expr *e)
{
    if (e->kind == EXPR_num)
        return e->num == 0 || e->num == 1;
    if (e->kind == EXPR_inside)
        return true;
    return e->kind == EXPR_op && e->op >= OP_lt && e->op <= OP_not;
}

Expr *expr_truth(Expr *e)
{
    return is_truth(e) ? e : OP2(ne, e, expr_num(0));
}

static double modulo(double a, double b, bool whole)
{
    return whole && b == 0 ? 0 : a - fabs(b) * floor(a / fabs(b));
}

static double quotient(double a, double b)
{
    return b == 0 ? 0 : floor(a / b);
}

static double softplus(double a)
{
    return fmax(a, 0) + log1p(exp(-fabs(a)));
}

/* What an operation gives on numbers; false: left to run time. */
static bool constant(Op op, bool whole, double a, double b, double *v)
{
#define LATER (later = true, 0)
    bool later = false;
    switch (op) {
#define SCALAR(name, n, written, w, f32, f64, binds, cost, value) \
    case OP_##name: *v = value; break;
#include "scalars.def"
#undef SCALAR
    default: return false;
    }
    return !later && (!whole || fits_int(*v + 0.0));
}

static Expr *fold_numbers(Op op, bool whole, Expr *a, Expr *b)
{
    double v;
    if (!is_num(a) || (b && !is_num(b)) || !constant(op, whole, a->num, b ? b->num : 0, &v))
        return NULL;
    return whole ? expr_num(v + 0.0) : expr_real(v);
}

static Expr *make(Op op, Expr *a, Expr *b, Expr *c)
{
    bool all = (op == OP_select || a->whole) && (!b || b->whole) && (!c || c->whole);
    Expr *e = node(EXPR_op, op_info[op].whole == 'W' || (op_info[op].whole == 'S' && all));
    e->op = op;
    e->arg[0] = a;
    e->arg[1] = b;
    e->arg[2] = c;
    return e;
}

Expr *expr_split(Expr *e, double *c)
{
    *c = 0;
    if (e->whole && (is_op(e, OP_add) || is_op(e, OP_sub)) && is_num(e->arg[1])) {
        *c = e->op == OP_add ? e->arg[1]->num : -e->arg[1]->num;
        return e->arg[0];
    }
    return e;
}

static Expr *shifted(Expr *x, double c)
{
    if (c == 0)
        return x;
    return c > 0 ? make(OP_add, x, expr_num(c), NULL) : make(OP_sub, x, expr_num(-c), NULL);
}

/* Whole sums keep one constant, at their end: (i + 2) - 3 is i - 1. */
static Expr *fold_whole_sum(bool minus, Expr *a, Expr *b)
{
    double ca, cb;
    if (is_num(a) && !minus)
        SWAP(a, b);
    Expr *x = expr_split(a, &ca), *y = expr_split(b, &cb);
    if (is_num(b)) {
        const double c = ca + (minus ? -b->num : b->num);
        return x != a || c < 0 || c == 0 ? shifted(x, c) : NULL;
    }
    if (minus && expr_same(x, y))
        return expr_num(ca - cb);
    if (is_num(x) || (ca == 0 && cb == 0))
        return NULL;
    return shifted(expr_op(minus ? OP_sub : OP_add, x, y, NULL), minus ? ca - cb : ca + cb);
}

static Expr *fold_sum(bool minus, Expr *a, Expr *b)
{
    if (a->whole && b->whole) {
        Expr *e = fold_whole_sum(minus, a, b);
        if (e)
            return e;
    }
    if (expr_is(b, 0) && (!a->whole || b->whole))
        return a;
    if (expr_is(a, 0) && (!b->whole || a->whole))
        return minus ? OP1(neg, b) : b;
    if (is_num(b) && b->num < 0 && !a->whole)
        return make(minus ? OP_add : OP_sub, a, (b->whole ? expr_num : expr_real)(-b->num), NULL);
    if (is_op(b, OP_neg))
        return expr_op(minus ? OP_add : OP_sub, a, b->arg[0], NULL);
    if (is_op(a, OP_neg) && !minus)
        return OP2(sub, b, a->arg[0]);
    return NULL;
}

static Expr *fold_product(Expr *a, Expr *b)
{
    for (int k = 0; k < 2; k++) {
        Expr *x = k ? b : a, *c = k ? a : b;
        if (expr_is(c, 1) && (!x->whole || c->whole))
            return x;
        if (expr_is(c, -1) && (!x->whole || c->whole))
            return OP1(neg, x);
        if (expr_is(c, 0) && c->whole && x->whole)
            return expr_num(0);
        if (is_op(x, OP_neg) && !is_num(c))
            return OP1(neg, OP2(mul, k ? c : x->arg[0], k ? x->arg[0] : c));
        if (is_op(x, OP_neg) && is_num(c))
            return OP2(mul, OP1(neg, c), x->arg[0]);
    }
    if (a->whole && b->whole && is_num(b) && is_op(a, OP_mul) && is_num(a->arg[1]))
        return OP2(mul, a->arg[0], OP2(mul, a->arg[1], b));
    return NULL;
}

static Expr *fold_logic(Op op, Expr *a, Expr *b)
{
    const bool stop = op == OP_or;      /* the truth that decides it */
    for (int k = 0; k < 2; k++) {
        Expr *x = k ? b : a, *c = k ? a : b;
        if (!is_num(c))
            continue;
        if ((c->num != 0) == stop)
            return expr_num(stop);
        return expr_truth(x);
    }
    return expr_same(a, b) && is_truth(a) ? a : NULL;
}

static Expr *fold_select(Expr *c, Expr *a, Expr *b)
{
    if (is_num(c))
        return c->num != 0 ? a : b;
    if (expr_same(a, b))
        return a;
    if (is_op(c, OP_not))
        return expr_op(OP_select, c->arg[0], b, a);
    if (expr_is(a, 1) && expr_is(b, 0) && a->whole && b->whole && is_truth(c))
        return c;
    return NULL;
}

static Expr *fold_other(Op op, Expr *a, Expr *b)
{
    switch (op) {
    case OP_neg:
        if (is_op(a, OP_neg))
            return a->arg[0];
        return is_op(a, OP_sub) && !expr_is(a->arg[0], 0) ? OP2(sub, a->arg[1], a->arg[0]) : NULL;
    case OP_not:
        if (is_op(a, OP_not) && is_truth(a->arg[0]))
            return a->arg[0];
        if (is_op(a, OP_eq) || is_op(a, OP_ne))     /* NaN included; an order is no such pair */
            return expr_op(a->op == OP_eq ? OP_ne : OP_eq, a->arg[0], a->arg[1], NULL);
        return NULL;
    case OP_div:
        if (is_op(a, OP_neg) && !is_num(b))
            return OP1(neg, OP2(div, a->arg[0], b));
        return expr_is(b, 1) && !a->whole ? a : NULL;
    case OP_idiv:
        return expr_is(b, 1) ? a : NULL;
    case OP_mod:
        return a->whole && expr_is(b, 1) && b->whole ? expr_num(0) : NULL;
    case OP_pow:
        if (expr_is(b, 0))
            return expr_real(1);
        return expr_is(b, 1) && !a->whole ? a : NULL;
    case OP_max: case OP_min:
        return expr_same(a, b) ? a : NULL;
    case OP_eq: case OP_le:
        return a->whole && b->whole && expr_same(a, b) ? expr_num(1) : NULL;
    case OP_ne: case OP_lt:
        return a->whole && b->whole && expr_same(a, b) ? expr_num(0) : NULL;
    case OP_floor: case OP_round:
        return a->whole ? a : NULL;
    default:
        return NULL;
    }
}

static Expr *fold(Op op, bool whole, Expr *a, Expr *b, Expr *c)
{
    if (op == OP_select)
        return fold_select(a, b, c);
    Expr *e = fold_numbers(op, whole, a, b);
    return e ? e
         : op == OP_add || op == OP_sub ? fold_sum(op == OP_sub, a, b)
         : op == OP_mul ? fold_product(a, b)
         : op == OP_and || op == OP_or ? fold_logic(op, a, b) : fold_other(op, a, b);
}

Expr *expr_op(Op op, Expr *a, Expr *b, Expr *c)
{
    Expr *as_is = make(op, a, b, c), *e = fold(op, as_is->whole, a, b, c);
    return e ? e : as_is;
}

Expr *expr_both(Expr *a, Expr *b)
{
    return !a ? b : !b || expr_same(a, b) ? a : OP2(and, a, b);
}

/* ---- walks ---------------------------------------------------------------------------------- */
Expr **expr_part(const Expr *e, int k)
{
    Expr *x = (Expr *) e;
    if (e->kind == EXPR_read)
        return k < e->tensor->rank ? &x->sub[k] : k == e->tensor->rank ? &x->other : NULL;
    if (k < e->nkey)
        return &x->key[k];
    k -= e->nkey;
    return k < 3 ? &x->arg[k] : k == 3 ? &x->where : NULL;
}

/* Where walks have still to go, the next at the end: those of a walk within another lie
   upon the outer one's. */
static ExprList ahead;

static void go_later(Expr *e)
{
    if (e)
        PUSH(ahead, e);
}

static void go_to_limits(Index *const *index, int n)
{
    while (n-- > 0)
        go_later(index[n]->limit);
}

ExprWalk walk_expr(Expr *e)
{
    const ExprWalk w = { .from = ahead.n };
    go_later(e);
    return w;
}

ExprWalk walk_stmt(Stmt *s)
{
    const ExprWalk w = { .from = ahead.n };
    int n = 0;
    while (stmt_part(s, n))
        n++;
    while (n-- > 0)
        go_later(*stmt_part(s, n));
    if (s->step)
        go_later(s->step->limit);
    go_to_limits(s->index, s->nindex);
    return w;
}

Expr *walk_next(ExprWalk *w)
{
    if (ahead.n == w->from)
        return NULL;
    Expr *e = ahead.at[--ahead.n];
    int n = 0;
    while (expr_part(e, n))
        n++;
    while (n-- > 0)
        go_later(*expr_part(e, n));
    go_to_limits(e->bound, e->nindex);
    return e;
}

void walk_end(ExprWalk *w)
{
    ahead.n = w->from;
}

/* An index is bound by one node only, so an occurrence is enough where the asker
   stands outside of it. */
bool expr_uses(Expr *e, const Index *i)
{
    return ANY_EXPR(x, e, is_index(x, i) || ANY(k, x->nindex, x->rank_of[k] == i));
}

bool is_index(const Expr *e, const Index *i)
{
    return e->kind == EXPR_index && e->index == i;
}

bool reads_one_of(const Expr *e, const TensorList *list)
{
    return e->kind == EXPR_read && HAS(*list, e->tensor);
}

bool expr_reads(Expr *e, const TensorList *list)
{
    return ANY_EXPR(x, e, reads_one_of(x, list));
}

/* ---- what a value lies between -------------------------------------------------------------- */
static const Span anything = { -INFINITY, INFINITY };

/* Of a product of two; 0 times infinity is no number. */
static Span product_span(double p, double q, double r, double s)
{
    const Span all = { fmin(fmin(p, q), fmin(r, s)), fmax(fmax(p, q), fmax(r, s)) };
    return isnan(p) || isnan(q) || isnan(r) || isnan(s) ? anything : all;
}

static Span whole_range(const Expr *e)
{
    const Span a = expr_range(e->arg[0]), b = e->arg[1] ? expr_range(e->arg[1]) : a;
    const bool fixed = b.lo == b.hi && b.lo > 0;
    switch (e->op) {
    case OP_add:    return (Span) { a.lo + b.lo, a.hi + b.hi };
    case OP_sub:    return (Span) { a.lo - b.hi, a.hi - b.lo };
    case OP_neg:    return (Span) { -a.hi, -a.lo };
    case OP_max:    return (Span) { fmax(a.lo, b.lo), fmax(a.hi, b.hi) };
    case OP_min:    return (Span) { fmin(a.lo, b.lo), fmin(a.hi, b.hi) };
    case OP_mul:    return product_span(a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi);
    case OP_idiv:   return fixed ? (Span) { floor(a.lo / b.lo), floor(a.hi / b.lo) } : anything;
    case OP_mod:    return fixed ? (Span) { 0, b.lo - 1 } : anything;
    default:        return anything;
    }
}

Span expr_range(const Expr *e)
{
    if (e->kind == EXPR_num)
        return (Span) { e->num, e->num };
    if (e->kind == EXPR_index)
        return (Span) { 0, e->index->size - 1 };
    if (e->kind == EXPR_read && e->tensor->of && !e->check)
        return (Span) { e->tensor->role == ROLE_input ? 0 : -1, e->tensor->of - 1 };
    if (is_truth(e))
        return (Span) { 0, 1 };
    if (is_op(e, OP_select)) {
        const Span a = expr_range(e->arg[1]), b = expr_range(e->arg[2]);
        return (Span) { fmin(a.lo, b.lo), fmax(a.hi, b.hi) };
    }
    return e->kind == EXPR_op && e->whole ? whole_range(e) : anything;
}

/* ---- rewriting ------------------------------------------------------------------------------ */
static Expr *folded(const Expr *e)
{
    switch (e->kind) {
    case EXPR_op:       return expr_op(e->op, e->arg[0], e->arg[1], e->arg[2]);
    case EXPR_read:     return expr_read(e->tensor, (Expr **) e->sub, e->check, e->other);
    case EXPR_stop:     return expr_stop(e->arg[0]);
    case EXPR_inside:   return expr_inside(e->arg[0]);
    default:            return COPY(e);
    }
}

Expr *expr_map(Expr *e, Expr *(*image)(Expr *, void *), void *with)
{
    Expr now = *e;
    bool changed = false;
    for (int k = 0; expr_part(&now, k); k++) {
        Expr **at = expr_part(&now, k), *was = *at;
        *at = was ? image(was, with) : NULL;
        changed = changed || *at != was;
    }
    return changed ? folded(&now) : e;
}

typedef struct { Expr *from, *to; } Change;

static Expr *changed(Expr *e, void *with)
{
    Change *c = with;
    return e == c->from ? c->to : expr_map(e, changed, c);
}

Expr *expr_put(Expr *e, Expr *from, Expr *to)
{
    return changed(e, &(Change) { from, to });
}

enum { MAX_MAP = 6 * MAX_RANK };
typedef struct {
    Index *from[MAX_MAP];
    Expr *to[MAX_MAP];
    int n;
} Map;

static Expr *index_image(Index *i, const Map *m)
{
    for (int k = m->n; k-- > 0;)
        if (m->from[k] == i)
            return m->to[k];
    return NULL;
}

static Expr *replaced(Expr *e, void *with)
{
    Map *m = with;
    if (e->kind == EXPR_index) {
        Expr *to = index_image(e->index, m);
        return to ? to : e;
    }
    if (e->kind != EXPR_reduce)
        return expr_map(e, replaced, m);
    Expr r = *e;
    const int was = m->n;
    for (int k = 0; k < e->nindex; k++) {
        Index *i = e->bound[k];
        Expr *limit = i->limit ? replaced(i->limit, m) : NULL;
        Expr *to = e->reduce == REDUCE_rank ? index_image(e->rank_of[k], m) : NULL;
        if (to && to->kind != EXPR_index)
            bug("rank of %s, which is no index any more", e->rank_of[k]->name);
        if (to)
            r.rank_of[k] = to->index;
        if (limit == i->limit)
            continue;
        if (m->n == MAX_MAP)
            bug("too many indices to replace");
        /* Another index, so every use of it changes too. */
        r.bound[k] = index_new(i->name, i->size, limit);
        m->from[m->n] = i;
        m->to[m->n++] = expr_index(r.bound[k]);
    }
    Expr *copy = folded(&r), *now = expr_map(copy, replaced, m);
    m->n = was;
    return now;
}

Expr *expr_replace(Expr *e, Index **from, Expr **to, int n)
{
    Map m = { .n = 0 };
    if (n > 4 * MAX_RANK)
        bug("%d indices to replace", n);
    for (; m.n < n; m.n++) {
        m.from[m.n] = from[m.n];
        m.to[m.n] = to[m.n];
    }
    return e ? replaced(e, &m) : NULL;
}

/* ---- equality ------------------------------------------------------------------------------- */
enum { MAX_PAIRS = 8 * MAX_RANK };
static struct { const Index *a, *b; } pair[MAX_PAIRS];     /* indices that stand for each other */
static int npair;

static bool same(const Expr *a, const Expr *b);

static bool same_index(const Index *a, const Index *b)
{
    for (int k = npair; k-- > 0;)
        if (pair[k].a == a || pair[k].b == b)
            return pair[k].a == a && pair[k].b == b;
    return a == b;
}

/* From here on each of a stands for that of b; false where they differ. */
static bool join(Index *const *a, Index *const *b, int n)
{
    if (npair + n > MAX_PAIRS)
        return false;
    for (int k = 0; k < n; k++) {
        pair[npair].a = a[k];
        pair[npair++].b = b[k];
    }
    return ALL(k, n, a[k]->size == b[k]->size && same(a[k]->limit, b[k]->limit));
}

/* Whether two nodes of one kind are alike, their parts aside. Leaves their
   bound indices joined. */
static bool same_node(const Expr *a, const Expr *b)
{
    switch (a->kind) {
    case EXPR_num:
        return (a->num == b->num && signbit(a->num) == signbit(b->num))
            || (isnan(a->num) && isnan(b->num));
    case EXPR_index:
        return same_index(a->index, b->index);
    case EXPR_read:
        return a->tensor == b->tensor && a->check == b->check;
    case EXPR_op:
        return a->op == b->op;
    case EXPR_draw:
        return a->stream == b->stream && a->normal == b->normal && a->nkey == b->nkey
            && ALL(k, a->nkey, a->key_size[k] == b->key_size[k]);
    case EXPR_reduce:
        return a->reduce == b->reduce && a->nindex == b->nindex
            && ALL(k, a->nindex, same_index(a->rank_of[k], b->rank_of[k]))
            && join(a->bound, b->bound, a->nindex);
    default:
        return true;
    }
}

static bool same(const Expr *a, const Expr *b)
{
    if (!a || !b || (a == b && npair == 0))
        return a == b;
    const int was = npair;
    bool is = a->kind == b->kind && a->whole == b->whole && same_node(a, b);
    for (int k = 0; is && expr_part(a, k); k++)
        is = same(*expr_part(a, k), *expr_part(b, k));
    npair = was;
    return is;
}

bool expr_same_under(const Expr *a, Index *const *ia, const Expr *b, Index *const *ib, int n)
{
    npair = 0;
    const bool is = join(ia, ib, n) && same(a, b);
    npair = 0;
    return is;
}

bool expr_same(const Expr *a, const Expr *b)
{
    return expr_same_under(a, NULL, b, NULL, 0);
}

bool expr_among(const ExprList *list, const Expr *e)
{
    return FIND(x, *list, expr_same(x, e));
}
