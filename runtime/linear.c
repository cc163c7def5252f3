/* linear.c -- small dense problems, in double: orthogonal initial values, ranks, eigenvalues, a solver. */
#include "runtime.h"

/* Gram and Schmidt, twice, on normal draws. The shorter side's vectors come out orthonormal:
 * vector v, element e is at[v * across + e * along]. */
void ae_orthogonal(ae_real *at, int rows, int cols, uint32_t stream)
{
    const bool wide = rows < cols;
    const long vectors = wide ? rows : cols, length = wide ? cols : rows;
    double *q = need((size_t) (vectors * length), sizeof *q);
    for (long v = 0; v < vectors; v++) {
        double *const u = q + v * length;
        for (long e = 0; e < length; e++)
            u[e] = ae_normal(stream, (uint64_t) (wide ? v * cols + e : e * cols + v));
        for (int twice = 0; twice < 2; twice++) {
            for (long w = 0; w < v; w++) {
                const double *const o = q + w * length;
                double dot = 0;
                for (long e = 0; e < length; e++)
                    dot += u[e] * o[e];
                for (long e = 0; e < length; e++)
                    u[e] -= dot * o[e];
            }
            double norm = 0;
            for (long e = 0; e < length; e++)
                norm += u[e] * u[e];
            for (long e = 0; e < length; e++)
                u[e] /= sqrt(norm);
        }
        for (long e = 0; e < length; e++)
            at[wide ? v * cols + e : e * cols + v] = (ae_real) u[e];
    }
    free(q);
}

/* ---- rank: heap sort in the output itself, so that training allocates nothing --------------------- */
static bool before(const ae_real *value, int32_t a, int32_t b)      /* a stands before b; NaN last */
{
    const ae_real u = value[a], v = value[b];
    if (u > v || (u == u && v != v))
        return true;
    if (v > u || (v == v && u != u))
        return false;
    return a < b;
}

static void sink(int32_t *heap, const ae_real *value, int at, int n)
{
    const int32_t moved = heap[at];
    for (int child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && before(value, heap[child], heap[child + 1]))
            child++;
        if (!before(value, moved, heap[child]))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

void ae_rank(int32_t *place, const ae_real *value, int n)
{
    for (int i = 0; i < n; i++)
        place[i] = i;
    for (int i = n / 2 - 1; i >= 0; i--)
        sink(place, value, i, n);
    for (int end = n - 1; end > 0; end--) {
        const int32_t last = place[0];
        place[0] = place[end];
        place[end] = last;
        sink(place, value, 0, end);
    }
    /* place[r] is now the index at rank r; turn the permutation round, cycle by cycle, marking with ~ */
    for (int i = 0; i < n; i++) {
        if (place[i] < 0)
            continue;
        int32_t from = i, to = place[i];
        while (to != i) {
            const int32_t next = place[to];
            place[to] = ~from;
            from = to;
            to = next;
        }
        place[i] = ~from;
    }
    for (int i = 0; i < n; i++)
        place[i] = ~place[i];
}

/* ---- symmetric eigenproblem: cyclic Jacobi rotations ----------------------------------------------- */
static void rotate(double *a, double *v, int n, int p, int q)
{
    const double g = a[p * n + q], t0 = (a[q * n + q] - a[p * n + p]) / (2 * g);
    const double t = (t0 < 0 ? -1 : 1) / (fabs(t0) + sqrt(t0 * t0 + 1)), c = 1 / sqrt(t * t + 1), s = t * c;
    for (int k = 0; k < n; k++) {
        const double x = a[k * n + p], y = a[k * n + q];
        a[k * n + p] = c * x - s * y;
        a[k * n + q] = s * x + c * y;
    }
    for (int k = 0; k < n; k++) {
        const double x = a[p * n + k], y = a[q * n + k];
        a[p * n + k] = c * x - s * y;
        a[q * n + k] = s * x + c * y;
    }
    for (int k = 0; k < n; k++) {
        const double x = v[k * n + p], y = v[k * n + q];
        v[k * n + p] = c * x - s * y;
        v[k * n + q] = s * x + c * y;
    }
}

void symmetric_eigen(double *a, double *vectors, int n)
{
    for (long i = 0; i < (long) n * n; i++)
        vectors[i] = i % (n + 1) == 0;
    for (int sweep = 0; sweep < 60; sweep++) {
        double off = 0, all = 0;
        for (long i = 0; i < (long) n * n; i++) {
            all += a[i] * a[i];
            off += i % (n + 1) == 0 ? 0 : a[i] * a[i];
        }
        if (off <= 1e-28 * all)
            return;
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++)
                if (a[p * n + q] != 0)
                    rotate(a, vectors, n, p, q);
    }
}

bool solve_positive(double *a, double *b, int n, int columns)
{
    for (int j = 0; j < n; j++) {               /* a = l l' */
        for (int i = j; i < n; i++) {
            double s = a[i * n + j];
            for (int k = 0; k < j; k++)
                s -= a[i * n + k] * a[j * n + k];
            if (i == j && s <= 0)
                return false;
            a[i * n + j] = i == j ? sqrt(s) : s / a[j * n + j];
        }
    }
    for (int c = 0; c < columns; c++) {
        for (int i = 0; i < n; i++) {           /* l y = b */
            double s = b[i * columns + c];
            for (int k = 0; k < i; k++)
                s -= a[i * n + k] * b[k * columns + c];
            b[i * columns + c] = s / a[i * n + i];
        }
        for (int i = n - 1; i >= 0; i--) {      /* l' x = y */
            double s = b[i * columns + c];
            for (int k = i + 1; k < n; k++)
                s -= a[k * n + i] * b[k * columns + c];
            b[i * columns + c] = s / a[i * n + i];
        }
    }
    return true;
}
