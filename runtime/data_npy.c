/* data_npy.c -- NumPy's .npy and .npz: one array for each input and label, in the order
 * the model declares them.
 *
 * Numbers of 1 to 8 bytes in C order; arrays of objects are refused (they are programs). Bytes
 * have the range 0..255 for `scale`. Where an input may be shorter, the steps behind its end are
 * NaN, or -1 for tokens. */
#include "runtime.h"

double grid_at(const Grid *g, long k)
{
    const char *const p = g->data + k * g->size;
    union { float f; double d; int8_t b; int16_t h; int32_t i; int64_t l; uint8_t ub; uint16_t uh; uint32_t ui; uint64_t ul; } u;
    memcpy(&u, p, (size_t) g->size);
    switch (g->kind << 4 | g->size) {
    case 'f' << 4 | 4: return u.f;
    case 'f' << 4 | 8: return u.d;
    case 'i' << 4 | 1: return u.b;
    case 'i' << 4 | 2: return u.h;
    case 'i' << 4 | 4: return u.i;
    case 'i' << 4 | 8: return (double) u.l;
    case 'u' << 4 | 1: return u.ub;
    case 'u' << 4 | 2: return u.uh;
    case 'u' << 4 | 4: return u.ui;
    default:           return (double) u.ul;
    }
}

/* ---- the header: a Python dictionary with three keys ---------------------------------------- */
static const char *value_of(const char *path, const char *header, const char *key)
{
    char *const quoted = form("'%s':", key);
    const char *const at = strstr(header, quoted);
    if (!at)
        fail("%s: its header has no %s", path, key);
    const char *const v = at + strlen(quoted);
    free(quoted);
    return v + strspn(v, " ");
}

static void parse_type(Grid *g, const char *path, const char *v)
{
    const char *const end = *v == '\'' ? strchr(v + 1, '\'') : NULL;
    if (end && memchr(v, 'O', (size_t) (end - v)))
        fail("%s: is an array of Python objects, which is refused; save numbers", path);
    if (!end || end - v != 4)
        fail("%s: arrays of %.*s are not read; numbers are (f4 f8 i1 to i8 u1 to u8, bool)", path,
             end ? (int) (end - v + 1) : 20, v);
    const char order = v[1], kind = v[2] == 'b' ? 'u' : v[2];
    const int size = v[3] - '0';
    if (!strchr("fiu", kind) || (size != 1 && size != 2 && size != 4 && size != 8)
        || (kind == 'f' && size < 4))
        fail("%s: arrays of %.*s are not read; numbers are (f4 f8 i1 to i8 u1 to u8, bool)", path,
             5, v);
    const uint16_t one = 1;
    const bool little = *(const uint8_t *) &one;
    if (size > 1 && order != '=' && order != (little ? '<' : '>'))
        fail("%s: its numbers have the other byte order (%.3s); save them with .astype('<%.2s')",
             path, v + 1, v + 2);
    g->kind = kind;
    g->size = size;
}

static void parse_shape(Grid *g, const char *path, const char *v)
{
    if (*v++ != '(')
        fail("%s: its header's shape is no tuple", path);
    g->count = 1;
    for (;;) {
        v += strspn(v, " ");
        if (*v == ')')
            return;
        char *end;
        if (*v < '0' || *v > '9' || g->rank == AE_RANK)
            fail("%s: its header's shape cannot be read", path);
        const long n = strtol(v, &end, 10);
        g->shape[g->rank++] = n;
        if (__builtin_mul_overflow(g->count, n, &g->count))
            fail("%s: its shape is too large", path);
        v = end + strspn(end, " ");
        if (*v == ',')
            v++;
        else if (*v != ')')
            fail("%s: its header's shape cannot be read", path);
    }
}

