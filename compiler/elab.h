/* elab.h -- what the files of the elaborator share.
 *
 * elaborate.c   the file's declarations, and the order of everything below
 * inputs.c      input, label                sources.c   data
 * phases.c      a phase: settings, step, evaluation, sweeps
 * objectives.c  what a phase minimizes      terms.c     one term of it, and their sum
 * metrics.c     what it is judged by        optimize.c  the optimizer's formulas
 * values.c      what tasks are made of      programs.c  encode, decode, sample ...
 * network.c     blocks of layer calls       mirror.c    and their reverse
 * instance.c    one use of a definition     statement.c one statement of it
 * assign.c      = += :=                     scan.c      scan and sweep
 * kept.c        parameters and states       scope.c     names, examples, plain statements
 * formula.c     names, ranges, reads: syntax in, Expr out
 * call.c        functions, `def`s and reductions of a formula
 * settle.c      what is known once a statement is whole: checks of subscripts, sizes of draws
 * blame.c       whose line a mistake is shown at, and what could have been meant
 * fit.c         the arithmetic of a shape that does not fit
 *
 * A Scope is one use of a definition. An Env is what is bound around a place of a formula:
 * indices, and the arguments of the `def`s it stands in. */
#ifndef ELAB_H
#define ELAB_H
#include "program.h"

typedef struct Elab Elab;
typedef struct Scope Scope;
typedef struct Net Net;
typedef struct Name Name;
typedef struct Env Env;

/* ---- names of a scope ----------------------------------------------------------------------- */
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
    int samples;    /* > 0: declared [n, s, ..]; the examples of `tensor` are n * samples + s */
    Syn *of;                /* in y[n] of k: k as written */
    /* The parameter is this read of another's; its own subscripts are the indices in tied_at. */
    Expr *tied;
    Index *tied_at[MAX_RANK];
    Net *net;
    TensorList list;
    Function *function;
    bool defined;           /* has its `=`, or its first `+=` */
};

typedef struct { const Syn *at; Str site; } Drawn;    /* a draw's number is its place among them */
typedef struct { Str name; Tensor *tensor; } Named;
typedef VEC(Named) NamedList;

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
    bool training;          /* not frozen */
    VEC(Drawn) drawn;
    TensorList terms;
    Tensor *result;         /* the first out, the sample or the mean, `value` */
    Tensor *mean, *nll;     /* of a likelihood */
    TensorList outs;
    Scope *around;          /* where its arguments were written */
    Scope *up;              /* a task's: names not found here are the model's */
    Net *net;               /* the net it is a layer of */
    /* a layer in a network: what `mirror` needs */
    Call *call;
    Tensor *input;
    Scope *tied_to;         /* a mirror with tied weights: the layer it mirrors */
    Net *uses;              /* in a net's list of layers: another net, applied here */
    int holds;              /* there: a block around so many of the layers before it */
};

/* ---- environments of a formula ------------------------------------------------------------- */
typedef struct Ctx {
    Elab *e;
    Scope *names;           /* where names are looked up */
    Scope *user;            /* whose statement it is: draws, training */
    bool sizes;             /* names of axes are their sizes: shapes, arguments, initial values */
    bool floors;            /* `/` rounds down: subscripts, shapes, ranges, set */
    Str site;               /* path of the `def` calls around; "" outside of all */
} Ctx;

typedef enum {
    ENV_expr,       /* an index, or an argument: at[0] */
    ENV_list,       /* the indices of `..`, or of params(f)[i]: at[0 .. n) */
    /* The operand of a `def` that reduces: syn in ctx, read where its index, `group`, is bound. */
    ENV_operand,
    /* That index: it stands for the `indices` of the use, where `where` holds, within `outer`. */
    ENV_group,
    ENV_tensor,     /* an argument that is a tensor */
    ENV_call,       /* parts the body of a `def` from the place of its call, which is `outer` */
} EnvKind;

struct Env {
    Env *up;
    EnvKind kind;
    Str name;
    Expr *at[MAX_RANK]; int n;
    bool lent;  /* ENV_expr: an axis of a def's tensor: bound at the call, free to be bound anew */
    Syn *syn, *where;
    Ctx ctx;
    Str group;
    SynList *indices;
    /* ENV_group: bound is `outer` with the indices bound; NULL: not bound yet */
    Env *outer, *bound;
    Name *tensor;
};

