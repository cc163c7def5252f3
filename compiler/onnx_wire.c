/* onnx_wire.c -- ONNX as bytes: protocol buffers by hand, nodes, constants.
 *
 * The numbers of fields are those of onnx.proto3. A repeated field may stand in pieces, so a graph
 * is put together by writing one after the other. */
#include "onnx.h"
#include <stdlib.h>

/* ---- protocol buffers ----------------------------------------------------------------------- */
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

static void wire_int(Buf *b, int field, int64_t v)
{
    put_varint(b, (uint64_t) field << 3);
    put_varint(b, (uint64_t) v);
}

static void wire_bytes(Buf *b, int field, const char *at, size_t n)
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

/* ValueInfoProto: name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 { dim 1 { dim_value 1,
 * dim_param 2 } } } } */
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

void tensor_dims(const Tensor *t, long *dims)
{
    for (int k = 0; k < t->rank; k++)
        dims[k] = t->axis[k].example ? -1 : t->axis[k].size;
}

void wire_tensor(Buf *b, int field, Str name, const Tensor *t)
{
    long dims[MAX_RANK];
    tensor_dims(t, dims);
    wire_value(b, field, name, kind_of(t), dims, t->rank);
}

/* ---- attributes: name 1, i 3, s 4, g 6, ints 8, type 20 ------------------------------------- */
enum { TYPE_int = 2, TYPE_text = 3, TYPE_graph = 5, TYPE_ints = 7 };

/* name=VALUE, and what it is follows from how it begins; gives what stands behind it. */
static const char *put_attribute(Buf *node, const char *text)
{
    Buf a = { 0 };
    const size_t name = strcspn(text, "="), n = strcspn(text + name + 1, " ");
    const char *value = text + name + 1;
    const bool number = strchr("-0123456789", *value);
    const int type = *value == '[' ? TYPE_ints : number ? TYPE_int : TYPE_text;
    wire_bytes(&a, 1, text, name);
    wire_int(&a, 20, type);
    for (const char *at = value; type == TYPE_ints && at + 1 < value + n;
         at += strcspn(at + 1, ",]") + 1)
        wire_int(&a, 8, strtol(at + 1, NULL, 10));
    if (type == TYPE_int)
        wire_int(&a, 3, strtol(value, NULL, 10));
    else if (type == TYPE_text)
        wire_bytes(&a, 4, value, n);
    wire_buf(node, 5, &a);
    return value + n;
}

Str numbers_text(const long *at, int n)
{
    Buf b = { 0 };
    for (int k = 0; k < n; k++)
        buf_add(&b, "%c%ld", k ? ',' : '[', at[k]);
    return format("%s]", n ? b.at : "[");
}

/* ---- nodes: input 1, output 2, op_type 4, attribute 5 --------------------------------------- */
Str fresh_name(Onnx *o)
{
    return format("%s/%d", o->wish, ++o->count);
}

void node_to(Onnx *o, const char *op, const StrList *in, const StrList *out, const Buf *body)
{
    Buf node = { 0 };
    EACH(name, *in)
        wire_text(&node, 1, name);
    EACH(name, *out)
        wire_text(&node, 2, name);
    const size_t n = strcspn(op, " ");
    wire_bytes(&node, 4, op, n);
    for (const char *at = op + n; *at; )
        at = put_attribute(&node, at + 1);
    if (body) {
        Buf a = { 0 };
        wire_text(&a, 1, "body");
        wire_int(&a, 20, TYPE_graph);
        wire_buf(&a, 6, body);
        wire_buf(&node, 5, &a);
    }
    wire_buf(&o->g->nodes, 1, &node);
}

Str node_of(Onnx *o, const char *op, const Str *in)
{
    StrList from = { 0 }, to = { 0 };
    for (; *in; in++)
        PUSH(from, *in);
    PUSH(to, fresh_name(o));
    node_to(o, op, &from, &to, NULL);
    return to.at[0];
}

Str gathered(Onnx *o, Str name, int axis, Str places)
{
    return NODE(o, format("Gather axis=%d", axis), name, places);
}

Str transposed(Onnx *o, Str name, const long *perm, int n)
{
    return ALL(k, n, perm[k] == k)
        ? name : NODE(o, format("Transpose perm=%s", numbers_text(perm, n)), name);
}

/* ---- constants: TensorProto -----------------------------------------------------------------
 * with dims 1, data_type 2, float_data 4, int32_data 5, int64_data 7, name 8 */
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

/* ---- shapes --------------------------------------------------------------------------------- */
/* Made at the top, where every loop sees them. */
static Str made_once(Onnx *o, const char *key, const char *op, const Str *in)
{
    Str name = known_as(o, intern(key));
    if (name)
        return name;
    Graph *was = o->g;
    o->g = o->root;
    name = node_of(o, op, in);
    o->g = was;
    PUSH(o->known, ((Known) { intern(key), name }));
    return name;
}

static Str batch_name(Onnx *o)
{
    Tensor *const rows = FIND(t, o->p->inputs, t->rank && t->axis[0].example);
    if (!rows) {
        onnx_refuse(o, "nothing that it is given tells how many examples there are");
        return intern("batch");
    }
    PUSH_NEW(o->inputs, rows);
    return made_once(o, "batch", "Shape start=0 end=1", (const Str[]) { rows->name, NULL });
}

Str shape_name(Onnx *o, const long *dims, int n)
{
    int at = FIRST(k, n, dims[k] < 0);
    if (at < 0)
        return const_list(o, dims, n);
    const Str rows = batch_name(o);
    if (n == 1)
        return rows;
    Str in[4];
    int nin = 0;
    if (at)
        in[nin++] = const_list(o, dims, at);
    in[nin++] = rows;
    if (at + 1 < n)
        in[nin++] = const_list(o, dims + at + 1, n - at - 1);
    in[nin] = NULL;
    return made_once(o, format("shape %s", numbers_text(dims, n)), "Concat axis=0", in);
}

Str reshaped_as(Onnx *o, Str name, const long *dims, int n)
{
    return NODE(o, "Reshape", name, const_list(o, dims, n));
}

void onnx_refuse(Onnx *o, const char *how, ...)
{
    va_list args;
    if (o->why)
        return;
    va_start(args, how);
    o->why = format("%s: `export --onnx` cannot say `%s`: %s", place_name(o->place), o->p->name,
                    format_v(how, args));
    va_end(args);
}
