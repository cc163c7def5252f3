/* once.c -- what follows from states alone is computed when these change, not in every step.
 *
 * States that sweeps set (counts of words, say) stay the same from step to step, and so does what is made of them: the
 * chances of noise words, a Huffman tree. Such statements leave the body for the part `once`; their targets become states, which
 * emitted C computes anew when the trainer says, by ae_states, that it has changed states. And a draw by weights that stay gets a guide
 *
 *     guide[k] = the place of k / pieces in the running sums,
 *
 * so that a search goes from guide[k] to guide[k + 1] only, a step or two. Fast schedule alone; changes no result. */
#include "emit.h"

enum { LITTLE = 256 };     /* points that are computed as fast as they are remembered */

typedef struct {
    Module *m;
    Program *p;
    TensorList varies;      /* states that steps change, and temporaries that are made of more than states */
    TensorList of_state;    /* temporaries in which a state stands */
    TensorList hoisted;
    bool found;
} Once;

static void each_part(Stmt *s, void (*see)(Stmt *, void *), void *with)
{
    each_stmt(&(StmtList) { .at = &s, .n = 1 }, see, with);
}

static bool has_length(const Tensor *t)
{
    for (int k = 0; k < t->rank; k++)
        if (t->axis[k].length || t->axis[k].example)
            return true;
    return false;
}

/* ---- what stays the same ------------------------------------------------------------------------------ */
static bool is_varying(const Expr *e, const void *with)
{
    const Once *o = with;
    if (e->kind == EXPR_draw)
        return true;
    if (e->kind != EXPR_read)
        return false;
    const Tensor *t = e->tensor;
    return (t->role != ROLE_temp && t->role != ROLE_state) || has_length(t) || tensor_in(&o->varies, t);
}

static bool is_of_state(const Expr *e, const void *with)
{
    const Once *o = with;
    return e->kind == EXPR_read && (e->tensor->role == ROLE_state || tensor_in(&o->of_state, e->tensor));
}

static void see_varying(Stmt *s, void *with)
{
    Once *o = with;
    const Tensor *t = s->target;
    if (s->kind == STMT_scan)
        o->found |= s->stop != NULL;
    else
        o->found |= s->kind != STMT_nest || s->held || t->role != ROLE_temp || t->external || t == o->p->loss || has_length(t)
            || tensor_in(&o->varies, t);
    o->found |= stmt_any(s, is_varying, o);
}

static void see_state(Stmt *s, void *with)
{
    Once *o = with;
    o->found |= stmt_any(s, is_of_state, o) || (s->target && tensor_in(&o->of_state, s->target));
}

static void gather_target(Stmt *s, void *with)
{
    if (s->target && !tensor_in(with, s->target))
        PUSH(*(TensorList *) with, s->target);
}

/* Adds the targets of every statement in which `see` finds what it looks for, until there are no more. */
static void spread(Once *o, void (*see)(Stmt *, void *), TensorList *list)
{
    for (int had = -1; had != list->n;) {
        had = list->n;
        for (int k = 0; k < o->p->body.n; k++) {
            o->found = false;
            each_part(o->p->body.at[k], see, o);
            if (o->found)
                each_part(o->p->body.at[k], gather_target, list);
        }
    }
}

static void states_of_steps(Once *o)
{
    for (int k = 0; k < o->m->phases.n; k++) {
        each_stmt(&o->m->phases.at[k]->gradient->body, gather_target, &o->varies);
        each_stmt(&o->m->phases.at[k]->gradient->update, gather_target, &o->varies);
    }
    int n = 0;
    for (int k = 0; k < o->varies.n; k++)
        if (o->varies.at[k]->role == ROLE_state)
            o->varies.at[n++] = o->varies.at[k];
    o->varies.n = n;
}

/* ---- what leaves -------------------------------------------------------------------------------------- */
static bool writes_hoisted(Once *o, Stmt *s)
{
    TensorList targets = { 0 };
    each_part(s, gather_target, &targets);
    for (int k = 0; k < targets.n; k++)
        if (tensor_in(&o->hoisted, targets.at[k]))
            return true;
    return false;
}

static void gather_needed(Expr *e, void *with)
{
    Once *o = with;
    if (e->kind == EXPR_read && e->tensor->role == ROLE_temp && !tensor_in(&o->hoisted, e->tensor))
        PUSH(o->hoisted, e->tensor);
}

