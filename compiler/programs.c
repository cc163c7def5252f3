/* programs.c -- the programs that use a trained model: encode, decode,
   reconstruct, sample, predict. */
#include "elab.h"

/* ---- what a phase keeps still --------------------------------------------------------------- */
static bool block_names(const Block *block, Str name)
{
    return block
        && FIND(call, *block,
                call->as == name || FIND(inner, call->blocks, block_names(inner, name)));
}

/* Whether `as` gives some layer of the file this name. */
bool names_layer(Elab *e, Str name)
{
    return FIND(d, e->file->decls, block_names(d->block, name));
}

static void freeze(Elab *e, Syn *what)
{
    const Str name = what->kind == SYN_name ? what->name : NULL;
    bool found = false;
    EACH(d, e->file->decls)
        if (d->kind == DECL_task && d->name == name)
            net_new(e, NET_block, name, name, e->root, what->place);
    EACH(net, e->nets)
        if (net->name == name || net->path == name)
            net->frozen = found = true;
    if (found)
        return;
    if (name && names_layer(e, name)) {
        PUSH(e->frozen, name);
        return;
    }
    StrList names = { 0 };
    EACH(net, e->nets)
        if (!strchr(net->path, '.') && !(net->place.source && net->place.source->prelude))
            PUSH(names, net->name);
    say(e, what->place, DIAG_freeze_what, words_of(what));
    suggest(name, &names, "nets and tasks can be frozen:");
}

void freeze_nets(Elab *e, Decl *train)
{
    Setting *s = setting_of(train, "freeze");
    e->root->training = true;
    e->frozen.n = 0;
    EACH(net, e->nets)
        net->frozen = false;
    if (s && s->value->kind != SYN_list)
        freeze(e, s->value);
    else if (s)
        EACH(what, s->value->list)
            freeze(e, what);
}

/* ---- programs ------------------------------------------------------------------------------- */
Program *program_new(const char *name)
{
    Program *p = NEW(Program);
    p->name = intern(name);
    p->training = -1;
    return p;
}

Program *begin_program(Elab *e, Str name, bool training, int want)
{
    Program *p = program_new(name);
    e->p = p;
    e->out = &p->body;
    e->updates = NULL;
    e->training = training;
    e->want = want;
    e->producers.n = e->as.n = e->used.n = e->mixing.n = 0;
    memset(&e->sweeps, 0, sizeof e->sweeps);        /* those before have been taken */
    EACH(net, e->nets) {
        net->applied = 0;
        net->result = NULL;
        net->layers.n = 0;
    }
    return p;
}

/* What a trained model gives of one example must not depend on who else is in the batch. */
void output(Elab *e, Tensor *t)
{
    TensorList needed = { 0 };
    if (!t)
        return;
    t->external = true;
    PUSH(e->p->outputs, t);
    PUSH(needed, t);
    find_needed(&e->p->body, &needed);
    EACH(st, e->mixing)
        if (HAS(needed, st->target) && !e->corrupting)
            say(e, st->place, DIAG_mixes_examples, st->use->words);
}

/* What the decoder makes of z, or of the code of x: the mean of the likelihood. */
static Tensor *decoded_mean(Elab *e, Tensor *z)
{
    Decl *d = find_decl(e, DECL_reconstruct);
    Tensor *y = z ? apply_net(e->decoder, z, e->decoder->place)
                  : model_result(e, intern("decoder"));
    if (!d || !y)
        return y;
    Expr *weight;
    Scope *s = use_reconstruct(e, d, y, &weight);
    return s ? s->mean : NULL;
}

static Program *begin_use(Elab *e, const char *name)
{
    Program *p = begin_program(e, intern(name), false, WANT_mean);
    PUSH(e->m->programs, p);
    return p;
}

/* From what the encoder gets in training. */
static void denoise_program(Elab *e)
{
    begin_use(e, "denoise");
    e->corrupting = true;
    output(e, decoded_mean(e, NULL));
    output(e, model_seen(e));
    e->corrupting = false;
}

/* One draw of the code of x, whatever phases froze. */
static void draw_program(Elab *e)
{
    freeze_nets(e, NULL);
    e->once = true;
    PUSH(e->m->programs, begin_program(e, intern("draw"), false, WANT_sample));
    output(e, model_result(e, intern("z")));
    e->once = false;
}

