/* onnx.c -- the programs that use a trained model as ONNX graphs: what the trainer's `export --onnx` writes.
 *
 * Takes a program after simplify, before the fast schedule turns axes; leaves the bytes of a GraphProto but for its name and
 * the weights, which the trainer adds, or why there is none. What cannot be said is never said in part. */
#include "onnx.h"
#include <math.h>

static const char *const offered[] = { "reconstruct", "predict", "encode", "decode" };

/* ---- what tensors hold ------------------------------------------------------------------------------------------ */
/* An index for each axis that is no slice's, as long as the axis. */
static Axes axes_of(Onnx *o, const Held *h)
{
    Axes a = { .n = 0 };
    Expr *sub[MAX_RANK];
    for (int k = 0; k < h->tensor->rank; k++) {
        Index *i = h->at[k] ? h->at[k] : index_of_axis(h->tensor, k, sub);
        sub[k] = expr_index(i);
        if (!h->at[k]) {
            a.at[a.n++] = i;
            PUSH(o->order, i);
        }
    }
    return a;
}

/* Its value, with those axes; what it is the same along is left out. */
static Val value_of(Onnx *o, const Held *h, const Axes *a)
{
    Val v = { .name = h->name, .kind = kind_of(h->tensor) };
    if (h->fill)
        return val_number(o, h->fill->num, v.kind);
    for (int k = 0, j = 0; k < h->tensor->rank; k++)
        if (!h->at[k]) {
            if (h->has[k])
                v.axis[v.n++] = a->at[j];
            j++;
        }
    return v;
}

static Str full_name(Onnx *o, const Held *h)
{
    const Axes a = axes_of(o, h);
    return val_expanded(o, value_of(o, h, &a), a.at, a.n).name;
}

static void hold_in(Graph *g, Held h)
{
    Held *was = FIND_AT(old, g->held, old->tensor == h.tensor && ALL(k, h.tensor->rank, old->shift[k] == h.shift[k]));
    if (was)
        *was = h;
    else
        PUSH(g->held, h);
}

/* The value of a statement: its axes are subscripts of the target, at[k] along axis k. */
static void store(Onnx *o, Stmt *s, Val v, Index *const *at)
{
    const Held *was = held_of(o, s->target);
    Held h = { .tensor = s->target };
    Index *order[MAX_AXES];
    int n = 0;
    if (was)
        memcpy(h.at, was->at, sizeof h.at);
    for (int k = 0; k < s->target->rank; k++)
        if (!h.at[k] && val_axis(&v, at[k]) >= 0) {
            h.has[k] = true;
            order[n++] = at[k];
        }
    if (n != v.n)
        bug("a value with other axes than %s", s->target->name);
    h.name = val_turned(o, v, order, n).name;
    hold_in(o->g, h);
}

/* The slice of this step, of what stood there before the scan. */
static void begin_slice(Onnx *o, Held h)
{
    Held *before = NULL;
    static const Expr zero = { .kind = EXPR_num };
    for (Graph *g = o->g->outer; g && !before; g = g->outer)
        before = FIND_AT(old, g->held, old->tensor == h.tensor && !ANY(k, h.tensor->rank, old->shift[k]));
    h.unset = false;
    if (!before || before->fill) {
        h.fill = before ? before->fill : &zero;
    } else {
        long at = 0;
        memcpy(h.has, before->has, sizeof h.has);
        h.name = before->name;
        for (int k = 0; k < h.tensor->rank; k++) {
            if (h.at[k] && !before->at[k] && before->has[k]) {
                Buf attr = { 0 };
                attr_int(&attr, "axis", at);
                h.name = NODE(o, "Gather", &attr, h.name, o->steps.at[step_of(o, h.at[k])].name);
                h.has[k] = false;
            }
            at += before->has[k] && !before->at[k];
        }
    }
    hold_in(o->g, h);
}

/* NULL: nothing has set it. */
const Held *current(Onnx *o, Tensor *t)
{
    const Held *h = held_of(o, t);
    if (h && h->unset)
        begin_slice(o, *h);
    return held_of(o, t);
}

/* ---- conditions ---------------------------------------------------------------------------------------------------- */
static void add_conds(ExprList *list, Expr *e)
{
    if (e && is_op(e, OP_and)) {
        add_conds(list, e->arg[0]);
        add_conds(list, e->arg[1]);
    } else if (e) {
        PUSH(*list, e);
    }
}

