/* fit.c -- arithmetic in messages: a broken `require` in the user's numbers, and which number
 * would make a shape fit.
 *
 * Nothing here knows a layer: sizes and conditions are those of the definition's own `out`
 * and `require` lines. */
#include "elab.h"
#include <math.h>

/* ---- arithmetic with the user's numbers ----------------------------------------------------- */
/* e with the names of arguments and axes replaced by what they are here. */
static Syn *with_numbers(Scope *s, Syn *x)
{
    if (!x)
        return NULL;
    Syn *y = COPY(x);
    double v;
    Name *axis = x->kind == SYN_name ? name_find(s, x->name, NAME_axis) : NULL;
    if (axis && axis->axis.example)
        return y;
    Ctx sizes = size_ctx(s);
    const bool part = x->kind == SYN_name || x->kind == SYN_attr || x->kind == SYN_call;
    if (part && constant(&sizes, x, &v)) {
        *y = (Syn) { .kind = SYN_num, .num = v, .place = x->place };
        return y;
    }
    y->a = with_numbers(s, x->a), y->b = with_numbers(s, x->b), y->c = with_numbers(s, x->c);
    return y;
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
    const Trial trial = trial_begin(s->e);
    while (condition->kind == SYN_binary && condition->op == intern("and"))
        condition = holds(s, condition->a) ? condition->b : condition->a;
    Str numbers = words_of(with_numbers(s, condition));
    trial_end(s->e, trial);
    report_note(condition->place, "`%s` is %s here", words_of(condition), numbers);
}

/* ---- which number would fit ----------------------------------------------------------------- */
static Entry *first_out(Scope *s)
{
    Stat *out = find_stat(s->def, STAT_out);
    return out ? &out->entries.at[0] : NULL;
}

/* What a layer shall give; with neither, what it requires itself is enough. */
typedef struct {
    const Tensor *target;       /* this shape, or one axis of as many elements */
    Scope *next;                /* what this layer requires, which takes it as `..` */
} Goal;

static bool keeps_requires(Scope *s)
{
    return !FIND(st, s->def->body, st->kind == STAT_require && !st->of && !holds(s, st->value));
}

static bool pleases(Scope *next, const Tensor *made)
{
    Axis kept[MAX_RANK];
    if (made->rank - 1 != next->ndots)
        return false;
    memcpy(kept, next->dots, sizeof kept);
    memcpy(next->dots, made->axis + 1, (size_t) next->ndots * sizeof *kept);
    const bool good = keeps_requires(next);
    memcpy(next->dots, kept, sizeof kept);
    return good;
}

static bool fits(Scope *s, Goal goal)
{
    Entry *out = first_out(s);
    Tensor made = { 0 };
    s->e->failed = 0;
    if (!keeps_requires(s))
        return false;
    if (!goal.target && !goal.next)
        return true;
    if (!out || !shape_of_entry(s, out, &made) || !made.rank || !made.axis[0].example)
        return false;
    if (goal.next)
        return pleases(goal.next, &made);
    return same_sizes(&made, goal.target)
        || (made.rank == 2
            && made.axis[1].size == tensor_count(goal.target) / goal.target->axis[0].size);
}

static bool given(const Call *call, int at, Str name)
{
    int positional = 0;
    for (int k = 0; call && k < call->args.n; k++)
        if (call->args.at[k].name ? call->args.at[k].name == name : positional++ == at)
            return true;
    return !call;
}

/* What the arguments that were not given are, now that another has changed. */
static void renew(Scope *s, int changed)
{
    Ctx sizes = size_ctx(s);
    for (int k = 0; k < s->def->params.n; k++) {
        Entry *p = &s->def->params.at[k];
        Name *n = name_find(s, p->name, NAME_number);
        if (k != changed && n && p->init && !takes_word(p) && !given(s->call, k, p->name))
            n->value = lower(&sizes, p->init, NULL);
    }
}

