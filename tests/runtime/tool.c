/* tool.c -- what the tests need beside the shell: data files, damaged files, and readers of JSON, safetensors and HTML.
 *
 * `tool COMMAND ...`, the table at the end; 0 when all is well, else 1 and why on stderr. It shares no code with the runtime,
 * so that a mistake made there is not made again here. Files are written in this machine's byte order, the little-endian one. */
#include <jansson.h>
#include <math.h>
#include <png.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void die(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("tool: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    exit(1);
}

/* ---- whole files -------------------------------------------------------------------------------------------- */
typedef struct { uint8_t *at; size_t n; } Bytes;        /* a 0 stands after the last one */

static void *need(size_t n)
{
    void *const at = calloc(n, 1);
    if (!at)
        die("no memory");
    return at;
}

static FILE *create(const char *path)
{
    FILE *const f = fopen(path, "wb");
    if (!f)
        die("%s cannot be written", path);
    return f;
}

static void finish(FILE *f)
{
    if (ferror(f) | fclose(f))
        die("a file could not be written");
}

static Bytes read_all(const char *path)
{
    FILE *const f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        die("%s cannot be read", path);
    Bytes b = { .n = (size_t) ftell(f) };
    rewind(f);
    b.at = need(b.n + 1);
    if (fread(b.at, 1, b.n, f) != b.n)
        die("%s cannot be read", path);
    fclose(f);
    return b;
}

static void flip(int n, char **arg)
{
    Bytes b = read_all(arg[0]);
    const size_t at = strtoull(arg[2], NULL, 0);
    if (at >= b.n)
        die("%s has no byte %zu", arg[0], at);
    b.at[at] ^= n > 3 ? (uint8_t) strtoul(arg[3], NULL, 0) : 1;
    FILE *const f = create(arg[1]);
    fwrite(b.at, 1, b.n, f);
    finish(f);
}

/* ---- data: 320 rows of 8 x 8 pixels in ten classes, in every format --------------------------------------- */
enum { ROWS = 320, SIDE = 8, PIXELS = SIDE * SIDE, IMAGES = 100 };
static uint8_t pixel[ROWS][PIXELS];
static const char *const word[] = { "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine" };

static void make_pixels(void)
{
    for (int r = 0; r < ROWS; r++)
        for (int e = 0; e < PIXELS; e++)
            pixel[r][e] = (uint8_t) (7 * r + 3 * e * (r % 10 + 1));
}

/* The header fills 128 bytes with its blanks: 6 of magic, 2 of version, 2 of length, 118 of text. */
static void write_npy(const char *path, const char *type, const char *fortran, const char *shape, const void *at, size_t n)
{
    char text[118];
    snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", type, fortran, shape);
    FILE *const f = create(path);
    fwrite("\x93NUMPY\1\0\x76\0", 1, 10, f);
    fprintf(f, "%-117s\n", text);
    fwrite(at, 1, n, f);
    finish(f);
}

static void write_images_npy(void)
{
    static float real[ROWS][PIXELS];
    for (int r = 0; r < ROWS; r++)
        for (int e = 0; e < PIXELS; e++)
            real[r][e] = pixel[r][e];
    write_npy("amounts.npy", "<f4", "False", "320, 64, ", real, sizeof real);
    for (int r = 0; r < ROWS; r++)
        for (int e = 0; e < PIXELS; e++)
            real[r][e] = (float) (pixel[r][e] / 255.0);
    write_npy("x.npy", "|u1", "False", "320, 1, 8, 8, ", pixel, sizeof pixel);
    write_npy("real.npy", "<f4", "False", "320, 64, ", real, sizeof real);
    write_npy("big.npy", ">f4", "False", "320, 64, ", real, sizeof real);
    write_npy("fortran.npy", "<f4", "True", "320, 64, ", real, sizeof real);
    write_npy("narrow.npy", "<f4", "False", "320, 63, ", real, ROWS * 63 * sizeof(float));
    write_npy("huge.npy", "<f4", "False", "1099511627776, 1099511627776, ", real, 0);
    real[1][6] = NAN;
    write_npy("nan.npy", "<f4", "False", "320, 64, ", real, sizeof real);
    for (int r = 0; r < ROWS; r++)
        for (int e = 0; e < PIXELS; e++)
            real[r][e] = (float) (16 * (pixel[r][e] / 255.0));
    write_npy("sixteen.npy", "<f4", "False", "320, 64, ", real, sizeof real);
}

