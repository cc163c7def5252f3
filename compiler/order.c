/* order.c -- for the fast schedule: in which order temporaries keep their axes.
 *
 *     y[n, o, i, j] += x[n, a, i + u, j + v] * f[o, a, u, v]
 *
 * goes fastest where the axes that a value shares with the parameters (o of y, a of x) lie side by
 * side: then a vector holds some of them, and the window's places are single numbers spread over
 * it. So each product votes for such an axis of its temporaries, what is computed point by point
 * from one another votes together, and the axis that wins goes last. Inputs, parameters and what
 * the trainer reads stay as they are; a reshape of what moves works on a copy, and so do products
 * whose weights lie across; what sums along the axes of such a copy reads it, too. Takes and
 * leaves a program; values do not change. */
#include "program.h"

typedef struct {
    Tensor *tensor, *of;        /* of: the weights that it is a copy of; NULL */
    int group;                  /* the first of those that go alike */
    double votes[MAX_RANK];     /* of the group, at its first */
    bool stays;                 /* likewise */
    int last;                   /* the axis that goes last; -1: none */
} Moved;

typedef struct { VEC(Moved) at; } Order;

/* ---- groups --------------------------------------------------------------------------------- */
static int place_of(Order *o, const Tensor *t)
{
    return FIRST(k, o->at.n, o->at.at[k].tensor == t);
}

static Moved *group_of(Order *o, const Tensor *t)
{
    int k = place_of(o, t);
    while (k >= 0 && o->at.at[k].group != k)
        k = o->at.at[k].group;
    return k < 0 ? NULL : &o->at.at[k];
}

static bool may_move(const Tensor *t)
{
    return t->role == ROLE_temp && t->elem == ELEM_real && t->rank > 2 && t->axis[0].example
        && !t->external && ALL(k, t->rank, k == 0 || (!t->axis[k].length && !t->axis[k].example));
}

static void note_tensor(Order *o, Tensor *t)
{
    if (!may_move(t) || place_of(o, t) >= 0)
        return;
    const Moved one = { .tensor = t, .group = o->at.n, .last = -1 };
    PUSH(o->at, one);
}

/* ---- votes ---------------------------------------------------------------------------------- */
static bool has_example(const Tensor *t)
{
    return ANY(k, t->rank, t->axis[k].example);
}

static bool is_product(const Stmt *s)
{
    return s->kind == STMT_nest && s->set == SET_add && is_op(s->value, OP_mul)
        && s->value->arg[0]->kind == EXPR_read && s->value->arg[1]->kind == EXPR_read;
}

/* Axes of t whose index also stands in the weights w. */
static void vote(Order *o, Stmt *s, Tensor *t, Expr *const *sub, const Tensor *w,
                 Expr *const *wsub)
{
    Moved *g = group_of(o, t);
    double work = 1;
    for (int k = 0; k < s->nindex; k++)
        work *= s->index[k]->size;
    for (int k = 1; g && k < t->rank; k++)
        if (sub[k]->kind == EXPR_index && t->axis[k].size > 1
            && ANY(j, w->rank, is_index(wsub[j], sub[k]->index)))
            g->votes[k] += work;
}

static void vote_stmt(Order *o, Stmt *s)
{
    if (!is_product(s))
        return;
    Expr *const f[2] = { s->value->arg[0], s->value->arg[1] };
    const Tensor *const t[3] = { f[0]->tensor, f[1]->tensor, s->target };
    Expr *const *const sub[3] = { f[0]->sub, f[1]->sub, s->sub };
    int weights = -1, n = 0;
    for (int k = 0; k < 3; k++)
        if (!has_example(t[k]) && t[k]->rank > 1) {
            weights = k;
            n++;
        }
    for (int k = 0; k < 3 && n == 1; k++)
        if (k != weights)
            vote(o, s, (Tensor *) t[k], sub[k], t[weights], sub[weights]);
}

/* ---- what goes alike ------------------------------------------------------------------------ */
static void join(Order *o, const Tensor *a, const Tensor *b)
{
    Moved *x = group_of(o, a), *y = group_of(o, b);
    if (!x || !y || x == y || x->tensor->rank != y->tensor->rank
        || ANY(k, x->tensor->rank, x->tensor->axis[k].size != y->tensor->axis[k].size))
        return;
    for (int k = 0; k < x->tensor->rank; k++)
        x->votes[k] += y->votes[k];
    x->stays |= y->stays;
    y->group = (int) (x - o->at.at);
}

/* With what s reads at its very point. */
static void join_reads(Order *o, Stmt *s)
{
    EACH_EXPR_OF(x, s)
        if (x->kind == EXPR_read && x->tensor->rank == s->target->rank
            && ALL(k, x->tensor->rank,
                   x->sub[k]->kind == EXPR_index && is_index(s->sub[k], x->sub[k]->index)))
            join(o, s->target, x->tensor);
}

