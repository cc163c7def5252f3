/* onnx_sum.c -- accumulations as ONNX: reductions, and sums of products as MatMul, Conv,
 * ConvTranspose or Einsum.
 *
 * Which of these it is follows from where the indices stand, as in gemm.c; no layer
 * is asked for by name. */
#include "onnx.h"
#include <math.h>

/* ---- reductions ----------------------------------------------------------------------------- */
Val val_reduced(Onnx *o, const char *op, Val v, Axes over)
{
    long axes[MAX_AXES];
    int n = 0;
    for (int k = 0; k < v.axes.n; k++)
        if (HAS(over, v.axes.at[k]))
            axes[n++] = k;
    if (!n)
        return v;
    const Str name = NODE(o, format("%s keepdims=0", op), v.name, const_list(o, axes, n));
    return (Val) { name, v.kind, axes_but(v.axes, over) };
}

static Val times(Onnx *o, Val v, double by)
{
    return by == 1 ? v : spread2(o, "Mul", v.kind, v, val_number(o, by, v.kind));
}

/* ---- products ------------------------------------------------------------------------------- */
typedef struct {
    VEC(Val) val;           /* factors with axes */
    VEC(Val) under;         /* divisors that no sum runs over */
    ExprList reads;         /* the factors, while all are reads */
    double scale;
    Kind kind;
} Product;

static void add_factor(Onnx *o, Product *p, Expr *e, Axes over)
{
    if (e->kind == EXPR_num) {
        p->scale *= e->num;
        return;
    }
    if (is_op(e, OP_neg) || is_op(e, OP_mul)) {
        p->scale *= e->op == OP_neg ? -1 : 1;
        for (int k = 0; k < op_info[e->op].args; k++)
            add_factor(o, p, e->arg[k], over);
        return;
    }
    if (is_op(e, OP_div) && p->kind == KIND_real) {
        if (e->arg[1]->kind == EXPR_num) {
            p->scale /= e->arg[1]->num;
            add_factor(o, p, e->arg[0], over);
            return;
        }
        if (!ANY_EXPR(x, e->arg[1], x->kind == EXPR_index && HAS(over, x->index))) {
            PUSH(p->under, val_as(o, e->arg[1], p->kind));
            add_factor(o, p, e->arg[0], over);
            return;
        }
    }
    PUSH(p->reads, e);
}

/* Where a condition fails the product is 0, whatever its factors are there. */
static void mask_factors(Onnx *o, Product *p, const ExprList *conds)
{
    EACH(c, *conds) {
        const Val test = val_as(o, c, KIND_truth);
        bool masked = false;
        EACH_AT(f, p->val)
            if (ALL(k, test.axes.n, HAS(f->axes, test.axes.at[k]))) {
                *f = val_where(o, test, *f, val_number(o, 0, p->kind));
                masked = true;
            }
        if (!masked)
            PUSH(p->val, val_cast(o, test, p->kind));
    }
}

/* ---- a matrix product: B has one summed axis and one of its own ----------------------------- */
static bool is_matrix(Axes a, Axes b, Axes over)
{
    const Axes own = axes_but(b, over), sum = axes_but(b, own);
    return own.n == 1 && sum.n == 1 && a.n > 1 && !HAS(a, own.at[0])
        && ALL(k, a.n, HAS(over, a.at[k]) == (a.at[k] == sum.at[0])) && HAS(a, sum.at[0]);
}

static Val matrix_product(Onnx *o, Val a, Val b, Axes over)
{
    const Axes own = axes_but(b.axes, over), sum = axes_but(b.axes, own);
    Axes made = axes_but(a.axes, over), rows = made;
    axis_add(&rows, sum.at[0]);
    axis_add(&made, own.at[0]);
    const Str left = val_turned(o, a, rows).name;
    const Str right = val_turned(o, b, (Axes) { { sum.at[0], own.at[0] }, 2 }).name;
    return (Val) { NODE(o, "MatMul", left, right), a.kind, made };
}

