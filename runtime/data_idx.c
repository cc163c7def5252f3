/* data_idx.c -- idx(images, labels): the format of MNIST, plain or gzipped.
 *
 * Two zero bytes, the type, the number of axes, each axis' size in four bytes (big-endian), then
 * the numbers. The header says how much follows, so no more than that is ever unpacked. */
#include "runtime.h"

typedef struct { int type, size, rank; long shape[AE_RANK], count; } Header;

static int size_of_type(int type)
{
    switch (type) {
    case 0x08: case 0x09: return 1;
    case 0x0B: return 2;
    case 0x0C: case 0x0D: return 4;
    case 0x0E: return 8;
    default: return 0;
    }
}

static Header read_header(InFile *f, const char *path)
{
    Header h = { 0 };
    uint8_t b[4];
    size_t n = in_read(f, b, 4);
    if (n < 4)
        fail("%s: ends at byte %zu, within its first four", path, n);
    if (b[0] == '<')
        fail("%s: this is an HTML page, not IDX", path);
    if (b[0] || b[1] || !(h.size = size_of_type(b[2])) || !b[3] || b[3] > AE_RANK)
        fail("%s: is no IDX file: its first bytes are %02x %02x %02x %02x", path, b[0], b[1], b[2],
             b[3]);
    h.type = b[2];
    h.rank = b[3];
    h.count = 1;
    for (int k = 0; k < h.rank; k++) {
        if ((n = in_read(f, b, 4)) < 4)
            fail("%s: ends at byte %zu, within its header", path, (size_t) (4 + 4 * k) + n);
        h.shape[k] = (long) b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
        if (__builtin_mul_overflow(h.count, h.shape[k], &h.count))
            fail("%s: its header says %ld and more numbers", path, h.count);
    }
    return h;
}

static double number(const uint8_t *p, int type)
{
    uint64_t v = 0;
    union { float f; double d; uint32_t i; uint64_t l; } u;
    for (int k = 0; k < size_of_type(type); k++)
        v = v << 8 | p[k];
    switch (type) {
    case 0x08: return (double) v;
    case 0x09: return (int8_t) v;
    case 0x0B: return (int16_t) v;
    case 0x0C: return (int32_t) v;
    case 0x0D: return u.i = (uint32_t) v, u.f;
    default:   return u.l = v, u.d;
    }
}

static void read_one(const char *path, Split *s, int input)
{
    InFile *const f = in_open(path);
    const Header h = read_header(f, path);
    const long w = input_width(input), rows = h.shape[0];
    const size_t begin = (size_t) (4 + 4 * h.rank);
    if (h.count != rows * w)
        fail("%s: has %ld numbers a row, where %s needs %ld", path, rows ? h.count / rows : 0,
             ae_model.inputs[input].array.name, w);
    if (s->column && rows != s->rows)
        fail("%s: has %ld rows where the images have %ld", path, rows, s->rows);
    uint8_t *const row = need((size_t) w, (size_t) h.size), more;
    Column *const c = h.type == 0x08 ? column_bytes(s, input, rows) : column_new(s, input, rows);
    for (long r = 0; r < rows; r++) {
        const size_t n = in_read(f, row, (size_t) (w * h.size));
        if (n < (size_t) (w * h.size))
            fail("%s: ends at byte %zu, in row %ld of %ld", path,
                 begin + (size_t) (r * w * h.size) + n, r, rows);
        for (long e = 0; e < w; e++)
            column_put(c, input, path, r, e, number(row + e * h.size, h.type));
    }
    if (in_read(f, &more, 1))
        fail("%s: goes on after its %ld rows, at byte %zu", path, rows,
             begin + (size_t) (h.count * h.size));
    in_close(f);
    free(row);
}

void read_idx(const Source *source, Split *s)
{
    const int x = input_find(false, 0), y = input_find(true, 0);
    if (!source->nfiles || source->nfiles > 2)
        fail("idx takes a file of images and a file of labels, not %d files", source->nfiles);
    if (x < 0)
        fail("idx gives images, and the model has no input");
    read_one(source->file[0], s, x);
    if (source->nfiles == 2 && y >= 0)
        read_one(source->file[1], s, y);
}
