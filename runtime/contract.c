/* contract.c -- every contraction: c[m, n] += sum_k a[m, k] b[k, n], with m, n, k each a run of axes. Or it sets c, to
 * the sums alone, or to start[n] plus the sums.
 *
 * An element's place is the sum of a step for each axis, so transposes, strides, windows and reshapes cost
 * nothing but a table. Columns go in panels of WIDE, which are packed; rows of a are read one number at a time
 * and spread over a vector, and are packed too, tile by tile, where there are panels enough to pay for it. Sums run
 * over k in order, in blocks of DEEP: the sizes alone fix every rounding, however many rows or columns a call is
 * given. */
#include "ae.h"

#if defined __AVX512F__
#define BYTES 64                        /* of a vector */
#define TALL 14                         /* rows of a tile: 28 sums, 2 of b and 1 of a in 32 registers */
#elif defined __AVX__
#define BYTES 32
#define TALL 6                          /* 12 sums, 2 of b and 1 of a in 16 registers */
#else
#define BYTES 16
#define TALL 6
#endif
#ifdef AE_DOUBLE
#define LANES (BYTES / 8)
typedef int64_t Whole;
#else
#define LANES (BYTES / 4)
typedef int32_t Whole;
#endif

enum {
    WIDE = 2 * LANES, DEEP = 256, ROWS = 384,       /* of a block: columns, sums, rows */
    MANY = 256 / sizeof(ae_real),                   /* columns that pay for packing rows that lie in line */
    ROOM = (1 << 18) / sizeof(ae_real)              /* half of the least second-level cache */
};

typedef ae_real Lane __attribute__((vector_size(BYTES)));
typedef ae_real Loose __attribute__((vector_size(BYTES), aligned(sizeof(ae_real)), may_alias));

typedef struct {                                    /* what one thread works with */
    ae_real panels[ROOM] __attribute__((aligned(64)));
    ae_real a[DEEP * (ROWS + TALL) + LANES] __attribute__((aligned(64)));
    ae_real out[TALL * WIDE] __attribute__((aligned(64)));
    ae_real start[WIDE] __attribute__((aligned(64)));       /* what the columns of the panel begin with when they are set */
    int row_a[ROWS + TALL], row_c[ROWS + TALL], sum_a[DEEP], sum_b[DEEP], col_b[WIDE], col_c[WIDE];
} Desk;

static _Thread_local Desk desk;
static _Thread_local struct {                       /* see ae_keep */
    const ae_real *b;
    bool packed;                                    /* desk.panels are of b, with these axes */
    AeAxis cols[AE_RANK + 1], sums[AE_RANK + 1];
} kept;
static _Thread_local const int32_t *lengths;        /* of axes with a count of AE_LENGTH */

/* ---- places ----------------------------------------------------------------------------------- */
static bool has_lengths(const AeAxis *x)
{
    return x[0].count >= 0 && x[1].count == AE_LENGTH;
}

static long size_of(const AeAxis *x)
{
    long n = 1;
    if (has_lengths(x)) {
        n = 0;
        for (int k = 0; k < x[0].count; k++)
            n += lengths[k];
        x += 2;
    }
    for (; x->count >= 0; x++)
        n *= x->count;
    return n;
}

static const AeAxis *last_of(const AeAxis *x)
{
    while (x[1].count >= 0)
        x++;
    return x;
}

/* The places of points from .. from + n - 1 of a run of axes, the last fastest, in two arrays. */
static void places(const AeAxis *x, long from, int n, int *one, int *two)
{
    const int along = has_lengths(x) ? 1 : 0;       /* the axis that at[0] may tell the size of, or the first */
    int axes = 0, at[AE_RANK] = { 0 }, p = 0, q = 0;
    while (x[axes].count >= 0)
        axes++;
    if (along) {
        const long each = size_of(x + 2);
        for (; from >= lengths[at[0]] * each; at[0]++)
            from -= lengths[at[0]] * each;
    }
    for (int k = axes - 1; k > along; k--) {
        at[k] = (int) (from % x[k].count);
        from /= x[k].count;
    }
    at[along] = (int) from;
    for (int k = 0; k < axes; k++) {
        p += at[k] * (int) x[k].one;
        q += at[k] * (int) x[k].two;
    }
#define COUNT(k) (along && (k) == 1 ? lengths[at[0]] : x[k].count)
    const AeAxis last = x[axes - 1];
    for (int i = 0; i < n;) {
        const int left = COUNT(axes - 1) - at[axes - 1], run = left < n - i ? left : n - i;
        const int by_one = (int) last.one, by_two = (int) last.two;
        for (int l = 0; l < run; l++) {
            one[i + l] = p + l * by_one;
            two[i + l] = q + l * by_two;
        }
        i += run;
        p -= at[axes - 1] * by_one;
        q -= at[axes - 1] * by_two;
        at[axes - 1] = 0;
        for (int k = axes - 2; k >= 0; k--) {
            do {
                p += (int) x[k].one;
                q += (int) x[k].two;
                at[k]++;
            } while (k == 0 && along && at[0] < x[0].count && lengths[at[0]] == 0);
            if (at[k] < COUNT(k))
                break;
            p -= (int) x[k].one * at[k];
            q -= (int) x[k].two * at[k];
            at[k] = 0;
        }
    }
#undef COUNT
}

