/* commands.h -- the compiler's commands, and the options that they share. */
#ifndef COMMANDS_H
#define COMMANDS_H
#include "driver.h"

#define AEC_VERSION "0.1"

typedef struct Options {
    const char *file, *out, *schedule, *real, *target, *gemm, *cc, *stage, *graph, *from;
    bool sanitize, keep, check, profile, mpi, verbose, json, only_check, html;
    SettingList defines;
    char **rest;            /* after `--` */
    int nrest;
} Options;

int command_run(Options *o);
int command_build(Options *o);
int command_emit(Options *o);
int command_check(Options *o);
int command_show(Options *o);
int command_fmt(Options *o);
int command_doc(Options *o);        /* doc.c */
int command_explain(Options *o);    /* doc.c */
int command_new(Options *o);        /* new.c */
Str shell_word(Str text);           /* new.c */
int command_tune(Options *o);       /* tune.c */
/* tune.c: what was measured for this file; NULL after a message */
Str tuned_gemm(const char *file, Str otherwise);

#endif
