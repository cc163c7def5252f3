/* network.h -- what network.c and mirror.c share: one walk through a net's layers. */
#ifndef NETWORK_H
#define NETWORK_H
#include "elab.h"

typedef struct { Str kind; int n; } Count;

typedef struct {
    Elab *e;
    Net *net;
    Scope *scope;           /* whose `around` the layers' arguments are resolved in */
    VEC(Count) counts;      /* of each kind of layer */
    bool first;             /* of this program: its layers are kept for `mirror` */
    bool ties;              /* a mirror with tied weights */
    Tensor *mirrored;       /* the code, while a mirror has done no more than reshape it */
    Scope *tied;            /* there: the layer that the next one mirrors */
} Walk;

Tensor *walk_block(Walk *w, Block *block, Tensor *x);
Tensor *walk_call(Walk *w, Call *call, Tensor *x);
int count(Walk *w, Str kind);
Tensor *add_residual(Scope *s, Str name, Tensor *x, Tensor *y, Place place);
Tensor *apply_mirror(Walk *w, Call *call, Tensor *x);

#endif
