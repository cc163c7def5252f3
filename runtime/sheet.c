/* sheet.c -- a picture to draw on: dots, words in a small face of its own, a frame with
 * numbers on its axes. */
#include "runtime.h"
#include <ctype.h>

/* Digits, letters and marks, three dots by five, a row of three bits each, from above. */
static const uint16_t digits[] = { 075557, 026227, 071747, 071717, 055711, 074717, 074757, 071111, 075757, 075717 };
static const uint16_t letters[] = { 025755, 065656, 034443, 065556, 074647, 074644, 034553, 055755, 072227, 011152, 055655, 044447, 057755,
                                    065555, 025552, 065644, 025563, 065655, 034216, 072222, 055557, 055522, 055775, 055255, 055222, 071247 };
static const struct { char mark; uint16_t dots; } marks[] = { { '-', 0700 }, { '.', 02 }, { '+', 02720 } };

Sheet sheet_new(int wide, int high)
{
    const Sheet s = { need((size_t) wide * (size_t) high, 3), wide, high };
    memset(s.pixel, 255, (size_t) wide * (size_t) high * 3);
    return s;
}

void sheet_write(Sheet *s)
{
    png_write(opt.output, s->pixel, s->wide, s->high, 3);
    free(s->pixel);
}

void sheet_put(Sheet *s, int x, int y, uint32_t colour)
{
    if (x < 0 || y < 0 || x >= s->wide || y >= s->high)
        return;
    uint8_t *const p = s->pixel + 3 * ((long) y * s->wide + x);
    p[0] = (uint8_t) (colour >> 16);
    p[1] = (uint8_t) (colour >> 8);
    p[2] = (uint8_t) colour;
}

void sheet_line(Sheet *s, double x, double y, double dx, double dy, uint32_t colour)
{
    const int steps = 1 + (int) fmax(fabs(dx), fabs(dy));
    for (int k = 0; k <= steps; k++)
        sheet_put(s, (int) lround(x + dx * k / steps), (int) lround(y + dy * k / steps), colour);
}

static uint16_t dots_of(char c)
{
    if (isdigit((unsigned char) c))
        return digits[c - '0'];
    if (isalpha((unsigned char) c))
        return letters[toupper((unsigned char) c) - 'A'];
    for (size_t k = 0; k < sizeof marks / sizeof *marks; k++)
        if (marks[k].mark == c)
            return marks[k].dots;
    return 0;
}

void sheet_text(Sheet *s, int x, int y, int zoom, const char *text)
{
    for (; *text; text++, x += 4 * zoom)
        for (int i = 0; i < 5 * zoom; i++)
            for (int j = 0; j < 3 * zoom; j++)
                if (dots_of(*text) >> (14 - i / zoom * 3 - j / zoom) & 1)
                    sheet_put(s, x + j, y + i, 0x404040);
}

/* ---- axes ----------------------------------------------------------------------------------- */
/* Some room around what is between low and high, be it one place. */
void axis_widen(double *low, double *high)
{
    if (!isfinite(*high - *low))
        *low = *high = 0;
    const double room = *high > *low ? (*high - *low) / 40 : 0.5;
    *low -= room;
    *high += room;
}

/* At most seven, at multiples of 1, 2 or 5 times a power of ten. */
Ticks axis_ticks(double low, double high)
{
    Ticks t = { 0 };
    const double least = (high - low) / 6;
    t.step = pow(10, floor(log10(least)));
    t.step *= t.step >= least ? 1 : 2 * t.step >= least ? 2 : 5 * t.step >= least ? 5 : 10;
    t.first = ceil(low / t.step);
    t.n = (int) (floor(high / t.step) - t.first) + 1;
    for (int k = 0; k < t.n; k++)
        t.letters = ae_imax(t.letters, snprintf(NULL, 0, TICK, tick_at(&t, k)));
    return t;
}

double tick_at(const Ticks *t, int k) { return (t->first + k) * t->step; }

double frame_x(const Frame *f, double v) { return f->left + f->zoom[0] * (v - f->low[0]); }
double frame_y(const Frame *f, double v)
{
    return f->top + f->high - f->zoom[1] * (v - f->low[1]);
}

enum { LETTER = 8, TALL = 10, GAP = 6 };

/* What the numbers of an upright axis take. */
int sheet_margin(double low, double high)
{
    return LETTER * axis_ticks(low, high).letters + 2 * GAP;
}

void sheet_frame(Sheet *s, const Frame *f)
{
    const uint32_t grey = 0xb0b0b0;
    const int low = f->top + f->high;
    for (int side = 0; side < 2; side++) {
        sheet_line(s, f->left + side * f->wide, f->top, 0, f->high, grey);
        sheet_line(s, f->left, f->top + side * f->high, f->wide, 0, grey);
    }
    for (int axis = 0; axis < 2; axis++) {
        const Ticks t = axis_ticks(f->low[axis],
                                   f->low[axis] + (axis ? f->high : f->wide) / f->zoom[axis]);
        for (int k = 0; k < t.n; k++) {
            char text[32];
            const int takes = LETTER * snprintf(text, sizeof text, TICK, tick_at(&t, k)) - 2;
            const int x = (int) lround(frame_x(f, tick_at(&t, k)));
            const int y = (int) lround(frame_y(f, tick_at(&t, k)));
            sheet_line(s, axis ? f->left - 3 : x, axis ? y : low, axis ? 3 : 0, axis ? 0 : 3,
                       grey);
            sheet_text(s, axis ? f->left - GAP - takes : x - takes / 2,
                       axis ? y - TALL / 2 : low + GAP, 2, text);
        }
    }
}
