/* compare.c -- whether the gradients that a trainer wrote are those that were recorded.
 *
 *     compare GOT.safetensors NAME.grads.safetensors NAME.json
 *     compare --losses METRICS.jsonl NAME.json
 *     compare --grads TOLERANCE A.safetensors B.safetensors
 *     compare --runs TOLERANCE A.jsonl B.jsonl
 *
 * The first compares the loss, to 1e-5 of itself, and every tensor by name, to 1e-4 of the largest entry
 * that it should have. A gradient that is 0 but for rounding (a bias before a normalisation) has no such
 * entry: the largest of all tensors / 100 stands in. The loss is the tensor `loss` of GOT, or a text
 * `loss` among its metadata; its terms, `loss.NAME`, are passed over. The second compares the training loss of ten epochs of one step to 1e-4. The others
 * compare what two builds of one model say: all tensors, and every number of each epoch but its seconds.
 * Prints a line for each thing that differs; exit status 0: nothing does, 1: something, 2: unreadable. */
#define _GNU_SOURCE
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TENSORS = 500, MAX_NAME = 200, MAX_RANK = 16 };

typedef struct {
    char name[MAX_NAME];
    int rank;
    long shape[MAX_RANK];
    long count;
    double *at;
} Tensor;

typedef struct {
    Tensor tensor[MAX_TENSORS];
    int n;
    double loss;        /* NAN: none */
} File;

static const char *reading;     /* the file at hand, for messages */

static void unreadable(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", reading);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(2);
}

static char *read_all(const char *path, size_t *size)
{
    reading = path;
    FILE *f = fopen(path, "rb");
    if (!f)
        unreadable("cannot be opened");
    size_t n = 0, room = 1 << 16;
    char *text = malloc(room);
    for (size_t got; (got = fread(text + n, 1, room - n - 1, f)) > 0;) {
        n += got;
        if (room - n < 2)
            text = realloc(text, room *= 2);
    }
    fclose(f);
    text[n] = 0;
    *size = n;
    return text;
}

/* ---- just as much JSON as such files have ---------------------------------------------------------- */
static const char *skip(const char *s)
{
    while (*s == ' ' || *s == '\n' || *s == '\r' || *s == '\t')
        s++;
    return s;
}

static const char *expect(const char *s, char c)
{
    s = skip(s);
    if (*s != c)
        unreadable("`%c` is missing before: %.20s", c, s);
    return s + 1;
}

static const char *string(const char *s, char *out)
{
    int n = 0;
    for (s = expect(s, '"'); *s && *s != '"' && n < MAX_NAME - 1; s++)
        out[n++] = *s;
    out[n] = 0;
    return expect(s, '"');
}

/* Past any value. */
static const char *value(const char *s)
{
    char word[MAX_NAME];
    s = skip(s);
    if (*s == '"')
        return string(s, word);
    if (*s != '{' && *s != '[')
        return s + strcspn(s, ",}] \r\n\t");
    char end = *s == '{' ? '}' : ']';
    for (s = skip(s + 1); *s && *s != end; s = skip(*s == ',' ? s + 1 : s)) {
        if (end == '}')
            s = expect(string(s, word), ':');
        s = value(s);
    }
    return expect(s, end);
}

/* Calls see(key, value) for every member of the object at s. */
static const char *members(const char *s, void (*see)(const char *key, const char *value, void *), void *with)
{
    char key[MAX_NAME];
    for (s = skip(expect(s, '{')); *s && *s != '}'; s = skip(*s == ',' ? s + 1 : s)) {
        s = expect(string(s, key), ':');
        see(key, skip(s), with);
        s = value(s);
    }
    return expect(s, '}');
}

static int numbers(const char *s, double *out, int most)
{
    int n = 0;
    for (s = skip(expect(s, '[')); *s && *s != ']' && n < most; s = skip(*s == ',' ? s + 1 : s)) {
        out[n++] = strtod(s, NULL);
        s = value(s);
    }
    return n;
}

/* ---- safetensors: 8 bytes of length, a header, numbers ------------------------------------------------ */
typedef struct { char dtype[MAX_NAME]; double shape[MAX_RANK], offset[2]; int rank; } Head;
typedef struct { File *file; const char *data; size_t size; } Body;

static void see_field(const char *key, const char *s, void *with)
{
    Head *h = with;
    if (strcmp(key, "dtype") == 0)
        string(s, h->dtype);
    else if (strcmp(key, "shape") == 0)
        h->rank = numbers(s, h->shape, MAX_RANK);
    else if (strcmp(key, "data_offsets") == 0)
        numbers(s, h->offset, 2);
}

