/* formula.c -- one formula: from its syntax to an Expr.
 *
 * Takes the tree of an expression, the scope it stands in and what is bound around it. Names are
 * resolved in this order: bound index or argument of a `def`, argument or `set`, size of an axis,
 * tensor. An index that has no written range gets it from every axis at which it stands alone
 * (unify), so its size is known only once the whole expression has been read; settle.c draws the
 * consequences. The functions here give NULL after a report; lower() makes a number of it, so
 * that reading goes on. */
#include "elab.h"
#include <math.h>

Ctx formula_ctx(Scope *s)
{
    return (Ctx) { .e = s->e, .names = s, .user = s, .site = intern("") };
}

Ctx size_ctx(Scope *s)
{
    return (Ctx) { .e = s->e, .names = s, .user = s, .sizes = true, .site = intern("") };
}

/* ---- what is bound -------------------------------------------------------------------------- */
Str index_word(const Syn *s)
{
    if (s->kind == SYN_binary && s->op == intern("<"))
        s = s->a;
    return s->kind == SYN_dots ? intern("..") : s->kind == SYN_name ? s->name : NULL;
}

Env *env_find(Env *env, Str name)
{
    for (; env && env->kind != ENV_call; env = env->up)
        if (env->name == name)
            return env;
    return NULL;
}

Env *env_push(Env *up, EnvKind kind, Str name)
{
    return COPY(&((Env) { .up = up, .kind = kind, .name = name }));
}

Env *bind_expr(Env *up, Str name, Expr *value)
{
    Env *b = env_push(up, ENV_expr, name);
    b->at[b->n++] = value;
    return b;
}

/* How far an axis runs at the place: by its length there. NULL: all of it. */
Expr *present(const Axis *axis, Env *env)
{
    const Tensor *length = axis->length;
    Expr *sub[MAX_RANK];
    for (int k = 0; length && k < length->rank; k++) {
        Env *b = env_find(env, length->axis[k].name ? length->axis[k].name : intern("n"));
        if (!b || b->kind != ENV_expr)
            return NULL;
        sub[k] = b->at[0];
    }
    return length ? expr_read(axis->length, sub, 0, NULL) : NULL;
}

static Expr *present_or_size(const Axis *axis, Env *env)
{
    Expr *p = present(axis, env);
    return p ? p : expr_num(axis->size);
}

Env *bind_index(Ctx *c, Env *up, Str name, Syn *range)
{
    Index *i = index_new(name, -1, NULL);
    Name *axis = name_find(c->names, name, NAME_axis);
    if (range) {
        Ctx sizes = *c;
        sizes.sizes = true;
        Expr *r = lower_whole(&sizes, range, up);
        const bool size = r->kind == EXPR_num && r->num >= 0 && r->num == floor(r->num);
        if (!size)
            fail(c->e, range->place, DIAG_range_constant, name, name, name);
        i->fixed = true;
        i->size = size ? (int) r->num : 1;
    } else if (axis) {
        i->size = axis->axis.size;
        i->example = axis->axis.example;
        i->limit = present(&axis->axis, up);
        i->measured = i->limit && !i->example;
    }
    return bind_expr(up, name, expr_index(i));
}

Env *bind_list(Env *up, Str name, Index **index, int n)
{
    Env *b = env_push(up, ENV_list, name);
    for (int k = 0; k < n; k++)
        b->at[b->n++] = expr_index(index[k]);
    return b;
}

Env *bind_dots(Scope *s, Env *up)
{
    Index *index[MAX_RANK];
    Env *within = up;       /* the lengths of an axis go by the axes before it */
    for (int k = 0; k < s->ndots; k++) {
        const Axis *a = &s->dots[k];
        index[k] = index_along(a, a->name ? a->name : format("%c", "ijklmopqru"[k]), NULL);
        index[k]->limit = present(a, within);
        index[k]->measured = !a->example && (index[k]->limit || !a->length);
        within = bind_expr(within, a->name ? a->name : intern("n"), expr_index(index[k]));
    }
    return bind_list(up, intern(".."), index, s->ndots);
}

