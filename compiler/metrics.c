/* metrics.c -- what `evaluate` asks for: losses of the library, on what the tasks predict or on
 * named values. Metrics over a whole split are the trainer's own. */
#include "elab.h"
#include <math.h>

enum { NOTHING, ERROR, VALUES, TASK };

static const struct { const char *name; int of; const char *takes, *needs; } own[] = {
#define METRIC(name, computed_by, of, takes, needs) { #name, of, takes, needs },
#include "../runtime/metrics.def"
#undef METRIC
};
enum { OWN = sizeof own / sizeof *own };

/* The row of own; -1: it is none of the trainer's. */
static int own_metric(Str name)
{
    return FIRST(k, OWN, !strcmp(own[k].name, name));
}

/* A metric over a whole split. Two tensors are compared by a loss of the library, even where the
 * trainer has one of that name. */
static bool trainers_own(Elab *e, const Call *call)
{
    const bool two = call->args.n > 1 && !call->args.at[1].name
        && call->args.at[1].value->kind == SYN_name;
    return own_metric(call->name) >= 0 && !(two && find_definition(e, "loss", call->name));
}

static bool is_task(Elab *e, Str name)
{
    return FIND(d, e->file->decls, d->kind == DECL_task && d->name == name);
}

/* What a metric of the trainer's is asked of, which is a name; false after a report. */
static bool check_of(Elab *e, int row, const Call *call, const Syn *what)
{
    static const char *const of[] = {
        [NOTHING] = "`%s` is of the whole model, and takes no name",
        [ERROR] = "`%s` is of the reconstruction: `corrupted` in brackets makes it that of a "
                  "damaged input",
        [VALUES] = "`%s` takes a tensor by its name: `as h` behind a layer gives one",
        [TASK] = "`%s` takes the name of a downstream task",
    };
    const Str name = what->kind == SYN_name ? what->name : NULL;
    if (name && (own[row].of == VALUES || (own[row].of == ERROR && name == intern("corrupted"))
                 || (own[row].of == TASK && is_task(e, name))))
        return true;
    say(e, what->place, DIAG_metric_of, call->name, words_of(what));
    report_help(of[own[row].of], call->name);
    return false;
}

/* A count as it is written, for the trainer; NULL after a report. */
static Syn *count_of(Elab *e, const Call *call, const Arg *a)
{
    Ctx c = size_ctx(e->root);
    Syn *count = COPY(&((Syn) { .kind = SYN_num, .place = a->place }));
    e->failed = 0;
    if (!constant(&c, a->value, &count->num))
        return NULL;
    if (count->num >= 1 && count->num <= 1e9 && count->num == floor(count->num))
        return count;
    return say(e, a->value->place, DIAG_setting_range, own[own_metric(call->name)].takes, 1,
               number_text(count->num));
}

/* knn(h, k = 5): what it is of, then how many; NULL after a report. */
static Call *checked_own(Elab *e, const Call *call)
{
    const int row = own_metric(call->name);
    const char *takes = own[row].takes;
    Call *checked = COPY(call);
    Syn *count = NULL;
    checked->args = (ArgList) { 0 };
    EACH_AT(a, call->args) {
        const Str word = a->value->kind == SYN_name ? a->value->name : NULL;
        Name *number = name_find(e->root, word, NAME_number);
        const bool counts = a->name || a->value->kind == SYN_num || number;
        if (a->name && (!takes || strcmp(a->name, takes))) {
            say(e, a->place, DIAG_unknown_argument, call->name, a->name);
            if (takes)
                report_help("the form is `%s(%s%s = ...)`", call->name,
                            own[row].of == VALUES ? "h, " : "", takes);
            return NULL;
        }
        if (counts ? !takes || count : checked->args.n)
            return say(e, a->place, DIAG_too_many_arguments, call->name,
                       !counts ? "one name" : takes ? "one number" : "no number");
        if (counts && !(count = count_of(e, call, a)))
            return NULL;
        if (!counts && !check_of(e, row, call, a->value))
            return NULL;
        if (!counts)
            PUSH(checked->args, *a);
    }
    if (count)
        PUSH(checked->args, ((Arg) { .value = count, .place = count->place }));
    return checked;
}

