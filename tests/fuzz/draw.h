/* draw.h -- numbers that a counter alone decides, so that a round can be repeated: splitmix64 (Steele et al. 2014). */
#ifndef DRAW_H
#define DRAW_H
#include <stdint.h>

static uint64_t counter;

static uint64_t draw(void)
{
    uint64_t z = (counter += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
#endif
