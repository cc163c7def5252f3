/* onnx_run.c -- reads an ONNX model and computes it with plain loops, for tests: what ONNX says, not what a trainer does.
 *
 *     onnx_run rows FILE.npy SEED LOW HIGH DIM...       numbers to feed it, in float; whole ones where HIGH > 1
 *     onnx_run MODEL NAME=FILE.npy ... K:FILE.npy       `=` is an input, `:` what output K, from 0, must be, to 1e-5
 *     onnx_run MODEL ops                                the nodes it has, by kind
 *
 * Every element is a double that is rounded to float after each node. Knows the nodes that aec writes and no others. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANK = 24, REAL = 1, WHOLE = 7, TRUTH = 9, NODES = 4096, NAMES = 64 };
typedef struct { const uint8_t *p, *end; } Span;
typedef struct { int kind, rank; long dim[RANK], n; double *v; } T;
typedef struct Env { struct Env *outer; struct { char *name; T t; } *at; int n, room; } Env;
typedef struct { char *op, *in[NAMES], *out[NAMES]; int nin, nout; Span attr[16]; int nattr; } Node;

static void die(const char *why, const char *what)
{
    fprintf(stderr, "%s%s%s\n", why, what ? ": " : "", what ? what : "");
    exit(1);
}

/* ---- protocol buffers ------------------------------------------------------------------------------------ */
static uint64_t varint(Span *s)
{
    uint64_t v = 0;
    for (int shift = 0; s->p < s->end && shift < 64; shift += 7) {
        v |= (uint64_t) (*s->p & 127) << shift;
        if (*s->p++ < 128)
            return v;
    }
    die("a number without end", NULL);
    return 0;
}

/* The next field: its number, and its value or its bytes; 0 at the end. */
static int field(Span *s, uint64_t *v, Span *part)
{
    if (s->p == s->end)
        return 0;
    const uint64_t tag = varint(s);
    *part = (Span) { s->p, s->p };
    if ((tag & 7) == 0) {
        *v = varint(s);
    } else if ((tag & 7) == 2) {
        const uint64_t n = varint(s);
        if (n > (uint64_t) (s->end - s->p))
            die("a part that is longer than the whole", NULL);
        *part = (Span) { s->p, s->p + n };
        s->p += n;
    } else {
        die("a field of another kind", NULL);
    }
    return (int) (tag >> 3);
}

static char *text(Span s)
{
    char *t = calloc((size_t) (s.end - s.p) + 1, 1);
    memcpy(t, s.p, (size_t) (s.end - s.p));
    return t;
}

/* The bytes of the last field of that number. */
static Span part_of(Span s, int number)
{
    uint64_t v;
    Span part, found = { NULL, NULL };
    for (int k; (k = field(&s, &v, &part)); )
        if (k == number)
            found = part;
    return found;
}

/* ---- tensors --------------------------------------------------------------------------------------------- */
static T new(int kind, int rank, const long *dim)
{
    T t = { .kind = kind, .rank = rank, .n = 1 };
    if (rank > RANK)
        die("too many axes", NULL);
    for (int k = 0; k < rank; k++)
        t.n *= t.dim[k] = dim[k];
    t.v = calloc((size_t) t.n + 1, sizeof *t.v);
    return t;
}

static double round_to(int kind, double v) { return kind == REAL ? (float) v : kind == TRUTH ? v != 0 : v; }
static T like(T t, const double *from) { T y = new(t.kind, t.rank, t.dim); memcpy(y.v, from, (size_t) y.n * sizeof *from); return y; }

/* The steps of x in a tensor of `rank` axes that it is broadcast to. */
static void steps(const T *x, int rank, const long *dim, long *step)
{
    long one = 1;
    for (int k = rank - 1; k >= 0; k--) {
        const int own = k - rank + x->rank;
        const long size = own >= 0 ? x->dim[own] : 1;
        if (size != 1 && size != dim[k])
            die("shapes that do not fit", NULL);
        step[k] = size == 1 ? 0 : one;
        one *= size;
    }
}

