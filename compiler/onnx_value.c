/* onnx_value.c -- values whose axes are indices, and the expressions that are made of them.
 *
 * The axes of a value stand in the order of Onnx.order, which a statement sets; only reads and products leave another, and
 * what combines values turns them. */
#include "onnx.h"

enum { MOST_IN_TABLE = 1024 };      /* elements that are computed here and not by nodes */

/* ---- axes ------------------------------------------------------------------------------------------------ */
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

int val_axis(const Val *v, const Index *i)
{
    return index_among(v->axis, v->n, i);
}

static int rank_of(Onnx *o, Index *i)
{
    const int at = index_among(o->order.at, o->order.n, i);
    if (at >= 0)
        return at;
    PUSH(o->order, i);
    return o->order.n - 1;
}

void sort_axes(Onnx *o, Index **axes, int n)
{
    for (int k = 1; k < n; k++)
        for (int j = k; j > 0 && rank_of(o, axes[j]) < rank_of(o, axes[j - 1]); j--)
            SWAP(axes[j], axes[j - 1]);
}

Val val_turned(Onnx *o, Val v, Index *const *axes, int n)
{
    long perm[MAX_AXES];
    if (ALL(k, n, axes[k] == v.axis[k]))
        return v;
    for (int k = 0; k < n; k++)
        perm[k] = val_axis(&v, axes[k]);
    Buf attr = { 0 };
    attr_ints(&attr, "perm", perm, n);
    v.name = NODE(o, "Transpose", &attr, v.name);
    memcpy(v.axis, axes, (size_t) n * sizeof *axes);
    return v;
}

/* The name of v as broadcasting to these axes, which are in order, wants it. */
static Str aligned(Onnx *o, Val v, Index *const *axes, int n)
{
    Index *own[MAX_AXES] = { NULL };
    long gap[MAX_AXES];
    int nown = 0, ngap = 0;
    for (int k = 0; k < n; k++) {
        const bool has = val_axis(&v, axes[k]) >= 0;
        if (has)
            own[nown++] = axes[k];
        else if (nown) {
            gap[ngap] = nown + ngap;
            ngap++;
        }
    }
    v = val_turned(o, v, own, nown);
    return ngap ? NODE(o, "Unsqueeze", NULL, v.name, const_list(o, gap, ngap)) : v.name;
}

Val spread(Onnx *o, const char *op, Kind kind, const Val *in, int n)
{
    Val v = { .kind = kind };
    Str names[4] = { NULL };
    for (int k = 0; k < n; k++)
        for (int j = 0; j < in[k].n; j++)
            if (val_axis(&v, in[k].axis[j]) < 0)
                v.axis[v.n++] = in[k].axis[j];
    sort_axes(o, v.axis, v.n);
    for (int k = 0; k < n; k++)
        names[k] = aligned(o, in[k], v.axis, v.n);
    v.name = node_of(o, op, NULL, names);
    return v;
}

Val spread2(Onnx *o, const char *op, Kind kind, Val a, Val b)
{
    return spread(o, op, kind, (const Val[]) { a, b }, 2);
}

Val val_where(Onnx *o, Val test, Val a, Val b)
{
    const Kind kind = a.kind == KIND_real || b.kind == KIND_real ? KIND_real : KIND_whole;
    return spread(o, "Where", kind, (const Val[]) { val_cast(o, test, KIND_truth), val_cast(o, a, kind), val_cast(o, b, kind) }, 3);
}

Val val_expanded(Onnx *o, Val v, Index *const *axes, int n)
{
    long dims[MAX_AXES];
    if (v.n == n)
        return val_turned(o, v, axes, n);
    for (int k = 0; k < n; k++)
        dims[k] = index_dim(axes[k]);
    v.name = NODE(o, "Expand", NULL, aligned(o, v, axes, n), shape_name(o, dims, n));
    v.n = n;
    memcpy(v.axis, axes, (size_t) n * sizeof *axes);
    return v;
}

Val val_reshaped(Onnx *o, Val v, const long *dims, int n)
{
    v.name = NODE(o, "Reshape", NULL, v.name, const_list(o, dims, n));
    v.n = 0;
    return v;
}

/* ---- kinds ----------------------------------------------------------------------------------------------- */
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
    Buf attr = { 0 };
    if (v.kind == kind)
        return v;
    attr_int(&attr, "to", kind);
    v.name = NODE(o, "Cast", &attr, v.name);
    v.kind = kind;
    return v;
}

/* ---- what is known now: tables --------------------------------------------------------------------------- */
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
        if (x->kind == EXPR_index && val_axis(v, x->index) < 0) {
            v->axis[v->n++] = x->index;
            points *= x->index->size;
            if (points > MOST_IN_TABLE || v->n == MAX_AXES)
                return NULL;
        }
    sort_axes(o, v->axis, v->n);
    double *const at = alloc((size_t) points * sizeof *at + 1);
    for (long k = 0; k < points; k++) {
        Expr *to[MAX_AXES];
        point_decode(expr_num((double) k), v->axis, to, v->n);
        const Expr *point = expr_replace(e, v->axis, to, v->n);
        if (point->kind != EXPR_num)
            return NULL;
        at[k] = point->num;
    }
    return at;
}

static Val table(Onnx *o, Val v, Kind kind, const double *at)
{
    long dims[MAX_AXES];
    for (int k = 0; k < v.n; k++)
        dims[k] = v.axis[k]->size;
    v.kind = kind;
    v.name = const_name(o, kind, dims, v.n, at);
    return v;
}