/* ---- moving --------------------------------------------------------------------------------- */
static int last_axis(Order *o, const Tensor *t)
{
    const int k = t ? place_of(o, t) : -1;
    return k < 0 ? -1 : o->at.at[k].last;
}

static void move_sub(Expr **sub, unsigned *check, int rank, int last)
{
    Expr *const moved = sub[last];
    const unsigned below = *check & ((1u << last) - 1), above = *check >> (last + 1) << last;
    memmove(&sub[last], &sub[last + 1], (size_t) (rank - 1 - last) * sizeof *sub);
    sub[rank - 1] = moved;
    *check = below | above | (*check >> last & 1) << (rank - 1);
}

static Expr *move_read(Expr *x, void *with)
{
    x = expr_map(x, move_read, with);
    const int last = x->kind == EXPR_read ? last_axis(with, x->tensor) : -1;
    if (last < 0)
        return x;
    Expr *sub[MAX_RANK];
    unsigned check = x->check;
    memcpy(sub, x->sub, sizeof sub);
    move_sub(sub, &check, x->tensor->rank, last);
    return expr_read(x->tensor, sub, check, x->other);
}

static void move_stmt(Order *o, Stmt *s)
{
    stmt_map(s, move_read, o);
    const int last = s->kind == STMT_nest ? last_axis(o, s->target) : -1;
    if (last >= 0)
        move_sub(s->sub, &s->check, s->target->rank, last);
}

static void move_axis(Tensor *t, int last)
{
    const Axis moved = t->axis[last];
    memmove(&t->axis[last], &t->axis[last + 1], (size_t) (t->rank - 1 - last) * sizeof moved);
    t->axis[t->rank - 1] = moved;
}

static void move_all(Order *o, const StmtList *list)
{
    EACH(s, *list)
        move_stmt(o, s);
    EACH_AT(x, o->at)
        if (x->last >= 0)
            move_axis(x->tensor, x->last);
}

static void choose_last(Order *o, Moved *x)
{
    const Moved *g = group_of(o, x->tensor);
    const int rank = x->tensor->rank;
    int best = rank - 1;
    for (int k = rank - 1; k > 0; k--)
        if (g->votes[k] > g->votes[best])
            best = k;
    x->last = g->stays || best == rank - 1 ? -1 : best;
}

/* ---- reshapes ------------------------------------------------------------------------------- */
/* What has the elements of t in the old order. */
static Tensor *unmoved(Module *m, const Tensor *t)
{
    Tensor *u = tensor_new(m, format("%s.ordered", t->name), ROLE_temp, t->elem);
    shaped(u, t->axis, t->rank);
    u->place = t->place;
    return u;
}

static Stmt *copy(const Stmt *like, Tensor *target, Tensor *source)
{
    Stmt *s = nest_for(like, target, SET_is, NULL);
    for (int k = 0; k < target->rank; k++) {
        s->sub[k] = expr_index(index_of_axis(target, k, s->sub));
        nest_index(s, s->sub[k]->index);
    }
    s->value = expr_read(source, s->sub, 0, NULL);
    return s;
}

/* A reshape of what moves goes by way of a copy. */
static void part_reshapes(Module *m, Order *o, StmtList *list)
{
    StmtList out = { 0 };
    for (int k = 0; k < list->n; k++) {
        Stmt *s = list->at[k], *after = NULL;
        part_reshapes(m, o, &s->body);
        if (s->kind == STMT_reshape && last_axis(o, s->source) >= 0) {
            Tensor *u = unmoved(m, s->source);
            PUSH(out, copy(s, u, s->source));
            s->source = u;
        }
        if (s->kind == STMT_reshape && last_axis(o, s->target) >= 0) {
            Tensor *u = unmoved(m, s->target);
            after = copy(s, s->target, u);
            s->target = u;
        }
        PUSH(out, s);
        if (after)
            PUSH(out, after);
    }
    *list = out;
}

/* ---- weights -------------------------------------------------------------------------------- */
/* Weights in another order: those that are read as a copy made first, a gradient as a
 * temporary copied last. */
static bool all_bare(Expr *const *sub, int rank)
{
    return ALL(k, rank, sub[k]->kind == EXPR_index);
}

static Tensor *turned(Module *m, Order *o, Tensor *t, int last)
{
    const Moved *had = FIND_AT(x, o->at, x->of == t && x->last == last);
    if (had)
        return had->tensor;
    const Moved one = { .tensor = unmoved(m, t), .of = t, .group = o->at.n, .last = last };
    PUSH(o->at, one);
    return one.tensor;
}

/* The axis of the weights that should go last, beside that of t; -1: it does, or the
 * last is summed along. */
