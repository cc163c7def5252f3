/* rows.c -- tables of which a step touches few rows: their gradient and their
 * update by those rows alone.
 *
 *     dw[v, j] = 0                  becomes    dw[met[k], j] = 0, for all k so far;  met = {}
 *     dw[x[n, t], j] += ...         becomes    each x[n, t] joins met;  dw[x[n, t], j] += ...
 *     p[i] := p[i] - lr * g[i]      becomes    w[met[k], j] := w[met[k], j] - lr * dw[met[k], j];
 *                                              dw[met[k], j] := 0;  met := {}
 *
 * where the gradient is only ever added to at computed rows, and the update provably leaves
 * everything as it is where the gradient is 0: plain sgd and adagrad, nothing with momentum
 * or decay. From a step's gradient to its update all of dw is what it would be, and so are
 * the results, to the bit. Where the update is p := p + k * g and no more, and nobody asks
 * for the norm, direct.c does without dw. Relies on the runtime for a dw of zeros at the
 * start of a phase; leaves a list of rows for each such table in the phase, for what the
 * trainer does with gradients. */
#include "program.h"

enum { SMALL = 4096 };      /* elements that are not worth a list */

typedef struct {
    /* rows: the list; NULL where the gradient goes straight into the update */
    Tensor *table, *grad, *rows;
    Expr *rate;                     /* then: of w := w + rate * dw */
    StmtList update;                /* and what becomes of that */
} Found;

typedef struct {
    Module *m;
    Program *p;
    Phase *phase;
    VEC(Found) found;               /* by offset */
} Rows;

static Expr *member(Tensor *list, Expr *at)
{
    return expr_read(list, &at, 0, NULL);
}

static Index *index_of_list(Tensor *list)
{
    return index_new(intern("k"), list->list, member(list, expr_num(0)));
}

static Expr *row_at(Tensor *list, Index *k)
{
    return member(list, OP2(add, expr_index(k), expr_num(1)));
}

/* ---- which tables --------------------------------------------------------------------------- */
static bool clears(const Stmt *s, const Tensor *grad)
{
    if (s->set != SET_is || !expr_is(s->value, 0) || !everywhere(s))
        return false;
    const Expr *at = s->sub[0];
    return at->kind == EXPR_index && !at->index->limit && at->index->size == grad->axis[0].size;
}

typedef struct { const Tensor *grad; bool fits, direct; int clears, adds; } Writes;

static void see_write(Writes *w, Program *p, int at)
{
    Stmt *s = p->body.at[at];
    EACH_STMT(inner, &s->body)
        w->fits &= inner->target != w->grad;
    if (s->target != w->grad)
        return;
    if (s->kind == STMT_nest && clears(s, w->grad))
        w->clears++;
    else if (s->kind == STMT_nest && s->set == SET_add && !s->held
             && ANY_EXPR(e, s->sub[0], e->kind == EXPR_read && e->whole && e->tensor->rank > 0))
        w->adds++;
    else
        w->fits = false;
    w->direct &= s->set == SET_is || direct_fits(p, at);
}

/* ---- what an update does where the gradient is 0 -------------------------------------------- */
static bool above_zero(const Expr *e);

static bool not_below_zero(const Expr *e)
{
    if (e->kind == EXPR_num)
        return e->num >= 0;
    if (e->kind != EXPR_op)
        return false;
    if (e->op == OP_add || e->op == OP_mul || e->op == OP_max)
        return not_below_zero(e->arg[0]) && not_below_zero(e->arg[1]);
    return e->op == OP_sqrt || e->op == OP_abs || above_zero(e);
}

static bool above_zero(const Expr *e)
{
    if (e->kind == EXPR_num)
        return e->num > 0;
    if (!is_op(e, OP_add))
        return is_op(e, OP_exp);
    return (above_zero(e->arg[0]) && not_below_zero(e->arg[1]))
        || (not_below_zero(e->arg[0]) && above_zero(e->arg[1]));
}

static bool moves(Expr *e)
{
    return ANY_EXPR(x, e,
                    x->kind == EXPR_draw
                        || (x->kind == EXPR_read && x->tensor->role != ROLE_clock));
}

