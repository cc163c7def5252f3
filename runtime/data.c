/* data.c -- from the sources a model names to its splits: train, validation, test.
 *
 * A source is read when a command first asks for a split that needs it. Rows are then chosen, in
 * this order: `rows` limits what was read, `test = 0.2` holds rows out, `only` and `test_only`
 * keep classes, `validation` comes off the rest; every choice is by the seed and leaves the rows
 * in their order. What is learnt from the training rows (the scale of columns, the names of
 * classes) is kept with the weights, and taken from there when they were read first. */
#include "runtime.h"

Learnt *learnt;
bool learnt_known;
uint64_t data_seed;
int32_t data_examples;

typedef struct { const char *kind; void (*read)(const Source *, Split *); bool holds_out; const char *ends; } Reader;

/*    kind           read               test = 0.2   ends of names, for --train and --test */
static const Reader readers[] = {
    { "digits",      read_digits,       true,        NULL },
    { "idx",         read_idx,          false,       "ubyte idx ubyte.gz idx.gz idx3 idx1" },
    { "csv",         read_csv,          false,       "csv csv.gz" },
    { "npy",         read_npy,          false,       "npy npy.gz" },
    { "npz",         read_npz,          false,       "npz" },
    { "cifar",       read_cifar,        false,       "bin bin.gz" },
    { "png",         read_png,          false,       NULL },
    { "text",        read_text,         false,       "txt txt.gz cor" },
    { "pairs",       read_pairs,        false,       "tsv tsv.gz" },
    { "blobs",       read_blobs,        true,        NULL },
    { "shapes",      read_shapes,       true,        NULL },
    { "ring",        read_ring,         true,        NULL },
    { "moons",       read_moons,        true,        NULL },
    { "swiss_roll",  read_swiss_roll,   true,        NULL },
    { "sines",       read_sines,        true,        NULL },
};
enum { NREADERS = sizeof readers / sizeof *readers };

/* ---- the model's inputs --------------------------------------------------------------------- */
long row_count(const AeArray *a)
{
    long n = 1;
    for (int k = 1; k < a->rank; k++)
        n *= a->shape[k];
    return n;
}

long array_count(const AeArray *a)
{
    long n = 1;
    for (int k = 0; k < a->rank; k++)
        n *= a->shape[k];
    return n;
}

long input_width(int input) { return row_count(&ae_model.inputs[input].array); }

bool input_measured(int input)
{
    const AeInput *const in = &ae_model.inputs[input];
    return in->array.elem == AE_REAL || strcmp(in->kind, "image") == 0;
}

double amount_at(const Column *c, long element)
{
    return c->whole ? c->whole[element] : c->byte ? c->value[c->byte[element]] : c->real[element];
}

bool column_real(const Column *c) { return c->real || c->byte; }

int32_t class_at(const Column *c, long row) { return c->has && !c->has[row] ? -1 : c->whole[row]; }

int class_label(const Split *s)
{
    const int y = input_find(true, 0);
    return y >= 0 && s->column[y].there && ae_model.inputs[y].classes && input_width(y) == 1 ? y : -1;
}

int input_find(bool label, int k)
{
    for (int i = 0; i < ae_model.ninputs; i++)
        if (ae_model.inputs[i].label == label && k-- == 0)
            return i;
    return -1;
}

const AeSetting *setting_find(const AeSetting *list, int n, const char *key)
{
    for (int k = 0; k < n; k++)
        if (list[k].key && strcmp(list[k].key, key) == 0)
            return &list[k];
    return NULL;
}

double setting_number(const AeSetting *list, int n, const char *key, double otherwise)
{
    const AeSetting *const s = setting_find(list, n, key);
    return s && s->nnumbers ? s->number[0] : otherwise;
}

const AeSetting *data_setting(const char *key)
{
    return setting_find(ae_model.settings, ae_model.nsettings, key);
}

static Column *column_made(Split *s, int input, long rows, bool bytes)
{
    const AeInput *const in = &ae_model.inputs[input];
    if (!s->column) {
        s->column = need((size_t) ae_model.ninputs, sizeof *s->column);
        s->rows = rows;
    }
    Column *const c = &s->column[input];
    if (rows >= 0 && rows != s->rows)
        fail("input %s has %ld rows where the others have %ld", in->array.name, rows, s->rows);
    size_t count;
    if (__builtin_mul_overflow((size_t) s->rows, (size_t) input_width(input), &count))
        fail("input %s: %ld rows are too many", in->array.name, s->rows);
    if (in->array.elem == AE_INT)
        c->whole = need(count, sizeof *c->whole);
    else if (bytes)
        c->byte = need(count, 1);
    else
        c->real = need(count, sizeof *c->real);
    for (int k = 0; k < 256; k++)
        c->value[k] = (float) k;
    c->high = bytes ? 255 : 0;
    c->there = true;
    return c;
}

