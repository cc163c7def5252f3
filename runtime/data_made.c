/* data_made.c -- generators for teaching: blobs, ring, moons, swiss_roll, sines.
 *
 * Each takes n = 2000, noise = 0.1, seed = 0. Element k of row r is a draw of its own, so more
 * rows leave the first ones as they are. */
#include "runtime.h"

typedef struct { long n; double noise; uint64_t seed; int x, y; } Made;

static Made begin(const Source *source, Split *s, const char *name, int width, const char *also)
{
    Made m = { (long) setting_number(source->args, source->nargs, "n", 2000),
               setting_number(source->args, source->nargs, "noise", 0.1),
               (uint64_t) setting_number(source->args, source->nargs, "seed", 0),
               input_find(false, 0), input_find(true, 0) };
    for (int k = 0; k < source->nargs; k++) {
        const char *const key = source->args[k].key;
        if (strcmp(key, "n") != 0 && strcmp(key, "noise") != 0 && strcmp(key, "seed") != 0
            && !(also && strcmp(key, also) == 0))
            fail("%s has no argument %s", name, key);
    }
    if (m.n < 1 || m.n > 100000000)
        fail("%s: n is a number of rows, not %ld", name, m.n);
    if (m.x < 0 || ae_model.inputs[m.x].array.elem != AE_REAL
        || (width && input_width(m.x) != width))
        fail("%s gives %d numbers a row, and the model's input does not take them", name, width);
    column_new(s, m.x, m.n);
    return m;
}

static float noisy(const Made *m, long row, int element, double v)
{
    return (float) (v + m->noise * draw_normal(m->seed, STREAM_MADE, 1, (uint64_t) row * 4096 + (uint64_t) element));
}

static double drawn(const Made *m, long row, int which)
{
    return draw_uniform(m->seed, STREAM_MADE, 2, (uint64_t) row * 16 + (uint64_t) which);
}

static int32_t *classes_of(const Made *m, Split *s, int classes, const char *name)
{
    if (m->y < 0 || strcmp(ae_model.inputs[m->y].kind, "class") != 0)
        return NULL;
    if (ae_model.inputs[m->y].classes < classes)
        fail("%s gives %d classes, and %s has %d", name, classes, ae_model.inputs[m->y].array.name,
             ae_model.inputs[m->y].classes);
    return column_new(s, m->y, m->n)->whole;
}

/* Normal clouds about points of the unit circle. */
void read_blobs(const Source *source, Split *s)
{
    const Made m = begin(source, s, "blobs", 2, "centres");
    const int centres = (int) setting_number(source->args, source->nargs, "centres", 5);
    if (centres < 1 || centres > 1000)
        fail("blobs: centres is from 1 to 1000, not %d", centres);
    float *const x = s->column[m.x].real;
    int32_t *const y = classes_of(&m, s, centres, "blobs");
    for (long r = 0; r < m.n; r++) {
        const int k = (int) (r % centres);
        x[2 * r] = noisy(&m, r, 0, cos(2 * M_PI * k / centres));
        x[2 * r + 1] = noisy(&m, r, 1, sin(2 * M_PI * k / centres));
        if (y)
            y[r] = k;
    }
}

/* The unit circle, with normal noise in both directions. */
void read_ring(const Source *source, Split *s)
{
    const Made m = begin(source, s, "ring", 2, NULL);
    float *const x = s->column[m.x].real;
    for (long r = 0; r < m.n; r++) {
        const double t = 2 * M_PI * drawn(&m, r, 0);
        x[2 * r] = noisy(&m, r, 0, cos(t));
        x[2 * r + 1] = noisy(&m, r, 1, sin(t));
    }
}

/* Two half circles, one turned over and hooked into the other. */
void read_moons(const Source *source, Split *s)
{
    const Made m = begin(source, s, "moons", 2, NULL);
    float *const x = s->column[m.x].real;
    int32_t *const y = classes_of(&m, s, 2, "moons");
    for (long r = 0; r < m.n; r++) {
        const double t = M_PI * drawn(&m, r, 0);
        x[2 * r] = noisy(&m, r, 0, r % 2 ? 1 - cos(t) : cos(t));
        x[2 * r + 1] = noisy(&m, r, 1, r % 2 ? 0.5 - sin(t) : sin(t));
        if (y)
            y[r] = (int32_t) (r % 2);
    }
}

/* A sheet rolled up: (t cos t, height, t sin t); the label is the angle t. */
void read_swiss_roll(const Source *source, Split *s)
{
    const Made m = begin(source, s, "swiss_roll", 3, NULL);
    float *const x = s->column[m.x].real;
    float *const angle = m.y >= 0 && strcmp(ae_model.inputs[m.y].kind, "real") == 0 && input_width(m.y) == 1
        ? column_new(s, m.y, m.n)->real : NULL;
    for (long r = 0; r < m.n; r++) {
        const double t = 1.5 * M_PI * (1 + 2 * drawn(&m, r, 0));
        x[3 * r] = noisy(&m, r, 0, t * cos(t));
        x[3 * r + 1] = noisy(&m, r, 1, 21 * drawn(&m, r, 1));
        x[3 * r + 2] = noisy(&m, r, 2, t * sin(t));
        if (angle)
            angle[r] = (float) t;
    }
}

/* Waves of one to four turns over the sequence; each channel starts elsewhere. */
void read_sines(const Source *source, Split *s)
{
    const Made m = begin(source, s, "sines", 0, NULL);
    const int *const shape = ae_model.inputs[m.x].array.shape, steps = shape[1];
    const int channels = ae_model.inputs[m.x].array.rank > 2 ? shape[2] : 1;
    float *const x = s->column[m.x].real;
    if (channels > 15)
        fail("sines gives up to 15 channels, not %d", channels);
    for (long r = 0; r < m.n; r++)
        for (int t = 0; t < steps; t++)
            for (int c = 0; c < channels; c++) {
                const double turns = (1 + 3 * drawn(&m, r, 0)) * t / steps + drawn(&m, r, 1 + c);
                x[(r * steps + t) * channels + c] = noisy(&m, r, t * channels + c,
                                                          sin(2 * M_PI * turns));
            }
}
