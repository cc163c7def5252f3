/* options.c -- the command line, read by two tables: the commands in main.c and the
 * flags in options.def. */
#include "runtime.h"
#include <ctype.h>

Options opt;

typedef enum { TEXT, COUNT, SEED, NUMBER, FILES, SWITCH, JSON } Kind;
typedef struct { const char *name; size_t at; Kind kind; const char *takes, *commands, *with, *text; } Flag;

static const Flag flags[] = {
#define FLAG(name, field, kind, takes, commands, with, text) { name, offsetof(Options, field), kind, takes, commands, with, text },
#include "options.def"
#undef FLAG
};
enum { NFLAGS = sizeof flags / sizeof *flags };
static bool given[NFLAGS];

static bool knows(const char *command, const Flag *f)
{
    for (int k = 0; k < ncommands; k++)
        if (strcmp(commands[k].name, command) == 0)
            return strchr(f->commands, '*') || strchr(f->commands, commands[k].letter);
    return false;
}

/* -o FILE, but --out DIR and --c. */
static const char *dashes(const Flag *f)
{
    return strlen(f->name) > 1 || f->kind == SWITCH ? "--" : "-";
}

/* ---- help ----------------------------------------------------------------------------------- */
static void show_flags(const char *command)
{
    printf("\noptions:\n");
    for (int k = 0; k < NFLAGS; k++) {
        if (!knows(command, &flags[k]))
            continue;
        char *const s = form("%s%s%s%s", dashes(&flags[k]), flags[k].name,
                             flags[k].takes ? " " : "", flags[k].takes ? flags[k].takes : "");
        printf("  %-18s %s\n", s, flags[k].text);
        free(s);
    }
}

static void show_help(const char *command)
{
    if (command) {
        for (int k = 0; k < ncommands; k++)
            if (strcmp(commands[k].name, command) == 0)
                printf("%s %s%s%s\n%s\n", opt.program, command, *commands[k].takes ? " " : "",
                       commands[k].takes, commands[k].does);
        show_flags(command);
        return;
    }
    printf("%s: a trainer of the model %s (%s)\n\ncommands:\n", opt.program, ae_model.name,
           ae_model.file);
    for (int k = 0; k < ncommands; k++)
        printf("  %-12s %s\n", commands[k].name, commands[k].does);
    if (ranks_mpi)
        printf("\nmpirun -n N %s train: N processes share each batch.\n", opt.program);
    printf("\n%s COMMAND --help tells the options of one.\n", opt.program);
}

/* ---- parsing -------------------------------------------------------------------------------- */
static const Flag *find_flag(const char *word, const char *command)
{
    const char *names[NFLAGS];
    int n = 0;
    const char *const bare = word[1] == '-' ? word + 2 : word + 1;
    for (int k = 0; k < NFLAGS; k++) {
        if (!knows(command, &flags[k]))
            continue;
        if (strcmp(bare, flags[k].name) == 0
            && (word[1] == '-') == (strlen(dashes(&flags[k])) > 1))
            return &flags[k];
        names[n++] = flags[k].name;
    }
    const int like = nearest(bare, names, n);
    if (like >= 0)
        usage("%s knows no option %s; did you mean %s%s?", command, word,
              strlen(names[like]) > 1 ? "--" : "-", names[like]);
    usage("%s knows no option %s; see %s %s --help", command, word, opt.program, command);
}

static uint64_t whole_of(const Flag *f, const char *s, uint64_t most)
{
    uint64_t v = 0;
    if (!*s || strlen(s) > 20)
        usage("%s%s takes a whole number, not \"%s\"", dashes(f), f->name, s);
    for (const char *p = s; *p; p++)
        if (!isdigit((unsigned char) *p) || __builtin_mul_overflow(v, 10u, &v)
            || __builtin_add_overflow(v, (uint64_t) (*p - '0'), &v) || v > most)
            usage("%s%s takes a whole number up to %llu, not \"%s\"", dashes(f), f->name,
                  (unsigned long long) most, s);
    return v;
}

static void take_files(int argc, char **argv, int *k, char ***files, int *n)
{
    *files = argv + *k + 1;
    while (*k + 1 < argc && argv[*k + 1][0] != '-') {
        ++*k;
        ++*n;
    }
}

