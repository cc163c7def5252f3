/* split.c -- gives every reduction that stands inside an expression statements of its own.
 *
 *     y[n] = log(sum(i) x[n, i])      becomes     y.sum[n] = 0
 *                                                 y.sum[n] += x[n, i]
 *                                                 y[n] = log(y.sum[n])
 *
 * The temporary runs over the indices that the reduction uses. A sum that is an addend of the whole right side
 * accumulates onto the target itself: that is what makes contractions plain to see. Equal reductions share one
 * temporary. Relies on draws bearing their keys; leaves no EXPR_reduce. */
#include "program.h"
#include <math.h>

enum { MAX_DEPTH = 8, MAX_AROUND = 4 * MAX_RANK, MAX_GUARD = 32 };

typedef struct {                /* a reduction that has its temporary */
    Expr *reduce, *guard;
    Index *free[2 * MAX_RANK];  /* in the order in which they first occur */
    int axis[2 * MAX_RANK];     /* of the temporary, for each of these */
    int nfree;
    Tensor *at;
    int level;                  /* of the scan it is computed in; 0: none */
} Known;

typedef struct {
    StmtList *out;
    Stmt *scan;                 /* NULL at level 0 */
} Level;

typedef struct {
    Module *m;
    StrList names;
    Level level[MAX_DEPTH];
    int depth;
    VEC(Known) known;
    Stmt *of;                   /* the statement being split */
    Index *around[MAX_AROUND];  /* what is bound here, in the order that temporaries have their axes in */
    int naround;
    Expr *guard[MAX_GUARD];     /* what holds where the expression is evaluated */
    int nguard;
} Split;

/* ---- facts --------------------------------------------------------------------------------------- */
static void see_reduce(Expr *e, void *with)
{
    if (e->kind == EXPR_reduce)
        *(bool *) with = true;
}

static bool has_reduce(Expr *e)
{
    bool found = false;
    expr_walk(e, see_reduce, &found);
    return found;
}

typedef struct {
    Index *at[4 * MAX_RANK];
    int n;
    Index *hidden[4 * MAX_RANK];
    int nhidden;
} Set_of;

static bool among(Index *const *list, int n, const Index *i)
{
    for (int k = 0; k < n; k++)
        if (list[k] == i)
            return true;
    return false;
}

static void collect(Set_of *f, Expr *e);

/* An index that is used needs those of its limit. */
static void collect_index(Set_of *f, Index *i)
{
    if (among(f->hidden, f->nhidden, i) || among(f->at, f->n, i))
        return;
    if (f->n == 4 * MAX_RANK)
        bug("split: too many indices");
    f->at[f->n++] = i;
    collect(f, i->limit);
}

/* The free indices of e, in the order of their first occurrence. */
static void collect(Set_of *f, Expr *e)
{
    if (!e)
        return;
    if (e->kind == EXPR_index)
        collect_index(f, e->index);
    if (e->kind == EXPR_read) {
        for (int k = 0; k < e->tensor->rank; k++)
            collect(f, e->sub[k]);
        collect(f, e->other);
        return;
    }
    for (int k = 0; k < e->nkey; k++)
        collect(f, e->key[k]);
    const int was = f->nhidden;
    for (int k = 0; k < e->nindex; k++) {
        collect(f, e->bound[k]->limit);
        if (f->nhidden == 4 * MAX_RANK)
            bug("split: too many indices");
        f->hidden[f->nhidden++] = e->bound[k];
    }
    for (int k = 0; k < 3; k++)
        collect(f, e->arg[k]);
    collect(f, e->where);
    f->nhidden = was;
}

static void see_write(Stmt *s, void *with)
{
    TensorList *list = with;
    if (s->target)
        PUSH(*list, s->target);
}

struct reading { TensorList *list; bool found; };

static void see_read(Expr *e, void *with)
{
    struct reading *r = with;
    if (e->kind == EXPR_read)
        for (int k = 0; k < r->list->n; k++)
            if (r->list->at[k] == e->tensor)
                r->found = true;
}

static bool reads_any(Expr *e, TensorList *list)
{
    struct reading r = { list, false };
    expr_walk(e, see_read, &r);
    return r.found;
}

/* ---- what a temporary looks like ------------------------------------------------------------------ */
static const char *const reduce_name[] = { "sum", "sum", "prod", "max", "min", "argmax", "argmin", "any", "all", "rank", "choice" };

