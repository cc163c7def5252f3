/* doc.c -- `aec doc`: what the prelude defines and what doc.def says, as a list, an entry, or a page.
 *
 * Both are gathered into items first; the three ways to print know nothing of where an item is from. */
#define _GNU_SOURCE
#include "commands.h"
#include <stdlib.h>

typedef struct {
    Str section, name;
    Str signature;
    Str shapes;         /* "x[n, k] -> y[n, units]", or NULL */
    Str text, example;  /* NULL: none */
    Str source;         /* the definition as it is written, or NULL */
    Place place;
} Item;

static VEC(Item) items;

static const struct { const char *section, *title, *use; } sections[] = {
    { "declaration", "Declarations",                  "what stands at the top of a file" },
    { "input",       "Kinds of inputs",               "input x : image(1, 28, 28)" },
    { "label",       "Kinds of labels",               "label y : class(10)" },
    { "source",      "Data sources",                  "data { train = digits() }" },
    { "data",        "Settings of data",              "data { scale = 0..1 }" },
    { "layers",      "Layers",                        "encoder { flatten dense(128) relu }" },
    { "network",     "Around layers",                 "residual { dense(32) }" },
    { "activations", "Activations",                   "dense(128) relu" },
    { "latents",     "Latents",                       "bottleneck z ~ gaussian(20)" },
    { "likelihoods", "Likelihoods",                   "reconstruct x ~ bernoulli" },
    { "losses",      "Losses",                        "reconstruct x by mse" },
    { "regularizers", "Regularizers",                 "regularize { l1(z) * 0.01 }" },
    { "views",       "Views",                         "corrupt x { gaussian(0.3) }" },
    { "tasks",       "Tasks",                         "pretext rotation(weight = 0.5)" },
    { "train",       "Settings of train",             "train { epochs = 10 }" },
    { "optimizers",  "Optimizers",                    "train { optimizer = adam(lr = 1e-3) }" },
    { "metric",      "Metrics",                       "evaluate { mse psnr }" },
    { "functions",   "Functions, first values, schedules", "schedule = cosine" },
    { "formula",     "Within formulas",               "y[n, j] = b[j] + sum(i) x[n, i] * w[i, j]" },
};

enum { NSECTIONS = sizeof sections / sizeof *sections };

static const struct { const char *section, *name, *signature, *text, *example; } rows[] = {
#define DOC(section, name, signature, text, example) { #section, #name, signature, text, example },
#include "doc.def"
#undef DOC
};

/* ---- gathering ---------------------------------------------------------------------------------------- */
static void print_entry(Buf *b, const Entry *e)
{
    buf_add(b, "%s", e->name);
    if (e->scalar && !e->shape.n)
        return;
    buf_add(b, "[");
    for (int k = 0; k < e->shape.n; k++) {
        buf_add(b, k ? ", " : "");
        syn_print(b, e->shape.at[k]);
    }
    buf_add(b, "]");
    if (e->of) {
        buf_add(b, " of ");
        syn_print(b, e->of);
    }
}

static int print_entries(Buf *b, const Decl *d, StatKind kind, const char *before)
{
    int n = 0;
    for (int k = 0; k < d->body.n; k++)
        for (int q = 0; d->body.at[k]->kind == kind && q < d->body.at[k]->entries.n; q++) {
            buf_add(b, "%s", n++ ? ", " : before);
            print_entry(b, &d->body.at[k]->entries.at[q]);
        }
    return n;
}

static Str shapes_of(const Decl *d)
{
    Buf b = { 0 };
    int n = print_entries(&b, d, STAT_in, "");
    n += print_entries(&b, d, STAT_target, n ? ", target " : "target ");
    const int outs = print_entries(&b, d, STAT_out, n ? " -> " : "");
    return n + outs ? intern(b.at) : NULL;
}

static Str signature_of(Str name, const Entry *at, int n, bool scalar)
{
    Buf b = { 0 };
    buf_add(&b, "%s%s", name, n || scalar ? "(" : "");
    for (int k = 0; k < n; k++) {
        buf_add(&b, k ? ", " : "");
        print_entry(&b, &at[k]);
        if (at[k].init) {
            buf_add(&b, " = ");
            syn_print(&b, at[k].init);
        }
    }
    buf_add(&b, "%s", n || scalar ? ")" : "");
    return intern(b.at);
}

/* The text of a definition: from its line to the last before another begins at the left edge. */
static Str text_from(Place place)
{
    const char *at = place.source->text, *end;
    for (int line = 1; line < place.line; line++)
        at = strchr(at, '\n') + 1;
    end = at;
    for (const char *next = at; next && *next; ) {
        const char *stop = strchrnul(next, '\n');
        if (next > at && *next != ' ' && *next != '}' && *next != '\n')
            break;
        if (stop > next)
            end = stop;
        next = *stop ? stop + 1 : stop;
    }
    return intern_n(at, (size_t) (end - at));
}

static Str section_of(const Source *s)
{
    const char *slash = strrchr(s->name, '/'), *from = slash ? slash + 1 : s->name;
    return intern_n(from, strcspn(from, "."));
}