static bool uses_any(Expr *e, const Axes *list)
{
    return ANY(k, list->n, expr_uses(e, list->at[k]));
}

/* Where a statement does something. What lies beyond the limits of the target's own indices nobody reads, so these count
 * only `strictly`. */
static ExprList conds_of(Onnx *o, Stmt *s, const Axes *over, bool strictly)
{
    ExprList list = { 0 };
    for (int k = 0; k < s->nindex; k++) {
        Index *i = s->index[k];
        Expr *c = i->limit && !is_rows(i) ? OP2(lt, expr_index(i), i->limit) : NULL;
        if (c && (strictly || uses_any(c, over)))
            PUSH(list, c);
    }
    EACH(i, o->step)
        if (i->limit)
            PUSH(list, OP2(lt, expr_index(i), i->limit));
    add_conds(&list, s->where);
    return list;
}

static Val all_of(Onnx *o, const ExprList *conds)
{
    Val v = { .name = NULL };
    EACH(c, *conds) {
        const Val test = val_as(o, c, KIND_truth);
        v = v.name ? spread2(o, "And", KIND_truth, v, test) : test;
    }
    return v;
}

/* ---- statements that set their points ---------------------------------------------------------------------------------- */
static const struct { const char *op, *reduction; double none; } sets[] = {
    [SET_add] = { "Add", "add", 0 }, [SET_mul] = { "Mul", "mul", 1 },
    [SET_max] = { "Max", "max", -INFINITY }, [SET_min] = { "Min", "min", INFINITY },
};

static bool is_plain_target(Onnx *o, const Stmt *s, const Held *h, int k)
{
    return (h && h->at[k]) || sub_is_simple(o, s->target, axes_gone(h, false), s->sub, k);
}

/* The indices of the target, in its order, then the others. */
static void split_indices(Onnx *o, Stmt *s, Axes *stay, Axes *over)
{
    *stay = *over = (Axes) { .n = 0 };
    o->order.n = 0;
    for (int k = 0; k < s->target->rank; k++)
        EACH_EXPR(x, s->sub[k])
            if (x->kind == EXPR_index && step_of(o, x->index) < 0 && index_among(stay->at, stay->n, x->index) < 0)
                stay->at[stay->n++] = x->index;
    for (int k = 0; k < s->nindex; k++)
        if (index_among(stay->at, stay->n, s->index[k]) < 0)
            over->at[over->n++] = s->index[k];
    for (int k = 0; k < stay->n; k++)
        PUSH(o->order, stay->at[k]);
    for (int k = 0; k < over->n; k++)
        PUSH(o->order, over->at[k]);
}

static void nest_plain(Onnx *o, Stmt *s, const Axes *stay, const Axes *over)
{
    Index *at[MAX_RANK] = { NULL };
    const Held *h = held_of(o, s->target);
    Axes own = { .n = 0 };
    for (int k = 0; k < s->target->rank; k++)
        if (!h || !h->at[k])
            own.at[own.n++] = at[k] = s->sub[k]->index;
    const ExprList conds = conds_of(o, s, over, s->set == SET_is && (s->target->external || (h && !h->unset)));
    const Kind kind = kind_of(s->target);
    Val v;
    if (s->set == SET_is && !conds.n && s->value->kind == EXPR_num) {
        Held fill = { .tensor = s->target, .fill = s->value };
        if (h)
            memcpy(fill.at, h->at, sizeof fill.at);
        hold_in(o->g, fill);
        return;
    }
    if (s->set == SET_is) {
        o->guard += conds.n > 0;
        v = val_as(o, s->value, kind);
        o->guard -= conds.n > 0;
        if (conds.n) {
            h = current(o, s->target);
            v = val_where(o, all_of(o, &conds), v, h ? value_of(o, h, &own) : val_number(o, 0, kind));
        }
    } else {
        v = accumulated(o, s, stay, over, &conds);
        h = current(o, s->target);
        if (h && !(h->fill && h->fill->num == sets[s->set].none))
            v = spread2(o, sets[s->set].op, kind, value_of(o, h, &own), v);
    }
    store(o, s, v, at);
}

