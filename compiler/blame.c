/* blame.c -- what the elaborator's messages share: whose line a mistake is on, what a name could have been,
 * how a definition is called, and which number would make a shape fit.
 *
 * A mistake found in the prelude is the user's, on the line that uses the definition. Nothing here knows a
 * layer: sizes and conditions are those of the definition's own `out` and `require` lines. */
#include "elab.h"
#include <math.h>

Place blame(Elab *e, Place p)
{
    if (!p.source || !p.source->prelude)
        return p;
    for (Using *u = e->using; u; u = u->up)
        if (u->use->place.source && !u->use->place.source->prelude)
            return u->use->place;
    return p;
}

void blame_note(Elab *e, Place p)
{
    if (!p.source || !p.source->prelude || !e->using || blame(e, p).source == p.source)
        return;
    Str words = e->using->use->words;
    report_note(p, "in the definition of `%.*s`", (int) strcspn(words, "("), words);
}

/* ---- names --------------------------------------------------------------------------------------------- */
void suggest(Str word, const StrList *names, const char *what)
{
    Str near = word ? nearest(word, names->at, names->n) : NULL;
    if (near) {
        report_help("did you mean `%s`?", near);
        return;
    }
    if (!what)
        return;
    Buf b = { 0 };
    int n = 0;
    for (int k = 0; k < names->n; k++) {
        bool again = false;
        for (int q = 0; q < k; q++)
            again |= names->at[q] == names->at[k];
        if (!again)
            buf_add(&b, "%s%s", n++ ? ", " : "", names->at[k]);
    }
    if (n)
        report_help("%s %s", what, b.at);
}

/* Where the name is one of another role: how that is written. True when it was. */
bool suggest_role(Elab *e, Str name)
{
    static const struct { const char *role, *is, *form; } roles[] = {
        { "loss",       "a loss",       "reconstruct x by %s" },
        { "likelihood", "a likelihood", "reconstruct x ~ %s" },
        { "latent",     "a latent",     "bottleneck z ~ %s(8)" },
        { "layer",      "a layer",      "encoder { %s }" },
        { "view",       "a view",       "corrupt x { %s }" },
    };
    for (size_t r = 0; name && r < sizeof roles / sizeof *roles; r++)
        for (int k = 0; k < e->library.n; k++) {
            Decl *def = e->library.at[k];
            if (def->name != name || def->role != intern(roles[r].role))
                continue;
            Buf b = { 0 };
            for (const char *c = roles[r].form; *c; c++)
                if (*c == '%')
                    buf_add(&b, "%s", name), c++;
                else
                    buf_put(&b, c, 1);
            report_help("`%s` is %s: `%s`", name, roles[r].is, b.at);
            return true;
        }
    return false;
}

static bool has_term(const Decl *def, Str name)
{
    bool has = false;
    for (int q = 0; q < def->body.n; q++)
        has |= def->body.at[q]->role == intern("term") && def->body.at[q]->left->name == name;
    return has;
}

/* Whether some definition has a term of this name. */
bool names_term(Elab *e, Str name)
{
    for (int k = 0; k < e->library.n; k++)
        if (has_term(e->library.at[k], name))
            return true;
    return false;
}

/* Where the name is a term of some definitions: theirs. True when it was. */
bool suggest_term(Elab *e, Str name)
{
    Buf b = { 0 };
    int n = 0;
    for (int k = 0; k < e->library.n; k++) {
        Decl *def = e->library.at[k];
        if (has_term(def, name))
            buf_add(&b, "%s%s", n++ ? ", " : "", def->name);
    }
    if (n)
        report_help("`%s` is a term of %s, and what it is asked of is none of these", name, b.at);
    return n > 0;
}

void suggest_definition(Elab *e, Str role, Str word)
{
    StrList names = { 0 };
    for (int k = 0; k < e->library.n; k++)
        if (e->library.at[k]->role == role)
            PUSH(names, e->library.at[k]->name);
    if (word && !nearest(word, names.at, names.n)) {
        if (role == intern("latent") && find_definition(e, intern("layer"), word)) {
            report_help("`%s` is a layer, and nothing of it is drawn: write `=` for `~`", word);
            return;
        }
        if (suggest_role(e, word))
            return;
    }
    suggest(word, &names, "there are");
}

