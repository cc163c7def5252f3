/* sources.c -- the declaration `data`: where examples come from, and what is done to them;
 * what settings may be. */
#include "elab.h"
#include <math.h>

static const char *const known_sources[] = { "digits", "idx", "csv", "npy", "npz", "cifar", "png", "text", "pairs", "blobs", "ring",
                                             "moons", "swiss_roll", "sines", "shapes" };

#define MADE "blobs ring moons swiss_roll sines shapes"
#define STEPS "`standard`, or a range such as `0..1`"
#define COLUMNS "the name of a column in quotes, or a list of them"

/* What the settings of `data` and of sources may be: a number from least to most, which may have
 * to be whole; one of some words; texts; a range; or anything, where `is` is NULL. */
typedef enum { NUMBER, WORD, TEXTS, RANGE, ANYTHING } Takes;

static const struct { const char *of, *name; Takes takes; double least, most; bool whole; const char *words, *is; } settings[] = {
    { "data", "train",          .takes = ANYTHING },
    { "data", "test",           NUMBER, 0, 1 - 1e-9, false, NULL, "a source such as `digits()`, or a fraction of the rows from 0 to below 1" },
    { "data", "validation",     NUMBER, 0, 1 - 1e-9, false, NULL, "a fraction of the rows from 0 to below 1" },
    { "data", "scale",          RANGE,  .words = "standard", .is = STEPS },
    { "data", "scale_label",    RANGE,  .words = "standard", .is = STEPS },
    { "data", "only",           .takes = ANYTHING },
    { "data", "test_only",      .takes = ANYTHING },
    { "data", "rows",           NUMBER, 1, INFINITY, true, NULL, "a whole number of at least 1" },
    { "csv", "target",          TEXTS,  .is = COLUMNS },
    { "csv", "columns",         TEXTS,  .is = COLUMNS },
    { "text pairs", "by",       WORD,   .words = "word space char", .is = "`word`, `space` or `char`" },
    { "text", "rows",           WORD,   .words = "line piece window", .is = "`line`, `piece` or `window`" },
    { "text pairs", "min_count", NUMBER, 1, INFINITY, true, NULL, "a whole number of at least 1" },
    { MADE, "n",                NUMBER, 1, 1e8, true, NULL, "a whole number of rows, from 1 to 100000000" },
    { MADE, "noise",            NUMBER, 0, INFINITY, false, NULL, "a number of at least 0" },
    { MADE, "seed",             NUMBER, 0, 0x1p53, true, NULL, "a whole number of at least 0" },
    { "blobs", "centres",       NUMBER, 1, 1000, true, NULL, "a whole number from 1 to 1000" },
    { "train", "minimize",      .takes = ANYTHING },
    { "train", "freeze",        .takes = ANYTHING },
    { "train", "labels",        NUMBER, 1, 1e9, true, NULL, "a whole number of at least 1" },
    { "train", "optimizer",     .takes = ANYTHING },
    { "train", "schedule",      .takes = ANYTHING },
    { "train", "batch",         NUMBER, 1, 1e9, true, "all", "a whole number of at least 1, or `all`" },
    { "train", "accumulate",    NUMBER, 1, 1e9, true, NULL, "a whole number of at least 1" },
    { "train", "drop_last",     NUMBER, 0, 1, true, NULL, "`true` or `false`" },
    { "train", "epochs",        NUMBER, 0, 1e9, true, NULL, "a whole number of at least 0" },
    { "train", "early_stop",    NUMBER, 1, 1e9, true, NULL, "a whole number of at least 1" },
    { "train", "clip",          NUMBER, 0x1p-1074, INFINITY, false, NULL, "a number above 0" },
    /* whole in a double */
    { "train", "seed",          NUMBER, 0, 0x1p53, true, NULL, "a whole number of at least 0" },
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
        return word || (v->kind == SYN_num && v->num >= settings[row].least && v->num <= settings[row].most
            && (!settings[row].whole || v->num == floor(v->num)));
    case TEXTS:
        return v->kind == SYN_string || (v->kind == SYN_list && !FIND(part, v->list, part->kind != SYN_string));
    case RANGE:
        return word || (v->kind == SYN_pair && v->a && v->b && v->a->kind == SYN_num && v->b->kind == SYN_num && v->a->num < v->b->num);
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

/* A list of texts, as columns = ["a", "b"], is an argument for each of them. */
static void add_argument(Elab *e, DataSource *source, const Arg *a)
{
    Syn *const v = setting_value(e, source->kind, a->name, a->value, a->place, DIAG_unknown_argument);
    if (!v)
        return;
    const bool texts = v->kind == SYN_list;
    for (int k = 0; k < (texts ? v->list.n : 1); k++)
        PUSH(source->args, ((Setting) { a->name, texts ? v->list.at[k] : v, a->place }));
}

/* train = csv("x.csv", target = "y") */
static void declare_source(Elab *e, Setting *s)
{
    StrList names = { 0 };
    for (int q = 0; q < COUNT(known_sources); q++)
        PUSH(names, intern(known_sources[q]));
    if (!HAS(names, s->value->name)) {
        say(e, s->value->place, DIAG_unknown_source, s->value->name);
        suggest(s->value->name, &names, "the sources are");
        return;
    }
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
    PUSH(e->m->data, source);
}

void declare_data(Elab *e, Decl *d)
{
    EACH_AT(s, d->settings) {
        const bool train = s->name == intern("train");
        const bool source = (train || s->name == intern("test")) && s->value->kind == SYN_call;
        Syn *const v = source ? s->value : setting_value(e, "data", s->name, s->value, s->place, DIAG_unknown_setting);
        if (!v || !set_once(e, d, s))
            continue;
        if (source) {
            declare_source(e, s);
        } else if (train) {
            say(e, v->place, DIAG_unknown_source, words_of(v));
            report_help("a source is written as a call, such as `digits()` or `csv(\"file.csv\")`");
        } else {
            PUSH(e->m->data_settings, ((Setting) { s->name, settled(e, v), s->place }));
        }
    }
}
