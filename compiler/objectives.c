/* objectives.c -- everything that a phase minimizes, from the declarations:
   reconstruction, tasks, regularizers. */
#include "elab.h"

/* ---- a target and what predicts it ---------------------------------------------------------- */
/* A result takes the target's shape where it has as many elements. */
static Tensor *fitted(Elab *e, Tensor *y, Tensor *target, Place place)
{
    const int mult = mult_of(e, y) > 0 ? mult_of(e, y) : 1;
    if (same_sizes(y, target) || y->rank < 1 || target->rank < 1 || !y->axis[0].example
        || tensor_count(y) != tensor_count(target) * mult)
        return y;
    Axis axis[MAX_RANK];
    memcpy(axis, target->axis, sizeof axis);
    axis[0] = example_axis(e, mult);
    Scope *s = plain_scope(e, intern("decoder.shape"),
                           intern("takes the shape of what it reconstructs"), place);
    return reshaped(s, y, axis, target->rank, intern("y"), place);
}

static const char *role_of(Str op)
{
    return op == intern("by") ? "loss" : "likelihood";
}

/* target ~ likelihood(in) or target by loss(in); `given`: its one input, else they
   are among the arguments. */
static Scope *use_target(Scope *task, Str op, Syn *value, Tensor *given, Tensor *target, Str path)
{
    Elab *e = task->e;
    const bool by = op == intern("by");
    Decl *def = find_definition(e, role_of(op), value->name);
    if (!def) {
        say(e, value->place, DIAG_unknown_definition, role_of(op), value->name ? value->name : "");
        suggest_definition(e, role_of(op), value->name);
        return NULL;
    }
    ArgList rest = { 0 };
    ParamsList params = { 0 };
    Wanted w = { .around = task, .role = def->role, .name = def->name, .args = &rest };
    if (given)
        PUSH(w.in, given);
    if (!take_values(task, value, given ? 0 : MAX_RANK, &w.in, &rest, &params))
        return NULL;
    if (w.in.n == 1)
        w.in.at[0] = fitted(e, w.in.at[0], target, value->place);
    PUSH(w.in, target);
    Scope *s = instantiate(&w, use_new(path, words_of(value), value->place));
    if (!s)
        return NULL;
    if (by && !s->mean)
        s->mean = w.in.at[0];
    if (!s->result)
        s->result = s->nll;
    PUSH(e->producers, ((Producer) { s->result, s }));
    return s;
}

/* `reconstruct`: on the decoder's result y, or NULL for that of x. */
Scope *use_reconstruct(Elab *e, Decl *d, Tensor *y, Expr **weight)
{
    if (!e->decoder) {
        say(e, d->place, DIAG_block_missing, "reconstruct", "decoder");
        report_help("add `decoder { ... }`, or `decoder mirror`, which takes the encoder's layers "
                    "in reverse");
        return NULL;
    }
    if (!y)
        y = model_result(e, intern("decoder"));
    if (!y)
        return NULL;
    Tensor *x = model_input(e, d->name);
    if (!x) {
        say(e, d->name_place, DIAG_unknown_name, d->name);
        report_help("the input is called `%s`", e->m->inputs.at[0].name);
        return NULL;
    }
    *weight = expr_num(1);
    Syn core = *peel(e->root, d->value, weight);
    if (core.kind == SYN_name)
        core.kind = SYN_call;
    const int errors = diag_errors();
    Scope *made = use_target(e->root, d->op, &core, y, x, intern("reconstruct"));
    Decl *like = find_definition(e, role_of(d->op), core.name);
    if (!made && diag_errors() == errors + 1 && like && takes_alike(like))
        suggest_fit(e, e->decoder, x);
    return made;
}

/* ---- tasks ---------------------------------------------------------------------------------- */
typedef struct {
    Scope *s;
    Decl *use;
    Expr *weight;
    PredictedList *predicted;
    int parts;              /* terms that have the task's own name */
} Task;

static Str part_name(Task *t)
{
    return t->parts++ ? format("%s.%d", t->use->name, t->parts) : t->use->name;
}

static void task_let(Task *t, Stat *st)
{
    Value *v = value_of(t->s, st->value);
    for (int q = 0; v && q < st->names.n; q++) {
        Tensor *made = st->names.n == 1 ? v->t
            : v->scope && q < v->scope->outs.n ? v->scope->outs.at[q] : NULL;
        if (made)
            name_add(t->s, NAME_tensor, st->names.at[q], st->place)->tensor = made;
        else if (v->num)
            name_add(t->s, NAME_number, st->names.at[q], st->place)->value = v->num;
        else {
            say(t->s->e, st->place, DIAG_let_count, st->names.n, v->scope ? v->scope->outs.n : 1);
            if (v->scope && v->scope->def)
                report_note(v->scope->def->place, "`%s` is defined here", v->scope->def->name);
            return;
        }
    }
}

static void task_predict(Task *t, Stat *st)
{
    Elab *e = t->s->e;
    Value *target = tensor_value(t->s, st->left);
    if (!target)
        return;
    Expr *weight = t->weight;
    Syn *core = peel(t->s, st->value, &weight);
    Scope *made = use_target(t->s, st->op, core, NULL, target->t,
                             format("%s.predict", t->s->path));
    if (!made || !made->result)
        return;
    Tensor *has = st->left->kind == SYN_name ? has_label(e, st->left->name) : NULL;
    add_term(e, part_name(t), st->op == intern("~") ? "nats per example" : "mean over examples",
             made->result, weight, has, false, st->place);
    PUSH(*t->predicted, ((Predicted) { t->use->name, made, target->t, has, st->place }));
}

