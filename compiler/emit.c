/* emit.c -- a module as one C file: which functions there are, in what order,
 * and the file around them.
 *
 * A function is about one use of a definition: consecutive statements of one use and one
 * direction. Programs that need the same function, to the letter, share it. */
#include "emit.h"
#include <math.h>

/* ---- programs ------------------------------------------------------------------------------- */
static void add_program(Emit *e, Program *p)
{
    if (p)
        PUSH_NEW(e->programs, p);
}

/* Training first: it is what the file is about. */
static void collect_programs(Emit *e)
{
    Module *m = e->m;
    EACH(phase, m->phases)
        if (!e->library)
            add_program(e, phase->gradient);
    EACH(p, m->programs)
        if (!e->library || HAS(*e->library, p->name))
            add_program(e, p);
    EACH(phase, m->phases) {
        if (e->library)
            continue;
        EACH(sweep, phase->sweeps)
            add_program(e, sweep);
        add_program(e, phase->start);
        add_program(e, phase->evaluate);
    }
}

/* ---- statements as the emitter wants them --------------------------------------------------- */
static Expr *and_also(Expr *a, Expr *b)
{
    return expr_is(b, 1) ? a : a ? expr_op(OP_and, a, b, NULL) : b;
}

/* A factor that is 0 outside of a tensor: the read without its check, which
 * becomes a condition. */
static Expr *guard_factor(Expr *x, Expr **where)
{
    if (x->kind == EXPR_read && x->check && (!x->other || expr_is(x->other, 0))) {
        const unsigned check = checks_needed(x->tensor, x->sub, x->check);
        *where = and_also(*where, expr_inside(expr_read(x->tensor, x->sub, check, NULL)));
        return expr_read(x->tensor, x->sub, 0, NULL);
    }
    if (x->kind == EXPR_inside) {
        *where = and_also(*where, x);
        return expr_num(1);
    }
    if (x->kind == EXPR_op && x->op == OP_mul)
        return OP2(mul, guard_factor(x->arg[0], where), guard_factor(x->arg[1], where));
    if (x->kind == EXPR_op && x->op == OP_neg)
        return expr_op(OP_neg, guard_factor(x->arg[0], where), NULL, NULL);
    if (x->kind == EXPR_op && x->op == OP_div)
        return expr_op(OP_div, guard_factor(x->arg[0], where), x->arg[1], NULL);
    return x;
}

/* Outside lies what never wins. */
static void guard_extreme(Stmt *s)
{
    Expr *x = s->value;
    const double loses = s->set == SET_max ? -INFINITY : INFINITY;
    if (x->kind != EXPR_read || !x->check || !x->other || !expr_is(x->other, loses))
        return;
    const unsigned check = checks_needed(x->tensor, x->sub, x->check);
    s->where = and_also(s->where, expr_inside(expr_read(x->tensor, x->sub, check, NULL)));
    s->value = expr_read(x->tensor, x->sub, 0, NULL);
}

/* What adds nothing is left out: c ? v : 0, and products with what lies outside. */
static void guard_sum(Stmt *s)
{
    EACH(inner, s->body)
        guard_sum(inner);
    if (is_extreme(s))
        guard_extreme(s);
    if (s->kind != STMT_nest || s->set != SET_add)
        return;
    Expr *v = s->value;
    while (v->kind == EXPR_op && v->op == OP_select
           && (expr_is(v->arg[2], 0) || expr_is(v->arg[1], 0))) {
        const bool then = expr_is(v->arg[2], 0);
        s->where = and_also(s->where, then ? v->arg[0] : expr_op(OP_not, v->arg[0], NULL, NULL));
        v = v->arg[then ? 1 : 2];
    }
    s->value = guard_factor(v, &s->where);
}

/* A fill moves down to the first statement that touches what it fills, so that
 * they can share loops. */
static void sink_fills(Emit *e, StmtList *list)
{
    for (int k = list->n - 1; k >= 0; k--) {
        Stmt *s = list->at[k];
        if (s->kind != STMT_nest || s->set != SET_is || s->value->kind != EXPR_num)
            continue;
        int to = k;
        while (to + 1 < list->n && !depends(e, s, list->at[to + 1]))
            to++;
        if (to + 1 == list->n)
            continue;
        REMOVE(*list, k);
        INSERT(*list, to, s);
    }
}

void order_all(Emit *e, StmtList *list)
{
    EACH_STMT(s, list)
        if (s->kind == STMT_nest)
            order_loops(e, s);
}

