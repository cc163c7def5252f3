/* onnx_value.c -- values whose axes are indices, and the expressions that are made of them.
 *
 * The axes of a value stand in the order of Onnx.order, which a statement sets; only reads and
 * products leave another, and what combines values turns them. */
#include "onnx.h"

enum { MOST_IN_TABLE = 1024 };      /* elements that are computed here and not by nodes */

/* ---- axes ----------------------------------------------------------------------------------- */
bool is_rows(const Index *i)
{
    return i->limit && i->limit->kind == EXPR_read && i->limit->tensor->role == ROLE_clock;
}

long index_dim(const Index *i)
{
    return is_rows(i) ? -1 : i->size;
}

int step_of(Onnx *o, const Index *i)
{
    return index_among(o->step.at, o->step.n, i);
}

void axis_add(Axes *a, Index *i)
{
    if (!HAS(*a, i))
        a->at[a->n++] = i;
}

Axes axes_but(Axes a, Axes without)
{
    Axes left = { .n = 0 };
    EACH(i, a)
        if (!HAS(without, i))
            axis_add(&left, i);
    return left;
}

void axes_dims(Axes a, long *dims)
{
    EACH(i, a)
        *dims++ = index_dim(i);
}

static int rank_of(Onnx *o, Index *i)
{
    const int at = index_among(o->order.at, o->order.n, i);
    if (at >= 0)
        return at;
    PUSH(o->order, i);
    return o->order.n - 1;
}

Axes axes_sorted(Onnx *o, Axes a)
{
    for (int k = 1; k < a.n; k++)
        for (int j = k; j > 0 && rank_of(o, a.at[j]) < rank_of(o, a.at[j - 1]); j--)
            SWAP(a.at[j], a.at[j - 1]);
    return a;
}

Val val_turned(Onnx *o, Val v, Axes axes)
{
    long perm[MAX_AXES];
    for (int k = 0; k < axes.n; k++)
        perm[k] = index_among(v.axes.at, v.axes.n, axes.at[k]);
    return (Val) { transposed(o, v.name, perm, axes.n), v.kind, axes };
}

/* The name of v as broadcasting to these axes, which are in order, wants it. */
static Str aligned(Onnx *o, Val v, Axes axes)
{
    Axes own = { .n = 0 };
    long gap[MAX_AXES];
    int ngap = 0;
    EACH(i, axes)
        if (HAS(v.axes, i))
            axis_add(&own, i);
        else if (own.n) {
            gap[ngap] = own.n + ngap;
            ngap++;
        }
    v = val_turned(o, v, own);
    return ngap ? NODE(o, "Unsqueeze", v.name, const_list(o, gap, ngap)) : v.name;
}

Val spread(Onnx *o, const char *op, Kind kind, const Val *in, int n)
{
    Val v = { .kind = kind };
    Str names[4] = { NULL };
    for (int k = 0; k < n; k++)
        for (int j = 0; j < in[k].axes.n; j++)
            axis_add(&v.axes, in[k].axes.at[j]);
    v.axes = axes_sorted(o, v.axes);
    for (int k = 0; k < n; k++)
        names[k] = aligned(o, in[k], v.axes);
    v.name = node_of(o, op, names);
    return v;
}

Val spread2(Onnx *o, const char *op, Kind kind, Val a, Val b)
{
    return spread(o, op, kind, (const Val[]) { a, b }, 2);
}

Val val_where(Onnx *o, Val test, Val a, Val b)
{
    const Kind kind = a.kind == KIND_real || b.kind == KIND_real ? KIND_real : KIND_whole;
    const Val all[] = {
        val_cast(o, test, KIND_truth), val_cast(o, a, kind), val_cast(o, b, kind),
    };
    return spread(o, "Where", kind, all, 3);
}

Val val_expanded(Onnx *o, Val v, Axes axes)
{
    long dims[MAX_AXES];
    if (v.axes.n == axes.n)
        return val_turned(o, v, axes);
    axes_dims(axes, dims);
    const Str name = aligned(o, v, axes);
    return (Val) { NODE(o, "Expand", name, shape_name(o, dims, axes.n)), v.kind, axes };
}

Val val_shaped(Onnx *o, Str name, Kind kind, Axes axes)
{
    long dims[MAX_AXES];
    axes_dims(axes, dims);
    return (Val) { reshaped_as(o, name, dims, axes.n), kind, axes };
}

Val val_along(Onnx *o, Val v, Axes over)
{
    EACH(i, v.axes)
        axis_add(&over, i);
    return val_expanded(o, v, axes_sorted(o, over));
}

/* ---- kinds ---------------------------------------------------------------------------------- */
Kind kind_of(const Tensor *t)
{
    return t->elem == ELEM_int ? KIND_whole : KIND_real;
}

Val val_number(Onnx *o, double v, Kind kind)
{
    return (Val) { .name = const_name(o, kind, NULL, 0, &v), .kind = kind };
}

