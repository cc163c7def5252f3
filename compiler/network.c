/* network.c -- networks: what is applied to what, and under which path.
 *
 * A net is a block of calls. Its layers are counted by kind, so that `encoder.dense2.w` is the
 * same parameter wherever the net is used; a second use in one program draws other random
 * numbers (`encoder@2`). */
#include "network.h"

Net *net_new(Elab *e, NetKind kind, Str name, Str path, Scope *within, Place place)
{
    /* In another program: it keeps its parameters' list. */
    Net *net = FIND(known, e->nets, known->path == path);
    if (!net) {
        net = COPY(&((Net) { .kind = kind, .name = name, .path = path, .place = place }));
        PUSH(e->nets, net);
    }
    net->within = within;
    net->frozen = !within->training;
    return net;
}

/* net slow = copy(online) */
bool copy_net(Scope *s, Net *net, const Syn *value)
{
    StrList names = { 0 };
    const bool copy = value->kind == SYN_call && value->name == intern("copy");
    const Syn *of = copy && value->args.n == 1 ? value->args.at[0].value : NULL;
    Name *from = of ? name_find(s, of->name, NAME_net) : NULL;
    net->kind = NET_copy;
    if (from) {
        net->source = from->net;
        return true;
    }
    say(s->e, value->place, DIAG_copy_of_what);
    scope_names(s, NAME_net, &names);
    suggest(of ? of->name : NULL, &names, "the nets above are");
    return false;
}

int count(Walk *w, Str kind)
{
    EACH_AT(c, w->counts)
        if (c->kind == kind)
            return ++c->n;
    PUSH(w->counts, ((Count) { kind, 1 }));
    return 1;
}

Tensor *named(const NamedList *list, Str name)
{
    const Named *n = FIND_AT(one, *list, one->name == name);
    return n ? n->tensor : NULL;
}

void name_result(Elab *e, Str name, Tensor *t)
{
    if (name && t && !named(&e->as, name))
        PUSH(e->as, ((Named) { name, t }));
}

/* ---- what stands between layers ------------------------------------------------------------- */
Tensor *add_residual(Scope *s, Str name, Tensor *x, Tensor *y, Place place)
{
    Map m = map_new(s, name, x, y);
    return map_put(s, &m, OP2(add, m.a, m.b), place);
}

static Tensor *apply_residual(Walk *w, Call *call, Tensor *x, Scope *s)
{
    Tensor *y = walk_block(w, call->blocks.at[0], x);
    if (!y)
        return NULL;
    if (same_sizes(x, y))
        return add_residual(s, intern("y"), x, y, call->place);
    return fail(w->e, call->place, DIAG_residual_shape, shape_text(x), shape_text(y),
                shape_text(x));
}

static Tensor *apply_repeat(Walk *w, Call *call, Tensor *x, Scope *s)
{
    const int times = call->args.n == 1 ? size_of(s, call->args.at[0].value) : 0;
    if (times < 1 || times > 1000)
        return fail(w->e, call->place, DIAG_repeat_times);
    for (int k = 0; x && k < times; k++)
        x = walk_block(w, call->blocks.at[0], x);
    return x;
}

/* Whether all axes but the first after the examples agree. */
static bool joinable(const Tensor *a, const Tensor *b)
{
    return a->rank == b->rank && a->rank > 1
        && ALL(d, a->rank, d < 2 || a->axis[d].size == b->axis[d].size);
}

/* Along the first axis after the examples: out[n, c, ..] = a[n, c, ..] + b[n, c - C,
   ..]; a read outside is 0. */
