/* print.c -- trees back to text: expressions and statements, for messages and listings.
 *
 * The text reads back as the same tree.  Brackets that the user wrote are nodes and are printed as such;
 * trees made by the compiler get those that precedence asks for. */
#include "syntax.h"

/* How tightly an expression holds together: an operand looser than its place gets brackets. */
enum { LOOSE, EITHER, BOTH, NEGATION, COMPARE, TOTAL, PRODUCT, SIGNED, POWER, ATOM };

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static int tightness(const Syn *e)
{
    switch (e->kind) {
    case SYN_num:
        return e->num < 0 ? SIGNED : ATOM;
    case SYN_cond: case SYN_pair: case SYN_arrow:
        return LOOSE;
    case SYN_reduce:
        return SIGNED;
    case SYN_unary:
        return is(e->op, "not") ? NEGATION : SIGNED;
    case SYN_binary:
        return is(e->op, "or") ? EITHER : is(e->op, "and") ? BOTH : strchr("+-", e->op[0]) ? TOTAL
             : strchr("*/%", e->op[0]) ? PRODUCT : e->op[0] == '^' ? POWER : COMPARE;
    default:
        return ATOM;
    }
}

/* Whether the text of e ends in a reduction that would take a factor after it. */
static bool ends_open(const Syn *e)
{
    if (e->kind == SYN_reduce)
        return true;
    if (e->kind == SYN_unary)
        return ends_open(e->a);
    return e->kind == SYN_binary && ends_open(e->b);
}

/* A reduction's operand cannot begin with a sign: `sum(i) -x` would be a difference. */
static bool starts_signed(const Syn *e)
{
    if (e->kind == SYN_binary)
        return starts_signed(e->a);
    return (e->kind == SYN_unary && is(e->op, "-")) || (e->kind == SYN_num && e->num < 0);
}

static void print_list(Buf *b, const SynList *list)
{
    for (int i = 0; i < list->n; i++) {
        if (i)
            buf_add(b, ", ");
        syn_print(b, list->at[i]);
    }
}

static void print_args(Buf *b, const ArgList *args)
{
    for (int i = 0; i < args->n; i++) {
        if (i)
            buf_add(b, ", ");
        if (args->at[i].name)
            buf_add(b, "%s = ", args->at[i].name);
        syn_print(b, args->at[i].value);
    }
}

static void print_in(Buf *b, const Syn *e, bool brackets)
{
    if (brackets)
        buf_add(b, "(");
    syn_print(b, e);
    if (brackets)
        buf_add(b, ")");
}

static void print_subs(Buf *b, const Syn *e)
{
    buf_add(b, "[");
    print_list(b, &e->list);
    if (e->a) {
        buf_add(b, " else ");
        syn_print(b, e->a);
    }
    buf_add(b, "]");
}

static void print_binary(Buf *b, const Syn *e)
{
    int own = tightness(e);
    int left = own == COMPARE ? TOTAL : own == POWER ? ATOM : own;
    int right = own == POWER ? SIGNED : own + 1;
    print_in(b, e->a, tightness(e->a) < left || (own == PRODUCT && ends_open(e->a)));
    buf_add(b, own == POWER ? "%s" : " %s ", e->op);
    print_in(b, e->b, tightness(e->b) < right);
}

static void print_reduction(Buf *b, const Syn *e)
{
    buf_add(b, "%s(", e->name);
    print_list(b, &e->list);
    if (e->a) {
        buf_add(b, e->list.n ? " where " : "where ");
        syn_print(b, e->a);
    }
    buf_add(b, ") ");
    print_in(b, e->b, tightness(e->b) < PRODUCT || starts_signed(e->b));
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
        buf_add(b, "%s", e->name);
        print_subs(b, e);
        break;
    case SYN_call:
        buf_add(b, "%s(", e->name);
        print_args(b, &e->args);
        buf_add(b, ")");
        if (e->list.n)
            print_subs(b, e);
        if (e->as)
            buf_add(b, " as %s", e->as);
        break;
    case SYN_reduce:
        print_reduction(b, e);
        break;
    case SYN_unary:
        buf_add(b, is(e->op, "not") ? "not " : "-");
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
        buf_add(b, "[");
        print_list(b, &e->list);
        buf_add(b, "]");
        break;
    case SYN_paren:
        buf_add(b, "(");
        syn_print(b, e->a);
        buf_add(b, ")");
        break;
    }
}

/* ---- networks ---------------------------------------------------------------------------------- */
static void print_block(Buf *b, const Block *block);

static void print_call(Buf *b, const Call *c)
{
    buf_add(b, "%s", c->name);
    if (c->args.n) {
        buf_add(b, "(");
        print_args(b, &c->args);
        buf_add(b, ")");
    }
    if (c->braced && c->blocks.n == 1) {
        buf_add(b, " ");
        print_block(b, c->blocks.at[0]);
    } else if (c->braced) {
        buf_add(b, " {");
        for (int i = 0; i < c->blocks.n; i++) {
            buf_add(b, " ");
            print_block(b, c->blocks.at[i]);
        }
        buf_add(b, " }");
    }
    if (c->as)
        buf_add(b, " as %s", c->as);
}

