/* safetensors.c -- writing and strictly reading .safetensors: a length, a JSON
 * header, then the numbers.
 *
 * Every tensor has a crc32 in __metadata__. The reader trusts nothing: every length, offset and
 * key is checked before it is used. */
#include "runtime.h"
#include <ctype.h>

static const struct { const char *name; size_t size; } dtypes[] = {
    { "F32", 4 }, { "F64", 8 }, { "I32", 4 }, { "I64", 8 }, { "U8", 1 }, { "U16", 2 },
};

size_t dtype_size(const char *dtype)
{
    for (size_t k = 0; k < sizeof dtypes / sizeof *dtypes; k++)
        if (strcmp(dtypes[k].name, dtype) == 0)
            return dtypes[k].size;
    return 0;
}

long tensor_count(const Tensor *t)
{
    long n = 1;
    for (int k = 0; k < t->rank; k++)
        n *= t->shape[k];
    return n;
}

/* ---- writing -------------------------------------------------------------------------------- */
static void add_header(Text *h, const Tensor *tensor, int n, const Pair *meta, int nmeta)
{
    size_t at = 0;
    text_add(h, "{\"__metadata__\":{\"format\":\"aec\"");
    for (int k = 0; k < nmeta; k++) {
        text_add(h, ",");
        text_json(h, meta[k].key);
        text_add(h, ":");
        text_json(h, meta[k].value);
    }
    for (int k = 0; k < n; k++) {
        char *const key = form("crc32 %s", tensor[k].name);
        text_add(h, ",");
        text_json(h, key);
        text_add(h, ":\"%08x\"",
                 crc32_more(0, tensor[k].at,
                            (size_t) tensor_count(&tensor[k]) * dtype_size(tensor[k].dtype)));
        free(key);
    }
    text_add(h, "}");
    for (int k = 0; k < n; k++) {
        const size_t size = (size_t) tensor_count(&tensor[k]) * dtype_size(tensor[k].dtype);
        if (!dtype_size(tensor[k].dtype))
            fail("%s cannot be written: no size is known of %s", tensor[k].name, tensor[k].dtype);
        text_add(h, ",");
        text_json(h, tensor[k].name);
        text_add(h, ":{\"dtype\":\"%s\",\"shape\":[", tensor[k].dtype);
        for (int d = 0; d < tensor[k].rank; d++)
            text_add(h, "%s%ld", d ? "," : "", tensor[k].shape[d]);
        text_add(h, "],\"data_offsets\":[%zu,%zu]}", at, at + size);
        at += size;
    }
    text_add(h, "}");
    while (h->n % 8)
        text_add(h, " ");
}

static uint32_t put(FILE *f, const void *at, size_t n, uint32_t crc)
{
    fwrite(at, 1, n, f);
    return crc32_more(crc, at, n);
}

void store_write(const char *path, const Tensor *tensor, int n, const Pair *meta, int nmeta)
{
    Text h = { 0 };
    uint8_t length[8];
    add_header(&h, tensor, n, meta, nmeta);
    for (int k = 0; k < 8; k++)
        length[k] = (uint8_t) ((uint64_t) h.n >> 8 * k);
    FILE *const f = out_begin(path);
    uint32_t crc = put(f, length, 8, 0);
    crc = put(f, h.at, h.n, crc);
    for (int k = 0; k < n; k++)
        crc = put(f, tensor[k].at, (size_t) tensor_count(&tensor[k]) * dtype_size(tensor[k].dtype),
                  crc);
    out_end_checked(crc);
    free(h.at);
}

/* ---- reading the header --------------------------------------------------------------------- */
typedef struct { const char *path, *begin, *p, *end; } Reader;

static _Noreturn void broken(const Reader *r, const char *what)
{
    fail("%s: byte %zu of the header: %s", r->path, (size_t) (r->p - r->begin), what);
}

static void blank(Reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r'))
        r->p++;
}

static bool next_is(Reader *r, char c)
{
    blank(r);
    if (r->p < r->end && *r->p == c) {
        r->p++;
        return true;
    }
    return false;
}

static void expect(Reader *r, char c)
{
    char what[] = "expected ' '";
    what[10] = c;
    if (!next_is(r, c))
        broken(r, what);
}

