/* tool.c -- what the checks of the catalogue need of files and of numbers, with nothing of the compiler in it.
 *
 *     tool npy FILE SHAPE NUMBER...            writes an array; SHAPE is 2,3; fewer numbers are repeated
 *     tool weights FILE NAME SHAPE NUMBERS...  writes tensors; NUMBERS is 1,2,3 and repeated
 *     tool get FILE [NAME]                     prints the numbers of an .npy, or of one tensor of a .safetensors
 *     tool same A B PATTERN                    the tensors that PATTERN begins are the same bits in both
 *     tool noise FROM SD TO                    adds normal noise
 *     tool psnr CLEAN OTHER                    peak 1
 *     tool grid FOLDER FIRST CASES             a model of many convolutions, its data and weights (see below)
 *     tool grid-check FOLDER                   what came of it, against loops written here
 *     tool sgd FOLDER RATE                     one step of 64-2-64 by hand
 *     tool pca RECORD DATA.npy [WEIGHTS NAME ANGLE]   the recorded components, and the plane of a decoder against them
 *
 * Prints what is wrong and exits with 1; a file that cannot be read is 2. */
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { RANK = 8, NAME = 100, TENSORS = 2000 };   /* rank and names as the trainer writes them */
typedef struct { char name[NAME]; int rank; long shape[RANK], count; double *at; const char *raw; size_t bytes; } Array;
static int wrong;

static _Noreturn void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    exit(2);
}

static void complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (wrong++ < 8) {
        vprintf(format, args);
        putchar('\n');
    }
    va_end(args);
}

static void *room(long n, size_t size)
{
    void *p = calloc((size_t) n + 1, size);
    return p ? p : (die("no memory"), NULL);
}

static FILE *opened(const char *path, const char *how)
{
    FILE *f = fopen(path, how);
    return f ? f : (die("%s cannot be opened", path), NULL);
}

static char *in(const char *folder, const char *name)
{
    char *path = room((long) (strlen(folder) + strlen(name) + 2), 1);
    sprintf(path, "%s/%s", folder, name);
    return path;
}

/* ---- arrays as files ------------------------------------------------------------------------------------ */
static char *slurp(const char *path, size_t *size)
{
    FILE *f = opened(path, "rb");
    fseek(f, 0, SEEK_END);
    const long n = ftell(f);
    rewind(f);
    char *text = room(n, 1);
    if (fread(text, 1, (size_t) n, f) != (size_t) n)
        die("%s cannot be read", path);
    fclose(f);
    *size = (size_t) n;
    return text;
}

static long parse_shape(Array *a, const char *s)
{
    a->rank = 0;
    a->count = 1;
    for (s += strcspn(s, "0123456789)]"); *s >= '0' && *s <= '9'; s += strcspn(s, "0123456789)]")) {
        a->shape[a->rank] = strtol(s, (char **) &s, 10);
        a->count *= a->shape[a->rank++];
    }
    return a->count;
}

static void take_numbers(Array *a, const char *data, bool wide)
{
    a->raw = data;
    a->bytes = (size_t) a->count * (wide ? 8 : 4);
    a->at = room(a->count, sizeof(double));
    for (long k = 0; k < a->count; k++) {
        float f;
        if (wide)
            memcpy(&a->at[k], data + 8 * k, 8);
        else {
            memcpy(&f, data + 4 * k, 4);
            a->at[k] = f;
        }
    }
}

static Array npy_read(const char *path)
{
    size_t size;
    char *text = slurp(path, &size), *shape = size > 12 ? strstr(text + 10, "'shape':") : NULL;
    if (!shape)
        die("%s is no .npy", path);
    Array a = { 0 };
    const size_t head = 10 + (size_t) (uint8_t) text[8] + 256 * (size_t) (uint8_t) text[9];
    parse_shape(&a, shape + 8);
    const char *const wide = strstr(text + 10, "<f8");      /* in the head, not among the numbers */
    take_numbers(&a, text + head, wide && wide < text + head);
    return a;
}

static void npy_write(const char *path, const Array *a)
{
    char head[128], shape[64] = "";
    for (int d = 0; d < a->rank; d++)
        sprintf(shape + strlen(shape), "%ld,", a->shape[d]);
    snprintf(head, sizeof head, "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", shape);
    FILE *f = opened(path, "wb");
    fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, f);
    fprintf(f, "%-117s\n", head);
    for (long k = 0; k < a->count; k++)
        fwrite(&(float) { (float) a->at[k] }, 4, 1, f);
    fclose(f);
}

