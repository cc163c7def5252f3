/* emit_whole.c -- reductions that find a place rather than a number: argmax,
   choice, search, rank. */
#include "emit.h"

/* Opens the inner loops and the condition; returns the depth within, where braces stand open. */
static int inner_open(Emit *e, Buf *b, Stmt *s, int depth)
{
    for (int k = s->nouter; k < s->nindex; k++)
        loop_open(e, b, s->index[k], "0", limit_text(e, s->index[k]), depth++);
    if (s->where)
        buf_line(b, depth++, "if (%s)", truth_text(e, s->where, BINDS_comma));
    brace_open(b);
    return depth;
}

static void inner_close(Emit *e, Buf *b, int scope, int depth)
{
    buf_line(b, depth - 1, "}");
    scope_leave(e, scope);
}

/* The number of a point, the last index fastest. */
static Str number_of(Emit *e, Stmt *s)
{
    Str text = "0";
    for (int k = s->nouter; k < s->nindex; k++) {
        Str name = index_info(e, s->index[k])->name, extent = extent_text(e, s->index[k]);
        text = k == s->nouter
            ? name
            : format(k == s->nouter + 1 ? "%s * %s + %s" : "(%s) * %s + %s", text, extent, name);
    }
    return text;
}

static void argmax_print(Emit *e, Buf *b, Stmt *s, int depth)
{
    Str best = scope_enter(e, "best"), top = scope_enter(e, "top"), v = scope_enter(e, "v");
    const char *type = s->value->whole ? "int" : e->real;
    const int scope = e->scope.n;
    buf_line(b, depth, "int %s = -1;", best);
    buf_line(b, depth, "%s %s = 0;", type, top);
    const int in = inner_open(e, b, s, depth);
    buf_line(b, in, "const %s %s = %s;", type, v, expr_text(e, s->value, BINDS_comma));
    buf_line(b, in, "if (%s < 0 || %s %s %s) {", best, v, s->set == SET_argmax ? ">" : "<", top);
    buf_line(b, in + 1, "%s = %s;", best, number_of(e, s));
    buf_line(b, in + 1, "%s = %s;", top, v);
    buf_line(b, in, "}");
    inner_close(e, b, scope, in);
    buf_line(b, depth, "%s = %s;", target_text(e, s), best);
}

/* The point where the running sum of the weights passes draw times their total. */
static void choice_print(Emit *e, Buf *b, Stmt *s, int depth)
{
    Str left = scope_enter(e, "left"), pick = scope_enter(e, "pick"), w = scope_enter(e, "weight");
    const int scope = e->scope.n;
    buf_line(b, depth, "double %s = 0;", left);
    int in = inner_open(e, b, s, depth);
    buf_line(b, in, "%s += %s;", left, expr_text(e, s->value, BINDS_comma));
    inner_close(e, b, scope, in);
    buf_line(b, depth, "%s *= %s;", left, expr_text(e, s->draw, BINDS_mul));
    buf_line(b, depth, "int %s = -1;", pick);
    in = inner_open(e, b, s, depth);
    buf_line(b, in, "const double %s = %s;", w, expr_text(e, s->value, BINDS_comma));
    buf_line(b, in, "if (%s > 0 && %s >= 0)", w, left);
    buf_line(b, in + 1, "%s = %s;", pick, number_of(e, s));
    buf_line(b, in, "%s -= %s;", left, w);
    inner_close(e, b, scope, in);
    buf_line(b, depth, "%s = %s;", target_text(e, s), pick);
}

/* Halves the range in which the running sums pass draw times the last of them. */
static void search_print(Emit *e, Buf *b, Stmt *s, int depth)
{
    Index *over = s->index[s->nouter];
    Expr *last = expr_num(over->size - 1);
    if (s->where) {
        buf_line(b, depth, "%s = -1;", target_text(e, s));
        buf_line(b, depth++, "if (%s) {", truth_text(e, s->where, BINDS_comma));
    }
    Str draw = scope_enter(e, "draw"), level = scope_enter(e, "level");
    Str low = scope_enter(e, "low"), high = scope_enter(e, "high");
    const int scope = e->scope.n;
    buf_line(b, depth, "const %s %s = %s;", e->real, draw, expr_text(e, s->draw, BINDS_comma));
    buf_line(b, depth, "const double %s = (double) %s * %s;", level,
             expr_text(e, expr_replace(s->value, &over, &last, 1), BINDS_mul), draw);
    if (s->source) {        /* a guide to where the draws of each piece lie */
        buf_line(b, depth, "const int32_t *const piece = &%s[(int) (%s * %d)];",
                 var_used(e, s->source)->text, draw, s->source->axis[0].size - 1);
        buf_line(b, depth, "int %s = piece[0], %s = piece[1];", low, high);
    } else {
        buf_line(b, depth, "int %s = 0, %s = %s;", low, high, extent_text(e, over));
    }
    buf_line(b, depth, "while (%s < %s) {", low, high);
    Str at = index_info(e, over)->name = scope_enter(e, over->name);
    buf_line(b, depth + 1, "const int %s = (%s + %s) / 2;", at, low, high);
    buf_line(b, depth + 1, "if (%s > %s)", expr_text(e, s->value, BINDS_less), level);
    buf_line(b, depth + 2, "%s = %s;", high, at);
    buf_line(b, depth + 1, "else");
    buf_line(b, depth + 2, "%s = %s + 1;", low, at);
    inner_close(e, b, scope, depth + 1);
    buf_line(b, depth, "%s = %s < %s ? %s : -1;", target_text(e, s), low, extent_text(e, over),
             low);
    if (s->where)
        buf_line(b, depth - 1, "}");
}

static void rank_print(Emit *e, Buf *b, Stmt *s, int depth)
{
    long size = 1;
    for (int k = s->nouter; k < s->nindex; k++)
        size *= s->index[k]->size;
    Str v = scope_enter(e, "value"), place = scope_enter(e, "place"), n = scope_enter(e, "count");
    const int scope = e->scope.n;
    buf_line(b, depth, "%s %s[%ld];", e->real, v, size);
    buf_line(b, depth, "int32_t %s[%ld];", place, size);
    buf_line(b, depth, "int %s = 0;", n);
    int in = inner_open(e, b, s, depth);
    buf_line(b, in, "%s[%s++] = %s;", v, n, expr_text(e, s->value, BINDS_comma));
    inner_close(e, b, scope, in);
    buf_line(b, depth, "ae_rank(%s, %s, %s);", place, v, n);
    buf_line(b, depth, "%s = 0;", n);
    in = inner_open(e, b, s, depth);
    buf_line(b, in, "%s = %s[%s++];", target_text(e, s), place, n);
    inner_close(e, b, scope, in);
}

void whole_print(Emit *e, Buf *b, Stmt *s, int depth)
{
    static void (*const print[])(Emit *, Buf *, Stmt *, int) = {
        [SET_argmax] = argmax_print, [SET_argmin] = argmax_print, [SET_choice] = choice_print,
        [SET_search] = search_print, [SET_rank] = rank_print,
    };
    const bool hold = s->held && e->how.check;
    const int scope = e->scope.n;
    if (hold)
        buf_line(b, depth++, "if (!ae_clock.hold) {");
    print[s->set](e, b, s, depth);
    if (hold) {
        buf_line(b, depth - 1, "}");
        scope_leave(e, scope);
    }
}