static void see_meta(const char *key, const char *s, void *with)
{
    char text[MAX_NAME];
    if (strcmp(key, "loss") == 0 && *s == '"') {
        string(s, text);
        ((File *) with)->loss = strtod(text, NULL);
    }
}

static double number_at(const char *data, bool is_double, long i)
{
    double d;
    float f;
    if (is_double) {
        memcpy(&d, data + 8 * i, 8);
        return d;
    }
    memcpy(&f, data + 4 * i, 4);
    return f;
}

static void see_tensor(const char *key, const char *s, void *with)
{
    Body *b = with;
    File *file = b->file;
    if (strcmp(key, "__metadata__") == 0) {
        members(s, see_meta, file);
        return;
    }
    Head h = { "", { 0 }, { 0 }, 0 };
    members(s, see_field, &h);
    bool is_double = strcmp(h.dtype, "F64") == 0;
    if (!is_double && strcmp(h.dtype, "F32") != 0)
        return;
    if (file->n == MAX_TENSORS)
        unreadable("more than %d tensors", MAX_TENSORS);
    Tensor *t = &file->tensor[file->n++];
    snprintf(t->name, MAX_NAME, "%s", key);
    t->rank = h.rank;
    t->count = 1;
    for (int i = 0; i < h.rank; i++)
        t->count *= t->shape[i] = (long) h.shape[i];
    long bytes = t->count * (is_double ? 8 : 4);
    if (h.offset[0] < 0 || h.offset[1] > (double) b->size || h.offset[1] - h.offset[0] != (double) bytes)
        unreadable("%s: its numbers are not where the header says", key);
    t->at = malloc((t->count + 1) * sizeof *t->at);
    for (long i = 0; i < t->count; i++)
        t->at[i] = number_at(b->data + (size_t) h.offset[0], is_double, i);
    if (strcmp(key, "loss") == 0 && t->count == 1)
        file->loss = t->at[0];
}

static File *read_tensors(const char *path)
{
    size_t size;
    char *bytes = read_all(path, &size);
    uint64_t head = 0;
    if (size >= 8)
        memcpy(&head, bytes, 8);
    if (size < 8 || head > size - 8)
        unreadable("no safetensors");
    File *file = calloc(1, sizeof *file);
    file->loss = NAN;
    char *text = calloc(head + 1, 1);
    memcpy(text, bytes + 8, head);
    members(text, see_tensor, &(Body){ file, bytes + 8 + head, size - 8 - head });
    free(text);
    free(bytes);
    return file;
}

static Tensor *find(File *file, const char *name)
{
    for (int i = 0; i < file->n; i++)
        if (strcmp(file->tensor[i].name, name) == 0)
            return &file->tensor[i];
    return NULL;
}

/* ---- what was recorded --------------------------------------------------------------------------------- */
typedef struct { double loss, losses[100]; int n; } Record;

static void see_record(const char *key, const char *s, void *with)
{
    Record *r = with;
    if (strcmp(key, "loss") == 0)
        r->loss = strtod(s, NULL);
    else if (strcmp(key, "losses") == 0)
        r->n = numbers(s, r->losses, 100);
}

static Record read_record(const char *path)
{
    size_t size;
    Record r = { NAN, { 0 }, 0 };
    members(read_all(path, &size), see_record, &r);
    return r;
}

/* ---- comparing ------------------------------------------------------------------------------------------- */
static double largest(const Tensor *t)
{
    double m = 0;
    for (long i = 0; i < t->count; i++)
        m = fmax(m, fabs(t->at[i]));
    return m;
}

static bool same_shape(const Tensor *a, const Tensor *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->shape[i] != b->shape[i])
            return false;
    return true;
}

static bool differs(const Tensor *got, const Tensor *want, double floor, double part)
{
    if (!got) {
        printf("%s: missing\n", want->name);
        return true;
    }
    if (!same_shape(got, want)) {
        printf("%s: another shape, %ld elements in place of %ld\n", want->name, got->count, want->count);
        return true;
    }
    double tolerance = part * fmax(largest(want), floor), worst = 0;
    long at = -1;
    for (long i = 0; i < want->count; i++) {
        double d = fabs(got->at[i] - want->at[i]);
        if (!(d <= tolerance) && !(d <= worst)) {
            worst = d;
            at = i;
        }
    }
    if (at >= 0)
        printf("%s: element %ld is %.9g, should be %.9g (off by %.1e, largest entry %.1e)\n",
               want->name, at, got->at[at], want->at[at], worst, largest(want));
    return at >= 0;
}

