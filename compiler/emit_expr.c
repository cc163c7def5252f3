/* emit_expr.c -- expressions as C, with no more parentheses than precedence asks for. */
#include "emit.h"
#include <float.h>
#include <math.h>

/* ---- numbers ---------------------------------------------------------------------------------- */
void put_real(Emit *e, Buf *b, double v)
{
    const bool f64 = e->how.f64;
    if (isnan(v)) {
        buf_add(b, "NAN");
    } else if (isinf(v) || (!f64 && fabs(v) > FLT_MAX)) {
        buf_add(b, "%sINFINITY", v < 0 ? "-" : "");
    } else {
        Str text = number_text(!f64 && (float) v == 0 ? 0 : v);
        const bool dot = strpbrk(text, ".e") != NULL;
        buf_add(b, "%s%s%s", text, dot ? "" : ".0", f64 ? "" : "f");
    }
}

static void put_num(Emit *e, Buf *b, Expr *x, int above)
{
    const bool negative = signbit(x->num) && !isnan(x->num);
    if (negative && above > BINDS_add)
        buf_add(b, "(");
    if (x->whole)
        buf_add(b, "%ld", (long) x->num);
    else
        put_real(e, b, x->num);
    if (negative && above > BINDS_add)
        buf_add(b, ")");
}

/* ---- reads ------------------------------------------------------------------------------------ */
void put_part(Emit *e, Buf *b, Tensor *t, Expr **sub, int n)
{
    Info *info = info_of(e, t);
    if (info->local) {
        buf_add(b, "%s", info->local);
        return;
    }
    Var *v = var_of(e, t);
    v->used = true;
    var_root(v)->used = true;
    buf_add(b, "%s", v->text);
    for (int k = 0; k < n; k++) {
        buf_add(b, "[");
        put_expr(e, b, expr_op(OP_add, sub[k], expr_num(t->before[k]), NULL), BINDS_comma);
        buf_add(b, "]");
    }
}

void put_place(Emit *e, Buf *b, Tensor *t, Expr **sub)
{
    put_part(e, b, t, sub, t->rank);
}

/* The length of axis k where the subscripts are: a number for all, or one for each example. */
static void put_length(Emit *e, Buf *b, Tensor *t, Expr **sub, int k)
{
    Tensor *length = t->axis[k].length;
    Expr *at[MAX_RANK];
    int n = 0;
    for (int j = 0; j < t->rank && n < length->rank; j++)
        if (t->axis[j].example)
            at[n++] = example_at(length, &t->axis[j], sub[j]);
    for (int j = 0; j < t->rank && n < length->rank; j++)
        if (!t->axis[j].example)
            at[n++] = sub[j];
    put_place(e, b, length, at);
}

/* One subscript's check, as little of it as is needed. */
static bool put_check(Emit *e, Buf *b, Tensor *t, Expr **sub, int k, const char *before)
{
    long lo, hi;
    const bool known = bounds(sub[k], &lo, &hi), low = known && lo >= 0;
    const bool length = t->axis[k].length != NULL, high = known && hi < t->axis[k].size && !length;
    if (low && high)
        return false;
    buf_add(b, "%s", before);
    if (high) {
        put_expr(e, b, sub[k], BINDS_add);
        buf_add(b, " >= 0");
        return true;
    }
    if (low) {
        put_expr(e, b, sub[k], BINDS_add);
        buf_add(b, " < ");
    } else {
        buf_add(b, "(unsigned) ");
        put_expr(e, b, sub[k], BINDS_all);
        buf_add(b, length ? " < (unsigned) " : " < ");
    }
    if (length)
        put_length(e, b, t, sub, k);
    else
        buf_add(b, "%s", var_of(e, t)->extent[k]);
    return true;
}

/* Examples first: the lengths of the other axes are read at them. */
bool put_inside(Emit *e, Buf *b, Tensor *t, Expr **sub, unsigned check, const char *before)
{
    bool any = false;
    for (int pass = 0; pass < 2; pass++)
        for (int k = 0; k < t->rank; k++)
            if ((check >> k & 1) && t->axis[k].example == (pass == 0))
                any |= put_check(e, b, t, sub, k, any ? " && " : before);
    return any;
}

