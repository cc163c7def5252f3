/* formula.c -- one formula: from its syntax to an Expr.
 *
 * Takes the tree of an expression, the scope it stands in and what is bound around it. Names are resolved
 * in this order: bound index or argument of a `def`, argument or `set`, size of an axis, tensor.
 * An index that has no written range gets it from every axis at which it stands alone (unify), so its size
 * is known only once the whole expression has been read; settle.c draws the consequences. */
#include "elab.h"
#include <math.h>

static Expr *nothing(void)
{
    return expr_real(0);
}

Ctx formula_ctx(Scope *s)
{
    return (Ctx) { .names = s, .user = s, .site = intern("") };
}

Ctx size_ctx(Scope *s)
{
    return (Ctx) { .names = s, .user = s, .sizes = true, .site = intern("") };
}

/* ---- what is bound --------------------------------------------------------------------------- */
static Env *env_find(Env *env, Str name)
{
    for (; env && env->kind != ENV_call; env = env->up)
        if (env->name == name)
            return env;
    return NULL;
}

static Env *env_push(Env *up, EnvKind kind, Str name)
{
    Env *b = NEW(Env);
    *b = (Env) { .up = up, .kind = kind, .name = name };
    return b;
}

Env *bind_expr(Env *up, Str name, Expr *value)
{
    Env *b = env_push(up, ENV_expr, name);
    b->value = value;
    return b;
}

static Expr *present(Elab *e, const Axis *axis, Env *env)
{
    if (!axis->length)
        return NULL;
    if (axis->length->rank == 0)
        return expr_scalar(axis->length);
    Expr *sub[MAX_RANK];
    for (int k = 0; k < axis->length->rank; k++) {
        const Str name = axis->length->axis[k].name;
        Env *b = env_find(env, name ? name : intern("n"));
        if (!b || b->kind != ENV_expr)
            return NULL;
        sub[k] = b->value;
    }
    (void) e;
    return expr_read(axis->length, sub, 0, NULL);
}

Env *bind_index(Ctx *c, Env *up, Str name, Syn *range, Index **made)
{
    Index *i = index_new(name, -1, NULL);
    if (range) {
        Ctx sizes = *c;
        sizes.sizes = true;
        Expr *r = lower_whole(&sizes, range, up);
        i->fixed = true;
        if (r->kind == EXPR_num && r->num >= 0 && r->num == floor(r->num))
            i->size = (int) r->num;
        else {
            if (FAILS(c->user->e, range->place, DIAG_range_constant, name))
                report_help("run over all and leave some out: `sum(%s where %s < ...)`", name, name);
            i->size = 1;
        }
    } else {
        Name *axis = name_find(c->names, name, NAME_axis);
        if (axis) {
            i->size = axis->axis.size;
            i->example = axis->axis.example;
            i->limit = present(c->user->e, &axis->axis, up);
        }
    }
    *made = i;
    return bind_expr(up, name, expr_index(i));
}

Env *bind_dots(Scope *s, Env *up)
{
    Env *b = env_push(up, ENV_dots, intern(".."));
    static const char *const letter[] = { "i", "j", "k", "l", "m", "o", "p", "q", "r", "u" };
    b->ndots = s->ndots;
    for (int k = 0; k < s->ndots; k++) {
        b->dots[k] = index_new(s->dots[k].name ? s->dots[k].name : intern(letter[k]), s->dots[k].size, NULL);
        b->dots[k]->fixed = true;
        b->dots[k]->example = s->dots[k].example;
        b->dots[k]->limit = present(s->e, &s->dots[k], up);
    }
    return b;
}

/* An index that stands alone at an axis takes its range. Along examples the one with the most samples counts. */
void unify(Elab *e, Index *i, const Axis *axis, Expr *example, Place place)
{
    if (i->fixed)
        return;
    if (axis->example) {
        if (i->size >= 0 && !i->example)
            FAIL(e, place, DIAG_two_ranges, i->name, i->size, axis->size);
        else if (i->size < axis->size) {
            i->size = axis->size;
            i->limit = expr_scalar(axis->length);
        }
        i->example = true;
        return;
    }
    if (i->size >= 0 && i->size != axis->size) {
        FAIL(e, place, DIAG_two_ranges, i->name, i->size, axis->size);
        return;
    }
    i->size = axis->size;
    if (axis->length && !i->limit) {
        if (axis->length->rank == 0)
            i->limit = expr_scalar(axis->length);
        else if (example)
            i->limit = expr_read(axis->length, &example, 0, NULL);
    }
}

bool hard_whole(Expr *e)
{
    if (!e->whole)
        return false;
    switch (e->kind) {
    case EXPR_index:
        return true;
    case EXPR_read:
        return true;
    case EXPR_op:
        if (e->op == OP_floor || e->op == OP_round)
            return true;
        if (e->op == OP_lt || e->op == OP_le || e->op == OP_eq || e->op == OP_ne
            || e->op == OP_and || e->op == OP_or || e->op == OP_not)
            return false;
        for (int k = e->op == OP_select; k < 3; k++)
            if (e->arg[k] && hard_whole(e->arg[k]))
                return true;
        return false;
    case EXPR_reduce:
        return e->reduce == REDUCE_argmax || e->reduce == REDUCE_argmin || e->reduce == REDUCE_rank
            || e->reduce == REDUCE_choice || (e->reduce != REDUCE_any && e->reduce != REDUCE_all && (hard_whole(e->arg[0]) || (e->arg[0]->kind == EXPR_num && e->arg[0]->whole)));
    case EXPR_stop:
        return hard_whole(e->arg[0]);
    default:
        return false;
    }
}

