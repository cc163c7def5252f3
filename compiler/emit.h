/* emit.h -- what the files of the emitter share: C variables, loop trees, functions.
 *
 * emit() copies every statement, so that each has indices of its own; fuse.c puts statements into
 * loops and lets the inner ones use the indices of the outer; emit_nest.c prints what came out.
 * Storage belongs to a Var: temporaries of the same name and shape in several programs share one,
 * since programs run one at a time and keep nothing in temporaries between runs. */
#ifndef EMIT_H
#define EMIT_H
#include "program.h"

/* ---- C variables ---------------------------------------------------------------------------- */
typedef struct {    /* a variable in one program; statements count on from program to program */
    int program, born, dies;
    int first, last;        /* epochs: stretches between barriers */
    int first_region, last_region;    /* the first to use it, of its first and of its last epoch */
    bool rows_first, rows_last;         /* all uses of that epoch are at the rows of a tile */
    bool stays;             /* read after the run */
} Life;

typedef struct Var Var;
struct Var {
    Tensor *tensor;         /* the first that it stands for: its shape and name */
    Str name;               /* its identifier */
    Str text;               /* how expressions call it: x, p.encoder_dense1_w */
    Str extent[MAX_RANK];   /* the sizes as text: BATCH, 128 */
    int axis;               /* number of its first axis among all, for extents.c */
    Var *alias;             /* a reshape that shares the storage of this one; NULL */
    /* Holds its value between runs, or is read after one: shares its place with nobody. */
    bool keep;
    bool used;              /* appears in the text */
    bool is_const;          /* never written */
    VEC(Life) lives;        /* plan.c: in each program that uses it */
};

typedef struct {
    Tensor *tensor;
    Var *var;
    Str local;              /* the scalar it is at this place of the text; NULL */
    /* Becomes a scalar in the nest that sets it: 1 once, 2 and accumulates; 0: does not. */
    int scalar;
} Info;
typedef struct {
    Index *index;
    Str name;               /* in force */
    Var *var;               /* whose axis is its extent; NULL: a number */
    int axis;
    bool tile;              /* runs from lo to hi */
} IndexInfo;

/* ---- loop trees ----------------------------------------------------------------------------- */
typedef enum { NODE_point, NODE_loop, NODE_scan, NODE_gemm, NODE_call } NodeKind;
typedef struct Node Node;
typedef VEC(Node *) NodeList;
typedef struct Gemm Gemm;
struct Node {
    NodeKind kind;
    Stmt *stmt;             /* point, scan, gemm; call: reshape, orthogonal */
    Index *index;           /* loop, scan */
    NodeList body;          /* loop, scan */
    bool tile;              /* the loop runs from lo to hi */
    Gemm *gemm;
};

typedef struct Func Func;
typedef struct {            /* loops that functions have in common: share.c */
    Str form;               /* what is the same in all */
    Str name, takes, text;  /* parameters and loops, in the names of the first */
    VEC(Func *) funcs;
} Shared;

typedef struct {            /* a stretch of a function's text */
    NodeList nodes;         /* that it prints */
    size_t from;
    Shared *shared;         /* what it may be a call of; NULL: nothing */
    Str gives;              /* with these arguments */
} Piece;

struct Func {               /* one function of the emitted file */
    Str name, wish;         /* wish: what it would be called if it were alone */
    Program *program;       /* that it was printed for */
    Use *use;               /* the first; NULL: nobody's */
    VEC(Use *) uses;        /* all */
    bool backward, update;
    StmtList stmts;
    NodeList body;
    Index *tile;            /* fast: the index that lo and hi bound */
    VEC(Piece) pieces;      /* of the text, in order */
    Buf head, text;
};

typedef enum {
    PART_run, PART_once, PART_update, PART_apart, PART_begin, PART_end, PART_COUNT
} Part;

typedef struct {            /* funcs that need no barrier between them */
    VEC(Func *) funcs;
    Index *tile;            /* NULL: done by one thread */
    int step;               /* of the tile; 0: one piece for each thread */
    bool rows;              /* the tile is of examples */
    bool wait;              /* a barrier stands before it */
    StmtList stmts;         /* in order */
} Region;

typedef struct {            /* one entry of the descriptor: what run() or update() points to */
    Program *program;
    Part part;
    Str name;               /* of the C function; NULL: nothing to do */
    StmtList stmts;         /* copies */
    VEC(Func *) funcs;    /* plain, in order */
    VEC(Region *) regions;  /* fast */
    double work;            /* operations, about */
} Run;

