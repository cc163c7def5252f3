/* scalar.h -- functions of numbers that emitted C calls: of floats, of
 * doubles, of whole numbers. */
#ifndef AE_SCALAR_H
#define AE_SCALAR_H
#include <math.h>

static inline float  ae_sigmoidf(float x)   { return 1.0f / (1.0f + expf(-x)); }
static inline double ae_sigmoid(double x)   { return 1.0 / (1.0 + exp(-x)); }
static inline float  ae_softplusf(float x)  { return (x > 0 ? x : 0) + log1pf(expf(-fabsf(x))); }
static inline double ae_softplus(double x)  { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }
static inline float  ae_rsqrt0f(float x)    { return x == 0 ? 0 : 1.0f / sqrtf(x); }
static inline double ae_rsqrt0(double x)    { return x == 0 ? 0 : 1.0 / sqrt(x); }
static inline float  ae_signf(float x)      { return (float) ((x > 0) - (x < 0)); }
static inline double ae_sign(double x)      { return (x > 0) - (x < 0); }
static inline float  ae_maxf(float a, float b)      { return a >= b ? a : b; }
static inline double ae_max(double a, double b)     { return a >= b ? a : b; }
static inline float  ae_minf(float a, float b)      { return a <= b ? a : b; }
static inline double ae_min(double a, double b)     { return a <= b ? a : b; }
static inline int    ae_imax(int a, int b)          { return a >= b ? a : b; }
static inline int    ae_imin(int a, int b)          { return a <= b ? a : b; }
static inline float  ae_fmodf(float a, float b)     { return a - fabsf(b) * floorf(a / fabsf(b)); }
static inline double ae_fmod(double a, double b)    { return a - fabs(b) * floor(a / fabs(b)); }
static inline int    ae_imod(int a, int b)          { const int m = b < 0 ? -b : b, r = m ? a % m : 0; return r < 0 ? r + m : r; }
static inline int    ae_idiv(int a, int b)          { const int q = b ? a / b : 0; return b && a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q; }
enum { AE_FAR = -(1 << 30) - 1 };       /* a subscript that is outside of everything */
static inline int    ae_floorf(float x)     { return x >= -1073741824.0f && x <= 1073741824.0f ? (int) floorf(x) : AE_FAR; }
static inline int    ae_floor(double x)     { return x >= -1073741824.0 && x <= 1073741824.0 ? (int) floor(x) : AE_FAR; }
static inline int    ae_roundf(float x)     { return x >= -1073741824.0f && x <= 1073741824.0f ? (int) rintf(x) : AE_FAR; }
static inline int    ae_round(double x)     { return x >= -1073741824.0 && x <= 1073741824.0 ? (int) rint(x) : AE_FAR; }

#endif
