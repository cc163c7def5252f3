/* programs.c -- the programs that use a trained model: encode, decode, reconstruct, sample, predict. */
#include "elab.h"

/* ---- programs --------------------------------------------------------------------------------------------------- */
Str setting_list_name(Syn *s)
{
    return s->kind == SYN_name ? s->name : NULL;
}

static bool block_names(Block *block, Str name)
{
    for (int k = 0; block && k < block->n; k++) {
        if (block->at[k]->as == name)
            return true;
        for (int q = 0; q < block->at[k]->blocks.n; q++)
            if (block_names(block->at[k]->blocks.at[q], name))
                return true;
    }
    return false;
}

/* Whether `as` gives some layer of the file this name. */
bool names_layer(Elab *e, Str name)
{
    for (int k = 0; k < e->file->decls.n; k++)
        if (block_names(e->file->decls.at[k]->block, name))
            return true;
    return false;
}

void freeze_nets(Elab *e, Decl *train)
{
    e->root->trains = e->root->training = true;
    e->frozen.n = 0;
    for (int k = 0; k < e->nets.n; k++)
        e->nets.at[k]->frozen = false;
    for (int k = 0; train && k < train->settings.n; k++) {
        Setting *s = &train->settings.at[k];
        if (s->name != intern("freeze"))
            continue;
        SynList one = { 0 }, *list = &one;
        if (s->value->kind == SYN_list)
            list = &s->value->list;
        else
            PUSH(one, s->value);
        for (int q = 0; q < list->n; q++) {
            Str name = setting_list_name(list->at[q]);
            bool found = false;
            for (int d = 0; name && d < e->file->decls.n; d++)
                if (e->file->decls.at[d]->kind == DECL_task && e->file->decls.at[d]->name == name)
                    net_new(e, NET_block, name, name, e->root, list->at[q]->place)->frozen = found = true;
            for (int d = 0; name && d < e->nets.n; d++)
                if (e->nets.at[d]->name == name || e->nets.at[d]->path == name)
                    e->nets.at[d]->frozen = found = true;
            if (name && !found && names_layer(e, name)) {
                PUSH(e->frozen, name);
                found = true;
            }
            if (!found) {
                SAY(e, list->at[q]->place, DIAG_freeze_what, words_of(list->at[q]));
                StrList names = { 0 };
                for (int d = 0; d < e->nets.n; d++)
                    if (!strchr(e->nets.at[d]->path, '.') && !(e->nets.at[d]->place.source && e->nets.at[d]->place.source->prelude))
                        PUSH(names, e->nets.at[d]->name);
                suggest(name, &names, "nets and tasks can be frozen:");
            }
        }
    }
}

Program *begin_program(Elab *e, Str name, bool training, int want)
{
    Program *p = NEW(Program);
    p->name = name;
    p->training = -1;
    e->p = p;
    e->out = &p->body;
    e->updates = NULL;
    e->training = training;
    e->want = want;
    e->producers.n = e->as.n = e->sweeps.n = e->used.n = 0;
    for (int k = 0; k < e->nets.n; k++) {
        Net *net = e->nets.at[k];
        net->applied = 0;
        net->result = NULL;
        net->layers.n = 0;
    }
    return p;
}

static void output(Program *p, Tensor *t)
{
    if (!t)
        return;
    t->external = true;
    PUSH(p->outputs, t);
}

static Tensor *decoded_mean(Elab *e, Tensor *z)
{
    Decl *d = find_decl(e, DECL_reconstruct);
    Tensor *y = z ? decoded(e, z) : model_result(e, intern("decoder"));
    if (!d || !y)
        return y;
    Expr *weight;
    Scope *s = use_reconstruct(e, d, y, &weight);
    return s ? s->mean : NULL;
}

static void keep(Elab *e, Program *p)
{
    PUSH(e->m->programs, p);
}

