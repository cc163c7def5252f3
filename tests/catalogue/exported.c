/* exported.c -- calls a function that `export --c` wrote: rows of numbers in, rows out.
 *
 *     cc -DHEADER='"net.h"' -DCALL=net_encode -DTAKES=float -DIN=64 -DOUT=8 exported.c net.c -lm */
#include HEADER
#include <stdio.h>

int main(void)
{
    static TAKES in[IN];
    static float out[OUT];
#ifdef CODE
    static float code[CODE];
#endif
    for (;;) {
        for (int k = 0; k < IN; k++) {
            double v;
            if (scanf("%lf", &v) != 1)
                return 0;
            in[k] = (TAKES) v;
        }
#ifdef SCALE
        SCALE(in);
#endif
#ifdef CODE
        CALL(in, out, code);
#else
        CALL(in, out);
#endif
        for (int k = 0; k < OUT; k++)
            printf("%.9g ", out[k]);
    }
}
