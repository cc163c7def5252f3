/* new.c -- `aec new NAME --from TEMPLATE`: a started file, from one table of templates.
 *
 * Every template is a whole program on data that ships with aec, so that the first `aec run` works. */
#define _GNU_SOURCE
#include "commands.h"
#include <ctype.h>
#include <unistd.h>

#define DIGITS "input x : image(1, 8, 8)            # what the model sees: 8 x 8 pixels\n"
#define DATA \
    "\ndata {\n" \
    "    train = digits()                # 1,797 real digits that ship with aec; `aec doc idx`, `csv`, `png` for yours\n" \
    "    scale = 0..1                    # pixels to 0..1\n" \
    "}\n"
#define TRAIN(rate, epochs) \
    "\ntrain {\n" \
    "    optimizer = adam(lr = " rate ")\n" \
    "    batch = 64\n" \
    "    epochs = " epochs "\n" \
    "}\n"

static const struct { const char *name, *does, *next, *text; } templates[] = {
    { "vae", "a variational autoencoder: codes to sample from", "sample -o digits.png",
      DIGITS DATA
      "\nencoder { flatten dense(128) relu }\n"
      "bottleneck z ~ gaussian(8)          # a mean and a deviation for each of 8 units; z is drawn\n"
      "decoder { dense(128) relu dense(64) reshape(1, 8, 8) }\n"
      "\nreconstruct x ~ bernoulli           # the decoder gives logits; nats per example\n"
      "regularize { kl(z) }                # pulls the codes towards a standard normal\n"
      TRAIN("1e-3", "40") },
    { "dense", "a plain autoencoder with a small code", "reconstruct -o digits.png",
      DIGITS DATA
      "\nencoder { flatten dense(32) relu }\n"
      "bottleneck z = code(8)              # 64 pixels through 8 numbers\n"
      "decoder mirror                      # the encoder's layers in reverse order\n"
      "\nreconstruct x by mse\n"
      "\nevaluate { mse psnr pca }           # pca: principal components with 8 columns, to compare with\n"
      TRAIN("1e-3", "60") },
    { "conv", "convolutions on the way in and out", "reconstruct -o digits.png",
      DIGITS DATA
      "\nencoder {\n"
      "    conv(8, kernel = 3, stride = 2, pad = 1)     # 8 x 8 -> 4 x 4\n"
      "    relu\n"
      "    conv(16, kernel = 3, stride = 2, pad = 1)    # 4 x 4 -> 2 x 2\n"
      "    relu\n"
      "    flatten\n"
      "}\n"
      "bottleneck z = code(8)\n"
      "decoder {\n"
      "    dense(64)\n"
      "    relu\n"
      "    reshape(16, 2, 2)\n"
      "    conv_transpose(8, kernel = 3, stride = 2, pad = 1, output_pad = 1)\n"
      "    relu\n"
      "    conv_transpose(1, kernel = 3, stride = 2, pad = 1, output_pad = 1)\n"
      "}\n"
      "\nreconstruct x ~ bernoulli\n"
      "\nevaluate { psnr }\n"
      TRAIN("3e-3", "30") },
    { "denoise", "noise goes in, the clean picture is the target", "eval",
      DIGITS DATA
      "\ncorrupt x {                         # in training only; `aec doc` lists the views\n"
      "    gaussian(0.25)\n"
      "    mask(0.1)\n"
      "}\n"
      "\nencoder { flatten dense(128) relu dense(128) relu }\n"
      "decoder { dense(64) reshape(1, 8, 8) }\n"
      "\nreconstruct x by mse\n"
      "\nevaluate { psnr }\n"
      TRAIN("1e-3", "60") },
    { "classify", "an autoencoder first, then a classifier of its codes from 100 labels", "eval",
      DIGITS "label y : class(10)\n" DATA
      "\nencoder { flatten dense(128) relu }\n"
      "bottleneck z = code(16)\n"
      "decoder mirror\n"
      "\nreconstruct x by mse\n"
      "\ndownstream digit {\n"
      "    net head { dense(10) }\n"
      "    predict y ~ categorical(head(z))\n"
      "}\n"
      "\nevaluate { accuracy mse }\n"
      "\ntrain pretrain {\n"
      "    minimize = [reconstruct]\n"
      "    epochs = 30\n"
      "}\n"
      "\ntrain finetune {\n"
      "    minimize = [digit]\n"
      "    labels = 100                    # only so many examples keep their label\n"
      "    epochs = 60\n"
      "}\n" },
    { "sequence", "an LSTM that folds a sequence into a code and another that unrolls it", "reconstruct -o waves.npy",
      "input x : sequence(32, 1)           # 32 steps of one number\n"
      "\ndata {\n"
      "    train = sines()                 # waves of random frequency and phase\n"
      "}\n"
      "\nencoder { lstm(32) last }\n"
      "bottleneck z = code(4)\n"
      "decoder { repeat_time(32) lstm(32) dense(1) }\n"
      "\nreconstruct x by mse\n"
      "\ntrain {\n"
      "    optimizer = adam(lr = 5e-3)\n"
      "    batch = 64\n"
      "    epochs = 30\n"
      "    clip = 5                        # the longest gradient: recurrent nets have cliffs\n"
      "}\n" },
};

