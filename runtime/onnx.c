/* onnx.c -- a program as an ONNX model: `export --onnx`.
 *
 * The compiler left the nodes of each graph as bytes (onnx.c there); the weights and what a file
 * needs around it come here. The numbers of fields are those of onnx.proto3. */
#include "runtime.h"

/* ---- protocol buffers ----------------------------------------------------------------------- */
typedef struct { char *at; size_t n, room; } Bytes;

static void put_bytes(Bytes *b, const void *at, size_t n)
{
    if (b->n + n > b->room) {
        b->room = 2 * (b->n + n) + 64;
        b->at = realloc(b->at, b->room);
        if (!b->at)
            fail("no memory");
    }
    if (n)
        memcpy(b->at + b->n, at, n);
    b->n += n;
}

static void put_varint(Bytes *b, uint64_t v)
{
    for (; v > 127; v >>= 7)
        put_bytes(b, &(uint8_t) { (uint8_t) (v | 128) }, 1);
    put_bytes(b, &(uint8_t) { (uint8_t) v }, 1);
}

static void put_whole(Bytes *b, int field, uint64_t v)
{
    put_varint(b, (uint64_t) field << 3);
    put_varint(b, v);
}

static void put_part(Bytes *b, int field, const void *at, size_t n)
{
    put_varint(b, (uint64_t) field << 3 | 2);
    put_varint(b, n);
    put_bytes(b, at, n);
}

static void put_word(Bytes *b, int field, const char *text)
{
    put_part(b, field, text, strlen(text));
}

/* ---- parts of a model ----------------------------------------------------------------------- */
/* TensorProto: dims 1, data_type 2, name 8, raw_data 9. */
static void put_weight(Bytes *graph, const AeArray *a)
{
    const long n = array_count(a);
    const bool whole = a->elem == AE_INT;
    Bytes t = { 0 };
    for (int k = 0; k < a->rank; k++)
        put_whole(&t, 1, (uint64_t) a->shape[k]);
    put_whole(&t, 2, whole ? 7 : 1);
    put_word(&t, 8, a->name);
    put_varint(&t, 9 << 3 | 2);
    put_varint(&t, (uint64_t) n * (whole ? 8 : 4));
    for (long k = 0; k < n; k++) {
        const float real = (float) real_at(a, k);
        const int64_t number = whole ? (int64_t) real_at(a, k) : 0;
        put_bytes(&t, whole ? (const void *) &number : &real, whole ? 8 : 4);
    }
    put_part(graph, 5, t.at, t.n);
    free(t.at);
}

/* What the clock says after training, which is when a model is used. */
static void put_clock(Bytes *graph, const char *name)
{
    evaluation_clock(1, 0);
    ae_real epoch = (ae_real) ae_clock.epoch;
    const struct { const char *name; void *at; AeElem elem; } known[] = {
        { "ae_clock.step", &ae_clock.step, AE_INT }, { "ae_clock.epoch", &epoch, AE_REAL },
        { "ae_clock.epochs", &ae_clock.epochs, AE_INT }, { "ae_clock.examples", &ae_clock.examples, AE_INT },
    };
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (strcmp(known[k].name, name) == 0)
            put_weight(graph,
                       &(AeArray) { .name = name, .at = known[k].at, .elem = known[k].elem });
}

static void put_property(Bytes *model, const char *key, const char *value)
{
    Bytes p = { 0 };
    put_word(&p, 1, key);
    put_word(&p, 2, value);
    put_part(model, 14, p.at, p.n);
    free(p.at);
}

static void put_numbers_of(Bytes *model, const char *what, const char *input, const double *at,
                           long n)
{
    Bytes text = { 0 };
    for (long k = 0; k < n; k++) {
        const char *const one = form(k ? " %.17g" : "%.17g", at[k]);
        put_bytes(&text, one, strlen(one));
    }
    put_bytes(&text, "", 1);
    put_property(model, form("%s.%s", input, what), text.at);
    free(text.at);
}

/* ---- the file ------------------------------------------------------------------------------- */
const AeOnnx *onnx_named(const char *name)
{
    const char *known[8];
    int n = 0;
    for (const AeOnnx *x = ae_onnx; x && x->name && n < 8; x++)
        known[n++] = x->name;
    if (!n)
        fail("%s has no program that can be exported", ae_model.file);
    for (int k = 0; k < n; k++)
        if (!name || strcmp(known[k], name) == 0)
            return &ae_onnx[k];
    export_unknown(name, known, n);
}

/* ModelProto: ir_version 1, producer_name 2, graph 7, opset_import 8, metadata_props 14;
 * GraphProto: name 2, initializer 5. */
void onnx_write(const char *path, const AeOnnx *x)
{
    Bytes model = { 0 }, graph = { 0 }, opset = { 0 };
    put_whole(&opset, 2, 18);
    put_whole(&model, 1, 8);
    put_word(&model, 2, "aec");
    put_part(&model, 8, opset.at, opset.n);
    put_word(&graph, 2, ae_model.name);
    put_bytes(&graph, x->graph, (size_t) x->size);
    for (int k = 0; k < x->nweights; k++) {
        if (strncmp(x->weights[k], "ae_clock.", 9) == 0)
            put_clock(&graph, x->weights[k]);
        else
            put_weight(&graph, array_named(x->weights[k]));
    }
    put_part(&model, 7, graph.at, graph.n);
    put_property(&model, "source", ae_model.file);
    put_property(&model, "program", x->name);
    for (int i = 0; learnt && i < ae_model.ninputs; i++)
        if (learnt[i].nscale && !ae_model.inputs[i].label) {
            put_numbers_of(&model, "subtract", ae_model.inputs[i].array.name, learnt[i].subtract,
                           learnt[i].nscale);
            put_numbers_of(&model, "divide", ae_model.inputs[i].array.name, learnt[i].divide,
                           learnt[i].nscale);
        }
    if (model.n > INT32_MAX)
        fail("%s would have %zu bytes; an ONNX file has 2147483647 at most", path, model.n);
    FILE *const f = out_begin(path);
    fwrite(model.at, 1, model.n, f);
    out_end();
    free(opset.at);
    free(graph.at);
    free(model.at);
}