/* A transposed convolution onto what is there. */
static bool nest_conv_back(Onnx *o, Stmt *s, const Axes *over)
{
    Val v;
    const ExprList conds = conds_of(o, s, over, true);
    const Held *h = held_of(o, s->target);
    if (conds.n || !h || h->unset || ANY(k, s->target->rank, h->at[k]) || !conv_back(o, s, &v))
        return false;
    const Axes a = axes_of(o, h);
    v.n = a.n;
    memcpy(v.axis, a.at, sizeof a.at);
    if (!(h->fill && h->fill->num == 0))
        v = spread2(o, "Add", v.kind, value_of(o, h, &a), v);
    store(o, s, v, a.at);
    return true;
}

/* ---- statements that set computed places ------------------------------------------------------------------------------- */
typedef struct {
    int place[MAX_RANK], nplace;    /* axes whose subscripts are computed; they become one */
    Axes from;                      /* their indices */
    Axes rest;                      /* the indices of the other axes */
    Index *order[MAX_RANK], *own[MAX_RANK];     /* the axes, places first; as they are */
    int n;
    long dims[MAX_AXES], size;
    bool rows;                      /* one is of the examples */
} Scatter;

static void find_places(Onnx *o, Stmt *s, const Held *h, const Axes *a, Scatter *c)
{
    for (int pass = 0; pass < 2; pass++)
        for (int k = 0, j = 0; k < s->target->rank; k++) {
            if (h->at[k])
                continue;
            Index *own = a->at[j++];
            if (is_plain_target(o, s, h, k) != (pass == 1))
                continue;
            c->order[c->n] = own;
            c->dims[c->n++] = index_dim(own);
            if (pass == 1) {
                c->rest.at[c->rest.n++] = s->sub[k]->index;
                continue;
            }
            c->place[c->nplace++] = k;
            c->rows |= s->target->axis[k].example;
            c->size *= s->target->axis[k].size;
            EACH_EXPR(x, s->sub[k])
                if (x->kind == EXPR_index && step_of(o, x->index) < 0 && index_among(c->from.at, c->from.n, x->index) < 0)
                    c->from.at[c->from.n++] = x->index;
        }
}

/* The values as a column for each element of the rest. */
static Str as_rows(Onnx *o, Val v, const Axes *from, const Axes *rest)
{
    Axes all = *from;
    long rows = 1, width = 1;
    for (int k = 0; k < from->n; k++)
        rows = index_dim(from->at[k]) < 0 || rows < 0 ? -1 : rows * from->at[k]->size;
    for (int k = 0; k < rest->n; k++) {
        all.at[all.n++] = rest->at[k];
        width = index_dim(rest->at[k]) < 0 || width < 0 ? -1 : width * rest->at[k]->size;
    }
    return val_reshaped(o, val_expanded(o, v, all.at, all.n), (const long[]) { rows, width }, 2).name;
}

static void nest_scatter(Onnx *o, Stmt *s, const Axes *stay, const Axes *over)
{
    static const Expr zero = { .kind = EXPR_num };
    Scatter c = { .size = 1 };
    const Held *was = current(o, s->target);
    const Held h = was ? *was : (Held) { .tensor = s->target, .fill = &zero };
    const Axes a = axes_of(o, &h);
    const ExprList conds = conds_of(o, s, over, true);
    const Kind kind = kind_of(s->target);
    const unsigned check = checks_needed(s->target, s->sub, s->check);
    find_places(o, s, &h, &a, &c);
    for (int k = 0; k < c.nplace; k++)
        if (s->target->axis[c.place[k]].example && !(s->sub[c.place[k]]->kind == EXPR_index && is_rows(s->sub[c.place[k]]->index))) {
            onnx_refuse(o, "an example sets what others have");
            return;
        }
    Val v;
    o->guard += conds.n > 0 || check;
    if (s->set == SET_is) {
        v = val_as(o, s->value, kind);
        if (conds.n)
            v = val_where(o, all_of(o, &conds), v, gather(o, &h, s->sub, 0));
    } else {
        v = accumulated(o, s, stay, over, &conds);
    }
    if (check)
        v = val_where(o, lower_inside(o, s->target, s->sub, check), v, val_number(o, sets[s->set].none, kind));
    const Val place = lower_index(o, flat_place(o, s->target, s->sub, c.place, c.nplace, o->guard), c.rows ? 1L << 40 : c.size, false);
    o->guard -= conds.n > 0 || check;
    Buf attr = { 0 };
    attr_int(&attr, "axis", 0);
    attr_text(&attr, "reduction", s->set == SET_is ? "none" : sets[s->set].reduction);
    const bool wide = ANY(k, c.rest.n, is_rows(c.rest.at[k]));
    long width = 1;
    for (int k = 0; k < c.rest.n; k++)
        width *= c.rest.at[k]->size;
    const long flat[2] = { c.rows ? -1 : c.size, wide ? -1 : width };
    const Val old = val_reshaped(o, val_expanded(o, value_of(o, &h, &a), c.order, c.n), flat, 2);
    const Str rows = as_rows(o, v, &c.from, &c.rest), at = as_rows(o, place, &c.from, &(Axes) { .n = 0 });
    Val made = { .kind = kind };
    made.name = NODE(o, "ScatterElements", &attr, old.name, NODE(o, "Expand", NULL, at, NODE(o, "Shape", NULL, rows)), rows);
    made.name = NODE(o, "Reshape", NULL, made.name, const_list(o, c.dims, c.n));
    made.n = c.n;
    memcpy(made.axis, c.order, (size_t) c.n * sizeof *c.order);
    Index *own[MAX_RANK] = { NULL };
    for (int k = 0, j = 0; k < s->target->rank; k++)
        if (!h.at[k])
            own[k] = a.at[j++];
    store(o, s, made, own);
}

