/* data_csv.c -- csv(file, target = ..., columns = [..]): a header, then a row a line.
 *
 * Targets fill the labels in the order the model declares them; the columns named, or all that are
 * left, fill the inputs. A class, and what fills tokens, may be text: words are then numbered in
 * sorted order, those of all columns of an input together, and kept with the weights. An empty
 * target is a row without that label. */
#include "runtime.h"

/* cells point into the file's bytes */
typedef struct { char **cell; int n, room; long line; } Row;
typedef struct { const char *path; char *p, *end; long line; char separator; } Csv;

/* ---- one row at a time ---------------------------------------------------------------------- */
static void put_cell(Row *row, char *cell)
{
    if (row->n == row->room) {
        row->room = 2 * row->room + 16;
        if (!(row->cell = realloc(row->cell, (size_t) row->room * sizeof *row->cell)))
            fail("no memory for %d columns", row->room);
    }
    row->cell[row->n++] = cell;
}

static char *quoted(Csv *c, Row *row)       /* "a ""b"" c" loses its quotes in place */
{
    char *const cell = ++c->p, *to = cell;
    for (;; c->p++) {
        if (c->p >= c->end)
            fail("%s:%ld: a quoted cell does not end", c->path, row->line);
        if (*c->p == '"' && *++c->p != '"')
            break;
        c->line += *c->p == '\n';
        *to++ = *c->p;
    }
    if (c->p < c->end && *c->p != c->separator && *c->p != '\n' && *c->p != '\r')
        fail("%s:%ld: column %d goes on after its closing quote", c->path, c->line, row->n + 1);
    if (to < c->p)
        *to = 0;
    return cell;
}

static bool next_row(Csv *c, Row *row)
{
    while (c->p < c->end && (*c->p == '\n' || *c->p == '\r'))       /* empty lines */
        c->line += *c->p++ == '\n';
    row->n = 0;
    row->line = c->line;
    if (c->p >= c->end)
        return false;
    for (;;) {
        char *cell = c->p;
        if (c->p < c->end && *c->p == '"')
            cell = quoted(c, row);
        while (c->p < c->end && *c->p != c->separator && *c->p != '\n' && *c->p != '\r')
            if (!*c->p++)
                fail("%s:%ld: column %d has a 0 byte; is this a text file?", c->path, c->line,
                     row->n + 1);
        put_cell(row, cell);
        const char after = c->p < c->end ? *c->p : '\n';
        *c->p = 0;
        if (c->p < c->end)
            c->p++;
        if (after == c->separator)
            continue;
        if (after == '\r' && c->p < c->end && *c->p == '\n')
            c->p++;
        c->line++;
        return true;
    }
}

static Csv open_csv(const char *path, char *bytes, size_t n)
{
    Csv c = { path, bytes, bytes + n, 1, ',' };
    if (n >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0)
        c.p += 3;
    if (c.p < c.end && *c.p == '<')
        fail("%s: this is an HTML page, not CSV", path);
    char *const line_end = memchr(c.p, '\n', (size_t) (c.end - c.p));
    const size_t first = line_end ? (size_t) (line_end - c.p) : (size_t) (c.end - c.p);
    if (!memchr(c.p, ',', first))
        c.separator = memchr(c.p, ';', first) ? ';' : memchr(c.p, '\t', first) ? '\t' : ',';
    return c;
}

/* ---- which column is whose ------------------------------------------------------------------ */
typedef struct { int input; long element; } Use;        /* input -1: not used */

static int column_named(const Row *head, const char *path, const char *name)
{
    for (int k = 0; k < head->n; k++)
        if (strcmp(head->cell[k], name) == 0)
            return k;
    const int like = nearest(name, (const char *const *) head->cell, head->n);
    fail("%s: has no column %s%s%s%s", path, name, like >= 0 ? "; did you mean " : "",
         like >= 0 ? head->cell[like] : "", like >= 0 ? "?" : "");
}

/* The next place of a kind (labels or inputs) to be filled; false when all are full. */
static bool next_use(bool label, Use *u)
{
    if (u->input >= 0 && ++u->element < input_width(u->input))
        return true;
    for (u->input++; u->input < ae_model.ninputs; u->input++)
        if (ae_model.inputs[u->input].label == label) {
            u->element = 0;
            return true;
        }
    return false;
}

static bool named(const Source *s, const char *key)
{
    return setting_find(s->args, s->nargs, key) != NULL;
}

