/* vmath.c -- runtime/vmath.h against libm in double, over floats of every exponent and sign.
 *
 *     vmath [STEP]      every STEP-th bit pattern (1009), and the ends of the ranges; prints the worst of each function
 *
 * The loops below are what the compiler must vectorise; 5-vmath.sh counts them. */
#include "vmath.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 4096 };
static float x[N], y[N];

#define RUN(name) __attribute__((noinline)) static void run_##name(void) { for (int i = 0; i < N; i++) y[i] = ae_v##name(x[i]); }
RUN(exp) RUN(log) RUN(tanh) RUN(sigmoid)
RUN(softplus) RUN(erf) RUN(sin) RUN(cos)

static double sigmoid(double v)     { return v < 0 ? exp(v) / (1 + exp(v)) : 1 / (1 + exp(-v)); }
static double softplus(double v)    { return (v > 0 ? v : 0) + log1p(exp(-fabs(v))); }

static const struct { const char *name; void (*run)(void); double (*is)(double); double ulp; } function[] = {
    { "exp", run_exp, exp, 1.05 }, { "log", run_log, log, 1 }, { "tanh", run_tanh, tanh, 1.5 },
    { "sigmoid", run_sigmoid, sigmoid, 2 }, { "softplus", run_softplus, softplus, 2 }, { "erf", run_erf, erf, 1.5 },
    { "sin", run_sin, sin, 1.75 }, { "cos", run_cos, cos, 1.75 },
};
enum { FUNCTIONS = sizeof function / sizeof *function };

static double worst[FUNCTIONS];
static float worst_at[FUNCTIONS];
static int failed;

/* Units in the last place between them; infinite where they differ in kind, or in the sign of a zero. */
static double distance(float got, double want)
{
    const float near = (float) want;
    if (isnan(near) || isnan(got))
        return isnan(near) && isnan(got) ? 0 : INFINITY;
    if (isinf(near) || isinf(got))
        return got == near ? 0 : INFINITY;
    if (want == 0)
        return got == 0 && signbit(got) == signbit(near) ? 0 : INFINITY;
    int e;
    frexp(want, &e);
    return fabs(got - want) / ldexp(1, (e < -125 ? -125 : e) - 24);
}

static void look(int n)
{
    for (int k = 0; k < FUNCTIONS; k++) {
        function[k].run();
        for (int i = 0; i < n; i++) {
            const double d = distance(y[i], function[k].is(x[i]));
            if (d > worst[k]) {
                worst[k] = d;
                worst_at[k] = x[i];
            }
        }
    }
}

/* The extremes of rows of every length, from every place, infinities and signed zeros among them. */
static bool extremes(void)
{
    for (int k = 0; k < N; k++)
        x[k] = k % 97 == 5 ? -INFINITY : k % 7 == 0 ? -0.0f : (float) ((k * 7919) % 1009) - 504;
    for (int n = 0; n < 100; n++)
        for (int from = 0; from < 200; from++) {
            float most = -500, least = 300;
            for (int k = from; k < from + n; k++) {
                most = most >= x[k] ? most : x[k];
                least = least <= x[k] ? least : x[k];
            }
            if (ae_vmost(x + from, n, -500) != most || ae_vleast(x + from, n, 300) != least)
                return false;
        }
    return true;
}

int main(int argc, char **argv)
{
    static const float ends[] = {
        0.0f, 0x1p-149f, 0x1p-148f, 0x1.fffffcp-127f, 0x1p-126f, 0x1.000002p-126f, 0x1p-25f, 0x1p-24f, 0x1p-12f, 0.5f,
        0.625f, 0.93f, 1.0f, 0x1.fffffep-1f, 0x1.000002p0f, 4.0f, 9.0f, 17.0f, 0x1.6a09e6p-1f, 0x1.6a09e8p-1f,
        0x1.921fb6p0f, 0x1.921fb6p1f, 87.3f, 88.0f, 0x1.62e42ep6f, 0x1.62e430p6f, 88.8f, 103.0f, 103.9f, 104.0f,
        104.1f, 150.0f, 0x1p23f, 0x1p24f, 0x1p27f, 0x1p31f, 0x1p63f, 0x1p127f, 0x1.fffffep127f, INFINITY, NAN,
    };
    const uint64_t step = argc > 1 ? strtoull(argv[1], NULL, 10) : 1009;
    int n = 0;
    for (size_t k = 0; k < sizeof ends / sizeof *ends; k++)
        for (int sign = 0; sign < 2; sign++)
            for (int near = -2; near <= 2; near++)
                x[n++] = ae_float(ae_bits(sign ? -ends[k] : ends[k]) + near);
    look(n);
    for (uint64_t bits = 0; bits < (uint64_t) 1 << 32;) {
        for (n = 0; n < N && bits < (uint64_t) 1 << 32; bits += step)
            x[n++] = ae_float((int32_t) (uint32_t) bits);
        look(n);
    }
    for (int k = 0; k < FUNCTIONS; k++) {
        const bool good = worst[k] <= function[k].ulp;
        failed += !good;
        printf("%s%s: %.3f units in the last place at %a; %.3g are allowed\n", good ? "" : "FAILED ", function[k].name,
               worst[k], worst_at[k], function[k].ulp);
    }
    if (!extremes()) {
        printf("FAILED the greatest or the least of a row\n");
        failed++;
    }
    return failed > 0;
}
