/* scope.c -- names of a scope, the axis of examples, and statements that are
 * made without a formula. */
#include "elab.h"

/* ---- names ---------------------------------------------------------------------------------- */
Name *name_find(Scope *s, Str name, NameKind kind)
{
    for (; s; s = s->up)
        for (int k = s->names.n; k-- > 0; )
            if (s->names.at[k]->name == name && s->names.at[k]->kind == kind)
                return s->names.at[k];
    return NULL;
}

Name *name_add(Scope *s, NameKind kind, Str name, Place place)
{
    Name *n = COPY(&((Name) { .kind = kind, .name = name, .place = place }));
    PUSH(s->names, n);
    return n;
}

Name *name_tensor(Scope *s, const Entry *entry, Tensor *t)
{
    Name *n = name_add(s, NAME_tensor, entry->name, entry->place);
    n->shape = entry->shape;
    n->tensor = t;
    n->defined = true;
    return n;
}

Use *use_new(Str path, Str words, Place place)
{
    return COPY(&((Use) { path, words, place }));
}

Scope *scope_new(Elab *e, Scope *around, Decl *def, Str path, Use *use)
{
    const Scope s = {
        .e = e, .around = around, .def = def, .path = path, .draws = path, .use = use, .mult = 1,
        .training = !around || around->training, .net = around ? around->net : NULL,
    };
    return COPY(&s);
}

/* A part of the model that no definition stands for. */
Scope *plain_scope(Elab *e, Str path, Str words, Place place)
{
    Scope *s = scope_new(e, NULL, NULL, path, use_new(path, words, place));
    s->up = e->root;
    return s;
}

/* ---- examples ------------------------------------------------------------------------------- */
Tensor *clock_times(Elab *e, int mult)
{
    if (mult == 1)
        return e->batch;
    const Str name = format("batch * %d", mult);
    Tensor *t = find_named(&e->batches, name);
    if (!t) {
        t = tensor_new(e->m, name, ROLE_clock, ELEM_int);
        t->cname = format("(%s * %d)", e->batch->cname, mult);
        PUSH(e->batches, t);
    }
    return t;
}

Axis example_axis(Elab *e, int mult)
{
    return (Axis) { e->m->batch_max * mult, clock_times(e, mult), true, intern("n") };
}

int mult_of(Elab *e, const Tensor *t)
{
    const int at = FIRST(k, t->rank, t->axis[k].example);
    return at < 0 ? 0 : t->axis[at].size / e->m->batch_max;
}

/* But for the number of samples. */
bool same_sizes(const Tensor *a, const Tensor *b)
{
    return a->rank == b->rank
        && ALL(k, a->rank,
               a->axis[k].size == b->axis[k].size || (a->axis[k].example && b->axis[k].example));
}

Str shape_text(const Tensor *t)
{
    Buf b = { 0 };
    for (int k = 0; k < t->rank; k++)
        buf_add(&b, "%s%s", k ? ", " : "",
                t->axis[k].example ? "n" : format("%d", t->axis[k].size));
    return format(t->elem == ELEM_int ? "[%s] of whole numbers" : "[%s]", b.at ? b.at : "");
}

/* ---- tensors and statements ----------------------------------------------------------------- */
Tensor *find_named(const TensorList *list, Str name)
{
    return FIND(t, *list, t->name == name);
}

Tensor *temp_new(Scope *s, Str name, Elem elem, const Axis *axis, int rank)
{
    return shaped(tensor_new(s->e->m, *s->path ? format("%s.%s", s->path, name) : name, ROLE_temp,
                             elem),
                  axis, rank);
}

/* In a trial a statement goes nowhere. */
void add_to(StmtList *to, Scope *s, Stmt *st, Place place, Str formula)
{
    st->place = place;
    st->formula = formula;
    st->use = s->use;
    if (!s->e->trial)
        PUSH(*to, st);
}

static bool is_free(const Index *i, const Stmt *st, const Scan *scan)
{
    while (scan && scan->step != i)
        scan = scan->up;
    return !scan && index_among(st->index, st->nindex, i) < 0;
}

/* Where an index ends must be known where it is bound: not by an example that a
 * reduction goes through. */
static void check_limits(Scope *s, const Stmt *st, Place place)
{
    for (int k = 0; k < st->nindex; k++) {
        const Index *i = st->index[k];
        if (!i->limit
            || !ANY_EXPR(x, i->limit, x->kind == EXPR_index && is_free(x->index, st, s->e->scan)))
            continue;
        fail(s->e, place, DIAG_length_unbound, i->name, i->name, i->name, i->size);
        return;
    }
}

void put_to(StmtList *to, Scope *s, Stmt *st, Place place, Str formula)
{
    if (st->kind == STMT_nest) {
        settle(st);
        check_limits(s, st, place);
    }
    add_to(to, s, st, place, formula);
}

void put(Scope *s, Stmt *st, Place place)
{
    put_to(s->e->out, s, st, place, NULL);
}

/* How far an index along the axis runs; `example`: the subscript along examples, or
 * NULL. NULL: all of it. */
Expr *limit_along(const Axis *a, Expr *example)
{
    if (a->length && a->length->rank == 0)
        return expr_scalar(a->length);
    return a->length && example ? expr_read(a->length, &example, 0, NULL) : NULL;
}

Index *index_along(const Axis *a, Str name, Expr *example)
{
    Index *i = index_new(name, a->size, limit_along(a, example));
    i->fixed = true;
    i->example = a->example;
    return i;
}

void all_along(const Tensor *t, Index **index)
{
    Expr *example = NULL;
    for (int k = 0; k < t->rank; k++) {
        index[k] = index_along(&t->axis[k],
                               t->axis[k].name ? t->axis[k].name : format("%c", "ncijklpqru"[k]),
                               example);
        if (t->axis[k].example)
            example = expr_index(index[k]);
    }
}

Expr *read_at(Tensor *t, Index **index)
{
    Expr *sub[MAX_RANK];
    for (int k = 0; k < t->rank; k++)
        sub[k] = expr_index(index[k]);
    return expr_read(t, sub, ~0u, NULL);
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

Expr *sum_over(Index **index, int n, Expr *body)
{
    return n ? expr_reduce(REDUCE_sum, index, n, body) : body;
}

/* A tensor with the axes of a or b, whichever has more, and reads of both at its
 * point; b may be NULL. */
Map map_new(Scope *s, Str name, Tensor *a, Tensor *b)
{
    Tensor *like = b && (mult_of(s->e, b) > mult_of(s->e, a) || b->rank > a->rank) ? b : a;
    Map m = { .y = temp_new(s, name, ELEM_real, like->axis, like->rank) };
    all_along(m.y, m.index);
    m.a = read_at(a, m.index);
    m.b = b ? read_at(b, m.index) : NULL;
    return m;
}

Tensor *map_put(Scope *s, Map *m, Expr *value, Place place)
{
    put(s, over(m->y, m->index, SET_is, value), place);
    return m->y;
}

Tensor *reshaped(Scope *s, Tensor *x, const Axis *axis, int rank, Str name, Place place)
{
    Stmt *st = stmt_new(STMT_reshape, temp_new(s, name, x->elem, axis, rank), x);
    st->target->of = x->of;
    put(s, st, place);
    return st->target;
}