/* Counts `at` on; the place in each of n tensors goes with it. */
static void count_on(int rank, const long *dim, long *at, int n, long (*step)[RANK], long *place)
{
    for (int k = rank - 1; k >= 0; k--) {
        at[k]++;
        for (int j = 0; j < n; j++)
            place[j] += step[j][k];
        if (at[k] < dim[k])
            return;
        for (int j = 0; j < n; j++)
            place[j] -= step[j][k] * dim[k];
        at[k] = 0;
    }
}

static T tensor_of(Span s, char **name)
{
    uint64_t v;
    Span part, raw = { NULL, NULL }, packed = { NULL, NULL };
    long dim[RANK];
    int rank = 0, kind = 0;
    for (int k; (k = field(&s, &v, &part)); ) {
        if (k == 1 && rank < RANK)
            dim[rank++] = (long) v;
        else if (k == 2)
            kind = (int) v;
        else if (k == 8)
            *name = text(part);
        else if (k == 9)
            raw = part;
        else
            packed = part;
    }
    T t = new(kind, rank, dim);
    for (long k = 0; k < t.n; k++) {
        float f;
        int64_t i;
        if (kind == REAL) {
            memcpy(&f, (raw.p ? raw.p : packed.p) + 4 * k, 4);
            t.v[k] = f;
        } else if (raw.p) {
            memcpy(&i, raw.p + 8 * k, 8);
            t.v[k] = (double) i;
        } else {
            t.v[k] = (double) (int64_t) varint(&packed);
        }
    }
    return t;
}

/* ---- names and attributes -------------------------------------------------------------------------------- */
static void set(Env *e, char *name, T t)
{
    for (int k = 0; k < e->n; k++)
        if (!strcmp(e->at[k].name, name))
            die("set twice", name);
    if (e->n == e->room)
        e->at = realloc(e->at, (size_t) (e->room = 2 * e->room + 64) * sizeof *e->at);
    e->at[e->n].name = name;
    e->at[e->n++].t = t;
}

static T get(const Env *e, const char *name)
{
    for (; e; e = e->outer)
        for (int k = 0; k < e->n; k++)
            if (!strcmp(e->at[k].name, name))
                return e->at[k].t;
    die("not there", name);
    return (T) { 0 };
}

static Span attribute(const Node *n, const char *name)
{
    for (int k = 0; k < n->nattr; k++) {
        char *is = text(part_of(n->attr[k], 1));
        const bool same = !strcmp(is, name);
        free(is);
        if (same)
            return n->attr[k];
    }
    return (Span) { NULL, NULL };
}

static long number(const Node *n, const char *name, long otherwise)
{
    Span s = attribute(n, name), part;
    uint64_t v;
    for (int k; s.p && (k = field(&s, &v, &part)); )
        if (k == 3)
            return (long) (int64_t) v;
    return otherwise;
}

static int numbers(const Node *n, const char *name, long *at)
{
    Span s = attribute(n, name), part;
    uint64_t v;
    int count = 0;
    for (int k; s.p && (k = field(&s, &v, &part)); )
        if (k == 8)
            at[count++] = (long) (int64_t) v;
    return count;
}

