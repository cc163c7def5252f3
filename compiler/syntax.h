/* syntax.h -- the tree that grammar/ makes of a text; every node knows its place.
 *
 * Nothing here has a meaning yet: names are not resolved, `/` is just `/`,
 * and a call is a call. */
#ifndef SYNTAX_H
#define SYNTAX_H
#include "base.h"

typedef struct Syn Syn;
typedef struct Call Call;
typedef struct Stat Stat;
typedef VEC(Syn *) SynList;
typedef VEC(Call *) Block;                  /* a network: layer calls in order */
typedef VEC(Stat *) StatList;

/* ---- expressions --------------------------------------------------------------------------- */
typedef enum {
    SYN_num,        /* 1e-3                                     num */
    SYN_string,     /* "file.csv"                               name */
    SYN_name,       /* x, also `inf`, `pi`                      name */
    SYN_dots,       /* ..  alone, as a list of axes */
    SYN_ref,        /* x[n, i - 1 else e]                       name, list, a: e or NULL */
    /* f(a, k = b) and params(f)[i]             name, args, list: the subscripts (n = 0: none) */
    SYN_call,
    SYN_reduce,     /* sum(i, j < 3 where c) body               name, list: indices, a: c or NULL,
                       b: body. An index is SYN_name, SYN_dots or the binary `<` */
    SYN_unary,      /* - not                                    op, a */
    SYN_binary,     /* + - * / % ^ < > <= >= == != and or       op, a, b */
    SYN_cond,       /* c ? a : b                                c, a, b */
    SYN_attr,       /* u.lo                                     name, field */
    SYN_pair,       /* a..b ; `..40` has a = NULL               a, b */
    SYN_arrow,      /* a -> b                                   a, b */
    SYN_list,       /* [a, b]                                   list */
    SYN_paren,      /* (a), kept so that the printer can        a */
} SynKind;

typedef struct {
    Str name;               /* NULL: positional */
    Syn *value;
    Place place;
} Arg;
typedef VEC(Arg) ArgList;

struct Syn {
    SynKind kind;
    Place place;
    double num;
    Str name, field;
    Str op;                 /* interned: "+", "<=", "and" ... */
    Syn *a, *b, *c;
    SynList list;
    ArgList args;
    Str as;                 /* SYN_call: `f(x) as h` within brackets; NULL: no name */
    int depth;              /* levels of the tree from here down; the parser allows 1000 */
};

/* ---- networks ------------------------------------------------------------------------------ */
struct Call {    /* LAYER(64) as h;  BLOCK { ... };  BLOCK { {...} {...} };  repeat(3) { ... } */
    Str name;
    ArgList args;
    VEC(Block *) blocks;    /* residual, repeat: one; concat: several */
    bool braced;            /* a block was written, even an empty one */
    Str as;                 /* NULL: no name */
    Place place, as_place;
};

/* ---- statements: of a file (declarations), of definitions and of tasks ---------------------- */
/* One entry of  in / out / param / state / target / grad; a parameter of a definition. */
typedef struct {
    Str name;
    Place place;
    bool scalar;            /* no brackets were written */
    SynList shape;          /* names, expressions, SYN_dots, or `j < units` */
    Syn *of;                /* y[n] of k: whole numbers from 0 to k - 1; NULL: real */
    Syn *within;            /* x[n, ..] of 0..1: what is meant to be given; NULL: any */
    Syn *init;              /* = ...; NULL */
    bool exempt;
} Entry;
typedef VEC(Entry) EntryList;
typedef VEC(Str) NameList;

typedef struct {            /* def f(u, v[n, i]) = e grad d     def top(i) u = e */
    Str name;
    EntryList params;       /* an Entry with scalar = false is a tensor */
    Str operand;            /* NULL: an ordinary function; else the reduction's operand */
    Syn *body, *slope;      /* slope NULL: no `grad` */
    Place place;
} Function;

/* Batch = 128 ; several names may repeat: an error later. */
typedef struct { Str name; Syn *value; Place place; } Setting;
/* A regularizer: term * weight [as name]. */
typedef struct { Syn *value; Str as; Place place; } Line;
typedef VEC(Setting) SettingList;
typedef VEC(Line) LineList;

