/* print.c -- trees back to text on one line: for messages, listings and the comments of emitted C.
 *
 * The text reads back as the same tree. Brackets that the user wrote are nodes and are printed as
 * such; trees made by the compiler get those that precedence asks for. */
#include "syntax.h"

/* How tightly an expression holds together: an operand looser than its place gets brackets. */
enum { LOOSE, EITHER, BOTH, NEGATION, COMPARE, TOTAL, PRODUCT, SIGNED, POWER, ATOM };

static int tightness(const Syn *e)
{
    static const struct { const char *op; int tightness; } binary[] = {
        { "or", EITHER }, { "and", BOTH }, { "+", TOTAL }, { "-", TOTAL },
        { "*", PRODUCT }, { "/", PRODUCT }, { "%", PRODUCT }, { "^", POWER },
    };
    switch (e->kind) {
    case SYN_num:
        return e->num < 0 ? SIGNED : ATOM;
    case SYN_cond: case SYN_pair: case SYN_arrow:
        return LOOSE;
    case SYN_reduce:
        return SIGNED;
    case SYN_unary:
        return *e->op == '-' ? SIGNED : NEGATION;
    case SYN_binary:
        EACH_ROW(row, binary)
            if (strcmp(e->op, row->op) == 0)
                return row->tightness;
        return COMPARE;
    default:
        return ATOM;
    }
}

/* Whether the text of e ends in a reduction that would take a factor after it. */
static bool ends_open(const Syn *e)
{
    return e->kind == SYN_reduce || (e->kind == SYN_unary && ends_open(e->a))
        || (e->kind == SYN_binary && ends_open(e->b));
}

/* A reduction's operand cannot begin with a sign: `sum(i) -x` would be a difference. */
static bool starts_signed(const Syn *e)
{
    return (e->kind == SYN_binary && starts_signed(e->a))
        || (e->kind == SYN_unary && *e->op == '-') || (e->kind == SYN_num && e->num < 0);
}

static void print_in(Buf *b, const Syn *e, bool brackets)
{
    buf_add(b, brackets ? "(" : "");
    syn_print(b, e);
    buf_add(b, brackets ? ")" : "");
}

/* With what may follow the items: `else e` of subscripts, `where c` of a reduction. */
static void print_list(Buf *b, const char *open, const SynList *list, const char *word,
                       const Syn *last, const char *close)
{
    buf_add(b, "%s", open);
    for (int k = 0; k < list->n; k++) {
        buf_add(b, k ? ", " : "");
        syn_print(b, list->at[k]);
    }
    if (last) {
        buf_add(b, "%s%s ", list->n ? " " : "", word);
        syn_print(b, last);
    }
    buf_add(b, "%s", close);
}

static void print_call(Buf *b, const Syn *e)
{
    buf_add(b, "%s(", e->name);
    for (int k = 0; k < e->args.n; k++) {
        buf_add(b, k ? ", " : "");
        if (e->args.at[k].name)
            buf_add(b, "%s = ", e->args.at[k].name);
        syn_print(b, e->args.at[k].value);
    }
    buf_add(b, ")");
    if (e->list.n)
        print_list(b, "[", &e->list, "else", e->a, "]");
    if (e->as)
        buf_add(b, " as %s", e->as);
}

static void print_binary(Buf *b, const Syn *e)
{
    const int own = tightness(e), left = own == COMPARE ? TOTAL : own == POWER ? ATOM : own;
    print_in(b, e->a, tightness(e->a) < left || (own == PRODUCT && ends_open(e->a)));
    buf_add(b, own == POWER ? "%s" : " %s ", e->op);
    print_in(b, e->b, tightness(e->b) < (own == POWER ? SIGNED : own + 1));
}

void syn_print(Buf *b, const Syn *e)
{
    if (!e)
        return;
    switch (e->kind) {
    case SYN_num:
        buf_add(b, "%s", number_text(e->num));
        break;
    case SYN_string:
        buf_add(b, "\"%s\"", e->name);
        break;
    case SYN_name:
        buf_add(b, "%s", e->name);
        break;
    case SYN_dots:
        buf_add(b, "..");
        break;
    case SYN_ref:
        print_list(b, format("%s[", e->name), &e->list, "else", e->a, "]");
        break;
    case SYN_call:
        print_call(b, e);
        break;
    case SYN_reduce:
        print_list(b, format("%s(", e->name), &e->list, "where", e->a, ") ");
        print_in(b, e->b, tightness(e->b) < PRODUCT || starts_signed(e->b));
        break;
    case SYN_unary:
        buf_add(b, *e->op == '-' ? "-" : "not ");
        print_in(b, e->a, tightness(e->a) < tightness(e));
        break;
    case SYN_binary:
        print_binary(b, e);
        break;
    case SYN_cond:
        print_in(b, e->c, tightness(e->c) < EITHER);
        buf_add(b, " ? ");
        syn_print(b, e->a);
        buf_add(b, " : ");
        syn_print(b, e->b);
        break;
    case SYN_attr:
        buf_add(b, "%s.%s", e->name, e->field);
        break;
    case SYN_pair: case SYN_arrow:
        syn_print(b, e->a);
        buf_add(b, e->kind == SYN_pair ? ".." : " -> ");
        syn_print(b, e->b);
        break;
    case SYN_list:
        print_list(b, "[", &e->list, "", NULL, "]");
        break;
    case SYN_paren:
        print_in(b, e->a, true);
        break;
    }
}

void formula_print(Buf *b, const Stat *s)
{
    buf_add(b, s->role ? "%s " : "", s->role);
    syn_print(b, s->left);
    buf_add(b, " %s ", s->op);
    syn_print(b, s->value);
}

void entry_print(Buf *b, const Entry *e)
{
    buf_add(b, "%s", e->name);
    if (!e->scalar)
        print_list(b, "[", &e->shape, "", NULL, "]");
    if (e->of || e->within) {
        buf_add(b, " of ");
        syn_print(b, e->of ? e->of : e->within);
    }
    if (e->init) {
        buf_add(b, " = ");
        syn_print(b, e->init);
    }
}

Str signature_text(Str name, const EntryList *params)
{
    Buf b = { 0 };
    buf_add(&b, "%s%s", name, params->n ? "(" : "");
    for (int k = 0; k < params->n; k++) {
        buf_add(&b, k ? ", " : "");
        entry_print(&b, &params->at[k]);
    }
    buf_add(&b, params->n ? ")" : "");
    return intern(b.at);
}
