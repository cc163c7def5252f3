/* statement.c -- one statement of a definition, of any kind. */
#include "elab.h"

/* ---- declarations --------------------------------------------------------------------------- */
/* The length of an `out` axis written as an expression of an axis that has one. */
static Tensor *derived_length(Scope *s, Syn *sub)
{
    Ctx c = formula_ctx(s), sizes = size_ctx(s);
    StrList found = { 0 };
    Name *axis = NULL;
    free_names(&c, sub, NULL, &found);
    EACH(n, s->names)
        if (n->kind == NAME_axis && n->axis.length && !n->axis.example && HAS(found, n->name))
            axis = n;
    if (!axis || axis->axis.length->rank != 1)
        return NULL;
    Tensor *t = temp_new(s, intern("length"), ELEM_int, axis->axis.length->axis, 1);
    Index *index[1];
    all_along(t, index);
    Env *env = bind_expr(NULL, axis->name, read_at(axis->axis.length, index));
    put(s, over(t, index, SET_is, lower_whole(&sizes, sub, env)), sub->place);
    return t;
}

static void declare_out(Scope *s, Entry *entry)
{
    Elab *e = s->e;
    Name *n = name_tensor(s, entry, NULL);
    Tensor *t = temp_new(s, entry->name, entry->of ? ELEM_int : ELEM_real, NULL, 0);
    n->defined = false;
    shape_of_entry(s, entry, t);
    t->place = blame(e, entry->place);
    t->of = entry->of ? size_of(s, entry->of) : 0;
    int axis = 0;
    EACH(sub, entry->shape) {
        if (sub->kind != SYN_dots && sub->kind != SYN_name && sub->kind != SYN_num
            && axis < t->rank)
            t->axis[axis].length = derived_length(s, sub);
        axis += sub->kind == SYN_dots ? s->ndots : 1;
    }
    n->tensor = t;
    PUSH(s->outs, t);
}

/* net mu(x) { ... }: the net, and its result under the same name. net slow =
 * copy(online): a net alone. */
static void elaborate_net(Scope *s, Stat *st)
{
    Elab *e = s->e;
    Net *net = net_new(e, NET_block, st->name, format("%s.%s", s->path, st->name), s, st->place);
    net->block = st->block;
    if (st->value && !copy_net(s, net, st->value))
        return;
    name_add(s, NAME_net, st->name, st->place)->net = net;
    Name *x = st->of ? name_find(s, st->of, NAME_tensor) : NULL;
    if (st->of && (!x || !x->tensor))
        fail(e, st->place, DIAG_unknown_tensor, st->of);
    Tensor *y = x && x->tensor ? apply_net(net, x->tensor, st->place) : NULL;
    if (!y)
        return;
    if (s->def->role == intern("latent"))
        name_result(e, net->path, y);
    Name *result = name_add(s, NAME_tensor, st->name, st->place);
    result->tensor = y;
    result->defined = true;
    for (int k = 0; k < y->rank && k < 7; k++) {
        const Str letter = format("%c", "njklpqr"[k]);
        Syn *sub = COPY(&((Syn) { .kind = SYN_name, .name = letter, .place = st->place }));
        PUSH(result->shape, sub);
    }
}

/* ---- assignments ---------------------------------------------------------------------------- */
bool defines_role(const Decl *def, const char *role)
{
    return FIND(st, def->body, st->kind == STAT_assign && st->role == intern(role));
}

/* Of a latent's `sample`, `mean` and `prior` a program has one. A frozen one does not draw. */
static bool is_wanted(Scope *s, Str role)
{
    const bool draws = defines_role(s->def, "sample");
    const bool sample = s->e->want == WANT_sample && trains(s);
    if (s->e->want == WANT_prior)
        return role == intern("prior");
    return role
        == intern((sample ? draws : draws && !defines_role(s->def, "mean")) ? "sample" : "mean");
}

