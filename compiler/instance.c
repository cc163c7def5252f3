/* instance.c -- one use of a definition.
 *
 * Takes a definition, its arguments and the tensors it is applied to. Binds the axes of `in` to their sizes,
 * makes parameters and states (once for each path), and turns each statement into one of the program's. */
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
static Expr *read_at(Tensor *t, Index **index)
{
    Expr *sub[MAX_RANK];
    for (int k = 0; k < t->rank; k++)
        sub[k] = expr_index(index[k]);
    return expr_read(t, sub, ~0u, NULL);
}

static Index *along(Tensor *t, int k, Index *example)
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

static int all_along(Tensor *t, Index **index)
{
    Index *example = NULL;
    for (int k = 0; k < t->rank; k++) {
        index[k] = along(t, k, example);
        if (t->axis[k].example)
            example = index[k];
    }
    return t->rank;
}

static Stmt *over(Tensor *t, Index **index, Set set, Expr *value)
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

/* ---- parameters and states --------------------------------------------------------------------------- */
static Tensor *find_named(TensorList *list, Str name)
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

static void shape_of_entry(Scope *s, Entry *entry, Tensor *t)
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

static void declare_kept(Scope *s, Entry *entry, bool param)
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
static bool declare_tied(Scope *s, Entry *entry)
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

/* ---- shapes of inputs ---------------------------------------------------------------------------- */
static bool bind_axis(Scope *s, Syn *sub, Axis axis, bool quiet)
{
    Elab *e = s->e;
    if (sub->kind == SYN_name && !name_find(s, sub->name, NAME_number)) {
        Name *n = name_find(s, sub->name, NAME_axis);
        if (!n) {
            n = name_add(s, NAME_axis, sub->name, sub->place);
            n->axis = axis;
            n->axis.name = sub->name;
            return true;
        }
        if (n->axis.length == NULL && axis.length != NULL && n->axis.size == axis.size)
            n->axis.length = axis.length;
        return n->axis.size == axis.size || (n->axis.example && axis.example);
    }
    Ctx sizes = size_ctx(s);
    const bool trial = e->trial;
    e->trial = quiet || trial;
    const int want = size_of(&sizes, sub);
    e->trial = trial;
    return want == axis.size;
}

/* Binds the axes of one `in` to a tensor's; false where it does not fit. */
static bool match(Scope *s, Entry *entry, Tensor *t)
{
    Elab *e = s->e;
    SynList *shape = &entry->shape;
    int lead = 0, samples = 0;
    bool dots = false;
    for (int k = 0; k < shape->n; k++)
        dots |= shape->at[k]->kind == SYN_dots, lead += shape->at[k]->kind != SYN_dots;
    const Str en = intern("n"), es = intern("s");
    if (shape->n >= 2 && shape->at[0]->kind == SYN_name && shape->at[0]->name == en
        && shape->at[1]->kind == SYN_name && shape->at[1]->name == es && t->rank > 0 && t->axis[0].example) {
        const int mult = mult_of(e, t);
        Name *axis = name_find(s, es, NAME_axis);
        if (mult > 1 || lead - 1 == t->rank) {
            samples = mult;
            if (axis && samples > 1 && axis->axis.size > 1 && axis->axis.size != samples)
                return false;
            if (!axis)
                axis = name_add(s, NAME_axis, es, entry->place);
            if (axis->axis.size < samples)
                axis->axis = (Axis) { samples, NULL, false, es };
            lead--;
        }
    }
    if (dots ? t->rank < lead : t->rank != lead)
        return false;
    if ((entry->of != NULL) != (t->elem == ELEM_int))
        return false;
    const int ndots = t->rank - lead;
    int axis = 0;
    for (int k = 0; k < shape->n; k++) {
        Syn *sub = shape->at[k];
        if (sub->kind == SYN_dots) {
            if (s->has_dots && s->ndots != ndots)
                return false;
            for (int d = 0; d < ndots; d++, axis++) {
                if (s->has_dots && s->dots[d].size != t->axis[axis].size && !(s->dots[d].example && t->axis[axis].example))
                    return false;
                if (!s->has_dots || s->dots[d].size < t->axis[axis].size)
                    s->dots[d] = t->axis[axis];
                if (t->axis[axis].example && mult_of(e, t) > s->mult)
                    s->mult = mult_of(e, t);
            }
            s->ndots = ndots;
            s->has_dots = true;
            continue;
        }
        Axis a = t->axis[axis];
        if (sub->kind == SYN_name && sub->name == en) {
            if (!a.example)
                return false;
            a = example_axis(e, 1);
            if (!samples && mult_of(e, t) > s->mult)
                s->mult = mult_of(e, t);
        } else if (a.example)
            return false;
        if (!bind_axis(s, sub, a, true))
            return false;
        axis++;
        if (samples && k == 0)
            k++;            /* the s after it */
    }
    Name *n = name_add(s, NAME_tensor, entry->name, entry->place);
    n->tensor = t;
    n->shape = entry->shape;
    n->samples = samples;
    n->of = entry->of;
    n->defined = true;
    if (entry->of && entry->of->kind == SYN_name && !name_find(s, entry->of->name, NAME_number)) {
        Name *of = name_find(s, entry->of->name, NAME_axis);
        if (!of) {
            of = name_add(s, NAME_axis, entry->of->name, entry->place);
            of->axis = (Axis) { t->of, NULL, false, entry->of->name };
        } else if (of->axis.size != t->of)
            return false;
    }
    return true;
}