/* ---- elementwise ----------------------------------------------------------------------------------------- */
static double apply(const char *op, const double *x, bool *known)
{
    static const char *const names[] = { "Add", "Sub", "Mul", "Div", "Pow", "Less", "LessOrEqual", "Equal", "And", "Or", "Max", "Min",
        "Mod", "Where", "Clip", "Neg", "Not", "Exp", "Log", "Sqrt", "Abs", "Sign", "Sin", "Cos", "Acos", "Tanh", "Erf", "Sigmoid",
        "Softplus", "Floor", "Round", "Reciprocal", "Identity", "Cast", NULL };
    int k = 0;
    while (names[k] && strcmp(names[k], op))
        k++;
    *known = names[k];
    switch (k) {
    case 0: return x[0] + x[1];
    case 1: return x[0] - x[1];
    case 2: return x[0] * x[1];
    case 3: return x[0] / x[1];
    case 4: return pow(x[0], x[1]);
    case 5: return x[0] < x[1];
    case 6: return x[0] <= x[1];
    case 7: return x[0] == x[1];
    case 8: return x[0] && x[1];
    case 9: return x[0] || x[1];
    case 10: return fmax(x[0], x[1]);
    case 11: return fmin(x[0], x[1]);
    case 12: return x[0] - x[1] * floor(x[0] / x[1]);
    case 13: return x[0] ? x[1] : x[2];
    case 14: return fmin(fmax(x[0], x[1]), x[2]);
    case 15: return -x[0];
    case 16: return !x[0];
    case 17: return exp(x[0]);
    case 18: return log(x[0]);
    case 19: return sqrt(x[0]);
    case 20: return fabs(x[0]);
    case 21: return (x[0] > 0) - (x[0] < 0);
    case 22: return sin(x[0]);
    case 23: return cos(x[0]);
    case 24: return acos(x[0]);
    case 25: return tanh(x[0]);
    case 26: return erf(x[0]);
    case 27: return 1 / (1 + exp(-x[0]));
    case 28: return fmax(x[0], 0) + log1p(exp(-fabs(x[0])));
    case 29: return floor(x[0]);
    case 30: return rint(x[0]);
    case 31: return 1 / x[0];
    default: return x[0];
    }
}

static bool elementwise(const Node *node, const T *in, int n, T *out)
{
    static const char *const truths[] = { "Less", "LessOrEqual", "Equal", "And", "Or", "Not" };
    double x[4] = { 0 };
    long dim[RANK], step[4][RANK], at[RANK] = { 0 }, place[4] = { 0 };
    int rank = 0, kind = in[strcmp(node->op, "Where") ? 0 : 1].kind;
    bool known;
    apply(node->op, x, &known);
    if (!known || n > 4)
        return false;
    for (size_t k = 0; k < sizeof truths / sizeof *truths; k++)
        kind = strcmp(node->op, truths[k]) ? kind : TRUTH;
    kind = (int) number(node, "to", kind);
    for (int k = 0; k < n; k++)
        rank = in[k].rank > rank ? in[k].rank : rank;
    for (int k = 0; k < rank; k++) {
        dim[k] = 1;
        for (int j = 0; j < n; j++)
            if (k >= rank - in[j].rank && in[j].dim[k - rank + in[j].rank] != 1)
                dim[k] = in[j].dim[k - rank + in[j].rank];
    }
    *out = new(kind, rank, dim);
    for (int j = 0; j < n; j++)
        steps(&in[j], rank, dim, step[j]);
    for (long k = 0; k < out->n; k++) {
        for (int j = 0; j < n; j++)
            x[j] = in[j].v[place[j]];
        const double y = apply(node->op, x, &known);
        out->v[k] = round_to(kind, !strcmp(node->op, "Cast") && kind == WHOLE ? trunc(y) : y);
        count_on(rank, dim, at, n, step, place);
    }
    return true;
}

/* ---- sums of products ------------------------------------------------------------------------------------ */
static T einsum(const char *says, const T *in, int n)
{
    long size[128] = { 0 }, dim[RANK], step[NAMES + 1][RANK] = { { 0 } }, at[RANK] = { 0 }, place[NAMES + 1] = { 0 };
    char letter[RANK + 1] = "";
    const char *p = says, *arrow = strchr(says, '>') + 1;
    for (int j = 0; j < n; j++, p++)
        for (int k = 0; k < in[j].rank; k++)
            size[(int) *p++] = in[j].dim[k];
    int all = (int) strlen(arrow);
    strcpy(letter, arrow);
    for (p = says; *p != '-'; p++)
        if (*p != ',' && !strchr(letter, *p))
            letter[all++] = *p;
    for (int k = 0; k < all; k++)
        dim[k] = size[(int) letter[k]];
    T out = new(in[0].kind, (int) strlen(arrow), dim);
    p = says;
    for (int j = 0; j <= n; j++, p++) {
        const char *own = j < n ? p : arrow;
        long one = 1;
        const int rank = j < n ? in[j].rank : out.rank;
        for (int k = rank - 1; k >= 0; k--) {
            step[j][strchr(letter, own[k]) - letter] += one;
            one *= size[(int) own[k]];
        }
        p += rank;
    }
    long points = 1;
    for (int k = 0; k < all; k++)
        points *= dim[k];
    for (long k = 0; k < points; k++) {
        double y = 1;
        for (int j = 0; j < n; j++)
            y *= in[j].v[place[j]];
        out.v[place[n]] += y;
        count_on(all, dim, at, n + 1, step, place);
    }
    for (long k = 0; k < out.n; k++)
        out.v[k] = round_to(out.kind, out.v[k]);
    return out;
}

