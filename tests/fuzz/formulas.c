/* formulas.c -- definitions of random formulas.
 *
 * An expression is one of the `forms` with `#` replaced by smaller ones; at the ends stand numbers and reads of what is
 * defined above, with plain, shifted, strided, reversed, wrapped and computed subscripts. Whatever is drawn, the last
 * statement reads the input and every parameter, so that a gradient reaches them. */
#include "models.h"
#include <string.h>

enum { EXAMPLES = -1, LENGTH = -2, MOST = 40, RANK = 5 };    /* sizes that are not known before it runs */

typedef struct { char name[12]; int size; } Axis;
typedef struct { char name[12]; int rank, of; bool state, learns; Axis axis[RANK]; } Tensor;

static Tensor tensors[MOST];
static Axis bound[MOST];            /* the indices around this place */
static int ntensors, nbound, names, definitions;
static enum { LAYER, VIEW, LOSS } writing;

static void expression(int depth);

/* ---- names -------------------------------------------------------------------------------------------- */
static Axis axis(const char *name, int size)
{
    Axis a = { .size = size };
    snprintf(a.name, sizeof a.name, "%s", name);
    return a;
}

static Axis fresh(int size)
{
    Axis a = { .size = size };
    snprintf(a.name, sizeof a.name, "i%d", names++ % 1000);
    return a;
}

static void bind(Axis a) { bound[nbound++] = a; }

static Tensor *define(const char *letter, int rank, const Axis *axes)
{
    Tensor *t = &tensors[ntensors++];
    *t = (Tensor) { .rank = rank };
    snprintf(t->name, sizeof t->name, "%s%d", letter, names++ % 1000);
    memcpy(t->axis, axes, (size_t) rank * sizeof *axes);
    return t;
}

static const Axis *index_of(int size)       /* a bound index that runs over just so much; NULL */
{
    for (int k = 0, from = below(nbound + 1); k < nbound; k++)
        if (bound[(from + k) % nbound].size == size)
            return &bound[(from + k) % nbound];
    return NULL;
}

static const Axis *counted_index(void)      /* one whose range is a number; NULL */
{
    for (int k = 0, from = below(nbound + 1); k < nbound; k++)
        if (bound[(from + k) % nbound].size > 0)
            return &bound[(from + k) % nbound];
    return NULL;
}

/* Whether the axes that are known only when it runs can be read here. */
static bool readable(const Tensor *t)
{
    for (int k = 0; k < t->rank; k++)
        if (t->axis[k].size < 0 && !index_of(t->axis[k].size))
            return false;
    return true;
}

static const Tensor *some_tensor(bool whole)
{
    for (int k = 0, from = below(ntensors + 1); k < ntensors; k++) {
        const Tensor *t = &tensors[(from + k) % ntensors];
        if ((t->of > 0) == whole && readable(t))
            return t;
    }
    return NULL;
}

/* ---- reads -------------------------------------------------------------------------------------------- */
static void read_tensor(const Tensor *t, const Axis *at, const char *index);

static void subscript(const Axis *a)
{
    const Axis *same = index_of(a->size), *other = counted_index();
    const Tensor *whole = one_in(6) ? some_tensor(true) : NULL;
    const int size = a->size;
    if (size == LENGTH && one_in(3))
        put("%s %s %d", same->name, PICK("-", "+"), between(1, 2));
    else if (size < 0 || (same && !one_in(3)))
        put("%s", same->name);
    else if (whole) {
        read_tensor(whole, NULL, NULL);
        put("%s", one_in(2) ? "" : " + 1");
    } else if (one_in(12)) {
        put("floor(%d * sigmoid(", size);
        expression(0);
        put("))");
    } else if (!other)
        put("%d", below(size));
    else
        switch (below(7)) {
        case 0: put("%s * 2 - %d", other->name, below(3)); break;
        case 1: put("%d - %s", size - 1, other->name); break;
        case 2: put("(%s + %d) %% %d", other->name, below(size), size); break;
        case 3: put("%s / 2 + %d", other->name, below(2)); break;
        case 4: put("%s - 1", other->name); break;
        case 5: put("%d * %s", between(2, 3), other->name); break;
        default: put("%s + %d", other->name, between(1, 2));
        }
}