static bool in_line(const int *at, int n)
{
    for (int k = 1; k < n; k++)
        if (at[k] != at[0] + k)
            return false;
    return true;
}

static int upto(long n, int most)
{
    return n < most ? (int) n : most;
}

/* ---- packing ---------------------------------------------------------------------------------- */
#define UNROLLED _Pragma("GCC unroll 16")

typedef Whole Mask __attribute__((vector_size(BYTES)));

/* LANES vectors turned over, lane l of vector k against lane k of vector l: first single lanes of each two vectors
 * change places, then pairs, then fours. */
#define LOW(l, s) ((l) & (s) ? LANES + (l) - (s) : (l))
#define HIGH(l, s) ((l) & (s) ? LANES + (l) : (l) + (s))
#define TWO(X, l, s) X(l, s), X(l + 1, s)
#define FOUR(X, l, s) TWO(X, l, s), TWO(X, l + 2, s)
#define EIGHT(X, l, s) FOUR(X, l, s), FOUR(X, l + 4, s)
#define SIXTEEN(X, l, s) EIGHT(X, l, s), EIGHT(X, l + 8, s)
#define EXCHANGE(MASK, s) \
    UNROLLED for (int k = 0; k < LANES; k++) \
        if (!(k & s)) { \
            const Lane one = v[k], two = v[k + s]; \
            v[k] = __builtin_shuffle(one, two, (Mask) { MASK(LOW, 0, s) }); \
            v[k + s] = __builtin_shuffle(one, two, (Mask) { MASK(HIGH, 0, s) }); \
        }

static inline __attribute__((always_inline)) void turn(Lane v[])
{
#if LANES == 2
    EXCHANGE(TWO, 1)
#elif LANES == 4
    EXCHANGE(FOUR, 1) EXCHANGE(FOUR, 2)
#elif LANES == 8
    EXCHANGE(EIGHT, 1) EXCHANGE(EIGHT, 2) EXCHANGE(EIGHT, 4)
#else
    EXCHANGE(SIXTEEN, 1) EXCHANGE(SIXTEEN, 2) EXCHANGE(SIXTEEN, 4) EXCHANGE(SIXTEEN, 8)
#endif
}

/* Columns that are contiguous along k: turned over in registers. */
static int pack_turned(const ae_real *b, ae_real *to, int n)
{
    int k = 0;
    for (; k + LANES <= n; k += LANES)
        for (int half = 0; half < WIDE; half += LANES) {
            Lane v[LANES];
            UNROLLED for (int l = 0; l < LANES; l++)
                v[l] = *(const Loose *) (b + desk.col_b[half + l] + desk.sum_b[k]);
            turn(v);
            UNROLLED for (int i = 0; i < LANES; i++)
                *(Lane *) &to[(k + i) * WIDE + half] = v[i];
        }
    return k;
}

/* Whether the columns lie in line. */
static bool pack(const ae_real *b, ae_real *to, int n, int cols)
{
    if (cols == WIDE && in_line(desk.col_b, WIDE)) {
        for (int k = 0; k < n; k++) {
            const ae_real *const from = b + desk.col_b[0] + desk.sum_b[k];
            *(Lane *) &to[k * WIDE] = *(const Loose *) from;
            *(Lane *) &to[k * WIDE + LANES] = *(const Loose *) (from + LANES);
        }
        return true;
    }
    for (int l = cols; l < WIDE; l++)
        desk.col_b[l] = desk.col_b[0];              /* read, never stored */
    for (int k = in_line(desk.sum_b, n) ? pack_turned(b, to, n) : 0; k < n; k++)
        UNROLLED for (int l = 0; l < WIDE; l++)
            to[k * WIDE + l] = b[desk.col_b[l] + desk.sum_b[k]];
    return false;
}

