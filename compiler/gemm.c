/* gemm.c -- accumulations that are contractions, found from their index sets.
 *
 *     c[rows, cols] += a[rows, sums] * b[sums, cols]
 *
 * An index of a and c is one of the rows, of b and c of the columns, of a or b alone one of the
 * sum; one that is in all three runs in a loop around. Each subscript must be affine, so that
 * stepping an index steps each place by a constant: dense layers, windows, attention and all
 * their gradients are this. Where each of the three is one axis, and memory lies as it wants,
 * OpenBLAS can do it. */
#include "emit.h"
#include <math.h>

enum { SIDE_a = 1, SIDE_b = 2, SIDE_c = 4 };

/* Indices that step as one axis. */
typedef struct { Index *index[MAX_RANK]; int n; long one, two; } Group;
typedef struct { Group at[2 * MAX_RANK]; int n; double size; } Axes;        /* the fastest last */

struct Gemm {
    Expr *a, *b, *scale;    /* the factors; what is left of the product, NULL: 1 */
    Axes rows, cols, sums;
    Index *outer[2 * MAX_RANK];
    int nouter;
    /* Second of the rows or the sums: for each of the first it has a length; NULL: none. */
    Index *along;
    /* First of the rows, of which only those count where the statement holds; NULL: all. */
    Index *some;
    bool clears;            /* the fill before it is part of it */
    Expr *start;            /* what that fills with, a number for each column; NULL: 0 */
};

/* ---- the factors ---------------------------------------------------------------------------- */
typedef struct { Expr *read[2]; int n; Expr *scale; bool fails; } Factors;

/* Whether it uses an index of the statement other than this one. */
static bool uses_other(Stmt *s, Expr *x, Index *but)
{
    return ANY(k, s->nindex, s->index[k] != but && expr_uses(x, s->index[k]));
}

static void scale_by(Factors *f, Expr *x)
{
    f->scale = f->scale ? expr_op(OP_mul, f->scale, x, NULL) : x;
}

static void take_factors(Stmt *s, Expr *x, Factors *f)
{
    if (!uses_own(s, x)) {
        scale_by(f, x);
    } else if (x->kind == EXPR_op && x->op == OP_mul) {
        take_factors(s, x->arg[0], f);
        take_factors(s, x->arg[1], f);
    } else if (x->kind == EXPR_op && x->op == OP_neg) {
        scale_by(f, expr_real(-1));
        take_factors(s, x->arg[0], f);
    } else if (x->kind == EXPR_op && x->op == OP_div && !uses_own(s, x->arg[1])) {
        scale_by(f, expr_op(OP_div, expr_real(1), x->arg[1], NULL));
        take_factors(s, x->arg[0], f);
    } else if (x->kind == EXPR_read && !x->whole && !x->check && f->n < 2) {
        f->read[f->n++] = x;
    } else {
        f->fails = true;
    }
}

/* Whether examples, which lengths go by, are told by another index. */
static bool along_others(Stmt *s, Expr *read, Index *but)
{
    const Tensor *t = read->tensor;
    return ANY(k, t->rank, t->axis[k].example && uses_other(s, read->sub[k], but));
}

/* Whether a condition changes within the product, be it along other indices than this one; a place
 * is asked for its checked subscripts only. */
static bool varies(Stmt *s, Expr *x, Index *but)
{
    if (x->kind == EXPR_op)
        return ANY(k, op_info[x->op].args, varies(s, x->arg[k], but));
    if (x->kind != EXPR_inside)
        return uses_other(s, x, but);
    Expr *read = x->arg[0];
    Tensor *t = read->tensor;
    const unsigned check = checks_needed(t, read->sub, read->check);
    return ANY(k, t->rank, (check >> k & 1)
               && (uses_other(s, read->sub[k], but)
                   || (t->axis[k].length && along_others(s, read, but))));
}

/* ---- sorting the indices -------------------------------------------------------------------- */
typedef struct { Index *index; long a, b, c; int side; bool used; } Strides;

static void find_side(Strides *st)
{
    st->side = (st->a ? SIDE_a : 0) | (st->b ? SIDE_b : 0) | (st->c ? SIDE_c : 0);
}

