/* arrays.c -- results of programs, row after row, written as .npy, .csv or .png by the
 * ending of the name. */
#include "runtime.h"

Result result_new(const AeArray *a, long rows)
{
    Result r = { .name = a->name, .elem = a->elem, .rank = a->rank };
    for (int k = 0; k < a->rank; k++)
        r.shape[k] = a->shape[k];
    r.shape[0] = rows;
    r.at = need((size_t) rows * (size_t) row_count(a),
                a->elem == AE_INT ? sizeof(int32_t) : sizeof(ae_real));
    return r;
}

Result result_table(const char *name, long rows, long columns)
{
    const AeArray a = { .name = name, .elem = AE_REAL, .rank = 2, .shape = { 1, (int) columns } };
    return result_new(&a, rows);
}

void result_take(Result *r, const AeArray *a, long first, int n)
{
    const size_t size = (size_t) row_count(a)
        * (a->elem == AE_INT ? sizeof(int32_t) : sizeof(ae_real));
    memcpy((char *) r->at + (size_t) first * size, a->at, (size_t) n * size);
}

/* The first rows of an input or label, as the data has them; -1 or nan where
 * a row has no label. */
Result column_result(int input, const Column *c, long rows)
{
    Result r = result_new(&ae_model.inputs[input].array, rows);
    const long w = input_width(input);
    for (long e = 0; e < rows * w; e++) {
        const bool there = !c->has || c->has[e / w];
        if (c->whole)
            ((int32_t *) r.at)[e] = there ? c->whole[e] : -1;
        else
            ((ae_real *) r.at)[e] = there ? (ae_real) amount_at(c, e) : NAN;
    }
    return r;
}

long result_width(const Result *r)
{
    long n = 1;
    for (int k = 1; k < r->rank; k++)
        n *= r->shape[k];
    return n;
}

static double value(const Result *r, long k)
{
    return r->elem == AE_INT ? ((const int32_t *) r->at)[k] : ((const ae_real *) r->at)[k];
}

/* ---- .npy ----------------------------------------------------------------------------------- */
static void write_npy(const char *path, const Result *r)
{
    Text h = { 0 };
    const uint16_t one = 1;
    const char order = *(const uint8_t *) &one ? '<' : '>';
    text_add(&h, "{'descr': '%c%s', 'fortran_order': False, 'shape': (", order,
             r->elem == AE_INT ? "i4" : sizeof(ae_real) == 4 ? "f4" : "f8");
    for (int k = 0; k < r->rank; k++)
        text_add(&h, "%ld,%s", r->shape[k], k + 1 < r->rank ? " " : "");
    text_add(&h, "), }");
    while ((10 + h.n + 1) % 64)
        text_add(&h, " ");
    text_add(&h, "\n");
    const uint8_t begin[10] = { 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (uint8_t) h.n, (uint8_t) (h.n >> 8) };
    FILE *const f = out_begin(path);
    fwrite(begin, 1, 10, f);
    fwrite(h.at, 1, h.n, f);
    fwrite(r->at, r->elem == AE_INT ? 4 : sizeof(ae_real),
           (size_t) (r->shape[0] * result_width(r)), f);
    out_end();
    free(h.at);
}

/* ---- .csv: a column for each element of each result ----------------------------------------- */
static const char *class_name(const Result *r, int32_t v)
{
    for (int i = 0; learnt && i < ae_model.ninputs; i++)
        if (strcmp(ae_model.inputs[i].array.name, r->name) == 0 && v >= 0
            && v < learnt[i].nclasses)
            return learnt[i].classes[v];
    return NULL;
}

/* Of a row that has no such label. */
static bool is_missing(const Result *r, double v)
{
    for (int i = 0; i < ae_model.ninputs; i++)
        if (ae_model.inputs[i].label && ae_model.inputs[i].array.elem == r->elem
            && strcmp(ae_model.inputs[i].array.name, r->name) == 0)
            return isnan(v) || (ae_model.inputs[i].classes && v < 0);
    return false;
}

static void put_text(FILE *f, const char *s)        /* quoted when it must be */
{
    if (!s[strcspn(s, ",\"\r\n")]) {
        fputs(s, f);
        return;
    }
    fputc('"', f);
    for (; *s; s++) {
        if (*s == '"')
            fputc('"', f);
        fputc(*s, f);
    }
    fputc('"', f);
}

static void write_csv(const char *path, const Result *r, int n)
{
    FILE *const f = out_begin(path);
    for (int k = 0; k < n; k++) {
        const long w = result_width(&r[k]);
        for (long e = 0; e < w; e++) {
            char *const name = w == 1 ? form("%s", r[k].name) : form("%s%ld", r[k].name, e);
            fputs(k || e ? "," : "", f);
            put_text(f, name);
            free(name);
        }
    }
    fputc('\n', f);
    for (long row = 0; row < r->shape[0]; row++) {
        for (int k = 0; k < n; k++) {
            const long w = result_width(&r[k]);
            for (long e = 0; e < w; e++) {
                const double v = value(&r[k], row * w + e);
                const char *const name = r[k].elem == AE_INT && w == 1 ? class_name(&r[k], (int32_t) v) : NULL;
                fputs(k || e ? "," : "", f);
                if (is_missing(&r[k], v))
                    continue;
                if (name)
                    put_text(f, name);
                else if (r[k].elem == AE_INT)
                    fprintf(f, "%.0f", v);
                else
                    fprintf(f, sizeof(ae_real) == 4 ? "%.9g" : "%.17g", v);
            }
        }
        fputc('\n', f);
    }
    out_end();
}

