/* onnx_stmt.c -- statements as ONNX: what is set or added up at all points at once.
 *
 * A target whose subscripts are its axes gets a value with those axes. One with computed places is turned into a table, a row
 * for each place, to which rows are added. */
#include "onnx.h"
#include <math.h>

/* ---- conditions ------------------------------------------------------------------------------------------ */
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

/* ---- statements that set their points -------------------------------------------------------------------- */
static const struct { const char *op, *reduction; double none; } sets[] = {        /* none: what changes nothing */
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
            h = held_now(o, s->target);
            v = val_where(o, all_of(o, &conds), v, h ? held_value(o, h, &own) : val_number(o, 0, kind));
        }
    } else {
        v = accumulated(o, s, stay, over, &conds);
        h = held_now(o, s->target);
        if (h && !(h->fill && h->fill->num == sets[s->set].none))
            v = spread2(o, sets[s->set].op, kind, held_value(o, h, &own), v);
    }
    store(o, s, v, at);
}

/* Windows added onto what is there. */
static bool nest_unwindowed(Onnx *o, Stmt *s, const Axes *over)
{
    Val v;
    const ExprList conds = conds_of(o, s, over, true);
    const Held *h = held_of(o, s->target);
    if (conds.n || !h || h->unset || ANY(k, s->target->rank, h->at[k]) || !unwindowed(o, s, &v))
        return false;
    const Axes a = axes_of(o, h);
    v.n = a.n;
    memcpy(v.axis, a.at, sizeof a.at);
    if (!(h->fill && h->fill->num == 0))
        v = spread2(o, "Add", v.kind, held_value(o, h, &a), v);
    store(o, s, v, a.at);
    return true;
}

/* ---- statements that set computed places ----------------------------------------------------------------- */
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

/* What the places get. */
static Val scattered(Onnx *o, Stmt *s, const Held *h, const Axes *stay, const Axes *over, const ExprList *conds, unsigned check)
{
    const Kind kind = kind_of(s->target);
    Val v;
    if (s->set == SET_is) {
        v = val_as(o, s->value, kind);
        if (conds->n)
            v = val_where(o, all_of(o, conds), v, gather(o, h, s->sub, 0));
    } else {
        v = accumulated(o, s, stay, over, conds);
    }
    return check ? val_where(o, lower_inside(o, s->target, s->sub, check), v, val_number(o, sets[s->set].none, kind)) : v;
}

/* Places and the rest as two axes, the numbers onto the rows that they are for, and the axes as they were. */
static Val scatter_onto(Onnx *o, Stmt *s, const Scatter *c, Val old, Val v, Val place)
{
    Buf attr = { 0 };
    attr_int(&attr, "axis", 0);
    attr_text(&attr, "reduction", s->set == SET_is ? "none" : sets[s->set].reduction);
    long width = 1;
    for (int k = 0; k < c->rest.n; k++)
        width = is_rows(c->rest.at[k]) || width < 0 ? -1 : width * c->rest.at[k]->size;
    const long flat[2] = { c->rows ? -1 : c->size, width };
    old = val_reshaped(o, val_expanded(o, old, c->order, c->n), flat, 2);
    const Str rows = as_rows(o, v, &c->from, &c->rest), at = as_rows(o, place, &c->from, &(Axes) { .n = 0 });
    Val made = { .kind = old.kind, .n = c->n };
    made.name = NODE(o, "ScatterElements", &attr, old.name, NODE(o, "Expand", NULL, at, NODE(o, "Shape", NULL, rows)), rows);
    made.name = NODE(o, "Reshape", NULL, made.name, const_list(o, c->dims, c->n));
    memcpy(made.axis, c->order, (size_t) c->n * sizeof *c->order);
    return made;
}

static void nest_scatter(Onnx *o, Stmt *s, const Axes *stay, const Axes *over)
{
    static const Expr zero = { .kind = EXPR_num };
    Scatter c = { .size = 1 };
    Index *own[MAX_RANK] = { NULL };
    const Held *was = held_now(o, s->target);
    const Held h = was ? *was : (Held) { .tensor = s->target, .fill = &zero };
    const Axes a = axes_of(o, &h);
    const ExprList conds = conds_of(o, s, over, true);
    const unsigned check = checks_needed(s->target, s->sub, s->check);
    find_places(o, s, &h, &a, &c);
    for (int k = 0; k < c.nplace; k++) {
        const Expr *sub = s->sub[c.place[k]];
        if (s->target->axis[c.place[k]].example && !(sub->kind == EXPR_index && is_rows(sub->index))) {
            onnx_refuse(o, "an example sets what others have");
            return;
        }
    }
    o->guard += conds.n > 0 || check;
    const Val v = scattered(o, s, &h, stay, over, &conds, check);
    const Val place = lower_index(o, flat_place(s->target, s->sub, c.place, c.nplace, o->guard), c.rows ? 1L << 40 : c.size, false);
    o->guard -= conds.n > 0 || check;
    for (int k = 0, j = 0; k < s->target->rank; k++)
        if (!h.at[k])
            own[k] = a.at[j++];
    store(o, s, scatter_onto(o, s, &c, held_value(o, &h, &a), v, place), own);
}

/* ---- whole reductions ------------------------------------------------------------------------------------ */
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

void lower_nest(Onnx *o, Stmt *s)
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
    else if (!nest_unwindowed(o, s, &over))
        nest_scatter(o, s, &stay, &over);
}

void lower_reshape(Onnx *o, Stmt *s)
{
    const Held *h = held_now(o, s->source);
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
        to.name = NODE(o, "Reshape", NULL, held_name(o, h), const_list(o, dims, s->target->rank));
    hold_in(o->g, to);
}