static void put_read(Emit *e, Buf *b, Expr *x, int above)
{
    for (int k = 0; k < e->loaded.n; k++)
        if (expr_same(e->loaded.at[k].read, x)) {
            buf_add(b, "%s", e->loaded.at[k].name);
            return;
        }
    Buf inside = { 0 };
    if (!x->check || !put_inside(e, &inside, x->tensor, x->sub, x->check, "")) {
        const bool cast = var_of(e, x->tensor)->text[0] == '(' && above > BINDS_unary;
        buf_add(b, cast ? "(" : "");
        put_place(e, b, x->tensor, x->sub);
        buf_add(b, cast ? ")" : "");
        return;
    }
    buf_add(b, above > BINDS_cond ? "(%s ? " : "%s ? ", inside.at);
    put_place(e, b, x->tensor, x->sub);
    buf_add(b, " : ");
    if (x->other)
        put_expr(e, b, x->other, BINDS_cond);
    else if (x->whole)
        buf_add(b, "0");
    else
        put_real(e, b, 0);
    buf_add(b, above > BINDS_cond ? ")" : "");
}

/* ---- operations ------------------------------------------------------------------------------- */
static const struct { const char *f32, *f64; } texts[OP_COUNT] = {
#define SCALAR(name, n, written, whole, f32, f64, ...) [OP_##name] = { f32, f64 },
#include "scalars.def"
#undef SCALAR
};

static const char *const vector_texts[OP_COUNT] = {     /* in fast float */
#define SCALAR(...)
#define VECTOR(name, f32) [OP_##name] = f32,
#include "scalars.def"
#undef SCALAR
};

static const char *const whole_texts[OP_COUNT] = {      /* where whole arguments want another function */
    [OP_mod] = "ae_imod(%1, %2)", [OP_max] = "ae_imax(%1, %2)", [OP_min] = "ae_imin(%1, %2)",
    [OP_abs] = "abs(%1)", [OP_sign] = "(int) ae_signf(%1)",
};

/* How tightly an operation binds, and what it asks of its operands. */
typedef struct { int binds, left, right; } Binding;
static Binding binding(Op op)
{
    switch (op) {
    case OP_add: return (Binding) { BINDS_add, BINDS_add, BINDS_add + 1 };
    case OP_sub: return (Binding) { BINDS_add, BINDS_add, BINDS_add + 1 };
    case OP_mul: return (Binding) { BINDS_mul, BINDS_mul, BINDS_unary };
    case OP_div: return (Binding) { BINDS_mul, BINDS_mul, BINDS_unary };
    case OP_neg: return (Binding) { BINDS_unary, BINDS_all, BINDS_all };
    case OP_lt: case OP_le: return (Binding) { BINDS_less, BINDS_add, BINDS_add };
    case OP_eq: case OP_ne: return (Binding) { BINDS_eq, BINDS_add, BINDS_add };
    case OP_and: return (Binding) { BINDS_and, BINDS_and, BINDS_eq };
    case OP_or:  return (Binding) { BINDS_or, BINDS_or, BINDS_eq };
    default: return (Binding) { BINDS_all, BINDS_comma, BINDS_comma };
    }
}

static bool is_truth(Expr *x)
{
    if (x->kind == EXPR_inside)
        return true;
    return x->kind == EXPR_op && x->op >= OP_lt && x->op <= OP_not;
}

void put_truth(Emit *e, Buf *b, Expr *x, int above)
{
    /* gcc warns of && within ||, and of numbers as truths. */
    const bool mixed = x->kind == EXPR_op && x->op == OP_and && above == BINDS_or;
    if (is_truth(x)) {
        put_expr(e, b, x, mixed ? BINDS_all : above);
        return;
    }
    buf_add(b, above > BINDS_eq ? "(" : "");
    put_expr(e, b, x, BINDS_add);
    buf_add(b, above > BINDS_eq ? " != 0)" : " != 0");
}

static void put_select(Emit *e, Buf *b, Expr *x, int above)
{
    buf_add(b, above > BINDS_cond ? "(" : "");
    put_truth(e, b, x->arg[0], BINDS_or);
    buf_add(b, " ? ");
    put_expr(e, b, x->arg[1], BINDS_or);
    buf_add(b, " : ");
    put_expr(e, b, x->arg[2], BINDS_cond);
    buf_add(b, above > BINDS_cond ? ")" : "");
}

