/* values.c -- what tasks and regularizers are made of: tensors, numbers, parameters, and
 * the calls that make them.
 *
 * Takes an expression of a `let`, `minimize`, `predict` or regularizer; gives a Value, or NULL
 * after a report. A product's numbers are its weight. */
#include "elab.h"

static Value *value_new(Tensor *t, Scope *made)
{
    return COPY(&((Value) { .t = t, .scope = made }));
}

static Value *number_value(Expr *num)
{
    return COPY(&((Value) { .num = num }));
}

/* As an argument or a summand a term is one number for each example. */
static Tensor *summed(Scope *task, Value *v, Place place)
{
    if (!v->is_term || !mult_of(task->e, v->t))
        return v->t;
    return per_example(task, format("%s.each", v->t->name), v->t, false, place);
}

/* ---- uses of definitions -------------------------------------------------------------------- */
/* Parts the arguments of a use into its inputs, at most so many, and the others. Where an input is
 * parameters, `in` has the first of them. */
bool take_values(Scope *task, Syn *call, int most, TensorList *in, ArgList *rest,
                 ParamsList *params)
{
    EACH(a, call->args) {
        const bool input = !a.name && in->n < most;
        Value *v = input ? value_of(task, a.value) : NULL;
        if (input && !v)
            return false;
        if (v && v->params) {
            if (params->n && params->at[0].of->n != v->params->n)
                return say(task->e, a.value->place, DIAG_params_differ, words_of(a.value),
                           v->params->n, params->at[0].of->n);
            PUSH(*params, ((Params) { in->n, v->params }));
            PUSH(*in, v->params->at[0]);
        } else if (v && v->t)
            PUSH(*in, summed(task, v, call->place));
        else
            PUSH(*rest, a);
    }
    return true;
}

/* A loss, view or likelihood on values. On `weights` it is used once for each
 * parameter; such terms add up. */
static Value *use_definition(Scope *task, Decl *def, Syn *s)
{
    Wanted w = { .around = task, .role = def->role, .name = def->name };
    ParamsList params = { 0 };
    ArgList rest = { 0 };
    Tensor *sum = NULL;
    if (!take_values(task, s, inputs_of(def), &w.in, &rest, &params))
        return NULL;
    Use *use = use_new(format("%s%s%s%d", task->path, *task->path ? "." : "", def->name,
                              task->mult++),
                       words_of(s), s->place);
    w.args = &rest;
    if (!params.n) {
        Scope *made = instantiate(&w, use);
        if (!made || (!made->result && !made->nll && !made->mean))
            return NULL;
        return value_new(made->result ? made->result : made->nll, made);
    }
    Scope *made = NULL;
    for (int k = 0; k < params.at[0].of->n; k++) {
        EACH(p, params)
            w.in.at[p.input] = p.of->at[k];
        w.path = format("%s.%s", use->path, params.at[0].of->at[k]->name);
        made = instantiate(&w, use);
        if (!made || !made->result)
            return NULL;
        if (sum) {
            Map m = map_new(made, intern("total"), sum, made->result);
            sum = map_put(made, &m, OP2(add, m.a, m.b), s->place);
        } else
            sum = made->result;
    }
    return value_new(sum, made);
}

/* f(z) where f is a term of what made z; an empty value where it is not. */
static Value *term_value(Scope *task, Syn *s)
{
    Value *of = value_of(task, s->args.at[0].value);
    Scope *made = of && of->t ? producer_of(task->e, of->t) : NULL;
    Tensor *term = made ? find_named(&made->terms, format("%s.%s", made->path, s->name)) : NULL;
    if (!of || (term && !require_of(made, s)))
        return NULL;
    of = value_new(term, made);
    of->is_term = true;
    return of;
}

/* nll(x): of the reconstruction, one number for each element. */
static Value *nll_value(Scope *task, Syn *s)
{
    Elab *e = task->e;
    Scope *made = NULL;
    EACH_AT(p, e->producers)
        if (p->scope->use && p->scope->use->path == intern("reconstruct"))
            made = p->scope;
    Decl *d = find_decl(e, DECL_reconstruct);
    Expr *weight;
    if (!made && d && d->name == s->args.at[0].value->name)
        made = use_reconstruct(e, d, NULL, &weight);
    Value *v = made ? value_new(made->nll, made) : NULL;
    if (v)
        v->is_term = true;
    return v;
}

