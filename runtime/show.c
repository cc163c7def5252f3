/* show.c -- pictures of what a model has learnt: the field of a denoising model, the inputs that
 * units like best, filters. Each writes numbers too: .csv or .npy has the rows that .png draws. */
#include "runtime.h"

/* ---- rows that are no data, through a program ----------------------------------------------- */
typedef struct { const AeArray *output; Result *r; } Taking;

static void take_batch(void *with, long first, int n)
{
    const Taking *const t = with;
    result_take(t->r, t->output, first, n);
}

/* An output for rows of the input, which stand one after another in `at`. */
static Result outcome(const AeProgram *p, const AeArray *output, int input, float *at, long rows)
{
    Column *const column = need((size_t) ae_model.ninputs, sizeof *column);
    column[input] = (Column) { .real = at, .there = true };
    const Split s = { rows, column };
    Result r = result_new(output, rows);
    run_rows(p, &s, 0, rows, take_batch, &(Taking) { output, &r });
    free(column);
    return r;
}

static int need_reals(const char *what)
{
    const int x = input_find(false, 0);
    if (x < 0 || ae_model.inputs[x].array.elem != AE_REAL)
        fail("show %s needs an input of real numbers", what);
    return x;
}

/* Each row of its own from the darkest to the lightest of the input. */
static void stretch(Result *r, int input, long width)
{
    double low = 0, high = 0;
    data_peak(input, &low, &high);
    for (long row = 0; row < r->shape[0]; row++) {
        ae_real *const at = (ae_real *) r->at + row * width;
        double least = INFINITY, most = -INFINITY;
        for (long k = 0; k < width; k++) {
            least = fmin(least, at[k]);
            most = fmax(most, at[k]);
        }
        for (long k = 0; k < width && most > least; k++)
            at[k] = (ae_real) ((at[k] - least) / (most - least) * (high > low ? high - low : 1)
                               + low);
    }
}

/* ---- the field r(x) - x of a model of two numbers ------------------------------------------- */
static void arrow(Sheet *s, double x, double y, double dx, double dy)
{
    const double length = hypot(dx, dy), head = fmin(6, length / 2);
    sheet_line(s, x, y, dx, dy, 0x202020);
    for (int side = -1; side <= 1 && length > 0; side += 2)
        sheet_line(s, x + dx, y + dy, head * (-0.87 * dx - side * 0.5 * dy) / length,
                   head * (-0.87 * dy + side * 0.5 * dx) / length, 0x202020);
}

static void fill(Sheet *s, int x, int y, int wide, int high, uint32_t colour)
{
    for (int i = 0; i < high; i++)
        for (int j = 0; j < wide; j++)
            sheet_put(s, x + j, y + i, colour);
}

/* Grey where no training row is, a point for each row, an arrow for each cell; the longest arrow
 * is as long as a cell and a half. */
static void draw_field(const Result *r, int n, const Split *train, int x, const double *low,
                       const double *step)
{
    enum { SIDE = 640, EDGE = 20 };
    const int margin = sheet_margin(low[1], low[1] + n * step[1]);
    const double side = (double) SIDE / n;
    const Frame f = { margin, EDGE, SIDE, SIDE, { low[0], low[1] }, { side / step[0], side / step[1] } };
    Sheet s = sheet_new(margin + SIDE + EDGE, SIDE + 2 * EDGE);
    const ae_real *const cell = r->at;
    double longest = 0;
    for (int k = 0; k < n * n; k++)
        longest = fmax(longest, hypot(cell[5 * k + 2], cell[5 * k + 3]));
    for (int k = 0; k < n * n; k++) {
        const int i = k % n, j = n - 1 - k / n, x0 = (int) (i * side), y0 = (int) (j * side);
        if (cell[5 * k + 4] <= 0)
            fill(&s, f.left + x0, f.top + y0, (int) ((i + 1) * side) - x0,
                 (int) ((j + 1) * side) - y0, 0xd8d8d8);
    }
    for (long row = 0; row < train->rows; row++)
        fill(&s, (int) frame_x(&f, amount_at(&train->column[x], 2 * row)),
             (int) frame_y(&f, amount_at(&train->column[x], 2 * row + 1)) - 1, 2, 2, 0x80a8e0);
    for (int k = 0; k < n * n && longest > 0; k++)
        arrow(&s, frame_x(&f, cell[5 * k]), frame_y(&f, cell[5 * k + 1]),
              cell[5 * k + 2] * 1.5 * side / longest, -cell[5 * k + 3] * 1.5 * side / longest);
    sheet_frame(&s, &f);
    sheet_write(&s);
}

