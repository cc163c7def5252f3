/* emit_model.c -- the tables that tell the runtime what the model has: ae.h's AeModel and what it points to. */
#include "emit.h"

/* ---- arrays ----------------------------------------------------------------------------------- */
static void put_address(Emit *e, Buf *b, Tensor *t)
{
    Var *v = var_root(var_of(e, t));
    v->used = true;
    var_of(e, t)->used |= !var_of(e, t)->alias;
    if (t->rank && v->text[0] == '(')
        buf_add(b, "%s", v->text);
    else
        buf_add(b, "%s%s", v->tensor->rank ? "" : "&", v->text);
}

static void put_array_at(Buf *b, Tensor *t, Str name, Str address)
{
    buf_add(b, "{ ");
    put_string(b, name ? name : "");
    buf_add(b, ", %s", address);
    buf_add(b, ", %s, %d, { ", t->elem == ELEM_int ? "AE_INT" : "AE_REAL", t->rank);
    for (int k = 0; k < t->rank; k++)
        buf_add(b, "%s%d", k ? ", " : "", t->axis[k].size);
    buf_add(b, t->rank ? " } }" : "0 } }");
}

static void put_array(Emit *e, Buf *b, Tensor *t, Str name)
{
    Buf address = { 0 };
    put_address(e, &address, t);
    put_array_at(b, t, name, address.at);
}

/* A table of arrays; its name, or NULL of none. */
static Str array_table(Emit *e, Buf *b, Str wish, TensorList *list)
{
    if (list->n == 0)
        return NULL;
    Str name = names_claim(wish);
    buf_add(b, "static const AeArray %s[] = {\n", name);
    for (int k = 0; k < list->n; k++) {
        buf_add(b, "    ");
        put_array(e, b, list->at[k], list->at[k]->name);
        buf_add(b, ",\n");
    }
    buf_add(b, "};\n");
    return name;
}

void table_field(Buf *b, const char *what, Str table, int n)
{
    if (table)
        buf_add(b, " .%s = %s, .n%s = %d,", what, table, what, n);
}

/* ---- inputs ----------------------------------------------------------------------------------- */
static void print_inputs(Emit *e, Buf *b)
{
    Module *m = e->m;
    if (m->inputs.n == 0)
        return;
    buf_add(b, "static const AeInput inputs[] = {\n");
    for (int k = 0; k < m->inputs.n; k++) {
        Input *in = &m->inputs.at[k];
        buf_add(b, "    { ");
        put_array(e, b, in->tensor, in->name);
        buf_add(b, ", ");
        put_string(b, in->kind ? in->kind : "vector");
        buf_add(b, ", ");
        Tensor *more[] = { in->length, in->has };
        for (int j = 0; j < 2; j++)
            if (more[j]) {
                put_address(e, b, more[j]);
                buf_add(b, ", ");
            } else
                buf_add(b, "NULL, ");
        buf_add(b, "%d, %s },\n", in->classes, in->label ? "true" : "false");
    }
    buf_add(b, "};\n");
}

static void print_params(Emit *e, Buf *b)
{
    Module *m = e->m;
    for (int pass = 0; pass < 2 && m->params.n; pass++) {
        buf_add(b, "static const AeArray %s[] = {\n", pass ? "param_grads" : "params");
        for (int k = 0; k < m->params.n; k++) {
            Tensor *t = m->params.at[k];
            buf_add(b, "    ");
            put_array_at(b, t, t->name,
                         format("%s%s.%s", t->rank ? "" : "&", pass ? "dp" : "p", var_of(e, t)->name));
            buf_add(b, ",\n");
        }
        buf_add(b, "};\n");
    }
}

/* ---- programs --------------------------------------------------------------------------------- */
static int input_number(Emit *e, Tensor *t)
{
    for (int k = 0; k < e->m->inputs.n; k++) {
        Input *in = &e->m->inputs.at[k];
        if (in->tensor == t || in->length == t || in->has == t)
            return k;
    }
    return -1;
}