static T matmul(const T *a, const T *b)
{
    long dim[RANK];
    memcpy(dim, a->dim, sizeof dim);
    const long sums = b->dim[0], columns = b->dim[1];
    if (b->rank != 2 || a->dim[a->rank - 1] != sums)
        die("MatMul of other shapes", NULL);
    dim[a->rank - 1] = columns;
    T y = new(a->kind, a->rank, dim);
    for (long k = 0; k < y.n; k++) {
        for (long i = 0; i < sums; i++)
            y.v[k] += a->v[k / columns * sums + i] * b->v[i * columns + k % columns];
        y.v[k] = (float) y.v[k];
    }
    return y;
}

/* Both directions: which element of the large picture meets which of the small one, under which of the filter. */
static T conv(const Node *node, const T *x, const T *f)
{
    const bool back = !strcmp(node->op, "ConvTranspose");
    long step[RANK], apart[RANK], pads[2 * RANK], added[RANK] = { 0 }, dim[RANK] = { x->dim[0], f->dim[back ? 1 : 0] };
    const int n = numbers(node, "strides", step);
    numbers(node, "dilations", apart);
    numbers(node, "pads", pads);
    numbers(node, "output_padding", added);
    for (int k = 0; k < n; k++) {
        const long reach = apart[k] * (f->dim[k + 2] - 1) + 1, gone = pads[k] + pads[n + k];
        dim[k + 2] = back ? step[k] * (x->dim[k + 2] - 1) + added[k] + reach - gone : (x->dim[k + 2] + gone - reach) / step[k] + 1;
    }
    T y = new(REAL, n + 2, dim);
    const T *small = back ? x : &y, *large = back ? &y : x;
    long sub[RANK] = { 0 }, none[1][RANK] = { { 0 } }, place[1] = { 0 };
    for (long s = 0; s < small->n; s++, count_on(n + 2, small->dim, sub, 1, none, place)) {
        for (long c = 0; c < large->dim[1]; c++)
            for (long w = 0, width = f->n / f->dim[0] / f->dim[1]; w < width; w++) {
                long rest = w, at = 0, one = 1;
                bool inside = true;
                for (int k = n - 1; k >= 0; k--) {
                    const long u = rest % f->dim[k + 2], i = step[k] * sub[k + 2] + apart[k] * u - pads[k];
                    rest /= f->dim[k + 2];
                    inside &= i >= 0 && i < large->dim[k + 2];
                    at += i * one;
                    one *= large->dim[k + 2];
                }
                if (!inside)
                    continue;
                const long l = (sub[0] * large->dim[1] + c) * one + at, by = (sub[1] * f->dim[1] + c) * width + w;
                *(back ? &y.v[l] : &y.v[s]) += (back ? x->v[s] : x->v[l]) * f->v[by];
            }
    }
    for (long k = 0; k < y.n; k++)
        y.v[k] = (float) y.v[k];
    return y;
}

