/* onnx_sum.c -- accumulations as ONNX: reductions, and sums of products as MatMul, Conv, ConvTranspose or Einsum.
 *
 * Which of these it is follows from where the indices stand, as in gemm.c; no layer is asked for by name. */
#include "onnx.h"
#include <math.h>

static bool has(const Axes *list, const Index *i)
{
    return index_among(list->at, list->n, i) >= 0;
}

/* ---- reductions ------------------------------------------------------------------------------------------ */
Val val_reduced(Onnx *o, const char *op, Val v, const Axes *over)
{
    long axes[MAX_AXES];
    Val left = { .kind = v.kind };
    int n = 0;
    for (int k = 0; k < v.n; k++) {
        if (has(over, v.axis[k]))
            axes[n++] = k;
        else
            left.axis[left.n++] = v.axis[k];
    }
    if (!n)
        return v;
    Buf attr = { 0 };
    attr_int(&attr, "keepdims", 0);
    left.name = NODE(o, op, &attr, v.name, const_list(o, axes, n));
    return left;
}

static Val times(Onnx *o, Val v, double by)
{
    return by == 1 ? v : spread2(o, "Mul", v.kind, v, val_number(o, by, v.kind));
}

/* ---- products -------------------------------------------------------------------------------------------- */
typedef struct {
    VEC(Val) val;           /* factors with axes */
    VEC(Val) under;         /* divisors that no sum runs over */
    ExprList reads;         /* the factors, while all are reads */
    double scale;
    Kind kind;
} Product;

static void add_factor(Onnx *o, Product *p, Expr *e, const Axes *over)
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
        if (!ANY_EXPR(x, e->arg[1], x->kind == EXPR_index && has(over, x->index))) {
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
            if (ALL(k, test.n, val_axis(f, test.axis[k]) >= 0)) {
                *f = val_where(o, test, *f, val_number(o, 0, p->kind));
                masked = true;
            }
        if (!masked)
            PUSH(p->val, val_cast(o, test, p->kind));
    }
}

/* ---- a matrix product: B has one summed axis and one of its own ------------------------------------------ */
static bool is_matrix(const Val *a, const Val *b, const Axes *over)
{
    int shared = 0;
    for (int k = 0; k < b->n; k++)
        shared += has(over, b->axis[k]) && val_axis(a, b->axis[k]) >= 0;
    return b->n == 2 && shared == 1 && a->n > 1 && ALL(k, b->n, has(over, b->axis[k]) || val_axis(a, b->axis[k]) < 0)
        && ALL(k, a->n, !has(over, a->axis[k]) || val_axis(b, a->axis[k]) >= 0);
}

static Val matrix_product(Onnx *o, Val a, Val b, const Axes *over)
{
    Index *sum = has(over, b.axis[0]) ? b.axis[0] : b.axis[1], *own = b.axis[0] == sum ? b.axis[1] : b.axis[0], *order[MAX_AXES];
    int n = 0;
    for (int k = 0; k < a.n; k++)
        if (a.axis[k] != sum)
            order[n++] = a.axis[k];
    order[n++] = sum;
    a = val_turned(o, a, order, n);
    b = val_turned(o, b, (Index *[]) { sum, own }, 2);
    a.name = NODE(o, "MatMul", NULL, a.name, b.name);
    a.axis[a.n - 1] = own;
    return a;
}

/* ---- any product ----------------------------------------------------------------------------------------- */
static void put_letters(Buf *b, const Val *v, Index **letter, int *n)
{
    for (int k = 0; k < v->n; k++) {
        int at = index_among(letter, *n, v->axis[k]);
        if (at < 0)
            letter[at = (*n)++] = v->axis[k];
        buf_add(b, "%c", at < 26 ? 'a' + at : 'A' + at - 26);
    }
}