static void inputs_of(Emit *e, Program *p, bool *has, TensorList *takes)
{
    for (int k = 0; k < p->inputs.n; k++) {
        const int n = input_number(e, p->inputs.at[k]);
        if (n >= 0)
            has[n] = true;
        else
            PUSH(*takes, p->inputs.at[k]);
    }
}

static Str input_table(Emit *e, Buf *b, Program *p, bool *has, int *n)
{
    *n = 0;
    for (int k = 0; k < e->m->inputs.n; k++)
        *n += has[k];
    if (!*n)
        return NULL;
    Str name = names_claim(format("%s_inputs", names_lower(p->name)));
    buf_add(b, "static const int %s[] = {", name);
    const char *comma = " ";
    for (int k = 0; k < e->m->inputs.n; k++)
        if (has[k]) {
            buf_add(b, "%s%d", comma, k);
            comma = ", ";
        }
    buf_add(b, " };\n");
    return name;
}

typedef struct { Emit *e; Tensor *wanted, *has; } HasSearch;

static void find_has(Expr *x, void *with)
{
    HasSearch *f = with;
    for (int k = 0; x->kind == EXPR_read && k < f->e->m->inputs.n; k++)
        if (x->tensor == f->e->m->inputs.at[k].has && x->tensor)
            f->has = x->tensor;
}

static void find_each(Stmt *s, void *with)
{
    HasSearch *f = with;
    AccessList list = stmt_accesses(s);
    bool reads = false;
    for (int k = 0; k < list.n; k++)
        reads |= !list.at[k].write && list.at[k].tensor == f->wanted;
    if (!reads || s->kind != STMT_nest || s->set != SET_add)
        return;
    expr_walk(s->where, find_has, f);
    expr_walk(s->value, find_has, f);
}

/* Which rows a term's mean counts: those that the sum over `each` asks for. */
static Tensor *term_has(Emit *e, Program *p, Tensor *each)
{
    HasSearch f = { e, each, NULL };
    if (each)
        each_stmt(&p->body, find_each, &f);
    return f.has;
}

static Str term_table(Emit *e, Buf *b, Program *p)
{
    if (p->terms.n == 0)
        return NULL;
    Str name = names_claim(format("%s_terms", names_lower(p->name)));
    buf_add(b, "static const AeTerm %s[] = {\n", name);
    for (int k = 0; k < p->terms.n; k++) {
        Tensor *of[] = { p->terms.at[k].value, p->terms.at[k].each, p->terms.at[k].weight };
        buf_add(b, "    { ");
        put_string(b, p->terms.at[k].name);
        buf_add(b, ", ");
        put_string(b, p->terms.at[k].unit ? p->terms.at[k].unit : "");
        for (int j = 0; j < 3; j++)
            if (of[j]) {
                buf_add(b, ", ");
                put_address(e, b, of[j]);
            } else
                buf_add(b, ", NULL");
        buf_add(b, ", %s, ", p->terms.at[k].metric ? "true" : "false");
        Tensor *has = term_has(e, p, p->terms.at[k].each);
        if (has)
            put_address(e, b, has);
        else
            buf_add(b, "NULL");
        if (p->terms.at[k].units) {
            buf_add(b, ", (const ae_real *) ");
            put_address(e, b, p->terms.at[k].units);
            buf_add(b, ", %d, ", p->terms.at[k].units->axis[1].size);
        } else
            buf_add(b, ", NULL, 0, ");
        put_string(b, place_name(p->terms.at[k].place));
        if (p->terms.at[k].said) {
            buf_add(b, ", ");
            put_string(b, p->terms.at[k].said);
        } else
            buf_add(b, ", NULL");
        buf_add(b, " },\n");
    }
    buf_add(b, "};\n");
    return name;
}

static Str run_name(Emit *e, Program *p, Part part)
{
    for (int k = 0; k < e->runs.n; k++)
        if (e->runs.at[k]->program == p && e->runs.at[k]->part == part)
            return e->runs.at[k]->name;
    return NULL;
}

