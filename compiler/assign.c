/* assign.c -- one assignment of a definition: `=`, `+=` or `:=`.
 *
 * Binds the indices of the left side, lowers the right one, finds the target's shape if it is not declared. */
#include "elab.h"
#include <math.h>

/* ---- assignments ----------------------------------------------------------------------------------- */
static void order_indices(Stmt *st)
{
    for (int k = 0; k < st->nindex; k++)            /* what a limit speaks of stands further out */
        for (int q = k + 1; q < st->nindex; q++)
            if (st->index[k]->limit && expr_uses(st->index[k]->limit, st->index[q])) {
                Index *outer = st->index[q];
                memmove(st->index + k + 1, st->index + k, (size_t) (q - k) * sizeof *st->index);
                st->index[k] = outer;
                k = -1;
                break;
            }
}

static void add_index(Stmt *st, Index *i)
{
    for (int k = 0; k < st->nindex; k++)
        if (st->index[k] == i)
            return;
    st->index[st->nindex++] = i;
    st->nouter = st->nindex;
}

static Expr *guard_of(Elab *e, Env *env)
{
    Expr *all = NULL;
    for (Scan *scan = e->scan; scan; scan = scan->up) {
        const Tensor *length = scan->stop ? scan->stop : scan->axis.length;
        if (!length || length->rank == 0)
            continue;
        Expr *sub[MAX_RANK];
        bool bound = true;
        for (int k = 0; bound && k < length->rank; k++) {
            Env *b = env;
            while (b && !(b->kind == ENV_expr && b->name == (length->axis[k].name ? length->axis[k].name : intern("n"))))
                b = b->up;
            bound = b != NULL;
            sub[k] = b ? b->value : NULL;
        }
        if (!bound)
            continue;
        Expr *g = expr_op(OP_lt, expr_index(scan->step), expr_read((Tensor *) length, sub, 0, NULL), NULL);
        all = all ? expr_op(OP_and, all, g, NULL) : g;
    }
    return all;
}

Tensor *length_of(Index *i, Elab *e)
{
    if (i->example)
        return clock_times(e, i->size / e->m->batch_max);
    return i->limit && i->limit->kind == EXPR_read ? i->limit->tensor : NULL;
}

/* The tensor that an undeclared left side defines; NULL while a size is missing. */
static Tensor *target_new(Scope *s, Syn *left, Str name, Stmt *st, Expr **sub, SynList *subs, int rank)
{
    Elab *e = s->e;
    Tensor t = { .rank = rank };
    for (int k = 0; k < rank; k++) {
        if (sub[k]->kind == EXPR_index) {
            Index *i = sub[k]->index;
            if (i->size < 0)
                return NULL;
            t.axis[k] = (Axis) { i->size, length_of(i, e), i->example, i->name };
            for (Scan *scan = e->scan; scan; scan = scan->up)
                if (scan->step == i)
                    t.axis[k].length = scan->axis.length;
        } else if (sub[k]->kind == EXPR_read && sub[k]->tensor->of > 0)
            t.axis[k] = (Axis) { sub[k]->tensor->of, NULL, false, NULL };
        else if (sub[k]->kind == EXPR_op && sub[k]->op == OP_mod && most_of(sub[k]) >= 0)
            t.axis[k] = (Axis) { most_of(sub[k]) + 1, NULL, false, NULL };
        else {
            if (FAILS(e, subs->at[k < subs->n ? k : 0]->place, DIAG_target_undeclared, name))
                report_help("its size cannot be told from here: declare it with `out %s[...]` above", name);
            return NULL;
        }
    }
    Tensor *made = temp_new(e, s, name, ELEM_real);
    made->rank = rank;
    memcpy(made->axis, t.axis, sizeof made->axis);
    made->place = left->place;
    if (st->set == SET_is && (hard_whole(st->value) || (st->value->kind == EXPR_num && st->value->whole))) {
        made->elem = ELEM_int;
        Expr *v = st->value;
        if (v->kind == EXPR_reduce && (v->reduce == REDUCE_argmax || v->reduce == REDUCE_argmin
                                       || v->reduce == REDUCE_choice || v->reduce == REDUCE_rank)) {
            made->of = 1;
            for (int k = 0; k < v->nindex; k++)
                made->of *= v->bound[k]->size;
        }
    }
    return made;
}

Stmt *fill(Tensor *t, double v)
{
    Index *index[MAX_RANK];
    all_along(t, index);
    for (int k = 0; k < t->rank; k++)
        if (!t->axis[k].example)
            index[k]->limit = NULL;
    return over(t, index, SET_is, t->elem == ELEM_int ? expr_num(v) : expr_real(v));
}

