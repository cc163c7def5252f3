/* diag.c -- keeps the user's mistakes and prints them: for people, or as JSON.
 *
 * report() takes a place and a row of diag.def; report_note and report_help add to the last
 * report.  Nothing is printed before diag_flush, which puts all in the order of the file.  Text of
 * the user's reaches a terminal only through put_clean, and JSON only through json_text. */
#define _GNU_SOURCE
#include "base.h"
#include <stdlib.h>
#include <unistd.h>

enum { LEVEL_error, LEVEL_warning, LEVEL_note };
static const char *const levels[] = { "error", "warning", "note" };

static const struct {
    const char *code;
    int level;
    const char *text;
} rows[] = {
#define DIAG(name, code, level, text) { code, LEVEL_##level, text },
#include "diag.def"
#undef DIAG
};

typedef struct { Place place; Str text; } Note;

typedef struct {
    Place place;
    Diag which;
    int file;                   /* sources in the order in which they were first named */
    int number;                 /* in the order of report() */
    Str text, help;
    VEC(Note) notes;
} Report;

enum { KEPT = 1000, SHOWN = 50 };   /* more are only counted */

static VEC(Report) reports;
static int uncounted;               /* reports beyond KEPT */
static VEC(const Source *) sources;
static int errors;
static Report dropped;          /* takes what is added to a report that was made before */
static Report *latest = &dropped;

/* ---- places --------------------------------------------------------------------------------- */
Place place_join(Place first, Place last)
{
    if (!first.source)
        return last;
    if (!last.source || last.source != first.source)
        return first;
    return (Place) { first.source, first.line, first.col, last.end_line, last.end_col };
}

/* The bytes of a line, without its end. */
static const char *find_line(const Source *source, int line, int *length)
{
    const char *at = source->text, *end = at + source->length;
    for (; line > 1 && at < end; line--) {
        const char *next = memchr(at, '\n', (size_t) (end - at));
        at = next ? next + 1 : end;
    }
    const char *stop = memchr(at, '\n', (size_t) (end - at));
    *length = (int) ((stop ? stop : end) - at);
    while (*length && at[*length - 1] == '\r')
        --*length;
    return at;
}

Str place_line(Place p)
{
    if (!p.source)
        return intern("");
    int n;
    const char *at = find_line(p.source, p.line, &n);
    for (; n && (*at == ' ' || *at == '\t'); n--)
        at++;
    while (n && (at[n - 1] == ' ' || at[n - 1] == '\t'))
        n--;
    return intern_n(at, (size_t) n);
}

/* ---- taking reports ------------------------------------------------------------------------- */
static int number_of(const Source *source)
{
    PUSH_NEW(sources, source);
    return FIRST(k, sources.n, sources.at[k] == source);
}

static bool same_place(Place a, Place b)
{
    return a.source == b.source && a.line == b.line && a.col == b.col && a.end_line == b.end_line
        && a.end_col == b.end_col;
}

void report_nothing(void)
{
    latest = &dropped;
    dropped = (Report) { 0 };
}

void report(Place place, Diag which, ...)
{
    va_list args;
    va_start(args, which);
    vreport(place, which, args);
    va_end(args);
}

/* The same thing said twice of the same place is said once. */
void vreport(Place place, Diag which, va_list args)
{
    int error = rows[which].level == LEVEL_error;
    report_nothing();
    if (reports.n >= KEPT) {
        uncounted++;
        errors += error;
        return;
    }
    Report r = { .place = place, .which = which, .number = reports.n };
    r.file = number_of(place.source);
    r.text = format_v(rows[which].text, args);
    const char *help = strchr(rows[which].text, '\n') ? strchr(r.text, '\n') : NULL;
    if (help) {
        r.help = intern(help + 1);
        r.text = intern_n(r.text, (size_t) (help - r.text));
    }
    if (FIND_AT(old, reports,
                old->which == which && old->text == r.text && same_place(old->place, place)))
        return;
    PUSH(reports, r);
    latest = &reports.at[reports.n - 1];
    errors += error;
}

void diag_note(Place place, Str text)
{
    PUSH(latest->notes, ((Note) { place, text }));
}

void diag_help(Str text)
{
    latest->help = text;
}

int diag_errors(void)
{
    return errors;
}

void bug(const char *how, ...)
{
    va_list args;
    va_start(args, how);
    fputs("aec: a mistake in the compiler itself: ", stderr);
    vfprintf(stderr, how, args);
    fputs("\nPlease report it with the .ae file.\n", stderr);
    va_end(args);
    abort();
}

