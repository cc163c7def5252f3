/* text.c -- messages, growing text with one escaper for each language, numbers.
 *
 * The process never calls setlocale(), so printf and strtod write and read numbers as C does. */
#include "runtime.h"
#include <stdarg.h>
#include <ctype.h>

static void complain(const char *kind, const char *format, va_list args)
{
    progress_clear();
    fflush(stdout);
    fprintf(stderr, "%s: ", kind);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

_Noreturn void fail(const char *format, ...)
{
    va_list args;
    ranks_wait();
    va_start(args, format);
    complain("error", format, args);
    va_end(args);
    out_drop();
    ranks_quit(1);
}

_Noreturn void usage(const char *format, ...)
{
    va_list args;
    ranks_wait();
    va_start(args, format);
    complain("error", format, args);
    va_end(args);
    out_drop();
    ranks_quit(2);
}

void note(const char *format, ...)
{
    va_list args;
    if (opt.quiet || !ranks_first())
        return;
    va_start(args, format);
    complain("note", format, args);
    va_end(args);
}

void *need(size_t count, size_t size)
{
    size_t bytes;
    void *at = NULL;
    if (!__builtin_mul_overflow(count, size, &bytes))
        at = calloc(bytes ? bytes : 1, 1);
    if (!at)
        fail("no memory for %zu times %zu bytes", count, size);
    return at;
}

/* ---- growing text --------------------------------------------------------------------------- */
static void grow(Text *t, size_t n)
{
    if (t->n + n + 1 <= t->room)
        return;
    t->room = 2 * (t->n + n + 64);
    if (!(t->at = realloc(t->at, t->room)))
        fail("no memory for a text of %zu bytes", t->room);
}

void text_bytes(Text *t, const void *at, size_t n)
{
    grow(t, n);
    if (n)
        memcpy(t->at + t->n, at, n);
    t->at[t->n += n] = 0;
}

void text_add(Text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    grow(t, (size_t) n);
    va_start(args, format);
    vsnprintf(t->at + t->n, (size_t) n + 1, format, args);
    va_end(args);
    t->n += (size_t) n;
}

char *form(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *const s = need((size_t) n + 1, 1);
    va_start(args, format);
    vsnprintf(s, (size_t) n + 1, format, args);
    va_end(args);
    return s;
}

void text_json(Text *t, const char *s)
{
    text_add(t, "\"");
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            text_add(t, "\\%c", *s);
        else if ((unsigned char) *s < 32)
            text_add(t, "\\u%04x", *s);
        else
            text_bytes(t, s, 1);
    }
    text_add(t, "\"");
}

void text_number(Text *t, double v)
{
    if (isfinite(v))
        text_add(t, "%.9g", v);
    else
        text_add(t, "null");
}

void text_html(Text *t, const char *s)
{
    for (; *s; s++) {
        switch (*s) {
        case '<': text_add(t, "&lt;"); break;
        case '>': text_add(t, "&gt;"); break;
        case '&': text_add(t, "&amp;"); break;
        case '"': text_add(t, "&quot;"); break;
        case '\'': text_add(t, "&#39;"); break;
        default:
            if ((unsigned char) *s >= 32 || *s == '\n' || *s == '\t')
                text_bytes(t, s, 1);
        }
    }
}

bool has_ending(const char *path, const char *ending)
{
    const size_t n = strlen(path), m = strlen(ending);
    return n > m && strcmp(path + n - m, ending) == 0;
}

/* ---- numbers -------------------------------------------------------------------------------- */
bool parse_number(const char *s, double *v)
{
    char *end;
    while (isspace((unsigned char) *s))
        s++;
    if (!*s || s[strspn(s, "+-0123456789.eE \t\r\n")])    /* keeps out inf, nan and hexadecimal */
        return false;
    *v = strtod(s, &end);
    if (end == s)
        return false;
    while (isspace((unsigned char) *end))
        end++;
    return !*end && isfinite(*v);
}

/* ---- did you mean --------------------------------------------------------------------------- */
/* Insertions, deletions, changes, swaps of neighbours. */
static int distance(const char *a, const char *b)
{
    enum { LONGEST = 40 };
    const int n = (int) strlen(a), m = (int) strlen(b);
    int d[LONGEST + 1][LONGEST + 1];
    if (n > LONGEST || m > LONGEST)
        return LONGEST;
    for (int i = 0; i <= n; i++) {
        for (int j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            const int cut = ae_imin(d[i - 1][j], d[i][j - 1]) + 1;
            d[i][j] = ae_imin(cut, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = ae_imin(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[n][m];
}

int nearest(const char *word, const char *const *list, int n)
{
    int best = -1, least = ae_imax(1, (int) strlen(word) / 3) + 1;
    for (int k = 0; k < n; k++) {
        const int d = distance(word, list[k]);
        if (d < least) {
            least = d;
            best = k;
        }
    }
    return best;
}

/* ---- crc32, as zlib and PNG have it --------------------------------------------------------- */
uint32_t crc32_more(uint32_t crc, const void *at, size_t n)
{
    static uint32_t table[256];
    if (!table[1]) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i;
            for (int k = 0; k < 8; k++)
                c = c & 1 ? c >> 1 ^ 0xEDB88320u : c >> 1;
            table[i] = c;
        }
    }
    crc = ~crc;
    for (const uint8_t *p = at; n--; p++)
        crc = crc >> 8 ^ table[(crc ^ *p) & 255];
    return ~crc;
}
