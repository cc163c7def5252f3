/* inputs.c -- the declarations `input`, `label` and `data`. */
#include "elab.h"

/* ---- inputs, data --------------------------------------------------------------------------------------------------------- */
static Tensor *input_tensor(Elab *e, Decl *d, Elem elem, int of)
{
    Tensor *t = tensor_new(e->m, d->name, ROLE_input, elem);
    t->axis[t->rank++] = example_axis(e, 1);
    t->of = of;
    t->place = d->place;
    return t;
}

void declare_input(Elab *e, Decl *d, bool label)
{
    static const struct { const char *kind; bool label; int least, most; int classes_at; bool whole; } kinds[] = {
        { "vector", 0, 1, 1, -1, 0 }, { "image", 0, 3, 3, -1, 0 }, { "sequence", 0, 2, 2, -1, 0 }, { "tokens", 0, 2, 2, 1, 1 },
        { "class", 1, 1, 1, 0, 1 }, { "labels", 1, 1, 1, -1, 0 }, { "real", 1, 1, 1, -1, 0 },
        { "classmap", 1, 3, 3, 0, 1 }, { "boxes", 1, 2, 2, -1, 0 }, { "tokens", 1, 2, 2, 1, 1 },
    };
    Syn *v = d->value;
    const int nkinds = (int) (sizeof kinds / sizeof *kinds);
    int kind = -1;
    StrList names = { 0 };
    for (int k = 0; k < nkinds; k++)
        if (kinds[k].label == label) {
            PUSH(names, intern(kinds[k].kind));
            if (v->kind == SYN_call && v->name == intern(kinds[k].kind))
                kind = k;
        }
    if (kind < 0) {
        SAY(e, v->place, DIAG_unknown_kind, label ? "label" : "input", v->name ? v->name : words_of(v));
        suggest(v->name, &names, label ? "the kinds of labels are" : "the kinds of inputs are");
        return;
    }
    if (v->args.n < kinds[kind].least || v->args.n > kinds[kind].most) {
        SAY(e, v->place, DIAG_argument_count, v->name, kinds[kind].least, v->args.n);
        report_help("`aec doc %s` tells what they are", v->name);
        return;
    }
    int size[4] = { 0 }, upto = -1;
    for (int k = 0; k < v->args.n; k++) {
        Syn *a = v->args.at[k].value;
        if (a->kind == SYN_pair && !a->a) {
            upto = k;
            a = a->b;
        }
        Ctx c = size_ctx(e->root);
        e->failed = 0;
        size[k] = size_of(&c, a);
        if (size[k] < 1) {
            SAY(e, a->place, DIAG_empty_axis, d->name, words_of(v));
            return;
        }
    }
    const int at = kinds[kind].classes_at;
    Input in = { .name = d->name, .kind = v->name, .label = label, .place = d->place, .classes = at >= 0 ? size[at] : 0 };
    Tensor *t = input_tensor(e, d, kinds[kind].whole ? ELEM_int : ELEM_real, in.classes);
    if (upto == 0) {
        in.length = tensor_new(e->m, format("length_%s", d->name), ROLE_length, ELEM_int);
        in.length->rank = 1;
        in.length->axis[0] = example_axis(e, 1);
    }
    for (int k = 0; k < v->args.n; k++)
        if (k != at)
            t->axis[t->rank++] = (Axis) { size[k], upto == k ? in.length : NULL, false, NULL };
    in.tensor = t;
    if (label) {
        in.has = tensor_new(e->m, format("has_%s", d->name), ROLE_input, ELEM_int);
        in.has->rank = 1;
        in.has->axis[0] = example_axis(e, 1);
        in.has->of = 2;
    }
    PUSH(e->m->inputs, in);
}

void declare_data(Elab *e, Decl *d)
{
    static const char *const known[] = { "train", "test", "validation", "scale", "scale_label", "only", "test_only", "rows" };
    static const char *const sources[] = { "digits", "idx", "csv", "npy", "npz", "png", "text", "blobs", "ring", "moons",
                                           "swiss_roll", "sines" };
    for (int k = 0; k < d->settings.n; k++) {
        Setting *s = &d->settings.at[k];
        bool found = false;
        for (size_t q = 0; q < sizeof known / sizeof *known; q++)
            found |= !strcmp(known[q], s->name);
        if (!found) {
            unknown_setting(e, s, "data", known, (int) (sizeof known / sizeof *known));
            continue;
        }
        if ((s->name != intern("train") && s->name != intern("test")) || s->value->kind != SYN_call) {
            if (s->name == intern("train")) {
                SAY(e, s->value->place, DIAG_unknown_source, words_of(s->value));
                report_help("a source is written as a call, such as `digits()` or `csv(\"file.csv\")`");
            } else
                PUSH(e->m->data_settings, *s);
            continue;
        }
        StrList names = { 0 };
        found = false;
        for (size_t q = 0; q < sizeof sources / sizeof *sources; q++) {
            PUSH(names, intern(sources[q]));
            found |= !strcmp(sources[q], s->value->name);
        }
        if (!found) {
            SAY(e, s->value->place, DIAG_unknown_source, s->value->name);
            suggest(s->value->name, &names, "the sources are");
            continue;
        }
        DataSource source = { .split = s->name, .kind = s->value->name, .place = s->place };
        for (int q = 0; q < s->value->args.n; q++) {
            Arg *a = &s->value->args.at[q];
            if (!a->name && a->value->kind == SYN_string)
                PUSH(source.files, a->value->name);
            else if (a->name)
                PUSH(source.args, ((Setting) { a->name, a->value, a->place }));
            else {
                SAY(e, a->place, DIAG_source_argument, source.kind);
                if (a->value->kind == SYN_name)
                    report_help("write `\"%s\"` in quotes", a->value->name);
            }
        }
        PUSH(e->m->data, source);
    }
}