/* ---- nets ----------------------------------------------------------------------------------- */
typedef enum { NET_block, NET_bottleneck, NET_decoder, NET_copy } NetKind;

struct Net {
    NetKind kind;
    Str name, path;
    Place place;
    Block *block;
    Decl *decl;             /* of the model's declaration; NULL for nets inside definitions */
    Scope *within;          /* where its arguments are resolved */
    Net *source;            /* NET_copy */
    Str copy_of;            /* while a copy is applied: the path of its source */
    bool frozen;
    int applied;            /* how often in this program */
    VEC(Scope *) layers;    /* of its first application in this program, in order: for mirror */
    TensorList params;      /* all, over all programs */
    Tensor *result;         /* of its application to x, in this program */
    Net *outer;             /* the net being applied around it */
};

/* ---- the elaborator ------------------------------------------------------------------------- */
typedef struct { Tensor *tensor; Scope *scope; } Producer;
typedef struct { Str path; Stat *stat; } SweepAsked;
typedef VEC(SweepAsked) SweepList;
typedef struct Using { Use *use; struct Using *up; } Using;

/* Within one another: what has more comes back to itself. */
enum { MOST_CALLS = 100, MOST_USES = 100 };
enum { WANT_sample, WANT_mean, WANT_prior };

struct Elab {
    Module *m;
    File *file;
    StatList library;           /* definitions, the user's first */
    Decl *defaults;    /* the prelude's own phase: what every phase has unless it says otherwise */
    VEC(Function *) functions;
    Scope *root;                /* the model's own names: set, inputs, nets */
    Scope *bare;                /* no names: the bodies of `def`s at the top */
    Tensor *batch;              /* examples present */
    TensorList batches;         /* batch * k */
    TensorList clocks;          /* step, epoch, epochs, examples */
    VEC(Net *) nets;
    Net *encoder, *bottleneck, *decoder;
    Program *init, *start;      /* of first values; those that read others */
    TensorList made;            /* parameters and states whose initial values are written */

    /* of the program being made */
    Program *p;
    StmtList *out, *updates;
    int want;                   /* of a latent: WANT_sample, WANT_mean, WANT_prior */
    bool training, predicting, corrupting;
    bool once;                  /* a single draw, whatever `samples` says */
    VEC(Producer) producers;
    StmtList mixing;            /* of layers that reduce over the examples */
    NamedList as;               /* names given by `as`, and results of x */
    SweepList sweeps;           /* met in this program */
    SweepAsked *sweeping;       /* the program being made is this sweep's */
    TensorList used;            /* parameters of nets not frozen, met in this program */
    VEC(Call *) fitting;        /* of `evaluate`, what some phase can tell */
    StrList frozen;             /* names given by `as` to layers that the phase freezes */
    struct Scan *scan;
    Net *applying;              /* innermost net being applied */
    Using *using;               /* definitions being used, innermost first */
    int param_k;    /* params(f)[i]: which of the parameters; -1: none, outside of their update */

    bool trial;                 /* nothing is reported or added */
    int calls;                  /* `def`s within `def`s that are being read */
    bool runaway;               /* too many of them: all are given up */
    int failed;                 /* mistakes of this statement, of which the first is reported */
    bool retry;                 /* a size was asked for before it was known */
};

typedef struct Scan {           /* the scan being elaborated, innermost */
    struct Scan *up;
    Str name;
    Index *step;
    bool down;
    Axis axis;
    TensorList written;         /* whose axis of the step is at_axis */
    VEC(int) at_axis;
    TensorList done;            /* written above in this step */
} Scan;

/* ---- blame.c
 * ------------------------------------------------------------------------------------ Reports of
 * a mistake at p. Both give NULL, so that `return fail(...)` ends what cannot go on. */