static bool strides_of(Stmt *s, Gemm *g, Strides *st)
{
    for (int k = 0; k < s->nindex; k++) {
        bool ka, kb, kc;
        Index *i = s->index[k];
        st[k] = (Strides) { .index = i };
        st[k].a = index_stride(g->a->sub, g->a->tensor, i, &ka);
        st[k].b = index_stride(g->b->sub, g->b->tensor, i, &kb);
        st[k].c = index_stride(s->sub, s->target, i, &kc);
        find_side(&st[k]);
        if (!ka || !kb || !kc || st[k].side == 0 || st[k].side == SIDE_c)
            return false;
    }
    return true;
}

/* An index whose limit uses this one, after `from`; NULL if there is none. */
static Index *limited_by(Stmt *s, Index *i, Index *from)
{
    int k = 0;
    while (from && s->index[k++] != from) {
    }
    for (; k < s->nindex; k++)
        if (s->index[k]->limit && expr_uses(s->index[k]->limit, i))
            return s->index[k];
    return NULL;
}

static void swap_sides(Gemm *g, Strides *st, int n)
{
    SWAP(g->a, g->b);
    for (int k = 0; k < n; k++) {
        SWAP(st[k].a, st[k].b);
        find_side(&st[k]);
    }
}

/* Whether an axis goes on where the next one, which is faster, ends. */
static bool goes_on(const Gemm *g, const Group *x, const Group *next, Index *tile)
{
    Index *first = next->index[0];
    long size = 1;
    for (int k = 0; k < next->n; k++)
        size *= next->index[k]->size;
    return !first->limit && first != tile && x->index[0] != g->along && x->index[0] != g->some
        && x->one == next->one * size && x->two == next->two * size
        && x->n + next->n <= MAX_RANK;
}

static long step_in(const Strides *st, char array)
{
    return array == 'a' ? st->a : array == 'b' ? st->b : st->c;
}

/* The axes of one kind, by their steps in the last of the two arrays and the third in `keys`, the
 * smallest last; those that go on where another ends are joined. */
static void collect(Stmt *s, const Gemm *gemm, Strides *st, unsigned sides, const char *keys,
                    Axes *x, Index *tile)
{
    *x = (Axes) { .size = 1 };
    for (;;) {
        Strides *best = NULL;
        for (int k = 0; k < s->nindex; k++)
            if (!st[k].used && (sides >> st[k].side & 1)
                && (!best || step_in(&st[k], keys[2]) > step_in(best, keys[2])))
                best = &st[k];
        if (!best)
            return;
        best->used = true;
        Group g = { { best->index }, 1, step_in(best, keys[0]), step_in(best, keys[1]) };
        Group *last = x->n ? &x->at[x->n - 1] : NULL;
        if (last && goes_on(gemm, last, &g, tile)) {
            last->index[last->n++] = best->index;
            last->one = g.one;
            last->two = g.two;
        } else {
            x->at[x->n++] = g;
        }
        x->size *= best->index->size;
    }
}

/* About how many cycles of eight lanes it takes, as measured. Columns are the vector side:
 * they go in panels of 16, which are packed, gladly from what lies side by side along the
 * columns, or at least along the sums; and where they do not lie side by side in c, storing
 * takes its time too. */
static double cost(Stmt *s, const Strides *st)
{
    double rows = 1, cols = 1, sums = 1;
    const Strides *fast = NULL;
    bool turned = false;
    for (int k = 0; k < s->nindex; k++) {
        const int side = st[k].side;
        const double size = st[k].index->size;
        rows *= side == (SIDE_a | SIDE_c) ? size : 1;
        cols *= side == (SIDE_b | SIDE_c) ? size : 1;
        sums *= side & SIDE_c ? 1 : size;
        turned |= !(side & SIDE_c) && st[k].b == 1;
        if (side == (SIDE_b | SIDE_c) && size > 1 && (!fast || st[k].c < fast->c))
            fast = &st[k];
    }
    const double wide = fast ? ceil(cols / 16) * 16 : 16;
    const double pack = fast && fast->b == 1 ? 0.15 : turned ? 0.45 : 1.6;
    const double store = fast && fast->c == 1 ? 0.15 : 2;
    return rows * wide * sums / 16 + sums * wide * pack * ceil(rows / 768)
        + rows * wide * store * ceil(sums / 512);
}