/* One of a row; first: the key where the row's begin. */
typedef struct { Expr *draw; Str name; int first; } Drawn;
typedef struct { Expr *is; Str name; } Local;       /* what stands in a local */

typedef struct {
    Module *m;
    EmitOptions how;
    Str real;               /* float, double */
    VEC(Info) info;         /* by Tensor.mark */
    VEC(IndexInfo) indices; /* by Index.mark */
    VEC(Var *) vars;
    const Stmt *scan;       /* whose steps are printed; NULL: none's */
    VEC(Str) scope;         /* names of indices and locals in force */
    VEC(Run *) runs;
    VEC(Func *) functions; /* printed, no two alike */
    VEC(Shared *) shared;
    VEC(Var *) by_text;     /* vars in the order of their texts' addresses */
    ProgramList programs;       /* all: phases' first */
    VEC(Local) locals;      /* for the loops and the statement being printed */
    VEC(Drawn) drawn;       /* for the loops being printed */
    VEC(Local) inverses;    /* of divisors, for the loops being printed */
    int exact;              /* within what becomes a whole number */
    int naxes;
    Index *lo;              /* stands for the name lo */
    bool blas;
    bool tile;              /* the function being printed has lo and hi */
    /* The programs of a library, for one example; NULL: the trainer's, all. */
    const StrList *library;
} Emit;

/* ---- names.c -------------------------------------------------------------------------------- */
void names_reset(void);
Str  names_claim(Str wish);    /* an identifier nobody has: wish, or wish with a number */
bool names_taken(Str name);
Str  names_upper(Str name);                 /* ENCODER_DENSE1_W from encoder.dense1.w */
Str  names_lower(Str name);                 /* encoder_dense1_w */
/* A name for an index or a local, in force until scope_leave. */
Str  scope_enter(Emit *e, Str wish);
void scope_leave(Emit *e, int depth);       /* back to depth names */

/* ---- emit.c --------------------------------------------------------------------------------- */
Emit *emit_functions(Module *m, EmitOptions how, const StrList *library);
void functions_print(Emit *e, Buf *b);
void order_all(Emit *e, StmtList *list);     /* the loops of each statement: order_loops */
void run_print(Emit *e, Buf *b, Run *r);

/* ---- vars.c --------------------------------------------------------------------------------- */
Info *info_of(Emit *e, Tensor *t);
Var  *var_of(Emit *e, Tensor *t);
Var  *var_share(Emit *e, Tensor *t, Var **but, int n);
Var  *var_root(Var *v);                     /* the one whose storage it is */
Var  *var_used(Emit *e, Tensor *t);         /* of which the text says something */
void  vars_collect(Emit *e);                /* a Var for every tensor of the module */
void  vars_alias(Emit *e);                  /* reshapes that can be aliases become so */
void  vars_print(Emit *e, Buf *b);          /* their declarations */
double plan_bytes(Emit *e);                 /* plan.c: of all places for temporaries */
bool  check_storage(Emit *e);    /* storage.c: a program can hold them; false after a report */
long  count_emitted(Emit *e, const Tensor *t);
long  tensor_bytes(Emit *e, const Tensor *t);       /* stmts.c: as it is stored */
void  var_print(Emit *e, Buf *b, Var *v, const char *before);
Str   extents_text(Var *v, int from);       /* [BATCH][128], from this axis on */
IndexInfo *index_info(Emit *e, Index *i);

/* ---- extents.c ------------------------------------------------------------------------------ */
void extents_find(Emit *e);    /* names sizes: Var.extent, and the axis of each index */
void extents_print(Emit *e, Buf *b, const char *body);    /* the enum of those that the text has */
Str  extent_text(Emit *e, Index *i);
int  extent_size(Str name);                 /* 0: no extent is called so */