static Stmt *made(Split *s, Tensor *t, Set set, Expr *value)
{
    Stmt *n = nest_new(t, set, value);
    n->place = s->of->place;
    n->use = s->of->use;
    n->backward = s->of->backward;
    n->update = s->of->update;
    return n;
}

static void add_index(Stmt *s, Index *i)
{
    if (s->nindex == 2 * MAX_RANK)
        bug("too many indices in a statement of %s", s->target->name);
    s->index[s->nindex++] = i;
}

/* What is known of a tensor ends where it is written. */
static void put(Split *s, int level, Stmt *n)
{
    PUSH(*s->level[level].out, n);
    TensorList one = { 0 };
    PUSH(one, n->target);
    for (int k = 0; k < s->known.n; k++)
        if (reads_any(s->known.at[k].reduce, &one) || reads_any(s->known.at[k].guard, &one))
            s->known.at[k--] = s->known.at[--s->known.n];
}

static Expr *both(Expr *a, Expr *b)
{
    return !a ? b : !b ? a : expr_op(OP_and, a, b, NULL);
}

/* ---- hoisting ------------------------------------------------------------------------------------ */
/* Whether the scan at this level changes what e is from step to step. */
static bool varies(Split *s, int level, Expr *e, const Set_of *f)
{
    TensorList written = { 0 };
    each_stmt(&s->level[level].scan->body, see_write, &written);
    return among(f->at, f->n, s->level[level].scan->step) || reads_any(e, &written);
}

/* The conditions around, as far as they can be told where the reduction runs. */
static Expr *guards(Split *s, const Set_of *free)
{
    Expr *all = NULL;
    for (int k = 0; k < s->nguard; k++) {
        Set_of f = { .n = 0 };
        collect(&f, s->guard[k]);
        bool told = true;
        for (int j = 0; j < f.n && told; j++)
            told = among(free->at, free->n, f.at[j]);
        if (told)
            all = both(all, s->guard[k]);
    }
    return all;
}

static Expr *read_known(const Known *k, Index *const *free)
{
    Expr *sub[MAX_RANK] = { 0 };
    for (int j = 0; j < k->nfree; j++)
        sub[k->axis[j]] = expr_index(free[j]);
    return expr_read(k->at, sub, 0, NULL);
}

static Known *find_known(Split *s, Expr *r, Expr *guard, const Set_of *f)
{
    for (int k = 0; k < s->known.n; k++) {
        Known *o = &s->known.at[k];
        if (o->nfree == f->n && expr_same_under(o->reduce, o->free, r, f->at, f->n) &&
            (!o->guard || (guard && expr_same_under(o->guard, o->free, guard, f->at, f->n))))
            return o;
    }
    return NULL;
}

static Expr *truth(Expr *e)
{
    if (e->kind == EXPR_op && e->op >= OP_lt && e->op <= OP_not)
        return e;
    return expr_op(OP_ne, e, expr_num(0), NULL);
}

static Expr *identity(Reduce r, bool whole)
{
    switch (r) {
    case REDUCE_prod: case REDUCE_all:  return expr_num(1);
    case REDUCE_max:    return whole ? expr_num(-2147483647) : expr_real(-INFINITY);
    case REDUCE_min:    return whole ? expr_num(2147483647) : expr_real(INFINITY);
    default:            return expr_num(0);
    }
}

static Set set_of(Reduce r)
{
    switch (r) {
    case REDUCE_prod:   return SET_mul;
    case REDUCE_max: case REDUCE_any:   return SET_max;
    case REDUCE_min: case REDUCE_all:   return SET_min;
    case REDUCE_argmax: return SET_argmax;
    case REDUCE_argmin: return SET_argmin;
    case REDUCE_choice: return SET_choice;
    case REDUCE_rank:   return SET_rank;
    default:            return SET_add;
    }
}

static bool by_itself(Reduce r)
{
    return r == REDUCE_argmax || r == REDUCE_argmin || r == REDUCE_choice || r == REDUCE_rank;
}