/* ---- axes ------------------------------------------------------------------------------------------------ */
static T reduce(const char *op, const T *x, const T *axes)
{
    long dim[RANK], step[1][RANK] = { { 0 } }, at[RANK] = { 0 }, place[1] = { 0 }, one = 1;
    bool gone[RANK] = { false };
    int rank = 0;
    for (long k = 0; k < axes->n; k++)
        gone[(int) axes->v[k]] = true;
    for (int k = 0; k < x->rank; k++)
        if (!gone[k])
            dim[rank++] = x->dim[k];
    for (int k = x->rank - 1; k >= 0; k--)
        if (!gone[k]) {
            step[0][k] = one;
            one *= x->dim[k];
        }
    T y = new(x->kind, rank, dim);
    const char *const by = op + 6;          /* ReduceMax */
    for (long k = 0; k < y.n; k++)
        y.v[k] = !strcmp(by, "Max") ? -INFINITY : !strcmp(by, "Min") ? INFINITY : !strcmp(by, "Prod");
    for (long k = 0; k < x->n; k++) {
        double *const to = &y.v[place[0]];
        *to = !strcmp(by, "Max") ? fmax(*to, x->v[k]) : !strcmp(by, "Min") ? fmin(*to, x->v[k]) : !strcmp(by, "Prod") ? *to * x->v[k] : *to + x->v[k];
        count_on(x->rank, x->dim, at, 1, step, place);
    }
    for (long k = 0; k < y.n; k++)
        y.v[k] = round_to(y.kind, y.v[k]);
    return y;
}

static T transpose(const Node *node, const T *x)
{
    long perm[RANK], dim[RANK], own[RANK], step[1][RANK], at[RANK] = { 0 }, place[1] = { 0 };
    numbers(node, "perm", perm);
    steps(x, x->rank, x->dim, own);
    for (int k = 0; k < x->rank; k++) {
        dim[k] = x->dim[perm[k]];
        step[0][k] = own[perm[k]];
    }
    T y = new(x->kind, x->rank, dim);
    for (long k = 0; k < y.n; k++) {
        y.v[k] = x->v[place[0]];
        count_on(y.rank, dim, at, 1, step, place);
    }
    return y;
}

static T gather(const T *x, const T *index, int axis)
{
    long dim[RANK] = { 0 }, outer = 1, inner = 1;
    int rank = 0;
    for (int k = 0; k < x->rank; k++) {
        if (k != axis)
            dim[rank++] = x->dim[k];
        for (int j = 0; k == axis && j < index->rank; j++)
            dim[rank++] = index->dim[j];
        if (k < axis)
            outer *= x->dim[k];
        if (k > axis)
            inner *= x->dim[k];
    }
    T y = new(x->kind, rank, dim);
    for (long a = 0; a < outer; a++)
        for (long i = 0; i < index->n; i++)
            for (long b = 0; b < inner; b++) {
                const long at = (long) index->v[i];
                if (at < 0 || at >= x->dim[axis])
                    die("Gather from outside", NULL);
                y.v[(a * index->n + i) * inner + b] = x->v[(a * x->dim[axis] + at) * inner + b];
            }
    return y;
}

static T with_shape(const T *x, const long *dim, int rank)
{
    T y = *x;
    y.rank = rank;
    memcpy(y.dim, dim, (size_t) rank * sizeof *dim);
    return y;
}

static T reshape(const T *x, const T *shape)
{
    long dim[RANK], known = 1;
    int open = -1;
    for (int k = 0; k < shape->n; k++) {
        dim[k] = (long) shape->v[k];
        if (dim[k] < 0)
            open = k;
        else
            known *= dim[k];
    }
    if (open >= 0)
        known *= dim[open] = x->n / known;
    if (known != x->n)
        die("Reshape to another number of elements", NULL);
    return with_shape(x, dim, (int) shape->n);
}

static T unsqueeze(const T *x, const T *axes)
{
    long dim[RANK];
    const int rank = x->rank + (int) axes->n;
    for (int k = 0, from = 0; k < rank; k++) {
        bool new_one = false;
        for (long j = 0; j < axes->n; j++)
            new_one |= (int) axes->v[j] == k;
        dim[k] = new_one ? 1 : x->dim[from++];
    }
    return with_shape(x, dim, rank);
}

static T expand(const T *x, const T *shape)
{
    long dim[RANK], step[1][RANK], at[RANK] = { 0 }, place[1] = { 0 };
    const int rank = shape->n > x->rank ? (int) shape->n : x->rank;
    for (int k = 0; k < rank; k++) {
        const int own = k - rank + x->rank, given = k - rank + (int) shape->n;
        dim[k] = given >= 0 ? (long) shape->v[given] : 1;
        if (dim[k] == 1 && own >= 0)
            dim[k] = x->dim[own];
    }
    T y = new(x->kind, rank, dim);
    steps(x, rank, dim, step[0]);
    for (long k = 0; k < y.n; k++) {
        y.v[k] = x->v[place[0]];
        count_on(rank, dim, at, 1, step, place);
    }
    return y;
}