/* With 0 for gradients. Numbers, and what the clock makes of them, are taken to be finite. */
static Expr *at_zero(Expr *e, void *with)
{
    if (e->kind == EXPR_read && e->tensor->role == ROLE_grad)
        return expr_real(0);
    Expr *r = expr_map(e, at_zero, with);
    if (!is_op(r, OP_mul) && !is_op(r, OP_div))
        return r;
    Expr *a = r->arg[0], *b = r->arg[1];
    if (expr_is(a, 0) && (is_op(r, OP_div) ? above_zero(b) : !moves(b)))
        return expr_real(0);
    return is_op(r, OP_mul) && expr_is(b, 0) && !moves(a) ? expr_real(0) : r;
}

/* The stretch of parameters that a statement of an optimizer is about; NULL: it is none. */
static Tensor *stretch_of(const Stmt *s)
{
    Tensor *t = s->target;
    if (s->kind != STMT_nest || !s->update)
        return NULL;
    return t->role == ROLE_param ? t : t->role == ROLE_state ? t->of_param : NULL;
}

static bool covers(const Tensor *stretch, const Tensor *table)
{
    return stretch->offset <= table->offset
        && table->offset + tensor_count(table) <= stretch->offset + tensor_count(stretch);
}

/* Whether e is no number, nor the stretch's at the point of s. */
static bool strays(const Expr *e, const Stmt *s, const Tensor *stretch)
{
    const Tensor *t = e->tensor;
    if (e->kind != EXPR_read || t->rank == 0)
        return e->kind == EXPR_draw;
    const bool block = t->role == ROLE_param || t->role == ROLE_grad;
    return t->rank != 1 || e->check || !is_index(e->sub[0], s->index[0])
        || (block ? t->offset != stretch->offset : t->of_param != stretch);
}

/* One pass over the stretch, element by element, that does nothing where the gradient is 0. */
static bool rests(Stmt *s, const Tensor *stretch)
{
    if (s->set != SET_is || s->where || s->check || s->nindex != 1 || s->target->rank != 1
        || !is_index(s->sub[0], s->index[0]))
        return false;
    const bool strayed = ANY_EXPR(e, s->value, strays(e, s, stretch));
    const Expr *still = strayed ? NULL : at_zero(s->value, NULL);
    return still && still->kind == EXPR_read && still->tensor == s->target;
}

static bool update_rests(const Program *p, const Tensor *table)
{
    bool any = false;
    EACH(s, p->update) {
        const Tensor *stretch = stretch_of(s);
        if (!stretch || !stretches_meet(stretch, table))
            continue;
        if (!covers(stretch, table) || !rests(s, stretch))
            return false;
        any = true;
    }
    return any;
}

/* The k of k * g, a number that is the same for all elements; NULL: e is something else. */
static Expr *rate_in(const Expr *e)
{
    if (e->kind == EXPR_read && e->tensor->role == ROLE_grad)
        return expr_num(1);
    for (int k = 0; k < 2 && is_op(e, OP_mul); k++)
        if (!moves(e->arg[1 - k])) {
            Expr *rate = rate_in(e->arg[k]);
            return rate ? OP2(mul, e->arg[1 - k], rate) : NULL;
        }
    return NULL;
}

/* The k of an update that is p := p + k * g and no more; NULL: it is another. */
static Expr *rate_of(const Program *p, const Tensor *table)
{
    const Stmt *one = NULL;
    for (int k = 0; k < p->update.n; k++) {
        const Tensor *stretch = stretch_of(p->update.at[k]);
        if (stretch && stretches_meet(stretch, table) && one)
            return NULL;
        one = stretch && stretches_meet(stretch, table) ? p->update.at[k] : one;
    }
    const Expr *v = one->value;
    if ((!is_op(v, OP_sub) && !is_op(v, OP_add)) || v->arg[0]->kind != EXPR_read
        || v->arg[0]->tensor != one->target)
        return NULL;
    Expr *rate = rate_in(v->arg[1]);
    return rate && is_op(v, OP_sub) ? OP1(neg, rate) : rate;
}

