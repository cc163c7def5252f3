/* onnx_wire.c -- ONNX as bytes: protocol buffers by hand, nodes, constants.
 *
 * The numbers of fields are those of onnx.proto3. A repeated field may stand in pieces, so a graph is put together by
 * writing one after the other. */
#include "onnx.h"
#include <stdlib.h>

/* ---- protocol buffers ------------------------------------------------------------------------------------ */
static void put_varint(Buf *b, uint64_t v)
{
    char byte;
    for (; v > 127; v >>= 7) {
        byte = (char) (v | 128);
        buf_put(b, &byte, 1);
    }
    byte = (char) v;
    buf_put(b, &byte, 1);
}

void wire_int(Buf *b, int field, int64_t v)
{
    put_varint(b, (uint64_t) field << 3);
    put_varint(b, (uint64_t) v);
}

void wire_bytes(Buf *b, int field, const char *at, size_t n)
{
    put_varint(b, (uint64_t) field << 3 | 2);
    put_varint(b, n);
    buf_put(b, at ? at : "", n);
}

void wire_text(Buf *b, int field, const char *text)
{
    wire_bytes(b, field, text, strlen(text));
}

static void wire_buf(Buf *b, int field, const Buf *part)
{
    wire_bytes(b, field, part->at, part->n);
}

/* ---- attributes: name 1, i 3, s 4, g 6, ints 8, type 20 -------------------------------------------------- */
static void attr(Buf *b, const char *name, int type, const Buf *value)
{
    Buf a = { 0 };
    wire_text(&a, 1, name);
    wire_int(&a, 20, type);
    buf_put(&a, value->at, value->n);
    wire_buf(b, 5, &a);
}

void attr_int(Buf *b, const char *name, int64_t v)
{
    Buf value = { 0 };
    wire_int(&value, 3, v);
    attr(b, name, 2, &value);
}

void attr_ints(Buf *b, const char *name, const long *at, int n)
{
    Buf value = { 0 };
    for (int k = 0; k < n; k++)
        wire_int(&value, 8, at[k]);
    attr(b, name, 7, &value);
}

void attr_text(Buf *b, const char *name, const char *text)
{
    Buf value = { 0 };
    wire_text(&value, 4, text);
    attr(b, name, 3, &value);
}

void attr_graph(Buf *b, const char *name, const Buf *graph)
{
    Buf value = { 0 };
    wire_buf(&value, 6, graph);
    attr(b, name, 5, &value);
}

/* ValueInfoProto: name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 { dim 1 { dim_value 1, dim_param 2 } } } } */
void wire_value(Buf *b, int field, Str name, Kind kind, const long *shape, int n)
{
    Buf dims = { 0 }, tensor = { 0 }, type = { 0 }, value = { 0 };
    for (int k = 0; k < n; k++) {
        Buf dim = { 0 };
        if (shape[k] < 0)
            wire_text(&dim, 2, "batch");
        else
            wire_int(&dim, 1, shape[k]);
        wire_buf(&dims, 1, &dim);
    }
    wire_int(&tensor, 1, kind);
    if (n >= 0)
        wire_buf(&tensor, 2, &dims);
    wire_buf(&type, 1, &tensor);
    wire_text(&value, 1, name);
    wire_buf(&value, 2, &type);
    wire_buf(b, field, &value);
}

/* ---- nodes: input 1, output 2, op_type 4, attribute 5 ---------------------------------------------------- */
Str fresh_name(Onnx *o)
{
    return format("%s/%d", o->wish, ++o->count);
}

void node_to(Onnx *o, const char *op, const Str *in, int nin, const Str *out, int nout, const Buf *attr)
{
    Buf node = { 0 };
    for (int k = 0; k < nin; k++)
        wire_text(&node, 1, in[k]);
    for (int k = 0; k < nout; k++)
        wire_text(&node, 2, out[k]);
    wire_text(&node, 4, op);
    if (attr)
        buf_put(&node, attr->at ? attr->at : "", attr->n);
    wire_buf(&o->g->nodes, 1, &node);
}

Str node_of(Onnx *o, const char *op, const Buf *attr, const Str *in)
{
    const Str out = fresh_name(o);
    int n = 0;
    while (in[n])
        n++;
    node_to(o, op, in, n, &out, 1, attr);
    return out;
}