static Val einsum(Onnx *o, const Product *p, const Axes *over)
{
    Index *letter[4 * MAX_AXES];
    Val v = { .kind = p->kind };
    Buf says = { 0 }, attr = { 0 };
    VEC(Str) in = { 0 };
    int n = 0;
    EACH_AT(f, p->val) {
        buf_add(&says, says.n ? "," : "");
        put_letters(&says, f, letter, &n);
        PUSH(in, f->name);
    }
    PUSH(in, NULL);
    for (int k = 0; k < n; k++)
        if (!has(over, letter[k]))
            v.axis[v.n++] = letter[k];
    sort_axes(o, v.axis, v.n);
    buf_add(&says, "->");
    put_letters(&says, &v, letter, &n);
    attr_text(&attr, "equation", says.at);
    v.name = node_of(o, "Einsum", &attr, in.at);
    return v;
}

static Val product(Onnx *o, const Product *p, const Axes *over)
{
    const Val *f = p->val.at;
    if (p->val.n == 1)
        return val_reduced(o, "ReduceSum", f[0], over);
    if (!FIND_AT(v, p->val, ANY(k, v->n, has(over, v->axis[k])))) {
        Val v = f[0];
        for (int k = 1; k < p->val.n; k++)
            v = spread2(o, "Mul", p->kind, v, f[k]);
        return v;
    }
    for (int k = 0; k < 2 && p->val.n == 2; k++)
        if (is_matrix(&f[k], &f[1 - k], over))
            return matrix_product(o, f[k], f[1 - k], over);
    return einsum(o, p, over);
}

/* ---- windows: Conv and ConvTranspose -------------------------------------------------------------------- */
typedef struct {            /* of one axis: place = step * at + apart * within + from */
    Index *at, *within;
    long step, apart, from;
} Window;

/* sub as a window of one index of `at` and one of `within`. */
static bool window_of(Expr *sub, const Axes *at, const Axes *within, Window *w)
{
    long lo, hi;
    *w = (Window) { 0 };
    EACH_EXPR(x, sub) {
        if (x->kind == EXPR_index && has(at, x->index) && (!w->at || w->at == x->index))
            w->at = x->index;
        else if (x->kind == EXPR_index && has(within, x->index) && (!w->within || w->within == x->index))
            w->within = x->index;
        else if (x->kind != EXPR_op && x->kind != EXPR_num)
            return false;
    }
    if (!w->at || !w->within || !affine(sub, w->at, &w->step) || !affine(sub, w->within, &w->apart) || w->step < 1 || w->apart < 1
        || !bounds(sub, &lo, &hi))
        return false;
    w->from = lo;
    return hi - lo == w->step * (w->at->size - 1) + w->apart * (w->within->size - 1);
}

/* f[o, a, u ..] as ONNX wants a filter: its axes in this order. */
static bool filter_of(Onnx *o, Expr *f, Index *const *axes, int n, Val *v)
{
    if (f->check || f->tensor->rank != n || !ALL(k, n, f->sub[k]->kind == EXPR_index && index_among(axes, n, f->sub[k]->index) >= 0
                                                     && f->sub[k]->index->size == f->tensor->axis[k].size))
        return false;
    *v = lower_read(o, f);
    if (v->n != n)
        return false;
    *v = val_turned(o, *v, axes, n);
    return true;
}

/* x[n, a, window ..]: the rows, a whole axis, and windows. */
static bool picture_of(const Tensor *t, Expr *const *sub, const Axes *channel, const Axes *at, const Axes *within, Window *w)
{
    return t->rank >= 3 && t->axis[0].example && sub[0]->kind == EXPR_index && is_rows(sub[0]->index) && sub[1]->kind == EXPR_index
        && has(channel, sub[1]->index) && sub[1]->index->size == t->axis[1].size
        && ALL(k, t->rank, k < 2 || (!t->axis[k].length && window_of(sub[k], at, within, &w[k - 2])))
        && ALL(k, t->rank, !ANY(j, k, k > 2 && j >= 2 && (w[k - 2].at == w[j - 2].at || w[k - 2].within == w[j - 2].within)));
}

static bool plain_read(Onnx *o, const Expr *x)
{
    const Held *h = x->kind == EXPR_read && !x->other && x->tensor->role != ROLE_clock ? held_of(o, x->tensor) : NULL;
    return h && !h->fill && !h->unset && ALL(k, x->tensor->rank, h->has[k] && !h->at[k]);
}

