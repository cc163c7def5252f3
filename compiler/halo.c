/* halo.c -- windows that overlap the border, without the border.
 *
 *     y[n, o, i, j] += x[n, a, i + u - 1, j + v - 1] * f[o, a, u, v]       where that is inside of x
 *
 * reads a copy of x with a frame of zeros around it, so that every point counts and the sum is a contraction.
 * What scatters over a border does so onto a framed temporary, of which the inside is then added to the target. */
#include "emit.h"

typedef struct { Tensor *of, *framed; long before[MAX_RANK]; } Frame;

static struct { Frame *at; int n, room; } frames;       /* of what is still as it was when it was copied */

/* ---- frames ----------------------------------------------------------------------------------- */
/* How far the checked subscripts reach beyond each end; false: not known, or too far to be worth it. */
static bool reach(Tensor *t, Expr **sub, unsigned check, long *before, long *after)
{
    for (int k = 0; k < t->rank; k++) {
        long lo, hi;
        before[k] = after[k] = 0;
        if (!(check >> k & 1))
            continue;
        if (t->axis[k].length || !bounds(sub[k], &lo, &hi))
            return false;
        before[k] = lo < 0 ? -lo : 0;
        after[k] = hi >= t->axis[k].size ? hi - t->axis[k].size + 1 : 0;
        if (before[k] + after[k] > 2L * t->axis[k].size)
            return false;
    }
    return true;
}

static Tensor *framed_tensor(Emit *e, Tensor *t, const long *before, const long *after)
{
    Tensor *f = tensor_new(e->m, format("%s.framed", t->name), ROLE_temp, ELEM_real);
    f->rank = t->rank;
    for (int k = 0; k < t->rank; k++) {
        f->axis[k] = t->axis[k];
        f->axis[k].size += (int) (before[k] + after[k]);
    }
    var_of(e, f);
    return f;
}

/* An index for each axis of t; examples only as far as they go. */
static void indices_of(Emit *e, Stmt *s, Tensor *t, Expr **at)
{
    for (int k = 0; k < t->rank; k++) {
        Tensor *length = t->axis[k].length;
        Expr *limit = length && !length->rank ? expr_scalar(length) : NULL;
        Index *i = index_new(t->axis[k].name, t->axis[k].size, limit);
        i->mark = -1;
        index_info(e, i);
        s->index[s->nindex++] = i;
        at[k] = expr_index(i);
    }
    s->nouter = s->nindex;
}

static Stmt *clear(Emit *e, Stmt *s, Tensor *f)
{
    Stmt *c = nest_for(s, f, SET_is, expr_real(0));
    indices_of(e, c, f, c->sub);
    return c;
}

static void shift(Expr **to, Expr **from, const long *by, int n)
{
    for (int k = 0; k < n; k++)
        to[k] = expr_op(OP_add, from[k], expr_num((double) by[k]), NULL);
}

static Tensor *frame_of(Emit *e, Stmt *s, Expr *read, unsigned check, long *before, StmtList *out)
{
    long after[MAX_RANK];
    Tensor *t = read->tensor;
    if (t->elem != ELEM_real || !reach(t, read->sub, check, before, after))
        return NULL;
    for (int k = 0; k < frames.n; k++) {
        Frame *had = &frames.at[k];
        bool same = had->of == t;
        for (int j = 0; j < t->rank && same; j++)
            same = had->before[j] == before[j] && had->framed->axis[j].size == t->axis[j].size + before[j] + after[j];
        if (same)
            return had->framed;
    }
    Tensor *f = framed_tensor(e, t, before, after);
    PUSH(*out, clear(e, s, f));
    Stmt *copy = nest_for(s, f, SET_is, NULL);
    Expr *at[MAX_RANK];
    indices_of(e, copy, t, at);
    shift(copy->sub, at, before, t->rank);
    copy->value = expr_read(t, at, 0, NULL);
    PUSH(*out, copy);
    Frame frame = { .of = t, .framed = f };
    memcpy(frame.before, before, (size_t) t->rank * sizeof *before);
    PUSH(frames, frame);
    return f;
}

