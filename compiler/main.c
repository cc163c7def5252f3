/* main.c -- the compiler's command line: one table of commands, one of flags.
 *
 * Exit status: 0 done, 1 it failed (disk), 2 wrong usage, 3 diagnostics of the .ae, 4
 * the C compiler failed. */
#define _GNU_SOURCE
#include "commands.h"
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static const struct {
    const char *name;
    char letter;
    int (*run)(Options *);
    const char *args, *does;
} commands[] = {
    { "run", 'r', command_run, "FILE.ae [-- ARGS]",
      "compile (cached) and run the trainer; without ARGS: train" },
    { "build", 'b', command_build, "FILE.ae [-o BIN]", "compile to a trainer binary" },
    { "emit", 'e', command_emit, "FILE.ae -o DIR",
      "write the self-contained program: C, runtime, Makefile" },
    { "check", 'c', command_check, "FILE.ae", "diagnose only" },
    { "show", 's', command_show, "FILE.ae",
      "the layers as a table; --graph FILE.svg as a picture; --ir STAGE prints the program after "
      "a pass" },
    { "tune", 't', command_tune, "FILE.ae",
      "time who computes matrix products; `--gemm auto` then follows FILE.ae.tune" },
    { "fmt", 'f', command_fmt, "FILE.ae",
      "put into the one layout; --check only says whether it is" },
    { "doc", 'd', command_doc, "[NAME]",
      "what a layer, loss or task is: text, signature, definition" },
    { "explain", 'x', command_explain, "AE0123", "a diagnostic at length" },
    { "new", 'n', command_new, "NAME", "a started .ae file; --from TEMPLATE" },
};

/* Which commands know a flag, by their letters, and where its value goes in Options. */
#define COMPILES "rbecst"
#define AT(field) offsetof(Options, field)
static const struct {
    const char *name, *value;
    enum { TEXT, FLAG, DEFINE } kind;
    const char *of;
    size_t at;
    const char *does;
} flags[] = {
    { "-o", "PATH", TEXT, "bed", AT(out), "where to write" },
    { "-D", "name=value", DEFINE, COMPILES, 0, "overrides a `set`" },
    { "--schedule", "fast|plain", TEXT, COMPILES, AT(schedule),
      "kernels and threads, or the loops to read" },
    { "--real", "f32|f64", TEXT, COMPILES, AT(real), "the type of numbers" },
    { "--target", "native|v4|v3|v2|generic", TEXT, COMPILES, AT(target), "the processor" },
    { "--gemm", "auto|generated|openblas", TEXT, COMPILES, AT(gemm),
      "what computes matrix products" },
    { "--cc", "PROGRAM", TEXT, COMPILES, AT(cc), "the C compiler" },
    { "--mpi", NULL, FLAG, COMPILES, AT(mpi),
      "a trainer whose steps several processes share: mpirun -n 4 BIN train" },
    { "--sanitize", NULL, FLAG, COMPILES, AT(sanitize),
      "with address and undefined-behaviour sanitizers" },
    { "--keep", NULL, FLAG, COMPILES, AT(keep), "keep the folder with the C" },
    { "--gradcheck", NULL, FLAG, COMPILES, AT(check),
      "the twin that `gradcheck` runs: double, plain, held draws" },
    { "--profile", NULL, FLAG, COMPILES, AT(profile),
      "a trainer that times each statement, for `bench --profile`" },
    { "-v", NULL, FLAG, COMPILES, AT(verbose), "show the compiler's command line" },
    { "--json", NULL, FLAG, COMPILES, AT(json), "diagnostics as JSON" },
    { "--ir", "STAGE", TEXT, "s", AT(stage),
      "elaborate, split, differentiate, simplify ...; plan draws the memory" },
    { "--graph", "FILE.svg", TEXT, "s", AT(graph), "show: the layers as a picture" },
    { "--check", NULL, FLAG, "f", AT(only_check),
      "fmt: change nothing, exit 1 where something would" },
    { "--from", "TEMPLATE", TEXT, "n", AT(from), "new: what to start from" },
    { "--html", NULL, FLAG, "d", AT(html), "doc: the whole reference as a page" },
};

enum { NCOMMANDS = sizeof commands / sizeof *commands, NFLAGS = sizeof flags / sizeof *flags };

