/* instance.c -- one use of a definition.
 *
 * Takes a definition, its arguments and the tensors it is applied to. Binds the axes of `in` to their sizes,
 * makes parameters and states (once for each path), and turns each statement into one of the program's. */
#include "elab.h"

/* ---- shapes of inputs ---------------------------------------------------------------------------- */
static bool bind_axis(Scope *s, Syn *sub, Axis axis, bool quiet)
{
    Elab *e = s->e;
    if (sub->kind == SYN_name && !name_find(s, sub->name, NAME_number)) {
        Name *n = name_find(s, sub->name, NAME_axis);
        if (!n) {
            n = name_add(s, NAME_axis, sub->name, sub->place);
            n->axis = axis;
            n->axis.name = sub->name;
            return true;
        }
        if (n->axis.length == NULL && axis.length != NULL && n->axis.size == axis.size)
            n->axis.length = axis.length;
        return n->axis.size == axis.size || (n->axis.example && axis.example);
    }
    Ctx sizes = size_ctx(s);
    const bool trial = e->trial;
    e->trial = quiet || trial;
    const int want = size_of(&sizes, sub);
    e->trial = trial;
    return want == axis.size;
}

/* Binds the axes of one `in` to a tensor's; false where it does not fit. */
static bool match(Scope *s, Entry *entry, Tensor *t)
{
    Elab *e = s->e;
    SynList *shape = &entry->shape;
    int lead = 0, samples = 0;
    bool dots = false;
    for (int k = 0; k < shape->n; k++)
        dots |= shape->at[k]->kind == SYN_dots, lead += shape->at[k]->kind != SYN_dots;
    const Str en = intern("n"), es = intern("s");
    if (shape->n >= 2 && shape->at[0]->kind == SYN_name && shape->at[0]->name == en
        && shape->at[1]->kind == SYN_name && shape->at[1]->name == es && t->rank > 0 && t->axis[0].example) {
        const int mult = mult_of(e, t);
        Name *axis = name_find(s, es, NAME_axis);
        if (mult > 1 || lead - 1 == t->rank) {
            samples = mult;
            if (axis && samples > 1 && axis->axis.size > 1 && axis->axis.size != samples)
                return false;
            if (!axis)
                axis = name_add(s, NAME_axis, es, entry->place);
            if (axis->axis.size < samples)
                axis->axis = (Axis) { samples, NULL, false, es };
            lead--;
        }
    }
    if (dots ? t->rank < lead : t->rank != lead)
        return false;
    if ((entry->of != NULL) != (t->elem == ELEM_int))
        return false;
    const int ndots = t->rank - lead;
    int axis = 0;
    for (int k = 0; k < shape->n; k++) {
        Syn *sub = shape->at[k];
        if (sub->kind == SYN_dots) {
            if (s->has_dots && s->ndots != ndots)
                return false;
            for (int d = 0; d < ndots; d++, axis++) {
                if (s->has_dots && s->dots[d].size != t->axis[axis].size && !(s->dots[d].example && t->axis[axis].example))
                    return false;
                if (!s->has_dots || s->dots[d].size < t->axis[axis].size)
                    s->dots[d] = t->axis[axis];
                if (t->axis[axis].example && mult_of(e, t) > s->mult)
                    s->mult = mult_of(e, t);
            }
            s->ndots = ndots;
            s->has_dots = true;
            continue;
        }
        Axis a = t->axis[axis];
        if (sub->kind == SYN_name && sub->name == en) {
            if (!a.example)
                return false;
            a = example_axis(e, 1);
            if (!samples && mult_of(e, t) > s->mult)
                s->mult = mult_of(e, t);
        } else if (a.example)
            return false;
        if (!bind_axis(s, sub, a, true))
            return false;
        axis++;
        if (samples && k == 0)
            k++;            /* the s after it */
    }
    Name *n = name_add(s, NAME_tensor, entry->name, entry->place);
    n->tensor = t;
    n->shape = entry->shape;
    n->samples = samples;
    n->of = entry->of;
    n->defined = true;
    if (entry->of && entry->of->kind == SYN_name && !name_find(s, entry->of->name, NAME_number)) {
        Name *of = name_find(s, entry->of->name, NAME_axis);
        if (!of) {
            of = name_add(s, NAME_axis, entry->of->name, entry->place);
            of->axis = (Axis) { t->of, NULL, false, entry->of->name };
        } else if (of->axis.size != t->of)
            return false;
    }
    return true;
}

/* ---- arguments ----------------------------------------------------------------------------------- */
static void bind_argument(Scope *s, Str name, Syn *v, Scope *where)
{
    if (v->kind == SYN_name) {
        Name *n = name_find(where, v->name, NAME_net);
        if (n) {
            name_add(s, NAME_net, name, v->place)->net = n->net;
            return;
        }
    }
    Ctx c = size_ctx(where);
    Name *pair = v->kind == SYN_name ? name_find(where, v->name, NAME_pair) : NULL;
    if (pair) {
        Name *n = name_add(s, NAME_pair, name, v->place);
        n->value = pair->value;
        n->hi = pair->hi;
        return;
    }
    if (v->kind == SYN_pair && v->a) {
        Name *n = name_add(s, NAME_pair, name, v->place);
        n->value = lower(&c, v->a, NULL);
        n->hi = lower(&c, v->b, NULL);
        return;
    }
    Expr *value = lower(&c, v, NULL);
    name_add(s, NAME_number, name, v->place)->value = value;
}

