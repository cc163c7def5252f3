/* map.c -- codes as points on a plane, coloured by class: as they are when they have two numbers,
 * the sphere's by Hammer's equal-area projection, and any by t-SNE (van der Maaten & Hinton 2008),
 * exactly, for some thousand rows. */
#include "runtime.h"

/* ---- the picture ---------------------------------------------------------------------------- */
enum { WIDE = 720, EDGE = 20, LINE = 24, LEGEND_MOST = 10 };
enum { NO_CLASS = 0xc8c8c8 };      /* a row without label */
static const uint32_t colours[] = { 0x1f77b4, 0xff7f0e, 0x2ca02c, 0xd62728, 0x9467bd, 0x8c564b, 0xe377c2, 0x7f7f7f, 0xbcbd22, 0x17becf };

static void disc(Sheet *s, double x, double y, double radius, uint32_t colour)
{
    for (int i = (int) -radius; i <= radius; i++)
        for (int j = (int) -radius; j <= radius; j++)
            if (i * i + j * j <= radius * radius)
                sheet_put(s, (int) lround(x) + j, (int) lround(y) + i, colour);
}

/* The first classes with their colours. Names of more than two letters are drawn
 * small, and cut to ten. */
typedef struct { char *name[LEGEND_MOST]; int n, zoom, each, across; } Legend;

static Legend legend_of(const Learnt *l, int classes)
{
    Legend g = { .n = ae_imin(classes, LEGEND_MOST) };
    int letters = 0;
    for (int c = 0; c < g.n; c++) {
        g.name[c] = l && c < l->nclasses ? form("%.10s", l->classes[c]) : form("%d", c);
        letters = ae_imax(letters, (int) strlen(g.name[c]));
    }
    g.zoom = letters > 2 ? 2 : 3;
    g.each = 4 * g.zoom * letters + 32;
    g.across = (WIDE - 2 * EDGE) / g.each;
    return g;
}

static int legend_height(const Legend *g)
{
    return g->n ? LINE * ((g->n + g->across - 1) / g->across) + EDGE : 0;
}

static void add_legend(Sheet *s, const Legend *g)
{
    for (int c = 0; c < g->n; c++) {
        const int x = EDGE + c % g->across * g->each;
        const int y = s->high - legend_height(g) + EDGE / 2 + LINE / 2 + c / g->across * LINE;
        disc(s, x, y, 6, colours[c]);
        sheet_text(s, x + 11, y - 5 * g->zoom / 2, g->zoom, g->name[c]);
    }
}

/* Points on a plane; the bounds are theirs, or given with the ellipse that they span. */
typedef struct { Result at; const double *bound; Frame frame; } Plane;

/* Where the points go on a picture of WIDE that begins at `left`. */
static void fit(Plane *p, int left)
{
    const ae_real *const at = p->at.at;
    Frame *const f = &p->frame;
    double low[2] = { INFINITY, INFINITY }, high[2] = { -INFINITY, -INFINITY };
    for (long k = 0; k < 2 * p->at.shape[0]; k++) {
        low[k % 2] = p->bound ? -p->bound[k % 2] : fmin(low[k % 2], at[k]);
        high[k % 2] = p->bound ? p->bound[k % 2] : fmax(high[k % 2], at[k]);
    }
    for (int k = 0; k < 2 && !p->bound; k++)
        axis_widen(&low[k], &high[k]);
    const int margin = p->bound ? EDGE : sheet_margin(low[1], high[1]);
    *f = (Frame) { left + margin, EDGE, WIDE - margin - EDGE, 0, { low[0], low[1] }, { 0 } };
    const double same = f->wide / (high[0] - low[0]), tall = same * (high[1] - low[1]);
    f->zoom[0] = same;
    f->zoom[1] = tall > 1.2 * WIDE || tall < WIDE / 4 ? f->wide / (high[1] - low[1]) : same;
    f->high = (int) (f->zoom[1] * (high[1] - low[1]));
}

static void place(Sheet *s, const Plane *p, const int32_t *class)
{
    const ae_real *const at = p->at.at;
    const Frame *const f = &p->frame;
    if (!p->bound)
        sheet_frame(s, f);
    for (int k = 0; p->bound && k < 4000; k++)
        sheet_put(s, (int) lround(frame_x(f, p->bound[0] * cos(k * M_PI / 2000))),
                  (int) lround(frame_y(f, p->bound[1] * sin(k * M_PI / 2000))), 0xb0b0b0);
    for (long r = 0; r < p->at.shape[0]; r++)
        disc(s, frame_x(f, at[2 * r]), frame_y(f, at[2 * r + 1]), 2.5,
             !class ? colours[0] : class[r] < 0 ? NO_CLASS : colours[class[r] % 10]);
}

