/* fetch.c -- rows of large tables on their way before they are needed.
 *
 *     noise[n][t][q] = ...;
 *     ae_fetch(p.o, noise[n][t][q], 400);
 *
 * where statements of the same region read row noise[n, t, q] of o: by then it has come from memory. What a later region
 * touches is fetched too if all of it stays in the cache until then. Changes no value. */
#include "emit.h"

enum { LARGE = 1 << 20, NEAR = 1 << 19 };       /* bytes: not in the cache of a core as a matter of course; in it */

typedef struct { Emit *e; Stmt *set; bool later; TensorList tables; } Fetch;

static void see_table(Fetch *f, Tensor *t, Expr *const *sub)
{
    const bool block = t->role == ROLE_param || t->role == ROLE_grad;
    if (!block || t->rank < 2 || tensor_bytes(f->e, t) < LARGE || tensor_in(&f->tables, t))
        return;
    if (sub[0]->kind != EXPR_read || sub[0]->tensor != f->set->target)
        return;
    const double touched = (double) tensor_count(f->set->target) * (double) tensor_bytes(f->e, t) / t->axis[0].size;
    if (!f->later || touched <= NEAR)
        PUSH(f->tables, t);
}

static void see_stmt(Fetch *f, Stmt *s)
{
    const AccessList list = stmt_accesses(s);
    EACH(a, list)
        if (a.sub)
            see_table(f, a.tensor, a.sub);
}

/* The tables of which the place that s sets tells a row. */
static TensorList tables_of(Emit *e, Stmt *s)
{
    Fetch f = { .e = e, .set = s };
    if (!e->how.fast || s->set != SET_is || s->where || s->check || s->target->elem != ELEM_int || info_of(e, s->target)->scalar
        || s->target->rank == 0 || s->value->kind == EXPR_num)
        return f.tables;
    EACH(run, e->runs) {
        bool here = false;
        EACH(region, run->regions) {
            f.later = here;
            here |= HAS(region->stmts, s);
            EACH_STMT(reader, &region->stmts)
                if (here)
                    see_stmt(&f, reader);
        }
    }
    return f.tables;
}

bool fetches(Emit *e, Stmt *s)
{
    return tables_of(e, s).n > 0;
}

void fetches_print(Emit *e, Buf *b, Stmt *s, int depth)
{
    const TensorList tables = tables_of(e, s);
    EACH(t, tables) {
        indent(b, depth);
        buf_add(b, "ae_fetch(%s, %s, %ld);\n", var_of(e, t)->text, place_text(e, s), tensor_bytes(e, t) / t->axis[0].size);
        var_of(e, t)->used = true;
    }
}