/* Whether what a program gives depends on a row of the data. */
static bool reads_rows(Elab *e, Program *p)
{
    TensorList needed = { 0 };
    EACH(t, p->outputs)
        PUSH(needed, t);
    find_needed(&p->body, &needed);
    return FIND_AT(in, e->m->inputs, HAS(needed, in->tensor));
}

/* z as an input; there is no such program where the decoder reads more than that. */
static void decode_program(Elab *e)
{
    Program *p = begin_use(e, "decode");
    Tensor *like = model_result(e, intern("z"));
    if (!like || diag_errors())
        return;
    Tensor *z = shaped(tensor_new(e->m, e->bottleneck ? e->bottleneck->name : intern("z"),
                                  ROLE_input, like->elem),
                       like->axis, like->rank);
    z->of = like->of;
    PUSH(p->inputs, z);
    e->decoder->applied = 0;
    output(e, decoded_mean(e, z));
    if (reads_rows(e, p))
        e->m->programs.n--;
}

static void sample_program(Elab *e)
{
    begin_use(e, "sample");
    model_result(e, intern("encoder"));
    e->want = WANT_prior;
    Tensor *z = model_result(e, intern("z"));
    e->want = WANT_mean;
    output(e, z ? decoded_mean(e, z) : NULL);
    output(e, z);
}

/* One draw of the code: the log densities that a bound over many draws is made of. */
void bound_program(Elab *e)
{
    Decl *reconstruct = find_decl(e, DECL_reconstruct);
    Call *asked = NULL;
    EACH(call, e->m->metrics)
        if (call->name == intern("nll"))
            asked = call;
    if (!asked)
        return;
    if (!reconstruct || !e->bottleneck) {
        say(e, asked->place, DIAG_block_missing, "nll",
            reconstruct ? "bottleneck" : "reconstruct");
        return;
    }
    const struct { const char *term; Str of; } parts[] = {
        { "nll", reconstruct->name }, { "logq", e->bottleneck->name },
        { "logp", e->bottleneck->name },
    };
    freeze_nets(e, NULL);
    e->once = true;
    PUSH(e->m->programs, begin_program(e, intern("bound"), false, WANT_sample));
    Scope *s = plain_scope(e, intern("bound"), intern("nll"), asked->place);
    for (int k = 0; k < 3 && !diag_errors(); k++) {
        Syn of = { .kind = SYN_name, .name = parts[k].of, .place = asked->place };
        Syn call = { .kind = SYN_call, .name = intern(parts[k].term), .place = asked->place };
        PUSH(call.args, ((Arg) { .value = &of, .place = asked->place }));
        Value *v = tensor_value(s, &call);
        if (v)
            add_term(e, intern(parts[k].term), "nats per example", v->t, NULL, NULL, true,
                     asked->place);
    }
    e->once = false;
}

Tensor *code_of_input(Elab *e)
{
    return e->bottleneck ? model_result(e, intern("z"))
        : e->encoder ? model_result(e, intern("encoder")) : NULL;
}

void use_programs(Elab *e)
{
    if (!e->encoder && !e->bottleneck)
        return;
    begin_use(e, "encode");
    Tensor *code = code_of_input(e);
    output(e, code);
    if (e->bottleneck && e->bottleneck->decl->op == intern("~") && code)
        draw_program(e);
    if (!e->decoder || !code)
        return;
    begin_use(e, "reconstruct");
    output(e, decoded_mean(e, NULL));
    /* In memory as `encode` leaves it, so `decode` goes on from the same bits. */
    output(e, model_result(e, intern("z")));
    if (find_decl(e, DECL_corrupt))
        denoise_program(e);
    decode_program(e);
    Decl *d = e->bottleneck ? e->bottleneck->decl : NULL;
    Decl *latent = d && d->op == intern("~") ? find_definition(e, "latent", d->value->name) : NULL;
    if (latent && defines_role(latent, "prior") && !diag_errors())
        sample_program(e);
}

void predict_program(Elab *e)
{
    Program *p = NULL;
    PredictedList predicted = { 0 };
    EACH(d, e->file->decls) {
        if (d->kind != DECL_task || d->role != intern("downstream") || diag_errors())
            continue;
        p = p ? p : begin_use(e, "predict");
        e->predicting = true;
        use_task(e, d, &predicted);
    }
    e->predicting = false;
    EACH_AT(made, predicted) {
        output(e, made->by->mean);
        if (!HAS(e->m->told, made->target->name)
            && FIND_AT(in, e->m->inputs, in->label && in->name == made->target->name))
            PUSH(e->m->told, made->target->name);
    }
    if (p)
        drop_terms(p);
}
