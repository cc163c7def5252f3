/* components.c -- principal components with as many columns as the code, learnt on the training
 * rows, and what they reach beside the model.
 *
 * The plane of a model is that of its reconstructions: the first components of these.
 * Angles between it and the plane of the data's components are those of Jordan: 0 when
 * the planes are one. */
#include "runtime.h"

enum { WIDEST = 4096, TOGETHER = 32 };

/* vector: a row each, the largest first */
typedef struct { int width; double *mean, *value, *vector; } Components;
typedef double (*Cell)(const void *of, long at);

static double column_at(const void *of, long k) { return amount_at(of, k); }
static double result_at(const void *of, long k) { return ((const ae_real *) of)[k]; }

/* The order of additions is fixed by the sizes, whatever the number of threads. */
static Components components_of(Cell at, const void *of, long rows, int w)
{
    Components c = { w, need((size_t) w, sizeof(double)), need((size_t) w, sizeof(double)),
                     need((size_t) w * (size_t) w, sizeof(double)) };
    double *const d = need((size_t) TOGETHER * (size_t) w, sizeof *d);
    for (long r = 0; r < rows; r++)
        for (int i = 0; i < w; i++)
            c.mean[i] += at(of, r * w + i) / (double) rows;
    for (long r = 0; r < rows; r += TOGETHER) {
        const int n = (int) (rows - r < TOGETHER ? rows - r : TOGETHER);
        for (int k = 0; k < n; k++)
            for (int i = 0; i < w; i++)
                d[k * w + i] = at(of, (r + k) * w + i) - c.mean[i];
#ifdef _OPENMP
#pragma omp parallel for schedule(static, 8)
#endif
        for (int i = 0; i < w; i++)
            for (int k = 0; k < n; k++) {
                const double u = d[k * w + i];
                for (int j = 0; j <= i; j++)
                    c.vector[(size_t) i * w + j] += u * d[k * w + j];
            }
    }
    for (int i = 0; i < w; i++)
        for (int j = 0; j <= i; j++)
            c.vector[(size_t) i * w + j] = c.vector[(size_t) j * w + i] = c.vector[(size_t) i * w + j] / (double) rows;
    symmetric_eigen(c.vector, c.value, w);
    free(d);
    return c;
}

static const Components *of_training(int x, const Split *train)
{
    static Components kept;
    if (!kept.width)
        kept = components_of(column_at, &train->column[x], train->rows, (int) input_width(x));
    return &kept;
}

/* What the first `code` components leave of a split, squared and summed. */
static double left_over(const Components *c, const Split *s, int x, int code)
{
    const int w = c->width;
    double *const d = need((size_t) w, sizeof *d), rest = 0;
    for (long r = 0; r < s->rows; r++) {
        for (int i = 0; i < w; i++)
            d[i] = amount_at(&s->column[x], r * w + i) - c->mean[i];
        for (int k = 0; k < code; k++) {
            const double *const v = c->vector + (size_t) k * w;
            double dot = 0;
            for (int i = 0; i < w; i++)
                dot += d[i] * v[i];
            for (int i = 0; i < w; i++)
                d[i] -= dot * v[i];
        }
        for (int i = 0; i < w; i++)
            rest += d[i] * d[i];
    }
    free(d);
    return rest;
}

/* The largest angle and the mean angle, in degrees, between the planes of the first
 * `code` vectors of each. */
static void angles(const Components *a, const Components *b, int code, double *largest,
                   double *mean)
{
    const int w = a->width;
    double *const m = need((size_t) code * (size_t) code, sizeof *m);
    double *const g = need((size_t) code * (size_t) code, sizeof *g);
    double *const square = need((size_t) code, sizeof *square);
    for (int i = 0; i < code; i++)
        for (int j = 0; j < code; j++)
            for (int k = 0; k < w; k++)
                m[i * code + j] += a->vector[(size_t) i * w + k] * b->vector[(size_t) j * w + k];
    for (int i = 0; i < code; i++)
        for (int j = 0; j < code; j++)
            for (int k = 0; k < code; k++)
                g[i * code + j] += m[k * code + i] * m[k * code + j];
    symmetric_eigen(g, square, code);
    *largest = *mean = 0;
    for (int i = 0; i < code; i++) {
        const double angle = acos(sqrt(fmax(0, fmin(1, square[i])))) * 180 / M_PI;
        *largest = fmax(*largest, angle);
        *mean += angle / code;
    }
    free(m); free(g); free(square);
}

typedef struct { const AeProgram *p; Result *r; } Taking;

