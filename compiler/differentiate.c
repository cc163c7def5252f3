/* differentiate.c -- appends the adjoint statements: reverse mode, statement by statement.
 *
 *     y[p] += f(a[q], b[r])       gives       da[q] += dy[p] * df/da
 *                                             db[r] += dy[p] * df/db
 *
 * over the same indices and under the same conditions; a scan is reversed by a scan the other way.
 * What is added is in the same form, so it can be differentiated again. Relies on split.c. */
#include "differentiate.h"

/* ---- tensors -------------------------------------------------------------------------------- */
Known *known_of(Diff *d, Tensor *t)
{
    if (t->mark > 0 && t->mark <= d->known.n && d->known.at[t->mark - 1]->t == t)
        return d->known.at[t->mark - 1];
    Known *i = NEW(Known);
    i->t = t;
    PUSH(d->known, i);
    t->mark = d->known.n;
    return i;
}

/* "encoder.dense1.w" becomes "encoder.dense1.dw". */
Str adjoint_name(Str name)
{
    const char *dot = name ? strrchr(name, '.') : NULL;
    const char *last = dot ? dot + 1 : name ? name : "t";
    return format("%.*sd%s", dot ? (int) (last - name) : 0, name ? name : "", last);
}

static Tensor *adjoint_of(Diff *d, Known *i)
{
    if (i->d)
        return i->d;
    Tensor *t = temp_named(d->m, &d->names, adjoint_name(i->t->name), ELEM_real, i->t->place);
    if (i->t->rank + d->nlead > MAX_RANK)
        bug("%s needs more than %d axes", t->name, MAX_RANK);
    t->rank = d->nlead + i->t->rank;
    for (int k = 0; k < d->nlead; k++)
        t->axis[k] = (Axis) { .size = d->lead[k]->size, .name = d->lead[k]->name,
                              .length = d->lead[k]->limit ? d->lead[k]->limit->tensor : NULL };
    memcpy(t->axis + d->nlead, i->t->axis, (size_t) i->t->rank * sizeof *t->axis);
    return i->d = t;
}

Tensor *adjoint_in(Diff *d, const Stmt *s)
{
    const Str name = format("%s.in", adjoint_name(s->target->name));
    return temp_named(d->m, &d->names, name, ELEM_real, s->target->place);
}

Stmt *adjoint_stmt(Diff *d, Tensor *t, Set set, Expr *value)
{
    Stmt *s = nest_for(d->of, t, set, value);
    s->backward = true;
    return s;
}

/* A statement that sets the adjoint, so far with the leading axes'
   subscripts and indices alone. */
static Stmt *onto_adjoint(Diff *d, Known *i, Set set, Expr *value)
{
    Stmt *s = adjoint_stmt(d, adjoint_of(d, i), set, value);
    for (int k = 0; k < d->nlead; k++) {
        s->sub[k] = expr_index(d->lead[k]);
        nest_index(s, d->lead[k]);
    }
    return s;
}

static bool is_step(Diff *d, const Index *i)
{
    return ANY(k, d->depth, d->scan[k].of->step == i);
}

void take_points(Diff *d, Stmt *n, Stmt *s, bool inner)
{
    Index *all[5 * MAX_RANK];
    int count = 0;
    for (int k = 0; k < s->target->rank; k++)
        if (s->sub[k]->kind == EXPR_index)
            all[count++] = s->sub[k]->index;
    for (int k = 0; k < s->nindex; k++)
        if (inner || target_axis(s, s->index[k]) >= 0)
            all[count++] = s->index[k];
    for (int k = 0; k < d->depth; k++)
        all[count++] = d->scan[k].of->step;
    for (int k = 0; k < count; k++)
        if (index_among(all, k, all[k]) < 0)
            nest_axis(n, all[k], axis_along(all[k], s, s->value), !is_step(d, all[k]));
}

/* ---- accumulations onto adjoints ------------------------------------------------------------ */
/* Sets s->sub[from ..] to indices over the axes of t, but where `fixed` has them; axes of examples
   first, as lengths depend on these. */
