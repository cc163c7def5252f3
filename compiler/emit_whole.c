/* emit_whole.c -- reductions that find a place rather than a number: argmax, choice, search, rank. */
#include "emit.h"

/* Opens the inner loops and the condition; returns the depth within, where braces stand open. */
static int inner_open(Emit *e, Buf *b, Stmt *s, int depth)
{
    for (int k = s->nouter; k < s->nindex; k++)
        loop_open(e, b, s->index[k], "0", limit_text(e, s->index[k]), depth++);
    if (s->where) {
        indent(b, depth++);
        buf_add(b, "if (");
        put_truth(e, b, s->where, BINDS_comma);
        buf_add(b, ")\n");
    }
    b->n--;                             /* the brace joins the line */
    buf_add(b, " {\n");
    return depth;
}

static void inner_close(Buf *b, int depth)
{
    indent(b, depth - 1);
    buf_add(b, "}\n");
}

/* The number of a point, the last index fastest. */
static void put_number(Emit *e, Buf *b, Stmt *s)
{
    for (int k = s->nouter + 1; k < s->nindex - 1; k++)
        buf_add(b, "(");
    for (int k = s->nouter; k < s->nindex; k++) {
        if (k > s->nouter)
            buf_add(b, "%s * %s + ", k > s->nouter + 1 ? ")" : "", extent_text(e, s->index[k]));
        buf_add(b, "%s", index_info(e, s->index[k])->name);
    }
    if (s->nouter == s->nindex)
        buf_add(b, "0");
}

static const char *value_type(Emit *e, Stmt *s)
{
    return s->value->whole ? "int" : e->real;
}

static void argmax_print(Emit *e, Buf *b, Stmt *s, int depth)
{
    Str best = scope_enter(e, "best"), top = scope_enter(e, "top"), v = scope_enter(e, "v");
    const int scope = e->scope.n;
    indent(b, depth);
    buf_add(b, "int %s = -1;\n", best);
    indent(b, depth);
    buf_add(b, "%s %s = 0;\n", value_type(e, s), top);
    const int in = inner_open(e, b, s, depth);
    indent(b, in);
    buf_add(b, "const %s %s = ", value_type(e, s), v);
    put_expr(e, b, s->value, BINDS_comma);
    buf_add(b, ";\n");
    indent(b, in);
    buf_add(b, "if (%s < 0 || %s %s %s) {\n", best, v, s->set == SET_argmax ? ">" : "<", top);
    indent(b, in + 1);
    buf_add(b, "%s = ", best);
    put_number(e, b, s);
    buf_add(b, ";\n");
    indent(b, in + 1);
    buf_add(b, "%s = %s;\n", top, v);
    indent(b, in);
    buf_add(b, "}\n");
    inner_close(b, in);
    scope_leave(e, scope);
    indent(b, depth);
    buf_add(b, "%s = %s;\n", place_text(e, s), best);
}

/* The point where the running sum of the weights passes draw times their total. */
static void choice_print(Emit *e, Buf *b, Stmt *s, int depth)
{
    Str left = scope_enter(e, "left"), pick = scope_enter(e, "pick"), w = scope_enter(e, "weight");
    const int scope = e->scope.n;
    indent(b, depth);
    buf_add(b, "double %s = 0;\n", left);
    int in = inner_open(e, b, s, depth);
    indent(b, in);
    buf_add(b, "%s += ", left);
    put_expr(e, b, s->value, BINDS_comma);
    buf_add(b, ";\n");
    inner_close(b, in);
    scope_leave(e, scope);
    indent(b, depth);
    buf_add(b, "%s *= ", left);
    put_expr(e, b, s->draw, BINDS_mul);
    buf_add(b, ";\n");
    indent(b, depth);
    buf_add(b, "int %s = -1;\n", pick);
    in = inner_open(e, b, s, depth);
    indent(b, in);
    buf_add(b, "const double %s = ", w);
    put_expr(e, b, s->value, BINDS_comma);
    buf_add(b, ";\n");
    indent(b, in);
    buf_add(b, "if (%s > 0 && %s >= 0)\n", w, left);
    indent(b, in + 1);
    buf_add(b, "%s = ", pick);
    put_number(e, b, s);
    buf_add(b, ";\n");
    indent(b, in);
    buf_add(b, "%s -= %s;\n", left, w);
    inner_close(b, in);
    scope_leave(e, scope);
    indent(b, depth);
    buf_add(b, "%s = %s;\n", place_text(e, s), pick);
}

