/* elaborate.c -- the model's declarations become programs.
 *
 * Takes a file and the libraries it uses. For each thing the trainer can do (a step of each phase,
 * evaluate, encode, decode, reconstruct, sample, predict, the first values) it writes one program,
 * from the same declarations: what is not needed in one of them is dropped later as dead. Paths
 * give parameters their identity, so all programs share them. */
#include "elab.h"
#include <stdlib.h>

/* ---- what a file declares, it declares once ------------------------------------------------- */
Decl *find_decl(Elab *e, DeclKind kind)
{
    return FIND(d, e->file->decls, d->kind == kind);
}

enum { ONCE = 1, NAMED = 2 };

/* What a file has one of, and what has a name that nothing else may have. */
static const char apart[STAT_COUNT] = {
    [DECL_version] = ONCE, [DECL_model] = ONCE, [DECL_data] = ONCE, [DECL_evaluate] = ONCE,
    [DECL_corrupt] = ONCE, [DECL_encoder] = ONCE | NAMED, [DECL_decoder] = ONCE | NAMED,
    [DECL_reconstruct] = ONCE | NAMED,
    [DECL_bottleneck] = ONCE | NAMED, [DECL_set] = NAMED, [DECL_input] = NAMED,
    [DECL_label] = NAMED, [DECL_net] = NAMED,
    [DECL_augment] = NAMED, [DECL_task] = NAMED,
};

/* What stands for it elsewhere: `encoder`, `decoder` and `reconstruct` do so themselves. */
static Str own_name(const Decl *d)
{
    return (apart[d->kind] & NAMED) && (apart[d->kind] & ONCE) && d->kind != DECL_bottleneck ? d->role : d->name;
}

static Place name_place(const Decl *d) { return own_name(d) == d->name && d->name ? d->name_place : d->place; }

/* a stands before b. */
static bool report_twice(const Decl *a, const Decl *b)
{
    const Str name = own_name(b);
    const bool phases = a->kind == DECL_train && b->kind == DECL_train;
    const bool named = (apart[a->kind] & apart[b->kind] & NAMED) && name;
    if (a->kind == b->kind && apart[a->kind] & ONCE) {
        report(b->place, DIAG_declared_twice, b->role);
        report_note(a->place, "it is declared here first");
        return true;
    }
    if (own_name(a) != name || !(phases || named))
        return false;
    report(name_place(b), DIAG_declared_twice, name ? name : "train");
    report_note(name_place(a), "it is declared here first");
    if (!name)
        report_help("phases have names: `train pretrain { ... }`, `train finetune { ... }`");
    return true;
}

typedef VEC(const Call *) CallList;

/* Layers named by `as`, of which a name means one. */
static void check_layer_names(const File *file, const Block *block, CallList *had)
{
    for (int k = 0; block && k < block->n; k++) {
        const Call *call = block->at[k];
        EACH(inner, call->blocks)
            check_layer_names(file, inner, had);
        const Call *first = call->as ? FIND(other, *had, other->as == call->as) : NULL;
        const Decl *named = FIND(d, file->decls, call->as && (apart[d->kind] & NAMED)
                                 && own_name(d) == call->as);
        if (first || named) {
            report(call->as_place, DIAG_declared_twice, call->as);
            report_note(first ? first->as_place : name_place(named), "it is declared here first");
        } else if (call->as)
            PUSH(*had, call);
    }
}

static void check_once(const File *file)
{
    CallList had = { 0 };
    EACH(d, file->decls)
        if (d->kind != DECL_evaluate)
            check_layer_names(file, d->block, &had);
    for (int k = 0; k < file->decls.n; k++)
        for (int q = 0; q < k; q++)
            if (report_twice(file->decls.at[q], file->decls.at[k]))
                break;
}

/* ---- names ---------------------------------------------------------------------------------- */
static Net *declare_net(Elab *e, Decl *d, NetKind kind, Str name)
{
    Net *net = net_new(e, kind, name, name, e->root, d->place);
    net->decl = d;
    net->block = d->block;
    if (d->kind == DECL_net && d->value)
        copy_net(e->root, net, d->value);
    name_add(e->root, NAME_net, name, d->place)->net = net;
    return net;
}

static void check_defines(Elab *e, const Setting *defines, int n)
{
    StrList names = { 0 };
    EACH(d, e->file->decls)
        if (d->kind == DECL_set)
            PUSH(names, d->name);
    for (int q = 0; q < n; q++)
        if (!HAS(names, defines[q].name)) {
            report((Place) { 0 }, DIAG_unknown_define, defines[q].name);
            suggest(defines[q].name, &names, "it declares");
        }
}

