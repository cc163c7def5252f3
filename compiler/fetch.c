/* fetch.c -- rows of memory on their way before they are needed. Changes no value.
 *
 *     noise[n][t][q] = ...;
 *     ae_fetch(p.o, noise[n][t][q], 400);
 *
 * where statements of the same region read row noise[n, t, q] of o: by then it has
 * come from memory. What a later region touches is fetched too if all of it stays in
 * the cache until then. And
 *
 *     for (int n = lo; n < hi; n++) {
 *         if (n + 1 < hi)
 *             ae_fetch(g[n + 1][t], 0, sizeof g[n][t]);
 *
 * within the steps t of a scan that has not set g itself: what the examples have of one step lies
 * far apart, so the processor cannot guess it. */
#include "emit.h"

/* bytes: not in the cache of a core as a matter of course; in it */
enum { LARGE = 1 << 20, NEAR = 1 << 19 };

typedef struct { Emit *e; Stmt *set; bool later; TensorList tables; } Fetch;

static void see_table(Fetch *f, Tensor *t, Expr *const *sub)
{
    const bool block = t->role == ROLE_param || t->role == ROLE_grad;
    if (!block || t->rank < 2 || tensor_bytes(f->e, t) < LARGE || HAS(f->tables, t))
        return;
    if (sub[0]->kind != EXPR_read || sub[0]->tensor != f->set->target)
        return;
    const double touched = (double) tensor_count(f->set->target) * (double) tensor_bytes(f->e, t)
        / t->axis[0].size;
    if (!f->later || touched <= NEAR)
        PUSH(f->tables, t);
}

static void see_stmt(Fetch *f, Stmt *s)
{
    EACH(a, stmt_accesses(s))
        if (a.sub)
            see_table(f, a.tensor, a.sub);
}

/* The tables of which the place that s sets tells a row. */
static TensorList tables_of(Emit *e, Stmt *s)
{
    Fetch f = { .e = e, .set = s };
    if (!e->how.fast || s->set != SET_is || s->where || s->check || s->target->elem != ELEM_int
        || info_of(e, s->target)->scalar || s->target->rank == 0 || s->value->kind == EXPR_num)
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

void fetches_print(Emit *e, Buf *b, Stmt *s, int depth)
{
    EACH(t, tables_of(e, s))
        buf_line(b, depth, "ae_fetch(%s, %s, %ld);", var_used(e, t)->text, target_text(e, s),
                 tensor_bytes(e, t) / t->axis[0].size);
}

/* ---- the next example ----------------------------------------------------------------------- */
/* Bytes: of a tensor worth it, of the least part and the largest, of what
 * processors look ahead in. */
enum { FAR = 1 << 16, LINE = 64, MOST = 4096, PAGE = 4096 };

/* Its first `part` subscripts; inside: NULL, or when. */
typedef struct { Tensor *tensor; Expr **sub; int part; Expr *inside; } Ahead;
typedef VEC(Ahead) AheadList;

/* The axes before the part that the loops in n go through; 0: that is no part of its own,
 * or the next is near. */
static int part_ahead(Emit *e, const Node *n, const NodeList *loops, const Access *a)
{
    const Tensor *t = a->tensor;
    int rows = -1, part = 0;
    bool within = false;
    for (int k = 0; k < t->rank; k++) {
        Expr *const sub = a->sub[k];
        const bool here = FIND(loop, *loops, expr_uses(sub, loop->index));
        if (ANY_EXPR(x, sub, x->kind == EXPR_read)
            || (expr_uses(sub, n->index) && !is_index(sub, n->index))
            || (within && !here && sub->kind != EXPR_num))
            return 0;
        within |= here;
        if (is_index(sub, n->index))
            rows = k;
        if (!here && sub->kind != EXPR_num)
            part = k + 1;
    }
    long bytes = e->how.f64 ? 8 : 4, stride = bytes;
    for (int k = rows + 1; k < t->rank; k++) {
        stride *= axis_room(t, k);
        bytes *= k < part ? 1 : axis_room(t, k);
    }
    const bool far = rows >= 0 && stride >= PAGE && part > rows + 1 && tensor_bytes(e, t) >= FAR;
    return far && bytes >= LINE && bytes <= MOST ? part : 0;
}

static void see_ahead(Emit *e, const Node *n, const NodeList *loops, const Access *a,
                      AheadList *list)
{
    const bool read = a->sub && a->tensor->role == ROLE_temp
        && !FIND(s, stmts_all(&e->scan->body), s->target == a->tensor);
    const int part = read ? part_ahead(e, n, loops, a) : 0;
    if (!part || FIND_AT(had, *list, had->tensor == a->tensor && had->part == part
                         && ALL(k, part, expr_same(had->sub[k], a->sub[k]))))
        return;
    unsigned check = 0;
    long lo, hi;
    for (int k = 0; k < part; k++)
        if (!is_index(a->sub[k], n->index)
            && !(bounds(a->sub[k], &lo, &hi) && lo >= 0 && hi < a->tensor->axis[k].size)) {
            if (a->tensor->axis[k].length)
                return;
            check |= 1u << k;
        }
    Expr *inside = check ? expr_inside(expr_read(a->tensor, a->sub, check, NULL)) : NULL;
    PUSH(*list, ((Ahead) { a->tensor, a->sub, part, inside }));
}

static void see_nodes(Emit *e, const Node *n, const NodeList *in, NodeList *loops, AheadList *list)
{
    EACH(node, *in) {
        if (node->kind == NODE_loop) {
            PUSH(*loops, node);
            see_nodes(e, n, &node->body, loops, list);
            loops->n--;
        } else if (node->kind == NODE_point) {
            EACH_AT(a, stmt_accesses(node->stmt))
                see_ahead(e, n, loops, a, list);
        }
    }
}

static AheadList ahead_of(Emit *e, const Node *n)
{
    NodeList loops = { 0 };
    AheadList list = { 0 };
    if (e->how.fast && e->scan && FIND(inner, n->body, inner->kind == NODE_loop))
        see_nodes(e, n, &n->body, &loops, &list);
    return list;
}

void ahead_print(Emit *e, Buf *b, const Node *n, Str to, int depth)
{
    const AheadList list = ahead_of(e, n);
    if (!list.n)
        return;
    Index *from = n->index;
    Expr *next = OP2(add, expr_index(from), expr_num(1));
    buf_line(b, depth, "if (%s + 1 < %s)%s", index_info(e, from)->name, to,
             list.n > 1 ? " {" : "");
    EACH_AT(a, list) {
        Expr *sub[MAX_RANK];
        for (int k = 0; k < a->part; k++)
            sub[k] = expr_replace(a->sub[k], &from, &next, 1);
        int in = depth + 1;
        if (a->inside)
            buf_line(b, in++, "if (%s)", expr_text(e, a->inside, BINDS_comma));
        buf_line(b, in, "ae_fetch(%s, 0, sizeof %s);", part_text(e, a->tensor, sub, a->part),
                 part_text(e, a->tensor, a->sub, a->part));
    }
    if (list.n > 1)
        buf_line(b, depth, "}");
}
