/* build.c -- making expressions, statements and tensors of the intermediate form.
 *
 * Expressions are folded as they are made: what is constant becomes a number, and identities that hold for
 * every real, NaN and infinities included, are used. x * 0 is no such identity, so it stays unless x is whole. */
#include "program.h"
#include <math.h>

/* ---- leaves -------------------------------------------------------------------------------------- */
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
    Expr *e = node(EXPR_byhand, value->whole);
    e->arg[0] = value;
    e->arg[1] = by;
    e->arg[2] = slope;
    return e;
}

/* ---- folding ------------------------------------------------------------------------------------- */
static const int op_args[OP_COUNT] = {
#define SCALAR(name, n, ...) [OP_##name] = n,
#include "scalars.def"
#undef SCALAR
};

static const char op_whole[OP_COUNT] = {
#define SCALAR(name, n, written, whole, ...) [OP_##name] = #whole[0],
#include "scalars.def"
#undef SCALAR
};

bool expr_is(const Expr *e, double v)
{
    return e && e->kind == EXPR_num && e->num == v;
}

static bool is_op(const Expr *e, Op op)
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

static double whole_mod(double a, double b)
{
    return b == 0 ? 0 : a - fabs(b) * floor(a / fabs(b));
}

/* What an operation gives on numbers; false: left to run time. */
static bool constant(Op op, bool whole, double a, double b, double *v)
{
    switch (op) {
    case OP_add:    *v = a + b; break;
    case OP_sub:    *v = a - b; break;
    case OP_mul:    *v = a * b; break;
    case OP_div:    *v = a / b; break;
    case OP_idiv:   *v = b == 0 ? 0 : floor(a / b); break;
    case OP_mod:    *v = whole ? whole_mod(a, b) : a - fabs(b) * floor(a / fabs(b)); break;
    case OP_pow:    *v = pow(a, b); break;
    case OP_neg:    *v = -a; break;
    case OP_lt:     *v = a < b; break;
    case OP_le:     *v = a <= b; break;
    case OP_eq:     *v = a == b; break;
    case OP_ne:     *v = a != b; break;
    case OP_and:    *v = a && b; break;
    case OP_or:     *v = a || b; break;
    case OP_not:    *v = !a; break;
    case OP_max:    *v = a >= b ? a : b; break;
    case OP_min:    *v = a <= b ? a : b; break;
    case OP_exp:    *v = exp(a); break;
    case OP_log:    *v = log(a); break;
    case OP_sqrt:   *v = sqrt(a); break;
    case OP_rsqrt0: *v = a == 0 ? 0 : 1 / sqrt(a); break;
    case OP_abs:    *v = fabs(a); break;
    case OP_sign:   *v = (a > 0) - (a < 0); break;
    case OP_sin:    *v = sin(a); break;
    case OP_cos:    *v = cos(a); break;
    case OP_acos:   *v = acos(a); break;
    case OP_tanh:   *v = tanh(a); break;
    case OP_sigmoid:    *v = 1 / (1 + exp(-a)); break;
    case OP_softplus:   *v = (a > 0 ? a : 0) + log1p(exp(-fabs(a))); break;
    case OP_erf:    *v = erf(a); break;
    case OP_floor:  *v = floor(a); break;
    case OP_round:  *v = rint(a); break;
    case OP_lgamma: *v = lgamma(a); break;
    default:        return false;
    }
    return !whole || fits_int(*v + 0.0);
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
    Expr *e = node(EXPR_op, op_whole[op] == 'W' || (op_whole[op] == 'S' && all));
    e->op = op;
    e->arg[0] = a;
    e->arg[1] = b;
    e->arg[2] = c;
    return e;
}

/* Whole x + c or x - c as x and c. */
static Expr *split_constant(Expr *e, double *c)
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
    if (is_num(a) && !minus) {
        Expr *t = a;
        a = b;
        b = t;
    }
    Expr *x = split_constant(a, &ca), *y = split_constant(b, &cb);
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
        return minus ? expr_op(OP_neg, b, NULL, NULL) : b;
    if (is_num(b) && b->num < 0 && !a->whole)
        return make(minus ? OP_add : OP_sub, a, b->whole ? expr_num(-b->num) : expr_real(-b->num), NULL);
    if (is_op(b, OP_neg))
        return expr_op(minus ? OP_add : OP_sub, a, b->arg[0], NULL);
    if (is_op(a, OP_neg) && !minus)
        return expr_op(OP_sub, b, a->arg[0], NULL);
    return NULL;
}