static T slice(const T *in)
{
    const int axis = (int) in[3].v[0];
    long one = 1, n = (long) in[2].v[0] - (long) in[1].v[0];
    T index = new(WHOLE, one, &n);
    for (long k = 0; k < n; k++)
        index.v[k] = in[1].v[0] + (double) k;
    return gather(in, &index, axis);
}

static T concat(const T *in, int n)         /* along the only axis */
{
    long total = 0;
    for (int k = 0; k < n; k++)
        total += in[k].n;
    T y = new(in[0].kind, 1, &total);
    for (int k = 0, at = 0; k < n; at += (int) in[k++].n)
        memcpy(y.v + at, in[k].v, (size_t) in[k].n * sizeof *y.v);
    return y;
}

static T scatter(const Node *node, const T *in)
{
    T y = like(in[0], in[0].v);
    char *by = text(part_of(attribute(node, "reduction"), 4));
    if (in[0].rank != 2 || number(node, "axis", 0) != 0)
        die("ScatterElements of other shapes", NULL);
    for (long k = 0; k < in[2].n; k++) {
        double *to = &y.v[(long) in[1].v[k] * y.dim[1] + k % y.dim[1]];
        const double v = in[2].v[k];
        *to = round_to(y.kind, !strcmp(by, "add") ? *to + v : !strcmp(by, "mul") ? *to * v : !strcmp(by, "max") ? fmax(*to, v)
                             : !strcmp(by, "min") ? fmin(*to, v) : v);
    }
    return y;
}

/* The order of the last axis, ties by their place. */
static T top(const T *x, bool largest)
{
    const long n = x->dim[x->rank - 1];
    T y = new(WHOLE, x->rank, x->dim);
    for (long row = 0; row < x->n / n; row++)
        for (long k = 0; k < n; k++) {
            long before = 0;
            for (long j = 0; j < n; j++) {
                const double a = x->v[row * n + j], b = x->v[row * n + k];
                before += (largest ? a > b : a < b) || (a == b && j < k);
            }
            y.v[row * n + before] = (double) k;
        }
    return y;
}

static T best(const T *x, bool largest)
{
    const long n = x->dim[x->rank - 1];
    T order = top(x, largest), y = new(WHOLE, x->rank - 1, x->dim);
    for (long k = 0; k < y.n; k++)
        y.v[k] = order.v[k * n];
    return y;
}

/* ---- graphs ---------------------------------------------------------------------------------------------- */
static void run_graph(Span graph, Env *e);

static char **names_of(Span graph, int number, int *n)
{
    uint64_t v;
    Span part;
    char **names = calloc(NODES, sizeof *names);
    *n = 0;
    for (int k; (k = field(&graph, &v, &part)); )
        if (k == number)
            names[(*n)++] = text(part_of(part, 1));
    return names;
}

static void loop(const Node *node, Env *outer)
{
    const Span body = part_of(attribute(node, "body"), 6);
    int nin, nout;
    char **in = names_of(body, 11, &nin), **out = names_of(body, 12, &nout);
    const long rounds = (long) get(outer, node->in[0]).v[0];
    const int carried = nin - 2;
    T state[NAMES], stacked[NAMES];
    for (int k = 0; k < carried; k++)
        state[k] = get(outer, node->in[k + 2]);
    for (long round = 0; round < rounds; round++) {
        Env e = { .outer = outer };
        T count = new(WHOLE, 0, NULL), go = new(TRUTH, 0, NULL);
        count.v[0] = (double) round;
        go.v[0] = 1;
        set(&e, in[0], count);
        set(&e, in[1], go);
        for (int k = 0; k < carried; k++)
            set(&e, in[k + 2], state[k]);
        run_graph(body, &e);
        for (int k = 0; k < carried; k++)
            state[k] = get(&e, out[k + 1]);
        for (int k = carried + 1; k < nout; k++) {
            const T one = get(&e, out[k]);
            T *all = &stacked[k - carried - 1];
            if (round == 0) {
                long dim[RANK] = { rounds };
                memcpy(dim + 1, one.dim, (size_t) one.rank * sizeof *dim);
                *all = new(one.kind, one.rank + 1, dim);
            }
            memcpy(all->v + round * one.n, one.v, (size_t) one.n * sizeof *one.v);
        }
        free(e.at);
    }
    for (int k = 0; k < node->nout; k++)
        set(outer, node->out[k], k < carried ? state[k] : stacked[k - carried]);
}

