/* kept.c -- parameters and states: made once for each path, with the statements of their initial values. */
#include "elab.h"

/* ---- parameters and states --------------------------------------------------------------------------- */
Tensor *find_named(TensorList *list, Str name)
{
    for (int k = 0; k < list->n; k++)
        if (list->at[k]->name == name)
            return list->at[k];
    return NULL;
}

static bool listed(TensorList *list, Tensor *t)
{
    for (int k = 0; k < list->n; k++)
        if (list->at[k] == t)
            return true;
    return false;
}

static Env *initial_indices(Scope *s, Entry *entry, Tensor *t, Index **index)
{
    Env *env = NULL;
    int axis = 0;
    for (int k = 0; k < entry->shape.n; k++) {
        Syn *sub = entry->shape.at[k];
        if (sub->kind == SYN_dots) {
            env = bind_dots(s, env);
            for (int d = 0; d < env->ndots; d++)
                index[axis++] = env->dots[d];
            continue;
        }
        index[axis] = along(t, axis, NULL);
        index[axis]->limit = NULL;
        const bool named = sub->kind == SYN_binary && sub->op == intern("<") && sub->a->kind == SYN_name;
        index[axis]->name = named ? sub->a->name : format("i%d", axis);
        env = bind_expr(env, index[axis]->name, expr_index(index[axis]));
        axis++;
    }
    return env;
}

/* The statement that gives a parameter or state its first value, in the program that does so. */
void seed_initial(Elab *e, Scope *s, Tensor *t, Entry *entry, Env *env, Index **index)
{
    Stmt *st;
    Ctx sizes = size_ctx(s);
    if (entry->init && entry->init->kind == SYN_name && entry->init->name == intern("orthogonal")) {
        st = NEW(Stmt);
        st->kind = STMT_orthogonal;
        st->target = t;
        Expr *d = NEW(Expr);
        d->kind = EXPR_draw, d->normal = true;
        unsigned h = 2166136261u;
        for (const char *p = t->name; *p; p++)
            h = (h ^ (unsigned char) *p) * 16777619u;
        d->stream = h;
        st->draw = d;
    } else {
        Expr *v = entry->init ? lower(&sizes, entry->init, env) : expr_num(0);
        st = over(t, index, SET_is, v);
        settle(e, st, entry->place);
    }
    StmtList *out = e->out;
    e->out = &e->init->body;
    add_stmt(e, s, st, entry->place, NULL);
    e->out = out;
}

static void copied_initial(Elab *e, Scope *s, Tensor *t, Place place)
{
    const Str source = format("%s%s", s->copy_of, t->name + strlen(s->copy_to));
    Tensor *from = find_named(&e->m->params, source);
    if (!from) {
        if (FAILS(e, place, DIAG_copy_source, source))
            report_help("a net has parameters once a phase uses it: use `%.*s` itself too", (int) strcspn(source, "."), source);
        return;
    }
    Index *index[MAX_RANK];
    all_along(t, index);
    Stmt *st = over(t, index, SET_is, read_at(from, index));
    settle(e, st, place);
    StmtList *out = e->out;
    if (!e->start)
        e->start = NEW(Program), e->start->name = intern("start"), e->start->training = -1;
    e->out = &e->start->body;
    add_stmt(e, s, st, place, NULL);
    e->out = out;
}

/* A size of 0; where a `require` is broken, that tells more. */
static void report_empty(Scope *s, Syn *size)
{
    Elab *e = s->e;
    const int errors = diag_errors();
    for (int k = 0; s->def && k < s->def->body.n && !e->trial && diag_errors() == errors; k++)
        if (s->def->body.at[k]->kind == STAT_require)
            elaborate_stat(s, s->def->body.at[k]);
    if (diag_errors() > errors) {
        e->failed = 1;
        return;
    }
    Buf b = { 0 };
    syn_print(&b, size);
    FAIL(e, size->place, DIAG_empty_axis, s->use ? s->use->words : s->path, b.at);
}