static int wanted_last(const Stmt *s, const Tensor *w, Expr *const *wsub, const Tensor *t,
                       Expr *const *sub)
{
    const Expr *const end = sub[t->rank - 1], *const had = wsub[w->rank - 1];
    if (t->rank < 3 || end->kind != EXPR_index || had->kind != EXPR_index
        || !all_bare(wsub, w->rank))
        return -1;
    if (s->target != w && !ANY(k, s->target->rank, expr_uses(s->sub[k], had->index)))
        return -1;
    return FIRST(k, w->rank - 1, is_index(wsub[k], end->index));
}

static bool same_block(const Tensor *a, const Tensor *b)
{
    return a == b || (a->role == b->role && stretches_meet(a, b));
}

static bool written(const StmtList *list, const Tensor *t)
{
    return FIND(s, stmts_all(list), s->target && same_block(s->target, t));
}

/* A product that reads weights: from a copy in the order that its target wants. */
static void turn_read(Module *m, Order *o, Stmt *s, const StmtList *body)
{
    for (int k = 0; k < 2; k++) {
        Expr *const f = s->value->arg[k];
        const int last = f->tensor->role == ROLE_param && !written(body, f->tensor)
            ? wanted_last(s, f->tensor, f->sub, s->target, s->sub) : -1;
        if (last >= 0)
            s->value = expr_put(s->value, f,
                                expr_read(turned(m, o, f->tensor, last), f->sub, f->check,
                                          f->other));
    }
}

/* A product that sums along the weights' last axis, from a copy that others read already, if its last axis is that of
 * the other factor: then both lie in line along the sums. */
static void share_turned(Order *o, Stmt *s)
{
    for (int k = 0; k < 2; k++) {
        Expr *const f = s->value->arg[k], *const other = s->value->arg[1 - k];
        const Expr *const end = other->tensor->rank ? other->sub[other->tensor->rank - 1] : NULL;
        const Moved *const x = end && end->kind == EXPR_index
            ? FIND_AT(m, o->at, m->of == f->tensor && is_index(f->sub[m->last], end->index)) : NULL;
        if (x && x->of->role == ROLE_param && !ANY(j, s->target->rank, expr_uses(s->sub[j], end->index)))
            s->value = expr_put(s->value, f, expr_read(x->tensor, f->sub, f->check, f->other));
    }
}

/* What computes a gradient: -1, or the axis that should go last. */
static int gradient_last(const Stmt *s)
{
    for (int k = 0; k < 2; k++) {
        const Expr *const f = s->value->arg[k];
        const int last = all_bare(f->sub, f->tensor->rank)
            ? wanted_last(s, s->target, s->sub, f->tensor, f->sub) : -1;
        if (last >= 0)
            return last;
    }
    return -1;
}

/* Whether all that the body does with the gradient g is to set it, and as a whole tensor. */
static bool only_set(StmtList *body, const Tensor *g)
{
    return !FIND(s, *body,
                 ANY_EXPR_OF(x, s, x->tensor && same_block(x->tensor, g))
                     || (s->target && s->target != g && same_block(s->target, g))
                     || (s->target == g && (s->kind != STMT_nest || s->nouter != s->nindex))
                     || written(&s->body, g));
}

static void turn_weights(Module *m, StmtList *body)
{
    Order o = { 0 };
    StmtList out = { 0 };
    EACH(s, *body) {
        if (!is_product(s))
            continue;
        turn_read(m, &o, s, body);
        const int last = s->target->role == ROLE_grad ? gradient_last(s) : -1;
        if (last >= 0 && only_set(body, s->target))
            turned(m, &o, s->target, last);
    }
    EACH(s, *body)
        if (is_product(s))
            share_turned(&o, s);
    EACH_AT(x, o.at)
        if (x->of->role == ROLE_param)
            PUSH(out, copy(body->at[0], x->tensor, x->of));
    for (int k = 0; k < body->n; k++) {
        Stmt *s = body->at[k];
        const Moved *x = FIND_AT(one, o.at, one->of == s->target);
        PUSH(out, s);
        if (x && !ANY(i, body->n, i > k && body->at[i]->target == x->of))
            PUSH(out, copy(s, x->of, x->tensor));
        s->target = x ? x->tensor : s->target;
    }
    move_all(&o, &out);
    *body = out;
}

void order_axes(Module *m, Program *p)
{
    Order o = { 0 };
    EACH_STMT_OF(s, p)
        EACH(t, stmt_tensors(s))
            note_tensor(&o, t);
    EACH_AT(x, o.at)
        x->stays = HAS(p->outputs, x->tensor);
    EACH_STMT_OF(s, p)
        vote_stmt(&o, s);
    EACH_STMT_OF(s, p)
        if (s->kind == STMT_nest)
            join_reads(&o, s);
    EACH_AT(x, o.at)
        choose_last(&o, x);
    for (int k = 0; program_part(p, k); k++)
        part_reshapes(m, &o, program_part(p, k));
    const StmtList all = stmts_of(p);
    move_all(&o, &all);
    turn_weights(m, &p->body);
}