Column *column_new(Split *s, int input, long rows) { return column_made(s, input, rows, false); }

Column *column_bytes(Split *s, int input, long rows) { return column_made(s, input, rows, true); }

/* A whole number that the model is to use as an index: 0 .. classes - 1. */
void whole_check(int input, double v, const char *file, const char *unit, long row)
{
    const AeInput *const in = &ae_model.inputs[input];
    if (v != floor(v))
        fail("%s: %s %ld: %g is no whole number, as %s needs", file, unit, row, v, in->array.name);
    if (v < 0 || v > INT32_MAX || (in->classes && v >= in->classes))
        fail("%s: %s %ld: %.0f is outside of 0 to %d, the numbers that %s has", file, unit, row, v,
             in->classes - 1, in->array.name);
}

/* A number of a file, checked, into its place. */
void column_put(Column *c, int input, const char *file, long row, long element, double v)
{
    const long at = row * input_width(input) + element;
    if (!isfinite(v))
        fail("%s: row %ld, element %ld is %g", file, row, element, v);
    if (c->whole) {
        whole_check(input, v, file, "row", row);
        c->whole[at] = (int32_t) v;
    } else if (c->byte)
        c->byte[at] = (uint8_t) v;
    else
        c->real[at] = (float) v;
}

/* ---- choosing rows -------------------------------------------------------------------------- */
static Split take_rows(const Split *s, const long *row, long n)
{
    Split out = { n, need((size_t) ae_model.ninputs, sizeof *out.column) };
    for (int i = 0; i < ae_model.ninputs; i++) {
        const Column *const from = &s->column[i];
        const size_t w = (size_t) input_width(i);
        Column *const to = &out.column[i];
        if (!from->there)
            continue;
        column_made(&out, i, n, from->byte);
        memcpy(to->value, from->value, sizeof to->value);
        to->low = from->low;
        to->high = from->high;
        if (from->length)
            to->length = need((size_t) n, sizeof *to->length);
        if (from->has)
            to->has = need((size_t) n, 1);
        for (long r = 0; r < n; r++) {
            const size_t a = (size_t) r * w, b = (size_t) row[r] * w;
            if (from->byte)
                memcpy(to->byte + a, from->byte + b, w);
            else if (from->real)
                memcpy(to->real + a, from->real + b, w * sizeof *to->real);
            else
                memcpy(to->whole + a, from->whole + b, w * sizeof *to->whole);
            if (from->length)
                to->length[r] = from->length[row[r]];
            if (from->has)
                to->has[r] = from->has[row[r]];
        }
    }
    return out;
}

static void drop_split(Split *s)
{
    for (int i = 0; s->column && i < ae_model.ninputs; i++) {
        free(s->column[i].real);
        free(s->column[i].byte);
        free(s->column[i].whole);
        free(s->column[i].length);
        free(s->column[i].has);
    }
    free(s->column);
    *s = (Split) { 0, NULL };
}

/* Takes `n` rows chosen by the seed out of `s`; both keep their order. */
static Split hold_out(Split *s, long n, uint32_t stream)
{
    long *const order = need((size_t) s->rows, sizeof *order);
    long *const in = need((size_t) s->rows, sizeof *in);
    uint8_t *const chosen = need((size_t) s->rows, 1);
    draw_order(order, s->rows, data_seed, stream, 0);
    for (long k = 0; k < n; k++)
        chosen[order[k]] = 1;
    long a = 0, b = n;
    for (long r = 0; r < s->rows; r++)
        in[chosen[r] ? a++ : b++] = r;
    Split held = take_rows(s, in, n), rest = take_rows(s, in + n, s->rows - n);
    drop_split(s);
    *s = rest;
    free(order);
    free(in);
    free(chosen);
    return held;
}

static double fraction_of(const char *key, double otherwise)
{
    const AeSetting *const s = data_setting(key);
    if (!s)
        return otherwise;
    if (s->nnumbers != 1 || !(s->number[0] >= 0 && s->number[0] < 1))
        fail("%s is a fraction of the rows, from 0 to below 1", key);
    return s->number[0];
}

static bool wanted(const char *key, int label, int32_t value)
{
    for (int k = 0; k < ae_model.nsettings; k++) {
        const AeSetting *const s = &ae_model.settings[k];
        if (strcmp(s->key, key) != 0)
            continue;
        if (s->text && value < learnt[label].nclasses
            && strcmp(learnt[label].classes[value], s->text) == 0)
            return true;
        for (int j = 0; j < s->nnumbers; j++)
            if (s->number[j] == value)
                return true;
    }
    return false;
}

