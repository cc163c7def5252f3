/* layout.c -- `aec fmt`: the one layout.
 *
 * Works on the tokens, not on the tree, so that comments stay where they are. Rows are as the
 * author broke them; blanks within a row follow rules. Columns that the author has lined up
 * over several rows stay lined up, as far left as they go. What comes out goes through
 * unchanged a second time.
 *
 *   split_rows   tokens and comments to rows; blank lines, at most one
 *   space_rows   blanks before each token
 *   align        of rows lined up in the source: names after words, then `=` or `{`, then comments
 *                at the ends
 *   place_rows   columns; a continued row stands below what it continues */
#include "syntax.h"
#include "tokens.h"
#include "ae.tab.h"

typedef struct {
    const Token *t;             /* the last of a row may be a comment */
    int gap;                    /* blanks before it */
    int col;                    /* where it is put, from 0 */
} Piece;
typedef VEC(Piece) PieceList;

typedef struct {
    PieceList pieces;           /* at least one */
    int depth;                  /* open braces around it */
    bool continued;             /* the statement began in a row above */
    bool blank;                 /* an empty line stands before it */
} Row;
typedef VEC(Row) RowList;

typedef struct {
    Tokens tokens;
    RowList rows;
} Layout;

/* ---- rows ----------------------------------------------------------------------------------- */
static const Token *last_token(const Layout *l)
{
    const Row *row = l->rows.n ? &l->rows.at[l->rows.n - 1] : NULL;
    return row ? row->pieces.at[row->pieces.n - 1].t : NULL;
}

static void add_piece(Layout *l, const Token *t)
{
    PUSH(l->rows.at[l->rows.n - 1].pieces, ((Piece) { .t = t }));
}

static void add_row(Layout *l, const Token *t, int depth, bool blank, bool continued)
{
    const Token *before = last_token(l);
    blank = blank && before && before->kind != '{';
    PUSH(l->rows, ((Row) { .depth = depth, .continued = continued, .blank = blank }));
    add_piece(l, t);
}

/* A brace on a line of its own goes to the end of the line before. */
static bool pulled_up(const Layout *l, const Token *t)
{
    return t->kind == '{' && !t->breaks && last_token(l)->kind != '#'
        && last_token(l)->kind != '{';
}

static void split_rows(Layout *l)
{
    const Tokens *t = &l->tokens;
    int depth = 0, line = 0;                    /* the line of what was put last */
    for (int i = 0, c = 0; i < t->words.n; i++) {
        const Token *w = &t->words.at[i];
        for (; c < t->comments.n && t->comments.at[c].text < w->text; c++) {
            const Token *comment = &t->comments.at[c];
            if (comment->first)
                add_row(l, comment, depth, comment->place.line > line + 1, false);
            else
                add_piece(l, comment);
            line = comment->place.line;
        }
        if (w->kind == YYEOF)
            break;
        const bool begins = w->breaks || i == 0 || w[-1].kind == '{' || w->kind == '}';
        depth -= w->kind == '}';
        if (!l->rows.n || last_token(l)->kind == '#' || (w->first && !pulled_up(l, w)))
            add_row(l, w, depth, w->place.line > line + 1 && w->kind != '}', !begins);
        else
            add_piece(l, w);
        depth += w->kind == '{';
        line = w->place.end_line;
    }
}

/* ---- blanks within a row -------------------------------------------------------------------- */
static bool ends_operand(const Token *t)
{
    return t->kind == NAME || t->kind == NUM || t->kind == STRING || t->kind == ')'
        || t->kind == ']';
}

static bool is_arithmetic(int kind)
{
    return kind == '+' || kind == '-' || kind == '*' || kind == '/' || kind == '%';
}

static bool touches(const Token *a, const Token *b)
{
    return a->text + a->length == b->text;
}

/* Whether the author wrote `a*b` and not `a * b`. `^` is always tight, sums only in subscripts. */
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
        return !(p->kind == NAME || p->kind == LAYER || p->kind == SWEEP
                 || (p->kind == MIRROR && head->kind == DECODER));
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
    EACH_AT(row, l->rows)
        EACH_AT(p, row->pieces) {
            const int kind = p->t->kind;
            const bool subscript = open.n && open.at[open.n - 1] == '[';
            p->gap = p == row->pieces.at ? 0 : kind == '#' ? 2 : gap_before(l, p->t, subscript);
            if (kind == '(' || kind == '[' || kind == '{')
                PUSH(open, kind);
            else if ((kind == ')' || kind == ']' || kind == '}') && open.n)
                open.n--;
        }
}

/* ---- columns that the author lined up ------------------------------------------------------- */
static bool is_assignment(const Layout *l, const Token *t)
{
    int head = t->head >= 0 ? l->tokens.words.at[t->head].kind : 0;
    return t->kind == '=' || t->kind == ADD || t->kind == UPDATE || t->kind == '~'
        || (t->kind == ':' && head == INPUT);
}

/* The piece that may be lined up with those of other rows; 0: none. */
static int find_name(const Layout *l, const Row *row)
{
    (void) l;
    const Piece *p = row->pieces.at;
    return row->pieces.n > 1 && p[0].t->word >= 0 && p[1].t->kind == NAME;
}