/* The statement of a reduction onto t[sub], its outer indices given. */
static Stmt *reduction(Split *s, Expr *r, Tensor *t, Expr **sub, Index **outer, int nouter)
{
    Expr *value = r->arg[0];
    if (r->reduce == REDUCE_any || r->reduce == REDUCE_all)
        value = truth(value);
    Stmt *n = made(s, t, set_of(r->reduce), value);
    memcpy(n->sub, sub, (size_t) t->rank * sizeof *sub);
    for (int k = 0; k < nouter; k++)
        add_index(n, outer[k]);
    n->nouter = n->nindex;
    for (int k = 0; k < r->nindex; k++)
        add_index(n, r->bound[k]);
    n->where = r->where;
    n->draw = r->arg[1];
    if (r->reduce == REDUCE_rank && r->where) {     /* what is left out comes last */
        n->value = expr_op(OP_select, r->where, value, expr_real(-INFINITY));
        n->where = NULL;
    }
    if (!by_itself(r->reduce))
        n->nouter = n->nindex;
    return n;
}

static int points(Expr *r)
{
    int n = 1;
    for (int k = 0; k < r->nindex; k++)
        n *= r->bound[k]->size;
    return n;
}

/* The temporary of a reduction over the indices `outer`, filled and accumulated at a level. */
static Tensor *compute(Split *s, Expr *r, Expr *guard, Index **outer, int n, int level)
{
    const bool rank = r->reduce == REDUCE_rank;
    Str base = s->of->target->name ? s->of->target->name : intern("t");
    Str suffix = r->reduce == REDUCE_sum && expr_is(r->arg[0], 1) ? "count" : reduce_name[r->reduce];
    Tensor *t = tensor_new(s->m, name_fresh(&s->names, format("%s.%s", base, suffix)), ROLE_temp, r->whole ? ELEM_int : ELEM_real);
    t->place = s->of->place;
    t->of = by_itself(r->reduce) ? points(r) : 0;
    if (n + (rank ? r->nindex : 0) > MAX_RANK)
        bug("%s needs more than %d axes", t->name, MAX_RANK);
    Expr *sub[MAX_RANK];
    Index *run[MAX_RANK];
    int nrun = 0;
    for (int k = 0; k < n; k++) {
        t->axis[t->rank++] = axis_along(outer[k], s->of, r);
        sub[k] = expr_index(outer[k]);
        bool step = false;
        for (int l = 1; l <= level; l++)
            step = step || s->level[l].scan->step == outer[k];
        if (!step)
            run[nrun++] = outer[k];
    }
    for (int k = 0; rank && k < r->nindex; k++) {
        sub[t->rank] = expr_index(r->bound[k]);
        t->axis[t->rank++] = axis_along(r->bound[k], s->of, r);
    }
    if (!by_itself(r->reduce)) {
        Stmt *fill = made(s, t, SET_is, identity(r->reduce, r->whole));
        memcpy(fill->sub, sub, sizeof sub);
        for (int k = 0; k < nrun; k++)
            add_index(fill, run[k]);
        fill->nouter = fill->nindex;
        put(s, level, fill);
    }
    Stmt *acc = reduction(s, r, t, sub, run, nrun);
    acc->where = both(guard, acc->where);
    put(s, level, acc);
    return t;
}

/* A read of what r, which holds no other reduction, is at this point. */
static Expr *hoist(Split *s, Expr *r)
{
    Set_of f = { .n = 0 };
    collect(&f, r);
    int level = s->depth;
    while (level > 0 && !varies(s, level, r, &f))
        level--;
    for (int l = 1; l <= level; l++)
        if (!among(f.at, f.n, s->level[l].scan->step) && varies(s, l, r, &f))
            f.at[f.n++] = s->level[l].scan->step;
    Expr *guard = r->reduce == REDUCE_rank ? NULL : guards(s, &f);
    for (int l = s->depth; guard && l > level; l--)
        if (varies(s, l, guard, &f))
            level = l;
    Known *old = r->reduce == REDUCE_rank ? NULL : find_known(s, r, guard, &f);
    if (old)
        return read_known(old, f.at);

    Known k = { .reduce = r, .guard = guard, .nfree = f.n, .level = level };
    Index *outer[2 * MAX_RANK];
    int n = 0;
    if (f.n > 2 * MAX_RANK)
        bug("too many indices in a reduction of %s", s->of->target->name);
    for (int a = 0; a < s->naround; a++)
        for (int j = 0; j < f.n; j++)
            if (f.at[j] == s->around[a]) {
                k.free[j] = f.at[j];
                k.axis[j] = n;
                outer[n++] = f.at[j];
            }
    if (n != f.n)
        bug("a reduction of %s uses an index that is not bound", s->of->target->name);
    k.at = compute(s, r, guard, outer, n, level);
    if (r->reduce != REDUCE_rank) {
        PUSH(s->known, k);
        return read_known(&k, f.at);
    }
    Expr *sub[MAX_RANK];
    for (int j = 0; j < n; j++)
        sub[j] = expr_index(outer[j]);
    for (int j = 0; j < r->nindex; j++)
        sub[n + j] = expr_index(r->rank_of[j]);
    return expr_read(k.at, sub, 0, NULL);
}