static void take(const Flag *f, int argc, char **argv, int *k)
{
    void *const at = (char *) &opt + f->at;
    if (given[f - flags])
        usage("%s is given twice", argv[*k]);
    given[f - flags] = true;
    if (f->kind == SWITCH) {
        *(bool *) at = true;
        return;
    }
    if (*k + 1 >= argc)
        usage("%s needs %s after it", argv[*k], f->takes);
    if (f->kind == FILES) {
        const bool train = f->at == offsetof(Options, train);
        take_files(argc, argv, k, train ? &opt.train : &opt.test,
                   train ? &opt.ntrain : &opt.ntest);
        if (!(train ? opt.ntrain : opt.ntest))
            usage("--%s needs %s after it", f->name, f->takes);
        return;
    }
    const char *const value = argv[++*k];
    switch (f->kind) {
    case TEXT:
        if (!*value)
            usage("%s%s needs %s after it", dashes(f), f->name, f->takes);
        *(const char **) at = value;
        break;
    case COUNT:
        if (f->at == offsetof(Options, n))
            opt.n = (long) whole_of(f, value, 1u << 30);
        else
            *(int *) at = (int) whole_of(f, value, f->at == offsetof(Options, threads) ? 1024 : 1u << 30);
        if (strspn(value, "0") == strlen(value))
            usage("%s%s takes a number from 1", dashes(f), f->name);
        break;
    case SEED:  opt.seed = whole_of(f, value, UINT64_MAX); opt.has_seed = true; break;
    case NUMBER:
        if (!parse_number(value, at) || *(double *) at <= 0)
            usage("--%s takes a number above 0, not \"%s\"", f->name, value);
        break;
    case JSON:
        if (strcmp(value, "json") != 0)
            usage("--log takes json, not \"%s\"", value);
        opt.log_json = true;
        break;
    default: break;
    }
}

/* Whether word, of a flag's `with`, is on the command line: a flag, what to show, the ending of -o. */
static bool is_said(const char *word)
{
    for (int k = 0; k < NFLAGS; k++)
        if (given[k] && strcmp(word + strspn(word, "-"), flags[k].name) == 0)
            return true;
    for (int k = 0; k < opt.nargs; k++)
        if (strcmp(word, opt.args[k]) == 0)
            return true;
    return word[0] == '.' && opt.output && has_ending(opt.output, word);
}

static void check_with(const Flag *f)
{
    bool has = false;
    char *const words = form("%s", f->with), *one_of = NULL;
    for (char *w = strtok(words, " "); w; w = strtok(NULL, " ")) {
        if (w[0] == '!' && is_said(w + 1))
            usage("%s%s and %s do not go together", dashes(f), f->name, w + 1);
        if (w[0] == '!')
            continue;
        has |= is_said(w);
        one_of = one_of ? form("%s or %s", one_of, w) : w;
    }
    if (one_of && !has)
        usage("%s%s needs %s beside it", dashes(f), f->name, one_of);
}

static int find_command(const char *word)
{
    const char *names[32];
    for (int k = 0; k < ncommands; k++) {
        names[k] = commands[k].name;
        if (strcmp(word, names[k]) == 0)
            return k;
    }
    const int like = nearest(word, names, ncommands);
    if (like >= 0)
        usage("there is no command %s; did you mean %s?", word, names[like]);
    usage("there is no command %s; see %s --help", word, opt.program);
}

int options_parse(int argc, char **argv)
{
    opt.program = argc ? argv[0] : "trainer";
    opt.seconds = 3;
    if (argc < 2) {
        show_help(NULL);
        return -2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0
        || strcmp(argv[1], "help") == 0) {
        show_help(NULL);
        return -1;
    }
    const int c = find_command(argv[1]);
    opt.command = commands[c].name;
    opt.args = need((size_t) argc, sizeof *opt.args);
    for (int k = 2; k < argc; k++) {
        if (strcmp(argv[k], "-h") == 0)
            opt.help = true;
        else if (argv[k][0] == '-' && argv[k][1])
            take(find_flag(argv[k], opt.command), argc, argv, &k);
        else
            opt.args[opt.nargs++] = argv[k];
    }
    if (opt.help) {
        show_help(opt.command);
        return -1;
    }
    if (opt.nargs && !commands[c].args)
        usage("%s takes options alone, and \"%s\" is none; see %s %s --help", opt.command,
              opt.args[0], opt.program, opt.command);
    if (opt.nargs != commands[c].args)
        usage("usage: %s %s %s", opt.program, opt.command, commands[c].takes);
    for (int k = 0; k < NFLAGS; k++)
        if (given[k] && flags[k].with)
            check_with(&flags[k]);
    return c;
}
