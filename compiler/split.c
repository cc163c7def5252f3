/* split.c -- gives every reduction that stands inside an expression statements of its own.
 *
 *     y[n] = log(sum(i) x[n, i])      becomes     y.sum[n] = 0
 *                                                 y.sum[n] += x[n, i]
 *                                                 y[n] = log(y.sum[n])
 *
 * The temporary runs over the indices that the reduction uses. A sum that is an addend of
 * the whole right side accumulates onto the target itself: that is what makes contractions
 * plain to see. Equal reductions share one temporary. Relies on draws bearing their keys;
 * leaves no EXPR_reduce. */
#include "program.h"
#include <math.h>

enum { MAX_DEPTH = 8, MAX_GUARD = 32 };

typedef VEC(Index *) IndexList;

typedef struct {                /* a reduction that has its temporary */
    Expr *reduce, *guard;
    IndexList free;             /* its free indices, in the order in which they first occur */
    Expr *read;                 /* of the temporary, at these */
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
    IndexList around;    /* what is bound here, in the order that temporaries have their axes in */
    Expr *guard[MAX_GUARD];     /* what holds where the expression is evaluated */
    int nguard;
} Split;

/* ---- facts ---------------------------------------------------------------------------------- */
static bool has_reduce(Expr *e)
{
    return ANY_EXPR(x, e, x->kind == EXPR_reduce);
}

static void add_free(Expr *e, const IndexList *bound, IndexList *free)
{
    EACH_EXPR(x, e) {
        if (x->kind != EXPR_index || HAS(*bound, x->index) || HAS(*free, x->index))
            continue;
        PUSH(*free, x->index);
        /* An index that is used needs those of its limit. */
        add_free(x->index->limit, bound, free);
    }
}

/* The free indices of e, in the order of their first occurrence. */
static IndexList free_of(Expr *e)
{
    IndexList bound = { 0 }, free = { 0 };
    EACH_EXPR(x, e)
        for (int k = 0; k < x->nindex; k++)
            PUSH(bound, x->bound[k]);
    add_free(e, &bound, &free);
    return free;
}

/* ---- temporaries ---------------------------------------------------------------------------- */
/* What is known of a tensor ends where it is written. */
static void put(Split *s, int level, Stmt *n)
{
    PUSH(*s->level[level].out, n);
    const TensorList one = { .at = &n->target, .n = 1 };
    for (int k = 0; k < s->known.n; k++)
        if (expr_reads(s->known.at[k].reduce, &one) || expr_reads(s->known.at[k].guard, &one))
            s->known.at[k--] = s->known.at[--s->known.n];
}

typedef struct { Set set; double fill, whole_fill; } Reduction;
static const Reduction reductions[] = {
    [REDUCE_sum]    = { SET_add, 0, 0 },
    [REDUCE_prod]   = { SET_mul, 1, 1 },
    [REDUCE_max]    = { SET_max, -INFINITY, -2147483647 },
    [REDUCE_min]    = { SET_min, INFINITY, 2147483647 },
    [REDUCE_any]    = { SET_max, 0, 0 },
    [REDUCE_all]    = { SET_min, 1, 1 },
    [REDUCE_argmax] = { SET_argmax, 0, 0 },     /* from here on no fill stands before */
    [REDUCE_argmin] = { SET_argmin, 0, 0 },
    [REDUCE_choice] = { SET_choice, 0, 0 },
    [REDUCE_rank]   = { SET_rank, 0, 0 },
};

static bool is_step(Split *s, int level, const Index *i)
{
    return ANY(l, level, s->level[l + 1].scan->step == i);
}

/* What is reduced at a point. */
static Expr *point_value(Expr *r)
{
    if (r->reduce == REDUCE_any || r->reduce == REDUCE_all)
        return expr_truth(r->arg[0]);
    if (r->reduce == REDUCE_rank && r->where)       /* what is left out comes last */
        return expr_op(OP_select, r->where, r->arg[0], expr_real(-INFINITY));
    return r->arg[0];
}