static void write_labels_npy(void)
{
    int64_t wide[ROWS];
    int32_t label[ROWS];
    float real[ROWS];
    for (int r = 0; r < ROWS; r++)
        real[r] = (float) (wide[r] = label[r] = r % 10);
    write_npy("y.npy", "<i8", "False", "320, ", wide, sizeof wide);
    write_npy("object.npy", "|O", "False", "320, ", wide, sizeof wide);
    write_npy("few.npy", "<i4", "False", "319, ", label + 1, sizeof label - sizeof *label);
    label[17] = 12;
    write_npy("class.npy", "<i4", "False", "320, ", label, sizeof label);
    real[17] = 1.5f;
    write_npy("half.npy", "<f4", "False", "320, ", real, sizeof real);
}

static void write_idx(void)
{
    FILE *f = create("x.idx");
    fwrite("\0\0\10\3" "\0\0\1\100" "\0\0\0\10" "\0\0\0\10", 1, 16, f);     /* bytes, 3 extents: 320, 8, 8 */
    fwrite(pixel, 1, sizeof pixel, f);
    finish(f);
    f = create("y.idx");
    fwrite("\0\0\10\1" "\0\0\1\100", 1, 8, f);
    for (int r = 0; r < ROWS; r++)
        fputc(r % 10, f);
    finish(f);
}

typedef enum { AS_DIGIT, AS_WORD, AS_SOME } Labels;

static void write_label(FILE *f, int r, Labels as)
{
    if (as == AS_WORD)
        fprintf(f, "\"%s\"\r\n", word[r % 10]);
    else if (as == AS_SOME && r % 2 == 0)
        fprintf(f, "\n");
    else
        fprintf(f, "%d\n", r % 10);
}

static void write_csv(const char *path, Labels as)
{
    FILE *const f = create(path);
    for (int e = 0; e < PIXELS; e++)
        fprintf(f, "p%d,", e);
    fprintf(f, "digit\n");
    for (int r = 0; r < ROWS; r++) {
        for (int e = 0; e < PIXELS; e++)
            fprintf(f, "%d,", pixel[r][e]);
        write_label(f, r, as);
    }
    finish(f);
}

static void write_png(const char *path, const uint8_t *at, unsigned side)
{
    FILE *const f = create(path);
    png_struct *png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_info *info = png_create_info_struct(png);
    png_init_io(png, f);
    png_set_IHDR(png, info, side, side, 8, PNG_COLOR_TYPE_GRAY,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE, PNG_FILTER_TYPE_BASE);
    png_write_info(png, info);
    for (unsigned r = 0; r < side; r++)
        png_write_row(png, at + r * side);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    finish(f);
}

static void write_images_png(void)
{
    static const uint8_t black[9 * 9];
    for (int r = 0; r < IMAGES; r++) {
        char path[64];
        snprintf(path, sizeof path, "images/%s/%03d.png", word[r % 10], r);
        write_png(path, pixel[r], SIDE);
    }
    write_png("large/a/1.png", black, 9);
}

static void data(int n, char **arg)
{
    (void) n, (void) arg;
    make_pixels();
    write_images_npy();
    write_labels_npy();
    write_idx();
    write_csv("d.csv", AS_DIGIT);
    write_csv("words.csv", AS_WORD);
    write_csv("some.csv", AS_SOME);
    write_images_png();
}

/* ---- zip: an archive of files, stored (method 0) or deflated (8) ------------------------------------------- */
typedef struct { const char *name; uint32_t crc, packed, size, at; } Member;

static void put(FILE *f, uint64_t v, int bytes)
{
    for (int k = 0; k < bytes; k++)
        fputc((int) (v >> 8 * k & 255), f);
}

static Bytes deflated(Bytes b)
{
    z_stream z = { .next_in = b.at, .avail_in = (uInt) b.n };
    deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);     /* -15: no frame of zlib's own */
    Bytes out = { .n = deflateBound(&z, b.n) };
    z.next_out = out.at = need(out.n);
    z.avail_out = (uInt) out.n;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        die("deflate failed");
    out.n = z.total_out;
    deflateEnd(&z);
    return out;
}

