/* vmath.h -- exp, log and their like in float, written so that a loop over them becomes vector code.
 *
 * The fast schedule calls these where the plain one calls libm. No branches, no tables but one, no library: gcc turns
 *
 *     for (int i = 0; i < n; i++) y[i] = ae_vexp(x[i]);
 *
 * into the same instructions over 4, 8 or 16 elements, for whatever machine it compiles. Each is within 2 units in the
 * last place over all floats, and right for zeros, denormals, infinities and NaN; tests/runtime/vmath.c measures it.
 * -ffast-math would undo the rounding by a large number that some begin with. Polynomials are minimax fits. */
#ifndef AE_VMATH_H
#define AE_VMATH_H
#include <math.h>
#include <stdint.h>
#include <string.h>

static inline int32_t ae_bits(float x)      { int32_t i; memcpy(&i, &x, sizeof i); return i; }
static inline float   ae_float(int32_t i)   { float x; memcpy(&x, &i, sizeof x); return x; }

/* exp(x) = 2^n exp(r), |r| <= log(2) / 2, in two parts: exp(r), and a float whose lowest bits are n. */
typedef struct { float rest; int32_t bits; } AeExp;

static inline AeExp ae_vexp_parts(float x)
{
    const float big = 12582912.0f;                              /* 1.5 * 2^23: adding it rounds to a whole number */
    const float t = x * 0x1.715476p+0f + big, n = t - big;
    const float r = x - n * 0x1.63p-1f - n * -0x1.bd0106p-13f;  /* log(2) in two parts, the first of few bits */
    float q = 0x1.6a23f2p-10f;
    q = q * r + 0x1.123a0ap-7f;
    q = q * r + 0x1.5558f2p-5f;
    q = q * r + 0x1.555492p-3f;
    q = q * r + 0x1.fffffcp-2f;
    return (AeExp) { q * (r * r) + r + 1.0f, ae_bits(t) };
}

/* 2^n; the shift leaves nothing of the bits above n */
static inline float ae_vtwo_to(int32_t n)   { return ae_float((int32_t) (((uint32_t) n + 127) << 23)); }

/* for |x| <= 87, where neither the result nor 2^n leaves the range of normal numbers */
static inline float ae_vexp_near(float x)
{
    const AeExp e = ae_vexp_parts(x);
    return e.rest * ae_vtwo_to(e.bits);
}

/* 2^n in two factors, so that the ends of the range come out right */
static inline float ae_vexp(float x)
{
    float y = x > 89.0f ? 89.0f : x;
    y = y < -104.0f ? -104.0f : y;
    const AeExp e = ae_vexp_parts(y);
    const int32_t half = e.bits >> 1;
    return e.rest * ae_vtwo_to(half) * ae_vtwo_to(e.bits - half);
}

/* log(1 + f) for f in sqrt(1/2) - 1 .. sqrt(2) - 1, less f */
static inline float ae_vlog_rest(float f)
{
    float q = -0x1.38b58ap-4f;
    q = q * f + 0x1.055b72p-3f;
    q = q * f - 0x1.0d8542p-3f;
    q = q * f + 0x1.22da1cp-3f;
    q = q * f - 0x1.547244p-3f;
    q = q * f + 0x1.99a008p-3f;
    q = q * f - 0x1.000226p-2f;
    q = q * f + 0x1.555554p-2f;
    return (q * f - 0.5f) * (f * f);
}

/* log(x) = e log(2) + log(m), m in sqrt(1/2) .. sqrt(2) */
static inline float ae_vlog(float x)
{
    const int small = x < 0x1p-126f;
    const int32_t i = ae_bits(small ? x * 0x1p23f : x) - 0x3F3504F3;
    const float e = (float) ((i >> 23) - (small ? 23 : 0));
    const float f = ae_float((i & 0x7FFFFF) + 0x3F3504F3) - 1.0f;
    const float y = (ae_vlog_rest(f) + e * -0x1.bd0106p-13f + f) + e * 0x1.63p-1f;
    const float end = x == 0 ? -INFINITY : x > 0 ? x : NAN;
    return x > 0 && x < INFINITY ? y : end;
}

