/* onnx_stmt.c -- statements as ONNX: what is set or added up at all points at once.
 *
 * A target whose subscripts are its axes gets a value with those axes. One with computed places is
 * turned into a table, a row for each place, to which rows are added. */
#include "onnx.h"
#include <math.h>

/* ---- conditions ----------------------------------------------------------------------------- */
static void add_conds(ExprList *list, Expr *e)
{
    if (e && is_op(e, OP_and)) {
        add_conds(list, e->arg[0]);
        add_conds(list, e->arg[1]);
    } else if (e) {
        PUSH(*list, e);
    }
}

/* Where a statement does something. What lies beyond the limits of the target's own indices nobody
 * reads, so these count only `strictly`. */
static ExprList conds_of(Onnx *o, Stmt *s, Axes over, bool strictly)
{
    ExprList list = { 0 };
    for (int k = 0; k < s->nindex; k++) {
        Index *i = s->index[k];
        Expr *c = i->limit && !is_rows(i) ? OP2(lt, expr_index(i), i->limit) : NULL;
        if (c && (strictly || ANY(j, over.n, expr_uses(c, over.at[j]))))
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

/* ---- statements that set their points ------------------------------------------------------- */
/* none: what changes nothing */
static const struct { const char *op, *reduction; double none; } sets[] = {
    [SET_add] = { "Add", "add", 0 }, [SET_mul] = { "Mul", "mul", 1 },
    [SET_max] = { "Max", "max", -INFINITY }, [SET_min] = { "Min", "min", INFINITY },
};

static bool is_plain_target(Onnx *o, const Stmt *s, const Held *h, int k)
{
    return (h && h->at[k]) || sub_is_simple(o, s->target, axes_gone(h, false), s->sub, k);
}

/* Those of an expression, but for the steps of scans. */
static void add_indices(Onnx *o, Axes *list, Expr *e)
{
    EACH_EXPR(x, e)
        if (x->kind == EXPR_index && step_of(o, x->index) < 0)
            axis_add(list, x->index);
}

/* The indices of the target, in its order, then the others. */
static void split_indices(Onnx *o, Stmt *s, Axes *stay, Axes *over)
{
    *stay = *over = (Axes) { .n = 0 };
    o->order.n = 0;
    for (int k = 0; k < s->target->rank; k++)
        add_indices(o, stay, s->sub[k]);
    for (int k = 0; k < s->nindex; k++)
        if (!HAS(*stay, s->index[k]))
            axis_add(over, s->index[k]);
    PUSH_ALL(o->order, *stay);
    PUSH_ALL(o->order, *over);
}

/* The index at each axis of the target that is no slice's. */
static Axes axes_set(const Stmt *s, const Held *h)
{
    Axes own = { .n = 0 };
    for (int k = 0; k < s->target->rank; k++)
        if (!h || !h->at[k])
            axis_add(&own, s->sub[k]->index);
    return own;
}

static void nest_plain(Onnx *o, Stmt *s, Axes stay, Axes over)
{
    const Held *h = held_of(o, s->target);
    const Axes own = axes_set(s, h);
    const ExprList conds = conds_of(o, s, over,
                                    s->set == SET_is && (s->target->external || (h && !h->unset)));
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
        v = val_guarded(o, s->value, kind, conds.n);
        if (conds.n) {
            h = held_now(o, s->target);
            v = val_where(o, all_of(o, &conds), v,
                          h ? held_value(o, h, own) : val_number(o, 0, kind));
        }
    } else {
        v = accumulated(o, s, stay, over, &conds);
        h = held_now(o, s->target);
        if (h && !(h->fill && h->fill->num == sets[s->set].none))
            v = spread2(o, sets[s->set].op, kind, held_value(o, h, own), v);
    }
    store(o, s->target, v, own);
}

/* Windows added onto what is there. */
static bool nest_unwindowed(Onnx *o, Stmt *s, Axes over)
{
    Val v;
    const ExprList conds = conds_of(o, s, over, true);
    const Held *h = held_of(o, s->target);
    if (conds.n || !h || h->unset || ANY(k, s->target->rank, h->at[k]) || !unwindowed(o, s, &v))
        return false;
    v.axes = axes_of(o, h);
    const Axes own = v.axes;
    if (!(h->fill && h->fill->num == 0))
        v = spread2(o, "Add", v.kind, held_value(o, h, own), v);
    store(o, s->target, v, own);
    return true;
}

/* ---- statements that set computed places ---------------------------------------------------- */
typedef struct {
    int place[MAX_RANK], nplace;    /* axes whose subscripts are computed; they become one */
    Axes from;                      /* their indices */
    Axes rest;                      /* the indices of the other axes */
    Axes order;                     /* the axes, places first */
    long size;                      /* of the places; -1: with the examples */
} Scatter;

static void find_places(Onnx *o, Stmt *s, const Held *h, Axes own, Scatter *c)
{
    Axes behind = { .n = 0 };
    for (int k = 0, j = 0; k < s->target->rank; k++) {
        if (h->at[k])
            continue;
        Index *const along = own.at[j++];
        if (is_plain_target(o, s, h, k)) {
            axis_add(&behind, along);
            axis_add(&c->rest, s->sub[k]->index);
            continue;
        }
        axis_add(&c->order, along);
        c->place[c->nplace++] = k;
        const bool rows = s->target->axis[k].example || c->size < 0;
        c->size = rows ? -1 : c->size * s->target->axis[k].size;
        add_indices(o, &c->from, s->sub[k]);
    }
    EACH(i, behind)
        axis_add(&c->order, i);
}

/* How many points these have together; -1: the batch is among them. */
static long points_of(Axes a)
{
    long n = 1;
    EACH(i, a)
        n = is_rows(i) || n < 0 ? -1 : n * i->size;
    return n;
}

/* The values as a column for each element of the rest. */
static Str as_rows(Onnx *o, Val v, Axes from, Axes rest)
{
    const long dims[2] = { points_of(from), points_of(rest) };
    EACH(i, rest)
        axis_add(&from, i);
    return reshaped_as(o, val_expanded(o, v, from).name, dims, 2);
}

/* What the places get. */
static Val scattered(Onnx *o, Stmt *s, const Held *h, Axes stay, Axes over, const ExprList *conds,
                     unsigned check)
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
    if (!check)
        return v;
    const Val none = val_number(o, sets[s->set].none, kind);
    return val_where(o, lower_inside(o, s->target, s->sub, check), v, none);
}