/* A grid over the training rows and half their extent around them. A row a cell: where it is, how
 * the model moves it, how many training rows lie in it. */
static void show_field(void)
{
    const int x = need_reals("field");
    const Split *const train = data_split("train");
    const AeProgram *const p = program_need("reconstruct");
    const int n = opt.n ? (int) opt.n : 24;
    double low[2], high[2], step[2];
    if (input_width(x) != 2 || row_count(&p->outputs[0]) != 2)
        fail("show field is for inputs of two numbers, and %s has %ld",
             ae_model.inputs[x].array.name, input_width(x));
    if (n < 2 || n > 1000)
        usage("show field -n is the cells of a side, 2 to 1000");
    for (int k = 0; k < 2; k++) {
        low[k] = INFINITY;
        high[k] = -INFINITY;
        for (long row = 0; row < train->rows; row++) {
            low[k] = fmin(low[k], amount_at(&train->column[x], 2 * row + k));
            high[k] = fmax(high[k], amount_at(&train->column[x], 2 * row + k));
        }
        const double margin = fmax(1e-6, (high[k] - low[k]) / 2);
        low[k] -= margin;
        high[k] += margin;
        step[k] = (high[k] - low[k]) / n;
    }
    float *const at = need((size_t) n * (size_t) n * 2, sizeof *at);
    const long cells = (long) n * n;
    Result r[4] = { result_table("field", cells, 5), result_table("x", cells, 2),
                    result_table("v", cells, 2), result_table("rows", cells, 1) };
    ae_real *const cell = r[0].at;
    for (int k = 0; k < n * n; k++)
        for (int d = 0; d < 2; d++)
            at[2 * k + d] = (float) (low[d] + ((d ? k / n : k % n) + 0.5) * step[d]);
    const Result out = outcome(p, &p->outputs[0], x, at, (long) n * n);
    for (int k = 0; k < n * n; k++)
        for (int d = 0; d < 2; d++) {
            cell[5 * k + d] = at[2 * k + d];
            cell[5 * k + 2 + d] = ((const ae_real *) out.at)[2 * k + d] - at[2 * k + d];
        }
    for (long row = 0; row < train->rows; row++) {
        const int i = (int) ((amount_at(&train->column[x], 2 * row) - low[0]) / step[0]);
        const int j = (int) ((amount_at(&train->column[x], 2 * row + 1) - low[1]) / step[1]);
        cell[5 * (ae_imin(j, n - 1) * n + ae_imin(i, n - 1)) + 4]++;
    }
    for (long k = 0; k < cells; k++) {
        memcpy((ae_real *) r[1].at + 2 * k, cell + 5 * k, 2 * sizeof *cell);
        memcpy((ae_real *) r[2].at + 2 * k, cell + 5 * k + 2, 2 * sizeof *cell);
        ((ae_real *) r[3].at)[k] = cell[5 * k + 4];
    }
    if (has_ending(opt.output, ".png"))
        draw_field(r, n, train, x, low, step);
    else if (has_ending(opt.output, ".csv"))
        result_write(opt.output, r + 1, 3, false);
    else
        result_write(opt.output, r, 1, false);
}

/* ---- the input of length 1 that a unit answers most ----------------------------------------- */
typedef struct { const AeProgram *p; const AeArray *output; int input, unit; long width, units; float *at; } Ascent;

