/* verify.c -- what must hold between the passes; where it does not, the compiler itself is at fault. */
#include "program.h"

typedef struct {
    Str after;
    bool reduces, gradients, wrappers;      /* what may still stand */
    TensorList written;
    Index *bound[4 * MAX_RANK];
    int nbound;
    Stmt *of;
} Verify;

static void wrong(Verify *v, const char *what, Str name)
{
    Buf b = { 0 };
    stmt_print(&b, v->of);
    bug("after %s: %s%s%s in\n    %s", v->after, what, name ? " " : "", name ? name : "", b.at);
}

static void must(Verify *v, bool holds, const char *what, Str name)
{
    if (!holds)
        wrong(v, what, name);
}

static bool is_bound(Verify *v, const Index *i)
{
    for (int k = 0; k < v->nbound; k++)
        if (v->bound[k] == i)
            return true;
    return false;
}

static void bind(Verify *v, Index *i)
{
    must(v, v->nbound < 4 * MAX_RANK, "too many indices", i->name);
    must(v, !is_bound(v, i), "bound twice:", i->name);
    must(v, i->size >= 0, "a negative size of", i->name);
    v->bound[v->nbound++] = i;
}

static bool is_written(Verify *v, const Tensor *t)
{
    if (t->role != ROLE_temp)
        return true;
    for (int k = 0; k < v->written.n; k++)
        if (v->written.at[k] == t)
            return true;
    return false;
}

/* ---- expressions --------------------------------------------------------------------------------- */
static const int op_args[OP_COUNT] = {
#define SCALAR(name, n, ...) [OP_##name] = n,
#include "scalars.def"
#undef SCALAR
};

static void check(Verify *v, Expr *e);

static void check_place(Verify *v, Tensor *t, Expr *const *sub, unsigned checked)
{
    for (int k = 0; k < t->rank; k++) {
        must(v, sub[k] != NULL, "a subscript is missing of", t->name);
        check(v, sub[k]);
        must(v, sub[k]->whole, "a subscript that is not whole, of", t->name);
        if (checked >> k & 1)
            continue;
        if (sub[k]->kind == EXPR_index)
            must(v, sub[k]->index->size <= t->axis[k].size, "an index that runs beyond an axis of", t->name);
        if (sub[k]->kind == EXPR_num)
            must(v, sub[k]->num >= 0 && sub[k]->num < t->axis[k].size, "a number outside of", t->name);
    }
    must(v, !(checked >> t->rank), "more checks than axes of", t->name);
}

static void check_reduce(Verify *v, Expr *e)
{
    must(v, v->reduces, "a reduction", NULL);
    const int was = v->nbound;
    for (int k = 0; k < e->nindex; k++) {
        if (e->bound[k]->limit)
            check(v, e->bound[k]->limit);
        if (e->reduce == REDUCE_rank)
            must(v, is_bound(v, e->rank_of[k]), "rank of an index that is not bound:", e->rank_of[k]->name);
    }
    for (int k = 0; k < e->nindex; k++)
        bind(v, e->bound[k]);
    check(v, e->arg[0]);
    if (e->where)
        check(v, e->where);
    must(v, (e->reduce == REDUCE_choice) == (e->arg[1] != NULL), "a draw, or none, in a reduction", NULL);
    if (e->arg[1])
        check(v, e->arg[1]);
    v->nbound = was;
}

static void check(Verify *v, Expr *e)
{
    must(v, e != NULL, "an expression is missing", NULL);
    switch (e->kind) {
    case EXPR_num:
        break;
    case EXPR_index:
        must(v, is_bound(v, e->index), "an index that is not bound:", e->index->name);
        must(v, e->whole, "an index that is not whole:", e->index->name);
        break;
    case EXPR_read:
        must(v, is_written(v, e->tensor), "read before it is written:", e->tensor->name);
        check_place(v, e->tensor, e->sub, e->check);
        must(v, !e->other || e->check, "`else` without a check:", e->tensor->name);
        must(v, !e->whole || e->tensor->elem == ELEM_int, "a whole read of real", e->tensor->name);
        if (e->other)
            check(v, e->other);
        break;
    case EXPR_inside:
        must(v, e->arg[0]->kind == EXPR_read && e->arg[0]->check, "inside of no checked read", NULL);
        check_place(v, e->arg[0]->tensor, e->arg[0]->sub, e->arg[0]->check);
        break;
    case EXPR_op:
        for (int k = 0; k < 3; k++)
            if (k < op_args[e->op])
                check(v, e->arg[k]);
            else
                must(v, !e->arg[k], "an argument too many", NULL);
        if (e->op == OP_idiv)
            must(v, e->arg[0]->whole && e->arg[1]->whole, "whole division of reals", NULL);
        break;
    case EXPR_draw:
        for (int k = 0; k < e->nkey; k++) {
            check(v, e->key[k]);
            must(v, e->key[k]->whole, "a key that is not whole", NULL);
        }
        break;
    case EXPR_stop: case EXPR_byhand:
        must(v, v->wrappers, "stop or byhand", NULL);
        for (int k = 0; k < (e->kind == EXPR_stop ? 1 : 3); k++)
            check(v, e->arg[k]);
        break;
    case EXPR_reduce:
        check_reduce(v, e);
        break;
    }
}

