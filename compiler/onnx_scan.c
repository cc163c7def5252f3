/* onnx_scan.c -- scans as loops of ONNX.
 *
 * A step sets a slice of each tensor that is written at the step. The slice of the step before
 * goes from step to step, and all of them come out of the loop side by side. A tensor that is read
 * at other steps goes along whole. */
#include "onnx.h"

typedef struct {            /* a tensor that the steps set */
    Tensor *t;
    /* Along which the steps run, each setting a slice; -1: all of it goes from step to step. */
    int axis;
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
        const int k = s->kind == STMT_nest ? target_axis(s, scan->step) : -1;
        slices &= k >= 0 && (c.axis < 0 || c.axis == k);
        c.axis = k;
    }
    EACH(s, inside)
        EACH_EXPR_OF(x, s) {
            int shift;
            if (x->kind != EXPR_read || x->tensor != t || !slices)
                continue;
            slices = steps_from(x->sub[c.axis], scan->step, &shift)
                && (!shift || shift == (scan->down ? 1 : -1));
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
    return held_name(o, &h);
}

/* What a step finds in its graph. */
static void carried_in(Onnx *o, Stmt *scan, Graph *outer, Carried *c)
{
    Held h = { .tensor = c->t, .unset = c->axis >= 0 };
    const Held *was = held_in(outer, c->t);
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
    const Held *h = held_now(o, c->t);
    const Str name = NODE(o, "Identity", held_name(o, h));
    wire_value(graph, 12, name, kind_of(c->t), NULL, -1);
    PUSH(*out, name);
}

/* All the slices, side by side along the axis of the steps. */
static void hold_stacked(Onnx *o, Stmt *scan, const Carried *c, Str name)
{
    Held h = { .tensor = c->t };
    const Held *was = held_in(o->g, c->t);
    long perm[MAX_RANK];
    int n = 0, at = 1;
    if (was)
        memcpy(h.at, was->at, sizeof h.at);
    for (int k = 0; k < c->t->rank; k++)
        if (!h.at[k]) {
            h.has[k] = true;
            perm[n++] = k == c->axis ? 0 : at++;
        }
    if (scan->down) {
        double *from = alloc((size_t) scan->step->size * sizeof *from + 1);
        for (int k = 0; k < scan->step->size; k++)
            from[k] = scan->step->size - 1 - k;
        name = gathered(o, name, 0,
                        const_name(o, KIND_whole, (const long[]) { scan->step->size }, 1, from));
    }
    h.name = transposed(o, name, perm, n);
    hold_in(o->g, h);
}

/* What the steps set. What they set or read and nothing has set in this step yet is looked up
   here, outside of the body. */
static CarriedList carried_by(Onnx *o, Stmt *s)
{
    CarriedList all = { 0 };
    TensorList written = { 0 };
    const StmtList inside = stmts_all(&s->body);
    EACH(st, inside) {
        const TensorList named = stmt_tensors(st);
        EACH(t, named)
            held_now(o, t);
        if (st->target && st->kind != STMT_scan)
            PUSH_NEW(written, st->target);
    }
    EACH(t, written)
        PUSH(all, carry(o, s, t));
    return all;
}

/* The body, as a graph of its own; gives the number of its results but for the
   first, whether to go on. */
static int body_of(Onnx *o, Stmt *s, CarriedList *all, Buf *graph)
{
    StrList names = { 0 };
    Graph *const body = o->g;
    const Str count = fresh_name(o), go = fresh_name(o);
    const Str last = val_number(o, s->step->size - 1, KIND_whole).name;
    wire_text(graph, 2, "step");
    wire_value(graph, 11, count, KIND_whole, NULL, 0);
    wire_value(graph, 11, go, KIND_truth, NULL, 0);
    const Str at = s->down ? NODE(o, "Sub", last, count) : count;
    PUSH(o->step, s->step);
    PUSH(o->steps, at);
    EACH_AT(c, *all) {
        carried_in(o, s, body->outer, c);
        if (c->in)
            wire_value(graph, 11, c->in, kind_of(c->t), NULL, -1);
    }
    lower_list(o, &s->body);
    o->order.n = 0;
    wire_value(graph, 12, NODE(o, "Identity", go), KIND_truth, NULL, 0);
    EACH_AT(c, *all)
        if (c->in)
            graph_output(o, graph, &names, c);
    EACH_AT(c, *all)
        if (c->axis >= 0 && c->after)
            graph_output(o, graph, &names, c);
    buf_put(graph, body->nodes.at, body->nodes.n);
    o->step.n--;
    o->steps.n--;
    return names.n;
}

/* What the tensors hold behind it. */
static void carried_out(Onnx *o, Stmt *s, const CarriedList *all, const Graph *body,
                        const Str *out)
{
    EACH_AT(c, *all) {
        const Str name = c->in ? *out++ : NULL;
        if (c->axis >= 0)
            continue;
        Held h = *FIND_AT(old, body->held, old->tensor == c->t);
        for (int k = 0; k < c->t->rank; k++)
            h.has[k] = !h.at[k];
        h.name = name;
        h.fill = NULL;
        hold_in(o->g, h);
    }
    EACH_AT(c, *all)
        if (c->axis >= 0 && c->after)
            hold_stacked(o, s, c, *out++);
}

void lower_scan(Onnx *o, Stmt *s)
{
    Graph body = { .outer = o->g };
    Buf graph = { 0 };
    StrList in = { 0 }, out = { 0 };
    CarriedList all = carried_by(o, s);
    const double steps = s->step->size;
    PUSH(in, const_name(o, KIND_whole, NULL, 0, &steps));
    PUSH(in, intern(""));
    EACH_AT(c, all)
        if (c->axis < 0 || c->before)
            PUSH(in, carried_start(o, c));
    o->g = &body;
    const int n = body_of(o, s, &all, &graph);
    o->g = body.outer;
    for (int k = 0; k < n; k++)
        PUSH(out, fresh_name(o));
    node_to(o, "Loop", &in, &out, &graph);
    carried_out(o, s, &all, &body, out.at);
}
