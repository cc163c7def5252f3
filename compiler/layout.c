/* layout.c -- `aec fmt`: the one layout.
 *
 * Works on the tokens, not on the tree, so that comments stay where they are.  Rows are as the author
 * broke them; blanks within a row follow rules.  Columns that the author has lined up over several rows
 * stay lined up, as far left as they go.  What comes out goes through unchanged a second time.
 *
 *   split_rows     tokens and comments to rows; blank lines, at most one
 *   space_rows     blanks before each token
 *   align          of rows lined up in the source: names after words, then `=` or `{`
 *   place_rows     columns; a continued row stands below what it continues
 *   align_comments comments at the ends of rows */
#include "syntax.h"
#include "tokens.h"
#include "ae.tab.h"

typedef struct {
    const Token *t;
    int gap;                    /* blanks before it */
    int col;                    /* where it is put, from 0 */
} Piece;
typedef VEC(Piece) PieceList;

typedef struct {
    PieceList pieces;
    const Token *comment;       /* at its end, or alone */
    int depth;                  /* open braces around it */
    bool continued;             /* the statement began in a row above */
    bool blank;                 /* an empty line stands before it */
    int comment_col;
    int end;                    /* the column after its last piece */
} Row;
typedef VEC(Row) RowList;

typedef struct {
    Tokens tokens;
    RowList rows;
} Layout;

/* ---- rows -------------------------------------------------------------------------------------- */
static Row *last_row(Layout *l)
{
    return l->rows.n ? &l->rows.at[l->rows.n - 1] : NULL;
}

static bool opens_block(const Row *row)
{
    return row->pieces.n && row->pieces.at[row->pieces.n - 1].t->kind == '{';
}

static Row *add_row(Layout *l, int depth, bool blank, bool continued)
{
    Row *before = last_row(l);
    Row row = { .depth = depth, .continued = continued, .blank = blank && before && !opens_block(before) };
    PUSH(l->rows, row);
    return last_row(l);
}

static void add_piece(Row *row, const Token *t)
{
    PUSH(row->pieces, ((Piece) { .t = t }));
}

/* A brace on a line of its own goes to the end of the line before. */
static bool pulled_up(Layout *l, const Token *t)
{
    Row *row = last_row(l);
    return t->kind == '{' && !t->breaks && row && row->pieces.n && !row->comment && !opens_block(row);
}

static void split_rows(Layout *l)
{
    const Tokens *t = &l->tokens;
    int depth = 0, line = 0;                    /* the line of what was put last */
    for (int i = 0, c = 0; i < t->words.n; i++) {
        const Token *w = &t->words.at[i];
        for (; c < t->comments.n && t->comments.at[c].text < w->text; c++) {
            const Token *comment = &t->comments.at[c];
            Row *row = comment->first ? add_row(l, depth, comment->place.line > line + 1, false) : last_row(l);
            row->comment = comment;
            line = comment->place.line;
        }
        if (w->kind == YYEOF)
            break;
        bool begins = w->breaks || i == 0 || w[-1].kind == '{' || w->kind == '}';
        depth -= w->kind == '}';
        if ((w->first && !pulled_up(l, w)) || !last_row(l) || last_row(l)->comment)
            add_row(l, depth, w->place.line > line + 1 && w->kind != '}', !begins);
        add_piece(last_row(l), w);
        depth += w->kind == '{';
        line = w->place.end_line;
    }
}

/* ---- blanks within a row ------------------------------------------------------------------------- */
static bool ends_operand(const Token *t)
{
    return t->kind == NAME || t->kind == NUM || t->kind == STRING || t->kind == ')' || t->kind == ']';
}

static bool is_arithmetic(int kind)
{
    return kind == '+' || kind == '-' || kind == '*' || kind == '/' || kind == '%';
}

static bool touches(const Token *a, const Token *b)
{
    return a->text + a->length == b->text;
}

/* Whether the author wrote `a*b` and not `a * b`.  `^` is always tight, sums only in subscripts. */
static bool is_tight(const Token *op, bool subscript)
{
    if (op->kind == '^')
        return true;
    if ((op->kind == '+' || op->kind == '-') && !subscript)
        return false;
    return is_arithmetic(op->kind) && touches(op - 1, op) && touches(op, op + 1);
}

static bool is_sign(const Token *t, bool first)
{
    return t->kind == '-' && (first || !ends_operand(t - 1));
}