/* An index that stands alone at an axis takes its range. Along examples the one with
   the most samples counts. */
void unify(Elab *e, Index *i, const Axis *axis, Expr *example, Place place)
{
    if (i->fixed)
        return;
    if (i->size >= 0 && (axis->example ? !i->example : i->size != axis->size)) {
        fail(e, place, DIAG_two_ranges, i->name, i->size, axis->size);
        report_help("all axes at which it stands alone should have one size; a range written "
                    "where it is bound counts alone: `%s < %d`", i->name, i->size);
    } else if (!axis->example || i->size < axis->size) {
        i->size = axis->size;
        if (axis->example || !i->limit)
            i->limit = limit_along(axis, example);
    }
    i->example |= axis->example;
}

/* ---- whole numbers -------------------------------------------------------------------------- */
bool gives_place(Reduce r)
{
    return r == REDUCE_argmax || r == REDUCE_argmin || r == REDUCE_rank || r == REDUCE_choice;
}

static bool gives_truth(Reduce r)
{
    return r == REDUCE_any || r == REDUCE_all;
}

/* Whole, and not only by its numbers. */
static bool hard_whole(Expr *e)
{
    if (!e->whole)
        return false;
    switch (e->kind) {
    case EXPR_index: case EXPR_read:
        return true;
    case EXPR_op:
        if (e->op == OP_floor || e->op == OP_round)
            return true;
        if (e->op >= OP_lt && e->op <= OP_not)
            return false;
        for (int k = e->op == OP_select; k < 3; k++)
            if (e->arg[k] && hard_whole(e->arg[k]))
                return true;
        return false;
    case EXPR_reduce:
        return gives_place(e->reduce) || (!gives_truth(e->reduce) && is_whole(e->arg[0]));
    case EXPR_stop:
        return hard_whole(e->arg[0]);
    default:
        return false;
    }
}

bool is_whole(Expr *e)
{
    return hard_whole(e) || (e->kind == EXPR_num && e->whole);
}

/* ---- draws ---------------------------------------------------------------------------------- */
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

/* The indices bound around a place, outermost first; an inner one of the same name
   stands for the outer. */
static void keys_around(Keys *keys, Env *env)
{
    if (!env)
        return;
    keys_around(keys, env->kind == ENV_call ? env->outer : env->up);
    if (env->kind == ENV_expr && env->at[0]->kind == EXPR_index)
        key_add(keys, env->at[0]->index);
    else if (env->kind == ENV_list)
        for (int k = 0; k < env->n && keys->n < 4 * MAX_RANK; k++)
            keys->at[keys->n++] = env->at[k]->index;
    else if (env->kind == ENV_group)
        keys_around(keys, env->bound);
}

unsigned stream_of(Str path)
{
    unsigned h = 2166136261u;       /* FNV-1a */
    for (; *path; path++)
        h = (h ^ (unsigned char) *path) * 16777619u;
    return h;
}

/* Which of its definition's draws this is. */
static int draw_number(Scope *user, const Syn *at, Str site)
{
    if (!FIND_AT(d, user->drawn, d->at == at && d->site == site))
        PUSH(user->drawn, ((Drawn) { at, site }));
    return FIRST(k, user->drawn.n, user->drawn.at[k].at == at && user->drawn.at[k].site == site);
}

