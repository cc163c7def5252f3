/* instance.c -- one use of a definition.
 *
 * Takes a definition, its arguments and the tensors it is applied to. Binds the axes of `in` to
 * their sizes, makes parameters and states (once for each path), and turns each statement into
 * one of the program's. */
#include "elab.h"

/* ---- shapes of inputs ----------------------------------------------------------------------- */
/* An axis as it is declared, against a tensor's: a new name takes its size,
 * all else must have it. */
static bool bind_axis(Scope *s, Syn *sub, Axis axis)
{
    if (sub->kind != SYN_name || name_find(s, sub->name, NAME_number)) {
        const Trial trial = trial_begin(s->e);
        const int want = size_of(s, sub);
        trial_end(s->e, trial);
        return want == axis.size;
    }
    Name *n = name_find(s, sub->name, NAME_axis);
    if (!n) {
        n = name_add(s, NAME_axis, sub->name, sub->place);
        n->axis = axis;
        n->axis.name = sub->name;
    }
    if (!n->axis.length && n->axis.size == axis.size)
        n->axis.length = axis.length;
    return n->axis.size == axis.size || (n->axis.example && axis.example);
}

/* `..` against so many axes. */
static bool bind_rest(Scope *s, const Axis *axis, int n)
{
    if (s->has_dots && s->ndots != n)
        return false;
    for (int d = 0; d < n; d++) {
        if (s->has_dots && s->dots[d].size != axis[d].size
            && !(s->dots[d].example && axis[d].example))
            return false;
        if (!s->has_dots || s->dots[d].size < axis[d].size)
            s->dots[d] = axis[d];
    }
    s->ndots = n;
    s->has_dots = true;
    return true;
}

static bool is_word(const SynList *shape, int k, const char *word)
{
    return k < shape->n && shape->at[k]->kind == SYN_name && shape->at[k]->name == intern(word);
}

/* [n, s, ..] takes the samples of the examples apart; without samples s may
 * be 1. 0: it does not. */
static int samples_apart(Scope *s, Entry *entry, Tensor *t)
{
    const int mult = mult_of(s->e, t);
    int axes = 0;
    EACH(sub, entry->shape)
        axes += sub->kind != SYN_dots;
    if (!is_word(&entry->shape, 0, "n") || !is_word(&entry->shape, 1, "s") || !t->rank
        || !t->axis[0].example)
        return 0;
    return mult > 1 || axes - 1 == t->rank ? mult : 0;
}

/* Binds the axes of one `in` to a tensor's; false where it does not fit. */
static bool match(Scope *s, Entry *entry, Tensor *t)
{
    Elab *e = s->e;
    const int samples = samples_apart(s, entry, t);
    int lead = samples ? -1 : 0, axis = 0;
    bool dots = false;
    EACH(sub, entry->shape)
        dots |= sub->kind == SYN_dots, lead += sub->kind != SYN_dots;
    if ((dots ? t->rank < lead : t->rank != lead) || (entry->of != NULL) != (t->elem == ELEM_int))
        return false;
    for (int k = 0; k < entry->shape.n; k++) {
        Syn *sub = entry->shape.at[k];
        const Axis *a = &t->axis[axis];
        if (samples && k == 1) {
            Name *n = name_find(s, sub->name, NAME_axis);
            if (n && samples > 1 && n->axis.size > 1 && n->axis.size != samples)
                return false;
            if (!n)
                n = name_add(s, NAME_axis, sub->name, entry->place);
            if (n->axis.size < samples)
                n->axis = (Axis) { samples, NULL, false, sub->name };
        } else if (sub->kind == SYN_dots) {
            if (!bind_rest(s, a, t->rank - lead))
                return false;
            axis += t->rank - lead;
        } else {
            const bool n = is_word(&entry->shape, k, "n");
            if (n != a->example || !bind_axis(s, sub, n ? example_axis(e, 1) : *a))
                return false;
            axis++;
        }
    }
    if (!samples && mult_of(e, t) > s->mult)
        s->mult = mult_of(e, t);
    Name *n = name_tensor(s, entry, t);
    n->samples = samples;
    if (entry->of && entry->of->kind == SYN_name && !name_find(s, entry->of->name, NAME_number))
        return bind_axis(s, entry->of, (Axis) { .size = t->of });
    return true;
}

