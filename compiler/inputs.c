/* inputs.c -- the declarations `input` and `label`. */
#include "elab.h"

enum { NONE = -1 };

/* classes_at: which of the `sizes` is no axis but the number of values that each element may have;
 * classes: the argument by name that says so, and may be left out: the elements are then real.
 * lengths: the first size may be `..40`, a length of its own for each example. */
static const struct {
    const char *name;
    bool label;
    int sizes, classes_at;
    const char *classes;
    bool lengths;
} kinds[] = {
    { "vector",   0, 1, NONE, NULL,     false },
    { "image",    0, 3, NONE, "levels", false },
    { "sequence", 0, 2, NONE, NULL,     true },
    { "tokens",   0, 2, 1,    NULL,     true },
    { "class",    1, 1, 0,    NULL,     false },
    { "labels",   1, 1, NONE, NULL,     false },
    { "real",     1, 1, NONE, NULL,     false },
    { "tokens",   1, 2, 1,    NULL,     true },
    { "boxes",    1, 2, NONE, NULL,     false },
    { "classmap", 1, 3, 0,    NULL,     false },
};

/* The argument by name; NULL: it is left out. */
static const Arg *argument_named(Syn *v, const char *name)
{
    return FIND_AT(a, v->args, a->name && name && !strcmp(a->name, name));
}

/* Whether a call has the sizes that the kind has, and nothing else; else false after a report. */
static bool takes_sizes(Elab *e, Syn *v, int kind)
{
    int sizes = 0;
    EACH_AT(a, v->args) {
        sizes += !a->name;
        if (a->name && a != argument_named(v, kinds[kind].classes)) {
            say(e, a->place,
                argument_named(v, a->name) == a ? DIAG_unknown_argument : DIAG_given_twice,
                v->name, a->name);
            report_help("`aec doc %s` tells what its arguments are", v->name);
            return false;
        }
    }
    if (sizes == kinds[kind].sizes)
        return true;
    say(e, v->place, DIAG_argument_count, v->name, kinds[kind].sizes, sizes);
    report_help("`aec doc %s` tells what they are", v->name);
    return false;
}

/* The row of kinds; NONE after a report. */
static int kind_of(Elab *e, Syn *v, bool label)
{
    StrList names = { 0 };
    for (int k = 0; k < COUNT(kinds); k++) {
        if (kinds[k].label != label)
            continue;
        if (v->kind == SYN_call && v->name == intern(kinds[k].name))
            return takes_sizes(e, v, k) ? k : NONE;
        PUSH(names, intern(kinds[k].name));
    }
    say(e, v->place, DIAG_unknown_kind, label ? "label" : "input",
        v->name ? v->name : words_of(v));
    suggest(v->name, &names, label ? "the kinds of labels are" : "the kinds of inputs are");
    return NONE;
}

/* A whole number for each example. */
static Tensor *row_numbers(Elab *e, Str name, Role role, int of)
{
    const Axis n = example_axis(e, 1);
    Tensor *t = shaped(tensor_new(e->m, name, role, ELEM_int), &n, 1);
    t->of = of;
    return t;
}

/* A size, at least 1; 0 after a report. */
static int declared_size(Elab *e, Decl *d, Syn *a)
{
    e->failed = 0;
    const int size = size_of(e->root, a);
    if (size >= 1)
        return size;
    say(e, a->place, DIAG_empty_axis, d->name, words_of(d->value));
    return 0;
}

void declare_input(Elab *e, Decl *d, bool label)
{
    Syn *v = d->value;
    const int kind = kind_of(e, v, label), at = kind < 0 ? NONE : kinds[kind].classes_at;
    if (kind < 0)
        return;
    Input in = { .name = d->name, .kind = v->name, .label = label, .place = d->place };
    Axis axis[MAX_RANK] = { example_axis(e, 1) };
    int rank = 1;
    const Arg *levels = argument_named(v, kinds[kind].classes);
    if (levels && !(in.classes = declared_size(e, d, levels->value)))
        return;
    Tensor *t = in.tensor = tensor_new(e->m, d->name, ROLE_input,
                                       levels || at >= 0 ? ELEM_int : ELEM_real);
    for (int k = 0, place = 0; k < v->args.n; k++) {
        Syn *a = v->args.at[k].value;
        if (v->args.at[k].name)
            continue;
        const bool upto = a->kind == SYN_pair && !a->a;
        if (upto && (place || !kinds[kind].lengths)) {
            say(e, a->place, DIAG_no_lengths, words_of(a));
            return;
        }
        const int size = declared_size(e, d, upto ? a->b : a);
        if (!size)
            return;
        if (upto)
            in.length = row_numbers(e, format("length_%s", d->name), ROLE_length, 0);
        if (place++ == at)
            in.classes = size;
        else
            axis[rank++] = (Axis) { size, upto ? in.length : NULL, false, NULL };
    }
    shaped(t, axis, rank);
    t->of = in.classes;
    t->place = d->place;
    if (label)
        in.has = row_numbers(e, format("has_%s", d->name), ROLE_input, 2);
    PUSH(e->m->inputs, in);
}