Expr *draw(Ctx *c, Syn *s, Env *env, bool normal)
{
    Expr *d = NEW(Expr);
    d->kind = EXPR_draw;
    d->normal = normal;
    d->stream = stream_of(format("%s#%d", c->user->draws, draw_number(c->user, s, c->site)));
    Keys keys = { .n = 0 };
    keys_around(&keys, env);
    if (keys.n > MAX_RANK) {
        fail(c->e, s->place, DIAG_too_many_axes, MAX_RANK);
        keys.n = MAX_RANK;
    }
    const Axis samples = example_axis(c->e, c->user->samples > 1 ? c->user->samples : 1);
    for (int k = 0; k < keys.n; k++) {
        d->key[d->nkey++] = expr_index(keys.at[k]);
        if (keys.at[k]->example && c->user->samples > 1)    /* each sample has a draw of its own */
            unify(c->e, keys.at[k], &samples, NULL, s->place);
    }
    return d;
}

/* ---- reads ---------------------------------------------------------------------------------- */
/* Inside a scan only the steps already run can be read; the others are outside. */
static Expr *read_in_scan(Ctx *c, Scan *scan, int axis, Expr *read, Expr *other, Place place)
{
    Expr *now = expr_index(scan->step), *at = read->sub[axis];
    Expr *outside = other ? other : expr_num(0);
    double shift;
    if (!is_index(expr_split(at, &shift), scan->step))
        return expr_op(OP_select, scan->down ? OP2(lt, now, at) : OP2(lt, at, now), read, outside);
    if (shift == 0 && !HAS(scan->done, read->tensor) && !c->e->trial)
        fail(c->e, place, DIAG_read_before, read->tensor->name);
    return (scan->down ? shift < 0 : shift > 0) ? outside : read;
}

/* The subscripts of a read; how many, of which at most MAX_RANK are there. */
static int subscripts(Ctx *c, Name *n, SynList *subs, Env *env, Expr **sub, Place *place)
{
    Ctx inner = *c;
    int rank = 0;
    inner.sizes = false;
    EACH(s, *subs) {
        const Str word = index_word(s);
        Env *b = word ? env_find(env, word) : NULL;
        if (s->kind == SYN_dots && !b && c->names->ndots > 0)
            fail(c->e, s->place, DIAG_dots_unbound, n->name);
        /* `..`, and the i of params(f)[i] */
        if (s->kind == SYN_dots || (b && b->kind == ENV_list)) {
            for (int q = 0; b && q < b->n && rank < MAX_RANK; q++) {
                place[rank] = s->place;
                sub[rank++] = b->at[q];
            }
            continue;
        }
        if (rank == MAX_RANK)
            return rank + 1;
        place[rank] = s->place;
        /* a declaration's own  j < units */
        sub[rank] = lower_whole(&inner, word && s->kind == SYN_binary ? s->a : s, env);
        if (!sub[rank]->whole) {
            fail(c->e, s->place, DIAG_subscript_real);
            sub[rank] = expr_num(0);
        }
        rank++;
    }
    return rank;
}

/* The subscript of the axis of examples; NULL: there is none. */
static Expr *example_of(const Axis *axis, Expr **sub, int n)
{
    Expr *example = NULL;
    for (int k = 0; k < n; k++)
        if (axis[k].example)
            example = sub[k];
    return example;
}

/* Subscripts that stand alone take the ranges of the axes they stand at. */
void unify_all(Elab *e, const Axis *axis, Expr **sub, int n, const Place *place)
{
    Expr *example = example_of(axis, sub, n);
    for (int k = 0; k < n; k++)
        if (sub[k]->kind == EXPR_index)
            unify(e, sub[k]->index, &axis[k], example, place[k]);
}

/* What examples have along one index is of one length: rows that only some of
   them have are nobody's. */
static void check_lengths(Elab *e, const Tensor *t, Expr **sub, const Place *place)
{
    Expr *example = example_of(t->axis, sub, t->rank);
    for (int k = 0; example && k < t->rank; k++) {
        Index *i = sub[k]->index;
        if (!i || (i->fixed && !i->measured) || t->axis[k].example)
            continue;
        const Expr *limit = limit_along(&t->axis[k], example), *had = i->limit;
        if (i->measured && (limit && had ? limit->tensor != had->tensor : limit != had))
            fail(e, place[k], DIAG_two_lengths, i->name);
        i->measured = true;
    }
}