static bool reads_elsewhere(Expr *e, const Stmt *st)
{
    if (!e)
        return false;
    if (e->kind == EXPR_read && e->tensor == st->target)
        for (int k = 0; k < st->target->rank; k++)
            if (!expr_same(e->sub[k], st->sub[k]))
                return true;
    for (int k = 0; k < 3; k++)
        if (reads_elsewhere(e->arg[k], st))
            return true;
    for (int k = 0; e->kind == EXPR_read && k < e->tensor->rank; k++)
        if (reads_elsewhere(e->sub[k], st))
            return true;
    return reads_elsewhere(e->where, st) || reads_elsewhere(e->other, st);
}

/* All of a right side is read before any of it is written. */
static void add_update(Elab *e, Scope *s, Stmt *st, Place place, Str formula)
{
    StmtList *out = e->out;
    e->out = e->updates;
    st->update = true;
    if (reads_elsewhere(st->value, st)) {
        Tensor *t = temp_new(e, s, format("%s_next", st->target->name + (strlen(st->target->name) > 40 ? strlen(st->target->name) - 40 : 0)), st->target->elem);
        t->rank = st->nindex;
        for (int k = 0; k < st->nindex; k++)
            t->axis[k] = (Axis) { st->index[k]->size, length_of(st->index[k], e), st->index[k]->example, st->index[k]->name };
        Stmt *stage = over(t, st->index, SET_is, st->value);
        stage->where = st->where;
        stage->update = true;
        settle(e, stage, place);
        add_stmt(e, s, stage, place, formula);
        st->value = read_at(t, st->index);
        settle(e, st, place);
    }
    add_stmt(e, s, st, place, formula);
    e->out = out;
}

static Str formula_text(Stat *st)
{
    Buf b = { 0 };
    formula_print(&b, st);
    return intern(b.at);
}

static bool is_call(Syn *s, const char *name)
{
    return s->kind == SYN_call && s->name == intern(name);
}

static void assign_gradient(Scope *s, Stat *st, Name *target)
{
    Elab *e = s->e;
    Syn *call = st->value;
    Name *from = NULL, *by = NULL;
    if (call->args.n == 2) {
        from = name_find(s, call->args.at[0].value->name, NAME_tensor);
        by = name_find(s, call->args.at[1].value->name, NAME_tensor);
    }
    if (!from || !by || !from->tensor || !by->tensor) {
        FAIL(e, call->place, DIAG_gradient_of_what);
        return;
    }
    Tensor *t = temp_new(e, s, target->name, ELEM_real);
    for (int k = 0; k < from->tensor->rank; k++)
        t->axis[t->rank++] = from->tensor->axis[k];
    for (int k = 0; k < by->tensor->rank; k++)
        t->axis[t->rank++] = by->tensor->axis[k];
    target->tensor = t;
    target->defined = true;
    Stmt *g = NEW(Stmt);
    g->kind = STMT_gradient;
    g->target = t, g->source = from->tensor, g->wrt = by->tensor;
    add_stmt(e, s, g, st->place, formula_text(st));
}

static void assign_reshape(Scope *s, Stat *st, Name *target)
{
    Elab *e = s->e;
    Syn *a = st->value->args.n == 1 ? st->value->args.at[0].value : NULL;
    Name *from = a && (a->kind == SYN_name || a->kind == SYN_ref) ? name_find(s, a->name, NAME_tensor) : NULL;
    if (!from || !target->tensor) {
        FAIL(e, st->value->place, DIAG_reshape_of_what);
        return;
    }
    if (tensor_count(from->tensor) != tensor_count(target->tensor)) {
        FAIL(e, s->use ? s->use->place : st->place, DIAG_reshape_count, shape_text(from->tensor), shape_text(target->tensor));
        return;
    }
    target->tensor->elem = from->tensor->elem;
    Stmt *r = NEW(Stmt);
    r->kind = STMT_reshape;
    r->target = target->tensor, r->source = from->tensor;
    target->defined = true;
    add_stmt(e, s, r, st->place, formula_text(st));
}

typedef struct {
    Stat *st;
    Stmt *nest;
    Env *env;
    Expr *sub[MAX_RANK];
    int rank;
    SynList *subs;
    Name *target;
} Assign;

