/* vars.c -- the C variables of the emitted file, and which tensors share one. */
#include "emit.h"

/* ---- lookup --------------------------------------------------------------------------------- */
Info *info_of(Emit *e, Tensor *t)
{
    if (t->mark < 0 || t->mark >= e->info.n || e->info.at[t->mark].tensor != t) {
        t->mark = e->info.n;
        PUSH(e->info, ((Info) { .tensor = t }));
    }
    return &e->info.at[t->mark];
}

IndexInfo *index_info(Emit *e, Index *i)
{
    if (i->mark < 0 || i->mark >= e->indices.n || e->indices.at[i->mark].index != i) {
        i->mark = e->indices.n;
        PUSH(e->indices, ((IndexInfo) { .index = i }));
    }
    return &e->indices.at[i->mark];
}

Var *var_root(Var *v)
{
    while (v->alias)
        v = v->alias;
    return v;
}

Var *var_used(Emit *e, Tensor *t)
{
    Var *v = var_of(e, t);
    v->used = var_root(v)->used = true;
    return v;
}

/* ---- making --------------------------------------------------------------------------------- */
static Var *var_new(Emit *e, Tensor *t)
{
    Var *v = NEW(Var);
    v->tensor = t;
    v->axis = e->naxes;
    e->naxes += t->rank;
    PUSH(e->vars, v);
    return v;
}

/* The text by which expressions call it. */
static void name_var(Emit *e, Var *v)
{
    Tensor *t = v->tensor;
    if (t->role == ROLE_clock) {
        v->name = t->cname;
        v->text = t->elem == ELEM_real ? format("(%s) %s", e->real, t->cname) : t->cname;
    } else if (t->role == ROLE_grad && t->of_param) {
        v->name = var_of(e, t->of_param)->name;
        v->text = format("dp.%s", v->name);
    } else if (t->role == ROLE_param || t->role == ROLE_grad) {
        const char *block = t->role == ROLE_param ? "p" : "dp";
        v->name = HAS(e->m->params, t) ? names_claim(t->cname) : NULL;
        v->text = v->name && e->library ? v->name
                : v->name ? format("%s.%s", block, v->name)
                : t->offset ? format("(%s.flat + %ld)", block, t->offset)
                : format("%s.flat", block);
    } else {
        v->name = names_claim(t->cname);
        v->text = t->role == ROLE_temp && e->how.fast ? format("mem.%s", v->name) : v->name;
    }
}

Var *var_of(Emit *e, Tensor *t)
{
    if (!info_of(e, t)->var) {
        for (int k = 0; t->role == ROLE_grad && t->of_param && k < e->vars.n; k++) {
            /* Another phase's gradient of the same parameter. */
            Tensor *had = e->vars.at[k]->tensor;
            if (had->role == ROLE_grad && had->of_param == t->of_param)
                return info_of(e, t)->var = e->vars.at[k];
        }
        Var *v = var_new(e, t);
        info_of(e, t)->var = v;
        name_var(e, v);
    }
    return info_of(e, t)->var;
}

/* ---- temporaries that programs share -------------------------------------------------------- */
static bool same_shape(const Tensor *a, const Tensor *b)
{
    if (a->elem != b->elem || a->rank != b->rank)
        return false;
    return ALL(k, a->rank, a->axis[k].size == b->axis[k].size);
}

/* Gives a temporary the variable of one like it, if there is one but those of `but`. */
Var *var_share(Emit *e, Tensor *t, Var **but, int n)
{
    EACH(v, e->vars)
        if (v->tensor->role == ROLE_temp && v->tensor->name == t->name && same_shape(v->tensor, t)
            && !vec_has(but, n, v))
            return info_of(e, t)->var = v;
    return NULL;
}

typedef VEC(Var *) VarList;

/* mine: those this program has already. */
static void gather(Emit *e, VarList *mine, Tensor *t)
{
    if (!t || info_of(e, t)->var)
        return;
    Var *found = t->role == ROLE_temp ? var_share(e, t, mine->at, mine->n) : NULL;
    if (!found)
        found = var_of(e, t);
    PUSH(*mine, found);
}