/* Puts the temporary of a reduction over the indices `outer`, filled and accumulated at a
   level; its last statement. */
static Stmt *compute(Split *s, Expr *r, Expr *guard, const IndexList *outer, int level)
{
    const Reduction by = reductions[r->reduce];
    const Set set = by.set;
    const bool counts = r->reduce == REDUCE_sum && expr_is(r->arg[0], 1), filled = set <= SET_min;
    const Str of = s->of->target->name, what = counts ? "count" : reduce_names[r->reduce];
    const Str name = format("%s.%s", of ? of : "t", what);
    Tensor *t = temp_named(s->m, &s->names, name, r->whole ? ELEM_int : ELEM_real, s->of->place);
    Stmt *fill = nest_for(s->of, t, SET_is, expr_num(r->whole ? by.whole_fill : by.fill));
    EACH(i, *outer)
        nest_axis(fill, i, axis_along(i, s->of, r), !is_step(s, level, i));
    for (int k = 0; set == SET_rank && k < r->nindex; k++)
        nest_axis(fill, r->bound[k], axis_along(r->bound[k], s->of, r), false);
    Stmt *acc = COPY(fill);
    acc->set = set;
    acc->value = point_value(r);
    acc->where = set == SET_rank ? NULL : expr_both(guard, r->where);
    acc->draw = r->arg[1];
    for (int k = 0; k < r->nindex; k++)
        nest_index(acc, r->bound[k]);
    if (filled) {
        put(s, level, fill);
    } else {
        acc->nouter = fill->nindex;
        t->of = 1;
        for (int k = 0; k < r->nindex; k++)
            t->of *= r->bound[k]->size;
    }
    put(s, level, acc);
    return acc;
}

/* ---- hoisting ------------------------------------------------------------------------------- */
/* Whether the scan at this level changes what e is from step to step. */
static bool varies(Split *s, int level, Expr *e, const IndexList *free)
{
    const TensorList written = written_by(&s->level[level].scan->body);
    return HAS(*free, s->level[level].scan->step) || expr_reads(e, &written);
}

static Expr *hoist(Split *s, Expr *r);

static bool is_clock(Expr *e)
{
    return e->kind == EXPR_read && e->tensor->role == ROLE_clock;
}

/* Whether a condition on indices alone holds, for each value of the first nall, for
   some value of the others. */
static bool surely(Expr *condition, Index **index, int nall, int n, int *tries)
{
    if (n == 0)
        return --*tries >= 0 && condition->kind == EXPR_num && condition->num != 0;
    const bool all = nall > 0;
    /* A batch has one at least. */
    const int size = all || !(*index)->limit ? (*index)->size : is_clock((*index)->limit);
    for (int v = 0; v < size && *tries >= 0; v++) {
        Expr *value = expr_num(v), *here = expr_replace(condition, index, &value, 1);
        if (surely(here, index + 1, nall - all, n - 1, tries) != all)
            return !all;
    }
    return all;
}

/* Whether e reads what the steps of the scan at this level compute, temporaries of what is
   being split included. */
static bool found_within(Split *s, int level, Expr *e)
{
    TensorList written = written_by(&s->level[level].scan->body);
    bool found = expr_reads(e, &written);
    for (int l = level; !found && l <= s->depth; l++) {
        written = written_by(s->level[l].out);
        found = expr_reads(e, &written);
    }
    return found;
}

/* Whether the condition holds for any value of its indices that are not in `free`; NULL where it
   always does, and where a scan has yet to tell. */