static Tensor *apply_concat(Walk *w, Call *call, Tensor *x, Scope *s)
{
    TensorList part = { 0 };
    int total = 0, offset = 0;
    EACH(block, call->blocks) {
        Tensor *y = walk_block(w, block, x);
        if (!y)
            return NULL;
        PUSH(part, y);
        if (!joinable(y, part.at[0]))
            return fail(w->e, call->place, DIAG_concat_shape, shape_text(part.at[0]),
                        shape_text(y));
        total += y->axis[1].size;
    }
    Tensor *y = temp_new(s, intern("y"), ELEM_real, part.at[0]->axis, part.at[0]->rank);
    Index *index[MAX_RANK];
    Expr *sub[MAX_RANK], *sum = NULL;
    y->axis[1].size = total;
    for (int d = 0; d < y->rank; d++) {
        index[d] = index_along(&y->axis[d], format("%c", "nchwijklpq"[d]), NULL);
        sub[d] = expr_index(index[d]);
    }
    EACH(p, part) {
        sub[1] = OP2(sub, expr_index(index[1]), expr_num(offset));
        Expr *read = expr_read(p, sub, ~0u, NULL);
        sum = sum ? OP2(add, sum, read) : read;
        offset += p->axis[1].size;
    }
    put(s, over(y, index, SET_is, sum), call->place);
    return y;
}

static const struct {
    const char *name;
    Tensor *(*apply)(Walk *, Call *, Tensor *, Scope *);
} blocks[] = {
    { "residual", apply_residual }, { "repeat", apply_repeat }, { "concat", apply_concat },
};
enum { NBLOCKS = sizeof blocks / sizeof *blocks };

/* ---- one layer ------------------------------------------------------------------------------ */
/* A function of numbers, on every element. */
static Tensor *apply_activation(Walk *w, Call *call, Tensor *x, Scope *s)
{
    Elab *e = w->e;
    const int op = builtin_op(call->name);
    Function *f = find_function(s, call->name);
    const bool builtin = op >= 0 && !call->args.n;
    if (!builtin && (!f || f->operand || f->params.n < 1 || !f->params.at[0].scalar))
        return NULL;
    if (!builtin && call->args.n > f->params.n - 1)
        return fail(e, call->place, DIAG_too_many_arguments, call->name,
                    most_arguments(f->params.n - 1));
    Syn arg = { .kind = SYN_name, .name = intern("x"), .place = call->place };
    Syn use = { .kind = SYN_call, .name = call->name, .place = call->place };
    PUSH(use.args, ((Arg) { NULL, &arg, call->place }));
    PUSH_ALL(use.args, call->args);
    Map m = map_new(s, intern("y"), x, NULL);
    Ctx c = formula_ctx(s);
    return map_put(s, &m, lower(&c, &use, bind_expr(NULL, intern("x"), m.a)), call->place);
}

static void *unknown_layer(Elab *e, Call *call)
{
    static const char *const functions[] = { "tanh", "sigmoid", "softplus", "sin", "exp" };
    StrList names = { 0 };
    fail(e, call->place, DIAG_unknown_layer, call->name);
    for (int k = 0; k < NBLOCKS; k++)
        PUSH(names, intern(blocks[k].name));
    EACH_ROW(function, functions)
        PUSH(names, intern(*function));
    definition_names(e, "layer", &names);
    definition_names(e, "view", &names);
    EACH(f, e->functions)
        if (!f->operand && f->params.n)
            PUSH(names, f->name);
    EACH(net, e->nets)
        PUSH(names, net->name);
    report_help("`aec doc` lists the layers");
    suggest(call->name, &names, NULL);
    return NULL;
}

/* A layer whose axes are those of another in another order: what stands last is no
   longer a row of pixels. */
static bool reorders(const Decl *def)
{
    Stat *in = def ? find_stat(def, STAT_in) : NULL, *out = def ? find_stat(def, STAT_out) : NULL;
    bool moved = false;
    if (!in || !out || in->entries.at[0].shape.n != out->entries.at[0].shape.n)
        return false;
    const SynList *from = &in->entries.at[0].shape, *to = &out->entries.at[0].shape;
    for (int k = 0; k < from->n; k++) {
        if (!FIND(at, *to, at->kind == SYN_name && at->name == from->at[k]->name))
            return false;
        moved |= to->at[k]->name != from->at[k]->name;
    }
    return moved;
}