/* Binds the indices of the left side. */
static void bind_left(Scope *s, Ctx *c, Assign *a)
{
    Elab *e = s->e;
    Tensor *t = a->target->tensor;
    const bool once = a->st->op == intern("=");
    for (int pass = 0; pass < 2; pass++) {          /* plain indices first: computed subscripts use them */
        a->rank = 0;
        for (int k = 0; k < a->subs->n && a->rank < MAX_RANK; k++) {
            Syn *sub = a->subs->at[k], *range = NULL;
            if (sub->kind == SYN_dots) {
                Env *b = a->env;
                while (b && !(b->kind == ENV_dots && b->name == intern("..")))
                    b = b->up;
                if (!b)
                    b = a->env = bind_dots(s, a->env);
                for (int d = 0; d < b->ndots && a->rank < MAX_RANK; d++) {
                    add_index(a->nest, b->dots[d]);
                    a->sub[a->rank++] = expr_index(b->dots[d]);
                }
                continue;
            }
            if (sub->kind == SYN_binary && sub->op == intern("<") && sub->a->kind == SYN_name)
                range = sub->b, sub = sub->a;
            Env *b = a->env;
            while (b && b->name != sub->name)
                b = b->up;
            if (sub->kind == SYN_name && b && b->kind == ENV_dots) {
                for (int d = 0; d < b->ndots && a->rank < MAX_RANK; d++) {
                    add_index(a->nest, b->dots[d]);
                    a->sub[a->rank++] = expr_index(b->dots[d]);
                }
                continue;
            }
            if (sub->kind == SYN_name && !b && pass == 0 && (!name_find(s, sub->name, NAME_number) || range)) {
                Index *i;
                a->env = bind_index(c, a->env, sub->name, range, &i);
                if (i->example && s->samples > 1 && a->st->role == intern("sample"))
                    unify(e, i, &(Axis) { e->m->batch_max * s->samples, clock_times(e, s->samples), true, NULL }, NULL, sub->place);
                add_index(a->nest, i);
                b = a->env;
            }
            if (b && sub->kind == SYN_name) {
                a->sub[a->rank] = b->value;
                if (once && !range && t && a->rank < t->rank && b->value->kind == EXPR_index)
                    unify(e, b->value->index, &t->axis[a->rank], NULL, sub->place);
                a->rank++;
                continue;
            }
            if (pass == 1) {
                if (once && !(sub->kind == SYN_num || sub->kind == SYN_name)) {
                    if (FAILS(e, sub->place, DIAG_left_index, a->target->name))
                        report_help("move the shift to the right side, or add with `+=`, which writes to computed places");
                }
                a->sub[a->rank] = lower_whole(c, sub, a->env);
                if (!a->sub[a->rank]->whole) {
                    FAIL(e, sub->place, DIAG_subscript_real);
                    a->sub[a->rank] = expr_num(0);
                }
            }
            a->rank++;
        }
        if (pass == 0 && !once) {
            StrList found = { 0 };
            for (int k = 0; k < a->subs->n; k++)
                if (a->subs->at[k]->kind != SYN_binary || a->subs->at[k]->op != intern("<"))
                    free_names(c, a->subs->at[k], a->env, &found);
            free_names(c, a->st->value, a->env, &found);
            for (int k = 0; k < found.n; k++) {
                if (found.at[k] == intern("..")) {
                    a->env = bind_dots(s, a->env);
                    for (int d = 0; d < a->env->ndots; d++)
                        add_index(a->nest, a->env->dots[d]);
                    continue;
                }
                Index *i;
                a->env = bind_index(c, a->env, found.at[k], NULL, &i);
                add_index(a->nest, i);
            }
        }
    }
    if (t && !a->target->samples && a->rank != t->rank)
        FAIL(e, a->st->left->place, DIAG_rank, a->target->name, t->rank, t->rank == 1 ? "axis" : "axes", a->rank);
    for (int k = 0; t && k < a->rank && k < t->rank; k++)
        if (!once && a->sub[k]->kind == EXPR_index) {
            Expr *example = NULL;
            for (int q = 0; q < t->rank; q++)
                if (t->axis[q].example)
                    example = a->sub[q];
            unify(e, a->sub[k]->index, &t->axis[k], example, a->subs->at[k < a->subs->n ? k : 0]->place);
        }
}

static bool sizes_known(Elab *e, Assign *a)
{
    for (int k = 0; k < a->nest->nindex; k++)
        if (a->nest->index[k]->size < 0) {
            if (FAILS(e, a->st->left->place, DIAG_no_range, a->nest->index[k]->name))
                report_help("write it: `%s < 10`; or let it stand alone at an axis", a->nest->index[k]->name);
            return false;
        }
    return true;
}