/* A parameter that is another's: its subscripts go into the place of those of `tied`. */
static Expr *read_tied(Ctx *c, Name *n, Expr **sub, int rank, Place place, const Place *places)
{
    Axis axis[MAX_RANK] = { 0 };
    int want = 0;
    for (; n->tied_at[want]; want++)
        axis[want].size = n->tied_at[want]->size;
    if (rank != want)
        return fail_rank(c->e, place, n->name, want, rank);
    unify_all(c->e, axis, sub, rank, places);
    return expr_replace(n->tied, n->tied_at, sub, rank);
}

/* Of a tensor that is not known yet: in a scan what its `else` is; whole, if nothing speaks
 * against it. */
static Expr *read_unknown(Ctx *c, Syn *s, Env *env, Str name, Syn *other)
{
    fail(c->e, s->place, DIAG_read_above, name,
         format(c->e->scan ? "write its first value with `else`: `%s[n, t-1, j else 0]`"
                : "a tensor is defined by what stands above it, not by itself: `%s` needs another "
                  "name here", name));
    Expr *first = other && c->e->scan ? lower(c, other, env) : NULL;
    return first ? first : expr_index(index_new(name, 1, NULL));
}

static Expr *lower_read(Ctx *c, Syn *s, Env *env, Name *n, SynList *subs, Syn *other)
{
    Elab *e = c->e;
    Tensor *t = n->tensor;
    Expr *sub[MAX_RANK + 1];
    Place place[MAX_RANK + 1];
    if (!t && !n->tied)
        return read_unknown(c, s, env, n->name, other);
    if (t && !e->scan && !n->defined && HAS(c->names->outs, t))
        return fail(e, s->place, DIAG_read_above, n->name,
                    format("statements run in the order written: move this one below the one "
                           "that defines `%s`", n->name));
    int rank = subscripts(c, n, subs, env, sub, place);
    Expr *outside = other ? lower(c, other, env) : NULL;
    if (n->tied)
        return read_tied(c, n, sub, rank, s->place, place);
    if (n->samples > 0 && rank >= 2) {
        const Axis apart[] = { { e->m->batch_max, e->batch, true, NULL }, { .size = n->samples } };
        unify_all(e, apart, sub, 2, place);
        if (mult_of(e, t) > 1)
            sub[0] = OP2(add, OP2(mul, sub[0], expr_num(n->samples)), sub[1]);
        rank--;
        memmove(sub + 1, sub + 2, (size_t) (rank - 1) * sizeof *sub);
        memmove(place + 1, place + 2, (size_t) (rank - 1) * sizeof *place);
    }
    if (rank != t->rank)
        return fail_rank(e, s->place, n->name, t->rank, rank);
    if (t->role != ROLE_state)
        check_lengths(e, t, sub, place);
    unify_all(e, t->axis, sub, rank, place);
    Expr *read = expr_read(t, sub, rank ? ~0u : 0, outside);
    for (Scan *scan = e->scan; scan; scan = scan->up)
        for (int k = 0; k < scan->written.n; k++)
            if (scan->written.at[k] == t)
                return read_in_scan(c, scan, scan->at_axis.at[k], read, outside, s->place);
    return read;
}

/* ---- conditions, products, sums ------------------------------------------------------------- */
/* A number that the language or the trainer knows by name. */
static Expr *number_named(Ctx *c, Str name)
{
    const struct { const char *name; double value; bool real; } table[] = {
        { "inf", INFINITY, true }, { "pi", 3.14159265358979323846, true },
        { "true", 1, false }, { "false", 0, false },
        { "training", c->e->training && c->user->training, false },
        { "predicting", c->e->predicting, false },
    };
    EACH_ROW(row, table)
        if (!strcmp(row->name, name))
            return row->real ? expr_real(row->value) : expr_num(row->value);
    Tensor *clock = find_named(&c->e->clocks, name);
    return clock ? expr_scalar(clock) : NULL;
}

