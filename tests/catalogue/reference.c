/* reference.c -- numbers that a latent must meet, by quadrature: nothing of the compiler, its runtime or its formulas.
 *
 *     reference sphere M KAPPA     of a von Mises-Fisher density on the sphere in M dimensions: the mean resultant A,
 *                                  its slope by kappa (the variance of the cosine), the divergence from the uniform
 *
 * All is integrated over the angle t from the mean: density exp(kappa cos t) sin(t)^(M - 2), by Simpson's rule. */
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

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "sphere") == 0)
        sphere(atoi(argv[2]), strtod(argv[3], NULL));
    else
        return 2;
    return 0;
}
