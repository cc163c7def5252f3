/* emit_nest.c -- loop trees as C. */
#include "emit.h"

void brace_open(Buf *b)
{
    b->n--;
    buf_add(b, " {\n");
}

/* ---- sums in a local ------------------------------------------------------------------------ */
bool loops_use(const Node *n, Expr *x)
{
    while (n->kind == NODE_loop && !expr_uses(x, n->index))
        n = n->body.at[0];
    return n->kind == NODE_loop;
}

Stmt *only_point(const Node *n)
{
    while (n->kind == NODE_loop && n->body.n == 1)
        n = n->body.at[0];
    return n->kind == NODE_point ? n->stmt : NULL;
}

static bool reads_target(Stmt *s)
{
    return FIND_AT(a, stmt_accesses(s), !a->write && a->tensor == s->target);
}

/* A value set, then accumulated onto over loops of its own: it can stay in a register. */
static bool is_sum(Emit *e, Node *fill, Node *loops)
{
    if (fill->kind != NODE_point || loops->kind != NODE_loop)
        return false;
    Stmt *a = fill->stmt, *s = only_point(loops);
    if (!s || info_of(e, s->target)->scalar || a->set != SET_is || !accumulates(s)
        || !everywhere(a) || s->check || s->held)
        return false;
    return a->target == s->target && same_subs(a->sub, s->sub, s->target->rank)
        && !reads_target(s) && !reads_target(a);
}

/* Loops that all accumulate onto one element, set elsewhere: it too can stay in a register. Not
 * while a condition has to tell first whether there is one. */
static bool is_long_sum(Emit *e, Node *n)
{
    Stmt *s = n->kind == NODE_loop ? only_point(n) : NULL;
    if (!e->how.fast || !s || !accumulates(s) || s->check || s->held || reads_target(s)
        || ANY_EXPR(x, s->where, x->kind == EXPR_inside && x->arg[0]->tensor == s->target)
        || info_of(e, s->target)->local || info_of(e, s->target)->scalar)
        return false;
    while (n->kind == NODE_loop && reduces(s, n->index))
        n = n->body.at[0];
    return n->kind != NODE_loop;
}

static const char *local_name(Set set)
{
    return set == SET_add ? "sum" : set == SET_mul ? "product" : set == SET_max ? "most" : "least";
}

/* ---- conditions before loops ---------------------------------------------------------------- */
typedef struct { Node *loop; Stmt *s; Buf text; bool all; } Lift;

static bool varies(Node *loop, Expr *x)
{
    /* Whether a place is inside is told by the subscripts in question. */
    if (x->kind == EXPR_inside) {
        Expr *read = x->arg[0];
        const Tensor *t = read->tensor;
        return ANY(k, t->rank, (read->check >> k & 1)
                               && varies(loop, t->axis[k].length ? read : read->sub[k]));
    }
    return loops_use(loop, x);
}

static bool is_risk(const Expr *x)
{
    return x->kind == EXPR_draw || (x->kind == EXPR_read && !lies_inside(x));
}

/* Whether values of t decide about x; whether a place of it is inside is
   told by the subscripts. */
static bool goes_by(Expr *x, const Tensor *t)
{
    if (!x)
        return false;
    if (x->kind == EXPR_inside)
        return ANY(k, x->arg[0]->tensor->rank, goes_by(x->arg[0]->sub[k], t));
    if (x->kind == EXPR_read && x->tensor == t)
        return true;
    int k = 0;
    while (expr_part(x, k) && !goes_by(*expr_part(x, k), t))
        k++;
    return expr_part(x, k);
}

static void add_condition(Buf *b, Str text)
{
    buf_add(b, "%s%s", b->n ? " && " : "", text);
}

/* The condition without those parts that are the same throughout the loop, which go into l->text.
 * What stands behind a part that stays may rely on it. */
static Expr *lift(Emit *e, Lift *l, Expr *x)
{
    if (is_op(x, OP_and)) {
        Expr *a = lift(e, l, x->arg[0]), *b = lift(e, l, x->arg[1]);
        return a && b ? OP2(and, a, b) : a ? a : b;
    }
    if (varies(l->loop, x) || goes_by(x, l->s->target)
        || (!l->all && ANY_EXPR(part, x, is_risk(part)))) {
        l->all = false;
        return x;
    }
    add_condition(&l->text, truth_text(e, x, BINDS_eq));
    return NULL;
}

