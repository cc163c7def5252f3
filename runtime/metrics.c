/* metrics.c -- metrics that need more than one batch: psnr, mse, r2, knn, a linear probe. */
#include "runtime.h"

/* ---- results of a program over a split ------------------------------------------------------ */
typedef struct { const AeProgram *p; Result *r; } Taking;

static void take_batch(void *with, long first, int n)
{
    const Taking *const t = with;
    result_take(t->r, &t->p->outputs[0], first, n);
}

static void take_two(void *with, long first, int n)
{
    const Taking *const t = with;
    for (int k = 0; k < 2; k++)
        result_take(&t->r[k], &t->p->outputs[k], first, n);
}

static Result first_output(const AeProgram *p, const Split *s)
{
    Result r = result_new(&p->outputs[0], s->rows);
    run_rows(p, s, 0, s->rows, take_batch, &(Taking) { p, &r });
    return r;
}

static double at(const Result *r, long k)
{
    return r->elem == AE_INT ? ((const int32_t *) r->at)[k] : ((const ae_real *) r->at)[k];
}

static long width_of(const Result *r)
{
    long n = 1;
    for (int k = 1; k < r->rank; k++)
        n *= r->shape[k];
    return n;
}

/* ---- squared error of reconstructions ------------------------------------------------------- */
/* What a program's outputs differ by from the first input, squared and summed: of[0] for the
   first, of[1] for the second. */
static bool squared_errors(const char *program, const Split *s, double *of, int n, long *count)
{
    const AeProgram *const p = program_find(program);
    const int x = input_find(false, 0);
    if (!p || p->noutputs < n || x < 0 || !s->column[x].there || !input_measured(x)
        || row_count(&p->outputs[0]) != input_width(x))
        return false;
    Result r[2] = { result_new(&p->outputs[0], s->rows),
                    n > 1 ? result_new(&p->outputs[1], s->rows) : (Result) { 0 } };
    run_rows(p, s, 0, s->rows, n > 1 ? take_two : take_batch, &(Taking) { p, r });
    *count = s->rows * input_width(x);
    for (int j = 0; j < n; j++) {
        of[j] = 0;
        for (long k = 0; k < *count; k++) {
            const double d = at(&r[j], k) - amount_at(&s->column[x], k);
            of[j] += d * d;
        }
        free(r[j].at);
    }
    return true;
}

double squared_error(const Split *s, long *count)
{
    double square;
    return squared_errors("reconstruct", s, &square, 1, count) ? square : NAN;
}

/* Sums of squares about each column's mean. */
double spread_of(const Split *s, int x)
{
    const long w = input_width(x);
    double total = 0;
    for (long k = 0; k < w; k++) {
        double sum = 0, square = 0;
        for (long r = 0; r < s->rows; r++)
            sum += amount_at(&s->column[x], r * w + k);
        sum /= (double) s->rows;
        for (long r = 0; r < s->rows; r++) {
            const double d = amount_at(&s->column[x], r * w + k) - sum;
            square += d * d;
        }
        total += square;
    }
    return total;
}

double psnr_of(double mse)
{
    double low, high;
    data_peak(input_find(false, 0), &low, &high);
    return 20 * log10(high - low) - 10 * log10(mse);
}

static void add_error(const char *split, const char *key, Metrics *m)
{
    const Split *const s = data_split(split);
    long count = 1;
    const double square = squared_error(s, &count);
    if (!isfinite(square))
        fail("%s needs reconstructions of an input of amounts, and %s has none", key,
             ae_model.file);
    if (strcmp(key, "mse") == 0)
        metrics_add(m, "mean over elements", square / (double) count, "%s/mse", split);
    else if (strcmp(key, "psnr") == 0)
        metrics_add(m, "dB", psnr_of(square / (double) count), "%s/psnr", split);
    else
        metrics_add(m, "", 1 - square / spread_of(s, input_find(false, 0)), "%s/r2", split);
}

/* psnr(corrupted), mse(corrupted): of what a corrupted input becomes, beside the
   corrupted input's own. */
