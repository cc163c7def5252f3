/* contract.c -- every contraction: c[m, n] += sum_k a[m, k] b[k, n], with m, n, k each a run of axes.
 *
 * An element's place is the sum of a step for each axis, so transposes, strides, windows and reshapes cost
 * nothing but a table. Columns go in panels of WIDE, which are packed; rows of a are read one number at a time
 * and spread over a vector. Sums run over k in order, in blocks of DEEP: the sizes alone fix every rounding. */
#include "ae.h"

enum {
    BYTES = 32,                                     /* of a vector */
    LANES = BYTES / (int) sizeof(ae_real),
    WIDE = 2 * LANES,
    TALL = 6,                           /* rows of a tile: 12 sums, 2 of b and 1 of a fill 16 registers */
    DEEP = 512, ROWS = 768
};

typedef ae_real Lane __attribute__((vector_size(BYTES)));
typedef ae_real Loose __attribute__((vector_size(BYTES), aligned(sizeof(ae_real)), may_alias));

typedef struct {                                    /* what one thread works with */
    ae_real panel[DEEP * WIDE] __attribute__((aligned(64)));
    ae_real out[TALL * WIDE] __attribute__((aligned(64)));
    int row_a[ROWS + TALL], row_c[ROWS + TALL], sum_a[DEEP], sum_b[DEEP], col_b[WIDE], col_c[WIDE];
} Desk;

static _Thread_local Desk desk;

/* ---- places ----------------------------------------------------------------------------------- */
static long size_of(const AeAxis *x)
{
    long n = 1;
    for (; x->count >= 0; x++)
        n *= x->count;
    return n;
}

/* The places of points from .. from + n - 1 of a run of axes, the last fastest, in two arrays. */
static void places(const AeAxis *x, long from, int n, int *one, int *two)
{
    int axes = 0, at[AE_RANK];
    long p = 0, q = 0;
    while (x[axes].count >= 0)
        axes++;
    for (int k = axes - 1; k >= 0; k--) {
        at[k] = (int) (from % x[k].count);
        from /= x[k].count;
        p += at[k] * x[k].one;
        q += at[k] * x[k].two;
    }
    for (int i = 0; i < n; i++) {
        one[i] = (int) p;
        two[i] = (int) q;
        for (int k = axes - 1; k >= 0; k--) {
            p += x[k].one;
            q += x[k].two;
            if (++at[k] < x[k].count)
                break;
            p -= x[k].one * x[k].count;
            q -= x[k].two * x[k].count;
            at[k] = 0;
        }
    }
}

static bool in_line(const int *at, int n)
{
    for (int k = 1; k < n; k++)
        if (at[k] != at[0] + k)
            return false;
    return true;
}

/* ---- packing ---------------------------------------------------------------------------------- */
#define UNROLLED _Pragma("GCC unroll 8")

/* Eight, or four, columns that are contiguous along k: turned over in registers. */
static int pack_turned(const ae_real *b, int n)
{
    int k = 0;
    for (; k + LANES <= n; k += LANES)
        for (int half = 0; half < WIDE; half += LANES)
            UNROLLED for (int l = 0; l < LANES; l++) {
                const ae_real *const from = b + desk.col_b[half + l] + desk.sum_b[k];
                UNROLLED for (int i = 0; i < LANES; i++)
                    desk.panel[(k + i) * WIDE + half + l] = from[i];
            }
    return k;
}

static void pack(const ae_real *b, int n, int cols)
{
    if (cols == WIDE && in_line(desk.col_b, WIDE)) {
        for (int k = 0; k < n; k++) {
            const ae_real *const from = b + desk.col_b[0] + desk.sum_b[k];
            *(Lane *) &desk.panel[k * WIDE] = *(const Loose *) from;
            *(Lane *) &desk.panel[k * WIDE + LANES] = *(const Loose *) (from + LANES);
        }
        return;
    }
    for (int l = cols; l < WIDE; l++)
        desk.col_b[l] = desk.col_b[0];              /* read, never stored */
    for (int k = cols == WIDE && in_line(desk.sum_b, n) ? pack_turned(b, n) : 0; k < n; k++)
        UNROLLED for (int l = 0; l < WIDE; l++)
            desk.panel[k * WIDE + l] = b[desk.col_b[l] + desk.sum_b[k]];
}