static T compute(const Node *node, const T *in, int n)
{
    const char *const op = node->op;
    T y;
#define IS(name) (!strcmp(op, name))
    if (elementwise(node, in, n, &y))
        return y;
    if (IS("Einsum"))
        return einsum(text(part_of(attribute(node, "equation"), 4)), in, n);
    if (IS("MatMul"))
        return matmul(&in[0], &in[1]);
    if (IS("Conv") || IS("ConvTranspose"))
        return conv(node, &in[0], &in[1]);
    if (!strncmp(op, "Reduce", 6))
        return reduce(op, &in[0], &in[1]);
    if (IS("Transpose"))
        return transpose(node, &in[0]);
    if (IS("Gather"))
        return gather(&in[0], &in[1], (int) number(node, "axis", 0));
    if (IS("Reshape"))
        return reshape(&in[0], &in[1]);
    if (IS("Unsqueeze"))
        return unsqueeze(&in[0], &in[1]);
    if (IS("Squeeze"))
        return with_shape(&in[0], NULL, 0);
    if (IS("Expand"))
        return expand(&in[0], &in[1]);
    if (IS("Slice"))
        return slice(in);
    if (IS("Concat"))
        return concat(in, n);
    if (IS("ScatterElements"))
        return scatter(node, in);
    if (IS("ArgMax") || IS("ArgMin"))
        return best(&in[0], IS("ArgMax"));
    if (IS("Shape")) {
        const long from = number(node, "start", 0), to = number(node, "end", in[0].rank), many = to - from;
        y = new(WHOLE, 1, &many);
        for (long k = from; k < to; k++)
            y.v[k - from] = (double) in[0].dim[k];
        return y;
    }
    if (IS("Range")) {
        const long many = (long) ((in[1].v[0] - in[0].v[0]) / in[2].v[0]);
        y = new(WHOLE, 1, &many);
        for (long k = 0; k < many; k++)
            y.v[k] = in[0].v[0] + (double) k * in[2].v[0];
        return y;
    }
    die("a node of another kind", op);
    return y;
}

static Node node_of(Span s)
{
    Node n = { .op = NULL };
    uint64_t v;
    Span part;
    for (int k; (k = field(&s, &v, &part)); ) {
        if (k == 1)
            n.in[n.nin++] = text(part);
        else if (k == 2)
            n.out[n.nout++] = text(part);
        else if (k == 4)
            n.op = text(part);
        else if (k == 5)
            n.attr[n.nattr++] = part;
    }
    return n;
}

static void run_graph(Span graph, Env *e)
{
    Span s = graph, part;
    uint64_t v;
    for (int k; (k = field(&s, &v, &part)); )
        if (k == 5) {
            char *name = NULL;
            const T t = tensor_of(part, &name);
            set(e, name, t);
        }
    for (s = graph; ; ) {
        const int k = field(&s, &v, &part);
        if (!k)
            return;
        if (k != 1)
            continue;
        const Node n = node_of(part);
        T in[NAMES];
        if (!strcmp(n.op, "Loop")) {
            loop(&n, e);
            continue;
        }
        for (int j = 0; j < n.nin; j++)
            in[j] = get(e, n.in[j]);
        if (!strcmp(n.op, "TopK"))
            set(e, n.out[1], top(&in[0], number(&n, "largest", 1)));
        else
            set(e, n.out[0], compute(&n, in, n.nin));
    }
}

