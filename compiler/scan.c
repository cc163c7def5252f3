/* scan.c -- `scan` and `sweep`: statements that run step after step, or over
 * the whole training set.
 *
 * The tensors of a scan's body may be read before they are written, so their shapes are
 * found by trial first. */
#include "elab.h"

/* ---- scans ---------------------------------------------------------------------------------- */
/* Notes which axis of a tensor that the body writes is that of the step. */
static void mark_written(Scope *s, Scan *scan, Stat *b)
{
    Name *n = name_find(s, b->left->name, NAME_tensor);
    int axis = 0;
    if (!n || !n->tensor || HAS(scan->written, n->tensor))
        return;
    EACH(sub, b->left->list) {
        if (sub->kind == SYN_name && sub->name == scan->name) {
            PUSH(scan->written, n->tensor);
            PUSH(scan->at_axis, axis);
            return;
        }
        axis += sub->kind == SYN_dots ? s->ndots : 1;
    }
}

/* Finds the shapes of what the body writes: first of what depends on known ones alone; where the
 * statements depend on each other, of the first that has one all the same. */
static void find_shapes(Scope *s, Scan *scan, Stat *st, Env *env)
{
    Elab *e = s->e;
    EACH(b, st->body)
        target_name(s, b->left);
    const Trial trial = trial_begin(e);
    for (bool force = false, missing = true; missing; ) {
        bool found = false;
        missing = false;
        EACH(b, st->body) {
            Name *n = name_find(s, b->left->name, NAME_tensor);
            const bool known = n->tensor;
            e->failed = 0;
            if (!known)
                assign(s, b, env);
            if (e->failed && !force)
                n->tensor = NULL;
            mark_written(s, scan, b);
            missing |= !n->tensor;
            found |= n->tensor && !known;
            if (found && force)
                break;
        }
        if (!found && force)
            break;
        missing |= force;
        force = !found;
    }
    for (bool news = true; news; ) {    /* samples of what stands further down, and real numbers */
        news = false;
        EACH(b, st->body) {
            Tensor *t = name_find(s, b->left->name, NAME_tensor)->tensor;
            const Tensor was = t ? *t : (Tensor) { 0 };
            if (t)
                assign(s, b, env);
            news |= t && (mult_of(e, t) > mult_of(e, &was) || t->elem != was.elem);
        }
    }
    trial_end(e, trial);
}

/* A formula with an index for each of its free names, tried for the ranges that these
   get by standing alone. */
static Env *try_free(Scope *s, Syn *formula, Env *env, StrList *found)
{
    Ctx c = formula_ctx(s);
    free_names(&c, formula, env, found);
    EACH(name, *found)
        env = bind_index(&c, env, name, NULL);
    const Trial trial = trial_begin(s->e);
    lower(&c, formula, env);
    trial_end(s->e, trial);
    return env;
}

/* The axis at which the step stands alone in the body; its size is below 0 if there is none. */
static Axis axis_of_step(Scope *s, Stat *st, Env *env)
{
    Ctx c = formula_ctx(s);
    env = bind_index(&c, env, st->name, NULL);
    Index *const step = env->at[0]->index;
    EACH(b, st->body) {
        Syn *const of[] = { b->left, b->value };
        for (int k = 0; k < 2 && step->size < 0; k++)
            try_free(s, of[k], env, &(StrList) { 0 });
    }
    return axis_of(s->e, step);
}

/* Makes the lengths that `until` finds, full at first. */
static Tensor *begin_until(Scope *s, Scan *scan, Stat *st, Env *env)
{
    Elab *e = s->e;
    StrList found = { 0 };
    Index *index[MAX_RANK];
    Axis axis[MAX_RANK];
    env = try_free(s, st->until, env, &found);
    for (int k = 0; k < found.n; k++) {
        index[k] = env_find(env, found.at[k])->at[0]->index;
        axis[k] = axis_of(e, index[k]);
    }
    Tensor *stop = temp_new(s, format("%s.length", st->name), ELEM_int, axis, found.n);
    put(s, over(stop, index, SET_is, expr_num(scan->axis.size)), st->place);
    return stop;
}

/* length = step < length and now ? step + 1 : length */
static void end_until(Scope *s, Scan *scan, Stat *st, Env *env, Tensor *stop)
{
    Ctx c = formula_ctx(s);
    Index *index[MAX_RANK];
    all_along(stop, index);
    for (int k = 0; k < stop->rank; k++)
        env = bind_expr(env, index[k]->name, expr_index(index[k]));
    Expr *now = lower(&c, st->until, env), *length = read_at(stop, index);
    Expr *step = expr_index(scan->step);
    Expr *stops = OP2(and, OP2(lt, step, length), now);
    put(s,
        over(stop, index, SET_is, expr_op(OP_select, stops, OP2(add, step, expr_num(1)), length)),
        st->place);
}

