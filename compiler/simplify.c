/* simplify.c -- takes out what differentiation needed and what nobody reads.
 *
 * u - stop(u) is 0, and so is its product with anything: such a formula is there for its slope alone. Then stop and
 * byhand vanish, copies and constants are read through, and statements are dropped whose targets nobody reads.
 * Changes no result otherwise. Runs after differentiate.c. */
#include "program.h"

typedef struct {                /* reads of t become `value`, with the subscripts in place of the indices */
    Tensor *t;
    Expr *value;
    unsigned lost;              /* bit k: axis k of t is none of value's, so a check of it would be lost */
    Index *index[MAX_RANK];     /* at each axis of t */
} Rule;

typedef struct {
    Program *p;
    VEC(Rule) rules;
    TensorList needed;
    TensorList zeroed;          /* an exact 0 was set or added */
    bool changed;
} Simplify;

static bool has(const TensorList *list, const Tensor *t)
{
    for (int k = 0; k < list->n; k++)
        if (list->at[k] == t)
            return true;
    return false;
}

static StmtList *part(Program *p, int k)
{
    StmtList *const parts[] = { &p->begin, &p->body, &p->end, &p->update };
    return k < 4 ? parts[k] : NULL;
}

/* ---- expressions --------------------------------------------------------------------------------- */
static Expr zero = { .kind = EXPR_num };        /* a 0 that makes a product with anything 0 */

static Expr *rewrite(Simplify *s, Expr *e);

static bool stops(const Expr *u, const Expr *e)
{
    return e->kind == EXPR_stop && expr_same(u, e->arg[0]);
}

static Expr *plain(Expr *e)
{
    return e == &zero ? expr_real(0) : e;
}

static Expr *rewrite_op(Simplify *s, Expr *e)
{
    if (e->op == OP_sub && (stops(e->arg[0], e->arg[1]) || stops(e->arg[1], e->arg[0])))
        return &zero;
    Expr *a = rewrite(s, e->arg[0]), *b = rewrite(s, e->arg[1]), *c = rewrite(s, e->arg[2]);
    if (a == &zero || b == &zero) {
        if (e->op == OP_mul || e->op == OP_neg || (e->op == OP_div && a == &zero))
            return &zero;
        if (e->op == OP_add)
            return a == &zero ? b : a;
        if (e->op == OP_sub)
            return b == &zero ? a : expr_op(OP_neg, b, NULL, NULL);
    }
    if (e->op == OP_select && b == &zero && c == &zero)
        return &zero;
    if (a == e->arg[0] && b == e->arg[1] && c == e->arg[2])
        return e;
    return expr_op(e->op, plain(a), b ? plain(b) : NULL, c ? plain(c) : NULL);
}

static Rule *rule_of(Simplify *s, const Tensor *t)
{
    for (int k = 0; k < s->rules.n; k++)
        if (s->rules.at[k].t == t)
            return &s->rules.at[k];
    return NULL;
}

static Expr *apply(Simplify *s, Rule *r, Expr **sub, unsigned check, Expr *other)
{
    if (r->value->kind == EXPR_num)
        return has(&s->zeroed, r->t) && expr_is(r->value, 0) ? &zero : r->value;
    Expr *to[MAX_RANK];
    unsigned moved = 0;
    for (int k = 0; k < r->value->tensor->rank; k++)
        for (int j = 0; j < r->t->rank; j++)
            if (r->value->sub[k]->index == r->index[j]) {
                to[k] = sub[j];
                moved |= (check >> j & 1) << k;
            }
    return expr_read(r->value->tensor, to, moved, other);
}

static Expr *rewrite_read(Simplify *s, Expr *e)
{
    Expr *sub[MAX_RANK], *other = e->other ? plain(rewrite(s, e->other)) : NULL;
    bool changed = other != e->other;
    for (int k = 0; k < e->tensor->rank; k++) {
        sub[k] = plain(rewrite(s, e->sub[k]));
        changed = changed || sub[k] != e->sub[k];
    }
    Rule *r = rule_of(s, e->tensor);
    if (r && !(r->lost & e->check)) {
        s->changed = true;
        return apply(s, r, sub, e->check, other);
    }
    return changed ? expr_read(e->tensor, sub, e->check, other) : e;
}

