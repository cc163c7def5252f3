/* extents.c -- names for sizes.
 *
 * Axes along which one index runs have one extent: x[n, i] w[i, j] makes the rows of w as
 * long as x. Each class of axes is named after the first variable that has it, inputs before
 * layers before parameters. */
#include "emit.h"

static struct { int *up; Var **var; Str *name; int n; } axes;

static int top_of(int a)
{
    while (axes.up[a] != a)
        a = axes.up[a] = axes.up[axes.up[a]];
    return a;
}

static int importance(Role r)
{
    static const Role order[] = { ROLE_input, ROLE_temp, ROLE_state, ROLE_param };
    int k = 0;
    while (k < COUNT(order) && order[k] != r)
        k++;
    return k;
}

/* The axis whose variable is more telling names the class. */
static void join(int a, int b)
{
    a = top_of(a);
    b = top_of(b);
    if (a == b)
        return;
    const int ia = importance(axes.var[a]->tensor->role);
    const int ib = importance(axes.var[b]->tensor->role);
    if (ia < ib || (ia == ib && a < b))
        axes.up[b] = a;
    else
        axes.up[a] = b;
}

static void see_access(Emit *e, Access *a, Index *i)
{
    for (int k = 0; a->sub && k < a->tensor->rank; k++) {
        if (!is_index(a->sub[k], i) || a->tensor->axis[k].size != i->size)
            continue;
        Var *v = var_of(e, a->tensor);
        IndexInfo *info = index_info(e, i);
        if (info->var)
            join(info->var->axis + info->axis, v->axis + k);
        info->var = v;
        info->axis = k;
    }
}

static void see_stmt(Emit *e, Stmt *s)
{
    EACH_AT(a, stmt_accesses(s)) {
        for (int j = 0; a->stmt && j < a->stmt->nindex; j++)
            see_access(e, a, a->stmt->index[j]);
        if (s->kind == STMT_scan)
            see_access(e, a, s->step);
    }
}

static bool is_batch(Emit *e, Axis *a)
{
    return a->example && a->size == e->m->batch_max;
}

/* What the axes of data are called where their declaration has no letters. */
static Str axis_letter(Emit *e, Tensor *t, int k)
{
    static const struct { const char *kind; const char *letters[4]; } kinds[] = {
        { "image", { NULL, "c", "h", "w" } }, { "sequence", { NULL, "t", "d" } },
        { "tokens", { NULL, "t" } }, { "classmap", { NULL, "h", "w" } },
        { "boxes", { NULL, "count", "k" } },
    };
    const Input *in = k < 4 ? FIND_AT(one, e->m->inputs, one->tensor == t) : NULL;
    EACH_ROW(of, kinds)
        if (in && !strcmp(in->kind, of->kind) && of->letters[k])
            return intern(of->letters[k]);
    return t->axis[k].name;
}

static Str name_axis(Emit *e, Var *v, int k)
{
    Tensor *t = v->tensor;
    int others = 0;
    for (int j = 0; j < t->rank; j++)
        others += !t->axis[j].example;
    if (is_batch(e, &t->axis[k]))
        return intern("BATCH");
    /* The result of a layer is told by the layer alone. */
    const char *last = t->name && t->role == ROLE_temp ? strrchr(t->name, '.') : NULL;
    Str base = last ? intern_n(t->name, (size_t) (last - t->name)) : t->name ? t->name : v->name;
    base = names_upper(base);
    if (others > 1)
        base = axis_letter(e, t, k) ? format("%s_%s", base, names_upper(axis_letter(e, t, k)))
             : k == t->rank - 1 ? base : format("%s_%d", base, k);
    return names_claim(base);
}

void extents_find(Emit *e)
{
    const size_t n = (size_t) e->naxes + 1;
    axes.up = alloc(n * sizeof *axes.up);
    axes.var = alloc(n * sizeof *axes.var);
    axes.name = alloc(n * sizeof *axes.name);
    axes.n = e->naxes;
    EACH(v, e->vars)
        for (int j = 0; j < v->tensor->rank; j++) {
            axes.up[v->axis + j] = v->axis + j;
            axes.var[v->axis + j] = v;
        }
    EACH(run, e->runs)
        EACH(s, run->stmts)
            see_stmt(e, s);
    EACH(v, e->vars) {                              /* a gradient is as its parameter */
        Tensor *t = v->tensor;
        for (int j = 0; t->role == ROLE_grad && t->of_param && j < t->rank; j++)
            join(v->axis + j, var_of(e, t->of_param)->axis + j);
    }
    for (int a = 0; a < axes.n; a++) {
        const int top = top_of(a);
        Var *v = axes.var[top];
        if (!axes.name[top] && v->tensor->axis[top - v->axis].size == 1)
            axes.name[top] = intern("1");
        if (!axes.name[top])
            axes.name[top] = name_axis(e, v, top - v->axis);
        axes.var[a]->extent[a - axes.var[a]->axis] = axes.name[top];
    }
}

Str extent_text(Emit *e, Index *i)
{
    IndexInfo *info = index_info(e, i);
    if (!info->var || info->var->tensor->axis[info->axis].size != i->size)
        return format("%d", i->size);
    return info->var->extent[info->axis];
}

int extent_size(Str name)
{
    const int a = FIRST(a, axes.n, axes.name[top_of(a)] == name);
    return a < 0 ? 0 : axes.var[a]->tensor->axis[a - axes.var[a]->axis].size;
}

/* Only the names that the text has; `body` is all of it. */
void extents_print(Emit *e, Buf *b, const char *body)
{
    VEC(Str) done = { 0 };
    buf_add(b, "enum {\n    BATCH = %d,         /* examples in a batch, at most */\n",
            e->library ? 1 : e->m->batch_max);
    for (int a = 0; a < axes.n; a++) {
        Str name = axes.name[top_of(a)];
        if (*name == '1' || name == intern("BATCH") || HAS(done, name) || !has_word(body, name))
            continue;
        PUSH(done, name);
        buf_add(b, "    %s = %d,\n", name, axes.var[a]->tensor->axis[a - axes.var[a]->axis].size);
    }
    if (e->m->nparams && !e->library)
        buf_add(b, "    PARAMS = %ld,\n", e->m->nparams);
    buf_add(b, "};\n\n");
}