/* ---- draws ----------------------------------------------------------------------------------- */
typedef struct { Index *at[4 * MAX_RANK]; int n; } Keys;

static void key_add(Keys *keys, Index *i)
{
    for (int k = 0; k < keys->n; k++)
        if (keys->at[k] == i || keys->at[k]->name == i->name) {
            keys->at[k] = i;
            return;
        }
    if (keys->n < 4 * MAX_RANK)
        keys->at[keys->n++] = i;
}

/* The indices bound around a place, outermost first; an inner one of the same name stands for the outer. */
static void keys_around(Keys *keys, Env *env)
{
    if (!env)
        return;
    if (env->kind == ENV_call) {
        keys_around(keys, env->outer);
        return;
    }
    keys_around(keys, env->up);
    if (env->kind == ENV_expr && env->value->kind == EXPR_index)
        key_add(keys, env->value->index);
    else if (env->kind == ENV_dots)
        for (int k = 0; k < env->ndots; k++)
            keys->at[keys->n++] = env->dots[k];
    else if (env->kind == ENV_group && env->bound)
        keys_around(keys, env->bound);
}

static unsigned stream_of(Scope *user, const Syn *at, Str site)
{
    int number = -1;
    for (int k = 0; k < user->drawn.n; k++)
        if (user->drawn.at[k].at == at && user->drawn.at[k].site == site)
            number = user->drawn.at[k].number;
    if (number < 0) {
        number = user->drawn.n;
        PUSH(user->drawn, ((Drawn) { at, site, number }));
    }
    unsigned h = 2166136261u;       /* FNV-1a */
    for (const char *p = format("%s#%d", user->draws, number); *p; p++)
        h = (h ^ (unsigned char) *p) * 16777619u;
    return h;
}

static Expr *draw(Ctx *c, Syn *s, Env *env, bool normal)
{
    Expr *d = NEW(Expr);
    d->kind = EXPR_draw;
    d->normal = normal;
    d->stream = stream_of(c->user, s, c->site);
    Keys keys = { .n = 0 };
    keys_around(&keys, env);
    if (keys.n > MAX_RANK) {
        FAIL(c->user->e, s->place, DIAG_too_many_axes, MAX_RANK);
        keys.n = MAX_RANK;
    }
    for (int k = 0; k < keys.n; k++) {
        d->key[d->nkey++] = expr_index(keys.at[k]);
        if (keys.at[k]->example && c->user->samples > 1)    /* each sample has a draw of its own */
            unify(c->user->e, keys.at[k], &(Axis) { c->user->e->m->batch_max * c->user->samples,
                  clock_times(c->user->e, c->user->samples), true, NULL }, NULL, s->place);
    }
    return d;
}

/* ---- reads ------------------------------------------------------------------------------------- */
static int scan_axis(Scan *scan, const Tensor *t)
{
    for (int k = 0; k < scan->written.n; k++)
        if (scan->written.at[k] == t)
            return scan->at_axis.at[k];
    return -1;
}

/* sub = step + shift */
static bool shifted(Expr *sub, Index *step, double *shift)
{
    if (sub->kind == EXPR_index && sub->index == step) {
        *shift = 0;
        return true;
    }
    if (sub->kind == EXPR_op && (sub->op == OP_add || sub->op == OP_sub) && sub->arg[0]->kind == EXPR_index
        && sub->arg[0]->index == step && sub->arg[1]->kind == EXPR_num) {
        *shift = sub->op == OP_add ? sub->arg[1]->num : -sub->arg[1]->num;
        return true;
    }
    return false;
}

/* Inside a scan only the steps already run can be read; the others are outside. */
static Expr *read_in_scan(Ctx *c, Scan *scan, int axis, Tensor *t, Expr **sub, Expr *other, Place place)
{
    Elab *e = c->user->e;
    Expr *read = expr_read(t, sub, ~0u, other);
    double shift;
    if (!shifted(sub[axis], scan->step, &shift)) {
        Expr *at = expr_index(scan->step);
        return expr_op(OP_select, scan->down ? expr_op(OP_lt, at, sub[axis], NULL) : expr_op(OP_lt, sub[axis], at, NULL),
                       read, other ? other : expr_num(0));
    }
    if (shift == 0) {
        bool above = false;
        for (int k = 0; k < scan->done.n; k++)
            above |= scan->done.at[k] == t;
        if (!above && !e->trial)
            FAIL(e, place, DIAG_read_before, t->name);
        return read;
    }
    if (scan->down ? shift < 0 : shift > 0)
        return other ? other : expr_num(0);
    return read;
}

