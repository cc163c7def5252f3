/* network.c -- networks: what is applied to what, and under which path.
 *
 * A net is a block of calls. Its layers are counted by kind, so that `encoder.dense2.w` is the same parameter
 * wherever the net is used; a second use in one program draws other random numbers (`encoder@2`). */
#include "elab.h"

typedef struct { Str kind; int n; } Count;

typedef struct {            /* one walk through a net's layers */
    Elab *e;
    Net *net;
    Scope *scope;           /* whose `around` the layers' arguments are resolved in */
    VEC(Count) counts;
    bool first;             /* of this program: its layers are kept for `mirror` */
} Walk;

static Tensor *walk_block(Walk *w, Block *block, Tensor *x);

Net *net_new(Elab *e, NetKind kind, Str name, Str path, Scope *within, Place place)
{
    for (int k = 0; k < e->nets.n; k++)         /* the same net in another program keeps its parameters' list */
        if (e->nets.at[k]->path == path) {
            Net *net = e->nets.at[k];
            net->within = within;
            net->frozen = !within->trains;
            return net;
        }
    Net *net = NEW(Net);
    net->kind = kind, net->name = name, net->path = path, net->within = within, net->place = place;
    net->frozen = !within->trains;
    PUSH(e->nets, net);
    return net;
}

static int count(Walk *w, Str kind)
{
    for (int k = 0; k < w->counts.n; k++)
        if (w->counts.at[k].kind == kind)
            return ++w->counts.at[k].n;
    PUSH(w->counts, ((Count) { kind, 1 }));
    return 1;
}

static Str call_words(Call *call)
{
    Syn s = { .kind = call->args.n ? SYN_call : SYN_name, .name = call->name, .args = call->args };
    Buf b = { 0 };
    syn_print(&b, &s);
    return intern(b.at);
}

static Tensor *named(Elab *e, Str name)
{
    for (int k = 0; k < e->as.n; k++)
        if (e->as.at[k].name == name)
            return e->as.at[k].tensor;
    return NULL;
}

static void name_result(Elab *e, Str name, Tensor *t)
{
    for (int k = 0; k < e->as.n; k++)
        if (e->as.at[k].name == name)
            return;
    PUSH(e->as, ((Named) { name, t }));
}

static bool same_shape(const Tensor *a, const Tensor *b)
{
    if (a->rank != b->rank)
        return false;
    for (int k = 0; k < a->rank; k++)
        if (a->axis[k].size != b->axis[k].size)
            return false;
    return true;
}

/* ---- what stands between layers ------------------------------------------------------------------- */
static Expr *sum_of(Expr **at, void *with)
{
    (void) with;
    return expr_op(OP_add, at[0], at[1], NULL);
}

static Tensor *apply_residual(Walk *w, Call *call, Tensor *x, Scope *s)
{
    Tensor *y = walk_block(w, call->blocks.at[0], x);
    if (!y)
        return NULL;
    if (!same_shape(x, y)) {
        if (FAILS(w->e, call->place, DIAG_residual_shape, shape_text(x), shape_text(y)))
            report_help("end the block with a layer that gives %s again", shape_text(x));
        return NULL;
    }
    return elementwise(w->e, s, intern("y"), (Tensor *[]) { x, y }, 2, sum_of, NULL, call->place);
}

static Tensor *apply_repeat(Walk *w, Call *call, Tensor *x, Scope *s)
{
    Ctx sizes = size_ctx(s);
    const int times = call->args.n == 1 ? size_of(&sizes, call->args.at[0].value) : 0;
    if (times < 1 && FAILS(w->e, call->place, DIAG_repeat_times))
        report_help("write `repeat(3) { ... }`");
    for (int k = 0; x && k < times; k++)
        x = walk_block(w, call->blocks.at[0], x);
    return x;
}