/* ---- any product ---------------------------------------------------------------------------- */
static void put_letters(Buf *b, Axes axes, IndexList *letters)
{
    EACH(i, axes) {
        PUSH_NEW(*letters, i);
        const int at = index_among(letters->at, letters->n, i);
        buf_add(b, "%c", at < 26 ? 'a' + at : 'A' + at - 26);
    }
}

static Val einsum(Onnx *o, const Product *p, Axes over)
{
    IndexList letters = { 0 };
    Axes made = { .n = 0 };
    Buf says = { 0 };
    StrList in = { 0 };
    EACH_AT(f, p->val) {
        buf_add(&says, says.n ? "," : "Einsum equation=");
        put_letters(&says, f->axes, &letters);
        PUSH(in, f->name);
    }
    PUSH(in, NULL);
    EACH(i, letters)
        if (!HAS(over, i))
            axis_add(&made, i);
    made = axes_sorted(o, made);
    buf_add(&says, "->");
    put_letters(&says, made, &letters);
    return (Val) { node_of(o, says.at, in.at), p->kind, made };
}

static Val product(Onnx *o, const Product *p, Axes over)
{
    const Val *f = p->val.at;
    if (p->val.n == 1)
        return val_reduced(o, "ReduceSum", f[0], over);
    if (!FIND_AT(v, p->val, axes_but(v->axes, over).n < v->axes.n)) {
        Val v = f[0];
        for (int k = 1; k < p->val.n; k++)
            v = spread2(o, "Mul", p->kind, v, f[k]);
        return v;
    }
    for (int k = 0; k < 2 && p->val.n == 2; k++)
        if (is_matrix(f[k].axes, f[1 - k].axes, over))
            return matrix_product(o, f[k], f[1 - k], over);
    return einsum(o, p, over);
}

/* ---- windows: Conv and ConvTranspose -------------------------------------------------------- */
typedef struct {            /* of one axis: place = step * at + apart * within + from */
    Index *at, *within;
    long step, apart, from;
} Window;

/* sub as a window of one index of `at` and one of `within`. */
static bool window_of(Expr *sub, Axes at, Axes within, Window *w)
{
    long lo, hi;
    *w = (Window) { 0 };
    EACH_EXPR(x, sub) {
        if (x->kind == EXPR_index && HAS(at, x->index) && (!w->at || w->at == x->index))
            w->at = x->index;
        else if (x->kind == EXPR_index && HAS(within, x->index)
                 && (!w->within || w->within == x->index))
            w->within = x->index;
        else if (x->kind != EXPR_op && x->kind != EXPR_num)
            return false;
    }
    if (!w->at || !w->within || !affine(sub, w->at, &w->step) || !affine(sub, w->within, &w->apart)
        || w->step < 1 || w->apart < 1 || !bounds(sub, &lo, &hi))
        return false;
    w->from = lo;
    return hi - lo == w->step * (w->at->size - 1) + w->apart * (w->within->size - 1);
}

typedef struct {            /* x[n, a, window ..]: the rows, a whole axis, and windows */
    Index *rows, *channel;
    Window of[MAX_RANK];
    int n;
    long pads[2 * MAX_RANK];        /* what the windows reach over both ends */
    long left[MAX_RANK];            /* what they do not reach of the far end */
} Picture;

static bool picture_of(const Tensor *t, Expr *const *sub, Axes channel, Axes at, Axes within,
                       Picture *p)
{
    *p = (Picture) { .n = t->rank - 2 };
    if (p->n < 1 || !t->axis[0].example || sub[0]->kind != EXPR_index || !is_rows(sub[0]->index)
        || sub[1]->kind != EXPR_index || !HAS(channel, sub[1]->index)
        || sub[1]->index->size != t->axis[1].size)
        return false;
    p->rows = sub[0]->index;
    p->channel = sub[1]->index;
    for (int k = 0; k < p->n; k++) {
        Window *w = &p->of[k];
        if (t->axis[2 + k].length || !window_of(sub[2 + k], at, within, w) || w->from > 0
            || ANY(j, k, p->of[j].at == w->at || p->of[j].within == w->within))
            return false;
        const long beyond = w->from + w->step * (w->at->size - 1)
            + w->apart * (w->within->size - 1) + 1 - t->axis[2 + k].size;
        p->pads[k] = -w->from;
        p->pads[p->n + k] = beyond > 0 ? beyond : 0;
        p->left[k] = beyond < 0 ? -beyond : 0;
    }
    return true;
}

