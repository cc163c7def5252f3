/* summary.c -- `aec show`: the layers as a table, and the objective exactly as it is optimised.
 *
 * Works on the module after split, whose statements say of which use of a definition they are. A row is a
 * path; nets applied twice have their statements in one row. Floating-point operations are those of one
 * forward pass for one example: every + - * / and every function counts 1, subscripts count 0. */
#include "driver.h"

typedef struct {
    Use *use;
    int applied;            /* how often in a forward pass */
    Tensor *result;         /* what others read of it */
    bool read;
    long parameters;
    double work;            /* operations */
    double memory;          /* bytes of its temporaries, for a batch */
} Row;

typedef struct {
    Module *m;
    VEC(Row) rows;
    VEC(Use *) uses;        /* met already in this program */
    double loops;           /* steps of the scans around */
    int known;              /* rows of programs before */
    TensorList needed;      /* what the loss of this program depends on; terms that it has not are no work */
    const Use *reader;      /* whose statement is looked at */
} Table;

/* ---- rows -------------------------------------------------------------------------------------------------- */
static bool is_layer(const Use *use)
{
    return use && strncmp(use->path, "term.", 5) && strcmp(use->path, "reconstruct") && strcmp(use->path, "loss")
        && strcmp(use->path, "decoder.shape");
}

static Row *row_of(Table *t, Use *use)
{
    if (!is_layer(use))
        return NULL;
    EACH_AT(row, t->rows)
        if (row->use->path == use->path)
            return row < t->rows.at + t->known ? NULL : row;
    PUSH(t->rows, ((Row) { .use = use }));
    return &t->rows.at[t->rows.n - 1];
}

/* Subscripts hold whole numbers only, so what counts in a value is what is real. */
static double operations(Expr *value)
{
    double n = 0;
    EACH_EXPR(e, value)
        n += e->kind == EXPR_op && !e->whole && e->op != OP_select;
    return n;
}

static double work_of(const Table *t, const Stmt *s)
{
    double points = t->loops, batch = 1;
    for (int k = 0; k < s->nindex; k++) {
        points *= s->index[k]->size;
        if (s->index[k]->example)
            batch = t->m->batch_max;
    }
    return points / batch * (operations(s->value) + (s->set != SET_is));
}

/* The result of a row is the first tensor that another row or a term reads; nets of a layer's own have rows of theirs. */
static void see_read(Table *t, Tensor *x)
{
    Row *row = x->mark > t->known ? &t->rows.at[x->mark - 1] : NULL;
    if (!row || row->read || (t->reader && (t->reader->path == row->use->path || is_within(t->reader->path, row->use->path))))
        return;
    row->result = x;
    row->read = true;
}

static void add_statement(Table *t, Stmt *s)
{
    if (s->kind == STMT_scan) {
        t->loops *= s->step->size;
        EACH(inner, s->body)
            add_statement(t, inner);
        t->loops /= s->step->size;
        return;
    }
    if (!s->backward && !s->update && !HAS(t->needed, s->target))
        return;
    Row *row = row_of(t, s->use);
    t->reader = s->use;
    EACH_EXPR(e, s->value)
        if (e->tensor)
            see_read(t, e->tensor);
    if (s->source)
        see_read(t, s->source);
    if (!row || s->backward || s->update)
        return;
    row->applied += !HAS(t->uses, s->use);
    PUSH_NEW(t->uses, s->use);
    if (!row->read)
        row->result = s->target;
    if (s->kind == STMT_nest)
        row->work += work_of(t, s);
    if (s->target->role != ROLE_temp || s->target->mark)
        return;
    s->target->mark = (int) (row - t->rows.at) + 1;
    if (s->kind == STMT_nest)
        row->memory += 4.0 * (double) tensor_count(s->target);
}

static void add_program(Table *t, Program *p)
{
    t->known = t->rows.n;
    t->uses.n = t->needed.n = 0;
    t->loops = 1;
    PUSH(t->needed, p->loss);
    find_needed(&p->body, &t->needed);
    EACH(s, p->body)
        add_statement(t, s);
}

bool is_within(Str name, Str path)
{
    const size_t n = strlen(path);
    return !strncmp(name, path, n) && name[n] == '.';
}