static int gap_before(const Layout *l, const Token *t, bool subscript)
{
    const Token *p = t - 1, *head = t->head >= 0 ? &l->tokens.words.at[t->head] : t;
    if (p->kind == '(' || p->kind == '[' || t->kind == ')' || t->kind == ']' || t->kind == ',')
        return 0;
    if (t->kind == '.' || p->kind == '.')
        return 0;
    if (p->kind == ',')
        return 1;
    if (t->kind == DOTS && ends_operand(p))
        return 0;
    if (p->kind == DOTS && (t->kind == NUM || t->kind == NAME || t->kind == '(' || t->kind == '-'))
        return 0;
    if (is_sign(p, p == l->tokens.words.at))
        return 0;
    if ((t->kind == '^' || is_arithmetic(t->kind)) && ends_operand(p))
        return is_tight(t, subscript) ? 0 : 1;
    if ((p->kind == '^' || is_arithmetic(p->kind)) && p > l->tokens.words.at)
        return is_tight(p, subscript) ? 0 : 1;
    if (t->kind == '(')
        return !(p->kind == NAME || p->kind == LAYER || p->kind == SWEEP || (p->kind == MIRROR && head->kind == DECODER));
    if (t->kind == '[')
        return !(p->kind == NAME || p->kind == ')');
    if (t->kind == KEY)
        return p->kind == '{' ? 1 : 2;
    if (t->kind == GRAD || (t->kind == STRING && head->kind == REQUIRE))
        return 2;
    return 1;
}

static void space_rows(Layout *l)
{
    VEC(int) open = { 0 };
    for (int i = 0; i < l->rows.n; i++)
        for (int k = 0; k < l->rows.at[i].pieces.n; k++) {
            Piece *p = &l->rows.at[i].pieces.at[k];
            int kind = p->t->kind;
            p->gap = k ? gap_before(l, p->t, open.n && open.at[open.n - 1] == '[') : 0;
            if (kind == '(' || kind == '[' || kind == '{')
                PUSH(open, kind);
            else if ((kind == ')' || kind == ']' || kind == '}') && open.n)
                open.n--;
        }
}

/* ---- columns that the author lined up ------------------------------------------------------------- */
static bool is_assignment(const Layout *l, const Token *t)
{
    int head = t->head >= 0 ? l->tokens.words.at[t->head].kind : 0;
    return t->kind == '=' || t->kind == ADD || t->kind == UPDATE || t->kind == '~'
        || (t->kind == ':' && (head == INPUT || head == LABEL));
}

/* The piece that may be lined up with those of other rows; 0: none. */
static int find_name(const Layout *l, const Row *row)
{
    (void) l;
    return row->pieces.n > 1 && row->pieces.at[0].t->word >= 0 && row->pieces.at[1].t->kind == NAME ? 1 : 0;
}

static int find_sign(const Layout *l, const Row *row)
{
    int depth = 0;
    for (int i = 0; i < row->pieces.n; i++) {
        const Token *t = row->pieces.at[i].t;
        if (i && !depth && (is_assignment(l, t) || t->kind == '{'))
            return i + 1 < row->pieces.n ? i : 0;
        depth += (t->kind == '(' || t->kind == '[') - (t->kind == ')' || t->kind == ']');
    }
    return 0;
}

static int width_before(const Row *row, int piece)
{
    int width = 0;
    for (int i = 0; i < piece; i++)
        width += row->pieces.at[i].gap + row->pieces.at[i].t->length;
    return width;
}

typedef int Find(const Layout *l, const Row *row);

/* Lines up within rows [from, to) what stood in one column. */
static void align_rows(Layout *l, int from, int to, Find *find)
{
    for (int i = from; i < to; i++) {
        Row *row = &l->rows.at[i];
        int piece = row->continued ? 0 : find(l, row), widest = 0;
        if (!piece)
            continue;
        int col = row->pieces.at[piece].t->place.col;
        for (int k = from; k < to; k++) {
            Row *other = &l->rows.at[k];
            int p = other->continued ? 0 : find(l, other);
            int width = p && other->pieces.at[p].t->place.col == col ? width_before(other, p) : 0;
            if (width > widest)
                widest = width;
        }
        row->pieces.at[piece].gap = widest + 1 - width_before(row, piece);
    }
}

/* Rows without an empty line between, at one depth. */
static void align(Layout *l)
{
    for (int from = 0, to; from < l->rows.n; from = to) {
        for (to = from + 1; to < l->rows.n && !l->rows.at[to].blank && l->rows.at[to].depth == l->rows.at[from].depth
             && to - from < 200; to++)
            ;
        align_rows(l, from, to, find_name);
        align_rows(l, from, to, find_sign);
    }
}