static Expr *any_of(Split *s, Expr *condition, const IndexList *of, const IndexList *free)
{
    Expr *any = expr_reduce(REDUCE_any, NULL, 0, NULL), *to[MAX_RANK];
    Index *from[MAX_RANK], *both[2 * MAX_RANK];
    int nall = 0, tries = 4096;
    any->whole = true;
    EACH(i, *of) {
        if (any->nindex == MAX_RANK || nall == MAX_RANK)
            return NULL;
        if (HAS(*free, i)) {
            both[nall++] = i;
            continue;
        }
        from[any->nindex] = i;
        to[any->nindex] = expr_index(index_new(i->name, i->size, NULL));
        any->bound[any->nindex] = to[any->nindex]->index;
        any->nindex++;
    }
    /* A limit needs indices further out, which may have been replaced. */
    for (int k = 0; k < any->nindex; k++)
        any->bound[k]->limit = expr_replace(from[k]->limit, from, to, any->nindex);
    for (int l = 1; l <= s->depth; l++)
        if (index_among(from, any->nindex, s->level[l].scan->step) >= 0
            && found_within(s, l, condition))
            return NULL;
    memcpy(both + nall, from, (size_t) any->nindex * sizeof *from);
    if (surely(condition, both, nall, nall + any->nindex, &tries))
        return NULL;
    any->arg[0] = expr_replace(condition, from, to, any->nindex);
    const int was = s->nguard;
    s->nguard = 0;
    Expr *read = hoist(s, any);
    s->nguard = was;
    return read;
}

/* The conditions around as the reduction r sees them: its value is asked for where these hold, for
   some value of the indices that it does not have. Elsewhere it is not computed, and gets no
   gradient: 0 times an infinite slope is no 0. */
static Expr *guards(Split *s, Expr *r, const IndexList *free)
{
    Expr *all = NULL;
    for (int k = 0; k < s->nguard; k++) {
        const IndexList f = free_of(s->guard[k]);
        if (ALL(j, f.n, HAS(*free, f.at[j])))
            all = expr_both(all, s->guard[k]);
        else if (!r->whole)
            all = expr_both(all, any_of(s, s->guard[k], &f, free));
    }
    return all;
}

static Expr *read_known(const Known *k, const IndexList *free)
{
    Expr *to[2 * MAX_RANK];
    for (int j = 0; j < free->n; j++)
        to[j] = expr_index(free->at[j]);
    return expr_replace(k->read, k->free.at, to, free->n);
}

static Known *find_known(Split *s, Expr *r, Expr *guard, const IndexList *f)
{
    return FIND_AT(o, s->known, o->free.n == f->n
        && expr_same_under(o->reduce, o->free.at, r, f->at, f->n)
        && (!o->guard || (guard && expr_same_under(o->guard, o->free.at, guard, f->at, f->n))));
}

/* A read of what r, which holds no other reduction, is at this point. */
static Expr *hoist(Split *s, Expr *r)
{
    const bool rank = r->reduce == REDUCE_rank;
    IndexList f = free_of(r), outer = { 0 };
    int level = s->depth;
    while (level > 0 && !varies(s, level, r, &f))
        level--;
    for (int l = 1; l <= level; l++)
        if (!HAS(f, s->level[l].scan->step) && varies(s, l, r, &f))
            PUSH(f, s->level[l].scan->step);
    Expr *guard = rank ? NULL : guards(s, r, &f);
    for (int l = s->depth; guard && l > level; l--)
        if (varies(s, l, guard, &f))
            level = l;
    Known *old = rank ? NULL : find_known(s, r, guard, &f);
    if (old)
        return read_known(old, &f);

    EACH(i, s->around)
        if (HAS(f, i))
            PUSH(outer, i);
    if (outer.n != f.n)
        bug("a reduction of %s uses an index that is not bound", s->of->target->name);
    Stmt *last = compute(s, r, guard, &outer, level);
    Expr *read = expr_read(last->target, last->sub, 0, NULL), *own[MAX_RANK];
    if (!rank) {
        PUSH(s->known, ((Known) { r, guard, f, read, level }));
        return read;
    }
    for (int k = 0; k < r->nindex; k++)
        own[k] = expr_index(r->rank_of[k]);
    return expr_replace(read, r->bound, own, r->nindex);
}

/* ---- expressions ---------------------------------------------------------------------------- */
static Expr *lift(Expr *e, void *with);