static bool wants_swap(Stmt *s, Gemm *g, Strides *st)
{
    const double now = cost(s, st);
    swap_sides(g, st, s->nindex);
    const double swapped = cost(s, st);
    swap_sides(g, st, s->nindex);
    return swapped < now;
}

enum {
    ROWS = 1u << (SIDE_a | SIDE_c), COLS = 1u << (SIDE_b | SIDE_c),
    SUMS = 1u << (SIDE_a | SIDE_b) | 1u << SIDE_a | 1u << SIDE_b
};

static Strides *strides_for(Stmt *s, Strides *st, Index *i)
{
    for (int k = 0; k < s->nindex; k++)
        if (st[k].index == i)
            return &st[k];
    return NULL;
}

/* Whether no two rows meet in c. */
static bool rows_apart(Stmt *s)
{
    return ALL(k, s->target->rank, s->sub[k]->kind == EXPR_index || !uses_own(s, s->sub[k]));
}

/* An axis whose length is read for each value of an index of its own kind. */
static Index *find_along(Emit *e, Stmt *s, Strides *st, Index *tile)
{
    for (int k = 0; k < s->nindex && !e->how.openblas; k++) {
        Index *const i = st[k].index, *const t = limited_by(s, i, NULL);
        if (t && t != tile && !limited_by(s, i, t) && !limited_by(s, t, NULL)
            && t->limit->tensor && t->limit->tensor->rank == 1 && is_index(t->limit->sub[0], i)
            && strides_for(s, st, t)->side == st[k].side && (1u << st[k].side & (ROWS | SUMS)))
            return t;
    }
    return NULL;
}

/* The only index of the rows along which the condition changes. */
static Index *find_some(Emit *e, Stmt *s, Strides *st)
{
    for (int k = 0; k < s->nindex && !e->how.openblas; k++)
        if (1u << st[k].side == ROWS && !limited_by(s, st[k].index, NULL)
            && !varies(s, s->where, st[k].index))
            return st[k].index;
    return NULL;
}

/* The indices into the axes of each kind, those around them apart. False if the lengths do not
 * follow what they belong to. */
static bool sort_axes(Stmt *s, Gemm *g, Strides *st, Index *tile, Index *along)
{
    g->along = along;
    g->nouter = 0;
    for (int k = 0; k < s->nindex; k++) {
        Index *const t = limited_by(s, st[k].index, NULL);
        st[k].used = st[k].side == (SIDE_a | SIDE_b | SIDE_c) || (t && t != along);
        if (st[k].used)
            g->outer[g->nouter++] = st[k].index;
    }
    collect(s, g, st, ROWS, "aca", &g->rows, tile);
    collect(s, g, st, COLS, "bcc", &g->cols, tile);
    collect(s, g, st, SUMS, "abb", &g->sums, tile);
    const bool of_rows = along && (1u << strides_for(s, st, along)->side & ROWS);
    const Axes *const x = of_rows ? &g->rows : &g->sums;
    return !along || (x->n > 1 && x->at[0].n == 1 && x->at[1].index[0] == along
                      && limited_by(s, x->at[0].index[0], NULL) == along);
}

