/* grad.c -- grad: loss and gradients of one batch as a file. gradcheck: the same
   against central differences. */
#include "runtime.h"

static int phase_chosen(void)
{
    for (int k = 0; k < ae_model.nphases; k++)
        if (!opt.phase || strcmp(ae_model.phases[k].name, opt.phase) == 0)
            return k;
    if (!ae_model.nphases)
        fail("%s has no train block", ae_model.file);
    usage("the model has no phase %s", opt.phase);
}

/* The first batch in the file's order, as at step 1 of the phase, without an update. */
static Stage first_batch(int phase, int most)
{
    const Split *const train = data_split("train");
    Stage s = stage_make(phase, train);
    const AeProgram *const p = s.phase->gradient;
    stage_clock(&s, 0, 0, 0);
    if (s.phase->start)
        s.phase->start();
    stage_sweeps(&s, 0);
    stage_sweeps(&s, 1);
    stage_clock(&s, 1, 0, 0);
    stage_sweeps(&s, 2);
    int rows = (int) (s.rows < s.batch ? s.rows : s.batch);
    if (most && rows > most)
        rows = most;
    split_fill(train, s.fixed, rows, p->inputs, p->ninputs, s.labelled);
    p->run();
    if (s.phase->apart)
        s.phase->apart();
    return s;
}

static bool trained(const AePhase *p, const AeArray *a)
{
    const long at = (ae_real *) a->at - ae_model.params;
    for (int k = 0; k < p->ntrained; k++)
        if (at >= p->trained[k].first && at < p->trained[k].first + p->trained[k].count)
            return true;
    return false;
}

void command_grad(void)
{
    Bundle b = { 0 };
    if (!opt.output || strlen(opt.output) < 13
        || strcmp(opt.output + strlen(opt.output) - 12, ".safetensors") != 0)
        usage("grad needs -o FILE.safetensors");
    weights_start(true);
    const Stage s = first_batch(phase_chosen(), 0);
    const AeProgram *const p = s.phase->gradient;
    bundle_add(&b, "loss", AE_REAL_NAME, p->loss, 0, NULL);
    for (int k = 0; k < p->nterms; k++)
        bundle_add(&b, form("loss.%s", p->terms[k].name), AE_REAL_NAME, p->terms[k].value, 0, NULL);
    for (int k = 0; k < ae_model.nparam; k++)
        if (trained(s.phase, &ae_model.param[k]))
            bundle_array(&b, ae_model.grad[k].name, &ae_model.grad[k]);
    store_write(opt.output, b.tensor, b.n, b.meta, b.nmeta);
    const int gradients = b.n - 1 - p->nterms;
    if (opt.json)
        printf("{\"loss\": %.9g, \"gradients\": %d}\n", (double) *p->loss, gradients);
    else if (!opt.quiet)
        printf("loss %.9g, gradients of %d tensors in %s\n", (double) *p->loss, gradients,
               opt.output);
}

/* ---- gradcheck ------------------------------------------------------------------------------ */
#ifndef AE_DOUBLE
void command_gradcheck(void)
{
    fail("gradcheck needs a build in double precision that holds its draws; aec makes and runs it:\n\n"
         "    aec run %s -- gradcheck\n", ae_model.file);
}
#else
static double loss_at(const AeProgram *p, ae_real *param, double v)
{
    const ae_real kept = *param;
    *param = v;
    p->run();
    *param = kept;
    return *p->loss;
}

/* The difference over five points, error h^4: wide steps round least, narrow ones stay clear of
 * kinks, so each is tried until one agrees. A wrong gradient agrees with none. */
static double relative_error(const AeProgram *p, ae_real *param, double g, double scale,
                             double *numeric)
{
    static const double steps[] = { 1e-3, 1e-2, 3e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6, 3e-7 };
    double least = INFINITY;
    for (int k = 0; k < (int) (sizeof steps / sizeof *steps) && !(least < 5e-7); k++) {
        const double h = steps[k] * fmax(1, fabs(*param)), at = *param;
        const double d = (8 * (loss_at(p, param, at + h) - loss_at(p, param, at - h))
                          - (loss_at(p, param, at + 2 * h) - loss_at(p, param, at - 2 * h)))
            / (12 * h);
        /* What the quotient cannot resolve. */
        const double rounding = fmin(16 * 2.2e-16 * fmax(1, fabs(*p->loss)) / h, 1e-2 * scale);
        const double error = fmax(0, fabs(d - g) - rounding) / fmax(fmax(fabs(d), fabs(g)), scale);
        if (!(error >= least)) {
            least = error;
            *numeric = d;
        }
    }
    return least;
}

