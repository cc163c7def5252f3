/* gemm.c -- accumulations that are matrix products, found from their index sets.
 *
 *     c[m.., n..] += a[m.., k..] * b[k.., n..]
 *
 * An index of a and c is one of the rows, of b and c of the columns, of a and b of the sum; one that is in all
 * three, or that does not join the others of its kind at a constant stride, runs in a loop around the product. */
#include "emit.h"

enum { SIDE_a = 1, SIDE_b = 2, SIDE_c = 4, ROWS = SIDE_a | SIDE_c, COLS = SIDE_b | SIDE_c, SUMS = SIDE_a | SIDE_b };

typedef struct {            /* indices that make one axis of a matrix: the outermost first */
    Index *at[MAX_RANK];
    int n;
    long stride[2];         /* of the innermost, in the two matrices that have it */
    double size;
} Axes;

struct Gemm {
    Expr *a, *b, *scale;    /* the factors; what is left of the product, NULL: 1 */
    Axes rows, cols, sums;
    Index *outer[2 * MAX_RANK];
    int nouter;
    long lda, ldb, ldc;
    bool ta, tb, clears;    /* clears: the fill before it is part of it */
};

/* ---- the factors -------------------------------------------------------------------------------------------- */
typedef struct { Expr *read[2]; int n; Expr *scale; bool fails; } Factors;

static bool uses_own(Stmt *s, Expr *x)
{
    for (int k = 0; k < s->nindex; k++)
        if (expr_uses(x, s->index[k]))
            return true;
    return false;
}

static void take_factors(Stmt *s, Expr *x, Factors *f)
{
    if (x->kind == EXPR_op && x->op == OP_mul) {
        take_factors(s, x->arg[0], f);
        take_factors(s, x->arg[1], f);
    } else if (x->kind == EXPR_op && x->op == OP_neg) {
        f->scale = f->scale ? expr_op(OP_neg, f->scale, NULL, NULL) : expr_real(-1);
        take_factors(s, x->arg[0], f);
    } else if (x->kind == EXPR_op && x->op == OP_div && !uses_own(s, x->arg[1]) && !x->arg[0]->whole) {
        Expr *by = expr_op(OP_div, expr_real(1), x->arg[1], NULL);
        f->scale = f->scale ? expr_op(OP_mul, f->scale, by, NULL) : by;
        take_factors(s, x->arg[0], f);
    } else if (!uses_own(s, x)) {
        f->scale = f->scale ? expr_op(OP_mul, f->scale, x, NULL) : x;
    } else if (x->kind == EXPR_read && !x->whole && !x->check && f->n < 2) {
        f->read[f->n++] = x;
    } else {
        f->fails = true;
    }
}

/* ---- sorting the indices -------------------------------------------------------------------------------------- */
typedef struct { Index *index; long a, b, c; int side; } Strides;

static bool strides_of(Stmt *s, Gemm *g, Strides *st)
{
    for (int k = 0; k < s->nindex; k++) {
        bool ka, kb, kc;
        Index *i = st[k].index = s->index[k];
        st[k].a = index_stride(g->a->sub, g->a->tensor, i, &ka);
        st[k].b = index_stride(g->b->sub, g->b->tensor, i, &kb);
        st[k].c = index_stride(s->sub, s->target, i, &kc);
        if (!ka || !kb || !kc || st[k].a < 0 || st[k].b < 0 || st[k].c < 0)
            return false;
        st[k].side = (st[k].a ? SIDE_a : 0) | (st[k].b ? SIDE_b : 0) | (st[k].c ? SIDE_c : 0);
        if (st[k].side == 0 || st[k].side == SIDE_c)
            return false;
    }
    return true;
}

static bool limits_inner(Stmt *s, Index *i)
{
    for (int k = 0; k < s->nindex; k++)
        if (s->index[k]->limit && expr_uses(s->index[k]->limit, i))
            return true;
    return false;
}

