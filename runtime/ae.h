/* ae.h -- all that emitted C knows of the runtime, and all that the runtime knows of a model.
 *
 * The emitted file defines `const AeModel ae_model`; the runtime has main(), reads the data into the model's
 * input arrays a batch at a time, sets the clock and calls the model's programs. Nothing else passes between them.
 * Compiled with -DAE_DOUBLE all reals are double. */
#ifndef AE_H
#define AE_H
/* gcc 12 takes a function for pure in whose loops it has put sums of addresses (ivopts), and then leaves out calls
 * of it: a gradient lacks a part, for an inner extent of 3 say. */
#if defined __GNUC__ && __GNUC__ >= 11 && !defined __clang__
#pragma GCC optimize("no-ipa-modref", "no-ipa-pure-const")
#endif
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#include "scalar.h"

#ifdef AE_DOUBLE
typedef double ae_real;
#define AE_REAL_NAME "F64"
#else
typedef float ae_real;
#define AE_REAL_NAME "F32"
#endif

/* ---- the clock: set by the trainer, read by programs ------------------------------------------- */
typedef struct {
    int32_t batch;          /* examples present in this batch */
    int32_t step;           /* of the phase, from 1; 0 in evaluation */
    int32_t examples;       /* size of the training set */
    int32_t epochs;         /* of the phase */
    int32_t phase;          /* its number, from 1 */
    int32_t hold;           /* gradcheck: 1 keeps the held values */
    double epoch;           /* passes over the training set done so far, a real number */
    uint64_t seed;
    int32_t block;          /* which batch of an evaluation or of an accumulated step, from 0: their draws differ */
    int32_t first;          /* how many rows of the batch other ranks have before this one's */
} AeClock;
extern AeClock ae_clock;
extern long ae_states;      /* another number whenever states have changed otherwise than by an update; never 0 */

/* ---- what a model is -------------------------------------------------------------------------- */
enum { AE_RANK = 10 };

typedef enum { AE_REAL, AE_INT } AeElem;    /* ae_real, int32_t */

typedef struct {            /* a named array of the model */
    const char *name;       /* "encoder.dense1.w"; the program's own for inputs and outputs: "x", "z", "kl(z)" */
    void *at;
    AeElem elem;
    int rank;
    int shape[AE_RANK];     /* as declared; inputs and outputs have the batch first */
} AeArray;

typedef struct {            /* an input or a label */
    AeArray array;          /* [batch, ...] */
    const char *kind;       /* vector image sequence tokens; class labels real classmap boxes tokens */
    int32_t *length;        /* [batch], or NULL: always full */
    int32_t *has;           /* [batch]: 1 where this row has the label; or NULL */
    int classes;            /* 0: real numbers */
    bool label;
} AeInput;

typedef struct {            /* a term of the loss, or a metric, of one program */
    const char *name;       /* "reconstruct", "kl(z)" */
    const char *unit;       /* "nats per example" ... */
    const ae_real *value;   /* the batch's value, before its weight */
    const ae_real *each;    /* [batch] one number an example, or NULL */
    const ae_real *weight;  /* NULL: 1 */
    bool metric;            /* not in the loss */
    const int32_t *has;     /* [batch]: 1 for the rows that `each` counts; NULL: all */
    const ae_real *units;   /* [batch][nunits] what `each` is the sum of, or NULL */
    int nunits;
    const char *place;      /* the .ae line that asks for it: "vae.ae:24" */
    const char *said;       /* what a name given by `as` stands for: "kl(z)"; or NULL */
} AeTerm;

typedef struct {
    const char *name;       /* "encode", "decode", "reconstruct", "sample", "predict", "evaluate", "init" ... */
    void (*run)(void);
    const int *inputs;      int ninputs;    /* indices into AeModel.inputs */
    const AeArray *takes;   int ntakes;     /* arrays the trainer fills that are no data: decode's z */
    const AeArray *outputs; int noutputs;   /* what to read after a run */
    const AeTerm *terms;    int nterms;
    const ae_real *loss;    /* or NULL */
} AeProgram;

typedef struct {            /* forward over the whole training set: begin, then batch for each batch, then end */
    void (*begin)(void), (*batch)(void), (*end)(void);
    int every;              /* 0 at the start of the phase, 1 each epoch, 2 each step */
} AeSweep;

typedef struct { long first, count; } AeRange;      /* elements of the parameter block */

typedef struct {            /* a parameter whose gradient is other than 0 in some rows alone: rows[0] of them, from rows[1] on */
    long first;             /* element of the parameter block */
    int width;              /* of a row */
    const int32_t *rows;
} AeTable;

