/* sources.c -- the declaration `data`: where examples come from, and what is done to them;
 * what settings may be. */
#include "elab.h"
#include <limits.h>
#include <math.h>

/* The sources, and how many files they read. */
static const struct { const char *name; int least, most; const char *is; } known[] = {
    { "digits",     0, 0,       "no file" },
    { "idx",        1, 2,       "a file of images and one of labels, which may be left out" },
    { "csv",        1, 1,       "one file" },
    { "npy",        1, INT_MAX, "a file for each input and label" },
    { "npz",        1, 1,       "one file" },
    { "cifar",      1, INT_MAX, "one file or several" },
    { "png",        1, 1,       "one folder" },
    { "text",       1, INT_MAX, "one file or several" },
    { "pairs",      1, INT_MAX, "one file or several" },
    { "blobs",      0, 0,       "no file" },
    { "ring",       0, 0,       "no file" },
    { "moons",      0, 0,       "no file" },
    { "swiss_roll", 0, 0,       "no file" },
    { "sines",      0, 0,       "no file" },
    { "shapes",     0, 0,       "no file" },
};

#define MADE "blobs ring moons swiss_roll sines shapes"
#define STEPS "`standard`, or a range such as `0..1`"
#define COLUMNS "the name of a column in quotes, or a list of them"

/* What the settings of `data` and of sources may be: a number from least to most, which may have
 * to be whole; one of some words; texts; a range; or anything, where `is` is NULL. */
typedef enum { NUMBER, WORD, TEXTS, RANGE, ANYTHING } Takes;

static const struct {
    const char *of, *name;
    Takes takes;
    double least, most;
    bool whole;
    const char *words, *is;
} settings[] = {
    { "data", "train",          .takes = ANYTHING },
    { "data", "test",           NUMBER, 0, 1 - 1e-9, false, NULL,
      "a source such as `digits()`, or a fraction of the rows from 0 to below 1" },
    { "data", "validation",     NUMBER, 0, 1 - 1e-9, false, NULL,
      "a fraction of the rows from 0 to below 1" },
    { "data", "scale",          RANGE,  .words = "standard", .is = STEPS },
    { "data", "scale_label",    RANGE,  .words = "standard", .is = STEPS },
    { "data", "only",           .takes = ANYTHING },
    { "data", "test_only",      .takes = ANYTHING },
    { "data", "rows",           NUMBER, 1, INFINITY, true, NULL, "a whole number of at least 1" },
    { "csv", "target",          TEXTS,  .is = COLUMNS },
    { "csv", "columns",         TEXTS,  .is = COLUMNS },
    { "text pairs", "by",       WORD,   .words = "word space char",
      .is = "`word`, `space` or `char`" },
    { "text", "rows",           WORD,   .words = "line piece window",
      .is = "`line`, `piece` or `window`" },
    { "text pairs", "min_count", NUMBER, 1, INFINITY, true, NULL, "a whole number of at least 1" },
    { MADE, "n", NUMBER, 1, 1e8, true, NULL, "a whole number of rows, from 1 to 100000000" },
    { MADE, "noise", NUMBER, 0, INFINITY, false, NULL, "a number of at least 0" },
    { MADE, "seed", NUMBER, 0, 0x1p53, true, NULL, "a whole number of at least 0" },
    { "blobs", "centres", NUMBER, 1, 1000, true, NULL, "a whole number from 1 to 1000" },
    { "train", "minimize", .takes = ANYTHING },
    { "train", "freeze", .takes = ANYTHING },
    { "train", "labels", NUMBER, 1, 1e9, true, NULL, "a whole number of at least 1" },
    { "train", "optimizer", .takes = ANYTHING },
    { "train", "schedule", .takes = ANYTHING },
    { "train", "batch", NUMBER, 1, 1e9, true, "all", "a whole number of at least 1, or `all`" },
    { "train", "accumulate", NUMBER, 1, 1e9, true, NULL, "a whole number of at least 1" },
    { "train", "drop_last", NUMBER, 0, 1, true, NULL, "`true` or `false`" },
    { "train", "epochs", NUMBER, 0, 1e9, true, NULL, "a whole number of at least 0" },
    { "train", "early_stop", NUMBER, 1, 1e9, true, NULL, "a whole number of at least 1" },
    { "train", "clip", NUMBER, 0x1p-1074, INFINITY, false, NULL, "a number above 0" },
    /* whole in a double */
    { "train", "seed", NUMBER, 0, 0x1p53, true, NULL, "a whole number of at least 0" },
};

/* Whether a word stands among those that spaces part. */
static bool among(const char *words, const char *word)
{
    const size_t n = strlen(word);
    for (const char *at = words; at && (at = strstr(at, word)); at += n)
        if ((at == words || at[-1] == ' ') && (at[n] == 0 || at[n] == ' '))
            return true;
    return false;
}

static bool fits(int row, const Syn *v)
{
    const bool word = v->kind == SYN_name && among(settings[row].words, v->name);
    switch (settings[row].takes) {
    case NUMBER:
        return word
            || (v->kind == SYN_num && v->num >= settings[row].least && v->num <= settings[row].most
                && (!settings[row].whole || v->num == floor(v->num)));
    case TEXTS:
        return v->kind == SYN_string
            || (v->kind == SYN_list && !FIND(part, v->list, part->kind != SYN_string));
    case RANGE:
        return word
            || (v->kind == SYN_pair && v->a && v->b && v->a->kind == SYN_num
                && v->b->kind == SYN_num && v->a->num < v->b->num);
    case WORD:
        return word;
    case ANYTHING:
        return true;
    }
    return false;
}