/* ---- conditions ------------------------------------------------------------------------------- */
/* The read among the factors whose place the condition is about. */
static Expr *factor_like(Expr *x, Expr *read)
{
    if (x->kind == EXPR_read) {
        bool same = x->tensor == read->tensor && !x->check;
        for (int k = 0; k < x->tensor->rank && same; k++)
            same = expr_same(x->sub[k], read->sub[k]);
        return same ? x : NULL;
    }
    if (x->kind != EXPR_op || (x->op != OP_mul && x->op != OP_neg && x->op != OP_div))
        return NULL;
    Expr *found = factor_like(x->arg[0], read);
    return found || x->op != OP_mul ? found : factor_like(x->arg[1], read);
}

static Expr *put_factor(Expr *x, Expr *from, Expr *to)
{
    if (x == from)
        return to;
    if (x->kind != EXPR_op)
        return x;
    Expr *second = x->arg[1] ? put_factor(x->arg[1], from, to) : NULL;
    return expr_op(x->op, put_factor(x->arg[0], from, to), second, NULL);
}

/* Takes the one condition `where inside(read)` away, with the read's tensor framed. */
static bool frame_read(Emit *e, Stmt *s, StmtList *out)
{
    if (!s->where)
        return true;
    if (s->where->kind != EXPR_inside)
        return false;
    Expr *read = s->where->arg[0], *factor = factor_like(s->value, read);
    const unsigned check = checks_needed(read->tensor, read->sub, read->check);
    long before[MAX_RANK];
    Tensor *f = factor ? frame_of(e, s, read, check, before, out) : NULL;
    if (!f)
        return false;
    Expr *sub[MAX_RANK];
    shift(sub, read->sub, before, f->rank);
    s->value = put_factor(s->value, factor, expr_read(f, sub, 0, NULL));
    s->where = NULL;
    return true;
}

/* The same for a checked target; what is to be done afterwards comes back. */
static Stmt *frame_target(Emit *e, Stmt *s, StmtList *out)
{
    long before[MAX_RANK], after[MAX_RANK];
    Tensor *t = s->target;
    const unsigned check = checks_needed(t, s->sub, s->check);
    if (!reach(t, s->sub, check, before, after))
        return NULL;
    Tensor *f = framed_tensor(e, t, before, after);
    PUSH(*out, clear(e, s, f));
    Stmt *crop = nest_for(s, t, SET_add, NULL);
    Expr *at[MAX_RANK];
    indices_of(e, crop, t, crop->sub);
    shift(at, crop->sub, before, t->rank);
    crop->value = expr_read(f, at, 0, NULL);
    shift(s->sub, s->sub, before, t->rank);
    s->target = f;
    s->check = 0;
    return crop;
}

/* ---- all -------------------------------------------------------------------------------------- */
static void forget(Emit *e, Stmt *s)
{
    AccessList list = stmt_accesses(s);
    for (int k = 0; k < list.n; k++)
        for (int j = 0; list.at[k].write && j < frames.n; j++)
            if (var_root(var_of(e, list.at[k].tensor)) == var_root(var_of(e, frames.at[j].of)))
                frames.at[j--] = frames.at[--frames.n];
}

static bool would_be_product(Emit *e, Stmt *s)
{
    Stmt bare = *s;
    bare.where = NULL;
    bare.check = 0;
    return gemm_find(e, &bare, NULL) != NULL;
}

StmtList halo(Emit *e, StmtList *list)
{
    StmtList out = { 0 };
    frames.n = 0;
    for (int k = 0; k < list->n; k++) {
        Stmt *s = list->at[k], *crop = NULL;
        if (s->kind == STMT_nest && s->set == SET_add && !s->held && (s->where || s->check) && would_be_product(e, s)
            && frame_read(e, s, &out) && checks_needed(s->target, s->sub, s->check))
            crop = frame_target(e, s, &out);
        PUSH(out, s);
        forget(e, s);
        if (crop)
            PUSH(out, crop);
    }
    return out;
}
