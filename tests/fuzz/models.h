/* models.h -- what the writers of random models share: numbers that depend on the round alone, text, shapes.
 *
 * models.c     declarations: input and data, networks, bottlenecks, terms, tasks, phases
 * formulas.c   definitions in index notation */
#ifndef MODELS_H
#define MODELS_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef enum { VECTOR = 1, STEPS = 2, IMAGE = 4, WORDS = 8, LEVELS = 16 } Kind;

/* What an example is on its way: sizes without the axis of examples. */
typedef struct {
    Kind kind;
    int rank, size[3];
    bool ragged;            /* STEPS and WORDS: each example has a length of its own, up to size[0] */
    int of;                 /* WORDS and LEVELS: how many values there are */
} Shape;

int below(int n);
int between(int least, int most);
bool one_in(int n);
void put(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define PICK(...) (((const char *const[]) { __VA_ARGS__ })[below((int) (sizeof (const char *[]) { __VA_ARGS__ } / sizeof (char *)))])

void begin_definition(void);        /* what is put from here on stands at the end of the file */
void end_definition(void);

/* Each writes a definition and puts its name. */
void own_layer(Shape *s);
void own_loss(int units);           /* of h[n, units], a value for each example */
void own_loss_of_batch(int units);  /* one for all */
void own_view(const Shape *s);
void own_latent(int features);      /* for codes of any number of units */
extern int beside;                  /* columns of the second input `c` that own layers take; 0: none */
#endif
