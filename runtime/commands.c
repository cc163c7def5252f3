/* commands.c -- encode, decode, reconstruct, sample, interpolate, predict: programs whose
 * outputs become a file. */
#include "runtime.h"

const char *need_output(void)
{
    if (!opt.output)
        usage("%s needs -o FILE (.npy, .csv or .png)", opt.command);
    if (!has_ending(opt.output, ".npy") && !has_ending(opt.output, ".csv")
        && !has_ending(opt.output, ".png"))
        usage("-o %s: the name ends in .npy, .csv or .png", opt.output);
    return opt.output;
}

const char *chosen_name(void)
{
    const char *const name = opt.split ? opt.split : data_split("test") ? "test" : "train";
    if (strcmp(name, "train") != 0 && strcmp(name, "validation") != 0 && strcmp(name, "test") != 0)
        usage("--split is train, validation or test, not %s", name);
    return name;
}

const Split *chosen_split(void)
{
    const char *const name = chosen_name();
    const Split *const s = data_split(name);
    if (!s)
        fail("there are no %s rows", name);
    return s;
}

/* ---- running a program over rows into results ----------------------------------------------- */
typedef struct { const AeProgram *p; Result *r; const double *given; } Taking;

static void take_all(void *with, long first, int n)
{
    const Taking *const t = with;
    for (int k = 0; k < t->p->noutputs; k++)
        result_take(&t->r[k], &t->p->outputs[k], first, n);
}

static Result *run_all(const AeProgram *p, const Split *s, long rows)
{
    Result *const r = need((size_t) p->noutputs + 1, sizeof *r);
    for (int k = 0; k < p->noutputs; k++)
        r[k] = result_new(&p->outputs[k], rows);
    run_rows(p, s, 0, rows, take_all, &(Taking) { p, r, NULL });
    return r;
}

long rows_chosen(const Split *s) { return opt.n && opt.n < s->rows ? opt.n : s->rows; }

/* A .csv that csv("codes.csv", target = ..) reads: codes as features. */
static void write_labelled(const char *path, Result codes, const Split *s)
{
    Result *const r = need((size_t) ae_model.ninputs + 1, sizeof *r);
    int n = 0;
    if (!has_ending(path, ".csv"))
        usage("--labels is for .csv: the others hold one array");
    r[n++] = codes;
    for (int i = 0; i < ae_model.ninputs; i++)
        if (ae_model.inputs[i].label && s->column[i].there)
            r[n++] = column_result(i, &s->column[i], codes.shape[0]);
    if (n == 1)
        fail("the data have no labels");
    opt.name = NULL;
    result_write(path, r, n, false);
}

/* With --name what has that name in place of the code: a layer, or a net of the bottleneck. */
void command_encode(void)
{
    const char *const path = need_output();
    weights_start(false);
    if (opt.pca) {
        const Result z = components_codes(chosen_split(), rows_chosen(chosen_split()), 0);
        result_write(path, &z, 1, false);
        return;
    }
    const AeProgram *const named = opt.name ? named_program(opt.name) : NULL;
    const AeProgram *const p = named ? named : program_need("encode");
    const Split *const s = chosen_split();
    Result *const r = run_all(p, s, rows_chosen(s));
    if (opt.name && !named && strcmp(opt.name, r[0].name) != 0)
        fail("nothing that is encoded is called %s; there are %s%s%s", opt.name, r[0].name,
             *named_list() ? ", " : "", named_list());
    r[0].name = opt.name ? opt.name : r[0].name;
    if (opt.labels)
        write_labelled(path, r[0], s);
    else
        result_write(path, r, p->noutputs, false);
}

/* Where a task's output are the chances of a label's classes, the likeliest class
 * becomes one more column. */
static int class_of_output(const AeArray *a)
{
    int found = -1;
    for (int i = 0; i < ae_model.ninputs; i++) {
        const AeInput *const in = &ae_model.inputs[i];
        if (in->label && strcmp(in->kind, "class") == 0 && a->elem == AE_REAL && a->rank == 2
            && a->shape[1] == in->classes)
            found = found < 0 ? i : -2;
    }
    return found;
}

