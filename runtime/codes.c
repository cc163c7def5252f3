/* codes.c -- what can be done in the space of codes: traverse it unit by unit, draw around a row
 * or from a mixture fitted to the training codes, decode a lattice. */
#include "runtime.h"

/* ---- codes ---------------------------------------------------------------------------------- */
typedef struct { const AeProgram *p; Result *r; } Taking;

static void take_first(void *with, long first, int n)
{
    const Taking *const t = with;
    result_take(t->r, &t->p->outputs[0], first, n);
}

Result codes_of(const char *program, const Split *s, long first, long rows)
{
    const AeProgram *const p = program_need(program);
    Result r = result_new(&p->outputs[0], rows);
    if (p->outputs[0].elem != AE_REAL)
        fail("the codes of %s are whole numbers", ae_model.name);
    run_rows(p, s, first, rows, take_first, &(Taking) { p, &r });
    return r;
}

long code_width(void) { return row_count(&program_need("encode")->outputs[0]); }

/* Mean and deviation of each unit. */
typedef struct { double *mean, *sd; } Extent;

static Extent extent_of(const ae_real *z, long rows, long w)
{
    Extent x = { need((size_t) w, sizeof(double)), need((size_t) w, sizeof(double)) };
    for (long k = 0; k < w; k++) {
        double sum = 0, square = 0;
        for (long r = 0; r < rows; r++)
            sum += z[r * w + k] / (double) rows;
        for (long r = 0; r < rows; r++)
            square += (z[r * w + k] - sum) * (z[r * w + k] - sum) / (double) rows;
        x.mean[k] = sum;
        x.sd[k] = sqrt(square);
    }
    return x;
}

static void write_decoded(const ae_real *codes, long rows)
{
    const AeProgram *const p = program_need("decode");
    result_write(opt.output, run_codes(p, codes, rows), p->noutputs, false);
}

/* ---- traverse: a line of pictures for each unit, or the slope by it ------------------------- */
void middle_grey(Result *r)
{
    double low = 0, high = 0;
    const int x = input_find(false, 0);
    if (x >= 0)
        data_peak(x, &low, &high);
    if (!(high > low))
        high = low + 1;
    long w = 1;
    for (int k = 1; k < r->rank; k++)
        w *= r->shape[k];
    for (long row = 0; row < r->shape[0]; row++) {
        ae_real *const at = (ae_real *) r->at + row * w;
        double most = 0;
        for (long k = 0; k < w; k++)
            most = fmax(most, fabs(at[k]));
        for (long k = 0; k < w; k++)
            at[k] = (ae_real) (low + (high - low) * (1 + (most > 0 ? at[k] / most : 0)) / 2);
    }
}

/* The derivative of what is decoded by each unit at a code, by central differences. */
static void write_slopes(const ae_real *z, const double *sd, long w)
{
    const AeProgram *const p = program_need("decode");
    ae_real *const codes = need((size_t) (2 * w * w), sizeof *codes);
    for (long k = 0; k < 2 * w; k++) {
        memcpy(codes + k * w, z, (size_t) w * sizeof *z);
        codes[k * w + k / 2] += (ae_real) ((k % 2 ? -1 : 1) * (sd[k / 2] > 0 ? sd[k / 2] : 1)
                                           / 16);
    }
    const Result *const ends = run_codes(p, codes, 2 * w);
    const long width = row_count(&p->outputs[0]);
    const ae_real *const y = ends->at;
    Result r = result_new(&p->outputs[0], w);
    if (p->outputs[0].elem != AE_REAL)
        fail("what codes of %s decode to are whole numbers: they have no slope", ae_model.name);
    for (long k = 0; k < w * width; k++) {
        const long u = k / width, up = 2 * u * width + k % width;
        const double apart = (double) codes[2 * u * w + u] - codes[(2 * u + 1) * w + u];
        ((ae_real *) r.at)[k] = (ae_real) (((double) y[up] - y[up + width]) / apart);
    }
    if (has_ending(opt.output, ".png"))
        middle_grey(&r);
    result_write(opt.output, &r, 1, false);
}