static void report_many(Elab *e, Place place, Decl *def)
{
    const int n = def->params.n;
    if (FAILS(e, place, DIAG_too_many_arguments, def->name, n ? format("at most %d argument%s", n, n > 1 ? "s" : "") : "no arguments"))
        report_help("the form is `%s`", signature_text(def->name, &def->params));
}

bool bind_arguments(Scope *s, ArgList *args, Place place)
{
    Elab *e = s->e;
    Decl *def = s->def;
    Arg *given[64] = { 0 };
    int positional = 0;
    for (int k = 0; args && k < args->n; k++) {
        Arg *a = &args->at[k];
        int at = -1;
        if (!a->name)
            at = positional++;
        else
            for (int p = 0; p < def->params.n; p++)
                if (def->params.at[p].name == a->name)
                    at = p;
        if (at < 0 || at >= def->params.n || at >= 64) {
            if (!a->name)
                report_many(e, a->place, def);
            else if (FAILS(e, a->place, DIAG_unknown_argument, def->name, a->name)) {
                StrList names = { 0 };
                for (int p = 0; p < def->params.n; p++)
                    PUSH(names, def->params.at[p].name);
                suggest(a->name, &names, NULL);
                if (!nearest(a->name, names.at, names.n))
                    report_help("the form is `%s`", signature_text(def->name, &def->params));
            }
            return false;
        }
        if (given[at]) {
            if (FAILS(e, a->place, DIAG_given_twice, def->name, def->params.at[at].name))
                report_help("the form is `%s`", signature_text(def->name, &def->params));
            return false;
        }
        given[at] = a;
    }
    for (int p = 0; p < def->params.n && p < 64; p++) {
        Entry *formal = &def->params.at[p];
        if (given[p])
            bind_argument(s, formal->name, given[p]->value, s->around ? s->around : e->root);
        else if (formal->init)
            bind_argument(s, formal->name, formal->init, s);
        else {
            if (FAILS(e, place, DIAG_missing_argument, def->name, formal->name))
                report_help("the form is `%s`", signature_text(def->name, &def->params));
            return false;
        }
    }
    return true;
}

/* ---- choosing and using a definition ------------------------------------------------------------------------ */
static bool role_is(Str role, Str asked)
{
    return role == asked || (asked == intern("layer") && role == intern("view")) || (asked == intern("view") && role == intern("layer"));
}

Decl *find_definition(Elab *e, Str role, Str name)
{
    for (int k = 0; k < e->library.n; k++)
        if (e->library.at[k]->name == name && role_is(e->library.at[k]->role, role))
            return e->library.at[k];
    return NULL;
}

static bool match_all(Scope *s, Tensor **in, int nin)
{
    Elab *e = s->e;
    int at = 0;
    for (int k = 0; k < s->def->body.n; k++) {
        Stat *st = s->def->body.at[k];
        if (st->kind == STAT_set) {             /* sizes that later shapes name */
            continue;
        }
        if (st->kind != STAT_in && st->kind != STAT_target)
            continue;
        for (int q = 0; q < st->entries.n; q++) {
            Entry *entry = &st->entries.at[q];
            Tensor *t = at < nin ? in[at++] : NULL;
            for (int g = 0; !t && g < e->given.n; g++)
                if (e->given.at[g].name == entry->name)
                    t = e->given.at[g].tensor;
            if (!t && entry->init && entry->init->kind == SYN_name) {
                Name *n = name_find(s, entry->init->name, NAME_tensor);
                t = n ? n->tensor : NULL;
            }
            if (!t)
                t = model_input(e, entry->name);
            if (!t || !match(s, entry, t))
                return false;
            if (at == 1 && !s->input)
                s->input = t;
        }
    }
    return at == nin;
}

/* Which layout layer would give x the number of axes that a layer takes. */
static void help_axes(const Decl *def, const Tensor *x)
{
    const Entry *want = entry_in(def, 0);
    const int have = x->rank, n = want ? want->shape.n : 0;
    for (int k = 0; k < n; k++)
        if (want->shape.at[k]->kind == SYN_dots)
            return;
    if (want && want->of && x->elem != ELEM_int)
        report_help("it takes whole numbers: an input of the kind `tokens(t, vocab)`");
    else if (n == 2 && have > 2)
        report_help("`flatten` before it makes one axis of all but the examples");
    else if (n == 3 && have == 4)
        report_help("`reshape(%d, %d)` before it makes a sequence of the rows", x->axis[1].size * x->axis[2].size, x->axis[3].size);
    else if (n > have)
        report_help("`reshape(%s)` before it, with sizes whose product is %d, gives it the axes", n == 4 ? "c, h, w" : "t, k",
                    have > 1 ? (int) (tensor_count(x) / x->axis[0].size) : 1);
}