static void see_needed(Stmt *s, void *with)
{
    stmt_walk(s, gather_needed, with);
    gather_target(s, &((Once *) with)->hoisted);
}

/* What is much, and what that is made of. */
static void choose(Once *o)
{
    for (int k = 0; k < o->p->body.n; k++) {
        Stmt *s = o->p->body.at[k];
        TensorList targets = { 0 };
        each_part(s, gather_target, &targets);
        bool fits = stmt_points(s) >= LITTLE;
        for (int j = 0; j < targets.n && fits; j++)
            fits = !tensor_in(&o->varies, targets.at[j]) && tensor_in(&o->of_state, targets.at[j]);
        for (int j = 0; j < targets.n && fits; j++)
            if (!tensor_in(&o->hoisted, targets.at[j]))
                PUSH(o->hoisted, targets.at[j]);
    }
    for (int had = -1; had != o->hoisted.n;) {
        had = o->hoisted.n;
        for (int k = o->p->body.n - 1; k >= 0; k--)
            if (writes_hoisted(o, o->p->body.at[k]))
                each_part(o->p->body.at[k], see_needed, o);
    }
}

/* ---- guides ------------------------------------------------------------------------------------------- */
static Tensor *state_new(Once *o, Str name, int size)
{
    Tensor *t = tensor_new(o->m, name, ROLE_state, ELEM_int);
    t->rank = 1;
    t->axis[0].size = size;
    return t;
}

/* Where each of the pieces of 0 .. 1 begins. */
static void guide(Once *o, Stmt *s)
{
    Tensor *sum = s->value->kind == EXPR_read ? s->value->tensor : NULL;
    if (!sum || sum->rank != 1 || !tensor_in(&o->hoisted, sum) || !is_index(s->value->sub[0], s->index[s->nouter]))
        return;
    int pieces = 16;
    while (2 * pieces <= sum->axis[0].size)
        pieces *= 2;            /* a power of 2: k / pieces and draw * pieces are exact */
    Tensor *found = state_new(o, format("%s.found", s->target->name), pieces);
    Tensor *begins = state_new(o, format("%s.guide", s->target->name), pieces + 1);
    Index *k = index_new(intern("k"), pieces, NULL), *l = index_new(intern("k"), pieces + 1, NULL);
    Index *over = s->index[s->nouter], *v = index_new(over->name, over->size, NULL);
    Expr *to = expr_index(v), *at = expr_index(l), *last = expr_num(over->size);
    Stmt *look = nest_for(s, found, SET_search, expr_replace(s->value, &over, &to, 1)), *set = nest_for(s, begins, SET_is, NULL);
    nest_index(look, k);
    look->index[look->nindex++] = v;
    look->sub[0] = expr_index(k);
    look->draw = OP2(div, expr_index(k), expr_real(pieces));
    nest_index(set, l);
    set->sub[0] = at;
    Expr *is = expr_read(found, &at, 1, expr_num(-1));
    set->value = expr_op(OP_select, OP2(lt, is, expr_num(0)), last, is);
    PUSH(o->p->once, look);
    PUSH(o->p->once, set);
    s->source = begins;
}

void once(Module *m, Program *p)
{
    Once o = { .m = m, .p = p };
    bool runs = false;
    for (int k = 0; k < m->phases.n; k++)
        runs |= m->phases.at[k]->gradient == p || m->phases.at[k]->evaluate == p;
    if (!runs)
        return;
    states_of_steps(&o);
    spread(&o, see_varying, &o.varies);
    spread(&o, see_state, &o.of_state);
    choose(&o);
    StmtList rest = { 0 };
    for (int k = 0; k < p->body.n; k++)
        if (writes_hoisted(&o, p->body.at[k]))
            PUSH(p->once, p->body.at[k]);
        else
            PUSH(rest, p->body.at[k]);
    p->body = rest;
    for (int k = 0; k < o.hoisted.n; k++)
        o.hoisted.at[k]->role = ROLE_state;
    for (int k = 0; k < p->body.n; k++)
        if (p->body.at[k]->kind == STMT_nest && p->body.at[k]->set == SET_search)
            guide(&o, p->body.at[k]);
}
