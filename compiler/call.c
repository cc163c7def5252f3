/* call.c -- the calls in a formula: functions of numbers, `def`s, reductions.
 *
 * The body of a `def` is read anew at each use, in an environment of its own. The operand of a
 * reduction that a `def` makes is read where the body reduces, with the indices of the use bound
 * as the body binds its own. */
#include "elab.h"

/* ---- functions ------------------------------------------------------------------------------ */
static const struct { const char *name, *written; int n; } scalars[] = {
#define SCALAR(name, n, written, ...) { #name, written, n },
#include "scalars.def"
#undef SCALAR
};

/* A scalar function that formulas may call; -1: none. Derivatives alone use rsqrt0 and sign. */
int builtin_op(Str name)
{
    return FIRST(k, OP_COUNT,
                 !strcmp(scalars[k].name, name) && scalars[k].written[strlen(name)] == '('
                     && k != OP_rsqrt0 && k != OP_sign);
}

Function *find_function(Scope *s, Str name)
{
    Name *n = name_find(s, name, NAME_function);
    if (n)
        return n->function;
    return FIND(f, s->e->functions, f->name == name);
}

/* After a report: functions of numbers, or reductions. */
static void suggest_function(Ctx *c, Str name, bool reduction)
{
    StrList names = { 0 };
    for (int k = 0; k < OP_COUNT && !reduction; k++)
        if (scalars[k].n == 1 && builtin_op(intern(scalars[k].name)) >= 0)
            PUSH(names, intern(scalars[k].name));
    for (int k = 0; k < REDUCE_COUNT && reduction; k++)
        PUSH(names, intern(reduce_names[k]));
    EACH(f, c->e->functions)
        if ((f->operand != NULL) == reduction)
            PUSH(names, f->name);
    if (!reduction)
        report_help("`def %s(u) = ...` makes one", name);
    suggest(name, &names, reduction ? "there are" : NULL);
}