static void print_program(Emit *e, Buf *b, Buf *tables, Program *p)
{
    bool *has = alloc((size_t) e->m->inputs.n + 1);
    TensorList takes = { 0 };
    int ninputs;
    inputs_of(e, p, has, &takes);
    Str inputs = input_table(e, tables, p, has, &ninputs);
    Str taken = array_table(e, tables, format("%s_takes", names_lower(p->name)), &takes);
    Str outputs = array_table(e, tables, format("%s_outputs", names_lower(p->name)), &p->outputs);
    Str terms = term_table(e, tables, p);
    buf_add(b, "    { .name = ");
    put_string(b, p->name);
    buf_add(b, ", .run = %s,", run_name(e, p, PART_run));
    table_field(b, "inputs", inputs, ninputs);
    table_field(b, "takes", taken, takes.n);
    table_field(b, "outputs", outputs, p->outputs.n);
    table_field(b, "terms", terms, p->terms.n);
    if (p->loss) {
        buf_add(b, " .loss = ");
        put_address(e, b, p->loss);
        buf_add(b, ",");
    }
    buf_add(b, " },\n");
}

static void print_programs(Emit *e, Buf *b)
{
    Buf table = { 0 };
    buf_add(&table, "static const AeProgram programs[] = {\n");
    for (int k = 0; k < e->programs.n; k++)
        print_program(e, &table, b, e->programs.at[k]);
    buf_add(&table, "};\n");
    buf_add(b, "%s", table.at);
}

static int program_number(Emit *e, Program *p)
{
    for (int k = 0; k < e->programs.n; k++)
        if (e->programs.at[k] == p)
            return k;
    return -1;
}

/* ---- phases ----------------------------------------------------------------------------------- */
static Str sweep_table(Emit *e, Buf *b, Phase *f)
{
    if (f->sweeps.n == 0)
        return NULL;
    Str name = names_claim(format("%s_sweeps", names_lower(f->name)));
    buf_add(b, "static const AeSweep %s[] = {\n", name);
    for (int k = 0; k < f->sweeps.n; k++) {
        Program *p = f->sweeps.at[k];
        Str begin = run_name(e, p, PART_begin), batch = run_name(e, p, PART_run), end = run_name(e, p, PART_end);
        buf_add(b, "    { %s, %s, %s, %d },\n", begin ? begin : "NULL", batch, end ? end : "NULL", p->every);
    }
    buf_add(b, "};\n");
    return name;
}

static int by_offset(Tensor **at, int n)
{
    for (int k = 1; k < n; k++)
        for (int j = k; j > 0 && at[j - 1]->offset > at[j]->offset; j--) {
            Tensor *t = at[j];
            at[j] = at[j - 1];
            at[j - 1] = t;
        }
    return n;
}

static bool has_table(Phase *f, const Tensor *t)
{
    for (int k = 0; k < f->tables.n; k++)
        if (f->tables.at[k].table == t)
            return true;
    return false;
}

/* What is trained, or of that what stands in no table, as few ranges as they make. */
static Str range_table(Buf *b, Phase *f, bool whole, int *n)
{
    Program *p = f->gradient;
    TensorList list = { 0 };
    *n = 0;
    for (int k = 0; p && k < p->trained.n; k++)
        if (!whole || !has_table(f, p->trained.at[k]))
            PUSH(list, p->trained.at[k]);
    if (!list.n || (whole && !f->tables.n))
        return NULL;
    by_offset(list.at, list.n);
    Str name = names_claim(format("%s_%s", names_lower(f->name), whole ? "whole" : "trained"));
    buf_add(b, "static const AeRange %s[] = {", name);
    for (int k = 0; k < list.n; ++*n) {
        const long first = list.at[k]->offset;
        long end = first;
        for (; k < list.n && list.at[k]->offset <= end; k++)
            if (list.at[k]->offset + tensor_count(list.at[k]) > end)
                end = list.at[k]->offset + tensor_count(list.at[k]);
        buf_add(b, "%s{ %ld, %ld }", *n ? ", " : " ", first, end - first);
    }
    buf_add(b, " };\n");
    return name;
}