/* A layer along the last axis, with parameters, on an image: legal, and hardly ever meant. */
static void warn_last_axis(Walk *w, Scope *used, Tensor *x)
{
    Stat *in = find_stat(used->def, STAT_in);
    if (!in || x->rank != 4 || w->e->trial || !find_stat(used->def, STAT_param))
        return;
    const SynList *shape = &in->entries.at[0].shape;
    if (shape->n != 2 || shape->at[0]->kind != SYN_dots)
        return;
    if (FIND(layer, w->net->layers, reorders(layer->def)))
        return;
    report(used->call->place, DIAG_last_axis, used->def->name, shape_text(x), x->axis[3].size,
           used->use->words, x->axis[1].size * x->axis[2].size * x->axis[3].size,
           used->use->words);
}

static bool is_input(Elab *e, Str layer, Str name)
{
    const Entry *entry;
    EACH(def, e->library)
        for (int k = 0; name && def->name == layer && (entry = entry_in(def, k)); k++)
            if (entry->name == name)
                return true;
    return false;
}

/* Parts attention(4, m = h) into arguments and further inputs, which are names of
   results or of the data. */
static bool take_inputs(Elab *e, Call *call, ArgList *rest, NamedList *given)
{
    EACH(a, call->args) {
        if (!is_input(e, call->name, a.name)) {
            PUSH(*rest, a);
            continue;
        }
        const Str name = a.value->kind == SYN_name ? a.value->name : NULL;
        Tensor *t = name ? named(&e->as, name) : NULL;
        if (!t && !(t = name ? model_input(e, name) : NULL))
            return fail(e, a.place, DIAG_not_a_value, words_of(a.value));
        PUSH(*given, ((Named) { a.name, t }));
    }
    return true;
}

static Scope *apply_definition(Walk *w, Call *call, Tensor *x, Use *use, Str draws)
{
    Elab *e = w->e;
    ArgList args = { 0 };
    Wanted wanted = {
        .around = w->scope, .role = intern("layer"), .name = call->name, .args = &args,
        .draws = draws, .tied = w->tied,
    };
    Scope still = *w->scope;
    if (call->as && HAS(e->frozen, call->as)) {   /* a layer that has a name may be frozen by it */
        still.training = false;
        wanted.around = &still;
    }
    PUSH(wanted.in, x);
    Scope *used = take_inputs(e, call, &args, &wanted.given) ? instantiate(&wanted, use) : NULL;
    if (used) {
        used->around = w->scope;
        used->call = call;
        warn_last_axis(w, used, x);
    }
    return used;
}

/* Its result, and its scope in *layer. */
static Tensor *apply_layer(Walk *w, Call *call, Tensor *x, Scope **layer)
{
    const SynKind kind = call->args.n ? SYN_call : SYN_name;
    Syn words = { .kind = kind, .name = call->name, .args = call->args };
    const Str part = format("%s%d", call->name, count(w, call->name));
    Use *use = use_new(format("%s.%s", w->net->path, part), words_of(&words), call->place);
    Scope *s = scope_new(w->e, w->scope, NULL, use->path, use);
    *layer = s;
    s->draws = format("%s.%s", w->scope->draws, part);
    s->up = w->scope;
    s->call = call;
    s->input = x;
    for (int k = 0; k < NBLOCKS; k++)
        if (call->blocks.n && call->name == intern(blocks[k].name))
            return blocks[k].apply(w, call, x, s);
    if (find_definition(w->e, "layer", call->name)) {
        *layer = apply_definition(w, call, x, use, s->draws);
        return *layer ? (*layer)->result : NULL;
    }
    Tensor *y = apply_activation(w, call, x, s);
    if (y)
        return y;
    if (name_find(w->scope, call->name, NAME_net))
        return fail(w->e, call->place, DIAG_net_in_itself, call->name);
    return unknown_layer(w->e, call);
}

