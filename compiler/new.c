/* new.c -- `aec new NAME --from TEMPLATE`: a started file, one of
 * examples/templates/ with NAME put in.
 *
 * Every template is a whole program on data that ships with aec, so that the first `aec run`
 * works. Its first line says what it is, its second what to try after training. */
#include "commands.h"
#include <ctype.h>
#include <unistd.h>

#define FOLDER "examples/templates/"

static Str template_name(const Source *s)
{
    return intern_n(s->name + strlen(FOLDER), strcspn(s->name + strlen(FOLDER), "."));
}

/* "# A plain one.\n" as "a plain one". */
static Str template_does(const Source *s)
{
    const char *text = s->text + 2;
    return format("%c%.*s", tolower(*text), (int) strcspn(text, "\n") - 2, text + 1);
}

static Str template_next(const Source *s)
{
    const char *at = strstr(s->text, " -- ");
    return intern_n(at, strcspn(at, "\n"));
}

static int unknown_template(Str name)
{
    StrList names = { 0 };
    Buf list = { 0 };
    for (const Source *s = embedded; s->name; s++)
        if (strncmp(s->name, FOLDER, strlen(FOLDER)) == 0) {
            PUSH(names, template_name(s));
            buf_add(&list, "    %-10s %s\n", template_name(s), template_does(s));
        }
    refuse_word(name, &names, format("no template is called `%s`", name), "");
    fputs(list.at, stderr);
    return 2;
}

/* The model's name: the file's, as far as it is one. */
static Str model_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *from = slash ? slash + 1 : path;
    Buf b = { 0 };
    buf_add(&b, isdigit((unsigned char) *from) ? "m" : "");
    for (; *from && *from != '.' && b.n < 63; from++)
        buf_add(&b, "%c", isalnum((unsigned char) *from) ? *from : '_');
    return b.n ? intern(b.at) : intern("model");
}

/* As a shell takes it. */
Str shell_word(Str text)
{
    Buf b = { 0 };
    if (*text && !strpbrk(text, " $`\"\\&;|<>()*?#~!'"))
        return text;
    for (buf_add(&b, "'"); *text; text++)
        buf_add(&b, *text == '\'' ? "'\\''" : "%c", *text);
    buf_add(&b, "'");
    return intern(b.at);
}

int command_new(Options *o)
{
    if (!o->file)
        return refuse(2, "`aec new` takes a name: `aec new digits`; `--from` names what it "
                         "starts from");
    Str from = intern(o->from ? o->from : "vae");
    const Source *template = embedded_file(format(FOLDER "%s.ae", from));
    if (!template)
        return unknown_template(from);
    const size_t n = strlen(o->file);
    const bool ends = n > 3 && !strcmp(o->file + n - 3, ".ae");
    Str path = format(ends ? "%s" : "%s.ae", o->file);
    if (access(path, F_OK) == 0)
        return refuse(1, "%s is there already and is left as it is", path);
    Buf b = { 0 };
    for (const char *at = template->text, *name; *at; at = name + strlen("NAME")) {
        name = strstr(at, "NAME");
        if (!name) {
            buf_add(&b, "%s", at);
            break;
        }
        buf_add(&b, "%.*s%s", (int) (name - at), at, model_name(path));
    }
    if (!write_file(path, b.at, b.n))
        return 1;
    printf("%s: %s.\n", path, template_does(template));
    Str word = shell_word(path);
    printf("Try `aec run %s`, then `aec run %s%s`.\n", word, word, template_next(template));
    return 0;
}