static int subscripts(Ctx *c, Name *n, SynList *subs, Env *env, Expr **sub, Place *place)
{
    Elab *e = c->user->e;
    int rank = 0;
    for (int k = 0; k < subs->n; k++) {
        Syn *s = subs->at[k];
        if (rank >= MAX_RANK)
            return rank + 1;
        if (s->kind == SYN_dots) {
            Env *d = env_find(env, intern(".."));
            if (!d && c->names->ndots > 0)
                FAIL(e, s->place, DIAG_dots_unbound, n->name);
            for (int q = 0; d && q < d->ndots && rank < MAX_RANK; q++) {
                place[rank] = s->place;
                sub[rank++] = expr_index(d->dots[q]);
            }
            continue;
        }
        if (s->kind == SYN_binary && s->op == intern("<") && s->a->kind == SYN_name)
            s = s->a;           /* a declaration's own  j < units */
        Ctx inner = *c;
        inner.sizes = false;
        Env *group = s->kind == SYN_name ? env_find(env, s->name) : NULL;
        if (group && group->kind == ENV_dots) {         /* the i of params(f)[i] */
            for (int q = 0; q < group->ndots && rank < MAX_RANK; q++) {
                place[rank] = s->place;
                sub[rank++] = expr_index(group->dots[q]);
            }
            continue;
        }
        place[rank] = s->place;
        sub[rank] = lower_whole(&inner, s, env);
        if (!sub[rank]->whole) {
            if (FAILS(e, s->place, DIAG_subscript_real))
                report_help("`floor(...)` or `round(...)` make it whole; `/` rounds down between whole numbers");
            sub[rank] = expr_num(0);
        }
        rank++;
    }
    return rank;
}

static Expr *lower_read(Ctx *c, Syn *s, Env *env, Name *n, SynList *subs, Syn *other)
{
    Elab *e = c->user->e;
    Tensor *t = n->tensor;
    Expr *sub[MAX_RANK + 1];
    Place place[MAX_RANK + 1];
    if (!t && !n->tied) {           /* a scan's, not yet known: whole, as nothing speaks against it */
        if (FAILS(e, s->place, DIAG_read_above, n->name))
            report_help(e->scan ? "write its first value with `else`: `%s[n, t-1, j else 0]`" : "a tensor is defined by what stands above it, not by itself: `%s` needs another name here", n->name);
        return expr_index(index_new(n->name, 1, NULL));
    }
    for (int k = 0; k < c->names->outs.n && !e->scan && !n->defined; k++)
        if (c->names->outs.at[k] == t) {
            if (FAILS(e, s->place, DIAG_read_above, n->name))
                report_help("statements run in the order written: move this one below the one that defines `%s`", n->name);
            return nothing();
        }
    int rank = subscripts(c, n, subs, env, sub, place);
    Expr *outside = other ? lower(c, other, env) : NULL;
    if (n->tied) {
        int want = 0;
        while (n->tied_at[want])
            want++;
        if (rank != want) {
            FAIL(e, s->place, DIAG_rank, n->name, want, want == 1 ? "axis" : "axes", rank);
            return nothing();
        }
        for (int k = 0; k < rank; k++)
            if (sub[k]->kind == EXPR_index)
                unify(e, sub[k]->index, &(Axis) { .size = n->tied_at[k]->size }, NULL, place[k]);
        return expr_replace(n->tied, n->tied_at, sub, rank);
    }
    if (n->samples > 0 && rank >= 2) {
        const Axis one = { e->m->batch_max, e->clock_batch, true, NULL }, of = { n->samples, NULL, false, NULL };
        if (sub[0]->kind == EXPR_index)
            unify(e, sub[0]->index, &one, NULL, place[0]);
        if (sub[1]->kind == EXPR_index)
            unify(e, sub[1]->index, &of, NULL, place[1]);
        if (mult_of(e, t) > 1)
            sub[0] = expr_op(OP_add, expr_op(OP_mul, sub[0], expr_num(n->samples), NULL), sub[1], NULL);
        memmove(sub + 1, sub + 2, (size_t) (rank - 2) * sizeof *sub);
        rank--;
    }
    if (rank != t->rank) {
        FAIL(e, s->place, DIAG_rank, n->name, t->rank, t->rank == 1 ? "axis" : "axes", rank);
        return nothing();
    }
    Expr *example = NULL;
    for (int k = 0; k < rank; k++)
        if (t->axis[k].example)
            example = sub[k];
    for (int k = 0; k < rank; k++)
        if (sub[k]->kind == EXPR_index)
            unify(e, sub[k]->index, &t->axis[k], example, place[k]);
    for (Scan *scan = e->scan; scan; scan = scan->up) {
        const int axis = scan_axis(scan, t);
        if (axis >= 0)
            return read_in_scan(c, scan, axis, t, sub, outside, s->place);
    }
    return expr_read(t, sub, rank ? ~0u : 0, outside);
}

/* ---- functions ----------------------------------------------------------------------------------- */
Function *find_function(Scope *s, Str name)
{
    Name *n = name_find(s, name, NAME_function);
    if (n)
        return n->function;
    for (int k = 0; k < s->e->functions.n; k++)
        if (s->e->functions.at[k]->name == name)
            return s->e->functions.at[k];
    return NULL;
}

int builtin_op(Str name)
{
    static const struct { const char *name; Op op; } table[] = {
        { "exp", OP_exp }, { "log", OP_log }, { "sqrt", OP_sqrt }, { "abs", OP_abs }, { "sin", OP_sin },
        { "cos", OP_cos }, { "acos", OP_acos }, { "tanh", OP_tanh }, { "sigmoid", OP_sigmoid },
        { "softplus", OP_softplus }, { "erf", OP_erf }, { "floor", OP_floor }, { "round", OP_round },
        { "lgamma", OP_lgamma }, { "digamma", OP_digamma },
    };
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        if (!strcmp(table[k].name, name))
            return (int) table[k].op;
    return -1;
}