static void add_run(Emit *e, Program *p, Part part, StmtList *from)
{
    if (part != PART_run && from->n == 0)
        return;
    Run *r = NEW(Run);
    r->program = p;
    r->part = part;
    EACH(own, *from) {
        Stmt *s = stmt_copy(e, own);
        s->update |= part == PART_update;
        stmt_drop_ones(s);
        guard_sum(s);
        PUSH(r->stmts, s);
        r->work += stmt_points(s);
    }
    if (part != PART_update)        /* what an update clears it has just read */
        sink_fills(e, &r->stmts);
    PUSH(e->runs, r);
}

static void add_runs(Emit *e)
{
    EACH(p, e->programs) {
        add_run(e, p, PART_once, &p->once);
        add_run(e, p, PART_begin, &p->begin);
        add_run(e, p, PART_run, &p->body);
        add_run(e, p, PART_update, &p->update);
        add_run(e, p, PART_apart, &p->apart);
        add_run(e, p, PART_end, &p->end);
    }
}

/* ---- functions ------------------------------------------------------------------------------ */
bool func_fits(Func *f, Stmt *s)
{
    return f && (!s->use || !f->use || s->use == f->use) && s->backward == f->backward
        && s->update == f->update;
}

void func_add(Func *f, Stmt *s)
{
    if (!f->use)
        f->use = s->use;
    if (s->use)
        PUSH_NEW(f->uses, s->use);
    PUSH(f->stmts, s);
}

Func *func_new(Stmt *s)
{
    Func *f = NEW(Func);
    f->backward = s->backward;
    f->update = s->update;
    return f;
}

static void group(Emit *e, Run *r)
{
    Func *f = NULL;
    EACH(s, r->stmts) {
        if (!func_fits(f, s)) {
            f = func_new(s);
            PUSH(r->funcs, f);
        }
        func_add(f, s);
    }
    EACH(made, r->funcs) {
        order_all(e, &made->stmts);
        made->body = fuse(e, &made->stmts);
    }
}

static Str func_wish(Run *r, Func *f)
{
    Str path = f->use ? names_lower(f->use->path) : names_lower(r->program->name);
    return f->update ? format("%s_update", path) : f->backward ? format("%s_back", path) : path;
}

/* Prints a function, or finds the one that is the same. NULL: there is nothing in it. */
static Func *func_print(Emit *e, Run *r, Func *f)
{
    if (f->body.n == 0)
        return NULL;
    e->tile = f->tile != NULL;
    func_head(f);
    for (int k = 0, n; k < f->body.n; k += n) {
        n = nodes_together(e, &f->body, k);
        const NodeList nodes = { .at = f->body.at + k, .n = n };
        PUSH(f->pieces, ((Piece) { .nodes = nodes, .from = f->text.n }));
        nodes_print(e, &f->text, &f->pieces.at[f->pieces.n - 1].nodes, 1);
    }
    scope_leave(e, 0);
    Func *same = FIND(had, e->functions,
                      !strcmp(had->text.at, f->text.at) && (had->tile != NULL) == e->tile
                          && had->uses.n && f->uses.n && had->use->path == f->use->path
                          && had->backward == f->backward && had->update == f->update);
    if (same)
        return same;
    Str wish = func_wish(r, f);
    const bool another = names_taken(wish)
        && !FIND(had, e->functions, had->wish == wish && had->program == r->program);
    f->wish = wish;
    f->program = r->program;
    f->name = names_claim(another ? format("%s_%s", names_lower(r->program->name), wish) : wish);
    PUSH(e->functions, f);
    share_loops(e, f);
    return f;
}

static void print_funcs(Emit *e, Run *r)
{
    EACH_AT(f, r->funcs)
        *f = func_print(e, r, *f);
    EACH(region, r->regions)
        EACH_AT(f, region->funcs)
            *f = func_print(e, r, *f);
}

/* ---- what the trainer calls ----------------------------------------------------------------- */
static const char *const part_suffix[PART_COUNT] = {
    "", "_once", "_update", "_apart", "_begin", "_end",
};

Str run_name(Emit *e, Program *p, Part part)
{
    const Run *run = FIND(r, e->runs, r->program == p && r->part == part);
    return run ? run->name : NULL;
}

Str func_call(Emit *e, Func *f, const char *arguments)
{
    if (e->how.profile)
        return format("AE_TIMED(%d, %s(%s));", FIRST(k, e->functions.n, e->functions.at[k] == f),
                      f->name, arguments);
    return format("%s(%s);", f->name, arguments);
}

