/* draws.c -- draws by the row: those of philox.c for elements that follow one another,
 * sixteen counters at a time.
 *
 * Uniform numbers are the same bits as one by one; normal ones, which end in float functions,
 * differ by rounding. */
#include "runtime.h"
#include "vmath.h"

/* ---- Philox on vectors ---------------------------------------------------------------------- */
#ifdef __AVX2__
enum { WIDE = 8 };
#else
enum { WIDE = 4 };
#endif
typedef uint32_t Words __attribute__((vector_size(4 * WIDE)));
typedef uint64_t Pairs __attribute__((vector_size(4 * WIDE)));

/* The products of the lower words of the pairs, which gcc does not find. */
static inline Words times(Pairs a, Pairs b)
{
#if defined __AVX2__
    typedef int Ints __attribute__((vector_size(4 * WIDE)));
    return (Words) __builtin_ia32_pmuludq256((Ints) a, (Ints) b);
#elif defined __SSE2__
    typedef int Ints __attribute__((vector_size(4 * WIDE)));
    return (Words) __builtin_ia32_pmuludq128((Ints) a, (Ints) b);
#else
    return (Words) ((a & 0xFFFFFFFFu) * (b & 0xFFFFFFFFu));
#endif
}

/* c * by, in words: the upper and the lower halves */
static inline void products(Words c, uint32_t by, Words *upper, Words *lower)
{
    const Words factor = (Words) { 0 } + by;
    const Words even = times((Pairs) c, (Pairs) factor);
    const Words odd = times((Pairs) c >> 32, (Pairs) factor);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "pairs of words are taken to have the lower one first"
#elif defined __AVX2__
    *upper = __builtin_shuffle(even, odd, (Words) { 1, 9, 3, 11, 5, 13, 7, 15 });
    *lower = __builtin_shuffle(even, odd, (Words) { 0, 8, 2, 10, 4, 12, 6, 14 });
#else
    *upper = __builtin_shuffle(even, odd, (Words) { 1, 5, 3, 7 });
    *lower = __builtin_shuffle(even, odd, (Words) { 0, 4, 2, 6 });
#endif
}

enum { COUNTERS = 16, BLOCK = 4 * COUNTERS };   /* a block: so many counters, four elements each */
typedef struct { uint32_t word[4][COUNTERS]; } Drawn;
typedef struct { float at[BLOCK]; } Reals;

static void draw_block(Drawn *d, uint32_t stream, uint32_t counter, int count)
{
    for (int l = 0; l < count; l += WIDE) {
        Words c0, c1 = (Words) { 0 } + (uint32_t) ae_clock.step, c2 = (Words) { 0 } + stream;
        Words c3 = (Words) { 0 }
            + ((uint32_t) ae_clock.phase << 24 | ((uint32_t) ae_clock.block & 0xFFFFFF));
        for (int k = 0; k < WIDE; k++)
            c0[k] = counter + (uint32_t) (l + k);
        uint32_t k0 = (uint32_t) ae_clock.seed, k1 = (uint32_t) (ae_clock.seed >> 32);
        for (int r = 0; r < 10; r++) {
            Words a_upper, a_lower, b_upper, b_lower;
            products(c0, 0xD2511F53u, &a_upper, &a_lower);
            products(c2, 0xCD9E8D57u, &b_upper, &b_lower);
            c0 = b_upper ^ c1 ^ k0;
            c1 = b_lower;
            c2 = a_upper ^ c3 ^ k1;
            c3 = a_lower;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        memcpy(&d->word[0][l], &c0, sizeof c0);
        memcpy(&d->word[1][l], &c1, sizeof c1);
        memcpy(&d->word[2][l], &c2, sizeof c2);
        memcpy(&d->word[3][l], &c3, sizeof c3);
    }
}

/* ---- to numbers ----------------------------------------------------------------------------- */
static inline float unit(uint32_t word)
{
    return ((float) (int32_t) (word >> 9) + 0.5f) * 0x1p-23f;
}

static void uniform_block(Reals *out, const Drawn *d)
{
    for (int l = 0; l < COUNTERS; l++)
        for (int k = 0; k < 4; k++)
            out->at[4 * l + k] = unit(d->word[k][l]);
}

#ifndef AE_DOUBLE
/* Box-Muller, as in philox.c. The turn is split exactly: the nearest quarter, and
 * the angle from there. */
static void normal_block(Reals *out, const Drawn *d)
{
    float y[4][COUNTERS];
    for (int k = 0; k < 4; k += 2)
        for (int l = 0; l < COUNTERS; l++) {
            const float r = sqrtf(-2.0f * ae_vlog(unit(d->word[k][l])));
            const uint32_t turn = (d->word[k + 1][l] >> 9) + (1u << 20);
            const int quarter = (int) (turn >> 21);
            const float angle = ((float) (int32_t) (turn & 0x1FFFFF) - 1048575.5f)
                * 0x1.921fb6p-21f;
            y[k][l] = r * ae_vwave(angle, quarter + 1);
            y[k + 1][l] = r * ae_vwave(angle, quarter);
        }
    for (int l = 0; l < COUNTERS; l++)
        for (int k = 0; k < 4; k++)
            out->at[4 * l + k] = y[k][l];
}
#endif

/* ---- rows ----------------------------------------------------------------------------------- */
static void row(ae_real *at, int n, uint32_t stream, uint64_t first,
                void (*block)(Reals *, const Drawn *))
{
    while (n > 0) {
        const int skip = (int) (first & 3), some = n < BLOCK - skip ? n : BLOCK - skip;
        Drawn d = { 0 };
        Reals out;
        draw_block(&d, stream, (uint32_t) (first >> 2), (skip + some + 3) / 4);
        block(&out, &d);
        for (int k = 0; k < some; k++)
            at[k] = out.at[skip + k];
        at += some;
        n -= some;
        first += (uint64_t) some;
    }
}

void ae_uniforms(ae_real *at, int n, uint32_t stream, uint64_t first)
{
    row(at, n, stream, first, uniform_block);
}

void ae_normals(ae_real *at, int n, uint32_t stream, uint64_t first)
{
#ifdef AE_DOUBLE
    for (int k = 0; k < n; k++)
        at[k] = ae_normal(stream, first + (uint64_t) k);
#else
    row(at, n, stream, first, normal_block);
#endif
}