/* Operations of two arguments, written as calls. */
static int binary_op(Str name)
{
    static const struct { const char *name; Op op; } table[] = {
        { "max", OP_max }, { "min", OP_min }, { "bessel_ratio", OP_bessel_ratio }, { "bessel_slope", OP_bessel_slope },
        { "log_bessel", OP_log_bessel },
    };
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        if (!strcmp(table[k].name, name))
            return (int) table[k].op;
    return -1;
}

static Expr *lower_size(Ctx *c, Syn *s, Env *env)
{
    Elab *e = c->user->e;
    Expr *product = expr_num(1);
    for (int k = 0; k < s->args.n; k++) {
        Syn *a = s->args.at[k].value;
        if (a->kind == SYN_dots) {
            for (int d = 0; d < c->names->ndots; d++) {
                Expr *p = present(e, &c->names->dots[d], env);
                product = expr_op(OP_mul, product, p ? p : expr_num(c->names->dots[d].size), NULL);
            }
            continue;
        }
        if (a->kind != SYN_name) {
            FAIL(e, a->place, DIAG_size_of_what);
            continue;
        }
        Env *b = env_find(env, a->name);
        Name *axis = name_find(c->names, a->name, NAME_axis);
        if (b && b->kind == ENV_expr && b->value->kind == EXPR_index) {
            Index *i = b->value->index;
            if (i->size < 0)
                e->retry = true;
            product = expr_op(OP_mul, product, i->limit ? i->limit : expr_num(i->size < 0 ? 1 : i->size), NULL);
        } else if (axis && axis->axis.example && c->names->mult > 1)
            product = expr_op(OP_mul, product, expr_scalar(clock_times(e, c->names->mult)), NULL);
        else if (axis) {
            Expr *p = c->sizes ? NULL : present(e, &axis->axis, env);
            product = expr_op(OP_mul, product, p ? p : expr_num(axis->axis.size), NULL);
        } else
            FAIL(e, a->place, DIAG_unknown_axis, a->name);
    }
    return product;
}

static Expr *lower_last(Ctx *c, Syn *s, Env *env)
{
    Elab *e = c->user->e;
    Name *axis = s->args.n == 1 && s->args.at[0].value->kind == SYN_name
               ? name_find(c->names, s->args.at[0].value->name, NAME_axis) : NULL;
    if (!axis) {
        if (FAILS(e, s->place, DIAG_last_of_what))
            report_help("`last(t)` stands below `scan t { ... }`");
        return expr_num(0);
    }
    Expr *p = present(e, &axis->axis, env);
    return expr_op(OP_sub, p ? p : expr_num(axis->axis.size), expr_num(1), NULL);
}

static Ctx inside_of(Ctx *c, Function *f, Syn *call)
{
    Ctx inner = *c;
    if (!name_find(c->names, f->name, NAME_function))
        inner.names = c->user->e->bare;
    inner.sizes = inner.floors = false;
    inner.site = format("%s/%d:%d", c->site, call->place.line, call->place.col);
    return inner;
}

static Env *call_frame(Env *outer)
{
    Env *f = env_push(NULL, ENV_call, intern("("));
    f->outer = outer;
    return f;
}

static Expr *by_hand(Expr *value, Expr *by, Expr *slope)
{
    Expr *e = NEW(Expr);
    e->kind = EXPR_byhand;
    e->arg[0] = value, e->arg[1] = by, e->arg[2] = slope;
    return e;
}

/* Arguments by position and by name; `a -> b` stands for two. */
static bool arguments_of(Function *f, Syn *s, Syn **given, int room)
{
    int at = 0;
    for (int k = 0; k < s->args.n; k++) {
        Arg *a = &s->args.at[k];
        int to = at;
        if (a->name) {
            for (to = 0; to < f->params.n && f->params.at[to].name != a->name; to++)
                ;
        } else
            at += a->value->kind == SYN_arrow ? 2 : 1;
        if (to >= f->params.n || to >= room || given[to])
            return false;
        if (a->value->kind == SYN_arrow) {
            if (to + 1 >= f->params.n || given[to + 1])
                return false;
            given[to] = a->value->a, given[to + 1] = a->value->b;
        } else
            given[to] = a->value;
    }
    for (int k = 0; k < f->params.n; k++)
        if (!given[k] && !(given[k] = f->params.at[k].init))
            return false;
    return f->params.n <= room;
}