/* Takes out of the point within the loops what decides about all of them; empty: nothing. */
static Buf lifted(Emit *e, Node *loop)
{
    Lift l = { .loop = loop, .s = only_point(loop), .all = true };
    if (!e->how.fast || !l.s || l.s->set >= SET_argmax || l.s->held)
        return l.text;
    Expr *inside = NULL;
    if (l.s->check) {
        inside = expr_inside(expr_read(l.s->target, l.s->sub, l.s->check, NULL));
        l.all = !varies(loop, inside);
    }
    if (l.all && inside) {
        Str text = inside_text(e, l.s->target, l.s->sub, l.s->check);
        buf_add(&l.text, "%s", text ? text : "");
        l.s->check = 0;
    }
    if (l.s->where)
        l.s->where = lift(e, &l, l.s->where);
    return l.text;
}

/* ---- one point ------------------------------------------------------------------------------ */
const char *elem_type(Emit *e, const Tensor *t)
{
    return t->elem == ELEM_int ? "int32_t" : e->real;
}

static Str value_text(Emit *e, Stmt *s)
{
    if (s->target->elem == ELEM_int && !s->value->whole)
        return format("(int32_t) %s", expr_text(e, s->value, BINDS_all));
    if (s->target->elem == ELEM_real && s->value->kind == EXPR_num)
        return real_text(e, s->value->num);
    return expr_text(e, s->value, BINDS_comma);
}

/* name = max(name, value) and its like, or name += value. */
static Str update_text(Emit *e, Stmt *s, Str name)
{
    static const char *const ops[] = { [SET_is] = "=", [SET_add] = "+=", [SET_mul] = "*=" };
    if (s->set == SET_add && is_op(s->value, OP_neg))
        return format("%s -= %s;", name, expr_text(e, s->value->arg[0], BINDS_comma));
    Str value = value_text(e, s);
    if (s->set == SET_join)
        return format("ae_join(%s, %d, %s);", var_used(e, s->target)->text, s->target->list,
                      value);
    if (s->set <= SET_mul)
        return format("%s %s %s;", name, ops[s->set], value);
    const char *type = s->target->elem == ELEM_int ? "i" : "";
    const char *real = *type || e->how.f64 ? "" : "f", *most = s->set == SET_max ? "max" : "min";
    return format("%s = ae_%s%s%s(%s, %s);", name, type, most, real, name, value);
}

Str target_text(Emit *e, Stmt *s)
{
    return place_text(e, s->target, s->sub);
}

/* Returns the depth within the condition, if there is one. */
static int where_print(Emit *e, Buf *b, Stmt *s, int depth)
{
    Buf cond = { 0 };
    Str inside = s->check ? inside_text(e, s->target, s->sub, s->check) : NULL;
    if (s->held && e->how.check)
        add_condition(&cond, "!ae_clock.hold");
    if (inside)
        add_condition(&cond, inside);
    if (s->where)
        add_condition(&cond, truth_text(e, s->where, cond.n ? BINDS_eq : BINDS_comma));
    if (cond.n)
        buf_line(b, depth, "if (%s)", cond.at);
    return depth + (cond.n > 0);
}

Str last_word(Str name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

static void point_print(Emit *e, Buf *b, Stmt *s, int depth)
{
    const int locals = e->locals.n;
    depth = where_print(e, b, s, depth);
    loads_print(e, b, s, depth);
    Info *const info = info_of(e, s->target);
    if (info->scalar && s->set == SET_is) {        /* it lives in its nest only */
        Str local = scope_enter(e, last_word(s->target->name));
        buf_line(b, depth, "%s%s %s", info->scalar == 1 ? "const " : "",
                 elem_type(e, s->target), update_text(e, s, local));
        info->local = local;
        e->locals.n = locals;
        return;
    }
    buf_line(b, depth, "%s", update_text(e, s, target_text(e, s)));
    e->locals.n = locals;
    fetches_print(e, b, s, depth);
}

/* ---- loops ---------------------------------------------------------------------------------- */
Str limit_text(Emit *e, Index *i)
{
    return i->limit ? expr_text(e, i->limit, BINDS_add) : extent_text(e, i);
}

void loop_open(Emit *e, Buf *b, Index *i, Str from, Str to, int depth)
{
    Str name = index_info(e, i)->name = scope_enter(e, i->name);
    if (!from)
        buf_line(b, depth, "for (int %s = %s - 1; %s >= 0; %s--)", name, to, name, name);
    else
        buf_line(b, depth, "for (int %s = %s; %s < %s; %s++)", name, from, name, to, name);
}

void tile_open(Emit *e, Buf *b, Index *i, bool tile, int depth)
{
    loop_open(e, b, i, tile ? "lo" : "0", tile ? "hi" : limit_text(e, i), depth);
}

static bool is_whole(Stmt *s)
{
    return s->set >= SET_argmax;
}

/* More than one C statement at this depth, or one broken over lines. */
static bool is_many(const char *text, int depth)
{
    int n = 0;
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
        const char *first = line + strspn(line, " ");
        n += first == line + 4 * depth && !strchr("}#", *first);
        n += line[strcspn(line, "\n") - 1] == ',';
    }
    return n > 1;
}

