/* factor.c -- fewer products for the same sums. Values stay what they are, sums get another order.
 *
 *     y[n, t, j] += x[n, i] * w[i, j]       is the same for every t: computed once, then added to
 *                                           each
 *     dw[i, j] += x[n, i] * dy[n, t, j]     x has no part in t: dy is summed over t first
 *     dz[n, i] += dx[n, t, i]               where dx is such a sum of products that nothing else
 *                                           reads: one sum over all
 *     g[n, t, j] = a[n, t, j]               where a is of no more use: it is computed in g
 *
 * Fast schedule alone, after simplify.c, which reads through what became a copy. */
#include "emit.h"

enum { LITTLE = 4096, FEW = 8 };        /* points, products a sum saves: not worth a tensor */

/* along: NULL at axes that are left */
typedef struct { const Tensor *of; Index *along[MAX_RANK]; Tensor *sum; } Made;

typedef struct {
    Module *m;
    Program *p;
    StrList names;
    VEC(Made) made;             /* sums of tensors that have not changed since */
} Factor;

/* ---- what statements are -------------------------------------------------------------------- */
static bool is_sum(const Stmt *s)
{
    return s->kind == STMT_nest && s->set == SET_add && !s->update && everywhere(s)
        && s->target->elem == ELEM_real;
}

/* Whether e is t[i, j, ..], of real numbers. */
static bool is_plain_read(const Stmt *s, const Expr *e)
{
    return e->kind == EXPR_read && !e->check && e->tensor->elem == ELEM_real
        && all_own(s, e->sub, e->tensor->rank);
}

static bool names(Stmt *s, const Tensor *t)
{
    const TensorList of = stmt_tensors(s);
    return HAS(of, t) || FIND(inner, s->body, names(inner, t));
}

static bool writes(Stmt *s, const Tensor *t)
{
    return s->target == t || FIND(inner, s->body, writes(inner, t));
}

static int users(Factor *f, const Tensor *t)
{
    int n = 0;
    EACH_STMT_OF(s, f->p)
        n += s->kind != STMT_scan && names(s, t);
    return n;
}

/* ---- once ----------------------------------------------------------------------------------- */
static bool sum_once(Factor *f, Stmt *s, StmtList *out)
{
    if (!is_sum(s) || !is_op(s->value, OP_mul) || stmt_points(s) < LITTLE
        || !all_own(s, s->sub, s->target->rank))
        return false;
    const int rank = s->target->rank;
    if (!ANY(k, rank, expr_uses(s->value, s->sub[k]->index))
        || ALL(k, rank, expr_uses(s->value, s->sub[k]->index) || s->sub[k]->index->size == 1))
        return false;
    Tensor *t = temp_beside(f->m, &f->names, s->target, "once", s->place);
    Stmt *sum = nest_for(s, t, SET_add, s->value), *clear = nest_for(s, t, SET_is, expr_real(0));
    Stmt *add = nest_for(s, s->target, SET_add, NULL);
    for (int k = 0; k < rank; k++) {
        Index *const i = s->sub[k]->index;
        add->sub[k] = s->sub[k];
        nest_index(add, i);
        if (!expr_uses(s->value, i))
            continue;
        clear->sub[t->rank] = s->sub[k];
        nest_index(clear, i);
        nest_axis(sum, i, s->target->axis[k], true);
    }
    for (int k = 0; k < s->nindex; k++)
        if (target_axis(s, s->index[k]) < 0)
            nest_index(sum, s->index[k]);
    add->value = expr_read(t, sum->sub, 0, NULL);
    const int before = out->n - 1;
    if (before >= 0 && add_to_fill(out->at[before], add))
        REMOVE(*out, before);
    PUSH(*out, clear);
    PUSH(*out, sum);
    PUSH(*out, add);
    return true;
}

/* ---- first ---------------------------------------------------------------------------------- */
/* Whether i is summed over, and nothing but the factor has a part in it. */
static bool is_alone(Stmt *s, Expr *factor, Expr *other, Index *i)
{
    return reduces(s, i) && expr_uses(factor, i) && !expr_uses(other, i) && !limits_another(s, i);
}

/* How many products one sum of the factor takes the place of, beside those of the sum. */
static double repeats(const Stmt *s, Expr *factor)
{
    double n = 1;
    for (int k = 0; k < s->nindex; k++)
        n *= expr_uses(factor, s->index[k]) ? 1 : s->index[k]->size;
    return n;
}

static Made *made_before(Factor *f, const Expr *read, Index *const *along)
{
    return FIND_AT(m, f->made, m->of == read->tensor
                   && ALL(k, read->tensor->rank, !m->along[k] == !along[k]
                          && (!along[k] || same_range(m->along[k], along[k]))));
}