/* The header is what the trainer writes: one line of JSON without blanks in it. */
static int tensors_read(const char *path, Array *out)
{
    size_t size;
    const char *const text = slurp(path, &size);
    uint64_t head;
    memcpy(&head, text, 8);
    int n = 0;
    for (const char *s = text + 8; (s = strstr(s, "\":{\"dtype\":\"F")) && s < text + 8 + head && n < TENSORS; s++) {
        const char *begin = s;
        while (begin[-1] != '"')
            begin--;
        Array *const a = &out[n++];
        snprintf(a->name, NAME, "%.*s", (int) (s - begin), begin);
        const char *const shape = strstr(s, "\"shape\":") + 8, *const offset = strstr(s, "\"data_offsets\":[") + 16;
        parse_shape(a, shape);
        take_numbers(a, text + 8 + head + strtol(offset, NULL, 10), s[13] == '6');
    }
    return n;
}

static const Array *find(const Array *a, int n, const char *name)
{
    for (int k = 0; k < n; k++)
        if (strcmp(a[k].name, name) == 0)
            return &a[k];
    die("there is no tensor %s", name);
}

static void tensors_write(const char *path, const Array *a, int n)
{
    char *head = room(300L * n + 8, 1), *end = head;
    long at = 0;
    for (int k = 0; k < n; k++) {
        end += sprintf(end, "%c\"%s\":{\"dtype\":\"F32\",\"shape\":[", k ? ',' : '{', a[k].name);
        for (int d = 0; d < a[k].rank; d++)
            end += sprintf(end, "%s%ld", d ? "," : "", a[k].shape[d]);
        end += sprintf(end, "],\"data_offsets\":[%ld,%ld]}", at, at + 4 * a[k].count);
        at += 4 * a[k].count;
    }
    end += sprintf(end, "}");
    while ((end - head) % 8)
        *end++ = ' ';
    FILE *f = opened(path, "wb");
    fwrite(&(uint64_t) { (uint64_t) (end - head) }, 8, 1, f);
    fwrite(head, 1, (size_t) (end - head), f);
    for (int k = 0; k < n; k++)
        for (long e = 0; e < a[k].count; e++)
            fwrite(&(float) { (float) a[k].at[e] }, 4, 1, f);
    fclose(f);
}

static Array array(const char *name, int rank, const long *shape)
{
    Array a = { .rank = rank, .count = 1 };
    snprintf(a.name, NAME, "%s", name);
    for (int d = 0; d < rank; d++)
        a.count *= a.shape[d] = shape[d];
    a.at = room(a.count, sizeof(double));
    return a;
}

/* Small whole numbers, -2 to 2: sums of their products are exact in float, so results can be compared with ==. */
static void whole(Array *a, uint64_t seed)
{
    for (long k = 0; k < a->count; k++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        a->at[k] = (double) (seed >> 40) * 5 / (1 << 24);
        a->at[k] = floor(a->at[k]) - 2;
    }
}

/* ---- the grid of convolutions ----------------------------------------------------------------------------- */
/* A case has a large image L of C channels and a small one S of F, a kernel and what goes with it:
 *     conv            L -> S,  S[o, i, j] = b[o] + sum x[a, i s + u - p, j s + v - p] f[o, a, u, v]
 *     conv_transpose  S -> L,  L[a, i s + u - p, j s + v - p] += y[o, i, j] f[o, a, u, v], then + b[a]
 * with one and the same f, so that <conv x, y> = <x, conv_transpose y>. Height and width are two members of the grid
 * at once: the first half of what is due is read upwards, the second downwards. */
enum { C = 2, F = 3, MOST = 3000 };
typedef struct { int k, s, p, large[2], small[2], pad[2]; } Case;
static Case cases[MOST];
static int ncases;

static void pair_up(int k, int s, int p, int (*due)[3], int n)
{
    for (int a = 0, b = n - 1; a <= b; a++, b--) {
        if (ncases == MOST)
            die("more than %d cases", MOST);
        cases[ncases++] = (Case) { k, s, p, { due[a][0], due[b][0] }, { due[a][1], due[b][1] }, { due[a][2], due[b][2] } };
    }
}

