/* elab.h -- what the files of the elaborator share.
 *
 * elaborate.c   the file's declarations, and the order of everything below
 * inputs.c      input, label, data          phases.c    a phase: settings, step, evaluation, sweeps
 * objectives.c  what a phase minimizes      terms.c     one term of it, and their sum
 * values.c      what tasks are made of      optimize.c  the optimizer's formulas
 * programs.c    encode, decode, sample ...  network.c   blocks of layer calls, views, mirrors
 * instance.c    one use of a definition     statement.c one statement of it
 * assign.c      = += :=                     scan.c      scan and sweep
 * kept.c        parameters and states       scope.c     names, examples, statements without a formula
 * formula.c     one formula: names, ranges, `def`s; syntax in, Expr out
 * settle.c      what is known once a statement is whole: checks of subscripts, sizes of draws
 * blame.c       whose line a mistake is shown at
 *
 * A Scope is one use of a definition. An Env is what is bound around a place of a formula: indices, and
 * the arguments of the `def`s it stands in. */
#ifndef ELAB_H
#define ELAB_H
#include "program.h"

typedef struct Elab Elab;
typedef struct Scope Scope;
typedef struct Net Net;
typedef struct Name Name;
typedef struct Env Env;

/* ---- names of a scope ------------------------------------------------------------------------ */
typedef enum {
    NAME_number,        /* an argument or a `set`: value */
    NAME_pair,          /* an argument a..b: value, hi */
    NAME_axis,          /* axis */
    NAME_tensor,        /* tensor, with the subscripts of its declaration */
    NAME_net,           /* net: also an argument that is a net or a view */
    NAME_tensors,       /* the parameters of a net, `weights`: list */
    NAME_function,      /* a local def */
} NameKind;

struct Name {
    NameKind kind;
    Str name;
    Place place;
    Expr *value, *hi;
    Axis axis;
    Tensor *tensor;
    SynList shape;          /* how it was declared or defined: for use without subscripts */
    int samples;            /* > 0: declared [n, s, ..]; the examples of `tensor` are n * samples + s */
    Syn *of;                /* in y[n] of k: k as written */
    Expr *tied;             /* the parameter is this read of another's; its own subscripts are the indices in tied_at */
    Index *tied_at[MAX_RANK];
    Net *net;
    TensorList list;
    Function *function;
    bool defined;           /* has its `=`, or its first `+=` */
};

typedef struct { const Syn *at; Str site; int number; } Drawn;
typedef struct { Str name; Tensor *tensor; Place place; } ScopeTerm;

struct Scope {
    Elab *e;
    Decl *def;              /* NULL: the model itself, or a task's own */
    Str path;               /* of parameters and states: "encoder.dense1" */
    Str draws;              /* of draws: the same, and which application of the net it is */
    Use *use;
    VEC(Name *) names;
    Axis dots[MAX_RANK];    /* `..` */
    int ndots;
    bool has_dots;
    int mult;               /* the largest number of samples an input has, at least 1 */
    int samples;            /* a latent with samples = k: its draws have k for each example */
    bool training;
    VEC(Drawn) drawn;
    VEC(ScopeTerm) terms;
    Tensor *result;         /* the first out, the sample or the mean, `value` */
    Tensor *mean, *nll;     /* of a likelihood */
    TensorList outs;
    Call *call;             /* of a layer in a network: what `mirror` needs */
    Tensor *input;
    Scope *around;          /* where its arguments were written */
    Scope *up;              /* a task's: names not found here are the model's */
    bool trains;            /* not frozen */
    Str copy_of;            /* a copy's layer: the path it copies, as a prefix; NULL */
    Str copy_to;
    Scope *tied_to;         /* a mirror with tied weights: the layer it mirrors */
    Net *net;               /* the net it is a layer of */
    Net *uses;              /* in a net's list of layers: another net, applied here */
    int holds;              /* there: a block around so many of the layers before it */
};

/* ---- environments of a formula ------------------------------------------------------------- */
typedef struct Ctx {
    Scope *names;           /* where names are looked up */
    Scope *user;            /* whose statement it is: draws, training */
    bool sizes;             /* names of axes are their sizes: shapes, arguments, initial values */
    bool floors;            /* `/` rounds down: subscripts, shapes, ranges, set */
    Str site;               /* path of the `def` calls around; "" outside of all */
} Ctx;

typedef enum { ENV_expr, ENV_dots, ENV_thunk, ENV_group, ENV_tensor, ENV_call } EnvKind;
/* ENV_call parts the body of a `def` from the place of its call, which is `outer`. */

