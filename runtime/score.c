/* score.c -- an anomaly score for each row: the reconstruction's term, and the
 * bound's where there is one.
 *
 * A model's program `score`, if it has one, says exactly what; else the terms reconstruct* and
 * kl* of the last phase that reconstructs are added up with their weights. Where test rows have
 * classes that training rows have not, those are the anomalies; with two classes that both
 * have, the second is. */
#include "runtime.h"

typedef struct { const AeProgram *p; bool *used; double *score; } Scoring;

static void add_scores(void *with, long first, int n)
{
    const Scoring *const s = with;
    for (int k = 0; k < s->p->nterms; k++) {
        const AeTerm *const t = &s->p->terms[k];
        for (int r = 0; r < n && s->used[k]; r++)
            s->score[first + r] += t->each[r] * (t->weight ? (double) *t->weight : 1);
    }
}

static bool *choose_terms(const AeProgram *p, bool all)
{
    bool *const used = need((size_t) p->nterms + 1, sizeof *used), any = false;
    for (int pass = 0; pass < 2 && !any; pass++)
        for (int k = 0; k < p->nterms; k++) {
            const AeTerm *const t = &p->terms[k];
            used[k] = t->each && !t->metric
                && (all || pass || term_is(t, "reconstruct") || term_is(t, "kl"));
            any |= used[k];
        }
    if (!any)
        fail("no term of the loss is a number for each row, so there is nothing to score by");
    return used;
}

/* Which rows are anomalies, of those that have a label; NULL where labels do not tell. */
static uint8_t *find_positives(const Split *s, int y, char **what)
{
    const Split *const train = data_split("train");
    if (y < 0 || !train || !train->column[y].there)
        return NULL;
    const int classes = ae_model.inputs[y].classes;
    bool *const known = need((size_t) classes + 1, sizeof *known);
    uint8_t *const positive = need((size_t) s->rows, 1);
    long n = 0, rows = 0;
    for (long r = 0; r < train->rows; r++)
        if (class_at(&train->column[y], r) >= 0)
            known[train->column[y].whole[r]] = true;
    for (long r = 0; r < s->rows; r++) {
        rows += class_at(&s->column[y], r) >= 0;
        n += positive[r] = class_at(&s->column[y], r) >= 0 && !known[s->column[y].whole[r]];
    }
    *what = form("classes that training rows have not");
    if (!n && classes == 2) {
        for (long r = 0; r < s->rows; r++)
            n += positive[r] = class_at(&s->column[y], r) == 1;
        *what = form("the second class");
    }
    free(known);
    return n && n < rows ? positive : NULL;
}

static double area_of_labelled(const double *score, const uint8_t *positive, const Column *y,
                               long rows)
{
    double *const of = need((size_t) rows, sizeof *of);
    uint8_t *const is = need((size_t) rows, 1);
    long n = 0;
    for (long r = 0; r < rows; r++)
        if (class_at(y, r) >= 0) {
            of[n] = score[r];
            is[n++] = positive[r];
        }
    const double area = area_under(of, is, n);
    free(of);
    free(is);
    return area;
}

static int by_value(const void *a, const void *b)
{
    const double u = *(const double *) a, v = *(const double *) b;
    return (u > v) - (u < v);
}

static void print_summary(const double *score, long n, double auc, const char *what, FILE *to)
{
    double *const sorted = need((size_t) n, sizeof *sorted), sum = 0;
    memcpy(sorted, score, (size_t) n * sizeof *sorted);
    qsort(sorted, (size_t) n, sizeof *sorted, by_value);
    for (long k = 0; k < n; k++)
        sum += score[k];
    Text t = { 0 };
    static const double at[] = { 0, 0.5, 0.95, 0.99, 1 };
    static const char *const names[] = { "least", "median", "quantile95", "quantile99", "most" };
    text_add(&t,
             opt.json ? "{\"rows\": %ld, \"mean\": %.9g"
                      : "rows        %12ld\nmean        %12.6g\n",
             n, sum / (double) n);
    for (int k = 0; k < 5; k++)
        text_add(&t, opt.json ? ", \"%s\": %.9g" : "%-10s  %12.6g\n", names[k],
                 sorted[(long) (at[k] * (double) (n - 1))]);
    if (isfinite(auc))
        text_add(&t, opt.json ? ", \"auc\": %.9g" : "auc         %12.6g  ", auc);
    if (isfinite(auc) && !opt.json)
        text_add(&t, "of %s", what);
    fprintf(to, "%s%s", t.at, opt.json ? "}\n" : isfinite(auc) ? "\n" : "");
    free(t.at);
    free(sorted);
}

void command_score(void)
{
    if (opt.output)
        need_output();
    weights_start(false);
    const AeProgram *const own = program_find("score"), *const p = own ? own : bound_program();
    if (!p)
        fail("%s has nothing to score by", ae_model.file);
    const Split *const s = chosen_split();
    const long rows = rows_chosen(s);
    Scoring scoring = { p, choose_terms(p, own != NULL), need((size_t) rows, sizeof(double)) };
    run_rows(p, s, 0, rows, add_scores, &scoring);
    const int label = class_label(s);
    char *what = NULL;
    const uint8_t *const positive = find_positives(s, label, &what);
    const double auc = positive ? area_of_labelled(scoring.score, positive, &s->column[label], rows) : NAN;
    if (opt.output) {
        const AeArray one = { "score", NULL, AE_REAL, 1, { 1 } };
        Result r[2] = { result_new(&one, rows) };
        for (long k = 0; k < rows; k++)
            ((ae_real *) r[0].at)[k] = (ae_real) scoring.score[k];
        if (label >= 0)
            r[1] = column_result(label, &s->column[label], rows);
        result_write(opt.output, r, label >= 0 ? 2 : 1, false);
    }
    print_summary(scoring.score, rows, auc, what, stdout);
}
