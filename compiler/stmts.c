/* stmts.c -- what the emitter asks of statements: copies, accesses, affine subscripts. */
#include "emit.h"

/* ---- copies with indices of their own ------------------------------------------------------- */
static Index *fresh(Emit *e, Index *i)
{
    Index *copy = index_new(i->name, i->size, i->limit);
    copy->mark = -1;
    index_info(e, copy);
    return copy;
}

Stmt *stmt_copy(Emit *e, Stmt *s)
{
    Stmt *c = COPY(s);
    Index *from[2 * MAX_RANK + 1];
    Expr *to[2 * MAX_RANK + 1];
    int n = 0;
    for (int k = 0; k < s->nindex; k++) {
        c->index[k] = fresh(e, s->index[k]);
        from[n] = s->index[k];
        to[n++] = expr_index(c->index[k]);
    }
    if (s->kind == STMT_scan) {
        c->step = fresh(e, s->step);
        from[n] = s->step;
        to[n++] = expr_index(c->step);
        c->body = (StmtList) { 0 };
        EACH(inner, s->body)
            PUSH(c->body, stmt_copy(e, inner));
    }
    stmt_replace(c, from, to, n);
    return c;
}

void stmt_drop_ones(Stmt *s)
{
    EACH(inner, s->body)
        stmt_drop_ones(inner);
    for (int k = 0; s->kind == STMT_nest && k < s->nouter; k++) {
        Index *i = s->index[k];
        Expr *zero = expr_num(0);
        if (i->size != 1 || i->limit)
            continue;
        s->nindex--;
        s->nouter--;
        memmove(&s->index[k], &s->index[k + 1], (size_t) (s->nindex - k) * sizeof i);
        stmt_replace(s, &i, &zero, 1);
        k--;
    }
}

/* ---- accesses ------------------------------------------------------------------------------- */
typedef struct { AccessList list; Stmt *stmt; } Noting;

static void note_lengths(Noting *n, Tensor *t)
{
    for (int k = 0; k < t->rank; k++) {
        Tensor *length = t->axis[k].length;
        if (length && length->role != ROLE_clock)
            PUSH(n->list, ((Access) { length, NULL, n->stmt, false, -1 }));
    }
}

/* The elements read. Whether a place is inside is told by its subscripts, not
   by what stands there. */
static void note_reads(Noting *n, Expr *x)
{
    if (!x)
        return;
    Expr *read = x->kind == EXPR_inside ? x->arg[0] : x;
    if (x->kind == EXPR_read && x->tensor->role != ROLE_clock)
        PUSH(n->list, ((Access) { x->tensor, x->sub, n->stmt, false, -1 }));
    if (read->kind == EXPR_read && read->check)
        note_lengths(n, read->tensor);
    for (int k = 0; expr_part(read, k); k++)
        note_reads(n, *expr_part(read, k));
}

static void note_stmt(Noting *n, Stmt *s)
{
    n->stmt = s;
    if (s->target && s->kind != STMT_scan) {
        const bool place = s->kind == STMT_nest && s->set != SET_join;
        const bool add = accumulates(s) || (s->kind == STMT_nest && s->set == SET_join);
        const int set = add ? (int) s->set : -1;
        PUSH(n->list, ((Access) { s->target, place ? s->sub : NULL, s, true, set }));
    }
    if (s->kind == STMT_nest && s->check)
        note_lengths(n, s->target);
    if (s->source)
        PUSH(n->list, ((Access) { s->source, NULL, s, false, -1 }));
    for (int k = 0; k < s->nindex; k++)
        note_reads(n, s->index[k]->limit);
    for (int k = 0; stmt_part(s, k); k++)
        note_reads(n, *stmt_part(s, k));
    EACH(inner, s->body)
        note_stmt(n, inner);
    n->stmt = s;
    if (s->stop)
        PUSH(n->list, ((Access) { s->stop, NULL, s, false, -1 }));
}

AccessList stmt_accesses(Stmt *s)
{
    Noting n = { 0 };
    note_stmt(&n, s);
    return n.list;
}

/* ---- dependence ----------------------------------------------------------------------------- */
static bool overlap(const Tensor *a, const Tensor *b)
{
    return a->role == b->role && (a->role == ROLE_param || a->role == ROLE_grad)
        && stretches_meet(a, b);
}

bool conflict(Emit *e, const Access *a, const Access *b)
{
    if (!a->write && !b->write)
        return false;
    Var *u = var_of(e, a->tensor), *v = var_of(e, b->tensor);
    return var_root(u) == var_root(v) || overlap(a->tensor, b->tensor);
}

bool depends(Emit *e, Stmt *a, Stmt *b)
{
    const AccessList p = stmt_accesses(a), q = stmt_accesses(b);
    return FIND_AT(x, p, FIND_AT(y, q, conflict(e, x, y)));
}

bool meet_alike(Emit *e, const Access *a, Index *ia, const Access *b, Index *ib)
{
    if (!a->sub || !b->sub || !ia || !ib)
        return false;
    const bool alias = var_of(e, a->tensor) != var_of(e, b->tensor);
    if (alias && overlap(a->tensor, b->tensor))
        return false;
    if (alias && a->tensor->axis[0].size != b->tensor->axis[0].size)
        return false;
    return ANY(k, alias ? 1 : a->tensor->rank,
               index_told(a->sub[k]) == ia && index_told(b->sub[k]) == ib
                   && a->sub[k]->tensor == b->sub[k]->tensor);
}

