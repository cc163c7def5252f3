/* simplify.c -- takes out what differentiation needed and what nobody reads.
 *
 * u - stop(u) is 0, and so is its product with anything: such a formula is there for its
 * slope alone. Then stop and byhand vanish, copies and constants are read through, and
 * statements are dropped whose targets nobody reads, and inputs. Changes no result otherwise.
 * Runs after differentiate.c. */
#include "program.h"

typedef struct {    /* reads of t become `value`, with the subscripts in place of the indices */
    Tensor *t;
    Expr *value;
    unsigned lost;    /* bit k: axis k of t is none of value's, so a check of it would be lost */
    Index *index[MAX_RANK];     /* at each axis of t */
} Rule;

typedef struct {                /* what the program does with a tensor */
    Tensor *t;
    int writes, last;           /* how many statements write it; the number of the last */
    /* It is used otherwise than by reads of its elements, which alone can be replaced. */
    bool whole_use;
    bool updates;               /* read by updates */
} Seen;

typedef struct {
    Program *p;
    VEC(Rule) rules;
    VEC(Seen) seen;
    int now;                    /* the number of the statement at hand */
    TensorList needed;
    TensorList zeroed;          /* an exact 0 was set or added */
    bool changed;
} Simplify;

/* ---- expressions ---------------------------------------------------------------------------- */
static Expr zero = { .kind = EXPR_num };        /* a 0 that makes a product with anything 0 */

static Expr *rewrite(Simplify *s, Expr *e);

static bool stops(const Expr *u, const Expr *e)
{
    return e->kind == EXPR_stop && expr_same(u, e->arg[0]);
}

/* The rewritten expression without the special 0. */
static Expr *rewrite_plain(Expr *e, void *with)
{
    Expr *r = rewrite(with, e);
    return r == &zero ? expr_real(0) : r;
}

static Expr *rewrite_op(Simplify *s, Expr *e)
{
    if (e->op == OP_sub && (stops(e->arg[0], e->arg[1]) || stops(e->arg[1], e->arg[0])))
        return &zero;
    Expr *arg[3];
    bool changed = false;
    for (int k = 0; k < 3; k++) {
        arg[k] = e->arg[k] ? rewrite(s, e->arg[k]) : NULL;
        changed = changed || arg[k] != e->arg[k];
    }
    const bool a = arg[0] == &zero, b = arg[1] == &zero, c = arg[2] == &zero;
    const bool first = e->op == OP_neg || e->op == OP_div;
    if (e->op == OP_select ? b && c : e->op == OP_mul ? a || b : first && a)
        return &zero;
    if ((e->op == OP_add && a) || (e->op == OP_sub && b && !a))
        return arg[e->op == OP_add];
    if (e->op == OP_add && b)
        return arg[0];
    for (int k = 0; k < 3; k++)
        if (arg[k] == &zero)
            arg[k] = expr_real(0);
    return changed ? expr_op(e->op, arg[0], arg[1], arg[2]) : e;
}

static Rule *rule_of(Simplify *s, const Tensor *t)
{
    return FIND_AT(r, s->rules, r->t == t);
}

static Expr *rewrite_read(Simplify *s, Expr *e)
{
    e = expr_map(e, rewrite_plain, s);
    Rule *r = rule_of(s, e->tensor);
    if (!r || (r->lost & e->check))
        return e;
    s->changed = true;
    if (r->value->kind == EXPR_num)
        return HAS(s->zeroed, r->t) && expr_is(r->value, 0) ? &zero : r->value;
    Expr *sub[MAX_RANK];
    unsigned check = 0;
    for (int k = 0; k < r->value->tensor->rank; k++) {
        const int j = index_among(r->index, r->t->rank, r->value->sub[k]->index);
        sub[k] = e->sub[j];
        check |= (e->check >> j & 1) << k;
    }
    return expr_read(r->value->tensor, sub, check, e->other);
}