/* What stands before a member and again in the directory. */
static void put_member(FILE *f, const Member *m, unsigned method)
{
    put(f, 20, 2);                          /* the version that reads it: 2.0 */
    put(f, 0, 2);                           /* no flags */
    put(f, method, 2);
    put(f, 0x00210000, 4);                  /* time and day: 1980-01-01 */
    put(f, m->crc, 4);
    put(f, m->packed, 4);
    put(f, m->size, 4);
    put(f, (uint32_t) strlen(m->name), 2);
    put(f, 0, 2);                           /* nothing extra */
}

static Member add_member(FILE *f, const char *path, unsigned method)
{
    const Bytes b = read_all(path), packed = method ? deflated(b) : b;
    const Member m = { path, (uint32_t) crc32(0, b.at, (uInt) b.n), (uint32_t) packed.n, (uint32_t) b.n, (uint32_t) ftell(f) };
    fputs("PK\3\4", f);
    put_member(f, &m, method);
    fputs(path, f);
    fwrite(packed.at, 1, packed.n, f);
    return m;
}

static void zip(int n, char **arg)
{
    const unsigned method = (unsigned) atoi(arg[1]);
    const int members = n - 2;
    Member *const m = need((size_t) members * sizeof *m);
    FILE *const f = create(arg[0]);
    for (int k = 0; k < members; k++)
        m[k] = add_member(f, arg[2 + k], method);
    const uint32_t directory = (uint32_t) ftell(f);
    for (int k = 0; k < members; k++) {
        fputs("PK\1\2", f);
        put(f, 20, 2);
        put_member(f, &m[k], method);
        put(f, 0, 2 + 2);                   /* no comment, disk 0 */
        put(f, 0, 2 + 4);                   /* no attributes */
        put(f, m[k].at, 4);
        fputs(m[k].name, f);
    }
    const uint32_t end = (uint32_t) ftell(f);
    fputs("PK\5\6", f);
    put(f, 0, 4);                           /* disk 0 of 0 */
    put(f, (uint32_t) members, 2);
    put(f, (uint32_t) members, 2);
    put(f, end - directory, 4);
    put(f, directory, 4);
    put(f, 0, 2);                           /* no comment */
    finish(f);
}

/* ---- JSON ------------------------------------------------------------------------------------------------- */
static json_t *checked(json_t *j, const json_error_t *error, const char *what)
{
    if (!j)
        die("%s is no JSON: %s at byte %d", what, error->text, error->position);
    return j;
}

static json_t *parse(const char *at, size_t n, size_t flags, const char *what)
{
    json_error_t error;
    return checked(json_loadb(at, n, JSON_REJECT_DUPLICATES | flags, &error), &error, what);
}

static json_t *parse_stdin(void)
{
    json_error_t error;
    return checked(json_loadf(stdin, JSON_REJECT_DUPLICATES, &error), &error, "stdin");
}

static double number(const json_t *object, const char *key)
{
    const json_t *const v = json_object_get(object, key);
    if (!json_is_number(v))
        die("there is no number %s", key);
    return json_number_value(v);
}

static void json(int n, char **arg)
{
    const json_t *const j = parse_stdin();
    for (int k = 0; k < n; k++)
        if (!json_object_get(j, arg[k]))
            die("there is no %s", arg[k]);
    if (n > 0 && json_object_size(j) != (size_t) n)
        die("%zu keys, not %d", json_object_size(j), n);
}

static void lines(int n, char **arg)
{
    (void) n, (void) arg;
    char *line = NULL;
    size_t room = 0;
    int count = 0;
    for (ssize_t length; (length = getline(&line, &room, stdin)) > 0; count++)
        json_decref(parse(line, (size_t) length, 0, line));
    if (count == 0)
        die("there are no lines");
}

static void get(int n, char **arg)
{
    (void) n;
    printf("%.17g\n", number(parse_stdin(), arg[0]));
}