/* ---- whole reductions -------------------------------------------------------------------------------------------------------- */
/* v with the inner indices as one last axis; *left gets the others. */
static Val inner_last(Onnx *o, Val v, const Axes *over, Axes *left)
{
    long dims[MAX_AXES];
    Axes all = { .n = 0 };
    *left = (Axes) { .n = 0 };
    for (int k = 0; k < v.n; k++)
        if (index_among(over->at, over->n, v.axis[k]) < 0)
            left->at[left->n++] = v.axis[k];
    sort_axes(o, left->at, left->n);
    all = *left;
    for (int k = 0; k < over->n; k++)
        all.at[all.n++] = over->at[k];
    v = val_expanded(o, v, all.at, all.n);
    if (over->n == 1)
        return v;
    dims[left->n] = 1;
    for (int k = 0; k < left->n; k++)
        dims[k] = index_dim(left->at[k]);
    for (int k = 0; k < over->n; k++)
        dims[left->n] *= over->at[k]->size;
    return val_reshaped(o, v, dims, left->n + 1);
}

static Val with_axes(Val v, const Axes *a)
{
    v.n = a->n;
    memcpy(v.axis, a->at, sizeof a->at);
    return v;
}

static Val find_place(Onnx *o, const char *op, Val v)
{
    Buf attr = { 0 };
    attr_int(&attr, "axis", -1);
    attr_int(&attr, "keepdims", 0);
    return (Val) { .name = NODE(o, op, &attr, v.name), .kind = KIND_whole };
}

static void nest_place(Onnx *o, Stmt *s, Index *const *at)
{
    const bool most = s->set == SET_argmax;
    Axes over = { .n = 0 }, left;
    for (int k = s->nouter; k < s->nindex; k++)
        over.at[over.n++] = s->index[k];
    const ExprList conds = conds_of(o, s, &over, false);
    o->guard += conds.n > 0;
    Val v = val_as(o, s->value, KIND_real);
    o->guard -= conds.n > 0;
    if (!over.n) {
        onnx_refuse(o, "the place of the largest of one");
        return;
    }
    if (!conds.n) {
        const Val flat = inner_last(o, v, &over, &left);
        store(o, s, with_axes(find_place(o, most ? "ArgMax" : "ArgMin", flat), &left), at);
        return;
    }
    /* the first that holds and is the largest of those that do; -1 where none holds */
    const Val test = all_of(o, &conds);
    v = val_where(o, test, v, val_number(o, most ? -INFINITY : INFINITY, KIND_real));
    Axes all = over;
    for (int k = 0; k < v.n; k++)
        if (index_among(over.at, over.n, v.axis[k]) < 0)
            all.at[all.n++] = v.axis[k];
    sort_axes(o, all.at, all.n);
    v = val_expanded(o, v, all.at, all.n);
    const Val best = val_reduced(o, most ? "ReduceMax" : "ReduceMin", v, &over);
    const Val is = val_cast(o, spread2(o, "And", KIND_truth, test, spread2(o, "Equal", KIND_truth, v, best)), KIND_real);
    const Val first = with_axes(find_place(o, "ArgMax", inner_last(o, is, &over, &left)), &left);
    const Val any = val_reduced(o, "ReduceMax", val_expanded(o, is, all.at, all.n), &over);
    store(o, s, val_where(o, val_cast(o, any, KIND_truth), first, val_number(o, -1, KIND_whole)), at);
}