/* NULL: no condition. */
static void push_guard(Split *s, Expr *c)
{
    if (s->nguard == MAX_GUARD)
        bug("conditions nested too deeply");
    s->guard[s->nguard] = c;
    s->nguard += c != NULL;
}

static Expr *lift_under(Split *s, Expr *guard, Expr *e)
{
    if (!e || !has_reduce(e))
        return e;
    push_guard(s, guard);
    Expr *r = lift(e, s);
    s->nguard -= guard != NULL;
    return r;
}

static Expr *always(Expr *where)
{
    return where && where->kind == EXPR_num && where->num != 0 ? NULL : where;
}

/* r with the reductions inside it hoisted. */
static Expr *lift_inside(Split *s, Expr *e)
{
    Expr *r = COPY(e);
    const int was = s->around.n;
    for (int k = 0; k < e->nindex; k++)
        PUSH_NEW(s->around, e->bound[k]);
    r->where = always(lift(e->where, s));
    r->arg[0] = lift_under(s, r->where, e->arg[0]);
    r->arg[1] = lift_under(s, r->where, e->arg[1]);
    s->around.n = was;
    return r;
}

/* How many points there are, never less than 1: over none the sum is 0 and so is the mean. */
static Expr *count(Split *s, Expr *r)
{
    bool sure = true, counted = r->where != NULL;
    Expr *n = expr_num(1);
    for (int k = 0; k < r->nindex; k++) {
        Expr *limit = r->bound[k]->limit;
        for (int j = 0; j < r->nindex; j++)
            counted = counted || expr_uses(limit, r->bound[j]);
        sure = sure && (!limit || is_clock(limit));
        n = OP2(mul, n, limit ? limit : expr_num(r->bound[k]->size));
    }
    if (counted) {
        Expr *c = COPY(r);
        c->reduce = REDUCE_sum;
        c->whole = true;
        c->arg[0] = expr_num(1);
        n = hoist(s, c);
    }
    return sure && !counted ? n : OP2(max, n, expr_num(1));
}

static Expr *lift_reduce(Split *s, Expr *e)
{
    Expr *r = lift_inside(s, e);
    if (r->reduce != REDUCE_mean)
        return hoist(s, r);
    r->reduce = REDUCE_sum;
    r->whole = r->arg[0]->whole;
    Expr *sum = hoist(s, r);
    return OP2(div, sum, count(s, r));
}

static Expr *lift_read(Split *s, Expr *e)
{
    Expr *sub[MAX_RANK];
    for (int k = 0; k < e->tensor->rank; k++)
        sub[k] = lift(e->sub[k], s);
    Expr *outside = OP1(not, expr_inside(expr_read(e->tensor, sub, e->check, NULL)));
    return expr_read(e->tensor, sub, e->check, lift_under(s, outside, e->other));
}

static Expr *lift(Expr *e, void *with)
{
    Split *s = with;
    if (!e || !has_reduce(e))
        return e;
    if (e->kind == EXPR_reduce)
        return lift_reduce(s, e);
    if (e->kind == EXPR_read)
        return lift_read(s, e);
    if (!is_op(e, OP_select))
        return expr_map(e, lift, s);
    Expr *c = lift(e->arg[0], s), *a = lift_under(s, c, e->arg[1]);
    return expr_op(OP_select, c, a, lift_under(s, OP1(not, c), e->arg[2]));
}

/* ---- sums that accumulate onto the target --------------------------------------------------- */
typedef struct { Expr *reduce; bool minus; Expr *times, *over; } Addend;
typedef VEC(Addend) Addends;