static Expr *lower_call_of(Ctx *c, Syn *s, Env *env, Function *f)
{
    Elab *e = c->user->e;
    Syn *given[16] = { 0 };
    if (!arguments_of(f, s, given, 16)) {
        FAIL(e, s->place, DIAG_argument_count, f->name, f->params.n, s->args.n);
        return nothing();
    }
    Env *frame = call_frame(env);
    Expr *first = NULL;
    Ctx plain = *c;
    plain.floors = false;
    for (int k = 0; k < f->params.n; k++) {
        Entry *p = &f->params.at[k];
        Syn *a = given[k];
        if (p->scalar) {
            Expr *v = lower(&plain, a, env);
            if (!first)
                first = v;
            frame = bind_expr(frame, p->name, v);
            continue;
        }
        Name *n = a->kind == SYN_name ? name_find(c->names, a->name, NAME_tensor) : NULL;
        Env *passed = a->kind == SYN_name ? env_find(env, a->name) : NULL;
        if (passed && passed->kind == ENV_tensor)
            n = passed->tensor;
        if (!n) {
            FAIL(e, a->place, DIAG_tensor_argument, f->name, p->name);
            return nothing();
        }
        frame = env_push(frame, ENV_tensor, p->name);
        frame->tensor = n;
        for (int q = 0; q < p->shape.n; q++) {      /* its axes that are bound here stand for the point */
            Syn *axis = p->shape.at[q];
            Env *b = axis->kind == SYN_name ? env_find(env, axis->name) : NULL;
            if (b && b->kind == ENV_expr && !env_find(frame, axis->name))
                (frame = bind_expr(frame, axis->name, b->value))->lent = true;
        }
    }
    Ctx inner = inside_of(c, f, s);
    Expr *value = lower(&inner, f->body, frame);
    if (!f->slope)
        return value;
    return by_hand(value, first, lower(&inner, f->slope, frame));
}

/* After a report: functions of numbers, or reductions. */
static void suggest_function(Ctx *c, Str name, bool reduction)
{
    static const char *const scalars[] = {
#define SCALAR(name, n, ...) n == 1 ? #name : NULL,
#include "scalars.def"
#undef SCALAR
    }, *const reductions[] = { "sum", "mean", "prod", "max", "min", "argmax", "argmin", "any", "all", "rank", "choice" };
    Elab *e = c->user->e;
    StrList names = { 0 };
    for (size_t k = 0; k < sizeof scalars / sizeof *scalars && !reduction; k++)
        if (scalars[k] && builtin_op(intern(scalars[k])) >= 0)
            PUSH(names, intern(scalars[k]));
    for (size_t k = 0; k < sizeof reductions / sizeof *reductions && reduction; k++)
        PUSH(names, intern(reductions[k]));
    for (int k = 0; k < e->functions.n; k++)
        if ((e->functions.at[k]->operand != NULL) == reduction)
            PUSH(names, e->functions.at[k]->name);
    suggest(name, &names, reduction ? "there are" : NULL);
    if (!reduction && !nearest(name, names.at, names.n))
        report_help("`def %s(u) = ...` makes one", name);
}

static Expr *lower_call(Ctx *c, Syn *s, Env *env)
{
    Elab *e = c->user->e;
    const Str f = s->name;
    Ctx plain = *c;
    plain.floors = plain.sizes && c->floors;        /* arguments in round brackets divide as reals, but for sizes */
    if (s->list.n > 0) {
        if (f == intern("has") && s->args.n == 1 && s->args.at[0].value->kind == SYN_name) {
            for (int k = 0; k < e->m->inputs.n; k++)
                if (e->m->inputs.at[k].name == s->args.at[0].value->name && e->m->inputs.at[k].has) {
                    Name n = { .name = f, .tensor = e->m->inputs.at[k].has };
                    return lower_read(c, s, env, &n, &s->list, NULL);
                }
            FAIL(e, s->place, DIAG_has_what);
            return nothing();
        }
        if ((f == intern("params") || f == intern("weights")) && s->args.n == 1 && s->args.at[0].value->kind == SYN_name) {
            Name *net = name_find(c->names, s->args.at[0].value->name, NAME_net);
            if (net && e->param_k < net->net->params.n) {
                Name n = { .name = f, .tensor = net->net->params.at[e->param_k] };
                return lower_read(c, s, env, &n, &s->list, NULL);
            }
        }
        if (FAILS(e, s->place, DIAG_unknown_function, f))
            report_help("a tensor is read with square brackets alone: `%s[...]`", f);
        return nothing();
    }
    if (f == intern("size"))
        return lower_size(c, s, env);
    if (f == intern("last"))
        return lower_last(c, s, env);
    if (f == intern("normal") || f == intern("uniform")) {
        if (s->args.n)
            FAIL(e, s->place, DIAG_argument_count, f, 0, s->args.n);
        return draw(c, s, env, f == intern("normal"));
    }
    const int op = builtin_op(f), pair = binary_op(f), want = op >= 0 || f == intern("stop") ? 1 : pair >= 0 ? 2 : -1;
    if (want < 0) {
        Function *def = find_function(c->names, f);
        if (def && !def->operand)
            return lower_call_of(c, s, env, def);
        if (FAILS(e, s->place, DIAG_unknown_function, f))
            suggest_function(c, f, false);
        return nothing();
    }
    if (s->args.n != want) {
        FAIL(e, s->place, DIAG_argument_count, f, want, s->args.n);
        return nothing();
    }
    Expr *a = lower(&plain, s->args.at[0].value, env);
    if (op >= 0)
        return expr_op((Op) op, a, NULL, NULL);
    if (want == 1)
        return expr_stop(a);
    Expr *b = lower(&plain, s->args.at[1].value, env);
    return expr_op((Op) pair, a, b, NULL);
}

/* ---- reductions ------------------------------------------------------------------------------------ */
static int reduce_kind(Str name)
{
    static const char *const names[] = { "sum", "mean", "prod", "max", "min", "argmax", "argmin", "any", "all", "rank", "choice" };
    for (int k = 0; k < (int) (sizeof names / sizeof *names); k++)
        if (!strcmp(names[k], name))
            return k;
    return -1;
}