static void suggest_name(Ctx *c, Str name)
{
    StrList names = { 0 };
    for (Scope *s = c->names; s; s = s->up)
        EACH(n, s->names)
            PUSH(names, n->name);
    if (c->sizes)
        EACH(f, c->e->functions)
            PUSH(names, f->name);
    if (c->sizes)
        report_help("a constant is declared by `set %s = 10`", name);
    suggest(name, &names, NULL);
}

static Expr *lower_name(Ctx *c, Syn *s, Env *env)
{
    Env *b = env_find(env, s->name);
    if (b && b->kind == ENV_expr)
        return b->at[0];
    if (b && b->kind == ENV_operand)
        return lower_operand(c, b, env, s->place);
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
    Name *axis = name_find(c->names, s->name, NAME_axis);
    Name *t = name_find(c->names, s->name, NAME_tensor);
    if (axis && c->sizes)
        return expr_num(axis->axis.size);
    if (t)
        return lower_read(c, s, env, t, &t->shape, NULL);
    if (axis)
        return fail(c->e, s->place, DIAG_unbound_index, s->name, s->name, s->name);
    fail(c->e, s->place, DIAG_unknown_name, s->name);
    suggest_name(c, s->name);
    return NULL;
}

Str argument_name(const Syn *call)
{
    const Syn *only = call->args.n == 1 ? call->args.at[0].value : NULL;
    return only && only->kind == SYN_name ? only->name : NULL;
}

/* has(y)[n], params(f)[i] */
static Expr *lower_part(Ctx *c, Syn *s, Env *env)
{
    Elab *e = c->e;
    Name n = { .name = s->name };
    const Str of = argument_name(s);
    if (of && s->name == intern("has")) {
        n.tensor = has_label(e, of);
        if (!n.tensor)
            return fail(e, s->place, DIAG_has_what);
    } else if (of && names_params(s->name)) {
        Name *net = name_find(c->names, of, NAME_net);
        if (net && e->param_k < 0)
            return fail(e, s->place, DIAG_params_here, s->name, of, s->name, of);
        n.tensor = net && e->param_k < net->net->params.n ? net->net->params.at[e->param_k] : NULL;
    }
    if (n.tensor)
        return lower_read(c, s, env, &n, &s->list, NULL);
    fail(e, s->place, DIAG_unknown_function, s->name);
    report_help("a tensor is read with square brackets alone: `%s[...]`", s->name);
    return NULL;
}

static Expr *lower_ref(Ctx *c, Syn *s, Env *env)
{
    Env *b = env_find(env, s->name);
    Name *n = b && b->kind == ENV_tensor ? b->tensor : name_find(c->names, s->name, NAME_tensor);
    Ctx plain = *c;
    plain.sizes = plain.floors = false;
    if (n)
        return lower_read(&plain, s, env, n, &s->list, s->a);
    fail(c->e, s->place, DIAG_unknown_tensor, s->name);
    suggest_name(c, s->name);
    return NULL;
}

Expr *op_signed(Str sign, Expr *a, Expr *b)
{
    static const struct { const char *sign; Op is; bool swap; } table[] = {
        { "+", OP_add, 0 }, { "-", OP_sub, 0 }, { "*", OP_mul, 0 }, { "/", OP_div, 0 },
        { "%", OP_mod, 0 }, { "^", OP_pow, 0 }, { "<", OP_lt, 0 }, { "<=", OP_le, 0 },
        { ">", OP_lt, 1 }, { ">=", OP_le, 1 }, { "==", OP_eq, 0 }, { "!=", OP_ne, 0 },
        { "and", OP_and, 0 }, { "or", OP_or, 0 },
    };
    EACH_ROW(row, table)
        if (!strcmp(row->sign, sign))
            return row->swap ? expr_op(row->is, b, a, NULL) : expr_op(row->is, a, b, NULL);
    bug("no operation is written %s", sign);
}