void command_traverse(void)
{
    need_output();
    weights_start(false);
    const Split *const s = chosen_split();
    const long row = row_argument(opt.args[0], s->rows), steps = opt.n ? opt.n : 9;
    const long w = code_width();
    if (steps < 2)
        usage("traverse needs -n 2 or more");
    const Result z = codes_of("encode", s, 0, s->rows);
    const Extent x = extent_of(z.at, s->rows, w);
    if (opt.slope) {
        write_slopes((ae_real *) z.at + row * w, x.sd, w);
        return;
    }
    const double reach = opt.span > 0 ? opt.span : 2;
    ae_real *const codes = need((size_t) (w * steps * w), sizeof *codes);
    for (long k = 0; k < w; k++)
        for (long j = 0; j < steps; j++) {
            ae_real *const at = codes + (k * steps + j) * w;
            memcpy(at, (ae_real *) z.at + row * w, (size_t) w * sizeof *at);
            at[k] = (ae_real) (x.mean[k]
                               + reach * x.sd[k] * (2.0 * (double) j / (double) (steps - 1) - 1));
        }
    if (!opt.across)
        opt.across = (int) steps;
    write_decoded(codes, w * steps);
}

/* ---- show lattice: the plane of a code of two numbers, decoded; the second grows upwards ---- */
void show_lattice(void)
{
    const long n = opt.n ? opt.n : 20;
    const double reach = opt.span > 0 ? opt.span : 3;
    if (code_width() != 2)
        fail("show lattice is for codes of two numbers, and %s has %ld; see traverse",
             ae_model.name, code_width());
    if (n < 2 || n > 200)
        usage("show lattice -n is the pictures of a side, 2 to 200");
    ae_real *const codes = need((size_t) (2 * n * n), sizeof *codes);
    for (long k = 0; k < n * n; k++)
        for (int d = 0; d < 2; d++)
            codes[2 * k + d] = (ae_real) (reach * (2.0 * (double) (d ? n - 1 - k / n : k % n) / (double) (n - 1) - 1));
    if (!opt.across)
        opt.across = (int) n;
    write_decoded(codes, n * n);
}

/* ---- sample --around ROW, --mixture K ------------------------------------------------------- */
/* The deviations of the code of a row, from draws of it. */
static double *noise_of(const Split *s, long row, long w)
{
    enum { DRAWS = 400 };
    double *const sum = need((size_t) w, sizeof *sum);
    double *const square = need((size_t) w, sizeof *square);
    if (!program_find("draw"))
        fail("the code of %s is not drawn, so it has no deviation to stay within; see interpolate and traverse", ae_model.name);
    for (int k = 0; k < DRAWS; k++) {
        run_draw = k;
        Result z = codes_of("draw", s, row, 1);
        for (long j = 0; j < w; j++) {
            sum[j] += ((ae_real *) z.at)[j];
            square[j] += (double) ((ae_real *) z.at)[j] * ((ae_real *) z.at)[j];
        }
        free(z.at);
    }
    run_draw = 0;
    for (long j = 0; j < w; j++)
        square[j] = sqrt(fmax(0, square[j] / DRAWS - sum[j] / DRAWS * (sum[j] / DRAWS)));
    free(sum);
    return square;
}

/* Normal draws around a row's code, none of a unit further than `within` of its deviations. */
static void sample_around(long rows)
{
    const Split *const s = chosen_split();
    const long row = row_argument(opt.around, s->rows), w = code_width();
    const double within = opt.within > 0 ? opt.within : 1;
    const Result z = codes_of("encode", s, row, 1);
    const double *const sd = noise_of(s, row, w);
    ae_real *const codes = need((size_t) (rows * w), sizeof *codes);
    uint64_t count = 0;
    for (long k = 0; k < rows * w; k++) {
        double e;
        do
            e = draw_normal(data_seed, STREAM_CODES, 0, count++);
        while (fabs(e) > within);
        codes[k] = (ae_real) (((ae_real *) z.at)[k % w] + e * sd[k % w]);
    }
    write_decoded(codes, rows);
}

static void sample_mixture(long rows)
{
    const Split *const train = data_split("train");
    const long w = code_width();
    const Result z = codes_of("encode", train, 0, train->rows);
    Mixture m = mixture_fit(z.at, train->rows, (int) w, opt.mixture);
    ae_real *const codes = need((size_t) (rows * w), sizeof *codes);
    for (long k = 0; k < rows; k++)
        mixture_draw(&m, (uint64_t) k, codes + k * w);
    write_decoded(codes, rows);
}

bool sample_codes(void)
{
    const long rows = opt.n ? opt.n : 64;
    if (opt.around)
        sample_around(rows);
    else if (opt.mixture)
        sample_mixture(rows);
    return opt.around || opt.mixture;
}