/* Each input is given by position or by name, or has a default, or is an input of the model. */
static bool match_all(Scope *s, const Wanted *w)
{
    Elab *e = s->e;
    const Entry *entry;
    for (int k = 0; (entry = entry_in(s->def, k)); k++) {
        Tensor *t = k < w->in.n ? w->in.at[k] : named(&w->given, entry->name);
        if (!t && entry->init && entry->init->kind == SYN_name) {
            Name *n = name_find(s, entry->init->name, NAME_tensor);
            t = n ? n->tensor : NULL;
        }
        if (!t)
            t = model_input(e, entry->name);
        if (!t || !match(s, (Entry *) entry, t))
            return false;
        if (k == 0)
            s->input = t;
    }
    return w->in.n <= inputs_of(s->def);
}

/* ---- arguments ------------------------------------------------------------------------------ */
void bind_argument(Scope *s, Str name, Syn *v, Scope *where)
{
    Ctx c = size_ctx(where);
    Name *net = v->kind == SYN_name ? name_find(where, v->name, NAME_net) : NULL;
    Name *pair = v->kind == SYN_name ? name_find(where, v->name, NAME_pair) : NULL;
    if (net) {
        name_add(s, NAME_net, name, v->place)->net = net->net;
        return;
    }
    const bool two = pair || (v->kind == SYN_pair && v->a);
    Expr *value = pair ? pair->value : lower(&c, two ? v->a : v, NULL);
    Expr *hi = pair ? pair->hi : two ? lower(&c, v->b, NULL) : NULL;
    Name *n = name_add(s, two ? NAME_pair : NAME_number, name, v->place);
    n->value = value, n->hi = hi;
}

static bool show_form(const Decl *def)
{
    report_help("the form is `%s`", signature_text(def->name, &def->params));
    return false;
}

bool takes_word(const Entry *formal)
{
    return formal->init && formal->init->kind == SYN_list && formal->init->list.n > 0
        && ALL(k, formal->init->list.n, formal->init->list.at[k]->kind == SYN_name);
}

/* A parameter whose default is a list of words takes one of them, the first if none is given; each
 * stands for its place. */
static bool bind_word(Scope *s, const Entry *formal, Syn *v)
{
    StrList words = { 0 };
    EACH(word, formal->init->list) {
        name_add(s, NAME_number, word->name, formal->place)->value = expr_num(words.n);
        PUSH(words, word->name);
    }
    const int at = !v ? 0 : v->kind == SYN_name ? FIRST(k, words.n, words.at[k] == v->name) : -1;
    if (at >= 0) {
        name_add(s, NAME_number, formal->name, formal->place)->value = expr_num(at);
        return true;
    }
    fail(s->e, v->place, DIAG_no_such_word, formal->name, s->def->name);
    suggest(v->kind == SYN_name ? v->name : NULL, &words, "it is one of:");
    return false;
}

bool bind_arguments(Scope *s, const ArgList *args, Place place)
{
    Elab *e = s->e;
    Decl *def = s->def;
    Arg *given[64] = { 0 };
    const int n = def->params.n < 64 ? def->params.n : 64;
    int positional = 0;
    for (int k = 0; args && k < args->n; k++) {
        Arg *a = &args->at[k];
        int at = a->name ? 0 : positional++;
        while (a->name && at < n && def->params.at[at].name != a->name)
            at++;
        if (at >= n && !a->name) {
            fail(e, a->place, DIAG_too_many_arguments, def->name, most_arguments(n));
            return show_form(def);
        }
        if (at >= n) {
            StrList names = { 0 };
            EACH(formal, def->params)
                PUSH(names, formal.name);
            fail(e, a->place, DIAG_unknown_argument, def->name, a->name);
            show_form(def);
            suggest(a->name, &names, NULL);
            return false;
        }
        if (given[at]) {
            fail(e, a->place, DIAG_given_twice, def->name, def->params.at[at].name);
            return show_form(def);
        }
        given[at] = a;
    }
    for (int p = 0; p < n; p++) {
        Entry *formal = &def->params.at[p];
        if (takes_word(formal)) {
            if (!bind_word(s, formal, given[p] ? given[p]->value : NULL))
                return false;
        } else if (given[p])
            bind_argument(s, formal->name, given[p]->value, s->around ? s->around : e->root);
        else if (formal->init)
            bind_argument(s, formal->name, formal->init, s);
        else {
            fail(e, place, DIAG_missing_argument, def->name, formal->name);
            return show_form(def);
        }
    }
    return true;
}