/* Binds the indices of a reduction. An index that is a def's own stands for the indices of its call. */
static Env *bind_indices(Ctx *c, SynList *indices, Env *env, Index **list, int *n, Expr **where, bool rank)
{
    Elab *e = c->user->e;
    for (int k = 0; k < indices->n; k++) {
        Syn *s = indices->at[k], *range = NULL;
        if (s->kind == SYN_dots) {
            Env *b = bind_dots(c->names, env);
            for (int d = 0; d < b->ndots && *n < MAX_RANK; d++)
                list[(*n)++] = b->dots[d];
            env = b;
            continue;
        }
        if (s->kind == SYN_binary && s->op == intern("<"))
            range = s->b, s = s->a;
        if (s->kind != SYN_name) {
            FAIL(e, s->place, DIAG_not_an_index);
            continue;
        }
        Env *g = env_find(env, s->name);
        if (g && g->kind == ENV_group && !range) {
            Env *b = env_push(env, ENV_group, s->name);
            b->indices = g->indices, b->where = g->where, b->ctx = g->ctx, b->outer = g->outer;
            b->bound = bind_indices(&b->ctx, g->indices, g->outer, list, n, where, true);
            if (g->where) {
                Expr *w = lower(&b->ctx, g->where, b->bound);
                *where = *where ? expr_op(OP_and, *where, w, NULL) : w;
            }
            env = b;
            continue;
        }
        if (*n >= MAX_RANK) {
            FAIL(e, s->place, DIAG_too_many_axes, MAX_RANK);
            return env;
        }
        if (g && g->kind == ENV_expr && g->value->kind == EXPR_index && !g->lent && !rank)
            FAIL(e, s->place, DIAG_bound_twice, s->name);
        env = bind_index(c, env, s->name, range, &list[*n]);
        (*n)++;
    }
    return env;
}

static Expr *lower_thunk(Env *thunk, Env *env, Place place, Elab *e)
{
    Env *g = env_find(env, thunk->group);
    if (!g || g->kind != ENV_group || !g->bound) {
        FAIL(e, place, DIAG_operand_outside, thunk->name);
        return nothing();
    }
    return lower(&thunk->ctx, thunk->syn, g->bound);
}

static Expr *lower_def_reduction(Ctx *c, Syn *s, Env *env, Function *f)
{
    Env *group = env_push(call_frame(env), ENV_group, f->params.at[0].name);
    group->indices = &s->list;
    group->where = s->a;
    group->ctx = *c;
    group->ctx.floors = false;
    group->outer = env;
    Env *thunk = env_push(group, ENV_thunk, f->operand);
    thunk->syn = s->b;
    thunk->ctx = group->ctx;
    thunk->group = group->name;
    Ctx inner = inside_of(c, f, s);
    return lower(&inner, f->body, thunk);
}

static Expr *lower_reduce(Ctx *c, Syn *s, Env *env)
{
    Elab *e = c->user->e;
    const int kind = reduce_kind(s->name);
    if (kind < 0) {
        Function *f = find_function(c->names, s->name);
        if (f && f->operand && f->params.n == 1)
            return lower_def_reduction(c, s, env, f);
        if (FAILS(e, s->place, DIAG_unknown_reduction, s->name))
            suggest_function(c, s->name, true);
        return nothing();
    }
    Ctx plain = *c;
    plain.floors = plain.sizes = false;
    Expr *r = NEW(Expr);
    r->kind = EXPR_reduce;
    r->reduce = (Reduce) kind;
    Expr *where = NULL;
    Env *inner = bind_indices(&plain, &s->list, env, r->bound, &r->nindex, &where, kind == REDUCE_rank);
    if (s->a) {
        Expr *w = lower(&plain, s->a, inner);
        where = where ? expr_op(OP_and, where, w, NULL) : w;
    }
    const bool outer_retry = e->retry;
    e->retry = false;
    r->arg[0] = lower(&plain, s->b, inner);
    if (e->retry)
        r->arg[0] = lower(&plain, s->b, inner);
    e->retry = outer_retry;
    r->where = where;
    for (int k = 0; k < r->nindex; k++) {
        if (kind == REDUCE_rank) {
            Env *b = env_find(env, r->bound[k]->name);
            if (b && b->kind == ENV_expr && b->value->kind == EXPR_index) {
                r->rank_of[k] = b->value->index;
                if (r->bound[k]->size < 0)
                    r->bound[k]->size = b->value->index->size, r->bound[k]->limit = b->value->index->limit;
                else if (b->value->index->size < 0)
                    b->value->index->size = r->bound[k]->size;
            } else
                FAIL(e, s->place, DIAG_rank_unbound, r->bound[k]->name, r->bound[k]->name);
        }
        if (r->bound[k]->size < 0) {
            if (FAILS(e, s->list.at[k < s->list.n ? k : 0]->place, DIAG_no_range, r->bound[k]->name))
                report_help("write it: `%s(%s < 10)`; or let `%s` stand alone at an axis", s->name, r->bound[k]->name, r->bound[k]->name);
            r->bound[k]->size = 1;
        }
    }
    if (kind == REDUCE_choice)
        r->arg[1] = draw(c, s, env, false);
    r->whole = kind == REDUCE_argmax || kind == REDUCE_argmin || kind == REDUCE_rank || kind == REDUCE_choice
            || kind == REDUCE_any || kind == REDUCE_all || (kind != REDUCE_mean && (hard_whole(r->arg[0]) || (r->arg[0]->kind == EXPR_num && r->arg[0]->whole)));
    return r;
}

