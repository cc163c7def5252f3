/* interp.h -- a brute-force interpreter of programs: arrays of double, loops over points, nothing clever.
 *
 * What the passes make is checked against what they were given, and emitted C against both. */
#ifndef INTERP_H
#define INTERP_H
#include "../../compiler/program.h"

typedef struct { Tensor *t; double *at; } Store;
typedef struct Machine {
    VEC(Store) store;
    bool hold;                  /* held statements keep their first value */
    /* A draw; by default from a hash of stream and element. */
    double (*draw)(bool normal, unsigned stream, uint64_t element);
} Machine;

/* The elements of a tensor, last axis fastest; NaN until written. */
double *interp_at(Machine *m, Tensor *t);
void interp_forget(Machine *m, Role role);      /* all tensors of the role are NaN again */
void interp_run(Machine *m, StmtList *list);    /* reductions inside expressions are understood too */

bool interp_near(double a, double b, double tolerance);             /* relative above 1 */
bool interp_beyond(Machine *m, Tensor *t, long element);            /* beyond the batch or its length */
/* The difference quotient of the loss by *at, with a step of h to both sides. */
double interp_slope(Machine *m, Program *p, double *at, double h);

#endif