/* Along the first axis after the examples: out[n, c, ..] = a[n, c, ..] + b[n, c - C, ..]; a read outside is 0. */
static Tensor *apply_concat(Walk *w, Call *call, Tensor *x, Scope *s)
{
    Elab *e = w->e;
    const int n = call->blocks.n;
    Tensor **part = alloc((size_t) n * sizeof *part);
    int total = 0;
    for (int k = 0; k < n; k++) {
        part[k] = walk_block(w, call->blocks.at[k], x);
        if (!part[k])
            return NULL;
        bool fits = part[k]->rank == part[0]->rank && part[k]->rank > 1;
        for (int d = 2; fits && d < part[k]->rank; d++)
            fits = part[k]->axis[d].size == part[0]->axis[d].size;
        if (!fits) {
            if (FAILS(e, call->place, DIAG_concat_shape, shape_text(part[0]), shape_text(part[k])))
                report_help("padding, a stride or `flatten` in one of the blocks makes them agree");
            return NULL;
        }
        total += part[k]->axis[1].size;
    }
    Tensor *y = temp_new(e, s, intern("y"), ELEM_real);
    y->rank = part[0]->rank;
    memcpy(y->axis, part[0]->axis, sizeof y->axis);
    y->axis[1].size = total;
    Stmt *st = nest_new(y, SET_is, expr_real(0));
    Expr *sub[MAX_RANK];
    for (int d = 0; d < y->rank; d++) {
        st->index[d] = index_new(format("%c", "nchwijklpq"[d]), y->axis[d].size, NULL);
        st->index[d]->example = y->axis[d].example;
        if (y->axis[d].length && y->axis[d].length->rank == 0)
            st->index[d]->limit = expr_scalar(y->axis[d].length);
        st->sub[d] = sub[d] = expr_index(st->index[d]);
    }
    st->nindex = st->nouter = y->rank;
    int offset = 0;
    for (int k = 0; k < n; k++) {
        sub[1] = expr_op(OP_sub, st->sub[1], expr_num(offset), NULL);
        Expr *read = expr_read(part[k], sub, ~0u, NULL);
        st->value = k ? expr_op(OP_add, st->value, read, NULL) : read;
        offset += part[k]->axis[1].size;
    }
    settle(e, st, call->place);
    add_stmt(e, s, st, call->place, NULL);
    return y;
}

/* ---- one layer --------------------------------------------------------------------------------------- */
static Expr *apply_scalar(Expr **at, void *with)
{
    const int *op = with;
    return expr_op((Op) *op, at[0], NULL, NULL);
}

typedef struct { Ctx c; Syn *call; } Scalar;

static Expr *apply_function(Expr **at, void *with)
{
    Scalar *f = with;
    Env *env = bind_expr(NULL, intern("x"), at[0]);
    return lower(&f->c, f->call, env);
}

static Tensor *apply_activation(Walk *w, Call *call, Tensor *x, Scope *s)
{
    Elab *e = w->e;
    int op = builtin_op(call->name);
    Function *f = find_function(s, call->name);
    if (op >= 0 && !call->args.n)
        return elementwise(e, s, intern("y"), &x, 1, apply_scalar, &op, call->place);
    if (!f || f->operand || f->params.n < 1 || !f->params.at[0].scalar)
        return NULL;
    if (call->args.n > f->params.n - 1) {
        const int n = f->params.n - 1;
        FAIL(e, call->place, DIAG_too_many_arguments, call->name, n ? format("at most %d argument%s", n, n > 1 ? "s" : "") : "no arguments");
        return NULL;
    }
    Syn arg = { .kind = SYN_name, .name = intern("x"), .place = call->place };
    Syn use = { .kind = SYN_call, .name = call->name, .place = call->place };
    PUSH(use.args, ((Arg) { NULL, &arg, call->place }));
    for (int k = 0; k < call->args.n; k++)
        PUSH(use.args, call->args.at[k]);
    Scalar with = { formula_ctx(s), &use };
    return elementwise(e, s, intern("y"), &x, 1, apply_function, &with, call->place);
}

static void unknown_layer(Elab *e, Call *call)
{
    if (e->failed++)
        return;
    SAY(e, call->place, DIAG_unknown_layer, call->name);
    StrList names = { 0 };
    static const char *const around[] = { "residual", "repeat", "concat", "tanh", "sigmoid", "softplus", "sin", "exp" };
    for (size_t k = 0; k < sizeof around / sizeof *around; k++)
        PUSH(names, intern(around[k]));
    for (int k = 0; k < e->library.n; k++)
        if (e->library.at[k]->role == intern("layer") || e->library.at[k]->role == intern("view"))
            PUSH(names, e->library.at[k]->name);
    for (int k = 0; k < e->functions.n; k++)
        if (!e->functions.at[k]->operand && e->functions.at[k]->params.n)
            PUSH(names, e->functions.at[k]->name);
    for (int k = 0; k < e->nets.n; k++)
        PUSH(names, e->nets.at[k]->name);
    suggest(call->name, &names, NULL);
    if (!nearest(call->name, names.at, names.n))
        report_help("`aec doc` lists the layers");
}