/* A class that is named must be one. */
static void check_names(const char *key, int label)
{
    const Learnt *const of = &learnt[label];
    for (int k = 0; k < ae_model.nsettings; k++) {
        const char *const name = ae_model.settings[k].text;
        if (!name || strcmp(ae_model.settings[k].key, key) != 0)
            continue;
        int at = 0;
        while (at < of->nclasses && strcmp(of->classes[at], name) != 0)
            at++;
        if (at == of->nclasses)
            fail("%s: the data have no class %s", key, name);
    }
}

static void keep_classes(Split *s, const char *key)
{
    int label = 0;
    if (!s->rows || !data_setting(key))
        return;
    while (label < ae_model.ninputs && !(ae_model.inputs[label].label && s->column[label].there
                                         && s->column[label].whole && input_width(label) == 1))
        label++;
    if (label == ae_model.ninputs)
        fail("%s needs a label that is a class, and the data has none", key);
    check_names(key, label);
    long *const row = need((size_t) s->rows, sizeof *row), n = 0;
    long kept = n;
    for (long r = 0; r < s->rows; r++)
        if (wanted(key, label, class_at(&s->column[label], r)))
            row[kept++] = r;
    if (!kept)
        fail("%s leaves no row", key);
    Split rest = take_rows(s, row, kept);
    drop_split(s);
    *s = rest;
    free(row);
}

/* ---- reading -------------------------------------------------------------------------------- */
static const Reader *reader_of(const char *kind)
{
    for (int k = 0; k < NREADERS; k++)
        if (strcmp(readers[k].kind, kind) == 0)
            return &readers[k];
    fail("this trainer has no reader for %s", kind);
}

static const char *kind_of_file(const char *path, const char *otherwise)
{
    if (folder_is(path))
        return "png";
    for (int k = 0; k < NREADERS; k++) {
        char *const ends = form("%s", readers[k].ends ? readers[k].ends : "");
        for (char *end = strtok(ends, " "); end; end = strtok(NULL, " ")) {
            const size_t n = strlen(path), m = strlen(end);
            if (n > m && strcmp(path + n - m, end) == 0)
                return readers[k].kind;
        }
        free(ends);
    }
    return otherwise;
}

static const AeSource *source_of(const char *split)
{
    for (int k = 0; k < ae_model.nsources; k++)
        if (strcmp(ae_model.sources[k].split, split) == 0)
            return &ae_model.sources[k];
    return NULL;
}

/* The rows of a source, or of the files that --train or --test put in its place. */
/* Answers are yes, 1, or no, 0 or -1. */
static void check_answers(const Split *s, const char *file)
{
    for (int i = 0; i < ae_model.ninputs; i++) {
        const Column *const c = &s->column[i];
        const long w = input_width(i);
        if (!c->there || strcmp(ae_model.inputs[i].kind, "labels") != 0)
            continue;
        for (long k = 0; k < s->rows * w; k++) {
            const double v = amount_at(c, k);
            if ((!c->has || c->has[k / w]) && v != 0 && fabs(v) != 1)
                fail("%s: row %ld: %g is no answer of %s: yes is 1, and no is 0 or -1", file,
                     k / w, v, ae_model.inputs[i].array.name);
        }
    }
}

static Split read_source(const char *split, char **files, int nfiles, bool *holds_out)
{
    const AeSource *const ae = source_of(split) ? source_of(split) : source_of("train");
    Source s = { .train = strcmp(split, "train") == 0 };
    Split out = { 0, NULL };
    if (ae) {
        s.kind = ae->kind;
        s.args = ae->args;
        s.nargs = ae->nargs;
        s.nfiles = ae->nfiles;
        s.file = need((size_t) ae->nfiles, sizeof *s.file);
        for (int k = 0; k < ae->nfiles; k++)
            s.file[k] = path_join(ae_model.folder, ae->files[k]);
    }
    if (nfiles) {
        s.kind = kind_of_file(files[0], s.kind);
        if (!s.kind || reader_of(s.kind)->holds_out)
            fail("%s: no reader is known for this kind of file", files[0]);
        s.file = files;
        s.nfiles = nfiles;
    }
    if (!s.kind)
        fail("the model names no data; give some with --train FILES");
    reader_of(s.kind)->read(&s, &out);
    if (out.rows == 0)
        fail("%s: there are no rows", s.nfiles ? s.file[0] : s.kind);
    check_answers(&out, s.nfiles ? s.file[0] : s.kind);
    *holds_out = reader_of(s.kind)->holds_out;
    return out;
}

static struct { bool read, train_read; Split train, validation, test; } data;

static void read_test(void)
{
    bool ignored;
    data.test = read_source("test", opt.test, opt.ntest, &ignored);
}