void elaborate_scan(Scope *s, Stat *st, Env *env)
{
    Elab *e = s->e;
    Name *axis = name_find(s, st->name, NAME_axis);
    EACH(b, st->body)
        if (b->kind != STAT_assign) {
            fail(e, b->place, DIAG_not_in_scan);
            return;
        }
    const Axis along = st->bound ? (Axis) { size_of(s, st->bound), NULL, false, st->name }
                     : axis ? axis->axis : axis_of_step(s, st, env);
    if (along.size < 0) {
        fail(e, st->place, DIAG_no_range, st->name,
             format("write `scan %s < 10 { ... }`, or let `%s` stand alone at an axis", st->name,
                    st->name));
        return;
    }
    Scan *scan = COPY(&((Scan) { .up = e->scan, .name = st->name, .down = st->down }));
    scan->axis = along;
    scan->step = index_along(&(Axis) { .size = scan->axis.size }, st->name, NULL);
    env = bind_expr(env, st->name, expr_index(scan->step));
    Stmt *loop = stmt_new(STMT_scan, NULL, NULL);
    loop->step = scan->step;
    loop->down = st->down;
    e->scan = scan;
    find_shapes(s, scan, st, env);
    if (st->until && !(st->until->kind == SYN_num && st->until->num == 0)) {
        loop->stop = scan->axis.length = begin_until(s, scan, st, env);
        for (int k = 0; k < scan->written.n; k++)
            scan->written.at[k]->axis[scan->at_axis.at[k]].length = loop->stop;
    }
    EACH(b, st->body) {                 /* sums into what the body adds to start from 0, once */
        Name *n = name_find(s, b->left->name, NAME_tensor);
        if (b->op == intern("+=") && n->tensor && !n->defined) {
            add_to(e->out, s, fill(n->tensor, 0), st->place, NULL);
            n->defined = true;
        }
    }
    StmtList *out = e->out;
    e->out = &loop->body;
    EACH(b, st->body)
        if (!e->failed)
            assign(s, b, env);
    if (loop->stop && !e->failed)
        end_until(s, scan, st, env, loop->stop);
    e->out = out;
    e->scan = scan->up;
    add_to(out, s, loop, st->place, NULL);
    if (!axis)
        axis = name_add(s, NAME_axis, st->name, st->place);
    axis->axis = scan->axis;
    axis->axis.name = st->name;
}

/* ---- sweeps --------------------------------------------------------------------------------- */
/* The statements of one assignment, apart from the program's. */
static StmtList assigned_apart(Scope *s, Stat *b)
{
    StmtList apart = { 0 }, *out = s->e->out;
    s->e->out = &apart;
    assign(s, b, NULL);
    s->e->out = out;
    return apart;
}

/* The state that a sweep's value is kept in. */
static Tensor *sweep_state(Scope *s, Stat *st, Stat *b)
{
    Elab *e = s->e;
    const Str name = format("%s.%s", s->path, b->left->name);
    Tensor *kept = find_named(&e->m->states, name);
    if (kept)
        return kept;
    assigned_apart(s, b);               /* for its shape */
    Name *n = target_name(s, b->left);
    if (!n->tensor)
        return NULL;
    kept = shaped(tensor_new(e->m, name, ROLE_state, n->tensor->elem), n->tensor->axis,
                  n->tensor->rank);
    kept->place = st->place;
    PUSH(e->m->states, kept);
    n->defined = false;
    return kept;
}

/* In the sweep's own program: a sum over the batches, from 0; a mean is divided at the end. */
static void sweep_statement(Scope *s, Stat *b, Tensor *kept)
{
    Elab *e = s->e;
    StmtList whole = assigned_apart(s, b);
    Stmt *last = whole.n ? whole.at[whole.n - 1] : NULL;
    if (!last)
        return;
    const bool reduces = last->set == SET_is && last->value->kind == EXPR_reduce;
    const Reduce by = reduces ? last->value->reduce : REDUCE_max;
    PUSH(e->p->begin, fill(kept, 0));
    if (by == REDUCE_mean) {
        Index *index[MAX_RANK];
        all_along(kept, index);
        Expr *examples = expr_scalar(find_named(&e->clocks, intern("examples")));
        Stmt *divide = over(kept, index, SET_is, OP2(div, read_at(kept, index), examples));
        settle(divide);
        PUSH(e->p->end, divide);
        last->value->reduce = REDUCE_sum;
    }
    if (by == REDUCE_mean || by == REDUCE_sum)
        last->set = SET_add;
    else if (last->set != SET_add)
        fail(e, b->place, DIAG_sweep_form);
    PUSH(*e->out, last);
}

/* Where the sweep's value is wanted it is a state; the program that finds
   it is made afterwards. */
void elaborate_sweep(Scope *s, Stat *st)
{
    Elab *e = s->e;
    EACH(b, st->body) {
        Tensor *kept = sweep_state(s, st, b);
        if (!kept)
            return;
        Name *n = target_name(s, b->left);
        n->tensor = kept;
        if (e->sweeping && e->sweeping->path == s->path && e->sweeping->stat == st) {
            n->defined = false;
            sweep_statement(s, b, kept);
        }
        n->defined = true;
    }
    if (!e->sweeping && !FIND_AT(sweep, e->sweeps, sweep->path == s->path && sweep->stat == st))
        PUSH(e->sweeps, ((SweepAsked) { s->path, st }));
}
