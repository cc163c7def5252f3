/* regions.c -- the fast schedule: what threads do between two barriers.
 *
 * A region is a list of functions over a tile: a thread takes a few values of one index, the
 * examples as a rule, through all of them. Statements belong to one region when wherever they meet
 * they do so at the same value of that index; what cannot (a weight's gradient, which sums over
 * the examples) waits for a region of its own, split along an axis of what it sets. The
 * order of each sum depends on sizes alone, so results do not depend on the threads. */
#include "emit.h"
#include <math.h>

/* ---- the tile index of a statement ---------------------------------------------------------- */
/* The index that stands alone on an axis of examples of the target. */
static Index *row_of(Stmt *s)
{
    const int at = FIRST(k, s->target->rank,
                         s->target->axis[k].example && s->sub[k]->kind == EXPR_index
                             && index_among(s->index, s->nouter, s->sub[k]->index) >= 0);
    return at < 0 ? NULL : s->sub[at]->index;
}

typedef struct { Stmt *stmt; Index *tile; } Tiled;
typedef VEC(Tiled) TiledList;

/* Rows for a statement, all of a scan's included. */
static bool tile_rows(Stmt *s, TiledList *out)
{
    if (s->kind == STMT_nest) {
        Index *row = row_of(s);
        if (row)
            PUSH(*out, ((Tiled) { s, row }));
        return row != NULL;
    }
    return s->kind == STMT_scan && s->body.n > 0 && !FIND(inner, s->body, !tile_rows(inner, out));
}

static Index *tile_in(TiledList *list, Stmt *s)
{
    for (int k = list->n - 1; k >= 0; k--)
        if (list->at[k].stmt == s)
            return list->at[k].tile;
    return NULL;
}

/* A scan looks at the lengths of its own rows only. */
static bool is_own_length(const Access *a)
{
    return !a->sub && a->stmt->stop == a->tensor;
}

/* Every pair of accesses that meet, meets within one tile. */
static bool agree(Emit *e, Stmt *a, Stmt *b, TiledList *tiles)
{
    const AccessList p = stmt_accesses(a), q = stmt_accesses(b);
    return !FIND_AT(x, p, FIND_AT(y, q, conflict(e, x, y) && !is_own_length(x) && !is_own_length(y)
        && !meet_alike(e, x, tile_in(tiles, x->stmt), y, tile_in(tiles, y->stmt))));
}

/* ---- choosing what belongs together --------------------------------------------------------- */
typedef struct {
    Emit *e;
    StmtList in, later;         /* of the region at hand; to be looked at again */
    TiledList tiles;
    Index *range;               /* a tile index of the region, for its size and limit */
} Choice;

static bool independent(Choice *c, Stmt *s)
{
    return !FIND(before, c->later, depends(c->e, before, s));
}

static bool admit(Choice *c, Stmt *s, TiledList *mine)
{
    const int had = c->tiles.n;
    if (FIND_AT(t, *mine, !same_range(t->tile, c->range)))
        return false;
    EACH_AT(t, *mine)
        PUSH(c->tiles, *t);
    const bool fits = agree(c->e, s, s, &c->tiles)
        && !FIND(other, c->in, !agree(c->e, other, s, &c->tiles));
    if (!fits)
        c->tiles.n = had;
    return fits;
}

static bool connected(Choice *c, Stmt *s)
{
    return FIND(before, c->in, depends(c->e, before, s));
}

/* Of one optimizer: one pass over the block, whatever reads what. */
static bool one_update(Stmt *a, Stmt *b)
{
    return a->update && b->update && a->use == b->use;
}

/* An index may be split where its range is the same at all points of the others: not along the
 * steps of each example. */
static bool is_even(Stmt *s, Index *i)
{
    return !uses_own(s, i->limit);
}

/* An index of the target that stands alone; the one that is told by `nth`
 * when there are several. */
static Index *target_index(Stmt *s, int nth)
{
    for (int k = 0; k < s->nouter; k++)
        for (int j = 0; j < s->target->rank; j++)
            if (is_index(s->sub[j], s->index[k]) && s->index[k]->size > 1
                && is_even(s, s->index[k]) && nth-- == 0)
                return s->index[k];
    return NULL;
}

/* Scales and weights of terms, ready before anything else is. */
static void choose_scales(Choice *c, StmtList *list)
{
    EACH(s, *list)
        if (s->kind == STMT_nest && s->nindex == 0 && s->target->rank == 0
            && s->value->kind != EXPR_num && independent(c, s))
            PUSH(c->in, s);
        else
            PUSH(c->later, s);
}

static int first_after(Emit *e, StmtList *list, int from, Stmt *s)
{
    while (from < list->n && !depends(e, s, list->at[from]))
        from++;
    return from;
}

