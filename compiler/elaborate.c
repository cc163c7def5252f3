/* elaborate.c -- the model's declarations become programs.
 *
 * Takes a file and the libraries it uses. For each thing the trainer can do (a step of each phase, evaluate,
 * encode, decode, reconstruct, sample, predict, the first values) it writes one program, from the same
 * declarations: what is not needed in one of them is dropped later as dead. Paths give parameters their
 * identity, so all programs share them. */
#include "elab.h"
#include <stdlib.h>

/* ---- finding declarations -------------------------------------------------------------------------- */
Decl *find_decl(Elab *e, DeclKind kind)
{
    for (int k = 0; k < e->file->decls.n; k++)
        if (e->file->decls.at[k]->kind == kind)
            return e->file->decls.at[k];
    return NULL;
}

static void only_one(Elab *e, DeclKind kind, const char *what)
{
    Decl *first = NULL;
    for (int k = 0; k < e->file->decls.n; k++) {
        Decl *d = e->file->decls.at[k];
        if (d->kind != kind)
            continue;
        if (first) {
            SAY(e, d->place, DIAG_declared_twice, what);
            report_note(first->place, "it is declared here first");
        } else
            first = d;
    }
}

static bool names_something(const Decl *d)
{
    switch (d->kind) {
    case DECL_set: case DECL_input: case DECL_label: case DECL_net: case DECL_bottleneck: case DECL_augment: case DECL_task:
        return d->name != NULL;
    default:
        return false;
    }
}

