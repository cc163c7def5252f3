/* models.c -- a random model that the language allows, and its data.
 *
 *     models ROUND FOLDER
 *
 * writes FOLDER/model.ae and what it reads.  Both depend on ROUND alone. */
#define _GNU_SOURCE
#include "draw.h"
#include "models.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers and text --------------------------------------------------------------------------------- */
int below(int n) { return n > 1 ? (int) (draw() % (uint64_t) n) : 0; }
int between(int least, int most) { return least + below(most - least + 1); }
bool one_in(int n) { return below(n) == 0; }

static FILE *model, *definitions, *text;        /* text: which of the two is written */

void put(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(text, format, args);
    va_end(args);
}

void begin_definition(void) { text = definitions; }
void end_definition(void) { text = model; }

/* ---- shapes ------------------------------------------------------------------------------------------- */
enum { REAL = VECTOR | STEPS | IMAGE, LARGEST = 12 };

static Shape shape(Kind kind, int a, int b, int c)
{
    return (Shape) { .kind = kind, .rank = 1 + (b > 0) + (c > 0), .size = { a, b, c } };
}

static int count(const Shape *s)
{
    int n = 1;
    for (int k = 0; k < s->rank; k++)
        n *= s->size[k];
    return n;
}

static bool same(const Shape *a, const Shape *b)
{
    return a->kind == b->kind && a->rank == b->rank && !memcmp(a->size, b->size, sizeof a->size) && a->ragged == b->ragged;
}

/* ---- layers: each puts itself and says what comes out; false: it does not fit, and nothing was put --------------- */
static bool mirrored;           /* whether all layers so far have a mirror */
static bool learns;             /* whether one of them has parameters */

static bool act(Shape *s)
{
    (void) s;
    put("%s", PICK("tanh", "sigmoid", "softplus", "gelu", "swish", "mish", "sin", "relu", "selu", "softsign", "linear", "elu",
                   "leaky_relu(0.2)", "elu(0.5)", "sine(2)", "tanh", "softmax", "layernorm", "unit_length", "softmax", "erf"));
    return true;
}

static bool drop(Shape *s)
{
    (void) s;
    put("%s", PICK("dropout(0.3)", "dropout", "soft_threshold(0.05)"));
    return true;
}

static bool norm(Shape *s)
{
    if (s->ragged)
        return false;
    put("%s", PICK("batchnorm", "batchnorm(momentum = 0.3)"));
    return true;
}

static bool dense(Shape *s)
{
    int *last = &s->size[s->rank - 1];
    *last = one_in(4) ? between(20, 40) : between(2, 9);
    put("dense(%d)", *last);
    return learns = true;
}

static bool keep_few(Shape *s)
{
    put("top_k(%d)", between(1, s->size[0]));
    return true;
}

static bool own(Shape *s)
{
    own_layer(s);
    mirrored = false;
    return learns = true;
}

static bool convolve(Shape *s)
{
    const int kernel = between(1, 4), stride = between(1, 3), pad = below(kernel);
    const int h = s->size[1] + 2 * pad - kernel, w = s->size[2] + 2 * pad - kernel;
    if (h < 0 || w < 0)
        return false;
    *s = shape(IMAGE, between(1, 5), h / stride + 1, w / stride + 1);
    put("conv(%d, kernel = %d, stride = %d, pad = %d)", s->size[0], kernel, stride, pad);
    return learns = true;
}

static bool stamp(Shape *s)
{
    const int kernel = between(1, 4), stride = between(1, 3), pad = below(kernel), more = below(stride), wider = one_in(3) ? below(stride) : more;
    const int h = stride * (s->size[1] - 1) + kernel - 2 * pad + more, w = stride * (s->size[2] - 1) + kernel - 2 * pad + wider;
    if (h < 1 || w < 1 || h > LARGEST || w > LARGEST)
        return false;
    *s = shape(IMAGE, between(1, 4), h, w);
    put("conv_transpose(%d, %d, stride = %d, pad = %d, output_pad = %d, output_pad_w = %d)", s->size[0], kernel, stride, pad, more, wider);
    return learns = true;
}

