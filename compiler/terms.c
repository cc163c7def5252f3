/* terms.c -- a term of the loss: one number for each example, its mean over the batch, its
 * weight; and their sum. */
#include "elab.h"

static Tensor *scalar_new(Scope *s, const char *name, Expr *value, Place place)
{
    Tensor *t = temp_new(s, intern(name), ELEM_real, NULL, 0);
    t->external = true;
    put(s, over(t, NULL, SET_is, value), place);
    return t;
}

/* Sums t over its axes but that of the examples; `mean`: one number for each example, the
 * mean over its samples. */
Tensor *per_example(Scope *s, Str name, Tensor *t, bool mean, Place place)
{
    Elab *e = s->e;
    const int mult = mean ? mult_of(e, t) : 1;
    if (mult == 1 && t->rank == 1 && (!mean || t->elem == ELEM_real))
        return t;
    const Axis n = example_axis(e, mean ? 1 : mult_of(e, t)), samples = { .size = mult };
    Index *outer = index_along(&n, intern("n"), NULL), *inner[MAX_RANK];
    Expr *sub[MAX_RANK], *at = expr_index(outer);
    int count = 0;
    if (mult > 1) {
        inner[count++] = index_along(&samples, intern("s"), NULL);
        at = OP2(add, OP2(mul, at, expr_num(mult)), expr_index(inner[0]));
    }
    for (int k = 0; k < t->rank; k++)
        if (t->axis[k].example)
            sub[k] = at;
        else {
            inner[count] = index_along(&t->axis[k], format("%c", "ijklmopqru"[mean ? k : count]),
                                       expr_index(outer));
            sub[k] = expr_index(inner[count++]);
        }
    Expr *sum = sum_over(inner, count, expr_read(t, sub, ~0u, NULL));
    if (t->elem == ELEM_int && count == 0)
        sum = OP2(mul, expr_real(1), sum);
    Tensor *each = temp_new(s, name, ELEM_real, &n, 1);
    put(s, over(each, &outer, SET_is, mult > 1 ? OP2(div, sum, expr_num(mult)) : sum), place);
    return each;
}

/* The mean over the examples, or over those that have the label `has`, where it is not NULL. */
static Expr *mean_of(Elab *e, Tensor *each, Tensor *has)
{
    const Axis n = example_axis(e, 1);
    Index *i = index_along(&n, intern("n"), NULL);
    Expr *value = read_at(each, &i), *present = expr_scalar(e->batch);
    if (has) {
        Index *j = index_along(&n, intern("n"), NULL);
        value = expr_op(OP_select, read_at(has, &i), value, expr_num(0));
        present = OP2(max, sum_over(&j, 1, read_at(has, &j)), expr_num(1));
        present->whole = true;
    }
    return OP2(div, sum_over(&i, 1, value), present);
}

/* weight NULL: 1. */
void add_term(Elab *e, Str name, const char *unit, Tensor *t, Expr *weight, Tensor *has,
              bool metric, Place place)
{
    const Term *first = FIND_AT(one, e->p->terms, one->name == name);
    if (first && !metric) {
        say(e, place, DIAG_declared_twice, name);
        report_note(first->place, "it is declared here first");
    }
    if (first)          /* what is minimized already needs no metric */
        return;
    Scope *s = plain_scope(e, format("term.%s", name), name, place);
    Term term = { .name = name, .unit = intern(unit), .metric = metric, .place = place };
    Expr *value;
    if (mult_of(e, t) > 0) {
        term.each = per_example(s, intern("each"), t, true, place);
        term.each->external = true;
        value = mean_of(e, term.each, has);
    } else {
        Index *inner[MAX_RANK];
        for (int k = 0; k < t->rank; k++)
            inner[k] = index_along(&t->axis[k], format("i%d", k), NULL);
        value = sum_over(inner, t->rank, read_at(t, inner));
    }
    term.value = scalar_new(s, "value", value, place);
    if (weight && expr_is(weight, 0) && !diag_errors())
        report(blame(e, place), DIAG_weight_zero, name);
    if (weight && !expr_is(weight, 1))
        term.weight = scalar_new(s, "weight", weight, place);
    PUSH(e->p->terms, term);
}

void sum_terms(Elab *e)
{
    Expr *sum = expr_num(0);
    EACH_AT(t, e->p->terms)
        if (!t->metric) {
            Expr *value = expr_scalar(t->value);
            sum = OP2(add, sum, t->weight ? OP2(mul, expr_scalar(t->weight), value) : value);
        }
    Scope *s = plain_scope(e, intern("loss"), intern("the sum of the terms"), (Place) { 0 });
    e->p->loss = scalar_new(s, "loss", sum, (Place) { 0 });
}
