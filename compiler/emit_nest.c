/* emit_nest.c -- loop trees as C. */
#include "emit.h"

void indent(Buf *b, int depth)
{
    for (int k = 0; k < depth; k++)
        buf_add(b, "    ");
}

/* ---- sums in a local -------------------------------------------------------------------------- */
static Stmt *only_point(Node *n)
{
    while (n->kind == NODE_loop && n->body.n == 1)
        n = n->body.at[0];
    return n->kind == NODE_point ? n->stmt : NULL;
}

static bool same_place(Stmt *a, Stmt *b)
{
    if (a->target != b->target)
        return false;
    for (int k = 0; k < a->target->rank; k++)
        if (!expr_same(a->sub[k], b->sub[k]))
            return false;
    return true;
}

static bool reads_target(Stmt *s)
{
    AccessList list = stmt_accesses(s);
    for (int k = 0; k < list.n; k++)
        if (!list.at[k].write && list.at[k].tensor == s->target)
            return true;
    return false;
}

/* A value set, then accumulated onto over loops of its own: it can stay in a register. */
static bool is_sum(Emit *e, Node *fill, Node *loops)
{
    if (fill->kind != NODE_point || loops->kind != NODE_loop)
        return false;
    Stmt *a = fill->stmt, *s = only_point(loops);
    if (!s || info_of(e, s->target)->scalar || a->set != SET_is || s->set < SET_add || s->set > SET_min)
        return false;
    if (a->where || a->check || a->held || s->check || s->held)
        return false;
    return same_place(a, s) && !reads_target(s) && !reads_target(a);
}

static bool asks_for(const Expr *x, const void *target)
{
    return x->kind == EXPR_inside && x->arg[0]->tensor == target;
}

/* Loops that all accumulate onto one element, set elsewhere: it too can stay in a register. Not while a condition has
 * to tell first whether there is one. */
static bool is_long_sum(Emit *e, Node *n)
{
    Stmt *s = n->kind == NODE_loop ? only_point(n) : NULL;
    if (!e->how.fast || !s || s->set < SET_add || s->set > SET_min || s->check || s->held || reads_target(s)
        || (s->where && expr_any(s->where, asks_for, s->target)) || info_of(e, s->target)->local || info_of(e, s->target)->scalar)
        return false;
    for (; n->kind == NODE_loop; n = n->body.at[0])
        if (!reduces(s, n->index))
            return false;
    return true;
}

static const char *local_name(Set set)
{
    return set == SET_add ? "sum" : set == SET_mul ? "product" : set == SET_max ? "most" : "least";
}

/* ---- conditions before loops ------------------------------------------------------------------------- */
typedef struct { Node *loop; Stmt *s; Buf text; bool all; } Lift;

static bool varies(Node *loop, Expr *x)
{
    if (x->kind == EXPR_inside) {       /* whether a place is inside is told by the subscripts in question */
        Expr *read = x->arg[0];
        bool any = false;
        for (int k = 0; k < read->tensor->rank; k++)
            any |= (read->check >> k & 1) && varies(loop, read->tensor->axis[k].length ? read : read->sub[k]);
        return any;
    }
    for (; loop->kind == NODE_loop; loop = loop->body.at[0])
        if (expr_uses(x, loop->index))
            return true;
    return false;
}

static bool is_risk(const Expr *x, const void *with)
{
    (void) with;
    return x->kind == EXPR_draw || (x->kind == EXPR_read && !lies_inside(x));
}

/* Whether values of t decide about x; whether a place of it is inside is told by the subscripts. */
static bool goes_by(Expr *x, const Tensor *t)
{
    if (!x)
        return false;
    if (x->kind == EXPR_inside)
        return ANY(k, x->arg[0]->tensor->rank, goes_by(x->arg[0]->sub[k], t));
    if (x->kind == EXPR_read && x->tensor == t)
        return true;
    for (int k = 0; expr_part(x, k); k++)
        if (goes_by(*expr_part(x, k), t))
            return true;
    return false;
}

/* The condition without those parts that are the same throughout the loop, which go into l->text. What stands behind
 * a part that stays may rely on it. */