/* A read of all that a tensor holds. */
static bool plain_read(Onnx *o, const Expr *x)
{
    const bool plain = x->kind == EXPR_read && !x->other && x->tensor->role != ROLE_clock;
    const Held *h = plain ? held_of(o, x->tensor) : NULL;
    return h && !h->fill && !h->unset && ALL(k, x->tensor->rank, h->has[k] && !h->at[k]);
}

/* x through the filter f[first, second, within ..]; false: f is none, or has other axes. */
static bool window_node(Onnx *o, const char *op, const Expr *x, Expr *f, Index *first,
                        Index *second, const Picture *p, Str *name)
{
    long step[MAX_RANK], apart[MAX_RANK];
    Axes axes = { { first, second }, 2 };
    for (int k = 0; k < p->n; k++) {
        axis_add(&axes, p->of[k].within);
        step[k] = p->of[k].step;
        apart[k] = p->of[k].apart;
    }
    if (axes.n != p->n + 2 || f->kind != EXPR_read || f->check || f->tensor->rank != axes.n
        || !ALL(k, axes.n,
                f->sub[k]->kind == EXPR_index && HAS(axes, f->sub[k]->index)
                    && f->sub[k]->index->size == f->tensor->axis[k].size))
        return false;
    const Val filter = lower_read(o, f);
    if (filter.axes.n != axes.n)
        return false;
    Buf node = { 0 };
    buf_add(&node, "%s strides=%s dilations=%s", op, numbers_text(step, p->n),
            numbers_text(apart, p->n));
    buf_add(&node, " pads=%s", numbers_text(p->pads, 2 * p->n));
    if (!strcmp(op, "ConvTranspose"))
        buf_add(&node, " output_padding=%s", numbers_text(p->left, p->n));
    *name = NODE(o, node.at, held_of(o, x->tensor)->name, val_turned(o, filter, axes).name);
    return true;
}

/* y[n, o, i ..] = sum x[n, a, s i + d u + c ..] f[o, a, u ..] */
static bool windowed(Onnx *o, Expr *x, Expr *f, Axes stay, Axes over, Val *v)
{
    Picture p;
    if (!plain_read(o, x) || f->kind != EXPR_read
        || !picture_of(x->tensor, x->sub, over, stay, over, &p) || over.n != p.n + 1
        || ANY(k, p.n, p.left[k] >= p.of[k].step))
        return false;
    Index *out = NULL;
    for (int k = 0; k < f->tensor->rank; k++)
        if (f->sub[k]->kind == EXPR_index && HAS(stay, f->sub[k]->index))
            out = f->sub[k]->index;
    *v = (Val) { .kind = KIND_real, .axes = { { p.rows, out }, 2 } };
    for (int k = 0; k < p.n; k++)
        axis_add(&v->axes, p.of[k].at);
    return out && !is_rows(out) && window_node(o, "Conv", x, f, out, p.channel, &p, &v->name);
}

static bool unwindowed_by(Onnx *o, Stmt *s, Expr *x, Expr *f, Val *v)
{
    Picture p;
    const Tensor *y = s->target;
    Axes all = { .n = s->nindex }, at = { .n = 0 };
    if (!plain_read(o, x) || x->check || x->tensor->rank != y->rank
        || s->nindex != 2 * y->rank - 1)
        return false;
    memcpy(all.at, s->index, sizeof s->index);
    for (int k = 2; k < x->tensor->rank; k++)
        if (x->sub[k]->kind == EXPR_index)
            axis_add(&at, x->sub[k]->index);
    if (!picture_of(y, s->sub, all, at, axes_but(all, at), &p) || !is_index(x->sub[0], p.rows)
        || x->sub[1]->kind != EXPR_index || HAS(at, x->sub[1]->index))
        return false;
    for (int k = 0; k < p.n; k++) {
        const Window *w = &p.of[k];
        if (!is_index(x->sub[2 + k], w->at) || w->at->size != x->tensor->axis[2 + k].size
            || (p.left[k] && p.left[k] >= (w->step > w->apart ? w->step : w->apart)))
            return false;
    }
    v->kind = KIND_real;
    return window_node(o, "ConvTranspose", x, f, x->sub[1]->index, p.channel, &p, &v->name);
}

