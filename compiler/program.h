/* program.h -- the one intermediate form: tensors, and statements over them in index notation.
 *
 * A statement says what happens at every point of its indices:
 *
 *     for all index[0], index[1], ... (in any order), where `where` holds:
 *         target[sub[0], sub[1], ...]  op  value
 *
 * Every pass takes a program and leaves a program; verify.c says what must hold between them.
 * Expressions are never changed once made, so they may be shared between statements.
 * Nothing here knows a layer: a convolution is an accumulation whose subscripts are affine. */
#ifndef PROGRAM_H
#define PROGRAM_H
#include "syntax.h"

enum { MAX_RANK = 10 };

typedef struct Tensor Tensor;
typedef struct Index Index;
typedef struct Expr Expr;
typedef struct Stmt Stmt;
typedef VEC(Tensor *) TensorList;
typedef VEC(Stmt *) StmtList;
typedef VEC(Expr *) ExprList;

/* ---- tensors ------------------------------------------------------------------------------- */
typedef enum { ELEM_real, ELEM_int } Elem;      /* float or double, as emitted; int32 */

typedef enum {
    ROLE_input,     /* rows of the data, filled by the trainer before a program runs */
    ROLE_length,    /* int[batch]: how long each example's sequence is; filled with its input */
    /* A scalar the trainer keeps: batch, step, epoch, examples; `cname` is its C expression. */
    ROLE_clock,
    /* In the parameter block, at `offset`; one that is not in Module.params is a flat
       view of a part of it. */
    ROLE_param,
    ROLE_grad,      /* in the gradient block, at the offset of its parameter; likewise views */
    ROLE_state,     /* lives from step to step */
    ROLE_temp,      /* lives within one run of a program */
} Role;

typedef struct {
    int size;           /* at compile time; the storage always has it */
    /* NULL: always full. An int tensor: a scalar (the batch), or one number for each example */
    Tensor *length;
    bool example;       /* the axis of examples */
    Str name;           /* the letter it has in its definition, for printing; may be NULL */
} Axis;

struct Tensor {
    /* As shown to users: "encoder.dense1.w"; an adjoint adds d in front of its last part. */
    Str name;
    Str cname;   /* unique in the module, a C identifier, no keyword (ROLE_clock: an expression) */
    Elem elem;
    Role role;
    int rank;
    Axis axis[MAX_RANK];
    /* What the fast schedule stores beyond the ends of an axis: zeros. */
    int before[MAX_RANK], after[MAX_RANK];
    int of;             /* whole numbers 0 .. of - 1; 0: not known, or real */
    bool exempt;        /* ROLE_param: no member of `weights` */
    /* Read by the trainer after a run, so it may not be fused away: outputs, terms. */
    bool external;
    /* ROLE_param, ROLE_grad: first element within the block; ROLE_temp: bytes within the
       arena, -1 before plan */
    long offset;
    Tensor *of_param;   /* ROLE_grad: whose gradient; optimizer states: whose */
    Place place;
    /* ROLE_state: how many there are, then so many different numbers below this, then room to
       find them; 0: not one */
    int list;
    int mark;           /* scratch for a pass */
};

/* ---- indices ------------------------------------------------------------------------------- */
struct Index {          /* 0 <= it < size, and < limit where there is one */
    Str name;           /* as written; several indices may bear one name */
    int size;
    Expr *limit;  /* NULL, or a whole-number expression of indices further out: batch, length[n] */
    bool example;       /* runs along examples */
    bool measured;      /* elaborate.c: an axis of the examples has told how far it runs */
    bool fixed;    /* elaborate.c: its range was written, or is a scan's; reads do not change it */
    int mark;
};

/* ---- expressions --------------------------------------------------------------------------- */
/* Scalar operations: one row each in scalars.def. Comparisons, and, or, not give whole 0 or 1. */
typedef enum {
#define SCALAR(name, n, ...) OP_##name,
#include "scalars.def"
#undef SCALAR
    OP_COUNT
} Op;

/* How tightly an operation binds in the language. */
enum {
    LEVEL_SELECT = 1, LEVEL_OR, LEVEL_AND, LEVEL_NOT, LEVEL_COMPARE, LEVEL_SUM, LEVEL_REDUCE,
    LEVEL_PRODUCT, LEVEL_SIGN, LEVEL_POWER, LEVEL_ATOM
};
typedef struct {
    const char *name, *written;
    int args, binds, cost;
    char whole;
} OpInfo;
extern const OpInfo op_info[OP_COUNT];

