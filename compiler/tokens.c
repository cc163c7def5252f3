/* tokens.c -- from cut words to what the grammar reads.
 *
 * The language keeps few words, so what a word is depends on where it stands: `mean z[n] =
 * ...` defines, `mean(n) z[n]` sums, `mean = 3` names; `relu` is a layer in a network and
 * a value elsewhere. All of that is settled here, with a look at the neighbours, so that
 * the grammar stays plain:
 *
 *   pair_brackets   every bracket gets its partner; one without is reported and becomes BAD
 *   settle_words    words get their kinds, and `breaks` says where a statement may end
 *
 * A BAD token stands where something was reported already; the parser passes over its
 * statement in silence. */
#include "tokens.h"
#include "syntax.h"
#include "ae.tab.h"

const Keyword keywords[] = {
#define KEYWORD(word, token, where, value, inside, form) \
    { #word, token, WORD_##where, value, INSIDE_##inside, form },
#include "keywords.def"
#undef KEYWORD
};
enum { WORDS = sizeof keywords / sizeof *keywords };

/* The row of keywords; -1: none. */
static int find_word(Str name, WordPlace where)
{
    return FIRST(k, WORDS, keywords[k].where == where && strcmp(keywords[k].word, name) == 0);
}

Token token_new(int kind, const char *text, size_t length, Place place)
{
    return (Token) {
        .kind = kind, .word = -1, .match = -1, .head = -1, .text = text, .length = (int) length,
        .name = intern_n(text, length), .place = place,
    };
}

/* `word =`, `word[` ...: the word is what is assigned to, and no keyword. */
static bool assigns(int kind)
{
    return kind == '=' || kind == UPDATE || kind == ADD || kind == '[' || kind == '('
        || kind == '.' || kind == '~' || kind == ':';
}

bool is_kept_word(const Token *t)
{
    return t->kind != STRING && find_word(t->name, WORD_KEPT) >= 0;
}

bool begins_statement(const Token *t)
{
    return t->kind == NAME && find_word(t->name, WORD_BODY) >= 0;
}

/* ---- brackets ------------------------------------------------------------------------------- */
typedef struct {
    TokenList out;
    VEC(int) open;              /* openers in out that wait for their partner */
    int settled;                /* out.n after the last declaration that is closed */
    bool careful;               /* a brace was left open: indentation says which one */
} Pairing;

static bool opens(int kind)  { return kind == '(' || kind == '[' || kind == '{'; }
static bool closes(int kind) { return kind == ')' || kind == ']' || kind == '}'; }
static int partner(int kind) { return kind == '(' ? ')' : kind == '[' ? ']' : '}'; }

static bool lacks_brace(const Tokens *t)
{
    int open = 0;
    EACH_AT(w, t->words)
        open += w->kind == '{' ? 1 : w->kind == '}' && open ? -1 : 0;
    return open > 0;
}

/* The opener `up` levels above the innermost; NULL: none. */
static Token *open_at(Pairing *p, int up)
{
    return p->open.n > up ? &p->out.at[p->open.at[p->open.n - 1 - up]] : NULL;
}

static void add(Pairing *p, Token t)
{
    t.depth = p->open.n;
    PUSH(p->out, t);
}

static void close_top(Pairing *p, Token t)
{
    t.match = p->open.at[--p->open.n];
    p->out.at[t.match].match = p->out.n;
    add(p, t);
}

/* `next` is where the missing partner was noticed. */
static void say_open(const Token *t, const Token *next)
{
    report(t->place, DIAG_open_bracket, t->name);
    if (t->kind != '{')
        report_help("write `%c` where it ends; a line goes on while a bracket is open",
                    partner(t->kind));
    else if (next->kind == YYEOF)
        report_help("write `}` where the block ends");
    else {
        report_note(next->place, "this belongs to what comes after the block");
        report_help("write `}` before line %d", next->place.line);
    }
}

/* Of several brackets left open by one slip the innermost is named. */
static void leave_parens(Pairing *p, const Token *next)
{
    for (bool said = false; p->open.n && open_at(p, 0)->kind != '{'; said = true) {
        if (!said)
            say_open(open_at(p, 0), next);
        open_at(p, 0)->kind = BAD;
        p->open.n--;
    }
}

/* A brace left open gets a partner that nobody wrote. */
static void close_unwritten(Pairing *p, const Token *next)
{
    Place end = p->out.at[p->out.n - 1].place;
    end.line = end.end_line;
    end.col = end.end_col;
    Token brace = token_new('}', "}", 1, end);
    brace.first = true;
    say_open(open_at(p, 0), next);
    close_top(p, brace);
}

static int indent_of(const Token *t)
{
    const char *line = t->text;
    while (line > t->place.source->text && line[-1] != '\n')
        line--;
    return (int) strspn(line, " \t");
}

/* A `}` at the left edge of a block closes all blocks within that were left open. */
static void close_deeper(Pairing *p, const Token *t)
{
    int up = 0;
    while (open_at(p, up) && indent_of(open_at(p, up)) > indent_of(t))
        up++;
    if (open_at(p, up) && indent_of(open_at(p, up)) == indent_of(t))
        for (; up > 0; up--)
            close_unwritten(p, t);
}

static bool is_declaration(const Token *t)
{
    return t->first && t->kind == NAME && find_word(t->name, WORD_TOP) >= 0;
}

static void stray_closer(Pairing *p, Token t)
{
    report(t.place, DIAG_stray_bracket, t.name);
    if (t.kind != '}') {
        t.kind = BAD;
        add(p, t);
        return;
    }
    /* What stands before it lost its block. */
    if (!ANY(k, p->out.n, k >= p->settled && is_declaration(&p->out.at[k])))
        p->out.n = p->settled;
}

static void close_bracket(Pairing *p, Token t)
{
    if (t.kind == '}') {
        leave_parens(p, &t);
        if (p->careful && t.first)
            close_deeper(p, &t);
    }
    Token *top = open_at(p, 0), *below = open_at(p, 1);
    if (!top || (top->kind == '{') != (t.kind == '}')) {
        stray_closer(p, t);
        return;
    }
    if (partner(top->kind) != t.kind && below && below->kind != '{'
        && partner(below->kind) == t.kind) {
        say_open(top, &t);
        top->kind = BAD;
        p->open.n--;
    } else if (partner(top->kind) != t.kind) {
        report(t.place, DIAG_wrong_bracket, t.name, top->name, partner(top->kind));
        report_note(top->place, "it was opened here");
        t.kind = partner(top->kind);
    }
    close_top(p, t);
    if (!p->open.n && t.kind == '}')
        p->settled = p->out.n;
}

static void pair_brackets(Tokens *t)
{
    Pairing p = { .careful = lacks_brace(t) };
    for (int k = 0; k < t->words.n; k++) {
        const Token w = t->words.at[k];
        const bool end = w.kind == YYEOF;
        if (end || w.kind == '{')
            leave_parens(&p, &w);
        if (end
            || (p.careful && w.place.col == 1 && is_declaration(&w)
                && !assigns(t->words.at[k + 1].kind)))
            for (leave_parens(&p, &w); p.open.n; leave_parens(&p, &w))
                close_unwritten(&p, &w);
        if (closes(w.kind)) {
            close_bracket(&p, w);
            continue;
        }
        add(&p, w);
        if (opens(w.kind))
            PUSH(p.open, p.out.n - 1);
    }
    t->words = p.out;
}

/* ---- words ---------------------------------------------------------------------------------- */
typedef struct { Inside inside; bool top; int head; } Context;

typedef struct {
    Tokens *t;
    VEC(Context) stack;         /* one for each open brace, and the file */
    int depth;                  /* open ( and [ since the last brace */
    int head;                   /* the word that began the statement; -1: none yet */
    bool start;                 /* a statement begins here */
} Settling;

static Context *context(Settling *s)
{
    return &s->stack.at[s->stack.n - 1];
}

/* After and before these a line goes on. */
static bool joins(int kind)
{
    switch (kind) {
    case '+': case '-': case '*': case '/': case '%': case '^': case '?': case ':': case '<':
    case '>': case LE: case GE: case EQ: case NE: case AND: case OR: case '=': case UPDATE:
    case ADD: case ',': case ARROW: case '~': case WHERE: case ELSE: case DOTS:
        return true;
    }
    return false;
}

static bool breaks_before(Settling *s, const Token *t, const Token *prev)
{
    Context *c = context(s);
    if (t->kind == YYEOF)
        return true;
    if (s->depth || prev->kind == '{')
        return false;
    if (c->inside == INSIDE_NET && s->stack.n > 1) {
        bool block_of_call = t->kind == '{'
            && (prev->kind == LAYER || prev->kind == NAME || prev->kind == ')');
        bool named = strcmp(t->name, "as") == 0 && t[1].kind == NAME;
        return t->first && t->kind != '}' && !block_of_call && !named;
    }
    if (t->kind == '}')
        return true;
    if (prev->kind == '}')
        return t->kind != UNTIL;
    if (c->inside == INSIDE_SETTINGS && t->first && t->kind == NAME && t[1].kind == '=')
        return true;
    if (!t->first || joins(t->kind) || joins(prev->kind) || prev->kind == NOT)
        return false;
    return t->kind != '{' && t->kind != UNTIL && !(t->kind == STRING && c->inside == INSIDE_BODY);
}

/* What other languages write, and a way out. */
#define NO_LOOP \
    "an index on the left runs over its axis by itself; steps in order are `scan t { ... }`"
static const struct { const char *word, *help; } foreign[] = {
    { "if",      "a choice is written `c ? a : b`, a condition on an index `sum(i where c)`" },
    { "for",     NO_LOOP },
    { "while",   NO_LOOP },
    { "import",  "another file is taken in by `use \"file.ae\"`" },
    { "include", "another file is taken in by `use \"file.ae\"`" },
};

static void tell_words(Token *t, WordPlace where, Diag which)
{
    t->kind = BAD;
    NameList names = { 0 };
    for (int k = 0; k < WORDS; k++)
        if (keywords[k].where == where)
            PUSH(names, intern(keywords[k].word));
    Str near = nearest(t->name, names.at, names.n);
    report(t->place, which, t->name);
    EACH_ROW(other, foreign)
        if (strcmp(t->name, other->word) == 0) {
            report_help("%s", other->help);
            return;
        }
    if (near)
        report_help("did you mean `%s`?", near);
    else if (t[1].kind == '=' && where == WORD_TOP)
        report_help("a constant is written `set %s = ...`", t->name);
    else if (where == WORD_TOP)
        report_help("a file is made of declarations such as `input`, `encoder`, `train`, `layer`, "
                    "`def`");
    else
        report_help("a statement begins with what it defines, `y[n, j] = ...`, or with a word "
                    "such as `in`, `param`, `scan`");
}

static void misplaced(Token *t, int word)
{
    bool top = keywords[word].where == WORD_TOP;
    report(t->place, DIAG_misplaced, t->name, top ? "declaration" : "statement",
           top ? "within a block" : "outside a definition or task");
    if (top)
        report_help("end the block with `}` before it");
    else
        report_help("put it between the braces of a definition, as in `layer name { ... }`");
    t->kind = BAD;
}

static void settle_top(Token *t)
{
    int word = find_word(t->name, WORD_TOP), other = find_word(t->name, WORD_BODY);
    if (word >= 0) {
        t->word = word;
        t->kind = keywords[word].token;
    } else if (other >= 0 && !assigns(t[1].kind))
        misplaced(t, other);
    else
        tell_words(t, WORD_TOP, DIAG_no_declaration);
}

static void settle_statement(Token *t)
{
    int next = t[1].kind;
    int word = find_word(t->name, WORD_BODY), other = find_word(t->name, WORD_TOP);
    if (word >= 0) {
        int kind = keywords[word].token;
        bool open = next == '(' && (kind == SWEEP || kind == REQUIRE || kind == MINIMIZE);
        if (open || !assigns(next)) {
            t->word = word;
            t->kind = kind;
        }
    } else if (other >= 0 && !assigns(next))
        misplaced(t, other);
    else if (next == NAME && !t[1].first)
        tell_words(t, WORD_BODY, DIAG_no_statement);
}

static void settle_setting(Token *t)
{
    if (t[1].kind == '=') {
        t->kind = KEY;
        return;
    }
    report(t->place, DIAG_no_value, t->name);
    if (!t[1].first && (t[1].kind == NUM || t[1].kind == NAME || t[1].kind == STRING))
        report_help("write `%s = %.*s`", t->name, t[1].length, t[1].text);
    else if (t[1].kind == ':' || t[1].kind == UPDATE || t[1].kind == '~')
        report_help("write `%s = ...`", t->name);
    else
        report_help("settings are written `name = value`");
    t->kind = BAD;
}

/* Words within a statement that mean something only there. */
static void settle_inner(Settling *s, Token *t, const Token *prev)
{
    const Token *head = s->head >= 0 ? &s->t->words.at[s->head] : NULL;
    int kind = head ? head->kind : 0;
    bool after = prev->kind == NAME || prev->kind == ']' || prev->kind == ')';
    bool value_next = t[1].kind == NAME || t[1].kind == NUM || t[1].kind == '(';
    if (strcmp(t->name, "by") == 0 && (kind == RECONSTRUCT || kind == PREDICT) && after)
        t->kind = BY;
    else if (strcmp(t->name, "down") == 0 && kind == SCAN && t[1].kind == '{' && prev != head
             && prev->kind != '<')
        t->kind = DOWN;
    else if (strcmp(t->name, "mirror") == 0 && kind == DECODER && prev == head)
        t->kind = MIRROR;
    else if (strcmp(t->name, "of") == 0 && kind == ENTRY
             && (prev->kind == NAME || prev->kind == ']') && (value_next || t[1].kind == '-'))
        t->kind = OF;
    else if (strcmp(t->name, "of") == 0 && kind == REQUIRE && prev->kind == STRING)
        t->kind = OF;
}

/* `relu as h`, `kl(z) * 2 as bound`, `f(x as y)`; elsewhere `as` is a name. */
static bool is_as(Settling *s, const Token *t, const Token *prev)
{
    int kind = s->head >= 0 ? s->t->words.at[s->head].kind : 0, next = t[1].kind;
    bool after = prev->kind == NAME || prev->kind == LAYER || prev->kind == ')'
        || prev->kind == ']' || prev->kind == '}' || prev->kind == NUM;
    Inside inside = context(s)->inside;
    if (strcmp(t->name, "as") != 0 || !after || t->breaks)
        return false;
    if (next == NAME && !t[1].first)
        return true;
    return !s->depth
        && (inside == INSIDE_NET || inside == INSIDE_LINES || kind == MINIMIZE || kind == PREDICT)
        && next != '(' && next != '[' && next != '.' && !(joins(next) && !t[1].first);
}

static void settle_name(Settling *s, Token *t, const Token *prev)
{
    Context *c = context(s);
    if (is_as(s, t, prev))
        t->kind = s->depth ? AS_IN : AS;
    else if (s->depth || prev->kind == AS)
        ;
    else if (c->inside == INSIDE_NET && !c->top)
        t->kind = LAYER;
    else if (s->start && c->top)
        settle_top(t);
    else if (s->start && c->inside == INSIDE_BODY)
        settle_statement(t);
    else if (c->inside == INSIDE_SETTINGS && (s->start || t[1].kind == '='))
        settle_setting(t);
    else
        settle_inner(s, t, prev);
}

static void enter(Settling *s)
{
    Context *outer = context(s);
    int word = s->head >= 0 ? s->t->words.at[s->head].word : -1;
    bool known = word >= 0 && (outer->top || outer->inside == INSIDE_BODY);
    outer->head = s->head;
    const Inside inside = known ? keywords[word].inside : INSIDE_NET;
    PUSH(s->stack, ((Context) { .inside = inside, .head = -1 }));
    s->start = true;
    s->head = -1;
}

static void leave(Settling *s)
{
    if (s->stack.n > 1)
        s->stack.n--;
    s->head = context(s)->head;
    s->start = false;
}

static void settle_kept(Tokens *t)
{
    EACH_AT(w, t->words) {
        int word = w->kind == NAME ? find_word(w->name, WORD_KEPT) : -1;
        if (word >= 0)
            w->kind = keywords[word].token;
    }
}

static void settle_words(Tokens *t)
{
    static const Token nothing = { .kind = '{' };
    Settling s = { .t = t, .head = -1, .start = true };
    PUSH(s.stack, ((Context) { .top = true, .head = -1 }));
    settle_kept(t);
    for (int i = 0; i < t->words.n; i++) {
        Token *w = &t->words.at[i];
        const Token *prev = i ? w - 1 : &nothing;
        w->breaks = i && breaks_before(&s, w, prev);
        if (w->breaks) {
            s.start = true;
            s.head = -1;
        }
        if (w->kind == NAME)
            settle_name(&s, w, prev);
        else if (w->kind == GRAD && s.start && !context(&s)->top
                 && context(&s)->inside == INSIDE_BODY) {
            w->kind = ENTRY;
            w->word = find_word(w->name, WORD_BODY);
        }
        if (s.start && w->kind != '}') {
            s.head = i;
            s.start = false;
        }
        w->head = s.head;
        if (w->kind == '(' || w->kind == '[')
            s.depth++;
        else if ((w->kind == ')' || w->kind == ']') && s.depth > 0)
            s.depth--;
        else if (w->kind == '{')
            enter(&s);
        else if (w->kind == '}')
            leave(&s);
        if (w->kind == ')' && s.head >= 0 && w->match == s.head + 1
            && t->words.at[s.head].kind == SWEEP && w[1].kind != '{')
            s.start = true;
    }
}

void tokens_arrange(Tokens *t)
{
    pair_brackets(t);
    settle_words(t);
}