typedef struct { double worst; long at; double analytic, numeric; long checked; } Check;

static Check check_array(const Stage *s, int k, const ae_real *gradient, long want)
{
    const AeArray *const a = &ae_model.param[k];
    const long n = array_count(a), first = (ae_real *) a->at - ae_model.params;
    long *const order = need((size_t) n, sizeof *order);
    double scale = 0;
    Check c = { 0, 0, 0, 0, want < n ? want : n };
    draw_order(order, n, s->seed, STREAM_CHECK, (uint32_t) k);
    for (long e = 0; e < n; e++)
        scale = fmax(scale, fabs(gradient[first + e]));
    scale = fmax(1e-4 * scale, 1e-9 * fmax(1, fabs(*s->phase->gradient->loss)));
    for (long j = 0; j < c.checked; j++) {
        double numeric = NAN;
        const double g = gradient[first + order[j]];
        const double error = relative_error(s->phase->gradient, (ae_real *) a->at + order[j], g,
                                            scale, &numeric);
        if (!(error <= c.worst)) {
            c.worst = error;
            c.at = order[j];
            c.analytic = g;
            c.numeric = numeric;
        }
    }
    free(order);
    return c;
}

/* As many elements as asked, spread by size, three at least of each tensor. */
static bool check_phase(int phase, double *worst, long *checked)
{
    const Stage s = first_batch(phase, 16);     /* a short batch, to be done soon */
    const long want = opt.n ? opt.n : 200;
    ae_real *const gradient = need((size_t) ae_model.nparams, sizeof *gradient);
    long all = 0;
    bool good = true;
    memcpy(gradient, ae_model.grads, (size_t) ae_model.nparams * sizeof *gradient);
    const double loss = *s.phase->gradient->loss;
    ae_clock.hold = 1;
    s.phase->gradient->run();
    if (fabs(*s.phase->gradient->loss - loss) > 1e-12 * fmax(1, fabs(loss)))
        fail("phase %s: the loss is %.17g, and %.17g when held values are kept", s.phase->name,
             loss, *s.phase->gradient->loss);
    for (int k = 0; k < ae_model.nparam; k++)
        all += trained(s.phase, &ae_model.param[k]) ? array_count(&ae_model.param[k]) : 0;
    if (!opt.json)
        printf("phase %s, loss %.9g\n%-32s %8s  %12s\n", s.phase->name, loss, "parameter",
               "checked", "worst error");
    for (int k = 0; k < ae_model.nparam; k++) {
        if (!trained(s.phase, &ae_model.param[k]))
            continue;
        const long n = array_count(&ae_model.param[k]);
        const long share = all <= want ? n : (long) ceil((double) want * (double) n / (double) all);
        const Check c = check_array(&s, k, gradient, share < 3 ? 3 : share);
        *checked += c.checked;
        *worst = !(c.worst <= *worst) ? c.worst : *worst;
        if (!opt.json)
            printf("%-32s %8ld  %12.3g", ae_model.param[k].name, c.checked, c.worst);
        if (!(c.worst <= 1e-6)) {
            good = false;
            if (!opt.json)
                printf("  element %ld: %.9g, by differences %.9g", c.at, c.analytic, c.numeric);
        }
        if (!opt.json)
            printf("\n");
    }
    ae_clock.hold = 0;
    free(gradient);
    return good;
}

/* Initial biases are 0, and where the data are 0 too many units stand exactly at their kink. */
static void step_aside(void)
{
    for (long k = 0; k < ae_model.nparams; k++)
        ae_model.params[k] += 0.02 * ae_normal(STREAM_CHECK, (uint64_t) k);
}

void command_gradcheck(void)
{
    double worst = 0;
    long checked = 0;
    bool good = true;
    weights_start(true);
    if (!opt.weights)
        step_aside();
    for (int k = 0; k < ae_model.nphases; k++)
        if (!opt.phase || k == phase_chosen())
            good &= check_phase(k, &worst, &checked);
    if (opt.phase)
        phase_chosen();
    if (opt.json)
        printf("{\"checked\": %ld, \"worst\": %.3g, \"good\": %s}\n", checked, worst,
               good ? "true" : "false");
    else
        printf("%ld checked, worst relative error %.3g: %s\n", checked, worst,
               good ? "good" : "above 1e-6");
    if (!good) {
        fflush(stdout);
        fail("gradients do not agree with central differences");
    }
}
#endif
