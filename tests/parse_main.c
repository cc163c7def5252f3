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

static void print_bodies(const File *file)
{
    Buf b = { 0 };
    for (int i = 0; i < file->decls.n; i++) {
        const Decl *d = file->decls.at[i];
        buf_add(&b, "%d %s %s %s\n", d->kind, d->name ? d->name : "-", d->op ? d->op : "-", d->doc ? d->doc : "-");
        if (d->value) {
            syn_print(&b, d->value);
            buf_add(&b, "\n");
        }
        for (int k = 0; k < d->settings.n; k++) {
            buf_add(&b, "%s = ", d->settings.at[k].name);
            syn_print(&b, d->settings.at[k].value);
            buf_add(&b, "\n");
        }
        for (int k = 0; k < d->lines.n; k++) {
            syn_print(&b, d->lines.at[k].value);
            buf_add(&b, " as %s\n", d->lines.at[k].as ? d->lines.at[k].as : "-");
        }
        if (d->block) {
            Stat net = { .kind = STAT_net, .name = "-", .block = d->block };
            stat_print(&b, &net);
            buf_add(&b, "\n");
        }
        if (d->function) {
            Stat def = { .kind = STAT_def, .function = d->function };
            stat_print(&b, &def);
            buf_add(&b, "\n");
        }
        for (int k = 0; k < d->body.n; k++) {
            stat_print(&b, d->body.at[k]);
            buf_add(&b, "\n");
        }
    }
    fputs(b.at ? b.at : "", stdout);
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
        print_bodies(file);
    if (fmt) {
        Buf b = { 0 };
        format_file(&b, source);
        fwrite(b.at, 1, b.n, stdout);
    }
    return 0;
}