typedef enum {
    DECL_version,       /* ae 1                                             value */
    DECL_model,         /* model name                                       name */
    DECL_set,           /* set width = 512                                  name, value */
    DECL_use,           /* use "file.ae"                                    name: the file */
    DECL_input,         /* input x : image(1, 28, 28)                       name, value */
    DECL_label,         /* label y : class(10)                              name, value */
    DECL_data,          /* data { train = ... }                             settings */
    /* Encoder { ... }                      block; `decoder mirror(tied =
       true)`: block NULL, call. */
    DECL_encoder, DECL_decoder,
    DECL_net,           /* net stem { ... }   net slow = copy(online)       name, block | value */
    /* Bottleneck z ~ gaussian(20) ; z = code(32) ; z = { layers }    name, op "~"
       or "=", value | block. */
    DECL_bottleneck,
    /* Reconstruct x ~ bernoulli * 2 ; x by mse         name: x, op "~" or "by", value (weight
       and arguments in it). */
    DECL_reconstruct,
    DECL_corrupt,       /* corrupt x { gaussian(0.3) }                      name: x, block */
    DECL_regularize,    /* regularize { kl(z) * 2 as k }                    lines */
    DECL_augment,       /* augment strong { crop(0.6..1) flip(0.5) }        name, block */
    DECL_train,    /* train NAME { optimizer = ... }                   name or NULL, settings */
    DECL_evaluate,      /* evaluate { accuracy psnr }                       block */
    DECL_task,          /* pretext TASK(weight = 0.5) { ... } in a model's file;
                           `pretext TASK(temperature = 0.5)`.       name, args, body; braced */
    DECL_define,        /* layer, latent, likelihood, loss, view, optimizer; pretext and downstream
                           in a library file.                       name, params, body */
    DECL_function,      /* def at the top                                   name, function */

    STAT_in, STAT_out, STAT_param, STAT_state, STAT_target, STAT_grad,      /* entries */
    STAT_set,           /* set each = k / heads             name, value */
    /* Require cond "text" of kl        value, name: the text, of: the term
       that needs it or NULL. */
    STAT_require,
    STAT_mirror,        /* mirror LAYER(c, kernel)           call */
    STAT_metric,        /* metric accuracy                  call */
    STAT_tied,          /* tied w[i, j] = w[j, i]           left, value */
    STAT_def,           /*                                  name, function */
    STAT_net,           /* net mu(x) { ... }                name, of: x or NULL, block;
                           net slow = copy(online)          name, value */
    STAT_scan,          /* scan r < 100 down { } until c    name, bound, down, body, until */
    STAT_sweep,         /* sweep(every = start) ...         name: start|epoch|step, body */
    /* Role left op value               role: NULL, "sample", "mean", "prior", "term". */
    STAT_assign,
    STAT_let,           /* let v, k = rotate(x)             names, value */
    STAT_predict,       /* predict y ~ categorical(e)       left: y, op "~" or "by", value; as */
    STAT_minimize,      /* minimize e                       value; as */
    STAT_COUNT,
} StatKind;

struct Stat {
    StatKind kind;
    Place place;            /* of a block's head: from the first word to before `{` */
    Place name_place;
    Str name, of, op, as;
    Str role;               /* the word it begins with; NULL: none */
    Str doc;                /* the ## lines above it, joined by \n, without ## ; NULL: none */
    bool down, braced;
    Syn *left, *value, *bound, *until;
    Call *call;
    Block *block;
    Function *function;
    ArgList args;           /* of a task's use or head */
    EntryList entries;
    EntryList params;       /* formal arguments: name, init = the default or NULL */
    NameList names;
    SettingList settings;
    LineList lines;
    StatList body;
};
typedef Stat Decl;          /* one that stands in a file */
typedef StatKind DeclKind;

typedef struct File {
    const Source *source;
    StatList decls;
} File;

/* ---- grammar/ae.y -------------------------------------------------------------------------- */
/* Parses a text. Mistakes are reported; what could be read is returned all the same, never NULL.
   In a library file (library = true) a `pretext NAME(...) { }` is a
   DECL_define, else a DECL_task. */
File *parse(const Source *source, bool library);

/* ---- print.c, layout.c ---------------------------------------------------------------------- */
void syn_print(Buf *b, const Syn *e);                   /* an expression on one line */
void formula_print(Buf *b, const Stat *s);    /* `left op value`, with its role before it */
void entry_print(Buf *b, const Entry *e);               /* x[n, k] of v = 0 */
/* LAYER(filters, kernel, stride = 1, pad = 0) */
Str  signature_text(Str name, const EntryList *params);
/* `aec fmt`: the text in the one layout, comments kept. The source must have
   parsed without an error. */
void format_file(Buf *b, const Source *source);

#endif