typedef enum {
    EXPR_num,       /* num */
    EXPR_index,     /* index; whole */
    EXPR_read,      /* tensor[sub..]; where a checked subscript is outside: other (NULL: 0) */
    EXPR_inside,    /* 1 where the checked subscripts of the read `arg[0]` are inside, else 0 */
    EXPR_op,        /* op(arg..); OP_select evaluates one branch only; OP_and, OP_or stop early */
    EXPR_draw,      /* normal() or uniform(): a function of seed, phase, step, stream and key */
    EXPR_stop,      /* arg[0], a constant to gradients */
    EXPR_byhand,   /* arg[0]; its derivative by arg[1] (which arg[0] is a function of) is arg[2] */
    EXPR_reduce,    /* reduction over points; only before split.c */
} ExprKind;

typedef enum {
    REDUCE_sum, REDUCE_mean, REDUCE_prod, REDUCE_max, REDUCE_min, REDUCE_argmax, REDUCE_argmin,
    REDUCE_any, REDUCE_all, REDUCE_rank, REDUCE_choice, REDUCE_COUNT
} Reduce;
extern const char *const reduce_names[REDUCE_COUNT];

struct Expr {
    ExprKind kind;
    bool whole;                 /* a whole number (int in C), else real */
    double num;
    Index *index;               /* EXPR_index; else NULL */
    Op op;
    Expr *arg[3];
    /* EXPR_read */
    Tensor *tensor;             /* of all others NULL */
    Expr *sub[MAX_RANK];        /* whole */
    unsigned check;  /* bit k: sub[k] may lie outside [0, size) or at or beyond the axis' length */
    Expr *other;
    /* EXPR_draw */
    bool normal;                /* else uniform */
    unsigned stream;            /* hash of the path of use and its number there */
    int nkey;
    Expr *key[MAX_RANK];        /* whole; with key_size the element's number, last fastest */
    int key_size[MAX_RANK];
    int row;                    /* the key that goes along the examples; -1: none does */
    /* EXPR_reduce */
    Reduce reduce;
    int nindex;
    /* REDUCE_rank: bound[k] runs in place of the outer index rank_of[k] */
    Index *bound[MAX_RANK];
    Index *rank_of[MAX_RANK];
    Expr *where;  /* NULL: everywhere; body is arg[0]; REDUCE_choice: its uniform draw is arg[1] */
};

/* ---- statements ---------------------------------------------------------------------------- */
typedef struct Use {            /* one use of a definition: what a block of emitted C is about */
    Str path;                   /* "encoder.dense1", "reconstruct", "kl(z)" */
    Str words;                  /* the user's words: "LAYER(128)" */
    Place place;                /* the .ae line of the use */
} Use;

typedef enum {
    STMT_nest,          /* points, as above */
    STMT_scan,          /* the body once for each value of an index, in order */
    STMT_gradient,      /* grad = d scalar / d wrt; only before differentiate.c */
    /* Fills target with an orthogonal matrix (rows: all axes but the last) from
       draw->stream; initial values only. */
    STMT_orthogonal,
    /* Target has the elements of source in the same order; an alias where it can be. */
    STMT_reshape,
} StmtKind;

typedef enum {
    SET_is,    /* =    every index stands alone in a subscript, so each point is another element */
    SET_add,            /* +=   onto what stands there */
    SET_mul,            /* *= */
    SET_max,            /* max= */
    SET_min,            /* min= */
    /* The target is a list: the value becomes one of its numbers, if it is none
       yet and below `list`. */
    SET_join,
    /* The next are whole reductions: index[0 .. nouter) are the target's, the others are reduced
       over. They set the target; no fill stands before them. */
    SET_argmax,    /* the number (last index fastest) of the first largest point; -1 over none */
    SET_argmin,
    /* The number of a point drawn with probability proportional to value; draw is uniform in
       (0,1); -1 if all are 0. */
    SET_choice,
    /* The number of the first point at which value, which never falls, is above draw times
       what it is at the last. */
    SET_search,
    /* The target is subscripted by the outer and the inner indices: the place of each inner point
       when all are sorted by value downwards, ties by their order. */
    SET_rank,
} Set;