/* ---- columns ------------------------------------------------------------------------------------- */
typedef struct {
    int indent;                 /* of the row where the statement began */
    int sign;                   /* the column of its last `=` outside brackets; -1: none */
    int name;                   /* the column of what follows its first word */
    bool list;                  /* in, out, param ...: a list of entries */
    VEC(int) open;              /* columns where what is within the open ( and [ goes on */
} Going;

static int continued_col(Going *g, const Token *t, const Token *p)
{
    if (g->open.n)
        return g->open.at[g->open.n - 1];
    if (g->list && p->kind == ',')
        return g->name;
    if (g->sign < 0 || t->kind == STRING)
        return g->indent + 4;
    return ends_operand(p) ? g->sign : g->sign + 2;
}

static void place_row(Layout *l, Row *row, Going *g)
{
    int col = 4 * row->depth;
    if (row->pieces.n && row->continued)
        col = continued_col(g, row->pieces.at[0].t, row->pieces.at[0].t - 1);
    else if (row->pieces.n) {
        *g = (Going) { .indent = col, .sign = -1, .name = col };
        g->list = row->pieces.at[0].t->kind == ENTRY;
    }
    int indent = col;
    for (int i = 0; i < row->pieces.n; i++) {
        Piece *p = &row->pieces.at[i];
        int kind = p->t->kind;
        p->col = col += p->gap;
        col += p->t->length;
        if (i == 1 && !row->continued)
            g->name = p->col;
        if (!g->open.n && is_assignment(l, p->t))
            g->sign = col - 1;
        if (kind == '(' || kind == '[')
            PUSH(g->open, i + 1 < row->pieces.n ? col : indent + 4);
        else if ((kind == ')' || kind == ']') && g->open.n)
            g->open.n--;
        else if (kind == '{' || kind == '}')
            g->sign = -1;
    }
    row->end = col;
    row->comment_col = row->pieces.n ? col + 2 : col;
}

static void place_rows(Layout *l)
{
    Going g = { .sign = -1 };
    for (int i = 0; i < l->rows.n; i++)
        place_row(l, &l->rows.at[i], &g);
}

/* A comment alone on its line may go on with the one at the end of the row above. */
static bool goes_on(const Layout *l, int i)
{
    const Row *row = &l->rows.at[i];
    if (!row->comment || row->pieces.n || !i || row->blank)
        return false;
    const Row *above = &l->rows.at[i - 1];
    return above->comment && above->comment->place.col == row->comment->place.col
        && (above->pieces.n || goes_on(l, i - 1));
}

static void align_comments(Layout *l)
{
    for (int from = 0, to; from < l->rows.n; from = to) {
        for (to = from + 1; to < l->rows.n && !l->rows.at[to].blank && to - from < 200; to++)
            ;
        for (int i = from; i < to; i++) {
            Row *row = &l->rows.at[i];
            if (!row->comment || !(row->pieces.n || goes_on(l, i)))
                continue;
            int widest = 0;
            for (int k = from; k < to; k++) {
                const Row *other = &l->rows.at[k];
                if (other->comment && other->pieces.n && other->comment->place.col == row->comment->place.col
                    && other->end > widest)
                    widest = other->end;
            }
            row->comment_col = widest + 2;
        }
    }
}

/* ---- writing ------------------------------------------------------------------------------------- */
/* A model that does not say which version of the language it is written in gets to say so. */
static bool lacks_version(const Layout *l)
{
    bool model = false;
    for (int i = 0; i < l->tokens.words.n; i++) {
        int kind = l->tokens.words.at[i].kind;
        if (kind == AE)
            return false;
        model |= kind == INPUT;
    }
    return model;
}

static void write_row(Buf *b, const Row *row)
{
    int col = 0;
    if (row->blank)
        buf_put(b, "\n", 1);
    for (int i = 0; i < row->pieces.n; i++) {
        const Piece *p = &row->pieces.at[i];
        buf_add(b, "%*s", p->col - col, "");
        buf_put(b, p->t->text, (size_t) p->t->length);
        col = p->col + p->t->length;
    }
    if (row->comment) {
        buf_add(b, "%*s", row->comment_col - col, "");
        buf_put(b, row->comment->text, (size_t) row->comment->length);
    }
    buf_put(b, "\n", 1);
}

void format_file(Buf *b, const Source *source)
{
    Layout l = { .tokens = { .source = source } };
    tokens_scan(&l.tokens);
    tokens_arrange(&l.tokens);
    split_rows(&l);
    space_rows(&l);
    align(&l);
    place_rows(&l);
    align_comments(&l);
    buf_put(b, "", 0);
    if (lacks_version(&l))
        buf_add(b, "ae 1\n");
    for (int i = 0; i < l.rows.n; i++)
        write_row(b, &l.rows.at[i]);
}
