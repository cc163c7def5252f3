/* special.c -- functions that cancel in float and so are computed in double. */
#include "runtime.h"

double lgamma_r(double x, int *sign);   /* lgamma writes a global; this one does not */

double ae_lgamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* psi(x + 1) = psi(x) + 1/x carries x above 10, where the asymptotic series has 1e-16. */
double ae_digamma(double x)
{
    if (x <= 0)
        return x == floor(x) ? NAN : ae_digamma(1 - x) - M_PI / tan(M_PI * x);
    double below = 0;
    for (; x < 10; x++)
        below += 1 / x;
    const double q = 1 / (x * x);
    return log(x) - 0.5 / x - below
        - q * (1.0 / 12 - q * (1.0 / 120 - q * (1.0 / 252 - q * (1.0 / 240 - q * (1.0 / 132 - q * (691.0 / 32760 - q / 12))))));
}

/* The derivative of all that. */
double ae_trigamma(double x)
{
    if (x <= 0) {
        const double s = sin(M_PI * x);
        return x == floor(x) ? NAN : M_PI * M_PI / (s * s) - ae_trigamma(1 - x);
    }
    double below = 0;
    for (; x < 10; x++)
        below += 1 / (x * x);
    const double q = 1 / (x * x);
    return below + 1 / x + q / 2
        + q / x * (1.0 / 6 - q * (1.0 / 30 - q * (1.0 / 42 - q * (1.0 / 30 - q * (5.0 / 66 - q * (691.0 / 2730 - q * 7 / 6))))));
}

/* R_v = I_{v+1}(x) / I_v(x) obeys R_v = 1 / (2 (v + 1) / x + R_{v+1}). Going down from a high
 * order each step shrinks the relative error by R_v^2, about exp(-(2 v + 1) / x), so 7 sqrt(x)
 * steps leave 1e-16 of it; the start is Amos' bound, right to a few percent. */
double ae_bessel_ratio(double order, double x)
{
    if (!(x > 0))
        return x == 0 ? 0 : NAN;
    const int steps = 30 + (int) (7 * sqrt(fmin(x, 1e8)));
    const double top = order + steps;
    double r = x / (top + 1 + sqrt((top + 1) * (top + 1) + x * x));
    for (int k = steps - 1; k >= 0; k--)
        r = 1 / (2 * (order + k + 1) / x + r);
    return r;
}

/* dR/dx = 1 - R^2 - (2 v + 1) R / x: what is left for large x is (2 v + 1) / (2 x^2),
 * too little for float. */
double ae_bessel_slope(double order, double x)
{
    const double r = ae_bessel_ratio(order, x);
    return x > 0 ? 1 - r * r - (2 * order + 1) * r / x : x == 0 ? 0.5 / (order + 1) : NAN;
}

/* For large x the asymptotic series I_v(x) = e^x / sqrt(2 pi x) (1 - (m - 1)/(8x) + (m - 1)(m -
 * 9)/(2! (8x)^2) - ...), m = 4 v^2; else the power series, whose terms are all positive, kept from
 * overflow by a scale. */
double ae_log_bessel(double order, double x)
{
    if (!(x > 0))
        return x == 0 ? (order == 0 ? 0 : -INFINITY) : NAN;
    double sum = 1, term = 1, scale = 0;
    if (x > fmax(100, 2 * order * order)) {
        for (int k = 1; k < 60; k++) {
            const double next = -term * (4 * order * order - (2.0 * k - 1) * (2.0 * k - 1))
                / (8 * x * k);
            if (fabs(next) >= fabs(term) || fabs(next) < 1e-17)
                break;
            sum += term = next;
        }
        return x - 0.5 * log(2 * M_PI * x) + log(sum);
    }
    for (int k = 1; term > 1e-17 * sum; k++) {
        sum += term *= x * x / 4 / (k * (k + order));
        if (sum > 1e280) {
            sum *= 1e-280;
            term *= 1e-280;
            scale += 280 * M_LN10;
        }
    }
    return order * log(x / 2) - ae_lgamma(order + 1) + log(sum) + scale;
}
