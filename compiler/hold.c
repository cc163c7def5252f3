/* hold.c -- for a gradcheck build: what is constant to gradients keeps the value it
 * had at the point checked.
 *
 * The argument of every stop() gets a tensor of its own, set by a held statement; statements that
 * make whole numbers of real ones are held, and so are the winners of max= and min= and scans
 * with `until`. The difference quotient then sees what the gradient sees. Runs after split.c and
 * before differentiate.c. */
#include "program.h"

typedef struct {
    Module *m;
    StrList names;
    StmtList *out;
    Stmt *of;
    Index *step[MAX_RANK];      /* of the scans around */
    int nstep;
} Hold;

/* Whether a value may move when parameters do. */
static bool moves(const Expr *e)
{
    return e->kind == EXPR_read && e->tensor->elem == ELEM_real
        && (e->tensor->role == ROLE_temp || e->tensor->role == ROLE_param);
}

/* ---- stop ----------------------------------------------------------------------------------- */
/* A limit needs what it depends on. */
static bool needs(const Stmt *s, Expr *e, const Index *i)
{
    return expr_uses(e, i)
        || ANY(k, s->nindex,
               s->index[k] != i && expr_uses(s->index[k]->limit, i) && expr_uses(e, s->index[k]));
}

static Expr *held_value(Hold *h, Expr *arg)
{
    Stmt *of = h->of;
    Tensor *t = temp_beside(h->m, &h->names, of->target, "stop", of->place);
    Stmt *s = nest_for(of, t, SET_is, arg);
    s->held = true;
    for (int k = 0; k < of->nindex; k++)
        if (needs(of, arg, of->index[k]))
            nest_axis(s, of->index[k], axis_along(of->index[k], of, arg), true);
    for (int k = 0; k < h->nstep; k++)              /* every step has a value of its own */
        nest_axis(s, h->step[k], axis_along(h->step[k], of, arg), false);
    PUSH(*h->out, s);
    return expr_stop(expr_read(t, s->sub, 0, NULL));
}

static Expr *hold_expr(Expr *e, void *with)
{
    Expr *now = expr_map(e, hold_expr, with);
    if (now->kind != EXPR_stop || !ANY_EXPR(x, now->arg[0], moves(x)))
        return now;
    return held_value(with, now->arg[0]);
}

/* ---- max=, min= ----------------------------------------------------------------------------- */
/* Whether s is a whole max= or min= of reals: just behind its fill, with a place for each step. */
static bool decides(const Hold *h, const Stmt *s, const StmtList *before)
{
    const Stmt *fill = before->n ? before->at[before->n - 1] : NULL;
    return is_extreme(s) && s->target->elem == ELEM_real && !s->update && !s->check && fill
        && fill->set == SET_is && fill->target == s->target
        && ALL(k, h->nstep, target_axis(s, h->step[k]) >= 0);
}

/* ---- statements ----------------------------------------------------------------------------- */
static void hold_list(Hold *h, StmtList *list)
{
    StmtList out = { 0 }, *before = h->out;
    for (int k = 0; k < list->n; k++) {
        Stmt *s = list->at[k];
        h->out = &out;
        h->of = s;
        if (s->kind == STMT_nest)
            s->value = hold_expr(s->value, h);
        if (s->kind == STMT_nest && decides(h, s, &out)) {
            Stmt *find = winner_find(h->m, &h->names, s);
            find->held = true;
            PUSH(out, find);
            s = winner_value(s, find->target);
        }
        if (s->kind == STMT_scan && s->stop) {
            s->held = true;
            EACH_STMT(inner, &s->body)
                inner->held = true;
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
    TensorList whole = { 0 };                       /* whole-number tensors that are to be held */
    names_of(&h.names, p);
    EACH_STMT(s, &p->body)
        if (s->kind == STMT_nest && s->target->elem == ELEM_int && s->target->role == ROLE_temp
            && ANY_EXPR_OF(e, s, moves(e)))
            PUSH(whole, s->target);
    EACH_STMT(s, &p->body)
        s->held |= HAS(whole, s->target);
    hold_list(&h, &p->body);
}
