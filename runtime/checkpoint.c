/* checkpoint.c -- all that resuming needs, as one safetensors file: weights, the optimizer's
 * states, the best weights of an early stop, and the position. Draws are functions of the
 * position, so there is no random state. */
#include "runtime.h"
#include "checkpoint.h"

enum { COUNTS = 7, SUMS = 3 };

static size_t state_bytes(const AeArray *a)
{
    return (size_t) array_count(a) * (a->elem == AE_INT ? sizeof(int32_t) : sizeof(ae_real));
}

static void pack(const Position *at, int64_t *count, double *sum)
{
    const int64_t c[COUNTS] = { at->phase, at->epoch, at->step, at->batch, at->rows, at->idle, at->metrics };
    const double s[SUMS] = { at->best, at->seconds, at->loss };
    memcpy(count, c, sizeof c);
    memcpy(sum, s, sizeof s);
}

static int terms_of(const Position *at)
{
    return at->phase < ae_model.nphases ? ae_model.phases[at->phase].gradient->nterms : 0;
}

/* A state that differs from rank to rank is kept of each, so that all go on as they were. */
static void bundle_ranks(Bundle *b, const char *name, const AeArray *a)
{
    long shape[] = { ranks(), array_count(a) };
    void *const all = ranks_gather(a->at, state_bytes(a));
    if (all)
        bundle_add(b, form("checkpoint.ranks.%s", name), a->elem == AE_INT ? "I32" : AE_REAL_NAME,
                   all, 2, shape);
}

/* With another number of ranks than kept them, all go on with the first's. */
static void ranks_from(const Store *s, const char *name, const AeArray *a)
{
    const Tensor *const t = store_find(s, form("checkpoint.ranks.%s", name));
    const long n = array_count(a);
    if (!t || t->rank != 2 || t->shape[0] != ranks() || t->shape[1] != n)
        return;
    Tensor own = *t;
    own.at = (const char *) t->at + (size_t) (ranks_number() * n) * dtype_size(t->dtype);
    tensor_copy(s, &own, a->at, a->elem, n);
}

void checkpoint_write(const char *path, const Position *at, const Best *best)
{
    Bundle b = { 0 };
    int64_t count[COUNTS];
    double sum[SUMS];
    pack(at, count, sum);
    bundle_model(&b);
    bundle_add(&b, "checkpoint.counts", "I64", count, 1, (long[]) { COUNTS });
    bundle_add(&b, "checkpoint.sums", "F64", sum, 1, (long[]) { SUMS });
    bundle_add(&b, "checkpoint.terms", "F64", at->sum, 1, (long[]) { terms_of(at) });
    if (at->phase < ae_model.nphases) {
        const AePhase *const p = &ae_model.phases[at->phase];
        for (int k = 0; k < p->nstates; k++)
            bundle_array(&b, form("checkpoint.%s", p->states[k].name), &p->states[k]);
    }
    if (best->params) {
        bundle_add(&b, "checkpoint.best", AE_REAL_NAME, best->params, 1,
                   (long[]) { ae_model.nparams });
        for (int k = 0; k < ae_model.nstate; k++) {
            AeArray a = ae_model.state[k];
            a.at = best->state[k];
            bundle_array(&b, form("checkpoint.best.%s", a.name), &a);
            bundle_ranks(&b, form("best.%s", a.name), &a);
        }
    }
    for (int k = 0; k < ae_model.nstate; k++)
        bundle_ranks(&b, ae_model.state[k].name, &ae_model.state[k]);
    if (ranks_first())
        store_write(path, b.tensor, b.n, b.meta, b.nmeta);
    free(b.tensor);
    free(b.meta);
}

static const Tensor *part(const Store *s, const char *name, const char *dtype, long n)
{
    const Tensor *const t = store_find(s, name);
    if (!t || t->rank != 1 || t->shape[0] != n || strcmp(t->dtype, dtype) != 0)
        fail("%s: is no checkpoint of the model %s: %s is missing or has another size", s->path,
             ae_model.name, name);
    return t;
}

void checkpoint_read(const char *path, Position *at, Best *best)
{
    Store s = store_read(path);
    int64_t c[COUNTS];
    double d[SUMS];
    weights_from(&s, true);
    memcpy(c, part(&s, "checkpoint.counts", "I64", COUNTS)->at, sizeof c);
    memcpy(d, part(&s, "checkpoint.sums", "F64", SUMS)->at, sizeof d);
    *at = (Position) { c[0], c[1], c[2], c[3], c[4], c[5], c[6], d[0], d[1], d[2], at->sum };
    for (int k = 0; k < COUNTS; k++)
        if (c[k] < 0 || (k == 0 && c[0] >= ae_model.nphases))
            fail("%s: is damaged: its position cannot be", path);
    const int terms = terms_of(at);
    memcpy(at->sum, part(&s, "checkpoint.terms", "F64", terms)->at,
           (size_t) terms * sizeof(double));
    if (at->phase < ae_model.nphases) {
        const AePhase *const p = &ae_model.phases[at->phase];
        for (int k = 0; k < p->nstates; k++)
            array_from(&s, form("checkpoint.%s", p->states[k].name), &p->states[k]);
    }
    if (store_find(&s, "checkpoint.best")) {
        best_make(best);
        tensor_copy(&s, part(&s, "checkpoint.best", AE_REAL_NAME, ae_model.nparams), best->params,
                    AE_REAL, ae_model.nparams);
        for (int k = 0; k < ae_model.nstate; k++) {
            AeArray a = ae_model.state[k];
            a.at = best->state[k];
            array_from(&s, form("checkpoint.best.%s", a.name), &a);
            ranks_from(&s, form("best.%s", a.name), &a);
        }
    }
    for (int k = 0; k < ae_model.nstate; k++)
        ranks_from(&s, ae_model.state[k].name, &ae_model.state[k]);
    store_drop(&s);
}

/* ---- the best weights of an early stop ------------------------------------------------------ */
void best_make(Best *b)
{
    if (b->params)
        return;
    b->params = need((size_t) ae_model.nparams, sizeof *b->params);
    b->state = need((size_t) ae_model.nstate, sizeof *b->state);
    for (int k = 0; k < ae_model.nstate; k++)
        b->state[k] = need(state_bytes(&ae_model.state[k]), 1);
}

void best_keep(Best *b)
{
    best_make(b);
    memcpy(b->params, ae_model.params, (size_t) ae_model.nparams * sizeof *b->params);
    for (int k = 0; k < ae_model.nstate; k++)
        memcpy(b->state[k], ae_model.state[k].at, state_bytes(&ae_model.state[k]));
}

void best_restore(Best *b)
{
    if (!b->params)
        return;
    memcpy(ae_model.params, b->params, (size_t) ae_model.nparams * sizeof *b->params);
    for (int k = 0; k < ae_model.nstate; k++)
        memcpy(ae_model.state[k].at, b->state[k], state_bytes(&ae_model.state[k]));
    ae_states++;
}

void best_drop(Best *b)
{
    for (int k = 0; b->params && k < ae_model.nstate; k++)
        free(b->state[k]);
    free(b->params);
    free(b->state);
    *b = (Best) { NULL, NULL };
}