/* ---- sizes ---------------------------------------------------------------------------------- */
long tensor_bytes(Emit *e, const Tensor *t)
{
    return tensor_count(t) * (t->elem == ELEM_int ? 4 : e->how.f64 ? 8 : 4);
}

/* ---- expressions ---------------------------------------------------------------------------- */
bool affine(Expr *x, Index *i, long *by)
{
    long a, b;
    *by = 0;
    if (!expr_uses(x, i))
        return true;
    if (x->kind == EXPR_index) {
        *by = 1;
        return true;
    }
    if (x->kind != EXPR_op)
        return false;
    if (x->op == OP_neg && affine(x->arg[0], i, &a)) {
        *by = -a;
        return true;
    }
    if ((x->op == OP_add || x->op == OP_sub) && affine(x->arg[0], i, &a)
        && affine(x->arg[1], i, &b)) {
        *by = x->op == OP_add ? a + b : a - b;
        return true;
    }
    if (x->op == OP_mul)
        for (int k = 0; k < 2; k++)
            if (x->arg[k]->kind == EXPR_num && affine(x->arg[1 - k], i, &a)) {
                *by = a * (long) x->arg[k]->num;
                return true;
            }
    return false;
}

/* By what the text says alone: nothing that stands in memory is trusted. */
bool bounds(Expr *x, long *lo, long *hi)
{
    const Span r = expr_range(x);
    const bool known = x->whole && !ANY_EXPR(part, x, part->kind == EXPR_read)
        && r.lo > -(1L << 30) && r.hi < 1L << 30;
    *lo = known ? (long) r.lo : 0;
    *hi = known ? (long) r.hi : 0;
    return known;
}

unsigned checks_needed(Tensor *t, Expr **sub, unsigned check)
{
    long lo, hi;
    for (int k = 0; k < t->rank; k++)
        if (!t->axis[k].length && bounds(sub[k], &lo, &hi) && lo >= 0 && hi < t->axis[k].size)
            check &= ~(1u << k);
    return check;
}

bool same_subs(Expr *const *a, Expr *const *b, int n)
{
    return ALL(k, n, expr_same(a[k], b[k]));
}

long index_stride(Expr *sub[], Tensor *t, Index *i, bool *known)
{
    long stride = 1, sum = 0;
    *known = true;
    for (int k = t->rank; k-- > 0;) {
        long by;
        if (!affine(sub[k], i, &by))
            *known = false;
        sum += by * stride;
        stride *= axis_room(t, k);
    }
    return sum;
}

/* ---- statements ----------------------------------------------------------------------------- */
bool reduces(Stmt *s, Index *i)
{
    return !ANY(k, s->target->rank, expr_uses(s->sub[k], i));
}

bool uses_own(Stmt *s, Expr *x)
{
    return ANY(k, s->nindex, expr_uses(x, s->index[k]));
}

bool limits_another(Stmt *s, Index *i)
{
    return ANY(k, s->nindex, expr_uses(s->index[k]->limit, i));
}

bool same_range(const Index *a, const Index *b)
{
    return a->size == b->size && expr_same(a->limit, b->limit);
}

bool accumulates(const Stmt *s)
{
    return s->kind == STMT_nest && s->set >= SET_add && s->set <= SET_min;
}

bool is_extreme(const Stmt *s)
{
    return s->kind == STMT_nest && (s->set == SET_max || s->set == SET_min);
}

bool everywhere(const Stmt *s)
{
    return !s->where && !s->check && !s->held;
}

bool all_own(const Stmt *s, Expr *const *sub, int rank)
{
    return ALL(k, rank,
               sub[k]->kind == EXPR_index && index_among(s->index, s->nindex, sub[k]->index) >= 0
                   && !ANY(j, k, is_index(sub[j], sub[k]->index)));
}

bool fills(const Stmt *s, const Tensor *t)
{
    return s->kind == STMT_nest && s->set == SET_is && s->target == t && !s->update
        && everywhere(s) && all_own(s, s->sub, t->rank);
}

bool add_to_fill(const Stmt *fill, Stmt *add)
{
    const int rank = add->target->rank;
    if (!fills(fill, add->target)
        || !ALL(k, rank, same_range(fill->sub[k]->index, add->sub[k]->index)))
        return false;
    Index *from[MAX_RANK];
    for (int k = 0; k < rank; k++)
        from[k] = fill->sub[k]->index;
    add->set = SET_is;
    if (!expr_is(fill->value, 0))
        add->value = OP2(add, expr_replace(fill->value, from, add->sub, rank), add->value);
    return true;
}

bool tells_example(Stmt *s, Index *i)
{
    return FIND_AT(a, stmt_accesses(s), a->sub
        && ANY(k, a->tensor->rank, a->tensor->axis[k].example && is_index(a->sub[k], i)));
}

double stmt_points(Stmt *s)
{
    double n = 1;
    for (int k = 0; k < s->nindex; k++)
        n *= s->index[k]->size;
    if (s->kind == STMT_scan) {
        double sum = 0;
        EACH(inner, s->body)
            sum += stmt_points(inner);
        return sum * s->step->size;
    }
    return s->kind == STMT_nest ? n : (double) tensor_count(s->target);
}

void find_needed(StmtList *list, TensorList *needed)
{
    for (int k = list->n; k-- > 0; ) {
        Stmt *s = list->at[k];
        /* An earlier step may feed a later one. */
        for (int before = -1; s->kind == STMT_scan && before != needed->n; ) {
            before = needed->n;
            find_needed(&s->body, needed);
        }
        if (s->kind != STMT_scan && HAS(*needed, s->target))
            EACH(t, stmt_tensors(s))
                PUSH_NEW(*needed, t);
    }
}
