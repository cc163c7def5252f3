/* differentiate.c -- appends the adjoint statements: reverse mode, statement by statement.
 *
 *     y[p] += f(a[q], b[r])       gives       da[q] += dy[p] * df/da
 *                                             db[r] += dy[p] * df/db
 *
 * over the same indices and under the same conditions; a scan is reversed by a scan the other way. What is added
 * is in the same form, so it can be differentiated again. A conditional stays outermost in a derivative: the
 * branch not taken gives 0 even where its slope is infinite. Relies on split.c. */
#include "program.h"
#include <math.h>

enum { MAX_DEPTH = 8 };

typedef struct {                /* what is known of a tensor while one gradient is taken */
    Tensor *t;
    bool active;                /* depends on what we differentiate by */
    bool leaf;                  /* is what we differentiate by */
    bool useful;                /* in the scan at hand: a gradient will reach it */
    bool one;                   /* the scalar we differentiate: its adjoint is 1 */
    bool ready;                 /* `d` has been filled, so far with all that comes after */
    int writes;                 /* statements that write it */
    Tensor *d;                  /* its adjoint, the leading axes in front; NULL: none yet */
    Expr *fixed[MAX_RANK];      /* inside a scan that fills it step by step: the step, at its axis */
} Info;

typedef struct { Stmt *of; Tensor *winner; } Winner;

typedef struct {                /* an accumulation that can wait until the scan at hand is over */
    Stmt *of;
    Expr *read, *value, *where;
    Index *index[2 * MAX_RANK];
    int n;
} Late;

typedef struct {
    Stmt *of;
    TensorList written;         /* in its body */
    bool keeps;                 /* all that is written has an axis for the step, so it can be read afterwards */
    VEC(Late) late;
} Scan;

typedef struct {
    Module *m;
    Program *p;
    StrList names;
    VEC(Info *) info;
    VEC(Winner) winners;
    Index *lead[MAX_RANK];      /* the axes of a gradient of many scalars */
    int nlead;
    StmtList *out;
    Stmt *of;                   /* the statement whose adjoint is made */
    Expr *root, *root_read;     /* its value, and where that can be read again; NULL: nowhere */
    Scan scan[MAX_DEPTH];
    int depth;
} Diff;

/* ---- tensors ------------------------------------------------------------------------------------- */
static Info *info_of(Diff *d, Tensor *t)
{
    if (t->mark > 0 && t->mark <= d->info.n && d->info.at[t->mark - 1]->t == t)
        return d->info.at[t->mark - 1];
    Info *i = NEW(Info);
    i->t = t;
    PUSH(d->info, i);
    t->mark = d->info.n;
    return i;
}

/* "encoder.dense1.w" becomes "encoder.dense1.dw". */
static Str adjoint_name(Str name)
{
    const char *dot = name ? strrchr(name, '.') : NULL;
    return dot ? format("%.*sd%s", (int) (dot + 1 - name), name, dot + 1) : format("d%s", name ? name : "t");
}

static Tensor *adjoint_of(Diff *d, Info *i)
{
    if (i->d)
        return i->d;
    Tensor *t = tensor_new(d->m, name_fresh(&d->names, adjoint_name(i->t->name)), ROLE_temp, ELEM_real);
    if (i->t->rank + d->nlead > MAX_RANK)
        bug("%s needs more than %d axes", t->name, MAX_RANK);
    t->place = i->t->place;
    t->rank = d->nlead + i->t->rank;
    for (int k = 0; k < d->nlead; k++)
        t->axis[k] = (Axis) { .size = d->lead[k]->size, .name = d->lead[k]->name,
                              .length = d->lead[k]->limit ? d->lead[k]->limit->tensor : NULL };
    for (int k = 0; k < i->t->rank; k++)
        t->axis[d->nlead + k] = i->t->axis[k];
    return i->d = t;
}

static bool constant_role(const Tensor *t)
{
    return t->elem == ELEM_int || t->role == ROLE_state || t->role == ROLE_clock || t->role == ROLE_length;
}

/* ---- which expressions a gradient passes ------------------------------------------------------------ */
static bool active(Diff *d, Expr *e)
{
    if (!e || e->whole)
        return false;
    switch (e->kind) {
    case EXPR_read:
        return info_of(d, e->tensor)->active || active(d, e->other);
    case EXPR_op:
        if (e->op == OP_sign)
            return false;
        return (e->op != OP_select && active(d, e->arg[0])) || active(d, e->arg[1]) || active(d, e->arg[2]);
    case EXPR_byhand:
        return active(d, e->arg[1]);
    default:
        return false;
    }
}

typedef VEC(Expr *) ExprList;

/* The reads of e that a gradient goes to, each once. */
static void active_reads(Diff *d, Expr *e, ExprList *list)
{
    if (!active(d, e))
        return;
    if (e->kind == EXPR_read) {
        active_reads(d, e->other, list);
        if (!info_of(d, e->tensor)->active)
            return;
        for (int k = 0; k < list->n; k++)
            if (expr_same(list->at[k], e))
                return;
        PUSH(*list, e);
    } else if (e->kind == EXPR_byhand) {
        active_reads(d, e->arg[1], list);
    } else {
        for (int k = e->op == OP_select; k < 3; k++)
            active_reads(d, e->arg[k], list);
    }
}