static void print_block(Buf *b, const Block *block)
{
    buf_add(b, "{");
    for (int i = 0; i < block->n; i++) {
        buf_add(b, " ");
        print_call(b, block->at[i]);
    }
    buf_add(b, " }");
}

/* ---- statements -------------------------------------------------------------------------------- */
static void print_entry(Buf *b, const Entry *e)
{
    buf_add(b, "%s", e->name);
    if (!e->scalar) {
        buf_add(b, "[");
        print_list(b, &e->shape);
        buf_add(b, "]");
    }
    if (e->of) {
        buf_add(b, " of ");
        print_in(b, e->of, tightness(e->of) < TOTAL);
    }
    if (e->init) {
        buf_add(b, " = ");
        syn_print(b, e->init);
    }
    if (e->exempt)
        buf_add(b, " exempt");
}

static void print_entries(Buf *b, const char *word, const Stat *s)
{
    buf_add(b, "%s ", word);
    for (int i = 0; i < s->entries.n; i++) {
        if (i)
            buf_add(b, ", ");
        print_entry(b, &s->entries.at[i]);
    }
}

static void print_function(Buf *b, const Function *f)
{
    buf_add(b, "def %s(", f->name);
    for (int i = 0; i < f->params.n; i++) {
        if (i)
            buf_add(b, ", ");
        print_entry(b, &f->params.at[i]);
    }
    buf_add(b, f->operand ? ") %s = " : ")%s = ", f->operand ? f->operand : "");
    syn_print(b, f->body);
    if (f->slope) {
        buf_add(b, "  grad ");
        syn_print(b, f->slope);
    }
}

static void print_stat(Buf *b, const Stat *s, int indent);

static void print_body(Buf *b, const StatList *body, int indent)
{
    buf_add(b, "{\n");
    for (int i = 0; i < body->n; i++) {
        buf_add(b, "%*s", 4 * (indent + 1), "");
        print_stat(b, body->at[i], indent + 1);
        buf_add(b, "\n");
    }
    buf_add(b, "%*s}", 4 * indent, "");
}

static void print_scan(Buf *b, const Stat *s, int indent)
{
    buf_add(b, "scan %s ", s->name);
    if (s->bound) {
        buf_add(b, "< ");
        print_in(b, s->bound, tightness(s->bound) < TOTAL);
        buf_add(b, " ");
    }
    if (s->down)
        buf_add(b, "down ");
    print_body(b, &s->body, indent);
    if (s->until) {
        buf_add(b, " until ");
        syn_print(b, s->until);
    }
}

static void print_net(Buf *b, const Stat *s)
{
    buf_add(b, "net %s", s->name);
    if (s->of)
        buf_add(b, "(%s)", s->of);
    if (s->block) {
        buf_add(b, " ");
        print_block(b, s->block);
    } else {
        buf_add(b, " = ");
        syn_print(b, s->value);
    }
}

static void print_pair(Buf *b, const char *word, const Stat *s)
{
    buf_add(b, "%s", word);
    syn_print(b, s->left);
    buf_add(b, " %s ", s->op ? s->op : "=");
    syn_print(b, s->value);
}

static void print_stat(Buf *b, const Stat *s, int indent)
{
    switch (s->kind) {
    case STAT_in:     print_entries(b, "in", s);     break;
    case STAT_out:    print_entries(b, "out", s);    break;
    case STAT_param:  print_entries(b, "param", s);  break;
    case STAT_state:  print_entries(b, "state", s);  break;
    case STAT_target: print_entries(b, "target", s); break;
    case STAT_grad:   print_entries(b, "grad", s);   break;
    case STAT_set:
        buf_add(b, "set %s = ", s->name);
        syn_print(b, s->value);
        break;
    case STAT_require:
        buf_add(b, "require ");
        syn_print(b, s->value);
        if (s->name)
            buf_add(b, "  \"%s\"", s->name);
        break;
    case STAT_mirror:
        buf_add(b, "mirror ");
        print_call(b, s->call);
        break;
    case STAT_tied:
        print_pair(b, "tied ", s);
        break;
    case STAT_def:
        print_function(b, s->function);
        break;
    case STAT_net:
        print_net(b, s);
        break;
    case STAT_scan:
        print_scan(b, s, indent);
        break;
    case STAT_sweep:
        buf_add(b, "sweep(every = %s) ", s->name);
        if (s->body.n == 1 && s->body.at[0]->kind == STAT_assign)
            print_stat(b, s->body.at[0], indent);
        else
            print_body(b, &s->body, indent);
        break;
    case STAT_assign:
        if (s->role)
            buf_add(b, "%s ", s->role);
        print_pair(b, "", s);
        break;
    case STAT_let:
        buf_add(b, "let ");
        for (int i = 0; i < s->names.n; i++)
            buf_add(b, i ? ", %s" : "%s", s->names.at[i]);
        buf_add(b, " = ");
        syn_print(b, s->value);
        break;
    case STAT_predict:
        print_pair(b, "predict ", s);
        break;
    case STAT_minimize:
        buf_add(b, "minimize ");
        syn_print(b, s->value);
        break;
    }
    if (s->as)
        buf_add(b, " as %s", s->as);
}

void stat_print(Buf *b, const Stat *s)
{
    print_stat(b, s, 0);
}
