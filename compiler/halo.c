/* halo.c -- windows that overlap the border, without the border.
 *
 *     y[n, o, i, j] += x[n, a, i + u - 1, j + v - 1] * f[o, a, u, v]     where that is inside of x
 *
 * Every point counts, and the sum is a contraction, when zeros lie around x. A temporary is stored
 * with such margins from the start; of what others see as well (an input, what the trainer reads),
 * a framed copy is made. What scatters over a border does so onto the margins of its target, or
 * onto a framed temporary, of which the inside is then added to the target. */
#include "emit.h"

typedef struct { Tensor *of, *framed; long before[MAX_RANK]; } Frame;

static VEC(Frame) frames;       /* of what is still as it was when it was copied */

/* ---- frames --------------------------------------------------------------------------------- */
/* How far the checked subscripts reach beyond each end; false: not known, or too
 * far to be worth it. */
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

static VEC(Var *) had;          /* frames of the run at hand; other runs may use the same memory */

static Tensor *framed_tensor(Emit *e, Tensor *t, const long *before, const long *after)
{
    Tensor *f = tensor_new(e->m, format("%s.framed", t->name), ROLE_temp, ELEM_real);
    f->rank = t->rank;
    for (int k = 0; k < t->rank; k++) {
        f->axis[k] = t->axis[k];
        f->axis[k].size += (int) (before[k] + after[k]);
    }
    var_share(e, f, had.at, had.n);
    PUSH(had, var_of(e, f));
    return f;
}