static Str sorted(Onnx *o, Str values, long n, bool largest)
{
    Buf attr = { 0 };
    const Str out[2] = { fresh_name(o), fresh_name(o) };
    attr_int(&attr, "largest", largest);
    node_to(o, "TopK", (const Str[]) { values, const_list(o, &n, 1) }, 2, out, 2, &attr);
    return out[1];
}

/* Sorting the order in which they come gives the place of each. */
static void nest_rank(Onnx *o, Stmt *s, Index *const *at)
{
    Axes over = { .n = 0 }, left;
    long n = 1, dims[MAX_AXES];
    for (int k = s->nouter; k < s->nindex; k++) {
        over.at[over.n++] = s->index[k];
        n *= s->index[k]->size;
    }
    const ExprList conds = conds_of(o, s, &over, false);
    o->guard += conds.n > 0;
    Val v = val_as(o, s->value, KIND_real);
    o->guard -= conds.n > 0;
    if (conds.n) {          /* behind all that count */
        v = spread2(o, "Max", KIND_real, v, val_number(o, -3.4e38, KIND_real));
        v = val_where(o, all_of(o, &conds), v, val_number(o, -INFINITY, KIND_real));
    }
    v = inner_last(o, v, &over, &left);
    v.name = sorted(o, sorted(o, v.name, n, true), n, false);
    v.kind = KIND_whole;
    for (int k = 0; k < over.n; k++) {
        left.at[left.n++] = over.at[k];
    }
    for (int k = 0; k < left.n; k++)
        dims[k] = index_dim(left.at[k]);
    store(o, s, with_axes(over.n > 1 ? val_reshaped(o, v, dims, left.n) : v, &left), at);
}

static void nest_whole(Onnx *o, Stmt *s)
{
    Index *at[MAX_RANK] = { NULL };
    const Held *h = held_of(o, s->target);
    for (int k = 0; k < s->target->rank; k++) {
        if (h && h->at[k])
            continue;
        if (!sub_is_simple(o, s->target, axes_gone(h, false), s->sub, k)) {
            onnx_refuse(o, "the place of the largest is kept in a part of %s", s->target->name);
            return;
        }
        at[k] = s->sub[k]->index;
    }
    if (s->set == SET_argmax || s->set == SET_argmin)
        nest_place(o, s, at);
    else if (s->set == SET_rank)
        nest_rank(o, s, at);
    else
        onnx_refuse(o, "it draws at random");
}

static void nest(Onnx *o, Stmt *s)
{
    Axes stay, over;
    split_indices(o, s, &stay, &over);
    const Held *h = held_of(o, s->target);
    for (int k = 0; k < s->nindex; k++)
        if (s->index[k]->example && !is_rows(s->index[k])) {
            onnx_refuse(o, "there are several samples of each example");
            return;
        }
    if (s->set == SET_join)
        onnx_refuse(o, "%s is a list", s->target->name);
    else if (s->set >= SET_argmax)
        nest_whole(o, s);
    else if (ALL(k, s->target->rank, is_plain_target(o, s, h, k)))
        nest_plain(o, s, &stay, &over);
    else if (!nest_conv_back(o, s, &over))
        nest_scatter(o, s, &stay, &over);
}

static void reshape(Onnx *o, Stmt *s)
{
    const Held *h = current(o, s->source);
    Held to = { .tensor = s->target };
    long dims[MAX_RANK];
    if (!h || ANY(k, s->source->rank, h->at[k])) {
        onnx_refuse(o, "%s is not there as a whole", s->source->name);
        return;
    }
    to.fill = h->fill;
    for (int k = 0; k < s->target->rank; k++) {
        to.has[k] = !h->fill;
        dims[k] = s->target->axis[k].example ? -1 : s->target->axis[k].size;
    }
    if (!h->fill)
        to.name = NODE(o, "Reshape", NULL, full_name(o, h), const_list(o, dims, s->target->rank));
    hold_in(o->g, to);
}