/* ---- stmts.c: asking statements ------------------------------------------------------------- */
Stmt *stmt_copy(Emit *e, Stmt *s);          /* with indices of its own */
void  stmt_drop_ones(Stmt *s);              /* indices that only ever are 0 */
typedef struct {
    Tensor *tensor;
    Expr **sub;             /* NULL: anywhere */
    Stmt *stmt;             /* whose indices the subscripts have */
    bool write;
    int set;    /* an accumulation, which another of the same kind may pass: its Set; else -1 */
} Access;
typedef VEC(Access) AccessList;
AccessList stmt_accesses(Stmt *s);          /* all it touches, scans' bodies included */
bool  affine(Expr *e, Index *i, long *by);  /* e = by * i + something without i */
/* What a whole expression lies between; false: not known. */
bool  bounds(Expr *e, long *lo, long *hi);
/* Without those that cannot fail. */
unsigned checks_needed(Tensor *t, Expr **sub, unsigned check);
/* Elements from one i to the next. */
long  index_stride(Expr *read_sub[], Tensor *t, Index *i, bool *known);
bool  reduces(Stmt *s, Index *i);           /* i stands in no subscript of the target */
bool  uses_own(Stmt *s, Expr *x);           /* an index of s */
/* It stands alone on an axis of examples of what s touches. */
bool  tells_example(Stmt *s, Index *i);
double stmt_points(Stmt *s);

/* ---- fuse.c --------------------------------------------------------------------------------- */
void order_loops(Emit *e, Stmt *s);         /* the order of the indices of a nest */
/* Where the chain of pointwise statements begins that ends at `at`. */
int chain_start(Emit *e, StmtList *list, int at);
/* The loop tree of statements, in order, sharing what may be shared. */
NodeList fuse(Emit *e, const StmtList *list);
void fuse_into(Emit *e, NodeList *list, Stmt *s, Stmt *next, Index *tile);
bool fuse_whole(Emit *e, Node *into, Stmt *s);
bool is_alias(Emit *e, Stmt *s);            /* a reshape that copies nothing */
/* Where two accesses of one variable meet, the index ia of the first has the
   value of ib of the second. */
bool meet_alike(Emit *e, const Access *a, Index *ia, const Access *b, Index *ib);
bool conflict(Emit *e, const Access *a, const Access *b);       /* the same storage, one writes */
bool depends(Emit *e, Stmt *a, Stmt *b);    /* one writes what the other touches */

/* ---- regions.c, plan.c, gemm.c: the fast schedule ------------------------------------------- */
void prepare(Emit *e);    /* statements as threads want them: partial sums, scans torn apart */
void margins_find(Emit *e);                 /* of all runs: which temporaries lie within zeros */
StmtList halo(Emit *e, StmtList *list);     /* products that read over a border read zeros there */
void regions(Emit *e, Run *r);              /* what may run between two barriers */
void regions_print(Emit *e, Buf *b, Run *r);
void enter_print(Emit *e, Buf *b);
void plan(Emit *e);
void plan_print(Emit *e, Buf *b);          /* the arena */
void plan_draw(Emit *e, Buf *b);
Gemm *gemm_find(Emit *e, Stmt *s, Index *tile);     /* NULL: no contraction, or too small a one */
Index *gemm_best_tile(Gemm *g, Stmt *s);    /* what threads should share; NULL: any */
bool gemm_tiles(Gemm *g, Index *i);         /* i may run from lo to hi */
bool gemm_clear(Emit *e, Gemm *g, Stmt *s, Stmt *fill);
void gemm_print(Emit *e, Buf *b, Node *n, int depth);
/* false: there is nothing to keep */
bool gemm_keep_print(Emit *e, Buf *b, Node *scan, int depth);

/* ---- emit_expr.c ---------------------------------------------------------------------------- */
Str  expr_text(Emit *e, Expr *x, int above);  /* in parentheses where it binds less than `above` */
Str  truth_text(Emit *e, Expr *x, int above);
Str  place_text(Emit *e, Tensor *t, Expr **sub);    /* x[n][i + 1] */
Str  part_text(Emit *e, Tensor *t, Expr **sub, int n);      /* the first n subscripts alone */
/* The checks; NULL: there is nothing to check. */
Str  inside_text(Emit *e, Tensor *t, Expr **sub, unsigned check);
Str  real_text(Emit *e, double v);
Str  limit_text(Emit *e, Index *i);
enum {
    BINDS_comma = 1, BINDS_cond, BINDS_or, BINDS_and, BINDS_eq = 8, BINDS_less, BINDS_add = 11,
    BINDS_mul, BINDS_unary, BINDS_all
};

/* ---- draws.c -------------------------------------------------------------------------------- */
Str  draw_text(Emit *e, Expr *x);
/* In e->drawn after it. */
void draws_print(Emit *e, Buf *b, Node *loop, Str from, Str to, int depth);

