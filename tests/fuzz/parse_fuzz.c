/* parse_fuzz.c -- the front end against damaged files, all in one process.
 *
 *     parse_fuzz ROUNDS FILE.ae...
 *
 * Round r damages one of the files in ways that depend on r alone, so a crash is repeated by its number
 * (printed with -v).  What parses without a mistake is formatted, must parse again, and must be formatted
 * to the same text.  Meant to run under -fsanitize=address,undefined. */
#define _GNU_SOURCE
#include "syntax.h"
#include "draw.h"
#include <dirent.h>
#include <stdlib.h>

typedef struct { char *at; size_t n; } Text;

static size_t below(size_t n)
{
    return n ? (size_t) (draw() % n) : 0;
}

static const char *const pieces[] = {
    "{", "}", "(", ")", "[", "]", "..", ":=", "+=", "==", "=", "~", ",", ":", "?", "-", "^", "*", "->", ".", "\"", "\n",
    "#", "## doc\n", " as h ", " where ", " else ", " and ", " not ", " exempt ", " grad ", " until ", " in ", " of ", " by ",
    " down ", " mirror ", "\nscan t ", "\nlayer foo ", "\nencoder ", "\ntrain ", "sweep(every = step) ", "1e-3", "0.6..1", "1.",
    ".5", "1e999", "2x", "x[n, i - 1 else 0]", "sum(i) ", "sum() ", "\t", "\r\n", ";", "'", "&&", "//", "\xe2\x88\x92", "\xff",
    "((((((((((((((((", "{{{{{{{{{{", "------------", "a?b:", "net f(x) { dense(3) }", "param w[k] = 1, ", "concat { {", "\x1b[31m",
};
enum { PIECES = sizeof pieces / sizeof *pieces, MOST = 1 << 16 };

static void splice(Text *t, size_t at, size_t gone, const char *text, size_t n)
{
    if (t->n - gone + n >= MOST)
        return;
    memmove(t->at + at + n, t->at + at + gone, t->n - at - gone);
    memcpy(t->at + at, text, n);
    t->n += n - gone;
}

static void damage(Text *t, const Text *other)
{
    static char copy[MOST];
    size_t at = below(t->n + 1), length = below(t->n - at + 1);
    if (draw() % 4)
        length = length > 40 ? below(40) : length;
    switch (draw() % 8) {
    case 0:
        splice(t, at, length, "", 0);
        break;
    case 1:
        if (at < t->n)
            t->at[at] = (char) draw();
        break;
    case 2:                                     /* a part once more, elsewhere */
        memcpy(copy, t->at + at, length);
        splice(t, below(t->n + 1), 0, copy, length);
        break;
    case 3: {                                   /* a part of another file */
        size_t from = below(other->n + 1), n = below(other->n - from + 1);
        splice(t, at, 0, other->at + from, n > 2000 ? 2000 : n);
        break;
    }
    case 4:                                     /* cut short */
        if (draw() % 8 == 0)
            t->n = at;
        break;
    default: {
        const char *piece = pieces[below(PIECES)];
        for (size_t k = draw() % 16 ? 1 : 1 + below(400); k > 0; k--)
            splice(t, at, 0, piece, strlen(piece));
    }
    }
}

/* Other blanks, broken lines and comments where blanks were: most of it still parses. */
static void loosen(Text *t)
{
    static const char *const blanks[] = { " ", "  ", "\n", "\n\n\n", "  # remark\n", "\n# remark\n", "\t", "\n## doc\n", "" };
    for (int tries = 0; tries < 40; tries++) {
        size_t at = below(t->n);
        if (at < t->n && (t->at[at] == ' ' || t->at[at] == '\n')) {
            const char *blank = blanks[below(sizeof blanks / sizeof *blanks)];
            splice(t, at, 1, blank, strlen(blank));
            return;
        }
    }
}

static Source *source_of(const char *text, size_t n)
{
    char *copy = alloc(n + 1);
    memcpy(copy, text, n);
    Source *s = NEW(Source);
    *s = (Source) { .name = intern("fuzz.ae"), .text = copy, .length = n };
    return s;
}

static void check_layout(const Source *source, bool library, uint64_t round)
{
    Buf once = { 0 }, twice = { 0 };
    format_file(&once, source);
    Source *again = source_of(once.at, once.n);
    parse(again, library);
    if (!diag_errors())
        format_file(&twice, again);
    if (diag_errors() || once.n != twice.n || memcmp(once.at, twice.at, once.n) != 0) {
        printf("round %llu: the layout does not stay as it is\n%.*s\n--- then\n%s\n", (unsigned long long) round,
               (int) source->length, source->text, diag_errors() ? once.at : twice.at);
        diag_flush(stdout, false);
        exit(1);
    }
}

static void print_all(const File *file)
{
    Buf b = { 0 };
    for (int i = 0; i < file->decls.n; i++) {
        syn_print(&b, file->decls.at[i]->value);
        for (int k = 0; k < file->decls.at[i]->body.n; k++) {
            const Stat *s = file->decls.at[i]->body.at[k];
            if (s->kind == STAT_assign)
                formula_print(&b, s);
            for (int q = 0; q < s->entries.n; q++)
                entry_print(&b, &s->entries.at[q]);
        }
    }
}

static int count_files(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

static Text read_file(const char *name)
{
    FILE *f = fopen(name, "rb");
    if (!f) {
        perror(name);
        exit(2);
    }
    Text t = { malloc(MOST), 0 };
    if (t.at)
        t.n = fread(t.at, 1, MOST / 2, f);
    fclose(f);
    return t;
}

int main(int argc, char **argv)
{
    bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
    argc -= verbose;
    argv += verbose;
    if (argc < 3) {
        fputs("usage: parse_fuzz [-v] ROUNDS FILE.ae...\n", stderr);
        return 2;
    }
    int files = argc - 2, clean = 0;
    Text *texts = calloc((size_t) files, sizeof *texts);
    for (int i = 0; texts && i < files; i++)
        texts[i] = read_file(argv[i + 2]);
    static char work[MOST];
    FILE *nowhere = fopen("/dev/null", "w");
    int open_before = count_files();
    uint64_t rounds = strtoull(argv[1], NULL, 10);
    for (uint64_t round = 0; texts && nowhere && round < rounds; round++) {
        counter = round * 0x2545f4914f6cdd1du;
        if (verbose)
            printf("round %llu\n", (unsigned long long) round), fflush(stdout);
        const Text *one = &texts[below((size_t) files)], *other = &texts[below((size_t) files)];
        size_t from = below(4) && round % 3 ? below(one->n) : 0, n = one->n - from;
        Text t = { work, n > 3000 && round % 3 && below(8) ? 3000 : n };
        memcpy(work, one->at + from, t.n);
        bool loose = round % 3 == 0;
        for (size_t k = 1 + below(4); k > 0; k--)
            if (loose)
                loosen(&t);
            else
                damage(&t, other);
        bool library = round & 1;
        Source *source = source_of(t.at, t.n);
        File *file = parse(source, library);
        int errors = diag_errors();
        print_all(file);
        diag_flush(nowhere, round & 2);
        if (!errors) {
            clean++;
            check_layout(source, library, round);
        }
        alloc_release();
    }
    printf("%llu rounds, %d of them without a mistake\n", (unsigned long long) rounds, clean);
    if (count_files() != open_before) {
        puts("a file was left open");
        return 1;
    }
    if (nowhere)
        fclose(nowhere);
    for (int i = 0; texts && i < files; i++)
        free(texts[i].at);
    free(texts);
    return 0;
}