/* ---- slopes of scalars: one row for each argument of each operation ----------------------------------- */
#define K(v)        expr_num(v)
#define DO(op, a)   expr_op(OP_##op, a, NULL, NULL)
#define ADD(a, b)   expr_op(OP_add, a, b, NULL)
#define SUB(a, b)   expr_op(OP_sub, a, b, NULL)
#define MUL(a, b)   expr_op(OP_mul, a, b, NULL)
#define DIV(a, b)   expr_op(OP_div, a, b, NULL)
#define POW(a, b)   expr_op(OP_pow, a, b, NULL)
#define NE(a, b)    expr_op(OP_ne, a, b, NULL)
#define LT(a, b)    expr_op(OP_lt, a, b, NULL)
#define LE(a, b)    expr_op(OP_le, a, b, NULL)

/* u, v: the arguments; y: the value. `where` limits the rule; elsewhere the slope is 0. */
/*    operation     argument  slope                                                         where */
#define SLOPES \
SLOPE( add,         0,        K(1),                                                         NULL ) \
SLOPE( add,         1,        K(1),                                                         NULL ) \
SLOPE( sub,         0,        K(1),                                                         NULL ) \
SLOPE( sub,         1,        K(-1),                                                        NULL ) \
SLOPE( neg,         0,        K(-1),                                                        NULL ) \
SLOPE( mul,         0,        v,                                                            NULL ) \
SLOPE( mul,         1,        u,                                                            NULL ) \
SLOPE( div,         0,        DIV(K(1), v),                                                 NULL ) \
SLOPE( div,         1,        DO(neg, DIV(y, v)),                                           NULL ) \
SLOPE( pow,         0,        MUL(v, POW(u, SUB(v, K(1)))),                                 NE(v, K(0)) ) \
SLOPE( pow,         1,        MUL(y, DO(log, u)),                                           LT(K(0), u) ) \
SLOPE( mod,         0,        K(1),                                                         NULL ) \
SLOPE( mod,         1,        DO(neg, MUL(DO(sign, v), DO(floor, DIV(u, DO(abs, v))))),     NULL ) \
SLOPE( exp,         0,        y,                                                            NULL ) \
SLOPE( log,         0,        DIV(K(1), u),                                                 NULL ) \
SLOPE( sqrt,        0,        MUL(K(0.5), DO(rsqrt0, u)),                                   NULL ) \
SLOPE( rsqrt0,      0,        MUL(K(-0.5), MUL(y, MUL(y, y))),                              NULL ) \
SLOPE( abs,         0,        DO(sign, u),                                                  NULL ) \
SLOPE( sin,         0,        DO(cos, u),                                                   NULL ) \
SLOPE( cos,         0,        DO(neg, DO(sin, u)),                                          NULL ) \
SLOPE( acos,        0,        DIV(K(-1), DO(sqrt, SUB(K(1), POW(u, K(2))))),                NULL ) \
SLOPE( tanh,        0,        SUB(K(1), POW(y, K(2))),                                      NULL ) \
SLOPE( sigmoid,     0,        MUL(y, SUB(K(1), y)),                                         NULL ) \
SLOPE( softplus,    0,        DO(sigmoid, u),                                               NULL ) \
SLOPE( erf,         0,        MUL(K(M_2_SQRTPI), DO(exp, DO(neg, POW(u, K(2))))),           NULL ) \
SLOPE( lgamma,      0,        DO(digamma, u),                                               NULL ) \
SLOPE( bessel_ratio,1,        expr_op(OP_bessel_slope, u, v, NULL),                         NULL ) \
SLOPE( log_bessel,  1,        ADD(expr_op(OP_bessel_ratio, u, v, NULL), DIV(u, v)),         NULL )

/* The slope of e by its k-th argument, or NULL where the table has no row. */
static Expr *slope(Diff *d, Expr *e, int k, Expr **where)
{
    Expr *u = e->arg[0], *v = e->arg[1], *y = e == d->root && d->root_read ? d->root_read : e;
    *where = NULL;
    switch (e->op * 2 + k) {
#define SLOPE(name, arg, rule, cond) case OP_##name * 2 + arg: *where = cond; return rule;
    SLOPES
#undef SLOPE
    default:
        return NULL;
    }
}

/* Where argument k of max or min is the winner: a tie with a constant goes to the constant, others to the first. */
static Expr *wins(Diff *d, Expr *e, int k)
{
    Expr *mine = e->arg[k], *other = e->arg[1 - k];
    const bool both = active(d, other);
    if (!both && other->kind == EXPR_num && e == d->root && d->root_read)
        mine = d->root_read;                        /* relu: the result tells as well, and is at hand */
    Expr *low = e->op == OP_max ? other : mine, *high = e->op == OP_max ? mine : other;
    if (!both)
        return LT(low, high);
    if (k == 0)
        return LE(low, high);
    return DO(not, e->op == OP_max ? LE(mine, other) : LE(other, mine));
}

/* ---- the chain rule within one statement -------------------------------------------------------------- */
typedef struct {                /* one active read: d/d read = where guard: seed * coef */
    Expr *read, *seed, *coef, *guard;
} Part;
typedef VEC(Part) Parts;

/* Products of slopes keep divisions outermost: c * (1 / v) is c / v. */
static Expr *times(Expr *c, Expr *s)
{
    if (expr_is(c, 1))
        return s;
    if (expr_is(s, 1))
        return c;
    if (s->kind == EXPR_op && s->op == OP_div)
        return DIV(times(c, s->arg[0]), s->arg[1]);
    if (s->kind == EXPR_op && s->op == OP_neg)
        return DO(neg, times(c, s->arg[0]));
    if (s->kind == EXPR_op && s->op == OP_mul && !s->whole)
        return times(times(c, s->arg[0]), s->arg[1]);
    if (c->kind == EXPR_op && c->op == OP_div)
        return DIV(times(c->arg[0], s), c->arg[1]);
    return MUL(c, s);
}