/* Joins the indices of one kind, the fastest first, as long as each goes on where the last one ended. */
static void join(Stmt *s, Strides *st, int n, int side, Axes *axes, bool *used)
{
    *axes = (Axes) { .size = 1 };
    long next[2] = { 0, 0 };
    for (;;) {
        int best = -1;
        for (int k = 0; k < n; k++) {
            const long x = side == COLS ? st[k].b : st[k].a, y = side == SUMS ? st[k].b : st[k].c;
            if (used[k] || st[k].side != side || limits_inner(s, st[k].index))
                continue;
            if (axes->n ? x == next[0] && y == next[1] : best < 0 || x + y < next[0] + next[1]) {
                best = k;
                if (!axes->n) {
                    next[0] = x;
                    next[1] = y;
                }
            }
        }
        if (best < 0)
            return;
        const long x = side == COLS ? st[best].b : st[best].a, y = side == SUMS ? st[best].b : st[best].c;
        if (axes->n == 0) {
            axes->stride[0] = x;
            axes->stride[1] = y;
        }
        memmove(&axes->at[1], &axes->at[0], (size_t) axes->n * sizeof *axes->at);
        axes->at[0] = st[best].index;
        axes->n++;
        axes->size *= st[best].index->size;
        used[best] = true;
        next[0] = x * st[best].index->size;
        next[1] = y * st[best].index->size;
        if (st[best].index->limit)      /* shorter at run time: nothing goes on where it ends */
            return;
    }
}

static void swap_sides(Gemm *g, Strides *st, int n)
{
    Expr *a = g->a;
    g->a = g->b;
    g->b = a;
    for (int k = 0; k < n; k++) {
        const long x = st[k].a;
        st[k].a = st[k].b;
        st[k].b = x;
        st[k].side = (st[k].a ? SIDE_a : 0) | (st[k].b ? SIDE_b : 0) | (st[k].c ? SIDE_c : 0);
    }
}

/* Row-major: one of the two strides of each matrix is 1, the other its leading dimension. */
static bool leading(long row, long col, double cols, double rows, long *ld, bool *transposed)
{
    if (col == 1 && row >= cols) {
        *ld = row;
        *transposed = false;
        return true;
    }
    *ld = col;
    *transposed = true;
    return row == 1 && col >= rows;
}

static bool fits(Gemm *g)
{
    bool tc;
    return leading(g->rows.stride[0], g->sums.stride[0], g->sums.size, g->rows.size, &g->lda, &g->ta)
        && leading(g->sums.stride[1], g->cols.stride[0], g->cols.size, g->sums.size, &g->ldb, &g->tb)
        && leading(g->rows.stride[1], g->cols.stride[1], g->cols.size, g->rows.size, &g->ldc, &tc) && !tc;
}

static bool sorted(Stmt *s, Gemm *g, Strides *st)
{
    bool used[2 * MAX_RANK] = { false };
    const int n = s->nindex;
    join(s, st, n, ROWS, &g->rows, used);
    join(s, st, n, COLS, &g->cols, used);
    join(s, st, n, SUMS, &g->sums, used);
    g->nouter = 0;
    for (int k = 0; k < n; k++)
        if (!used[k])
            g->outer[g->nouter++] = s->index[k];
    return g->rows.n && g->cols.n && g->sums.n && fits(g);
}

Gemm *gemm_find(Emit *e, Stmt *s)
{
    Factors f = { 0 };
    Strides st[2 * MAX_RANK];
    if (!e->how.openblas || s->kind != STMT_nest || s->set != SET_add || s->check || s->held || s->target->elem != ELEM_real
        || s->target->rank == 0 || (s->where && uses_own(s, s->where)))
        return NULL;
    take_factors(s, s->value, &f);
    if (f.fails || f.n != 2 || f.read[0]->tensor->rank == 0 || f.read[1]->tensor->rank == 0)
        return NULL;
    Var *c = var_root(var_of(e, s->target));
    if (var_root(var_of(e, f.read[0]->tensor)) == c || var_root(var_of(e, f.read[1]->tensor)) == c)
        return NULL;
    Gemm *g = NEW(Gemm);
    *g = (Gemm) { .a = f.read[0], .b = f.read[1], .scale = f.scale };
    if (!strides_of(s, g, st))
        return NULL;
    bool found = sorted(s, g, st);
    if (!found) {
        swap_sides(g, st, s->nindex);
        found = sorted(s, g, st);
    }
    const double work = g->rows.size * g->cols.size * g->sums.size;
    return found && g->cols.size >= 4 && g->sums.size >= 4 && work >= 2048 ? g : NULL;
}


