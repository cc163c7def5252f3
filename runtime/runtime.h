/* runtime.h -- what the files of the runtime know of each other; ae.h is what
 * they share with a model.
 *
 * What cannot go on ends the process: fail() with status 1, usage() with status 2. Both drop a
 * half-written temporary file first, so that no caller has to clean up. Memory for data is taken
 * once and kept to the end. */
#ifndef RUNTIME_H
#define RUNTIME_H
#include "ae.h"

/* ---- text.c: messages, growing text, numbers ------------------------------------------------ */
/* Always ends in a 0 byte once something was added. */
typedef struct { char *at; size_t n, room; } Text;

_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));    /* a line on stderr */
void *need(size_t count, size_t size);                  /* zeroed memory, or fail */
/* Sprintf to new memory. */
char *form(const char *format, ...) __attribute__((format(printf, 1, 2)));
void text_add(Text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_bytes(Text *t, const void *at, size_t n);
void text_json(Text *t, const char *s);                 /* quoted */
void text_number(Text *t, double v);                    /* as JSON has it: null when not finite */
void text_html(Text *t, const char *s);
bool has_ending(const char *path, const char *ending);  /* of its name, which has more than that */
/* All of s is one finite number, spaces around it allowed. */
bool parse_number(const char *s, double *v);
/* The index of a likely misspelling, or -1. */
int nearest(const char *word, const char *const *list, int n);
uint32_t crc32_more(uint32_t crc, const void *at, size_t n);        /* start from 0 */

/* ---- files.c: reading whole or gzipped files, writing atomically ---------------------------- */
typedef struct InFile InFile;
InFile *in_open(const char *path);    /* plain or gzip, told apart by its first bytes */
size_t in_read(InFile *f, void *at, size_t n);          /* fewer than n only at the end */
long in_size(InFile *f);    /* -1: only reading tells, as of what is packed */
void in_close(InFile *f);
char *in_all(const char *path, size_t *n);              /* the whole file and a 0 byte after it */
FILE *out_begin(const char *path);    /* a temporary in the same folder; one at a time */
void out_end(void);    /* flush, fsync, close, rename, fsync the folder */
/* The same, but the file is read back before it takes its name. */
void out_end_checked(uint32_t crc);
void out_drop(void);                                    /* remove a temporary, if there is one */
void out_flush(FILE *f, const char *name);              /* or fail */
void folder_make(const char *path);                     /* with its parents */
bool folder_is(const char *path);
char *path_join(const char *folder, const char *name);  /* an absolute name stays as it is */

/* ---- philox.c: draws for the trainer's own use ---------------------------------------------- */
enum { STREAM_SHUFFLE = 1, STREAM_TEST, STREAM_VALIDATION, STREAM_ROWS, STREAM_LABELS, STREAM_MADE, STREAM_CHECK, STREAM_CODES };
void philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);
uint32_t draw_word(uint64_t seed, uint32_t stream, uint32_t a, uint64_t element);
double draw_uniform(uint64_t seed, uint32_t stream, uint32_t a, uint64_t element);
double draw_normal(uint64_t seed, uint32_t stream, uint32_t a, uint64_t element);
/* a permutation of 0 .. n - 1 */
void draw_order(long *order, long n, uint64_t seed, uint32_t stream, uint32_t a);

/* ---- peak.c --------------------------------------------------------------------------------- */
double machine_peak(double seconds);    /* GFLOP/s of the threads in use, at best */

/* ---- linear.c: small dense problems in double ----------------------------------------------- */
/* values downwards; row k of a becomes the k-th vector */
void symmetric_eigen(double *a, double *values, int n);
void eigen_by_hand(double *a, double *values, int n);   /* the same without LAPACK, in any order */
bool solve_positive(double *a, double *b, int n, int columns);  /* a x = b by Cholesky, in place */

/* ---- options.c ------------------------------------------------------------------------------ */
typedef struct {
    const char *command, *program;
    const char *out, *phase, *weights, *take, *output, *split, *name, *around;
    char **train; int ntrain;       /* files given in place of the model's */
    char **test; int ntest;
    bool scaled;            /* the test files are what the model sees */
    char **args; int nargs;
    int epochs, threads, classes;   /* epochs, threads: 0 as the model or the machine has it */
    int windows;                    /* of bench; 0: its own */
    long n;                         /* how many; 0: the command's own */
    double seconds, within, span;   /* within, span: 0 the command's own */
    int across, bits, mixture;      /* 0: the command's own; no mixture */
    uint64_t seed;
    bool has_seed, resume, quiet, profile, log_json, json, as_c, as_onnx, as_safetensors, pca,
        sphere, slope, labels, gaussians, help;
} Options;
extern Options opt;
int options_parse(int argc, char **argv);       /* the index of the command */
typedef struct { const char *name; char letter; void (*run)(void); int args; const char *takes, *does; bool together; } Command;
extern const Command commands[];
extern const int ncommands;