typedef struct {
    const char *name;       /* "train", "pretrain" ... */
    const AeProgram *gradient;      /* loss and gradients of one batch; no update */
    void (*update)(void);           /* the optimizer and the states, after gradient->run */
    void (*apart)(void);            /* after gradient->run, too: gradients that the update makes no use of; or NULL */
    const ae_real *bound;           /* [batch]: in sum more than any element of those; finite where they are */
    void (*start)(void);            /* copies and initial values that read others; or NULL */
    const AeProgram *evaluate;      /* the same terms with training = 0, and metrics */
    const AeSweep *sweeps;          int nsweeps;
    const AeArray *states;          int nstates;        /* the optimizer's */
    const AeRange *trained;         int ntrained;
    const AeRange *whole;           int nwhole;         /* of trained, what stands in no table and is not computed apart */
    const AeTable *tables;          int ntables;
    int batch;              /* examples a step; never more than AeModel.batch; 0: the whole training set */
    int epochs, labels, accumulate, early_stop;         /* labels: 0 all; early_stop: 0 never */
    bool drop_last;
    double clip;            /* 0: none */
    uint64_t seed;
} AePhase;

typedef struct { const char *key; const char *text; double number[8]; int nnumbers; } AeSetting; /* text: NULL for numbers */

typedef struct {
    const char *split;      /* "train", "test" */
    const char *kind;       /* digits idx csv npy npz png text blobs ... */
    const char *const *files; int nfiles;               /* as written: relative to the .ae */
    const AeSetting *args;  int nargs;
} AeSource;

typedef struct { const char *name, *what; unsigned long long flops; } AeTimed;  /* flops: of its products, in one step */

typedef struct {            /* an array that an exported library holds */
    const char *declared;   /* "static const float encoder_dense1_w[64][128]" */
    const char *name;       /* of the parameter or state: "encoder.dense1.w" */
} AeHeld;

typedef struct {            /* a C library of some programs without the trainer, for `export --c` */
    const char *name;       /* of the program, or "" for all */
    const char *header, *before, *after;    /* the text of its header, and of its C before and behind the arrays */
    const AeHeld *held;     int nheld;
} AeExport;

typedef struct {            /* a program as ONNX, for `export --onnx` */
    const char *name;
    const char *graph;      long size;          /* a GraphProto but for its name and the weights */
    const char *const *weights; int nweights;   /* the parameters and states that it reads; ae_clock.epoch .. too */
    const char *why;        /* NULL, or why there is none */
} AeOnnx;

typedef struct {
    const char *name;       /* of the model */
    const char *file;       /* the .ae's name without its folder */
    const char *text;       /* the .ae */
    const char *folder;     /* where data files are looked for; may be overridden */
    int batch;              /* the most examples a program takes at once */
    const AeInput *inputs;  int ninputs;
    ae_real *params, *grads; long nparams;              /* the two blocks, same layout */
    const AeArray *param;   int nparam;                 /* named parts of the block, in order */
    const AeArray *grad;                                /* the same parts of the gradient block */
    const AeArray *state;   int nstate;                 /* states that are the model's: running means, codebooks */
    const AeProgram *programs; int nprograms;           /* found by name */
    const AePhase *phases;  int nphases;
    const AeSource *sources; int nsources;
    const AeSetting *settings; int nsettings;           /* of `data`: scale, validation, test, rows, only ... */
    const AeSetting *metrics; int nmetrics;             /* what the trainer computes itself: psnr, knn ... key, arguments */
    bool fast;              /* the schedule it was emitted with */
    unsigned long long flops;   /* of one training step, multiply and add counted each; 0: not known */
    const AeTimed *timed; int ntimed;   /* its functions, in a build for `bench --profile` */
    uint64_t *spent;                    /* [ntimed] ticks in each since the start, all threads together */
} AeModel;
extern const AeModel ae_model;
extern const AeExport ae_exports[] __attribute__((weak));       /* in a file of its own; one without a name ends it */
extern const AeOnnx ae_onnx[] __attribute__((weak));            /* likewise */

/* ---- time stamps, in a build for `bench --profile` ------------------------------------------------ */
static inline uint64_t ae_ticks(void)
{
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_ia32_rdtsc();
#else
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1000000000u * (uint64_t) t.tv_sec + (uint64_t) t.tv_nsec;
#endif
}
#define AE_TIMED(k, call) do { \
    const uint64_t begun = ae_ticks(); \
    call; \
    __atomic_fetch_add(&spent[k], ae_ticks() - begun, __ATOMIC_RELAXED); \
} while (0)

