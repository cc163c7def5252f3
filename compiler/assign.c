/* assign.c -- one assignment of a definition: `=`, `+=` or `:=`.
 *
 * Binds the indices of the left side, lowers the right one, finds the target's shape if
 * it is not declared. */
#include "elab.h"

/* ---- indices -------------------------------------------------------------------------------- */
/* What a limit speaks of stands further out. */
static void order_indices(Stmt *st)
{
    for (int k = 0; k < st->nindex; k++)
        for (int q = k + 1; q < st->nindex; q++)
            if (st->index[k]->limit && expr_uses(st->index[k]->limit, st->index[q])) {
                Index *outer = st->index[q];
                memmove(st->index + k + 1, st->index + k, (size_t) (q - k) * sizeof *st->index);
                st->index[k] = outer;
                k = -1;
                break;
            }
}

static void add_indices(Elab *e, Stmt *st, Env *bound, Place place)
{
    for (int k = 0; k < bound->n; k++)
        if (st->nindex == 2 * MAX_RANK)
            fail(e, place, DIAG_too_many_axes, MAX_RANK);
        else if (index_among(st->index, st->nindex, bound->at[k]->index) < 0)
            nest_index(st, bound->at[k]->index);
}

Axis axis_of(Elab *e, Index *i)
{
    Tensor *length = i->example ? clock_times(e, i->size / e->m->batch_max)
                   : i->limit && i->limit->kind == EXPR_read ? i->limit->tensor : NULL;
    return (Axis) { i->size, length, i->example, i->name };
}

/* Where the steps of the scans around have run: a step at which an example is
 * over writes nothing. */
static Expr *guard_of(Elab *e, Env *env)
{
    Expr *all = NULL;
    for (Scan *scan = e->scan; scan; scan = scan->up) {
        const bool varies = scan->axis.length && scan->axis.length->rank;
        Expr *length = varies ? present(&scan->axis, env) : NULL;
        all = expr_both(all, length ? OP2(lt, expr_index(scan->step), length) : NULL);
    }
    return all;
}

/* ---- the left side -------------------------------------------------------------------------- */
/* Binds the indices that the left side names; what adds or updates runs over
 * all that stand free. */
static Env *bind_left(Scope *s, Ctx *c, Stat *st, SynList *subs, Env *env, Stmt *nest)
{
    EACH(sub, *subs) {
        const Str word = index_word(sub);
        Syn *range = sub->kind == SYN_binary ? sub->b : NULL;
        Env *b = word ? env_find(env, word) : NULL;
        if (!word || (!b && sub->kind == SYN_name && name_find(s, word, NAME_number)))
            continue;
        if (b && b->kind == ENV_list)
            add_indices(s->e, nest, b, sub->place);
        if (b)
            continue;
        env = sub->kind == SYN_dots ? bind_dots(s, env) : bind_index(c, env, word, range);
        add_indices(s->e, nest, env, sub->place);
        const Axis samples = example_axis(s->e, s->samples > 1 ? s->samples : 1);
        if (sub->kind != SYN_dots && env->at[0]->index->example && s->samples > 1
            && st->role == intern("sample"))
            unify(s->e, env->at[0]->index, &samples, NULL, sub->place);
    }
    if (st->op == intern("="))
        return env;
    StrList found = { 0 };
    EACH(sub, *subs)
        if (sub->kind != SYN_binary || !index_word(sub))
            free_names(c, sub, env, &found);
    free_names(c, st->value, env, &found);
    EACH(name, found) {
        env = name == intern("..") ? bind_dots(s, env) : bind_index(c, env, name, NULL);
        add_indices(s->e, nest, env, st->place);
    }
    return env;
}

/* The subscripts of the left side, and the places they are written at; how many. */
static int left_subscripts(Ctx *c, Stat *st, SynList *subs, Env *env, Expr **to, Place *place)
{
    int rank = 0;
    EACH(sub, *subs) {
        const Str word = index_word(sub);
        Env *b = word ? env_find(env, word) : NULL;
        if (!b && !word && sub->kind != SYN_num && st->op == intern("="))
            fail(c->e, sub->place, DIAG_left_index, st->left->name);
        for (int k = 0; k < (b ? b->n : 1) && rank < MAX_RANK; k++, rank++) {
            to[rank] = b ? b->at[k] : lower_whole(c, sub, env);
            place[rank] = sub->place;
            if (!to[rank]->whole) {
                fail(c->e, sub->place, DIAG_subscript_real);
                to[rank] = expr_num(0);
            }
        }
    }
    return rank;
}