static void gather_program(Emit *e, Program *p)
{
    VarList mine = { 0 };
    EACH(t, p->inputs)
        gather(e, &mine, t);
    EACH_STMT_OF(s, p) {
        EACH(t, stmt_tensors(s)) {
            gather(e, &mine, t);
            for (int k = 0; k < t->rank; k++)
                gather(e, &mine, t->axis[k].length);
        }
    }
    EACH(t, p->outputs)
        gather(e, &mine, t);
    gather(e, &mine, p->loss);
    EACH(term, p->terms) {
        Tensor *const of[] = { term.value, term.each, term.weight, term.units };
        for (int j = 0; j < 4; j++)
            gather(e, &mine, of[j]);
    }
    /* A sweep's batches follow each other, so what two of its parts touch
       lives on between them. */
    StmtList *const around[] = { &p->begin, &p->end };
    for (int k = 0; k < 2; k++)
        EACH_STMT(s, around[k])
            if (s->target && s->target->role == ROLE_temp)
                var_of(e, s->target)->keep |= s->set != SET_is;
}

void vars_collect(Emit *e)
{
    Module *m = e->m;
    EACH(in, m->inputs) {
        Tensor *const of[] = { in.tensor, in.length, in.has };
        for (int j = 0; j < 3; j++)
            if (of[j])
                var_of(e, of[j]);
    }
    EACH(t, m->params)
        var_of(e, t);
    EACH(t, m->states)
        var_of(e, t);
    EACH(p, e->programs)
        gather_program(e, p);
    EACH(phase, m->phases)
        EACH(t, phase->states)
            var_of(e, t);
}

/* An alias within the arena is a member of a union; other ones are pointers. */
static bool is_pointer(Emit *e, Var *v)
{
    return v->alias && (!e->how.fast || var_root(v)->tensor->role != ROLE_temp);
}

/* ---- reshapes ------------------------------------------------------------------------------- */
/* Where a program touches a variable, as positions in its statements one after the other. */
typedef struct { int first_read, last_read, first_write, last_write; } Touch;

static Touch touches(Emit *e, Program *p, Var *v)
{
    Touch t = { -1, -1, -1, -1 };
    int at = 0;
    for (int k = 0; program_part(p, k); k++)
        for (int j = 0; j < program_part(p, k)->n; j++, at++) {
            EACH(a, stmt_accesses(program_part(p, k)->at[j])) {
                if (var_of(e, a.tensor) != v)
                    continue;
                if (a.tensor->external)
                    t.last_read = 1 << 30;
                int *first = a.write ? &t.first_write : &t.first_read;
                int *last = a.write ? &t.last_write : &t.last_read;
                *first = *first < 0 ? at : *first;
                *last = *last < at ? at : *last;
            }
        }
    return t;
}

/* After the reshape only one of the two may change, and then the other is not read any more. */
static bool may_alias(Emit *e, Program *p, Stmt *s, int at)
{
    Var *to = var_of(e, s->target), *from = var_of(e, s->source);
    const bool lives = s->source->role == ROLE_temp || s->source->role == ROLE_input;
    if (s->target->role != ROLE_temp || !lives || to->keep || from->keep
        || s->target->elem != s->source->elem || s->held || s->target->rank == 0
        || s->source->rank == 0 || var_root(from) == to)
        return false;
    Touch t = touches(e, p, to), f = touches(e, p, from);
    if (t.first_write < at || (t.first_read >= 0 && t.first_read < at))
        return false;
    if (t.last_write > at && (f.last_read > at || s->source->role != ROLE_temp))
        return false;
    return f.last_write < at || t.last_read <= at;
}

static void alias_in(Emit *e, Program *p, bool *wanted, bool *refused, Stmt **how)
{
    int at = 0;
    VEC(Var *) done = { 0 };
    for (int k = 0; program_part(p, k); k++)
        for (int j = 0; j < program_part(p, k)->n; j++, at++) {
            Stmt *s = program_part(p, k)->at[j];
            if (s->kind != STMT_reshape)
                continue;
            Var *to = var_of(e, s->target), *from = var_of(e, s->source);
            const int v = to->axis;
            const bool fits = may_alias(e, p, s, at)
                && (!how[v] || var_of(e, how[v]->source) == from);
            wanted[v] |= fits;
            refused[v] |= !fits;
            how[v] = s;
            PUSH(done, to);
        }
    EACH(s, p->body) {                      /* defined in another way here */
        EACH(a, stmt_accesses(s))
            if (a.tensor->rank && !HAS(done, var_of(e, a.tensor)))
                refused[var_of(e, a.tensor)->axis] = true;
    }
}