/* `weights` are the parameters that are not exempt, `params` all; NULL: there is none. */
Value *params_value(Str which, const TensorList *params)
{
    Value *v = value_new(NULL, NULL);
    v->params = NEW(TensorList);
    EACH(t, *params)
        if (which == intern("params") || !t->exempt)
            PUSH(*v->params, t);
    return v->params->n ? v : NULL;
}

bool names_params(Str name)
{
    return name == intern("params") || name == intern("weights");
}

static Value *unknown_value(Scope *task, Syn *s)
{
    Elab *e = task->e;
    StrList names = { 0 };
    const Syn *of = s->args.n ? s->args.at[0].value : NULL;
    const bool code = of && of->kind == SYN_name && of->name == intern("z") && !e->bottleneck;
    if (s->name == intern("encoder") || s->name == intern("decoder") || (code && names_term(e, s->name)))
        return say(e, s->place, DIAG_block_missing, words_of(s), code ? "bottleneck" : s->name);
    say(e, s->place, DIAG_unknown_loss, s->name);
    definition_names(e, "loss", &names);
    definition_names(e, "view", &names);
    scope_names(task, NAME_net, &names);
    if (!suggest_term(e, s->name) && !suggest_role(e, s->name))
        report_help("`aec doc` lists the losses and views; a latent's terms are named by its "
                    "definition");
    suggest(s->name, &names, NULL);
    return NULL;
}

static Value *value_of_call(Scope *task, Syn *s)
{
    Elab *e = task->e;
    const Str f = s->name;
    Syn *one = s->args.n == 1 ? s->args.at[0].value : NULL;
    Name *net = name_find(task, f, NAME_net);
    if (one && f == intern("stop")) {
        Value *v = value_of(task, one);
        if (!v || !v->t)
            return v;
        Map m = map_new(task, intern("stopped"), v->t, NULL);
        m.y->elem = v->t->elem;
        return value_new(map_put(task, &m, expr_stop(m.a), s->place), NULL);
    }
    if (one && one->kind == SYN_name && names_params(f)) {
        Name *of = name_find(task, one->name, NAME_net);
        Value *v = of ? params_value(f, &of->net->params) : NULL;
        if (of && !v) {
            say(e, s->place, DIAG_not_a_value, f);
            report_help(of->net->params.n
                ? "all parameters of `%s` are `exempt`; `params(%s)` are these"
                : "`%s` has no parameters; nets have them once they are used: `params(%s)`",
                of->name, of->name);
        }
        if (of)
            return v;
    }
    if (net) {
        Value *x = s->args.n ? tensor_value(task, s->args.at[0].value)
                             : say(e, s->place, DIAG_argument_count, f, 1, 0);
        Tensor *y = x ? apply_net(net->net, x->t, s->place) : NULL;
        return y ? value_new(y, producer_of(e, y)) : NULL;
    }
    if (one && f == intern("nll") && one->kind == SYN_name && model_input(e, one->name)) {
        Value *v = nll_value(task, s);
        if (v || diag_errors())
            return v;
    }
    Decl *def = find_definition(e, "loss", f);
    if (!def && !(def = find_definition(e, "view", f)))
        def = find_definition(e, "likelihood", f);
    if (s->args.n && !s->args.at[0].name
        && !(def && inputs_of(def) > 0 && s->args.at[0].value->kind != SYN_name)) {
        Value *v = term_value(task, s);
        if (!v || v->t)
            return v;
    }
    if (def)
        return use_definition(task, def, s);
    if (!find_function(task, f) && builtin_op(f) < 0)
        return unknown_value(task, s);
    Ctx c = size_ctx(task);
    e->failed = 0;
    Expr *v = lower(&c, s, NULL);
    return e->failed ? NULL : number_value(v);
}

/* ---- names, sums and products --------------------------------------------------------------- */
static Value *value_of_name(Scope *task, Syn *s)
{
    Elab *e = task->e;
    Name *n = name_find(task, s->name, NAME_tensor);
    Name *number = name_find(task, s->name, NAME_number);
    Tensor *t = n && n->tensor ? n->tensor : model_input(e, s->name);
    if (!t && names_params(s->name)) {
        Value *v = params_value(s->name, &e->used);
        if (!v) {
            say(e, s->place, DIAG_not_a_value, s->name);
            report_help("`%s` are the parameters of the nets used above it, and none is: write it "
                        "in `regularize`", s->name);
        }
        return v;
    }
    if (!t && number)
        return number_value(number->value);
    if (!t)
        t = model_result(e, s->name);
    if (t)
        return value_new(t, producer_of(e, t));
    if (diag_errors())
        return NULL;
    say(e, s->place, DIAG_unknown_name, s->name);
    StrList names = { 0 };
    EACH(known, task->names)
        PUSH(names, known->name);
    EACH(named, e->as)
        PUSH(names, named.name);
    EACH(in, e->m->inputs)
        PUSH(names, in.name);
    report_help("`as %s` behind a layer names it, a label is named by `label %s : class(10)`",
                s->name, s->name);
    suggest(s->name, &names, NULL);
    return NULL;
}