static Result likeliest(const Result *p, int label)
{
    Result r = result_new(&ae_model.inputs[label].array, p->shape[0]);
    for (long row = 0; row < p->shape[0]; row++) {
        const ae_real *const chance = (const ae_real *) p->at + row * p->shape[1];
        int best = 0;
        for (int k = 1; k < p->shape[1]; k++)
            if (chance[k] > chance[best])
                best = k;
        ((int32_t *) r.at)[row] = best;
    }
    return r;
}

void command_predict(void)
{
    const char *const path = need_output();
    weights_start(false);
    const AeProgram *const p = program_need("predict");
    const Split *const s = chosen_split();
    Result *r = run_all(p, s, rows_chosen(s));
    int n = p->noutputs;
    const int label = n ? class_of_output(&p->outputs[0]) : -1;
    if (label >= 0)
        r[n++] = likeliest(&r[0], label);
    result_write(path, r, n, false);
}

/* A picture has each original beside its reconstruction. */
void command_reconstruct(void)
{
    const char *const path = need_output();
    weights_start(false);
    const AeProgram *const p = program_need("reconstruct");
    const Split *const s = chosen_split();
    const int x = input_find(false, 0);
    const long rows = rows_chosen(s);
    Result *const out = run_all(p, s, rows);
    const Column *const c = x >= 0 ? &s->column[x] : NULL;
    if (result_chosen(out, p->noutputs) != out || !c || !c->there || !input_measured(x)
        || row_count(&p->outputs[0]) != input_width(x)) {
        result_write(path, out, p->noutputs, false);
        return;
    }
    Result pair[2] = { column_result(x, c, rows),
                       opt.pca ? components_reconstruct(s, rows) : out[0] };
    result_write(path, pair, 2, true);
}

/* ---- programs that take codes --------------------------------------------------------------- */
/* Without data nothing is shorter than it may be. */
static void lengths_full(void)
{
    for (int k = 0; k < ae_model.ninputs; k++)
        for (int n = 0; ae_model.inputs[k].length && n < ae_model.batch; n++)
            ae_model.inputs[k].length[n] = ae_model.inputs[k].array.shape[1];
}

/* Rows of codes through a program; the codes stand in for data, so no split is read. */
Result *run_codes(const AeProgram *p, const ae_real *codes, long rows)
{
    if (p->ntakes != 1)
        fail("%s takes %d arrays, and only one can be given", p->name, p->ntakes);
    const AeArray *const z = &p->takes[0];
    const long w = row_count(z), most = ae_model.batch;
    Result *const r = need((size_t) p->noutputs + 1, sizeof *r);
    const AeClock kept = ae_clock;
    lengths_full();
    for (int k = 0; k < p->noutputs; k++)
        r[k] = result_new(&p->outputs[k], rows);
    for (long done = 0; done < rows; done += most) {
        const int n = (int) (rows - done < most ? rows - done : most);
        for (long e = 0; e < n * w; e++) {
            if (z->elem == AE_INT)
                ((int32_t *) z->at)[e] = (int32_t) codes[done * w + e];
            else
                ((ae_real *) z->at)[e] = codes[done * w + e];
        }
        evaluation_clock(n, (int) (done / most));
        p->run();
        take_all(&(Taking) { p, r, NULL }, done, n);
    }
    ae_clock = kept;
    return r;
}

void command_decode(void)
{
    const char *const path = need_output();
    weights_start(false);
    const AeProgram *const p = program_need("decode");
    if (has_ending(opt.args[0], ".safetensors")) {
        long many;
        const ae_real *const few = codes_read(opt.args[0], &many);
        result_write(path, run_codes(p, few, many), p->noutputs, false);
        return;
    }
    const Grid g = grid_read(opt.args[0]);
    const long w = p->ntakes == 1 ? row_count(&p->takes[0]) : 0, rows = g.rank ? g.shape[0] : 0;
    if (!rows || !w || g.count != rows * w)
        fail("%s: %ld numbers in %ld rows, where the model's %s has %ld a row", opt.args[0],
             g.count, rows, p->ntakes ? p->takes[0].name : "code", w);
    ae_real *const codes = need((size_t) g.count, sizeof *codes);
    for (long e = 0; e < g.count; e++)
        codes[e] = (ae_real) grid_at(&g, e);
    result_write(path, run_codes(p, codes, rows), p->noutputs, false);
}