static Expr *both(Expr *a, Expr *b)
{
    return !a ? b : !b || expr_same(a, b) ? a : expr_op(OP_and, a, b, NULL);
}

struct costing { int cost; };

static void see_cost(Expr *e, void *with)
{
    struct costing *c = with;
    if (e->kind != EXPR_op)
        return;
    switch (e->op) {
    case OP_add: case OP_sub: case OP_mul: case OP_neg: case OP_max: case OP_min: case OP_select: case OP_abs: case OP_sign:
        c->cost++;
        break;
    case OP_div:
        c->cost += 2;
        break;
    case OP_pow:
        c->cost += expr_is(e->arg[1], 2) ? 1 : 10;
        break;
    default:
        c->cost += e->whole ? 1 : 10;
    }
}

static int cost(Expr *e)
{
    struct costing c = { 0 };
    expr_walk(e, see_cost, &c);
    return c.cost;
}

static Stmt *made(Diff *d, Tensor *t, Set set, Expr *value)
{
    Stmt *s = nest_new(t, set, value);
    s->place = d->of->place;
    s->use = d->of->use;
    s->backward = true;
    return s;
}

static void add_index(Stmt *s, Index *i)
{
    if (s->nindex == 2 * MAX_RANK)
        bug("too many indices in a statement of %s", s->target->name);
    s->index[s->nindex++] = i;
    s->nouter = s->nindex;
}

static Expr *guarded(Expr *guard, Expr *value)
{
    return guard ? expr_op(OP_select, guard, value, expr_num(0)) : value;
}

/* Whether a tensor over all points of the statement is no burden beside those that it reads and writes. */
static bool affordable(Diff *d, const ExprList *reads)
{
    double n = 1, most = tensor_count(d->of->target);
    int rank = d->nlead + d->of->nindex + d->depth;
    for (int k = 0; k < d->of->nindex; k++)
        n *= d->of->index[k]->size;
    for (int k = 0; k < d->depth; k++)
        n *= d->scan[k].of->step->size;
    for (int k = 0; k < reads->n; k++)
        most = fmax(most, tensor_count(reads->at[k]->tensor));
    return rank <= MAX_RANK && n <= 4 * most;
}

/* Gives a temporary, and the statement that sets it, an axis for each index bound around s, steps included:
   those of the target first, in their order there. */
static void take_points(Diff *d, Stmt *n, Stmt *s)
{
    Index *all[3 * MAX_RANK];
    int count = 0;
    for (int k = 0; k < s->target->rank + s->nindex + d->depth; k++) {
        const int j = k - s->target->rank;
        Index *i = j >= s->nindex ? d->scan[j - s->nindex].of->step : j >= 0 ? s->index[j]
                 : s->sub[k]->kind == EXPR_index ? s->sub[k]->index : NULL;
        bool had = !i;
        for (int l = 0; l < count; l++)
            had = had || all[l] == i;
        if (!had)
            all[count++] = i;
    }
    Tensor *t = n->target;
    for (int k = 0; k < count; k++) {
        if (t->rank == MAX_RANK)
            bug("%s needs more than %d axes", t->name, MAX_RANK);
        n->sub[t->rank] = expr_index(all[k]);
        t->axis[t->rank++] = axis_along(all[k], s, s->value);
        bool step = false;
        for (int l = 0; l < d->depth; l++)
            step = step || d->scan[l].of->step == all[k];
        if (!step)
            add_index(n, all[k]);
    }
}

/* seed * coef in a tensor of its own: several reads are behind it. */
static Expr *shared_seed(Diff *d, Expr *value)
{
    Stmt *of = d->of;
    Tensor *t = tensor_new(d->m, name_fresh(&d->names, format("%s.in", adjoint_name(of->target->name))), ROLE_temp, ELEM_real);
    t->place = of->target->place;
    Stmt *s = made(d, t, SET_is, value);
    s->where = of->where;
    for (int k = 0; k < d->nlead; k++) {
        s->sub[t->rank] = expr_index(d->lead[k]);
        t->axis[t->rank++] = axis_along(d->lead[k], of, value);
        add_index(s, d->lead[k]);
    }
    take_points(d, s, of);
    PUSH(*d->out, s);
    return expr_read(t, s->sub, 0, NULL);
}

static void pass(Diff *d, Expr *e, Part at, Parts *parts);

static void pass_op(Diff *d, Expr *e, Part at, Parts *parts)
{
    if (e->op == OP_select) {
        Part yes = at, no = at;
        yes.guard = both(at.guard, e->arg[0]);
        no.guard = both(at.guard, DO(not, e->arg[0]));
        pass(d, e->arg[1], yes, parts);
        pass(d, e->arg[2], no, parts);
        return;
    }
    for (int k = 0; k < 2; k++) {
        if (!active(d, e->arg[k]))
            continue;
        Part in = at;
        if (e->op == OP_max || e->op == OP_min) {
            in.guard = both(at.guard, wins(d, e, k));
        } else {
            Expr *where, *s = slope(d, e, k, &where);
            if (!s) {
                if (e->op == OP_digamma || e->op == OP_bessel_slope)
                    report(d->of->place, DIAG_no_slope, e->op == OP_digamma ? "digamma" : "bessel_slope");
                continue;
            }
            if (where && expr_is(where, 0))
                continue;
            in.guard = both(at.guard, where && where->kind == EXPR_num ? NULL : where);
            in.coef = times(at.coef, s);
        }
        pass(d, e->arg[k], in, parts);
    }
}