/* ---- what a definition takes -------------------------------------------------------------------------- */
const Entry *entry_in(const Decl *def, int at)
{
    for (int k = 0; k < def->body.n; k++)
        if (def->body.at[k]->kind == STAT_in || def->body.at[k]->kind == STAT_target) {
            if (at < def->body.at[k]->entries.n)
                return &def->body.at[k]->entries.at[at];
            at -= def->body.at[k]->entries.n;
        }
    return NULL;
}

/* Do both inputs take the same axes? */
bool takes_alike(const Decl *def)
{
    const Entry *a = entry_in(def, 0), *b = entry_in(def, 1);
    if (!a || !b || a->shape.n != b->shape.n || entry_in(def, 2) || a->of || b->of)
        return false;
    for (int k = 0; k < a->shape.n; k++)
        if (a->shape.at[k]->kind != b->shape.at[k]->kind || a->shape.at[k]->name != b->shape.at[k]->name)
            return false;
    return true;
}

/* ---- arithmetic with the user's numbers ------------------------------------------------------------------- */
/* e with the names of arguments and axes replaced by what they are here. */
static Syn *with_numbers(Scope *s, Syn *x)
{
    if (!x)
        return NULL;
    Syn *y = NEW(Syn);
    *y = *x;
    double v;
    Name *axis = x->kind == SYN_name ? name_find(s, x->name, NAME_axis) : NULL;
    if (axis && axis->axis.example)
        return y;
    Ctx sizes = size_ctx(s);
    if ((x->kind == SYN_name || (x->kind == SYN_call && x->name == intern("size"))) && constant(&sizes, x, &v)) {
        *y = (Syn) { .kind = SYN_num, .num = v, .place = x->place };
        return y;
    }
    y->a = with_numbers(s, x->a), y->b = with_numbers(s, x->b), y->c = with_numbers(s, x->c);
    return y;
}

static Str text_of(Syn *x)
{
    Buf b = { 0 };
    syn_print(&b, x);
    return intern(b.at);
}

static bool holds(Scope *s, Syn *condition)
{
    Ctx sizes = size_ctx(s);
    double v = 1;
    return !constant(&sizes, condition, &v) || v != 0;
}

/* Which part of a broken condition it is, in numbers. */
void note_condition(Scope *s, Syn *condition)
{
    const bool trial = s->e->trial;
    s->e->trial = true;
    while (condition->kind == SYN_binary && condition->op == intern("and"))
        condition = holds(s, condition->a) ? condition->b : condition->a;
    Str numbers = text_of(with_numbers(s, condition));
    s->e->trial = trial;
    s->e->failed = 0;
    report_note(condition->place, "`%s` is %s here", text_of(condition), numbers);
}

/* ---- which number would fit ---------------------------------------------------------------------------------- */
static Entry *first_out(Scope *s)
{
    for (int k = 0; k < s->def->body.n; k++)
        if (s->def->body.at[k]->kind == STAT_out)
            return &s->def->body.at[k]->entries.at[0];
    return NULL;
}

/* The sizes of its result but for the example axis; -1: they cannot be told. */
static int out_sizes(Scope *s, int *size)
{
    Entry *out = first_out(s);
    Ctx sizes = size_ctx(s);
    sizes.floors = true;
    int n = 0;
    for (int k = 0; out && k < out->shape.n; k++) {
        Syn *sub = out->shape.at[k];
        if (sub->kind == SYN_dots) {
            for (int d = 0; d < s->ndots && n < MAX_RANK; d++)
                if (!s->dots[d].example)
                    size[n++] = s->dots[d].size;
            continue;
        }
        Name *axis = sub->kind == SYN_name ? name_find(s, sub->name, NAME_axis) : NULL;
        double v;
        if (axis && axis->axis.example)
            continue;
        if (n == MAX_RANK || !constant(&sizes, sub, &v) || v < 1 || v != floor(v))
            return -1;
        size[n++] = (int) v;
    }
    return out ? n : -1;
}