void vars_alias(Emit *e)
{
    bool *wanted = alloc((size_t) e->naxes + 1), *refused = alloc((size_t) e->naxes + 1);
    Stmt **how = alloc(((size_t) e->naxes + 1) * sizeof *how);
    EACH(p, e->programs)
        alias_in(e, p, wanted, refused, how);
    EACH(v, e->vars)
        if (v->tensor->rank && wanted[v->axis] && !refused[v->axis] && how[v->axis]
            && var_root(var_of(e, how[v->axis]->source)) != v)
            v->alias = var_of(e, how[v->axis]->source);
    EACH(v, e->vars)
        if (is_pointer(e, v))
            v->text = v->name;
}

/* Elements of an array as it is emitted: in a library of one example. */
long count_emitted(Emit *e, const Tensor *t)
{
    const bool one = e->library && t->rank && t->axis[0].example;
    return tensor_count(t) / (one ? e->m->batch_max : 1);
}

/* ---- declarations --------------------------------------------------------------------------- */
Str extents_text(Var *v, int from)
{
    Buf b = { 0 };
    for (int k = from; k < v->tensor->rank; k++)
        buf_add(&b, "[%s%s%s]", v->tensor->before[k] ? format("%d + ", v->tensor->before[k]) : "",
                v->extent[k], v->tensor->after[k] ? format(" + %d", v->tensor->after[k]) : "");
    return b.n ? b.at : "";
}

static Str sizes_text(Var *v)
{
    Buf b = { 0 };
    for (int k = 0; k < v->tensor->rank; k++)
        buf_add(&b, "[%s]",
                strcmp(v->extent[k], "BATCH") ? format("%d", v->tensor->axis[k].size) : "BATCH");
    return b.n ? format("%s ", b.at) : "";
}

void var_print(Emit *e, Buf *b, Var *v, const char *before)
{
    Str type = elem_type(e, v->tensor), shape = extents_text(v, is_pointer(e, v));
    Str text = format("%s%s %s%s;", before, type, v->name, shape);
    if (is_pointer(e, v))                   /* the same storage, seen in another shape */
        text = format(v->tensor->rank == 1 ? "%s%s *const %s%s = (%s *%s) %s;"
                                           : "%s%s (*const %s)%s = (%s (*)%s) %s;",
                      before, type, v->name, shape, type, shape, var_root(v)->text);
    Str name = v->tensor->name ? v->tensor->name : v->name;
    buf_add(b, "%-55s /* %s%s */\n", text, sizes_text(v), comment_text(name));
}

static void print_params(Emit *e, Buf *b)
{
    Module *m = e->m;
    if (m->nparams == 0)
        return;
    long at = 0;
    int gap = 0;
    buf_add(b, "%-56s/* the parameters, or their gradients */\n", "typedef union {");
    buf_add(b, "    %-52s/* one block: optimizer, checkpoint, clip */\n",
            format("%s flat[PARAMS];", e->real));
    buf_add(b, "    struct {\n");
    EACH(t, m->params) {
        if (t->offset > at)
            buf_add(b, "        %s gap%d[%ld];\n", e->real, ++gap, t->offset - at);
        var_print(e, b, var_of(e, t), "        ");
        at = t->offset + tensor_count(t);
    }
    buf_add(b, "    };\n} Params;\n\n");
    buf_add(b, "%-55s /* values; d(loss)/d(value) */\n", "static Params p, dp;");
}

static void print_role(Emit *e, Buf *b, Role role, const char *title, bool pointers)
{
    bool any = false;
    for (int pass = 0; pass < 2; pass++)    /* what is an alias comes after what it stands for */
        EACH(v, e->vars) {
            if (v->tensor->role != role || !v->used || is_pointer(e, v) != (pass == 1)
                || (pointers && pass == 0))
                continue;
            if (!any)
                buf_add(b, "\n/* %s */\n", title);
            any = true;
            var_print(e, b, v, "static ");
        }
}

void vars_print(Emit *e, Buf *b)
{
    if (!e->library)
        print_params(e, b);
    print_role(e, b, ROLE_input,
               e->library ? "filled before a run" : "filled by the trainer before a run", false);
    print_role(e, b, ROLE_length, "lengths, filled with their inputs", false);
    if (!e->library)
        print_role(e, b, ROLE_state, "kept from step to step", false);
    if (e->how.fast) {
        print_role(e, b, ROLE_temp, "inputs in another shape", true);
        plan_print(e, b);
    } else
        print_role(e, b, ROLE_temp, "all that is computed, layer by layer", false);
}