static void fill_cases(void)
{
    for (int k = 1; k <= 5; k++)
        for (int s = 1; s <= 3; s++)
            for (int p = 0; p < k; p++) {
                int due[64][3], n = 0;
                for (int i = 1; i <= 9; i++)        /* item 81: every size of the small side, every output padding */
                    for (int o = 0; o < s; o++) {
                        const int large = s * (i - 1) + (k - 1) - 2 * p + o + 1;
                        if (large >= 1) {
                            due[n][0] = large, due[n][1] = i, due[n++][2] = o;
                        }
                    }
                for (int i = 1; i <= 9; i++) {      /* item 80: every size of the large side that is not there yet */
                    const int reach = i + 2 * p - k, small = reach / s + 1;
                    if (reach >= 0 && small > 9) {
                        due[n][0] = i, due[n][1] = small, due[n++][2] = reach % s;
                    }
                }
                pair_up(k, s, p, due, n);
            }
}

static long cells(const int *size) { return (long) size[0] * size[1]; }

static void grid(const char *folder, int first, int step)
{
    FILE *ae = opened(in(folder, "grid.ae"), "w"), *list = opened(in(folder, "cases"), "w");
    Array *w = room(4L * MOST, sizeof *w);
    long outputs = 0, inputs = 0;
    int n = 0, chosen = 0;
    for (int c = first; c < ncases; c += step) {
        outputs += F * cells(cases[c].small) + C * cells(cases[c].large);
        inputs = fmax(inputs, fmax(F * cells(cases[c].small), C * cells(cases[c].large)));
    }
    fprintf(ae, "ae 1\nmodel grid\n\ninput x : vector(%ld)\ninput r : vector(%ld)\n\n"
            "data { train = npy(\"x.npy\", \"r.npy\") }\n\n"
            "## The first numbers of a vector as an image.\n"
            "layer picture(channels, height, width) {\n    in x[n, k]\n    out y[n, channels, height, width]\n"
            "    y[n, c, i, j] = x[n, (c * height + i) * width + j]\n}\n\n"
            "loss dot {\n    in a[n, k], r[n, k]\n    value[n] = sum(j) a[n, j] * r[n, j]\n}\n\n"
            "encoder {\n    concat {\n", inputs, outputs);
    for (int c = first; c < ncases; c += step, chosen++) {
        const Case *const q = &cases[c];
        fprintf(ae, "        { picture(%d, %d, %d) conv(%d, %d, %d, %d) flatten }\n", C, q->large[0], q->large[1], F, q->k, q->s, q->p);
        fprintf(ae, "        { picture(%d, %d, %d) conv_transpose(%d, %d, %d, %d, %d, %d) flatten }\n",
                F, q->small[0], q->small[1], C, q->k, q->s, q->p, q->pad[0], q->pad[1]);
        fprintf(list, "%d %d %d  %d %d  %d %d  %d %d\n", q->k, q->s, q->p, q->large[0], q->large[1], q->small[0], q->small[1], q->pad[0], q->pad[1]);
        char name[NAME];
        sprintf(name, "encoder.conv%d.f", chosen + 1);
        w[n] = array(name, 4, (long[]) { F, C, q->k, q->k });
        whole(&w[n++], (uint64_t) c);
        sprintf(name, "encoder.conv%d.b", chosen + 1);
        w[n] = array(name, 1, (long[]) { F });
        whole(&w[n++], (uint64_t) c + 10000);
        sprintf(name, "encoder.conv_transpose%d.f", chosen + 1);
        w[n] = w[n - 2];
        strcpy(w[n++].name, name);
        sprintf(name, "encoder.conv_transpose%d.b", chosen + 1);
        w[n] = array(name, 1, (long[]) { C });
        whole(&w[n++], (uint64_t) c + 20000);
    }
    fprintf(ae, "    }\n}\n\npretext all { minimize dot(encoder(x), r) }\n\n"
            "train {\n    optimizer = sgd(lr = 1)\n    batch = all\n    epochs = 1\n}\n");
    fclose(ae);
    fclose(list);
    tensors_write(in(folder, "weights.safetensors"), w, n);
    Array x = array("x", 2, (long[]) { 2, inputs }), r = array("r", 2, (long[]) { 2, outputs });
    whole(&x, 1);
    whole(&r, 2);
    npy_write(in(folder, "x.npy"), &x);
    npy_write(in(folder, "r.npy"), &r);
    printf("%d cases\n", chosen);
}