/* Makes the product set what it computes, if it sums over nothing but its own axis. */
bool gemm_clear(Gemm *g, Stmt *s)
{
    for (int k = 0; k < g->nouter; k++)
        if (reduces(s, g->outer[k]))
            return false;
    g->clears = !s->where;
    return g->clears;
}

bool gemm_tiles(Gemm *g, Index *i)
{
    if ((g->rows.n && g->rows.at[0] == i) || (g->cols.n && g->cols.at[0] == i))
        return true;
    for (int k = 0; k < g->nouter; k++)
        if (g->outer[k] == i)
            return true;
    return false;
}

/* ---- text --------------------------------------------------------------------------------------------------------- */
static void put_count(Emit *e, Buf *b, Axes *x, Index *tile)
{
    for (int k = 0; k < x->n; k++) {
        buf_add(b, k ? " * " : "");
        if (x->at[k] == tile)
            buf_add(b, x->n > 1 ? "(hi - lo)" : "hi - lo");
        else
            buf_add(b, "%s", limit_text(e, x->at[k]));
    }
}

/* Where the matrix begins: its own indices at 0, the tile's at lo. */
static void put_start(Emit *e, Buf *b, Gemm *g, Index *tile, Tensor *t, Expr **sub)
{
    Index *from[3 * MAX_RANK];
    Expr *to[3 * MAX_RANK], *at[MAX_RANK];
    int n = 0;
    Axes *of[] = { &g->rows, &g->cols, &g->sums };
    for (int k = 0; k < 3; k++)
        for (int j = 0; j < of[k]->n; j++) {
            from[n] = of[k]->at[j];
            to[n++] = of[k]->at[j] == tile ? expr_index(e->lo) : expr_num(0);
        }
    for (int k = 0; k < t->rank; k++)
        at[k] = expr_replace(sub[k], from, to, n);
    buf_add(b, "&");
    put_place(e, b, t, at);
}

static void put_call(Emit *e, Buf *b, Stmt *s, Gemm *g, Index *tile, int depth)
{
    buf_add(b, "cblas_%cgemm(CblasRowMajor, %s, %s, ", e->how.f64 ? 'd' : 's', g->ta ? "CblasTrans" : "CblasNoTrans",
            g->tb ? "CblasTrans" : "CblasNoTrans");
    put_count(e, b, &g->rows, tile);
    buf_add(b, ", ");
    put_count(e, b, &g->cols, tile);
    buf_add(b, ", ");
    put_count(e, b, &g->sums, tile);
    buf_add(b, ",\n");
    indent(b, depth + 2);
    if (g->scale)
        put_expr(e, b, g->scale, BINDS_comma);
    else
        put_real(e, b, 1);
    buf_add(b, ", ");
    put_start(e, b, g, tile, g->a->tensor, g->a->sub);
    buf_add(b, ", %ld, ", g->lda);
    put_start(e, b, g, tile, g->b->tensor, g->b->sub);
    buf_add(b, ", %ld, ", g->ldb);
    put_real(e, b, g->clears ? 0 : 1);
    buf_add(b, ", ");
    put_start(e, b, g, tile, s->target, s->sub);
    buf_add(b, ", %ld);\n", g->ldc);
}

void gemm_print(Emit *e, Buf *b, Node *n, int depth)
{
    Gemm *g = n->gemm;
    Stmt *s = n->stmt;
    const int scope = e->scope.n;
    e->blas = true;
    if (s->where) {
        indent(b, depth++);
        buf_add(b, "if (");
        put_truth(e, b, s->where, BINDS_comma);
        buf_add(b, ")\n");
    }
    for (int k = 0; k < g->nouter; k++) {
        const bool tile = g->outer[k] == n->index;
        loop_open(e, b, g->outer[k], tile ? "lo" : "0", tile ? "hi" : limit_text(e, g->outer[k]), depth++);
    }
    indent(b, depth);
    put_call(e, b, s, g, n->index, depth);
    scope_leave(e, scope);
}
