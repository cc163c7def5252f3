/* summary.c -- `aec show`: the layers as a table, and the objective exactly as it is optimised.
 *
 * Works on the module after split, whose statements say of which use of a definition they are. A
 * layer is a path; nets applied twice have their statements in one. Floating-point operations are
 * those of one forward pass for one example: every + - * / and every function counts 1,
 * subscripts count 0. */
#include "driver.h"

typedef struct {
    LayerList layers;
    VEC(Use *) uses;        /* met already in this program */
    double loops;           /* steps of the scans around */
    int known;              /* layers of programs before */
    /* What the loss of this program depends on; terms that it has not are no work. */
    TensorList needed;
    Module *m;
} Gathering;

/* ---- what a model is made of ---------------------------------------------------------------- */
static bool is_layer(const Use *use)
{
    return strncmp(use->path, "term.", 5) && strcmp(use->path, "reconstruct")
        && strcmp(use->path, "decoder.shape");
}

static bool is_term(const Module *m, Str path)
{
    return FIND(phase, m->phases, FIND_AT(t, phase->gradient->terms, t->name == path));
}

/* Its place in the list. */
static int layer_of(Gathering *g, Str path, Str words, LayerKind kind)
{
    const int at = FIRST(k, g->layers.n, g->layers.at[k].path == path);
    if (at < 0)
        PUSH(g->layers, ((Layer) { .path = path, .words = words, .kind = kind }));
    return at < 0 ? g->layers.n - 1 : at;
}

/* Subscripts hold whole numbers only, so what counts in a value is what is real. */
static double operations(Expr *value)
{
    double n = 0;
    EACH_EXPR(e, value)
        n += e->kind == EXPR_op && !e->whole && e->op != OP_select;
    return n;
}

static double work_of(const Gathering *g, const Stmt *s)
{
    double points = g->loops, batch = 1;
    for (int k = 0; k < s->nindex; k++) {
        points *= s->index[k]->size;
        if (s->index[k]->example)
            batch = g->m->batch_max;
    }
    return points / batch * (operations(s->value) + (s->set != SET_is));
}

/* The result of a layer is the first tensor that another one reads; nets of its own
   are layers themselves. */
static void see_read(Gathering *g, int reader, const Use *use, Tensor *x)
{
    if (x->role == ROLE_input && !x->mark)
        x->mark = layer_of(g, x->name, x->name, LAYER_input) + 1;
    const int from = x->mark - 1;
    if (from < 0)
        return;
    Layer *to = &g->layers.at[reader], *l = &g->layers.at[from];
    if (!l->read && use->path != l->path && !is_within(use->path, l->path)) {
        l->result = x;
        l->read = true;
    }
    if (from == reader)
        return;
    if (!ANY(k, to->from.n, to->from.at[k] == from))
        PUSH(to->from, from);
    to->depth = l->depth >= to->depth ? l->depth + 1 : to->depth;
}

static void add_statement(Gathering *g, Stmt *s)
{
    if (s->kind == STMT_scan) {
        g->loops *= s->step->size;
        EACH(inner, s->body)
            add_statement(g, inner);
        g->loops /= s->step->size;
        return;
    }
    if (!s->use || !HAS(g->needed, s->target) || !strcmp(s->use->path, "loss"))
        return;
    /* "term.kl(z)": what is done with kl(z) as a term */
    const bool own = strncmp(s->use->path, "term.", 5);
    const Str path = own ? s->use->path : intern(s->use->path + 5);
    const int at = layer_of(g, path, s->use->words,
                            is_term(g->m, path) ? LAYER_term : LAYER_layer);
    EACH_EXPR_OF(e, s)
        if (e->tensor)
            see_read(g, at, s->use, e->tensor);
    if (s->source)
        see_read(g, at, s->use, s->source);
    Layer *l = &g->layers.at[at];
    const bool first = own && s->target->role == ROLE_temp && !s->target->mark;
    if (own && !l->read)
        l->result = s->target;
    if (first)
        s->target->mark = at + 1;
    if (at < g->known || !is_layer(s->use))
        return;
    l->applied += !HAS(g->uses, s->use);
    PUSH_NEW(g->uses, s->use);
    if (s->kind == STMT_nest)
        l->work += work_of(g, s);
    if (s->kind == STMT_nest && first)
        l->memory += 4.0 * (double) tensor_count(s->target);
}