static void body_print(Emit *e, Buf *b, Node *n, Str to, int depth)
{
    const int scope = e->scope.n;
    Buf body = { 0 };
    ahead_print(e, &body, n, to, depth + 1);
    nodes_print(e, &body, &n->body, depth + 1);
    const bool braces = is_many(body.at, depth + 1);
    if (braces)
        brace_open(b);
    buf_add(b, "%s", body.at);
    if (braces)
        buf_line(b, depth, "}");
    scope_leave(e, scope);
}

/* Whether it may read less than all it names. */
static bool has_choice(Expr *x)
{
    if (x->kind == EXPR_read)
        return x->check != 0;
    if (x->kind != EXPR_op)
        return false;
    if (x->op == OP_select)
        return true;
    return ANY(k, 3, x->arg[k] && has_choice(x->arg[k]));
}

/* gcc 12 gets masked loads wrong where it has unrolled a short loop; what is left of
   conditions stays in loops. */
static bool keep_rolled(Emit *e, Buf *b, Node *n, int depth)
{
    const bool masks = FIND(p, n->body, p->kind == NODE_point && (p->stmt->where || p->stmt->check
                            || (loads_of(e, p->stmt).n == 0 && has_choice(p->stmt->value))));
    if (!e->how.fast || !masks || n->index->limit || n->index->size > 16)
        return false;
    buf_line(b, depth, "#pragma GCC unroll 1");
    return true;
}

/* All that stands in an innermost loop; NULL: more. */
static Stmt *point_of(const Node *loop)
{
    const Node *only = loop->body.n == 1 ? loop->body.at[0] : NULL;
    return only && only->kind == NODE_point ? only->stmt : NULL;
}

/* The innermost loop of a sum in a local: lanes of partial sums, in an
   order that the flags fix. */
static void simd_print(Emit *e, Buf *b, Node *n, int depth)
{
    Stmt *s = point_of(n);
    Str local = s ? info_of(e, s->target)->local : NULL;
    if (e->how.fast && local && s->set == SET_add && s->target->elem == ELEM_real
        && reduces(s, n->index))
        buf_line(b, depth, "#pragma omp simd reduction(+:%s)", local);
}

/* The greatest or least of a row that lies side by side. */
static bool most_print(Emit *e, Buf *b, Node *n, Str from, Str to, int depth)
{
    Stmt *s = point_of(n);
    Str name = s ? info_of(e, s->target)->local : NULL;
    if (!e->how.fast || e->how.f64 || !name || !is_extreme(s) || !everywhere(s)
        || s->target->elem != ELEM_real)
        return false;
    const Expr *v = s->value;
    bool known;
    if (v->kind != EXPR_read || v->check || v->tensor->elem != ELEM_real
        || info_of(e, v->tensor)->local
        || index_stride(s->value->sub, v->tensor, n->index, &known) != 1 || !known)
        return false;
    const bool zero = !strcmp(from, "0");
    index_info(e, n->index)->name = from;
    buf_line(b, depth, "%s = ae_v%s(&%s, %s, %s);", name, s->set == SET_max ? "most" : "least",
             expr_text(e, s->value, BINDS_unary), zero ? to : format("%s - %s", to, from), name);
    return true;
}

/* Statements that touch other elements of what they set, as c[t, j] of c[t - 1, j]: C cannot see
 * that these never meet but within one turn of the innermost loop. We can. */