static Expr *lower_binary(Ctx *c, Syn *s, Env *env)
{
    Expr *a = lower(c, s->a, env);
    if (a->kind == EXPR_num && s->op == intern(a->num == 0 ? "and" : "or"))
        return expr_num(a->num != 0);       /* what is behind it need not have a value */
    Expr *b = lower(c, s->b, env);
    const bool divides = s->op == intern("/"), whole = a->whole && b->whole;
    if (divides && whole && c->floors)
        return expr_is(b, 0) ? fail(c->e, s->place, DIAG_division_by_zero) : OP2(idiv, a, b);
    Expr *v = op_signed(s->op, a, b);
    return divides && whole && v->kind == EXPR_num ? expr_num(v->num) : v;
}

static Expr *lower_any(Ctx *c, Syn *s, Env *env)
{
    Ctx real = *c;
    Expr *a;
    Name *n;
    switch (s->kind) {
    case SYN_num:
        return expr_num(s->num);
    case SYN_name:
        return lower_name(c, s, env);
    case SYN_paren:
        real.floors = c->floors && c->sizes;    /* in subscripts round brackets divide as reals */
        return lower(&real, s->a, env);
    case SYN_ref:
        return lower_ref(c, s, env);
    case SYN_call:
        return s->list.n ? lower_part(c, s, env) : lower_call(c, s, env);
    case SYN_reduce:
        return lower_reduce(c, s, env);
    case SYN_unary:
        return expr_op(s->op == intern("-") ? OP_neg : OP_not, lower(c, s->a, env), NULL, NULL);
    case SYN_binary:
        return lower_binary(c, s, env);
    case SYN_cond:
        a = lower(c, s->c, env);
        if (a->kind == EXPR_num)
            return lower(c, a->num != 0 ? s->a : s->b, env);
        Expr *yes = lower(c, s->a, env);
        return expr_op(OP_select, a, yes, lower(c, s->b, env));
    case SYN_attr:
        n = name_find(c->names, s->name, NAME_pair);
        if (n && (s->field == intern("lo") || s->field == intern("hi")))
            return s->field == intern("lo") ? n->value : n->hi;
        return fail(c->e, s->place, DIAG_no_field, s->name, s->field);
    default:
        return fail(c->e, s->place, DIAG_not_a_formula);
    }
}

Expr *lower(Ctx *c, Syn *s, Env *env)
{
    Expr *v = lower_any(c, s, env);
    return v ? v : expr_real(0);
}

Expr *lower_whole(Ctx *c, Syn *s, Env *env)
{
    Ctx floors = *c;
    floors.floors = true;
    Expr *v = lower_any(&floors, s, env);
    return v ? v : expr_num(0);
}

/* ---- numbers -------------------------------------------------------------------------------- */
bool constant(Ctx *c, Syn *s, double *value)
{
    const int before = c->e->failed;
    Expr *v = lower(c, s, NULL);
    *value = v->kind == EXPR_num ? v->num : 0;
    if (v->kind != EXPR_num && c->e->failed == before)
        fail(c->e, s->place, DIAG_not_constant);
    return c->e->failed == before;
}

Syn *settled(Elab *e, Syn *s)
{
    Ctx c = size_ctx(e->root);
    const bool number = s->kind == SYN_unary || s->kind == SYN_binary || s->kind == SYN_paren
        || s->kind == SYN_cond
        || (s->kind == SYN_call && (builtin_op(s->name) >= 0 || find_function(e->root, s->name)))
        || (s->kind == SYN_name
            && (name_find(e->root, s->name, NAME_number) || number_named(&c, s->name)));
    Syn *t = COPY(s);
    t->list = (SynList) { 0 };
    if (number) {
        e->failed = 0;
        t->kind = SYN_num;
        constant(&c, s, &t->num);
        return t;
    }
    t->a = s->a ? settled(e, s->a) : NULL;
    t->b = s->b ? settled(e, s->b) : NULL;
    EACH(part, s->list)
        PUSH(t->list, settled(e, part));
    return t;
}

