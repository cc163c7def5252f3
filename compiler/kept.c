/* kept.c -- parameters and states: made once for each path, with the statements of
 * their initial values. */
#include "elab.h"

/* A size of 0; where a `require` is broken, that tells more. */
static void report_empty(Scope *s, Syn *size)
{
    const int errors = diag_errors();
    EACH(st, s->def->body)
        if (st->kind == STAT_require && !st->of && !s->e->trial && diag_errors() == errors)
            elaborate_stat(s, st);
    if (diag_errors() > errors)
        s->e->failed = 1;
    fail(s->e, size->place, DIAG_empty_axis, s->use->words, words_of(size));
}

/* The axes of a declaration; false after a report. */
bool shape_of_entry(Scope *s, Entry *entry, Tensor *t)
{
    Elab *e = s->e;
    EACH(sub, entry->shape) {
        const Str word = index_word(sub);
        if (t->rank + (sub->kind == SYN_dots ? s->ndots : 1) > MAX_RANK)
            return fail(e, entry->place, DIAG_too_many_axes, MAX_RANK);
        Name *axis = sub->kind == SYN_name ? name_find(s, word, NAME_axis) : NULL;
        if (sub->kind == SYN_dots)
            for (int d = 0; d < s->ndots; d++)
                t->axis[t->rank++] = s->dots[d];
        else if (axis)
            t->axis[t->rank++] = axis->axis.example ? example_axis(e, s->mult) : axis->axis;
        else {
            Syn *size = word && sub->kind == SYN_binary ? sub->b : sub;
            Axis *a = &t->axis[t->rank++];
            a->size = size_of(s, size);
            if (a->size == 0 && !e->failed)
                report_empty(s, size);
        }
    }
    return !e->failed;
}

/* ---- first values --------------------------------------------------------------------------- */
/* The indices of an initial value: those that the declaration names, and of `..`. */
static Env *initial_indices(Scope *s, Entry *entry, Tensor *t, Index **index)
{
    Env *env = NULL;
    int axis = 0;
    EACH(sub, entry->shape) {
        if (sub->kind == SYN_dots) {
            env = bind_dots(s, env);
            for (int d = 0; d < env->n; d++)
                index[axis++] = env->at[d]->index;
            continue;
        }
        const Axis a = { .size = t->axis[axis].size, .example = t->axis[axis].example };
        const Str name = sub->kind == SYN_binary ? index_word(sub) : NULL;
        index[axis] = index_along(&a, name ? name : format("i%d", axis), NULL);
        env = bind_expr(env, index[axis]->name, expr_index(index[axis]));
        axis++;
    }
    return env;
}

static Stmt *initial(Scope *s, Entry *entry, Tensor *t)
{
    Index *index[MAX_RANK];
    Ctx sizes = size_ctx(s);
    if (!entry->init || entry->init->kind != SYN_name
        || entry->init->name != intern("orthogonal")) {
        Env *env = initial_indices(s, entry, t, index);
        return over(t, index, SET_is, entry->init ? lower(&sizes, entry->init, env) : expr_num(0));
    }
    Stmt *st = stmt_new(STMT_orthogonal, t, NULL);
    st->draw = NEW(Expr);
    st->draw->kind = EXPR_draw;
    st->draw->normal = true;
    st->draw->stream = stream_of(t->name);
    return st;
}

/* A copy's parameter is that of its source, when the first phase that uses it starts. */
static void start_as_source(Scope *s, Tensor *t, Place place)
{
    Elab *e = s->e;
    const Str source = format("%s%s", s->net->copy_of, t->name + strlen(s->net->path));
    Tensor *from = find_named(&e->m->params, source);
    if (!from) {
        fail(e, place, DIAG_copy_source, source, (int) strcspn(source, "."), source);
        return;
    }
    Index *index[MAX_RANK];
    all_along(t, index);
    if (!e->start)
        e->start = program_new("start");
    put_to(&e->start->body, s, over(t, index, SET_is, read_at(from, index)), place, NULL);
}

/* ---- declarations --------------------------------------------------------------------------- */
static bool is_copied(const Scope *s)
{
    return s->net && s->net->copy_of;
}

bool trains(const Scope *s)
{
    return s->training && !is_copied(s);
}

void declare_kept(Scope *s, Entry *entry, bool param)
{
    Elab *e = s->e;
    Name *n = name_tensor(s, entry, NULL);
    const bool copy = is_copied(s), trained = param && !copy;
    const Str name = *s->path ? format("%s.%s", s->path, entry->name) : entry->name;
    TensorList *list = trained ? &e->m->params : &e->m->states;
    Tensor want = { 0 }, *t = find_named(list, name);
    if (!shape_of_entry(s, entry, &want))
        return;
    if (t && !same_sizes(t, &want)) {
        fail(e, entry->place, DIAG_shared_shape, name, shape_text(t), shape_text(&want));
        return;
    }
    if (!t) {
        t = shaped(tensor_new(e->m, name, trained ? ROLE_param : ROLE_state,
                              entry->of ? ELEM_int : ELEM_real),
                   want.axis, want.rank);
        for (int k = 0; k < t->rank && param; k++)
            t->axis[k].length = NULL;
        t->exempt = entry->exempt;
        t->place = blame(e, entry->place);
        t->of = entry->of ? size_of(s, entry->of) : 0;
        PUSH(*list, t);
    }
    n->tensor = t;
    for (Net *net = param ? s->net : NULL; net; net = net->outer)
        PUSH_NEW(net->params, t);
    if (trained && s->training)
        PUSH_NEW(e->used, t);
    if (HAS(e->made, t))
        return;
    PUSH(e->made, t);
    if (copy && param)
        start_as_source(s, t, entry->place);
    else
        put_to(&e->init->body, s, initial(s, entry, t), entry->place, NULL);
}

/* A mirrored layer with tied weights: its parameter is the other's, read as `tied` says. */
bool declare_tied(Scope *s, Entry *entry)
{
    Stat *line = !s->tied_to ? NULL
                             : FIND(st, s->tied_to->def->body,
                                    st->kind == STAT_tied && st->left->name == entry->name
                                        && st->left->list.n == entry->shape.n);
    if (!line)
        return false;
    Tensor want = { 0 };
    shape_of_entry(s, entry, &want);
    Name *n = name_tensor(s, entry, NULL);
    Env *env = NULL;
    for (int d = 0; d < want.rank; d++) {
        n->tied_at[d] = index_along(&(Axis) { .size = want.axis[d].size },
                                    line->left->list.at[d]->name, NULL);
        env = bind_expr(env, n->tied_at[d]->name, expr_index(n->tied_at[d]));
    }
    Ctx c = formula_ctx(s->tied_to);
    n->tied = lower(&c, line->value, env);
    return true;
}