/* Everything that touches: visit(x of L, y of S, weight) for every product of the definition. */
typedef struct { const Case *q; int a, o, u, v, i, j, li, lj; } Touch;
static bool touch_next(Touch *t)
{
    const Case *const q = t->q;
    int *const at[] = { &t->j, &t->i, &t->v, &t->u, &t->a, &t->o };
    const int end[] = { q->small[1], q->small[0], q->k, q->k, C, F };
    do {
        int d = 0;
        while (d < 6 && ++*at[d] == end[d])
            *at[d++] = 0;
        if (d == 6)
            return false;
        t->li = t->i * q->s + t->u - q->p;
        t->lj = t->j * q->s + t->v - q->p;
    } while (t->li < 0 || t->li >= q->large[0] || t->lj < 0 || t->lj >= q->large[1]);
    return true;
}

static long at_large(const Touch *t) { return (t->a * (long) t->q->large[0] + t->li) * t->q->large[1] + t->lj; }
static long at_small(const Touch *t) { return (t->o * (long) t->q->small[0] + t->i) * t->q->small[1] + t->j; }
static long at_f(const Touch *t) { return ((t->o * (long) C + t->a) * t->q->k + t->u) * t->q->k + t->v; }

static void differ(const char *what, const Case *q, long n, const double *got, const double *want)
{
    for (long e = 0; e < n; e++)
        if (got[e] != want[e]) {
            complain("%s k=%d s=%d p=%d large %dx%d small %dx%d output pad %d,%d: element %ld is %g, by hand %g", what, q->k, q->s,
                     q->p, q->large[0], q->large[1], q->small[0], q->small[1], q->pad[0], q->pad[1], e, got[e], want[e]);
            return;
        }
}

static void grid_check(const char *folder)
{
    static Array w[TENSORS], g[TENSORS];
    const Array x = npy_read(in(folder, "x.npy")), r = npy_read(in(folder, "r.npy")), z = npy_read(in(folder, "z.npy"));
    const int nw = tensors_read(in(folder, "weights.safetensors"), w), ng = tensors_read(in(folder, "grad.safetensors"), g);
    FILE *list = opened(in(folder, "cases"), "r");
    long at = 0;
    int number = 0;
    Case q;
    if (z.shape[1] != r.shape[1])
        die("the codes have %ld numbers a row, by the formulas of the sizes %ld", z.shape[1], r.shape[1]);
    while (fscanf(list, "%d %d %d %d %d %d %d %d %d", &q.k, &q.s, &q.p, &q.large[0], &q.large[1], &q.small[0], &q.small[1], &q.pad[0], &q.pad[1]) == 9) {
        char name[4][NAME];
        number++;
        sprintf(name[0], "encoder.conv%d.f", number);
        sprintf(name[1], "encoder.conv%d.b", number);
        sprintf(name[2], "encoder.conv_transpose%d.f", number);
        sprintf(name[3], "encoder.conv_transpose%d.b", number);
        const double *const f = find(w, nw, name[0])->at, *const b = find(w, nw, name[1])->at, *const d = find(w, nw, name[3])->at;
        const long small = F * cells(q.small), large = C * cells(q.large), nf = (long) F * C * q.k * q.k;
        double *df = room(nf, 8), *db = room(F, 8), *dft = room(nf, 8), *dbt = room(C, 8);
        for (int row = 0; row < 2; row++) {
            const double *const in = x.at + row * x.shape[1], *const got = z.at + row * z.shape[1] + at, *const ry = r.at + row * r.shape[1] + at;
            double *y = room(small, 8), *l = room(large, 8), left = 0, right = 0;
            for (long e = 0; e < small; e++) {
                y[e] = b[e / cells(q.small)];
                db[e / cells(q.small)] += ry[e] / 2;
            }
            for (long e = 0; e < large; e++) {
                l[e] = d[e / cells(q.large)];
                dbt[e / cells(q.large)] += ry[small + e] / 2;
            }
            for (Touch t = { .q = &q, .j = -1 }; touch_next(&t);) {
                y[at_small(&t)] += in[at_large(&t)] * f[at_f(&t)];
                l[at_large(&t)] += in[at_small(&t)] * f[at_f(&t)];
                df[at_f(&t)] += in[at_large(&t)] * ry[at_small(&t)] / 2;
                dft[at_f(&t)] += in[at_small(&t)] * ry[small + at_large(&t)] / 2;
            }
            differ("conv", &q, small, got, y);
            differ("conv_transpose", &q, large, got + small, l);
            for (long e = 0; e < small; e++)        /* both without their biases */
                left += (got[e] - b[e / cells(q.small)]) * in[e];
            for (long e = 0; e < large; e++)
                right += in[e] * (got[small + e] - d[e / cells(q.large)]);
            if (left != right)
                complain("k=%d s=%d p=%d %dx%d: <conv x, y> = %g and <x, conv_transpose y> = %g", q.k, q.s, q.p, q.large[0], q.large[1], left, right);
            free(y);
            free(l);
        }
        at += small + large;
        differ("gradient of conv's f,", &q, nf, find(g, ng, name[0])->at, df);
        differ("gradient of conv's b,", &q, F, find(g, ng, name[1])->at, db);
        differ("gradient of conv_transpose's f,", &q, nf, find(g, ng, name[2])->at, dft);
        differ("gradient of conv_transpose's b,", &q, C, find(g, ng, name[3])->at, dbt);
        free(df);
        free(db);
        free(dft);
        free(dbt);
    }
    if (at != z.shape[1])
        complain("%ld numbers a row checked of %ld", at, z.shape[1]);
    printf("%d cases\n", number);
}

