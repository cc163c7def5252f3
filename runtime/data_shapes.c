/* data_shapes.c -- pictures made up for teaching: a rectangle, disc, triangle
 * or cross on dark ground.
 *
 * The input image(c, h, w) says how large; n = 2000, noise = 0.1, seed = 0. Labels as the model
 * declares them: class(4) which shape, classmap(5, h, w) the shape's pixels (0 is the ground),
 * boxes(1, 4) its left, top, width and height as shares of the picture. With labels(4) a
 * picture has each shape or not, by chance, and the label says which; they may cover each
 * other, and the other labels are of the last. Rows are draws of their own, so more rows leave
 * the first ones as they are. */
#include "runtime.h"

enum { SHAPES = 4 };
/* x, y: the middle; wide, high: halves */
typedef struct { int kind; double x, y, wide, high, tint[3]; } Shape;

static double drawn(uint64_t seed, long row, int which)
{
    return draw_uniform(seed, STREAM_MADE, 3, (uint64_t) row * 16 + (uint64_t) which);
}

static Shape shape_of(uint64_t seed, long row, int kind, int height, int width)
{
    const int least = height < width ? height : width;
    Shape s = { .kind = kind };
    s.wide = least * (0.15 + 0.2 * drawn(seed, row, 1));
    s.high = s.kind == 0 ? least * (0.15 + 0.2 * drawn(seed, row, 2)) : s.wide;
    s.x = s.wide + (width - 2 * s.wide) * drawn(seed, row, 3);
    s.y = s.high + (height - 2 * s.high) * drawn(seed, row, 4);
    for (int c = 0; c < 3; c++)
        s.tint[c] = 0.5 + 0.5 * drawn(seed, row, 5 + c);
    return s;
}

/* Whether the point u, v of the shape's own square, -1 to 1, is in it. */
static bool inside(const Shape *s, double u, double v)
{
    switch (s->kind) {
    case 0:  return fabs(u) <= 1 && fabs(v) <= 1;
    case 1:  return u * u + v * v <= 1;
    case 2:  return v >= -1 && v <= 1 && fabs(u) <= (v + 1) / 2;
    default: return (fabs(u) <= 1 && fabs(v) <= 0.3) || (fabs(u) <= 0.3 && fabs(v) <= 1);
    }
}

static int label_of(const char *kind, int classes, int rank, const int *shape)
{
    for (int i = 0; i < ae_model.ninputs; i++) {
        const AeInput *const in = &ae_model.inputs[i];
        bool fits = in->label && strcmp(in->kind, kind) == 0 && in->classes == classes
            && in->array.rank == rank + 1;
        for (int k = 0; fits && k < rank; k++)
            fits = in->array.shape[k + 1] == shape[k];
        if (fits)
            return i;
    }
    return -1;
}

void read_shapes(const Source *source, Split *s)
{
    const long n = (long) setting_number(source->args, source->nargs, "n", 2000);
    const double noise = setting_number(source->args, source->nargs, "noise", 0.1);
    const uint64_t seed = (uint64_t) setting_number(source->args, source->nargs, "seed", 0);
    const int x = input_find(false, 0);
    if (x < 0 || strcmp(ae_model.inputs[x].kind, "image") != 0
        || ae_model.inputs[x].array.shape[1] > 3)
        fail("shapes makes images of 1 to 3 channels, and the model's input is no such image");
    if (n < 1 || n > 100000000)
        fail("shapes: n is a number of rows, not %ld", n);
    const int *const size = ae_model.inputs[x].array.shape, channels = size[1], h = size[2];
    const int w = size[3];
    const int class = label_of("class", SHAPES, 0, NULL);
    const int map = label_of("classmap", SHAPES + 1, 2, (const int[]) { h, w });
    const int box = label_of("boxes", 0, 2, (const int[]) { 1, 4 });
    const int tag = label_of("labels", 0, 1, (const int[]) { SHAPES });
    Column *const images = column_new(s, x, n);
    const int levels = ae_model.inputs[x].classes;
    images->high = 1;
    int32_t *const kinds = class < 0 ? NULL : column_new(s, class, n)->whole;
    int32_t *const maps = map < 0 ? NULL : column_new(s, map, n)->whole;
    float *const boxes = box < 0 ? NULL : column_new(s, box, n)->real;
    float *const tags = tag < 0 ? NULL : column_new(s, tag, n)->real;
    double *const canvas = need((size_t) (channels * h * w), sizeof *canvas);
    for (long row = 0; row < n; row++) {
        double *const pixel = canvas;
        for (long k = 0; k < (long) channels * h * w; k++)
            pixel[k] = 0.1;
        for (int kind = 0; kind < SHAPES; kind++) {
            const bool there = tags ? drawn(seed, SHAPES * row + kind, 8) < 0.5 : kind == (int) (SHAPES * drawn(seed, row, 0));
            const Shape one = shape_of(seed, tags ? SHAPES * row + kind : row, kind, h, w);
            if (tags)
                tags[SHAPES * row + kind] = there;
            for (int i = 0; i < h && there; i++)
                for (int j = 0; j < w; j++) {
                    if (!inside(&one, (j + 0.5 - one.x) / one.wide, (i + 0.5 - one.y) / one.high))
                        continue;
                    for (int c = 0; c < channels; c++)
                        pixel[(c * h + i) * w + j] = one.tint[c];
                    if (maps)
                        maps[(row * h + i) * w + j] = 1 + kind;
                }
            if (there && kinds)
                kinds[row] = kind;
            for (int k = 0; there && boxes && k < 4; k++)
                boxes[4 * row + k] = (float) (k == 0 ? (one.x - one.wide) / w : k == 1 ? (one.y - one.high) / h : k == 2 ? 2 * one.wide / w : 2 * one.high / h);
        }
        for (int k = 0; k < channels * h * w; k++) {
            const double v = pixel[k]
                + noise * draw_normal(seed, STREAM_MADE, 4, (uint64_t) row << 24 | (uint64_t) k);
            const double shade = fmin(1, fmax(0, v));
            column_put(images, x, "shapes()", row, k,
                       levels ? floor(shade * (levels - 1) + 0.5) : shade);
        }
    }
    free(canvas);
}