static void run_over(Stmt *s, Tensor *t, int from, Expr *const *fixed)
{
    for (int examples = 1; examples >= 0; examples--)
        for (int k = 0; k < t->rank; k++) {
            if (t->axis[k].example != examples)
                continue;
            if (fixed && fixed[k]) {
                s->sub[from + k] = fixed[k];
                continue;
            }
            Index *i = index_of_axis(t, k, s->sub + from);
            s->sub[from + k] = expr_index(i);
            nest_index(s, i);
        }
}

/* Fills the adjoint with 0, or the slice of it that belongs to the step at hand. */
static void fill(Diff *d, Known *i)
{
    Stmt *s = onto_adjoint(d, i, SET_is, expr_num(0));
    run_over(s, i->t, d->nlead, i->fixed);
    PUSH(*d->out, s);
    i->ready = true;
}

/* Whether index or step e runs over the whole of an axis. */
static bool runs_along(Expr *e, const Axis *a)
{
    return e->kind == EXPR_index && e->index->size == a->size && !e->index->limit == !a->length;
}

/* Whether the statement s, onto the tensor itself, stands at each of its elements, or of
   its slice, exactly once. */
static bool covers(Known *i, const Stmt *s)
{
    bool used[2 * MAX_RANK] = { false };
    int left = s->nindex;
    for (int k = 0; k < i->t->rank; k++) {
        if (i->fixed[k] && expr_same(s->sub[k], i->fixed[k]))
            continue;
        const int at = index_among(s->index, s->nindex, s->sub[k]->index);
        if (i->fixed[k] || at < 0 || used[at] || !runs_along(s->sub[k], &i->t->axis[k]))
            return false;
        used[at] = true;
        left--;
    }
    return left == 0;
}

/* Nothing inside a scan needs the adjoint of what comes from outside: it is done behind the
   scan, all steps at once. */
static bool postpone(Diff *d, Stmt *add)
{
    Scan *scan = d->depth ? &d->scan[d->depth - 1] : NULL;
    if (!scan || !scan->keeps || HAS(scan->written, add->target)
        || add->nindex == 2 * MAX_RANK)
        return false;
    nest_index(add, scan->of->step);
    PUSH(scan->late, ((Late) { d->of, add }));
    return true;
}

/* Whether a value is 0 but where a read is outside: few points, in loops over many, as the `else`
 * of a first step. */
static bool only_outside(const Expr *value)
{
    return is_op(value, OP_select) && value->arg[0]->kind == EXPR_inside
        && expr_is(value->arg[1], 0);
}

/* What `add` adds to a tensor goes to its adjoint. */
static void accumulate(Diff *d, Stmt *add)
{
    if (postpone(d, add))
        return;
    Known *i = known_of(d, add->target);
    Expr *value = add->value, *where = add->where;
    const bool whole = !i->ready && covers(i, add);
    if (whole) {    /* no fill is needed where the condition chooses the 0 */
        value = guarded(where, value);
        where = NULL;
    } else if (!i->ready) {
        fill(d, i);
    }
    if (!whole && only_outside(value)) {
        where = expr_both(where, OP1(not, value->arg[0]));
        value = value->arg[2];
    }
    Stmt *s = onto_adjoint(d, i, whole ? SET_is : SET_add, value);
    memcpy(s->sub + d->nlead, add->sub, (size_t) add->target->rank * sizeof *s->sub);
    for (int k = 0; k < add->nindex; k++)
        nest_index(s, add->index[k]);
    s->check = whole ? 0 : add->check << d->nlead;
    s->where = where;
    PUSH(*d->out, s);
    i->ready = true;
}

/* The adjoint of what the statement wrote, at the place where it wrote. */
static Expr *seed_of(Diff *d, Stmt *s, Known *i)
{
    if (i->one)
        return expr_num(1);
    Expr *sub[MAX_RANK];
    for (int k = 0; k < d->nlead; k++)
        sub[k] = expr_index(d->lead[k]);
    memcpy(sub + d->nlead, s->sub, (size_t) s->target->rank * sizeof *sub);
    return expr_read(i->d, sub, s->check << d->nlead, NULL);
}

/* coef: of the value in what s adds to its target. */
static void pass_on(Diff *d, Stmt *s, Known *i, Expr *coef, Expr *again)
{
    d->of = s;
    SlopeList list = chain(d, s->value, seed_of(d, s, i), coef, again);
    for (int k = 0; k < list.n; k++) {
        Expr *read = list.at[k].read;
        Stmt *add = nest_new(read->tensor, SET_add, list.at[k].value);
        add->where = s->where;
        add->check = read->check;
        memcpy(add->sub, read->sub, sizeof add->sub);
        memcpy(add->index, s->index, sizeof add->index);
        add->nindex = add->nouter = s->nindex;
        accumulate(d, add);
    }
}

