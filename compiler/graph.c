/* graph.c -- `aec show --graph`: the model as a picture, a box for each input,
 * layer and term of the loss.
 *
 * Takes the layers of summary.c. One that reads what another one sets stands below it. */
#include "driver.h"

enum { WIDE = 240, HIGH = 52, ACROSS = 28, DOWN = 34, EDGE = 20 };

/* ---- places --------------------------------------------------------------------------------- */
/* Each row of boxes in the order of where their inputs stand; the widest row says how
 * wide the picture is. */
static int place(LayerList layers, int *rows)
{
    int most = 1;
    *rows = 0;
    EACH_AT(l, layers) {
        const int depth = l->depth;
        int beside = 0;
        EACH_AT(other, layers)
            beside += other->depth == depth;
        most = beside > most ? beside : most;
        *rows = depth + 1 > *rows ? depth + 1 : *rows;
    }
    const int width = most * (WIDE + ACROSS);
    for (int row = 0; row < *rows; row++) {
        VEC(Layer *) list = { 0 };
        EACH_AT(l, layers) {
            if (l->depth != row)
                continue;
            EACH(k, l->from)
                l->x += layers.at[k].x / l->from.n;
            int at = list.n;
            while (at > 0 && list.at[at - 1]->x > l->x)
                at--;
            INSERT(list, at, l);
        }
        for (int k = 0; k < list.n; k++)
            list.at[k]->x = EDGE + width * (k + 0.5) / list.n;
    }
    return width + 3 * EDGE;
}

/* ---- the picture ---------------------------------------------------------------------------- */
static double top_of(const Layer *box) { return EDGE + box->depth * (HIGH + DOWN); }

/* From below one box to above another; past the boxes between where it is more than a row. */
static void put_way(Buf *b, const Layer *from, const Layer *to)
{
    const double y = top_of(from) + HIGH, end = top_of(to);
    const double bend = to->depth - from->depth > 1 ? WIDE * 0.76 : 0;
    buf_add(b, "<path d=\"M%.1f %.1f C%.1f %.1f %.1f %.1f %.1f %.1f\"/>\n", from->x, y,
            from->x + bend, y + DOWN, to->x + bend, end - DOWN, to->x, end - 5);
}

static Str shortened(Str words)
{
    return strlen(words) > 30 ? format("%.28s..", words) : words;
}

static void put_box(Buf *b, const Module *m, const Layer *box)
{
    static const char *const fill[] = { "#e8f0e4", "#e6edf7", "#f7ebe0" };
    const Str what = box->kind == LAYER_layer ? shortened(box->path)
        : intern(box->kind == LAYER_term ? "term of the loss" : "input");
    const double x = box->x - WIDE / 2.0, y = top_of(box);
    buf_add(b, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\" rx=\"6\" fill=\"%s\"/>\n",
            x, y, WIDE, HIGH, fill[box->kind]);
    buf_add(b, "<text x=\"%.1f\" y=\"%.1f\">", box->x, y + 21);
    html_text(b, shortened(box->words));
    buf_add(b, "</text>\n<text x=\"%.1f\" y=\"%.1f\" class=\"s\">", box->x, y + 39);
    html_text(b, what);
    if (box->kind != LAYER_term)
        html_text(b, format(", %s", sizes_text(m, box->result)));
    if (box->parameters)
        html_text(b, format(", %s parameters", number_grouped((double) box->parameters)));
    buf_add(b, "</text>\n");
}

void graph_print(Buf *b, Module *m)
{
    const LayerList layers = layers_of(m);
    int rows;
    const int width = place(layers, &rows), height = 2 * EDGE + rows * (HIGH + DOWN) - DOWN;
    buf_add(b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
               "height=\"%d\">\n<title>", width, height, width, height);
    html_text(b, m->name);
    buf_add(b, "</title>\n<style>text { font: 13px sans-serif; text-anchor: middle; fill: #222 }"
               " .s { font-size: 10px; fill: #666 }"
               " path { fill: none; stroke: #888; marker-end: url(#end) }"
               " rect { stroke: #999 }</style>\n"
               "<marker id=\"end\" viewBox=\"0 0 8 8\" refX=\"6\" refY=\"4\" "
               "markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\" "
               "style=\"fill: #888; stroke: none; marker-end: none\"/></marker>\n"
               "<rect width=\"100%%\" height=\"100%%\" style=\"fill: #fff; stroke: none\"/>\n");
    EACH_AT(box, layers)
        EACH(k, box->from)
            put_way(b, &layers.at[k], box);
    EACH_AT(box, layers)
        put_box(b, m, box);
    buf_add(b, "</svg>\n");
}