/* ---- choosing a definition ------------------------------------------------------------------ */
/* A layer may stand where a view is wanted, and a view where a layer is. */
static bool role_is(Str role, Str asked)
{
    const Str layer = intern("layer"), view = intern("view");
    return role == asked || (asked == layer && role == view) || (asked == view && role == layer);
}

Decl *find_definition(Elab *e, const char *role, Str name)
{
    return FIND(def, e->library, def->name == name && role_is(def->role, intern(role)));
}

/* Whole numbers where real ones are wanted: the layers that make real ones of them. */
static void help_whole(Elab *e)
{
    StrList names = { 0 };
    EACH(def, e->library) {
        const Entry *in = entry_in(def, 0);
        const Stat *out = find_stat(def, STAT_out);
        if (role_is(def->role, intern("layer")) && in && !entry_in(def, 1) && in->of
            && in->shape.at[0]->kind == SYN_dots && out && !out->entries.at[0].of)
            PUSH(names, def->name);
    }
    suggest(NULL, &names, "whole numbers are made real by a layer before it:");
}

/* What would give x the axes, or the kind of numbers, that a layer takes. */
static void help_axes(Elab *e, const Decl *def, const Tensor *x)
{
    const Entry *want = entry_in(def, 0);
    if (want && !want->of && x->elem == ELEM_int)
        help_whole(e);
    const int have = x->rank, n = want ? want->shape.n : 0;
    if (want && FIND(sub, want->shape, sub->kind == SYN_dots))
        return;
    if (want && want->of && x->elem != ELEM_int)
        report_help("it takes whole numbers: an input of the kind `tokens(t, vocab)` or "
                    "`image(c, h, w, levels = k)`");
    else if (n == 2 && have > 2)
        report_help("`flatten` before it makes one axis of all but the examples");
    else if (n == 3 && have == 4)
        report_help("`reshape(%d, %d)` before it makes a sequence of the rows",
                    x->axis[1].size * x->axis[2].size, x->axis[3].size);
    else if (n > have)
        report_help("`reshape(%s)` before it, with sizes whose product is %d, gives it the axes",
                    n == 4 ? "c, h, w" : "t, k",
                    have > 1 ? (int) (tensor_count(x) / x->axis[0].size) : 1);
}

static void report_misfit(Elab *e, Decl *def, const TensorList *in, Place place)
{
    Buf given = { 0 }, wants = { 0 };
    const Entry *entry;
    if (in->n == 2 && takes_alike(def)) {
        fail(e, place, DIAG_unequal, def->name, shape_text(in->at[0]), shape_text(in->at[1]));
        return;
    }
    EACH(t, *in)
        buf_add(&given, "%s%s", given.n ? ", " : "", shape_text(t));
    for (int k = 0; (entry = entry_in(def, k)); k++) {
        Syn shape = { .kind = SYN_list, .list = entry->shape };
        buf_add(&wants, "%s%s%s", k ? ", " : "", words_of(&shape),
                entry->of ? " of whole numbers" : "");
    }
    fail(e, place, DIAG_no_fit, def->name, wants.at ? wants.at : "nothing",
         given.at ? given.at : "nothing");
    EACH(t, *in) {
        Scope *by = producer_of(e, t);
        if (by && by->use && t->place.source && !t->place.source->prelude)
            report_note(t->place, "`%s` gives %s", by->use->words, shape_text(t));
        else if (t->role == ROLE_input)
            report_note(t->place, "`%s` has the shape %s", t->name, shape_text(t));
    }
    for (int k = 0; k < in->n && (entry = entry_in(def, k)); k++)
        if (k && entry->of && in->at[k]->elem != ELEM_int && in->at[k]->role == ROLE_input)
            report_help("`%s` holds real numbers; `image(c, h, w, levels = k)` and `tokens(t, k)` "
                        "hold whole ones", in->at[k]->name);
    if (in->n == 1)
        help_axes(e, def, in->at[0]);
}