static void pass(Diff *d, Expr *e, Part at, Parts *parts)
{
    if (!active(d, e) || expr_is(at.coef, 0))
        return;
    if (e->kind != EXPR_read && cost(at.coef) >= (d->of->set == SET_is ? 2 : 10)) {
        ExprList reads = { 0 };
        active_reads(d, e, &reads);
        if (reads.n > 1 && affordable(d, &reads)) {
            at.seed = shared_seed(d, guarded(at.guard, times(at.seed, at.coef)));
            at.coef = K(1);
        }
    }
    if (e->kind == EXPR_op) {
        pass_op(d, e, at, parts);
    } else if (e->kind == EXPR_byhand) {
        at.coef = times(at.coef, e->arg[2]);
        pass(d, e->arg[1], at, parts);
    } else {
        Part other = at;
        at.read = e;
        if (info_of(d, e->tensor)->active)
            PUSH(*parts, at);
        if (e->check && active(d, e->other)) {
            other.guard = both(other.guard, DO(not, expr_inside(expr_read(e->tensor, e->sub, e->check, NULL))));
            pass(d, e->other, other, parts);
        }
    }
}

/* ---- accumulations onto adjoints ----------------------------------------------------------------------- */
/* Fills the adjoint with 0, or the slice of it that belongs to the step at hand. */
static void fill(Diff *d, Info *i)
{
    Tensor *t = adjoint_of(d, i);
    Stmt *s = made(d, t, SET_is, K(0));
    for (int k = 0; k < d->nlead; k++) {
        s->sub[k] = expr_index(d->lead[k]);
        add_index(s, d->lead[k]);
    }
    for (int examples = 1; examples >= 0; examples--)       /* they go first: lengths depend on them */
        for (int k = 0; k < i->t->rank; k++) {
            if (i->t->axis[k].example != examples)
                continue;
            Index *run = i->fixed[k] ? NULL : index_of_axis(i->t, k, s->sub + d->nlead);
            s->sub[d->nlead + k] = run ? expr_index(run) : i->fixed[k];
            if (run)
                add_index(s, run);
        }
    PUSH(*d->out, s);
    i->ready = true;
}

/* Whether index or step e runs over the whole of an axis. */
static bool runs_along(Expr *e, const Axis *a)
{
    return e->kind == EXPR_index && e->index->size == a->size && !e->index->limit == !a->length;
}

/* Whether the statement writes each element of the adjoint, or of its slice, exactly once. */
static bool covers(Info *i, Expr *const *sub, Index *const *index, int n)
{
    bool used[2 * MAX_RANK] = { false };
    int left = n;
    for (int k = 0; k < i->t->rank; k++) {
        if (i->fixed[k]) {
            if (!expr_same(sub[k], i->fixed[k]))
                return false;
            continue;
        }
        if (!runs_along(sub[k], &i->t->axis[k]))
            return false;
        int at = -1;
        for (int j = 0; j < n; j++)
            if (index[j] == sub[k]->index && !used[j])
                at = j;
        if (at < 0)
            return false;
        used[at] = true;
        left--;
    }
    return left == 0;
}

static bool written_in(const Scan *scan, const Tensor *t)
{
    for (int k = 0; k < scan->written.n; k++)
        if (scan->written.at[k] == t)
            return true;
    return false;
}

/* Nothing inside a scan needs the adjoint of what comes from outside: it is done behind the scan, all steps at once. */
static bool postpone(Diff *d, Expr *read, Expr *value, Expr *where, Index *const *index, int n)
{
    Scan *scan = d->depth ? &d->scan[d->depth - 1] : NULL;
    if (!scan || !scan->keeps || written_in(scan, read->tensor) || n == 2 * MAX_RANK)
        return false;
    Late l = { d->of, read, value, where, { 0 }, n + 1 };
    memcpy(l.index, index, (size_t) n * sizeof *index);
    l.index[n] = scan->of->step;
    PUSH(scan->late, l);
    return true;
}

/* d read += value over the indices given. */
static void accumulate(Diff *d, Expr *read, Expr *value, Expr *where, Index *const *index, int n)
{
    if (postpone(d, read, value, where, index, n))
        return;
    Info *i = info_of(d, read->tensor);
    const bool whole = !i->ready && covers(i, read->sub, index, n);
    if (whole) {                                /* no fill is needed where the condition chooses the 0 */
        value = guarded(where, value);
        where = NULL;
    }
    if (!i->ready && !whole)
        fill(d, i);
    if (!whole && value->kind == EXPR_op && value->op == OP_select && value->arg[0]->kind == EXPR_inside &&
        expr_is(value->arg[1], 0)) {            /* few points, in loops over many: `else` of a first step */
        where = both(where, DO(not, value->arg[0]));
        value = value->arg[2];
    }
    Stmt *s = made(d, adjoint_of(d, i), whole ? SET_is : SET_add, value);
    for (int k = 0; k < d->nlead; k++) {
        s->sub[k] = expr_index(d->lead[k]);
        add_index(s, d->lead[k]);
    }
    for (int k = 0; k < read->tensor->rank; k++)
        s->sub[d->nlead + k] = read->sub[k];
    for (int k = 0; k < n; k++)
        add_index(s, index[k]);
    s->check = whole ? 0 : read->check << d->nlead;
    s->where = where;
    PUSH(*d->out, s);
    i->ready = true;
}

static bool same_place(Expr *a, Expr *b)
{
    if (a->tensor != b->tensor || a->check != b->check)
        return false;
    for (int k = 0; k < a->tensor->rank; k++)
        if (!expr_same(a->sub[k], b->sub[k]))
            return false;
    return true;
}