/* The tables that a step touches by rows. */
static Str row_table(Emit *e, Buf *b, Phase *f, int *n)
{
    Str name = NULL;
    *n = 0;
    for (int k = 0; k < f->tables.n; k++) {
        const Tensor *t = f->tables.at[k].table;
        if (!f->tables.at[k].rows)
            continue;
        if (!name)
            buf_add(b, "static const AeTable %s[] = {\n", name = names_claim(format("%s_tables", names_lower(f->name))));
        ++*n;
        buf_add(b, "    { %ld, %ld, ", t->offset, tensor_count(t) / t->axis[0].size);
        put_address(e, b, f->tables.at[k].rows);
        buf_add(b, " },\n");
    }
    if (name)
        buf_add(b, "};\n");
    return name;
}

static void print_phase(Emit *e, Buf *b, Buf *tables, Phase *f)
{
    int ntrained, nwhole, ntables;
    Str sweeps = sweep_table(e, tables, f);
    Str states = array_table(e, tables, format("%s_states", names_lower(f->name)), &f->states);
    Str trained = range_table(tables, f, false, &ntrained), whole = range_table(tables, f, true, &nwhole);
    Str rows = row_table(e, tables, f, &ntables);
    Str update = f->gradient ? run_name(e, f->gradient, PART_update) : NULL;
    buf_add(b, "    {\n        .name = ");
    put_string(b, f->name);
    if (f->gradient)
        buf_add(b, ", .gradient = &programs[%d],", program_number(e, f->gradient));
    buf_add(b, " .update = %s,", update ? update : "nothing");
    if (f->bound) {
        buf_add(b, " .apart = %s, .bound = ", run_name(e, f->gradient, PART_apart));
        put_address(e, b, f->bound);
        buf_add(b, ",");
    }
    if (f->start)
        buf_add(b, " .start = %s,", run_name(e, f->start, PART_run));
    if (f->evaluate)
        buf_add(b, " .evaluate = &programs[%d],", program_number(e, f->evaluate));
    buf_add(b, "\n       ");
    table_field(b, "sweeps", sweeps, f->sweeps.n);
    table_field(b, "states", states, f->states.n);
    table_field(b, "trained", trained, ntrained);
    table_field(b, "whole", whole, nwhole);
    table_field(b, "tables", rows, ntables);
    buf_add(b, "\n        .batch = %d, .epochs = %d, .labels = %d, .accumulate = %d, .early_stop = %d,", f->batch,
            f->epochs, f->labels, f->accumulate, f->early_stop);
    buf_add(b, " .drop_last = %s,", f->drop_last ? "true" : "false");
    buf_add(b, "\n        .clip = %s, .seed = %luu,\n    },\n", number_text(f->clip), f->seed);
}

static void print_phases(Emit *e, Buf *b)
{
    Module *m = e->m;
    Buf table = { 0 };
    bool idle = false;
    for (int k = 0; k < m->phases.n; k++)
        idle |= !m->phases.at[k]->gradient || !run_name(e, m->phases.at[k]->gradient, PART_update);
    if (m->phases.n == 0)
        return;
    if (idle)
        buf_add(b, "static void nothing(void)\n{\n}\n\n");
    buf_add(&table, "static const AePhase phases[] = {\n");
    for (int k = 0; k < m->phases.n; k++)
        print_phase(e, &table, b, m->phases.at[k]);
    buf_add(&table, "};\n");
    buf_add(b, "%s", table.at);
}

/* ---- the text of the model -------------------------------------------------------------------- */
/* C promises string literals of 4095 characters; a longer text is a list of characters. */
static void print_text(Buf *b, const Source *s)
{
    buf_add(b, "static const char text[] =");
    if (s->length > 4000) {
        buf_add(b, " {");
        for (size_t k = 0; k <= s->length; k++)
            buf_add(b, "%s%d,", k % 24 ? "" : "\n    ", k < s->length ? (signed char) s->text[k] : 0);
        buf_add(b, "\n};\n");
        return;
    }
    for (const char *line = s->text; *line || line == s->text;) {
        const size_t n = strcspn(line, "\n") + (line[strcspn(line, "\n")] == '\n');
        buf_add(b, "\n    ");
        put_string(b, intern_n(line, n));
        line += n;
    }
    buf_add(b, ";\n");
}

