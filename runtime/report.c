/* report.c -- report.html: curves, reconstructions, samples, codes and the
 * model's source in one file.
 *
 * No script, nothing fetched: curves and codes are inline SVG, pictures are PNG in base64. The
 * curves are read back from metrics.jsonl, so that a resumed run shows all of its epochs. */
#include "runtime.h"

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1c1e21;--soft:#6b7280;--line:#e2e5e9;--back:#fff;--card:#f7f8fa;"
    "--a:#2563c9;--b:#d1640f;--c0:#1f77b4;--c1:#ff7f0e;--c2:#2ca02c;--c3:#d62728;--c4:#9467bd;--c5:#8c564b;--c6:#e377c2;"
    "--c7:#7f7f7f;--c8:#bcbd22;--c9:#17becf}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--soft:#9aa3af;--line:#343a42;--back:#15181c;--card:#1d2126;"
    "--a:#6ea8ff;--b:#ffab5e}}"
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);max-width:64rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.7rem;margin:0}h2{font-size:1.1rem;margin:2.2rem 0 .7rem}p{margin:.3rem 0;color:var(--soft)}"
    ".grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(19rem,1fr));gap:1rem}"
    "figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.7rem}"
    "figcaption{font-size:.85rem;color:var(--soft);margin-bottom:.3rem}figcaption b{color:var(--ink);font-weight:600}"
    "svg{width:100%;height:auto;display:block}svg text{font:11px system-ui,sans-serif;fill:var(--soft)}"
    "img{max-width:100%;image-rendering:pixelated;border-radius:4px}"
    "table{border-collapse:collapse}th{font-weight:400;color:var(--soft)}td,th{padding:.2rem 1.2rem .2rem 0;text-align:left;border-bottom:1px solid var(--line)}"
    ".n{text-align:right;font-variant-numeric:tabular-nums}"
    "pre{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:1rem;overflow:auto;font-size:.85rem}";

/* ---- the history in metrics.jsonl: our own lines, "name":number pairs ----------------------- */
typedef struct { char *name; double *value; } Series;    /* [room], NAN where a line has it not */
typedef struct { Series *at; int n, lines, room; char **phase; } History;      /* phase: [lines] */

static double *series(History *h, const char *name)
{
    for (int k = 0; k < h->n; k++)
        if (strcmp(h->at[k].name, name) == 0)
            return h->at[k].value;
    if (!(h->at = realloc(h->at, (size_t) (h->n + 1) * sizeof *h->at)))
        fail("no memory for the report");
    Series *const s = &h->at[h->n++];
    s->name = form("%s", name);
    s->value = need((size_t) h->room, sizeof *s->value);
    for (int k = 0; k < h->room; k++)
        s->value[k] = NAN;
    return s->value;
}

static void read_line(History *h, char *line)
{
    for (char *p = line; (p = strchr(p, '"')); ) {
        char *const name = p + 1, *const end = strchr(name, '"');
        if (!end || end[1] != ':')
            return;
        *end = 0;
        p = end + 2;
        if (*p == '"') {                /* the phase's name */
            char *const last = strchr(p + 1, '"');
            if (!last)
                return;
            h->phase[h->lines] = form("%.*s", (int) (last - p - 1), p + 1);
            p = last + 1;
            continue;
        }
        if (strchr(name, '/') && *p != '[')
            series(h, name)[h->lines] = *p == 'n' ? NAN : strtod(p, NULL);
    }
    h->lines++;
}

/* Of a line: phase and epoch. */
static char *moment(const char *line)
{
    const char *const end = strstr(line, ",\"step\"");
    return form("%.*s", end ? (int) (end - line) : 0, line);
}

/* The epochs, and what was evaluated at the end of each phase, a line with the epoch
   of the line before it. */
static void read_histories(const char *path, History *epochs, History *ends)
{
    size_t n;
    char *const bytes = in_all(path, &n), *before = form("%s", "");
    for (size_t k = 0; k < n; k++)
        epochs->room += bytes[k] == '\n';
    ends->room = epochs->room;
    epochs->phase = need((size_t) epochs->room, sizeof *epochs->phase);
    ends->phase = need((size_t) epochs->room, sizeof *ends->phase);
    for (char *p = bytes, *end; (end = strchr(p, '\n')); p = end + 1) {
        *end = 0;
        char *const when = moment(p);
        read_line(strcmp(when, before) == 0 ? ends : epochs, p);
        free(before);
        before = when;
    }
    free(before);
    free(bytes);
}

static void drop_history(History *h)
{
    for (int k = 0; k < h->n; k++) {
        free(h->at[k].name);
        free(h->at[k].value);
    }
    for (int k = 0; k < h->lines; k++)
        free(h->phase[k]);
    free(h->at);
    free(h->phase);
}