struct Env {
    Env *up;
    EnvKind kind;
    Str name;
    Expr *value;                            /* ENV_expr: an index or an argument */
    Index *dots[MAX_RANK]; int ndots;       /* ENV_dots */
    Syn *syn; Ctx ctx; Env *outer;          /* ENV_thunk: the operand where it was written; ENV_group: its indices there */
    Str group;                              /* ENV_thunk: the index of the def it runs with */
    SynList *indices; Syn *where;           /* ENV_group */
    Env *bound;                             /* ENV_group: `outer` with the indices bound; NULL: not bound yet */
    Name *tensor;                           /* ENV_tensor */
    bool lent;                              /* an axis of a def's tensor: bound at the call, free to be bound anew */
};

/* ---- nets --------------------------------------------------------------------------------------- */
typedef enum { NET_block, NET_encoder, NET_bottleneck, NET_decoder, NET_views, NET_copy, NET_library } NetKind;

struct Net {
    NetKind kind;
    Str name, path;
    Place place;
    Block *block;
    Decl *decl;             /* of the model's declaration; NULL for nets inside definitions */
    Scope *within;          /* where its arguments are resolved */
    Net *source;            /* NET_copy */
    int applied;            /* how often in this program */
    bool frozen;
    VEC(Scope *) layers;    /* of its first application in this program, in order: for mirror */
    TensorList params;      /* all, over all programs */
    Tensor *result;         /* of its application to x, in this program */
    Net *outer;             /* the net being applied around it */
    Str copy_of;            /* a copy: the path of its source */
};

/* ---- the elaborator ----------------------------------------------------------------------------- */
typedef struct { Tensor *tensor; Scope *scope; } Producer;
typedef struct { Str path; Stat *stat; Tensor *target; } SweepAsked;
typedef struct { Str name; Tensor *tensor; } Named;
typedef struct Using { Use *use; struct Using *up; } Using;

enum { WANT_sample, WANT_mean, WANT_prior };

struct Elab {
    Module *m;
    File *file;
    VEC(Decl *) library;        /* definitions, the user's first */
    VEC(Function *) functions;
    Scope *root;                /* the model's own names: set, inputs, nets */
    Scope *bare;                /* no names: the bodies of `def`s at the top */
    int want;                   /* of a latent: WANT_sample, WANT_mean, WANT_prior */
    Tensor *clock_batch, *clock_step, *clock_epoch, *clock_epochs, *clock_examples;
    TensorList clocks;          /* batch * k */
    VEC(Net *) nets;
    Net *encoder, *bottleneck, *decoder;

    /* of the program being made */
    Program *p;
    StmtList *out;
    StmtList *updates;
    bool training, predicting, corrupting;
    Phase *phase;
    VEC(Producer) producers;
    VEC(Named) as;              /* names given by `as`, and results of x */
    Expr *guard;                /* inside a scan: t < length[n], as a function of the index bound as `n` */
    struct Scan *scan;
    bool trial;                 /* finding shapes: nothing is reported or added */
    bool poisoned;              /* a trial met something not yet known */
    int failed;                 /* errors of this statement: one message each */
    bool retry;                 /* a size was asked for before it was known */
    VEC(SweepAsked) sweeps;     /* met in this program */
    SweepAsked *sweeping;       /* the program being made is this sweep's */
    Program *init, *start;
    TensorList made;            /* parameters and states whose initial values are written */
    TensorList used;            /* parameters of nets not frozen, met in this program */
    StrList frozen;             /* names given by `as` to layers that the phase freezes */
    int param_k;                /* params(f)[i]: which of the parameters */
    int samples;                /* of the latent about to be used */
    bool once;                  /* a single draw, whatever `samples` says */
    Scope *tied;                /* of the layer about to be used: what it mirrors with tied weights */
    VEC(Named) given;           /* of the layer about to be used: inputs that were named, m = h */
    Net *applying;              /* innermost net being applied */
    Using *using;               /* definitions being used, innermost first */
};

typedef struct Scan {           /* the scan being elaborated, innermost */
    struct Scan *up;
    Str name;
    Index *step;
    bool down;
    Axis axis;
    TensorList written;         /* whose axis of the step is at_axis */
    VEC(int) at_axis;
    VEC(Str) names;             /* of all targets of the body */
    TensorList done;            /* written above in this step */
    Tensor *stop;
    TensorList stop_axes;
} Scan;

