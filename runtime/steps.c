/* steps.c -- one step of a phase: batch, gradient, checks, clip, update.
 *
 * The order of the rows is drawn for each epoch from the seed; nothing here depends on the number
 * of threads. A step may gather the gradients of several batches (`accumulate`, or a whole
 * training set larger than the model's batch) and of several ranks, each weighed by its rows.
 * Anything not finite stops before the update. */
#include "runtime.h"

static const uint8_t *choose_labelled(const AePhase *p, const Split *train, uint64_t seed,
                                      bool *masks)
{
    uint8_t *const chosen = need((size_t) train->rows, 1);
    long *const order = need((size_t) train->rows, sizeof *order);
    int label = -1;
    *masks = false;
    for (int i = 0; i < ae_model.ninputs; i++) {
        if (!ae_model.inputs[i].label || !train->column[i].there)
            continue;
        label = label < 0 ? i : label;
        *masks |= ae_model.inputs[i].has != NULL;
    }
    if (label < 0)
        fail("phase %s: labels = %d, and the data has no label", p->name, p->labels);
    const uint8_t *const has = train->column[label].has;
    draw_order(order, train->rows, seed, STREAM_LABELS, 0);
    int left = p->labels;
    for (long k = 0; k < train->rows && left; k++)
        if (!has || has[order[k]]) {
            chosen[order[k]] = 1;
            left--;
        }
    if (left)
        fail("phase %s: labels = %d, and only %d rows of the training data have one", p->name,
             p->labels, p->labels - left);
    free(order);
    return chosen;
}

Stage stage_make(int index, const Split *train)
{
    const AePhase *const p = &ae_model.phases[index];
    Stage s = { .phase = p, .number = index + 1, .train = train, .seed = opt.has_seed ? opt.seed : p->seed,
                .epochs = opt.epochs ? opt.epochs : p->epochs, .rows = train->rows };
    long *const fixed = need((size_t) train->rows, sizeof *fixed);
    bool masks = false;
    if (p->labels)
        s.labelled = (uint8_t *) choose_labelled(p, train, s.seed, &masks);
    if (s.labelled && !masks)    /* nothing asks which rows are labelled: the others stay away */
        s.rows = 0;
    for (long r = 0; r < train->rows; r++)
        if (masks || !s.labelled || s.labelled[r])
            fixed[s.labelled && !masks ? s.rows++ : r] = r;
    s.fixed = fixed;
    data_examples = (int32_t) s.rows;
    s.order = need((size_t) s.rows, sizeof *s.order);
    s.parts = p->accumulate > 1 ? p->accumulate : 1;
    s.batch = p->batch;
    if (!p->batch) {
        s.parts = (int) ((s.rows + ae_model.batch - 1) / ae_model.batch);
        s.batch = s.parts == 1 ? s.rows : ae_model.batch;
    }
    const long step = s.batch * s.parts;
    s.batches = p->drop_last && p->batch ? s.rows / step : (s.rows + step - 1) / step;
    if (!s.batches)
        fail("phase %s: drop_last leaves no batch of %ld in %ld rows", p->name, step, s.rows);
    if (p->ntables)             /* a step clears what the step before it of this phase left */
        memset(ae_model.grads, 0, (size_t) ae_model.nparams * sizeof *ae_model.grads);
    if (s.parts > 1 || ranks() > 1)
        s.gathered = need((size_t) ae_model.nparams, sizeof *s.gathered);
    s.sum = need((size_t) p->gradient->nterms + 1, sizeof *s.sum);
    return s;
}

void stage_shuffle(Stage *s, int epoch)
{
    draw_order(s->order, s->rows, s->seed, STREAM_SHUFFLE,
               (uint32_t) s->number << 24 ^ (uint32_t) epoch);
    for (long k = 0; k < s->rows; k++)
        s->order[k] = s->fixed[s->order[k]];
}

void stage_clock(const Stage *s, long step, long batch, int epoch)
{
    ae_clock = (AeClock) { .batch = (int32_t) s->batch, .step = (int32_t) step, .examples = (int32_t) s->rows,
                           .epochs = s->epochs, .phase = s->number, .seed = s->seed,
                           .epoch = epoch + (double) batch / (double) s->batches };
}