static Val window_node(Onnx *o, const char *op, const char *more, Val x, Val f, const Window *w, const long *pads, const long *added, int n)
{
    long step[MAX_RANK], apart[MAX_RANK];
    Buf attr = { 0 };
    for (int k = 0; k < n; k++) {
        step[k] = w[k].step;
        apart[k] = w[k].apart;
    }
    attr_ints(&attr, "strides", step, n);
    attr_ints(&attr, "dilations", apart, n);
    attr_ints(&attr, "pads", pads, 2 * n);
    if (more)
        attr_ints(&attr, more, added, n);
    return (Val) { .name = NODE(o, op, &attr, x.name, f.name), .kind = KIND_real };
}

/* y[n, o, i ..] = sum x[n, a, s i + d u + c ..] f[o, a, u ..] */
static bool windowed(Onnx *o, Expr *x, Expr *f, const Axes *stay, const Axes *over, Val *v)
{
    Window w[MAX_RANK];
    Index *axes[MAX_AXES], *out = NULL;
    long pads[2 * MAX_RANK];
    if (!plain_read(o, x) || f->kind != EXPR_read || !picture_of(x->tensor, x->sub, over, stay, over, w))
        return false;
    const int n = x->tensor->rank - 2;
    for (int k = 0; k < n; k++) {
        const long last = w[k].from + w[k].step * (w[k].at->size - 1) + w[k].apart * (w[k].within->size - 1);
        pads[k] = -w[k].from;
        pads[n + k] = last >= x->tensor->axis[2 + k].size ? last + 1 - x->tensor->axis[2 + k].size : 0;
        if (w[k].from > 0 || last + w[k].step < x->tensor->axis[2 + k].size)
            return false;
        axes[2 + k] = w[k].within;
    }
    for (int k = 0; k < f->tensor->rank; k++)
        if (f->sub[k]->kind == EXPR_index && has(stay, f->sub[k]->index))
            out = f->sub[k]->index;
    axes[0] = out;
    axes[1] = x->sub[1]->index;
    Val filter;
    if (!out || is_rows(out) || over->n != n + 1 || !filter_of(o, f, axes, n + 2, &filter))
        return false;
    const Held *h = held_of(o, x->tensor);
    *v = window_node(o, "Conv", NULL, (Val) { .name = h->name }, filter, w, pads, NULL, n);
    v->axis[v->n++] = x->sub[0]->index;
    v->axis[v->n++] = out;
    for (int k = 0; k < n; k++)
        v->axis[v->n++] = w[k].at;
    return true;
}

static bool unwindowed_by(Onnx *o, Stmt *s, Expr *x, Expr *f, Val *v)
{
    Window w[MAX_RANK];
    Axes all = { .n = 0 };
    Index *axes[MAX_AXES];
    long pads[2 * MAX_RANK], added[MAX_RANK];
    const Tensor *y = s->target;
    for (int k = 0; k < s->nindex; k++)
        all.at[all.n++] = s->index[k];
    Axes at = { .n = 0 }, within = { .n = 0 };
    for (int k = 2; x->kind == EXPR_read && f->kind == EXPR_read && k < x->tensor->rank; k++)
        if (x->sub[k]->kind == EXPR_index)
            at.at[at.n++] = x->sub[k]->index;
    for (int k = 0; k < s->nindex; k++)
        if (!has(&at, s->index[k]))
            within.at[within.n++] = s->index[k];
    if (!at.n || !plain_read(o, x) || x->check || x->tensor->rank != y->rank || !picture_of(y, s->sub, &all, &at, &within, w)
        || s->nindex != 2 * y->rank - 1)
        return false;
    const int n = y->rank - 2;
    if (!is_index(x->sub[0], s->sub[0]->index) || x->sub[1]->kind != EXPR_index || s->sub[1]->kind != EXPR_index
        || has(&at, x->sub[1]->index) || !ALL(k, n, is_index(x->sub[2 + k], w[k].at) && w[k].at->size == x->tensor->axis[2 + k].size))
        return false;
    axes[0] = x->sub[1]->index;
    axes[1] = s->sub[1]->index;
    for (int k = 0; k < n; k++) {
        const long made = w[k].from + w[k].step * (w[k].at->size - 1) + w[k].apart * (w[k].within->size - 1) + 1, size = y->axis[2 + k].size;
        axes[2 + k] = w[k].within;
        pads[k] = -w[k].from;
        pads[n + k] = made > size ? made - size : 0;
        added[k] = made < size ? size - made : 0;
        if (w[k].from > 0 || (added[k] && added[k] >= (w[k].step > w[k].apart ? w[k].step : w[k].apart)))
            return false;
    }
    Val filter;
    if (axes[0] == axes[1] || !filter_of(o, f, axes, n + 2, &filter))
        return false;
    *v = window_node(o, "ConvTranspose", "output_padding", (Val) { .name = held_of(o, x->tensor)->name }, filter, w, pads, added, n);
    return true;
}