/* ---- arguments ----------------------------------------------------------------------------------- */
static void bind_argument(Scope *s, Str name, Syn *v, Scope *where)
{
    if (v->kind == SYN_name) {
        Name *n = name_find(where, v->name, NAME_net);
        if (n) {
            name_add(s, NAME_net, name, v->place)->net = n->net;
            return;
        }
    }
    Ctx c = size_ctx(where);
    Name *pair = v->kind == SYN_name ? name_find(where, v->name, NAME_pair) : NULL;
    if (pair) {
        Name *n = name_add(s, NAME_pair, name, v->place);
        n->value = pair->value;
        n->hi = pair->hi;
        return;
    }
    if (v->kind == SYN_pair && v->a) {
        Name *n = name_add(s, NAME_pair, name, v->place);
        n->value = lower(&c, v->a, NULL);
        n->hi = lower(&c, v->b, NULL);
        return;
    }
    Expr *value = lower(&c, v, NULL);
    name_add(s, NAME_number, name, v->place)->value = value;
}

static void report_many(Elab *e, Place place, Decl *def)
{
    const int n = def->params.n;
    if (FAILS(e, place, DIAG_too_many_arguments, def->name, n ? format("at most %d argument%s", n, n > 1 ? "s" : "") : "no arguments"))
        report_help("the form is `%s`", signature_text(def));
}

bool bind_arguments(Scope *s, ArgList *args, Place place)
{
    Elab *e = s->e;
    Decl *def = s->def;
    Arg *given[64] = { 0 };
    int positional = 0;
    for (int k = 0; args && k < args->n; k++) {
        Arg *a = &args->at[k];
        int at = -1;
        if (!a->name)
            at = positional++;
        else
            for (int p = 0; p < def->params.n; p++)
                if (def->params.at[p].name == a->name)
                    at = p;
        if (at < 0 || at >= def->params.n || at >= 64) {
            if (!a->name)
                report_many(e, a->place, def);
            else if (FAILS(e, a->place, DIAG_unknown_argument, def->name, a->name)) {
                StrList names = { 0 };
                for (int p = 0; p < def->params.n; p++)
                    PUSH(names, def->params.at[p].name);
                suggest(a->name, &names, NULL);
                if (!nearest(a->name, names.at, names.n))
                    report_help("the form is `%s`", signature_text(def));
            }
            return false;
        }
        if (given[at]) {
            if (FAILS(e, a->place, DIAG_given_twice, def->name, def->params.at[at].name))
                report_help("the form is `%s`", signature_text(def));
            return false;
        }
        given[at] = a;
    }
    for (int p = 0; p < def->params.n && p < 64; p++) {
        Entry *formal = &def->params.at[p];
        if (given[p])
            bind_argument(s, formal->name, given[p]->value, s->around ? s->around : e->root);
        else if (formal->init)
            bind_argument(s, formal->name, formal->init, s);
        else {
            if (FAILS(e, place, DIAG_missing_argument, def->name, formal->name))
                report_help("the form is `%s`", signature_text(def));
            return false;
        }
    }
    return true;
}

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