/* ---- max=, min= ----------------------------------------------------------------------------- */
/* The number of the point that won, found by a statement put behind s. */
static Tensor *winner_of(Diff *d, Stmt *s, StmtList *list, int at)
{
    const Winner *had = FIND_AT(w, d->winners, w->of == s);
    if (had)
        return had->winner;
    Stmt *n = winner_find(d->m, &d->names, s);
    INSERT(*list, at + 1, n);
    PUSH(d->winners, ((Winner) { s, n->target }));
    return n->target;
}

/* ---- *= ------------------------------------------------------------------------------------- */
/* The running product of f: scan q { t[p, q] = t[p, q - by] * f[p, q - by] }, and 1 at
   the end where it begins. */
static Expr *running_product(Diff *d, Stmt *f, const char *name, int by)
{
    Tensor *y = d->of->target, *t = temp_beside(d->m, &d->names, y, name, y->place);
    shaped(t, f->target->axis, f->target->rank);
    const int last = t->rank - 1;
    Index *const step = index_new(f->index[f->nindex - 1]->name, t->axis[last].size, NULL);
    Stmt *n = nest_for(f, t, SET_is, NULL), *scan = scan_for(n, step);
    scan->down = by < 0;
    for (int k = 0; k < f->nindex - 1; k++)
        nest_index(n, f->index[k]);
    memcpy(n->sub, f->sub, sizeof n->sub);
    n->sub[last] = OP2(add, expr_index(step), expr_num(-by));
    n->value = OP2(mul, expr_read(t, n->sub, 1u << last, expr_num(1)),
                   expr_read(f->target, n->sub, 1u << last, expr_num(1)));
    n->sub[last] = expr_index(step);
    PUSH(*d->out, scan);
    return expr_read(t, f->sub, 0, NULL);
}

/* The product of all other points: these are numbered and multiplied up from both ends, so
   that zeros do no harm. */
static Expr *product_of_others(Diff *d, Stmt *s)
{
    Index *inner[2 * MAX_RANK];
    Expr *to[2 * MAX_RANK], *there = NULL, *number = expr_num(0);
    Index *q = index_new(NULL, 1, NULL);
    int m = 0;
    d->of = s;
    for (int k = 0; k < s->nindex; k++) {
        Index *const i = s->index[k];
        if (target_axis(s, i) >= 0)
            continue;
        inner[m++] = i;
        q->size *= i->size;
        number = OP2(add, OP2(mul, number, expr_num(i->size)), expr_index(i));
    }
    if (m == 0)
        return expr_num(1);
    q->name = inner[m - 1]->name;
    point_decode(expr_index(q), inner, to, m);
    for (int k = 0; k < m; k++)
        if (inner[k]->limit)
            there = expr_both(there, OP2(lt, to[k], expr_replace(inner[k]->limit, inner, to, m)));
    there = expr_both(there, expr_replace(s->where, inner, to, m));
    Expr *value = expr_replace(s->value, inner, to, m);
    Tensor *t = temp_beside(d->m, &d->names, s->target, "factors", s->target->place);
    value = there ? expr_op(OP_select, there, value, expr_num(1)) : value;
    Stmt *f = adjoint_stmt(d, t, SET_is, value);
    take_points(d, f, s, false);
    nest_axis(f, q, (Axis) { .size = q->size, .name = q->name }, true);
    PUSH(*d->out, f);
    Expr *before = running_product(d, f, "before", 1), *after = running_product(d, f, "after", -1);
    return expr_replace(OP2(mul, before, after), &q, &number, 1);
}

/* ---- statements ----------------------------------------------------------------------------- */
static bool passes(Stmt *s)
{
    return s->kind == STMT_nest && s->set <= SET_min;
}

/* The active tensors that a gradient of the target goes to. */
static TensorList sources(Diff *d, Stmt *s)
{
    TensorList list = { 0 };
    ExprList reads = { 0 };
    if (s->kind == STMT_reshape && known_of(d, s->source)->active)
        PUSH(list, s->source);
    if (passes(s))
        active_reads(d, s->value, &reads);
    EACH(read, reads)
        PUSH(list, read->tensor);
    return list;
}

