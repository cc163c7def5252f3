/* scale.c -- what the training rows say about the range of each input, and its use on every split.
 *
 * `scale = 0..1` maps bytes and digits by the range of their type, also in a file of another type
 * than the training rows; columns each by its least and largest training value, other images and
 * sequences by one range; `scale = standard` takes mean and deviation of each column. What
 * trainers write is scaled already: --scaled says so of a file. */
#include "runtime.h"

static void learn_range(const Column *c, long rows, long width, bool each, double low, double high,
                        Learnt *l)
{
    const bool typed = c->high > c->low;
    l->nscale = typed || !each ? 1 : width;
    l->subtract = need((size_t) l->nscale, sizeof *l->subtract);
    l->divide = need((size_t) l->nscale, sizeof *l->divide);
    for (long k = 0; k < l->nscale; k++) {
        double least = typed ? c->low : INFINITY, most = typed ? c->high : -INFINITY;
        if (!typed)
            for (long e = k; e < rows * width; e += l->nscale) {
                least = fmin(least, amount_at(c, e));
                most = fmax(most, amount_at(c, e));
            }
        l->divide[k] = most > least ? (most - least) / (high - low) : 1;
        l->subtract[k] = least - low * l->divide[k];
    }
}

static void learn_standard(const Column *c, long rows, long width, Learnt *l)
{
    l->nscale = width;
    l->subtract = need((size_t) width, sizeof *l->subtract);
    l->divide = need((size_t) width, sizeof *l->divide);
    for (long k = 0; k < width; k++) {
        double sum = 0, square = 0;
        for (long r = 0; r < rows; r++)
            sum += amount_at(c, r * width + k);
        l->subtract[k] = sum / (double) rows;
        for (long r = 0; r < rows; r++) {
            const double d = amount_at(c, r * width + k) - l->subtract[k];
            square += d * d;
        }
        l->divide[k] = square > 0 ? sqrt(square / (double) rows) : 1;
    }
}

/* Inputs follow `scale`, labels only `scale_label`. Columns of numbers are scaled each for itself,
 * images and sequences by one range. */
void scale_learn(const Split *s)
{
    for (int i = 0; i < ae_model.ninputs; i++) {
        const AeInput *const in = &ae_model.inputs[i];
        const AeSetting *const how = data_setting(in->label ? "scale_label" : "scale");
        const Column *const c = &s->column[i];
        if (!how || !column_real(c) || !s->rows || (in->label && strcmp(in->kind, "real") != 0))
            continue;
        if (how->nnumbers == 2 && how->number[0] < how->number[1])
            learn_range(c, s->rows, input_width(i), strcmp(in->kind, "vector") == 0 || in->label,
                        how->number[0], how->number[1], &learnt[i]);
        else if (how->text && strcmp(how->text, "standard") == 0)
            learn_standard(c, s->rows, input_width(i), &learnt[i]);
        else
            fail("%s is a range such as 0..1, or standard", how->key);
    }
}

/* Numbers without a type that lie in the range itself, though it was learnt from one at least four
 * times as wide: a result, given back as data? */
static bool looks_scaled(const Column *c, long n, const AeSetting *how, const Learnt *l)
{
    const double low = how->number[0], high = how->number[1];
    for (long e = 0; e < n; e++)
        if (!(amount_at(c, e) >= low && amount_at(c, e) <= high))
            return false;
    return l->nscale == 1 && fabs(l->divide[0]) > 4;
}

/* Where each element of a row has a scale of its own, one table of values does not serve all. */
static void make_reals(Column *c, long n)
{
    c->real = need((size_t) n, sizeof *c->real);
    for (long e = 0; e < n; e++)
        c->real[e] = c->value[c->byte[e]];
    free(c->byte);
    c->byte = NULL;
}

void scale_split(Split *s, bool given)
{
    for (int i = 0; s->column && i < ae_model.ninputs; i++) {
        Learnt *l = &learnt[i], own = { 0 };
        Column *const c = &s->column[i];
        const AeSetting *const how = data_setting(ae_model.inputs[i].label ? "scale_label" : "scale");
        if (!l->nscale || !column_real(c) || (given && opt.scaled))
            continue;
        const long n = s->rows * input_width(i);
        const bool ranged = how && how->nnumbers == 2;
        if (ranged && c->high > c->low)
            learn_range(c, s->rows, 1, false, how->number[0], how->number[1], l = &own);
        else if (given && ranged && looks_scaled(c, n, how, l))
            note("%s: all numbers of %s are within %g..%g, and are scaled to it from %g..%g nevertheless; with --scaled they are "
                 "taken as they are", opt.test[0], ae_model.inputs[i].array.name, how->number[0], how->number[1],
                 l->subtract[0] + how->number[0] * l->divide[0], l->subtract[0] + how->number[1] * l->divide[0]);
        if (c->byte && l->nscale > 1)
            make_reals(c, n);
        float *const at = c->byte ? c->value : c->real;
        for (long e = 0; e < (c->byte ? 256 : n); e++) {
            const long k = l->nscale == 1 ? 0 : e % l->nscale;
            at[e] = (float) ((at[e] - l->subtract[k]) / l->divide[k]);
        }
        free(own.subtract);
        free(own.divide);
    }
}

void data_peak(int input, double *low, double *high)
{
    const AeSetting *const how = data_setting("scale");
    *low = *high = 0;
    if (ae_model.inputs[input].classes) {
        *high = ae_model.inputs[input].classes - 1;
        return;
    }
    if (how && how->nnumbers == 2) {
        *low = how->number[0];
        *high = how->number[1];
        return;
    }
    const Split *const s = data_split(data_split("test") ? "test" : "train");
    const Column *const c = &s->column[input];
    if (!how && c->high > c->low) {
        *low = c->low;
        *high = c->high;
    } else if (column_real(c)) {
        *low = INFINITY;
        *high = -INFINITY;
        for (long e = 0; e < s->rows * input_width(input); e++) {
            *low = fmin(*low, amount_at(c, e));
            *high = fmax(*high, amount_at(c, e));
        }
    }
}