/* A layer whose axes are those of another in another order: what stands last is no longer a row of pixels. */
static bool reorders(const Decl *def)
{
    const Entry *in = NULL, *out = NULL;
    for (int k = 0; def && k < def->body.n; k++)
        if (def->body.at[k]->kind == STAT_in || def->body.at[k]->kind == STAT_out)
            *(def->body.at[k]->kind == STAT_in ? &in : &out) = &def->body.at[k]->entries.at[0];
    bool moved = false;
    if (!in || !out || in->shape.n != out->shape.n)
        return false;
    for (int k = 0; k < in->shape.n; k++) {
        bool found = false;
        for (int q = 0; q < out->shape.n; q++)
            found |= out->shape.at[q]->kind == SYN_name && out->shape.at[q]->name == in->shape.at[k]->name;
        if (!found)
            return false;
        moved |= out->shape.at[k]->name != in->shape.at[k]->name;
    }
    return moved;
}

/* A layer along the last axis, with parameters, on an image: legal, and hardly ever meant. */
static void warn_last_axis(Walk *w, Scope *used, Tensor *x)
{
    const Entry *in = NULL;
    bool params = false;
    for (int k = 0; k < used->def->body.n; k++) {
        if (used->def->body.at[k]->kind == STAT_in && !in)
            in = &used->def->body.at[k]->entries.at[0];
        params |= used->def->body.at[k]->kind == STAT_param;
    }
    if (!params || !in || in->shape.n != 2 || in->shape.at[0]->kind != SYN_dots || x->rank != 4 || w->e->trial)
        return;
    for (int k = 0; k < w->net->layers.n; k++)
        if (reorders(w->net->layers.at[k]->def))
            return;
    report(used->call->place, DIAG_last_axis, used->def->name, shape_text(x), x->axis[3].size);
    report_help("`flatten %s` connects all %d elements; `channels_last %s` works on the channels of each pixel",
                used->use->words, x->axis[1].size * x->axis[2].size * x->axis[3].size, used->use->words);
}

/* A layer that has a name may be frozen by it. */
static bool frozen_layer(Elab *e, Call *call)
{
    for (int k = 0; call->as && k < e->frozen.n; k++)
        if (e->frozen.at[k] == call->as)
            return true;
    return false;
}

static Scope *still(Scope *s)
{
    Scope *frozen = NEW(Scope);
    *frozen = *s;
    frozen->trains = frozen->training = false;
    return frozen;
}

static bool is_input(Elab *e, Str layer, Str name)
{
    for (int k = 0; name && k < e->library.n; k++) {
        Decl *def = e->library.at[k];
        for (int q = 0; def->name == layer && q < def->body.n; q++)
            for (int i = 0; def->body.at[q]->kind == STAT_in && i < def->body.at[q]->entries.n; i++)
                if (def->body.at[q]->entries.at[i].name == name)
                    return true;
    }
    return false;
}

/* Parts  attention(4, m = h)  into arguments and further inputs, which are names of results or of the data. */
static bool take_inputs(Elab *e, Call *call, ArgList *rest)
{
    e->given.n = 0;
    for (int k = 0; k < call->args.n; k++) {
        Arg *a = &call->args.at[k];
        if (!is_input(e, call->name, a->name)) {
            PUSH(*rest, *a);
            continue;
        }
        Tensor *t = a->value->kind == SYN_name ? named(e, a->value->name) : NULL;
        if (!t && a->value->kind == SYN_name)
            t = model_input(e, a->value->name);
        if (!t) {
            Buf b = { 0 };
            syn_print(&b, a->value);
            FAIL(e, a->place, DIAG_not_a_value, b.at);
            return false;
        }
        PUSH(e->given, ((Named) { a->name, t }));
    }
    return true;
}