static inline float ae_vtanh(float x)
{
    const float a = fabsf(x), z = a * a;
    float q = -0x1.75e1c6p-8f;
    q = q * z + 0x1.52269ap-6f;
    q = q * z - 0x1.b83c5ap-5f;
    q = q * z + 0x1.110726p-3f;
    q = q * z - 0x1.555532p-2f;
    const float far = 1.0f - 2.0f / (ae_vexp_near(a > 10.0f ? 20.0f : a + a) + 1.0f);
    return copysignf(a < 0.625f ? q * z * a + a : far, x);
}

static inline float ae_vsigmoid(float x)
{
    const float e = ae_vexp(-fabsf(x));
    const float s = 1.0f + e, lost = e - (s - 1.0f), y = (x < 0 ? e : 1.0f) / s;
    return y - y * lost;
}

/* max(x, 0) + log(1 + exp(-|x|)) */
static inline float ae_vsoftplus(float x)
{
    const float e = ae_vexp(-fabsf(x));
    const int more = e > 0x1.a8279ap-2f;                        /* then 1 + e = 2 (1 + f) */
    const float f = more ? 0.5f * (e - 1.0f) : e;
    const float y = ae_vlog_rest(f) + f + (more ? 0x1.62e43p-1f : 0.0f);
    return (x > 0 ? x : 0.0f) + y;
}

static inline float ae_verf(float x)
{
    const float z = x * x;
    float q = -0x1.3825b6p-11f;
    q = q * z + 0x1.46c230p-8f;
    q = q * z - 0x1.b676cap-6f;
    q = q * z + 0x1.ce1904p-4f;
    q = q * z - 0x1.8126dcp-2f;
    q = q * z + 0x1.06eba6p-3f;
    const float a = fabsf(x), t = a > 4.0f ? 4.0f : a;          /* 1 - exp(-t p(t)) */
    float p = 0x1.78db82p-17f;
    p = p * t - 0x1.527bccp-12f;
    p = p * t + 0x1.dd6c8cp-9f;
    p = p * t - 0x1.85514ap-6f;
    p = p * t + 0x1.b3256ep-4f;
    p = p * t + 0x1.45328ep-1f;
    p = p * t + 0x1.20ef1cp+0f;
    return a < 0.93f ? q * x + x : copysignf(1.0f - ae_vexp_near(-t * p), x);
}

/* ---- the greatest and the least of a row and one more ---- */
typedef float AeLanes __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t AeMasks __attribute__((vector_size(16)));
#define AE_EXTREME(name, is)                                                                       \
    static inline float name(const float *x, int n, float most)                                    \
    {                                                                                              \
        int i = 0;                                                                                 \
        if (n >= 16) {                                                                             \
            AeLanes lane[4];                                                                       \
            for (int k = 0; k < 4; k++)                                                            \
                lane[k] = *(const AeLanes *) (x + 4 * k);                                          \
            for (i = 16; i + 16 <= n; i += 16)                                                     \
                for (int k = 0; k < 4; k++) {                                                      \
                    const AeLanes y = *(const AeLanes *) (x + i + 4 * k);                          \
                    const AeMasks mine = lane[k] is y;                                             \
                    lane[k] = (AeLanes) (((AeMasks) lane[k] & mine) | ((AeMasks) y & ~mine));      \
                }                                                                                  \
            for (int k = 0; k < 16; k++)                                                           \
                most = most is lane[k / 4][k % 4] ? most : lane[k / 4][k % 4];                     \
        }                                                                                          \
        for (; i < n; i++)                                                                         \
            most = most is x[i] ? most : x[i];                                                     \
        return most;                                                                               \
    }
AE_EXTREME(ae_vmost, >=)
AE_EXTREME(ae_vleast, <=)

/* ---- sin and cos: quarter turns, and what is left of x, in double ---- */
typedef struct { float rest; int32_t quarters; } AeAngle;