/* The value; NULL after a report: `of` has no such setting, or it is something else. */
Syn *setting_value(Elab *e, const char *of, Str name, Syn *v, Place place, int unknown)
{
    const int errors = diag_errors();
    StrList names = { 0 };
    for (int k = 0; k < COUNT(settings); k++) {
        if (!among(settings[k].of, of))
            continue;
        PUSH(names, intern(settings[k].name));
        if (name != intern(settings[k].name))
            continue;
        Syn *const is = settings[k].takes == ANYTHING ? v : settled(e, v);
        if (diag_errors() > errors)
            return NULL;
        if (fits(k, is))
            return is;
        say(e, v->place, DIAG_setting_value, name, settings[k].is, words_of(is));
        if (settings[k].takes == NUMBER && is->kind == SYN_name)
            report_help("a constant is declared by `set %s = 10`", is->name);
        return NULL;
    }
    if (unknown == DIAG_unknown_setting)
        say(e, place, DIAG_unknown_setting, name, of);
    else
        say(e, place, DIAG_unknown_argument, of, name);
    if (names.n)
        suggest(name, &names, "the settings are");
    else
        report_help("`%s` takes no settings", of);
    return NULL;
}

bool set_once(Elab *e, Decl *d, const Setting *s)
{
    const Setting *first = setting_of(d, s->name);
    if (first == s)
        return true;
    say(e, s->place, DIAG_setting_twice, s->name);
    report_note(first->place, "it is set here first");
    return false;
}

/* A list, as columns = ["a", "b"] or only = [0, 1], is a setting for each of its parts. */
static void add_setting(SettingList *to, Str name, Syn *v, Place place)
{
    const bool list = v->kind == SYN_list;
    for (int k = 0; k < (list ? v->list.n : 1); k++)
        PUSH(*to, ((Setting) { name, list ? v->list.at[k] : v, place }));
}

static void add_argument(Elab *e, DataSource *source, const Arg *a)
{
    Syn *const v = setting_value(e, source->kind, a->name, a->value, a->place,
                                 DIAG_unknown_argument);
    if (v)
        add_setting(&source->args, a->name, v, a->place);
}

/* train = csv("x.csv", target = "y") */
static void declare_source(Elab *e, Setting *s)
{
    const int which = FIRST(k, COUNT(known), s->value->name == intern(known[k].name));
    if (which < 0) {
        StrList names = { 0 };
        for (int k = 0; k < COUNT(known); k++)
            PUSH(names, intern(known[k].name));
        say(e, s->value->place, DIAG_unknown_source, s->value->name);
        suggest(s->value->name, &names, "the sources are");
        return;
    }
    const int errors = diag_errors();
    DataSource source = { .split = s->name, .kind = s->value->name, .place = s->place };
    for (int k = 0; k < s->value->args.n; k++) {
        const Arg *const a = &s->value->args.at[k];
        if (a->name && ANY(j, k, s->value->args.at[j].name == a->name))
            say(e, a->place, DIAG_given_twice, source.kind, a->name);
        else if (a->name)
            add_argument(e, &source, a);
        else if (a->value->kind == SYN_string)
            PUSH(source.files, a->value->name);
        else {
            say(e, a->place, DIAG_source_argument, source.kind);
            if (a->value->kind == SYN_name)
                report_help("write `\"%s\"` in quotes", a->value->name);
        }
    }
    if (diag_errors() == errors
            && (source.files.n < known[which].least || source.files.n > known[which].most))
        say(e, s->value->place, DIAG_source_files, source.kind, known[which].is, source.files.n);
    PUSH(e->m->data, source);
}

void declare_data(Elab *e, Decl *d)
{
    EACH_AT(s, d->settings) {
        const bool train = s->name == intern("train");
        const bool source = (train || s->name == intern("test")) && s->value->kind == SYN_call;
        Syn *const v = source
            ? s->value
            : setting_value(e, "data", s->name, s->value, s->place, DIAG_unknown_setting);
        if (!v || !set_once(e, d, s))
            continue;
        if (source) {
            declare_source(e, s);
        } else if (train) {
            say(e, v->place, DIAG_unknown_source, words_of(v));
            report_help("a source is written as a call, such as `digits()` or "
                        "`csv(\"file.csv\")`");
        } else if (v->kind == SYN_list && !v->list.n) {
            say(e, v->place, DIAG_setting_value, s->name, "a list of classes", "[]");
        } else {
            add_setting(&e->m->data_settings, s->name, settled(e, v), s->place);
        }
    }
}

/* ---- what needs a label of some kind -------------------------------------------------------- */
/* only = [0, "cat"]: a class by its number, or by its name in the data. */
static bool is_class(const Syn *v, int classes)
{
    return v->kind == SYN_name || v->kind == SYN_string
        || (v->kind == SYN_num && v->num >= 0 && v->num < classes && v->num == floor(v->num));
}

void check_data(Elab *e)
{
    static const struct { const char *setting, *kind; } needs[] = {
        { "only", "class" }, { "test_only", "class" }, { "scale_label", "real" },
    };
    StrList told = { 0 };
    EACH_AT(s, e->m->data_settings) {
        const int k = FIRST(j, COUNT(needs), s->name == intern(needs[j].setting));
        const Input *of = k < 0
            ? NULL
            : FIND_AT(in, e->m->inputs, in->label && in->kind == intern(needs[k].kind));
        if (k >= 0 && !of && !HAS(told, s->name)) {
            report(s->place, DIAG_label_missing, s->name, needs[k].kind);
            PUSH(told, s->name);
        } else if (of && of->classes && !is_class(s->value, of->classes))
            report(s->value->place, DIAG_setting_value, s->name,
                   format("a list of classes, numbers from 0 to %d or names", of->classes - 1),
                   words_of(s->value));
    }
}