static Tensor *list_new(Module *m, const Tensor *table)
{
    Tensor *list = tensor_new(m, format("%s.rows", table->name), ROLE_state, ELEM_int);
    const int n = table->axis[0].size;
    list->rank = 1;
    list->axis[0] = (Axis) { 1 + 2 * n, NULL, false, NULL };
    list->list = n;
    list->place = table->place;
    return list;
}

static void find_tables(Rows *r)
{
    for (int k = 0; k < r->p->trained.n && k < r->p->grads.n; k++) {
        Tensor *table = r->p->trained.at[k], *grad = r->p->grads.at[k];
        Writes w = { grad, true, true, 0, 0 };
        if (table->rank < 2 || tensor_count(table) < SMALL)
            continue;
        for (int j = 0; j < r->p->body.n; j++)
            see_write(&w, r->p, j);
        if (!w.fits || w.clears != 1 || !w.adds || !update_rests(r->p, table))
            continue;
        Expr *rate = w.direct && r->phase->clip == 0 ? rate_of(r->p, table) : NULL;
        const Found one = { table, grad, rate ? NULL : list_new(r->m, table), rate, { 0 } };
        INSERT_BEFORE(r->found, one, other, other.table->offset > table->offset);
    }
}

/* ---- the gradient --------------------------------------------------------------------------- */
static Stmt *emptied(const Found *f, const Stmt *like)
{
    Index *one = index_new(intern("u"), 1, NULL);
    Stmt *s = nest_for(like, f->rows, SET_is, expr_num(0));
    nest_index(s, one);
    s->sub[0] = expr_index(one);
    return s;
}

/* Only the rows of a step before that had no update; then the list is empty. */
static void clear_rows(const Found *f, Stmt *s, StmtList *out)
{
    Index *k = index_of_list(f->rows);
    s->index[index_among(s->index, s->nindex, s->sub[0]->index)] = k;
    s->sub[0] = row_at(f->rows, k);
    PUSH(*out, s);
    PUSH(*out, emptied(f, s));
}

/* For all points but those that differ in the row's elements alone. */
static void join_rows(const Found *f, Stmt *s, StmtList *out)
{
    Stmt *join = nest_for(s, f->rows, SET_join, s->sub[0]);
    join->sub[0] = expr_num(0);
    join->where = s->where;
    nest_used(join, s);
    PUSH(*out, join);
}

static void gradient_by_rows(Rows *r)
{
    StmtList out = { 0 };
    EACH(s, r->p->body) {
        Found *f = FIND_AT(found, r->found, found->grad == s->target);
        if (f && !f->rows) {
            PUSH(r->p->apart, s);
            if (s->set == SET_add) {
                PUSH(f->update, direct_update(s, f->table, f->rate));
                direct_bound(r->m, s, &r->phase->bound, &out);
            }
            continue;
        }
        if (f && s->set == SET_is) {
            clear_rows(f, s, &out);
            continue;
        }
        if (f)
            join_rows(f, s, &out);
        PUSH(out, s);
    }
    r->p->body = out;
}

/* ---- the update ----------------------------------------------------------------------------- */
/* The elements from .. from + count of a stretch. */
static Stmt *piece(const Stmt *s, long from, long count)
{
    Stmt *c = COPY(s);
    Index *old = s->index[0];
    c->index[0] = index_new(old->name, (int) count, NULL);
    Expr *at = OP2(add, expr_index(c->index[0]), expr_num((double) from));
    stmt_replace(c, &old, &at, 1);
    return c;
}

typedef struct { const Found *f; Expr *sub[MAX_RANK], *flat; } TablePlace;

/* Reads of parameters and gradients as those of the table. */
static Expr *of_table(Expr *e, void *with)
{
    TablePlace *p = with;
    if (e->kind != EXPR_read || e->tensor->rank == 0)
        return expr_map(e, of_table, with);
    if (e->tensor->role == ROLE_state)
        return expr_read(e->tensor, &p->flat, 0, NULL);
    return expr_read(e->tensor->role == ROLE_param ? p->f->table : p->f->grad, p->sub, 0, NULL);
}