Gemm *gemm_find(Emit *e, Stmt *s, Index *tile)
{
    Factors f = { 0 };
    Strides st[2 * MAX_RANK];
    if (!e->how.fast || s->kind != STMT_nest || s->set != SET_add || s->check || s->held
        || s->target->elem != ELEM_real || s->target->rank == 0)
        return NULL;
    take_factors(s, s->value, &f);
    if (f.fails || f.n != 2 || f.read[0]->tensor->rank == 0 || f.read[1]->tensor->rank == 0)
        return NULL;
    Var *c = var_root(var_of(e, s->target));
    if (var_root(var_of(e, f.read[0]->tensor)) == c || var_root(var_of(e, f.read[1]->tensor)) == c)
        return NULL;
    Gemm *g = COPY(&((Gemm) { .a = f.read[0], .b = f.read[1], .scale = f.scale }));
    if (!strides_of(s, g, st))
        return NULL;
    if (wants_swap(s, g, st))
        swap_sides(g, st, s->nindex);
    const bool apart = rows_apart(s);
    if (s->where && varies(s, s->where, NULL)) {
        g->some = apart ? find_some(e, s, st) : NULL;
        sort_axes(s, g, st, tile, NULL);
        if (!g->some || !g->rows.n || g->rows.at[0].index[0] != g->some)
            return NULL;
    } else if (!sort_axes(s, g, st, tile, apart ? find_along(e, s, st, tile) : NULL)) {
        sort_axes(s, g, st, tile, NULL);
    }
    const double work = g->rows.size * g->cols.size * g->sums.size;
    const bool worth = g->cols.size >= 4 && g->rows.size >= 2 && g->sums.size >= 3 && work >= 4096;
    return g->rows.n && g->cols.n && g->sums.n && worth ? g : NULL;
}

/* ---- what others ask ------------------------------------------------------------------------ */
/* How far apart in the columns' numbers those of i and i + 1 are; 0: i is no column. */
static long column_step(const Axes *cols, const Index *i)
{
    long step = 1;
    for (int j = cols->n; j-- > 0;)
        for (int k = cols->at[j].n; k-- > 0;) {
            if (cols->at[j].index[k] == i)
                return step;
            step *= cols->at[j].index[k]->size;
        }
    return 0;
}

/* What the fill reads, by the product's own indices; NULL if the columns do not lie there in the
 * order of their numbers. */
static Expr *start_of(Gemm *g, Stmt *s, Stmt *fill)
{
    Expr *const x = fill->value;
    Expr *sub[MAX_RANK];
    if (x->kind != EXPR_read || x->check || x->whole || x->tensor->elem != ELEM_real || g->nouter)
        return NULL;
    for (int j = 0; j < x->tensor->rank; j++) {
        sub[j] = NULL;
        for (int k = 0; k < s->target->rank; k++)
            if (fill->sub[k]->kind == EXPR_index && expr_same(x->sub[j], fill->sub[k]))
                sub[j] = s->sub[k];
        if (!sub[j])
            return NULL;
    }
    bool known;
    for (int k = 0; k < s->nindex; k++) {
        Index *const i = s->index[k];
        if (index_stride(sub, x->tensor, i, &known) != column_step(&g->cols, i) || !known)
            return NULL;
    }
    return expr_read(x->tensor, sub, 0, NULL);
}

/* Makes the product set what it computes, if each element has one sum; from
 * what the fill has said. */
bool gemm_clear(Emit *e, Gemm *g, Stmt *s, Stmt *fill)
{
    if (s->where || g->along || ANY(k, g->nouter, reduces(s, g->outer[k]))
        || ANY(k, s->target->rank, s->sub[k]->kind != EXPR_index && s->target->axis[k].size != 1))
        return false;
    g->start = expr_is(fill->value, 0) || e->how.openblas ? NULL : start_of(g, s, fill);
    g->clears = g->start || expr_is(fill->value, 0);
    return g->clears;
}

static bool has_first(Axes *x, Index *i)
{
    return ANY(k, x->n, x->at[k].index[0] == i);
}

bool gemm_tiles(Gemm *g, Index *i)
{
    const bool outer = index_among(g->outer, g->nouter, i) >= 0;
    return i != g->along && (outer || has_first(&g->rows, i) || has_first(&g->cols, i));
}

/* Threads share the columns: then no two pack the same. */
Index *gemm_best_tile(Gemm *g, Stmt *s)
{
    Axes *of[] = { &g->cols, &g->rows };
    for (int k = 0; k < 2; k++)
        for (int j = 0; j < of[k]->n; j++) {
            Index *i = of[k]->at[j].index[0];
            if (target_axis(s, i) >= 0 && i->size >= 4 && of[k]->size >= 32)
                return i;
        }
    return NULL;
}

