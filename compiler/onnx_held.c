/* onnx_held.c -- what each tensor holds, from statement to statement: the name of a value, and
 * along which axes it changes.
 *
 * A graph knows no assignment, so a statement gives its target another value. Within a scan a
 * tensor holds the slice of the step; what stood there before the scan becomes that slice when a
 * step first asks for it. */
#include "onnx.h"

Held *held_in(Graph *g, const Tensor *t)
{
    return FIND_AT(h, g->held, h->tensor == t && !ANY(k, t->rank, h->shift[k]));
}

/* NULL: nothing has set it. */
Held *held_of(Onnx *o, Tensor *t)
{
    for (Graph *g = o->g; g; g = g->outer)
        if (held_in(g, t))
            return held_in(g, t);
    if (t->role == ROLE_temp || t->role == ROLE_clock || t->role == ROLE_grad)
        return NULL;
    Held h = { .tensor = t, .name = t->name };
    for (int k = 0; k < t->rank; k++)
        h.has[k] = true;
    if (t->role == ROLE_param || t->role == ROLE_state)
        PUSH_NEW(o->weights, t);
    else
        PUSH_NEW(o->inputs, t);
    PUSH(o->root->held, h);
    return &o->root->held.at[o->root->held.n - 1];
}

/* An index for each axis that is no slice's, as long as the axis. */
Axes axes_of(Onnx *o, const Held *h)
{
    Axes a = { .n = 0 };
    Expr *sub[MAX_RANK] = { NULL };
    for (int k = 0; k < h->tensor->rank; k++) {
        Index *i = h->at[k] ? h->at[k] : index_of_axis(h->tensor, k, sub);
        sub[k] = expr_index(i);
        if (!h->at[k]) {
            axis_add(&a, i);
            PUSH(o->order, i);
        }
    }
    return a;
}

/* Its value, with those axes; what it is the same along is left out. */
Val held_value(Onnx *o, const Held *h, Axes a)
{
    Val v = { .name = h->name, .kind = kind_of(h->tensor) };
    if (h->fill)
        return val_number(o, h->fill->num, v.kind);
    for (int k = 0, j = 0; k < h->tensor->rank; k++)
        if (!h->at[k]) {
            if (h->has[k])
                axis_add(&v.axes, a.at[j]);
            j++;
        }
    return v;
}

Str held_name(Onnx *o, const Held *h)
{
    const Axes a = axes_of(o, h);
    return val_expanded(o, held_value(o, h, a), a).name;
}

void hold_in(Graph *g, Held h)
{
    Held *was = FIND_AT(old, g->held,
                        old->tensor == h.tensor
                            && ALL(k, h.tensor->rank, old->shift[k] == h.shift[k]));
    if (was)
        *was = h;
    else
        PUSH(g->held, h);
}

void store(Onnx *o, Tensor *t, Val v, Axes own)
{
    const Held *was = held_of(o, t);
    Held h = { .tensor = t };
    Axes order = { .n = 0 };
    if (was)
        memcpy(h.at, was->at, sizeof h.at);
    for (int k = 0, j = 0; k < t->rank; k++)
        if (!h.at[k] && HAS(v.axes, own.at[j++])) {
            h.has[k] = true;
            axis_add(&order, own.at[j - 1]);
        }
    if (order.n != v.axes.n)
        onnx_refuse(o, "it has other axes than %s", t->name);
    if (o->why)
        return;
    h.name = val_turned(o, v, order).name;
    hold_in(o->g, h);
}

/* The slice of this step, of what stood there before the scan. */
static void begin_slice(Onnx *o, Held h)
{
    Held *before = NULL;
    static const Expr zero = { .kind = EXPR_num };
    for (Graph *g = o->g->outer; g && !before; g = g->outer)
        before = held_in(g, h.tensor);
    h.unset = false;
    if (!before || before->fill) {
        h.fill = before ? before->fill : &zero;
    } else {
        int at = 0;
        memcpy(h.has, before->has, sizeof h.has);
        h.name = before->name;
        for (int k = 0; k < h.tensor->rank; k++) {
            if (h.at[k] && !before->at[k] && before->has[k]) {
                h.name = gathered(o, h.name, at, o->steps.at[step_of(o, h.at[k])]);
                h.has[k] = false;
            }
            at += before->has[k] && !before->at[k];
        }
    }
    hold_in(o->g, h);
}

/* NULL: nothing has set it. */
const Held *held_now(Onnx *o, Tensor *t)
{
    const Held *h = held_of(o, t);
    if (h && h->unset)
        begin_slice(o, *h);
    return held_of(o, t);
}
