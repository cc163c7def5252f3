/* checkpoint.h -- a training's state on disk, shared by train.c and checkpoint.c. */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H
typedef struct { ae_real *params; void **state; } Best;     /* the weights with the least validation loss; NULL: none */
void best_make(Best *b);
void best_keep(Best *b);
void best_restore(Best *b);
void best_drop(Best *b);
/* All ranks call it, the first writes. */
void checkpoint_write(const char *path, const Position *at, const Best *best);
/* at->sum has room for every phase's terms */
void checkpoint_read(const char *path, Position *at, Best *best);
#endif
