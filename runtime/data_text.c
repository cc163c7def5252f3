/* data_text.c -- text(files.., by = word, rows = line, min_count = 1): words or letters as whole
 * numbers, and pairs(files.., by = word, min_count = 1): sentences side by side.
 *
 * by:   word (runs of letters, in lower case), space (whatever stands between spaces, as it is), char (bytes)
 * rows: line (a row a line, which ends with the number 2), piece (the text
 * cut after every t words),
 *       window (a row for every word: it in the middle and what stands around it in its line; 0 where nothing does)
 *
 * 0 is none, 1 and 2 begin and end a line, 3 is a word that is not known; the words follow from 4
 * by falling count, then in sorted order. What the training text has fewer than min_count times,
 * or beyond the size of the vocabulary, is not known: a window leaves it out as if it were not
 * there. An input that is a vector(d) gets, for every line, how often each of the d most frequent
 * words stands in it. The words are kept with the weights. */
#include "runtime.h"
#include <ctype.h>

enum { BY_word, BY_space, BY_char };
enum { ROWS_line, ROWS_piece, ROWS_window };
static const char *const by_names[] = { "word", "space", "char" }, *const rows_names[] = { "line", "piece", "window" };

typedef struct { const char *at; size_t n; long count; int32_t number; } Word;
typedef struct {
    Word *word; long n, room;
    long *slot; size_t nslots;      /* open addressing: index + 1 into word; 0: free */
} Words;
typedef struct { long *word; long n, room; } Tokens;      /* indices into Words; -1 ends a line */

/* ---- a table of words ----------------------------------------------------------------------- */
static size_t slot_of(const Words *w, const char *at, size_t n)
{
    uint64_t h = 14695981039346656037u;
    for (size_t k = 0; k < n; k++)
        h = (h ^ (uint8_t) at[k]) * 1099511628211u;
    size_t s = h % w->nslots;
    while (w->slot[s]) {
        const Word *const had = &w->word[w->slot[s] - 1];
        if (had->n == n && memcmp(had->at, at, n) == 0)
            break;
        s = (s + 1) % w->nslots;
    }
    return s;
}

static void grow(Words *w)
{
    w->room = w->room ? 2 * w->room : 4096;
    if (!(w->word = realloc(w->word, (size_t) w->room * sizeof *w->word)))
        fail("no memory for %ld words", w->room);
    free(w->slot);
    w->nslots = (size_t) w->room * 2 + 1;
    w->slot = need(w->nslots, sizeof *w->slot);
    for (long k = 0; k < w->n; k++)
        w->slot[slot_of(w, w->word[k].at, w->word[k].n)] = k + 1;
}

static long word_index(Words *w, const char *at, size_t n)
{
    if (w->n == w->room)
        grow(w);
    const size_t s = slot_of(w, at, n);
    if (!w->slot[s]) {
        w->word[w->n] = (Word) { at, n, 0, WORD_UNKNOWN };
        w->slot[s] = ++w->n;
    }
    return w->slot[s] - 1;
}

static long word_find(const Words *w, const char *at, size_t n)
{
    return w->n ? w->slot[slot_of(w, at, n)] - 1 : -1;
}

/* ---- from bytes to words -------------------------------------------------------------------- */
static bool is_letter(uint8_t c) { return isalpha(c) || c >= 0x80; }

/* The length of the word at p, at most `left`; 0: none begins here. */
static size_t word_length(const char *p, size_t left, int by)
{
    size_t n = 0;
    if (by == BY_char)
        return 1;
    if (by == BY_word)
        while (n < left && is_letter((uint8_t) p[n]))
            n++;
    else
        while (n < left && !isspace((uint8_t) p[n]))
            n++;
    return n;
}