static void add_parameters(Table *t)
{
    EACH(p, t->m->params) {
        Row *best = NULL;
        EACH_AT(row, t->rows)
            if (is_within(p->name, row->use->path) && (!best || strlen(row->use->path) > strlen(best->use->path)))
                best = row;
        if (best)
            best->parameters += tensor_count(p);
    }
}

/* ---- numbers as people read them ----------------------------------------------------------------------------------- */
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
            buf_add(&b, "%s%s%d", n++ ? " x " : "", t->axis[k].length ? ".." : "", t->axis[k].size);
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

/* ---- the table ------------------------------------------------------------------------------------------------------ */
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

static void print_table(Buf *b, Table *t)
{
    Str (*cell)[COLUMNS] = alloc(sizeof *cell * (size_t) (t->rows.n + 2));
    static const char *const title[] = { "path", "layer", "shape", "parameters", "operations", "memory" };
    double work = 0, memory = 0;
    int n = 0;
    for (int c = 0; c < COLUMNS; c++)
        cell[0][c] = intern(title[c]);
    EACH_AT(row, t->rows) {
        Str *to = cell[++n];
        to[0] = row->use->path;
        to[1] = row->applied > 1 ? format("%s, %d times", row->use->words, row->applied) : row->use->words;
        to[2] = sizes_text(t->m, row->result);
        to[3] = row->parameters ? number_grouped((double) row->parameters) : intern("");
        to[4] = row->work >= 0.5 ? number_grouped(row->work) : intern("");
        to[5] = row->memory > 0 ? bytes_text(row->memory) : intern("");
        work += row->work;
        memory += row->memory;
    }
    Str *total = cell[n + 1];
    total[0] = intern("all"), total[1] = total[2] = intern("");
    total[3] = number_grouped((double) t->m->nparams), total[4] = number_grouped(work), total[5] = bytes_text(memory);
    print_rows(b, cell, n + 2);
    buf_add(b, "\nShapes are of one example; operations (+ - * / and functions) of one forward pass of one example;\n"
               "memory of what is computed for a batch of %d, before fusion and reuse. Parameters take %s.\n",
            t->m->batch_max, bytes_text(4.0 * (double) t->m->nparams));
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
        buf_add(b, "The decoder reads more of a row than its code: no code alone can be decoded.\n");
    if (!code || !output_of(m, "decode"))
        return;
    EACH_AT(x, m->inputs) {
        if (x->label)
            continue;
        const double in = elements(m, x->tensor), out = elements(m, code);
        buf_add(b, "The code has %s numbers, the input %s has %s", number_grouped(out), x->name, number_grouped(in));
        if (out < in)
            buf_add(b, ": %s to 1.\n", format("%.3g", in / out));
        else
            buf_add(b, ": no bottleneck in numbers; something else has to keep it from copying.\n");
        return;
    }
}

/* Of what there are chances to draw from, and of what only given something else. */
static void print_chances(Buf *b, Module *m)
{
    const Input *x = FIND_AT(in, m->inputs, !in->label);
    if (output_of(m, "sample"))
        buf_add(b, "Generative: there are p(z) and p(%s | z), and `sample` draws from them.\n", x->name);
    else if (output_of(m, "decode"))
        buf_add(b, "There is no p(z) to draw from; `sample --mixture K` fits one to the codes.\n");
    EACH(y, m->told)
        buf_add(b, "Discriminative: `predict` tells p(%s | %s).\n", y, x->name);
}

static Str kind_text(Module *m, const Input *in)
{
    if (in->classes && in->tensor->rank == 1)
        return format("%s, one of %d", in->kind, in->classes);
    return format(in->classes ? "%s %s of %d" : "%s %s", in->kind, sizes_text(m, in->tensor), in->classes);
}

void summary_print(Buf *b, Module *m)
{
    Table t = { .m = m };
    EACH(x, m->temps)
        x->mark = 0;
    EACH(phase, m->phases)
        add_program(&t, phase->gradient);
    add_parameters(&t);
    buf_add(b, "%s", m->name);
    EACH_AT(in, m->inputs)
        buf_add(b, ", %s : %s", in->name, kind_text(m, in));
    buf_add(b, "\n\n");
    print_table(b, &t);
    print_compression(b, m);
    print_chances(b, m);
    objective_print(b, m);
}
