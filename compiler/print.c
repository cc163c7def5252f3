#include "syntax.h"
void syn_print(Buf *b, const Syn *e) { (void) e; buf_put(b, "", 0); }
void stat_print(Buf *b, const Stat *s) { (void) s; buf_put(b, "", 0); }
void format_file(Buf *b, const Source *source) { (void) source; buf_put(b, "", 0); }