/* ---- tiles ------------------------------------------------------------------------------------ */
#define ROWS1(X) X(0)
#define ROWS2(X) ROWS1(X) X(1)
#define ROWS3(X) ROWS2(X) X(2)
#define ROWS4(X) ROWS3(X) X(3)
#define ROWS5(X) ROWS4(X) X(4)
#define ROWS6(X) ROWS5(X) X(5)

#define START(r) Lane c##r = { 0 }, d##r = { 0 }; const ae_real *const a##r = a + desk.row_a[row + r];
#define STEP(r) { const ae_real v = a##r[at]; c##r += v * left; d##r += v * right; }
#define KEEP(r) *(Lane *) &desk.out[r * WIDE] = c##r; *(Lane *) &desk.out[r * WIDE + LANES] = d##r;

#define TILE(n) \
static void tile##n(const ae_real *a, int row, int depth) \
{ \
    ROWS##n(START) \
    for (int k = 0; k < depth; k++) { \
        const Lane left = *(const Lane *) &desk.panel[k * WIDE]; \
        const Lane right = *(const Lane *) &desk.panel[k * WIDE + LANES]; \
        const int at = desk.sum_a[k]; \
        ROWS##n(STEP) \
    } \
    ROWS##n(KEEP) \
}
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)

static void (*const tiles[])(const ae_real *, int, int) = { NULL, tile1, tile2, tile3, tile4, tile5, tile6 };

/* ---- storing ---------------------------------------------------------------------------------- */
static void store(ae_real *c, int row, int rows, int cols, bool line, ae_real scale, bool set)
{
    for (int r = 0; r < rows; r++) {
        ae_real *const to = c + desk.row_c[row + r];
        const ae_real *const from = &desk.out[r * WIDE];
        if (line) {
            for (int l = 0; l < WIDE; l += LANES) {
                Loose *const at = (Loose *) (to + desk.col_c[0] + l);
                const Lane v = scale * *(const Lane *) (from + l);
                *at = (Loose) (set ? v : (Lane) *at + v);
            }
            continue;
        }
        for (int l = 0; l < cols; l++)              /* two columns may share a place */
            to[desk.col_c[l]] = (set ? 0 : to[desk.col_c[l]]) + scale * from[l];
    }
}

static void panel(const ae_real *a, ae_real *c, int rows, int cols, int depth, ae_real scale, bool set)
{
    const bool line = cols == WIDE && in_line(desk.col_c, WIDE);
    for (int row = 0; row < rows; row += TALL) {
        const int n = rows - row < TALL ? rows - row : TALL;
        tiles[n](a, row, depth);
        store(c, row, n, cols, line, scale, set);
    }
}

/* ---- all of it -------------------------------------------------------------------------------- */
static int upto(long n, int most)
{
    return n < most ? (int) n : most;
}

void ae_contract(const AeAxis *rows, const AeAxis *cols, const AeAxis *sums, ae_real scale,
                 const ae_real *a, const ae_real *b, ae_real *c, bool set)
{
    const long nrows = size_of(rows), ncols = size_of(cols), nsums = size_of(sums);
    /* over nothing the sum is 0, which `set` would have to say */
    for (long k = 0; set && nsums == 0 && k < nrows * ncols; k++) {
        places(rows, k / ncols, 1, desk.row_a, desk.row_c);
        places(cols, k % ncols, 1, desk.col_b, desk.col_c);
        c[desk.row_c[0] + desk.col_c[0]] = 0;
    }
    for (long k = 0; k < nsums; k += DEEP) {
        const int depth = upto(nsums - k, DEEP);
        places(sums, k, depth, desk.sum_a, desk.sum_b);
        for (long m = 0; m < nrows; m += ROWS) {
            const int tall = upto(nrows - m, ROWS);
            places(rows, m, tall, desk.row_a, desk.row_c);
            for (long n = 0; n < ncols; n += WIDE) {
                const int wide = upto(ncols - n, WIDE);
                places(cols, n, wide, desk.col_b, desk.col_c);
                pack(b, depth, wide);
                panel(a, c, tall, wide, depth, scale, set && k == 0);
            }
        }
    }
}