static void add_denoising(const char *split, const char *key, Metrics *m)
{
    double square[2];
    long count;
    if (!squared_errors("denoise", data_split(split), square, 2, &count))
        fail("%s(corrupted) needs `corrupt` and reconstructions of an input of real numbers", key);
    const bool psnr = strcmp(key, "psnr") == 0;
    for (int k = 0; k < 2; k++) {
        const double mse = square[k] / (double) count;
        metrics_add(m, psnr ? "dB" : "mean over elements", psnr ? psnr_of(mse) : mse,
                    k ? "%s/corrupted.%s" : "%s/%s(corrupted)", split, key);
    }
}

/* ---- codes and classes ---------------------------------------------------------------------- */
static int labelled_class(void)
{
    for (int i = 0; i < ae_model.ninputs; i++)
        if (ae_model.inputs[i].label && strcmp(ae_model.inputs[i].kind, "class") == 0)
            return i;
    return -1;
}

static int classes_of(int label)
{
    return ae_model.inputs[label].classes;
}

static int need_class(const char *key, const Split *s)
{
    const int y = labelled_class();
    if (y < 0 || !s->column[y].there)
        fail("%s needs a label that is a class", key);
    return y;
}

/* What a metric is of: the code, or what it names. */
static const AeProgram *program_of(const AeSetting *asked)
{
    return program_need(asked->text ? form("of_%s", asked->text) : "encode");
}

static void add_of(const char *split, const AeSetting *asked, Metrics *m, const char *unit,
                   double value)
{
    metrics_add(m, unit, value, asked->text ? "%s/%s(%s)" : "%s/%s", split, asked->key,
                asked->text);
}

static double knn(const char *split, const AeProgram *p, int k)
{
    const Split *const train = data_split("train"), *const s = data_split(split);
    const int y = need_class("knn", train);
    Result a = first_output(p, train), b = first_output(p, s);
    const long w = width_of(&a);
    long right = 0, told = 0;
    double *const near = need((size_t) k, sizeof *near);
    int32_t *const label = need((size_t) k, sizeof *label);
    for (long r = 0; r < s->rows; r++) {
        int n = 0, votes[1024] = { 0 }, best = 0;
        if (class_at(&s->column[y], r) < 0)
            continue;
        for (long t = 0; t < train->rows; t++) {
            double d = 0;
            if ((train == s && t == r) || class_at(&train->column[y], t) < 0)
                continue;
            for (long e = 0; e < w; e++)
                d += (at(&a, t * w + e) - at(&b, r * w + e))
                    * (at(&a, t * w + e) - at(&b, r * w + e));
            int j = n < k ? n++ : d < near[k - 1] ? k - 1 : -1;
            if (j < 0)
                continue;
            for (; j > 0 && near[j - 1] > d; j--) {
                near[j] = near[j - 1];
                label[j] = label[j - 1];
            }
            near[j] = d;
            label[j] = train->column[y].whole[t];
        }
        for (int j = 0; j < n; j++)
            if (++votes[label[j] & 1023] > votes[best])
                best = label[j];
        right += best == s->column[y].whole[r];
        told++;
    }
    free(a.at);
    free(b.at);
    free(near);
    free(label);
    return (double) right / (double) told;
}

