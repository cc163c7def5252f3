/* differentiate.h -- what chain.c, the chain rule within one expression, and
   differentiate.c share. */
#ifndef DIFFERENTIATE_H
#define DIFFERENTIATE_H
#include "program.h"

enum { MAX_DEPTH = 8 };

typedef struct {                /* what is known of a tensor while one gradient is taken */
    Tensor *t;
    bool active;                /* depends on what we differentiate by */
    bool leaf;                  /* is what we differentiate by */
    bool useful;                /* in the scan at hand: a gradient will reach it */
    bool one;                   /* the scalar we differentiate: its adjoint is 1 */
    bool ready;                 /* `d` has been filled, so far with all that comes after */
    int writes;                 /* statements that write it */
    Tensor *d;                  /* its adjoint, the leading axes in front; NULL: none yet */
    Expr *fixed[MAX_RANK];    /* inside a scan that fills it step by step: the step, at its axis */
} Known;

typedef struct { Stmt *of; Tensor *winner; } Winner;

typedef struct {                /* an accumulation that can wait until the scan at hand is over */
    Stmt *of;
    Stmt *add;                  /* onto the tensor itself, not yet onto its adjoint */
} Late;

typedef struct {
    Stmt *of;
    TensorList written;         /* in its body */
    bool keeps;    /* all that is written has an axis for the step, so it can be read afterwards */
    VEC(Late) late;
} Scan;

typedef struct {
    Module *m;
    Program *p;
    StrList names;
    VEC(Known *) known;
    VEC(Winner) winners;        /* these stay from gradient to gradient */
    Index *lead[MAX_RANK];      /* the axes of a gradient of many scalars */
    int nlead;
    StmtList *out;
    Stmt *of;                   /* the statement whose adjoint is made */
    Scan scan[MAX_DEPTH];
    int depth;
} Diff;

Known *known_of(Diff *d, Tensor *t);                /* differentiate.c */
Str   adjoint_name(Str name);
Tensor *adjoint_in(Diff *d, const Stmt *s);         /* another for the adjoint of what s sets */
Stmt *adjoint_stmt(Diff *d, Tensor *t, Set set, Expr *value);
/* Gives the target of n an axis for each index bound around s, steps included: those of s's target
   first. inner: for those that are in no subscript of it, too. */
void  take_points(Diff *d, Stmt *n, Stmt *s, bool inner);

/* ---- chain.c -------------------------------------------------------------------------------- */
/* value: of the derivative by what is read, times the seed */
typedef struct { Expr *read, *value; } Slope;
typedef VEC(Slope) SlopeList;

bool active(Diff *d, Expr *e);                      /* a gradient passes e */
/* Those that a gradient goes to, each once. */
void active_reads(Diff *d, Expr *e, ExprList *list);
/* seed * coef * d e / d each of its active reads; `again`: where e's value
   can be read, or NULL. */
SlopeList chain(Diff *d, Expr *e, Expr *seed, Expr *coef, Expr *again);
Expr *guarded(Expr *guard, Expr *value);            /* 0 where the guard fails; NULL: no guard */

#endif
