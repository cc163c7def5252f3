/* weights.c -- the model's arrays as a file: parameters, states, and what was learnt of the data.
 *
 * A file fits when it has every parameter and state under its name with its shape and nothing
 * else; the fingerprint of those names and shapes says so at once. Files of other programs may
 * lack fingerprint and checksums. */
#define _GNU_SOURCE
#include "runtime.h"
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

/* ---- writing -------------------------------------------------------------------------------- */
void bundle_add(Bundle *b, const char *name, const char *dtype, const void *at, int rank,
                const long *shape)
{
    if (b->n == b->room) {
        b->room = 2 * b->room + 16;
        if (!(b->tensor = realloc(b->tensor, (size_t) b->room * sizeof *b->tensor)))
            fail("no memory for %d tensors", b->room);
    }
    Tensor *const t = &b->tensor[b->n++];
    *t = (Tensor) { .name = name, .dtype = dtype, .at = at, .rank = rank };
    for (int k = 0; k < rank; k++)
        t->shape[k] = shape[k];
}

void bundle_array(Bundle *b, const char *name, const AeArray *a)
{
    long shape[AE_RANK];
    for (int k = 0; k < a->rank; k++)
        shape[k] = a->shape[k];
    bundle_add(b, name, a->elem == AE_INT ? "I32" : AE_REAL_NAME, a->at, a->rank, shape);
}

void bundle_meta(Bundle *b, const char *key, const char *value)
{
    if (b->nmeta == b->meta_room) {
        b->meta_room = 2 * b->meta_room + 8;
        if (!(b->meta = realloc(b->meta, (size_t) b->meta_room * sizeof *b->meta)))
            fail("no memory for %d settings", b->meta_room);
    }
    b->meta[b->nmeta++] = (Pair) { key, value };
}

static char *fingerprint(void)
{
    uint64_t h = 0xCBF29CE484222325u;       /* FNV-1a over "name[shape];" */
    for (int list = 0; list < 2; list++) {
        const AeArray *const a = list ? ae_model.state : ae_model.param;
        for (int k = 0; k < (list ? ae_model.nstate : ae_model.nparam); k++) {
            Text t = { 0 };
            text_add(&t, "%s%c", a[k].name, a[k].elem == AE_INT ? 'i' : 'r');
            for (int d = 0; d < a[k].rank; d++)
                text_add(&t, "%c%d", d ? ',' : '[', a[k].shape[d]);
            text_add(&t, "];");
            for (size_t c = 0; c < t.n; c++)
                h = (h ^ (uint8_t) t.at[c]) * 0x100000001B3u;
            free(t.at);
        }
    }
    return form("%016llx", (unsigned long long) h);
}

static void add_learnt(Bundle *b)
{
    for (int i = 0; learnt && i < ae_model.ninputs; i++) {
        const Learnt *const l = &learnt[i];
        const char *const name = ae_model.inputs[i].array.name;
        if (l->nscale) {
            bundle_add(b, form("data.%s.subtract", name), "F64", l->subtract, 1, &l->nscale);
            bundle_add(b, form("data.%s.divide", name), "F64", l->divide, 1, &l->nscale);
        }
        if (l->nclasses) {
            Text t = { 0 };
            for (int k = 0; k < l->nclasses; k++)
                text_add(&t, "%s%s", k ? "\n" : "", l->classes[k]);
            bundle_meta(b, form("classes %s", name), t.at);
        }
    }
}

void bundle_model(Bundle *b)
{
    bundle_meta(b, "model", ae_model.name);
    bundle_meta(b, "fingerprint", fingerprint());
    bundle_meta(b, "seed", form("%llu", (unsigned long long) data_seed));
    bundle_meta(b, "examples", form("%d", (int) data_examples));
    for (int k = 0; k < ae_model.nparam; k++)
        bundle_array(b, ae_model.param[k].name, &ae_model.param[k]);
    for (int k = 0; k < ae_model.nstate; k++)
        bundle_array(b, ae_model.state[k].name, &ae_model.state[k]);
    add_learnt(b);
}

