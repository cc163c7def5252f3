/* emit_expr.c -- expressions as C, with no more parentheses than precedence asks for. */
#include "emit.h"
#include <float.h>
#include <math.h>

static Str wrapped(bool wrap, Str text)
{
    return wrap ? format("(%s)", text) : text;
}

/* ---- numbers -------------------------------------------------------------------------------- */
Str real_text(Emit *e, double v)
{
    const bool f64 = e->how.f64;
    if (isnan(v))
        return "NAN";
    if (isinf(v) || (!f64 && fabs(v) > FLT_MAX))
        return v < 0 ? "-INFINITY" : "INFINITY";
    Str text = number_text(!f64 && (float) v == 0 ? 0 : v);
    return format("%s%s%s", text, strpbrk(text, ".e") ? "" : ".0", f64 ? "" : "f");
}

static Str num_text(Emit *e, Expr *x, int above)
{
    const bool negative = signbit(x->num) && !isnan(x->num);
    return wrapped(negative && above > BINDS_add,
                   x->whole ? format("%ld", (long) x->num) : real_text(e, x->num));
}

/* ---- reads ---------------------------------------------------------------------------------- */
Str part_text(Emit *e, Tensor *t, Expr **sub, int n)
{
    if (info_of(e, t)->local)
        return info_of(e, t)->local;
    Str text = var_used(e, t)->text;
    for (int k = 0; k < n; k++)
        text = format("%s[%s]", text,
                      expr_text(e, OP2(add, sub[k], expr_num(t->before[k])), BINDS_comma));
    return text;
}

Str place_text(Emit *e, Tensor *t, Expr **sub)
{
    return part_text(e, t, sub, t->rank);
}

/* The length of axis k where the subscripts are: a number for all, or one for each example. */
static Str length_text(Emit *e, Tensor *t, Expr **sub, int k)
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
    return place_text(e, length, at);
}

/* One subscript's check, as little of it as is needed; NULL: nothing. */
static Str check_text(Emit *e, Tensor *t, Expr **sub, int k)
{
    long lo, hi;
    const bool known = bounds(sub[k], &lo, &hi), low = known && lo >= 0;
    const bool length = t->axis[k].length != NULL, high = known && hi < t->axis[k].size && !length;
    if (low && high)
        return NULL;
    if (high)
        return format("%s >= 0", expr_text(e, sub[k], BINDS_add));
    Str end = length ? length_text(e, t, sub, k) : var_of(e, t)->extent[k];
    if (low)
        return format("%s < %s", expr_text(e, sub[k], BINDS_add), end);
    return format(length ? "(unsigned) %s < (unsigned) %s" : "(unsigned) %s < %s",
                  expr_text(e, sub[k], BINDS_all), end);
}

/* Examples first: the lengths of the other axes are read at them. */
Str inside_text(Emit *e, Tensor *t, Expr **sub, unsigned check)
{
    Buf b = { 0 };
    for (int examples = 1; examples >= 0; examples--)
        for (int k = 0; k < t->rank; k++) {
            const bool now = (check >> k & 1) && t->axis[k].example == examples;
            Str one = now ? check_text(e, t, sub, k) : NULL;
            if (one)
                buf_add(&b, b.n ? " && %s" : "%s", one);
        }
    return b.at;
}

static Str read_text(Emit *e, Expr *x, int above)
{
    Str inside = inside_text(e, x->tensor, x->sub, x->check);
    Str place = place_text(e, x->tensor, x->sub);
    if (!inside)
        return wrapped(var_of(e, x->tensor)->text[0] == '(' && above > BINDS_unary, place);
    Str other = x->other ? expr_text(e, x->other, BINDS_cond) : x->whole ? "0" : real_text(e, 0);
    return wrapped(above > BINDS_cond, format("%s ? %s : %s", inside, place, other));
}

/* ---- operations ----------------------------------------------------------------------------- */
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

