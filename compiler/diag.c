/* diag.c -- keeps the user's mistakes and prints them: for people, or as JSON.
 *
 * report() takes a place and a row of diag.def; report_label, report_note and report_help add to the
 * last report.  Nothing is printed before diag_flush, which puts all in the order of the file.  Text of
 * the user's reaches a terminal only through put_clean, and JSON only through json_text. */
#define _GNU_SOURCE
#include "base.h"
#include <stdlib.h>
#include <unistd.h>

enum { LEVEL_error, LEVEL_warning };

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
    Str text, label, help;
    VEC(Note) notes;
} Report;

enum { KEPT = 1000, SHOWN = 50 };   /* more are only counted */

static VEC(Report) reports;
static int uncounted;               /* reports beyond KEPT */
static VEC(const Source *) sources;
static int errors;
static Report dropped;          /* takes what is added to a report that was made before */
static Report *latest = &dropped;

/* ---- places ------------------------------------------------------------------------------------ */
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

/* ---- taking reports ---------------------------------------------------------------------------- */
static int number_of(const Source *source)
{
    for (int i = 0; i < sources.n; i++)
        if (sources.at[i] == source)
            return i;
    PUSH(sources, source);
    return sources.n - 1;
}

static Str format_list(const char *how, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, how, args) < 0)
        bug("no memory for a message");
    Str made = intern(text);
    free(text);
    return made;
}

static bool same_place(Place a, Place b)
{
    return a.source == b.source && a.line == b.line && a.col == b.col && a.end_line == b.end_line && a.end_col == b.end_col;
}

/* The same thing said twice of the same place is said once. */
void report(Place place, Diag which, ...)
{
    va_list args;
    int error = rows[which].level == LEVEL_error;
    latest = &dropped;
    dropped = (Report) { 0 };
    if (reports.n >= KEPT) {
        uncounted++;
        errors += error;
        return;
    }
    va_start(args, which);
    Report r = { .place = place, .which = which, .file = number_of(place.source), .number = reports.n };
    r.text = format_list(rows[which].text, args);
    va_end(args);
    for (int i = 0; i < reports.n; i++) {
        Report *old = &reports.at[i];
        if (old->which == which && old->text == r.text && same_place(old->place, place))
            return;
    }
    PUSH(reports, r);
    latest = &reports.at[reports.n - 1];
    errors += error;
}

void report_label(const char *how, ...)
{
    va_list args;
    va_start(args, how);
    latest->label = format_list(how, args);
    va_end(args);
}

void report_note(Place place, const char *how, ...)
{
    va_list args;
    va_start(args, how);
    Note note = { place, format_list(how, args) };
    va_end(args);
    PUSH(latest->notes, note);
}