static Tensor *length_of(Index *i, Elab *e)
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

static Stmt *fill(Tensor *t, double v)
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
    stat_print(&b, st);
    return intern(b.at ? b.at : "");
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
static bool assign(Scope *s, Stat *st, Env *env)
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

/* ---- scans --------------------------------------------------------------------------------------------- */
static void mark_written(Scope *s, Scan *scan, Stat *b)
{
    Name *n = name_find(s, b->left->name, NAME_tensor);
    if (!n || !n->tensor)
        return;
    for (int k = 0; k < scan->written.n; k++)
        if (scan->written.at[k] == n->tensor)
            return;
    int axis = 0;
    for (int k = 0; k < b->left->list.n; k++) {
        Syn *sub = b->left->list.at[k];
        if (sub->kind == SYN_name && sub->name == scan->name) {
            PUSH(scan->written, n->tensor);
            PUSH(scan->at_axis, axis);
            return;
        }
        axis += sub->kind == SYN_dots ? s->ndots : 1;
    }
}

static void find_scan_shapes(Scope *s, Scan *scan, Stat *st, Env *env)
{
    Elab *e = s->e;
    for (int k = 0; k < st->body.n; k++)
        if (!name_find(s, st->body.at[k]->left->name, NAME_tensor)) {
            Name *n = name_add(s, NAME_tensor, st->body.at[k]->left->name, st->body.at[k]->left->place);
            n->shape = st->body.at[k]->left->list;
        }
    const bool outer = e->trial;
    e->trial = true;
    for (bool force = false;;) {
        bool found = false, missing = false;
        for (int k = 0; k < st->body.n; k++) {
            Stat *b = st->body.at[k];
            Name *n = name_find(s, b->left->name, NAME_tensor);
            if (b->kind != STAT_assign || n->tensor) {
                mark_written(s, scan, b);
                continue;
            }
            e->poisoned = false;
            assign(s, b, env);
            if (n->tensor && e->poisoned && !force)
                n->tensor = NULL;
            if (n->tensor) {
                found = true;
                mark_written(s, scan, b);
                if (force)
                    break;
            } else
                missing = true;
        }
        if (!missing && !force)
            break;
        if (!found && force)
            break;
        force = !found;
    }
    e->trial = outer;
}

static void begin_until(Scope *s, Scan *scan, Stat *st, Env *env, Stmt *loop)
{
    Elab *e = s->e;
    Ctx c = formula_ctx(s);
    StrList found = { 0 };
    Env *inner = env;
    free_names(&c, st->until, env, &found);
    Tensor *stop = temp_new(e, s, format("%s.length", st->name), ELEM_int);
    const bool outer = e->trial;
    Index *index[MAX_RANK];
    for (int k = 0; k < found.n; k++)
        inner = bind_index(&c, inner, found.at[k], NULL, &index[k]);
    e->trial = true;
    lower(&c, st->until, inner);        /* finds the ranges */
    e->trial = outer;
    stop->rank = found.n;
    for (int k = 0; k < found.n; k++)
        stop->axis[k] = (Axis) { index[k]->size, length_of(index[k], e), index[k]->example, index[k]->name };
    scan->stop = stop;
    loop->stop = stop;
    Stmt *full = over(stop, index, SET_is, expr_num(scan->axis.size));
    settle(e, full, st->place);
    add_stmt(e, s, full, st->place, NULL);
}

static void end_until(Scope *s, Scan *scan, Stat *st, Env *env)
{
    Elab *e = s->e;
    Ctx c = formula_ctx(s);
    Tensor *stop = scan->stop;
    Index *index[MAX_RANK];
    Env *inner = env;
    all_along(stop, index);
    for (int k = 0; k < stop->rank; k++)
        inner = bind_expr(inner, index[k]->name, expr_index(index[k]));
    Expr *now = lower(&c, st->until, inner), *length = read_at(stop, index), *step = expr_index(scan->step);
    Expr *stops = expr_op(OP_and, expr_op(OP_lt, step, length, NULL), now, NULL);
    Stmt *st2 = over(stop, index, SET_is, expr_op(OP_select, stops, expr_op(OP_add, step, expr_num(1), NULL), length));
    settle(e, st2, st->place);
    add_stmt(e, s, st2, st->place, NULL);
}