/* The sum of what is read along some axes; the statements that compute it go to out. */
static Tensor *sum_of(Factor *f, Stmt *s, Expr *read, Index *const *along, StmtList *out)
{
    const Made *had = made_before(f, read, along);
    if (had)
        return had->sum;
    Tensor *t = temp_beside(f->m, &f->names, read->tensor, "sum", s->place);
    Stmt *sum = nest_for(s, t, SET_add, read), *clear = nest_for(s, t, SET_is, expr_real(0));
    for (int k = 0; k < read->tensor->rank; k++)
        if (!along[k]) {
            clear->sub[t->rank] = read->sub[k];
            nest_index(clear, read->sub[k]->index);
            nest_axis(sum, read->sub[k]->index, read->tensor->axis[k], true);
        }
    for (int k = 0; k < read->tensor->rank; k++)
        if (along[k])
            nest_index(sum, along[k]);
    PUSH(*out, clear);
    PUSH(*out, sum);
    Made made = { .of = read->tensor, .sum = t };
    memcpy(made.along, along, sizeof made.along);
    PUSH(f->made, made);
    return t;
}

/* Its element, with the indices that are left. */
static Expr *read_sum(Tensor *sum, const Expr *read, Index *const *along)
{
    Expr *sub[MAX_RANK];
    int rank = 0;
    for (int k = 0; k < read->tensor->rank; k++)
        if (!along[k])
            sub[rank++] = read->sub[k];
    return expr_read(sum, sub, 0, NULL);
}

static void drop_indices(Stmt *s, Index *const *gone)
{
    for (int k = 0; k < MAX_RANK; k++)
        for (int at; gone[k] && (at = index_among(s->index, s->nindex, gone[k])) >= 0;) {
            memmove(&s->index[at], &s->index[at + 1],
                    (size_t) (--s->nindex - at) * sizeof *s->index);
            s->nouter = s->nindex;
        }
}

static void sum_first(Factor *f, Stmt *s, StmtList *out)
{
    if (!is_sum(s) || !is_op(s->value, OP_mul) || stmt_points(s) < LITTLE)
        return;
    for (int side = 0; side < 2; side++) {
        Expr *const factor = s->value->arg[side];
        Expr *both[2] = { s->value->arg[0], s->value->arg[1] };
        if (!is_plain_read(s, factor) || repeats(s, factor) < FEW)
            continue;
        Index *along[MAX_RANK] = { 0 };
        int left = factor->tensor->rank;
        for (int k = 0; k < factor->tensor->rank; k++)
            if (is_alone(s, factor, both[1 - side], factor->sub[k]->index)) {
                along[k] = factor->sub[k]->index;
                left--;
            }
        if (left == factor->tensor->rank || left == 0)
            continue;
        both[side] = read_sum(sum_of(f, s, factor, along, out), factor, along);
        s->value = OP2(mul, both[0], both[1]);
        drop_indices(s, along);
        return;
    }
}

/* A sum of t over more axes than one that is made already. */
static void sum_from_made(Factor *f, Stmt *s)
{
    if (!is_sum(s) || !is_plain_read(s, s->value))
        return;
    EACH_AT(m, f->made) {
        Index *along[MAX_RANK] = { 0 };
        bool good = m->of == s->value->tensor;
        for (int k = 0; good && k < m->of->rank; k++)
            if (m->along[k]) {
                along[k] = s->value->sub[k]->index;
                good = reduces(s, along[k]) && !limits_another(s, along[k])
                    && same_range(m->along[k], along[k]);
            }
        if (good) {
            s->value = read_sum(m->sum, s->value, along);
            drop_indices(s, along);
            return;
        }
    }
}

/* ---- sums of sums --------------------------------------------------------------------------- */
/* Whether a product of s can be summed over some of the axes of its target
 * before it is multiplied. */
static bool gains(const Stmt *s, const Stmt *reader)
{
    return ANY(k, s->target->rank, target_axis(reader, reader->value->sub[k]->index) < 0
               && ANY(side, 2, !expr_uses(s->value->arg[side], s->sub[k]->index)));
}

/* s computes what the reader sums up, and nobody else reads: the reader's
 * target gets all of it. */
static Stmt *joined(Stmt *s, Stmt *reader)
{
    Index *from[2 * MAX_RANK];
    Expr *to[2 * MAX_RANK];
    int n = 0;
    Stmt *sum = nest_for(s, reader->target, SET_add, NULL);
    memcpy(sum->sub, reader->sub, sizeof sum->sub);
    for (int k = 0; k < reader->nindex; k++)
        nest_index(sum, reader->index[k]);
    for (; n < s->target->rank; n++) {
        from[n] = s->sub[n]->index;
        to[n] = reader->value->sub[n];
    }
    for (int k = 0; k < s->target->rank; k++)
        if (from[k]->size != to[k]->index->size || !from[k]->limit != !to[k]->index->limit
            || (from[k]->limit
                && !expr_same(expr_replace(from[k]->limit, from, to, n), to[k]->index->limit)))
            return NULL;
    for (int k = 0; k < s->nindex; k++)
        if (target_axis(s, s->index[k]) < 0) {
            if (sum->nindex == 2 * MAX_RANK)
                return NULL;
            Index *i = index_new(s->index[k]->name, s->index[k]->size,
                                 expr_replace(s->index[k]->limit, from, to, n));
            nest_index(sum, i);
            from[n] = s->index[k];
            to[n++] = expr_index(i);
        }
    sum->value = expr_replace(s->value, from, to, n);
    return sum;
}

