/* base.h -- what every stage stands on: memory, interned names, text, places, diagnostics.
 *
 * All nodes live in the arena of the compilation and are never freed singly: the process is the
 * owner. Names are interned, so two equal names are the same pointer. */
#ifndef BASE_H
#define BASE_H
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- memory -------------------------------------------------------------------------- base.c */
void *alloc(size_t bytes);    /* zeroed; ends the process when there is none */
#define NEW(T) ((T *) alloc(sizeof(T)))
#define COPY(p) memcpy(alloc(sizeof *(p)), p, sizeof *(p))      /* of what p points to */

#define VEC(T) struct { T *at; int n, room; }       /* a list that grows; zeroed means empty */
#define PUSH(v, x) \
    (vec_room((void **) &(v).at, (v).n, &(v).room, sizeof *(v).at), (v).at[(v).n++] = (x))
void vec_room(void **at, int n, int *room, size_t size);
/* For each x of a list, which may come from a call and must not grow meanwhile;
   EACH_AT: x points to it. */
#define EACH(x, list) \
    OF_LIST(x, list) \
        for (__typeof__(*x##_of.at) *x##_at = x##_of.at, x; \
             x##_at < x##_of.at + x##_of.n && ((x = *x##_at), true); x##_at++)
#define EACH_AT(x, list) \
    OF_LIST(x, list) for (__typeof__(x##_of.at + 0) x = x##_of.at; x < x##_of.at + x##_of.n; x++)
#define OF_LIST(x, list) \
    for (__typeof__(list) x##_of = (list), *x##_once = &x##_of; x##_once; x##_once = NULL)
/* The same for the rows of an array. */
#define EACH_ROW(x, array) \
    for (__typeof__(&*(array)) x = (array); x < (array) + COUNT(array); x++)
/* FIND: the first x of a list of pointers for which c holds, NULL for none; FIND_AT: of any list,
 * a pointer to it. FIRST: the first of the numbers below n, -1 for none; ANY, ALL: whether c holds
 * for one, or for all of them. */
#define FIND_BY(each, type, x, list, c) \
    __extension__ ({ type x##_is = NULL; each(x, list) if (c) { x##_is = x; break; } x##_is; })
#define FIND(x, list, c) FIND_BY(EACH, __typeof__(*(list).at), x, list, c)
#define FIND_AT(x, list, c) FIND_BY(EACH_AT, __typeof__((list).at + 0), x, list, c)
#define FIRST(k, n, c) \
    __extension__ ({ \
        int k##_is = -1; \
        for (int k = 0; k##_is < 0 && k < (n); k++) \
            if (c) \
                k##_is = k; \
        k##_is; \
    })
#define ANY(k, n, c) (FIRST(k, n, c) >= 0)
#define ANY_BY(each, x, list, c) \
    __extension__ ({ bool x##_is = false; each(x, list) if (c) { x##_is = true; break; } x##_is; })
#define ALL(k, n, c) (!ANY(k, n, !(c)))
#define COUNT(array) ((int) (sizeof (array) / sizeof *(array)))
#define PUSH_ALL(list, more) \
    do { \
        EACH(x_, more) \
            PUSH(list, x_); \
    } while (0)
#define HAS(list, x) vec_has((list).at, (list).n, x)    /* of lists of pointers */
#define PUSH_NEW(list, x) do { if (!HAS(list, x)) PUSH(list, x); } while (0)     /* once */
#define SWAP(a, b) do { __typeof__(a) was_ = a; a = b; b = was_; } while (0)
/* Puts x before place k, or takes the place out; those behind it move. */
#define INSERT(list, k, x) do { \
    PUSH(list, x); \
    for (int j_ = (list).n - 1; j_ > (k); j_--) \
        SWAP((list).at[j_], (list).at[j_ - 1]); \
} while (0)
/* Puts x before those at the end of the list for which c holds, each as y. */
#define INSERT_BEFORE(list, x, y, c) do { \
    int at_ = (list).n; \
    for (__typeof__(*(list).at) y; at_ > 0 && (y = (list).at[at_ - 1], (c)); ) \
        at_--; \
    INSERT(list, at_, x); \
} while (0)
#define REMOVE(list, k) \
    memmove(&(list).at[k], &(list).at[(k) + 1], (size_t) (--(list).n - (k)) * sizeof *(list).at)
bool vec_has(const void *at, int n, const void *x);
void alloc_release(void);    /* all of it, names too: for tests that compile thousands of files */

/* ---- names --------------------------------------------------------------------------- base.c */
typedef const char *Str;                            /* interned: compare with == */
Str intern(const char *text);
Str intern_n(const char *text, size_t length);
Str format(const char *how, ...) __attribute__((format(printf, 1, 2)));   /* an interned sprintf */
Str bytes_text(double v);                           /* 7.6 GiB */
bool has_word(const char *text, Str word);           /* by itself, not as a part of another */
Str format_v(const char *how, va_list args);
/* FNV-1a; begin with HASH_NONE */
uint64_t hash_more(uint64_t hash, const char *text, size_t length);
#define HASH_NONE 14695981039346656037u

/* ---- text ---------------------------------------------------------------------------- base.c */
typedef struct { char *at; size_t n, room; } Buf;  /* always ends in a zero byte once written to */
void buf_add(Buf *b, const char *how, ...) __attribute__((format(printf, 2, 3)));
void buf_put(Buf *b, const char *text, size_t length);
/* A line, indented. */
void buf_line(Buf *b, int depth, const char *how, ...) __attribute__((format(printf, 3, 4)));
Str c_string(const char *text);                     /* a C string literal, quotes included */
/* The shortest decimal that reads back as the same double: 0.1, 1e-08, 5, inf, nan. */
Str number_text(double v);
double number_read(const char *text);               /* strtod, whatever the user's locale is */

/* ---- places -------------------------------------------------------------------------- diag.c */
typedef struct Source {
    Str name;               /* as the user gave it, for messages */
    const char *text;       /* whole file, zero at the end */
    size_t length;
    bool prelude;           /* part of the standard library */
} Source;

typedef struct {
    const Source *source;   /* NULL: nowhere in particular */
    int line, col;          /* from 1; columns count bytes */
    int end_line, end_col;  /* one past the last byte */
} Place;

Place place_join(Place first, Place last);
Str place_line(Place p);    /* the text of its first line, without the spaces at both ends */

/* ---- diagnostics ----------------------------------------------------------------------- diag.c
 * The user's mistakes: one row of diag.def each. Our own: bug().
 * report() prints nothing at once; diag_flush() prints all, in the order of the file,
 * to stderr or as JSON. */
typedef enum {
#define DIAG(name, code, level, text) DIAG_##name,
#include "diag.def"
#undef DIAG
    DIAG_COUNT
} Diag;

/* The row's text is the format; behind a line break it is the help. */
void report(Place place, Diag which, ...);
void vreport(Place place, Diag which, va_list args);
void report_nothing(void);                          /* what is added next goes nowhere */
/* Adds a second place to the last report. */
#define report_note(place, ...) diag_note(place, format(__VA_ARGS__))
#define report_help(...) diag_help(format(__VA_ARGS__))                 /* the way out, one line */
void diag_note(Place place, Str text);
void diag_help(Str text);
int  diag_errors(void);                             /* errors reported so far */
void diag_flush(FILE *to, bool json);               /* prints and forgets */
/* The name in `names` nearest to `word` if it is near enough to be a slip of
   the finger, else NULL. */
Str  nearest(Str word, const Str *names, int n);
void bug(const char *how, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
