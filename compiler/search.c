/* search.c -- a choice whose weights are everywhere the same finds its place in their running sums.
 *
 *     c[n] = choice(v) w[v]        becomes        s[v] = w[v] + s[v - 1], step after step,
 *                                                 c[n] = search(v) s[v]
 *
 * so that a draw costs as many steps as the number of weights has digits. Takes what split.c leaves. */
#include "program.h"

enum { FEW = 16 };      /* so few weights are added up as quickly as they are searched */

static bool is_repeated(const Stmt *s)
{
    if (s->kind != STMT_nest || s->set != SET_choice || s->nouter == 0 || s->nindex != s->nouter + 1 || s->update
        || (s->where && expr_uses(s->where, s->index[s->nouter])))
        return false;
    const Index *over = s->index[s->nouter];
    return !over->limit && over->size >= FEW && !ANY_EXPR(e, s->value, e->kind == EXPR_draw
        || (e->kind == EXPR_index && index_among(s->index, s->nouter, e->index) >= 0));
}

/* s[v] = w[v] + s[v - 1]; its first step reads outside, which is 0. */
static Stmt *running_sum(Module *m, StrList *names, Stmt *choice)
{
    Index *over = choice->index[choice->nouter], *step = index_new(over->name, over->size, NULL);
    Tensor *sum = tensor_new(m, name_fresh(names, format("%s.sum", choice->target->name)), ROLE_temp, ELEM_real);
    sum->rank = 1;
    sum->axis[0] = (Axis) { over->size, NULL, false, over->name };
    sum->place = choice->place;
    Expr *at = expr_index(step), *before = expr_op(OP_sub, at, expr_num(1), NULL);
    Expr *weight = expr_replace(choice->value, &over, &at, 1);
    Stmt *add = nest_new(sum, SET_is, expr_op(OP_add, weight, expr_read(sum, &before, 1, NULL), NULL));
    add->sub[0] = at;
    Stmt *scan = stmt_new(STMT_scan, NULL, NULL);
    scan->step = step;
    PUSH(scan->body, add);
    scan->place = add->place = choice->place;
    scan->use = add->use = choice->use;
    return scan;
}

static void search_list(Module *m, StrList *names, StmtList *list)
{
    StmtList out = { 0 };
    EACH(s, *list) {
        if (s->kind == STMT_scan)
            search_list(m, names, &s->body);
        if (is_repeated(s)) {
            Stmt *sums = running_sum(m, names, s), *found = COPY(s);
            Expr *at = expr_index(s->index[s->nouter]);
            PUSH(out, sums);
            found->set = SET_search;
            found->value = expr_read(sums->body.at[0]->target, &at, 0, NULL);
            s = found;
        }
        PUSH(out, s);
    }
    *list = out;
}

void search(Module *m, Program *p)
{
    StrList names = { 0 };
    names_of(&names, p);
    StmtList *const lists[] = { &p->begin, &p->body, &p->end };
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
        search_list(m, &names, lists[k]);
}
