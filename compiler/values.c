/* values.c -- what tasks and regularizers are made of: tensors, numbers, parameters, and the calls that make them.
 *
 * Takes an expression of a `let`, `minimize`, `predict` or regularizer; gives a Value. A product's numbers are its weight. */
#include "elab.h"

/* ---- values: what tasks and regularizers are made of -------------------------------------------------- */


static int inputs_of(Decl *def)
{
    int n = 0;
    for (int k = 0; k < def->body.n; k++)
        if (def->body.at[k]->kind == STAT_in || def->body.at[k]->kind == STAT_target)
            n += def->body.at[k]->entries.n;
    return n;
}

Str words_of(Syn *s)
{
    Buf b = { 0 };
    syn_print(&b, s);
    return intern(b.at);
}

static Expr *plus(Expr **at, void *with)
{
    return expr_op(with ? OP_sub : OP_add, at[0], at[1], NULL);
}

static Expr *times(Expr **at, void *with)
{
    return expr_op(OP_mul, with, at[0], NULL);
}

Expr *reduce_over(Index **index, int n, Expr *body)
{
    if (n == 0)
        return body;
    Expr *r = NEW(Expr);
    r->kind = EXPR_reduce;
    r->reduce = REDUCE_sum;
    r->nindex = n;
    for (int k = 0; k < n; k++)
        r->bound[k] = index[k];
    r->arg[0] = body;
    return r;
}

Index *index_along(const Axis *a, Str name, Expr *example)
{
    Index *i = index_new(name, a->size, NULL);
    i->fixed = true;
    i->example = a->example;
    if (a->length && a->length->rank == 0)
        i->limit = expr_scalar(a->length);
    else if (a->length && example)
        i->limit = expr_read(a->length, &example, 0, NULL);
    return i;
}

/* A term as an argument: its axes but that of the examples are summed, samples stay. */
static Value summed(Elab *e, Scope *task, Value v, Place place)
{
    int at = -1;
    for (int k = 0; v.t && k < v.t->rank; k++)
        if (v.t->axis[k].example)
            at = k;
    if (!v.is_term || at < 0 || v.t->rank == 1)
        return v;
    Index *outer = index_along(&v.t->axis[at], intern("n"), NULL), *inner[MAX_RANK];
    Expr *sub[MAX_RANK];
    int n = 0;
    for (int k = 0; k < v.t->rank; k++) {
        if (k != at) {
            inner[n] = index_along(&v.t->axis[k], format("%c", "ijklmopqru"[n]), expr_index(outer));
            n++;
        }
        sub[k] = expr_index(k == at ? outer : inner[n - 1]);
    }
    Tensor *t = temp_new(e, task, format("%s.each", v.t->name), ELEM_real);
    t->rank = 1;
    t->axis[0] = v.t->axis[at];
    Stmt *st = nest_new(t, SET_is, reduce_over(inner, n, expr_read(v.t, sub, ~0u, NULL)));
    st->sub[0] = expr_index(outer);
    st->index[0] = outer;
    st->nindex = st->nouter = 1;
    settle(e, st, place);
    add_stmt(e, task, st, place, NULL);
    return (Value) { .t = t, .scope = v.scope };
}