static bool pool(Shape *s)
{
    const int kernel = between(1, 3), stride = between(1, 3), pad = below(kernel);
    const int h = s->size[1] + 2 * pad - kernel, w = s->size[2] + 2 * pad - kernel;
    if (h < 0 || w < 0)
        return false;
    *s = shape(IMAGE, s->size[0], h / stride + 1, w / stride + 1);
    put("%s(%d, stride = %d, pad = %d)", PICK("max_pool", "average_pool"), kernel, stride, pad);
    return true;
}

static bool enlarge(Shape *s)
{
    if (s->size[1] * 2 > LARGEST || s->size[2] * 2 > LARGEST)
        return false;
    *s = shape(IMAGE, s->size[0], 2 * s->size[1], 2 * s->size[2]);
    put("upsample(2, kind = %s)", below(2) ? "bilinear" : "nearest");
    return true;
}

static bool resize(Shape *s)
{
    *s = shape(IMAGE, s->size[0], between(1, 9), between(1, 9));
    put("resize(%d, %d)", s->size[1], s->size[2]);
    return true;
}

static bool turn(Shape *s)
{
    const bool last = one_in(2);
    *s = last ? shape(IMAGE, s->size[1], s->size[2], s->size[0]) : shape(IMAGE, s->size[2], s->size[0], s->size[1]);
    put("%s", last ? "channels_last" : "channels_first");
    return true;
}

static bool global(Shape *s)
{
    *s = shape(VECTOR, s->size[0], 0, 0);
    put("global_pool");
    return mirrored = false, true;
}

static bool flatten(Shape *s)
{
    if (s->ragged)
        return false;
    *s = shape(VECTOR, count(s), 0, 0);
    put("flatten");
    return true;
}

static bool fold(Shape *s)
{
    for (int k = between(2, 5); k > 1; k--)
        if (!s->ragged && s->kind != IMAGE && count(s) % k == 0) {
            *s = shape(STEPS, k, count(s) / k, 0);
            put("reshape(%d, %d)", s->size[0], s->size[1]);
            return true;
        }
    return false;
}

static bool recur(Shape *s)
{
    s->size[1] = between(1, 7);
    put("%s(%d)", PICK("lstm", "gru"), s->size[1]);
    return learns = true;
}

static bool attend(Shape *s)
{
    const int heads = between(1, 3);
    if (s->size[1] % heads)
        return false;
    put("attention(%d, causal = %d)", heads, below(2));
    return learns = true;
}

static bool place(Shape *s)
{
    const bool learnt = one_in(2);
    (void) s;
    put("%s", learnt ? "positions" : "wave_positions");
    learns |= learnt;
    return true;
}

static bool condense(Shape *s)
{
    const bool ragged = s->ragged;
    *s = shape(VECTOR, s->size[1], 0, 0);
    put("%s", PICK("last", "mean_time"));
    return mirrored &= !ragged, true;
}

static bool transpose(Shape *s)
{
    if (s->ragged)
        return false;
    *s = shape(STEPS, s->size[1], s->size[0], 0);
    put("transpose");
    return true;
}

static bool embed(Shape *s)
{
    const int d = between(2, 6);
    put("embedding(%d)", d);
    *s = (Shape) { .kind = STEPS, .rank = 2, .size = { s->size[0], d }, .ragged = s->ragged };
    mirrored = false;
    return learns = true;
}

static bool number(Shape *s)
{
    *s = shape(IMAGE, s->size[0], s->size[1], s->size[2]);
    put("intensity");
    return true;
}

static bool residual(Shape *s);
static bool repeat(Shape *s);
static bool concat(Shape *s);
static bool stem(Shape *s);

static const struct { int kinds, weight; bool (*put)(Shape *); } layers[] = {
    { REAL,           8, act },       { REAL,           1, drop },      { REAL,           1, norm },      { REAL,           4, own },
    { VECTOR | STEPS, 4, dense },     { VECTOR,         1, keep_few },  { IMAGE,          6, convolve },  { IMAGE,          3, stamp },
    { IMAGE,          3, pool },      { IMAGE,          1, enlarge },   { IMAGE,          1, resize },    { IMAGE,          1, turn },
    { IMAGE,          1, global },    { STEPS | IMAGE,  1, flatten },   { VECTOR | STEPS, 1, fold },      { STEPS,          3, recur },
    { STEPS,          3, attend },    { STEPS,          1, place },     { STEPS,          1, condense },  { STEPS,          1, transpose },
    { WORDS,          1, embed },     { LEVELS,         1, number },    { REAL,           2, residual },  { VECTOR | STEPS, 1, repeat },
    { REAL,           1, concat },    { VECTOR,         1, stem },
};
enum { LAYERS = sizeof layers / sizeof *layers };