static void task_minimize(Task *t, Stat *st)
{
    Elab *e = t->s->e;
    Expr *weight = t->weight;
    Value *v = tensor_value(t->s, peel(t->s, st->value, &weight));
    if (v)
        add_term(e, st->as ? st->as : part_name(t),
                 mult_of(e, v->t) ? "mean over examples" : "of the batch", v->t, weight, NULL,
                 false, st->place);
}

void use_task(Elab *e, Decl *use, PredictedList *predicted)
{
    Using here = { use_new(use->name, format("%s %s", use->role, use->name), use->place),
                   e->using };
    Decl *body = use->braced ? use : find_definition(e, use->role, use->name);
    if (!body) {
        say(e, use->name_place, DIAG_unknown_definition, use->role, use->name);
        suggest_definition(e, use->role, use->name);
        return;
    }
    Scope *s = scope_new(e, e->root, body, use->name, here.use);
    /* So that `freeze` finds it. */
    Net *net = net_new(e, NET_block, use->name, use->name, e->root, use->place);
    Task t = { .s = s, .use = use, .weight = expr_num(1), .predicted = predicted };
    ArgList rest = { 0 };
    s->up = e->root;
    s->training = !net->frozen;
    e->failed = 0;
    EACH(a, use->args) {
        Ctx c = size_ctx(e->root);
        if (a.name == intern("weight"))
            t.weight = lower(&c, a.value, NULL);
        else
            PUSH(rest, a);
    }
    if (!use->braced && !bind_arguments(s, &rest, use->place))
        return;
    e->using = &here;
    const int errors = diag_errors();
    EACH(st, body->body) {
        if (diag_errors() > errors)
            break;
        e->failed = 0;
        if (st->kind == STAT_let)
            task_let(&t, st);
        else if (st->kind == STAT_predict)
            task_predict(&t, st);
        else if (st->kind == STAT_minimize)
            task_minimize(&t, st);
        else
            elaborate_stat(s, st);
    }
    e->using = here.up;
    if (!FIND(st, body->body, st->kind != STAT_let && st->kind != STAT_net))
        report(use->place, DIAG_idle_task, use->name);
}

/* ---- all of it ------------------------------------------------------------------------------ */
static bool is_minimized(Decl *train, Str name)
{
    Setting *m = setting_of(train, "minimize");
    return !m || m->value->kind != SYN_list
        || FIND(what, m->value->list, what->kind == SYN_name && what->name == name);
}

/* Whether all that a regularizer reads has been computed in this program already. */
static bool is_computed(Elab *e, Syn *s)
{
    if (!s)
        return true;
    if (s->kind == SYN_name && names_params(s->name))
        return params_value(s->name, &e->used);
    if (s->kind == SYN_name) {
        Name *net = name_find(e->root, s->name, NAME_net);
        return net ? net->net->applied > 0 : named(&e->as, s->name) || !names_layer(e, s->name);
    }
    return !FIND_AT(a, s->args, !is_computed(e, a->value))
        && is_computed(e, s->a) && is_computed(e, s->b) && is_computed(e, s->c);
}

static void regularize(Elab *e, Scope *s, Line *line)
{
    Expr *weight = expr_num(1);
    Syn *core = peel(s, line->value, &weight);
    Value *v = tensor_value(s, core);
    if (!v)
        return;
    const bool latent = v->scope && v->scope->def && v->scope->def->role == intern("latent");
    const char *unit = !mult_of(e, v->t) ? "of the batch"
        : latent ? "nats per example" : "per example";
    const Str name = line->as ? line->as : words_of(core);
    add_term(e, name, unit, v->t, weight, NULL, false, line->place);
    Term *term = &e->p->terms.at[e->p->terms.n - 1];
    term->said = words_of(core);
    if (latent && v->t->rank == 2 && mult_of(e, v->t) == 1 && e->p->training < 0) {
        term->units = v->t;
        v->t->external = true;
    }
}

/* Everything that a phase minimizes, as terms of the current program. */
void objective(Elab *e, Decl *train, PredictedList *predicted)
{
    Decl *reconstruct = find_decl(e, DECL_reconstruct);
    if (reconstruct && is_minimized(train, intern("reconstruct"))) {
        Expr *weight;
        Scope *s = use_reconstruct(e, reconstruct, NULL, &weight);
        if (s && s->result)
            add_term(e, intern("reconstruct"),
                     reconstruct->op == intern("~") ? "nats per example" : "mean over elements",
                     s->result, weight, NULL, false, reconstruct->place);
        if (diag_errors())
            return;
        PUSH(*predicted, ((Predicted) {
            intern("reconstruct"), s, model_input(e, reconstruct->name), NULL, reconstruct->place,
        }));
    }
    EACH(d, e->file->decls) {
        if (d->kind == DECL_task && is_minimized(train, d->name))
            use_task(e, d, predicted);
        if (diag_errors())
            return;
    }
    Scope *s = plain_scope(e, intern("regularize"), intern("regularize"), (Place) { 0 });
    const bool restricted = setting_of(train, "minimize");
    EACH(d, e->file->decls)
        EACH_AT(line, d->lines)
            if (line->as ? is_minimized(train, line->as)
                         : !restricted || is_computed(e, line->value))
                regularize(e, s, line);
}
