/* onnx.h -- what the files of the ONNX writer share: bytes, values with named axes, graphs.
 *
 * A statement says what happens at every point of its indices; here all points are one value, a
 * tensor whose axes are indices. An axis that a value does not depend on is left out, and
 * broadcasting brings it back where it is wanted. */
#ifndef ONNX_H
#define ONNX_H
#include "emit.h"

enum { MAX_AXES = 2 * MAX_RANK };
/* Float, int64, bool: TensorProto's numbers. */
typedef enum { KIND_real = 1, KIND_whole = 7, KIND_truth = 9 } Kind;

typedef struct { Index *at[MAX_AXES]; int n; } Axes;
typedef struct { Str name; Kind kind; Axes axes; } Val;     /* a value of a graph */

typedef struct {            /* what a tensor holds at this place of the program */
    Tensor *tensor;
    Str name;    /* of the value, whose axes are those of the tensor that it has, in order */
    bool has[MAX_RANK];     /* else it is the same all along the axis */
    Index *at[MAX_RANK];    /* it is a slice, at this step of a scan; else NULL */
    int shift[MAX_RANK];    /* or so many steps from there */
    const Expr *fill;       /* the number that it is everywhere; else NULL */
    bool unset;             /* a slice that no statement of this step has set */
} Held;

typedef struct Graph Graph;
struct Graph {
    Buf nodes;
    Graph *outer;           /* whose loop it is the body of; NULL */
    VEC(Held) held;         /* by tensor; slices of other steps too */
};

typedef VEC(Index *) IndexList;
typedef struct { Str key, name; } Known;
typedef struct {
    Module *m;
    Program *p;
    Graph *root, *g;
    Buf initializers;       /* constants; the weights are the trainer's to add */
    TensorList weights, inputs;    /* weights: what the trainer knows the numbers of; clocks too */
    VEC(Known) known;       /* constants and shapes that are there, by what they are */
    IndexList order;        /* in which the axes of values stand: those of the target first */
    IndexList step;         /* of the scans around */
    StrList steps;          /* and the values of these indices */
    int guard;              /* what is lowered need not hold everywhere: places are kept inside */
    int count;              /* of names */
    Str wish;               /* what values are called after */
    Place place;
    Str why;                /* the first thing that cannot be said; NULL: all could */
} Onnx;

/* ---- onnx_wire.c: protocol buffers, nodes, constants ---------------------------------------- */
void wire_text(Buf *b, int field, const char *text);
/* A ValueInfo; n < 0: no shape; -1: the batch. */
void wire_value(Buf *b, int field, Str name, Kind kind, const long *shape, int n);
void wire_tensor(Buf *b, int field, Str name, const Tensor *t);
Str  fresh_name(Onnx *o);
/* op with its attributes: "Gather axis=1", "Transpose perm=[1,0]", "Einsum equation=ab,bc->ac";
   body: of a loop, or NULL. */
void node_to(Onnx *o, const char *op, const StrList *in, const StrList *out, const Buf *body);
Str  node_of(Onnx *o, const char *op, const Str *in);       /* in ends with NULL */
#define NODE(o, op, ...) node_of(o, op, (const Str[]) { __VA_ARGS__, NULL })
Str  numbers_text(const long *at, int n);                   /* [1,0] */
Str  gathered(Onnx *o, Str name, int axis, Str places);
Str  transposed(Onnx *o, Str name, const long *perm, int n);
Str  const_name(Onnx *o, Kind kind, const long *shape, int n, const double *at);
Str  const_list(Onnx *o, const long *at, int n);         /* whole numbers, one axis */
Str  shape_name(Onnx *o, const long *dims, int n);          /* -1: the batch */
Str  reshaped_as(Onnx *o, Str name, const long *dims, int n);
void tensor_dims(const Tensor *t, long *dims);
void onnx_refuse(Onnx *o, const char *how, ...) __attribute__((format(printf, 2, 3)));

