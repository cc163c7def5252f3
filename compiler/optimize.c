/* optimize.c -- the optimizer's formulas, applied to the parameters that a phase trains.
 *
 * Parameters that stand one after another are one vector, unless the optimizer reduces over a
 * parameter's elements. */
#include "elab.h"

static bool reduces(Syn *s)
{
    if (!s || s->kind == SYN_reduce)
        return s;
    return FIND(sub, s->list, reduces(sub)) || FIND_AT(a, s->args, reduces(a->value))
        || reduces(s->a) || reduces(s->b) || reduces(s->c);
}

typedef struct {
    Phase *phase;
    Decl *def;
    Syn *use;
    Expr *rate;             /* of the schedule; NULL: 1 */
} Optimizer;

/* A state that nothing but its own updates reads is none; false where it is one. */
static bool drop_state(StmtList *updates, int first, const Tensor *state)
{
    for (int k = first; k < updates->n; k++)
        if (updates->at[k]->target != state && ANY_EXPR_OF(e, updates->at[k], e->tensor == state))
            return false;
    for (int k = updates->n - 1; k >= first; k--)
        if (updates->at[k]->target == state)
            REMOVE(*updates, k);
    return true;
}

/* ---- the formulas --------------------------------------------------------------------------- */
/* On one stretch of the parameter block, or on one parameter. */
static void optimize(Elab *e, const Optimizer *o, Tensor *p, Tensor *g, Str path)
{
    Scope *s = scope_new(e, e->root, o->def, path, use_new(path, words_of(o->use), o->use->place));
    e->failed = 0;
    if (!bind_arguments(s, &o->use->args, o->use->place))
        return;
    Name *lr = name_find(s, intern("lr"), NAME_number);
    if (lr && o->rate)
        lr->value = OP2(mul, lr->value, o->rate);
    s->has_dots = true;
    s->ndots = p->rank;
    memcpy(s->dots, p->axis, sizeof s->dots);
    const int first = e->updates->n, had = o->phase->states.n;
    StmtList *out = e->out;
    e->out = e->updates;    /* what it names is computed with the updates, in the order written */
    EACH(st, o->def->body) {
        EACH_AT(entry, st->entries) {
            Tensor *t = st->kind == STAT_param ? p : st->kind == STAT_grad ? g : NULL;
            if (st->kind == STAT_state) {
                t = shaped(tensor_new(e->m, format("%s.%s", path, entry->name), ROLE_state,
                                      ELEM_real),
                           p->axis, p->rank);
                t->of_param = p;
                PUSH(o->phase->states, t);
            }
            if (t)
                name_tensor(s, entry, t);
        }
        if (st->entries.n == 0)
            elaborate_stat(s, st);
    }
    e->out = out;
    for (int k = first; k < e->updates->n; k++)
        e->updates->at[k]->update = true;
    int kept = had;
    for (int k = had; k < o->phase->states.n; k++)
        if (!drop_state(e->updates, first, o->phase->states.at[k]))
            o->phase->states.at[kept++] = o->phase->states.at[k];
    o->phase->states.n = kept;
}

static Tensor *block_view(Elab *e, Str name, Role role, long offset, const Axis *axis, int rank)
{
    Tensor *t = shaped(tensor_new(e->m, name, role, ELEM_real), axis, rank);
    t->offset = offset;
    return t;
}

/* On each parameter, or on each stretch of them. */
static void optimize_all(Elab *e, const Optimizer *o)
{
    const TensorList *trained = &o->phase->gradient->trained;
    const Str name = format("%s.%s", o->phase->name, o->def->name);
    const bool whole = FIND(st, o->def->body, reduces(st->value));
    for (int k = 0, next; k < trained->n; k = next) {
        Tensor *t = trained->at[k];
        long count = tensor_count(t);
        for (next = k + 1;
             !whole && next < trained->n && trained->at[next]->offset == t->offset + count; next++)
            count += tensor_count(trained->at[next]);
        const Str path = next - k == trained->n ? name : format("%s.%s", name, t->name);
        if (whole) {
            Tensor *g = block_view(e, format("d%s", t->name), ROLE_grad, t->offset, t->axis,
                                   t->rank);
            g->of_param = t;
            optimize(e, o, t, g, path);
        } else {
            const Axis flat = { (int) count, NULL, false, intern("i") };
            Tensor *p = block_view(e, intern("p"), ROLE_param, t->offset, &flat, 1);
            optimize(e, o, p, block_view(e, intern("g"), ROLE_grad, t->offset, &flat, 1), path);
        }
    }
}

static Expr *scheduled_rate(Elab *e, Setting *schedule)
{
    Syn call = *schedule->value;
    Ctx c = size_ctx(e->root);
    if (call.kind == SYN_name && find_function(e->root, call.name))
        call.kind = SYN_call;
    e->failed = 0;
    return lower(&c, &call, NULL);
}

void optimizer_of(Elab *e, Phase *phase, Decl *train)
{
    Setting *setting = setting_of(train, "optimizer"), *schedule = setting_of(train, "schedule");
    Syn use = *(setting ? setting : setting_of(e->defaults, "optimizer"))->value;
    if (!setting)
        use.place = phase->place;
    if (use.kind == SYN_name)
        use.kind = SYN_call;
    Optimizer o = { .phase = phase, .use = &use };
    o.def = use.kind == SYN_call ? find_definition(e, "optimizer", use.name) : NULL;
    if (!o.def) {
        say(e, use.place, DIAG_unknown_definition, "optimizer",
            use.name ? use.name : words_of(&use));
        suggest_definition(e, "optimizer", use.name);
        return;
    }
    Program *p = e->p = phase->gradient;
    StmtList states = p->update;        /* come behind the optimizer's */
    p->update = (StmtList) { 0 };
    e->updates = &p->update;
    e->training = true;
    freeze_nets(e, NULL);
    o.rate = schedule ? scheduled_rate(e, schedule) : NULL;
    optimize_all(e, &o);
    PUSH_ALL(p->update, states);
    e->updates = NULL;
}