/* ---- statements ---------------------------------------------------------------------------------- */
static bool in_target(const Stmt *s, const Index *i)
{
    for (int k = 0; k < s->target->rank; k++)
        if (s->sub[k]->kind == EXPR_index && s->sub[k]->index == i)
            return true;
    return false;
}

/* Each point writes another element. */
static void check_set(Verify *v, Stmt *s)
{
    for (int k = 0; k < s->target->rank && !s->update; k++) {
        must(v, s->sub[k]->kind == EXPR_index, "`=` at a computed place of", s->target->name);
        for (int j = 0; j < k; j++)
            must(v, s->sub[k]->index != s->sub[j]->index, "`=` along a diagonal of", s->target->name);
    }
    for (int k = 0; k < s->nindex && !s->update; k++)
        must(v, in_target(s, s->index[k]), "`=` without a subscript", s->index[k]->name);
}

static void check_whole_reduction(Verify *v, Stmt *s)
{
    must(v, s->target->elem == ELEM_int, "a real place for a number:", s->target->name);
    for (int k = 0; k < s->nindex; k++)
        must(v, in_target(s, s->index[k]) == (k < s->nouter || s->set == SET_rank), "on the wrong side:", s->index[k]->name);
    must(v, (s->set == SET_choice || s->set == SET_search) == (s->draw != NULL), "a draw, or none,", NULL);
}

static void check_nest(Verify *v, Stmt *s)
{
    const int was = v->nbound;
    must(v, s->nindex <= 2 * MAX_RANK && s->nouter <= s->nindex, "the number of indices", NULL);
    for (int k = 0; k < s->nindex; k++) {
        if (s->index[k]->limit) {
            check(v, s->index[k]->limit);
            must(v, s->index[k]->limit->whole, "a limit that is not whole, of", s->index[k]->name);
        }
        bind(v, s->index[k]);
    }
    check_place(v, s->target, s->sub, s->check);
    if (s->where)
        check(v, s->where);
    check(v, s->value);
    if (s->draw)
        check(v, s->draw);
    must(v, s->target->elem == ELEM_real || s->value->whole || s->set >= SET_argmax, "a real value for whole", s->target->name);
    must(v, s->target->role != ROLE_input && s->target->role != ROLE_clock, "written:", s->target->name);
    if (s->set == SET_is)
        check_set(v, s);
    if (s->set >= SET_argmax)
        check_whole_reduction(v, s);
    else
        must(v, s->nouter == s->nindex, "inner indices", NULL);
    must(v, s->set == SET_is || s->set >= SET_argmax || s->update || is_written(v, s->target), "accumulated before a fill:", s->target->name);
    v->nbound = was;
}

static void see_target(Stmt *s, void *with)
{
    Verify *v = with;
    if (s->target)
        PUSH(v->written, s->target);
}

static void check_list(Verify *v, StmtList *list)
{
    for (int k = 0; k < list->n; k++) {
        Stmt *s = v->of = list->at[k];
        switch (s->kind) {
        case STMT_nest:
            must(v, s->target && s->value, "half a statement", NULL);
            check_nest(v, s);
            break;
        case STMT_scan:
            each_stmt(&s->body, see_target, v);     /* an earlier step may have written it */
            if (s->step->limit)
                check(v, s->step->limit);
            bind(v, s->step);
            check_list(v, &s->body);
            v->nbound--;
            break;
        case STMT_gradient:
            must(v, v->gradients, "a gradient", NULL);
            must(v, s->target->rank == s->source->rank + s->wrt->rank, "the rank of", s->target->name);
            must(v, is_written(v, s->source) && is_written(v, s->wrt), "a gradient of what is not written:", s->source->name);
            break;
        case STMT_reshape:
            must(v, is_written(v, s->source), "read before it is written:", s->source->name);
            must(v, tensor_count(s->source) == tensor_count(s->target), "another number of elements:", s->target->name);
            break;
        case STMT_orthogonal:
            break;
        }
        if (s->target)
            PUSH(v->written, s->target);
    }
}

void verify(Module *m, Program *p, Str after)
{
    (void) m;
    static const char *const stage[] = { "elaborate", "split", "search", "hold", "differentiate", "simplify" };
    int at = 5;
    for (int k = 0; k < 6; k++)
        if (!strcmp(after, stage[k]))
            at = k;
    Verify v = { .after = after, .reduces = at < 1, .gradients = at < 4, .wrappers = at < 5 };
    check_list(&v, &p->begin);
    check_list(&v, &p->body);
    check_list(&v, &p->end);
    check_list(&v, &p->update);
    if (at >= 4)
        for (int k = 0; k < p->grads.n; k++)
            if (!p->grads.at[k]->of_param)
                bug("after %s: the gradient %s is nobody's", after, p->grads.at[k]->name);
}