static unsigned hex4(Reader *r)
{
    unsigned v = 0;
    for (int k = 0; k < 4; k++, r->p++) {
        if (r->p >= r->end || !isxdigit((unsigned char) *r->p))
            broken(r, "\\u needs four hexadecimal digits");
        v = v * 16 + (unsigned) (isdigit((unsigned char) *r->p) ? *r->p - '0' : tolower(*r->p) - 'a' + 10);
    }
    return v;
}

static char *string(Reader *r)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    Text t = { 0 };
    expect(r, '"');
    text_bytes(&t, "", 0);
    while (r->p < r->end && *r->p != '"') {
        char c = *r->p++;
        if ((unsigned char) c < 32)
            broken(r, "a control character in a string");
        if (c == '\\') {
            const char *const which = r->p < r->end && *r->p ? strchr(from, *r->p) : NULL;
            if (which) {
                c = to[which - from];
                r->p++;
            } else if (r->p < r->end && *r->p == 'u') {
                r->p++;
                const unsigned v = hex4(r);
                if (v == 0 || v > 127)
                    broken(r, "a \\u beyond ASCII is not supported");
                c = (char) v;
            } else
                broken(r, "an unknown escape");
        }
        text_bytes(&t, &c, 1);
    }
    if (r->p >= r->end)
        broken(r, "a string that does not end");
    r->p++;
    return t.at;
}

static int64_t whole(Reader *r)
{
    int64_t v = 0;
    blank(r);
    if (r->p >= r->end || !isdigit((unsigned char) *r->p))
        broken(r, "expected a whole number");
    while (r->p < r->end && isdigit((unsigned char) *r->p))
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *r->p++ - '0', &v))
            broken(r, "a number that is too large");
    return v;
}

static void read_metadata(Reader *r, Store *s)
{
    expect(r, '{');
    if (next_is(r, '}'))
        return;
    do {
        s->meta = realloc(s->meta, (size_t) (s->nmeta + 1) * sizeof *s->meta);
        if (!s->meta)
            fail("%s: no memory", r->path);
        Pair *const m = &s->meta[s->nmeta++];
        m->key = string(r);
        expect(r, ':');
        m->value = string(r);
    } while (next_is(r, ','));
    expect(r, '}');
}

static void read_tensor(Reader *r, Store *s, char *name, const char *data, size_t room)
{
    Tensor t = { .name = name };
    int64_t from = -1, to = -1, count = 1;
    bool shape = false;
    expect(r, '{');
    do {
        const char *const key = string(r);
        expect(r, ':');
        if (strcmp(key, "dtype") == 0)
            t.dtype = string(r);
        else if (strcmp(key, "shape") == 0) {
            shape = true;
            expect(r, '[');
            if (!next_is(r, ']')) {
                do {
                    if (t.rank == AE_RANK)
                        fail("%s: %s has more than %d axes", r->path, name, AE_RANK);
                    t.shape[t.rank] = (long) whole(r);
                    if (__builtin_mul_overflow(count, t.shape[t.rank++], &count))
                        fail("%s: the shape of %s is too large", r->path, name);
                } while (next_is(r, ','));
                expect(r, ']');
            }
        } else if (strcmp(key, "data_offsets") == 0) {
            expect(r, '[');
            from = whole(r);
            expect(r, ',');
            to = whole(r);
            expect(r, ']');
        } else
            fail("%s: %s has an unknown key \"%s\"", r->path, name, key);
    } while (next_is(r, ','));
    expect(r, '}');
    if (!t.dtype || !shape || to < 0)
        fail("%s: %s lacks its dtype, shape or data_offsets", r->path, name);
    const size_t size = dtype_size(t.dtype);
    if (!size)
        fail("%s: %s has dtype %s, which is not supported (F32 F64 I32 I64 U8 U16 are)", r->path,
             name, t.dtype);
    if (from > to || (uint64_t) to > room || (uint64_t) count != (uint64_t) (to - from) / size
        || (size_t) (to - from) % size)
        fail("%s: %s: its bytes %lld to %lld do not fit its shape or the file", r->path, name,
             (long long) from, (long long) to);
    t.at = data + from;
    for (int k = 0; k < s->ntensors; k++)
        if (strcmp(s->tensor[k].name, name) == 0)
            fail("%s: %s is there twice", r->path, name);
    s->tensor = realloc(s->tensor, (size_t) (s->ntensors + 1) * sizeof *s->tensor);
    if (!s->tensor)
        fail("%s: no memory", r->path);
    s->tensor[s->ntensors++] = t;
}

