/* run.c -- runs a model's programs over rows of a split, and its initial values. */
#define _GNU_SOURCE
#include "runtime.h"
#include <sys/mman.h>

const AeProgram *program_find(const char *name)
{
    for (int k = 0; k < ae_model.nprograms; k++)
        if (strcmp(ae_model.programs[k].name, name) == 0)
            return &ae_model.programs[k];
    return NULL;
}

/* What every model can, and the commands among its programs; the other programs serve training. */
char *program_names(void)
{
    Text t = { 0 };
    text_add(&t, "train, eval");
    for (int k = 0; k < ncommands; k++)
        if (program_find(commands[k].name))
            text_add(&t, ", %s", commands[k].name);
    return t.at;
}

const AeProgram *program_need(const char *name)
{
    const AeProgram *const p = program_find(name);
    if (!p && strcmp(name, "decode") == 0 && program_find("reconstruct"))
        fail("the decoder of %s reads more of a row than its code, so no code alone can be decoded; it can %s", ae_model.name,
             program_names());
    if (!p)
        fail("the model %s cannot %s, as %s has no part that does; it can %s", ae_model.name, name,
             ae_model.file, program_names());
    return p;
}

/* What has a name beside the code: layers, and nets of the bottleneck. */
const AeProgram *named_program(const char *name)
{
    return program_find(form("of_%s", name));
}

char *named_list(void)
{
    Text t = { 0 };
    text_add(&t, "%s", "");
    for (int k = 0; k < ae_model.nprograms; k++)
        if (strncmp(ae_model.programs[k].name, "of_", 3) == 0)
            text_add(&t, "%s%s", t.n ? ", " : "", ae_model.programs[k].name + 3);
    return t.at;
}

double real_at(const AeArray *a, long i)
{
    return a->elem == AE_INT ? ((const int32_t *) a->at)[i] : ((const ae_real *) a->at)[i];
}

/* The seed of the first phase, or --seed, is the one of initial values. */
static uint64_t base_seed(void)
{
    return opt.has_seed ? opt.seed : ae_model.nphases ? ae_model.phases[0].seed : 0;
}

/* Outside of training it is the end of the last phase: a weight that ramps up has arrived. */
void evaluation_clock(int batch, int block)
{
    const int all = ae_model.nphases ? ae_model.phases[ae_model.nphases - 1].epochs : 0;
    const bool during = ae_clock.epochs > 0;
    ae_clock = (AeClock) { .batch = batch, .phase = ae_model.nphases, .seed = data_seed, .block = block,
                           .examples = data_examples, .epochs = during ? ae_clock.epochs : all,
                           .epoch = during ? ae_clock.epoch : all };
}

int run_draw;

/* count rows of the split from `first` on, `apart` from each other; without a split as many rows,
 * for programs that read none. */
static void run_apart(const AeProgram *p, const Split *s, long first, long apart, long count,
                      OnBatch then, void *with)
{
    const long most = ae_model.batch;
    long *const row = need((size_t) most, sizeof *row);
    const AeClock kept = ae_clock;
    for (long done = 0, block = 0; done < count; block++) {
        const int n = (int) (count - done < most ? count - done : most);
        for (int k = 0; k < n; k++)
            row[k] = first + (done + k) * apart;
        evaluation_clock(n, (int) (block + run_draw * ((count + most - 1) / most)));
        if (s)
            split_fill(s, row, n, p->inputs, p->ninputs, NULL);
        p->run();
        then(with, done, n);
        done += n;
    }
    ae_clock = kept;
    free(row);
}

void run_rows(const AeProgram *p, const Split *s, long first, long count, OnBatch then, void *with)
{
    run_apart(p, s, first, 1, count, then, with);
}

/* count rows from all over the split, which may lie sorted. */
void run_spread(const AeProgram *p, const Split *s, long count, OnBatch then, void *with)
{
    run_apart(p, s, 0, s->rows / count, count, then, with);
}

/* Large arrays on large pages, where the system gives them: rows here and there then cost no walks
 * through page tables. */
static void on_large_pages(void *at, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    enum { LARGE = 1 << 21 };
    const uintptr_t from = ((uintptr_t) at + LARGE - 1) / LARGE * LARGE;
    const uintptr_t to = ((uintptr_t) at + bytes) / LARGE * LARGE;
    if (to > from)
        madvise((void *) from, to - from, MADV_HUGEPAGE);
#else
    (void) at, (void) bytes;
#endif
}

void model_init(void)
{
    on_large_pages(ae_model.params, (size_t) ae_model.nparams * sizeof(ae_real));
    on_large_pages(ae_model.grads, (size_t) ae_model.nparams * sizeof(ae_real));
    const AeProgram *const init = program_find("init");
    data_seed = base_seed();
    ae_clock = (AeClock) { .batch = ae_model.batch, .seed = base_seed() };
    if (init)
        init->run();
    ae_states++;
}
