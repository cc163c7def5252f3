/* linear.c -- small dense problems, in double: orthogonal initial values,
   eigenvalues, a solver. */
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

/* ---- symmetric eigenproblem ----------------------------------------------------------------- */
/* LAPACK's, which OpenBLAS has; NULL where that is not linked. */
void dsyev_(const char *job, const char *triangle, const int *n, double *a, const int *lda,
            double *values, double *work, const int *lwork, int *info) __attribute__((weak));

static void reflect_rest(double *v, double *d, double *e, int n, int i);
static void accumulate(double *v, double *d, int n);

/* To tridiagonal form by Householder reflections: d its diagonal, e[1..] beside it, v the
 * reflections' product (tred2 of EISPACK; Bowdler, Martin, Reinsch, Wilkinson 1968). */
static void tridiagonal(double *v, double *d, double *e, int n)
{
    memcpy(d, v + (size_t) (n - 1) * n, (size_t) n * sizeof *d);
    for (int i = n - 1; i > 0; i--) {
        double scale = 0, h = 0;
        for (int k = 0; k < i; k++)
            scale += fabs(d[k]);
        if (scale == 0) {
            e[i] = d[i - 1];
            for (int j = 0; j < i; j++) {
                d[j] = v[(i - 1) * n + j];
                v[i * n + j] = v[j * n + i] = 0;
            }
        } else {
            for (int k = 0; k < i; k++) {
                d[k] /= scale;
                h += d[k] * d[k];
            }
            const double f = d[i - 1], g = f > 0 ? -sqrt(h) : sqrt(h);
            e[i] = scale * g;
            h -= f * g;
            d[i - 1] = f - g;
            e[0] = h;
            reflect_rest(v, d, e, n, i);
        }
        d[i] = h;
    }
    accumulate(v, d, n);
    e[0] = 0;
}

/* a = a - u w' - w u' for the leading i rows, u = d, h in e[0]. */
static void reflect_rest(double *v, double *d, double *e, int n, int i)
{
    const double h = e[0];
    double along = 0;
    for (int j = 0; j < i; j++)
        e[j] = 0;
    for (int j = 0; j < i; j++) {
        double g = e[j] + v[j * n + j] * d[j];
        v[j * n + i] = d[j];
        for (int k = j + 1; k < i; k++) {
            g += v[k * n + j] * d[k];
            e[k] += v[k * n + j] * d[j];
        }
        e[j] = g;
    }
    for (int j = 0; j < i; j++) {
        e[j] /= h;
        along += e[j] * d[j];
    }
    for (int j = 0; j < i; j++)
        e[j] -= along / (h + h) * d[j];
    for (int j = 0; j < i; j++) {
        for (int k = j; k < i; k++)
            v[k * n + j] -= d[j] * e[k] + e[j] * d[k];
        d[j] = v[(i - 1) * n + j];
        v[i * n + j] = 0;
    }
}

static void accumulate(double *v, double *d, int n)
{
    for (int i = 0; i < n - 1; i++) {
        const double h = d[i + 1];
        v[(n - 1) * n + i] = v[i * n + i];
        v[i * n + i] = 1;
        for (int k = 0; k <= i && h != 0; k++)
            d[k] = v[k * n + i + 1] / h;
        for (int j = 0; j <= i && h != 0; j++) {
            double g = 0;
            for (int k = 0; k <= i; k++)
                g += v[k * n + i + 1] * v[k * n + j];
            for (int k = 0; k <= i; k++)
                v[k * n + j] -= g * d[k];
        }
        for (int k = 0; k <= i; k++)
            v[k * n + i + 1] = 0;
    }
    for (int j = 0; j < n; j++) {
        d[j] = v[(n - 1) * n + j];
        v[(n - 1) * n + j] = 0;
    }
    v[n * n - 1] = 1;
}

/* From tridiagonal to diagonal by implicit QL steps; rows of t turn with
   them (tql2 of EISPACK). */
static void diagonalise(double *t, double *d, double *e, int n)
{
    double f = 0, size = 0;
    for (int i = 1; i < n; i++)
        e[i - 1] = e[i];
    e[n - 1] = 0;
    for (int l = 0; l < n; l++) {
        int m = l;
        size = fmax(size, fabs(d[l]) + fabs(e[l]));
        while (m < n - 1 && fabs(e[m]) > 0x1p-52 * size)
            m++;
        for (int round = 0; m > l && round < 60 && fabs(e[l]) > 0x1p-52 * size; round++) {
            double g = d[l], p = (d[l + 1] - g) / (2 * e[l]);
            double r = p < 0 ? -hypot(p, 1) : hypot(p, 1);
            d[l] = e[l] / (p + r);
            d[l + 1] = e[l] * (p + r);
            const double next = d[l + 1], beside = e[l + 1];
            double h = g - d[l], c = 1, c2 = 1, c3 = 1, s = 0, s2 = 0;
            for (int i = l + 2; i < n; i++)
                d[i] -= h;
            f += h;
            p = d[m];
            for (int i = m - 1; i >= l; i--) {
                c3 = c2;
                c2 = c;
                s2 = s;
                g = c * e[i];
                h = c * p;
                r = hypot(p, e[i]);
                e[i + 1] = s * r;
                s = e[i] / r;
                c = p / r;
                p = c * d[i] - s * g;
                d[i + 1] = h + s * (c * g + s * d[i]);
                double *const a = t + (size_t) i * n, *const b = a + n;
                for (int k = 0; k < n; k++) {
                    const double u = b[k];
                    b[k] = s * a[k] + c * u;
                    a[k] = c * a[k] - s * u;
                }
            }
            p = -s * s2 * c3 * beside * e[l] / next;
            e[l] = s * p;
            d[l] = c * p;
        }
        d[l] += f;
        e[l] = 0;
    }
}

static void transpose(double *a, int n)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++) {
            const double t = a[i * n + j];
            a[i * n + j] = a[j * n + i];
            a[j * n + i] = t;
        }
}

static bool by_lapack(double *a, double *values, int n)
{
    int info = 0, size = -1;
    double best;
    if (!dsyev_)
        return false;
    dsyev_("V", "L", &n, a, &n, values, &best, &size, &info);
    size = (int) best;
    double *const work = need((size_t) size, sizeof *work);
    dsyev_("V", "L", &n, a, &n, values, work, &size, &info);
    free(work);
    return info == 0;
}

void eigen_by_hand(double *a, double *values, int n)
{
    double *const beside = need((size_t) n + 1, sizeof *beside);
    tridiagonal(a, values, beside, n);
    transpose(a, n);
    diagonalise(a, values, beside, n);
    free(beside);
}

void symmetric_eigen(double *a, double *values, int n)
{
    double *const kept = need((size_t) n * (size_t) n, sizeof *kept);
    memcpy(kept, a, (size_t) n * (size_t) n * sizeof *a);
    if (!by_lapack(a, values, n)) {
        memcpy(a, kept, (size_t) n * (size_t) n * sizeof *a);
        eigen_by_hand(a, values, n);
    }
    for (int i = 0; i < n; i++) {               /* the largest first */
        int most = i;
        for (int k = i + 1; k < n; k++)
            if (values[k] > values[most])
                most = k;
        const double t = values[i];
        values[i] = values[most];
        values[most] = t;
        for (int k = 0; k < n && most != i; k++) {
            const double u = a[i * n + k];
            a[i * n + k] = a[most * n + k];
            a[most * n + k] = u;
        }
    }
    free(kept);
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
