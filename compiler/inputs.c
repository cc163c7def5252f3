/* inputs.c -- the declarations `input`, `label` and `data`. */
#include "elab.h"

static const struct { const char *name; bool label; int least, most, classes_at; Elem elem; } kinds[] = {
    { "vector",   0, 1, 1, -1, ELEM_real }, { "image",  0, 3, 3, -1, ELEM_real }, { "sequence", 0, 2, 2, -1, ELEM_real },
    { "tokens",   0, 2, 2,  1, ELEM_int  }, { "class",  1, 1, 1,  0, ELEM_int  }, { "labels",   1, 1, 1, -1, ELEM_real },
    { "real",     1, 1, 1, -1, ELEM_real }, { "classmap", 1, 3, 3, 0, ELEM_int }, { "boxes",    1, 2, 2, -1, ELEM_real },
    { "tokens",   1, 2, 2,  1, ELEM_int  },
};

/* The row of kinds; -1 after a report. */
static int kind_of(Elab *e, Syn *v, bool label)
{
    StrList names = { 0 };
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        if (kinds[k].label != label)
            continue;
        if (v->kind == SYN_call && v->name == intern(kinds[k].name)) {
            if (v->args.n >= kinds[k].least && v->args.n <= kinds[k].most)
                return (int) k;
            say(e, v->place, DIAG_argument_count, v->name, kinds[k].least, v->args.n);
            report_help("`aec doc %s` tells what they are", v->name);
            return -1;
        }
        PUSH(names, intern(kinds[k].name));
    }
    say(e, v->place, DIAG_unknown_kind, label ? "label" : "input", v->name ? v->name : words_of(v));
    suggest(v->name, &names, label ? "the kinds of labels are" : "the kinds of inputs are");
    return -1;
}

/* A whole number for each example. */
static Tensor *row_numbers(Elab *e, Str name, Role role, int of)
{
    const Axis n = example_axis(e, 1);
    Tensor *t = shaped(tensor_new(e->m, name, role, ELEM_int), &n, 1);
    t->of = of;
    return t;
}

void declare_input(Elab *e, Decl *d, bool label)
{
    Syn *v = d->value;
    const int kind = kind_of(e, v, label), at = kind < 0 ? -1 : kinds[kind].classes_at;
    int size[4] = { 0 }, upto = -1;
    for (int k = 0; kind >= 0 && k < v->args.n; k++) {
        Syn *a = v->args.at[k].value;
        Ctx c = size_ctx(e->root);
        if (a->kind == SYN_pair && !a->a) {
            upto = k;
            a = a->b;
        }
        e->failed = 0;
        size[k] = size_of(&c, a);
        if (size[k] < 1) {
            say(e, a->place, DIAG_empty_axis, d->name, words_of(v));
            return;
        }
    }
    if (kind < 0)
        return;
    Input in = { .name = d->name, .kind = v->name, .label = label, .place = d->place, .classes = at >= 0 ? size[at] : 0 };
    Axis axis[MAX_RANK] = { example_axis(e, 1) };
    int rank = 1;
    Tensor *t = in.tensor = tensor_new(e->m, d->name, ROLE_input, kinds[kind].elem);
    if (upto == 0)
        in.length = row_numbers(e, format("length_%s", d->name), ROLE_length, 0);
    for (int k = 0; k < v->args.n; k++)
        if (k != at)
            axis[rank++] = (Axis) { size[k], upto == k ? in.length : NULL, false, NULL };
    shaped(t, axis, rank);
    t->of = in.classes;
    t->place = d->place;
    if (label)
        in.has = row_numbers(e, format("has_%s", d->name), ROLE_input, 2);
    PUSH(e->m->inputs, in);
}

/* train = csv("x.csv", header = 1) */
static void declare_source(Elab *e, Setting *s)
{
    static const char *const known[] = { "digits", "idx", "csv", "npy", "npz", "cifar", "png", "text", "blobs", "ring",
                                         "moons", "swiss_roll", "sines", "shapes" };
    StrList names = { 0 };
    for (size_t q = 0; q < sizeof known / sizeof *known; q++)
        PUSH(names, intern(known[q]));
    if (!HAS(names, s->value->name)) {
        say(e, s->value->place, DIAG_unknown_source, s->value->name);
        suggest(s->value->name, &names, "the sources are");
        return;
    }
    DataSource source = { .split = s->name, .kind = s->value->name, .place = s->place };
    EACH_AT(a, s->value->args)
        if (a->name)
            PUSH(source.args, ((Setting) { a->name, a->value, a->place }));
        else if (a->value->kind == SYN_string)
            PUSH(source.files, a->value->name);
        else {
            say(e, a->place, DIAG_source_argument, source.kind);
            if (a->value->kind == SYN_name)
                report_help("write `\"%s\"` in quotes", a->value->name);
        }
    PUSH(e->m->data, source);
}

void declare_data(Elab *e, Decl *d)
{
    static const char *const known[] = { "train", "test", "validation", "scale", "scale_label", "only", "test_only", "rows", NULL };
    EACH_AT(s, d->settings) {
        const bool train = s->name == intern("train");
        if (!is_setting(e, s, "data", known))
            continue;
        if ((train || s->name == intern("test")) && s->value->kind == SYN_call)
            declare_source(e, s);
        else if (train) {
            say(e, s->value->place, DIAG_unknown_source, words_of(s->value));
            report_help("a source is written as a call, such as `digits()` or `csv(\"file.csv\")`");
        } else
            PUSH(e->m->data_settings, *s);
    }
}