/* y[n, o, s i + d u + c ..] += x[n, a, i ..] f[a, o, u ..]; the axes of *v are those of y. */
bool unwindowed(Onnx *o, Stmt *s, Val *v)
{
    if (s->set != SET_add || s->where || !is_op(s->value, OP_mul) || kind_of(s->target) != KIND_real)
        return false;
    return unwindowed_by(o, s, s->value->arg[0], s->value->arg[1], v) || unwindowed_by(o, s, s->value->arg[1], s->value->arg[0], v);
}

/* ---- sums ------------------------------------------------------------------------------------------------ */
static void add_terms(ExprList *terms, Expr *e, bool minus)
{
    if (is_op(e, OP_add) || is_op(e, OP_sub)) {
        add_terms(terms, e->arg[0], minus);
        add_terms(terms, e->arg[1], minus != (e->op == OP_sub));
    } else {
        PUSH(*terms, minus ? OP1(neg, e) : e);
    }
}

static Val sum_of_term(Onnx *o, Expr *term, Kind kind, const Axes *stay, const Axes *over, const ExprList *conds)
{
    Product p = { .scale = 1, .kind = kind };
    Val v;
    add_factor(o, &p, term, over);
    const ExprList *r = &p.reads;
    if (r->n == 2 && !conds->n && kind == KIND_real
        && (windowed(o, r->at[0], r->at[1], stay, over, &v) || windowed(o, r->at[1], r->at[0], stay, over, &v))) {
        v = times(o, v, p.scale);
    } else {
        EACH(e, *r) {
            o->guard += conds->n > 0;
            v = val_as(o, e, kind);
            o->guard -= conds->n > 0;
            PUSH(p.val, v);
        }
        mask_factors(o, &p, conds);
        for (int k = 0; k < over->n; k++)       /* what is the same all along an index */
            if (!FIND_AT(f, p.val, val_axis(f, over->at[k]) >= 0))
                p.scale *= over->at[k]->size;
        Product with = { .kind = kind };
        v = (Val) { .name = NULL };
        EACH_AT(f, p.val) {
            if (f->n)
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

/* What a statement adds, or multiplies by, or the largest: over these indices, where all conditions hold. */
Val accumulated(Onnx *o, Stmt *s, const Axes *stay, const Axes *over, const ExprList *conds)
{
    static const struct { const char *op; double none; } by[] = {
        [SET_mul] = { "ReduceProd", 1 }, [SET_max] = { "ReduceMax", -INFINITY }, [SET_min] = { "ReduceMin", INFINITY },
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
    const double none = kind == KIND_whole && isinf(by[s->set].none) ? copysign(1 << 30, by[s->set].none) : by[s->set].none;
    o->guard += conds->n > 0;
    v = val_as(o, s->value, kind);
    o->guard -= conds->n > 0;
    EACH(c, *conds)
        v = val_where(o, val_as(o, c, KIND_truth), v, val_number(o, none, kind));
    if (s->set == SET_mul) {                    /* a factor counts at each point */
        Axes all = *over;
        for (int k = 0; k < v.n; k++)
            if (!has(over, v.axis[k]))
                all.at[all.n++] = v.axis[k];
        sort_axes(o, all.at, all.n);
        v = val_expanded(o, v, all.at, all.n);
    }
    return val_reduced(o, by[s->set].op, v, over);
}
