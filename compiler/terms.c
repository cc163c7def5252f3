/* terms.c -- a term of the loss: one number for each example, its mean over the batch, its weight; and their sum. */
#include "elab.h"

/* ---- terms ---------------------------------------------------------------------------------------------- */
Scope *plain_scope(Elab *e, Str path, Str words, Place place)
{
    Use *use = NEW(Use);
    *use = (Use) { path, words, place };
    Scope *s = scope_new(e, NULL, NULL, path, path, use);
    s->up = e->root;
    s->mult = 1;
    return s;
}

static Tensor *scalar_new(Elab *e, Scope *s, Str name, Expr *value, Place place)
{
    Tensor *t = temp_new(e, s, name, ELEM_real);
    t->external = true;
    Stmt *st = nest_new(t, SET_is, value);
    settle(e, st, place);
    add_stmt(e, s, st, place, NULL);
    return t;
}

/* One number for each example: sums over what else there is, averages over samples. */
static Tensor *per_example(Elab *e, Scope *s, Tensor *t, Place place)
{
    const int mult = mult_of(e, t);
    if (mult == 1 && t->rank == 1 && t->elem == ELEM_real) {
        t->external = true;
        return t;
    }
    Axis n = example_axis(e, 1), samples = { mult, NULL, false, intern("s") };
    Index *outer = index_along(&n, intern("n"), NULL), *inner[MAX_RANK];
    Expr *sub[MAX_RANK], *at = expr_index(outer);
    int count = 0;
    if (mult > 1) {
        inner[count++] = index_along(&samples, intern("s"), NULL);
        at = expr_op(OP_add, expr_op(OP_mul, at, expr_num(mult), NULL), expr_index(inner[0]), NULL);
    }
    static const char *const letter[] = { "i", "j", "k", "l", "m", "o", "p", "q", "r", "u" };
    for (int k = 0; k < t->rank; k++) {
        if (t->axis[k].example) {
            sub[k] = at;
            continue;
        }
        inner[count] = index_along(&t->axis[k], intern(letter[k]), expr_index(outer));
        sub[k] = expr_index(inner[count++]);
    }
    Tensor *each = temp_new(e, s, intern("each"), ELEM_real);
    each->rank = 1;
    each->axis[0] = n;
    each->external = true;
    Expr *sum = reduce_over(inner, count, expr_read(t, sub, ~0u, NULL));
    if (t->elem == ELEM_int && count == 0)
        sum = expr_op(OP_mul, expr_real(1), sum, NULL);
    Stmt *st = nest_new(each, SET_is, mult > 1 ? expr_op(OP_div, sum, expr_num(mult), NULL) : sum);
    st->sub[0] = expr_index(outer);
    st->index[0] = outer;
    st->nindex = st->nouter = 1;
    settle(e, st, place);
    add_stmt(e, s, st, place, NULL);
    return each;
}

/* The label that a term reads, if any: only examples that have it count. */
void add_term(Elab *e, Str name, Str unit, Tensor *t, Expr *weight, Tensor *has, bool metric, Place place)
{
    Scope *s = plain_scope(e, format("term.%s", name), name, place);
    Term term = { .name = name, .unit = unit, .metric = metric };
    Expr *value;
    if (mult_of(e, t) > 0) {
        term.each = per_example(e, s, t, place);
        Axis n = example_axis(e, 1);
        Index *i = index_along(&n, intern("n"), NULL);
        Expr *at = expr_index(i), *each = expr_read(term.each, &at, 0, NULL);
        Expr *present = expr_scalar(e->clock_batch);
        if (has) {
            Index *j = index_along(&n, intern("n"), NULL);
            Expr *jat = expr_index(j), *hi = expr_read(has, &at, 0, NULL), *hj = expr_read(has, &jat, 0, NULL);
            each = expr_op(OP_select, hi, each, expr_num(0));
            present = expr_op(OP_max, reduce_over(&j, 1, hj), expr_num(1), NULL);
            present->whole = true;
        }
        value = expr_op(OP_div, reduce_over(&i, 1, each), present, NULL);
    } else {
        Index *inner[MAX_RANK];
        Expr *sub[MAX_RANK];
        for (int k = 0; k < t->rank; k++) {
            inner[k] = index_along(&t->axis[k], format("i%d", k), NULL);
            sub[k] = expr_index(inner[k]);
        }
        value = reduce_over(inner, t->rank, expr_read(t, sub, t->rank ? ~0u : 0, NULL));
    }
    term.value = scalar_new(e, s, intern("value"), value, place);
    if (weight && expr_is(weight, 0))
        report(blame(e, place), DIAG_weight_zero, name);
    if (weight && !expr_is(weight, 1))
        term.weight = scalar_new(e, s, intern("weight"), weight, place);
    PUSH(e->p->terms, term);
}

void sum_terms(Elab *e)
{
    Program *p = e->p;
    Expr *sum = expr_num(0);
    for (int k = 0; k < p->terms.n; k++) {
        Term *t = &p->terms.at[k];
        if (t->metric)
            continue;
        Expr *v = expr_scalar(t->value);
        if (t->weight)
            v = expr_op(OP_mul, expr_scalar(t->weight), v, NULL);
        sum = expr_op(OP_add, sum, v, NULL);
    }
    p->loss = scalar_new(e, plain_scope(e, intern("loss"), intern("the sum of the terms"), (Place) { 0 }), intern("loss"), sum, (Place) { 0 });
}