static void read_train(void)
{
    bool holds_out;
    const bool own_test = opt.ntest || source_of("test");
    data.train = read_source("train", opt.train, opt.ntrain, &holds_out);
    data.train_read = true;
    const double limit = data_setting("rows") ? data_setting("rows")->number[0] : INFINITY;
    if (limit < 1)
        fail("rows = %g leaves no row", limit);
    if (limit < (double) data.train.rows) {
        Split some = hold_out(&data.train, (long) limit, STREAM_ROWS);
        drop_split(&data.train);
        data.train = some;
    }
    if (!own_test) {
        const double f = fraction_of("test", holds_out ? 0.2 : 0);
        if (f > 0)
            data.test = hold_out(&data.train, (long) floor(f * (double) data.train.rows + 0.5),
                                 STREAM_TEST);
    }
    keep_classes(&data.train, "only");
    const double v = fraction_of("validation", 0);
    if (v > 0)
        data.validation = hold_out(&data.train, (long) floor(v * (double) data.train.rows + 0.5),
                                   STREAM_VALIDATION);
    if (!learnt_known)
        scale_learn(&data.train);
}

/* Other test data with weights that know the scale needs no training rows;
 * everything else reads both. */
static void read_all(bool test_alone)
{
    const bool own_test = opt.ntest || source_of("test");
    if (!data.train_read && !(test_alone && own_test && learnt_known)) {
        read_train();
        scale_split(&data.train, false);
        scale_split(&data.validation, false);
        if (!own_test || !data.read) {
            if (own_test)
                read_test();
            keep_classes(&data.test, "test_only");
            scale_split(&data.test, opt.ntest > 0);
        }
        data.read = true;
    } else if (!data.read) {
        read_test();
        keep_classes(&data.test, "test_only");
        scale_split(&data.test, opt.ntest > 0);
        data.read = true;
    }
}

const Split *data_split(const char *name)
{
    const bool test = strcmp(name, "test") == 0;
    if (!learnt)
        learnt = need((size_t) ae_model.ninputs, sizeof *learnt);
    if (!data.read || (!test && !data.train_read))
        read_all(test);
    Split *const s = test ? &data.test : strcmp(name, "validation") == 0 ? &data.validation : &data.train;
    return s->rows ? s : NULL;
}

/* Rows; bytes of one that is over before what follows is fetched by itself; elements of a batch that
   pay for threads, and rows that one of these takes at a time. */
enum { AHEAD = 8, SHORT = 256, MANY = 16384, SOME = 8 };

/* ---- a batch -------------------------------------------------------------------------------- */
static void fill_rows(const Split *s, int input, const long *row, int from, int to,
                      const uint8_t *labelled)
{
    const AeInput *const in = &ae_model.inputs[input];
    const Column *const c = &s->column[input];
    const size_t w = (size_t) input_width(input);
    const void *const at = c->whole ? (const void *) c->whole : c->byte ? (const void *) c->byte : c->real;
    const size_t bytes = w * (c->whole ? sizeof *c->whole : c->byte ? 1 : sizeof *c->real);
    for (int k = from; k < to; k++) {
        const size_t r = (size_t) row[k];
        if (k + AHEAD < to && bytes <= SHORT && c->there)
            __builtin_prefetch((const char *) at + (size_t) row[k + AHEAD] * bytes);
        if (in->has)
            in->has[k] = c->there && (!c->has || c->has[r])
                && (!in->label || !labelled || labelled[r]);
        if (in->length)
            in->length[k] = c->length ? c->length[r] : in->array.shape[1];
        if (!c->there)
            continue;
        if (c->whole)
            memcpy((int32_t *) in->array.at + (size_t) k * w, c->whole + r * w,
                   w * sizeof(int32_t));
        else if (c->byte)
            for (size_t e = 0; e < w; e++)
                ((ae_real *) in->array.at)[(size_t) k * w + e] = c->value[c->byte[r * w + e]];
        else if (sizeof(ae_real) == sizeof(float))
            memcpy((ae_real *) in->array.at + (size_t) k * w, c->real + r * w, w * sizeof(float));
        else
            for (size_t e = 0; e < w; e++)
                ((ae_real *) in->array.at)[(size_t) k * w + e] = c->real[r * w + e];
    }
}

void split_fill(const Split *s, const long *row, int n, const int *inputs, int ninputs,
                const uint8_t *labelled)
{
    for (int k = 0; k < ninputs; k++) {
        const AeInput *const in = &ae_model.inputs[inputs[k]];
        if (!s->column[inputs[k]].there && !(in->label && in->has))
            fail("the data has no %s %s", in->label ? "label" : "input", in->array.name);
        if (n * input_width(inputs[k]) < MANY) {
            fill_rows(s, inputs[k], row, 0, n, labelled);
        } else {            /* each thread about the rows that it computes with */
            #pragma omp parallel for schedule(static)
            for (int from = 0; from < n; from += SOME)
                fill_rows(s, inputs[k], row, from, from + SOME < n ? from + SOME : n, labelled);
        }
    }
    ae_clock.batch = n;
}
