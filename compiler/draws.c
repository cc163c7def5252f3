/* draws.c -- draws of a row at once, before the loop that takes them one by one: that is vector
 * code, and so is what is left.
 *
 *     for (j ..)                                              float normal[20];
 *         z[n][j] = mu[n][j] + ae_normalf(7u, n * 20 + j)     ae_normals(normal, 20, 7u, n * 20);
 *                                              becomes        for (j ..)
 *                                                                 z[n][j] = mu[n][j] + normal[j];
 *
 * The row may be of several loops, one within the other, whose elements follow one another. */
#include "emit.h"

enum { MOST = 4096 };    /* in a row: it lies on the stack, and should stay in the cache */

typedef struct { Index *index[MAX_RANK]; int n; } Chain;        /* of loops, the outer first */
/* first: its key of the outer loop; inner: elements for each */
typedef struct { Expr *draw; int first; long inner; } Row;
typedef VEC(Row) RowList;

static bool row_of(Expr *draw, const Chain *c, Row *row)
{
    int at = draw->nkey;
    *row = (Row) { draw, 0, 1 };
    for (int k = c->n - 1; k >= 0; k--) {
        do
            at--;
        while (at >= 0 && draw->key_size[at] == 1 && expr_is(draw->key[at], 0));
        if (at < 0 || !is_index(draw->key[at], c->index[k])
            || (k > 0 && draw->key_size[at] != c->index[k]->size))
            return false;
        row->inner *= k > 0 ? c->index[k]->size : 1;
    }
    row->first = at;
    while (--at >= 0)
        if (ANY(k, c->n, expr_uses(draw->key[at], c->index[k])))
            return false;
    return row->inner * c->index[0]->size <= MOST;
}

static void add_rows(Emit *e, Node *loop, Chain c, RowList *rows)
{
    Row row;
    c.index[c.n++] = loop->index;
    EACH(n, loop->body) {
        if (n->kind == NODE_loop && c.n < MAX_RANK)
            add_rows(e, n, c, rows);
        for (int k = 0; n->kind == NODE_point && stmt_part(n->stmt, k); k++)
            EACH_EXPR(x, *stmt_part(n->stmt, k))
                if (x->kind == EXPR_draw && row_of(x, &c, &row)
                    && !FIND_AT(r, *rows, expr_same(r->draw, x))
                    && !FIND_AT(d, e->drawn, expr_same(d->draw, x)))
                    PUSH(*rows, row);
    }
}

static RowList rows_of(Emit *e, Node *loop)
{
    RowList rows = { 0 };
    if (e->how.fast && loop->kind == NODE_loop)
        add_rows(e, loop, (Chain) { .n = 0 }, &rows);
    return rows;
}

/* The number of an element from its keys, the last fastest. */
static Str number_of(Emit *e, Expr **key, const int *size, int n, const char *cast)
{
    Str text = NULL;
    bool sum = false;
    for (int k = 0; k < n; k++) {
        if (text && size[k] != 1) {
            text = format(sum ? "(%s) * %d" : "%s * %d", text, size[k]);
            sum = false;
        }
        if (expr_is(key[k], 0))
            continue;
        sum = text;
        text = sum ? format("%s + %s", text, expr_text(e, key[k], BINDS_mul))
             : format("%s%s", cast, expr_text(e, key[k], *cast ? BINDS_all : BINDS_add));
    }
    return text ? text : "0";
}

/* The same of a draw; of several ranks, each counts the rows of the whole batch. */
static Str element_of(Emit *e, Expr *draw, Expr **key)
{
    const Str own = number_of(e, key, draw->key_size, draw->nkey, "(uint64_t) ");
    if (!e->how.mpi || draw->row < 0)
        return own;
    long apart = draw->key_size[draw->row] / e->m->batch_max;
    for (int k = draw->row + 1; k < draw->nkey; k++)
        apart *= draw->key_size[k];
    return format("%s + (uint64_t) ae_clock.first * %ld", own, apart);
}

Str draw_text(Emit *e, Expr *x)
{
    const Drawn *d = FIND_AT(drawn, e->drawn, expr_same(drawn->draw, x));
    if (d)
        return format("%s[%s]", d->name, number_of(e, x->key + d->first, x->key_size + d->first,
                                                   x->nkey - d->first, ""));
    return format("ae_%s%s(%uu, %s)", x->normal ? "normal" : "uniform", e->how.f64 ? "" : "f",
                  x->stream, element_of(e, x, x->key));
}

/* Prints what comes before the loop over from .. to. */
void draws_print(Emit *e, Buf *b, Node *loop, Str from, Str to, int depth)
{
    const bool zero = !strcmp(from, "0");
    EACH_AT(r, rows_of(e, loop)) {
        const char *what = r->draw->normal ? "normal" : "uniform";
        Str name = scope_enter(e, what), times = r->inner > 1 ? format(" * %ld", r->inner) : "";
        Str begin = zero ? name : format("%s + %s%s", name, from, times);
        Str n = format(zero ? "%s" : "(%s - %s)", to, from);
        Expr *key[MAX_RANK];
        for (int j = 0; j < r->draw->nkey; j++)
            key[j] = j < r->first || (j == r->first && !zero) ? r->draw->key[j] : expr_num(0);
        index_info(e, loop->index)->name = from;
        buf_line(b, depth, "%s %s[%ld];", e->real, name, r->inner * loop->index->size);
        buf_line(b, depth, "ae_%ss(%s, %s%s, %uu, %s);", what, begin, n, times, r->draw->stream,
                 element_of(e, r->draw, key));
        PUSH(e->drawn, ((Drawn) { r->draw, name, r->first }));
    }
}
