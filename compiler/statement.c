/* statement.c -- one statement of a definition, of any kind. */
#include "elab.h"

/* ---- one statement ---------------------------------------------------------------------------------------- */
static Tensor *derived_length(Scope *s, Syn *sub)
{
    Elab *e = s->e;
    Name *axis = NULL;          /* the axis with lengths that the expression speaks of */
    for (int k = 0; k < s->names.n; k++)
        if (s->names.at[k]->kind == NAME_axis && s->names.at[k]->axis.length && !s->names.at[k]->axis.example) {
            StrList found = { 0 };
            Ctx c = formula_ctx(s);
            free_names(&c, sub, NULL, &found);
            for (int q = 0; q < found.n; q++)
                if (found.at[q] == s->names.at[k]->name)
                    axis = s->names.at[k];
        }
    if (!axis || axis->axis.length->rank != 1)
        return NULL;
    Tensor *t = temp_new(e, s, intern("length"), ELEM_int);
    t->rank = 1;
    t->axis[0] = axis->axis.length->axis[0];
    Index *index[1];
    all_along(t, index);
    Ctx sizes = size_ctx(s);
    sizes.floors = true;
    Env *env = bind_expr(NULL, axis->name, read_at(axis->axis.length, index));
    Expr *v = lower(&sizes, sub, env);
    Stmt *st = over(t, index, SET_is, v);
    settle(e, st, sub->place);
    add_stmt(e, s, st, sub->place, NULL);
    return t;
}

static void declare_out(Scope *s, Entry *entry)
{
    Elab *e = s->e;
    Name *n = name_add(s, NAME_tensor, entry->name, entry->place);
    n->shape = entry->shape;
    Tensor *t = temp_new(e, s, entry->name, entry->of ? ELEM_int : ELEM_real);
    shape_of_entry(s, entry, t);
    t->place = blame(e, entry->place);
    if (entry->of) {
        Ctx sizes = size_ctx(s);
        t->of = size_of(&sizes, entry->of);
    }
    int axis = 0;
    for (int k = 0; k < entry->shape.n; k++) {
        Syn *sub = entry->shape.at[k];
        if (sub->kind == SYN_dots) {
            axis += s->ndots;
            continue;
        }
        if (sub->kind != SYN_name && sub->kind != SYN_num && axis < t->rank)
            t->axis[axis].length = derived_length(s, sub);
        axis++;
    }
    n->tensor = t;
    PUSH(s->outs, t);
}

static void elaborate_net(Scope *s, Stat *st)
{
    Elab *e = s->e;
    Name *n = name_add(s, NAME_net, st->name, st->place);
    n->net = net_new(e, st->value ? NET_copy : NET_block, st->name, format("%s.%s", s->path, st->name), s, st->place);
    n->net->block = st->block;
    if (st->value) {
        Name *from = st->value->kind == SYN_call && st->value->args.n == 1
                   ? name_find(s, st->value->args.at[0].value->name, NAME_net) : NULL;
        if (!from || st->value->name != intern("copy")) {
            FAIL(e, st->value->place, DIAG_copy_of_what);
            return;
        }
        n->net->source = from->net;
    }
    if (!st->of)
        return;
    Name *x = name_find(s, st->of, NAME_tensor);
    if (!x || !x->tensor) {
        FAIL(e, st->place, DIAG_unknown_tensor, st->of);
        return;
    }
    Tensor *y = apply_net(e, n->net, x->tensor, NULL, st->place);
    if (!y)
        return;
    Name *result = name_add(s, NAME_tensor, st->name, st->place);
    result->tensor = y;
    result->defined = true;
    static const char *const letter[] = { "n", "j", "k", "l", "p", "q", "r" };
    for (int k = 0; k < y->rank && k < 7; k++) {
        Syn *sub = NEW(Syn);
        sub->kind = SYN_name, sub->name = intern(letter[k]), sub->place = st->place;
        PUSH(result->shape, sub);
    }
}