static Tensor *walk_call(Walk *w, Call *call, Tensor *x)
{
    Elab *e = w->e;
    e->failed = 0;
    Name *net = name_find(w->scope, call->name, NAME_net);
    if (net && net->net != w->net) {
        Tensor *y = apply_net(e, net->net, x, &call->args, call->place);
        if (y && w->first) {
            Scope *mark = scope_new(e, w->scope, NULL, net->net->path, net->net->path, NULL);
            mark->uses = net->net;
            PUSH(w->net->layers, mark);
        }
        if (y && call->as)
            name_result(e, call->as, y);
        return y;
    }
    const int before = w->net->layers.n;
    const Str part = format("%s%d", call->name, count(w, call->name));
    Use *use = NEW(Use);
    *use = (Use) { format("%s.%s", w->net->path, part), call_words(call), call->place };
    const Str draws = format("%s.%s", w->scope->draws, part);
    Scope *s = scope_new(e, w->scope, NULL, use->path, draws, use);
    s->up = w->scope;
    s->call = call;
    s->input = x;
    Tensor *y = NULL;
    if (call->braced && call->blocks.n > 0 && call->name == intern("residual"))
        y = apply_residual(w, call, x, s);
    else if (call->braced && call->blocks.n > 0 && call->name == intern("repeat"))
        y = apply_repeat(w, call, x, s);
    else if (call->braced && call->blocks.n > 0 && call->name == intern("concat"))
        y = apply_concat(w, call, x, s);
    else if (find_definition(e, intern("layer"), call->name)) {
        ArgList args = { 0 };
        if (!take_inputs(e, call, &args))
            return NULL;
        Scope *used = instantiate(e, frozen_layer(e, call) ? still(w->scope) : w->scope, intern("layer"), call->name,
                                  &args, &x, 1, use->path, draws, use, call->place);
        e->given.n = 0;
        if (!used)
            return NULL;
        used->call = call;
        s = used;
        y = used->result;
        warn_last_axis(w, used, x);
    } else {
        y = apply_activation(w, call, x, s);
        if (!y && net)
            FAIL(e, call->place, DIAG_net_in_itself, call->name);
        else if (!y)
            unknown_layer(e, call);
    }
    s->holds = call->braced ? w->net->layers.n - before : 0;
    if (y && w->first && call->name != intern("repeat"))
        PUSH(w->net->layers, s);
    if (y && call->as)
        name_result(e, call->as, y);
    return y;
}

static Tensor *walk_block(Walk *w, Block *block, Tensor *x)
{
    for (int k = 0; x && k < block->n; k++)
        x = walk_call(w, block->at[k], x);
    return x;
}

/* ---- mirrors ------------------------------------------------------------------------------------------ */
static Syn *number_syn(double v, Place place)
{
    Syn *s = NEW(Syn);
    s->kind = SYN_num, s->num = v, s->place = place;
    return s;
}

static bool same_as_input(Scope *layer)
{
    return layer->result && layer->input && same_shape(layer->result, layer->input);
}

static Tensor *mirror_layer(Walk *w, Scope *layer, Tensor *x, bool tied)
{
    Elab *e = w->e;
    Stat *mirror = NULL, *reshape = NULL;
    for (int k = 0; layer->def && k < layer->def->body.n; k++) {
        Stat *st = layer->def->body.at[k];
        if (st->kind == STAT_mirror)
            mirror = st;
        if (st->kind == STAT_assign && st->value->kind == SYN_call && st->value->name == intern("reshape"))
            reshape = st;
    }
    if (mirror) {
        if (mirror->call->name == intern("none"))
            return x;
        Call *call = NEW(Call);
        *call = *mirror->call;
        call->place = w->net->place;
        memset(&call->args, 0, sizeof call->args);
        Ctx sizes = size_ctx(layer);
        sizes.floors = true;
        for (int k = 0; k < mirror->call->args.n; k++) {
            Arg a = mirror->call->args.at[k];
            double v;
            if (a.value->kind == SYN_dots) {
                for (int d = 0; d < layer->ndots; d++)
                    PUSH(call->args, ((Arg) { NULL, number_syn(layer->dots[d].size, a.place), a.place }));
                continue;
            }
            if (!constant(&sizes, a.value, &v))
                return NULL;
            a.value = number_syn(v, a.place);
            PUSH(call->args, a);
        }
        e->tied = tied ? layer : NULL;
        Tensor *y = walk_call(w, call, x);
        e->tied = NULL;
        return y;
    }
    if (reshape) {
        Axis axis[MAX_RANK];
        memcpy(axis, layer->input->axis, sizeof axis);
        return reshaped(e, w->scope, x, axis, layer->input->rank, format("reshape%d", count(w, intern("reshape"))), w->net->place);
    }
    if (!layer->def)            /* an activation */
        return walk_call(w, layer->call, x);
    bool params = false;
    for (int k = 0; k < layer->def->body.n; k++)
        params |= layer->def->body.at[k]->kind == STAT_param;
    if (!params && layer->ndots > 0 && layer->input && layer->result && layer->input->rank == layer->result->rank
        && same_as_input(layer))
        return walk_call(w, layer->call, x);
    if (FAILS(e, layer->call ? layer->call->place : w->net->place, DIAG_no_mirror, layer->def->name)) {
        report_note(w->net->place, "here the mirror is asked for");
        report_help("write the decoder's layers out, or give `%s` a line `mirror LAYER(...)`", layer->def->name);
    }
    return NULL;
}

