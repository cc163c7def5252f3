/* scan.c -- `scan` and `sweep`: statements that run step after step, or over the whole training set.
 *
 * The tensors of a scan's body may be read before they are written, so their shapes are found by trial first. */
#include "elab.h"

/* ---- scans --------------------------------------------------------------------------------------------- */
static void mark_written(Scope *s, Scan *scan, Stat *b)
{
    Name *n = name_find(s, b->left->name, NAME_tensor);
    if (!n || !n->tensor)
        return;
    for (int k = 0; k < scan->written.n; k++)
        if (scan->written.at[k] == n->tensor)
            return;
    int axis = 0;
    for (int k = 0; k < b->left->list.n; k++) {
        Syn *sub = b->left->list.at[k];
        if (sub->kind == SYN_name && sub->name == scan->name) {
            PUSH(scan->written, n->tensor);
            PUSH(scan->at_axis, axis);
            return;
        }
        axis += sub->kind == SYN_dots ? s->ndots : 1;
    }
}

static void find_scan_shapes(Scope *s, Scan *scan, Stat *st, Env *env)
{
    Elab *e = s->e;
    for (int k = 0; k < st->body.n; k++)
        if (!name_find(s, st->body.at[k]->left->name, NAME_tensor)) {
            Name *n = name_add(s, NAME_tensor, st->body.at[k]->left->name, st->body.at[k]->left->place);
            n->shape = st->body.at[k]->left->list;
        }
    const bool outer = e->trial;
    e->trial = true;
    for (bool force = false;;) {
        bool found = false, missing = false;
        for (int k = 0; k < st->body.n; k++) {
            Stat *b = st->body.at[k];
            Name *n = name_find(s, b->left->name, NAME_tensor);
            if (b->kind != STAT_assign || n->tensor) {
                mark_written(s, scan, b);
                continue;
            }
            e->poisoned = false;
            assign(s, b, env);
            if (n->tensor && e->poisoned && !force)
                n->tensor = NULL;
            if (n->tensor) {
                found = true;
                mark_written(s, scan, b);
                if (force)
                    break;
            } else
                missing = true;
        }
        if (!missing && !force)
            break;
        if (!found && force)
            break;
        force = !found;
    }
    e->trial = outer;
}

static void begin_until(Scope *s, Scan *scan, Stat *st, Env *env, Stmt *loop)
{
    Elab *e = s->e;
    Ctx c = formula_ctx(s);
    StrList found = { 0 };
    Env *inner = env;
    free_names(&c, st->until, env, &found);
    Tensor *stop = temp_new(e, s, format("%s.length", st->name), ELEM_int);
    const bool outer = e->trial;
    Index *index[MAX_RANK];
    for (int k = 0; k < found.n; k++)
        inner = bind_index(&c, inner, found.at[k], NULL, &index[k]);
    e->trial = true;
    lower(&c, st->until, inner);        /* finds the ranges */
    e->trial = outer;
    stop->rank = found.n;
    for (int k = 0; k < found.n; k++)
        stop->axis[k] = (Axis) { index[k]->size, length_of(index[k], e), index[k]->example, index[k]->name };
    scan->stop = stop;
    loop->stop = stop;
    Stmt *full = over(stop, index, SET_is, expr_num(scan->axis.size));
    settle(e, full, st->place);
    add_stmt(e, s, full, st->place, NULL);
}

static void end_until(Scope *s, Scan *scan, Stat *st, Env *env)
{
    Elab *e = s->e;
    Ctx c = formula_ctx(s);
    Tensor *stop = scan->stop;
    Index *index[MAX_RANK];
    Env *inner = env;
    all_along(stop, index);
    for (int k = 0; k < stop->rank; k++)
        inner = bind_expr(inner, index[k]->name, expr_index(index[k]));
    Expr *now = lower(&c, st->until, inner), *length = read_at(stop, index), *step = expr_index(scan->step);
    Expr *stops = expr_op(OP_and, expr_op(OP_lt, step, length, NULL), now, NULL);
    Stmt *st2 = over(stop, index, SET_is, expr_op(OP_select, stops, expr_op(OP_add, step, expr_num(1), NULL), length));
    settle(e, st2, st->place);
    add_stmt(e, s, st2, st->place, NULL);
}