void *say(Elab *e, Place p, Diag which, ...);
void *fail(Elab *e, Place p, Diag which, ...);      /* one for a statement, none in a trial */
Place blame(Elab *e, Place p);                      /* the user's line for a mistake found at p */
typedef struct { bool trial; int failed; } Trial;
Trial trial_begin(Elab *e);    /* from here mistakes are only counted, from 0, in e->failed */
void  trial_end(Elab *e, Trial t);
void *fail_rank(Elab *e, Place p, Str name, int want, int got);
Str   words_of(const Syn *s);
Str   most_arguments(int n);
/* After a report: did you mean ...? Where nothing is near: `what`, which may be
   NULL, and all the names. */
void  suggest(Str word, const StrList *names, const char *what);
void  suggest_definition(Elab *e, const char *role, Str word);
bool  suggest_role(Elab *e, Str name);
bool  suggest_term(Elab *e, Str name);
bool  names_term(Elab *e, Str name);                /* some definition has a term of this name */
void  definition_names(Elab *e, const char *role, StrList *names);
void  scope_names(Scope *s, NameKind kind, StrList *names);
/* Its inputs and targets, in order; NULL behind the last. */
const Entry *entry_in(const Decl *def, int at);
int   inputs_of(const Decl *def);
bool  takes_alike(const Decl *def);                 /* two inputs of the same axes */
Stat *find_stat(const Decl *def, StatKind kind);    /* the first */

/* ---- fit.c, after a report ------------------------------------------------------------------ */
void  note_condition(Scope *s, Syn *condition);     /* a broken `require`, in numbers */
void  suggest_fit(Elab *e, Net *net, const Tensor *target);
void  suggest_require(Elab *e, Scope *s);            /* after a report of a broken `require` */
/* What a definition requires where this term of it is used. */
bool  require_of(Scope *s, const Syn *use);

/* ---- formula.c ------------------------------------------------------------------------------ */
Ctx   formula_ctx(Scope *s);
Ctx   size_ctx(Scope *s);
Expr *lower(Ctx *c, Syn *s, Env *env);
Expr *lower_whole(Ctx *c, Syn *s, Env *env);        /* with `/` rounding down */
bool  constant(Ctx *c, Syn *s, double *value);      /* false after a report */
/* A setting as the trainer reads it: names of `set` and arithmetic are
   numbers, other words stay. */
Syn  *settled(Elab *e, Syn *s);
int   size_of(Scope *s, Syn *size);    /* a whole number of at least 0; reports, gives 1 */
Str   index_word(const Syn *s);    /* the index of `i`, `i < 3` or `..`; NULL: it is none */
Str   argument_name(const Syn *call);               /* n of f(n); NULL: it has others */
Expr *op_signed(Str sign, Expr *a, Expr *b);        /* a + b, a < b ... */
Env  *env_find(Env *env, Str name);
Env  *env_push(Env *up, EnvKind kind, Str name);
Env  *bind_expr(Env *up, Str name, Expr *value);
Env  *bind_index(Ctx *c, Env *up, Str name, Syn *range);
Env  *bind_list(Env *up, Str name, Index **index, int n);
Env  *bind_dots(Scope *s, Env *up);
void  unify(Elab *e, Index *i, const Axis *axis, Expr *example, Place place);
void  unify_all(Elab *e, const Axis *axis, Expr **sub, int n, const Place *place);
Expr *present(const Axis *axis, Env *env);    /* how far it runs at the place; NULL: all of it */
bool  gives_place(Reduce r);                        /* argmax and its like */
bool  is_whole(Expr *e);
Expr *draw(Ctx *c, Syn *s, Env *env, bool normal);
unsigned stream_of(Str path);
Expr *lower_size(Ctx *c, Syn *s, Env *env);
Expr *lower_last(Ctx *c, Syn *s, Env *env);
/* Names that stand free in s: neither bound, nor an argument, nor a tensor. For
   `+=`, `:=` and `until`. */
void  free_names(Ctx *c, Syn *s, Env *env, StrList *found);

/* ---- call.c --------------------------------------------------------------------------------- */
Expr *lower_call(Ctx *c, Syn *s, Env *env);
Expr *lower_reduce(Ctx *c, Syn *s, Env *env);
Expr *lower_operand(Ctx *c, Env *operand, Env *env, Place place);
/* Again, if a size was asked for before it was known. */
Expr *lower_sized(Ctx *c, Syn *s, Env *env);
Function *find_function(Scope *s, Str name);
int   builtin_op(Str name);    /* a scalar function that formulas may call: its Op; else -1 */

