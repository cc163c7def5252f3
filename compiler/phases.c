/* phases.c -- a phase of training: its settings, the program of a step, that of its
   evaluation, its sweeps. */
#include "elab.h"

/* ---- settings ------------------------------------------------------------------------------- */
Setting *setting_of(Decl *d, const char *name)
{
    return d ? FIND_AT(s, d->settings, s->name == intern(name)) : NULL;
}

/* Whether a line of regularize reads so, and has no name. */
static bool is_line(Elab *e, Str words)
{
    EACH(d, e->file->decls)
        EACH_AT(line, d->lines)
            if (!line->as && !strncmp(words_of(line->value), words, strlen(words)))
                return true;
    return false;
}

/* What `minimize = [...]` may name: the reconstruction, tasks, regularizers that have a name. */
static void check_minimized(Elab *e, Setting *s)
{
    StrList names = { 0 };
    PUSH(names, intern("reconstruct"));
    EACH(d, e->file->decls) {
        if (d->kind == DECL_task)
            PUSH(names, d->name);
        EACH_AT(line, d->lines)
            if (line->as)
                PUSH(names, line->as);
    }
    if (s->value->kind != SYN_list) {
        say(e, s->value->place, DIAG_list_wanted, s->name);
        if (s->value->kind == SYN_name)
            report_help("write `minimize = [%s]`", s->value->name);
        return;
    }
    EACH(what, s->value->list) {
        const Str name = what->kind == SYN_name ? what->name : NULL;
        if (name && HAS(names, name))
            continue;
        say(e, what->place, DIAG_minimize_what, words_of(what));
        if (is_line(e, words_of(what)))
            report_help("give the line a name, and minimize that: `%s as NAME`", words_of(what));
        else
            suggest(name, &names, "this file has");
    }
}

static void read_setting(Elab *e, Phase *p, Setting *s)
{
    const struct { const char *name; int *to; } whole[] = {
        { "batch", &p->batch }, { "epochs", &p->epochs }, { "labels", &p->labels },
        { "accumulate", &p->accumulate }, { "early_stop", &p->early_stop },
    };
    const Syn *v = setting_value(e, "train", s->name, s->value, s->place, DIAG_unknown_setting);
    if (!v)
        return;
    for (int k = 0; k < COUNT(whole); k++)
        if (!strcmp(whole[k].name, s->name))
            *whole[k].to = (int) v->num;            /* `all` is 0 */
    if (s->name == intern("early_stop") && !setting_of(find_decl(e, DECL_data), "validation"))
        say(e, s->place, DIAG_stop_without_validation);
    if (s->name == intern("labels") && !find_decl(e, DECL_label))
        say(e, s->place, DIAG_block_missing, "labels", "label");
    if (s->name == intern("seed"))
        p->seed = (unsigned long) v->num;
    if (s->name == intern("clip"))
        p->clip = v->num;
    if (s->name == intern("drop_last"))
        p->drop_last = v->num != 0;
    if (s->name == intern("minimize"))
        check_minimized(e, s);
}

Phase *phase_new(Elab *e, Decl *d)
{
    const Str name = d && d->name ? d->name : intern("train");
    Phase *p = COPY(&((Phase) { .name = name, .accumulate = 1 }));
    EACH_AT(s, e->defaults->settings)
        read_setting(e, p, s);
    if (!d)
        return p;
    p->place = d->place;
    EACH_AT(s, d->settings) {
        set_once(e, d, s);
        read_setting(e, p, s);
    }
    return p;
}

/* ---- programs ------------------------------------------------------------------------------- */
/* What would tell the loss is left to die: a sweep is after its own sums, a
   prediction after what it finds. */
void drop_terms(Program *p)
{
    EACH_AT(t, p->terms) {
        Tensor *const told[] = { t->value, t->each, t->weight };
        for (int k = 0; k < 3; k++)
            if (told[k])
                told[k]->external = false;
    }
    p->terms.n = 0;
}

static void sweep_programs(Elab *e, Phase *phase, Decl *train, const SweepList *asked)
{
    EACH(sweep, *asked) {
        Program *p = begin_program(e, format("%s_sweep%d", phase->name, phase->sweeps.n + 1),
                                   false, WANT_mean);
        PredictedList predicted = { 0 };
        e->sweeping = &sweep;
        objective(e, train, &predicted);
        e->sweeping = NULL;
        drop_terms(p);
        const Str when = sweep.stat->name;
        p->every = when == intern("start") ? 0 : when == intern("epoch") ? 1 : 2;
        PUSH(phase->sweeps, p);
    }
}

static Program *gradient_program(Elab *e, int number, Decl *train)
{
    Phase *phase = e->m->phases.at[number];
    PredictedList predicted = { 0 };
    Program *p = begin_program(e, format("%s_gradient", phase->name), true, WANT_sample);
    p->training = number;
    e->updates = &p->update;
    e->start = NULL;
    objective(e, train, &predicted);
    freeze_nets(e, train);          /* nets that this program made */
    if (diag_errors())
        return NULL;
    if (!p->terms.n) {
        const Input *x = &e->m->inputs.at[0];
        const Place place = phase->place.source ? phase->place : x->place;
        say(e, place, DIAG_nothing_to_minimize, phase->name);
        report_help("add %s`reconstruct %s by mse`, or a task", e->decoder ? "" : "a decoder and ",
                    x->name);
        return NULL;
    }
    sum_terms(e);
    TensorList needed = { 0 };
    PUSH(needed, p->loss);
    find_needed(&p->body, &needed);
    EACH(t, e->used)                /* what the loss does not read keeps still */
        if (HAS(needed, t))
            PUSH(p->trained, t);
    if (!p->trained.n && !p->update.n && !e->sweeps.n && phase->place.source)
        report(phase->place, DIAG_nothing_trained, phase->name);
    return p;
}

void phase_programs(Elab *e, int number, Decl *train)
{
    Phase *phase = e->m->phases.at[number];
    freeze_nets(e, train);
    phase->gradient = gradient_program(e, number, train);
    if (!phase->gradient)
        return;
    phase->start = e->start;
    const SweepList asked = e->sweeps;
    sweep_programs(e, phase, train, &asked);
    PredictedList predicted = { 0 };
    phase->evaluate = begin_program(e, format("%s_evaluate", phase->name), false, WANT_sample);
    objective(e, train, &predicted);
    if (diag_errors())
        return;
    sum_terms(e);
    add_metrics(e, &predicted);
}
