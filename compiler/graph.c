/* graph.c -- `aec show --graph`: the model as a picture, a box for each input, layer and term of the loss.
 *
 * Works on the module after split. A statement says of which use of a definition it is; a use that reads what another one
 * set stands below it, as deep as the longest way to it. */
#include "driver.h"

typedef struct {
    Str path, words, shape;
    long parameters;
    enum { BOX_input, BOX_layer, BOX_term } kind;
    int depth;
    double x;                   /* of its middle */
    VEC(int) from;
    bool read;                  /* shape is that of what others read */
} Box;

typedef struct { Module *m; VEC(Box) boxes; } Graph;

enum { WIDE = 240, HIGH = 52, ACROSS = 28, DOWN = 34, EDGE = 20 };

/* ---- boxes ------------------------------------------------------------------------------------------------- */
/* Terms have statements of their own, "term.kl(z)", beside those of what they sum. */
static Str path_of(const Use *use)
{
    return strncmp(use->path, "term.", 5) ? use->path : intern(use->path + 5);
}

static int box_of(Graph *g, Str path, Str words, int kind)
{
    const int at = FIRST(k, g->boxes.n, g->boxes.at[k].path == path);
    if (at >= 0)
        return at;
    PUSH(g->boxes, ((Box) { .path = path, .words = words, .shape = intern(""), .kind = kind }));
    return g->boxes.n - 1;
}

static bool is_term(const Graph *g, Str path)
{
    return FIND(phase, g->m->phases, FIND_AT(t, phase->gradient->terms, t->name == path));
}

typedef struct { Graph *g; int to; } Reading;

static void see_tensor(Reading *r, Tensor *t)
{
    if (t->role == ROLE_input && !t->mark) {
        t->mark = box_of(r->g, t->name, t->name, BOX_input) + 1;
        r->g->boxes.at[t->mark - 1].shape = sizes_text(r->g->m, t);
    }
    const int from = t->mark - 1;
    if (from < 0 || from == r->to)
        return;
    Box *to = &r->g->boxes.at[r->to], *box = &r->g->boxes.at[from];
    if (!ANY(k, to->from.n, to->from.at[k] == from))
        PUSH(to->from, from);
    to->depth = box->depth >= to->depth ? box->depth + 1 : to->depth;
    if (box->kind == BOX_layer && !box->read) {
        box->shape = sizes_text(r->g->m, t);
        box->read = true;
    }
}

static void see_stmt(Graph *g, Stmt *s)
{
    EACH(inner, s->body)
        see_stmt(g, inner);
    if (!s->use || s->backward || s->update || s->kind == STMT_scan || !strcmp(s->use->path, "loss"))
        return;
    const Str path = path_of(s->use);
    Reading r = { g, box_of(g, path, s->use->words, is_term(g, path) ? BOX_term : BOX_layer) };
    EACH_EXPR_OF(e, s)
        if (e->tensor)
            see_tensor(&r, e->tensor);
    if (s->source)
        see_tensor(&r, s->source);
    if (s->target->role == ROLE_temp && !s->target->mark)
        s->target->mark = r.to + 1;
    Box *box = &g->boxes.at[r.to];
    if (box->kind == BOX_layer && !box->read)
        box->shape = sizes_text(g->m, s->target);
}

static void count_parameters(Graph *g)
{
    EACH(p, g->m->params) {
        Box *best = NULL;
        EACH_AT(box, g->boxes)
            if (is_within(p->name, box->path) && (!best || strlen(box->path) > strlen(best->path)))
                best = box;
        if (best)
            best->parameters += tensor_count(p);
    }
}

