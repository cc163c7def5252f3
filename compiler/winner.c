/* winner.c -- the point that decides a max= or min=, by its number among all of them. */
#include "program.h"

void point_decode(Expr *number, Index *const *index, Expr **to, int n)
{
    int stride = 1;
    for (int k = n; k-- > 0; stride *= index[k]->size) {
        to[k] = OP2(idiv, number, expr_num(stride));
        if (k > 0)
            to[k] = OP2(mod, to[k], expr_num(index[k]->size));
    }
}

Stmt *winner_find(Module *m, StrList *names, Stmt *s)
{
    Tensor *y = s->target;
    Tensor *t = temp_named(m, names, format("%s.winner", y->name), ELEM_int, y->place);
    shaped(t, y->axis, y->rank);
    t->of = 1;
    Stmt *n = nest_for(s, t, s->set == SET_max ? SET_argmax : SET_argmin, s->value);
    memcpy(n->sub, s->sub, sizeof n->sub);
    n->where = s->where;
    for (int k = 0; k < s->nindex; k++)
        if (target_axis(s, s->index[k]) >= 0)
            nest_index(n, s->index[k]);
    for (int k = 0; k < s->nindex; k++)
        if (target_axis(s, s->index[k]) < 0) {
            n->index[n->nindex++] = s->index[k];
            t->of *= s->index[k]->size;
        }
    return n;
}

Stmt *winner_value(Stmt *s, Tensor *winner)
{
    Expr *number = expr_read(winner, s->sub, 0, NULL), *to[2 * MAX_RANK];
    Index *inner[2 * MAX_RANK];
    Stmt *won = nest_for(s, s->target, SET_is, NULL);
    memcpy(won->sub, s->sub, sizeof won->sub);
    int m = 0;
    bool sure = !s->where;
    for (int k = 0; k < s->nindex; k++)
        if (target_axis(s, s->index[k]) >= 0) {
            nest_index(won, s->index[k]);
        } else {
            inner[m++] = s->index[k];
            sure = sure && !s->index[k]->limit;
        }
    point_decode(number, inner, to, m);
    won->value = expr_replace(s->value, inner, to, m);
    won->where = sure ? NULL : OP2(le, expr_num(0), number);
    return won;
}
