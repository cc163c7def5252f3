/* ranking.c -- metrics of what tasks predict, over a whole split: areas under ROC curves, mean
   average precision, overlap. */
#include "runtime.h"

/* ---- ranking -------------------------------------------------------------------------------- */
typedef struct { double score; uint8_t positive; } Ranked;

static int by_score(const void *a, const void *b)
{
    const double u = ((const Ranked *) a)->score, v = ((const Ranked *) b)->score;
    return (u > v) - (u < v);
}

/* The chance that a positive scores above a negative, ties counting half. */
double area_under(const double *score, const uint8_t *positive, long n)
{
    Ranked *const r = need((size_t) n, sizeof *r);
    double below = 0, wins = 0, positives = 0;
    for (long k = 0; k < n; k++)
        r[k] = (Ranked) { score[k], positive[k] };
    qsort(r, (size_t) n, sizeof *r, by_score);
    for (long k = 0, end; k < n; k = end) {
        double p = 0, q = 0;
        for (end = k; end < n && r[end].score == r[k].score; end++)
            *(r[end].positive ? &p : &q) += 1;
        wins += p * (below + q / 2);
        below += q;
        positives += p;
    }
    free(r);
    return positives > 0 && below > 0 ? wins / (positives * below) : NAN;
}

/* The mean, over the positives from the highest score down, of the share of positives so far. */
double average_precision(const double *score, const uint8_t *positive, long n)
{
    Ranked *const r = need((size_t) n, sizeof *r);
    double found = 0, sum = 0;
    for (long k = 0; k < n; k++)
        r[k] = (Ranked) { score[k], positive[k] };
    qsort(r, (size_t) n, sizeof *r, by_score);
    for (long end = n, seen = 0, k; end > 0; end = k) {    /* those of one score come together */
        double here = 0;
        for (k = end; k > 0 && r[k - 1].score == r[end - 1].score; k--)
            here += r[k - 1].positive;
        seen += end - k;
        found += here;
        sum += here * found / (double) seen;
    }
    free(r);
    return found > 0 ? sum / found : NAN;
}

/* ---- what a task predicts, and the label it is of ------------------------------------------- */
typedef struct { char *task; int label; Result r; const Split *s; long width; int classes; } Predicted;
typedef struct { const AeProgram *p; int which; Result *r; } Taking;

static void take_one(void *with, long first, int n)
{
    const Taking *const t = with;
    result_take(t->r, &t->p->outputs[t->which], first, n);
}

/* The first label of such a kind whose numbers an output answers: k chances for class(k),
   one each for the others. */
static int label_of(const AeArray *a, const char *kind)
{
    for (int i = 0; i < ae_model.ninputs; i++) {
        const AeInput *const in = &ae_model.inputs[i];
        const long each = strcmp(kind, "class") == 0 || strcmp(kind, "classmap") == 0 ? in->classes : 1;
        if (in->label && strcmp(in->kind, kind) == 0 && a->elem == AE_REAL && row_count(a) == each * input_width(i))
            return i;
    }
    return -1;
}

static double value(const Predicted *p, long k) { return ((const ae_real *) p->r.at)[k]; }

static double truth(const Predicted *p, long k)
{
    return amount_at(&p->s->column[p->label], k);
}

static bool has(const Predicted *p, long row)
{
    const uint8_t *const h = p->s->column[p->label].has;
    return !h || h[row];
}

typedef double (*Scorer)(const Predicted *);
typedef struct { const char *kind; Scorer score; } Kind;

/* One row for each task (or the one asked for) whose label is of a kind that the metric is for. */
static void for_tasks(const char *split, const AeSetting *asked, Metrics *m, const Kind *kinds,
                      int nkinds, const char *unit)
{
    const AeProgram *const p = program_find("predict");
    const Split *const s = data_split(split);
    bool any = false;
    for (int k = 0; p && k < p->noutputs; k++) {
        const char *const dot = strchr(p->outputs[k].name, '.');
        char *const task = form("%.*s", (int) (dot ? dot - p->outputs[k].name : 0),
                                p->outputs[k].name);
        for (int q = 0; q < nkinds && (!asked->text || strcmp(asked->text, task) == 0); q++) {
            const int label = label_of(&p->outputs[k], kinds[q].kind);
            if (label < 0 || !s->column[label].there)
                continue;
            Predicted one = { task, label, result_new(&p->outputs[k], s->rows), s, input_width(label), ae_model.inputs[label].classes };
            run_rows(p, s, 0, s->rows, take_one, &(Taking) { p, k, &one.r });
            metrics_add(m, unit, kinds[q].score(&one), "%s/%s.%s", split, task, asked->key);
            free(one.r.at);
            any = true;
            break;
        }
        free(task);
    }
    if (!any)
        fail("%s needs a downstream task%s%s, and a label of the kind it is for", asked->key,
             asked->text ? " " : "", asked->text ? asked->text : "");
}