/* ---- expressions ----------------------------------------------------------------------------------------- */
static Val lower_of_index(Onnx *o, Index *i)
{
    Val v = { .kind = KIND_whole };
    const int step = step_of(o, i);
    if (step >= 0) {
        v.name = o->steps.at[step];
        return v;
    }
    v.n = 1;
    v.axis[0] = i;
    if (is_rows(i)) {
        const Str rows = shape_name(o, (const long[]) { -1 }, 1), zero = val_number(o, 0, KIND_whole).name;
        v.name = NODE(o, "Range", NULL, zero, NODE(o, "Squeeze", NULL, rows), val_number(o, 1, KIND_whole).name);
        return v;
    }
    double *at = alloc((size_t) i->size * sizeof *at + 1);
    for (int k = 0; k < i->size; k++)
        at[k] = k;
    return table(o, v, KIND_whole, at);
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
    return spread2(o, "Sub", kind, a, spread2(o, "Mul", kind, size, spread(o, "Floor", kind, &ratio, 1)));
}

static Val lower_several(Onnx *o, Expr *e, Kind kind)
{
    const Val a = val_as(o, e->arg[0], kind), zero = val_number(o, 0, kind);
    switch (e->op) {
    case OP_ne: {
        const Kind both = e->arg[0]->whole && e->arg[1]->whole ? KIND_whole : KIND_real;
        const Val same = spread2(o, "Equal", KIND_truth, val_as(o, e->arg[0], both), val_as(o, e->arg[1], both));
        return spread(o, "Not", KIND_truth, &same, 1);
    }
    case OP_idiv: case OP_mod: {
        const Expr *by = e->arg[1];
        if (kind == KIND_whole && (by->kind != EXPR_num || by->num < 1)) {
            onnx_refuse(o, "whole numbers are divided by what is no positive constant");
            return zero;
        }
        const Val b = val_as(o, e->arg[1], kind), rest = lower_mod(o, kind, a, b);
        return e->op == OP_mod ? rest : spread2(o, "Div", kind, spread2(o, "Sub", kind, a, rest), b);
    }
    case OP_rsqrt0: {
        const Val root = spread(o, "Sqrt", kind, &a, 1);
        return val_where(o, spread2(o, "Equal", KIND_truth, a, zero), zero, spread(o, "Reciprocal", kind, &root, 1));
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
    o->guard++;
    const Val yes = val_as(o, e->arg[1], kind), no = val_as(o, e->arg[2], kind);
    o->guard--;
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
    for (int k = 0; k < n; k++) {
        o->guard += logic && k;
        in[k] = val_as(o, e->arg[k], takes);
        o->guard -= logic && k;
    }
    const Val v = spread(o, op_nodes[e->op], logic || compares ? KIND_truth : takes, in, n);
    return e->whole && takes == KIND_real && !compares ? val_cast(o, v, KIND_whole) : v;
}

Val val_of(Onnx *o, Expr *e)
{
    Val v = { .n = 0 };
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
        return at ? table(o, v, e->whole ? KIND_whole : KIND_real, at) : lower_op(o, e);
    case EXPR_draw:
        onnx_refuse(o, "it draws at random");
        return val_number(o, 0, KIND_real);
    default:
        bug("an expression that no program has in the end");
    }
}

Val val_as(Onnx *o, Expr *e, Kind kind)
{
    return e->kind == EXPR_num && kind != KIND_truth ? val_number(o, e->num, kind) : val_cast(o, val_of(o, e), kind);
}

/* ---- subscripts ------------------------------------------------------------------------------------------ */
/* Whether the checked subscripts are inside. */
Val lower_inside(Onnx *o, Tensor *t, Expr *const *sub, unsigned check)
{
    Expr *inside = NULL;
    long lo, hi;
    o->guard++;
    for (int k = 0; k < t->rank; k++) {
        if (!(check >> k & 1) || (sub[k]->kind == EXPR_index && is_rows(sub[k]->index)))
            continue;
        const bool known = bounds(sub[k], &lo, &hi);
        const Index *along = index_of_axis(t, k, sub);
        if (!known || lo < 0)
            inside = expr_both(inside, OP2(le, expr_num(0), sub[k]));
        if (along->limit || !known || hi >= t->axis[k].size)
            inside = expr_both(inside, OP2(lt, sub[k], along->limit ? along->limit : expr_num(t->axis[k].size)));
    }
    const Val v = inside ? val_as(o, inside, KIND_truth) : val_number(o, 1, KIND_truth);
    o->guard--;
    return v;
}

/* A table is kept inside at once. */
Val lower_index(Onnx *o, Expr *sub, long size, bool checked)
{
    Val v = { .n = 0 };
    double *const at = tabulate(o, sub, &v);
    long lo, hi, points = 1;
    if (at) {
        for (int k = 0; k < v.n; k++)
            points *= v.axis[k]->size;
        for (long k = 0; k < points; k++)
            at[k] = at[k] < 0 ? 0 : at[k] >= size ? size - 1 : at[k];
        return table(o, v, KIND_whole, at);
    }
    v = val_as(o, sub, KIND_whole);
    if ((!checked && !o->guard) || (bounds(sub, &lo, &hi) && lo >= 0 && hi < size))
        return v;
    v.name = NODE(o, "Clip", NULL, v.name, val_number(o, 0, KIND_whole).name, val_number(o, (double) size - 1, KIND_whole).name);
    return v;
}
