/* bound.c -- what a stochastic code is worth: each unit's part of its terms, alarms where it has
 * collapsed, and -log p(x) by importance sampling.
 *
 * The last runs the program `bound`, one draw of the code a row, again and again with other draws:
 * it leaves log w = log p(z) - log q(z|x) - nll for each row, and -log p(x) is about -log of the
 * mean of w. The estimate falls on average as draws are added and never lies below the true value
 * on average (Burda et al. 2016). */
#include "runtime.h"

/* ---- unit by unit --------------------------------------------------------------------------- */
typedef struct { const AeTerm *t; double *sum, rows; } Units;

static void add_units(void *with, long first, int n)
{
    Units *const u = with;
    (void) first;
    for (int r = 0; r < n; r++)
        for (int k = 0; k < u->t->nunits; k++)
            u->sum[k] += u->t->units[r * u->t->nunits + k];
    u->rows += n;
}

/* The mean of each unit's part, of every term of the last phase that reconstructs and that has
 * such, over at most 1000 rows. */
void units_add(const char *split, Metrics *m)
{
    enum { ENOUGH = 1000 };
    const Split *const s = data_split(split);
    const AeProgram *const p = bound_program();
    for (int k = 0; p && k < p->nterms; k++) {
        const AeTerm *const t = &p->terms[k];
        if (!t->units)
            continue;
        Units u = { t, need((size_t) t->nunits, sizeof(double)), 0 };
        run_spread(p, s, s->rows < ENOUGH ? s->rows : ENOUGH, add_units, &u);
        int active = 0;
        for (int j = 0; j < t->nunits; j++)
            active += (u.sum[j] /= u.rows) > UNIT_ACTIVE;
        metrics_add(m, form("of %d units above %g nats", t->nunits, UNIT_ACTIVE), active,
                    "%s/%s.units", split, t->name);
        m->at[m->n - 1].each = u.sum;
        m->at[m->n - 1].neach = t->nunits;
    }
}

/* Of a code whose divergence from its prior is told unit by unit: whether it says nothing,
 * or has no noise left. */
void units_alarm(const char *split, const Metrics *m)
{
    const AeProgram *const p = bound_program();
    for (int k = 0; p && k < p->nterms; k++) {
        const char *const name = p->terms[k].name;
        const Metric *const a = term_is(&p->terms[k], "kl") ? metrics_find(m, form("%s/%s.units", split, name)) : NULL;
        double all = 0;
        if (!a)
            continue;
        for (int j = 0; j < a->neach; j++)
            all += a->each[j];
        if (4 * a->value < a->neach)
            note("the code has collapsed onto its prior: %.0f of %d units of %s hold more than %g nats; lower its weight, "
                 "let it grow with ramp(..), or leave each unit free bits", a->value, a->neach, name, UNIT_ACTIVE);
        else if (all > UNIT_MOST * a->neach)
            note("%s is %.1f nats a unit: the noise of the code is small beside its spread, so it is a plain autoencoder, "
                 "and draws from the prior fall between its codes; raise its weight", name, all / a->neach);
    }
}

/* ---- the likelihood of a row, its code integrated out --------------------------------------- */
typedef struct { const AeProgram *p; double *top, *sum; } Bound;

/* log of the sum of w so far is top + log(sum), for each row. */
static void add_draw(void *with, long first, int n)
{
    Bound *const b = with;
    const AeTerm *const nll = &b->p->terms[0], *const logq = &b->p->terms[1];
    const AeTerm *const logp = &b->p->terms[2];
    for (int r = 0; r < n; r++) {
        const double w = (double) logp->each[r] - logq->each[r] - nll->each[r];
        double *const top = &b->top[first + r], *const sum = &b->sum[first + r];
        if (w > *top) {
            *sum = *sum * exp(*top - w) + 1;
            *top = w;
        } else
            *sum += exp(w - *top);
    }
}

void add_nll(const char *split, const AeSetting *asked, Metrics *m)
{
    const Split *const s = data_split(split);
    const AeProgram *const p = program_need("bound");
    const int draws = asked->nnumbers && asked->number[0] >= 1 ? (int) asked->number[0] : 100;
    Bound b = { p, need((size_t) s->rows, sizeof(double)),
                need((size_t) s->rows, sizeof(double)) };
    double sum = 0;
    for (long r = 0; r < s->rows; r++)
        b.top[r] = -INFINITY;
    for (int k = 0; k < draws; k++) {
        run_draw = k + 1;
        run_rows(p, s, 0, s->rows, add_draw, &b);
    }
    run_draw = 0;
    for (long r = 0; r < s->rows; r++)
        sum += log(draws) - b.top[r] - log(b.sum[r]);
    metrics_add(m, form("nats per example, %d draws", draws), sum / (double) s->rows, "%s/nll",
                split);
    free(b.top);
    free(b.sum);
}