/* ---- places -------------------------------------------------------------------------------------------------- */
/* Each row of boxes in the order of where their inputs stand; the widest row says how wide the picture is. */
static int place(Graph *g, int *rows)
{
    int most = 1;
    *rows = 0;
    EACH_AT(box, g->boxes)
        *rows = box->depth + 1 > *rows ? box->depth + 1 : *rows;
    for (int row = 0; row < *rows; row++) {
        int n = 0;
        EACH_AT(box, g->boxes)
            n += box->depth == row;
        most = n > most ? n : most;
    }
    const int width = most * (WIDE + ACROSS);
    for (int row = 0; row < *rows; row++) {
        VEC(Box *) list = { 0 };
        EACH_AT(box, g->boxes) {
            if (box->depth != row)
                continue;
            double sum = 0;
            EACH(k, box->from)
                sum += g->boxes.at[k].x / box->from.n;
            box->x = sum;
            int at = list.n;
            while (at > 0 && list.at[at - 1]->x > box->x)
                at--;
            INSERT(list, at, box);
        }
        for (int k = 0; k < list.n; k++)
            list.at[k]->x = EDGE + width * (k + 0.5) / list.n;
    }
    return width + 3 * EDGE;
}

/* ---- the picture ----------------------------------------------------------------------------------------------- */
static double top_of(const Box *box) { return EDGE + box->depth * (HIGH + DOWN); }

/* From below one box to above another; past the boxes between where it is more than a row. */
static void put_way(Buf *b, const Box *from, const Box *to)
{
    const double y = top_of(from) + HIGH, end = top_of(to);
    const double bend = to->depth - from->depth > 1 ? WIDE * 0.76 : 0;
    buf_add(b, "<path d=\"M%.1f %.1f C%.1f %.1f %.1f %.1f %.1f %.1f\"/>\n", from->x, y, from->x + bend, y + DOWN, to->x + bend, end - DOWN,
            to->x, end - 5);
}

static Str shortened(Str words)
{
    return strlen(words) > 30 ? format("%.28s..", words) : words;
}

static void put_box(Buf *b, const Box *box)
{
    static const char *const fill[] = { "#e8f0e4", "#e6edf7", "#f7ebe0" };
    const double x = box->x - WIDE / 2.0, y = top_of(box);
    buf_add(b, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\" rx=\"6\" fill=\"%s\"/>\n", x, y, WIDE, HIGH, fill[box->kind]);
    buf_add(b, "<text x=\"%.1f\" y=\"%.1f\">", box->x, y + 21);
    html_text(b, shortened(box->words));
    buf_add(b, "</text>\n<text x=\"%.1f\" y=\"%.1f\" class=\"s\">", box->x, y + 39);
    html_text(b, box->kind == BOX_layer ? shortened(box->path) : box->kind == BOX_term ? intern("term of the loss") : intern("input"));
    if (*box->shape)
        html_text(b, format(", %s", box->shape));
    if (box->parameters)
        html_text(b, format(", %s parameters", number_grouped((double) box->parameters)));
    buf_add(b, "</text>\n");
}

void graph_print(Buf *b, Module *m)
{
    Graph g = { .m = m };
    int rows;
    EACH(t, m->temps)
        t->mark = 0;
    EACH_AT(in, m->inputs)
        in->tensor->mark = 0;
    EACH(phase, m->phases)
        EACH(s, phase->gradient->body)
            see_stmt(&g, s);
    count_parameters(&g);
    const int width = place(&g, &rows), height = 2 * EDGE + rows * (HIGH + DOWN) - DOWN;
    buf_add(b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\">\n<title>", width, height, width, height);
    html_text(b, m->name);
    buf_add(b, "</title>\n<style>text { font: 13px sans-serif; text-anchor: middle; fill: #222 } .s { font-size: 10px; fill: #666 }"
               " path { fill: none; stroke: #888; marker-end: url(#end) } rect { stroke: #999 }</style>\n"
               "<marker id=\"end\" viewBox=\"0 0 8 8\" refX=\"6\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\">"
               "<path d=\"M0 0 L8 4 L0 8 z\" style=\"fill: #888; stroke: none; marker-end: none\"/></marker>\n"
               "<rect width=\"100%%\" height=\"100%%\" style=\"fill: #fff; stroke: none\"/>\n");
    EACH_AT(box, g.boxes)
        EACH(k, box->from)
            put_way(b, &g.boxes.at[k], box);
    EACH_AT(box, g.boxes)
        put_box(b, box);
    buf_add(b, "</svg>\n");
}