/* Halves the range in which the running sums pass draw times the last of them. */
static void search_print(Emit *e, Buf *b, Stmt *s, int depth)
{
    Index *over = s->index[s->nouter];
    Expr *last = expr_num(over->size - 1);
    if (s->where) {
        indent(b, depth);
        buf_add(b, "%s = -1;\n", place_text(e, s));
        indent(b, depth++);
        buf_add(b, "if (");
        put_truth(e, b, s->where, BINDS_comma);
        buf_add(b, ") {\n");
    }
    Str draw = scope_enter(e, "draw"), level = scope_enter(e, "level"), low = scope_enter(e, "low"), high = scope_enter(e, "high");
    const int scope = e->scope.n;
    indent(b, depth);
    buf_add(b, "const %s %s = ", e->real, draw);
    put_expr(e, b, s->draw, BINDS_comma);
    buf_add(b, ";\n");
    indent(b, depth);
    buf_add(b, "const double %s = (double) ", level);
    put_expr(e, b, expr_replace(s->value, &over, &last, 1), BINDS_mul);
    buf_add(b, " * %s;\n", draw);
    indent(b, depth);
    if (s->source) {        /* a guide to where the draws of each piece lie */
        const Var *guide = var_of(e, s->source);
        var_of(e, s->source)->used = true;
        buf_add(b, "const int32_t *const piece = &%s[(int) (%s * %d)];\n", guide->text, draw, s->source->axis[0].size - 1);
        indent(b, depth);
        buf_add(b, "int %s = piece[0], %s = piece[1];\n", low, high);
    } else {
        buf_add(b, "int %s = 0, %s = %s;\n", low, high, extent_text(e, over));
    }
    indent(b, depth);
    buf_add(b, "while (%s < %s) {\n", low, high);
    Str at = index_info(e, over)->name = scope_enter(e, over->name);
    indent(b, depth + 1);
    buf_add(b, "const int %s = (%s + %s) / 2;\n", at, low, high);
    indent(b, depth + 1);
    buf_add(b, "if (");
    put_expr(e, b, s->value, BINDS_less);
    buf_add(b, " > %s)\n", level);
    indent(b, depth + 2);
    buf_add(b, "%s = %s;\n", high, at);
    indent(b, depth + 1);
    buf_add(b, "else\n");
    indent(b, depth + 2);
    buf_add(b, "%s = %s + 1;\n", low, at);
    indent(b, depth);
    buf_add(b, "}\n");
    scope_leave(e, scope);
    indent(b, depth);
    buf_add(b, "%s = %s < %s ? %s : -1;\n", place_text(e, s), low, extent_text(e, over), low);
    if (s->where) {
        indent(b, depth - 1);
        buf_add(b, "}\n");
    }
}

static void rank_print(Emit *e, Buf *b, Stmt *s, int depth)
{
    long size = 1;
    for (int k = s->nouter; k < s->nindex; k++)
        size *= s->index[k]->size;
    Str v = scope_enter(e, "value"), place = scope_enter(e, "place"), n = scope_enter(e, "count");
    const int scope = e->scope.n;
    indent(b, depth);
    buf_add(b, "%s %s[%ld];\n", e->real, v, size);
    indent(b, depth);
    buf_add(b, "int32_t %s[%ld];\n", place, size);
    indent(b, depth);
    buf_add(b, "int %s = 0;\n", n);
    int in = inner_open(e, b, s, depth);
    indent(b, in);
    buf_add(b, "%s[%s++] = ", v, n);
    put_expr(e, b, s->value, BINDS_comma);
    buf_add(b, ";\n");
    inner_close(b, in);
    scope_leave(e, scope);
    indent(b, depth);
    buf_add(b, "ae_rank(%s, %s, %s);\n", place, v, n);
    indent(b, depth);
    buf_add(b, "%s = 0;\n", n);
    in = inner_open(e, b, s, depth);
    indent(b, in);
    buf_add(b, "%s = %s[%s++];\n", place_text(e, s), place, n);
    inner_close(b, in);
    scope_leave(e, scope);
}

void whole_print(Emit *e, Buf *b, Stmt *s, int depth)
{
    const bool hold = s->held && e->how.check;
    const int scope = e->scope.n;
    if (hold) {
        indent(b, depth++);
        buf_add(b, "if (!ae_clock.hold) {\n");
    }
    if (s->set == SET_argmax || s->set == SET_argmin)
        argmax_print(e, b, s, depth);
    else if (s->set == SET_choice)
        choice_print(e, b, s, depth);
    else if (s->set == SET_search)
        search_print(e, b, s, depth);
    else
        rank_print(e, b, s, depth);
    if (hold) {
        indent(b, depth - 1);
        buf_add(b, "}\n");
        scope_leave(e, scope);
    }
}