/* `:=`, for each parameter of a net where it is written for all. */
static void update(Scope *s, Stat *st)
{
    Elab *e = s->e;
    const bool vector = st->left->kind == SYN_call && st->left->list.n == 1
        && st->left->args.n == 1;
    Name *net = vector ? name_find(s, st->left->args.at[0].value->name, NAME_net) : NULL;
    if (!e->training || !s->training || !e->updates)
        return;
    if (!vector)
        assign(s, st, NULL);
    else if (!net)
        fail(e, st->left->place, DIAG_params_of_what);
    else {
        for (e->param_k = 0; e->param_k < net->net->params.n; e->param_k++) {
            Index *index[MAX_RANK];
            const Tensor *t = net->net->params.at[e->param_k];
            if (t->exempt && st->left->name == intern("weights"))
                continue;
            all_along(t, index);
            assign(s, st, bind_list(NULL, st->left->list.at[0]->name, index, t->rank));
        }
        e->param_k = -1;
    }
}

static void define(Scope *s, Stat *st)
{
    const bool term = st->role == intern("term");
    const bool latent = s->def && s->def->role == intern("latent") && st->role && !term;
    if (latent && !is_wanted(s, st->role))
        return;
    assign(s, st, NULL);
    Name *n = name_find(s, st->left->name, NAME_tensor);
    if (!n || !n->tensor)
        return;
    if (term)
        PUSH(s->terms, n->tensor);
    if (latent || n->name == intern("value"))
        s->result = n->tensor;
    if (st->role == intern("mean"))
        s->mean = n->tensor;
    if (n->name == intern("nll"))
        s->nll = n->tensor;
}

/* A condition on what changes as it trains, as a `ramp` does, is not told here. */
static bool require(Scope *s, Stat *st, Place place, Str words)
{
    Ctx sizes = size_ctx(s);
    double v;
    Expr *e = lower(&sizes, st->value, NULL);
    const bool other = ANY_EXPR(x, e, x->kind == EXPR_draw || (x->kind == EXPR_read && x->tensor->role != ROLE_clock));
    if (s->e->failed || (e->kind != EXPR_num && !other) || !constant(&sizes, st->value, &v) || v != 0)
        return true;
    fail(s->e, place, DIAG_require, words, st->name);
    note_condition(s, st->value);
    return false;
}

/* What a definition requires where this term of it is used. */
bool require_of(Scope *s, const Syn *use)
{
    return !FIND(st, s->def->body, st->kind == STAT_require && st->of == use->name
        && !require(s, st, use->place, words_of(use)));
}

/* ---- all of them ---------------------------------------------------------------------------- */
void elaborate_stat(Scope *s, Stat *st)
{
    Elab *e = s->e;
    Ctx sizes = size_ctx(s);
    Expr *v;
    e->failed = 0;
    switch (st->kind) {
    case STAT_in: case STAT_target: case STAT_grad:
    case STAT_mirror: case STAT_metric: case STAT_tied:
        return;
    case STAT_out: case STAT_param: case STAT_state:
        EACH_AT(entry, st->entries)
            if (st->kind == STAT_out)
                declare_out(s, entry);
            else if (st->kind == STAT_state || !declare_tied(s, entry))
                declare_kept(s, entry, st->kind == STAT_param);
        return;
    case STAT_set:
        v = lower_whole(&sizes, st->value, NULL);
        name_add(s, NAME_number, st->name, st->place)->value = v;
        return;
    case STAT_require:
        if (!st->of && !require(s, st, s->use->place, s->use->words))
            suggest_require(e, s);
        return;
    case STAT_def:
        name_add(s, NAME_function, st->function->name, st->place)->function = st->function;
        return;
    case STAT_net:
        elaborate_net(s, st);
        return;
    case STAT_scan:
        elaborate_scan(s, st, NULL);
        return;
    case STAT_sweep:
        elaborate_sweep(s, st);
        return;
    case STAT_assign:
        if (st->op == intern(":="))
            update(s, st);
        else
            define(s, st);
        return;
    default:
        fail(e, st->place, DIAG_not_here);
    }
}
