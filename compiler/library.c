/* library.c -- the programs that use a trained model as C without the trainer: what
 * its `export --c` writes.
 *
 * Takes a module; leaves a file of tables, one entry for each such program and one for all. An
 * entry is the text of a header and of a C file but for the weights, whose declarations stand
 * between: the trainer puts their numbers there. The functions are those of the plain schedule,
 * for one example at a time. */
#include "emit.h"
#include "driver.h"

static const char *const offered[] = { "encode", "decode", "reconstruct", "predict" };

/* ---- one example ---------------------------------------------------------------------------- */
static Str sizes_of(const Tensor *t)
{
    Buf b = { 0 };
    for (int k = 0; k < t->rank; k++)
        if (!t->axis[k].example)
            buf_add(&b, "[%d]", t->axis[k].size);
    return b.at ? b.at : "";
}

/* Filled by the caller, in the order of the declarations; then what is no data. What is given and
 * not read is left out. */
static TensorList arguments_of(Emit *e, const Program *p)
{
    TensorList all = { 0 }, read = { 0 };
    EACH_AT(in, e->m->inputs) {
        if (HAS(p->inputs, in->tensor))
            PUSH(all, in->tensor);
        if (in->length && (HAS(p->inputs, in->length) || HAS(p->inputs, in->tensor)))
            PUSH(all, in->length);
    }
    EACH(t, p->inputs)
        PUSH_NEW(all, t);
    EACH(t, all)
        if (var_of(e, t)->used)
            PUSH(read, t);
    return read;
}

static void put_head(Emit *e, Buf *b, const Program *p, const TensorList *in)
{
    buf_add(b, "void %s_%s(", e->m->name, p->name);
    for (int k = 0; k < in->n; k++)
        buf_add(b, "const %s *in%d, ", elem_type(e, in->at[k]), k + 1);
    for (int k = 0; k < p->outputs.n; k++)
        buf_add(b, "%s%s *out%d", k ? ", " : "", elem_type(e, p->outputs.at[k]), k + 1);
    buf_add(b, ")");
}

/* Copies an array in or out, and says in the header what it is. */
static void put_copy(Emit *e, Buf *header, Buf *b, Tensor *t, bool in, int n)
{
    Str text = var_used(e, t)->text, name = format("%s%d", in ? "in" : "out", n);
    buf_line(b, 1, "memcpy(%s, %s, %ld * sizeof *%s);", in ? text : name, in ? name : text,
             count_emitted(e, t), name);
    buf_add(header, " %s: %s%s", name, comment_text(t->name), sizes_of(t));
}

static void put_wrapper(Emit *e, Buf *header, Buf *b, Program *p)
{
    const TensorList in = arguments_of(e, p);
    put_head(e, header, p, &in);
    buf_add(header, ";\n    /*");
    put_head(e, b, p, &in);
    buf_add(b, "\n{\n");
    for (int k = 0; k < in.n; k++)
        put_copy(e, header, b, in.at[k], true, k + 1);
    buf_line(b, 1, "%s();", run_name(e, p, PART_run));
    for (int k = 0; k < p->outputs.n; k++)
        put_copy(e, header, b, p->outputs.at[k], false, k + 1);
    buf_add(header, " */\n");
    buf_add(b, "}\n\n");
}

/* ---- what it stands on ---------------------------------------------------------------------- */
/* A file of the runtime, without its includes. */
static void put_source(Buf *b, const char *name)
{
    const Source *s = embedded_file(name);
    for (const char *line = s->text, *next; *line; line = next) {
        next = strchr(line, '\n') ? strchr(line, '\n') + 1 : line + strlen(line);
        if (strncmp(line, "#include \"", 10))
            buf_put(b, line, (size_t) (next - line));
    }
    buf_add(b, "\n");
}

static bool has_any(const char *text, const char *const *words)
{
    while (*words && !has_word(text, intern(*words)))
        words++;
    return *words;
}