static void reverse_nest(Diff *d, Stmt *s, StmtList *list, int at)
{
    Known *i = known_of(d, s->target);
    if (!i->active || i->leaf || !(i->one || i->ready) || !passes(s) || !active(d, s->value))
        return;
    const bool again = s->set == SET_is && i->writes == 1;
    if (is_extreme(s))      /* all to the winner */
        pass_on(d, winner_value(s, winner_of(d, s, list, at)), i, expr_num(1), NULL);
    else if (s->set == SET_mul)
        pass_on(d, s, i, product_of_others(d, s), NULL);
    else
        pass_on(d, s, i, expr_num(1), again ? expr_read(s->target, s->sub, 0, NULL) : NULL);
}

/* The elements keep their order, so the adjoint's do. */
static void reverse_reshape(Diff *d, Stmt *s)
{
    Known *to = known_of(d, s->target), *from = known_of(d, s->source);
    if (!to->active || to->leaf || !to->ready || !from->active)
        return;
    d->of = s;
    Tensor *t = adjoint_of(d, from);
    if (from->ready) {
        t = adjoint_in(d, s);
        shaped(t, from->d->axis, from->d->rank);
    }
    Stmt *back = adjoint_stmt(d, t, SET_is, NULL);
    back->kind = STMT_reshape;
    back->source = to->d;
    PUSH(*d->out, back);
    if (from->ready) {
        Stmt *add = adjoint_stmt(d, from->d, SET_add, NULL);
        run_over(add, t, 0, NULL);
        add->value = expr_read(t, add->sub, 0, NULL);
        PUSH(*d->out, add);
    }
    from->ready = true;
}

/* ---- scans ---------------------------------------------------------------------------------- */
static void reverse_list(Diff *d, StmtList *list, int n);

/* Marks what a gradient will reach inside; true when there was something new. */
static bool spread(Diff *d, StmtList *list)
{
    bool news = false;
    for (int k = list->n; k-- > 0;) {
        Stmt *s = list->at[k];
        if (s->kind == STMT_scan && !s->stop)
            news = spread(d, &s->body) || news;
        Known *i = s->target ? known_of(d, s->target) : NULL;
        if (!i || !i->active || i->leaf || !(i->one || i->ready || i->useful))
            continue;
        EACH(t, sources(d, s)) {
            Known *r = known_of(d, t);
            news = news || !r->useful;
            r->useful = true;
        }
    }
    return news;
}

static int step_at(Expr *const *sub, Tensor *t, Index *step)
{
    return FIRST(k, t->rank, runs_along(sub[k], &t->axis[k]) && sub[k]->index == step);
}

/* The axis along which every read and write of t in a scan's body stands at the step itself; -1:
   there is none; axis: what was found so far, -2: nothing yet. */
static int step_axis(Diff *d, StmtList *list, Tensor *t, Index *step, int axis)
{
    for (int k = 0; k < list->n && axis != -1; k++) {
        Stmt *s = list->at[k];
        if (s->kind == STMT_scan)
            axis = step_axis(d, &s->body, t, step, axis);
        if (s->kind == STMT_reshape && s->source == t)
            return -1;
        if (!passes(s))
            continue;
        ExprList places = { 0 };
        active_reads(d, s->value, &places);
        if (s->target == t)
            PUSH(places, expr_read(t, s->sub, s->check, NULL));
        EACH(read, places)
            if (read->tensor == t && axis != -1) {
                const int here = step_at(read->sub, t, step);
                axis = axis == -2 || axis == here ? here : -1;
            }
    }
    return axis;
}

/* Adjoints that a scan adds to: filled before it or, where each step has a slice of
   its own, by its steps. */
static void prepare_adjoints(Diff *d, Scan *scan)
{
    Stmt *s = scan->of;
    const int known = d->known.n;
    while (spread(d, &s->body))
        continue;
    for (int k = 0; k < known; k++) {
        Known *i = d->known.at[k];
        const bool inside = !scan->keeps || HAS(scan->written, i->t);
        const bool here = i->useful && !i->ready && inside;
        const int axis = here ? step_axis(d, &s->body, i->t, s->step, -2) : -1;
        d->of = s->body.at[0];
        if (here && axis < 0)
            fill(d, i);
        else if (here && !i->fixed[axis])
            i->fixed[axis] = expr_index(s->step);
    }
    EACH(i, d->known)
        i->useful = false;
}