/* Rows whose sums lie in line, turned over in registers, LANES rows at once. A vector may reach beyond its tile's row:
 * what it writes there is written again, by the rows before these or by the next sum. */
static int pack_rows_turned(const ae_real *a, ae_real *to, const int *at, int tall, int n)
{
    int k = 0;
    for (; k + LANES <= n; k += LANES)
        for (int row = (TALL - 1) / LANES * LANES; row >= 0; row -= LANES) {
            Lane v[LANES];
            UNROLLED for (int l = 0; l < LANES; l++)
                v[l] = *(const Loose *) (a + at[row + l < tall ? row + l : tall - 1] + desk.sum_a[k]);
            turn(v);
            UNROLLED for (int i = 0; i < LANES; i++)
                *(Loose *) &to[(k + i) * TALL + row] = v[i];
        }
    return k;
}

/* Rows tile by tile, so that a sum reads one number after the other. */
static void pack_rows(const ae_real *a, int rows, int n)
{
    const int parts = (rows + TALL - 1) / TALL;
    const bool sums_in_line = in_line(desk.sum_a, n);
    for (int part = 0, row = 0; part < parts; part++) {
        const int tall = (rows - row) / (parts - part), *const at = &desk.row_a[row];
        ae_real *const to = &desk.a[part * n * TALL];
        int k = 0;
        if (sums_in_line)
            k = pack_rows_turned(a, to, at, tall, n);
        else if (part + 1 < parts && in_line(at, TALL))
            for (; k < n; k++)
                memcpy(&to[k * TALL], a + at[0] + desk.sum_a[k], TALL * sizeof *to);
        for (; k < n; k++)
            for (int r = 0; r < tall; r++)
                to[k * TALL + r] = a[at[r] + desk.sum_a[k]];
        row += tall;
    }
    for (int part = 0, row = 0; part < parts; part++) {
        const int tall = (rows - row) / (parts - part);
        for (int r = 0; r < tall; r++)
            desk.row_a[row + r] = part * n * TALL + r;
        row += tall;
    }
}

/* ---- tiles ------------------------------------------------------------------------------------ */
#define ROWS1(X) X(0)
#define ROWS2(X) ROWS1(X) X(1)
#define ROWS3(X) ROWS2(X) X(2)
#define ROWS4(X) ROWS3(X) X(3)
#define ROWS5(X) ROWS4(X) X(4)
#define ROWS6(X) ROWS5(X) X(5)
#define ROWS7(X) ROWS6(X) X(6)
#define ROWS8(X) ROWS7(X) X(7)
#define ROWS9(X) ROWS8(X) X(8)
#define ROWS10(X) ROWS9(X) X(9)
#define ROWS11(X) ROWS10(X) X(10)
#define ROWS12(X) ROWS11(X) X(11)
#define ROWS13(X) ROWS12(X) X(12)
#define ROWS14(X) ROWS13(X) X(13)

#define FETCH(r) __builtin_prefetch(to + desk.row_c[row + r], 1); __builtin_prefetch(to + desk.row_c[row + r] + LANES, 1);
#define START(r) Lane c##r = { 0 }, d##r = { 0 };
#define STEP(r, from) { const ae_real v = from; c##r += v * left; d##r += v * right; }
#define NEAR(r) STEP(r, near[k * TALL + r])
#define FAR(r) STEP(r, a##r[at])
/* A pointer for each row: without the asm gcc adds up each address anew, an instruction more for every two sums. */
#define POINT(r) const ae_real *a##r = a + desk.row_a[row + r]; __asm__("" : "+r"(a##r));
#define BESIDE(k) const Lane left = *(const Lane *) &b[(k) * WIDE], right = *(const Lane *) &b[(k) * WIDE + LANES];
#define KEEP(r) *(Lane *) &desk.out[r * WIDE] = c##r; *(Lane *) &desk.out[r * WIDE + LANES] = d##r;
#define SET(r) { Loose *const t = (Loose *) (to + desk.row_c[row + r]); \
    *t = first + scale * c##r; *(Loose *) ((ae_real *) t + LANES) = second + scale * d##r; }
#define ADD(r) { Loose *const t = (Loose *) (to + desk.row_c[row + r]); \
    *t += scale * c##r; *(Loose *) ((ae_real *) t + LANES) += scale * d##r; }

/* a: desk.a, where the tile lies packed, or any other array.
 * b: a panel.
 * to: where the first column of row 0 goes, if the columns lie in line; else NULL, and the sums stay in desk.out */
