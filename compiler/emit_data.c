/* emit_data.c -- tables of settings: of the data, its sources, and the metrics the trainer computes. */
#include "emit.h"
#include <math.h>

typedef struct { Str text; double number[8]; int n; } Value;

static void take(Value *v, double x)
{
    if (v->n < 8)
        v->number[v->n++] = x;
}

/* Arithmetic and names of `set` are numbers by now. */
static double number_of(Syn *s)
{
    if (s->kind == SYN_name)
        return s->name == intern("inf") ? INFINITY : s->name == intern("pi") ? acos(-1) : NAN;
    return s->kind == SYN_num ? s->num : NAN;
}

static void value_of(Value *v, Syn *s)
{
    if (!s)
        return;
    const double x = number_of(s);
    if (!isnan(x))
        take(v, x);
    else if (s->kind == SYN_string || s->kind == SYN_name)
        v->text = v->text ? v->text : s->name;
    else if (s->kind == SYN_pair || s->kind == SYN_arrow) {
        value_of(v, s->a);
        value_of(v, s->b);
    } else
        for (int k = 0; k < s->list.n; k++)
            value_of(v, s->list.at[k]);
}

static void put_setting(Buf *b, Str key, Value *v)
{
    buf_add(b, "    { ");
    put_string(b, key);
    buf_add(b, ", ");
    if (v->text)
        put_string(b, v->text);
    else
        buf_add(b, "NULL");
    buf_add(b, ", { ");
    for (int k = 0; k < (v->n ? v->n : 1); k++)
        if (k < v->n && isinf(v->number[k]))
            buf_add(b, "%s%sINFINITY", k ? ", " : "", v->number[k] < 0 ? "-" : "");
        else
            buf_add(b, "%s%s", k ? ", " : "", number_text(k < v->n ? v->number[k] : 0));
    buf_add(b, " }, %d },\n", v->n);
}

Str setting_table(Buf *b, Str wish, Setting *at, int n)
{
    if (n == 0)
        return NULL;
    Str name = names_claim(wish);
    buf_add(b, "static const AeSetting %s[] = {\n", name);
    for (int k = 0; k < n; k++) {
        Value v = { 0 };
        value_of(&v, at[k].value);
        put_setting(b, at[k].name, &v);
    }
    buf_add(b, "};\n");
    return name;
}

Str metric_table(Emit *e, Buf *b)
{
    Module *m = e->m;
    if (m->metrics.n == 0)
        return NULL;
    Str name = names_claim(intern("metrics"));
    buf_add(b, "static const AeSetting %s[] = {\n", name);
    for (int k = 0; k < m->metrics.n; k++) {
        Value v = { 0 };
        for (int j = 0; j < m->metrics.at[k]->args.n; j++)
            value_of(&v, m->metrics.at[k]->args.at[j].value);
        put_setting(b, m->metrics.at[k]->name, &v);
    }
    buf_add(b, "};\n");
    return name;
}

void sources_print(Emit *e, Buf *b)
{
    Module *m = e->m;
    Buf table = { 0 };
    if (m->data.n == 0)
        return;
    buf_add(&table, "static const AeSource sources[] = {\n");
    for (int k = 0; k < m->data.n; k++) {
        DataSource *d = &m->data.at[k];
        Str files = NULL, args = setting_table(b, format("%s_args", names_lower(d->split)), d->args.at, d->args.n);
        if (d->files.n) {
            files = names_claim(format("%s_files", names_lower(d->split)));
            buf_add(b, "static const char *const %s[] = {", files);
            for (int j = 0; j < d->files.n; j++) {
                buf_add(b, j ? ", " : " ");
                put_string(b, d->files.at[j]);
            }
            buf_add(b, " };\n");
        }
        buf_add(&table, "    { .split = ");
        put_string(&table, d->split);
        buf_add(&table, ", .kind = ");
        put_string(&table, d->kind);
        buf_add(&table, ",");
        table_field(&table, "files", files, d->files.n);
        table_field(&table, "args", args, d->args.n);
        buf_add(&table, " },\n");
    }
    buf_add(b, "%s};\n", table.at);
}