/* One draw of the code: the log densities that a bound over many draws is made of. */
void bound_program(Elab *e)
{
    Decl *reconstruct = find_decl(e, DECL_reconstruct);
    Call *asked = NULL;
    for (int k = 0; k < e->m->metrics.n; k++)
        if (e->m->metrics.at[k]->name == intern("nll"))
            asked = e->m->metrics.at[k];
    if (!asked)
        return;
    if (!reconstruct || !e->bottleneck) {
        SAY(e, asked->place, DIAG_block_missing, "nll", reconstruct ? "bottleneck" : "reconstruct");
        return;
    }
    const struct { const char *term; Str of; } parts[] = {
        { "nll", reconstruct->name }, { "logq", e->bottleneck->name }, { "logp", e->bottleneck->name },
    };
    freeze_nets(e, NULL);
    e->once = true;
    Program *p = begin_program(e, intern("bound"), false, WANT_sample);
    Scope *root = plain_scope(e, intern("bound"), intern("nll"), asked->place);
    for (int k = 0; k < 3 && !diag_errors(); k++) {
        Syn of = { .kind = SYN_name, .name = parts[k].of, .place = asked->place };
        Syn call = { .kind = SYN_call, .name = intern(parts[k].term), .place = asked->place };
        PUSH(call.args, ((Arg) { .value = &of, .place = asked->place }));
        Value v = value_of(e, root, &call);
        if (v.t)
            add_term(e, intern(parts[k].term), intern("nats per example"), v.t, NULL, NULL, true, asked->place);
    }
    e->once = false;
    keep(e, p);
}

void use_programs(Elab *e)
{
    Program *p;
    Tensor *code = NULL;
    if (e->encoder || e->bottleneck) {
        p = begin_program(e, intern("encode"), false, WANT_mean);
        code = model_result(e, e->bottleneck ? intern("z") : intern("encoder"));
        output(p, code);
        keep(e, p);
    }
    if (e->decoder && code) {
        p = begin_program(e, intern("reconstruct"), false, WANT_mean);
        output(p, decoded_mean(e, NULL));
        output(p, model_result(e, intern("z")));        /* in memory as `encode` leaves it, so `decode` goes on from the same bits */
        keep(e, p);
        if (find_decl(e, DECL_corrupt)) {
            p = begin_program(e, intern("denoise"), false, WANT_mean);
            e->corrupting = true;
            output(p, decoded_mean(e, NULL));
            output(p, model_seen(e));
            e->corrupting = false;
            keep(e, p);
        }
        p = begin_program(e, intern("decode"), false, WANT_mean);
        Tensor *shape = model_result(e, intern("z"));
        if (shape && !diag_errors()) {
            Tensor *z = tensor_new(e->m, format("%s", e->bottleneck ? e->bottleneck->name : intern("z")), ROLE_input, shape->elem);
            z->rank = shape->rank;
            z->of = shape->of;
            memcpy(z->axis, shape->axis, sizeof z->axis);
            PUSH(p->inputs, z);
            e->decoder->applied = 0;
            output(p, decoded_mean(e, z));
            keep(e, p);
        }
        bool prior = false;
        Decl *latent = e->bottleneck && e->bottleneck->decl->op == intern("~") && e->bottleneck->decl->value
                     ? find_definition(e, intern("latent"), e->bottleneck->decl->value->name) : NULL;
        for (int k = 0; latent && k < latent->body.n; k++)
            prior |= latent->body.at[k]->kind == STAT_assign && latent->body.at[k]->role == intern("prior");
        if (prior && !diag_errors()) {
            p = begin_program(e, intern("sample"), false, WANT_mean);
            model_result(e, intern("encoder"));
            e->want = WANT_prior;
            Tensor *z = model_result(e, intern("z"));
            e->want = WANT_mean;
            output(p, z ? decoded_mean(e, z) : NULL);
            output(p, z);
            keep(e, p);
        }
    }
}

void predict_program(Elab *e)
{
    bool any = false;
    for (int k = 0; k < e->file->decls.n; k++)
        any |= e->file->decls.at[k]->kind == DECL_task && e->file->decls.at[k]->role == intern("downstream");
    if (!any)
        return;
    Program *p = begin_program(e, intern("predict"), false, WANT_mean);
    PredictedList predicted = { 0 };
    e->predicting = true;
    for (int k = 0; k < e->file->decls.n && !diag_errors(); k++)
        if (e->file->decls.at[k]->kind == DECL_task && e->file->decls.at[k]->role == intern("downstream"))
            use_task(e, e->file->decls.at[k], &predicted);
    for (int k = 0; k < predicted.n; k++)
        output(p, predicted.at[k].mean);
    e->predicting = false;
    p->terms.n = 0;
    keep(e, p);
}