#define TILE(n) \
static void tile##n(const ae_real *a, const ae_real *b, int row, int depth, ae_real *to, ae_real scale, bool set) \
{ \
    if (to) { \
        ROWS##n(FETCH) \
    } \
    ROWS##n(START) \
    if (a == desk.a) { \
        const ae_real *const near = a + desk.row_a[row]; \
        _Pragma("GCC unroll 4") \
        for (int k = 0; k < depth; k++) { \
            BESIDE(k) \
            ROWS##n(NEAR) \
        } \
    } else { \
        ROWS##n(POINT) \
        for (int k = 0; k < depth; k++) { \
            BESIDE(k) \
            const long at = desk.sum_a[k]; \
            ROWS##n(FAR) \
        } \
    } \
    if (!to) { \
        ROWS##n(KEEP) \
    } else if (set) { \
        const Lane first = *(const Lane *) desk.start, second = *(const Lane *) &desk.start[LANES]; \
        ROWS##n(SET) \
    } else { \
        ROWS##n(ADD) \
    } \
}
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
#if TALL == 14
TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12) TILE(13) TILE(14)
#endif

static void (*const tiles[])(const ae_real *, const ae_real *, int, int, ae_real *, ae_real, bool) = {
    NULL, tile1, tile2, tile3, tile4, tile5, tile6,
#if TALL == 14
    tile7, tile8, tile9, tile10, tile11, tile12, tile13, tile14,
#endif
};

/* ---- storing ---------------------------------------------------------------------------------- */
static void scatter(ae_real *c, int row, int rows, int cols, ae_real scale, bool set)
{
    for (int r = 0; r < rows; r++) {
        ae_real *const to = c + desk.row_c[row + r];
        const ae_real *const from = &desk.out[r * WIDE];
        for (int l = 0; l < cols; l++)              /* two columns may share a place */
            to[desk.col_c[l]] = (set ? desk.start[l] : to[desk.col_c[l]]) + scale * from[l];
    }
}

/* Rows in tiles of about the same height: none too low to hide what an addition waits for. The columns at `next`, which
 * are packed after these, are fetched meanwhile. */
static void panel(const ae_real *a, const ae_real *b, const ae_real *next, ae_real *c, int rows, int cols, int depth,
                  ae_real scale, bool set)
{
    ae_real *const to = cols == WIDE && in_line(desk.col_c, WIDE) ? c + desk.col_c[0] : NULL;
    const int parts = (rows + TALL - 1) / TALL, some = depth / parts + 1;
    for (int part = 0, row = 0, fetched = next ? 0 : depth; part < parts; part++) {
        const int n = (rows - row) / (parts - part);
        for (const int end = upto(fetched + some, depth); fetched < end; fetched++)
            __builtin_prefetch(next + desk.sum_b[fetched]);
        tiles[n](a, b, row, depth, to, scale, set);
        if (!to)
            scatter(c, row, n, cols, scale, set);
        row += n;
    }
}

/* ---- a single row ----------------------------------------------------------------------------- */
enum { LONG = 8 * LANES };

/* Columns that lie in line, LONG at once, straight from where they are: packing would only copy what is read once. In
 * the order of the tiles. Gives back how many it did. */
static int one_row(const ae_real *a, const ae_real *b, ae_real *c, int cols, int depth, ae_real scale, bool set,
                   const ae_real *start)
{
    int done = 0;
    for (; done + LONG <= cols; done += LONG) {
        Lane sum[8] = { { 0 } };
        for (int k = 0; k < depth; k++) {
            const Loose *const from = (const Loose *) (b + desk.sum_b[k] + done);
            const ae_real v = a[desk.sum_a[k]];
            UNROLLED for (int l = 0; l < 8; l++)
                sum[l] += v * from[l];
        }
        Loose *const to = (Loose *) (c + done);
        for (int l = 0; l < 8; l++) {
            Lane had = { 0 };
            if (!set || start)
                had = *(const Loose *) ((set ? start : c) + done + l * LANES);
            to[l] = had + scale * sum[l];
        }
    }
    return done;
}

/* ---- all of it -------------------------------------------------------------------------------- */
/* How many rows, or columns, to take from number `at` on, `each` being those of one value of their first axis. Sums
 * that meet in one element of c are of one such value, so blocks begin and end alike in each, however many there are:
 * then the order of such sums is always the same. */
static long block_of(long at, long all, long each, int most)
{
    if (each <= most) {
        const long whole = most / each * each;
        return all - at < whole ? all - at : whole;
    }
    const long parts = (each + most - 1) / most, part = (each + parts - 1) / parts, left = each - at % each;
    return left < part ? left : part;
}