static Str words_of_metric(const Call *call)
{
    return call->args.n
        ? words_of(&(Syn) { .kind = SYN_call, .name = call->name, .args = call->args })
        : call->name;
}

void declare_metrics(Elab *e, Decl *d)
{
    StrList asked = { 0 };
    EACH(call, *d->block) {
        const Str words = words_of_metric(call);
        if (HAS(asked, words)) {
            say(e, call->place, DIAG_declared_twice, words);
            continue;
        }
        PUSH(asked, words);
        Call *checked = trainers_own(e, call) ? checked_own(e, call) : NULL;
        if (checked)
            PUSH(e->m->metrics, checked);
        else if (!trainers_own(e, call) && !find_definition(e, "loss", call->name)
                 && !names_term(e, call->name)) {
            StrList names = { 0 };
            for (int k = 0; k < OWN; k++)
                PUSH(names, intern(own[k].name));
            definition_names(e, "loss", &names);
            say(e, call->place, DIAG_unknown_definition, "metric", call->name);
            suggest(call->name, &names, NULL);
        }
    }
}

/* Of which tensor; NULL: the code. */
static Arg *values_asked(const Call *call)
{
    const bool named = call->args.n && call->args.at[0].value->kind == SYN_name;
    return named && own[own_metric(call->name)].of == VALUES ? &call->args.at[0] : NULL;
}

/* What the name stands for in a program of its own, `of_NAME`; NULL after a report. */
static Tensor *of_program(Elab *e, Syn *name)
{
    Program *p = begin_program(e, format("of_%s", name->name), false, WANT_mean);
    Value *v = tensor_value(plain_scope(e, intern("evaluate"), intern("evaluate"), name->place),
                            name);
    if (v && mult_of(e, v->t) && v->t != code_of_input(e)) {  /* the code is what `encode` gives */
        PUSH(e->m->programs, p);
        output(e, v->t);
    }
    return v ? v->t : NULL;
}

/* What `as` names of encoder, bottleneck and decoder, and the nets of the
 * bottleneck, as z.logvar. */
static StrList layer_names(Elab *e)
{
    StrList names = { 0 };
    begin_program(e, intern("named"), false, WANT_mean);
    if (code_of_input(e) && e->decoder)
        model_result(e, intern("decoder"));
    EACH_AT(one, e->as)
        if ((names_layer(e, one->name) || strchr(one->name, '.'))
            && one->tensor->elem == ELEM_real)
            PUSH(names, one->name);
    return names;
}

/* A program for each tensor that a metric of the trainer's is asked of, but for the code, and for
 * each layer that has a name: `show units` and `encode --name` ask of these. */
void named_programs(Elab *e)
{
    StrList made = { 0 };
    EACH(call, e->m->metrics) {
        const Arg *asked = values_asked(call);
        if (!asked || HAS(made, asked->value->name))
            continue;
        Tensor *t = of_program(e, asked->value);
        if (!t)
            return;
        if (!mult_of(e, t)) {
            say(e, asked->place, DIAG_metric_of, call->name, asked->value->name);
            report_help("`%s` needs a row for each example", call->name);
            return;
        }
        if (t == code_of_input(e))
            call->args = (ArgList) { .at = call->args.at + 1, .n = call->args.n - 1 };
        else
            PUSH(made, asked->value->name);
    }
    StrList layers = layer_names(e);
    EACH(name, layers)
        if (!HAS(made, name))
            of_program(e, &(Syn) { .kind = SYN_name, .name = name });
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
    return v && ANY(k, COUNT(truths), (v->kind == SYN_binary && v->op == intern(truths[k]))
                                      || (v->kind == SYN_reduce && v->name == intern(truths[k])));
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
        add_term(e, path, is_share(s->def) ? "share of examples" : "mean over examples", s->result,
                 NULL, p->has, true, p->place);
}

/* f(z, y): a loss of the library on values that are named. */
static void add_named_metric(Elab *e, Call *call)
{
    Syn s = { .kind = SYN_call, .name = call->name, .args = call->args, .place = call->place };
    Value *v = tensor_value(plain_scope(e, intern("evaluate"), intern("evaluate"), call->place),
                            &s);
    if (v)
        add_term(e, words_of_metric(call),
                 mult_of(e, v->t) ? "mean over examples" : "of the batch", v->t, NULL, NULL, true,
                 call->place);
}

