/* onnx_read.c -- elements of tensors as ONNX: an axis as it is, or gathered by a table
 * or by what is computed.
 *
 * Subscripts that share no index are gathered one axis at a time; axes whose subscripts share one
 * become one axis first. */
#include "onnx.h"

/* ---- a value while its axes are gathered ---------------------------------------------------- */
typedef struct { Index *index; int raw; } Slot;  /* an axis: done, or of the tensor as it stands */
typedef struct {
    Onnx *o;
    const Tensor *t;
    Expr *const *sub;
    unsigned check;
    Str name;
    Slot slot[MAX_AXES];
    int n;
} Gather;

static int slot_of(const Gather *g, int raw)
{
    return FIRST(k, g->n, !g->slot[k].index && g->slot[k].raw == raw);
}

/* Puts the axes of v in place of one. */
static void replace_slot(Gather *g, int at, Axes axes)
{
    Slot was[MAX_AXES];
    const int n = g->n;
    memcpy(was, g->slot, sizeof was);
    if (n - 1 + axes.n > MAX_AXES) {
        onnx_refuse(g->o, "a value has more than %d axes", MAX_AXES);
        return;
    }
    g->n = at;
    EACH(i, axes)
        g->slot[g->n++] = (Slot) { i, -1 };
    for (int k = at + 1; k < n; k++)
        g->slot[g->n++] = was[k];
}

static void gather_at(Gather *g, int at, Val v)
{
    g->name = gathered(g->o, g->name, at, v.name);
    replace_slot(g, at, v.axes);
}

/* ---- places in several axes as one ---------------------------------------------------------- */
static Expr *kept_inside(Expr *sub, long size)
{
    long lo, hi;
    return bounds(sub, &lo, &hi) && lo >= 0 && hi < size
        ? sub : OP2(min, OP2(max, sub, expr_num(0)), expr_num((double) size - 1));
}

/* The number of an element along those axes together, the last fastest. kept: inside, wherever
   the subscripts may be. */
Expr *flat_place(const Tensor *t, Expr *const *sub, const int *axis, int n, bool kept)
{
    Expr *place = NULL;
    for (int k = 0; k < n; k++) {
        const Axis *a = &t->axis[axis[k]];
        Expr *s = kept && !a->example ? kept_inside(sub[axis[k]], a->size) : sub[axis[k]];
        place = place ? OP2(add, OP2(mul, place, expr_num(a->size)), s) : s;
    }
    return place;
}

static void gather_together(Gather *g, const int *axis, int n)
{
    Slot slot[MAX_AXES];
    long perm[MAX_AXES], dims[MAX_AXES], size = 1;
    int at = 0, dim = 1;
    bool rows = false;
    for (int k = 0; k < n; k++) {
        perm[at++] = slot_of(g, axis[k]);
        rows |= g->t->axis[axis[k]].example;
        size *= g->t->axis[axis[k]].size;
    }
    dims[0] = rows ? -1 : size;
    for (int k = 0; k < g->n; k++) {
        const Slot s = g->slot[k];
        if (!s.index && ANY(j, n, axis[j] == s.raw))
            continue;
        perm[at++] = k;
        slot[dim] = s;
        const Axis *const raw = s.index ? NULL : &g->t->axis[s.raw];
        dims[dim++] = !raw ? index_dim(s.index) : raw->example ? -1 : raw->size;
    }
    g->name = reshaped_as(g->o, transposed(g->o, g->name, perm, at), dims, dim);
    slot[0] = (Slot) { NULL, axis[0] };
    memcpy(g->slot, slot, (size_t) dim * sizeof *slot);
    g->n = dim;
    Expr *place = flat_place(g->t, g->sub, axis, n, g->o->guard || g->check);
    gather_at(g, 0, lower_index(g->o, place, rows ? 1L << 40 : size, false));
}

/* ---- all subscripts ------------------------------------------------------------------------- */
static bool shares(Onnx *o, Expr *a, Expr *b)
{
    return ANY_EXPR(x, a,
                    x->kind == EXPR_index && step_of(o, x->index) < 0 && expr_uses(b, x->index));
}

unsigned axes_gone(const Held *h, bool absent)
{
    unsigned gone = 0;
    for (int k = 0; h && k < h->tensor->rank; k++)
        if (h->at[k] || (absent && !h->has[k]))
            gone |= 1u << k;
    return gone;
}

bool sub_is_simple(Onnx *o, const Tensor *t, unsigned gone, Expr *const *sub, int k)
{
    const Index *i = sub[k]->kind == EXPR_index ? sub[k]->index : NULL;
    return i && step_of(o, i) < 0
        && (t->axis[k].example ? is_rows(i) : !is_rows(i) && i->size == t->axis[k].size)
        && !ANY(j, t->rank, j != k && !(gone >> j & 1) && shares(o, sub[k], sub[j]));
}

/* The axes gathered with axis k: those whose subscripts share indices with its, or with theirs. */
static int together(Gather *g, const Held *h, int k, int *axis)
{
    int n = 1;
    axis[0] = k;
    for (int seen = 0; seen < n; seen++)
        for (int j = 0; j < g->t->rank; j++)
            if (h->has[j] && !h->at[j] && !ANY(i, n, axis[i] == j)
                && shares(g->o, g->sub[axis[seen]], g->sub[j]))
                axis[n++] = j;
    for (int i = 1; i < n; i++)             /* the examples first, then in order */
        for (int j = i; j > 0 && axis[j] < axis[j - 1]; j--)
            SWAP(axis[j], axis[j - 1]);
    return n;
}