void weights_save(const char *path)
{
    Bundle b = { 0 };
    bundle_model(&b);
    store_write(path, b.tensor, b.n, b.meta, b.nmeta);
    free(b.tensor);
    free(b.meta);
}

/* ---- reading -------------------------------------------------------------------------------- */
static char *shape_text(int rank, const long *shape)
{
    Text t = { 0 };
    text_add(&t, "[");
    for (int k = 0; k < rank; k++)
        text_add(&t, "%s%ld", k ? ", " : "", shape[k]);
    text_add(&t, "]");
    return t.at;
}

void array_from(const Store *s, const char *name, const AeArray *a)
{
    const Tensor *const t = store_find(s, name);
    long shape[AE_RANK];
    for (int k = 0; k < a->rank; k++)
        shape[k] = a->shape[k];
    if (!t)
        fail("%s: does not fit the model %s: it has no %s", s->path, ae_model.name, name);
    if (t->rank != a->rank || memcmp(t->shape, shape, (size_t) a->rank * sizeof *shape) != 0)
        fail("%s: does not fit the model %s: %s is %s there and %s here", s->path, ae_model.name,
             name, shape_text(t->rank, t->shape), shape_text(a->rank, shape));
    tensor_copy(s, t, a->at, a->elem, array_count(a));
}

static void learnt_scale(const Store *s, int input)
{
    const char *const name = ae_model.inputs[input].array.name;
    char *const a = form("data.%s.subtract", name), *const b = form("data.%s.divide", name);
    const Tensor *const subtract = store_find(s, a), *const divide = store_find(s, b);
    Learnt *const l = &learnt[input];
    if (!subtract && !divide)
        return;
    if (!subtract || !divide || subtract->rank != 1 || divide->rank != 1
        || subtract->shape[0] != divide->shape[0] || strcmp(subtract->dtype, "F64") != 0
        || strcmp(divide->dtype, "F64") != 0
        || (subtract->shape[0] != 1 && subtract->shape[0] != input_width(input)))
        fail("%s: the scale of %s does not fit the model", s->path, name);
    l->nscale = subtract->shape[0];
    l->subtract = need((size_t) l->nscale, sizeof(double));
    l->divide = need((size_t) l->nscale, sizeof(double));
    memcpy(l->subtract, subtract->at, (size_t) l->nscale * sizeof(double));
    memcpy(l->divide, divide->at, (size_t) l->nscale * sizeof(double));
    free(a);
    free(b);
}

static void learnt_classes(const Store *s, int input)
{
    char *const key = form("classes %s", ae_model.inputs[input].array.name);
    const char *const list = store_meta(s, key);
    Learnt *const l = &learnt[input];
    free(key);
    if (!list)
        return;
    char *at = form("%s", list);
    l->classes = need(strlen(list) + 1, sizeof *l->classes);
    while (at) {
        l->classes[l->nclasses++] = strsep(&at, "\n");
    }
}

/* Nothing in the file may go unread. */
static void check_known(const Store *s, bool checkpoint)
{
    for (int k = 0; k < s->ntensors; k++) {
        const char *const name = s->tensor[k].name;
        bool known = strncmp(name, "data.", 5) == 0
            || (checkpoint && strncmp(name, "checkpoint.", 11) == 0);
        for (int j = 0; j < ae_model.nparam && !known; j++)
            known = strcmp(name, ae_model.param[j].name) == 0;
        for (int j = 0; j < ae_model.nstate && !known; j++)
            known = strcmp(name, ae_model.state[j].name) == 0;
        if (!known)
            fail("%s: does not fit the model %s, which has no %s", s->path, ae_model.name, name);
    }
    for (int k = 0; k < s->nmeta; k++) {
        const char *const key = s->meta[k].key;
        if (strcmp(key, "format") != 0 && strcmp(key, "model") != 0
            && strcmp(key, "fingerprint") != 0 && strcmp(key, "seed") != 0
            && strcmp(key, "examples") != 0 && strncmp(key, "classes ", 8) != 0
            && strncmp(key, "crc32 ", 6) != 0
            && !(checkpoint && strncmp(key, "checkpoint ", 11) == 0))
            fail("%s: an unknown key \"%s\" in its metadata", s->path, key);
    }
}