void elaborate_scan(Scope *s, Stat *st, Env *env)
{
    Elab *e = s->e;
    for (int k = 0; k < st->body.n; k++)
        if (st->body.at[k]->kind != STAT_assign) {
            if (FAILS(e, st->body.at[k]->place, DIAG_not_in_scan))
                report_help("write it above the scan");
            return;
        }
    Scan *scan = NEW(Scan);
    scan->up = e->scan;
    scan->name = st->name;
    scan->down = st->down;
    Name *axis = name_find(s, st->name, NAME_axis);
    Ctx sizes = size_ctx(s);
    if (st->bound)
        scan->axis = (Axis) { size_of(&sizes, st->bound), NULL, false, st->name };
    else if (axis)
        scan->axis = axis->axis;
    else {
        if (FAILS(e, st->place, DIAG_no_range, st->name))
            report_help("write `scan %s < 10 { ... }`, or scan along an axis of the input", st->name);
        return;
    }
    bool until = st->until != NULL;
    if (until && st->until->kind == SYN_num && st->until->num == 0)
        until = false;
    scan->step = index_new(st->name, scan->axis.size, NULL);
    scan->step->fixed = true;
    Env *inner = bind_expr(env, st->name, expr_index(scan->step));
    Stmt *loop = NEW(Stmt);
    loop->kind = STMT_scan;
    loop->step = scan->step;
    loop->down = st->down;
    e->scan = scan;
    find_scan_shapes(s, scan, st, inner);
    if (until) {
        begin_until(s, scan, st, inner, loop);
        scan->axis.length = scan->stop;
        for (int k = 0; k < scan->written.n; k++)
            scan->written.at[k]->axis[scan->at_axis.at[k]].length = scan->stop;
    }
    for (int k = 0; k < st->body.n; k++) {      /* sums into what the body adds to start from 0, once */
        Name *n = name_find(s, st->body.at[k]->left->name, NAME_tensor);
        if (st->body.at[k]->op == intern("+=") && n && n->tensor && !n->defined) {
            add_stmt(e, s, fill(n->tensor, 0), st->place, NULL);
            n->defined = true;
        }
    }
    StmtList *out = e->out;
    e->out = &loop->body;
    for (int k = 0; k < st->body.n && !e->failed; k++) {
        assign(s, st->body.at[k], inner);
        if (e->failed)
            break;
    }
    if (until && !e->failed)
        end_until(s, scan, st, inner);
    e->out = out;
    e->scan = scan->up;
    add_stmt(e, s, loop, st->place, NULL);
    if (!axis)
        axis = name_add(s, NAME_axis, st->name, st->place);
    axis->axis = scan->axis;
    axis->axis.name = st->name;
}

/* ---- sweeps -------------------------------------------------------------------------------------------- */
static Tensor *state_named(Elab *e, Str name)
{
    return find_named(&e->m->states, name);
}

/* Where the sweep's value is wanted it is a state; the program that finds it is made afterwards. */
void elaborate_sweep(Scope *s, Stat *st)
{
    Elab *e = s->e;
    for (int k = 0; k < st->body.n; k++) {
        Stat *b = st->body.at[k];
        const Str name = format("%s.%s", s->path, b->left->name);
        Tensor *kept = state_named(e, name);
        const bool mine = e->sweeping && e->sweeping->path == s->path && e->sweeping->stat == st;
        if (!kept) {            /* its shape: elaborate it once, into nowhere */
            StmtList nowhere = { 0 }, *out = e->out;
            e->out = &nowhere;
            assign(s, b, NULL);
            e->out = out;
            Name *n = name_find(s, b->left->name, NAME_tensor);
            if (!n || !n->tensor)
                return;
            kept = tensor_new(e->m, name, ROLE_state, n->tensor->elem);
            kept->rank = n->tensor->rank;
            memcpy(kept->axis, n->tensor->axis, sizeof kept->axis);
            kept->place = st->place;
            PUSH(e->m->states, kept);
            n->tensor = NULL;
            n->defined = false;
        }
        Name *n = name_find(s, b->left->name, NAME_tensor);
        if (!n) {
            n = name_add(s, NAME_tensor, b->left->name, b->left->place);
            n->shape = b->left->list;
        }
        n->tensor = kept;
        if (mine) {
            Program *p = e->p;
            StmtList whole = { 0 }, *out = e->out;
            n->defined = false;
            e->out = &whole;
            assign(s, b, NULL);
            e->out = out;
            Stmt *last = whole.n ? whole.at[whole.n - 1] : NULL;
            if (!last)
                return;
            PUSH(p->begin, fill(kept, 0));
            if (last->set == SET_is && last->value->kind == EXPR_reduce
                && (last->value->reduce == REDUCE_mean || last->value->reduce == REDUCE_sum)) {
                if (last->value->reduce == REDUCE_mean) {       /* the sum now; divided by the number of examples at the end */
                    Index *index[MAX_RANK];
                    all_along(kept, index);
                    Expr *examples = expr_scalar(e->clock_examples);
                    Stmt *divide = over(kept, index, SET_is, expr_op(OP_div, read_at(kept, index), examples, NULL));
                    settle(e, divide, st->place);
                    PUSH(p->end, divide);
                    last->value->reduce = REDUCE_sum;
                }
                last->set = SET_add;
            } else if (last->set != SET_add)
                FAIL(e, b->place, DIAG_sweep_form);
            PUSH(*out, last);
        }
        n->defined = true;
    }
    bool asked = e->sweeping != NULL;
    for (int k = 0; k < e->sweeps.n; k++)
        asked |= e->sweeps.at[k].path == s->path && e->sweeps.at[k].stat == st;
    if (!asked)
        PUSH(e->sweeps, ((SweepAsked) { s->path, st, NULL }));
}