static void reverse_scan(Diff *d, Stmt *s)
{
    if (s->stop)
        return;
    if (d->depth == MAX_DEPTH)
        bug("scans nested too deeply");
    Scan scan = { .of = s, .keeps = true };
    EACH_STMT(in, &s->body)
        if (in->target) {
            PUSH(scan.written, in->target);
            scan.keeps &= in->kind == STMT_nest
                && ANY(k, in->target->rank, expr_uses(in->sub[k], s->step));
        }
    prepare_adjoints(d, &scan);
    Stmt *back = COPY(s);
    back->backward = true;
    back->down = !s->down;
    back->body = (StmtList) { 0 };
    StmtList *out = d->out;
    d->out = &back->body;
    d->scan[d->depth++] = scan;
    reverse_list(d, &s->body, s->body.n);
    scan = d->scan[--d->depth];
    d->out = out;
    for (int k = 0; k < d->known.n; k++)
        for (int a = 0; a < d->known.at[k]->t->rank; a++)
            if (d->known.at[k]->fixed[a] && is_index(d->known.at[k]->fixed[a], s->step))
                d->known.at[k]->fixed[a] = NULL;
    if (back->body.n)
        PUSH(*d->out, back);
    for (int k = 0; k < scan.late.n; k++) {
        d->of = scan.late.at[k].of;
        where_to_limits(scan.late.at[k].add);
        accumulate(d, scan.late.at[k].add);
    }
}

static void reverse_list(Diff *d, StmtList *list, int n)
{
    for (int k = n; k-- > 0;) {
        Stmt *s = list->at[k];
        if (s->kind == STMT_nest)
            reverse_nest(d, s, list, k);
        else if (s->kind == STMT_scan)
            reverse_scan(d, s);
        else if (s->kind == STMT_reshape)
            reverse_reshape(d, s);
    }
}

/* ---- one gradient --------------------------------------------------------------------------- */
static bool constant_role(const Tensor *t)
{
    return t->elem == ELEM_int || t->role == ROLE_state || t->role == ROLE_clock;
}

/* Marks what depends on the leaves; true when there was something new. */
static bool activate(Diff *d, StmtList *list, int n)
{
    bool news = false;
    for (int k = 0; k < n; k++) {
        Stmt *s = list->at[k];
        if (s->kind == STMT_scan && !s->stop)
            while (activate(d, &s->body, s->body.n))
                news = true;
        Known *i = s->target && !constant_role(s->target) ? known_of(d, s->target) : NULL;
        if (i && !i->active && sources(d, s).n)
            i->active = news = true;
    }
    return news;
}

static void start(Diff *d)
{
    d->known.n = d->names.n = d->nlead = 0;
    names_of(&d->names, d->p);
    EACH_STMT(s, &d->p->body)
        if (s->target)
            known_of(d, s->target)->writes++;
}

/* Takes w, whose adjoint is to be dw, among what is differentiated by. */
static void add_leaf(Diff *d, Tensor *w, Tensor *dw)
{
    Known *i = known_of(d, w);
    i->active = i->leaf = true;
    i->d = dw;
}

/* d source / d source: 1 where the leading indices are those of the place. */
static void seed_identity(Diff *d, Known *source)
{
    Stmt *s = onto_adjoint(d, source, SET_is, NULL);
    Expr *same = NULL;
    for (int k = 0; k < d->nlead; k++) {
        Index *i = index_of_axis(source->t, k, s->sub + d->nlead);
        s->sub[d->nlead + k] = expr_index(i);
        nest_index(s, i);
        same = expr_both(same, OP2(eq, expr_index(d->lead[k]), expr_index(i)));
    }
    s->value = expr_op(OP_select, same, expr_real(1), expr_real(0));
    PUSH(*d->out, s);
    source->ready = true;
}

/* Appends to `out` the adjoints of the first n statements; returns how many statements of winners
   stand among these now. */