static void text_field(Buf *b, const char *what, const char *text)
{
    buf_add(b, "    .%s = ", what);
    put_string(b, text ? text : "");
    buf_add(b, ",\n");
}

/* What `spent` is of. */
static void print_timed(Emit *e, Buf *b)
{
    buf_add(b, "static const AeTimed timed[] = {\n");
    for (int k = 0; k < e->functions.n; k++) {
        Func *f = e->functions.at[k];
        Buf what = { 0 };
        func_words(f, &what);
        buf_add(b, "    { ");
        put_string(b, f->name);
        buf_add(b, ", ");
        put_string(b, what.at ? what.at : f->name);
        buf_add(b, ", %.0fu },\n", flops_of_func(f));
    }
    buf_add(b, "};\n\n");
}

static void print_model(Emit *e, Buf *b, Str settings, Str metrics)
{
    Module *m = e->m;
    const char *slash = m->source->name ? strrchr(m->source->name, '/') : NULL;
    buf_add(b, "#ifndef AE_FOLDER\n#define AE_FOLDER \".\"      /* where the data files are */\n#endif\n\n");
    buf_add(b, "const AeModel ae_model = {\n");
    text_field(b, "name", m->name);
    text_field(b, "file", slash ? slash + 1 : m->source->name);
    buf_add(b, "    .text = text,\n");
    buf_add(b, "    .folder = AE_FOLDER,\n");
    buf_add(b, "    .batch = BATCH,\n");
    if (m->inputs.n)
        buf_add(b, "    .inputs = inputs, .ninputs = %d,\n", m->inputs.n);
    if (m->nparams)
        buf_add(b, "    .params = p.flat, .grads = dp.flat, .nparams = PARAMS,\n");
    if (m->params.n)
        buf_add(b, "    .param = params, .nparam = %d, .grad = param_grads,\n", m->params.n);
    if (m->states.n)
        buf_add(b, "    .state = states, .nstate = %d,\n", m->states.n);
    if (e->programs.n)
        buf_add(b, "    .programs = programs, .nprograms = %d,\n", e->programs.n);
    if (m->phases.n)
        buf_add(b, "    .phases = phases, .nphases = %d,\n", m->phases.n);
    if (m->data.n)
        buf_add(b, "    .sources = sources, .nsources = %d,\n", m->data.n);
    if (settings)
        buf_add(b, "    .settings = %s, .nsettings = %d,\n", settings, m->data_settings.n);
    if (metrics)
        buf_add(b, "    .metrics = %s, .nmetrics = %d,\n", metrics, m->metrics.n);
    if (e->how.profile)
        buf_add(b, "    .timed = timed, .ntimed = %d, .spent = spent,\n", e->functions.n);
    buf_add(b, "    .fast = %s, .flops = %.0fu,\n};\n", e->how.fast ? "true" : "false", flops_of(e));
}

void model_print(Emit *e, Buf *b)
{
    Module *m = e->m;
    buf_add(b, "\n/* ---- what the trainer knows of the model ---- */\n");
    print_text(b, m->source);
    print_inputs(e, b);
    print_params(e, b);
    if (m->states.n) {
        buf_add(b, "static const AeArray states[] = {\n");
        for (int k = 0; k < m->states.n; k++) {
            buf_add(b, "    ");
            put_array(e, b, m->states.at[k], m->states.at[k]->name);
            buf_add(b, ",\n");
        }
        buf_add(b, "};\n");
    }
    print_programs(e, b);
    print_phases(e, b);
    sources_print(e, b);
    Str settings = setting_table(b, intern("settings"), m->data_settings.at, m->data_settings.n);
    Str metrics = metric_table(e, b);
    buf_add(b, "\n");
    if (e->how.profile)
        print_timed(e, b);
    print_model(e, b, settings, metrics);
}