static void gather_decl(const Decl *d)
{
    if (d->kind != DECL_define && d->kind != DECL_function && d->kind != DECL_augment)
        return;
    const Function *f = d->kind == DECL_function ? d->function : NULL;
    Item item = { .section = section_of(d->place.source), .name = d->name, .text = f && !d->doc ? f->doc : d->doc, .place = d->place };
    item.source = text_from(d->place);
    if (f && f->operand)
        item.signature = format("%s(%s) %s", f->name, f->params.n ? f->params.at[0].name : "", f->operand);
    else if (f)
        item.signature = signature_of(f->name, f->params.at, f->params.n, true);
    else {
        item.signature = signature_of(d->name, d->params.at, d->params.n, false);
        item.shapes = shapes_of(d);
    }
    PUSH(items, item);
}

static void gather(void)
{
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        PUSH(items, ((Item) { .section = intern(rows[k].section), .name = intern(rows[k].name), .text = intern(rows[k].text),
                              .signature = intern(rows[k].signature), .example = *rows[k].example ? intern(rows[k].example) : NULL }));
    for (const Embedded *e = embedded; e->name; e++) {
        if (strncmp(e->name, "prelude/", 8))
            continue;
        File *f = parse(source_embedded(e), true);
        for (int k = 0; k < f->decls.n; k++)
            gather_decl(f->decls.at[k]);
    }
}

/* ---- text ---------------------------------------------------------------------------------------------- */
static Str first_sentence(Str text)
{
    Buf b = { 0 };
    for (const char *p = text; p && *p; p++) {
        if ((*p == '.' || *p == ':') && (p[1] == ' ' || p[1] == '\n' || !p[1]) && (*p == '.' || b.n > 24))
            break;
        buf_put(&b, *p == '\n' ? " " : p, 1);
    }
    if (!b.n)
        return intern("");
    return intern(b.at + (*b.at == ' '));
}

/* Words from column `at` on, with the next lines indented to there. */
static void wrap(Buf *b, const char *text, int at, int width)
{
    int column = at;
    while (*text) {
        const int n = (int) strcspn(text, " ");
        if (column > at && column + 1 + n > width) {
            buf_add(b, "\n%*s", at, "");
            column = at;
        } else if (column > at) {
            buf_add(b, " ");
            column++;
        }
        buf_put(b, text, (size_t) n);
        column += n;
        text += n + strspn(text + n, " ");
    }
    buf_add(b, "\n");
}

static void indent(Buf *b, const char *text, const char *by)
{
    while (*text) {
        const size_t n = strcspn(text, "\n");
        buf_add(b, n ? "%s" : "", by);
        buf_put(b, text, n);
        buf_add(b, "\n");
        text += n + (text[n] == '\n');
    }
}

static bool earlier(int k)      /* another form of it stands before */
{
    for (int q = 0; q < k; q++)
        if (items.at[q].section == items.at[k].section && items.at[q].name == items.at[k].name)
            return true;
    return false;
}

static void print_list(Buf *b)
{
    for (int s = 0; s < NSECTIONS; s++) {
        buf_add(b, "%s%s   %s\n\n", s ? "\n" : "", sections[s].title, sections[s].use);
        for (int k = 0; k < items.n; k++) {
            if (items.at[k].section != intern(sections[s].section) || earlier(k))
                continue;
            buf_add(b, "    %-16s ", items.at[k].name);
            wrap(b, first_sentence(items.at[k].text), 21, 100);
        }
    }
    buf_add(b, "\n`aec doc NAME` tells more of one; `aec doc --html -o reference.html` writes all of it as a page.\n");
}

static const char *title_of(Str section)
{
    for (int s = 0; s < NSECTIONS; s++)
        if (intern(sections[s].section) == section)
            return sections[s].title;
    return section;
}

static void print_item(Buf *b, const Item *item)
{
    buf_add(b, "%s", item->signature);
    buf_add(b, "%*s%s", strlen(item->signature) < 50 ? 52 - (int) strlen(item->signature) : 2, "", title_of(item->section));
    buf_add(b, "\n");
    if (item->shapes)
        buf_add(b, "    %s\n", item->shapes);
    buf_add(b, "\n");
    if (item->text && item->source)
        indent(b, *item->text == ' ' ? item->text + 1 : item->text, "    ");
    else if (item->text) {
        buf_add(b, "    ");
        wrap(b, item->text, 4, 96);
    }
    if (item->example) {
        buf_add(b, "\n");
        indent(b, item->example, "        ");
    }
    if (item->source) {
        buf_add(b, "%s%s:%d\n", item->text ? "\n" : "", item->place.source->name, item->place.line);
        indent(b, item->source, "        ");
    }
}