/* t[..]; the subscript of the axis `at` is `index`. */
static void read_tensor(const Tensor *t, const Axis *at, const char *index)
{
    put("%s", t->name);
    for (int k = 0; k < t->rank; k++) {
        put(k ? ", " : "[");
        if (&t->axis[k] == at)
            put("%s", index);
        else
            subscript(&t->axis[k]);
    }
    if (t->rank && t->of == 0 && one_in(6))
        put(" else %s", PICK("1", "0.5", "-1", "0"));
    put(t->rank ? "]" : "");
}

static void leaf(void)
{
    const Tensor *t = some_tensor(one_in(8));
    const Axis *i = counted_index();
    if (t && !one_in(6))
        read_tensor(t, NULL, NULL);
    else if (i && one_in(2))
        put("%s / %d", i->name, i->size + 1);
    else
        put("%s", PICK("0.5", "1", "0.25", "2", "0.1"));
}

/* ---- reductions --------------------------------------------------------------------------------------- */
static void condition(const Axis *i)
{
    const Axis *other = counted_index();
    if (other && i->size > 0 && !one_in(3))
        put(" where %s %s %s", i->name, PICK("!=", "<=", "<", ">=", "=="), other->name);
    else {
        put(" where ");
        expression(0);
        put(" %s ", PICK("<", ">", "<="));
        expression(0);
    }
}

static const Axis *axis_to_reduce(const Tensor *t)
{
    for (int tries = 0; t && tries < 4; tries++)
        if (t->rank && t->axis[below(t->rank)].size != EXAMPLES) {
            const Axis *a = &t->axis[below(t->rank)];
            if (a->size != EXAMPLES)
                return a;
        }
    return NULL;
}

/* An index whose range is that of the axis it stands at, or one with a range of its own. */
static void reduction(const char *name, int depth, bool where)
{
    const int around = nbound;
    const Tensor *t = some_tensor(false);
    const Axis *a = one_in(4) ? NULL : axis_to_reduce(t);
    const Axis i = fresh(a ? a->size : between(1, 4));
    put("(%s(%s", name, i.name);
    if (!a || (a->size > 0 && one_in(4)))
        put(" < %d", i.size);
    if (!a && one_in(3)) {          /* two at once */
        const Axis j = fresh(between(2, 3));
        put(", %s < %d", j.name, j.size);
        bind(j);
    }
    bind(i);
    if (where && one_in(3))
        condition(&i);
    put(") ");
    if (a) {
        read_tensor(t, a, i.name);
        put(" * ");
    }
    put("(");
    expression(depth - 1);
    put("))");
    nbound = around;
}

/* ---- expressions -------------------------------------------------------------------------------------- */
static const char *const forms[] = {
    "(# + #)", "(# - #)", "# * #", "# * #", "tanh(#)", "sigmoid(#)", "sin(#)", "cos(#)", "softplus(#)", "exp(-(#)^2)", "erf(#)",
    "sqrt(1 + (#)^2)", "log(1 + (#)^2)", "# / (1 + (#)^2)", "(#)^2", "(# > # ? # : #)", "max(#, #)", "min(#, 0.7)", "abs(#)",
    "stop(#)", "# * (# < #)", "bend(#)", "clamp(#, -1, 1)", "-(#)", "(# + 0.1 * normal())",
    "(uniform() < 0.5 ? # : #)", "(training ? # : #)", "(not (# < # and # > 0) or # > 1 ? # : #)", "(1.5 + sin(#))^#",
    "0.1 * floor(3 * #)", "0.1 * round(3 * #)", "0.1 * (floor(9 * #) % 5)", "(# == # ? # : #)", "(# < # ? # : # > # ? # : #)",
    "xlogy(#, 2 + cos(#))", "bump(#)", "(#)^3", "(epoch < 1 ? # : #)", "(step % 2 == 0 ? # : #)",
    "(stop(#) + (# - stop(#)))", "1 / (2 + cos(#))", "acos(0.9 * tanh(#))",
};
static const struct { const char *name; bool where; } reductions[] = {
    { "sum", 1 }, { "sum", 1 }, { "mean", 1 }, { "prod", 1 }, { "max", 0 }, { "min", 0 }, { "logsumexp", 0 }, { "length", 1 },
    { "any", 1 }, { "all", 1 }, { "0.1 * argmax", 1 }, { "0.2 * argmin", 0 }, { "spread_of", 0 },
};
enum { FORMS = sizeof forms / sizeof *forms, REDUCTIONS = sizeof reductions / sizeof *reductions };