/* What the first bytes of a file say of the array; `begin` is where its numbers start. */
static Grid grid_header(const char *path, const char *bytes, size_t n, size_t *begin)
{
    Grid g = { 0 };
    const uint8_t *const b = (const uint8_t *) bytes;
    if (n < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        fail("%s: is no .npy file%s", path,
             n && bytes[0] == '<' ? "; it looks like an HTML page" : "");
    const size_t at = b[6] == 1 ? 10 : 12;
    size_t length = b[8] | (size_t) b[9] << 8;
    if (b[6] < 1 || b[6] > 3)
        fail("%s: version %d of .npy is not known", path, b[6]);
    if (b[6] > 1 && n >= 12)
        length |= (size_t) b[10] << 16 | (size_t) b[11] << 24;
    if (n < at || length > n - at)
        fail("%s: ends within its header, at byte %zu", path, n);
    char *const header = form("%.*s", (int) length, bytes + at);
    parse_type(&g, path, value_of(path, header, "descr"));
    if (strncmp(value_of(path, header, "fortran_order"), "False", 5) != 0)
        fail("%s: is in Fortran order; save it with numpy.ascontiguousarray", path);
    parse_shape(&g, path, value_of(path, header, "shape"));
    free(header);
    *begin = at + length;
    return g;
}

static void check_size(const Grid *g, const char *path, size_t follow)
{
    size_t size;
    if (__builtin_mul_overflow((size_t) g->count, (size_t) g->size, &size) || size != follow)
        fail("%s: its shape needs %ld numbers of %d bytes, and %zu bytes follow the header", path,
             g->count, g->size, follow);
}

Grid grid_npy(const char *path, const char *bytes, size_t n)
{
    size_t begin;
    Grid g = grid_header(path, bytes, n, &begin);
    check_size(&g, path, n - begin);
    g.data = bytes + begin;
    return g;
}

/* ---- into a column -------------------------------------------------------------------------- */
static char *shape_of(const Grid *g)
{
    Text t = { 0 };
    for (int k = 0; k < g->rank; k++)
        text_add(&t, "%s%ld", k ? " x " : "", g->shape[k]);
    return t.n ? t.at : form("a single number");
}

static bool padding(const Grid *g, long first, long n, bool whole)
{
    for (long e = 0; e < n; e++) {
        const double v = grid_at(g, first + e);
        if (whole ? v != -1 : v == v)
            return false;
    }
    return true;
}

static int length_of(const Grid *g, long row, int input)
{
    const AeInput *const in = &ae_model.inputs[input];
    const long w = input_width(input), step = w / in->array.shape[1];
    int t = in->array.shape[1];
    while (t > 0 && padding(g, row * w + (t - 1) * step, step, in->array.elem == AE_INT))
        t--;
    return t;
}

static Column *column_for(Split *s, int input, const Grid *g, const char *path)
{
    const AeInput *const in = &ae_model.inputs[input];
    const long w = input_width(input);
    if (g->rank < 1 || g->count != g->shape[0] * w)
        fail("%s: is %s, where %s needs %ld numbers a row", path, shape_of(g), in->array.name, w);
    if (s->column && g->shape[0] != s->rows)
        fail("%s: has %ld rows where the first array has %ld", path, g->shape[0], s->rows);
    const bool bytes = g->kind == 'u' && g->size == 1;
    Column *const c = bytes ? column_bytes(s, input, g->shape[0])
                            : column_new(s, input, g->shape[0]);
    if (in->length)
        c->length = need((size_t) s->rows, sizeof *c->length);
    return c;
}

/* Numbers that are kept as they come. */
static void take_floats(Column *c, int input, const char *from, const char *path, long first,
                        long n)
{
    const long w = input_width(input);
    float *const to = c->real + first * w;
    int good = 1;
    memcpy(to, from, (size_t) (n * w) * sizeof *to);
    for (long e = 0; e < n * w; e++)
        good &= isfinite(to[e]) != 0;
    for (long e = 0; !good; e++)
        column_put(c, input, path, first + e / w, e % w, to[e]);
}

/* `part` has n rows of the array, to be rows first and on of the column. */
static void take_part(Column *c, int input, const Grid *part, const char *path, long first, long n)
{
    const AeInput *const in = &ae_model.inputs[input];
    const long w = input_width(input);
    if (part->kind == 'f' && part->size == sizeof(float) && c->real && !in->length) {
        take_floats(c, input, part->data, path, first, n);
        return;
    }
    for (long r = 0; r < n; r++) {
        const long used = in->length ? (c->length[first + r] = length_of(part, r, input)) * (w / in->array.shape[1]) : w;
        for (long e = 0; e < used; e++)
            column_put(c, input, path, first + r, e, grid_at(part, r * w + e));
    }
}

void column_from_grid(Split *s, int input, const Grid *g, const char *path)
{
    Column *const c = column_for(s, input, g, path);
    take_part(c, input, g, path, 0, s->rows);
}

/* A file is read a part at a time: its rows are in memory once. */
static void read_file(Split *s, int input, const char *path)
{
    enum { HEAD = 12, PART = 1 << 18 };
    InFile *const f = in_open(path);
    char *bytes = need(HEAD + 65536, 1);
    size_t n = in_read(f, bytes, HEAD), begin = 0;
    if (n == HEAD) {
        const uint8_t *const b = (const uint8_t *) bytes;
        size_t rest = b[8] | (size_t) b[9] << 8;
        if (b[6] > 1)
            rest |= (size_t) b[10] << 16 | (size_t) b[11] << 24;
        rest -= b[6] == 1 && rest >= 2 ? 2 : 0;
        n += in_read(f, bytes + HEAD, rest < 65536 ? rest : 65536);
    }
    Grid g = grid_header(path, bytes, n, &begin);
    if (in_size(f) >= 0)
        check_size(&g, path, (size_t) in_size(f) - begin);
    Column *const c = column_for(s, input, &g, path);
    const size_t row = (size_t) input_width(input) * (size_t) g.size;
    const long most = row < PART ? PART / (long) row : 1;
    free(bytes);
    g.data = bytes = need((size_t) most, row);
    n = 0;
    for (long done = 0; done < s->rows; ) {
        const long want = s->rows - done < most ? s->rows - done : most;
        const size_t got = in_read(f, bytes, (size_t) want * row);
        n += got;
        if (got < (size_t) want * row)
            check_size(&g, path, n);
        take_part(c, input, &g, path, done, want);
        done += want;
    }
    for (size_t more; (more = in_read(f, bytes, row)) > 0; )
        n += more;
    check_size(&g, path, n);
    free(bytes);
    in_close(f);
}

void read_npy(const Source *source, Split *s)
{
    if (source->nfiles > ae_model.ninputs)
        fail("npy names %d files, and the model has %d inputs and labels", source->nfiles,
             ae_model.ninputs);
    for (int k = 0; k < source->nfiles; k++)
        read_file(s, k, source->file[k]);
}

/* ---- .npz: a zip archive with an .npy for each input, by its name --------------------------- */
static uint32_t get(const uint8_t *p, int n)
{
    uint32_t v = 0;
    for (int k = 0; k < n; k++)
        v |= (uint32_t) p[k] << 8 * k;
    return v;
}

#ifdef AE_HAVE_ZLIB
#include <zlib.h>
static void unpack(const char *path, const uint8_t *from, size_t n, uint8_t *to, size_t m)
{
    z_stream z = { .next_in = (Bytef *) from, .avail_in = (uInt) n, .next_out = to, .avail_out = (uInt) m };
    if (inflateInit2(&z, -15) != Z_OK || inflate(&z, Z_FINISH) != Z_STREAM_END || z.avail_out)
        fail("%s: a packed array is damaged", path);
    inflateEnd(&z);
}
#else
static void unpack(const char *path, const uint8_t *from, size_t n, uint8_t *to, size_t m)
{
    (void) from, (void) n, (void) to, (void) m;
    fail("%s: is compressed, and this program was built without zlib; save it with numpy.savez",
         path);
}
#endif

static void read_member(Split *s, const char *path, const uint8_t *b, size_t n,
                        const uint8_t *entry, const char *name)
{
    const size_t packed = get(entry + 20, 4), size = get(entry + 24, 4), at = get(entry + 42, 4);
    const int method = (int) get(entry + 10, 2);
    int input = 0;
    while (input < ae_model.ninputs && strcmp(ae_model.inputs[input].array.name, name) != 0)
        input++;
    if (input == ae_model.ninputs)
        fail("%s: has an array %s, and the model no input or label of that name", path, name);
    if (packed == UINT32_MAX || size == UINT32_MAX || at > n || n - at < 30)
        fail("%s: the entry of %s is damaged, or larger than 4 GB", path, name);
    const size_t begin = at + 30 + get(b + at + 26, 2) + get(b + at + 28, 2);
    if (begin > n || packed > n - begin || (method == 0 ? packed != size : method != 8)
        || size / 1100 > packed)
        fail("%s: the entry of %s is damaged", path, name);
    uint8_t *const bytes = need(size + 1, 1);
    if (method == 0)
        memcpy(bytes, b + begin, size);
    else
        unpack(path, b + begin, packed, bytes, size);
    if (crc32_more(0, bytes, size) != get(entry + 16, 4))
        fail("%s: %s does not fit its checksum", path, name);
    char *const full = form("%s: %s", path, name);
    const Grid g = grid_npy(full, (char *) bytes, size);
    column_from_grid(s, input, &g, full);
    free(full);
    free(bytes);
}

void read_npz(const Source *source, Split *s)
{
    const char *const path = source->file[0];
    size_t n, end;
    char *const bytes = in_all(path, &n);
    const uint8_t *const b = (const uint8_t *) bytes;
    if (n < 22 || memcmp(b, "PK", 2) != 0)
        fail("%s: is no .npz file", path);
    for (end = n - 22; end && memcmp(b + end, "PK\5\6", 4) != 0; end--)
        ;
    if (!end)
        fail("%s: has no directory at its end; it was cut off", path);
    size_t at = get(b + end + 16, 4);
    for (uint32_t k = get(b + end + 10, 2); k; k--) {
        if (at > n || n - at < 46 || memcmp(b + at, "PK\1\2", 4) != 0)
            fail("%s: its directory is damaged at byte %zu", path, at);
        const size_t length = get(b + at + 28, 2);
        const size_t rest = get(b + at + 30, 2) + get(b + at + 32, 2);
        if (n - at - 46 < length + rest || length < 5
            || memcmp(b + at + 46 + length - 4, ".npy", 4) != 0)
            fail("%s: its directory is damaged at byte %zu", path, at);
        char *const name = form("%.*s", (int) length - 4, (const char *) b + at + 46);
        read_member(s, path, b, n, b + at, name);
        free(name);
        at += 46 + length + rest;
    }
    free(bytes);
}
