/* metrics.c -- what `evaluate` asks for: losses of the library, on what the tasks predict or on named values.
 * Metrics over a whole split are the trainer's own. */
#include "elab.h"

bool trainers_own(Str name)
{
    static const char *const own[] = { "mse", "psnr", "r2", "knn", "linear_probe", "active_units", "pca", "nll",
                                       "auc", "map", "iou", "bits" };
    for (size_t k = 0; k < sizeof own / sizeof *own; k++)
        if (!strcmp(own[k], name))
            return true;
    return false;
}

/* What a mean over truths is: a share. */
static bool is_share(const Decl *loss)
{
    static const char *const truths[] = { "==", "!=", "<", "<=", ">", ">=", "any", "all" };
    Syn *v = NULL;
    EACH(st, loss->body)
        if (st->kind == STAT_assign && st->left->name == intern("value"))
            v = st->value;
    while (v && (v->kind == SYN_paren || (v->kind == SYN_reduce && v->name == intern("mean"))))
        v = v->kind == SYN_paren ? v->a : v->b;
    for (size_t k = 0; v && k < sizeof truths / sizeof *truths; k++)
        if ((v->kind == SYN_binary && v->op == intern(truths[k])) || (v->kind == SYN_reduce && v->name == intern(truths[k])))
            return true;
    return false;
}

/* A loss between what is predicted and its target, where it fits. */
static void add_metric(Elab *e, Predicted *p, Str name, const ArgList *args)
{
    Wanted w = { .around = e->root, .role = intern("loss"), .name = name, .args = args };
    PUSH(w.in, p->by->mean);
    PUSH(w.in, p->target);
    if (!p->by->mean || !p->target || !definition_fits(&w))
        return;
    const Str path = format("%s.%s", p->name, name);
    Scope *s = instantiate(&w, use_new(path, name, p->place));
    if (s && s->result)
        add_term(e, path, is_share(s->def) ? "share of examples" : "mean over examples", s->result, NULL, p->has, true, p->place);
}

/* f(z, y): a loss of the library on values that are named. */
static void add_named_metric(Elab *e, Call *call)
{
    Syn s = { .kind = SYN_call, .name = call->name, .args = call->args, .place = call->place };
    Value *v = tensor_value(plain_scope(e, intern("evaluate"), intern("evaluate"), call->place), &s);
    if (v)
        add_term(e, words_of(&s), mult_of(e, v->t) ? "mean over examples" : "of the batch", v->t, NULL, NULL, true, call->place);
}

/* accuracy(digit): of this task alone. */
static Str task_named(Elab *e, Call *call)
{
    Syn *only = call->args.n == 1 && !call->args.at[0].name ? call->args.at[0].value : NULL;
    EACH(d, e->file->decls)
        if (d->kind == DECL_task && only && only->kind == SYN_name && only->name == d->name)
            return d->name;
    return NULL;
}

/* One for each task that it fits; where nothing is asked, those that the likelihoods name. */
void add_metrics(Elab *e, PredictedList *predicted)
{
    Decl *asked = find_decl(e, DECL_evaluate);
    if (!asked)
        EACH_AT(p, *predicted) {
            Stat *own = find_stat(p->by->def, STAT_metric);
            if (own)
                add_metric(e, p, own->call->name, &own->call->args);
        }
    for (int q = 0; asked && q < asked->block->n; q++) {
        Call *call = asked->block->at[q];
        const Str task = task_named(e, call);
        if (trainers_own(call->name))
            continue;
        if (!task && call->args.n && !call->args.at[0].name && call->args.at[0].value->kind != SYN_num) {
            add_named_metric(e, call);
            continue;
        }
        EACH_AT(p, *predicted)
            if (!task || p->name == task)
                add_metric(e, p, call->name, task ? NULL : &call->args);
    }
}