/* ---- ranks.c: one training by several processes; without MPI there is one ------------------- */
typedef struct { int first, rows, counted; } Part;    /* counted: of the rows; 0 or all of them */
void ranks_begin(int *argc, char ***argv);
void ranks_end(void);
void ranks_leave(void);    /* what follows is done by the first alone */
void ranks_wait(void);    /* before a last message: one of the first rank's ends all */
_Noreturn void ranks_quit(int status);                  /* ends all */
extern const bool ranks_mpi;                            /* built for several */
int ranks(void);
int ranks_number(void);
bool ranks_first(void);                                 /* the one that speaks and writes */
Part ranks_part(int n);                                 /* of the n rows of a batch */
int ranks_most(int v);    /* these are called by all ranks: the largest */
double ranks_told(double v);                            /* the first's */
void ranks_sum(double *at, int n);                      /* each of n numbers, over the ranks */
void ranks_add(const ae_real *from, ae_real *to, long n);       /* the same of a large block */
/* To the first what all have, one behind the other; NULL: all have the same. */
void *ranks_gather(const void *at, size_t bytes);
int ranks_threads(int cores);    /* of the cores of a machine, how many this rank uses */

/* ---- data.c: sources to splits -------------------------------------------------------------- */
typedef struct {            /* one input or label of a split, row after row */
    float *real;            /* [rows][width], when the model has it in reals */
    uint8_t *byte;    /* or this, when bytes were read for reals: each stands for one of .. */
    float value[256];
    int32_t *whole;         /* [rows][width], when in whole numbers */
    int32_t *length;        /* [rows], or NULL: all full */
    uint8_t *has;           /* [rows], or NULL: all have it */
    float low, high;        /* the range of what was read, by its type; equal: it has none */
    bool there;
} Column;

typedef struct {
    long rows;
    Column *column;         /* [ae_model.ninputs] */
} Split;

typedef struct {    /* what was learnt of an input from the training rows; kept with the weights */
    double *subtract, *divide;      /* scaled = (read - subtract) / divide */
    long nscale;            /* 0: as read; 1: one for all; else one an element */
    char **classes;         /* names of classes, sorted; NULL: numbers */
    int nclasses;
} Learnt;

typedef struct {            /* a source as a reader sees it */
    const char *kind;
    char **file; int nfiles;
    const AeSetting *args; int nargs;
    bool train;             /* may learn the names of classes */
} Source;

/* How text() numbers words. */
enum { WORD_NONE, WORD_START, WORD_FINISH, WORD_UNKNOWN, WORD_FIRST };
extern Learnt *learnt;      /* [ae_model.ninputs] */
extern bool learnt_known;   /* came with the weights */
/* Of the rows held out and of what is drawn outside of training; comes with the weights. */
extern uint64_t data_seed;
/* In the training set of the last phase; comes with the weights; 0: not known. */
extern int32_t data_examples;

long input_width(int input);                            /* elements a row */
bool input_measured(int input);    /* its numbers are amounts: real, or the levels of an image */
double amount_at(const Column *c, long element);        /* of real numbers, or of whole ones */
/* The first label, where it is a class and the data have it; -1. */
int class_label(const Split *s);
int32_t class_at(const Column *c, long row);            /* -1: this row has none */
int input_find(bool label, int k);                      /* the k-th input or label; -1 */
Column *column_new(Split *s, int input, long rows);     /* rows < 0: as s has already */
/* For numbers that were bytes; reals stay bytes in memory. */
Column *column_bytes(Split *s, int input, long rows);
bool column_real(const Column *c);                      /* it is there, in reals */
const AeSetting *setting_find(const AeSetting *list, int n, const char *key);
double setting_number(const AeSetting *list, int n, const char *key, double otherwise);
void whole_check(int input, double v, const char *file, const char *unit, long row);
void column_put(Column *c, int input, const char *file, long row, long element, double v);
/* "train" "validation" "test"; read at first use; NULL: there is none */
const Split *data_split(const char *name);
const AeSetting *data_setting(const char *key);         /* of the block `data` */
void scale_learn(const Split *train);
void scale_split(Split *s, bool given);                 /* given: by --test */
/* The range of an input after scaling, or low = high. */
void data_peak(int input, double *low, double *high);
void split_fill(const Split *s, const long *row, int n, const int *inputs, int ninputs,
                const uint8_t *labelled);