static bool fits(const int *size, int n, const Tensor *target)
{
    double have = 1, want = 1;
    int at = 0;
    bool same = n == target->rank - 1;
    for (int k = 0; k < n; k++)
        have *= size[k];
    for (int k = 0; k < target->rank; k++) {
        if (target->axis[k].example)
            continue;
        same = same && at < n && size[at] == target->axis[k].size;
        at++;
        want *= target->axis[k].size;
    }
    return same || (n == 1 && have == want);
}

static bool given(const Call *call, int at, Str name)
{
    int positional = 0;
    for (int k = 0; k < call->args.n; k++)
        if (call->args.at[k].name ? call->args.at[k].name == name : positional++ == at)
            return true;
    return false;
}

/* What the arguments that were not given are, now that another has changed. */
static void renew(Scope *s, int changed)
{
    Ctx sizes = size_ctx(s);
    for (int k = 0; k < s->def->params.n; k++) {
        Entry *p = &s->def->params.at[k];
        Name *n = name_find(s, p->name, NAME_number);
        if (k != changed && n && p->init && !given(s->call, k, p->name))
            n->value = lower(&sizes, p->init, NULL);
    }
}

static bool would_fit(Scope *s, int changed, Name *n, double v, const Tensor *target)
{
    Expr *const old = n->value;
    int size[MAX_RANK];
    n->value = expr_num(v);
    renew(s, changed);
    bool good = true;
    for (int k = 0; good && k < s->def->body.n; k++)
        if (s->def->body.at[k]->kind == STAT_require)
            good = holds(s, s->def->body.at[k]->value);
    const int count = good ? out_sizes(s, size) : -1;
    good = count > 0 && fits(size, count, target);
    n->value = old;
    renew(s, changed);
    return good;
}

/* The nearest value of one argument of the layer that gives the target's shape; false: there is none. */
static bool find_fit(Scope *s, const Tensor *target, Str *argument, double *value)
{
    for (int d = 1; d <= 4096; d++)
        for (int k = s->def->params.n; k-- > 0; ) {         /* the last arguments say the finer things */
            Name *n = name_find(s, s->def->params.at[k].name, NAME_number);
            if (!n || n->value->kind != EXPR_num || n->value->num != floor(n->value->num) || n->value->num < 0)
                continue;
            for (int sign = 1; sign >= -1; sign -= 2)
                if (n->value->num + sign * d >= 0 && would_fit(s, k, n, n->value->num + sign * d, target)) {
                    *argument = n->name;
                    *value = n->value->num + sign * d;
                    return true;
                }
        }
    return false;
}

/* How the first size came about that is another than the target's. */
static void note_arithmetic(Scope *s, Tensor *y, const Tensor *target)
{
    Entry *out = first_out(s);
    for (int k = 0; out && k < out->shape.n && y->rank == target->rank && out->shape.n == y->rank; k++) {
        Syn *sub = out->shape.at[k];
        if (y->axis[k].example || y->axis[k].size == target->axis[k].size || sub->kind != SYN_binary)
            continue;
        report_note(s->use->place, "%s = %s = %d, but %d is wanted", text_of(sub), text_of(with_numbers(s, sub)),
                    y->axis[k].size, target->axis[k].size);
        return;
    }
    report_note(s->use->place, "`%s` gives %s", s->use->words, shape_text(y));
}

/* After a report that a net's result has not the target's shape: how its last layer came to its own. */
void suggest_fit(Elab *e, Net *net, const Tensor *target)
{
    Scope *last = NULL;
    for (int k = net->layers.n; k-- > 0 && !last; )
        if (net->layers.at[k]->def && net->layers.at[k]->outs.n && net->layers.at[k]->call && net->layers.at[k]->use)
            last = net->layers.at[k];
    if (!last || last->use->place.source->prelude)
        return;
    const bool trial = e->trial, poisoned = e->poisoned;
    Str argument;
    double value;
    e->trial = true;
    const bool found = find_fit(last, target, &argument, &value);
    note_arithmetic(last, last->outs.at[0], target);
    e->trial = trial, e->poisoned = poisoned, e->failed = 0;
    if (found)
        report_help("`%s = %s` in `%s` makes it fit", argument, number_text(value), last->use->words);
    else
        report_help("the last layer of `%s` has to give %s, or one axis of as many elements", net->name, shape_text(target));
}