/* ---- one step of gradient descent on 64-2-64 ---------------------------------------------------------------- */
/* h = tanh(x v + a), r = h w + b, loss = mean (r - x)^2: all of it written out. */
static void sgd(const char *folder, double rate)
{
    static Array old[8], new[8];
    enum { N = 64, H = 2 };
    const Array x = npy_read(in(folder, "x.npy"));
    const int n = tensors_read(in(folder, "weights.safetensors"), old), m = tensors_read(in(folder, "run/model.safetensors"), new);
    static const char *const names[] = { "encoder.dense1.w", "encoder.dense1.b", "decoder.dense1.w", "decoder.dense1.b" };
    double *step[4];
    const double *at[4];
    for (int k = 0; k < 4; k++) {
        at[k] = find(old, n, names[k])->at;
        step[k] = room(find(old, n, names[k])->count, sizeof(double));
    }
    for (long row = 0; row < x.shape[0]; row++) {
        const double *const in = x.at + row * N;
        double h[H], dh[H] = { 0 };
        for (int j = 0; j < H; j++) {
            h[j] = at[1][j];
            for (int i = 0; i < N; i++)
                h[j] += in[i] * at[0][i * H + j];
            h[j] = tanh(h[j]);
        }
        for (int i = 0; i < N; i++) {
            double r = at[3][i];
            for (int j = 0; j < H; j++)
                r += h[j] * at[2][j * N + i];
            const double dr = 2 * (r - in[i]) / N / (double) x.shape[0];
            step[3][i] += dr;
            for (int j = 0; j < H; j++) {
                step[2][j * N + i] += dr * h[j];
                dh[j] += dr * at[2][j * N + i];
            }
        }
        for (int j = 0; j < H; j++) {
            const double du = dh[j] * (1 - h[j] * h[j]);
            step[1][j] += du;
            for (int i = 0; i < N; i++)
                step[0][i * H + j] += du * in[i];
        }
    }
    double largest = 0;
    for (int k = 0; k < 4; k++) {
        const Array *const got = find(new, m, names[k]);
        for (long e = 0; e < got->count; e++) {
            const double want = at[k][e] - rate * step[k][e];
            largest = fmax(largest, fabs(rate * step[k][e]));
            if (!(fabs(got->at[e] - want) <= 1e-6 * fmax(1, fabs(want))))
                complain("%s[%ld] is %.9g, by hand %.9g", names[k], e, got->at[e], want);
        }
    }
    if (largest < 1e-2)
        complain("no parameter moves by more than %g: this shows nothing", largest);
}

/* ---- principal components -------------------------------------------------------------------------------------- */
/* The record, by record_pca.py: rows, columns and how many; the mean squared error that m components leave, m = 0 to
 * how many; then the first 8 directions. */
typedef struct { int n, most, kept; double *left, *direction; } Record;

static double number(FILE *f)
{
    double v;
    if (fscanf(f, " %lf", &v) != 1)
        die("the record of the components is cut short");
    return v;
}