/* ---- curves --------------------------------------------------------------------------------- */
enum { LETTER = 7, GAP = 6, BELOW = 22 };    /* of numbers at axes, in the units of a figure */

/* The part of a figure where values are drawn, from low to high, with room for numbers
   on the left and below. */
static Frame frame_of(int wide, int high, const double *low, const double *most)
{
    const int left = LETTER * axis_ticks(low[1], most[1]).letters + 2 * GAP;
    Frame f = { left, GAP, wide - left - 2 * GAP, high - GAP - BELOW, { low[0], low[1] }, { 0 } };
    f.zoom[0] = f.wide / (most[0] - low[0]);
    f.zoom[1] = f.high / (most[1] - low[1]);
    return f;
}

static void add_numbers_upright(Text *t, const Frame *f)
{
    const Ticks up = axis_ticks(f->low[1], f->low[1] + f->high / f->zoom[1]);
    for (int k = 0; k < up.n; k++) {
        const double y = frame_y(f, tick_at(&up, k));
        text_add(t, "<path stroke=\"var(--line)\" d=\"M%d %.1fh%d\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">" TICK "</text>",
                 f->left, y, f->wide, f->left - GAP, y + 4, tick_at(&up, k));
    }
}

static void add_numbers_across(Text *t, const Frame *f)
{
    const Ticks across = axis_ticks(f->low[0], f->low[0] + f->wide / f->zoom[0]);
    for (int k = 0; k < across.n; k++) {
        const double x = frame_x(f, tick_at(&across, k));
        text_add(t, "<path stroke=\"var(--line)\" d=\"M%.1f %dv%d\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">" TICK "</text>",
                 x, f->top, f->high, x, f->top + f->high + BELOW - GAP, tick_at(&across, k));
    }
}

static void add_line(Text *t, const double *v, int lines, const Frame *f, const char *look)
{
    bool open = false;
    int last = -1, seen = 0;
    for (int k = 0; k < lines; k++)
        if (isfinite(v[k]))
            last = k;
    text_add(t, "<path fill=\"none\" stroke-width=\"1.6\" %s d=\"", look);
    for (int k = 0; k <= last; k++) {
        const bool there = isfinite(v[k]);          /* a phase may have it not */
        if (there)
            text_add(t, "%s%.1f %.1f", open ? "L" : "M", frame_x(f, k + 1), frame_y(f, v[k]));
        seen += there;
        open = there;
    }
    text_add(t, "\"/>");
    if (seen == 1)
        text_add(t, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" %s/>", frame_x(f, last + 1),
                 frame_y(f, v[last]), look);
}

static void add_curve(Text *t, const History *h, const char *term, const char *unit)
{
    enum { WIDE = 320, HIGH = 180 };
    const double *v[2] = { NULL, NULL };
    double low[2] = { 1, INFINITY }, high[2] = { h->lines, -INFINITY };
    for (int side = 0; side < 2; side++) {
        char *const name = form("%s/%s", side ? "validation" : "train", term);
        for (int k = 0; k < h->n; k++)
            if (strcmp(h->at[k].name, name) == 0)
                v[side] = h->at[k].value;
        free(name);
        for (int k = 0; v[side] && k < h->lines; k++)
            if (isfinite(v[side][k])) {
                low[1] = fmin(low[1], v[side][k]);
                high[1] = fmax(high[1], v[side][k]);
            }
    }
    for (int k = h->lines > 1; k < 2; k++)
        axis_widen(&low[k], &high[k]);
    const Frame f = frame_of(WIDE, HIGH, low, high);
    text_add(t, "<figure><figcaption><b>");
    text_html(t, term);
    text_add(t, "</b> ");
    text_html(t, unit);
    if (v[0] && v[1])
        text_add(t, " &middot; <span style=\"color:var(--a)\">train</span>, <span style=\"color:var(--b)\">validation (dashed)</span>");
    text_add(t, "</figcaption><svg viewBox=\"0 0 %d %d\" role=\"img\"><title>", WIDE, HIGH);
    text_html(t, term);
    text_add(t, " by epoch</title>");
    add_numbers_upright(t, &f);
    text_add(t, "<text x=\"%d\" y=\"%d\">1</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\">epoch %d</text>", f.left, HIGH - GAP,
             f.left + f.wide, HIGH - GAP, h->lines);
    if (v[0])
        add_line(t, v[0], h->lines, &f, "stroke=\"var(--a)\"");
    if (v[1])
        add_line(t, v[1], h->lines, &f, "stroke=\"var(--b)\" stroke-dasharray=\"5 3\"");
    text_add(t, "</svg></figure>\n");
}

static const char *unit_of(const char *term, const Metrics *m)
{
    for (int k = 0; k < m->n; k++)
        if (strcmp(strchr(m->at[k].name, '/') + 1, term) == 0)
            return m->at[k].unit;
    return "";
}