void weights_from(const Store *s, bool checkpoint)
{
    for (int k = 0; k < ae_model.nparam; k++)
        array_from(s, ae_model.param[k].name, &ae_model.param[k]);
    for (int k = 0; k < ae_model.nstate; k++)
        array_from(s, ae_model.state[k].name, &ae_model.state[k]);
    ae_states++;
    check_known(s, checkpoint);
    char *const mine = fingerprint();
    const char *const its = store_meta(s, "fingerprint"), *const seed = store_meta(s, "seed");
    const char *const examples = store_meta(s, "examples");
    if (its && strcmp(its, mine) != 0)
        fail("%s: its fingerprint %s is not that of the model %s, %s", s->path, its, ae_model.name,
             mine);
    free(mine);
    learnt = need((size_t) ae_model.ninputs, sizeof *learnt);
    for (int i = 0; i < ae_model.ninputs; i++) {
        learnt_scale(s, i);
        learnt_classes(s, i);
    }
    learnt_known = its != NULL;
    if (checkpoint && seed && opt.has_seed && data_seed != strtoull(seed, NULL, 10))
        fail("%s: the run was begun with the seed %s, and cannot go on with %llu", s->path, seed,
             (unsigned long long) data_seed);
    if (seed && !opt.has_seed)
        data_seed = strtoull(seed, NULL, 10);
    data_examples = examples ? (int32_t) strtol(examples, NULL, 10) : 0;
}

/* Parameters and states of the nets that --take names, from a file of whatever
 * model has them alike. */
static void take_nets(const Store *s)
{
    for (const char *at = opt.take; *at; at += *at == ',') {
        const size_t n = strcspn(at, ",");
        bool found = false;
        for (int k = 0; k < ae_model.nparam + ae_model.nstate; k++) {
            const AeArray *const a = k < ae_model.nparam ? &ae_model.param[k] : &ae_model.state[k - ae_model.nparam];
            if (strncmp(a->name, at, n) == 0 && a->name[n] == '.') {
                array_from(s, a->name, a);
                found = true;
            }
        }
        if (!found)
            usage("--take %.*s: the model %s has no parameters of that name; %s info lists them",
                  (int) n, at, ae_model.name, opt.program);
        at += n;
    }
    ae_states++;
}

void weights_load(const char *path)
{
    Store s = store_read(path);
    if (opt.take)
        take_nets(&s);
    else
        weights_from(&s, false);
    store_drop(&s);
}

/* ---- which weights -------------------------------------------------------------------------- */
static char *newest_run(void)
{
    DIR *const runs = opendir("runs");
    char *best = NULL;
    struct timespec when = { 0, 0 };
    const struct dirent *e;
    while (runs && (e = readdir(runs))) {
        char *const path = form("runs/%s/model.safetensors", e->d_name);
        struct stat about;
        /* runs/MODEL, and runs/MODEL-wide, runs/MODEL.2: another model's name goes on with
         * a letter, digit or _ */
        const size_t n = strlen(ae_model.name);
        if (strncmp(e->d_name, ae_model.name, n) == 0
            && (!e->d_name[n] || strchr("-. +", e->d_name[n])) && stat(path, &about) == 0
            && (!best || about.st_mtim.tv_sec > when.tv_sec
                || (about.st_mtim.tv_sec == when.tv_sec
                    && about.st_mtim.tv_nsec > when.tv_nsec))) {
            free(best);
            best = path;
            when = about.st_mtim;
        } else
            free(path);
    }
    if (runs)
        closedir(runs);
    return best;
}

char *weights_default(void)
{
    if (!opt.weights)
        return newest_run();
    return folder_is(opt.weights) ? path_join(opt.weights, "model.safetensors") : form("%s", opt.weights);
}

void weights_start(bool initial)
{
    if (opt.take && !opt.weights)
        usage("--take needs --weights FILE to take them from");
    model_init();
    char *const path = initial && !opt.weights ? NULL : weights_default();
    if (path)
        weights_load(path);
    else if (!initial)
        fail("there are no weights yet: run %s train, or give --weights FILE", opt.program);
    free(path);
}