static bool role_wanted(Scope *s, Str role)
{
    const int want = !s->trains && s->e->want == WANT_sample ? WANT_mean : s->e->want;     /* a frozen one does not draw */
    static const char *const names[] = { "sample", "mean", "prior" };
    bool has[3] = { 0 };
    for (int k = 0; k < s->def->body.n; k++)
        for (int r = 0; r < 3; r++)
            has[r] |= s->def->body.at[k]->kind == STAT_assign && s->def->body.at[k]->role == intern(names[r]);
    int take = want;
    if (want == WANT_prior && !has[WANT_prior])
        return false;
    if (!has[take])
        take = take == WANT_mean ? WANT_sample : WANT_mean;
    return role == intern(names[take]);
}

void elaborate_stat(Scope *s, Stat *st)
{
    Elab *e = s->e;
    e->failed = 0;
    switch (st->kind) {
    case STAT_in: case STAT_target: case STAT_grad: case STAT_mirror: case STAT_tied:
        return;
    case STAT_out:
        for (int k = 0; k < st->entries.n; k++)
            declare_out(s, &st->entries.at[k]);
        return;
    case STAT_param:
        for (int k = 0; k < st->entries.n; k++)
            if (!declare_tied(s, &st->entries.at[k]))
                declare_kept(s, &st->entries.at[k], true);
        return;
    case STAT_state:
        for (int k = 0; k < st->entries.n; k++)
            declare_kept(s, &st->entries.at[k], false);
        return;
    case STAT_set: {
        Ctx sizes = size_ctx(s);
        Expr *v = lower_whole(&sizes, st->value, NULL);
        name_add(s, NAME_number, st->name, st->place)->value = v;
        return;
    }
    case STAT_require: {
        Ctx sizes = size_ctx(s);
        double v;
        if (constant(&sizes, st->value, &v) && v == 0)
            if (FAILS(e, s->use ? s->use->place : st->place, DIAG_require, s->use ? s->use->words : s->path, st->name))
                note_condition(s, st->value);
        return;
    }
    case STAT_def:
        name_add(s, NAME_function, st->function->name, st->place)->function = st->function;
        return;
    case STAT_net:
        elaborate_net(s, st);
        return;
    case STAT_scan:
        elaborate_scan(s, st, NULL);
        return;
    case STAT_sweep:
        elaborate_sweep(s, st);
        return;
    case STAT_assign: {
        if (st->op == intern(":=")) {
            if (!e->training || !s->training || !e->updates)
                return;
            const bool vector = st->left->kind == SYN_call && st->left->list.n == 1 && st->left->args.n == 1;
            if (!vector) {
                assign(s, st, NULL);
                return;
            }
            Name *net = name_find(s, st->left->args.at[0].value->name, NAME_net);
            if (!net)
                FAIL(e, st->left->place, DIAG_params_of_what);
            for (int k = 0; net && k < net->net->params.n; k++) {
                Tensor *t = net->net->params.at[k];
                if (t->exempt && st->left->name == intern("weights"))
                    continue;
                Env b = { .kind = ENV_dots, .name = st->left->list.at[0]->name, .ndots = t->rank };
                all_along(t, b.dots);
                Env *kept = NEW(Env);
                *kept = b;
                e->param_k = k;
                assign(s, st, kept);
            }
            return;
        }
        if (st->role && st->role != intern("term") && s->def && s->def->role == intern("latent")) {
            if (!role_wanted(s, st->role))
                return;
        }
        assign(s, st, NULL);
        Name *n = name_find(s, st->left->name, NAME_tensor);
        if (n && n->tensor && st->role == intern("term"))
            PUSH(s->terms, ((ScopeTerm) { n->name, n->tensor, st->place }));
        if (n && n->tensor && s->def && s->def->role == intern("latent") && st->role && st->role != intern("term"))
            s->result = n->tensor;
        if (n && n->tensor && n->name == intern("value"))
            s->result = n->tensor;
        if (n && n->tensor && st->role == intern("mean"))
            s->mean = n->tensor;
        if (n && n->tensor && n->name == intern("nll"))
            s->nll = n->tensor;
        return;
    }
    default:
        if (FAILS(e, st->place, DIAG_not_here))
            report_help("`let`, `predict` and `minimize` stand in a `pretext` or `downstream`");
    }
}