static Expr *fold_product(Expr *a, Expr *b)
{
    for (int k = 0; k < 2; k++) {
        Expr *x = k ? b : a, *c = k ? a : b;
        if (expr_is(c, 1) && (!x->whole || c->whole))
            return x;
        if (expr_is(c, -1) && (!x->whole || c->whole))
            return expr_op(OP_neg, x, NULL, NULL);
        if (expr_is(c, 0) && c->whole && x->whole)
            return expr_num(0);
        if (is_op(x, OP_neg) && !is_num(c))
            return expr_op(OP_neg, expr_op(OP_mul, k ? c : x->arg[0], k ? x->arg[0] : c, NULL), NULL, NULL);
        if (is_op(x, OP_neg) && is_num(c))
            return expr_op(OP_mul, expr_op(OP_neg, c, NULL, NULL), x->arg[0], NULL);
    }
    if (a->whole && b->whole && is_num(b) && is_op(a, OP_mul) && is_num(a->arg[1]))
        return expr_op(OP_mul, a->arg[0], expr_op(OP_mul, a->arg[1], b, NULL), NULL);
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
        return is_truth(x) ? x : expr_op(OP_ne, x, expr_num(0), NULL);
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
        return is_op(a, OP_sub) && !expr_is(a->arg[0], 0) ? expr_op(OP_sub, a->arg[1], a->arg[0], NULL) : NULL;
    case OP_not:
        if (is_op(a, OP_not) && is_truth(a->arg[0]))
            return a->arg[0];
        if (is_op(a, OP_eq) || is_op(a, OP_ne))     /* NaN included; an order is no such pair */
            return expr_op(a->op == OP_eq ? OP_ne : OP_eq, a->arg[0], a->arg[1], NULL);
        return NULL;
    case OP_div:
        if (is_op(a, OP_neg) && !is_num(b))
            return expr_op(OP_neg, expr_op(OP_div, a->arg[0], b, NULL), NULL, NULL);
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

Expr *expr_op(Op op, Expr *a, Expr *b, Expr *c)
{
    Expr *e = NULL;
    if (op == OP_select) {
        e = fold_select(a, b, c);
    } else {
        Expr *whole = make(op, a, op_args[op] > 1 ? b : NULL, NULL);
        e = fold_numbers(op, whole->whole, a, op_args[op] > 1 ? b : NULL);
        if (!e)
            e = op == OP_add || op == OP_sub ? fold_sum(op == OP_sub, a, b)
              : op == OP_mul ? fold_product(a, b)
              : op == OP_and || op == OP_or ? fold_logic(op, a, b) : fold_other(op, a, b);
        if (!e)
            e = whole;
    }
    return e ? e : make(op, a, b, c);
}

/* ---- equality ------------------------------------------------------------------------------------ */
enum { MAX_PAIRS = 8 * MAX_RANK };
static struct { const Index *a, *b; } pair[MAX_PAIRS];     /* bound indices that stand for each other */
static int npair;

static bool same(const Expr *a, const Expr *b);

static bool same_index(const Index *a, const Index *b)
{
    for (int k = npair; k-- > 0;)
        if (pair[k].a == a || pair[k].b == b)
            return pair[k].a == a && pair[k].b == b;
    return a == b;
}

static bool same_reduce(const Expr *a, const Expr *b)
{
    if (a->reduce != b->reduce || a->nindex != b->nindex || npair + a->nindex > MAX_PAIRS)
        return false;
    const int was = npair;
    bool is = true;
    for (int k = 0; k < a->nindex && is; k++) {
        is = a->bound[k]->size == b->bound[k]->size && same(a->bound[k]->limit, b->bound[k]->limit);
        if (is && a->reduce == REDUCE_rank)
            is = same_index(a->rank_of[k], b->rank_of[k]);
        pair[npair].a = a->bound[k];
        pair[npair++].b = b->bound[k];
    }
    is = is && same(a->arg[0], b->arg[0]) && same(a->arg[1], b->arg[1]) && same(a->where, b->where);
    npair = was;
    return is;
}

static bool same(const Expr *a, const Expr *b)
{
    if (a == b && npair == 0)
        return true;
    if (!a || !b || a->kind != b->kind || a->whole != b->whole)
        return a == b;
    switch (a->kind) {
    case EXPR_num:
        return a->num == b->num ? signbit(a->num) == signbit(b->num) : isnan(a->num) && isnan(b->num);
    case EXPR_index:
        return same_index(a->index, b->index);
    case EXPR_read:
        if (a->tensor != b->tensor || a->check != b->check)
            return false;
        for (int k = 0; k < a->tensor->rank; k++)
            if (!same(a->sub[k], b->sub[k]))
                return false;
        return same(a->other, b->other);
    case EXPR_draw:
        if (a->stream != b->stream || a->normal != b->normal || a->nkey != b->nkey)
            return false;
        for (int k = 0; k < a->nkey; k++)
            if (a->key_size[k] != b->key_size[k] || !same(a->key[k], b->key[k]))
                return false;
        return true;
    case EXPR_reduce:
        return same_reduce(a, b);
    case EXPR_op:
        if (a->op != b->op)
            return false;
        /* fall through */
    default:
        return same(a->arg[0], b->arg[0]) && same(a->arg[1], b->arg[1]) && same(a->arg[2], b->arg[2]);
    }
}

bool expr_same(const Expr *a, const Expr *b)
{
    const int was = npair;
    npair = 0;
    const bool is = same(a, b);
    npair = was;
    return is;
}

bool expr_same_under(const Expr *a, Index *const *ia, const Expr *b, Index *const *ib, int n)
{
    const int was = npair;
    npair = 0;
    bool is = n <= 2 * MAX_RANK;
    for (int k = 0; k < n && is; k++) {
        is = ia[k]->size == ib[k]->size;
        pair[npair].a = ia[k];
        pair[npair++].b = ib[k];
    }
    for (int k = 0; k < n && is; k++)
        is = same(ia[k]->limit, ib[k]->limit);
    is = is && same(a, b);
    npair = was;
    return is;
}

/* ---- walks --------------------------------------------------------------------------------------- */
void expr_walk(Expr *e, void (*see)(Expr *, void *), void *with)
{
    if (!e)
        return;
    see(e, with);
    if (e->kind == EXPR_read) {
        for (int k = 0; k < e->tensor->rank; k++)
            expr_walk(e->sub[k], see, with);
        expr_walk(e->other, see, with);
        return;
    }
    for (int k = 0; k < e->nkey; k++)
        expr_walk(e->key[k], see, with);
    for (int k = 0; k < e->nindex; k++)
        expr_walk(e->bound[k]->limit, see, with);
    for (int k = 0; k < 3; k++)
        expr_walk(e->arg[k], see, with);
    expr_walk(e->where, see, with);
}

struct finding { const Index *index; bool found; };

static void find_index(Expr *e, void *with)
{
    struct finding *f = with;
    if (e->kind == EXPR_index && e->index == f->index)
        f->found = true;
    if (e->kind == EXPR_reduce && e->reduce == REDUCE_rank)
        for (int k = 0; k < e->nindex; k++)
            if (e->rank_of[k] == f->index)
                f->found = true;
}

/* An index is bound by one node only, so an occurrence is enough where the asker stands outside of it. */
bool expr_uses(Expr *e, const Index *i)
{
    struct finding f = { i, false };
    expr_walk(e, find_index, &f);
    return f.found;
}

/* ---- replacing ----------------------------------------------------------------------------------- */
typedef struct {
    Index *from[6 * MAX_RANK];
    Expr *to[6 * MAX_RANK];
    int n;
} Map;

static Expr *replaced(Expr *e, Map *m);

static Expr *index_image(Index *i, Map *m)
{
    for (int k = m->n; k-- > 0;)
        if (m->from[k] == i)
            return m->to[k];
    return NULL;
}

/* A bound index whose limit changes is another index, so every use of it changes too. */
static Expr *replaced_reduce(Expr *e, Map *m)
{
    Expr *r = NEW(Expr);
    *r = *e;
    const int was = m->n;
    for (int k = 0; k < e->nindex; k++) {
        Index *i = e->bound[k];
        Expr *limit = i->limit ? replaced(i->limit, m) : NULL;
        if (e->reduce == REDUCE_rank) {
            Expr *to = index_image(e->rank_of[k], m);
            if (to && to->kind != EXPR_index)
                bug("rank of %s, which is no index any more", e->rank_of[k]->name);
            if (to)
                r->rank_of[k] = to->index;
        }
        if (limit == i->limit)
            continue;
        if (m->n == 6 * MAX_RANK)
            bug("too many indices to replace");
        r->bound[k] = index_new(i->name, i->size, limit);
        m->from[m->n] = i;
        m->to[m->n++] = expr_index(r->bound[k]);
    }
    r->arg[0] = replaced(e->arg[0], m);
    r->arg[1] = replaced(e->arg[1], m);
    r->where = replaced(e->where, m);
    m->n = was;
    return r;
}

static Expr *replaced(Expr *e, Map *m)
{
    if (!e)
        return NULL;
    switch (e->kind) {
    case EXPR_num:
        return e;
    case EXPR_index: {
        Expr *to = index_image(e->index, m);
        return to ? to : e;
    }
    case EXPR_op: {
        Expr *a = replaced(e->arg[0], m), *b = replaced(e->arg[1], m), *c = replaced(e->arg[2], m);
        if (a == e->arg[0] && b == e->arg[1] && c == e->arg[2])
            return e;
        return expr_op(e->op, a, b, c);
    }
    case EXPR_read: {
        Expr *sub[MAX_RANK], *other = replaced(e->other, m);
        bool changed = other != e->other;
        for (int k = 0; k < e->tensor->rank; k++) {
            sub[k] = replaced(e->sub[k], m);
            changed = changed || sub[k] != e->sub[k];
        }
        return changed ? expr_read(e->tensor, sub, e->check, other) : e;
    }
    case EXPR_reduce:
        return replaced_reduce(e, m);
    default: {
        Expr *r = NEW(Expr);
        *r = *e;
        for (int k = 0; k < 3; k++)
            r->arg[k] = replaced(e->arg[k], m);
        for (int k = 0; k < e->nkey; k++)
            r->key[k] = replaced(e->key[k], m);
        return r;
    }
    }
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
    return replaced(e, &m);
}

/* ---- indices, statements, tensors ---------------------------------------------------------------- */
Index *index_new(Str name, int size, Expr *limit)
{
    Index *i = NEW(Index);
    i->name = name;
    i->size = size;
    i->limit = limit;
    return i;
}

Stmt *nest_new(Tensor *target, Set set, Expr *value)
{
    Stmt *s = NEW(Stmt);
    s->kind = STMT_nest;
    s->target = target;
    s->set = set;
    s->value = value;
    return s;
}

static int find_among(Index *const *list, int n, const Index *i)
{
    for (int k = 0; k < n; k++)
        if (list[k] == i)
            return k;
    return -1;
}

/* The last place of an index of s that e uses; -1: none. */
static int last_used(const Stmt *s, Expr *e)
{
    int last = -1;
    for (int k = 0; k < s->nindex; k++)
        if (expr_uses(e, s->index[k]))
            last = k;
    return last;
}

/* s with its index k bounded by limit; the index moves behind those that the limit needs. */
static void set_limit(Stmt *s, int k, Expr *limit)
{
    Index *was = s->index[k], *now = index_new(was->name, was->size, limit);
    Expr *to = expr_index(now);
    const int last = last_used(s, limit);
    for (; k < last; k++)
        s->index[k] = s->index[k + 1];
    s->index[k] = now;
    for (int j = 0; j < s->target->rank; j++)
        s->sub[j] = expr_replace(s->sub[j], &was, &to, 1);
    s->value = expr_replace(s->value, &was, &to, 1);
    if (s->where)
        s->where = expr_replace(s->where, &was, &to, 1);
}

/* The index of s that the condition i < limit can bound; -1: none. */
static int bounded_by(const Stmt *s, const Expr *c)
{
    if (!is_op(c, OP_lt) || c->arg[0]->kind != EXPR_index || !c->arg[1]->whole)
        return -1;
    const int k = find_among(s->index, s->nindex, c->arg[0]->index);
    if (k < 0 || s->index[k]->limit || expr_uses(c->arg[1], s->index[k]))
        return -1;
    for (int j = 0; j < s->nindex; j++)
        if (s->index[j]->limit && expr_uses(s->index[j]->limit, s->index[k]))
            return -1;
    return k;
}

/* Takes one condition that bounds an index out of where; the rest is left in s->where. */
static Expr *take_bound(Stmt *s, Expr *where)
{
    if (!where)
        return NULL;
    if (is_op(where, OP_and)) {
        for (int k = 0; k < 2; k++) {
            Expr *other = where->arg[1 - k], *found = take_bound(s, where->arg[k]);
            if (!found)
                continue;
            Expr *rest = s->where;
            s->where = !rest ? other : k ? expr_op(OP_and, other, rest, NULL) : expr_op(OP_and, rest, other, NULL);
            return found;
        }
        return NULL;
    }
    if (bounded_by(s, where) < 0)
        return NULL;
    s->where = NULL;
    return where;
}

void where_to_limits(Stmt *s)
{
    for (Expr *c; s->set <= SET_min && (c = take_bound(s, s->where)); )
        set_limit(s, bounded_by(s, c), c->arg[1]);
}

/* Words that a C identifier of the model must not be. */
static const char *const taken[] = {
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern", "float", "for",
    "goto", "if", "inline", "int", "long", "register", "restrict", "return", "short", "signed", "sizeof", "static", "struct",
    "switch", "typedef", "union", "unsigned", "void", "volatile", "while", "asm", "typeof", "bool", "true", "false", "main",
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "copysign", "cos", "cosh", "div", "erf",
    "erfc", "exp", "exp2", "expm1", "fabs", "fdim", "floor", "fma", "fmax", "fmin", "fmod", "frexp", "gamma", "hypot", "ilogb",
    "index", "isnan", "isinf", "j0", "j1", "jn", "labs", "ldexp", "ldiv", "lgamma", "log", "log10", "log1p", "log2", "logb",
    "lrint", "lround", "memcpy", "memset", "modf", "nan", "nearbyint", "nextafter", "pow", "printf", "rand", "random", "read",
    "remainder", "remove", "rename", "rint", "round", "scalb", "signgam", "sin", "sinh", "sqrt", "stdin", "stdout", "stderr",
    "system", "tan", "tanh", "tgamma", "time", "trunc", "write", "y0", "y1", "yn", "unix", "linux", "errno", "NULL", "NAN",
    "INFINITY", "EOF", "BUFSIZ", "RAND_MAX", "M_PI", "exit", "abort", "atoi", "free", "malloc", "calloc", "realloc", "qsort",
    "strlen", "strcmp", "signbit", "significand", "gammaf", "expf", "logf", "sqrtf", "tanhf", "sinf", "cosf", "powf", "drem",
};

static VEC(Str) names;          /* an open hash of the identifiers given out; room is a power of two, n the number in it */

static bool name_claim(Str name)
{
    if (!names.at || names.n * 2 >= names.room) {
        const int had = names.room, room = had ? had * 2 : 1024;
        Str *old = names.at;
        names.at = alloc((size_t) room * sizeof *names.at);
        names.room = room;
        names.n = 0;
        for (int k = 0; k < had; k++)
            if (old[k])
                name_claim(old[k]);
        if (!had)
            for (size_t k = 0; k < sizeof taken / sizeof *taken; k++)
                name_claim(intern(taken[k]));
    }
    size_t h = ((uintptr_t) name >> 3) * 2654435761u;
    for (;; h++) {
        Str *at = &names.at[h & (size_t) (names.room - 1)];
        if (*at == name)
            return false;
        if (!*at) {
            *at = name;
            names.n++;
            return true;
        }
    }
}

Str fresh_cname(Module *m, Str base)
{
    (void) m;                   /* one module a process */
    char text[200];
    size_t n = 0;
    for (const char *c = base ? base : "t"; *c && n < sizeof text - 1; c++) {
        const bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z'), digit = *c >= '0' && *c <= '9';
        if (letter || (digit && n > 0))
            text[n++] = *c;
        else if (digit) {
            text[n++] = 'n';
            text[n++] = *c;
        } else if (n > 0 && text[n - 1] != '_')
            text[n++] = '_';
    }
    while (n > 0 && text[n - 1] == '_')
        n--;
    if (n == 0)
        text[n++] = 't';
    Str name = intern_n(text, n), found = name;
    if (n > 2 && !strncmp(text, "ae_", 3))      /* the runtime's */
        name = found = format("m_%.*s", (int) n, text);
    for (int k = 2; !name_claim(found); k++)
        found = format(text[n - 1] >= '0' && text[n - 1] <= '9' ? "%s_%d" : "%s%d", name, k);
    return found;
}

Tensor *tensor_new(Module *m, Str name, Role role, Elem elem)
{
    Tensor *t = NEW(Tensor);
    t->name = name;
    t->cname = fresh_cname(m, name);
    t->role = role;
    t->elem = elem;
    t->offset = -1;
    if (role == ROLE_temp && m)
        PUSH(m->temps, t);
    return t;
}

static void see_name(Stmt *s, void *with)
{
    StrList *names = with;
    if (s->target)
        PUSH(*names, s->target->name);
}

void names_of(StrList *names, Program *p)
{
    StmtList *const part[] = { &p->begin, &p->body, &p->end, &p->update };
    for (int k = 0; k < 4; k++)
        each_stmt(part[k], see_name, names);
}

Str name_fresh(StrList *names, Str base)
{
    Str name = base;
    for (int k = 2, j = 0; j < names->n; j++)
        if (names->at[j] == name) {
            name = format("%s%d", base, k++);
            j = -1;
        }
    PUSH(*names, name);
    return name;
}

long tensor_count(const Tensor *t)
{
    long n = 1;
    for (int k = 0; k < t->rank; k++)
        n *= t->axis[k].size;
    return n;
}

struct axis_search { const Index *index; Axis *found; };

static void see_axis(Expr *e, void *with)
{
    struct axis_search *s = with;
    if (e->kind != EXPR_read)
        return;
    for (int k = 0; k < e->tensor->rank; k++) {
        Axis *a = &e->tensor->axis[k];
        if (e->sub[k]->kind == EXPR_index && e->sub[k]->index == s->index && a->size == s->index->size &&
            (!s->found || (a->example && !s->found->example)))
            s->found = a;
    }
}

Axis axis_along(Index *i, Stmt *s, Expr *also)
{
    struct axis_search search = { i, NULL };
    expr_walk(also, see_axis, &search);
    expr_walk(s->value, see_axis, &search);
    for (int k = 0; k < s->target->rank && !search.found; k++)
        if (s->sub[k]->kind == EXPR_index && s->sub[k]->index == i && s->target->axis[k].size == i->size)
            search.found = &s->target->axis[k];
    Axis a = { .size = i->size, .name = i->name };
    if (search.found)
        a.example = search.found->example;
    if (i->limit && i->limit->kind == EXPR_read && i->limit->tensor->rank <= 1)
        a.length = i->limit->tensor;
    return a;
}

Index *index_of_axis(const Tensor *t, int k, Expr *const *sub)
{
    const Axis *a = &t->axis[k];
    Expr *limit = NULL, *at[1];
    if (a->length && a->length->rank == 0)
        limit = expr_scalar(a->length);
    for (int j = 0; a->length && a->length->rank == 1 && j < t->rank && !limit; j++)
        if (t->axis[j].example && sub[j]) {
            at[0] = sub[j];
            limit = expr_read(a->length, at, 0, NULL);
        }
    static const char letters[MAX_RANK + 1] = "ijklmnopqr";
    return index_new(a->name ? a->name : intern_n(letters + k, 1), a->size, limit);
}

void each_stmt(StmtList *list, void (*see)(Stmt *, void *), void *with)
{
    for (int k = 0; k < list->n; k++) {
        Stmt *s = list->at[k];
        see(s, with);
        if (s->kind == STMT_scan)
            each_stmt(&s->body, see, with);
    }
}