/* ---- `def`s --------------------------------------------------------------------------------- */
static Ctx inside_of(Ctx *c, Function *f, Syn *call)
{
    Ctx inner = *c;
    if (!name_find(c->names, f->name, NAME_function))
        inner.names = c->e->bare;
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

/* Arguments by position and by name; `a -> b` stands for two. */
static bool arguments_of(Function *f, Syn *s, Syn **given, int room)
{
    int at = 0;
    EACH(a, s->args) {
        Syn *part[2] = { a.value, NULL };
        int to = at;
        if (a.value->kind == SYN_arrow)
            part[0] = a.value->a, part[1] = a.value->b;
        for (to = a.name ? 0 : at; a.name && to < f->params.n && f->params.at[to].name != a.name;
             to++)
            ;
        for (int k = 0; k < 2 && part[k]; k++, to++) {
            if (to >= f->params.n || to >= room || given[to])
                return false;
            given[to] = part[k];
        }
        at = a.name ? at : to;
    }
    for (int k = 0; k < f->params.n; k++)
        if (k == room || (!given[k] && !(given[k] = f->params.at[k].init)))
            return false;
    return true;
}

/* A tensor as an argument: its axes that are bound here stand for the point. */
static Env *pass_tensor(Env *frame, Entry *formal, Name *n, Env *env)
{
    frame = env_push(frame, ENV_tensor, formal->name);
    frame->tensor = n;
    EACH(axis, formal->shape) {
        Env *b = axis->kind == SYN_name ? env_find(env, axis->name) : NULL;
        if (b && b->kind == ENV_expr && !env_find(frame, axis->name))
            (frame = bind_expr(frame, axis->name, b->at[0]))->lent = true;
    }
    return frame;
}

/* A part of the body of a `def`. One that comes back to itself is given up, all ways of it. */
static Expr *lower_body(Ctx *inner, Function *f, Syn *part, Env *frame, Place place)
{
    Elab *e = inner->e;
    if (e->calls == MOST_CALLS && !e->runaway) {
        e->runaway = true;
        fail(e, place, DIAG_def_in_itself, f->name);
    }
    if (e->runaway)
        return expr_num(0);
    e->calls++;
    Expr *value = lower(inner, part, frame);
    if (--e->calls == 0)
        e->runaway = false;
    return value;
}

static Expr *lower_call_of(Ctx *c, Syn *s, Env *env, Function *f)
{
    Syn *given[16] = { 0 };
    Env *frame = call_frame(env);
    Expr *first = NULL;
    Ctx plain = *c, inner = inside_of(c, f, s);
    if (!arguments_of(f, s, given, 16))
        return fail(c->e, s->place, DIAG_argument_count, f->name, f->params.n, s->args.n);
    plain.floors = false;
    for (int k = 0; k < f->params.n; k++) {
        Entry *formal = &f->params.at[k];
        Syn *a = given[k];
        if (formal->scalar) {
            frame = bind_expr(frame, formal->name, lower(&plain, a, env));
            first = first ? first : frame->at[0];
            continue;
        }
        Env *passed = a->kind == SYN_name ? env_find(env, a->name) : NULL;
        Name *n = passed && passed->kind == ENV_tensor ? passed->tensor
                : a->kind == SYN_name ? name_find(c->names, a->name, NAME_tensor) : NULL;
        if (!n)
            return fail(c->e, a->place, DIAG_tensor_argument, f->name, formal->name);
        frame = pass_tensor(frame, formal, n, env);
    }
    Expr *value = lower_body(&inner, f, f->body, frame, s->place);
    if (!f->slope)
        return value;
    return expr_byhand(value, first, lower_body(&inner, f, f->slope, frame, s->place));
}

Expr *lower_call(Ctx *c, Syn *s, Env *env)
{
    const Str f = s->name;
    const bool normal = f == intern("normal");
    if (f == intern("size"))
        return lower_size(c, s, env);
    if (f == intern("last"))
        return lower_last(c, s, env);
    const int op = builtin_op(f);
    const bool drawn = normal || f == intern("uniform");
    const int want = op >= 0 ? scalars[op].n : f == intern("stop") ? 1 : drawn ? 0 : -1;
    Function *def = want < 0 ? find_function(c->names, f) : NULL;
    if (def && !def->operand)
        return lower_call_of(c, s, env, def);
    if (want < 0) {
        fail(c->e, s->place, DIAG_unknown_function, f);
        suggest_function(c, f, false);
        return NULL;
    }
    if (s->args.n != want)
        return fail(c->e, s->place, DIAG_argument_count, f, want, s->args.n);
    if (want == 0)
        return draw(c, s, env, normal);
    Ctx plain = *c;
    /* Arguments in round brackets divide as reals, but for sizes. */
    plain.floors = c->sizes && c->floors;
    Expr *a = lower(&plain, s->args.at[0].value, env);
    Expr *b = want > 1 ? lower(&plain, s->args.at[1].value, env) : NULL;
    return op >= 0 ? expr_op((Op) op, a, b, NULL) : expr_stop(a);
}

/* ---- reductions ----------------------------------------------------------------------------- */
static Env *bind_indices(Ctx *c, Expr *r, SynList *indices, Env *env, bool anew);

static Env *bind_one(Ctx *c, Expr *r, Syn *s, Env *env, bool anew)
{
    const Str word = index_word(s);
    Syn *range = s->kind == SYN_binary ? s->b : NULL;
    Env *g = word ? env_find(env, word) : NULL, *b;
    if (!word) {
        fail(c->e, s->place, DIAG_not_an_index);
        return env;
    }
    /* A def's own index stands for the indices of its use. */
    if (g && g->kind == ENV_group && !range) {
        b = env_push(env, ENV_group, word);
        b->indices = g->indices, b->where = g->where, b->ctx = g->ctx, b->outer = g->outer;
        b->bound = bind_indices(&b->ctx, r, g->indices, g->outer, true);
        r->where = expr_both(r->where, g->where ? lower(&b->ctx, g->where, b->bound) : NULL);
        return b;
    }
    if (g && g->kind == ENV_expr && g->at[0]->kind == EXPR_index && !g->lent && !anew)
        fail(c->e, range ? s->a->place : s->place, DIAG_bound_twice,
             s->kind == SYN_binary ? s->a->name : s->name);
    b = s->kind == SYN_dots ? bind_dots(c->names, env) : bind_index(c, env, word, range);
    if (r->nindex + b->n > MAX_RANK) {
        fail(c->e, s->place, DIAG_too_many_axes, MAX_RANK);
        return env;
    }
    for (int d = 0; d < b->n; d++)
        r->bound[r->nindex++] = b->at[d]->index;
    return b;
}

/* Binds the indices of a reduction. `anew`: those bound already too. */
static Env *bind_indices(Ctx *c, Expr *r, SynList *indices, Env *env, bool anew)
{
    EACH(s, *indices)
        env = bind_one(c, r, s, env, anew);
    return env;
}

/* The operand of a `def`, where its body reduces over its index. */
Expr *lower_operand(Ctx *c, Env *operand, Env *env, Place place)
{
    Env *g = env_find(env, operand->group);
    if (!g || g->kind != ENV_group || !g->bound)
        return fail(c->e, place, DIAG_operand_outside, operand->name);
    return lower(&operand->ctx, operand->syn, g->bound);
}

static Expr *lower_def_reduction(Ctx *c, Syn *s, Env *env, Function *f)
{
    Env *group = env_push(call_frame(env), ENV_group, f->params.at[0].name);
    group->indices = &s->list;
    group->where = s->a;
    group->ctx = *c;
    group->ctx.floors = false;
    group->outer = env;
    Env *operand = env_push(group, ENV_operand, f->operand);
    operand->syn = s->b;
    operand->ctx = group->ctx;
    operand->group = group->name;
    Ctx inner = inside_of(c, f, s);
    return lower_body(&inner, f, f->body, operand, s->place);
}

/* An index without a written range may get its size from what stands behind its first use:
 * then all is read again. */
Expr *lower_sized(Ctx *c, Syn *s, Env *env)
{
    const bool outer = c->e->retry;
    c->e->retry = false;
    Expr *v = lower(c, s, env);
    if (c->e->retry)
        v = lower(c, s, env);
    c->e->retry = outer;
    return v;
}

/* rank's index is compared with the one of its name that is bound outside. */
static void pair_rank(Ctx *c, Expr *r, int k, Env *env, Place place)
{
    Index *i = r->bound[k];
    Env *b = env_find(env, i->name);
    if (!b || b->kind != ENV_expr || b->at[0]->kind != EXPR_index) {
        fail(c->e, place, DIAG_rank_unbound, i->name, i->name);
        return;
    }
    Index *outer = r->rank_of[k] = b->at[0]->index;
    if (i->size < 0)
        i->size = outer->size, i->limit = outer->limit;
    else if (outer->size < 0)
        outer->size = i->size;
}

Expr *lower_reduce(Ctx *c, Syn *s, Env *env)
{
    const int kind = FIRST(k, REDUCE_COUNT, !strcmp(reduce_names[k], s->name));
    if (kind < 0) {
        Function *f = find_function(c->names, s->name);
        if (f && f->operand && f->params.n == 1)
            return lower_def_reduction(c, s, env, f);
        fail(c->e, s->place, DIAG_unknown_reduction, s->name);
        suggest_function(c, s->name, true);
        return NULL;
    }
    Ctx plain = *c;
    plain.floors = plain.sizes = false;
    Expr *r = expr_reduce((Reduce) kind, NULL, 0, NULL);
    Env *inner = bind_indices(&plain, r, &s->list, env, kind == REDUCE_rank);
    r->where = expr_both(r->where, s->a ? lower(&plain, s->a, inner) : NULL);
    r->arg[0] = lower_sized(&plain, s->b, inner);
    for (int k = 0; k < r->nindex; k++) {
        if (kind == REDUCE_rank)
            pair_rank(c, r, k, env, s->place);
        if (r->bound[k]->size < 0) {
            const Str name = r->bound[k]->name;
            fail(c->e, s->list.at[k < s->list.n ? k : 0]->place, DIAG_no_range, name,
                 format("write it: `%s(%s < 10)`; or let `%s` stand alone at an axis", s->name,
                        name, name));
            r->bound[k]->size = 1;
        }
    }
    if (kind == REDUCE_choice)
        r->arg[1] = draw(c, s, env, false);
    r->whole = gives_place(r->reduce) || kind == REDUCE_any || kind == REDUCE_all
        || (kind != REDUCE_mean && is_whole(r->arg[0]));
    return r;
}
