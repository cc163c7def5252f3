/* reference.c -- numbers that a latent must meet, by quadrature: nothing of the compiler, its runtime or its formulas.
 *
 *     reference sphere M KAPPA     of a von Mises-Fisher density on the sphere in M dimensions: the mean resultant A,
 *                                  its slope by kappa (the variance of the cosine), the divergence from the uniform
 *     reference normal X.npy SD W.. B..    the mean over rows x of -log N(x; b, w'w + SD^2 1), w of two rows and three
 *                                  columns, without the constant 3 log(SD sqrt(2 pi)) that `gaussian` leaves out
 *     reference grid X.npy SD Z.npy Y.npy AREA     the mean over rows x of three numbers of -log of the sum over codes z of two
 *                                  numbers of AREA N(z; 0, 1) N(x; y, SD^2), y what z decodes to; without that constant either
 *
 * Of the sphere all is integrated over the angle t from the mean: density exp(kappa cos t) sin(t)^(M - 2), by Simpson's rule. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void sphere(int m, double kappa)
{
    const int steps = 2000000;
    const double far = fmin(M_PI, sqrt(2 * (m + 400) / kappa) + sqrt(m / kappa)), h = far / steps;  /* beyond: e^-400 */
    double all = 0, even = 0, first = 0, second = 0;
    for (int k = 0; k <= steps; k++) {
        const double t = k * h, w = (k == 0 || k == steps ? 1 : 2 + 2 * (k % 2)) * h / 3;
        const double area = m == 2 ? 1 : pow(sin(t), m - 2), p = w * area * exp(-2 * kappa * pow(sin(t / 2), 2));
        const double less = 2 * pow(sin(t / 2), 2);     /* 1 - cos t */
        all += p;
        first += p * less;
        second += p * less * less;
    }
    for (int k = 0; k <= steps; k++) {
        const double t = k * M_PI / steps, w = (k == 0 || k == steps ? 1 : 2 + 2 * (k % 2)) * M_PI / steps / 3;
        even += w * (m == 2 ? 1 : pow(sin(t), m - 2));
    }
    first /= all;
    second /= all;
    printf("%.12g %.12g %.12g\n", 1 - first, second - first * first, -kappa * first - log(all) + log(even));
}

/* Numbers behind a header, as tool.c and trainers write them: little-endian floats. */
static FILE *opened(const char *npy)
{
    unsigned char head[10];
    FILE *f = fopen(npy, "rb");
    if (!f || fread(head, 1, 10, f) != 10 || fseek(f, 10 + head[8] + 256 * head[9], SEEK_SET) != 0)
        exit(2);
    return f;
}

static void normal(char **arg)
{
    float x[3];
    double c[3][3], w[6], b[3], sum = 0;
    long rows = 0;
    FILE *f = opened(arg[0]);
    const double v = strtod(arg[1], NULL) * strtod(arg[1], NULL);
    for (int k = 0; k < 6; k++)
        w[k] = strtod(arg[2 + k], NULL);
    for (int k = 0; k < 3; k++)
        b[k] = strtod(arg[8 + k], NULL);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            c[i][j] = w[i] * w[j] + w[3 + i] * w[3 + j] + (i == j ? v : 0);
    double det = 0, inverse[3][3];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            inverse[j][i] = c[(i + 1) % 3][(j + 1) % 3] * c[(i + 2) % 3][(j + 2) % 3] - c[(i + 1) % 3][(j + 2) % 3] * c[(i + 2) % 3][(j + 1) % 3];
    for (int j = 0; j < 3; j++)
        det += c[0][j] * inverse[j][0];
    for (; fread(x, sizeof *x, 3, f) == 3; rows++) {
        sum += log(det) / 2 - 3 * log(v) / 2;
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                sum += (x[i] - b[i]) * inverse[i][j] / det * (x[j] - b[j]) / 2;
    }
    fclose(f);
    printf("%.9g\n", sum / (double) rows);
}

static void grid(char **arg)
{
    enum { MOST = 100000 };
    static float z[MOST][2], y[MOST][3];
    FILE *f = opened(arg[0]), *codes = opened(arg[2]), *decoded = opened(arg[3]);
    const double v = strtod(arg[1], NULL) * strtod(arg[1], NULL), area = strtod(arg[4], NULL);
    const size_t n = fread(z, sizeof *z, MOST, codes);
    float x[3];
    double sum = 0;
    long rows = 0;
    if (!n || n == MOST || fread(y, sizeof *y, MOST, decoded) != n)
        exit(2);
    for (; fread(x, sizeof *x, 3, f) == 3; rows++) {
        double p = 0;
        for (size_t k = 0; k < n; k++) {
            double far = (z[k][0] * z[k][0] + z[k][1] * z[k][1]) / 2;
            for (int j = 0; j < 3; j++)
                far += (x[j] - y[k][j]) * (x[j] - y[k][j]) / (2 * v);
            p += area / (2 * M_PI) * exp(-far);
        }
        sum -= log(p);
    }
    printf("%.9g\n", sum / (double) rows);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "sphere") == 0)
        sphere(atoi(argv[2]), strtod(argv[3], NULL));
    else if (argc == 13 && strcmp(argv[1], "normal") == 0)
        normal(argv + 2);
    else if (argc == 7 && strcmp(argv[1], "grid") == 0)
        grid(argv + 2);
    else
        return 2;
    return 0;
}