static void apart_print(Emit *e, Buf *b, Node *n, int depth)
{
    AccessList all = { 0 };
    bool apart = false;
    EACH(point, n->body) {
        if (point->kind != NODE_point || is_whole(point->stmt))
            return;
        EACH(a, stmt_accesses(point->stmt))
            if (!info_of(e, a.tensor)->local && !info_of(e, a.tensor)->scalar)
                PUSH(all, a);
    }
    EACH_AT(x, all)
        for (const Access *y = x; y < all.at + all.n; y++) {
            if (!conflict(e, x, y))
                continue;
            if (!meet_alike(e, x, n->index, y, n->index))
                return;
            const int rank = x->tensor->rank;
            apart |= rank && (x->tensor != y->tensor || !same_subs(x->sub, y->sub, rank));
        }
    if (e->how.fast && apart)
        buf_line(b, depth, "#pragma GCC ivdep");
}

static void node_print(Emit *e, Buf *b, Node *n, int depth);

static void loop_print(Emit *e, Buf *b, Node *n, int depth)
{
    Stmt *const point = only_point(n);
    Expr *const where = point ? point->where : NULL;
    const unsigned check = point ? point->check : 0;
    const Buf condition = lifted(e, n);
    if (condition.n) {
        buf_line(b, depth, "if (%s) {", condition.at);
        node_print(e, b, n, depth + 1);
        buf_line(b, depth, "}");
        point->where = where;       /* share.c asks what is read */
        point->check = check;
        return;
    }
    const int drawn = e->drawn.n, inverses = e->inverses.n, locals = e->locals.n;
    Str from = n->tile ? "lo" : "0", to = n->tile ? "hi" : limit_text(e, n->index);
    bounds_of_loop(e, n, &from, &to);
    if (most_print(e, b, n, from, to, depth))
        return;
    draws_print(e, b, n, from, to, depth);
    divisors_print(e, b, n, depth);
    const int scope = e->scope.n;       /* what these name stays in force, as C sees it */
    apart_print(e, b, n, depth);
    if (!keep_rolled(e, b, n, depth))
        simd_print(e, b, n, depth);
    loop_open(e, b, n->index, from, to, depth);
    body_print(e, b, n, to, depth);
    e->drawn.n = drawn;
    e->inverses.n = inverses;
    e->locals.n = locals;
    scope_leave(e, scope);
}

/* Leaves a scan once every sequence has ended. */
static void stop_print(Emit *e, Buf *b, Stmt *s, int depth)
{
    Tensor *t = s->stop;
    Expr *sub[MAX_RANK];
    const int scope = e->scope.n;
    Str going = scope_enter(e, "going");
    buf_line(b, depth, "int %s = 0;", going);
    int in = depth;
    for (int k = 0; k < t->rank; k++) {
        Index *i = index_new(t->axis[k].name, t->axis[k].size, NULL);
        if (t->axis[k].length && t->axis[k].length->rank == 0)
            i->limit = expr_scalar(t->axis[k].length);
        i->mark = -1;
        IndexInfo *info = index_info(e, i);
        info->var = var_of(e, t);
        info->axis = k;
        tile_open(e, b, i, e->tile && k == 0 && t->axis[k].example, in++);
        sub[k] = expr_index(i);
    }
    Str step = index_info(e, s->step)->name;
    buf_line(b, in, "%s |= %s > %s + 1;", going, place_text(e, t, sub), step);
    buf_line(b, depth, "if (!%s)", going);
    buf_line(b, depth + 1, "break;");
    scope_leave(e, scope);
}

static void scan_print(Emit *e, Buf *b, Node *n, int depth)
{
    const int scope = e->scope.n;
    const Stmt *around = e->scan;
    e->scan = n->stmt;
    const bool keeps = gemm_keep_print(e, b, n, depth);
    loop_open(e, b, n->index, n->stmt->down ? NULL : "0", limit_text(e, n->index), depth);
    brace_open(b);
    nodes_print(e, b, &n->body, depth + 1);
    if (n->stmt->stop)
        stop_print(e, b, n->stmt, depth + 1);
    buf_line(b, depth, "}");
    if (keeps)
        buf_line(b, depth, "ae_keep(NULL);");
    e->scan = around;
    scope_leave(e, scope);
}

