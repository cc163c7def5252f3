/* elaborate.c -- the model's declarations become programs.
 *
 * Takes a file and the libraries it uses. For each thing the trainer can do (a step of each phase, evaluate,
 * encode, decode, reconstruct, sample, predict, the first values) it writes one program, from the same
 * declarations: what is not needed in one of them is dropped later as dead. Paths give parameters their
 * identity, so all programs share them. */
#include "elab.h"
#include <math.h>
#include <stdlib.h>

/* ---- finding declarations -------------------------------------------------------------------------- */
static Decl *find_decl(Elab *e, DeclKind kind)
{
    for (int k = 0; k < e->file->decls.n; k++)
        if (e->file->decls.at[k]->kind == kind)
            return e->file->decls.at[k];
    return NULL;
}

static void only_one(Elab *e, DeclKind kind, const char *what)
{
    Decl *first = NULL;
    for (int k = 0; k < e->file->decls.n; k++) {
        Decl *d = e->file->decls.at[k];
        if (d->kind != kind)
            continue;
        if (first) {
            SAY(e, d->place, DIAG_declared_twice, what);
            report_note(first->place, "it is declared here first");
        } else
            first = d;
    }
}

static bool names_something(const Decl *d)
{
    switch (d->kind) {
    case DECL_set: case DECL_input: case DECL_label: case DECL_net: case DECL_bottleneck: case DECL_augment: case DECL_task:
        return d->name != NULL;
    default:
        return false;
    }
}

/* What a file names, it names once; phases too. */
static void only_once(Elab *e)
{
    for (int k = 0; k < e->file->decls.n; k++)
        for (int q = 0; q < k; q++) {
            Decl *a = e->file->decls.at[q], *b = e->file->decls.at[k];
            const bool phases = a->kind == DECL_train && b->kind == DECL_train && a->name == b->name;
            const bool named = a->kind == DECL_bottleneck && b->kind == DECL_bottleneck ? false
                             : names_something(a) && names_something(b) && a->name == b->name;
            if (!phases && !named)
                continue;
            report(b->name ? b->name_place : b->place, DIAG_declared_twice, b->name ? b->name : intern("train"));
            report_note(a->name ? a->name_place : a->place, "it is declared here first");
            if (phases && !b->name)
                report_help("phases have names: `train pretrain { ... }`, `train finetune { ... }`");
            break;
        }
}

/* ---- values: what tasks and regularizers are made of -------------------------------------------------- */
typedef struct {
    Tensor *t;              /* a tensor, or */
    Expr *num;              /* a number, or */
    TensorList list;        /* parameters: `weights` */
    Scope *scope;           /* of the definition that made t */
    bool is_list;
    bool is_term;           /* as an argument or a summand it is one number for each example */
    bool bad;
} Value;

static Value value_of(Elab *e, Scope *task, Syn *s);
static Scope *use_reconstruct(Elab *e, Decl *d, Tensor *y, Expr **weight);
static bool names_layer(Elab *e, Str name);

static int inputs_of(Decl *def)
{
    int n = 0;
    for (int k = 0; k < def->body.n; k++)
        if (def->body.at[k]->kind == STAT_in || def->body.at[k]->kind == STAT_target)
            n += def->body.at[k]->entries.n;
    return n;
}

static Str words_of(Syn *s)
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

static Expr *reduce_over(Index **index, int n, Expr *body)
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

static Index *index_along(const Axis *a, Str name, Expr *example)
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
        static Expr *(*const make)(Expr **, void *) = NULL;
        (void) make;
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