static void among(int n, char **arg)
{
    (void) n;
    const Bytes b = read_all(arg[0]);
    json_t *const few = parse((char *) b.at, b.n, 0, arg[0]);
    const json_t *const many = parse_stdin();
    const char *key;
    json_t *value;
    if (json_object_size(few) == 0)
        die("%s has no numbers", arg[0]);
    json_object_foreach(few, key, value)
        if (number(few, key) != number(many, key))
            die("%s is %.17g in %s and %.17g on stdin", key, number(few, key), arg[0], number(many, key));
}

/* ---- safetensors: a length of 8 bytes, a header in JSON, the numbers ----------------------------------------- */
typedef struct { json_t *header; const uint8_t *data; size_t n; } Stored;

static Stored read_stored(const char *path)
{
    const Bytes b = read_all(path);
    uint64_t length = UINT64_MAX;
    if (b.n >= 8)
        memcpy(&length, b.at, 8);
    if (length > b.n - 8)
        die("%s is cut off", path);
    json_t *const header = parse((char *) b.at + 8, length, 0, path);
    return (Stored) { header, b.at + 8 + length, b.n - 8 - length };
}

/* One change, `KEY/KEY=JSON`; without JSON the entry goes. */
static void edit(json_t *object, char *change)
{
    char *key = change, *value = strchr(change, '=');
    if (!value)
        die("%s has no =", change);
    *value++ = 0;
    for (char *slash; (slash = strchr(key, '/')); key = slash + 1) {
        *slash = 0;
        object = json_object_get(object, key);
    }
    const int status = *value ? json_object_set_new(object, key, parse(value, strlen(value), JSON_DECODE_ANY, value))
                              : json_object_del(object, key);
    if (status != 0)
        die("%s cannot be changed", key);
}

static void header(int n, char **arg)
{
    const Stored s = read_stored(arg[0]);
    for (int k = 2; k < n; k++)
        edit(s.header, arg[k]);
    const char *const text = json_dumps(s.header, JSON_COMPACT);
    const uint64_t length = strlen(text);
    FILE *const f = create(arg[1]);
    fwrite(&length, 8, 1, f);
    fwrite(text, 1, length, f);
    fwrite(s.data, 1, s.n, f);
    finish(f);
}

/* The numbers of a tensor in F32 or F64, and how many. */
static double *numbers(const Stored *s, const char *name, size_t *count)
{
    json_int_t from, to;
    const char *type;
    if (json_unpack(json_object_get(s->header, name), "{s:[I,I],s:s}", "data_offsets", &from, &to, "dtype", &type) != 0)
        die("there is no tensor %s", name);
    if (from < 0 || from > to || (size_t) to > s->n)
        die("%s lies outside of its file", name);
    const size_t size = strcmp(type, "F32") == 0 ? sizeof(float) : sizeof(double);
    *count = (size_t) (to - from) / size;
    double *const out = need(*count * sizeof *out + 1);
    for (size_t k = 0; k < *count; k++) {
        const uint8_t *const at = s->data + from + k * size;
        float single;
        if (size == sizeof single) {
            memcpy(&single, at, size);
            out[k] = single;
        } else {
            memcpy(&out[k], at, size);
        }
    }
    return out;
}

static void compare_tensor(const Stored *a, const Stored *b, const char *name)
{
    size_t na, nb;
    const double *const x = numbers(a, name, &na), *const y = numbers(b, name, &nb);
    double scale = 1e-12;
    if (na != nb)
        die("%s: %zu numbers and %zu", name, na, nb);
    for (size_t k = 0; k < nb; k++)
        scale = fmax(scale, fabs(y[k]));
    for (size_t k = 0; k < na; k++)
        if (!(fabs(x[k] - y[k]) < 1e-3 * scale))
            die("%s[%zu]: %g and %g", name, k, x[k], y[k]);
}

static void tensors(int n, char **arg)
{
    const Stored a = read_stored(arg[0]), b = read_stored(arg[1]);
    json_object_del(a.header, "__metadata__");
    json_object_del(b.header, "__metadata__");
    for (int k = 2; k < n; k++)
        if (!json_object_get(a.header, arg[k]))
            die("%s has no %s", arg[0], arg[k]);
    if (json_object_size(a.header) != json_object_size(b.header))
        die("%zu tensors and %zu", json_object_size(a.header), json_object_size(b.header));
    const char *name;
    json_t *value;
    json_object_foreach(a.header, name, value)
        compare_tensor(&a, &b, name);
}