static Expr *lift(Emit *e, Lift *l, Expr *x)
{
    if (is_op(x, OP_and)) {
        Expr *a = lift(e, l, x->arg[0]), *b = lift(e, l, x->arg[1]);
        return a && b ? OP2(and, a, b) : a ? a : b;
    }
    if (varies(l->loop, x) || goes_by(x, l->s->target) || (!l->all && expr_any(x, is_risk, NULL))) {
        l->all = false;
        return x;
    }
    buf_add(&l->text, l->text.n ? " && " : "");
    put_truth(e, &l->text, x, BINDS_eq);
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
        put_inside(e, &l.text, l.s->target, l.s->sub, l.s->check, "");
        l.s->check = 0;
    }
    if (l.s->where)
        l.s->where = lift(e, &l, l.s->where);
    return l.text;
}

/* ---- one point -------------------------------------------------------------------------------- */
static const char *elem_type(Emit *e, Tensor *t)
{
    return t->elem == ELEM_int ? "int32_t" : e->real;
}

static void put_value(Emit *e, Buf *b, Stmt *s, int above)
{
    if (s->target->elem == ELEM_int && !s->value->whole) {
        buf_add(b, "(int32_t) ");
        above = BINDS_all;
    } else if (s->target->elem == ELEM_real && s->value->kind == EXPR_num) {
        put_real(e, b, s->value->num);
        return;
    }
    put_expr(e, b, s->value, above);
}

/* name = max(name, value) and its like, or name += value. */
static void put_update(Emit *e, Buf *b, Stmt *s, const char *name)
{
    static const char *const ops[] = { [SET_is] = "=", [SET_add] = "+=", [SET_mul] = "*=" };
    if (s->set == SET_join) {
        buf_add(b, "ae_join(%s, %d, ", var_of(e, s->target)->text, s->target->list);
        var_of(e, s->target)->used = true;
        put_value(e, b, s, BINDS_comma);
        buf_add(b, ");\n");
        return;
    }
    if (s->set <= SET_mul) {
        Expr *v = s->value;
        const bool less = s->set == SET_add && v->kind == EXPR_op && v->op == OP_neg;
        buf_add(b, "%s %s ", name, less ? "-=" : ops[s->set]);
        if (less)
            put_expr(e, b, v->arg[0], BINDS_comma);
        else
            put_value(e, b, s, BINDS_comma);
        buf_add(b, ";\n");
        return;
    }
    const char *which = s->set == SET_max ? "max" : "min";
    if (s->target->elem == ELEM_int)
        buf_add(b, "%s = ae_i%s(%s, ", name, which, name);
    else
        buf_add(b, "%s = ae_%s%s(%s, ", name, which, e->how.f64 ? "" : "f", name);
    put_value(e, b, s, BINDS_comma);
    buf_add(b, ");\n");
}

Str place_text(Emit *e, Stmt *s)
{
    Buf b = { 0 };
    put_place(e, &b, s->target, s->sub);
    return b.at;
}

static void put_where(Emit *e, Buf *b, Stmt *s, int *depth)
{
    Buf cond = { 0 };
    if (s->held && e->how.check)
        buf_add(&cond, "!ae_clock.hold");
    if (s->check)
        put_inside(e, &cond, s->target, s->sub, s->check, cond.n ? " && " : "");
    if (s->where) {
        buf_add(&cond, cond.n ? " && " : "");
        put_truth(e, &cond, s->where, cond.n ? BINDS_eq : BINDS_comma);
    }
    if (!cond.n)
        return;
    indent(b, *depth);
    buf_add(b, "if (%s)\n", cond.at);
    ++*depth;
}

static void point_print(Emit *e, Buf *b, Stmt *s, const char *name, int depth)
{
    put_where(e, b, s, &depth);
    loads_print(e, b, s, depth);
    indent(b, depth);
    if (info_of(e, s->target)->scalar && s->set == SET_is) {        /* it lives in its nest only */
        const char *last = strrchr(s->target->name, '.');
        Str local = scope_enter(e, last ? last + 1 : s->target->name);
        buf_add(b, "%s%s ", info_of(e, s->target)->scalar == 1 ? "const " : "", elem_type(e, s->target));
        put_update(e, b, s, local);
        info_of(e, s->target)->local = local;
        e->loaded.n = 0;
        return;
    }
    put_update(e, b, s, name ? name : place_text(e, s));
    e->loaded.n = 0;
    fetches_print(e, b, s, depth);
}