static void expression(int depth)
{
    if (depth <= 0 || one_in(8))
        leaf();
    else if (one_in(3) && nbound < 8) {
        const int k = below(REDUCTIONS);
        const char *mark = strchr(reductions[k].name, '*');
        if (mark)
            put("0.1 * ");
        reduction(mark ? mark + 2 : reductions[k].name, depth, reductions[k].where);
    } else
        for (const char *f = forms[below(FORMS)]; *f; f++)
            if (*f == '#')
                expression(depth - 1 - one_in(2));
            else
                put("%c", *f);
}

/* ---- statements --------------------------------------------------------------------------------------- */
/* What is begun can be read once it is ended. */
static Tensor *begin_statement(const char *letter, int rank, const Axis *axes)
{
    Tensor *t = define(letter, rank, axes);
    ntensors--;
    return t;
}

static void end_statement(void)
{
    put("\n");
    ntensors++;
    nbound = 0;
}

static void left_side(const Tensor *t)
{
    put("    %s", t->name);
    for (int k = 0; k < t->rank; k++) {
        put("%s%s", k ? ", " : "[", t->axis[k].name);
        if (t->axis[k].size > 0)
            put(" < %d", t->axis[k].size);
        bind(t->axis[k]);
    }
    put("%s = ", t->rank ? "]" : "");
}

/* Some axes: those of the examples (and of their steps) or not, then one or two of known sizes. */
static int some_axes(Axis *axes, bool examples, bool ragged)
{
    int rank = 0;
    if (examples)
        axes[rank++] = axis("n", EXAMPLES);
    if (ragged)
        axes[rank++] = axis("t", LENGTH);
    for (int k = between(!rank, 2); k > 0; k--)
        axes[rank++] = fresh(between(1, 5));
    return rank;
}

static void plain_statement(bool ragged)
{
    Axis axes[RANK];
    const int rank = some_axes(axes, !one_in(6), false);
    const bool along = ragged && axes[0].size == EXAMPLES && one_in(2);
    left_side(begin_statement("a", along ? some_axes(axes, true, true) : rank, axes));
    put("tanh(");
    expression(3);
    put(")");
    end_statement();
}

/* Whole numbers: a winner, a place in an order, a draw, what is computed from others. */
static void whole_statement(bool ragged)
{
    (void) ragged;
    Axis axes[RANK] = { axis("n", EXAMPLES), fresh(between(2, 4)) };
    const bool places = one_in(3);
    Tensor *t = begin_statement("q", 1 + (places || one_in(2)), axes);
    left_side(t);
    const Tensor *other = one_in(2) ? some_tensor(true) : NULL;
    if (places) {
        t->of = axes[1].size;
        put("rank(%s) (", axes[1].name);
        expression(2);
        put(")");
    } else if (other) {
        t->of = between(2, 5);
        put("(%d * ", between(1, 3));
        read_tensor(other, NULL, NULL);
        put(" %s %s) %% %d", PICK("+", "-"), t->rank > 1 ? axes[1].name : "3", t->of);
    } else {
        t->of = between(2, 5);
        const Axis i = fresh(t->of);
        const bool drawn = one_in(3);
        put("%s(%s < %d) %s(", drawn ? "choice" : PICK("argmax", "argmin"), i.name, i.size, drawn ? "exp" : "");
        bind(i);
        expression(2);
        put(")");
    }
    end_statement();
}