static void take_batch(void *with, long first, int n)
{
    const Taking *const t = with;
    result_take(t->r, &t->p->outputs[0], first, n);
}

static void add_angles(const char *split, const Components *c, const Split *train, int code,
                       Metrics *m)
{
    const AeProgram *const p = program_find("reconstruct");
    double largest, mean;
    if (!p || p->outputs[0].elem != AE_REAL || row_count(&p->outputs[0]) != c->width)
        return;
    Result r = result_new(&p->outputs[0], train->rows);
    run_rows(p, train, 0, train->rows, take_batch, &(Taking) { p, &r });
    const Components own = components_of(result_at, r.at, train->rows, c->width);
    angles(c, &own, code, &largest, &mean);
    metrics_add(m, "degrees between the planes, the largest", largest, "%s/pca.angle", split);
    metrics_add(m, "degrees between the planes, the mean", mean, "%s/pca.mean_angle", split);
    free(own.mean); free(own.value); free(own.vector); free(r.at);
}

/* The input that has components; fails where it has none. */
static int need_columns(const Split *train)
{
    const int x = input_find(false, 0);
    if (x < 0 || !column_real(&train->column[x]))
        fail("principal components are of an input of real numbers, and %s has none",
             ae_model.name);
    if (input_width(x) > WIDEST)
        fail("pca of %ld columns is too large (%d at most)", input_width(x), WIDEST);
    return x;
}

/* As many as the code has units. */
static int components_kept(const Components *c)
{
    const AeProgram *const encode = program_find("encode");
    const long code = encode ? row_count(&encode->outputs[0]) : 0;
    if (!code)
        fail("pca needs a code, whose size its own is");
    return code < c->width ? (int) code : c->width;
}

/* Rows as the first `count` components see them; 0: as many as the code has units. */
Result components_codes(const Split *s, long rows, int count)
{
    const Split *const train = data_split("train");
    const int x = need_columns(train);
    const Components *const c = of_training(x, train);
    const int n = count ? count : components_kept(c);
    Result r = result_table("components", rows, n);
    for (long k = 0; k < n * rows; k++) {
        double along = 0;
        for (int i = 0; i < c->width && k % n < c->width; i++)
            along += c->vector[(k % n) * c->width + i]
                * (amount_at(&s->column[x], k / n * c->width + i) - c->mean[i]);
        ((ae_real *) r.at)[k] = (ae_real) along;
    }
    return r;
}

/* Rows as these components write them. */
Result components_reconstruct(const Split *s, long rows)
{
    const Split *const train = data_split("train");
    const int x = need_columns(train);
    const Components *const c = of_training(x, train);
    const Result z = components_codes(s, rows, 0);
    const long n = z.shape[1];
    Result r = result_new(&ae_model.inputs[x].array, rows);
    for (long k = 0; k < rows * c->width; k++) {
        double sum = c->mean[k % c->width];
        for (long j = 0; j < n; j++)
            sum += ((ae_real *) z.at)[k / c->width * n + j]
                * c->vector[j * c->width + k % c->width];
        ((ae_real *) r.at)[k] = (ae_real) sum;
    }
    r.name = "components";
    return r;
}

/* The components themselves, each of the input's shape; says what each explains. */
Result components_vectors(void)
{
    const Split *const train = data_split("train");
    const int x = need_columns(train);
    const Components *const c = of_training(x, train);
    const int n = components_kept(c);
    double all = 0, part = 0;
    Result r = result_new(&ae_model.inputs[x].array, n);
    for (int k = 0; k < c->width; k++)
        all += c->value[k];
    for (int k = 0; k < n; k++) {
        part += c->value[k];
        if (!opt.quiet)
            printf("component %-4d variance %12.6g  share %8.6f  so far %8.6f\n", k, c->value[k],
                   c->value[k] / all, part / all);
    }
    for (long k = 0; k < (long) n * c->width; k++)
        ((ae_real *) r.at)[k] = (ae_real) c->vector[k];
    r.name = "components";
    return r;
}

void components_metrics(const char *split, Metrics *m)
{
    const Split *const train = data_split("train"), *const s = data_split(split);
    const int x = need_columns(train);
    const Components *const c = of_training(x, train);
    const int kept = components_kept(c);
    const double rest = left_over(c, s, x, kept), mse = rest / ((double) s->rows * c->width);
    metrics_add(m, "mean over elements", mse, "%s/pca.mse", split);
    metrics_add(m, "dB", psnr_of(mse), "%s/pca.psnr", split);
    metrics_add(m, "share of the variance", 1 - rest / spread_of(s, x), "%s/pca.r2", split);
    add_angles(split, c, train, kept, m);
}