/* The tensor that an undeclared left side defines; NULL while a size is missing. */
static Tensor *target_new(Scope *s, Stat *st, Stmt *nest, Expr **sub, const Place *place, int rank)
{
    Elab *e = s->e;
    const Str name = st->left->name;
    Expr *v = nest->value;
    Axis axis[MAX_RANK] = { 0 };
    for (int k = 0; k < rank; k++)
        if (sub[k]->kind == EXPR_index && sub[k]->index->size >= 0) {
            axis[k] = axis_of(e, sub[k]->index);
            for (Scan *scan = e->scan; scan; scan = scan->up)
                if (scan->step == sub[k]->index)
                    axis[k].length = scan->axis.length;
        } else if (sub[k]->kind == EXPR_index)
            return NULL;
        else if (sub[k]->kind == EXPR_read && sub[k]->tensor->of > 0)
            axis[k].size = sub[k]->tensor->of;
        else if (is_op(sub[k], OP_mod) && most_of(sub[k]) >= 0)
            axis[k].size = most_of(sub[k]) + 1;
        else
            return fail(e, place[k], DIAG_target_undeclared, name, name);
    const bool whole = nest->set == SET_is && is_whole(v);
    Tensor *made = temp_new(s, name, whole ? ELEM_int : ELEM_real, axis, rank);
    made->place = st->left->place;
    if (whole && v->kind == EXPR_reduce && gives_place(v->reduce)) {
        made->of = 1;
        for (int k = 0; k < v->nindex; k++)
            made->of *= v->bound[k]->size;
    }
    return made;
}

Name *target_name(Scope *s, Syn *left)
{
    Name *n = name_find(s, left->name, NAME_tensor);
    if (!n) {
        n = name_add(s, NAME_tensor, left->name, left->place);
        n->shape = left->list;
    }
    return n;
}

/* The parameter that params(f)[i] stands for now. */
static Name *params_name(Scope *s, Syn *left)
{
    Name *net = left->args.n == 1 ? name_find(s, left->args.at[0].value->name, NAME_net) : NULL;
    if (!net || s->e->param_k < 0 || s->e->param_k >= net->net->params.n)
        return fail(s->e, left->place, DIAG_params_of_what);
    Tensor *const param = net->net->params.at[s->e->param_k];
    return COPY(&((Name) { .name = left->name, .tensor = param, .shape = left->list }));
}

/* Whether this statement may write the target: false after a report. */
static bool may_write(Scope *s, Stat *st, Name *n)
{
    Elab *e = s->e;
    const bool update = st->op == intern(":=");
    const Role role = n->tensor ? n->tensor->role : ROLE_temp;
    if (update && role != ROLE_state && role != ROLE_param)
        return fail(e, st->left->place, DIAG_update_target, n->name);
    if (!update && role != ROLE_temp && !(role == ROLE_state && e->sweeping))
        return fail(e, st->left->place, DIAG_target_kept, n->name);
    if (st->op != intern("=") || !n->defined || e->trial || e->scan)
        return true;
    fail(e, st->left->place, DIAG_defined_twice, n->name);
    if (n->place.source && !n->place.source->prelude)
        report_note(n->place, "it is declared here");
    return false;
}

/* ---- statements ----------------------------------------------------------------------------- */
Stmt *fill(Tensor *t, double v)
{
    Index *index[MAX_RANK];
    all_along(t, index);
    for (int k = 0; k < t->rank; k++)
        if (!t->axis[k].example)
            index[k]->limit = NULL;
    return over(t, index, SET_is, t->elem == ELEM_int ? expr_num(v) : expr_real(v));
}

/* All of a right side is read before any of it is written. */
static void put_update(Scope *s, Stmt *st, Place place, Str formula)
{
    Elab *e = s->e;
    st->update = true;
    if (ANY_EXPR(x, st->value,
                 x->tensor == st->target
                     && ANY(k, st->target->rank, !expr_same(x->sub[k], st->sub[k])))) {
        const size_t n = strlen(st->target->name);
        Axis axis[MAX_RANK];
        for (int k = 0; k < st->nindex; k++)
            axis[k] = axis_of(e, st->index[k]);
        Tensor *t = temp_new(s, format("%s_next", st->target->name + (n > 40 ? n - 40 : 0)),
                             st->target->elem, axis, st->nindex);
        Stmt *stage = over(t, st->index, SET_is, st->value);
        stage->where = st->where;
        stage->update = true;
        put_to(e->updates, s, stage, place, formula);
        st->value = read_at(t, st->index);
    }
    put_to(e->updates, s, st, place, formula);
}

static Str formula_text(Stat *st)
{
    Buf b = { 0 };
    formula_print(&b, st);
    return intern(b.at);
}

static void assign_gradient(Scope *s, Stat *st, Name *target)
{
    Name *arg[2] = { NULL, NULL };
    Axis axis[2 * MAX_RANK];
    int rank = 0;
    for (int k = 0; k < 2 && st->value->args.n == 2; k++)
        arg[k] = name_find(s, st->value->args.at[k].value->name, NAME_tensor);
    if (!arg[0] || !arg[1] || !arg[0]->tensor || !arg[1]->tensor) {
        fail(s->e, st->value->place, DIAG_gradient_of_what);
        return;
    }
    for (int q = 0; q < 2; q++)
        for (int k = 0; k < arg[q]->tensor->rank; k++)
            axis[rank++] = arg[q]->tensor->axis[k];
    target->tensor = temp_new(s, target->name, ELEM_real, axis, rank);
    Stmt *g = stmt_new(STMT_gradient, target->tensor, arg[0]->tensor);
    g->wrt = arg[1]->tensor;
    target->defined = true;
    put_to(s->e->out, s, g, st->place, formula_text(st));
}

