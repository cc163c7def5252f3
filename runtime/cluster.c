/* cluster.c -- groups of codes: k-means, and mixtures of normals with full covariances,
 * which can be drawn from. */
#include "runtime.h"

static double distance(const ae_real *a, const double *b, int w)
{
    double d = 0;
    for (int k = 0; k < w; k++)
        d += (a[k] - b[k]) * (a[k] - b[k]);
    return d;
}

/* ---- k-means -------------------------------------------------------------------------------- */
/* Starts far apart: each next centre is a row drawn by its squared distance to the nearest so far
 * (Arthur and Vassilvitskii 2007). */
static void start_centres(const ae_real *z, long rows, int w, int k, int turn, double *centre)
{
    double *const near = need((size_t) rows, sizeof *near);
    for (int c = 0; c < k; c++) {
        double all = 0;
        for (long r = 0; r < rows; r++) {
            const double d = c ? distance(z + r * w, centre + (c - 1) * w, w) : 1;
            near[r] = c > 1 ? fmin(near[r], d) : d;
            all += near[r];
        }
        double u = draw_uniform(data_seed, STREAM_CODES, 1, (uint64_t) turn * 1000 + (uint64_t) c)
            * all;
        long pick = 0;
        for (; pick < rows - 1 && (u -= near[pick]) > 0; pick++)
            ;
        for (int j = 0; j < w; j++)
            centre[c * w + j] = z[pick * w + j];
    }
    free(near);
}

static double assign(const ae_real *z, long rows, int w, int k, const double *centre,
                     int32_t *group)
{
    double sum = 0;
    for (long r = 0; r < rows; r++) {
        double best = INFINITY;
        for (int c = 0; c < k; c++) {
            const double d = distance(z + r * w, centre + c * w, w);
            if (d < best) {
                best = d;
                group[r] = c;
            }
        }
        sum += best;
    }
    return sum;
}

/* Returns the sum of squared distances; groups may not be empty of rows for long: an empty
 * one stays where it is. */
static double settle(const ae_real *z, long rows, int w, int k, int turn, double *centre,
                     int32_t *group)
{
    start_centres(z, rows, w, k, turn, centre);
    double before = INFINITY, sum = assign(z, rows, w, k, centre, group);
    long *const count = need((size_t) k, sizeof *count);
    for (int round = 0; round < 300 && sum < before; round++) {
        memset(count, 0, (size_t) k * sizeof *count);
        for (long r = 0; r < rows; r++)
            count[group[r]]++;
        for (long j = 0; j < (long) k * w; j++)
            centre[j] = count[j / w] ? 0 : centre[j];
        for (long r = 0; r < rows; r++)
            for (int j = 0; j < w; j++)
                centre[group[r] * w + j] += z[r * w + j] / (double) count[group[r]];
        before = sum;
        sum = assign(z, rows, w, k, centre, group);
    }
    free(count);
    return sum;
}

/* The best of ten starts. */
static double k_means(const ae_real *z, long rows, int w, int k, double *centre, int32_t *group)
{
    if (k > rows)
        fail("%d groups need at least as many rows, and there are %ld", k, rows);
    double *const c = need((size_t) k * (size_t) w, sizeof *c), best = INFINITY;
    for (int turn = 0; turn < 10; turn++) {
        const double sum = settle(z, rows, w, k, turn, c, group);
        if (sum < best) {
            best = sum;
            memcpy(centre, c, (size_t) k * (size_t) w * sizeof *c);
        }
    }
    free(c);
    return assign(z, rows, w, k, centre, group);
}

/* ---- mixtures of normals, by expectation and maximisation ----------------------------------- */
/* The lower triangle l with l l' = a, in place. */
static void triangle(double *a, int w)
{
    for (int j = 0; j < w; j++)
        for (int i = 0; i < w; i++) {
            double s = a[i * w + j];
            for (int k = 0; k < j; k++)
                s -= a[i * w + k] * a[j * w + k];
            a[i * w + j] = i < j ? 0 : i == j ? sqrt(fmax(s, 1e-12)) : s / a[j * w + j];
        }
}