static void add_curves(Text *t, const History *h, const Metrics *m)
{
    text_add(t, "<h2>Training</h2>\n<div class=\"grid\">\n");
    for (int side = 0; side < 2; side++)
        for (int k = 0; k < h->n; k++) {
            const char *const name = h->at[k].name, *const term = strchr(name, '/') + 1;
            if (strncmp(name, side ? "validation/" : "train/", (size_t) (term - name)) != 0)
                continue;
            bool drawn = false;    /* a validation term that has a training one is in its figure */
            for (int j = 0; side && j < h->n; j++)
                drawn |= strncmp(h->at[j].name, "train/", 6) == 0
                    && strcmp(h->at[j].name + 6, term) == 0;
            if (!drawn)
                add_curve(t, h, term, unit_of(term, m));
        }
    text_add(t, "</div>\n");
}

/* A column for each phase: what the model was worth at its end. */
static void add_numbers(Text *t, const History *ends, const Metrics *m)
{
    const char *const split = data_split("test") ? "test/" : "train/";
    const size_t behind = strlen(split);
    if (!ends->lines)
        return;
    text_add(t, "<h2>%s</h2>\n<table>\n<tr><th></th>",
             *split == 't' && split[1] == 'e' ? "Test rows" : "Training rows");
    for (int k = 0; k < ends->lines; k++) {
        text_add(t, "<th class=\"n\">%s", ends->lines > 1 ? "after " : "");
        text_html(t, ends->lines > 1 ? ends->phase[k] : "");
        text_add(t, "</th>");
    }
    text_add(t, "<th></th></tr>\n");
    for (int j = 0; j < ends->n; j++) {
        const char *const name = ends->at[j].name;
        if (strncmp(name, split, behind) != 0)
            continue;
        text_add(t, "<tr><td>");
        text_html(t, name + behind);
        for (int k = 0; k < ends->lines; k++)
            text_add(t, isfinite(ends->at[j].value[k]) ? "</td><td class=\"n\">%.6g" : "</td><td class=\"n\">", ends->at[j].value[k]);
        text_add(t, "</td><td>");
        text_html(t, unit_of(name + behind, m));
        text_add(t, "</td></tr>\n");
    }
    text_add(t, "</table>\n");
}

/* ---- pictures ------------------------------------------------------------------------------- */
static void add_base64(Text *t, const uint8_t *p, size_t n)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t k = 0; k < n; k += 3) {
        const uint32_t v = (uint32_t) p[k] << 16 | (k + 1 < n ? (uint32_t) p[k + 1] << 8 : 0)
            | (k + 2 < n ? p[k + 2] : 0);
        const char out[4] = { digit[v >> 18], digit[v >> 12 & 63],
                              k + 1 < n ? digit[v >> 6 & 63] : '=',
                              k + 2 < n ? digit[v & 63] : '=' };
        text_bytes(t, out, 4);
    }
}

static void add_picture(Text *t, const Result *r, int n, bool beside, const char *caption)
{
    int width, height, channels;
    double low = 0, high = 0;
    Text png = { 0 };
    data_peak(input_find(false, 0), &low, &high);
    uint8_t *const pixels = picture_tiles(r, n, beside, low, high, &width, &height, &channels);
    png_encode(&png, pixels, width, height, channels);
    text_add(t, "<figure><figcaption>%s</figcaption><img alt=\"%s\" src=\"data:image/png;base64,",
             caption, caption);
    add_base64(t, (const uint8_t *) png.at, png.n);
    text_add(t, "\"></figure>\n");
    free(png.at);
    free(pixels);
}

typedef struct { const AeProgram *p; Result *r; } Taking;

static void take_first(void *with, long first, int n)
{
    const Taking *const t = with;
    result_take(t->r, &t->p->outputs[0], first, n);
}

static Result run_first(const AeProgram *p, const Split *s, long rows)
{
    Result r = result_new(&p->outputs[0], rows);
    run_rows(p, s, 0, rows, take_first, &(Taking) { p, &r });
    return r;
}

enum { SHOWN = 40 };        /* five pairs to a line of pictures as high as wide */

