/* wrap.c -- long lines of the emitted functions, broken where they bind least. */
#include "emit.h"

enum { WIDTH = 104, LEAST = 40 };

static bool breaks_before(const char *c)
{
    static const char *const ops[] = { " + ", " - ", " * ", " / ", " ? ", " : ", " && ", " || " };
    EACH_ROW(op, ops)
        if (!strncmp(c, *op, strlen(*op)))
            return true;
    return c[0] == ' ' && c[-1] == ',';
}

/* The space to break at: of the shallowest, the last; those of a sum before those of a product.
 * NULL: there is none. */
static const char *best_break(const char *line, size_t start, size_t n)
{
    const char *best = NULL;
    int depth = 0, least = 1 << 20;
    for (size_t k = 0; k < n && k < WIDTH; k++) {
        const char c = line[k];
        depth += (c == '(' || c == '[' || c == '{') - (c == ')' || c == ']' || c == '}');
        if (c != ' ' || k < start + LEAST || !breaks_before(line + k))
            continue;
        const int cost = 2 * depth + (line[k + 1] == '*' || line[k + 1] == '/');
        if (cost <= least) {
            least = cost;
            best = line + k;
        }
    }
    return best;
}

static void wrap_line(Buf *out, const char *line, size_t n, size_t depth)
{
    while (n > WIDTH) {
        const char *at = best_break(line, depth, n);
        if (!at)
            break;
        buf_put(out, line, (size_t) (at - line));
        buf_add(out, "\n");
        n -= (size_t) (at + 1 - line);
        line = at + 1;
        for (size_t k = 0; k < depth + 8; k++)
            buf_add(out, " ");
    }
    buf_put(out, line, n);
}

void wrap(Buf *out, const char *text)
{
    while (*text) {
        const size_t n = strcspn(text, "\n"), depth = strspn(text, " ");
        if (text[depth] == '#' || strchr(text, '"') == text + depth)
            buf_put(out, text, n);
        else
            wrap_line(out, text, n, depth);
        buf_add(out, "\n");
        text += n + (text[n] == '\n');
    }
}

/* A comment's words from column to column, and on with the next line's. */
void wrap_words(Buf *b, Str words, size_t line, size_t column)
{
    const char *at = words;
    while (*at) {
        size_t n = strlen(at);
        if (b->n - line + n > WIDTH) {
            n = WIDTH > b->n - line + 20 ? WIDTH - (b->n - line) : 20;
            while (n > 1 && at[n] && at[n] != ' ')
                n--;
            if (n <= 1)
                n = strcspn(at + 1, " ") + 1;
        }
        buf_put(b, at, n < strlen(at) ? n : strlen(at));
        at += n < strlen(at) ? n : strlen(at);
        if (!*at)
            return;
        at += *at == ' ';
        buf_add(b, "\n *");
        line = b->n - 2;
        while (b->n - line < column + 4)
            buf_add(b, " ");
    }
}