/* ---- one against the rest ------------------------------------------------------------------- */
typedef double (*OfScores)(const double *, const uint8_t *, long);

/* The mean over classes, or over the answers of labels(k); two classes are one question. */
static double one_by_one(const Predicted *p, OfScores of)
{
    const bool classes = p->classes > 0;
    const long n = classes ? p->classes : p->width, first = classes && n == 2 ? 1 : 0;
    double *const score = need((size_t) p->s->rows, sizeof *score), sum = 0;
    uint8_t *const positive = need((size_t) p->s->rows, 1);
    long counted = 0;
    for (long k = first; k < n; k++) {
        long rows = 0;
        for (long row = 0; row < p->s->rows; row++)
            if (has(p, row)) {
                score[rows] = value(p, row * n + k);
                positive[rows++] = classes ? truth(p, row) == k : truth(p, row * n + k) > 0;
            }
        const double v = of(score, positive, rows);
        sum += isfinite(v) ? v : 0;
        counted += isfinite(v);
    }
    free(score);
    free(positive);
    return counted ? sum / (double) counted : NAN;
}

static double auc_of(const Predicted *p) { return one_by_one(p, area_under); }
static double precision_of(const Predicted *p) { return one_by_one(p, average_precision); }

/* ---- overlap -------------------------------------------------------------------------------- */
/* Over all pixels of the split, for each class that occurs: those both say,
   over those either says. */
static double map_overlap(const Predicted *p)
{
    double *const both = need((size_t) p->classes, sizeof *both);
    double *const either = need((size_t) p->classes, sizeof *either);
    double sum = 0, counted = 0;
    for (long row = 0; row < p->s->rows; row++)
        for (long k = 0; k < p->width && has(p, row); k++) {
            int best = 0;
            for (int c = 1; c < p->classes; c++)
                if (value(p, (row * p->classes + c) * p->width + k)
                    > value(p, (row * p->classes + best) * p->width + k))
                    best = c;
            const int right = (int) truth(p, row * p->width + k);
            both[right] += best == right;
            either[right]++;
            either[best] += best != right;
        }
    for (int c = 0; c < p->classes; c++)
        if (either[c] > 0) {
            sum += both[c] / either[c];
            counted++;
        }
    free(both);
    free(either);
    return sum / counted;
}

static double shared(double a, double wide, double b, double broad)
{
    return fmax(0, fmin(a + wide, b + broad) - fmax(a, b));
}

/* Boxes that begin with left, top, width, height; those without extent are none. */
static double box_overlap(const Predicted *p)
{
    const AeArray *const a = &ae_model.inputs[p->label].array;
    const long each = a->shape[a->rank - 1];
    double sum = 0, counted = 0;
    if (each < 4)
        fail("iou of boxes needs left, top, width, height of each");
    for (long row = 0; row < p->s->rows; row++)
        for (long k = 0; k < p->width && has(p, row); k += each) {
            double u[4], v[4];
            for (int c = 0; c < 4; c++) {
                u[c] = truth(p, row * p->width + k + c);
                v[c] = value(p, row * p->width + k + c);
            }
            if (u[2] <= 0 || u[3] <= 0)
                continue;
            const double both = shared(u[0], u[2], v[0], v[2]) * shared(u[1], u[3], v[1], v[3]);
            sum += both / (u[2] * u[3] + fmax(0, v[2]) * fmax(0, v[3]) - both);
            counted++;
        }
    return sum / counted;
}

/* ---- the metrics ---------------------------------------------------------------------------- */
void add_auc(const char *split, const AeSetting *s, Metrics *m)
{
    for_tasks(split, s, m, (const Kind[]) { { "class", auc_of }, { "labels", auc_of } }, 2,
              "area under the ROC curve");
}

void add_map(const char *split, const AeSetting *s, Metrics *m)
{
    for_tasks(split, s, m, (const Kind[]) { { "labels", precision_of }, { "class", precision_of } }, 2, "mean average precision");
}

void add_iou(const char *split, const AeSetting *s, Metrics *m)
{
    for_tasks(split, s, m, (const Kind[]) { { "classmap", map_overlap }, { "boxes", box_overlap } }, 2, "intersection over union");
}