struct Stmt {
    StmtKind kind;
    Place place;
    Use *use;
    Str formula;        /* the user's statement, or NULL for one that a pass made */
    bool backward;      /* an adjoint */
    bool update;        /* `:=`, after the gradients */
    bool held;          /* gradcheck keeps its first value */
    /* STMT_nest; target also for the others */
    Tensor *target;
    Expr *sub[MAX_RANK];
    unsigned check;     /* bit k: a write with sub[k] outside is dropped */
    Set set;
    int nindex, nouter; /* nouter == nindex but for whole reductions */
    Index *index[2 * MAX_RANK];
    Expr *where;        /* NULL: everywhere */
    Expr *value;
    Expr *draw;         /* SET_choice, SET_search; STMT_orthogonal */
    /* STMT_scan */
    Index *step;
    bool down;
    StmtList body;
    /* NULL, or the lengths that `until` found so far: leave when all are <= step + 1 */
    Tensor *stop;
    /* STMT_gradient: target = d source / d wrt.  STMT_reshape: target, source */
    /* SET_search: source: where pieces of the range of draws begin, or NULL */
    Tensor *source, *wrt;
};

/* ---- programs ------------------------------------------------------------------------------ */
typedef struct {
    Str name;           /* "reconstruct", "kl(z)", "digit" */
    Str said;           /* the same without regard to `as`, or NULL */
    Str unit;           /* "nats per example", "mean over elements" ... as the log says it */
    /* scalar: weighted mean over the batch as it enters the loss divided by weight */
    Tensor *value;
    Tensor *each;       /* [example], or NULL: a term of the whole batch */
    Tensor *weight;     /* scalar, or NULL: 1 */
    Tensor *units;      /* [example, unit], or NULL: what `each` is the sum of, unit by unit */
    bool metric;        /* not part of the loss */
    Place place;        /* the .ae line that asks for it */
} Term;

typedef struct {        /* a program as ONNX: onnx.c */
    Buf graph;          /* the bytes of a GraphProto but for the weights */
    TensorList weights; /* parameters and states that it reads */
    Str why;            /* NULL, or why there is none */
} OnnxGraph;

typedef struct {
    Str name;           /* "encode", "train", "sweep1" ... a C identifier */
    StmtList body;
    TensorList inputs;  /* ROLE_input tensors that it reads */
    TensorList outputs; /* what the trainer reads afterwards, in order */
    Tensor *loss;       /* scalar, or NULL */
    VEC(Term) terms;
    TensorList trained; /* parameters to differentiate by; grads[k] belongs to trained[k] */
    TensorList grads;
    int training;       /* index of the phase it is the gradient of, or -1 */
    StmtList update;    /* after the gradients: optimizer, then states */
    /* Gradients that the update does without, for who asks for them; only after rows.c. */
    StmtList apart;
    StmtList once;          /* before the first run after states have changed; only after once.c */
    StmtList begin, end;    /* a sweep: before the first batch, after the last */
    int every;          /* a sweep: 0 once at the start of the phase, 1 each epoch, 2 each step */
    long arena;         /* bytes of temporaries, once planned */
    const OnnxGraph *onnx;  /* NULL: nobody asks for it */
} Program;

typedef VEC(Program *) ProgramList;

/* A parameter whose gradient is other than 0 in the listed rows alone, along its first axis. */
typedef struct {
    Tensor *table, *rows;       /* rows: NULL where the gradient is computed `apart` */
} RowTable;

typedef struct {        /* a phase: what the trainer needs to run it */
    Str name;
    Place place;
    Program *gradient;  /* forward and backward; its `update` is the optimizer's and the states' */
    ProgramList sweeps;
    Program *start;             /* copies and initial values that read others; NULL */
    Program *evaluate;          /* the same terms and metrics with training = 0 */
    TensorList states;          /* the optimizer's */
    int batch;                  /* examples a step; 0: all */
    /* labels: 0 all; early_stop: 0 never, else epochs without progress */
    int epochs, labels, accumulate, early_stop;
    bool drop_last;
    double clip;                /* 0: none; else the largest norm of the whole gradient */
    unsigned long seed;
    VEC(RowTable) tables;       /* rows.c */
    /* [example], or NULL: in sum more than any element of the gradients that are computed apart */
    Tensor *bound;
} Phase;

typedef struct {
    Str name;           /* "x" */
    Str kind;           /* vector image sequence tokens; class labels real classmap boxes tokens */
    Tensor *tensor;     /* [batch, ...] */
    Tensor *length;     /* or NULL */
    Tensor *has;    /* labels: int[batch], 1 where the row has one; or NULL when nothing asks */
    int classes;        /* 0: not whole numbers */
    bool label;
    Place place;
} Input;