Val val_cast(Onnx *o, Val v, Kind kind)
{
    if (v.kind == kind)
        return v;
    return (Val) { NODE(o, format("Cast to=%d", kind), v.name), kind, v.axes };
}

/* ---- what is known now: tables -------------------------------------------------------------- */
static bool changes(Onnx *o, const Expr *x)
{
    return x->kind == EXPR_read || x->kind == EXPR_inside || x->kind == EXPR_draw
        || (x->kind == EXPR_index && (is_rows(x->index) || step_of(o, x->index) >= 0));
}

/* e at all points of its indices, which are those of v; NULL: it is not known now, or too much. */
static double *tabulate(Onnx *o, Expr *e, Val *v)
{
    long points = 1;
    if (ANY_EXPR(x, e, changes(o, x)))
        return NULL;
    EACH_EXPR(x, e)
        if (x->kind == EXPR_index && !HAS(v->axes, x->index)) {
            axis_add(&v->axes, x->index);
            points *= x->index->size;
            if (points > MOST_IN_TABLE || v->axes.n == MAX_AXES)
                return NULL;
        }
    v->axes = axes_sorted(o, v->axes);
    double *const at = alloc((size_t) points * sizeof *at + 1);
    for (long k = 0; k < points; k++) {
        Expr *to[MAX_AXES];
        point_decode(expr_num((double) k), v->axes.at, to, v->axes.n);
        const Expr *point = expr_replace(e, v->axes.at, to, v->axes.n);
        if (point->kind != EXPR_num)
            return NULL;
        at[k] = point->num;
    }
    return at;
}

static Val table(Onnx *o, Axes axes, Kind kind, const double *at)
{
    long dims[MAX_AXES];
    axes_dims(axes, dims);
    return (Val) { const_name(o, kind, dims, axes.n, at), kind, axes };
}

/* ---- expressions ---------------------------------------------------------------------------- */
static Val lower_of_index(Onnx *o, Index *i)
{
    const int step = step_of(o, i);
    const Axes own = { { i }, 1 };
    if (step >= 0)
        return (Val) { .name = o->steps.at[step], .kind = KIND_whole };
    if (is_rows(i)) {
        const Str rows = shape_name(o, (const long[]) { -1 }, 1);
        const Str zero = val_number(o, 0, KIND_whole).name;
        const Str one = val_number(o, 1, KIND_whole).name, size = NODE(o, "Squeeze", rows);
        return (Val) { NODE(o, "Range", zero, size, one), KIND_whole, own };
    }
    double *at = alloc((size_t) i->size * sizeof *at + 1);
    for (int k = 0; k < i->size; k++)
        at[k] = k;
    return table(o, own, KIND_whole, at);
}

static const char *const op_nodes[OP_COUNT] = {
#define SCALAR(...)
#define ONNX(name, op) [OP_##name] = op,
#include "scalars.def"
#undef SCALAR
};

/* a - b floor(a / b), of whole numbers too; ONNX rounds whole quotients towards 0. */
static Val lower_mod(Onnx *o, Kind kind, Val a, Val b)
{
    if (kind == KIND_whole)
        return spread2(o, "Mod", kind, a, b);
    const Val size = spread(o, "Abs", kind, &b, 1), ratio = spread2(o, "Div", kind, a, size);
    return spread2(o, "Sub", kind, a,
                   spread2(o, "Mul", kind, size, spread(o, "Floor", kind, &ratio, 1)));
}

static Val lower_several(Onnx *o, Expr *e, Kind kind)
{
    const Val a = val_as(o, e->arg[0], kind), zero = val_number(o, 0, kind);
    switch (e->op) {
    case OP_ne: {
        const Kind both = e->arg[0]->whole && e->arg[1]->whole ? KIND_whole : KIND_real;
        const Val same = spread2(o, "Equal", KIND_truth, val_as(o, e->arg[0], both),
                                 val_as(o, e->arg[1], both));
        return spread(o, "Not", KIND_truth, &same, 1);
    }
    case OP_idiv: case OP_mod: {
        const Expr *by = e->arg[1];
        if (kind == KIND_whole && (by->kind != EXPR_num || by->num < 1)) {
            onnx_refuse(o, "whole numbers are divided by what is no positive constant");
            return zero;
        }
        const Val b = val_as(o, e->arg[1], kind), rest = lower_mod(o, kind, a, b);
        if (e->op == OP_mod)
            return rest;
        return spread2(o, "Div", kind, spread2(o, "Sub", kind, a, rest), b);
    }
    case OP_rsqrt0: {
        const Val root = spread(o, "Sqrt", kind, &a, 1);
        return val_where(o, spread2(o, "Equal", KIND_truth, a, zero), zero,
                         spread(o, "Reciprocal", kind, &root, 1));
    }
    default:
        onnx_refuse(o, "ONNX has no `%s`", op_info[e->op].name);
        return zero;
    }
}

