/* contract_test.c -- some thousand small contractions, of odd sizes, steps, orders, overlaps and lengths, against plain loops in
 * double. What differs by more than rounding is printed; ends with `N passed, N failed`. Built for one target. */
#include "ae.h"

enum { MOST = 4, ROOM = 1 << 16, TIMES = 3000 };

typedef struct { AeAxis at[MOST + 1]; int n; bool along; } Axes;     /* along: the second has a length for each of the first */

static uint32_t seed = 1;

static int below(int n)
{
    seed = seed * 1664525u + 1013904223u;
    return (int) ((seed >> 8) % (uint32_t) n);
}

static int count_of(const Axes *x)
{
    int n = 1;
    for (int k = 0; k < x->n; k++)
        n *= x->at[k].count;
    return n;
}

/* Axes of some sizes, in all at most `most` points. */
static void draw_sizes(Axes *x, int most)
{
    x->n = 1 + below(3);
    for (int k = 0; k < x->n; k++) {
        x->at[k] = (AeAxis) { 1 + below(k ? 7 : most), 0, 0 };
        if (count_of(&(Axes) { .at = { x->at[0], x->at[1], x->at[2] }, .n = k + 1 }) > most)
            x->at[k].count = 1;
    }
    x->at[x->n] = (AeAxis) { -1, 0, 0 };
}

static long *step_of(AeAxis *a, bool two)
{
    return two ? &a->two : &a->one;
}

/* Steps of an array with these axes, in a random order of memory; now and then with gaps. Returns its size. */
static long draw_steps(Axes *x, bool x_two, Axes *y, bool y_two)
{
    AeAxis *all[2 * MOST];
    bool two[2 * MOST];
    int n = 0;
    for (int k = 0; k < x->n; k++, n++) {
        all[n] = &x->at[k];
        two[n] = x_two;
    }
    for (int k = 0; k < y->n; k++, n++) {
        all[n] = &y->at[k];
        two[n] = y_two;
    }
    for (int k = n - 1; k > 0 && below(3); k--) {
        const int j = below(k + 1);
        AeAxis *const a = all[k];
        const bool b = two[k];
        all[k] = all[j];
        two[k] = two[j];
        all[j] = a;
        two[j] = b;
    }
    long step = 1;
    for (int k = n - 1; k >= 0; k--) {
        step *= below(8) ? 1 : 1 + below(3);
        *step_of(all[k], two[k]) = step;
        step *= all[k]->count;
    }
    return step;
}

static long place_of(const Axes *x, bool two, int point)
{
    long at = 0;
    for (int k = x->n - 1; k >= 0; k--) {
        at += point % x->at[k].count * (two ? x->at[k].two : x->at[k].one);
        point /= x->at[k].count;
    }
    return at;
}

static int32_t length[ROOM];

static bool is_there(const Axes *x, int point)
{
    if (!x->along)
        return true;
    for (int k = x->n - 1; k > 1; k--)
        point /= x->at[k].count;
    return point % x->at[1].count < length[point / x->at[1].count];
}

/* Lengths for now and then the rows or the sums, as the routine is told of them. */
static void draw_lengths(Axes *x, bool wanted)
{
    x->along = wanted && x->n > 1;
    for (int k = 0; x->along && k < x->at[0].count; k++)
        length[k] = below(x->at[1].count + 1);
}

static const AeAxis *given(const Axes *x, Axes *as)
{
    *as = *x;
    if (x->along)
        as->at[1].count = AE_LENGTH;
    return as->at;
}

enum { COLUMNS = 256 };
static ae_real a[ROOM], b[ROOM], c[ROOM], had[ROOM], first[COLUMNS];
static double want[ROOM], bound[ROOM];

static void draw_numbers(ae_real *to, long n)
{
    for (long i = 0; i < n; i++)
        to[i] = (ae_real) (below(2001) - 1000) / 1000;
}

/* One row without the others has the same bits. */
static bool alone(int number, const Axes *rows, const Axes *cols, const Axes *sums, ae_real scale, bool set,
                  const ae_real *start, int row)
{
    const AeAxis last = rows->at[rows->n - 1], only[] = { { 1, last.one, last.two }, { -1, 0, 0 } };
    const long from = place_of(rows, false, row), to = place_of(rows, true, row);
    Axes as;
    if (!is_there(rows, row))
        return true;
    ae_contract_along(length, only, cols->at, given(sums, &as), scale, a + from, b, had + to, set, start);
    for (int j = 0; j < count_of(cols); j++) {
        const long at = to + place_of(cols, true, j);
        if (memcmp(&had[at], &c[at], sizeof c[at])) {
            printf("contraction %d: row %d alone: element %ld is %.9g, not %.9g\n", number, row, at, (double) had[at], (double) c[at]);
            return false;
        }
    }
    return true;
}