/* ---- scans ------------------------------------------------------------------------------------------------------------------------ */
typedef struct {            /* a tensor that the steps set */
    Tensor *t;
    int axis;               /* along which the steps run, each setting a slice; -1: all of it goes from step to step */
    bool before;            /* a step reads the slice of the one before */
    bool after;             /* something behind the scan reads it */
    Str in;                 /* what goes from step to step, as a step gets it */
} Carried;
typedef VEC(Carried) CarriedList;

static bool reads(Stmt *s, const Tensor *t)
{
    return s->source == t || ANY_EXPR_OF(x, s, x->kind == EXPR_read && x->tensor == t);
}

static Carried carry(Onnx *o, Stmt *scan, Tensor *t)
{
    Carried c = { .t = t, .axis = -1 };
    const StmtList inside = stmts_all(&scan->body);
    bool slices = true;
    EACH(s, inside) {
        if (s->target != t || s->kind == STMT_scan)
            continue;
        const int k = s->kind == STMT_nest ? FIRST(j, t->rank, is_index(s->sub[j], scan->step)) : -1;
        slices &= k >= 0 && (c.axis < 0 || c.axis == k);
        c.axis = k;
    }
    EACH(s, inside)
        EACH_EXPR_OF(x, s) {
            int shift;
            if (x->kind != EXPR_read || x->tensor != t || !slices)
                continue;
            slices = steps_from(x->sub[c.axis], scan->step, &shift) && (!shift || shift == (scan->down ? 1 : -1));
            c.before |= shift != 0;
        }
    EACH_STMT_OF(s, o->p)
        c.after |= !HAS(inside, s) && reads(s, t);
    c.after |= HAS(o->p->outputs, t);
    if (!slices)
        c = (Carried) { .t = t, .axis = -1, .after = true };
    return c;
}

/* Zeros in its shape, or what it holds. */
static Str carried_start(Onnx *o, const Carried *c)
{
    static const Expr zero = { .kind = EXPR_num };
    const Held *was = held_of(o, c->t);
    Held h = { .tensor = c->t, .fill = &zero };
    if (was)
        h = *was;
    if (c->axis >= 0) {
        h.fill = &zero;
        h.at[c->axis] = index_new(intern("t"), 1, NULL);
    }
    return full_name(o, &h);
}

/* What a step finds in its graph. */
static void carried_in(Onnx *o, Stmt *scan, const Graph *outer, Carried *c)
{
    Held h = { .tensor = c->t, .unset = c->axis >= 0 };
    const Held *was = FIND_AT(old, outer->held, old->tensor == c->t && !ANY(k, c->t->rank, old->shift[k]));
    if (was)
        memcpy(h.at, was->at, sizeof h.at);
    if (c->axis >= 0)
        h.at[c->axis] = scan->step;
    if (c->axis < 0 || c->before) {
        Held given = h;
        given.unset = false;
        given.name = c->in = fresh_name(o);
        for (int k = 0; k < c->t->rank; k++)
            given.has[k] = !given.at[k];
        if (c->axis >= 0)
            given.shift[c->axis] = scan->down ? 1 : -1;
        hold_in(o->g, given);
    }
    if (c->axis >= 0)
        hold_in(o->g, h);
}

static void graph_output(Onnx *o, Buf *graph, StrList *out, const Carried *c)
{
    const Held *h = current(o, c->t);
    const Str name = NODE(o, "Identity", NULL, full_name(o, h));
    wire_value(graph, 12, name, kind_of(c->t), NULL, -1);
    PUSH(*out, name);
}