/* 2^4i modulo 2 pi, over 2^4i, in two parts: x times the first is exact, so x may be as large as it likes. */
static const double ae_turns[27] = {
    1, -0x1.6cbe3fap-3, -0x1.9c501fcp-8, -0x1.460d4edp-13, 0x1.304999dp-15, 0x1.58e8ec1p-22, -0x1.c9b6499p-25,
    -0x1.bcb4a24p-28, -0x1.54a767dp-31, 0x1.668ad94p-36, -0x1.5ca6dffp-39, 0x1.9a6f588p-46, 0x1.09f4684p-51,
    0x1.09f4684p-51, 0x1.d412de5p-56, -0x1.14a6223p-59, 0x1.8f1a5c4p-63, -0x1.82ac837p-70, 0x1.ee66399p-75,
    -0x1.35d9310p-75, -0x1.082d21ap-80, 0x1.2b5532cp-83, -0x1.214a9b9p-90, 0x1.c35466dp-92, 0x1.89a58c4p-95,
    -0x1.0f45205p-100, 0x1.e52a7a6p-104,
};
static const double ae_turns_rest[27] = {
    0, 0x1.9bc5b961b1acep-33, 0x1.4c71cb18f8747p-38, -0x1.6ce9e652942fbp-45, -0x1.2a1861e90aa2fp-45,
    0x1.6055432b92ab6p-53, 0x1.f76407b66f27fp-56, 0x1.8ccc9eb33ee4bp-60, -0x1.830ee719bc742p-63, 0x1.bb436614df386p-66,
    0x1.547827d3e6a98p-69, 0x1.8afe657e60255p-76, -0x1.6d7ee7008f78ap-82, -0x1.6d7ee7008f78ap-82, -0x1.303030c53a4afp-89,
    0x1.462021976ea92p-92, -0x1.56965f290c0efp-94, -0x1.ffc8577435554p-100, -0x1.e27ecb3a5e429p-105,
    -0x1.f3c6b791847c5p-112, 0x1.13f76c94d82d9p-110, -0x1.f814a975e080fp-114, -0x1.233b1d7415b3ap-122,
    -0x1.c0d33215184dcp-123, 0x1.dc40bb622ebdap-127, 0x1.96f36f8a530e0p-131, 0x1.8010098f35163p-134,
};

static inline AeAngle ae_vangle(float x)
{
    const double big = 0x1.8p52;
    const int32_t e = ((ae_bits(x) >> 23) & 255) - 150;         /* x is a multiple of 2^e */
    const int64_t i = (e > 0 ? e : 0) >> 2;                     /* of 64 bits: gcc 12 gathers by nothing shorter */
    const double d = x * ae_turns[i], rest = x * ae_turns_rest[i];
    const double t = (d + rest) * 0x1.45f306dc9c883p-1 + big, n = t - big;
    double r = d - n * 0x1.921fb6p+0;                           /* pi / 2 in three parts */
    r -= n * -0x1.777a5cp-25;
    r -= n * -0x1.ee59d9cceba40p-50;
    return (AeAngle) { (float) (r + rest), (int32_t) n };
}

static inline float ae_vwave(float r, int32_t quarters)
{
    const float z = r * r;
    float s = -0x1.994062p-13f;
    s = s * z + 0x1.110730p-7f;
    s = s * z - 0x1.555546p-3f;
    s = s * z * r + r;
    float c = 0x1.99e86ap-16f;
    c = c * z - 0x1.6c0c28p-10f;
    c = c * z + 0x1.55554ap-5f;
    c = c * z * z + (1.0f - 0.5f * z);
    const float y = quarters & 1 ? c : s;
    return quarters & 2 ? -y : y;
}

static inline float ae_vsin(float x)
{
    const AeAngle a = ae_vangle(x);
    return x == 0 ? x : ae_vwave(a.rest, a.quarters);           /* -0 has its sign */
}

static inline float ae_vcos(float x)
{
    const AeAngle a = ae_vangle(x);
    return ae_vwave(a.rest, a.quarters + 1);
}

#endif
