/* onnx.c -- the programs that use a trained model as ONNX graphs: what the trainer's
 * `export --onnx` writes.
 *
 * Takes a program after simplify, before the fast schedule turns axes; leaves the bytes of a
 * GraphProto but for its name and the weights, which the trainer adds, or why there is none. What
 * cannot be said is never said in part. */
#include "onnx.h"

static const char *const offered[] = { "reconstruct", "predict", "encode", "decode" };

/* ---- programs ------------------------------------------------------------------------------- */
void lower_list(Onnx *o, StmtList *list)
{
    EACH(s, *list) {
        o->place = s->use ? s->use->place : s->place;
        o->wish = s->target ? s->target->name : o->wish;
        if (o->why)
            return;
        if (s->kind == STMT_nest)
            lower_nest(o, s);
        else if (s->kind == STMT_reshape)
            lower_reshape(o, s);
        else if (s->kind == STMT_scan)
            lower_scan(o, s);
        else
            onnx_refuse(o, "it draws at random");
    }
}

static void put_output(Onnx *o, Buf *graph, Tensor *t)
{
    const Held *h = held_now(o, t);
    const bool given = t->role != ROLE_temp;
    const Str name = given ? format("%s/out", t->name) : t->name;
    if (!h) {
        onnx_refuse(o, "nothing sets %s", t->name);
        return;
    }
    StrList from = { 0 }, to = { 0 };
    PUSH(from, held_name(o, h));
    PUSH(to, name);
    node_to(o, "Identity", &from, &to, NULL);
    wire_tensor(graph, 12, name, t);
}

void onnx_program(Module *m, Program *p)
{
    Graph root = { .outer = NULL };
    Onnx o = { .m = m, .p = p, .root = &root, .g = &root, .wish = p->name };
    Buf graph = { 0 };
    TensorList outputs = { 0 };
    if (!p->outputs.n || !ANY(k, COUNT(offered), p->name == intern(offered[k])))
        return;
    lower_list(&o, &p->body);
    EACH(t, p->outputs)
        PUSH_NEW(outputs, t);
    EACH(t, outputs)
        if (!o.why)
            put_output(&o, &graph, t);
    EACH(t, o.inputs)
        wire_tensor(&graph, 11, t->name, t);
    buf_put(&graph, root.nodes.at, root.nodes.n);
    buf_put(&graph, o.initializers.at, o.initializers.n);
    p->onnx = COPY(&((OnnxGraph) { .graph = graph, .weights = o.weights, .why = o.why }));
}

/* ---- the table of the trainer --------------------------------------------------------------- */
/* Bytes as C strings; a digit behind an escape would belong to it. */
static void put_bytes(Buf *b, const Buf *bytes)
{
    for (size_t k = 0; k < bytes->n; k++) {
        const unsigned char c = (unsigned char) bytes->at[k];
        const unsigned char next = k + 1 < bytes->n ? (unsigned char) bytes->at[k + 1] : 0;
        if (k % 64 == 0)
            buf_add(b, k ? "\"\n      \"" : "\n      \"");
        if (c >= 32 && c <= 126 && c != '"' && c != '\\' && c != '?')
            buf_put(b, (const char *) &c, 1);
        else
            buf_add(b, next >= '0' && next <= '7' ? "\\%03o" : "\\%o", c);
    }
    buf_add(b, bytes->n ? "\"" : "\"\"");
}

void onnx_print(Buf *b, Module *m, bool check)
{
    Buf tables = { 0 };
    for (int k = 0; k < COUNT(offered) && !check; k++) {
        const Program *p = FIND(is, m->programs, is->name == intern(offered[k]) && is->onnx);
        if (!p)
            continue;
        const OnnxGraph *x = p->onnx;
        if (!x->why && x->weights.n) {
            buf_add(b, "static const char *const ae_onnx_%s[] = {", p->name);
            EACH(t, x->weights)
                buf_add(b, "\n    %s,", c_string(weight_name(t)));
            buf_add(b, "\n};\n");
        }
        buf_add(&tables, "    { .name = \"%s\"", p->name);
        if (x->why) {
            buf_add(&tables, ", .why = %s", c_string(x->why));
        } else {
            if (x->weights.n)
                buf_add(&tables, ", .weights = ae_onnx_%s, .nweights = %d", p->name, x->weights.n);
            buf_add(&tables, ", .size = %ld,\n      .graph =", (long) x->graph.n);
            put_bytes(&tables, &x->graph);
        }
        buf_add(&tables, " },\n");
    }
    buf_add(b, "\n/* What `export --onnx` writes. */\nconst AeOnnx ae_onnx[] = {\n"
               "%s    { .name = NULL },\n};\n", tables.at ? tables.at : "");
}