static double answer(const Ascent *a, const double *v)
{
    for (long k = 0; k < a->width; k++)
        a->at[k] = (float) v[k];
    Result r = outcome(a->p, a->output, a->input, a->at, 1);
    const double y = ((const ae_real *) r.at)[a->unit];
    free(r.at);
    return y;
}

/* By central differences: exact for what is linear, and good enough to climb by for the rest. */
static void slope(const Ascent *a, const double *v, double *g)
{
    const double h = 1.0 / 64;
    for (long i = 0; i < 2 * a->width; i++)
        for (long k = 0; k < a->width; k++)
            a->at[i * a->width + k] = (float) (v[k] + (k == i / 2 ? i % 2 ? -h : h : 0));
    Result r = outcome(a->p, a->output, a->input, a->at, 2 * a->width);
    const ae_real *const y = r.at;
    for (long i = 0; i < a->width; i++)
        g[i] = ((double) y[2 * i * a->units + a->unit] - y[(2 * i + 1) * a->units + a->unit])
            / (2 * h);
    free(r.at);
}

static void to_sphere(double *v, long n)
{
    double square = 0;
    for (long k = 0; k < n; k++)
        square += v[k] * v[k];
    for (long k = 0; k < n && square > 0; k++)
        v[k] /= sqrt(square);
}

/* Ascent along the slope, drawn back to length 1, with a step that grows while it helps. The start
 * is the slope at 0: for a unit w'x + b that is w / |w|, the answer itself. */
static double climb(const Ascent *a, double *v)
{
    double *const g = need((size_t) a->width, sizeof *g);
    double *const try = need((size_t) a->width, sizeof *try), rate = 1;
    slope(a, v, g);
    memcpy(v, g, (size_t) a->width * sizeof *v);
    to_sphere(v, a->width);
    double best = answer(a, v);
    for (int round = 0; round < 200 && rate > 1e-6; round++) {
        slope(a, v, g);
        to_sphere(g, a->width);
        for (; rate > 1e-6; rate /= 2) {
            for (long k = 0; k < a->width; k++)
                try[k] = v[k] + rate * g[k];
            to_sphere(try, a->width);
            const double y = answer(a, try);
            if (y > best) {
                best = y;
                memcpy(v, try, (size_t) a->width * sizeof *v);
                rate *= 2;
                break;
            }
        }
    }
    free(g);
    free(try);
    return best;
}

/* Whose units: the code's, or with --name those of a layer that has a name, or of an output. */
static void find_units(Ascent *a)
{
    static const char *const from[] = { "reconstruct", "predict" };
    Text known = { 0 };
    const AeProgram *p = opt.name ? named_program(opt.name) : program_need("encode");
    if (p) {
        a->p = p;
        a->output = p->outputs;
        return;
    }
    text_add(&known, "%s", named_list());
    for (int k = 0; k < 2; k++)
        for (int j = 0; (p = program_find(from[k])) && j < p->noutputs; j++) {
            text_add(&known, "%s%s", known.n ? ", " : "", p->outputs[j].name);
            if (strcmp(p->outputs[j].name, opt.name) == 0) {
                a->p = p;
                a->output = &p->outputs[j];
                return;
            }
        }
    fail("there are no units %s%s%s; `dense(64) as h` gives a layer a name", opt.name,
         known.n ? "; there are " : "", known.n ? known.at : "");
}

static void show_units(void)
{
    const int x = need_reals("units");
    Ascent a = { .input = x, .width = input_width(x) };
    find_units(&a);
    a.units = row_count(a.output);
    if (a.output->elem != AE_REAL)
        fail("the units of %s are whole numbers: they have no slope",
             opt.name ? opt.name : "the code");
    const long units = opt.n && opt.n < a.units ? opt.n : a.units;
    a.at = need((size_t) (2 * a.width * a.width), sizeof *a.at);
    double *const v = need((size_t) a.width, sizeof *v);
    Result r = result_new(&ae_model.inputs[x].array, units);
    r.name = opt.name ? opt.name : r.name;
    for (a.unit = 0; a.unit < units; a.unit++) {
        memset(v, 0, (size_t) a.width * sizeof *v);
        const double y = climb(&a, v);
        for (long k = 0; k < a.width; k++)
            ((ae_real *) r.at)[a.unit * a.width + k] = (ae_real) v[k];
        if (!opt.quiet)
            printf("unit %-4d %12.6g  at an input of length 1\n", a.unit, y);
    }
    if (has_ending(opt.output, ".png"))
        stretch(&r, x, a.width);
    result_write(opt.output, &r, 1, false);
}