/* A sum times a number: the number goes inside. */
static bool plain_sum(Expr *e, Addend *a)
{
    *a = (Addend) { 0 };
    while (e->kind == EXPR_op) {
        const bool first = !a->times && !a->over;
        if (e->op == OP_neg) {
            a->minus = !a->minus;
            e = e->arg[0];
        } else if (first && (e->op == OP_mul || e->op == OP_div) && e->arg[1]->kind == EXPR_num) {
            *(e->op == OP_mul ? &a->times : &a->over) = e->arg[1];
            e = e->arg[0];
        } else if (first && e->op == OP_mul && e->arg[0]->kind == EXPR_num) {
            a->times = e->arg[0];
            e = e->arg[1];
        } else {
            return false;
        }
    }
    a->reduce = e;
    return e->kind == EXPR_reduce && e->reduce == REDUCE_sum;
}

static Expr *scaled(const Addend *a, Expr *value)
{
    if (a->times)
        value = OP2(mul, a->times, value);
    if (a->over)
        value = OP2(div, value, a->over);
    return a->minus ? OP1(neg, value) : value;
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
    if (!(is_op(e, OP_add) || is_op(e, OP_sub) || is_op(e, OP_neg)) || !has_reduce(e))
        return e;
    Expr *l = take_sums(e->arg[0], minus != (e->op == OP_neg), sums);
    Expr *r = e->arg[1] ? take_sums(e->arg[1], minus != (e->op == OP_sub), sums) : NULL;
    if (l && (r || e->op == OP_neg))
        return expr_op(e->op, l, r, NULL);
    return l ? l : r && e->op == OP_sub ? OP1(neg, r) : r;
}

/* If the target is now just this sum, a later equal one can read it. */
static void remember(Split *s, Stmt *st, Expr *r)
{
    const IndexList f = free_of(r);
    Tensor *t = st->target;
    if (f.n != t->rank || st->check || st->where)
        return;
    EACH(i, f) {
        const int k = target_axis(st, i);
        if (k < 0 || t->axis[k].size != i->size)
            return;
    }
    PUSH(s->known, ((Known) { r, NULL, f, expr_read(t, st->sub, 0, NULL), s->depth }));
}

/* True if st was put as a fill or remainder and one accumulation for each sum. */
static bool accumulate(Split *s, Stmt *st)
{
    if (st->update || st->target->role != ROLE_temp || !has_reduce(st->value) || st->set > SET_add)
        return false;
    Addends sums = { 0 };
    Expr *rest = take_sums(st->value, false, &sums), *only = NULL;
    if (sums.n == 0 || FIND_AT(a, sums, st->nindex + a->reduce->nindex > 2 * MAX_RANK))
        return false;
    /* What is no sum, and sums that are known already. */
    Expr *left = rest ? lift_under(s, st->where, rest) : NULL;
    StmtList adds = { 0 };
    push_guard(s, st->where);
    EACH_AT(sum, sums) {
        Expr *r = lift_inside(s, sum->reduce), *value = scaled(sum, r->arg[0]);
        const IndexList f = free_of(r);
        Known *old = find_known(s, r, guards(s, r, &f), &f);
        if (old) {
            value = scaled(sum, read_known(old, &f));
            left = left ? OP2(add, left, value) : value;
            continue;
        }
        Stmt *n = COPY(st);
        n->set = SET_add;
        n->value = value;
        n->where = expr_both(st->where, r->where);
        for (int j = 0; j < r->nindex; j++)
            nest_index(n, r->bound[j]);
        PUSH(adds, n);
        only = sums.n == 1 && !rest && value == r->arg[0] ? r : NULL;
    }
    s->nguard -= st->where != NULL;
    if (st->set == SET_is || left) {
        Stmt *first = COPY(st);
        first->value = left ? left : expr_num(0);
        put(s, s->depth, first);
    }
    EACH(n, adds) {
        if (st->set == SET_is || left)
            n->formula = NULL;
        put(s, s->depth, n);
    }
    if (only && st->set == SET_is)
        remember(s, st, only);
    return true;
}

