/* optimize.c -- the optimizer's formulas, applied to the parameters that a phase trains.
 *
 * Parameters that stand one after another are one vector, unless the optimizer reduces over a parameter's elements. */
#include "elab.h"

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

void optimizer_of(Elab *e, Phase *phase, Decl *train)
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
