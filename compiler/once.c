/* once.c -- what follows from states alone is computed when these change, not in every step.
 *
 * States that sweeps set (counts of words, say) stay the same from step to step, and so does what
 * is made of them: the chances of noise words, a Huffman tree. Such statements leave the body for
 * the part `once`; their targets become states, which emitted C computes anew when the trainer
 * says, by ae_states, that it has changed states. And a draw by weights that stay gets a guide
 *
 *     guide[k] = the place of k / pieces in the running sums,
 *
 * so that a search goes from guide[k] to guide[k + 1] only, a step or two. Fast schedule
 * alone; changes no result. */
#include "emit.h"

enum { LITTLE = 256 };     /* points that are computed as fast as they are remembered */

typedef struct {
    Module *m;
    Program *p;
    /* States that steps change, and temporaries that are made of more than states. */
    TensorList varies;
    TensorList of_state;    /* temporaries in which a state stands */
    TensorList hoisted;
} Once;

/* s and all in its body. */
static StmtList within(Stmt **s)
{
    return stmts_all(&(StmtList) { .at = s, .n = 1 });
}

static bool has_length(const Tensor *t)
{
    return ANY(k, t->rank, t->axis[k].length || t->axis[k].example);
}

/* ---- what stays the same -------------------------------------------------------------------- */
static bool is_varying(const Once *o, const Expr *e)
{
    if (e->kind == EXPR_draw)
        return true;
    if (e->kind != EXPR_read)
        return false;
    const Tensor *t = e->tensor;
    return (t->role != ROLE_temp && t->role != ROLE_state) || has_length(t) || HAS(o->varies, t);
}

static bool varies(const Once *o, Stmt *s)
{
    const Tensor *t = s->target;
    const bool here = s->kind == STMT_scan
        ? s->stop != NULL
        : s->kind != STMT_nest || s->held || t->role != ROLE_temp || t->external || t == o->p->loss
            || has_length(t) || HAS(o->varies, t);
    return here || ANY_EXPR_OF(e, s, is_varying(o, e));
}

static bool has_state(const Once *o, Stmt *s)
{
    return ANY_EXPR_OF(e, s,
                       e->kind == EXPR_read
                           && (e->tensor->role == ROLE_state || HAS(o->of_state, e->tensor)))
        || (s->target && HAS(o->of_state, s->target));
}

static void gather_targets(Stmt *s, TensorList *list)
{
    EACH(part, within(&s))
        if (part->target)
            PUSH_NEW(*list, part->target);
}

/* Adds the targets of every statement of which `is` holds, or of a part of it,
 * until there are no more. */
static void spread(Once *o, bool (*is)(const Once *, Stmt *), TensorList *list)
{
    for (int had = -1; had != list->n;) {
        had = list->n;
        EACH(s, o->p->body)
            if (FIND(part, within(&s), is(o, part)))
                gather_targets(s, list);
    }
}

static void states_of_steps(Once *o)
{
    EACH(phase, o->m->phases) {
        StmtList *const parts[] = { &phase->gradient->body, &phase->gradient->update };
        for (int k = 0; k < 2; k++)
            EACH_STMT(s, parts[k])
                if (s->target && s->target->role == ROLE_state)
                    PUSH_NEW(o->varies, s->target);
    }
}

/* ---- what leaves ---------------------------------------------------------------------------- */
static bool writes_hoisted(Once *o, Stmt *s)
{
    return FIND(part, within(&s), part->target && HAS(o->hoisted, part->target));
}

static void gather_needed(Once *o, Stmt *s)
{
    EACH(part, within(&s)) {
        EACH_EXPR_OF(e, part)
            if (e->kind == EXPR_read && e->tensor->role == ROLE_temp)
                PUSH_NEW(o->hoisted, e->tensor);
        if (part->target)
            PUSH_NEW(o->hoisted, part->target);
    }
}

/* What is much, and what that is made of. */
static void choose(Once *o)
{
    EACH(s, o->p->body) {
        TensorList targets = { 0 };
        gather_targets(s, &targets);
        if (stmt_points(s) >= LITTLE
            && !FIND(t, targets, HAS(o->varies, t) || !HAS(o->of_state, t)))
            EACH(t, targets)
                PUSH_NEW(o->hoisted, t);
    }
    for (int had = -1; had != o->hoisted.n;) {
        had = o->hoisted.n;
        for (int k = o->p->body.n - 1; k >= 0; k--)
            if (writes_hoisted(o, o->p->body.at[k]))
                gather_needed(o, o->p->body.at[k]);
    }
}

/* ---- guides --------------------------------------------------------------------------------- */
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
    if (!sum || sum->rank != 1 || !HAS(o->hoisted, sum)
        || !is_index(s->value->sub[0], s->index[s->nouter]))
        return;
    int pieces = 16;
    while (2 * pieces <= sum->axis[0].size)
        pieces *= 2;            /* a power of 2: k / pieces and draw * pieces are exact */
    Tensor *found = state_new(o, format("%s.found", s->target->name), pieces);
    Tensor *begins = state_new(o, format("%s.guide", s->target->name), pieces + 1);
    Index *k = index_new(intern("k"), pieces, NULL), *l = index_new(intern("k"), pieces + 1, NULL);
    Index *over = s->index[s->nouter], *v = index_new(over->name, over->size, NULL);
    Expr *to = expr_index(v), *at = expr_index(l), *last = expr_num(over->size);
    Stmt *look = nest_for(s, found, SET_search, expr_replace(s->value, &over, &to, 1));
    Stmt *set = nest_for(s, begins, SET_is, NULL);
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
    if (!FIND(phase, m->phases, phase->gradient == p || phase->evaluate == p))
        return;
    states_of_steps(&o);
    spread(&o, varies, &o.varies);
    spread(&o, has_state, &o.of_state);
    choose(&o);
    StmtList rest = { 0 };
    EACH(s, p->body)
        if (writes_hoisted(&o, s))
            PUSH(p->once, s);
        else
            PUSH(rest, s);
    p->body = rest;
    EACH(t, o.hoisted)
        t->role = ROLE_state;
    EACH(s, p->body)
        if (s->kind == STMT_nest && s->set == SET_search)
            guide(&o, s);
}