/* A fill goes with what first touches it, which then may set in place of adding. */
static void leave_fills(Choice *c)
{
    for (int k = c->in.n - 1; k >= 0; k--) {
        Stmt *s = c->in.at[k];
        int to = first_after(c->e, &c->later, 0, s);
        if (s->kind != STMT_nest || s->set != SET_is || s->value->kind != EXPR_num
            || to == c->later.n || first_after(c->e, &c->in, k + 1, s) < c->in.n)
            continue;
        to = chain_start(c->e, &c->later, to);
        const int tiled = FIRST(t, c->tiles.n, c->tiles.at[t].stmt == s);
        REMOVE(c->tiles, tiled);
        REMOVE(c->in, k);
        INSERT(c->later, to, s);
    }
}

/* All of the list that can go row by row. */
static void choose_rows(Choice *c, StmtList *list)
{
    EACH(s, *list) {
        TiledList mine = { 0 };
        if (tile_rows(s, &mine) && independent(c, s)) {
            if (!c->range)
                c->range = mine.at[0].tile;
            if (admit(c, s, &mine)) {
                PUSH(c->in, s);
                continue;
            }
        }
        PUSH(c->later, s);
    }
    leave_fills(c);
}

/* The axis that the product wants, which a statement of the list accumulates onto the
 * target of the first. */
static int wanted_axis(Emit *e, StmtList *list)
{
    EACH(s, *list) {
        Gemm *g = s->target == list->at[0]->target ? gemm_find(e, s, NULL) : NULL;
        Index *i = g ? gemm_best_tile(g, s) : NULL;
        if (i)
            return target_axis(s, i);
    }
    return -1;
}

/* The first statement, along an axis of what it sets, and what goes on with its result
 * along the same axis. */
static void choose_axis(Choice *c, StmtList *list)
{
    const int wanted = wanted_axis(c->e, list);
    for (int k = 0; k < list->n; k++) {
        Stmt *s = list->at[k];
        bool in = false;
        Index *i;
        if (k == 0 && wanted >= 0 && s->kind == STMT_nest && s->sub[wanted]->kind == EXPR_index
            && is_even(s, s->sub[wanted]->index)) {
            TiledList mine = { 0 };
            PUSH(mine, ((Tiled) { s, s->sub[wanted]->index }));
            c->range = s->sub[wanted]->index;
            in = admit(c, s, &mine);
            c->range = in ? c->range : NULL;
        }
        for (int nth = 0; s->kind == STMT_nest && !in && (i = target_index(s, nth)); nth++) {
            TiledList mine = { 0 };
            PUSH(mine, ((Tiled) { s, i }));
            if (!c->range && k == 0) {
                c->range = i;
                in = admit(c, s, &mine);
                c->range = in ? i : NULL;
            } else if (c->range && (connected(c, s) || one_update(list->at[0], s))
                       && independent(c, s)) {
                in = admit(c, s, &mine);
            }
        }
        if (in)
            PUSH(c->in, s);
        else
            PUSH(c->later, s);
    }
}

/* ---- one region ----------------------------------------------------------------------------- */
static bool touch(Emit *e, StmtList *a, StmtList *b)
{
    return FIND(x, *a, FIND(y, *b, depends(e, x, y)));
}

/* How many values of the index a thread takes at once, so many that each thread has one piece.
 * OpenBLAS may round otherwise for more rows, so with it the pieces are always the same, whatever
 * is done with them: `decode` after `encode` is to give the bits of `reconstruct`. */
static int tile_step(Emit *e, Index *range, bool rows)
{
    if (e->how.openblas) {
        const int parts = rows && range->size < 256 ? 4 : 8;
        const int step = (range->size + parts - 1) / parts;
        return rows || range->size >= 32 ? (step + 15) / 16 * 16 : step;
    }
    return 0;
}

static Node *last_of(Func *f)
{
    return f && f->body.n ? f->body.at[f->body.n - 1] : NULL;
}

/* Trees of a region become functions: one for each use, but a chain of several uses in
 * one nest stays whole. */
static void make_funcs(Emit *e, Region *r, StmtList *list, TiledList *tiles)
{
    Func *f = NULL;
    for (int k = 0; k < list->n; k++) {
        Stmt *s = list->at[k];
        Index *tile = tile_in(tiles, s);
        const bool mine = func_fits(f, s);
        if (!mine && last_of(f) && fuse_whole(e, last_of(f), s)) {
            func_add(f, s);
            continue;
        }
        if (!mine) {
            f = func_new(s);
            f->tile = r->tile;
            PUSH(r->funcs, f);
        }
        func_add(f, s);
        fuse_into(e, &f->body, s, k + 1 < list->n ? list->at[k + 1] : NULL, tile);
    }
}

static void add_region(Emit *e, Run *run, Choice *c, bool rows)
{
    Region *r = NEW(Region);
    r->tile = c->range;
    r->step = c->range ? tile_step(e, c->range, rows) : 0;
    r->rows = rows;
    r->stmts = c->in;
    EACH(t, c->tiles)
        index_info(e, t.tile)->tile = true;
    for (int k = run->regions.n - 1; k >= 0; k--) {
        r->wait |= touch(e, &run->regions.at[k]->stmts, &r->stmts);
        if (run->regions.at[k]->wait)
            break;
    }
    make_funcs(e, r, &r->stmts, &c->tiles);
    PUSH(run->regions, r);
}