/* The indices that run within the product; how many. */
static int own_indices(const Gemm *g, Index **own)
{
    const Axes *of[] = { &g->rows, &g->cols, &g->sums };
    int n = 0;
    EACH_ROW(axes, of)
        for (int j = 0; j < (*axes)->n; j++)
            for (int i = 0; i < (*axes)->at[j].n; i++)
                own[n++] = (*axes)->at[j].index[i];
    return n;
}

/* ---- text ----------------------------------------------------------------------------------- */
static Str count_text(Emit *e, const Group *x, Index *tile)
{
    Buf b = { 0 };
    for (int k = 0; k < x->n; k++) {
        Str one = x->index[k] == tile ? "hi - lo" : limit_text(e, x->index[k]);
        buf_add(&b, x->n > 1 && strchr(one, ' ') ? "%s(%s)" : "%s%s", k ? " * " : "", one);
    }
    return b.at ? b.at : "";
}

/* Where an array begins: the axes' own indices at 0, the tile's at lo. */
static Str start_text(Emit *e, const Node *node, Tensor *t, Expr **sub)
{
    Index *from[3 * MAX_RANK];
    Expr *to[3 * MAX_RANK], *at[MAX_RANK];
    const int n = own_indices(node->gemm, from);
    for (int k = 0; k < n; k++)
        to[k] = from[k] == node->index ? expr_index(e->lo) : expr_num(0);
    for (int k = 0; k < t->rank; k++)
        at[k] = expr_replace(sub[k], from, to, n);
    return format("&%s", place_text(e, t, at));
}

static Str read_text(Emit *e, const Node *n, Expr *read)
{
    return start_text(e, n, read->tensor, read->sub);
}

static Str scale_text(Emit *e, Gemm *g)
{
    return g->scale ? expr_text(e, g->scale, BINDS_comma) : real_text(e, 1);
}

typedef struct { long lda, ldb, ldc; bool ta, tb; } Layout;

static bool leading(long row, long col, double rows, double cols, long *ld, bool *turned)
{
    *turned = col != 1;
    *ld = *turned ? col : row;
    return *turned ? row == 1 && col >= rows : row >= cols;
}

/* Whether BLAS can do it: one axis of each kind, and in each matrix one of the two steps is 1. */
static bool is_plain(Gemm *g, Layout *l)
{
    Group *m = &g->rows.at[0], *n = &g->cols.at[0], *k = &g->sums.at[0];
    bool tc;
    return g->rows.n == 1 && g->cols.n == 1 && g->sums.n == 1 && k->one && k->two
        && leading(m->one, k->one, g->rows.size, g->sums.size, &l->lda, &l->ta)
        && leading(k->two, n->one, g->sums.size, g->cols.size, &l->ldb, &l->tb)
        && leading(m->two, n->two, g->rows.size, g->cols.size, &l->ldc, &tc) && !tc;
}

static void blas_print(Emit *e, Buf *b, Node *n, Layout *l, int depth)
{
    Gemm *g = n->gemm;
    e->blas = true;
    buf_line(b, depth, "cblas_%cgemm(CblasRowMajor, Cblas%s, Cblas%s, %s, %s, %s,",
             e->how.f64 ? 'd' : 's', l->ta ? "Trans" : "NoTrans", l->tb ? "Trans" : "NoTrans",
             count_text(e, &g->rows.at[0], n->index), count_text(e, &g->cols.at[0], n->index),
             count_text(e, &g->sums.at[0], n->index));
    buf_line(b, depth + 2, "%s, %s, %ld, %s, %ld, %s, %s, %ld);", scale_text(e, g),
             read_text(e, n, g->a), l->lda, read_text(e, n, g->b), l->ldb,
             real_text(e, g->clears ? 0 : 1), start_text(e, n, n->stmt->target, n->stmt->sub),
             l->ldc);
}

static Str axes_text(Emit *e, const Gemm *g, const Axes *x, Index *tile)
{
    Buf b = { 0 };
    for (int k = 0; k < x->n; k++) {
        const Group *one = &x->at[k];
        Str count = one->index[0] == g->along ? "AE_LENGTH" : count_text(e, one, tile);
        buf_add(&b, "%s{ %s, %ld, %ld }", k ? ", " : "", count, one->one, one->two);
        if (g->some && one->index[0] == g->some)
            buf_add(&b, ", { AE_LENGTH, 0, 0 }");
    }
    return format("AE_AXES(%s)", b.at ? b.at : "");
}