/* Planes side by side. */
static void draw(Plane *p, int n, const int32_t *class, const Learnt *l, int classes)
{
    const Legend legend = legend_of(l, class ? classes : 0);
    int high = 0;
    for (int k = 0; k < n; k++) {
        fit(&p[k], k * WIDE);
        high = ae_imax(high, p[k].frame.high);
    }
    Sheet s = sheet_new(n * WIDE, high + 2 * EDGE + legend_height(&legend));
    for (int k = 0; k < n; k++)
        place(&s, &p[k], class);
    add_legend(&s, &legend);
    sheet_write(&s);
}

/* .png draws the points; .csv and .npy have their places, and .csv the classes too. With --pca the
 * rows stand beside them on the plane of two principal components. */
static void write_map(Result plane, const Split *s, const double *bound)
{
    const int y = class_label(s), n = opt.pca ? 2 : 1;
    const long rows = plane.shape[0];
    Plane p[2] = { { .at = plane, .bound = bound } };
    Result r[3] = { plane };
    if (y >= 0)
        r[n] = column_result(y, &s->column[y], rows);
    if (opt.pca)
        p[1].at = components_codes(s, rows, 2);
    if (has_ending(opt.output, ".png")) {
        draw(p, n, y >= 0 ? r[n].at : NULL, learnt && y >= 0 ? &learnt[y] : NULL,
             y >= 0 ? ae_model.inputs[y].classes : 0);
        return;
    }
    if (opt.pca)
        r[1] = p[1].at;
    result_write(opt.output, r, n + (y >= 0), false);
}

/* ---- show codes ----------------------------------------------------------------------------- */
/* Latitude and longitude of a point of the sphere, to Hammer's ellipse with half-axes
 * 2 sqrt 2 and sqrt 2. */
static void hammer(const ae_real *z, ae_real *at)
{
    const double length = sqrt((double) z[0] * z[0] + (double) z[1] * z[1] + (double) z[2] * z[2]);
    const double up = length > 0 ? fmin(1, fmax(-1, z[2] / length)) : 0;
    const double across = sqrt(1 - up * up), turn = atan2(z[1], z[0]);
    const double k = sqrt(1 + across * cos(turn / 2));
    at[0] = (ae_real) (2 * M_SQRT2 * across * sin(turn / 2) / k);
    at[1] = (ae_real) (M_SQRT2 * up / k);
}

void show_codes(void)
{
    const Split *const s = chosen_split();
    const long rows = rows_chosen(s), w = code_width();
    const Result z = codes_of("encode", s, 0, rows);
    if (w == 2) {
        write_map(z, s, NULL);
        return;
    }
    if (w != 3)
        fail("show codes draws codes of two numbers, or of three on a sphere; %s has %ld: see show map", ae_model.name, w);
    Result plane = result_table("hammer", rows, 2);
    for (long r = 0; r < rows; r++)
        hammer((ae_real *) z.at + 3 * r, (ae_real *) plane.at + 2 * r);
    write_map(plane, s, (const double[]) { 2 * M_SQRT2, M_SQRT2 });
}

/* ---- t-SNE ---------------------------------------------------------------------------------- */
/* The shares of row r with the width at which their perplexity, exp of the entropy, is the one
 * asked for; returns it. */
static double shares_of(double *p, const double *d, long rows, long r, double perplexity)
{
    double low = 0, high = INFINITY, sharp = 1, got = 0, least = INFINITY;
    for (long j = 0; j < rows; j++)
        least = j == r ? least : fmin(least, d[j]);
    for (int round = 0; round < 200; round++) {
        double sum = 0, mean = 0;
        for (long j = 0; j < rows; j++) {
            p[j] = j == r ? 0 : exp(-sharp * (d[j] - least));
            sum += p[j];
            mean += p[j] * (d[j] - least);
        }
        got = exp(log(sum) + sharp * mean / sum);
        for (long j = 0; j < rows; j++)
            p[j] /= sum;
        if (fabs(got - perplexity) < 1e-5)
            break;
        *(got > perplexity ? &low : &high) = sharp;
        sharp = isinf(high) ? 2 * sharp : (low + high) / 2;
    }
    return got;
}