/* ---- expressions ------------------------------------------------------------------------------------- */
static Expr *number_named(Ctx *c, Str name)
{
    Elab *e = c->user->e;
    if (name == intern("inf"))
        return expr_real(INFINITY);
    if (name == intern("pi"))
        return expr_real(3.14159265358979323846);
    if (name == intern("training"))
        return expr_num(e->training && c->user->training);
    if (name == intern("predicting"))
        return expr_num(e->predicting);
    if (name == intern("step"))
        return expr_scalar(e->clock_step);
    if (name == intern("epoch"))
        return expr_scalar(e->clock_epoch);
    if (name == intern("epochs"))
        return expr_scalar(e->clock_epochs);
    if (name == intern("examples"))
        return expr_scalar(e->clock_examples);
    if (name == intern("true") || name == intern("false"))
        return expr_num(name == intern("true"));
    return NULL;
}

static void suggest_name(Ctx *c, Str name)
{
    Elab *e = c->user->e;
    StrList names = { 0 };
    for (Scope *s = c->names; s; s = s->up)
        for (int k = 0; k < s->names.n; k++)
            PUSH(names, s->names.at[k]->name);
    if (nearest(name, names.at, names.n) || !c->sizes) {
        suggest(name, &names, NULL);
        return;
    }
    for (int k = 0; k < e->functions.n; k++)
        PUSH(names, e->functions.at[k]->name);
    suggest(name, &names, NULL);
    if (!nearest(name, names.at, names.n))
        report_help("a constant is declared by `set %s = 10`", name);
}

static Expr *lower_name(Ctx *c, Syn *s, Env *env)
{
    Elab *e = c->user->e;
    Env *b = env_find(env, s->name);
    if (b && b->kind == ENV_expr)
        return b->value;
    if (b && b->kind == ENV_thunk)
        return lower_thunk(b, env, s->place, e);
    if (b && b->kind == ENV_group && b->bound && b->indices->n == 1) {
        Syn *i = b->indices->at[0];
        return lower(&b->ctx, i->kind == SYN_binary ? i->a : i, b->bound);
    }
    if (b && b->kind == ENV_tensor)
        return lower_read(c, s, env, b->tensor, &b->tensor->shape, NULL);
    Name *n = name_find(c->names, s->name, NAME_number);
    if (n)
        return n->value;
    Expr *v = number_named(c, s->name);
    if (v)
        return v;
    n = name_find(c->names, s->name, NAME_axis);
    if (n && c->sizes)
        return expr_num(n->axis.size);
    Name *t = name_find(c->names, s->name, NAME_tensor);
    if (t)
        return lower_read(c, s, env, t, &t->shape, NULL);
    if (e->trial || e->failed++)
        e->poisoned = true;
    else if (n) {
        SAY(e, s->place, DIAG_unbound_index, s->name);
        report_help("`size(%s)` is its size; `sum(%s)` or the left side make it an index", s->name, s->name);
    } else {
        SAY(e, s->place, DIAG_unknown_name, s->name);
        suggest_name(c, s->name);
    }
    return nothing();
}

static Expr *lower_binary(Ctx *c, Syn *s, Env *env)
{
    static const struct { const char *op; Op is; bool swap; } table[] = {
        { "+", OP_add, 0 }, { "-", OP_sub, 0 }, { "*", OP_mul, 0 }, { "%", OP_mod, 0 }, { "^", OP_pow, 0 },
        { "<", OP_lt, 0 }, { "<=", OP_le, 0 }, { ">", OP_lt, 1 }, { ">=", OP_le, 1 }, { "==", OP_eq, 0 }, { "!=", OP_ne, 0 },
    };
    Elab *e = c->user->e;
    Expr *a = lower(c, s->a, env);
    if (s->op == intern("and") && a->kind == EXPR_num && a->num == 0)
        return expr_num(0);
    if (s->op == intern("or") && a->kind == EXPR_num && a->num != 0)
        return expr_num(1);
    Expr *b = lower(c, s->b, env);
    if (s->op == intern("and"))
        return expr_op(OP_and, a, b, NULL);
    if (s->op == intern("or"))
        return expr_op(OP_or, a, b, NULL);
    if (s->op == intern("/")) {
        if (c->floors && a->whole && b->whole) {
            if (expr_is(b, 0)) {
                FAIL(e, s->place, DIAG_division_by_zero);
                return expr_num(0);
            }
            return expr_op(OP_idiv, a, b, NULL);
        }
        Expr *q = expr_op(OP_div, a, b, NULL);
        return q->kind == EXPR_num && a->whole && b->whole ? expr_num(q->num) : q;
    }
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        if (!strcmp(table[k].op, s->op))
            return table[k].swap ? expr_op(table[k].is, b, a, NULL) : expr_op(table[k].is, a, b, NULL);
    FAIL(e, s->place, DIAG_not_a_formula);
    return nothing();
}