/* readers, each a file data_*.c */
void read_digits(const Source *, Split *);
void read_idx(const Source *, Split *);
void read_csv(const Source *, Split *);
void read_npy(const Source *, Split *);
void read_npz(const Source *, Split *);
void read_png(const Source *, Split *);
void read_text(const Source *, Split *);
void read_pairs(const Source *, Split *);
void read_blobs(const Source *, Split *);
void read_shapes(const Source *, Split *);
void read_cifar(const Source *, Split *);
void read_ring(const Source *, Split *);
void read_moons(const Source *, Split *);
void read_swiss_roll(const Source *, Split *);
void read_sines(const Source *, Split *);

typedef struct {            /* an array as a file has it */
    int rank; long shape[AE_RANK], count;
    char kind;              /* f, i, u as NumPy has them */
    int size;               /* bytes a number */
    const char *data;
} Grid;
double grid_at(const Grid *g, long k);
Grid grid_npy(const char *path, const char *bytes, size_t n);
Grid grid_read(const char *path);                       /* .npy or .csv */
void column_from_grid(Split *s, int input, const Grid *g, const char *path);

/* ---- safetensors.c -------------------------------------------------------------------------- */
typedef struct { const char *name, *dtype; const void *at; int rank; long shape[AE_RANK]; } Tensor;
typedef struct { const char *key, *value; } Pair;
typedef struct { const char *path; char *bytes; Tensor *tensor; int ntensors; Pair *meta; int nmeta; } Store;
void store_write(const char *path, const Tensor *tensor, int n, const Pair *meta, int nmeta);
Store store_read(const char *path);
void store_drop(Store *s);
const Tensor *store_find(const Store *s, const char *name);
const char *store_meta(const Store *s, const char *key);
long tensor_count(const Tensor *t);
size_t dtype_size(const char *dtype);
/* Converts F32 and F64. */
void tensor_copy(const Store *s, const Tensor *t, void *to, AeElem elem, long count);

/* ---- weights.c: the model's arrays as files ------------------------------------------------- */
typedef struct { Tensor *tensor; int n, room; Pair *meta; int nmeta, meta_room; } Bundle;
void bundle_add(Bundle *b, const char *name, const char *dtype, const void *at, int rank,
                const long *shape);
void bundle_array(Bundle *b, const char *name, const AeArray *a);
void bundle_meta(Bundle *b, const char *key, const char *value);
void bundle_model(Bundle *b);    /* parameters, states, what was learnt of the data */
void weights_save(const char *path);
void weights_load(const char *path);
void weights_from(const Store *s, bool checkpoint);
void array_from(const Store *s, const char *name, const AeArray *a);
char *weights_default(void);    /* --weights, or the newest run's; NULL: none */
void weights_start(bool initial);    /* initial values, or the ones that the command is to use */
long array_count(const AeArray *a);
long row_count(const AeArray *a);                       /* elements behind the batch axis */

/* ---- run.c: programs over rows -------------------------------------------------------------- */
const AeProgram *program_find(const char *name);
const AeProgram *program_need(const char *name);
char *program_names(void);                              /* those that are commands */
/* Of a layer, or of a net of the bottleneck; NULL. */
const AeProgram *named_program(const char *name);
char *named_list(void);                                 /* their names */
typedef void (*OnBatch)(void *with, long first, int n);
extern int run_draw;    /* another number gives programs other draws; 0 but in bound.c */
void evaluation_clock(int batch, int block);
void run_rows(const AeProgram *p, const Split *s, long first, long count, OnBatch then,
              void *with);
void run_spread(const AeProgram *p, const Split *s, long count, OnBatch then, void *with);
void model_init(void);
double real_at(const AeArray *a, long i);

/* ---- eval.c --------------------------------------------------------------------------------- */
/* each: a list with it */
typedef struct { char *name; const char *unit; double value; double *each; int neach; } Metric;
typedef struct { Metric *at; int n, room; } Metrics;
void metrics_add(Metrics *m, const char *unit, double value, const char *name, ...)
    __attribute__((format(printf, 4, 5)));