/* ---- using it ------------------------------------------------------------------------------- */
/* Whether every `out` has its statement. */
static bool all_defined(Scope *s)
{
    EACH(n, s->names)
        if (n->kind == NAME_tensor && !n->defined && HAS(s->outs, n->tensor) && !s->e->trial)
            return say(s->e, n->place, DIAG_never_defined, n->name, n->name);
    return true;
}

static Scope *wanted_scope(const Wanted *w, Decl *def, Use *use)
{
    Scope *s = scope_new(w->around->e, w->around, def, w->path ? w->path : use->path, use);
    s->draws = w->draws ? w->draws : s->path;
    s->samples = w->samples;
    s->tied_to = w->tied;
    return s;
}

/* The next definition of this name and role, behind `at`; *sound: its arguments can be read. NULL:
 * there is none. *fits: the tensors fit it. */
static Scope *try_definition(const Wanted *w, int *at, Use *use, bool *fits, bool *sound)
{
    Elab *e = w->around->e;
    for (; *at < e->library.n; ++*at) {
        Decl *def = e->library.at[*at];
        if (def->name != w->name || !role_is(def->role, w->role))
            continue;
        Scope *s = wanted_scope(w, def, use);
        const Trial trial = trial_begin(e);
        const bool bound = bind_arguments(s, w->args, use->place);
        *sound = !bound || !e->failed;
        *fits = bound && match_all(s, w);
        trial_end(e, trial);
        ++*at;
        return s;
    }
    return NULL;
}

bool definition_fits(const Wanted *w)
{
    bool fits = false, sound;
    Use none = { intern(""), intern(""), { 0 } };
    for (int at = 0; !fits && try_definition(w, &at, &none, &fits, &sound); )
        ;
    return fits;
}

static Scope *elaborate_body(Scope *s)
{
    Elab *e = s->e;
    Using here = { s->use, e->using };
    const int errors = diag_errors();
    e->using = &here;
    EACH(st, s->def->body)
        if (diag_errors() == errors)
            elaborate_stat(s, st);
    const bool good = diag_errors() == errors && all_defined(s);
    e->using = here.up;
    if (!good)
        return NULL;
    /* Elsewhere they are what is written at computed places. */
    if (s->outs.n && role_is(s->def->role, intern("layer")))
        s->result = s->outs.at[0];
    else if (s->result)
        PUSH(e->producers, ((Producer) { s->result, s }));
    EACH(out, s->outs)
        PUSH(e->producers, ((Producer) { out, s }));
    return s;
}

Scope *instantiate(const Wanted *w, Use *use)
{
    Elab *e = w->around->e;
    Decl *first = NULL;
    Scope *s;
    bool fits, sound;
    int depth = 0;
    e->failed = 0;
    for (const Using *u = e->using; u; u = u->up)
        depth++;
    if (depth > MOST_USES)
        return say(e, use->place, DIAG_def_in_itself, w->name);
    for (int at = 0; (s = try_definition(w, &at, use, &fits, &sound));
         first = first ? first : s->def) {
        const int errors = diag_errors();
        if (!sound && !e->trial)            /* an argument is itself wrong: say so */
            bind_arguments(wanted_scope(w, s->def, use), w->args, use->place);
        if (diag_errors() > errors)
            return NULL;
        if (fits)
            return elaborate_body(s);
    }
    if (!first)
        return fail(e, use->place, DIAG_unknown_definition, w->role, w->name);
    if (bind_arguments(wanted_scope(w, first, use), w->args, use->place))
        report_misfit(e, first, &w->in, use->place);
    return NULL;
}