static int find_sign(const Layout *l, const Row *row)
{
    int depth = 0;
    for (int i = 0; i < row->pieces.n && row->pieces.at[i].t->kind != '#'; i++) {
        const Token *t = row->pieces.at[i].t;
        if (i && !depth && (is_assignment(l, t) || t->kind == '{'))
            return i + 1 < row->pieces.n && row->pieces.at[i + 1].t->kind != '#' ? i : 0;
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
        const int piece = row->continued ? 0 : find(l, row);
        int widest = 0;
        for (int k = from; piece && k < to; k++) {
            const Row *other = &l->rows.at[k];
            const int p = other->continued ? 0 : find(l, other);
            if (p && other->pieces.at[p].t->place.col == row->pieces.at[piece].t->place.col
                && width_before(other, p) > widest)
                widest = width_before(other, p);
        }
        if (piece)
            row->pieces.at[piece].gap = widest + 1 - width_before(row, piece);
    }
}

/* The end of the rows without an empty line between; `level`: of those at one depth. */
static int run_from(const Layout *l, int from, bool level)
{
    int to = from + 1;
    while (to < l->rows.n && !l->rows.at[to].blank && to - from < 200
           && (!level || l->rows.at[to].depth == l->rows.at[from].depth))
        to++;
    return to;
}

/* ---- columns -------------------------------------------------------------------------------- */
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
    const Token *first = row->pieces.at[0].t;
    int col = 4 * row->depth;
    if (row->continued)
        col = continued_col(g, first, first - 1);
    else if (first->kind != '#')
        *g = (Going) { .indent = col, .sign = -1, .name = col, .list = first->kind == ENTRY };
    const int indent = col;
    for (int i = 0; i < row->pieces.n; i++) {
        Piece *p = &row->pieces.at[i];
        const int kind = p->t->kind;
        p->col = col += p->gap;
        col += p->t->length;
        if (kind == '#')
            break;
        if (i == 1 && !row->continued)
            g->name = p->col;
        if (!g->open.n && is_assignment(l, p->t))
            g->sign = col - 1;
        if (kind == '(' || kind == '[')
            PUSH(g->open, i + 1 < row->pieces.n && p[1].t->kind != '#' ? col : indent + 4);
        else if ((kind == ')' || kind == ']') && g->open.n)
            g->open.n--;
        else if (kind == '{' || kind == '}')
            g->sign = -1;
    }
}

static void place_rows(Layout *l)
{
    Going g = { .sign = -1 };
    EACH_AT(row, l->rows)
        place_row(l, row, &g);
}

/* The comment of a row; NULL: it has none. */
static Piece *comment_of(const Layout *l, int i)
{
    Piece *last = &l->rows.at[i].pieces.at[l->rows.at[i].pieces.n - 1];
    return last->t->kind == '#' ? last : NULL;
}

/* Whether the comment stands at the end of a row, or alone on its line and goes
   on with one that does. */
static bool trails(const Layout *l, int i)
{
    const Row *row = &l->rows.at[i];
    const Piece *comment = comment_of(l, i);
    const Piece *above = i && !row->blank ? comment_of(l, i - 1) : NULL;
    if (!comment || row->pieces.n > 1)
        return comment;
    return above && above->t->place.col == comment->t->place.col && trails(l, i - 1);
}

static void align_comments(Layout *l, int from, int to)
{
    for (int i = from; i < to; i++) {
        int widest = 0;
        for (int k = from; trails(l, i) && k < to; k++) {
            const Piece *other = comment_of(l, k);
            if (other && l->rows.at[k].pieces.n > 1
                && other->t->place.col == comment_of(l, i)->t->place.col
                && other[-1].col + other[-1].t->length > widest)
                widest = other[-1].col + other[-1].t->length;
        }
        if (trails(l, i))
            comment_of(l, i)->col = widest + 2;
    }
}

/* ---- writing -------------------------------------------------------------------------------- */
/* A model that does not say which version of the language it is written in gets to say so. */
static bool lacks_version(const Layout *l)
{
    return FIND_AT(w, l->tokens.words, w->kind == INPUT)
        && !FIND_AT(w, l->tokens.words, w->kind == AE);
}

static void write_row(Buf *b, const Row *row)
{
    int col = 0;
    buf_add(b, row->blank ? "\n" : "");
    EACH_AT(p, row->pieces) {
        buf_add(b, "%*s", p->col - col, "");
        buf_put(b, p->t->text, (size_t) p->t->length);
        col = p->col + p->t->length;
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
    for (int from = 0, to; from < l.rows.n; from = to) {
        to = run_from(&l, from, true);
        align_rows(&l, from, to, find_name);
        align_rows(&l, from, to, find_sign);
    }
    place_rows(&l);
    for (int from = 0, to; from < l.rows.n; from = to) {
        to = run_from(&l, from, false);
        align_comments(&l, from, to);
    }
    buf_put(b, "", 0);
    if (lacks_version(&l))
        buf_add(b, "ae 1\n");
    EACH_AT(row, l.rows)
        write_row(b, row);
}