static bool is_not(Expr *a, Expr *b)
{
    return a && b && expr_same(DO(not, a), b);
}

/* The sum of all parts of one read: under one condition the slopes are added before they meet the seed. */
static Expr *total(Parts *parts, int first)
{
    Expr *sum = NULL;
    for (int k = first; k < parts->n; k++) {
        Part p = parts->at[k];
        if (!p.read || !same_place(p.read, parts->at[first].read))
            continue;
        Expr *opposite = NULL;
        for (int j = k + 1; j < parts->n; j++) {
            Part *q = &parts->at[j];
            if (!q->read || !same_place(q->read, p.read))
                continue;
            if (expr_same(q->seed, p.seed) && (q->guard == p.guard || expr_same(q->guard, p.guard))) {
                p.coef = ADD(p.coef, q->coef);
                q->read = NULL;
            } else if (!opposite && is_not(p.guard, q->guard)) {
                opposite = times(q->seed, q->coef);
                q->read = NULL;
            }
        }
        Expr *value = times(p.seed, p.coef);
        value = opposite ? expr_op(OP_select, p.guard, value, opposite) : guarded(p.guard, value);
        sum = sum ? ADD(sum, value) : value;
        if (k > first)
            parts->at[k].read = NULL;
    }
    return sum;
}

static void accumulate_all(Diff *d, Parts *parts, Expr *where, Index *const *index, int n)
{
    for (int k = 0; k < parts->n; k++)
        if (parts->at[k].read) {
            Expr *read = parts->at[k].read, *value = total(parts, k);
            if (!expr_is(value, 0))
                accumulate(d, read, value, where, index, n);
        }
}

/* ---- statements ---------------------------------------------------------------------------------------- */
/* The adjoint of what the statement wrote, at the place where it wrote. */
static Expr *seed_of(Diff *d, Stmt *s, Info *i)
{
    if (i->one)
        return K(1);
    Expr *sub[MAX_RANK];
    for (int k = 0; k < d->nlead; k++)
        sub[k] = expr_index(d->lead[k]);
    for (int k = 0; k < s->target->rank; k++)
        sub[d->nlead + k] = s->sub[k];
    return expr_read(i->d, sub, s->check << d->nlead, NULL);
}

static bool is_outer(Stmt *s, Index *i)
{
    for (int k = 0; k < s->target->rank; k++)
        if (s->sub[k]->kind == EXPR_index && s->sub[k]->index == i)
            return true;
    return false;
}

static Stmt *forward_copy(Stmt *s, Tensor *t, Set set, Expr *value)
{
    Stmt *n = nest_new(t, set, value);
    n->place = s->place;
    n->use = s->use;
    n->backward = s->backward;
    return n;
}

/* The number of the point that won a max= or min=, computed by a statement put behind it. */
static Tensor *winner_of(Diff *d, Stmt *s, StmtList *list, int at)
{
    for (int k = 0; k < d->winners.n; k++)
        if (d->winners.at[k].of == s)
            return d->winners.at[k].winner;
    Tensor *y = s->target;
    Tensor *t = tensor_new(d->m, name_fresh(&d->names, format("%s.winner", y->name)), ROLE_temp, ELEM_int);
    t->place = y->place;
    t->rank = y->rank;
    memcpy(t->axis, y->axis, sizeof t->axis);
    t->of = 1;
    Stmt *n = forward_copy(s, t, s->set == SET_max ? SET_argmax : SET_argmin, s->value);
    memcpy(n->sub, s->sub, sizeof n->sub);
    n->where = s->where;
    for (int outer = 1; outer >= 0; outer--) {
        for (int k = 0; k < s->nindex; k++)
            if (is_outer(s, s->index[k]) == outer) {
                n->index[n->nindex++] = s->index[k];
                t->of *= outer ? 1 : s->index[k]->size;
            }
        if (outer)
            n->nouter = n->nindex;
    }
    PUSH(*list, NULL);
    memmove(&list->at[at + 2], &list->at[at + 1], (size_t) (list->n - at - 2) * sizeof *list->at);
    list->at[at + 1] = n;
    Winner w = { s, t };
    PUSH(d->winners, w);
    return t;
}

/* max= and min=: the gradient goes to the winner, whose indices are decoded from its number. */
static void reverse_extreme(Diff *d, Stmt *s, Info *i, StmtList *list, int at)
{
    Tensor *t = winner_of(d, s, list, at);
    Expr *number = expr_read(t, s->sub, 0, NULL);
    Index *outer[2 * MAX_RANK] = { 0 }, *inner[2 * MAX_RANK];
    Expr *to[2 * MAX_RANK];
    int n = 0, m = 0;
    bool sure = !s->where;
    for (int k = 0; k < s->nindex; k++)
        if (is_outer(s, s->index[k]))
            outer[n++] = s->index[k];
        else {
            inner[m++] = s->index[k];
            sure = sure && !s->index[k]->limit;
        }
    int stride = 1;
    for (int k = m; k-- > 0; stride *= inner[k]->size) {
        to[k] = expr_op(OP_idiv, number, K(stride), NULL);
        if (k > 0)
            to[k] = expr_op(OP_mod, to[k], K(inner[k]->size), NULL);
    }
    Stmt *won = forward_copy(s, s->target, SET_is, expr_replace(s->value, inner, to, m));
    memcpy(won->sub, s->sub, sizeof won->sub);
    memcpy(won->index, outer, sizeof outer);
    won->nindex = won->nouter = n;
    won->where = sure ? NULL : LE(K(0), number);
    d->of = won;
    Parts parts = { 0 };
    Part p = { .seed = seed_of(d, s, i), .coef = K(1) };
    pass(d, won->value, p, &parts);
    accumulate_all(d, &parts, won->where, outer, n);
}