static void take_nothing(void *with, long first, int n) { take_all(with, first, n); }

void command_sample(void)
{
    const char *const path = need_output();
    weights_start(false);
    if (sample_codes())
        return;
    if (!program_find("sample") && program_find("encode") && program_find("decode"))
        fail("%s has no prior to draw from; --mixture K draws from K normals fitted to its training codes", ae_model.name);
    const AeProgram *const p = program_need("sample");
    const long rows = opt.n ? opt.n : 64;
    Result *const r = need((size_t) p->noutputs + 1, sizeof *r);
    for (int k = 0; k < p->noutputs; k++)
        r[k] = result_new(&p->outputs[k], rows);
    lengths_full();
    run_rows(p, p->ninputs ? chosen_split() : NULL, 0, rows, take_nothing,
             &(Taking) { p, r, NULL });
    result_write(path, r, p->noutputs, false);
}

long row_argument(const char *s, long rows)
{
    double v;
    if (!parse_number(s, &v) || v != floor(v) || v < 0)
        usage("%s takes the number of a row, from 0; not \"%s\"", opt.command, s);
    if (v >= (double) rows)
        fail("there is no row %s: the split has rows 0 to %ld", s, rows - 1);
    return (long) v;
}

static void take_codes(void *with, long first, int n)
{
    const Taking *const t = with;
    (void) first;
    (void) n;
    result_take(t->r, &t->p->outputs[0], 0, 1);
}

/* Along the great circle the weights are sines of parts of this angle; 0 where there is no
 * circle or no one circle. */
static double angle_between(const ae_real *a, const ae_real *b, long w)
{
    double aa = 0, bb = 0, ab = 0;
    for (long e = 0; e < w; e++) {
        aa += (double) a[e] * a[e];
        bb += (double) b[e] * b[e];
        ab += (double) a[e] * b[e];
    }
    const double angle = aa > 0 && bb > 0 ? acos(fmin(1, fmax(-1, ab / sqrt(aa * bb)))) : 0;
    return angle < 1e-6 || angle > M_PI - 1e-6 ? 0 : angle;
}

void command_interpolate(void)
{
    const char *const path = need_output();
    weights_start(false);
    const AeProgram *const encode = program_need("encode"), *const decode = program_need("decode");
    const Split *const s = chosen_split();
    const long ends[2] = { row_argument(opt.args[0], s->rows),
                           row_argument(opt.args[1], s->rows) };
    const long steps = opt.n ? opt.n : 10, w = row_count(&encode->outputs[0]);
    if (steps < 2)
        usage("interpolate needs -n 2 or more");
    if (encode->outputs[0].elem == AE_INT)
        fail("the codes of %s are whole numbers: there is no way between two", ae_model.name);
    Result z[2];
    for (int k = 0; k < 2; k++) {
        z[k] = result_new(&encode->outputs[0], 1);
        run_rows(encode, s, ends[k], 1, take_codes, &(Taking) { encode, &z[k], NULL });
    }
    ae_real *const codes = need((size_t) (steps * w), sizeof *codes);
    const double angle = opt.sphere ? angle_between(z[0].at, z[1].at, w) : 0;
    for (long k = 0; k < steps; k++) {
        const double u = (double) k / (double) (steps - 1);
        const double a = angle > 0 ? sin((1 - u) * angle) / sin(angle) : 1 - u;
        const double b = angle > 0 ? sin(u * angle) / sin(angle) : u;
        for (long e = 0; e < w; e++)
            codes[k * w + e] = (ae_real) (a * ((ae_real *) z[0].at)[e]
                                          + b * ((ae_real *) z[1].at)[e]);
    }
    if (!opt.across && steps <= 20)
        opt.across = (int) steps;
    result_write(path, run_codes(decode, codes, steps), decode->noutputs, false);
}