static void layer(Shape *s)
{
    for (;;) {
        const int k = below(LAYERS);
        if ((layers[k].kinds & (int) s->kind) && below(8) < layers[k].weight && layers[k].put(s)) {
            put(" ");
            return;
        }
    }
}

static void block(Shape *s, int n)
{
    while (n-- > 0)
        layer(s);
}

/* Back to a shape of the same kind, or else to that of a vector. */
static void bring(Shape *s, const Shape *to)
{
    if (same(s, to))
        return;
    if (s->kind == to->kind && s->kind == IMAGE) {
        if (s->size[1] != to->size[1] || s->size[2] != to->size[2])
            put("resize(%d, %d) ", to->size[1], to->size[2]);
        put("conv(%d, 3, pad = 1) ", to->size[0]);
    } else if (s->kind == to->kind && s->kind == STEPS && s->size[0] == to->size[0] && s->ragged == to->ragged)
        put("dense(%d) ", to->size[1]);
    else {
        if (s->kind != VECTOR)
            put("%s ", s->ragged ? "mean_time" : "flatten");
        if (to->ragged)
            put("at_each_step dense(%d) ", to->size[1]);
        else if (to->kind == STEPS && one_in(2))
            put("repeat_time(%d) %s(%d) dense(%d) ", to->size[0], PICK("lstm", "gru"), between(2, 5), to->size[1]);
        else if (to->kind == VECTOR)
            put("dense(%d) ", count(to));
        else {
            put("dense(%d) reshape(%d, %d", count(to), to->size[0], to->size[1]);
            if (to->rank > 2)
                put(", %d", to->size[2]);
            put(") ");
        }
    }
    learns = true;
    *s = *to;
}

static bool residual(Shape *s)
{
    Shape inner = *s;
    if (s->ragged)
        return false;
    put("residual { ");
    block(&inner, between(1, 2));
    bring(&inner, s);
    put("}");
    return true;
}

static bool repeat(Shape *s)
{
    const int units = s->size[s->rank - 1];
    put("repeat(%d) { dense(%d) %s }", between(1, 3), units, PICK("tanh", "gelu", "sigmoid"));
    return learns = true;
}

static bool concat(Shape *s)
{
    Shape all = *s;
    if (s->ragged)
        return false;
    put("concat { ");
    for (int k = between(2, 3), first = 1; k > 0; k--, first = 0) {
        Shape inner = *s;
        put("{ ");
        block(&inner, 1);
        bring(&inner, s);
        put("} ");
        all.size[0] = first ? s->size[0] : all.size[0] + s->size[0];
    }
    put("}");
    *s = all;
    mirrored = false;
    return true;
}

static int stems;               /* nets by name, each for vectors of one length */

static bool stem(Shape *s)
{
    const int k = stems++;
    put("stem%d dense(%d) stem%d", k, s->size[0], k);
    begin_definition();
    put("\nnet stem%d { dense(%d) %s }\n", k, s->size[0], PICK("tanh", "gelu", "sigmoid as stemmed"));
    end_definition();
    return learns = true;
}

/* ---- data --------------------------------------------------------------------------------------------- */
enum { FEWEST = 18 };

static const char *folder;
static int rows;

static FILE *file(const char *name)
{
    char path[4000];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (!f) {
        perror(path);
        exit(2);
    }
    return f;
}

