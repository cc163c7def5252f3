/* phases.c -- a phase of training: its settings, the program of a step, that of its evaluation, its sweeps. */
#include "elab.h"
#include <math.h>

/* ---- sweeps ------------------------------------------------------------------------------------------------------- */
/* A sweep is after its own sums; what would tell the loss is left to die. */
static void drop_terms(Program *p)
{
    for (int k = 0; k < p->terms.n; k++) {
        const Term *t = &p->terms.at[k];
        t->value->external = false;
        if (t->each)
            t->each->external = false;
        if (t->weight)
            t->weight->external = false;
    }
    if (p->loss)
        p->loss->external = false;
    p->terms.n = 0;
    p->loss = NULL;
}

static void sweep_programs(Elab *e, Phase *phase, Decl *train, SweepAsked *asked, int n)
{
    for (int k = 0; k < n; k++) {
        Program *p = begin_program(e, format("%s_sweep%d", phase->name, k + 1), false, WANT_mean);
        SweepAsked mine = asked[k];
        e->sweeping = &mine;
        PredictedList predicted = { 0 };
        objective(e, train, &predicted);
        e->sweeping = NULL;
        drop_terms(p);
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

void unknown_setting(Elab *e, Setting *s, const char *of, const char *const *known, int n)
{
    SAY(e, s->place, DIAG_unknown_setting, s->name, of);
    StrList names = { 0 };
    for (int k = 0; k < n; k++)
        PUSH(names, intern(known[k]));
    suggest(s->name, &names, "the settings are");
}

void phase_settings_of(Elab *e, Phase *p, Decl *d)
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
        if (s->name == intern("early_stop") && !setting_of(find_decl(e, DECL_data), "validation"))
            SAY(e, s->place, DIAG_stop_without_validation);
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

Setting *setting_of(Decl *d, const char *name)
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

void phase_programs(Elab *e, Phase *phase, Decl *train)
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