static Expr *rewrite(Simplify *s, Expr *e)
{
    switch (e->kind) {
    case EXPR_op:
        return rewrite_op(s, e);
    case EXPR_read:
        return rewrite_read(s, e);
    case EXPR_inside: {
        Expr *r = rewrite_read(s, e->arg[0]);
        return r == e->arg[0] ? e : expr_inside(r);
    }
    case EXPR_stop: case EXPR_byhand:
        s->changed = true;
        return rewrite(s, e->arg[0]);
    default:
        return expr_map(e, rewrite_plain, s);
    }
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
        Expr *value = rewrite(s, st->value);
        if (value == &zero && st->set <= SET_add && !HAS(s->zeroed, st->target))
            PUSH(s->zeroed, st->target);
        st->value = NULL;
        stmt_map(st, rewrite_plain, s);
        st->value = value == &zero ? expr_real(0) : value;
        if (st->where && expr_is(st->where, 1))
            st->where = NULL;
        if (st->set == SET_add
            && (expr_is(st->value, 0) || (st->where && expr_is(st->where, 0)))) {
            s->changed = true;
            n--;
        }
    }
    list->n = n;
}

/* What is added to each element once, just after a fill, is set. */
static void join_fills(StmtList *list)
{
    int n = 0;
    for (int k = 0; k < list->n; k++) {
        Stmt *st = list->at[k];
        if (st->kind == STMT_scan)
            join_fills(&st->body);
        const bool once = st->kind == STMT_nest && st->set == SET_add && !st->update
            && everywhere(st) && st->nindex == st->target->rank && all_own(st, st->sub, st->nindex)
            && !ANY_EXPR(x, st->value, x->tensor == st->target);
        n -= once && n > 0 && add_to_fill(list->at[n - 1], st);
        list->at[n++] = st;
    }
    list->n = n;
}

/* ---- copies and constants ------------------------------------------------------------------- */
static Seen *seen(Simplify *s, Tensor *t)
{
    if (t->mark <= 0 || t->mark > s->seen.n || s->seen.at[t->mark - 1].t != t) {
        PUSH(s->seen, ((Seen) { .t = t, .last = -1 }));
        t->mark = s->seen.n;
    }
    return &s->seen.at[t->mark - 1];
}

static void see_stmt(Simplify *s, Stmt *st, bool update)
{
    s->now++;
    Tensor *const whole[] = { st->source, st->wrt, st->stop };
    for (int k = 0; k < 3; k++)
        if (whole[k])
            seen(s, whole[k])->whole_use = true;
    if (st->target) {
        Seen *t = seen(s, st->target);
        t->writes++;
        t->last = s->now;
        t->whole_use |= st->kind != STMT_nest;
        for (int k = 0; k < st->target->rank; k++)
            if (st->target->axis[k].length)
                seen(s, st->target->axis[k].length)->whole_use = true;
    }
    EACH_EXPR_OF(e, st)
        if (e->tensor)
            seen(s, e->tensor)->updates |= update;
    for (int k = 0; k < st->nindex; k++)
        EACH_EXPR(e, st->index[k]->limit)           /* limits stay as they are */
            if (e->tensor)
                seen(s, e->tensor)->whole_use = true;
}

bool is_kept(const Program *p, const Tensor *t)
{
    return t->role != ROLE_temp || t->external || t == p->loss || HAS(p->outputs, t)
        || FIND_AT(term, p->terms,
                   t == term->value || t == term->each || t == term->weight || t == term->units);
}

/* Whether value is b[..] with some of the target's indices, over the same sizes and lengths. */
static bool is_copy(const Stmt *st, Rule *r)
{
    const Tensor *t = st->target, *b = st->value->tensor;
    if (st->value->kind != EXPR_read || st->value->check || b->elem != t->elem)
        return false;
    for (int k = 0; k < b->rank; k++) {
        const Index *i = st->value->sub[k]->index;
        const int at = i ? target_axis(st, i) : -1;
        if (at < 0 || !(r->lost >> at & 1) || b->axis[k].size != t->axis[at].size
            || b->axis[k].length != t->axis[at].length)
            return false;
        r->lost &= ~(1u << at);
    }
    return true;
}

