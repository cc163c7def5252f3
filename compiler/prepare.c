/* prepare.c -- statements as the fast schedule wants them. Values stay what they are,
 * sums get another order.
 *
 *   - what a scan only collects (the gradients of its weights) leaves it, to be done for all steps
 *     at once;
 *   - a read with an `else` that depends on one index makes two statements, each a plain product
 *     over its part;
 *   - a sum over everything becomes one sum for each row, then the sum of those. */
#include "emit.h"
#include <math.h>

/* ---- out of scans --------------------------------------------------------------------------- */
/* ordered: what also leaves, but comes later, would be computed too late. */
static bool reads_settled(Emit *e, Stmt *scan, int b, const Access *a, const bool *leaves,
                          bool ordered)
{
    for (int k = 0; k < scan->body.n; k++)
        EACH_AT(w, stmt_accesses(scan->body.at[k])) {
            if (!w->write || !conflict(e, w, a))
                continue;
            if (k == b)         /* it adds onto what it reads: its steps have an order */
                return false;
            if (ordered && k > b && leaves[k])
                return false;
            if (!w->sub || !a->sub || w->tensor != a->tensor)
                return false;
            const int axis = FIRST(i, w->tensor->rank, is_index(w->sub[i], scan->step));
            long by, lo, hi;
            if (axis < 0 || !affine(a->sub[axis], scan->step, &by) || by != 1)
                return false;
            if (is_index(a->sub[axis], scan->step)) {
                if (k > b)
                    return false;
                continue;
            }
            Expr *offset = expr_op(OP_sub, a->sub[axis], expr_index(scan->step), NULL);
            if (!bounds(offset, &lo, &hi) || lo != hi || (scan->down ? lo <= 0 : lo >= 0))
                return false;
        }
    return true;
}

/* Whether a statement that stays, other than b, touches what b writes. */
static bool is_used(Emit *e, Stmt *scan, int b, const Access *written, const bool *leaves)
{
    for (int j = 0; j < scan->body.n; j++)
        if (!leaves[j] && j != b
            && FIND_AT(a, stmt_accesses(scan->body.at[j]), conflict(e, written, a)))
            return true;
    return false;
}

/* Unless what it computes is of no use to the rest of the scan, and what it
 * needs stays as it is. */
static bool must_stay(Stmt *scan, int b, const bool *leaves, int ordered, void *with)
{
    Emit *e = with;
    Stmt *s = scan->body.at[b];
    if (!accumulates(s) || s->held || s->nindex >= 2 * MAX_RANK - 1)
        return true;
    return FIND_AT(a, stmt_accesses(s), a->write ? is_used(e, scan, b, a, leaves)
                                                 : !reads_settled(e, scan, b, a, leaves, ordered));
}

/* ---- either, or ----------------------------------------------------------------------------- */
/* The index v of s for which x is v + c with a constant c; NULL: there is none. */
static Index *shifted_index(Stmt *s, Expr *x, long *c)
{
    for (int k = 0; k < s->nindex; k++) {
        Expr *rest = expr_op(OP_sub, x, expr_index(s->index[k]), NULL);
        long hi;
        if (!s->index[k]->limit && bounds(rest, c, &hi) && *c == hi)
            return s->index[k];
    }
    return NULL;
}

/* A factor with an `else` whose check depends on the step of a scan, or on one index alone. */
static Expr *find_else(Stmt *s, Expr *x)
{
    if (x->kind == EXPR_op && x->op == OP_mul) {
        Expr *found = find_else(s, x->arg[0]);
        return found ? found : find_else(s, x->arg[1]);
    }
    if (x->kind != EXPR_read || !x->check || !x->other)
        return NULL;
    const unsigned check = checks_needed(x->tensor, x->sub, x->check);
    long c;
    for (int k = 0; k < x->tensor->rank; k++) {
        const bool known = !uses_own(s, x->sub[k]) || shifted_index(s, x->sub[k], &c);
        if ((check >> k & 1) && (x->tensor->axis[k].length || !known))
            return NULL;
    }
    return check && !(check & (check - 1)) ? x : NULL;
}

static Stmt *either_or(Emit *e, Stmt *s)
{
    const bool adds = s->kind == STMT_nest && s->set == SET_add && !s->held;
    Expr *x = adds ? find_else(s, s->value) : NULL;
    if (!x)
        return NULL;
    Expr *inside = expr_inside(expr_read(x->tensor, x->sub,
                                         checks_needed(x->tensor, x->sub, x->check), NULL));
    Stmt *other = COPY(s);
    other->value = expr_put(s->value, x, x->other);
    other->where = expr_both(s->where, OP1(not, inside));
    s->value = expr_put(s->value, x, expr_read(x->tensor, x->sub, 0, NULL));
    s->where = expr_both(s->where, inside);
    return stmt_copy(e, other);
}

/* A check of the target that all points share, or all of an example, is a
 * condition of the statement. */
static void lift_check(Stmt *s)
{
    if (s->kind != STMT_nest || s->nouter != s->nindex)
        return;
    for (int k = 0; k < s->target->rank; k++)
        if ((s->check >> k & 1) && !uses_own(s, s->sub[k])) {
            s->where = expr_both(s->where,
                                 expr_inside(expr_read(s->target, s->sub, 1u << k, NULL)));
            s->check &= ~(1u << k);
        }
}