static int reverse(Diff *d, Tensor *source, int n, StmtList *out)
{
    StmtList *body = &d->p->body;
    Known *from = known_of(d, source);
    d->out = out;
    for (int k = 0; k < source->rank; k++) {
        Expr *sub[MAX_RANK] = { 0 };
        for (int j = 0; j < k; j++)
            sub[j] = expr_index(d->lead[j]);
        d->lead[k] = index_of_axis(source, k, sub);
    }
    d->nlead = source->rank;
    activate(d, body, n);
    if (d->nlead == 0)
        from->one = true;
    else
        seed_identity(d, from);
    const int before = body->n;
    reverse_list(d, body, n);
    return body->n - before;
}

/* Puts the statements of a gradient() within the program, body.at[at], in its place;
   returns where they end. */
static int resolve(Diff *d, int at)
{
    Program *p = d->p;
    Stmt *g = d->of = p->body.at[at];
    StmtList out = { 0 }, body = { 0 };
    start(d);
    add_leaf(d, g->wrt, g->target);
    at += reverse(d, g->source, at, &out);
    Known *const wrt = known_of(d, g->wrt);
    d->of = g;
    if (!wrt->ready)
        fill(d, wrt);
    for (int k = 0; k < at; k++)
        PUSH(body, p->body.at[k]);
    PUSH_ALL(body, out);
    for (int k = at + 1; k < p->body.n; k++)
        PUSH(body, p->body.at[k]);
    p->body = body;
    return at + out.n;
}

/* ---- the gradient of the loss --------------------------------------------------------------- */
static void gradient_tensors(Module *m, Program *p)
{
    for (int k = p->grads.n; k < p->trained.n; k++) {
        Tensor *w = p->trained.at[k];
        Tensor *t = tensor_new(m, adjoint_name(w->name), ROLE_grad, ELEM_real);
        shaped(t, w->axis, w->rank);
        t->offset = w->offset;
        t->of_param = w;
        t->place = w->place;
        PUSH(p->grads, t);
    }
}

/* The first statement that reads what depends on the parameter but passes no gradient on. */
static Stmt *find_end(Diff *d)
{
    return FIND(s, stmts_all(&d->p->body), s->kind == STMT_nest && !s->backward
                && !known_of(d, s->target)->active
                && ANY_EXPR_OF(e, s, e->tensor && known_of(d, e->tensor)->active));
}

/* One message for all parameters whose gradients end at one statement, or of one use. */
static void report_no_gradient(Diff *d, Tensor *w, StmtList *ends, const TensorList *before)
{
    if (FIND(lost, *before, !memcmp(&lost->place, &w->place, sizeof w->place)) != w)
        return;
    start(d);
    add_leaf(d, w, NULL);
    activate(d, &d->p->body, d->p->body.n);
    Stmt *end = find_end(d);
    if (end && HAS(*ends, end))
        return;
    PUSH(*ends, end);
    report(w->place, DIAG_no_gradient, w->name);
    if (end)
        report_note(end->place, "%s depends on it, but lets no gradient through",
                    end->target->name);
    else
        report_note(w->place, "nothing that the loss reads depends on it");
}

static void of_loss(Diff *d)
{
    Program *p = d->p;
    StmtList out = { 0 };
    StmtList ends = { 0 };
    TensorList lost = { 0 };
    const int errors = diag_errors();
    gradient_tensors(d->m, p);
    start(d);
    for (int k = 0; k < p->trained.n; k++)
        add_leaf(d, p->trained.at[k], p->grads.at[k]);
    reverse(d, p->loss, p->body.n, &out);
    for (int k = 0; k < p->trained.n; k++) {
        Known *i = known_of(d, p->trained.at[k]);
        if (i->ready)
            continue;
        d->of = p->body.n ? p->body.at[p->body.n - 1] : nest_new(i->t, SET_is, NULL);
        fill(d, i);
        PUSH(lost, i->t);
    }
    /* A function without a slope says it all. */
    for (int k = 0; k < lost.n && diag_errors() - errors <= ends.n; k++)
        report_no_gradient(d, lost.at[k], &ends, &lost);
    PUSH_ALL(p->body, out);
}

void differentiate(Module *m, Program *p)
{
    Diff d = { .m = m, .p = p };
    for (int k = 0; k < p->body.n; k++)
        if (p->body.at[k]->kind == STMT_gradient)
            k = resolve(&d, k) - 1;
    if (p->loss && p->trained.n)
        of_loss(&d);
}