/* Of what this scan has computed: at this step (`now`), or some steps before. */
static void read_step(const Tensor *t, const Axis *r, bool down, bool now)
{
    const Axis i = fresh(t->axis[2].size);
    put("(%s(%s) %s[n, %s", PICK("sum", "max", "mean"), i.name, t->name, r->name);
    if (!now)
        put(" %s %d", down ? "+" : "-", one_in(3) ? 2 : 1);
    put(", %s%s])", i.name, one_in(3) ? " else 0.3" : "");
}

/* A recurrence along an index of its own, or along the steps: up to three tensors that read each other. */
static void scan_statement(bool ragged)
{
    const bool down = one_in(3);
    const Axis r = ragged ? axis("t", LENGTH) : fresh(between(1, 5));
    Tensor inner[3];
    const int n = between(1, 3);
    put("    scan %s", r.name);
    if (!ragged)
        put(" < %d", r.size);
    put("%s {\n", down ? " down" : "");
    for (int k = 0; k < n; k++) {
        const Axis axes[] = { axis("n", EXAMPLES), r, fresh(between(1, 3)) };
        Tensor *const t = begin_statement("h", 3, axes);
        inner[k] = *t;
        put("        %s[n, %s, %s < %d] = tanh(", t->name, r.name, axes[2].name, axes[2].size);
        for (int q = 0; q < 3; q++)
            bind(axes[q]);
        if (one_in(2))
            read_step(t, &r, down, false);
        else
            put("0.5 * %s[n, %s %s 1, %s else 0.3]", t->name, r.name, down ? "+" : "-", axes[2].name);
        put(" * ");
        expression(1);
        put(" + ");
        if (k) {
            read_step(&inner[below(k)], &r, down, one_in(2));
            put(" * ");
        }
        expression(2);
        put(")\n");
        nbound = 0;
    }
    put("    }\n");
    for (int k = 0; k < n; k++)
        tensors[ntensors++] = inner[k];
    if (one_in(3)) {
        const Axis axes[] = { axis("n", EXAMPLES), fresh(inner[0].axis[2].size) };
        left_side(begin_statement("l", 2, axes));
        put("%s[n, last(%s), %s]", inner[0].name, r.name, axes[1].name);
        end_statement();
    }
}

/* Steps until something holds, for each point of its own. They have no gradient. */
static void until_statement(bool ragged)
{
    (void) ragged;
    const Axis r = fresh(between(1, 6)), all[] = { axis("n", EXAMPLES), fresh(between(1, 3)) };
    const int rank = between(1, 2);
    char point[40], step[12];
    snprintf(point, sizeof point, "n%s%s", rank > 1 ? ", " : "", rank > 1 ? all[1].name : "");
    snprintf(step, sizeof step, "w%d", names++ % 1000);
    Tensor *const t = begin_statement("u", rank, all);
    for (int k = 0; k < rank; k++)
        bind(all[k]);
    bind(r);
    put("    scan %s < %d {\n        %s[n%s%s", r.name, r.size, step, rank > 1 ? ", " : "", rank > 1 ? all[1].name : "");
    if (rank > 1)
        put(" < %d", all[1].size);
    put(", %s] = sin(0.7 * %s[%s, %s - 1 else 1] + %s(", r.name, step, point, r.name, one_in(2) ? "normal() + " : "");
    expression(2);
    put("))\n    } until %s[%s, %s] %s 0.4\n", step, point, r.name, PICK("<", ">"));
    nbound--;
    put("    %s[%s] = stop((%s(%s) %s[%s, %s]) + 0.1 * %s[%s, last(%s)])", t->name, point, PICK("sum", "mean", "max"), r.name, step, point, r.name,
        step, point, r.name);
    end_statement();
}