/* Real numbers in 0..1, or whole ones; `least`: of labels that are -1 and 1. */
static void write_array(const char *name, const Shape *s, int of, bool signs)
{
    FILE *f = file(name);
    char head[200];
    int n = snprintf(head, sizeof head, "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, count(s));
    fwrite("\x93NUMPY\1\0\x76\0", 1, 10, f);
    fprintf(f, "%s%*s\n", head, 117 - n, "");
    for (int r = 0; r < rows; r++) {
        const int steps = s->ragged ? between(1, s->size[0]) : s->size[0], step = count(s) / s->size[0];
        for (int k = 0; k < count(s); k++) {
            float v = of ? (float) below(of) : (float) below(1000) / 1000;
            v = k >= steps * step ? (of ? -1 : NAN) : signs ? 2 * v - 1 : v;
            fwrite(&v, sizeof v, 1, f);
        }
    }
    fclose(f);
}

typedef struct { const char *kind; Shape shape; int of; bool signs; } Label;

static Shape input(void)
{
    static const Kind kinds[] = { VECTOR, VECTOR, STEPS, STEPS, IMAGE, IMAGE, IMAGE, WORDS, LEVELS };
    const Kind kind = kinds[below(sizeof kinds / sizeof *kinds)];
    Shape s = kind == VECTOR ? shape(kind, between(2, one_in(3) ? 40 : 12), 0, 0)
            : kind == STEPS ? shape(kind, between(2, 7), between(1, 5), 0)
            : kind == WORDS ? shape(kind, between(2, 6), 0, 0) : shape(kind, between(1, 3), between(3, 9), between(3, 9));
    if (s.rank == 3 && one_in(2))
        s.size[2] = s.size[1];
    s.of = kind == WORDS ? between(4, 9) : kind == LEVELS ? between(2, 5) : 0;
    s.ragged = (kind == WORDS || kind == STEPS) && one_in(3);
    put("\ninput x : ");
    if (kind == VECTOR)
        put("vector(%d)\n", s.size[0]);
    else if (kind == STEPS || kind == WORDS)
        put("%s(%s%d, %d)\n", kind == STEPS ? "sequence" : "tokens", s.ragged ? ".." : "", s.size[0], kind == STEPS ? s.size[1] : s.of);
    else {
        put("image(%d, %d, %d", s.size[0], s.size[1], s.size[2]);
        if (kind == LEVELS)
            put(", levels = %d", s.of);
        put(")\n");
    }
    return s;
}

/* Another input, which own layers of the encoder read by its name. */
static int second_input(void)
{
    const int columns = one_in(5) ? between(1, 4) : 0;
    if (columns)
        put("input c : vector(%d)\n", columns);
    return columns;
}

static Label label(void)
{
    const int k = between(2, 5), size = between(2, 4);
    Label l[] = {
        { "class", shape(VECTOR, 1, 0, 0), k, 0 },     { "labels", shape(VECTOR, k, 0, 0), 2, one_in(2) },
        { "real", shape(VECTOR, k, 0, 0), 0, 0 },      { "classmap", shape(IMAGE, 1, size, size), k, 0 },
        { "tokens", shape(WORDS, size, 0, 0), 5, 0 },
    };
    const Label y = l[below(sizeof l / sizeof *l)];
    if (!strcmp(y.kind, "classmap"))
        put("label y : classmap(%d, %d, %d)\n", k, size, size);
    else if (!strcmp(y.kind, "tokens"))
        put("label y : tokens(%d, 5)\n", size);
    else
        put("label y : %s(%d)\n", y.kind, k);
    return y;
}

static void data(const Shape *x, int columns, const Label *y)
{
    rows = between(FEWEST, 90);
    write_array("x.npy", x, x->of, false);
    if (columns) {
        const Shape c = shape(VECTOR, columns, 0, 0);
        write_array("c.npy", &c, 0, false);
    }
    if (y)
        write_array("y.npy", &y->shape, y->of, y->signs);
    put("\ndata {\n    train = npy(\"x.npy\"%s%s)\n    test = 0.2\n", columns ? ", \"c.npy\"" : "", y ? ", \"y.npy\"" : "");
    if (one_in(4))
        put("    validation = 0.2\n");
    if (one_in(4) && !x->of && !x->ragged && !columns)
        put("    scale = %s\n", x->kind == VECTOR ? PICK("0..1", "standard") : "0..1");
    put("}\n");
}

/* ---- the autoencoder ---------------------------------------------------------------------------------- */
static bool has_kl, has_density, likely, samples, named, quantised;
static int units, named_units;  /* of the code, of what `as h` names */
static const char *code;        /* how the code is called */

static void encoder(const Shape *x, bool sigmoid)
{
    Shape s = *x;
    mirrored = true;
    learns = named = false;
    put("\nencoder { ");
    if (x->kind == WORDS)
        embed(&s), put(" ");
    if (x->kind == LEVELS)
        number(&s), put(" ");
    block(&s, below(4));
    if (s.kind != VECTOR)
        put(s.kind == STEPS ? "%s " : "flatten ", s.ragged ? PICK("last", "mean_time") : "flatten");
    mirrored &= !s.ragged;
    s = shape(VECTOR, s.ragged ? s.size[1] : count(&s), 0, 0);
    if (!learns || s.size[0] > 60)
        dense(&s), put(" ");
    if ((named = sigmoid || one_in(3))) {
        put("%s as h ", sigmoid ? "sigmoid" : PICK("tanh", "sigmoid"));
        named_units = s.size[0];
    }
    put("}\n");
    units = s.size[0];
}

static void bottleneck(void)
{
    static const struct { const char *name, *rest; bool samples; } kinds[] = {
        { "gaussian", "", 1 },          { "gaussian", ", sd = 0.7", 1 },  { "gaussian_logsd", "", 1 }, { "gaussian_softplus", "", 1 },
        { "gaussian_full", "", 1 },     { "gaussian_mixture", ", 3", 1 }, { "vamp", ", 4", 1 },        { "vmf", "", 0 },
        { "categorical", "", 0 },       { "categorical", ", temperature = 0.7, hard = 0", 0 },         { "bernoulli", ", p = 0.3", 0 },
        { "own_latent", "", 1 },          { NULL, "", 1 },                  { NULL, "", 1 },
    };
    code = "z";
    has_kl = has_density = samples = quantised = false;
    const int way = below(10), features = units;
    units = between(2, 6);
    if (way == 0) {
        code = "encoder";
        units = features;
    } else if (way == 1) {
        put("bottleneck z = { dense(%d) %s }\n", units, PICK("tanh", "layernorm", "sigmoid"));
    } else if (way < 4)
        put("bottleneck z = code(%d)\n", units);
    else if (way == 4) {
        units = features;
        put("bottleneck z ~ vq(%d, %d)\n", between(2, 6), units);
        quantised = true;
    } else {
        const int k = below(sizeof kinds / sizeof *kinds);
        put("bottleneck z ~ ");
        if (kinds[k].name)
            put("%s", kinds[k].name);
        else
            own_latent(features), mirrored = false;
        put("(%d%s", units, kinds[k].rest);
        if ((samples = kinds[k].samples && one_in(3)))
            put(", samples = %d", between(2, 3));
        put(")\n");
        has_density = !strncmp(kinds[k].name ? kinds[k].name : "", "gaussian", 8);
        has_kl = true;
    }
    mirrored &= !quantised && !samples;
}

/* What the decoder gives, and how it is compared; plain: it has the shape of x. */
static void decode(const Shape *x, bool plain)
{
    static const struct { const char *how; int kinds, times; } ways[] = {
        { "~ gaussian", REAL, 1 }, { "~ gaussian(sd = 0.5)", REAL, 1 }, { "~ gaussian_shared", REAL, 1 }, { "~ laplace", REAL, 1 },
        { "~ bernoulli", REAL, 1 }, { "~ gaussian_learnt", VECTOR | IMAGE, 2 }, { "by mse", REAL, 1 }, { "by mae", REAL, 1 },
        { "by huber(delta = 0.2)", REAL, 1 }, { "by sse", REAL, 1 }, { "~ categorical", WORDS | LEVELS, 0 }, { "~ own_likelihood", REAL, 1 },
        { "~ multinomial", VECTOR, 1 },
    };
    int k = below(sizeof ways / sizeof *ways);
    while (!(ways[k].kinds & (int) x->kind) || (plain && ways[k].times != 1) || (x->ragged && ways[k].times == 2))
        k = below(sizeof ways / sizeof *ways);
    if (x->ragged && x->kind == STEPS && !strncmp(ways[k].how, "~ gaussian_l", 12))
        k = 0;
    if (mirrored && ways[k].times == 1 && one_in(2))
        put("decoder mirror%s\n", one_in(4) ? "(tied = true)" : "");
    else {
        Shape s = shape(VECTOR, units, 0, 0), to = *x;
        to.kind = x->kind == WORDS ? STEPS : x->kind == LEVELS ? IMAGE : x->kind;
        to.of = 0;
        if (x->kind == WORDS)
            to.rank = 2, to.size[1] = x->of;
        else
            to.size[0] *= x->kind == LEVELS ? x->of : ways[k].times;
        put("decoder { ");
        block(&s, below(3));
        if (s.ragged || (s.kind != VECTOR && to.ragged))
            put("flatten "), s = shape(VECTOR, count(&s), 0, 0);
        if (same(&s, &to))
            put("dense(%d) ", s.size[s.rank - 1]);
        bring(&s, &to);
        put("}\n");
    }
    put("\nreconstruct x %s\n", ways[k].how);
    likely = *ways[k].how == '~';
}

/* ---- what else is added to the loss ------------------------------------------------------------------- */
static const char *weight(void)
{
    return PICK("", " * 0.3", " * ramp(0 -> 1, epochs = 2)", " * cycle(0 -> 0.5, epochs = 2)", " * 0.01", " * (0.1 + 0.2)");
}

static void regularize(const Shape *x)
{
    put("\nregularize {\n");
    if (has_kl && !one_in(4))
        put("    kl(z)%s as price\n", weight());
    if (quantised)
        put("    commit(z)%s\n", weight());
    if (named && one_in(2))
        put("    %s%s\n", PICK("l1(h)", "l2(h)", "sparse(h)", "sparse_running(h)", "sparse_data(h)", "decorrelate(h)", "spread(h)"), weight());
    if (one_in(4))
        put("    %s%s\n", PICK("l1(weights)", "l2(weights)", "l2(params(encoder))"), weight());
    if (!samples && !quantised && x->kind != WORDS && x->kind != LEVELS && one_in(6))
        put("    contractive(%s)%s\n", code, weight());
    if (!samples && one_in(6))
        put("    mmd(%s)%s\n", code, weight());
    if (!samples && one_in(2)) {
        put("    ");
        (one_in(3) ? own_loss_of_batch : own_loss)(units);
        put("(%s) * 0.1\n", code);
    }
    if (named && one_in(2)) {
        put("    ");
        (one_in(3) ? own_loss_of_batch : own_loss)(named_units);
        put("(h)%s\n", weight());
    }
    put("}\n");
}

static void views(const Shape *x)
{
    for (int k = between(1, 3); k > 0; k--) {
        if (one_in(4))
            own_view(x);
        else if (x->kind == IMAGE && !one_in(3))
            put("%s", PICK("crop(0.6..1)", "flip(0.5)", "flip_up(0.3)", "turn(-30..30)", "shift(1)", "erase(1..2)", "erase(2..3, value = 0.5)",
                           "blur(sd = 0.7, radius = 1)", "grey(0.5)"));
        else
            put("%s", PICK("noise(0.1)", "gaussian(0.2)", "mask(0.2)", "salt_pepper(0.1)", "keep(0.1..0.9)", "invert(0.3)", "brightness(0.2)", "contrast(0.3)"));
        put(" ");
    }
}

/* Views, nets, copies and updates of a task that no one has defined. */
static const char *own_task(const Shape *x, bool decoder)
{
    const int width = between(2, 5);
    const bool looked = !x->of && !x->ragged, follows = one_in(2), again = decoder && !samples && *code == 'z' && one_in(2);
    if (looked) {
        put("\naugment glances { ");
        views(x);
        put("}\n");
    }
    put("\npretext mine(weight = 0.3) {\n");
    put("    let a = %s\n", looked ? "glances(x)" : "x");
    put("    net online { encoder dense(%d) %s }\n", width, PICK("tanh", "layernorm", "gelu", "batchnorm", "unit_length"));
    if (follows)
        put("    net slow = copy(online)\n");
    if (again)
        put("    let b = decoder(z(encoder(a)))\n");
    put("    let p = online(a)\n    minimize %s(p, %s)\n", PICK("mse", "cosine_distance", "sse"), follows ? "slow(x)" : "stop(online(x))");
    if (again)
        put("    minimize %s(b, x) * 0.1\n", PICK("mse", "sse"));
    put("    minimize ");
    (one_in(3) ? own_loss_of_batch : own_loss)(width);
    put("(p)%s\n", PICK(" * 0.1", " * 0.3 + 0.1 * l2(p)", ""));
    if (follows)
        put("    params(slow)[i] := 0.9 * params(slow)[i] + %s\n", PICK("0.1 * params(online)[i]", "0.1 * tanh(params(online)[i])"));
    if (one_in(3))
        put("    weights(online)[i] := %s\n", PICK("shrink(weights(online)[i], 1e-4)", "0.999 * weights(online)[i]"));
    put("}\n");
    return "mine";
}

/* The name of the task; NULL: there is none. */
static const char *pretext(const Shape *x, bool decoder)
{
    const bool image = x->kind == IMAGE, square = image && x->size[1] == x->size[2];
    const bool even = image && x->size[1] % 2 == 0 && x->size[2] % 2 == 0;
    static char name[40];
    const char *one;
    if (samples && has_density && likely && one_in(2)) {
        put("\npretext bound {\n    minimize iwae(nll(x), logq(z), logp(z))\n}\n");
        return "bound";
    }
    if (x->of || x->ragged || one_in(3))
        return own_task(x, decoder);
    if (square && one_in(3))
        one = PICK("rotation(turns = 4)", "rotation(turns = 2, weight = 0.5)");
    else if (even && one_in(3))
        one = decoder ? PICK("puzzle()", "sharpen(factor = 2)") : "puzzle()";
    else if (image && one_in(3))
        one = decoder ? PICK("inpaint(side = 1..3)", "colourize()") : "jepa(side = 1..2, width = 5, units = 3)";
    else {
        put("\naugment looks { ");
        views(x);
        put("}\n");
        one = PICK("simclr(looks, width = 5, units = 4)", "byol(looks, width = 5, units = 3)", "simsiam(looks, width = 6, units = 3)",
                   "momentum_contrast(looks, width = 5, units = 3, keys = 17)", "vicreg(looks, width = 5, units = 3, weight = 0.1)",
                   "barlow_twins(looks, width = 4, units = 3)", "dino(looks, width = 4, units = 3)");
    }
    put("\npretext %s\n", one);
    snprintf(name, sizeof name, "%.*s", (int) strcspn(one, "("), one);
    return name;
}

static void downstream(const Label *y)
{
    const char *how = !strncmp(y->kind, "class", 5) || y->shape.kind == WORDS ? "~ categorical" : y->of
                    ? (y->signs ? "~ logistic" : "~ bernoulli") : PICK("~ gaussian", "~ laplace", "~ gaussian_shared", "by mse", "by huber");
    put("\ndownstream task(weight = 0.5) {\n    net head { ");
    if (y->shape.kind == WORDS)
        put("dense(%d) tanh lstm_decoder(%d, words = 4) ", units, units);
    else {
        const int n = count(&y->shape) * (!strcmp(how, "~ categorical") ? y->of : 1);
        if (one_in(2))
            put("dense(%d) %s ", between(2, 6), PICK("tanh", "gelu", "layernorm"));
        put("dense(%d) ", n);
        if (y->shape.kind == IMAGE)
            put("reshape(%d, %d, %d) ", y->of, y->shape.size[1], y->shape.size[2]);
    }
    put("}\n    predict y %s(head(%s))\n", how, code);
    if (!strcmp(y->kind, "class") && !samples && one_in(3))
        put("    minimize %s(%s, y) * 0.1\n", PICK("triplet", "contrastive"), code);
    put("}\n");
}

/* ---- phases ------------------------------------------------------------------------------------------- */
/* A small eps makes as much of the rounding of a gradient that is 0, as that of a bias before batchnorm, as of any other. */
static void phase(const char *name, const char *minimize, const char *freeze)
{
    put("\ntrain%s {\n", name);
    put("    optimizer = %s\n", PICK("adam(lr = 1e-3, eps = 1e-3)", "sgd(lr = 1e-4)", "sgd(lr = 1e-4, momentum = 0.9, nesterov = 1)",
                                    "adamw(lr = 1e-3, decay = 0.1, eps = 1e-3)", "rmsprop(lr = 1e-3, eps = 1e-3)", "adagrad(lr = 1e-3, eps = 1e-3)",
                                    "own_optimizer(lr = 1e-3)", "rmsprop(lr = 1e-3, momentum = 0.5, eps = 1e-3)"));
    const int batch = one_in(3) ? between(1, 9) : between(5, 70);
    if (one_in(8))
        put("    batch = all\n");
    else
        put("    batch = %d\n", batch);
    put("    epochs = %d\n    seed = %d\n", between(1, 3), below(9));
    if (one_in(3))
        put("    schedule = %s\n", PICK("cosine(warmup = 1)", "linear_decay(end = 0.1)", "step_decay(every = 1)", "exponential_decay(0.9)", "warmup(2)"));
    if (one_in(3))
        put("    clip = %s\n", PICK("0.1", "1", "5"));
    if (one_in(5))
        put("    accumulate = %d\n", between(2, 3));
    else if (one_in(6) && batch <= FEWEST / 2)
        put("    drop_last = 1\n");
    if (*minimize)
        put("    minimize = [%s]\n", minimize);
    if (*freeze)
        put("    freeze = [%s]\n", freeze);
    put("}\n");
}

static const char *const own_definitions = "\n\
def bend(u) = u + sin(2 * u) / 2\n\
def length(i) u = sqrt(0.1 + sum(i) u^2)\n\
def spread_of(i) u = sqrt(0.1 + mean(i) (u - mean(i) u)^2)\n\
def bump(u) = exp(-u^2) grad -2 * u * exp(-u^2)\n\
\n\
likelihood own_likelihood {\n    in m[n, ..]\n    target x[n, ..]\n\
    nll[n, ..] = log(1 + (x[n, ..] - m[n, ..])^2)\n    mean p[n, ..] = m[n, ..]\n    sample c[n, ..] = m[n, ..] + normal()\n}\n\
\n\
latent own_latent(units) {\n    in x[n, k]\n    mirror dense(k)\n    net mu(x) { dense(units) }\n\
    sample z[n, j] = mu[n, j] + 0.5 * (uniform() - 0.5)\n    mean z[n, j] = mu[n, j]\n    prior z[n, j < units] = 2 * uniform() - 1\n\
    term kl[n, j] = max(abs(mu[n, j]) - 0.5, 0)^2\n}\n\
\n\
optimizer own_optimizer(lr = 1e-2) {\n    param p[..]\n    grad g[..]\n    state m[..] = 0\n\
    m[..] := 0.5 * m[..] + g[..]\n    p[..] := p[..] - lr * tanh(m[..])\n}\n\
\n\
layer at_each_step {\n    in s[n, k], x[n, t, d]\n    out y[n, t, k]\n    y[n, t, j] = s[n, j]\n}\n\
\n\
layer at_each_step {\n    in s[n, k], x[n, t] of vocab\n    out y[n, t, k]\n    y[n, t, j] = s[n, j]\n}\n";

static void phases(const char *task, const char *label)
{
    char all[140];
    snprintf(all, sizeof all, "reconstruct%s%s%s%s", task ? ", " : "", task ? task : "", label ? ", " : "", label ? label : "");
    phase("", one_in(2) ? "" : all, "");
    if (label && one_in(2))
        phase(" probe", label, strcmp(code, "z") ? "encoder" : PICK("encoder, z", "encoder", ""));
    if (one_in(4))
        phase(" again", "reconstruct", strcmp(code, "z") ? "encoder" : PICK("encoder", "encoder, z", "z"));
    if (task && one_in(3))
        phase(" look", task, "");
}

static void write_model(const char *round)
{
    text = model;
    put("# round %s\nae 1\nmodel random\n", round);
    const Shape x = input();
    const int columns = second_input();
    const bool labelled = one_in(3);
    const Label y = labelled ? label() : (Label) { .kind = "" };
    data(&x, columns, labelled ? &y : NULL);
    beside = columns;
    encoder(&x, one_in(4));
    beside = 0;
    bottleneck();
    const bool whole = x.of > 0, images = !whole && one_in(4);
    decode(&x, images);
    if (!whole && !x.ragged && one_in(3)) {
        put("\ncorrupt x { ");
        views(&x);
        put("}\n");
    }
    regularize(&x);
    const char *task = one_in(3) ? pretext(&x, images) : NULL;
    if (labelled)
        downstream(&y);
    phases(task, labelled ? "task" : NULL);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: models ROUND FOLDER\n", stderr);
        return 2;
    }
    counter = strtoull(argv[1], NULL, 10) * 0x2545f4914f6cdd1du;
    folder = argv[2];
    char *more = NULL;
    size_t length;
    model = file("model.ae");
    definitions = open_memstream(&more, &length);
    write_model(argv[1]);
    fclose(definitions);
    fprintf(model, "%s%s", own_definitions, more);
    free(more);
    return fclose(model) != 0;
}