/* ---- HTML: every tag that opens closes again, in order -------------------------------------------------------- */
typedef struct { const char *at; int n; } Name;
typedef struct { Name at[100]; size_t n; } Open;

static bool same_name(Name a, Name b) { return a.n == b.n && memcmp(a.at, b.at, (size_t) a.n) == 0; }
static bool named(Name a, const char *b) { return same_name(a, (Name) { b, (int) strlen(b) }); }

static Name tag_name(const char *p)
{
    const Name name = { p, (int) strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789") };
    if (name.n == 0)
        die("a < begins no tag: %.40s", p);
    return name;
}

/* The > that ends a tag; one in quotes ends nothing. */
static const char *tag_end(const char *p)
{
    const char *const start = p;
    for (; *p != '>'; p++) {
        if (*p == '"' && !(p = strchr(p + 1, '"')))
            die("a quote does not end: %.40s", start);
        if (*p == 0 || *p == '<')
            die("a tag does not end: %.40s", start);
    }
    return p;
}

static void push(Open *open, Name name)
{
    if (open->n == sizeof open->at / sizeof *open->at)
        die("the tags are too deep");
    open->at[open->n++] = name;
}

static void pop(Open *open, Name name)
{
    if (open->n == 0 || !same_name(open->at[--open->n], name))
        die("</%.*s> closes another tag", name.n, name.at);
}

/* Takes the tag whose < is at p; where to go on from: within <style> a < is no tag. */
static const char *take_tag(const char *p, Open *open)
{
    const bool closes = p[1] == '/';
    const char *const start = p + 1 + closes, *const end = tag_end(start);
    if (*start == '!')                      /* <!doctype html> */
        return end;
    const Name name = tag_name(start);
    if (closes)
        pop(open, name);
    else if (end[-1] != '/' && !named(name, "meta") && !named(name, "img") && !named(name, "br"))
        push(open, name);
    const char *const style = !closes && named(name, "style") ? strstr(end, "</style") : NULL;
    return style ? style : end;
}

static void html(int n, char **arg)
{
    (void) n;
    Open open = { .n = 0 };
    int seen = 0;
    for (const char *p = (char *) read_all(arg[0]).at; (p = strchr(p, '<')); seen++)
        p = take_tag(p, &open);
    if (open.n > 0 || seen == 0)
        die("%d tags, %zu of them open at the end", seen, open.n);
}

/* ---- commands ------------------------------------------------------------------------------------------------- */
static const struct { const char *name; void (*run)(int n, char **arg); int least; const char *help; } commands[] = {
    { "data",    data,    0, "writes the good data files, and those that are bad in their contents, here" },
    { "zip",     zip,     3, "OUT 0|8 FILE...: an archive of the files, stored or deflated" },
    { "flip",    flip,    3, "IN OUT AT [MASK]: a copy with the lowest bit, or MASK, changed in one byte" },
    { "json",    json,    0, "[KEY...]: stdin is JSON, with just these keys if there are any" },
    { "lines",   lines,   0, "every line of stdin is JSON" },
    { "get",     get,     1, "KEY: prints a number of the object on stdin" },
    { "among",   among,   1, "FILE: the numbers of the object in the file are also in the one on stdin" },
    { "header",  header,  2, "IN OUT [KEY/KEY=JSON...]: safetensors with its header changed; without JSON an entry goes" },
    { "tensors", tensors, 2, "A B [NAME...]: the same tensors to 1e-3 of the largest number, these among them" },
    { "html",    html,    1, "FILE: every tag closes" },
};

int main(int n, char **arg)
{
    for (size_t k = 0; k < sizeof commands / sizeof *commands; k++)
        if (n > 1 && strcmp(arg[1], commands[k].name) == 0 && n - 2 >= commands[k].least) {
            commands[k].run(n - 2, arg + 2);
            return 0;
        }
    for (size_t k = 0; k < sizeof commands / sizeof *commands; k++)
        fprintf(stderr, "tool %-8s %s\n", commands[k].name, commands[k].help);
    return 1;
}