/* *=: the product of all other points, without a division, so that zeros do no harm. */
static Expr *product_of_others(Diff *d, Stmt *s)
{
    Tensor *t = tensor_new(d->m, name_fresh(&d->names, format("%s.others", s->target->name)), ROLE_temp, ELEM_real);
    t->place = s->target->place;
    Stmt *one = made(d, t, SET_is, K(1)), *times_all = made(d, t, SET_mul, NULL);
    Index *inner[2 * MAX_RANK];
    Expr *to[2 * MAX_RANK], *differs = NULL;
    int m = 0;
    take_points(d, one, s);
    for (int k = 0; k < s->nindex; k++)
        add_index(times_all, s->index[k]);
    for (int k = 0; k < s->nindex; k++) {
        Index *i = s->index[k];
        if (is_outer(s, i))
            continue;
        Expr *limit = i->limit ? expr_replace(i->limit, inner, to, m) : NULL;
        Index *other = index_new(i->name, i->size, limit);
        inner[m] = i;
        to[m++] = expr_index(other);
        add_index(times_all, other);
        Expr *ne = NE(expr_index(other), expr_index(i));
        differs = differs ? expr_op(OP_or, differs, ne, NULL) : ne;
    }
    one->where = s->where;
    memcpy(times_all->sub, one->sub, sizeof one->sub);
    times_all->value = expr_replace(s->value, inner, to, m);
    times_all->where = both(s->where, both(s->where ? expr_replace(s->where, inner, to, m) : NULL, differs));
    PUSH(*d->out, one);
    if (m > 0)
        PUSH(*d->out, times_all);
    return expr_read(t, one->sub, 0, NULL);
}

static void reverse_nest(Diff *d, Stmt *s, StmtList *list, int at)
{
    Info *i = info_of(d, s->target);
    if (!i->active || i->leaf || !(i->one || i->ready) || s->set > SET_min || !active(d, s->value))
        return;
    d->of = s;
    d->root = s->value;
    d->root_read = s->set == SET_is && i->writes == 1 ? expr_read(s->target, s->sub, 0, NULL) : NULL;
    if (s->set == SET_max || s->set == SET_min) {
        d->root = d->root_read = NULL;
        reverse_extreme(d, s, i, list, at);
        return;
    }
    Parts parts = { 0 };
    Part p = { .seed = seed_of(d, s, i), .coef = K(1) };
    if (s->set == SET_mul)
        p.coef = product_of_others(d, s);
    pass(d, s->value, p, &parts);
    accumulate_all(d, &parts, s->where, s->index, s->nindex);
}

/* The elements keep their order, so the adjoint's do. */
static void reverse_reshape(Diff *d, Stmt *s)
{
    Info *to = info_of(d, s->target), *from = info_of(d, s->source);
    if (!to->active || to->leaf || !to->ready || !from->active)
        return;
    d->of = s;
    Tensor *t = adjoint_of(d, from);
    if (from->ready) {
        t = tensor_new(d->m, name_fresh(&d->names, format("%s.in", adjoint_name(s->target->name))), ROLE_temp, ELEM_real);
        t->place = s->target->place;
        t->rank = from->d->rank;
        memcpy(t->axis, from->d->axis, sizeof t->axis);
    }
    Stmt *back = made(d, t, SET_is, NULL);
    back->kind = STMT_reshape;
    back->source = to->d;
    PUSH(*d->out, back);
    if (from->ready) {
        Stmt *add = made(d, from->d, SET_add, NULL);
        for (int examples = 1; examples >= 0; examples--)
            for (int k = 0; k < t->rank; k++)
                if (t->axis[k].example == examples) {
                    Index *run = index_of_axis(t, k, add->sub);
                    add->sub[k] = expr_index(run);
                    add_index(add, run);
                }
        add->value = expr_read(t, add->sub, 0, NULL);
        PUSH(*d->out, add);
    }
    from->ready = true;
}

/* ---- scans --------------------------------------------------------------------------------------------- */
static void reverse_list(Diff *d, StmtList *list, int n);

static bool passes(Stmt *s)
{
    return s->kind == STMT_nest && s->set <= SET_min;
}

/* Marks what a gradient will reach inside; true when there was something new. */
static bool spread(Diff *d, StmtList *list)
{
    bool news = false;
    for (int k = list->n; k-- > 0;) {
        Stmt *s = list->at[k];
        if (s->kind == STMT_scan && !s->stop)
            news = spread(d, &s->body) || news;
        Info *i = s->target ? info_of(d, s->target) : NULL;
        if (!i || !i->active || i->leaf || !(i->one || i->ready || i->useful))
            continue;
        if (s->kind == STMT_reshape) {
            Info *from = info_of(d, s->source);
            news = news || (from->active && !from->useful);
            from->useful = from->useful || from->active;
        }
        if (!passes(s))
            continue;
        ExprList reads = { 0 };
        active_reads(d, s->value, &reads);
        for (int j = 0; j < reads.n; j++) {
            Info *r = info_of(d, reads.at[j]->tensor);
            news = news || !r->useful;
            r->useful = true;
        }
    }
    return news;
}

static int step_at(Expr *const *sub, Tensor *t, Index *step)
{
    for (int k = 0; k < t->rank; k++)
        if (runs_along(sub[k], &t->axis[k]) && sub[k]->index == step)
            return k;
    return -1;
}