static void declare_names(Elab *e, const Setting *defines, int n)
{
    EACH(d, e->file->decls) {
        Syn *value = d->value;
        e->failed = 0;
        switch (d->kind) {
        case DECL_version:
            if (d->value && !(d->value->kind == SYN_num && d->value->num == 1))
                report(d->place, DIAG_version, words_of(d->value));
            break;
        case DECL_model:
            e->m->name = d->name;
            break;
        case DECL_set:
            for (int q = 0; q < n; q++)
                if (defines[q].name == d->name)
                    value = defines[q].value;
            bind_argument(e->root, d->name, value, e->root);
            break;
        case DECL_encoder:
            e->encoder = declare_net(e, d, NET_block, intern("encoder"));
            break;
        case DECL_decoder:
            e->decoder = declare_net(e, d, NET_decoder, intern("decoder"));
            break;
        case DECL_bottleneck:
            e->bottleneck = declare_net(e, d, NET_bottleneck, d->name);
            break;
        case DECL_augment: case DECL_net:
            declare_net(e, d, NET_block, d->name);
            break;
        default:
            break;
        }
    }
}

static void collect(Elab *e, File *f, bool library)
{
    EACH(d, f->decls)
        if (d->kind == DECL_define)
            PUSH(e->library, d);
        else if (d->kind == DECL_function)
            PUSH(e->functions, d->function);
        else if (d->kind == DECL_augment && library)
            declare_net(e, d, NET_block, d->name);
        else if (d->kind == DECL_train && f->source->prelude)
            e->defaults = d;
}

static Tensor *clock_new(Elab *e, const char *name, Elem elem)
{
    Tensor *t = tensor_new(e->m, intern(name), ROLE_clock, elem);
    t->cname = format("ae_clock.%s", name);
    return t;
}

/* ---- phases --------------------------------------------------------------------------------- */
/* Reads the settings of all; the size of a batch is that of the largest. */
static void declare_phases(Elab *e, StatList *trains)
{
    int most = 0;
    EACH(d, e->file->decls)
        if (d->kind == DECL_train)
            PUSH(*trains, d);
    if (!trains->n)
        PUSH(*trains, NULL);
    EACH(d, *trains) {
        Phase *p = phase_new(e, d);
        const int batch = p->batch ? p->batch : 256;
        most = batch > most ? batch : most;
        PUSH(e->m->phases, p);
    }
    e->m->batch_max = most;
}

static void place_parameters(Elab *e)
{
    long offset = 0;
    EACH(t, e->m->params) {
        t->offset = offset;
        offset += tensor_count(t);
    }
    e->m->nparams = offset;
}

static bool parameters_fit(const Module *m)
{
    const Tensor *largest = NULL;
    EACH(t, m->params)
        if (!largest || tensor_count(t) > tensor_count(largest))
            largest = t;
    return storage_fits(m, 8.0 * (double) m->nparams, largest,
                        largest ? 4.0 * (double) tensor_count(largest) : 0);
}