static void add_program(Gathering *g, Program *p)
{
    g->known = g->layers.n;
    g->uses.n = g->needed.n = 0;
    g->loops = 1;
    PUSH(g->needed, p->loss);
    find_needed(&p->body, &g->needed);
    EACH(s, p->body)
        add_statement(g, s);
}

bool is_within(Str name, Str path)
{
    const size_t n = strlen(path);
    return !strncmp(name, path, n) && name[n] == '.';
}

LayerList layers_of(Module *m)
{
    Gathering g = { .m = m };
    EACH(t, m->temps)
        t->mark = 0;
    EACH_AT(in, m->inputs)
        in->tensor->mark = 0;
    EACH(phase, m->phases)
        add_program(&g, phase->gradient);
    EACH(t, m->params) {
        Layer *best = NULL;
        EACH_AT(l, g.layers)
            if (is_within(t->name, l->path) && (!best || strlen(l->path) > strlen(best->path)))
                best = l;
        if (best)
            best->parameters += tensor_count(t);
    }
    return g.layers;
}

/* ---- numbers as people read them ------------------------------------------------------------ */
Str number_grouped(double v)
{
    if (v >= 1e15)
        return format("%.3g", v);
    Str plain = format("%.0f", v);
    Buf b = { 0 };
    const int n = (int) strlen(plain);
    for (int k = 0; k < n; k++)
        buf_add(&b, "%s%c", k && (n - k) % 3 == 0 ? "," : "", plain[k]);
    return intern(b.at);
}

Str sizes_text(const Module *m, const Tensor *t)
{
    Buf b = { 0 };
    int n = 0;
    for (int k = 0; k < t->rank; k++)
        if (!t->axis[k].example)
            buf_add(&b, "%s%s%d", n++ ? " x " : "", t->axis[k].length ? ".." : "",
                    t->axis[k].size);
        else if (t->axis[k].size > m->batch_max)
            buf_add(&b, "%s%d samples of ", "", t->axis[k].size / m->batch_max);
    if (!n)
        buf_add(&b, "1");
    return intern(b.at);
}

static double elements(const Module *m, const Tensor *t)
{
    double n = (double) tensor_count(t);
    for (int k = 0; k < t->rank; k++)
        if (t->axis[k].example)
            n /= m->batch_max;
    return n;
}

/* ---- the table ------------------------------------------------------------------------------ */
enum { COLUMNS = 6 };

static void print_rows(Buf *b, Str (*cell)[COLUMNS], int n)
{
    int width[COLUMNS] = { 0 };
    for (int k = 0; k < n; k++)
        for (int c = 0; c < COLUMNS; c++)
            if ((int) strlen(cell[k][c]) > width[c])
                width[c] = (int) strlen(cell[k][c]);
    for (int k = 0; k < n; k++) {
        for (int c = 0; c < COLUMNS; c++)
            buf_add(b, "%s%*s", c ? "  " : "", c > 2 ? width[c] : -width[c], cell[k][c]);
        while (b->n && b->at[b->n - 1] == ' ')
            b->n--;
        buf_add(b, "\n");
        if (k == 0 || k == n - 2) {
            for (int c = 0; c < COLUMNS; c++)
                for (int w = c ? -2 : 0; w < width[c]; w++)
                    buf_add(b, "-");
            buf_add(b, "\n");
        }
    }
}