static void elaborate_scan(Scope *s, Stat *st, Env *env)
{
    Elab *e = s->e;
    for (int k = 0; k < st->body.n; k++)
        if (st->body.at[k]->kind != STAT_assign) {
            if (FAILS(e, st->body.at[k]->place, DIAG_not_in_scan))
                report_help("write it above the scan");
            return;
        }
    Scan *scan = NEW(Scan);
    scan->up = e->scan;
    scan->name = st->name;
    scan->down = st->down;
    Name *axis = name_find(s, st->name, NAME_axis);
    Ctx sizes = size_ctx(s);
    if (st->bound)
        scan->axis = (Axis) { size_of(&sizes, st->bound), NULL, false, st->name };
    else if (axis)
        scan->axis = axis->axis;
    else {
        if (FAILS(e, st->place, DIAG_no_range, st->name))
            report_help("write `scan %s < 10 { ... }`, or scan along an axis of the input", st->name);
        return;
    }
    bool until = st->until != NULL;
    if (until && st->until->kind == SYN_num && st->until->num == 0)
        until = false;
    scan->step = index_new(st->name, scan->axis.size, NULL);
    scan->step->fixed = true;
    Env *inner = bind_expr(env, st->name, expr_index(scan->step));
    Stmt *loop = NEW(Stmt);
    loop->kind = STMT_scan;
    loop->step = scan->step;
    loop->down = st->down;
    e->scan = scan;
    find_scan_shapes(s, scan, st, inner);
    if (until) {
        begin_until(s, scan, st, inner, loop);
        scan->axis.length = scan->stop;
        for (int k = 0; k < scan->written.n; k++)
            scan->written.at[k]->axis[scan->at_axis.at[k]].length = scan->stop;
    }
    for (int k = 0; k < st->body.n; k++) {      /* sums into what the body adds to start from 0, once */
        Name *n = name_find(s, st->body.at[k]->left->name, NAME_tensor);
        if (st->body.at[k]->op == intern("+=") && n && n->tensor && !n->defined) {
            add_stmt(e, s, fill(n->tensor, 0), st->place, NULL);
            n->defined = true;
        }
    }
    StmtList *out = e->out;
    e->out = &loop->body;
    for (int k = 0; k < st->body.n && !e->failed; k++) {
        assign(s, st->body.at[k], inner);
        if (e->failed)
            break;
    }
    if (until && !e->failed)
        end_until(s, scan, st, inner);
    e->out = out;
    e->scan = scan->up;
    add_stmt(e, s, loop, st->place, NULL);
    if (!axis)
        axis = name_add(s, NAME_axis, st->name, st->place);
    axis->axis = scan->axis;
    axis->axis.name = st->name;
}

/* ---- sweeps -------------------------------------------------------------------------------------------- */
static Tensor *state_named(Elab *e, Str name)
{
    return find_named(&e->m->states, name);
}