/* ---- what emitted C calls ---------------------------------------------------------------------- */
/* Counter-based draws, Philox4x32-10 (Salmon et al. 2011): the same number for the same seed, phase, step, stream, element. */
float  ae_uniformf(uint32_t stream, uint64_t element);      /* above 0 and below 1 */
float  ae_normalf(uint32_t stream, uint64_t element);       /* Box-Muller */
double ae_uniform(uint32_t stream, uint64_t element);
double ae_normal(uint32_t stream, uint64_t element);
void ae_uniforms(ae_real *at, int n, uint32_t stream, uint64_t first);      /* those of n elements from the first */
void ae_normals(ae_real *at, int n, uint32_t stream, uint64_t first);
/* Fills rows x cols with orthonormal rows or columns, whichever fit, from normal draws of the stream. */
void ae_orthogonal(ae_real *at, int rows, int cols, uint32_t stream);
/* The places of n values sorted downwards, ties by index. */
void ae_rank(int32_t *place, const ae_real *value, int n);

/* Of a function that its callers know nothing of but its name. gcc 12 else drops calls of functions with restrict
 * parameters, once it has put constants in their place (-fipa-cp). */
#if defined __has_attribute
#if __has_attribute(noipa)
#define AE_APART __attribute__((noipa))
#endif
#endif
#ifndef AE_APART
#define AE_APART __attribute__((noinline))
#endif

/* An axis of a contraction: how many, and the step from one to the next in each of the two arrays that have it. */
typedef struct { int count; long one, two; } AeAxis;
/* c[rows, cols] += scale * sum over sums of a[rows, sums] b[sums, cols]. With set: c = start[cols] + that; start is a
 * number for each column, NULL: 0. Each is a list of axes, the fastest last, that a count of -1 ends: rows step in a
 * and c, cols in b and c, sums in a and b. */
void ae_contract(const AeAxis *rows, const AeAxis *cols, const AeAxis *sums, ae_real scale,
                 const ae_real *a, const ae_real *b, ae_real *c, bool set, const ae_real *start);
/* Until it is told otherwise, b does not change, so what a product by it has made of it may serve the next one. NULL: no
 * array. Each thread says so for itself. */
void ae_keep(const ae_real *b);
/* The same where the second axis of the rows, or of the sums, has a count of AE_LENGTH: length[k] for the k-th of the
 * first. No two rows meet in c. */
void ae_contract_along(const int32_t *length, const AeAxis *rows, const AeAxis *cols, const AeAxis *sums, ae_real scale,
                       const ae_real *a, const ae_real *b, ae_real *c, bool set, const ae_real *start);
enum { AE_LENGTH = INT32_MAX };
#define AE_AXES(...) ((const AeAxis[]) { __VA_ARGS__, { -1, 0, 0 } })

/* A list of different whole numbers from 0 to n - 1: how many there are, then those, then where each of the n would stand;
 * so that to set the first to 0 empties it. v joins it unless it is there. */
static inline void ae_join(int32_t *list, int n, int v)
{
    if ((unsigned) v >= (unsigned) n)
        return;
    int32_t *const where = list + 1 + n + v;
    if (*where < list[0] && list[1 + *where] == v)
        return;
    *where = list[0]++;
    list[1 + *where] = v;
}

/* A row of a table will be read soon. */
static inline void ae_fetch(const void *table, int row, long bytes)
{
    const char *const at = (const char *) table + row * bytes;
    for (long k = 0; k < bytes; k += 64)
        __builtin_prefetch(at + k);
}

double ae_lgamma(double x);
double ae_digamma(double x);
double ae_trigamma(double x);                        /* its derivative */
double ae_bessel_ratio(double order, double x);     /* I_{v+1}(x) / I_v(x) */
double ae_bessel_slope(double order, double x);     /* of the ratio, by x */
double ae_log_bessel(double order, double x);       /* log I_v(x) */

/* How many of n a thread of a team takes at once: one piece each, of whole units. Vectors then hold the same elements
 * however many the threads, and what is left over for single numbers is always the same: C may round these otherwise. */
#ifdef __AVX512F__
enum { AE_ROWS = 16, AE_COLUMNS = 32 };
#else
enum { AE_ROWS = 8, AE_COLUMNS = 16 };
#endif
static inline int    ae_share(int n, int unit)
{
#ifdef _OPENMP
    const int threads = omp_get_num_threads();
#else
    const int threads = 1;
#endif
    return ae_imax(((n + threads - 1) / threads + unit - 1) / unit, 1) * unit;
}

#endif
