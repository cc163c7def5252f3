/* direct.c -- an accumulation onto the gradient of a table becomes one onto
 * the table, in the update.
 *
 *     dw[x[n, t], j] += c[n, t] * z[n, j]
 *     w[..] := w[..] - lr * dw[..]
 *
 * becomes
 *
 *     bound[n] += (sum(t) abs(c[n, t])) * (sum(j) abs(z[n, j]))
 *     w[x[n, t], j] :+= -lr * c[n, t] * z[n, j]
 *
 * for updates that are w + k * dw and no more (rows.c finds them): so nobody needs dw, and its
 * rows are neither cleared, met nor read. That all of dw is finite, which the trainer wants to
 * know before an update, follows from a finite sum of `bound`. Of the statement's reads none may
 * change until the update. Changes results by rounding alone. */
#include "program.h"

/* ---- whether -------------------------------------------------------------------------------- */
/* What e reads itself, not what stands in it. */
static bool may_change(const Expr *e, const TensorList *later)
{
    const Role r = e->kind == EXPR_read ? e->tensor->role : ROLE_temp;
    return (r != ROLE_input && r != ROLE_length && r != ROLE_clock && r != ROLE_temp)
        || reads_one_of(e, later);
}

static void factors(Expr *e, ExprList *out)
{
    if (is_op(e, OP_mul)) {
        factors(e->arg[0], out);
        factors(e->arg[1], out);
    } else {
        PUSH(*out, e);
    }
}

static ExprList factors_of(const Stmt *s)
{
    ExprList list = { 0 };
    factors(s->value, &list);
    return list;
}

static bool uses_any(Expr *e, Index *const *list, int n)
{
    return ANY(k, n, expr_uses(e, list[k]));
}

/* The one index along the examples; NULL: none, or several. */
static Index *example_of(const Stmt *s)
{
    Index *one = NULL;
    for (int k = 0; k < s->nindex; k++)
        if (s->index[k]->example && one)
            return NULL;
        else if (s->index[k]->example)
            one = s->index[k];
    return one;
}

bool direct_fits(Program *p, int at)
{
    Stmt *s = p->body.at[at];
    StmtList rest = { .at = p->body.at + at + 1, .n = p->body.n - at - 1 };
    const TensorList later = written_by(&rest);
    Index *n = example_of(s);
    if (!n || ANY_EXPR_OF(e, s, may_change(e, &later)))
        return false;
    const ExprList list = factors_of(s);
    return !ANY(k, list.n, uses_any(list.at[k], s->index, s->nindex) && !expr_uses(list.at[k], n));
}

/* ---- the update ----------------------------------------------------------------------------- */
/* The factors with an index of the row come last: what stands before them is the
 * same for all of it. */
Stmt *direct_update(Stmt *add, Tensor *param, Expr *rate)
{
    Stmt *s = COPY(add);
    s->target = param;
    s->update = true;
    s->backward = false;
    s->value = rate;
    for (int along = 0; along < 2; along++)
        EACH(f, factors_of(add)) {
            bool row = false;
            for (int k = 1; k < param->rank; k++)
                row |= add->sub[k]->kind == EXPR_index && expr_uses(f, add->sub[k]->index);
            if (row == along)
                s->value = OP2(mul, s->value, f);
        }
    return s;
}

/* ---- the bound ------------------------------------------------------------------------------ */
/* 0 for each example. */
static Tensor *sums_new(Module *m, Stmt *like, Index *n, const char *name, StmtList *out)
{
    Stmt *fill = nest_for(like, tensor_new(m, intern(name), ROLE_temp, ELEM_real), SET_is,
                          expr_real(0));
    nest_axis(fill, n, axis_along(n, like, NULL), true);
    PUSH(*out, fill);
    return fill->target;
}

static Stmt *added(Stmt *like, Tensor *sums, Index *n, Expr *value)
{
    Stmt *s = nest_for(like, sums, SET_add, value);
    s->sub[0] = expr_index(n);
    return s;
}

/* The product of the sums of the factors' sizes is more than any sum of some of their products. */
void direct_bound(Module *m, Stmt *add, Tensor **bound, StmtList *out)
{
    Index *n = example_of(add);
    Expr *at = expr_index(n), *product = expr_real(1);
    if (!*bound)
        (*bound = sums_new(m, add, n, "bound", out))->external = true;
    EACH(f, factors_of(add)) {
        if (!uses_any(f, add->index, add->nindex)) {
            product = OP2(mul, product, OP1(abs, f));
            continue;
        }
        Tensor *sums = sums_new(m, add, n, format("%s.size", add->target->name), out);
        Stmt *s = added(add, sums, n, OP1(abs, f));
        nest_used(s, add);
        bool told = add->where != NULL;
        for (int k = 0; k < add->nindex && told; k++)
            told = !expr_uses(add->where, add->index[k])
                || index_among(s->index, s->nindex, add->index[k]) >= 0;
        s->where = told ? add->where : NULL;
        PUSH(*out, s);
        product = OP2(mul, product, expr_read(sums, &at, 0, NULL));
    }
    Stmt *s = added(add, *bound, n, product);
    nest_index(s, n);
    PUSH(*out, s);
}
