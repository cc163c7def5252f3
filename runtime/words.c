/* words.c -- nearest, analogy, similarity: what the vectors of words say of them.
 *
 * The vectors are a parameter with a row for each word of an input that text() gave: the
 * first such, or --name. */
#include "runtime.h"

typedef struct { const AeArray *vectors; char **word; int n, dim; double *unit; } Lexicon;     /* unit: [n][dim], of length 1 */

static Lexicon lexicon(void)
{
    weights_start(false);
    Lexicon l = { 0 };
    bool named = false;
    for (int i = 0; i < ae_model.ninputs && !l.vectors; i++) {
        const AeInput *const in = &ae_model.inputs[i];
        if (strcmp(in->kind, "tokens") != 0 || !learnt[i].nclasses)
            continue;
        named = true;
        for (int k = 0; k < ae_model.nparam && !l.vectors; k++) {
            const AeArray *const a = &ae_model.param[k];
            if (a->rank == 2 && a->shape[0] == in->classes && (!opt.name || strcmp(opt.name, a->name) == 0))
                l = (Lexicon) { .vectors = a, .word = learnt[i].classes, .n = learnt[i].nclasses, .dim = a->shape[1] };
        }
    }
    if (!named)
        fail("the weights have no words with them: no input comes from text()");
    if (!l.vectors)
        fail(opt.name ? "no parameter %s has a row for each word"
                      : "no parameter has a row for each word",
             opt.name);
    l.unit = need((size_t) l.n * (size_t) l.dim, sizeof *l.unit);
    for (int k = 0; k < l.n; k++) {
        double *const u = l.unit + (long) k * l.dim, square = 0;
        for (int j = 0; j < l.dim; j++) {
            u[j] = real_at(l.vectors, (long) k * l.dim + j);
            square += u[j] * u[j];
        }
        for (int j = 0; j < l.dim && square > 0; j++)
            u[j] /= sqrt(square);
    }
    return l;
}

static int word_at(const Lexicon *l, const char *word)
{
    for (int k = WORD_FIRST; k < l->n; k++)
        if (strcmp(l->word[k], word) == 0)
            return k;
    return -1;
}

static int known_word(const Lexicon *l, const char *word)
{
    const int k = word_at(l, word);
    const int like = k < 0 ? nearest(word, (const char *const *) l->word, l->n) : -1;
    if (k < 0)
        fail("the text has no word %s, or not often enough%s%s%s", word,
             like >= WORD_FIRST ? "; did you mean " : "", like >= WORD_FIRST ? l->word[like] : "",
             like >= WORD_FIRST ? "?" : "");
    return k;
}

static double cosine(const Lexicon *l, const double *a, int k)
{
    double dot = 0;
    for (int j = 0; j < l->dim; j++)
        dot += a[j] * l->unit[(long) k * l->dim + j];
    return dot;
}

/* The words whose vectors lie in the direction of `to`, but for those given. */
static void print_nearest(const Lexicon *l, double *to, const int *given, int ngiven)
{
    double square = 0;
    for (int j = 0; j < l->dim; j++)
        square += to[j] * to[j];
    double *const near = need((size_t) l->n, sizeof *near);
    for (int k = WORD_FIRST; k < l->n; k++)
        near[k] = square > 0 ? cosine(l, to, k) / sqrt(square) : 0;
    for (int k = 0; k < ngiven; k++)
        near[given[k]] = -INFINITY;
    const long most = opt.n ? opt.n : 10;
    for (long r = 0; r < most; r++) {
        int best = WORD_FIRST;
        for (int k = WORD_FIRST; k < l->n; k++)
            if (near[k] > near[best])
                best = k;
        if (best >= l->n || near[best] == -INFINITY)
            break;
        printf("%-20s %8.4f\n", l->word[best], near[best]);
        near[best] = -INFINITY;
    }
    free(near);
}

void command_nearest(void)
{
    const Lexicon l = lexicon();
    const int k = known_word(&l, opt.args[0]);
    print_nearest(&l, l.unit + (long) k * l.dim, &k, 1);
}

/* A is to B as C is to what lies at B - A + C, of vectors of length 1. */
void command_analogy(void)
{
    const Lexicon l = lexicon();
    int given[3];
    double *const to = need((size_t) l.dim, sizeof *to);
    for (int k = 0; k < 3; k++) {
        given[k] = known_word(&l, opt.args[k]);
        for (int j = 0; j < l.dim; j++)
            to[j] += (k == 0 ? -1 : 1) * l.unit[(long) given[k] * l.dim + j];
    }
    print_nearest(&l, to, given, 3);
}

/* ---- what people say of pairs of words ------------------------------------------------------ */
/* A line: two words and a number, with tabs between; lines that begin with #
 * say something else. */
void command_similarity(void)
{
    const Lexicon l = lexicon();
    size_t n;
    char *at = in_all(opt.args[0], &n);
    double *const said = need(n + 1, sizeof *said), *const ours = need(n + 1, sizeof *ours);
    long pairs = 0, known = 0, line = 0;
    for (char *row; (row = strsep(&at, "\n")); ) {
        line++;
        row[strcspn(row, "\r")] = 0;
        if (!*row || *row == '#')
            continue;
        for (char *p = row; *p; p++)
            *p = (char) (*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
        const char *const a = strsep(&row, "\t"), *const b = row ? strsep(&row, "\t") : NULL;
        const char *const v = row ? strsep(&row, "\t") : NULL;
        if (!v || !parse_number(v, &said[known])) {
            if (pairs == 0 && line <= 2)        /* the names of the columns */
                continue;
            fail("%s:%ld: two words and a number stand in a line, with tabs between them",
                 opt.args[0], line);
        }
        pairs++;
        const int x = word_at(&l, a), y = word_at(&l, b);
        if (x >= 0 && y >= 0)
            ours[known++] = cosine(&l, l.unit + (long) x * l.dim, y);
    }
    if (known < 3)
        fail("%s: of %ld pairs the vectors know %ld", opt.args[0], pairs, known);
    const double pearson = correlation(said, ours, known);
    const double spearman = rank_correlation(said, ours, known);
    if (opt.json)
        printf("{\"pairs\": %ld, \"known\": %ld, \"pearson\": %.9g, \"spearman\": %.9g}\n", pairs,
               known, pearson, spearman);
    else
        printf("pairs      %ld\nknown      %ld\npearson    %.4f\nspearman   %.4f\n", pairs, known,
               pearson, spearman);
}