/* Where the sweep's value is wanted it is a state; the program that finds it is made afterwards. */
static void elaborate_sweep(Scope *s, Stat *st)
{
    Elab *e = s->e;
    for (int k = 0; k < st->body.n; k++) {
        Stat *b = st->body.at[k];
        const Str name = format("%s.%s", s->path, b->left->name);
        Tensor *kept = state_named(e, name);
        const bool mine = e->sweeping && e->sweeping->path == s->path && e->sweeping->stat == st;
        if (!kept) {            /* its shape: elaborate it once, into nowhere */
            StmtList nowhere = { 0 }, *out = e->out;
            e->out = &nowhere;
            assign(s, b, NULL);
            e->out = out;
            Name *n = name_find(s, b->left->name, NAME_tensor);
            if (!n || !n->tensor)
                return;
            kept = tensor_new(e->m, name, ROLE_state, n->tensor->elem);
            kept->rank = n->tensor->rank;
            memcpy(kept->axis, n->tensor->axis, sizeof kept->axis);
            kept->place = st->place;
            PUSH(e->m->states, kept);
            n->tensor = NULL;
            n->defined = false;
        }
        Name *n = name_find(s, b->left->name, NAME_tensor);
        if (!n) {
            n = name_add(s, NAME_tensor, b->left->name, b->left->place);
            n->shape = b->left->list;
        }
        n->tensor = kept;
        if (mine) {
            Program *p = e->p;
            Ctx c = formula_ctx(s);
            (void) c;
            StmtList whole = { 0 }, *out = e->out;
            n->defined = false;
            e->out = &whole;
            assign(s, b, NULL);
            e->out = out;
            Stmt *last = whole.n ? whole.at[whole.n - 1] : NULL;
            if (!last)
                return;
            PUSH(p->begin, fill(kept, 0));
            if (last->set == SET_is && last->value->kind == EXPR_reduce
                && (last->value->reduce == REDUCE_mean || last->value->reduce == REDUCE_sum)) {
                if (last->value->reduce == REDUCE_mean) {       /* the sum now; divided by the number of examples at the end */
                    Index *index[MAX_RANK];
                    all_along(kept, index);
                    Expr *examples = expr_scalar(e->clock_examples);
                    Stmt *divide = over(kept, index, SET_is, expr_op(OP_div, read_at(kept, index), examples, NULL));
                    settle(e, divide, st->place);
                    PUSH(p->end, divide);
                    last->value->reduce = REDUCE_sum;
                }
                last->set = SET_add;
            } else if (last->set != SET_add)
                FAIL(e, b->place, DIAG_sweep_form);
            PUSH(*out, last);
        }
        n->defined = true;
    }
    bool asked = e->sweeping != NULL;
    for (int k = 0; k < e->sweeps.n; k++)
        asked |= e->sweeps.at[k].path == s->path && e->sweeps.at[k].stat == st;
    if (!asked)
        PUSH(e->sweeps, ((SweepAsked) { s->path, st, NULL }));
}

/* ---- one statement ---------------------------------------------------------------------------------------- */
static Tensor *derived_length(Scope *s, Syn *sub)
{
    Elab *e = s->e;
    Name *axis = NULL;          /* the axis with lengths that the expression speaks of */
    for (int k = 0; k < s->names.n; k++)
        if (s->names.at[k]->kind == NAME_axis && s->names.at[k]->axis.length && !s->names.at[k]->axis.example) {
            StrList found = { 0 };
            Ctx c = formula_ctx(s);
            free_names(&c, sub, NULL, &found);
            for (int q = 0; q < found.n; q++)
                if (found.at[q] == s->names.at[k]->name)
                    axis = s->names.at[k];
        }
    if (!axis || axis->axis.length->rank != 1)
        return NULL;
    Tensor *t = temp_new(e, s, intern("length"), ELEM_int);
    t->rank = 1;
    t->axis[0] = axis->axis.length->axis[0];
    Index *index[1];
    all_along(t, index);
    Ctx sizes = size_ctx(s);
    sizes.floors = true;
    Env *env = bind_expr(NULL, axis->name, read_at(axis->axis.length, index));
    Expr *v = lower(&sizes, sub, env);
    Stmt *st = over(t, index, SET_is, v);
    settle(e, st, sub->place);
    add_stmt(e, s, st, sub->place, NULL);
    return t;
}

static void declare_out(Scope *s, Entry *entry)
{
    Elab *e = s->e;
    Name *n = name_add(s, NAME_tensor, entry->name, entry->place);
    n->shape = entry->shape;
    Tensor *t = temp_new(e, s, entry->name, entry->of ? ELEM_int : ELEM_real);
    shape_of_entry(s, entry, t);
    t->place = blame(e, entry->place);
    if (entry->of) {
        Ctx sizes = size_ctx(s);
        t->of = size_of(&sizes, entry->of);
    }
    int axis = 0;
    for (int k = 0; k < entry->shape.n; k++) {
        Syn *sub = entry->shape.at[k];
        if (sub->kind == SYN_dots) {
            axis += s->ndots;
            continue;
        }
        if (sub->kind != SYN_name && sub->kind != SYN_num && axis < t->rank)
            t->axis[axis].length = derived_length(s, sub);
        axis++;
    }
    n->tensor = t;
    PUSH(s->outs, t);
}