static int by_offset(const void *a, const void *b)
{
    const Tensor *x = *(Tensor *const *) a, *y = *(Tensor *const *) b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static void make_phases(Elab *e, const StatList *trains)
{
    for (int k = 0; k < trains->n && !diag_errors(); k++)
        phase_programs(e, k, trains->at[k]);
    if (diag_errors())
        return;
    place_parameters(e);
    if (!parameters_fit(e->m))
        return;
    for (int k = 0; k < trains->n; k++) {
        Phase *phase = e->m->phases.at[k];
        TensorList *trained = &phase->gradient->trained;
        if (trained->n)
            qsort(trained->at, (size_t) trained->n, sizeof(Tensor *), by_offset);
        optimizer_of(e, phase, trains->at[k]);
    }
}

/* ---- warnings ------------------------------------------------------------------------------- */
static void report_no_input(File *file)
{
    const Place top = { .source = file->source, .line = 1, .col = 1, .end_line = 1, .end_col = 1 };
    report(file->decls.n ? file->decls.at[0]->place : top,
           file->decls.n ? DIAG_no_input : DIAG_nothing_declared);
}

/* A code as large as the input, and nothing that keeps it from being a copy: no noise, no term,
 * no choice of units. */
static void warn_overcomplete(Elab *e)
{
    Program *encode = e->m->programs.n ? e->m->programs.at[0] : NULL;
    Program *p = e->m->phases.at[0]->gradient;
    const Input *x = &e->m->inputs.at[0];
    if (!e->bottleneck || e->bottleneck->decl->op == intern("~") || !encode || !encode->outputs.n)
        return;
    bool noisy = p->terms.n != 1 || p->terms.at[0].name != intern("reconstruct");
    EACH_STMT(s, &p->body)
        noisy |= ANY_EXPR(e, s->value,
                          e->kind == EXPR_draw
                              || (e->kind == EXPR_reduce && e->reduce >= REDUCE_argmax));
    const long code = tensor_count(encode->outputs.at[0]), input = tensor_count(x->tensor);
    if (noisy || code < input)
        return;
    report(e->bottleneck->decl->place, DIAG_overcomplete, code / e->m->batch_max, x->name,
           input / e->m->batch_max, x->name, e->bottleneck->name);
}

/* What a target is meant to be within, `x[n, ..] of 0..1`, pixels are not
 * unless they are scaled. */
static void warn_unscaled(Elab *e)
{
    static const struct { const char *source, *range; } pixels[] = {
        { "digits", "0..16" }, { "idx", "0..255" }, { "png", "0..255" },
    };
    Decl *d = find_decl(e, DECL_reconstruct);
    const char *role = d && d->op == intern("by") ? "loss" : "likelihood";
    Decl *by = d && d->value ? find_definition(e, role, d->value->name) : NULL;
    const Syn *within = by ? entry_in(by, inputs_of(by) - 1)->within : NULL;
    if (!within || setting_of(find_decl(e, DECL_data), "scale"))
        return;
    EACH_AT(source, e->m->data)
        EACH_ROW(of, pixels)
            if (source->kind == intern(of->source)) {
                report(d->value->place, DIAG_unscaled, by->name, words_of(within), of->source,
                       of->range, words_of(within));
                return;
            }
}

/* Whole numbers stay what they are. */
static void check_scale(Elab *e)
{
    Setting *scale = setting_of(find_decl(e, DECL_data), "scale");
    EACH_AT(in, e->m->inputs)
        if (!in->label && in->tensor->elem == ELEM_real)
            return;
    if (scale && !e->m->inputs.at[0].label)
        report(scale->place, DIAG_scale_whole, e->m->inputs.at[0].name);
}

static void check_corrupt(Elab *e)
{
    const Decl *d = find_decl(e, DECL_corrupt);
    if (!d || FIND_AT(in, e->m->inputs, !in->label && in->name == d->name))
        return;
    report(d->name_place, DIAG_unknown_name, d->name);
    report_help("`corrupt` spoils an input, as `%s`", e->m->inputs.at[0].name);
}

/* ---- all of it ------------------------------------------------------------------------------ */
static void declare_inputs(Elab *e)
{
    EACH(d, e->file->decls)
        if (d->kind == DECL_input || d->kind == DECL_label)
            declare_input(e, d, d->kind == DECL_label);
        else if (d->kind == DECL_data)
            declare_data(e, d);
        else if (d->kind == DECL_evaluate)
            declare_metrics(e, d);
    if (e->m->inputs.n) {
        check_layers(e);
        check_scale(e);
        check_data(e);
        check_corrupt(e);
    }
    else if (!diag_errors())
        report_no_input(e->file);
}

static void begin(Elab *e, File *file)
{
    e->m = NEW(Module);
    e->file = file;
    e->m->source = file->source;
    e->m->name = intern("model");
    e->root = scope_new(e, NULL, NULL, intern(""), NULL);
    e->bare = scope_new(e, NULL, NULL, intern(""), NULL);
    e->batch = clock_new(e, "batch", ELEM_int);
    PUSH(e->clocks, clock_new(e, "step", ELEM_int));
    PUSH(e->clocks, clock_new(e, "epoch", ELEM_real));
    PUSH(e->clocks, clock_new(e, "epochs", ELEM_int));
    PUSH(e->clocks, clock_new(e, "examples", ELEM_int));
    e->init = program_new("init");
    e->param_k = -1;
}

Module *elaborate(File *file, const Source *const *use, int nuse, Setting *defines, int ndefines)
{
    static void (*const uses[])(Elab *) = {
        use_programs, predict_program, bound_program, check_metrics, named_programs,
    };
    Elab *e = NEW(Elab);
    StatList trains = { 0 };
    begin(e, file);
    collect(e, file, false);
    for (int k = 0; k < nuse; k++)
        collect(e, parse(use[k], true), true);
    if (diag_errors())
        return NULL;
    check_once(file);
    check_defines(e, defines, ndefines);
    declare_names(e, defines, ndefines);
    if (diag_errors())
        return NULL;
    declare_phases(e, &trains);
    declare_inputs(e);
    if (diag_errors())
        return NULL;
    make_phases(e, &trains);
    for (int k = 0; k < COUNT(uses) && !diag_errors(); k++)
        uses[k](e);
    if (diag_errors())
        return NULL;
    if (!e->m->data.n)
        report(e->m->inputs.at[0].place, DIAG_no_data);
    warn_overcomplete(e);
    warn_unscaled(e);
    place_parameters(e);
    PUSH(e->m->programs, e->init);
    return e->m;
}