/* Every point of a tensor adds to a place that is computed; `out` declares how much room there is. */
static void scatter_statement(bool ragged)
{
    const Axis axes[] = { axis("n", EXAMPLES), fresh(between(2, 7)) }, from[] = { axes[0], fresh(between(2, 4)) };
    (void) ragged;
    bind(axes[0]);
    const Tensor *whole = some_tensor(true);
    Tensor *a = begin_statement("a", 2, from);
    left_side(a);
    expression(2);
    put("\n    out s%s[n, %d]", a->name, axes[1].size);
    end_statement();
    for (int k = between(1, 2); k > 0; k--) {
        bind(axes[0]);
        bind(from[1]);
        put("    s%s[n, ", a->name);
        if (whole && whole->rank == 1 && one_in(2))
            put("%s[n]", whole->name);
        else
            put("%s %s", from[1].name, PICK("+ 1", "* 2 - 1", "* 2", "/ 2", "- 1"));
        put("] += %s[n, %s] * (", a->name, from[1].name);
        expression(2);
        put(")\n");
        nbound = 0;
    }
    Tensor *s = define("", 2, axes);
    snprintf(s->name, sizeof s->name, "s%.10s", a->name);
}

static void mean_over_examples(int depth)
{
    put("(mean(n) (");
    bind(axis("n", EXAMPLES));
    expression(depth);
    put("))");
}

/* What a pass over all rows finds. */
static void sweep_statement(bool ragged)
{
    (void) ragged;
    if (writing == VIEW)
        return;
    const Axis axes[] = { fresh(between(1, 4)) };
    put("    sweep(every = %s) ", PICK("start", "epoch", "step"));
    left_side(begin_statement("m", one_in(4) ? 0 : 1, axes));
    mean_over_examples(2);
    end_statement();
}

/* A network of its own, of a tensor above. */
static void net_statement(bool ragged)
{
    (void) ragged;
    if (writing != LAYER)
        return;
    for (int k = 0, from = below(ntensors); k < ntensors; k++) {
        const Tensor *t = &tensors[(from + k) % ntensors];
        if (t->rank != 2 || t->of || t->axis[0].size != EXAMPLES || t->axis[1].size < 1)
            continue;
        const Axis axes[] = { axis("n", EXAMPLES), fresh(between(1, 4)) };
        Tensor *g = begin_statement("g", 2, axes);
        put("    net %s(%s) { dense(%d) %s }", g->name, t->name, axes[1].size, PICK("tanh", "sigmoid", "gelu", "layernorm", "dropout(0.2) tanh"));
        g->learns = true;
        end_statement();
        return;
    }
}

static void state_statement(bool ragged)
{
    (void) ragged;
    if (writing == VIEW)
        return;
    Axis axes[RANK];
    const int rank = some_axes(axes, one_in(5), false);
    Tensor *t = begin_statement("k", rank, axes);
    t->state = true;
    put("    state %s", t->name);
    for (int k = 0; k < rank; k++) {
        put(k ? ", " : "[");
        put(axes[k].size < 0 ? "n" : "%d", axes[k].size);
    }
    put("] = %s", PICK("0", "0.5", "normal()"));
    end_statement();
}

/* What becomes of the states, all of them or a few numbers. */
static void updates(void)
{
    nbound = 0;
    for (int k = 0; k < ntensors; k++) {
        const Tensor *t = &tensors[k];
        if (!t->state || one_in(6))
            continue;
        const bool few = t->axis[0].size > 0 && one_in(3);
        put("    %s", t->name);
        for (int q = 0; q < t->rank; q++) {
            put(q ? ", " : "[");
            if (few && q == 0)
                put("%d", below(t->axis[0].size));
            else {
                put("%s", t->axis[q].name);
                bind(t->axis[q]);
            }
        }
        put("] := tanh(");
        if (!few) {
            put("0.8 * %s", t->name);
            for (int q = 0; q < t->rank; q++)
                put("%s%s", q ? ", " : "[", t->axis[q].name);
            put("] + ");
        }
        if (index_of(EXAMPLES))
            expression(3);
        else
            mean_over_examples(3);
        put(")\n");
        nbound = 0;
    }
}