/* ---- near names ----------------------------------------------------------------------------- */
enum { LONGEST = 64 };

static int fewest(int a, int b)
{
    return a < b ? a : b;
}

/* Letters to change, add, drop or swap with their neighbour. */
static int distance(const char *a, const char *b)
{
    int m = (int) strlen(a), n = (int) strlen(b);
    int d[LONGEST + 1][LONGEST + 1];
    if (m > LONGEST || n > LONGEST)
        return LONGEST;
    for (int i = 0; i <= m; i++)
        for (int j = 0; j <= n; j++) {
            if (!i || !j) {
                d[i][j] = i + j;
                continue;
            }
            d[i][j] = fewest(fewest(d[i - 1][j], d[i][j - 1]) + 1,
                             d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = fewest(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[m][n];
}

Str nearest(Str word, const Str *names, int n)
{
    int length = (int) strlen(word), best = length < 3 ? 2 : length < 6 ? 2 : length / 3 + 1;
    Str found = NULL;
    for (int i = 0; i < n; i++) {
        int d = strcasecmp(word, names[i]) == 0 ? 0 : distance(word, names[i]);
        if (d < best && d < length && names[i] != word) {
            best = d;
            found = names[i];
        }
    }
    return found;
}

/* ---- printing for people -------------------------------------------------------------------- */
enum { WIDE = 120 };            /* of a line longer than this a part is shown */

typedef struct { const char *error, *warning, *quiet, *strong, *plain; } Colours;

static Colours colours_for(FILE *to)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    if ((no && *no) || !isatty(fileno(to)) || (term && strcmp(term, "dumb") == 0))
        return (Colours) { "", "", "", "", "" };
    return (Colours) { "\033[1;31m", "\033[1;33m", "\033[1;34m", "\033[1m", "\033[0m" };
}

/* The length of the UTF-8 sign at `at`; 0: it is none. */
static int sign_length(const char *at, int room)
{
    unsigned char c = (unsigned char) at[0];
    int n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (n > room)
        return 0;
    for (int i = 1; i < n; i++)
        if (((unsigned char) at[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && (unsigned char) at[1] < 0xa0) || (c == 0xf0 && (unsigned char) at[1] < 0x90)
        || (c == 0xed && (unsigned char) at[1] > 0x9f)
        || (c == 0xf4 && (unsigned char) at[1] > 0x8f))
        return 0;
    return n;
}

/* Whether a sign may go to a terminal as it is; C1 controls hide behind 0xc2. */
static bool is_clean(const char *at, int n)
{
    if (n == 1)
        return (unsigned char) *at >= ' ' && *at != 127;
    return n > 1 && !((unsigned char) at[0] == 0xc2 && (unsigned char) at[1] < 0xa0);
}

static void put_clean(FILE *to, const char *text, int length)
{
    for (int i = 0, n; i < length; i += n ? n : 1) {
        n = sign_length(text + i, length - i);
        if (text[i] == '\t' || is_clean(text + i, n))
            fwrite(text + i, 1, (size_t) n, to);
        else
            fputc('?', to);
    }
}

/* One mark below each sign, so that carets stand below what they mean; where the mark is a
 * blank, a tab below a tab. */
static void put_below(FILE *to, const char *text, int length, char mark)
{
    for (int i = 0, n; i < length; i += n ? n : 1) {
        n = sign_length(text + i, length - i);
        fputc(text[i] == '\t' && mark == ' ' ? '\t' : mark, to);
    }
}

/* A line with carets; of a very long one a part. */
static void print_place(FILE *to, Place p, int width, Colours c, const char *mark)
{
    if (!p.source)
        return;
    int n;
    const char *line = find_line(p.source, p.line, &n);
    const int from = fewest(p.col - 1, n), skip = from > WIDE - 40 && n > WIDE ? from - 40 : 0;
    const int shown = fewest(n - skip, WIDE);
    const int until = fewest(p.end_line > p.line ? n : p.end_col - 1, skip + shown);
    fprintf(to, "%s%*s-->%s ", c.quiet, width, "", c.plain);
    put_clean(to, p.source->name, (int) strlen(p.source->name));
    fprintf(to, ":%d:%d\n%s%*s |\n%*d |%s %s", p.line, p.col, c.quiet, width, "", width, p.line,
            c.plain, skip ? "... " : "");
    put_clean(to, line + skip, shown);
    fprintf(to, "%s\n%s%*s |%s %s", skip + shown < n ? " ..." : "", c.quiet, width, "", c.plain,
            skip ? "    " : "");
    put_below(to, line + skip, from - skip, ' ');
    fputs(mark, to);
    if (until > from)
        put_below(to, line + from, until - from, '^');
    else
        fputc('^', to);
    fprintf(to, "%s\n", c.plain);
}

static void print_text(FILE *to, const char *mark, const char *word, Str text, const Colours *c)
{
    fprintf(to, "%s%s:%s ", mark, word, c->plain);
    put_clean(to, text, (int) strlen(text));
    fprintf(to, "%s\n", c->plain);
}

static void print_report(FILE *to, const Report *r, Colours c)
{
    const char *const marks[] = { c.error, c.warning, c.strong };
    const char *mark = marks[rows[r->which].level];
    int last = r->place.line;
    EACH_AT(note, r->notes)
        last = note->place.line > last ? note->place.line : last;
    const int width = snprintf(NULL, 0, "%d", last);
    fprintf(to, "%s%s[%s]%s%s: ", mark, levels[rows[r->which].level], rows[r->which].code, c.plain,
            c.strong);
    put_clean(to, r->text, (int) strlen(r->text));
    fprintf(to, "%s\n", c.plain);
    print_place(to, r->place, width, c, mark);
    EACH_AT(note, r->notes) {
        print_text(to, c.strong, "note", note->text, &c);
        print_place(to, note->place, width, c, c.quiet);
    }
    if (r->help && r->place.source)
        fprintf(to, "%s%*s |%s\n", c.quiet, width, "", c.plain);
    if (r->help)
        print_text(to, c.strong, "help", r->help, &c);
    fputc('\n', to);
}

/* ---- printing for programs ------------------------------------------------------------------ */
static void json_text(FILE *to, const char *key, const char *text)
{
    fprintf(to, "\"%s\": %s", key, text ? "\"" : "null");
    for (int i = 0, n, length = text ? (int) strlen(text) : 0; i < length; i += n ? n : 1) {
        n = sign_length(text + i, length - i);
        const unsigned char c = (unsigned char) text[i];
        if (!n)
            fputs("\\ufffd", to);
        else if (c == '"' || c == '\\')
            fprintf(to, "\\%c", c);
        else if (c < ' ' || c == 127)
            fprintf(to, "\\u%04x", c);
        else
            fwrite(text + i, 1, (size_t) n, to);
    }
    fputs(text ? "\"" : "", to);
}

static void json_place(FILE *to, Place p, Str message)
{
    json_text(to, "file", p.source ? p.source->name : NULL);
    fprintf(to, ", \"line\": %d, \"column\": %d, ", p.line, p.col);
    fprintf(to, "\"end_line\": %d, \"end_column\": %d, ", p.end_line, p.end_col);
    json_text(to, "message", message);
}

static void json_report(FILE *to, const Report *r)
{
    fprintf(to, "  {\"code\": \"%s\", \"level\": \"%s\", ", rows[r->which].code,
            levels[rows[r->which].level]);
    json_place(to, r->place, r->text);
    fputs(", \"notes\": [", to);
    for (int k = 0; k < r->notes.n; k++) {
        fputs(k ? ", {" : "{", to);
        json_place(to, r->notes.at[k].place, r->notes.at[k].text);
        fputc('}', to);
    }
    fputs("], ", to);
    json_text(to, "help", r->help);
    fputc('}', to);
}

static int by_place(const void *left, const void *right)
{
    const Report *a = left, *b = right;
    return a->file != b->file ? a->file - b->file
        : a->place.line != b->place.line ? a->place.line - b->place.line
         : a->place.col != b->place.col ? a->place.col - b->place.col : a->number - b->number;
}

void diag_flush(FILE *to, bool json)
{
    if (reports.n)
        qsort(reports.at, (size_t) reports.n, sizeof *reports.at, by_place);
    Colours c = colours_for(to);
    if (json)
        fputs("[", to);
    for (int i = 0; i < reports.n; i++)
        if (json) {
            fputs(i ? ",\n" : "\n", to);
            json_report(to, &reports.at[i]);
        } else if (i < SHOWN)
            print_report(to, &reports.at[i], c);
    if (json)
        fputs(reports.n ? "\n]\n" : "]\n", to);
    if (!json && reports.n + uncounted > SHOWN)
        fprintf(to, "... and %d more\n", reports.n + uncounted - SHOWN);
    uncounted = 0;
    memset(&reports, 0, sizeof reports);
    memset(&sources, 0, sizeof sources);
    dropped = (Report) { 0 };
    latest = &dropped;
    errors = 0;
}