static Expr *rewrite(Simplify *s, Expr *e)
{
    if (!e)
        return NULL;
    switch (e->kind) {
    case EXPR_num: case EXPR_index: case EXPR_reduce:
        return e;
    case EXPR_read:
        return rewrite_read(s, e);
    case EXPR_stop: case EXPR_byhand:
        s->changed = true;
        return rewrite(s, e->arg[0]);
    case EXPR_inside: {
        Expr *read = e->arg[0], *r = rewrite_read(s, read);
        return r == read ? e : expr_inside(r);
    }
    case EXPR_op:
        return rewrite_op(s, e);
    case EXPR_draw: {
        Expr *d = NEW(Expr);
        *d = *e;
        bool changed = false;
        for (int k = 0; k < e->nkey; k++) {
            d->key[k] = plain(rewrite(s, e->key[k]));
            changed = changed || d->key[k] != e->key[k];
        }
        return changed ? d : e;
    }
    }
    return e;
}

static Expr *rewritten(Simplify *s, Expr *e)
{
    Expr *r = rewrite(s, e);
    return r ? plain(r) : NULL;
}

static void rewrite_list(Simplify *s, StmtList *list)
{
    int n = 0;
    for (int k = 0; k < list->n; k++) {
        Stmt *st = list->at[k];
        list->at[n++] = st;
        if (st->kind == STMT_scan)
            rewrite_list(s, &st->body);
        if (st->kind != STMT_nest)
            continue;
        for (int j = 0; j < st->target->rank; j++)
            st->sub[j] = rewritten(s, st->sub[j]);
        st->where = rewritten(s, st->where);
        st->draw = rewritten(s, st->draw);
        Expr *v = rewrite(s, st->value);
        st->value = plain(v);
        if (st->where && expr_is(st->where, 1))
            st->where = NULL;
        if (v == &zero && st->set <= SET_add && !has(&s->zeroed, st->target))
            PUSH(s->zeroed, st->target);
        const bool never = st->where && expr_is(st->where, 0) && st->set <= SET_min;
        if (st->set == SET_add && (expr_is(st->value, 0) || never)) {
            s->changed = true;
            n--;
        }
    }
    list->n = n;
}

/* ---- copies and constants ------------------------------------------------------------------------ */
typedef struct { Tensor *t; int count, last; bool whole_use, updates; } Seen;     /* writes of a tensor; other uses than reads */
typedef struct {
    VEC(Seen) seen;
    int now;
    bool update;
} Survey;

static Seen *seen(Survey *v, Tensor *t)
{
    if (t->mark > 0 && t->mark <= v->seen.n && v->seen.at[t->mark - 1].t == t)
        return &v->seen.at[t->mark - 1];
    Seen s = { .t = t, .last = -1 };
    PUSH(v->seen, s);
    t->mark = v->seen.n;
    return &v->seen.at[t->mark - 1];
}

static void see_use(Expr *e, void *with)
{
    Survey *v = with;
    if (e->kind != EXPR_read)
        return;
    Seen *s = seen(v, e->tensor);
    s->updates = s->updates || v->update;
}

static void see_axes(Survey *v, Tensor *t)
{
    for (int k = 0; k < t->rank; k++)
        if (t->axis[k].length)
            seen(v, t->axis[k].length)->whole_use = true;
}

static void walk_stmt(Stmt *st, void (*see)(Expr *, void *), void *with)
{
    if (st->kind == STMT_scan)
        expr_walk(st->step->limit, see, with);
    if (st->kind != STMT_nest)
        return;
    for (int k = 0; k < st->target->rank; k++)
        expr_walk(st->sub[k], see, with);
    for (int k = 0; k < st->nindex; k++)
        expr_walk(st->index[k]->limit, see, with);
    expr_walk(st->where, see, with);
    expr_walk(st->value, see, with);
    expr_walk(st->draw, see, with);
}

static void survey(Stmt *st, void *with)
{
    Survey *v = with;
    v->now++;
    Tensor *const other[] = { st->source, st->wrt, st->stop };
    for (int k = 0; k < 3; k++)
        if (other[k])
            seen(v, other[k])->whole_use = true;
    if (st->target) {
        see_axes(v, st->target);
        Seen *s = seen(v, st->target);
        s->count++;
        s->last = v->now;
        s->whole_use = s->whole_use || st->kind != STMT_nest;
    }
    walk_stmt(st, see_use, v);
    for (int k = 0; k < st->nindex; k++)        /* limits stay as they are */
        if (st->index[k]->limit && st->index[k]->limit->kind == EXPR_read)
            seen(v, st->index[k]->limit->tensor)->whole_use = true;
}

static bool kept(Simplify *s, const Tensor *t)
{
    Program *p = s->p;
    if (t->role != ROLE_temp || t->external || t == p->loss || has(&p->outputs, t))
        return true;
    for (int k = 0; k < p->terms.n; k++)
        if (t == p->terms.at[k].value || t == p->terms.at[k].each || t == p->terms.at[k].weight
            || t == p->terms.at[k].units)
            return true;
    return false;
}