/* Uses a loss, view or likelihood on values; the first arguments by position are its inputs. */
static Value use_definition(Elab *e, Scope *task, Decl *def, Syn *s, Tensor *target)
{
    const int most = inputs_of(def) - (target != NULL);
    TensorList in = { 0 };
    ArgList rest = { 0 };
    TensorList parameters = { 0 };
    for (int k = 0; k < s->args.n; k++) {
        if (s->args.at[k].name || in.n + (parameters.n > 0) >= most) {
            PUSH(rest, s->args.at[k]);
            continue;
        }
        Value v = value_of(e, task, s->args.at[k].value);
        if (v.bad)
            return v;
        if (v.is_list) {
            parameters = v.list;
            continue;
        }
        if (!v.t) {
            PUSH(rest, s->args.at[k]);
            continue;
        }
        PUSH(in, summed(e, task, v, s->place).t);
    }
    if (target)
        PUSH(in, target);
    Use *use = NEW(Use);
    const Str path = format("%s%s%s%d", task->path, *task->path ? "." : "", def->name, task->mult++);
    *use = (Use) { path, words_of(s), s->place };
    if (!parameters.n) {
        Scope *made = instantiate(e, task, def->role, def->name, &rest, in.at, in.n, path, path, use, s->place);
        return made && made->result ? (Value) { .t = made->result, .scope = made }
             : made && (made->nll || made->mean) ? (Value) { .t = made->nll, .scope = made } : (Value) { .bad = true };
    }
    Value sum = { .bad = true };            /* one for each parameter: such terms add up */
    for (int k = 0; k < parameters.n; k++) {
        TensorList all = { 0 };
        PUSH(all, parameters.at[k]);
        for (int q = 0; q < in.n; q++)
            PUSH(all, in.at[q]);
        const Str each = format("%s.%s", path, parameters.at[k]->name);
        Scope *made = instantiate(e, task, def->role, def->name, &rest, all.at, all.n, each, each, use, s->place);
        if (!made || !made->result)
            return (Value) { .bad = true };
        sum = sum.bad ? (Value) { .t = made->result, .scope = made }
            : (Value) { .t = elementwise(e, made, intern("total"), (Tensor *[]) { sum.t, made->result }, 2, plus, NULL, s->place), .scope = made };
    }
    return sum;
}

static Value term_value(Elab *e, Scope *task, Syn *s)
{
    Value of = value_of(e, task, s->args.at[0].value);
    if (of.bad)
        return of;
    Scope *made = of.t ? producer_of(e, of.t) : NULL;
    for (int k = 0; made && k < made->terms.n; k++)
        if (made->terms.at[k].name == s->name)
            return (Value) { .t = made->terms.at[k].tensor, .scope = made, .is_term = true };
    return (Value) { 0 };
}