static Value value_of(Elab *e, Scope *task, Syn *s)
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
static Syn *peel(Elab *e, Scope *task, Syn *s, Expr **weight)
{
    while (s->kind == SYN_paren)
        s = s->a;
    if (s->kind != SYN_binary || (s->op != intern("*") && s->op != intern("/")))
        return s;
    static const char *const number_like[] = { "ramp", "cycle" };
    for (int side = 0; side < 2; side++) {
        Syn *w = side ? s->a : s->b, *core = side ? s->b : s->a;
        if (side && s->op == intern("/"))
            break;
        bool number = w->kind == SYN_num || (w->kind == SYN_name && name_find(task, w->name, NAME_number))
                   || (w->kind == SYN_call && find_function(task, w->name) && !find_definition(e, intern("loss"), w->name)
                       && !name_find(task, w->name, NAME_net))
                   || w->kind == SYN_paren || (w->kind == SYN_binary && w->a->kind != SYN_call);
        (void) number_like;
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

/* ---- terms ---------------------------------------------------------------------------------------------- */
static Scope *plain_scope(Elab *e, Str path, Str words, Place place)
{
    Use *use = NEW(Use);
    *use = (Use) { path, words, place };
    Scope *s = scope_new(e, NULL, NULL, path, path, use);
    s->up = e->root;
    s->mult = 1;
    return s;
}

static Tensor *scalar_new(Elab *e, Scope *s, Str name, Expr *value, Place place)
{
    Tensor *t = temp_new(e, s, name, ELEM_real);
    t->external = true;
    Stmt *st = nest_new(t, SET_is, value);
    settle(e, st, place);
    add_stmt(e, s, st, place, NULL);
    return t;
}

/* One number for each example: sums over what else there is, averages over samples. */
static Tensor *per_example(Elab *e, Scope *s, Tensor *t, Place place)
{
    const int mult = mult_of(e, t);
    if (mult == 1 && t->rank == 1 && t->elem == ELEM_real) {
        t->external = true;
        return t;
    }
    Axis n = example_axis(e, 1), samples = { mult, NULL, false, intern("s") };
    Index *outer = index_along(&n, intern("n"), NULL), *inner[MAX_RANK];
    Expr *sub[MAX_RANK], *at = expr_index(outer);
    int count = 0;
    if (mult > 1) {
        inner[count++] = index_along(&samples, intern("s"), NULL);
        at = expr_op(OP_add, expr_op(OP_mul, at, expr_num(mult), NULL), expr_index(inner[0]), NULL);
    }
    static const char *const letter[] = { "i", "j", "k", "l", "m", "o", "p", "q", "r", "u" };
    for (int k = 0; k < t->rank; k++) {
        if (t->axis[k].example) {
            sub[k] = at;
            continue;
        }
        inner[count] = index_along(&t->axis[k], intern(letter[k]), expr_index(outer));
        sub[k] = expr_index(inner[count++]);
    }
    Tensor *each = temp_new(e, s, intern("each"), ELEM_real);
    each->rank = 1;
    each->axis[0] = n;
    each->external = true;
    Expr *sum = reduce_over(inner, count, expr_read(t, sub, ~0u, NULL));
    if (t->elem == ELEM_int && count == 0)
        sum = expr_op(OP_mul, expr_real(1), sum, NULL);
    Stmt *st = nest_new(each, SET_is, mult > 1 ? expr_op(OP_div, sum, expr_num(mult), NULL) : sum);
    st->sub[0] = expr_index(outer);
    st->index[0] = outer;
    st->nindex = st->nouter = 1;
    settle(e, st, place);
    add_stmt(e, s, st, place, NULL);
    return each;
}

/* The label that a term reads, if any: only examples that have it count. */
static void add_term(Elab *e, Str name, Str unit, Tensor *t, Expr *weight, Tensor *has, bool metric, Place place)
{
    Scope *s = plain_scope(e, format("term.%s", name), name, place);
    Term term = { .name = name, .unit = unit, .metric = metric };
    Expr *value;
    if (mult_of(e, t) > 0) {
        term.each = per_example(e, s, t, place);
        Axis n = example_axis(e, 1);
        Index *i = index_along(&n, intern("n"), NULL);
        Expr *at = expr_index(i), *each = expr_read(term.each, &at, 0, NULL);
        Expr *present = expr_scalar(e->clock_batch);
        if (has) {
            Index *j = index_along(&n, intern("n"), NULL);
            Expr *jat = expr_index(j), *hi = expr_read(has, &at, 0, NULL), *hj = expr_read(has, &jat, 0, NULL);
            each = expr_op(OP_select, hi, each, expr_num(0));
            present = expr_op(OP_max, reduce_over(&j, 1, hj), expr_num(1), NULL);
            present->whole = true;
        }
        value = expr_op(OP_div, reduce_over(&i, 1, each), present, NULL);
    } else {
        Index *inner[MAX_RANK];
        Expr *sub[MAX_RANK];
        for (int k = 0; k < t->rank; k++) {
            inner[k] = index_along(&t->axis[k], format("i%d", k), NULL);
            sub[k] = expr_index(inner[k]);
        }
        value = reduce_over(inner, t->rank, expr_read(t, sub, t->rank ? ~0u : 0, NULL));
    }
    term.value = scalar_new(e, s, intern("value"), value, place);
    if (weight && expr_is(weight, 0))
        report(blame(e, place), DIAG_weight_zero, name);
    if (weight && !expr_is(weight, 1))
        term.weight = scalar_new(e, s, intern("weight"), weight, place);
    PUSH(e->p->terms, term);
}

static void sum_terms(Elab *e)
{
    Program *p = e->p;
    Expr *sum = expr_num(0);
    for (int k = 0; k < p->terms.n; k++) {
        Term *t = &p->terms.at[k];
        if (t->metric)
            continue;
        Expr *v = expr_scalar(t->value);
        if (t->weight)
            v = expr_op(OP_mul, expr_scalar(t->weight), v, NULL);
        sum = expr_op(OP_add, sum, v, NULL);
    }
    p->loss = scalar_new(e, plain_scope(e, intern("loss"), intern("the sum of the terms"), (Place) { 0 }), intern("loss"), sum, (Place) { 0 });
}

/* ---- the pieces of an objective ------------------------------------------------------------------------------ */
static Tensor *has_label(Elab *e, Str label)
{
    for (int k = 0; k < e->m->inputs.n; k++)
        if (e->m->inputs.at[k].name == label && e->m->inputs.at[k].label) {
            model_input(e, label);
            return e->m->inputs.at[k].has;
        }
    return NULL;
}

static bool same_sizes(const Tensor *a, const Tensor *b)
{
    bool same = a->rank == b->rank;
    for (int k = 0; same && k < a->rank; k++)
        same = a->axis[k].size == b->axis[k].size || (a->axis[k].example && b->axis[k].example);
    return same;
}

/* The decoder's result takes the target's shape where it has as many elements. */
static Tensor *fitted(Elab *e, Tensor *y, Tensor *target, Place place)
{
    const int mult = mult_of(e, y) > 0 ? mult_of(e, y) : 1;
    if (same_sizes(y, target) || y->rank < 1 || target->rank < 1 || !y->axis[0].example
        || tensor_count(y) != tensor_count(target) * mult)
        return y;
    Axis axis[MAX_RANK];
    memcpy(axis, target->axis, sizeof axis);
    axis[0] = example_axis(e, mult);
    Scope *s = plain_scope(e, intern("decoder.shape"), intern("takes the shape of what it reconstructs"), place);
    return reshaped(e, s, y, axis, target->rank, intern("y"), place);
}

typedef struct { Str name; Tensor *mean, *target; Str label; Place place; } Predicted;
typedef VEC(Predicted) PredictedList;

/* target ~ likelihood(in) or target by loss(in): its term, and the mean if it has one. */
static Scope *use_target(Elab *e, Scope *task, Str op, Syn *value, Tensor *given, Tensor *target, Str path)
{
    const bool by = op == intern("by");
    Decl *def = find_definition(e, intern(by ? "loss" : "likelihood"), value->name);
    if (!def) {
        SAY(e, value->place, DIAG_unknown_definition, by ? "loss" : "likelihood", value->name ? value->name : "");
        suggest_definition(e, intern(by ? "loss" : "likelihood"), value->name);
        return NULL;
    }
    TensorList in = { 0 };
    ArgList rest = { 0 };
    if (given)
        PUSH(in, given);
    for (int k = 0; k < value->args.n; k++) {
        if (value->args.at[k].name || given) {
            PUSH(rest, value->args.at[k]);
            continue;
        }
        Value v = value_of(e, task, value->args.at[k].value);
        if (v.bad)
            return NULL;
        if (v.t)
            PUSH(in, v.t);
        else
            PUSH(rest, value->args.at[k]);
    }
    if (in.n == 1 && !given)
        in.at[0] = fitted(e, in.at[0], target, value->place);
    PUSH(in, target);
    Use *use = NEW(Use);
    *use = (Use) { path, words_of(value), value->place };
    Scope *s = instantiate(e, task, def->role, def->name, &rest, in.at, in.n, path, path, use, value->place);
    if (s && by && !s->mean)
        s->mean = in.at[0];
    if (s && !s->result)
        s->result = s->nll;
    if (s)
        PUSH(e->producers, ((Producer) { s->result, s }));
    return s;
}

static Tensor *decoded(Elab *e, Tensor *z)
{
    return z ? apply_net(e, e->decoder, z, NULL, e->decoder->place) : NULL;
}

/* `reconstruct`: on the decoder's result y, or NULL for that of x. */
static Scope *use_reconstruct(Elab *e, Decl *d, Tensor *y, Expr **weight)
{
    if (!e->decoder) {
        SAY(e, d->place, DIAG_block_missing, "reconstruct", "decoder");
        report_help("add `decoder { ... }`, or `decoder mirror`, which takes the encoder's layers in reverse");
        return NULL;
    }
    if (!y)
        y = model_result(e, intern("decoder"));
    if (!y)
        return NULL;
    Tensor *x = model_input(e, d->name);
    if (!x) {
        SAY(e, d->name_place, DIAG_unknown_name, d->name);
        report_help("the input is called `%s`", e->m->inputs.at[0].name);
        return NULL;
    }
    *weight = expr_num(1);
    Syn *core = peel(e, e->root, d->value, weight);
    Syn named = *core;
    if (core->kind == SYN_name)
        named.kind = SYN_call;
    const int errors = diag_errors();
    Scope *made = use_target(e, e->root, d->op, &named, fitted(e, y, x, d->place), x, intern("reconstruct"));
    Decl *like = find_definition(e, intern(d->op == intern("by") ? "loss" : "likelihood"), named.name);
    if (!made && diag_errors() == errors + 1 && like && takes_alike(like))
        suggest_fit(e, e->decoder, x);
    return made;
}

static bool wanted(Decl *train, Str name)
{
    for (int k = 0; train && k < train->settings.n; k++) {
        Setting *s = &train->settings.at[k];
        if (s->name != intern("minimize") || s->value->kind != SYN_list)
            continue;
        for (int q = 0; q < s->value->list.n; q++)
            if (s->value->list.at[q]->kind == SYN_name && s->value->list.at[q]->name == name)
                return true;
        return false;
    }
    return true;
}


static void task_statements(Elab *e, Scope *s, Decl *body, Decl *use, Expr *weight, PredictedList *predicted)
{
    int parts = 0;
    for (int k = 0; k < body->body.n; k++) {
        Stat *st = body->body.at[k];
        const int errors = diag_errors();
        e->failed = 0;
        if (st->kind == STAT_let) {
            Value v = value_of(e, s, st->value);
            if (v.bad)
                return;
            for (int q = 0; q < st->names.n; q++) {
                Tensor *t = v.t;
                if (st->names.n > 1)
                    t = v.scope && q < v.scope->outs.n ? v.scope->outs.at[q] : NULL;
                if (!t && v.num) {
                    name_add(s, NAME_number, st->names.at[q], st->place)->value = v.num;
                    continue;
                }
                if (!t) {
                    SAY(e, st->place, DIAG_let_count, st->names.n, v.scope ? v.scope->outs.n : 1);
                    if (v.scope && v.scope->def)
                        report_note(v.scope->def->place, "`%s` is defined here", v.scope->def->name);
                    return;
                }
                name_add(s, NAME_tensor, st->names.at[q], st->place)->tensor = t;
            }
        } else if (st->kind == STAT_predict) {
            Value target = value_of(e, s, st->left);
            if (target.bad || !target.t) {
                if (!target.bad)
                    SAY(e, st->left->place, DIAG_not_a_value, words_of(st->left));
                return;
            }
            Expr *w = weight;
            Syn *core = peel(e, s, st->value, &w);
            Scope *made = use_target(e, s, st->op, core, NULL, target.t, format("%s.predict", s->path));
            if (!made || !made->result)
                return;
            Tensor *has = st->left->kind == SYN_name ? has_label(e, st->left->name) : NULL;
            const Str name = parts++ ? format("%s.%d", use->name, parts) : use->name;
            add_term(e, name, intern(st->op == intern("~") ? "nats per example" : "mean over examples"), made->result, w, has, false, st->place);
            PUSH(*predicted, ((Predicted) { use->name, made->mean, target.t, has ? st->left->name : NULL, st->place }));
        } else if (st->kind == STAT_minimize) {
            Expr *w = weight;
            Syn *core = peel(e, s, st->value, &w);
            Value v = value_of(e, s, core);
            if (v.bad || !v.t) {
                if (!v.bad) {
                    SAY(e, st->value->place, DIAG_not_a_value, words_of(st->value));
                    if (v.is_list)
                        report_help("a loss makes a term of it: `l2(%s)`", words_of(core));
                }
                return;
            }
            const Str name = st->as ? st->as : parts++ ? format("%s.%d", use->name, parts) : use->name;
            add_term(e, name, intern(mult_of(e, v.t) ? "mean over examples" : "of the batch"), v.t, w, NULL, false, st->place);
        } else
            elaborate_stat(s, st);
        if (diag_errors() > errors)
            return;
    }
}

static void use_task(Elab *e, Decl *use, PredictedList *predicted)
{
    Using *const outer = e->using;
    Decl *body = use;
    Use *u = NEW(Use);
    *u = (Use) { use->name, format("%s %s", use->role, use->name), use->place };
    if (!use->braced) {
        body = find_definition(e, use->role, use->name);
        if (!body) {
            SAY(e, use->name_place, DIAG_unknown_definition, use->role, use->name);
            suggest_definition(e, use->role, use->name);
            return;
        }
    }
    Scope *s = scope_new(e, e->root, body, use->name, use->name, u);
    s->up = e->root;
    s->mult = 1;
    ArgList rest = { 0 };
    Expr *weight = expr_num(1);
    Net *task = net_new(e, NET_block, use->name, use->name, e->root, use->place);     /* so that `freeze` finds it */
    s->trains = s->training = !task->frozen;
    for (int k = 0; k < use->args.n; k++) {
        if (use->args.at[k].name == intern("weight")) {
            Ctx c = size_ctx(e->root);
            weight = lower(&c, use->args.at[k].value, NULL);
        } else
            PUSH(rest, use->args.at[k]);
    }
    e->failed = 0;
    if (!use->braced && !bind_arguments(s, &rest, use->place))
        return;
    Using here = { u, outer };
    e->using = &here;
    task_statements(e, s, body, use, weight, predicted);
    e->using = outer;
}

/* The metrics that the trainer computes itself, from what programs give. */
static bool trainers_own(Str name)
{
    static const char *const own[] = { "mse", "psnr", "r2", "bits", "auc", "iou", "map", "knn", "linear_probe", "nll",
                                       "active_units", "pca" };
    for (size_t k = 0; k < sizeof own / sizeof *own; k++)
        if (!strcmp(own[k], name))
            return true;
    return false;
}

static void add_metric(Elab *e, Predicted *p, Str name, ArgList *args)
{
    Tensor *in[2] = { p->mean, p->target };
    if (!p->mean || !p->target || !definition_fits(e, intern("loss"), name, args, in, 2))
        return;
    const Str path = format("%s.%s", p->name, name);
    Use *use = NEW(Use);
    *use = (Use) { path, name, p->place };
    Scope *s = instantiate(e, e->root, intern("loss"), name, args, in, 2, path, path, use, p->place);
    if (s && s->result)
        add_term(e, path, intern(name == intern("accuracy") ? "share of examples" : "mean over examples"), s->result, NULL,
                 p->label ? has_label(e, p->label) : NULL, true, p->place);
}

/* The metrics of `evaluate` that the library defines, one for each task that they fit; accuracy if nothing is asked. */
static void add_metrics(Elab *e, PredictedList *predicted)
{
    Decl *asked = find_decl(e, DECL_evaluate);
    for (int k = 0; k < predicted->n; k++) {
        if (!asked && predicted->at[k].target && predicted->at[k].target->elem == ELEM_int)
            add_metric(e, &predicted->at[k], intern("accuracy"), NULL);
        for (int q = 0; asked && q < asked->block->n; q++)
            if (!trainers_own(asked->block->at[q]->name))
                add_metric(e, &predicted->at[k], asked->block->at[q]->name, &asked->block->at[q]->args);
    }
}

static bool restricted(Decl *train)
{
    for (int k = 0; train && k < train->settings.n; k++)
        if (train->settings.at[k].name == intern("minimize"))
            return true;
    return false;
}

/* Whether all that a regularizer reads has been computed in this program already. */
static bool computed(Elab *e, Syn *s)
{
    if (!s)
        return true;
    if (s->kind == SYN_name) {
        Name *net = name_find(e->root, s->name, NAME_net);
        if (net)
            return net->net->applied > 0;
        for (int k = 0; k < e->as.n; k++)
            if (e->as.at[k].name == s->name)
                return true;
        return !names_layer(e, s->name);
    }
    for (int k = 0; k < s->args.n; k++)
        if (!computed(e, s->args.at[k].value))
            return false;
    return computed(e, s->a) && computed(e, s->b) && computed(e, s->c);
}

/* Everything that a phase minimizes, as terms of the current program. */
static void objective(Elab *e, Decl *train, PredictedList *predicted)
{
    Decl *reconstruct = find_decl(e, DECL_reconstruct);
    if (reconstruct && wanted(train, intern("reconstruct"))) {
        Expr *weight;
        Scope *s = use_reconstruct(e, reconstruct, NULL, &weight);
        if (s && s->result)
            add_term(e, intern("reconstruct"), intern(reconstruct->op == intern("~") ? "nats per example" : "mean over elements"),
                     s->result, weight, NULL, false, reconstruct->place);
        if (diag_errors())
            return;
        PUSH(*predicted, ((Predicted) { intern("reconstruct"), s->mean, model_input(e, reconstruct->name), NULL, reconstruct->place }));
    }
    for (int k = 0; k < e->file->decls.n; k++) {
        Decl *d = e->file->decls.at[k];
        if (d->kind == DECL_task && wanted(train, d->name))
            use_task(e, d, predicted);
        if (diag_errors())
            return;
    }
    Scope *root = plain_scope(e, intern("regularize"), intern("regularize"), (Place) { 0 });
    for (int k = 0; k < e->file->decls.n; k++) {
        Decl *d = e->file->decls.at[k];
        for (int q = 0; d->kind == DECL_regularize && q < d->lines.n; q++) {
            Line *line = &d->lines.at[q];
            if (line->as ? !wanted(train, line->as) : restricted(train) && !computed(e, line->value))
                continue;
            Expr *weight = expr_num(1);
            Syn *core = peel(e, root, line->value, &weight);
            Value v = value_of(e, root, core);
            if (v.bad || !v.t) {
                if (!v.bad) {
                    SAY(e, line->place, DIAG_not_a_value, words_of(core));
                    report_help("a loss makes a term of it, such as `l1(%s) * 1e-3`", words_of(core));
                }
                continue;
            }
            const Str unit = mult_of(e, v.t) ? v.scope && v.scope->def && v.scope->def->role == intern("latent") ? "nats per example" : "per example" : "of the batch";
            add_term(e, line->as ? line->as : words_of(core), intern(unit), v.t, weight, NULL, false, line->place);
        }
    }
}

/* ---- programs --------------------------------------------------------------------------------------------------- */
static Str setting_list_name(Syn *s)
{
    return s->kind == SYN_name ? s->name : NULL;
}

static bool block_names(Block *block, Str name)
{
    for (int k = 0; block && k < block->n; k++) {
        if (block->at[k]->as == name)
            return true;
        for (int q = 0; q < block->at[k]->blocks.n; q++)
            if (block_names(block->at[k]->blocks.at[q], name))
                return true;
    }
    return false;
}

/* Whether `as` gives some layer of the file this name. */
static bool names_layer(Elab *e, Str name)
{
    for (int k = 0; k < e->file->decls.n; k++)
        if (block_names(e->file->decls.at[k]->block, name))
            return true;
    return false;
}

static void freeze_nets(Elab *e, Decl *train)
{
    e->root->trains = e->root->training = true;
    e->frozen.n = 0;
    for (int k = 0; k < e->nets.n; k++)
        e->nets.at[k]->frozen = false;
    for (int k = 0; train && k < train->settings.n; k++) {
        Setting *s = &train->settings.at[k];
        if (s->name != intern("freeze"))
            continue;
        SynList one = { 0 }, *list = &one;
        if (s->value->kind == SYN_list)
            list = &s->value->list;
        else
            PUSH(one, s->value);
        for (int q = 0; q < list->n; q++) {
            Str name = setting_list_name(list->at[q]);
            bool found = false;
            for (int d = 0; name && d < e->file->decls.n; d++)
                if (e->file->decls.at[d]->kind == DECL_task && e->file->decls.at[d]->name == name)
                    net_new(e, NET_block, name, name, e->root, list->at[q]->place)->frozen = found = true;
            for (int d = 0; name && d < e->nets.n; d++)
                if (e->nets.at[d]->name == name || e->nets.at[d]->path == name)
                    e->nets.at[d]->frozen = found = true;
            if (name && !found && names_layer(e, name)) {
                PUSH(e->frozen, name);
                found = true;
            }
            if (!found) {
                SAY(e, list->at[q]->place, DIAG_freeze_what, words_of(list->at[q]));
                StrList names = { 0 };
                for (int d = 0; d < e->nets.n; d++)
                    if (!strchr(e->nets.at[d]->path, '.'))
                        PUSH(names, e->nets.at[d]->name);
                suggest(name, &names, "nets and tasks can be frozen:");
            }
        }
    }
}

static Program *begin_program(Elab *e, Str name, bool training, int want)
{
    Program *p = NEW(Program);
    p->name = name;
    p->training = -1;
    e->p = p;
    e->out = &p->body;
    e->updates = NULL;
    e->training = training;
    e->want = want;
    e->producers.n = e->as.n = e->sweeps.n = e->used.n = 0;
    for (int k = 0; k < e->nets.n; k++) {
        Net *net = e->nets.at[k];
        net->applied = 0;
        net->result = NULL;
        net->layers.n = 0;
    }
    return p;
}

static void output(Program *p, Tensor *t)
{
    if (!t)
        return;
    t->external = true;
    PUSH(p->outputs, t);
}

static Tensor *decoded_mean(Elab *e, Tensor *z)
{
    Decl *d = find_decl(e, DECL_reconstruct);
    Tensor *y = z ? decoded(e, z) : model_result(e, intern("decoder"));
    if (!d || !y)
        return y;
    Expr *weight;
    Scope *s = use_reconstruct(e, d, y, &weight);
    return s ? s->mean : NULL;
}

static void keep(Elab *e, Program *p)
{
    PUSH(e->m->programs, p);
}

static void use_programs(Elab *e)
{
    Program *p;
    Tensor *code = NULL;
    if (e->encoder || e->bottleneck) {
        p = begin_program(e, intern("encode"), false, WANT_mean);
        code = model_result(e, e->bottleneck ? intern("z") : intern("encoder"));
        output(p, code);
        keep(e, p);
    }
    if (e->decoder && code) {
        p = begin_program(e, intern("reconstruct"), false, WANT_mean);
        output(p, decoded_mean(e, NULL));
        output(p, model_result(e, intern("z")));        /* in memory as `encode` leaves it, so `decode` goes on from the same bits */
        keep(e, p);
        p = begin_program(e, intern("decode"), false, WANT_mean);
        Tensor *shape = model_result(e, intern("z"));
        if (shape && !diag_errors()) {
            Tensor *z = tensor_new(e->m, format("%s", e->bottleneck ? e->bottleneck->name : intern("z")), ROLE_input, shape->elem);
            z->rank = shape->rank;
            z->of = shape->of;
            memcpy(z->axis, shape->axis, sizeof z->axis);
            PUSH(p->inputs, z);
            e->decoder->applied = 0;
            output(p, decoded_mean(e, z));
            keep(e, p);
        }
        bool prior = false;
        Decl *latent = e->bottleneck && e->bottleneck->decl->op == intern("~") && e->bottleneck->decl->value
                     ? find_definition(e, intern("latent"), e->bottleneck->decl->value->name) : NULL;
        for (int k = 0; latent && k < latent->body.n; k++)
            prior |= latent->body.at[k]->kind == STAT_assign && latent->body.at[k]->role == intern("prior");
        if (prior && !diag_errors()) {
            p = begin_program(e, intern("sample"), false, WANT_mean);
            model_result(e, intern("encoder"));
            e->want = WANT_prior;
            Tensor *z = model_result(e, intern("z"));
            e->want = WANT_mean;
            output(p, z ? decoded_mean(e, z) : NULL);
            output(p, z);
            keep(e, p);
        }
    }
}

static void predict_program(Elab *e)
{
    bool any = false;
    for (int k = 0; k < e->file->decls.n; k++)
        any |= e->file->decls.at[k]->kind == DECL_task && e->file->decls.at[k]->role == intern("downstream");
    if (!any)
        return;
    Program *p = begin_program(e, intern("predict"), false, WANT_mean);
    PredictedList predicted = { 0 };
    e->predicting = true;
    for (int k = 0; k < e->file->decls.n && !diag_errors(); k++)
        if (e->file->decls.at[k]->kind == DECL_task && e->file->decls.at[k]->role == intern("downstream"))
            use_task(e, e->file->decls.at[k], &predicted);
    for (int k = 0; k < predicted.n; k++)
        output(p, predicted.at[k].mean);
    e->predicting = false;
    p->terms.n = 0;
    keep(e, p);
}

/* ---- sweeps ------------------------------------------------------------------------------------------------------- */
static void sweep_programs(Elab *e, Phase *phase, Decl *train, SweepAsked *asked, int n)
{
    for (int k = 0; k < n; k++) {
        Program *p = begin_program(e, format("%s_sweep%d", phase->name, k + 1), false, WANT_mean);
        SweepAsked mine = asked[k];
        e->sweeping = &mine;
        PredictedList predicted = { 0 };
        objective(e, train, &predicted);
        e->sweeping = NULL;
        p->terms.n = 0;
        const Str every = mine.stat->name;
        p->every = every == intern("start") ? 0 : every == intern("epoch") ? 1 : 2;
        PUSH(phase->sweeps, p);
    }
}

/* ---- phases -------------------------------------------------------------------------------------------------------- */
static bool setting_number(Elab *e, Setting *s, double *v)
{
    Ctx c = size_ctx(e->root);
    e->failed = 0;
    return constant(&c, s->value, v);
}

static const char *const phase_settings[] = { "minimize", "freeze", "labels", "optimizer", "schedule", "batch", "accumulate",
                                              "drop_last", "epochs", "early_stop", "clip", "seed" };

static void unknown_setting(Elab *e, Setting *s, const char *of, const char *const *known, int n)
{
    SAY(e, s->place, DIAG_unknown_setting, s->name, of);
    StrList names = { 0 };
    for (int k = 0; k < n; k++)
        PUSH(names, intern(known[k]));
    suggest(s->name, &names, "the settings are");
}

static void phase_settings_of(Elab *e, Phase *p, Decl *d)
{
    *p = (Phase) { .name = d && d->name ? d->name : intern("train"), .batch = 64, .epochs = 10, .accumulate = 1 };
    if (!d)
        return;
    p->place = d->place;
    for (int k = 0; k < d->settings.n; k++) {
        Setting *s = &d->settings.at[k];
        const struct { const char *name; int *to; int least; } whole[] = {
            { "batch", &p->batch, 1 }, { "epochs", &p->epochs, 0 }, { "labels", &p->labels, 1 },
            { "accumulate", &p->accumulate, 1 }, { "early_stop", &p->early_stop, 1 },
        };
        bool known = false;
        for (size_t q = 0; q < sizeof phase_settings / sizeof *phase_settings; q++)
            known |= !strcmp(phase_settings[q], s->name);
        if (!known) {
            unknown_setting(e, s, "train", phase_settings, (int) (sizeof phase_settings / sizeof *phase_settings));
            continue;
        }
        for (int q = 0; q < k; q++)
            if (d->settings.at[q].name == s->name) {
                SAY(e, s->place, DIAG_setting_twice, s->name);
                report_note(d->settings.at[q].place, "it is set here first");
            }
        double v;
        if (s->name == intern("batch") && s->value->kind == SYN_name && s->value->name == intern("all")) {
            p->batch = 0;
            continue;
        }
        for (size_t q = 0; q < sizeof whole / sizeof *whole; q++)
            if (!strcmp(whole[q].name, s->name) && setting_number(e, s, &v)) {
                if (v != floor(v) || v < whole[q].least || v > 1e9)
                    SAY(e, s->value->place, DIAG_setting_range, s->name, whole[q].least, number_text(v));
                else
                    *whole[q].to = (int) v;
            }
        if (s->name == intern("seed") && setting_number(e, s, &v))
            p->seed = (unsigned long) v;
        if (s->name == intern("clip") && setting_number(e, s, &v))
            p->clip = v;
        if (s->name == intern("drop_last") && setting_number(e, s, &v))
            p->drop_last = v != 0;
        if (s->name == intern("minimize")) {
            if (s->value->kind != SYN_list) {
                SAY(e, s->value->place, DIAG_list_wanted, s->name);
                if (s->value->kind == SYN_name)
                    report_help("write `minimize = [%s]`", s->value->name);
                continue;
            }
            for (int q = 0; q < s->value->list.n; q++) {
                Str name = setting_list_name(s->value->list.at[q]);
                bool found = name == intern("reconstruct");
                StrList names = { 0 };
                PUSH(names, intern("reconstruct"));
                for (int f = 0; name && f < e->file->decls.n; f++) {
                    Decl *x = e->file->decls.at[f];
                    found |= x->kind == DECL_task && x->name == name;
                    if (x->kind == DECL_task)
                        PUSH(names, x->name);
                    for (int l = 0; x->kind == DECL_regularize && l < x->lines.n; l++) {
                        found |= x->lines.at[l].as == name;
                        if (x->lines.at[l].as)
                            PUSH(names, x->lines.at[l].as);
                    }
                }
                if (!found) {
                    SAY(e, s->value->list.at[q]->place, DIAG_minimize_what, words_of(s->value->list.at[q]));
                    suggest(name, &names, "this file has");
                }
            }
        }
    }
}

static Setting *setting_of(Decl *d, const char *name)
{
    for (int k = 0; d && k < d->settings.n; k++)
        if (d->settings.at[k].name == intern(name))
            return &d->settings.at[k];
    return NULL;
}

typedef struct { int fresh; int to; } Marks;

static void mark(Expr *x, void *with)
{
    Marks *m = with;
    if (x->kind == EXPR_read && x->tensor->mark != m->to)
        x->tensor->mark = m->to, m->fresh++;
}

static void mark_read(Stmt *s, Marks *m)
{
    for (int k = 0; s->target && k < s->target->rank; k++)
        if (s->sub[k])
            expr_walk(s->sub[k], mark, m);
    for (int k = 0; k < s->nindex; k++)
        if (s->index[k]->limit)
            expr_walk(s->index[k]->limit, mark, m);
    Expr *const one[] = { s->value, s->where, s->draw };
    for (int k = 0; k < 3; k++)
        if (one[k])
            expr_walk(one[k], mark, m);
    if (s->source)
        s->source->mark = m->to;
}

static void unmark(Stmt *s, void *with)
{
    mark_read(s, with);
    if (s->target)
        s->target->mark = 0;
    if (s->wrt)
        s->wrt->mark = 0;
}

static void mark_backwards(StmtList *list, Marks *m)
{
    for (int k = list->n; k-- > 0; ) {
        Stmt *s = list->at[k];
        if (s->kind == STMT_scan)           /* an earlier step may feed a later one */
            for (int before = -1; before != m->fresh; ) {
                before = m->fresh;
                mark_backwards(&s->body, m);
            }
        else if (s->target && s->target->mark)
            mark_read(s, m);
    }
}

/* Marks every tensor that the loss depends on, in whatever way. */
static void mark_needed(Program *p)
{
    Marks none = { 0, 0 }, all = { 0, 1 };
    each_stmt(&p->body, unmark, &none);
    p->loss->mark = 1;
    mark_backwards(&p->body, &all);
}

static void phase_programs(Elab *e, Phase *phase, Decl *train)
{
    freeze_nets(e, train);
    PredictedList predicted = { 0 };
    Program *p = begin_program(e, format("%s_gradient", phase->name), true, WANT_sample);
    p->training = e->m->phases.n;
    e->updates = &p->update;
    e->start = NULL;
    objective(e, train, &predicted);
    freeze_nets(e, train);
    if (diag_errors())
        return;
    if (!p->terms.n) {
        SAY(e, phase->place.source ? phase->place : e->m->inputs.at[0].place, DIAG_nothing_to_minimize, phase->name);
        report_help(e->decoder ? "add `reconstruct %s by mse`, or a task" : "add a decoder and `reconstruct %s by mse`, or a task",
                    e->m->inputs.at[0].name);
        return;
    }
    sum_terms(e);
    mark_needed(p);
    for (int k = 0; k < e->used.n; k++)     /* what the loss does not read keeps still */
        if (e->used.at[k]->mark)
            PUSH(p->trained, e->used.at[k]);
    phase->gradient = p;
    if (!p->trained.n && !p->update.n && phase->place.source) {
        report(phase->place, DIAG_nothing_trained, phase->name);
        report_help("take something out of `freeze`");
    }
    phase->start = e->start;
    SweepAsked asked[16];
    int nasked = 0;
    for (int k = 0; k < e->sweeps.n && k < 16; k++)
        asked[nasked++] = e->sweeps.at[k];
    sweep_programs(e, phase, train, asked, nasked);
    PredictedList again = { 0 };
    p = begin_program(e, format("%s_evaluate", phase->name), false, WANT_sample);
    objective(e, train, &again);
    if (diag_errors())
        return;
    sum_terms(e);
    add_metrics(e, &again);
    phase->evaluate = p;
}

/* ---- optimizers ------------------------------------------------------------------------------------------------------ */
static Tensor *flat_view(Elab *e, Str name, Role role, long offset, long count)
{
    Tensor *t = tensor_new(e->m, name, role, ELEM_real);
    t->rank = 1;
    t->axis[0] = (Axis) { (int) count, NULL, false, intern("i") };
    t->offset = offset;
    return t;
}

static bool reduces(Syn *s)
{
    if (!s)
        return false;
    if (s->kind == SYN_reduce)
        return true;
    for (int k = 0; k < s->list.n; k++)
        if (reduces(s->list.at[k]))
            return true;
    for (int k = 0; k < s->args.n; k++)
        if (reduces(s->args.at[k].value))
            return true;
    return reduces(s->a) || reduces(s->b) || reduces(s->c);
}

/* The optimizer on one stretch of the parameter block, or on one parameter. */
static void optimize(Elab *e, Phase *phase, Decl *def, Syn *use, Expr *rate, Tensor *p, Tensor *g, Str path)
{
    Use *u = NEW(Use);
    *u = (Use) { path, words_of(use), use->place };
    Scope *s = scope_new(e, e->root, def, path, path, u);
    e->failed = 0;
    if (!bind_arguments(s, &use->args, use->place))
        return;
    Name *lr = name_find(s, intern("lr"), NAME_number);
    if (lr && rate)
        lr->value = expr_op(OP_mul, lr->value, rate, NULL);
    s->ndots = p->rank;
    s->has_dots = true;
    for (int k = 0; k < p->rank; k++)
        s->dots[k] = p->axis[k];
    for (int k = 0; k < def->body.n; k++) {
        Stat *st = def->body.at[k];
        for (int q = 0; q < st->entries.n; q++) {
            Entry *entry = &st->entries.at[q];
            Tensor *t = st->kind == STAT_param ? p : st->kind == STAT_grad ? g : NULL;
            if (!t && st->kind == STAT_state) {
                t = tensor_new(e->m, format("%s.%s", path, entry->name), ROLE_state, ELEM_real);
                t->rank = p->rank;
                memcpy(t->axis, p->axis, sizeof t->axis);
                t->of_param = p;
                PUSH(phase->states, t);
            }
            if (!t)
                continue;
            Name *n = name_add(s, NAME_tensor, entry->name, entry->place);
            n->tensor = t;
            n->shape = entry->shape;
            n->defined = true;
        }
        if (st->entries.n == 0)
            elaborate_stat(s, st);
    }
}

static void optimizer_of(Elab *e, Phase *phase, Decl *train)
{
    static const char text[] = "adam";
    Setting *o = setting_of(train, "optimizer"), *schedule = setting_of(train, "schedule");
    Syn fallback = { .kind = SYN_call, .name = intern(text), .place = phase->place };
    Syn *use = o ? o->value : &fallback, called;
    if (use->kind == SYN_name) {
        called = *use;
        called.kind = SYN_call;
        use = &called;
    }
    Decl *def = use->kind == SYN_call ? find_definition(e, intern("optimizer"), use->name) : NULL;
    if (!def) {
        SAY(e, use->place, DIAG_unknown_definition, "optimizer", use->name ? use->name : words_of(use));
        suggest_definition(e, intern("optimizer"), use->name);
        return;
    }
    Program *p = phase->gradient;
    e->p = p;
    e->training = true;
    freeze_nets(e, NULL);
    Expr *rate = NULL;
    if (schedule) {
        Syn call = *schedule->value;
        if (call.kind == SYN_name && find_function(e->root, call.name))
            call.kind = SYN_call;
        Ctx c = size_ctx(e->root);
        e->failed = 0;
        rate = lower(&c, &call, NULL);
    }
    StmtList states = p->update, first = { 0 };
    e->updates = &first;
    bool whole = false;
    for (int k = 0; k < def->body.n; k++)
        whole |= reduces(def->body.at[k]->value);
    for (int k = 0; k < p->trained.n; ) {
        Tensor *t = p->trained.at[k];
        long count = tensor_count(t);
        int last = k;
        while (!whole && last + 1 < p->trained.n && p->trained.at[last + 1]->offset == t->offset + count)
            count += tensor_count(p->trained.at[++last]);
        const Str path = last + 1 - k == p->trained.n ? format("%s.%s", phase->name, def->name)
                       : format("%s.%s.%s", phase->name, def->name, t->name);
        if (whole) {
            Tensor *g = tensor_new(e->m, format("d%s", t->name), ROLE_grad, ELEM_real);
            g->rank = t->rank, g->offset = t->offset, g->of_param = t;
            memcpy(g->axis, t->axis, sizeof g->axis);
            optimize(e, phase, def, use, rate, t, g, path);
        } else
            optimize(e, phase, def, use, rate, flat_view(e, intern("p"), ROLE_param, t->offset, count),
                     flat_view(e, intern("g"), ROLE_grad, t->offset, count), path);
        k = last + 1;
    }
    for (int k = 0; k < states.n; k++)
        PUSH(first, states.at[k]);
    p->update = first;
    e->updates = NULL;
}

/* ---- inputs, data --------------------------------------------------------------------------------------------------------- */
static Tensor *input_tensor(Elab *e, Decl *d, Elem elem, int of)
{
    Tensor *t = tensor_new(e->m, d->name, ROLE_input, elem);
    t->axis[t->rank++] = example_axis(e, 1);
    t->of = of;
    t->place = d->place;
    return t;
}

static void declare_input(Elab *e, Decl *d, bool label)
{
    static const struct { const char *kind; bool label; int least, most; int classes_at; bool whole; } kinds[] = {
        { "vector", 0, 1, 1, -1, 0 }, { "image", 0, 3, 3, -1, 0 }, { "sequence", 0, 2, 2, -1, 0 }, { "tokens", 0, 2, 2, 1, 1 },
        { "class", 1, 1, 1, 0, 1 }, { "labels", 1, 1, 1, -1, 0 }, { "real", 1, 1, 1, -1, 0 },
        { "classmap", 1, 3, 3, 0, 1 }, { "boxes", 1, 2, 2, -1, 0 }, { "tokens", 1, 2, 2, 1, 1 },
    };
    Syn *v = d->value;
    const int nkinds = (int) (sizeof kinds / sizeof *kinds);
    int kind = -1;
    StrList names = { 0 };
    for (int k = 0; k < nkinds; k++)
        if (kinds[k].label == label) {
            PUSH(names, intern(kinds[k].kind));
            if (v->kind == SYN_call && v->name == intern(kinds[k].kind))
                kind = k;
        }
    if (kind < 0) {
        SAY(e, v->place, DIAG_unknown_kind, label ? "label" : "input", v->name ? v->name : words_of(v));
        suggest(v->name, &names, label ? "the kinds of labels are" : "the kinds of inputs are");
        return;
    }
    if (v->args.n < kinds[kind].least || v->args.n > kinds[kind].most) {
        SAY(e, v->place, DIAG_argument_count, v->name, kinds[kind].least, v->args.n);
        report_help("`aec doc %s` tells what they are", v->name);
        return;
    }
    int size[4] = { 0 }, upto = -1;
    for (int k = 0; k < v->args.n; k++) {
        Syn *a = v->args.at[k].value;
        if (a->kind == SYN_pair && !a->a) {
            upto = k;
            a = a->b;
        }
        Ctx c = size_ctx(e->root);
        e->failed = 0;
        size[k] = size_of(&c, a);
        if (size[k] < 1) {
            SAY(e, a->place, DIAG_empty_axis, d->name, words_of(v));
            return;
        }
    }
    const int at = kinds[kind].classes_at;
    Input in = { .name = d->name, .kind = v->name, .label = label, .place = d->place, .classes = at >= 0 ? size[at] : 0 };
    Tensor *t = input_tensor(e, d, kinds[kind].whole ? ELEM_int : ELEM_real, in.classes);
    if (upto == 0) {
        in.length = tensor_new(e->m, format("length_%s", d->name), ROLE_length, ELEM_int);
        in.length->rank = 1;
        in.length->axis[0] = example_axis(e, 1);
    }
    for (int k = 0; k < v->args.n; k++)
        if (k != at)
            t->axis[t->rank++] = (Axis) { size[k], upto == k ? in.length : NULL, false, NULL };
    in.tensor = t;
    if (label) {
        in.has = tensor_new(e->m, format("has_%s", d->name), ROLE_input, ELEM_int);
        in.has->rank = 1;
        in.has->axis[0] = example_axis(e, 1);
        in.has->of = 2;
    }
    PUSH(e->m->inputs, in);
}

static void declare_data(Elab *e, Decl *d)
{
    static const char *const known[] = { "train", "test", "validation", "scale", "scale_label", "only", "test_only", "rows" };
    static const char *const sources[] = { "digits", "idx", "csv", "npy", "npz", "png", "cifar", "text", "pairs", "blobs", "moons",
                                           "swiss_roll", "sines", "shapes" };
    for (int k = 0; k < d->settings.n; k++) {
        Setting *s = &d->settings.at[k];
        bool found = false;
        for (size_t q = 0; q < sizeof known / sizeof *known; q++)
            found |= !strcmp(known[q], s->name);
        if (!found) {
            unknown_setting(e, s, "data", known, (int) (sizeof known / sizeof *known));
            continue;
        }
        if ((s->name != intern("train") && s->name != intern("test")) || s->value->kind != SYN_call) {
            if (s->name == intern("train")) {
                SAY(e, s->value->place, DIAG_unknown_source, words_of(s->value));
                report_help("a source is written as a call, such as `digits()` or `csv(\"file.csv\")`");
            } else
                PUSH(e->m->data_settings, *s);
            continue;
        }
        StrList names = { 0 };
        found = false;
        for (size_t q = 0; q < sizeof sources / sizeof *sources; q++) {
            PUSH(names, intern(sources[q]));
            found |= !strcmp(sources[q], s->value->name);
        }
        if (!found) {
            SAY(e, s->value->place, DIAG_unknown_source, s->value->name);
            suggest(s->value->name, &names, "the sources are");
            continue;
        }
        DataSource source = { .split = s->name, .kind = s->value->name, .place = s->place };
        for (int q = 0; q < s->value->args.n; q++) {
            Arg *a = &s->value->args.at[q];
            if (!a->name && a->value->kind == SYN_string)
                PUSH(source.files, a->value->name);
            else if (a->name)
                PUSH(source.args, ((Setting) { a->name, a->value, a->place }));
            else {
                SAY(e, a->place, DIAG_source_argument, source.kind);
                if (a->value->kind == SYN_name)
                    report_help("write `\"%s\"` in quotes", a->value->name);
            }
        }
        PUSH(e->m->data, source);
    }
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------- */
static Tensor *clock_new(Elab *e, const char *name, Elem elem)
{
    Tensor *t = tensor_new(e->m, intern(name), ROLE_clock, elem);
    t->cname = format("ae_clock.%s", name);
    return t;
}

static void collect(Elab *e, File *f)
{
    for (int k = 0; k < f->decls.n; k++) {
        if (f->decls.at[k]->kind == DECL_define)
            PUSH(e->library, f->decls.at[k]);
        if (f->decls.at[k]->kind == DECL_function)
            PUSH(e->functions, f->decls.at[k]->function);
    }
}

static Net *declare_net(Elab *e, Decl *d, NetKind kind, Str name)
{
    Net *net = net_new(e, kind, name, name, e->root, d->place);
    net->decl = d;
    net->block = d->block;
    name_add(e->root, NAME_net, name, d->place)->net = net;
    return net;
}

static void declare_names(Elab *e, Setting *defines, int ndefines)
{
    for (int k = 0; k < e->file->decls.n; k++) {
        Decl *d = e->file->decls.at[k];
        Ctx c = size_ctx(e->root);
        e->failed = 0;
        switch (d->kind) {
        case DECL_model:
            e->m->name = d->name;
            break;
        case DECL_set: {
            Syn *v = d->value;
            for (int q = 0; q < ndefines; q++)
                if (defines[q].name == d->name)
                    v = defines[q].value;
            if (v->kind == SYN_pair) {
                Name *n = name_add(e->root, NAME_pair, d->name, d->place);
                n->value = lower(&c, v->a, NULL);
                n->hi = lower(&c, v->b, NULL);
            } else {
                Expr *value = lower(&c, v, NULL);
                name_add(e->root, NAME_number, d->name, d->place)->value = value;
            }
            break;
        }
        case DECL_encoder:
            e->encoder = declare_net(e, d, NET_encoder, intern("encoder"));
            break;
        case DECL_decoder:
            e->decoder = declare_net(e, d, NET_decoder, intern("decoder"));
            break;
        case DECL_bottleneck:
            e->bottleneck = declare_net(e, d, NET_bottleneck, d->name);
            break;
        case DECL_augment:
            declare_net(e, d, NET_views, d->name);
            break;
        case DECL_net: {
            Net *net = declare_net(e, d, d->value ? NET_copy : NET_block, d->name);
            if (d->value && d->value->kind == SYN_call && d->value->args.n == 1) {
                Name *of = name_find(e->root, d->value->args.at[0].value->name, NAME_net);
                net->source = of ? of->net : NULL;
                if (!of) {
                    SAY(e, d->value->place, DIAG_copy_of_what);
                    StrList names = { 0 };
                    for (int q = 0; q < e->root->names.n; q++)
                        if (e->root->names.at[q]->kind == NAME_net)
                            PUSH(names, e->root->names.at[q]->name);
                    suggest(d->value->args.at[0].value->name, &names, "the nets above are");
                }
            }
            break;
        }
        default:
            break;
        }
    }
}

static void collect_library(Elab *e, File *f)
{
    collect(e, f);
    for (int k = 0; k < f->decls.n; k++)
        if (f->decls.at[k]->kind == DECL_augment)
            declare_net(e, f->decls.at[k], NET_views, f->decls.at[k]->name);
}

static int largest_batch(Elab *e)
{
    int most = 0;
    for (int k = 0; k < e->file->decls.n; k++) {
        Decl *d = e->file->decls.at[k];
        if (d->kind != DECL_train)
            continue;
        Phase p;
        const int errors = diag_errors();
        phase_settings_of(e, &p, d);
        if (diag_errors() > errors)
            return 64;
        const int batch = p.batch ? p.batch : 256;
        most = batch > most ? batch : most;
    }
    return most ? most : 64;
}

static void place_parameters(Elab *e)
{
    long offset = 0;
    for (int k = 0; k < e->m->params.n; k++) {
        e->m->params.at[k]->offset = offset;
        offset += tensor_count(e->m->params.at[k]);
    }
    e->m->nparams = offset;
}

static int by_offset(const void *a, const void *b)
{
    const Tensor *x = *(Tensor *const *) a, *y = *(Tensor *const *) b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static void make_phases(Elab *e)
{
    VEC(Decl *) trains = { 0 };
    for (int k = 0; k < e->file->decls.n; k++)
        if (e->file->decls.at[k]->kind == DECL_train)
            PUSH(trains, e->file->decls.at[k]);
    if (!trains.n)
        PUSH(trains, NULL);
    for (int k = 0; k < trains.n && !diag_errors(); k++) {
        Phase *phase = NEW(Phase);
        const int errors = diag_errors();
        phase_settings_of(e, phase, trains.at[k]);
        if (diag_errors() == errors)
            phase_programs(e, phase, trains.at[k]);
        PUSH(e->m->phases, phase);
    }
    if (diag_errors())
        return;
    place_parameters(e);
    for (int k = 0; k < e->m->phases.n; k++) {
        Phase *phase = e->m->phases.at[k];
        if (phase->gradient->trained.n)
            qsort(phase->gradient->trained.at, (size_t) phase->gradient->trained.n, sizeof(Tensor *), by_offset);
        optimizer_of(e, phase, trains.at[k]);
    }
}

static void report_no_input(File *file)
{
    const Place top = { .source = file->source, .line = 1, .col = 1, .end_line = 1, .end_col = 1 };
    if (file->decls.n) {
        report(file->decls.at[0]->place, DIAG_no_input);
        report_help("add `input x : image(1, 28, 28)`, `vector(30)`, `sequence(50, 3)` or `tokens(20, 1000)`");
    } else {
        report(top, DIAG_nothing_declared);
        report_help("`aec new NAME` writes a file to start from");
    }
}

static void see_noise(Expr *x, void *with)
{
    if (x->kind == EXPR_draw || x->kind == EXPR_reduce)
        *(bool *) with |= x->kind == EXPR_draw || x->reduce >= REDUCE_argmax;
}

static void see_noisy(Stmt *s, void *with)
{
    if (s->value)
        expr_walk(s->value, see_noise, with);
}

/* A code as large as the input, and nothing that keeps it from being a copy: no noise, no term, no choice of units. */
static void warn_overcomplete(Elab *e)
{
    Program *encode = e->m->programs.n ? e->m->programs.at[0] : NULL;
    if (!e->bottleneck || e->bottleneck->decl->op == intern("~") || !encode || !encode->outputs.n || !e->m->phases.n)
        return;
    Program *p = e->m->phases.at[0]->gradient;
    bool noisy = p->terms.n != 1 || p->terms.at[0].name != intern("reconstruct");
    each_stmt(&p->body, see_noisy, &noisy);
    const long code = tensor_count(encode->outputs.at[0]), input = tensor_count(e->m->inputs.at[0].tensor);
    if (noisy || code < input)
        return;
    report(e->bottleneck->decl->place, DIAG_overcomplete, code / e->m->batch_max, e->m->inputs.at[0].name, input / e->m->batch_max);
    report_help("make it smaller, add noise (`corrupt %s { gaussian(0.3) }`) or a term (`regularize { l1(%s) * 1e-3 }`)",
                e->m->inputs.at[0].name, e->bottleneck->name);
}

/* `bernoulli` and `bce` speak of values in 0..1; pixels are not, unless they are scaled. */
static void warn_unscaled(Elab *e)
{
    static const struct { const char *source, *range; } pixels[] = {
        { "digits", "0..16" }, { "idx", "0..255" }, { "png", "0..255" }, { "cifar", "0..255" },
    };
    Decl *d = find_decl(e, DECL_reconstruct);
    Str like = d && d->value ? d->value->name : NULL;
    if (!like || (like != intern("bernoulli") && like != intern("bce")) || setting_of(find_decl(e, DECL_data), "scale"))
        return;
    for (int k = 0; k < e->m->data.n; k++)
        for (size_t q = 0; q < sizeof pixels / sizeof *pixels; q++)
            if (e->m->data.at[k].kind == intern(pixels[q].source)) {
                report(d->value->place, DIAG_unscaled, like, pixels[q].source, pixels[q].range);
                report_help("add `scale = 0..1` to `data`");
                return;
            }
}

Module *elaborate(File *file, const Source *const *use, int nuse, Setting *defines, int ndefines)
{
    Elab *e = NEW(Elab);
    e->m = NEW(Module);
    e->file = file;
    e->m->source = file->source;
    e->m->name = intern("model");
    e->root = NEW(Scope);
    *e->root = (Scope) { .e = e, .path = intern(""), .draws = intern(""), .training = true, .trains = true, .mult = 1 };
    e->bare = NEW(Scope);
    *e->bare = *e->root;
    collect(e, file);
    for (int k = 0; k < nuse; k++)
        collect_library(e, parse(use[k], true));
    if (diag_errors())
        return NULL;
    e->clock_batch = clock_new(e, "batch", ELEM_int);
    e->clock_step = clock_new(e, "step", ELEM_int);
    e->clock_epoch = clock_new(e, "epoch", ELEM_real);
    e->clock_epochs = clock_new(e, "epochs", ELEM_int);
    e->clock_examples = clock_new(e, "examples", ELEM_int);
    static const struct { DeclKind kind; const char *what; } single[] = {
        { DECL_model, "model" }, { DECL_encoder, "encoder" }, { DECL_decoder, "decoder" }, { DECL_bottleneck, "bottleneck" },
        { DECL_data, "data" }, { DECL_evaluate, "evaluate" },
    };
    for (size_t k = 0; k < sizeof single / sizeof *single; k++)
        only_one(e, single[k].kind, single[k].what);
    only_once(e);
    declare_names(e, defines, ndefines);
    const bool sound = !diag_errors();
    if (sound)
        e->m->batch_max = largest_batch(e);
    for (int k = 0; k < file->decls.n && sound; k++) {
        Decl *d = file->decls.at[k];
        if (d->kind == DECL_input || d->kind == DECL_label)
            declare_input(e, d, d->kind == DECL_label);
        if (d->kind == DECL_data)
            declare_data(e, d);
        if (d->kind == DECL_evaluate)
            for (int q = 0; q < d->block->n; q++) {
                Call *call = d->block->at[q];
                if (trainers_own(call->name))
                    PUSH(e->m->metrics, call);
                else if (!find_definition(e, intern("loss"), call->name))
                    report(call->place, DIAG_unknown_definition, "metric", call->name);
            }
    }
    if (!diag_errors() && !e->m->inputs.n)
        report_no_input(file);
    if (sound && e->m->inputs.n)
        check_layers(e);
    if (diag_errors())
        return NULL;
    e->init = NEW(Program);
    e->init->name = intern("init");
    e->init->training = -1;
    make_phases(e);
    if (!diag_errors())
        use_programs(e);
    if (!diag_errors())
        predict_program(e);
    if (diag_errors())
        return NULL;
    if (!find_decl(e, DECL_data)) {
        report(e->m->inputs.at[0].place, DIAG_no_data);
        report_help("add `data { train = digits() }`, or another source: `aec doc` lists them");
    }
    warn_overcomplete(e);
    warn_unscaled(e);
    place_parameters(e);
    PUSH(e->m->programs, e->init);
    return e->m;
}