/* ---- formula.c ---------------------------------------------------------------------------------- */
Expr *lower(Ctx *c, Syn *s, Env *env);
Expr *lower_whole(Ctx *c, Syn *s, Env *env);        /* with `/` rounding down */
bool  constant(Ctx *c, Syn *s, double *value);      /* false after a report */
int   size_of(Ctx *c, Syn *s);                      /* a whole number of at least 0; reports, gives 1 */
Env  *bind_index(Ctx *c, Env *up, Str name, Syn *range, Index **made);
Env  *bind_expr(Env *up, Str name, Expr *value);
Env  *bind_dots(Scope *s, Env *up);
void  unify(Elab *e, Index *i, const Axis *axis, Expr *example, Place place);
Ctx   formula_ctx(Scope *s);
Ctx   size_ctx(Scope *s);
/* Names that stand free in e: neither bound, nor an argument, nor a tensor. For `+=`, `:=` and `until`. */
void  free_names(Ctx *c, Syn *s, Env *env, StrList *found);
bool  hard_whole(Expr *e);                          /* whole, and not only by its numbers */
Function *find_function(Scope *s, Str name);
int   builtin_op(Str name);                         /* a scalar function of one argument: its Op; else -1 */

/* ---- blame.c ------------------------------------------------------------------------------------ */
Place blame(Elab *e, Place p);                      /* the user's line for a mistake found at p */
void  blame_note(Elab *e, Place p);                 /* and where in the prelude it was found */
/* After a report: did you mean ...? Where nothing is near: `what`, which may be NULL, and all the names. */
void  suggest(Str word, const StrList *names, const char *what);
void  suggest_definition(Elab *e, Str role, Str word);
bool  suggest_role(Elab *e, Str name);
bool  suggest_term(Elab *e, Str name);
bool  names_term(Elab *e, Str name);                /* some definition has a term of this name */
const Entry *entry_in(const Decl *def, int at);     /* its inputs and targets, in order; NULL behind the last */
bool  takes_alike(const Decl *def);                 /* two inputs of the same axes */
void  note_condition(Scope *s, Syn *condition);     /* a broken `require`, in numbers */
void  suggest_fit(Elab *e, Net *net, const Tensor *target);

/* One message for a statement; in a trial none. FAILS() tells whether it was given. */
#define FAILS(e, place, ...) \
    ((e)->trial || (e)->failed++ ? ((e)->poisoned = true, false) : (SAY(e, place, __VA_ARGS__), true))
#define FAIL(e, place, ...) ((void) FAILS(e, place, __VA_ARGS__))
#define SAY(e, place, ...) (report(blame(e, place), __VA_ARGS__), blame_note(e, place))

/* ---- settle.c ----------------------------------------------------------------------------------- */
int  most_of(Expr *e);
void  settle(Elab *e, Stmt *s, Place place);

/* ---- instance.c --------------------------------------------------------------------------------- */
Name *name_find(Scope *s, Str name, NameKind kind);
Name *name_any(Scope *s, Str name);
Name *name_add(Scope *s, NameKind kind, Str name, Place place);
Scope *scope_new(Elab *e, Scope *around, Decl *def, Str path, Str draws, Use *use);
Tensor *temp_new(Elab *e, Scope *s, Str name, Elem elem);
/* One use of the first definition called `name` of this role whose shapes fit; NULL after a report. */
Scope *instantiate(Elab *e, Scope *around, Str role, Str name, ArgList *args, Tensor **in, int nin,
                   Str path, Str draws, Use *use, Place place);
Decl *find_definition(Elab *e, Str role, Str name);
bool  definition_fits(Elab *e, Str role, Str name, ArgList *args, Tensor **in, int nin);
void  add_stmt(Elab *e, Scope *s, Stmt *st, Place place, Str formula);
Tensor *clock_times(Elab *e, int mult);             /* examples present, times mult */
Axis  example_axis(Elab *e, int mult);
int   mult_of(Elab *e, const Tensor *t);            /* samples of each example; 0: no example axis */
Str   shape_text(const Tensor *t);
/* y[..] = f(x[..]) for every element; make() gives the value from reads of the operands at the point. */
Tensor *elementwise(Elab *e, Scope *s, Str name, Tensor **in, int nin, Expr *(*make)(Expr **at, void *with), void *with, Place place);
Tensor *reshaped(Elab *e, Scope *s, Tensor *x, const Axis *axis, int rank, Str name, Place place);
void  seed_initial(Elab *e, Scope *s, Tensor *t, Entry *entry, Env *env, Index **at);
void  elaborate_stat(Scope *s, Stat *st);
bool  bind_arguments(Scope *s, ArgList *args, Place place);