static void elaborate_net(Scope *s, Stat *st)
{
    Elab *e = s->e;
    Name *n = name_add(s, NAME_net, st->name, st->place);
    n->net = net_new(e, st->value ? NET_copy : NET_block, st->name, format("%s.%s", s->path, st->name), s, st->place);
    n->net->block = st->block;
    if (st->value) {
        Name *from = st->value->kind == SYN_call && st->value->args.n == 1
                   ? name_find(s, st->value->args.at[0].value->name, NAME_net) : NULL;
        if (!from || st->value->name != intern("copy")) {
            FAIL(e, st->value->place, DIAG_copy_of_what);
            return;
        }
        n->net->source = from->net;
    }
    if (!st->of)
        return;
    Name *x = name_find(s, st->of, NAME_tensor);
    if (!x || !x->tensor) {
        FAIL(e, st->place, DIAG_unknown_tensor, st->of);
        return;
    }
    Tensor *y = apply_net(e, n->net, x->tensor, NULL, st->place);
    if (!y)
        return;
    Name *result = name_add(s, NAME_tensor, st->name, st->place);
    result->tensor = y;
    result->defined = true;
    static const char *const letter[] = { "n", "j", "k", "l", "p", "q", "r" };
    for (int k = 0; k < y->rank && k < 7; k++) {
        Syn *sub = NEW(Syn);
        sub->kind = SYN_name, sub->name = intern(letter[k]), sub->place = st->place;
        PUSH(result->shape, sub);
    }
}

static bool role_wanted(Scope *s, Str role)
{
    const int want = s->e->want;
    static const char *const names[] = { "sample", "mean", "prior" };
    bool has[3] = { 0 };
    for (int k = 0; k < s->def->body.n; k++)
        for (int r = 0; r < 3; r++)
            has[r] |= s->def->body.at[k]->kind == STAT_assign && s->def->body.at[k]->role == intern(names[r]);
    int take = want;
    if (want == WANT_prior && !has[WANT_prior])
        return false;
    if (!has[take])
        take = take == WANT_mean ? WANT_sample : WANT_mean;
    return role == intern(names[take]);
}

void elaborate_stat(Scope *s, Stat *st)
{
    Elab *e = s->e;
    e->failed = 0;
    switch (st->kind) {
    case STAT_in: case STAT_target: case STAT_grad: case STAT_mirror: case STAT_tied:
        return;
    case STAT_out:
        for (int k = 0; k < st->entries.n; k++)
            declare_out(s, &st->entries.at[k]);
        return;
    case STAT_param:
        for (int k = 0; k < st->entries.n; k++)
            if (!declare_tied(s, &st->entries.at[k]))
                declare_kept(s, &st->entries.at[k], true);
        return;
    case STAT_state:
        for (int k = 0; k < st->entries.n; k++)
            declare_kept(s, &st->entries.at[k], false);
        return;
    case STAT_set: {
        Ctx sizes = size_ctx(s);
        Expr *v = lower_whole(&sizes, st->value, NULL);
        name_add(s, NAME_number, st->name, st->place)->value = v;
        return;
    }
    case STAT_require: {
        Ctx sizes = size_ctx(s);
        double v;
        if (constant(&sizes, st->value, &v) && v == 0)
            if (FAILS(e, s->use ? s->use->place : st->place, DIAG_require, s->use ? s->use->words : s->path, st->name))
                note_condition(s, st->value);
        return;
    }
    case STAT_def:
        name_add(s, NAME_function, st->function->name, st->place)->function = st->function;
        return;
    case STAT_net:
        elaborate_net(s, st);
        return;
    case STAT_scan:
        elaborate_scan(s, st, NULL);
        return;
    case STAT_sweep:
        elaborate_sweep(s, st);
        return;
    case STAT_assign: {
        if (st->op == intern(":=")) {
            if (!e->training || !s->training || !e->updates)
                return;
            StrList found = { 0 };
            const bool vector = st->left->kind == SYN_call && st->left->list.n == 1 && st->left->args.n == 1;
            if (!vector) {
                assign(s, st, NULL);
                return;
            }
            Name *net = name_find(s, st->left->args.at[0].value->name, NAME_net);
            if (!net)
                FAIL(e, st->left->place, DIAG_params_of_what);
            (void) found;
            for (int k = 0; net && k < net->net->params.n; k++) {
                Tensor *t = net->net->params.at[k];
                Env b = { .kind = ENV_dots, .name = st->left->list.at[0]->name, .ndots = t->rank };
                all_along(t, b.dots);
                Env *kept = NEW(Env);
                *kept = b;
                e->param_k = k;
                assign(s, st, kept);
            }
            return;
        }
        if (st->role && st->role != intern("term") && s->def && s->def->role == intern("latent")) {
            if (!role_wanted(s, st->role))
                return;
        }
        assign(s, st, NULL);
        Name *n = name_find(s, st->left->name, NAME_tensor);
        if (n && n->tensor && st->role == intern("term"))
            PUSH(s->terms, ((ScopeTerm) { n->name, n->tensor, st->place }));
        if (n && n->tensor && s->def && s->def->role == intern("latent") && st->role && st->role != intern("term"))
            s->result = n->tensor;
        if (n && n->tensor && n->name == intern("value"))
            s->result = n->tensor;
        if (n && n->tensor && st->role == intern("mean"))
            s->mean = n->tensor;
        if (n && n->tensor && n->name == intern("nll"))
            s->nll = n->tensor;
        return;
    }
    default:
        if (FAILS(e, st->place, DIAG_not_here))
            report_help("`let`, `predict` and `minimize` stand in a `pretext` or `downstream`");
    }
}