/* ---- shorter loops -------------------------------------------------------------------------- */
/* The values of v for which v + c is in [0, size), or is not; false: they are no interval. */
static bool interval(long c, long size, long n, bool in, long *from, long *to)
{
    *from = c < 0 ? -c : 0;
    *to = size - c < n ? size - c : n;
    if (in)
        return *from < *to;
    if (*from > 0 && *to == n) {
        *to = *from;
        *from = 0;
        return *to <= n;
    }
    if (*from == 0 && *to < n && *to > 0) {
        *from = *to;
        *to = n;
        return true;
    }
    return false;
}

typedef struct { Expr *condition; Index *index; long from, to; } Shorter;

/* A condition that only says where an index begins or ends. */
static bool find_shorter(Stmt *s, Expr *x, Shorter *found)
{
    if (x->kind == EXPR_op && x->op == OP_and)
        return find_shorter(s, x->arg[0], found) || find_shorter(s, x->arg[1], found);
    const bool not = x->kind == EXPR_op && x->op == OP_not;
    Expr *inside = not ? x->arg[0] : x;
    if (inside->kind != EXPR_inside)
        return false;
    Expr *read = inside->arg[0];
    const unsigned check = checks_needed(read->tensor, read->sub, read->check);
    for (int k = 0; k < read->tensor->rank; k++) {
        long c;
        if (check != 1u << k || read->tensor->axis[k].length)
            continue;
        found->condition = x;
        found->index = shifted_index(s, read->sub[k], &c);
        const long size = read->tensor->axis[k].size;
        if (found->index && interval(c, size, found->index->size, !not, &found->from, &found->to))
            return true;
    }
    return false;
}

static Expr *without(Expr *x, Expr *gone)
{
    if (x == gone)
        return NULL;
    if (x->kind != EXPR_op || x->op != OP_and)
        return x;
    Expr *a = without(x->arg[0], gone), *b = without(x->arg[1], gone);
    return a && b ? expr_op(OP_and, a, b, NULL) : a ? a : b;
}

/* where 0 <= v + c: v begins at -c instead. */
static void shorten_loops(Stmt *s)
{
    Shorter f;
    if (s->kind != STMT_nest || s->nouter != s->nindex || s->set == SET_is)
        return;
    while (s->where && find_shorter(s, s->where, &f)) {
        Index *w = index_new(f.index->name, (int) (f.to - f.from), NULL);
        Expr *at = expr_op(OP_add, expr_index(w), expr_num((double) f.from), NULL);
        w->mark = -1;
        s->where = without(s->where, f.condition);
        stmt_replace(s, &f.index, &at, 1);
        s->index[index_among(s->index, s->nindex, f.index)] = w;
    }
}

/* ---- partial sums --------------------------------------------------------------------------- */
static Expr *identity(Set set)
{
    static const double of[] = { [SET_mul] = 1, [SET_max] = -INFINITY, [SET_min] = INFINITY };
    return expr_real(of[set]);
}

/* The index to make rows of: the examples if they are there. -1: not worth it, or its
 * target has rows already. */
static int row_index(Stmt *s)
{
    if (!accumulates(s) || s->held || s->nindex < 2
        || stmt_points(s) < 4096 || s->target->elem != ELEM_real || s->target->rank)
        return -1;
    const int row = FIRST(k, s->nindex, tells_example(s, s->index[k]));
    return row >= 0 ? row : FIRST(k, s->nindex, !s->index[k]->limit);
}

static Stmt *over_rows(Emit *e, Stmt *like, Tensor *t, Set set, Expr *value, Tensor *target,
                       Index *row)
{
    Stmt *s = nest_for(like, target, set, value);
    s->index[0] = row;
    s->nindex = s->nouter = 1;
    if (target == t)
        s->sub[0] = expr_index(row);
    return stmt_copy(e, s);
}

static bool partial_sum(Emit *e, Stmt *s, StmtList *out)
{
    const int k = row_index(s);
    if (k < 0)
        return false;
    Index *row = s->index[k];
    Tensor *t = tensor_new(e->m, format("%s.rows", s->target->name), ROLE_temp, ELEM_real);
    t->rank = 1;
    t->axis[0].size = row->size;
    t->axis[0].example = row->limit != NULL;
    Expr *at[] = { expr_index(row) };
    var_of(e, t);
    PUSH(*out, over_rows(e, s, t, SET_is, identity(s->set), t, row));
    Tensor *sum = s->target;
    Stmt *total = over_rows(e, s, t, s->set, expr_read(t, at, 0, NULL), sum, row);
    s->target = t;
    s->sub[0] = at[0];
    PUSH(*out, s);
    PUSH(*out, total);
    return true;
}

/* ---- all ------------------------------------------------------------------------------------ */
static StmtList prepared(Emit *e, StmtList *list)
{
    StmtList out = { 0 };
    EACH(s, *list) {
        if (s->kind == STMT_scan) {
            s->body = prepared(e, &s->body);
            const StmtList after = scan_leave(s, must_stay, e);
            if (s->body.n)
                PUSH(out, s);
            EACH(left, after)
                PUSH(out, stmt_copy(e, left));
            continue;
        }
        lift_check(s);
        Stmt *other = either_or(e, s);
        shorten_loops(s);
        if (other)
            shorten_loops(other);
        if (!partial_sum(e, s, &out))
            PUSH(out, s);
        if (other)
            PUSH(out, other);
    }
    return out;
}

void prepare(Emit *e)
{
    EACH(run, e->runs)
        run->stmts = prepared(e, &run->stmts);
    margins_find(e);
    EACH(run, e->runs)
        run->stmts = halo(e, &run->stmts);
}