/* The bytes of a text file, kept: words point into it. */
static char *read_bytes(const char *path, int by, size_t *n)
{
    char *const bytes = in_all(path, n);
    if (memchr(bytes, 0, *n))
        fail("%s: has a 0 byte; is this a text file?", path);
    for (char *p = bytes; by == BY_word && p < bytes + *n; p++)
        *p = (char) ((uint8_t) *p < 0x80 ? tolower((uint8_t) *p) : *p);
    return bytes;
}

/* The words of a text, each line ended. */
static void take_words(const char *path, const char *bytes, size_t n, int by, Words *w, Tokens *t)
{
    const char *const end = bytes + n;
    if ((size_t) t->n + n + 2 > (size_t) t->room) {
        t->room = 2 * (t->n + (long) n) + 2;
        if (!(t->word = realloc(t->word, (size_t) t->room * sizeof *t->word)))
            fail("%s: no memory for its words", path);
    }
    for (const char *p = bytes; p < end; ) {
        const size_t length = *p == '\n' || *p == '\r' ? 0 : word_length(p, (size_t) (end - p), by);
        if (length) {
            const long k = word_index(w, p, length);
            w->word[k].count++;
            t->word[t->n++] = k;
            p += length;
        } else if (*p++ == '\n')
            t->word[t->n++] = -1;
    }
    t->word[t->n++] = -1;
}

/* ---- numbers of words ----------------------------------------------------------------------- */
static int by_count(const void *a, const void *b)
{
    const Word *const x = *(const Word *const *) a, *const y = *(const Word *const *) b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    const int c = memcmp(x->at, y->at, x->n < y->n ? x->n : y->n);
    return c ? c : x->n < y->n ? -1 : x->n > y->n;
}

static void learn_words(const Words *w, Learnt *l, long most, long min_count, const char *path)
{
    static char *const special[] = { "<none>", "<start>", "<finish>", "<unknown>" };
    const Word **const sorted = need((size_t) w->n + 1, sizeof *sorted);
    for (long k = 0; k < w->n; k++)
        sorted[k] = &w->word[k];
    qsort(sorted, (size_t) w->n, sizeof *sorted, by_count);
    if (most < WORD_FIRST)
        fail("a vocabulary has at least %d numbers, for none, start, finish and unknown; the model's has %ld", WORD_FIRST, most);
    l->classes = need((size_t) most, sizeof *l->classes);
    for (int k = 0; k < WORD_FIRST; k++)
        l->classes[l->nclasses++] = special[k];
    for (long k = 0; k < w->n && l->nclasses < most && sorted[k]->count >= min_count; k++)
        l->classes[l->nclasses++] = form("%.*s", (int) sorted[k]->n, sorted[k]->at);
    if (l->nclasses == WORD_FIRST && min_count > 1)
        fail("%s: no word stands in it %ld times", path, min_count);
    if (l->nclasses == WORD_FIRST)
        fail("%s: there are no words in it%s", path,
             w->n ? ", or no room for them in the vocabulary" : "");
    free(sorted);
}

static void number_words(Words *w, const Learnt *l)
{
    for (int k = WORD_FIRST; k < l->nclasses; k++) {
        const long at = word_find(w, l->classes[k], strlen(l->classes[k]));
        if (at >= 0)
            w->word[at].number = k;
    }
}

/* ---- rows ----------------------------------------------------------------------------------- */
/* empty: a line of no words is a row too */
typedef struct { int input; int32_t *at; long n, steps; Split *s; bool empty; } Rows;

/* Row r of tokens, or counts: the next word of it. */
static void put(Rows *rows, long row, long place, int32_t number)
{
    if (rows->at)
        rows->at[row * rows->steps + place] = number;
    else if (number >= WORD_FIRST && number - WORD_FIRST < rows->steps)
        rows->s->column[rows->input].real[row * rows->steps + number - WORD_FIRST] += 1;
}