/* ---- choosing and using a definition ------------------------------------------------------------------------ */
static bool role_is(Str role, Str asked)
{
    return role == asked || (asked == intern("layer") && role == intern("view")) || (asked == intern("view") && role == intern("layer"));
}

Decl *find_definition(Elab *e, Str role, Str name)
{
    for (int k = 0; k < e->library.n; k++)
        if (e->library.at[k]->name == name && role_is(e->library.at[k]->role, role))
            return e->library.at[k];
    return NULL;
}

static bool match_all(Scope *s, Tensor **in, int nin)
{
    Elab *e = s->e;
    int at = 0;
    for (int k = 0; k < s->def->body.n; k++) {
        Stat *st = s->def->body.at[k];
        if (st->kind == STAT_set) {             /* sizes that later shapes name */
            continue;
        }
        if (st->kind != STAT_in && st->kind != STAT_target)
            continue;
        for (int q = 0; q < st->entries.n; q++) {
            Entry *entry = &st->entries.at[q];
            Tensor *t = at < nin ? in[at++] : NULL;
            if (!t && entry->init && entry->init->kind == SYN_name) {
                Name *n = name_find(s, entry->init->name, NAME_tensor);
                t = n ? n->tensor : NULL;
            }
            if (!t)
                t = model_input(e, entry->name);
            if (!t || !match(s, entry, t))
                return false;
            if (at == 1 && !s->input)
                s->input = t;
        }
    }
    return at == nin;
}

/* Which layout layer would give x the number of axes that a layer takes. */
static void help_axes(const Decl *def, const Tensor *x)
{
    const Entry *want = entry_in(def, 0);
    const int have = x->rank, n = want ? want->shape.n : 0;
    for (int k = 0; k < n; k++)
        if (want->shape.at[k]->kind == SYN_dots)
            return;
    if (want && want->of && x->elem != ELEM_int)
        report_help("it takes whole numbers: an input of the kind `tokens(t, vocab)`");
    else if (n == 2 && have > 2)
        report_help("`flatten` before it makes one axis of all but the examples");
    else if (n == 3 && have == 4)
        report_help("`reshape(%d, %d)` before it makes a sequence of the rows", x->axis[1].size * x->axis[2].size, x->axis[3].size);
    else if (n > have)
        report_help("`reshape(%s)` before it, with sizes whose product is %d, gives it the axes", n == 4 ? "c, h, w" : "t, k",
                    have > 1 ? (int) (tensor_count(x) / x->axis[0].size) : 1);
}