/* ---- divisors.c ----------------------------------------------------------------------------- */
/* x in a local, which stands for it from here on */
void local_print(Emit *e, Buf *b, const char *type, Str wish, Expr *x, int depth);
Str  local_of(Emit *e, Expr *x);            /* NULL: there is none */
/* In e->locals and e->inverses after it. */
void divisors_print(Emit *e, Buf *b, Node *loop, int depth);
Str  inverse_of(Emit *e, Expr *x);

/* ---- emit_nest.c ---------------------------------------------------------------------------- */
Str  target_text(Emit *e, Stmt *s);         /* the element that s sets */
const char *elem_type(Emit *e, const Tensor *t);
Str  last_word(Str name);                   /* w of encoder.dense1.w */
Stmt *only_point(const Node *n);            /* all that stands in these loops; NULL: more */
bool loops_use(const Node *n, Expr *x);     /* an index of n, or of a loop within it */
void whole_print(Emit *e, Buf *b, Stmt *s, int depth);      /* emit_whole.c */
void nodes_print(Emit *e, Buf *b, NodeList *list, int depth);
int  nodes_together(Emit *e, NodeList *list, int k);    /* how many from k on are printed as one */
void brace_open(Buf *b);                    /* behind the line just written */
/* from NULL: downwards from to - 1 */
void tile_open(Emit *e, Buf *b, Index *i, bool tile, int depth);  /* from lo to hi, or all of it */
void loop_open(Emit *e, Buf *b, Index *i, Str from, Str to, int depth);

/* ---- fetch.c -------------------------------------------------------------------------------- */
void fetches_print(Emit *e, Buf *b, Stmt *s, int depth);
/* Within the loop n, which runs up to `to`. */
void ahead_print(Emit *e, Buf *b, const Node *n, Str to, int depth);

/* ---- inside.c, loads.c ---------------------------------------------------------------------- */
/* Narrows them, and takes the checks away. */
void bounds_of_loop(Emit *e, Node *loop, Str *from, Str *to);
bool  lies_inside(const Expr *read);        /* whatever its indices are */
/* What is read under conditions only and may be read always. */
ExprList loads_of(Emit *e, Stmt *s);
void loads_print(Emit *e, Buf *b, Stmt *s, int depth);

/* ---- emit_head.c: comments ------------------------------------------------------------------ */
Str  comment_text(Str text);                /* printable, and no way out of the comment */
void put_lines(Buf *b, const char *text);   /* a C string literal for each line */
Str  place_name(Place p);                   /* model.ae:24 */
void func_head(Func *f);
Str  func_words(Func *f);                   /* the same as one line, for a table */
void file_head(Emit *e, Buf *b);
bool func_fits(Func *f, Stmt *s);            /* s is of its use and direction */
Func *func_new(Stmt *s);                    /* emit.c: of its direction, still without it */
void func_add(Func *f, Stmt *s);
double flops_of(Emit *e);                   /* of a training step; emit.c */
double flops_of_func(Func *f);              /* of all its tiles */
Str  func_call(Emit *e, Func *f, const char *arguments);    /* timed, in a build to be profiled */
Str  run_name(Emit *e, Program *p, Part part);    /* of its C function; NULL: nothing to do */

/* ---- wrap.c --------------------------------------------------------------------------------- */
void wrap(Buf *out, const char *text);
void wrap_words(Buf *b, Str words, size_t line, size_t column);     /* a comment's, on from b */

/* ---- share.c -------------------------------------------------------------------------------- */
void share_loops(Emit *e, Func *f);
void shared_calls(const Func *f, Buf *b);
void shared_declare(Emit *e, Buf *b);
void shared_print(Emit *e, Buf *b);

/* ---- emit_model.c, emit_data.c -------------------------------------------------------------- */
void table_field(Buf *b, const char *what, Str table, int n);
/* Nothing where there are no rows. */
void table_print(Buf *b, const char *type, Str name, const Buf *rows);
/* Its name; NULL: there are none. */
Str  table_claim(Buf *b, const char *type, Str wish, const Buf *rows);
Str  row_claim(Buf *b, const char *type, Str wish, const Buf *items);    /* the same on one line */
Str  setting_table(Buf *b, Str wish, const SettingList *list);
Str  metric_table(Emit *e, Buf *b);
void sources_print(Emit *e, Buf *b);
void model_print(Emit *e, Buf *b);

#endif