static void print_table(Buf *b, Module *m)
{
    const LayerList layers = layers_of(m);
    Str (*cell)[COLUMNS] = alloc(sizeof *cell * (size_t) (layers.n + 2));
    static const char *const title[] = {
        "path", "layer", "shape", "parameters", "operations", "memory",
    };
    double work = 0, memory = 0;
    int n = 0;
    for (int c = 0; c < COLUMNS; c++)
        cell[0][c] = intern(title[c]);
    EACH_AT(l, layers) {
        if (!l->applied)
            continue;
        Str *to = cell[++n];
        to[0] = l->path;
        to[1] = l->applied > 1 ? format("%s, %d times", l->words, l->applied) : l->words;
        to[2] = sizes_text(m, l->result);
        to[3] = l->parameters ? number_grouped((double) l->parameters) : intern("");
        to[4] = l->work >= 0.5 ? number_grouped(l->work) : intern("");
        to[5] = l->memory > 0 ? bytes_text(l->memory) : intern("");
        work += l->work;
        memory += l->memory;
    }
    const Str total[COLUMNS] = {
        intern("all"), intern(""), intern(""), number_grouped((double) m->nparams),
        number_grouped(work), bytes_text(memory),
    };
    memcpy(cell[n + 1], total, sizeof total);
    print_rows(b, cell, n + 2);
    buf_add(b, "\nShapes are of one example; operations (+ - * / and functions) of one forward "
               "pass of one example;\nmemory of what is computed for a batch of %d, before fusion "
               "and reuse. Parameters take %s.\n",
            m->batch_max, bytes_text(4.0 * (double) m->nparams));
}

static Tensor *output_of(Module *m, const char *program)
{
    Program *found = FIND(p, m->programs, p->name == intern(program) && p->outputs.n);
    return found ? found->outputs.at[0] : NULL;
}

static void print_compression(Buf *b, Module *m)
{
    Tensor *code = output_of(m, "encode");
    if (code && !output_of(m, "decode") && output_of(m, "reconstruct"))
        buf_add(b,
                "The decoder reads more of a row than its code: no code alone can be decoded.\n");
    if (!code || !output_of(m, "decode"))
        return;
    EACH_AT(x, m->inputs) {
        if (x->label)
            continue;
        const double in = elements(m, x->tensor), out = elements(m, code);
        buf_add(b, "The code has %s numbers, the input %s has %s", number_grouped(out), x->name,
                number_grouped(in));
        if (out < in)
            buf_add(b, ": %s to 1.\n", format("%.3g", in / out));
        else
            buf_add(b,
                    ": no bottleneck in numbers; something else has to keep it from copying.\n");
        return;
    }
}

/* Of what there are chances to draw from, and of what only given something else. */
static void print_chances(Buf *b, Module *m)
{
    const Input *x = FIND_AT(in, m->inputs, !in->label);
    if (output_of(m, "sample"))
        buf_add(b, "Generative: there are p(z) and p(%s | z), and `sample` draws from them.\n",
                x->name);
    else if (output_of(m, "decode"))
        buf_add(b, "There is no p(z) to draw from; `sample --mixture K` fits one to the codes.\n");
    EACH(y, m->told)
        buf_add(b, "Discriminative: `predict` tells p(%s | %s).\n", y, x->name);
}

static Str kind_text(Module *m, const Input *in)
{
    if (in->classes && in->tensor->rank == 1)
        return format("%s, one of %d", in->kind, in->classes);
    return format(in->classes ? "%s %s of %d" : "%s %s", in->kind, sizes_text(m, in->tensor),
                  in->classes);
}

void summary_print(Buf *b, Module *m)
{
    buf_add(b, "%s", m->name);
    EACH_AT(in, m->inputs)
        buf_add(b, ", %s : %s", in->name, kind_text(m, in));
    buf_add(b, "\n\n");
    print_table(b, m);
    print_compression(b, m);
    print_chances(b, m);
    objective_print(b, m);
}
