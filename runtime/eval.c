/* eval.c -- loss terms and metrics over a split.
 *
 * A term with a number for each example is averaged over the examples that it counts; a term of
 * the whole batch over the batches, each weighed by its rows. */
#include "runtime.h"
#include <stdarg.h>

void metrics_add(Metrics *m, const char *unit, double value, const char *name, ...)
{
    char text[256];
    va_list args;
    va_start(args, name);
    vsnprintf(text, sizeof text, name, args);
    va_end(args);
    if (m->n == m->room) {
        m->room = 2 * m->room + 16;
        if (!(m->at = realloc(m->at, (size_t) m->room * sizeof *m->at)))
            fail("no memory for %d metrics", m->room);
    }
    m->at[m->n++] = (Metric) { .name = form("%s", text), .unit = unit ? unit : "", .value = value };
}

void metric_json(Text *t, const Metric *a)
{
    if (!a->each) {
        text_number(t, a->value);
        return;
    }
    for (int k = 0; k < a->neach; k++) {
        text_add(t, k ? "," : "[");
        text_number(t, a->each[k]);
    }
    text_add(t, "]");
}

typedef struct { const AeProgram *p; double *sum, *count, loss; } Sums;

static void add_batch(void *with, long first, int n)
{
    Sums *const s = with;
    (void) first;
    for (int k = 0; k < s->p->nterms; k++) {
        const AeTerm *const t = &s->p->terms[k];
        if (!t->each) {
            s->sum[k] += n * (double) *t->value;
            s->count[k] += n;
            continue;
        }
        for (int r = 0; r < n; r++)
            if (!t->has || t->has[r]) {
                s->sum[k] += t->each[r];
                s->count[k]++;
            }
    }
    if (s->p->loss)
        s->loss += n * (double) *s->p->loss;
}

double evaluate_terms(const AeProgram *p, const Split *s, long rows, double *mean)
{
    Sums sums = { p, need((size_t) p->nterms, sizeof(double)),
                  need((size_t) p->nterms, sizeof(double)), 0 };
    double loss = 0;
    bool terms = false;
    run_spread(p, s, rows, add_batch, &sums);
    for (int k = 0; k < p->nterms; k++) {
        mean[k] = sums.count[k] > 0 ? sums.sum[k] / sums.count[k] : 0;
        if (!p->terms[k].metric) {
            loss += mean[k] * (p->terms[k].weight ? (double) *p->terms[k].weight : 1);
            terms = true;
        }
    }
    free(sums.sum);
    free(sums.count);
    return terms ? loss : sums.loss / (double) rows;
}

static int back;       /* how many phases before the last one evaluations are of */

void evaluate_after(int phase) { back = ae_model.nphases - 1 - phase; }

const AeProgram *evaluate_program(void)
{
    return ae_model.nphases ? ae_model.phases[ae_model.nphases - 1 - back].evaluate : NULL;
}

bool term_is(const AeTerm *t, const char *kind)
{
    return !t->metric && strncmp(t->said ? t->said : t->name, kind, strlen(kind)) == 0;
}

const AeProgram *bound_program(void)
{
    for (int k = ae_model.nphases - 1; k >= 0; k--) {
        const AeProgram *const p = ae_model.phases[k].evaluate;
        for (int j = 0; p && j < p->nterms; j++)
            if (term_is(&p->terms[j], "reconstruct"))
                return p;
    }
    return evaluate_program();
}

bool evaluate_has(const char *metric)
{
    for (int k = 0; k < ae_model.nphases; k++) {
        const AeProgram *const p = ae_model.phases[k].evaluate;
        for (int j = 0; p && j < p->nterms; j++) {
            const char *const dot = strrchr(p->terms[j].name, '.');
            if (strcmp(dot ? dot + 1 : p->terms[j].name, metric) == 0)
                return true;
        }
    }
    return false;
}

static bool listed(const Metrics *m, const char *split, const char *term)
{
    for (int k = 0; k < m->n; k++) {
        const char *const slash = strchr(m->at[k].name, '/');
        if (slash && strncmp(m->at[k].name, split, strlen(split)) == 0
            && strcmp(slash + 1, term) == 0)
            return true;
    }
    return false;
}

/* The loss and the terms of the phase that evaluations are of, then the terms
 * that others alone have. */
void evaluate_split(const char *name, bool own, Metrics *m)
{
    const Split *const s = data_split(name);
    if (!s)
        fail("there are no %s rows", name);
    for (int k = ae_model.nphases; k >= 0; k--) {
        const AeProgram *const p = k == ae_model.nphases ? evaluate_program() : ae_model.phases[k].evaluate;
        bool wanted = k == ae_model.nphases;
        for (int j = 0; p && j < p->nterms; j++)
            wanted |= !listed(m, name, p->terms[j].name);
        if (!p || !wanted)
            continue;
        double *const mean = need((size_t) p->nterms + 1, sizeof *mean);
        const double loss = evaluate_terms(p, s, s->rows, mean);
        if (k == ae_model.nphases)
            metrics_add(m, "", loss, "%s/loss", name);
        for (int j = 0; j < p->nterms; j++)
            if (!listed(m, name, p->terms[j].name))
                metrics_add(m, p->terms[j].unit, mean[j], "%s/%s", name, p->terms[j].name);
        free(mean);
    }
    units_add(name, m);
    if (own)
        metrics_own(name, m);
}

const Metric *metrics_find(const Metrics *m, const char *name)
{
    for (int k = 0; k < m->n; k++)
        if (strcmp(m->at[k].name, name) == 0)
            return &m->at[k];
    return NULL;
}

void evaluate_training(long rows, Metrics *m)
{
    const Split *const s = data_split("train");
    const AeProgram *const p = evaluate_program();
    if (!p || rows < 1)
        return;
    double *const mean = need((size_t) p->nterms + 1, sizeof *mean);
    metrics_add(m, "", evaluate_terms(p, s, rows < s->rows ? rows : s->rows, mean), "train/loss");
    for (int k = 0; k < p->nterms; k++)
        metrics_add(m, p->terms[k].unit, mean[k], "train/%s", p->terms[k].name);
    free(mean);
}

/* ---- the command ---------------------------------------------------------------------------- */
static void print_table(const Metrics *m)
{
    int width = 6;
    for (int k = 0; k < m->n; k++)
        width = ae_imax(width, (int) strlen(m->at[k].name));
    for (int k = 0; k < m->n; k++) {
        printf("%-*s  %12.6g  %s", width, m->at[k].name, m->at[k].value, m->at[k].unit);
        for (int j = 0; j < m->at[k].neach; j++)
            printf("%s%.3g", j ? " " : ": ", m->at[k].each[j]);
        printf("\n");
    }
}

static void print_json(const Metrics *m)
{
    Text t = { 0 };
    text_add(&t, "{");
    for (int k = 0; k < m->n; k++) {
        text_add(&t, k ? ", " : "");
        text_json(&t, m->at[k].name);
        text_add(&t, ": ");
        metric_json(&t, &m->at[k]);
    }
    printf("%s}\n", t.at);
    free(t.at);
}

void command_eval(void)
{
    Metrics m = { 0 };
    metrics_check();
    weights_start(false);
    evaluate_split(chosen_name(), true, &m);
    (opt.json ? print_json : print_table)(&m);
}