/* How many panels there are, by block_of. */
static long count_panels(const AeAxis *cols, long ncols)
{
    const long each = ncols / cols[0].count, whole = WIDE / each * each;
    return each > WIDE ? cols[0].count * ((each + WIDE - 1) / WIDE) : (ncols + whole - 1) / whole;
}

void ae_keep(const ae_real *b)
{
    kept.b = b;
    kept.packed = false;
}

/* Whether *had are these axes; they are, from now on. */
static bool is_again(AeAxis *had, const AeAxis *x)
{
    bool same = true;
    int k = -1;
    do {
        k++;
        same &= had[k].count == x[k].count && had[k].one == x[k].one && had[k].two == x[k].two;
        had[k] = x[k];
    } while (x[k].count >= 0);
    return same;
}

/* Whether all panels are to stay, and whether they are there from a call before. */
static bool stays(const AeAxis *cols, const AeAxis *sums, long ncols, long nsums, bool *there)
{
    const bool fits = nsums <= DEEP && count_panels(cols, ncols) * nsums * WIDE <= ROOM && !has_lengths(sums);
    const bool same = fits && is_again(kept.cols, cols);
    *there = is_again(kept.sums, sums) && same && kept.packed;
    return fits;
}

void ae_contract(const AeAxis *rows, const AeAxis *cols, const AeAxis *sums, ae_real scale,
                 const ae_real *a, const ae_real *b, ae_real *c, bool set, const ae_real *start)
{
    const long nrows = size_of(rows), ncols = size_of(cols), nsums = size_of(sums);
    /* over nothing there is no sum to set */
    for (long k = 0; set && nsums == 0 && k < nrows * ncols; k++) {
        places(rows, k / ncols, 1, desk.row_a, desk.row_c);
        places(cols, k % ncols, 1, desk.col_b, desk.col_c);
        c[desk.row_c[0] + desk.col_c[0]] = start ? start[k % ncols] : 0;
    }
    const bool packs = nrows > 1
        && ncols >= (last_of(rows)->one == 1 ? 1 : last_of(sums)->one == 1 ? 2 : 4) * (long) MANY;
    if (nrows == 0 || ncols == 0)
        return;
    const long each = has_lengths(rows) ? 1 : nrows / rows[0].count;
    bool packed = false;
    const bool all = nrows > 1 && b == kept.b && stays(cols, sums, ncols, nsums, &packed);
    const bool far = ncols * nsums > ROOM;
    kept.packed = all;
    for (long k = 0; k < nsums; k += DEEP) {
        const int depth = upto(nsums - k, DEEP);
        const bool sets = set && k == 0;
        places(sums, k, depth, desk.sum_a, desk.sum_b);
        long further = 0;                           /* values of the first axis of the rows since their places were found */
        for (long m = 0, tall, had = 0; m < nrows; m += tall, had = tall) {
            tall = block_of(m, nrows, each, ROWS);
            if (tall == had && tall % each == 0 && !packs && !has_lengths(rows))
                further += tall / each;
            else {
                places(rows, m, (int) tall, desk.row_a, desk.row_c);
                further = 0;
            }
            const ae_real *const at_a = a + further * rows[0].one;
            ae_real *const at_c = c + further * rows[0].two;
            if (packs)
                pack_rows(a, (int) tall, depth);
            long straight = 0;
            if (nrows == 1 && cols[1].count < 0 && cols->one == 1 && cols->two == 1)
                straight = one_row(a + desk.row_a[0], b, c + desk.row_c[0], (int) ncols, depth, scale, sets, start);
            ae_real *at_b = desk.panels;
            for (long n = straight, wide; n < ncols; n += wide, at_b += all ? depth * WIDE : 0) {
                wide = block_of(n, ncols, ncols / cols[0].count, WIDE);
                places(cols, n, (int) wide, desk.col_b, desk.col_c);
                for (int l = 0; l < WIDE && sets; l++)
                    desk.start[l] = start && l < wide ? start[n + l] : 0;
                const bool in_line = !(all && (packed || m > 0)) && pack(b, at_b, depth, (int) wide);
                panel(packs ? desk.a : at_a, at_b, in_line && far && n + wide < ncols ? b + desk.col_b[0] + WIDE : NULL, at_c,
                      (int) tall, (int) wide, depth, scale, sets);
            }
        }
    }
}

void ae_contract_along(const int32_t *length, const AeAxis *rows, const AeAxis *cols, const AeAxis *sums, ae_real scale,
                       const ae_real *a, const ae_real *b, ae_real *c, bool set, const ae_real *start)
{
    lengths = length;
    ae_contract(rows, cols, sums, scale, a, b, c, set, start);
}