/* How many rows a line of n known or unknown words makes. */
static long make_line(Rows *rows, const int32_t *line, long n, bool write)
{
    if (!n && !rows->empty)
        return 0;
    for (long k = 0; k < n && write; k++)
        if (k < rows->steps || !rows->at)
            put(rows, rows->n, k, line[k]);
    if (write && rows->at && n < rows->steps)
        put(rows, rows->n, n, WORD_FINISH);
    if (write && rows->s->column[rows->input].length)
        rows->s->column[rows->input].length[rows->n] = (int32_t) (n < rows->steps ? n + 1 : rows->steps);
    return 1;
}

static long make_windows(Rows *rows, const int32_t *line, long n, bool write)
{
    const long middle = rows->steps / 2;
    for (long k = 0; k < n && write; k++)
        for (long t = 0; t < rows->steps; t++) {
            const long from = k + t - middle;
            put(rows, rows->n + k, t, from >= 0 && from < n ? line[from] : WORD_NONE);
        }
    return n;
}

static long make_pieces(Rows *rows, const int32_t *line, long n, bool write)
{
    const long pieces = n / rows->steps;
    for (long k = 0; k < pieces * rows->steps && write; k++)
        put(rows, rows->n + k / rows->steps, k % rows->steps, line[k]);
    return pieces;
}

/* Goes through the lines; `write` the second time, when there is room for the rows. */
static void make_rows(Rows *rows, const Words *w, const Tokens *t, int kind, bool write)
{
    int32_t *const line = need((size_t) t->n + 1, sizeof *line);
    long n = 0;
    for (long k = 0; k < t->n; k++) {
        if (t->word[k] >= 0) {
            const int32_t number = w->word[t->word[k]].number;
            if (number != WORD_UNKNOWN || kind != ROWS_window)
                line[n++] = number;
        }
        if (kind == ROWS_piece ? k + 1 < t->n : t->word[k] >= 0)
            continue;
        rows->n += kind == ROWS_line ? make_line(rows, line, n, write) : kind == ROWS_window ? make_windows(rows, line, n, write)
                 : make_pieces(rows, line, n, write);
        n = 0;
    }
    free(line);
}

/* ---- the source ----------------------------------------------------------------------------- */
static int word_setting(const Source *source, const char *key, const char *const *names, int n)
{
    const AeSetting *const s = setting_find(source->args, source->nargs, key);
    for (int k = 0; k < n && s; k++)
        if (s->text && strcmp(s->text, names[k]) == 0)
            return k;
    if (s)
        fail("%s: %s is %s, %s or %s", source->kind, key, names[0], names[1], names[2]);
    return 0;
}

/* Numbers the words, as the training text does, and makes the rows of an input of them. */
static void put_words(const Source *source, Rows *rows, Words *w, const Tokens *t, int kind,
                      long vocabulary)
{
    const AeInput *const in = &ae_model.inputs[rows->input];
    Learnt *const l = &learnt[rows->input];
    if (!l->nclasses)
        learn_words(w, l, vocabulary,
                    (long) setting_number(source->args, source->nargs, "min_count", 1),
                    source->file[0]);
    number_words(w, l);
    make_rows(rows, w, t, kind, false);
    if (!rows->n)
        fail("%s: there is no row in it", source->file[0]);
    Column *const c = column_new(rows->s, rows->input, rows->n);
    if (in->length && kind == ROWS_line)
        c->length = need((size_t) rows->n, sizeof *c->length);
    rows->at = c->whole;
    rows->n = 0;
    make_rows(rows, w, t, kind, true);
    free(w->word);
    free(w->slot);
    free(t->word);
}

static void check_arguments(const Source *source, const char *const *known, int n, const char *are)
{
    for (int k = 0; k < source->nargs; k++) {
        int q = 0;
        while (q < n && strcmp(source->args[k].key, known[q]) != 0)
            q++;
        if (q == n)
            fail("%s has no argument %s; %s", source->kind, source->args[k].key, are);
    }
    if (!source->nfiles)
        fail("%s names no file", source->kind);
}