static double log_density(const Mixture *m, int c, const ae_real *z, double *u)
{
    const int w = m->width;
    const double *const l = m->factor + (size_t) c * (size_t) w * (size_t) w;
    double sum = log(m->share[c]) - w * log(2 * M_PI) / 2;
    for (int i = 0; i < w; i++) {
        double s = z[i] - m->mean[c * w + i];
        for (int k = 0; k < i; k++)
            s -= l[i * w + k] * u[k];
        u[i] = s / l[i * w + i];
        sum -= u[i] * u[i] / 2 + log(l[i * w + i]);
    }
    return sum;
}

/* Shares of each row in each part; returns the mean of -log p. */
static double expect(const Mixture *m, const ae_real *z, long rows, double *share)
{
    double *const u = need((size_t) m->width, sizeof *u), nll = 0;
    for (long r = 0; r < rows; r++) {
        double top = -INFINITY, sum = 0, *const at = share + r * m->parts;
        for (int c = 0; c < m->parts; c++)
            top = fmax(top, at[c] = log_density(m, c, z + r * m->width, u));
        for (int c = 0; c < m->parts; c++)
            sum += exp(at[c] - top);
        for (int c = 0; c < m->parts; c++)
            at[c] = exp(at[c] - top) / sum;
        nll -= (top + log(sum)) / (double) rows;
    }
    free(u);
    return nll;
}

/* Means, covariances (with `least` added to each variance, for parts of few rows) and shares. */
static void maximise(Mixture *m, const ae_real *z, long rows, const double *share, double least)
{
    const int w = m->width;
    for (int c = 0; c < m->parts; c++) {
        double all = 1e-300, *const mean = m->mean + (size_t) c * (size_t) w;
        double *const f = m->factor + (size_t) c * (size_t) w * (size_t) w;
        for (long r = 0; r < rows; r++)
            all += share[r * m->parts + c];
        memset(mean, 0, (size_t) w * sizeof *mean);
        memset(f, 0, (size_t) w * (size_t) w * sizeof *f);
        for (long r = 0; r < rows; r++)
            for (int i = 0; i < w; i++)
                mean[i] += share[r * m->parts + c] / all * z[r * w + i];
        for (long r = 0; r < rows; r++)
            for (int i = 0; i < w; i++)
                for (int j = 0; j <= i; j++)
                    f[i * w + j] += share[r * m->parts + c] / all * (z[r * w + i] - mean[i])
                        * (z[r * w + j] - mean[j]);
        for (int i = 0; i < w; i++) {
            f[i * w + i] += least;
            for (int j = 0; j < i; j++)
                f[j * w + i] = f[i * w + j];
        }
        triangle(f, w);
        m->share[c] = all / (double) rows;
    }
}

Mixture mixture_fit(const ae_real *z, long rows, int w, int parts)
{
    Mixture m = { parts, w, need((size_t) parts, sizeof(double)), need((size_t) parts * (size_t) w, sizeof(double)),
                  need((size_t) parts * (size_t) w * (size_t) w, sizeof(double)), 0, 0 };
    int32_t *const group = need((size_t) rows, sizeof *group);
    double *const share = need((size_t) rows * (size_t) parts, sizeof *share);
    const double scatter = k_means(z, rows, w, parts, m.mean, group) / ((double) rows * w);
    const double least = 1e-4 * fmax(scatter, 1e-9);
    for (long r = 0; r < rows; r++)
        share[r * parts + group[r]] = 1;
    double before = INFINITY;
    for (m.rounds = 0; m.rounds < 500; m.rounds++) {
        maximise(&m, z, rows, share, least);
        m.nll = expect(&m, z, rows, share);
        if (opt.json ? false : !opt.quiet && strcmp(opt.command, "cluster") == 0)
            printf("round %3d  nll %.9g\n", m.rounds + 1, m.nll);
        if (before - m.nll < 1e-7 * fabs(m.nll))
            break;
        before = m.nll;
    }
    free(group);
    free(share);
    return m;
}

void mixture_draw(const Mixture *m, uint64_t at, ae_real *z)
{
    double u = draw_uniform(data_seed, STREAM_CODES, 2, at);
    int c = 0;
    const int w = m->width;
    while (c < m->parts - 1 && (u -= m->share[c]) > 0)
        c++;
    for (int i = 0; i < w; i++) {
        double s = m->mean[c * w + i];
        for (int k = 0; k <= i; k++)
            s += m->factor[((size_t) c * (size_t) w + (size_t) i) * (size_t) w + (size_t) k]
               * draw_normal(data_seed, STREAM_CODES, 3, at * (uint64_t) w + (uint64_t) k);
        z[i] = (ae_real) s;
    }
}

