/* search.c -- a choice whose weights are everywhere the same finds its place
 * in their running sums.
 *
 *     c[n] = choice(v) w[v]        becomes        s[v] = w[v] + s[v - 1], step after step,
 *                                                 c[n] = search(v) s[v]
 *
 * so that a draw costs as many steps as the number of weights has digits. Takes
 * what split.c leaves. */
#include "program.h"

enum { FEW = 16 };      /* so few weights are added up as quickly as they are searched */

static bool is_repeated(const Stmt *s)
{
    if (s->kind != STMT_nest || s->set != SET_choice || s->nouter == 0
        || s->nindex != s->nouter + 1 || s->update
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
    Tensor *sum = temp_beside(m, names, choice->target, "sum", choice->place);
    shaped(sum, &(Axis) { .size = over->size, .name = over->name }, 1);
    Expr *at = expr_index(step), *before = OP2(sub, at, expr_num(1));
    Expr *weight = expr_replace(choice->value, &over, &at, 1);
    Stmt *add = nest_for(choice, sum, SET_is, OP2(add, weight, expr_read(sum, &before, 1, NULL)));
    add->sub[0] = at;
    return scan_for(add, step);
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
    for (int k = 0; k < COUNT(lists); k++)
        search_list(m, &names, lists[k]);
}
