/* blame.c -- what the elaborator's messages share: whose line a mistake is on, what a name could
 * have been, how a definition is called.
 *
 * A mistake found in the prelude is the user's, on the line that uses the definition. */
#include "elab.h"

/* ---- reports -------------------------------------------------------------------------------- */
Place blame(Elab *e, Place p)
{
    for (Using *u = e->using; u && p.source && p.source->prelude; u = u->up)
        if (u->use->place.source && !u->use->place.source->prelude)
            return u->use->place;
    return p;
}

static void say_list(Elab *e, Place p, Diag which, va_list args)
{
    vreport(blame(e, p), which, args);
    if (p.source && p.source->prelude && e->using && blame(e, p).source != p.source) {
        Str words = e->using->use->words;
        report_note(p, "in the definition of `%.*s`", (int) strcspn(words, "("), words);
    }
}

void *say(Elab *e, Place p, Diag which, ...)
{
    va_list args;
    va_start(args, which);
    say_list(e, p, which, args);
    va_end(args);
    return NULL;
}

void *fail(Elab *e, Place p, Diag which, ...)
{
    va_list args;
    va_start(args, which);
    if (e->failed++ || e->trial)
        report_nothing();
    else
        say_list(e, p, which, args);
    va_end(args);
    return NULL;
}

Trial trial_begin(Elab *e)
{
    const Trial t = { e->trial, e->failed };
    e->trial = true;
    e->failed = 0;
    return t;
}

void trial_end(Elab *e, Trial t)
{
    e->trial = t.trial;
    e->failed = t.failed;
}

void *fail_rank(Elab *e, Place p, Str name, int want, int got)
{
    return fail(e, p, DIAG_rank, name, want, want == 1 ? "axis" : "axes", got);
}

Str words_of(const Syn *s)
{
    Buf b = { 0 };
    syn_print(&b, s);
    return intern(b.at);
}

/* ---- names ---------------------------------------------------------------------------------- */
void suggest(Str word, const StrList *names, const char *what)
{
    Str near = word ? nearest(word, names->at, names->n) : NULL;
    if (near) {
        report_help("did you mean `%s`?", near);
        return;
    }
    if (!what)
        return;
    StrList once = { 0 };
    Buf b = { 0 };
    EACH(name, *names)
        PUSH_NEW(once, name);
    EACH(name, once)
        buf_add(&b, "%s%s", b.n ? ", " : "", name);
    if (b.n)
        report_help("%s %s", what, b.at);
}

void definition_names(Elab *e, const char *role, StrList *names)
{
    EACH(def, e->library)
        if (def->role == intern(role))
            PUSH(*names, def->name);
}

void scope_names(Scope *s, NameKind kind, StrList *names)
{
    for (; s; s = s->up)
        EACH(n, s->names)
            if (n->kind == kind)
                PUSH(*names, n->name);
}

Str most_arguments(int n)
{
    return n ? format("at most %d argument%s", n, n > 1 ? "s" : "") : "no arguments";
}

/* Where the name is one of another role: how that is written. True when it was. */
bool suggest_role(Elab *e, Str name)
{
    static const struct { const char *role, *is, *before, *behind; } roles[] = {
        { "loss",       "a loss",       "reconstruct x by ", "" },
        { "likelihood", "a likelihood", "reconstruct x ~ ",  "" },
        { "latent",     "a latent",     "bottleneck z ~ ",   "(8)" },
        { "layer",      "a layer",      "encoder { ",        " }" },
        { "view",       "a view",       "corrupt x { ",      " }" },
    };
    EACH_ROW(r, roles) {
        StrList names = { 0 };
        definition_names(e, r->role, &names);
        if (name && HAS(names, name)) {
            report_help("`%s` is %s: `%s%s%s`", name, r->is, r->before, name, r->behind);
            return true;
        }
    }
    return false;
}

static bool has_term(const Decl *def, Str name)
{
    return FIND(st, def->body, st->role == intern("term") && st->left->name == name);
}

bool names_term(Elab *e, Str name)
{
    return FIND(def, e->library, has_term(def, name));
}

/* Where the name is a term of some definitions: theirs. True when it was. */
bool suggest_term(Elab *e, Str name)
{
    Buf b = { 0 };
    EACH(def, e->library)
        if (has_term(def, name))
            buf_add(&b, "%s%s", b.n ? ", " : "", def->name);
    if (b.n)
        report_help("`%s` is a term of %s, and what it is asked of is none of these", name, b.at);
    return b.n;
}

void suggest_definition(Elab *e, const char *role, Str word)
{
    StrList names = { 0 };
    definition_names(e, role, &names);
    const bool slip = word && nearest(word, names.at, names.n);
    if (word && !slip && !strcmp(role, "latent") && find_definition(e, "layer", word))
        report_help("`%s` is a layer, and nothing of it is drawn: write `=` for `~`", word);
    else if (slip || !suggest_role(e, word))
        suggest(word, &names, "there are");
}

/* ---- what a definition takes ---------------------------------------------------------------- */
/* Its inputs and targets, in order; NULL behind the last. */
const Entry *entry_in(const Decl *def, int at)
{
    EACH(st, def->body)
        if (st->kind == STAT_in || st->kind == STAT_target) {
            if (at < st->entries.n)
                return &st->entries.at[at];
            at -= st->entries.n;
        }
    return NULL;
}

int inputs_of(const Decl *def)
{
    int n = 0;
    while (entry_in(def, n))
        n++;
    return n;
}

Stat *find_stat(const Decl *def, StatKind kind)
{
    return FIND(st, def->body, st->kind == kind);
}

/* Do both inputs take the same axes? */
bool takes_alike(const Decl *def)
{
    const Entry *a = entry_in(def, 0), *b = entry_in(def, 1);
    if (!a || !b || a->shape.n != b->shape.n || entry_in(def, 2) || a->of || b->of)
        return false;
    const SynList *x = &a->shape, *y = &b->shape;
    return ALL(k, x->n, x->at[k]->kind == y->at[k]->kind && x->at[k]->name == y->at[k]->name);
}
