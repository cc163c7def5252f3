/* parse_main.c -- parses a file and prints its diagnostics: what the golden tests of the grammar run.
 *
 *     parse_main [--fmt | --tree] [--json] [--library] FILE.ae
 *
 * Exit status 3 when there are errors, 2 when the file cannot be read. */
#include "syntax.h"
#include <stdlib.h>

static Source *read_source(const char *name)
{
    FILE *f = fopen(name, "rb");
    if (!f) {
        perror(name);
        exit(2);
    }
    Buf b = { 0 };
    char part[65536];
    for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
        buf_put(&b, part, n);
    buf_put(&b, "", 0);
    fclose(f);
    Source *s = NEW(Source);
    *s = (Source) { .name = intern(name), .text = b.at, .length = b.n };
    return s;
}

/* ---- the tree, with every part in brackets: (- (^ x 2)) ------------------------------------------------------ */
static void put(const Syn *e);

static void put_list(const char *open, const SynList *list)
{
    printf("%s", open);
    for (int k = 0; k < list->n; k++) {
        printf(k ? " " : "");
        put(list->at[k]);
    }
    printf("]");
}

static void put_args(const ArgList *args)
{
    for (int k = 0; k < args->n; k++) {
        printf(" ");
        if (args->at[k].name)
            printf("%s = ", args->at[k].name);
        put(args->at[k].value);
    }
}

/* "word" and the parts that are there. */
static void put_parts(const char *word, const Syn *a, const Syn *b, const Syn *c)
{
    const Syn *part[] = { a, b, c };
    printf("(%s", word);
    for (int k = 0; k < 3; k++)
        if (part[k]) {
            printf(" ");
            put(part[k]);
        }
    printf(")");
}

static void put(const Syn *e)
{
    switch (e->kind) {
    case SYN_num:    printf("%g", e->num); break;
    case SYN_string: printf("\"%s\"", e->name); break;
    case SYN_name:   printf("%s", e->name); break;
    case SYN_dots:   printf(".."); break;
    case SYN_attr:   printf("%s.%s", e->name, e->field); break;
    case SYN_unary: case SYN_binary: put_parts(e->op, e->a, e->b, NULL); break;
    case SYN_cond:   put_parts("?", e->c, e->a, e->b); break;
    case SYN_pair:   put_parts("..", e->a, e->b, NULL); break;
    case SYN_arrow:  put_parts("->", e->a, e->b, NULL); break;
    case SYN_paren:  put_parts("brackets", e->a, NULL, NULL); break;
    case SYN_list:   put_list("[", &e->list); break;
    case SYN_ref: case SYN_call:
        printf("(%s", e->name);
        put_args(&e->args);
        if (e->list.n)
            put_list(" [", &e->list);
        if (e->a)
            put_parts(" else", e->a, NULL, NULL);
        printf(e->as ? " as %s)" : ")", e->as);
        break;
    case SYN_reduce:
        put_list(format("(%s over [", e->name), &e->list);
        put_parts(e->a ? " where" : " all", e->a, NULL, NULL);
        put_parts(" of", e->b, NULL, NULL);
        printf(")");
        break;
    }
}

static void put_named(const char *before, const Syn *e)
{
    if (e) {
        printf("%s", before);
        put(e);
    }
}

static void put_entries(const EntryList *entries)
{
    for (int k = 0; k < entries->n; k++) {
        const Entry *e = &entries->at[k];
        printf("; %s", e->name);
        if (!e->scalar)
            put_list(" [", &e->shape);
        put_named(" of ", e->of);
        put_named(" = ", e->init);
        printf(e->exempt ? " exempt" : "");
    }
}

static void put_block(const Block *block)
{
    printf(" {");
    for (int k = 0; block && k < block->n; k++) {
        const Call *c = block->at[k];
        printf(" (%s", c->name);
        put_args(&c->args);
        for (int q = 0; q < c->blocks.n; q++)
            put_block(c->blocks.at[q]);
        printf(c->as ? " as %s)" : ")", c->as);
    }
    printf(" }");
}

static void put_function(const Function *f)
{
    printf("def %s over %s", f->name, f->operand ? f->operand : "-");
    put_entries(&f->params);
    put_named(": ", f->body);
    put_named(" grad ", f->slope);
}

static void put_stat(const Stat *s, int indent)
{
    printf("%*s%s %s %s", indent, "", s->role ? s->role : "-", s->name ? s->name : "-", s->op ? s->op : "-");
    for (int k = 0; k < s->names.n; k++)
        printf(" %s", s->names.at[k]);
    put_named(" ", s->left);
    put_named(" ", s->value);
    put_named(" < ", s->bound);
    put_named(" until ", s->until);
    printf(s->down ? " down" : "");
    printf(s->of ? " of %s" : "", s->of);
    printf(s->as ? " as %s" : "", s->as);
    put_entries(&s->entries);
    if (s->block)
        put_block(s->block);
    if (s->function)
        put_function(s->function);
    printf("\n");
    for (int k = 0; k < s->body.n; k++)
        put_stat(s->body.at[k], indent + 4);
}

static void put_file(const File *file)
{
    for (int i = 0; i < file->decls.n; i++) {
        const Decl *d = file->decls.at[i];
        printf("%s %s %s %s", d->role, d->name ? d->name : "-", d->op ? d->op : "-", d->doc ? d->doc : "-");
        put_named(": ", d->value);
        for (int k = 0; k < d->settings.n; k++)
            put_named(format("; %s = ", d->settings.at[k].name), d->settings.at[k].value);
        for (int k = 0; k < d->lines.n; k++)
            put_named(format("; as %s: ", d->lines.at[k].as ? d->lines.at[k].as : "-"), d->lines.at[k].value);
        put_entries(&d->params);
        if (d->block)
            put_block(d->block);
        if (d->function)
            put_function(d->function);
        printf("\n");
        for (int k = 0; k < d->body.n; k++)
            put_stat(d->body.at[k], 4);
    }
}

int main(int argc, char **argv)
{
    bool fmt = false, tree = false, json = false, library = false;
    const char *name = NULL;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--fmt") == 0)
            fmt = true;
        else if (strcmp(argv[i], "--tree") == 0)
            tree = true;
        else if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "--library") == 0)
            library = true;
        else
            name = argv[i];
    if (!name)
        return 2;
    Source *source = read_source(name);
    File *file = parse(source, library);
    int errors = diag_errors();
    diag_flush(stderr, json);
    if (errors)
        return 3;
    if (tree)
        put_file(file);
    if (fmt) {
        Buf b = { 0 };
        format_file(&b, source);
        fwrite(b.at, 1, b.n, stdout);
    }
    return 0;
}