static Stmt *listed(const Stmt *s, const Tensor *stretch, const Found *f)
{
    Tensor *t = f->table;
    Index *k = index_of_list(f->rows);
    TablePlace at = { .f = f };
    Stmt *c = COPY(s);
    c->nindex = 0;
    nest_index(c, k);
    at.flat = at.sub[0] = row_at(f->rows, k);
    for (int j = 1; j < t->rank; j++) {
        const Axis *a = &t->axis[j];
        Index *i = index_new(a->name ? a->name : intern("j"), a->size, NULL);
        nest_index(c, i);
        at.sub[j] = expr_index(i);
        at.flat = OP2(add, OP2(mul, at.flat, expr_num(i->size)), at.sub[j]);
    }
    at.flat = OP2(add, at.flat, expr_num((double) (t->offset - stretch->offset)));
    c->value = of_table(s->value, &at);
    if (s->target->role == ROLE_state) {
        c->sub[0] = at.flat;
    } else {
        c->target = t;
        memcpy(c->sub, at.sub, sizeof c->sub);
    }
    return c;
}

/* Once its row is updated, nobody needs its gradient: it is cleared while it is at hand. */
static Stmt *used_up(const Stmt *s, const Found *f)
{
    Stmt *c = COPY(s);
    c->target = f->grad;
    c->value = expr_real(0);
    for (int k = 0; k < f->table->rank; k++)
        c->sub[k] = k ? expr_index(s->index[k]) : row_at(f->rows, s->index[0]);
    return c;
}

/* The statements of one stretch: what lies between tables, and the tables,
 * each with all of them. */
static void update_stretch(Rows *r, Stmt **at, int n, StmtList *out)
{
    const Tensor *stretch = stretch_of(at[0]);
    long from = stretch->offset;
    const long end = from + tensor_count(stretch);
    for (int k = 0; k <= r->found.n; k++) {
        const Found *f = k < r->found.n ? &r->found.at[k] : NULL;
        if (f && !covers(stretch, f->table))
            continue;
        const long to = f ? f->table->offset : end;
        for (int j = 0; j < n && from < to; j++)
            PUSH(*out, piece(at[j], from - stretch->offset, to - from));
        for (int j = 0; f && j < f->update.n; j++)
            PUSH(*out, f->update.at[j]);
        for (int j = 0; j < n && f && f->rows; j++)
            PUSH(*out, listed(at[j], stretch, f));
        Stmt *done = f && f->rows ? used_up(out->at[out->n - 1], f) : NULL;
        if (done)
            PUSH(*out, done);
        from = f ? to + tensor_count(f->table) : end;
    }
}

static void update_by_rows(Rows *r)
{
    StmtList out = { 0 };
    for (int k = 0, n; k < r->p->update.n; k += n) {
        Stmt **at = &r->p->update.at[k];
        const Tensor *stretch = stretch_of(*at);
        const bool has = stretch && FIND_AT(f, r->found, covers(stretch, f->table));
        for (n = 1; has && k + n < r->p->update.n && stretch_of(at[n]) == stretch; n++)
            ;
        if (has)
            update_stretch(r, at, n, &out);
        else
            PUSH(out, *at);
    }
    EACH_AT(f, r->found)
        if (f->rows)
            PUSH(out, emptied(f, r->p->update.at[0]));
    r->p->update = out;
}

void rows(Module *m, Program *p)
{
    Rows r = { .m = m, .p = p };
    r.phase = FIND(phase, m->phases, phase->gradient == p);
    /* Gradients of several batches are gathered whole. */
    if (!r.phase || !r.phase->batch || r.phase->accumulate > 1)
        return;
    find_tables(&r);
    if (!r.found.n)
        return;
    gradient_by_rows(&r);
    update_by_rows(&r);
    EACH_AT(f, r.found)
        PUSH(r.phase->tables, ((RowTable) { f->table, f->rows }));
}