/* ---- loops ------------------------------------------------------------------------------------ */
Str limit_text(Emit *e, Index *i)
{
    if (!i->limit)
        return extent_text(e, i);
    Buf b = { 0 };
    put_expr(e, &b, i->limit, BINDS_add);
    return b.at;
}

void loop_open(Emit *e, Buf *b, Index *i, Str from, Str to, int depth)
{
    Str name = index_info(e, i)->name = scope_enter(e, i->name);
    indent(b, depth);
    if (!from)
        buf_add(b, "for (int %s = %s - 1; %s >= 0; %s--)\n", name, to, name, name);
    else
        buf_add(b, "for (int %s = %s; %s < %s; %s++)\n", name, from, name, to, name);
}

static bool is_whole(Stmt *s)
{
    return s->set >= SET_argmax;
}

/* More than one C statement. */
static bool is_many(Emit *e, NodeList *list)
{
    if (list->n != 1)
        return true;
    Node *n = list->at[0];
    if ((n->kind == NODE_point && (loads_of(e, n->stmt).n || fetches(e, n->stmt))) || draws_before(e, n)
        || divisors_before(e, n) || is_long_sum(e, n))
        return true;
    return n->kind == NODE_gemm || n->kind == NODE_call || (n->kind == NODE_point && is_whole(n->stmt));
}

static void body_print(Emit *e, Buf *b, Node *n, Str to, int depth)
{
    const int scope = e->scope.n;
    const bool ahead = fetches_ahead(e, n), braces = ahead || is_many(e, &n->body);
    if (braces) {
        b->n--;
        buf_add(b, " {\n");
    }
    if (ahead)
        ahead_print(e, b, n, to, depth + 1);
    nodes_print(e, b, &n->body, depth + 1);
    if (braces) {
        indent(b, depth);
        buf_add(b, "}\n");
    }
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
    return has_choice(x->arg[0]) || (x->arg[1] && has_choice(x->arg[1])) || (x->arg[2] && has_choice(x->arg[2]));
}

/* gcc 12 gets masked loads wrong where it has unrolled a short loop; what is left of conditions stays in loops. */
static bool keep_rolled(Emit *e, Buf *b, Node *n, int depth)
{
    bool masks = false;
    for (int k = 0; k < n->body.n; k++) {
        Stmt *s = n->body.at[k]->kind == NODE_point ? n->body.at[k]->stmt : NULL;
        masks |= s && (s->where || s->check || (loads_of(e, s).n == 0 && has_choice(s->value)));
    }
    if (!e->how.fast || !masks || n->index->limit || n->index->size > 16)
        return false;
    indent(b, depth);
    buf_add(b, "#pragma GCC unroll 1\n");
    return true;
}

/* The innermost loop of a sum in a local: lanes of partial sums, in an order that the flags fix. */
static void simd_print(Emit *e, Buf *b, Node *n, int depth)
{
    Stmt *s = n->body.n == 1 && n->body.at[0]->kind == NODE_point ? n->body.at[0]->stmt : NULL;
    if (!e->how.fast || !s || s->set != SET_add || s->target->elem != ELEM_real || !info_of(e, s->target)->local
        || !reduces(s, n->index))
        return;
    indent(b, depth);
    buf_add(b, "#pragma omp simd reduction(+:%s)\n", info_of(e, s->target)->local);
}

/* The greatest or least of a row that lies side by side. */
static bool most_print(Emit *e, Buf *b, Node *n, Str from, Str to, int depth)
{
    Stmt *s = n->body.n == 1 && n->body.at[0]->kind == NODE_point ? n->body.at[0]->stmt : NULL;
    if (!e->how.fast || e->how.f64 || !s || (s->set != SET_max && s->set != SET_min) || s->target->elem != ELEM_real
        || !info_of(e, s->target)->local || s->where || s->check || s->held || s->value->kind != EXPR_read
        || s->value->check || s->value->tensor->elem != ELEM_real || info_of(e, s->value->tensor)->local)
        return false;
    bool known;
    if (index_stride(s->value->sub, s->value->tensor, n->index, &known) != 1 || !known)
        return false;
    const bool zero = !strcmp(from, "0");
    Str name = info_of(e, s->target)->local;
    index_info(e, n->index)->name = from;
    indent(b, depth);
    buf_add(b, "%s = ae_v%s(&", name, s->set == SET_max ? "most" : "least");
    put_expr(e, b, s->value, BINDS_unary);
    buf_add(b, zero ? ", %s, %s);\n" : ", %s - %s, %s);\n", to, zero ? name : from, name);
    return true;
}