void metric_json(Text *t, const Metric *a);             /* a number, or a list of them */
/* mean of every term; returns the loss */
double evaluate_terms(const AeProgram *p, const Split *s, long rows, double *mean);
/* The terms of so many training rows, with training = 0. */
void evaluate_training(long rows, Metrics *m);
const Metric *metrics_find(const Metrics *m, const char *name);
/* own: also what the trainer computes itself */
void evaluate_split(const char *name, bool own, Metrics *m);
void evaluate_after(int phase);    /* which phase evaluations are of: at first the last */
const AeProgram *evaluate_program(void);                            /* of that phase */
const AeProgram *bound_program(void);    /* of the last that reconstructs; else the same */
bool term_is(const AeTerm *t, const char *kind);  /* "reconstruct", "kl": whatever `as` calls it */
bool evaluate_has(const char *metric);    /* a term of that name, perhaps behind a task's */
void metrics_own(const char *split, Metrics *m);                    /* metrics.c: psnr, knn ... */
/* components.c: beside principal components */
void components_metrics(const char *split, Metrics *m);
double psnr_of(double mse);    /* the peak is the range of the first input */
double spread_of(const Split *s, int input);    /* squares about each column's mean, summed */
void units_add(const char *split, Metrics *m);    /* bound.c: terms unit by unit */
void units_alarm(const char *split, const Metrics *m);
void add_nll(const char *split, const AeSetting *asked, Metrics *m);
enum { UNIT_MOST = 8 };    /* nats a unit: more, and its noise is not felt */
#define UNIT_ACTIVE 0.01    /* nats: less, and it says nothing */
void metrics_check(void);    /* that all of them are known */
/* Of the program reconstruct; NAN without one. */
double squared_error(const Split *s, long *count);
void add_auc(const char *split, const AeSetting *, Metrics *);      /* ranking.c */
void add_map(const char *split, const AeSetting *, Metrics *);
void add_iou(const char *split, const AeSetting *, Metrics *);
double average_precision(const double *score, const uint8_t *positive, long n);
double area_under(const double *score, const uint8_t *positive, long n);

/* ---- progress.c ----------------------------------------------------------------------------- */
void progress_begin(const AePhase *p, const Split *train, int epochs, bool validation);
void progress_step(int epoch, long batch, long batches, double loss);
void progress_epoch(int epoch, const double *mean, double loss, double validation, double seconds);
void progress_clear(void);

/* ---- arrays.c, png.c: results to files ------------------------------------------------------ */
/* at: float or double, or int32_t */
typedef struct { const char *name; AeElem elem; int rank; long shape[AE_RANK]; void *at; } Result;
Result result_new(const AeArray *a, long rows);
Result result_table(const char *name, long rows, long columns);
long result_width(const Result *r);                      /* elements of a row */
/* components.c: rows as the first see them; 0: as many as the code has */
Result components_codes(const Split *s, long rows, int count);
Result components_reconstruct(const Split *s, long rows);
Result components_vectors(void);
Result column_result(int input, const Column *c, long rows);
void result_take(Result *r, const AeArray *a, long first, int n);
void result_write(const char *path, const Result *r, int n, bool beside);
const Result *result_chosen(const Result *r, int n);     /* by --name; the first without it */
void png_write(const char *path, const uint8_t *pixels, int width, int height, int channels);
void png_encode(Text *t, const uint8_t *pixels, int width, int height, int channels);
typedef struct { int channels, height, width; } Picture;
bool picture_of(const Result *r, Picture *p);           /* how a row looks as an image */
uint8_t *picture_tiles(const Result *r, int n, bool beside, double low, double high, int *width,
                       int *height, int *channels);

/* ---- sheet.c: a picture to draw on, and numbers on axes ------------------------------------- */
typedef struct { uint8_t *pixel; int wide, high; } Sheet;
typedef struct { double step, first; int n, letters; } Ticks;  /* letters: of the longest number */
/* Pixels, y downwards; low: values there, y upwards. */
typedef struct { int left, top, wide, high; double low[2], zoom[2]; } Frame;
#define TICK "%.6g"
Sheet sheet_new(int wide, int high);                    /* white */
void sheet_write(Sheet *s);                             /* to -o */
void sheet_put(Sheet *s, int x, int y, uint32_t colour);
void sheet_line(Sheet *s, double x, double y, double dx, double dy, uint32_t colour);
/* A letter takes 4 zoom by 5 zoom. */
void sheet_text(Sheet *s, int x, int y, int zoom, const char *text);
int sheet_margin(double low, double high);
void sheet_frame(Sheet *s, const Frame *f);
void axis_widen(double *low, double *high);
Ticks axis_ticks(double low, double high);
double tick_at(const Ticks *t, int k);
double frame_x(const Frame *f, double v);
double frame_y(const Frame *f, double v);