/* ---- expressions --------------------------------------------------------------------------------- */
static Expr *lift(Split *s, Expr *e);

static void push_guard(Split *s, Expr *c)
{
    if (s->nguard == MAX_GUARD)
        bug("conditions nested too deeply");
    s->guard[s->nguard++] = c;
}

static Expr *lift_under(Split *s, Expr *guard, Expr *e)
{
    if (!e || !has_reduce(e))
        return e;
    if (guard)
        push_guard(s, guard);
    Expr *r = lift(s, e);
    if (guard)
        s->nguard--;
    return r;
}

static void push_around(Split *s, Index *i)
{
    if (among(s->around, s->naround, i))
        return;
    if (s->naround == MAX_AROUND)
        bug("reductions nested too deeply");
    s->around[s->naround++] = i;
}

/* r with the reductions inside it hoisted. */
static Expr *lift_inside(Split *s, Expr *e)
{
    Expr *r = NEW(Expr);
    *r = *e;
    const int was = s->naround;
    for (int k = 0; k < e->nindex; k++)
        push_around(s, e->bound[k]);
    r->where = lift(s, e->where);
    if (r->where && r->where->kind == EXPR_num && r->where->num != 0)
        r->where = NULL;
    r->arg[0] = lift_under(s, r->where, e->arg[0]);
    r->arg[1] = lift_under(s, r->where, e->arg[1]);
    s->naround = was;
    return r;
}

static bool is_clock(Expr *e)
{
    return e->kind == EXPR_read && e->tensor->role == ROLE_clock;
}

/* How many points there are, never less than 1: over none the sum is 0 and so is the mean. */
static Expr *count(Split *s, Expr *r)
{
    bool sure = true, counted = r->where != NULL;
    Expr *n = expr_num(1);
    for (int k = 0; k < r->nindex; k++) {
        Expr *limit = r->bound[k]->limit;
        for (int j = 0; j < r->nindex; j++)
            counted = counted || (limit && expr_uses(limit, r->bound[j]));
        sure = sure && (!limit || is_clock(limit));
        n = expr_op(OP_mul, n, limit ? limit : expr_num(r->bound[k]->size), NULL);
    }
    if (counted) {
        Expr *c = NEW(Expr);
        *c = *r;
        c->reduce = REDUCE_sum;
        c->whole = true;
        c->arg[0] = expr_num(1);
        n = hoist(s, c);
    }
    return sure && !counted ? n : expr_op(OP_max, n, expr_num(1), NULL);
}

static Expr *lift_reduce(Split *s, Expr *e)
{
    Expr *r = lift_inside(s, e);
    if (r->reduce != REDUCE_mean)
        return hoist(s, r);
    r->reduce = REDUCE_sum;
    r->whole = r->arg[0]->whole;
    Expr *sum = hoist(s, r);
    return expr_op(OP_div, sum, count(s, r), NULL);
}

static Expr *lift_read(Split *s, Expr *e)
{
    Expr *sub[MAX_RANK];
    for (int k = 0; k < e->tensor->rank; k++)
        sub[k] = lift(s, e->sub[k]);
    Expr *other = e->other;
    if (other && has_reduce(other)) {
        Expr *here = expr_read(e->tensor, sub, e->check, NULL);
        other = lift_under(s, expr_op(OP_not, expr_inside(here), NULL, NULL), other);
    }
    return expr_read(e->tensor, sub, e->check, other);
}

