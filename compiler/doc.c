/* doc.c -- `aec doc` and `aec explain`: what docs/ and prelude/ say, in a terminal or as a page.
 *
 * docs/reference.md has a section for each kind of thing: how it is used, its entries (a signature
 * as heading, a text, an example), or the file of the prelude that defines them. docs/errors.md
 * has an entry for each diagnostic. */
#define _GNU_SOURCE
#include "commands.h"
#include <stdlib.h>

typedef struct { Str title, use; } Section;
typedef struct {
    int section;
    bool again;         /* another form of it stands before */
    Str name, signature;
    Str shapes;         /* "x[n, k] -> y[n, units]", or NULL */
    Str text;           /* NULL: none */
    Str code;           /* the definition as it is written, or an example; NULL: none */
    Place place;        /* of the definition; an entry of the reference has none */
} Item;

static VEC(Section) sections;
static VEC(Item) items;

/* ---- gathering ------------------------------------------------------------------------------ */
static void add_item(Item item)
{
    item.section = sections.n - 1;
    EACH_AT(other, items)
        item.again |= other->section == item.section && other->name == item.name;
    PUSH(items, item);
}

static int print_entries(Buf *b, const Decl *d, StatKind kind, const char *before)
{
    int n = 0;
    EACH(st, d->body)
        for (int k = 0; st->kind == kind && k < st->entries.n; k++) {
            buf_add(b, "%s", n++ ? ", " : before);
            entry_print(b, &st->entries.at[k]);
        }
    return n;
}

static Str shapes_of(const Decl *d)
{
    Buf b = { 0 };
    int n = print_entries(&b, d, STAT_in, "");
    n += print_entries(&b, d, STAT_target, n ? ", target " : "target ");
    n += print_entries(&b, d, STAT_out, n ? " -> " : "");
    return n ? intern(b.at) : NULL;
}

/* The text of a definition: from its line to the last before another begins at the left edge. */
static Str text_from(Place place)
{
    const char *at = place.source->text;
    for (int line = 1; line < place.line; line++)
        at = strchr(at, '\n') + 1;
    const char *end = strchrnul(at, '\n');
    while (*end && strchr(" }\n", end[1]) && end[1])
        end = strchrnul(end + 1, '\n');
    while (end[-1] == '\n')
        end--;
    return intern_n(at, (size_t) (end - at));
}

static void gather_prelude(Str path)
{
    const File *file = parse(embedded_file(path), true);
    EACH(d, file->decls) {
        if (!d->name)               /* what it sets for others */
            continue;
        const Function *f = d->function;
        Item item = { .name = d->name, .text = d->doc, .place = d->place };
        item.code = text_from(d->place);
        if (f && f->operand)
            item.signature = format("%s(%s) %s", f->name, f->params.at[0].name, f->operand);
        else if (f)
            item.signature = f->params.n ? signature_text(f->name, &f->params)
                : format("%s()", f->name);
        else {
            item.signature = signature_text(d->name, &d->params);
            item.shapes = shapes_of(d);
        }
        add_item(item);
    }
}

static bool takes_off(Str *line, const char *before)
{
    const size_t n = strlen(before);
    if (strncmp(*line, before, n) != 0)
        return false;
    *line = intern(*line + n);
    return true;
}

static void add_line(Str *text, Str line)
{
    *text = *text ? format("%s\n%s", *text, line) : line;
}

static void gather(void)
{
    const char *at = embedded_file("docs/reference.md")->text;
    for (bool entry = false; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        Str line = intern_n(at, strcspn(at, "\n"));
        Item *last = items.n ? &items.at[items.n - 1] : NULL;
        const char *prelude = strstr(line, "(../prelude/");
        if (takes_off(&line, "## ")) {
            PUSH(sections, ((Section) { .title = line }));
            entry = false;
        } else if (takes_off(&line, "### `")) {
            Str signature = intern_n(line, strcspn(line, "`"));
            const Str name = intern_n(signature, strcspn(signature, " ("));
            add_item((Item) { .name = name, .signature = signature });
            entry = true;
        } else if (sections.n && prelude)
            gather_prelude(intern_n(prelude + 4, strcspn(prelude + 4, ")")));
        else if (sections.n && *line) {
            const bool code = takes_off(&line, "    ");
            if (entry)
                add_line(code ? &last->code : &last->text, line);
            else
                sections.at[sections.n - 1].use = line;
        }
    }
}

/* ---- text ----------------------------------------------------------------------------------- */
static Str first_sentence(const char *text)
{
    Buf b = { 0 };
    for (const char *p = text + strspn(text, " "); *p; p++) {
        /* `0 .. k` goes on */
        const bool ends = (!p[1] || p[1] == ' ' || p[1] == '\n') && !(p > text && p[-1] == '.');
        if (ends && (*p == '.' || (*p == ':' && b.n > 24)))
            break;
        buf_put(&b, *p == '\n' ? " " : p, 1);
    }
    return b.n ? intern(b.at) : intern("");
}

/* Words from column `at` on, with the next lines indented to there. */
static void wrap(Buf *b, const char *text, int at, int width)
{
    for (int column = at; *text; text += strspn(text, " ")) {
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
        text += n;
    }
    buf_add(b, "\n");
}

static void indent(Buf *b, const char *text, int by)
{
    while (*text) {
        const int n = (int) strcspn(text, "\n");
        buf_add(b, "%*s%.*s\n", n ? by : 0, "", n, text);
        text += n + (text[n] == '\n');
    }
}

