/* base.c -- memory, interned names, text that grows, numbers as text.
 *
 * Relies on nothing; every other file relies on it.  Memory is handed out from large chunks and
 * given back only as a whole, by alloc_release, which a compilation never needs. */
#define _GNU_SOURCE
#include "base.h"
#include <locale.h>
#include <math.h>
#include <stdlib.h>

/* ---- memory --------------------------------------------------------------------------------- */
typedef struct Chunk {
    struct Chunk *next;
    size_t used, room;
    max_align_t data[];
} Chunk;

static Chunk *chunks;

#if defined(__SANITIZE_ADDRESS__)
enum { CHUNK = 1 };    /* a chunk for each piece, so that the sanitizer sees its ends */
#else
enum { CHUNK = 1 << 18 };
#endif

static void *must(void *p)
{
    if (!p) {
        fputs("aec: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

void *alloc(size_t bytes)
{
    size_t step = sizeof(max_align_t);
    if (bytes > SIZE_MAX / 4)
        must(NULL);
    bytes = (bytes + step - 1) / step * step;
    if (!chunks || chunks->room - chunks->used < bytes) {
        size_t room = bytes > CHUNK ? bytes : CHUNK;
        Chunk *c = must(calloc(1, sizeof(Chunk) + room));
        c->room = room;
        c->next = chunks;
        chunks = c;
    }
    void *p = (char *) chunks->data + chunks->used;
    chunks->used += bytes;
    return p;
}

void vec_room(void **at, int n, int *room, size_t size)
{
    if (n < *room)
        return;
    int more = n ? 2 * n : 4;
    if (n > INT32_MAX / 4)
        must(NULL);
    void *old, *new = alloc((size_t) more * size);
    memcpy(&old, at, sizeof old);
    if (n)
        memcpy(new, old, (size_t) n * size);
    memcpy(at, &new, sizeof new);
    *room = more;
}

bool vec_has(const void *at, int n, const void *x)
{
    return ANY(k, n, !memcmp((const char *) at + (size_t) k * sizeof x, &x, sizeof x));
}

/* ---- names ---------------------------------------------------------------------------------- */
typedef struct { uint64_t hash; const char *text; size_t n; } Slot;

static Slot *slots;
static size_t slot_room, slot_used;

uint64_t hash_more(uint64_t hash, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char) text[i]) * 1099511628211u;
    return hash;
}

static Slot *find_slot(uint64_t hash, const char *text, size_t n)
{
    for (size_t i = hash & (slot_room - 1);; i = (i + 1) & (slot_room - 1)) {
        Slot *s = &slots[i];
        if (!s->hash || (s->hash == hash && s->n == n && memcmp(s->text, text, n) == 0))
            return s;
    }
}

static void grow_slots(void)
{
    Slot *old = slots;
    size_t n = slot_room;
    slot_room = n ? 2 * n : 1024;
    slots = must(calloc(slot_room, sizeof *slots));
    for (size_t i = 0; i < n; i++)
        if (old[i].hash)
            *find_slot(old[i].hash, old[i].text, old[i].n) = old[i];
    free(old);
}

Str intern_n(const char *text, size_t length)
{
    if (2 * (slot_used + 1) > slot_room)
        grow_slots();
    uint64_t hash = hash_more(HASH_NONE, text, length) | 1;       /* 0 is an empty slot */
    Slot *s = find_slot(hash, text, length);
    if (!s->hash) {
        char *copy = alloc(length + 1);
        memcpy(copy, text, length);
        *s = (Slot) { hash, copy, length };
        slot_used++;
    }
    return s->text;
}

Str intern(const char *text)
{
    return intern_n(text, strlen(text));
}

Str format_v(const char *how, va_list args)
{
    char *text = NULL;
    const int n = vasprintf(&text, how, args);
    must(n < 0 ? NULL : text);
    Str name = intern_n(text, (size_t) n);
    free(text);
    return name;
}

Str format(const char *how, ...)
{
    va_list args;
    va_start(args, how);
    Str name = format_v(how, args);
    va_end(args);
    return name;
}

void alloc_release(void)
{
    free(slots);
    slots = NULL;
    slot_room = slot_used = 0;
    while (chunks) {
        Chunk *next = chunks->next;
        free(chunks);
        chunks = next;
    }
}

/* ---- text ----------------------------------------------------------------------------------- */
static void buf_room(Buf *b, size_t more)
{
    if (b->room - b->n > more && b->at)
        return;
    size_t room = 2 * (b->n + more) + 64;
    char *at = alloc(room);
    if (b->n)
        memcpy(at, b->at, b->n);
    b->at = at;
    b->room = room;
}

void buf_put(Buf *b, const char *text, size_t length)
{
    buf_room(b, length + 1);
    if (length)
        memcpy(b->at + b->n, text, length);
    b->n += length;
    b->at[b->n] = 0;
}

static void buf_add_v(Buf *b, const char *how, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, how, again);
    va_end(again);
    must(n < 0 ? NULL : b);
    buf_room(b, (size_t) n + 1);
    vsnprintf(b->at + b->n, (size_t) n + 1, how, args);
    b->n += (size_t) n;
}

void buf_add(Buf *b, const char *how, ...)
{
    va_list args;
    va_start(args, how);
    buf_add_v(b, how, args);
    va_end(args);
}

void buf_line(Buf *b, int depth, const char *how, ...)
{
    va_list args;
    va_start(args, how);
    buf_add(b, "%*s", 4 * depth, "");
    buf_add_v(b, how, args);
    buf_put(b, "\n", 1);
    va_end(args);
}

/* Octal escapes of three digits, which cannot run into what follows; ? escaped
 * because of trigraphs. */
Str c_string(const char *text)
{
    Buf b = { 0 };
    buf_add(&b, "\"");
    for (const unsigned char *c = (const unsigned char *) text; *c; c++)
        if (*c < 32 || *c > 126 || strchr("\"\\?", *c))
            buf_add(&b, "\\%03o", *c);
        else
            buf_put(&b, (const char *) c, 1);
    buf_add(&b, "\"");
    return intern(b.at);
}

/* ---- numbers: always in the C locale -------------------------------------------------------- */
static locale_t plain_locale(void)
{
    static locale_t plain;
    if (!plain)
        plain = newlocale(LC_ALL_MASK, "C", (locale_t) 0);
    return plain;
}

double number_read(const char *text)
{
    return strtod_l(text, NULL, plain_locale());
}

Str number_text(double v)
{
    if (isnan(v))
        return intern("nan");
    char text[40] = "";
    locale_t before = uselocale(plain_locale());
    if (fabs(v) < 1e15 && v == floor(v))
        snprintf(text, sizeof text, "%.0f", v);
    else for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (number_read(text) == v)
            break;
    }
    uselocale(before);
    return intern(text);
}

Str bytes_text(double v)
{
    static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    int k = 0;
    for (; v >= 1024 && k < 4; k++)
        v /= 1024;
    return format(k && v < 100 ? "%.1f %s" : "%.0f %s", v, unit[k]);
}

bool has_word(const char *text, Str word)
{
    const size_t n = strlen(word);
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
        const char *const letters =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
        if ((at == text || !strchr(letters, at[-1])) && (!at[n] || !strchr(letters, at[n])))
            return true;
    }
    return false;
}