static void gather_axis(Gather *g, const Held *h, int k)
{
    int axis[MAX_RANK], n = together(g, h, k, axis);
    const Axis *a = &g->t->axis[k];
    if (n > 1
        && (!g->t->axis[axis[0]].example
                ? ANY(i, n, g->t->axis[axis[i]].example)
                : !(g->sub[axis[0]]->kind == EXPR_index && is_rows(g->sub[axis[0]]->index))))
        onnx_refuse(g->o, "an example reads what others have");
    else if (n > 1)
        gather_together(g, axis, n);
    else if (a->example)
        onnx_refuse(g->o, "an example reads what others have");
    else
        gather_at(g, slot_of(g, k), lower_index(g->o, g->sub[k], a->size, g->check >> k & 1));
}

Val gather(Onnx *o, const Held *h, Expr *const *sub, unsigned check)
{
    const Tensor *t = h->tensor;
    Gather g = { .o = o, .t = t, .sub = sub, .check = check, .name = h->name };
    Val v = { .kind = kind_of(t) };
    if (h->fill)
        return val_number(o, h->fill->num, v.kind);
    for (int k = 0; k < t->rank; k++)
        if (h->has[k] && !h->at[k])
            g.slot[g.n++] = (Slot) { NULL, k };
    for (int k = 0; k < t->rank; k++)
        if (h->has[k] && !h->at[k] && slot_of(&g, k) >= 0
            && sub_is_simple(o, t, axes_gone(h, true), sub, k))
            g.slot[slot_of(&g, k)] = (Slot) { sub[k]->index, -1 };
    for (int k = 0; k < t->rank && !o->why; k++)
        if (h->has[k] && !h->at[k] && slot_of(&g, k) >= 0)
            gather_axis(&g, h, k);
    if (o->why)
        return val_number(o, 0, v.kind);
    v.name = g.name;
    for (int k = 0; k < g.n; k++)
        v.axes.at[v.axes.n++] = g.slot[k].index;
    return v;
}

/* ---- reads ---------------------------------------------------------------------------------- */
bool steps_from(const Expr *sub, const Index *step, int *shift)
{
    const bool moved = (is_op(sub, OP_add) || is_op(sub, OP_sub)) && is_index(sub->arg[0], step)
        && sub->arg[1]->kind == EXPR_num;
    *shift = moved ? (int) sub->arg[1]->num * (sub->op == OP_add ? 1 : -1) : 0;
    return moved || is_index(sub, step);
}

static bool is_slice_of(const Held *h, const Expr *e)
{
    int shift;
    return h->tensor == e->tensor
        && ALL(k, e->tensor->rank,
               !h->at[k] || (steps_from(e->sub[k], h->at[k], &shift) && shift == h->shift[k]));
}

/* The slice that a read of this step or of the one before wants, or all of the tensor. */
static const Held *held_for(Onnx *o, const Expr *e)
{
    for (Graph *g = o->g; g; g = g->outer) {
        const Held *h = FIND_AT(h, g->held, is_slice_of(h, e));
        if (h)
            return h;
    }
    return held_of(o, e->tensor);
}

Str weight_name(const Tensor *t)
{
    return t->role == ROLE_clock ? t->cname : t->name;
}

/* The batch is what is given; of the others the trainer writes what they are. */
static Val lower_clock(Onnx *o, Tensor *t)
{
    if (strcmp(t->cname, "ae_clock.batch") == 0) {
        const Str rows = shape_name(o, (const long[]) { -1 }, 1);
        return (Val) { .name = NODE(o, "Squeeze", rows), .kind = KIND_whole };
    }
    PUSH_NEW(o->weights, t);
    return (Val) { .name = weight_name(t), .kind = kind_of(t) };
}

Val lower_read(Onnx *o, Expr *e)
{
    Tensor *t = e->tensor;
    if (t->role == ROLE_clock)
        return lower_clock(o, t);
    const Held *h = held_for(o, e);
    if (h && h->unset)
        h = held_now(o, t);
    if (!h || (t->role == ROLE_param && !HAS(o->m->params, t))) {
        onnx_refuse(o, "%s is not there when it is read", t->name);
        return val_number(o, 0, kind_of(t));
    }
    unsigned check = checks_needed(t, e->sub, e->check);
    for (int k = 0; k < t->rank; k++)       /* what comes before the first step is 0 */
        if (h->at[k] && h->shift[k] && !e->other && !t->axis[k].length)
            check &= ~(1u << k);
    for (int k = 0; k < t->rank; k++)
        if (e->sub[k]->kind == EXPR_index && is_rows(e->sub[k]->index))
            check &= ~(1u << k);
    const Val v = gather(o, h, e->sub, check);
    if (!check)
        return v;
    const Val inside = lower_inside(o, t, e->sub, check);
    return val_where(o, inside, v,
                     e->other ? val_guarded(o, e->other, v.kind, true) : val_number(o, 0, v.kind));
}
