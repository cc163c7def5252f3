/* objective.c -- the objective exactly as it is optimised: every term, its weight, what is summed
 * and what is averaged, and what each phase trains.
 *
 * Reads it off the programs after split, not off the declarations: what is printed
 * is what is computed. */
#include "driver.h"

/* The last statement that writes t: after a fill, the sum. */
static Stmt *definition_of(Program *p, Tensor *t)
{
    Stmt *found = NULL;
    EACH_STMT(s, &p->body)
        if (s->target == t && s->kind == STMT_nest)
            found = s;
    return found;
}

/* The label without which an example does not count; NULL: all count. */
static Str label_of(Program *p, const Term *t)
{
    Str label = NULL, path = format("term.%s", t->name);
    EACH(s, p->body)
        if (s->use && s->use->path == path)
            EACH_EXPR(e, s->value)
                if (e->tensor && !strncmp(e->tensor->name, "has_", 4))
                    label = e->tensor->name + 4;
    return label;
}

static Str weight_text(Program *p, const Term *t)
{
    Stmt *s = t->weight ? definition_of(p, t->weight) : NULL;
    if (!s)
        return intern("1");
    if (s->value->kind == EXPR_num)
        return number_text(s->value->num);
    Buf b = { 0 };
    stmt_print(&b, s);
    const char *is = strstr(b.at, " = "), *end = is ? is + 3 + strcspn(is + 3, "#\n") : NULL;
    while (end && end[-1] == ' ')
        end--;
    return is ? format("(%.*s)", (int) (end - is - 3), is + 3) : intern("1");
}

static void print_term(Buf *b, Module *m, Program *p, const Term *t)
{
    Stmt *value = definition_of(p, t->value), *each = t->each ? definition_of(p, t->each) : NULL;
    buf_add(b, "    %-18s %s:%d: %s\n", t->name, m->source->name, value->place.line,
            place_line(value->place));
    buf_add(b, "    %-18s weight %s; ", "", weight_text(p, t));
    if (!t->each)
        buf_add(b, "one number for the whole batch\n");
    else {
        double over = 1;
        if (each && each->set == SET_add)       /* the sum over what an example has */
            for (int k = 0; k < each->nindex; k++)
                over *= each->index[k]->example ? 1 : each->index[k]->size;
        Str label = label_of(p, t);
        const bool mean = !strcmp(t->unit, "mean over elements");
        if (over > 1)
            buf_add(b, "the sum over %s elements of an example", number_grouped(over));
        else
            buf_add(b, mean ? "the mean over the elements of an example"
                            : "one number for each example");
        buf_add(b, ", then the mean over the examples%s%s",
                label ? " that have " : " of the batch", label ? label : "");
        const bool told = mean || !strncmp(t->unit, "mean over ex", 12)
            || !strcmp(t->unit, "per example");
        buf_add(b, told ? "\n" : " (%s)\n", t->unit);
    }
}

static Str net_of(Str parameter)
{
    return intern_n(parameter, strcspn(parameter, "."));
}

/* The nets of the parameters that are in `trained`, or of those that are not. */
static void print_nets(Buf *b, Module *m, const TensorList *trained, bool in)
{
    StrList names = { 0 };
    EACH(t, m->params)
        if (HAS(*trained, t) == in)
            PUSH_NEW(names, net_of(t->name));
    for (int k = 0; k < names.n; k++)
        buf_add(b, "%s%s", k ? ", " : "", names.at[k]);
    buf_add(b, names.n ? "\n" : "nothing\n");
}

static void print_settings(Buf *b, const Phase *p)
{
    Str optimizer = NULL;
    EACH(s, p->gradient->update)
        if (!optimizer && s->use && is_within(s->use->path, p->name))
            optimizer = s->use->words;
    buf_add(b, "    with    %s, ", optimizer ? optimizer : "no optimizer");
    buf_add(b, p->batch ? "batch %d" : "all examples at once", p->batch);
    buf_add(b, p->accumulate > 1 ? " x %d" : "", p->accumulate);
    buf_add(b, ", %d epochs, seed %lu", p->epochs, p->seed);
    buf_add(b, p->clip > 0 ? ", gradient clipped to %s" : "", number_text(p->clip));
    buf_add(b, p->labels ? ", %d labels" : "", p->labels);
    buf_add(b, p->early_stop ? ", stops after %d epochs without progress" : "", p->early_stop);
    buf_add(b, "%s\n", p->drop_last ? ", without a smaller last batch" : "");
}

static void print_phase(Buf *b, Module *m, Phase *p)
{
    Program *g = p->gradient;
    buf_add(b, "\n%s minimizes ", p->name);
    int n = 0;
    EACH_AT(t, g->terms)
        if (!t->metric) {
            Str weight = weight_text(g, t);
            const bool one = weight == intern("1");
            buf_add(b, "%s%s%s%s", n++ ? " + " : "", t->name, one ? "" : " * ", one ? "" : weight);
        }
    buf_add(b, "\n");
    EACH_AT(t, g->terms)
        if (!t->metric)
            print_term(b, m, g, t);
    buf_add(b, "    trains  ");
    print_nets(b, m, &g->trained, true);
    if (g->trained.n < m->params.n) {
        buf_add(b, "    keeps   ");
        print_nets(b, m, &g->trained, false);
    }
    print_settings(b, p);
}

void objective_print(Buf *b, Module *m)
{
    EACH(p, m->phases)
        print_phase(b, m, p);
}