static void put_before(Emit *e, Buf *b, const char *body)
{
    static const char *const special[] = {
        "ae_lgamma", "ae_digamma", "ae_trigamma", "ae_bessel_ratio", "ae_bessel_slope",
        "ae_log_bessel", NULL,
    };
    static const char *const rank[] = { "ae_rank", NULL };
    buf_add(b, "#include <math.h>\n"
               "#include <stdbool.h>\n"
               "#include <stdint.h>\n"
               "#include <stdlib.h>\n"
               "#include <string.h>\n\n"
               "#pragma GCC diagnostic ignored \"-Wmissing-braces\"\n"
               "#pragma GCC diagnostic ignored \"-Wunused-function\"\n\n"
               "typedef %s ae_real;\n", e->real);
    if (has_word(body, intern("ae_states")))
        buf_add(b, "static const long ae_states = 1;\n");
    buf_add(b, "\n");
    put_source(b, "runtime/scalar.h");
    if (has_any(body, special))
        put_source(b, "runtime/special.c");
    if (has_any(body, rank))
        put_source(b, "runtime/rank.c");
    extents_print(e, b, body);
}

/* Whether all of it can stand alone: no draws, no parameter as a part of a block, no array with a
 * row for each example of a batch. */
static bool stands_alone(Emit *e, const char *body)
{
    static const char *const trainers[] = {
        "ae_uniform", "ae_uniformf", "ae_normal", "ae_normalf", "ae_orthogonal", NULL,
    };
    EACH(v, e->vars) {
        const Tensor *t = v->tensor;
        const bool rows = ANY(k, t->rank, t->axis[k].example
            && (t->role == ROLE_state || t->axis[k].size != e->m->batch_max));
        if (v->used && (!v->name || rows))
            return false;
    }
    return !has_any(body, trainers);
}

/* ---- entries -------------------------------------------------------------------------------- */
static void put_text(Buf *b, const char *field, const char *text)
{
    buf_add(b, "      .%s =", field);
    put_lines(b, text);
    buf_add(b, ",\n");
}

static int put_held(Emit *e, Buf *b, Str name, const char *body)
{
    int n = 0;
    Buf list = { 0 };
    EACH(v, e->vars) {
        if ((v->tensor->role != ROLE_param && v->tensor->role != ROLE_state) || !v->name
            || !has_word(body, v->name))
            continue;
        Buf declared = { 0 };
        buf_add(&declared, "static const %s %s", elem_type(e, v->tensor), v->name);
        for (int k = 0; k < v->tensor->rank; k++)
            buf_add(&declared, "[%s]", v->extent[k]);
        buf_add(&list, "    { %s, %s },\n", c_string(declared.at), c_string(v->tensor->name));
        n++;
    }
    table_print(b, "AeHeld", name, &list);
    return n;
}

/* The programs named; false: they cannot stand alone. */
static bool put_entry(Buf *tables, Buf *entries, Module *m, EmitOptions how,
                      const StrList *programs, Str name)
{
    Buf header = { 0 }, body = { 0 }, functions = { 0 }, before = { 0 };
    how.fast = how.profile = how.openblas = false;
    Emit *e = emit_functions(m, how, programs);
    functions_print(e, &functions);
    EACH(run, e->runs)
        run_print(e, &functions, run);
    buf_add(&header, "#include <stdint.h>\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
    EACH(p, e->programs)
        put_wrapper(e, &header, &functions, p);
    vars_print(e, &body);
    buf_add(&body, "\n%s", functions.at);
    if (!stands_alone(e, body.at))
        return false;
    put_before(e, &before, body.at);
    const Str held = format("ae_held%s%s", *name ? "_" : "", name);
    const int n = put_held(e, tables, held, body.at);
    buf_add(entries, "    { .name = %s", c_string(name));
    buf_add(entries, n ? ", .held = %s, .nheld = %d,\n" : ",\n", held, n);
    put_text(entries, "header", header.at);
    put_text(entries, "before", before.at);
    put_text(entries, "after", body.at);
    buf_add(entries, "    },\n");
    return true;
}

void exports_print(Buf *b, Module *m, EmitOptions how)
{
    Buf tables = { 0 }, entries = { 0 };
    StrList all = { 0 };
    EACH_ROW(name, offered)
        EACH(p, m->programs)
            if (!how.check && p->name == intern(*name)) {
                StrList one = { 0 };
                PUSH(one, p->name);
                if (put_entry(&tables, &entries, m, how, &one, p->name))
                    PUSH(all, p->name);
            }
    if (all.n > 1)
        put_entry(&tables, &entries, m, how, &all, intern(""));
    buf_add(b, "/* What `export --c` writes: programs of %s without the trainer. */\n"
               "#include \"ae.h\"\n\n", m->name);
    buf_add(&entries, "    { .name = NULL },\n");
    buf_add(b, "%s\nconst AeExport ae_exports[] = {\n%s};\n", tables.at ? tables.at : "",
            entries.at);
    onnx_print(b, m, how.check);
}