/* ---- how groups agree with classes ---------------------------------------------------------- */
/* Of the rows that have a class: the share whose class is their group's commonest, and mutual
 * information / the mean of both entropies. */
static void agreement(const int32_t *group, int groups, const int32_t *label, int classes,
                      long rows, double *pure, double *nmi)
{
    double *const both = need((size_t) groups * (size_t) classes, sizeof *both);
    double *const g = need((size_t) groups, sizeof *g);
    double *const c = need((size_t) classes, sizeof *c), h = 0, mutual = 0;
    long told = 0;
    *pure = 0;
    for (long r = 0; r < rows; r++)
        told += label[r] >= 0;
    for (long r = 0; r < rows; r++) {
        if (label[r] < 0)
            continue;
        both[group[r] * classes + label[r]] += 1.0 / (double) told;
        g[group[r]] += 1.0 / (double) told;
        c[label[r]] += 1.0 / (double) told;
    }
    for (int i = 0; i < groups; i++) {
        double most = 0;
        for (int j = 0; j < classes; j++) {
            const double p = both[i * classes + j];
            most = fmax(most, p);
            mutual += p > 0 ? p * log(p / (g[i] * c[j])) : 0;
        }
        *pure += most;
        h -= g[i] > 0 ? g[i] * log(g[i]) : 0;
    }
    for (int j = 0; j < classes; j++)
        h -= c[j] > 0 ? c[j] * log(c[j]) : 0;
    *nmi = h > 0 ? fmax(0, 2 * mutual / h) : 0;
    free(both);
    free(g);
    free(c);
}

/* cluster K: groups of the codes of a split; --gaussians: parts of a mixture in the place
 * of nearest centres. */
void command_cluster(void)
{
    double k;
    if (!parse_number(opt.args[0], &k) || k != floor(k) || k < 1 || k > 1000)
        usage("cluster takes how many groups, 1 to 1000; not \"%s\"", opt.args[0]);
    if (opt.output)
        need_output();
    weights_start(false);
    const Split *const s = chosen_split();
    const int groups = (int) k, w = (int) code_width();
    const Result z = codes_of("encode", s, 0, s->rows);
    const AeArray one = { "group", NULL, AE_INT, 1, { 1 } };
    Result out[2] = { result_new(&one, s->rows) };
    int32_t *const group = out[0].at;
    int n = 1;
    double value, pure = NAN, nmi = NAN;
    if (opt.gaussians) {
        const Mixture m = mixture_fit(z.at, s->rows, w, groups);
        double *const share = need((size_t) s->rows * (size_t) groups, sizeof *share);
        value = expect(&m, z.at, s->rows, share);
        for (long r = 0; r < s->rows; r++)
            for (int c = 1; c < groups; c++)
                if (share[r * groups + c] > share[r * groups + group[r]])
                    group[r] = c;
    } else
        value = k_means(z.at, s->rows, w, groups,
                        need((size_t) groups * (size_t) w, sizeof(double)), group)
            / (double) s->rows;
    const int y = class_label(s);
    if (y >= 0) {
        out[n] = column_result(y, &s->column[y], s->rows);
        agreement(group, groups, out[n++].at, ae_model.inputs[y].classes, s->rows, &pure, &nmi);
    }
    const char *const what = opt.gaussians ? "nll" : "square";
    if (opt.json) {
        printf("{\"rows\": %ld, \"groups\": %d, \"%s\": %.9g", s->rows, groups, what, value);
        if (isfinite(nmi))
            printf(", \"pure\": %.9g, \"nmi\": %.9g", pure, nmi);
        printf("}\n");
    } else {
        printf("%-8s %12.6g  %s\n", what, value,
               opt.gaussians ? "nats per row" : "squared distance to the nearest centre, mean");
        if (isfinite(nmi))
            printf("%-8s %12.6g  share of rows that have their group's commonest class\n%-8s %12.6g  mutual information of groups "
                   "and classes, of the mean of their entropies\n", "pure", pure, "nmi", nmi);
    }
    if (opt.output)
        result_write(opt.output, out, n, false);
}