static Expr *lift(Split *s, Expr *e)
{
    if (!e || !has_reduce(e))
        return e;
    if (e->kind == EXPR_reduce)
        return lift_reduce(s, e);
    if (e->kind == EXPR_read)
        return lift_read(s, e);
    if (e->kind == EXPR_op && e->op == OP_select) {
        Expr *c = lift(s, e->arg[0]);
        Expr *a = lift_under(s, c, e->arg[1]);
        return expr_op(OP_select, c, a, lift_under(s, expr_op(OP_not, c, NULL, NULL), e->arg[2]));
    }
    if (e->kind == EXPR_op) {
        Expr *a = lift(s, e->arg[0]), *b = lift(s, e->arg[1]);      /* in this order: the first hoisted is named first */
        return expr_op(e->op, a, b, lift(s, e->arg[2]));
    }
    Expr *r = NEW(Expr);
    *r = *e;
    for (int k = 0; k < 3; k++)
        r->arg[k] = lift(s, e->arg[k]);
    for (int k = 0; k < e->nkey; k++)
        r->key[k] = lift(s, e->key[k]);
    return r;
}

/* ---- sums that accumulate onto the target ----------------------------------------------------------- */
typedef struct { Expr *reduce; bool minus; Expr *times, *over; } Addend;
typedef VEC(Addend) Addends;

/* A sum times a number: the number goes inside. */
static bool plain_sum(Expr *e, Addend *a)
{
    *a = (Addend) { 0 };
    for (;;) {
        if (e->kind == EXPR_reduce && e->reduce == REDUCE_sum) {
            a->reduce = e;
            return true;
        }
        if (e->kind != EXPR_op)
            return false;
        Expr **num = e->op == OP_mul ? &a->times : e->op == OP_div ? &a->over : NULL;
        if (num && !a->times && !a->over && e->arg[1]->kind == EXPR_num) {
            *num = e->arg[1];
            e = e->arg[0];
        } else if (num == &a->times && !a->times && !a->over && e->arg[0]->kind == EXPR_num) {
            *num = e->arg[0];
            e = e->arg[1];
        } else if (e->op == OP_neg) {
            a->minus = !a->minus;
            e = e->arg[0];
        } else {
            return false;
        }
    }
}

/* What stays of e when its sums are taken out; NULL: nothing. */
static Expr *take_sums(Expr *e, bool minus, Addends *sums)
{
    Addend a;
    if (plain_sum(e, &a)) {
        a.minus = a.minus != minus;
        PUSH(*sums, a);
        return NULL;
    }
    if (e->kind == EXPR_op && (e->op == OP_add || e->op == OP_sub) && has_reduce(e)) {
        const bool sub = e->op == OP_sub;
        Expr *l = take_sums(e->arg[0], minus, sums), *r = take_sums(e->arg[1], minus != sub, sums);
        return !r ? l : l ? expr_op(e->op, l, r, NULL) : sub ? expr_op(OP_neg, r, NULL, NULL) : r;
    }
    if (e->kind == EXPR_op && e->op == OP_neg && has_reduce(e)) {
        Expr *l = take_sums(e->arg[0], !minus, sums);
        return l ? expr_op(OP_neg, l, NULL, NULL) : NULL;
    }
    return e;
}

static Stmt *copy(const Stmt *s)
{
    Stmt *n = NEW(Stmt);
    *n = *s;
    return n;
}

/* If the target is now just this sum, a later equal one can read it. */
static void remember(Split *s, Stmt *st, Expr *r)
{
    Set_of f = { .n = 0 };
    collect(&f, r);
    Known k = { .reduce = r, .nfree = f.n, .at = st->target, .level = s->depth };
    if (f.n != st->target->rank || st->check || st->where)
        return;
    for (int j = 0; j < f.n; j++) {
        int axis = -1;
        for (int a = 0; a < f.n; a++)
            if (st->sub[a]->kind == EXPR_index && st->sub[a]->index == f.at[j] && st->target->axis[a].size == f.at[j]->size)
                axis = a;
        if (axis < 0)
            return;
        k.free[j] = f.at[j];
        k.axis[j] = axis;
    }
    PUSH(s->known, k);
}

static bool fits(Stmt *st, Expr *r)
{
    return st->nindex + r->nindex <= 2 * MAX_RANK;
}