static bool would_fit(Scope *s, int changed, Name *n, double v, Goal goal)
{
    Expr *const old = n->value;
    n->value = expr_num(v);
    renew(s, changed);
    const bool good = fits(s, goal);
    n->value = old;
    renew(s, changed);
    return good;
}

/* The nearest value of one argument of the layer that reaches the goal; false: there is none. */
static bool find_fit(Scope *s, Goal goal, Str *argument, double *value)
{
    for (int d = 1; d <= 4096; d++)
        for (int k = s->def->params.n; k-- > 0; ) {   /* the last arguments say the finer things */
            Name *n = name_find(s, s->def->params.at[k].name, NAME_number);
            if (!n || takes_word(&s->def->params.at[k]) || n->value->kind != EXPR_num
                || n->value->num != floor(n->value->num) || n->value->num < 0)
                continue;
            const Syn *init = s->def->params.at[k].init;
            /* Where 0 is usual. */
            const int least = init && init->kind == SYN_num && init->num == 0 ? 0 : 1;
            for (int sign = 1; sign >= -1; sign -= 2)
                if (n->value->num + sign * d >= least
                    && would_fit(s, k, n, n->value->num + sign * d, goal)) {
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
    for (int k = 0; out && k < out->shape.n && y->rank == target->rank && out->shape.n == y->rank;
         k++) {
        Syn *sub = out->shape.at[k];
        if (y->axis[k].example || y->axis[k].size == target->axis[k].size
            || sub->kind != SYN_binary)
            continue;
        report_note(s->use->place, "%s = %s = %d, but %d is wanted", words_of(sub),
                    words_of(with_numbers(s, sub)), y->axis[k].size, target->axis[k].size);
        return;
    }
    report_note(s->use->place, "`%s` gives %s", s->use->words, shape_text(y));
}

/* After a report that a net's result has not the target's shape: how its last
   layer came to its own. */
void suggest_fit(Elab *e, Net *net, const Tensor *target)
{
    Scope *last = NULL;
    for (int k = net->layers.n; k-- > 0 && !last; )
        if (net->layers.at[k]->def && net->layers.at[k]->outs.n && net->layers.at[k]->call
            && net->layers.at[k]->use)
            last = net->layers.at[k];
    if (!last || last->use->place.source->prelude)
        return;
    if (same_sizes(last->outs.at[0], target)) {         /* but not of one length */
        report_help("`%s` is as long in every example, `%s` is not: let a layer of the decoder "
                    "have `%s` as an input of its own, which says how long",
                    last->use->words, target->name, target->name);
        return;
    }
    const Trial trial = trial_begin(e);
    Str argument;
    double value;
    const bool found = find_fit(last, (Goal) { .target = target }, &argument, &value);
    note_arithmetic(last, last->outs.at[0], target);
    trial_end(e, trial);
    if (found)
        report_help("`%s = %s` in `%s` makes it fit", argument, number_text(value),
                    last->use->words);
    else
        report_help("the last layer of `%s` has to give %s, or one axis of as many elements",
                    net->name, shape_text(target));
}

/* After a report that a `require` of a layer is broken: one argument, of it or of the layer
   before, that would keep it. */
void suggest_require(Elab *e, Scope *s)
{
    Scope *const before = s->input ? producer_of(e, s->input) : NULL, *const by[] = { s, before };
    const Trial trial = trial_begin(e);
    Str argument = NULL, words = NULL;
    double value = 0;
    for (int k = 0; k < 2 && !words; k++)
        if (by[k] && by[k]->def && by[k]->use && !by[k]->use->place.source->prelude
            && find_fit(by[k], (Goal) { .next = k ? s : NULL }, &argument, &value))
            words = by[k]->use->words;
    trial_end(e, trial);
    if (words)
        report_help("`%s = %s` in `%s` makes it fit", argument, number_text(value), words);
}