/* Where whole arguments want another function. */
static const char *const whole_texts[OP_COUNT] = {
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

static bool is_truth(const Expr *x)
{
    return x->kind == EXPR_inside || (x->kind == EXPR_op && x->op >= OP_lt && x->op <= OP_not);
}

/* gcc warns of && within ||, and of numbers as truths. */
Str truth_text(Emit *e, Expr *x, int above)
{
    if (is_truth(x))
        return expr_text(e, x, is_op(x, OP_and) && above == BINDS_or ? BINDS_all : above);
    return wrapped(above > BINDS_eq, format("%s != 0", expr_text(e, x, BINDS_add)));
}

static Str select_text(Emit *e, Expr *x, int above)
{
    return wrapped(above > BINDS_cond,
                   format("%s ? %s : %s", truth_text(e, x->arg[0], BINDS_or),
                          expr_text(e, x->arg[1], BINDS_or), expr_text(e, x->arg[2], BINDS_cond)));
}

static Str not_text(Emit *e, Expr *x, int above)
{
    if (is_truth(x->arg[0]))
        return format("!%s", expr_text(e, x->arg[0], BINDS_all));
    return wrapped(above > BINDS_eq, format("%s == 0", expr_text(e, x->arg[0], BINDS_add)));
}

static Str arg_text(Emit *e, Expr *x, int k, Binding by)
{
    Expr *a = x->arg[k];
    const int above = k == 0 ? by.left : by.right;
    if (x->op == OP_and || x->op == OP_or)
        return truth_text(e, a, above);
    const bool wholes = x->op == OP_div && x->arg[0]->whole && x->arg[1]->whole;
    if (x->op == OP_div && a->kind == EXPR_num && (k == 0 ? wholes : a->num == 0))
        return real_text(e, a->num);  /* never a division of whole numbers, nor one by a whole 0 */
    if (wholes && k == 0)
        return format("(%s) %s", e->real, expr_text(e, a, BINDS_all));
    return expr_text(e, a, is_truth(a) && above > BINDS_less ? BINDS_all : above);
}

static Str op_text(Emit *e, Expr *x, int above)
{
    Str inverse = x->op == OP_div ? inverse_of(e, x) : NULL;
    if (inverse)
        return wrapped(above > BINDS_mul,
                       format("%s * %s", expr_text(e, x->arg[0], BINDS_mul), inverse));
    if (x->op == OP_select)
        return select_text(e, x, above);
    if (x->op == OP_not)
        return not_text(e, x, above);
    const char *how = e->how.f64 ? texts[x->op].f64 : texts[x->op].f32;
    if (e->how.fast && !e->how.f64 && vector_texts[x->op])
        how = vector_texts[x->op];
    if (x->whole && whole_texts[x->op])
        how = whole_texts[x->op];
    Binding by = binding(x->op);
    if (how[0] == '(')                  /* a cast */
        by.binds = BINDS_unary;
    Buf b = { 0 };
    for (const char *c = how; *c; c++)
        if (*c == '%' && c[1] >= '1' && c[1] <= '3')
            buf_add(&b, "%s", arg_text(e, x, *++c - '1', by));
        else
            buf_put(&b, c, 1);
    return wrapped(by.binds < above, b.at);
}

Str expr_text(Emit *e, Expr *x, int above)
{
    Str text = x->kind == EXPR_op || x->kind == EXPR_read ? local_of(e, x) : NULL;
    if (text)
        return text;
    switch (x->kind) {
    case EXPR_num:
        return num_text(e, x, above);
    case EXPR_index:
        text = index_info(e, x->index)->name;
        return text ? text : "?";
    case EXPR_read:
        return read_text(e, x, above);
    case EXPR_inside:
        text = inside_text(e, x->arg[0]->tensor, x->arg[0]->sub, x->arg[0]->check);
        return text ? wrapped(above > BINDS_and, text) : "1";
    case EXPR_op:
        e->exact += x->whole;
        text = op_text(e, x, above);
        e->exact -= x->whole;
        return text;
    case EXPR_draw:
        return draw_text(e, x);
    default:
        bug("an expression of kind %d reached the emitter", (int) x->kind);
    }
}