typedef struct {
    Str split;          /* train, test */
    Str kind;           /* digits idx csv npy npz png cifar text pairs blobs ... */
    VEC(Str) files;
    SettingList args;   /* the rest, constant expressions */
    Place place;
} DataSource;

typedef struct Module {
    Str name;
    const Source *source;
    int batch_max;              /* the size of every example axis */
    VEC(Input) inputs;
    TensorList params, states;  /* in order; params contiguous by offset */
    TensorList temps;           /* every temporary of every program */
    long nparams;               /* elements of the parameter block */
    VEC(DataSource) data;
    SettingList data_settings;
    VEC(Phase *) phases;
    ProgramList programs;       /* encode decode reconstruct sample predict evaluate init ... */
    VEC(Call *) metrics;        /* of `evaluate`, those the trainer computes itself */
    VEC(Str) told;              /* labels that `predict` tells */
} Module;

/* ---- expr.c: expressions -------------------------------------------------------------------- */
Expr *expr_num(double v);                   /* whole if v is */
Expr *expr_real(double v);                  /* never whole */
Expr *expr_index(Index *i);
/* Folds constants and what is safe: x + 0, x * 1, select on a number. */
Expr *expr_op(Op op, Expr *a, Expr *b, Expr *c);
#define OP1(op, a)      expr_op(OP_##op, a, NULL, NULL)
#define OP2(op, a, b)   expr_op(OP_##op, a, b, NULL)
Expr *expr_both(Expr *a, Expr *b);          /* a and b, where NULL is always true */
Expr *expr_read(Tensor *t, Expr **sub, unsigned check, Expr *other);
Expr *expr_scalar(Tensor *t);               /* a read of a tensor without axes */
Expr *expr_stop(Expr *e);
Expr *expr_inside(Expr *read);              /* 1 for a read without checks */
/* Real, be its value whole: it has a slope. */
Expr *expr_byhand(Expr *value, Expr *by, Expr *slope);
Expr *expr_reduce(Reduce by, Index *const *index, int n, Expr *body);   /* over all points; real */
Expr *expr_truth(Expr *e);                  /* 0 or 1 */
bool  expr_is(const Expr *e, double v);     /* is the number v */
bool  is_op(const Expr *e, Op op);
bool  is_index(const Expr *e, const Index *i);      /* the bare index */
Expr *expr_split(Expr *e, double *c);               /* whole x + c or x - c as x and c */
bool  expr_same(const Expr *a, const Expr *b);      /* structurally equal */
bool  expr_among(const ExprList *list, const Expr *e);      /* one like it */
/* Equal when ia[k] is read for ib[k]; false if these differ in size or limit. */
bool  expr_same_under(const Expr *a, Index *const *ia, const Expr *b, Index *const *ib, int n);
/* The direct parts of e, limits aside: k counts from 0 until NULL comes back.
   The place may hold NULL. */
Expr **expr_part(const Expr *e, int k);
/* For each x among e and all in it, the whole before its parts: subscripts, keys and the limits of
 * bound indices included. NULL: nothing. EACH_EXPR_OF: the same for the expressions of a
 * statement: limits, subscripts, where, value, draw, but not its body. ANY_EXPR, ANY_EXPR_OF:
 * whether c holds for one. */