static Value value_of_call(Elab *e, Scope *task, Syn *s)
{
    const Str f = s->name;
    if (f == intern("stop") && s->args.n == 1) {
        Value v = value_of(e, task, s->args.at[0].value);
        if (!v.t)
            return v;
        Tensor *t = temp_new(e, task, intern("stopped"), v.t->elem);
        t->rank = v.t->rank;
        memcpy(t->axis, v.t->axis, sizeof t->axis);
        Stmt *st = nest_new(t, SET_is, NULL);
        Expr *sub[MAX_RANK];
        for (int k = 0; k < t->rank; k++) {
            st->index[k] = index_new(format("i%d", k), t->axis[k].size, NULL);
            st->index[k]->example = t->axis[k].example;
            if (t->axis[k].length && t->axis[k].length->rank == 0)
                st->index[k]->limit = expr_scalar(t->axis[k].length);
            st->sub[k] = sub[k] = expr_index(st->index[k]);
        }
        st->nindex = st->nouter = t->rank;
        st->value = expr_stop(expr_read(v.t, sub, t->rank ? ~0u : 0, NULL));
        settle(e, st, s->place);
        add_stmt(e, task, st, s->place, NULL);
        return (Value) { .t = t };
    }
    if ((f == intern("params") || f == intern("weights")) && s->args.n == 1 && s->args.at[0].value->kind == SYN_name) {
        Name *net = name_find(task, s->args.at[0].value->name, NAME_net);
        Value v = { .is_list = true };
        for (int k = 0; net && k < net->net->params.n; k++)
            if (f == intern("params") || !net->net->params.at[k]->exempt)
                PUSH(v.list, net->net->params.at[k]);
        if (v.list.n)
            return v;
    }
    Name *net = name_find(task, f, NAME_net);
    if (net) {
        if (s->args.n < 1) {
            SAY(e, s->place, DIAG_argument_count, f, 1, 0);
            return (Value) { .bad = true };
        }
        Value x = value_of(e, task, s->args.at[0].value);
        if (x.bad || !x.t) {
            if (!x.bad)
                SAY(e, s->args.at[0].place, DIAG_not_a_value, words_of(s->args.at[0].value));
            return (Value) { .bad = true };
        }
        Tensor *y = apply_net(e, net->net, x.t, NULL, s->place);
        return y ? (Value) { .t = y, .scope = producer_of(e, y) } : (Value) { .bad = true };
    }
    if (s->args.n == 1 && f == intern("nll"))
        if (s->args.at[0].value->kind == SYN_name && model_input(e, s->args.at[0].value->name)) {
            for (int k = e->producers.n; k-- > 0; )
                if (e->producers.at[k].scope->use && e->producers.at[k].scope->use->path == intern("reconstruct"))
                    return (Value) { .t = e->producers.at[k].scope->nll, .scope = e->producers.at[k].scope, .is_term = true };
            Decl *d = find_decl(e, DECL_reconstruct);
            Expr *weight;
            Scope *made = d && d->name == s->args.at[0].value->name ? use_reconstruct(e, d, NULL, &weight) : NULL;
            if (made)
                return (Value) { .t = made->nll, .scope = made, .is_term = true };
        }
    static const char *const roles[] = { "loss", "view", "likelihood" };
    Decl *def = NULL;
    for (int k = 0; k < 3 && !def; k++)
        def = find_definition(e, intern(roles[k]), f);
    if (s->args.n >= 1 && !s->args.at[0].name) {
        Value v = def && inputs_of(def) > 0 && s->args.at[0].value->kind != SYN_name ? (Value) { 0 } : term_value(e, task, s);
        if (v.bad || v.t)
            return v;
    }
    if (def)
        return use_definition(e, task, def, s, NULL);
    if (find_function(task, f) || builtin_op(f) >= 0) {
        Ctx c = size_ctx(task);
        e->failed = 0;
        Expr *v = lower(&c, s, NULL);
        return e->failed ? (Value) { .bad = true } : (Value) { .num = v };
    }
    SAY(e, s->place, DIAG_unknown_loss, f);
    StrList names = { 0 };
    for (int k = 0; k < e->library.n; k++)
        if (e->library.at[k]->role == intern("loss") || e->library.at[k]->role == intern("view"))
            PUSH(names, e->library.at[k]->name);
    for (Scope *up = task; up; up = up->up)
        for (int k = 0; k < up->names.n; k++)
            if (up->names.at[k]->kind == NAME_net)
                PUSH(names, up->names.at[k]->name);
    suggest(f, &names, NULL);
    if (!nearest(f, names.at, names.n) && !suggest_term(e, f) && !suggest_role(e, f))
        report_help("`aec doc` lists the losses and views; a latent's terms are named by its definition");
    return (Value) { .bad = true };
}

static Value value_of_name(Elab *e, Scope *task, Syn *s)
{
    Name *n = name_find(task, s->name, NAME_tensor);
    if (n && n->tensor)
        return (Value) { .t = n->tensor, .scope = producer_of(e, n->tensor) };
    Tensor *t = model_input(e, s->name);
    if (t)
        return (Value) { .t = t };
    if (s->name == intern("weights") || s->name == intern("params")) {
        Value v = { .is_list = true };
        for (int k = 0; k < e->used.n; k++)
            if (s->name == intern("params") || !e->used.at[k]->exempt)
                PUSH(v.list, e->used.at[k]);
        if (v.list.n)
            return v;
        SAY(e, s->place, DIAG_not_a_value, s->name);
        report_help("`%s` are the parameters of the nets used above it, and none is: write it in `regularize`", s->name);
        return (Value) { .bad = true };
    }
    Name *number = name_find(task, s->name, NAME_number);
    if (number)
        return (Value) { .num = number->value };
    t = model_result(e, s->name);
    if (t)
        return (Value) { .t = t, .scope = producer_of(e, t) };
    if (diag_errors())
        return (Value) { .bad = true };
    SAY(e, s->place, DIAG_unknown_name, s->name);
    StrList names = { 0 };
    for (int k = 0; k < task->names.n; k++)
        PUSH(names, task->names.at[k]->name);
    for (int k = 0; k < e->as.n; k++)
        PUSH(names, e->as.at[k].name);
    for (int k = 0; k < e->m->inputs.n; k++)
        PUSH(names, e->m->inputs.at[k].name);
    suggest(s->name, &names, NULL);
    if (!nearest(s->name, names.at, names.n))
        report_help("name a layer by `dense(64) as %s`, a label by `label %s : class(10)`", s->name, s->name);
    return (Value) { .bad = true };
}

