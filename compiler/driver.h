/* driver.h -- from a file's name to a module, and from a module to a program on disk. */
#ifndef DRIVER_H
#define DRIVER_H
#include "program.h"

/* ---- files carried in the program itself
   --------------------------------------- build/embedded.c */
/* "prelude/layers.ae", "runtime/ae.h", "docs/errors.md" ...; ends with a NULL name. These
   names are not interned. */
extern const Source embedded[];
const Source *embedded_file(const char *name);      /* driver.c; NULL: there is none */

/* ---- driver.c ------------------------------------------------------------------------------- */
/* A message on stderr about the command line, the disk or the C compiler;
   gives the status back. */
int refuse(int status, const char *how, ...) __attribute__((format(printf, 2, 3)));
/* The same of a word that none of the names is: what may have been meant, else `otherwise`. */
int refuse_word(const char *word, const StrList *names, const char *said, const char *otherwise);
/* A file's text, or NULL after a message on stderr. */
const Source *source_read(const char *name);
/* Parses, elaborates and runs the passes up to `stage` (NULL: all). NULL after
   errors, which are reported. */
Module *compile(const Source *source, const SettingList *defines, Str stage, EmitOptions how);
bool stage_is_fast(Str stage);              /* a pass of the fast schedule */
/* In order, the drawing of the memory last; ends with NULL. */
extern const char *const stage_names[];
void module_print(Buf *b, Module *m);       /* every program */

/* ---- toolchain.c ---------------------------------------------------------------------------- */
typedef struct {
    EmitOptions emit;
    const char *target;     /* native v4 v3 v2 generic */
    const char *cc;         /* with MPI: one that finds its headers and library, as mpicc */
    bool library;           /* links OpenBLAS, be it for LAPACK alone */
    bool sanitize, keep, verbose;
} BuildOptions;

/* Writes the self-contained program into a folder. Exit status: 0, or 1 after a message. */
int write_program(Module *m, const BuildOptions *how, const char *folder);
/* Compiles to a trainer binary. 0; 1 the disk; 4 the C compiler. */
int build_trainer(Module *m, const BuildOptions *how, const char *binary);
/* The cached trainer for this module: its path, or NULL after a message; *status as above. */
Str cached_trainer(Module *m, const BuildOptions *how, int *status);
/* summary.c: what the steps of training are made of: inputs, uses of definitions, terms of the
   loss, in the order of their statements. */
typedef enum { LAYER_input, LAYER_layer, LAYER_term } LayerKind;
typedef struct {
    Str path, words;
    LayerKind kind;
    int applied;            /* how often in a forward pass; 0: as no layer */
    Tensor *result;         /* what others read of it */
    bool read;
    long parameters;
    double work;            /* operations */
    double memory;          /* bytes of its temporaries, for a batch */
    VEC(int) from;          /* the layers that it reads */
    int depth;              /* below all of these */
    double x;               /* graph.c: of its middle */
} Layer;
typedef VEC(Layer) LayerList;
LayerList layers_of(Module *m);
/* summary.c: the layers as a table, and the objective exactly as it is optimised. */
void summary_print(Buf *b, Module *m);
void objective_print(Buf *b, Module *m);    /* objective.c: the second half alone */
void graph_print(Buf *b, Module *m);        /* graph.c: the same as a picture, SVG */
void html_text(Buf *b, const char *text);   /* doc.c: so that it means itself in HTML and SVG */
Str  sizes_text(const Module *m, const Tensor *t);      /* 3 x ..40, of one example */
Str  number_grouped(double v);              /* 1,234,567 */
bool is_within(Str name, Str path);         /* encoder.dense1.w is within encoder.dense1 */
bool write_file(const char *path, const char *text, size_t length);     /* false after a message */

#endif
