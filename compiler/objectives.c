/* objectives.c -- everything that a phase minimizes, from the declarations: reconstruction, tasks, regularizers, metrics. */
#include "elab.h"

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

Tensor *decoded(Elab *e, Tensor *z)
{
    return z ? apply_net(e, e->decoder, z, NULL, e->decoder->place) : NULL;
}

/* `reconstruct`: on the decoder's result y, or NULL for that of x. */
Scope *use_reconstruct(Elab *e, Decl *d, Tensor *y, Expr **weight)
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

void use_task(Elab *e, Decl *use, PredictedList *predicted)
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
bool trainers_own(Str name)
{
    static const char *const own[] = { "mse", "psnr", "r2", "knn", "linear_probe", "active_units", "pca", "nll" };
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

/* f(z, y): a loss of the library on values that are named. */
static void add_named_metric(Elab *e, Call *call)
{
    Syn s = { .kind = SYN_call, .name = call->name, .args = call->args, .place = call->place };
    Scope *root = plain_scope(e, intern("evaluate"), intern("evaluate"), call->place);
    Value v = value_of(e, root, &s);
    if (v.t)
        add_term(e, words_of(&s), intern(mult_of(e, v.t) ? "mean over examples" : "of the batch"), v.t, NULL, NULL, true, call->place);
    else if (!v.bad)
        SAY(e, call->place, DIAG_not_a_value, words_of(&s));
}

static bool names_values(Call *call)
{
    return call->args.n > 0 && !call->args.at[0].name && call->args.at[0].value->kind != SYN_num;
}

/* accuracy(digit): of this task alone. */
static bool names_task(Elab *e, Call *call, Str *task)
{
    *task = call->args.n == 1 && !call->args.at[0].name && call->args.at[0].value->kind == SYN_name
          ? call->args.at[0].value->name : NULL;
    for (int k = 0; *task && k < e->file->decls.n; k++)
        if (e->file->decls.at[k]->kind == DECL_task && e->file->decls.at[k]->name == *task)
            return true;
    return false;
}

/* The metrics of `evaluate` that the library defines, one for each task that they fit; accuracy if nothing is asked. */
void add_metrics(Elab *e, PredictedList *predicted)
{
    Decl *asked = find_decl(e, DECL_evaluate);
    for (int k = 0; k < predicted->n; k++) {
        if (!asked && predicted->at[k].target && predicted->at[k].target->elem == ELEM_int)
            add_metric(e, &predicted->at[k], intern("accuracy"), NULL);
    }
    for (int q = 0; asked && q < asked->block->n; q++) {
        Call *call = asked->block->at[q];
        Str task;
        if (trainers_own(call->name))
            continue;
        const bool one = names_task(e, call, &task);
        if (!one && names_values(call)) {
            add_named_metric(e, call);
            continue;
        }
        for (int k = 0; k < predicted->n; k++)
            if (!one || predicted->at[k].name == task)
                add_metric(e, &predicted->at[k], call->name, one ? NULL : &call->args);
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
void objective(Elab *e, Decl *train, PredictedList *predicted)
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
            if (intern(unit) == intern("nats per example") && v.t->rank == 2 && mult_of(e, v.t) == 1 && e->p->training < 0 && e->p->terms.n) {
                e->p->terms.at[e->p->terms.n - 1].units = v.t;
                v.t->external = true;
            }
        }
    }
}