static void use_column(Use *use, int column, bool label, Use *at, const char *path,
                       const char *name)
{
    if (!next_use(label, at))
        fail("%s: the column %s is one more than the model's %s take", path, name,
             label ? "labels" : "inputs");
    if (use[column].input >= 0)
        fail("%s: the column %s is used twice", path, name);
    use[column] = *at;
}

static Use *assign(const Source *s, const Row *head, const char *path)
{
    Use *const use = need((size_t) head->n, sizeof *use), label = { -1, 0 }, input = { -1, 0 };
    for (int k = 0; k < head->n; k++)
        use[k].input = -1;
    for (int k = 0; k < s->nargs; k++) {
        const bool target = strcmp(s->args[k].key, "target") == 0;
        if (!target && strcmp(s->args[k].key, "columns") != 0)
            continue;
        if (!s->args[k].text)
            fail("%s: %s names columns, as text", path, s->args[k].key);
        use_column(use, column_named(head, path, s->args[k].text), target,
                   target ? &label : &input, path, s->args[k].text);
    }
    for (int k = 0; k < head->n && !named(s, "columns"); k++)
        if (use[k].input < 0)
            use_column(use, k, false, &input, path, head->cell[k]);
    for (int pass = 0; pass < 2; pass++) {
        const Use *const u = pass ? &label : &input;
        if (u->input >= 0 && u->input < ae_model.ninputs && u->element + 1 < input_width(u->input))
            fail("%s: %ld columns are there for %s, which needs %ld", path, u->element + 1,
                 ae_model.inputs[u->input].array.name, input_width(u->input));
    }
    if (input.input < 0 || (next_use(false, &input) && named(s, "columns")))
        fail("%s: its columns do not fill the inputs of the model", path);
    return use;
}

/* ---- classes that are text ------------------------------------------------------------------ */
static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

static void name_classes(const Source *source, Split *s, int input, char **text, const long *line,
                         const char *path)
{
    Learnt *const l = &learnt[input];
    Column *const c = &s->column[input];
    const long w = input_width(input), all = s->rows * w;
    double v;
    bool numbers = true;
    for (long r = 0; r < all; r++)
        numbers &= !*text[r] || parse_number(text[r], &v);
    if (!numbers && !l->nclasses) {
        if (!source->train)
            fail("%s:%ld: \"%s\" is a name of a class, and the training data has numbers", path,
                 line[0], text[0]);
        char **const sorted = need((size_t) all, sizeof *sorted);
        long n = 0;
        for (long r = 0; r < all; r++) {
            if (strchr(text[r], '\n'))
                fail("%s:%ld: the name of a class has a line break", path, line[r / w]);
            if (*text[r])
                sorted[n++] = text[r];
        }
        qsort(sorted, (size_t) n, sizeof *sorted, by_text);
        for (long k = 0; k < n; k++)
            if (!k || strcmp(sorted[k], sorted[k - 1]) != 0)
                sorted[l->nclasses++] = sorted[k];
        l->classes = sorted;
        for (int k = 0; k < l->nclasses; k++)
            sorted[k] = form("%s", sorted[k]);
        if (l->nclasses > ae_model.inputs[input].classes)
            fail("%s: %d different classes are in it, and %s has %d", path, l->nclasses,
                 ae_model.inputs[input].array.name, ae_model.inputs[input].classes);
    }
    for (long r = 0; r < all; r++) {
        if (!*text[r])
            continue;
        char **const found = l->nclasses ? bsearch(&text[r], l->classes, (size_t) l->nclasses, sizeof *l->classes, by_text) : NULL;
        if (l->nclasses && !found)
            fail("%s:%ld: the class \"%s\" is not in the training data", path, line[r / w],
                 text[r]);
        if (!found) {
            parse_number(text[r], &v);
            whole_check(input, v, path, "line", line[r / w]);
        }
        c->whole[r] = found ? (int32_t) (found - l->classes) : (int32_t) v;
    }
}

/* ---- the file ------------------------------------------------------------------------------- */
static bool names_classes(int input)
{
    const AeInput *const in = &ae_model.inputs[input];
    return in->label ? in->array.elem == AE_INT && input_width(input) == 1
                     : strcmp(in->kind, "tokens") == 0;
}

static long count_lines(const Csv *c)
{
    long n = 1;
    for (const char *p = c->p; p < c->end; p++)
        n += *p == '\n' || *p == '\r';
    return n;
}