/* ---- commands ------------------------------------------------------------------------------- */
void command_train(void);
void command_eval(void);
void command_encode(void);
void command_decode(void);
void command_reconstruct(void);
void command_sample(void);
void command_interpolate(void);
void command_predict(void);
void command_score(void);
void command_nearest(void);
void command_analogy(void);
void command_similarity(void);
void command_grad(void);
void command_export(void);
const AeArray *array_named(const char *name);           /* a parameter or a state; fails */
/* export.c: with the likeliest of those there are */
_Noreturn void export_unknown(const char *name, const char *const *known, int n);
const AeOnnx *onnx_named(const char *name);             /* onnx.c: NULL: the first; fails */
void onnx_write(const char *path, const AeOnnx *x);
void command_gradcheck(void);
void command_bench(void);
void command_info(void);
void command_show(void);
const char *chosen_name(void);                          /* of --split */
const Split *chosen_split(void);
long rows_chosen(const Split *s);               /* all, or -n of them */
long row_argument(const char *s, long rows);            /* the number of a row */
/* rows of codes through decode */
Result *run_codes(const AeProgram *p, const ae_real *codes, long rows);
const char *need_output(void);                          /* the file of -o, whose ending is known */

/* ---- codes.c, compress.c, cluster.c, map.c, relations.c: the space of codes ----------------- */
typedef struct {   /* of normals; factor: of each part the lower triangle l, its covariance l l' */
    int parts, width; double *share, *mean, *factor, nll; int rounds;
} Mixture;
/* Encode, or draw: its first output. */
Result codes_of(const char *program, const Split *s, long first, long rows);
long code_width(void);
bool sample_codes(void);    /* --around, --mixture: whether one was asked for */
ae_real *codes_read(const char *path, long *rows);      /* what compress wrote */
Mixture mixture_fit(const ae_real *z, long rows, int w, int parts);
void mixture_draw(const Mixture *m, uint64_t at, ae_real *z);
void show_codes(void);
void show_lattice(void);
void show_map(void);
void show_relations(void);                              /* relations.c */
double correlation(const double *a, const double *b, long n);
double rank_correlation(const double *a, const double *b, long n);     /* Spearman's */
void middle_grey(Result *r);    /* for a picture: 0 halfway, of each row the largest size an end */
void command_traverse(void);
void command_compress(void);
void command_cluster(void);

/* ---- train.c, steps.c, report.c ------------------------------------------------------------- */
typedef struct {    /* where training stands; with the arrays, all that a checkpoint holds */
    int64_t phase, epoch;   /* from 0 */
    int64_t step;           /* of the phase, done */
    int64_t batch;          /* steps of this epoch, done */
    int64_t rows;           /* of this epoch, seen */
    int64_t idle;           /* epochs since the validation loss was best */
    int64_t metrics;        /* bytes of metrics.jsonl that belong to it */
    double best;            /* validation loss */
    double seconds;
    double loss;            /* sums over the rows seen in this epoch */
    double *sum;            /* [terms] */
} Position;
typedef struct {            /* a phase, made ready to run */
    const AePhase *phase; int number;       /* from 1 */
    const Split *train;
    long *order; long rows;                 /* rows used, in the order of this epoch */
    const long *fixed;                      /* the rows used, in the file's order */
    uint8_t *labelled;                      /* [train->rows], or NULL: as the data says */
    long batch, batches;                    /* rows a step (before accumulating), steps an epoch */
    int epochs, parts;                      /* parts: batches accumulated into a step */
    uint64_t seed;
    ae_real *gathered;                      /* [nparams], when parts or ranks add up; else NULL */
    double *sum;    /* of a step: the loss, then each term, over its rows */
} Stage;
Stage stage_make(int phase, const Split *train);
void stage_shuffle(Stage *s, int epoch);
void stage_sweeps(const Stage *s, int every);
/* Gradient, checks, clip, update; rows it used. */
int stage_step(Stage *s, const Position *at, double *loss, double *sum);
void stage_clock(const Stage *s, long step, long batch, int epoch);
void report_write(const char *folder, const Metrics *m);    /* m: of the end, for the units */
double now(void);
#endif