Expr *lower(Ctx *c, Syn *s, Env *env)
{
    Elab *e = c->user->e;
    switch (s->kind) {
    case SYN_num:
        return expr_num(s->num);
    case SYN_name:
        return lower_name(c, s, env);
    case SYN_paren: {
        Ctx real = *c;
        real.floors = c->floors && c->sizes;        /* in subscripts round brackets divide as reals */
        return lower(&real, s->a, env);
    }
    case SYN_ref: {
        Env *b = env_find(env, s->name);
        Name *n = b && b->kind == ENV_tensor ? b->tensor : name_find(c->names, s->name, NAME_tensor);
        Ctx plain = *c;
        plain.sizes = plain.floors = false;
        if (n)
            return lower_read(&plain, s, env, n, &s->list, s->a);
        if (e->trial || e->failed++)
            e->poisoned = true;
        else {
            SAY(e, s->place, DIAG_unknown_tensor, s->name);
            suggest_name(c, s->name);
        }
        return nothing();
    }
    case SYN_call:
        return lower_call(c, s, env);
    case SYN_reduce:
        return lower_reduce(c, s, env);
    case SYN_unary:
        return expr_op(s->op == intern("-") ? OP_neg : OP_not, lower(c, s->a, env), NULL, NULL);
    case SYN_binary:
        return lower_binary(c, s, env);
    case SYN_cond: {
        Expr *cond = lower(c, s->c, env);
        if (cond->kind == EXPR_num)
            return lower(c, cond->num != 0 ? s->a : s->b, env);
        Expr *a = lower(c, s->a, env);
        return expr_op(OP_select, cond, a, lower(c, s->b, env));
    }
    case SYN_attr: {
        Name *n = name_find(c->names, s->name, NAME_pair);
        if (n && s->field == intern("lo"))
            return n->value;
        if (n && s->field == intern("hi"))
            return n->hi;
        if (FAILS(e, s->place, DIAG_no_field, s->name, s->field))
            report_help("an argument `a..b` has `.lo` and `.hi`; nothing else has parts");
        return nothing();
    }
    default:
        FAIL(e, s->place, DIAG_not_a_formula);
        return nothing();
    }
}

Expr *lower_whole(Ctx *c, Syn *s, Env *env)
{
    Ctx floors = *c;
    floors.floors = true;
    return lower(&floors, s, env);
}

bool constant(Ctx *c, Syn *s, double *value)
{
    Elab *e = c->user->e;
    const int before = e->failed;
    Expr *v = lower(c, s, NULL);
    if (v->kind == EXPR_num) {
        *value = v->num;
        return e->failed == before;
    }
    if (e->failed == before)
        if (FAILS(e, s->place, DIAG_not_constant))
            report_help("numbers, `set` constants and sizes of axes are constants");
    *value = 0;
    return false;
}

int size_of(Ctx *c, Syn *s)
{
    Ctx sizes = *c;
    sizes.sizes = sizes.floors = true;
    double v;
    Elab *e = c->user->e;
    if (!constant(&sizes, s, &v))
        return 1;
    if (v < 0 || v != floor(v) || v > 1 << 30) {
        if (FAILS(e, s->place, DIAG_not_a_size, number_text(v)) && v > 0)
            report_help("`floor(...)` rounds down, `round(...)` to the nearest");
        return 1;
    }
    return (int) v;
}

/* ---- names that stand free --------------------------------------------------------------------------- */
static void free_add(StrList *found, Str name)
{
    for (int k = 0; k < found->n; k++)
        if (found->at[k] == name)
            return;
    PUSH(*found, name);
}

typedef struct Hidden { Str name; struct Hidden *up; } Hidden;

static void free_walk(Ctx *c, Syn *s, Env *env, Hidden *hidden, StrList *found)
{
    if (!s)
        return;
    if (s->kind == SYN_dots) {
        if (!env_find(env, intern("..")))
            free_add(found, intern(".."));
        return;
    }
    if (s->kind == SYN_name) {
        for (Hidden *h = hidden; h; h = h->up)
            if (h->name == s->name)
                return;
        if (!env_find(env, s->name) && !name_find(c->names, s->name, NAME_number)
            && !name_find(c->names, s->name, NAME_tensor) && !number_named(c, s->name))
            free_add(found, s->name);
        return;
    }
    Hidden own[MAX_RANK];
    if (s->kind == SYN_reduce) {
        int n = 0;
        for (int k = 0; k < s->list.n && n < MAX_RANK; k++) {
            Syn *i = s->list.at[k];
            if (i->kind == SYN_binary) {
                free_walk(c, i->b, env, hidden, found);
                i = i->a;
            }
            own[n] = (Hidden) { i->kind == SYN_dots ? intern("..") : i->name, hidden };
            if (s->name != intern("rank"))
                hidden = &own[n++];
        }
        free_walk(c, s->a, env, hidden, found);
        free_walk(c, s->b, env, hidden, found);
        return;
    }
    if (s->kind == SYN_call && (s->name == intern("size") || s->name == intern("last")))
        return;
    free_walk(c, s->a, env, hidden, found);
    free_walk(c, s->b, env, hidden, found);
    free_walk(c, s->c, env, hidden, found);
    for (int k = 0; k < s->list.n; k++)
        free_walk(c, s->list.at[k], env, hidden, found);
    if (s->kind == SYN_call && (s->name == intern("params") || s->name == intern("weights") || s->name == intern("has")))
        return;
    for (int k = 0; k < s->args.n; k++)
        free_walk(c, s->args.at[k].value, env, hidden, found);
}

void free_names(Ctx *c, Syn *s, Env *env, StrList *found)
{
    free_walk(c, s, env, NULL, found);
}