/* ---- definitions -------------------------------------------------------------------------------------- */
int beside;
static const char *const axis_names[][3] = { [VECTOR] = { "k" }, [STEPS] = { "t", "k" }, [IMAGE] = { "c", "h", "w" } };

static void begin(const char *kind)
{
    writing = !strcmp(kind, "view") ? VIEW : !strcmp(kind, "loss") ? LOSS : LAYER;
    put("own_%s%d", kind, definitions);
    begin_definition();
    put("\n%s own_%s%d", kind, kind, definitions++);
    ntensors = nbound = 0;
}

static void end(void)
{
    updates();
    put("}\n");
    nbound = 0;
    end_definition();
}

static void input_tensor(const char *name, const Shape *s)
{
    Axis axes[RANK] = { axis("n", EXAMPLES) };
    put("    in %s[n", name);
    for (int k = 0; k < s->rank; k++) {
        axes[k + 1] = axis(axis_names[s->kind][k], s->ragged && k == 0 ? LENGTH : s->size[k]);
        put(", %s", axes[k + 1].name);
    }
    put("]\n");
    strcpy(define("", s->rank + 1, axes)->name, name);
}

static void second_tensor(void)
{
    const Axis axes[] = { axis("n", EXAMPLES), axis("m", beside) };
    put("    in c[n, m]\n");
    strcpy(define("", 2, axes)->name, "c");
}

static void parameters(void)
{
    for (int k = between(1, 3); k > 0; k--) {
        Axis axes[RANK];
        const int rank = some_axes(axes, false, false);
        Tensor *t = define("w", rank, axes);
        t->learns = true;
        put("    param %s", t->name);
        for (int q = 0; q < rank; q++)
            put("%s%d", q ? ", " : "[", axes[q].size);
        put("] = %s%s\n", PICK("normal()", "0.5 * normal()", "uniform()", "0", "1"), one_in(3) ? " exempt" : "");
    }
}

static void statements(bool ragged)
{
    static void (*const kinds[])(bool) = {
        plain_statement, plain_statement, whole_statement, scan_statement, scatter_statement, until_statement, sweep_statement, net_statement,
        state_statement,
    };
    for (int k = below(4); k > 0; k--)
        kinds[below(sizeof kinds / sizeof *kinds)](ragged);
}

static void sum_of(const Tensor *t)
{
    put(" + 0.3 * (sum(");
    for (int k = 0, first = 1; k < t->rank; k++)
        if (t->axis[k].size > 0)
            put("%sp%d < %d", first ? "" : ", ", k, t->axis[k].size), first = 0;
    put(") %s", t->name);
    for (int k = 0; k < t->rank; k++)
        if (t->axis[k].size > 0)
            put("%sp%d", k ? ", " : "[", k);
        else
            put("%s%s", k ? ", " : "[", t->axis[k].name);
    put("])");
}

/* [n, ..] with the last axis, or the channels, as `last`. */
static void point(const Shape *s, const char *last)
{
    put("[n");
    for (int k = 0; k < s->rank; k++)
        put(", %s", k == (s->kind == IMAGE ? 0 : s->rank - 1) ? last : axis_names[s->kind][k]);
    put("]");
}

static void bind_point(const Shape *s, const char *last)
{
    bind(axis("n", EXAMPLES));
    for (int k = 0; k < s->rank; k++)
        bind(axis(k == (s->kind == IMAGE ? 0 : s->rank - 1) ? last : axis_names[s->kind][k], s->ragged && k == 0 ? LENGTH : s->size[k]));
}

/* The last axis, or the channels, may get another size. */
void own_layer(Shape *s)
{
    int *const changed = &s->size[s->kind == IMAGE ? 0 : s->rank - 1];
    begin("layer");
    put("(units) {\n");
    input_tensor("x", s);
    if (beside)
        second_tensor();
    put("    out y");
    point(s, "units");
    put("\n");
    parameters();
    statements(s->ragged);
    *changed = one_in(2) ? *changed : between(2, 6);
    put("    y");
    point(s, "j");
    bind_point(s, "j");
    put(" = tanh((sum(i) x");
    point(s, "i");
    put(" * cos(2 * i + j)) + ");
    expression(4);
    for (int k = 1; k < ntensors; k++)
        if (tensors[k].learns)
            sum_of(&tensors[k]);
    put(")\n");
    end();
    put("(%d)", *changed);
}

