/* hold.c -- for a gradcheck build: what is constant to gradients keeps the value it had at the point checked.
 *
 * The argument of every stop() gets a tensor of its own, set by a held statement; statements that make whole numbers
 * of real ones are held, and so are scans with `until`. The difference quotient then sees what the gradient sees.
 * Runs after split.c and before differentiate.c. */
#include "program.h"

typedef struct {
    Module *m;
    StrList names;
    StmtList *out;
    Stmt *of;
    Index *step[MAX_RANK];      /* of the scans around */
    int nstep;
    TensorList whole;           /* whole-number tensors that are to be held */
} Hold;

/* Whether a value may move when parameters do. */
static void see_moving(Expr *e, void *with)
{
    if (e->kind == EXPR_read && e->tensor->elem == ELEM_real && (e->tensor->role == ROLE_temp || e->tensor->role == ROLE_param))
        *(bool *) with = true;
}

static bool moves(Expr *e)
{
    bool does = false;
    expr_walk(e, see_moving, &does);
    return does;
}

/* ---- stop ------------------------------------------------------------------------------------------ */
static void take_index(Stmt *s, Tensor *t, Index *i, Hold *h, Expr *value)
{
    if (t->rank == MAX_RANK)
        bug("%s needs more than %d axes", t->name, MAX_RANK);
    s->sub[t->rank] = expr_index(i);
    t->axis[t->rank++] = axis_along(i, h->of, value);
    for (int k = 0; k < h->nstep; k++)
        if (h->step[k] == i)
            return;
    s->index[s->nindex++] = i;
    s->nouter = s->nindex;
}

static bool needs(Hold *h, Expr *e, Index *i)
{
    if (expr_uses(e, i))
        return true;
    for (int k = 0; k < h->of->nindex; k++)         /* a limit needs what it depends on */
        if (h->of->index[k] != i && h->of->index[k]->limit && expr_uses(h->of->index[k]->limit, i) &&
            expr_uses(e, h->of->index[k]))
            return true;
    return false;
}

static Expr *held_value(Hold *h, Expr *arg)
{
    Tensor *t = tensor_new(h->m, name_fresh(&h->names, format("%s.stop", h->of->target->name)), ROLE_temp, ELEM_real);
    t->place = h->of->place;
    Stmt *s = nest_new(t, SET_is, arg);
    s->place = h->of->place;
    s->use = h->of->use;
    s->held = true;
    for (int k = 0; k < h->of->nindex; k++)
        if (needs(h, arg, h->of->index[k]))
            take_index(s, t, h->of->index[k], h, arg);
    for (int k = 0; k < h->nstep; k++)              /* every step has a value of its own */
        take_index(s, t, h->step[k], h, arg);
    PUSH(*h->out, s);
    return expr_stop(expr_read(t, s->sub, 0, NULL));
}

static Expr *hold_expr(Hold *h, Expr *e)
{
    if (!e)
        return NULL;
    if (e->kind == EXPR_stop) {
        Expr *arg = hold_expr(h, e->arg[0]);
        return moves(arg) ? held_value(h, arg) : arg == e->arg[0] ? e : expr_stop(arg);
    }
    if (e->kind == EXPR_op) {
        Expr *a = hold_expr(h, e->arg[0]), *b = hold_expr(h, e->arg[1]), *c = hold_expr(h, e->arg[2]);
        return a == e->arg[0] && b == e->arg[1] && c == e->arg[2] ? e : expr_op(e->op, a, b, c);
    }
    if (e->kind == EXPR_read) {
        Expr *other = hold_expr(h, e->other);
        return other == e->other ? e : expr_read(e->tensor, e->sub, e->check, other);
    }
    if (e->kind == EXPR_byhand)
        return expr_byhand(hold_expr(h, e->arg[0]), hold_expr(h, e->arg[1]), hold_expr(h, e->arg[2]));
    return e;
}

/* ---- statements ------------------------------------------------------------------------------------ */
static void mark_held(Stmt *s, void *with)
{
    (void) with;
    s->held = true;
}

static void see_whole(Stmt *s, void *with)
{
    Hold *h = with;
    if (s->kind == STMT_nest && s->target->elem == ELEM_int && s->target->role == ROLE_temp &&
        (moves(s->value) || moves(s->where) || moves(s->draw)))
        PUSH(h->whole, s->target);
}

static void hold_whole(Stmt *s, void *with)
{
    Hold *h = with;
    for (int k = 0; k < h->whole.n; k++)
        if (s->target == h->whole.at[k])
            s->held = true;
}

static void hold_list(Hold *h, StmtList *list)
{
    StmtList out = { 0 }, *before = h->out;
    for (int k = 0; k < list->n; k++) {
        Stmt *s = list->at[k];
        h->out = &out;
        h->of = s;
        if (s->kind == STMT_nest)
            s->value = hold_expr(h, s->value);
        if (s->kind == STMT_scan && s->stop) {
            s->held = true;
            each_stmt(&s->body, mark_held, NULL);
        } else if (s->kind == STMT_scan) {
            h->step[h->nstep++] = s->step;
            hold_list(h, &s->body);
            h->nstep--;
        }
        PUSH(out, s);
    }
    h->out = before;
    *list = out;
}

void hold(Module *m, Program *p)
{
    Hold h = { .m = m };
    names_of(&h.names, p);
    each_stmt(&p->body, see_whole, &h);
    each_stmt(&p->body, hold_whole, &h);
    hold_list(&h, &p->body);
}