/* True if st was put as a fill or remainder and one accumulation for each sum. */
static bool accumulate(Split *s, Stmt *st)
{
    if (st->update || st->target->role != ROLE_temp || !has_reduce(st->value) ||
        !(st->set == SET_add || st->set == SET_is))
        return false;
    Addends sums = { 0 };
    Expr *rest = take_sums(st->value, false, &sums);
    if (sums.n == 0)
        return false;
    for (int k = 0; k < sums.n; k++)
        if (!fits(st, sums.at[k].reduce))
            return false;
    Expr *left = NULL;              /* sums that are known already, and what is no sum */
    if (rest)
        left = lift_under(s, st->where, rest);
    VEC(Stmt *) adds = { 0 };
    Expr *only = NULL;
    for (int k = 0; k < sums.n; k++) {
        Addend *a = &sums.at[k];
        const int was = s->nguard;
        if (st->where)
            push_guard(s, st->where);
        Expr *r = lift_inside(s, a->reduce), *value = r->arg[0];
        Set_of f = { .n = 0 };
        collect(&f, r);
        Known *old = find_known(s, r, guards(s, &f), &f);
        s->nguard = was;
        if (old)
            value = read_known(old, f.at);
        if (a->times)
            value = expr_op(OP_mul, a->times, value, NULL);
        if (a->over)
            value = expr_op(OP_div, value, a->over, NULL);
        if (a->minus)
            value = expr_op(OP_neg, value, NULL, NULL);
        if (old) {
            left = left ? expr_op(OP_add, left, value, NULL) : value;
            continue;
        }
        Stmt *n = copy(st);
        n->set = SET_add;
        n->value = value;
        n->where = both(st->where, r->where);
        for (int j = 0; j < r->nindex; j++)
            add_index(n, r->bound[j]);
        n->nouter = n->nindex;
        PUSH(adds, n);
        only = sums.n == 1 && !rest && value == r->arg[0] ? r : NULL;
    }
    if (st->set == SET_is || left) {
        Stmt *first = copy(st);
        first->value = left ? left : expr_num(0);
        put(s, s->depth, first);
        for (int k = 0; k < adds.n; k++)
            adds.at[k]->formula = NULL;
    }
    for (int k = 0; k < adds.n; k++)
        put(s, s->depth, adds.at[k]);
    if (only && st->set == SET_is)
        remember(s, st, only);
    return true;
}

/* True if st was put as the whole reduction that its value is. */
static bool set_directly(Split *s, Stmt *st)
{
    Expr *e = st->value;
    if (e->kind != EXPR_reduce || !by_itself(e->reduce) || st->set != SET_is || st->where || st->update ||
        st->target->role != ROLE_temp || st->target->elem != ELEM_int || !fits(st, e))
        return false;
    Expr *r = lift_inside(s, e);
    Index *outer[2 * MAX_RANK];
    Expr *sub[MAX_RANK];
    int n = 0;
    memcpy(sub, st->sub, sizeof sub);
    for (int k = 0; k < st->nindex; k++) {
        int inner = -1;
        for (int j = 0; r->reduce == REDUCE_rank && j < r->nindex; j++)
            if (r->rank_of[j] == st->index[k])
                inner = j;
        if (inner < 0) {
            outer[n++] = st->index[k];
            continue;
        }
        if (r->bound[inner]->size != st->index[k]->size)
            return false;
        for (int a = 0; a < st->target->rank; a++)
            if (sub[a]->kind == EXPR_index && sub[a]->index == st->index[k])
                sub[a] = expr_index(r->bound[inner]);
    }
    if (r->reduce == REDUCE_rank && n + r->nindex != st->nindex)
        return false;
    Stmt *d = reduction(s, r, st->target, sub, outer, n);
    d->formula = st->formula;
    put(s, s->depth, d);
    return true;
}

/* ---- statements ---------------------------------------------------------------------------------- */
static void set_around(Split *s, Stmt *st)
{
    s->naround = s->nguard = 0;
    for (int k = 0; k < st->target->rank; k++)
        if (st->sub[k]->kind == EXPR_index)
            push_around(s, st->sub[k]->index);
    for (int k = 0; k < st->nindex; k++)
        push_around(s, st->index[k]);
    for (int l = 1; l <= s->depth; l++)
        push_around(s, s->level[l].scan->step);
}