/* All the slices, side by side along the axis of the steps. */
static void hold_stacked(Onnx *o, Stmt *scan, const Carried *c, Str name)
{
    Held h = { .tensor = c->t };
    const Held *was = FIND_AT(old, o->g->held, old->tensor == c->t && !ANY(k, c->t->rank, old->shift[k]));
    long perm[MAX_RANK];
    int n = 0, at = 1;
    if (was)
        memcpy(h.at, was->at, sizeof h.at);
    for (int k = 0; k < c->t->rank; k++)
        if (!h.at[k]) {
            h.has[k] = true;
            perm[n++] = k == c->axis ? 0 : at++;
        }
    Buf attr = { 0 };
    attr_ints(&attr, "perm", perm, n);
    if (scan->down) {
        Buf first = { 0 };
        attr_int(&first, "axis", 0);
        double *from = alloc((size_t) scan->step->size * sizeof *from + 1);
        for (int k = 0; k < scan->step->size; k++)
            from[k] = scan->step->size - 1 - k;
        name = NODE(o, "Gather", &first, name, const_name(o, KIND_whole, (const long[]) { scan->step->size }, 1, from));
    }
    h.name = ANY(k, n, perm[k] != k) ? NODE(o, "Transpose", &attr, name) : name;
    hold_in(o->g, h);
}

static void statements(Onnx *o, StmtList *list);

static void scan(Onnx *o, Stmt *s)
{
    CarriedList all = { 0 };
    Graph body = { .outer = o->g }, *outer = o->g;
    Buf graph = { 0 }, attr = { 0 };
    StrList in = { 0 }, out = { 0 }, names = { 0 };
    TensorList written = { 0 };
    const StmtList inside = stmts_all(&s->body);
    EACH(st, inside) {
        const TensorList named = stmt_tensors(st);
        EACH(t, named)
            if (held_of(o, t))
                current(o, t);
        if (st->target && st->kind != STMT_scan)
            PUSH_NEW(written, st->target);
    }
    EACH(t, written)
        PUSH(all, carry(o, s, t));
    const double steps = s->step->size;
    PUSH(in, const_name(o, KIND_whole, NULL, 0, &steps));
    PUSH(in, intern(""));
    EACH_AT(c, all)
        if (c->axis < 0 || c->before)
            PUSH(in, carried_start(o, c));
    /* the body */
    o->g = &body;
    const Str count = fresh_name(o), go = fresh_name(o);
    wire_text(&graph, 2, "step");
    wire_value(&graph, 11, count, KIND_whole, NULL, 0);
    wire_value(&graph, 11, go, KIND_truth, NULL, 0);
    const Str at = s->down ? NODE(o, "Sub", NULL, val_number(o, steps - 1, KIND_whole).name, count) : count;
    PUSH(o->step, s->step);
    PUSH(o->steps, ((Known) { NULL, at }));
    EACH_AT(c, all) {
        carried_in(o, s, outer, c);
        if (c->in)
            wire_value(&graph, 11, c->in, kind_of(c->t), NULL, -1);
    }
    statements(o, &s->body);
    o->order.n = 0;
    const Str more = NODE(o, "Identity", NULL, go);
    wire_value(&graph, 12, more, KIND_truth, NULL, 0);
    EACH_AT(c, all)
        if (c->in)
            graph_output(o, &graph, &names, c);
    EACH_AT(c, all)
        if (c->axis >= 0 && c->after)
            graph_output(o, &graph, &names, c);
    buf_put(&graph, body.nodes.at ? body.nodes.at : "", body.nodes.n);
    o->step.n--;
    o->steps.n--;
    o->g = outer;
    /* behind it */
    for (int k = 0; k < names.n; k++)
        PUSH(out, fresh_name(o));
    attr_graph(&attr, "body", &graph);
    node_to(o, "Loop", in.at, in.n, out.at, out.n, &attr);
    int k = 0;
    EACH_AT(c, all) {
        const Str name = c->in ? out.at[k++] : NULL;
        if (c->axis < 0) {
            Held h = *FIND_AT(old, body.held, old->tensor == c->t);
            for (int j = 0; j < c->t->rank; j++)
                h.has[j] = !h.at[j];
            h.name = name;
            h.fill = NULL;
            hold_in(o->g, h);
        }
    }
    EACH_AT(c, all)
        if (c->axis >= 0 && c->after)
            hold_stacked(o, s, c, out.at[k++]);
}

/* ---- programs -------------------------------------------------------------------------------------------------------------------------- */
static void statements(Onnx *o, StmtList *list)
{
    EACH(s, *list) {
        o->place = s->use ? s->use->place : s->place;
        o->wish = s->target ? s->target->name : o->wish;
        if (o->why)
            return;
        if (s->kind == STMT_nest)
            nest(o, s);
        else if (s->kind == STMT_reshape)
            reshape(o, s);
        else if (s->kind == STMT_scan)
            scan(o, s);
        else
            onnx_refuse(o, "it draws at random");
    }
}