/* Statements that touch other elements of what they set, as c[t, j] of c[t - 1, j]: C cannot see that these never meet
 * but within one turn of the innermost loop. We can. */
static void apart_print(Emit *e, Buf *b, Node *n, int depth)
{
    AccessList all = { 0 };
    for (int k = 0; k < n->body.n; k++) {
        if (n->body.at[k]->kind != NODE_point || is_whole(n->body.at[k]->stmt))
            return;
        AccessList some = stmt_accesses(n->body.at[k]->stmt);
        for (int j = 0; j < some.n; j++)
            if (!info_of(e, some.at[j].tensor)->local && !info_of(e, some.at[j].tensor)->scalar)
                PUSH(all, some.at[j]);
    }
    bool apart = false;
    for (int i = 0; i < all.n; i++)
        for (int j = i; j < all.n; j++) {
            if (!conflict(e, &all.at[i], &all.at[j]))
                continue;
            if (!meet_alike(e, &all.at[i], n->index, &all.at[j], n->index))
                return;
            for (int k = 0; k < all.at[i].tensor->rank && !apart; k++)
                apart = all.at[i].tensor != all.at[j].tensor || !expr_same(all.at[i].sub[k], all.at[j].sub[k]);
        }
    if (!e->how.fast || !apart)
        return;
    indent(b, depth);
    buf_add(b, "#pragma GCC ivdep\n");
}

static void node_print(Emit *e, Buf *b, Node *n, int depth);

static void loop_print(Emit *e, Buf *b, Node *n, int depth)
{
    Stmt *const point = only_point(n);
    Expr *const where = point ? point->where : NULL;
    const unsigned check = point ? point->check : 0;
    const Buf condition = lifted(e, n);
    if (condition.n) {
        indent(b, depth);
        buf_add(b, "if (%s) {\n", condition.at);
        node_print(e, b, n, depth + 1);
        indent(b, depth);
        buf_add(b, "}\n");
        point->where = where;       /* share.c asks what is read */
        point->check = check;
        return;
    }
    const int drawn = e->drawn.n, inverses = e->inverses.n, sames = e->sames.n;
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
    e->sames.n = sames;
    scope_leave(e, scope);
}

/* Leaves a scan once every sequence has ended. */
static void stop_print(Emit *e, Buf *b, Stmt *s, int depth)
{
    Tensor *t = s->stop;
    Expr *sub[MAX_RANK];
    const int scope = e->scope.n;
    Str going = scope_enter(e, "going");
    indent(b, depth);
    buf_add(b, "int %s = 0;\n", going);
    int in = depth;
    for (int k = 0; k < t->rank; k++) {
        Index *i = index_new(t->axis[k].name, t->axis[k].size, NULL);
        if (t->axis[k].length && t->axis[k].length->rank == 0)
            i->limit = expr_scalar(t->axis[k].length);
        i->mark = -1;
        IndexInfo *info = index_info(e, i);
        info->var = var_of(e, t);
        info->axis = k;
        const bool tile = e->tile && k == 0 && t->axis[k].example;
        loop_open(e, b, i, tile ? "lo" : "0", tile ? "hi" : limit_text(e, i), in++);
        sub[k] = expr_index(i);
    }
    indent(b, in);
    buf_add(b, "%s |= ", going);
    put_place(e, b, t, sub);
    buf_add(b, " > %s + 1;\n", index_info(e, s->step)->name);
    indent(b, depth);
    buf_add(b, "if (!%s)\n", going);
    indent(b, depth + 1);
    buf_add(b, "break;\n");
    scope_leave(e, scope);
}