/* Whether value is b[..] with some of the target's indices, over the same sizes and lengths. */
static bool is_copy(const Stmt *st, const Expr *value, unsigned *lost)
{
    const Tensor *t = st->target, *b = value->tensor;
    if (value->kind != EXPR_read || value->check || b->elem != t->elem)
        return false;
    *lost = (1u << t->rank) - 1;
    for (int k = 0; k < b->rank; k++) {
        int at = -1;
        for (int j = 0; j < t->rank; j++)
            if (value->sub[k]->kind == EXPR_index && value->sub[k]->index == st->sub[j]->index && (*lost >> j & 1))
                at = j;
        if (at < 0 || b->axis[k].size != t->axis[at].size || b->axis[k].length != t->axis[at].length)
            return false;
        *lost &= ~(1u << at);
    }
    return true;
}

typedef struct { Simplify *s; Survey *v; int now; } Finding;

static void find_rule(Stmt *st, void *with)
{
    Finding *f = with;
    f->now++;
    if (st->kind != STMT_nest || st->set != SET_is || st->where || st->held || st->update || st->check)
        return;
    Tensor *t = st->target;
    Seen *w = seen(f->v, t);
    if (w->count != 1 || w->whole_use || kept(f->s, t))
        return;
    Rule r = { .t = t, .value = st->value };
    for (int k = 0; k < t->rank; k++) {
        if (st->sub[k]->kind != EXPR_index)
            return;
        r.index[k] = st->sub[k]->index;
    }
    if (st->value->kind == EXPR_num) {
        r.lost = (1u << t->rank) - 1;
        PUSH(f->s->rules, r);
        return;
    }
    if (!is_copy(st, st->value, &r.lost))
        return;
    Tensor *b = st->value->tensor;
    const bool moves = b->role == ROLE_state || b->role == ROLE_param;
    if (seen(f->v, b)->last < f->now && !(moves && w->updates) && !rule_of(f->s, b))
        PUSH(f->s->rules, r);
}

static void find_rules(Simplify *s)
{
    Survey v = { .now = 0 };
    for (int k = 0; k < 4; k++) {
        v.update = k == 3;
        each_stmt(part(s->p, k), survey, &v);
    }
    Finding f = { s, &v, 0 };
    s->rules.n = 0;
    for (int k = 0; k < 4; k++)
        each_stmt(part(s->p, k), find_rule, &f);
}

/* ---- what is needed -------------------------------------------------------------------------------- */
static void need(Simplify *s, Tensor *t)
{
    if (t && !has(&s->needed, t)) {
        PUSH(s->needed, t);
        s->changed = true;
    }
}

static void need_read(Expr *e, void *with)
{
    if (e->kind == EXPR_read)
        need(with, e->tensor);
}

static bool live(Simplify *s, const Stmt *st)
{
    if (st->kind != STMT_scan)
        return kept(s, st->target) || has(&s->needed, st->target);
    for (int k = 0; k < st->body.n; k++)
        if (live(s, st->body.at[k]))
            return true;
    return false;
}

static void need_stmt(Stmt *st, void *with)
{
    Simplify *s = with;
    if (!live(s, st))
        return;
    need(s, st->source);
    need(s, st->wrt);
    need(s, st->stop);
    walk_stmt(st, need_read, s);
    for (int k = 0; st->target && k < st->target->rank; k++)
        need(s, st->target->axis[k].length);
}

static void keep_live(Simplify *s, StmtList *list)
{
    int n = 0;
    for (int k = 0; k < list->n; k++) {
        Stmt *st = list->at[k];
        if (!live(s, st))
            continue;
        if (st->kind == STMT_scan)
            keep_live(s, &st->body);
        list->at[n++] = st;
    }
    list->n = n;
}

static void drop_dead(Simplify *s)
{
    const bool changed = s->changed;
    s->needed.n = 0;
    do {
        s->changed = false;
        for (int k = 4; k-- > 0;)
            each_stmt(part(s->p, k), need_stmt, s);
    } while (s->changed);
    for (int k = 0; k < 4; k++)
        keep_live(s, part(s->p, k));
    s->changed = changed;
}

void simplify(Module *m, Program *p)
{
    (void) m;
    Simplify s = { .p = p };
    do {
        find_rules(&s);
        s.changed = false;
        for (int k = 0; k < 4; k++)
            rewrite_list(&s, part(p, k));
        drop_dead(&s);
    } while (s.changed);
}