static void put_not(Emit *e, Buf *b, Expr *x, int above)
{
    if (is_truth(x->arg[0])) {
        buf_add(b, "!");
        put_expr(e, b, x->arg[0], BINDS_all);
        return;
    }
    buf_add(b, above > BINDS_eq ? "(" : "");
    put_expr(e, b, x->arg[0], BINDS_add);
    buf_add(b, above > BINDS_eq ? " == 0)" : " == 0");
}

static void put_arg(Emit *e, Buf *b, Expr *x, int k, Binding by)
{
    Expr *a = x->arg[k];
    const int above = k == 0 ? by.left : by.right;
    if (x->op == OP_and || x->op == OP_or)
        put_truth(e, b, a, above);
    else if (x->op == OP_div && a->kind == EXPR_num && (k == 0 ? a->whole && x->arg[1]->whole : a->num == 0))
        put_real(e, b, a->num);         /* never a division of whole numbers, nor one by a whole 0 */
    else if (x->op == OP_div && k == 0 && a->whole && x->arg[1]->whole) {
        buf_add(b, "(%s) ", e->real);
        put_expr(e, b, a, BINDS_all);
    } else if (is_truth(a) && above > BINDS_less)
        put_expr(e, b, a, BINDS_all);
    else
        put_expr(e, b, a, above);
}

static void put_product(Emit *e, Buf *b, Expr *a, Str by, int above)
{
    buf_add(b, above > BINDS_mul ? "(" : "");
    put_expr(e, b, a, BINDS_mul);
    buf_add(b, " * %s%s", by, above > BINDS_mul ? ")" : "");
}

static void put_op(Emit *e, Buf *b, Expr *x, int above)
{
    Str inverse = x->op == OP_div ? inverse_of(e, x) : NULL;
    if (inverse) {
        put_product(e, b, x->arg[0], inverse, above);
        return;
    }
    if (x->op == OP_select) {
        put_select(e, b, x, above);
        return;
    }
    if (x->op == OP_not) {
        put_not(e, b, x, above);
        return;
    }
    const char *how = e->how.f64 ? texts[x->op].f64 : texts[x->op].f32;
    if (e->how.fast && !e->how.f64 && vector_texts[x->op])
        how = vector_texts[x->op];
    if (x->whole && whole_texts[x->op])
        how = whole_texts[x->op];
    Binding by = binding(x->op);
    if (how[0] == '(')                  /* a cast */
        by.binds = BINDS_unary;
    buf_add(b, by.binds < above ? "(" : "");
    for (const char *c = how; *c; c++)
        if (*c == '%' && c[1] >= '1' && c[1] <= '3')
            put_arg(e, b, x, *++c - '1', by);
        else
            buf_put(b, c, 1);
    buf_add(b, by.binds < above ? ")" : "");
}

void put_expr(Emit *e, Buf *b, Expr *x, int above)
{
    Str same = x->kind == EXPR_op || (x->kind == EXPR_read && x->whole) ? same_of(e, x) : NULL;
    if (same) {
        buf_add(b, "%s", same);
        return;
    }
    switch (x->kind) {
    case EXPR_num:
        put_num(e, b, x, above);
        return;
    case EXPR_index:
        buf_add(b, "%s", index_info(e, x->index)->name ? index_info(e, x->index)->name : "?");
        return;
    case EXPR_read:
        put_read(e, b, x, above);
        return;
    case EXPR_inside: {
        Buf inside = { 0 };
        if (!put_inside(e, &inside, x->arg[0]->tensor, x->arg[0]->sub, x->arg[0]->check, ""))
            buf_add(b, "1");
        else
            buf_add(b, above > BINDS_and ? "(%s)" : "%s", inside.at);
        return;
    }
    case EXPR_op:
        e->exact += x->whole;
        put_op(e, b, x, above);
        e->exact -= x->whole;
        return;
    case EXPR_draw:
        put_draw(e, b, x);
        return;
    default:
        bug("an expression of kind %d reached the emitter", (int) x->kind);
    }
}