static bool loss_differs(const char *what, double got, double want, double tolerance)
{
    if (fabs(got - want) <= tolerance * fabs(want))
        return false;
    printf("%s: %.9g, should be %.9g\n", what, got, want);
    return true;
}

static int compare_gradients(char **path)
{
    File *got = read_tensors(path[0]), *want = read_tensors(path[1]);
    Record record = read_record(path[2]);
    int bad = loss_differs("loss", got->loss, record.loss, 1e-5);
    double all = 0;
    for (int i = 0; i < want->n; i++)
        all = fmax(all, largest(&want->tensor[i]));
    for (int i = 0; i < want->n; i++)
        bad += differs(find(got, want->tensor[i].name), &want->tensor[i], all / 100, 1e-4);
    for (int i = 0; i < got->n; i++)
        if (strncmp(got->tensor[i].name, "loss", 4) != 0 && !find(want, got->tensor[i].name)) {
            printf("%s: not expected\n", got->tensor[i].name);
            bad++;
        }
    return bad > 0;
}

static void see_loss(const char *key, const char *s, void *with)
{
    if (strcmp(key, "train/loss") == 0)
        *(double *) with = strtod(s, NULL);
}

static int compare_losses(char **path)
{
    size_t size;
    Record record = read_record(path[1]);
    char *text = read_all(path[0], &size);
    int epoch = 0, bad = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char what[40];
        double loss = NAN;
        members(line, see_loss, &loss);
        if (isnan(loss) || epoch >= record.n - 1)
            continue;
        snprintf(what, sizeof what, "loss before step %d", epoch + 1);
        bad += loss_differs(what, loss, record.losses[epoch++], 1e-4);
    }
    if (epoch < record.n - 1) {
        printf("%d epochs, %d were recorded\n", epoch, record.n - 1);
        bad++;
    }
    return bad > 0;
}

static int compare_alike(double part, char **path)
{
    File *a = read_tensors(path[0]), *b = read_tensors(path[1]);
    double all = 1;
    int bad = a->n != b->n;
    for (int i = 0; i < b->n; i++)
        all = fmax(all, largest(&b->tensor[i]));
    for (int i = 0; i < b->n; i++)
        bad += differs(find(a, b->tensor[i].name), &b->tensor[i], all / 100, part);
    return bad > 0;
}

typedef struct { const char *other; double part; int bad; } Twin;

static void see_number(const char *key, const char *s, void *with)
{
    Twin *twin = with;
    char quoted[MAX_NAME + 4];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(twin->other, quoted);
    const double a = strtod(s, NULL), b = at ? strtod(at + strlen(quoted), NULL) : NAN;
    if (strcmp(key, "seconds") == 0 || *s == '"' || *s == '[' || fabs(a - b) <= twin->part * fmax(1, fabs(b)))
        return;
    printf("%s: %.12g and %.12g\n", key, a, b);
    twin->bad++;
}

static int compare_runs(double part, char **path)
{
    size_t size;
    char *rest[2], *a, *b, *text[] = { read_all(path[0], &size), read_all(path[1], &size) };
    Twin twin = { NULL, part, 0 };
    a = strtok_r(text[0], "\n", &rest[0]);
    b = strtok_r(text[1], "\n", &rest[1]);
    for (; a && b; a = strtok_r(NULL, "\n", &rest[0]), b = strtok_r(NULL, "\n", &rest[1])) {
        twin.other = b;
        members(a, see_number, &twin);
    }
    if (a || b) {
        printf("one run has more epochs\n");
        twin.bad++;
    }
    return twin.bad > 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "--grads") == 0)
        return compare_alike(strtod(argv[2], NULL), argv + 3);
    if (argc == 5 && strcmp(argv[1], "--runs") == 0)
        return compare_runs(strtod(argv[2], NULL), argv + 3);
    if (argc == 4 && strcmp(argv[1], "--losses") == 0)
        return compare_losses(argv + 2);
    if (argc == 4)
        return compare_gradients(argv + 1);
    fprintf(stderr, "usage: compare GOT.safetensors NAME.grads.safetensors NAME.json\n"
                    "       compare --losses METRICS.jsonl NAME.json\n"
                    "       compare --grads TOLERANCE A.safetensors B.safetensors\n"
                    "       compare --runs TOLERANCE A.jsonl B.jsonl\n");
    return 2;
}
