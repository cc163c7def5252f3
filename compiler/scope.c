/* scope.c -- names of a scope, the axis of examples, and statements that are made without a formula. */
#include "elab.h"

/* ---- names ------------------------------------------------------------------------------------- */
Name *name_find(Scope *s, Str name, NameKind kind)
{
    for (; s; s = s->up)
        for (int k = s->names.n; k-- > 0; )
            if (s->names.at[k]->name == name && s->names.at[k]->kind == kind)
                return s->names.at[k];
    return NULL;
}

Name *name_any(Scope *s, Str name)
{
    for (; s; s = s->up)
        for (int k = s->names.n; k-- > 0; )
            if (s->names.at[k]->name == name)
                return s->names.at[k];
    return NULL;
}

Name *name_add(Scope *s, NameKind kind, Str name, Place place)
{
    Name *n = NEW(Name);
    n->kind = kind, n->name = name, n->place = place;
    PUSH(s->names, n);
    return n;
}

Scope *scope_new(Elab *e, Scope *around, Decl *def, Str path, Str draws, Use *use)
{
    Scope *s = NEW(Scope);
    s->e = e, s->around = around, s->def = def, s->path = path, s->draws = draws, s->use = use;
    s->mult = 1;
    s->training = s->trains = true;
    if (around) {
        s->training = around->training, s->trains = around->trains;
        s->copy_of = around->copy_of, s->copy_to = around->copy_to;
        s->net = around->net;
    }
    return s;
}

/* ---- examples ---------------------------------------------------------------------------------- */
Tensor *clock_times(Elab *e, int mult)
{
    if (mult == 1)
        return e->clock_batch;
    while (e->clocks.n <= mult)
        PUSH(e->clocks, NULL);
    if (!e->clocks.at[mult]) {
        Tensor *t = tensor_new(e->m, format("batch * %d", mult), ROLE_clock, ELEM_int);
        t->cname = format("(%s * %d)", e->clock_batch->cname, mult);
        e->clocks.at[mult] = t;
    }
    return e->clocks.at[mult];
}

Axis example_axis(Elab *e, int mult)
{
    return (Axis) { e->m->batch_max * mult, clock_times(e, mult), true, intern("n") };
}

int mult_of(Elab *e, const Tensor *t)
{
    for (int k = 0; k < t->rank; k++)
        if (t->axis[k].example)
            return t->axis[k].size / e->m->batch_max;
    return 0;
}

Str shape_text(const Tensor *t)
{
    Buf b = { 0 };
    buf_add(&b, "[");
    for (int k = 0; k < t->rank; k++) {
        if (t->axis[k].example)
            buf_add(&b, "%sn", k ? ", " : "");
        else
            buf_add(&b, "%s%d", k ? ", " : "", t->axis[k].size);
    }
    buf_add(&b, "]");
    return intern(b.at);
}

Tensor *temp_new(Elab *e, Scope *s, Str name, Elem elem)
{
    return tensor_new(e->m, *s->path ? format("%s.%s", s->path, name) : name, ROLE_temp, elem);
}

void add_stmt(Elab *e, Scope *s, Stmt *st, Place place, Str formula)
{
    st->place = place;
    st->formula = formula;
    st->use = s->use;
    if (!e->trial)
        PUSH(*e->out, st);
}

/* ---- statements made here, without a formula ------------------------------------------------------ */
Expr *read_at(Tensor *t, Index **index)
{
    Expr *sub[MAX_RANK];
    for (int k = 0; k < t->rank; k++)
        sub[k] = expr_index(index[k]);
    return expr_read(t, sub, ~0u, NULL);
}

Index *along(Tensor *t, int k, Index *example)
{
    static const char *const letter[] = { "n", "c", "i", "j", "k", "l", "p", "q", "r", "u" };
    Axis *a = &t->axis[k];
    Index *i = index_new(a->name ? a->name : intern(letter[k]), a->size, NULL);
    i->example = a->example;
    i->fixed = true;
    if (a->length && a->length->rank == 0)
        i->limit = expr_scalar(a->length);
    else if (a->length && example) {
        Expr *sub = expr_index(example);
        i->limit = expr_read(a->length, &sub, 0, NULL);
    }
    return i;
}

int all_along(Tensor *t, Index **index)
{
    Index *example = NULL;
    for (int k = 0; k < t->rank; k++) {
        index[k] = along(t, k, example);
        if (t->axis[k].example)
            example = index[k];
    }
    return t->rank;
}

Stmt *over(Tensor *t, Index **index, Set set, Expr *value)
{
    Stmt *st = nest_new(t, set, value);
    for (int k = 0; k < t->rank; k++) {
        st->index[k] = index[k];
        st->sub[k] = expr_index(index[k]);
    }
    st->nindex = st->nouter = t->rank;
    return st;
}

Tensor *elementwise(Elab *e, Scope *s, Str name, Tensor **in, int nin, Expr *(*make)(Expr **, void *), void *with, Place place)
{
    Tensor *like = in[0];
    for (int k = 1; k < nin; k++)
        if (mult_of(e, in[k]) > mult_of(e, like) || in[k]->rank > like->rank)
            like = in[k];
    Tensor *y = temp_new(e, s, name, ELEM_real);
    y->rank = like->rank;
    memcpy(y->axis, like->axis, sizeof y->axis);
    Index *index[MAX_RANK];
    all_along(y, index);
    Expr *at[8];
    for (int k = 0; k < nin; k++)
        at[k] = in[k]->rank == 0 ? expr_scalar(in[k]) : read_at(in[k], index);
    Stmt *st = over(y, index, SET_is, make(at, with));
    settle(e, st, place);
    add_stmt(e, s, st, place, NULL);
    return y;
}

Tensor *reshaped(Elab *e, Scope *s, Tensor *x, const Axis *axis, int rank, Str name, Place place)
{
    Tensor *y = temp_new(e, s, name, x->elem);
    y->of = x->of;
    y->rank = rank;
    memcpy(y->axis, axis, (size_t) rank * sizeof *axis);
    Stmt *st = NEW(Stmt);
    st->kind = STMT_reshape;
    st->target = y;
    st->source = x;
    add_stmt(e, s, st, place, NULL);
    return y;
}