/* The axis along which every read and write of t in a scan's body stands at the step itself; -1: there is none. */
static int step_axis(Diff *d, StmtList *list, Tensor *t, Index *step, int axis)
{
    for (int k = 0; k < list->n && axis != -1; k++) {
        Stmt *s = list->at[k];
        if (s->kind == STMT_scan)
            axis = step_axis(d, &s->body, t, step, axis);
        if (s->kind == STMT_reshape && s->source == t)
            return -1;
        if (!passes(s))
            continue;
        ExprList places = { 0 };
        active_reads(d, s->value, &places);
        if (s->target == t)
            PUSH(places, expr_read(t, s->sub, s->check, NULL));
        for (int j = 0; j < places.n && axis != -1; j++) {
            if (places.at[j]->tensor != t)
                continue;
            const int here = step_at(places.at[j]->sub, t, step);
            axis = axis == -2 || axis == here ? here : -1;
        }
    }
    return axis;
}

static void see_write(Stmt *s, void *with)
{
    Scan *scan = with;
    if (!s->target)
        return;
    PUSH(scan->written, s->target);
    bool has = false;
    for (int k = 0; k < s->target->rank && s->kind == STMT_nest; k++)
        has = has || expr_uses(s->sub[k], scan->of->step);
    scan->keeps = scan->keeps && has;
}

static void reverse_scan(Diff *d, Stmt *s)
{
    if (s->stop)
        return;
    if (d->depth == MAX_DEPTH)
        bug("scans nested too deeply");
    while (spread(d, &s->body))
        continue;
    Scan scan = { .of = s, .keeps = true };
    each_stmt(&s->body, see_write, &scan);
    d->of = s;
    VEC(Info *) sliced = { 0 };
    const int known = d->info.n;
    for (int k = 0; k < known; k++) {
        Info *i = d->info.at[k];
        if (!i->useful || i->ready || (scan.keeps && !written_in(&scan, i->t)))
            continue;
        const int axis = step_axis(d, &s->body, i->t, s->step, -2);
        if (axis < 0) {
            d->of = s->body.at[0];
            fill(d, i);
        } else if (!i->fixed[axis]) {
            i->fixed[axis] = expr_index(s->step);
            PUSH(sliced, i);
        }
        i->useful = false;
    }
    for (int k = 0; k < known; k++)
        d->info.at[k]->useful = false;
    Stmt *back = NEW(Stmt);
    *back = *s;
    back->backward = true;
    back->down = !s->down;
    back->body = (StmtList) { 0 };
    StmtList *out = d->out;
    d->out = &back->body;
    d->scan[d->depth++] = scan;
    reverse_list(d, &s->body, s->body.n);
    scan = d->scan[--d->depth];
    d->out = out;
    for (int k = 0; k < sliced.n; k++)
        for (int a = 0; a < sliced.at[k]->t->rank; a++)
            if (sliced.at[k]->fixed[a] && sliced.at[k]->fixed[a]->index == s->step)
                sliced.at[k]->fixed[a] = NULL;
    if (back->body.n)
        PUSH(*d->out, back);
    for (int k = 0; k < scan.late.n; k++) {
        const Late *l = &scan.late.at[k];
        d->of = l->of;
        Stmt *s = nest_new(l->read->tensor, SET_add, l->value);
        s->where = l->where;
        s->nindex = l->n;
        memcpy(s->sub, l->read->sub, sizeof s->sub);
        memcpy(s->index, l->index, sizeof l->index);
        where_to_limits(s);
        accumulate(d, expr_read(l->read->tensor, s->sub, l->read->check, NULL), s->value, s->where, s->index, s->nindex);
    }
}

static void reverse_list(Diff *d, StmtList *list, int n)
{
    for (int k = n; k-- > 0;) {
        Stmt *s = list->at[k];
        if (s->kind == STMT_nest)
            reverse_nest(d, s, list, k);
        else if (s->kind == STMT_scan)
            reverse_scan(d, s);
        else if (s->kind == STMT_reshape)
            reverse_reshape(d, s);
    }
}

/* ---- activity ------------------------------------------------------------------------------------------ */
static bool activate(Diff *d, StmtList *list, int n)
{
    bool news = false;
    for (int k = 0; k < n; k++) {
        Stmt *s = list->at[k];
        if (s->kind == STMT_scan && !s->stop)
            while (activate(d, &s->body, s->body.n))
                news = true;
        if (!s->target)
            continue;
        Info *i = info_of(d, s->target);
        const bool does = s->kind == STMT_reshape ? info_of(d, s->source)->active : passes(s) && active(d, s->value);
        if (does && !i->active && !constant_role(s->target)) {
            i->active = true;
            news = true;
        }
    }
    return news;
}

static void count_write(Stmt *s, void *with)
{
    if (s->target)
        info_of(with, s->target)->writes++;
}

static void start(Diff *d)
{
    d->info.n = d->names.n = 0;
    names_of(&d->names, d->p);
    each_stmt(&d->p->body, count_write, d);
}