static bool reads_written(Stmt *s, const StmtList *list, int from, int to)
{
    return FIND(t, stmt_tensors(s),
                t != s->target && ANY(k, to, k >= from && writes(list->at[k], t)));
}

static void join_sums(Factor *f, StmtList *list)
{
    for (int r = 0; r < list->n; r++) {
        Stmt *reader = list->at[r];
        if (!is_sum(reader) || !is_plain_read(reader, reader->value)
            || reader->value->tensor->rank == reader->target->rank)
            continue;
        Tensor *const t = reader->value->tensor;
        const int fill = FIRST(k, r, fills(list->at[k], t));
        const int at = FIRST(k, r, is_sum(list->at[k]) && list->at[k]->target == t);
        if (fill < 0 || at < fill || is_kept(f->p, t) || users(f, t) != 3
            || !expr_is(list->at[fill]->value, 0))
            continue;
        Stmt *s = list->at[at];
        if (!is_op(s->value, OP_mul) || !all_own(s, s->sub, t->rank) || names(s, reader->target)
            || !gains(s, reader) || reads_written(s, list, at + 1, r))
            continue;
        Stmt *sum = joined(s, reader);
        if (sum) {
            list->at[r] = sum;
            REMOVE(*list, at);
            REMOVE(*list, fill);
            r -= 2;
        }
    }
}

/* ---- in place ------------------------------------------------------------------------------- */
typedef struct { Tensor *from, *to; } Rename;

static Expr *renamed(Expr *e, void *with)
{
    const Rename *r = with;
    Expr *now = expr_map(e, renamed, with);
    if (now->tensor != r->from)
        return now;
    return expr_read(r->to, now->sub, now->check, now->other);
}

static bool alike(const Tensor *a, const Tensor *b)
{
    return a->elem == b->elem && a->rank == b->rank
        && ALL(k, a->rank,
               a->axis[k].size == b->axis[k].size && a->axis[k].length == b->axis[k].length);
}

/* Whether list[at] copies all of a tensor, which is used before and never after, to one that is
 * used after and never before. */
static bool moves(Factor *f, const StmtList *list, int at)
{
    Stmt *s = list->at[at];
    Expr *const e = s->value;
    if (s->kind != STMT_nest || !fills(s, s->target) || !is_plain_read(s, e)
        || !alike(s->target, e->tensor)
        || !ALL(k, e->tensor->rank, is_index(e->sub[k], s->sub[k]->index))
        || e->tensor->role != ROLE_temp || is_kept(f->p, e->tensor)
        || s->target->role != ROLE_temp)
        return false;
    int before = 0;
    for (int k = 0; k < at; k++) {
        if (names(list->at[k], s->target))
            return false;
        if (names(list->at[k], e->tensor) && list->at[k]->kind != STMT_nest)
            return false;
        before += names(list->at[k], e->tensor);
    }
    return before + 1 == users(f, e->tensor);
}

static void move_in_place(Factor *f, StmtList *list)
{
    for (int at = 0; at < list->n; at++) {
        if (!moves(f, list, at))
            continue;
        Rename r = { list->at[at]->value->tensor, list->at[at]->target };
        for (int k = 0; k < at; k++)
            if (names(list->at[k], r.from)) {
                stmt_map(list->at[k], renamed, &r);
                if (list->at[k]->target == r.from)
                    list->at[k]->target = r.to;
            }
        REMOVE(*list, at);
        at--;
    }
}

/* ---- all ------------------------------------------------------------------------------------ */
/* Within the steps of a scan. */
static void factor_scan(Factor *f, Stmt *scan)
{
    StmtList out = { 0 };
    EACH(s, scan->body) {
        factor_scan(f, s);
        if (!sum_once(f, s, &out))
            PUSH(out, s);
    }
    scan->body = out;
}

static void factor_list(Factor *f, StmtList *list)
{
    StmtList out = { 0 };
    EACH(s, *list) {
        factor_scan(f, s);
        if (!sum_once(f, s, &out)) {
            sum_first(f, s, &out);
            sum_from_made(f, s);
            PUSH(out, s);
        }
        for (int k = f->made.n; k-- > 0;)
            if (writes(s, f->made.at[k].of))
                REMOVE(f->made, k);
    }
    *list = out;
}

void factor(Module *m, Program *p)
{
    Factor f = { .m = m, .p = p };
    names_of(&f.names, p);
    join_sums(&f, &p->body);
    factor_list(&f, &p->body);
    move_in_place(&f, &p->body);
    simplify(m, p);
}