static void put_output(Onnx *o, Buf *graph, Tensor *t)
{
    long dims[MAX_RANK];
    const Held *h = current(o, t);
    const bool given = t->role == ROLE_input;
    const Str name = given ? format("%s/out", t->name) : t->name;
    if (!h) {
        onnx_refuse(o, "nothing sets %s", t->name);
        return;
    }
    for (int k = 0; k < t->rank; k++)
        dims[k] = t->axis[k].example ? -1 : t->axis[k].size;
    node_to(o, "Identity", (const Str[]) { full_name(o, h) }, 1, &name, 1, NULL);
    wire_value(graph, 12, name, kind_of(t), dims, t->rank);
}

static void put_inputs(Onnx *o, Buf *graph)
{
    EACH(t, o->inputs) {
        long dims[MAX_RANK];
        for (int k = 0; k < t->rank; k++)
            dims[k] = t->axis[k].example ? -1 : t->axis[k].size;
        wire_value(graph, 11, t->name, kind_of(t), dims, t->rank);
    }
}

void onnx_program(Module *m, Program *p)
{
    Graph root = { .outer = NULL };
    Onnx o = { .m = m, .p = p, .root = &root, .g = &root, .wish = p->name };
    Buf graph = { 0 };
    TensorList outputs = { 0 };
    if (!p->outputs.n || !ANY(k, COUNT(offered), p->name == intern(offered[k])))
        return;
    statements(&o, &p->body);
    EACH(t, p->outputs)
        PUSH_NEW(outputs, t);
    EACH(t, outputs)
        if (!o.why)
            put_output(&o, &graph, t);
    put_inputs(&o, &graph);
    buf_put(&graph, root.nodes.at ? root.nodes.at : "", root.nodes.n);
    buf_put(&graph, o.initializers.at ? o.initializers.at : "", o.initializers.n);
    p->onnx = COPY(&((OnnxGraph) { .graph = graph, .weights = o.weights, .why = o.why }));
}

/* ---- the table of the trainer --------------------------------------------------------------------------------------------------------------- */
/* Bytes as C strings; a digit behind an escape would belong to it. */
static void put_bytes(Buf *b, const Buf *bytes)
{
    for (size_t k = 0; k < bytes->n; k++) {
        const unsigned char c = (unsigned char) bytes->at[k], next = k + 1 < bytes->n ? (unsigned char) bytes->at[k + 1] : 0;
        if (k % 64 == 0)
            buf_add(b, k ? "\"\n      \"" : "\n      \"");
        if (c >= 32 && c <= 126 && c != '"' && c != '\\' && c != '?')
            buf_put(b, (const char *) &c, 1);
        else
            buf_add(b, next >= '0' && next <= '7' ? "\\%03o" : "\\%o", c);
    }
    buf_add(b, bytes->n ? "\"" : "\"\"");
}

void onnx_print(Buf *b, Module *m, bool check)
{
    Buf tables = { 0 };
    for (int k = 0; k < COUNT(offered) && !check; k++) {
        const Program *p = FIND(is, m->programs, is->name == intern(offered[k]) && is->onnx);
        if (!p)
            continue;
        const OnnxGraph *x = p->onnx;
        if (!x->why && x->weights.n) {
            buf_add(b, "static const char *const ae_onnx_%s[] = {", p->name);
            EACH(t, x->weights) {
                buf_add(b, "\n    ");
                put_string(b, weight_name(t));
                buf_add(b, ",");
            }
            buf_add(b, "\n};\n");
        }
        buf_add(&tables, "    { .name = \"%s\"", p->name);
        if (x->why) {
            buf_add(&tables, ", .why = ");
            put_string(&tables, x->why);
        } else {
            if (x->weights.n)
                buf_add(&tables, ", .weights = ae_onnx_%s, .nweights = %d", p->name, x->weights.n);
            buf_add(&tables, ", .size = %ld,\n      .graph =", (long) x->graph.n);
            put_bytes(&tables, &x->graph);
        }
        buf_add(&tables, " },\n");
    }
    buf_add(b, "\n/* What `export --onnx` writes. */\nconst AeOnnx ae_onnx[] = {\n%s    { .name = NULL },\n};\n", tables.at ? tables.at : "");
}