/* One assignment. In a trial only the target's shape is wanted: true when it is now known. */
bool assign(Scope *s, Stat *st, Env *env)
{
    Elab *e = s->e;
    Ctx c = formula_ctx(s);
    Assign a = { .st = st, .env = env };
    static SynList none;
    const bool vector = st->left->kind == SYN_call && st->left->list.n > 0;     /* params(f)[i] */
    Name *n = vector ? NULL : name_find(s, st->left->name, NAME_tensor);
    if (vector) {
        Name *net = st->left->args.n == 1 ? name_find(s, st->left->args.at[0].value->name, NAME_net) : NULL;
        if (!net || e->param_k >= net->net->params.n) {
            if (FAILS(e, st->left->place, DIAG_params_of_what))
                report_help("nets are declared above: `net slow = copy(online)`");
            return false;
        }
        n = NEW(Name);
        n->name = st->left->name, n->tensor = net->net->params.at[e->param_k], n->shape = st->left->list;
    }
    const bool update = st->op == intern(":="), adds = st->op == intern("+=");
    if (!n) {
        n = name_add(s, NAME_tensor, st->left->name, st->left->place);
        n->shape = st->left->list;
        if (e->trial && !e->scan)
            bug("a trial outside of a scan");
    }
    if (update ? !n->tensor || (n->tensor->role != ROLE_state && n->tensor->role != ROLE_param) : n->tensor && n->tensor->role != ROLE_temp
        && !(n->tensor->role == ROLE_state && e->sweeping)) {
        if (FAILS(e, st->left->place, update ? DIAG_update_target : DIAG_target_kept, n->name))
            report_help(update ? "a value of this step is written with `=`; what lives on is declared as `state`"
                               : "it lives from step to step; an update is written with `:=`");
        return false;
    }
    if (!update && !adds && n->defined && !e->trial && !e->scan) {
        if (FAILS(e, st->left->place, DIAG_defined_twice, n->name)) {
            if (n->place.source && !n->place.source->prelude)
                report_note(n->place, "it is declared here");
            report_help("give the new value a name of its own; `+=` adds to what is there");
        }
        return false;
    }
    if (is_call(st->value, "gradient")) {
        assign_gradient(s, st, n);
        return true;
    }
    if (is_call(st->value, "reshape")) {
        assign_reshape(s, st, n);
        return true;
    }
    a.target = n;
    a.subs = st->left->kind == SYN_name && n->tensor ? &n->shape : st->left->list.n ? &st->left->list : &none;
    a.nest = nest_new(n->tensor, adds ? SET_add : SET_is, NULL);
    bind_left(s, &c, &a);
    e->retry = false;
    a.nest->value = lower(&c, st->value, a.env);
    if (e->retry)
        a.nest->value = lower(&c, st->value, a.env);
    e->retry = false;
    if (!sizes_known(e, &a) || (e->failed && !e->trial))
        return false;
    if (!n->tensor) {
        n->tensor = target_new(s, st->left, n->name, a.nest, a.sub, a.subs, a.rank);
        if (!n->tensor)
            return false;
    }
    if (e->trial)
        return true;
    Stmt *nest = a.nest;
    nest->target = n->tensor;
    memcpy(nest->sub, a.sub, sizeof nest->sub);
    if (n->tensor->elem == ELEM_int && !nest->value->whole) {
        if (FAILS(e, st->value->place, DIAG_not_whole, n->name))
            report_help("`floor(...)` or `round(...)` make it whole");
        return false;
    }
    nest->where = guard_of(e, a.env);
    order_indices(nest);
    settle(e, nest, st->place);
    for (int k = 0; k < nest->nindex; k++)
        for (Scan *scan = e->scan; scan; scan = scan->up)
            if (nest->index[k] == scan->step) {
                memmove(nest->index + k, nest->index + k + 1, (size_t) (nest->nindex - k - 1) * sizeof *nest->index);
                nest->nindex--, nest->nouter--, k--;
                break;
            }
    if (update) {
        add_update(e, s, nest, st->place, formula_text(st));
        return true;
    }
    if (adds && !n->defined && !(e->sweeping && n->tensor->role == ROLE_state))
        add_stmt(e, s, fill(n->tensor, 0), st->place, NULL);
    n->defined = true;
    add_stmt(e, s, nest, st->place, formula_text(st));
    for (Scan *scan = e->scan; scan; scan = scan->up)
        PUSH(scan->done, n->tensor);
    return true;
}
