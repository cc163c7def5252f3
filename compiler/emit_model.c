/* emit_model.c -- the tables that tell the runtime what the model has: ae.h's AeModel
 * and what it points to. */
#include "emit.h"

/* ---- tables --------------------------------------------------------------------------------- */
void table_print(Buf *b, const char *type, Str name, const Buf *rows)
{
    if (rows->n)
        buf_add(b, "static const %s %s[] = {\n%s};\n", type, name, rows->at);
}

Str table_claim(Buf *b, const char *type, Str wish, const Buf *rows)
{
    Str name = rows->n ? names_claim(wish) : NULL;
    table_print(b, type, name, rows);
    return name;
}

Str row_claim(Buf *b, const char *type, Str wish, const Buf *items)
{
    Str name = items->n ? names_claim(wish) : NULL;
    if (name)
        buf_add(b, "static const %s %s[] = { %s };\n", type, name, items->at);
    return name;
}

void table_field(Buf *b, const char *what, Str table, int n)
{
    if (table)
        buf_add(b, " .%s = %s, .n%s = %d,", what, table, what, n);
}

static Str or_null(Str text)
{
    return text ? text : "NULL";
}

/* ---- arrays --------------------------------------------------------------------------------- */
static Str address(Emit *e, Tensor *t)
{
    if (!t)
        return "NULL";
    Var *v = var_root(var_of(e, t));
    v->used = true;
    if (t->rank && v->text[0] == '(')
        return v->text;
    return format("%s%s", v->tensor->rank ? "" : "&", v->text);
}

static Str array_text(Tensor *t, Str name, Str at)
{
    Buf sizes = { 0 };
    for (int k = 0; k < t->rank; k++)
        buf_add(&sizes, "%s%d", k ? ", " : "", t->axis[k].size);
    return format("{ %s, %s, %s, %d, { %s } }", c_string(name ? name : ""), at,
                  t->elem == ELEM_int ? "AE_INT" : "AE_REAL", t->rank, t->rank ? sizes.at : "0");
}

static Buf array_rows(Emit *e, const TensorList *list)
{
    Buf rows = { 0 };
    EACH(t, *list)
        buf_add(&rows, "    %s,\n", array_text(t, t->name, address(e, t)));
    return rows;
}

static Str array_table(Emit *e, Buf *b, Str wish, const TensorList *list)
{
    const Buf rows = array_rows(e, list);
    return table_claim(b, "AeArray", wish, &rows);
}

static void print_inputs(Emit *e, Buf *b)
{
    Buf rows = { 0 };
    EACH_AT(in, e->m->inputs)
        buf_add(&rows, "    { %s, %s, %s, %s, %d, %s },\n",
                array_text(in->tensor, in->name, address(e, in->tensor)),
                c_string(in->kind ? in->kind : "vector"), address(e, in->length),
                address(e, in->has), in->classes, in->label ? "true" : "false");
    table_print(b, "AeInput", "inputs", &rows);
}

static void print_params(Emit *e, Buf *b)
{
    Buf params = { 0 }, grads = { 0 };
    EACH(t, e->m->params) {
        const char *ref = t->rank ? "" : "&", *name = var_of(e, t)->name;
        buf_add(&params, "    %s,\n", array_text(t, t->name, format("%sp.%s", ref, name)));
        buf_add(&grads, "    %s,\n", array_text(t, t->name, format("%sdp.%s", ref, name)));
    }
    table_print(b, "AeArray", "params", &params);
    table_print(b, "AeArray", "param_grads", &grads);
}

/* ---- programs ------------------------------------------------------------------------------- */
/* The numbers of the inputs that a program reads; what else it is given goes to `takes`. */
static Str input_table(Emit *e, Buf *b, Program *p, int *n, TensorList *takes)
{
    Buf items = { 0 };
    *n = 0;
    for (int k = 0; k < e->m->inputs.n; k++) {
        const Input *in = &e->m->inputs.at[k];
        if (FIND(t, p->inputs, t == in->tensor || t == in->length || t == in->has))
            buf_add(&items, "%s%d", (*n)++ ? ", " : "", k);
    }
    EACH(t, p->inputs)
        if (!FIND_AT(in, e->m->inputs, t == in->tensor || t == in->length || t == in->has))
            PUSH(*takes, t);
    return row_claim(b, "int", format("%s_inputs", names_lower(p->name)), &items);
}

/* Which rows a term's mean counts: those that the sum over `each` asks for. */
static Tensor *term_has(Emit *e, Program *p, const Tensor *each)
{
    Tensor *has = NULL;
    EACH_STMT(s, &p->body)
        if (each && s->kind == STMT_nest && s->set == SET_add
            && ANY_EXPR_OF(x, s, x->tensor == each))
            EACH_EXPR_OF(x, s)
                if (x->tensor && FIND_AT(in, e->m->inputs, in->has == x->tensor))
                    has = x->tensor;
    return has;
}

