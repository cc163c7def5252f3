/* info.c -- what this trainer is: model, data, phases, parameters. */
#include "runtime.h"

static void add_shape(Text *t, const AeArray *a, int from)
{
    text_add(t, "[");
    for (int k = from; k < a->rank; k++)
        text_add(t, "%s%d", k > from ? ", " : "", a->shape[k]);
    text_add(t, "]");
}

static void print_text(void)
{
    Text t = { 0 };
    text_add(&t, "model %s (%s), %ld parameters, %s, %s%s\n", ae_model.name, ae_model.file,
             ae_model.nparams, sizeof(ae_real) == 4 ? "float" : "double",
             ae_model.fast ? "fast schedule" : "plain schedule", ranks_mpi ? ", MPI" : "");
    for (int k = 0; k < ae_model.ninputs; k++) {
        const AeInput *const in = &ae_model.inputs[k];
        text_add(&t, "%s %s : %s", in->label ? "label" : "input", in->array.name, in->kind);
        add_shape(&t, &in->array, 1);
        text_add(&t, in->classes ? " of %d\n" : "\n", in->classes);
    }
    for (int k = 0; k < ae_model.nsources; k++) {
        const AeSource *const s = &ae_model.sources[k];
        text_add(&t, "%s = %s(", s->split, s->kind);
        for (int f = 0; f < s->nfiles; f++)
            text_add(&t, "%s%s", f ? ", " : "", s->files[f]);
        text_add(&t, ")\n");
    }
    for (int k = 0; k < ae_model.nphases; k++) {
        const AePhase *const p = &ae_model.phases[k];
        char *const batch = p->batch ? form("%d", p->batch) : form("all");
        text_add(&t, "phase %s: %d epochs, batch %s, seed %llu\n", p->name, p->epochs, batch,
                 (unsigned long long) p->seed);
        free(batch);
    }
    text_add(&t, "it can %s\n\n", program_names());
    for (int list = 0; list < 2; list++)
        for (int k = 0; k < (list ? ae_model.nstate : ae_model.nparam); k++) {
            const AeArray *const a = list ? &ae_model.state[k] : &ae_model.param[k];
            text_add(&t, "%s %-32s ", list ? "state    " : "parameter", a->name);
            add_shape(&t, a, 0);
            text_add(&t, "\n");
        }
    fwrite(t.at, 1, t.n, stdout);
    free(t.at);
}

static void add_arrays(Text *t, const char *key, const AeArray *a, int n)
{
    text_add(t, ", \"%s\": {", key);
    for (int k = 0; k < n; k++) {
        text_add(t, k ? ", " : "");
        text_json(t, a[k].name);
        text_add(t, ": ");
        add_shape(t, &a[k], 0);
    }
    text_add(t, "}");
}

static void print_json(void)
{
    Text t = { 0 };
    text_add(&t, "{\"model\": ");
    text_json(&t, ae_model.name);
    text_add(&t, ", \"file\": ");
    text_json(&t, ae_model.file);
    text_add(&t, ", \"real\": \"%s\", \"fast\": %s, \"mpi\": %s, \"count\": %ld", AE_REAL_NAME,
             ae_model.fast ? "true" : "false", ranks_mpi ? "true" : "false", ae_model.nparams);
    add_arrays(&t, "parameters", ae_model.param, ae_model.nparam);
    add_arrays(&t, "states", ae_model.state, ae_model.nstate);
    text_add(&t, ", \"inputs\": [");
    for (int k = 0; k < ae_model.ninputs; k++) {
        text_add(&t, k ? ", {\"name\": " : "{\"name\": ");
        text_json(&t, ae_model.inputs[k].array.name);
        text_add(&t, ", \"kind\": \"%s\", \"label\": %s, \"classes\": %d, \"shape\": ",
                 ae_model.inputs[k].kind, ae_model.inputs[k].label ? "true" : "false",
                 ae_model.inputs[k].classes);
        add_shape(&t, &ae_model.inputs[k].array, 1);
        text_add(&t, "}");
    }
    text_add(&t, "], \"phases\": [");
    for (int k = 0; k < ae_model.nphases; k++) {
        text_add(&t, k ? ", {\"name\": " : "{\"name\": ");
        text_json(&t, ae_model.phases[k].name);
        text_add(&t, ", \"epochs\": %d, \"batch\": %d, \"seed\": %llu}", ae_model.phases[k].epochs,
                 ae_model.phases[k].batch, (unsigned long long) ae_model.phases[k].seed);
    }
    text_add(&t, "]}\n");
    fwrite(t.at, 1, t.n, stdout);
    free(t.at);
}

void command_info(void) { (opt.json ? print_json : print_text)(); }