#define EACH_EXPR(x, e)         WALK(x, walk_expr(e))
#define EACH_EXPR_OF(x, s)      WALK(x, walk_stmt(s))
#define ANY_EXPR(x, e, c)       ANY_BY(EACH_EXPR, x, e, c)
#define ANY_EXPR_OF(x, s, c)    ANY_BY(EACH_EXPR_OF, x, s, c)
typedef struct { int from; bool done; } ExprWalk;
ExprWalk walk_expr(Expr *e);
ExprWalk walk_stmt(Stmt *s);
Expr *walk_next(ExprWalk *w);
void  walk_end(ExprWalk *w);
#define WALK(x, walk) \
    for (ExprWalk x##_walk __attribute__((cleanup(walk_end))) = walk; !x##_walk.done; \
         x##_walk.done = true) \
        for (Expr *x; (x = walk_next(&x##_walk)); )
bool  expr_uses(Expr *e, const Index *i);
bool  expr_reads(Expr *e, const TensorList *list);
bool  reads_one_of(const Expr *e, const TensorList *list);  /* e itself is a read of one */
typedef struct { double lo, hi; } Span;     /* infinite where nothing is known */
Span  expr_range(const Expr *e);            /* what its value lies between */
/* e with image() in place of each of its direct parts, limits aside; e itself where
   that changes nothing. */
Expr *expr_map(Expr *e, Expr *(*image)(Expr *, void *), void *with);
Expr *expr_put(Expr *e, Expr *from, Expr *to);    /* e with `to` in the place of this very part */
/* e with from[k] replaced by to[k]; a bound index whose limit changes becomes another. */
Expr *expr_replace(Expr *e, Index **from, Expr **to, int n);

/* ---- build.c: indices, statements, tensors -------------------------------------------------- */
Index *index_new(Str name, int size, Expr *limit);
int   index_among(Index *const *list, int n, const Index *i);       /* its place; -1: none */
/* stmts.c: subscripts are indices of s, each another */
bool  accumulates(const Stmt *s);   /* stmts.c: += *= max= min= */
bool  limits_another(Stmt *s, Index *i);    /* stmts.c: an index of s ends where i tells */
bool  is_extreme(const Stmt *s);    /* stmts.c: max= or min= */
bool  everywhere(const Stmt *s);    /* stmts.c: no condition, check or hold lets points out */
bool  same_subs(Expr *const *a, Expr *const *b, int n);     /* stmts.c */
bool  all_own(const Stmt *s, Expr *const *sub, int rank);
bool  fills(const Stmt *s, const Tensor *t);    /* stmts.c: s sets all of t */
/* stmts.c: makes it set what both come to; false: it is not about the same elements */
bool  add_to_fill(const Stmt *fill, Stmt *add);
bool  same_range(const Index *a, const Index *b);        /* stmts.c */
/* The one by which sub differs from point to point: a bare one, or along the numbers of a list. */
Index *index_told(const Expr *sub);
Stmt *stmt_new(StmtKind kind, Tensor *target, Tensor *source);    /* of another kind than a nest */
Stmt *nest_new(Tensor *target, Set set, Expr *value);       /* no indices yet */
/* of the same place and use */
Stmt *nest_for(const Stmt *of, Tensor *target, Set set, Expr *value);
Stmt *scan_for(Stmt *each, Index *step);    /* of this one statement */
/* Takes those nests out of a scan that need not stay while the others that are marked leave too:
 * they come back, each over all steps at once. In two passes, of which the second may ask for
 * more; nothing leaves a scan that may stop early. */
typedef bool Stays(Stmt *scan, int k, const bool *leaves, int pass, void *with);
StmtList scan_leave(Stmt *scan, Stays *stays, void *with);
void  nest_index(Stmt *s, Index *i);
/* s runs over those indices of another that its value and where need */
void  nest_used(Stmt *s, const Stmt *of);
/* Gives the target one more axis, with i as its subscript; loop: i becomes an index of s. */
void  nest_axis(Stmt *s, Index *i, Axis axis, bool loop);
int   target_axis(const Stmt *s, const Index *i);           /* where i stands alone; -1: nowhere */
/* `where i < limit` becomes the limit of i, if i and no other index depends on it */
void  where_to_limits(Stmt *s);
Expr **stmt_part(Stmt *s, int k);           /* as expr_part: subscripts, where, value, draw */
void  stmt_map(Stmt *s, Expr *(*image)(Expr *, void *), void *with);    /* in place; limits stay */
void  stmt_replace(Stmt *s, Index **from, Expr **to, int n);    /* in place, limits and body too */
/* Adds all that those needed depend on, in whatever way. */
void find_needed(StmtList *list, TensorList *needed);
/* All that s itself names, once each: what it writes comes first. */
TensorList stmt_tensors(Stmt *s);
TensorList written_by(StmtList *list);      /* scans' bodies included, once for each statement */
/* For each statement of a list, or of a program, scans' bodies included. */
#define EACH_STMT(s, list)      EACH(s, stmts_all(list))
#define EACH_STMT_OF(s, p)      EACH(s, stmts_of(p))
StmtList stmts_all(const StmtList *list);
StmtList stmts_of(Program *p);
StmtList *program_part(Program *p, int k);  /* once, begin, body, update, apart, end; then NULL */
/* names.c: a C identifier made from base that no other tensor or caller has */
Str fresh_cname(Str base);
/* With a cname; a ROLE_temp joins m->temps. */
Tensor *tensor_new(Module *m, Str name, Role role, Elem elem);
typedef VEC(Str) StrList;
void  names_of(StrList *names, Program *p); /* of all that its statements write */
/* Called name, or name2 ..., which then is one of names. */
Tensor *temp_named(Module *m, StrList *names, Str name, Elem elem, Place place);
/* Real, and called t.what, or t.what2 ... */
Tensor *temp_beside(Module *m, StrList *names, const Tensor *t, Str what, Place place);
enum { COUNT_MOST_BITS = 48 };
/* More than any program holds, and sums of it are no overflow. */
#define COUNT_MOST (1L << COUNT_MOST_BITS)
long  tensor_count(const Tensor *t);        /* elements that are stored, at most COUNT_MOST */
Tensor *shaped(Tensor *t, const Axis *axis, int rank);      /* t, with these axes */
/* Parts of one block that have elements in common. */
bool  stretches_meet(const Tensor *a, const Tensor *b);
long  axis_room(const Tensor *t, int k);    /* of an axis, margins included */
/* An axis for i to run along, like those at which it stands alone in s or `also`. */
Axis  axis_along(Index *i, Stmt *s, Expr *also);
/* An index over axis k of t, as long as that is; sub: the subscripts chosen so far,
   those of examples first. */
Index *index_of_axis(const Tensor *t, int k, Expr *const *sub);
Expr  *example_at(const Tensor *length, const Axis *a, Expr *at);

/* ---- winner.c: the point that decides a max= or min= ---------------------------------------- */
/* A statement that finds its number, -1: there is none. */
Stmt *winner_find(Module *m, StrList *names, Stmt *s);
/* `=` in place of max= or min=: the value at that point */
Stmt *winner_value(Stmt *s, Tensor *winner);
/* The indices of the point with this number, the last of them fastest. */
void  point_decode(Expr *number, Index *const *index, Expr **to, int n);

/* ---- direct.c: an accumulation onto a gradient that becomes one onto the parameter ---------- */
/* Statement `at` of the body says the same when the update says it. */
bool  direct_fits(Program *p, int at);
/* param += rate * what is added to the gradient */
Stmt *direct_update(Stmt *add, Tensor *param, Expr *rate);
void  direct_bound(Module *m, Stmt *add, Tensor **bound, StmtList *out);

/* ---- the stages, in order ------------------------------------------------------------------- */
/* NULL after errors */
Module *elaborate(File *file, const Source *const *use, int nuse, Setting *defines, int ndefines);
void split(Module *m, Program *p);          /* no EXPR_reduce stays */
/* A draw by weights that are everywhere the same is a search in their sums. */
void search(Module *m, Program *p);
/* No STMT_gradient stays; adds the gradient of p->loss by p->trained. */
void differentiate(Module *m, Program *p);
/* Stop, byhand gone; dead statements gone; common reads of one point shared. */
void simplify(Module *m, Program *p);
/* With --mpi: names what makes other of a batch than of its parts; changes nothing. */
void couples(Module *m, Program *p);
/* Read by more than statements: an output, the loss, a part of a term. */
bool is_kept(const Program *p, const Tensor *t);
/* For gradcheck builds: what must be held stands in statements of its own. */
void hold(Module *m, Program *p);
void factor(Module *m, Program *p);         /* fast schedule: fewer products for the same sums */
/* Fast schedule: what products want side by side is the last axis. */
void order_axes(Module *m, Program *p);
/* Fast schedule: tables are cleared and updated by the rows that a step touched. */
void rows(Module *m, Program *p);
/* Fast schedule: what follows from states alone leaves the body. */
void once(Module *m, Program *p);
void verify(Program *p, Str after);          /* bug() where the form is broken */
void program_print(Buf *b, Program *p);      /* in the language's notation */
void stmt_print(Buf *b, Stmt *s);           /* one statement, for messages */

typedef struct {
    bool fast;          /* schedule */
    bool f64;
    bool check;    /* a gradcheck build: held statements are emitted under `if (!ae_clock.hold)` */
    bool openblas;
    bool profile;       /* every call of a function is timed, for `bench --profile` */
    bool mpi;           /* a run is one of several ranks, each with its part of the batch */
    Buf *plan;          /* where the arena is drawn; NULL: nowhere */
} EmitOptions;
/* The model's C, one file; false after a report. */
bool emit(Buf *out, Module *m, EmitOptions how);
/* library.c: what the trainer exports, another */
void exports_print(Buf *b, Module *m, EmitOptions how);
/* onnx.c: of a program that uses a trained model, its ONNX graph */
void onnx_program(Module *m, Program *p);
void onnx_print(Buf *b, Module *m, bool check);     /* these graphs, for the trainer to write */
/* Likewise. */
bool storage_fits(const Module *m, double bytes, const Tensor *largest, double its);

#endif
