/* tokens.h -- what the parser and the formatter read: the words of a file, in order.
 *
 * grammar/ae.l cuts the text into tokens; tokens.c pairs the brackets, finds where statements end
 * and tells the words that begin a statement from those that are names. */
#ifndef TOKENS_H
#define TOKENS_H
#include "base.h"

typedef struct Token {
    int kind;               /* of grammar/ae.y */
    int word;    /* the row of keywords.def that was meant; -1: a name, or no word at all */
    const char *text;       /* in the source */
    int length;
    Place place;
    Str name;    /* a word or a sign, as it is rightly written; the inside of a string */
    double num;
    Str doc;                /* the ## lines above; NULL: none */
    int match;              /* the place of the other bracket in the list; -1: none */
    int depth;              /* brackets around it */
    bool first;             /* on its line */
    bool breaks;    /* a statement, layer or setting may end before it: the parser gets a NL */
    int head;               /* the token that begins its statement; -1: none */
} Token;
typedef VEC(Token) TokenList;

typedef struct Tokens {
    const Source *source;
    TokenList words;        /* the last is the end of the file */
    TokenList comments;     /* in order; `first` when nothing stands before it on its line */
} Tokens;

typedef enum { WORD_TOP, WORD_BODY, WORD_KEPT } WordPlace;
typedef enum { INSIDE_BODY, INSIDE_NET, INSIDE_SETTINGS, INSIDE_LINES } Inside;

typedef struct {
    const char *word;
    int token;
    WordPlace where;
    int value;
    Inside inside;
    const char *form;
} Keyword;
extern const Keyword keywords[];

Token token_new(int kind, const char *text, size_t length, Place place);
bool is_kept_word(const Token *t);
bool begins_statement(const Token *t);
void tokens_scan(Tokens *t);        /* grammar/ae.l: fills both lists from t->source */
void tokens_arrange(Tokens *t);     /* tokens.c: fills match, depth, breaks, head; settles kind */

#endif