/* ---- network.c ---------------------------------------------------------------------------------- */
Tensor *apply_net(Elab *e, Net *net, Tensor *x, ArgList *more, Place place);
Net  *net_new(Elab *e, NetKind kind, Str name, Str path, Scope *within, Place place);
Tensor *model_input(Elab *e, Str name);             /* x, y as an ordinary tensor; NULL */
Tensor *model_seen(Elab *e);                        /* what the encoder gets: x, corrupted in training */
Tensor *model_result(Elab *e, Str name);            /* z, encoder, decoder, a name given by `as`; NULL */
Scope *producer_of(Elab *e, Tensor *t);
void  check_layers(Elab *e);                        /* every name in every net, before anything is applied */

/* ---- values and predictions ----------------------------------------------------------------------- */
typedef struct {
    Tensor *t;              /* a tensor, or */
    Expr *num;              /* a number, or */
    TensorList list;        /* parameters: `weights` */
    Scope *scope;           /* of the definition that made t */
    bool is_list;
    bool is_term;           /* as an argument or a summand it is one number for each example */
    bool bad;
} Value;

/* What a task or `reconstruct` predicts: the likelihood's mean, and what it is compared with. */
typedef struct { Str name; Tensor *mean, *target; Str label; Place place; } Predicted;
typedef VEC(Predicted) PredictedList;

/* ---- objectives.c ------------------------------------------------------------------------------------ */
void add_metrics(Elab *e, PredictedList *predicted);
Tensor *decoded(Elab *e, Tensor *z);
void objective(Elab *e, Decl *train, PredictedList *predicted);
bool trainers_own(Str name);
Scope *use_reconstruct(Elab *e, Decl *d, Tensor *y, Expr **weight);
void use_task(Elab *e, Decl *use, PredictedList *predicted);

/* ---- programs.c -------------------------------------------------------------------------------------- */
Program *begin_program(Elab *e, Str name, bool training, int want);
void freeze_nets(Elab *e, Decl *train);
bool names_layer(Elab *e, Str name);
void predict_program(Elab *e);
void bound_program(Elab *e);
Str setting_list_name(Syn *s);
void use_programs(Elab *e);

/* ---- phases.c ---------------------------------------------------------------------------------------- */
void phase_programs(Elab *e, Phase *phase, Decl *train);
void phase_settings_of(Elab *e, Phase *p, Decl *d);
Setting *setting_of(Decl *d, const char *name);
void unknown_setting(Elab *e, Setting *s, const char *of, const char *const *known, int n);

/* ---- optimize.c -------------------------------------------------------------------------------------- */
void optimizer_of(Elab *e, Phase *phase, Decl *train);

/* ---- inputs.c ---------------------------------------------------------------------------------------- */
void declare_data(Elab *e, Decl *d);
void declare_input(Elab *e, Decl *d, bool label);

/* ---- elaborate.c ------------------------------------------------------------------------------------- */
Decl *find_decl(Elab *e, DeclKind kind);

/* ---- values.c ---------------------------------------------------------------------------------------- */
Index *index_along(const Axis *a, Str name, Expr *example);
Syn *peel(Elab *e, Scope *task, Syn *s, Expr **weight);
Expr *reduce_over(Index **index, int n, Expr *body);
Value value_of(Elab *e, Scope *task, Syn *s);
Str words_of(Syn *s);

/* ---- terms.c ----------------------------------------------------------------------------------------- */
void add_term(Elab *e, Str name, Str unit, Tensor *t, Expr *weight, Tensor *has, bool metric, Place place);
Scope *plain_scope(Elab *e, Str path, Str words, Place place);
void sum_terms(Elab *e);

/* ---- scope.c ----------------------------------------------------------------------------------------- */
int all_along(Tensor *t, Index **index);
Index *along(Tensor *t, int k, Index *example);
Stmt *over(Tensor *t, Index **index, Set set, Expr *value);
Expr *read_at(Tensor *t, Index **index);

/* ---- kept.c ------------------------------------------------------------------------------------------ */
void declare_kept(Scope *s, Entry *entry, bool param);
bool declare_tied(Scope *s, Entry *entry);
Tensor *find_named(TensorList *list, Str name);
void shape_of_entry(Scope *s, Entry *entry, Tensor *t);

/* ---- assign.c ---------------------------------------------------------------------------------------- */
bool assign(Scope *s, Stat *st, Env *env);
Stmt *fill(Tensor *t, double v);
Tensor *length_of(Index *i, Elab *e);

/* ---- scan.c ------------------------------------------------------------------------------------------ */
void elaborate_scan(Scope *s, Stat *st, Env *env);
void elaborate_sweep(Scope *s, Stat *st);

#endif