static void report_misfit(Elab *e, Decl *def, Tensor **in, int nin, Place place)
{
    Buf given = { 0 }, wants = { 0 };
    for (int k = 0; k < nin; k++)
        buf_add(&given, "%s%s", k ? ", " : "", shape_text(in[k]));
    for (int k = 0; k < def->body.n; k++) {
        Stat *st = def->body.at[k];
        if (st->kind == STAT_in || st->kind == STAT_target)
            for (int q = 0; q < st->entries.n; q++) {
                buf_add(&wants, "%s[", wants.n ? ", " : "");
                for (int d = 0; d < st->entries.at[q].shape.n; d++) {
                    buf_add(&wants, d ? ", " : "");
                    syn_print(&wants, st->entries.at[q].shape.at[d]);
                }
                buf_add(&wants, "]%s", st->entries.at[q].of ? " of whole numbers" : "");
            }
    }
    const bool pair = nin == 2 && def->body.n && takes_alike(def);
    if (!(pair ? FAILS(e, place, DIAG_unequal, def->name, shape_text(in[0]), shape_text(in[1]))
               : FAILS(e, place, DIAG_no_fit, def->name, wants.at ? wants.at : "nothing", given.at ? given.at : "nothing")))
        return;
    for (int k = 0; k < nin && !pair; k++) {
        Scope *by = producer_of(e, in[k]);
        if (by && by->use && in[k]->place.source && !in[k]->place.source->prelude)
            report_note(in[k]->place, "`%s` gives %s", by->use->words, shape_text(in[k]));
        else if (in[k]->role == ROLE_input)
            report_note(in[k]->place, "`%s` has the shape %s", in[k]->name, shape_text(in[k]));
    }
    if (nin == 1)
        help_axes(def, in[0]);
}

/* Whether some definition of this name can be used on these. */
bool definition_fits(Elab *e, Str role, Str name, ArgList *args, Tensor **in, int nin)
{
    const bool trial = e->trial, poisoned = e->poisoned;
    bool fits = false;
    e->trial = true;
    for (int k = 0; k < e->library.n && !fits; k++) {
        Decl *def = e->library.at[k];
        Scope *s = def->name == name && role_is(def->role, role) ? scope_new(e, e->root, def, name, name, NULL) : NULL;
        fits = s && bind_arguments(s, args, (Place) { 0 }) && match_all(s, in, nin);
    }
    e->trial = trial;
    e->poisoned = poisoned;
    e->failed = 0;
    return fits;
}

/* Whether every `out` has its statement. */
static bool all_defined(Scope *s)
{
    for (int k = 0; k < s->names.n; k++) {
        Name *n = s->names.at[k];
        for (int q = 0; q < s->outs.n && !n->defined; q++)
            if (n->kind == NAME_tensor && n->tensor == s->outs.at[q] && !s->e->trial) {
                SAY(s->e, n->place, DIAG_never_defined, n->name);
                report_help("write a statement for it: `%s[...] = ...`", n->name);
                return false;
            }
    }
    return true;
}

Scope *instantiate(Elab *e, Scope *around, Str role, Str name, ArgList *args, Tensor **in, int nin,
                   Str path, Str draws, Use *use, Place place)
{
    Decl *first = NULL;
    Using *const outer = e->using;
    Using here = { use, outer };
    e->failed = 0;
    for (int k = 0; k < e->library.n; k++) {
        Decl *def = e->library.at[k];
        if (def->name != name || !role_is(def->role, role))
            continue;
        if (!first)
            first = def;
        Scope *s = scope_new(e, around, def, path, draws, use);
        s->samples = e->samples;
        s->tied_to = e->tied;
        const bool trial = e->trial, poisoned = e->poisoned;
        e->trial = true;
        e->poisoned = false;
        const bool bound = bind_arguments(s, args, place), sound = !e->poisoned, fits = bound && match_all(s, in, nin);
        e->trial = trial;
        e->poisoned = poisoned;
        e->failed = 0;
        if (bound && !sound && !trial) {        /* an argument is itself wrong: say so */
            const int errors = diag_errors();
            bind_arguments(scope_new(e, around, def, path, draws, use), args, place);
            if (diag_errors() > errors)
                return NULL;
        }
        if (!fits)
            continue;
        e->samples = 0;
        e->tied = NULL;
        e->given.n = 0;
        e->using = use ? &here : outer;
        bool good = true;
        for (int b = 0; good && b < def->body.n; b++) {
            const int errors = diag_errors();
            elaborate_stat(s, def->body.at[b]);
            good = diag_errors() == errors;
        }
        good = good && all_defined(s);
        e->using = outer;
        if (!good)
            return NULL;
        if (s->outs.n)
            s->result = s->outs.at[0];
        if (s->result)
            for (int o = 0; o < (s->outs.n ? s->outs.n : 1); o++)
                PUSH(e->producers, ((Producer) { s->outs.n ? s->outs.at[o] : s->result, s }));
        return s;
    }
    if (!first)
        FAIL(e, place, DIAG_unknown_definition, role, name);
    else if (bind_arguments(scope_new(e, around, first, path, draws, use), args, place))
        report_misfit(e, first, in, nin, place);
    return NULL;
}