static Record record_read(const char *path)
{
    FILE *f = opened(path, "r");
    Record r;
    while (fgetc(f) != '\n');       /* a line that says what it is */
    r.n = (int) number(f);
    r.most = (int) number(f);
    r.kept = (int) number(f);
    r.left = room(r.most + 1, 8);
    r.direction = room((long) r.kept * r.n, 8);
    for (int k = 0; k <= r.most; k++)
        r.left[k] = number(f);
    for (int k = 0; k < r.kept * r.n; k++)
        r.direction[k] = number(f);
    fclose(f);
    return r;
}

/* The smallest eigenvalue of a symmetric matrix, by Jacobi's rotations. */
static double least_eigenvalue(double *a, int n)
{
    for (int sweep = 0; sweep < 60; sweep++)
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++) {
                if (a[p * n + q] == 0)
                    continue;
                const double t = atan2(2 * a[p * n + q], a[q * n + q] - a[p * n + p]) / 2, c = cos(t), s = sin(t);
                for (int k = 0; k < n; k++) {
                    const double u = a[k * n + p], v = a[k * n + q];
                    a[k * n + p] = c * u - s * v;
                    a[k * n + q] = s * u + c * v;
                }
                for (int k = 0; k < n; k++) {
                    const double u = a[p * n + k], v = a[q * n + k];
                    a[p * n + k] = c * u - s * v;
                    a[q * n + k] = s * u + c * v;
                }
            }
    double least = INFINITY;
    for (int k = 0; k < n; k++)
        least = fmin(least, a[k * n + k]);
    return least;
}

/* Degrees between the plane that the rows of w span and that of the first m directions: the largest principal angle.
 * Also how far the rows are from being orthonormal. */