static Str term_table(Emit *e, Buf *b, Program *p)
{
    Buf rows = { 0 };
    EACH_AT(t, p->terms) {
        buf_add(&rows, "    { %s, %s, %s, %s, %s, %s, %s, ", c_string(t->name),
                c_string(t->unit ? t->unit : ""), address(e, t->value), address(e, t->each),
                address(e, t->weight), t->metric ? "true" : "false",
                address(e, term_has(e, p, t->each)));
        if (t->units)
            buf_add(&rows, "(const ae_real *) %s, %d, ", address(e, t->units),
                    t->units->axis[1].size);
        else
            buf_add(&rows, "NULL, 0, ");
        buf_add(&rows, "%s, %s },\n", c_string(place_name(t->place)),
                t->said ? c_string(t->said) : "NULL");
    }
    return table_claim(b, "AeTerm", format("%s_terms", names_lower(p->name)), &rows);
}

static void print_program(Emit *e, Buf *b, Buf *rows, Program *p)
{
    TensorList takes = { 0 };
    int ninputs;
    Str inputs = input_table(e, b, p, &ninputs, &takes);
    Str taken = array_table(e, b, format("%s_takes", names_lower(p->name)), &takes);
    Str outputs = array_table(e, b, format("%s_outputs", names_lower(p->name)), &p->outputs);
    Str terms = term_table(e, b, p);
    buf_add(rows, "    { .name = %s, .run = %s,", c_string(p->name), run_name(e, p, PART_run));
    table_field(rows, "inputs", inputs, ninputs);
    table_field(rows, "takes", taken, takes.n);
    table_field(rows, "outputs", outputs, p->outputs.n);
    table_field(rows, "terms", terms, p->terms.n);
    if (p->loss)
        buf_add(rows, " .loss = %s,", address(e, p->loss));
    buf_add(rows, " },\n");
}

static void print_programs(Emit *e, Buf *b)
{
    Buf rows = { 0 };
    EACH(p, e->programs)
        print_program(e, b, &rows, p);
    table_print(b, "AeProgram", "programs", &rows);
}

/* ---- phases --------------------------------------------------------------------------------- */
static Str sweep_table(Emit *e, Buf *b, Phase *f)
{
    Buf rows = { 0 };
    EACH(p, f->sweeps)
        buf_add(&rows, "    { %s, %s, %s, %d },\n", or_null(run_name(e, p, PART_begin)),
                run_name(e, p, PART_run), or_null(run_name(e, p, PART_end)), p->every);
    return table_claim(b, "AeSweep", format("%s_sweeps", names_lower(f->name)), &rows);
}

/* What is trained, or of that what stands in no table, as few ranges as they make. */
static Str range_table(Buf *b, Phase *f, bool whole, int *n)
{
    TensorList list = { 0 };
    Buf items = { 0 };
    *n = 0;
    for (int k = 0; f->gradient && k < f->gradient->trained.n && (!whole || f->tables.n); k++) {
        Tensor *t = f->gradient->trained.at[k];
        if (!whole || !FIND_AT(row, f->tables, row->table == t))
            INSERT_BEFORE(list, t, other, other->offset > t->offset);
    }
    for (int k = 0; k < list.n; ++*n) {
        const long first = list.at[k]->offset;
        long end = first;
        for (; k < list.n && list.at[k]->offset <= end; k++)
            if (list.at[k]->offset + tensor_count(list.at[k]) > end)
                end = list.at[k]->offset + tensor_count(list.at[k]);
        buf_add(&items, "%s{ %ld, %ld }", *n ? ", " : "", first, end - first);
    }
    return row_claim(b, "AeRange",
                     format("%s_%s", names_lower(f->name), whole ? "whole" : "trained"), &items);
}

/* The tables that a step touches by rows. */
static Str row_table(Emit *e, Buf *b, Phase *f, int *n)
{
    Buf rows = { 0 };
    *n = 0;
    EACH(t, f->tables)
        if (t.rows) {
            buf_add(&rows, "    { %ld, %ld, %s },\n", t.table->offset,
                    tensor_count(t.table) / t.table->axis[0].size, address(e, t.rows));
            ++*n;
        }
    return table_claim(b, "AeTable", format("%s_tables", names_lower(f->name)), &rows);
}

static int program_number(Emit *e, const Program *p)
{
    return FIRST(k, e->programs.n, e->programs.at[k] == p);
}

static Str update_name(Emit *e, Phase *f)
{
    return f->gradient ? run_name(e, f->gradient, PART_update) : NULL;
}