static void add_pictures(Text *t, const Split *s)
{
    const AeProgram *const reconstruct = program_find("reconstruct");
    const AeProgram *const sample = program_find("sample");
    const int x = input_find(false, 0);
    Picture shape;
    if (x < 0 || !s->column[x].there || !input_measured(x))
        return;
    Result given = column_result(x, &s->column[x], s->rows < SHOWN ? s->rows : SHOWN);
    if (!picture_of(&given, &shape))
        return;
    text_add(t, "<h2>Pictures</h2>\n<div class=\"grid\">\n");
    if (reconstruct && reconstruct->noutputs
        && row_count(&reconstruct->outputs[0]) == input_width(x)) {
        Result pair[2] = { given, run_first(reconstruct, s, given.shape[0]) };
        add_picture(t, pair, 2, true, "Test rows, each beside its reconstruction");
        free(pair[1].at);
    }
    if (sample && sample->noutputs && !sample->ninputs
        && row_count(&sample->outputs[0]) == input_width(x)) {
        Result drawn = run_first(sample, NULL, 64);
        add_picture(t, &drawn, 1, false, "Samples from the prior");
        free(drawn.at);
    }
    text_add(t, "</div>\n");
    free(given.at);
}

/* ---- codes: a point a row, coloured by class ------------------------------------------------ */
static void add_points(Text *t, const ae_real *z, const Split *s, long rows)
{
    enum { SIDE = 440 };
    double low[2] = { INFINITY, INFINITY }, high[2] = { -INFINITY, -INFINITY };
    const int y = class_label(s);
    for (long k = 0; k < 2 * rows; k++) {
        low[k % 2] = fmin(low[k % 2], z[k]);
        high[k % 2] = fmax(high[k % 2], z[k]);
    }
    for (int k = 0; k < 2; k++)
        axis_widen(&low[k], &high[k]);
    const Frame f = frame_of(SIDE, SIDE, low, high);
    text_add(t, "<h2>Codes</h2>\n<figure><figcaption>The code of each test row%s</figcaption><svg viewBox=\"0 0 %d %d\" "
             "style=\"max-width:34rem\" role=\"img\"><title>codes</title>\n", y >= 0 ? ", coloured by its class" : "", SIDE, SIDE);
    add_numbers_upright(t, &f);
    add_numbers_across(t, &f);
    for (long r = 0; r < rows; r++) {
        const int class = y >= 0 ? class_at(&s->column[y], r) : 0;
        text_add(t, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.4\" fill=\"var(--%s)\" fill-opacity=\".75\"/>", frame_x(&f, z[2 * r]), frame_y(&f, z[2 * r + 1]),
                 class < 0 ? "line" : (const char *[]) { "c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9" }[class % 10]);
    }
    text_add(t, "\n</svg>");
    if (y >= 0 && ae_model.inputs[y].classes <= 10) {
        text_add(t, "<p>");
        for (int k = 0; k < ae_model.inputs[y].classes; k++) {
            text_add(t, "<span style=\"color:var(--c%d)\">&#9679;</span> ", k);
            if (learnt && k < learnt[y].nclasses)
                text_html(t, learnt[y].classes[k]);
            else
                text_add(t, "%d", k);
            text_add(t, " &nbsp; ");
        }
        text_add(t, "</p>");
    }
    text_add(t, "</figure>\n");
}

static void add_codes(Text *t, const Split *s)
{
    const AeProgram *const encode = program_find("encode");
    if (!encode || !encode->noutputs || encode->outputs[0].elem != AE_REAL
        || row_count(&encode->outputs[0]) != 2)
        return;
    Result z = run_first(encode, s, s->rows < 3000 ? s->rows : 3000);
    add_points(t, z.at, s, z.shape[0]);
    free(z.at);
}

/* ---- the page ------------------------------------------------------------------------------- */
void report_write(const char *folder, const Metrics *m)
{
    Text t = { 0 };
    char *const metrics = path_join(folder, "metrics.jsonl");
    char *const path = path_join(folder, "report.html");
    const Split *const s = data_split(data_split("test") ? "test" : "train");
    History epochs = { 0 }, ends = { 0 };
    read_histories(metrics, &epochs, &ends);
    text_add(&t, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
             "content=\"width=device-width, initial-scale=1\">\n<title>");
    text_html(&t, ae_model.name);
    text_add(&t, "</title>\n<style>%s</style></head><body>\n<h1>", style);
    text_html(&t, ae_model.name);
    text_add(&t, "</h1>\n<p>");
    text_html(&t, ae_model.file);
    text_add(&t, ": %ld parameters, %d phase%s, %ld training rows</p>\n", ae_model.nparams,
             ae_model.nphases, ae_model.nphases == 1 ? "" : "s", data_split("train")->rows);
    add_numbers(&t, &ends, m);
    add_curves(&t, &epochs, m);
    add_pictures(&t, s);
    add_codes(&t, s);
    text_add(&t, "<h2>Source</h2>\n<pre>");
    text_html(&t, ae_model.text ? ae_model.text : "");
    text_add(&t, "</pre>\n</body></html>\n");
    FILE *const f = out_begin(path);
    fwrite(t.at, 1, t.n, f);
    out_end();
    drop_history(&epochs);
    drop_history(&ends);
    free(t.at);
    free(metrics);
    free(path);
}