/* Moves y once along the slope of KL(p, q), q by Student's t; returns the divergence. */
static double descend(const double *p, double more, long rows, double *y, double *speed,
                      double *gain, double rate, double keep)
{
    double all = 0, kl = 0;
    double *const q = need((size_t) (rows * rows), sizeof *q);
    double *const slope = need((size_t) (2 * rows), sizeof *slope);
    for (long i = 0; i < rows; i++)
        for (long j = 0; j < i; j++) {
            const double a = y[2 * i] - y[2 * j], b = y[2 * i + 1] - y[2 * j + 1];
            q[i * rows + j] = q[j * rows + i] = 1 / (1 + a * a + b * b);
            all += 2 * q[i * rows + j];
        }
    for (long i = 0; i < rows; i++)
        for (long j = 0; j < i; j++) {
            const double u = q[i * rows + j], t = 4 * (more * p[i * rows + j] - u / all) * u;
            const double a = t * (y[2 * i] - y[2 * j]), b = t * (y[2 * i + 1] - y[2 * j + 1]);
            slope[2 * i] += a;
            slope[2 * i + 1] += b;
            slope[2 * j] -= a;
            slope[2 * j + 1] -= b;
            kl += p[i * rows + j] > 0 ? 2 * p[i * rows + j] * log(p[i * rows + j] * all / u) : 0;
        }
    for (long k = 0; k < 2 * rows; k++) {
        gain[k] = fmax(0.01, (slope[k] > 0) == (speed[k] > 0) ? 0.8 * gain[k] : gain[k] + 0.2);
        speed[k] = keep * speed[k] - rate * gain[k] * slope[k];
        y[k] += speed[k];
    }
    free(q);
    free(slope);
    return kl;
}

/* How many of the rows that have a class have that of most of their five
 * neighbours on the plane. */
static double neighbours(const ae_real *at, const int32_t *class, long rows)
{
    long right = 0, told = 0;
    for (long r = 0; r < rows; r++) {
        if (class[r] < 0)
            continue;
        told++;
        double near[5] = { INFINITY, INFINITY, INFINITY, INFINITY, INFINITY };
        int32_t of[5] = { 0 };
        int best = 0, most = 0;
        for (long j = 0; j < rows; j++) {
            const double d = j == r || class[j] < 0
                ? INFINITY : hypot(at[2 * r] - at[2 * j], at[2 * r + 1] - at[2 * j + 1]);
            int k = 5;
            for (; k > 0 && d < near[k - 1]; k--)
                if (k < 5) {
                    near[k] = near[k - 1];
                    of[k] = of[k - 1];
                }
            if (k < 5) {
                near[k] = d;
                of[k] = class[j];
            }
        }
        for (int k = 0; k < 5; k++) {
            int votes = 0;
            for (int j = 0; j < 5; j++)
                votes += of[j] == of[k];
            if (votes > most) {
                most = votes;
                best = of[k];
            }
        }
        right += best == class[r];
    }
    return (double) right / (double) told;
}

void show_map(void)
{
    enum { MOST = 2000, ROUNDS = 750, EARLY = 250 };
    const Split *const s = chosen_split();
    const long rows = opt.n || s->rows < MOST ? rows_chosen(s) : MOST, w = code_width();
    const double perplexity = opt.span > 0 ? opt.span : 30;
    if (rows < 3 * perplexity || rows > 5000)
        fail("show map wants rows from three times the perplexity (%g) to 5000, and there are %ld",
             perplexity, rows);
    const Result z = codes_of("encode", s, 0, rows);
    double *const p = need((size_t) (rows * rows), sizeof *p);
    double *const d = need((size_t) rows, sizeof *d), worst = 0;
    double *const y = need((size_t) (2 * rows), sizeof *y);
    double *const speed = need((size_t) (2 * rows), sizeof *speed);
    double *const gain = need((size_t) (2 * rows), sizeof *gain);
    for (long i = 0; i < rows; i++) {
        for (long j = 0; j < rows; j++) {
            d[j] = 0;
            for (long k = 0; k < w; k++)
                d[j] += pow((double) ((ae_real *) z.at)[i * w + k] - ((ae_real *) z.at)[j * w + k], 2);
        }
        worst = fmax(worst, fabs(shares_of(p + i * rows, d, rows, i, perplexity) - perplexity));
    }
    for (long i = 0; i < rows; i++)
        for (long j = 0; j < i; j++)
            p[i * rows + j] = p[j * rows + i] = (p[i * rows + j] + p[j * rows + i])
                / (2.0 * (double) rows);
    for (long k = 0; k < 2 * rows; k++) {
        y[k] = 1e-4 * draw_normal(data_seed, STREAM_CODES, 4, (uint64_t) k);
        gain[k] = 1;
    }
    for (int round = 0; round < ROUNDS; round++) {
        const double kl = descend(p, round < EARLY ? 12 : 1, rows, y, speed, gain,
                                  fmax(50, (double) rows / 48), round < EARLY ? 0.5 : 0.8);
        if (!opt.quiet && (round % 100 == 0 || round == ROUNDS - 1))
            printf("round %4d  kl %.6f\n", round, kl);
    }
    Result plane = result_table("map", rows, 2);
    for (long k = 0; k < 2 * rows; k++)
        ((ae_real *) plane.at)[k] = (ae_real) y[k];
    const int label = class_label(s);
    if (!opt.quiet) {
        printf("perplexity %g, within %.1e for every row\n", perplexity, worst);
        if (label >= 0)
            printf("five neighbours on the map name the class of %.4f of the rows\n",
                   neighbours(plane.at, column_result(label, &s->column[label], rows).at, rows));
    }
    write_map(plane, s, NULL);
}