static void print_phase(Emit *e, Buf *b, Buf *rows, Phase *f)
{
    int ntrained, nwhole, ntables;
    Str sweeps = sweep_table(e, b, f);
    Str states = array_table(e, b, format("%s_states", names_lower(f->name)), &f->states);
    Str trained = range_table(b, f, false, &ntrained), whole = range_table(b, f, true, &nwhole);
    Str tables = row_table(e, b, f, &ntables), update = update_name(e, f);
    buf_add(rows, "    {\n        .name = %s", c_string(f->name));
    if (f->gradient)
        buf_add(rows, ", .gradient = &programs[%d],", program_number(e, f->gradient));
    buf_add(rows, " .update = %s,", update ? update : "nothing");
    if (f->bound)
        buf_add(rows, " .apart = %s, .bound = %s,", run_name(e, f->gradient, PART_apart),
                address(e, f->bound));
    if (f->start)
        buf_add(rows, " .start = %s,", run_name(e, f->start, PART_run));
    if (f->evaluate)
        buf_add(rows, " .evaluate = &programs[%d],", program_number(e, f->evaluate));
    buf_add(rows, "\n       ");
    table_field(rows, "sweeps", sweeps, f->sweeps.n);
    table_field(rows, "states", states, f->states.n);
    table_field(rows, "trained", trained, ntrained);
    table_field(rows, "whole", whole, nwhole);
    table_field(rows, "tables", tables, ntables);
    buf_add(rows, "\n        .batch = %d, .epochs = %d, .labels = %d, .accumulate = %d,",
            f->batch, f->epochs, f->labels, f->accumulate);
    buf_add(rows, " .early_stop = %d, .drop_last = %s,", f->early_stop,
            f->drop_last ? "true" : "false");
    buf_add(rows, "\n        .clip = %s, .seed = %luu,\n    },\n", number_text(f->clip), f->seed);
}

static void print_phases(Emit *e, Buf *b)
{
    Buf rows = { 0 };
    if (FIND(f, e->m->phases, !update_name(e, f)))
        buf_add(b, "static void nothing(void)\n{\n}\n\n");
    EACH(f, e->m->phases)
        print_phase(e, b, &rows, f);
    table_print(b, "AePhase", "phases", &rows);
}

/* ---- the text of the model ------------------------------------------------------------------ */
/* C promises string literals of 4095 characters; a longer text is a list of characters. */
static void print_text(Buf *b, const Source *s)
{
    buf_add(b, "static const char text[] =");
    if (s->length <= 4000) {
        put_lines(b, s->text);
        buf_add(b, ";\n");
        return;
    }
    buf_add(b, " {");
    for (size_t k = 0; k <= s->length; k++)
        buf_add(b, "%s%d,", k % 24 ? "" : "\n    ", k < s->length ? (signed char) s->text[k] : 0);
    buf_add(b, "\n};\n");
}

/* What `spent` is of. */
static void print_timed(Emit *e, Buf *b)
{
    Buf rows = { 0 };
    EACH(f, e->functions) {
        const Str what = func_words(f);
        buf_add(&rows, "    { %s, %s, %.0fu },\n", c_string(f->name),
                c_string(*what ? what : f->name), flops_of_func(f));
    }
    table_print(b, "AeTimed", "timed", &rows);
    buf_add(b, "\n");
}

static void list_line(Buf *b, const char *what, Str table, int n)
{
    if (n)
        buf_add(b, "    .%s = %s, .n%s = %d,\n", what, table, what, n);
}

static void print_model(Emit *e, Buf *b, Str settings, Str metrics)
{
    Module *m = e->m;
    const char *slash = m->source->name ? strrchr(m->source->name, '/') : NULL;
    const char *file = slash ? slash + 1 : m->source->name;
    buf_add(b, "#ifndef AE_FOLDER\n"
               "#define AE_FOLDER \".\"      /* where the data files are */\n"
               "#endif\n\n");
    buf_add(b, "const AeModel ae_model = {\n    .name = %s,\n    .file = %s,\n", c_string(m->name),
            c_string(file ? file : ""));
    buf_add(b, "    .text = text,\n    .folder = AE_FOLDER,\n    .batch = BATCH,\n");
    list_line(b, "inputs", "inputs", m->inputs.n);
    if (m->nparams)
        buf_add(b, "    .params = p.flat, .grads = dp.flat, .nparams = PARAMS,\n");
    if (m->params.n)
        buf_add(b, "    .param = params, .nparam = %d, .grad = param_grads,\n", m->params.n);
    list_line(b, "state", "states", m->states.n);
    list_line(b, "programs", "programs", e->programs.n);
    list_line(b, "phases", "phases", m->phases.n);
    list_line(b, "sources", "sources", m->data.n);
    list_line(b, "settings", settings, m->data_settings.n);
    list_line(b, "metrics", metrics, m->metrics.n);
    if (e->how.profile)
        buf_add(b, "    .timed = timed, .ntimed = %d, .spent = spent,\n", e->functions.n);
    buf_add(b, "    .fast = %s, .flops = %.0fu,\n};\n", e->how.fast ? "true" : "false",
            flops_of(e));
}

void model_print(Emit *e, Buf *b)
{
    Module *m = e->m;
    const Buf states = array_rows(e, &m->states);
    buf_add(b, "\n/* ---- what the trainer knows of the model ---- */\n");
    print_text(b, m->source);
    print_inputs(e, b);
    print_params(e, b);
    table_print(b, "AeArray", "states", &states);
    print_programs(e, b);
    print_phases(e, b);
    sources_print(e, b);
    Str settings = setting_table(b, intern("settings"), &m->data_settings);
    Str metrics = metric_table(e, b);
    buf_add(b, "\n");
    if (e->how.profile)
        print_timed(e, b);
    print_model(e, b, settings, metrics);
}