static void assign_reshape(Scope *s, Stat *st, Name *target)
{
    Syn *a = st->value->args.n == 1 ? st->value->args.at[0].value : NULL;
    const bool named = a && (a->kind == SYN_name || a->kind == SYN_ref);
    Name *from = named ? name_find(s, a->name, NAME_tensor) : NULL;
    Tensor *t = target->tensor;
    if (!from || !t)
        fail(s->e, st->value->place, DIAG_reshape_of_what);
    else if (tensor_count(from->tensor) != tensor_count(t))
        fail(s->e, s->use ? s->use->place : st->place, DIAG_reshape_count,
             shape_text(from->tensor), shape_text(t));
    else {
        t->elem = from->tensor->elem;
        target->defined = true;
        put_to(s->e->out, s, stmt_new(STMT_reshape, t, from->tensor), st->place, formula_text(st));
    }
}

/* Whether a value of one example is made from others of its batch, where a
 * network must not do that. */
static bool mixes_examples(const Scope *s, const Stmt *st)
{
    static const char *const roles[] = { "layer", "latent", "view" };
    if (!s->def || !ANY(k, 3, s->def->role == intern(roles[k])))
        return false;
    const bool adds = st->set == SET_add
        && ANY(k, st->nindex, st->index[k]->example && target_axis(st, st->index[k]) < 0);
    return adds || ANY_EXPR(x, st->value, ANY(k, x->nindex, x->bound[k]->example));
}

/* What reads a tensor with more samples has as many itself; where it stands in a scan,
 * that may turn out late. */
static void widen(Elab *e, Tensor *t, Expr *const *sub)
{
    for (int k = 0; k < t->rank; k++)
        if (t->axis[k].example && sub[k]->kind == EXPR_index
            && sub[k]->index->size > t->axis[k].size)
            t->axis[k] = axis_of(e, sub[k]->index);
}

/* One assignment. In a trial only the target's shape is found. */
void assign(Scope *s, Stat *st, Env *env)
{
    Elab *e = s->e;
    Ctx c = formula_ctx(s);
    const bool vector = st->left->kind == SYN_call && st->left->list.n > 0;     /* params(f)[i] */
    const bool adds = st->op == intern("+=");
    Name *n = vector ? params_name(s, st->left) : target_name(s, st->left);
    if (!n || !may_write(s, st, n))
        return;
    if (st->value->kind == SYN_call && st->value->name == intern("gradient")) {
        assign_gradient(s, st, n);
        return;
    }
    if (st->value->kind == SYN_call && st->value->name == intern("reshape")) {
        assign_reshape(s, st, n);
        return;
    }
    SynList *subs = st->left->kind == SYN_name && n->tensor ? &n->shape : &st->left->list;
    Stmt *nest = nest_new(n->tensor, adds ? SET_add : SET_is, NULL);
    Expr *sub[MAX_RANK];
    Place place[MAX_RANK];
    env = bind_left(s, &c, st, subs, env, nest);
    const int rank = left_subscripts(&c, st, subs, env, sub, place);
    if (n->tensor && rank != n->tensor->rank)
        fail_rank(e, st->left->place, n->name, n->tensor->rank, rank);
    else if (n->tensor)
        unify_all(e, n->tensor->axis, sub, rank, place);
    nest->value = lower_sized(&c, st->value, env);
    for (int k = 0; k < nest->nindex; k++)
        if (nest->index[k]->size < 0) {
            fail(e, st->left->place, DIAG_no_range, nest->index[k]->name,
                 format("write it: `%s < 10`; or let it stand alone at an axis",
                        nest->index[k]->name));
            return;
        }
    if (e->failed && !e->trial)
        return;
    if (!n->tensor)
        n->tensor = target_new(s, st, nest, sub, place, rank);
    if (n->tensor && e->trial) {
        widen(e, n->tensor, sub);
        if (n->tensor->of == 0 && !nest->value->whole)
            n->tensor->elem = ELEM_real;
    }
    if (!n->tensor || e->trial)
        return;
    if (n->tensor->elem == ELEM_int && !nest->value->whole) {
        fail(e, st->value->place, DIAG_not_whole, n->name);
        return;
    }
    nest->target = n->tensor;
    memcpy(nest->sub, sub, (size_t) rank * sizeof *sub);
    nest->where = guard_of(e, env);
    order_indices(nest);
    if (mixes_examples(s, nest))
        PUSH(e->mixing, nest);
    if (st->op == intern(":=")) {
        put_update(s, nest, st->place, formula_text(st));
        return;
    }
    if (adds && !n->defined && !(e->sweeping && n->tensor->role == ROLE_state))
        add_to(e->out, s, fill(n->tensor, 0), st->place, NULL);
    n->defined = true;
    put_to(e->out, s, nest, st->place, formula_text(st));
    for (Scan *scan = e->scan; scan; scan = scan->up)
        PUSH(scan->done, n->tensor);
}