static void report_misfit(Elab *e, Decl *def, Tensor **in, int nin, Place place)
{
    Buf given = { 0 }, wants = { 0 };
    for (int k = 0; k < nin; k++)
        buf_add(&given, "%s%s", k ? ", " : "", shape_text(in[k]));
    for (int k = 0; k < def->body.n; k++) {
        Stat *st = def->body.at[k];
        if (st->kind == STAT_in || st->kind == STAT_target)
            for (int q = 0; q < st->entries.n; q++) {
                buf_add(&wants, "%s[", wants.n ? ", " : "");
                for (int d = 0; d < st->entries.at[q].shape.n; d++) {
                    buf_add(&wants, d ? ", " : "");
                    syn_print(&wants, st->entries.at[q].shape.at[d]);
                }
                buf_add(&wants, "]%s", st->entries.at[q].of ? " of whole numbers" : "");
            }
    }
    const bool pair = nin == 2 && def->body.n && takes_alike(def);
    if (!(pair ? FAILS(e, place, DIAG_unequal, def->name, shape_text(in[0]), shape_text(in[1]))
               : FAILS(e, place, DIAG_no_fit, def->name, wants.at ? wants.at : "nothing", given.at ? given.at : "nothing")))
        return;
    for (int k = 0; k < nin && !pair; k++) {
        Scope *by = producer_of(e, in[k]);
        if (by && by->use && in[k]->place.source && !in[k]->place.source->prelude)
            report_note(in[k]->place, "`%s` gives %s", by->use->words, shape_text(in[k]));
        else if (in[k]->role == ROLE_input)
            report_note(in[k]->place, "`%s` has the shape %s", in[k]->name, shape_text(in[k]));
    }
    if (nin == 1)
        help_axes(def, in[0]);
}

/* Whether some definition of this name can be used on these. */
bool definition_fits(Elab *e, Str role, Str name, ArgList *args, Tensor **in, int nin)
{
    const bool trial = e->trial, poisoned = e->poisoned;
    bool fits = false;
    e->trial = true;
    for (int k = 0; k < e->library.n && !fits; k++) {
        Decl *def = e->library.at[k];
        Scope *s = def->name == name && role_is(def->role, role) ? scope_new(e, e->root, def, name, name, NULL) : NULL;
        fits = s && bind_arguments(s, args, (Place) { 0 }) && match_all(s, in, nin);
    }
    e->trial = trial;
    e->poisoned = poisoned;
    e->failed = 0;
    return fits;
}

/* Whether every `out` has its statement. */
static bool all_defined(Scope *s)
{
    for (int k = 0; k < s->names.n; k++) {
        Name *n = s->names.at[k];
        for (int q = 0; q < s->outs.n && !n->defined; q++)
            if (n->kind == NAME_tensor && n->tensor == s->outs.at[q] && !s->e->trial) {
                SAY(s->e, n->place, DIAG_never_defined, n->name);
                report_help("write a statement for it: `%s[...] = ...`", n->name);
                return false;
            }
    }
    return true;
}

Scope *instantiate(Elab *e, Scope *around, Str role, Str name, ArgList *args, Tensor **in, int nin,
                   Str path, Str draws, Use *use, Place place)
{
    Decl *first = NULL;
    Using *const outer = e->using;
    Using here = { use, outer };
    e->failed = 0;
    for (int k = 0; k < e->library.n; k++) {
        Decl *def = e->library.at[k];
        if (def->name != name || !role_is(def->role, role))
            continue;
        if (!first)
            first = def;
        Scope *s = scope_new(e, around, def, path, draws, use);
        s->samples = e->samples;
        s->tied_to = e->tied;
        const bool trial = e->trial, poisoned = e->poisoned;
        e->trial = true;
        e->poisoned = false;
        const bool bound = bind_arguments(s, args, place), sound = !e->poisoned, fits = bound && match_all(s, in, nin);
        e->trial = trial;
        e->poisoned = poisoned;
        e->failed = 0;
        if (bound && !sound && !trial) {        /* an argument is itself wrong: say so */
            const int errors = diag_errors();
            bind_arguments(scope_new(e, around, def, path, draws, use), args, place);
            if (diag_errors() > errors)
                return NULL;
        }
        if (!fits)
            continue;
        e->samples = 0;
        e->tied = NULL;
        e->using = use ? &here : outer;
        bool good = true;
        for (int b = 0; good && b < def->body.n; b++) {
            const int errors = diag_errors();
            elaborate_stat(s, def->body.at[b]);
            good = diag_errors() == errors;
        }
        good = good && all_defined(s);
        e->using = outer;
        if (!good)
            return NULL;
        if (s->outs.n)
            s->result = s->outs.at[0];
        if (s->result)
            for (int o = 0; o < (s->outs.n ? s->outs.n : 1); o++)
                PUSH(e->producers, ((Producer) { s->outs.n ? s->outs.at[o] : s->result, s }));
        return s;
    }
    if (!first)
        FAIL(e, place, DIAG_unknown_definition, role, name);
    else if (bind_arguments(scope_new(e, around, first, path, draws, use), args, place))
        report_misfit(e, first, in, nin, place);
    return NULL;
}