static const char *const part_words[PART_COUNT] = {
    "", ": what follows from states alone", ": the update",
    ": gradients that the update does without", ": before the first batch",
    ": after the last batch",
};

void run_print(Emit *e, Buf *b, Run *r)
{
    buf_add(b, "/* %s%s */\nstatic void %s(void)\n{\n", r->program->name, part_words[r->part],
            r->name);
    if (r->part == PART_run && r->program->once.n)
        buf_add(b, "    static long known;\n    if (known != ae_states)\n        %s();\n"
                   "    known = ae_states;\n",
                run_name(e, r->program, PART_once));
    if (e->how.fast)
        regions_print(e, b, r);
    EACH(f, r->funcs)
        if (f)
            buf_line(b, 1, "%s", func_call(e, f, ""));
    buf_add(b, "}\n\n");
}

/* ---- operations of a step ------------------------------------------------------------------- */
static bool has_product(Expr *x)
{
    if (x->kind != EXPR_op)
        return false;
    if (x->op == OP_neg)
        return has_product(x->arg[0]);
    return x->op == OP_mul && x->arg[0]->kind != EXPR_num && x->arg[1]->kind != EXPR_num;
}

static double contraction_ops(Stmt *s)
{
    double sum = 0;
    EACH(inner, s->body)
        sum += contraction_ops(inner) * s->step->size;
    const bool product = s->kind == STMT_nest && s->set == SET_add && has_product(s->value);
    return product ? 2 * stmt_points(s) : sum;
}

static double list_ops(const StmtList *list)
{
    double sum = 0;
    EACH(s, *list)
        sum += contraction_ops(s);
    return sum;
}

double flops_of_func(Func *f)
{
    return list_ops(&f->stmts);
}

double flops_of(Emit *e)
{
    const Program *step = e->m->phases.n ? e->m->phases.at[0]->gradient : NULL;
    return step ? list_ops(&step->body) : 0;
}

/* ---- the file ------------------------------------------------------------------------------- */
static void claim_own(void)
{
    static const char *const own[] = {
        "BATCH", "PARAMS", "Params", "p", "dp", "mem", "lo", "hi", "part", "inputs", "params",
        "param_grads", "programs", "phases", "spent", "timed", "text", "states", "sources",
        "nothing",
    };
    EACH_ROW(name, own)
        names_claim(intern(*name));
}

void functions_print(Emit *e, Buf *b)
{
    shared_declare(e, b);
    EACH(f, e->functions) {
        Buf text = { 0 };
        buf_add(b, "%sstatic void %s(%s)\n{\n", f->head.at ? f->head.at : "", f->name,
                f->tile ? "int lo, int hi" : "void");
        shared_calls(f, &text);
        wrap(b, text.at);
        buf_add(b, "}\n\n");
    }
}

/* All functions, as text; the programs of a library are those that use a trained model. */
Emit *emit_functions(Module *m, EmitOptions how, const StrList *library)
{
    Emit *e = NEW(Emit);
    e->m = m;
    e->how = how;
    e->real = how.f64 ? "double" : "float";
    e->library = library;
    names_reset();
    claim_own();
    e->lo = index_new(intern("lo"), 1, NULL);
    index_info(e, e->lo)->name = intern("lo");
    collect_programs(e);
    vars_collect(e);
    vars_alias(e);
    add_runs(e);
    if (how.fast)
        prepare(e);
    extents_find(e);
    EACH(r, e->runs)
        r->name = names_claim(format("%s%s", names_lower(r->program->name), part_suffix[r->part]));
    EACH(r, e->runs)
        (how.fast ? regions : group)(e, r);
    if (how.fast)
        plan(e);
    EACH(r, e->runs)
        print_funcs(e, r);
    return e;
}

bool emit(Buf *out, Module *m, EmitOptions how)
{
    Buf body = { 0 }, storage = { 0 };
    Emit *e = emit_functions(m, how, NULL);
    if (how.fast)
        enter_print(e, &body);
    if (how.profile)
        buf_add(&body, "static uint64_t spent[%d];          "
                       "/* ticks in each function, all threads together */\n\n",
                e->functions.n);
    functions_print(e, &body);
    EACH(r, e->runs)
        run_print(e, &body, r);
    shared_print(e, &body);
    model_print(e, &body);
    if (!check_storage(e))
        return false;
    if (how.plan)
        plan_draw(e, how.plan);
    vars_print(e, &storage);
    buf_add(&storage, "\n%s", body.at);
    file_head(e, out);
    extents_print(e, out, storage.at);
    buf_add(out, "%s", storage.at);
    return true;
}