/* An index for each axis of t, margins included; examples only as far as they go. */
static void indices_of(Emit *e, Stmt *s, Tensor *t, Expr **at)
{
    for (int k = 0; k < t->rank; k++) {
        Tensor *length = t->axis[k].length;
        Expr *limit = length && !length->rank ? expr_scalar(length) : NULL;
        Index *i = index_new(t->axis[k].name, (int) axis_room(t, k), limit);
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
    const Frame *like = FIND_AT(f, frames, f->of == t
        && ALL(k, t->rank, f->before[k] == before[k]
               && f->framed->axis[k].size == t->axis[k].size + before[k] + after[k]));
    if (like)
        return like->framed;
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

/* ---- conditions ----------------------------------------------------------------------------- */
/* The read among the factors whose place the condition is about. */
static Expr *factor_like(Expr *x, Expr *read)
{
    if (x->kind == EXPR_read)
        return x->tensor == read->tensor && !x->check
            && same_subs(x->sub, read->sub, x->tensor->rank) ? x : NULL;
    if (x->kind != EXPR_op || (x->op != OP_mul && x->op != OP_neg && x->op != OP_div))
        return NULL;
    Expr *found = factor_like(x->arg[0], read);
    return found || x->op != OP_mul ? found : factor_like(x->arg[1], read);
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
    s->value = expr_put(s->value, factor, expr_read(f, sub, 0, NULL));
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

/* ---- margins -------------------------------------------------------------------------------- */
typedef struct {
    Var *var;
    long before[MAX_RANK], after[MAX_RANK];
    bool read, written, refused;
} Margin;

static VEC(Margin) margins;

static bool would_be_product(Emit *e, Stmt *s)
{
    Stmt bare = *s;
    bare.where = NULL;
    bare.check = 0;
    return gemm_find(e, &bare, NULL) != NULL;
}

static bool reaches_out(Emit *e, Stmt *s)
{
    return s->kind == STMT_nest && s->set == SET_add && !s->held && (s->where || s->check)
        && would_be_product(e, s);
}

static Margin *margin_of(Emit *e, Tensor *t)
{
    return FIND_AT(m, margins, m->var == var_of(e, t));
}

static Margin *margin_for(Emit *e, Tensor *t)
{
    const bool refused = t->rank < 2 || t->elem != ELEM_real;
    if (!margin_of(e, t))
        PUSH(margins, ((Margin) { .var = var_of(e, t), .refused = refused }));
    return margin_of(e, t);
}

/* A scan goes through the examples at one value of its index. When they are a multiple
 * of a page apart, they all want the same few places of a cache; so another value is
 * stored, which nobody uses. */
static void want_padding(Emit *e, Stmt *scan)
{
    EACH(a, stmt_accesses(scan))
        for (int k = 1; a.sub && k < a.tensor->rank && a.tensor->axis[0].example; k++)
            if (expr_uses(a.sub[k], scan->step)
                && tensor_bytes(e, a.tensor) / a.tensor->axis[0].size % 4096 == 0)
                margin_for(e, a.tensor)->after[k] = 1;
}

static void want_margin(Emit *e, Tensor *t, Expr **sub, unsigned check, bool write)
{
    long before[MAX_RANK], after[MAX_RANK];
    Margin *m = margin_for(e, t);
    m->read |= !write;
    m->written |= write;
    m->refused |= !reach(t, sub, check, before, after) || before[0] || after[0];
    for (int k = 0; k < t->rank && !m->refused; k++) {
        m->before[k] = before[k] > m->before[k] ? before[k] : m->before[k];
        m->after[k] = after[k] > m->after[k] ? after[k] : m->after[k];
    }
}

/* Margins that are read are zeros, so nothing may fall onto them. */
static bool refused(Emit *e, Margin *m)
{
    return m->refused || (m->read && m->written) || m->var->tensor->role != ROLE_temp
        || m->var->keep || m->var->alias || FIND(v, e->vars, v->alias == m->var);
}

/* Which temporaries have margins: those of which every use says where. */
void margins_find(Emit *e)
{
    margins.n = 0;
    EACH(run, e->runs)
        EACH(s, run->stmts) {
            if (s->kind == STMT_scan)
                want_padding(e, s);
            if (!reaches_out(e, s))
                continue;
            if (s->where && s->where->kind == EXPR_inside
                && factor_like(s->value, s->where->arg[0])) {
                Expr *x = s->where->arg[0];
                want_margin(e, x->tensor, x->sub, checks_needed(x->tensor, x->sub, x->check),
                            false);
            }
            const unsigned check = checks_needed(s->target, s->sub, s->check);
            if (check)
                want_margin(e, s->target, s->sub, check, true);
        }
    for (int pass = 0; pass < 2; pass++)
        EACH(run, e->runs)
            EACH(s, run->stmts) {
                EACH(a, stmt_accesses(s)) {
                    Margin *m = margin_of(e, a.tensor);
                    if (!m)
                        continue;
                    m->refused = refused(e, m) || !a.sub || a.tensor->external;
                    for (int k = 0; pass == 1 && !m->refused && k < a.tensor->rank; k++) {
                        a.tensor->before[k] = (int) m->before[k];
                        a.tensor->after[k] = (int) m->after[k];
                    }
                }
            }
}

static Margin *has_margin(Emit *e, Tensor *t)
{
    Margin *m = margin_of(e, t);
    return m && !m->refused ? m : NULL;
}

/* Sets a tensor to 0, its margins too, before the first statement that touches it, or the chain
 * that this one ends. */
static void clear_margins(Emit *e, StmtList *list, Tensor *t)
{
    int at = 0;
    while (!FIND_AT(a, stmt_accesses(list->at[at]), var_of(e, a->tensor) == var_of(e, t)))
        at++;
    Stmt *c = nest_for(list->at[at], t, SET_is, expr_real(0));
    at = chain_start(e, list, at);
    indices_of(e, c, t, c->sub);
    for (int k = 0; k < t->rank; k++)
        c->sub[k] = expr_op(OP_sub, c->sub[k], expr_num(t->before[k]), NULL);
    INSERT(*list, at, c);
}

/* ---- all ------------------------------------------------------------------------------------ */
static void forget(Emit *e, Stmt *s)
{
    EACH(a, stmt_accesses(s))
        for (int j = 0; a.write && j < frames.n; j++)
            if (var_root(var_of(e, a.tensor)) == var_root(var_of(e, frames.at[j].of)))
                frames.at[j--] = frames.at[--frames.n];
}

StmtList halo(Emit *e, StmtList *list)
{
    StmtList out = { 0 };
    VEC(Tensor *) zeros = { 0 };
    frames.n = had.n = 0;
    for (int k = 0; k < list->n; k++) {
        Stmt *s = list->at[k], *crop = NULL;
        if (reaches_out(e, s)) {
            const bool inside = s->where && s->where->kind == EXPR_inside;
            Tensor *t = inside ? s->where->arg[0]->tensor : NULL;
            Expr *factor = t ? factor_like(s->value, s->where->arg[0]) : NULL;
            if (factor && has_margin(e, t)) {
                PUSH_NEW(zeros, t);
                s->where = NULL;
            }
            if (frame_read(e, s, &out) && checks_needed(s->target, s->sub, s->check)) {
                if (has_margin(e, s->target))
                    s->check = 0;
                else
                    crop = frame_target(e, s, &out);
            }
        }
        PUSH(out, s);
        forget(e, s);
        if (crop)
            PUSH(out, crop);
    }
    EACH(t, zeros)
        clear_margins(e, &out, t);
    return out;
}
