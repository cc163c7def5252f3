/* export.c -- the model for other programs: as C without the trainer, as ONNX
 * (onnx.c), or its weights.
 *
 * The compiler left the text of the C (library.c there); here come the numbers. */
#include "runtime.h"

/* ---- numbers as C --------------------------------------------------------------------------- */
static void put_number(FILE *f, double v, bool whole, bool single)
{
    char text[40];
    if (whole || isnan(v) || isinf(v)) {
        fprintf(f, whole ? "%.0f" : isnan(v) ? "NAN" : v > 0 ? "INFINITY" : "-INFINITY", v);
        return;
    }
    snprintf(text, sizeof text, single ? "%.9g" : "%.17g", v);
    fprintf(f, "%s%s%s", text, strpbrk(text, ".e") ? "" : ".0", single ? "f" : "");
}

static void put_numbers(FILE *f, const char *declared, const AeArray *a)
{
    const long n = array_count(a);
    fprintf(f, "%s = {", declared);
    for (long k = 0; k < n; k++) {
        fprintf(f, k == 0 ? "\n    " : k % 8 ? ", " : ",\n    ");
        put_number(f, real_at(a, k), a->elem == AE_INT, sizeof(ae_real) == 4);
    }
    fprintf(f, "\n};\n\n");
}

const AeArray *array_named(const char *name)
{
    for (int k = 0; k < ae_model.nparam; k++)
        if (strcmp(ae_model.param[k].name, name) == 0)
            return &ae_model.param[k];
    for (int k = 0; k < ae_model.nstate; k++)
        if (strcmp(ae_model.state[k].name, name) == 0)
            return &ae_model.state[k];
    fail("the trainer has no array %s", name);
}

/* ---- scales --------------------------------------------------------------------------------- */
static void put_list(FILE *f, const char *name, const double *at, long n)
{
    fprintf(f, "    static const double %s[%ld] = {", name, n);
    for (long k = 0; k < n; k++) {
        fprintf(f, k == 0 ? " " : k % 8 ? ", " : ",\n        ");
        put_number(f, at[k], false, false);
    }
    fprintf(f, " };\n");
}

/* From the numbers that data files have to those that the model sees. */
static void put_scales(FILE *f, bool header)
{
    const char *const real = sizeof(ae_real) == 4 ? "float" : "double";
    for (int i = 0; learnt && i < ae_model.ninputs; i++) {
        const Learnt *const l = &learnt[i];
        if (!l->nscale || ae_model.inputs[i].label)
            continue;
        fprintf(f, "void %s_scale_%s(%s *%s)", ae_model.name, ae_model.inputs[i].array.name, real,
                ae_model.inputs[i].array.name);
        if (header) {
            fprintf(f,
                    ";\n    /* in place, from what a data file has to what the model sees */\n");
            continue;
        }
        fprintf(f, "\n{\n");
        put_list(f, "subtract", l->subtract, l->nscale);
        put_list(f, "divide", l->divide, l->nscale);
        fprintf(f, "    for (int k = 0; k < %ld; k++)\n        %s[k] = (%s) ((%s[k] - subtract[%s]) / divide[%s]);\n}\n",
                input_width(i), ae_model.inputs[i].array.name, real, ae_model.inputs[i].array.name,
                l->nscale == 1 ? "0" : "k", l->nscale == 1 ? "0" : "k");
    }
}

/* ---- files ---------------------------------------------------------------------------------- */
_Noreturn void export_unknown(const char *name, const char *const *known, int n)
{
    const int like = nearest(name, known, n);
    usage("--name %s: no such program can be exported%s%s%s", name,
          like >= 0 ? "; did you mean " : "", like >= 0 ? known[like] : "", like >= 0 ? "?" : "");
}

static const AeExport *export_named(const char *name)
{
    const char *known[16];
    int n = 0;
    for (const AeExport *x = ae_exports; x && x->name && n < 16; x++)
        known[n++] = x->name;
    if (!n)
        fail("no part of %s can be exported as C: what it does draws at random, or looks at a whole batch", ae_model.file);
    for (int k = 0; k < n; k++)
        if (name ? strcmp(known[k], name) == 0 : k == n - 1)      /* the last is all of them */
            return &ae_exports[k];
    export_unknown(name, known, n);
}

static void write_header(const char *path, const char *base, const AeExport *x)
{
    FILE *const f = out_begin(path);
    fprintf(f, "/* %s.h -- what the model %s computes, without its trainer, which wrote it from %s.\n *\n", base, ae_model.name, ae_model.file);
    fprintf(f, " * One example a call. The weights are inside; nothing is allocated, and libm is all that is needed. What a call computes\n"
            " * has one place, so two threads must not call at once. */\n");
    fprintf(f, "#ifndef AE_EXPORT_%08x\n#define AE_EXPORT_%08x\n", crc32_more(0, base, strlen(base)), crc32_more(0, base, strlen(base)));
    fputs(x->header, f);
    put_scales(f, true);
    fprintf(f, "#ifdef __cplusplus\n}\n#endif\n#endif\n");
    out_end();
}

static void write_c(const char *path, const char *base, const AeExport *x)
{
    FILE *const f = out_begin(path);
    fprintf(f, "/* %s.c -- see %s.h. */\n#ifndef _GNU_SOURCE\n#define _GNU_SOURCE\n#endif\n#include \"%s.h\"\n", base, base, base);
    fputs(x->before, f);
    evaluation_clock(1, 0);
    fprintf(f, "static const struct { int32_t batch, step, examples, epochs, hold; double epoch; }\n"
            "    ae_clock __attribute__((unused)) = { .batch = 1, .examples = %d, .epochs = %d, .epoch = %.17g };\n\n",
            (int) ae_clock.examples, (int) ae_clock.epochs, ae_clock.epoch);
    for (int k = 0; k < x->nheld; k++)
        put_numbers(f, x->held[k].declared, array_named(x->held[k].name));
    fputs(x->after, f);
    put_scales(f, false);
    out_end();
}

void command_export(void)
{
    const char *const ending = opt.as_c ? ".c" : opt.as_onnx ? ".onnx" : ".safetensors";
    if (opt.as_c + opt.as_onnx + opt.as_safetensors != 1)
        usage("export takes one of --c (a header and a C file), --onnx and --safetensors (the weights)");
    const char *const path = opt.output ? opt.output : form("%s%s", ae_model.name, ending);
    if (!has_ending(path, ending))
        usage("-o %s: the name ends in %s", path, ending);
    const AeExport *const c = opt.as_c ? export_named(opt.name) : NULL;
    const AeOnnx *const onnx = opt.as_onnx ? onnx_named(opt.name) : NULL;
    if (onnx && onnx->why)
        fail("%s", onnx->why);
    weights_start(false);
    if (onnx) {
        onnx_write(path, onnx);
        printf("%s of %s in %s\n", onnx->name, ae_model.name, path);
        return;
    }
    if (!c) {
        weights_save(path);
        printf("%ld parameters in %s\n", ae_model.nparams, path);
        return;
    }
    const char *const slash = strrchr(path, '/'), *const file = slash ? slash + 1 : path;
    const char *const base = form("%.*s", (int) strlen(file) - 2, file);
    const char *const header = form("%.*s.h", (int) strlen(path) - 2, path);
    write_header(header, base, c);
    write_c(path, base, c);
    printf("%s of %s in %s and %s\n", *c->name ? c->name : "all", ae_model.name, header, path);
}