static int print_named(Buf *b, Str name)
{
    VEC(Str) names = { 0 };
    int found = 0;
    for (int k = 0; k < items.n; k++) {
        PUSH(names, items.at[k].name);
        if (items.at[k].name != name)
            continue;
        buf_add(b, found++ ? "\n" : "");
        print_item(b, &items.at[k]);
    }
    if (found)
        return 0;
    Str near = nearest(name, names.at, names.n);
    fprintf(stderr, "aec: nothing is called `%s`; ", name);
    fprintf(stderr, near ? "did you mean `%s`?\n" : "`aec doc` lists all there is\n", near);
    return 2;
}

/* ---- the page ------------------------------------------------------------------------------------------- */
static void escaped(Buf *b, const char *text)
{
    bool code = false;
    for (; *text; text++)
        switch (*text) {
        case '&': buf_add(b, "&amp;"); break;
        case '<': buf_add(b, "&lt;"); break;
        case '>': buf_add(b, "&gt;"); break;
        case '"': buf_add(b, "&quot;"); break;
        case '`': buf_add(b, code ? "</code>" : "<code>"); code = !code; break;
        default:  buf_put(b, text, 1);
        }
    if (code)
        buf_add(b, "</code>");
}

static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>aec: reference</title>\n<style>\n"
    ":root { color-scheme: light dark; --ink: #1d2433; --soft: #5b6475; --ground: #fff; --panel: #f4f5f8; --line: #d9dde5; --link: #1f5fbf }\n"
    "@media (prefers-color-scheme: dark) {\n"
    "  :root { --ink: #dfe4ee; --soft: #98a2b5; --ground: #14171d; --panel: #1d222b; --line: #323946; --link: #7fb0ff } }\n"
    "body { margin: 0; color: var(--ink); background: var(--ground); font: 16px/1.55 system-ui, sans-serif }\n"
    "main { max-width: 58rem; margin: auto; padding: 1rem 1.5rem 4rem }\n"
    "nav p { margin: .3rem 0 } nav a { margin-right: .6rem } a { color: var(--link); text-decoration: none } a:hover { text-decoration: underline }\n"
    "h2 { margin: 2.5rem 0 .5rem; border-bottom: 1px solid var(--line) } h2 small { font: 14px ui-monospace, monospace; color: var(--soft); margin-left: 1rem }\n"
    "h3 { margin: 1.8rem 0 .2rem; font: 600 16px ui-monospace, monospace } .shapes { color: var(--soft); font: 14px ui-monospace, monospace }\n"
    "p { margin: .5rem 0; white-space: pre-line } code, pre { font: 14px/1.45 ui-monospace, monospace; background: var(--panel); border-radius: 4px }\n"
    "code { padding: 0 .25em } pre { padding: .7rem 1rem; overflow-x: auto; border: 1px solid var(--line) }\n"
    "summary { color: var(--soft); cursor: pointer }\n</style>\n<main>\n<h1>The <code>.ae</code> language</h1>\n"
    "<p>Everything that a file can name: <code>aec doc NAME</code> prints the same in a terminal.</p>\n";

static void page_item(Buf *b, const Item *item, bool anchor)
{
    if (anchor)
        buf_add(b, "<h3 id=\"%s-%s\">", item->section, item->name);
    else
        buf_add(b, "<h3>");
    escaped(b, item->signature);
    buf_add(b, "</h3>\n");
    if (item->shapes) {
        buf_add(b, "<div class=\"shapes\">");
        escaped(b, item->shapes);
        buf_add(b, "</div>\n");
    }
    if (item->text) {
        buf_add(b, "<p>");
        escaped(b, item->text);
        buf_add(b, "</p>\n");
    }
    if (item->example || item->source) {
        buf_add(b, item->source ? "<details><summary>definition</summary><pre>" : "<pre>");
        escaped(b, item->source ? item->source : item->example);
        buf_add(b, item->source ? "</pre></details>\n" : "</pre>\n");
    }
}

static void print_page(Buf *b)
{
    buf_add(b, "%s<nav>\n", head);
    for (int s = 0; s < NSECTIONS; s++) {
        buf_add(b, "<p><b>%s</b> ", sections[s].title);
        for (int k = 0; k < items.n; k++)
            if (items.at[k].section == intern(sections[s].section) && !earlier(k))
                buf_add(b, "<a href=\"#%s-%s\">%s</a> ", items.at[k].section, items.at[k].name, items.at[k].name);
        buf_add(b, "</p>\n");
    }
    buf_add(b, "</nav>\n");
    for (int s = 0; s < NSECTIONS; s++) {
        buf_add(b, "<h2>%s<small>", sections[s].title);
        escaped(b, sections[s].use);
        buf_add(b, "</small></h2>\n");
        for (int k = 0; k < items.n; k++)
            if (items.at[k].section == intern(sections[s].section))
                page_item(b, &items.at[k], !earlier(k));
    }
    buf_add(b, "</main>\n");
}

int command_doc(Options *o)
{
    Buf b = { 0 };
    gather();
    if (o->html)
        print_page(&b);
    else if (!o->file)
        print_list(&b);
    else if (print_named(&b, intern(o->file)))
        return 2;
    if (o->out)
        return write_file(o->out, b.at, b.n) ? 0 : 1;
    fwrite(b.at, 1, b.n, stdout);
    return 0;
}