/* Forward over the whole training set, in the file's order. */
void stage_sweeps(const Stage *s, int every)
{
    int inputs[64], n = ae_model.ninputs < 64 ? ae_model.ninputs : 64;
    for (int i = 0, k = 0; i < n; i++) {
        const AeInput *const in = &ae_model.inputs[i];
        if (s->train->column[i].there || (in->label && in->has))
            inputs[k++] = i;
        if (i == n - 1)
            n = k;
    }
    for (int w = 0; w < s->phase->nsweeps; w++) {
        const AeSweep *const sweep = &s->phase->sweeps[w];
        if (sweep->every != every)
            continue;
        ae_states++;
        if (sweep->begin)
            sweep->begin();
        for (long done = 0; done < s->rows; done += ae_model.batch) {
            const int rows = (int) (s->rows - done < ae_model.batch ? s->rows - done : ae_model.batch);
            ae_clock.block = (int32_t) (done / ae_model.batch);
            split_fill(s->train, s->fixed + done, rows, inputs, n, s->labelled);
            sweep->batch();
        }
        if (sweep->end)
            sweep->end();
    }
    ae_states += every == 0;        /* `start` may have set some too */
    ae_clock.block = 0;
}

/* ---- checks --------------------------------------------------------------------------------- */
typedef void (*Visit)(ae_real *at, long n, double *with);

static void each_range(const AeRange *at, int n, Visit visit, double *with)
{
    for (int r = 0; r < n; r++)
        visit(ae_model.grads + at[r].first, at[r].count, with);
}

/* All stretches of the gradient that the step computed and that may be other than 0: of tables,
   the rows that it touched. */
static void each_stretch(const AePhase *p, Visit visit, double *with)
{
    const bool parts = p->ntables || p->bound;
    each_range(parts ? p->whole : p->trained, parts ? p->nwhole : p->ntrained, visit, with);
    for (int t = 0; t < p->ntables; t++)
        for (int k = 1; k <= p->tables[t].rows[0]; k++)
            visit(ae_model.grads + p->tables[t].first
                      + (long) p->tables[t].rows[k] * p->tables[t].width,
                  p->tables[t].width, with);
}

static unsigned any_odd(const ae_real *at, long n)
{
    unsigned bad = 0;
    #pragma omp simd reduction(| : bad)
    for (long k = 0; k < n; k++)
        bad |= !isfinite(at[k]);
    return bad;
}

static void note_odd(ae_real *at, long n, double *odd)
{
    enum { PIECE = 16384 };
    unsigned bad = 0;
    if (n > 8 * PIECE) {        /* else threads are not worth their call */
        #pragma omp parallel for schedule(static) reduction(| : bad)
        for (long k = 0; k < n; k += PIECE)
            bad |= any_odd(at + k, n - k < PIECE ? n - k : PIECE);
    } else {
        bad = any_odd(at, n);
    }
    *odd += bad;
}

/* Whether there is anything not finite. What is computed apart is looked at only when its
   bound leaves that open. */
static bool is_odd(const AePhase *p)
{
    double odd = 0, bound = 0;
    each_stretch(p, note_odd, &odd);
    for (int n = 0; p->bound && n < ae_clock.batch; n++)
        bound += p->bound[n];
    if (!isfinite(bound)) {
        p->apart();
        each_range(p->trained, p->ntrained, note_odd, &odd);
    }
    return odd > 0;
}

static _Noreturn void name_loss(const Stage *s, const Position *at)
{
    const AeProgram *const p = s->phase->gradient;
    for (int k = 0; k < p->nterms; k++) {
        const AeTerm *const t = &p->terms[k];
        if (!isfinite(*t->value))
            fail("phase %s, epoch %lld, step %lld: the term %s (%s) is %g; nothing was updated, and the last checkpoint stays",
                 s->phase->name, (long long) at->epoch + 1, (long long) at->step + 1, t->name, t->place, (double) *t->value);
    }
    fail("phase %s, epoch %lld, step %lld: the loss is %g; nothing was updated, and the last checkpoint stays",
         s->phase->name, (long long) at->epoch + 1, (long long) at->step + 1, (double) *p->loss);
}