static void split_nest(Split *s, Stmt *was)
{
    Stmt *st = copy(was);
    s->of = st;
    set_around(s, st);
    st->where = lift(s, st->where);
    if (st->where && st->where->kind == EXPR_num && st->where->num != 0)
        st->where = NULL;
    for (int k = 0; k < st->target->rank; k++)
        st->sub[k] = lift_under(s, st->where, st->sub[k]);
    if (accumulate(s, st) || set_directly(s, st))
        return;
    st->value = lift_under(s, st->where, st->value);
    st->draw = lift_under(s, st->where, st->draw);
    put(s, s->depth, st);
}

static bool stmt_reads(Stmt *n, TensorList *list)
{
    bool does = reads_any(n->value, list) || reads_any(n->where, list) || reads_any(n->draw, list);
    for (int k = 0; k < n->target->rank; k++)
        does = does || reads_any(n->sub[k], list);
    for (int k = 0; k < n->nindex; k++)
        does = does || reads_any(n->index[k]->limit, list);
    return does;
}

/* A statement that can be done for all steps at once as far as its own form goes. */
static bool steppable(Stmt *n, Index *step)
{
    if (n->kind != STMT_nest || n->update || n->nindex == 2 * MAX_RANK)
        return false;
    bool has = false;
    for (int k = 0; k < n->target->rank; k++)
        has = has || (n->sub[k]->kind == EXPR_index && n->sub[k]->index == step);
    for (int k = 0; k < n->nindex; k++)
        has = has && !expr_uses(n->index[k]->limit, step);
    return has;
}

/* Whether statement k of a scan must stay in it: it reads what stays or what is not yet written, or adds to it. */
static bool must_stay(StmtList *body, const bool *out, int k)
{
    Stmt *n = body->at[k];
    for (int j = 0; j < body->n; j++) {
        StmtList one = { .at = &body->at[j], .n = 1 };
        TensorList written = { 0 };
        each_stmt(&one, see_write, &written);
        if ((!out[j] || j >= k) && stmt_reads(n, &written))
            return true;
        for (int l = 0; l < written.n && j < k && !out[j]; l++)
            if (written.at[l] == n->target)
                return true;
    }
    return false;
}

/* Puts what needs nothing of the scan before it, for all steps at once: a step's share of the input, say. */
static void take_out(Stmt *scan, StmtList *before)
{
    if (scan->stop)
        return;
    StmtList body = scan->body, rest = { 0 };
    bool *out = alloc((size_t) body.n * sizeof *out + 1), news = true;
    for (int k = 0; k < body.n; k++)
        out[k] = steppable(body.at[k], scan->step);
    while (news) {
        news = false;
        for (int k = 0; k < body.n; k++)
            if (out[k] && must_stay(&body, out, k)) {
                out[k] = false;
                news = true;
            }
    }
    for (int k = 0; k < body.n; k++) {
        Stmt *n = body.at[k];
        if (!out[k]) {
            PUSH(rest, n);
            continue;
        }
        memmove(&n->index[1], &n->index[0], (size_t) n->nindex * sizeof *n->index);
        n->index[0] = scan->step;
        n->nindex++;
        n->nouter++;
        where_to_limits(n);
        PUSH(*before, n);
    }
    scan->body = rest;
}

static void split_list(Split *s, StmtList *list);

static void split_scan(Split *s, Stmt *st)
{
    if (s->depth + 1 == MAX_DEPTH)
        bug("scans nested too deeply");
    StmtList body = st->body;
    s->depth++;
    s->level[s->depth].scan = st;
    split_list(s, &body);
    s->depth--;
    st->body = body;
    for (int k = 0; k < s->known.n; k++)
        if (s->known.at[k].level > s->depth)
            s->known.at[k--] = s->known.at[--s->known.n];
    take_out(st, s->level[s->depth].out);
    if (st->body.n)
        PUSH(*s->level[s->depth].out, st);
}

static void split_list(Split *s, StmtList *list)
{
    StmtList *out = NEW(StmtList);
    s->level[s->depth].out = out;
    for (int k = 0; k < list->n; k++) {
        Stmt *st = list->at[k];
        if (st->kind == STMT_nest)
            split_nest(s, st);
        else if (st->kind == STMT_scan)
            split_scan(s, st);
        else
            put(s, s->depth, st);
    }
    *list = *out;
}

void split(Module *m, Program *p)
{
    Split s = { .m = m };
    names_of(&s.names, p);
    split_list(&s, &p->begin);
    split_list(&s, &p->body);
    split_list(&s, &p->end);
    split_list(&s, &p->update);
}