enum { NTEMPLATES = sizeof templates / sizeof *templates };

static int unknown_template(const char *name)
{
    VEC(Str) names = { 0 };
    for (int k = 0; k < NTEMPLATES; k++)
        PUSH(names, intern(templates[k].name));
    Str near = nearest(intern(name), names.at, names.n);
    fprintf(stderr, "aec: no template is called `%s`", name);
    if (near)
        fprintf(stderr, "; did you mean `%s`?", near);
    fprintf(stderr, "\n");
    for (int k = 0; k < NTEMPLATES; k++)
        fprintf(stderr, "    %-10s %s\n", templates[k].name, templates[k].does);
    return 2;
}

/* The model's name: the file's, as far as it is one. */
static Str model_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *from = slash ? slash + 1 : path;
    Buf b = { 0 };
    if (*from >= '0' && *from <= '9')
        buf_add(&b, "m");
    for (; *from && *from != '.' && b.n < 63; from++) {
        const bool letter = (*from >= 'a' && *from <= 'z') || (*from >= 'A' && *from <= 'Z') || (*from >= '0' && *from <= '9');
        buf_add(&b, "%c", letter ? *from : '_');
    }
    return b.n ? intern(b.at) : intern("model");
}

int command_new(Options *o)
{
    if (!o->file) {
        fprintf(stderr, "aec: `aec new` takes a name: `aec new digits --from vae`\n");
        return 2;
    }
    int which = 0;
    while (o->from && which < NTEMPLATES && strcmp(templates[which].name, o->from))
        which++;
    if (which == NTEMPLATES)
        return unknown_template(o->from);
    const size_t n = strlen(o->file);
    Str path = n > 3 && !strcmp(o->file + n - 3, ".ae") ? intern(o->file) : format("%s.ae", o->file);
    if (access(path, F_OK) == 0) {
        fprintf(stderr, "aec: %s is there already and is left as it is\n", path);
        return 1;
    }
    Buf b = { 0 };
    buf_add(&b, "# %c%s.\nae 1\nmodel %s\n\n%s", toupper(*templates[which].does), templates[which].does + 1, model_name(path), templates[which].text);
    const Source source = { .name = path, .text = b.at, .length = b.n };
    Buf laid = { 0 };
    format_file(&laid, &source);
    if (!write_file(path, laid.at, laid.n))
        return 1;
    printf("%s: %s.\nTry `aec run %s`, then `aec run %s -- %s`.\n", path, templates[which].does, path, path, templates[which].next);
    return 0;
}