static _Noreturn void name_gradient(const Stage *s, const Position *at)
{
    for (int k = 0; k < ae_model.nparam; k++) {
        const ae_real *const g = ae_model.grad[k].at;
        for (long e = 0; e < array_count(&ae_model.grad[k]); e++)
            if (!isfinite(g[e]))
                fail("phase %s, epoch %lld, step %lld: the gradient of %s is %g at element %ld; nothing was updated, "
                     "and the last checkpoint stays", s->phase->name, (long long) at->epoch + 1,
                     (long long) at->step + 1, ae_model.grad[k].name, (double) g[e], e);
    }
    fail("phase %s, step %lld: a gradient is not finite; nothing was updated, and the last checkpoint stays",
         s->phase->name, (long long) at->step + 1);
}

/* ---- the step ------------------------------------------------------------------------------- */
static void add_squares(ae_real *at, long n, double *sum)
{
    double square = *sum;   /* by lanes, in an order that the flags fix */
    #pragma omp simd reduction(+ : square)
    for (long k = 0; k < n; k++)
        square += (double) at[k] * at[k];
    *sum = square;
}

static void scale_by(ae_real *at, long n, double *by)
{
    const ae_real shrink = (ae_real) *by;
    for (long k = 0; k < n; k++)
        at[k] *= shrink;
}

static void clip(const AePhase *p)
{
    double square = 0;
    each_stretch(p, add_squares, &square);
    if (square > p->clip * p->clip)
        each_stretch(p, scale_by, &(double) { p->clip / sqrt(square) });
}

static void gather(Stage *s, ae_real weight, bool first)
{
    if (first)
        memset(s->gathered, 0, (size_t) ae_model.nparams * sizeof *s->gathered);
    for (long k = 0; weight > 0 && k < ae_model.nparams; k++)
        s->gathered[k] += weight * ae_model.grads[k];
}

static void add_terms(Stage *s, const Position *at, int rows)
{
    const AeProgram *const p = s->phase->gradient;
    if (!isfinite(*p->loss))
        name_loss(s, at);
    s->sum[0] += rows * (double) *p->loss;
    for (int k = 0; k < p->nterms; k++)
        s->sum[1 + k] += rows * (double) *p->terms[k].value;
}

int stage_step(Stage *s, const Position *at, double *loss, double *sum)
{
    const AeProgram *const p = s->phase->gradient;
    const long from = at->batch * s->batch * s->parts;
    const long all = s->rows - from < s->batch * s->parts ? s->rows - from : s->batch * s->parts;
    stage_clock(s, at->step + 1, at->batch, (int) at->epoch);
    stage_sweeps(s, 2);
    memset(s->sum, 0, ((size_t) p->nterms + 1) * sizeof *s->sum);
    for (long done = 0; done < all; done += s->batch) {
        const Part mine = ranks_part((int) (all - done < s->batch ? all - done : s->batch));
        ae_clock.block = (int32_t) (done / s->batch);
        ae_clock.first = mine.first;
        split_fill(s->train, s->order + from + done + mine.first, mine.rows, p->inputs, p->ninputs,
                   s->labelled);
        p->run();
        if (mine.counted)
            add_terms(s, at, mine.counted);
        if (s->gathered)
            gather(s, (ae_real) mine.counted / (ae_real) all, done == 0);
    }
    ranks_sum(s->sum, p->nterms + 1);
    *loss = s->sum[0];
    for (int k = 0; k < p->nterms; k++)
        sum[k] += s->sum[1 + k];
    if (s->gathered)
        ranks_add(s->gathered, ae_model.grads, ae_model.nparams);
    if (is_odd(s->phase))
        name_gradient(s, at);
    if (s->phase->clip > 0)
        clip(s->phase);
    ae_clock.block = 0;
    if (s->phase->update)      /* the batch is still the last one's: states read its tensors */
        s->phase->update();
    return (int) all;
}