static void check_sums(const Store *s)
{
    for (int k = 0; k < s->ntensors; k++) {
        const Tensor *const t = &s->tensor[k];
        char *const key = form("crc32 %s", t->name), found[16];
        const char *const kept = store_meta(s, key);
        snprintf(found, sizeof found, "%08x",
                 crc32_more(0, t->at, (size_t) tensor_count(t) * dtype_size(t->dtype)));
        if (kept && strcmp(kept, found) != 0)
            fail("%s: %s does not fit its checksum; the file is damaged", s->path, t->name);
        free(key);
    }
}

Store store_read(const char *path)
{
    Store s = { .path = form("%s", path) };
    size_t n;
    uint64_t length = 0, used = 0;
    s.bytes = in_all(path, &n);
    for (int k = 0; k < 8 && n >= 8; k++)
        length |= (uint64_t) (uint8_t) s.bytes[k] << 8 * k;
    if (n < 8 || length > n - 8 || length < 2 || s.bytes[8] != '{')
        fail("%s: is no safetensors file, or only its beginning", path);
    Reader r = { path, s.bytes + 8, s.bytes + 8, s.bytes + 8 + length };
    expect(&r, '{');
    if (!next_is(&r, '}')) {
        do {
            char *const name = string(&r);
            expect(&r, ':');
            if (strcmp(name, "__metadata__") == 0)
                read_metadata(&r, &s);
            else
                read_tensor(&r, &s, name, s.bytes + 8 + length, n - 8 - length);
        } while (next_is(&r, ','));
        expect(&r, '}');
    }
    blank(&r);
    if (r.p != r.end)
        broken(&r, "more than one object");
    for (int k = 0; k < s.ntensors; k++)
        used += (uint64_t) tensor_count(&s.tensor[k]) * dtype_size(s.tensor[k].dtype);
    if (used != n - 8 - length)
        fail("%s: its tensors take %llu bytes, and %llu are there", path,
             (unsigned long long) used, (unsigned long long) (n - 8 - length));
    check_sums(&s);
    return s;
}

const Tensor *store_find(const Store *s, const char *name)
{
    for (int k = 0; k < s->ntensors; k++)
        if (strcmp(s->tensor[k].name, name) == 0)
            return &s->tensor[k];
    return NULL;
}

const char *store_meta(const Store *s, const char *key)
{
    for (int k = 0; k < s->nmeta; k++)
        if (strcmp(s->meta[k].key, key) == 0)
            return s->meta[k].value;
    return NULL;
}

void store_drop(Store *s)
{
    for (int k = 0; k < s->ntensors; k++) {
        free((char *) s->tensor[k].name);
        free((char *) s->tensor[k].dtype);
    }
    for (int k = 0; k < s->nmeta; k++) {
        free((char *) s->meta[k].key);
        free((char *) s->meta[k].value);
    }
    free(s->tensor);
    free(s->meta);
    free(s->bytes);
    free((char *) s->path);
}

/* Reals may come from F32 or F64, whole numbers from I32 or I64; nothing else is guessed. */
void tensor_copy(const Store *s, const Tensor *t, void *to, AeElem elem, long count)
{
    const bool f32 = strcmp(t->dtype, "F32") == 0, f64 = strcmp(t->dtype, "F64") == 0;
    const bool i32 = strcmp(t->dtype, "I32") == 0, i64 = strcmp(t->dtype, "I64") == 0;
    if (elem == AE_REAL ? !f32 && !f64 : !i32 && !i64)
        fail("%s: %s is %s, where %s are needed", s->path, t->name, t->dtype,
             elem == AE_REAL ? "reals" : "whole numbers");
    const char *from = t->at;
    for (long k = 0; k < count; k++, from += dtype_size(t->dtype)) {
        float f;
        double d;
        int32_t i;
        int64_t l;
        if (f32)
            ((ae_real *) to)[k] = (ae_real) (memcpy(&f, from, 4), f);
        else if (f64)
            ((ae_real *) to)[k] = (ae_real) (memcpy(&d, from, 8), d);
        else if (i32)
            ((int32_t *) to)[k] = (memcpy(&i, from, 4), i);
        else
            ((int32_t *) to)[k] = (int32_t) (memcpy(&l, from, 8), l);
    }
}
