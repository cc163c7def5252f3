/* mirror.c -- `decoder mirror`: the layers of the encoder and the bottleneck in reverse, each as
 * its definition's line `mirror LAYER(...)` says; with `tied = true` they read the parameters of
 * what they mirror. The activation that the code has been through already is not repeated. */
#include "network.h"

static Tensor *mirror_layers(Walk *w, Net *of, int from, int to, Tensor *x);

/* The call of a `mirror` line, its arguments the numbers that they are in the layer. */
static Call *mirror_call(Walk *w, Scope *layer, const Call *line)
{
    Call *call = COPY(line);
    Ctx sizes = size_ctx(layer);
    sizes.floors = true;
    call->place = w->net->place;
    call->args = (ArgList) { 0 };
    EACH(a, line->args) {
        const int n = a.value->kind == SYN_dots ? layer->ndots : 1;
        for (int d = 0; d < n; d++) {
            double v = layer->dots[d].size;
            if (a.value->kind != SYN_dots && !constant(&sizes, a.value, &v))
                return NULL;
            Syn *number = COPY(&((Syn) { .kind = SYN_num, .num = v, .place = a.place }));
            PUSH(call->args, ((Arg) { a.name, number, a.place }));
        }
    }
    return call;
}

static bool is_reshape(const Decl *def)
{
    return FIND(st, def->body, st->kind == STAT_assign && st->value->kind == SYN_call
        && st->value->name == intern("reshape"));
}

/* Without parameters, and of the same shape before and after: its own mirror. */
static bool is_elementwise(const Scope *layer)
{
    return !find_stat(layer->def, STAT_param) && layer->ndots > 0 && layer->result && layer->input
        && same_sizes(layer->result, layer->input);
}

static Tensor *mirror_layer(Walk *w, Scope *layer, Tensor *x)
{
    Stat *line = layer->def ? find_stat(layer->def, STAT_mirror) : NULL;
    if (line && line->call->name == intern("none"))
        return x;
    if (line) {
        Call *call = mirror_call(w, layer, line->call);
        w->tied = w->ties ? layer : NULL;
        Tensor *y = call ? walk_call(w, call, x) : NULL;
        w->tied = NULL;
        return y;
    }
    if (layer->def && is_reshape(layer->def))
        return reshaped(w->scope, x, layer->input->axis, layer->input->rank,
                        format("reshape%d", count(w, intern("reshape"))), w->net->place);
    if (!layer->def || is_elementwise(layer))
        return x == w->mirrored ? x : walk_call(w, layer->call, x);
    fail(w->e, layer->call ? layer->call->place : w->net->place, DIAG_no_mirror, layer->def->name,
         format("write the decoder's layers out, or give `%s` a line `mirror LAYER(...)`",
                layer->def->name));
    report_note(w->net->place, "here the mirror is asked for");
    return NULL;
}

static Tensor *mirror_residual(Walk *w, Net *of, int at, Tensor *x)
{
    Scope *layer = of->layers.at[at];
    if (layer->call->name != intern("residual"))
        return fail(w->e, layer->call->place, DIAG_no_mirror, layer->call->name,
                    "write the decoder's layers out");
    w->mirrored = NULL;
    Tensor *y = mirror_layers(w, of, at - layer->holds, at, x);
    if (!y || !same_sizes(x, y))
        return NULL;
    return add_residual(w->scope, format("residual%d", count(w, intern("residual"))), x, y,
                        layer->call->place);
}

static Tensor *mirror_layers(Walk *w, Net *of, int from, int to, Tensor *x)
{
    while (x && to > from) {
        Scope *layer = of->layers.at[--to];
        if (layer->uses)
            x = mirror_layers(w, layer->uses, 0, layer->uses->layers.n, x);
        else if (layer->call && layer->call->braced) {
            x = mirror_residual(w, of, to, x);
            to -= layer->holds;
        } else {
            Tensor *y = mirror_layer(w, layer, x);
            if (x == w->mirrored && layer->def && is_reshape(layer->def))
                w->mirrored = y;
            x = y;
        }
    }
    return x;
}

/* The net that made a latent's mean. */
static Net *mean_net(Scope *latent)
{
    EACH(st, latent->def->body) {
        const bool mean = st->kind == STAT_assign && st->role == intern("mean");
        Name *n = mean && st->value->kind == SYN_ref
            ? name_find(latent, st->value->name, NAME_net) : NULL;
        if (n)
            return n->net;
    }
    return NULL;
}

/* What is mirrored for the code: a latent's mean, or what the latent itself says. */
static Net *code_net(Elab *e)
{
    Net *z = e->bottleneck;
    Scope *first = z && z->layers.n == 1 ? z->layers.at[0] : NULL;
    const bool latent = first && first->def && first->def->role == intern("latent");
    Net *mean = latent ? mean_net(first) : NULL;
    return mean ? mean : z;
}

Tensor *apply_mirror(Walk *w, Call *call, Tensor *x)
{
    Elab *e = w->e;
    Ctx sizes = size_ctx(e->root);
    double v;
    for (int k = 0; call && k < call->args.n; k++) {
        Arg *a = &call->args.at[k];
        if (a->name != intern("tied")) {
            fail(e, a->place, DIAG_unknown_argument, intern("mirror"), a->name ? a->name : "1");
            report_help("the form is `decoder mirror(tied = true)`");
        } else if (constant(&sizes, a->value, &v))
            w->ties = v != 0;
    }
    w->mirrored = x;
    model_result(e, intern("z"));
    Net *z = code_net(e);
    if (z)
        x = mirror_layers(w, z, 0, z->layers.n, x);
    return e->encoder ? mirror_layers(w, e->encoder, 0, e->encoder->layers.n, x) : x;
}
