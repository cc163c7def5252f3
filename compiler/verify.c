/* verify.c -- what must hold between the passes; where it does not, the
   compiler itself is at fault. */
#include "program.h"

typedef struct {
    Str after;
    bool reduces, gradients, wrappers;      /* what may still stand */
    TensorList written;
    VEC(Index *) bound;
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
    return index_among(v->bound.at, v->bound.n, i) >= 0;
}

static void check(Verify *v, Expr *e);

static void bind(Verify *v, Index *i)
{
    check(v, i->limit);
    must(v, !i->limit || i->limit->whole, "a limit that is not whole, of", i->name);
    must(v, !is_bound(v, i), "bound twice:", i->name);
    must(v, i->size >= 0, "a negative size of", i->name);
    PUSH(v->bound, i);
}

static bool is_written(Verify *v, const Tensor *t)
{
    return t->role != ROLE_temp || HAS(v->written, t);
}

/* ---- expressions ---------------------------------------------------------------------------- */
static void check_place(Verify *v, Tensor *t, Expr *const *sub, unsigned checked)
{
    for (int k = 0; k < t->rank; k++) {
        must(v, sub[k] != NULL, "a subscript is missing of", t->name);
        must(v, sub[k]->whole, "a subscript that is not whole, of", t->name);
        if (checked >> k & 1)
            continue;
        if (sub[k]->kind == EXPR_index)
            must(v, sub[k]->index->size <= t->axis[k].size, "an index that runs beyond an axis of",
                 t->name);
        if (sub[k]->kind == EXPR_num)
            must(v, sub[k]->num >= 0 && sub[k]->num < t->axis[k].size, "a number outside of",
                 t->name);
    }
    must(v, !(checked >> t->rank), "more checks than axes of", t->name);
}

static void check_reduce(Verify *v, Expr *e)
{
    must(v, v->reduces, "a reduction", NULL);
    must(v, (e->reduce == REDUCE_choice) == (e->arg[1] != NULL), "a draw, or none, in a reduction",
         NULL);
    for (int k = 0; k < e->nindex; k++) {
        if (e->reduce == REDUCE_rank)
            must(v, is_bound(v, e->rank_of[k]),
                 "rank of an index that is not bound:", e->rank_of[k]->name);
        bind(v, e->bound[k]);
    }
}

/* What must hold of a node, its parts aside. */
static void check_node(Verify *v, Expr *e)
{
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
        break;
    case EXPR_inside:
        must(v, e->arg[0]->kind == EXPR_read && e->arg[0]->check, "inside of no checked read",
             NULL);
        break;
    case EXPR_op:
        for (int k = 0; k < 3; k++)
            must(v, (e->arg[k] != NULL) == (k < op_info[e->op].args),
                 "an argument missing, or too many", NULL);
        must(v, e->op != OP_idiv || (e->arg[0]->whole && e->arg[1]->whole),
             "whole division of reals", NULL);
        break;
    case EXPR_draw:
        for (int k = 0; k < e->nkey; k++)
            must(v, e->key[k]->whole, "a key that is not whole", NULL);
        break;
    case EXPR_stop: case EXPR_byhand:
        must(v, v->wrappers, "stop or byhand", NULL);
        break;
    case EXPR_reduce:
        check_reduce(v, e);
        break;
    }
}

static void check(Verify *v, Expr *e)
{
    if (!e)
        return;
    const int was = v->bound.n;
    check_node(v, e);
    for (int k = 0; expr_part(e, k); k++)
        check(v, *expr_part(e, k));
    v->bound.n = was;
}

/* ---- statements ----------------------------------------------------------------------------- */
/* Each point writes another element. */
static void check_set(Verify *v, Stmt *s)
{
    Index *told[MAX_RANK];
    for (int k = 0; k < s->target->rank && !s->update; k++) {
        told[k] = index_told(s->sub[k]);
        must(v, told[k] != NULL, "`=` at a computed place of", s->target->name);
        must(v, index_among(told, k, told[k]) < 0, "`=` along a diagonal of", s->target->name);
    }
    for (int k = 0; k < s->nindex && !s->update; k++)
        must(v, index_among(told, s->target->rank, s->index[k]) >= 0, "`=` without a subscript",
             s->index[k]->name);
}

