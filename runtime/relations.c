/* relations.c -- correlations, of numbers and of their places in order; and how each unit of
 * the code goes with each number of an input, each answer and each class. A label counts in
 * the rows that have it. */
#include "runtime.h"

double correlation(const double *a, const double *b, long n)
{
    double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
    for (long k = 0; k < n; k++) {
        ma += a[k] / (double) n;
        mb += b[k] / (double) n;
    }
    for (long k = 0; k < n; k++) {
        aa += (a[k] - ma) * (a[k] - ma);
        bb += (b[k] - mb) * (b[k] - mb);
        ab += (a[k] - ma) * (b[k] - mb);
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : NAN;
}

typedef struct { double value; long at; } Placed;

static int by_value(const void *a, const void *b)
{
    const double u = ((const Placed *) a)->value, v = ((const Placed *) b)->value;
    return (u > v) - (u < v);
}

/* Places in order, from 1; equal values share the mean of theirs. */
static double *places(const double *v, long n)
{
    Placed *const order = need((size_t) n, sizeof *order);
    double *const place = need((size_t) n, sizeof *place);
    for (long k = 0; k < n; k++)
        order[k] = (Placed) { v[k], k };
    qsort(order, (size_t) n, sizeof *order, by_value);
    for (long k = 0, end; k < n; k = end) {
        for (end = k; end < n && order[end].value == order[k].value; end++)
            ;
        for (long j = k; j < end; j++)
            place[order[j].at] = (double) (k + 1 + end) / 2;
    }
    free(order);
    return place;
}

double rank_correlation(const double *a, const double *b, long n)
{
    double *const u = places(a, n), *const v = places(b, n), r = correlation(u, v, n);
    free(u);
    free(v);
    return r;
}

/* ---- show relations ------------------------------------------------------------------------- */
/* What units are compared with: an input's elements, a label's answers, or its
 * classes one by one. */
typedef struct { int input, k; bool class; } Against;

static double amount_of(const Column *c, const Against *a, long row)
{
    return a->class ? class_at(c, row) == a->k : amount_at(c, row * input_width(a->input) + a->k);
}

static double relation(const Split *s, const ae_real *z, long w, long unit, const Against *a)
{
    const Column *const c = &s->column[a->input];
    double *const u = need((size_t) s->rows, sizeof *u);
    double *const v = need((size_t) s->rows, sizeof *v);
    long n = 0;
    for (long r = 0; r < s->rows; r++)
        if (!c->has || c->has[r]) {
            u[n] = z[r * w + unit];
            v[n++] = amount_of(c, a, r);
        }
    const double r = correlation(u, v, n);
    free(u);
    free(v);
    return isfinite(r) ? r : 0;         /* of what is everywhere the same */
}

static void print_strongest(long unit, const Result *of, const int *input, int n)
{
    enum { STRONGEST = 3 };
    printf("unit %-4ld", unit);
    for (int k = 0; k < STRONGEST; k++) {
        int best = 0, at = 0;
        double most = 0;
        for (int j = 0; j < n; j++)
            for (int e = 0; e < of[j].shape[1]; e++) {
                const double r = ((ae_real *) of[j].at)[unit * of[j].shape[1] + e];
                if (fabs(r) > fabs(most)) {
                    most = r;
                    best = j;
                    at = e;
                }
            }
        if (most == 0)
            break;
        const Learnt *const l = learnt ? &learnt[input[best]] : NULL;
        printf("  %+.2f %s", most, of[best].name);
        if (l && at < l->nclasses)
            printf(" %s", l->classes[at]);
        else if (of[best].shape[1] > 1)
            printf(" %d", at);
        ((ae_real *) of[best].at)[unit * of[best].shape[1] + at] = 0;
    }
    printf("\n");
}

/* A row for each unit, a column for each number that it is compared with; a picture
 * shows the input's alone. */
void show_relations(void)
{
    const Split *const s = chosen_split();
    const Result z = codes_of("encode", s, 0, s->rows);
    const long w = code_width();
    Result *const of = need((size_t) ae_model.ninputs, sizeof *of);
    Result *const told = need((size_t) ae_model.ninputs, sizeof *told);
    int *const input = need((size_t) ae_model.ninputs, sizeof *input), n = 0, pictured = -1;
    for (int i = 0; i < ae_model.ninputs; i++) {
        const AeInput *const in = &ae_model.inputs[i];
        const bool class = in->label && in->classes && input_width(i) == 1;
        const bool text = strcmp(in->kind, "tokens") == 0;
        const long width = class ? in->classes : input_width(i);
        if (!s->column[i].there || text || (in->label && in->classes && !class))
            continue;
        of[n] = result_table(in->array.name, w, width);
        for (long k = 0; k < w * width; k++)
            ((ae_real *) of[n].at)[k] = (ae_real) relation(s, z.at, w, k / width, &(Against) { i, (int) (k % width), class });
        if (!in->label && pictured < 0)
            pictured = n;
        input[n++] = i;
    }
    if (!n)
        fail("the rows of %s have nothing to compare codes with: no input of amounts, no label",
             ae_model.name);
    if (has_ending(opt.output, ".png") && pictured >= 0) {
        Result picture = result_new(&ae_model.inputs[input[pictured]].array, w);
        memcpy(picture.at, of[pictured].at,
               (size_t) (w * of[pictured].shape[1]) * sizeof(ae_real));
        middle_grey(&picture);
        result_write(opt.output, &picture, 1, false);
    } else
        result_write(opt.output, of, n, false);
    for (long unit = 0; unit < w && !opt.quiet; unit++)
        print_strongest(unit, of, input, n);
}