/* The layers that made a latent's mean. */
static Net *mean_net(Elab *e, Scope *latent)
{
    for (int k = 0; latent->def && k < latent->def->body.n; k++) {
        Stat *st = latent->def->body.at[k];
        if (st->kind != STAT_assign || st->role != intern("mean"))
            continue;
        Name *n = st->value->kind == SYN_ref ? name_find(latent, st->value->name, NAME_net) : NULL;
        if (n)
            return n->net;
    }
    (void) e;
    return NULL;
}

static Tensor *mirror_layers(Walk *w, Net *of, int from, int to, Tensor *x, bool tied)
{
    while (x && to > from) {
        Scope *layer = of->layers.at[--to];
        if (layer->uses)
            x = mirror_layers(w, layer->uses, 0, layer->uses->layers.n, x, tied);
        else if (layer->call && layer->call->braced) {
            if (layer->call->name != intern("residual")) {
                FAIL(w->e, layer->call->place, DIAG_no_mirror, layer->call->name);
                return NULL;
            }
            Tensor *y = mirror_layers(w, of, to - layer->holds, to, x, tied);
            to -= layer->holds;
            if (!y || !same_shape(x, y))
                return NULL;
            x = elementwise(w->e, w->scope, format("residual%d", count(w, intern("residual"))), (Tensor *[]) { x, y }, 2,
                            sum_of, NULL, layer->call->place);
        } else
            x = mirror_layer(w, layer, x, tied);
    }
    return x;
}

static Tensor *mirror_net(Walk *w, Net *of, Tensor *x, bool tied)
{
    return mirror_layers(w, of, 0, of->layers.n, x, tied);
}

static Tensor *apply_mirror(Walk *w, Call *call, Tensor *x)
{
    Elab *e = w->e;
    bool tied = false;
    for (int k = 0; call && k < call->args.n; k++) {
        Ctx sizes = size_ctx(e->root);
        double v = 0;
        if (call->args.at[k].name != intern("tied")) {
            if (FAILS(e, call->args.at[k].place, DIAG_unknown_argument, intern("mirror"), call->args.at[k].name ? call->args.at[k].name : "1"))
                report_help("the form is `decoder mirror(tied = true)`");
        } else if (constant(&sizes, call->args.at[k].value, &v))
            tied = v != 0;
    }
    model_result(e, intern("z"));
    if (e->bottleneck) {
        Net *z = e->bottleneck;
        Scope *latent = z->layers.n == 1 && z->layers.at[0]->def && z->layers.at[0]->def->role == intern("latent") ? z->layers.at[0] : NULL;
        Net *layers = latent ? mean_net(e, latent) : z;
        if (!layers) {
            FAIL(e, w->net->place, DIAG_no_mirror, latent->def->name);
            return NULL;
        }
        x = mirror_net(w, layers, x, tied);
    }
    return x && e->encoder ? mirror_net(w, e->encoder, x, tied) : x;
}