/* Ridge regression onto one-hot classes: the linear probe with a closed form. */
static double linear_probe(const char *split, const AeProgram *p, long labels)
{
    const Split *const train = data_split("train"), *const s = data_split(split);
    const int y = need_class("linear_probe", train), c = classes_of(y);
    Result a = first_output(p, train), b = first_output(p, s);
    const int w = (int) width_of(&a), n = w + 1;
    double *const g = need((size_t) n * (size_t) n, sizeof *g);
    double *const v = need((size_t) n * (size_t) c, sizeof *v);
    double *const u = need((size_t) n, sizeof *u), trace = 0;
    long *const order = need((size_t) train->rows, sizeof *order), right = 0, told = 0, taken = 0;
    draw_order(order, train->rows, data_seed, STREAM_LABELS, 1);
    for (long k = 0; k < train->rows && (labels <= 0 || taken < labels); k++) {
        const long r = order[k];
        if (class_at(&train->column[y], r) < 0)
            continue;
        taken++;
        for (int i = 0; i < n; i++)
            u[i] = i < w ? at(&a, r * w + i) : 1;
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++)
                g[i * n + j] += u[i] * u[j];
            v[i * c + train->column[y].whole[r]] += u[i];
        }
    }
    for (int i = 0; i < n; i++)
        trace += g[i * n + i];
    for (int i = 0; i < n; i++)
        g[i * n + i] += 1e-6 * trace / n + 1e-12;
    if (!solve_positive(g, v, n, c))
        return NAN;
    for (long r = 0; r < s->rows; r++) {
        double most = -INFINITY;
        int best = 0;
        if (class_at(&s->column[y], r) < 0)
            continue;
        told++;
        for (int k = 0; k < c; k++) {
            double sum = v[w * c + k];
            for (int i = 0; i < w; i++)
                sum += at(&b, r * w + i) * v[i * c + k];
            if (sum > most) {
                most = sum;
                best = k;
            }
        }
        right += best == s->column[y].whole[r];
    }
    free(a.at); free(b.at); free(g); free(v); free(u); free(order);
    return (double) right / (double) told;
}

/* Units of the code whose value varies from row to row. */
static double active_units(const char *split, const AeProgram *p)
{
    const Split *const s = data_split(split);
    Result z = first_output(p, s);
    const long w = width_of(&z);
    long active = 0;
    for (long k = 0; k < w; k++) {
        double sum = 0, square = 0;
        for (long r = 0; r < s->rows; r++) {
            sum += at(&z, r * w + k);
            square += at(&z, r * w + k) * at(&z, r * w + k);
        }
        sum /= (double) s->rows;
        active += square / (double) s->rows - sum * sum > 0.01;
    }
    free(z.at);
    return (double) active;
}

/* Squares of the distances of all pairs of rows, as ranks of distances are. */
static double *squares_apart(const Result *r, long w, const long *row, long rows)
{
    double *const square = need((size_t) (rows * rows / 2), sizeof *square), *to = square;
    for (long i = 0; i < rows; i++)
        for (long j = 0; j < i; j++, to++)
            for (long e = 0; e < w; e++)
                *to += pow(at(r, row[i] * w + e) - at(r, row[j] * w + e), 2);
    return square;
}

/* Whether rows that are near each other in the input are so in the code. */
static void add_distances(const char *split, const AeSetting *asked, Metrics *m)
{
    enum { ENOUGH = 500 };
    const Split *const s = data_split(split);
    const int x = input_find(false, 0);
    if (x < 0 || !s->column[x].there || !input_measured(x))
        fail("distances are of an input of amounts, and %s has none", ae_model.file);
    Result z = first_output(program_of(asked), s);
    Result given = column_result(x, &s->column[x], s->rows);
    const long rows = s->rows < ENOUGH ? s->rows : ENOUGH;
    long *const row = need((size_t) rows, sizeof *row);
    for (long k = 0; k < rows; k++)
        row[k] = k * s->rows / rows;
    double *const a = squares_apart(&given, width_of(&given), row, rows);
    double *const b = squares_apart(&z, width_of(&z), row, rows);
    add_of(split, asked, m, "rank correlation with those of the input",
           rank_correlation(a, b, rows * (rows - 1) / 2));
    free(z.at); free(given.at); free(row); free(a); free(b);
}

/* ---- those the model asks for --------------------------------------------------------------- */
static double argument(const AeSetting *s, double otherwise)
{
    return s->nnumbers ? s->number[0] : otherwise;
}

static void add_knn(const char *split, const AeSetting *s, Metrics *m)
{
    add_of(split, s, m, "share right",
           knn(split, program_of(s), ae_imin(1024, ae_imax(1, (int) argument(s, 5)))));
}

static void add_probe(const char *split, const AeSetting *s, Metrics *m)
{
    add_of(split, s, m, "share right", linear_probe(split, program_of(s), (long) argument(s, 0)));
}

static void add_active(const char *split, const AeSetting *s, Metrics *m)
{
    add_of(split, s, m, "units", active_units(split, program_of(s)));
}