Tensor *walk_call(Walk *w, Call *call, Tensor *x)
{
    Elab *e = w->e;
    Name *net = name_find(w->scope, call->name, NAME_net);
    Scope *layer;
    Tensor *y;
    e->failed = 0;
    if (net && net->net != w->net) {
        y = apply_net(net->net, x, call->place);
        layer = scope_new(e, w->scope, NULL, net->net->path, NULL);
        layer->uses = net->net;
    } else {
        const int before = w->net->layers.n;
        y = apply_layer(w, call, x, &layer);
        if (y)
            layer->holds = call->braced ? w->net->layers.n - before : 0;
    }
    if (y && w->first && call->name != intern("repeat"))
        PUSH(w->net->layers, layer);
    name_result(e, call->as, y);
    return y;
}

Tensor *walk_block(Walk *w, Block *block, Tensor *x)
{
    for (int k = 0; x && k < block->n; k++)
        x = walk_call(w, block->at[k], x);
    return x;
}

/* ---- applying a net ------------------------------------------------------------------------- */
/* bottleneck z ~ gaussian(20, samples = 5) */
static Tensor *apply_latent(Walk *w, Syn *value, Tensor *x)
{
    Elab *e = w->e;
    ArgList args = { 0 };
    Wanted wanted = {
        .around = w->scope, .role = intern("latent"), .name = value->name, .args = &args,
        .draws = w->scope->draws,
    };
    e->failed = 0;
    EACH(a, value->args) {
        if (a.name != intern("samples"))
            PUSH(args, a);
        else if (e->want == WANT_sample && trains(w->scope) && !e->once)
            wanted.samples = size_of(e->root, a.value);
    }
    if (!find_definition(e, "latent", value->name)) {
        fail(e, value->place, DIAG_unknown_definition, "latent", value->name);
        suggest_definition(e, "latent", value->name);
        return NULL;
    }
    PUSH(wanted.in, x);
    Scope *s = instantiate(&wanted, use_new(w->net->path, words_of(value), value->place));
    if (s && w->first)
        PUSH(w->net->layers, s);
    return s ? s->result : NULL;
}

/* bottleneck z = code(32) */
static Tensor *apply_code(Walk *w, Syn *v, Tensor *x)
{
    Elab *e = w->e;
    Call *call = COPY(&((Call) { .name = v->name, .args = v->args, .place = v->place }));
    /* No view. */
    const bool layer = FIND(def, e->library, def->name == v->name && def->role == intern("layer"));
    const bool latent = !layer && find_definition(e, "latent", v->name);
    if (!latent && (v->kind == SYN_call || v->kind == SYN_name))
        return walk_call(w, call, x);
    fail(e, v->place, DIAG_not_a_layer);
    if (latent)
        report_help("`%s` is a latent and is drawn: `bottleneck %s ~ %s(8)`", v->name,
                    w->net->name, v->name);
    else if (v->kind == SYN_num)
        report_help("write `bottleneck %s = code(%s)`", w->net->name, number_text(v->num));
    return NULL;
}

Tensor *apply_net(Net *net, Tensor *x, Place place)
{
    Elab *e = net->within->e;
    Net *of = net, *whole = net, *outer = e->applying;
    while (of->kind == NET_copy && of->source)
        of = of->source;
    const size_t lead = outer && outer->copy_of ? strlen(outer->path) : 0;
    /* Of a layer of a copied net. */
    const bool part = lead && strncmp(net->path, outer->path, lead) == 0 && net->path[lead] == '.';
    if (net->kind != NET_copy && lead && !part) {    /* a net within a copied one is copied too */
        whole = net_new(e, NET_copy, net->name, format("%s.%s", outer->path, net->path),
                        net->within, place);
        whole->source = net;
    }
    whole->copy_of = part ? format("%s%s", outer->copy_of, net->path + lead)
        : whole->kind == NET_copy ? of->path : NULL;
    for (Net *up = outer; up; up = up->outer)
        if (up == whole)
            return fail(e, place, DIAG_net_in_itself, net->name);
    whole->applied++;
    Scope *scope = scope_new(e, of->within, NULL, whole->path, NULL);
    if (whole->applied > 1)
        scope->draws = format("%s@%d", whole->path, whole->applied);
    scope->up = of->within;
    scope->net = whole;
    if (whole->frozen || (outer && outer->frozen))
        scope->training = false;
    Walk w = { .e = e, .net = whole, .scope = scope, .first = whole->applied == 1 };
    const bool bottleneck = of->kind == NET_bottleneck && !of->block;
    whole->outer = outer;
    e->applying = whole;
    Tensor *y = of->block ? walk_block(&w, of->block, x)
              : bottleneck && of->decl->op == intern("~") ? apply_latent(&w, of->decl->value, x)
              : bottleneck ? apply_code(&w, of->decl->value, x)
              : of->kind == NET_decoder ? apply_mirror(&w, of->decl->call, x) : x;
    e->applying = outer;
    whole->outer = NULL;
    return y;
}