static Value *scaled(Scope *task, const char *name, Tensor *t, Expr *by, Place place, Scope *made)
{
    Map m = map_new(task, intern(name), t, NULL);
    return value_new(map_put(task, &m, OP2(mul, by, m.a), place), made);
}

static Value *combine(Scope *task, Syn *s)
{
    Value *a = value_of(task, s->a), *b = value_of(task, s->b);
    const bool sum = *s->op == '+' || *s->op == '-', product = *s->op == '*';
    const bool quotient = *s->op == '/';
    if (!a || !b)
        return NULL;
    if (a->num && b->num && (sum || product || quotient))
        return number_value(op_signed(s->op, a->num, b->num));
    Tensor *ta = summed(task, a, s->place), *tb = summed(task, b, s->place);
    if (ta && tb && sum) {
        Map m = map_new(task, intern("sum"), ta, tb);
        return value_new(map_put(task, &m, op_signed(s->op, m.a, m.b), s->place), a->scope);
    }
    if (ta && b->num && (product || quotient))
        return scaled(task, "scaled", ta, product ? b->num : OP2(div, expr_num(1), b->num),
                      s->place, a->scope);
    if (a->num && tb && product)
        return scaled(task, "scaled", tb, a->num, s->place, b->scope);
    return say(task->e, s->place, DIAG_not_a_value, words_of(s));
}

Value *value_of(Scope *task, Syn *s)
{
    Value *v;
    switch (s->kind) {
    case SYN_num:       return number_value(expr_num(s->num));
    case SYN_name:      return value_of_name(task, s);
    case SYN_call:      return value_of_call(task, s);
    case SYN_paren:     return value_of(task, s->a);
    case SYN_binary:    return combine(task, s);
    case SYN_unary:
        v = s->op == intern("-") ? value_of(task, s->a) : NULL;
        if (v && v->num)
            return number_value(OP1(neg, v->num));
        if (v && v->t)
            return scaled(task, "minus", v->t, expr_num(-1), s->place, NULL);
        /* fall through */
    default:
        say(task->e, s->place, DIAG_not_a_value, words_of(s));
        if (s->kind == SYN_reduce)
            report_help("two terms stand in two lines, or have a `+` between them");
        return NULL;
    }
}

/* One that is a tensor. */
Value *tensor_value(Scope *task, Syn *s)
{
    Value *v = value_of(task, s);
    if (!v || v->t)
        return v;
    say(task->e, s->place, DIAG_not_a_value, words_of(s));
    if (v->params)
        report_help("a loss makes a term of it: `l2(%s)`", words_of(s));
    return NULL;
}

/* ---- weights -------------------------------------------------------------------------------- */
static bool is_number(Scope *task, Syn *w)
{
    switch (w->kind) {
    case SYN_num: case SYN_paren:
        return true;
    case SYN_name:
        return name_find(task, w->name, NAME_number);
    case SYN_binary:
        return w->a->kind != SYN_call;
    case SYN_call:
        return find_function(task, w->name) && !find_definition(task->e, "loss", w->name)
            && !name_find(task, w->name, NAME_net);
    default:
        return false;
    }
}

/* A product's numbers are its weight; the rest is the core. */
Syn *peel(Scope *task, Syn *s, Expr **weight)
{
    while (s->kind == SYN_paren)
        s = s->a;
    const bool product = s->kind == SYN_binary && s->op == intern("*");
    const bool quotient = s->kind == SYN_binary && s->op == intern("/");
    if (!product && !quotient)
        return s;
    Syn *number = is_number(task, s->b) ? s->b : product && is_number(task, s->a) ? s->a : NULL;
    if (!number)
        return s;
    Ctx c = size_ctx(task);
    task->e->failed = 0;
    Expr *v = lower(&c, number, NULL);
    *weight = OP2(mul, *weight, quotient ? OP2(div, expr_num(1), v) : v);
    return peel(task, number == s->b ? s->a : s->b, weight);
}