static void check_whole_reduction(Verify *v, Stmt *s)
{
    must(v, s->target->elem == ELEM_int, "a real place for a number:", s->target->name);
    for (int k = 0; k < s->nindex; k++)
        must(v, (target_axis(s, s->index[k]) >= 0) == (k < s->nouter || s->set == SET_rank),
             "on the wrong side:", s->index[k]->name);
    must(v, (s->set == SET_choice || s->set == SET_search) == (s->draw != NULL),
         "a draw, or none,", NULL);
}

static void check_nest(Verify *v, Stmt *s)
{
    const int was = v->bound.n;
    must(v, s->target && s->value, "half a statement", NULL);
    must(v, s->nindex <= 2 * MAX_RANK && s->nouter <= s->nindex, "the number of indices", NULL);
    for (int k = 0; k < s->nindex; k++)
        bind(v, s->index[k]);
    check_place(v, s->target, s->sub, s->check);
    for (int k = 0; stmt_part(s, k); k++)
        check(v, *stmt_part(s, k));
    must(v, s->target->elem == ELEM_real || s->value->whole || s->set >= SET_argmax,
         "a real value for whole", s->target->name);
    must(v, s->target->role != ROLE_input && s->target->role != ROLE_clock,
         "written:", s->target->name);
    if (s->set == SET_is)
        check_set(v, s);
    if (s->set >= SET_argmax)
        check_whole_reduction(v, s);
    else
        must(v, s->nouter == s->nindex, "inner indices", NULL);
    must(v, s->set == SET_is || s->set >= SET_argmax || s->update || is_written(v, s->target),
         "accumulated before a fill:", s->target->name);
    v->bound.n = was;
}

static void check_list(Verify *v, StmtList *list)
{
    EACH(s, *list) {
        v->of = s;
        TensorList earlier;
        switch (s->kind) {
        case STMT_nest:
            check_nest(v, s);
            break;
        case STMT_scan:
            earlier = written_by(&s->body);         /* an earlier step may have written it */
            PUSH_ALL(v->written, earlier);
            bind(v, s->step);
            check_list(v, &s->body);
            v->bound.n--;
            break;
        case STMT_gradient:
            must(v, v->gradients, "a gradient", NULL);
            must(v, s->target->rank == s->source->rank + s->wrt->rank, "the rank of",
                 s->target->name);
            must(v, is_written(v, s->source) && is_written(v, s->wrt),
                 "a gradient of what is not written:", s->source->name);
            break;
        case STMT_reshape:
            must(v, is_written(v, s->source), "read before it is written:", s->source->name);
            must(v, tensor_count(s->source) == tensor_count(s->target),
                 "another number of elements:", s->target->name);
            break;
        case STMT_orthogonal:
            break;
        }
        if (s->target)
            PUSH(v->written, s->target);
    }
}

static int order(const char *stage)
{
    static const char *const stages[] = {
        "elaborate", "split", "search", "hold", "differentiate", "simplify",
    };
    int k = 0;
    while (k < 5 && strcmp(stage, stages[k]))
        k++;
    return k;
}

void verify(Program *p, Str after)
{
    const int at = order(after);
    Verify v = { .after = after,
                 .reduces = at < order("split"),
                 .gradients = at < order("differentiate"),
                 .wrappers = at < order("simplify") };
    for (int k = 0; program_part(p, k); k++)
        check_list(&v, program_part(p, k));
    for (int k = 0; !v.gradients && k < p->grads.n; k++)
        if (!p->grads.at[k]->of_param)
            bug("after %s: the gradient %s is nobody's", after, p->grads.at[k]->name);
}