/* What a file names, it names once; phases too. */
static void only_once(Elab *e)
{
    for (int k = 0; k < e->file->decls.n; k++)
        for (int q = 0; q < k; q++) {
            Decl *a = e->file->decls.at[q], *b = e->file->decls.at[k];
            const bool phases = a->kind == DECL_train && b->kind == DECL_train && a->name == b->name;
            const bool named = a->kind == DECL_bottleneck && b->kind == DECL_bottleneck ? false
                             : names_something(a) && names_something(b) && a->name == b->name;
            if (!phases && !named)
                continue;
            report(b->name ? b->name_place : b->place, DIAG_declared_twice, b->name ? b->name : intern("train"));
            report_note(a->name ? a->name_place : a->place, "it is declared here first");
            if (phases && !b->name)
                report_help("phases have names: `train pretrain { ... }`, `train finetune { ... }`");
            break;
        }
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------- */
static Tensor *clock_new(Elab *e, const char *name, Elem elem)
{
    Tensor *t = tensor_new(e->m, intern(name), ROLE_clock, elem);
    t->cname = format("ae_clock.%s", name);
    return t;
}

static void collect(Elab *e, File *f)
{
    for (int k = 0; k < f->decls.n; k++) {
        if (f->decls.at[k]->kind == DECL_define)
            PUSH(e->library, f->decls.at[k]);
        if (f->decls.at[k]->kind == DECL_function)
            PUSH(e->functions, f->decls.at[k]->function);
    }
}

static Net *declare_net(Elab *e, Decl *d, NetKind kind, Str name)
{
    Net *net = net_new(e, kind, name, name, e->root, d->place);
    net->decl = d;
    net->block = d->block;
    name_add(e->root, NAME_net, name, d->place)->net = net;
    return net;
}

static void declare_names(Elab *e, Setting *defines, int ndefines)
{
    for (int q = 0; q < ndefines; q++) {
        StrList names = { 0 };
        bool found = false;
        for (int k = 0; k < e->file->decls.n; k++)
            if (e->file->decls.at[k]->kind == DECL_set) {
                PUSH(names, e->file->decls.at[k]->name);
                found |= names.at[names.n - 1] == defines[q].name;
            }
        if (!found) {
            report((Place) { 0 }, DIAG_unknown_define, defines[q].name);
            suggest(defines[q].name, &names, "it declares");
        }
    }
    for (int k = 0; k < e->file->decls.n; k++) {
        Decl *d = e->file->decls.at[k];
        Ctx c = size_ctx(e->root);
        e->failed = 0;
        switch (d->kind) {
        case DECL_model:
            e->m->name = d->name;
            break;
        case DECL_set: {
            Syn *v = d->value;
            for (int q = 0; q < ndefines; q++)
                if (defines[q].name == d->name)
                    v = defines[q].value;
            if (v->kind == SYN_pair) {
                Name *n = name_add(e->root, NAME_pair, d->name, d->place);
                n->value = lower(&c, v->a, NULL);
                n->hi = lower(&c, v->b, NULL);
            } else {
                Expr *value = lower(&c, v, NULL);
                name_add(e->root, NAME_number, d->name, d->place)->value = value;
            }
            break;
        }
        case DECL_encoder:
            e->encoder = declare_net(e, d, NET_encoder, intern("encoder"));
            break;
        case DECL_decoder:
            e->decoder = declare_net(e, d, NET_decoder, intern("decoder"));
            break;
        case DECL_bottleneck:
            e->bottleneck = declare_net(e, d, NET_bottleneck, d->name);
            break;
        case DECL_augment:
            declare_net(e, d, NET_views, d->name);
            break;
        case DECL_net: {
            Net *net = declare_net(e, d, d->value ? NET_copy : NET_block, d->name);
            if (d->value && d->value->kind == SYN_call && d->value->args.n == 1) {
                Name *of = name_find(e->root, d->value->args.at[0].value->name, NAME_net);
                net->source = of ? of->net : NULL;
                if (!of) {
                    SAY(e, d->value->place, DIAG_copy_of_what);
                    StrList names = { 0 };
                    for (int q = 0; q < e->root->names.n; q++)
                        if (e->root->names.at[q]->kind == NAME_net)
                            PUSH(names, e->root->names.at[q]->name);
                    suggest(d->value->args.at[0].value->name, &names, "the nets above are");
                }
            }
            break;
        }
        default:
            break;
        }
    }
}

static void collect_library(Elab *e, File *f)
{
    collect(e, f);
    for (int k = 0; k < f->decls.n; k++)
        if (f->decls.at[k]->kind == DECL_augment)
            declare_net(e, f->decls.at[k], NET_views, f->decls.at[k]->name);
}

static int largest_batch(Elab *e)
{
    int most = 0;
    for (int k = 0; k < e->file->decls.n; k++) {
        Decl *d = e->file->decls.at[k];
        if (d->kind != DECL_train)
            continue;
        Phase p;
        const int errors = diag_errors();
        phase_settings_of(e, &p, d);
        if (diag_errors() > errors)
            return 64;
        const int batch = p.batch ? p.batch : 256;
        most = batch > most ? batch : most;
    }
    return most ? most : 64;
}

static void place_parameters(Elab *e)
{
    long offset = 0;
    for (int k = 0; k < e->m->params.n; k++) {
        e->m->params.at[k]->offset = offset;
        offset += tensor_count(e->m->params.at[k]);
    }
    e->m->nparams = offset;
}

static int by_offset(const void *a, const void *b)
{
    const Tensor *x = *(Tensor *const *) a, *y = *(Tensor *const *) b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static void make_phases(Elab *e)
{
    VEC(Decl *) trains = { 0 };
    for (int k = 0; k < e->file->decls.n; k++)
        if (e->file->decls.at[k]->kind == DECL_train)
            PUSH(trains, e->file->decls.at[k]);
    if (!trains.n)
        PUSH(trains, NULL);
    for (int k = 0; k < trains.n && !diag_errors(); k++) {
        Phase *phase = NEW(Phase);
        const int errors = diag_errors();
        phase_settings_of(e, phase, trains.at[k]);
        if (diag_errors() == errors)
            phase_programs(e, phase, trains.at[k]);
        PUSH(e->m->phases, phase);
    }
    if (diag_errors())
        return;
    place_parameters(e);
    for (int k = 0; k < e->m->phases.n; k++) {
        Phase *phase = e->m->phases.at[k];
        if (phase->gradient->trained.n)
            qsort(phase->gradient->trained.at, (size_t) phase->gradient->trained.n, sizeof(Tensor *), by_offset);
        optimizer_of(e, phase, trains.at[k]);
    }
}

static void report_no_input(File *file)
{
    const Place top = { .source = file->source, .line = 1, .col = 1, .end_line = 1, .end_col = 1 };
    if (file->decls.n) {
        report(file->decls.at[0]->place, DIAG_no_input);
        report_help("add `input x : image(1, 28, 28)`, `vector(30)`, `sequence(50, 3)` or `tokens(20, 1000)`");
    } else {
        report(top, DIAG_nothing_declared);
        report_help("`aec new NAME` writes a file to start from");
    }
}

static void see_noise(Expr *x, void *with)
{
    if (x->kind == EXPR_draw || x->kind == EXPR_reduce)
        *(bool *) with |= x->kind == EXPR_draw || x->reduce >= REDUCE_argmax;
}

static void see_noisy(Stmt *s, void *with)
{
    if (s->value)
        expr_walk(s->value, see_noise, with);
}

/* A code as large as the input, and nothing that keeps it from being a copy: no noise, no term, no choice of units. */
static void warn_overcomplete(Elab *e)
{
    Program *encode = e->m->programs.n ? e->m->programs.at[0] : NULL;
    if (!e->bottleneck || e->bottleneck->decl->op == intern("~") || !encode || !encode->outputs.n || !e->m->phases.n)
        return;
    Program *p = e->m->phases.at[0]->gradient;
    bool noisy = p->terms.n != 1 || p->terms.at[0].name != intern("reconstruct");
    each_stmt(&p->body, see_noisy, &noisy);
    const long code = tensor_count(encode->outputs.at[0]), input = tensor_count(e->m->inputs.at[0].tensor);
    if (noisy || code < input)
        return;
    report(e->bottleneck->decl->place, DIAG_overcomplete, code / e->m->batch_max, e->m->inputs.at[0].name, input / e->m->batch_max);
    report_help("make it smaller, add noise (`corrupt %s { gaussian(0.3) }`) or a term (`regularize { l1(%s) * 1e-3 }`)",
                e->m->inputs.at[0].name, e->bottleneck->name);
}

/* `bernoulli` and `bce` speak of values in 0..1; pixels are not, unless they are scaled. */
static void warn_unscaled(Elab *e)
{
    static const struct { const char *source, *range; } pixels[] = {
        { "digits", "0..16" }, { "idx", "0..255" }, { "png", "0..255" }, { "cifar", "0..255" },
    };
    Decl *d = find_decl(e, DECL_reconstruct);
    Str like = d && d->value ? d->value->name : NULL;
    if (!like || (like != intern("bernoulli") && like != intern("bce")) || setting_of(find_decl(e, DECL_data), "scale"))
        return;
    for (int k = 0; k < e->m->data.n; k++)
        for (size_t q = 0; q < sizeof pixels / sizeof *pixels; q++)
            if (e->m->data.at[k].kind == intern(pixels[q].source)) {
                report(d->value->place, DIAG_unscaled, like, pixels[q].source, pixels[q].range);
                report_help("add `scale = 0..1` to `data`");
                return;
            }
}

Module *elaborate(File *file, const Source *const *use, int nuse, Setting *defines, int ndefines)
{
    Elab *e = NEW(Elab);
    e->m = NEW(Module);
    e->file = file;
    e->m->source = file->source;
    e->m->name = intern("model");
    e->root = NEW(Scope);
    *e->root = (Scope) { .e = e, .path = intern(""), .draws = intern(""), .training = true, .trains = true, .mult = 1 };
    e->bare = NEW(Scope);
    *e->bare = *e->root;
    collect(e, file);
    for (int k = 0; k < nuse; k++)
        collect_library(e, parse(use[k], true));
    if (diag_errors())
        return NULL;
    e->clock_batch = clock_new(e, "batch", ELEM_int);
    e->clock_step = clock_new(e, "step", ELEM_int);
    e->clock_epoch = clock_new(e, "epoch", ELEM_real);
    e->clock_epochs = clock_new(e, "epochs", ELEM_int);
    e->clock_examples = clock_new(e, "examples", ELEM_int);
    static const struct { DeclKind kind; const char *what; } single[] = {
        { DECL_model, "model" }, { DECL_encoder, "encoder" }, { DECL_decoder, "decoder" }, { DECL_bottleneck, "bottleneck" },
        { DECL_data, "data" }, { DECL_evaluate, "evaluate" },
    };
    for (size_t k = 0; k < sizeof single / sizeof *single; k++)
        only_one(e, single[k].kind, single[k].what);
    only_once(e);
    declare_names(e, defines, ndefines);
    const bool sound = !diag_errors();
    if (sound)
        e->m->batch_max = largest_batch(e);
    for (int k = 0; k < file->decls.n && sound; k++) {
        Decl *d = file->decls.at[k];
        if (d->kind == DECL_input || d->kind == DECL_label)
            declare_input(e, d, d->kind == DECL_label);
        if (d->kind == DECL_data)
            declare_data(e, d);
        if (d->kind == DECL_evaluate)
            for (int q = 0; q < d->block->n; q++) {
                Call *call = d->block->at[q];
                if (trainers_own(call->name))
                    PUSH(e->m->metrics, call);
                else if (!find_definition(e, intern("loss"), call->name) && !names_term(e, call->name))
                    report(call->place, DIAG_unknown_definition, "metric", call->name);
            }
    }
    if (!diag_errors() && !e->m->inputs.n)
        report_no_input(file);
    if (sound && e->m->inputs.n)
        check_layers(e);
    if (diag_errors())
        return NULL;
    e->init = NEW(Program);
    e->init->name = intern("init");
    e->init->training = -1;
    make_phases(e);
    if (!diag_errors())
        use_programs(e);
    if (!diag_errors())
        predict_program(e);
    if (!diag_errors())
        bound_program(e);
    if (diag_errors())
        return NULL;
    if (!find_decl(e, DECL_data)) {
        report(e->m->inputs.at[0].place, DIAG_no_data);
        report_help("add `data { train = digits() }`, or another source: `aec doc` lists them");
    }
    warn_overcomplete(e);
    warn_unscaled(e);
    place_parameters(e);
    PUSH(e->m->programs, e->init);
    return e->m;
}