/* ---- .png: rows as tiles -------------------------------------------------------------------- */
bool picture_of(const Result *r, Picture *p)
{
    const long w = result_width(r), side = lround(sqrt((double) w));
    if (r->rank == 4 && (r->shape[1] == 1 || r->shape[1] == 3))
        *p = (Picture) { (int) r->shape[1], (int) r->shape[2], (int) r->shape[3] };
    else if (r->rank == 3)
        *p = (Picture) { 1, (int) r->shape[1], (int) r->shape[2] };
    else if (side * side == w && w > 4)
        *p = (Picture) { 1, (int) side, (int) side };
    else
        *p = (Picture) { 1, 1, (int) w };
    return p->height > 1;
}

static uint8_t grey(double v, double low, double high)
{
    const double u = high > low ? (v - low) / (high - low) : 0;
    return (uint8_t) (u > 0 ? u < 1 ? 255 * u + 0.5 : 255 : 0);
}

static void draw_tile(uint8_t *pixels, int width, int x, int y, const Result *r, long row,
                      const Picture *p, int zoom, double low, double high)
{
    const long area = (long) p->height * p->width;
    for (int i = 0; i < p->height * zoom; i++)
        for (int j = 0; j < p->width * zoom; j++)
            for (int c = 0; c < p->channels; c++)
                pixels[((long) (y + i) * width + x + j) * p->channels + c] =
                    grey(value(r, row * area * p->channels + c * area + (long) (i / zoom) * p->width + j / zoom), low, high);
}

static void range_of(const Result *r, int n, double *low, double *high)
{
    const int x = input_find(false, 0);
    if (x >= 0)
        data_peak(x, low, high);
    if (*high > *low)
        return;
    *low = INFINITY;
    *high = -INFINITY;
    for (int k = 0; k < n; k++)
        for (long e = 0; e < r[k].shape[0] * result_width(&r[k]); e++) {
            *low = fmin(*low, value(&r[k], e));
            *high = fmax(*high, value(&r[k], e));
        }
}

/* The rows of one result, or of two beside each other, in a grid about as high as it is wide. */
uint8_t *picture_tiles(const Result *r, int n, bool beside, double low, double high, int *width,
                       int *height, int *channels)
{
    enum { GAP = 2, MOST = 400 };
    Picture p;
    picture_of(r, &p);
    const int zoom = ae_imax(1, 32 / ae_imax(p.width, p.height)), each = beside ? n : 1;
    const long rows = r->shape[0] < MOST ? r->shape[0] : MOST;
    const int wide = p.width * zoom * each + GAP * each, high1 = p.height * zoom + GAP;
    int across = (int) ceil(sqrt((double) rows * high1 / wide));
    across = ae_imax(1, ae_imin(opt.across ? opt.across : across, (int) rows));
    const int down = (int) ((rows + across - 1) / across);
    *width = across * wide + GAP;
    *height = down * high1 + GAP;
    *channels = p.channels;
    uint8_t *const pixels = need((size_t) *width * (size_t) *height, (size_t) p.channels);
    memset(pixels, 128, (size_t) *width * (size_t) *height * (size_t) p.channels);
    for (long row = 0; row < rows; row++)
        for (int k = 0; k < each; k++)
            draw_tile(pixels, *width,
                      GAP + (int) (row % across) * wide + k * (p.width * zoom + (k ? 1 : 0)),
                      GAP + (int) (row / across) * high1, &r[k], row, &p, zoom, low, high);
    return pixels;
}

static void write_png(const char *path, const Result *r, int n, bool beside)
{
    int width, height, channels;
    double low = 0, high = 0;
    range_of(r, beside ? n : 1, &low, &high);
    uint8_t *const pixels = picture_tiles(r, n, beside, low, high, &width, &height, &channels);
    png_write(path, pixels, width, height, channels);
    free(pixels);
}

/* ---- by the ending -------------------------------------------------------------------------- */
const Result *result_chosen(const Result *r, int n)
{
    const char *names[64];
    if (!opt.name)
        return r;
    for (int k = 0; k < n && k < 64; k++)
        if (strcmp((names[k] = r[k].name), opt.name) == 0)
            return &r[k];
    const int like = nearest(opt.name, names, ae_imin(n, 64));
    usage("there is no output %s%s%s%s", opt.name, like >= 0 ? "; did you mean " : "",
          like >= 0 ? names[like] : "", like >= 0 ? "?" : "");
}

/* `beside`: r[0] are the originals of r[1]; only a picture shows them. */
void result_write(const char *path, const Result *r, int n, bool beside)
{
    const Result *const one = beside ? &r[1] : result_chosen(r, n);
    if (has_ending(path, ".npy"))
        write_npy(path, one);
    else if (has_ending(path, ".csv"))
        write_csv(path, opt.name || beside ? one : r, opt.name || beside ? 1 : n);
    else if (has_ending(path, ".png"))
        write_png(path, beside ? r : one, n, beside);
    else
        usage("-o %s: the name ends in .npy, .csv or .png", path);
}