/* accuracy(digit): of this task alone. */
static Str task_named(Elab *e, Call *call)
{
    Syn *only = call->args.n == 1 && !call->args.at[0].name ? call->args.at[0].value : NULL;
    return only && only->kind == SYN_name && is_task(e, only->name) ? only->name : NULL;
}

/* Whether a metric of the trainer's is for what a task predicts. */
static bool answers(Elab *e, int row, Str task, const PredictedList *predicted)
{
    EACH_AT(p, *predicted)
        if ((!task || p->name == task)
            && FIND_AT(in, e->m->inputs,
                       in->label && in->tensor == p->target && has_word(own[row].needs, in->kind)))
            return true;
    return false;
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
        const int terms = e->p->terms.n;
        bool fits = false;
        if (trainers_own(e, call)) {
            const int row = own_metric(call->name);
            fits = own[row].of != TASK || answers(e, row, task, predicted);
        } else if (!task && call->args.n && !call->args.at[0].name
                   && call->args.at[0].value->kind != SYN_num)
            add_named_metric(e, call), fits = true;
        else
            EACH_AT(p, *predicted)
                if (!task || p->name == task)
                    add_metric(e, p, call->name, task ? NULL : &call->args);
        if (fits || e->p->terms.n > terms)
            PUSH_NEW(e->fitting, call);
    }
}

/* ---- whether all that is asked for can be told, before hours of training -------------------- */
static void unfit(Elab *e, const Call *call, const char *help)
{
    say(e, call->place, DIAG_metric_unfit, call->name);
    report_help(help, call->name);
}

/* What a metric of the trainer's needs of the file, but for tasks. */
static void check_needs(Elab *e, int row, const Call *call)
{
    const Decl *reconstruct = find_decl(e, DECL_reconstruct);
    const char *needs = own[row].needs;
    const bool of_code = has_word(needs, intern("code"))
        || (own[row].of == VALUES && !values_asked(call));
    if (has_word(needs, intern("reconstruct"))) {
        const Str of = reconstruct ? reconstruct->name : NULL;
        const Input *x = FIND_AT(in, e->m->inputs, in->name == of);
        if (!reconstruct)
            say(e, call->place, DIAG_block_missing, call->name, "reconstruct");
        else if (own[row].of == ERROR && call->args.n && !find_decl(e, DECL_corrupt))
            say(e, call->place, DIAG_block_missing, format("%s(corrupted)", call->name),
                "corrupt");
        else if (own[row].of == ERROR && x && x->kind == intern("tokens"))
            unfit(e, call, "`%s` is of reconstructions of real numbers, and tokens are none");
        else if (own[row].of == NOTHING && reconstruct->op == intern("by"))
            unfit(e, call, "`%s` is in nats or bits: `reconstruct x ~ LIKELIHOOD` is, and a loss "
                           "after `by` is not");
    } else if (of_code && !e->encoder && !e->bottleneck)
        say(e, call->place, DIAG_block_missing, call->name, "encoder");
    else if (has_word(needs, intern("class"))
             && !FIND_AT(in, e->m->inputs, in->label && has_word(needs, in->kind)))
        unfit(e, call, "`%s` needs classes: `label y : class(10)`");
}

void check_metrics(Elab *e)
{
    Decl *asked = find_decl(e, DECL_evaluate);
    for (int q = 0; asked && q < asked->block->n; q++) {
        Call *call = asked->block->at[q];
        if (HAS(e->fitting, call) && trainers_own(e, call)
            && own[own_metric(call->name)].of != TASK)
            check_needs(e, own_metric(call->name), call);
        else if (!HAS(e->fitting, call))
            unfit(e, call, names_term(e, call->name)
                ? "`%s` is a term: what it is of stands in brackets, as in `kl(z)`"
                : "`%s` alone is of what is predicted: `reconstruct`, or a task whose label and "
                  "likelihood suit it");
    }
}