int size_of(Scope *scope, Syn *s)
{
    Ctx sizes = size_ctx(scope);
    sizes.floors = true;
    double v;
    if (!constant(&sizes, s, &v))
        return 1;
    if (v >= 0 && v == floor(v) && v <= 1 << 30)
        return (int) v;
    fail(scope->e, s->place, DIAG_not_a_size, number_text(v));
    if (v != floor(v))
        report_help("`floor(...)` rounds down, `round(...)` to the nearest");
    return 1;
}

/* size(n, k): how many points the axes have here */
Expr *lower_size(Ctx *c, Syn *s, Env *env)
{
    Expr *product = expr_num(1);
    EACH(arg, s->args) {
        Syn *a = arg.value;
        for (int d = 0; a->kind == SYN_dots && d < c->names->ndots; d++)
            product = OP2(mul, product, present_or_size(&c->names->dots[d], env));
        if (a->kind == SYN_dots)
            continue;
        if (a->kind != SYN_name) {
            fail(c->e, a->place, DIAG_size_of_what);
            continue;
        }
        Env *b = env_find(env, a->name);
        Name *axis = name_find(c->names, a->name, NAME_axis);
        Expr *size = NULL;
        if (b && b->kind == ENV_expr && b->at[0]->kind == EXPR_index) {
            Index *i = b->at[0]->index;
            c->e->retry |= i->size < 0;
            size = i->limit ? i->limit : expr_num(i->size < 0 ? 1 : i->size);
        } else if (axis && axis->axis.example && c->names->mult > 1)
            size = expr_scalar(clock_times(c->e, c->names->mult));
        else if (axis)
            size = c->sizes ? expr_num(axis->axis.size) : present_or_size(&axis->axis, env);
        else
            fail(c->e, a->place, DIAG_unknown_axis, a->name);
        product = size ? OP2(mul, product, size) : product;
    }
    return product;
}

/* last(t): the last step that a scan has run */
Expr *lower_last(Ctx *c, Syn *s, Env *env)
{
    Name *axis = name_find(c->names, argument_name(s), NAME_axis);
    if (!axis)
        return fail(c->e, s->place, DIAG_last_of_what);
    return OP2(sub, present_or_size(&axis->axis, env), expr_num(1));
}

/* ---- names that stand free ------------------------------------------------------------------ */
void free_names(Ctx *c, Syn *s, Env *env, StrList *found)
{
    static const char *const of_names[] = { "size", "last", "params", "weights", "has" };
    if (!s)
        return;
    if (s->kind == SYN_dots || s->kind == SYN_name) {
        const Str word = index_word(s);
        const bool known = s->kind == SYN_name
            && (name_find(c->names, word, NAME_number) || name_find(c->names, word, NAME_tensor)
                || number_named(c, word));
        if (!known && !env_find(env, word))
            PUSH_NEW(*found, word);
        return;
    }
    if (s->kind == SYN_reduce) {
        EACH(i, s->list) {
            if (i->kind == SYN_binary)
                free_names(c, i->b, env, found);
            if (s->name != intern("rank"))
                env = bind_expr(env, index_word(i), NULL);
        }
    } else
        EACH(sub, s->list)
            free_names(c, sub, env, found);
    free_names(c, s->a, env, found);
    free_names(c, s->b, env, found);
    free_names(c, s->c, env, found);
    if (s->kind == SYN_call && ANY(k, COUNT(of_names), !strcmp(of_names[k], s->name)))
        return;
    EACH(a, s->args)
        free_names(c, a.value, env, found);
}
