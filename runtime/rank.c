/* rank.c -- the places of numbers sorted downwards: heap sort in the output itself, so that
   training allocates nothing. */
#include "runtime.h"

static bool before(const ae_real *value, int32_t a, int32_t b)    /* a stands before b; NaN last */
{
    const ae_real u = value[a], v = value[b];
    if (u > v || (u == u && v != v))
        return true;
    if (v > u || (v == v && u != u))
        return false;
    return a < b;
}

static void sink(int32_t *heap, const ae_real *value, int at, int n)
{
    const int32_t moved = heap[at];
    for (int child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && before(value, heap[child], heap[child + 1]))
            child++;
        if (!before(value, moved, heap[child]))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

void ae_rank(int32_t *place, const ae_real *value, int n)
{
    for (int i = 0; i < n; i++)
        place[i] = i;
    for (int i = n / 2 - 1; i >= 0; i--)
        sink(place, value, i, n);
    for (int end = n - 1; end > 0; end--) {
        const int32_t last = place[0];
        place[0] = place[end];
        place[end] = last;
        sink(place, value, 0, end);
    }
    /* place[r] is now the index at rank r; turn the permutation round, cycle by
       cycle, marking with ~ */
    for (int i = 0; i < n; i++) {
        if (place[i] < 0)
            continue;
        int32_t from = i, to = place[i];
        while (to != i) {
            const int32_t next = place[to];
            place[to] = ~from;
            from = to;
            to = next;
        }
        place[i] = ~from;
    }
    for (int i = 0; i < n; i++)
        place[i] = ~place[i];
}
