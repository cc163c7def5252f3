/* calls.c -- whether a call of a function that only adds to an array is made, compiled as models are. */
#include "ae.h"

enum { BATCH = 62, ROWS = 6, COLUMNS = 3 };

static struct { ae_real y[BATCH][ROWS], dy[BATCH][COLUMNS]; } mem;
static ae_real dw[ROWS][COLUMNS];
int batch = 54;

__attribute__((noinline)) static void back(int lo, int hi)
{
    for (int i = lo; i < hi; i++)
        for (int n = 0; n < batch; n++)
            for (int j = 0; j < COLUMNS; j++)
                dw[i][j] += mem.dy[n][j] * mem.y[n][i];
}

int main(void)
{
    int wrong = 0;
    for (int n = 0; n < BATCH; n++) {
        for (int i = 0; i < ROWS; i++)
            mem.y[n][i] = (n * 7 + i * 3) % 11;
        for (int j = 0; j < COLUMNS; j++)
            mem.dy[n][j] = (n * 5 + j * 2) % 13 - 6;
    }
    back(0, ROWS);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++) {
            volatile ae_real sum = 0;
            for (int n = 0; n < batch; n++)
                sum += mem.dy[n][j] * mem.y[n][i];
            wrong += sum != dw[i][j];
        }
    if (wrong)
        printf("%d sums are wrong\n", wrong);
    return wrong > 0;
}
