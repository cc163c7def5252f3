/* peak.c -- how many multiply-adds a second the machine can do at all: accumulators
 * in registers, no memory.
 *
 * The vectors are as wide as the compiler's target has them, and there are enough of them that
 * none waits for itself. */
#define _GNU_SOURCE
#include "runtime.h"
#include <time.h>

#if defined(__AVX512F__)
enum { VECTOR = 64 };
#elif defined(__AVX__)
enum { VECTOR = 32 };
#else
enum { VECTOR = 16 };
#endif
typedef ae_real Vector __attribute__((vector_size(VECTOR)));
enum { CHAINS = 12, LANES = VECTOR / sizeof(ae_real) };

static ae_real chains(long rounds, ae_real from)
{
    /* Equal chains would be one. */
    Vector a0 = { from }, a1 = a0 + 1, a2 = a0 + 2, a3 = a0 + 3, a4 = a0 + 4, a5 = a0 + 5;
    Vector a6 = a0 + 6, a7 = a0 + 7, a8 = a0 + 8, a9 = a0 + 9, a10 = a0 + 10, a11 = a0 + 11;
    const Vector x = (Vector) { 0 } + (ae_real) 0.999, y = (Vector) { 0 } + (ae_real) 1e-4;
    for (long k = 0; k < rounds; k++) {
        a0 = a0 * x + y, a1 = a1 * x + y, a2 = a2 * x + y, a3 = a3 * x + y;
        a4 = a4 * x + y, a5 = a5 * x + y, a6 = a6 * x + y, a7 = a7 * x + y;
        a8 = a8 * x + y, a9 = a9 * x + y, a10 = a10 * x + y, a11 = a11 * x + y;
    }
    const Vector all = a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8 + a9 + a10 + a11;
    ae_real sum = 0;                /* of every lane, or only one would be computed */
    for (int l = 0; l < LANES; l++)
        sum += all[l];
    return sum;
}

/* Of this thread alone: what others do on its core does not count. */
static double own_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

/* GFLOP/s of all threads that are used, in about so many seconds. */
double machine_peak(double seconds)
{
    double sum = 0;
#ifdef _OPENMP
    #pragma omp parallel num_threads(opt.threads) reduction(+ : sum)
#endif
    {
        ae_real kept = 0;
        long rounds = 0;
        const double begun = own_time();
        double took;
        do {
            kept = chains(10000, kept);
            __asm__ volatile("" : "+m" (kept));         /* as if somebody read it */
            rounds += 10000;
        } while ((took = own_time() - begun) < seconds);
        sum += 2e-9 * (double) rounds * CHAINS * LANES / took;
    }
    return sum;
}