/* some: says of each value of g->some whether it counts. */
static void contract_print(Emit *e, Buf *b, Node *n, Str some, int depth)
{
    Gemm *g = n->gemm;
    Str length = g->along ? read_text(e, n, g->along->limit) : some;
    Str call = length ? format("ae_contract_along(%s, ", length) : "ae_contract(";
    buf_line(b, depth, "%s%s, %s, %s,", call, axes_text(e, g, &g->rows, n->index),
             axes_text(e, g, &g->cols, n->index), axes_text(e, g, &g->sums, n->index));
    buf_line(b, depth + 2, "%s, %s, %s, %s, %s, %s);", scale_text(e, g), read_text(e, n, g->a),
             read_text(e, n, g->b), start_text(e, n, n->stmt->target, n->stmt->sub),
             g->clears ? "true" : "false", g->start ? read_text(e, n, g->start) : "NULL");
}

/* ---- within a scan -------------------------------------------------------------------------- */
/* Whether the columns' array is the same in all steps, at the same place. */
static bool stays(Emit *e, Gemm *g, Stmt *scan)
{
    Index *own[3 * MAX_RANK];
    const int n = own_indices(g, own);
    for (int k = 0; k < g->b->tensor->rank; k++)
        EACH_EXPR(x, g->b->sub[k])
            if (x->tensor || (x->index && index_among(own, n, x->index) < 0))
                return false;
    const AccessList list = stmt_accesses(scan);
    Var *const b = var_root(var_of(e, g->b->tensor));
    return !FIND_AT(a, list, a->write && var_root(var_of(e, a->tensor)) == b);
}

/* The largest such product of a scan, or NULL. */
static Node *kept_in(Emit *e, NodeList *list, Stmt *scan)
{
    Node *most = NULL;
    double size = 0;
    EACH(n, *list) {
        const bool is = n->kind == NODE_gemm && stays(e, n->gemm, scan);
        Node *const best = is ? n : kept_in(e, &n->body, scan);
        const double its = best ? best->gemm->cols.size * best->gemm->sums.size : 0;
        if (its > size) {
            most = best;
            size = its;
        }
    }
    return most;
}

/* Before the steps: what its largest product packs serves all of them. */
bool gemm_keep_print(Emit *e, Buf *b, Node *scan, int depth)
{
    Node *const n = e->how.openblas ? NULL : kept_in(e, &scan->body, scan->stmt);
    if (!n)
        return false;
    buf_line(b, depth, "ae_keep(%s);", read_text(e, n, n->gemm->b));
    return true;
}

/* Which rows count, 1 or 0 each: the name of the array. */
static Str some_print(Emit *e, Buf *b, Node *n, int depth)
{
    Index *const i = n->gemm->some;
    const bool tile = i == n->index;
    Str name = scope_enter(e, intern("counts"));
    buf_line(b, depth, "int32_t %s[%s];", name, extent_text(e, i));
    tile_open(e, b, i, tile, depth);
    buf_line(b, depth + 1, "%s[%s%s] = %s;", name, index_info(e, i)->name, tile ? " - lo" : "",
             truth_text(e, n->stmt->where, BINDS_comma));
    return name;
}

void gemm_print(Emit *e, Buf *b, Node *n, int depth)
{
    Gemm *g = n->gemm;
    const int scope = e->scope.n;
    Layout l;
    if (n->stmt->where && !g->some)
        buf_line(b, depth++, "if (%s)", truth_text(e, n->stmt->where, BINDS_comma));
    for (int k = 0; k < g->nouter; k++)
        tile_open(e, b, g->outer[k], g->outer[k] == n->index, depth++);
    Str some = NULL;
    if (g->some) {
        buf_line(b, depth, "{");
        some = some_print(e, b, n, ++depth);
    }
    if (e->how.openblas && is_plain(g, &l))
        blas_print(e, b, n, &l, depth);
    else
        contract_print(e, b, n, some, depth);
    if (some)
        buf_line(b, depth - 1, "}");
    scope_leave(e, scope);
}