/* ---- scope.c -------------------------------------------------------------------------------- */
Name *name_find(Scope *s, Str name, NameKind kind);
Name *name_add(Scope *s, NameKind kind, Str name, Place place);
Name *name_tensor(Scope *s, const Entry *entry, Tensor *t);     /* as declared */
Use  *use_new(Str path, Str words, Place place);
Scope *scope_new(Elab *e, Scope *around, Decl *def, Str path, Use *use);
Scope *plain_scope(Elab *e, Str path, Str words, Place place);
Tensor *clock_times(Elab *e, int mult);             /* examples present, times mult */
Axis  example_axis(Elab *e, int mult);
int   mult_of(Elab *e, const Tensor *t);    /* samples of each example; 0: no example axis */
bool  same_sizes(const Tensor *a, const Tensor *b);
Str   shape_text(const Tensor *t);
Tensor *find_named(const TensorList *list, Str name);
Tensor *temp_new(Scope *s, Str name, Elem elem, const Axis *axis, int rank);
void  add_to(StmtList *to, Scope *s, Stmt *st, Place place, Str formula);
void  put_to(StmtList *to, Scope *s, Stmt *st, Place place, Str formula);   /* settled */
void  put(Scope *s, Stmt *st, Place place);                                 /* into the program */
Expr *limit_along(const Axis *a, Expr *example);
Index *index_along(const Axis *a, Str name, Expr *example);
void  all_along(const Tensor *t, Index **index);
Expr *read_at(Tensor *t, Index **index);
Stmt *over(Tensor *t, Index **index, Set set, Expr *value);
Expr *sum_over(Index **index, int n, Expr *body);
/* y[..] = f(a[..], b[..]) being made */
typedef struct { Tensor *y; Index *index[MAX_RANK]; Expr *a, *b; } Map;
Map   map_new(Scope *s, Str name, Tensor *a, Tensor *b);
Tensor *map_put(Scope *s, Map *m, Expr *value, Place place);
Tensor *reshaped(Scope *s, Tensor *x, const Axis *axis, int rank, Str name, Place place);

/* ---- settle.c, kept.c, assign.c, scan.c, statement.c ---------------------------------------- */
void  settle(Stmt *s);
int   most_of(Expr *e);    /* the largest value of a whole number; -1: not known */
bool  trains(const Scope *s);                       /* its parameters are learnt here */
void  declare_kept(Scope *s, Entry *entry, bool param);
bool  declare_tied(Scope *s, Entry *entry);
bool  shape_of_entry(Scope *s, Entry *entry, Tensor *t);
void  assign(Scope *s, Stat *st, Env *env);
Name *target_name(Scope *s, Syn *left);
Axis  axis_of(Elab *e, Index *i);
Stmt *fill(Tensor *t, double v);
void  elaborate_scan(Scope *s, Stat *st, Env *env);
void  elaborate_sweep(Scope *s, Stat *st);
void  elaborate_stat(Scope *s, Stat *st);
bool  defines_role(const Decl *def, const char *role);      /* sample, mean, prior */

/* ---- instance.c ----------------------------------------------------------------------------- */
typedef struct {            /* a use of a definition that is about to be made */
    Scope *around;          /* where its arguments are written */
    Str role, name;
    const ArgList *args;
    TensorList in;
    NamedList given;        /* inputs that are named: m = h */
    Str path, draws;        /* of its parameters and draws; NULL: that of its Use */
    int samples;
    Scope *tied;            /* the layer that it mirrors with tied weights */
} Wanted;

/* Uses the first definition whose shapes fit; NULL after a report. */
Scope *instantiate(const Wanted *w, Use *use);
bool  definition_fits(const Wanted *w);
Decl *find_definition(Elab *e, const char *role, Str name);
bool  takes_word(const Entry *formal);    /* a parameter that is one of the words in its default */
bool  bind_arguments(Scope *s, const ArgList *args, Place place);
void  bind_argument(Scope *s, Str name, Syn *v, Scope *where);