/* ---- files ----------------------------------------------------------------------------------------------- */
static Span file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        die("cannot be read", path);
    fseek(f, 0, SEEK_END);
    const long n = ftell(f);
    rewind(f);
    uint8_t *p = malloc((size_t) n + 1);
    if (fread(p, 1, (size_t) n, f) != (size_t) n)
        die("cannot be read", path);
    fclose(f);
    p[n] = 0;
    return (Span) { p, p + n };
}

static T npy(const char *path)
{
    const Span s = file(path);
    const char *head = (const char *) s.p + 10, *shape = strstr(head, "'shape': (") + 10, *kind = strstr(head, "'descr': '") + 10;
    const uint8_t *data = s.p + 10 + (s.p[8] | s.p[9] << 8);
    long dim[RANK];
    int rank = 0;
    for (char *end; ; shape = end + 1 + (end[1] == ' ')) {
        const long v = strtol(shape, &end, 10);
        if (end == shape)
            break;
        dim[rank++] = v;
        if (*end != ',')
            break;
    }
    T t = new(kind[1] == 'f' ? REAL : WHOLE, rank, dim);
    for (long k = 0; k < t.n; k++) {
        float f;
        int32_t i;
        memcpy(&f, data + 4 * k, 4);
        memcpy(&i, data + 4 * k, 4);
        t.v[k] = t.kind == REAL ? f : i;
    }
    return t;
}

static int rows(int argc, char **argv)
{
    unsigned long state = strtoul(argv[3], NULL, 10) * 7919 + 1;
    const double low = atof(argv[4]), high = atof(argv[5]);
    char head[256], shape[64] = "";
    long n = 1;
    for (int k = 6; k < argc; k++) {
        n *= atol(argv[k]);
        snprintf(shape + strlen(shape), sizeof shape - strlen(shape), "%s,", argv[k]);
    }
    snprintf(head, sizeof head, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", high > 1 ? "<i4" : "<f4", shape);
    FILE *f = fopen(argv[2], "wb");
    fprintf(f, "\x93NUMPY\x01%c\x76%c%-117s\n", 0, 0, head);
    for (long k = 0; k < n; k++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const double u = (double) (state >> 40) / (1 << 24), v = low + u * (high - low);
        const float real = (float) v;
        const int32_t whole = (int32_t) v;
        fwrite(high > 1 ? (const void *) &whole : &real, 4, 1, f);
    }
    return fclose(f) != 0;
}

static int agrees(const T *got, const T *want, const char *name)
{
    double worst = 0, most = 1;
    for (long k = 0; k < got->n && got->n == want->n; k++) {
        worst = fmax(worst, isnan(got->v[k]) ? INFINITY : fabs(got->v[k] - want->v[k]));
        most = fmax(most, fabs(want->v[k]));
    }
    if (got->n == want->n && worst < 1e-5 * most)
        return 0;
    printf("%s: %ld and %ld numbers, which differ by %g\n", name, got->n, want->n, worst);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc > 6 && !strcmp(argv[1], "rows"))
        return rows(argc, argv);
    if (argc < 3)
        die("MODEL NAME=FILE.npy ... K:FILE.npy", NULL);
    const Span model = file(argv[1]), graph = part_of(model, 7);
    Env e = { .outer = NULL };
    int n, status = 0;
    if (!strcmp(argv[2], "ops")) {
        Span s = graph, part;
        uint64_t v;
        for (int k; (k = field(&s, &v, &part)); )
            if (k == 1)
                puts(node_of(part).op);
        return 0;
    }
    for (int k = 2; k < argc; k++) {
        char *is = strchr(argv[k], '=');
        if (is) {
            *is = 0;
            set(&e, argv[k], npy(is + 1));
        }
    }
    run_graph(graph, &e);
    char **out = names_of(graph, 12, &n);
    for (int k = 2; k < argc; k++) {
        char *want = strchr(argv[k], ':');
        if (!want)
            continue;
        const int which = atoi(argv[k]);
        if (which >= n)
            die("no such output", argv[k]);
        const T got = get(&e, out[which]), is = npy(want + 1);
        status |= agrees(&got, &is, out[which]);
    }
    return status;
}