/* ---- applying a net -------------------------------------------------------------------------------------- */
static Tensor *apply_latent(Walk *w, Syn *value, Tensor *x)
{
    Elab *e = w->e;
    ArgList args = { 0 };
    int samples = 1;
    for (int k = 0; k < value->args.n; k++) {
        if (value->args.at[k].name == intern("samples")) {
            Ctx sizes = size_ctx(e->root);
            samples = size_of(&sizes, value->args.at[k].value);
            continue;
        }
        PUSH(args, value->args.at[k]);
    }
    Use *use = NEW(Use);
    Buf words = { 0 };
    syn_print(&words, value);
    *use = (Use) { w->net->path, intern(words.at), value->place };
    e->failed = 0;
    if (!find_definition(e, intern("latent"), value->name)) {
        FAIL(e, value->place, DIAG_unknown_definition, "latent", value->name);
        suggest_definition(e, intern("latent"), value->name);
        return NULL;
    }
    e->samples = e->want == WANT_sample && w->scope->trains && !e->once ? samples : 1;
    Scope *s = instantiate(e, w->scope, intern("latent"), value->name, &args, &x, 1, w->net->path, w->scope->draws, use, value->place);
    e->samples = 0;
    if (s && w->first)
        PUSH(w->net->layers, s);
    return s ? s->result : NULL;
}

static Tensor *apply_views(Walk *w, Net *net, Tensor *x)
{
    return walk_block(w, net->block, x);
}

/* Of a latent that no layer shares the name with; a view may. */
static bool names_latent(Elab *e, Str name)
{
    bool latent = false;
    for (int k = 0; k < e->library.n; k++)
        if (e->library.at[k]->name == name && e->library.at[k]->role == intern("layer"))
            return false;
        else
            latent |= e->library.at[k]->name == name && e->library.at[k]->role == intern("latent");
    return latent;
}

Tensor *apply_net(Elab *e, Net *net, Tensor *x, ArgList *more, Place place)
{
    (void) more;
    Net *of = net;
    while (of->kind == NET_copy && of->source)
        of = of->source;
    Net *whole = net;
    if (net->kind != NET_copy && e->applying && e->applying->copy_of) {     /* a net within a copied one is copied too */
        whole = net_new(e, NET_copy, net->name, format("%s.%s", e->applying->path, net->path), net->within, place);
        whole->source = net;
    }
    if (whole->kind == NET_copy)
        whole->copy_of = of->path;
    for (Net *up = e->applying; up; up = up->outer)
        if (up == whole) {
            FAIL(e, place, DIAG_net_in_itself, net->name);
            return NULL;
        }
    whole->applied++;
    Scope *scope = scope_new(e, of->within, NULL, whole->path,
                             whole->applied > 1 ? format("%s@%d", whole->path, whole->applied) : whole->path, NULL);
    scope->up = of->within;
    scope->net = whole;
    if (whole->frozen || (e->applying && e->applying->frozen))
        scope->trains = scope->training = false;
    if (whole->kind == NET_copy) {
        scope->copy_of = of->path;
        scope->copy_to = whole->path;
        scope->trains = false;
    } else
        scope->copy_of = NULL;
    Walk w = { .e = e, .net = whole, .scope = scope, .first = whole->applied == 1 };
    Net *outer = e->applying;
    whole->outer = outer;
    e->applying = whole;
    Tensor *y = NULL;
    if (of->kind == NET_bottleneck && of->decl && of->decl->op == intern("~"))
        y = apply_latent(&w, of->decl->value, x);
    else if (of->kind == NET_bottleneck && of->decl && !of->block) {
        Call *call = NEW(Call);
        Syn *v = of->decl->value;
        *call = (Call) { .name = v->name, .args = v->args, .place = v->place };
        if (names_latent(e, v->name)) {
            if (FAILS(e, v->place, DIAG_not_a_layer))
                report_help("`%s` is a latent and is drawn: `bottleneck %s ~ %s(8)`", v->name, net->name, v->name);
        } else if (v->kind == SYN_call || v->kind == SYN_name)
            y = walk_call(&w, call, x);
        else
            if (FAILS(e, v->place, DIAG_not_a_layer) && v->kind == SYN_num)
                report_help("write `bottleneck %s = code(%s)`", net->name, number_text(v->num));
    } else if (of->kind == NET_decoder && of->decl && !of->block)
        y = apply_mirror(&w, of->decl->call, x);
    else if (of->kind == NET_views)
        y = apply_views(&w, of, x);
    else
        y = of->block ? walk_block(&w, of->block, x) : x;
    e->applying = outer;
    whole->outer = NULL;
    return y;
}