/* Places and the rest as two axes, the numbers onto the rows that they are for, and
   the axes as they were. */
static Val scatter_onto(Onnx *o, Stmt *s, const Scatter *c, Val old, Val v, Val place)
{
    const Str op = format("ScatterElements axis=0 reduction=%s",
                          s->set == SET_is ? "none" : sets[s->set].reduction);
    const Str onto = reshaped_as(o, val_expanded(o, old, c->order).name,
                                 (const long[]) { c->size, points_of(c->rest) }, 2);
    const Str rows = as_rows(o, v, c->from, c->rest);
    const Str at = as_rows(o, place, c->from, (Axes) { .n = 0 });
    return val_shaped(o, NODE(o, op, onto, NODE(o, "Expand", at, NODE(o, "Shape", rows)), rows),
                      old.kind, c->order);
}

static void nest_scatter(Onnx *o, Stmt *s, Axes stay, Axes over)
{
    static const Expr zero = { .kind = EXPR_num };
    Scatter c = { .size = 1 };
    const Held *was = held_now(o, s->target);
    const Held h = was ? *was : (Held) { .tensor = s->target, .fill = &zero };
    const Axes a = axes_of(o, &h);
    const ExprList conds = conds_of(o, s, over, true);
    const unsigned check = checks_needed(s->target, s->sub, s->check);
    find_places(o, s, &h, a, &c);
    for (int k = 0; k < c.nplace; k++) {
        const Expr *sub = s->sub[c.place[k]];
        if (s->target->axis[c.place[k]].example
            && !(sub->kind == EXPR_index && is_rows(sub->index))) {
            onnx_refuse(o, "an example sets what others have");
            return;
        }
    }
    o->guard += conds.n > 0 || check;
    const Val v = scattered(o, s, &h, stay, over, &conds, check);
    const Val place = lower_index(o, flat_place(s->target, s->sub, c.place, c.nplace, o->guard),
                                  c.size < 0 ? 1L << 40 : c.size, false);
    o->guard -= conds.n > 0 || check;
    store(o, s->target, scatter_onto(o, s, &c, held_value(o, &h, a), v, place), a);
}