/* ---- gradients of scalars within a program ---------------------------------------------------------------- */
/* d source / d source: 1 where the leading indices are those of the place. */
static void seed_identity(Diff *d, Info *source)
{
    Tensor *t = adjoint_of(d, source);
    Stmt *s = made(d, t, SET_is, NULL);
    Expr *same = NULL;
    for (int k = 0; k < d->nlead; k++) {
        s->sub[k] = expr_index(d->lead[k]);
        add_index(s, d->lead[k]);
    }
    for (int k = 0; k < d->nlead; k++) {
        Index *i = index_of_axis(source->t, k, s->sub + d->nlead);
        s->sub[d->nlead + k] = expr_index(i);
        add_index(s, i);
        Expr *eq = expr_op(OP_eq, expr_index(d->lead[k]), expr_index(i), NULL);
        same = same ? expr_op(OP_and, same, eq, NULL) : eq;
    }
    s->value = expr_op(OP_select, same, expr_real(1), expr_real(0));
    PUSH(*d->out, s);
    source->ready = true;
}

/* Puts the statements of d source / d wrt in place of body.at[at]; returns how many more there are now. */
static int resolve(Module *m, Program *p, int at, Diff *keep)
{
    Stmt *g = p->body.at[at];
    Diff d = { .m = m, .p = p, .of = g, .winners = keep->winners };
    StmtList out = { 0 };
    start(&d);
    d.out = &out;
    for (int k = 0; k < g->source->rank; k++) {
        Expr *sub[MAX_RANK] = { 0 };
        for (int j = 0; j < k; j++)
            sub[j] = expr_index(d.lead[j]);
        d.lead[k] = index_of_axis(g->source, k, sub);
    }
    d.nlead = g->source->rank;
    Info *wrt = info_of(&d, g->wrt), *source = info_of(&d, g->source);
    wrt->active = wrt->leaf = true;
    wrt->d = g->target;
    activate(&d, &p->body, at);
    if (d.nlead == 0)
        source->one = true;
    else
        seed_identity(&d, source);
    const int before = p->body.n;
    reverse_list(&d, &p->body, at);
    at += p->body.n - before;
    if (!wrt->ready) {
        d.of = g;
        fill(&d, wrt);
    }
    keep->winners = d.winners;
    StmtList body = { 0 };
    for (int k = 0; k < at; k++)
        PUSH(body, p->body.at[k]);
    for (int k = 0; k < out.n; k++)
        PUSH(body, out.at[k]);
    for (int k = at + 1; k < p->body.n; k++)
        PUSH(body, p->body.at[k]);
    const int more = body.n - before;
    p->body = body;
    return more;
}

/* ---- the gradient of the loss ------------------------------------------------------------------------------ */
static void gradient_tensors(Module *m, Program *p)
{
    for (int k = p->grads.n; k < p->trained.n; k++) {
        Tensor *w = p->trained.at[k], *t = tensor_new(m, adjoint_name(w->name), ROLE_grad, ELEM_real);
        t->rank = w->rank;
        memcpy(t->axis, w->axis, sizeof t->axis);
        t->offset = w->offset;
        t->of_param = w;
        t->place = w->place;
        PUSH(p->grads, t);
    }
}

struct ending { Diff *d; bool found; Stmt *at; };

static void see_end(Expr *e, void *with)
{
    struct ending *f = with;
    if (e->kind == EXPR_read && info_of(f->d, e->tensor)->active)
        f->found = true;
}

/* The first statement that reads what depends on the parameter but passes no gradient on. */
static void find_end(Stmt *s, void *with)
{
    struct ending *f = with;
    if (f->at || s->kind != STMT_nest || s->backward || info_of(f->d, s->target)->active)
        return;
    f->found = false;
    expr_walk(s->value, see_end, f);
    expr_walk(s->where, see_end, f);
    for (int k = 0; k < s->target->rank; k++)
        expr_walk(s->sub[k], see_end, f);
    if (f->found)
        f->at = s;
}

static void report_no_gradient(Module *m, Program *p, Tensor *w)
{
    Diff d = { .m = m, .p = p };
    struct ending f = { .d = &d };
    start(&d);
    info_of(&d, w)->active = info_of(&d, w)->leaf = true;
    activate(&d, &p->body, p->body.n);
    each_stmt(&p->body, find_end, &f);
    report(w->place, DIAG_no_gradient, w->name);
    if (f.at)
        report_note(f.at->place, "%s depends on it, but lets no gradient through", f.at->target->name);
    else
        report_note(w->place, "nothing that the loss reads depends on it");
}

static void of_loss(Module *m, Program *p, Diff *keep)
{
    Diff d = { .m = m, .p = p, .winners = keep->winners };
    StmtList out = { 0 };
    TensorList lost = { 0 };
    gradient_tensors(m, p);
    start(&d);
    d.out = &out;
    for (int k = 0; k < p->trained.n; k++) {
        Info *i = info_of(&d, p->trained.at[k]);
        i->active = i->leaf = true;
        i->d = p->grads.at[k];
    }
    activate(&d, &p->body, p->body.n);
    info_of(&d, p->loss)->one = true;
    reverse_list(&d, &p->body, p->body.n);
    for (int k = 0; k < p->trained.n; k++) {
        Info *i = info_of(&d, p->trained.at[k]);
        if (i->ready)
            continue;
        d.of = p->body.n ? p->body.at[p->body.n - 1] : nest_new(i->t, SET_is, NULL);
        fill(&d, i);
        PUSH(lost, i->t);
    }
    for (int k = 0; k < lost.n; k++)
        report_no_gradient(m, p, lost.at[k]);
    for (int k = 0; k < out.n; k++)
        PUSH(p->body, out.at[k]);
}

void differentiate(Module *m, Program *p)
{
    Diff keep = { .m = m };
    for (int k = 0; k < p->body.n; k++)
        if (p->body.at[k]->kind == STMT_gradient)
            k += resolve(m, p, k, &keep);
    if (p->loss && p->trained.n)
        of_loss(m, p, &keep);
}