/* ---- whole tensors -------------------------------------------------------------------------- */
static void call_print(Emit *e, Buf *b, Stmt *s, int depth)
{
    const Var *v = var_used(e, s->target);
    if (s->held && e->how.check)
        buf_line(b, depth++, "if (!ae_clock.hold)");
    const char *ref = s->target->rank ? "" : "&";
    if (s->kind == STMT_orthogonal) {
        const int cols = s->target->rank ? s->target->axis[s->target->rank - 1].size : 1;
        const unsigned stream = s->draw ? s->draw->stream : s->value ? s->value->stream : 0;
        buf_line(b, depth, "ae_orthogonal((%s *) %s%s, %ld, %d, %uu);", e->real, ref, v->text,
                 tensor_count(s->target) / cols, cols, stream);
        return;
    }
    buf_line(b, depth, "memcpy(%s%s, %s%s, %ld * sizeof(%s));", ref, v->text,
             s->source->rank ? "" : "&", var_used(e, s->source)->text, count_emitted(e, s->target),
             elem_type(e, s->target));
}

/* How many subscripts stand before a part of a tensor that a loop nest sets to 0 all of; -1:
   it does something else. */
static int clears_from(Emit *e, Node *n)
{
    Stmt *s = only_point(n);
    if (!s || n->tile || s->set != SET_is || !everywhere(s) || s->target->rank == 0
        || !expr_is(s->value, 0))
        return -1;
    Var *v = var_of(e, s->target);
    if (v->text[0] == '(' || v->alias || info_of(e, s->target)->local)
        return -1;
    int from = 0;
    while (from < s->target->rank && !expr_uses(s->sub[from], n->index))
        from++;
    for (int k = from; k < s->target->rank; k++) {
        if (axis_room(s->target, k) == 1 && expr_is(s->sub[k], 0))
            continue;
        Expr *const all = OP2(sub, expr_index(n->index), expr_num(s->target->before[k]));
        if (n->kind != NODE_loop || n->tile || n->index->limit || !expr_same(s->sub[k], all)
            || n->index->size != axis_room(s->target, k))
            return -1;
        n = n->body.at[0];
    }
    return n->kind == NODE_point ? from : -1;
}

static void clear_print(Emit *e, Buf *b, Stmt *s, int from, int depth)
{
    Str place = part_text(e, s->target, s->sub, from);
    buf_line(b, depth, "memset(%s, 0, sizeof %s);", place, place);
}

/* ---- trees ---------------------------------------------------------------------------------- */
/* fill NULL: on from what is there. */
static void sum_print(Emit *e, Buf *b, Node *fill, Node *loops, int depth)
{
    Stmt *s = only_point(loops);
    Str name = scope_enter(e, local_name(s->set));
    buf_line(b, depth, "%s %s = %s;", elem_type(e, s->target), name,
             fill ? value_text(e, fill->stmt) : target_text(e, s));
    info_of(e, s->target)->local = name;
    nodes_print(e, b, &(NodeList) { .at = &loops, .n = 1 }, depth);
    info_of(e, s->target)->local = NULL;
    buf_line(b, depth, "%s = %s;", target_text(e, s), name);
}

static void node_print(Emit *e, Buf *b, Node *n, int depth)
{
    int from;
    switch (n->kind) {
    case NODE_point:
        if (is_whole(n->stmt))
            whole_print(e, b, n->stmt, depth);
        else
            point_print(e, b, n->stmt, depth);
        return;
    case NODE_loop:
        from = clears_from(e, n);
        if (from >= 0)
            clear_print(e, b, only_point(n), from, depth);
        else if (is_long_sum(e, n))
            sum_print(e, b, NULL, n, depth);
        else
            loop_print(e, b, n, depth);
        return;
    case NODE_scan:
        scan_print(e, b, n, depth);
        return;
    case NODE_call:
        call_print(e, b, n->stmt, depth);
        return;
    case NODE_gemm:
        gemm_print(e, b, n, depth);
        return;
    }
}

int nodes_together(Emit *e, NodeList *list, int k)
{
    return k + 1 < list->n && is_sum(e, list->at[k], list->at[k + 1]) ? 2 : 1;
}

void nodes_print(Emit *e, Buf *b, NodeList *list, int depth)
{
    for (int k = 0, n; k < list->n; k += n) {
        n = nodes_together(e, list, k);
        if (n == 2)
            sum_print(e, b, list->at[k], list->at[k + 1], depth);
        else
            node_print(e, b, list->at[k], depth);
    }
}