static int usage(FILE *to)
{
    fprintf(to, "aec compiles .ae files, which describe autoencoders, into trainers.\n\n");
    for (int k = 0; k < NCOMMANDS; k++)
        fprintf(to, "    aec %-8s%-20s%s\n", commands[k].name, commands[k].args, commands[k].does);
    fprintf(to, "\n");
    for (int k = 0; k < NFLAGS; k++)
        fprintf(to, "    %-11s%-25s%s\n", flags[k].name, flags[k].value ? flags[k].value : "",
                flags[k].does);
    return to == stderr ? 2 : 0;
}

static int unknown(const char *what, const char *word, bool command)
{
    StrList names = { 0 };
    for (int k = 0; k < (command ? (int) NCOMMANDS : (int) NFLAGS); k++)
        PUSH(names, intern(command ? commands[k].name : flags[k].name));
    return refuse_word(word, &names, format("%s `%s` is not known", what, word),
                       "; `aec --help` lists them");
}

static bool define(Options *o, const char *text)
{
    const char *equals = strchr(text, '=');
    char *end;
    if (!equals || equals == text)
        return false;
    const char *number = equals + 1;
    const bool inf = !strcmp(number + (*number == '-'), "inf");
    Syn *v = NEW(Syn);
    v->kind = SYN_num;
    v->num = strtod(number, &end);
    if (!*number || *end || (!inf && (number[strspn(number, "0123456789+-.eE")] || !isfinite(v->num))))
        return false;
    PUSH(o->defines, ((Setting) { intern_n(text, (size_t) (equals - text)), v, (Place) { 0 } }));
    return true;
}

/* Takes one word of the command line; false after a message. */
static bool take_flag(Options *o, int command, int argc, char **argv, int *at)
{
    for (int k = 0; k < NFLAGS; k++) {
        const size_t n = strlen(flags[k].name);
        const char *word = argv[*at], *value = NULL;
        if (!strcmp(word, flags[k].name)) {
            if (flags[k].value)
                value = *at + 1 < argc ? argv[++*at] : NULL;
        } else if (flags[k].value && n > 2 && !strncmp(word, flags[k].name, n) && word[n] == '=')
            value = word + n + 1;
        else if (flags[k].kind == DEFINE && !strncmp(word, "-D", 2) && word[2])
            value = word + 2;
        else
            continue;
        if (!strchr(flags[k].of, commands[command].letter))
            return refuse(false, "`aec %s` has no flag `%s`; `aec --help` tells whose it is",
                          commands[command].name, flags[k].name);
        if (flags[k].kind == FLAG) {
            *(bool *) ((char *) o + flags[k].at) = true;
            return true;
        }
        if (!value || !*value || (flags[k].kind == DEFINE && !define(o, value)))
            return refuse(false, "`%s` takes %s", flags[k].name, flags[k].value);
        if (flags[k].kind == DEFINE) {
            const Setting *last = &o->defines.at[o->defines.n - 1];
            if (FIND_AT(s, o->defines, s->name == last->name) != last)
                return refuse(false, "`-D` gives `%s` twice", last->name);
            return true;
        }
        const char **const to = (const char **) ((char *) o + flags[k].at);
        if (*to)
            return refuse(false, "`%s` is given twice", flags[k].name);
        *to = value;
        return true;
    }
    unknown("the flag", argv[*at], false);
    return false;
}

static int finish(int status)
{
    if (fflush(stdout) || ferror(stdout))
        return refuse(status ? status : 1, "standard output: %s", strerror(errno));
    return status;
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "C");
    signal(SIGXFSZ, SIG_IGN);       /* a file that may not grow is an error of the write */
    if (argc < 2)
        return usage(stderr);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
        return finish(usage(stdout));
    if (!strcmp(argv[1], "--version")) {
        printf("aec %s\n", AEC_VERSION);
        return finish(0);
    }
    const int which = FIRST(k, NCOMMANDS, !strcmp(commands[k].name, argv[1]));
    if (which < 0)
        return unknown("the command", argv[1], true);
    Options o = { 0 };
    for (int k = 2; k < argc; k++) {
        if (!strcmp(argv[k], "--")) {
            o.rest = argv + k + 1;
            o.nrest = argc - k - 1;
            break;
        }
        if (!strcmp(argv[k], "--help"))
            return finish(usage(stdout));
        if (argv[k][0] == '-' && argv[k][1]) {
            if (!take_flag(&o, which, argc, argv, &k))
                return 2;
        } else if (!o.file)
            o.file = argv[k];
        else if (commands[which].run == command_run)
            return refuse(2, "what the trainer is to do stands behind `--`: aec run %s -- %s",
                          shell_word(o.file), argv[k]);
        else
            return refuse(2, "one at a time: `%s` is a second", argv[k]);
    }
    return finish(commands[which].run(&o));
}