static void find_rule(Simplify *s, Stmt *st)
{
    s->now++;
    if (st->kind != STMT_nest || st->set != SET_is || st->update || !everywhere(st))
        return;
    Tensor *t = st->target;
    if (seen(s, t)->writes != 1 || seen(s, t)->whole_use || is_kept(s->p, t))
        return;
    Rule r = { .t = t, .value = st->value, .lost = (1u << t->rank) - 1 };
    for (int k = 0; k < t->rank; k++)
        r.index[k] = st->sub[k]->index;
    if (st->value->kind == EXPR_num) {
        PUSH(s->rules, r);
    } else if (is_copy(st, &r)) {
        Tensor *b = st->value->tensor;
        const bool moves = b->role == ROLE_state || b->role == ROLE_param;
        if (seen(s, b)->last < s->now && !(moves && seen(s, t)->updates) && !rule_of(s, b))
            PUSH(s->rules, r);
    }
}

static void find_rules(Simplify *s)
{
    s->seen.n = s->rules.n = s->now = 0;
    for (int k = 0; program_part(s->p, k); k++)
        EACH_STMT(st, program_part(s->p, k))
            see_stmt(s, st, program_part(s->p, k) == &s->p->update);
    s->now = 0;
    EACH_STMT_OF(st, s->p)
        find_rule(s, st);
}

/* ---- what is needed ------------------------------------------------------------------------- */
static void need(Simplify *s, Tensor *t)
{
    if (t && !HAS(s->needed, t)) {
        PUSH(s->needed, t);
        s->changed = true;
    }
}

static bool live(Simplify *s, const Stmt *st)
{
    return (st->kind != STMT_scan && (is_kept(s->p, st->target) || HAS(s->needed, st->target)))
        || FIND(inner, st->body, live(s, inner));
}

/* From the last statement to the first, as most readers stand behind what they read. */
static void need_list(Simplify *s, StmtList *list)
{
    for (int k = list->n; k-- > 0;) {
        Stmt *st = list->at[k];
        if (!live(s, st))
            continue;
        EACH(t, stmt_tensors(st))
            need(s, t);
        for (int j = 0; st->target && j < st->target->rank; j++)
            need(s, st->target->axis[j].length);
        need_list(s, &st->body);
    }
}

static void keep_live(Simplify *s, StmtList *list)
{
    int n = 0;
    for (int k = 0; k < list->n; k++)
        if (live(s, list->at[k])) {
            keep_live(s, &list->at[k]->body);
            list->at[n++] = list->at[k];
        }
    list->n = n;
}

static void drop_dead(Simplify *s)
{
    int parts = 0;
    while (program_part(s->p, parts))
        parts++;
    const bool changed = s->changed;
    s->needed.n = 0;
    do {
        s->changed = false;
        for (int k = parts; k-- > 0;)
            need_list(s, program_part(s->p, k));
    } while (s->changed);
    for (int k = 0; program_part(s->p, k); k++)
        keep_live(s, program_part(s->p, k));
    s->changed = changed;
}

/* Whether a program still reads an input, its lengths, or which examples have it. */
static bool reads_input(const Simplify *s, const Module *m, Tensor *t)
{
    return HAS(s->needed, t) || HAS(s->p->outputs, t)
        || ANY(k, t->rank,
               !t->axis[k].example && t->axis[k].length && HAS(s->needed, t->axis[k].length))
        || FIND_AT(in, m->inputs, in->tensor == t && in->has && HAS(s->needed, in->has));
}

void simplify(Module *m, Program *p)
{
    Simplify s = { .p = p };
    do {
        find_rules(&s);
        s.changed = false;
        for (int k = 0; program_part(p, k); k++)
            rewrite_list(&s, program_part(p, k));
        for (int k = 0; program_part(p, k); k++)
            join_fills(program_part(p, k));
        drop_dead(&s);
    } while (s.changed);
    int n = 0;
    EACH(t, p->inputs)
        if (reads_input(&s, m, t))
            p->inputs.at[n++] = t;
    p->inputs.n = n;
}