void own_latent(int features)
{
    const Shape s = { .kind = VECTOR, .rank = 1, .size = { features } };
    begin("latent");
    put("(units) {\n");
    input_tensor("x", &s);
    put("    net mu(x) { dense(units) }\n");
    parameters();
    statements(false);
    put("    sample z[n, j] = mu[n, j] + ");
    bind(axis("n", EXAMPLES));
    expression(3);
    put(" * %s", PICK("normal()", "(uniform() - 0.5)", "0.1"));
    for (int k = 1; k < ntensors; k++)
        if (tensors[k].learns)
            sum_of(&tensors[k]);
    put("\n    mean z[n, j] = mu[n, j]\n    prior z[n, j < units] = %s\n    term kl[n, j] = mu[n, j]^2 / 2 + tanh(", PICK("normal()", "uniform()"));
    expression(3);
    put(")\n");
    end();
}

/* The last axis as it is, by a function of its neighbours. */
void own_view(const Shape *s)
{
    const char *last = axis_names[s->kind][s->kind == IMAGE ? 0 : s->rank - 1];
    begin("view");
    put(" {\n");
    input_tensor("x", s);
    put("    out y");
    point(s, last);
    put("\n");
    statements(s->ragged);
    put("    y");
    point(s, last);
    bind_point(s, last);
    put(" = x");
    point(s, last);
    put(" + 0.2 * tanh(");
    expression(3);
    put(")\n");
    end();
}

/* Of each example: h[n, k]. */
void own_loss(int units)
{
    const Shape s = { .kind = VECTOR, .rank = 1, .size = { units } };
    begin("loss");
    put(" {\n");
    input_tensor("h", &s);
    statements(false);
    if (one_in(6)) {
        const Axis axes[] = { fresh(between(1, 3)), axis("n", EXAMPLES), axis("k", units) };
        put("    each[%s < %d] = sum(n, j) sin(h[n, j]) * (", axes[0].name, axes[0].size);
        bind(axes[0]);
        bind(axes[1]);
        bind(axis("j", units));
        expression(2);
        put(")\n");
        nbound = 0;
        put("    jac[i, n, j] = gradient(each[i], h[n, j])\n");
        strcpy(define("", 3, axes)->name, "jac");
    } else if (one_in(4)) {
        const Axis axes[] = { axis("n", EXAMPLES), axis("k", units) };
        const Axis j = fresh(units);
        put("    total = sum(n, %s) sin(h[n, %s]) * ", j.name, j.name);
        bind(axes[0]);
        bind(j);
        put("(");
        expression(2);
        put(")\n");
        nbound = 0;
        put("    slope[n, %s] = gradient(total, h[n, %s])\n", j.name, j.name);
        strcpy(define("", 2, axes)->name, "slope");
    }
    bind(axis("n", EXAMPLES));
    put("    value[n] = (sum(j) h[n, j]^2) + ");
    expression(4);
    put("\n");
    end();
}

/* Of the whole batch: pairs of examples. */
void own_loss_of_batch(int units)
{
    const Shape s = { .kind = VECTOR, .rank = 1, .size = { units } };
    begin("loss");
    put(" {\n");
    input_tensor("h", &s);
    statements(false);
    put("    d[n, m] = sum(j) (h[n, j] - h[m, j])^2\n");
    put("    value = %s(n, m where m %s n) tanh(d[n, m]%s)", PICK("mean", "sum"), PICK("!=", "<", ">"),
        PICK("", " / 2", " - 1"));
    put(" + mean(n) (");
    bind(axis("n", EXAMPLES));
    expression(3);
    put(")\n");
    end();
}