static void put_number(Split *s, const Use *u, const char *cell, const Row *row, int column,
                       const char *head, const char *path)
{
    Column *const c = &s->column[u->input];
    const long k = s->rows * input_width(u->input) + u->element;
    double v;
    if (!*cell && ae_model.inputs[u->input].label) {
        c->has[s->rows] = 0;
        return;
    }
    if (!parse_number(cell, &v))
        fail("%s:%ld: column %d (%s): \"%s\" is no number", path, row->line, column + 1, head,
             cell);
    if (c->whole) {
        whole_check(u->input, v, path, "line", row->line);
        c->whole[k] = (int32_t) v;
    } else
        c->real[k] = (float) v;
}

static void read_file(const Source *source, const char *path, Split *s)
{
    size_t n;
    char *const bytes = in_all(path, &n);
    Csv c = open_csv(path, bytes, n);
    Row head = { 0 }, row = { 0 };
    const long most = count_lines(&c);
    if (!next_row(&c, &head))
        fail("%s: is empty", path);
    Use *const use = assign(source, &head, path);
    char ***const text = need((size_t) ae_model.ninputs, sizeof *text);
    long *const line = need((size_t) most, sizeof *line);
    s->rows = most;
    for (int k = 0; k < head.n; k++) {
        const int i = use[k].input;
        if (i < 0 || (s->column && s->column[i].there))
            continue;
        column_new(s, i, most);
        if (ae_model.inputs[i].label) {
            s->column[i].has = need((size_t) most, 1);
            memset(s->column[i].has, 1, (size_t) most);
        }
        if (names_classes(i))
            text[i] = need((size_t) (most * input_width(i)), sizeof *text[i]);
    }
    for (s->rows = 0; next_row(&c, &row); s->rows++) {
        if (row.n != head.n)
            fail("%s:%ld: has %d cells, and the header has %d", path, row.line, row.n, head.n);
        line[s->rows] = row.line;
        for (int k = 0; k < head.n; k++) {
            const int i = use[k].input;
            if (i < 0)
                continue;
            if (names_classes(i) && (*row.cell[k] || ae_model.inputs[i].label)) {
                text[i][s->rows * input_width(i) + use[k].element] = row.cell[k];
                if (!*row.cell[k])
                    s->column[i].has[s->rows] = 0;
            } else
                put_number(s, &use[k], row.cell[k], &row, k, head.cell[k], path);
        }
    }
    for (int i = 0; i < ae_model.ninputs; i++)
        if (text[i]) {
            if (s->rows)
                name_classes(source, s, i, text[i], line, path);
            free(text[i]);
        }
    free(text);
    free(line);
    free(use);
    free(head.cell);
    free(row.cell);
    free(bytes);
}

void read_csv(const Source *source, Split *s)
{
    if (source->nfiles != 1)
        fail("csv takes one file, not %d", source->nfiles);
    for (int k = 0; k < source->nargs; k++)
        if (strcmp(source->args[k].key, "target") != 0
            && strcmp(source->args[k].key, "columns") != 0)
            fail("csv has no argument %s; target and columns are known", source->args[k].key);
    read_file(source, source->file[0], s);
}

/* ---- codes for decode: a header and numbers only -------------------------------------------- */
static Grid grid_csv(const char *path)
{
    size_t n;
    char *const bytes = in_all(path, &n);
    Csv c = open_csv(path, bytes, n);
    Row head = { 0 }, row = { 0 };
    double *at = need((size_t) count_lines(&c), sizeof *at);
    Grid g = { .rank = 2, .kind = 'f', .size = 8 };
    if (!next_row(&c, &head))
        fail("%s: is empty", path);
    free(at);
    at = need((size_t) count_lines(&c) * (size_t) head.n, sizeof *at);
    while (next_row(&c, &row)) {
        if (row.n != head.n)
            fail("%s:%ld: has %d cells, and the header has %d", path, row.line, row.n, head.n);
        for (int k = 0; k < row.n; k++)
            if (!parse_number(row.cell[k], &at[g.count++]))
                fail("%s:%ld: column %d (%s): \"%s\" is no number", path, row.line, k + 1,
                     head.cell[k], row.cell[k]);
        g.shape[0]++;
    }
    g.shape[1] = head.n;
    g.data = (char *) at;
    return g;
}

Grid grid_read(const char *path)
{
    const size_t n = strlen(path);
    size_t size;
    if (n > 4 && strcmp(path + n - 4, ".csv") == 0)
        return grid_csv(path);
    char *const bytes = in_all(path, &size);
    return grid_npy(path, bytes, size);
}