static void scan_print(Emit *e, Buf *b, Node *n, int depth)
{
    const int scope = e->scope.n;
    const Stmt *around = e->scan;
    e->scan = n->stmt;
    const bool keeps = gemm_keep_print(e, b, n, depth);
    loop_open(e, b, n->index, n->stmt->down ? NULL : "0", limit_text(e, n->index), depth);
    b->n--;
    buf_add(b, " {\n");
    nodes_print(e, b, &n->body, depth + 1);
    if (n->stmt->stop)
        stop_print(e, b, n->stmt, depth + 1);
    indent(b, depth);
    buf_add(b, keeps ? "}\n%*sae_keep(NULL);\n" : "}\n", 4 * depth, "");
    e->scan = around;
    scope_leave(e, scope);
}

/* ---- whole tensors ---------------------------------------------------------------------------- */
static void call_print(Emit *e, Buf *b, Stmt *s, int depth)
{
    Var *v = var_of(e, s->target);
    v->used = var_root(v)->used = true;
    indent(b, depth);
    if (s->held && e->how.check) {
        buf_add(b, "if (!ae_clock.hold)\n");
        indent(b, ++depth);
    }
    const char *ref = s->target->rank ? "" : "&";
    if (s->kind == STMT_orthogonal) {
        const int cols = s->target->rank ? s->target->axis[s->target->rank - 1].size : 1;
        const unsigned stream = s->draw ? s->draw->stream : s->value ? s->value->stream : 0;
        buf_add(b, "ae_orthogonal((%s *) %s%s, %ld, %d, %uu);\n", e->real, ref, v->text,
                tensor_count(s->target) / cols, cols, stream);
        return;
    }
    Var *from = var_of(e, s->source);
    from->used = var_root(from)->used = true;
    buf_add(b, "memcpy(%s%s, %s%s, %ld * sizeof(%s));\n", ref, v->text, s->source->rank ? "" : "&", from->text,
            count_emitted(e, s->target), elem_type(e, s->target));
}

/* How many subscripts stand before a part of a tensor that a loop nest sets to 0 all of; -1: it does something else. */
static int clears_from(Emit *e, Node *n)
{
    Stmt *s = only_point(n);
    if (!s || n->tile || s->set != SET_is || s->where || s->check || s->held || s->target->rank == 0
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
        Expr *const all = expr_op(OP_sub, expr_index(n->index), expr_num(s->target->before[k]), NULL);
        if (n->kind != NODE_loop || n->tile || n->index->limit || !expr_same(s->sub[k], all) || n->index->size != axis_room(s->target, k))
            return -1;
        n = n->body.at[0];
    }
    return n->kind == NODE_point ? from : -1;
}

static void clear_print(Emit *e, Buf *b, Stmt *s, int from)
{
    Buf place = { 0 };
    put_part(e, &place, s->target, s->sub, from);
    buf_add(b, "memset(%s, 0, sizeof %s);\n", place.at, place.at);
}

/* ---- trees ------------------------------------------------------------------------------------ */
/* fill NULL: on from what is there. */
static void sum_print(Emit *e, Buf *b, Node *fill, Node *loops, int depth)
{
    Stmt *s = only_point(loops);
    Str name = scope_enter(e, local_name(s->set));
    indent(b, depth);
    buf_add(b, "%s %s = ", elem_type(e, s->target), name);
    if (fill)
        put_value(e, b, fill->stmt, BINDS_comma);
    else
        buf_add(b, "%s", place_text(e, s));
    buf_add(b, ";\n");
    info_of(e, s->target)->local = name;
    nodes_print(e, b, &(NodeList) { .at = &loops, .n = 1 }, depth);
    info_of(e, s->target)->local = NULL;
    indent(b, depth);
    buf_add(b, "%s = %s;\n", place_text(e, s), name);
}

static void node_print(Emit *e, Buf *b, Node *n, int depth)
{
    int from;
    switch (n->kind) {
    case NODE_point:
        if (is_whole(n->stmt))
            whole_print(e, b, n->stmt, depth);
        else
            point_print(e, b, n->stmt, NULL, depth);
        return;
    case NODE_loop:
        from = clears_from(e, n);
        if (from >= 0) {
            indent(b, depth);
            clear_print(e, b, only_point(n), from);
        } else if (is_long_sum(e, n))
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
