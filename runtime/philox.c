/* philox.c -- counter-based draws: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, 2011).
 *
 * A draw is a function of where it stands and of nothing else, so it is the same in whatever
 * order, on whatever thread, and after a resume. The key is the seed; the counter is
 *
 *     { element / 4,  step,  stream,  phase << 24 | block }
 *
 * and the four words that come out belong to four elements in a row. `block` tells batches apart
 * that have the same step: those of one accumulated step, and those of an evaluation, where the
 * step is 0. Uniform numbers keep 23 bits and are the same in float and double, so that a double
 * build draws what its float twin draws. */
#include "runtime.h"

AeClock ae_clock;
long ae_states = 1;

static inline void round_once(uint32_t c[4], uint32_t k0, uint32_t k1)
{
    const uint64_t a = (uint64_t) 0xD2511F53u * c[0], b = (uint64_t) 0xCD9E8D57u * c[2];
    const uint32_t c1 = c[1], c3 = c[3];
    c[0] = (uint32_t) (b >> 32) ^ c1 ^ k0;
    c[1] = (uint32_t) b;
    c[2] = (uint32_t) (a >> 32) ^ c3 ^ k1;
    c[3] = (uint32_t) a;
}

void philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2])
{
    uint32_t c[4] = { counter[0], counter[1], counter[2], counter[3] }, k0 = key[0], k1 = key[1];
    for (int r = 0; r < 10; r++) {
        round_once(c, k0, k1);
        k0 += 0x9E3779B9u;      /* the golden ratio, and sqrt(3) - 1 */
        k1 += 0xBB67AE85u;
    }
    memcpy(out, c, sizeof c);
}

static inline void words(uint32_t out[4], uint64_t seed, uint32_t stream, uint32_t step,
                         uint32_t rest, uint64_t element)
{
    const uint32_t counter[4] = { (uint32_t) (element >> 2), step, stream, rest };
    const uint32_t key[2] = { (uint32_t) seed, (uint32_t) (seed >> 32) };
    philox(out, counter, key);
}

static inline void model_words(uint32_t out[4], uint32_t stream, uint64_t element)
{
    const uint32_t rest = (uint32_t) ae_clock.phase << 24 | ((uint32_t) ae_clock.block & 0xFFFFFF);
    words(out, ae_clock.seed, stream, (uint32_t) ae_clock.step, rest, element);
}

/* (k + 1/2) / 2^23 for the upper 23 bits k: exact in float, never 0 or 1. */
static inline float unit(uint32_t word) { return ((float) (word >> 9) + 0.5f) * 0x1p-23f; }

float ae_uniformf(uint32_t stream, uint64_t element)
{
    uint32_t w[4];
    model_words(w, stream, element);
    return unit(w[element & 3]);
}

double ae_uniform(uint32_t stream, uint64_t element) { return ae_uniformf(stream, element); }

/* Box-Muller: a pair of words gives a pair of normals, sqrt(-2 log u) times
 * cos and sin of 2 pi v. */
float ae_normalf(uint32_t stream, uint64_t element)
{
    uint32_t w[4];
    model_words(w, stream, element);
    const int pair = element & 2;
    const float r = sqrtf(-2.0f * logf(unit(w[pair])));
    const float turn = 6.283185307179586f * unit(w[pair + 1]);
    return r * (element & 1 ? sinf(turn) : cosf(turn));
}

static double normal_of(const uint32_t w[4], uint64_t element)
{
    const int pair = element & 2;
    const double r = sqrt(-2.0 * log(unit(w[pair]))), turn = 6.283185307179586 * unit(w[pair + 1]);
    return r * (element & 1 ? sin(turn) : cos(turn));
}

double ae_normal(uint32_t stream, uint64_t element)
{
    uint32_t w[4];
    model_words(w, stream, element);
    return normal_of(w, element);
}

/* The trainer's own draws stand apart from every model's by a phase of 255. */
uint32_t draw_word(uint64_t seed, uint32_t stream, uint32_t a, uint64_t element)
{
    uint32_t w[4];
    words(w, seed, stream, a, 0xFF000000u, element);
    return w[element & 3];
}

double draw_uniform(uint64_t seed, uint32_t stream, uint32_t a, uint64_t element)
{
    return unit(draw_word(seed, stream, a, element));
}

double draw_normal(uint64_t seed, uint32_t stream, uint32_t a, uint64_t element)
{
    uint32_t w[4];
    words(w, seed, stream, a, 0xFF000000u, element);
    return normal_of(w, element);
}

/* Fisher and Yates: order[i] changes places with one of the first i + 1. */
void draw_order(long *order, long n, uint64_t seed, uint32_t stream, uint32_t a)
{
    for (long i = 0; i < n; i++)
        order[i] = i;
    for (long i = n - 1; i > 0; i--) {
        const long j = (long) ((uint64_t) draw_word(seed, stream, a, (uint64_t) i)
                                   * (uint64_t) (i + 1)
                               >> 32);
        const long kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}
