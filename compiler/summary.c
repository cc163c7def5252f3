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
    for (int k = 0; k < t->rows.n; k++)
        if (t->rows.at[k].use->path == use->path)
            return k < t->known ? NULL : &t->rows.at[k];
    PUSH(t->rows, ((Row) { .use = use }));
    return &t->rows.at[t->rows.n - 1];
}

static void count_op(Expr *e, void *with)
{
    if (e->kind == EXPR_op && !e->whole && e->op != OP_select)
        ++*(double *) with;
}

/* Subscripts hold whole numbers only, so what counts in a value is what is real. */
static double operations(Expr *value)
{
    double n = 0;
    expr_walk(value, count_op, &n);
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
    const bool sums = s->set != SET_is;
    return points / batch * (operations(s->value) + sums);
}

static bool tells_apart(const Table *t, Use *use)
{
    for (int k = 0; k < t->uses.n; k++)
        if (t->uses.at[k] == use)
            return false;
    return true;
}

static void add_statement(Table *t, Stmt *s)
{
    if (s->kind == STMT_scan) {
        t->loops *= s->step->size;
        for (int k = 0; k < s->body.n; k++)
            add_statement(t, s->body.at[k]);
        t->loops /= s->step->size;
        return;
    }
    Row *row = row_of(t, s->use);
    if (!row || s->backward || s->update)
        return;
    if (tells_apart(t, s->use)) {
        PUSH(t->uses, s->use);
        row->applied++;
    }
    if (!row->read)
        row->result = s->target;
    if (s->kind == STMT_nest)
        row->work += work_of(t, s);
    if (s->kind == STMT_nest && s->target->role == ROLE_temp && s->target->mark != 1) {
        row->memory += 4.0 * (double) tensor_count(s->target);
        s->target->mark = 1;
    }
}

/* ---- results: the first tensor of a row that another row or a term reads ---------------------------------------- */
typedef struct { Table *t; Use *use; VEC(Tensor *) made; VEC(Use *) maker; } Reads;

static void see_read(Reads *r, const Tensor *t)
{
    for (int k = 0; k < r->made.n; k++) {
        if (r->made.at[k] != t || r->maker.at[k] == r->use)
            continue;
        for (int q = r->t->known; q < r->t->rows.n; q++) {
            Row *row = &r->t->rows.at[q];
            if (row->use->path != r->maker.at[k]->path || (r->use && r->use->path == row->use->path))
                continue;
            if (!row->read)
                row->result = (Tensor *) t;
            row->read = true;
        }
    }
}

static void see_expr(Expr *e, void *with)
{
    if (e->kind == EXPR_read)
        see_read(with, e->tensor);
}

static void see_statement(Stmt *s, void *with)
{
    Reads *r = with;
    r->use = s->use;
    if (s->value)
        expr_walk(s->value, see_expr, r);
    if (s->source)
        see_read(r, s->source);
    if (s->target && s->use) {
        PUSH(r->made, s->target);
        PUSH(r->maker, s->use);
    }
}

static void add_program(Table *t, Program *p)
{
    t->known = t->rows.n;
    t->uses.n = 0;
    t->loops = 1;
    for (int k = 0; k < p->body.n; k++)
        add_statement(t, p->body.at[k]);
    Reads r = { .t = t };
    each_stmt(&p->body, see_statement, &r);
}

static bool starts_with(Str name, Str path)
{
    const size_t n = strlen(path);
    return !strncmp(name, path, n) && name[n] == '.';
}

static void add_parameters(Table *t)
{
    for (int k = 0; k < t->m->params.n; k++) {
        Row *best = NULL;
        for (int q = 0; q < t->rows.n; q++) {
            Row *row = &t->rows.at[q];
            if (starts_with(t->m->params.at[k]->name, row->use->path) && (!best || strlen(row->use->path) > strlen(best->use->path)))
                best = row;
        }
        if (best)
            best->parameters += tensor_count(t->m->params.at[k]);
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

static Str bytes_text(double v)
{
    static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    int k = 0;
    for (; v >= 1024 && k < 4; k++)
        v /= 1024;
    return format(k && v < 100 ? "%.1f %s" : "%.0f %s", v, unit[k]);
}

static Str sizes_text(const Module *m, const Tensor *t)
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
static void print_cell(Buf *b, Str text, int width, bool right)
{
    const int n = (int) strlen(text), pad = n < width ? width - n : 0;
    buf_add(b, "%*s%s%*s", right ? pad : 0, "", text, right ? 0 : pad, "");
}

enum { COLUMNS = 6 };

static void print_rows(Buf *b, Str (*cell)[COLUMNS], int n)
{
    int width[COLUMNS] = { 0 };
    for (int k = 0; k < n; k++)
        for (int c = 0; c < COLUMNS; c++)
            if ((int) strlen(cell[k][c]) > width[c])
                width[c] = (int) strlen(cell[k][c]);
    for (int k = 0; k < n; k++) {
        for (int c = 0; c < COLUMNS; c++) {
            buf_add(b, c ? "  " : "");
            print_cell(b, cell[k][c], width[c], c > 2);
        }
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
    for (int k = 0; k < t->rows.n; k++) {
        const Row *row = &t->rows.at[k];
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
    for (int k = 0; k < m->programs.n; k++)
        if (m->programs.at[k]->name == intern(program) && m->programs.at[k]->outputs.n)
            return m->programs.at[k]->outputs.at[0];
    return NULL;
}

static void print_compression(Buf *b, Module *m)
{
    Tensor *code = output_of(m, "encode");
    if (!code || !output_of(m, "decode"))
        return;
    for (int k = 0; k < m->inputs.n; k++) {
        if (m->inputs.at[k].label)
            continue;
        const double in = elements(m, m->inputs.at[k].tensor), out = elements(m, code);
        buf_add(b, "The code has %s numbers, the input %s has %s", number_grouped(out), m->inputs.at[k].name, number_grouped(in));
        if (out < in)
            buf_add(b, ": %s to 1.\n", format("%.3g", in / out));
        else
            buf_add(b, ": no bottleneck in numbers; something else has to keep it from copying.\n");
        return;
    }
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
    for (int k = 0; k < m->temps.n; k++)
        m->temps.at[k]->mark = 0;
    for (int k = 0; k < m->phases.n; k++)
        add_program(&t, m->phases.at[k]->gradient);
    add_parameters(&t);
    buf_add(b, "%s", m->name);
    for (int k = 0; k < m->inputs.n; k++)
        buf_add(b, ", %s : %s", m->inputs.at[k].name, kind_text(m, &m->inputs.at[k]));
    buf_add(b, "\n\n");
    print_table(b, &t);
    print_compression(b, m);
    objective_print(b, m);
}
