/* text.h -- reads a program of the intermediate form from text, for tests.
 *
 *     in x[5n, 3]         an input with an axis of examples       int k[5n] of 4      whole-number input
 *     param w[3, 4]       trained                                 temp h[5n, 6]
 *     length len[5n]      and then  in x[5n, ..6, 3]: the second axis as long as len says
 *     state m[3]
 *     h[n, j] = b[j] + sum(i) x[n, i] * w[i, j]   also += max= min= *=, `where` at the end
 *     scan t < 6 down { ... }
 *     g = gradient(s, x)
 *     y = reshape(x)
 *
 * An index ranges over the first axis at which it stands alone, or as `sum(u < 3)` says. Every subscript that
 * is not a bare index of the axis' own size is checked. Draws get all indices bound around as keys. */
#ifndef TEXT_H
#define TEXT_H
#include "../../compiler/program.h"

typedef struct { Str name; Tensor *tensor; } Named;
typedef struct Text {
    Module *module;
    Program *program;
    Tensor *batch;              /* the clock that example axes go by */
    VEC(Named) names;
} Text;

Text *text_read(const char *text);
Tensor *text_tensor(Text *t, const char *name);

#endif