static void add_squares(const char *split, const AeSetting *s, Metrics *m)
{
    if (!s->text)
        add_error(split, s->key, m);
    else if (strcmp(s->text, "corrupted") == 0)
        add_denoising(split, s->key, m);
    else
        fail("%s is of the reconstruction, or %s(corrupted); not of %s", s->key, s->key, s->text);
}

/* What it takes to write an example down: the reconstruction's nats and the code's, in
   bits for each element. */
static void add_bits(const char *split, const AeSetting *asked, Metrics *m)
{
    const Split *const s = data_split(split);
    const AeProgram *const p = bound_program();
    const int x = input_find(false, 0);
    double *const mean = need((size_t) (p ? p->nterms : 0) + 1, sizeof *mean), nats = 0;
    bool any = false;
    (void) asked;
    if (p)
        evaluate_terms(p, s, s->rows, mean);
    for (int k = 0; p && k < p->nterms; k++) {
        const AeTerm *const t = &p->terms[k];
        if (strncmp(t->unit, "nats", 4) != 0 || !(term_is(t, "reconstruct") || term_is(t, "kl")))
            continue;
        nats += mean[k];
        any |= term_is(t, "reconstruct");
    }
    if (!any || x < 0)
        fail("bits needs `reconstruct x ~ LIKELIHOOD`, which is in nats");
    metrics_add(m, "bits per element", nats / log(2) / (double) input_width(x), "%s/bits", split);
    free(mean);
}

static void add_components(const char *split, const AeSetting *s, Metrics *m)
{
    (void) s;
    components_metrics(split, m);
}

static const struct { const char *key, *takes; void (*add)(const char *, const AeSetting *, Metrics *); } own[] = {
#define METRIC(name, computed_by, of, takes, needs) { #name, takes, computed_by },
#include "metrics.def"
#undef METRIC
};
enum { OWN = sizeof own / sizeof *own };

static int find_own(const char *key)
{
    for (int k = 0; k < OWN; k++)
        if (strcmp(own[k].key, key) == 0)
            return k;
    return -1;
}

void metrics_check(void)
{
    for (int k = 0; k < ae_model.nmetrics; k++)
        if (find_own(ae_model.metrics[k].key) < 0 && !evaluate_has(ae_model.metrics[k].key))
            fail("this trainer does not know the metric %s", ae_model.metrics[k].key);
}

/* What `--pca` compares: the model's squared error, where it was not asked for. */
static void add_own_error(const char *split, Metrics *m)
{
    long count;
    for (int k = 0; k < ae_model.nmetrics; k++)
        if (strcmp(ae_model.metrics[k].key, "mse") == 0 && !ae_model.metrics[k].text)
            return;
    if (isfinite(squared_error(data_split(split), &count)))
        add_error(split, "mse", m);
}

/* Asked for with several numbers, a metric has its own in its name: nll(samples
   = 10), knn(h, k = 3). */
static void tell_apart(int asked, const char *takes, Metric *of)
{
    const AeSetting *const a = &ae_model.metrics[asked];
    bool alone = true;
    for (int k = 0; k < ae_model.nmetrics; k++) {
        const AeSetting *const b = &ae_model.metrics[k];
        alone &= k == asked || strcmp(a->key, b->key) != 0
            || strcmp(a->text ? a->text : "", b->text ? b->text : "") != 0;
    }
    if (!alone && a->nnumbers && takes)
        of->name = form("%.*s%s%s = %g)", (int) strlen(of->name) - (a->text != NULL), of->name,
                        a->text ? ", " : "(", takes, a->number[0]);
}

void metrics_own(const char *split, Metrics *m)
{
    bool pca = opt.pca;
    for (int k = 0; k < ae_model.nmetrics; k++) {
        const int which = find_own(ae_model.metrics[k].key);
        if (which < 0 || evaluate_has(own[which].key))      /* the program computes it */
            continue;
        own[which].add(split, &ae_model.metrics[k], m);
        tell_apart(k, own[which].takes, &m->at[m->n - 1]);
        pca &= own[which].add != add_components;
    }
    if (pca) {
        add_own_error(split, m);
        components_metrics(split, m);
    }
}