static void contract(const Axes *rows, const Axes *cols, const Axes *sums, ae_real scale, ae_real *to, bool set,
                     const ae_real *start)
{
    Axes as[2];
    if (rows->along || sums->along)
        ae_contract_along(length, given(rows, &as[0]), cols->at, given(sums, &as[1]), scale, a, b, to, set, start);
    else
        ae_contract(rows->at, cols->at, sums->at, scale, a, b, to, set, start);
}

/* Where b is kept there are the same bits: when it is packed, when it is not, and after products by another array, by it
 * over other sums and with other columns. */
static bool kept(int number, const Axes *rows, const Axes *cols, const Axes *sums, ae_real scale, bool set,
                 const ae_real *start)
{
    static ae_real again[ROOM], other[4];
    bool same = true;
    for (int k = 0; k < 5; k++) {
        if (k % 2 == 0)
            ae_keep(b);
        if (k == 1 || k == 4)
            ae_contract(AE_AXES({ 2, 1, 2 }), AE_AXES({ 2, 1, 1 }), AE_AXES({ 2, 1, 1 }), 1, a, a, other, true, NULL);
        else if (k == 2)
            ae_contract(AE_AXES({ 2, 0, 2 }), AE_AXES({ 1, 1, 1 }), sums->along ? AE_AXES({ 1, 0, 0 }) : sums->at, 1, a, b, other,
                        true, NULL);
        else if (k == 3)
            ae_contract(AE_AXES({ 2, 0, 0 }), cols->at, AE_AXES({ 1, 0, 0 }), 1, a, b, again, false, NULL);
        memcpy(again, had, sizeof again);
        contract(rows, cols, sums, scale, again, set, start);
        same &= memcmp(again, c, sizeof again) == 0;
    }
    ae_keep(NULL);
    if (!same)
        printf("contraction %d: other bits where b is kept\n", number);
    return same;
}

static bool one(int number)
{
    Axes rows, cols, sums;
    const bool meet = !below(4);        /* windows: points of c */
    draw_sizes(&rows, 1 + below(number % 10 ? 40 : 900));
    draw_sizes(&cols, 1 + below(meet || number % 7 ? 40 : 200));
    draw_sizes(&sums, 1 + below(number % 10 ? 30 : 700));
    const int m = count_of(&rows), n = count_of(&cols), k = count_of(&sums), lengths = below(8);
    draw_lengths(&rows, lengths == 0 && !meet);
    draw_lengths(&sums, lengths == 1);
    const long size_a = draw_steps(&rows, false, &sums, false), size_b = draw_steps(&sums, true, &cols, false);
    draw_steps(&rows, true, &cols, true);
    bool set = below(2);
    if (meet) {
        cols.at[0].two = rows.at[0].two;
        set = false;
    }
    const long size_c = 1 + place_of(&rows, true, m - 1) + place_of(&cols, true, n - 1);
    if (size_a > ROOM || size_b > ROOM || size_c > ROOM)
        return true;
    const ae_real scale = below(2) ? 1 : (ae_real) 0.5, *const start = below(2) ? first : NULL;
    draw_numbers(a, size_a);
    draw_numbers(b, size_b);
    draw_numbers(c, size_c);        /* beyond it they stay */
    draw_numbers(first, COLUMNS);
    for (long i = 0; i < ROOM; i++) {
        want[i] = had[i] = c[i];
        bound[i] = 1;
    }
    for (int i = 0; i < m && set; i++)
        for (int j = 0; j < n && is_there(&rows, i); j++)
            want[place_of(&rows, true, i) + place_of(&cols, true, j)] = start ? (double) start[j] : 0;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n && is_there(&rows, i); j++) {
            const long at = place_of(&rows, true, i) + place_of(&cols, true, j);
            for (int s = 0; s < k; s++) {
                const double x = (double) a[place_of(&rows, false, i) + place_of(&sums, false, s)]
                    * (double) b[place_of(&sums, true, s) + place_of(&cols, false, j)] * (double) scale;
                want[at] += is_there(&sums, s) ? x : 0;
                bound[at] += fabs(x);
            }
        }
    contract(&rows, &cols, &sums, scale, c, set, start);
    for (long i = 0; i < ROOM; i++)
        if (!(fabs((double) c[i] - want[i]) <= bound[i] * (sizeof(ae_real) == 4 ? 1e-5 : 1e-13))) {
            printf("contraction %d (%d x %d x %d): element %ld is %g, not %g\n", number, m, n, k, i, (double) c[i], want[i]);
            return false;
        }
    if (!kept(number, &rows, &cols, &sums, scale, set, start))
        return false;
    return meet || alone(number, &rows, &cols, &sums, scale, set, start, below(m));
}

int main(void)
{
    int failed = 0;
    for (int k = 0; k < TIMES && failed < 5; k++)
        failed += !one(k);
    printf("%d passed, %d failed\n", TIMES - failed, failed);
    return failed > 0;
}
