/* emit_data.c -- tables of settings: of the data, its sources, and the metrics
 * the trainer computes. */
#include "emit.h"
#include <math.h>

typedef struct { Str text; double number[8]; int n; } Value;

static void take(Value *v, double x)
{
    if (v->n == COUNT(v->number))
        bug("a setting of more than %d numbers", v->n);
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
        EACH(item, s->list)
            value_of(v, item);
}

static Str number_in_c(double x)
{
    return isinf(x) ? x < 0 ? "-INFINITY" : "INFINITY" : number_text(x);
}

static void add_setting(Buf *rows, Str key, const Value *v)
{
    Buf numbers = { 0 };
    for (int k = 0; k < v->n; k++)
        buf_add(&numbers, "%s%s", k ? ", " : "", number_in_c(v->number[k]));
    buf_add(rows, "    { %s, %s, { %s }, %d },\n", c_string(key),
            v->text ? c_string(v->text) : "NULL", v->n ? numbers.at : "0", v->n);
}

Str setting_table(Buf *b, Str wish, const SettingList *list)
{
    Buf rows = { 0 };
    EACH_AT(s, *list) {
        Value v = { 0 };
        value_of(&v, s->value);
        add_setting(&rows, s->name, &v);
    }
    return table_claim(b, "AeSetting", wish, &rows);
}

Str metric_table(Emit *e, Buf *b)
{
    Buf rows = { 0 };
    EACH(metric, e->m->metrics) {
        Value v = { 0 };
        EACH_AT(a, metric->args)
            value_of(&v, a->value);
        add_setting(&rows, metric->name, &v);
    }
    return table_claim(b, "AeSetting", intern("metrics"), &rows);
}

void sources_print(Emit *e, Buf *b)
{
    Buf rows = { 0 };
    EACH_AT(d, e->m->data) {
        Buf names = { 0 };
        EACH(file, d->files)
            buf_add(&names, "%s%s", names.n ? ", " : "", c_string(file));
        Str args = setting_table(b, format("%s_args", names_lower(d->split)), &d->args);
        Str files = row_claim(b, "char *const", format("%s_files", names_lower(d->split)), &names);
        buf_add(&rows, "    { .split = %s, .kind = %s,", c_string(d->split), c_string(d->kind));
        table_field(&rows, "files", files, d->files.n);
        table_field(&rows, "args", args, d->args.n);
        buf_add(&rows, " },\n");
    }
    table_print(b, "AeSource", "sources", &rows);
}