/* The first, by one thread, and what else is little enough. */
static void choose_first(Choice *c, StmtList *list)
{
    PUSH(c->in, list->at[0]);
    for (int k = 1; k < list->n; k++) {
        Stmt *s = list->at[k];
        if (s->kind == STMT_nest && s->target->rank == 0 && stmt_points(s) < 4096
            && independent(c, s))
            PUSH(c->in, s);
        else
            PUSH(c->later, s);
    }
}

void regions(Emit *e, Run *run)
{
    static void (*const ways[])(Choice *, StmtList *) = {
        choose_scales, choose_rows, choose_axis, choose_first,
    };
    StmtList list = { 0 };
    EACH(s, run->stmts)
        if (!is_alias(e, s))
            PUSH(list, s);
    order_all(e, &list);
    while (list.n) {
        Choice c = { .e = e };
        int way = -1;
        while (!c.in.n) {
            c = (Choice) { .e = e };
            ways[++way](&c, &list);
        }
        if (way == 0 || way == 3)
            c.range = NULL;
        add_region(e, run, &c, way == 1);
        list = c.later;
    }
}

/* ---- text ----------------------------------------------------------------------------------- */
static void calls_print(Emit *e, Buf *b, Region *r, const char *from, const char *to, int depth)
{
    EACH(f, r->funcs)
        if (f)
            buf_line(b, depth, "%s", func_call(e, f, r->tile ? format("%s, %s", from, to) : ""));
}

static bool is_empty(Region *r)
{
    return !FIND(f, r->funcs, f);
}

/* What stands around the calls of a region that is split. */
static Str loop_text(Emit *e, Region *r, int depth)
{
    Str limit = limit_text(e, r->tile);
    Str step = r->step ? format("%d", r->step)
        : format("ae_share(%s, AE_%s)", limit, r->rows ? "ROWS" : "COLUMNS");
    Buf b = { 0 };
    buf_line(&b, depth, "for (int lo = 0; lo < %s; lo += %s) {", limit, step);
    buf_line(&b, depth + 1, "const int hi = ae_imin(lo + %s, %s);", step, limit);
    return b.at;
}

/* Regions one after another that are split alike and need not wait share a loop: `open` is its text,
 * while it lasts. */
static void region_print(Emit *e, Buf *b, Region *r, Str *open)
{
    if (is_empty(r) && !r->wait)
        return;
    Str loop = r->tile && !is_empty(r) ? loop_text(e, r, 2) : NULL;
    if (*open && (r->wait || !loop || strcmp(*open, loop) != 0)) {
        buf_line(b, 2, "}");
        *open = NULL;
    }
    if (r->wait)
        buf_line(b, 2, "#pragma omp barrier");
    if (is_empty(r))
        return;
    if (!loop) {
        buf_line(b, 2, "#pragma omp single nowait\n        {");
        calls_print(e, b, r, "", "", 3);
        buf_line(b, 2, "}");
        return;
    }
    if (!*open) {
        buf_line(b, 2, "#pragma omp for schedule(static) nowait");
        buf_add(b, "%s", *open = loop);
    }
    calls_print(e, b, r, "lo", "hi", 3);
}

static void alone_print(Emit *e, Buf *b, Region *r)
{
    if (r->step && r->rows && !is_empty(r)) {
        buf_add(b, "%s", loop_text(e, r, 1));
        calls_print(e, b, r, "lo", "hi", 2);
        buf_line(b, 1, "}");
    } else {
        calls_print(e, b, r, "0", r->tile ? limit_text(e, r->tile) : "", 1);
    }
}

/* A second thread costs some microseconds to wake. */
enum { SMALL = 100000 };

void regions_print(Emit *e, Buf *b, Run *run)
{
    if (run->work < SMALL) {
        buf_add(b, run->regions.n ? "    enter();\n" : "");
        EACH(r, run->regions)
            alone_print(e, b, r);
        return;
    }
    buf_add(b, "    #pragma omp parallel if (ae_clock.batch >= %d)\n    {\n        enter();\n",
            (int) ceil(e->m->batch_max * SMALL / run->work));
    Str open = NULL;
    EACH(r, run->regions)
        region_print(e, b, r, &open);
    if (open)
        buf_line(b, 2, "}");
    buf_add(b, "    }\n");
}

/* What each thread does first. */
void enter_print(Emit *e, Buf *b)
{
    buf_add(b, "/* Each thread, before it computes: numbers too small to matter count as 0, "
               "which they would only slow down%s. */\n",
            e->blas ? ";\n * OpenBLAS keeps to the thread that calls it" : "");
    buf_add(b, "static void enter(void)\n{\n#ifdef __SSE__\n"
            "    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);\n#endif\n");
    if (e->blas)
        buf_add(b, "    if (openblas_get_parallel() == 1 && openblas_get_num_threads() > 1)\n"
                "        openblas_set_num_threads(1);\n");
    buf_add(b, "}\n\n");
}