/* ---- network.c ------------------------------------------------------------------------------ */
Net  *net_new(Elab *e, NetKind kind, Str name, Str path, Scope *within, Place place);
bool  copy_net(Scope *s, Net *net, const Syn *value);
Tensor *apply_net(Net *net, Tensor *x, Place place);
void  check_layers(Elab *e);    /* every name in every net, before anything is applied */
Tensor *named(const NamedList *list, Str name);
void  name_result(Elab *e, Str name, Tensor *t);
Tensor *model_input(Elab *e, Str name);             /* x, y as an ordinary tensor; NULL */
Tensor *model_seen(Elab *e);    /* what the encoder gets: the input, corrupted in training */
Tensor *model_result(Elab *e, Str name);    /* z, encoder, decoder, a name given by `as`; NULL */
Tensor *has_label(Elab *e, Str name);    /* which examples have the label; NULL: it is none */
Scope *producer_of(Elab *e, Tensor *t);

/* ---- values.c ------------------------------------------------------------------------------- */
typedef struct {
    Tensor *t;              /* a tensor, or */
    Expr *num;              /* a number, or */
    TensorList *params;     /* parameters: `weights` */
    Scope *scope;           /* of the definition that made t */
    bool is_term;           /* as an argument or a summand it is one number for each example */
} Value;

/* Which input stands for each of these parameters. */
typedef struct { int input; const TensorList *of; } Params;
typedef VEC(Params) ParamsList;

Value *value_of(Scope *task, Syn *s);               /* NULL after a report */
bool   names_params(Str name);
Value *params_value(Str which, const TensorList *params);
Value *tensor_value(Scope *task, Syn *s);
bool  take_values(Scope *task, Syn *call, int most, TensorList *in, ArgList *rest,
                  ParamsList *params);
Syn  *peel(Scope *task, Syn *s, Expr **weight);

/* ---- objectives.c, metrics.c, terms.c ------------------------------------------------------- */
/* What a task or `reconstruct` predicts: by which likelihood, what it is compared with,
   which examples have it. */
typedef struct { Str name; Scope *by; Tensor *target, *has; Place place; } Predicted;
typedef VEC(Predicted) PredictedList;

void  objective(Elab *e, Decl *train, PredictedList *predicted);
void  use_task(Elab *e, Decl *use, PredictedList *predicted);
Scope *use_reconstruct(Elab *e, Decl *d, Tensor *y, Expr **weight);
void  add_metrics(Elab *e, PredictedList *predicted);
void  declare_metrics(Elab *e, Decl *d);
void  named_programs(Elab *e);
void  check_metrics(Elab *e);
void  add_term(Elab *e, Str name, const char *unit, Tensor *t, Expr *weight, Tensor *has,
               bool metric, Place place);
Tensor *per_example(Scope *s, Str name, Tensor *t, bool mean, Place place);
void  sum_terms(Elab *e);

/* ---- elaborate.c, inputs.c, sources.c, phases.c, optimize.c, programs.c --------------------- */
Decl *find_decl(Elab *e, DeclKind kind);            /* the first */
void  declare_input(Elab *e, Decl *d, bool label);
void  declare_data(Elab *e, Decl *d);
void  check_data(Elab *e);
Setting *setting_of(Decl *d, const char *name);     /* the first; d may be NULL */
Syn  *setting_value(Elab *e, const char *of, Str name, Syn *v, Place place, int unknown);
/* False after a report: another of its name stands before. */
bool  set_once(Elab *e, Decl *d, const Setting *s);
Phase *phase_new(Elab *e, Decl *d);
void  drop_terms(Program *p);
void  phase_programs(Elab *e, int number, Decl *train);
void  optimizer_of(Elab *e, Phase *phase, Decl *train);
Program *program_new(const char *name);
Program *begin_program(Elab *e, Str name, bool training, int want);
void  freeze_nets(Elab *e, Decl *train);
bool  names_layer(Elab *e, Str name);
void  predict_program(Elab *e);
void  bound_program(Elab *e);
void  use_programs(Elab *e);
Tensor *code_of_input(Elab *e);    /* what `encode` gives; NULL: there is no encoder */
void  output(Elab *e, Tensor *t);                   /* of the program being made */

#endif