static void print_list(Buf *b)
{
    int section = -1;
    EACH_AT(item, items) {
        if (item->section != section) {
            const Section *s = &sections.at[section = item->section];
            buf_add(b, "%s%s   %s\n\n", section ? "\n" : "", s->title, s->use);
        }
        if (item->again)
            continue;
        buf_add(b, "    %-16s ", item->name);
        wrap(b, item->text ? first_sentence(item->text) : "", 21, 100);
    }
    buf_add(b, "\n`aec doc NAME` tells more of one; `aec doc --html -o reference.html` writes all "
               "of it as a page.\n");
}

static void print_item(Buf *b, const Item *item)
{
    buf_add(b, "%-50s  %s\n", item->signature, sections.at[item->section].title);
    if (item->shapes)
        buf_add(b, "    %s\n", item->shapes);
    buf_add(b, "\n");
    if (item->text)
        indent(b, item->text + strspn(item->text, " "), 4);
    if (item->code) {
        buf_add(b, item->text ? "\n" : "");
        if (item->place.source)
            buf_add(b, "%s:%d\n", item->place.source->name, item->place.line);
        indent(b, item->code, 8);
    }
}

static bool tells_of(const Item *item, Str word)
{
    return (item->text && has_word(item->text, word))
        || (item->code && has_word(item->code, word));
}

static int print_named(Buf *b, Str name)
{
    StrList names = { 0 };
    Buf of = { 0 };
    int found = 0;
    EACH_AT(item, items) {
        PUSH(names, item->name);
        if (item->name != name)
            continue;
        buf_add(b, found++ ? "\n" : "");
        print_item(b, item);
    }
    if (found)
        return 0;
    EACH_AT(item, items)
        if (!item->again && tells_of(item, name))
            buf_add(&of, "%s`%s`", of.n ? ", " : "; it stands in ", item->name);
    return refuse_word(name, &names, format("nothing is called `%s`", name),
                       of.n ? of.at : "; `aec doc` lists all there is");
}

/* ---- the page ------------------------------------------------------------------------------- */
static void html_char(Buf *b, char c)
{
    switch (c) {
    case '&': buf_add(b, "&amp;"); break;
    case '<': buf_add(b, "&lt;"); break;
    case '>': buf_add(b, "&gt;"); break;
    case '"': buf_add(b, "&quot;"); break;
    default:  buf_put(b, &c, 1);
    }
}

void html_text(Buf *b, const char *text)
{
    for (; *text; text++)
        html_char(b, *text);
}

/* With `code` in back quotes. */
static void escaped(Buf *b, const char *before, const char *text, const char *after)
{
    bool code = false;
    buf_add(b, "%s", before);
    for (; *text; text++)
        if (*text == '`') {
            buf_add(b, code ? "</code>" : "<code>");
            code = !code;
        } else
            html_char(b, *text);
    buf_add(b, "%s%s", code ? "</code>" : "", after);
}

static void page_item(Buf *b, const Item *item)
{
    buf_add(b, item->again ? "<h3>" : "<h3 id=\"%d-%s\">", item->section, item->name);
    escaped(b, "", item->signature, "</h3>\n");
    if (item->shapes)
        escaped(b, "<div class=\"shapes\">", item->shapes, "</div>\n");
    if (item->text)
        escaped(b, "<p>", item->text, "</p>\n");
    if (item->code && item->place.source)
        escaped(b, "<details><summary>definition</summary><pre>", item->code,
                "</pre></details>\n");
    else if (item->code)
        escaped(b, "<pre>", item->code, "</pre>\n");
}

static void print_page(Buf *b)
{
    buf_add(b, "%s<nav>\n", embedded_file("docs/reference.head.html")->text);
    for (int s = 0; s < sections.n; s++) {
        buf_add(b, "<p><b>%s</b> ", sections.at[s].title);
        EACH_AT(item, items)
            if (item->section == s && !item->again)
                buf_add(b, "<a href=\"#%d-%s\">%s</a> ", s, item->name, item->name);
        buf_add(b, "</p>\n");
    }
    buf_add(b, "</nav>\n");
    int section = -1;
    EACH_AT(item, items) {
        if (item->section != section) {
            const Section *s = &sections.at[section = item->section];
            escaped(b, format("<h2>%s<small>", s->title), s->use, "</small></h2>\n");
        }
        page_item(b, item);
    }
    buf_add(b, "</main>\n");
}

int command_doc(Options *o)
{
    Buf b = { 0 };
    if (o->html && o->file)
        return refuse(2, "`--html` is all of the reference: `-o %s` writes it there", o->file);
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

int command_explain(Options *o)
{
    if (!o->file)
        return refuse(2, "which diagnostic? its code stands in brackets, as in error[AE0101]");
    const char *digits = o->file + strspn(o->file, "AaEe");
    const char *heading = strstr(embedded_file("docs/errors.md")->text,
                                 format("\n### AE%s: ", digits));
    if (!heading)
        return refuse(2, "there is no diagnostic `%s`; their codes are AE and four digits",
                      o->file);
    const char *text = strstr(heading, "\n\n") + 2, *next = strstr(text, "\n\n#");
    printf("%.*s\n", (int) (next ? next - text : (long) strlen(text) - 1), text);
    return 0;
}