/* ---- names, before anything is applied ------------------------------------------------------ */
static void check_block(Elab *e, Block *block, const StrList *local)
{
    for (int k = 0; block && k < block->n; k++) {
        Call *call = block->at[k];
        e->failed = 0;
        if (!HAS(*local, call->name) && !name_find(e->root, call->name, NAME_net)
            && !(call->braced && call->blocks.n) && builtin_op(call->name) < 0
            && !find_definition(e, "layer", call->name) && !find_function(e->root, call->name))
            unknown_layer(e, call);
        EACH(inner, call->blocks)
            check_block(e, inner, local);
    }
}

void check_layers(Elab *e)
{
    EACH(d, e->file->decls) {
        StrList local = { 0 };
        EACH(st, d->body)
            if (st->name)
                PUSH(local, st->name);
        if (d->kind != DECL_evaluate)
            check_block(e, d->block, &local);
        if (d->kind == DECL_task)
            EACH(st, d->body)
                check_block(e, st->block, &local);
    }
}

/* ---- the model's own values ----------------------------------------------------------------- */
Tensor *model_input(Elab *e, Str name)
{
    EACH_AT(in, e->m->inputs)
        if (in->name == name) {
            PUSH_NEW(e->p->inputs, in->tensor);
            return in->tensor;
        }
    return NULL;
}

Tensor *has_label(Elab *e, Str name)
{
    const Input *of = FIND_AT(in, e->m->inputs, in->name == name);
    return of ? of->has : NULL;
}

Tensor *model_seen(Elab *e)
{
    Decl *corrupt = find_decl(e, DECL_corrupt);
    const Str seen = intern("x~"), x = corrupt ? corrupt->name : e->m->inputs.at[0].name;
    Tensor *t = named(&e->as, seen);
    if (t || !(t = model_input(e, x)))
        return t;
    if (corrupt && (e->training || e->corrupting)) {
        Net *views = net_new(e, NET_block, intern("corrupt"), intern("corrupt"), e->root,
                             corrupt->place);
        views->block = corrupt->block;
        t = apply_net(views, t, corrupt->place);
    }
    name_result(e, seen, t);
    return t;
}

static Tensor *result_of(Net *net, Tensor *x)
{
    if (!net)
        return x;
    if (!net->result && x)
        net->result = apply_net(net, x, net->place);
    return net->result;
}

Tensor *model_result(Elab *e, Str name)
{
    Tensor *h = result_of(e->encoder, model_seen(e));
    if (name == intern("encoder"))
        return e->encoder ? h : NULL;
    Tensor *z = result_of(e->bottleneck, h);
    if (name == intern("z") || (e->bottleneck && name == e->bottleneck->name))
        return z;
    if (name == intern("decoder"))
        return result_of(e->decoder, z);
    if (!named(&e->as, name) && e->decoder)
        result_of(e->decoder, z);
    return named(&e->as, name);
}

Scope *producer_of(Elab *e, Tensor *t)
{
    Scope *found = NULL;
    EACH_AT(p, e->producers)
        if (p->tensor == t)
            found = p->scope;
    return found;
}