/* ---- names, before anything is applied ------------------------------------------------------------------- */
static bool known_layer(Elab *e, Call *call, const StrList *local)
{
    for (int k = 0; k < local->n; k++)
        if (local->at[k] == call->name)
            return true;
    return name_find(e->root, call->name, NAME_net) || (call->braced && call->blocks.n) || builtin_op(call->name) >= 0
        || find_definition(e, intern("layer"), call->name) || find_function(e->root, call->name);
}

static void check_block(Elab *e, Block *block, const StrList *local)
{
    for (int k = 0; block && k < block->n; k++) {
        Call *call = block->at[k];
        e->failed = 0;
        if (!known_layer(e, call, local))
            unknown_layer(e, call);
        for (int b = 0; b < call->blocks.n; b++)
            check_block(e, call->blocks.at[b], local);
    }
}

void check_layers(Elab *e)
{
    for (int k = 0; k < e->file->decls.n; k++) {
        Decl *d = e->file->decls.at[k];
        StrList local = { 0 };
        for (int q = 0; q < d->body.n; q++)
            if (d->body.at[q]->name)
                PUSH(local, d->body.at[q]->name);
        if (d->kind == DECL_encoder || d->kind == DECL_decoder || d->kind == DECL_net || d->kind == DECL_bottleneck
            || d->kind == DECL_corrupt || d->kind == DECL_augment)
            check_block(e, d->block, &local);
        for (int q = 0; d->kind == DECL_task && q < d->body.n; q++)
            check_block(e, d->body.at[q]->block, &local);
    }
}

/* ---- the model's own values --------------------------------------------------------------------------------- */
Tensor *model_input(Elab *e, Str name)
{
    for (int k = 0; k < e->m->inputs.n; k++)
        if (e->m->inputs.at[k].name == name) {
            Tensor *t = e->m->inputs.at[k].tensor;
            bool known = false;
            for (int q = 0; q < e->p->inputs.n; q++)
                known |= e->p->inputs.at[q] == t;
            if (!known)
                PUSH(e->p->inputs, t);
            return t;
        }
    return NULL;
}

Tensor *model_seen(Elab *e)
{
    Tensor *t = named(e, intern("x~"));
    if (t)
        return t;
    Decl *corrupt = NULL;
    for (int k = 0; k < e->file->decls.n; k++)
        if (e->file->decls.at[k]->kind == DECL_corrupt)
            corrupt = e->file->decls.at[k];
    const Str x = corrupt ? corrupt->name : e->m->inputs.n ? e->m->inputs.at[0].name : NULL;
    t = x ? model_input(e, x) : NULL;
    if (!t)
        return NULL;
    if (corrupt && (e->training || e->corrupting)) {
        Net *views = net_new(e, NET_views, intern("corrupt"), intern("corrupt"), e->root, corrupt->place);
        views->block = corrupt->block;
        t = apply_net(e, views, t, NULL, corrupt->place);
    }
    if (t)
        name_result(e, intern("x~"), t);
    return t;
}

static Tensor *result_of(Elab *e, Net *net, Tensor *x)
{
    if (!net)
        return x;
    if (!net->result && x)
        net->result = apply_net(e, net, x, NULL, net->place);
    return net->result;
}

Tensor *model_result(Elab *e, Str name)
{
    Tensor *x = model_seen(e), *h = result_of(e, e->encoder, x);
    if (name == intern("encoder"))
        return e->encoder ? h : NULL;
    Tensor *z = result_of(e, e->bottleneck, h);
    if (e->bottleneck && name == e->bottleneck->name)
        return z;
    if (name == intern("z"))
        return z;
    if (name == intern("decoder"))
        return result_of(e, e->decoder, z);
    if (!named(e, name) && e->decoder)
        result_of(e, e->decoder, z);
    return named(e, name);
}

Scope *producer_of(Elab *e, Tensor *t)
{
    for (int k = e->producers.n; k-- > 0; )
        if (e->producers.at[k].tensor == t)
            return e->producers.at[k].scope;
    return NULL;
}