void shape_of_entry(Scope *s, Entry *entry, Tensor *t)
{
    Elab *e = s->e;
    Ctx sizes = size_ctx(s);
    for (int k = 0; k < entry->shape.n; k++) {
        Syn *sub = entry->shape.at[k];
        if (t->rank + (sub->kind == SYN_dots ? s->ndots : 1) > MAX_RANK) {
            FAIL(e, entry->place, DIAG_too_many_axes, MAX_RANK);
            return;
        }
        if (sub->kind == SYN_dots) {
            for (int d = 0; d < s->ndots; d++)
                t->axis[t->rank++] = s->dots[d];
            continue;
        }
        Axis *a = &t->axis[t->rank++];
        Name *axis = sub->kind == SYN_name ? name_find(s, sub->name, NAME_axis) : NULL;
        if (axis) {
            *a = axis->axis;
            a->name = sub->name;
            if (a->example)
                *a = example_axis(e, s->mult);
            continue;
        }
        if (sub->kind == SYN_binary && sub->op == intern("<"))
            sub = sub->b;
        a->size = size_of(&sizes, sub);
        if (a->size == 0 && !e->failed)
            report_empty(s, sub);
    }
}

void declare_kept(Scope *s, Entry *entry, bool param)
{
    Elab *e = s->e;
    Name *n = name_add(s, NAME_tensor, entry->name, entry->place);
    n->shape = entry->shape;
    n->defined = true;
    const bool copy = s->copy_of != NULL;
    const Str name = *s->path ? format("%s.%s", s->path, entry->name) : entry->name;
    TensorList *list = param && !copy ? &e->m->params : &e->m->states;
    Tensor *t = find_named(list, name);
    Tensor want = { 0 };
    shape_of_entry(s, entry, &want);
    if (e->failed)
        return;
    if (t) {
        bool same = t->rank == want.rank;
        for (int k = 0; same && k < t->rank; k++)
            same = t->axis[k].size == want.axis[k].size;
        if (!same) {
            if (FAILS(e, entry->place, DIAG_shared_shape, name, shape_text(t), shape_text(&want)))
                report_help("a net keeps its parameters wherever it is used, so it must get the same shape each time");
            return;
        }
    } else {
        t = tensor_new(e->m, name, param && !copy ? ROLE_param : ROLE_state, ELEM_real);
        t->rank = want.rank;
        memcpy(t->axis, want.axis, sizeof t->axis);
        for (int k = 0; k < t->rank && param; k++)
            t->axis[k].length = NULL;
        t->exempt = entry->exempt;
        t->place = blame(e, entry->place);
        if (entry->of) {
            Ctx sizes = size_ctx(s);
            t->elem = ELEM_int;
            t->of = size_of(&sizes, entry->of);
        }
        PUSH(*list, t);
    }
    n->tensor = t;
    for (Net *net = param ? s->net : NULL; net; net = net->outer)
        if (!listed(&net->params, t))
            PUSH(net->params, t);
    if (param && !copy && s->trains && !listed(&e->used, t))
        PUSH(e->used, t);
    if (!listed(&e->made, t)) {
        PUSH(e->made, t);
        if (copy && param)
            copied_initial(e, s, t, entry->place);
        else {
            Index *index[MAX_RANK];
            Env *env = initial_indices(s, entry, t, index);
            seed_initial(e, s, t, entry, env, index);
        }
    }
}

/* A mirrored layer with tied weights: its parameter is the other's, read as `tied` says. */
bool declare_tied(Scope *s, Entry *entry)
{
    Scope *other = s->tied_to;
    for (int k = 0; other && k < other->def->body.n; k++) {
        Stat *st = other->def->body.at[k];
        if (st->kind != STAT_tied || st->left->name != entry->name || st->left->list.n != entry->shape.n)
            continue;
        Tensor want = { 0 };
        shape_of_entry(s, entry, &want);
        Name *n = name_add(s, NAME_tensor, entry->name, entry->place);
        n->shape = entry->shape;
        n->defined = true;
        Env *env = NULL;
        for (int d = 0; d < want.rank; d++) {
            n->tied_at[d] = index_new(st->left->list.at[d]->name, want.axis[d].size, NULL);
            n->tied_at[d]->fixed = true;
            env = bind_expr(env, n->tied_at[d]->name, expr_index(n->tied_at[d]));
        }
        Ctx c = formula_ctx(other);
        n->tied = lower(&c, st->value, env);
        return true;
    }
    return false;
}