static double angle(const Record *r, const Array *w, double *skew)
{
    const int m = (int) w->shape[0], n = r->n;
    if (m > r->kept || w->shape[1] != n)
        die("the record has %d directions of %d", r->kept, n);
    double *q = room((long) m * n, 8), *c = room((long) m * m, 8), *g = room((long) m * m, 8);
    *skew = 0;
    for (int a = 0; a < m; a++)
        for (int b = 0; b < m; b++) {
            double dot = 0;
            for (int i = 0; i < n; i++)
                dot += w->at[a * n + i] * w->at[b * n + i];
            *skew = fmax(*skew, fabs(dot - (a == b)));
        }
    for (int a = 0; a < m; a++) {               /* Gram-Schmidt, each twice */
        memcpy(q + (long) a * n, w->at + (long) a * n, (size_t) n * 8);
        for (int twice = 0; twice < 2; twice++) {
            for (int b = 0; b < a; b++) {
                double dot = 0;
                for (int i = 0; i < n; i++)
                    dot += q[a * n + i] * q[b * n + i];
                for (int i = 0; i < n; i++)
                    q[a * n + i] -= dot * q[b * n + i];
            }
            double length = 0;
            for (int i = 0; i < n; i++)
                length += q[a * n + i] * q[a * n + i];
            for (int i = 0; i < n; i++)
                q[a * n + i] /= sqrt(length);
        }
    }
    for (int a = 0; a < m; a++)
        for (int b = 0; b < m; b++)
            for (int i = 0; i < n; i++)
                c[a * m + b] += q[a * n + i] * r->direction[b * n + i];
    for (int a = 0; a < m; a++)
        for (int b = 0; b < m; b++)
            for (int k = 0; k < m; k++)
                g[a * m + b] += c[a * m + k] * c[b * m + k];
    const double cosine2 = least_eigenvalue(g, m);
    return acos(sqrt(fmax(0, fmin(1, cosine2)))) * 180 / acos(-1);
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */
static void put_npy(int argc, char **argv)
{
    Array a = { 0 };
    parse_shape(&a, argv[3]);
    a.at = room(a.count, sizeof(double));
    for (long k = 0; k < a.count; k++)
        a.at[k] = strtod(argv[4 + k % (argc - 4)], NULL);
    npy_write(argv[2], &a);
}

static void put_weights(int argc, char **argv)
{
    Array *a = room(argc, sizeof *a);
    int n = 0;
    for (int k = 3; k + 2 < argc; k += 3, n++) {
        snprintf(a[n].name, NAME, "%s", argv[k]);
        parse_shape(&a[n], argv[k + 1]);
        a[n].at = room(a[n].count, sizeof(double));
        const char *s = argv[k + 2];
        for (long e = 0; e < a[n].count; e++) {
            a[n].at[e] = strtod(s, NULL);
            s += strcspn(s, ",");
            s = *s ? s + 1 : argv[k + 2];
        }
    }
    tensors_write(argv[2], a, n);
}

static void get(const char *path, const char *name)
{
    static Array all[TENSORS];
    Array one;
    const Array *a = &one;
    if (name)
        a = find(all, tensors_read(path, all), name);
    else
        one = npy_read(path);
    for (long k = 0; k < a->count; k++)
        printf("%.17g%c", a->at[k], k + 1 < a->count ? ' ' : '\n');
}

static void same(const char *left, const char *right, const char *pattern)
{
    static Array a[TENSORS], b[TENSORS];
    const int n = tensors_read(left, a), m = tensors_read(right, b);
    int seen = 0;
    for (int k = 0; k < n; k++)
        if (strncmp(a[k].name, pattern, strlen(pattern)) == 0) {
            const Array *const other = find(b, m, a[k].name);
            seen++;
            if (other->bytes != a[k].bytes || memcmp(other->raw, a[k].raw, a[k].bytes) != 0)
                complain("%s is not the same", a[k].name);
        }
    if (!seen)
        complain("no tensor begins with %s", pattern);
}

static double random_unit(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return ((double) (*seed >> 11) + 0.5) / 9007199254740992.0;
}

static void noise(const char *from, double sd, const char *to)
{
    Array a = npy_read(from);
    uint64_t seed = 7;
    for (long k = 0; k < a.count; k++) {
        const double r = sqrt(-2 * log(random_unit(&seed)));
        a.at[k] += sd * r * cos(2 * acos(-1) * random_unit(&seed));
    }
    npy_write(to, &a);
}

static void psnr(const char *clean, const char *other)
{
    const Array a = npy_read(clean), b = npy_read(other);
    double square = 0;
    if (a.count != b.count)
        die("%s has %ld numbers, %s has %ld", clean, a.count, other, b.count);
    for (long k = 0; k < a.count; k++)
        square += (a.at[k] - b.at[k]) * (a.at[k] - b.at[k]);
    printf("%.6g\n", -10 * log10(square / (double) a.count));
}

/* pca RECORD: the errors left by m = 0, 1 .. components. With weights: the angle, and the distance from orthonormal. */
static void pca(int argc, char **argv)
{
    static Array all[TENSORS];
    const Record r = record_read(argv[2]);
    double skew = 0;
    if (argc == 5) {
        const double degrees = angle(&r, find(all, tensors_read(argv[3], all), argv[4]), &skew);
        printf("%.6g %.6g\n", degrees, skew);
        return;
    }
    for (int k = 0; k <= r.most; k++)
        printf("%.10g%c", r.left[k], k < r.most ? ' ' : '\n');
}

int main(int argc, char **argv)
{
    const char *const what = argc > 2 ? argv[1] : "";
    if (strcmp(what, "npy") == 0 && argc > 4)
        put_npy(argc, argv);
    else if (strcmp(what, "weights") == 0 && argc % 3 == 0)
        put_weights(argc, argv);
    else if (strcmp(what, "get") == 0)
        get(argv[2], argv[3]);
    else if (strcmp(what, "same") == 0 && argc == 5)
        same(argv[2], argv[3], argv[4]);
    else if (strcmp(what, "noise") == 0 && argc == 5)
        noise(argv[2], strtod(argv[3], NULL), argv[4]);
    else if (strcmp(what, "psnr") == 0 && argc == 4)
        psnr(argv[2], argv[3]);
    else if (strcmp(what, "grid") == 0 && argc == 5) {
        fill_cases();
        grid(argv[2], atoi(argv[3]), atoi(argv[4]));
    } else if (strcmp(what, "grid-check") == 0)
        grid_check(argv[2]);
    else if (strcmp(what, "sgd") == 0 && argc == 4)
        sgd(argv[2], strtod(argv[3], NULL));
    else if (strcmp(what, "pca") == 0)
        pca(argc, argv);
    else
        die("tool npy|weights|get|same|noise|psnr|grid|grid-check|sgd|pca ...");
    if (wrong > 8)
        printf("and %d more\n", wrong - 8);
    return wrong > 0;
}