/* y[n, o, s i + d u + c ..] += x[n, a, i ..] f[a, o, u ..]; the axes of *v are those of y. */
bool unwindowed(Onnx *o, Stmt *s, Val *v)
{
    if (s->set != SET_add || s->where || !is_op(s->value, OP_mul)
        || kind_of(s->target) != KIND_real)
        return false;
    return unwindowed_by(o, s, s->value->arg[0], s->value->arg[1], v)
        || unwindowed_by(o, s, s->value->arg[1], s->value->arg[0], v);
}

/* ---- sums ----------------------------------------------------------------------------------- */
static void add_terms(ExprList *terms, Expr *e, bool minus)
{
    if (is_op(e, OP_add) || is_op(e, OP_sub)) {
        add_terms(terms, e->arg[0], minus);
        add_terms(terms, e->arg[1], minus != (e->op == OP_sub));
    } else {
        PUSH(*terms, minus ? OP1(neg, e) : e);
    }
}

static Val sum_of_term(Onnx *o, Expr *term, Kind kind, Axes stay, Axes over, const ExprList *conds)
{
    Product p = { .scale = 1, .kind = kind };
    Val v;
    add_factor(o, &p, term, over);
    const ExprList *r = &p.reads;
    if (r->n == 2 && !conds->n && kind == KIND_real
        && (windowed(o, r->at[0], r->at[1], stay, over, &v)
            || windowed(o, r->at[1], r->at[0], stay, over, &v))) {
        v = times(o, v, p.scale);
    } else {
        EACH(e, *r)
            PUSH(p.val, val_guarded(o, e, kind, conds->n));
        mask_factors(o, &p, conds);
        EACH(i, over)                           /* what is the same all along an index */
            if (!FIND_AT(f, p.val, HAS(f->axes, i)))
                p.scale *= i->size;
        Product with = { .kind = kind };
        v = (Val) { .name = NULL };
        EACH_AT(f, p.val) {
            if (f->axes.n)
                PUSH(with.val, *f);
            else
                v = v.name ? spread2(o, "Mul", kind, v, *f) : *f;
        }
        if (with.val.n) {
            const Val sum = times(o, product(o, &with, over), p.scale);
            v = v.name ? spread2(o, "Mul", kind, v, sum) : sum;
        } else {
            v = v.name ? times(o, v, p.scale) : val_number(o, p.scale, kind);
        }
    }
    EACH_AT(by, p.under)
        v = spread2(o, "Div", kind, v, *by);
    return v;
}

/* What a statement adds, or multiplies by, or the largest: over these indices,
   where all conditions hold. */
Val accumulated(Onnx *o, Stmt *s, Axes stay, Axes over, const ExprList *conds)
{
    static const struct { const char *op; double none; } by[] = {
        [SET_mul] = { "ReduceProd", 1 },
        [SET_max] = { "ReduceMax", -INFINITY },
        [SET_min] = { "ReduceMin", INFINITY },
    };
    const Kind kind = kind_of(s->target);
    Val v = { .name = NULL };
    if (s->set == SET_add) {
        ExprList terms = { 0 };
        add_terms(&terms, s->value, false);
        EACH(term, terms) {
            const Val t = sum_of_term(o, term, kind, stay, over, conds);
            v = v.name ? spread2(o, "Add", kind, v, t) : t;
        }
        return v;
    }
    const double none = kind == KIND_whole && isinf(by[s->set].none)
        ? copysign(1 << 30, by[s->set].none) : by[s->set].none;
    v = val_guarded(o, s->value, kind, conds->n);
    EACH(c, *conds)
        v = val_where(o, val_as(o, c, KIND_truth), v, val_number(o, none, kind));
    if (s->set == SET_mul)                      /* a factor counts at each point */
        v = val_along(o, v, over);
    return val_reduced(o, by[s->set].op, v, over);
}