void report_help(const char *how, ...)
{
    va_list args;
    va_start(args, how);
    latest->help = format_list(how, args);
    va_end(args);
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

/* ---- near names -------------------------------------------------------------------------------- */
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
            d[i][j] = fewest(fewest(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
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

/* ---- printing for people ------------------------------------------------------------------------- */
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
    int n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
    if (n > room)
        return 0;
    for (int i = 1; i < n; i++)
        if (((unsigned char) at[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && (unsigned char) at[1] < 0xa0) || (c == 0xf0 && (unsigned char) at[1] < 0x90)
        || (c == 0xed && (unsigned char) at[1] > 0x9f) || (c == 0xf4 && (unsigned char) at[1] > 0x8f))
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
    for (int i = 0; i < length;) {
        int n = sign_length(text + i, length - i);
        if (text[i] == '\t' || is_clean(text + i, n))
            fwrite(text + i, 1, (size_t) n, to);
        else
            fputc('?', to);
        i += n ? n : 1;
    }
}

/* One blank for each sign, a tab for a tab, so that the carets stand below what they mean. */
static void put_gap(FILE *to, const char *text, int length)
{
    for (int i = 0; i < length;) {
        int n = sign_length(text + i, length - i);
        fputc(text[i] == '\t' ? '\t' : ' ', to);
        i += n ? n : 1;
    }
}

static int count_signs(const char *text, int length)
{
    int count = 0;
    for (int i = 0; i < length; count++) {
        int n = sign_length(text + i, length - i);
        i += n ? n : 1;
    }
    return count;
}

static int digits_of(int n)
{
    return snprintf(NULL, 0, "%d", n);
}

static void print_place(FILE *to, Place p, Str label, int width, Colours c, const char *mark)
{
    if (!p.source)
        return;
    fprintf(to, "%s%*s-->%s ", c.quiet, width, "", c.plain);
    put_clean(to, p.source->name, (int) strlen(p.source->name));
    fprintf(to, ":%d:%d\n", p.line, p.col);
    int n;
    const char *line = find_line(p.source, p.line, &n);
    int from = fewest(p.col - 1, n), until = p.end_line > p.line ? n : fewest(p.end_col - 1, n);
    int skip = from > WIDE - 40 && n > WIDE ? from - 40 : 0, shown = fewest(n - skip, WIDE);
    if (until > skip + shown)
        until = skip + shown;
    fprintf(to, "%s%*s |\n%*d |%s ", c.quiet, width, "", width, p.line, c.plain);
    if (skip)
        fputs("... ", to);
    put_clean(to, line + skip, shown);
    fprintf(to, "%s\n%s%*s |%s ", skip + shown < n ? " ..." : "", c.quiet, width, "", c.plain);
    if (skip)
        fputs("    ", to);
    put_gap(to, line + skip, from - skip);
    fputs(mark, to);
    for (int i = 0, signs = until > from ? count_signs(line + from, until - from) : 1; i < signs; i++)
        fputc('^', to);
    if (label)
        fprintf(to, " %s", label);
    fprintf(to, "%s\n", c.plain);
}

static void print_report(FILE *to, const Report *r, Colours c)
{
    bool warning = rows[r->which].level == LEVEL_warning;
    const char *mark = warning ? c.warning : c.error;
    int width = digits_of(r->place.line);
    for (int i = 0; i < r->notes.n; i++)
        if (r->notes.at[i].place.source && digits_of(r->notes.at[i].place.line) > width)
            width = digits_of(r->notes.at[i].place.line);
    fprintf(to, "%s%s[%s]%s%s: ", mark, warning ? "warning" : "error", rows[r->which].code, c.plain, c.strong);
    put_clean(to, r->text, (int) strlen(r->text));
    fprintf(to, "%s\n", c.plain);
    print_place(to, r->place, r->label, width, c, mark);
    for (int i = 0; i < r->notes.n; i++) {
        fprintf(to, "%snote:%s ", c.strong, c.plain);
        put_clean(to, r->notes.at[i].text, (int) strlen(r->notes.at[i].text));
        fputc('\n', to);
        print_place(to, r->notes.at[i].place, NULL, width, c, c.quiet);
    }
    if (r->help) {
        if (r->place.source)
            fprintf(to, "%s%*s |%s\n", c.quiet, width, "", c.plain);
        fprintf(to, "%shelp:%s ", c.strong, c.plain);
        put_clean(to, r->help, (int) strlen(r->help));
        fputc('\n', to);
    }
    fputc('\n', to);
}

/* ---- printing for programs ----------------------------------------------------------------------- */
static void json_text(FILE *to, const char *text)
{
    int length = (int) strlen(text);
    fputc('"', to);
    for (int i = 0; i < length;) {
        int n = sign_length(text + i, length - i);
        unsigned char c = (unsigned char) text[i];
        if (!n)
            fputs("\\ufffd", to);
        else if (c == '"' || c == '\\')
            fprintf(to, "\\%c", c);
        else if (c < ' ' || c == 127)
            fprintf(to, "\\u%04x", c);
        else
            fwrite(text + i, 1, (size_t) n, to);
        i += n ? n : 1;
    }
    fputc('"', to);
}

static void json_place(FILE *to, Place p)
{
    fputs("\"file\": ", to);
    if (p.source)
        json_text(to, p.source->name);
    else
        fputs("null", to);
    fprintf(to, ", \"line\": %d, \"column\": %d, \"end_line\": %d, \"end_column\": %d", p.line, p.col, p.end_line, p.end_col);
}

static void json_report(FILE *to, const Report *r)
{
    fprintf(to, "  {\"code\": \"%s\", \"level\": \"%s\", ", rows[r->which].code,
            rows[r->which].level == LEVEL_warning ? "warning" : "error");
    json_place(to, r->place);
    fputs(", \"message\": ", to);
    json_text(to, r->text);
    fputs(", \"notes\": [", to);
    for (int i = 0; i < r->notes.n; i++) {
        fputs(i ? ", {" : "{", to);
        json_place(to, r->notes.at[i].place);
        fputs(", \"message\": ", to);
        json_text(to, r->notes.at[i].text);
        fputc('}', to);
    }
    fputs("], \"help\": ", to);
    if (r->help)
        json_text(to, r->help);
    else
        fputs("null", to);
    fputc('}', to);
}

static int by_place(const void *left, const void *right)
{
    const Report *a = left, *b = right;
    if (a->file != b->file)
        return a->file - b->file;
    if (a->place.line != b->place.line)
        return a->place.line < b->place.line ? -1 : 1;
    if (a->place.col != b->place.col)
        return a->place.col < b->place.col ? -1 : 1;
    return a->number - b->number;
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