static Value combine(Elab *e, Scope *task, Syn *s)
{
    Value a = value_of(e, task, s->a), b = value_of(e, task, s->b);
    if (a.bad || b.bad)
        return (Value) { .bad = true };
    if (a.num && b.num) {
        const Op op = s->op == intern("+") ? OP_add : s->op == intern("-") ? OP_sub : s->op == intern("*") ? OP_mul : OP_div;
        return (Value) { .num = expr_op(op, a.num, b.num, NULL) };
    }
    a = summed(e, task, a, s->place), b = summed(e, task, b, s->place);
    if (a.t && b.t && (s->op == intern("+") || s->op == intern("-"))) {
        Tensor *in[2] = { a.t, b.t };
        return (Value) { .t = elementwise(e, task, intern("sum"), in, 2, plus, s->op == intern("-") ? e : NULL, s->place), .scope = a.scope };
    }
    if (a.t && b.num && (s->op == intern("*") || s->op == intern("/"))) {
        Expr *by = s->op == intern("*") ? b.num : expr_op(OP_div, expr_num(1), b.num, NULL);
        return (Value) { .t = elementwise(e, task, intern("scaled"), &a.t, 1, times, by, s->place), .scope = a.scope };
    }
    if (a.num && b.t && s->op == intern("*"))
        return (Value) { .t = elementwise(e, task, intern("scaled"), &b.t, 1, times, a.num, s->place), .scope = b.scope };
    SAY(e, s->place, DIAG_not_a_value, words_of(s));
    return (Value) { .bad = true };
}

Value value_of(Elab *e, Scope *task, Syn *s)
{
    switch (s->kind) {
    case SYN_num:
        return (Value) { .num = expr_num(s->num) };
    case SYN_name:
        return value_of_name(e, task, s);
    case SYN_call:
        return value_of_call(e, task, s);
    case SYN_paren:
        return value_of(e, task, s->a);
    case SYN_binary:
        return combine(e, task, s);
    case SYN_unary:
        if (s->op == intern("-")) {
            Value v = value_of(e, task, s->a);
            if (v.num)
                return (Value) { .num = expr_op(OP_neg, v.num, NULL, NULL) };
            if (v.t)
                return (Value) { .t = elementwise(e, task, intern("minus"), &v.t, 1, times, expr_num(-1), s->place) };
        }
        /* fall through */
    default:
        SAY(e, s->place, DIAG_not_a_value, words_of(s));
        return (Value) { .bad = true };
    }
}

/* A product's numbers are its weight; the rest is the core. */
Syn *peel(Elab *e, Scope *task, Syn *s, Expr **weight)
{
    while (s->kind == SYN_paren)
        s = s->a;
    if (s->kind != SYN_binary || (s->op != intern("*") && s->op != intern("/")))
        return s;
    for (int side = 0; side < 2; side++) {
        Syn *w = side ? s->a : s->b, *core = side ? s->b : s->a;
        if (side && s->op == intern("/"))
            break;
        bool number = w->kind == SYN_num || (w->kind == SYN_name && name_find(task, w->name, NAME_number))
                   || (w->kind == SYN_call && find_function(task, w->name) && !find_definition(e, intern("loss"), w->name)
                       && !name_find(task, w->name, NAME_net))
                   || w->kind == SYN_paren || (w->kind == SYN_binary && w->a->kind != SYN_call);
        if (!number)
            continue;
        Ctx c = size_ctx(task);
        e->failed = 0;
        Expr *v = lower(&c, w, NULL);
        if (s->op == intern("/"))
            v = expr_op(OP_div, expr_num(1), v, NULL);
        *weight = expr_op(OP_mul, *weight, v, NULL);
        return peel(e, task, core, weight);
    }
    return s;
}