static Val lower_select(Onnx *o, Expr *e)
{
    const Kind kind = e->whole ? KIND_whole : KIND_real;
    const Val test = val_as(o, e->arg[0], KIND_truth);
    const Val yes = val_guarded(o, e->arg[1], kind, true);
    const Val no = val_guarded(o, e->arg[2], kind, true);
    return val_where(o, test, yes, no);
}

static Val lower_op(Onnx *o, Expr *e)
{
    const bool logic = e->op == OP_and || e->op == OP_or || e->op == OP_not;
    const bool compares = e->op == OP_lt || e->op == OP_le || e->op == OP_eq || e->op == OP_ne;
    const int n = op_info[e->op].args;
    Kind takes = logic ? KIND_truth : KIND_whole;
    Val in[3];
    if (e->op == OP_select)
        return lower_select(o, e);
    for (int k = 0; k < n && !logic; k++)
        if (!e->arg[k]->whole || (!compares && !e->whole))
            takes = KIND_real;
    if (!op_nodes[e->op])
        return lower_several(o, e, takes);
    if (e->op == OP_pow && expr_is(e->arg[1], 2)) {
        const Val x = val_as(o, e->arg[0], takes);
        return spread2(o, "Mul", takes, x, x);
    }
    for (int k = 0; k < n; k++)
        in[k] = val_guarded(o, e->arg[k], takes, logic && k);
    const Val v = spread(o, op_nodes[e->op], logic || compares ? KIND_truth : takes, in, n);
    return e->whole && takes == KIND_real && !compares ? val_cast(o, v, KIND_whole) : v;
}

static Val val_of(Onnx *o, Expr *e)
{
    Val v = { .name = NULL };
    const double *at;
    switch (e->kind) {
    case EXPR_num:
        return val_number(o, e->num, e->whole ? KIND_whole : KIND_real);
    case EXPR_index:
        return lower_of_index(o, e->index);
    case EXPR_read:
        return lower_read(o, e);
    case EXPR_inside:
        return lower_inside(o, e->arg[0]->tensor, e->arg[0]->sub, e->arg[0]->check);
    case EXPR_op:
        at = tabulate(o, e, &v);
        return at ? table(o, v.axes, e->whole ? KIND_whole : KIND_real, at) : lower_op(o, e);
    case EXPR_draw:
        onnx_refuse(o, "it draws at random");
        return val_number(o, 0, KIND_real);
    default:
        bug("an expression that no program has in the end");
    }
}

Val val_as(Onnx *o, Expr *e, Kind kind)
{
    if (e->kind == EXPR_num && kind != KIND_truth)
        return val_number(o, e->num, kind);
    return val_cast(o, val_of(o, e), kind);
}

Val val_guarded(Onnx *o, Expr *e, Kind kind, bool guarded)
{
    o->guard += guarded;
    const Val v = val_as(o, e, kind);
    o->guard -= guarded;
    return v;
}

/* ---- subscripts ----------------------------------------------------------------------------- */
/* Whether the checked subscripts are inside. */
Val lower_inside(Onnx *o, Tensor *t, Expr *const *sub, unsigned check)
{
    Expr *inside = NULL;
    long lo, hi;
    for (int k = 0; k < t->rank; k++) {
        if (!(check >> k & 1) || (sub[k]->kind == EXPR_index && is_rows(sub[k]->index)))
            continue;
        const bool known = bounds(sub[k], &lo, &hi);
        const Index *along = index_of_axis(t, k, sub);
        if (!known || lo < 0)
            inside = expr_both(inside, OP2(le, expr_num(0), sub[k]));
        if (along->limit || !known || hi >= t->axis[k].size)
            inside = expr_both(inside,
                               OP2(lt, sub[k],
                                   along->limit ? along->limit : expr_num(t->axis[k].size)));
    }
    return inside ? val_guarded(o, inside, KIND_truth, true) : val_number(o, 1, KIND_truth);
}

/* A table is kept inside at once. */
Val lower_index(Onnx *o, Expr *sub, long size, bool checked)
{
    Val v = { .name = NULL };
    double *const at = tabulate(o, sub, &v);
    long lo, hi, points = 1;
    if (at) {
        EACH(i, v.axes)
            points *= i->size;
        for (long k = 0; k < points; k++)
            at[k] = at[k] < 0 ? 0 : at[k] >= size ? size - 1 : at[k];
        return table(o, v.axes, KIND_whole, at);
    }
    v = val_as(o, sub, KIND_whole);
    if ((!checked && !o->guard) || (bounds(sub, &lo, &hi) && lo >= 0 && hi < size))
        return v;
    v.name = NODE(o, "Clip", v.name, val_number(o, 0, KIND_whole).name,
                  val_number(o, (double) size - 1, KIND_whole).name);
    return v;
}