/* ---- statements ----------------------------------------------------------------------------- */
/* Where st only copies a whole reduction just put, that sets the target of st itself instead. */
static bool set_directly(Split *s, Stmt *st)
{
    StmtList *out = s->level[s->depth].out;
    Stmt *r = out->n ? out->at[out->n - 1] : NULL;
    Expr *v = st->value, *to[MAX_RANK];
    Index *from[MAX_RANK];
    const Tensor *t = st->target;
    const int n = st->nindex;
    if (!r || r->set <= SET_min || !v->tensor || v->tensor != r->target || v->tensor->rank != n
        || st->set != SET_is || st->where || st->update
        || t->role != ROLE_temp || t->elem != ELEM_int || t->rank != n)
        return false;
    for (int k = 0; k < n; k++) {
        Index *const i = from[k] = v->sub[k]->index;
        to[k] = r->sub[k];
        if (!i || i->size != r->sub[k]->index->size || index_among(from, k, i) >= 0)
            return false;
    }
    for (int k = 0; k < st->nindex; k++)
        r->sub[k] = expr_replace(st->sub[k], from, to, st->nindex);
    s->known.n -= s->known.n && s->known.at[s->known.n - 1].read->tensor == r->target;
    s->names.n--;
    r->target = st->target;
    r->formula = st->formula;
    out->n--;
    put(s, s->depth, r);
    return true;
}

static void split_nest(Split *s, Stmt *was)
{
    Stmt *st = s->of = COPY(was);
    s->around.n = s->nguard = 0;
    for (int k = 0; k < st->target->rank; k++)
        if (st->sub[k]->kind == EXPR_index)
            PUSH_NEW(s->around, st->sub[k]->index);
    for (int k = 0; k < st->nindex; k++)
        PUSH_NEW(s->around, st->index[k]);
    for (int l = 1; l <= s->depth; l++)
        PUSH_NEW(s->around, s->level[l].scan->step);
    st->where = always(lift(st->where, s));
    for (int k = 0; k < st->target->rank; k++)
        st->sub[k] = lift_under(s, st->where, st->sub[k]);
    if (accumulate(s, st))
        return;
    const bool reduces = st->value->kind == EXPR_reduce;
    st->value = lift_under(s, st->where, st->value);
    st->draw = lift_under(s, st->where, st->draw);
    if (!reduces || !set_directly(s, st))
        put(s, s->depth, st);
}

/* A statement that can be done for all steps at once as far as its own form goes. */
static bool steppable(Stmt *n, Index *step)
{
    return n->kind == STMT_nest && !n->update && n->nindex < 2 * MAX_RANK
        && target_axis(n, step) >= 0 && !limits_another(n, step);
}

/* Whether statement k of a scan must stay in it: it reads what stays or what is not yet
   written, or adds to it. */
static bool must_stay(Stmt *scan, int k, const bool *out, int pass, void *with)
{
    (void) pass;
    (void) with;
    const StmtList *body = &scan->body;
    if (!steppable(body->at[k], scan->step))
        return true;
    for (int j = 0; j < body->n; j++) {
        StmtList one = { .at = &body->at[j], .n = 1 };
        const TensorList written = written_by(&one);
        if ((!out[j] || j >= k) && ANY_EXPR_OF(e, body->at[k], reads_one_of(e, &written)))
            return true;
        if (!out[j] && j < k && HAS(written, body->at[k]->target))
            return true;
    }
    return false;
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
    EACH(n, scan_leave(st, must_stay, NULL)) {      /* a step's share of the input, say */
        where_to_limits(n);
        PUSH(*s->level[s->depth].out, n);
    }
    if (st->body.n)
        PUSH(*s->level[s->depth].out, st);
}

static void split_list(Split *s, StmtList *list)
{
    StmtList *out = s->level[s->depth].out = NEW(StmtList);
    EACH(st, *list)
        if (st->kind == STMT_nest)
            split_nest(s, st);
        else if (st->kind == STMT_scan)
            split_scan(s, st);
        else
            put(s, s->depth, st);
    *list = *out;
}

void split(Module *m, Program *p)
{
    Split s = { .m = m };
    names_of(&s.names, p);
    for (int k = 0; program_part(p, k); k++)
        split_list(&s, program_part(p, k));
}