void read_text(const Source *source, Split *s)
{
    check_arguments(source, (const char *const[]) { "by", "rows", "min_count" }, 3,
                    "by, rows and min_count are known");
    const int by = word_setting(source, "by", by_names, 3);
    const int kind = word_setting(source, "rows", rows_names, 3);
    Rows rows = { .input = input_find(false, 0), .s = s };
    const AeInput *const in = rows.input >= 0 ? &ae_model.inputs[rows.input] : NULL;
    const bool counts = in && strcmp(in->kind, "vector") == 0;
    if (!in || (!counts && strcmp(in->kind, "tokens") != 0) || (counts && kind != ROWS_line))
        fail("text gives tokens(t, vocab), or counts of words by line as vector(d); the model's input is %s", in ? in->kind : "none");
    rows.steps = input_width(rows.input);
    if (kind == ROWS_window && rows.steps % 2 == 0)
        fail("text: a window has its word in the middle, so its length is odd, not %ld",
             rows.steps);
    Words w = { 0 };
    Tokens t = { 0 };
    for (int k = 0; k < source->nfiles; k++) {
        size_t n;
        const char *const bytes = read_bytes(source->file[k], by, &n);
        take_words(source->file[k], bytes, n, by, &w, &t);
    }
    put_words(source, &rows, &w, &t, kind, counts ? rows.steps + WORD_FIRST : in->classes);
}

/* ---- pairs("file", by = word, min_count = 1): two sentences a line, a tab between them ------ */
enum { SIDES = 2 };

/* Both sides of a line; the row is told in messages as an editor counts it. */
static void take_pair(const char *path, const char *line, size_t n, long row, int by, Words *w,
                      Tokens *t)
{
    const char *const tab = memchr(line, '\t', n);
    const size_t first = tab ? (size_t) (tab - line) : n, second = tab ? n - first - 1 : 0;
    if (!tab)
        fail("%s: line %ld has no tab; a pair is two sentences with a tab between them", path,
             row);
    if (memchr(tab + 1, '\t', second))
        fail("%s: line %ld has more than one tab; `cut -f 1,2` keeps the first two parts of each line", path, row);
    if (!first || !second)
        fail("%s: line %ld has nothing %s its tab", path, row, first ? "behind" : "before");
    take_words(path, line, first, by, &w[0], &t[0]);
    take_words(path, tab + 1, second, by, &w[1], &t[1]);
}

void read_pairs(const Source *source, Split *s)
{
    check_arguments(source, (const char *const[]) { "by", "min_count" }, 2,
                    "by and min_count are known");
    const int by = word_setting(source, "by", by_names, 3);
    const int side[SIDES] = { input_find(false, 0), input_find(true, 0) };
    for (int k = 0; k < SIDES; k++)
        if (side[k] < 0 || strcmp(ae_model.inputs[side[k]].kind, "tokens") != 0)
            fail("pairs gives two sentences: it needs `input x : tokens(t, vocab)` and `label y : tokens(t, vocab)`");
    Words w[SIDES] = { 0 };
    Tokens t[SIDES] = { 0 };
    for (int k = 0; k < source->nfiles; k++) {
        size_t n;
        const char *const bytes = read_bytes(source->file[k], by, &n), *const end = bytes + n;
        long row = 1;
        for (const char *p = bytes, *next; p < end; p = next + 1, row++) {
            if (!(next = memchr(p, '\n', (size_t) (end - p))))
                next = end;
            const size_t length = (size_t) (next - p) - (next > p && next[-1] == '\r');
            if (length)
                take_pair(source->file[k], p, length, row, by, w, t);
        }
    }
    if (!t[0].n)
        fail("%s: there are no pairs in it", source->file[0]);
    for (int k = 0; k < SIDES; k++) {
        Rows rows = { .input = side[k], .s = s, .steps = input_width(side[k]), .empty = true };
        put_words(source, &rows, &w[k], &t[k], ROWS_line, ae_model.inputs[side[k]].classes);
    }
}