/* ---- constants: TensorProto with dims 1, data_type 2, float_data 4, int32_data 5, int64_data 7, name 8 --- */
static Str known_as(Onnx *o, Str key)
{
    const Known *k = FIND_AT(known, o->known, known->key == key);
    return k ? k->name : NULL;
}

static void put_floats(Buf *b, const double *at, long n)
{
    Buf packed = { 0 };
    for (long k = 0; k < n; k++) {
        const float f = (float) at[k];
        uint32_t bits;
        memcpy(&bits, &f, 4);
        for (int byte = 0; byte < 4; byte++)
            buf_put(&packed, &(char) { (char) (bits >> 8 * byte) }, 1);
    }
    wire_buf(b, 4, &packed);
}

static void put_wholes(Buf *b, int field, const double *at, long n)
{
    Buf packed = { 0 };
    for (long k = 0; k < n; k++)
        put_varint(&packed, (uint64_t) (int64_t) at[k]);
    wire_buf(b, field, &packed);
}

Str const_name(Onnx *o, Kind kind, const long *shape, int n, const double *at)
{
    Buf b = { 0 };
    long count = 1;
    for (int k = 0; k < n; k++) {
        wire_int(&b, 1, shape[k]);
        count *= shape[k];
    }
    wire_int(&b, 2, kind);
    if (kind == KIND_real)
        put_floats(&b, at, count);
    else
        put_wholes(&b, kind == KIND_whole ? 7 : 5, at, count);
    const Str key = intern_n(b.at, b.n), known = known_as(o, key);
    if (known)
        return known;
    const Str name = format("const/%d", o->known.n + 1);
    PUSH(o->known, ((Known) { key, name }));
    wire_text(&b, 8, name);
    wire_buf(&o->initializers, 5, &b);
    return name;
}

Str const_list(Onnx *o, const long *at, int n)
{
    double v[MAX_AXES];
    for (int k = 0; k < n; k++)
        v[k] = (double) at[k];
    return const_name(o, KIND_whole, (const long[]) { n }, 1, v);
}

/* ---- shapes ---------------------------------------------------------------------------------------------- */
/* Made at the top, where every loop sees them. */
static Str made_once(Onnx *o, const char *key, const char *op, const Buf *attr, const Str *in)
{
    Str name = known_as(o, intern(key));
    if (name)
        return name;
    Graph *was = o->g;
    o->g = o->root;
    name = node_of(o, op, attr, in);
    o->g = was;
    PUSH(o->known, ((Known) { intern(key), name }));
    return name;
}

static Str batch_name(Onnx *o)
{
    Tensor *rows = NULL;
    EACH(t, o->p->inputs)
        if (!rows && t->rank && t->axis[0].example)
            rows = t;
    if (!rows) {
        onnx_refuse(o, "nothing that it is given tells how many examples there are");
        return intern("batch");
    }
    PUSH_NEW(o->inputs, rows);
    Buf attr = { 0 };
    attr_int(&attr, "start", 0);
    attr_int(&attr, "end", 1);
    return made_once(o, "batch", "Shape", &attr, (const Str[]) { rows->name, NULL });
}

Str shape_name(Onnx *o, const long *dims, int n)
{
    int at = FIRST(k, n, dims[k] < 0);
    if (at < 0)
        return const_list(o, dims, n);
    const Str rows = batch_name(o);
    if (n == 1)
        return rows;
    Buf key = { 0 }, attr = { 0 };
    for (int k = 0; k < n; k++)
        buf_add(&key, "%s%ld", k ? "," : "shape ", dims[k]);
    attr_int(&attr, "axis", 0);
    Str in[4];
    int nin = 0;
    if (at)
        in[nin++] = const_list(o, dims, at);
    in[nin++] = rows;
    if (at + 1 < n)
        in[nin++] = const_list(o, dims + at + 1, n - at - 1);
    in[nin] = NULL;
    return made_once(o, key.at, "Concat", &attr, in);
}

void onnx_refuse(Onnx *o, const char *how, ...)
{
    va_list args;
    if (o->why)
        return;
    va_start(args, how);
    o->why = format("%s: `export --onnx` cannot say `%s`: %s", place_name(o->place), o->p->name, format_v(how, args));
    va_end(args);
}