/* ---- onnx_value.c: values and expressions --------------------------------------------------- */
bool is_rows(const Index *i);               /* of the examples of a batch */
int  step_of(Onnx *o, const Index *i);    /* the place of a scan's index among those around; -1 */
long index_dim(const Index *i);             /* its size; -1: the batch */
void axis_add(Axes *a, Index *i);           /* once */
Axes axes_but(Axes a, Axes without);
Axes axes_sorted(Onnx *o, Axes a);
void axes_dims(Axes a, long *dims);
Kind kind_of(const Tensor *t);
Val  val_number(Onnx *o, double v, Kind kind);
Val  val_cast(Onnx *o, Val v, Kind kind);
Val  spread(Onnx *o, const char *op, Kind kind, const Val *in, int n);    /* an elementwise node */
Val  spread2(Onnx *o, const char *op, Kind kind, Val a, Val b);
Val  val_where(Onnx *o, Val test, Val a, Val b);
Val  val_turned(Onnx *o, Val v, Axes axes);         /* the same axes in this order */
Val  val_expanded(Onnx *o, Val v, Axes axes);       /* all of these, in this order */
Val  val_shaped(Onnx *o, Str name, Kind kind, Axes axes);   /* reshaped to these */
Val  val_along(Onnx *o, Val v, Axes over);          /* and these, if it has them not */
Val  val_as(Onnx *o, Expr *e, Kind kind);
/* guarded: it need not hold everywhere */
Val  val_guarded(Onnx *o, Expr *e, Kind kind, bool guarded);
Val  lower_inside(Onnx *o, Tensor *t, Expr *const *sub, unsigned check);
/* Kept within 0 .. size - 1 where it might not be. */
Val  lower_index(Onnx *o, Expr *sub, long size, bool checked);

/* ---- onnx_held.c: what tensors hold --------------------------------------------------------- */
Held *held_in(Graph *g, const Tensor *t);   /* NULL: not in this graph */
Held *held_of(Onnx *o, Tensor *t);          /* NULL: nothing has set it */
/* The same; a slice that this step has not set yet is what was there before. */
const Held *held_now(Onnx *o, Tensor *t);
/* An index for each axis that is no slice's, as long as the axis. */
Axes axes_of(Onnx *o, const Held *h);
/* With those; what it is the same along is left out. */
Val  held_value(Onnx *o, const Held *h, Axes a);
Str  held_name(Onnx *o, const Held *h);     /* nothing left out */
void hold_in(Graph *g, Held h);             /* in place of what it held */
/* own: what goes along each axis of t that is no slice's; v has some of them */
void store(Onnx *o, Tensor *t, Val v, Axes own);

/* ---- onnx_read.c: elements of tensors ------------------------------------------------------- */
/* sub is the step, or so many steps from it */
bool steps_from(const Expr *sub, const Index *step, int *shift);
Val  gather(Onnx *o, const Held *h, Expr *const *sub, unsigned check);
Val  lower_read(Onnx *o, Expr *e);
Str  weight_name(const Tensor *t);    /* as the trainer knows it; of a clock its C expression */
/* Of slices; with `absent` those too along which it is the same. */
unsigned axes_gone(const Held *h, bool absent);
/* The subscript of axis k is all of it, and tells nothing of other axes, but
   for those that are gone. */
bool sub_is_simple(Onnx *o, const Tensor *t, unsigned gone, Expr *const *sub, int k);
Expr *flat_place(const Tensor *t, Expr *const *sub, const int *axis, int n, bool kept);

/* ---- onnx_sum.c: accumulations -------------------------------------------------------------- */
Val  accumulated(Onnx *o, Stmt *s, Axes stay, Axes over, const ExprList *conds);
Val  val_reduced(Onnx *o, const char *op, Val v, Axes over);
/* s adds windows onto its target: ConvTranspose, whose sum is *v */
bool unwindowed(Onnx *o, Stmt *s, Val *v);

/* ---- statements ----------------------------------------------------------------------------- */
void lower_nest(Onnx *o, Stmt *s);          /* onnx_stmt.c */
void lower_reshape(Onnx *o, Stmt *s);
void lower_scan(Onnx *o, Stmt *s);          /* onnx_scan.c */
void lower_list(Onnx *o, StmtList *list);   /* onnx.c */

#endif