/* ---- whole reductions ----------------------------------------------------------------------- */
/* The value of a whole reduction, with the inner indices as one last axis behind those of *left.
 * What a condition leaves out comes behind all that counts. */
static Val inner_last(Onnx *o, Stmt *s, Axes over, const ExprList *conds, Axes *left)
{
    long dims[MAX_AXES];
    const bool least = s->set == SET_argmin;
    Val v = val_guarded(o, s->value, KIND_real, conds->n);
    if (conds->n) {
        v = spread2(o, least ? "Min" : "Max", KIND_real, v,
                    val_number(o, least ? 3.4e38 : -3.4e38, KIND_real));
        v = val_where(o, all_of(o, conds), v,
                      val_number(o, least ? INFINITY : -INFINITY, KIND_real));
    }
    *left = axes_sorted(o, axes_but(v.axes, over));
    Axes all = *left;
    EACH(i, over)
        axis_add(&all, i);
    v = val_expanded(o, v, all);
    axes_dims(*left, dims);
    dims[left->n] = points_of(over);
    if (over.n > 1)
        v.name = reshaped_as(o, v.name, dims, left->n + 1);
    return v;
}

/* Of the largest or the least; -1 where the condition holds nowhere. */
static Val place_of(Onnx *o, Stmt *s, Axes over, const ExprList *conds)
{
    Axes left;
    const Val v = inner_last(o, s, over, conds, &left);
    const Str op = format("%s axis=-1 keepdims=0", s->set == SET_argmax ? "ArgMax" : "ArgMin");
    const Val place = { NODE(o, op, v.name), KIND_whole, left };
    if (!conds->n)
        return place;
    const Val any = val_reduced(o, "ReduceMax",
                                val_along(o, val_cast(o, all_of(o, conds), KIND_real), over),
                                over);
    return val_where(o, any, place, val_number(o, -1, KIND_whole));
}

static Str sorted(Onnx *o, Str values, long n, bool largest)
{
    StrList in = { 0 }, out = { 0 };
    PUSH(in, values);
    PUSH(in, const_list(o, &n, 1));
    PUSH(out, fresh_name(o));
    PUSH(out, fresh_name(o));
    node_to(o, format("TopK largest=%d", largest), &in, &out, NULL);
    return out.at[1];
}

/* Sorting the order in which they come gives the place of each. */
static Val ranks_of(Onnx *o, Stmt *s, Axes over, const ExprList *conds)
{
    Axes all;
    const Val v = inner_last(o, s, over, conds, &all);
    const Str ranks = sorted(o, sorted(o, v.name, points_of(over), true), points_of(over), false);
    EACH(i, over)
        axis_add(&all, i);
    return over.n > 1 ? val_shaped(o, ranks, KIND_whole, all) : (Val) { ranks, KIND_whole, all };
}

static void nest_whole(Onnx *o, Stmt *s)
{
    const Held *h = held_of(o, s->target);
    Axes over = { .n = s->nindex - s->nouter };
    memcpy(over.at, s->index + s->nouter, (size_t) over.n * sizeof *over.at);
    const ExprList conds = conds_of(o, s, over, false);
    if (!ALL(k, s->target->rank, is_plain_target(o, s, h, k)))
        onnx_refuse(o, "the place of the largest is kept in a part of %s", s->target->name);
    else if (s->set == SET_choice || s->set == SET_search)
        onnx_refuse(o, "it draws at random");
    else if (!over.n)
        onnx_refuse(o, "the place of the largest of one");
    else
        store(o, s->target,
              s->set == SET_rank ? ranks_of(o, s, over, &conds) : place_of(o, s, over, &conds),
              axes_set(s, h));
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
        nest_plain(o, s, stay, over);
    else if (!nest_unwindowed(o, s, over))
        nest_scatter(o, s, stay, over);
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
    for (int k = 0; k < s->target->rank; k++)
        to.has[k] = !h->fill;
    tensor_dims(s->target, dims);
    if (!h->fill)
        to.name = reshaped_as(o, held_name(o, h), dims, s->target->rank);
    hold_in(o->g, to);
}