/* ---- weights as pictures -------------------------------------------------------------------- */
static const AeArray *find_filters(long width)
{
    for (int k = 0; k < ae_model.nparam; k++) {
        const AeArray *const a = &ae_model.param[k];
        const bool named = opt.name ? strcmp(a->name, opt.name) == 0 : a->rank == 4 || (a->rank == 2 && a->shape[0] == width);
        if (named && (a->rank == 4 || a->rank == 2))
            return a;
    }
    if (opt.name)
        fail("there are no weights %s in two or four axes; see %s info", opt.name, opt.program);
    fail("no weights look at the input directly; name some with --name");
}

/* A dense layer's w[k, units] is a picture of the input for each unit; a convolution's f[filters,
 * c, h, w] is one for each filter, the mean of its channels where these are neither 1 nor 3. */
static Result filters_of_weights(int x)
{
    const long width = input_width(x);
    const AeArray *const w = find_filters(width), *const seen = &ae_model.inputs[x].array;
    AeArray one = { .name = w->name, .elem = AE_REAL, .rank = 2, .shape = { 1, w->shape[0] } };
    if (w->rank == 4) {
        const int channels = w->shape[1] == 3 ? 3 : 1;
        one = (AeArray) { .name = w->name, .elem = AE_REAL, .rank = 4, .shape = { 1, channels, w->shape[2], w->shape[3] } };
    } else if (w->shape[0] == width) {
        one = *seen;
        one.name = w->name;
    }
    const long rows = w->rank == 4 ? w->shape[0] : w->shape[1], each = row_count(&one);
    Result r = result_new(&one, rows);
    for (long row = 0; row < rows; row++)
        for (long k = 0; k < each; k++) {
            const ae_real *const from = w->at;
            double sum = w->rank == 2 ? from[k * rows + row] : 0;
            const int parts = w->rank == 4 ? w->shape[1] / one.shape[1] : 0;
            for (int part = 0; part < parts; part++)
                sum += from[row * each * parts + part * each + k] / parts;
            ((ae_real *) r.at)[row * each + k] = (ae_real) sum;
        }
    return r;
}

/* With --pca principal components in their place. */
static void show_filters(void)
{
    const int x = need_reals("filters");
    Result r = opt.pca ? components_vectors() : filters_of_weights(x);
    if (has_ending(opt.output, ".png"))
        stretch(&r, x, result_width(&r));
    result_write(opt.output, &r, 1, false);
}

/* ---- the command ---------------------------------------------------------------------------- */
static const struct { const char *name; void (*run)(void); } pictures[] = {
    { "field", show_field }, { "units", show_units }, { "filters", show_filters },
    { "codes", show_codes }, { "lattice", show_lattice }, { "map", show_map },
    { "relations", show_relations },
};
enum { PICTURES = sizeof pictures / sizeof *pictures };

void command_show(void)
{
    const char *names[PICTURES];
    need_output();
    for (int k = 0; k < PICTURES; k++)
        if (strcmp((names[k] = pictures[k].name), opt.args[0]) == 0) {
            weights_start(false);
            pictures[k].run();
            return;
        }
    const int like = nearest(opt.args[0], names, PICTURES);
    usage("show draws field, units, filters, codes, lattice, map or relations, not %s%s%s%s",
          opt.args[0], like >= 0 ? "; did you mean " : "", like >= 0 ? names[like] : "",
          like >= 0 ? "?" : "");
}
